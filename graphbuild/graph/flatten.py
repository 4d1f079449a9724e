"""Convert a graph for pyvis and the writers of networkx, which accept only scalar attributes.

A scalar is a string, a number or a bool.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import networkx as nx

from graphbuild.graph.builder import output_attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

# Characters that XML 1.0 forbids: https://www.w3.org/TR/xml/#charsets
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def flatten(graph: nx.DiGraph[str]) -> nx.DiGraph[str]:
    r"""Return a copy of ``graph`` whose attributes are strings, numbers or bools.

    ``nx.write_graphml``, ``nx.write_gexf``, ``nx.write_gml`` and pyvis's ``from_nx`` accept the
    copy. The collections in ``related_from`` become one string, separated by spaces. Attributes
    that are None are omitted. In strings, characters that XML forbids become ``\ufffd``. The
    attribute ``id`` is renamed ``entity_id``, because these functions use ``id`` for the node key.

    Args:
        graph: A graph that :func:`graphbuild.graph.builder.build_graph` returned, or a view of it.
    """
    flat: nx.DiGraph[str] = nx.DiGraph()
    flat.graph.update(_flat(output_attributes(graph)))
    flat.add_nodes_from((key, _flat(node)) for key, node in graph.nodes(data=True))
    flat.add_edges_from(
        (source, target, _flat(edge)) for source, target, edge in graph.edges(data=True)
    )
    return flat


def _flat(attributes: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    return {
        "entity_id" if name == "id" else name: _scalar(value)
        for name, value in attributes.items()
        if value is not None
    }


def _scalar(value: object) -> str | int | float | bool:
    if isinstance(value, bool | int | float):
        return value
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)

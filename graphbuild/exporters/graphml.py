"""GraphML as Gephi, Gephi Lite, Cytoscape, igraph and networkx all read it.

What these readers do with a file was tried out, and the rules followed here come from it: keys
with stable names of their own and one of four types, unique over nodes and edges; the same keys in
every export; no defaults; texts with markup in CDATA, because Gephi loses spaces between entities;
whole six-digit colours; no size and no weight of zero; nodes before edges; an XML declaration.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from graphbuild.exporters.extra_attributes import seed_columns
from graphbuild.exporters.sanitize import ExportWarnings, write_lines
from graphbuild.exporters.xml_common import (
    edge_lines,
    place_text,
    written_ids,
)
from graphbuild.exporters.xml_schema import (
    EDGE_KEYS,
    NODE_KEYS,
    edge_facts,
    facts,
    identity,
    label_of,
    type_of,
)
from graphbuild.graph.style import check_positions, node_colour, size_scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import networkx as nx

    Positions = Mapping[str, tuple[float, float]]

_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
"""
_TAIL = "</graph>\n</graphml>\n"


def write_graphml(
    graph: nx.DiGraph[str], stream: BinaryIO, *, positions: Positions | None = None
) -> ExportWarnings:
    """Write ``graph`` to ``stream``; memory stays flat, whatever its size.

    Args:
        graph: any graph that keeps the contract of :mod:`graphbuild.graph.builder`.
        stream: where the bytes go.
        positions: a place for each node, y up; without them a reader lays the graph out itself.

    Returns:
        What could not be carried as it was.

    Raises:
        ExportError: a node key cannot be an XML id, or a node has no place; nothing is written.
    """
    warnings = ExportWarnings()
    ids, places = written_ids(graph), check_positions(graph, positions)
    seed_keys = seed_columns(graph)
    nodes = _nodes(graph, ids, places, warnings, frozenset(seed_keys))
    edges = edge_lines(graph, ids, warnings, _edge)
    write_lines(stream, chain(_head(seed_keys), nodes, edges, [_TAIL]))
    return warnings


def _head(seed_keys: Iterable[str]) -> Iterator[str]:
    yield _HEAD
    for name, kind in (NODE_KEYS | dict.fromkeys(seed_keys, "string")).items():
        yield f'<key id="{name}" for="node" attr.name="{name}" attr.type="{kind}"/>\n'
    # Some readers keep one table of keys for nodes and edges, so an edge's are told by a prefix.
    for name, kind in EDGE_KEYS.items():
        yield f'<key id="e_{name}" for="edge" attr.name="{name}" attr.type="{kind}"/>\n'
    yield '<graph id="G" edgedefault="directed">\n'


def _nodes(
    graph: nx.DiGraph[str],
    ids: Mapping[str, str],
    places: Positions,
    warnings: ExportWarnings,
    seed_keys: frozenset[str],
) -> Iterator[str]:
    size_of, degree_of, attributes_of = size_scale(graph), graph.degree, graph.nodes
    for key, targets in graph.adjacency():
        attributes = attributes_of[key]
        parts = facts(attributes, _data, warnings, seed_keys)
        parts.append(identity(attributes, targets, _data))
        parts.append(_label(attributes))
        colour = _data("color", node_colour(attributes["type"]))
        parts.append(type_of(attributes, _data, warnings) + colour)
        parts.append(_data("size", repr(size_of(degree_of[key]))))
        if places:
            x, y = place_text(places[key])
            parts.append(_data("x", x) + _data("y", y))
        parts.sort()  # by key, in whatever order the attributes became known
        yield f'<node id="{ids.get(key, key)}">{"".join(parts)}</node>\n'


def _label(attributes: dict[str, Any]) -> str:
    label = label_of(attributes)
    return _data("label", label) if label else ""


def _edge(edge: dict[str, Any], warnings: ExportWarnings) -> str:
    relation, weight, rest = edge_facts(edge, _edge_data, warnings)
    return f">{relation}{_edge_data('weight', weight)}{rest}</edge>"


def _edge_data(name: str, text: str) -> str:
    return _data(f"e_{name}", text)


def _data(key: str, text: str) -> str:
    """``text``, clean already, as the element ``key``.

    With markup in it, it stands in CDATA: Gephi loses a space that stands alone between entities.
    """
    if "&" in text or "<" in text or "]]>" in text:
        text = f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
    return f'<data key="{key}">{text}</data>'

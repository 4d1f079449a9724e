"""Convert a graph to a pyvis network, for scripts that continue with pyvis.

pyvis shows titles as HTML as soon as the title of any node contains ``href``, and writes node ids
as HTML into its menu of nodes. Texts are untrusted, so titles contain no ``<`` and no ``href``, and
node ids contain no markup characters.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from graphbuild.exporters.cti_types import collection_kind
from graphbuild.exporters.sanitize import label_text
from graphbuild.graph.clusters import has_clusters
from graphbuild.graph.layout import compute_layout
from graphbuild.graph.style import check_positions, node_fill, node_shape, size_scale
from graphbuild.models import FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyvis.network import Network

    from graphbuild.graph.builder import Graph
    from graphbuild.graph.style import Positions

_MAX_TITLE = 300  # characters
_MARKUP = re.compile("[<>\"'&%]")
_QUOTE = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"


def to_pyvis(graph: Graph, *, positions: Positions | None = None, **options: Any) -> Network:  # noqa: ANN401  those of pyvis
    """Return a pyvis network with the nodes and edges of ``graph``, in the same order.

    Nodes are colored by cluster or, in a graph without clusters, by type.

    Args:
        graph: A graph as :func:`graphbuild.graph.builder.build_graph` returns it, or a view of one.
        positions: Position of each node, y upwards. If None or empty, the layout is computed.
        options: Arguments of ``pyvis.network.Network``, such as ``height`` or ``notebook``.

    Raises:
        ExportError: ``positions`` has no finite position for a node.
    """
    from pyvis.network import Network  # noqa: PLC0415  slow to import: it loads IPython

    positions = check_positions(graph, positions) or compute_layout(graph)
    network = Network(**{"directed": True, "cdn_resources": "in_line", **options})
    # add_node() and add_edge() search these lists, which takes minutes for large graphs.
    network.nodes = _nodes(graph, positions)
    network.node_ids = [node["id"] for node in network.nodes]
    network.node_map = dict(zip(network.node_ids, network.nodes, strict=True))
    network.edges = [
        {"from": _id(source), "to": _id(target), "title": _title(_edge_text(edge)), "arrows": "to"}
        for source, target, edge in graph.edges(data=True)
    ]
    network.toggle_physics(status=False)
    network.options.edges.smooth.enabled = False  # curves need the force simulation
    return network


def _nodes(graph: Graph, positions: Positions) -> list[dict[str, Any]]:
    radius, by_cluster = size_scale(graph), has_clusters(graph)
    return [
        {
            "id": _id(key),
            "label": label_text(str(node["label"])),
            "title": _title(f"{_full_name(node)} ({node['type']})"),
            "color": node_fill(node, by_cluster=by_cluster),
            "shape": node_shape(node["type"], collection_kind(node)),
            "size": radius(graph.degree[key]),
            "x": round(float(positions[key][0]), 1),
            "y": round(0.0 - float(positions[key][1]), 1),  # y grows downwards in pyvis
        }
        for key, node in graph.nodes(data=True)
    ]


def _full_name(node: Mapping[str, Any]) -> str:
    """Return the label of a node, or the whole hash of a file, of which labels show only a part."""
    name = node["id"] if node["type"] == FILE else node["label"]
    return label_text(str(name), _MAX_TITLE)


def _edge_text(edge: Mapping[str, Any]) -> str:
    weight = edge.get("weight", 1)
    return f"{edge.get('relation', '')}" + (f", weight {weight}" if weight != 1 else "")


def _id(key: str) -> str:
    """Return a node key with markup characters percent-encoded; most keys have none."""
    return _MARKUP.sub(lambda match: quote(match[0]), key)


def _title(text: str) -> str:
    """Return text that is harmless as HTML, and does not make pyvis show titles as HTML."""
    return text.replace("<", _QUOTE).replace("href", "hre\N{ZERO WIDTH SPACE}f")

"""GraphML that Gephi, Gephi Lite, Cytoscape, igraph and networkx all read.

The rules followed here come from tests with these readers: the same keys in every export, with
stable names, one of four types, and unique over nodes and edges; no defaults; texts with markup in
CDATA, because Gephi loses spaces between entities; six-digit colors; no size and no weight of zero;
nodes before edges; an XML declaration.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from graphbuild.exporters.columns import XML, NodeColumns
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.sanitize import write_lines
from graphbuild.exporters.xml_common import (
    edge_declarations,
    edge_lines,
    escaped_ids,
    format_position,
    node_declarations,
    node_texts,
)
from graphbuild.graph.style import check_positions, node_color, size_scale

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import networkx as nx

    from graphbuild.exporters.xml_common import Texts

    Positions = Mapping[str, tuple[float, float]]

_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
"""
_TAIL = "</graph>\n</graphml>\n"


def write_graphml(
    graph: nx.DiGraph[str], stream: BinaryIO, *, positions: Positions | None = None
) -> ExportWarnings:
    """Write ``graph`` to ``stream`` as GraphML, in constant memory.

    Args:
        graph: a graph as :func:`graphbuild.graph.builder.build_graph` returns it.
        stream: binary stream to write to.
        positions: position of each node, y upwards; without positions, a reader computes a layout.

    Returns:
        Counts of the values that the file could not carry exactly.

    Raises:
        ExportError: a node key cannot be an XML id, or a node has no position; nothing is written.
    """
    warnings = ExportWarnings()
    ids, positions = escaped_ids(graph), check_positions(graph, positions)
    columns = NodeColumns(XML, graph)
    nodes = _nodes(graph, columns, ids, positions, warnings)
    edges = edge_lines(graph, ids, warnings, lambda texts: f">{_data(texts, 'e_')}</edge>")
    write_lines(stream, chain(_head(columns), nodes, edges, [_TAIL]))
    return warnings


def _head(columns: NodeColumns) -> Iterator[str]:
    yield _HEAD
    for name, kind in node_declarations(columns):
        yield f'<key id="{name}" for="node" attr.name="{name}" attr.type="{kind}"/>\n'
    # The ids of edge keys have a prefix, because some readers keep one table for nodes and edges.
    for name, kind in edge_declarations():
        yield f'<key id="e_{name}" for="edge" attr.name="{name}" attr.type="{kind}"/>\n'
    yield '<graph id="G" edgedefault="directed">\n'


def _nodes(
    graph: nx.DiGraph[str],
    columns: NodeColumns,
    ids: Mapping[str, str],
    positions: Positions,
    warnings: ExportWarnings,
) -> Iterator[str]:
    size_of = size_scale(graph)
    for key, edges in graph.adjacency():
        node = graph.nodes[key]
        texts = node_texts(columns, node, edges, warnings)
        texts["color"] = node_color(node["type"])
        texts["size"] = repr(size_of(graph.degree[key]))
        if positions:
            texts["x"], texts["y"] = format_position(positions[key])
        yield f'<node id="{ids.get(key, key)}">{_data(texts)}</node>\n'


def _data(texts: Texts, prefix: str = "") -> str:
    """Return ``texts`` as elements, sorted by name."""
    return "".join(
        f'<data key="{prefix}{name}">{_content(text)}</data>'
        for name, text in sorted(texts.items())
        if text
    )


def _content(text: str) -> str:
    """Return ``text`` in CDATA if it contains markup: Gephi loses spaces between entities."""
    if "&" in text or "<" in text or "]]>" in text:
        return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
    return text

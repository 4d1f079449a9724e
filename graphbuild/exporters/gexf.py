"""GEXF 1.3, for Gephi's timeline: references and their edges appear on the date of the reference.

The columns are the same as in GraphML, but label, color, size, position and weight have their own
elements or XML attributes. Only references and their edges have a start date. Nothing has an end
date, because the API reports none. The format follows the schema (https://gexf.net/schema.html) and
the behavior of Gephi. The date of the export is not written, so that the same graph gives the same
bytes.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from graphbuild.exporters.columns import XML, NodeColumns
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.sanitize import write_lines
from graphbuild.exporters.xml_common import (
    edge_declarations,
    edge_lines,
    escape_attribute,
    escaped_ids,
    format_position,
    node_declarations,
    node_texts,
    reference_day,
)
from graphbuild.graph.style import check_positions, node_color, size_scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import networkx as nx

    from graphbuild.exporters.xml_common import Texts

    Graph = nx.DiGraph[str]
    Positions = Mapping[str, tuple[float, float]]

# Columns that GEXF represents by its own elements or XML attributes. All others are declared.
_BUILT_IN = frozenset({"label", "color", "size", "x", "y", "weight"})
_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<gexf xmlns="http://gexf.net/1.3" xmlns:viz="http://gexf.net/1.3/viz" version="1.3">
<meta><creator>graphbuild</creator></meta>
<graph defaultedgetype="directed" mode="dynamic" timeformat="date" timerepresentation="interval">
"""
_TAIL = "</edges>\n</graph>\n</gexf>\n"
_CACHED_STARTS = 65_536  # nodes in the cache of start dates, which then takes about 5 MB


def write_gexf(
    graph: Graph, stream: BinaryIO, *, positions: Positions | None = None
) -> ExportWarnings:
    """Write ``graph`` to ``stream`` as GEXF; the memory needed does not grow with the graph.

    Args:
        graph: A graph as :func:`graphbuild.graph.builder.build_graph` returns it.
        stream: Binary stream to write to.
        positions: Position of each node, y upwards; if None or empty, none are written, and the
            program that opens the file has to compute a layout.

    Returns:
        Counts of the values that were changed or omitted.

    Raises:
        ExportError: A node key cannot be an XML id, or only some nodes have a position; nothing is
            written.
    """
    warnings = ExportWarnings()
    ids, positions = escaped_ids(graph), check_positions(graph, positions)
    columns = NodeColumns(XML, graph)
    start_of = lru_cache(maxsize=_CACHED_STARTS)(lambda key: _start(graph, key))
    nodes = _nodes(graph, columns, ids, positions, warnings)
    edges = edge_lines(graph, ids, warnings, _edge, start_of)
    lines = chain(_head(columns), ["<nodes>\n"], nodes, ["</nodes>\n<edges>\n"], edges, [_TAIL])
    write_lines(stream, lines)
    return warnings


def _head(columns: NodeColumns) -> Iterator[str]:
    yield _HEAD
    yield from _declared("node", node_declarations(columns))
    yield from _declared("edge", edge_declarations())


def _declared(scope: str, columns: Iterable[tuple[str, str]]) -> Iterator[str]:
    # Id and title are equal, because Gephi Lite shows the id, but Gephi and networkx the title.
    yield f'<attributes class="{scope}" mode="static">\n'
    for name, kind in columns:
        if name not in _BUILT_IN:
            yield f'<attribute id="{name}" title="{name}" type="{kind}"/>\n'
    yield "</attributes>\n"


def _nodes(
    graph: Graph,
    columns: NodeColumns,
    ids: Mapping[str, str],
    positions: Positions,
    warnings: ExportWarnings,
) -> Iterator[str]:
    size_of = size_scale(graph)
    for key, edges in graph.adjacency():
        node = graph.nodes[key]
        texts = node_texts(columns, node, edges, warnings)
        yield (
            f'<node id="{ids.get(key, key)}" label="{escape_attribute(texts.get("label", ""))}"'
            f"{_start(graph, key)}>{_values(texts)}"
            f'{_color(node["type"])}<viz:size value="{size_of(graph.degree[key])!r}"/>'
            f"{_position(positions[key]) if positions else ''}</node>\n"
        )


def _edge(texts: Texts) -> str:
    return f' weight="{texts["weight"]}">{_values(texts)}</edge>'


def _values(texts: Texts) -> str:
    """Return an ``attvalues`` element with the texts of declared columns, sorted by name."""
    values = "".join(
        f'<attvalue for="{name}" value="{escape_attribute(text)}"/>'
        for name, text in sorted(texts.items())
        if text and name not in _BUILT_IN
    )
    return f"<attvalues>{values}</attvalues>"


@lru_cache(maxsize=64)  # there are few types
def _color(node_type: str) -> str:
    red, green, blue = bytes.fromhex(node_color(node_type).removeprefix("#"))
    return f'<viz:color r="{red}" g="{green}" b="{blue}"/>'


def _position(position: tuple[float, float]) -> str:
    x, y = format_position(position)
    return f'<viz:position x="{x}" y="{y}" z="0.0"/>'


def _start(graph: Graph, key: str) -> str:
    day = reference_day(graph.nodes[key])
    return f' start="{day}"' if day else ""

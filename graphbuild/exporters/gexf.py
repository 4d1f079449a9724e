"""Write GEXF 1.3, with dates for Gephi's timeline.

The start date of a reference is its creation date, if that is known. The start date of an edge is
the later start date of its two nodes; if neither has one, the edge has none. There are no end
dates, because the API reports none.

The columns are the same as in GraphML, but label, color, size, position and weight have their own
elements or XML attributes. The file follows the schema (https://gexf.net/schema.html), and tests
open it in Gephi. The file does not contain the date of the export, so that equal graphs give equal
bytes.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from graphbuild.exporters.sanitize import format_date, write_lines
from graphbuild.exporters.xml_common import XmlSource, escape_attribute
from graphbuild.models import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from graphbuild.exporters.results import ExportWarnings
    from graphbuild.exporters.xml_common import Texts
    from graphbuild.graph.builder import Graph
    from graphbuild.graph.style import Positions

# Columns for which GEXF has elements or XML attributes. Other columns are declared.
_BUILT_IN = frozenset({"label", "color", "size", "x", "y", "weight"})
_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<gexf xmlns="http://gexf.net/1.3" xmlns:viz="http://gexf.net/1.3/viz" version="1.3">
<meta><creator>graphbuild</creator></meta>
<graph defaultedgetype="directed" mode="dynamic" timeformat="date" timerepresentation="interval">
"""
_TAIL = "</edges>\n</graph>\n</gexf>\n"
_CACHED_STARTS = 65_536  # entries of the cache of start dates; a full cache takes about 5 MB


def write_gexf(
    graph: Graph, stream: BinaryIO, *, positions: Positions | None = None
) -> ExportWarnings:
    """Write ``graph`` to ``stream`` as GEXF.

    Arguments, result and exceptions are those of ``write_graphml``.
    """
    source = XmlSource(graph, positions)
    start_of = lru_cache(maxsize=_CACHED_STARTS)(lambda key: _start(graph, key))
    nodes, edges = _nodes(source, start_of), source.edge_lines(_edge, start_of)
    lines = chain(_head(source), ["<nodes>\n"], nodes, ["</nodes>\n<edges>\n"], edges, [_TAIL])
    write_lines(stream, lines)
    return source.warnings


def _head(source: XmlSource) -> Iterator[str]:
    yield _HEAD
    yield from _declared("node", source.node_columns())
    yield from _declared("edge", source.edge_columns())


def _declared(scope: str, columns: Iterable[tuple[str, str]]) -> Iterator[str]:
    # Gephi Lite displays the id of a column, and Gephi and networkx use the title. So both the id
    # and the title are the column name.
    yield f'<attributes class="{scope}" mode="static">\n'
    for name, kind in columns:
        if name not in _BUILT_IN:
            yield f'<attribute id="{name}" title="{name}" type="{kind}"/>\n'
    yield "</attributes>\n"


def _nodes(source: XmlSource, start_of: Callable[[str], str]) -> Iterator[str]:
    for key, node_id, texts in source.nodes():
        position = ""
        if "x" in texts:
            position = f'<viz:position x="{texts["x"]}" y="{texts["y"]}" z="0.0"/>'
        yield (
            f'<node id="{node_id}" label="{escape_attribute(texts.get("label", ""))}"'
            f"{start_of(key)}>{_values(texts)}"
            f'{_color(texts["color"])}<viz:size value="{texts["size"]}"/>{position}</node>\n'
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


@lru_cache(maxsize=64)  # there is at most one color per node type
def _color(color: str) -> str:
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return f'<viz:color r="{red}" g="{green}" b="{blue}"/>'


def _start(graph: Graph, key: str) -> str:
    """Return the XML attribute ``start`` of a reference with a known date; else an empty text."""
    node = graph.nodes[key]
    seconds = node.get("creation_date")
    if node["type"] != REFERENCE or not isinstance(seconds, int) or isinstance(seconds, bool):
        return ""
    day = format_date(seconds)
    return f' start="{day}"' if day else ""

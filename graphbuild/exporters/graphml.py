"""Write GraphML for Gephi, Gephi Lite, Cytoscape, igraph and networkx.

Tests with these programs led to the following rules:

* All exports declare the same keys, except the keys for columns of seed lists. Keys of nodes and
  keys of edges have different ids. The type of a key is string, long, double or boolean. No key has
  a default value.
* Texts with markup characters are written as CDATA, because Gephi loses spaces between entities.
* Colors have six hexadecimal digits. Sizes and weights are greater than zero.
* The file starts with an XML declaration, and contains all nodes before the edges.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from graphbuild.exporters.sanitize import write_lines
from graphbuild.exporters.xml_common import XmlSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.exporters.results import ExportWarnings
    from graphbuild.exporters.xml_common import Texts
    from graphbuild.graph.builder import Graph
    from graphbuild.graph.style import Positions

_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
"""
_TAIL = "</graph>\n</graphml>\n"


def write_graphml(
    graph: Graph, stream: BinaryIO, *, positions: Positions | None = None
) -> ExportWarnings:
    """Write ``graph`` to ``stream`` as GraphML, without building the document in memory.

    Args:
        graph: A graph as :func:`graphbuild.graph.builder.build_graph` returns it, or a view of one.
        stream: Binary stream to write to.
        positions: Position of each node, y upwards. If None or empty, the file has no positions,
            and the program that opens the file has to compute a layout.

    Returns:
        Counts of the values that were changed or omitted, or that Gephi misreads.

    Raises:
        ExportError: A node key cannot be an XML id, or ``positions`` has no finite position for a
            node. In both cases, nothing is written.
    """
    source = XmlSource(graph, positions)
    nodes = (f'<node id="{key}">{_data(texts)}</node>\n' for _, key, texts in source.nodes())
    edges = source.edge_lines(lambda texts: f">{_data(texts, 'e_')}</edge>")
    write_lines(stream, chain(_head(source), nodes, edges, [_TAIL]))
    return source.warnings


def _head(source: XmlSource) -> Iterator[str]:
    yield _HEAD
    for name, kind in source.node_columns():
        yield f'<key id="{name}" for="node" attr.name="{name}" attr.type="{kind}"/>\n'
    # The ids of edge keys have a prefix, because some programs store the keys of nodes and of edges
    # in one table.
    for name, kind in source.edge_columns():
        yield f'<key id="e_{name}" for="edge" attr.name="{name}" attr.type="{kind}"/>\n'
    yield '<graph id="G" edgedefault="directed">\n'


def _data(texts: Texts, prefix: str = "") -> str:
    """Return ``texts`` as ``data`` elements, sorted by name; empty texts are omitted."""
    return "".join(
        f'<data key="{prefix}{name}">{_content(text)}</data>'
        for name, text in sorted(texts.items())
        if text
    )


def _content(text: str) -> str:
    """Return ``text`` as XML content, in CDATA if it contains markup characters."""
    if "&" in text or "<" in text or "]]>" in text:
        return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
    return text

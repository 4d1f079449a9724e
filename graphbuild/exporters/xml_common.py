"""Common parts of the GraphML and GEXF writers: ids, columns, texts of nodes, lines of edges."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from graphbuild.errors import ExportError
from graphbuild.exporters.columns import (
    BOOL,
    EDGE_COLUMNS,
    FLOAT,
    INT,
    XML,
    NodeColumns,
    columns_for,
)
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.rows import cached_by_edge, edge_values, split_weight
from graphbuild.exporters.sanitize import format_value, label_text, replace_illegal, xml_text
from graphbuild.graph.builder import RELATED_FROM
from graphbuild.graph.style import check_positions, node_color, size_scale
from graphbuild.models import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from graphbuild.exporters.columns import Column
    from graphbuild.exporters.rows import Edge
    from graphbuild.graph.builder import Graph
    from graphbuild.graph.style import Positions

    Texts = dict[str, str]  # by column name; columns without a value are absent

_TYPE_NAMES = {INT: "long", FLOAT: "double", BOOL: "boolean"}
_CACHED_EDGES = 1_024  # entries of the cache of edge texts; few, because a text can be long


class XmlSource:
    """The nodes and edges of a graph as texts for an XML file, and the warnings of the export."""

    def __init__(self, graph: Graph, positions: Positions | None) -> None:
        self.warnings = ExportWarnings()
        self._graph = graph
        self._ids = _escaped_ids(graph)
        self._positions = check_positions(graph, positions)
        self._columns = NodeColumns(XML, graph)

    def node_columns(self) -> Iterator[tuple[str, str]]:
        """Yield the name and XML type of each node column except ``id``.

        The column ``id`` is not written, because the key of a node contains its id.
        """
        return _declarations(each for each in self._columns.columns if each.name != "id")

    def edge_columns(self) -> Iterator[tuple[str, str]]:
        """Yield the name and XML type of each edge column."""
        return _declarations(columns_for(EDGE_COLUMNS, XML))

    def nodes(self) -> Iterator[tuple[str, str, Texts]]:
        """Yield each node: its key, its escaped key, and its cleaned texts by column."""
        size_of = size_scale(self._graph)
        for key, edges in self._graph.adjacency():
            node = self._graph.nodes[key]
            values = self._columns.values(node, self.warnings)
            values.pop("id", None)
            texts = {name: _node_text(name, each, self.warnings) for name, each in values.items()}
            if node["type"] == REFERENCE:
                collections = sum(edge["relation"] == RELATED_FROM for edge in edges.values())
                texts["collections"] = str(collections)
            texts["color"] = node_color(node["type"])
            texts["size"] = repr(size_of(self._graph.degree[key]))
            if self._positions:
                # float() converts numpy numbers; adding 0.0 turns -0.0 into 0.0.
                texts["x"], texts["y"] = (repr(float(each) + 0.0) for each in self._positions[key])
            yield key, self._ids.get(key, key), texts

    def edge_lines(
        self, format_texts: Callable[[Texts], str], start_of: Callable[[str], str] | None = None
    ) -> Iterator[str]:
        """Yield one line per edge, which starts with ``<edge`` and ends with a line ending.

        Each edge has a distinct id, because Gephi drops edges with equal ids. Formatted texts are
        cached, because many edges have equal attributes.

        Args:
            format_texts: Function that returns the part of the line after the XML attributes
                ``target`` and ``start``, given the texts of an edge.
            start_of: Function that returns the XML attribute ``start`` of the node with a key, or
                an empty text. Each edge gets the later one of its two nodes. If None, no edge gets
                the attribute.
        """
        ids, warnings = self._ids, self.warnings
        text_of = cached_by_edge(
            lambda edge, found: format_texts(_edge_texts(edge, found)), _CACHED_EDGES
        )
        start = ""
        for source, targets in self._graph.adjacency():
            source_text = f'source="{ids.get(source, source)}" target="'
            source_start = start_of(source) if start_of else ""
            for target, edge in targets.items():
                if start_of:
                    start = max(source_start, start_of(target))  # ISO dates sort by time
                yield (
                    f'<edge id="{edge_id(edge["relation"], source, target)}" {source_text}'
                    f'{ids.get(target, target)}"{start}{text_of(edge, warnings)}\n'
                )


def _declarations(columns: Iterable[Column]) -> Iterator[tuple[str, str]]:
    return ((each.name, _TYPE_NAMES.get(each.dtype, "string")) for each in columns)


def escape_attribute(text: str) -> str:
    """Return ``text`` with markup characters escaped, for an XML attribute in double quotes."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return text.replace(">", "&gt;").replace('"', "&quot;")


def _escaped_ids(graph: Graph) -> dict[str, str]:
    """Return the escaped form of each node key that needs escaping, by node key.

    Raises:
        ExportError: A node key cannot be an XML id.
    """
    escaped: dict[str, str] = {}
    for key in graph:
        if not isinstance(key, str) or key == "" or " " in key or xml_text(key) != key:
            raise ExportError(
                f"node {ascii(key)[:80]}: an XML id cannot be empty or contain white space or"
                " control characters; rename the node"
            )
        written = escape_attribute(key)
        if written != key:
            escaped[key] = written
    return escaped


def edge_id(relation: str, source: str, target: str) -> str:
    """Return the id of an edge, a hash of the arguments. It is the same in every export."""
    content = f"{relation}\n{source}\n{target}"
    return f"e{sha256(content.encode()).hexdigest()[:16]}"


def _node_text(name: str, value: object, warnings: ExportWarnings) -> str:
    if not isinstance(value, str):
        return format_value(value)
    if name == "label":
        return label_text(value)
    if name == "attributes":  # JSON; json_text() has escaped the characters that XML forbids
        _count_misread(value, warnings)
        return value
    return _clean_text(value, warnings)


def _clean_text(value: str, warnings: ExportWarnings) -> str:
    text = xml_text(value)
    if text is not value and replace_illegal(value) != value:
        warnings.cleaned += 1
    _count_misread(text, warnings)
    return text


def _count_misread(text: str, warnings: ExportWarnings) -> None:
    if "INF" in text or (len(text) == len("null") and text.lower() == "null"):
        warnings.misread += 1


def _edge_texts(edge: Edge, warnings: ExportWarnings) -> Texts:
    values = edge_values(edge, warnings)
    weight, count = split_weight(values.pop("weight"))
    if weight is None or weight <= 0:  # Gephi drops edges whose weight is not positive
        warnings.omitted += 1
        weight, count = 1.0, None
    values["related_from"] = " ".join(values["related_from"])
    cleaned = {name: _clean_text(text, warnings) for name, text in values.items() if text}
    return {"weight": repr(weight), "observations": str(count or ""), **cleaned}

"""Common parts of the GraphML and GEXF writers: ids, declared columns, node texts, edge lines."""

from __future__ import annotations

import math
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from graphbuild.errors import ExportError
from graphbuild.exporters.columns import BOOL, EDGE_COLUMNS, FLOAT, INT, XML, columns_for
from graphbuild.exporters.rows import cached_by_edge, edge_values
from graphbuild.exporters.sanitize import (
    format_date,
    format_value,
    label_text,
    replace_illegal,
    xml_text,
)
from graphbuild.graph.builder import RELATED_FROM
from graphbuild.models import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import networkx as nx

    from graphbuild.exporters.columns import Column, NodeColumns
    from graphbuild.exporters.results import ExportWarnings
    from graphbuild.exporters.rows import Edge

    Graph = nx.DiGraph[str]
    Texts = dict[str, str]  # by column name; columns without a value are absent

_TYPE_NAMES = {INT: "long", FLOAT: "double", BOOL: "boolean"}
_CACHED_EDGES = 1_024  # entries of the cache of edge texts; few, because a text can be long
_MAX_EXACT_FLOAT = 2**53  # a double represents every integer up to this one exactly


# --- ids and declarations ------------------------------------------------------------------------


def escape_attribute(text: str) -> str:
    """Return ``text`` with escaped markup characters, for an XML attribute in double quotes."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return text.replace(">", "&gt;").replace('"', "&quot;")


def escaped_ids(graph: Graph) -> dict[str, str]:
    """Return the escaped node keys, by node key; keys that need no escaping are left out.

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
    """Return the id of an edge, a hash of its content, so that it is the same in every export."""
    content = f"{relation}\n{source}\n{target}"
    return f"e{sha256(content.encode()).hexdigest()[:16]}"


def node_declarations(columns: NodeColumns) -> Iterator[tuple[str, str]]:
    """Yield the name and type of each node column.

    ``id`` is left out, because the node key contains it.
    """
    return _declarations(column for column in columns.columns if column.name != "id")


def edge_declarations() -> Iterator[tuple[str, str]]:
    """Yield the name and type of each edge column."""
    return _declarations(columns_for(EDGE_COLUMNS, XML))


def _declarations(columns: Iterable[Column]) -> Iterator[tuple[str, str]]:
    return ((each.name, _TYPE_NAMES.get(each.dtype, "string")) for each in columns)


def format_position(position: tuple[float, float]) -> tuple[str, str]:
    """Return a position as two decimal numbers; numpy numbers are converted, and -0.0 is 0.0."""
    return repr(float(position[0]) + 0.0), repr(float(position[1]) + 0.0)


# --- nodes ---------------------------------------------------------------------------------------


def node_texts(
    columns: NodeColumns, node: dict[str, Any], edges: Mapping[str, Any], warnings: ExportWarnings
) -> Texts:
    """Return the cleaned texts of a node by column name; color, size and position are left out.

    Args:
        columns: The node columns of the file.
        node: The attributes of the node.
        edges: The attributes of the node's outgoing edges, by target.
        warnings: Incremented for values that are changed or omitted.
    """
    values = columns.values(node, warnings)
    values.pop("id", None)
    texts = {name: _node_text(name, value, warnings) for name, value in values.items()}
    if node["type"] == REFERENCE:
        collections = sum(edge["relation"] == RELATED_FROM for edge in edges.values())
        texts["collections"] = str(collections)
    return {name: text for name, text in texts.items() if text}


def _node_text(name: str, value: object, warnings: ExportWarnings) -> str:
    if not isinstance(value, str):
        return format_value(value)
    if name == "label":
        return label_text(value)
    if name == "attributes":  # JSON in which json_text() has escaped what XML forbids
        _count_misread(value, warnings)
        return value
    return _clean_text(value, warnings)


def reference_day(node: dict[str, Any]) -> str:
    """Return the date of a reference as ``2018-01-12``; empty if unknown or for other nodes."""
    seconds = node.get("creation_date")
    if node["type"] != REFERENCE or not isinstance(seconds, int) or isinstance(seconds, bool):
        return ""
    return format_date(seconds)


def _clean_text(value: str, warnings: ExportWarnings) -> str:
    text = xml_text(value)
    if text is not value and replace_illegal(value) != value:
        warnings.cleaned += 1
    _count_misread(text, warnings)
    return text


def _count_misread(text: str, warnings: ExportWarnings) -> None:
    if "INF" in text or (len(text) == len("null") and text.lower() == "null"):
        warnings.misread += 1


# --- edges ---------------------------------------------------------------------------------------


def edge_lines(
    graph: Graph,
    ids: Mapping[str, str],
    warnings: ExportWarnings,
    format_texts: Callable[[Texts], str],
    start_of: Callable[[str], str] | None = None,
) -> Iterator[str]:
    """Yield one line per edge.

    Each edge has a distinct id, because Gephi drops edges with equal ids. The texts of edges with
    equal attributes are formatted once.

    Args:
        graph: The exported graph.
        ids: The result of :func:`escaped_ids`.
        warnings: Incremented for values that are changed or omitted.
        format_texts: Returns the part of the line after the ``target`` attribute, given the texts
            of an edge.
        start_of: Returns the ``start`` attribute of a node, empty if it has none. The later one of
            the two nodes becomes that of the edge; ISO dates sort by time.
    """
    text_of = cached_by_edge(
        lambda edge, found: format_texts(_edge_texts(edge, found)), _CACHED_EDGES
    )
    start = ""
    for source, targets in graph.adjacency():
        source_text = f'source="{ids.get(source, source)}" target="'
        earliest = start_of(source) if start_of else ""
        for target, edge in targets.items():
            text = text_of(edge, warnings)
            if start_of:
                start = max(earliest, start_of(target))
            yield (
                f'<edge id="{edge_id(edge["relation"], source, target)}" {source_text}'
                f'{ids.get(target, target)}"{start}{text}\n'
            )


def _edge_texts(edge: Edge, warnings: ExportWarnings) -> Texts:
    texts = edge_values(edge, warnings)
    weight, count = _weight(texts.pop("weight"), warnings)
    texts["related_from"] = " ".join(texts["related_from"])
    cleaned = {name: _clean_text(text, warnings) for name, text in texts.items() if text}
    return {"weight": weight, "observations": count, **cleaned}


def _weight(weight: object, warnings: ExportWarnings) -> tuple[str, str]:
    """Return the texts of the columns ``weight`` and ``observations``.

    ``observations`` is empty if the weight is not an integer. An invalid weight is replaced by 1.0,
    because Gephi drops edges whose weight is not positive.
    """
    if type(weight) is int and 0 < weight <= _MAX_EXACT_FLOAT:
        return f"{weight}.0", str(weight)
    if isinstance(weight, float) and math.isfinite(weight) and weight > 0:
        return repr(float(weight)), ""
    warnings.omitted += 1
    return "1.0", ""

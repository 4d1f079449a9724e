"""Parts that GraphML and GEXF share: declared columns, clean texts, ids, and edges line by line."""

from __future__ import annotations

import math
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from graphbuild.errors import ExportError
from graphbuild.exporters.columns import BOOL, EDGE_COLUMNS, FLOAT, INT, XML, columns_for
from graphbuild.exporters.rows import EDGE_ATTRIBUTES, cached_conversion, edge_values
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
    from graphbuild.exporters.rows import EdgeValues

    Graph = nx.DiGraph[str]
    Texts = dict[str, str]  # by column name; columns without a value are absent

_TYPE_NAMES = {INT: "long", FLOAT: "double", BOOL: "boolean"}
_CACHED_EDGES = 1_024  # texts of edges with equal attributes; few, because a text can be long
_MAX_EXACT_FLOAT = 2**53  # the largest integer up to which a double holds every integer


# --- ids and declarations ------------------------------------------------------------------------


def escape_attribute(text: str) -> str:
    """Return ``text`` with markup escaped, for an XML attribute in double quotes."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return text.replace(">", "&gt;").replace('"', "&quot;")


def escaped_ids(graph: Graph) -> dict[str, str]:
    """Return the escaped form of the node keys that need escaping.

    Raises:
        ExportError: a node key cannot be an XML id.
    """
    escaped: dict[str, str] = {}
    for key in graph:
        if not isinstance(key, str) or key == "" or " " in key or xml_text(key) != key:
            raise ExportError(
                f"node {ascii(key)[:80]}: no XML id can be empty or hold white space or control"
                " characters; rename the node"
            )
        written = escape_attribute(key)
        if written != key:
            escaped[key] = written
    return escaped


def edge_id(relation: str, source: str, target: str) -> str:
    """Return an id that follows from the content, so that it is the same in every export."""
    content = f"{relation}\n{source}\n{target}"
    return f"e{sha256(content.encode()).hexdigest()[:16]}"


def node_declarations(columns: NodeColumns) -> Iterator[tuple[str, str]]:
    """Yield the name and type of each declared node column; the id is in the key of the node."""
    return _declarations(column for column in columns.columns if column.name != "id")


def edge_declarations() -> Iterator[tuple[str, str]]:
    """Yield the name and type of each declared edge column."""
    return _declarations(columns_for(EDGE_COLUMNS, XML))


def _declarations(columns: Iterable[Column]) -> Iterator[tuple[str, str]]:
    return ((each.name, _TYPE_NAMES.get(each.dtype, "string")) for each in columns)


def format_position(position: tuple[float, float]) -> tuple[str, str]:
    """Return a position as texts of plain floats, zero without a sign."""
    return repr(float(position[0]) + 0.0), repr(float(position[1]) + 0.0)


# --- nodes ---------------------------------------------------------------------------------------


def node_texts(
    columns: NodeColumns, node: dict[str, Any], edges: Mapping[str, Any], warnings: ExportWarnings
) -> Texts:
    """Return the clean texts of a node, without those that only one format has.

    Args:
        columns: the columns of the file.
        node: the attributes of the node.
        edges: the attributes of its outgoing edges, by target.
        warnings: counts the values that could not be written exactly.
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
    if name == "attributes":  # JSON, which is safe in XML already
        _count_misread(value, warnings)
        return value
    return _clean_text(value, warnings)


def reference_day(node: dict[str, Any]) -> str:
    """Return the date of a reference as ``2018-01-12``; empty for other nodes or if unknown."""
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

    Gephi drops edges with equal ids, so each edge has its own. Many edges have equal attributes;
    their text is made once.

    Args:
        graph: has the edges.
        ids: the node keys that are written in an escaped form.
        warnings: counts the values that could not be written exactly.
        format_texts: formats the texts of an edge, starting behind its target.
        start_of: returns the start time of a node, in texts that sort like the times. An edge
            starts when both its nodes have started.
    """
    text_of = cached_conversion(
        lambda values, found: format_texts(_edge_texts(values, found)), _CACHED_EDGES
    )
    start = ""
    for source, targets in graph.adjacency():
        source_text = f'source="{ids.get(source, source)}" target="'
        earliest = start_of(source) if start_of else ""
        for target, edge in targets.items():
            text = text_of(edge_values(edge, warnings), warnings)
            if start_of:
                start = max(earliest, start_of(target))
            yield (
                f'<edge id="{edge_id(edge["relation"], source, target)}" {source_text}'
                f'{ids.get(target, target)}"{start}{text}\n'
            )


def _edge_texts(values: EdgeValues, warnings: ExportWarnings) -> Texts:
    texts = dict(zip(EDGE_ATTRIBUTES, values, strict=False))
    weight, count = _weight(texts.pop("weight"), warnings)
    texts["related_from"] = " ".join(texts.get("related_from", ()))
    cleaned = {name: _clean_text(text, warnings) for name, text in texts.items() if text}
    return {"weight": weight, "observations": count, **cleaned}


def _weight(weight: object, warnings: ExportWarnings) -> tuple[str, str]:
    """Return the weight, and the number of observations if it is one.

    Gephi drops edges whose weight is not positive, so an invalid weight becomes 1.0.
    """
    if type(weight) is int and 0 < weight <= _MAX_EXACT_FLOAT:
        return f"{weight}.0", str(weight)
    if isinstance(weight, float) and math.isfinite(weight) and weight > 0:
        return repr(float(weight)), ""
    warnings.omitted += 1
    return "1.0", ""

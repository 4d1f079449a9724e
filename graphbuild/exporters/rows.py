"""Rows of nodes, edges and observations, for CSV, Parquet, DataFrames and other formats."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from graphbuild.exporters.columns import (
    EDGE_COLUMNS,
    FLOAT,
    INT,
    TABLES,
    TIME,
    columns_for,
)
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.sanitize import format_value, is_exportable
from graphbuild.graph.builder import NO_COLLECTION
from graphbuild.models import OBSERVED, RELATED_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import networkx as nx

    from graphbuild.exporters.columns import Column, NodeColumns

    Graph = nx.DiGraph[str]

Converted = TypeVar("Converted")
Row = tuple[Any, ...]  # one value per column; None if there is no value
CACHED = 16_384  # entries of each cache of converted values, which takes a few megabytes
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# --- nodes ---------------------------------------------------------------------------------------


def node_rows(graph: Graph, columns: NodeColumns, warnings: ExportWarnings) -> Iterator[Row]:
    """Yield one row per node, in the order of ``columns``."""
    degree, names = graph.degree, columns.names
    for key, node in graph.nodes(data=True):
        values = columns.values(node, warnings)
        values["key"], values["degree"] = key, degree[key]
        yield tuple(map(values.get, names))


def typed_node_rows(graph: Graph, columns: NodeColumns, warnings: ExportWarnings) -> Iterator[Row]:
    """Yield the rows of :func:`node_rows`, with dates and times as ``datetime``."""
    times = [number for number, each in enumerate(columns.columns) if each.dtype is TIME]
    created, seconds = map(columns.names.index, ("created", "creation_date"))
    for row in node_rows(graph, columns, warnings):
        typed = list(row)
        for number in times:
            typed[number] = parse_time(row[number], warnings)
        if row[created] is not None:  # only if creation_date is in the range of datetime
            typed[created] = _EPOCH + timedelta(seconds=row[seconds])
        yield tuple(typed)


# --- edges ---------------------------------------------------------------------------------------


EDGE_ATTRIBUTES = ("relation", "weight", "related_from", "provenance", "first_seen", "last_seen")
EdgeValues = tuple[Any, ...]  # values of the first attributes in EDGE_ATTRIBUTES, in this order
_DEFAULTS = (None, 1, (), None, None, None)
_KNOWN = frozenset(EDGE_ATTRIBUTES)
_PICK = {count: itemgetter(*EDGE_ATTRIBUTES[:count]) for count in (2, 4, 6)}


def common_edge_values(edge: Mapping[str, Any]) -> EdgeValues | None:
    """Return the values of an edge that has only the first 2, 4 or 6 of ``EDGE_ATTRIBUTES``.

    Every edge that graphbuild makes has these attributes. For other edges, return None. The result
    is hashable, so it can be the key of a cache.
    """
    pick = _PICK.get(len(edge))
    try:
        values: EdgeValues = pick(edge) if pick else ()
    except KeyError:
        return None
    # related_from must be a tuple, because a list is not hashable.
    return values if values and (len(values) == 2 or type(values[2]) is tuple) else None  # noqa: PLR2004


def edge_values(edge: Mapping[str, Any], warnings: ExportWarnings) -> EdgeValues:
    """Return the values of an edge in the order of ``EDGE_ATTRIBUTES``.

    Attributes that are not in ``EDGE_ATTRIBUTES`` are counted as omitted in ``warnings``.
    """
    values = common_edge_values(edge)
    if values is not None:
        return values
    warnings.omitted += len(edge.keys() - _KNOWN)
    pairs = zip(EDGE_ATTRIBUTES, _DEFAULTS, strict=True)
    found = {name: edge.get(name, default) for name, default in pairs}
    found["related_from"] = tuple(found["related_from"])
    return tuple(found.values())


def with_defaults(values: EdgeValues) -> EdgeValues:
    """Return ``values`` extended by the default values of the attributes that are absent."""
    return *values, *_DEFAULTS[len(values) :]


def cached_conversion(
    convert: Callable[[EdgeValues, ExportWarnings], Converted], max_size: int
) -> Callable[[EdgeValues, ExportWarnings], Converted]:
    """Return ``convert`` with a cache, because most edges of a campaign have equal attributes.

    If a result comes from the cache, the warnings of its conversion are counted again.
    """

    # typed=True, because the weights 1, 1.0 and True are equal, but their texts differ.
    @lru_cache(maxsize=max_size, typed=True)
    def converted(*values: Any) -> tuple[Converted, ExportWarnings | None]:  # noqa: ANN401  mixed
        found = ExportWarnings()
        result = convert(values, found)
        return result, found or None

    def lookup(values: EdgeValues, warnings: ExportWarnings) -> Converted:
        result, found = converted(*values)
        if found is not None:
            warnings.add(found)
        return result

    return lookup


def typed_edge_columns(graph: Graph) -> list[Column]:
    """Return the edge columns of the tables, with a type for ``weight`` that fits all weights.

    The type is FLOAT if the graph has a weight of type ``float``, else INT.
    """
    kinds = {type(edge.get("weight")) for _, _, edge in graph.edges(data=True)}
    is_float = any(issubclass(kind, float) for kind in kinds)
    return [
        replace(column, dtype=FLOAT if is_float else INT) if column.name == "weight" else column
        for column in columns_for(EDGE_COLUMNS, TABLES)
    ]


def typed_edge_rows(
    graph: Graph, columns: Iterable[Column], warnings: ExportWarnings
) -> Iterator[Row]:
    """Yield one row per edge, with collections as a list and times as ``datetime``.

    Args:
        graph: The exported graph.
        columns: The result of :func:`typed_edge_columns`.
        warnings: Incremented for weights and times that are invalid.
    """
    (number,) = (each.python_type for each in columns if each.name == "weight")

    def convert(values: EdgeValues, found: ExportWarnings) -> Row:
        relation, weight, related_from, provenance, first_seen, last_seen = with_defaults(values)
        has_collections = related_from or relation == RELATED_REFERENCES
        return (
            relation,
            _number(weight, number, found),
            collection_keys(related_from) if has_collections else None,
            provenance,
            parse_time(first_seen, found),
            parse_time(last_seen, found),
        )

    converted = cached_conversion(convert, CACHED)
    ignored = ExportWarnings()  # edge attributes without a column are not counted
    for source, targets in graph.adjacency():
        for target, edge in targets.items():
            yield source, target, *converted(edge_values(edge, ignored), warnings)


def collection_keys(related_from: Iterable[str]) -> list[str]:
    """Return the entries of ``related_from`` that are node keys, that is, not NO_COLLECTION."""
    return [key for key in related_from if key != NO_COLLECTION]


def _number(value: object, kind: type, warnings: ExportWarnings) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and is_exportable(value):
        return float(value) if kind is float else int(value)
    warnings.omitted += 1
    return None


# --- observations --------------------------------------------------------------------------------


def observation_keys(graph: Graph) -> Iterator[tuple[str, str, str, str]]:
    """Yield the observations of a graph, in the order of its edges.

    An observation is a tuple of the node key of the subject, that of the reference, that of the
    collection (``NO_COLLECTION`` if there is none), and the provenance.
    """
    for source, targets in graph.adjacency():
        for target, edge in targets.items():
            if edge["relation"] == RELATED_REFERENCES:
                provenance = edge.get("provenance", OBSERVED)
                for key in edge["related_from"]:
                    yield source, target, key, provenance


def observation_rows(
    graph: Graph, encode: Callable[[str | None], Any] = lambda text: text
) -> Iterator[Row]:
    """Yield one row per observation.

    Args:
        graph: The exported graph.
        encode: Converts each value, which is None if it is absent. Values of a node that occur in
            several rows are converted once, unless they were dropped from the cache.
    """

    def cells_of(*names: str) -> Callable[[str], Row]:
        def cells(key: str) -> Row:
            node = node_attributes(graph, key)
            return tuple([encode(_text(node.get(name))) for name in names])

        return lru_cache(maxsize=CACHED)(cells)

    subject_cells = cells_of("type", "id")
    reference_cells = cells_of("type", "id", "url", "title")
    collection_cells = cells_of("type", "id", "name")
    encode_provenance = cache(encode)
    for subject, reference, collection, provenance in observation_keys(graph):
        subject_type, subject_id = subject_cells(subject)
        reference_type, reference_id, url, title = reference_cells(reference)
        collection_type, collection_id, name = collection_cells(collection)
        yield (
            subject_type,
            subject_id,
            reference_id,
            collection_type,
            collection_id,
            reference_type,
            url,
            title,
            name,
            encode_provenance(provenance),
        )


def node_attributes(graph: Graph, key: str) -> Mapping[str, Any]:
    """Return the attributes of a node.

    A collection in ``related_from`` need not be a node of the graph, because a view may leave it
    out. In that case, return only the type and id from its key. For ``NO_COLLECTION``, return no
    attributes.
    """
    if key in graph:
        return graph.nodes[key]
    node_type, _, node_id = key.partition(":")
    return {} if key == NO_COLLECTION else {"type": node_type, "id": node_id}


# --- values --------------------------------------------------------------------------------------


def _text(value: object) -> str | None:
    return None if value is None else format_value(value)


def parse_time(text: object, warnings: ExportWarnings) -> datetime | None:
    """Return the time in an ISO 8601 text, in UTC; None if it is invalid or ``text`` is None.

    An invalid time is counted as omitted in ``warnings``.
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        warnings.omitted += 1
        return None

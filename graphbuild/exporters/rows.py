"""Build rows of nodes, edges and observations for CSV, Parquet, DataFrames and other formats."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from graphbuild.exporters.columns import (
    EDGE_COLUMNS,
    FLOAT,
    INT,
    OBSERVATION_COLUMNS,
    TABLES,
    TIME,
    NodeColumns,
    columns_for,
)
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.sanitize import format_value, is_exportable
from graphbuild.graph.builder import NO_COLLECTION, RELATED_RELATIONS
from graphbuild.models import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from graphbuild.exporters.columns import Column
    from graphbuild.graph.builder import Graph

    Edge = Mapping[str, Any]

    TypedTable = Callable[[Graph, ExportWarnings], tuple[list[Column], Iterator["Row"]]]

Converted = TypeVar("Converted")
Row = tuple[Any, ...]  # one value per column; None if there is no value
CACHED = 16_384  # maximum number of results in a cache; a full cache takes a few megabytes
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# --- nodes ---------------------------------------------------------------------------------------


def node_rows(
    graph: Graph,
    columns: NodeColumns,
    warnings: ExportWarnings,
    keys: Iterable[str] | None = None,
) -> Iterator[Row]:
    """Yield one row per node, with the values in the order of ``columns``.

    ``keys`` selects the nodes and their order. By default, these are all nodes of ``graph``.
    """
    degree, names, nodes = graph.degree, columns.names, graph.nodes
    for key, node in nodes(data=True) if keys is None else ((key, nodes[key]) for key in keys):
        values = columns.values(node, warnings)
        values["id"], values["degree"] = key, degree[key]
        yield tuple(map(values.get, names))


def typed_nodes(graph: Graph, warnings: ExportWarnings) -> tuple[list[Column], Iterator[Row]]:
    """Return the node columns of the tables, and one row per node with times as ``datetime``."""
    columns = NodeColumns(TABLES, graph)
    return columns.columns, typed_node_rows(graph, columns, warnings)


def typed_node_rows(
    graph: Graph,
    columns: NodeColumns,
    warnings: ExportWarnings,
    keys: Iterable[str] | None = None,
) -> Iterator[Row]:
    """Return an iterator over the rows of :func:`node_rows`, with times as ``datetime``."""
    times = [number for number, each in enumerate(columns.columns) if each.dtype is TIME]
    created, seconds = map(columns.names.index, ("created", "creation_date"))

    def typed(row: Row) -> Row:
        values = list(row)
        for number in times:
            values[number] = parse_time(row[number], warnings)
        if row[created] is not None:  # creation_date is known and in the range of datetime
            values[created] = _EPOCH + timedelta(seconds=row[seconds])
        return tuple(values)

    return map(typed, node_rows(graph, columns, warnings, keys))


# --- edges ---------------------------------------------------------------------------------------


# Name of an edge attribute that has a column -> the value for edges without the attribute.
_EDGE_DEFAULTS: dict[str, Any] = {
    **{each.source: None for each in EDGE_COLUMNS if each.source},
    "weight": 1,
    "related_from": (),
}


def edge_values(edge: Edge, warnings: ExportWarnings) -> dict[str, Any]:
    """Return the attributes of an edge that have a column, in column order, with defaults.

    Attributes without a column are counted as omitted in ``warnings``.
    """
    warnings.omitted += len(edge.keys() - _EDGE_DEFAULTS.keys())
    values = {name: edge.get(name, default) for name, default in _EDGE_DEFAULTS.items()}
    values["related_from"] = tuple(values["related_from"])
    return values


def cached_by_edge(
    convert: Callable[[Edge, ExportWarnings], Converted], max_size: int
) -> Callable[[Edge, ExportWarnings], Converted]:
    """Return ``convert`` with a cache of ``max_size`` results.

    The cache saves time, because many edges have equal attributes. If a result comes from the
    cache, the warnings of its conversion are counted again.
    """

    # typed=True, because the weights 1, 1.0 and True are equal, but their texts differ.
    @lru_cache(maxsize=max_size, typed=True)
    def converted(**edge: Any) -> tuple[Converted, ExportWarnings | None]:  # noqa: ANN401  mixed
        found = ExportWarnings()
        result = convert(edge, found)
        return result, found or None

    def lookup(edge: Edge, warnings: ExportWarnings) -> Converted:
        try:
            result, found = converted(**edge)
        except TypeError:  # a value that is not hashable, such as a list
            return convert(edge, warnings)
        if found is not None:
            warnings.add(found)
        return result

    return lookup


def typed_edges(graph: Graph, warnings: ExportWarnings) -> tuple[list[Column], Iterator[Row]]:
    """Return the edge columns of the tables, and one row per edge.

    In the rows, ``related_from`` is a list of node keys, or None if the relation of the edge cannot
    have collections. Times are ``datetime`` in UTC. The type of ``weight`` is FLOAT if the graph
    has a weight of type ``float``, else INT. Invalid weights and times are None and counted as
    omitted.
    """
    kinds = {type(edge.get("weight")) for _, _, edge in graph.edges(data=True)}
    number = float if any(issubclass(kind, float) for kind in kinds) else int
    columns = [
        replace(each, dtype=FLOAT if number is float else INT) if each.name == "weight" else each
        for each in columns_for(EDGE_COLUMNS, TABLES)
    ]
    times = [each.name for each in columns if each.dtype is TIME]

    def convert(edge: Edge, found: ExportWarnings) -> Row:
        # Attributes without a column are not counted; node-link JSON contains them.
        values = edge_values(edge, ExportWarnings())
        has_collections = values["related_from"] or values["relation"] in RELATED_RELATIONS
        keys = collection_keys(values["related_from"]) if has_collections else None
        values["weight"] = _number(values["weight"], number, found)
        values["related_from"] = keys
        for name in times:
            values[name] = parse_time(values[name], found)
        return tuple(values.values())

    converted = cached_by_edge(convert, CACHED)
    rows = (
        (source, target, *converted(edge, warnings))
        for source, target, edge in graph.edges(data=True)
    )
    return columns, rows


def split_weight(weight: object) -> tuple[float | None, int | None]:
    """Return a weight as a ``float``, and as a count of observations.

    The count is None if the weight is a ``float``. Both results are None if the weight is not a
    number, not finite, or an integer beyond ±2**53, which a ``float`` may not represent exactly.
    """
    if type(weight) is int and abs(weight) <= 2**53:
        return float(weight), weight
    if isinstance(weight, float) and math.isfinite(weight):
        return float(weight), None
    return None, None


def collection_keys(related_from: Iterable[str]) -> list[str]:
    """Return the entries of ``related_from`` that are node keys, that is, not NO_COLLECTION."""
    return [key for key in related_from if key != NO_COLLECTION]


def _number(value: object, kind: type, warnings: ExportWarnings) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and is_exportable(value):
        return float(value) if kind is float else int(value)
    warnings.omitted += 1
    return None


# --- observations --------------------------------------------------------------------------------


def typed_observations(graph: Graph, _: ExportWarnings) -> tuple[list[Column], Iterator[Row]]:
    """Return the observation columns, and one row per observation."""
    return OBSERVATION_COLUMNS, observation_rows(graph)


def observation_rows(
    graph: Graph, convert: Callable[[Sequence[str | None]], Sequence[Any]] = tuple
) -> Iterator[Row]:
    """Yield one row per observation, in the order of the edges.

    ``convert`` converts a part of a row: either the columns of the subject, or all other columns.
    Its results are reused, because most parts occur in many rows.
    """

    @lru_cache(maxsize=CACHED)
    def source_cells(reference: str, collection: str, provenance: str) -> Sequence[Any]:
        reference_type, reference_id, url, title = texts_of(reference, "type", "id", "url", "title")
        collection_type, collection_id, *names = texts_of(collection, "type", "id", "name", "title")
        name = next(filter(None, names), None)
        related_from = collection_type, collection_id
        return convert((reference_id, *related_from, reference_type, url, title, name, provenance))

    def texts_of(key: str, *names: str) -> list[str | None]:
        node = _node_attributes(graph, key)
        return [None if node.get(name) is None else format_value(node[name]) for name in names]

    for subject, targets in graph.adjacency():
        subject_cells = convert(texts_of(subject, "type", "id"))
        for reference, edge in targets.items():
            if edge["relation"] in RELATED_RELATIONS:
                provenance = edge.get("provenance", OBSERVED)
                for collection in edge["related_from"]:
                    yield *subject_cells, *source_cells(reference, collection, provenance)


def _node_attributes(graph: Graph, key: str) -> Mapping[str, Any]:
    """Return the attributes of a node.

    For a collection that is not in ``graph``, which may be a view, return only the type and id from
    its key. For ``NO_COLLECTION``, return no attributes.
    """
    if key in graph:
        return graph.nodes[key]
    node_type, _, node_id = key.partition(":")
    return {} if key == NO_COLLECTION else {"type": node_type, "id": node_id}


# --- values --------------------------------------------------------------------------------------


def parse_time(text: object, warnings: ExportWarnings) -> datetime | None:
    """Return an ISO 8601 text as ``datetime`` in UTC.

    None and invalid texts become None. Invalid texts are counted as omitted.
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        warnings.omitted += 1
        return None

"""Parquet tables of nodes, edges and observations, for pandas, DuckDB and Spark.

Texts are not guarded against formulas, because these files are not meant for spreadsheets. Rows
are written in groups, and only one group is in memory at a time.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from graphbuild.exporters.columns import (
    BOOL,
    CATEGORY,
    DATE,
    FLOAT,
    INT,
    KEYS,
    OBSERVATION_COLUMNS,
    TABLES,
    TEXT,
    TIME,
    NodeColumns,
)
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.rows import (
    observation_rows,
    typed_edge_columns,
    typed_edge_rows,
    typed_node_rows,
)
from graphbuild.exporters.sanitize import replace_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import networkx as nx

    from graphbuild.exporters.columns import Column
    from graphbuild.exporters.rows import Row

ROW_GROUP = 65_536  # rows per group
_TIME = pa.timestamp("us", tz="UTC")
_ARROW_TYPES = {
    TEXT: pa.string(),
    CATEGORY: pa.dictionary(pa.int32(), pa.string()),
    INT: pa.int64(),
    FLOAT: pa.float64(),
    BOOL: pa.bool_(),
    DATE: _TIME,
    TIME: _TIME,
    KEYS: pa.list_(pa.string()),
}


def write_nodes(graph: nx.DiGraph[str], stream: BinaryIO) -> ExportWarnings:
    """Write one row per node; the column ``attributes`` contains other attributes as JSON."""
    warnings = ExportWarnings()
    columns = NodeColumns(TABLES, graph)
    return _write(columns.columns, typed_node_rows(graph, columns, warnings), stream, warnings)


def write_edges(graph: nx.DiGraph[str], stream: BinaryIO) -> ExportWarnings:
    """Write one row per edge; ``weight`` is an integer column unless a weight is a float."""
    warnings = ExportWarnings()
    columns = typed_edge_columns(graph)
    return _write(columns, typed_edge_rows(graph, columns, warnings), stream, warnings)


def write_observations(graph: nx.DiGraph[str], stream: BinaryIO) -> ExportWarnings:
    """Write one row per observation; the collection columns are null if there is no collection."""
    return _write(OBSERVATION_COLUMNS, observation_rows(graph), stream, ExportWarnings())


def _write(
    columns: Sequence[Column], rows: Iterable[Row], stream: BinaryIO, warnings: ExportWarnings
) -> ExportWarnings:
    schema = pa.schema([(each.name, _ARROW_TYPES[each.dtype]) for each in columns])
    remaining = iter(rows)
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        while group := list(islice(remaining, ROW_GROUP)):
            values = zip(*group, strict=True)
            arrays = [_array(*each, warnings) for each in zip(values, schema.types, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    return warnings


def _array(values: Sequence[Any], kind: pa.DataType, warnings: ExportWarnings) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot encode
        return pa.array([_cleaned(value, warnings) for value in values], kind)


def _cleaned(value: object, warnings: ExportWarnings) -> object:
    if isinstance(value, list):
        return [_cleaned(each, warnings) for each in value]
    if not isinstance(value, str):
        return value
    text = replace_surrogates(value)
    warnings.cleaned += text != value
    return text

"""Write Parquet tables of nodes, edges and observations, for pandas, DuckDB and Spark.

Texts are not guarded against formulas, because these files are not meant for spreadsheets. Rows
are written in groups, and only one group is in memory at a time.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from graphbuild.exporters.columns import BOOL, CATEGORY, DATE, FLOAT, INT, KEYS, TEXT, TIME
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.rows import typed_edges, typed_nodes, typed_observations
from graphbuild.exporters.sanitize import clean_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import networkx as nx

    from graphbuild.exporters.columns import Column
    from graphbuild.exporters.rows import Row, TypedTable

ROW_GROUP = 65_536  # rows per group
_TIME = pa.timestamp("us", tz="UTC")
ARROW_TYPES = {
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
    """Write one row per node; the column ``attributes`` contains the other attributes as JSON."""
    return _write(typed_nodes, graph, stream)


def write_edges(graph: nx.DiGraph[str], stream: BinaryIO) -> ExportWarnings:
    """Write one row per edge; ``weight`` is an integer column unless a weight is a float."""
    return _write(typed_edges, graph, stream)


def write_observations(graph: nx.DiGraph[str], stream: BinaryIO) -> ExportWarnings:
    """Write one row per observation; the columns ``related_from_*`` may be null."""
    return _write(typed_observations, graph, stream)


def _write(table_of: TypedTable, graph: nx.DiGraph[str], stream: BinaryIO) -> ExportWarnings:
    warnings = ExportWarnings()
    columns, rows = table_of(graph, warnings)
    write_rows(rows, table_schema(columns), stream, warnings)
    return warnings


def table_schema(columns: Iterable[Column]) -> pa.Schema:
    """Return the schema of a Parquet file with these columns."""
    return pa.schema([(each.name, ARROW_TYPES[each.dtype]) for each in columns])


def write_rows(
    rows: Iterator[Row], schema: pa.Schema, stream: BinaryIO, warnings: ExportWarnings
) -> int:
    """Write ``rows`` as a Parquet file, and return their number.

    Texts with lone surrogates are counted in ``warnings``.
    """
    count = 0
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        while group := list(islice(rows, ROW_GROUP)):
            values = zip(*group, strict=True)
            arrays = [_array(*each, warnings) for each in zip(values, schema.types, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            count += len(group)
    return count


def _array(values: Sequence[Any], kind: pa.DataType, warnings: ExportWarnings) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot encode
        return pa.array(clean_surrogates(values, warnings), kind)

"""The pandas types of the columns that DataFrames and Parquet files must have."""

from __future__ import annotations

from graphbuild.exporters.columns import (
    EDGE_COLUMNS,
    NODE_COLUMNS,
    OBSERVATION_COLUMNS,
    TABLES,
    columns_for,
)

_PANDAS_TYPES = {
    "text": "string",
    "category": "category",
    "integer": "Int64",
    "boolean": "boolean",
    "date": "datetime64[us, UTC]",
    "time": "datetime64[us, UTC]",
    "list of node keys": "object",
    "number": "Int64",  # only the weights of edges, which are integers in every test graph
}
_COLUMNS = {"nodes": NODE_COLUMNS, "edges": EDGE_COLUMNS, "observations": OBSERVATION_COLUMNS}
TABLE_TYPES = {
    table: {each.name: _PANDAS_TYPES[each.dtype] for each in columns_for(columns, TABLES)}
    for table, columns in _COLUMNS.items()
}

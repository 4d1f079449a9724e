"""Build pandas DataFrames of nodes, edges and observations, with the columns of the Parquet files.

The types of columns include category, nullable integer and time in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbuild.exporters.columns import BOOL, CATEGORY, DATE, FLOAT, INT, KEYS, TEXT, TIME
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.rows import typed_edges, typed_nodes, typed_observations
from graphbuild.exporters.sanitize import clean_surrogates

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from graphbuild.exporters.rows import TypedTable

_PANDAS_TYPES = {
    TEXT: "string",
    CATEGORY: "category",
    INT: "Int64",
    FLOAT: "Float64",
    BOOL: "boolean",
    KEYS: "object",
}


def nodes_frame(graph: nx.DiGraph[str]) -> pd.DataFrame:
    """Return a DataFrame with one row per node."""
    return _frame(typed_nodes, graph)


def edges_frame(graph: nx.DiGraph[str]) -> pd.DataFrame:
    """Return a DataFrame with one row per edge.

    ``related_from`` is the list of the node keys of the collections and reports. The list is empty
    if no observation of the edge names a collection or report. ``related_from`` is None if edges of
    this relation cannot have collections.
    """
    return _frame(typed_edges, graph)


def observations_frame(graph: nx.DiGraph[str]) -> pd.DataFrame:
    """Return a DataFrame with a row per observation: subject, reference, collection or report."""
    return _frame(typed_observations, graph)


def _frame(table_of: TypedTable, graph: nx.DiGraph[str]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  slow to import, and few runs need it

    warnings = ExportWarnings()
    columns, rows = table_of(graph, warnings)
    cleaned = [clean_surrogates(row, warnings) for row in rows]
    frame = pd.DataFrame(cleaned, columns=[each.name for each in columns], dtype=object)
    times = {each.name: _times(frame[each.name]) for each in columns if each.dtype in {DATE, TIME}}
    others = {each.name: _PANDAS_TYPES[each.dtype] for each in columns if each.name not in times}
    return frame.assign(**times).astype(others)


def _times(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return ``column`` as times in UTC with a resolution of one microsecond.

    The default resolution depends on the version of pandas. In pandas 2, the default is one
    nanosecond, which limits times to the years 1677 to 2262.
    """
    import numpy as np  # noqa: PLC0415  slow to import, and few runs need it
    import pandas as pd  # noqa: PLC0415

    naive = [None if pd.isna(each) else each.replace(tzinfo=None) for each in column]
    return pd.Series(np.array(naive, "datetime64[us]"), column.index).dt.tz_localize("UTC")

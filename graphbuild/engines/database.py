"""Define the interface to DuckDB and Spark, which run the statements of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from graphbuild.engines.dataset_files import DatasetFiles


ROWS_PER_BATCH = 65_536  # rows of a batch
SQL_TYPES = {  # Arrow's names of types -> SQL's
    "string": "STRING",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp[us, tz=UTC]": "TIMESTAMP",
}


class Database(Protocol):
    """Runs the statements of :mod:`graphbuild.engines.queries`.

    Methods raise ``DatasetError`` if a file cannot be read, or if the query engine needs more
    memory or disk space than it may use.
    """

    prefix: str  # prefix of the names of all tables, which queries must contain

    def open_files(self, files: DatasetFiles, table: str, name: str, schema: pa.Schema) -> None:
        """Register the Parquet files of a table of a dataset as the SQL table ``name``.

        The SQL table has the columns of ``schema`` and the string column ``campaign``. Columns
        that the files lack, because an earlier version of graphbuild wrote them, are null.
        """

    def create_table(self, name: str, query: str) -> None:
        """Create the table ``name``. Its rows are computed only once."""

    def create_view(self, name: str, query: str) -> None:
        """Create the view ``name``."""

    def create_table_of(self, name: str, rows: pa.Table) -> None:
        """Create the table ``name`` with rows of this process."""

    def read(self, query: str) -> pa.Table:
        """Return all rows of a query."""

    def read_batches(self, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a query in batches, so that only some are in memory at a time."""

    def close(self) -> None:
        """Remove all tables and temporary files."""

"""Read datasets with DuckDB, which works on disk if the data does not fit into memory."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from graphbuild._util import require
from graphbuild.engines.database import ROWS_PER_BATCH, SQL_TYPES
from graphbuild.engines.dataset_files import DatasetFiles
from graphbuild.engines.engine import Engine
from graphbuild.errors import DatasetError
from graphbuild.exporters.atomic_write import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

DEFAULT_MEMORY_LIMIT = "4GB"
_TYPES = SQL_TYPES | {"timestamp[us, tz=UTC]": "TIMESTAMPTZ"}
_GLOB = re.compile(r"[*?[]")
# The name of the campaign is percent-encoded in paths.
_CAMPAIGN = "url_decode(regexp_extract(filename, '/campaign=([^/]*)/[^/]*/[^/]*$', 1))"
# Functions of Spark that graphbuild.engines.queries uses, and that DuckDB lacks under these names.
_FUNCTIONS = (
    """
    CREATE TEMP MACRO collect_list(value) AS
        coalesce(list(value) FILTER (WHERE value IS NOT NULL), [])
    """,
    "CREATE TEMP MACRO get_json_object(document, path) AS json_extract_string(document, path)",
    "CREATE TEMP MACRO json_object_keys(document) AS json_keys(document)",
)


class DuckDBEngine(Engine):
    """Computes tables and relations of a dataset with DuckDB.

    The results of the first steps are kept in memory or in temporary files.

    Args:
        folder: The dataset.
        campaigns: The names of the campaigns to read; by default, all of them.
        memory_limit: The memory that DuckDB may use, such as ``500MB`` or ``4GB``. If it needs
            more, it writes temporary files into the system's folder for them, such as ``$TMPDIR``.

    Raises:
        MissingLibraryError: A library of the extra ``duckdb`` is not installed.
        DatasetError: The folder contains no dataset, a campaign is not in it, or a file is missing
            or damaged.
    """

    def __init__(
        self,
        folder: Path,
        campaigns: Sequence[str] = (),
        *,
        memory_limit: str = DEFAULT_MEMORY_LIMIT,
    ) -> None:
        require("pyarrow", extra="duckdb")
        library = require("duckdb", extra="duckdb")
        files = DatasetFiles.find(folder, campaigns)
        super().__init__(files, _DuckDB(library, folder, memory_limit))


class _DuckDB:
    """An in-memory database; see :class:`graphbuild.engines.database.Database`."""

    prefix = ""

    def __init__(self, library: Any, folder: Path, memory_limit: str) -> None:  # noqa: ANN401  a module
        self._library, self._folder, self._memory_limit = library, folder, memory_limit
        with ExitStack() as stack:
            temporary = stack.enter_context(temporary_folder())
            config = {
                "memory_limit": memory_limit,
                "temp_directory": str(temporary),
                "preserve_insertion_order": False,
                "python_enable_replacements": False,  # SQL must not read Python variables as tables
                # Never load code from the network.
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
            with self._errors():
                self._connection = library.connect(config=config)
                stack.callback(self._connection.close)
                for statement in ("SET TimeZone = 'UTC'", *_FUNCTIONS):
                    self._connection.execute(statement)
            self._resources = stack.pop_all()

    def close(self) -> None:
        self._resources.close()

    def open_files(self, files: DatasetFiles, table: str, name: str, schema: pa.Schema) -> None:
        paths = [_escape_glob(path) for found in files.paths[table].values() for path in found]
        source = (
            f"read_parquet(getvariable('{name}'), filename = true, union_by_name = true,"
            " hive_partitioning = false)"
        )
        with self._errors():
            self._connection.execute(f"SET VARIABLE {name} = ?", [paths])
            present = {
                row[0] for row in self._connection.execute(f"DESCRIBE FROM {source}").fetchall()
            }
        cells = ", ".join(
            each.name
            if each.name in present
            else f"CAST(NULL AS {_TYPES[str(each.type)]}) AS {each.name}"
            for each in schema
        )
        self.create_view(name, f"SELECT {cells}, {_CAMPAIGN} AS campaign FROM {source}")  # noqa: S608  constants only

    def create_table(self, name: str, query: str) -> None:
        self._run(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")

    def create_view(self, name: str, query: str) -> None:
        self._run(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")

    def create_table_of(self, name: str, rows: pa.Table) -> None:
        with self._errors():
            self._connection.register(name, rows)

    def read(self, query: str) -> pa.Table:
        with self._errors():
            return self._connection.sql(query).to_arrow_table()

    def read_batches(self, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with self._errors():
            for batch in self._connection.sql(query).to_arrow_reader(ROWS_PER_BATCH):
                yield batch.cast(schema)

    def _run(self, statement: str) -> None:
        with self._errors():
            self._connection.execute(statement)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Convert each error that DuckDB raises into a ``DatasetError``."""
        try:
            yield
        except self._library.OutOfMemoryException:
            raise DatasetError(
                f"{self._folder}: DuckDB needs more memory than {self._memory_limit}, or more disk"
                " space for temporary files; raise the limit, or set TMPDIR to a larger disk"
            ) from None
        except self._library.Error as error:
            line = str(error).partition("\n")[0]
            raise DatasetError(f"{self._folder}: DuckDB cannot read it: {line}") from None


def _escape_glob(path: Path) -> str:
    """Return a path with its wildcard characters escaped for DuckDB."""
    return _GLOB.sub(r"[\g<0>]", path.absolute().as_posix())

"""Read datasets with Apache Spark, on an existing cluster.

Only SQL and DataFrames are used, so nothing needs to be installed on the workers. A session of
Spark Connect works, too.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from functools import reduce
from itertools import islice
from typing import TYPE_CHECKING
from uuid import uuid4

from graphbuild._util import require
from graphbuild.engines.database import ROWS_PER_BATCH, SQL_TYPES
from graphbuild.engines.dataset_files import DatasetFiles
from graphbuild.engines.engine import Engine
from graphbuild.engines.spark_session import find_cause, spark_errors
from graphbuild.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from graphbuild.models import ClusterTable

_GLOB = re.compile(r"[*?\[\]{}\\]")  # characters that Spark reads as wildcards in paths


class SparkEngine(Engine):
    """Computes tables and relations of a dataset with a Spark session.

    The engine creates temporary views with the prefix ``graphbuild_``. It caches intermediate
    results in the memory and on the disks of the workers. Closing the engine removes both, but does
    not stop the session.

    Args:
        session: A session of Spark 4.0 or later.
        folder: The dataset. The workers must be able to read it under the same path, in the default
            file system of the session.
        campaigns: The names of the campaigns to read; by default, all of them.

    Raises:
        MissingLibraryError: A library of the extra ``spark`` is not installed.
        DatasetError: The folder contains no dataset, a campaign is not in it, or a file is missing
            or damaged.
    """

    def __init__(self, session: SparkSession, folder: Path, campaigns: Sequence[str] = ()) -> None:
        require("pyarrow", extra="spark")
        self._session = session
        files = DatasetFiles.find(folder, campaigns)
        super().__init__(files, _Spark(session, folder))

    def dataframe(self, name: str, clusters: ClusterTable | None = None) -> DataFrame:
        """Return one of the tables ``OUTPUT_TABLES`` as a DataFrame, to write it on the cluster.

        The arguments are those of :meth:`table`. Use the DataFrame before the engine is closed, and
        before a call with other clusters.
        """
        query, _ = self._table_query(name, clusters)
        return self._session.sql(query)


class _Spark:
    """Temporary views of a session; see :class:`graphbuild.engines.database.Database`."""

    def __init__(self, session: SparkSession, folder: Path) -> None:
        self.prefix = f"graphbuild_{uuid4().hex[:8]}_"
        self._session, self._folder = session, folder
        self._views: list[str] = []
        self._persisted: list[DataFrame] = []

    def close(self) -> None:
        # If the server is lost, so are the tables.
        with suppress(*spark_errors()):
            # To remove a table from the cache, Spark Connect analyzes its query, which reads the
            # views of earlier tables. So the views are removed last.
            for frame in reversed(self._persisted):
                frame.unpersist()
            for name in reversed(self._views):
                self._session.catalog.dropTempView(name)
        self._views, self._persisted = [], []

    def open_files(self, files: DatasetFiles, table: str, name: str, schema: pa.Schema) -> None:
        from pyspark.sql import functions  # noqa: PLC0415  part of an extra

        columns = _columns(schema)
        with self._errors():
            frames = [
                self._session.read.schema(columns)
                .parquet(*map(_checked_path, paths))
                .withColumn("campaign", functions.lit(campaign))
                for campaign, paths in files.paths[table].items()
            ]
            self._add_view(name, reduce(lambda left, right: left.union(right), frames))

    def create_table(self, name: str, query: str) -> None:
        with self._errors():
            frame = self._session.sql(query).persist()
            self._persisted.append(frame)
            self._add_view(name, frame)

    def create_view(self, name: str, query: str) -> None:
        with self._errors():
            self._add_view(name, self._session.sql(query))

    def create_table_of(self, name: str, rows: pa.Table) -> None:
        with self._errors():
            # Spark cannot convert an Arrow table without rows.
            frame = self._session.createDataFrame(
                rows if rows.num_rows else [], _columns(rows.schema)
            )
            self._add_view(name, frame)

    def read(self, query: str) -> pa.Table:
        with self._errors():
            return self._session.sql(query).toArrow()

    def read_batches(self, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        arrow = require("pyarrow", extra="spark")
        with self._errors():
            rows = _with_numeric_times(self._session.sql(query)).toLocalIterator()
            while batch := [row.asDict() for row in islice(rows, ROWS_PER_BATCH)]:
                yield arrow.RecordBatch.from_pylist(batch, schema)

    def _add_view(self, name: str, frame: DataFrame) -> None:
        frame.createOrReplaceTempView(name)
        self._views.append(name)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Convert each error that Spark raises into a ``DatasetError``."""
        try:
            yield
        except spark_errors() as error:
            cause = find_cause(error)
            if "PATH_NOT_FOUND" in cause:
                cause += "; the workers must be able to read this folder"
            raise DatasetError(f"{self._folder}: Spark failed: {cause}") from None


def _columns(schema: pa.Schema) -> str:
    """Return the columns of a schema for Spark, such as ``id STRING, weight BIGINT``."""
    return ", ".join(f"{each.name} {SQL_TYPES[str(each.type)]}" for each in schema)


def _with_numeric_times(frame: DataFrame) -> DataFrame:
    """Convert times to microseconds, because Python gets times without their time zone."""
    from pyspark.sql import functions  # noqa: PLC0415  part of an extra

    return frame.select(
        *(
            functions.unix_micros(name).alias(name) if kind == "timestamp" else functions.col(name)
            for name, kind in frame.dtypes
        )
    )


def _checked_path(path: Path) -> str:
    text = path.absolute().as_posix()
    if found := _GLOB.search(text):
        raise DatasetError(
            f"{text!a}: Spark reads {found[0]!a} as a wildcard; move the dataset to another folder"
        )
    return text

"""Read datasets with DuckDB, which works on disk if the data does not fit into memory.

All steps are SQL; Python only unites the attributes of the entities that differ between campaigns,
and computes the labels of collections.
"""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from graphbuild._util import require
from graphbuild.engines import duckdb_queries as queries
from graphbuild.engines.dataset_files import DatasetFiles
from graphbuild.engines.engine import PendingList, Sizes
from graphbuild.engines.entities import collection_labels, entity_of, united_rows
from graphbuild.engines.relations import Relations
from graphbuild.engines.tables import EDGES, NODES, OBSERVATIONS, table_columns
from graphbuild.errors import DatasetError
from graphbuild.exporters.atomic_write import temporary_folder
from graphbuild.exporters.columns import is_seed_column
from graphbuild.exporters.dataset_tables import ENTITIES, dataset_columns
from graphbuild.exporters.sanitize import replace_surrogates
from graphbuild.graph.clusters import subcluster_labels
from graphbuild.graph.style import cluster_color
from graphbuild.models import STATES, SUBJECT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from graphbuild.exporters.columns import Column
    from graphbuild.models import ClusterTable

DEFAULT_MEMORY_LIMIT = "4GB"
_ROWS_PER_BATCH = 65_536
_QUERIES = {EDGES: queries.EDGES, OBSERVATIONS: queries.OBSERVATION_ROWS}
_GLOB = re.compile(r"[*?[]")


class DuckDBEngine:
    """Computes tables and relations of a dataset with DuckDB.

    The results of the first steps are kept for the next call, in memory or in temporary files.
    Close the engine after use, or use it in a ``with`` block.

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
        self._duckdb = require("duckdb", extra="duckdb")
        self._arrow = require("pyarrow", extra="duckdb")
        self.files = DatasetFiles.find(folder, campaigns)
        self._memory_limit = memory_limit
        self._done: set[str] = set()
        with ExitStack() as stack:
            temporary = stack.enter_context(temporary_folder())
            config = {
                "memory_limit": memory_limit,
                "temp_directory": str(temporary),
                "preserve_insertion_order": False,
                "python_enable_replacements": False,  # tables are not variables of Python
                # Never load code from the network.
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
            with self._errors():
                self._connection = self._duckdb.connect(config=config)
                stack.callback(self._connection.close)
                self._open_files()
            self._resources = stack.pop_all()

    def close(self) -> None:
        """Close the connection and remove the temporary files."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- results ---------------------------------------------------------------------------------

    def sizes(self) -> Sizes:
        """Return the number of observations, and the number of rows of :meth:`relations`."""
        self._build_relations()
        return Sizes(self._integer(queries.COUNT_OBSERVATIONS), self._integer(queries.COUNT_PAIRS))

    def relations(self) -> Relations:
        """Return the observations as relations, which are much smaller than the observations."""
        self._build_relations()
        entities = {row["number"]: entity_of(row) for row in self._rows(queries.EVIDENCE_ENTITIES)}
        relations = {name: self._numbers(query) for name, query in queries.RELATIONS.items()}
        return Relations(entities, **relations)

    def pending_lists(self) -> list[PendingList]:
        """Return the lists ``related_references`` that are pending, sorted by node key."""
        self._read_entities()
        return [PendingList(*row) for row in self._fetch(queries.PENDING_LISTS)]

    def table(self, name: str, clusters: ClusterTable | None = None) -> pa.RecordBatchReader:
        """Return one of the tables ``nodes``, ``edges`` and ``observations``, sorted by node keys.

        Read all batches before you call another method.

        Args:
            name: The name of the table.
            clusters: The clusters of nodes. By default, these are the clusters in the dataset if
                one campaign is read.
        """
        self._read_observations()
        if name == NODES:
            found = [row[0] for row in self._fetch(queries.SEED_COLUMNS)]
            seeds = [each for each in found if is_seed_column(each, "")]
            if clusters is not None:
                self._assign_clusters(clusters)
            query = queries.node_rows(seeds, with_clusters=clusters is not None)
            return self._reader(query, table_columns(NODES, seeds))
        if name in _QUERIES:
            return self._reader(_QUERIES[name], table_columns(name))
        raise ValueError(f"no table {name!a}")

    # --- steps -----------------------------------------------------------------------------------

    def _open_files(self) -> None:
        self._run("SET TimeZone = 'UTC'")
        self._set_variable("states", list(STATES))
        self._set_variable("subject_types", list(SUBJECT_TYPES))
        for table, paths in self.files.paths.items():
            self._set_variable(table, [_escape_glob(path) for path in paths])
            present = self._fetch(f"DESCRIBE FROM {queries.read_files(table)}")
            self._run(queries.create_rows(table, [row[0] for row in present]))

    def _read_entities(self) -> None:
        """Create the tables ``subject`` and ``entity``."""
        if not self._begin("entities"):
            return
        if len(self.files.campaigns) == 1:
            self._run(queries.SUBJECTS_OF_ONE_CAMPAIGN)
            self._run(queries.ENTITIES_OF_ONE_CAMPAIGN)
        else:
            self._run(queries.SUBJECTS_OF_SEVERAL_CAMPAIGNS)
            self._run(queries.ENTITIES_OF_SEVERAL_CAMPAIGNS)
            self._unite_entities()
            self._label_collections()

    def _unite_entities(self) -> None:
        columns = dataset_columns()[ENTITIES]
        rows = united_rows(self._rows(queries.DIFFERENT_ENTITIES))
        self._register("united", columns, list(rows))
        for statement in queries.REPLACE_ENTITIES:
            self._run(statement)
        self._connection.unregister("united")

    def _label_collections(self) -> None:
        labels = collection_labels(self._rows(queries.COLLECTIONS))
        columns = [each for each in dataset_columns()[ENTITIES] if each.name in {"id", "label"}]
        self._register("collection_label", columns, list(labels.items()))
        self._run(queries.REPLACE_LABELS)
        self._connection.unregister("collection_label")

    def _read_observations(self) -> None:
        """Create the tables ``fact``, ``link`` and ``inferred``."""
        self._read_entities()
        if not self._begin("observations"):
            return
        is_one = len(self.files.campaigns) == 1
        self._run(queries.NUMBER_OBSERVATIONS)
        self._run(queries.FACTS_OF_ONE_CAMPAIGN if is_one else queries.FACTS_OF_SEVERAL_CAMPAIGNS)
        self._run(queries.NUMBER_LINKS)
        self._run(queries.FIND_INFERRED_PAIRS)

    def _build_relations(self) -> None:
        self._read_observations()
        if self._begin("relations"):
            for statement in queries.CREATE_RELATIONS:
                self._run(statement)

    def _assign_clusters(self, clusters: ClusterTable) -> None:
        """Create the table ``node_cluster``."""
        labels = subcluster_labels(clusters)
        files = [
            (key, number, labels[key], clusters.doubtful.get(key))
            for key, number in clusters.numbers.items()
        ]
        names = [
            (number, replace_surrogates(name), cluster_color(number))
            for number, name in enumerate(clusters.names, start=1)
        ]
        columns = {each.name: each for each in table_columns(NODES)}
        of_files = ("id", "cluster", "subcluster", "other_cluster")
        of_clusters = ("cluster", "cluster_name", "cluster_color")
        self._register("file_cluster", [columns[name] for name in of_files], files)
        self._register("named_cluster", [columns[name] for name in of_clusters], names)
        self._run(queries.ASSIGN_CLUSTERS)

    def _begin(self, step: str) -> bool:
        """Return whether a step has not begun before."""
        is_new = step not in self._done
        self._done.add(step)
        return is_new

    # --- statements ------------------------------------------------------------------------------

    def _run(self, statement: str) -> None:
        with self._errors():
            self._connection.execute(statement)

    def _fetch(self, query: str) -> list[tuple[Any, ...]]:
        with self._errors():
            rows: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
            return rows

    def _set_variable(self, name: str, value: list[str]) -> None:
        self._connection.execute(f"SET VARIABLE {name} = ?", [value])

    def _register(self, name: str, columns: Sequence[Column], rows: Sequence[Any]) -> None:
        """Make rows available to statements as the table ``name``."""
        from graphbuild.exporters.dataset import dataset_schema  # noqa: PLC0415  needs pyarrow

        cells = list(zip(*rows, strict=True)) or [()] * len(columns)
        schema = dataset_schema(columns)
        arrays = [self._arrow.array(*each) for each in zip(cells, schema.types, strict=True)]
        self._connection.register(name, self._arrow.table(arrays, schema=schema))

    def _integer(self, query: str) -> int:
        ((number,),) = self._fetch(query)
        return int(number)

    def _numbers(self, query: str) -> Any:  # noqa: ANN401  an array
        with self._errors():
            columns = self._connection.execute(query).fetchnumpy().values()
        return np.stack([np.asarray(each, np.int64) for each in columns], axis=1)

    def _rows(self, query: str) -> Iterator[Mapping[str, Any]]:
        with self._errors():
            for batch in self._connection.sql(query).to_arrow_reader(_ROWS_PER_BATCH):
                yield from batch.to_pylist()

    def _reader(self, query: str, columns: Sequence[Column]) -> pa.RecordBatchReader:
        from graphbuild.exporters.parquet import table_schema  # noqa: PLC0415  needs pyarrow

        schema = table_schema(columns)

        def batches() -> Iterator[pa.RecordBatch]:
            with self._errors():
                for batch in self._connection.sql(query).to_arrow_reader(_ROWS_PER_BATCH):
                    yield batch.cast(schema)

        return self._arrow.RecordBatchReader.from_batches(schema, batches())

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Convert each error that DuckDB raises into a ``DatasetError``."""
        try:
            yield
        except self._duckdb.OutOfMemoryException:
            raise DatasetError(
                f"{self.files.folder}: DuckDB needs more memory than {self._memory_limit}, or more"
                " disk space for temporary files; raise the limit, or set TMPDIR to a larger disk"
            ) from None
        except self._duckdb.Error as error:
            line = str(error).partition("\n")[0]
            raise DatasetError(f"{self.files.folder}: DuckDB cannot read it: {line}") from None


def _escape_glob(path: Path) -> str:
    """Return a path in which DuckDB reads no character as a wildcard."""
    return _GLOB.sub(r"[\g<0>]", path.absolute().as_posix())

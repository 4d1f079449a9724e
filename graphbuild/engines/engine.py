"""Compute tables and relations from a dataset.

If a dataset contains several campaigns, an engine unites their rows by these rules, so that the
shards of a crawl give the rows of the whole crawl:

* An observation in several campaigns is counted once. Its times are the earliest ``first_seen`` and
  the latest ``last_seen``.
* A reference of a subject is marked as inferred only if no campaign observed it for this subject.
* If campaigns differ in an attribute, the value from the latest observation is kept. Without times,
  it is the value in the campaign whose name is last in alphabetical order.
* The state of a subject is the best of its states, in the order of ``graphbuild.models.STATES``.
* For a column of the seed list, the value of the first campaign in alphabetical order that has a
  value is kept.
* Each campaign numbers its clusters separately. So the columns of clusters are empty unless the
  caller passes the clusters of all campaigns together.

All steps are SQL; Python only unites the attributes of the entities that differ between campaigns,
and computes the labels of collections.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from graphbuild._util import require
from graphbuild.engines import queries
from graphbuild.engines.entities import collection_labels, entity_of, united_rows
from graphbuild.engines.relations import Relations
from graphbuild.engines.tables import (
    EDGES,
    NODES,
    OBSERVATIONS,
    OUTPUT_TABLES,
    table_columns,
)
from graphbuild.exporters.columns import BOOL, INT, Column, is_seed_column
from graphbuild.exporters.dataset_tables import ENTITIES, dataset_columns
from graphbuild.exporters.sanitize import replace_surrogates
from graphbuild.graph.clusters import subcluster_labels
from graphbuild.graph.style import cluster_color

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from graphbuild.engines.database import Database
    from graphbuild.engines.dataset_files import DatasetFiles
    from graphbuild.models import ClusterTable

_QUERIES = {EDGES: queries.EDGES, OBSERVATIONS: queries.OBSERVATION_ROWS}
_NUMBER = Column("number", INT, "Number of the entity.")
_HAS_STATE = Column("has_state", BOOL, "Whether the state of the subject comes from this campaign.")


class Sizes(NamedTuple):
    """The size of the selected campaigns, as input of an analysis."""

    observations: int  # distinct observations, including direct references
    pairs: int  # rows of the relations that represent them


class PendingList(NamedTuple):
    """A list that a crawl has not read to its end."""

    subject: str  # the node key
    expected_count: int  # number of references that the API announced; 0 if it is not known
    received_count: int  # number of references that were received in the current pass


class Engine:
    """Computes tables and relations from the selected campaigns of a dataset.

    The results of the first steps are kept for the next call. Close the engine after use, or use it
    in a ``with`` block. All methods raise ``DatasetError`` if a file cannot be read, or if the
    query engine needs more memory or disk space than it may use. An export must not replace the
    campaigns meanwhile.

    Args:
        files: The files of the campaigns to read.
        database: The query engine. The engine closes it, even if a file cannot be opened.

    Attributes:
        files: The files of the campaigns to read.
    """

    def __init__(self, files: DatasetFiles, database: Database) -> None:
        self.files = files
        self._arrow = require("pyarrow", extra="duckdb")
        self._database = database
        self._tables = {name: database.prefix + name for name in queries.TABLES}
        self._done: set[str] = set()  # steps that are complete
        with ExitStack() as on_error:
            on_error.callback(database.close)
            for table, columns in dataset_columns().items():
                name = self._tables[queries.ROWS[table]]
                database.open_files(files, table, name, _schema(columns))
            on_error.pop_all()

    def close(self) -> None:
        """Remove the tables and temporary files of the query engine."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- results ---------------------------------------------------------------------------------

    def sizes(self) -> Sizes:
        """Return the number of observations, and the number of rows of :meth:`relations`."""
        self._build_relations()
        (row,) = self._read(queries.SIZES).to_pylist()
        return Sizes(row["observations"], row["pairs"])

    def relations(self) -> Relations:
        """Return the observations as relations, which are much smaller than the observations."""
        self._build_relations()
        columns = [_NUMBER, *dataset_columns()[ENTITIES]]
        rows = self._rows(queries.EVIDENCE_ENTITIES, columns)
        entities = {row["number"]: entity_of(row) for row in rows}
        relations = {name: self._numbers(query) for name, query in queries.RELATIONS.items()}
        self.files.check_unchanged()
        return Relations(entities, **relations)

    def pending_lists(self) -> list[PendingList]:
        """Return the lists ``related_references`` that are pending, sorted by node key."""
        self._read_entities()
        found = [PendingList(**row) for row in self._read(queries.PENDING_LISTS).to_pylist()]
        self.files.check_unchanged()
        return found

    def table(self, name: str, clusters: ClusterTable | None = None) -> pa.RecordBatchReader:
        """Return one of the tables ``OUTPUT_TABLES``.

        It has the columns, types and rows of the file that ``export --to parquet`` writes for a
        campaign with all observations. The rows are sorted by their node keys. Read all batches
        before you call another method.

        Args:
            name: The name of the table.
            clusters: The clusters of nodes. By default, the table of a single campaign contains
                the clusters in the dataset; for several campaigns, these columns are empty.
        """
        from graphbuild.exporters.parquet import table_schema  # noqa: PLC0415  needs pyarrow

        query, columns = self._table_query(name, clusters)
        schema = table_schema(columns)

        def batches() -> Iterator[pa.RecordBatch]:
            yield from self._database.read_batches(query, schema)
            self.files.check_unchanged()

        return self._arrow.RecordBatchReader.from_batches(schema, batches())

    # --- steps -----------------------------------------------------------------------------------

    def _table_query(
        self, name: str, clusters: ClusterTable | None
    ) -> tuple[str, Sequence[Column]]:
        """Return the query of an output table, and its columns."""
        if name not in OUTPUT_TABLES:
            raise ValueError(f"no table {name!a}")
        self._read_observations()
        if name != NODES:
            return self._name_tables(_QUERIES[name]), table_columns(name)
        names = self._read(queries.SEED_COLUMNS)["names"].to_pylist()
        found = sorted({each for listed in names for each in listed})
        seeds = [each for each in found if is_seed_column(each, "")]
        if clusters is not None:
            self._assign_clusters(clusters)
        query = queries.node_rows(seeds, with_clusters=clusters is not None)
        return self._name_tables(query), table_columns(NODES, seeds)

    def _read_entities(self) -> None:
        """Create the tables ``subject`` and ``entity``."""
        if "entities" in self._done:
            return
        self._create_table("entity_number", queries.NUMBER_ENTITIES)
        if len(self.files.campaigns) == 1:
            self._create_table("subject", queries.SUBJECTS_OF_ONE_CAMPAIGN)
            self._create_table("entity", queries.ENTITIES_OF_ONE_CAMPAIGN)
        else:
            self._unite_entities()
        self._done.add("entities")

    def _unite_entities(self) -> None:
        self._create_table("subject", queries.SUBJECTS_OF_SEVERAL_CAMPAIGNS)
        self._create_table("entity_version", queries.ENTITY_VERSIONS)
        columns = dataset_columns()[ENTITIES]
        versions = self._rows(queries.DIFFERENT_ENTITIES, [*columns, _HAS_STATE])
        self._create_table_of("united", columns, list(united_rows(versions)))
        self._create_table("united_entity", queries.UNITED_ENTITIES)
        labels = collection_labels(self._rows(queries.COLLECTIONS, columns))
        of_labels = [each for each in columns if each.name in {"id", "label"}]
        self._create_table_of("collection_label", of_labels, list(labels.items()))
        self._create_table("entity", queries.LABELED_ENTITIES)

    def _read_observations(self) -> None:
        """Create the tables ``fact``, ``link`` and ``inferred``."""
        if "observations" in self._done:
            return
        self._read_entities()
        self._create_table("observation", queries.NUMBER_OBSERVATIONS)
        if len(self.files.campaigns) == 1:
            self._database.create_view(
                self._tables["fact"], self._name_tables(queries.FACTS_OF_ONE_CAMPAIGN)
            )
        else:
            self._create_table("fact", queries.FACTS_OF_SEVERAL_CAMPAIGNS)
        self._create_table("link", queries.NUMBER_LINKS)
        self._create_table("inferred", queries.INFERRED_PAIRS)
        self._done.add("observations")

    def _build_relations(self) -> None:
        if "relations" in self._done:
            return
        self._read_observations()
        for name, query in queries.RELATION_TABLES.items():
            self._create_table(name, query)
        self._done.add("relations")

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
        self._create_table_of("file_cluster", [columns[name] for name in of_files], files)
        self._create_table_of("named_cluster", [columns[name] for name in of_clusters], names)
        self._create_table("node_cluster", queries.ASSIGN_CLUSTERS)

    # --- statements ------------------------------------------------------------------------------

    def _name_tables(self, query: str) -> str:
        return query.format_map(self._tables)

    def _create_table(self, name: str, query: str) -> None:
        self._database.create_table(self._tables[name], self._name_tables(query))

    def _create_table_of(self, name: str, columns: Sequence[Column], rows: Sequence[Any]) -> None:
        cells = list(zip(*rows, strict=True)) or [()] * len(columns)
        schema = _schema(columns)
        arrays = [self._arrow.array(*each) for each in zip(cells, schema.types, strict=True)]
        table = self._arrow.table(arrays, schema=schema)
        self._database.create_table_of(self._tables[name], table)

    def _read(self, query: str) -> pa.Table:
        return self._database.read(self._name_tables(query))

    def _rows(self, query: str, columns: Sequence[Column]) -> Iterator[Mapping[str, Any]]:
        for batch in self._database.read_batches(self._name_tables(query), _schema(columns)):
            yield from batch.to_pylist()

    def _numbers(self, query: str) -> Any:  # noqa: ANN401  an array
        columns = self._read(query).columns
        return np.stack([np.asarray(each, np.int64) for each in columns], axis=1)


def _schema(columns: Sequence[Column]) -> pa.Schema:
    from graphbuild.exporters.dataset import dataset_schema  # noqa: PLC0415  needs pyarrow

    return dataset_schema(columns)

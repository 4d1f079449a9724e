"""Define what an engine computes from a dataset.

If a dataset contains several campaigns, an engine unites their rows by these rules, so that the
shards of a crawl give the rows of the whole crawl:

* An observation of several campaigns is one observation. It is inferred only if all of them
  inferred its reference. Its times are the earliest ``first_seen`` and the latest ``last_seen``.
* Of several values of an attribute, the one is kept that was observed last. Without times, it is
  the value in the campaign whose name is last in alphabetical order.
* The state of a subject is the best of its states, in the order of ``graphbuild.models.STATES``.
* Of several values in a column of the seed list, the one of the first campaign is kept.
* The clusters that each campaign stores are not used, because their numbers do not correspond. The
  columns of clusters are empty unless the caller passes clusters that it found in all observations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from graphbuild.engines.dataset_files import DatasetFiles
    from graphbuild.engines.relations import Relations
    from graphbuild.models import ClusterTable


class Sizes(NamedTuple):
    """Numbers of rows that an analysis of a dataset needs."""

    observations: int  # distinct observations, including direct references
    pairs: int  # rows of the relations that represent them


class PendingList(NamedTuple):
    """A list that a crawl has not read to its end."""

    subject: str  # the node key
    expected_count: int  # number of references that the API announced; 0 if it is not known
    received_count: int  # number of references that were received in the current pass


class Engine(Protocol):
    """Computes tables and relations from the selected campaigns of a dataset.

    Methods raise ``DatasetError`` if a file cannot be read, or if the engine needs more memory or
    disk space than it may use.
    """

    files: DatasetFiles  # the files that the engine reads

    def sizes(self) -> Sizes:
        """Return the number of observations, and the number of rows of :meth:`relations`."""

    def relations(self) -> Relations:
        """Return the observations as relations, which are much smaller than the observations."""

    def pending_lists(self) -> list[PendingList]:
        """Return the lists ``related_references`` that are pending, sorted by node key."""

    def table(self, name: str, clusters: ClusterTable | None = None) -> pa.RecordBatchReader:
        """Return one of the tables ``OUTPUT_TABLES``.

        It has the columns, types and rows of the file that ``export --to parquet`` writes for a
        campaign with all observations. The rows are sorted by their node keys. Read all batches
        before you call another method.

        Args:
            name: The name of the table.
            clusters: The clusters of nodes. By default, these are the clusters in the dataset if
                one campaign is read.
        """

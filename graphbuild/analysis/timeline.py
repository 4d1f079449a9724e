"""Count the references of a campaign, its collections and its clusters by month of publication."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphbuild.analysis.deduplication import publication_date
from graphbuild.analysis.incidence import as_incidence, sorted_unique

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from graphbuild.analysis.cluster_models import Clustering
    from graphbuild.models import Entity

CAMPAIGN = "campaign"
CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class TimelineSeries:
    """The publication dates of the references of a campaign, collection or cluster.

    The references of a cluster are those of the files in the cluster.

    Attributes:
        kind: ``campaign``, ``collection`` or ``cluster``.
        key: The node key of the collection, or the number of the cluster as text; an empty string
            for the campaign.
        name: The label of the collection, or the name of the cluster; ``all references`` for the
            campaign.
        references: Number of references.
        undated: Number of references without a publication date.
        first: The reference with the earliest date; None if no reference has a date.
        last: The reference with the latest date; None if no reference has a date.
        months: Number of references by month (UTC), such as ``2018-01``, in ascending order. Months
            without references are omitted.
    """

    kind: str
    key: str
    name: str
    references: int
    undated: int
    first: Entity | None
    last: Entity | None
    months: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Numbers of references by month of publication."""

    campaign: TimelineSeries  # all references
    collections: tuple[TimelineSeries, ...]  # sorted by node key
    clusters: tuple[TimelineSeries, ...]  # the largest first; empty if no clustering was given

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row per series and month, for months with references.

        Columns: ``kind``, ``key``, ``name``, ``month`` (first day of the month, UTC),
        ``references`` (number of references published in the month).
        """
        import pandas as pd  # noqa: PLC0415  loads slowly

        rows = [
            (series.kind, series.key, series.name, pd.Timestamp(f"{month}-01", tz="UTC"), count)
            for series in (self.campaign, *self.collections, *self.clusters)
            for month, count in series.months.items()
        ]
        frame = pd.DataFrame(rows, columns=["kind", "key", "name", "month", "references"])
        return frame.astype({"kind": "category", "month": "datetime64[ns, UTC]"})


def build_timeline(data: object, clustering: Clustering | None = None) -> Timeline:
    """Count the references by month of publication.

    ``data`` is a graph, a store, observations or an ``Incidence``. ``clustering`` is the result of
    :func:`find_clusters` for ``data``; if it is None, there are no counts by cluster.
    """
    incidence = as_incidence(data)
    dates = [publication_date(reference) for reference in incidence.references]

    def series(kind: str, key: str, name: str, selected: Sequence[int]) -> TimelineSeries:
        dated = sorted((day, number) for number in selected if (day := dates[number]) is not None)
        months = Counter(day.isoformat()[:7] for day, _ in dated)
        first, last = (incidence.references[dated[end][1]] if dated else None for end in (0, -1))
        undated = len(selected) - len(dated)
        return TimelineSeries(kind, key, name, len(selected), undated, first, last, dict(months))

    held = incidence.collection_references
    collections = tuple(
        series(each.type, each.key, each.label, held.indices[start:end].tolist())
        for each, start, end in zip(
            incidence.collections, held.indptr[:-1], held.indptr[1:], strict=True
        )
    )
    clusters: tuple[TimelineSeries, ...] = ()
    if clustering is not None:
        # Each pair of cluster and reference is packed into one integer for sorting.
        width = max(1, len(dates))
        keys = clustering.labels[incidence.triples[:, 0]] * width + incidence.triples[:, 1]
        numbers, references = np.divmod(sorted_unique(keys), width)
        starts = np.searchsorted(numbers, np.arange(1, len(clustering) + 1))
        clusters = tuple(
            series(CLUSTER, str(cluster.number), cluster.name, part.tolist())
            for cluster, part in zip(clustering, np.split(references, starts[1:]), strict=False)
        )
    everything = series(CAMPAIGN, "", "all references", range(len(dates)))
    return Timeline(everything, collections, clusters)

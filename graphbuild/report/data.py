"""Collect the data of a report from a campaign file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphbuild._util import require
from graphbuild.analysis import (
    Incidence,
    Snapshot,
    build_timeline,
    compare,
    find_bridges,
    find_clusters,
    find_duplicates,
)

if TYPE_CHECKING:
    from graphbuild.analysis import Bridges, Clustering, Comparison, Deduplication, Timeline
    from graphbuild.store import Store, SubjectStatus, Totals


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """The earlier snapshot with which a report compares a campaign."""

    name: str  # for display: a date or a file name
    snapshot: Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class ReportData:
    """The data from which the sections of a report are built."""

    name: str  # name of the campaign file without its folder
    totals: Totals
    statuses: tuple[SubjectStatus, ...]
    incidence: Incidence
    clustering: Clustering
    duplicates: Deduplication
    bridges: Bridges
    timeline: Timeline
    baseline_name: str  # empty if there is no baseline
    comparison: Comparison | None  # the changes since the baseline; None if there is no baseline


def collect_data(store: Store, baseline: Baseline | None = None, *, seed: int = 0) -> ReportData:
    """Read and analyze a campaign file, and compare it with ``baseline`` unless that is None.

    ``seed`` is the random seed of the cluster detection.

    Raises:
        MissingLibraryError: A library of the extra ``analysis``, except NetworKit, is missing.
    """
    for library in ("tldextract", "w3lib"):
        require(library, extra="analysis")
    with store.snapshot():
        totals, statuses = store.totals(), tuple(store.statuses())
        incidence = Incidence.from_observations(store.observations(direct=True))
        if baseline:
            now = Snapshot.from_observations(store.current_observations(), store.states())
    clustering = find_clusters(incidence, seed=seed)
    return ReportData(
        store.path.name,
        totals,
        statuses,
        incidence,
        clustering,
        find_duplicates(incidence.references),
        find_bridges(incidence, clustering),
        build_timeline(incidence, clustering),
        baseline.name if baseline else "",
        compare(baseline.snapshot, now, seed=seed) if baseline else None,
    )


def count_references(data: ReportData, cluster: int) -> tuple[int, int, int]:
    """Return the numbers of references, independent references and publishers of a cluster.

    ``cluster`` is the number of the cluster. References to one article count as one independent
    reference. Unknown publishers are not counted.
    """
    triples = data.incidence.triples
    rows = data.clustering.labels[triples[:, 0]] == cluster
    references = [data.incidence.references[n] for n in np.unique(triples[rows, 1]).tolist()]
    return len(references), *data.duplicates.count_independent(references)

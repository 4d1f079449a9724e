"""Collect the data of a report from a campaign file."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from graphbuild._util import format_count, require
from graphbuild.analysis import (
    Snapshot,
    as_incidence,
    build_timeline,
    compare,
    find_bridges,
    find_clusters,
    find_duplicates,
    find_sources,
    group_families,
    measure_clusters,
    publication_date,
)
from graphbuild.analysis.diff import SnapshotPair
from graphbuild.analysis.incidence import COLLECTIONS, REFERENCES
from graphbuild.models import COMPLETE, FILE, RELATED_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from graphbuild.analysis import (
        Bridges,
        Cluster,
        Clustering,
        Comparison,
        Deduplication,
        DistinctiveFamily,
        Families,
        Incidence,
        Sources,
        Strength,
        Timeline,
    )
    from graphbuild.models import Entity
    from graphbuild.store import Store, SubjectStatus, Totals

_CLUSTER_DIGEST_LENGTH = 16  # hexadecimal digits in the key of a cluster


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """The earlier snapshot with which a report compares a campaign."""

    name: str  # for display: a date or a file name
    snapshot: Snapshot
    since: float | None = None  # the time of the snapshot; None if it is another campaign file


@dataclass(frozen=True, slots=True)
class News:
    """The entities that responses of the last day added to a campaign."""

    day: date  # the last day (UTC) with a response
    references: int  # number of added references
    collections: int  # number of added collections
    # Number of references of which it is not known whether they are new, because a list that
    # contains them had not been complete before that day.
    unknown: int
    added: tuple[Entity, ...]  # the added references and collections


@dataclass(frozen=True, slots=True, eq=False)
class ReportData:
    """The data from which the sections of a report are built."""

    name: str  # name of the campaign file without its folder
    totals: Totals
    statuses: tuple[SubjectStatus, ...]
    incidence: Incidence
    clustering: Clustering
    families: Families
    # The most distinctive families of each cluster, in the order of the clusters.
    distinctive_families: Sequence[tuple[DistinctiveFamily, ...]]
    duplicates: Deduplication
    sources: Sources  # of the files
    strengths: Mapping[int, Strength]  # by number of the cluster
    bridges: Bridges
    timeline: Timeline
    publication_days: Sequence[str]  # of ``incidence.references``: ``2018-03-01``, or empty
    baseline: Baseline | None
    comparison: Comparison | None  # the changes since the baseline; None if there is no baseline
    news: News | None  # None if there is a baseline, or no complete list before the last day
    cluster_keys: Mapping[int, str]  # see :func:`cluster_key`; by number of the cluster

    @property
    def clusters(self) -> list[Cluster]:
        """The clusters of two or more files, the largest first."""
        return [cluster for cluster in self.clustering if len(cluster.files) > 1]

    @property
    def single_files(self) -> list[Cluster]:
        """The clusters of one file: files that have observations, but belong to no other file."""
        return [cluster for cluster in self.clustering if len(cluster.files) == 1]

    @property
    def baseline_name(self) -> str:
        """The name of the baseline; empty if there is no baseline."""
        return self.baseline.name if self.baseline else ""

    @property
    def last_response(self) -> float | None:
        """The time of the last response or failure; None before the first request."""
        return _last_response(self.statuses)

    @property
    def reference_lists(self) -> list[SubjectStatus]:
        """The progress of each list ``related_references``: one per subject of the analysis."""
        return [each for each in self.statuses if each.relationship == RELATED_REFERENCES]

    @property
    def subjects_without_references(self) -> list[Entity]:
        """The subjects with a complete list of references of which no reference is known."""
        with_references = set(self.incidence.files)
        return [
            each.subject
            for each in self.reference_lists
            if each.state == COMPLETE and each.subject not in with_references
        ]

    def count_subjects(self, number: int) -> str:
        """Return a number of subjects, such as ``3 files``, or ``3 subjects`` of several types."""
        only_files = all(each.subject.type == FILE for each in self.reference_lists)
        return format_count(number, "file" if only_files else "subject")


def collect_data(store: Store, baseline: Baseline | None = None, *, seed: int = 0) -> ReportData:
    """Read and analyze a campaign file, and compare it with ``baseline`` unless that is None.

    ``seed`` is the random seed for the stability of the clusters.

    Raises:
        MissingLibraryError: A library of the extra ``analysis``, except NetworKit, is missing.
    """
    for library in ("tldextract", "w3lib"):
        require(library, extra="analysis")
    news = None
    with store.snapshot():
        totals, statuses = store.totals(), tuple(store.statuses())
        incidence = as_incidence(store)
        if baseline:
            now = _snapshot(store)
        else:
            news = _find_news(store, _last_response(statuses))
    clustering = find_clusters(incidence, seed=seed)
    families = group_families(incidence)
    duplicates = find_duplicates(incidence.references)
    sources = find_sources(incidence, duplicates)
    return ReportData(
        store.path.name,
        totals,
        statuses,
        incidence,
        clustering,
        families,
        families.distinctive(clustering.labels),
        duplicates,
        sources,
        clustering.strengths or measure_clusters(sources, clustering.labels),
        find_bridges(incidence, clustering),
        build_timeline(incidence, clustering),
        [day.isoformat() if day else "" for day in map(publication_date, incidence.references)],
        baseline,
        compare(baseline.snapshot, now, seed=seed) if baseline else None,
        news,
        {each.number: key_of_cluster(each) for each in clustering},
    )


def cluster_key(files: Iterable[str]) -> str:
    """Return a key that identifies a cluster by the node keys of its files."""
    digest = hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()
    return f"cluster:{digest[:_CLUSTER_DIGEST_LENGTH]}"


def key_of_cluster(cluster: Cluster) -> str:
    """Return the key of a cluster; see :func:`cluster_key`."""
    return cluster_key(file.key for file in cluster.files)


def count_known(status: SubjectStatus) -> int:
    """Return the number of received and inferred references of a list."""
    return status.received_count + status.inferred_count


def count_references(data: ReportData, cluster: int) -> tuple[int, int, int]:
    """Return the numbers of references, independent references and publishers of a cluster.

    ``cluster`` is the number of the cluster. References to one article count as one independent
    reference. Unknown publishers are not counted.
    """
    triples = data.incidence.triples
    rows = data.clustering.labels[triples[:, 0]] == cluster
    references = [data.incidence.references[n] for n in np.unique(triples[rows, 1]).tolist()]
    return len(references), *data.duplicates.count_independent(references)


def _last_response(statuses: Sequence[SubjectStatus]) -> float | None:
    times = (each.fetched_at for each in statuses if each.fetched_at is not None)
    return max(times, default=None)


def _find_news(store: Store, last_response: float | None) -> News | None:
    """Compare the campaign with its state before the day (UTC) of the last response.

    Return None if there is no response, or if no list was complete before that day.
    """
    if last_response is None:
        return None
    day = datetime.fromtimestamp(last_response, UTC).date()
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    before = math.nextafter(midnight, -math.inf)
    if all(state != COMPLETE for _, state in store.states(before)):
        return None
    pair = SnapshotPair(_snapshot(store, before), _snapshot(store))
    references, collections = map(pair.entity_changes, (REFERENCES, COLLECTIONS))
    counts = len(references.added), len(collections.added), len(references.unknown_before)
    return News(day, *counts, (*references.added, *collections.added))


def _snapshot(store: Store, at: float = math.inf) -> Snapshot:
    return Snapshot.from_observations(store.current_observations(at), store.states(at))

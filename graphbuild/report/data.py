"""What a campaign file says, all of it that a report tells; every figure is made here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphbuild.analysis import (
    Incidence,
    Snapshot,
    build_timeline,
    compare,
    find_bridges,
    find_communities,
    find_sources,
)

if TYPE_CHECKING:
    from graphbuild.analysis import Bridges, Communities, Comparison, Sources, Timeline
    from graphbuild.store import Store, SubjectStatus, Totals


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """What the campaign is held beside.

    Attributes:
        name: what to call it: a day, or a file.
        side: what was known then.
    """

    name: str
    side: Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What a campaign file says.

    Attributes:
        name: of the file.
        totals: the file in numbers.
        statuses: how wholly each subject is known.
        incidence: what was observed, ever.
        clusters: of the files.
        sources: which references are one report, and who published it.
        bridges: what joins them.
        timeline: when reports were published.
        before: what it is held beside, empty for nothing.
        comparison: what came and went since; None without.
    """

    name: str
    totals: Totals
    statuses: tuple[SubjectStatus, ...]
    incidence: Incidence
    clusters: Communities
    sources: Sources
    bridges: Bridges
    timeline: Timeline
    before: str
    comparison: Comparison | None


def find(store: Store, before: Before | None = None, *, seed: int = 0) -> Findings:
    """All that a report tells of a campaign file.

    Args:
        store: the file.
        before: what to hold it beside.
        seed: of the clusters.

    Raises:
        AnalysisError: a library of the extra ``analysis`` is not installed.
    """
    with store.snapshot():
        totals, statuses = store.totals(), tuple(store.statuses())
        incidence = Incidence.of(store.observations())
        now = Snapshot.of(store.current_observations(), store.states()) if before else None
    clusters = find_communities(incidence, seed=seed)
    return Findings(
        store.path.name,
        totals,
        statuses,
        incidence,
        clusters,
        find_sources(incidence.references),
        find_bridges(incidence, clusters),
        build_timeline(incidence, clusters),
        before.name if before else "",
        compare(before.side, now, seed=seed) if before and now else None,
    )


def reports_of(found: Findings, cluster: int) -> tuple[int, int, int]:
    """The references of a cluster's files, how many reports these are, and by how many publishers.

    Args:
        found: what a campaign file says.
        cluster: the number of the cluster, from 1.
    """
    facts = found.incidence.facts
    rows = found.clusters.label[facts[:, 0]] == cluster
    references = [found.incidence.references[n] for n in np.unique(facts[rows, 1]).tolist()]
    return len(references), *found.sources.count(references)

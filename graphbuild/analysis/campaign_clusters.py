"""Read the graph of a campaign file with its clusters; read, find and save these clusters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from graphbuild._util import format_timestamp
from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.deduplication import find_duplicates
from graphbuild.analysis.evidence_sources import find_sources
from graphbuild.analysis.incidence import as_incidence
from graphbuild.analysis.method_version import method_version
from graphbuild.analysis.strength import measure_clusters
from graphbuild.errors import MissingLibraryError
from graphbuild.graph.builder import TITLE, build_graph, with_stable_order
from graphbuild.graph.clusters import add_clusters, has_clusters
from graphbuild.graph.views import is_derived
from graphbuild.models import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from graphbuild.analysis.cluster_models import Clustering
    from graphbuild.graph.builder import Graph
    from graphbuild.models import ClusterTable, Entity, Link, Observation

    class StoredClusters(Protocol):
        """The part of ``store.clusters`` that this module uses."""

        def load(self, method: str) -> ClusterTable | None:
            """Return the clusters of the current state, or None."""

        def save(self, table: ClusterTable, method: str) -> None:
            """Store the clusters of the current state."""

    class CampaignStore(Protocol):
        """The part of a ``Store`` that this module uses."""

        @property
        def clusters(self) -> StoredClusters:
            """The clusters in the campaign file."""

        @property
        def path(self) -> Path:
            """The campaign file."""

        def snapshot(self) -> AbstractContextManager[None]:
            """Return a context in which all reads see the same state."""

        def observations(self, *, direct: bool) -> Iterable[Observation]:
            """Return all observations."""

        def subjects(self, *, times: bool) -> Iterable[Entity]:
            """Return all subjects."""

        def links(self) -> Iterable[Link]:
            """Return all links."""

        def last_response_time(self) -> float | None:
            """Return the time of the newest stored response."""


def read_graph(
    store: CampaignStore,
    *,
    observed_only: bool = False,
    timestamps: bool = False,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Graph:
    """Return the graph of a campaign, with its clusters and its title.

    Args:
        store: The campaign file.
        observed_only: Whether to leave out inferred observations. The clusters are always those of
            all observations.
        timestamps: Whether to add the times of responses.
        on_progress: Function that is called before each step, with a description of the step.
    """
    on_progress("reading the campaign")
    with store.snapshot():
        observations = store.observations(direct=True)
        if observed_only:
            observations = (each for each in observations if each.provenance == OBSERVED)
        graph = build_graph(
            observations,
            subjects=store.subjects(times=timestamps),
            links=store.links(),
            timestamps=timestamps,
        )
        on_progress("finding clusters")
        add_clusters(graph, read_clusters(store, None if observed_only else graph))
        graph.graph[TITLE] = _title(store)
    return graph


def _title(store: CampaignStore) -> str:
    """Return the name of a campaign file, and the date (UTC) of its newest response."""
    newest = store.last_response_time()
    date = "" if newest is None else f", responses until {format_timestamp(newest)[:10]}"
    return f"{store.path.stem}{date}"


def read_clusters(store: CampaignStore, graph: Graph | None = None) -> ClusterTable:
    """Return the clusters of a campaign: those in its file or, if there are none, found clusters.

    Call this function in a snapshot of ``store``, together with other reads.

    Args:
        store: The campaign file.
        graph: The graph of all observations of the campaign, if the caller has built it. Then, the
            observations are not read again to find clusters.
    """
    stored = store.clusters.load(method_version())
    return stored or find_with_strengths(store if graph is None else graph).to_table()


def save_clusters(store: CampaignStore) -> None:
    """Store the clusters of a campaign file that is open for writing, unless it has them."""
    if store.clusters.load(method_version()) is None:
        store.clusters.save(find_with_strengths(store).to_table(), method_version())


def find_with_strengths(data: object, *, seed: int = 0) -> Clustering:
    """Find clusters with :func:`find_clusters`, and measure their strength unless it is stored.

    Without the extra ``analysis``, the clusters have no strengths.
    """
    incidence = as_incidence(data)
    found = find_clusters(incidence, seed=seed)
    if found.strengths:
        return found
    try:
        duplicates = find_duplicates(incidence.references)
    except MissingLibraryError:
        return found
    sources = find_sources(incidence, duplicates)
    return replace(found, strengths=measure_clusters(sources, found.labels))


def add_found_clusters(graph: Graph) -> None:
    """Find the clusters of a graph that ``build_graph`` made, and add them to its nodes."""
    add_clusters(graph, find_clusters(graph).to_table())


def with_clusters(graph: Graph) -> Graph:
    """Return ``graph`` if it has clusters, otherwise a copy with clusters.

    ``graph`` itself is also returned if no clusters can be found: its nodes or edges lack the
    attributes that ``build_graph`` sets, it has no observations, or it is a view with merged nodes
    or computed edges.
    """
    if not graph.is_directed() or graph.is_multigraph() or has_clusters(graph) or is_derived(graph):
        return graph
    try:
        table = find_clusters(graph).to_table()
    except TypeError:
        return graph
    if not table.numbers:
        return graph
    ordered = with_stable_order(graph)
    copy = graph.copy() if ordered is graph else ordered
    add_clusters(copy, table)
    return copy

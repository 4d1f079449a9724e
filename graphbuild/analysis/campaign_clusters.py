"""Read, find and save the clusters of a campaign file, and add clusters to graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from graphbuild.analysis.cluster_method import method_version
from graphbuild.analysis.clusters import find_clusters
from graphbuild.graph.builder import with_stable_order
from graphbuild.graph.clusters import add_clusters, has_clusters
from graphbuild.graph.views import is_derived

if TYPE_CHECKING:
    from graphbuild.graph.builder import Graph
    from graphbuild.models import ClusterTable

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


def read_clusters(store: CampaignStore, graph: Graph | None = None) -> ClusterTable:
    """Return the clusters of a campaign: those in its file or, if there are none, found clusters.

    Call this function in a snapshot of ``store``, together with other reads.

    Args:
        store: The campaign file.
        graph: The graph of all observations of the campaign, if the caller has built it. Then, the
            observations are not read again to find clusters.
    """
    stored = store.clusters.load(method_version())
    return stored or find_clusters(store if graph is None else graph).to_table()


def save_clusters(store: CampaignStore) -> None:
    """Store the clusters of a campaign file that is open for writing, unless it has them."""
    if store.clusters.load(method_version()) is None:
        store.clusters.save(find_clusters(store).to_table(), method_version())


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

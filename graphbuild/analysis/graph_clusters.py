"""Find the clusters of a graph, and add them to its nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.analysis.clusters import find_clusters
from graphbuild.graph.builder import with_stable_order
from graphbuild.graph.clusters import add_clusters, has_clusters
from graphbuild.graph.views import is_derived

if TYPE_CHECKING:
    from graphbuild.graph.builder import Graph


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

"""Find the clusters that the layout of large graphs and the colors of the HTML page use.

The Louvain algorithm of networkx clusters the folded graph. The clusters contain nodes of all
types. No optional library is needed.

The commands ``communities`` and ``report`` show other clusters, which contain only subjects:
:mod:`graphbuild.analysis.clusters` finds these clusters by shared evidence.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import networkx as nx

from graphbuild.graph.views import fold_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.graph.builder import Graph

NO_CLUSTER = -1  # the cluster number of a node in no cluster, such as a node without neighbors
_SEED = 20_240_229


def quotient_graph(graph: Graph, groups: Sequence[Sequence[str]]) -> nx.Graph[int]:
    """Return the undirected graph of groups of nodes: two groups are linked if their nodes are.

    ``groups`` is the result of ``fold_groups(graph)``, and the nodes of the returned graph are
    indices of ``groups``. The edge attribute ``weight`` is the number of edges between the nodes of
    two groups. There are no self-loops. The result does not depend on the order of nodes and edges
    in ``graph``.
    """
    number = {node: index for index, group in enumerate(groups) for node in group}
    counts: Counter[tuple[int, int]] = Counter()
    adjacency = dict(graph.adjacency())
    for one, group in enumerate(groups):
        for other in {number[target] for target in adjacency[group[0]]} - {one}:
            counts[min(one, other), max(one, other)] += len(group) * len(groups[other])
    quotient: nx.Graph[int] = nx.Graph()
    quotient.add_nodes_from(range(len(groups)))
    quotient.add_weighted_edges_from((*pair, counts[pair]) for pair in sorted(counts))
    return quotient


def louvain_clusters(quotient: nx.Graph[int]) -> list[list[int]]:
    """Return the Louvain clusters of a :func:`quotient_graph`, or of a subgraph of such a graph.

    Each cluster is a sorted list of nodes. Each node is in exactly one cluster.
    """
    ordered: nx.Graph[int] = nx.Graph()
    ordered.add_nodes_from(sorted(quotient))
    ordered.add_weighted_edges_from(
        sorted((min(a, b), max(a, b), edge["weight"]) for a, b, edge in quotient.edges(data=True))
    )
    return sorted(map(sorted, nx.community.louvain_communities(ordered, seed=_SEED)))


def node_clusters(graph: Graph) -> dict[str, int]:
    """Return, by node key, the cluster number (0 for the largest cluster) or ``NO_CLUSTER``."""
    groups = fold_groups(graph)
    quotient = quotient_graph(graph, groups)
    clusters = louvain_clusters(quotient) if quotient.size() else []
    return number_clusters(quotient, groups, clusters)


def number_clusters(
    quotient: nx.Graph[int], groups: Sequence[Sequence[str]], clusters: Sequence[Sequence[int]]
) -> dict[str, int]:
    """Return the result of :func:`node_clusters`, from a quotient graph and its clusters."""
    # Each group of nodes without neighbors is a cluster of its own in ``clusters``.
    linked = [cluster for cluster in clusters if quotient.degree[cluster[0]]]
    members = [sorted(key for group in cluster for key in groups[group]) for cluster in linked]
    numbers = dict.fromkeys((key for group in groups for key in group), NO_CLUSTER)
    ranked = sorted(
        (keys for keys in members if len(keys) > 1), key=lambda keys: (-len(keys), keys)
    )
    for number, keys in enumerate(ranked):
        numbers.update(dict.fromkeys(keys, number))
    return numbers

"""Split large graphs into parts, for the layout.

A quotient graph is the undirected graph of groups of nodes. The attribute ``cluster`` of its nodes
is the cluster of the group.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import networkx as nx

from graphbuild.graph.clusters import NO_CLUSTER, cluster_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.graph.builder import Graph

_SEED = 20_240_229


def quotient_graph(graph: Graph, groups: Sequence[Sequence[str]]) -> nx.Graph[int]:
    """Return the undirected graph of groups of nodes: two groups are linked if their nodes are.

    ``groups`` is the result of ``fold_groups(graph)``, and the nodes of the returned graph are
    indices of ``groups``. The edge attribute ``weight`` is the number of edges between the nodes of
    two groups, and the node attribute ``cluster`` is the cluster of the first node of the group.
    There are no self-loops. The result does not depend on the order of nodes and edges in
    ``graph``.
    """
    number = {node: index for index, group in enumerate(groups) for node in group}
    counts: Counter[tuple[int, int]] = Counter()
    adjacency = dict(graph.adjacency())
    for one, group in enumerate(groups):
        for other in {number[target] for target in adjacency[group[0]]} - {one}:
            counts[min(one, other), max(one, other)] += len(group) * len(groups[other])
    quotient: nx.Graph[int] = nx.Graph()
    for index, (first, *_) in enumerate(groups):
        quotient.add_node(index, cluster=cluster_of(graph.nodes[first]))
    quotient.add_weighted_edges_from((*pair, counts[pair]) for pair in sorted(counts))
    return quotient


def quotient_of_parts(quotient: nx.Graph[int], parts: Sequence[Sequence[int]]) -> nx.Graph[int]:
    """Return the undirected graph of parts of a quotient graph, in the same form.

    The nodes of the returned graph are indices of ``parts``. They have no cluster.
    """
    part_of = {node: number for number, members in enumerate(parts) for node in members}
    weights: Counter[tuple[int, int]] = Counter()
    for one, other, edge in quotient.edges(data=True):
        ends = sorted((part_of[one], part_of[other]))
        if ends[0] != ends[1]:
            weights[ends[0], ends[1]] += edge["weight"]
    between: nx.Graph[int] = nx.empty_graph(len(parts))
    between.add_weighted_edges_from((*pair, weights[pair]) for pair in sorted(weights))
    return between


def parts_of_clusters(quotient: nx.Graph[int]) -> list[list[int]]:
    """Split a quotient graph into its clusters.

    A node without a cluster joins the cluster to which most of its edges lead. Nodes whose
    neighbors have no cluster either are one more part.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for node in sorted(quotient):
        members[cluster_of(quotient.nodes[node]) or _nearest_cluster(quotient, node)].append(node)
    return [members[number] for number in sorted(members)]


def _nearest_cluster(quotient: nx.Graph[int], node: int) -> int:
    weights: Counter[int] = Counter()
    for neighbor, edge in quotient.adj[node].items():
        if number := cluster_of(quotient.nodes[neighbor]):
            weights[number] += edge["weight"]
    return min(weights, key=lambda number: (-weights[number], number), default=NO_CLUSTER)


def louvain_parts(quotient: nx.Graph[int]) -> list[list[int]]:
    """Split a quotient graph into parts with many edges inside and few between them (Louvain)."""
    ordered: nx.Graph[int] = nx.Graph()
    ordered.add_nodes_from(sorted(quotient))
    ordered.add_weighted_edges_from(
        sorted((min(a, b), max(a, b), edge["weight"]) for a, b, edge in quotient.edges(data=True))
    )
    return sorted(map(sorted, nx.community.louvain_communities(ordered, seed=_SEED)))

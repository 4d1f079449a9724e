"""Merge the most similar clusters of files again and again (average linkage).

Average linkage (Sokal and Michener 1958, Univ. Kansas Sci. Bull. 38) merges the two clusters with
the highest mean similarity of their files, as long as this mean is high enough. Two clusters that
are each other's most similar cluster can be merged before all others without a change of the result
(Murtagh 1983, Comput. J. 26). There are two ways to find such pairs:

* Follow a chain from a cluster to its most similar cluster until two clusters are each other's most
  similar one. This needs a matrix with an entry for each pair of nodes.
* Merge all such pairs at once, and repeat (Sumengen et al. 2021, arXiv:2105.11653). This stores
  only pairs with a similarity above 0, but needs many steps if all nodes are most similar to one.

The result depends on no random number. Nodes that no path connects do not influence each other,
because each connected component is clustered on its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from graphbuild.analysis.incidence import Numbers, Reals

    # Of edges, integers of 32 bits, because scipy would convert larger ones in each step.
    NodeNumbers = NDArray[np.integer[Any]]

# Minimum share of pairs of nodes with a similarity above 0 for the use of a matrix. Then the matrix
# needs at most about 64 bytes per such pair.
_DENSE = 1 / 4


class SimilarityGraph(NamedTuple):
    """The similarity of files. A node represents one or more files with identical evidence.

    Each pair of nodes with a similarity above 0 is an edge, which is stored once.
    """

    sizes: Numbers  # for each node, the number of its files
    source: NodeNumbers  # for each edge, the smaller node number
    target: NodeNumbers  # for each edge, the larger node number
    similarity: Reals  # for each edge, the similarity (0 to 1) of files of its two nodes

    def modularity(self, labels: Numbers) -> float:
        """Return the modularity of clusters; ``labels`` contains the cluster number of each node.

        Files of one node have a similarity of 1. Without similar files, the modularity is 0.
        """
        inner = self.sizes * (self.sizes - 1) / 2
        between = self.similarity * self.sizes[self.source] * self.sizes[self.target]
        ends = labels[self.source], labels[self.target]
        degrees = np.bincount(labels, 2 * inner, minlength=len(labels))
        for each in ends:
            degrees += np.bincount(each, between, minlength=len(labels))
        total = degrees.sum()
        if not total:
            return 0.0
        inside = 2 * (inner.sum() + between[ends[0] == ends[1]].sum())
        return float(inside / total - ((degrees / total) ** 2).sum())


def merge_similar(graph: SimilarityGraph, minimum: float, *, dense: float = _DENSE) -> Numbers:
    """Return the cluster number of each node, from 0 without gaps, in the order of first nodes.

    Clusters are merged while the mean similarity of their files is at least ``minimum``. The mean
    is taken over all pairs of a file of one cluster and a file of the other, including pairs with a
    similarity of 0.

    Args:
        graph: The similarity of the files.
        minimum: The minimum mean similarity, above 0.
        dense: Minimum share of the pairs of nodes of a component that are edges, so that the
            component is clustered with a matrix.
    """
    labels = np.arange(len(graph.sizes))
    for nodes, part in _components(graph):
        pairs = len(nodes) * (len(nodes) - 1) / 2
        merge = _merge_by_chains if len(part.source) >= dense * pairs else _merge_at_once
        labels[nodes] = nodes[merge(part, minimum)]
    return np.unique(labels, return_inverse=True)[1]


def _components(graph: SimilarityGraph) -> list[tuple[Numbers, SimilarityGraph]]:
    """Return the nodes and the graph of each connected component with at least one edge."""
    count = len(graph.sizes)
    matrix = sparse.csr_array((graph.similarity, (graph.source, graph.target)), (count, count))
    number, component = sparse.csgraph.connected_components(matrix, directed=False)
    bounds = np.arange(1, number)
    nodes_of = np.split(
        (by_node := np.argsort(component, kind="stable")),
        np.searchsorted(component[by_node], bounds),
    )
    edge_component = component[graph.source]
    edges_of = np.split(
        (by_edge := np.argsort(edge_component, kind="stable")),
        np.searchsorted(edge_component[by_edge], bounds),
    )
    position = np.empty(count, np.int32)
    parts = []
    for nodes, edges in zip(nodes_of, edges_of, strict=True):
        if len(edges):
            position[nodes] = np.arange(len(nodes))
            source, target = position[graph.source[edges]], position[graph.target[edges]]
            part = SimilarityGraph(graph.sizes[nodes], source, target, graph.similarity[edges])
            parts.append((nodes, part))
    return parts


def _merge_by_chains(graph: SimilarityGraph, minimum: float) -> Numbers:
    """Return, for each node, the first node of its cluster. The first way of the module's text."""
    count = len(graph.sizes)
    sizes = graph.sizes.astype(float)
    first = np.arange(count)
    total = np.zeros((count, count))  # the sum of the similarities of the files of two clusters
    total[graph.source, graph.target] = graph.similarity
    total *= np.outer(sizes, sizes)
    total += total.T
    chain: list[int] = []
    starts = list(range(count - 1, -1, -1))
    while chain or starts:
        if not chain:
            chain = [starts.pop()]
        last = chain[-1]
        mean = total[last] / (sizes[last] * sizes)
        nearest = int(np.argmax(mean))
        if mean[nearest] < minimum:
            # A later merge of two other clusters never increases the higher of their means.
            chain.pop()
        elif len(chain) > 1 and mean[chain[-2]] == mean[nearest]:
            kept, merged = sorted(chain[-2:])
            del chain[-2:]
            total[kept] += total[merged]
            total[kept, [kept, merged]] = 0
            total[:, kept] = total[kept]
            total[merged] = 0
            total[:, merged] = 0
            sizes[kept] += sizes[merged]
            first[first == merged] = kept
            starts.append(kept)
        else:
            chain.append(nearest)
    return first


def _merge_at_once(graph: SimilarityGraph, minimum: float) -> NodeNumbers:
    """Return, for each node, the first node of its cluster. The second way of the module's text."""
    count = len(graph.sizes)
    sizes = graph.sizes.astype(float)
    first: NodeNumbers = np.arange(count)
    source, target = graph.source, graph.target
    total = graph.similarity * sizes[source] * sizes[target]
    while len(total):
        mean = total / (sizes[source] * sizes[target])
        is_similar = mean >= minimum
        nearest = _nearest(count, source[is_similar], target[is_similar], mean[is_similar])
        is_open = nearest < count
        nodes = np.flatnonzero(is_open)
        mutual = nodes[nearest[nearest[nodes]] == nodes]
        merged = mutual[nearest[mutual] < mutual]
        if not len(merged):
            break
        into = np.arange(count, dtype=source.dtype)
        into[merged] = nearest[merged]
        sizes[into[merged]] += sizes[merged]
        first = into[first]
        kept = is_open[source] & is_open[target]
        ends = into[source[kept]], into[target[kept]]
        source, target, total = _sum_edges(count, *ends, total[kept])
    return first


def _nearest(count: int, source: NodeNumbers, target: NodeNumbers, mean: Reals) -> NodeNumbers:
    """Return the most similar cluster of each cluster; of several, the one with the lowest number.

    Because of the lowest number, two clusters are always each other's most similar one, even if all
    means are equal. The result for a cluster without an edge is ``count``, the number of clusters.
    """
    best = np.zeros(count)
    np.maximum.at(best, source, mean)
    np.maximum.at(best, target, mean)
    nearest = np.full(count, count, source.dtype)
    for one, other in ((source, target), (target, source)):
        is_best = mean == best[one]
        np.minimum.at(nearest, one[is_best], other[is_best])
    return nearest


def _sum_edges(
    count: int, one: NodeNumbers, other: NodeNumbers, total: Reals
) -> tuple[NodeNumbers, NodeNumbers, Reals]:
    """Return each edge once, with its smaller and larger end and the sum of its totals.

    Edges inside a cluster are removed.
    """
    apart = one != other
    one, other, total = one[apart], other[apart], total[apart]
    ends = np.minimum(one, other), np.maximum(one, other)
    edges = sparse.csr_array((total, ends), shape=(count, count)).tocoo()
    return edges.row, edges.col, edges.data

"""Cluster files by average linkage: repeatedly merge the two most similar clusters.

Average linkage merges the two clusters with the highest mean similarity between their files, until
no mean reaches a minimum (Sokal and Michener 1958, Univ. Kansas Sci. Bull. 38). Two clusters that
are each other's most similar cluster can be merged before all others without changing the result
(Murtagh 1983, Comput. J. 26). There are two ways to find such pairs. They have the same result if
there is no wide evidence (see below) and no two means are equal:

* Follow a chain from a cluster to its most similar cluster until two clusters are each other's most
  similar one. This needs a matrix with an entry for each pair of nodes.
* Merge all such pairs at once, and repeat (Sumengen et al. 2021, arXiv:2105.11653). This stores
  only the edges, but needs many steps if all nodes are most similar to the same node.

*Wide evidence*, which very many files have, would make far too many edges. Where
:mod:`file_similarity` separates it, its similarity is stored as the product of two matrices with
few columns. It counts in the mean similarity of two clusters, but makes no edge. Clusters that no
path of edges connects are not merged, whatever their wide evidence. With wide evidence, the second
way is only an approximation. It does not merge clusters without an edge between them. And a cluster
is complete when the means of all its edges are below the minimum. A merge of two other clusters
could still raise a mean above it.

No random numbers are used. Nodes that no path connects do not influence each other, because each
connected component is clustered on its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from graphbuild.analysis.incidence import Numbers, Reals

    # Usually int32, because scipy would convert larger integers in each step.
    NodeNumbers = NDArray[np.integer[Any]]

# Use a matrix if at least this share of all pairs of nodes are edges. Then the matrix needs at most
# about 64 bytes per edge, and three times as much while it is computed.
_DENSE = 1 / 4
_BATCH = 2**14  # number of edges whose intermediate results fit into the caches of a processor


class SimilarityGraph(NamedTuple):
    """The similarity of files. A node represents one or more files with identical evidence.

    The similarity of two nodes i and j is that of their edge (0 without an edge) plus that of wide
    evidence, ``wide_left[i] @ wide_right[j]``. Exchanging i and j gives the same value.
    """

    sizes: Numbers  # for each node, the number of its files
    source: NodeNumbers  # for each edge, the smaller node number
    target: NodeNumbers  # for each edge, the larger node number
    similarity: Reals  # for each edge, the similarity (0 to 1) of its nodes, without wide evidence
    wide_left: Reals  # a row for each node
    wide_right: Reals  # a row for each node, with the same columns

    def modularity(self, labels: Numbers) -> float:
        """Return the modularity of clusters; ``labels`` contains the cluster number of each node.

        Files of one node have a similarity of 1. Without similar files, the modularity is 0.
        """
        inner = self.sizes * (self.sizes - 1) / 2
        between = self.similarity * self.sizes[self.source] * self.sizes[self.target]
        ends = labels[self.source], labels[self.target]
        wide, wide_inside = self._sum_wide_similarity(labels)
        degrees = wide + np.bincount(labels, 2 * inner, minlength=len(labels))
        for each in ends:
            degrees += np.bincount(each, between, minlength=len(labels))
        total = degrees.sum()
        if not total:
            return 0.0
        inside = 2 * (inner.sum() + between[ends[0] == ends[1]].sum()) + wide_inside
        return float(inside / total - ((degrees / total) ** 2).sum())

    def _sum_wide_similarity(self, labels: Numbers) -> tuple[Reals, float]:
        """Return two sums of similarities from wide evidence between files of different nodes.

        The first contains, for each cluster, the sum over pairs of a file of the cluster and any
        other file. The second is the sum over pairs of files of one cluster, each counted twice.
        """
        count = len(self.sizes)
        members = sparse.csr_array((self.sizes, (labels, np.arange(count))), (len(labels), count))
        left, right = members @ self.wide_left, members @ self.wide_right
        same_node = self.sizes**2 * (self.wide_left * self.wide_right).sum(axis=1)
        of_cluster = left @ right.sum(axis=0) - np.bincount(labels, same_node, len(labels))
        return of_cluster, float((left * right).sum() - same_node.sum())


def merge_similar(graph: SimilarityGraph, minimum: float, *, dense: float = _DENSE) -> Numbers:
    """Return the cluster number of each node.

    Clusters are numbered from 0, in the order of their first nodes. Two clusters are merged only if
    the mean similarity between their files is at least ``minimum``. The mean is taken over all
    pairs of a file of one cluster and a file of the other, including pairs with a similarity of 0.
    Nodes that no path of edges connects are never in one cluster.

    Args:
        graph: The similarity of the files.
        minimum: The minimum mean similarity, above 0.
        dense: Use a matrix for a component if at least this share of its pairs of nodes are edges.
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
            part = SimilarityGraph(
                graph.sizes[nodes],
                source,
                target,
                graph.similarity[edges],
                graph.wide_left[nodes],
                graph.wide_right[nodes],
            )
            parts.append((nodes, part))
    return parts


def _merge_by_chains(graph: SimilarityGraph, minimum: float) -> Numbers:
    """Return, for each node, the first node of its cluster (first way of the module docstring)."""
    count = len(graph.sizes)
    sizes = graph.sizes.astype(float)
    first = np.arange(count)
    total = np.zeros((count, count))  # the sum of the similarities of the files of two clusters
    total[graph.source, graph.target] = graph.similarity
    total += total.T
    total += _wide_similarity(graph)
    np.fill_diagonal(total, 0)
    total *= np.outer(sizes, sizes)
    chain: list[int] = []
    starts = list(range(count - 1, -1, -1))
    while chain or starts:
        if not chain:
            chain = [starts.pop()]
        last = chain[-1]
        mean = total[last] / (sizes[last] * sizes)
        nearest = int(np.argmax(mean))
        if mean[nearest] < minimum:
            # No later merge can help: the mean similarity to a merged cluster is at most the higher
            # of those to its two parts.
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


def _wide_similarity(graph: SimilarityGraph) -> Reals:
    """Return a square matrix with the similarity of all nodes that results from wide evidence."""
    wide = graph.wide_left @ graph.wide_right.T
    similarity: Reals = (wide + wide.T) / 2  # exactly symmetric, despite rounding
    return similarity


class _Edges(NamedTuple):
    """Pairs of clusters. The first cluster of each pair has the smaller number."""

    source: NodeNumbers
    target: NodeNumbers
    total: Reals  # the sum of the similarities of their files, without wide evidence
    mean: Reals  # the mean similarity of their files

    def select(self, which: NDArray[np.bool_]) -> _Edges:
        rows = np.flatnonzero(which)  # faster than a mask, because several columns are selected
        return _Edges._make(column[rows] for column in self)

    def join(self, others: _Edges) -> _Edges:
        return _Edges._make(map(np.concatenate, zip(self, others, strict=True)))


def _merge_at_once(graph: SimilarityGraph, minimum: float) -> NodeNumbers:
    """Return, for each node, the first node of its cluster (second way of the module docstring)."""
    count = len(graph.sizes)
    first: NodeNumbers = np.arange(count)
    sizes = graph.sizes.astype(float)
    # Column-major, because multiply_rows reads whole columns.
    left, right = (
        np.asfortranarray(each * sizes[:, None]) for each in (graph.wide_left, graph.wide_right)
    )

    def measure(source: NodeNumbers, target: NodeNumbers, total: Reals) -> _Edges:
        mean = np.empty(len(total))
        for start in range(0, len(total), _BATCH):
            batch = slice(start, start + _BATCH)
            one, other = source[batch].astype(np.intp), target[batch].astype(np.intp)
            wide = multiply_rows(left, one, right, other)
            mean[batch] = (total[batch] + wide) / (sizes[one] * sizes[other])
        return _Edges(source, target, total, mean)

    ends = graph.source, graph.target
    edges = measure(*ends, graph.similarity * sizes[graph.source] * sizes[graph.target])
    while len(edges.mean):
        nearest = _nearest(count, edges.select(edges.mean >= minimum))
        is_open = nearest < count
        nodes = np.flatnonzero(is_open)
        mutual = nodes[nearest[nearest[nodes]] == nodes]
        merged = mutual[nearest[mutual] < mutual]
        if not len(merged):
            break
        into = np.arange(count, dtype=graph.source.dtype)
        into[merged] = nearest[merged]
        first = into[first]
        for each in (sizes, left, right):
            each[into[merged]] += each[merged]
        # Only the edges of merged clusters change. Keeping the others saves half of the time.
        has_changed = np.zeros(count, bool)
        has_changed[merged] = has_changed[into[merged]] = True
        is_kept = is_open[edges.source] & is_open[edges.target]
        is_changed = has_changed[edges.source] | has_changed[edges.target]
        changed = edges.select(is_kept & is_changed)
        sums = _sum_edges(count, into[changed.source], into[changed.target], changed.total)
        edges = edges.select(is_kept & ~is_changed).join(measure(*sums))
    return first


def multiply_rows(left: Reals, source: NodeNumbers, right: Reals, target: NodeNumbers) -> Reals:
    """Return ``left[source[i]] @ right[target[i]]`` for each i."""
    products = np.zeros(len(source))
    # Column by column, because copies of all rows would need too much memory.
    for one, other in zip(left.T, right.T, strict=True):
        products += one[source] * other[target]
    return products


def _nearest(count: int, edges: _Edges) -> NodeNumbers:
    """Return the most similar cluster of each cluster; of equal ones, that with the lowest number.

    Because ties go to the lowest number, at least two clusters are each other's most similar one,
    even if all means are equal. For a cluster without an edge, the result is ``count`` (the number
    of nodes), which is not the number of a cluster.
    """
    best = np.zeros(count)
    np.maximum.at(best, edges.source, edges.mean)
    np.maximum.at(best, edges.target, edges.mean)
    nearest = np.full(count, count, edges.source.dtype)
    for one, other in ((edges.source, edges.target), (edges.target, edges.source)):
        is_best = edges.mean == best[one]
        np.minimum.at(nearest, one[is_best], other[is_best])
    return nearest


def _sum_edges(
    count: int, one: NodeNumbers, other: NodeNumbers, total: Reals
) -> tuple[NodeNumbers, NodeNumbers, Reals]:
    """Combine edges with the same ends; return smaller ends, larger ends and sums of totals.

    Edges inside a cluster are removed.
    """
    apart = one != other
    one, other, total = one[apart], other[apart], total[apart]
    ends = np.minimum(one, other), np.maximum(one, other)
    edges = sparse.csr_array((total, ends), shape=(count, count)).tocoo()
    return edges.row, edges.col, edges.data

"""The method that found clusters before average linkage; a baseline of the benchmarks.

* The files are the nodes of a weighted graph. If n files share a piece of evidence, the edge of any
  two of these files gets the additional weight 1/n. This is the resource allocation index (Zhou et
  al. 2007, Phys. Rev. E 76, 046115).
* If two collections share significantly many references (q-value of at most 0.05), each file of one
  collection is also linked to each file of the other collection. The weight of such a link is the
  Jaccard index of the references of the two collections, divided by the geometric mean of their
  numbers of files.
* Files with identical evidence are merged into one node.
* The Leiden algorithm (Traag et al. 2019, Sci. Rep. 9, 5233) maximizes the modularity of the
  clusters, at the resolution that the clusters themselves imply (Newman 2016, Phys. Rev. E 94,
  052315). The best of ten runs is the result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from graspologic_native import leiden_csr
from scipy import sparse

from graphbuild.analysis.incidence import group_identical_rows
from graphbuild.analysis.overlap import find_overlaps

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbuild.analysis.incidence import Incidence, Matrix, Numbers, Reals

    # A function from a resolution and a random seed to the cluster number of each node.
    Partition = Callable[[float, int], Numbers]

_RUNS = 10
_MAX_RESOLUTION_STEPS = 20  # three or four are usual
_RESOLUTION_TOLERANCE = 0.02  # the iteration ends if the resolution changes by less than this share
_MIN_ITERATIONS, _MAX_ITERATIONS = 2, 10
_EDGE_VISITS = 200_000  # intended product of the numbers of iterations and of edges


def find_by_modularity(incidence: Incidence) -> Numbers:
    """Return the cluster number of each file."""
    graph, node = _file_graph(incidence)
    partition = leiden(graph)
    resolution = _resolution(graph, partition, 0)
    found = [partition(resolution, seed) for seed in range(_RUNS)]
    modularity = [graph.modularity(labels, resolution) for labels in found]
    return found[int(np.argmax(np.round(modularity, 12)))][node]


class WeightedGraph(NamedTuple):
    """An undirected weighted graph, in which a node represents files with identical evidence."""

    size: int  # number of nodes
    source: Numbers  # for each edge, the smaller node number; each edge is stored once
    target: Numbers  # for each edge, the larger node number; for a self-loop, the same number
    weight: Reals  # for each edge, the total weight of the links between the files of its two nodes

    def modularity(self, labels: Numbers, resolution: float) -> float:
        """Return the modularity of clusters; ``labels`` contains the cluster number of each node.

        See Newman and Girvan 2004, and for the resolution Reichardt and Bornholdt 2006. In a graph
        without edges, the modularity is 0.
        """
        inside, total, degrees = self._sums(labels)
        if not total:
            return 0.0
        return float(inside / total - resolution * ((degrees / total) ** 2).sum())

    def implied_resolution(self, labels: Numbers) -> float | None:
        """Return the resolution at which the clusters are most likely (Newman 2016, equation 15).

        Return None if the resolution is undefined: the clusters contain no edges or all edges, or
        edges are not denser inside the clusters than between them.
        """
        inside, total, degrees = self._sums(labels)
        expected = (degrees**2).sum() / total if total else 0.0
        if not 0 < expected < total or not 0 < inside < total:
            return None
        within, between = inside / expected, (total - inside) / (total - expected)
        if within <= between:
            return None
        return float((within - between) / np.log(within / between))

    def _sums(self, labels: Numbers) -> tuple[float, float, Reals]:
        """Return three values: inside, total, degrees.

        The first is twice the weight of the edges inside clusters, and the second is twice the
        weight of all edges. The third contains the degree of each cluster: the sum of the weighted
        degrees of its nodes.
        """
        ends = np.concatenate([labels[self.source], labels[self.target]])
        degrees = np.bincount(ends, np.tile(self.weight, 2)).astype(float)
        inside = self.weight[labels[self.source] == labels[self.target]].sum()
        return float(2 * inside), float(degrees.sum()), degrees


def _file_graph(incidence: Incidence) -> tuple[WeightedGraph, Numbers]:
    """Return the graph of files, and an array with the node number of each file."""
    evidence = incidence.file_evidence
    node = group_identical_rows(evidence)
    _, first, sizes = np.unique(node, return_index=True, return_counts=True)
    degrees = np.bincount(evidence.indices, minlength=evidence.shape[1])
    shares = sparse.diags_array(1 / np.sqrt(np.maximum(degrees, 1)))
    reach = evidence[first].astype(float) @ shares
    weights = sparse.triu(reach @ _similarity(incidence, evidence.shape[1]) @ reach.T).tocoo()
    source, target = weights.row.astype(np.int64), weights.col.astype(np.int64)
    inner = sizes[source] * (sizes[source] - 1) / 2
    pairs = np.where(source == target, inner, sizes[source] * sizes[target])
    kept = pairs > 0
    weight = weights.data * pairs
    return WeightedGraph(len(first), source[kept], target[kept], weight[kept]), node


def _similarity(incidence: Incidence, size: int) -> Matrix:
    """Return a square matrix with the similarity of any two pieces of evidence.

    ``size`` is the number of pieces. The collections are the first of them. The similarity of a
    piece and itself is 1. The similarity of two collections that share significantly many
    references is the Jaccard index of their references. All other entries are 0.
    """
    related = find_overlaps(incidence, "collections").significant().columns
    entries = related["jaccard"], (related["source"], related["target"])
    half = sparse.csr_array(entries, shape=(size, size))
    return half + half.T + sparse.eye_array(size)


def leiden(graph: WeightedGraph) -> Partition:
    """Return a function that partitions ``graph`` with the Leiden algorithm."""
    if not len(graph.weight):
        return lambda *_: np.arange(graph.size)
    matrix = _without_self_loops(graph)
    size = matrix.shape[0]
    iterations = min(_MAX_ITERATIONS, max(_MIN_ITERATIONS, _EDGE_VISITS // len(graph.weight)))
    arrays = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data

    def partition(resolution: float, seed: int) -> Numbers:
        _, found = leiden_csr(
            *arrays, size, resolution=resolution, seed=seed, iterations=iterations
        )
        labels = np.empty(size, np.int64)
        labels[list(found)] = list(found.values())
        return np.unique(labels[: graph.size], return_inverse=True)[1]

    return partition


def _without_self_loops(graph: WeightedGraph) -> Matrix:
    """Return the symmetric adjacency matrix of a graph of the same modularity without self-loops.

    The library ignores self-loops. Therefore, each self-loop is replaced by an edge of the same
    weight to an additional node, which has no other edge. The additional nodes follow all others.
    """
    is_loop = graph.source == graph.target
    loops = np.count_nonzero(is_loop)
    size = graph.size + loops
    target = graph.target.copy()
    target[is_loop] = np.arange(graph.size, size)
    half = sparse.csr_array((graph.weight, (graph.source, target)), shape=(size, size))
    return (half + half.T).sorted_indices()


def _resolution(graph: WeightedGraph, partition: Partition, seed: int) -> float:
    """Find the resolution for the clusters by iteration.

    Clusters are found at a resolution of 1, then at the resolution that these clusters imply, and
    so on. The iteration ends if the resolution hardly changes, if the clusters imply none, or after
    ``_MAX_RESOLUTION_STEPS`` steps.
    """
    resolution = 1.0
    for _ in range(_MAX_RESOLUTION_STEPS):
        implied = graph.implied_resolution(partition(resolution, seed))
        if implied is None or abs(implied - resolution) < _RESOLUTION_TOLERANCE * resolution:
            break
        resolution = implied
    return resolution

"""Cluster files by the evidence that they share, for ``communities`` and other commands.

:func:`graphbuild.graph.clusters.add_clusters` adds the clusters to a graph, for the layout and the
exporters. These clusters contain only subjects, which are called files here. They are found as
follows:

* The files are the nodes of a weighted graph. If n files share a piece of evidence (see
  :mod:`overlap`), the edge between any two of these files gets the additional weight 1/n. This is
  the resource allocation index (Zhou et al. 2007, Phys. Rev. E 76, 046115). A collection that
  contains nearly all files therefore hardly links them.
* If two collections share significantly many references (q-value of at most 0.05), each file of one
  collection is also linked to each file of the other collection. The weight of such a link is the
  Jaccard index of the references of the two collections, divided by the geometric mean of their
  numbers of files.
* Files with identical evidence are merged into one node, so that they take no more time than one
  file.
* The Leiden algorithm (Traag et al. 2019, Sci. Rep. 9, 5233) maximizes the modularity of the
  clusters. The resolution is the one that the clusters themselves imply, found by iteration (Newman
  2016, Phys. Rev. E 94, 052315). A resolution of 1 would merge small campaigns in large data sets.

The algorithm runs several times with different random seeds. The result is the partition with the
highest modularity. The stability of a cluster is computed from the partitions of all runs.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from graspologic_native import leiden_csr
from scipy import sparse

from graphbuild.analysis.cluster_names import choose_name_giver, name_clusters
from graphbuild.analysis.distinctiveness import find_distinctive
from graphbuild.analysis.incidence import as_incidence, group_identical_rows
from graphbuild.analysis.overlap import find_overlaps
from graphbuild.models import ClusterTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from graphbuild.analysis.distinctiveness import DistinctiveEntity
    from graphbuild.analysis.incidence import Incidence, Matrix, Numbers, Reals
    from graphbuild.models import Entity

    # A function from a resolution and a random seed to the cluster number of each node.
    Partition = Callable[[float, int], Numbers]

RUNS = 10  # default number of runs
_MAX_RESOLUTION_STEPS = 20  # three or four are usual
_RESOLUTION_TOLERANCE = 0.02  # the iteration ends if the resolution changes by less than this share
# The smallest and the largest number of iterations of the Leiden algorithm. With more iterations,
# clusters of small graphs can be better; those of large graphs hardly change.
_MIN_ITERATIONS, _MAX_ITERATIONS = 2, 10
_EDGE_VISITS = 200_000  # intended product of the numbers of iterations and of edges


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster of files.

    Attributes:
        number: The rank of the cluster by size; 1 is the largest cluster.
        name: A name that no other cluster has; see :mod:`graphbuild.analysis.cluster_names`.
        files: The files, sorted by key.
        top_collections: Up to five collections that distinguish the cluster from all other files,
            by descending log-likelihood ratio; see :class:`DistinctiveEntity`.
        top_references: Up to five such references, in the same order.
        stability: The Jaccard index of this cluster and the most similar cluster of a run, averaged
            over all runs (Hennig 2007, Comput. Stat. Data Anal. 52).
    """

    number: int
    name: str
    files: tuple[Entity, ...]
    top_collections: tuple[DistinctiveEntity, ...]
    top_references: tuple[DistinctiveEntity, ...]
    stability: float


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """The clusters of a campaign. Iteration yields each :class:`Cluster`.

    Attributes:
        clusters: The clusters, the largest first. A file without shared evidence is a cluster of
            one file.
        labels: The cluster number of each file, from 1, in the order of ``Incidence.files``.
        resolution: The resolution for which the modularity was maximized.
        modularity: The modularity of the clusters at this resolution.
    """

    clusters: tuple[Cluster, ...]
    labels: Numbers
    resolution: float
    modularity: float

    def __len__(self) -> int:
        return len(self.clusters)

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self.clusters)

    @property
    def agreement(self) -> float:
        """Return the mean stability over all files; 1 if there are no files."""
        sizes = [len(cluster.files) for cluster in self.clusters]
        stability = [cluster.stability for cluster in self.clusters]
        return float(np.average(stability, weights=sizes)) if sizes else 1.0

    def to_table(self) -> ClusterTable:
        """Return the numbers and names of the clusters without their evidence."""
        return ClusterTable(
            {file.key: each.number for each in self.clusters for file in each.files},
            tuple(each.name for each in self.clusters),
            tuple(each.stability for each in self.clusters),
            self.resolution,
            self.modularity,
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row per file.

        Columns: ``file`` (node key), ``cluster`` (number), ``cluster_name``, ``stability``.
        """
        import pandas as pd  # noqa: PLC0415  loads slowly

        rows = [
            (file.key, cluster.number, cluster.name, cluster.stability)
            for cluster in self.clusters
            for file in cluster.files
        ]
        columns = ["file", "cluster", "cluster_name", "stability"]
        return pd.DataFrame(rows, columns=columns).astype({"cluster_name": "category"})


def find_clusters(data: object, *, seed: int = 0, runs: int = RUNS) -> Clustering:
    """Find clusters of files. Each file is in exactly one cluster.

    The same observations, arguments and library versions give the same clusters. If the campaign
    file stores the clusters of its current state, they are not found again, unless ``seed`` or
    ``runs`` differ from the default.

    Args:
        data: A graph, a store, observations or an ``Incidence``.
        seed: Random seed of the first run; each further run uses the next higher integer.
        runs: Number of runs of the algorithm; values below 1 count as 1.

    Raises:
        TypeError: ``data`` has another type.
    """
    incidence = as_incidence(data)
    if incidence.clusters is not None and (seed, runs) == (0, RUNS):
        return _from_table(incidence, incidence.clusters)
    graph, node = _file_graph(incidence)
    partition = leiden(graph)
    resolution = _resolution(graph, partition, seed)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the library runs without Python's lock
        seeds = range(seed, seed + max(1, runs))
        found = list(pool.map(partial(partition, resolution), seeds))
    modularity = [graph.modularity(labels, resolution) for labels in found]
    best = int(np.argmax(np.round(modularity, 12)))
    labels = _rank_by_size(found[best][node])
    stability = [best_jaccard(labels, _rank_by_size(each[node])) for each in found]
    clusters = _describe(incidence, labels, np.mean(stability, axis=0))
    return Clustering(clusters, labels + 1, resolution, modularity[best])


def _from_table(incidence: Incidence, table: ClusterTable) -> Clustering:
    """Return stored clusters, with the collections and references that distinguish them."""
    labels = np.array([table.numbers[file.key] for file in incidence.files], np.int64)
    clusters = _describe(incidence, labels - 1, np.array(table.stability))
    return Clustering(clusters, labels, table.resolution, table.modularity)


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


def _rank_by_size(labels: Numbers) -> Numbers:
    """Renumber clusters from 0 by decreasing size; clusters of equal size, by their first file.

    ``labels`` and the result contain the cluster number of each file.
    """
    _, first, which, sizes = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(len(first), np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(len(first))
    return rank[which] if len(labels) else labels


def best_jaccard(labels: Numbers, other: Numbers) -> Reals:
    """Return the Jaccard index of each cluster and the most similar cluster of another partition.

    ``labels`` contains the cluster number of each file, and ``other`` its cluster number in the
    other partition. The numbers start at 0 and have no gaps.
    """
    pairs, shared = np.unique(np.stack([labels, other]), axis=1, return_counts=True)
    sizes, other_sizes = np.bincount(labels), np.bincount(other)
    index = shared / (sizes[pairs[0]] + other_sizes[pairs[1]] - shared)
    best = np.zeros(len(sizes))
    np.maximum.at(best, pairs[0], index)
    return best


def _describe(incidence: Incidence, labels: Numbers, stability: Reals) -> tuple[Cluster, ...]:
    collections = find_distinctive(incidence.file_collections, labels, incidence.collections)
    references = find_distinctive(incidence.file_references, labels, incidence.references)
    files: list[list[Entity]] = [[] for _ in stability]
    for file, number in zip(incidence.files, labels.tolist(), strict=True):
        files[number].append(file)
    evidence = list(zip(collections, references, strict=True))
    name_givers = map(choose_name_giver, collections, references, files)
    return tuple(
        Cluster(number, name, tuple(members), *distinctive, stable)
        for number, (name, members, distinctive, stable) in enumerate(
            zip(name_clusters([*name_givers]), files, evidence, stability.tolist(), strict=True),
            start=1,
        )
    )

"""Cluster files by the evidence that they share, for ``communities`` and other commands.

:func:`graphbuild.graph.clusters.add_clusters` adds the clusters to a graph, for the layout and the
exporters. These clusters contain only subjects, which are called files here. They are found in two
rounds:

1. Two files are similar if they share collections, or references for which the API names no
   collection. Evidence that many files have counts less; see :mod:`file_similarity`. The most
   similar clusters are merged until the mean similarity of any two clusters is too low; see
   :mod:`average_linkage`.
2. The weight of a collection is multiplied by the share of pairs of its files that are in one
   cluster of the first round. This removes the effect of round-ups: collections of files that have
   nothing else in common. Files of different collections are now also similar if the collections
   share references. The clusters are found again, with these similarities.

There is no random number and no parameter to choose. The clusters of a connected component of the
evidence depend only on this component: files that share no evidence with it do not change them.

The stability of a cluster is computed from several runs. In each run, some of the evidence is left
out at random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from graphbuild.analysis.average_linkage import merge_similar
from graphbuild.analysis.cluster_names import choose_name_giver, name_clusters
from graphbuild.analysis.distinctiveness import find_distinctive
from graphbuild.analysis.file_similarity import (
    compute_concentration,
    compute_rarity,
    compute_similarity,
    relate_collections,
)
from graphbuild.analysis.incidence import as_incidence, group_identical_rows
from graphbuild.models import ClusterTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from graphbuild.analysis.distinctiveness import DistinctiveEntity
    from graphbuild.analysis.incidence import Incidence, Matrix, Numbers, Reals
    from graphbuild.models import Entity

RUNS = 10  # default number of runs for the stability
MIN_SIMILARITY = 0.18  # minimum mean similarity of the files of two clusters that are merged
_LEFT_OUT = 0.1  # share of the evidence of a file that is left out in a run


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
        stability: The Jaccard index of this cluster and the most similar cluster of a run with a
            tenth of the evidence left out, averaged over all runs (Hennig 2007, Comput. Stat. Data
            Anal. 52).
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
        resolution: The minimum mean similarity of the files of two clusters that are merged.
        modularity: The modularity of the clusters in the graph of similar files: the share of all
            similarity that lies inside clusters, minus the share that would lie there by chance
            (Newman and Girvan 2004, Phys. Rev. E 69, 026113).
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

    The same observations and arguments give the same clusters. The sets of files do not depend on
    ``seed`` and ``runs``. If the campaign file stores the clusters of its current state, they are
    not found again, unless ``seed`` or ``runs`` differ from the default.

    Args:
        data: A graph, a store, observations or an ``Incidence``.
        seed: Random seed of the runs, from which the stability is computed.
        runs: Number of runs for the stability; values below 1 count as 1.

    Raises:
        TypeError: ``data`` has another type.
    """
    incidence = as_incidence(data)
    if incidence.clusters is not None and (seed, runs) == (0, RUNS):
        return _from_table(incidence, incidence.clusters)
    evidence = incidence.file_evidence
    rarity, related = compute_rarity(incidence), relate_collections(incidence)
    labels, modularity = _partition(evidence, rarity, related)
    labels = _rank_by_size(labels)
    generator = np.random.default_rng(seed)
    stability = []
    for _ in range(max(1, runs)):
        other, _ = _partition(_leave_out(evidence, generator), rarity, related)
        stability.append(best_jaccard(labels, other))
    clusters = _describe(incidence, labels, np.mean(stability, axis=0))
    return Clustering(clusters, labels + 1, MIN_SIMILARITY, modularity)


def partition_files(data: object) -> Numbers:
    """Return only the ``Clustering.labels`` that :func:`find_clusters` returns for ``data``.

    The stability, the names and the most distinctive entities of the clusters are not computed.
    """
    incidence = as_incidence(data)
    rarity, related = compute_rarity(incidence), relate_collections(incidence)
    labels, _ = _partition(incidence.file_evidence, rarity, related)
    return _rank_by_size(labels) + 1


def partition_evidence(evidence: Matrix, rarity: Reals, related: Matrix) -> Numbers:
    """Return the cluster number of each file, from 0, for evidence that can be random.

    The arguments are those of :func:`_partition`.
    """
    return _partition(evidence, rarity, related)[0]


def _from_table(incidence: Incidence, table: ClusterTable) -> Clustering:
    """Return stored clusters, with the collections and references that distinguish them."""
    labels = np.array([table.numbers[file.key] for file in incidence.files], np.int64)
    clusters = _describe(incidence, labels - 1, np.array(table.stability))
    return Clustering(clusters, labels, table.resolution, table.modularity)


def _partition(evidence: Matrix, rarity: Reals, related: Matrix) -> tuple[Numbers, float]:
    """Return the cluster number of each file, from 0, and the modularity of the clusters.

    Args:
        evidence: A 0/1 matrix with a row per file and a column per piece of evidence.
        rarity: The weight of each piece of evidence; see :func:`compute_rarity`.
        related: The similarity of any two pieces of evidence; see :func:`relate_collections`.
    """
    node = group_identical_rows(evidence)
    _, first, sizes = np.unique(node, return_index=True, return_counts=True)
    kinds = evidence[first]
    apart = compute_similarity(kinds, sizes, rarity, sparse.eye_array(evidence.shape[1]))
    draft = merge_similar(apart, MIN_SIMILARITY)
    weights = rarity * compute_concentration(evidence, draft[node])
    graph = compute_similarity(kinds, sizes, weights, related)
    labels = merge_similar(graph, MIN_SIMILARITY)
    return labels[node], graph.modularity(labels)


def _leave_out(evidence: Matrix, generator: np.random.Generator) -> Matrix:
    """Return a copy of ``evidence`` without a tenth of its entries, chosen at random.

    At least one entry of each row is kept.
    """
    entries = evidence.tocoo()
    draw = generator.random(entries.nnz)
    largest = np.zeros(evidence.shape[0])
    np.maximum.at(largest, entries.row, draw)
    kept = (draw >= _LEFT_OUT) | (draw == largest[entries.row])
    ends = entries.row[kept], entries.col[kept]
    return sparse.csr_array((entries.data[kept], ends), shape=evidence.shape)


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

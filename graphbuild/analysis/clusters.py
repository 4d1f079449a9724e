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

Inside a cluster, :mod:`subclusters` finds groups of files with different evidence. A file that is
nearly as similar to another cluster is doubtful; see :mod:`doubtful_files`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from graphbuild.analysis.average_linkage import merge_similar
from graphbuild.analysis.cluster_models import Cluster, Clustering, DoubtfulFile, Subcluster
from graphbuild.analysis.cluster_names import choose_name_giver, name_clusters
from graphbuild.analysis.distinctiveness import find_distinctive
from graphbuild.analysis.doubtful_files import NOT_DOUBTFUL, find_doubtful
from graphbuild.analysis.evidence_sources import Strength
from graphbuild.analysis.file_similarity import (
    compute_concentration,
    compute_rarity,
    compute_similarity,
    relate_collections,
)
from graphbuild.analysis.incidence import as_incidence, group_identical_rows
from graphbuild.analysis.subclusters import find_subclusters
from graphbuild.graph.clusters import subcluster_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.analysis.average_linkage import SimilarityGraph
    from graphbuild.analysis.incidence import Incidence, Matrix, Numbers, Reals
    from graphbuild.models import ClusterTable, Entity

RUNS = 10  # default number of runs for the stability
MIN_SIMILARITY = 0.18  # minimum mean similarity of the files of two clusters that are merged
_LEFT_OUT = 0.1  # share of the evidence of a file that is left out in a run


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
    found = _partition(evidence, rarity, related)
    labels = found.labels
    generator = np.random.default_rng(seed)
    stability = []
    for _ in range(max(1, runs)):
        other = _partition(_leave_out(evidence, generator), rarity, related).labels
        stability.append(best_jaccard(labels, other))
    parts = find_subclusters(evidence, labels, [file.key for file in incidence.files])
    groups = _Groups(labels, np.mean(stability, axis=0), parts, found.find_doubtful())
    modularity = found.graph.modularity(found.node_labels)
    return Clustering(_describe(incidence, groups), labels + 1, MIN_SIMILARITY, modularity)


def partition_files(data: object) -> Numbers:
    """Return only the ``Clustering.labels`` that :func:`find_clusters` returns for ``data``.

    The stability, the names and the most distinctive entities of the clusters are not computed.
    """
    incidence = as_incidence(data)
    rarity, related = compute_rarity(incidence), relate_collections(incidence)
    return _partition(incidence.file_evidence, rarity, related).labels + 1


def partition_evidence(evidence: Matrix, rarity: Reals, related: Matrix) -> Numbers:
    """Return the cluster number of each file, from 0, for evidence that can be random.

    The arguments are those of :func:`_partition`.
    """
    return _partition(evidence, rarity, related).labels


def _from_table(incidence: Incidence, table: ClusterTable) -> Clustering:
    """Return stored clusters, with the collections and references that distinguish them."""
    keys = [file.key for file in incidence.files]
    labels = np.array([table.numbers[key] for key in keys], np.int64)
    parts = np.array([table.subclusters.get(key, 1) for key in keys], np.int64)
    others = (table.doubtful[key] - 1 if key in table.doubtful else NOT_DOUBTFUL for key in keys)
    groups = _Groups(labels - 1, np.array(table.stability), parts, np.array([*others], np.int64))
    strengths = {number: Strength(*each) for number, each in enumerate(table.strengths, start=1)}
    clusters = _describe(incidence, groups)
    return Clustering(clusters, labels, table.min_similarity, table.modularity, strengths)


class _Partition(NamedTuple):
    """The clusters of files, and the similarity from which they were found."""

    node: Numbers  # for each file, the number of its node in ``graph``
    graph: SimilarityGraph
    node_labels: Numbers  # for each node, the cluster number from 0; larger clusters come first

    @property
    def labels(self) -> Numbers:
        """Return the cluster number of each file, from 0."""
        labels: Numbers = self.node_labels[self.node]
        return labels

    def find_doubtful(self) -> Numbers:
        """Return the other cluster of each doubtful file, or ``NOT_DOUBTFUL``."""
        doubtful: Numbers = find_doubtful(self.graph, self.node_labels)[self.node]
        return doubtful


def _partition(evidence: Matrix, rarity: Reals, related: Matrix) -> _Partition:
    """Find the clusters of files.

    Args:
        evidence: A 0/1 matrix with a row per file and a column per piece of evidence.
        rarity: The weight of each piece of evidence; see :func:`compute_rarity`.
        related: The similarity of any two pieces of evidence; see :func:`relate_collections`.
    """
    node = group_identical_rows(evidence)
    _, first, sizes = np.unique(node, return_index=True, return_counts=True)
    kinds = evidence[first]
    apart = compute_similarity(
        kinds, sizes, rarity, sparse.eye_array(evidence.shape[1], format="csr")
    )
    draft = merge_similar(apart, MIN_SIMILARITY)
    weights = rarity * compute_concentration(evidence, draft[node])
    graph = compute_similarity(kinds, sizes, weights, related)
    labels = _rank_by_size(merge_similar(graph, MIN_SIMILARITY), sizes)
    return _Partition(node, graph, labels)


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


def _rank_by_size(labels: Numbers, sizes: Numbers) -> Numbers:
    """Renumber clusters from 0 by decreasing size; clusters of equal size, by their first node.

    ``labels`` and the result contain the cluster number of each node, and ``sizes`` the number of
    its files.
    """
    _, first, which = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.lexsort((first, -np.bincount(which, sizes)))] = np.arange(len(first))
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


class _Groups(NamedTuple):
    """The groups of files. Items for files are in the order of ``Incidence.files``."""

    labels: Numbers  # the cluster number of each file, from 0
    stability: Reals  # of each cluster
    parts: Numbers  # the number of the subcluster of each file in its cluster, from 1
    doubtful: Numbers  # the other cluster of each doubtful file, from 0, or ``NOT_DOUBTFUL``


def _describe(incidence: Incidence, groups: _Groups) -> tuple[Cluster, ...]:
    labels = groups.labels
    collections = find_distinctive(incidence.file_collections, labels, incidence.collections)
    references = find_distinctive(incidence.file_references, labels, incidence.references)
    files: list[list[Entity]] = [[] for _ in groups.stability]
    for file, number in zip(incidence.files, labels.tolist(), strict=True):
        files[number].append(file)
    doubtful: list[list[DoubtfulFile]] = [[] for _ in files]
    for index in np.flatnonzero(groups.doubtful != NOT_DOUBTFUL).tolist():
        doubt = DoubtfulFile(incidence.files[index], int(groups.doubtful[index]) + 1)
        doubtful[labels[index]].append(doubt)
    names = name_clusters([*map(choose_name_giver, collections, references, files)])
    subclusters = _describe_subclusters(incidence, groups, files)
    columns = (names, map(tuple, files), collections, references, groups.stability.tolist())
    rows = zip(*columns, subclusters, map(tuple, doubtful), strict=True)
    return tuple(Cluster(number, *row) for number, row in enumerate(rows, start=1))


def _describe_subclusters(
    incidence: Incidence, groups: _Groups, files: Sequence[Sequence[Entity]]
) -> list[tuple[Subcluster, ...]]:
    """Return the subclusters of each cluster. ``files`` contains the files of each cluster."""
    found: list[tuple[Subcluster, ...]] = [
        (Subcluster(subcluster_label(number, 1, 1), tuple(members)),)
        for number, members in enumerate(files, start=1)
    ]
    kinds = (
        (incidence.file_collections, incidence.collections),
        (incidence.file_references, incidence.references),
    )
    for cluster in np.unique(groups.labels[groups.parts > 1]).tolist():
        rows = np.flatnonzero(groups.labels == cluster)
        parts = groups.parts[rows] - 1
        evidence = [find_distinctive(matrix[rows], parts, columns) for matrix, columns in kinds]
        count = int(parts.max()) + 1
        found[cluster] = tuple(
            Subcluster(
                subcluster_label(cluster + 1, part + 1, count),
                tuple(incidence.files[row] for row in rows[parts == part].tolist()),
                *(tops[part] for tops in evidence),
            )
            for part in range(count)
        )
    return found

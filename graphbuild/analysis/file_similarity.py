"""Compute the similarity of files from their evidence, for :mod:`clusters` and :mod:`cohesion`.

The similarities of a file depend only on its connected component of the evidence graph.

A *round-up* is a collection of files that have nothing else in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from graphbuild.analysis.average_linkage import SimilarityGraph

if TYPE_CHECKING:
    from graphbuild.analysis.incidence import Incidence, Matrix, Numbers, Reals

# A few shared references are weak evidence that two collections are similar. Therefore, this number
# is added to the denominator: the similarity of two collections is 1/3 if both have the same single
# reference, and 10/12 if both have the same ten references.
_SHRINKAGE = 2
# A piece of evidence is *wide* if more than this number of groups of files have it. The number is
# also in docs/analysis.md.
_WIDE = 500
# The wide evidence of a file makes no edges if its weight is at most this share of the weight of
# all evidence of the file. Otherwise, it makes edges like other evidence.
_MAX_WIDE = 0.5
# After a change of one of these numbers, increase the revision in method_version.py.


def compute_rarity(incidence: Incidence) -> Reals:
    """Return the weight of each piece of evidence, in the order of ``Incidence.file_evidence``.

    If n of the N files of a component have a piece of evidence, its weight is log2(1 + N / n).
    """
    return weigh_by_rarity(incidence.file_evidence, find_linked_evidence(incidence))


def find_linked_evidence(incidence: Incidence) -> Numbers:
    """Return the component number of each piece of evidence in the evidence graph without files."""
    collections = sparse.csr_array((len(incidence.collections),) * 2)
    rows = [[collections, incidence.collection_references], [None, incidence.report_references]]
    links = sparse.block_array(rows, format="csr")
    component: Numbers = sparse.csgraph.connected_components(links, directed=False)[1]
    return component


def weigh_by_rarity(evidence: Matrix, linked: Numbers) -> Reals:
    """Return the weights of :func:`compute_rarity` for any evidence, such as that of a random list.

    ``linked`` is the result of :func:`find_linked_evidence`: for each piece of evidence, the number
    (from 0) of its connected component in the evidence graph without the files.
    """
    files = evidence.shape[0]
    row, column = evidence.nonzero()
    size = files + int(linked.max(initial=-1)) + 1
    links = sparse.csr_array((np.ones(len(row)), (row, files + linked[column])), (size, size))
    component = sparse.csgraph.connected_components(links, directed=False)[1]
    component_sizes = np.bincount(component[:files], minlength=component.max(initial=-1) + 1)
    sizes = component_sizes[component[files + linked]]
    weights: Reals = np.log2(1 + sizes / np.maximum(_degrees(evidence), 1))
    return weights


def compute_concentration(evidence: Matrix, labels: Numbers) -> Reals:
    """Return, for each piece of evidence, the share of pairs of its files in the same cluster.

    The share (Simpson 1949, Nature 163) is 1 for a piece of evidence that only one file has. It is
    low for a collection that contains files of many clusters, such as a round-up.

    Args:
        evidence: A 0/1 matrix with a row per file and a column per piece of evidence.
        labels: The cluster number of each file, from 0.
    """
    entries = np.ones(len(labels)), (labels, np.arange(len(labels)))
    members = sparse.csr_array(entries, shape=(labels.max(initial=-1) + 1, len(labels)))
    counts = (members @ evidence).tocoo()
    together = np.bincount(counts.col, counts.data * (counts.data - 1), minlength=evidence.shape[1])
    degrees = _degrees(evidence)
    share: Reals = np.where(degrees > 1, together / np.maximum(degrees * (degrees - 1), 1), 1.0)
    return share


def relate_collections(incidence: Incidence) -> Matrix:
    """Return a square matrix with the similarity of any two pieces of evidence.

    The similarity of a piece and itself is 1. If two collections with a and b references share s of
    them, their similarity is s / (sqrt(a b) + 2): the cosine similarity, reduced for collections
    with few references. All other entries are 0.
    """
    references = incidence.collection_references.astype(float)
    shared = sparse.triu(references @ references.T, k=1).tocoo()
    counts = np.diff(references.indptr)
    similarity = shared.data / (np.sqrt(counts[shared.row] * counts[shared.col]) + _SHRINKAGE)
    size = len(incidence.collections) + len(incidence.references)
    half = sparse.csr_array((similarity, (shared.row, shared.col)), shape=(size, size))
    return half + half.T + sparse.eye_array(size)


def compute_similarity(
    evidence: Matrix, sizes: Numbers, weights: Reals, related: Matrix
) -> SimilarityGraph:
    """Return the similarity graph of groups of files with identical evidence.

    The similarity of two files is their soft cosine (Sidorov et al. 2014, Computacion y Sistemas
    18), s(x, y) / sqrt(s(x, x) * s(y, y)). Here, s(x, y) is a sum over all pairs of a piece i
    of file x and a piece j of file y, with the terms sqrt(weights[i] * weights[j]) * related[i, j].

    The wide evidence of a file makes no edge if the other evidence of the file weighs at least as
    much. Without this rule, nearly all pairs of a large list would be compared because of a few
    round-ups. The number of these pairs grows with the square of the number of files. The two
    matrices for wide evidence need at most 32 bytes for each group of files and wide piece.

    Args:
        evidence: A 0/1 matrix with a row per group of files with identical evidence, and a column
            per piece of evidence.
        sizes: The number of files of each group.
        weights: The weight of each piece of evidence.
        related: The similarity of any two pieces of evidence.
    """
    weighted = evidence.astype(float) @ sparse.diags_array(np.sqrt(weights))
    narrow, wide = _separate_wide_evidence(weighted)
    reach = narrow @ related
    left, right = _factor_wide_similarity(narrow, wide, related)
    norm = np.sqrt(reach.multiply(narrow).sum(axis=1) + (left * right).sum(axis=1))
    norm[norm == 0] = 1  # no division by 0 for files without weighted evidence
    shared = sparse.triu(reach @ narrow.T, k=1).tocoo()
    shared.eliminate_zeros()
    similarity = shared.data / (norm[shared.row] * norm[shared.col])
    left, right = (each / norm[:, None] for each in (left, right))
    return SimilarityGraph(sizes, shared.row, shared.col, similarity, left, right)


def _separate_wide_evidence(weighted: Matrix) -> tuple[Matrix, Matrix]:
    """Split off the wide evidence of each file whose other evidence weighs at least as much.

    Entries of ``weighted`` are square roots of weights. The sum of the two results is ``weighted``;
    the second one contains the entries that were split off.
    """
    is_wide = _degrees(weighted) > _WIDE
    if not is_wide.any():  # in most campaigns
        return weighted, sparse.csr_array(weighted.shape)
    entries = weighted.tocoo()
    weight = entries.data**2
    total = np.bincount(entries.row, weight, minlength=weighted.shape[0])
    wide = np.bincount(entries.row, weight * is_wide[entries.col], minlength=weighted.shape[0])
    separated = is_wide[entries.col] & (wide <= _MAX_WIDE * total)[entries.row]
    narrow, removed = (
        sparse.csr_array(
            (entries.data[which], (entries.row[which], entries.col[which])), weighted.shape
        )
        for which in (~separated, separated)
    )
    return narrow, removed


def _factor_wide_similarity(narrow: Matrix, wide: Matrix, related: Matrix) -> tuple[Reals, Reals]:
    """Return two matrices, left and right: a row per file, and up to two columns per wide piece.

    With the evidence N and W of all files (``narrow`` and ``wide``) and the similarity R of pieces
    of evidence, the sums of products of any two files are (N + W) R (N + W)'. This is N R N' plus
    W R (N + W)' + N R W'. The last two terms are left @ right'.
    """
    columns = np.unique(wide.indices)
    if not len(columns):
        nothing = np.zeros((wide.shape[0], 0))
        return nothing, nothing
    related = related[:, columns]
    own = wide[:, columns].toarray()
    left = np.hstack([own, (narrow @ related).toarray()])
    right = np.hstack([((narrow + wide) @ related).toarray(), own])
    used = left.any(axis=0) & right.any(axis=0)
    return left[:, used], right[:, used]


def _degrees(matrix: Matrix) -> Numbers:
    return np.bincount(matrix.indices, minlength=matrix.shape[1])

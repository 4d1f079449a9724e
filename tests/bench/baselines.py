"""Simple methods to find clusters of files, for comparison with graphbuild.

Each method is a function from an incidence to the cluster number of each file.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from graspologic_native import leiden_csr
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from graphbuild.analysis.clusters import partition_files
from tests.bench.modularity import find_by_modularity

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbuild.analysis.incidence import Incidence, Matrix, Numbers, Reals

    Method = Callable[[Incidence], Numbers]

OURS, OLD = "graphbuild", "graphbuild before (modularity)"
_ITERATIONS = 10


def _ours(incidence: Incidence) -> Numbers:
    return partition_files(incidence)


def _components(incidence: Incidence, *, references: bool) -> Numbers:
    """Return the connected components of files that share any evidence or reference."""
    shared = _shared(incidence, references=references)
    labels: Numbers = sparse.csgraph.connected_components(shared, directed=False)[1]
    return labels


def _leiden(incidence: Incidence, *, references: bool) -> Numbers:
    """Maximize the modularity; the weight of two files is the number of what they share."""
    return _run_leiden(_shared(incidence, references=references), 1.0, use_modularity=True)


def _leiden_cpm(incidence: Incidence, *, references: bool, minimum: float) -> Numbers:
    """Maximize the constant Potts model (Traag et al. 2011, Phys. Rev. E 84, 016114)."""
    similarity = _cosine(incidence, references=references)
    return _run_leiden(sparse.csr_array(similarity), minimum, use_modularity=False)


def _average_linkage(incidence: Incidence, *, references: bool, minimum: float) -> Numbers:
    similarity = _cosine(incidence, references=references)
    distances = squareform(1 - similarity, checks=False)
    if not len(distances):
        return np.zeros(len(similarity), np.int64)
    tree = linkage(np.maximum(distances, 0), "average")
    labels: Numbers = fcluster(tree, 1 - minimum, "distance").astype(np.int64)
    return labels


def _jaccard(incidence: Incidence, *, minimum: float) -> Numbers:
    """Link files whose evidence has at least a minimum Jaccard index, weighted by rarity."""
    evidence = incidence.file_evidence
    weights = evidence.toarray() * _rarity(evidence)
    shared = weights @ evidence.toarray().T
    totals = weights.sum(axis=1)
    union = totals[:, None] + totals - shared
    linked = (shared > 0) & (shared >= minimum * union)
    labels: Numbers = sparse.csgraph.connected_components(linked, directed=False)[1]
    return labels


METHODS: dict[str, Method] = {
    OURS: _ours,
    OLD: find_by_modularity,
    "components by collections": partial(_components, references=False),
    "components by references": partial(_components, references=True),
    "Leiden on collections": partial(_leiden, references=False),
    "Leiden on references": partial(_leiden, references=True),
    "CPM 0.1 on collections": partial(_leiden_cpm, references=False, minimum=0.1),
    "CPM 0.2 on collections": partial(_leiden_cpm, references=False, minimum=0.2),
    "CPM 0.1 on references": partial(_leiden_cpm, references=True, minimum=0.1),
    "CPM 0.2 on references": partial(_leiden_cpm, references=True, minimum=0.2),
    "average linkage 0.2 on collections": partial(_average_linkage, references=False, minimum=0.2),
    "average linkage 0.1 on references": partial(_average_linkage, references=True, minimum=0.1),
    "weighted Jaccard 0.3": partial(_jaccard, minimum=0.3),
}


def _matrix(incidence: Incidence, *, references: bool) -> Matrix:
    return incidence.file_references if references else incidence.file_evidence


def _shared(incidence: Incidence, *, references: bool) -> Matrix:
    """Return a symmetric matrix: what each two files share, as a number; 0 on the diagonal."""
    matrix = _matrix(incidence, references=references)
    upper = sparse.triu((matrix @ matrix.T).astype(float), k=1)
    return (upper + upper.T).tocsr()


def _rarity(matrix: Matrix) -> Reals:
    degrees = np.bincount(matrix.indices, minlength=matrix.shape[1])
    weights: Reals = np.log(matrix.shape[0] / np.maximum(degrees, 1)) + 1e-9
    return weights


def _cosine(incidence: Incidence, *, references: bool) -> Reals:
    """Return the cosine similarity of each two files; rare collections or references count more."""
    matrix = _matrix(incidence, references=references)
    weighted = matrix.toarray() * _rarity(matrix)
    length = np.linalg.norm(weighted, axis=1)
    weighted /= np.where(length > 0, length, 1)[:, None]
    similarity: Reals = weighted @ weighted.T
    np.fill_diagonal(similarity, 0)
    return similarity


def _run_leiden(matrix: Matrix, resolution: float, *, use_modularity: bool) -> Numbers:
    size = matrix.shape[0]
    labels = np.arange(size)
    if not matrix.nnz:
        return labels
    ordered = matrix.sorted_indices()
    _, found = leiden_csr(
        ordered.indptr.astype(np.int64),
        ordered.indices.astype(np.int32),
        ordered.data,
        size,
        resolution=resolution,
        seed=0,
        iterations=_ITERATIONS,
        use_modularity=use_modularity,
    )
    for node, number in found.items():
        labels[node] = number
    return labels

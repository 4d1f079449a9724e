"""Split clusters of files into subclusters, where the evidence for the split beats chance.

A split is found by a regularized correspondence analysis of the evidence of the cluster (Qin and
Rohe 2013, Adv. Neural Inf. Process. Syst. 26). From each entry of the 0/1 matrix of files and
evidence, the value is subtracted that chance explains by its row sum and column sum. The entries
are scaled. The first singular vector orders the files. They are split where the variance inside the
two parts is lowest (Fisher 1958, J. Am. Stat. Assoc. 53).

Every matrix has such a split. Therefore, the first singular value is compared with those of
random matrices of the same row sums and column sums. The split is stated only if all of
``_RANDOM_MATRICES`` random matrices have a smaller one. Chance alone would do this in about one of
a hundred clusters (Besag and Clifford 1989, Biometrika 76). Each part is then tested in turn.

Evidence of all files, of all but one or of only one is left out, because it supports no split into
groups of at least two files. Files that have no other evidence are a subcluster of their own if the
rest is split. One piece of evidence alone never supports a split. At least two must be shared by
the same files more often than by chance.

Files with identical evidence are never split. The subclusters of a cluster depend only on its own
files and their evidence.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, svds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbuild.analysis.incidence import Matrix, Numbers, Reals

_RANDOM_MATRICES = 99  # for a significance level of 0.01, which docs/analysis.md states, too
# Rounds of trades before the first random matrix, which must not resemble the evidence.
_BURN_IN_ROUNDS = 10
# Files in each part of a split. Files without separating evidence can be fewer.
_MIN_PART = 2
_MIN_DEGREE = 2  # files that have, and files that lack, a piece of separating evidence
_MIN_PIECES = 2  # pieces of separating evidence
# Larger matrices are not stored with all of their cells, and only one singular value is computed.
_MAX_DENSE = 200  # rows or columns, whichever are fewer
_MAX_CELLS = 1_000_000
_TOLERANCE = 1e-9  # smaller differences are rounding errors


def find_subclusters(evidence: Matrix, labels: Numbers, keys: Sequence[str]) -> Numbers:
    """Return the number of the subcluster of each file; 1 is the largest of each cluster.

    Args:
        evidence: A 0/1 matrix with a row per file and a column per piece of evidence.
        labels: The cluster number of each file, from 0.
        keys: The node key of each file. The random numbers are derived from them.
    """
    result = np.ones(len(labels), np.int64)
    by_cluster = np.argsort(labels, kind="stable")
    bounds = np.flatnonzero(np.diff(labels[by_cluster])) + 1
    for files in np.split(by_cluster, bounds):
        if len(files) >= 2 * _MIN_PART:
            parts = list(_split(evidence[files], [keys[number] for number in files.tolist()]))
            for number, part in enumerate(sorted(parts, key=_by_size), start=1):
                result[files[part]] = number
    return result


def _by_size(part: Numbers) -> tuple[int, int]:
    """Return a sort key: the largest part first, parts of equal size by their first file."""
    return -len(part), int(part[0])


def _split(evidence: Matrix, keys: Sequence[str]) -> Iterator[Numbers]:
    """Yield the rows of each subcluster of one cluster, in ascending order."""
    columns, degrees = np.unique(evidence.indices, return_counts=True)
    separating = columns[(degrees >= _MIN_DEGREE) & (degrees <= len(keys) - _MIN_DEGREE)]
    evidence = evidence[:, separating]
    is_covered = np.diff(evidence.indptr) > 0
    covered = np.flatnonzero(is_covered)
    is_first = _find_split(evidence[covered], [keys[row] for row in covered.tolist()])
    if is_first is None:
        yield np.arange(len(keys))
        return
    for part in (covered[is_first], covered[~is_first]):
        for rows in _split(evidence[part], [keys[row] for row in part.tolist()]):
            yield part[rows]
    if len(covered) < len(keys):
        yield np.flatnonzero(~is_covered)


def _find_split(evidence: Matrix, keys: Sequence[str]) -> Numbers | None:
    """Return whether each row is in the first part of the best split; None if chance explains it.

    Each row and each column must contain a 1.
    """
    if evidence.shape[1] < _MIN_PIECES or len(keys) < 2 * _MIN_PART:
        return None
    model = _Model.of(evidence)
    rows, columns = evidence.nonzero()
    value, coordinates = model.decompose(rows, columns)
    is_first = _best_cut(coordinates)
    if is_first is None:
        return None
    digest = hashlib.sha256("\n".join(keys).encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8]))
    for _ in range(_BURN_IN_ROUNDS):
        rows = _trade(rows, columns, evidence.shape, generator)
    for _ in range(_RANDOM_MATRICES):
        rows = _trade(rows, columns, evidence.shape, generator)
        if model.decompose(rows, columns)[0] >= value - _TOLERANCE:
            return None
    return is_first


class _Model(NamedTuple):
    """The expected values and the scales of all 0/1 matrices with the same row and column sums."""

    row_scale: Reals
    column_scale: Reals
    row_part: Reals  # the expected value of a scaled entry is the product of the two parts
    column_part: Reals

    @classmethod
    def of(cls, evidence: Matrix) -> _Model:
        rows = np.diff(evidence.indptr).astype(float)
        columns = np.bincount(evidence.indices, minlength=evidence.shape[1]).astype(float)
        # Without the means, rows and columns with few entries would dominate the result.
        row_scale = 1 / np.sqrt(rows + rows.mean())
        column_scale = 1 / np.sqrt(columns + columns.mean())
        return cls(row_scale, column_scale, rows * row_scale, columns * column_scale / rows.sum())

    def decompose(self, rows: Numbers, columns: Numbers) -> tuple[float, Reals]:
        """Return the first singular value, and the coordinate of each row on the first axis.

        ``rows`` and ``columns`` are the positions of the entries that are 1.
        """
        shape = len(self.row_scale), len(self.column_scale)
        values = self.row_scale[rows] * self.column_scale[columns]
        if min(shape) <= _MAX_DENSE and shape[0] * shape[1] <= _MAX_CELLS:
            residual = np.outer(self.row_part, -self.column_part)
            residual[rows, columns] += values
            value, axis = _decompose_dense(residual)
            coordinates: Reals = residual @ axis
        else:
            operator = self._operator(sparse.csr_array((values, (rows, columns)), shape=shape))
            start = np.random.default_rng(0).standard_normal(min(shape))  # always the same
            _, (value,), (axis,) = svds(operator, k=1, v0=start, tol=1e-3)
            coordinates = operator @ axis
        return float(value), coordinates * self.row_scale

    def _operator(self, scaled: Matrix) -> LinearOperator:
        """Return the scaled matrix without its expected values; as a matrix, it would be dense."""
        transposed = scaled.T.tocsr()

        def multiply(vector: Reals) -> Reals:
            vector = vector.ravel()  # scipy also passes matrices of one column
            product: Reals = scaled @ vector - self.row_part * (self.column_part @ vector)
            return product

        def multiply_transposed(vector: Reals) -> Reals:
            vector = vector.ravel()
            product: Reals = transposed @ vector - self.column_part * (self.row_part @ vector)
            return product

        return LinearOperator(
            scaled.shape, matvec=multiply, rmatvec=multiply_transposed, dtype=float
        )


def _decompose_dense(residual: Reals) -> tuple[float, Reals]:
    """Return the first singular value and the axis in the space of the columns."""
    if len(residual) < residual.shape[1]:
        squares, vectors = np.linalg.eigh(residual @ residual.T)
        axis = residual.T @ vectors[:, -1]
    else:
        squares, vectors = np.linalg.eigh(residual.T @ residual)
        axis = vectors[:, -1]
    return float(np.sqrt(max(squares[-1], 0.0))), axis


def _best_cut(coordinates: Reals) -> Numbers | None:
    """Return whether each coordinate is above the cut with the least variance in the two parts.

    Equal coordinates are never separated. Return None if no cut leaves enough files in both parts.
    """
    ordered = np.sort(coordinates)
    below = np.arange(1, len(ordered))
    above = len(ordered) - below
    sums = np.cumsum(ordered)
    # The lower the variance in the parts, the higher is the variance between them.
    between = sums[:-1] ** 2 / below + (sums[-1] - sums[:-1]) ** 2 / above
    scale = np.abs(ordered).max()
    is_allowed = (np.diff(ordered) > _TOLERANCE * scale) & (np.minimum(below, above) >= _MIN_PART)
    if not is_allowed.any():
        return None
    best = int(np.argmax(np.where(is_allowed, between, -1.0)))
    is_above: Numbers = coordinates > (ordered[best] + ordered[best + 1]) / 2
    return is_above


def _trade(
    rows: Numbers, columns: Numbers, shape: tuple[int, int], generator: np.random.Generator
) -> Numbers:
    """Return new rows of the entries: all rows trade entries at random, in random pairs.

    Each entry that only one row of a pair has goes to one of the two at random. The number of
    entries of each row stays the same. After many trades, all matrices with the same
    row sums and column sums are equally probable (Carstens et al. 2018, ESA, LIPIcs 112).
    """
    order = generator.permutation(shape[0])
    position = np.empty(shape[0], np.int64)
    position[order] = np.arange(shape[0])
    pair = position[rows] // 2
    cells = pair * shape[1] + columns
    by_cell = np.argsort(cells)
    is_repeated = np.diff(cells[by_cell]) == 0
    is_single = ~(np.append(is_repeated, False) | np.insert(is_repeated, 0, False))
    traded = by_cell[is_single]
    by_chance = traded[np.argsort(pair[traded] + generator.random(len(traded)))]
    counts = np.bincount(position[rows[traded]], minlength=shape[0])
    result = rows.copy()
    result[by_chance] = np.repeat(order, counts)
    return result

"""What chance alone would bring about, where everyone has as many neighbours as observed.

The model is the bipartite configuration model: of all ways to give each row and each column its
number of ones, on average, the one that assumes nothing else (Saracco et al. 2017, "Inferring
monopartite projections of bipartite networks: an entropy-based approach", New J. Phys. 19 053022).
Ones fall independently, row i and column c with probability x_i y_c / (1 + x_i y_c), so rows and
columns of one degree are alike, and few distinct numbers say everything.

The hypergeometric test, which knows the degrees of the two rows only, takes a column that is full
for as telling as one that is rare, and so mistakes whatever shares a hub for a tie.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]
    Reals = NDArray[np.float64]
    Truths = NDArray[np.bool_]

FINEST = 1e-15  # no smaller p-value is told: sums of this many numbers are no more exact
POINTS_A_BIT = 2  # a point of evidence is half a bit
_ROUNDS = 20_000
_CLOSE = 1e-10
_NOTHING = math.log(FINEST / 100)
_AT_ONCE = 2_048  # pairs of degrees: some tens of megabytes


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """The random model of a matrix of zeros and ones.

    Attributes:
        row_class: of each row, the place of its degree among the distinct ones.
        columns: the distinct degrees of columns.
        counts: how many columns have each.
        probability: of a one, by row class and distinct column degree.
        points: what it tells that two rows share a column, by distinct column degree: the bits in
            how rare the column is, log2(rows / degree), in half bits, rounded.
    """

    row_class: Numbers
    columns: Numbers
    counts: Numbers
    probability: Reals
    points: Numbers

    def tail(self, one: Numbers, other: Numbers, points: Numbers) -> Reals:
        """How probable it is that two rows share columns of at least so many points.

        Exact for the model, by convolution over the columns (the Poisson binomial distribution of
        Hong 2013, Comput. Stat. Data Anal. 59, with weights), to an absolute ``FINEST``.

        Args:
            one: the first row of each pair.
            other: the second.
            points: what the columns they share come to.
        """
        if not len(points):
            return np.ones(0)
        low, high = np.sort([self.row_class[one], self.row_class[other]], axis=0)
        pairs, which = np.unique(low * len(self.probability) + high, return_inverse=True)
        p = np.empty(len(points))
        order = np.argsort(which, kind="stable")
        bounds = np.searchsorted(which[order], np.arange(0, len(pairs), _AT_ONCE))
        for first, members in zip(
            range(0, len(pairs), _AT_ONCE), np.split(order, bounds[1:]), strict=True
        ):
            classes = np.divmod(pairs[first : first + _AT_ONCE], len(self.probability))
            below = self._below(*classes, int(points[members].max()))
            p[members] = 1 - below[which[members] - first, points[members]]
        return np.clip(p, FINEST, 1.0)

    def _below(self, one: Numbers, other: Numbers, most: int) -> Reals:
        """For pairs of row classes, the probability of fewer points than 0, 1, ... ``most``."""
        mass = np.zeros((len(one), most + 1))
        mass[:, 0] = 1.0
        for column in np.flatnonzero(self.points):
            both = self.probability[one, column] * self.probability[other, column]
            mass = _with_columns(mass, both, int(self.counts[column]), int(self.points[column]))
        below = np.zeros_like(mass)
        np.cumsum(mass[:, :-1], axis=1, out=below[:, 1:])
        return below


def _with_columns(mass: Reals, both: Reals, count: int, points: int) -> Reals:
    """The distribution once ``count`` more columns, each of ``points``, may be shared."""
    room = mass.shape[1] - 1
    added = np.zeros_like(mass)
    certain = both >= 1  # of two full rows
    both = np.where(certain, 0.0, both)
    # The binomial distribution, term by term; by logarithms, as its first term may be beyond all
    # numbers where hundreds of columns are nearly sure to be shared.
    so_many = count * np.log1p(-both)
    with np.errstate(divide="ignore"):
        odds = np.log(both) - np.log1p(-both)
    for shared in range(min(count, room // points) + 1):
        start = shared * points
        added[:, start:] += np.exp(so_many)[:, None] * mass[:, : room + 1 - start]
        if shared == count or (shared > count * both.max() and so_many.max() < _NOTHING):
            break
        so_many = so_many + odds + math.log((count - shared) / (shared + 1))
    added[certain] = 0.0
    start = count * points
    if start <= room:
        added[certain, start:] = mass[certain, : room + 1 - start]
    return added


def model_of(matrix: Any) -> Model:  # noqa: ANN401  a scipy.sparse matrix
    """The random model with the degrees of ``matrix``, a sparse one of zeros and ones."""
    row_degrees = np.bincount(matrix.tocoo().row, minlength=matrix.shape[0])
    column_degrees = np.bincount(matrix.tocoo().col, minlength=matrix.shape[1])
    rows, row_class, row_counts = np.unique(row_degrees, return_inverse=True, return_counts=True)
    columns, counts = np.unique(column_degrees, return_counts=True)
    probability = _fit((rows, row_counts), (columns, counts))
    rarity = np.log2(max(1, matrix.shape[0]) / np.maximum(columns, 1))
    points = np.rint(POINTS_A_BIT * rarity).astype(np.int64)
    points[columns == 0] = 0
    return Model(row_class, columns, counts, probability, points)


def points_of(matrix: Any, model: Model) -> Numbers:  # noqa: ANN401  a scipy.sparse matrix
    """The points of each column of ``matrix``."""
    degrees = np.bincount(matrix.tocoo().col, minlength=matrix.shape[1])
    points: Numbers = model.points[np.searchsorted(model.columns, degrees)]
    return points


def adjusted(p: Reals, tests: int) -> Reals:
    """The q-values of ``p``: the share of false ones among all that are as good.

    Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57. Of the ``tests`` that were made, those that
    are not in ``p`` found nothing: their p-value is 1.
    """
    order = np.argsort(p, kind="stable")
    raised = p[order] * tests / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate(raised[::-1])[::-1]
    return np.minimum(q, 1.0)


# --- fitting -------------------------------------------------------------------------------------


def _fit(rows: tuple[Numbers, Numbers], columns: tuple[Numbers, Numbers]) -> Reals:
    """The probabilities with which rows and columns have their degrees on average."""
    probability = np.zeros((len(rows[0]), len(columns[0])))
    left, right, free, unfilled = _set_aside(rows, columns, probability)
    if free.any():
        inner = _solve(left[free], rows[1][free], right[unfilled], columns[1][unfilled])
        probability[np.ix_(free, unfilled)] = inner
    return probability


def _set_aside(
    rows: tuple[Numbers, Numbers], columns: tuple[Numbers, Numbers], probability: Reals
) -> tuple[Numbers, Numbers, Truths, Truths]:
    """Enter what is certain, the empty and the full; what is left to chance of each degree."""
    (row_degrees, row_counts), (column_degrees, column_counts) = rows, columns
    left, right = row_degrees.copy(), column_degrees.copy()
    free, unfilled = np.ones(len(left), bool), np.ones(len(right), bool)
    while True:
        before = free.sum() + unfilled.sum()
        full = unfilled & (right == row_counts[free].sum())
        probability[np.ix_(free, full & (right > 0))] = 1.0
        left[free] -= column_counts[full].sum()
        unfilled &= ~full & (right > 0)
        full = free & (left == column_counts[unfilled].sum())
        probability[np.ix_(full & (left > 0), unfilled)] = 1.0
        right[unfilled] -= row_counts[full].sum()
        free &= ~full & (left > 0)
        if free.sum() + unfilled.sum() == before or not free.any() or not unfilled.any():
            return left, right, free & unfilled.any(), unfilled & free.any()


def _solve(left: Numbers, of_left: Numbers, right: Numbers, of_right: Numbers) -> Reals:
    """Fixed-point iteration for x and y (Vallarano et al. 2021, Sci. Rep. 11, 15227)."""
    edges = float((left * of_left).sum())
    x, y = left / np.sqrt(edges), right / np.sqrt(edges)
    for _ in range(_ROUNDS):
        before = x
        x = left / (of_right * y / (1 + np.outer(x, y))).sum(axis=1)
        y = right / (of_left * x / (1 + np.outer(y, x))).sum(axis=1)
        if np.allclose(x, before, rtol=_CLOSE, atol=0):
            break
    odds = np.outer(x, y)
    probability: Reals = odds / (1 + odds)
    return probability

"""Null model of a bipartite graph: random graphs with the observed degrees.

This is the bipartite configuration model (Saracco et al. 2017, "Inferring monopartite projections
of bipartite networks: an entropy-based approach", New J. Phys. 19 053022). It keeps the expected
degree of each row and each column, and assumes nothing else. Entries are independent: row i and
column c have a 1 with probability x_i y_c / (1 + x_i y_c). Rows of equal degree therefore have the
same probabilities, and so have columns, so only distinct degrees are stored.

The hypergeometric test is not used. It knows only the degrees of the two rows, so it counts a full
column as much as a rare one and reports pairs that only share a hub.
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
    Booleans = NDArray[np.bool_]

MIN_P_VALUE = 1e-15  # smaller values would be rounding errors of the sums
SCORE_PER_BIT = 2  # scores are integers, in half bits
_MAX_ITERATIONS = 20_000
_TOLERANCE = 1e-10
_LOG_NEGLIGIBLE = math.log(MIN_P_VALUE / 100)
_BATCH = 2_048  # pairs of row classes at a time: some tens of megabytes


@dataclass(frozen=True, slots=True, eq=False)
class NullModel:
    """The fitted null model of a 0/1 matrix.

    Attributes:
        row_class: For each row, the index of its degree among the distinct row degrees.
        column_degrees: The distinct column degrees.
        column_counts: The number of columns of each degree.
        probability: The probability of a 1, by row class and distinct column degree.
        scores: The evidence in a shared column, by distinct column degree: log2(rows / degree) in
            half bits, rounded.
    """

    row_class: Numbers
    column_degrees: Numbers
    column_counts: Numbers
    probability: Reals
    scores: Numbers

    @classmethod
    def fit(cls, matrix: Any) -> NullModel:  # noqa: ANN401  a scipy.sparse matrix
        """Fit the model to a sparse 0/1 matrix."""
        row_degrees = np.bincount(matrix.tocoo().row, minlength=matrix.shape[0])
        rows, row_class, row_counts = np.unique(
            row_degrees, return_inverse=True, return_counts=True
        )
        columns, counts = np.unique(_column_degrees(matrix), return_counts=True)
        probability = _fit((rows, row_counts), (columns, counts))
        rarity = np.log2(max(1, matrix.shape[0]) / np.maximum(columns, 1))
        scores = np.rint(SCORE_PER_BIT * rarity).astype(np.int64)
        scores[columns == 0] = 0
        return cls(row_class, columns, counts, probability, scores)

    def column_scores(self, matrix: Any) -> Numbers:  # noqa: ANN401  a scipy.sparse matrix
        """Return the score of each column of the matrix that the model was fitted to."""
        scores: Numbers = self.scores[np.searchsorted(self.column_degrees, _column_degrees(matrix))]
        return scores

    def p_values(self, one: Numbers, other: Numbers, scores: Numbers) -> Reals:
        """Return the probability that pairs of rows share columns with at least these scores.

        The values are exact for the model, to an absolute error of ``MIN_P_VALUE``. The
        distribution is the weighted Poisson binomial (Hong 2013, Comput. Stat. Data Anal. 59),
        computed by convolution over the columns.

        Args:
            one: The first row of each pair.
            other: The second row of each pair.
            scores: The total score of the columns that they share.
        """
        if not len(scores):
            return np.ones(0)
        low, high = np.sort([self.row_class[one], self.row_class[other]], axis=0)
        pairs, which = np.unique(low * len(self.probability) + high, return_inverse=True)
        p = np.empty(len(scores))
        order = np.argsort(which, kind="stable")
        starts = range(0, len(pairs), _BATCH)
        bounds = np.searchsorted(which[order], starts)
        for start, members in zip(starts, np.split(order, bounds[1:]), strict=True):
            classes = np.divmod(pairs[start : start + _BATCH], len(self.probability))
            below = self._below(*classes, int(scores[members].max()))
            p[members] = 1 - below[which[members] - start, scores[members]]
        return np.clip(p, MIN_P_VALUE, 1.0)

    def _below(self, one: Numbers, other: Numbers, most: int) -> Reals:
        """Return, for pairs of row classes, the probability of a score below 0, 1, ... ``most``."""
        mass = np.zeros((len(one), most + 1))
        mass[:, 0] = 1.0
        for column in np.flatnonzero(self.scores):
            both = self.probability[one, column] * self.probability[other, column]
            count, score = int(self.column_counts[column]), int(self.scores[column])
            mass = _add_columns(mass, both, count, score)
        below = np.zeros_like(mass)
        np.cumsum(mass[:, :-1], axis=1, out=below[:, 1:])
        return below


def _column_degrees(matrix: Any) -> Numbers:  # noqa: ANN401  a scipy.sparse matrix
    return np.bincount(matrix.tocoo().col, minlength=matrix.shape[1])


def _add_columns(mass: Reals, both: Reals, count: int, score: int) -> Reals:
    """Convolve score distributions with ``count`` more columns of ``score`` each.

    Args:
        mass: A score distribution per row.
        both: For each row, the probability that a column is shared.
        count: The number of columns.
        score: The score of each column.
    """
    most = mass.shape[1] - 1
    result = np.zeros_like(mass)
    certain = both >= 1  # two full rows
    both = np.where(certain, 0.0, both)
    # Binomial terms as logarithms: the first term underflows where hundreds of columns are almost
    # certainly shared.
    log_term = count * np.log1p(-both)
    with np.errstate(divide="ignore"):
        log_odds = np.log(both) - np.log1p(-both)
    for shared in range(min(count, most // score) + 1):
        start = shared * score
        result[:, start:] += np.exp(log_term)[:, None] * mass[:, : most + 1 - start]
        past_mode = shared > count * both.max()
        if shared == count or (past_mode and log_term.max() < _LOG_NEGLIGIBLE):
            break
        log_term = log_term + log_odds + math.log((count - shared) / (shared + 1))
    result[certain] = 0.0
    start = count * score
    if start <= most:
        result[certain, start:] = mass[certain, : most + 1 - start]
    return result


def benjamini_hochberg(p: Reals, tests: int) -> Reals:
    """Return q-values: the false discovery rate if all tests with a p-value up to p are reported.

    Source: Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57.

    Args:
        p: The p-values below 1.
        tests: The number of tests; those that are not in ``p`` have a p-value of 1.
    """
    order = np.argsort(p, kind="stable")
    raised = p[order] * tests / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate(raised[::-1])[::-1]
    return np.minimum(q, 1.0)


# --- fitting -------------------------------------------------------------------------------------


def _fit(rows: tuple[Numbers, Numbers], columns: tuple[Numbers, Numbers]) -> Reals:
    """Return the probabilities that reproduce the degrees; each side is (degrees, counts)."""
    probability = np.zeros((len(rows[0]), len(columns[0])))
    left, right, free_rows, free_columns = _remove_certain(rows, columns, probability)
    if free_rows.any():
        probability[np.ix_(free_rows, free_columns)] = _solve(
            left[free_rows], rows[1][free_rows], right[free_columns], columns[1][free_columns]
        )
    return probability


def _remove_certain(
    rows: tuple[Numbers, Numbers], columns: tuple[Numbers, Numbers], probability: Reals
) -> tuple[Numbers, Numbers, Booleans, Booleans]:
    """Set the probabilities of empty and full rows and columns, and repeat for the rest.

    Returns:
        The degrees that remain for rows and columns, and which of these are still undetermined.
    """
    (row_degrees, row_counts), (column_degrees, column_counts) = rows, columns
    left, right = row_degrees.copy(), column_degrees.copy()
    free_rows, free_columns = np.ones(len(left), bool), np.ones(len(right), bool)
    while True:
        before = free_rows.sum() + free_columns.sum()
        full = free_columns & (right == row_counts[free_rows].sum())
        probability[np.ix_(free_rows, full & (right > 0))] = 1.0
        left[free_rows] -= column_counts[full].sum()
        free_columns &= ~full & (right > 0)
        full = free_rows & (left == column_counts[free_columns].sum())
        probability[np.ix_(full & (left > 0), free_columns)] = 1.0
        right[free_columns] -= row_counts[full].sum()
        free_rows &= ~full & (left > 0)
        unchanged = free_rows.sum() + free_columns.sum() == before
        if unchanged or not free_rows.any() or not free_columns.any():
            return left, right, free_rows & free_columns.any(), free_columns & free_rows.any()


def _solve(left: Numbers, left_counts: Numbers, right: Numbers, right_counts: Numbers) -> Reals:
    """Solve for x and y by fixed-point iteration (Vallarano et al. 2021, Sci. Rep. 11, 15227)."""
    edges = float((left * left_counts).sum())
    x, y = left / np.sqrt(edges), right / np.sqrt(edges)
    for _ in range(_MAX_ITERATIONS):
        before = x
        x = left / (right_counts * y / (1 + np.outer(x, y))).sum(axis=1)
        y = right / (left_counts * x / (1 + np.outer(y, x))).sum(axis=1)
        if np.allclose(x, before, rtol=_TOLERANCE, atol=0):
            break
    odds = np.outer(x, y)
    probability: Reals = odds / (1 + odds)
    return probability

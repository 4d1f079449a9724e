"""Fit a null model to a 0/1 matrix: p-values and q-values of pairs of rows, random matrices.

The model is the bipartite configuration model (Saracco et al. 2017, "Inferring monopartite
projections of bipartite networks: an entropy-based approach", New J. Phys. 19 053022). The model
consists of random matrices that have the observed row sums and column sums (degrees) on average.
The entries are independent: entry (i, c) is 1 with probability x_i y_c / (1 + x_i y_c). All rows of
one degree have the same probabilities, and so do all columns of one degree. Therefore, one
probability is stored for each pair of a distinct row degree and a distinct column degree.

A hypergeometric test would consider only the degrees of the two rows, so a column that all rows
have would count as much as a rare column. Such a test would report pairs of rows that share only
very frequent columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.analysis.incidence import Matrix, Numbers, Reals

MIN_P_VALUE = 1e-15  # smaller values would consist mainly of rounding errors
SCORE_PER_BIT = 2  # scores are integers in units of half a bit
_MAX_ITERATIONS = 20_000  # of the fit
_TOLERANCE = 1e-10  # the fit ends if all parameters change by less than this share
_LOG_NEGLIGIBLE = math.log(MIN_P_VALUE / 100)  # smaller logarithms of probabilities are ignored
_BATCH = 2_048  # pairs of row classes per step; a step needs tens of megabytes of memory
_MAX_RATE = 37.0  # above this rate, a Poisson variable is 0 with a probability below 1e-16


@dataclass(frozen=True, slots=True, eq=False)
class NullModel:
    """The fitted null model of a 0/1 matrix.

    Attributes:
        row_class: For each row, the index of its degree in the distinct row degrees, ascending.
            Rows of one degree are a *row class*.
        column_class: The same for columns.
        column_degrees: The distinct column degrees, ascending.
        column_counts: For each distinct column degree, the number of columns that have it.
        probability: Matrix of distinct row degrees by distinct column degrees: the probability that
            an entry with these degrees is 1.
        scores: For each distinct column degree, the score that a column of this degree adds to a
            pair of rows that both have the column. The score is log2(number of rows / degree) in
            half bits, rounded. The score for a degree of 0 is 0.
    """

    row_class: Numbers
    column_class: Numbers
    column_degrees: Numbers
    column_counts: Numbers
    probability: Reals
    scores: Numbers

    @classmethod
    def fit(cls, matrix: Matrix) -> NullModel:
        """Fit the model to a 0/1 matrix."""
        rows, row_class, row_counts = np.unique(
            np.diff(matrix.indptr), return_inverse=True, return_counts=True
        )
        columns, column_class, counts = np.unique(
            np.bincount(matrix.indices, minlength=matrix.shape[1]),
            return_inverse=True,
            return_counts=True,
        )
        probability = _fit((rows, columns), (row_counts, counts))
        rarity = np.log2(max(1, matrix.shape[0]) / np.maximum(columns, 1))
        scores = np.rint(SCORE_PER_BIT * rarity).astype(np.int64)
        scores[columns == 0] = 0
        return cls(row_class, column_class, columns, counts, probability, scores)

    @property
    def column_scores(self) -> Numbers:
        """Return the score of each column of the matrix to which the model was fitted."""
        scores: Numbers = self.scores[self.column_class]
        return scores

    def sample(self, count: int, generator: np.random.Generator) -> Matrix:
        """Return a block diagonal matrix whose blocks are ``count`` random matrices of the model.

        Each entry of a block gets a Poisson number of hits, and is 1 if there is at least one. The
        rate of the hits is chosen so that this happens with the probability of the entry. All
        entries of a block with the same row class and column class are drawn together.
        """
        with np.errstate(divide="ignore"):
            rate = np.minimum(-np.log1p(-self.probability), _MAX_RATE)
        sizes = np.outer(np.bincount(self.row_class), self.column_counts)
        hits = generator.poisson(rate * sizes, size=(count, *sizes.shape))
        hit = np.repeat(np.arange(hits.size), hits.ravel())
        block, row_class, column_class = np.unravel_index(hit, hits.shape)
        rows, columns = len(self.row_class), len(self.column_class)
        row = block * rows + _draw_members(generator, self.row_class, row_class)
        column = block * columns + _draw_members(generator, self.column_class, column_class)
        entries = np.ones(len(hit), np.int64), (row, column)
        matrix = sparse.csr_array(entries, shape=(count * rows, count * columns))
        matrix.data[:] = 1  # scipy sums repeated entries
        return matrix

    def p_values(self, first_rows: Numbers, second_rows: Numbers, scores: Numbers) -> Reals:
        """Return the p-value of each pair of rows: the probability of at least the observed score.

        The score of a pair is the sum of the scores of the columns that both rows have. In the
        model, the score has a weighted Poisson binomial distribution (Hong 2013, Comput. Stat. Data
        Anal. 59), which is computed by convolution over the columns. Except for rounding errors,
        p-values are exact. Values below ``MIN_P_VALUE`` are replaced by ``MIN_P_VALUE``.

        Args:
            first_rows: For each pair, the index of one row.
            second_rows: For each pair, the index of the other row.
            scores: For each pair, the observed score.
        """
        if not len(scores):
            return np.ones(0)
        low, high = np.sort([self.row_class[first_rows], self.row_class[second_rows]], axis=0)
        pairs, pair_index = np.unique(low * len(self.probability) + high, return_inverse=True)
        p = np.empty(len(scores))
        order = np.argsort(pair_index, kind="stable")
        starts = range(0, len(pairs), _BATCH)
        bounds = np.searchsorted(pair_index[order], starts)
        for start, members in zip(starts, np.split(order, bounds[1:]), strict=True):
            classes = np.divmod(pairs[start : start + _BATCH], len(self.probability))
            cumulative = self._cumulative(*classes, int(scores[members].max()))
            p[members] = 1 - cumulative[pair_index[members] - start, scores[members]]
        return np.clip(p, MIN_P_VALUE, 1.0)

    def _cumulative(self, first_classes: Numbers, second_classes: Numbers, max_score: int) -> Reals:
        """Return the probabilities that the score of a pair is below 0, 1, ..., ``max_score``.

        The result has one row per pair of row classes, and one column per bound.
        """
        score_distribution = np.zeros((len(first_classes), max_score + 1))
        score_distribution[:, 0] = 1.0
        for column in np.flatnonzero(self.scores):
            by_class = self.probability[:, column]
            shared_probability = by_class[first_classes] * by_class[second_classes]
            count, score = int(self.column_counts[column]), int(self.scores[column])
            score_distribution = _add_columns(score_distribution, shared_probability, count, score)
        cumulative = np.zeros_like(score_distribution)
        np.cumsum(score_distribution[:, :-1], axis=1, out=cumulative[:, 1:])
        return cumulative


def _draw_members(
    generator: np.random.Generator, member_class: Numbers, wanted: Numbers
) -> Numbers:
    """Return a random member of each wanted class, for members with the given classes.

    Classes are numbered from 0 without gaps.
    """
    counts = np.bincount(member_class)
    first = np.cumsum(counts) - counts
    members = np.argsort(member_class, kind="stable")
    drawn: Numbers = members[first[wanted] + generator.integers(counts[wanted])]
    return drawn


def _add_columns(
    score_distribution: Reals, shared_probability: Reals, count: int, score: int
) -> Reals:
    """Return the score distributions after adding ``count`` columns that have this ``score``.

    Args:
        score_distribution: ``score_distribution[i, s]`` is the probability of the score s for the
            i-th pair of row classes.
        shared_probability: ``shared_probability[i]`` is the probability that both rows of the i-th
            pair have an added column. All added columns have the same probability.
        count: The number of added columns.
        score: The score that each added column gives to pairs of which both rows have the column.
    """
    max_score = score_distribution.shape[1] - 1
    result = np.zeros_like(score_distribution)
    certain = shared_probability >= 1  # both rows have all these columns
    shared_probability = np.where(certain, 0.0, shared_probability)
    # The binomial terms are computed as logarithms. If both rows almost certainly have hundreds of
    # columns, the first term is too small for a float.
    log_term = count * np.log1p(-shared_probability)
    with np.errstate(divide="ignore"):
        log_odds = np.log(shared_probability) - np.log1p(-shared_probability)
    for shared in range(min(count, max_score // score) + 1):
        start = shared * score
        lower_scores = score_distribution[:, : max_score + 1 - start]
        result[:, start:] += np.exp(log_term)[:, None] * lower_scores
        past_mode = shared > count * shared_probability.max()
        if shared == count or (past_mode and log_term.max() < _LOG_NEGLIGIBLE):
            break
        log_term = log_term + log_odds + math.log((count - shared) / (shared + 1))
    result[certain] = 0.0
    start = count * score
    if start <= max_score:
        result[certain, start:] = score_distribution[certain, : max_score + 1 - start]
    return result


def benjamini_hochberg(p: Reals, tests: int) -> Reals:
    """Return the q-value of each test (Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57).

    The q-value of a test is the smallest false discovery rate at which the test is significant.
    ``p`` contains p-values, and ``tests`` is the number of all tests. The p-value of a test without
    an entry in ``p`` is assumed to be 1.
    """
    order = np.argsort(p, kind="stable")
    adjusted = p[order] * tests / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate(adjusted[::-1])[::-1]
    return np.minimum(q, 1.0)


# --- fitting -------------------------------------------------------------------------------------


def _fit(degrees: Sequence[Numbers], counts: Sequence[Numbers]) -> Reals:
    """Return the probabilities with which the expected degrees are the given degrees.

    Rows and columns that contain only 0 or only 1 are removed first, because their probabilities
    are 0 or 1. In the smaller matrix, further rows and columns can contain only 0 or only 1, so the
    removal is repeated.

    Args:
        degrees: The distinct row degrees, and the distinct column degrees.
        counts: The number of rows with each distinct row degree, and the number of columns with
            each distinct column degree.
    """
    probability = np.zeros((len(degrees[0]), len(degrees[1])))
    remaining = [each.copy() for each in degrees]  # the degrees in the matrix after removals
    undetermined = [each > 0 for each in degrees]
    changed = True
    while changed:
        changed = False
        for side, other, entries in ((0, 1, probability), (1, 0, probability.T)):
            size = counts[other][undetermined[other]].sum()
            full = undetermined[side] & (remaining[side] == size)
            entries[np.ix_(full, undetermined[other])] = 1.0
            remaining[other][undetermined[other]] -= counts[side][full].sum()
            undetermined[side] &= ~full
            undetermined[other] &= remaining[other] > 0
            changed |= bool(full.any())
    rows, columns = undetermined
    if rows.any():
        probability[np.ix_(rows, columns)] = _solve(
            remaining[0][rows], counts[0][rows], remaining[1][columns], counts[1][columns]
        )
    return probability


def _solve(
    row_degrees: Numbers, row_counts: Numbers, column_degrees: Numbers, column_counts: Numbers
) -> Reals:
    """Return the probabilities x y / (1 + x y) with which the expected degrees are the given ones.

    The parameters x of the rows and y of the columns are found by fixed-point iteration (Vallarano
    et al. 2021, Sci. Rep. 11, 15227). The arguments are those of :func:`_fit`, without removed rows
    and columns.
    """
    edges = float((row_degrees * row_counts).sum())
    x, y = row_degrees / np.sqrt(edges), column_degrees / np.sqrt(edges)
    for _ in range(_MAX_ITERATIONS):
        previous_x = x
        x = row_degrees / (column_counts * y / (1 + np.outer(x, y))).sum(axis=1)
        y = column_degrees / (row_counts * x / (1 + np.outer(y, x))).sum(axis=1)
        if np.allclose(x, previous_x, rtol=_TOLERANCE, atol=0):
            break
    odds = np.outer(x, y)
    probability: Reals = odds / (1 + odds)
    return probability

"""Compute the q-values of pairs of files, by comparison with random lists.

The *cohesion* of two files of one cluster (see :mod:`clusters`) is the product of three shares:

* The support. The concentration of a piece of evidence is the share of pairs of its files that are
  in one cluster. The support is the probability that at least one shared piece links files of one
  cluster, if the pieces are independent and each does so with this share (noisy-or, Pearl 1988,
  "Probabilistic Reasoning in Intelligent Systems"). The share of few pairs is uncertain, so it is
  estimated with Jeffreys' prior. Two files of a small collection therefore have a low support,
  unless they share several.
* The purity of their evidence. The purity of a piece that one of the two files shares with other
  files is the share of these other files that are in the same cluster. The weighted mean over all
  these pieces is taken, with the weights of the clustering. It is low if the collections of the two
  files also contain files of other clusters.
* The density of their cluster: the share of pairs of its files that share evidence. It is low if
  chance has linked the files of the cluster one by one.

The cohesion of all other pairs is 0, and so is that of pairs without shared evidence.

Chance also groups files. Therefore, clusters are also found in random lists. In these lists, each
file has as many pieces of evidence on average as in the real list, and each piece as many files
(:mod:`null_model`). For a threshold of the cohesion, the false discovery rate is the mean number of
pairs above it in a random list, divided by the number of pairs above it in the real list (Tusher,
Tibshirani and Chu 2001, Proc. Natl. Acad. Sci. 98). The q-value of a pair is the lowest rate of all
thresholds that the pair meets (Storey and Tibshirani 2003, Proc. Natl. Acad. Sci. 100).

A p-value of a single pair does not show this. In a list of ten families of equal size, a tenth of
all pairs share the collection of a family, so sharing one is not unlikely for a pair. It is
unlikely that the collections of a random list divide the files so well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from graphbuild.analysis.clusters import partition_evidence
from graphbuild.analysis.file_similarity import (
    compute_concentration,
    find_linked_evidence,
    relate_collections,
    weigh_by_rarity,
)
from graphbuild.analysis.projection import look_up, project, separate_groups

if TYPE_CHECKING:
    from graphbuild.analysis.incidence import Incidence, Matrix, Numbers, Reals
    from graphbuild.analysis.null_model import NullModel

_MAX_RANDOM_LISTS = 10
_ENOUGH_PAIRS = 100_000  # fewer lists are made if they contain this many pairs together
_DIGITS = 9  # differences below are rounding errors


class Cohesion(NamedTuple):
    """The cohesion of pairs of files, and their q-values.

    Attributes:
        cohesion: The cohesion of each pair.
        q_value: The q-value of each pair.
        attainable_q: The smallest q-value of the pairs if all of their evidence were confined to
            dense clusters.
    """

    cohesion: Reals
    q_value: Reals
    attainable_q: float


def measure_cohesion(
    incidence: Incidence,
    model: NullModel,
    labels: Numbers,
    pairs: tuple[Numbers, Numbers],
    *,
    within_clusters: bool = False,
) -> Cohesion:
    """Measure the cohesion of pairs of files. The same arguments give the same result.

    Args:
        incidence: The observations.
        model: The null model of ``incidence.file_evidence``.
        labels: The cluster number of each file.
        pairs: The indices of the first and of the second file of each pair, sorted. All pairs of
            one cluster that share evidence must be included.
        within_clusters: Whether to compute ``attainable_q`` from the pairs of one cluster only.
    """
    evidence = incidence.file_evidence
    linked, related = find_linked_evidence(incidence), relate_collections(incidence)
    found = _compute_cohesion(evidence, weigh_by_rarity(evidence, linked), labels)
    cohesion = look_up(found, *pairs)
    lists = _choose_number_of_lists(evidence)
    # The lists share no evidence, so they can be parts of one list that is clustered at once.
    sample = model.sample(lists, np.random.default_rng(0))
    offset = (linked.max(initial=-1) + 1) * np.arange(lists)[:, None]
    rarity = weigh_by_rarity(sample, (offset + linked).ravel())
    related = sparse.block_diag([related] * lists, format="csr")
    random = _compute_cohesion(sample, rarity, partition_evidence(sample, rarity, related)).data
    random.sort()
    compared = labels if within_clusters else None
    best = _compute_support(evidence, np.ones(evidence.shape[1]), compared).data
    best = np.round(best, _DIGITS)
    return Cohesion(
        cohesion,
        _q_values(cohesion, random, lists),
        float(_q_values(best, random, lists).min(initial=1.0)),
    )


def _choose_number_of_lists(evidence: Matrix) -> int:
    """Return a number of random lists with which they contain enough pairs."""
    widest = int(_degrees(evidence).max(initial=0))
    if widest * (widest - 1) / 2 >= _ENOUGH_PAIRS:
        return 1
    pairs = int(project(evidence).nnz)
    return min(_MAX_RANDOM_LISTS, -(-_ENOUGH_PAIRS // max(1, pairs)))


def _compute_cohesion(evidence: Matrix, rarity: Reals, labels: Numbers) -> Matrix:
    """Return the cohesion of each pair of files of one cluster that share evidence, as a matrix.

    Args:
        evidence: A 0/1 matrix with a row per file and a column per piece of evidence.
        rarity: The weight of each piece of evidence; see :func:`weigh_by_rarity`.
        labels: The cluster number of each file.
    """
    concentration = compute_concentration(evidence, labels)
    cohesion = _compute_support(evidence, concentration, labels)
    source, target = cohesion.nonzero()
    pure, total = _sum_purity(evidence, labels, rarity * concentration)
    purity = (pure[source] + pure[target]) / (total[source] + total[target])
    sizes = np.bincount(labels)
    sharing = np.bincount(labels[source], minlength=len(sizes))
    density = sharing / np.maximum(sizes * (sizes - 1) / 2, 1)
    cohesion.data = np.round(cohesion.data * purity * density[labels[source]], _DIGITS)
    cohesion.eliminate_zeros()
    return cohesion


def _sum_purity(evidence: Matrix, labels: Numbers, weights: Reals) -> tuple[Reals, Reals]:
    """Return, for each file, the weighted sum of the purity of its evidence, and all weights.

    Evidence of a single file does not count.
    """
    entries = evidence.tocoo()
    files, columns = evidence.shape
    _, group, counts = np.unique(
        labels[entries.row] * columns + entries.col, return_inverse=True, return_counts=True
    )
    others = _degrees(evidence)[entries.col] - 1
    purity = (counts[group] - 1) / np.maximum(others, 1)
    weight = weights[entries.col] * (others > 0)
    pure = np.bincount(entries.row, weight * purity, minlength=files)
    total = np.bincount(entries.row, weight, minlength=files)
    return pure.astype(float), total.astype(float)


def _compute_support(
    evidence: Matrix, concentration: Reals, labels: Numbers | None = None
) -> Matrix:
    """Return a matrix with the support of each pair of files that share evidence.

    If ``labels`` contains the cluster number of each file, only pairs of one cluster are returned.
    """
    degrees = _degrees(evidence)
    pairs = degrees * (degrees - 1) / 2
    estimate = (concentration * pairs + 0.5) / (pairs + 1)
    weights = np.log1p(-estimate)
    if labels is not None:
        evidence, weights = separate_groups(evidence, weights, labels)
    support = project(evidence, weights)
    support.data = -np.expm1(support.data)
    return support


def _degrees(evidence: Matrix) -> Numbers:
    return np.bincount(evidence.indices, minlength=evidence.shape[1])


def _q_values(observed: Reals, random: Reals, lists: int) -> Reals:
    """Return the q-value of each pair of a list; 1 for a cohesion of 0.

    The number of pairs in the random lists is increased by one. Otherwise, a rate could be 0 only
    because there are few random lists (Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9).

    Args:
        observed: The cohesion of the pairs of the list.
        random: The cohesion of the pairs of all random lists, sorted.
        lists: The number of random lists.
    """
    positive = np.flatnonzero(observed)
    order = positive[np.argsort(-observed[positive], kind="stable")]
    descending = observed[order]
    found = np.searchsorted(-descending, -descending, side="right")
    by_chance = (1 + len(random) - np.searchsorted(random, descending)) / lists
    rates = np.minimum.accumulate((by_chance / found)[::-1])[::-1]
    q_values = np.ones(len(observed))
    q_values[order] = np.minimum(rates, 1.0)
    return q_values

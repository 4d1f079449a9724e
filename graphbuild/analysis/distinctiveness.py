"""Find the collections and references that distinguish a cluster from all other files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.analysis.incidence import Matrix, Numbers, Reals
    from graphbuild.models import Entity

_MAX_ENTITIES = 5  # per cluster


@dataclass(frozen=True, slots=True)
class DistinctiveEntity:
    """A collection or reference that is at least as frequent inside a cluster as outside.

    Attributes:
        entity: The collection or reference.
        inside: Number of files in the cluster that have the entity.
        outside: Number of files outside the cluster that have the entity.
        lift: Share of the cluster's files that have the entity, divided by the share of all files
            that have the entity.
        log_likelihood: Log-likelihood ratio of two hypotheses: that the shares of files with the
            entity differ inside and outside the cluster, and that they are equal (G-test; Dunning
            1993, Computational Linguistics 19).
    """

    entity: Entity
    inside: int
    outside: int
    lift: float
    log_likelihood: float


def find_distinctive(
    matrix: Matrix, labels: Numbers, columns: Sequence[Entity]
) -> list[tuple[DistinctiveEntity, ...]]:
    """Return up to five of the most distinctive collections or references of each cluster.

    The entities of a cluster are sorted by descending log-likelihood ratio.

    Args:
        matrix: A 0/1 matrix with a row per file and a column per entity.
        labels: The cluster number of each file, from 0 without gaps.
        columns: The collections or references that the columns represent.
    """
    sizes = np.bincount(labels)
    entries = np.ones(len(labels), np.int64), (labels, np.arange(len(labels)))
    members = sparse.csr_array(entries, shape=(len(sizes), len(labels)))
    counts = (members @ matrix).tocsr()
    counts.sort_indices()
    totals = np.bincount(matrix.indices, minlength=matrix.shape[1])
    result: list[tuple[DistinctiveEntity, ...]] = []
    for number, size in enumerate(sizes.tolist()):
        row = slice(*counts.indptr[number : number + 2])
        found, inside = counts.indices[row], counts.data[row]
        total = totals[found]
        score = _log_likelihood_ratio(inside, size, total, len(labels))
        lift = inside / size / (total / len(labels))
        order = np.lexsort((found, -inside, -np.round(score, 9)))
        best = order[lift[order] >= 1][:_MAX_ENTITIES]
        measures = (each[best].tolist() for each in (found, inside, total - inside, lift, score))
        rows = zip(*measures, strict=True)
        result.append(tuple(DistinctiveEntity(columns[column], *row) for column, *row in rows))
    return result


def _log_likelihood_ratio(inside: Numbers, size: int, total: Numbers, files: int) -> Reals:
    """Return, for each entity, the log-likelihood ratio of a 2x2 table.

    The table contains the numbers of files inside and outside the cluster, with and without the
    entity.

    Args:
        inside: For each entity, the number of files in the cluster that have the entity.
        size: The number of files in the cluster.
        total: For each entity, the number of all files that have the entity.
        files: The number of all files.
    """
    ratio = np.zeros(len(inside))
    for seen, row_total in ((inside, total), (size - inside, files - total)):
        for observed, column_total in ((seen, size), (row_total - seen, files - size)):
            expected = row_total * (column_total / files)
            with np.errstate(divide="ignore", invalid="ignore"):
                part = 2 * observed * np.log(observed / expected)
            ratio += np.where(observed > 0, part, 0.0)
    return np.asarray(ratio, float)

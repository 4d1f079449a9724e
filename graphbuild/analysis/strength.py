"""Measure how strong the evidence for clusters and pairs is.

The module :mod:`evidence_sources` defines independent sources and :class:`Strength`.

The *breaking point* of a result is the smallest number of its sources without which it no longer
holds. All observations of these sources are removed, and the result is computed again:

* A pair no longer holds if it is not significant any more.
* A cluster no longer holds if no cluster contains at least two of its files and at least half of
  them.

All sets of sources are tried, the smallest first, until a result no longer holds. If there are too
many sets, the breaking point is an upper bound: a binary search finds a set of sources without
which the result does not hold, and sources that are not needed are left out of this set. Only the
first results are searched. The bound of the others is the number of their sources, because they
cannot hold without any source.
"""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from graphbuild.analysis.clusters import partition_files
from graphbuild.analysis.evidence_sources import Strength, find_sources
from graphbuild.analysis.overlap import FALSE_DISCOVERY_RATE, find_overlaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from graphbuild.analysis.deduplication import Deduplication
    from graphbuild.analysis.evidence_sources import Sources
    from graphbuild.analysis.incidence import Incidence, Matrix, NodeKind, Numbers
    from graphbuild.analysis.overlap import Overlaps
    from graphbuild.models import Entity

SEARCHED = 10  # number of results whose breaking point is searched
_MAX_CHECKS = 32  # maximum number of checks per result; a check computes all results again
_WORK = 200_000  # intended product of the numbers of checks and of observations
_WORK_PER_CHECK = 7_500  # number of observations that take as long as the fixed part of a check
# The same for pairs. Random lists make their checks slower.
_WORK_OF_PAIRS = 1_000_000
_WORK_PER_CHECK_OF_PAIRS = 50_000
_WORK_PER_OBSERVATION_OF_PAIRS = 18
_MAX_PAIRS = 20_000_000  # maximum number of pairs, counted per reference, in measure_pair()


def measure_clusters(
    sources: Sources, labels: Numbers, *, max_checks: int | None = None
) -> dict[int, Strength]:
    """Measure the strength of clusters of files. Return a dictionary from number to strength.

    Args:
        sources: The result of :func:`find_sources` for files.
        labels: ``Clustering.labels``, found in ``sources.incidence``.
        max_checks: Maximum number of times that clusters are found again for each of the first
            ``SEARCHED`` clusters. By default, it depends on the number of observations.
    """
    counts = _count_in_clusters(sources.of_node, labels)
    shared = np.bincount(counts.nonzero()[0][counts.data > 1], minlength=counts.shape[0])
    sizes = np.bincount(labels)[1:]
    searched = np.flatnonzero(sizes > 1)[:SEARCHED]
    files = {number: np.flatnonzero(labels == number + 1) for number in searched.tolist()}

    def holds(removed: frozenset[int]) -> dict[int, bool]:
        rest = sources.remove(removed)
        again = np.zeros(len(labels), np.int64)  # 0 for files without observations
        again[rest.files] = partition_files(rest.incidence)
        return {number: _is_kept(again[members]) for number, members in files.items()}

    checks = _Checks(holds, _checks_per_result(sources) if max_checks is None else max_checks)
    measured = {}
    for number, (size, behind, total) in enumerate(
        zip(sizes.tolist(), shared.tolist(), np.diff(counts.indptr).tolist(), strict=True)
    ):
        if size == 1:
            found: tuple[int | None, bool] = None, True
        elif number in files:
            candidates = sources.shared_by(files[number], minimum=1)
            found = checks.breaking_point(number, candidates)
        else:
            found = total, total == 1
        measured[number + 1] = Strength(behind, *found)
    return measured


def measure_pairs(
    sources: Sources,
    pairs: Overlaps,
    *,
    fdr: float = FALSE_DISCOVERY_RATE,
    max_checks: int | None = None,
) -> list[Strength]:
    """Measure the strength of pairs. The result has the order of ``pairs``.

    Args:
        sources: The result of :func:`find_sources` for the same kind of nodes.
        pairs: Pairs that :func:`find_overlaps` found in ``sources.incidence``.
        fdr: The false discovery rate up to which a pair is significant.
        max_checks: Maximum number of times that the pairs are computed again for each of the first
            ``SEARCHED`` significant pairs. By default, it depends on the number of observations.

    Raises:
        ValueError: ``sources`` and ``pairs`` are about different nodes.
    """
    if pairs.nodes != sources.nodes:
        raise ValueError(f"the pairs are not pairs of the {sources.of} of the sources")
    source, target = pairs.columns["source"], pairs.columns["target"]
    shared = sources.of_node[source].multiply(sources.of_node[target]).sum(axis=1)
    significant = (pairs.columns["q_value"] <= fdr) & (shared > 0)
    searched = np.flatnonzero(significant)[:SEARCHED].tolist()

    def holds(removed: frozenset[int]) -> dict[int, bool]:
        rest = sources.remove(removed)
        before = rest.files if sources.of == "files" else rest.collections
        again = find_overlaps(rest.incidence, sources.of).significant(fdr)
        again = again.select(np.flatnonzero(again.columns["shared_evidence"] > 0))
        ends = (before[again.columns[name]].tolist() for name in ("source", "target"))
        found = set(zip(*ends, strict=True))
        return {number: (int(source[number]), int(target[number])) in found for number in searched}

    if max_checks is None:
        observations = _WORK_PER_OBSERVATION_OF_PAIRS * len(sources.incidence.triples)
        work = _WORK_PER_CHECK_OF_PAIRS + observations
        max_checks = min(_MAX_CHECKS, _WORK_OF_PAIRS // work)
    checks = _Checks(holds, max_checks)
    measured = [
        Strength(
            count, count if is_significant else None, is_exact=count == 1 or not is_significant
        )
        for count, is_significant in zip(shared.tolist(), significant.tolist(), strict=True)
    ]
    for number in searched:
        candidates = sources.shared_by([source[number], target[number]])
        measured[number] = Strength(len(candidates), *checks.breaking_point(number, candidates))
    return measured


def measure_pair(
    incidence: Incidence, duplicates: Deduplication, one: Entity, other: Entity
) -> Strength | None:
    """Measure the strength of two files, or of two collections.

    ``duplicates`` must be the result of :func:`find_duplicates` for the references of
    ``incidence``. Return None if the nodes share no evidence or are of different kinds, and in
    large campaigns, because the pair is compared with all other pairs.
    """
    kinds: tuple[tuple[NodeKind, tuple[Entity, ...]], ...] = (
        ("files", incidence.files),
        ("collections", incidence.collections),
    )
    for of, nodes in kinds:
        if one not in nodes or other not in nodes or _count_pairs(incidence, of) > _MAX_PAIRS:
            continue
        pairs = find_overlaps(incidence, of)
        source, target = sorted((nodes.index(one), nodes.index(other)))
        is_pair = (pairs.columns["source"] == source) & (pairs.columns["target"] == target)
        rows = np.flatnonzero(is_pair & (pairs.columns["shared_evidence"] > 0))
        if len(rows):
            return measure_pairs(find_sources(incidence, duplicates, of), pairs.select(rows))[0]
    return None


def _count_pairs(incidence: Incidence, of: NodeKind) -> int:
    """Return the number of pairs of nodes with a shared reference, per reference and in total."""
    matrix = incidence.file_references if of == "files" else incidence.collection_references
    degrees = np.bincount(matrix.indices)
    return int((degrees * (degrees - 1) // 2).sum())


# --- search --------------------------------------------------------------------------------------


class _Checks:
    """Find the breaking points of results with a limited number of checks per result."""

    def __init__(
        self, holds: Callable[[frozenset[int]], dict[int, bool]], checks_per_result: int
    ) -> None:
        """``holds`` takes sources, and returns for each result whether it holds without them."""
        self._holds = holds
        self._known: dict[frozenset[int], dict[int, bool]] = {}
        self._checks_per_result = checks_per_result
        self._left = 0

    def breaking_point(self, result: int, candidates: Sequence[int]) -> tuple[int, bool]:
        """Return the breaking point of a result, and whether it is exact.

        ``candidates`` are the sources of the result, the most important first. The result does not
        hold without all of them.
        """
        self._left = self._checks_per_result
        size, is_exact = self._try_all_sets(result, candidates)
        if is_exact:
            return size, True
        found = self._bisect(result, candidates, size)
        found = self._leave_out(result, found)
        return len(found), len(found) == size + 1

    def _try_all_sets(self, result: int, candidates: Sequence[int]) -> tuple[int, bool]:
        """Try all sets, the smallest first, while there are checks for all sets of one size.

        Return the breaking point and True. If there are not enough checks, return a size and False;
        the result holds without any set of at most this size.
        """
        for size in range(1, len(candidates)):
            if comb(len(candidates), size) > self._left:
                return size - 1, False
            for removed in combinations(candidates, size):
                if not self._check(result, removed):
                    return size, True
        return len(candidates), True

    def _bisect(self, result: int, candidates: Sequence[int], low: int) -> Sequence[int]:
        """Return the first candidates, so many that the result does not hold without them."""
        high = len(candidates)
        while high - low > 1 and self._left:
            middle = (low + high) // 2
            if self._check(result, candidates[:middle]):
                low = middle
            else:
                high = middle
        return candidates[:high]

    def _leave_out(self, result: int, found: Sequence[int]) -> Sequence[int]:
        """Return ``found`` without sources that are not needed, the least important first."""
        for source in reversed(found):
            rest = [each for each in found if each != source]
            if not self._left or not rest:
                break
            if not self._check(result, rest):
                found = rest
        return found

    def _check(self, result: int, removed: Iterable[int]) -> bool:
        """Return whether a result holds without some sources."""
        key = frozenset(removed)
        self._left -= 1
        if key not in self._known:
            self._known[key] = self._holds(key)
        return self._known[key][result]


def _checks_per_result(sources: Sources) -> int:
    work = _WORK_PER_CHECK + len(sources.incidence.triples)
    return min(_MAX_CHECKS, _WORK // work)


def _count_in_clusters(of_node: Matrix, labels: Numbers) -> Matrix:
    """Return a matrix of clusters by sources: the number of files that have the source."""
    shape = int(labels.max(initial=0)), len(labels)
    entries = np.ones(len(labels), np.int64), (labels - 1, np.arange(len(labels)))
    counts = (sparse.csr_array(entries, shape=shape) @ of_node).tocsr()
    counts.sort_indices()
    return counts


def _is_kept(labels: Numbers) -> bool:
    """Return whether at least two files and at least half of the files have the same cluster.

    ``labels`` contains the cluster number of each file, or 0 for files without a cluster.
    """
    most = int(np.bincount(labels)[1:].max(initial=0))
    return most > 1 and 2 * most >= len(labels)

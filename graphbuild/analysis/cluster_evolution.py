"""Match the clusters of two snapshots, and find out why clusters merged or split.

The method is based on Greene, Doyle and Cunningham (2010, "Tracking the Evolution of Communities in
Dynamic Social Networks", ASONAM). They match clusters whose Jaccard index exceeds a threshold.
With this condition, a small cluster that becomes part of a large one would not match it. Here, two
clusters match if one contains more than half of the files of the other (Spiliopoulou et al. 2006,
"MONIC", KDD). Only files with observations in both snapshots are counted. Clusters of one file are
ignored.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from graphbuild.analysis.diff import used_numbers
from graphbuild.analysis.incidence import NO_COLLECTION
from graphbuild.models import COLLECTION, Entity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from graphbuild.analysis.clusters import Clustering
    from graphbuild.analysis.diff import SnapshotPair

    Numbers = NDArray[np.int64]
    FileCounts = dict[int, dict[int, int]]  # number of files by entity and cluster

ChangeKind = Literal["merged", "split", "born", "died", "grew", "shrank", "changed", "unchanged"]
CHANGE_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)


@dataclass(frozen=True, slots=True)
class Cause:
    """A collection or reference that connects clusters in one snapshot but not in the other.

    Attributes:
        entity: The collection or reference.
        clusters: Numbers of the separate clusters whose files have the entity in the snapshot with
            one cluster.
        files: Number of these files.
        exclusive: Whether the entity is missing from the snapshot with separate clusters.
        certain: Whether that snapshot is complete for some file that has the entity only in the
            snapshot with one cluster. Otherwise, the entity may have existed in both.
    """

    entity: Entity
    clusters: tuple[int, ...]
    files: int
    exclusive: bool
    certain: bool


@dataclass(frozen=True, slots=True)
class ClusterChange:
    """A change of one cluster, or of several clusters that merged or split.

    Attributes:
        kind: ``merged`` (several became one), ``split`` (one became several), ``born`` (only in the
            later snapshot) or ``died`` (only in the earlier snapshot). For a pair of matching
            clusters ``grew``, ``shrank``, ``changed`` (the same number of files, but other files)
            or ``unchanged``.
        before: Numbers of the clusters in the earlier snapshot, the most similar first.
        after: Numbers of the clusters in the later snapshot, the most similar first.
        similarity: The largest Jaccard index of an earlier and a later cluster, computed from the
            files with observations in both snapshots; 0 for ``born`` and ``died``.
        added: Files of the later clusters that are in none of the earlier clusters.
        removed: Files of the earlier clusters that are in none of the later clusters.
        causes: Collections, then references, that explain a merge or split.
        linking_files: Files with observations only in the snapshot with one cluster, which share
            collections or references with several of the separate clusters.
    """

    kind: ChangeKind
    before: tuple[int, ...]
    after: tuple[int, ...]
    similarity: float
    added: tuple[Entity, ...]
    removed: tuple[Entity, ...]
    causes: tuple[Cause, ...] = ()
    linking_files: tuple[Entity, ...] = ()


@dataclass(frozen=True, slots=True)
class MovedFile:
    """A file whose later cluster does not match its earlier cluster.

    Attributes:
        file: The file.
        before: The number of its cluster in the earlier snapshot.
        after: The number of its cluster in the later snapshot.
    """

    file: Entity
    before: int
    after: int


class ClusterMatching:
    """The clusters of two snapshots, matched with each other.

    In this class, side 0 is the earlier snapshot and side 1 is the later snapshot.

    Args:
        pair: The snapshots.
        clusterings: The clusters of the earlier and of the later snapshot.
    """

    def __init__(self, pair: SnapshotPair, clusterings: Sequence[Clustering]) -> None:
        self._pair = pair
        self._members = [
            {cluster.number: frozenset(cluster.files) for cluster in clustering.clusters}
            for clustering in clusterings
        ]
        index = {file: number for number, file in enumerate(pair.files)}
        self._cluster = np.zeros((2, len(pair.files)), np.int64)  # 0: no observations
        for side, clusters in enumerate(self._members):
            for number, files in clusters.items():
                self._cluster[side, [index[file] for file in files]] = number
        self._similarity = self._match()

    def _match(self) -> dict[tuple[int, int], float]:
        """Return the Jaccard index of each matching pair of clusters."""
        common = self._cluster[:, (self._cluster > 0).all(axis=0)]
        pairs, shared_counts = np.unique(common, axis=1, return_counts=True)
        sizes = [np.bincount(side) for side in common]
        found: dict[tuple[int, int], float] = {}
        for (earlier, later), shared in zip(pairs.T.tolist(), shared_counts.tolist(), strict=True):
            before, after = int(sizes[0][earlier]), int(sizes[1][later])
            if not (self._has_several_files(0, earlier) and self._has_several_files(1, later)):
                continue
            if 2 * shared > min(before, after):
                found[earlier, later] = shared / (before + after - shared)
        return found

    def _has_several_files(self, side: int, number: int) -> bool:
        return len(self._members[side][number]) > 1

    def _numbers(self, side: int) -> set[int]:
        return {number for number in self._members[side] if self._has_several_files(side, number)}

    def moved_files(self) -> tuple[MovedFile, ...]:
        """Return the files whose later cluster does not match their earlier cluster."""
        found = []
        for file, (before, after) in zip(self._pair.files, self._cluster.T.tolist(), strict=True):
            if not before or not after or (before, after) in self._similarity:
                continue
            if self._has_several_files(0, before) or self._has_several_files(1, after):
                found.append(MovedFile(file, before, after))
        return tuple(found)

    def changes(self) -> tuple[ClusterChange, ...]:
        """Return all changes; one cluster can be in a merge and in a split."""
        successors, predecessors = _matches_by_side(self._similarity)
        found = [
            self._change("merged", before, (number,))
            for number, before in predecessors.items()
            if len(before) > 1
        ]
        found += [
            self._change("split", (number,), after)
            for number, after in successors.items()
            if len(after) > 1
        ]
        found += [
            self._change(self._pair_kind(earlier, later), (earlier,), (later,))
            for earlier, later in self._similarity
            if len(successors[earlier]) == len(predecessors[later]) == 1
        ]
        found += [self._change("died", (each,), ()) for each in self._numbers(0) - set(successors)]
        found += [
            self._change("born", (), (each,)) for each in self._numbers(1) - set(predecessors)
        ]
        found.sort(key=lambda each: (CHANGE_KINDS.index(each.kind), each.after, each.before))
        return tuple(found)

    def _pair_kind(self, earlier: int, later: int) -> ChangeKind:
        before, after = self._members[0][earlier], self._members[1][later]
        if before == after:
            return "unchanged"
        if len(before) == len(after):
            return "changed"
        return "grew" if len(before) < len(after) else "shrank"

    def _change(
        self, kind: ChangeKind, before: tuple[int, ...], after: tuple[int, ...]
    ) -> ClusterChange:
        files = [
            frozenset[Entity]().union(*(self._members[side][number] for number in numbers))
            for side, numbers in enumerate((before, after))
        ]
        similarity = [
            self._similarity.get((earlier, later), 0.0) for earlier in before for later in after
        ]
        causes: tuple[Cause, ...] = ()
        linking_files: tuple[Entity, ...] = ()
        if kind == "merged":
            causes, linking_files = self._explain(0, before, after[0])
        elif kind == "split":
            causes, linking_files = self._explain(1, after, before[0])
        return ClusterChange(
            kind,
            before,
            after,
            max(similarity, default=0.0),
            _sorted(files[1] - files[0]),
            _sorted(files[0] - files[1]),
            causes,
            linking_files,
        )

    def _explain(
        self, separate: int, numbers: tuple[int, ...], joint: int
    ) -> tuple[tuple[Cause, ...], tuple[Entity, ...]]:
        """Find out why clusters that are separate on one side are one cluster on the other side.

        Args:
            separate: The side on which the clusters are separate.
            numbers: The numbers of the separate clusters.
            joint: The number of the one cluster on the other side.

        Returns:
            The causes and the linking files.
        """
        part = np.full(len(self._pair.files), -1, np.int64)  # position of its cluster in numbers
        for position, number in enumerate(numbers):
            part[self._cluster[separate] == number] = position
        here, there = self._pair.snapshots[separate], self._pair.snapshots[1 - separate]
        certain_triples = there.triples[here.complete[there.triples[:, 0]]]
        causes: list[Cause] = []
        parts_of: list[dict[int, set[int]]] = []
        for column, entities in ((2, self._pair.collections), (1, self._pair.references)):
            separately = _count_files(here.triples, column, part)
            together = _count_files(there.triples, column, part)
            certain = _count_files(certain_triples, column, part)
            known = used_numbers(here.triples[:, column])
            parts_of.append({entity: set(counts) for entity, counts in together.items()})
            for entity, counts in together.items():
                new_parts = set(counts) - set(separately.get(entity, ()))
                if len(counts) > 1 and new_parts:
                    causes.append(
                        Cause(
                            entities[entity],
                            tuple(numbers[position] for position in sorted(counts)),
                            sum(counts.values()),
                            entity not in known,
                            bool(new_parts & set(certain.get(entity, ()))),
                        )
                    )
        causes.sort(key=_cause_order)
        return tuple(causes), self._linking_files(separate, joint, parts_of)

    def _linking_files(
        self, separate: int, joint: int, parts_of: Sequence[Mapping[int, set[int]]]
    ) -> tuple[Entity, ...]:
        """Return the files of the joint cluster that only its side knows and that link clusters.

        Args:
            separate: The side on which the clusters are separate.
            joint: The number of the one cluster on the other side.
            parts_of: For each collection, and for each reference, the positions of the separate
                clusters whose files have it.
        """
        only_there = self._cluster[separate] == 0
        candidate = only_there & (self._cluster[1 - separate] == joint)
        linked: dict[int, set[int]] = defaultdict(set)
        triples = self._pair.snapshots[1 - separate].triples
        for file, reference, collection in triples[candidate[triples[:, 0]]].tolist():
            linked[file] |= parts_of[0].get(collection, set()) | parts_of[1].get(reference, set())
        return tuple(self._pair.files[file] for file in sorted(linked) if len(linked[file]) > 1)


def _cause_order(cause: Cause) -> tuple[bool, bool, int, int, str]:
    is_reference = cause.entity.type != COLLECTION
    return is_reference, not cause.exclusive, -len(cause.clusters), -cause.files, cause.entity.key


def _matches_by_side(
    similarity: Mapping[tuple[int, int], float],
) -> tuple[dict[int, tuple[int, ...]], dict[int, tuple[int, ...]]]:
    """Return the matches of each earlier and of each later cluster, the most similar first."""
    successors: dict[int, tuple[int, ...]] = defaultdict(tuple)
    predecessors: dict[int, tuple[int, ...]] = defaultdict(tuple)
    for earlier, later in sorted(similarity, key=lambda pair: (-similarity[pair], pair)):
        successors[earlier] += (later,)
        predecessors[later] += (earlier,)
    return successors, predecessors


def _count_files(triples: Numbers, column: int, part: Numbers) -> FileCounts:
    """Count the files of each cluster that have a reference or collection, for all of these.

    Args:
        triples: The observations: indices of file, reference and collection.
        column: 1 to count for references, 2 for collections.
        part: For each file, the position of its cluster; -1 for files that are not counted.
    """
    kept = triples[(part[triples[:, 0]] >= 0) & (triples[:, column] != NO_COLLECTION)]
    pairs = np.unique(kept[:, [column, 0]], axis=0)
    counts: FileCounts = defaultdict(lambda: defaultdict(int))
    for entity, position in zip(pairs[:, 0].tolist(), part[pairs[:, 1]].tolist(), strict=True):
        counts[entity][position] += 1
    return counts


def _sorted(files: Iterable[Entity]) -> tuple[Entity, ...]:
    return tuple(sorted(files, key=lambda file: file.key))

"""Match the clusters of two snapshots, and find out why clusters merged or split.

The method is based on Greene, Doyle and Cunningham (2010, "Tracking the Evolution of Communities in
Dynamic Social Networks", ASONAM). In their paper, two clusters match if their Jaccard index exceeds
a threshold. With that rule, a small cluster that becomes part of a large cluster would not match
the large one. In this module, two clusters match if one contains more than half of the files of the
other (Spiliopoulou et al. 2006, "MONIC", KDD). Only files with observations in both snapshots are
counted. A cluster of one file matches no cluster.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from graphbuild.analysis.incidence import COLLECTIONS, FILES, NO_COLLECTION, REFERENCES
from graphbuild.models import COLLECTION, REFERENCE, Entity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbuild.analysis.cluster_models import Clustering
    from graphbuild.analysis.diff import SnapshotPair
    from graphbuild.analysis.incidence import Numbers

    Group = tuple[int, ...]  # numbers of clusters of one snapshot
    # Numbers of files, by the index of an entity, then by the position of a cluster in a ``Group``.
    FileCounts = dict[int, dict[int, int]]

ChangeKind = Literal["merged", "split", "born", "died", "grew", "shrank", "changed", "unchanged"]
CHANGE_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)


@dataclass(frozen=True, slots=True)
class Cause:
    """A collection or reference that explains why clusters merged or split.

    The *separate* snapshot is the one with several clusters: the earlier snapshot of a merge, the
    later snapshot of a split. The *joint* snapshot is the one with a single cluster. In the joint
    snapshot, files of several of the separate clusters have the entity. In the separate snapshot,
    at least one of these clusters contains no file with the entity.

    Attributes:
        entity: The collection or reference.
        clusters: Numbers of the separate clusters that contain a file with the entity, according
            to the joint snapshot.
        files: Number of files in ``clusters`` that have the entity in the joint snapshot.
        exclusive: Whether no file of the separate snapshot has the entity.
        certain: False if missing data may be the only reason why no file of a cluster has the
            entity in the separate snapshot. True if the separate snapshot is complete for a file of
            such a cluster that has the entity in the joint snapshot, and did not infer the
            reference of this observation.
    """

    entity: Entity
    clusters: Group
    files: int
    exclusive: bool
    certain: bool


@dataclass(frozen=True, slots=True)
class ClusterChange:
    """A change of one cluster, or of several clusters that merged or split.

    Attributes:
        kind: ``merged`` (several clusters became one), ``split`` (one became several), ``born`` (a
            later cluster matches no earlier cluster) or ``died`` (an earlier cluster matches no
            later cluster). For two clusters that match only each other: ``grew``, ``shrank``,
            ``changed`` (the same number of files, but different files) or ``unchanged``.
        before: Numbers of the clusters in the earlier snapshot, the most similar to ``after``
            first; empty for ``born``.
        after: Numbers of the clusters in the later snapshot, the most similar to ``before`` first;
            empty for ``died``.
        similarity: The largest Jaccard index of a cluster in ``before`` and a cluster in ``after``,
            computed from the files with observations in both snapshots; 0 for ``born`` and
            ``died``.
        added: Files of clusters in ``after`` that no cluster in ``before`` contains, sorted by key.
        removed: Files of clusters in ``before`` that no cluster in ``after`` contains, sorted by
            key.
        causes: Collections, then references, that explain a merge or split; empty for all other
            kinds.
        linking_files: For a merge or split, files of the single cluster that have no observations
            in the snapshot with several clusters. Each of these files shares collections or
            references with files of at least two of the several clusters. Empty for all other
            kinds.
    """

    kind: ChangeKind
    before: Group
    after: Group
    similarity: float
    added: tuple[Entity, ...]
    removed: tuple[Entity, ...]
    causes: tuple[Cause, ...] = ()
    linking_files: tuple[Entity, ...] = ()


@dataclass(frozen=True, slots=True)
class MovedFile:
    """A file whose cluster in the earlier snapshot does not match its cluster in the later one."""

    file: Entity
    before: int  # number of the cluster that contains the file in the earlier snapshot
    after: int  # number of the cluster that contains the file in the later snapshot


class ClusterMatching:
    """The clusters of two snapshots, matched with each other.

    In the code, *side* 0 is the earlier snapshot, and side 1 is the later snapshot.
    """

    def __init__(self, pair: SnapshotPair, clusterings: Sequence[Clustering]) -> None:
        self._pair = pair
        self._members = [
            {cluster.number: frozenset(cluster.files) for cluster in clustering}
            for clustering in clusterings
        ]
        self._matchable = [  # clusters of several files
            {number for number, files in clusters.items() if len(files) > 1}
            for clusters in self._members
        ]
        index = {file: number for number, file in enumerate(pair.files)}
        # The number of the cluster of each file: a row per side, a column per file of ``pair``. 0
        # means that the file is in no cluster, because the snapshot has no observations of it.
        self._cluster = np.zeros((2, len(index)), np.int64)
        for side, clusters in enumerate(self._members):
            for number, files in clusters.items():
                self._cluster[side, [index[file] for file in files]] = number
        self._similarity = self._match()

    def _match(self) -> dict[tuple[int, int], float]:
        """Return the Jaccard index of each matching pair of an earlier and a later cluster.

        The keys are pairs of cluster numbers.
        """
        common = self._cluster[:, (self._cluster > 0).all(axis=0)]
        pairs, shared_counts = np.unique(common, axis=1, return_counts=True)
        sizes = [np.bincount(side).tolist() for side in common]
        found: dict[tuple[int, int], float] = {}
        for (earlier, later), shared in zip(pairs.T.tolist(), shared_counts.tolist(), strict=True):
            before, after = sizes[0][earlier], sizes[1][later]
            matchable = earlier in self._matchable[0] and later in self._matchable[1]
            if matchable and 2 * shared > min(before, after):
                found[earlier, later] = shared / (before + after - shared)
        return found

    def moved_files(self) -> tuple[MovedFile, ...]:
        """Return the files whose clusters in the two snapshots do not match, sorted by key.

        Files with observations in only one snapshot are omitted, and so are files that are the only
        file of both clusters.
        """
        clusters = zip(self._pair.files, self._cluster.T.tolist(), strict=True)
        return tuple(
            MovedFile(file, before, after)
            for file, (before, after) in clusters
            if before and after and (before, after) not in self._similarity
            if before in self._matchable[0] or after in self._matchable[1]
        )

    def changes(self) -> tuple[ClusterChange, ...]:
        """Return the changes of all clusters, sorted by kind in the order of ``CHANGE_KINDS``.

        There is one change per merge, per split, per pair of clusters that match only each other,
        and per cluster without a match. Clusters of one file are omitted. One cluster can be in
        both a merge and a split.
        """
        successors: dict[int, Group] = defaultdict(tuple)
        predecessors: dict[int, Group] = defaultdict(tuple)
        pairs = sorted(self._similarity, key=lambda pair: (-self._similarity[pair], pair))
        for earlier, later in pairs:
            successors[earlier] += (later,)
            predecessors[later] += (earlier,)
        groups: list[tuple[ChangeKind, Group, Group]] = [
            (self._pair_kind(earlier, later), (earlier,), (later,))
            for earlier, later in pairs
            if len(successors[earlier]) == len(predecessors[later]) == 1
        ]
        for later, before in predecessors.items():
            if len(before) > 1:
                groups.append(("merged", before, (later,)))
        for earlier, after in successors.items():
            if len(after) > 1:
                groups.append(("split", (earlier,), after))
        groups += [("died", (each,), ()) for each in self._matchable[0] - set(successors)]
        groups += [("born", (), (each,)) for each in self._matchable[1] - set(predecessors)]
        groups.sort(key=lambda each: (CHANGE_KINDS.index(each[0]), each[2], each[1]))
        return tuple(self._change(*group) for group in groups)

    def _pair_kind(self, earlier: int, later: int) -> ChangeKind:
        before, after = self._members[0][earlier], self._members[1][later]
        if before == after:
            return "unchanged"
        if len(before) == len(after):
            return "changed"
        return "grew" if len(before) < len(after) else "shrank"

    def _change(self, kind: ChangeKind, before: Group, after: Group) -> ClusterChange:
        earlier, later = (
            frozenset[Entity]().union(*(self._members[side][number] for number in numbers))
            for side, numbers in enumerate((before, after))
        )
        similarities = [self._similarity.get(pair, 0.0) for pair in product(before, after)]
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
            max(similarities, default=0.0),
            _sorted(later - earlier),
            _sorted(earlier - later),
            causes,
            linking_files,
        )

    def _explain(
        self, separate: int, numbers: Group, joint: int
    ) -> tuple[tuple[Cause, ...], tuple[Entity, ...]]:
        """Return the causes and the linking files of a merge or split.

        Args:
            separate: The side of the snapshot with several clusters: 0 for a merge, 1 for a split.
            numbers: The numbers of these clusters.
            joint: The number of the single cluster, on the other side.
        """
        # For each file, the position of its cluster in ``numbers``; -1 if it is in none of them.
        part = np.full(len(self._pair.files), -1, np.int64)
        for position, number in enumerate(numbers):
            part[self._cluster[separate] == number] = position
        here, there = self._pair.snapshots[separate], self._pair.snapshots[1 - separate]
        certain_triples = there.triples[here.has_all_triples_of(there.triples)]
        causes: list[Cause] = []
        parts_of: dict[int, dict[int, set[int]]] = {}
        for column in (COLLECTIONS, REFERENCES):
            separately = _count_files(here.triples, column, part)
            together = _count_files(there.triples, column, part)
            certain = _count_files(certain_triples, column, part)
            known = set(here.numbers(column).tolist())
            parts_of[column] = {entity: set(counts) for entity, counts in together.items()}
            for entity, counts in together.items():
                cause = self._pair.entities[column][entity]
                if column == COLLECTIONS and cause.type == REFERENCE:
                    continue  # a report is not a collection
                new_parts = set(counts) - set(separately.get(entity, ()))
                if len(counts) > 1 and new_parts:
                    causes.append(
                        Cause(
                            cause,
                            tuple(numbers[position] for position in sorted(counts)),
                            sum(counts.values()),
                            entity not in known,
                            not new_parts.isdisjoint(certain.get(entity, ())),
                        )
                    )
        causes.sort(key=_cause_order)
        # Linking files are in the cluster ``joint``, and have no observations on side ``separate``.
        candidate = (self._cluster[separate] == 0) & (self._cluster[1 - separate] == joint)
        linked: dict[int, set[int]] = defaultdict(set)
        for triple in there.triples[candidate[there.triples[:, FILES]]].tolist():
            for column, parts in parts_of.items():
                linked[triple[FILES]] |= parts.get(triple[column], set())
        linking = (file for file, parts in sorted(linked.items()) if len(parts) > 1)
        return tuple(causes), tuple(self._pair.files[file] for file in linking)


def _cause_order(cause: Cause) -> tuple[bool, bool, int, int, str]:
    is_reference = cause.entity.type != COLLECTION
    return is_reference, not cause.exclusive, -len(cause.clusters), -cause.files, cause.entity.key


def _count_files(triples: Numbers, column: int, part: Numbers) -> FileCounts:
    """Return, for each entity in a column of ``triples``, how many files of each cluster have it.

    ``column`` is ``REFERENCES`` or ``COLLECTIONS``. ``part`` contains, for each file, the position
    of its cluster, or -1 for a file that is not counted. The result contains one count per entity
    and position.
    """
    kept = triples[(part[triples[:, FILES]] >= 0) & (triples[:, column] != NO_COLLECTION)]
    pairs = np.unique(kept[:, [column, FILES]], axis=0)
    counts: FileCounts = defaultdict(lambda: defaultdict(int))
    for entity, position in zip(pairs[:, 0].tolist(), part[pairs[:, 1]].tolist(), strict=True):
        counts[entity][position] += 1
    return counts


def _sorted(files: Iterable[Entity]) -> tuple[Entity, ...]:
    return tuple(sorted(files, key=lambda file: file.key))

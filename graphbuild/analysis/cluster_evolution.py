"""What became of clusters: which before and after belong together, and what joined or parted them.

Clusters are followed as Greene, Doyle and Cunningham (2010, "Tracking the Evolution of Communities
in Dynamic Social Networks", ASONAM) do, by the Jaccard likeness of their files, and what becomes of
them bears their names: born, died, merged, split, grown, shrunk. In place of their threshold, which
loses a small cluster that a large one takes in, stands the majority of Spiliopoulou et al. (2006,
"MONIC", KDD): a cluster before and one after belong together where one holds most of the other.
Only files of which both sides know something count for that, and a file that is alone is no
cluster.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from graphbuild.analysis.diff import members
from graphbuild.analysis.incidence import NOBODY
from graphbuild.models import COLLECTION, Entity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from graphbuild.analysis.communities import Communities
    from graphbuild.analysis.diff import Both

    Numbers = NDArray[np.int64]

Kind = Literal["merged", "split", "born", "died", "grew", "shrank", "changed", "stayed"]
KINDS: tuple[Kind, ...] = (
    "merged",
    "split",
    "born",
    "died",
    "grew",
    "shrank",
    "changed",
    "stayed",
)


@dataclass(frozen=True, slots=True)
class Cause:
    """A collection or a report that joins files of clusters on one side, and did not on the other.

    Attributes:
        entity: which.
        clusters: of the clusters that became one, or that were one, the numbers of those whose
            files have it on the side where they are one.
        files: how many files of these have it there.
        new: whether it is nowhere on the other side.
        sure: whether a file that is wholly known on the other side does not have it there.
    """

    entity: Entity
    clusters: tuple[int, ...]
    files: int
    new: bool
    sure: bool


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a cluster, or of several.

    Attributes:
        kind: ``merged`` (several became one), ``split`` (one became several), ``born``, ``died``,
            or of one and the same: ``grew``, ``shrank``, ``changed`` (as many files, but others),
            ``stayed`` (the same files).
        before: the numbers of the clusters before, the likest first.
        after: those after.
        likeness: the largest Jaccard likeness of one before and one after, by the files of which
            both sides know something; 0 where there are no two.
        came: the files after that were in none of these clusters before.
        went: the files before that are in none of these clusters after.
        causes: of clusters that merged or split, what did it: collections first, then reports.
        through: files known on the side alone where the clusters are one that share something with
            several of them.
    """

    kind: Kind
    before: tuple[int, ...]
    after: tuple[int, ...]
    likeness: float
    came: tuple[Entity, ...]
    went: tuple[Entity, ...]
    causes: tuple[Cause, ...] = ()
    through: tuple[Entity, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """A file that is in another cluster now, one that its former one did not become.

    Attributes:
        file: which.
        before: the number of its cluster before.
        after: and after.
    """

    file: Entity
    before: int
    after: int


class Followed:
    """The clusters of both sides, and which belong together."""

    def __init__(self, both: Both, found: Sequence[Communities]) -> None:
        self._both = both
        self._members = [
            {group.number: frozenset(group.files) for group in side.groups} for side in found
        ]
        place = {file: number for number, file in enumerate(both.files)}
        self._number = np.zeros((2, len(both.files)), np.int64)  # 0: nothing is known of it there
        for side, groups in enumerate(self._members):
            for number, files in groups.items():
                self._number[side, [place[file] for file in files]] = number
        self._likeness = self._related()

    def _related(self) -> dict[tuple[int, int], float]:
        """The pairs of a cluster before and one after that belong together, and how alike."""
        common = self._number[:, (self._number > 0).all(axis=0)]
        pairs, both = np.unique(common, axis=1, return_counts=True)
        sizes = [np.bincount(side) for side in common]
        found: dict[tuple[int, int], float] = {}
        for (one, other), shared in zip(pairs.T.tolist(), both.tolist(), strict=True):
            before, after = int(sizes[0][one]), int(sizes[1][other])
            clusters = self._is_cluster(0, one) and self._is_cluster(1, other)
            if clusters and 2 * shared > min(before, after):
                found[one, other] = shared / (before + after - shared)
        return found

    def _clusters(self, side: int) -> set[int]:
        return {number for number in self._members[side] if self._is_cluster(side, number)}

    def _is_cluster(self, side: int, number: int) -> bool:
        return len(self._members[side][number]) > 1

    def moved(self) -> tuple[Move, ...]:
        """Files whose cluster after is none that their cluster before became."""
        found = []
        for file, (before, after) in zip(self._both.files, self._number.T.tolist(), strict=True):
            if not before or not after or (before, after) in self._likeness:
                continue
            if self._is_cluster(0, before) or self._is_cluster(1, after):
                found.append(Move(file, before, after))
        return tuple(found)

    def fates(self) -> tuple[Fate, ...]:
        """What became of each cluster; one that both merged and split is in two of them."""
        heirs, parents = _sided(self._likeness)
        found = [
            self._fate("merged", sources, (number,))
            for number, sources in parents.items()
            if len(sources) > 1
        ]
        found += [
            self._fate("split", (number,), targets)
            for number, targets in heirs.items()
            if len(targets) > 1
        ]
        found += [
            self._fate(self._alike(one, other), (one,), (other,))
            for one, other in self._likeness
            if len(heirs[one]) == len(parents[other]) == 1
        ]
        found += [self._fate("died", (number,), ()) for number in self._clusters(0) - set(heirs)]
        found += [self._fate("born", (), (number,)) for number in self._clusters(1) - set(parents)]
        found.sort(key=lambda fate: (KINDS.index(fate.kind), fate.after, fate.before))
        return tuple(found)

    def _alike(self, one: int, other: int) -> Kind:
        before, after = self._members[0][one], self._members[1][other]
        if before == after:
            return "stayed"
        if len(before) == len(after):
            return "changed"
        return "grew" if len(before) < len(after) else "shrank"

    def _fate(self, kind: Kind, before: tuple[int, ...], after: tuple[int, ...]) -> Fate:
        files = [
            frozenset[Entity]().union(*(self._members[side][number] for number in numbers))
            for side, numbers in enumerate((before, after))
        ]
        likeness = [self._likeness.get((one, other), 0.0) for one in before for other in after]
        causes: tuple[Cause, ...] = ()
        through: tuple[Entity, ...] = ()
        if kind == "merged":
            causes, through = self._why(0, before)
        elif kind == "split":
            causes, through = self._why(1, after)
        return Fate(
            kind,
            before,
            after,
            max(likeness, default=0.0),
            _by_key(files[1] - files[0]),
            _by_key(files[0] - files[1]),
            causes,
            through,
        )

    def _why(
        self, apart: int, numbers: tuple[int, ...]
    ) -> tuple[tuple[Cause, ...], tuple[Entity, ...]]:
        """What joins clusters of one side on the other side, and does not on their own."""
        part = np.full(len(self._both.files), -1, np.int64)
        for place, number in enumerate(numbers):
            part[self._number[apart] == number] = place
        here, there = self._both.sides[apart], self._both.sides[1 - apart]
        causes: list[Cause] = []
        joined: list[dict[int, set[int]]] = []
        for column, names in ((2, self._both.collections), (1, self._both.references)):
            held, holding = _touched(here.facts, column, part), _touched(there.facts, column, part)
            known = members(here.facts[:, column])
            sure = _touched(there.facts[here.whole[there.facts[:, 0]]], column, part)
            joined.append({source: set(parts) for source, parts in holding.items()})
            for source, parts in holding.items():
                fresh = set(parts) - set(held.get(source, ()))
                if len(parts) > 1 and fresh:
                    causes.append(
                        Cause(
                            names[source],
                            tuple(numbers[place] for place in sorted(parts)),
                            sum(parts.values()),
                            source not in known,
                            bool(fresh & set(sure.get(source, ()))),
                        )
                    )
        causes.sort(
            key=lambda cause: (
                cause.entity.type != COLLECTION,
                not cause.new,
                -len(cause.clusters),
                -cause.files,
                cause.entity.key,
            )
        )
        return tuple(causes), self._through(apart, numbers, joined)

    def _through(
        self, apart: int, numbers: tuple[int, ...], joined: Sequence[Mapping[int, set[int]]]
    ) -> tuple[Entity, ...]:
        """Files of the other side alone that share something with several of the clusters."""
        ones = {
            other if apart == 0 else one
            for one, other in self._likeness
            if (one if apart == 0 else other) in numbers
        }
        alone = (self._number[apart] == 0) & np.isin(self._number[1 - apart], list(ones))
        touching: dict[int, set[int]] = defaultdict(set)
        facts = self._both.sides[1 - apart].facts
        for file, reference, collection in facts[alone[facts[:, 0]]].tolist():
            touching[file] |= joined[0].get(collection, set()) | joined[1].get(reference, set())
        return tuple(self._both.files[file] for file in sorted(touching) if len(touching[file]) > 1)


def _sided(
    likeness: Mapping[tuple[int, int], float],
) -> tuple[dict[int, tuple[int, ...]], dict[int, tuple[int, ...]]]:
    """For each cluster before those after, and for each after those before, the likest first."""
    heirs: dict[int, tuple[int, ...]] = defaultdict(tuple)
    parents: dict[int, tuple[int, ...]] = defaultdict(tuple)
    for one, other in sorted(likeness, key=lambda pair: (-likeness[pair], pair)):
        heirs[one] += (other,)
        parents[other] += (one,)
    return heirs, parents


def _touched(facts: Numbers, column: int, part: Numbers) -> dict[int, dict[int, int]]:
    """For each source which parts have it, and how many files of each."""
    kept = facts[(part[facts[:, 0]] >= 0) & (facts[:, column] != NOBODY)]
    pairs = np.unique(kept[:, [column, 0]], axis=0)
    found: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for source, place in zip(pairs[:, 0].tolist(), part[pairs[:, 1]].tolist(), strict=True):
        found[source][place] += 1
    return found


def _by_key(files: Iterable[Entity]) -> tuple[Entity, ...]:
    return tuple(sorted(files, key=lambda file: file.key))

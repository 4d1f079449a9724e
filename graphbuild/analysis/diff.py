"""Compare two snapshots: which observations and entities were added, removed or unchanged.

An observation can be missing because its page was not requested before the snapshot. So it
counts as *added* only if the earlier snapshot is complete for its file, and as *removed* only if
the later snapshot is complete for its file. Otherwise it is listed as unknown. A
reference or collection is added if the earlier snapshot does not contain it and one of its
observations is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

from graphbuild.analysis.incidence import (
    FILES,
    NO_COLLECTION,
    EntityIndex,
    Incidence,
    sorted_unique,
)
from graphbuild.models import COMPLETE, PENDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from graphbuild.analysis.incidence import Numbers
    from graphbuild.models import Entity, Observation

    Booleans = NDArray[np.bool_]

_T = TypeVar("_T")


class Triple(NamedTuple):
    """The subject, reference and collection of an observation."""

    file: Entity
    reference: Entity
    collection: Entity | None


@dataclass(frozen=True, slots=True)
class Changes(Generic[_T]):
    """Entities or observations of two snapshots, grouped by change; each group is sorted by key.

    Attributes:
        added: Only in the later snapshot; the earlier one is complete for a subject that has it.
        removed: Only in the earlier snapshot; the later one is complete for a subject that has it.
        unchanged: In both snapshots.
        unknown_before: Only in the later snapshot; the earlier one is complete for no such subject.
        unknown_after: Only in the earlier snapshot; the later one is complete for no such subject.
    """

    added: tuple[_T, ...]
    removed: tuple[_T, ...]
    unchanged: tuple[_T, ...]
    unknown_before: tuple[_T, ...] = ()
    unknown_after: tuple[_T, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The content of a campaign at one time.

    Attributes:
        incidence: The observations.
        states: The state of each subject: ``complete``, ``incomplete``, ``failed`` or ``pending``.
    """

    incidence: Incidence
    states: Mapping[Entity, str]

    @classmethod
    def from_observations(
        cls,
        observations: Iterable[Observation],
        states: Iterable[tuple[Entity, str]] | None = None,
    ) -> Snapshot:
        """Return a snapshot with these observations and these states of the subjects.

        If ``states`` is None, the snapshot is complete for the subjects of the observations, and
        has no other subjects.
        """
        incidence = Incidence.from_observations(observations)
        if states is None:
            states = ((file, COMPLETE) for file in incidence.files)
        return cls(incidence, dict(states))

    @property
    def fetched_subjects(self) -> tuple[Entity, ...]:
        """Return the subjects that are not pending or that have observations, sorted by key."""
        fetched = (file for file, state in self.states.items() if state != PENDING)
        by_key = {file.key: file for file in (*fetched, *self.incidence.files)}
        return tuple(by_key[key] for key in sorted(by_key))

    @property
    def incomplete_subjects(self) -> tuple[tuple[Entity, str], ...]:
        """Return the subjects that are not complete, and their states, sorted by key."""
        incomplete = (pair for pair in self.states.items() if pair[1] != COMPLETE)
        return tuple(sorted(incomplete, key=lambda pair: pair[0].key))


class AlignedSnapshot(NamedTuple):
    """A snapshot whose triples use the common numbering of a :class:`SnapshotPair`."""

    triples: Numbers  # sorted
    keys: Numbers  # one integer per triple; equal triples have equal keys
    complete: Booleans  # for each file of the pair, whether the snapshot is complete for it

    def numbers(self, column: int) -> Numbers:
        """Return the distinct numbers in a column, sorted, without ``NO_COLLECTION``."""
        numbers = self.triples[:, column]
        return sorted_unique(numbers[numbers != NO_COLLECTION])

    def exclusive_triples(self, other: AlignedSnapshot) -> tuple[Numbers, Numbers]:
        """Return the triples that ``other`` does not contain, in two arrays.

        The first contains those of files for which ``other`` is complete, the second the others.
        """
        triples = self.triples[~np.isin(self.keys, other.keys, assume_unique=True)]
        certain = other.complete[triples[:, FILES]]
        return triples[certain], triples[~certain]

    def exclusive_numbers(self, other: AlignedSnapshot, column: int) -> tuple[Numbers, Numbers]:
        """Return the references or collections that ``other`` does not contain.

        The first array contains those in a triple of a file for which ``other`` is complete, the
        second array contains the others.
        """
        numbers = np.setdiff1d(self.numbers(column), other.numbers(column), assume_unique=True)
        certain_triples, _ = self.exclusive_triples(other)
        certain = np.isin(numbers, certain_triples[:, column])
        return numbers[certain], numbers[~certain]


class SnapshotPair:
    """Two snapshots, with one common numbering of their files, references and collections."""

    def __init__(self, old: Snapshot, new: Snapshot) -> None:
        columns = zip(old.incidence.entities, new.incidence.entities, strict=True)
        merged = [_merge(sides) for sides in columns]
        self.entities = tuple(entities for entities, _ in merged)
        self.files = self.entities[FILES]
        self.snapshots = tuple(
            self._align(snapshot, [numbers[side] for _, numbers in merged])
            for side, snapshot in enumerate((old, new))
        )

    def _align(self, snapshot: Snapshot, numbers: Sequence[Numbers]) -> AlignedSnapshot:
        columns = zip(numbers, snapshot.incidence.triples.T, strict=True)
        triples = np.stack([number[column] for number, column in columns], axis=1)
        shape = [len(each) + 1 for each in self.entities]
        keys = np.ravel_multi_index(tuple(triples.T + 1), shape)
        complete = [snapshot.states.get(file) == COMPLETE for file in self.files]
        return AlignedSnapshot(triples, keys, np.array(complete, bool))

    def observation_changes(self) -> Changes[Triple]:
        """Return the changes of the observations."""
        old, new = self.snapshots
        added, unknown_before = new.exclusive_triples(old)
        removed, unknown_after = old.exclusive_triples(new)
        unchanged = old.triples[np.isin(old.keys, new.keys, assume_unique=True)]
        groups = added, removed, unchanged, unknown_before, unknown_after
        return Changes(*(tuple(map(self._triple, each.tolist())) for each in groups))

    def entity_changes(self, column: int) -> Changes[Entity]:
        """Return the changes of the references or of the collections."""
        old, new = self.snapshots
        added, unknown_before = new.exclusive_numbers(old, column)
        removed, unknown_after = old.exclusive_numbers(new, column)
        unchanged = np.intersect1d(old.numbers(column), new.numbers(column), assume_unique=True)
        groups = added, removed, unchanged, unknown_before, unknown_after
        entities = self.entities[column]
        return Changes(*(tuple(entities[number] for number in each.tolist()) for each in groups))

    def _triple(self, row: list[int]) -> Triple:
        file, reference, collection = row
        files, references, collections = self.entities
        through = None if collection == NO_COLLECTION else collections[collection]
        return Triple(files[file], references[reference], through)


def _merge(sides: Iterable[Iterable[Entity]]) -> tuple[tuple[Entity, ...], list[Numbers]]:
    """Return the entities of both snapshots, sorted, and an array of new indices per snapshot.

    Each array ends with ``NO_COLLECTION`` (-1), so that the index -1 maps to itself.
    """
    index = EntityIndex()
    added = [[*map(index.add, entities), NO_COLLECTION] for entities in sides]
    entities, positions = index.sort()
    return entities, [positions[numbers] for numbers in added]

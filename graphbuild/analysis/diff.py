"""Compare two snapshots: which observations and entities were added, removed or unchanged.

An observation may be missing from a snapshot only because it was never requested. It therefore
counts as *added* only if the earlier snapshot is complete for its file, and as *removed* only if
the later snapshot is complete for its file. Otherwise it is listed as unknown. A
reference or collection is added if the earlier snapshot does not contain it and one of its
observations is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

from graphbuild.analysis.incidence import NO_COLLECTION, Incidence, sorted_unique
from graphbuild.models import COMPLETE, PENDING, Entity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from graphbuild.models import Observation

    Numbers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]

_T = TypeVar("_T")


class Triple(NamedTuple):
    """An observation without its provenance."""

    file: Entity
    reference: Entity
    collection: Entity | None


@dataclass(frozen=True, slots=True)
class Changes(Generic[_T]):
    """Entities or observations of two snapshots, grouped by change; each group is sorted by key.

    Attributes:
        added: Only in the later snapshot; the earlier snapshot is complete for the subject.
        removed: Only in the earlier snapshot; the later snapshot is complete for the subject.
        unchanged: In both snapshots.
        unknown_before: Only in the later snapshot; the earlier snapshot is not complete for the
            subject.
        unknown_after: Only in the earlier snapshot; the later snapshot is not complete for the
            subject.
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
        """Return a snapshot with these observations.

        Args:
            observations: The observations.
            states: The subjects and their states; if None, the snapshot is complete for the
                subjects of the observations and has no other subjects.
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
    """A snapshot whose triples contain the common numbers of a :class:`SnapshotPair`."""

    triples: Numbers  # indices of file, reference and collection
    keys: Numbers  # one integer per triple, ascending; equal triples have equal keys
    complete: Booleans  # for each file of the pair, whether the snapshot is complete for it


class SnapshotPair:
    """Two snapshots, with one common numbering of their files, references and collections."""

    def __init__(self, old: Snapshot, new: Snapshot) -> None:
        incidences = [snapshot.incidence for snapshot in (old, new)]
        self.files, files = _merge([each.files for each in incidences])
        self.references, references = _merge([each.references for each in incidences])
        self.collections, collections = _merge([each.collections for each in incidences])
        self.snapshots = (
            self._align(old, (files[0], references[0], collections[0])),
            self._align(new, (files[1], references[1], collections[1])),
        )

    def _align(
        self, snapshot: Snapshot, numbers: tuple[Numbers, Numbers, Numbers]
    ) -> AlignedSnapshot:
        columns = [each[snapshot.incidence.triples[:, n]] for n, each in enumerate(numbers)]
        triples = np.stack(columns, axis=1)
        width, depth = max(1, len(self.references)), len(self.collections) + 1
        keys = (triples[:, 0] * width + triples[:, 1]) * depth + triples[:, 2] + 1
        order = np.argsort(keys)
        complete = np.array([snapshot.states.get(file) == COMPLETE for file in self.files], bool)
        return AlignedSnapshot(triples[order], keys[order], complete)

    def observation_changes(self) -> Changes[Triple]:
        """Return the changes of the observations."""
        old, new = self.snapshots
        added, unknown_before = _exclusive_triples(new, old)
        removed, unknown_after = _exclusive_triples(old, new)
        unchanged = old.triples[np.isin(old.keys, new.keys, assume_unique=True)]
        groups = added, removed, unchanged, unknown_before, unknown_after
        return Changes(*(tuple(map(self._triple, each.tolist())) for each in groups))

    def entity_changes(self, column: int, entities: Sequence[Entity]) -> Changes[Entity]:
        """Return the changes of the references or of the collections.

        Args:
            column: 1 for references, 2 for collections.
            entities: All references, or all collections, by number.
        """
        old, new = self.snapshots
        before, after = used_numbers(old.triples[:, column]), used_numbers(new.triples[:, column])
        added, unknown_before = _split_certain(new, old, column, np.setdiff1d(after, before))
        removed, unknown_after = _split_certain(old, new, column, np.setdiff1d(before, after))
        unchanged = np.intersect1d(before, after, assume_unique=True)
        groups = added, removed, unchanged, unknown_before, unknown_after
        return Changes(*(tuple(entities[number] for number in each.tolist()) for each in groups))

    def _triple(self, row: list[int]) -> Triple:
        file, reference, collection = row
        through = None if collection == NO_COLLECTION else self.collections[collection]
        return Triple(self.files[file], self.references[reference], through)


def _exclusive_triples(
    snapshot: AlignedSnapshot, other: AlignedSnapshot
) -> tuple[Numbers, Numbers]:
    """Return the triples that are in ``snapshot`` but not in ``other``.

    Returns:
        The triples of files for which ``other`` is complete, and the remaining triples.
    """
    exclusive = np.isin(snapshot.keys, other.keys, assume_unique=True, invert=True)
    triples = snapshot.triples[exclusive]
    certain = other.complete[triples[:, 0]]
    return triples[certain], triples[~certain]


def _split_certain(
    snapshot: AlignedSnapshot, other: AlignedSnapshot, column: int, numbers: Numbers
) -> tuple[Numbers, Numbers]:
    """Split entities that are in ``snapshot`` but not in ``other``.

    Args:
        snapshot: The snapshot with the entities.
        other: The snapshot without the entities.
        column: 1 for references, 2 for collections.
        numbers: The numbers of the entities.

    Returns:
        The entities with a triple of a file for which ``other`` is complete, and the remaining
        entities.
    """
    certain_triples, _ = _exclusive_triples(snapshot, other)
    certain = np.isin(numbers, certain_triples[:, column])
    return numbers[certain], numbers[~certain]


def _merge(sides: Sequence[Sequence[Entity]]) -> tuple[tuple[Entity, ...], list[Numbers]]:
    """Merge the entities of two snapshots.

    Returns:
        All entities, sorted by key, and for each snapshot an array with the common number of each
        of its entities. The last item of the array is ``NO_COLLECTION``, so that this index maps to
        itself.
    """
    merged: dict[str, Entity] = {}
    for entity in chain(*sides):
        known = merged.get(entity.key)
        if known is not None and not entity.attributes.items() >= known.attributes.items():
            attributes = {**known.attributes, **entity.attributes}
            merged[entity.key] = Entity(entity.type, entity.id, attributes)
        else:
            merged[entity.key] = entity
    number = {key: position for position, key in enumerate(sorted(merged))}
    numbers = [
        np.array([*(number[entity.key] for entity in side), NO_COLLECTION], np.int64)
        for side in sides
    ]
    return tuple(merged[key] for key in number), numbers


def used_numbers(column: Numbers) -> Numbers:
    """Return the distinct numbers in a column of triples, sorted, without ``NO_COLLECTION``."""
    return sorted_unique(column[column != NO_COLLECTION])

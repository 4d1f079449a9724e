"""Compare two snapshots: which observations and entities were added, removed or unchanged.

A snapshot may lack an observation only because the page with the observation had not been
requested. An observation that only the later snapshot contains is therefore *added* only if the
earlier snapshot is complete for the file of the observation. An observation that only the earlier
snapshot contains is *removed* only if the later snapshot is complete for the file. Otherwise, the
change is unknown.

A snapshot may also lack an observation because it inferred the reference of the file, and inferred
references may have more collections than are known. In this case, the change is unknown, too.

A reference or collection is added if the earlier snapshot does not contain it and one of its
observations is added. A reference or collection is removed if the later snapshot does not contain
it and one of its observations is removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

from graphbuild.analysis.entity_index import EntityIndex
from graphbuild.analysis.incidence import (
    COLLECTIONS,
    FILES,
    NO_COLLECTION,
    REFERENCES,
    Incidence,
    sorted_unique,
)
from graphbuild.models import COMPLETE, PENDING, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from graphbuild.analysis.incidence import Numbers
    from graphbuild.models import Entity, Observation

    Booleans = NDArray[np.bool_]

_T = TypeVar("_T")
_INDEX_BITS = 32  # bits for the index of a reference in ``_pair_keys``


class Triple(NamedTuple):
    """The subject, the reference and the collection of an observation."""

    file: Entity
    reference: Entity
    collection: Entity | None  # a collection or report; None if the API named none


@dataclass(frozen=True, slots=True)
class Changes(Generic[_T]):
    """References, collections, observations or subjects of two snapshots, grouped by change.

    Each group is sorted by node keys. The docstring of this module defines *added* and *removed*;
    for subjects, ``Comparison.files`` defines these words.

    Attributes:
        unchanged: Items that both snapshots contain.
        unknown_before: Items that only the later snapshot contains, but that are not *added*.
        unknown_after: Items that only the earlier snapshot contains, but that are not *removed*.
    """

    added: tuple[_T, ...]
    removed: tuple[_T, ...]
    unchanged: tuple[_T, ...]
    unknown_before: tuple[_T, ...] = ()
    unknown_after: tuple[_T, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The content of a campaign at one time."""

    incidence: Incidence  # the observations
    states: Mapping[Entity, str]  # by subject, one of ``graphbuild.models.STATES``

    @classmethod
    def from_observations(
        cls,
        observations: Iterable[Observation],
        states: Iterable[tuple[Entity, str]] | None = None,
    ) -> Snapshot:
        """Return a snapshot with these observations and these states of the subjects.

        If ``states`` is None, the subjects of the snapshot are those of the observations, and their
        state is ``complete``.
        """
        incidence = Incidence.from_observations(observations)
        if states is None:
            states = ((file, COMPLETE) for file in incidence.files)
        return cls(incidence, dict(states))

    @property
    def fetched_subjects(self) -> tuple[Entity, ...]:
        """Return the subjects with observations or a state except ``pending``, sorted by key."""
        fetched = (file for file, state in self.states.items() if state != PENDING)
        by_key = {file.key: file for file in (*fetched, *self.incidence.files)}
        return tuple(by_key[key] for key in sorted(by_key))

    @property
    def incomplete_subjects(self) -> tuple[tuple[Entity, str], ...]:
        """Return the subjects whose state is not ``complete``, with their states, sorted by key."""
        incomplete = (pair for pair in self.states.items() if pair[1] != COMPLETE)
        return tuple(sorted(incomplete, key=lambda pair: pair[0].key))


class AlignedSnapshot(NamedTuple):
    """A snapshot whose triples contain indices of ``SnapshotPair.entities``."""

    triples: Numbers  # one row per observation, sorted; the columns are those of an ``Incidence``
    keys: Numbers  # one integer per triple; equal triples of two snapshots have equal keys
    complete: Booleans  # for each of ``SnapshotPair.files``, whether its state is ``complete``
    inferred: Numbers  # the ``_pair_keys`` of the inferred observations, sorted

    def numbers(self, column: int) -> Numbers:
        """Return the distinct indices in a column of ``triples``, sorted, without -1."""
        numbers = self.triples[:, column]
        return sorted_unique(numbers[numbers != NO_COLLECTION])

    def exclusive_triples(self, other: AlignedSnapshot) -> tuple[Numbers, Numbers]:
        """Return the triples that ``other`` does not contain, in two arrays.

        The first array contains the triples of files for which ``other`` is complete and did not
        infer the reference. The second array contains the remaining triples.
        """
        triples = self.triples[~np.isin(self.keys, other.keys, assume_unique=True)]
        certain = other.has_all_triples_of(triples)
        return triples[certain], triples[~certain]

    def has_all_triples_of(self, triples: Numbers) -> Booleans:
        """Return, for each triple, whether this snapshot has all triples of its file and reference.

        A snapshot may lack some of them if it is not complete for the file, or if it inferred the
        reference for the file.
        """
        complete: Booleans = self.complete[triples[:, FILES]] & ~self.is_inferred(triples)
        return complete

    def is_inferred(self, triples: Numbers) -> Booleans:
        """Return, for each triple, whether this snapshot inferred the reference for the file."""
        return np.isin(_pair_keys(triples), self.inferred)

    def exclusive_numbers(self, other: AlignedSnapshot, column: int) -> tuple[Numbers, Numbers]:
        """Return the indices in a column that ``other`` does not contain, in two arrays.

        ``column`` is ``REFERENCES`` or ``COLLECTIONS``. The first array contains the entities that
        are certainly missing in ``other``: at least one of their triples is in the first array of
        :meth:`exclusive_triples`. The second array contains the entities that may be missing only
        because pages are missing in ``other``, or because ``other`` inferred references.
        """
        numbers = np.setdiff1d(self.numbers(column), other.numbers(column), assume_unique=True)
        certain_triples, _ = self.exclusive_triples(other)
        certain = np.isin(numbers, certain_triples[:, column])
        return numbers[certain], numbers[~certain]


class SnapshotPair:
    """Two snapshots whose files, references and collections have common indices."""

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
        inferred = np.stack(
            [numbers[column][snapshot.incidence.inferred[:, column]] for column in range(2)], axis=1
        )
        pairs = np.sort(_pair_keys(inferred))
        return AlignedSnapshot(triples, keys, np.array(complete, bool), pairs)

    def observation_changes(self) -> Changes[Triple]:
        """Return the changes of the observations."""
        old, new = self.snapshots
        added, unknown_before = new.exclusive_triples(old)
        removed, unknown_after = old.exclusive_triples(new)
        unchanged = old.triples[np.isin(old.keys, new.keys, assume_unique=True)]
        groups = added, removed, unchanged, unknown_before, unknown_after
        return Changes(*(tuple(map(self.triple, each.tolist())) for each in groups))

    def inferred_observations(self) -> tuple[tuple[Triple, ...], tuple[Triple, ...]]:
        """Return the observations of only one snapshot whose reference the other one inferred.

        The first tuple contains the observations that only the later snapshot has. The second tuple
        contains the observations that only the earlier snapshot has. The reference was inferred for
        the file of the observation.
        """
        old, new = self.snapshots
        found = []
        for here, there in (new, old), (old, new):
            _, unknown = here.exclusive_triples(there)
            found.append(tuple(map(self.triple, unknown[there.is_inferred(unknown)].tolist())))
        return found[0], found[1]

    def entity_changes(self, column: int) -> Changes[Entity]:
        """Return the changes of the references or collections.

        ``column`` is ``REFERENCES`` or ``COLLECTIONS``. The changes of collections contain no
        reports, because reports are references.
        """
        old, new = self.snapshots
        added, unknown_before = new.exclusive_numbers(old, column)
        removed, unknown_after = old.exclusive_numbers(new, column)
        unchanged = np.intersect1d(old.numbers(column), new.numbers(column), assume_unique=True)
        groups = added, removed, unchanged, unknown_before, unknown_after
        entities = self.entities[column]
        found = ([entities[number] for number in each.tolist()] for each in groups)
        if column == COLLECTIONS:
            found = ([each for each in group if each.type != REFERENCE] for group in found)
        return Changes(*map(tuple, found))

    def triple(self, row: Sequence[int]) -> Triple:
        """Return the entities of a row of ``AlignedSnapshot.triples``."""
        file, reference, collection = row
        files, references, collections = self.entities
        through = None if collection == NO_COLLECTION else collections[collection]
        return Triple(files[file], references[reference], through)


def _pair_keys(rows: Numbers) -> Numbers:
    """Return, for each row, one integer that represents the file and the reference in the row."""
    keys: Numbers = rows[:, FILES] << _INDEX_BITS | rows[:, REFERENCES]
    return keys


def _merge(sides: Iterable[Iterable[Entity]]) -> tuple[tuple[Entity, ...], list[Numbers]]:
    """Return the entities of both snapshots, sorted by key, and an array per snapshot.

    ``sides`` contains the entities of each snapshot. Each array contains, for each entity of its
    snapshot, the index in the returned entities. The array ends with ``NO_COLLECTION`` (-1), so
    that the index -1 maps to itself.
    """
    index = EntityIndex()
    added = [[*map(index.add, entities), NO_COLLECTION] for entities in sides]
    entities, positions = index.sort()
    return entities, [positions[numbers] for numbers in added]

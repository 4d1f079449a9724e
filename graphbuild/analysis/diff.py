"""Two sides of a comparison: what is known on each, and what came, went and stayed.

What is missing on a side may be missing because nobody asked there. So a fact of a file *came* only
where the file was wholly known before, and *went* only where it is wholly known after; else it is
told apart, as unknown. A report or a collection came where it was nowhere before and one of its
facts came.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

from graphbuild.analysis.incidence import NOBODY, Incidence, distinct
from graphbuild.models import COMPLETE, PENDING, Entity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from graphbuild.models import Observation

    Numbers = NDArray[np.int64]
    Truths = NDArray[np.bool_]

_T = TypeVar("_T")


class Fact(NamedTuple):
    """An observation, whoever said so: the file, the report, and the collection behind it."""

    file: Entity
    reference: Entity
    collection: Entity | None


@dataclass(frozen=True, slots=True)
class Changes(Generic[_T]):
    """What is on the one side, the other, or both; sorted by key.

    Attributes:
        came: only after, and it would have been told before.
        went: only before, and it would be told after.
        stayed: on both sides.
        unknown_before: only after, but whoever tells it was not wholly known before.
        unknown_after: only before, but whoever told it is not wholly known after.
    """

    came: tuple[_T, ...]
    went: tuple[_T, ...]
    stayed: tuple[_T, ...]
    unknown_before: tuple[_T, ...] = ()
    unknown_after: tuple[_T, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What is known of a campaign on one side.

    Attributes:
        incidence: what was observed.
        states: how wholly each of those asked about is known, one of ``completeness.STATES``.
    """

    incidence: Incidence
    states: Mapping[Entity, str]

    @classmethod
    def of(
        cls,
        observations: Iterable[Observation],
        states: Iterable[tuple[Entity, str]] | None = None,
    ) -> Snapshot:
        """The snapshot of ``observations``.

        Args:
            observations: what was observed.
            states: what was asked about and how wholly each is known, as ``Store.stood`` tells;
                where None, all that was observed of counts as wholly known.
        """
        incidence = Incidence.of(observations)
        if states is None:
            states = ((file, COMPLETE) for file in incidence.files)
        return cls(incidence, dict(states))

    @property
    def asked(self) -> tuple[Entity, ...]:
        """What was asked about and answered, wholly or not; sorted by key."""
        answered = (file for file, state in self.states.items() if state != PENDING)
        known = {file.key: file for file in (*answered, *self.incidence.files)}
        return tuple(known[key] for key in sorted(known))

    @property
    def gaps(self) -> tuple[tuple[Entity, str], ...]:
        """What was to be asked about and is not wholly known, and how it stands; by key."""
        missing = (pair for pair in self.states.items() if pair[1] != COMPLETE)
        return tuple(sorted(missing, key=lambda pair: pair[0].key))


class Side(NamedTuple):
    """One side, in the numbers of both.

    Attributes:
        facts: a row for each: file, reference and collection.
        keys: the same, a number for each, sorted.
        whole: of each file whether it is wholly known here.
    """

    facts: Numbers
    keys: Numbers
    whole: Truths


class Both:
    """Both sides, in the same numbers."""

    def __init__(self, old: Snapshot, new: Snapshot) -> None:
        sides = old, new
        incidences = [side.incidence for side in sides]
        self.files, files = _united([each.files for each in incidences])
        self.references, references = _united([each.references for each in incidences])
        self.collections, collections = _united([each.collections for each in incidences])
        self.sides = tuple(
            self._side(side, places)
            for side, places in zip(
                sides, zip(files, references, collections, strict=True), strict=True
            )
        )

    def _side(self, side: Snapshot, places: tuple[Numbers, Numbers, Numbers]) -> Side:
        columns = [
            numbers[side.incidence.facts[:, column]] for column, numbers in enumerate(places)
        ]
        facts = np.stack(columns, axis=1)
        width, depth = max(1, len(self.references)), len(self.collections) + 1
        keys = (facts[:, 0] * width + facts[:, 1]) * depth + facts[:, 2] + 1
        order = np.argsort(keys)
        whole = np.array([side.states.get(file) == COMPLETE for file in self.files], bool)
        return Side(facts[order], keys[order], whole)

    def told(self) -> Changes[Fact]:
        """What became of the facts."""
        old, new = self.sides
        came, unknown_before = self._only(new, old)
        went, unknown_after = self._only(old, new)
        stayed = old.facts[np.isin(old.keys, new.keys, assume_unique=True)]
        rows = came, went, stayed, unknown_before, unknown_after
        return Changes(*(tuple(map(self._fact, each.tolist())) for each in rows))

    def entities(self, column: int, names: Sequence[Entity]) -> Changes[Entity]:
        """What became of the references, or collections: those in a column of the facts."""
        old, new = self.sides
        before, after = members(old.facts[:, column]), members(new.facts[:, column])
        came, unknown_before = self._alone(new, old, column, np.setdiff1d(after, before))
        went, unknown_after = self._alone(old, new, column, np.setdiff1d(before, after))
        stayed = np.intersect1d(before, after, assume_unique=True)
        rows = came, went, stayed, unknown_before, unknown_after
        return Changes(*(tuple(names[place] for place in each.tolist()) for each in rows))

    def _alone(
        self, side: Side, other: Side, column: int, names: Numbers
    ) -> tuple[Numbers, Numbers]:
        """Those with a fact that the other side would have told, and the others."""
        sure, _ = self._only(side, other)
        told = np.isin(names, sure[:, column])
        return names[told], names[~told]

    @staticmethod
    def _only(side: Side, other: Side) -> tuple[Numbers, Numbers]:
        """The facts of one side alone: of files that the other knows wholly, and of others."""
        facts = side.facts[np.isin(side.keys, other.keys, assume_unique=True, invert=True)]
        sure = other.whole[facts[:, 0]]
        return facts[sure], facts[~sure]

    def _fact(self, row: list[int]) -> Fact:
        file, reference, collection = row
        behind = None if collection == NOBODY else self.collections[collection]
        return Fact(self.files[file], self.references[reference], behind)


def _united(
    sides: Sequence[Sequence[Entity]],
) -> tuple[tuple[Entity, ...], list[Numbers]]:
    """All of both, sorted by key, and where each side's stand; at its end, where nobody does."""
    known: dict[str, Entity] = {}
    for entity in chain(*sides):
        earlier = known.get(entity.key)
        if earlier is not None and not entity.attributes.items() >= earlier.attributes.items():
            attributes = {**earlier.attributes, **entity.attributes}
            known[entity.key] = Entity(entity.type, entity.id, attributes)
        else:
            known[entity.key] = entity
    place = {key: number for number, key in enumerate(sorted(known))}
    numbers = [
        np.array([*(place[entity.key] for entity in side), NOBODY], np.int64) for side in sides
    ]
    return tuple(known[key] for key in place), numbers


def members(column: Numbers) -> Numbers:
    """Who stands in a column of facts, each once, sorted."""
    return distinct(column[column != NOBODY])

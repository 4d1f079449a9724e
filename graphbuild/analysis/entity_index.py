"""Number the entities of observations, for :mod:`incidence`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphbuild.graph.labels import label_entities
from graphbuild.models import REFERENCE, Entity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

NO_ENTITY = -1  # the number of an absent entity


class EntityIndex:
    """Distinct entities, numbered in the order in which they were added."""

    def __init__(self) -> None:
        self._entities: list[Entity] = []
        self._numbers: dict[Entity, int] = {}

    def add(self, entity: Entity) -> int:
        """Return the number of ``entity``, which is new if no equal entity was added before.

        The attributes of equal entities are united; later values replace earlier values.
        """
        number = self._numbers.setdefault(entity, len(self._entities))
        if number == len(self._entities):
            self._entities.append(entity)
            return number
        known = self._entities[number]
        if known is not entity and not entity.attributes.items() <= known.attributes.items():
            attributes = {**known.attributes, **entity.attributes}
            self._entities[number] = Entity(entity.type, entity.id, attributes)
        return number

    def add_rows(self, rows: Numbers, entities: Mapping[int, Entity]) -> Numbers:
        """Add the entities with these row ids, and return an array that maps row ids to numbers.

        The row id 0, which means that there is no entity, is mapped to ``NO_ENTITY``.
        """
        is_used = np.zeros(rows.max(initial=0) + 1, np.bool_)
        is_used[rows] = True
        is_used[0] = False
        numbers = np.full(len(is_used), NO_ENTITY, np.int64)
        for row in np.flatnonzero(is_used).tolist():
            numbers[row] = self.add(entities[row])
        return numbers

    def add_numbers(self, numbers: Numbers, entities: Sequence[Entity]) -> Numbers:
        """Add the entities with these numbers in ``entities``; return their numbers in this index.

        The number ``NO_ENTITY`` is returned unchanged.
        """
        new = np.full(len(entities) + 1, NO_ENTITY, np.int64)
        for number in np.unique(numbers[numbers != NO_ENTITY]).tolist():
            new[number] = self.add(entities[number])
        found: Numbers = new[numbers]
        return found

    def __iter__(self) -> Iterator[Entity]:
        return iter(self._entities)

    def sort(self, *, references_last: bool = False) -> tuple[tuple[Entity, ...], Numbers]:
        """Return the entities sorted by node key, and an array that maps numbers to positions.

        The position of an entity is its index in the sorted entities. The array ends with
        ``NO_ENTITY`` (-1), so that the index -1 maps to itself. With ``references_last``, all
        references follow the entities of other types. Collections that share a name get a
        ``qualified_label``.
        """

        def sort_key(number: int) -> tuple[bool, str]:
            entity = self._entities[number]
            return references_last and entity.type == REFERENCE, entity.key

        order = sorted(range(len(self._entities)), key=sort_key)
        positions = np.full(len(order) + 1, NO_ENTITY, np.int64)
        positions[order] = np.arange(len(order))
        return label_entities([self._entities[number] for number in order]), positions

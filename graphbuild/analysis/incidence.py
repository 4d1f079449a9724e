"""Observations as numbers: which file has which references, through which collections.

Everything that is concluded about a campaign starts here, from the triples (subject, reference,
collection), and not from paths of the drawn graph, which also suggest what nobody observed.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from graphbuild.analysis._optional import library

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from graphbuild.models import Entity, Observation

    Numbers = NDArray[np.int64]
    Matrix = Any  # a scipy.sparse.csr_array

NOBODY = -1  # in the place of a collection: the answer names none


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """What was observed, each fact once; who is who does not depend on the order of observations.

    Attributes:
        files: what was asked about, sorted by key: files, and domains, addresses and URLs.
        references: the reports, sorted by key.
        collections: what stands behind the reports, sorted by key.
        facts: a row for each triple, sorted: the places of file, reference and collection in the
            three tuples above, ``NOBODY`` where no collection was named.
    """

    files: tuple[Entity, ...]
    references: tuple[Entity, ...]
    collections: tuple[Entity, ...]
    facts: Numbers

    @classmethod
    def of(cls, observations: Iterable[Observation]) -> Self:
        """The incidence of ``observations``; what is said twice counts once."""
        files, references, collections = _Numbered(), _Numbered(), _Numbered()
        columns = array("q"), array("q"), array("q")
        add_file, add_reference, add_collection = (column.append for column in columns)
        for one in observations:
            behind = one.related_from
            add_file(files.number(one.subject))
            add_reference(references.number(one.reference))
            add_collection(NOBODY if behind is None else collections.number(behind))
        sides = files, references, collections
        places = [
            side.places()[np.frombuffer(column, np.int64)]
            for side, column in zip(sides, columns, strict=True)
        ]
        sizes = len(files), len(references), len(collections) + 1
        facts = _unique(places, sizes)
        return cls(files.sorted(), references.sorted(), collections.sorted(), facts)

    # --- as sparse matrices -----------------------------------------------------------------------

    @property
    def file_references(self) -> Matrix:
        """Files by references: 1 where the file was told the reference."""
        return self._matrix(self.facts[:, 0], self.facts[:, 1], self._sizes[:2])

    @property
    def file_collections(self) -> Matrix:
        """Files by collections: 1 where the file was told a reference through the collection."""
        named = self._named
        return self._matrix(named[:, 0], named[:, 2], (len(self.files), len(self.collections)))

    @property
    def collection_references(self) -> Matrix:
        """Collections by references: 1 where a file was told the reference through it."""
        named = self._named
        return self._matrix(named[:, 2], named[:, 1], (len(self.collections), len(self.references)))

    @property
    def loose(self) -> Matrix:
        """Files by references: 1 where the file was told the reference through no collection."""
        facts = self.facts[self.facts[:, 2] == NOBODY]
        return self._matrix(facts[:, 0], facts[:, 1], self._sizes[:2])

    @property
    def file_sources(self) -> Matrix:
        """Files by sources; these are the collections, then all references, which count if loose.

        A source is what brought a file its references, as one piece: a collection, or a reference
        behind which the answer names none.
        """
        stacked: Matrix = library("scipy.sparse").hstack(
            [self.file_collections, self.loose], format="csr"
        )
        return stacked

    @property
    def evidence(self) -> Matrix:
        """What hangs together, each pair once: files, then collections, then references by them.

        A file is tied to its collections and these to their references; to a reference itself where
        no collection was named.
        """
        sparse = library("scipy.sparse")
        files, references, collections = (sparse.csr_array((size, size)) for size in self._sizes)
        rows = [
            [files, self.file_collections, self.loose],
            [None, collections, self.collection_references],
            [None, None, references],
        ]
        half: Matrix = sparse.block_array(rows, format="csr")
        return half

    def source(self, number: int) -> Entity:
        """The source that is a column of :attr:`file_sources`."""
        own = len(self.collections)
        return self.collections[number] if number < own else self.references[number - own]

    @property
    def _named(self) -> Numbers:
        named: Numbers = self.facts[self.facts[:, 2] != NOBODY]
        return named

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return len(self.files), len(self.references), len(self.collections)

    def _matrix(self, rows: Numbers, columns: Numbers, shape: tuple[int, ...]) -> Matrix:
        sparse = library("scipy.sparse")
        keys = distinct(rows * max(1, shape[1]) + columns)
        rows, columns = np.divmod(keys, max(1, shape[1]))
        starts = np.searchsorted(rows, np.arange(shape[0] + 1))
        return sparse.csr_array((np.ones(len(keys), np.int64), columns, starts), shape=shape)


class _Numbered:
    """Entities by numbers, in the order in which they were met.

    The same few entities are named a million times, mostly as the same objects; so that the same
    again is known at a glance, the object met last of each is remembered.
    """

    def __init__(self) -> None:
        self._met: list[Entity] = []
        self._by_entity: dict[Entity, int] = {}
        self._by_object: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._met)

    def number(self, entity: Entity) -> int:
        known = self._by_object.get(id(entity))
        return self._meet(entity) if known is None else known

    def _meet(self, entity: Entity) -> int:
        number = self._by_entity.setdefault(entity, len(self._met))
        if number == len(self._met):
            self._met.append(entity)
        else:
            earlier = self._met[number]
            del self._by_object[id(earlier)]
            if not entity.attributes.items() >= earlier.attributes.items():
                # Knowledge grows: a bare mention erases nothing.
                known = {**earlier.attributes, **entity.attributes}
                entity = type(entity)(entity.type, entity.id, known)
            self._met[number] = entity
        self._by_object[id(entity)] = number
        return number

    def places(self) -> Numbers:
        """Where each number stands when all are sorted by key; at the end, where nobody does."""
        places = np.full(len(self._met) + 1, NOBODY, np.int64)
        places[self._order()] = np.arange(len(self._met))
        return places

    def sorted(self) -> tuple[Entity, ...]:
        return tuple(self._met[number] for number in self._order())

    def _order(self) -> list[int]:
        return sorted(range(len(self._met)), key=lambda number: self._met[number].key)


def _unique(places: list[Numbers], sizes: tuple[int, int, int]) -> Numbers:
    """The triples, each once, sorted: as one number each, which sorts fastest."""
    files, references, collections = places
    keys = distinct((files * sizes[1] + references) * sizes[2] + collections + 1)
    keys, behind = np.divmod(keys, sizes[2])
    of_file, reference = np.divmod(keys, max(1, sizes[1]))
    return np.stack([of_file, reference, behind - 1], axis=1)


def distinct(keys: Numbers) -> Numbers:
    """Each number once, sorted; sorting is many times faster here than numpy's table of what is."""
    ordered = np.sort(keys)
    first: Numbers = ordered[np.flatnonzero(np.diff(ordered, prepend=-1))]
    return first


def alike(matrix: Matrix, sides: Iterable[int] | None = None) -> Numbers:
    """The kind of each row of ones, from 0 in the order met: rows with the same ones are a kind.

    Args:
        matrix: sparse, by rows.
        sides: a number for each row, where only rows with the same one may be alike.
    """
    ones = matrix.sorted_indices().indices
    rows = [ones[start:end].tobytes() for start, end in pairwise(matrix.indptr.tolist())]
    kinds: dict[tuple[int, bytes], int] = {}
    of_side = repeat(0, len(rows)) if sides is None else sides
    of_row = zip(of_side, rows, strict=True)
    return np.array([kinds.setdefault(row, len(kinds)) for row in of_row], np.int64)

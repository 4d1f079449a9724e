"""Proofs: sets of observations, found by the entities in them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from graphbuild.analysis.incidence import (
    COLLECTIONS,
    FILES,
    NO_COLLECTION,
    REFERENCES,
    sorted_unique,
)
from graphbuild.models import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from graphbuild.analysis import Incidence, Triple
    from graphbuild.analysis.incidence import Numbers
    from graphbuild.models import Entity

    TripleKeys = tuple[str, str, str | None]  # node keys of file, reference and collection


class SubjectNotFoundError(LookupError):
    """The campaign does not contain the subject of a claim. The message is a sentence part."""


class ProofGroup(NamedTuple):
    """The observations of a proof that name the same collection."""

    collection: Entity | None  # a collection or report; None if the API named none
    files: int  # number of files
    references: int  # number of references


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """Observations of a campaign, or of its earlier snapshot.

    Attributes:
        incidence: All observations.
        rows: The indices of the observations in ``incidence.triples``, sorted.
    """

    incidence: Incidence
    rows: Numbers

    def __len__(self) -> int:
        return len(self.rows)

    def triples(self) -> Iterator[TripleKeys]:
        """Yield the node keys of the file, the reference and the collection of each observation."""
        files, references, sources = self.incidence.entities
        for file, reference, source in self.incidence.triples[self.rows].tolist():
            collection = None if source == NO_COLLECTION else sources[source].key
            yield files[file].key, references[reference].key, collection

    def groups(self) -> list[ProofGroup]:
        """Group the observations by collection, the collections with the most files first."""
        files, references = self._count_by_source(FILES), self._count_by_source(REFERENCES)
        sources = self.incidence.sources
        return [
            ProofGroup(
                None if number == NO_COLLECTION else sources[number], count, references[number]
            )
            for number, count in files.most_common()
        ]

    def _count_by_source(self, column: int) -> Counter[int]:
        """Count the distinct values of a column by the index of the collection or report."""
        triples, size = self.incidence.triples[self.rows], len(self.incidence.entities[column])
        pairs = sorted_unique((triples[:, COLLECTIONS] + 1) * size + triples[:, column])
        return Counter((pairs // size - 1).tolist())


def find_rows_of(incidence: Incidence, entities: Iterable[Entity]) -> Numbers:
    """Return the indices of the observations with at least one of these collections or references.

    A report is a reference, and can also be in the column of the collections.
    """
    collections = incidence.collections
    reference_numbers, source_numbers = [], []
    for entity in entities:
        if entity.type == REFERENCE:
            reference_numbers += find_index(incidence.references, entity.key)
            # The reports follow the collections.
            source_numbers += find_index(incidence.sources, entity.key, len(collections))
        else:
            source_numbers += find_index(collections, entity.key)
    triples = incidence.triples
    has_reference = np.isin(triples[:, REFERENCES], reference_numbers)
    return np.flatnonzero(has_reference | np.isin(triples[:, COLLECTIONS], source_numbers))


def find_rows_of_files(incidence: Incidence, files: Iterable[Entity]) -> Numbers:
    """Return the indices of the observations of these files."""
    numbers = [number for file in files for number in find_index(incidence.files, file.key)]
    return np.flatnonzero(np.isin(incidence.triples[:, FILES], numbers))


def find_rows_of_triples(incidence: Incidence, triples: Iterable[Triple]) -> Numbers:
    """Return the indices of these observations, as far as ``incidence`` contains them."""
    wanted = set(triples)
    rows = find_rows_of_files(incidence, {each.file for each in wanted})
    files, references, sources = incidence.entities
    found = [
        row
        for row, (file, reference, source) in zip(
            rows, incidence.triples[rows].tolist(), strict=True
        )
        if (
            files[file],
            references[reference],
            None if source == NO_COLLECTION else sources[source],
        )
        in wanted
    ]
    return np.array(found, np.int64)


def find_entity(incidence: Incidence, key: str) -> Entity:
    """Return the collection or reference with this node key.

    Raises:
        SubjectNotFoundError: No observation contains it.
    """
    is_reference = key.startswith(f"{REFERENCE}:")
    entities = incidence.references if is_reference else incidence.collections
    for number in find_index(entities, key):
        return entities[number]
    raise SubjectNotFoundError(f"no observation contains {key}")


def find_index(entities: Sequence[Entity], key: str, start: int = 0) -> list[int]:
    """Return the index of the entity with this key, or an empty list.

    From the index ``start``, the entities must be sorted by key.
    """
    number = bisect_left(entities, key, start, key=lambda each: each.key)
    return [number] if number < len(entities) and entities[number].key == key else []

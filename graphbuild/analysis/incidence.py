"""Observations as arrays of indices: which files have which references, through which collections.

Every analysis starts from these triples (file, reference, collection). Paths of the exported graph
are not used, because they also contain combinations that were never observed.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, pairwise, repeat
from typing import TYPE_CHECKING, Any, Self

import networkx as nx
import numpy as np

from graphbuild._util import require
from graphbuild.graph.builder import extract_observations
from graphbuild.models import Entity, Observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]
    Matrix = Any  # a scipy.sparse.csr_array

NO_COLLECTION = -1  # index of the collection in a triple without a collection
EXTRA = "analysis"


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """Distinct observations, in an order that does not depend on the order of the input.

    Attributes:
        files: The subjects, sorted by key: files, and also domains, IP addresses and URLs.
        references: The references, sorted by key.
        collections: The collections, sorted by key.
        triples: One row per observation: the indices of its file, reference and collection. The
            index of the collection is ``NO_COLLECTION`` if the API named no collection. The rows
            are sorted.
    """

    files: tuple[Entity, ...]
    references: tuple[Entity, ...]
    collections: tuple[Entity, ...]
    triples: Numbers

    @classmethod
    def from_observations(cls, observations: Iterable[Observation]) -> Self:
        """Return the incidence of ``observations``; repeated observations count once.

        Raises:
            MissingLibraryError: Scipy is not installed.
        """
        require("scipy", extra=EXTRA)
        indexes = files, references, collections = _Index(), _Index(), _Index()
        columns = array("q"), array("q"), array("q")
        for each in observations:
            collection = each.related_from
            columns[0].append(files.add(each.subject))
            columns[1].append(references.add(each.reference))
            columns[2].append(NO_COLLECTION if collection is None else collections.add(collection))
        ranked = [
            index.ranks()[np.frombuffer(column, np.int64)]
            for index, column in zip(indexes, columns, strict=True)
        ]
        triples = _unique_rows(ranked, (len(files), len(references), len(collections)))
        return cls(files.sorted(), references.sorted(), collections.sorted(), triples)

    # --- sparse matrices --------------------------------------------------------------------------

    @property
    def file_references(self) -> Matrix:
        """Return a matrix of files by references: 1 if the file has the reference."""
        return self._matrix(self.triples[:, 0], self.triples[:, 1], self._sizes[:2])

    @property
    def file_collections(self) -> Matrix:
        """Return a matrix of files by collections: 1 if the file is in the collection."""
        triples = self._with_collection
        return self._matrix(triples[:, 0], triples[:, 2], (len(self.files), len(self.collections)))

    @property
    def collection_references(self) -> Matrix:
        """Return a matrix of collections by references: 1 if a file has both in one observation."""
        triples = self._with_collection
        shape = len(self.collections), len(self.references)
        return self._matrix(triples[:, 2], triples[:, 1], shape)

    @property
    def file_direct_references(self) -> Matrix:
        """Return a matrix of files by references: 1 if no collection was named."""
        triples = self.triples[self.triples[:, 2] == NO_COLLECTION]
        return self._matrix(triples[:, 0], triples[:, 1], self._sizes[:2])

    @property
    def file_evidence(self) -> Matrix:
        """Return a matrix of files by pieces of evidence: the collections, then the references.

        If a file is in a collection, the API returns all references of the collection for the file.
        So the collection is one piece of evidence. A reference is a piece of evidence only for
        files for which the API named no collection.
        """
        sparse = require("scipy.sparse", extra=EXTRA)
        stacked: Matrix = sparse.hstack(
            [self.file_collections, self.file_direct_references], format="csr"
        )
        return stacked

    @property
    def adjacency(self) -> Matrix:
        """Return the upper triangle of the evidence graph's adjacency matrix.

        The nodes are the files, then the collections, then the references. Files are linked to
        their collections, and the collections to their references. If the API named no collection,
        the file is linked to the reference.
        """
        sparse = require("scipy.sparse", extra=EXTRA)
        files, references, collections = (sparse.csr_array((size, size)) for size in self._sizes)
        rows = [
            [files, self.file_collections, self.file_direct_references],
            [None, collections, self.collection_references],
            [None, None, references],
        ]
        upper: Matrix = sparse.block_array(rows, format="csr")
        return upper

    def evidence_entity(self, column: int) -> Entity:
        """Return the collection or reference in a column of :attr:`file_evidence`."""
        count = len(self.collections)
        return self.collections[column] if column < count else self.references[column - count]

    @property
    def _with_collection(self) -> Numbers:
        triples: Numbers = self.triples[self.triples[:, 2] != NO_COLLECTION]
        return triples

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return len(self.files), len(self.references), len(self.collections)

    def _matrix(self, rows: Numbers, columns: Numbers, shape: tuple[int, ...]) -> Matrix:
        sparse = require("scipy.sparse", extra=EXTRA)
        keys = sorted_unique(rows * max(1, shape[1]) + columns)
        rows, columns = np.divmod(keys, max(1, shape[1]))
        starts = np.searchsorted(rows, np.arange(shape[0] + 1))
        return sparse.csr_array((np.ones(len(keys), np.int64), columns, starts), shape=shape)


def as_incidence(data: object) -> Incidence:
    """Return the incidence of a graph, a store or observations; return an incidence unchanged.

    Args:
        data: An ``Incidence``, a graph made by ``build_graph``, an open ``Store`` or ``Campaign``,
            or an iterable of ``Observation``.

    Raises:
        MissingLibraryError: Scipy is not installed.
        TypeError: ``data`` has another type.
    """
    if isinstance(data, Incidence):
        return data
    require("scipy", extra=EXTRA)
    return Incidence.from_observations(_observations(data))


def _observations(data: object) -> Iterator[Observation]:
    if isinstance(data, nx.DiGraph):
        found: Any = extract_observations(data)
    else:
        store = getattr(data, "store", data)
        read = getattr(store, "observations", None)
        found = read() if callable(read) else store
    if isinstance(found, Iterable) and not isinstance(found, str | bytes):
        observations = iter(found)
        try:
            first = next(observations, None)
        except KeyError as error:
            raise TypeError(
                f"an edge of this graph has no attribute {error}; pass a graph made by build_graph"
            ) from None
        if first is None:
            return iter(())
        if isinstance(first, Observation):
            return chain([first], observations)
    raise TypeError(
        "expected a graph made by build_graph, an open Store, observations or an Incidence, not"
        f" {type(data).__name__}; to analyze a campaign file, open it first: gb.open(path)"
    )


class _Index:
    """Number entities in the order in which they are added, and merge their attributes."""

    def __init__(self) -> None:
        self._entities: list[Entity] = []
        self._numbers: dict[Entity, int] = {}

    def __len__(self) -> int:
        return len(self._entities)

    def add(self, entity: Entity) -> int:
        """Return the number of ``entity``, and merge its attributes with the known attributes."""
        number = self._numbers.setdefault(entity, len(self._entities))
        if number == len(self._entities):
            self._entities.append(entity)
            return number
        known = self._entities[number]
        if known is not entity and not entity.attributes.items() <= known.attributes.items():
            attributes = {**known.attributes, **entity.attributes}
            self._entities[number] = Entity(entity.type, entity.id, attributes)
        return number

    def ranks(self) -> Numbers:
        """Return, for each number, the position of its entity in the order of the node keys.

        The last item is ``NO_COLLECTION``, so that this index maps to itself.
        """
        ranks = np.full(len(self._entities) + 1, NO_COLLECTION, np.int64)
        ranks[self._order()] = np.arange(len(self._entities))
        return ranks

    def sorted(self) -> tuple[Entity, ...]:
        return tuple(self._entities[number] for number in self._order())

    def _order(self) -> list[int]:
        return sorted(range(len(self._entities)), key=lambda number: self._entities[number].key)


def _unique_rows(columns: list[Numbers], sizes: tuple[int, int, int]) -> Numbers:
    """Return the distinct triples, sorted.

    Each triple is packed into one integer, because integers are sorted fastest.
    """
    files, references, collections = columns
    depth = sizes[2] + 1
    keys = sorted_unique((files * sizes[1] + references) * depth + collections + 1)
    keys, collections = np.divmod(keys, depth)
    files, references = np.divmod(keys, max(1, sizes[1]))
    return np.stack([files, references, collections - 1], axis=1)


def sorted_unique(values: Numbers) -> Numbers:
    """Return the distinct non-negative integers, sorted.

    ``numpy.unique`` builds a hash table, which takes 30 times as long for millions of integers.
    """
    ordered = np.sort(values)
    distinct: Numbers = ordered[np.flatnonzero(np.diff(ordered, prepend=-1))]
    return distinct


def group_identical_rows(matrix: Matrix, labels: Iterable[int] | None = None) -> Numbers:
    """Return a group number for each row of a sparse 0/1 matrix; identical rows have the same.

    Args:
        matrix: A sparse matrix in CSR format.
        labels: One label per row; only rows with the same label can be in the same group.
    """
    columns = matrix.sorted_indices().indices
    rows = [columns[start:end].tobytes() for start, end in pairwise(matrix.indptr.tolist())]
    keys = zip(repeat(0) if labels is None else labels, rows, strict=False)
    groups: dict[tuple[int, bytes], int] = {}
    return np.array([groups.setdefault(key, len(groups)) for key in keys], np.int64)

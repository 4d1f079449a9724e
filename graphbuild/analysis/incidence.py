"""Represent observations by an array of indices: triples of file, reference and source.

Most analyses start from this array, not from paths of the exported graph. A path can connect a file
with a collection even if no observation contains both.

In the API flavor ``gti``, ``related_from`` can also name a report. A report is a reference, not a
collection. If a file is related to a reference through a report, the report is evidence for the
file.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, pairwise, repeat
from typing import TYPE_CHECKING, Any, Literal, Self

import networkx as nx
import numpy as np
from scipy import sparse

from graphbuild.analysis.entity_index import NO_ENTITY, EntityIndex
from graphbuild.analysis.method_version import method_version
from graphbuild.analysis.triple_keys import TripleKeys
from graphbuild.graph.builder import extract_observations
from graphbuild.models import INFERRED, REFERENCE, Observation

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from numpy.typing import NDArray

    from graphbuild.models import ClusterTable, Entity, ObservationRows

    Numbers = NDArray[np.int64]
    Reals = NDArray[np.float64]
    Matrix = Any  # a scipy.sparse.csr_array

NodeKind = Literal["files", "collections"]  # the nodes of which pairs are compared
FILES, REFERENCES, COLLECTIONS = range(3)  # the columns of ``Incidence.triples``
NO_COLLECTION = NO_ENTITY  # in ``COLLECTIONS``, if the API named neither collection nor report


@dataclass(frozen=True, eq=False)
class Incidence:
    """The distinct observations of a campaign, as indices of files, references and collections.

    Attributes:
        files: The subjects of the observations, sorted by key: files, domains, IP addresses and
            URLs.
        references: The references, sorted by key, including reports in ``related_from``.
        sources: The entities in ``related_from``: the collections sorted by key, then the reports
            sorted by key.
        triples: One row per observation, sorted. The columns are an index of ``files``, an index of
            ``references``, and an index of ``sources`` or ``NO_COLLECTION``.
        inferred: One row per file and reference that have an inferred observation, sorted. The
            columns are an index of ``files`` and an index of ``references``. The file and the
            reference may have further observations that are not known.
        clusters: The clusters that a campaign file stores for these observations, or None.
    """

    files: tuple[Entity, ...]
    references: tuple[Entity, ...]
    sources: tuple[Entity, ...]
    triples: Numbers
    inferred: Numbers
    clusters: ClusterTable | None = None

    @classmethod
    def from_observations(cls, observations: Iterable[Observation]) -> Self:
        """Return the incidence of ``observations``. Repeated observations are stored once."""
        files, references, sources = EntityIndex(), EntityIndex(), EntityIndex()
        numbers, inferred = array("q"), array("q")
        for each in observations:
            file, reference = files.add(each.subject), references.add(each.reference)
            source = each.related_from
            collection = NO_COLLECTION if source is None else sources.add(source)
            numbers.extend((file, reference, collection))
            if each.provenance == INFERRED:
                inferred.extend((file, reference))
        indexes = files, references, sources
        return cls._sorted(indexes, _as_rows(numbers, 3), _as_rows(inferred, 2))

    @classmethod
    def from_rows(cls, found: ObservationRows) -> Self:
        """Return the incidence of observations that consist of row ids.

        The result equals that of :meth:`from_observations`, which takes ten times as long.
        """
        indexes = EntityIndex(), EntityIndex(), EntityIndex()
        rows, inferred = _as_rows(found.triples, 3), _as_rows(found.inferred, 2)
        numbers_of = [
            index.add_rows(column, found.entities)
            for index, column in zip(indexes, rows.T, strict=True)
        ]
        return cls._sorted(indexes, rows, inferred, numbers_of)

    @classmethod
    def _sorted(
        cls,
        indexes: tuple[EntityIndex, EntityIndex, EntityIndex],
        rows: Numbers,
        pairs: Numbers,
        numbers_of: Sequence[Numbers] | None = None,
    ) -> Self:
        """Return the incidence of observations whose entities are in any order.

        Args:
            indexes: The files, references and sources.
            rows: A row per observation, with the numbers of its entities in ``indexes``; with
                ``numbers_of``, with their row ids.
            pairs: The same for the file and the reference of each inferred observation.
            numbers_of: Three arrays that map row ids to numbers in ``indexes``.
        """
        _, references, sources = indexes
        for each in sources:
            if each.type == REFERENCE:
                references.add(each)
        ordered = [index.sort(references_last=index is sources) for index in indexes]
        entities, positions = zip(*ordered, strict=True)
        if numbers_of is not None:
            positions = tuple(map(np.take, positions, numbers_of))
        keys = TripleKeys(*map(len, entities))
        file, reference = keys.of_files(positions[0]), keys.of_references(positions[1])
        source = keys.of_sources(positions[2])
        keys_of_rows = file[rows[:, 0]]
        keys_of_rows += reference[rows[:, 1]]  # in place, to save memory
        keys_of_rows += source[rows[:, 2]]
        triples = keys.triples(sorted_unique(keys_of_rows))
        keys_of_pairs = file[pairs[:, 0]] + reference[pairs[:, 1]]
        inferred = keys.triples(sorted_unique(keys_of_pairs))[:, :COLLECTIONS]
        return cls(entities[0], entities[1], entities[2], triples, inferred)

    def restrict(self, files: Container[Entity]) -> Self:
        """Return the incidence of the observations of these files, without clusters."""
        kept = [number for number, file in enumerate(self.files) if file in files]
        indexes = EntityIndex(), EntityIndex(), EntityIndex()
        tables = []
        for rows in (self.triples, self.inferred):
            rows_of_kept = rows[np.isin(rows[:, FILES], kept)]
            columns = zip(indexes, rows_of_kept.T, self.entities, strict=False)
            numbers = [index.add_numbers(column, entities) for index, column, entities in columns]
            tables.append(np.stack(numbers, axis=1))
        triples, inferred = tables
        return self._sorted(indexes, triples, inferred)

    @property
    def entities(self) -> tuple[tuple[Entity, ...], tuple[Entity, ...], tuple[Entity, ...]]:
        """Return files, references and sources, in the order of the columns of ``triples``."""
        return self.files, self.references, self.sources

    @property
    def collections(self) -> tuple[Entity, ...]:
        """Return the collections, sorted by key."""
        return self.sources[: self._collection_count]

    # --- sparse matrices --------------------------------------------------------------------------
    # Matrices that take long to compute are cached; they are much smaller than ``triples``. Callers
    # must not change them.

    @property
    def file_references(self) -> Matrix:
        """Return a matrix of files by references: 1 if the file has the reference."""
        return self._matrix(FILES, REFERENCES)

    @cached_property
    def file_collections(self) -> Matrix:
        """Return a matrix of files by collections: 1 if the file is in the collection."""
        return self._matrix(FILES, COLLECTIONS, self._has_collection)

    @cached_property
    def collection_references(self) -> Matrix:
        """Return a matrix of collections by references: 1 if an observation contains both."""
        return self._matrix(COLLECTIONS, REFERENCES, self._has_collection)

    @cached_property
    def file_direct_references(self) -> Matrix:
        """Return a matrix of files by references: 1 if the reference is evidence for the file.

        A reference is evidence if an observation of the file contains it without a collection, or
        as the report in ``related_from``.
        """
        direct = self.triples[self.triples[:, COLLECTIONS] == NO_COLLECTION]
        through = self._through_reports
        files = np.concatenate([direct[:, FILES], through[:, FILES]])
        references = np.concatenate([direct[:, REFERENCES], through[:, COLLECTIONS]])
        return _binary_matrix(files, references, (len(self.files), len(self.references)))

    @cached_property
    def report_references(self) -> Matrix:
        """Return a matrix of references by references: 1 if a report leads to a reference.

        A report leads to a reference if a file is related to the reference through the report. The
        row is the report, and the column is the reference. Rows of references that are not reports
        contain only 0, and so does the diagonal.
        """
        triples = self._through_reports
        triples = triples[triples[:, COLLECTIONS] != triples[:, REFERENCES]]
        shape = len(self.references), len(self.references)
        return _binary_matrix(triples[:, COLLECTIONS], triples[:, REFERENCES], shape)

    @property
    def file_evidence(self) -> Matrix:
        """Return a matrix of files by pieces of evidence: 1 if the file has the piece of evidence.

        The columns are the collections, then the references. If a file is in a collection, the API
        returns all references of the collection for the file. Therefore, only the collection counts
        as a piece of evidence. For references, see :attr:`file_direct_references`.
        """
        blocks = [self.file_collections, self.file_direct_references]
        return sparse.hstack(blocks, format="csr")

    @property
    def adjacency(self) -> Matrix:
        """Return the upper triangle of the evidence graph's adjacency matrix.

        The nodes are the files, then the collections, then the references. Files are linked to
        their collections, and collections to their references. A file is linked to a reference if
        an observation contains both and no collection. If a file is related to a reference through
        a report, the file is linked to the report, and the report to the reference.
        """
        files, collections = (
            sparse.csr_array((len(each), len(each))) for each in (self.files, self.collections)
        )
        links = self.report_references
        references = sparse.triu(((links + links.T) > 0).astype(np.int64))
        rows = [
            [files, self.file_collections, self.file_direct_references],
            [None, collections, self.collection_references],
            [None, None, references],
        ]
        return sparse.block_array(rows, format="csr")

    def evidence_entity(self, column: int) -> Entity:
        """Return the collection or reference that a column of :attr:`file_evidence` represents."""
        count = len(self.collections)
        return self.collections[column] if column < count else self.references[column - count]

    @property
    def _collection_count(self) -> int:
        return sum(source.type != REFERENCE for source in self.sources)

    @property
    def _has_collection(self) -> NDArray[np.bool_]:
        """Return whether the source is a collection, for each row of ``triples``."""
        sources = self.triples[:, COLLECTIONS]
        has_collection: NDArray[np.bool_] = (sources >= 0) & (sources < self._collection_count)
        return has_collection

    @property
    def _through_reports(self) -> Numbers:
        """Return a copy of the rows of ``triples`` whose source is a report.

        In the copy, the column ``COLLECTIONS`` contains an index of ``references``, not of
        ``sources``.
        """
        count = self._collection_count
        triples: Numbers = self.triples[self.triples[:, COLLECTIONS] >= count]
        if not len(triples):
            return triples
        index = {reference: number for number, reference in enumerate(self.references)}
        reports = np.array([index[each] for each in self.sources[count:]], np.int64)
        triples[:, COLLECTIONS] = reports[triples[:, COLLECTIONS] - count]
        return triples

    def _matrix(
        self, row: int, column: int, which: NDArray[np.bool_] | slice = slice(None)
    ) -> Matrix:
        """Return a 0/1 matrix of the rows ``which`` of ``triples``, by default of all.

        ``row`` and ``column`` are the columns of ``triples`` with its row and column indices:
        ``FILES``, ``REFERENCES`` or ``COLLECTIONS`` (without reports).
        """
        sizes = len(self.files), len(self.references), len(self.collections)
        rows, columns = self.triples[which, row], self.triples[which, column]
        return _binary_matrix(rows, columns, (sizes[row], sizes[column]))


def _binary_matrix(rows: Numbers, columns: Numbers, shape: tuple[int, int]) -> Matrix:
    """Return a matrix of this shape with a 1 at each position (``rows[i]``, ``columns[i]``)."""
    # Repeated positions are removed, because scipy would sum them, and takes longer.
    height, width = shape
    positions = sorted_unique(rows * width + columns)
    starts = np.searchsorted(positions, width * np.arange(height + 1))
    ones = np.ones(len(positions), np.int64)
    return sparse.csr_array((ones, positions % max(width, 1), starts), shape=shape)


def _as_rows(numbers: array[int], columns: int) -> Numbers:
    return np.frombuffer(numbers, np.int64).reshape(-1, columns)


def as_incidence(data: object) -> Incidence:
    """Convert data to an ``Incidence``.

    Args:
        data: A graph made by ``build_graph``, an open ``Store`` or ``Campaign``, an iterable of
            ``Observation``, or an ``Incidence``, which is returned unchanged.

    Raises:
        TypeError: ``data`` has another type, or is a graph without the attributes that
            ``build_graph`` sets.
    """
    if isinstance(data, Incidence):
        return data
    store: Any = getattr(data, "store", data)
    if not callable(getattr(store, "observations", None)):
        return Incidence.from_observations(_observations(data))
    with store.snapshot():  # clusters and observations of the same state of the file
        incidence = Incidence.from_rows(store.observation_rows())
        return replace(incidence, clusters=store.clusters.load(method_version()))


def _observations(data: object) -> Iterator[Observation]:
    found: Any = _observations_of_graph(data) if isinstance(data, nx.DiGraph) else data
    if isinstance(found, Iterable) and not isinstance(found, str | bytes):
        observations = iter(found)
        first = next(observations, None)
        if first is None:
            return iter(())
        if isinstance(first, Observation):
            return chain([first], observations)
    raise TypeError(
        "expected a graph made by build_graph, an open Store or Campaign, observations or an"
        f" Incidence, not {type(data).__name__}; to analyze a campaign file, open it first:"
        " gb.open(path)"
    )


def _observations_of_graph(graph: nx.DiGraph[str]) -> Iterator[Observation]:
    try:
        yield from extract_observations(graph, direct=True)
    except KeyError as error:
        raise TypeError(
            f"a node or edge of the graph has no attribute {error}; pass a graph made by"
            " build_graph"
        ) from None


def sorted_unique(values: Numbers) -> Numbers:
    """Return the distinct values of an array of non-negative integers, sorted.

    For millions of integers, ``numpy.unique`` takes more than ten times as long, because it builds
    a hash table.
    """
    ordered = np.sort(values)
    is_last = np.append(ordered[1:] != ordered[:-1], True)  # of equal values
    distinct: Numbers = ordered[is_last[: len(ordered)]]
    return distinct


def group_identical_rows(matrix: Matrix, labels: Iterable[int] | None = None) -> Numbers:
    """Return a group number for each row of a 0/1 matrix; identical rows have the same number.

    Groups are numbered from 0 in the order of their first rows. If ``labels`` contains one label
    per row, rows with different labels are in different groups.
    """
    columns = matrix.sorted_indices().indices
    rows = [columns[start:end].tobytes() for start, end in pairwise(matrix.indptr.tolist())]
    keys = zip(repeat(0) if labels is None else labels, rows, strict=False)
    groups: dict[tuple[int, bytes], int] = {}
    return np.array([groups.setdefault(key, len(groups)) for key in keys], np.int64)

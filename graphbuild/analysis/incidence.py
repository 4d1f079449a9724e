"""Store observations as an array of indices: triples of file, reference and collection.

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
from graphbuild.graph.builder import extract_observations
from graphbuild.models import INFERRED, REFERENCE, Observation

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

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
        return cls._sorted(
            (files, references, sources), _as_rows(numbers, 3), _as_rows(inferred, 2)
        )

    @classmethod
    def from_rows(cls, found: ObservationRows) -> Self:
        """Return the incidence of observations that consist of row ids.

        The result is that of :meth:`from_observations`, in a tenth of the time.
        """
        indexes = EntityIndex(), EntityIndex(), EntityIndex()
        rows, inferred = _as_rows(found.triples, 3), _as_rows(found.inferred, 2)
        numbers_of = [
            index.add_rows(column, found.entities)
            for index, column in zip(indexes, rows.T, strict=True)
        ]
        numbers = [each[column] for each, column in zip(numbers_of, rows.T, strict=True)]
        pairs = [each[column] for each, column in zip(numbers_of, inferred.T, strict=False)]
        return cls._sorted(indexes, np.stack(numbers, axis=1), np.stack(pairs, axis=1))

    @classmethod
    def _sorted(
        cls, indexes: tuple[EntityIndex, EntityIndex, EntityIndex], rows: Numbers, pairs: Numbers
    ) -> Self:
        """Return the incidence of observations whose entities are numbered in any order.

        The columns of ``rows`` are numbers in the three ``indexes``. ``pairs`` has a row for each
        inferred observation, with the numbers of its file and reference.
        """
        _, references, sources = indexes
        for source in sources:
            if source.type == REFERENCE:
                references.add(source)
        ordered = [each.sort(references_last=each is sources) for each in indexes]
        entities, positions = zip(*ordered, strict=True)
        sizes = [len(each) for each in entities]
        triples, inferred = (
            _sorted_unique_rows(
                [position[column] for position, column in zip(positions, table.T, strict=False)],
                sizes[: table.shape[1]],
            )
            for table in (rows, pairs)
        )
        return cls(entities[0], entities[1], entities[2], triples, inferred)

    def restrict(self, files: Container[Entity]) -> Self:
        """Return the observations of some of the files only, without clusters."""
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
    # Cached matrices are much smaller than ``triples``, but each takes time to compute. No caller
    # may change them.

    @property
    def file_references(self) -> Matrix:
        """Return a matrix of files by references: 1 if the file has the reference."""
        return self._matrix(self.triples, FILES, REFERENCES)

    @cached_property
    def file_collections(self) -> Matrix:
        """Return a matrix of files by collections: 1 if the file is in the collection."""
        return self._matrix(self._with_collection, FILES, COLLECTIONS)

    @cached_property
    def collection_references(self) -> Matrix:
        """Return a matrix of collections by references: 1 if an observation contains both."""
        return self._matrix(self._with_collection, COLLECTIONS, REFERENCES)

    @cached_property
    def file_direct_references(self) -> Matrix:
        """Return a matrix of files by references: 1 if the reference is evidence for the file.

        A reference is evidence if an observation of the file contains it without a collection, or
        as the report in ``related_from``.
        """
        direct = self.triples[self.triples[:, COLLECTIONS] == NO_COLLECTION][:, :COLLECTIONS]
        through = self._through_reports[:, [FILES, COLLECTIONS]]
        return self._matrix(np.concatenate([direct, through]), FILES, REFERENCES)

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
    def _with_collection(self) -> Numbers:
        """Return the rows of ``triples`` whose source is a collection."""
        sources = self.triples[:, COLLECTIONS]
        triples: Numbers = self.triples[(sources >= 0) & (sources < self._collection_count)]
        return triples

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

    def _matrix(self, triples: Numbers, row: int, column: int) -> Matrix:
        """Return a matrix with a 1 for each of the ``triples``.

        ``row`` and ``column`` are the columns of ``triples`` that contain the indices of the
        matrix: ``FILES``, ``REFERENCES`` or ``COLLECTIONS`` (without reports).
        """
        sizes = len(self.files), len(self.references), len(self.collections)
        return _binary_matrix(triples[:, row], triples[:, column], (sizes[row], sizes[column]))


def _binary_matrix(rows: Numbers, columns: Numbers, shape: tuple[int, int]) -> Matrix:
    """Return a matrix of this shape with a 1 at each position (``rows[i]``, ``columns[i]``)."""
    entries = np.ones(len(rows), np.int64), (rows, columns)
    matrix = sparse.csr_array(entries, shape=shape)
    matrix.data[:] = 1  # scipy sums repeated entries
    return matrix


def _as_rows(numbers: array[int], columns: int) -> Numbers:
    return np.frombuffer(numbers, np.int64).reshape(-1, columns)


def _sorted_unique_rows(columns: list[Numbers], sizes: list[int]) -> Numbers:
    """Return the distinct rows of a table, sorted.

    The values of each column are at least ``NO_COLLECTION`` (-1), and below its size.
    """
    # Each row is packed into one integer, because numpy sorts integers faster than rows.
    shape = [size + 1 for size in sizes]
    packed = sorted_unique(np.ravel_multi_index(tuple(each + 1 for each in columns), shape))
    rows: Numbers = np.stack(np.unravel_index(packed, shape), axis=1) - 1
    return rows


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
    with store.snapshot():  # so that the clusters are those of the observations
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
    distinct: Numbers = ordered[np.flatnonzero(np.diff(ordered, prepend=-1))]
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

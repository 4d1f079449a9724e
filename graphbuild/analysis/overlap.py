"""Which files, and which collections, belong together: what they share, and if chance would do.

What counts as one piece of evidence decides everything. The API tells each file all references of
all its collections, so files of one collection share exactly these, and fifty shared reports may be
one fact told fifty times. Where files and collections are dealt at random, so that nobody belongs
together, a test on shared references finds a quarter of all pairs beyond chance (p <= 0.05), a test
on shared *sources* two to four in a hundred (``make bench CASES=ties`` prints both). A source is a
collection, or a reference behind which no collection is named. So:

* files are tested on the sources they share;
* collections are tested on the references they share: each chose its own.

A source that many files are in says little: what it tells is the bits in its rarity, log2(files /
files in it), none if all are (Sparck Jones 1972, J. Doc. 28). The p-value is the probability that
two files with as many sources share as many bits in the random model of :mod:`chance`, which has
the degrees of all files and all sources; q-values correct for all pairs. References and sources of
each pair are counted besides, with the usual measures of likeness.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import repeat, starmap
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graphbuild.analysis._optional import library
from graphbuild.analysis.incidence import distinct
from graphbuild.analysis.null_model import POINTS_A_BIT, adjusted, model_of, points_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from graphbuild.analysis.deduplication import Sources
    from graphbuild.analysis.incidence import Incidence, Matrix
    from graphbuild.models import Entity

    Numbers = NDArray[np.int64]
    Reals = NDArray[np.float64]

Side = Literal["files", "collections"]
LEVEL = 0.05
_HUB = 0.25  # the share of all that a hub has: to share it tells less than two bits


@dataclass(frozen=True, slots=True)
class Tie:
    """Two that share something.

    Attributes:
        one: the one whose key comes first.
        other: the other.
        shared: how many references both have.
        sources: how many pieces of evidence that is: sources of files, references of collections.
        jaccard: shared references by those that either has.
        overlap: shared references by those of the one that has fewer (Szymkiewicz-Simpson).
        rarity: the sum over shared references of 1 / log(how many have it) (Adamic and Adar 2003,
            Soc. Networks 25).
        bits: what the shared evidence tells.
        p: how probable as many bits are by chance.
        q: the share of false ties among all that are as good as this one.
        independent: how many reports the shared references are; None where nobody said.
        publishers: by how many publishers that are known; None where nobody said.
    """

    one: Entity
    other: Entity
    shared: int
    sources: int
    jaccard: float
    overlap: float
    rarity: float
    bits: float
    p: float
    q: float
    independent: int | None = None
    publishers: int | None = None


@dataclass(frozen=True, slots=True)
class Hub:
    """What so many have that to share it says little.

    Attributes:
        source: a collection, or a reference.
        members: how many have it.
        bits: what it tells that two share it.
    """

    source: Entity
    members: int
    bits: float


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """All pairs that share a reference or a source, the least probable by chance first.

    Attributes:
        nodes: files or collections.
        one: of each pair, the place of the first among ``nodes``.
        other: and of the second.
        tests: how many pairs there are, with those that share nothing.
        hubs: what was damped, the widest first.

    The other columns are those of :class:`Tie`.
    """

    nodes: tuple[Entity, ...]
    one: Numbers
    other: Numbers
    shared: Numbers
    sources: Numbers
    jaccard: Reals
    overlap: Reals
    rarity: Reals
    bits: Reals
    p: Reals
    q: Reals
    tests: int
    hubs: tuple[Hub, ...]
    independent: Numbers | None = None
    publishers: Numbers | None = None

    def __len__(self) -> int:
        return len(self.one)

    def __iter__(self) -> Iterator[Tie]:
        columns = [
            repeat(None, len(self)) if values is None else values.tolist()
            for values in (getattr(self, name) for name in (*_MEASURES, *_TOLD))
        ]
        ends = ((self.nodes[a], self.nodes[b]) for a, b in zip(self.one, self.other, strict=True))
        told = zip(ends, zip(*columns, strict=True), strict=True)
        return starmap(Tie, ((*pair, *measures) for pair, measures in told))

    def beyond_chance(self, level: float = LEVEL) -> Overlap:
        """The ties of which at most the share ``level`` is expected to be chance."""
        return self._only(np.flatnonzero(self.q <= level))

    def first(self, count: int) -> Overlap:
        """The first so many."""
        return self._only(np.arange(min(count, len(self))))

    def with_sources(self, incidence: Incidence, sources: Sources) -> Overlap:
        """The same, told of how many independent reports and of how many publishers each is.

        Args:
            incidence: what was observed.
            sources: which of its references are one report.
        """
        of_files = self.nodes == incidence.files
        matrix = incidence.file_references if of_files else incidence.collection_references
        publication = sources.places(incidence.references)
        names = [sources.publications[place].publisher for place in publication.tolist()]
        numbers = {name: number for number, name in enumerate(sorted({*names} - {""}))}
        publisher = np.array([numbers.get(name, _NOBODY) for name in names], np.int64)
        counts = [
            [_distinct(shared, mark) for mark in (publication, publisher)]
            for first in range(0, len(self), _AT_ONCE)
            for shared in [self._shared(matrix, slice(first, first + _AT_ONCE))]
        ]
        empty = [np.zeros(0, np.int64)]
        independent, publishers = (
            np.concatenate(empty + [count[mark] for count in counts]) for mark in (0, 1)
        )
        return replace(self, independent=independent, publishers=publishers)

    def _shared(self, matrix: Matrix, which: slice) -> Matrix:
        """Which columns both of each pair have, a row for each pair."""
        return matrix[self.one[which]].multiply(matrix[self.other[which]]).tocsr()

    def frame(self) -> pd.DataFrame:
        """A table with a row for each tie; ``one`` and ``other`` are node keys, categories."""
        import pandas as pd  # noqa: PLC0415  loads slowly

        keys = pd.Index([node.key for node in self.nodes])
        ends = {
            name: pd.Categorical.from_codes(getattr(self, name), keys) for name in ("one", "other")
        }
        measures = {name: getattr(self, name) for name in _MEASURES}
        told = {
            name: pd.array([None] * len(self) if values is None else values.tolist(), dtype="Int64")
            for name, values in (("independent", self.independent), ("publishers", self.publishers))
        }
        return pd.DataFrame({**ends, **measures, **told})

    def _only(self, which: Numbers) -> Overlap:
        names = ("one", "other", *_MEASURES, *(_TOLD if self.independent is not None else ()))
        return replace(self, **{name: getattr(self, name)[which] for name in names})


_TOLD = ("independent", "publishers")
_MEASURES = tuple(each.name for each in fields(Tie) if each.name not in {"one", "other", *_TOLD})
_NOBODY = -1  # in the place of a publisher: it is not known
_AT_ONCE = 4_096  # pairs of which all that is shared is in memory


def find_ties(incidence: Incidence, of: Side = "files") -> Overlap:
    """Every two files, or collections, that share something, and whether that is beyond chance.

    Args:
        incidence: what was observed.
        of: ``files`` or ``collections``.

    Raises:
        AnalysisError: scipy, in the extra ``analysis``, is not installed.
    """
    if of == "files":
        nodes, evidence = incidence.files, incidence.file_sources
        references = incidence.file_references
    else:
        nodes, references = incidence.collections, incidence.collection_references
        evidence = references
    model = model_of(evidence)
    points = points_of(evidence, model)
    weighted = _product(evidence, points)
    sharing, held = _product(references), _product(evidence)
    # Two may share what tells nothing, a source that all have, and no reference at all.
    one, other = _pairs_of(sharing, held)
    total = _values(weighted, one, other)
    p = model.tail(one, other, total)
    tests = len(nodes) * (len(nodes) - 1) // 2
    shared, fewer = _values(sharing, one, other), _fewer(references, one, other)
    found = Overlap(
        nodes,
        one,
        other,
        sources=_values(held, one, other),
        bits=total / POINTS_A_BIT,
        shared=shared,
        jaccard=jaccard(references, one, other, shared),
        overlap=shared / np.maximum(fewer, 1),
        p=p,
        q=adjusted(p, tests),
        rarity=_values(_product(references, _adamic_adar(references)), one, other),
        tests=tests,
        hubs=_hubs(incidence, evidence, points, of),
    )
    return found._only(np.lexsort((other, one, -found.rarity, -found.bits, p)))  # noqa: SLF001  ours


def shared_evidence(incidence: Incidence, one: Entity, other: Entity) -> list[Hub]:
    """What two files, or two collections, have in common, the rarest first.

    Collections (of files) and references, each with how many have it and what that tells.
    """
    is_file = one in set(incidence.files)
    nodes = incidence.files if is_file else incidence.collections
    rows = [nodes.index(each) for each in (one, other)]
    found: list[Hub] = []
    if is_file:
        found += _common(incidence.file_collections, rows, incidence.collections)
        found += _common(incidence.file_references, rows, incidence.references)
    else:
        found += _common(incidence.collection_references, rows, incidence.references)
    return sorted(found, key=lambda each: (each.source.type, each.members, each.source.key))


def projection(matrix: Matrix) -> tuple[Numbers, Numbers, Numbers]:
    """Every two rows of a matrix of zeros and ones that share columns: the rows, and how many."""
    product = _product(matrix).tocoo()
    return product.row, product.col, product.data


def jaccard(matrix: Matrix, one: Numbers, other: Numbers, shared: Numbers) -> Reals:
    """Of each two rows, the columns that both have by those that either has."""
    sizes = np.diff(matrix.indptr)
    likeness: Reals = shared / np.maximum(sizes[one] + sizes[other] - shared, 1)
    return likeness


# --- pairs ---------------------------------------------------------------------------------------


def _product(matrix: Matrix, weights: NDArray[Any] | None = None) -> Matrix:
    """What each two rows share, each pair once: counted, or weighed by column."""
    sparse = library("scipy.sparse")
    scaled = matrix
    if weights is not None:
        scaled = sparse.csr_array(
            (weights[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape
        )
    product = sparse.triu(scaled @ matrix.T, k=1, format="csr")
    product.eliminate_zeros()
    product.sort_indices()
    return product


def _pairs_of(*products: Matrix) -> tuple[Numbers, Numbers]:
    """The pairs that are in any of the products, sorted."""
    size = products[0].shape[0]
    keys = distinct(np.concatenate([_keys(product) for product in products]))
    one, other = np.divmod(keys, max(1, size))
    return one, other


def _keys(product: Matrix) -> Numbers:
    entries = product.tocoo()
    keys: Numbers = entries.row.astype(np.int64) * product.shape[0] + entries.col
    return keys


def _values(product: Matrix, one: Numbers, other: Numbers) -> NDArray[Any]:
    """What the product says of each pair; nothing where it has none."""
    values = np.zeros(len(one), product.data.dtype)
    places = np.searchsorted(one * product.shape[0] + other, _keys(product))
    values[places] = product.data
    return values


def _distinct(shared: Matrix, marks: Numbers) -> Numbers:
    """How many different marks the columns of each row have; ``_NOBODY`` is none."""
    rows = np.repeat(np.arange(shared.shape[0]), np.diff(shared.indptr))
    found = marks[shared.indices]
    known = found != _NOBODY
    keys = distinct(rows[known] * (marks.max(initial=0) + 1) + found[known])
    return np.bincount(keys // (marks.max(initial=0) + 1), minlength=shared.shape[0])


def _fewer(matrix: Matrix, one: Numbers, other: Numbers) -> Numbers:
    sizes = np.diff(matrix.indptr)
    fewer: Numbers = np.minimum(sizes[one], sizes[other])
    return fewer


def _degrees(matrix: Matrix) -> Numbers:
    return np.bincount(matrix.indices, minlength=matrix.shape[1])


def _adamic_adar(references: Matrix) -> Reals:
    """By column; one that nobody shares ties nobody."""
    weights: Reals = 1 / np.log(np.maximum(_degrees(references), 2))
    return weights


def _hubs(incidence: Incidence, evidence: Matrix, points: Numbers, of: Side) -> tuple[Hub, ...]:
    degrees = _degrees(evidence)
    wide = np.flatnonzero(degrees > max(2, _HUB * evidence.shape[0]))
    name = incidence.source if of == "files" else incidence.references.__getitem__
    hubs = [Hub(name(n), int(degrees[n]), float(points[n]) / POINTS_A_BIT) for n in wide.tolist()]
    return tuple(sorted(hubs, key=lambda hub: (-hub.members, hub.source.key)))


def _common(matrix: Matrix, rows: list[int], names: tuple[Entity, ...]) -> list[Hub]:
    degrees = _degrees(matrix)
    both = np.intersect1d(*(matrix.indices[slice(*matrix.indptr[row : row + 2])] for row in rows))
    bits = np.log2(matrix.shape[0] / np.maximum(degrees, 1))
    return [Hub(names[n], int(degrees[n]), float(bits[n])) for n in both.tolist()]

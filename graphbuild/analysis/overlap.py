"""Find pairs of files, or of collections, that share more evidence than chance explains.

The pieces of evidence must be independent. For each file, the API returns all references of all its
collections, so two files of one collection share every reference of the collection. Fifty shared
references can be a single fact. In random data without related files, a test of shared references
reports a quarter of all pairs of files (p <= 0.05). A test of shared evidence reports two to four
percent (``make bench CASES=ties`` prints both). Therefore:

* for files, the evidence is shared collections, and shared references for which the API named no
  collection;
* for collections, the evidence is shared references, because the author of each collection selects
  its references.

Evidence that many files have is weak: its weight is log2(files / files that have it) bits
(Sparck Jones 1972, J. Doc. 28). The p-value is the probability, in the null model of
:mod:`null_model`, that two files with the same numbers of pieces of evidence share at least as many
bits. The q-value corrects the p-value for the number of pairs. The number of shared references and
common similarity measures are computed, too.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import repeat
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graphbuild._util import require
from graphbuild.analysis.incidence import EXTRA, as_incidence, sorted_unique
from graphbuild.analysis.null_model import SCORE_PER_BIT, NullModel, benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from graphbuild.analysis.deduplication import Deduplication
    from graphbuild.analysis.incidence import Incidence, Matrix
    from graphbuild.models import Entity

    Numbers = NDArray[np.int64]
    Reals = NDArray[np.float64]

NodeKind = Literal["files", "collections"]
FALSE_DISCOVERY_RATE = 0.05
_HUB_SHARE = 0.25  # a hub belongs to more than this share of the nodes; its weight is under 2 bits
_BATCH = 4_096  # pairs whose shared references are in memory at the same time
_UNKNOWN_PUBLISHER = -1


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two files, or two collections, that share evidence.

    Attributes:
        source: The node whose key sorts first.
        target: The other node.
        shared_references: Number of references that both nodes have.
        shared_evidence: Number of pieces of evidence that both nodes have.
        jaccard: Number of shared references, divided by the number of references that at least one
            of the two nodes has.
        overlap_coefficient: Number of shared references, divided by the number of references of the
            node that has fewer (Szymkiewicz-Simpson).
        adamic_adar: Sum over the shared references of 1 / log(number of nodes that have the
            reference) (Adamic and Adar 2003, Soc. Networks 25).
        bits: Weight of the shared evidence in bits.
        p_value: Probability of sharing at least as many bits by chance.
        q_value: False discovery rate if all pairs with a p-value up to this one are reported.
        independent_references: Number of shared references, with duplicates counted once; None if
            :meth:`Overlaps.with_duplicates` was not called.
        publishers: Number of known publishers of the shared references; None if
            :meth:`Overlaps.with_duplicates` was not called.
    """

    source: Entity
    target: Entity
    shared_references: int
    shared_evidence: int
    jaccard: float
    overlap_coefficient: float
    adamic_adar: float
    bits: float
    p_value: float
    q_value: float
    independent_references: int | None = None
    publishers: int | None = None


@dataclass(frozen=True, slots=True)
class Hub:
    """A collection or reference that many nodes have, so that sharing it is weak evidence.

    Attributes:
        entity: The collection or reference.
        degree: Number of nodes (files, or collections) that have the entity.
        bits: Weight of this piece of evidence in bits.
    """

    entity: Entity
    degree: int
    bits: float


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """All pairs that share a reference or a piece of evidence, sorted by ascending p-value.

    Iterating yields one :class:`Overlap` per pair.

    Attributes:
        nodes: The files or collections.
        source: For each pair, the index of the first node in ``nodes``.
        target: For each pair, the index of the second node.
        tested_pairs: Number of all pairs of nodes, including pairs that share nothing.
        hubs: Evidence that more than a quarter of the nodes have, the most frequent first.

    The other attributes are arrays with one value per pair; see :class:`Overlap` for their meaning.
    """

    nodes: tuple[Entity, ...]
    source: Numbers
    target: Numbers
    shared_references: Numbers
    shared_evidence: Numbers
    jaccard: Reals
    overlap_coefficient: Reals
    adamic_adar: Reals
    bits: Reals
    p_value: Reals
    q_value: Reals
    tested_pairs: int
    hubs: tuple[Hub, ...]
    independent_references: Numbers | None = None
    publishers: Numbers | None = None

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[Overlap]:
        columns = [
            repeat(None, len(self)) if values is None else values.tolist()
            for values in (getattr(self, name) for name in (*_MEASURES, *_DUPLICATE_COUNTS))
        ]
        pairs = zip(self.source.tolist(), self.target.tolist(), strict=True)
        for (source, target), measures in zip(pairs, zip(*columns, strict=True), strict=True):
            yield Overlap(self.nodes[source], self.nodes[target], *measures)

    def significant(self, fdr: float = FALSE_DISCOVERY_RATE) -> Overlaps:
        """Return the pairs with a q-value of at most ``fdr``.

        Args:
            fdr: The maximum false discovery rate, 0 to 1.
        """
        return self._select(np.flatnonzero(self.q_value <= fdr))

    def head(self, count: int) -> Overlaps:
        """Return the first ``count`` pairs."""
        return self._select(np.arange(min(count, len(self))))

    def with_duplicates(self, incidence: Incidence, duplicates: Deduplication) -> Overlaps:
        """Return the pairs with the columns ``independent_references`` and ``publishers``.

        Args:
            incidence: The incidence in which the pairs were found.
            duplicates: The result of :func:`find_duplicates` for ``incidence.references``.
        """
        of_files = self.nodes == incidence.files
        matrix = incidence.file_references if of_files else incidence.collection_references
        group = duplicates.group_indices(incidence.references)
        names = [duplicates.groups[number].publisher for number in group.tolist()]
        numbers = {name: number for number, name in enumerate(sorted({*names} - {""}))}
        publisher = np.array([numbers.get(name, _UNKNOWN_PUBLISHER) for name in names], np.int64)
        counts = [np.zeros((2, 0), np.int64)]
        for start in range(0, len(self), _BATCH):
            pairs = slice(start, start + _BATCH)
            shared = matrix[self.source[pairs]].multiply(matrix[self.target[pairs]]).tocsr()
            counts.append(np.stack([_count_distinct(shared, each) for each in (group, publisher)]))
        independent, publishers = np.concatenate(counts, axis=1)
        return replace(self, independent_references=independent, publishers=publishers)

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row per pair and the attributes of :class:`Overlap`.

        ``source`` and ``target`` are node keys, so that the DataFrame can be passed to
        ``networkx.from_pandas_edgelist``.
        """
        import pandas as pd  # noqa: PLC0415  loads slowly

        keys = pd.Index([node.key for node in self.nodes])
        columns: dict[str, Any] = {
            name: pd.Categorical.from_codes(getattr(self, name), keys)
            for name in ("source", "target")
        }
        columns |= {name: getattr(self, name) for name in _MEASURES}
        for name in _DUPLICATE_COUNTS:
            values = getattr(self, name)
            cells = [None] * len(self) if values is None else values.tolist()
            columns[name] = pd.array(cells, dtype="Int64")
        return pd.DataFrame(columns)

    def _select(self, rows: Numbers) -> Overlaps:
        counts = () if self.independent_references is None else _DUPLICATE_COUNTS
        names = ("source", "target", *_MEASURES, *counts)
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


_DUPLICATE_COUNTS = ("independent_references", "publishers")
_MEASURES = tuple(
    field.name
    for field in fields(Overlap)
    if field.name not in {"source", "target", *_DUPLICATE_COUNTS}
)


def find_overlaps(data: object, of: NodeKind = "files") -> Overlaps:
    """Find all pairs of files, or of collections, that share evidence, with their p-values.

    Args:
        data: A graph, a store, observations or an ``Incidence``.
        of: The kind of nodes, ``files`` or ``collections``.
    """
    incidence = as_incidence(data)
    if of == "files":
        nodes, evidence = incidence.files, incidence.file_evidence
        references = incidence.file_references
    else:
        nodes, references = incidence.collections, incidence.collection_references
        evidence = references
    model = NullModel.fit(evidence)
    scores = model.column_scores(evidence)
    common_references, common_evidence = _product(references), _product(evidence)
    # Two files can share a collection but no reference, if the crawl did not read all pages.
    source, target = _pairs(common_references, common_evidence)
    score = _lookup(_product(evidence, scores), source, target)
    p_value = model.p_values(source, target, score)
    tested_pairs = len(nodes) * (len(nodes) - 1) // 2
    shared = _lookup(common_references, source, target)
    sizes = np.diff(references.indptr)
    adamic_adar = _lookup(_product(references, _adamic_adar(references)), source, target)
    order = np.lexsort((target, source, -adamic_adar, -score, p_value))
    return Overlaps(
        nodes,
        source[order],
        target[order],
        shared_references=shared[order],
        shared_evidence=_lookup(common_evidence, source, target)[order],
        jaccard=jaccard(references, source, target, shared)[order],
        overlap_coefficient=(shared / np.maximum(np.minimum(sizes[source], sizes[target]), 1))[
            order
        ],
        adamic_adar=adamic_adar[order],
        bits=score[order] / SCORE_PER_BIT,
        p_value=p_value[order],
        q_value=benjamini_hochberg(p_value, tested_pairs)[order],
        tested_pairs=tested_pairs,
        hubs=_hubs(incidence, evidence, scores, of),
    )


def projection(matrix: Matrix) -> tuple[Numbers, Numbers, Numbers]:
    """Return all pairs of rows of a 0/1 matrix that share columns.

    Returns:
        The index of the first row, the index of the second row, and the number of shared columns of
        each pair.
    """
    product = _product(matrix).tocoo()
    return product.row, product.col, product.data


def jaccard(matrix: Matrix, source: Numbers, target: Numbers, shared: Numbers) -> Reals:
    """Return the Jaccard index of pairs of rows of a 0/1 matrix.

    Args:
        matrix: The matrix.
        source: The index of the first row of each pair.
        target: The index of the second row of each pair.
        shared: For each pair, the number of columns that both rows have.
    """
    sizes = np.diff(matrix.indptr)
    index: Reals = shared / np.maximum(sizes[source] + sizes[target] - shared, 1)
    return index


# --- pairs of rows -------------------------------------------------------------------------------


def _product(matrix: Matrix, weights: NDArray[Any] | None = None) -> Matrix:
    """Return, for each pair of rows, the number of shared columns, or the sum of their weights."""
    sparse = require("scipy.sparse", extra=EXTRA)
    weighted = matrix
    if weights is not None:
        weighted = sparse.csr_array(
            (weights[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape
        )
    product = sparse.triu(weighted @ matrix.T, k=1, format="csr")
    product.eliminate_zeros()
    product.sort_indices()
    return product


def _pairs(*products: Matrix) -> tuple[Numbers, Numbers]:
    """Return the pairs of rows with an entry in at least one of the products, sorted."""
    keys = sorted_unique(np.concatenate([_keys(product) for product in products]))
    source, target = np.divmod(keys, max(1, products[0].shape[0]))
    return source, target


def _keys(product: Matrix) -> Numbers:
    entries = product.tocoo()
    keys: Numbers = entries.row.astype(np.int64) * product.shape[0] + entries.col
    return keys


def _lookup(product: Matrix, source: Numbers, target: Numbers) -> NDArray[Any]:
    """Return the entry of ``product`` for each of the sorted pairs; 0 if there is no entry."""
    values = np.zeros(len(source), product.data.dtype)
    values[np.searchsorted(source * product.shape[0] + target, _keys(product))] = product.data
    return values


def _count_distinct(shared: Matrix, labels: Numbers) -> Numbers:
    """Return, for each row, the number of distinct labels among its columns.

    The label ``_UNKNOWN_PUBLISHER`` is not counted.
    """
    rows = np.repeat(np.arange(shared.shape[0]), np.diff(shared.indptr))
    found = labels[shared.indices]
    known = found != _UNKNOWN_PUBLISHER
    width = labels.max(initial=0) + 1
    keys = sorted_unique(rows[known] * width + found[known])
    return np.bincount(keys // width, minlength=shared.shape[0])


def _degrees(matrix: Matrix) -> Numbers:
    return np.bincount(matrix.indices, minlength=matrix.shape[1])


def _adamic_adar(references: Matrix) -> Reals:
    """Return the Adamic-Adar weight of each column; a degree of 1 counts as 2, as log(1) is 0."""
    weights: Reals = 1 / np.log(np.maximum(_degrees(references), 2))
    return weights


def _hubs(incidence: Incidence, evidence: Matrix, scores: Numbers, of: NodeKind) -> tuple[Hub, ...]:
    degrees = _degrees(evidence)
    entity = incidence.evidence_entity if of == "files" else incidence.references.__getitem__
    hubs = [
        Hub(entity(column), int(degrees[column]), float(scores[column]) / SCORE_PER_BIT)
        for column in np.flatnonzero(degrees > max(2, _HUB_SHARE * evidence.shape[0])).tolist()
    ]
    return tuple(sorted(hubs, key=lambda hub: (-hub.degree, hub.entity.key)))

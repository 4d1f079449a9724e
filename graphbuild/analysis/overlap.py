"""Find pairs of files, or of collections, that share more evidence than chance explains.

The pieces of evidence must be independent. For each file, the API returns all references of all
collections that contain the file. Two files in one collection therefore share every reference of
the collection, so fifty shared references can be a single fact. For this reason:

* For files, the evidence is shared collections, shared references for which the API names no
  collection, and shared reports in ``related_from``.
* For collections, the evidence is shared references, because the author of each collection selects
  its references.

In random data without related files, a test that counts shared references reports about a quarter
of all pairs of files (p <= 0.05). A test that uses the evidence above reports two to four percent
of all pairs. ``make bench CASES=ties`` reproduces both numbers.

Evidence that many files have is weak. If n of N files (or collections) have a piece of evidence,
the weight of this piece is log2(N / n) bits, rounded to half bits (Sparck Jones 1972, J. Doc. 28).
The p-value of a pair is the probability that the shared evidence of two nodes has at least the
observed weight. The probability is computed in the model of :mod:`null_model`, for two nodes with
the same numbers of pieces of evidence as the pair. The q-value corrects the p-value for the number
of pairs. The number of shared references and common similarity measures of each pair are also
computed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import sparse

from graphbuild.analysis.incidence import as_incidence, sorted_unique
from graphbuild.analysis.null_model import SCORE_PER_BIT, NullModel, benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from graphbuild.analysis.deduplication import Deduplication
    from graphbuild.analysis.incidence import Incidence, Matrix, Numbers, Reals
    from graphbuild.models import Entity

NodeKind = Literal["files", "collections"]
FALSE_DISCOVERY_RATE = 0.05
_HUB_SHARE = 0.25  # hubs are pieces of evidence that more than this share of the nodes have
_BATCH = 4_096  # number of pairs whose shared references are in memory at the same time
_UNKNOWN_PUBLISHER = -1
_DUPLICATE_COUNTS = ("independent_references", "publishers")


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two files, or two collections, that share references or evidence.

    Attributes:
        source: The file or collection whose key sorts first.
        target: The other file or collection.
        shared_references: Number of references that both nodes have.
        shared_evidence: Number of pieces of evidence that both nodes have.
        jaccard: Number of shared references, divided by the number of references that at least one
            of the two nodes has.
        overlap_coefficient: Number of shared references, divided by the number of references of the
            node that has fewer (Szymkiewicz-Simpson).
        adamic_adar: Sum over the shared references of 1 / log(number of nodes that have the
            reference) (Adamic and Adar 2003, Soc. Networks 25).
        bits: Total weight of the shared evidence, in bits.
        p_value: Probability that, by chance, the shared evidence of two nodes has at least the
            weight ``bits``, if the nodes have as many pieces of evidence as ``source`` and
            ``target``.
        q_value: Smallest false discovery rate at which the pair is significant.
        independent_references: Number of shared references, with duplicates counted once; None
            unless the pair comes from :meth:`Overlaps.with_duplicates`.
        publishers: Number of known publishers of the shared references; None unless the pair comes
            from :meth:`Overlaps.with_duplicates`.
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
    """A collection or reference that is weak evidence, because many nodes have it."""

    entity: Entity
    degree: int  # number of nodes (files, or collections) that have the entity
    bits: float  # weight of this piece of evidence in bits, at most 2


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """Pairs of nodes that share references or evidence. Iteration yields each :class:`Overlap`.

    Attributes:
        nodes: All files, or all collections.
        columns: For each attribute of :class:`Overlap`, an array with one value per pair. The
            arrays ``source`` and ``target`` contain indices of ``nodes``. Only the result of
            :meth:`with_duplicates` has ``independent_references`` and ``publishers``.
        tested_pairs: Number of all pairs of nodes, including pairs that share nothing.
        hubs: Pieces of evidence that more than a quarter of the nodes, and at least three nodes,
            have; the most frequent first.
    """

    nodes: tuple[Entity, ...]
    columns: Mapping[str, NDArray[Any]]
    tested_pairs: int
    hubs: tuple[Hub, ...]

    def __len__(self) -> int:
        return len(self.columns["source"])

    def __iter__(self) -> Iterator[Overlap]:
        columns = [values.tolist() for values in self.columns.values()]
        for source, target, *measures in zip(*columns, strict=True):
            yield Overlap(self.nodes[source], self.nodes[target], *measures)

    def significant(self, fdr: float = FALSE_DISCOVERY_RATE) -> Overlaps:
        """Return the pairs with a q-value of at most ``fdr``, the false discovery rate (0 to 1)."""
        return self.select(np.flatnonzero(self.columns["q_value"] <= fdr))

    def head(self, count: int) -> Overlaps:
        """Return the first ``count`` pairs."""
        return self.select(np.arange(min(count, len(self))))

    def select(self, rows: Numbers) -> Overlaps:
        """Return the pairs with the indices ``rows``, in this order."""
        return replace(self, columns={name: each[rows] for name, each in self.columns.items()})

    def with_duplicates(self, incidence: Incidence, duplicates: Deduplication) -> Overlaps:
        """Return the same pairs, with ``independent_references`` and ``publishers``.

        ``incidence`` must be the data from which the pairs were computed. ``duplicates`` must be
        the result of :func:`find_duplicates` for the references of ``incidence``.
        """
        of_files = self.nodes == incidence.files
        matrix = incidence.file_references if of_files else incidence.collection_references
        group = duplicates.group_indices(incidence.references)
        names = [duplicates.groups[number].publisher for number in group.tolist()]
        numbers = {"": _UNKNOWN_PUBLISHER}
        publisher = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)
        counts = [np.zeros((2, 0), np.int64)]
        for start in range(0, len(self), _BATCH):
            source, target = (
                self.columns[name][start : start + _BATCH] for name in ("source", "target")
            )
            shared = matrix[source].multiply(matrix[target])
            counts.append(np.stack([_count_distinct(shared, each) for each in (group, publisher)]))
        added = zip(_DUPLICATE_COUNTS, np.concatenate(counts, axis=1), strict=True)
        return replace(self, columns={**self.columns, **dict(added)})

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with a row per pair and a column per attribute of :class:`Overlap`.

        The columns ``source`` and ``target`` contain node keys, so that the DataFrame can be passed
        to ``networkx.from_pandas_edgelist``.
        """
        import pandas as pd  # noqa: PLC0415  loads slowly

        frame = pd.DataFrame(dict(self.columns), columns=[field.name for field in fields(Overlap)])
        keys = pd.Index([node.key for node in self.nodes])
        for name in ("source", "target"):
            frame[name] = pd.Categorical.from_codes(self.columns[name], keys)
        return frame.astype(dict.fromkeys(_DUPLICATE_COUNTS, "Int64"))


def find_overlaps(data: object, of: NodeKind = "files") -> Overlaps:
    """Find all pairs of files, or of collections, that share references or evidence.

    The pairs are sorted by p-value, then by descending weight of the shared evidence.
    ``find_overlaps(data).significant()`` returns only significant pairs.

    ``data`` is a graph, a store, observations or an ``Incidence``. With ``of="files"``, pairs of
    all subjects are found, including domains, IP addresses and URLs.
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
    common_references, common_evidence = project(references), project(evidence)
    # Two files can share a collection but no reference if the crawl has not requested all pages.
    source, target = (common_references + common_evidence).nonzero()
    shared = _lookup(common_references, source, target)
    score = _lookup(project(evidence, scores), source, target)
    # A degree of 1 counts as 2, because log(1) is 0.
    rarity = 1 / np.log(np.maximum(_degrees(references), 2))
    sizes = np.diff(references.indptr)
    p_value = model.p_values(source, target, score)
    tested_pairs = len(nodes) * (len(nodes) - 1) // 2
    columns = {
        "source": source,
        "target": target,
        "shared_references": shared,
        "shared_evidence": _lookup(common_evidence, source, target),
        "jaccard": jaccard(references, source, target, shared),
        "overlap_coefficient": shared / np.maximum(np.minimum(sizes[source], sizes[target]), 1),
        "adamic_adar": _lookup(project(references, rarity), source, target),
        "bits": score / SCORE_PER_BIT,
        "p_value": p_value,
        "q_value": benjamini_hochberg(p_value, tested_pairs),
    }
    found = Overlaps(nodes, columns, tested_pairs, _hubs(incidence, evidence, scores, of))
    return found.select(np.lexsort((target, source, -columns["adamic_adar"], -score, p_value)))


# --- pairs of rows -------------------------------------------------------------------------------


def project(matrix: Matrix, weights: NDArray[Any] | None = None) -> Matrix:
    """Return, for each pair of rows of a 0/1 matrix, the number of columns with a 1 in both rows.

    If ``weights`` contains a weight for each column, return the sum of the weights of these columns
    instead of their number. The result is an upper triangular matrix: entry (i, j) is the value for
    the rows i < j.
    """
    weighted = matrix
    if weights is not None:
        weighted = sparse.csr_array(
            (weights[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape
        )
    product = sparse.triu(weighted @ matrix.T, k=1, format="csr")
    product.eliminate_zeros()
    product.sort_indices()
    return product


def jaccard(matrix: Matrix, source: Numbers, target: Numbers, shared: Numbers) -> Reals:
    """Return the Jaccard index of each pair of rows of a 0/1 matrix.

    For each pair, ``source`` and ``target`` contain the indices of the two rows, and ``shared``
    contains the number of columns with a 1 in both rows.
    """
    sizes = np.diff(matrix.indptr)
    index: Reals = shared / np.maximum(sizes[source] + sizes[target] - shared, 1)
    return index


def _lookup(product: Matrix, source: Numbers, target: Numbers) -> NDArray[Any]:
    """Return the entries of ``product`` at the positions (``source[i]``, ``target[i]``).

    The positions must be sorted, and must include all positions whose entry is not 0.
    """
    pairs, entries = (
        np.ravel_multi_index(each, product.shape) for each in ((source, target), product.nonzero())
    )
    values = np.zeros(len(pairs), product.data.dtype)
    values[np.searchsorted(pairs, entries)] = product.data
    return values


def _count_distinct(shared: Matrix, labels: Numbers) -> Numbers:
    """Return, for each row of ``shared``, the number of distinct labels of its nonzero columns.

    ``labels`` contains the label of each column. The label ``_UNKNOWN_PUBLISHER`` is not counted.
    """
    rows, columns = shared.nonzero()
    known = labels[columns] != _UNKNOWN_PUBLISHER
    shape = shared.shape[0], labels.max(initial=0) + 1
    pairs = np.ravel_multi_index((rows[known], labels[columns[known]]), shape)
    return np.bincount(sorted_unique(pairs) // shape[1], minlength=shape[0])


def _degrees(matrix: Matrix) -> Numbers:
    return np.bincount(matrix.indices, minlength=matrix.shape[1])


def _hubs(incidence: Incidence, evidence: Matrix, scores: Numbers, of: NodeKind) -> tuple[Hub, ...]:
    degrees = _degrees(evidence)
    entity = incidence.evidence_entity if of == "files" else incidence.references.__getitem__
    hubs = [
        Hub(entity(column), int(degrees[column]), float(scores[column]) / SCORE_PER_BIT)
        for column in np.flatnonzero(degrees > max(2, _HUB_SHARE * evidence.shape[0])).tolist()
    ]
    return tuple(sorted(hubs, key=lambda hub: (-hub.degree, hub.entity.key)))

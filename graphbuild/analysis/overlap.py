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
the same numbers of pieces of evidence as the pair. The number of shared references and common
similarity measures of each pair are also computed.

The q-value of a pair is the smallest false discovery rate at which it is significant. For
collections, it is the p-value, corrected for the number of pairs. For files, the p-value would not
be enough, because a list of few families contains many pairs of one family. Their q-value compares
the clusters of the list with those of random lists; see :mod:`cohesion`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from graphbuild.analysis.clusters import partition_files
from graphbuild.analysis.cohesion import measure_cohesion
from graphbuild.analysis.incidence import as_incidence, sorted_unique
from graphbuild.analysis.null_model import SCORE_PER_BIT, NullModel, benjamini_hochberg
from graphbuild.analysis.projection import jaccard, look_up, project, separate_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from graphbuild.analysis.deduplication import Deduplication
    from graphbuild.analysis.incidence import Incidence, Matrix, NodeKind, Numbers
    from graphbuild.models import Entity

    _Count = TypeVar("_Count", int, Numbers)

FALSE_DISCOVERY_RATE = 0.05
# If more pairs of files may share something, only those of one cluster are found. A pair needs
# about 200 bytes of memory.
MAX_PAIRS = 5_000_000
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
        cohesion: How much the evidence of two files is confined to one dense cluster (0 to 1), from
            which ``q_value`` is computed; None for collections.
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
    cohesion: float | None = None
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
            arrays ``source`` and ``target``, which come first, contain indices of ``nodes``. Pairs
            of collections have no ``cohesion``. Only the result of :meth:`with_duplicates` has
            ``independent_references`` and ``publishers``.
        tested_pairs: Number of all pairs of nodes, including pairs that share nothing.
        attainable_q: The lowest q-value that a pair could have if it shared as much as its numbers
            of pieces of evidence allow. If it is too high, no pair can be significant.
        hubs: Pieces of evidence that more than a quarter of the nodes, and at least three nodes,
            have; the most frequent first.
        within_clusters: Whether only pairs of files of one cluster were compared.
    """

    nodes: tuple[Entity, ...]
    columns: Mapping[str, NDArray[Any]]
    tested_pairs: int
    attainable_q: float
    hubs: tuple[Hub, ...]
    within_clusters: bool = False

    def __len__(self) -> int:
        return len(self.columns["source"])

    def __iter__(self) -> Iterator[Overlap]:
        names = list(self.columns)[2:]
        columns = [values.tolist() for values in self.columns.values()]
        for source, target, *measures in zip(*columns, strict=True):
            ends = self.nodes[source], self.nodes[target]
            yield Overlap(*ends, **dict(zip(names, measures, strict=True)))

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


def find_overlaps(data: object, of: NodeKind = "files", *, max_pairs: int = MAX_PAIRS) -> Overlaps:
    """Find the pairs of files, or of collections, that share references or evidence.

    The pairs are sorted by q-value, then by p-value, then by descending weight of the shared
    evidence. ``find_overlaps(data).significant()`` returns only significant pairs.

    Args:
        data: A graph, a store, observations or an ``Incidence``.
        of: The nodes of which pairs are found. With ``files``, they are all subjects, including
            domains, IP addresses and URLs.
        max_pairs: If more pairs of files than this may share something, only pairs of one cluster
            are found. All other pairs have a q-value of 1, so the significant pairs are the same.
    """
    incidence = as_incidence(data)
    if of == "files":
        return _find_overlaps_of_files(incidence, max_pairs)
    references = incidence.collection_references
    model = NullModel.fit(references)
    columns = _measure_pairs(references, references, model)
    tested_pairs = _count_pairs(references.shape[0])
    columns["q_value"] = benjamini_hochberg(columns["p_value"], tested_pairs)
    return _sorted(
        Overlaps(
            incidence.collections,
            columns,
            tested_pairs,
            _attainable_q(model, references, columns, tested_pairs),
            _hubs(references, model.column_scores, incidence.references.__getitem__),
        )
    )


def _find_overlaps_of_files(incidence: Incidence, max_pairs: int) -> Overlaps:
    evidence, references = incidence.file_evidence, incidence.file_references
    model, labels = NullModel.fit(evidence), partition_files(incidence)
    tested_pairs = _count_pairs(len(labels))
    may_share = sum(int(_count_pairs(_degrees(each)).sum()) for each in (evidence, references))
    within_clusters = min(tested_pairs, may_share) > max_pairs
    columns = _measure_pairs(references, evidence, model, labels if within_clusters else None)
    pairs = columns["source"], columns["target"]
    measured = measure_cohesion(incidence, model, labels, pairs, within_clusters=within_clusters)
    columns |= {"q_value": measured.q_value, "cohesion": measured.cohesion}
    return _sorted(
        Overlaps(
            incidence.files,
            columns,
            tested_pairs,
            measured.attainable_q,
            _hubs(evidence, model.column_scores, incidence.evidence_entity),
            within_clusters,
        )
    )


def _sorted(found: Overlaps) -> Overlaps:
    columns = found.columns
    order = (  # the most important key comes last
        *(columns[name] for name in ("target", "source")),
        *(-columns[name] for name in ("adamic_adar", "bits")),
        *(columns[name] for name in ("p_value", "q_value")),
    )
    return found.select(np.lexsort(order))


def _measure_pairs(
    references: Matrix, evidence: Matrix, model: NullModel, groups: Numbers | None = None
) -> dict[str, NDArray[Any]]:
    """Return the columns of all pairs of rows that share a reference or evidence, without q-values.

    ``model`` is the null model of ``evidence``. If ``groups`` contains the number of a group for
    each row, only pairs of one group are returned.
    """
    # A degree of 1 counts as 2, because log(1) is 0.
    rarity, scores = 1 / np.log(np.maximum(_degrees(references), 2)), model.column_scores
    if groups is not None:
        references, rarity = separate_groups(references, rarity, groups)
        evidence, scores = separate_groups(evidence, scores, groups)
    common_references, common_evidence = project(references), project(evidence)
    # Two files can share a collection but no reference if the crawl has not requested all pages.
    source, target = (common_references + common_evidence).nonzero()
    shared = look_up(common_references, source, target)
    score = look_up(project(evidence, scores), source, target)
    sizes = np.diff(references.indptr)
    return {
        "source": source,
        "target": target,
        "shared_references": shared,
        "shared_evidence": look_up(common_evidence, source, target),
        "jaccard": jaccard(references, source, target, shared),
        "overlap_coefficient": shared / np.maximum(np.minimum(sizes[source], sizes[target]), 1),
        "adamic_adar": look_up(project(references, rarity), source, target),
        "bits": score / SCORE_PER_BIT,
        "p_value": model.p_values(source, target, score),
    }


# --- significance --------------------------------------------------------------------------------


def _attainable_q(
    model: NullModel, evidence: Matrix, columns: Mapping[str, NDArray[Any]], tested_pairs: int
) -> float:
    """Return the smallest q-value if one node of each pair shared all of its evidence."""
    totals = evidence @ model.column_scores
    source, target = columns["source"], columns["target"]
    p_value = model.p_values(source, target, np.minimum(totals[source], totals[target]))
    return float(benjamini_hochberg(p_value, tested_pairs).min(initial=1.0))


# --- pairs and evidence --------------------------------------------------------------------------


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


def _count_pairs(nodes: _Count) -> _Count:
    """Return the number of pairs of so many nodes; of an array, that of each entry."""
    return nodes * (nodes - 1) // 2


def _hubs(evidence: Matrix, scores: Numbers, entity: Callable[[int], Entity]) -> tuple[Hub, ...]:
    """Return the hubs; ``entity`` returns the entity of a column of ``evidence``."""
    degrees = _degrees(evidence)
    hubs = [
        Hub(entity(column), int(degrees[column]), float(scores[column]) / SCORE_PER_BIT)
        for column in np.flatnonzero(degrees > max(2, _HUB_SHARE * evidence.shape[0])).tolist()
    ]
    return tuple(sorted(hubs, key=lambda hub: (-hub.degree, hub.entity.key)))

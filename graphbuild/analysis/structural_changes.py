"""Find the structural changes between two snapshots of one campaign, for ``watch``.

A change is found only if it is certain. Therefore, only *comparable* subjects count: both snapshots
are complete for them, and neither snapshot inferred references for them. All other subjects, such
as seeds that were added between the snapshots, are left out of both snapshots before their clusters
are found. So every difference is the effect of observations that were certainly added or removed.

The kinds of changes are:

* ``subject_known``: the service listed no reference of a subject, and now lists at least one.
* ``collection_found``: a collection contains at least N subjects, and contained fewer before.
* ``clusters_merged`` and ``cluster_split``: :mod:`cluster_evolution` defines which clusters match.
* ``file_moved``: the clusters of a file before and after do not match.
* ``clusters_tied``: files of several later clusters have a reference, and before, files of at most
  one of these clusters had it. References with the same collections and clusters are one change.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from graphbuild.analysis.cluster_evolution import ClusterMatching
from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.diff import Snapshot, SnapshotPair
from graphbuild.analysis.incidence import COLLECTIONS, FILES, NO_COLLECTION, REFERENCES
from graphbuild.models import COMPLETE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from graphbuild.analysis.cluster_models import Cluster, Clustering
    from graphbuild.analysis.diff import Triple
    from graphbuild.analysis.incidence import Incidence, Numbers
    from graphbuild.models import Entity

    Row = tuple[int, int, int]  # numbers of a file, a reference and a collection

EvidenceChange = Literal["added", "removed", "unchanged"]
StructuralKind = Literal[
    "clusters_merged",
    "cluster_split",
    "file_moved",
    "clusters_tied",
    "collection_found",
    "subject_known",
]
STRUCTURAL_KINDS: tuple[StructuralKind, ...] = get_args(StructuralKind)
DEFAULT_MIN_FILES = 3
MAX_EVIDENCE = 200  # triples per change


class Evidence(NamedTuple):
    """An observation that explains a change."""

    change: EvidenceChange
    triple: Triple


@dataclass(frozen=True, slots=True)
class StructuralChange:
    """A structural change.

    Attributes:
        kind: One of ``STRUCTURAL_KINDS``.
        entities: The file that moved, the subject that became known, the collection, or the
            references that tie clusters; empty for clusters that merged or split.
        files: The files of the collection, or the files of the tied clusters that have the
            references; empty for other kinds.
        before: The earlier clusters that merged or split, or from which the file moved.
        after: The later clusters that result, to which the file moved, or that are tied; for a
            subject that became known, its cluster.
        evidence: Up to ``MAX_EVIDENCE`` observations that explain the change.
        evidence_count: The number of all such observations.
    """

    kind: StructuralKind
    entities: tuple[Entity, ...] = ()
    files: tuple[Entity, ...] = ()
    before: tuple[Cluster, ...] = ()
    after: tuple[Cluster, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    evidence_count: int = 0

    @property
    def identity(self) -> str:
        """Return a digest that is the same for equal changes of equal clusters.

        It contains the keys of entities and of the files of earlier clusters. A change that occurs
        again, after it was undone, has the same identity.
        """
        keys = [each.key for each in self.entities]
        clusters = sorted([file.key for file in cluster.files] for cluster in self.before)
        text = json.dumps([self.kind, keys, clusters])
        return hashlib.sha256(text.encode()).hexdigest()


def find_structural_changes(
    old: Snapshot, new: Snapshot, *, min_files: int = DEFAULT_MIN_FILES, seed: int = 0
) -> tuple[StructuralChange, ...]:
    """Return the structural changes from an earlier snapshot to a later one.

    They are sorted by kind, in the order of ``STRUCTURAL_KINDS``.

    Args:
        old: The earlier snapshot.
        new: The later snapshot.
        min_files: How many subjects a collection must contain to be a change.
        seed: An argument of :func:`find_clusters`.
    """
    files = _comparable_files(old, new)
    covered_before = _count_files(old.incidence)
    old, new = (_restrict(each, files) for each in (old, new))
    pair = SnapshotPair(old, new)
    if np.array_equal(pair.snapshots[0].triples, pair.snapshots[1].triples):
        return ()
    before, after = (find_clusters(each.incidence, seed=seed) for each in (old, new))
    finder = _ChangeFinder(pair, (before, after))
    return (
        *finder.cluster_changes(),
        *finder.moved_files(),
        *finder.ties(),
        *finder.found_collections(covered_before, min_files),
        *finder.known_subjects(),
    )


def _comparable_files(old: Snapshot, new: Snapshot) -> frozenset[Entity]:
    """Return the subjects for which both snapshots are complete without inferences."""
    sides = (old, new)
    complete = [
        {file for file, state in each.states.items() if state == COMPLETE} for each in sides
    ]
    inferred = [
        {each.incidence.files[number] for number in each.incidence.inferred[:, FILES].tolist()}
        for each in sides
    ]
    return frozenset.intersection(*map(frozenset, complete)).difference(*inferred)


def _restrict(snapshot: Snapshot, files: frozenset[Entity]) -> Snapshot:
    states = {file: state for file, state in snapshot.states.items() if file in files}
    return Snapshot(snapshot.incidence.restrict(files), states)


def _count_files(incidence: Incidence) -> dict[Entity, int]:
    """Return the number of files in each collection."""
    counts = incidence.file_collections.sum(axis=0).tolist()
    return dict(zip(incidence.collections, counts, strict=True))


class _ChangeFinder:
    """Finds the changes between two snapshots that contain comparable subjects only.

    Lists of rows contain triples of numbers, which are indices of ``SnapshotPair.entities``.
    """

    def __init__(self, pair: SnapshotPair, clusterings: tuple[Clustering, Clustering]) -> None:
        self._pair = pair
        self._before, self._after = (each.clusters for each in clusterings)
        self._matching = ClusterMatching(pair, clusterings)
        old, new = pair.snapshots
        self._old, self._new = old.triples, new.triples
        self._removed, self._added = old.exclusive_triples(new)[0], new.exclusive_triples(old)[0]
        self._numbers = {file: number for number, file in enumerate(pair.files)}

    # --- clusters --------------------------------------------------------------------------------

    def cluster_changes(self) -> Iterator[StructuralChange]:
        """Yield the merges, then the splits."""
        kinds: dict[str, StructuralKind] = {"merged": "clusters_merged", "split": "cluster_split"}
        for change in self._matching.changes():
            if change.kind in kinds:
                before = tuple(self._before[number - 1] for number in change.before)
                after = tuple(self._after[number - 1] for number in change.after)
                evidence = self._evidence_of_clusters((*before, *after))
                yield _make_change(kinds[change.kind], evidence, before=before, after=after)

    def moved_files(self) -> Iterator[StructuralChange]:
        """Yield the files whose clusters do not match, sorted by key."""
        for move in self._matching.moved_files():
            clusters = self._before[move.before - 1], self._after[move.after - 1]
            evidence = self._changed_evidence([move.file]) or self._evidence_of_clusters(clusters)
            yield _make_change(
                "file_moved",
                evidence,
                entities=(move.file,),
                before=clusters[:1],
                after=clusters[1:],
            )

    def _evidence_of_clusters(self, clusters: Iterable[Cluster]) -> list[Evidence]:
        """Return the changed evidence of the files in clusters or, without any, of all files."""
        files = {file for cluster in clusters for file in cluster.files}
        return self._changed_evidence(files) or self._changed_evidence(self._pair.files)

    def _changed_evidence(self, files: Iterable[Entity]) -> list[Evidence]:
        """Return an observation of each piece of evidence that the files got or lost.

        If they got and lost none, return an observation of each reference that the collections of
        the files got or lost.
        """
        numbers = [self._numbers[file] for file in files if file in self._numbers]
        return self._difference(numbers, _piece_of) or self._difference(numbers, _listing_of)

    def _difference(self, files: Sequence[int], key: Callable[[Row], Row]) -> list[Evidence]:
        """Return the first row of each key that the rows of files have in only one snapshot."""
        found: list[Evidence] = []
        sides: tuple[tuple[EvidenceChange, Numbers, Numbers], ...] = (
            ("removed", self._removed, self._new),
            ("added", self._added, self._old),
        )
        for change, exclusive, other in sides:
            rows = _rows(exclusive, FILES, files)
            if not rows:
                continue
            sources = {row[COLLECTIONS] for row in rows}  # a key contains the collection
            others = other[np.isin(other[:, COLLECTIONS], [*sources])]
            known = {key(row) for row in _rows(others, FILES, files)}
            first = {key(row): row for row in reversed(rows)}
            changed = sorted(row for each, row in first.items() if each not in known)
            found += (Evidence(change, self._pair.triple(row)) for row in changed)
        return found

    # --- references ------------------------------------------------------------------------------

    def ties(self) -> Iterator[StructuralChange]:
        """Yield the references that tie clusters.

        References with the same collections and the same clusters are one change.
        """
        clusters = [cluster for cluster in self._after if len(cluster.files) > 1]
        cluster_of = {
            self._numbers[file]: cluster.number for cluster in clusters for file in cluster.files
        }
        groups: dict[tuple[frozenset[int], frozenset[int]], list[Row]] = defaultdict(list)
        for rows, earlier_rows in self._rows_of_extended_references():
            rows_in_clusters = [row for row in rows if row[FILES] in cluster_of]
            tied = frozenset(cluster_of[row[FILES]] for row in rows_in_clusters)
            earlier = {cluster_of.get(row[FILES]) for row in earlier_rows} - {None}
            if len(tied) > 1 and len(earlier) <= 1:
                sources = frozenset(row[COLLECTIONS] for row in rows_in_clusters)
                groups[sources, tied] += rows_in_clusters
        for (_, tied), rows in groups.items():
            yield _make_change(
                "clusters_tied",
                self._later_evidence(rows),
                entities=self._entities(rows, REFERENCES),
                files=self._entities(rows, FILES),
                after=tuple(self._after[number - 1] for number in sorted(tied)),
            )

    def _rows_of_extended_references(self) -> Iterator[tuple[list[Row], list[Row]]]:
        """Yield the later and the earlier rows of each reference with added observations."""
        references = np.unique(self._added[:, REFERENCES])
        later, earlier = (
            _group(_rows(each, REFERENCES, references), REFERENCES)
            for each in (self._new, self._old)
        )
        for reference in references.tolist():
            yield later[reference], earlier[reference]

    def _later_evidence(self, rows: Sequence[Row]) -> list[Evidence]:
        """Return rows of the later snapshot as evidence, sorted by reference; new ones first."""
        references = [row[REFERENCES] for row in rows]
        same_references = self._old[np.isin(self._old[:, REFERENCES], references)]
        known = set(_rows(same_references, FILES, [row[FILES] for row in rows]))
        return [
            Evidence("unchanged" if row in known else "added", self._pair.triple(row))
            for row in sorted(rows, key=lambda row: (row[REFERENCES], row in known, row))
        ]

    # --- collections and subjects ----------------------------------------------------------------

    def found_collections(
        self, covered_before: Mapping[Entity, int], min_files: int
    ) -> Iterator[StructuralChange]:
        """Yield the collections that contain ``min_files`` files, and contained fewer before.

        ``covered_before`` contains the number of files in each earlier collection, including files
        that are not comparable.
        """
        collections = self._pair.entities[COLLECTIONS]
        new = self._new[self._new[:, COLLECTIONS] != NO_COLLECTION]
        pairs = np.unique(new[:, [COLLECTIONS, FILES]], axis=0)
        counts = np.bincount(pairs[:, 0], minlength=len(collections))
        for number in np.flatnonzero(counts >= min_files).tolist():
            collection = collections[number]
            if collection.type != REFERENCE and covered_before.get(collection, 0) < min_files:
                rows = _rows(new, COLLECTIONS, [number])
                first_of_file = {row[FILES]: row for row in reversed(rows)}
                yield _make_change(
                    "collection_found",
                    self._later_evidence([*first_of_file.values()]),
                    entities=(collection,),
                    files=self._entities(rows, FILES),
                )

    def known_subjects(self) -> Iterator[StructuralChange]:
        """Yield the subjects without earlier observations."""
        known = self._pair.snapshots[0].numbers(FILES)
        files = np.setdiff1d(self._pair.snapshots[1].numbers(FILES), known, assume_unique=True)
        clusters = {file: cluster for cluster in self._after for file in cluster.files}
        for number in files.tolist():
            file = self._pair.files[number]
            yield _make_change(
                "subject_known",
                self._later_evidence(_rows(self._new, FILES, [number])),
                entities=(file,),
                after=(clusters[file],),
            )

    def _entities(self, rows: Iterable[Row], column: int) -> tuple[Entity, ...]:
        """Return the entities in a column of ``rows``, sorted by key."""
        entities = self._pair.entities[column]
        return tuple(entities[number] for number in sorted({row[column] for row in rows}))


def _make_change(
    kind: StructuralKind, evidence: Sequence[Evidence], **attributes: tuple[Any, ...]
) -> StructuralChange:
    return StructuralChange(
        kind, evidence=tuple(evidence[:MAX_EVIDENCE]), evidence_count=len(evidence), **attributes
    )


def _rows(triples: Numbers, column: int, numbers: Sequence[int] | Numbers) -> list[Row]:
    """Return the triples that have one of ``numbers`` in a column, sorted."""
    kept = triples[np.isin(triples[:, column], numbers)]
    return [(file, reference, source) for file, reference, source in kept.tolist()]


def _group(rows: Iterable[Row], column: int) -> dict[int, list[Row]]:
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups


def _piece_of(row: Row) -> Row:
    """Return the file of a row, and the piece of evidence: the collection, else the reference."""
    return (
        row if row[COLLECTIONS] == NO_COLLECTION else (row[FILES], NO_COLLECTION, row[COLLECTIONS])
    )


def _listing_of(row: Row) -> Row:
    """Return the reference and the collection of a row."""
    return NO_COLLECTION, row[REFERENCES], row[COLLECTIONS]

"""Find the independent sources of files and of collections.

A source is a piece of evidence (see :mod:`overlap`). Pieces that are based on the same articles
count as one source, because one may be a copy of the other: two collections with the same
references, a collection with one reference and this reference itself, and references to one article
(see :mod:`deduplication`). For pairs of collections, the sources are the articles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from graphbuild.analysis.incidence import (
    COLLECTIONS,
    FILES,
    NO_COLLECTION,
    REFERENCES,
    Incidence,
)
from graphbuild.graph.clusters import format_breaking_point
from graphbuild.models import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from graphbuild.analysis.deduplication import Deduplication
    from graphbuild.analysis.incidence import Matrix, NodeKind, Numbers
    from graphbuild.models import Entity


@dataclass(frozen=True, slots=True)
class Strength:
    """How strong the evidence for a cluster or a pair is.

    Attributes:
        sources: Number of independent sources that both nodes of the pair have, or that at least
            two files of the cluster have.
        breaking_point: The smallest number of sources without which the result no longer holds;
            None for a single file, and for a pair that is not significant.
        is_exact: False if ``breaking_point`` is an upper bound.
    """

    sources: int
    breaking_point: int | None
    is_exact: bool = True

    def __str__(self) -> str:
        """Return the breaking point as text: ``2``, ``≤3`` for an upper bound, or ``-``."""
        return format_breaking_point(self.breaking_point, is_exact=self.is_exact)


@dataclass(frozen=True, slots=True, eq=False)
class Remainder:
    """The observations without those of some sources.

    Attributes:
        incidence: The observations. Files, references and collections that have none are omitted.
        files: The index of each file before the removal.
        collections: The index of each collection before the removal.
    """

    incidence: Incidence
    files: Numbers
    collections: Numbers


@dataclass(frozen=True, eq=False)
class Sources:
    """The independent sources of the files or collections of a campaign.

    Attributes:
        incidence: The observations.
        of: The kind of the nodes.
        of_node: A matrix of files (or collections) by sources: 1 if the node has the source.
        of_triple: The number of the source of each of ``incidence.triples``.
    """

    incidence: Incidence
    of: NodeKind
    of_node: Matrix
    of_triple: Numbers

    @property
    def nodes(self) -> tuple[Entity, ...]:
        """Return all files, or all collections."""
        return self.incidence.files if self.of == "files" else self.incidence.collections

    def remove(self, removed: Iterable[int]) -> Remainder:
        """Return what is left without the observations of some sources."""
        whole = self.incidence
        triples = whole.triples[~np.isin(self.of_triple, list(removed))]
        files = np.unique(triples[:, FILES])
        sources = np.unique(triples[triples[:, COLLECTIONS] != NO_COLLECTION, COLLECTIONS])
        reports = self._reports[sources]
        references = np.unique(np.concatenate([triples[:, REFERENCES], reports[reports >= 0]]))
        renumbered = [
            np.searchsorted(kept, triples[:, column])
            for column, kept in ((FILES, files), (REFERENCES, references), (COLLECTIONS, sources))
        ]
        renumbered[COLLECTIONS][triples[:, COLLECTIONS] == NO_COLLECTION] = NO_COLLECTION
        rest = Incidence(
            tuple(whole.files[number] for number in files.tolist()),
            tuple(whole.references[number] for number in references.tolist()),
            tuple(whole.sources[number] for number in sources.tolist()),
            np.stack(renumbered, axis=1),
            np.zeros((0, 2), np.int64),  # is not used to find clusters and pairs
        )
        return Remainder(rest, files, sources[sources < len(whole.collections)])

    def shared_by(self, nodes: Sequence[int] | Numbers, minimum: int = 2) -> list[int]:
        """Return the sources that at least ``minimum`` of the nodes have.

        The sources that most of the nodes have come first, then those that the fewest others have.
        """
        inside = self.of_node[np.asarray(nodes)].sum(axis=0)
        order = np.lexsort((self._degrees, -inside))
        return [int(source) for source in order if inside[source] >= minimum]

    @cached_property
    def _reports(self) -> Numbers:
        return _report_references(self.incidence)

    @cached_property
    def _degrees(self) -> Numbers:
        degrees: Numbers = self.of_node.sum(axis=0)
        return degrees


def find_sources(
    incidence: Incidence, duplicates: Deduplication, of: NodeKind = "files"
) -> Sources:
    """Find the independent sources of all files, or of all collections.

    ``duplicates`` must be the result of :func:`find_duplicates` for the references of
    ``incidence``.
    """
    article = duplicates.group_indices(incidence.references)
    if of == "files":
        source = _sources_of_evidence(incidence, article)
        of_node = _group_columns(incidence.file_evidence, source)
        return Sources(incidence, of, of_node, source[_evidence_of_triples(incidence)])
    of_node = _group_columns(incidence.collection_references, article)
    return Sources(incidence, of, of_node, article[incidence.triples[:, REFERENCES]])


def _sources_of_evidence(incidence: Incidence, article: Numbers) -> Numbers:
    """Return the number of the source of each column of ``Incidence.file_evidence``.

    ``article`` contains the number of the article of each reference.
    """
    numbers: dict[Hashable, int] = {}
    listed = incidence.collection_references
    keys: list[Hashable] = []
    for collection in range(listed.shape[0]):
        columns = listed.indices[listed.indptr[collection] : listed.indptr[collection + 1]]
        # A collection without references is a source of its own.
        keys.append(frozenset(article[columns].tolist()) or ("collection", collection))
    keys += (frozenset([each]) for each in article.tolist())
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def _evidence_of_triples(incidence: Incidence) -> Numbers:
    """Return, for each triple, the column of ``Incidence.file_evidence`` that it belongs to."""
    count = len(incidence.collections)
    report = _report_references(incidence)
    of_source = np.where(report >= 0, count + report, np.arange(len(report)))
    source, reference = incidence.triples[:, COLLECTIONS], incidence.triples[:, REFERENCES]
    columns = count + reference
    named = source != NO_COLLECTION
    columns[named] = of_source[source[named]]
    return columns


def _report_references(incidence: Incidence) -> Numbers:
    """Return the index in ``references`` of each of ``incidence.sources``; -1 for collections."""
    index = {reference: number for number, reference in enumerate(incidence.references)}
    found = (index[each] if each.type == REFERENCE else -1 for each in incidence.sources)
    return np.fromiter(found, np.int64)


def _group_columns(matrix: Matrix, group: Numbers) -> Matrix:
    """Return a 0/1 matrix whose columns are the groups of the columns of a 0/1 matrix."""
    rows, columns = matrix.nonzero()
    shape = matrix.shape[FILES], int(group.max(initial=-1)) + 1
    grouped = sparse.csr_array((np.ones(len(rows), np.int64), (rows, group[columns])), shape=shape)
    grouped.data[:] = 1  # scipy sums repeated entries
    return grouped

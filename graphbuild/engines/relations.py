"""Represent observations by relations of pairs, and build an ``Incidence`` from them.

For a file in a collection, the API returns all references of the collection. So the
observations of a collection follow from two relations: its files, and its references. Both together
are much smaller than the observations. The API can break this rule, and a
list can be incomplete. Therefore, exceptions are listed, and a collection with too many exceptions
is represented by its observations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from graphbuild.analysis.entity_index import EntityIndex
from graphbuild.analysis.incidence import Incidence
from graphbuild.analysis.triple_keys import TripleKeys
from graphbuild.models import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from graphbuild.models import Entity

    Numbers = NDArray[np.int64]

NO_SOURCE = 0  # in place of the number of a collection or report


@dataclass(frozen=True, slots=True, eq=False)
class Relations:
    """The distinct observations of a dataset, as relations of numbered entities.

    A *source* is an entity in ``related_from``: a collection or a report. An observation through a
    source is a row of ``source_triples``, or it follows from ``file_sources`` and
    ``source_references`` and is not in ``exceptions``. All rows are distinct, in no particular
    order.

    Attributes:
        entities: The entity of each number. Numbers begin with 1.
        file_sources: Columns: subject, source.
        source_references: Columns: source, reference.
        file_references: Pairs of a subject and a reference that is direct evidence for it:
            observations without a source, and direct references. Columns: subject, reference.
        exceptions: Triples that follow from ``file_sources`` and ``source_references``, but that no
            observation contains. Columns: subject, reference, source.
        source_triples: The observations whose source is in neither ``file_sources`` nor
            ``source_references``. Columns: subject, reference, source.
        inferred: The pairs of subject and reference that were only inferred. Columns: subject,
            reference.
    """

    entities: Mapping[int, Entity]
    file_sources: Numbers
    source_references: Numbers
    file_references: Numbers
    exceptions: Numbers
    source_triples: Numbers
    inferred: Numbers


def build_incidence(relations: Relations) -> Incidence:
    """Return the incidence of the observations that ``relations`` represent.

    It equals the incidence that ``Incidence.from_observations`` returns for these observations.

    Raises:
        AnalysisError: There are too many entities; see :class:`TripleKeys`.
    """
    files, references, sources = _find_entities(relations)
    space = TripleKeys(len(files.entities), len(references.entities), len(sources.entities))
    file, reference = space.of_files(files.positions), space.of_references(references.positions)
    source = space.of_sources(sources.positions)

    def keys_of(triples: Numbers) -> Numbers:
        keys: Numbers = file[triples[:, 0]] + reference[triples[:, 1]] + source[triples[:, 2]]
        return keys

    file_sources, source_references = relations.file_sources.T, relations.source_references.T
    implied = _implied_keys(
        file[file_sources[0]] + source[file_sources[1]],
        file_sources[1],
        source_references[0],
        reference[source_references[1]],
    )
    without_source = np.insert(relations.file_references, 2, NO_SOURCE, axis=1)
    keys = np.concatenate([implied, keys_of(without_source), keys_of(relations.source_triples)])
    keys.sort()
    keys = np.delete(keys, np.searchsorted(keys, keys_of(relations.exceptions)))
    inferred = relations.inferred
    ends = zip((files, references), inferred.T, strict=True)
    pairs = np.stack([end.positions[column] for end, column in ends], axis=1)
    return Incidence(
        files.entities,
        references.entities,
        sources.entities,
        space.triples(keys),
        pairs[np.lexsort(pairs.T[::-1])],
    )


class _Numbered(NamedTuple):
    """The sorted entities of one column of triples."""

    entities: tuple[Entity, ...]
    positions: Numbers  # number of an entity in the relations -> index in ``entities``


def _find_entities(relations: Relations) -> tuple[_Numbered, _Numbered, _Numbered]:
    """Return the files, references and sources of an incidence."""
    file_sources, source_references = relations.file_sources, relations.source_references
    file_references, triples = relations.file_references, relations.source_triples
    columns = (
        (file_sources[:, 0], file_references[:, 0], triples[:, 0]),
        (source_references[:, 1], file_references[:, 1], triples[:, 1]),
        (source_references[:, 0], triples[:, 2]),
    )
    indexes = EntityIndex(), EntityIndex(), EntityIndex()
    numbers = [
        index.add_rows(np.concatenate(used), relations.entities)
        for index, used in zip(indexes, columns, strict=True)
    ]
    _, references, sources = indexes
    for each in sources:
        if each.type == REFERENCE:  # a report
            references.add(each)
    found = []
    for index, number_of in zip(indexes, numbers, strict=True):
        entities, positions = index.sort(references_last=index is sources)
        found.append(_Numbered(entities, positions[number_of]))
    return found[0], found[1], found[2]


def _implied_keys(
    pair_keys: Numbers, sources_of_pairs: Numbers, sources: Numbers, reference_keys: Numbers
) -> Numbers:
    """Return the sum of both keys for each file of a source and each reference of this source."""
    order = np.argsort(sources, kind="stable")
    sources, reference_keys = sources[order], reference_keys[order]
    starts = np.searchsorted(sources, sources_of_pairs)
    counts = np.searchsorted(sources, sources_of_pairs, side="right") - starts
    # The references of a source are consecutive, so their positions are consecutive numbers.
    positions = np.arange(counts.sum())
    positions += np.repeat(starts - np.cumsum(counts) + counts, counts)
    keys = reference_keys[positions]
    keys += np.repeat(pair_keys, counts)
    return keys

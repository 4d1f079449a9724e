"""Encode triples of file, reference and source as integers, so that they are sorted quickly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphbuild.analysis.entity_index import NO_ENTITY
from graphbuild.errors import AnalysisError

if TYPE_CHECKING:
    from graphbuild.analysis.entity_index import Numbers


class TripleKeys:
    """The keys of all possible triples of an ``Incidence``: integers in the order of the triples.

    The key of a triple is the sum of the keys of its file, its reference and its source. As a key,
    a triple takes 8 bytes, and numpy sorts integers faster than rows.
    """

    def __init__(self, files: int, references: int, sources: int) -> None:
        """Create the keys for these numbers of entities.

        Raises:
            AnalysisError: The keys do not fit into signed integers of 64 bits.
        """
        self._sources = sources + 1  # including NO_ENTITY
        self._pairs = max(references, 1) * self._sources
        if files * self._pairs > np.iinfo(np.int64).max:
            raise AnalysisError(
                "too many files, references and collections; analyze fewer campaigns at a time"
            )

    def of_files(self, indices: Numbers) -> Numbers:
        """Return the keys of files."""
        return indices * self._pairs

    def of_references(self, indices: Numbers) -> Numbers:
        """Return the keys of references."""
        return indices * self._sources

    def of_sources(self, indices: Numbers) -> Numbers:
        """Return the keys of sources, whose indices can be ``NO_ENTITY``."""
        return indices - NO_ENTITY

    def triples(self, keys: Numbers) -> Numbers:
        """Return an array with a row per key: the indices of its file, reference and source.

        To save memory, ``keys`` is overwritten.
        """
        triples = np.empty((len(keys), 3), np.int64)
        files, references, sources = triples.T
        np.divmod(keys, self._pairs, out=(files, keys))
        np.divmod(keys, self._sources, out=(references, sources))
        sources += NO_ENTITY
        return triples

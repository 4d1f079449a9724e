"""Infer references without requesting them.

VirusTotal describes ``related_references`` as "the References of the Collections containing this
File". As long as that holds:

* A file whose list was read to its end shows *all* references of each collection in the list.
* Any other file in such a collection also has all of these references. If the number of references
  read and inferred so far equals the number that the API stated for this file, the pages not yet
  read contain no new references.

Domains, IP addresses and URLs are handled like files.

If there are more references than stated, or if two files show different references of a collection,
the description does not hold. Then nothing is inferred for the files concerned, and all of their
pages are requested.

The description does not hold in the API flavor ``gti``. There, the lists also contain directly
related reports, for which the API does not state the collections that contain them. An inferred
observation could contain a collection that the API would not state. Therefore, nothing is inferred
in this flavor, or if a report is stored.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbuild.store.models import ObservedReferences


class Inference(NamedTuple):
    """The references that can be inferred for a file.

    If ``surplus`` is 0, the inferred references complete the list. If it is negative, the next page
    must be requested. If it is positive, nothing may be inferred.
    """

    # Row id of each inferred reference -> row ids of the collections through which it is related.
    collections_by_reference: Mapping[int, set[int]]
    # The number of references read and inferred, minus the number that the API stated. The value is
    # -1 if the API stated no number, or if a collection of this file is disputed: two other files
    # show different references of the collection.
    surplus: int


class CollectionKnowledge:
    """The collections whose references are all known, as row ids."""

    def __init__(self) -> None:
        self._references: dict[int, frozenset[int]] = {}  # by collection
        self._disputed: set[int] = set()  # collections whose references differ between two files

    def add(self, observed: ObservedReferences) -> None:
        """Add the collections of a file if its list is complete without inferences."""
        if not observed.complete:
            return
        by_collection: dict[int, set[int]] = defaultdict(set)
        for reference, collections in observed.collections_by_reference.items():
            for collection in collections:
                by_collection[collection].add(reference)
        for collection, references in by_collection.items():
            known = self._references.setdefault(collection, frozenset(references))
            if known != references:
                self._disputed.add(collection)

    def __contains__(self, collection: int) -> bool:
        return collection in self._references and collection not in self._disputed

    def infer(self, observed: ObservedReferences) -> Inference:
        """Return the references that can be inferred from the collections of a file."""
        collections, known = observed.collections(), observed.collections_by_reference
        if observed.count is None or self._disputed & collections:
            return Inference({}, surplus=-1)
        inferred: dict[int, set[int]] = defaultdict(set)
        for collection in collections:
            for reference in self._references.get(collection, ()):
                if reference not in known:
                    inferred[reference].add(collection)
        return Inference(inferred, len(known) + len(inferred) - observed.count)


def choose_next_file(
    unfinished: Mapping[int, ObservedReferences], knowledge: CollectionKnowledge, page_size: int
) -> int:
    """Return the task id of the file whose remaining pages save the most requests per page read.

    When the list of a file is read to its end, all references of its collections are known. This
    saves the remaining pages of every file whose collections are then all known. ``unfinished``
    contains the references read so far, by task id. ``page_size`` is the number of entries per
    page.
    """
    pages_left: dict[int, int] = {}
    files_by_unknown: dict[frozenset[int], list[int]] = defaultdict(list)
    for file, observed in unfinished.items():
        references_left = (observed.count or 0) - len(observed.collections_by_reference)
        pages_left[file] = max(1, math.ceil(references_left / page_size))
        unknown = frozenset(each for each in observed.collections() if each not in knowledge)
        files_by_unknown[unknown].append(file)
    pages_by_unknown = {
        unknown: sum(pages_left[file] for file in files)
        for unknown, files in files_by_unknown.items()
    }
    # Of the files with the same unknown collections, one with the fewest pages left is enough.
    cheapest = {
        unknown: min(files, key=pages_left.__getitem__)
        for unknown, files in files_by_unknown.items()
    }

    def savings_per_page(unknown: frozenset[int]) -> float:
        saved = sum(pages for other, pages in pages_by_unknown.items() if other <= unknown)
        return saved / pages_left[cheapest[unknown]]

    return cheapest[max(cheapest, key=savings_per_page)]

"""Infer references without requesting them.

VirusTotal describes ``related_references`` as "the References of the Collections containing this
File". As long as that holds:

* A file whose list was read to its end shows *all* references of each collection in the list.
* Any other file in such a collection also has all of these references. If the number of references
  read and inferred so far equals the number that the API stated for this file, the pages not yet
  read contain no new references.

If there are more references than stated, or if two files show different references of a collection,
the description does not hold. Then nothing is inferred, and the file is read page by page.

The functions are pure; ids can be of any hashable type.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from graphbuild.store.models import Id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbuild.store.models import ObservedReferences


@dataclass(frozen=True, slots=True)
class Inference(Generic[Id]):
    """The references that can be inferred for a file.

    Attributes:
        collections_by_reference: Each inferred reference with the collections it is inferred from.
        excess: The number of references beyond the number that the API stated. If it is above 0,
            nothing may be inferred.
        missing: The number of references that are still unknown. If it is above 0, the next page
            must be requested.
    """

    collections_by_reference: Mapping[Id, set[Id]]
    excess: int = 0
    missing: int = 0

    @property
    def complete(self) -> bool:
        """Whether exactly the number of references that the API stated is known."""
        return not self.excess and not self.missing


class CollectionKnowledge(Generic[Id]):
    """Collections whose references are all known."""

    def __init__(self) -> None:
        self._references: dict[Id, frozenset[Id]] = {}
        self._disputed: set[Id] = set()

    def add(self, observed: ObservedReferences[Id]) -> None:
        """Add the collections of a file whose list was read to its end."""
        by_collection: dict[Id, set[Id]] = defaultdict(set)
        for reference, collections in observed.collections_by_reference.items():
            for collection in collections:
                by_collection[collection].add(reference)
        for collection, references in by_collection.items():
            known = self._references.setdefault(collection, frozenset(references))
            if known != references:
                self._disputed.add(collection)

    def __contains__(self, collection: Id) -> bool:
        return collection in self._references and collection not in self._disputed

    def infer(self, observed: ObservedReferences[Id]) -> Inference[Id]:
        """Return the references that can be inferred from the collections of a file."""
        if observed.count is None or self._disputed & observed.collections():
            return Inference({}, missing=1)
        inferred: dict[Id, set[Id]] = defaultdict(set)
        for collection in observed.collections():
            if collection not in self:
                continue
            for reference in self._references[collection]:
                if reference not in observed.collections_by_reference:
                    inferred[reference].add(collection)
        total = len(observed.collections_by_reference) + len(inferred)
        excess, missing = max(0, total - observed.count), max(0, observed.count - total)
        return Inference(inferred, excess, missing)


def choose_next_file(
    unfinished: Mapping[Id, ObservedReferences[Id]],
    knowledge: CollectionKnowledge[Id],
    page_size: int,
) -> Id:
    """Return the unfinished file whose remaining pages save the most requests per page read.

    When a file is read to its end, all references of its collections are known. This saves the
    remaining pages of every file that is in no other unknown collection.

    Args:
        unfinished: The unfinished files in the order of their seeds; not empty.
        knowledge: The collections whose references are known.
        page_size: Maximum references per page.
    """
    unknown = {
        key: frozenset(each for each in observed.collections() if each not in knowledge)
        for key, observed in unfinished.items()
    }
    pages_left = {key: _pages_left(observed, page_size) for key, observed in unfinished.items()}
    pages_by_unknown: dict[frozenset[Id], int] = defaultdict(int)
    for key, collections in unknown.items():
        pages_by_unknown[collections] += pages_left[key]

    def savings_per_page(key: Id) -> float:
        saved = sum(
            pages for collections, pages in pages_by_unknown.items() if collections <= unknown[key]
        )
        return saved / pages_left[key]

    return max(_cheapest_per_group(unknown, pages_left), key=savings_per_page)


def _cheapest_per_group(
    unknown: Mapping[Id, frozenset[Id]], pages_left: Mapping[Id, int]
) -> Iterable[Id]:
    """Return the file with the fewest pages left for each set of unknown collections."""
    best: dict[frozenset[Id], Id] = {}
    for key, collections in unknown.items():
        if collections not in best or pages_left[key] < pages_left[best[collections]]:
            best[collections] = key
    return best.values()


def _pages_left(observed: ObservedReferences[Id], page_size: int) -> int:
    known = len(observed.collections_by_reference)
    return max(1, -(-((observed.count or 0) - known) // page_size))

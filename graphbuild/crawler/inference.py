"""Which pages need not be asked, because what is known already proves what they hold.

The service's own description of ``related_references`` is "the References of the Collections
containing this File". So, as long as that holds:

* a file whose list was read to its end tells *all* references of each collection it names;
* another file in such a collection has all of these references too; and once the collections it
  was seen in, together with what was read of it, come to exactly as many references as its answer
  announced, there is nothing left that its further pages could hold: the count proves it.

Where they come to more than was announced, or two files disagree about a collection, the
description does not hold there. Then nothing is concluded, and the file is read page by page.

Pure functions of what was read; the ids may be of any hashable kind.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from graphbuild.store.records import Id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbuild.store.records import Reading


@dataclass(frozen=True, slots=True)
class Proof(Generic[Id]):
    """What is concluded of a file.

    Attributes:
        behind: each reference not read yet, and the known collections behind it.
        excess: how many references more than announced; above 0 nothing may be concluded.
        missing: how many references less than announced; above 0 its next page must be asked.
    """

    behind: Mapping[Id, set[Id]]
    excess: int = 0
    missing: int = 0

    @property
    def complete(self) -> bool:
        """Whether the count proves that nothing is missing."""
        return not self.excess and not self.missing


class Knowledge(Generic[Id]):
    """Collections whose references are fully known."""

    def __init__(self) -> None:
        self._references: dict[Id, frozenset[Id]] = {}
        self._disputed: set[Id] = set()

    def learn(self, reading: Reading[Id]) -> None:
        """Take in a file that was read to its end."""
        held: dict[Id, set[Id]] = defaultdict(set)
        for reference, collections in reading.behind.items():
            for collection in collections:
                held[collection].add(reference)
        for collection, references in held.items():
            known = self._references.setdefault(collection, frozenset(references))
            if known != references:
                self._disputed.add(collection)

    def knows(self, collection: Id) -> bool:
        """Whether all references of a collection are known, and nobody disagrees."""
        return collection in self._references and collection not in self._disputed

    def prove(self, reading: Reading[Id]) -> Proof[Id]:
        """What follows for a file from the collections it was seen in."""
        if reading.count is None or self._disputed & reading.collections():
            return Proof({}, missing=1)
        more: dict[Id, set[Id]] = defaultdict(set)
        for collection in filter(self.knows, reading.collections()):
            for reference in self._references[collection]:
                if reference not in reading.behind:
                    more[reference].add(collection)
        total = len(reading.behind) + len(more)
        excess, missing = max(0, total - reading.count), max(0, reading.count - total)
        return Proof(more, excess, missing)


def next_to_read(readings: Mapping[Id, Reading[Id]], knowledge: Knowledge[Id], limit: int) -> Id:
    """Which unfinished file to page on with: the one whose end spares most calls for its cost.

    A file that is finished makes its collections known. What that spares is counted for the files
    seen in no collection but those and the ones known already: their remaining pages.

    Args:
        readings: the unfinished files, in the order they were asked for; not empty.
        knowledge: the collections known already.
        limit: references a page.
    """
    need = {key: _unknown(reading, knowledge) for key, reading in readings.items()}
    cost = {key: _pages_left(reading, limit) for key, reading in readings.items()}
    groups: dict[frozenset[Id], int] = defaultdict(int)
    for key, unknown in need.items():
        groups[unknown] += cost[key]

    def spared(key: Id) -> float:
        found = need[key]
        return sum(pages for group, pages in groups.items() if group <= found) / max(1, cost[key])

    return max(_first_of_each(need, cost), key=spared)


def _first_of_each(need: Mapping[Id, frozenset[Id]], cost: Mapping[Id, int]) -> Iterable[Id]:
    """Of files that are alike in what they teach, the cheapest: the others cannot be better."""
    best: dict[frozenset[Id], Id] = {}
    for key, unknown in need.items():
        if unknown not in best or cost[key] < cost[best[unknown]]:
            best[unknown] = key
    return best.values()


def _unknown(reading: Reading[Id], knowledge: Knowledge[Id]) -> frozenset[Id]:
    return frozenset(each for each in reading.collections() if not knowledge.knows(each))


def _pages_left(reading: Reading[Id], limit: int) -> int:
    known = len(reading.behind)
    return max(1, -(-((reading.count or 0) - known) // limit))

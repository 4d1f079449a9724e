"""What ties two nodes: every shortest chain of evidence, with the observations behind each step.

A step joins two nodes of one observation: a file and its report, a report and the collection behind
it, a file and that collection. So a file and a collection are one step apart only where a page said
so; the path file -> report -> collection of the drawn graph, which may be made of the observations
of two files, is no step but two. A chain is a shortest path of such steps, and all of them are
found, by breadth first search from both ends (the paths that betweenness counts: Brandes 2001,
J. Math. Sociol. 25).
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from graphbuild.analysis.timeline import day_of
from graphbuild.errors import AnalysisError
from graphbuild.models import COLLECTION, INFERRED, REFERENCE
from graphbuild.seeds.indicators import defang, parse_indicator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from graphbuild.analysis.deduplication import Sources
    from graphbuild.models import Entity, Observation

_SHORTEST_PREFIX = 8  # of an id that may stand for it
_FEW = 5  # nodes named where a name fits several
_LONGEST = 160  # characters of a title
_ADDRESS = re.compile(r"\S*https?:\S*|\S*://\S*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """Two nodes that stand in one observation.

    Attributes:
        one: the node the chain comes from.
        other: the one it goes to.
        observations: all that have both, in the order of their references, files and collections.
    """

    one: Entity
    other: Entity
    observations: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """A way from one node to another.

    Attributes:
        steps: at least one; each begins where the one before it ends.
    """

    steps: tuple[Step, ...]

    @property
    def nodes(self) -> tuple[Entity, ...]:
        """All nodes on the way, both ends included."""
        return (self.steps[0].one, *(step.other for step in self.steps))


class Evidence:
    """Observations, by the nodes that stand in them."""

    def __init__(self, observations: Iterable[Observation]) -> None:
        self._nodes: dict[str, Entity] = {}
        self._told: dict[str, list[Observation]] = defaultdict(list)
        for one in observations:
            for entity in _ends(one):
                key = entity.key
                known = self._nodes.get(key)
                if known is None or len(entity.attributes) > len(known.attributes):
                    self._nodes[key] = entity
                self._told[key].append(one)

    @property
    def references(self) -> tuple[Entity, ...]:
        """All references, sorted by key."""
        found = (node for node in self._nodes.values() if node.type == REFERENCE)
        return tuple(sorted(found, key=lambda node: node.key))

    def find(self, name: str) -> Entity:
        """The node that ``name`` names.

        A key (``collection:...``), an id, the first digits of one (8 or more), an address, or the
        whole of a title or name, in upper or lower case.

        Raises:
            AnalysisError: none does, or several do.
        """
        wanted = name.strip()
        for fits in (_by_key, _by_id, _by_address, _by_label, _by_prefix):
            test = fits(wanted)
            found = sorted(key for key, node in self._nodes.items() if test(node))
            if len(found) == 1:
                return self._nodes[found[0]]
            if found:
                more = f" and {len(found) - _FEW:,} more" if len(found) > _FEW else ""
                raise AnalysisError(
                    f"{wanted[:80]!a} names {len(found):,} nodes; say which:"
                    f" {', '.join(found[:_FEW])}{more}"
                )
        raise AnalysisError(
            f"nothing in the campaign is called {wanted[:80]!a}; give a hash, an id, an address, "
            "a title, a name, or a key such as collection:ID"
        )

    def count(self, one: Entity, other: Entity) -> int:
        """How many shortest chains there are; 0 where nothing observed ties the two."""
        left = self._distances(one, other)
        ways = {other.key: 1}
        for key in sorted(left, key=left.__getitem__)[1:]:
            ways[key] = sum(ways[near] for near in self._nearer(key, left))
        return ways.get(one.key, 0)

    def chains(self, one: Entity, other: Entity) -> Iterator[Chain]:
        """Every shortest chain from one node to another, in the order of their node keys.

        Raises:
            AnalysisError: both are the same node.
        """
        left = self._distances(one, other)
        if one.key not in left:
            return
        pairs: dict[tuple[str, str], Step] = {}
        path = [one.key]
        ways = [iter(self._nearer(one.key, left))]
        while ways:
            near = next(ways[-1], None)
            if near is None:
                ways.pop()
                path.pop()
                continue
            path.append(near)
            if near == other.key:
                yield Chain(tuple(self._step(*ends, pairs) for ends in pairwise(path)))
                path.pop()
            else:
                ways.append(iter(self._nearer(near, left)))

    def _distances(self, one: Entity, other: Entity) -> dict[str, int]:
        """How far nodes are from ``other``, up to as far as ``one`` is."""
        if one.key == other.key:
            raise AnalysisError(f"{one.key} and {other.key} are the same node")
        found = {other.key: 0}
        waiting = deque([other.key])
        while waiting:
            key = waiting.popleft()
            if found[key] >= found.get(one.key, len(self._nodes)):
                break
            for near in self._neighbours(key):
                if near not in found:
                    found[near] = found[key] + 1
                    waiting.append(near)
        return found

    def _neighbours(self, key: str) -> list[str]:
        near = {entity.key for one in self._told[key] for entity in _ends(one)}
        return sorted(near - {key})

    def _nearer(self, key: str, left: dict[str, int]) -> list[str]:
        return [near for near in self._neighbours(key) if left.get(near, -1) == left[key] - 1]

    def _step(self, one: str, other: str, known: dict[tuple[str, str], Step]) -> Step:
        if (one, other) not in known:
            rarer = min(one, other, key=lambda key: len(self._told[key]))
            told = {
                tuple(entity.key for entity in _ends(each)): each
                for each in self._told[rarer]
                if {one, other} <= {entity.key for entity in _ends(each)}
            }
            ordered = sorted(told.items(), key=lambda item: (item[0][1], item[0]))
            step = Step(self._nodes[one], self._nodes[other], tuple(each for _, each in ordered))
            known[one, other] = step
        return known[one, other]


def _ends(one: Observation) -> tuple[Entity, ...]:
    """The nodes of an observation: two, or three."""
    if one.related_from is None:
        return one.subject, one.reference
    return one.subject, one.reference, one.related_from


# --- names ---------------------------------------------------------------------------------------


def _by_key(name: str) -> Callable[[Entity], bool]:
    return lambda node: node.key == name


def _by_id(name: str) -> Callable[[Entity], bool]:
    return lambda node: node.id == name or node.id == name.lower()


def _by_address(name: str) -> Callable[[Entity], bool]:
    try:
        meant = parse_indicator(name).entity
    except ValueError:
        return lambda _: False
    address = meant.attributes.get("url", name)
    return lambda node: node == meant or node.attributes.get("url") in {address, name}


def _by_label(name: str) -> Callable[[Entity], bool]:
    folded = name.casefold()
    return lambda node: node.label.casefold().strip() == folded


def _by_prefix(name: str) -> Callable[[Entity], bool]:
    start = name.removesuffix("…").lower()
    return lambda node: len(start) >= _SHORTEST_PREFIX and node.id.startswith(start)


# --- sentences -----------------------------------------------------------------------------------


def sentence(step: Step, quote: Callable[[str], str], sources: Sources | None = None) -> str:
    """What a step says, in words.

    Args:
        step: which.
        quote: makes text of reports harmless where it is shown, and marks it as such.
        sources: which references are one report, where it shall be told of several.
    """
    one, other = step.one, step.other
    kinds = {one.type, other.type}
    if REFERENCE in kinds and COLLECTION in kinds:
        report, collection = (one, other) if one.type == REFERENCE else (other, one)
        files = len({each.subject.key for each in step.observations})
        counted = f"{files:,} file{'s' * (files != 1)}"
        return f"{called(report, quote)} is told of {counted} through {called(collection, quote)}"
    thing, source = (other, one) if one.type in {REFERENCE, COLLECTION} else (one, other)
    if source.type == REFERENCE:
        return f"{called(thing, quote)} is related to {called(source, quote)}"
    return f"{called(thing, quote)} is in {called(source, quote)}, by {_counted(step, sources)}"


def _counted(step: Step, sources: Sources | None) -> str:
    reports = len(step.observations)
    if reports == 1:
        return "1 report"
    if sources is None:
        return f"{reports:,} reports"
    independent, publishers = sources.count(each.reference for each in step.observations)
    by = f" by {publishers:,} publisher{'s' * (publishers != 1)}" if publishers else ""
    return f"{reports:,} reports ({independent:,} independent){by}"


def statement(observation: Observation, quote: Callable[[str], str]) -> str:
    """What an observation says, in words: the report, its day and address, and through what."""
    report = observation.reference
    address, day = report.attributes.get("url"), day_of(report)
    author = report.attributes.get("author")
    parts = [
        called(report, quote),
        *([f"by {quote(quiet(author))}"] if isinstance(author, str) and author.strip() else []),
        day.isoformat() if day else "no date",
        *([quote(defang(_cut(address)))] if isinstance(address, str) and address else []),
    ]
    behind = observation.related_from
    through = f"through {called(behind, quote)}" if behind else "through no named collection"
    inferred = ", inferred" if observation.provenance == INFERRED else ""
    return f"{', '.join(parts)}; told of {called(observation.subject, quote)} {through}{inferred}"


def called(entity: Entity, quote: Callable[[str], str]) -> str:
    """What to call a node in a sentence; names of files and addresses are defanged."""
    kinds = {REFERENCE: "the report", COLLECTION: "the collection"}
    return f"{kinds.get(entity.type, entity.type)} {quote(quiet_name(entity))}"


def quiet_name(entity: Entity) -> str:
    """The title or name of a node, cut where it is long; no address in it leads anywhere."""
    if entity.type in {REFERENCE, COLLECTION}:
        return quiet(entity.label)
    return defang(_cut(entity.label))


def quiet(text: str) -> str:
    """A title or name, cut where it is long; an address that stands in it is defanged."""
    return _ADDRESS.sub(lambda match: defang(match[0]), _cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"

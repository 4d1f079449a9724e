"""How the nodes of a page fold, and what each line of the folded picture stands for.

Nodes with the same neighbours are one group. A line between two groups stands for all pairs of
their members, and what the graph says of each pair is kept: as one number where it says the same
of all, else as one for each pair, row by row. So a page of 11,236 edges carries 39 lines, and
nothing is lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphbuild.exporters.html.text import scalar
from graphbuild.graph.builder import NO_COLLECTION
from graphbuild.graph.views import fold_groups
from graphbuild.models import COLLECTION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import networkx as nx

    Graph = nx.DiGraph[str]

NOWHERE = -1  # stands for "through no collection that was named"
_TOLD_APART = frozenset({"relation", "related_from", "weight"})


@dataclass(slots=True)
class Folded:
    """A graph as the page draws it.

    Attributes:
        groups: the members of each group, by their numbers.
        relations: what edges are called.
        says: what the graph says of edges, each once.
        links: from group, to group, number of the relation, and what is said of the pairs.
        ties: each two groups that are tied, the lower number first, and by how many pairs.
    """

    groups: list[list[int]]
    relations: list[str] = field(default_factory=list)
    says: list[dict[str, Any]] = field(default_factory=list)
    links: list[tuple[int, int, int, int | list[int]]] = field(default_factory=list)
    ties: dict[tuple[int, int], int] = field(default_factory=dict)

    def neighbours(self) -> list[list[int]]:
        """The groups that each group is tied to."""
        found: list[list[int]] = [[] for _ in self.groups]
        for one, other in self.ties:
            found[one].append(other)
            if one != other:
                found[other].append(one)
        return found


def folded(graph: Graph) -> Folded:
    """The groups of ``graph``, in the order of their first members, and what ties them."""
    number = {key: index for index, key in enumerate(graph)}
    keys = _in_order(graph)
    group_of = {key: index for index, members in enumerate(keys) for key in members}
    found = Folded([[number[key] for key in members] for members in keys])
    facts = _Facts(number, found)
    adjacent = dict(graph.adjacency())  # plain dictionaries: the graph's own views cost more
    for source, members in enumerate(keys):
        rows = [adjacent[member] for member in members]
        for target in dict.fromkeys(map(group_of.__getitem__, rows[0])):
            others = keys[target]
            first = facts.say(rows[0][others[0]])
            pairs = len(rows) * len(others)
            said: int | list[int] = first
            if pairs > 1:
                each = [facts.say(row[other]) for row in rows for other in others]
                said = first if each.count(first) == pairs else each
            found.links.append((source, target, facts.relation_of[first], said))
            ends = (source, target) if source < target else (target, source)
            found.ties[ends] = found.ties.get(ends, 0) + pairs
    return found


def _in_order(graph: Graph) -> list[list[str]]:
    """The groups by their first members, and members, as they stand in the graph."""
    group_of = {key: index for index, group in enumerate(fold_groups(graph)) for key in group}
    members: dict[int, list[str]] = defaultdict(list)
    for key in graph:
        members[group_of[key]].append(key)
    return list(members.values())


class _Facts:
    """What is said of edges, each once; the API says the same of many.

    Attributes:
        relation_of: what is said is said under this relation, by number; nodes of a group have no
            other one to those of another.
    """

    def __init__(self, number: Mapping[str, int], found: Folded) -> None:
        self.relation_of: list[int] = []
        self._number = number
        self._found = found
        self._met: dict[object, int] = {}
        self._relations: dict[str, int] = {}

    def say(self, known: Mapping[str, Any]) -> int:
        """The number of what is said of an edge."""
        # With types, as True is 1. What cannot be hashed, no graph of ours holds; it is told twice.
        values = tuple(known.values())
        key: object = (*values, *known, *map(type, values))
        try:
            met = self._met.get(key)
        except TypeError:
            key = id(known)
            met = self._met.get(key)
        if met is None:
            met = self._met[key] = len(self._found.says)
            self._found.says.append(self._said(known))
            self.relation_of.append(self._relation(str(known.get("relation", ""))))
        return met

    def _relation(self, name: str) -> int:
        met = self._relations.setdefault(name, len(self._relations))
        if met == len(self._found.relations):
            self._found.relations.append(name)
        return met

    def _said(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """Collections behind an edge by number; by key where a view has left them out."""
        said: dict[str, Any] = {"weight": scalar(known.get("weight"))}
        behind = known.get("related_from")
        if isinstance(behind, (tuple, list, AbstractSet)):
            keys = sorted(str(key) for key in behind)
            number = self._number
            said["via"] = [
                NOWHERE if key == NO_COLLECTION else number.get(key, key) for key in keys
            ]
        more = {
            str(name): scalar(known[name]) for name in sorted(set(known) - _TOLD_APART, key=str)
        }
        return {**said, "more": more} if more else said


def shared_links(found: Folded, types: Sequence[str]) -> list[tuple[int, int, int]]:
    """Each two collections that references tie, and how many those are."""
    shared: dict[tuple[int, int], int] = {}
    near = found.neighbours()
    for group, name in enumerate(types):
        if name == COLLECTION:
            continue
        behind = sorted(other for other in near[group] if types[other] == COLLECTION)
        for place, one in enumerate(behind):
            for other in behind[place + 1 :]:
                pair = (one, other)
                shared[pair] = shared.get(pair, 0) + len(found.groups[group])
    return [(one, other, count) for (one, other), count in sorted(shared.items())]

"""Fold the graph for the page, keeping the attributes of every edge.

Nodes of one type with the same neighbors form a group. A link between two groups represents the
edges between all pairs of their members. A fact is a distinct set of edge attributes. A link refers
to one fact if all its edges have the same attributes, and otherwise to one fact per pair. The page
of a real campaign has 39 links instead of 11,236 edges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphbuild.exporters.html.json_block import json_scalar
from graphbuild.graph.builder import NO_COLLECTION
from graphbuild.graph.views import fold_groups
from graphbuild.models import COLLECTION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphbuild.graph.builder import Graph

NO_COLLECTION_ID = -1  # the node number that represents ``NO_COLLECTION``
_OWN_FIELDS = frozenset({"relation", "related_from", "weight"})


@dataclass(slots=True)
class FoldedGraph:
    """The groups of a graph and the links between them.

    Attributes:
        groups: For each group, the indices of its members in the graph.
        relations: The names of all relations.
        facts: The distinct sets of edge attributes.
        links: Source group, target group, index of the relation, and index of the fact. If the
            edges of the link differ, the last item is a list of indices: one per pair of members,
            ordered by source, then by target.
        pair_counts: Number of edges between two linked groups, by their indices (lower one first).
    """

    groups: list[list[int]]
    relations: list[str] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    links: list[tuple[int, int, int, int | list[int]]] = field(default_factory=list)
    pair_counts: dict[tuple[int, int], int] = field(default_factory=dict)

    def neighbors(self) -> list[list[int]]:
        """Return the indices of the neighboring groups of each group."""
        neighbors: list[list[int]] = [[] for _ in self.groups]
        for one, other in self.pair_counts:
            neighbors[one].append(other)
            if one != other:
                neighbors[other].append(one)
        return neighbors


def fold_for_page(graph: Graph) -> FoldedGraph:
    """Fold ``graph``. Groups have the order of their first members."""
    number = {key: index for index, key in enumerate(graph)}
    groups = _ordered_groups(graph)
    group_of = {key: index for index, members in enumerate(groups) for key in members}
    folded = FoldedGraph([[number[key] for key in members] for members in groups])
    table = _FactTable(number, folded)
    adjacency = dict(graph.adjacency())  # dictionaries are much faster than views of networkx
    for source, members in enumerate(groups):
        rows = [adjacency[member] for member in members]
        for target in dict.fromkeys(group_of[key] for key in rows[0]):
            numbers = [table.add(row[key]) for row in rows for key in groups[target]]
            first = numbers[0]
            facts = first if numbers.count(first) == len(numbers) else numbers
            folded.links.append((source, target, table.relation_of[first], facts))
            pair = (source, target) if source < target else (target, source)
            folded.pair_counts[pair] = folded.pair_counts.get(pair, 0) + len(numbers)
    return folded


def _ordered_groups(graph: Graph) -> list[list[str]]:
    """Return the groups. Groups and their members have the order of the nodes in ``graph``."""
    group_of = {key: index for index, group in enumerate(fold_groups(graph)) for key in group}
    members: dict[int, list[str]] = defaultdict(list)
    for key in graph:
        members[group_of[key]].append(key)
    return list(members.values())


class _FactTable:
    """Collects the distinct sets of edge attributes, since many edges have the same attributes.

    Attributes:
        relation_of: For each fact, the index of its relation.
    """

    def __init__(self, number: Mapping[str, int], folded: FoldedGraph) -> None:
        self.relation_of: list[int] = []
        self._number = number
        self._folded = folded
        self._known: dict[object, int] = {}
        self._relations: dict[str, int] = {}

    def add(self, edge: Mapping[str, Any]) -> int:
        """Return the index of the fact with the attributes of ``edge``; add it if it is new."""
        # Types are part of the key, since True equals 1. Unhashable attributes are not shared.
        values = tuple(edge.values())
        key: object = (*values, *edge, *map(type, values))
        try:
            number = self._known.get(key)
        except TypeError:
            key = id(edge)
            number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self._folded.facts)
            self._folded.facts.append(self._fact(edge))
            self.relation_of.append(self._relation(str(edge.get("relation", ""))))
        return number

    def _relation(self, name: str) -> int:
        number = self._relations.setdefault(name, len(self._relations))
        if number == len(self._folded.relations):
            self._folded.relations.append(name)
        return number

    def _fact(self, edge: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes of an edge.

        Collections are given by node index, or by node key if the view does not contain them.
        """
        fact: dict[str, Any] = {"weight": json_scalar(edge.get("weight"))}
        related_from = edge.get("related_from")
        if isinstance(related_from, (tuple, list, AbstractSet)):
            fact["via"] = [
                NO_COLLECTION_ID if key == NO_COLLECTION else self._number.get(key, key)
                for key in sorted(map(str, related_from))
            ]
        more = {
            str(name): json_scalar(edge[name]) for name in sorted(set(edge) - _OWN_FIELDS, key=str)
        }
        return {**fact, "more": more} if more else fact


def shared_reference_counts(
    folded: FoldedGraph, types: Sequence[str]
) -> list[tuple[int, int, int]]:
    """Return the pairs of collections with common neighbors, and the number of these neighbors."""
    shared: dict[tuple[int, int], int] = {}
    neighbors = folded.neighbors()
    for group, name in enumerate(types):
        if name == COLLECTION:
            continue
        collections = sorted(other for other in neighbors[group] if types[other] == COLLECTION)
        for index, one in enumerate(collections):
            for other in collections[index + 1 :]:
                pair = (one, other)
                shared[pair] = shared.get(pair, 0) + len(folded.groups[group])
    return [(one, other, count) for (one, other), count in sorted(shared.items())]

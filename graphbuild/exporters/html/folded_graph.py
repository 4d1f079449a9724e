"""Fold the graph for the page, and keep the attributes of every edge.

Nodes of one type with the same neighbors form a *group*. A collection, or a report in
``related_from``, is the only member of its group. A *link* from one group to another represents the
edges from each member of the first to each member of the second. A *fact* is a distinct set of edge
attributes. A link refers to one fact if all its edges have the same attributes, and otherwise to
one fact per edge. In one real campaign, 39 links represent 11,236 edges.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from graphbuild.exporters.html.json_block import json_scalar
from graphbuild.graph.builder import NO_COLLECTION
from graphbuild.graph.views import fold_groups
from graphbuild.models import COLLECTION, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphbuild.graph.builder import Graph

    Link = tuple[int, int, int, int | list[int]]

NO_COLLECTION_ID = -1  # represents ``NO_COLLECTION`` in a list of node indices
_OWN_FIELDS = frozenset({"relation", "related_from", "weight"})


@dataclass(frozen=True, slots=True)
class FoldedGraph:
    """The groups of a graph and the links between them."""

    groups: list[list[int]]  # for each group, the indices of its members among the nodes
    relations: list[str]  # the distinct relations of edges
    facts: list[dict[str, Any]]  # the distinct sets of edge attributes
    # For each link, four items: the indices of its source group, its target group, its relation and
    # its fact. If the edges of the link have different facts, the last item is a list: the index of
    # the fact of each edge, ordered by source, then by target.
    links: list[Link]
    pairs: set[tuple[int, int]]  # the indices of each two linked groups, the lower one first

    def neighbors(self) -> list[list[int]]:
        """Return, for each group, the indices of the groups to which links connect it."""
        neighbors: list[list[int]] = [[] for _ in self.groups]
        for one, other in self.pairs:
            neighbors[one].append(other)
            if one != other:
                neighbors[other].append(one)
        return neighbors


def fold_for_page(graph: Graph) -> FoldedGraph:
    """Return the folded graph. Groups and their members are in the order of the nodes."""
    keys = list(graph)
    number = {key: index for index, key in enumerate(keys)}
    groups = sorted(sorted(number[key] for key in members) for members in fold_groups(graph))
    members_of = [[keys[index] for index in group] for group in groups]
    group_of = {key: index for index, members in enumerate(members_of) for key in members}
    table = _FactTable(number)
    links: list[Link] = []
    adjacency = dict(graph.adjacency())  # dictionaries are much faster than views of networkx
    for source, members in enumerate(members_of):
        rows = [adjacency[member] for member in members]
        for target in dict.fromkeys(group_of[key] for key in rows[0]):
            numbers = [table.add(row[key]) for row in rows for key in members_of[target]]
            first = numbers[0]
            facts = first if numbers.count(first) == len(numbers) else numbers
            links.append((source, target, table.relation_of[first], facts))
    pairs = {(min(source, target), max(source, target)) for source, target, _, _ in links}
    return FoldedGraph(groups, list(table.relations), table.facts, links, pairs)


class _FactTable:
    """Collects the distinct sets of edge attributes; many edges have the same attributes."""

    def __init__(self, number: Mapping[str, int]) -> None:
        self.facts: list[dict[str, Any]] = []
        self.relation_of: list[int] = []  # for each fact, the index of its relation
        self.relations: dict[str, int] = {}  # index of each relation by name
        self._number = number
        self._known: dict[object, int] = {}

    def add(self, edge: Mapping[str, Any]) -> int:
        """Return the index of the fact with the attributes of ``edge``; add it if it is new."""
        # The key contains the types of the values, because True equals 1. Lists and some other
        # values cannot be part of a key, so an edge with such a value has a fact of its own.
        values = tuple(edge.values())
        key: object = (*values, *edge, *map(type, values))
        try:
            number = self._known.get(key)
        except TypeError:
            key = id(edge)
            number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self.facts)
            self.facts.append(self._fact(edge))
            relation = str(edge.get("relation", ""))
            self.relation_of.append(self.relations.setdefault(relation, len(self.relations)))
        return number

    def _fact(self, edge: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes of an edge, except the relation, as they are in the data block.

        ``via`` replaces ``related_from``: it lists the index of each collection or report among the
        nodes, its node key if the graph does not contain it, or ``NO_COLLECTION_ID``. ``more``
        contains the remaining attributes.
        """
        fact: dict[str, Any] = {"weight": json_scalar(edge.get("weight"))}
        related_from = edge.get("related_from")
        if isinstance(related_from, (tuple, list, AbstractSet)):
            fact["via"] = [
                NO_COLLECTION_ID if key == NO_COLLECTION else self._number.get(key, key)
                for key in sorted(map(str, related_from))
            ]
        others = sorted(edge.keys() - _OWN_FIELDS, key=str)
        more = {str(name): json_scalar(edge[name]) for name in others}
        return {**fact, "more": more} if more else fact


def observed_pairs(folded: FoldedGraph, types: Sequence[str]) -> set[tuple[int, int]]:
    """Return the pairs of a subject and a collection that occur together in an observation.

    Each is given by the index of its group. ``types`` has the node type of each group.
    """
    group_of = {node: group for group, members in enumerate(folded.groups) for node in members}
    collections = [
        {group_of[node] for node in fact.get("via", ()) if node in group_of}
        for fact in folded.facts
    ]
    return {
        (source, group)
        for source, _, _, facts in folded.links
        for fact in ({facts} if isinstance(facts, int) else set(facts))
        for group in collections[fact]
        if types[group] == COLLECTION
    }


def shared_reference_counts(
    folded: FoldedGraph, types: Sequence[str]
) -> list[tuple[int, int, int]]:
    """Return each pair of collections that share references, and the number of these references.

    A collection is given by the index of its group. ``types`` has the node type of each group.
    """
    collections_of: dict[int, list[int]] = defaultdict(list)
    for source, target, _, _ in folded.links:
        if types[source] == REFERENCE and types[target] == COLLECTION:
            collections_of[source].append(target)
    shared: Counter[tuple[int, int]] = Counter()
    for group, collections in collections_of.items():
        for pair in combinations(sorted(collections), 2):
            shared[pair] += len(folded.groups[group])
    return [(*pair, count) for pair, count in sorted(shared.items())]

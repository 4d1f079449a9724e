"""A graph becomes another one that shows less, and says what it left out.

Real graphs are stacks of bicliques: an answer gives a file all references of all its collections,
so files of one collection have the same neighbours. To fold them loses nothing.

A view keeps the contract of :mod:`graphbuild.graph.builder`, so each exporter takes it, with
relations of its own where an edge is none of the API's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import sha256
from itertools import combinations
from typing import TYPE_CHECKING, Any

import networkx as nx

from graphbuild.models import COLLECTION, INFERRED, OBSERVED, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Graph = nx.DiGraph[str]

SHARED_REFERENCES = "shared_references"  # the relation of two nodes that have references in common
DERIVED_VIEWS = frozenset({"files", "collections", "folded"})  # views in which not all was told
_FOLDED = "folded-from"  # what a node or an edge stands for; no name of an answer has a hyphen


# --- folding -------------------------------------------------------------------------------------


def fold_groups(graph: Graph) -> list[list[str]]:
    """Nodes of one type with exactly the same neighbours, together; collections stay alone.

    Every link between two groups stands for all pairs of their members, so nothing is lost, and
    to fold once more changes nothing. Groups and members are sorted by node key.
    """
    number = {node: place for place, node in enumerate(graph)}
    relations: dict[object, int] = {}
    near: list[list[int]] = [[] for _ in number]  # numbers sort and hash faster than keys
    for source, neighbours in graph.adjacency():  # plain dictionaries: far faster than the views
        one = number[source]
        for target, edge in neighbours.items():
            relation = relations.setdefault(edge.get("relation"), len(relations)) * len(number)
            other = number[target]
            near[one].append(relation + other)
            near[other].append(~(relation + one))  # below zero: it leads here
    alike: dict[object, list[str]] = defaultdict(list)
    kinds = {node: known["type"] for node, known in graph.nodes(data=True)}
    for node in sorted(graph):
        alone = node if kinds[node] == COLLECTION else None
        alike[kinds[node], alone, tuple(sorted(near[number[node]]))].append(node)
    return list(alike.values())


def fold(graph: Graph) -> Graph:
    """Nodes of one type with exactly the same neighbours become one.

    Args:
        graph: any that keeps the contract of :mod:`graphbuild.graph.builder`; it is not changed.

    Returns:
        A graph in which a node that stands for several tells how many (``group_size``), their keys
        with one space between (``group_members``), a label such as "Report A and 24 more", and the
        earliest ``creation_date`` among them, where any has one: since then the group is there. An
        edge weighs what all it stands for weigh, and is observed if all of them are.
        :func:`unfold` gives the whole back.
    """
    groups = fold_groups(graph)
    keys = {member: _group_key(graph, group) for group in groups for member in group}
    members = {keys[group[0]]: group for group in groups}
    folded: Graph = nx.DiGraph()
    folded.add_nodes_from(  # in the order in which their first members stand
        (key, _group(graph, key, members[key]))
        for key in dict.fromkeys(keys[node] for node in graph)
    )
    pairs: dict[tuple[str, str], dict[tuple[str, str], dict[str, Any]]] = defaultdict(dict)
    for source, target, edge in graph.edges(data=True):
        pairs[keys[source], keys[target]][source, target] = edge
    folded.add_edges_from((*ends, _bundle(edges)) for ends, edges in pairs.items())
    return folded


def unfold(folded: Graph) -> Graph:
    """The graph that was folded, in all it held; a graph that is not folded as it is."""
    graph: Graph = nx.DiGraph()
    for key, node in folded.nodes(data=True):
        graph.add_nodes_from((m, dict(told)) for m, told in node.get(_FOLDED, {key: node}).items())
    for source, target, edge in folded.edges(data=True):
        pairs = edge.get(_FOLDED, {(source, target): edge})
        graph.add_edges_from((*ends, dict(told)) for ends, told in pairs.items())
    return graph


def _group_key(graph: Graph, group: Sequence[str]) -> str:
    if len(group) == 1:
        return group[0]
    digest = sha256("\n".join(group).encode()).hexdigest()
    return f"{graph.nodes[group[0]]['type']}:group-{digest[:16]}"


def _group(graph: Graph, key: str, group: Sequence[str]) -> dict[str, Any]:
    """The attributes of a node that stands for a group."""
    if len(group) == 1:
        return dict(graph.nodes[group[0]])
    nodes = [graph.nodes[member] for member in group]
    told: dict[str, Any] = {
        "type": nodes[0]["type"],
        "label": f"{nodes[0]['label']} and {len(group) - 1:,} more",
        "id": key.partition(":")[2],
        "group_size": len(group),
        "group_members": " ".join(group),
        _FOLDED: dict(zip(group, nodes, strict=True)),
    }
    dates = [node.get("creation_date") for node in nodes]
    known = [date for date in dates if type(date) is int and date > 0]
    if known:
        told["creation_date"] = min(known)
    for name in ("seed", "state"):
        stated = {node.get(name) for node in nodes} - {None}
        if len(stated) == 1:
            told[name] = stated.pop()
    return told


def _bundle(edges: Mapping[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    """The attributes of an edge that stands for all pairs of two groups."""
    all_of = list(edges.values())
    if len(all_of) == 1:
        return dict(all_of[0])
    told = {"relation": all_of[0]["relation"], "weight": sum(e["weight"] for e in all_of)}
    if "related_from" in all_of[0]:
        behind = {key for edge in all_of for key in edge["related_from"]}
        told["related_from"] = tuple(sorted(behind))
    if "provenance" in all_of[0]:
        observed = all(edge["provenance"] == OBSERVED for edge in all_of)
        told["provenance"] = OBSERVED if observed else INFERRED
    for name, choose in (("first_seen", min), ("last_seen", max)):
        seen = [edge[name] for edge in all_of if name in edge]
        if seen:
            told[name] = choose(seen)
    return {**told, _FOLDED: dict(edges)}


# --- views ---------------------------------------------------------------------------------------


def view(graph: Graph, name: str) -> Graph:
    """One of :data:`VIEWS` of ``graph``, which is not changed.

    Raises:
        ValueError: there is no such view.
    """
    if name not in VIEWS:
        raise ValueError(f"no view {name!a}; we have {', '.join(VIEWS)}")
    return VIEWS[name](graph)


def _full(graph: Graph) -> Graph:
    return graph


def folded_view(graph: Graph) -> Graph:
    """What :func:`fold` gives, without what is needed to unfold it: for files."""
    folded = fold(graph)
    for _, told in folded.nodes(data=True):
        told.pop(_FOLDED, None)
    for _, _, told in folded.edges(data=True):
        told.pop(_FOLDED, None)
    return folded


def files_view(graph: Graph) -> Graph:
    """What was asked about, tied by the references that two have in common; ``weight`` counts them.

    Files, and domains, addresses and URLs beside them; each pair once.
    """
    kept = [key for key in graph if graph.nodes[key]["type"] not in {REFERENCE, COLLECTION}]
    return _projected(graph, kept, {key: _references(graph, graph.succ[key]) for key in kept})


def collections_view(graph: Graph) -> Graph:
    """Collections, tied by the references that stand in both; ``weight`` counts them."""
    kept = [key for key in graph if graph.nodes[key]["type"] == COLLECTION]
    return _projected(graph, kept, {key: _references(graph, graph.pred[key]) for key in kept})


def backbone_view(graph: Graph) -> Graph:
    """All, but of references with exactly the same neighbours only the first.

    It ties what they all tie, so nobody is cut off, and tells for how many it stands
    (``group_size``).
    """
    kept: set[str] = set()
    sizes: dict[str, int] = {}
    for group in fold_groups(graph):
        if graph.nodes[group[0]]["type"] == REFERENCE and len(group) > 1:
            sizes[group[0]] = len(group)
            kept.add(group[0])
        else:
            kept.update(group)
    chosen: Graph = nx.DiGraph()  # in the order of the graph, edges too: a subgraph has another
    chosen.add_nodes_from((key, dict(graph.nodes[key])) for key in graph if key in kept)
    chosen.add_edges_from(
        (source, target, dict(edge))
        for source, target, edge in graph.edges(data=True)
        if source in kept and target in kept
    )
    for reference, size in sizes.items():
        chosen.nodes[reference]["group_size"] = size
    return chosen


def _references(graph: Graph, neighbours: Iterable[str]) -> frozenset[str]:
    return frozenset(key for key in neighbours if graph.nodes[key]["type"] == REFERENCE)


def _projected(graph: Graph, kept: Sequence[str], lists: Mapping[str, frozenset[str]]) -> Graph:
    """``kept`` nodes, each pair tied by how many references both have in their list."""
    alike: dict[frozenset[str], list[str]] = defaultdict(list)  # lists come by the hundred
    for key in kept:
        alike[lists[key]].append(key)
    groups = list(alike.values())
    projected: Graph = nx.DiGraph()
    projected.add_nodes_from((key, dict(graph.nodes[key])) for key in kept)
    for group, references in zip(groups, alike, strict=True):
        if references:
            _tie(projected, combinations(group, 2), len(references))
    for (one, other), shared in sorted(_shared(list(alike)).items()):
        pairs = ((a, b) for a in groups[one] for b in groups[other])
        _tie(projected, pairs, shared)
    return projected


def _shared(lists: Sequence[frozenset[str]]) -> Counter[tuple[int, int]]:
    """For each two of ``lists`` how many they have in common, if any."""
    having: dict[str, list[int]] = defaultdict(list)
    for index, references in enumerate(lists):
        for reference in references:
            having[reference].append(index)
    # References in the same lists add the same pairs: so many at once.
    times = Counter(tuple(indices) for indices in having.values())
    shared: Counter[tuple[int, int]] = Counter()
    for indices, count in times.items():
        for pair in combinations(indices, 2):
            shared[pair] += count
    return shared


def _tie(graph: Graph, pairs: Iterable[tuple[str, str]], shared: int) -> None:
    graph.add_edges_from(pairs, relation=SHARED_REFERENCES, weight=shared)


def is_derived(graph: Graph) -> bool:
    """Whether something in a graph was told by no answer: a tie that was counted, or a group."""
    if any("group_members" in node for node in graph.nodes.values()):
        return True
    return any(edge.get("relation") == SHARED_REFERENCES for _, _, edge in graph.edges(data=True))


VIEWS: Mapping[str, Callable[[Graph], Graph]] = {
    "full": _full,
    "files": files_view,
    "collections": collections_view,
    "backbone": backbone_view,
    "folded": folded_view,
}

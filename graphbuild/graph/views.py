"""Views of a graph: fold nodes with the same neighbors, or leave out references.

In real graphs, many files have exactly the same neighbors, because the API returns all references
of a collection for each file in the collection. :func:`fold` merges such files into one node, and
likewise references with the same neighbors. :func:`unfold` restores the nodes. The formats STIX and
MISP refuse ``DERIVED_VIEWS``. All other export formats accept all views.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import sha256
from itertools import chain, combinations, product
from typing import TYPE_CHECKING, Any

import networkx as nx

from graphbuild.graph.clusters import CLUSTER, CLUSTER_NAME, SUBCLUSTER
from graphbuild.models import COLLECTION, INFERRED, OBSERVED, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from graphbuild.graph.builder import Graph

SHARED_REFERENCES = "shared_references"  # relation of the edges that a projection adds
OBSERVED_WITH = "observed_with"  # relation of an edge from a file to a collection
# These views can have nodes or edges that no response contains.
DERIVED_VIEWS = frozenset({"files", "collections", "files-collections", "folded"})
# The attribute of a folded node or edge that maps the keys of the original nodes or edges to their
# attributes. No API attribute has this name, because the parser rejects names with a hyphen.
_FOLDED = "folded-from"


# --- folding -------------------------------------------------------------------------------------


def fold_groups(graph: Graph) -> list[list[str]]:
    """Return groups of the keys of nodes with the same type, neighbors and relations to them.

    Each collection is a group of its own, and so is each report in ``related_from``. Between the
    nodes of two groups, there is an edge either for every pair of nodes or for no pair. Therefore,
    folding a folded graph again changes nothing. The keys in a group are sorted, and groups are
    sorted by their first key.
    """
    number = {node: index for index, node in enumerate(graph)}
    named: set[str] = set()  # keys in ``related_from``, which must remain keys of nodes
    relations: dict[object, int] = {}
    # For each node, one integer per edge that represents the relation, the direction and the
    # neighbor. Integers are compared faster than keys.
    neighbors: list[list[int]] = [[] for _ in number]
    for source, targets in graph.adjacency():
        one = number[source]
        for target, edge in targets.items():
            relation = relations.setdefault(edge.get("relation"), len(relations)) * len(number)
            other = number[target]
            neighbors[one].append(relation + other)
            neighbors[other].append(~(relation + one))  # negative: an incoming edge
            named.update(edge.get("related_from") or ())
    groups: dict[object, list[str]] = defaultdict(list)
    types = {node: attributes["type"] for node, attributes in graph.nodes(data=True)}
    for node in sorted(graph):
        alone = node if types[node] == COLLECTION or node in named else None
        groups[types[node], alone, tuple(sorted(neighbors[number[node]]))].append(node)
    return list(groups.values())


def fold(graph: Graph) -> Graph:
    """Return a new graph in which each group of :func:`fold_groups` is one node.

    A node for several nodes has a label such as "Report A and 24 more". Its attribute
    ``group_size`` is the number of nodes in the group, and ``group_members`` contains their keys,
    separated by spaces. ``creation_date`` is the earliest known date in the group. The node has
    ``seed`` if all nodes of the group that have this attribute have the same value; the same
    applies to ``state``, ``cluster``, ``cluster_name`` and ``subcluster``.

    An edge between two groups replaces all edges between their nodes. Its weight is the sum of the
    weights of the replaced edges. Its provenance is ``observed`` if all replaced edges are
    observed, otherwise ``inferred``. Its ``related_from`` contains the collections of all replaced
    edges. It has the earliest ``first_seen`` and the latest ``last_seen`` of the replaced edges.
    """
    members = {_group_key(graph, group): group for group in fold_groups(graph)}
    keys = {member: key for key, group in members.items() for member in group}
    folded: Graph = nx.DiGraph(**graph.graph)
    folded.add_nodes_from(
        (key, _group_attributes(graph, key, members[key]))
        for key in dict.fromkeys(keys[node] for node in graph)  # in the order of the graph
    )
    pairs: dict[tuple[str, str], dict[tuple[str, str], dict[str, Any]]] = defaultdict(dict)
    for source, target, edge in graph.edges(data=True):
        pairs[keys[source], keys[target]][source, target] = edge
    folded.add_edges_from((*ends, _merged_edge(edges)) for ends, edges in pairs.items())
    return folded


def unfold(folded: Graph) -> Graph:
    """Return the graph from which :func:`fold` made ``folded``; the order of nodes may differ.

    The result of :func:`folded_view` cannot be unfolded.
    """
    graph: Graph = nx.DiGraph(**folded.graph)
    for key, node in folded.nodes(data=True):
        members = node.get(_FOLDED, {key: node})
        graph.add_nodes_from((member, dict(known)) for member, known in members.items())
    for source, target, edge in folded.edges(data=True):
        pairs = edge.get(_FOLDED, {(source, target): edge})
        graph.add_edges_from((*ends, dict(known)) for ends, known in pairs.items())
    return graph


def _group_key(graph: Graph, group: Sequence[str]) -> str:
    if len(group) == 1:
        return group[0]
    digest = sha256("\n".join(group).encode()).hexdigest()
    return f"{graph.nodes[group[0]]['type']}:group-{digest[:16]}"


def _group_attributes(graph: Graph, key: str, group: Sequence[str]) -> dict[str, Any]:
    if len(group) == 1:
        return dict(graph.nodes[group[0]])
    nodes = [graph.nodes[member] for member in group]
    attributes: dict[str, Any] = {
        "type": nodes[0]["type"],
        "label": f"{nodes[0]['label']} and {len(group) - 1:,} more",
        "id": key.partition(":")[2],
        "group_size": len(group),
        "group_members": " ".join(group),
        _FOLDED: dict(zip(group, nodes, strict=True)),
    }
    dates = [node.get("creation_date") for node in nodes]
    if known := [date for date in dates if type(date) is int and date > 0]:
        attributes["creation_date"] = min(known)
    for name in ("seed", "state", CLUSTER, CLUSTER_NAME, SUBCLUSTER):
        values = {node.get(name) for node in nodes} - {None}
        if len(values) == 1:
            attributes[name] = values.pop()
    return attributes


def _merged_edge(edges: Mapping[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    """Return the attributes of the edge with which :func:`fold` replaces ``edges``."""
    members = list(edges.values())
    first = members[0]
    if len(members) == 1:
        return dict(first)
    merged = {"relation": first["relation"], "weight": sum(edge["weight"] for edge in members)}
    if "related_from" in first:
        collections = {key for edge in members for key in edge["related_from"]}
        merged["related_from"] = tuple(sorted(collections))
    if "provenance" in first:
        observed = all(edge["provenance"] == OBSERVED for edge in members)
        merged["provenance"] = OBSERVED if observed else INFERRED
    for name, choose in (("first_seen", min), ("last_seen", max)):
        times = [edge[name] for edge in members if name in edge]
        if times:
            merged[name] = choose(times)
    return {**merged, _FOLDED: dict(edges)}


# --- views ---------------------------------------------------------------------------------------


def view(graph: Graph, name: str) -> Graph:
    """Return the view of ``graph`` that ``VIEWS`` lists under ``name``.

    ``graph`` is not changed. The view ``full`` is ``graph`` itself.

    Raises:
        ValueError: No view has this name.
    """
    if name not in VIEWS:
        raise ValueError(f"no view {name!a}; choose from {', '.join(VIEWS)}")
    return VIEWS[name](graph)


def folded_view(graph: Graph) -> Graph:
    """Return the folded graph for export, without the data that :func:`unfold` needs."""
    folded = fold(graph)
    for attributes in chain(folded.nodes.values(), folded.edges.values()):
        attributes.pop(_FOLDED, None)
    return folded


def files_view(graph: Graph) -> Graph:
    """Return the graph of all files, domains, IP addresses and URLs.

    An edge connects any two of these nodes that share references. The weight of an edge is the
    number of shared references. Its direction has no meaning. References that only a link of
    ``--depth`` connects to a node are not counted.
    """
    kept = [key for key in graph if graph.nodes[key]["type"] not in {REFERENCE, COLLECTION}]
    return _project(graph, kept, graph.succ)


def collections_view(graph: Graph) -> Graph:
    """Return the graph of collections, with an edge between any two that share references.

    The weight of an edge is the number of shared references. Its direction has no meaning.
    References that only a link of ``--depth`` connects to a collection are not counted.
    """
    kept = [key for key in graph if graph.nodes[key]["type"] == COLLECTION]
    return _project(graph, kept, graph.pred)


def files_collections_view(graph: Graph) -> Graph:
    """Return the graph of collections and all files, domains, IP addresses and URLs.

    An edge from a node to a collection means that some observation contains both. The weight of an
    edge is the number of references of these observations. A path from a node through a reference
    to a collection alone gives no edge, because its edges can belong to different observations.
    """
    bipartite: Graph = nx.DiGraph(**graph.graph)
    bipartite.add_nodes_from(
        (key, dict(node)) for key, node in graph.nodes.items() if node["type"] != REFERENCE
    )
    for subject, neighbors in graph.adjacency():
        if subject not in bipartite:
            continue
        named = chain.from_iterable(edge.get("related_from") or () for edge in neighbors.values())
        for key, count in Counter(named).items():
            if key in bipartite and graph.nodes[key]["type"] == COLLECTION:
                bipartite.add_edge(subject, key, relation=OBSERVED_WITH, weight=count)
    return bipartite


def backbone_view(graph: Graph) -> Graph:
    """Return the graph with only the first reference of each group of :func:`fold_groups`.

    All other nodes stay connected, because all references of a group have the same neighbors. If a
    group has several references, the attribute ``group_size`` of the first reference is their
    number.
    """
    backbone = graph.copy()
    for group in fold_groups(graph):
        if graph.nodes[group[0]]["type"] == REFERENCE and len(group) > 1:
            backbone.nodes[group[0]]["group_size"] = len(group)
            backbone.remove_nodes_from(group[1:])
    return backbone


def _project(graph: Graph, kept: Sequence[str], neighbors: Mapping[str, Iterable[str]]) -> Graph:
    """Return the graph of the nodes ``kept``, with an edge between any two that share references.

    ``neighbors`` maps the key of each node to the keys of its neighbors, including its references.
    """
    # Each distinct set of references is compared only once, because many nodes have the same set.
    groups: dict[frozenset[str], list[str]] = defaultdict(list)
    for key in kept:
        references = (each for each in neighbors[key] if graph.nodes[each]["type"] == REFERENCE)
        groups[frozenset(references)].append(key)
    members = list(groups.values())
    projected: Graph = nx.DiGraph(**graph.graph)
    projected.add_nodes_from((key, dict(graph.nodes[key])) for key in kept)
    for common, group in groups.items():
        if common:
            _connect(projected, combinations(group, 2), len(common))
    for (one, other), count in sorted(_shared_counts(list(groups)).items()):
        _connect(projected, product(members[one], members[other]), count)
    return projected


def _shared_counts(sets: Sequence[frozenset[str]]) -> Counter[tuple[int, int]]:
    """Return, by the indices of two sets that overlap, the number of their common elements."""
    containing: dict[str, list[int]] = defaultdict(list)
    for index, references in enumerate(sets):
        for reference in references:
            containing[reference].append(index)
    # References that are in the same sets are counted together, because there are many of them.
    counts: Counter[tuple[int, int]] = Counter()
    for indices, count in Counter(map(tuple, containing.values())).items():
        for pair in combinations(indices, 2):
            counts[pair] += count
    return counts


def _connect(graph: Graph, pairs: Iterable[tuple[str, str]], shared: int) -> None:
    graph.add_edges_from(pairs, relation=SHARED_REFERENCES, weight=shared)


def is_derived(graph: Graph) -> bool:
    """Return whether a graph has a node that stands for several, or an edge that a view added."""
    return any("group_members" in node for node in graph.nodes.values()) or any(
        edge.get("relation") in {SHARED_REFERENCES, OBSERVED_WITH}
        for _, _, edge in graph.edges(data=True)
    )


VIEWS: Mapping[str, Callable[[Graph], Graph]] = {
    "full": lambda graph: graph,
    "files": files_view,
    "collections": collections_view,
    "files-collections": files_collections_view,
    "backbone": backbone_view,
    "folded": folded_view,
}

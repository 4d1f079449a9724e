"""Observations become the graph file -> reference -> collection.

The API states ternary facts: this file is related to this reference, because of this collection.
A path graph alone would lose them: from (F1, R, C1) and (F2, R, C2) it also contains F1 -> R -> C2,
which nobody observed. So each file -> reference edge lists the collections that stand behind it,
and ``extract_observations`` gives back exactly the triples that went in.

The contract of the graph:

* node key ``type:id``; node attributes ``type`` and ``label`` (never absent), ``id``, then the
  API's own names (``url``, ``title``, ``author``, ``creation_date``, ``name``, ...) where known;
  subjects carry ``seed`` (bool), ``state`` (how complete the answer is), what the ledger tells,
  under names that begin with ``crawl_``, and what a seed list says beside a seed, under names that
  begin with ``seed_``, when a store says so; nothing an answer says under these names reaches the
  graph;
* edge attributes ``relation`` (``related_references`` or ``related_from``; ``files`` or
  ``references`` where a crawl went deeper), ``weight`` (how many
  observations stand behind it) and, on ``related_references``, ``related_from``: the sorted node
  keys of the collections, with ``NO_COLLECTION`` standing for "through none that was named", and
  ``provenance``: ``observed`` in an answer, or ``inferred`` from what other answers prove; with
  ``times``, ``first_seen`` and ``last_seen``: when answers said so (UTC, ISO 8601). Where two
  nodes are tied in both ways, the edge is a ``related_references`` one that weighs both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx

from graphbuild._util import format_timestamp
from graphbuild.errors import ExportError
from graphbuild.models import (
    LOCAL_ATTRIBUTE_PREFIXES,
    OBSERVED,
    RELATED_REFERENCES,
    Entity,
    Link,
    Observation,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RELATED_FROM = "related_from"
NO_COLLECTION = "-"
_GRAPHS = frozenset({"type", "label", "id"})  # node attributes that are the graph's own
_OURS = _GRAPHS | {"seed", "state"}  # and those that only the store can tell


def build_graph(
    observations: Iterable[Observation],
    *,
    subjects: Iterable[Entity] = (),
    links: Iterable[Link] = (),
    times: bool = False,
) -> nx.DiGraph[str]:
    """The customary picture of ``observations``, as a directed graph.

    Args:
        observations: ternary facts, in the order the nodes shall stand.
        subjects: entities to show even if nothing is known of them, such as the seeds; their
            attributes (``seed``, ``state``) go onto their nodes.
        links: what a crawl that went deeper found: files and references of nodes.
        times: whether edges tell when they were seen first and last.

    Returns:
        A graph that keeps the contract told at the top of this module.
    """
    builder = _Builder(times=times)
    for subject in subjects:
        builder.add_node(subject, of_answer=False)
    for observation in observations:
        builder.add_observation(observation)
    for link in links:
        builder.add_link(link)
    return builder.graph


def extract_observations(graph: nx.DiGraph[str]) -> Iterator[Observation]:
    """The observations a graph was built from, each once, in the order of its edges."""
    entities: dict[str, Entity] = {}

    def entity(key: str) -> Entity:
        if key not in entities:
            entities[key] = _entity(graph, key)
        return entities[key]

    for source, target, edge in graph.edges(data=True):
        if edge["relation"] != RELATED_REFERENCES:
            continue
        for key in edge["related_from"]:
            behind = None if key == NO_COLLECTION else entity(key)
            provenance = edge.get("provenance", OBSERVED)
            yield Observation(entity(source), entity(target), behind, provenance)


def extract_links(graph: nx.DiGraph[str]) -> Iterator[Link]:
    """The links a graph was built from, in the order of its edges."""
    for source, target, edge in graph.edges(data=True):
        if edge["relation"] not in {RELATED_REFERENCES, RELATED_FROM}:
            yield Link(_entity(graph, source), edge["relation"], _entity(graph, target))


def validate_graph(graph: nx.Graph[str]) -> None:
    """Refuse a graph that does not keep the contract where nothing could be said of it then.

    Raises:
        ExportError: it has no directions, or several edges between two nodes, or a node that
            tells no type or no label.
    """
    if not graph.is_directed() or graph.is_multigraph():
        raise ExportError(
            f"a networkx.{type(graph).__name__} does not say what is related to what; give the"
            " DiGraph that build_graph made, or a view of it"
        )
    for key, known in graph.nodes(data=True):
        for name in ("type", "label"):
            if known.get(name) is None:
                raise ExportError(
                    f"node {str(key)[:80]!a} has no {name}, which every node must have; give the"
                    f" DiGraph that build_graph made, or set {name!r} on each node"
                )


def restore_node_order(graph: nx.DiGraph[str]) -> nx.DiGraph[str]:
    """``graph``; if it is a view of networkx, what it shows in the order of the graph behind it.

    Nodes stand in its order, the edges of each in that of their other ends. By itself a view, such
    as ``graph.subgraph(nodes)``, stands in the order of a set, another one in each run of Python.
    """
    behind = graph
    while hasattr(behind, "_graph"):
        behind = behind._graph  # noqa: SLF001  networkx has no other name for it
    if behind is graph:
        return graph
    places = {key: place for place, key in enumerate(behind)}
    ordered: nx.DiGraph[str] = nx.DiGraph()
    ordered.graph.update(graph.graph)
    ordered.add_nodes_from((key, graph.nodes[key]) for key in sorted(graph, key=places.__getitem__))
    for source in list(ordered):
        targets = sorted(graph.adj[source], key=places.__getitem__)
        ordered.add_edges_from((source, target, graph.adj[source][target]) for target in targets)
    return ordered


def _entity(graph: nx.DiGraph[str], key: str) -> Entity:
    """What the API says of a node, without what the graph and the store added."""
    node = graph.nodes[key]
    known = {name: value for name, value in node.items() if not _is_ours(name)}
    return Entity(node["type"], node["id"], known)


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith(LOCAL_ATTRIBUTE_PREFIXES)


class _Builder:
    """A graph that grows.

    A campaign names the same few entities a million times, as the same objects. What was added
    last of an entity is remembered, so that the same again is known at a glance.
    """

    def __init__(self, *, times: bool) -> None:
        self.graph: nx.DiGraph[str] = nx.DiGraph()
        self._times = times
        self._latest: dict[str, Entity] = {}  # what was said last of a node
        self._keys: dict[int, str] = {}  # of those, by who they are
        self._unions: dict[tuple[tuple[str, ...], str], tuple[str, ...]] = {}

    def add_node(self, entity: Entity, *, of_answer: bool = True) -> str:
        """Add what is known of an entity, and give its key; a bare mention erases nothing.

        Some names mean something of ours, whatever an answer says under them.
        """
        known = self._keys.get(id(entity))
        if known is not None:
            return known
        key = entity.key
        if key in self._latest:
            del self._keys[id(self._latest[key])]
        self._latest[key], self._keys[id(entity)] = entity, key
        if key not in self.graph:
            self.graph.add_node(key, type=entity.type, label=entity.label, id=entity.id)
        node, said = self.graph.nodes[key], entity.attributes.items()
        if not said <= node.items():
            reserved = _is_ours if of_answer else _GRAPHS.__contains__
            node.update((name, value) for name, value in said if not reserved(name))
            node["label"] = Entity(entity.type, entity.id, node).label
        return key

    def add_observation(self, observation: Observation) -> None:
        """Add the edges of one, or what it adds to them."""
        source = self.add_node(observation.subject)
        target = self.add_node(observation.reference)
        related_from = observation.related_from
        behind = NO_COLLECTION if related_from is None else self.add_node(related_from)
        edge = self._edge(source, target)
        edge["relation"] = RELATED_REFERENCES
        if edge.get("provenance") != OBSERVED:  # once observed is observed
            edge["provenance"] = observation.provenance
        if self._times:
            _see(edge, observation)
        seen: tuple[str, ...] = edge.get("related_from", ())
        if behind in seen:
            return
        edge["related_from"] = self._union(seen, behind)
        edge["weight"] += 1
        if related_from is not None and (target, behind) != (source, target):
            self._edge(target, behind)["weight"] += 1

    def add_link(self, link: Link) -> None:
        """Add an edge, where there is none yet."""
        source, target = self.add_node(link.source), self.add_node(link.target)
        if source != target and not self.graph.has_edge(source, target):
            self.graph.add_edge(source, target, relation=link.relationship, weight=1)

    def _edge(self, source: str, target: str) -> dict[str, Any]:
        """The attributes of an edge; a new one is made where there is none."""
        edge: dict[str, Any] | None = self.graph.get_edge_data(source, target)
        if edge is not None:
            return edge
        self.graph.add_edge(source, target, relation=RELATED_FROM, weight=0)
        return self._edge(source, target)

    def _union(self, seen: tuple[str, ...], behind: str) -> tuple[str, ...]:
        """Both, sorted; the same tuple for all edges behind which the same stand."""
        union = self._unions.get((seen, behind))
        if union is None:
            union = self._unions[seen, behind] = tuple(sorted((*seen, behind)))
        return union


def _see(edge: dict[str, Any], observation: Observation) -> None:
    """When the edge was seen first and last: the earliest and latest of what stands behind it."""
    if observation.first_seen is not None:
        first = format_timestamp(observation.first_seen)
        edge["first_seen"] = min(first, edge.get("first_seen", first))
    if observation.last_seen is not None:
        last = format_timestamp(observation.last_seen)
        edge["last_seen"] = max(last, edge.get("last_seen", last))

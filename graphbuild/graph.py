"""Observations become the graph file -> reference -> collection.

The API states ternary facts: this file is related to this reference, because of this collection.
A path graph alone would lose them: from (F1, R, C1) and (F2, R, C2) it also contains F1 -> R -> C2,
which nobody observed. So each file -> reference edge lists the collections that stand behind it,
and ``observations_of`` gives back exactly the triples that went in.

The contract of the graph:

* node key ``type:id``; node attributes ``type`` and ``label`` (never absent), ``id``, then the
  API's own names (``url``, ``title``, ``author``, ``creation_date``, ``name``, ...) where known;
  subjects carry ``seed`` (bool) and ``state`` (how complete the answer is) when a store says so,
  and nothing an answer says under these five names reaches the graph; what a seed list says of a
  seed stands under names that begin with ``seed_``, and no answer's does;
* edge attributes ``relation`` (``related_references`` or ``related_from``), ``weight`` (how many
  observations stand behind it) and, on ``related_references``, ``related_from``: the sorted node
  keys of the collections, with ``NO_COLLECTION`` standing for "through none that was named", and
  ``evidence``: ``observed`` in an answer, or ``inferred`` from what other answers prove. Where two
  nodes are tied in both ways, the edge is a ``related_references`` one that weighs both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx

from graphbuild.entities import SEED_PREFIX, Entity
from graphbuild.observations import OBSERVED, Observation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RELATED_REFERENCES = "related_references"
RELATED_FROM = "related_from"
NO_COLLECTION = "-"
_GRAPHS = frozenset({"type", "label", "id"})  # node attributes that are the graph's own
_OURS = _GRAPHS | {"seed", "state"}  # and those that only the store can tell


def build_graph(
    observations: Iterable[Observation], *, subjects: Iterable[Entity] = ()
) -> nx.DiGraph[str]:
    """The customary picture of ``observations``, as a directed graph.

    Args:
        observations: ternary facts, in the order the nodes shall stand.
        subjects: entities to show even if nothing is known of them, such as the seeds; their
            attributes (``seed``, ``state``) go onto their nodes.

    Returns:
        A graph that keeps the contract told at the top of this module.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    for subject in subjects:
        _add_node(graph, subject, of_answer=False)
    for observation in observations:
        _add_observation(graph, observation)
    for _, _, edge in graph.edges(data=True):
        if edge["relation"] == RELATED_REFERENCES:
            edge["related_from"] = tuple(sorted(edge["related_from"]))
    return graph


def observations_of(graph: nx.DiGraph[str]) -> Iterator[Observation]:
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
            evidence = edge.get("evidence", OBSERVED)
            yield Observation(entity(source), entity(target), behind, evidence)


def _entity(graph: nx.DiGraph[str], key: str) -> Entity:
    """What the API says of a node, without what the graph and the store added."""
    node = graph.nodes[key]
    known = {name: value for name, value in node.items() if not _is_ours(name)}
    return Entity(node["type"], node["id"], known)


def _add_observation(graph: nx.DiGraph[str], observation: Observation) -> None:
    source = _add_node(graph, observation.subject)
    target = _add_node(graph, observation.reference)
    related_from = observation.related_from
    behind = NO_COLLECTION if related_from is None else _add_node(graph, related_from)
    edge = _edge(graph, source, target)
    edge["relation"] = RELATED_REFERENCES
    if edge.get("evidence") != OBSERVED:  # once observed is observed
        edge["evidence"] = observation.evidence
    seen: set[str] = edge.setdefault("related_from", set())
    if behind in seen:
        return
    seen.add(behind)
    edge["weight"] += 1
    if related_from is not None and (target, behind) != (source, target):
        _edge(graph, target, behind)["weight"] += 1


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith(SEED_PREFIX)


def _edge(graph: nx.DiGraph[str], source: str, target: str) -> dict[str, Any]:
    """The attributes of an edge; a new one is made where there is none."""
    if not graph.has_edge(source, target):
        graph.add_edge(source, target, relation=RELATED_FROM, weight=0)
    edge: dict[str, Any] = graph.get_edge_data(source, target)
    return edge


def _add_node(graph: nx.DiGraph[str], entity: Entity, *, of_answer: bool = True) -> str:
    """Add what is known of an entity; a bare mention never erases it.

    Some names mean something of ours, whatever an answer says under them.
    """
    reserved = _is_ours if of_answer else _GRAPHS.__contains__
    key = entity.key
    if key not in graph:
        graph.add_node(key, type=entity.type, label=entity.label, id=entity.id)
    node, known = graph.nodes[key], entity.attributes.items()
    if not known <= node.items():
        node.update((name, value) for name, value in known if not reserved(name))
        node["label"] = Entity(entity.type, entity.id, node).label
    return key

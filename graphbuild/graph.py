"""Observations become the graph file -> reference -> collection.

The API states ternary facts: this file is related to this reference, because of this collection.
A path graph alone would lose them: from (F1, R, C1) and (F2, R, C2) it also contains F1 -> R -> C2,
which nobody observed. So each file -> reference edge lists the collections that stand behind it,
and ``observations_of`` gives back exactly the triples that went in.

The contract of the graph:

* node key ``type:id``; node attributes ``type`` and ``label`` (never absent), ``id``, then the
  API's own names (``url``, ``title``, ``author``, ``creation_date``, ``name``, ...) where known;
  subjects carry ``seed`` (bool) and ``state`` (how complete the answer is) when a store says so;
* edge attributes ``relation`` (``related_references`` or ``related_from``), ``weight`` (how many
  observations stand behind it) and, on ``related_references``, ``related_from``: the sorted node
  keys of the collections, with ``NO_COLLECTION`` standing for "through none that was named".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from graphbuild.entities import Entity
from graphbuild.observations import Observation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RELATED_REFERENCES = "related_references"
RELATED_FROM = "related_from"
NO_COLLECTION = "-"


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
        _add_node(graph, subject)
    for observation in observations:
        _add_observation(graph, observation)
    for _, _, edge in graph.edges(data=True):
        if edge["relation"] == RELATED_REFERENCES:
            edge["related_from"] = tuple(sorted(edge["related_from"]))
            edge["weight"] = len(edge["related_from"])
    return graph


def observations_of(graph: nx.DiGraph[str]) -> Iterator[Observation]:
    """The observations a graph was built from, each once, in the order of its edges."""
    for source, target, edge in graph.edges(data=True):
        if edge["relation"] != RELATED_REFERENCES:
            continue
        subject, reference = _entity(graph, source), _entity(graph, target)
        for key in edge["related_from"]:
            found = None if key == NO_COLLECTION else _entity(graph, key)
            yield Observation(subject, reference, found)


def _entity(graph: nx.DiGraph[str], key: str) -> Entity:
    attributes = graph.nodes[key]
    return Entity(attributes["type"], attributes["id"], attributes)


def _add_observation(graph: nx.DiGraph[str], observation: Observation) -> None:
    subject, reference, related_from = (
        observation.subject,
        observation.reference,
        observation.related_from,
    )
    source, target = _add_node(graph, subject), _add_node(graph, reference)
    behind = NO_COLLECTION if related_from is None else _add_node(graph, related_from)
    if not graph.has_edge(source, target):
        graph.add_edge(source, target, relation=RELATED_REFERENCES, related_from=set())
    seen: set[str] = graph.edges[source, target]["related_from"]
    if behind in seen:
        return
    seen.add(behind)
    if related_from is not None:
        _count_edge(graph, target, behind)


def _count_edge(graph: nx.DiGraph[str], source: str, target: str) -> None:
    if graph.has_edge(source, target):
        graph.edges[source, target]["weight"] += 1
    else:
        graph.add_edge(source, target, relation=RELATED_FROM, weight=1)


def _add_node(graph: nx.DiGraph[str], entity: Entity) -> str:
    key = entity.key
    if key in graph and not entity.attributes:
        return key  # a bare mention never erases what is known
    known = {**graph.nodes[key], **entity.attributes} if key in graph else entity.attributes
    label = Entity(entity.type, entity.id, known).label
    graph.add_node(key, **{**known, "type": entity.type, "label": label, "id": entity.id})
    return key

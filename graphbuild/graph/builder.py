"""Build the graph file -> reference -> collection from observations.

The API reports ternary relationships: a file is related to a reference because of a collection. A
plain graph of pairs would lose this: built from (F1, R, C1) and (F2, R, C2), it contains the path
F1 -> R -> C2, which the API did not report. Therefore each file -> reference edge lists its
collections, and ``extract_observations`` returns exactly the observations of the graph.

Node keys are ``type:id``. Node attributes:

* ``type``, ``label`` and ``id``, always present;
* attributes of the API (``url``, ``title``, ``author``, ``creation_date``, ``name``, ...);
* on subjects ``seed`` (bool), ``state``, ``crawl_*`` (from the campaign file) and ``seed_*`` (from
  the seed list). Attributes of the API never have these names.

Edge attributes:

* ``relation``: ``related_references`` or ``related_from``, and ``files`` or ``references`` for
  links found with ``--depth``. An edge that is both ``related_references`` and ``related_from``
  has the relation ``related_references``;
* ``weight``: the number of observations of the edge; 1 for links;
* on ``related_references``: ``related_from``, the sorted node keys of the collections, with
  ``NO_COLLECTION`` for an observation without one; and ``provenance``, ``observed`` or
  ``inferred``, with possibly more collections;
* on ``related_references``, with ``timestamps``: ``first_seen`` and ``last_seen`` (UTC, ISO 8601),
  the times of the earliest and the latest response that contained an observation of the edge.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

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

Graph: TypeAlias = "nx.DiGraph[str]"  # as build_graph returns it, or a view of one

RELATED_FROM = "related_from"
NO_COLLECTION = "-"
_GRAPH_ATTRIBUTES = frozenset({"type", "label", "id"})
_LOCAL_ATTRIBUTES = _GRAPH_ATTRIBUTES | {"seed", "state"}


def build_graph(
    observations: Iterable[Observation],
    *,
    subjects: Iterable[Entity] = (),
    links: Iterable[Link] = (),
    timestamps: bool = False,
) -> nx.DiGraph[str]:
    """Return the graph of ``observations``; the module documentation lists its attributes.

    Args:
        observations: The observations, in the order in which nodes are added after ``subjects``.
        subjects: Entities to add even without observations, such as the seeds. Their nodes get all
            their attributes, also ``seed``, ``state``, ``crawl_*`` and ``seed_*``.
        links: Related files and references that were found with ``--depth``.
        timestamps: Whether edges get ``first_seen`` and ``last_seen``.
    """
    builder = _Builder(timestamps=timestamps)
    for subject in subjects:
        builder.add_node(subject, is_local=True)
    for observation in observations:
        builder.add_observation(observation)
    for link in links:
        builder.add_link(link)
    return builder.graph


def extract_observations(graph: nx.DiGraph[str]) -> Iterator[Observation]:
    """Yield each observation of a graph, by edge, with the edge's provenance and without times."""
    entity = cache(partial(_entity, graph))
    for source, target, edge in graph.edges(data=True):
        if edge["relation"] != RELATED_REFERENCES:
            continue
        for key in edge["related_from"]:
            collection = None if key == NO_COLLECTION else entity(key)
            provenance = edge.get("provenance", OBSERVED)
            yield Observation(entity(source), entity(target), collection, provenance)


def extract_links(graph: nx.DiGraph[str]) -> Iterator[Link]:
    """Yield each link that has its own edge in a graph, in the order of the edges."""
    for source, target, edge in graph.edges(data=True):
        if edge["relation"] not in {RELATED_REFERENCES, RELATED_FROM}:
            yield Link(_entity(graph, source), edge["relation"], _entity(graph, target))


def validate_graph(graph: nx.Graph[str]) -> None:
    """Raise ``ExportError`` unless ``graph`` is a ``DiGraph`` whose nodes have types and labels."""
    if not graph.is_directed() or graph.is_multigraph():
        raise ExportError(
            f"expected a networkx.DiGraph, not a networkx.{type(graph).__name__}; pass the graph"
            " that build_graph returned, or a view of it"
        )
    for key, attributes in graph.nodes(data=True):
        for name in ("type", "label"):
            if attributes.get(name) is None:
                raise ExportError(
                    f"node {str(key)[:80]!a} has no {name}, which every node must have; pass the"
                    f" graph that build_graph returned, or set {name!r} on each node"
                )


def with_stable_order(graph: nx.DiGraph[str]) -> nx.DiGraph[str]:
    """Return ``graph`` itself, or, if it is frozen, a copy sorted by node keys.

    Views of networkx are frozen. A view such as ``graph.subgraph(nodes)`` iterates over a set, so
    its order differs between runs. Frozen graphs that are not views are sorted, too.
    """
    if not nx.is_frozen(graph):
        return graph
    ordered: nx.DiGraph[str] = nx.DiGraph()
    ordered.graph.update(graph.graph)
    ordered.add_nodes_from(sorted(graph.nodes(data=True)))
    ordered.add_edges_from(sorted(graph.edges(data=True)))
    return ordered


def _entity(graph: nx.DiGraph[str], key: str) -> Entity:
    """Return the entity of a node with its API attributes only."""
    node = graph.nodes[key]
    attributes = {name: value for name, value in node.items() if not _is_local(name)}
    return Entity(node["type"], node["id"], attributes)


def _is_local(name: str) -> bool:
    return name in _LOCAL_ATTRIBUTES or name.startswith(LOCAL_ATTRIBUTE_PREFIXES)


class _Builder:
    """A graph under construction."""

    def __init__(self, *, timestamps: bool) -> None:
        self.graph: nx.DiGraph[str] = nx.DiGraph()
        self._timestamps = timestamps
        self._latest: dict[str, Entity] = {}  # by key, to skip repeated objects quickly
        self._collections: dict[tuple[str, ...], tuple[str, ...]] = {}  # equal tuples are shared

    def add_node(self, entity: Entity, *, is_local: bool = False) -> str:
        """Add an entity, or update the attributes of its node, and return the node key.

        Only entities that come from the campaign file (``is_local``) may set ``seed``, ``state``,
        ``crawl_*`` and ``seed_*``.
        """
        key = entity.key
        if self._latest.get(key) is entity:
            return key
        self._latest[key] = entity
        if key not in self.graph:
            self.graph.add_node(key, type=entity.type, label=entity.label, id=entity.id)
        node, attributes = self.graph.nodes[key], entity.attributes.items()
        if not attributes <= node.items():
            reserved = _GRAPH_ATTRIBUTES.__contains__ if is_local else _is_local
            node.update((name, value) for name, value in attributes if not reserved(name))
            node["label"] = Entity(entity.type, entity.id, node).label
        return key

    def add_observation(self, observation: Observation) -> None:
        """Add the edges of an observation, or update existing ones."""
        source = self.add_node(observation.subject)
        target = self.add_node(observation.reference)
        related_from = observation.related_from
        collection = NO_COLLECTION if related_from is None else self.add_node(related_from)
        edge = self._edge(source, target)
        edge["relation"] = RELATED_REFERENCES
        if edge.get("provenance") != OBSERVED:
            edge["provenance"] = observation.provenance
        if self._timestamps:
            _update_timestamps(edge, observation)
        collections: tuple[str, ...] = edge.get("related_from", ())
        if collection in collections:
            return
        collections = tuple(sorted((*collections, collection)))
        edge["related_from"] = self._collections.setdefault(collections, collections)
        edge["weight"] += 1
        if related_from is not None and (target, collection) != (source, target):
            self._edge(target, collection)["weight"] += 1

    def add_link(self, link: Link) -> None:
        """Add an edge for a link, unless it is a loop or the graph has one in this direction."""
        source, target = self.add_node(link.source), self.add_node(link.target)
        if source != target and not self.graph.has_edge(source, target):
            self.graph.add_edge(source, target, relation=link.relationship, weight=1)

    def _edge(self, source: str, target: str) -> dict[str, Any]:
        """Return the attributes of an edge, and add the edge first if it is missing."""
        edge: dict[str, Any] | None = self.graph.get_edge_data(source, target)
        if edge is None:
            self.graph.add_edge(source, target, relation=RELATED_FROM, weight=0)
            return self._edge(source, target)
        return edge


def _update_timestamps(edge: dict[str, Any], observation: Observation) -> None:
    if observation.first_seen is not None:
        first = format_timestamp(observation.first_seen)
        edge["first_seen"] = min(first, edge.get("first_seen", first))
    if observation.last_seen is not None:
        last = format_timestamp(observation.last_seen)
        edge["last_seen"] = max(last, edge.get("last_seen", last))

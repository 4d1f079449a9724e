"""Build the graph file -> reference -> collection from observations.

In the API flavor ``gti``, a report can take the place of the collection. A report is a reference,
so the graph then has an edge from a reference to a reference. If the report relates a file to the
report itself, the edge from the file to the report lists it, and no edge leads from the report to
itself.

The API states ternary relationships: a file is related to a reference through a collection. A graph
of pairs alone would not show which collections relate a file to a reference. For example, the graph
of (F1, R, C1) and (F2, R, C2) contains the path F1 -> R -> C2, although the API did not relate F1
to C2. Therefore, each file -> reference edge lists its collections, and ``extract_observations``
returns the triples from which the graph was built.

Node keys are ``type:id``. Node attributes:

* ``type``, ``label`` and ``id``, always present; collections of the same name have different
  labels (:mod:`graphbuild.graph.labels`);
* attributes of the API (``url``, ``title``, ``author``, ``creation_date``, ``name``, ...);
* on subjects, from the campaign file: ``crawl_*`` and, if ``related_references`` were requested,
  ``seed`` (bool) and ``state``;
* on subjects, from the seed list: ``seed_*``;
* ``cluster``, ``cluster_name``, ``subcluster``, ``doubtful`` and ``other_cluster``, which
  :mod:`graphbuild.graph.clusters` adds later.

API attributes are dropped if their names begin with ``crawl_``, ``seed_``, ``group_`` or ``user_``,
or if they are named ``type``, ``label``, ``id``, ``seed``, ``state`` or ``is_new``, or like an
attribute of clusters.

Edge attributes:

* ``relation``: ``related_references`` (subject -> reference) or ``related_from`` (reference ->
  collection or report). Direct references, which a crawl with ``--direct`` requests, have
  ``references`` (subject -> reference), or ``REFERENCES_AND_RELATED`` if both lists of the subject
  contain the reference. Links that a crawl with ``--depth`` found have the relationship of their
  list, such as ``files``. If an edge is both ``related_references`` and ``related_from``, the
  relation is ``related_references``;
* ``weight``: the number of observations that contain the edge; 1 for links and direct references;
* on ``related_references``: ``related_from``, a sorted tuple of the node keys of the collections
  and reports, with ``NO_COLLECTION`` for an observation without a collection;
* on ``related_references``: ``provenance``, which is ``observed`` if at least one observation of
  the edge is observed, otherwise ``inferred``. An inferred edge may lack collections;
* on ``related_references`` and direct references, with ``timestamps``: ``first_seen`` and
  ``last_seen`` (UTC, ISO 8601), the earliest and the latest known time of their observations.

The graph of a campaign has the attribute ``TITLE``: the name of its file and the date of its newest
response, for the heading of the HTML page. If the times of observations are known, the graph has
the attribute ``FIRST_SEEN``: the time of the first response with each node, in seconds since 1970,
by node key. The STIX export dates references with it; no output contains the attribute itself.

An edge with ``REFERENCES_AND_RELATED`` has the attributes of ``related_references``. A
``references`` edge of a subject has the provenance ``observed``, and no ``related_from``.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import networkx as nx

from graphbuild._util import format_timestamp
from graphbuild.errors import ExportError
from graphbuild.graph.clusters import CLUSTER_ATTRIBUTES
from graphbuild.graph.labels import label_nodes
from graphbuild.models import (
    LOCAL_ATTRIBUTE_PREFIXES,
    OBSERVED,
    REFERENCES,
    RELATED_REFERENCES,
    SUBJECT_TYPES,
    Entity,
    Link,
    Observation,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Graph: TypeAlias = "nx.DiGraph[str]"  # a graph that build_graph returned, or a view of such a graph

RELATED_FROM = "related_from"
# The relation of an edge to a reference that both lists of the subject contain.
REFERENCES_AND_RELATED = "references_and_related_references"
RELATED_RELATIONS = frozenset({RELATED_REFERENCES, REFERENCES_AND_RELATED})
NO_COLLECTION = "-"  # in ``related_from``, in place of a node key
TITLE = "title"  # attribute of the graph of a campaign
FIRST_SEEN = "first_seen"  # attribute of a graph of observations whose times are known
_GRAPH_ATTRIBUTES = CLUSTER_ATTRIBUTES | {"type", "label", "id"}
_LOCAL_ATTRIBUTES = _GRAPH_ATTRIBUTES | {"is_new", "seed", "state"}


def build_graph(
    observations: Iterable[Observation],
    *,
    subjects: Iterable[Entity] = (),
    links: Iterable[Link] = (),
    timestamps: bool = False,
) -> nx.DiGraph[str]:
    """Return the graph of observations. The docstring of this module lists the attributes.

    Nodes are added in the order of ``subjects``, then of ``observations``, then of ``links``.

    Args:
        observations: The observations of a campaign.
        subjects: Entities to add even without observations, such as the seeds. The attributes
            ``seed``, ``state``, ``crawl_*``, ``seed_*``, ``user_*`` and ``is_new`` of all other
            entities are ignored.
        links: Links that a crawl with ``--depth`` found.
        timestamps: Whether edges of observations get ``first_seen`` and ``last_seen``.
    """
    builder = _Builder(timestamps=timestamps)
    for subject in subjects:
        builder.add_node(subject, is_local=True)
    for observation in observations:
        builder.add_observation(observation)
    for link in links:
        builder.add_link(link)
    label_nodes(builder.graph)
    return builder.graph


def extract_observations(graph: nx.DiGraph[str], *, direct: bool = False) -> Iterator[Observation]:
    """Yield the observations of a graph, in the order of its edges.

    Each observation has the provenance of its edge. Its ``first_seen`` and ``last_seen`` are None,
    and its entities have only the attributes of the API. With ``direct``, also yield the direct
    references, as observations with the relationship ``references``.
    """
    entity = cache(partial(_entity, graph))
    for source, target, edge in graph.edges(data=True):
        if direct and _is_direct(graph, source, edge):
            yield Observation(entity(source), entity(target), None, relationship=REFERENCES)
        if edge["relation"] not in RELATED_RELATIONS:
            continue
        for key in edge["related_from"]:
            collection = None if key == NO_COLLECTION else entity(key)
            provenance = edge.get("provenance", OBSERVED)
            yield Observation(entity(source), entity(target), collection, provenance)


def extract_links(graph: nx.DiGraph[str]) -> Iterator[Link]:
    """Yield the links of a graph, in the order of its edges.

    Some links are missing, because ``build_graph`` adds no edge for a link from a node to itself,
    or between nodes that an edge already connects in the same direction.
    """
    for source, target, edge in graph.edges(data=True):
        is_link = edge["relation"] not in {*RELATED_RELATIONS, RELATED_FROM}
        if is_link and not _is_direct(graph, source, edge):
            yield Link(_entity(graph, source), edge["relation"], _entity(graph, target))


def validate_graph(graph: nx.Graph[str]) -> None:
    """Raise ``ExportError`` unless ``graph`` is a ``DiGraph`` whose nodes have types and labels.

    Ids and attributes of edges are not checked.
    """
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
    """Return ``graph`` itself, or a copy sorted by node keys if ``graph`` is frozen.

    Views of networkx, such as ``graph.subgraph(nodes)``, are frozen. Their nodes may come from a
    set, whose order differs between runs. All other frozen graphs are also copied and sorted,
    because this function cannot distinguish them from views.
    """
    if not nx.is_frozen(graph):
        return graph
    ordered: nx.DiGraph[str] = nx.DiGraph()
    ordered.graph.update(graph.graph)
    ordered.add_nodes_from(sorted(graph.nodes(data=True)))
    ordered.add_edges_from(sorted(graph.edges(data=True)))
    return ordered


def _is_direct(graph: nx.DiGraph[str], source: str, edge: Mapping[str, Any]) -> bool:
    """Return whether the attributes of an edge show that it is a direct reference of a subject."""
    relation = edge["relation"]
    is_subject = graph.nodes[source]["type"] in SUBJECT_TYPES
    return relation == REFERENCES_AND_RELATED or (relation == REFERENCES and is_subject)


def _entity(graph: nx.DiGraph[str], key: str) -> Entity:
    """Return the entity of a node, with only the attributes of the API."""
    node = graph.nodes[key]
    attributes = {name: value for name, value in node.items() if not is_local_attribute(name)}
    return Entity(node["type"], node["id"], attributes)


def is_local_attribute(name: str) -> bool:
    """Return whether an attribute of a node does not come from the API."""
    return name in _LOCAL_ATTRIBUTES or name.startswith(LOCAL_ATTRIBUTE_PREFIXES)


def output_attributes(graph: Graph) -> dict[str, Any]:
    """Return the attributes of a graph that an output contains: all except ``FIRST_SEEN``."""
    return {name: value for name, value in graph.graph.items() if name != FIRST_SEEN}


class _Builder:
    """A graph under construction."""

    def __init__(self, *, timestamps: bool) -> None:
        self.graph: nx.DiGraph[str] = nx.DiGraph()
        self._timestamps = timestamps
        # The entity added last for each key. If the same object is added again, nothing is done, to
        # save time.
        self._latest: dict[str, Entity] = {}
        # Maps each tuple of collections to itself, so that equal tuples are in memory only once.
        self._collections: dict[tuple[str, ...], tuple[str, ...]] = {}

    def add_node(self, entity: Entity, *, is_local: bool = False) -> str:
        """Add an entity, or update the attributes of its node, and return the node key.

        The local attributes, such as ``seed`` and ``crawl_*``, are ignored unless ``is_local`` is
        true; see ``is_local_attribute``.
        """
        key = entity.key
        if self._latest.get(key) is entity:
            return key
        self._latest[key] = entity
        if key not in self.graph:
            self.graph.add_node(key, type=entity.type, label=entity.label, id=entity.id)
        node, attributes = self.graph.nodes[key], entity.attributes.items()
        if not attributes <= node.items():
            reserved = _GRAPH_ATTRIBUTES.__contains__ if is_local else is_local_attribute
            node.update((name, value) for name, value in attributes if not reserved(name))
            node["label"] = Entity(entity.type, entity.id, node).label
        return key

    def add_observation(self, observation: Observation) -> None:
        """Add the edges of an observation, or update them if they exist."""
        source = self.add_node(observation.subject)
        target = self.add_node(observation.reference)
        related_from = observation.related_from
        collection = NO_COLLECTION if related_from is None else self.add_node(related_from)
        edge = self._edge(source, target)
        if self._timestamps:
            _update_timestamps(edge, observation)
        if observation.first_seen is not None:
            self._update_first_seen(observation.first_seen, source, target, collection)
        if observation.relationship == REFERENCES:
            _add_direct(edge)
            return
        _add_related(edge, observation.provenance)
        collections: tuple[str, ...] = edge.get("related_from", ())
        if collection in collections:
            return
        collections = tuple(sorted((*collections, collection)))
        edge["related_from"] = self._collections.setdefault(collections, collections)
        edge["weight"] += 1
        if related_from is not None and collection != target:
            self._edge(target, collection)["weight"] += 1

    def add_link(self, link: Link) -> None:
        """Add the edge of a link, unless its ends are equal or an edge already connects them."""
        source, target = self.add_node(link.source), self.add_node(link.target)
        if source != target and not self.graph.has_edge(source, target):
            self.graph.add_edge(source, target, relation=link.relationship, weight=1)

    def _update_first_seen(self, time: float, *keys: str) -> None:
        """Record that a response of the time ``time`` contains nodes.

        ``keys`` can contain ``NO_COLLECTION``, which is ignored.
        """
        first_seen = self.graph.graph.setdefault(FIRST_SEEN, {})
        for key in keys:
            if key != NO_COLLECTION:
                first_seen[key] = min(time, first_seen.get(key, time))

    def _edge(self, source: str, target: str) -> dict[str, Any]:
        """Return the attributes of an edge. Add a missing edge as ``related_from``, weight 0."""
        edge: dict[str, Any] | None = self.graph.get_edge_data(source, target)
        if edge is None:
            self.graph.add_edge(source, target, relation=RELATED_FROM, weight=0)
            return self._edge(source, target)
        return edge


def _add_related(edge: dict[str, Any], provenance: str) -> None:
    """Record that an observation of ``related_references`` with this provenance has the edge.

    The provenance of the edge is ``observed`` if that of one such observation is ``observed``.
    """
    if edge["relation"] == REFERENCES:  # replace the values that the direct reference set
        edge.update(relation=REFERENCES_AND_RELATED, weight=0, provenance=provenance)
    elif edge["relation"] != REFERENCES_AND_RELATED:
        edge["relation"] = RELATED_REFERENCES
    if edge.get("provenance") != OBSERVED:
        edge["provenance"] = provenance


def _add_direct(edge: dict[str, Any]) -> None:
    """Record that a direct reference has the edge."""
    if edge["relation"] in RELATED_RELATIONS:
        edge["relation"] = REFERENCES_AND_RELATED
    else:
        edge.update(relation=REFERENCES, weight=1, provenance=OBSERVED)


def _update_timestamps(edge: dict[str, Any], observation: Observation) -> None:
    """Extend the time span of an edge so that it contains the times of an observation."""
    if observation.first_seen is not None:
        first = format_timestamp(observation.first_seen)
        edge["first_seen"] = min(first, edge.get("first_seen", first))
    if observation.last_seen is not None:
        last = format_timestamp(observation.last_seen)
        edge["last_seen"] = max(last, edge.get("last_seen", last))

"""The tools: each function returns the result of one tool for a snapshot of the campaign file."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np

from graphbuild._util import format_timestamp
from graphbuild.analysis import METHOD, publication_date, reference_url
from graphbuild.errors import AnalysisError
from graphbuild.graph.builder import NO_COLLECTION
from graphbuild.graph.clusters import CLUSTER_ATTRIBUTES
from graphbuild.mcp import models
from graphbuild.mcp.errors import ToolError
from graphbuild.mcp.untrusted_text import clean_attribute, clean_key, clean_label, clean_text
from graphbuild.models import COMPLETE
from graphbuild.seeds.refanging import refang

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from graphbuild.analysis import DistinctiveEntity, Overlap
    from graphbuild.analysis import cluster_models as clusters
    from graphbuild.analysis import paths as evidence_paths
    from graphbuild.mcp.campaign_reader import Snapshot
    from graphbuild.mcp.paging import PageRequest
    from graphbuild.models import Entity, Observation, Scalar
    from graphbuild.store import SubjectStatus

_MAX_RELATED_FROM = 10  # keys per edge
_STATES = frozenset(get_args(models.State))
_TYPES = frozenset(get_args(models.NodeType))
_RELATIONS = frozenset(get_args(models.Relation))
_NODE_ATTRIBUTES = CLUSTER_ATTRIBUTES | {"type", "label", "id", "state"}
_NOT_FOUND = (
    "the argument {name} matches no node or several nodes; find the node with search, and pass its"
    " untrusted_key"
)
_NO_OBSERVATIONS = "the node of the argument {name} has no observations, so no path leads to it"


@dataclass(frozen=True, slots=True)
class Listing:
    """The result of a tool, without the fields of ``ListResult``.

    Attributes:
        total: The number of entries of the whole list.
        entries: The entries of the requested page.
        name: The field of the result that contains the entries.
        fields: The other fields of the result.
    """

    total: int
    entries: Sequence[Any]
    name: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool with its documentation for clients."""

    name: str
    title: str
    description: str
    arguments: type[models.ListArguments]
    result: type[models.ListResult]
    run: Callable[[Snapshot, Any, PageRequest], Listing]


def search(snapshot: Snapshot, given: models.SearchArguments, page: PageRequest) -> Listing:
    """Return the nodes that contain a text, have a type and belong to a cluster."""
    keys = snapshot.search(refang(given.text.strip()), given.type, given.cluster)
    nodes = [_summarize(snapshot, key) for key in page.select(keys)]
    return Listing(len(keys), nodes, "nodes", {})


def node(snapshot: Snapshot, given: models.NodeArguments, page: PageRequest) -> Listing:
    """Return a node, its cluster and its attributes."""
    key = _find_key(snapshot, given.node, "node")
    attributes = snapshot.clustered_graph.nodes[key]
    names = sorted(name for name in attributes if name not in _NODE_ATTRIBUTES)
    entries = [_describe_attribute(name, attributes[name]) for name in page.select(names)]
    cluster_name = attributes.get("cluster_name")
    fields = {
        "node": _summarize(snapshot, key),
        "cluster": attributes.get("cluster"),
        "untrusted_cluster_name": None if cluster_name is None else clean_text(cluster_name),
        "subcluster": attributes.get("subcluster"),
        "doubtful": attributes.get("doubtful", False),
        "other_cluster": attributes.get("other_cluster"),
    }
    return Listing(len(names), entries, "attributes", fields)


def neighbors(snapshot: Snapshot, given: models.NeighborsArguments, page: PageRequest) -> Listing:
    """Return the neighbors of a node with their edges."""
    key, graph = _find_key(snapshot, given.node, "node"), snapshot.graph
    edges: list[tuple[str, models.Direction]]
    edges = [(other, "from_node") for other in graph.successors(key)]
    edges += [(other, "to_node") for other in graph.predecessors(key)]
    found = sorted(edge for edge in edges if given.type in {None, graph.nodes[edge[0]]["type"]})
    entries = [_describe_edge(snapshot, key, *edge) for edge in page.select(found)]
    return Listing(len(found), entries, "neighbors", {"node": _summarize(snapshot, key)})


def explain(snapshot: Snapshot, given: models.ExplainArguments, page: PageRequest) -> Listing:
    """Return one of the shortest paths between two nodes with its observations."""
    evidence = snapshot.evidence
    source = _find_entity(snapshot, given.source, "source")
    target = _find_entity(snapshot, given.target, "target")
    if source == target:
        raise ToolError("source and target are the same node; pass two different nodes")
    paths = evidence.count_paths(source, target)
    if given.path > max(paths, 1):
        raise ToolError(f"there are only {paths:,} shortest paths; pass a smaller number as path")
    found = islice(evidence.shortest_paths(source, target), given.path - 1, given.path)
    steps = next((path.steps for path in found), ())
    observations = [
        (number, each) for number, step in enumerate(steps, 1) for each in step.observations
    ]
    entries = [_describe_observation(*each) for each in page.select(observations)]
    fields = {
        "paths": paths,
        "path": given.path,
        "steps": [_describe_step(snapshot, step) for step in steps],
    }
    return Listing(len(observations), entries, "observations", fields)


def communities(snapshot: Snapshot, _: models.CommunitiesArguments, page: PageRequest) -> Listing:
    """Return the clusters of files."""
    found = snapshot.clusters
    entries = [_describe_cluster(snapshot, each) for each in page.select(found.clusters)]
    fields = {
        "method": METHOD,
        "min_similarity": found.min_similarity,
        "modularity": found.modularity,
        "mean_stability": found.mean_stability,
    }
    return Listing(len(found), entries, "clusters", fields)


def overlap(snapshot: Snapshot, given: models.OverlapArguments, page: PageRequest) -> Listing:
    """Return the pairs of files, or of collections, that share the most."""
    found = snapshot.overlaps(given.of)
    significant = found.significant(given.fdr)
    listed = found if given.all else significant
    rows = np.array(page.select(range(len(listed))), np.int64)
    pairs = snapshot.with_duplicates(listed.select(rows))
    fields = {
        "tested_pairs": found.tested_pairs,
        "sharing_pairs": len(found),
        "significant_pairs": len(significant),
        "within_clusters": found.within_clusters,
        "attainable_q": found.attainable_q,
    }
    entries = [_describe_pair(snapshot, pair) for pair in pairs]
    return Listing(len(listed), entries, "pairs", fields)


def completeness(
    snapshot: Snapshot, given: models.CompletenessArguments, page: PageRequest
) -> Listing:
    """Return the progress of the crawl, and the lists in a state."""
    wanted = {"unfinished": _STATES - {COMPLETE}, "all": _STATES}.get(given.state, {given.state})
    found = [each for each in snapshot.statuses if each.state in wanted]
    names = ("subjects", "references", "collections", "observations")
    counts = {name: snapshot.totals[name] for name in (*names, "expected", "received", "inferred")}
    entries = [_describe_status(snapshot, each) for each in page.select(found)]
    return Listing(len(found), entries, "lists", counts)


TOOLS = (
    Tool(
        "search",
        "Search nodes",
        "List the nodes of the campaign, or only those that contain a text, have a type and belong "
        "to a cluster; each argument narrows the list. "
        "Nodes are files, domains, IP addresses, URLs, references (public reports) and collections "
        "(malware families, campaigns, actors). Without arguments, all nodes are listed.",
        models.SearchArguments,
        models.SearchResult,
        search,
    ),
    Tool(
        "node",
        "Show a node",
        "Show a node: its type, state, cluster and attributes, such as title, URL and dates.",
        models.NodeArguments,
        models.NodeResult,
        node,
    ),
    Tool(
        "neighbors",
        "List neighbors",
        "List the nodes that an edge connects with a node: of a file its references, of a "
        "reference its files and collections. Edges alone do not prove that a file is in a "
        "collection; explain does.",
        models.NeighborsArguments,
        models.NeighborsResult,
        neighbors,
    ),
    Tool(
        "explain",
        "Explain a connection",
        "Show one of the shortest paths between two nodes, with the observations that prove each "
        "step. For other shortest paths, pass the argument path.",
        models.ExplainArguments,
        models.ExplainResult,
        explain,
    ),
    Tool(
        "communities",
        "List clusters",
        "List the clusters of files that share evidence, with what characterizes each cluster. To "
        "list the nodes of a cluster, call search with its number.",
        models.CommunitiesArguments,
        models.CommunitiesResult,
        communities,
    ),
    Tool(
        "overlap",
        "List related pairs",
        "List the pairs of files, or of collections, that share more evidence than chance "
        "explains, the most significant first.",
        models.OverlapArguments,
        models.OverlapResult,
        overlap,
    ),
    Tool(
        "completeness",
        "Show what is missing",
        "Show how much of the campaign was crawled, and list the lists that are not complete. An "
        "incomplete list may lack references, so a missing connection proves nothing.",
        models.CompletenessArguments,
        models.CompletenessResult,
        completeness,
    ),
)


# --- arguments -----------------------------------------------------------------------------------


def _find_key(snapshot: Snapshot, name: str, argument: str) -> str:
    """Return the key of the node to which an argument refers; see ``_find_entity``."""
    key = _unescape_key(snapshot, name)
    return key if key in snapshot.graph else _find_entity(snapshot, name, argument).key


def _find_entity(snapshot: Snapshot, name: str, argument: str) -> Entity:
    """Return the node with observations to which an argument refers, and subjects without any.

    Raise ToolError if there is no such node, or if there are several. The error does not quote the
    argument, which may be a title.
    """
    key = _unescape_key(snapshot, name)
    try:
        return snapshot.evidence.find_node(key)
    except AnalysisError:
        problem = _NO_OBSERVATIONS if key in snapshot.graph else _NOT_FOUND
        raise ToolError(problem.format(name=argument)) from None


def _unescape_key(snapshot: Snapshot, name: str) -> str:
    """Return the key that ``clean_key`` escaped; the name itself if there is no such node."""
    name = name.strip()
    if "\\" not in name:  # each escape of clean_key contains a backslash, and no id does
        return name
    return next((key for key in snapshot.keys if clean_key(key) == name), name)


# --- entries -------------------------------------------------------------------------------------


def _summarize(snapshot: Snapshot, key: str) -> models.NodeSummary:
    graph = snapshot.graph
    entity = snapshot.entity(key)
    state = entity.attributes.get("state")
    connected = {*graph.successors(key), *graph.predecessors(key)}
    return models.NodeSummary(
        type=_shown_type(entity.type),
        untrusted_key=clean_key(key),
        untrusted_label=clean_label(entity),
        state=_state(state),
        neighbors=len(connected),
    )


def _shown_type(entity_type: str) -> models.ShownType:
    """Return the type of a node; ``other`` if graphbuild does not know the type."""
    return cast("models.NodeType", entity_type) if entity_type in _TYPES else "other"


def _state(value: object) -> models.State | None:
    """Return the state of a list; None for other values of the attribute."""
    return cast("models.State", value) if value in _STATES else None


def _relation(name: str) -> models.ShownRelation:
    """Return the relation of an edge; ``other`` if graphbuild does not know it."""
    return cast("models.Relation", name) if name in _RELATIONS else "other"


def _describe_attribute(name: str, value: Scalar) -> models.Attribute:
    if isinstance(value, float) and not isfinite(value):
        value = str(value)  # JSON has no such numbers
    cleaned = clean_attribute(name, value) if isinstance(value, str) else value
    return models.Attribute(untrusted_name=clean_text(name), untrusted_value=cleaned)


def _describe_edge(
    snapshot: Snapshot, key: str, other: str, direction: models.Direction
) -> models.Neighbor:
    ends = (key, other) if direction == "from_node" else (other, key)
    edge = snapshot.graph.edges[ends]
    related_from = [each for each in edge.get("related_from", ()) if each != NO_COLLECTION]
    return models.Neighbor(
        node=_summarize(snapshot, other),
        direction=direction,
        relation=_relation(edge["relation"]),
        weight=edge["weight"],
        provenance=edge.get("provenance"),
        related_from_total=len(related_from),
        untrusted_related_from=[clean_key(each) for each in related_from[:_MAX_RELATED_FROM]],
    )


def _describe_step(snapshot: Snapshot, step: evidence_paths.PathStep) -> models.PathStep:
    return models.PathStep(
        source=_summarize(snapshot, step.source.key),
        target=_summarize(snapshot, step.target.key),
        observations=len(step.observations),
    )


def _describe_observation(step: int, each: Observation) -> models.Observation:
    reference, related_from = each.reference, each.related_from
    url, date = reference_url(reference), publication_date(reference)
    return models.Observation(
        step=step,
        untrusted_subject=clean_key(each.subject.key),
        untrusted_reference=clean_key(reference.key),
        untrusted_related_from=None if related_from is None else clean_key(related_from.key),
        provenance=cast("models.Provenance", each.provenance),
        relationship=_relation(each.relationship),
        untrusted_title=clean_text(reference.name) if reference.name else None,
        untrusted_url=clean_attribute("url", url) if url else None,
        creation_date=date.isoformat() if date else None,
    )


def _describe_cluster(snapshot: Snapshot, cluster: clusters.Cluster) -> models.Cluster:
    strength = snapshot.clusters.strengths.get(cluster.number)
    return models.Cluster(
        number=cluster.number,
        untrusted_name=clean_text(cluster.name),
        files=len(cluster.files),
        stability=cluster.stability,
        sources=strength.sources if strength else None,
        breaking_point=strength.breaking_point if strength else None,
        breaking_point_exact=strength.is_exact if strength else None,
        open_files=sum(file.key in snapshot.pending_subjects for file in cluster.files),
        subclusters=max(1, len(cluster.subclusters)),
        doubtful=len(cluster.doubtful),
        top_collections=[_describe_distinctive(each) for each in cluster.top_collections],
        top_references=[_describe_distinctive(each) for each in cluster.top_references],
    )


def _describe_distinctive(each: DistinctiveEntity) -> models.DistinctiveNode:
    return models.DistinctiveNode(
        untrusted_key=clean_key(each.entity.key),
        untrusted_label=clean_label(each.entity),
        inside=each.inside,
        outside=each.outside,
    )


def _describe_pair(snapshot: Snapshot, pair: Overlap) -> models.Pair:
    return models.Pair(
        source=_summarize(snapshot, pair.source.key),
        target=_summarize(snapshot, pair.target.key),
        shared_references=pair.shared_references,
        shared_evidence=pair.shared_evidence,
        jaccard=pair.jaccard,
        overlap_coefficient=pair.overlap_coefficient,
        adamic_adar=pair.adamic_adar,
        bits=pair.bits,
        p_value=pair.p_value,
        q_value=pair.q_value,
        cohesion=pair.cohesion,
        independent_references=pair.independent_references,
        publishers=pair.publishers,
    )


def _describe_status(snapshot: Snapshot, row: SubjectStatus) -> models.SubjectList:
    key = row.subject.key
    return models.SubjectList(
        type=_shown_type(row.subject.type),
        untrusted_key=clean_key(key),
        untrusted_label=clean_label(snapshot.entity(key) if key in snapshot.graph else row.subject),
        relationship=_relation(row.relationship),
        state=_state(row.state) or "failed",
        page_count=row.page_count,
        expected_count=row.expected_count,
        received_count=row.received_count,
        inferred_count=row.inferred_count,
        http_status=row.http_status,
        fetched_at=None if row.fetched_at is None else format_timestamp(row.fetched_at),
        untrusted_detail=clean_text(row.detail),
        untrusted_error_code=clean_text(row.error_code),
    )

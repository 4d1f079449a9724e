"""Bridges, compared with networkx and with plain sets."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import networkx as nx
import pytest

from graphbuild.analysis.bridges import find_bridges
from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.incidence import Incidence
from graphbuild.models import Entity, Observation
from tests.support.graphs import OBSERVATIONS
from tests.support.planted_campaigns import MEDIUM, PlantedCampaigns, plant

if TYPE_CHECKING:
    from graphbuild.analysis.bridges import Bridge

# Campaign b is connected only by the reference "both", campaign c only by the collection "joint".
FEW_CONNECTIONS = PlantedCampaigns(
    members={
        **{f"a{n}" * 32: ["a", "a2"] for n in range(3)},
        **{f"b{n}" * 32: ["b"] for n in range(3)},
        **{f"c{n}" * 32: ["c", "joint"] for n in range(3)},
        "dd" * 32: ["joint"],
    },
    holds={
        "a": ["a 1", "a 2"],
        "a2": ["a 1", "both"],
        "b": ["b 1", "b 2", "both"],
        "c": ["c 1", "c 2"],
        "joint": ["j 1", "a 2"],
    },
    loose={"b0" * 32: ["b 9"]},
    truth={},
)


def evidence_graph(observations: list[Observation]) -> nx.Graph:
    graph = nx.Graph()
    for one in observations:
        if one.related_from is None:
            graph.add_edge(one.subject, one.reference)
        else:
            graph.add_edge(one.subject, one.related_from)
            graph.add_edge(one.related_from, one.reference)
    return graph


def components_without(graph: nx.Graph, node) -> tuple[int, int]:
    """Return the number of components with files, and of cut-off files, without ``node``.

    The node is removed and added again, because a filtered view of the graph is ten times slower.
    """
    neighbors = list(graph[node])
    graph.remove_node(node)
    components = {frozenset(nx.node_connected_component(graph, each)) for each in neighbors}
    graph.add_edges_from((node, each) for each in neighbors)
    counts = [sum(each.type == "file" for each in component) for component in components]
    counts = [count for count in counts if count]
    return len(counts), sum(counts) - max(counts)


CAMPAIGNS = [FEW_CONNECTIONS, *(plant(seed) for seed in range(3)), plant(0, MEDIUM)]


@pytest.mark.parametrize("planted", CAMPAIGNS, ids=range(len(CAMPAIGNS)))
def test_components_without_a_node_are_those_of_networkx(planted: PlantedCampaigns) -> None:
    observations = planted.observations()
    incidence = Incidence.from_observations(observations)
    bridges = {
        each.entity: each for each in find_bridges(incidence, find_clusters(incidence)).bridges
    }
    graph = evidence_graph(observations)
    for node in (*incidence.collections, *incidence.references):
        components, cut_off = components_without(graph, node)
        bridge = bridges.get(node)
        if bridge is None:
            assert components == 1
        else:
            assert (bridge.components, bridge.cut_off_files) == (components, cut_off)


@pytest.mark.parametrize("planted", CAMPAIGNS, ids=range(len(CAMPAIGNS)))
def test_connections_of_clusters_are_those_of_plain_sets(planted: PlantedCampaigns) -> None:
    observations = planted.observations()
    incidence = Incidence.from_observations(observations)
    found = find_clusters(incidence)
    cluster = {file: group.number for group in found.clusters for file in group.files}
    clusters_of: dict[object, set[int]] = {}
    files_of: dict[object, set[object]] = {}
    contained: dict[object, set[object]] = {}
    for one in observations:
        for entity in (one.reference, one.related_from):
            if entity is not None:
                clusters_of.setdefault(entity, set()).add(cluster[one.subject])
                files_of.setdefault(entity, set()).add(one.subject)
        contained.setdefault(one.related_from, set()).add(one.reference)
    sole_pairs: dict[object, set[tuple[int, int]]] = {}
    joined = 0
    for pair in combinations(range(1, len(found.clusters) + 1), 2):
        both = [entity for entity, numbers in clusters_of.items() if set(pair) <= numbers]
        collections = [entity for entity in both if entity.type == "collection"]
        covered = {reference for each in collections for reference in contained[each]}
        connections = [each for each in both if each.type == "collection" or each not in covered]
        joined += bool(connections)
        if len(connections) == 1:
            sole_pairs.setdefault(connections[0], set()).add(pair)
    result = find_bridges(incidence, found)
    assert result.joined_pairs == joined
    assert {
        each.entity: set(each.sole_pairs) for each in result.bridges if each.sole_pairs
    } == sole_pairs
    for each in result.bridges:
        assert set(each.clusters) == clusters_of[each.entity]
        assert each.files == len(files_of[each.entity])
    pairs = [(pair, entity) for entity, found in sole_pairs.items() for pair in found]
    assert list(result.single_links) == sorted(pairs, key=lambda link: link[0])


def test_bridges_are_sorted_by_importance() -> None:
    incidence = Incidence.from_observations(FEW_CONNECTIONS.observations())
    bridges = find_bridges(incidence, find_clusters(incidence)).bridges
    assert {each.entity.label for each in bridges if each.sole_pairs} == {"both", "a 2"}
    joint = next(each for each in bridges if each.entity.id == "joint")
    assert (joint.files, joint.components, joint.cut_off_files) == (4, 3, 4)

    def rank(each: Bridge) -> tuple[int, ...]:
        return len(each.sole_pairs), each.cut_off_files, len(each.clusters)

    assert [rank(each) for each in bridges] == sorted(map(rank, bridges), reverse=True)


def test_data_frame_has_one_row_per_bridge() -> None:
    incidence = Incidence.from_observations(FEW_CONNECTIONS.observations())
    result = find_bridges(incidence, find_clusters(incidence))
    frame = result.to_frame()
    assert list(frame["key"]) == [each.entity.key for each in result.bridges]
    assert list(frame["sole_pairs"]) == [len(each.sole_pairs) for each in result.bridges]


def test_no_cut_vertices_if_files_share_several_entities() -> None:
    incidence = Incidence.from_observations(OBSERVATIONS)
    bridges = find_bridges(incidence, find_clusters(incidence)).bridges
    assert [each for each in bridges if each.components > 1] == []
    empty = Incidence.from_observations([])
    assert find_bridges(empty, find_clusters(empty)).bridges == ()


def test_reference_that_alone_connects_files_is_a_cut_vertex() -> None:
    files = [Entity("file", each * 64) for each in "abc"]
    shared = Entity("reference", "1" * 64)
    incidence = Incidence.from_observations(Observation(file, shared, None) for file in files)
    (bridge,) = find_bridges(incidence, find_clusters(incidence)).bridges
    assert (bridge.entity, bridge.components, bridge.cut_off_files) == (shared, 3, 2)

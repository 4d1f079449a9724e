"""Bridges: what joins clusters and what holds files together, beside networkx and plain sets."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import networkx as nx
import pytest

from graphbuild.analysis.bridges import find_bridges
from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.incidence import Incidence
from tests.support.graphs import OBSERVATIONS
from tests.support.planted_campaigns import MEDIUM, PlantedCampaigns, plant

if TYPE_CHECKING:
    from graphbuild.analysis.bridges import Bridge
    from graphbuild.models import Observation

THINNED = PlantedCampaigns(  # a third family hangs on one reference, a fourth on one collection
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


def pieces_without(graph: nx.Graph, node) -> tuple[int, int]:
    """In how many pieces with files its part of the graph falls, and how many files are cut off.

    It is taken out and put back: to look at a graph through a filter takes networkx ten times more.
    """
    near = list(graph[node])
    graph.remove_node(node)
    pieces = {frozenset(nx.node_connected_component(graph, each)) for each in near}
    graph.add_edges_from((node, each) for each in near)
    held = [sum(each.type == "file" for each in piece) for piece in pieces]
    held = [files for files in held if files]
    return len(held), sum(held) - max(held)


WORLDS = [THINNED, *(plant(seed) for seed in range(3)), plant(0, MEDIUM)]


@pytest.mark.parametrize("planted", WORLDS, ids=range(len(WORLDS)))
def test_what_falls_apart_is_what_networkx_finds(planted: PlantedCampaigns) -> None:
    observations = planted.observations()
    incidence = Incidence.from_observations(observations)
    told = {each.entity: each for each in find_bridges(incidence, find_clusters(incidence)).bridges}
    graph = evidence_graph(observations)
    for node in (*incidence.collections, *incidence.references):
        pieces, cut_off = pieces_without(graph, node)
        bridge = told.get(node)
        if bridge is None:
            assert pieces == 1
        else:
            assert (bridge.components, bridge.cut_off_files) == (pieces, cut_off)


@pytest.mark.parametrize("planted", WORLDS, ids=range(len(WORLDS)))
def test_what_joins_clusters_is_what_sets_say(planted: PlantedCampaigns) -> None:
    observations = planted.observations()
    incidence = Incidence.from_observations(observations)
    found = find_clusters(incidence)
    cluster = {file: group.number for group in found.clusters for file in group.files}
    touched: dict[object, set[int]] = {}
    having: dict[object, set[object]] = {}
    held: dict[object, set[object]] = {}
    for one in observations:
        for entity in (one.reference, one.related_from):
            if entity is not None:
                touched.setdefault(entity, set()).add(cluster[one.subject])
                having.setdefault(entity, set()).add(one.subject)
        held.setdefault(one.related_from, set()).add(one.reference)
    alone: dict[object, set[tuple[int, int]]] = {}
    joined = 0
    for pair in combinations(range(1, len(found.clusters) + 1), 2):
        both = [entity for entity, numbers in touched.items() if set(pair) <= numbers]
        collections = [entity for entity in both if entity.type == "collection"]
        covered = {report for each in collections for report in held[each]}
        joiners = [each for each in both if each.type == "collection" or each not in covered]
        joined += bool(joiners)
        if len(joiners) == 1:
            alone.setdefault(joiners[0], set()).add(pair)
    result = find_bridges(incidence, found)
    assert result.joined_pairs == joined
    assert {
        each.entity: set(each.sole_pairs) for each in result.bridges if each.sole_pairs
    } == alone
    for each in result.bridges:
        assert set(each.clusters) == touched[each.entity]
        assert each.files == len(having[each.entity])
    pairs = [(pair, entity) for entity, found in alone.items() for pair in found]
    assert list(result.single_links) == sorted(pairs, key=lambda tie: tie[0])


def test_the_most_needed_come_first() -> None:
    incidence = Incidence.from_observations(THINNED.observations())
    told = find_bridges(incidence, find_clusters(incidence)).bridges
    assert {each.entity.label for each in told if each.sole_pairs} == {"both", "a 2"}
    joint = next(each for each in told if each.entity.id == "joint")
    assert (joint.files, joint.components, joint.cut_off_files) == (4, 3, 4)

    def rank(each: Bridge) -> tuple[int, ...]:
        return len(each.sole_pairs), each.cut_off_files, len(each.clusters)

    assert [rank(each) for each in told] == sorted(map(rank, told), reverse=True)


def test_a_table_has_a_row_for_each_bridge() -> None:
    incidence = Incidence.from_observations(THINNED.observations())
    result = find_bridges(incidence, find_clusters(incidence))
    frame = result.to_frame()
    assert list(frame["key"]) == [each.entity.key for each in result.bridges]
    assert list(frame["sole_pairs"]) == [len(each.sole_pairs) for each in result.bridges]


def test_files_that_have_all_in_common_need_no_bridge_but_what_they_share() -> None:
    incidence = Incidence.from_observations(OBSERVATIONS)
    told = find_bridges(incidence, find_clusters(incidence)).bridges
    assert [each for each in told if each.components > 1] == []
    empty = Incidence.from_observations([])
    assert find_bridges(empty, find_clusters(empty)).bridges == ()

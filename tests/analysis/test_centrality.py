"""Centrality, compared with networkx and igraph."""

from __future__ import annotations

import igraph
import networkx as nx
import pytest
from scipy.stats import spearmanr

from graphbuild.analysis import Incidence, compute_centrality
from graphbuild.analysis.centrality import MAX_EXACT_NODES
from graphbuild.models import Entity, Observation
from tests.support.planted_campaigns import plant

A, B = Entity("file", "a" * 64), Entity("file", "b" * 64)
LEFT, RIGHT = Entity("collection", "left"), Entity("collection", "right")
REFERENCE = Entity("reference", "1" * 64)


def evidence_graph(observations: list[Observation]) -> nx.Graph:
    """Return the graph that the documentation describes: file, collection, reference."""
    graph = nx.Graph()
    for one in observations:
        source = one.related_from or one.subject
        graph.add_edge(one.subject.key, source.key)
        graph.add_edge(source.key, one.reference.key)
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    return graph


def betweenness_by_igraph(graph: nx.Graph) -> dict[str, float]:
    """Return the betweenness of each node; networkx would need half a minute."""
    keys, others = list(graph), len(graph) - 1
    found = igraph.Graph.from_networkx(graph).betweenness(directed=False)
    return {key: 2 * each / others / (others - 1) for key, each in zip(keys, found, strict=True)}


@pytest.mark.parametrize("seed", range(3))
def test_exact_values_are_those_of_networkx(seed: int) -> None:
    observations = plant(seed).observations()
    graph = evidence_graph(observations)
    found = compute_centrality(Incidence.from_observations(observations))
    assert found.samples is None
    betweenness, ranks = (
        nx.betweenness_centrality(graph),
        nx.pagerank(graph, tol=1e-12, max_iter=1_000),
    )
    assert {each.entity.key for each in found.nodes} == set(graph)
    for each in found.nodes:
        key = each.entity.key
        assert each.degree == graph.degree[key]
        assert each.betweenness == pytest.approx(betweenness[key], abs=1e-9)
        assert each.pagerank == pytest.approx(ranks[key], abs=1e-6)
    assert sum(each.pagerank for each in found.nodes) == pytest.approx(1)
    assert [each.betweenness for each in found.nodes] == pytest.approx(
        sorted(betweenness.values(), reverse=True), abs=1e-9
    )


def test_estimated_betweenness_is_close_to_the_exact_values() -> None:
    observations = plant(0).observations()
    more = [
        Observation(A, Entity("reference", f"{number:064x}"), LEFT)
        for number in range(MAX_EXACT_NODES)
    ]
    incidence = Incidence.from_observations([*observations, *more])
    found = compute_centrality(incidence, samples=300)
    assert found.samples == 300
    exact = betweenness_by_igraph(evidence_graph([*observations, *more]))
    positive = [each for each in found.nodes if exact[each.entity.key] > 0]
    expected = [exact[each.entity.key] for each in positive]
    estimated = [each.betweenness for each in positive]
    assert spearmanr(expected, estimated)[0] > 0.9
    assert estimated == pytest.approx(expected, abs=0.02)
    assert found == compute_centrality(incidence, samples=300)


def test_only_connection_of_two_files_is_first() -> None:
    observations = [Observation(A, REFERENCE, LEFT), Observation(B, REFERENCE, RIGHT)]
    first, *_ = compute_centrality(Incidence.from_observations(observations)).nodes
    assert (first.entity, first.degree) == (REFERENCE, 2)
    assert first.betweenness == pytest.approx(
        4 / 6
    )  # shortest paths of 4 of the 6 pairs of other nodes contain it


@pytest.mark.parametrize("observations", [[], [Observation(A, REFERENCE, None)]])
def test_betweenness_is_0_in_graphs_of_fewer_than_three_nodes(observations: list) -> None:
    found = compute_centrality(Incidence.from_observations(observations))
    assert [each.betweenness for each in found.nodes] == [0.0] * (2 * len(observations))


def test_data_frame_has_one_row_per_node() -> None:
    found = compute_centrality(Incidence.from_observations(plant(0).observations()))
    frame = found.to_frame()
    assert list(frame.columns) == ["key", "type", "degree", "betweenness", "pagerank"]
    assert frame["key"].tolist() == [each.entity.key for each in found.nodes]
    assert frame["degree"].dtype == "int64"

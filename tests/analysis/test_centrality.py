"""What stands in the middle, beside networkx and igraph."""

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
REPORT = Entity("reference", "1" * 64)


def evidence(observations: list[Observation]) -> nx.Graph:
    """By the words of the page of documents: file, collection, report; loose reports at files."""
    graph = nx.Graph()
    for one in observations:
        behind = one.related_from or one.subject
        graph.add_edge(one.subject.key, behind.key)
        graph.add_edge(behind.key, one.reference.key)
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    return graph


def counted_by_igraph(graph: nx.Graph) -> dict[str, float]:
    """Betweenness of a graph over which networkx takes half a minute."""
    keys, others = list(graph), len(graph) - 1
    found = igraph.Graph.from_networkx(graph).betweenness(directed=False)
    return {key: 2 * each / others / (others - 1) for key, each in zip(keys, found, strict=True)}


@pytest.mark.parametrize("seed", range(3))
def test_counted_it_is_what_networkx_counts(seed: int) -> None:
    observations = plant(seed).observations()
    graph = evidence(observations)
    found = compute_centrality(Incidence.from_observations(observations))
    assert found.samples is None
    through, walked = (
        nx.betweenness_centrality(graph),
        nx.pagerank(graph, tol=1e-12, max_iter=1_000),
    )
    assert {each.entity.key for each in found.nodes} == set(graph)
    for each in found.nodes:
        key = each.entity.key
        assert each.degree == graph.degree[key]
        assert each.betweenness == pytest.approx(through[key], abs=1e-9)
        assert each.pagerank == pytest.approx(walked[key], abs=1e-6)
    assert sum(each.pagerank for each in found.nodes) == pytest.approx(1)
    assert [each.betweenness for each in found.nodes] == pytest.approx(
        sorted(through.values(), reverse=True), abs=1e-9
    )


def test_estimated_it_ranks_as_counted() -> None:
    observations = plant(0).observations()
    more = [
        Observation(A, Entity("reference", f"{number:064x}"), LEFT)
        for number in range(MAX_EXACT_NODES)
    ]
    incidence = Incidence.from_observations([*observations, *more])
    found = compute_centrality(incidence, samples=300)
    assert found.samples == 300
    through = counted_by_igraph(evidence([*observations, *more]))
    middle = [each for each in found.nodes if through[each.entity.key] > 0]
    counted = [through[each.entity.key] for each in middle]
    estimated = [each.betweenness for each in middle]
    assert spearmanr(counted, estimated)[0] > 0.9
    assert estimated == pytest.approx(counted, abs=0.02)
    assert found == compute_centrality(incidence, samples=300)


def test_what_alone_joins_two_is_first() -> None:
    facts = [Observation(A, REPORT, LEFT), Observation(B, REPORT, RIGHT)]
    first, *_ = compute_centrality(Incidence.from_observations(facts)).nodes
    assert (first.entity, first.degree) == (REPORT, 2)
    assert first.betweenness == pytest.approx(4 / 6)  # of 6 pairs of the others, 4 go through it


@pytest.mark.parametrize("facts", [[], [Observation(A, REPORT, None)]])
def test_where_nothing_stands_between_two_nothing_is_in_the_middle(facts: list) -> None:
    found = compute_centrality(Incidence.from_observations(facts))
    assert [each.betweenness for each in found.nodes] == [0.0] * (2 * len(facts))


def test_a_table_has_a_row_for_each_node() -> None:
    found = compute_centrality(Incidence.from_observations(plant(0).observations()))
    frame = found.to_frame()
    assert list(frame.columns) == ["key", "type", "degree", "betweenness", "pagerank"]
    assert frame["key"].tolist() == [each.entity.key for each in found.nodes]
    assert frame["degree"].dtype == "int64"

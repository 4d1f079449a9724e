"""New nodes in an earlier layout: no known node moves, and no new node overlaps another."""

from __future__ import annotations

import math
import random

import networkx as nx
import pytest

from graphbuild.graph.layout import compute_layout
from graphbuild.graph.placement import extend_layout
from graphbuild.graph.style import size_scale


def campaign_of(files, seed=1, groups=4):
    """Return a graph of ``files`` files. The first files are the same for every number of files."""
    rng = random.Random(seed)
    graph = nx.DiGraph()
    for number in range(files):
        group = rng.randrange(groups)
        add(graph, "file", f"f{number}")
        for reference in rng.sample(range(12), 3):
            add(graph, "reference", f"r{group}-{reference}")
            graph.add_edge(f"f{number}", f"r{group}-{reference}")
            add(graph, "collection", f"c{group}")
            graph.add_edge(f"r{group}-{reference}", f"c{group}")
    return graph


def add(graph, kind, name):
    graph.add_node(name, type=kind, label=name, id=name)


def overlaps(graph, positions, some):
    """Return the pairs of a node in ``some`` and any other node whose circles overlap."""
    radius = size_scale(graph)
    return [
        (one, other)
        for one in some
        for other in graph
        if one != other
        and math.dist(positions[one], positions[other])
        < radius(graph.degree[one]) + radius(graph.degree[other])
    ]


@pytest.mark.parametrize("seed", range(3))
def test_over_20_refreshes_no_known_node_moves_and_no_new_node_overlaps(seed):
    positions = compute_layout(campaign_of(20, seed))
    for refresh in range(1, 21):
        graph = campaign_of(20 + 7 * refresh, seed)
        found = extend_layout(graph, positions)
        assert {key: found[key] for key in positions} == positions
        assert set(found) == set(graph)
        assert overlaps(graph, found, set(graph) - set(positions)) == []
        positions = found


def test_new_nodes_are_near_their_neighbors():
    graph = campaign_of(60)
    positions = compute_layout(graph)
    reference = "r2-1"
    for number in range(10):
        add(graph, "file", f"new{number}")
        graph.add_edge(f"new{number}", reference)
    found = extend_layout(graph, positions)
    diameter = max(math.dist(one, other) for one in found.values() for other in found.values())
    for number in range(10):
        assert math.dist(found[f"new{number}"], found[reference]) < diameter / 5


def test_new_nodes_without_known_neighbors_are_below():
    graph = campaign_of(30)
    positions = compute_layout(graph)
    add(graph, "file", "lone")
    for name in ("f-new", "r-new", "c-new"):
        add(graph, {"f": "file", "r": "reference", "c": "collection"}[name[0]], name)
    graph.add_edges_from([("f-new", "r-new"), ("r-new", "c-new")])
    found = extend_layout(graph, positions)
    lowest = min(y for _, y in positions.values())
    new = set(graph) - set(positions)
    assert len(new) == 4
    assert all(found[key][1] < lowest for key in new)
    assert overlaps(graph, found, new) == []


def test_a_chain_of_new_nodes_is_placed_from_its_known_end():
    graph = campaign_of(10)
    positions = compute_layout(graph)
    add(graph, "reference", "r-new")
    add(graph, "collection", "c-new")
    graph.add_edges_from([("f0", "r-new"), ("r-new", "c-new")])
    found = extend_layout(graph, positions)
    assert math.dist(found["c-new"], found["r-new"]) < math.dist(found["c-new"], found["f0"]) + 60
    assert overlaps(graph, found, ["r-new", "c-new"]) == []


def test_the_result_does_not_depend_on_the_order_of_nodes_and_edges():
    graph = campaign_of(40)
    positions = compute_layout(campaign_of(20))
    shuffled = nx.DiGraph()
    nodes, edges = list(graph.nodes(data=True)), list(graph.edges)
    random.Random(5).shuffle(nodes)
    random.Random(6).shuffle(edges)
    shuffled.add_nodes_from(nodes)
    shuffled.add_edges_from(edges)
    assert dict(extend_layout(shuffled, positions)) == dict(extend_layout(graph, positions))


def test_many_new_nodes_with_the_same_neighbor_are_placed_in_a_disc():
    graph = campaign_of(5)
    positions = compute_layout(graph)
    for number in range(2_000):
        add(graph, "file", f"new{number:04}")
        graph.add_edge(f"new{number:04}", "c0")
    found = extend_layout(graph, positions)
    points = [found[f"new{number:04}"] for number in range(2_000)]
    assert len(set(points)) == 2_000
    assert max(math.dist(point, found["c0"]) for point in points) < 1_500


@pytest.mark.parametrize("earlier", [{}, {"unknown": (0.0, 0.0)}])
def test_without_known_nodes_the_layout_is_computed(earlier):
    graph = campaign_of(10)
    assert dict(extend_layout(graph, earlier)) == dict(compute_layout(graph))

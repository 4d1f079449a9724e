"""The layout: every node has a position, without overlaps, and equal graphs have equal layouts."""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import subprocess
import sys
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.graph import layout, overlap_removal
from graphbuild.graph.layout import MIN_DISTANCE, compute_layout
from graphbuild.graph.style import sign_size_scale, size_scale
from graphbuild.graph.views import fold_groups
from tests.support.paths import ROOT


def graph_of(*links, alone=()):
    """Return a graph from links such as ("f1", "r1"). The first letter is the node type."""
    graph = nx.DiGraph()
    types = {"f": "file", "r": "reference", "c": "collection"}
    for name in [*alone, *(name for link in links for name in link)]:
        graph.add_node(name, type=types.get(name[0], "domain"), label=name, id=name)
    graph.add_edges_from(links)
    return graph


def biclique(files, references, *, collection="c1", prefix=""):
    """Return links of files that all have the same references, as in API responses."""
    names = [f"r{prefix}{index}" for index in range(references)]
    links = [(f"f{prefix}{file}", name) for file in range(files) for name in names]
    return links + [(name, collection) for name in names]


def tangle(files, references, collections, seed=1):
    """Return a graph of files with random references and collections, few of which fold."""
    rng = random.Random(seed)
    links = [(f"r{r}", f"c{rng.randrange(collections)}") for r in range(references)]
    links += [(f"f{f}", f"r{r}") for f in range(files) for r in rng.sample(range(references), 5)]
    return graph_of(*links)


def nearest(positions):
    """Return the smallest distance between two nodes."""
    points = np.array(list(positions.values()))
    apart = np.hypot(*(points[:, axis][:, None] - points[:, axis] for axis in (0, 1)))
    np.fill_diagonal(apart, np.inf)
    return float(apart.min())


def assert_no_overlaps(graph):
    positions = compute_layout(graph)
    assert list(positions) == list(graph)
    assert all(math.isfinite(value) for point in positions.values() for value in point)
    assert all(value == round(value, 1) for point in positions.values() for value in point)
    assert len(positions) < 2 or nearest(positions) >= MIN_DISTANCE


SHAPES = {
    "one node": graph_of(alone=["f1"]),
    "one link": graph_of(("f1", "r1")),
    "a link to itself": graph_of(("f1", "f1")),
    "links both ways": graph_of(("f1", "r1"), ("r1", "f1")),
    "nodes without links": graph_of(alone=[f"f{n}" for n in range(40)]),
    "a star of files": graph_of(*((f"f{n}", "r1") for n in range(30))),
    "a star of few collections": graph_of(*(("r1", f"c{n}") for n in range(9))),
    "a star of many collections": graph_of(*(("r1", f"c{n}") for n in range(300))),
    "a path": graph_of(*((f"x{n}", f"x{n + 1}") for n in range(60))),
    "a ring": graph_of(*((f"x{n}", f"x{(n + 1) % 60}") for n in range(60))),
    "everything with everything": graph_of(
        *((f"x{a}", f"x{b}") for a in range(25) for b in range(25) if a != b)
    ),
    "a biclique": graph_of(*biclique(4, 240)),
    "islands": graph_of(*biclique(3, 20), *biclique(2, 9, collection="c2", prefix="x")),
    "a tangle": tangle(60, 80, 7),
}


@pytest.mark.parametrize("graph", SHAPES.values(), ids=SHAPES)
def test_every_node_has_a_position_and_none_overlap(graph):
    assert_no_overlaps(graph)


def test_an_empty_graph_has_an_empty_layout():
    assert compute_layout(nx.DiGraph()) == {}


def test_a_large_component_without_clusters_is_split():
    assert_no_overlaps(tangle(900, 500, 40))


def test_a_large_cluster_is_split_again(monkeypatch):
    monkeypatch.setattr(layout, "_MAX_DISCS", 60)
    assert_no_overlaps(tangle(900, 500, 40))
    everything = graph_of(*((f"x{a}", f"x{b}") for a in range(80) for b in range(a)))
    monkeypatch.setattr(layout, "_MAX_DISCS", 40)
    assert_no_overlaps(everything)


def test_folded_groups_need_the_space_of_one_sign():
    graph = graph_of(*biclique(4, 240), ("f1", "r0"), ("r0", "c2"))
    groups = fold_groups(graph)
    folded = compute_layout(graph, folded=True).folded
    assert sorted(folded) == sorted(group[0] for group in groups)
    radius_of = sign_size_scale(graph, groups)
    radii = {group[0]: radius_of(graph.degree[group[0]], len(group)) for group in groups}
    for one, other in combinations(folded, 2):
        assert math.dist(folded[one], folded[other]) > radii[one] + radii[other]
    spread = np.ptp(np.array(list(folded.values())), axis=0).max()
    assert spread < np.ptp(np.array(list(compute_layout(graph).values())), axis=0).max() / 1.5
    assert compute_layout(graph).folded is None


def test_members_of_a_cluster_are_close_together():
    graph = tangle(900, 500, 40)
    for number, members in enumerate(nx.community.louvain_communities(graph, seed=1), 1):
        for key in members:
            graph.nodes[key]["cluster"] = number
    assert_no_overlaps(graph)
    positions = compute_layout(graph)
    of = {key: number for key, number in graph.nodes(data="cluster") if number}
    middles = {
        number: np.mean([positions[key] for key, own in of.items() if own == number], axis=0)
        for number in set(of.values())
    }
    everywhere = np.std(list(positions.values()))
    own = [math.dist(positions[key], middles[number]) for key, number in of.items()]
    assert len(middles) > 1
    assert np.mean(own) < everywhere / 2


@pytest.mark.bulk
def test_a_long_path_is_laid_out():
    assert_no_overlaps(graph_of(*((f"x{n}", f"x{n + 1}") for n in range(1_500))))


@pytest.mark.parametrize("name", ["a biclique", "islands", "a tangle", "a star of files"])
def test_no_node_overlaps_another(name):
    graph = SHAPES[name]
    positions, size_of = compute_layout(graph), size_scale(graph)
    points = np.array([positions[node] for node in graph])
    radii = np.array([size_of(graph.degree[node]) for node in graph])
    apart = np.hypot(*(points[:, axis][:, None] - points[:, axis] for axis in (0, 1)))
    np.fill_diagonal(apart, np.inf)
    assert (apart > radii[:, None] + radii).all()


def test_equal_graphs_have_equal_layouts():
    graph = SHAPES["a tangle"]
    assert compute_layout(graph) == compute_layout(graph.copy())


@pytest.mark.parametrize("name", ["islands", "a tangle", "a path"])
def test_the_order_of_nodes_and_links_does_not_matter(name):
    graph = SHAPES[name]
    nodes, links = list(graph.nodes(data=True)), list(graph.edges)
    random.Random(3).shuffle(nodes)
    random.Random(4).shuffle(links)
    shuffled = nx.DiGraph()
    shuffled.add_nodes_from(nodes)
    shuffled.add_edges_from(links)
    assert compute_layout(shuffled) == compute_layout(graph)


_DIGEST = """
import hashlib, json, sys
sys.path.insert(0, sys.argv[1])
import tests.graph.test_layout as here
positions = here.compute_layout(here.tangle(300, 250, 12))
print(hashlib.sha256(json.dumps(sorted(positions.items())).encode()).hexdigest())
"""


@pytest.mark.bulk
def test_hash_order_does_not_matter():
    here = tangle(300, 250, 12)
    expected = hashlib.sha256(json.dumps(sorted(compute_layout(here).items())).encode()).hexdigest()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", _DIGEST, str(ROOT)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == expected


def test_the_graph_is_not_changed():
    graph = SHAPES["islands"]
    before = nx.node_link_data(graph)
    compute_layout(graph)
    assert nx.node_link_data(graph) == before


def test_a_layout_is_centred_and_wider_than_high():
    points = np.array(list(compute_layout(SHAPES["a path"]).values()))
    low, high = points.min(axis=0), points.max(axis=0)
    assert np.abs(low + high).max() < 60
    assert high[0] - low[0] > high[1] - low[1]


# --- folding


def test_nodes_with_equal_neighbors_fold_but_collections_do_not():
    graph = graph_of(("f1", "r1"), ("f2", "r1"), ("f3", "r2"), ("r1", "c1"), ("r1", "c2"))
    assert sorted(fold_groups(graph)) == [["c1"], ["c2"], ["f1", "f2"], ["f3"], ["r1"], ["r2"]]


def test_nodes_of_different_types_do_not_fold():
    assert sorted(fold_groups(graph_of(("f1", "r1"), ("x1", "r1")))) == [["f1"], ["r1"], ["x1"]]


def test_direction_counts_when_folding():
    assert ["x1", "x2"] not in fold_groups(graph_of(("x1", "r1"), ("r1", "x2")))


def test_every_node_is_in_exactly_one_group():
    graph = SHAPES["a tangle"]
    assert sorted(node for group in fold_groups(graph) for node in group) == sorted(graph)


def test_linked_groups_are_linked_by_all_pairs():
    graph = SHAPES["islands"]
    for one in fold_groups(graph):
        for two in fold_groups(graph):
            links = sum(graph.has_edge(a, b) for a in one for b in two)
            assert links in {0, len(one) * len(two)}


def test_members_of_a_group_are_close_together():
    graph = SHAPES["islands"]
    positions = compute_layout(graph)
    for group in fold_groups(graph):
        points = np.array([positions[node] for node in group])
        middle = points.mean(axis=0)
        reach = np.hypot(*(points - middle).T).max()
        others = np.array([positions[node] for node in graph if node not in group])
        assert (np.hypot(*(others - middle).T) > reach).all()


# --- any graph


@st.composite
def graphs(draw):
    names = [f"{kind}{n}" for kind in "frcx" for n in range(draw(st.integers(0, 6)))]
    if not names:
        return nx.DiGraph()
    ends = st.sampled_from(names)
    return graph_of(*draw(st.lists(st.tuples(ends, ends), max_size=40)), alone=names)


@settings(max_examples=60)
@given(graphs())
def test_any_graph_is_laid_out_without_overlaps(graph):
    assert_no_overlaps(graph)


def test_the_same_pairs_are_found_as_by_comparing_all():
    rng = np.random.default_rng(3)
    room = np.where(rng.uniform(size=3_000) < 0.01, 300.0, rng.uniform(5, 30, 3_000))
    centers = rng.uniform(-900, 900, (3_000, 2))
    apart = np.hypot(*(centers[:, axis][:, None] - centers[:, axis] for axis in (0, 1)))
    expected = np.argwhere(np.triu(apart < room[:, None] + room + 7.0, 1))
    assert np.array_equal(overlap_removal.close_pairs(centers, room, margin=7.0), expected)


def test_discs_do_not_overlap_if_the_steps_are_not_enough(monkeypatch):
    monkeypatch.setattr(overlap_removal, "_STEPS", 1)
    rng = np.random.default_rng(5)
    centers = overlap_removal.remove_overlaps(rng.uniform(-9, 9, (80, 2)), np.full(80, 6.0))
    assert nearest(dict(enumerate(centers.tolist()))) > MIN_DISTANCE

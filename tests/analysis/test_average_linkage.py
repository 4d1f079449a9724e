"""Average linkage gives the clusters of scipy, with both ways to find the most similar clusters."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from graphbuild.analysis.average_linkage import SimilarityGraph, merge_similar

MINIMUM = 0.2
ALWAYS, NEVER = 0.0, 2.0  # values of ``dense``: for components of any density, for none


@st.composite
def graphs(draw) -> SimilarityGraph:
    """Draw a random graph; the similarities are distinct, so that no two merges are equal."""
    count = draw(st.integers(1, 12))
    sizes = np.array(draw(st.lists(st.integers(1, 4), min_size=count, max_size=count)))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    present = generator.random((count, count)) < draw(st.floats(0, 1))
    source, target = np.nonzero(np.triu(present, 1))
    return SimilarityGraph(sizes, source, target, generator.random(len(source)))


def dense_matrix(graph: SimilarityGraph) -> np.ndarray:
    """Return the similarity of each two files; files of one node have a similarity of 1."""
    count = len(graph.sizes)
    matrix = np.eye(count)
    matrix[graph.source, graph.target] = matrix[graph.target, graph.source] = graph.similarity
    node = np.repeat(np.arange(count), graph.sizes)
    return matrix[np.ix_(node, node)]


def sets_of(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == number).tolist()) for number in set(labels)}


@pytest.mark.parametrize("dense", [ALWAYS, NEVER])
@given(graph=graphs())
def test_clusters_are_those_of_scipy(dense: float, graph: SimilarityGraph) -> None:
    found = merge_similar(graph, MINIMUM, dense=dense)
    files = np.repeat(found, graph.sizes)
    if len(files) == 1:
        assert files.tolist() == [0]
        return
    tree = linkage(squareform(1 - dense_matrix(graph), checks=False), "average")
    assert sets_of(files) == sets_of(fcluster(tree, 1 - MINIMUM, "distance"))


@pytest.mark.parametrize("dense", [ALWAYS, NEVER])
def test_equal_similarities_are_merged(dense: float) -> None:
    for graph in (nx.complete_graph(9), nx.cycle_graph(9), nx.star_graph(8), nx.path_graph(9)):
        source, target = np.array(sorted(map(sorted, graph.edges))).T
        sizes, similarity = np.ones(9, np.int64), np.full(len(source), 0.9)
        labels = merge_similar(
            SimilarityGraph(sizes, source, target, similarity), 1e-9, dense=dense
        )
        assert labels.tolist() == [0] * 9


@pytest.mark.parametrize("dense", [ALWAYS, NEVER])
def test_clusters_are_numbered_by_their_first_node(dense: float) -> None:
    graph = SimilarityGraph(
        np.ones(6, np.int64), np.array([0, 1]), np.array([5, 3]), np.array([0.5, 0.6])
    )
    assert merge_similar(graph, 0.5, dense=dense).tolist() == [0, 1, 2, 1, 3, 0]


def test_without_edges_each_node_is_a_cluster() -> None:
    none = np.zeros(0, np.int64)
    for count in (0, 3):
        graph = SimilarityGraph(np.ones(count, np.int64), none, none, np.zeros(0))
        assert merge_similar(graph, MINIMUM).tolist() == list(range(count))
        assert graph.modularity(np.arange(count)) == 0


@given(graphs())
def test_modularity_is_that_of_networkx(graph: SimilarityGraph) -> None:
    labels = merge_similar(graph, MINIMUM)
    weighted = nx.from_numpy_array(np.triu(dense_matrix(graph), 1))
    files = np.repeat(labels, graph.sizes)
    if weighted.size(weight="weight") == 0:
        assert graph.modularity(labels) == 0
        return
    theirs = nx.community.modularity(weighted, sets_of(files))
    assert graph.modularity(labels) == pytest.approx(theirs)

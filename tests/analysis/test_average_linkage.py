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
    """Draw a random graph without wide evidence.

    The similarities are distinct, so that no two merges are equal.
    """
    count = draw(st.integers(1, 12))
    sizes = np.array(draw(st.lists(st.integers(1, 4), min_size=count, max_size=count)))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    present = generator.random((count, count)) < draw(st.floats(0, 1))
    source, target = np.nonzero(np.triu(present, 1))
    return without_wide(sizes, source, target, generator.random(len(source)))


@st.composite
def graphs_with_wide_evidence(draw) -> SimilarityGraph:
    """Draw a random graph in which any two nodes can be similar because of wide evidence."""
    graph = draw(graphs())
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    wide = generator.random((len(graph.sizes), 2))
    wide[generator.random(wide.shape) < draw(st.floats(0, 1))] = 0
    weight = np.array([0.3, 0.2])
    return graph._replace(similarity=graph.similarity / 2, wide_left=wide * weight, wide_right=wide)


def without_wide(
    sizes: np.ndarray, source: np.ndarray, target: np.ndarray, similarity: np.ndarray
) -> SimilarityGraph:
    none = np.zeros((len(sizes), 0))
    return SimilarityGraph(sizes, source, target, similarity, none, none)


def dense_matrix(graph: SimilarityGraph) -> np.ndarray:
    """Return the similarity of each two files; files of one node have a similarity of 1."""
    matrix = graph.wide_left @ graph.wide_right.T
    matrix[graph.source, graph.target] += graph.similarity
    matrix[graph.target, graph.source] += graph.similarity
    np.fill_diagonal(matrix, 1)
    count = len(graph.sizes)
    node = np.repeat(np.arange(count), graph.sizes)
    return matrix[np.ix_(node, node)]


def sets_of(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == number).tolist()) for number in set(labels)}


@pytest.mark.parametrize("dense", [ALWAYS, NEVER])
@given(graph=graphs())
def test_clusters_are_those_of_scipy(dense: float, graph: SimilarityGraph) -> None:
    check_clusters(merge_similar(graph, MINIMUM, dense=dense), graph)


def check_clusters(found: np.ndarray, graph: SimilarityGraph) -> None:
    """Compare clusters with those of scipy; ``found`` contains the cluster of each node."""
    files = np.repeat(found, graph.sizes)
    if len(files) == 1:
        assert files.tolist() == [0]
        return
    tree = linkage(squareform(1 - dense_matrix(graph), checks=False), "average")
    assert sets_of(files) == sets_of(fcluster(tree, 1 - MINIMUM, "distance"))


@pytest.mark.parametrize("dense", [ALWAYS, NEVER])
@given(graph=graphs_with_wide_evidence())
def test_wide_evidence_counts_in_the_means(dense: float, graph: SimilarityGraph) -> None:
    """If an edge connects each two nodes, nothing is approximated."""
    complete = np.triu_indices(len(graph.sizes), 1)
    of_edges = np.zeros((len(graph.sizes), len(graph.sizes)))
    of_edges[graph.source, graph.target] = graph.similarity
    source, target = complete
    graph = graph._replace(source=source, target=target, similarity=of_edges[complete])
    check_clusters(merge_similar(graph, MINIMUM, dense=dense), graph)


@given(graphs_with_wide_evidence())
def test_wide_evidence_alone_merges_no_clusters(graph: SimilarityGraph) -> None:
    edges = nx.Graph(zip(graph.source.tolist(), graph.target.tolist(), strict=True))
    edges.add_nodes_from(range(len(graph.sizes)))
    for nodes in sets_of(merge_similar(graph, MINIMUM, dense=NEVER)):
        assert nx.is_connected(edges.subgraph(nodes))


@pytest.mark.parametrize("dense", [ALWAYS, NEVER])
def test_equal_similarities_are_merged(dense: float) -> None:
    for graph in (nx.complete_graph(9), nx.cycle_graph(9), nx.star_graph(8), nx.path_graph(9)):
        source, target = np.array(sorted(map(sorted, graph.edges))).T
        sizes, similarity = np.ones(9, np.int64), np.full(len(source), 0.9)
        one_cluster = without_wide(sizes, source, target, similarity)
        labels = merge_similar(one_cluster, 1e-9, dense=dense)
        assert labels.tolist() == [0] * 9


@pytest.mark.parametrize("dense", [ALWAYS, NEVER])
def test_clusters_are_numbered_by_their_first_node(dense: float) -> None:
    graph = without_wide(
        np.ones(6, np.int64), np.array([0, 1]), np.array([5, 3]), np.array([0.5, 0.6])
    )
    assert merge_similar(graph, 0.5, dense=dense).tolist() == [0, 1, 2, 1, 3, 0]


def test_without_edges_each_node_is_a_cluster() -> None:
    none = np.zeros(0, np.int64)
    for count in (0, 3):
        graph = without_wide(np.ones(count, np.int64), none, none, np.zeros(0))
        assert merge_similar(graph, MINIMUM).tolist() == list(range(count))
        assert graph.modularity(np.arange(count)) == 0


@given(graphs() | graphs_with_wide_evidence())
def test_modularity_is_that_of_networkx(graph: SimilarityGraph) -> None:
    labels = merge_similar(graph, MINIMUM)
    weighted = nx.from_numpy_array(np.triu(dense_matrix(graph), 1))
    files = np.repeat(labels, graph.sizes)
    if weighted.size(weight="weight") == 0:
        assert graph.modularity(labels) == 0
        return
    theirs = nx.community.modularity(weighted, sets_of(files))
    assert graph.modularity(labels) == pytest.approx(theirs)

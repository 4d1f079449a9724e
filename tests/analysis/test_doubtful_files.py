"""Doubtful files: the mark follows its definition, and marks files of the wrong cluster."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.analysis.average_linkage import SimilarityGraph
from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.doubtful_files import MAX_SILHOUETTE, NOT_DOUBTFUL, find_doubtful
from graphbuild.analysis.incidence import Incidence
from tests.support import family_mixes
from tests.support.planted_campaigns import PlantedCampaigns

LISTS = 6


@st.composite
def clustered_graphs(draw) -> tuple[SimilarityGraph, list[int]]:
    """Draw a graph of up to eight nodes, and the cluster of each node."""
    labels = draw(st.lists(st.integers(0, 2), min_size=1, max_size=8))
    labels = np.unique(labels, return_inverse=True)[1].tolist()
    count = len(labels)
    sizes = draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
    pairs = [(one, other) for other in range(count) for one in range(other)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    similarity = [draw(st.sampled_from([0.2, 0.4, 0.5, 0.8, 1.0])) for _ in edges]
    source, target = np.array(edges, np.int64).reshape(-1, 2).T
    wide = np.array([[draw(st.sampled_from([0, 0.1, 0.3]))] for _ in sizes], float)
    return SimilarityGraph(
        np.array(sizes), source, target, np.array(similarity, float), wide, wide
    ), labels


@settings(max_examples=300, deadline=None)
@given(clustered_graphs())
def test_doubtful_files_are_those_with_a_low_silhouette_width(drawn) -> None:
    graph, labels = drawn
    found = find_doubtful(graph, np.array(labels)).tolist()
    files = [node for node, size in enumerate(graph.sizes.tolist()) for _ in range(size)]
    linked = {(one, labels[other]) for one, other in ends(graph)}
    linked |= {(other, labels[one]) for one, other in ends(graph)}
    for number, node in enumerate(files):
        means = {}
        for cluster in sorted(set(labels)):
            others = [f for at, f in enumerate(files) if at != number and labels[f] == cluster]
            if others and (cluster == labels[node] or (node, cluster) in linked):
                means[cluster] = np.mean([similarity_of(graph, node, other) for other in others])
        own = means.pop(labels[node], None)
        other = max(means, key=lambda cluster: round(means[cluster], 9), default=NOT_DOUBTFUL)
        best = means.get(other, 0)
        doubtful = own is not None and best > 0 and best >= (1 - MAX_SILHOUETTE) * own - 1e-9
        assert found[node] == (other if doubtful else NOT_DOUBTFUL)


def similarity_of(graph: SimilarityGraph, one: int, other: int) -> float:
    if one == other:
        return 1.0
    found = float(graph.wide_left[one] @ graph.wide_right[other])
    for edge, similarity in zip(ends(graph), graph.similarity.tolist(), strict=True):
        if set(edge) == {one, other}:
            found += similarity
    return found


def ends(graph: SimilarityGraph) -> list[tuple[int, int]]:
    return list(zip(graph.source.tolist(), graph.target.tolist(), strict=True))


def test_a_file_in_the_collections_of_two_families_is_doubtful() -> None:
    holds = {
        f"{family}{n}": [f"{family}{n} {each}" for each in range(6)]
        for family in "ab"
        for n in range(2)
    }
    members = {f"{n:02x}" * 32: [f"{'ab'[n % 2]}{each}" for each in range(2)] for n in range(12)}
    between = "ff" * 32
    members[between] = list(holds)
    found = find_clusters(
        Incidence.from_observations(PlantedCampaigns(members, holds, {}, {}).observations())
    )
    assert len(found) == 2
    ((doubt, other),) = [(file, other) for each in found for file, other in each.doubtful]
    assert doubt.id == between
    own = next(each for each in found if doubt in each.files)
    assert {own.number, other} == {1, 2}
    frame = found.to_frame().set_index("file")
    assert frame.index[frame["doubtful"]].tolist() == [doubt.key]
    assert frame.loc[doubt.key, "other_cluster"] == other


@pytest.mark.bulk
def test_doubtful_files_are_more_often_in_the_wrong_cluster() -> None:
    """A file is in the wrong cluster if most files of the cluster are of another family."""
    wrong: dict[bool, list[bool]] = {True: [], False: []}
    for seed in range(LISTS):
        rng = Random(f"doubtful {seed}")
        world = family_mixes.mix(family_mixes.generated(seed), rng, 30, (4, 25))
        for _ in range(4):
            world = family_mixes.with_wrong_collections(world, rng)
        for each in find_clusters(Incidence.from_observations(world.observations()), runs=1):
            families = [world.truth[file.id] for file in each.files]
            main = np.bincount(families).argmax()
            doubtful = {file for file, _ in each.doubtful}
            for file, family in zip(each.files, families, strict=True):
                wrong[file in doubtful].append(bool(family != main))
    assert np.mean(wrong[True]) > 10 * np.mean(wrong[False])
    assert len(wrong[True]) < 0.1 * len(wrong[False])

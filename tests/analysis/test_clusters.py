"""Clusters: planted campaigns are found, and all values are those of other libraries."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from scipy.stats import chi2_contingency
from sklearn.metrics import adjusted_mutual_info_score

from graphbuild.analysis.clusters import WeightedGraph, best_jaccard, find_clusters, leiden
from graphbuild.analysis.incidence import Incidence
from graphbuild.models import Entity, Observation
from tests.bench.clusters import of_groups, raw_projection
from tests.support.graphs import OBSERVATIONS
from tests.support.planted_campaigns import MEDIUM, SMALL, PlantedCampaigns, plant, shuffled

DATA_SETS = [*((SMALL, seed) for seed in range(15)), *((MEDIUM, seed) for seed in range(5))]


def incidence_of(planted: PlantedCampaigns) -> Incidence:
    return Incidence.from_observations(planted.observations())


@pytest.mark.bulk
@pytest.mark.parametrize(("size", "seed"), DATA_SETS, ids=str)
def test_planted_campaigns_are_found_better_than_by_common_methods(size, seed) -> None:
    """``make bench CASES=clusters`` also covers large data sets."""
    planted = plant(seed, size)
    incidence = incidence_of(planted)
    truth = [planted.truth[file.id] for file in incidence.files]
    ours = adjusted_mutual_info_score(truth, find_clusters(incidence).labels)
    raw = raw_projection(incidence)
    louvain = of_groups(truth, nx.community.louvain_communities(raw, seed=seed))
    components = of_groups(truth, nx.connected_components(raw))
    assert ours >= 0.95
    assert ours > max(louvain, components)


def test_files_of_collections_with_significant_overlap_are_in_one_cluster() -> None:
    """Two collections share references but no file; the other collections share nothing."""
    holds = {f"c{n}": [f"{n} {each}" for each in range(8)] for n in range(12)}
    holds["second"] = [*holds["c0"][:6], "second 6", "second 7"]
    members = {f"{n:02x}{each:02x}" * 16: [f"c{n}"] for n in range(12) for each in range(4)}
    members |= {f"ee{each:02x}" * 16: ["second"] for each in range(4)}
    found = find_clusters(incidence_of(PlantedCampaigns(members, holds, {}, {})))
    (joined,) = [group for group in found.clusters if len(group.files) == 8]
    assert {distinctive.entity.id for distinctive in joined.top_collections} == {"c0", "second"}
    assert len(found.clusters) == 12


def test_same_seed_gives_same_clusters_in_any_order_of_observations() -> None:
    observations = plant(2, MEDIUM).observations()
    one = find_clusters(Incidence.from_observations(observations))
    other = find_clusters(Incidence.from_observations(reversed(observations)))
    assert one.clusters == other.clusters
    assert (one.labels == other.labels).all()
    assert (one.resolution, one.modularity) == (other.resolution, other.modularity)


def test_each_file_is_in_one_cluster_and_the_largest_cluster_is_first() -> None:
    incidence = incidence_of(plant(3))
    found = find_clusters(incidence)
    members = [file for group in found.clusters for file in group.files]
    assert Counter(members) == Counter(incidence.files)
    sizes = [len(group.files) for group in found.clusters]
    assert sizes == sorted(sizes, reverse=True)
    assert [group.number for group in found.clusters] == list(range(1, len(sizes) + 1))
    of = {file: group.number for group in found.clusters for file in group.files}
    assert [of[file] for file in incidence.files] == found.labels.tolist()


def test_files_with_equal_evidence_are_not_merged_with_files_that_hardly_share_any() -> None:
    """Each of two linked nodes represents files with identical evidence."""
    inner = WeightedGraph(2, np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([5.0, 1.0, 5.0]))
    assert leiden(inner)(1.0, 0).tolist() == [0, 1]
    linked = inner._replace(weight=np.array([0.1, 1.0, 0.1]))
    assert leiden(linked)(1.0, 0).tolist() == [0, 0]


@pytest.mark.parametrize("seed", [0, 1, 7, 2**32 - 1])
def test_clusters_of_clear_campaigns_do_not_depend_on_the_seed(seed: int) -> None:
    incidence = incidence_of(plant(4))
    assert find_clusters(incidence, seed=seed).clusters == find_clusters(incidence).clusters


# --- values --------------------------------------------------------------------------------------


def weighted_graph(graph: nx.Graph) -> WeightedGraph:
    rows = [(one, other, weight) for one, other, weight in graph.edges(data="weight")]
    one, other, weight = (np.array(column) for column in zip(*rows, strict=True))
    return WeightedGraph(len(graph), one, other, weight.astype(float))


def generated_graph() -> tuple[nx.Graph, np.ndarray, list[set[int]]]:
    graph = nx.planted_partition_graph(4, 8, 0.8, 0.1, seed=4)
    for number, edge in enumerate(sorted(graph.edges)):
        graph.edges[edge]["weight"] = 1 + number % 3
    graph.add_edge(3, 3, weight=5)  # the edges inside a merged node
    label = np.arange(32) // 8
    return graph, label, [set(range(n, n + 8)) for n in range(0, 32, 8)]


@pytest.mark.parametrize("resolution", [0.5, 1.0, 2.7])
def test_modularity_is_that_of_networkx(resolution: float) -> None:
    graph, label, groups = generated_graph()
    theirs = nx.community.modularity(graph, groups, resolution=resolution)
    assert weighted_graph(graph).modularity(label, resolution) == pytest.approx(theirs)


def test_implied_resolution_maximizes_the_likelihood() -> None:
    """The expected value follows from the likelihood of the planted partition model."""
    graph, label, groups = generated_graph()
    degree, m = dict(graph.degree(weight="weight")), graph.size(weight="weight")
    inside = sum(graph.subgraph(group).size(weight="weight") for group in groups)
    pairs = sum(sum(degree[node] for node in group) ** 2 for group in groups) / (4 * m)
    # Edge weights are Poisson variables with mean omega k_i k_j / 2m. The likelihood is highest if
    # each omega is the observed weight divided by the expected weight.
    within, between = inside / pairs, (m - inside) / (m - pairs)
    expected = (within - between) / (np.log(within) - np.log(between))
    assert weighted_graph(graph).implied_resolution(label) == pytest.approx(expected)
    assert weighted_graph(graph).implied_resolution(np.zeros(32, int)) is None
    assert weighted_graph(graph).implied_resolution(np.arange(32) % 8) is None  # worse than chance


def test_log_likelihood_ratio_is_that_of_scipy() -> None:
    planted = plant(5)
    incidence = incidence_of(planted)
    found = find_clusters(incidence)
    for group in found.clusters:
        inside = {file.id for file in group.files}
        assert list(group.top_collections) == sorted(
            group.top_collections, key=lambda t: -t.log_likelihood
        )
        for distinctive in group.top_collections:
            files_with = {f for f, held in planted.members.items() if distinctive.entity.id in held}
            assert distinctive.inside == len(files_with & inside)
            assert distinctive.outside == len(files_with - inside)
            share = distinctive.inside / len(inside) / (len(files_with) / len(planted.members))
            assert distinctive.lift == pytest.approx(share)
            others = len(planted.members) - len(inside)
            table = [
                [distinctive.inside, len(inside) - distinctive.inside],
                [distinctive.outside, others - distinctive.outside],
            ]
            theirs = chi2_contingency(table, correction=False, lambda_="log-likelihood")
            assert distinctive.log_likelihood == pytest.approx(theirs.statistic)


def test_cluster_name_is_a_collection_of_its_campaign() -> None:
    planted = plant(6)
    found = find_clusters(incidence_of(planted))
    for group in found.clusters:
        ((campaign, _),) = Counter(planted.truth[file.id] for file in group.files).most_common(1)
        assert group.name.startswith(f"c{campaign}-")
        assert group.top_references[0].entity.label.startswith(f"campaign {campaign} ")


def test_best_jaccard_is_the_index_of_the_most_similar_cluster() -> None:
    label, other = np.array([0, 0, 0, 1, 1, 2]), np.array([1, 1, 0, 0, 0, 2])
    assert best_jaccard(label, other).tolist() == pytest.approx([2 / 3, 2 / 3, 1.0])
    assert best_jaccard(other, label).tolist() == pytest.approx([2 / 3, 2 / 3, 1.0])
    assert best_jaccard(label, np.zeros(6, int)).tolist() == pytest.approx([3 / 6, 2 / 6, 1 / 6])


def test_stability_is_low_if_runs_disagree() -> None:
    clear = find_clusters(incidence_of(plant(0)))
    assert {group.stability for group in clear.clusters} == {1.0}
    assert clear.agreement == 1.0
    vague = find_clusters(incidence_of(shuffled(plant(0), 0)))
    assert vague.agreement < 0.9
    assert all(0 < group.stability <= 1 for group in vague.clusters)


def test_files_with_identical_evidence_are_in_one_cluster() -> None:
    planted = plant(7)
    found = find_clusters(incidence_of(planted))
    cluster = {file.id: group.number for group in found.clusters for file in group.files}
    for one, other in combinations(planted.members, 2):
        alike = set(planted.members[one]) == set(planted.members[other])
        if alike and not planted.loose.get(one) and not planted.loose.get(other):
            assert cluster[one] == cluster[other]


def test_file_without_shared_evidence_is_its_own_cluster() -> None:
    files = [Entity("file", f"{n:064x}") for n in range(3)]
    observations = [
        Observation(file, Entity("reference", f"{n:064x}"), None) for n, file in enumerate(files)
    ]
    found = find_clusters(Incidence.from_observations(observations))
    assert [group.files for group in found.clusters] == [(file,) for file in files]
    assert find_clusters(Incidence.from_observations([])).clusters == ()
    assert find_clusters(Incidence.from_observations([])).agreement == 1.0


def test_data_frame_has_one_row_per_file() -> None:
    found = find_clusters(Incidence.from_observations(OBSERVATIONS))
    frame = found.to_frame()
    assert list(frame.columns) == ["file", "cluster", "cluster_name", "stability"]
    assert len(frame) == 2
    assert set(frame["cluster"]) == set(found.labels.tolist())

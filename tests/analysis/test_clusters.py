"""Clusters: planted campaigns are found, and all values are those of other libraries."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from sklearn.metrics import adjusted_mutual_info_score

from graphbuild.analysis.clusters import best_jaccard, find_clusters
from graphbuild.analysis.incidence import Incidence
from graphbuild.models import Entity, Observation
from tests.bench.clusters import of_groups, raw_projection
from tests.support import family_mixes, real_families
from tests.support.graphs import OBSERVATIONS
from tests.support.planted_campaigns import MEDIUM, SMALL, PlantedCampaigns, plant, shuffled

if TYPE_CHECKING:
    from graphbuild.analysis.clusters import Clustering

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


def test_files_of_collections_with_many_common_references_are_in_one_cluster() -> None:
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
    assert one.modularity == other.modularity


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


@pytest.mark.parametrize("seed", [1, 7, 2**32 - 1])
def test_the_seed_changes_only_the_stability(seed: int) -> None:
    incidence = incidence_of(plant(4, thin=True))
    one, other = find_clusters(incidence), find_clusters(incidence, seed=seed)
    assert sets_of(one) == sets_of(other)
    assert one.modularity == other.modularity
    assert one.clusters == find_clusters(incidence).clusters
    assert other.clusters == find_clusters(incidence, seed=seed).clusters


# --- laws ----------------------------------------------------------------------------------------


@st.composite
def worlds(draw, prefix: str) -> list[Observation]:
    """Draw observations of up to eight files; the names of all entities begin with ``prefix``."""
    references = [Entity("reference", f"{prefix}r{number}") for number in range(6)]
    names = st.sampled_from([None, *(f"{prefix}c{number}" for number in range(5))])
    holds = {
        name: draw(st.lists(st.sampled_from(references), min_size=1, max_size=4, unique=True))
        for name in (f"{prefix}c{number}" for number in range(5))
    }
    rows = []
    for number in range(draw(st.integers(1, 8))):
        file = Entity("file", f"{draw(st.integers(0, 9))}{prefix}f{number}")
        for name in draw(st.lists(names, min_size=1, max_size=3, unique=True)):
            if name is None:
                rows.append(Observation(file, draw(st.sampled_from(references)), None))
            else:
                collection = Entity("collection", name)
                rows += [Observation(file, each, collection) for each in holds[name]]
    return rows


@settings(max_examples=200, deadline=None)
@given(worlds("x"), worlds("y"))
def test_files_without_common_evidence_do_not_change_the_clusters(first, second) -> None:
    alone = sets_of(find_clusters(first, runs=1)) | sets_of(find_clusters(second, runs=1))
    assert sets_of(find_clusters([*first, *second], runs=1)) == alone


@settings(max_examples=50, deadline=None)
@given(worlds("x"), st.randoms(use_true_random=False))
def test_the_order_of_observations_does_not_change_the_result(rows, random) -> None:
    mixed = list(rows)
    random.shuffle(mixed)
    assert find_clusters(rows, runs=2).clusters == find_clusters(mixed, runs=2).clusters


@settings(max_examples=50, deadline=None)
@given(worlds("x"))
def test_files_of_one_cluster_are_connected_by_evidence(rows) -> None:
    graph = nx.Graph((each.subject.key, each.reference.key) for each in rows)
    graph.add_edges_from(
        (each.subject.key, each.related_from.key) for each in rows if each.related_from
    )
    component = {
        key: number for number, keys in enumerate(nx.connected_components(graph)) for key in keys
    }
    for keys in sets_of(find_clusters(rows, runs=1)):
        assert len({component[key] for key in keys}) == 1


@pytest.mark.skipif(not real_families.is_present(), reason="no data of real families")
@pytest.mark.bulk
@pytest.mark.parametrize("seed", range(50))
def test_unrelated_files_do_not_change_the_clusters_of_real_files(seed: int) -> None:
    """Another list is unrelated if it has no collection and no reference of the first."""
    families = family_mixes.real(real_families.DATA)
    one, other = (
        family_mixes.mix(families, Random(f"{seed} {number}"), 20, (4, 25)).observations()
        for number in range(2)
    )
    known = {each.related_from for each in one} | {each.reference for each in one}
    unrelated = evidence_apart(other, known)
    assert len({each.subject for each in unrelated}) >= 10
    first = sets_of(find_clusters(one, runs=1))
    assert first <= sets_of(find_clusters([*one, *unrelated], runs=1))


def evidence_apart(rows: list[Observation], known: set[Entity | None]) -> list[Observation]:
    """Return the observations that no path of evidence connects with the entities ``known``."""
    graph = nx.Graph((each.subject.key, each.reference.key) for each in rows)
    graph.add_edges_from(
        (each.subject.key, each.related_from.key) for each in rows if each.related_from
    )
    graph.add_edges_from(("known", each.key) for each in known if each and each.key in graph)
    related = nx.node_connected_component(graph, "known") if "known" in graph else set()
    return [each for each in rows if each.subject.key not in related]


def sets_of(found: Clustering) -> set[frozenset[str]]:
    return {frozenset(file.key for file in each.files) for each in found.clusters}


# --- shapes of evidence --------------------------------------------------------------------------


def test_a_round_up_does_not_merge_families() -> None:
    """Half of the files of each of ten families are also in a collection of all families."""
    holds = {f"c{n}": [f"{n} {each}" for each in range(8)] for n in range(10)}
    holds["round-up"] = [f"{n} 0" for n in range(10)]
    files = {n: [f"{n:02x}{each:02x}" * 16 for each in range(6)] for n in range(10)}
    members = {file: [f"c{n}"] for n in files for file in files[n]}
    for n in files:
        for file in files[n][:3]:
            members[file].append("round-up")
    found = find_clusters(incidence_of(PlantedCampaigns(members, holds, {}, {})))
    assert sets_of(found) == {frozenset(f"file:{file}" for file in files[n]) for n in files}


def test_one_family_with_several_collections_is_one_cluster() -> None:
    """All files are in the collection of the family, and each is in a smaller one."""
    holds = {name: [f"{name} {each}" for each in range(6)] for name in ("all", "a", "b", "c")}
    members = {f"{n:02x}" * 32: ["all", "abc"[n % 3]] for n in range(12)}
    found = find_clusters(incidence_of(PlantedCampaigns(members, holds, {}, {})))
    assert [len(group.files) for group in found] == [12]


def test_small_families_stay_apart_in_long_lists() -> None:
    """Two families of two files share one reference of eight, among 300 other families."""
    holds = {f"c{n}": [f"{n} {each}" for each in range(8)] for n in range(302)}
    holds["c1"][0] = holds["c0"][0]
    members = {f"{n:04x}{each:04x}" * 8: [f"c{n}"] for n in range(302) for each in range(2)}
    found = find_clusters(incidence_of(PlantedCampaigns(members, holds, {}, {})), runs=1)
    assert [len(group.files) for group in found] == [2] * 302


# --- values --------------------------------------------------------------------------------------


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
    assert clear.mean_stability > 0.95
    vague = find_clusters(incidence_of(shuffled(plant(0), 0)))
    assert vague.mean_stability < 0.9
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
    assert find_clusters(Incidence.from_observations([])).mean_stability == 1.0


def test_data_frame_has_one_row_per_file() -> None:
    found = find_clusters(Incidence.from_observations(OBSERVATIONS))
    frame = found.to_frame()
    assert list(frame.columns) == [
        *("file", "cluster", "cluster_name", "stability", "subcluster"),
        *("doubtful", "other_cluster", "sources", "breaking_point"),
    ]
    assert len(frame) == 2
    assert frame["subcluster"].tolist() == frame["cluster"].astype(str).tolist()
    assert not frame["doubtful"].any()
    assert frame[["other_cluster", "sources", "breaking_point"]].isna().all(axis=None)
    assert set(frame["cluster"]) == set(found.labels.tolist())

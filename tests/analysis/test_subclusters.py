"""Subclusters: planted variants are found, and chance alone splits few clusters."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import adjusted_mutual_info_score

from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.incidence import Incidence
from graphbuild.analysis.subclusters import find_subclusters
from tests.analysis.test_clusters import evidence_apart, worlds
from tests.support import family_mixes, real_families
from tests.support.planted_campaigns import PlantedCampaigns
from tests.support.planted_variants import plant_homogeneous, plant_variants

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbuild.analysis import Clustering
    from graphbuild.models import Observation

HOMOGENEOUS = 200
MAX_SPLIT = 0.05  # of the homogeneous families


def clusters_of(*planted: PlantedCampaigns) -> Clustering:
    rows = [row for each in planted for row in each.observations()]
    return find_clusters(Incidence.from_observations(rows), runs=1)


def sets_of(found: Clustering) -> set[frozenset[str]]:
    return {
        frozenset(file.key for file in part.files) for each in found for part in each.subclusters
    }


@pytest.mark.parametrize(
    ("variants", "files", "own", "share"),
    [(2, 10, 3, 0.7), (2, 20, 3, 0.6), (2, 20, 5, 0.5), (3, 20, 3, 0.7), (4, 15, 3, 0.8)],
)
def test_planted_variants_are_the_subclusters_of_one_cluster(
    variants: int, files: int, own: int, share: float
) -> None:
    scores = []
    for seed in range(10):
        planted = plant_variants(seed, variants, files, own, share)
        (cluster,) = clusters_of(planted)
        labels = [number for number, part in enumerate(cluster.subclusters) for _ in part.files]
        truth = [planted.truth[file.id] for part in cluster.subclusters for file in part.files]
        scores.append(adjusted_mutual_info_score(truth, labels))
    assert np.mean(scores) >= 0.95


def test_subclusters_are_described_by_evidence_that_the_rest_of_the_cluster_lacks() -> None:
    planted = plant_variants(2)
    (cluster,) = clusters_of(planted)
    assert len(cluster.subclusters) == 2
    for part in cluster.subclusters:
        variant = planted.truth[part.files[0].id]
        assert part.top_collections[0].entity.id.startswith(f"s2-v{variant}-")
        assert part.top_collections[0].outside == 0
        assert part.top_references[0].entity.label.startswith(f"s2-v{variant}-")


@pytest.mark.bulk
def test_few_families_without_variants_are_split() -> None:
    found = [clusters_of(plant_homogeneous(seed)) for seed in range(HOMOGENEOUS)]
    split = sum(any(len(each.subclusters) > 1 for each in one) for one in found)
    assert split <= MAX_SPLIT * HOMOGENEOUS


def test_one_collection_alone_splits_no_cluster() -> None:
    """Each file is in one of two collections; no other evidence agrees with them."""
    holds = {name: [f"{name} {each}" for each in range(6)] for name in ("all", "a", "b")}
    members = {f"{n:02x}" * 32: ["all", "ab"[n % 2]] for n in range(40)}
    (cluster,) = clusters_of(PlantedCampaigns(members, holds, {}, {}))
    assert [part.files for part in cluster.subclusters] == [cluster.files]
    assert cluster.subclusters[0].label == "1"


def test_files_without_separating_evidence_are_a_subcluster_of_their_own() -> None:
    planted = plant_variants(1)
    plain = {f"{n:02x}" * 32: [f"s1-all-{each}" for each in range(3)] for n in range(5)}
    members = planted.members | plain
    (cluster,) = clusters_of(PlantedCampaigns(members, planted.holds, {}, {}))
    assert [(part.label, len(part.files)) for part in cluster.subclusters] == [
        ("1a", 20),
        ("1b", 20),
        ("1c", 5),
    ]
    assert {file.id for file in cluster.subclusters[-1].files} == plain.keys()


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_unrelated_files_do_not_change_the_subclusters(seed: int) -> None:
    one, other = plant_variants(seed, 3), plant_homogeneous(seed)
    alone = sets_of(clusters_of(one)) | sets_of(clusters_of(other))
    assert sets_of(clusters_of(one, other)) == alone
    assert len(sets_of(clusters_of(one))) == 3


@settings(max_examples=100, deadline=None)
@given(worlds("x"), worlds("y"))
def test_files_without_common_evidence_change_neither_subclusters_nor_doubts(
    first: list[Observation], second: list[Observation]
) -> None:
    one, other, both = (find_clusters(rows, runs=1) for rows in (first, second, [*first, *second]))
    assert sets_of(both) == sets_of(one) | sets_of(other)
    assert doubts_of(both) == doubts_of(one) | doubts_of(other)


@pytest.mark.skipif(not real_families.is_present(), reason="no data of real families")
@pytest.mark.bulk
@pytest.mark.parametrize("seed", range(20))
def test_unrelated_real_files_change_neither_subclusters_nor_doubts(seed: int) -> None:
    families = family_mixes.real(real_families.DATA)
    rng = Random(f"subclusters {seed}")
    world = family_mixes.mix(families, rng, 20, (4, 25), family_mixes.with_missing_answers)
    one = family_mixes.with_wrong_collections(world, rng).observations()
    other = family_mixes.mix(families, rng, 20, (4, 25)).observations()
    known = {each.related_from for each in one} | {each.reference for each in one}
    unrelated = evidence_apart(other, known)
    assert unrelated
    alone, both = (find_clusters(rows, runs=1) for rows in (one, [*one, *unrelated]))
    assert sets_of(alone) <= sets_of(both)
    assert doubts_of(alone) <= doubts_of(both)


def doubts_of(found: Clustering) -> set[tuple[str, frozenset[str]]]:
    """Return each doubtful file with the files of the other cluster."""
    files = {each.number: frozenset(file.key for file in each.files) for each in found}
    return {(file.key, files[other]) for each in found for file, other in each.doubtful}


@settings(max_examples=50, deadline=None)
@given(worlds("x"), st.randoms(use_true_random=False))
def test_subclusters_nest_and_do_not_depend_on_the_order(rows, random) -> None:
    found = find_clusters(rows, runs=1)
    for each in found:
        members = [file for part in each.subclusters for file in part.files]
        assert sorted(members, key=lambda file: file.key) == list(each.files)
    mixed = list(rows)
    random.shuffle(mixed)
    assert find_clusters(mixed, runs=1).clusters == found.clusters


matrices = st.integers(4, 12).flatmap(
    lambda columns: st.lists(
        st.lists(st.integers(0, columns - 1), min_size=1, max_size=4, unique=True),
        min_size=2,
        max_size=6,
    )
)


@settings(max_examples=100, deadline=None)
@given(matrices, st.integers(2, 8))
def test_files_with_identical_evidence_are_in_one_subcluster(
    kinds: list[list[int]], times: int
) -> None:
    """Each kind of file occurs several times, so that many matrices are split."""
    rows = [kind for kind in kinds for _ in range(times)]
    parts = find_subclusters(matrix_of(rows), np.zeros(len(rows), int), keys_of(len(rows)))
    numbers: dict[frozenset[int], set[int]] = {}
    for kind, part in zip(rows, parts.tolist(), strict=True):
        numbers.setdefault(frozenset(kind), set()).add(part)
    assert all(len(each) == 1 for each in numbers.values())
    assert set(parts.tolist()) == set(range(1, parts.max() + 1))
    sizes = np.bincount(parts)[1:]
    assert sorted(sizes, reverse=True) == sizes.tolist()


def test_large_matrices_give_the_split_of_small_ones() -> None:
    """More than 200 rows and columns are decomposed in another way."""
    rng = np.random.default_rng(1)
    variants = np.repeat([0, 1], 150)
    rows = [(2 * rng.choice(120, 6, replace=False) + variant).tolist() for variant in variants]
    matrix = matrix_of(rows)
    assert min(matrix.shape) > 200
    parts = find_subclusters(matrix, np.zeros(300, int), keys_of(300))
    assert adjusted_mutual_info_score(variants, parts) == 1.0


def test_large_matrices_with_equal_sums_are_split() -> None:
    """Each file has five pieces of evidence of its variant; each piece belongs to five files."""
    rows = [
        [120 * variant + (number + step) % 120 for step in (0, 7, 19, 41, 83)]
        for variant in (0, 1)
        for number in range(120)
    ]
    parts = find_subclusters(matrix_of(rows), np.zeros(240, int), keys_of(240))
    assert {*parts[:120].tolist()}.isdisjoint(parts[120:].tolist())


def matrix_of(rows: Sequence[Iterable[int]]) -> sparse.csr_array:
    ends = np.array([(row, column) for row, columns in enumerate(rows) for column in columns])
    matrix = sparse.csr_array((np.ones(len(ends), np.int64), (ends[:, 0], ends[:, 1])))
    matrix.sort_indices()
    return matrix


def keys_of(count: int) -> list[str]:
    return [f"file:{number:064x}" for number in range(count)]

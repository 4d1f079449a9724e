"""Weights of evidence and similarities of files, compared with values computed by hand."""

from __future__ import annotations

from hashlib import sha256
from math import log2, sqrt
from random import Random

import numpy as np
import pytest
from scipy import sparse

from graphbuild.analysis.clusters import partition_files
from graphbuild.analysis.file_similarity import (
    compute_concentration,
    compute_rarity,
    compute_similarity,
    relate_collections,
)
from graphbuild.analysis.incidence import Incidence
from tests.support.planted_campaigns import PlantedCampaigns

A, B, C, D = (digit * 64 for digit in "abcd")


def world(members, holds, loose=()) -> Incidence:
    planted = PlantedCampaigns(members, holds, dict(loose), {})
    return Incidence.from_observations(planted.observations())


def weights_of(incidence: Incidence) -> dict[str, float]:
    found = compute_rarity(incidence).tolist()
    return {incidence.evidence_entity(n).label: weight for n, weight in enumerate(found)}


def test_weight_depends_on_the_files_of_the_component() -> None:
    """Three files are connected by ``x``; ``z`` shares nothing with them."""
    incidence = world(
        {A: ["x"], B: ["x", "y"], C: ["x"], D: ["z"]},
        {"x": ["1"], "y": ["2"], "z": ["3"]},
        {A: ["4"]},
    )
    weights = weights_of(incidence)
    assert weights["x"] == pytest.approx(log2(1 + 3 / 3))
    assert weights["y"] == pytest.approx(log2(1 + 3 / 1))
    assert weights["z"] == pytest.approx(log2(1 + 1 / 1))
    assert weights["4"] == pytest.approx(log2(1 + 3 / 1))


def test_similarity_of_collections_is_a_reduced_cosine() -> None:
    incidence = world(
        {A: ["x"], B: ["y"], C: ["z"]},
        {"x": ["1", "2", "3"], "y": ["2", "3", "4", "5"], "z": ["6"]},
    )
    related = relate_collections(incidence).toarray()
    expected = np.eye(len(related))
    expected[0, 1] = expected[1, 0] = 2 / (sqrt(3 * 4) + 2)
    assert related == pytest.approx(expected)


def test_similarity_of_files_is_a_soft_cosine() -> None:
    incidence = world(
        {A: ["x", "y"], B: ["y", "z"], C: ["z"]},
        {"x": ["1"], "y": ["2"], "z": ["3"]},
    )
    related = np.eye(6)
    related[0, 2] = related[2, 0] = 0.5  # of x and z
    weights = np.array([1.0, 4.0, 9.0, 0.0, 0.0, 0.0])
    graph = compute_similarity(
        incidence.file_evidence, np.ones(3, np.int64), weights, sparse.csr_array(related)
    )
    found = dict(
        zip(
            zip(graph.source.tolist(), graph.target.tolist(), strict=True),
            graph.similarity.tolist(),
            strict=True,
        )
    )
    # The vectors of square roots are A = (1, 2, 0), B = (0, 2, 3) and C = (0, 0, 3).
    assert found[0, 1] == pytest.approx((2 * 2 + 0.5 * 1 * 3) / sqrt(5 * 13))
    assert found[0, 2] == pytest.approx(0.5 * 1 * 3 / sqrt(5 * 9))
    assert found[1, 2] == pytest.approx(3 * 3 / sqrt(13 * 9))


def test_evidence_without_weight_makes_no_files_similar() -> None:
    incidence = world({A: ["x"], B: ["x"]}, {"x": ["1"]})
    graph = compute_similarity(
        incidence.file_evidence, np.ones(2, np.int64), np.zeros(2), sparse.csr_array(np.eye(2))
    )
    assert len(graph.source) == 0


def test_concentration_is_the_share_of_pairs_in_one_cluster() -> None:
    incidence = world(
        {A: ["x", "y"], B: ["x"], C: ["x"], D: ["x", "z"]},
        {"x": ["1"], "y": ["2"], "z": ["3"]},
    )
    share = compute_concentration(incidence.file_evidence, np.array([0, 0, 1, 1]))
    assert share[:3].tolist() == pytest.approx([2 / 6, 1.0, 1.0])


# --- evidence of many files ----------------------------------------------------------------------


def hashes(count: int, name: str) -> list[str]:
    return [sha256(f"{name} {number}".encode()).hexdigest() for number in range(count)]


def families_in_roundups(sizes: list[int]) -> tuple[Incidence, dict[str, int]]:
    """Return families of files in most of ten collections, and in some of two round-ups.

    Most files of a family are in different collections.
    """
    rng = Random(4)
    members: dict[str, list[str]] = {}
    truth: dict[str, int] = {}
    for family, size in enumerate(sizes):
        own = [f"family {family}, {number}" for number in range(10)]
        for file in hashes(size, str(family)):
            held = [name for name in own if rng.random() < 0.6]
            roundups = [f"roundup {number}" for number in range(2) if rng.random() < 0.5]
            members[file] = [*(held or own[:1]), *roundups]
            truth[file] = family
    names = sorted({name for held in members.values() for name in held})
    holds = {name: [f"{name}, report {number}" for number in range(3)] for name in names}
    return world(members, holds), truth


def count_similar_pairs(incidence: Incidence) -> int:
    evidence = incidence.file_evidence
    sizes = np.ones(evidence.shape[0], np.int64)
    rarity, related = compute_rarity(incidence), relate_collections(incidence)
    return len(compute_similarity(evidence, sizes, rarity, related).source)


@pytest.mark.parametrize("sizes", [[40] * 40, [1_500, 1_500, 20]], ids=["many", "large"])
def test_families_are_found_despite_wide_evidence(sizes: list[int]) -> None:
    """Only the round-ups are wide evidence, or nearly all collections if the families are large."""
    incidence, truth = families_in_roundups(sizes)
    labels = partition_files(incidence)
    files = zip(incidence.files, labels.tolist(), strict=True)
    assert len({(truth[file.id], label) for file, label in files}) == len(sizes)
    assert labels.max() == len(sizes)


def test_round_ups_do_not_make_files_of_many_families_similar() -> None:
    pairs_of_one_family = 40 * 40 * 39 / 2
    incidence, _ = families_in_roundups([40] * 40)
    assert 0.9 * pairs_of_one_family < count_similar_pairs(incidence) < 2 * pairs_of_one_family


def test_wide_evidence_makes_files_similar_that_have_hardly_any_other() -> None:
    """Each collection of these families is wide: it has about 600 files."""
    incidence, _ = families_in_roundups([1_000, 1_000])
    assert count_similar_pairs(incidence) > 0.99 * 2 * 1_000 * 999 / 2

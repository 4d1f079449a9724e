"""q-values of pairs of files: cohesion, comparison with random lists, few false discoveries."""

from __future__ import annotations

from itertools import combinations
from math import prod
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.analysis import Incidence, find_overlaps
from graphbuild.analysis.clusters import partition_files
from graphbuild.analysis.file_similarity import compute_rarity
from graphbuild.analysis.null_model import NullModel
from graphbuild.models import Entity, Observation
from tests.support import family_mixes
from tests.support.family_mixes import generated, mix
from tests.support.planted_campaigns import MEDIUM, plant, shuffled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from graphbuild.analysis import Overlaps
    from tests.support.planted_campaigns import PlantedCampaigns

FAMILIES = generated(1)
DISTURBANCES: dict[str, Callable[[PlantedCampaigns, Random], PlantedCampaigns]] = {
    "plain": lambda world, _: world,
    "round-ups": family_mixes.with_roundups,
    "half hidden": family_mixes.with_hidden_collections,
    "5 % wrong": family_mixes.with_wrong_collections,
    "20 % missing": family_mixes.with_missing_answers,
}


def observe(members: dict[str, Iterable[int]]) -> list[Observation]:
    """Return the observations of collections with these files and a reference each."""
    return [
        Observation(
            Entity("file", f"{number:064x}"),
            Entity("reference", f"reference-{name}"),
            Entity("collection", name),
        )
        for name, files in members.items()
        for number in files
    ]


def count_pairs(count: int) -> int:
    return count * (count - 1) // 2


# --- random lists --------------------------------------------------------------------------------


def test_random_matrices_have_the_probabilities_of_the_model() -> None:
    incidence = Incidence.from_observations(plant(1).observations())
    matrix = incidence.file_evidence
    model = NullModel.fit(matrix)
    count = 400
    rows, columns = matrix.shape
    sample = model.sample(count, np.random.default_rng(5)).tocoo()
    assert sample.shape == (count * rows, count * columns)
    assert set(sample.data.tolist()) == {1}
    block, row = np.divmod(sample.row, rows)
    assert np.array_equal(block, sample.col // columns)
    found = np.zeros((rows, columns))
    np.add.at(found, (row, sample.col % columns), 1)
    probability = model.probability[model.row_class][:, model.column_class]
    deviation = np.sqrt(count * probability * (1 - probability))
    assert (np.abs(found - count * probability) <= 6 * deviation + 1e-9).all()


def test_entries_that_the_model_determines_are_in_every_random_matrix() -> None:
    """All files are in one collection, and none has the last reference."""
    incidence = Incidence.from_observations(observe({"all": range(9), "some": range(3)}))
    model = NullModel.fit(incidence.file_evidence)
    sample = model.sample(50, np.random.default_rng(1)).toarray()
    blocks = sample.reshape(50, 9, 50, -1)[np.arange(50), :, np.arange(50)]
    assert (blocks[:, :, 0] == 1).all()
    assert (blocks[:, :, 2:] == 0).all()
    assert 0 < blocks[:, :, 1].mean() < 1


# --- cohesion ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_cohesion_is_the_product_of_support_purity_and_density(seed: int) -> None:
    incidence = Incidence.from_observations(plant(seed).observations())
    matrix = incidence.file_evidence.toarray()
    label = (partition_files(incidence) - 1).tolist()
    has = [frozenset(np.flatnonzero(row).tolist()) for row in matrix]
    files = [np.flatnonzero(column).tolist() for column in matrix.T]
    rarity = compute_rarity(incidence).tolist()
    together = [sum(label[a] == label[b] for a, b in combinations(each, 2)) for each in files]
    pairs = [count_pairs(len(each)) for each in files]
    share = [t / p if p else 0.0 for t, p in zip(together, pairs, strict=True)]
    index = {file: number for number, file in enumerate(incidence.files)}
    for pair in find_overlaps(incidence):
        a, b = index[pair.source], index[pair.target]
        if label[a] != label[b] or not has[a] & has[b]:
            assert pair.cohesion == 0
            continue
        support = 1 - prod(1 - (together[e] + 0.5) / (pairs[e] + 1) for e in has[a] & has[b])
        evidence = [e for each in (a, b) for e in has[each] if len(files[e]) > 1]
        weight = sum(rarity[e] * share[e] for e in evidence)
        inside = {e: sum(label[each] == label[a] for each in files[e]) for e in evidence}
        purity = (
            sum(rarity[e] * share[e] * (inside[e] - 1) / (len(files[e]) - 1) for e in evidence)
            / weight
        )
        cluster = [number for number in range(len(label)) if label[number] == label[a]]
        sharing = sum(bool(has[i] & has[j]) for i, j in combinations(cluster, 2))
        density = sharing / count_pairs(len(cluster))
        assert pair.cohesion == pytest.approx(support * purity * density, abs=1e-8)


def test_pairs_without_shared_evidence_are_not_significant() -> None:
    """Two collections list the same reference, so their files share a reference only."""
    observations = [
        Observation(
            Entity("file", f"{number:064x}"),
            Entity("reference", "same" if number < 10 else f"other-{number % 5}"),
            Entity("collection", f"c{number % 2}" if number < 10 else f"d{number % 5}"),
        )
        for number in range(40)
    ]
    found = find_overlaps(Incidence.from_observations(observations))
    without = [pair for pair in found if not pair.shared_evidence]
    assert len(without) == 25
    assert {(pair.q_value, pair.cohesion) for pair in without} == {(1.0, 0.0)}


@st.composite
def worlds(draw: st.DrawFn) -> list[Observation]:
    """Return the observations of up to 20 files in up to eight collections."""
    numbers = st.sets(st.integers(0, 19), min_size=1, max_size=12)
    names = draw(st.sets(st.sampled_from("abcdefgh"), min_size=1))
    return observe({name: sorted(draw(numbers)) for name in sorted(names)})


@settings(max_examples=40, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_laws_of_q_values(observations: list[Observation], rng: Random) -> None:
    found = find_overlaps(observations)
    again = list(observations)
    rng.shuffle(again)
    assert list(find_overlaps(again)) == list(found)
    pairs = list(found)
    assert [pair.q_value for pair in pairs] == sorted(pair.q_value for pair in pairs)
    for one, other in combinations(pairs, 2):
        assert one.cohesion is not None
        assert other.cohesion is not None
        if one.cohesion > other.cohesion:
            assert one.q_value <= other.q_value
        if one.cohesion == other.cohesion:
            assert one.q_value == other.q_value
    # No q-value is smaller only because no pair of the ten random lists has so much cohesion.
    assert all(0.1 / len(pairs) <= pair.q_value <= 1 for pair in pairs)
    assert all(pair.q_value >= found.attainable_q for pair in pairs)


# --- discoveries ---------------------------------------------------------------------------------


def evaluate(world: PlantedCampaigns, fdr: float = 0.05) -> tuple[float, float]:
    """Return precision and recall of the significant pairs of one family that share evidence."""
    found = find_overlaps(Incidence.from_observations(world.observations()))
    is_true = [
        world.truth[pair.source.id] == world.truth[pair.target.id]
        for pair in found
        if pair.shared_evidence
    ]
    stated = found.significant(fdr)
    right = sum(world.truth[pair.source.id] == world.truth[pair.target.id] for pair in stated)
    return right / max(1, len(stated)), right / sum(is_true)


@pytest.mark.parametrize(
    ("families", "name"), [(10, "plain"), *((20, name) for name in DISTURBANCES)]
)
def test_pairs_of_one_family_are_found(families: int, name: str) -> None:
    precision, recall = zip(
        *(
            evaluate(mix(FAMILIES, Random(seed), families, (8, 25), DISTURBANCES[name]))
            for seed in range(4)
        ),
        strict=True,
    )
    assert np.mean(precision) >= 0.95
    assert np.mean(recall) >= 0.8


def test_few_pairs_of_shuffled_families_are_significant() -> None:
    """Chance sometimes gives a whole group of files that belong together as well as a family."""
    shares = []
    for seed in range(8):
        world = shuffled(mix(FAMILIES, Random(seed), 20, (8, 25)), seed)
        found = find_overlaps(Incidence.from_observations(world.observations()))
        assert len(found) > 500
        shares.append(len(found.significant()) / found.tested_pairs)
    assert np.mean(shares) <= 0.005
    assert max(shares) <= 0.02


def attainable(observations: list[Observation]) -> float:
    return find_overlaps(observations).attainable_q


def test_no_pair_of_few_files_or_of_one_collection_can_be_significant() -> None:
    assert attainable(observe({"a": range(2), "b": range(2, 4)})) > 0.05
    assert attainable(observe({"a": range(40)})) == 1
    assert attainable(observe({"a": range(40), "b": range(3)})) > 0.05
    families = observe({f"c{number}": range(10 * number, 10 * number + 10) for number in range(10)})
    assert attainable(families) < 0.05
    assert len(find_overlaps(families).significant()) == 10 * count_pairs(10)


def best_possible_q(found: Overlaps) -> float:
    return float(found.columns["q_value"].min())


def test_attainable_q_of_collections_is_a_lower_bound() -> None:
    for seed in range(3):
        incidence = Incidence.from_observations(plant(seed, MEDIUM).observations())
        found = find_overlaps(incidence, "collections")
        assert found.attainable_q <= best_possible_q(found) < 0.05
    few = Incidence.from_observations(observe({"a": range(3), "b": range(3)}))
    assert find_overlaps(few, "collections").attainable_q == 1

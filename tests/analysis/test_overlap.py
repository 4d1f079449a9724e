"""Overlaps: measures as in other libraries, exact p-values, few false discoveries."""

from __future__ import annotations

from itertools import combinations, product
from math import log2, prod
from random import Random
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import binom, false_discovery_control

from graphbuild.analysis.clusters import partition_files
from graphbuild.analysis.incidence import Incidence
from graphbuild.analysis.null_model import NullModel, benjamini_hochberg
from graphbuild.analysis.overlap import Overlap, find_overlaps
from graphbuild.analysis.projection import project
from graphbuild.models import Entity, Observation
from tests.support.graphs import OBSERVATIONS
from tests.support.planted_campaigns import LARGE, MEDIUM, SMALL, plant, shuffled

if TYPE_CHECKING:
    from tests.support.planted_campaigns import Size

SIZES = {"small": SMALL, "medium": MEDIUM, "large": LARGE}


def incidence_of(seed: int, size: Size = SMALL) -> Incidence:
    return Incidence.from_observations(plant(seed, size).observations())


def sets(incidence: Incidence, of: str) -> dict[str, dict[str, set[str]]]:
    """Return the references and the evidence of each file or collection, from single triples."""
    has: dict[str, dict[str, set[str]]] = {"references": {}, "evidence": {}}
    for file, reference_index, collection_index in incidence.triples.tolist():
        reference = incidence.references[reference_index].key
        collection = incidence.collections[collection_index].key if collection_index >= 0 else None
        if of == "files":
            node, piece = incidence.files[file].key, collection or reference
        elif collection is None:
            continue
        else:
            node, piece = collection, reference
        has["references"].setdefault(node, set()).add(reference)
        has["evidence"].setdefault(node, set()).add(piece)
    return has


# --- null model ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("of", ["file_evidence", "collection_references"])
def test_null_model_reproduces_the_observed_degrees(seed: int, of: str) -> None:
    matrix = getattr(incidence_of(seed), of)
    model = NullModel.fit(matrix)
    dense = matrix.toarray()
    rows = (model.probability * model.column_counts).sum(axis=1)[model.row_class]
    assert np.allclose(rows, dense.sum(axis=1), rtol=1e-6)
    of_row = np.bincount(model.row_class)
    assert np.allclose((model.probability.T * of_row).sum(axis=1), model.column_degrees, rtol=1e-6)


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 1, 1], [1, 1, 0], [1, 0, 0]],  # nested: no other matrix has these degrees
        [[1, 1], [1, 1]],
        [[0, 0], [0, 0]],
        [[1, 0, 0], [1, 0, 0], [1, 1, 1]],
        [[1]],
    ],
)
def test_probabilities_of_certain_entries_are_0_and_1(rows: list[list[int]]) -> None:
    model = NullModel.fit(csr_array(np.array(rows)))
    positions = np.searchsorted(model.column_degrees, np.array(rows).sum(axis=0))
    assert np.array_equal(model.probability[model.row_class][:, positions], np.array(rows))


RANDOM = Random(3)


@pytest.mark.parametrize(
    "rows",
    [
        [[int(RANDOM.random() < 0.2 + 0.08 * c) for c in range(9)] for _ in range(7)],
        # Every row with more than one column has the second column, too.
        [[1, 1, 1, 0], [1, 1, 0, 1], [1, 1, 1, 0], [1, 0, 0, 0]],
        [[1, 1, 1, 1, 0], [1, 1, 1, 0, 1], [1, 1, 1, 1, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]],
    ],
)
def test_p_values_are_those_of_full_enumeration(rows: list[list[int]]) -> None:
    """The expected value sums over all 2^9 sets of shared columns."""
    size, width = len(rows), len(rows[0])
    rows = np.array(rows)
    model = NullModel.fit(csr_array(rows))
    positions = np.searchsorted(model.column_degrees, rows.sum(axis=0))
    column_scores = [
        round(2 * log2(size / degree)) if degree else 0 for degree in rows.sum(axis=0).tolist()
    ]
    for one, other in combinations(range(size), 2):
        probabilities = model.probability[model.row_class[[one, other]]][:, positions].prod(axis=0)
        for min_score in (1, 3, 6, 10):
            expected = sum(
                prod(q if s else 1 - q for s, q in zip(shared, probabilities, strict=True))
                for shared in product((0, 1), repeat=width)
                if sum(p for s, p in zip(shared, column_scores, strict=True) if s) >= min_score
            )
            (found,) = model.p_values(*(np.array([each]) for each in (one, other, min_score)))
            assert found == pytest.approx(max(expected, 1e-15), rel=1e-6, abs=1e-14)


def test_column_that_two_rows_certainly_share_adds_its_score() -> None:
    """Two rows are full, so they certainly share both columns."""
    model = NullModel.fit(csr_array(np.array([[1, 1], [1, 1], [1, 0]])))
    assert model.scores.tolist() == [1, 0]
    pairs = np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([1, 1, 1])
    assert model.p_values(*pairs).tolist() == [1.0, 1e-15, 1e-15]


def test_p_values_of_hundreds_of_frequent_columns_are_binomial() -> None:
    """The probability of sharing no column is too small for a float."""
    rows, width = 10, 1_000
    held = np.ones((rows, width), int)
    for column in range(width):  # each column is missing from two neighboring rows
        held[[column % rows, (column + 1) % rows], column] = 0
    chance = 0.8**2
    assert (1 - chance) ** width == 0
    model = NullModel.fit(csr_array(held))
    assert model.scores.tolist() == [1]
    for other, shared in ((1, 700), (2, 600)):
        assert (held[0] & held[other]).sum() == shared
        (found,) = model.p_values(np.array([0]), np.array([other]), np.array([shared]))
        assert found == pytest.approx(binom.sf(shared - 1, width, chance), rel=1e-6)


def test_q_values_are_those_of_scipy() -> None:
    rng = Random(5)
    p = np.array([rng.random() ** 4 for _ in range(200)])
    padded = false_discovery_control(np.concatenate([p, np.ones(300)]))
    assert np.allclose(benjamini_hochberg(p, 500), padded[:200])


# --- measures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", ["files", "collections"])
def test_measures_are_those_of_plain_sets_and_networkx(of: str) -> None:
    incidence = incidence_of(4)
    has = sets(incidence, of)
    references, evidence = has["references"], has["evidence"]
    shared = nx.Graph((node, reference) for node, held in references.items() for reference in held)
    members = {
        e: sum(e in held for held in evidence.values()) for held in evidence.values() for e in held
    }
    overlaps = list(find_overlaps(incidence, of))
    pairs = {
        pair
        for pair in combinations(sorted(references), 2)
        if references[pair[0]] & references[pair[1]]
    }
    assert {(pair.source.key, pair.target.key) for pair in overlaps} == pairs
    assert len(overlaps) == len(pairs)
    rarity = {(a, b): aa for a, b, aa in nx.adamic_adar_index(shared, pairs)}
    for pair in overlaps:
        a, b = references[pair.source.key], references[pair.target.key]
        both = evidence[pair.source.key] & evidence[pair.target.key]
        assert pair.shared_references == len(a & b)
        assert pair.shared_evidence == len(both)
        assert pair.jaccard == pytest.approx(len(a & b) / len(a | b))
        assert pair.overlap_coefficient == pytest.approx(len(a & b) / min(len(a), len(b)))
        assert pair.adamic_adar == pytest.approx(rarity[pair.source.key, pair.target.key])
        bits = sum(round(2 * log2(len(evidence) / members[each])) / 2 for each in both)
        assert pair.bits == pytest.approx(bits)


def test_projection_is_that_of_networkx() -> None:
    incidence = incidence_of(5)
    references = sets(incidence, "files")["references"]
    graph = nx.Graph((node, reference) for node, held in references.items() for reference in held)
    theirs = nx.bipartite.weighted_projected_graph(graph, list(references))
    keys = [file.key for file in incidence.files]
    ours = project(incidence.file_references).todok()
    found = {frozenset((keys[a], keys[b])): count for (a, b), count in ours.items()}
    assert found == {frozenset((a, b)): count for a, b, count in theirs.edges(data="weight")}


@pytest.mark.parametrize("seed", range(3))
def test_many_pairs_are_found_within_clusters_only(seed: int) -> None:
    incidence = incidence_of(seed)
    found, within = find_overlaps(incidence), find_overlaps(incidence, max_pairs=0)
    cluster = dict(zip(incidence.files, partition_files(incidence).tolist(), strict=True))
    assert (found.within_clusters, within.within_clusters) == (False, True)
    # All values are equal, also those of pairs that share references only.
    assert list(within) == [pair for pair in found if cluster[pair.source] == cluster[pair.target]]
    assert len(within) < len(found)
    assert list(within.significant(0.2)) == list(found.significant(0.2))
    assert within.significant(0.2)
    assert within.tested_pairs == found.tested_pairs


def test_pairs_are_sorted_by_p_value() -> None:
    overlaps = list(find_overlaps(incidence_of(0, MEDIUM), "collections"))
    assert [pair.p_value for pair in overlaps] == sorted(pair.p_value for pair in overlaps)
    assert [pair.q_value for pair in overlaps] == sorted(pair.q_value for pair in overlaps)
    assert overlaps[0].q_value < 0.001
    assert overlaps[-1].q_value > 0.05


def test_shared_references_and_shared_evidence_are_counted_separately() -> None:
    (pair,) = find_overlaps(Incidence.from_observations(OBSERVATIONS))
    assert (pair.shared_references, pair.shared_evidence) == (1, 2)


def test_hubs_are_listed_with_a_low_weight() -> None:
    found = find_overlaps(incidence_of(0, MEDIUM))
    assert [hub.entity.id for hub in found.hubs] == ["roundup-1", "roundup-0"]
    assert all(hub.bits < 2 for hub in found.hubs)
    members = plant(0, MEDIUM).members.values()
    for hub in found.hubs:
        assert hub.degree == sum(hub.entity.id in held for held in members)
        assert hub.bits == pytest.approx(log2(len(members) / hub.degree), abs=0.25)


def test_data_frame_has_one_row_per_pair() -> None:
    found = find_overlaps(incidence_of(1)).head(5)
    observations = ["independent_references", "publishers"]
    assert found.to_frame()[observations].isna().all(axis=None)
    frame = found.to_frame().drop(columns=observations)
    assert [tuple(row) for row in frame.itertuples(index=False)] == [
        (pair.source.key, pair.target.key, *(getattr(pair, name) for name in frame.columns[2:]))
        for pair in found
    ]
    assert (*frame.columns, *observations) == Overlap.__slots__


def test_evidence_that_all_files_have_has_no_weight() -> None:
    """Two files of one collection whose lists of references were not read to the end."""
    collection = Entity("collection", "collection")
    observations = [
        Observation(Entity("file", each * 64), Entity("reference", each * 64), collection)
        for each in "12"
    ]
    (pair,) = find_overlaps(Incidence.from_observations(observations))
    assert (
        pair.shared_references,
        pair.shared_evidence,
        pair.bits,
        pair.p_value,
        pair.q_value,
    ) == (
        0,
        1,
        0.0,
        1.0,
        1.0,
    )


def test_no_observations_have_no_overlaps() -> None:
    empty = Incidence.from_observations([])
    assert len(find_overlaps(empty)) == len(find_overlaps(empty, "collections")) == 0
    assert list(find_overlaps(empty).significant()) == []


def test_no_pair_is_significant_if_all_files_are_in_one_collection() -> None:
    incidence = Incidence.from_observations(one for one in OBSERVATIONS if one.related_from)
    assert [pair.q_value for pair in find_overlaps(incidence)] == [1.0]


# --- false discoveries ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("of", ["files", "collections"])
def test_at_most_five_percent_of_pairs_are_reported_in_shuffled_data(size: str, of: str) -> None:
    """Nearly all pairs of files share something in these data."""
    for seed in range(1 if size == "large" else 5):
        shuffled_data = shuffled(plant(seed, SIZES[size]), seed)
        found = find_overlaps(Incidence.from_observations(shuffled_data.observations()), of)
        assert (found.columns["p_value"] <= 0.05).sum() <= 0.05 * found.tested_pairs
        assert len(found.significant()) <= 0.001 * found.tested_pairs
        assert of == "collections" or len(found) > 0.9 * found.tested_pairs


def test_significant_pairs_of_collections_are_of_one_campaign() -> None:
    for seed in range(5):
        overlaps = list(find_overlaps(incidence_of(seed, MEDIUM), "collections").significant())
        true = [t for t in overlaps if t.source.id.split("-")[0] == t.target.id.split("-")[0]]
        assert len(overlaps) > 20
        assert len(true) >= 0.95 * len(overlaps)


def test_significant_pairs_of_files_are_of_one_campaign() -> None:
    planted = plant(0, LARGE)
    overlaps = list(
        find_overlaps(Incidence.from_observations(planted.observations())).significant()
    )
    true = [
        pair for pair in overlaps if planted.truth[pair.source.id] == planted.truth[pair.target.id]
    ]
    assert len(overlaps) > 5_000
    assert len(true) >= 0.95 * len(overlaps)

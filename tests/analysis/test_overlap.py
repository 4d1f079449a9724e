"""Overlaps: counts as others count, p-values as the model has them, and no ties out of chance."""

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

from graphbuild.analysis.incidence import Incidence
from graphbuild.analysis.null_model import NullModel, benjamini_hochberg
from graphbuild.analysis.overlap import Overlap, find_overlaps, projection
from graphbuild.models import Entity, Observation
from tests.support.graphs import OBSERVATIONS
from tests.support.planted_campaigns import LARGE, MEDIUM, SMALL, plant, shuffled

if TYPE_CHECKING:
    from tests.support.planted_campaigns import Size

SIZES = {"small": SMALL, "medium": MEDIUM, "large": LARGE}


def incidence_of(seed: int, size: Size = SMALL) -> Incidence:
    return Incidence.from_observations(plant(seed, size).observations())


def sets(incidence: Incidence, of: str) -> dict[str, dict[str, set[str]]]:
    """What each file or collection has, read from the facts one by one."""
    has: dict[str, dict[str, set[str]]] = {"references": {}, "evidence": {}}
    for file, reference, behind in incidence.triples.tolist():
        report = incidence.references[reference].key
        collection = incidence.collections[behind].key if behind >= 0 else None
        if of == "files":
            node, piece = incidence.files[file].key, collection or report
        elif collection is None:
            continue
        else:
            node, piece = collection, report
        has["references"].setdefault(node, set()).add(report)
        has["evidence"].setdefault(node, set()).add(piece)
    return has


# --- the random model ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("of", ["file_evidence", "collection_references"])
def test_the_model_has_the_degrees_of_what_was_observed(seed: int, of: str) -> None:
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
def test_what_is_certain_is_certain(rows: list[list[int]]) -> None:
    model = NullModel.fit(csr_array(np.array(rows)))
    places = np.searchsorted(model.column_degrees, np.array(rows).sum(axis=0))
    assert np.array_equal(model.probability[model.row_class][:, places], np.array(rows))


RANDOM = Random(3)


@pytest.mark.parametrize(
    "rows",
    [
        [[int(RANDOM.random() < 0.2 + 0.08 * c) for c in range(9)] for _ in range(7)],
        # Who has more than the column of all surely has the second, too.
        [[1, 1, 1, 0], [1, 1, 0, 1], [1, 1, 1, 0], [1, 0, 0, 0]],
        [[1, 1, 1, 1, 0], [1, 1, 1, 0, 1], [1, 1, 1, 1, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]],
    ],
)
def test_p_values_are_those_of_every_way_to_share_columns(rows: list[list[int]]) -> None:
    """All ways, 2^9 of them, one by one."""
    size, width = len(rows), len(rows[0])
    rows = np.array(rows)
    model = NullModel.fit(csr_array(rows))
    places = np.searchsorted(model.column_degrees, rows.sum(axis=0))
    points = [
        round(2 * log2(size / degree)) if degree else 0 for degree in rows.sum(axis=0).tolist()
    ]
    for one, other in combinations(range(size), 2):
        chances = model.probability[model.row_class[[one, other]]][:, places].prod(axis=0)
        for wanted in (1, 3, 6, 10):
            expected = sum(
                prod(q if s else 1 - q for s, q in zip(shared, chances, strict=True))
                for shared in product((0, 1), repeat=width)
                if sum(p for s, p in zip(shared, points, strict=True) if s) >= wanted
            )
            (found,) = model.p_values(*(np.array([each]) for each in (one, other, wanted)))
            assert found == pytest.approx(max(expected, 1e-15), rel=1e-6, abs=1e-14)


def test_a_column_that_two_rows_must_share_adds_its_points_for_certain() -> None:
    """Two rows are full; the columns that the third lacks tell something, but nothing here."""
    model = NullModel.fit(csr_array(np.array([[1, 1], [1, 1], [1, 0]])))
    assert model.scores.tolist() == [1, 0]
    pairs = np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([1, 1, 1])
    assert model.p_values(*pairs).tolist() == [1.0, 1e-15, 1e-15]


def test_of_hundreds_of_columns_that_most_rows_have_the_p_values_are_binomial() -> None:
    """The probability to share none of them is smaller than any number that there is."""
    rows, width = 10, 1_000
    held = np.ones((rows, width), int)
    for column in range(width):  # each lacks in two rows that are neighbors
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


# --- what two have in common ---------------------------------------------------------------------


@pytest.mark.parametrize("of", ["files", "collections"])
def test_the_measures_are_those_of_sets_and_networkx(of: str) -> None:
    incidence = incidence_of(4)
    has = sets(incidence, of)
    references, evidence = has["references"], has["evidence"]
    shared = nx.Graph((node, report) for node, held in references.items() for report in held)
    members = {
        e: sum(e in held for held in evidence.values()) for held in evidence.values() for e in held
    }
    ties = list(find_overlaps(incidence, of))
    pairs = {
        pair
        for pair in combinations(sorted(references), 2)
        if references[pair[0]] & references[pair[1]]
    }
    assert {(tie.source.key, tie.target.key) for tie in ties} == pairs
    assert len(ties) == len(pairs)
    rarity = {(a, b): aa for a, b, aa in nx.adamic_adar_index(shared, pairs)}
    for tie in ties:
        a, b = references[tie.source.key], references[tie.target.key]
        both = evidence[tie.source.key] & evidence[tie.target.key]
        assert tie.shared_references == len(a & b)
        assert tie.shared_evidence == len(both)
        assert tie.jaccard == pytest.approx(len(a & b) / len(a | b))
        assert tie.overlap_coefficient == pytest.approx(len(a & b) / min(len(a), len(b)))
        assert tie.adamic_adar == pytest.approx(rarity[tie.source.key, tie.target.key])
        bits = sum(round(2 * log2(len(evidence) / members[each])) / 2 for each in both)
        assert tie.bits == pytest.approx(bits)


def test_the_projection_is_that_of_networkx() -> None:
    incidence = incidence_of(5)
    references = sets(incidence, "files")["references"]
    graph = nx.Graph((node, report) for node, held in references.items() for report in held)
    theirs = nx.bipartite.weighted_projected_graph(graph, list(references))
    keys = [file.key for file in incidence.files]
    ours = projection(incidence.file_references)
    found = {
        frozenset((keys[a], keys[b])): count
        for a, b, count in zip(*(column.tolist() for column in ours), strict=True)
    }
    assert found == {frozenset((a, b)): count for a, b, count in theirs.edges(data="weight")}


def test_the_least_probable_by_chance_come_first() -> None:
    ties = list(find_overlaps(incidence_of(0, MEDIUM), "collections"))
    assert [tie.p_value for tie in ties] == sorted(tie.p_value for tie in ties)
    assert [tie.q_value for tie in ties] == sorted(tie.q_value for tie in ties)
    assert ties[0].q_value < 0.001
    assert ties[-1].q_value > 0.05


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


def test_a_table_has_a_row_for_each_tie() -> None:
    found = find_overlaps(incidence_of(1)).head(5)
    told = ["independent_references", "publishers"]
    assert found.to_frame()[told].isna().all(axis=None)
    frame = found.to_frame().drop(columns=told)
    assert [tuple(row) for row in frame.itertuples(index=False)] == [
        (tie.source.key, tie.target.key, *(getattr(tie, name) for name in frame.columns[2:]))
        for tie in found
    ]
    assert (*frame.columns, *told) == Overlap.__slots__


def test_to_share_only_what_all_have_is_a_tie_that_tells_nothing() -> None:
    """As two files of one collection whose lists came but in part."""
    gang = Entity("collection", "gang")
    told = [
        Observation(Entity("file", each * 64), Entity("reference", each * 64), gang)
        for each in "12"
    ]
    (tie,) = find_overlaps(Incidence.from_observations(told))
    assert (tie.shared_references, tie.shared_evidence, tie.bits, tie.p_value, tie.q_value) == (
        0,
        1,
        0.0,
        1.0,
        1.0,
    )


def test_nothing_observed_has_no_ties() -> None:
    empty = Incidence.from_observations([])
    assert len(find_overlaps(empty)) == len(find_overlaps(empty, "collections")) == 0
    assert list(find_overlaps(empty).significant()) == []


def test_all_files_in_one_collection_are_no_tie_significant() -> None:
    incidence = Incidence.from_observations(one for one in OBSERVATIONS if one.related_from)
    assert [tie.q_value for tie in find_overlaps(incidence)] == [1.0]


# --- chance and truth ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("of", ["files", "collections"])
def test_of_worlds_without_campaigns_at_most_one_pair_in_twenty_is_reported(
    size: str, of: str
) -> None:
    """Beside them, sharing anything at all reports nearly every pair of files."""
    for seed in range(1 if size == "large" else 5):
        dealt = shuffled(plant(seed, SIZES[size]), seed)
        found = find_overlaps(Incidence.from_observations(dealt.observations()), of)
        assert (found.p_value <= 0.05).sum() <= 0.05 * found.tested_pairs
        assert len(found.significant()) <= 0.001 * found.tested_pairs
        assert of == "collections" or len(found) > 0.9 * found.tested_pairs


def test_ties_of_collections_beyond_chance_are_true() -> None:
    for seed in range(5):
        ties = list(find_overlaps(incidence_of(seed, MEDIUM), "collections").significant())
        true = [t for t in ties if t.source.id.split("-")[0] == t.target.id.split("-")[0]]
        assert len(ties) > 20
        assert len(true) >= 0.95 * len(ties)


def test_ties_of_files_beyond_chance_are_true() -> None:
    planted = plant(0, LARGE)
    ties = list(find_overlaps(Incidence.from_observations(planted.observations())).significant())
    true = [tie for tie in ties if planted.truth[tie.source.id] == planted.truth[tie.target.id]]
    assert len(ties) > 5_000
    assert len(true) >= 0.95 * len(ties)

"""Incidence: exactly the observations, in an order that does not depend on the input."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.incidence import NO_COLLECTION, Incidence, as_incidence
from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from graphbuild.store import Store
from tests.support.campaign_files import write_campaign
from tests.support.graphs import EMOTET, GANG, OBSERVATIONS, REPORT
from tests.support.large_campaigns import plant_many, real_shaped, write_memberships
from tests.support.linked_reports import with_linked_reports
from tests.support.observed_graphs import observed_graphs
from tests.support.planted_campaigns import plant
from tests.support.sharded_crawls import Crawls, random_seeds, random_world

if TYPE_CHECKING:
    from tests.support.observed_graphs import ObservedGraph
    from tests.support.planted_campaigns import PlantedCampaigns


def triples(incidence: Incidence) -> list[tuple[str, str, str | None]]:
    return [
        (
            incidence.files[file].key,
            incidence.references[reference].key,
            None if collection == NO_COLLECTION else incidence.sources[collection].key,
        )
        for file, reference, collection in incidence.triples.tolist()
    ]


@given(observed_graphs())
def test_triples_are_the_distinct_observations_sorted(graph: ObservedGraph) -> None:
    found = triples(Incidence.from_observations(graph.observations))
    assert set(found) == {
        (one.subject.key, one.reference.key, one.related_from and one.related_from.key)
        for one in graph.observations
    }
    # Reports in related_from follow the collections.
    ordered = sorted(
        found,
        key=lambda each: (*each[:2], (each[2] or "").startswith("reference:"), each[2] or ""),
    )
    assert found == ordered
    assert len(set(found)) == len(found)


def test_order_of_observations_does_not_matter() -> None:
    observations = plant(1).observations()
    shuffled = Random(2).sample(observations, len(observations))
    one, other = Incidence.from_observations(observations), Incidence.from_observations(shuffled)
    assert one.files == other.files
    assert one.references == other.references
    assert one.collections == other.collections
    assert (one.triples == other.triples).all()


def test_entity_without_attributes_does_not_delete_known_attributes() -> None:
    bare = Entity(REPORT.type, REPORT.id)
    observations = [Observation(EMOTET, each, GANG) for each in (bare, REPORT, bare)]
    (reference,) = Incidence.from_observations(observations).references
    assert reference.attributes == REPORT.attributes


def test_entities_of_a_generator_are_distinguished() -> None:
    def generate():
        for number in range(2_000):
            reference = Entity("reference", f"{number % 50:064x}", {"title": f"{number % 50}"})
            yield Observation(Entity("file", f"{number % 40:064x}"), reference, None)

    incidence = Incidence.from_observations(generate())
    assert set(triples(incidence)) == {
        (one.subject.key, one.reference.key, None) for one in generate()
    }
    assert len(incidence.triples) == 200
    assert all(each.label == str(int(each.id, 16)) for each in incidence.references)


def test_matrices_contain_the_observed_pairs() -> None:
    incidence = Incidence.from_observations(OBSERVATIONS)

    def pairs(matrix, rows, columns) -> set[tuple[str, str]]:
        entries = matrix.tocoo()
        assert set(entries.data.tolist()) <= {1}
        positions = zip(entries.row.tolist(), entries.col.tolist(), strict=True)
        return {(rows[row].key, columns[column].key) for row, column in positions}

    files, references, collections = incidence.files, incidence.references, incidence.collections
    facts = [(o.subject.key, o.reference.key, o.related_from) for o in OBSERVATIONS]
    assert pairs(incidence.file_references, files, references) == {(f, r) for f, r, _ in facts}
    assert pairs(incidence.file_collections, files, collections) == {
        (f, c.key) for f, _, c in facts if c
    }
    assert pairs(incidence.collection_references, collections, references) == {
        (c.key, r) for _, r, c in facts if c
    }
    assert pairs(incidence.file_direct_references, files, references) == {
        (f, r) for f, r, c in facts if not c
    }
    evidence = [incidence.evidence_entity(n) for n in range(incidence.file_evidence.shape[1])]
    assert pairs(incidence.file_evidence, files, evidence) == {
        (f, c.key if c else r) for f, r, c in facts
    }


def test_empty_incidence() -> None:
    incidence = Incidence.from_observations([])
    assert incidence.triples.shape == (0, 3)
    assert incidence.file_evidence.shape == (0, 0)


# --- input ---------------------------------------------------------------------------------------


def test_a_graph_a_store_and_observations_give_the_same_incidence(tmp_path: Path) -> None:
    expected = triples(Incidence.from_observations(OBSERVATIONS))
    assert triples(as_incidence(build_graph(OBSERVATIONS))) == expected
    assert triples(as_incidence(OBSERVATIONS)) == expected
    assert triples(as_incidence(iter(OBSERVATIONS))) == expected
    write_campaign(tmp_path / "c.db", OBSERVATIONS)
    with Store.read(tmp_path / "c.db") as store:
        stored = triples(Incidence.from_observations(store.observations()))
        assert triples(as_incidence(store)) == stored
        assert triples(as_incidence(SimpleNamespace(store=store))) == stored  # as a Campaign
    incidence = Incidence.from_observations(OBSERVATIONS)
    assert as_incidence(incidence) is incidence


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("options", [{}, {"frugal": True}, {"direct": True}], ids=str)
@pytest.mark.parametrize("api_flavor", ["classic", "gti"])
def test_a_store_and_its_observations_give_the_same_incidence(
    tmp_path: Path, seed: int, options: dict[str, bool], api_flavor: str
) -> None:
    rng = Random(seed)
    (tmp_path / "c.db").unlink(missing_ok=True)
    world = with_linked_reports(random_world(rng), rng)
    crawls = Crawls(tmp_path, world, random_seeds(rng, world), api_flavor=api_flavor)
    crawls.crawl("c.db", **options)
    crawls.crawl("c.db", refresh=True, **options)
    with Store.read(tmp_path / "c.db") as store:
        expected = Incidence.from_observations(store.observations(direct=True))
        found = as_incidence(store)
    for column, entities in zip(found.entities, expected.entities, strict=True):
        assert [(each, each.attributes) for each in column] == [
            (each, each.attributes) for each in entities
        ]
    assert triples(found) == triples(expected)
    assert found.inferred.tolist() == expected.inferred.tolist()


@pytest.mark.parametrize("planted", [plant_many(300), real_shaped(100)], ids=["planted", "real"])
def test_large_campaigns_for_benchmarks_have_the_planned_observations(
    tmp_path: Path, planted: PlantedCampaigns
) -> None:
    count = write_memberships(tmp_path / "c.db", planted)
    with Store.read(tmp_path / "c.db") as store:
        found = triples(as_incidence(store))
    # Their references have hashes of other texts as ids, so only the counts are compared.
    expected = planted.observations()
    assert count == len(found) == len(expected)
    assert Counter(key for key, _, _ in found) == Counter(each.subject.key for each in expected)


def test_clusters_are_found_in_a_graph() -> None:
    found = find_clusters(build_graph(OBSERVATIONS))
    files = {one.subject.key for one in OBSERVATIONS}
    assert {file.key for cluster in found for file in cluster.files} == files


@pytest.mark.parametrize("empty", [[], nx.DiGraph()])
def test_no_observations_give_an_empty_incidence(empty: object) -> None:
    assert triples(as_incidence(empty)) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("campaign.db", "not str; to analyze a campaign file, open it first: gb.open"),
        (Path("campaign.db"), "Path; to analyze a campaign file, open it first: gb.open"),
        (["campaign.db"], "not list"),
        (None, "not NoneType"),
        (nx.path_graph(3), "not Graph"),
        (nx.DiGraph([("a", "b")]), "has no attribute 'relation'; pass a graph made by build_graph"),
    ],
    ids=["text", "path", "list", "none", "undirected graph", "foreign graph"],
)
def test_wrong_argument_raises_type_error_with_advice(wrong: object, message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        as_incidence(wrong)


def test_later_edge_without_attributes_raises_type_error_with_advice() -> None:
    graph = build_graph(OBSERVATIONS)
    graph.add_edge(next(iter(graph)), "new")
    with pytest.raises(TypeError, match="has no attribute 'relation'; pass a graph made by"):
        as_incidence(graph)

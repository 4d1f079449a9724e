"""The graph builder: attributes of nodes and edges, and extraction of observations."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.graph.builder import FIRST_SEEN, build_graph, extract_observations
from graphbuild.models import Entity, Observation

F1, F2 = Entity("file", "f1" * 32), Entity("file", "f2" * 32)
R1 = Entity("reference", "01" * 32, {"title": "A report", "url": "u", "creation_date": 1515715200})
R2 = Entity("reference", "02" * 32)
C1, C2 = Entity("collection", "c1", {"name": "Emotet"}), Entity("collection", "c2")


def triples(observations):
    return [
        (seen.subject.key, seen.reference.key, seen.related_from and seen.related_from.key)
        for seen in observations
    ]


def edges(graph):
    return {(source, target): dict(edge) for source, target, edge in graph.edges(data=True)}


# --- nodes and edges -----------------------------------------------------------------------------


def test_a_file_points_to_its_reference_and_the_reference_to_its_collection():
    graph = build_graph([Observation(F1, R1, C1)])
    assert dict(graph.nodes(data=True)) == {
        F1.key: {"type": "file", "id": F1.id, "label": "f1f1f1f1f1f1…"},
        R1.key: {
            "type": "reference",
            "id": R1.id,
            "label": "A report",
            "title": "A report",
            "url": "u",
            "creation_date": 1515715200,
        },
        "collection:c1": {"type": "collection", "id": "c1", "label": "Emotet", "name": "Emotet"},
    }
    assert edges(graph) == {
        (F1.key, R1.key): {
            "relation": "related_references",
            "weight": 1,
            "provenance": "observed",
            "related_from": ("collection:c1",),
        },
        (R1.key, "collection:c1"): {"relation": "related_from", "weight": 1},
    }


def test_weight_counts_observations():
    graph = build_graph(
        [
            Observation(F1, R1, C2),
            Observation(F1, R1, C1),
            Observation(F1, R1, None),
            Observation(F2, R1, C1),
        ]
    )
    found = edges(graph)
    assert found[F1.key, R1.key]["weight"] == 3
    assert found[F1.key, R1.key]["related_from"] == ("-", "collection:c1", "collection:c2")
    assert found[F2.key, R1.key]["weight"] == 1
    assert found[R1.key, C1.key] == {"relation": "related_from", "weight": 2}
    assert found[R1.key, C2.key] == {"relation": "related_from", "weight": 1}


def test_unobserved_triples_are_not_extracted():
    observations = [Observation(F1, R1, C1), Observation(F2, R1, C2)]
    assert triples(extract_observations(build_graph(observations))) == [
        (F1.key, R1.key, "collection:c1"),
        (F2.key, R1.key, "collection:c2"),
    ]


def test_the_first_response_with_each_node_is_known_if_observations_have_times():
    observations = [
        Observation(F1, R1, C1, first_seen=30.0),
        Observation(F1, R2, None, first_seen=20.0),
        Observation(F2, R1, C2),
    ]
    times = {F1.key: 20.0, R1.key: 30.0, C1.key: 30.0, R2.key: 20.0}
    assert build_graph(observations).graph == {FIRST_SEEN: times}
    assert FIRST_SEEN not in build_graph(observations[2:]).graph


def test_no_observations_give_an_empty_graph():
    graph = build_graph([])
    assert graph.number_of_nodes() == 0
    assert list(extract_observations(graph)) == []


def test_subjects_come_first_even_without_observations():
    seed = Entity("file", F2.id, {"seed": True, "state": "failed", "size": 5})
    graph = build_graph([Observation(F1, R1, None)], subjects=[seed])
    assert list(graph) == [F2.key, F1.key, R1.key]
    assert graph.nodes[F2.key] == {
        "type": "file",
        "id": F2.id,
        "label": "f2f2f2f2f2f2…",
        "seed": True,
        "state": "failed",
        "size": 5,
    }


def test_attributes_are_added_and_a_bare_mention_erases_none():
    graph = build_graph(
        [
            Observation(F1, Entity("reference", R1.id), None),
            Observation(F1, R1, None),
            Observation(F2, Entity("reference", R1.id, {"title": "Newer", "author": "A"}), None),
            Observation(F2, Entity("reference", R1.id), None),
        ]
    )
    node = graph.nodes[R1.key]
    assert (node["title"], node["label"], node["author"], node["url"]) == (
        "Newer",
        "Newer",
        "A",
        "u",
    )


# --- API attributes ------------------------------------------------------------------------------


def test_api_attributes_cannot_have_local_names():
    forged = {"type": "file", "id": "x", "label": "L", "seed": True, "state": "complete"}
    known = Entity("reference", R1.id, {**forged, "title": "T"})
    graph = build_graph([Observation(F1, known, Entity("collection", "c1", forged))])
    assert graph.nodes[R1.key] == {"type": "reference", "id": R1.id, "label": "T", "title": "T"}
    assert graph.nodes["collection:c1"] == {"type": "collection", "id": "c1", "label": "c1"}


def test_only_subjects_set_seed_and_state():
    seed = Entity("file", F1.id, {"seed": False, "state": "incomplete", "type": "x", "label": "x"})
    forged = Entity("file", F1.id, {"seed": True, "state": "complete", "size": 7})
    graph = build_graph([Observation(F2, forged, None)], subjects=[seed])
    assert graph.nodes[F1.key] == {
        "type": "file",
        "id": F1.id,
        "label": "f1f1f1f1f1f1…",
        "seed": False,
        "state": "incomplete",
        "size": 7,
    }


@pytest.mark.parametrize("name", ["self", "node_for_adding", "attr", "weight", "relation"])
def test_an_attribute_can_have_the_name_of_an_argument(name):
    known = Entity("reference", R1.id, {name: "x"})
    assert build_graph([Observation(F1, known, None)]).nodes[R1.key][name] == "x"


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([(F1, F1, F1)], id="I18-itself"),
        pytest.param([(F1, R1, R1)], id="I18-reference"),
        pytest.param([(F1, R1, F1)], id="back"),
        pytest.param([(F1, R1, C1), (R1, C1, None)], id="both-ways"),
        pytest.param([(R1, C1, None), (F1, R1, C1)], id="both-ways-reversed"),
        pytest.param([(F1, F2, C1), (F2, C1, C2), (F2, C1, None)], id="chain"),
    ],
)
def test_two_nodes_can_be_related_in_both_ways(observations):
    graph = build_graph(Observation(*fact) for fact in observations)
    expected = {(s.key, r.key, c and c.key) for s, r, c in observations}
    assert set(triples(extract_observations(graph))) == expected
    assert all(isinstance(edge["weight"], int) for edge in edges(graph).values())


def test_the_weight_of_an_edge_of_both_kinds_is_the_sum():
    graph = build_graph([Observation(F1, R1, C1), Observation(R1, C1, C2)])
    assert edges(graph)[R1.key, C1.key] == {
        "relation": "related_references",
        "weight": 2,
        "provenance": "observed",
        "related_from": ("collection:c2",),
    }


def test_an_edge_is_inferred_until_it_is_observed():
    inferred = [Observation(F1, R1, C1, "inferred"), Observation(F2, R1, C1, "inferred")]
    graph = build_graph([*inferred, Observation(F2, R1, C1)])
    assert edges(graph)[F1.key, R1.key]["provenance"] == "inferred"
    assert edges(graph)[F2.key, R1.key]["provenance"] == "observed"
    assert [one.provenance for one in extract_observations(graph)] == ["inferred", "observed"]


# --- extraction ----------------------------------------------------------------------------------


def test_extracted_entities_have_api_attributes_only():
    seed = Entity("file", F1.id, {"seed": True, "state": "complete", "size": 5})
    (seen,) = extract_observations(build_graph([Observation(F1, R1, C1)], subjects=[seed]))
    assert dict(seen.subject.attributes) == {"size": 5}
    assert dict(seen.reference.attributes) == dict(R1.attributes)
    assert dict(seen.related_from.attributes) == {"name": "Emotet"}


def test_changing_an_extracted_entity_does_not_change_the_graph():
    graph = build_graph([Observation(F1, R1, C1)])
    (seen,) = extract_observations(graph)
    seen.reference.attributes["title"] = "forged"
    assert graph.nodes[R1.key]["title"] == "A report"


# --- properties ----------------------------------------------------------------------------------

_NAMES = ["title", "name", "size", "seed", "state", "type", "id", "label", "self"]
_KNOWN = st.dictionaries(st.sampled_from(_NAMES), st.text(max_size=3) | st.integers(0, 9))
_ENTITIES = st.builds(
    Entity,
    st.sampled_from(["file", "reference", "collection", "-"]),
    st.sampled_from("ab-"),
    _KNOWN,
)
_FACTS = st.lists(st.builds(Observation, _ENTITIES, _ENTITIES, st.none() | _ENTITIES), max_size=12)


@given(_FACTS)
@settings(max_examples=150)
def test_each_observation_is_extracted_once(observations):
    found = triples(extract_observations(build_graph(observations)))
    assert set(found) == set(triples(observations))
    assert len(found) == len(set(found))


@given(_FACTS)
def test_a_graph_built_from_extracted_observations_is_equal(observations):
    graph = build_graph(observations)
    again = build_graph(extract_observations(graph))
    assert dict(again.nodes(data=True)) == dict(graph.nodes(data=True))
    assert edges(again) == edges(graph)


@given(_FACTS, st.randoms(use_true_random=False))
def test_repeats_do_not_change_the_graph(observations, random):
    bare = [
        Observation(*(each and Entity(each.type, each.id) for each in parts))
        for parts in ((seen.subject, seen.reference, seen.related_from) for seen in observations)
    ]
    random.shuffle(bare)
    once, often = build_graph(observations), build_graph([*observations, *bare, *bare])
    assert dict(often.nodes(data=True)) == dict(once.nodes(data=True))
    assert edges(often) == edges(once)
    assert list(often.edges) == list(once.edges)


@given(_FACTS)
def test_every_weight_is_the_number_of_observations(observations):
    known = set(triples(observations))
    for (source, target), edge in edges(build_graph(observations)).items():
        matching = [triple for triple in known if (source, target) in _edges_of(*triple)]
        assert edge["weight"] == len(matching)


def _edges_of(subject, reference, related_from):
    """Return the edges that an observation adds. A report that names itself adds no second one."""
    added = {(subject, reference)}
    return added if related_from == reference else added | {(reference, related_from)}


@given(_FACTS)
def test_type_id_and_label_are_never_absent(observations):
    for key, node in build_graph(observations).nodes(data=True):
        assert key == f"{node['type']}:{node['id']}"
        assert node["label"]
        assert not {"seed", "state"} & set(node)

"""Labels of collections that share a name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.graph.builder import build_graph
from graphbuild.graph.labels import distinct_labels, label_entities
from graphbuild.models import Entity, Observation
from tests.support.graphs import EMOTET, REPORT

MALPEDIA, THREATFOX = "malpedia_win_emotet", "threatfox_win_emotet"
GTI = "malware--f1151a22-9d9c-589d-90ad-1157ea90033e"
FAMILY = {"collection_type": "malware-family"}


def labels_of(*collections):
    """Return the labels of the nodes of a graph with these ids and attributes, in this order."""
    entities = [Entity("collection", each, attributes) for each, attributes in collections]
    graph = build_graph(Observation(EMOTET, REPORT, each) for each in entities)
    return [graph.nodes[each.key]["label"] for each in entities]


@pytest.mark.parametrize(
    ("collections", "labels"),
    [
        pytest.param(
            [(MALPEDIA, {"name": "Emotet"}), ("c2", {"name": "APT37"})],
            ["Emotet", "APT37"],
            id="different names",
        ),
        pytest.param(
            [
                (MALPEDIA, {"name": "Emotet", **FAMILY, "origin": "Malpedia"}),
                (GTI, {"name": "Emotet", "collection_type": "campaign"}),
            ],
            ["Emotet (malware family, Malpedia)", "Emotet (campaign)"],
            id="kind and origin",
        ),
        pytest.param(
            [(MALPEDIA, {"name": "Emotet"}), (THREATFOX, {"name": "EMOTET "})],
            ["Emotet (malpedia)", "EMOTET (threatfox)"],
            id="source, names differ in case and space",
        ),
        pytest.param(
            [(MALPEDIA, {"name": "Emotet"}), (GTI, {"name": "Emotet"})],
            ["Emotet (malpedia)", "Emotet (malware--f1151a22…)"],
            id="a kind is not guessed from the id",
        ),
        pytest.param(
            [
                (MALPEDIA, {"name": "Emotet", **FAMILY, "origin": "Partner"}),
                (THREATFOX, {"name": "Emotet", **FAMILY, "origin": "Partner"}),
                (GTI, {"name": "Emotet", **FAMILY, "origin": "Google Threat Intelligence"}),
            ],
            [
                "Emotet (malware family, Partner, malpedia)",
                "Emotet (malware family, Partner, threatfox)",
                "Emotet (malware family, Google Threat Intelligence)",
            ],
            id="kind, origin and source",
        ),
        pytest.param(
            [(MALPEDIA, {"name": "Emotet"}), ("malpedia_elf_emotet", {"name": "Emotet"})],
            ["Emotet (malpedia_win_emotet)", "Emotet (malpedia_elf_emotet)"],
            id="id",
        ),
        pytest.param(
            [("ab" * 32, {"name": "APT37"}), ("cd" * 32, {"name": "APT37"})],
            ["APT37 (abababab…)", "APT37 (cdcdcdcd…)"],
            id="shortened hashes",
        ),
        pytest.param(
            [("ab" * 32, {"name": "APT37"}), ("ab" * 31 + "cd", {"name": "APT37"})],
            [f"APT37 ({'ab' * 32})", f"APT37 ({'ab' * 31}cd)"],
            id="hashes with the same start",
        ),
        pytest.param(
            [
                ("analysis_virustotal_zenbox_emotet", {"name": "Emotet"}),
                ("analysis_virustotal_cape_emotet", {"name": "Emotet"}),
            ],
            ["Emotet (analysis_virustotal_zenbox)", "Emotet (analysis_virustotal_cape)"],
            id="sandboxes",
        ),
        pytest.param(
            [
                (MALPEDIA, {"name": "Emotet"}),
                (THREATFOX, {"name": "Emotet"}),
                ("ab" * 32, {"name": "Emotet (malpedia)"}),
            ],
            ["Emotet (malpedia)", "Emotet (threatfox)", "Emotet (malpedia) (abababab…)"],
            id="a name that imitates a label",
        ),
    ],
)
def test_collections_of_one_name_are_told_apart(collections, labels):
    assert labels_of(*collections) == labels


def test_a_long_name_leaves_space_for_what_differs():
    one, other = labels_of((MALPEDIA, {"name": "x" * 200}), (THREATFOX, {"name": "X" * 200}))
    assert (one, other) == (f"{'x' * 68}… (malpedia)", f"{'X' * 67}… (threatfox)")
    assert len(one) == len(other) == 80


def test_the_label_does_not_depend_on_where_the_attributes_were_stated():
    bare, described = Entity("collection", MALPEDIA), Entity("collection", MALPEDIA, FAMILY)
    named = Entity("collection", MALPEDIA, {"name": "Emotet"})
    other = Entity("collection", THREATFOX, {"name": "Emotet"})
    graph = build_graph(
        Observation(EMOTET, REPORT, each) for each in (bare, named, other, described)
    )
    assert graph.nodes[named.key]["label"] == "Emotet (malware family)"
    assert graph.nodes[other.key]["label"] == "Emotet (threatfox)"
    assert graph.nodes[named.key]["name"] == "Emotet"


def test_files_and_references_keep_their_labels():
    twins = (Entity("reference", "01" * 32, {"title": "T"}), Entity("file", "ab" * 32))
    assert [each.label for each in label_entities(twins)] == ["T", "abababababab…"]


_NAMES = st.sampled_from(["Emotet", "emotet", "Emotet\u202e", "APT 37", "Emotet (malpedia)", ""])
_IDS = st.sampled_from(
    [MALPEDIA, THREATFOX, GTI, "malpedia_elf_emotet", "ab" * 32, "ab" * 31 + "cd", "Emotet"]
)
_KINDS = st.sampled_from(["", "campaign", "malware-family"])


@given(st.dictionaries(_IDS, st.tuples(_NAMES, _KINDS)))
def test_no_two_collections_have_the_same_label(stated):
    collections = [
        Entity("collection", each, {"name": name, "collection_type": kind})
        for each, (name, kind) in stated.items()
    ]
    labels = {each.key: each.plain_label for each in collections} | distinct_labels(collections)
    visible = {label.replace("\u202e", "").casefold() for label in labels.values()}
    assert len(visible) == len(collections)

"""Families: collections with the same name, whatever its spelling."""

from __future__ import annotations

import pytest

from graphbuild.analysis import Incidence, find_clusters, group_families
from graphbuild.analysis.families import name_key
from graphbuild.models import Entity, Observation
from tests.support.planted_campaigns import plant

NAMES = {
    "maltrail_emotet": ("Emotet", "ab"),
    "misp_tool_emotet": ("Emotet", "bc"),
    "bartblaze_emotet": ("EMOTET", "ad"),
    "unit42_emotet": (" emo-tet. ", "a"),
    "misp_apt28": ("APT28", "ef"),
    "eset_apt28": ("APT 28", "fg"),
    "malpedia_win_emotet": ("win.emotet", "e"),
    "a--1": ("", "g"),
    "a--2": ("", "g"),
    "b--1": ("!!!", "f"),
    "b--2": ("???", "f"),
}


def campaign_of(names: dict[str, tuple[str, str]]) -> Incidence:
    """Return a campaign in which each collection has a name, and a file per letter."""
    return Incidence.from_observations(
        Observation(
            Entity("file", letter * 64),
            Entity("reference", f"{number:064x}"),
            Entity("collection", collection, {"name": name} if name else {}),
        )
        for number, (collection, (name, letters)) in enumerate(names.items())
        for letter in letters
    )


def test_collections_with_the_same_name_are_one_family() -> None:
    families = group_families(campaign_of(NAMES))
    found = {family.name: [each.id for each in family.collections] for family in families.families}
    assert found == {
        "Emotet": ["bartblaze_emotet", "maltrail_emotet", "misp_tool_emotet", "unit42_emotet"],
        "APT 28": ["eset_apt28", "misp_apt28"],
        "win.emotet": ["malpedia_win_emotet"],
        "a--1": ["a--1"],
        "a--2": ["a--2"],
        "!!!": ["b--1"],
        "???": ["b--2"],
    }
    suffixes = {family.name: family.suffix for family in families.families}
    assert suffixes["Emotet"] == " \N{MULTIPLICATION SIGN}4"
    assert suffixes["win.emotet"] == ""


def test_a_family_contains_the_files_of_all_its_collections() -> None:
    incidence = campaign_of(NAMES)
    families = group_families(incidence)
    for column, family in enumerate(families.families):
        files = {file for each in family.collections for file in NAMES[each.id][1]}
        held = families.matrix[:, [column]].toarray().ravel()
        assert {
            incidence.files[row].id[0] for row, value in enumerate(held.tolist()) if value
        } == files
        assert held.max() == 1


@pytest.mark.parametrize("seed", range(3))
def test_distinctive_families_are_the_collections_if_all_names_differ(seed: int) -> None:
    incidence = Incidence.from_observations(plant(seed).observations())
    clustering = find_clusters(incidence)
    found = group_families(incidence).distinctive(clustering.labels)
    assert [
        [(each.family.name, each.inside, each.outside, each.lift) for each in families]
        for families in found
    ] == [
        [
            (each.entity.label, each.inside, each.outside, each.lift)
            for each in cluster.top_collections
        ]
        for cluster in clustering
    ]


def test_distinctive_families_of_a_cluster_count_each_file_once() -> None:
    incidence = campaign_of(NAMES)
    families = group_families(incidence)
    in_first = [file.id[0] in "abcd" for file in incidence.files]
    labels = find_clusters(incidence).labels.copy()
    labels[:] = [1 if first else 2 for first in in_first]
    first, _ = families.distinctive(labels)
    assert [(each.family.name, each.inside, each.outside) for each in first] == [("Emotet", 4, 0)]
    assert first[0].lift == pytest.approx(len(in_first) / 4)


def test_a_campaign_without_collections_has_no_families() -> None:
    empty = group_families(Incidence.from_observations([]))
    assert empty.families == ()
    alone = Observation(Entity("file", "a" * 64), Entity("reference", "b" * 64), None)
    incidence = Incidence.from_observations([alone])
    families = group_families(incidence)
    assert families.families == ()
    assert families.distinctive(find_clusters(incidence).labels) == [()]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Emotet", "EMOTET"),
        ("APT 28", "apt-28"),
        ("Straße", "STRASSE"),
        ("\uff25motet", "emotet"),
        ("Emo\u200btet", "Emotet"),
    ],
)
def test_names_are_compared_without_case_spaces_and_punctuation(one: str, other: str) -> None:
    assert name_key(one) == name_key(other) != ""


def test_names_with_other_letters_or_digits_differ() -> None:
    names = ["Emotet", "Emotet2", "win.emotet", "Эмотет", "APT28", "APT29"]
    assert len({name_key(name) for name in names}) == len(names)

"""Names of clusters: the family or actor, and a different name for each cluster."""

from __future__ import annotations

import pytest

from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.incidence import Incidence
from graphbuild.models import Entity, Observation


def collection(name: str, kind: str = "", number: int = 0) -> Entity:
    attributes = {"name": name, **({"collection_type": kind} if kind else {})}
    return Entity("collection", f"{name}-{kind}-{number}".replace(" ", "-"), attributes)


def cluster(start: int, sizes: dict[Entity, int]) -> list[Observation]:
    """Return observations of files of one cluster: each collection has its first ``size`` files."""
    return [
        Observation(
            Entity("file", f"{start + number:064x}"),
            Entity("reference", f"{start:x}{each.id}".encode().hex().rjust(64, "0")[-64:]),
            each,
        )
        for each, size in sizes.items()
        for number in range(size)
    ]


def names(*clusters: dict[Entity, int]) -> list[str]:
    observations = [
        each for number, sizes in enumerate(clusters) for each in cluster(100 * number, sizes)
    ]
    return [each.name for each in find_clusters(Incidence.from_observations(observations))]


@pytest.mark.parametrize("kind", ["malware-family", "threat-actor", "software-toolkit", "campaign"])
def test_a_cluster_is_named_after_its_family_or_actor(kind: str) -> None:
    sizes = {collection("A new wave", "report"): 9, collection("Emotet", kind): 8}
    other = {collection("Other", kind): 4}
    assert names(sizes, other) == ["Emotet", "Other"]


def test_a_family_of_few_files_gives_no_name() -> None:
    sizes = {collection("A new wave", "report"): 9, collection("Emotet", "malware-family"): 3}
    assert names(sizes, {collection("Other"): 4}) == ["A new wave", "Other"]


@pytest.mark.parametrize("more", ["Emotet indicators", "Emotet in brief"])
def test_without_kinds_the_shorter_name_is_preferred(more: str) -> None:
    sizes = {collection(more): 9, collection("Emotet"): 8}
    assert names(sizes, {collection("Other"): 4}) == ["Emotet", "Other"]


def test_the_kind_is_no_part_of_a_name_that_is_unique() -> None:
    sizes = {collection("Emotet", "malware-family"): 9, collection("Emotet", "report"): 9}
    assert names(sizes, {collection("Other"): 4}) == ["Emotet", "Other"]


def test_clusters_of_one_name_are_told_apart() -> None:
    one = {collection("Emotet", "malware-family", 1): 6}
    other = {collection("emotet", "malware-family", 2): 5}
    found = names(one, other, {collection("Other"): 4})
    assert len(set(found)) == 3
    assert all("emotet" in name.casefold() for name in found[:2])


def test_names_of_files_and_references_are_told_apart_by_a_number() -> None:
    observations = [
        Observation(
            Entity("file", f"{number:064x}"),
            Entity("reference", f"{number // 2:064x}", {"title": "The same title"}),
            None,
        )
        for number in range(6)
    ]
    found = find_clusters(Incidence.from_observations(observations))
    assert [each.name for each in found] == [
        "The same title",
        "The same title (2)",
        "The same title (3)",
    ]

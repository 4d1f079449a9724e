"""Groups of pairs: nodes with the same evidence are counted, and no pair is lost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from graphbuild.analysis import Incidence, find_overlaps, group_pairs
from graphbuild.models import Entity, Observation
from tests.support.planted_campaigns import plant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbuild.analysis.incidence import NodeKind


def observe(name: str, files: Iterable[int], references: str = "r") -> list[Observation]:
    """Return the observations of files in a collection with these references."""
    return [
        Observation(
            Entity("file", f"{number:064x}"),
            Entity("reference", f"{name}-{each}"),
            Entity("collection", name),
        )
        for number in files
        for each in references
    ]


def test_five_files_with_the_same_evidence_are_one_group() -> None:
    incidence = Incidence.from_observations(observe("a", range(5)))
    pairs = find_overlaps(incidence)
    assert len(pairs) == 10
    groups = group_pairs(pairs, incidence)
    assert len(groups) == 1
    assert groups.counts.tolist() == [10]
    assert groups.nodes(0) == (incidence.files, incidence.files)


def test_pairs_of_two_sets_of_files_are_one_group() -> None:
    """Three files are in one collection, and two of them in another."""
    incidence = Incidence.from_observations(observe("a", range(5)) + observe("b", range(3)))
    groups = group_pairs(find_overlaps(incidence), incidence)
    first, last = incidence.files[:3], incidence.files[3:]
    found = {groups.nodes(number): int(groups.counts[number]) for number in range(len(groups))}
    assert found == {(first, first): 3, (first, last): 6, (last, last): 1}


def test_files_with_other_references_are_not_in_one_group() -> None:
    """The list of the second file was not read to its end."""
    incidence = Incidence.from_observations(observe("a", [0], "rs") + observe("a", [1, 2], "r"))
    groups = group_pairs(find_overlaps(incidence), incidence)
    assert sorted(groups.counts.tolist()) == [1, 2]


@pytest.mark.parametrize("of", ["files", "collections"])
def test_all_pairs_of_a_group_have_the_same_numbers(of: NodeKind) -> None:
    incidence = Incidence.from_observations(plant(2, thin=True).observations())
    pairs = find_overlaps(incidence, of)
    groups = group_pairs(pairs, incidence)
    firsts = list(groups.pairs)
    members: dict[int, set[tuple[Entity, Entity]]] = {}
    for pair, group in zip(pairs, groups.group_of_pair.tolist(), strict=True):
        members.setdefault(group, set()).add((pair.source, pair.target))
        for name in pair.__slots__[2:]:
            assert getattr(pair, name) == getattr(firsts[group], name)
    assert Counter(groups.group_of_pair.tolist()) == dict(enumerate(groups.counts.tolist()))
    for group, ends in members.items():
        sources, targets = groups.nodes(group)
        expected = {
            tuple(sorted((a, b), key=lambda each: each.key))
            for a in sources
            for b in targets
            if a != b
        }
        assert ends == expected


def test_no_pairs_have_no_groups() -> None:
    incidence = Incidence.from_observations([])
    assert len(group_pairs(find_overlaps(incidence), incidence)) == 0

"""Lists of files of known families contain the disturbances that their names promise."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.support import family_mixes
from tests.support.family_mixes import generated, mix

FAMILIES = generated(3)
PLAIN = mix(FAMILIES, Random(1), 20, (4, 25))


def disturbed(change):
    """Return the same list as ``PLAIN``, disturbed."""
    return mix(FAMILIES, Random(1), 20, (4, 25), change)


def test_a_mix_has_files_of_each_family_and_is_reproducible() -> None:
    sizes = Counter(PLAIN.truth.values())
    assert sorted(sizes) == list(range(20))
    assert all(4 <= size <= 25 for size in sizes.values())
    assert mix(FAMILIES, Random(1), 20, (4, 25)) == PLAIN
    assert mix(FAMILIES, Random(2), 20, (4, 25)) != PLAIN
    assert generated(3) == FAMILIES


def test_halves_are_disjoint_and_complete() -> None:
    first, second = FAMILIES.halves()
    assert not set(first.files) & set(second.files)
    assert set(first.files) | set(second.files) == set(FAMILIES.files)
    assert FAMILIES.halves() == (first, second)


def test_each_round_up_has_two_fifths_of_the_files() -> None:
    world = disturbed(family_mixes.with_roundups)
    counts = Counter(name for held in world.members.values() for name in held)
    for number in range(family_mixes.ROUNDUPS):
        assert counts[f"round-up-{number}"] == pytest.approx(0.4 * len(PLAIN.members), abs=1)
    assert not any("round-up-0" in held for held in PLAIN.members.values())


def test_half_of_the_files_with_another_collection_are_not_in_the_main_collection() -> None:
    world = disturbed(family_mixes.with_hidden_collections)
    several = [file for file, held in PLAIN.members.items() if len(held) > 1]
    hidden = [file for file in PLAIN.members if world.members[file] != PLAIN.members[file]]
    assert set(hidden) <= set(several)
    assert all(world.members.values())
    assert 0.2 < len(hidden) / len(several) < 0.7


def test_one_file_in_twenty_has_a_collection_of_another() -> None:
    world = disturbed(family_mixes.with_wrong_collections)
    added = [file for file in PLAIN.members if world.members[file] != PLAIN.members[file]]
    assert 0 < len(added) <= round(0.05 * len(PLAIN.members))
    assert all(len(world.members[file]) == len(PLAIN.members[file]) + 1 for file in added)


def test_a_fifth_of_the_memberships_is_missing() -> None:
    world = disturbed(family_mixes.with_missing_answers)
    counts = [sum(map(len, each.members.values())) for each in (PLAIN, world)]
    assert counts[1] / counts[0] == pytest.approx(0.8, abs=0.06)
    assert all(world.members.values())

"""Lists of files of known families, with the disturbances that real lists have.

The families are real (:mod:`tests.support.real_families`) or generated in the same shape. A mix
consists of random files of some families. The scorer alone knows the families.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from tests.support.planted_campaigns import PlantedCampaigns
from tests.support.real_families import real_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

ROUNDUPS = 3
_ROUNDUP_SHARE = 0.4  # share of all files in each round-up
_HIDDEN_SHARE = 0.5  # share of the files that are not in the main collection of their family
_WRONG_SHARE = 0.05  # share of the files with a collection of another file
_MISSING_SHARE = 0.2  # share of the memberships in collections that are missing


@dataclass(frozen=True, slots=True)
class Families:
    """Files of known families.

    Attributes:
        files: the files of each family.
        members: the collections of each file.
        holds: the references of each collection.
    """

    files: dict[str, list[str]]
    members: dict[str, list[str]]
    holds: dict[str, list[str]]

    def halves(self) -> tuple[Families, Families]:
        """Return two disjoint halves of the families, which are always the same."""
        names = sorted(self.files)
        Random(20261130).shuffle(names)
        middle = len(names) // 2
        first, second = (
            replace(self, files={name: self.files[name] for name in sorted(part)})
            for part in (names[:middle], names[middle:])
        )
        return first, second


def real(path: Path) -> Families:
    """Return the real families. Collections without references are left out: no answer has them."""
    found = Families({}, {}, {})
    for each in real_files(path):
        holds: dict[str, list[str]] = {}
        for one in each.observations:
            assert one.related_from is not None
            holds.setdefault(one.related_from.id, []).append(one.reference.id)
        if holds:
            found.files.setdefault(each.family, []).append(each.file.id)
            found.members[each.file.id] = sorted(holds)
            found.holds.update(holds)
    return found


def generated(seed: int, families: int = 60) -> Families:
    """Generate families of the shape of the real ones; the same seed gives the same result.

    Most families have a main collection with nearly all of their files, and smaller ones. One
    family in ten shares a collection with the one before, and some references belong to several.
    """
    rng = Random(f"families {seed} {families}")
    found = Families({}, {}, {})
    common = [f"common {number}" for number in range(families)]
    previous = ""
    for number in range(families):
        own = [f"family {number} report {each}" for each in range(rng.randint(4, 60))]
        names = [f"c{number}-{each}" for each in range(rng.choice([1, 1, 2, 2, 3, 4]))]
        for name in names:
            shared = rng.sample(common, rng.choice([0, 0, 1, 2]))
            found.holds[name] = sorted([*rng.sample(own, rng.randint(2, len(own))), *shared])
        if previous and rng.random() < 0.1:
            names.append(previous)
        family = f"family {number:03}"
        for each in range(rng.randint(4, 40)):
            file = f"{number:04x}{each:04x}".zfill(64)
            chosen = [name for name in names[1:] if rng.random() < 0.3]
            if not chosen or rng.random() < 0.95:
                chosen.append(names[0])
            found.members[file] = sorted(chosen)
            found.files.setdefault(family, []).append(file)
        previous = names[0]
    return found


def mix(
    families: Families,
    rng: Random,
    count: int,
    sizes: tuple[int, int],
    disturb: Callable[[PlantedCampaigns, Random], PlantedCampaigns] = lambda world, _: world,
) -> PlantedCampaigns:
    """Return random files of ``count`` families, with a random size of each in ``sizes``.

    A family with fewer files has all of them. The number of families is limited by their total.
    """
    members: dict[str, list[str]] = {}
    truth: dict[str, int] = {}
    names = rng.sample(sorted(families.files), min(count, len(families.files)))
    for number, name in enumerate(names):
        files = families.files[name]
        for file in rng.sample(files, min(len(files), rng.randint(*sizes))):
            members[file] = families.members[file]
            truth[file] = number
    holds = {name: families.holds[name] for held in members.values() for name in held}
    return disturb(PlantedCampaigns(members, holds, {}, truth), rng)


def with_roundups(world: PlantedCampaigns, rng: Random) -> PlantedCampaigns:
    """Add three collections of 40 % of the files each, with a reference of each family."""
    members = {file: list(held) for file, held in world.members.items()}
    holds = dict(world.holds)
    by_family = _references_by_family(world)
    for number in range(ROUNDUPS):
        name = f"round-up-{number}"
        of_each = [rng.choice(references) for references in by_family]
        holds[name] = [*of_each, *(f"{name} report {each}" for each in range(40))]
        for file in _sample(rng, members, _ROUNDUP_SHARE):
            members[file].append(name)
    return replace(world, members=members, holds=holds)


def with_hidden_collections(world: PlantedCampaigns, rng: Random) -> PlantedCampaigns:
    """Remove the most frequent collection of each family from half of its files.

    Files without another collection keep it.
    """
    counts: dict[int, Counter[str]] = {}
    for file, held in world.members.items():
        counts.setdefault(world.truth[file], Counter()).update(held)
    main = {family: max(sorted(count), key=count.__getitem__) for family, count in counts.items()}
    members = {
        file: [name for name in held if name != main[world.truth[file]]]
        if len(held) > 1 and rng.random() < _HIDDEN_SHARE
        else held
        for file, held in world.members.items()
    }
    return replace(world, members=members)


def with_wrong_collections(world: PlantedCampaigns, rng: Random) -> PlantedCampaigns:
    """Add a collection of a random file to 5 % of the files."""
    members = dict(world.members)
    for file in _sample(rng, members, _WRONG_SHARE):
        other = rng.choice(world.members[rng.choice(list(members))])
        members[file] = list(dict.fromkeys([*members[file], other]))
    return replace(world, members=members)


def with_missing_answers(world: PlantedCampaigns, rng: Random) -> PlantedCampaigns:
    """Remove 20 % of the memberships in collections; files without a membership are left out."""
    kept = {
        file: [name for name in held if rng.random() >= _MISSING_SHARE]
        for file, held in world.members.items()
    }
    return replace(world, members={file: held for file, held in kept.items() if held})


def _references_by_family(world: PlantedCampaigns) -> list[list[str]]:
    found: dict[int, set[str]] = {}
    for file, held in world.members.items():
        found.setdefault(world.truth[file], set()).update(
            reference for name in held for reference in world.holds[name]
        )
    return [sorted(found[family]) for family in sorted(found)]


def _sample(rng: Random, files: dict[str, list[str]], share: float) -> Sequence[str]:
    return rng.sample(list(files), round(share * len(files)))

"""Random campaigns with known clusters, and random graphs of the same degrees without clusters.

A campaign has collections that share some references, and files that are in several of these
collections. The following make the clusters hard to find: long round-ups with files of every
campaign, toolkits of several campaigns, files in a collection of another campaign, references in
collections of several campaigns, and references without a collection.

The true clusters come from the generator; the tested code is not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING

from graphbuild.models import Entity, Observation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOISE = 0.1  # share of files in, and of references about, another campaign


@dataclass(frozen=True, slots=True)
class Size:
    """The number of campaigns, and the minimum and maximum number of files in each."""

    campaigns: int
    min_files: int
    max_files: int


SMALL, MEDIUM, LARGE = Size(6, 6, 24), Size(16, 6, 40), Size(40, 6, 80)


@dataclass(frozen=True, slots=True)
class PlantedCampaigns:
    """Files, references and collections with their true clusters.

    Attributes:
        members: the collections of each file.
        holds: the references of each collection.
        loose: the references of each file without a collection.
        truth: the campaign of each file.
    """

    members: dict[str, list[str]]
    holds: dict[str, list[str]]
    loose: dict[str, list[str]]
    truth: dict[str, int]

    def observations(self) -> list[Observation]:
        """Return the observations of a complete crawl."""
        return list(observations_of(self.members, self.holds, self.loose))


def observations_of(
    members: dict[str, list[str]], holds: dict[str, list[str]], loose: dict[str, list[str]]
) -> Iterable[Observation]:
    """Yield the observations of these memberships."""
    collections = {name: Entity("collection", name) for name in holds}
    for file, held in members.items():
        subject = Entity("file", file)
        for name in held:
            for reference in holds[name]:
                yield Observation(subject, _reference(reference), collections[name])
        for reference in loose.get(file, ()):
            yield Observation(subject, _reference(reference), None)


@cache  # large worlds contain some references hundreds of times
def _reference(name: str) -> Entity:
    return Entity("reference", _hash(name), {"title": name})


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def plant(
    seed: int, size: Size = SMALL, noise: float = NOISE, *, thin: bool = False
) -> PlantedCampaigns:
    """Generate campaigns; the same seed gives the same result.

    Files are in most collections of their campaign, at least in two. If ``thin``, they are in two
    of five, and many in one only.
    """
    # A fixed text, not the repr of `size`: renaming a field must not change the campaigns.
    shape = f"Size(campaigns={size.campaigns}, fewest={size.min_files}, most={size.max_files})"
    rng = Random(f"{seed} {shape} {noise}")
    holds: dict[str, list[str]] = {}
    own: list[list[str]] = []
    pools: list[list[str]] = []
    for number in range(size.campaigns):
        pool = [f"campaign {number} report {each}" for each in range(rng.randint(8, 40))]
        names = [f"c{number}-{each}" for each in range(rng.randint(3, 5))]
        for name in names:
            holds[name] = _sample(rng, pool, rng.uniform(0.25, 0.6), least=2)
        own.append(names)
        pools.append(pool)
    _move_references(rng, holds, own, pools, noise)
    toolkits = _toolkits(rng, holds, size)
    roundups = _roundups(rng, holds, pools, size)
    members: dict[str, list[str]] = {}
    loose: dict[str, list[str]] = {}
    truth: dict[str, int] = {}
    for number, names in enumerate(own):
        for each in range(rng.randint(size.min_files, size.max_files)):
            file = _hash(f"{seed} {number} {each}")
            held = _sample(rng, names, 0.4 if thin else 0.6, least=1 if thin else 2)
            held += [kit for kit, users in toolkits if number in users and rng.random() < 0.5]
            held += [name for name in roundups if rng.random() < 4 * noise]
            if rng.random() < noise:
                held.append(rng.choice(rng.choice(own)))
            members[file] = list(dict.fromkeys(held))
            if rng.random() < noise:
                loose[file] = _sample(rng, pools[number], 0.1, least=1)
            truth[file] = number
    files = list(members)
    rng.shuffle(files)
    return PlantedCampaigns({file: members[file] for file in files}, holds, loose, truth)


def _sample(rng: Random, names: Sequence[str], share: float, *, least: int) -> list[str]:
    count = max(least, round(share * len(names)))
    return sorted(rng.sample(names, min(count, len(names))))


def _move_references(
    rng: Random,
    holds: dict[str, list[str]],
    own: list[list[str]],
    pools: list[list[str]],
    noise: float,
) -> None:
    """Replace some references by references of another campaign."""
    for names in own:
        for name in names:
            kept = [each for each in holds[name] if rng.random() >= noise]
            lost = len(holds[name]) - len(kept)
            holds[name] = sorted({*kept, *(rng.choice(rng.choice(pools)) for _ in range(lost))})


def _toolkits(rng: Random, holds: dict[str, list[str]], size: Size) -> list[tuple[str, list[int]]]:
    """Add long collections about a tool; return each with the campaigns that use it."""
    toolkits = []
    for number in range(max(2, size.campaigns // 4)):
        name = f"toolkit-{number}"
        holds[name] = [f"toolkit {number} report {each}" for each in range(rng.randint(30, 60))]
        toolkits.append((name, rng.sample(range(size.campaigns), 3)))
    return toolkits


def _roundups(
    rng: Random, holds: dict[str, list[str]], pools: list[list[str]], size: Size
) -> list[str]:
    """Add collections with a reference of each campaign; files of every campaign are in them."""
    names = [f"roundup-{number}" for number in range(2 if size.campaigns < LARGE.campaigns else 4)]
    for name in names:
        of_each = [rng.choice(pool) for pool in pools]
        holds[name] = [*of_each, *(f"{name} report {each}" for each in range(40))]
    return names


def shuffled(planted: PlantedCampaigns, seed: int) -> PlantedCampaigns:
    """Return the same files and collections with random memberships of the same degrees.

    Ten random swaps per membership keep the number of collections of every file and of files of
    every collection. The references of collections and files are shuffled likewise.
    """
    rng = Random(seed)
    return PlantedCampaigns(
        _swapped(rng, planted.members),
        _swapped(rng, planted.holds),
        _swapped(rng, planted.loose),
        {},
    )


def _swapped(rng: Random, lists: dict[str, list[str]]) -> dict[str, list[str]]:
    pairs = [(one, other) for one, others in lists.items() for other in others]
    present = set(pairs)
    for _ in range(10 * len(pairs)):
        first, second = rng.randrange(len(pairs)), rng.randrange(len(pairs))
        (a, x), (b, y) = pairs[first], pairs[second]
        if (a, y) in present or (b, x) in present:
            continue
        present.remove(pairs[first])
        present.remove(pairs[second])
        pairs[first], pairs[second] = (a, y), (b, x)
        present.update((pairs[first], pairs[second]))
    result: dict[str, list[str]] = {name: [] for name in lists}
    for one, other in pairs:
        result[one].append(other)
    return result

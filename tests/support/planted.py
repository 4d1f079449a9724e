"""Campaigns whose truth is known, and worlds of the same degrees that have none.

A campaign has collections that share some of their reports, and files that are in several of its
collections. What makes it hard: round-ups that touch files of every campaign and are long, toolkits
that several campaigns use, files that strayed into the collection of another campaign, reports that
stand in collections of many, and reports that are listed although no collection stands behind them.

Nothing here knows the code that is tested: the truth is the maker's.
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

NOISE = 0.1  # the documented level: so many files stray, so many reports are about another campaign


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is: how many campaigns, and how few and how many files one has."""

    campaigns: int
    fewest: int
    most: int


SMALL, MEDIUM, LARGE = Size(6, 6, 24), Size(16, 6, 40), Size(40, 6, 80)


@dataclass(frozen=True, slots=True)
class Planted:
    """A world and its truth.

    Attributes:
        members: the collections each file is in.
        holds: the reports each collection holds.
        loose: the reports of each file behind which no collection stands.
        truth: the campaign of each file.
    """

    members: dict[str, list[str]]
    holds: dict[str, list[str]]
    loose: dict[str, list[str]]
    truth: dict[str, int]

    def observations(self) -> list[Observation]:
        """What the API would say: each file is told all that each of its collections holds."""
        return list(told(self.members, self.holds, self.loose))


def told(
    members: dict[str, list[str]], holds: dict[str, list[str]], loose: dict[str, list[str]]
) -> Iterable[Observation]:
    """The triples of these memberships."""
    collections = {name: Entity("collection", name) for name in holds}
    for file, held in members.items():
        subject = Entity("file", file)
        for name in held:
            for report in holds[name]:
                yield Observation(subject, _reference(report), collections[name])
        for report in loose.get(file, ()):
            yield Observation(subject, _reference(report), None)


@cache  # a large world tells of some reports hundreds of times
def _reference(name: str) -> Entity:
    return Entity("reference", _hash(name), {"title": name})


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def plant(seed: int, size: Size = SMALL, noise: float = NOISE, *, thin: bool = False) -> Planted:
    """A world; the same seed gives the same.

    Files are in most collections of their campaign, and at least in two; in a thin world in two of
    five, and many in one only.
    """
    rng = Random(f"{seed} {size} {noise}")
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
    _be_about_others(rng, holds, own, pools, noise)
    toolkits = _toolkits(rng, holds, size)
    roundups = _roundups(rng, holds, pools, size)
    members: dict[str, list[str]] = {}
    loose: dict[str, list[str]] = {}
    truth: dict[str, int] = {}
    for number, names in enumerate(own):
        for each in range(rng.randint(size.fewest, size.most)):
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
    return Planted({file: members[file] for file in files}, holds, loose, truth)


def _sample(rng: Random, names: Sequence[str], share: float, *, least: int) -> list[str]:
    count = max(least, round(share * len(names)))
    return sorted(rng.sample(names, min(count, len(names))))


def _be_about_others(
    rng: Random,
    holds: dict[str, list[str]],
    own: list[list[str]],
    pools: list[list[str]],
    noise: float,
) -> None:
    """Some reports of a collection are about another campaign instead."""
    for names in own:
        for name in names:
            kept = [report for report in holds[name] if rng.random() >= noise]
            lost = len(holds[name]) - len(kept)
            holds[name] = sorted({*kept, *(rng.choice(rng.choice(pools)) for _ in range(lost))})


def _toolkits(rng: Random, holds: dict[str, list[str]], size: Size) -> list[tuple[str, list[int]]]:
    """Collections about a tool, long ones, and the campaigns that use it."""
    toolkits = []
    for number in range(max(2, size.campaigns // 4)):
        name = f"toolkit-{number}"
        holds[name] = [f"toolkit {number} report {each}" for each in range(rng.randint(30, 60))]
        toolkits.append((name, rng.sample(range(size.campaigns), 3)))
    return toolkits


def _roundups(
    rng: Random, holds: dict[str, list[str]], pools: list[list[str]], size: Size
) -> list[str]:
    """Collections that files of every campaign are in; they hold a report or so of each."""
    names = [f"roundup-{number}" for number in range(2 if size.campaigns < LARGE.campaigns else 4)]
    for name in names:
        of_each = [rng.choice(pool) for pool in pools]
        holds[name] = [*of_each, *(f"{name} report {each}" for each in range(40))]
    return names


def scrambled(planted: Planted, seed: int) -> Planted:
    """The same files, collections and degrees, but who is in what is chance: no campaigns.

    Swaps of two memberships, ten for each, keep the number of collections of every file and of
    files of every collection; the same for what collections hold and for what is loose.
    """
    rng = Random(seed)
    return Planted(
        _swapped(rng, planted.members),
        _swapped(rng, planted.holds),
        _swapped(rng, planted.loose),
        {},
    )


def _swapped(rng: Random, lists: dict[str, list[str]]) -> dict[str, list[str]]:
    pairs = [(one, other) for one, others in lists.items() for other in others]
    there = set(pairs)
    for _ in range(10 * len(pairs)):
        first, second = rng.randrange(len(pairs)), rng.randrange(len(pairs))
        (a, x), (b, y) = pairs[first], pairs[second]
        if (a, y) in there or (b, x) in there:
            continue
        there.remove(pairs[first])
        there.remove(pairs[second])
        pairs[first], pairs[second] = (a, y), (b, x)
        there.update((pairs[first], pairs[second]))
    made: dict[str, list[str]] = {name: [] for name in lists}
    for one, other in pairs:
        made[one].append(other)
    return made

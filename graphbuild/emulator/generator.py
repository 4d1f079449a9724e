"""Made-up worlds: campaigns whose true clusters are known, and worlds of an exact size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

from graphbuild.emulator import documented
from graphbuild.emulator.fake_reports import Press
from graphbuild.emulator.hosts import Hosts
from graphbuild.emulator.models import Collection, File, Reference
from graphbuild.emulator.violations import break_rule
from graphbuild.emulator.vocabulary import ACTORS, FAMILIES, FILE_NAMES, FILE_SUFFIXES
from graphbuild.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbuild.emulator.models import Indicator

_OVERLAP = 3  # references that a collection shares with the one before it
_LONERS = 2  # files of which nothing is known
_HUB_REPORTS = 6


@dataclass(frozen=True, slots=True)
class _Sample:
    """A file in the making: its collections are still to be found."""

    file: File
    collections: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)

    def done(self) -> File:
        return replace(
            self.file,
            collections=tuple(dict.fromkeys(self.collections)),
            loose=tuple(self.loose),
            bare=tuple(self.bare),
        )


@dataclass(frozen=True, slots=True)
class _Campaign:
    """A true cluster: files used together, and the collections made of them."""

    name: str
    collections: Sequence[Collection]
    samples: Sequence[_Sample]


def made_up_world(  # noqa: PLR0913 - each is a measure of the world, all but the seed named
    seed: int = 0,
    *,
    campaigns: int = 4,
    files_per_campaign: int = 15,
    references_per_campaign: int = 40,
    siblings: int = 4,
    noise: float = 0.1,
    indicators_per_campaign: int = 6,
    broken: float = 0.0,
) -> World:
    """Make a world of planted campaigns; the same seed gives the same world.

    `world.campaigns` tells the truth in the hashes of `world.hashes()`. `noise` is how often a
    file is in a collection of another campaign and a report is about two; a hub collection
    takes four times as many files. Without noise campaigns share nothing. The documented
    sample is part of every world, with `siblings` files in its collection.

    Domains, addresses and urls are put beside the files without changing anything of them.
    `broken` is the share of files at which `related_references` breaks its rule, see `break_rule`.
    """
    maker = _Maker(seed, noise)
    for number in range(campaigns):
        maker.plant(number, files_per_campaign, references_per_campaign)
    maker.stray()
    maker.plant_documented(siblings)
    if noise:
        maker.gather()
    maker.rent(indicators_per_campaign)
    return break_rule(maker.world(), share=broken, seed=seed) if broken else maker.world()


def family_world(files: int, references: int) -> World:
    """Make a world of one collection: so many references, all shared by so many files."""
    reports = [
        Reference.of(f"https://blog.example/{number}", title=f"Report {number}")
        for number in range(references)
    ]
    family = Collection("made_up_family", "Family", tuple(report.id for report in reports))
    members = [
        replace(_file(f"family {number}"), collections=(family.id,)) for number in range(files)
    ]
    return World(members, reports, [family])


class _Maker:
    """Plants campaigns one after the other, then mixes them."""

    def __init__(self, seed: int, noise: float) -> None:
        self._seed = seed
        self._noise = noise
        self._rng = Random(seed)  # noqa: S311 - a world to look at, not a secret
        self._press = Press(self._rng)
        self._campaigns: list[_Campaign] = []
        self._hubs: list[Collection] = []
        self._indicators: list[Indicator] = []

    def plant(self, number: int, files: int, references: int) -> None:
        """Add a campaign: a family, often an actor, a report or two."""
        platform, family = FAMILIES[number % len(FAMILIES)]
        name = family + "I" * (number // len(FAMILIES))
        reports = self._reports(number, name, references)
        held = list(_split(reports, (0.5, 0.3, 0.2) if number % 3 else (0.5, 0.25, 0.15, 0.1)))
        slug, mark = name.lower(), _hex(f"{self._seed} {name}")
        collections = [
            Collection(f"atlas_{platform}_{slug}", name, held[0], "malware-family", "Partner"),
            Collection(mark, f"{name} indicators", held[1], "collection", "Crowdsourced"),
            # As in the schema of the documentation: some are mentioned by type and id only.
            Collection(f"report--{mark}", f"{name} in brief", held[2], "report", None, number != 1),
        ]
        if len(held) > len(collections):
            actor = ACTORS[number % len(ACTORS)]
            uuid = f"{mark[:8]}-{mark[8:12]}-{mark[12:16]}-{mark[16:20]}-{mark[20:32]}"
            collections.append(Collection(f"threat-actor--{uuid}", actor, held[3], "threat-actor"))
        samples = [self._sample(f"{name} {n}", n, collections) for n in range(files)]
        self._campaigns.append(_Campaign(name, collections, samples))
        self._list_unexplained(number, samples[:2])

    def plant_documented(self, siblings: int) -> None:
        """Add the documented sample: its file is in no other collection."""
        first, second = documented.REFERENCES
        self._press.written.update({each.id: each for each in documented.REFERENCES})
        others = [
            self._press.article(documented.NAME, after=second.id)
            for _ in range(documented.COUNT - len(documented.REFERENCES))
        ]
        held = (first.id, second.id, *others)
        emotet = Collection(documented.COLLECTION, documented.NAME, held, "malware-family")
        files = [File(documented.FILE), *(_file(f"{self._seed} e{n}") for n in range(siblings))]
        samples = [_Sample(file, [emotet.id]) for file in files]
        self._campaigns.append(_Campaign(documented.NAME, [emotet], samples))

    def stray(self) -> None:
        """Put some files into a collection of the next campaign."""
        for here, there in pairwise([*self._campaigns, *self._campaigns[:1]]):
            for sample in here.samples:
                if here is not there and self._rng.random() < self._noise:
                    sample.collections.append(there.collections[-1].id)

    def gather(self) -> None:
        """Put many files of all campaigns into one collection."""
        reports = tuple(self._press.article("commodity malware") for _ in range(_HUB_REPORTS))
        hub = Collection("atlas_roundup", "Quarterly round-up", reports, "collection", "Partner")
        reached = [
            sample
            for campaign in self._campaigns
            for sample in campaign.samples
            if sample.file.id != documented.FILE and self._rng.random() < 4 * self._noise
        ]
        for sample in reached:
            sample.collections.append(hub.id)
        self._hubs = [hub]

    def rent(self, count: int) -> None:
        """Give every campaign machines, some of which another one uses too."""
        hosts = Hosts(self._seed)
        for here, there in zip(
            self._campaigns, self._campaigns[1:] + self._campaigns[:1], strict=True
        ):
            read = self._press.written[here.collections[0].references[0]]
            made = hosts.plant(count, here.collections, read)
            chance = 2 * self._noise
            self._indicators += hosts.stray(made, chance, there.collections[-1], *self._hubs)

    def world(self) -> World:
        """Put all together, files in no order."""
        samples = [sample for campaign in self._campaigns for sample in campaign.samples]
        loners = [_file(f"{self._seed} loner {number}") for number in range(_LONERS)]
        files = [sample.done() for sample in samples] + loners
        self._rng.shuffle(files)
        files.sort(key=lambda file: file.id != documented.FILE)  # but the documented one first
        held = [each for campaign in self._campaigns for each in campaign.collections]
        truth = {
            campaign.name: frozenset(sample.file.seed for sample in campaign.samples)
            for campaign in self._campaigns
        }
        known = self._press.written.values()
        return World(files, known, held + self._hubs, truth, self._indicators)

    def _reports(self, number: int, name: str, count: int) -> list[str]:
        """Write about a campaign; with noise, some reports are about an earlier one too."""
        earlier = [
            i for each in self._campaigns[-1:] for c in each.collections for i in c.references
        ]
        reports = [self._press.odd_article(name, number)]
        while len(reports) < count:
            shared = earlier and self._rng.random() < self._noise / 2
            reports.append(self._rng.choice(earlier) if shared else self._press.article(name))
        return reports

    def _sample(self, text: str, number: int, collections: Sequence[Collection]) -> _Sample:
        """Make a file that is in all of the collections, or in all but one."""
        # At most one of three or more is missing: any two files of a campaign have one in common.
        held = [collection.id for collection in collections]
        if self._rng.getrandbits(1):
            held.remove(self._rng.choice(held))
        asked = {7: "md5", 12: "sha1"}.get(number, "sha256")  # some users have weaker hashes
        file = _file(f"{self._seed} {text}")
        about = collections[-1].references[:1]
        return _Sample(replace(file, asked=getattr(file, asked), direct=about), held)

    def _list_unexplained(self, number: int, samples: Sequence[_Sample]) -> None:
        """List a report at some files although no collection stands behind it."""
        report = self._press.article(self._campaigns[-1].name)
        for sample in samples:
            (sample.bare if number % 2 else sample.loose).append(report)


def _split(ids: Sequence[str], shares: Sequence[float]) -> Iterator[tuple[str, ...]]:
    """Cut a list by shares, each part beginning a little before its time."""
    done = 0.0
    for share in shares:
        start = max(0, round(done * len(ids)) - _OVERLAP)
        done += share
        yield tuple(dict.fromkeys(ids[start : max(1, round(done * len(ids)))]))


def _file(text: str) -> File:
    digits = _hex(text, 136)
    sha256, sha1, md5 = digits[:64], digits[64:104], digits[104:]
    return File(sha256, sha1, md5, name=_file_name(int(digits[:12], 16)))


def _file_name(number: int) -> str:
    more, word = divmod(number, len(FILE_NAMES))
    more, suffix = divmod(more, len(FILE_SUFFIXES))
    return f"{FILE_NAMES[word]}_{more % 1000}{FILE_SUFFIXES[suffix]}"


def _hex(text: str, length: int = 64) -> str:
    return hashlib.shake_256(text.encode()).hexdigest(length // 2)

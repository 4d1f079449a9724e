"""Generate worlds: campaigns with known clusters, or one collection of an exact size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, TypeVar

from graphbuild.emulator import documented_sample
from graphbuild.emulator.fake_data import NAMES, IndicatorFactory, ReferenceFactory
from graphbuild.emulator.models import Collection, File, Indicator, Reference
from graphbuild.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

S = TypeVar("S", File, Indicator)

_SHARED_REFERENCES = 3  # maximum number of common references of consecutive collections
_UNKNOWN_FILES = 2  # number of files without collections and references
_HUB_REFERENCES = 6  # number of references of the hub; see add_hub


@dataclass(slots=True)
class _Campaign:
    """A generated campaign: its collections, and the files that belong to them."""

    name: str
    collections: list[Collection]
    files: list[File]


def generate_world(  # noqa: PLR0913 - sizes of the world, keyword-only except the seed
    seed: int = 0,
    *,
    campaigns: int = 4,
    files_per_campaign: int = 15,
    references_per_campaign: int = 40,
    siblings: int = 4,
    noise: float = 0.1,
    indicators_per_campaign: int = 6,
    direct_references_per_campaign: int = 0,
    linked_reports: int = 0,
) -> World:
    """Generate a world of campaigns; the same arguments give the same world.

    ``World.campaigns`` contains the files of each campaign, which are the true clusters. Every
    world also contains the sample of the API documentation, as one more campaign.

    Args:
        seed: The seed of the random numbers.
        campaigns: The number of campaigns, not counting the sample.
        files_per_campaign: The number of files of each campaign except the sample.
        references_per_campaign: The number of references in the collections of each campaign except
            the sample. With noise, some of them are references of the previous campaign. If one of
            these is chosen twice, the number is smaller.
        siblings: The number of files of the sample, not counting the documented file.
        noise: The probability (0 to 1) that a file is also in a collection of the next campaign.
            A reference is reused from the previous campaign with the probability ``noise / 2``.
            With the probability ``4 * noise``, a file is also in the hub, a collection with
            files of all campaigns. Without noise, there is no hub, and campaigns share no
            collection and no reference.
        indicators_per_campaign: The total number of domains, IP addresses and URLs of each
            campaign. This number does not affect files and references.
        direct_references_per_campaign: The number of additional references of each campaign that
            are in no collection. Each of them is a direct reference (relationship ``references``)
            of two random files of the campaign.
        linked_reports: The number of references of each campaign that are related to up to six
            references, and directly to about half of the files of the campaign. This number affects
            the list of related references only in the ``gti`` flavor.
    """
    builder = _WorldBuilder(seed, noise)
    for number in range(campaigns):
        builder.add_campaign(number, files_per_campaign, references_per_campaign)
    builder.mix_campaigns()
    builder.add_documented_sample(siblings)
    if noise:
        builder.add_hub()
    builder.add_indicators(indicators_per_campaign)
    builder.add_direct_references(direct_references_per_campaign)
    builder.link_reports(linked_reports)
    return builder.build()


def generate_family_world(files: int, references: int) -> World:
    """Generate a world with one collection that contains all files and all references."""
    listed = [
        Reference.from_url(f"https://blog.example/{number}", title=f"Report {number}")
        for number in range(references)
    ]
    family = Collection("made_up_family", "Family", tuple(each.id for each in listed))
    members = [
        replace(_file(f"family {number}"), collections=(family.id,)) for number in range(files)
    ]
    return World(members, listed, [family])


class _WorldBuilder:
    """Generates the parts of a world; ``generate_world`` calls the methods in order."""

    def __init__(self, seed: int, noise: float) -> None:
        self._seed = seed
        self._noise = noise
        self._rng = Random(seed)  # noqa: S311 - sample data, not a secret
        self._references = ReferenceFactory(self._rng)
        self._campaigns: list[_Campaign] = []
        self._hubs: list[Collection] = []
        self._indicators: list[Indicator] = []

    def add_campaign(self, number: int, files: int, references: int) -> None:
        """Add campaign ``number`` with its files, references, and three or four collections.

        The ``collection_type`` of the first three is ``malware-family``, ``collection`` and
        ``campaign``. If ``number`` is a multiple of 3, the fourth is a ``threat-actor``.
        """
        families = NAMES["malware_families"]
        platform, family = families[number % len(families)]
        name = family + "I" * (number // len(families))
        ids = self._create_references(number, name, references)
        parts = list(_split(ids, (0.5, 0.3, 0.2) if number % 3 else (0.5, 0.25, 0.15, 0.1)))
        slug, digits = name.lower(), _hex(f"{self._seed} {name}")
        uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
        collections = [
            Collection(f"atlas_{platform}_{slug}", name, parts[0], "malware-family", "Partner"),
            Collection(digits, f"{name} indicators", parts[1], "collection", "Crowdsourced"),
            # In related_from, the API may omit the attributes of a collection. The emulator omits
            # those of the third collection of campaign 1.
            Collection(
                f"campaign--{uuid}", f"Operation {name}", parts[2], "campaign", None, number != 1
            ),
        ]
        if len(parts) > len(collections):
            actor = NAMES["actors"][number % len(NAMES["actors"])]
            collections.append(Collection(f"threat-actor--{uuid}", actor, parts[3], "threat-actor"))
        created = [self._create_file(f"{name} {n}", n, collections) for n in range(files)]
        unexplained = (self._references.create(name),)  # a reference without a collection
        for index, file in enumerate(created[:2]):
            if number % 2:
                created[index] = replace(file, without_context=unexplained)
            else:
                created[index] = replace(file, without_collection=unexplained)
        self._campaigns.append(_Campaign(name, collections, created))

    def add_documented_sample(self, siblings: int) -> None:
        """Add the sample of the API documentation, with ``siblings`` more files in its collection.

        The collection also contains enough made-up references to reach the documented number.
        """
        first, second = documented_sample.REFERENCES
        self._references.references |= {first.id: first, second.id: second}
        others = [
            self._references.create(documented_sample.NAME, after=second.id)
            for _ in range(documented_sample.COUNT - len(documented_sample.REFERENCES))
        ]
        name, ids = documented_sample.NAME, (first.id, second.id, *others)
        collection = Collection(documented_sample.COLLECTION, name, ids, "malware-family")
        files = [File(documented_sample.FILE)]
        files += [_file(f"{self._seed} e{number}") for number in range(siblings)]
        files = [replace(file, collections=(collection.id,)) for file in files]
        self._campaigns.append(_Campaign(name, [collection], files))

    def mix_campaigns(self) -> None:
        """Add random files of each campaign to the last collection of the next campaign.

        Files of the last campaign are added to a collection of the first one.
        """
        for campaign, following in pairwise([*self._campaigns, *self._campaigns[:1]]):
            if campaign is not following:
                _add_to_collections(
                    self._rng, campaign.files, self._noise, following.collections[-1]
                )

    def add_hub(self) -> None:
        """Add the hub: a collection that contains random files of all campaigns."""
        ids = tuple(self._references.create("commodity malware") for _ in range(_HUB_REFERENCES))
        hub = Collection("atlas_roundup", "Quarterly round-up", ids, "collection", "Partner")
        self._hubs.append(hub)
        for campaign in self._campaigns:
            _add_to_collections(self._rng, campaign.files, 4 * self._noise, hub)

    def add_indicators(self, count: int) -> None:
        """Add ``count`` indicators to every campaign.

        With noise, some of the indicators are also in a collection of the next campaign or in the
        hub.
        """
        # Indicators have their own random numbers, so that they do not affect files and references.
        rng = Random(f"{self._seed} hosts")  # noqa: S311 - sample data, not a secret
        factory = IndicatorFactory(rng)
        for campaign, following in pairwise([*self._campaigns, self._campaigns[0]]):
            reference = self._references.references[campaign.collections[0].references[0]]
            created = factory.create(count, campaign.collections, reference)
            _add_to_collections(
                rng, created, 2 * self._noise, following.collections[-1], *self._hubs
            )
            self._indicators += created

    def add_direct_references(self, count: int) -> None:
        """Add ``count`` direct references to every campaign, each of two random files."""
        for campaign in self._campaigns:
            for _ in range(count):
                reference = self._references.create(campaign.name)
                indexes = range(len(campaign.files))
                for index in self._rng.sample(indexes, min(2, len(indexes))):
                    file = campaign.files[index]
                    references = (*file.references, reference)
                    campaign.files[index] = replace(file, references=references)

    def link_reports(self, count: int) -> None:
        """Relate ``count`` references of every campaign to references and files of the campaign.

        A reference may be related to itself, and two references may be related to each other.
        """
        # Like indicators, these relations have their own random numbers.
        rng = Random(f"{self._seed} reports")  # noqa: S311 - sample data, not a secret
        known = self._references.references
        for campaign in self._campaigns:
            ids = sorted({each for group in campaign.collections for each in group.references})
            linked = rng.sample(ids, min(count, len(ids)))
            for each in linked:
                found = rng.sample(ids, min(len(ids), rng.randint(1, 6)))
                known[each] = replace(known[each], reports=tuple(found))
            for number, file in enumerate(campaign.files):
                direct = [each for each in linked if rng.getrandbits(1)]
                if file.id == documented_sample.FILE:
                    continue
                references = tuple(dict.fromkeys((*file.references, *direct)))
                campaign.files[number] = replace(file, references=references)

    def build(self) -> World:
        """Return the world. The documented file is the first one, and all others are shuffled."""
        files = [file for campaign in self._campaigns for file in campaign.files]
        files += [_file(f"{self._seed} loner {number}") for number in range(_UNKNOWN_FILES)]
        self._rng.shuffle(files)
        files.sort(key=lambda file: file.id != documented_sample.FILE)
        collections = [each for campaign in self._campaigns for each in campaign.collections]
        clusters = {
            campaign.name: frozenset(file.seed for file in campaign.files)
            for campaign in self._campaigns
        }
        references = self._references.references.values()
        return World(files, references, collections + self._hubs, clusters, self._indicators)

    def _create_references(self, number: int, name: str, count: int) -> list[str]:
        """Return the ids of ``count`` references. The first reference has an invalid date.

        With noise, some of the references are from the previous campaign; all others are new.
        """
        earlier = [
            reference
            for campaign in self._campaigns[-1:]
            for collection in campaign.collections
            for reference in collection.references
        ]
        ids = [self._references.create_with_invalid_date(name, number)]
        while len(ids) < count:
            reuse = earlier and self._rng.random() < self._noise / 2
            ids.append(self._rng.choice(earlier) if reuse else self._references.create(name))
        return ids

    def _create_file(self, text: str, number: int, collections: Sequence[Collection]) -> File:
        """Create a file in all of the collections, or in all but one.

        Any two files of a campaign share a collection, because a campaign has at least three
        collections. ``number`` selects the type of the hash in seed lists.
        """
        ids = [collection.id for collection in collections]
        if self._rng.getrandbits(1):
            ids.remove(self._rng.choice(ids))
        hash_type = {7: "md5", 12: "sha1"}.get(number, "sha256")  # real lists mix hash types
        file = _file(f"{self._seed} {text}")
        return replace(
            file,
            seed_hash=getattr(file, hash_type),
            collections=tuple(ids),
            references=collections[-1].references[:1],
        )


def _add_to_collections(
    rng: Random, subjects: list[S], probability: float, *collections: Collection
) -> None:
    """Add each subject to each of ``collections`` with the given probability.

    The documented file is never added. Subjects are immutable, so the items of ``subjects`` are
    replaced.
    """
    for index, subject in enumerate(subjects):
        if subject.id != documented_sample.FILE:
            added = tuple(each.id for each in collections if rng.random() < probability)
            ids = tuple(dict.fromkeys(subject.collections + added))
            subjects[index] = replace(subject, collections=ids)


def _split(ids: Sequence[str], shares: Sequence[float]) -> Iterator[tuple[str, ...]]:
    """Split ids into parts with the given shares of the ids, which must add up to 1.

    Each part except the first also contains the last ids of the previous part, at most
    ``_SHARED_REFERENCES``.
    """
    total = 0.0
    for share in shares:
        start = max(0, round(total * len(ids)) - _SHARED_REFERENCES)
        total += share
        yield tuple(dict.fromkeys(ids[start : max(1, round(total * len(ids)))]))


def _file(text: str) -> File:
    """Create a file whose hashes and name are derived from ``text``."""
    digits = _hex(text, 136)
    names, suffixes = NAMES["file_names"], NAMES["file_suffixes"]
    number, name = divmod(int(digits[:12], 16), len(names))
    number, suffix = divmod(number, len(suffixes))
    file_name = f"{names[name]}_{number % 1000}{suffixes[suffix]}"
    return File(digits[:64], digits[64:104], digits[104:], name=file_name)


def _hex(text: str, length: int = 64) -> str:
    return hashlib.shake_256(text.encode()).hexdigest(length // 2)

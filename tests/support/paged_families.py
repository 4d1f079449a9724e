"""Worlds of malware families whose lists have several pages, from real files and made up.

In the made-up worlds, the collection of a family is small, and its files are also in large
collections with files of other families. So a first page often does not name the family. Real lists
are easier; see ``make bench CASES=quick``.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from graphbuild.emulator import Collection, File, Reference, World
from tests.support.real_families import real_files

if TYPE_CHECKING:
    from tests.support.real_families import RealFile

PAGE = 40  # references per page


@dataclass(frozen=True, slots=True)
class RealMix:
    """How real files are chosen: families, files of each, and more than so many pages a file."""

    families: int
    min_files: int
    max_files: int
    more_pages_than: int = 0

    @property
    def name(self) -> str:
        """A description for a table."""
        pages = f" of more than {self.more_pages_than} pages" if self.more_pages_than else ""
        return f"{self.families} real families, {self.min_files} to {self.max_files} files{pages}"


@dataclass(frozen=True, slots=True)
class MadeUp:
    """Sizes of a made-up world; each pair is a minimum and a maximum."""

    families: int = 20
    files: tuple[int, int] = (5, 20)  # of each family
    own: tuple[int, int] = (3, 12)  # references of the collection of a family
    large_collections: int = 6
    large: tuple[int, int] = (150, 400)  # references of a large collection
    large_per_family: tuple[int, int] = (1, 2)
    medium_share: float = 0.3  # share of files that are in a second collection of their family


def real_world(mix: RealMix, seed: int) -> World:
    """Return files of families that are chosen at random; needs the real files."""
    rng = random.Random(seed)
    by_family: dict[str, list[RealFile]] = defaultdict(list)
    for each in real_files():
        if len({one.reference.id for one in each.observations}) > PAGE * mix.more_pages_than:
            by_family[each.family].append(each)
    names = [name for name in sorted(by_family) if len(by_family[name]) >= min(mix.min_files, 4)]
    lists: dict[str, set[str]] = defaultdict(set)
    members: list[list[str]] = []
    for name in rng.sample(names, min(mix.families, len(names))):
        size = min(rng.randint(mix.min_files, mix.max_files), len(by_family[name]))
        for each in rng.sample(by_family[name], size):
            for one in each.observations:
                assert one.related_from is not None
                lists[one.related_from.id].add(str(one.reference.attributes["url"]))
            members.append(sorted({one.related_from.id for one in each.observations}))  # type: ignore[union-attr]  # checked above
    rng.shuffle(members)
    return _world(lists, members)


def made_up_world(sizes: MadeUp, seed: int) -> World:
    """Return families with one or two collections of their own, and with large collections."""
    rng = random.Random(seed)
    lists: dict[str, set[str]] = {}

    def add(name: str, size: int) -> str:
        lists[name] = {f"https://r.example/{name}/{number}" for number in range(size)}
        return name

    large = [add(f"large{n}", rng.randint(*sizes.large)) for n in range(sizes.large_collections)]
    members = []
    for number in range(sizes.families):
        own = add(f"own{number}", rng.randint(*sizes.own))
        medium = add(f"medium{number}", rng.randint(20, 80))
        chosen = rng.sample(large, rng.randint(*sizes.large_per_family))
        for _ in range(rng.randint(*sizes.files)):
            shared = [name for name in chosen if rng.random() < 0.8]
            more = [medium] if rng.random() < sizes.medium_share else []
            members.append([own, *shared, *more])
    rng.shuffle(members)
    return _world(lists, members)


def _world(lists: dict[str, set[str]], members: list[list[str]]) -> World:
    """Return a world: the URLs of each collection, and the collections of each file."""
    urls = sorted(set().union(*lists.values()))
    references = {url: Reference.from_url(url) for url in urls}
    return World(
        [
            File(sha256(f"file {number}".encode()).hexdigest(), collections=tuple(names))
            for number, names in enumerate(members)
        ],
        references.values(),
        [
            Collection(name, name, tuple(references[url].id for url in sorted(listed)))
            for name, listed in sorted(lists.items())
        ],
    )

"""Crawl a world as a whole and in shards, and compare the merged campaign files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.crawler import Crawl
from graphbuild.emulator import Api, Collection, File, Indicator, Reference, World
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from graphbuild.store.merge import merge
from tests.crawler.campaign import Clock
from tests.support.emulator_adapter import EmulatorAdapter

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from graphbuild.models import Entity
    from graphbuild.seeds import SeedList
    from graphbuild.store.merge_result import MergeResult
    from graphbuild.store.shards import Shard

DAY = 86_400.0


class TickingClock(Clock):
    """A clock that advances by a second each time it is read."""

    def now(self) -> float:
        self.time += 1
        return self.time


def random_world(rng: random.Random) -> World:
    """Return files with up to three hashes, a URL, a domain and up to four collections."""
    urls = [f"https://r.example/{number}" for number in range(rng.randint(1, 130))]
    references = {url: Reference.from_url(url, title=f"T {url[-1]}") for url in urls}
    names = [f"c{number}" for number in range(rng.randint(1, 4))]
    collections = []
    for name in names:
        start = rng.randrange(len(urls))
        chosen = urls[start : start + rng.choice((1, 3, rng.randint(0, 100)))]
        collections.append(Collection(name, f"N {name}", tuple(references[u].id for u in chosen)))

    def some() -> tuple[str, ...]:
        return tuple(rng.sample(names, rng.randint(0, len(names))))

    direct = [each.id for each in references.values()][:2]
    return World(
        [_file(number, some(), direct[: rng.randint(0, 2)]) for number in range(rng.randint(1, 7))],
        list(references.values()),
        collections,
        indicators=[
            Indicator("url", "https://evil.example/Path?q=1", collections=some()),
            Indicator("domain", "evil.example", collections=some()),
        ],
    )


def _file(number: int, collections: tuple[str, ...], references: list[str]) -> File:
    text = f"file {number}".encode()
    return File(
        collections=collections,
        references=tuple(references),
        sha256=hashlib.sha256(text).hexdigest(),
        sha1=hashlib.sha1(text, usedforsecurity=False).hexdigest(),
        md5=hashlib.md5(text, usedforsecurity=False).hexdigest(),
    )


def random_seeds(rng: random.Random, world: World, *, hashes: bool = True) -> list[str]:
    """Return a seed list of all subjects; with ``hashes``, of files by one or more hashes."""
    seeds: list[str] = []
    for subject in world.subjects():
        if isinstance(subject, File) and hashes:
            known = (subject.sha256, subject.sha1, subject.md5)
            seeds += rng.sample(known, rng.choice((1, 1, 2, 3)))
        else:
            seeds.append(subject.seed)
    rng.shuffle(seeds)
    return seeds


@dataclass
class Crawls:
    """Crawls of one world in one folder."""

    folder: Path
    world: World
    seeds: Sequence[str]
    clock: Clock = field(default_factory=TickingClock)
    api_flavor: str = "classic"
    calls: list[str] = field(default_factory=list)  # the requested paths and queries

    def parsed_seeds(self) -> SeedList:
        """Return the seeds as a crawl adds them."""
        return parse_seeds(self.seeds)

    def crawl(
        self, name: str, shard: Shard | None = None, *, refresh: bool = False, **options: Any
    ) -> Path:
        """Crawl into the file ``name``, a new one or an earlier one; return its path."""
        path = self.folder / name
        api = Api(self.world, clock=self.clock.now, api_flavor=self.api_flavor)
        client = Client(
            ApiKey("k" * 64),
            adapter=EmulatorAdapter(api),
            clock=self.clock,  # type: ignore[arg-type]
            api_flavor=self.api_flavor,
        )
        with Store.open(path) as store, client:
            store.add_seeds(self.parsed_seeds())
            if shard:
                store.tasks.restrict_to_shard(shard)
            if refresh:
                store.tasks.refresh(self.clock.now())
            for _ in Crawl(client, store, **options):
                pass
        self.calls += [f"{entry.path}?{entry.query}" for entry in api.log]
        return path

    def merge(self, name: str, paths: Sequence[Path]) -> list[MergeResult]:
        """Merge files into the file ``name``."""
        return merge_files(self.folder / name, paths)


def merge_files(path: Path, sources: Sequence[Path]) -> list[MergeResult]:
    """Merge campaign files into the file at ``path``; return the results."""
    results = []
    with Store.open(path) as store:
        for each in sources:
            with Store.read(each) as source:
                results.append(merge(store, source))
    return results


def contents(path: Path) -> tuple[object, ...]:
    """Return all that the exports without times contain, in their order."""
    with Store.read(path) as store:
        return (
            [_plain(each) for each in store.subjects()],
            [
                (
                    _plain(each.subject),
                    _plain(each.reference),
                    each.related_from and _plain(each.related_from),
                    each.provenance,
                    each.relationship,
                )
                for each in store.observations(direct=True)
            ],
            [
                (_plain(each.source), each.relationship, _plain(each.target))
                for each in store.links()
            ],
        )


def _plain(entity: Entity) -> tuple[str, list[tuple[str, object]]]:
    return entity.key, list(entity.attributes.items())


def triples(path: Path) -> set[tuple[str, str, str | None]]:
    """Return the observations as keys."""
    with Store.read(path) as store:
        return {
            (each.subject.key, each.reference.key, each.related_from and each.related_from.key)
            for each in store.observations()
        }

"""A campaign file, a client and an emulator in one process, with a clock that never waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.crawler import Crawl
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.support.emulator_adapter import EmulatorAdapter
from tests.support.faults import FaultyApi

if TYPE_CHECKING:
    from pathlib import Path

    from graphbuild.api.rate_limit import RateLimiter
    from graphbuild.crawler import CrawlEvent
    from graphbuild.emulator import World


class Clock:
    """A clock that only advances when it sleeps."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> bool:
        self.slept.append(seconds)
        self.time += seconds
        return True


class Campaign:
    """A campaign whose seeds are all files of an emulated world."""

    def __init__(
        self, path: Path, world: World, clock: Clock | None = None, **switches: object
    ) -> None:
        self.world = world
        self.clock = clock or Clock()
        self.api = FaultyApi(world, clock=self.clock.now, **switches)  # type: ignore[arg-type]
        self.path = path
        with Store.open(path) as store:
            store.add_seeds(parse_seeds(world.hashes()))

    def client(self, **options: object) -> Client:
        options = {
            "adapter": EmulatorAdapter(self.api),
            "clock": self.clock,
            "api_flavor": "classic",  # no calls to detect it
            **options,
        }
        return Client(ApiKey("k" * 64), **options)  # type: ignore[arg-type]

    def crawl(self, rate_limiter: RateLimiter | None = None, **options: object) -> list[CrawlEvent]:
        """Crawl until the end, with options of :class:`Crawl`."""
        with Store.open(self.path) as store, self.client(rate_limiter=rate_limiter) as client:
            return list(Crawl(client, store, **options))  # type: ignore[arg-type]

    def states(self) -> dict[str, str]:
        with Store.read(self.path) as store:
            return {row.subject.id: row.state for row in store.statuses()}

    def triples(self) -> set[tuple[str, str, str | None]]:
        with Store.read(self.path) as store:
            return {
                (one.subject.id, one.reference.id, one.related_from and one.related_from.id)
                for one in store.observations()
            }

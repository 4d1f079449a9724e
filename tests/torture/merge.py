"""SIGKILL while campaign files are merged: nothing is lost, and a repeated merge completes."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING

from graphbuild.emulator import generate_family_world, generate_world
from graphbuild.errors import StoreError
from graphbuild.store import Store, find_damage
from graphbuild.store.shards import Shard
from tests.support.forking import environment
from tests.support.sharded_crawls import Crawls, contents, triples
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from pathlib import Path

    from graphbuild.emulator import World
    from tests.support.forking import Running, Zygote

_SHARDS = 3
_WORLDS = (
    lambda: generate_world(1, campaigns=3, files_per_campaign=8, references_per_campaign=60),
    lambda: generate_family_world(120, 50),
)


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Kill ``rounds`` times, in as many merges as necessary."""
    result = PartResult("merge")
    rng = random.Random(seed)
    campaigns = [_Shards(folder / f"world-{n}", make(), zygote) for n, make in enumerate(_WORLDS)]
    merges = 0
    while result.rounds < rounds:
        _merge(campaigns[merges % len(campaigns)], f"merged-{merges}.db", result, rng, rounds)
        merges += 1
    result.notes.append(f"{merges} merges")
    return result.finish()


class _Shards:
    """The files of the shards of a crawl, and the expected contents of the merged file."""

    def __init__(self, folder: Path, world: World, zygote: Zygote) -> None:
        folder.mkdir(parents=True)
        crawls = Crawls(folder, world, [each.seed for each in world.subjects()])
        self.folder = folder
        self.expected = contents(crawls.crawl("whole.db"))
        self.calls = len(crawls.calls)
        self.files = [
            crawls.crawl(f"{number}.db", Shard(number, _SHARDS)) for number in range(1, _SHARDS + 1)
        ]
        self._zygote = zygote
        start = time.monotonic()
        self.merge("unkilled.db").end()
        self.duration = time.monotonic() - start

    def merge(self, name: str) -> Running:
        """Start a merge into the file ``name`` in a fork."""
        out = self.folder / f"{name}.out"
        command = ["merge", *map(str, self.files), "--store", str(self.folder / name)]
        return self._zygote.start(*command, out=out, variables=environment(HOME=str(self.folder)))


def _merge(shards: _Shards, name: str, result: PartResult, rng: random.Random, rounds: int) -> None:
    """Kill a merge at random moments until it completes; then check the merged file."""
    path = shards.folder / name
    known: set[tuple[str, str, str | None]] = set()
    code = -signal.SIGKILL
    while code == -signal.SIGKILL:
        running = shards.merge(name)
        if result.rounds < rounds:
            running.wait(rng.uniform(0.0, shards.duration))
            running.send(signal.SIGKILL)
        code = running.end()
        if code == -signal.SIGKILL:
            result.rounds += 1
            known = _examine(path, known, result, f"{name}, kill {result.rounds}")
    result.check(code == 0, f"{name}: the merge ends with {code}")
    result.check(contents(path) == shards.expected, f"{name}: differs from an undivided crawl")
    with Store.read(path) as store:
        result.check(store.calls.count() == shards.calls, f"{name}: the number of calls differs")
        result.check(not list(find_damage(store)), f"{name}: the file is damaged")


def _examine(
    path: Path, known: set[tuple[str, str, str | None]], result: PartResult, what: str
) -> set[tuple[str, str, str | None]]:
    """Check that the file is valid and has lost no observation; return its observations."""
    if not path.exists():
        result.check(not known, f"{what}: the file is gone")
        return known
    try:
        with Store.read(path) as store:
            damage = list(find_damage(store))
        found = triples(path)
    except StoreError as error:
        result.unreadable += 1
        result.failures.append(f"{what}: the campaign file does not open: {error}")
        return known
    result.lost += len(known - found)
    result.check(not known - found, f"{what}: {len(known - found)} observations are gone")
    # Until the next writer opens the file, it looks like a copy without its log.
    problems = [each for each in damage if "incomplete copy" not in each.problem]
    result.check(not problems, f"{what}: {problems}")
    return found

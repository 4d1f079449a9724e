"""Copies of the main file alone, without its log, at random moments of a slow crawl.

A copy may lack the pages of the last ten seconds, but never without a message, and no others. If
SQLite wrote to the file meanwhile, the copy may also be damaged, but never without a message.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.errors import StoreError
from graphbuild.store import Store, find_damage
from tests.support.faults import Fault
from tests.torture.campaigns import Campaign, needed
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.forking import Running, Zygote

_SECONDS_PER_COPY = 0.3
_CHECKPOINT_DURATION = 0.05  # seconds; longer than SQLite needs to write some pages to the file
_MAX_AGE = 10.0  # seconds of pages that a copy may lack


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Copy the file ``rounds`` times during one crawl, then compare the copies with the result."""
    result, chance = PartResult("copies"), random.Random(seed)
    duration = rounds * _SECONDS_PER_COPY
    moments = sorted(chance.uniform(0.0, duration) for _ in range(rounds))
    copies: list[_Copy] = []
    with Campaign(folder / "slow", 0, zygote) as campaign:
        first = campaign.start(campaign.crawl_command("--max-calls", "1"))
        result.check(first.end() == 3, f"the first crawl fails: {campaign.said()}")
        campaign.api.add_faults(Fault("delay", duration / needed(campaign.seed), times=None))
        calls = campaign.api.calls
        running = campaign.start(campaign.crawl_command())
        # Before the first request, the file may not be open yet. A copy then needs no message.
        while campaign.api.calls == calls and not running.wait(0.001):
            pass
        start = time.monotonic()
        for number, moment in enumerate(moments):
            running.wait(start + moment - time.monotonic())
            copies.append(_copy(campaign.store, campaign.folder / f"copy-{number}.db", running))
        result.check(running.end() == 0, f"the crawl fails: {campaign.said()}")
        stored_at = _page_times(campaign.store)
        for copy in copies:
            _check_copy(copy, stored_at, result)
            result.rounds += 1
        near = sum(copy.is_near_write for copy in copies)
        result.notes.append(f"{near} copies were made while or shortly after the file was written")
        campaign.finish(result, "slow crawl", allowed=0)
    return result.finish()


class _Copy(NamedTuple):
    path: Path
    copied_at: float
    is_near_write: bool  # whether the file may have been written while it was copied


def _copy(source: Path, target: Path, running: Running) -> _Copy:
    copied_at, before = time.time(), source.stat().st_mtime
    shutil.copy(source, target)
    running.wait(_CHECKPOINT_DURATION)
    is_written = source.stat().st_mtime != before or before > copied_at - _CHECKPOINT_DURATION
    return _Copy(target, copied_at, is_written)


def _page_times(path: Path) -> list[float]:
    with closing(sqlite3.connect(path)) as connection:
        return [fetched_at for (fetched_at,) in connection.execute("SELECT fetched_at FROM page")]


def _check_copy(copy: _Copy, stored_at: list[float], result: PartResult) -> None:
    name = copy.path.name
    try:
        with Store.read(copy.path) as store:
            pages, message = store.totals().pages, store.missing_data
            damages = [each.problem for each in find_damage(store) if each.problem != message]
    except StoreError as error:
        result.check(copy.is_near_write and "damaged" in str(error), f"{name}: {error}")
        return
    if copy.is_near_write and (damages or not message):
        # The last write of a crawl makes the file whole; a copy made right after it lacks nothing.
        is_final = pages == len(stored_at) and not damages
        result.check(message or is_final, f"{name}: made during a write, and has no message")
        return
    lost = sum(each < copy.copied_at - _MAX_AGE for each in stored_at) - pages
    result.lost += max(0, lost)
    result.check(lost <= 0, f"{name}: {lost} pages older than {_MAX_AGE:.0f} seconds are gone")
    stored_before = sum(each < copy.copied_at for each in stored_at)
    result.check(message or pages >= stored_before, f"{name}: incomplete without a message")
    result.check(not damages, f"{name}: damaged copy: {damages}")

"""Copies of the main file alone, without its log, at random moments of a slow crawl.

A copy may lack the pages of the last ten seconds, but never without a message, and no others.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild.store import Store, find_damage
from tests.support.faults import Fault
from tests.torture.campaigns import Campaign, needed
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from tests.support.forking import Zygote

_SECONDS_PER_COPY = 0.3
_MAX_AGE = 10.0  # seconds of pages that a copy may lack


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Copy the file ``rounds`` times during one crawl, then compare the copies with the result."""
    result, chance = PartResult("copies"), random.Random(seed)
    duration = rounds * _SECONDS_PER_COPY
    moments = sorted(chance.uniform(0.0, duration) for _ in range(rounds))
    copies: list[tuple[Path, float]] = []
    with Campaign(folder / "slow", 0, zygote) as campaign:
        first = campaign.start(campaign.crawl_command("--max-calls", "1"))
        result.check(first.end() == 3, f"the first crawl fails: {campaign.said()}")
        campaign.api.add_faults(Fault("delay", duration / needed(campaign.seed), times=None))
        start = time.monotonic()
        running = campaign.start(campaign.crawl_command())
        for number, moment in enumerate(moments):
            running.wait(start + moment - time.monotonic())
            copied_at = time.time()
            copy = Path(shutil.copy(campaign.store, campaign.folder / f"copy-{number}.db"))
            copies.append((copy, copied_at))
        result.check(running.end() == 0, f"the crawl fails: {campaign.said()}")
        stored_at = _page_times(campaign.store)
        for copy, copied_at in copies:
            _check_copy(copy, copied_at, stored_at, result)
            result.rounds += 1
        campaign.finish(result, "slow crawl", allowed=0)
    return result.finish()


def _page_times(path: Path) -> list[float]:
    with closing(sqlite3.connect(path)) as connection:
        return [fetched_at for (fetched_at,) in connection.execute("SELECT fetched_at FROM page")]


def _check_copy(copy: Path, copied_at: float, stored_at: list[float], result: PartResult) -> None:
    with Store.read(copy) as store:
        pages, message = store.totals().pages, store.missing_data
        damages = [each.problem for each in find_damage(store) if each.problem != message]
    lost = sum(each < copied_at - _MAX_AGE for each in stored_at) - pages
    result.lost += max(0, lost)
    result.check(lost <= 0, f"{copy.name}: {lost} pages older than {_MAX_AGE:.0f} seconds are gone")
    stored_before = sum(each < copied_at for each in stored_at)
    result.check(message or pages >= stored_before, f"{copy.name}: incomplete without a message")
    result.check(not damages, f"{copy.name}: damaged copy: {damages}")

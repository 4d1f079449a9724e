"""A campaign file that is deleted, moved, replaced, copied, backed up or opened twice.

Each round runs a crawl and disturbs it at a random moment. The crawl then continues with the file
that it names. No page may be requested twice, and no page that the crawl printed may be lost.
"""

from __future__ import annotations

import random
import re
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild.errors import StoreError
from graphbuild.store import Store, find_damage
from tests.torture.campaigns import Campaign, needed
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.forking import Running, Zygote

_WORLDS = 3
_MOVED = 5  # exit code
_PLACE = re.compile(r"everything that was stored is in (.*?);")


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Run each kind of round equally often."""
    result, chance = PartResult("files"), random.Random(seed)
    kinds: tuple[Callable[[Campaign, PartResult, Running, str], None], ...] = (
        _move,
        _copy,
        _copy_after_kill,
        _back_up,
        _open_twice,
    )
    for number in range(rounds):
        kind = kinds[number % len(kinds)]
        what = f"{kind.__name__.strip('_')} {number}"
        with Campaign(folder / f"files-{number}", number % _WORLDS, zygote) as campaign:
            start = campaign.start(campaign.crawl_command("--max-calls", "3"))
            result.check(start.end() == 3, f"{what}: the first crawl fails: {campaign.said()}")
            calls = 4 + chance.randrange(needed(campaign.seed) - 4)
            running = campaign.start(campaign.crawl_command())
            while campaign.api.calls < calls and not running.wait(0.001):
                pass
            running.wait(chance.uniform(0.0, 0.01))
            kind(campaign, result, running, what)
        result.rounds += 1
    return result.finish()


def _move(campaign: Campaign, result: PartResult, running: Running, what: str) -> None:
    """Delete, move or replace the file; continue with the file that the crawl names."""
    path = campaign.store
    chance = random.Random(what)
    kind = chance.choice(("delete", "move", "replace"))
    if kind == "delete":
        path.unlink()
    elif kind == "move":
        path.rename(path.with_name("moved.db"))
    else:
        Path(shutil.copy(path, path.with_name("older"))).replace(path)
    code, what = running.end(), f"{what} ({kind})"
    place = _PLACE.search(campaign.said())
    if code == _MOVED and result.check(place, f"{what}: no place in {campaign.said()}"):
        assert place is not None
        with Store.read(place[1]) as store:
            lost = campaign.api.calls - store.totals().pages
        result.lost += lost
        result.check(lost == 0, f"{what}: {lost} pages lost")
        campaign.store = Path(place[1])
    elif result.check(code == 0, f"{what}: exit code {code}: {campaign.said()}"):
        campaign.store = path.with_name("moved.db")  # the crawl had closed the file
        if kind != "move":
            return
    campaign.finish(result, what, allowed=0)


def _copy(campaign: Campaign, result: PartResult, running: Running, what: str) -> None:
    """Copy the main file alone during the crawl."""
    copy = Path(shutil.copy(campaign.store, campaign.folder / "copy.db"))
    _check_copy(campaign, copy, result, what)
    _check_crawl(campaign, result, running, what)


def _copy_after_kill(campaign: Campaign, result: PartResult, running: Running, what: str) -> None:
    """Copy the main file alone after a kill."""
    running.send(signal.SIGKILL)
    killed = running.end() == -signal.SIGKILL
    copy = Path(shutil.copy(campaign.store, campaign.folder / "copy.db"))
    _check_copy(campaign, copy, result, what)
    campaign.finish(result, what, allowed=int(killed))


def _check_crawl(campaign: Campaign, result: PartResult, running: Running, what: str) -> None:
    """Check that the crawl ends as if it had not been disturbed."""
    result.check(running.end() == 0, f"{what}: the crawl fails: {campaign.said()}")
    campaign.examine(result, what)
    wasted = campaign.api.calls - needed(campaign.seed)
    result.wasted += wasted
    result.check(wasted == 0, f"{what}: {wasted} calls wasted")


def _check_copy(campaign: Campaign, copy: Path, result: PartResult, what: str) -> None:
    with Store.read(copy) as store:
        totals, is_incomplete = store.totals(), bool(store.missing_data)
        damages = [
            each.problem for each in find_damage(store) if each.problem != store.missing_data
        ]
    pages = needed(campaign.seed)
    result.check(totals.subjects == len(campaign.api.world.hashes()), f"{what}: seeds are missing")
    result.check(is_incomplete or totals.pages == pages, f"{what}: incomplete without a sentence")
    result.check(not damages, f"{what}: damaged copy: {damages}")


def _back_up(campaign: Campaign, result: PartResult, running: Running, what: str) -> None:
    """Back the file up during the crawl."""
    copy = campaign.folder / "copy.db"
    with Store.read(campaign.store) as store:
        before = store.totals().pages
        store.back_up(copy)
    with Store.read(copy) as store:
        pages = store.totals().pages
        result.lost += max(0, before - pages)
        result.check(pages >= before, f"{what}: {pages} of {before} pages in the backup")
        result.check(not store.missing_data, f"{what}: the backup is called incomplete")
        damages = [each.problem for each in find_damage(store)]
        result.check(not damages, f"{what}: damaged backup: {damages}")
    _check_crawl(campaign, result, running, what)


def _open_twice(campaign: Campaign, result: PartResult, running: Running, what: str) -> None:
    """Open the file for writing through other names."""
    hard, soft = campaign.folder / "hard.db", campaign.folder / "soft.db"
    hard.hardlink_to(campaign.store)
    soft.symlink_to(campaign.store)
    for name in (hard, soft, campaign.store):
        try:
            Store.open(name).close()
        except StoreError as error:
            result.check("in use" in str(error), f"{what}: {name}: {error}")
        else:
            result.check(running.wait(5.0), f"{what}: {name} has two writers")
    _check_crawl(campaign, result, running, what)

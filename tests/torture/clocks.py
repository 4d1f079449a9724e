"""A clock that jumps in the middle of a wait: no call leaves early, no wait is endless.

Rows 25 and 26 of the fault matrix.

The wall clock is set forward an hour, back an hour, back thirty days, and over 00:00 UTC, while a
crawl waits for the service's 429s or for its own rate limit, and between two runs. The service
keeps its own, true time and notes when each request crawled.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.api.rate_limit import RateLimiter
from graphbuild.crawler import Crawl
from graphbuild.emulator import EmulatorAdapter, Quota, generate_family_world
from graphbuild.errors import CrawlPaused
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.support.clock import ManualClock
from tests.support.faults import Fault, FaultyApi
from tests.support.keys import CANARY
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.torture.forking import Zygote

_WORLD = generate_family_world(6, 30)
_START = 1_700_006_380.0  # twenty seconds before 00:00 UTC of 2023-11-15
_HOUR, _DAY = 3_600.0, 86_400.0
_JUMPS = {
    "an hour on": _HOUR,
    "an hour back": -_HOUR,
    "thirty days back": -30 * _DAY,
    "over midnight": 30.0,
    "ten years on": 3_650 * _DAY,
    "not at all": 0.0,
}
_PER_MINUTE = 4
_LONGEST = 1_200.0  # seconds of waiting in all that six calls can need, with room
_MOST_RUNS = 4
# What is waited for: the Retry-After of a 429, {date} being thirty seconds from then.
_STATED = ("30", None, "{date}")


class JumpingClock(ManualClock):
    """A clock whose wall time is set at the beginning of some wait, by somebody else."""

    def __init__(self, jump: float, at: int) -> None:
        super().__init__(_START)
        self.true = _START - self.monotonic()  # the service's clock: it does not jump
        self._jump = jump
        self._at = at

    def service_time(self) -> float:
        """The time the service sees."""
        return self.true + self.monotonic()

    def sleep(self, seconds: float) -> bool:
        """Wait; the jump comes halfway into the wait it is meant for."""
        if len(self.waits) + 1 == self._at:
            self.jump()
        return super().sleep(seconds)

    def jump(self) -> None:
        """Set the wall clock."""
        self.set_wall_clock(self.now() + self._jump)


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> PartResult:  # noqa: ARG001  all parts are called alike
    """Try every jump in every setting, or about ``rounds`` of them."""
    result = PartResult("clocks")
    settings = list(_settings())
    for what, jump, at, play in settings[:: max(1, len(settings) // rounds) if rounds else 1]:
        play(result, what, folder, JumpingClock(jump, at))
    return result.finish()


def _settings() -> Iterator[tuple[str, float, int, Callable[..., None]]]:
    """What it is, how far the clock jumps, in which wait (0: in none), and what is played."""
    for name, jump in _JUMPS.items():
        for stated in _STATED:
            for at in (1, 2, 3):
                play = partial(_refused, stated=stated)
                yield f"{name} in wait {at} for {stated}", jump, at, play
        for at in (0, 1, 2):
            yield f"{name} in wait {at} of our own rate_limiter", jump, at, _paced
        yield f"{name}, with a limit a day", jump, 0, _daily
        yield f"{name} between two runs", jump, 0, _restarted


def _refused(
    result: PartResult, what: str, folder: Path, clock: JumpingClock, *, stated: str | None
) -> None:
    """429s that state a wait: nothing leaves before it is over."""
    said = stated
    if stated == "{date}":
        said = "Wed, 15 Nov 2023 00:00:10 GMT"  # thirty seconds after the start
    faults = [Fault("status", 429, after=after, times=1, retry_after=said) for after in (1, 3, 5)]
    api = FaultyApi(_WORLD, faults=faults, clock=clock.service_time)
    _crawl(result, what, folder, clock, api=api, rate_limiter=RateLimiter())
    refused = [place for place, entry in enumerate(api.log) if entry.status == 429]
    for place in refused[:1] if stated == "{date}" else refused:  # the date holds for the first
        if place + 1 < len(api.log):
            gap = api.log[place + 1].time - api.log[place].time
            least = {"30": 30.0, None: 60.0}.get(stated, 1.0)
            result.check(gap >= least, f"{what}: asked again after {gap:g} s, not {least:g}")


def _paced(result: PartResult, what: str, folder: Path, clock: JumpingClock) -> None:
    """Our own rate_limiter against the same of the service: it never has to refuse."""
    api = FaultyApi(_WORLD, quota=Quota(per_minute=_PER_MINUTE), clock=clock.service_time)
    _crawl(result, what, folder, clock, api=api, rate_limiter=RateLimiter(_PER_MINUTE))
    refused = sum(entry.status == 429 for entry in api.log)
    result.check(not refused, f"{what}: {refused} calls left too early")


def _daily(result: PartResult, what: str, folder: Path, clock: JumpingClock) -> None:
    """A limit a day and a jump between runs: each run ends, and the true next day goes on."""
    api = FaultyApi(_WORLD, clock=clock.service_time)
    result.rounds += 1
    path = folder / f"day-{result.rounds}.db"
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(_WORLD.hashes()))
        for _ in range(12):
            if not store.tasks.has_pending():
                break
            _once(store, clock, api, RateLimiter(), per_day=2)
            clock.jump()
            clock.advance(_DAY)
        # A clock that was set back counts calls of days to come as today's: it waits, and says so.
        done = not store.tasks.has_pending()
        result.check(done or clock.now() < _START, f"{what}: never ends")
    result.check(sum(clock.waits) <= _LONGEST, f"{what}: waits {sum(clock.waits):g} s")


def _restarted(result: PartResult, what: str, folder: Path, clock: JumpingClock) -> None:
    """A jump while nothing runs: what is left of the minute is known from wall times only.

    Set forward, the clock says that the minute is over; then the service's 429 is heeded, and that
    it comes is a note. Set back, the wait must not exceed a minute.
    """
    api = FaultyApi(_WORLD, quota=Quota(per_minute=_PER_MINUTE), clock=clock.service_time)
    result.rounds += 1
    with Store.open(folder / f"clock-{result.rounds}.db") as store:
        store.add_seeds(parse_seeds(_WORLD.hashes()))
        _once(store, clock, api, RateLimiter(_PER_MINUTE), max_calls=_PER_MINUTE - 1)
        clock.jump()
        for _ in range(_MOST_RUNS):
            if store.tasks.has_pending():
                _once(store, clock, api, RateLimiter(_PER_MINUTE))
        result.check(not store.tasks.has_pending(), f"{what}: never ends")
    waited, refused = sum(clock.waits), sum(entry.status == 429 for entry in api.log)
    result.check(waited <= 3 * 60.0, f"{what}: waits {waited:g} s")
    result.check(refused <= 1, f"{what}: {refused} calls left too early")
    if refused:
        result.notes.append(f"{what}: the service had to refuse {refused} call")


def _crawl(
    result: PartResult,
    what: str,
    folder: Path,
    clock: JumpingClock,
    *,
    api: FaultyApi,
    rate_limiter: RateLimiter,
) -> None:
    """Crawl, again where a run pauses; all is known in the end, after bounded waits."""
    result.rounds += 1
    path = folder / f"clock-{result.rounds}.db"
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(_WORLD.hashes()))
        for _ in range(_MOST_RUNS):
            if not store.tasks.has_pending():
                break
            _once(store, clock, api, rate_limiter)
        found = {
            (each.subject.id, each.reference.id, each.related_from and each.related_from.id)
            for each in store.observations()
        }
    lost = len(_WORLD.triples() - found)
    result.lost += lost
    result.check(not lost, f"{what}: {lost} observations are missing")
    result.wasted += api.calls - len(_WORLD.hashes())
    result.check(api.calls == len(_WORLD.hashes()), f"{what}: {api.calls} calls were billed")
    waited = sum(clock.waits)
    result.check(waited <= _LONGEST, f"{what}: waits {waited:g} s in all")


def _once(
    store: Store, clock: JumpingClock, api: FaultyApi, rate_limiter: RateLimiter, **limits: int
) -> None:
    """One run, to its end or its pause."""
    client = Client(
        ApiKey(CANARY), adapter=EmulatorAdapter(api), clock=clock, rate_limiter=rate_limiter
    )
    with client:
        try:
            for _ in Crawl(client, store, **limits):
                pass
        except CrawlPaused:
            return

"""Changes of the wall clock during a wait: no call is early, no wait is endless.

Rows 25 and 26 of the fault matrix. The clock is set forward or back while a crawl waits after a 429
or for its rate limit, and between two runs. The API has its own correct clock and logs the time of
each request.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.api.rate_limit import RateLimiter
from graphbuild.crawler import Crawl
from graphbuild.emulator import Quota, generate_family_world
from graphbuild.errors import CrawlPaused
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.support.clock import ManualClock
from tests.support.emulator_adapter import EmulatorAdapter
from tests.support.faults import Fault, FaultyApi
from tests.support.keys import CANARY
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.forking import Zygote

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
_LONGEST = 1_200.0  # maximum seconds of all waits of six calls
_MOST_RUNS = 4
# The Retry-After header of the 429s; {date} is 30 seconds after the start.
_STATED = ("30", None, "{date}")


class JumpingClock(ManualClock):
    """A clock whose wall time changes during a given wait."""

    def __init__(self, jump: float, at: int) -> None:
        super().__init__(_START)
        self.true = _START - self.monotonic()  # the clock of the API, which does not jump
        self._jump = jump
        self._at = at

    def service_time(self) -> float:
        """Return the time of the API."""
        return self.true + self.monotonic()

    def sleep(self, seconds: float) -> bool:
        """Wait; change the clock if this is the given wait."""
        if len(self.waits) + 1 == self._at:
            self.jump()
        return super().sleep(seconds)

    def jump(self) -> None:
        """Change the wall clock."""
        self.set_wall_clock(self.now() + self._jump)


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> PartResult:  # noqa: ARG001  all parts have the same signature
    """Try every change in every setting, or about ``rounds`` of them."""
    result = PartResult("clocks")
    settings = list(_settings())
    for what, jump, at, check in settings[:: max(1, len(settings) // rounds) if rounds else 1]:
        check(result, what, folder, JumpingClock(jump, at))
    return result.finish()


def _settings() -> Iterator[tuple[str, float, int, Callable[..., None]]]:
    """Yield description, change in seconds, number of the wait (0: none), and a function."""
    for name, jump in _JUMPS.items():
        for stated in _STATED:
            for at in (1, 2, 3):
                check = partial(_refused, stated=stated)
                yield f"{name} in wait {at} for {stated}", jump, at, check
        for at in (0, 1, 2):
            yield f"{name} in wait {at} for the rate limit", jump, at, _paced
        yield f"{name}, with a limit per day", jump, 0, _daily
        yield f"{name} between two runs", jump, 0, _restarted


def _refused(
    result: PartResult, what: str, folder: Path, clock: JumpingClock, *, stated: str | None
) -> None:
    """429s with a Retry-After header: no request is sent earlier."""
    said = stated
    if stated == "{date}":
        said = "Wed, 15 Nov 2023 00:00:10 GMT"  # thirty seconds after the start
    faults = [Fault("status", 429, after=after, times=1, retry_after=said) for after in (1, 3, 5)]
    api = FaultyApi(_WORLD, faults=faults, clock=clock.service_time)
    _crawl(result, what, folder, clock, api=api, rate_limiter=RateLimiter())
    refused = [index for index, entry in enumerate(api.log) if entry.status == 429]
    for index in refused[:1] if stated == "{date}" else refused:  # the date holds for the first
        if index + 1 < len(api.log):
            gap = api.log[index + 1].time - api.log[index].time
            least = {"30": 30.0, None: 60.0}.get(stated, 1.0)
            result.check(gap >= least, f"{what}: requested again after {gap:g} s, not {least:g}")


def _paced(result: PartResult, what: str, folder: Path, clock: JumpingClock) -> None:
    """The same rate limit in client and API: the API rejects no request."""
    api = FaultyApi(_WORLD, quota=Quota(per_minute=_PER_MINUTE), clock=clock.service_time)
    _crawl(result, what, folder, clock, api=api, rate_limiter=RateLimiter(_PER_MINUTE))
    refused = sum(entry.status == 429 for entry in api.log)
    result.check(not refused, f"{what}: {refused} calls were too early")


def _daily(result: PartResult, what: str, folder: Path, clock: JumpingClock) -> None:
    """A limit per day and a change between runs: each run ends, and the next day continues."""
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
        # After the clock is set back, later calls count as those of today.
        done = not store.tasks.has_pending()
        result.check(done or clock.now() < _START, f"{what}: never ends")
    result.check(sum(clock.waits) <= _LONGEST, f"{what}: waits {sum(clock.waits):g} s")


def _restarted(result: PartResult, what: str, folder: Path, clock: JumpingClock) -> None:
    """A change between two runs, where the rate limit depends on the wall clock.

    If the clock is set forward, the minute seems to be over, and a 429 of the API is possible. If
    it is set back, the wait must not exceed a minute.
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
    result.check(refused <= 1, f"{what}: {refused} calls were too early")
    if refused:
        result.notes.append(f"{what}: the API rejected {refused} call")


def _crawl(
    result: PartResult,
    what: str,
    folder: Path,
    clock: JumpingClock,
    *,
    api: FaultyApi,
    rate_limiter: RateLimiter,
) -> None:
    """Crawl until nothing is left; check the result and the waits."""
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
    result.check(api.calls == len(_WORLD.hashes()), f"{what}: {api.calls} calls were counted")
    waited = sum(clock.waits)
    result.check(waited <= _LONGEST, f"{what}: waits {waited:g} s in all")


def _once(
    store: Store, clock: JumpingClock, api: FaultyApi, rate_limiter: RateLimiter, **limits: int
) -> None:
    """Crawl until the end or a pause."""
    client = Client(
        ApiKey(CANARY),
        adapter=EmulatorAdapter(api),
        clock=clock,
        rate_limiter=rate_limiter,
        api_flavor="classic",
    )
    with client:
        try:
            for _ in Crawl(client, store, **limits):
                pass
        except CrawlPaused:
            return

"""SIGINT, SIGTERM and SIGHUP at random moments: the crawl stops and wastes no call (G2).

The moments are: up to 100 ms after the start of a fork or a new interpreter, between calls, during
a response (which must still be stored), and during a wait for the quota or the rate limit. A second
signal may end the process at once and waste the current call.
"""

from __future__ import annotations

import random
import signal
import subprocess
from typing import TYPE_CHECKING

from tests.support.faults import Fault
from tests.torture.campaigns import Campaign
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.forking import Zygote

PAUSED = 3
_WORLDS = 3
_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOMENTS = ("start", "calls", "answer", "quota", "pace", "twice", "slow start")
_INTERRUPTED = 130
_DELAYS = {"pace": 0.4}  # seconds until the crawl waits
# Maximum seconds of a stop on a busy machine. Responses take 0.2 s here, waits for a quota 300 s.
_BOUND = 30.0


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Stop ``rounds`` times, in as many campaigns as necessary."""
    result = PartResult("signals")
    rng = random.Random(seed)
    codes: dict[tuple[str, int], int] = {}
    number = 0
    while result.rounds < rounds:
        number += 1
        with Campaign(folder / f"signals-{number}", number % _WORLDS, zygote) as campaign:
            _campaign(campaign, result, rng, rounds, codes)
    spread = ", ".join(f"{moment}: {code} x{count}" for (moment, code), count in codes.items())
    result.notes.append(f"{number} campaigns; exit codes: {spread}")
    result.notes.append("calls may be wasted by second signals only, at most one each")
    return result.finish()


def _campaign(
    campaign: Campaign,
    result: PartResult,
    rng: random.Random,
    rounds: int,
    codes: dict[tuple[str, int], int],
) -> None:
    """Stop until the campaign is complete, then check it."""
    second = 0  # number of second signals during a call
    while result.rounds < rounds:
        moment, number = rng.choice(_MOMENTS), rng.choice(_NUMBERS)
        what = f"{campaign.folder.name}, {moment}, {number.name}"
        before = campaign.api.calls
        code = _stop(campaign, moment, number, rng)
        campaign.api.clear_faults()
        campaign.examine(result, what)
        second += moment == "twice" and code == -number
        if code == 0:
            break
        # On a busy machine, the signal may come before the wait.
        is_started = moment not in {"start", "slow start", "pace"} or campaign.has_requested()
        early = campaign.api.calls == before and not is_started
        # Or after the crawl, while the process ends.
        late = code == -number and campaign.is_done()
        allowed = {PAUSED}
        if early or late or moment == "twice":
            allowed |= {-number, _INTERRUPTED}
        said = campaign.said()
        is_start = moment in {"start", "slow start"}
        if is_start and "KeyboardInterrupt" in said and "graphbuild/cli" not in said:
            # The interpreter was interrupted before it ran our code.
            allowed, moment, said = {1, -number}, "before our code", ""
        result.check(code in allowed, f"{what}: ends with {code}: {said[-300:]}")
        result.check("Traceback" not in said, f"{what}: a traceback: {said[-300:]}")
        result.rounds += 1
        codes[moment, code] = codes.get((moment, code), 0) + 1
    campaign.finish(result, campaign.folder.name, allowed=second)


def _stop(campaign: Campaign, moment: str, number: int, rng: random.Random) -> int:
    """Run until a moment and send the signal; return the exit code."""
    if moment == "slow start":
        return _stop_slowly(campaign, number, rng.uniform(0.0, 0.1))
    before = len(campaign.api.log)
    # With one call per minute, the call of the last run may block the first one.
    calls = 0 if moment in {"start", "pace"} else rng.randint(1, 5)
    campaign.api.add_faults(*_faults(moment, calls))
    options = ("--per-minute", "1") if moment == "pace" else ()
    running = campaign.start(campaign.crawl_command(*options))
    while len(campaign.api.log) - before < calls and not running.wait(0.001):
        pass
    running.wait(_DELAYS.get(moment, 0.0) + rng.uniform(0.0, 0.1 if calls == 0 else 0.02))
    running.send(number)
    if moment == "twice":
        running.wait(rng.uniform(0.0, 0.1))
        running.send(number)
    return running.end(_BOUND)


def _faults(moment: str, calls: int) -> list[Fault]:
    """Return faults that prolong a moment."""
    if moment in {"answer", "twice"}:
        return [Fault("delay", 0.2, after=calls - 1)]
    if moment == "quota":
        return [Fault("status", 429, after=calls - 1, retry_after="300")]
    return []


def _stop_slowly(campaign: Campaign, number: int, seconds: float) -> int:
    process = campaign.start_slowly(campaign.crawl_command())
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    return process.wait(timeout=_BOUND)

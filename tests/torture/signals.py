"""Graceful stops: SIGINT, SIGTERM and SIGHUP at any moment waste no call (G2).

The moments: 0 to 100 ms after the start (of a fork, and of a real process), between calls, while
an answer is under way (it must still be stored), during a wait for the service's quota or for our
own pace, and twice: the second signal may do what kill -9 does, so it may waste the call under way.
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

    from tests.torture.forking import Zygote

PAUSED = 3
_WORLDS = 3
_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOMENTS = ("start", "calls", "answer", "quota", "pace", "twice", "slow start")
_INTERRUPTED = 130
_DELAYS = {"pace": 0.4}  # seconds until it certainly waits
# Seconds in which a stop must be over on a loaded machine: answers here take 0.2, the waits for a
# quota 300.
_BOUND = 30.0


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Stop so many times, campaign after campaign."""
    result = PartResult("signals")
    chance = random.Random(seed)
    codes: dict[tuple[str, int], int] = {}
    number = 0
    while result.rounds < rounds:
        number += 1
        with Campaign(folder / f"signals-{number}", number % _WORLDS, zygote) as campaign:
            _campaign(campaign, result, chance, rounds, codes)
    spread = ", ".join(f"{moment}: {code} x{count}" for (moment, code), count in codes.items())
    result.notes.append(f"{number} campaigns; exit codes: {spread}")
    result.notes.append("calls may be wasted by second signals only, at most one each")
    return result.finish()


def _campaign(
    campaign: Campaign,
    result: PartResult,
    chance: random.Random,
    rounds: int,
    codes: dict[tuple[str, int], int],
) -> None:
    """Stop until the campaign is complete, then look at what it came to."""
    second = 0  # signals that were the second one, while a call was under way
    while result.rounds < rounds:
        moment, number = chance.choice(_MOMENTS), chance.choice(_NUMBERS)
        what = f"{campaign.folder.name}, {moment}, {number.name}"
        before = campaign.api.calls
        code = _stop(campaign, moment, number, chance)
        campaign.api.clear_faults()
        campaign.examine(result, what)
        second += moment == "twice" and code == -number
        if code == 0:
            break
        # A machine under load may not have come to the wait when the signal comes.
        begun = moment not in {"start", "slow start", "pace"} or campaign.said()
        early = campaign.api.calls == before and not begun
        # Or the crawl was over, and the process on its way out, where nothing is left to be cut.
        late = code == -number and campaign.is_done()
        allowed = {PAUSED}
        if early or late or moment == "twice":
            allowed |= {-number, _INTERRUPTED}
        said = campaign.said()
        if moment == "slow start" and "KeyboardInterrupt" in said and "graphbuild/cli" not in said:
            # The interpreter's own way, before it has come to our first line.
            allowed, moment, said = {1, -number}, "before our first line", ""
        result.check(code in allowed, f"{what}: ends with {code}: {said[-300:]}")
        result.check("Traceback" not in said, f"{what}: a traceback: {said[-300:]}")
        result.rounds += 1
        codes[moment, code] = codes.get((moment, code), 0) + 1
    campaign.finish(result, campaign.folder.name, allowed=second)


def _stop(campaign: Campaign, moment: str, number: int, chance: random.Random) -> int:
    """Run until a moment and send the signal; the exit code."""
    if moment == "slow start":
        return _stop_slowly(campaign, number, chance.uniform(0.0, 0.1))
    before = len(campaign.api.log)
    # With one call a minute there is none to wait for: the last run's may forbid the first.
    calls = 0 if moment in {"start", "pace"} else chance.randint(1, 5)
    campaign.api.add_faults(*_faults(moment, calls))
    more = ("--per-minute", "1") if moment == "pace" else ()
    running = campaign.start(campaign.crawl_command(*more))
    while len(campaign.api.log) - before < calls and not running.wait(0.001):
        pass
    running.wait(_DELAYS.get(moment, 0.0) + chance.uniform(0.0, 0.1 if calls == 0 else 0.02))
    running.send(number)
    if moment == "twice":
        running.wait(chance.uniform(0.0, 0.1))
        running.send(number)
    return running.end(_BOUND)


def _faults(moment: str, calls: int) -> list[Fault]:
    """What makes a moment last."""
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

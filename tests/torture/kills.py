"""SIGKILL at random moments: nothing is lost, at most one call per kill is repeated (G1, G20).

The moments cover all phases: the start, calls and commits, a slow response, a wait for the quota,
an export. Some rounds kill a new interpreter instead of a fork.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from tests.support.faults import Fault
from tests.torture.campaigns import Campaign
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.forking import Zygote

_WORLDS = 3
_SLOW = 0.04  # share of rounds with a new interpreter
_PHASES = ("start", "calls", "calls", "calls", "answer", "wait", "export")


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Kill ``rounds`` times, in as many campaigns as necessary."""
    return kill(PartResult("kills"), folder, rounds, seed, zygote)


def kill(
    result: PartResult, folder: Path, rounds: int, seed: int, zygote: Zygote, *, workers: int = 1
) -> PartResult:
    """Kill ``rounds`` times; each kill may waste one call per worker."""
    options = ("--workers", str(workers)) if workers > 1 else ()
    rng = random.Random(seed)
    phases: dict[str, int] = {}
    number = 0
    while result.rounds < rounds:
        number += 1
        target = folder / f"{result.part}-{number}"
        with Campaign(target, number % _WORLDS, zygote, options) as campaign:
            kills = _campaign(campaign, result, rng, rounds, phases)
            campaign.finish(result, target.name, allowed=kills * workers)
    spread = ", ".join(f"{count} in {phase}" for phase, count in sorted(phases.items()))
    result.notes.append(f"{number} campaigns; {spread}")
    return result.finish()


def _campaign(
    campaign: Campaign,
    result: PartResult,
    rng: random.Random,
    rounds: int,
    phases: dict[str, int],
) -> int:
    """Kill until the campaign is complete; return the number of kills."""
    kills = 0
    what = campaign.folder.name
    while result.rounds < rounds:
        phase = "slow" if rng.random() < _SLOW else rng.choice(_PHASES)
        if phase == "export" and not campaign.store.exists():
            continue
        code = _kill(campaign, phase, rng)
        campaign.api.clear_faults()
        campaign.examine(result, f"{what}, kill {kills + 1} in {phase}")
        if code != -signal.SIGKILL:
            result.check(code == 0, f"{what}: {phase} ends with {code}: {campaign.said()[-300:]}")
            if phase == "export":
                continue
            break
        kills += 1
        result.rounds += 1
        phases[phase] = phases.get(phase, 0) + 1
    return kills


def _kill(campaign: Campaign, phase: str, rng: random.Random) -> int:
    """Run until a random moment of a phase; return the exit code."""
    if phase == "slow":
        return _kill_slowly(campaign, rng.uniform(0.0, 1.0))
    if phase == "export":
        running = campaign.start(campaign.export_command())
        running.wait(rng.uniform(0.0, 0.25))
    else:
        before = len(campaign.api.log)
        calls = 0 if phase == "start" else rng.randint(1, 6)
        campaign.api.add_faults(*_faults(phase, calls))
        running = campaign.start(campaign.crawl_command())
        while len(campaign.api.log) - before < calls and not running.wait(0.001):
            pass
        running.wait(rng.uniform(0.0, 0.03))
    running.send(signal.SIGKILL)
    return running.end()


def _faults(phase: str, calls: int) -> list[Fault]:
    """Return faults that prolong a phase: a slow response or an exhausted quota."""
    if phase == "answer":
        return [Fault("delay", 20.0, after=calls - 1)]
    if phase == "wait":
        return [Fault("status", 429, after=calls - 1, retry_after="300")]
    return []


def _kill_slowly(campaign: Campaign, seconds: float) -> int:
    process = campaign.start_slowly(campaign.crawl_command())
    end = time.monotonic() + seconds
    try:
        process.wait(timeout=max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait()

"""Failing system calls on the campaign file and the exports (G15, rows 2, 4, 13 to 15).

A run without faults records the system calls. Each call then fails in a run of its own: disk full,
I/O error, or a kill. Such a run must end with a message and a documented exit code, and the next
run must recover. At most one API call is wasted and nothing is lost. There are three scenarios: a
first crawl, a resumed crawl, and an export over an older one.
"""

from __future__ import annotations

import random
import shutil
import signal
from collections import Counter
from typing import TYPE_CHECKING

from tests.support.faults import Fault
from tests.torture import tracing
from tests.torture.campaigns import TINY, Campaign
from tests.torture.results import PartResult
from tests.torture.tracing import traced

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.forking import Zygote
    from tests.torture.tracing import Call

_KILL = "signal=SIGKILL"
_FAULTS = {
    "pwrite64": ("error=ENOSPC", "error=EIO", _KILL),
    "write": ("error=ENOSPC", "error=EIO", _KILL),
    "fsync": ("error=EIO", "error=ENOSPC", _KILL),
    "fdatasync": ("error=EIO", "error=ENOSPC", _KILL),
    "rename": ("error=EIO", "error=ENOSPC", _KILL),
    "ftruncate": ("error=EIO", _KILL),
    "unlink": ("error=EIO", _KILL),
    "openat": ("error=EIO", "error=ENOSPC", "error=EMFILE"),
    "pread64": ("error=EIO",),
    "mkdir": ("error=ENOSPC",),
}
_DOCUMENTED = frozenset({0, 1, 3, 4})
_SCENARIOS = ("crawl", "resume", "export")


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Fail all calls, or a random sample of ``rounds`` calls."""
    result = PartResult("syscalls")
    result.missing = tracing.possible()
    if result.missing:
        return result
    scenarios = {name: _Scenario(folder, name, zygote) for name in _SCENARIOS}
    points = [
        (name, call, fault)
        for name, scenario in scenarios.items()
        for call in scenario.calls()
        for fault in _FAULTS[call.name]
    ]
    if rounds and rounds < len(points):
        points = random.Random(seed).sample(points, rounds)
    ends: Counter[str] = Counter()
    for name, call, fault in points:
        result.rounds += 1
        code = scenarios[name].fail(result, call, fault, result.rounds)
        ends[f"{fault.partition('=')[2]} -> {code}"] += 1
    result.notes.append(", ".join(f"{end} x{count}" for end, count in sorted(ends.items())))
    left = sum(scenario.left for scenario in scenarios.values())
    result.notes.append(f"{left} runs that were not killed left temporary files")
    return result.finish()


class _Scenario:
    """One command in one situation, which can be repeated."""

    def __init__(self, folder: Path, name: str, zygote: Zygote) -> None:
        self.name = name
        self._folder = folder
        self._zygote = zygote
        self._model = folder / f"{name}-model"
        self._paid = 0
        self.left = 0  # runs that left temporary files although they were not killed
        if name != "crawl":
            with Campaign(self._model, TINY, zygote) as campaign:
                _prepare(campaign, name)
                self._paid = campaign.api.calls

    def calls(self) -> list[Call]:
        """Return the system calls of the command on our files, without faults."""
        with self._set_up("undisturbed") as campaign:
            traces = f"trace={','.join(_FAULTS)}"
            code, calls = traced(campaign, self._command(campaign), "-e", traces)
            if code != 0:
                raise RuntimeError(f"{self.name} ends with {code}: {campaign.said()}")
            own = [call for call in calls if str(campaign.folder) in call.rest]
            return [call for call in own if "/run" not in call.rest and "/proc/" not in call.rest]

    def fail(self, result: PartResult, call: Call, fault: str, number: int) -> int:
        """Run with one failing call, then without; check both. Return the first exit code."""
        what = f"{self.name}, {call.name} number {call.number} with {fault}"
        inject = f"inject={call.name}:{fault}:when={call.number}"
        with self._set_up(f"{number}") as campaign:
            trace = f"trace={call.name}"
            command = self._command(campaign)
            code, _ = traced(campaign, command, "-e", trace, "-e", inject)
            said = campaign.said()
            killed = fault == _KILL and code == -signal.SIGKILL
            result.check(killed or code in _DOCUMENTED, f"{what}: ends with {code}: {said[-300:]}")
            result.check("Traceback" not in said, f"{what}: traceback: {said[-400:]}")
            explained = code != 1 or "graphbuild: " in said
            result.check(explained, f"{what}: ends with 1 and no message: {said[-300:]}")
            _check_exports(result, what, campaign, self._model)
            campaign.examine(result, what)
            # The kill before a resumed crawl has already wasted one call.
            campaign.finish(result, what, allowed=1 + (self.name == "resume"))
            self.left += code > 0 and _left_behind(campaign)
        shutil.rmtree(self._folder / f"{self.name}-{number}")
        return code

    def _set_up(self, mark: str) -> Campaign:
        campaign = Campaign(self._folder / f"{self.name}-{mark}", TINY, self._zygote)
        if self.name != "crawl":
            for path in [*self._model.glob("campaign.db*"), *self._model.glob("out")]:
                copy = shutil.copytree if path.is_dir() else shutil.copy
                copy(path, campaign.folder / path.name)
            campaign.api.calls = self._paid
        return campaign

    def _command(self, campaign: Campaign) -> list[str]:
        return campaign.export_command() if self.name == "export" else campaign.crawl_command()


def _prepare(campaign: Campaign, name: str) -> None:
    """Create the files before the command: of a killed crawl, or of a finished one with exports."""
    if name == "resume":
        campaign.api.add_faults(Fault("delay", 20.0, after=2))
    running = campaign.start(campaign.crawl_command())
    while name == "resume" and len(campaign.api.log) < 3 and not running.wait(0.001):
        pass
    if name == "resume":
        running.send(signal.SIGKILL)
        running.end()
        return
    if running.end() != 0 or "" in campaign.exports():
        raise RuntimeError(f"the scenario cannot be created: {campaign.said()}")
    for path in (campaign.folder / "out").iterdir():
        path.write_bytes(b"an older export\n")


def _check_exports(result: PartResult, what: str, campaign: Campaign, model: Path) -> None:
    """Check that each export is the old or the new one, never a partial file (G21)."""
    for path in (campaign.folder / "out").glob("[!.]*"):
        old = (model / "out" / path.name).read_bytes()
        content = path.read_bytes()
        new = content.rstrip().endswith((b"</graphml>", b"</html>", b'"'))
        result.check(content == old or new, f"{what}: {path.name} is a partial file")


def _left_behind(campaign: Campaign) -> bool:
    """Return whether there are temporary files."""
    temporary = [*campaign.folder.rglob(".graphbuild-*"), *campaign.folder.glob(".campaign.db*")]
    return bool(temporary)

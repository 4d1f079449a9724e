"""Run a command under strace, to record its system calls or to let them fail.

strace attaches to a fork of the zygote before its first step. The recorded calls are then those of
the command, not those of a starting interpreter.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.torture.campaigns import Campaign

_LINE = re.compile(r"[0-9]+ +(?P<name>[a-z0-9_]+)\((?P<rest>.*)")
_CUT = " <unfinished ...>"
_RESUMED = re.compile(r"[0-9]+ +<\.\.\. [a-z0-9_]+ resumed>(?P<rest>.*)")
_ALIGNED = re.compile(r"\) +=[ ]")
_TIMEOUT = 20.0


def possible() -> str:
    """Return why tracing is not possible here, or an empty string."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    return ""


@dataclass(frozen=True, slots=True)
class Call:
    """One system call of the main thread.

    Attributes:
        name: the name of the call.
        number: the number among the calls of that name, from 1.
        rest: arguments and result in the format of strace, with the paths of descriptors.
    """

    name: str
    number: int
    rest: str


def traced(campaign: Campaign, command: list[str], *options: str) -> tuple[int, list[Call]]:
    """Run a command under strace; return its exit code and its calls."""
    running = campaign.start(command, held=True)
    _wait_until_held(running.pid)
    log = running.out.with_suffix(".strace")
    tracer = subprocess.Popen(
        ["strace", "-f", "-y", "-o", str(log), *options, "-p", str(running.pid)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if tracer.stderr is None:
        raise RuntimeError("no pipe to strace")
    with tracer.stderr as messages:
        first = messages.readline()
        if "attached" not in first:
            running.send(signal.SIGKILL)
            running.end()
            raise RuntimeError(f"strace cannot trace: {first}{messages.read()}")
        running.send(signal.SIGCONT)
        code = running.end()
        messages.read()
    tracer.wait(timeout=_TIMEOUT)
    calls = list(_calls(log, running.pid))
    log.unlink()
    return code, calls


def _wait_until_held(pid: int) -> None:
    end = time.monotonic() + _TIMEOUT
    while time.monotonic() < end:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
        if state == "T":
            return
        time.sleep(0.001)  # the command stops right after the fork
    raise TimeoutError("the command does not wait for strace")


def _calls(log: Path, main: int) -> Iterator[Call]:
    """Yield the calls of the main thread in order."""
    counts: dict[str, int] = {}
    unfinished = ""  # a line that is interrupted by a line of another thread
    with log.open(encoding="utf-8", errors="replace") as stream:
        for line_ in stream:
            line = line_.rstrip("\n")
            if not line.startswith(f"{main} "):
                continue
            resumed = _RESUMED.match(line)
            line = unfinished + _ALIGNED.sub(") = ", resumed["rest"]) if resumed else line
            unfinished = ""
            if line.endswith(_CUT) and not resumed:
                unfinished = line.removesuffix(_CUT)
                continue
            if found := _LINE.match(line):
                name = found["name"]
                counts[name] = counts.get(name, 0) + 1
                yield Call(name, counts[name], found["rest"])

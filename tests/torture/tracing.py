"""A command of the rig under strace: what it asks of the system, and the system made to fail.

The tracer takes hold of a fork of the zygote before its first step, so that the calls counted are
the command's own and not those of an interpreter that imports.
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
_PATIENCE = 20.0


def possible() -> str:
    """Why nothing can be traced here; empty if it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    return ""


@dataclass(frozen=True, slots=True)
class Call:
    """One system call of the main thread.

    Attributes:
        name: which.
        number: the how-many-th of that name, from 1.
        rest: arguments and result, as strace writes them, descriptors with their paths.
    """

    name: str
    number: int
    rest: str


def traced(campaign: Campaign, command: list[str], *options: str) -> tuple[int, list[Call]]:
    """Run a command under strace with these options; its exit code and its calls."""
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
    with tracer.stderr as said:
        first = said.readline()
        if "attached" not in first:
            running.send(signal.SIGKILL)
            running.end()
            raise RuntimeError(f"strace cannot trace: {first}{said.read()}")
        running.send(signal.SIGCONT)
        code = running.end()
        said.read()
    tracer.wait(timeout=_PATIENCE)
    calls = list(_calls(log, running.pid))
    log.unlink()
    return code, calls


def _wait_until_held(pid: int) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
        if state == "T":
            return
        time.sleep(0.001)  # the few steps between the fork and its stop
    raise TimeoutError("the command does not wait for its tracer")


def _calls(log: Path, main: int) -> Iterator[Call]:
    """The main thread's calls in their order."""
    counts: dict[str, int] = {}
    begun = ""  # a line that another thread's line has cut in two
    with log.open(encoding="utf-8", errors="replace") as stream:
        for whole in stream:
            line = whole.rstrip("\n")
            if not line.startswith(f"{main} "):
                continue
            resumed = _RESUMED.match(line)
            line = begun + _ALIGNED.sub(") = ", resumed["rest"]) if resumed else line
            begun = ""
            if line.endswith(_CUT) and not resumed:
                begun = line.removesuffix(_CUT)
                continue
            if found := _LINE.match(line):
                name = found["name"]
                counts[name] = counts.get(name, 0) + 1
                yield Call(name, counts[name], found["rest"])

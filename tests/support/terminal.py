"""Run the command line with one of its streams connected to a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.support.shell import Shell


def run_on_terminal(
    shell: Shell,
    *arguments: object,
    stream: Literal["stdout", "stderr"] = "stderr",
    columns: int = 100,
) -> str:
    """Run a command, which must succeed; return what it writes to the terminal."""
    leader, follower = pty.openpty()
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: follower}
    process = subprocess.Popen(
        [sys.executable, "-m", "graphbuild", *map(str, arguments)],
        cwd=shell.folder,
        env={**shell.environment, "TERM": "xterm-256color", "COLUMNS": str(columns)},
        stdout=streams["stdout"],
        stderr=streams["stderr"],
    )
    os.close(follower)
    shown = b""
    with suppress(OSError):  # reading a terminal fails once all writers have closed it
        while chunk := os.read(leader, 65_536):
            shown += chunk
    os.close(leader)
    assert process.wait(timeout=300) == 0
    return shown.decode()

"""Run commands whose output is shown only if they fail."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Environment = dict[str, str]

ROOT = Path(__file__).resolve().parents[2]
_URL = re.compile(r"\w+://[^\s,;'\"]+")


class CommandError(Exception):
    """A command failed; the message contains its output."""


def run(
    command: Sequence[str | Path],
    folder: Path,
    environment: Environment | None = None,
    *,
    umask: int = -1,
) -> None:
    """Run a command; its output is shown only if it fails, and without the addresses in it.

    Raises:
        CommandError: The command failed.
    """
    process = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        umask=umask,
    )
    if process.returncode:
        words = " ".join(Path(each).name for each in command)
        output = _URL.sub("(address)", process.stdout + process.stderr)
        raise CommandError(f"{words}: exit code {process.returncode}\n{output}")

"""Translate exceptions into a message on standard error and an exit code."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

from graphbuild.cli.console import error
from graphbuild.errors import GraphbuildError, StoreMovedError

if TYPE_CHECKING:
    from collections.abc import Iterator


class ExitCode(IntEnum):
    """The exit codes. If a signal ends the process, a shell reports 128 + the signal's number."""

    SUCCESS = 0
    ERROR = 1
    USAGE = 2
    PAUSED = 3
    INCOMPLETE = 4
    STORE_MOVED = 5
    CLAIM_FALSE = 6
    NEW_EVENTS = 10


@contextmanager
def handle_errors() -> Iterator[None]:
    """Turn expected exceptions into a message on standard error and an exit code.

    If standard output is a pipe and its reader closes it, exit with code 0 and without a message.
    """
    try:
        yield
    except GraphbuildError as problem:
        error(f"graphbuild: {problem}")
        moved = isinstance(problem, StoreMovedError)
        sys.exit(ExitCode.STORE_MOVED if moved else ExitCode.ERROR)
    except BrokenPipeError:
        # For example, ``head`` closes the pipe of ``graphbuild status | head`` early.
        _discard_output()
        sys.exit(ExitCode.SUCCESS)
    except OSError as problem:
        # Usually an error of standard output: commands handle the errors of other files.
        _discard_output()
        where = problem.filename or "standard output"
        error(
            f"graphbuild: {where}: {problem.strerror or problem}; the output is incomplete, so run "
            "the command again (stored data is intact)"
        )
        sys.exit(ExitCode.ERROR)
    except MemoryError:
        error("graphbuild: out of memory; use a machine with more memory (stored data is intact)")
        sys.exit(ExitCode.ERROR)


def _discard_output() -> None:
    """Redirect standard output to the null device, so that Python's flush at exit does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

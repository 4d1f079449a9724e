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
    """Exit codes of the process. After a signal, a shell reports 128 + the signal's number."""

    SUCCESS = 0
    ERROR = 1
    USAGE = 2
    PAUSED = 3
    INCOMPLETE = 4
    STORE_MOVED = 5


@contextmanager
def handle_errors() -> Iterator[None]:
    """Print graphbuild's errors without a traceback, and exit with the matching code."""
    try:
        yield
    except GraphbuildError as problem:
        error(f"graphbuild: {problem}")
        moved = isinstance(problem, StoreMovedError)
        sys.exit(ExitCode.STORE_MOVED if moved else ExitCode.ERROR)
    except BrokenPipeError:
        # The program that reads the output, such as `head`, has closed the pipe.
        _discard_output()
        sys.exit(ExitCode.SUCCESS)
    except OSError as problem:
        # Of standard output; commands handle the errors of other files.
        _discard_output()
        where = problem.filename or "standard output"
        error(
            f"graphbuild: {where}: {problem.strerror or problem}; the output is incomplete, so run "
            "the command again (stored data is intact)"
        )
        sys.exit(ExitCode.ERROR)
    except MemoryError:
        error("graphbuild: out of memory; stored data is intact, use a machine with more memory")
        sys.exit(ExitCode.ERROR)


def _discard_output() -> None:
    """Redirect standard output, because flushing it at exit would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

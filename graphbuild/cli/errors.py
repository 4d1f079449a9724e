"""Translate errors into one sentence on standard error and an exit code."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

import typer

from graphbuild.cli.console import error
from graphbuild.errors import CrawlPaused, GraphbuildError

if TYPE_CHECKING:
    from collections.abc import Iterator


class ExitCode(IntEnum):
    """Exit codes of the process. A signal that is not handled ends it with 128 + its number."""

    SUCCESS = 0
    ERROR = 1
    USAGE = 2
    PAUSED = 3
    INCOMPLETE = 4


@contextmanager
def handle_errors() -> Iterator[None]:
    """Turn graphbuild's errors into a message and an exit code, without a traceback."""
    try:
        yield
    except CrawlPaused as reason:
        error(f"graphbuild: paused: {reason}")
        raise typer.Exit(ExitCode.PAUSED) from None
    except GraphbuildError as problem:
        error(f"graphbuild: {problem}")
        raise typer.Exit(ExitCode.ERROR) from None
    except BrokenPipeError:
        # The reader of our output, such as `head`, has closed the pipe. Without this, Python would
        # fail again when it flushes standard output at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(ExitCode.SUCCESS) from None
    except MemoryError:
        error("graphbuild: out of memory; stored data is safe, run it on a machine with more")
        raise typer.Exit(ExitCode.ERROR) from None

"""Translate exceptions into a message on standard error and an exit code."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

import typer

from graphbuild.cli.console import error
from graphbuild.errors import GraphbuildError

if TYPE_CHECKING:
    from collections.abc import Iterator


class ExitCode(IntEnum):
    """Exit codes of the process. After a signal, a shell reports 128 + the signal's number."""

    SUCCESS = 0
    ERROR = 1
    USAGE = 2
    PAUSED = 3
    INCOMPLETE = 4


@contextmanager
def handle_errors() -> Iterator[None]:
    """Print graphbuild's errors without a traceback, and exit with the matching code."""
    try:
        yield
    except GraphbuildError as problem:
        error(f"graphbuild: {problem}")
        raise typer.Exit(ExitCode.ERROR) from None
    except BrokenPipeError:
        # The program that reads the output, such as `head`, has closed the pipe. Standard output is
        # redirected, because flushing it at exit would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(ExitCode.SUCCESS) from None
    except MemoryError:
        error("graphbuild: out of memory; stored data is intact, use a machine with more memory")
        raise typer.Exit(ExitCode.ERROR) from None

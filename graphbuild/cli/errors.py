"""How a command ends: every error in one sentence, and with an exit code."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

import typer

from graphbuild.cli.console import notice
from graphbuild.errors import CrawlPaused, GraphbuildError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Exit(IntEnum):
    """How the process ends."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    PAUSED = 3
    PARTIAL = 4


@contextmanager
def told() -> Iterator[None]:
    """Every error of ours ends in one sentence and an exit code, never in a traceback."""
    try:
        yield
    except CrawlPaused as reason:
        notice(f"graphbuild: paused: {reason}")
        raise typer.Exit(Exit.PAUSED) from None
    except GraphbuildError as error:
        notice(f"graphbuild: {error}")
        raise typer.Exit(Exit.ERROR) from None
    except BrokenPipeError:
        # Whoever read our output has enough; nothing is left to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.DONE) from None
    except MemoryError:
        notice("graphbuild: out of memory; everything stored is safe, try it on a larger machine")
        raise typer.Exit(Exit.ERROR) from None

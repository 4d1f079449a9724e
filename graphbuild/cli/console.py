"""What a person sees: notices and progress on standard error, results on standard output.

Text from reports is hostile until shown harmless: :func:`graphbuild._text.safe` lets no control,
bidi or escape character through to the terminal.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Self

from graphbuild._util import MAX_DISPLAY_LENGTH, escape_unprintable
from graphbuild.models import URL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID
    from rich.status import Status

    from graphbuild.models import Entity


def notice(text: str) -> None:
    """A line for the person at the terminal, beside the result."""
    print(escape_unprintable(text), file=sys.stderr, flush=True)  # noqa: T201  the room that prints


def result(text: str, longest: int = MAX_DISPLAY_LENGTH) -> None:
    """A line of the result."""
    print(escape_unprintable(text, longest))  # noqa: T201  the room that prints


def result_json(value: Mapping[str, object]) -> None:
    """The result as one JSON object, for scripts."""
    print(json.dumps(value, ensure_ascii=True, indent=2))  # noqa: T201  the room that prints


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Lines in columns; plain text, so that it reads the same in a file."""
    cells = [[escape_unprintable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        result(line.rstrip())


def named(subject: Entity) -> str:
    """What a subject is called: an address by its text, all else by the id."""
    return subject.label if subject.type == URL else subject.id


class Doing:
    """What is being done now, on a terminal, as long as it is; nothing elsewhere."""

    def __init__(self) -> None:
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def now(self, text: str) -> None:
        """Say what is begun."""
        if self._status is not None:
            from rich.text import Text

            self._status.update(Text(f"{escape_unprintable(text)} ..."))


class Progress:
    """How a crawl goes: a bar on a terminal, plain lines elsewhere, nothing where told so.

    Args:
        quiet: say nothing at all.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            self._bar, self._task = _bar()
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, *, done: int, left: int, counts: str, line: str) -> None:
        """After each step: calls made and still needed, the numbers so far, and a plain line."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=done + left, counts=counts)
        elif not self._quiet:
            notice(line)


def _bar() -> tuple[RichProgress, TaskID]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as Bar,
    )

    bar = Bar(
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("calls · {task.fields[counts]} ·"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
    )
    return bar, bar.add_task("", total=None, counts="")

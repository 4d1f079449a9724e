"""Show the progress of ``crawl`` and ``check`` on standard error."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli.console import LOG, notice
from graphbuild.models import DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress

    from graphbuild.crawler import CrawlEvent
    from graphbuild.store import Store

_RECOUNT_SECONDS = 0.5  # minimum interval between two counts of the remaining calls


@contextmanager
def crawl_progress(store: Store, *, hidden: bool) -> Iterator[Callable[[CrawlEvent], None]]:
    """Yield a function that shows an event: in a progress bar on a terminal, otherwise as a line.

    With ``--verbose``, events are also shown as lines on a terminal, because log messages would
    break the bar. Nothing is shown if ``hidden`` is true, or with ``--quiet``.
    """
    if hidden or LOG.level != logging.INFO or not sys.stderr.isatty():
        yield lambda event: None if hidden else notice(_describe(event))
        return
    from graphbuild.api.client import LIMIT

    bar = _progress_bar("calls · {task.fields[references]} ·")
    task = bar.add_task("", total=None, references="")
    calls, left, references, counted_at = 0, 0, 0, -inf

    def show(event: CrawlEvent) -> None:
        nonlocal calls, left, references, counted_at
        calls += not event.inferred_references
        left -= 1
        references += event.new_references + event.inferred_references
        if left <= 0 or time.monotonic() - counted_at > _RECOUNT_SECONDS:
            work = store.tasks.remaining_calls(LIMIT)
            left, counted_at = work.at_least, time.monotonic()
        found = format_count(references, "reference")
        bar.update(task, completed=calls, total=calls + left, references=found)

    with bar:
        yield show


@contextmanager
def page_progress() -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar; yield a function that sets the number of checked pages and of all pages.

    Nothing is shown with ``--quiet``, or if standard error is not a terminal.
    """
    if not LOG.isEnabledFor(logging.INFO) or not sys.stderr.isatty():
        yield lambda *_: None
        return
    bar = _progress_bar("pages ·")
    task = bar.add_task("", total=None)
    with bar:
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _progress_bar(text: str) -> Progress:
    """Return a progress bar for standard error.

    The bar is followed by the numbers of completed and of all steps, ``text`` and the remaining
    time.
    """
    from rich import console, progress

    return progress.Progress(
        progress.BarColumn(bar_width=None),
        progress.MofNCompleteColumn(),
        progress.TextColumn(text),
        progress.TimeRemainingColumn(),
        progress.TextColumn("left"),
        console=console.Console(stderr=True),
    )


def _describe(event: CrawlEvent) -> str:
    name, status = event.subject.readable_id, event.status
    if event.inferred_references:
        inferred = format_count(event.inferred_references, "reference")
        return f"{name}: {inferred} inferred without a call, {status.state}"
    detail = f" ({status.detail})" if status.detail else ""
    if event.relationship == DESCRIPTION:
        return f"{name}: description, {status.state}{detail}"
    warnings = f", {format_count(len(event.warnings), 'warning')}" if event.warnings else ""
    new = format_count(event.new_references, "new reference")
    return f"{name}: page {event.page_number}, {new}{warnings}, {status.state}{detail}"

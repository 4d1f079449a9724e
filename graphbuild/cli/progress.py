"""Show the progress of ``crawl`` and ``check`` on standard error."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli.console import LOG, notice
from graphbuild.models import DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress
    from rich.text import Text

    from graphbuild.api.rate_limit import RateLimiter
    from graphbuild.crawler import CrawlEvent
    from graphbuild.store import Store

_RECOUNT_SECONDS = 0.5  # minimum interval between two counts of the remaining calls
_PERCENT_PER_LINE = 10
_UNITS = {"days": 86_400, "h": 3_600, "min": 60}  # seconds
_MIN_WIDTH = 100  # columns of a terminal on which the bar also shows the number of list entries


@contextmanager
def crawl_progress(
    store: Store,
    limiter: RateLimiter,
    *,
    per_day: int | None,
    per_node: int,
    quick: bool,
    max_calls: int | None,
    hidden: bool,
) -> Iterator[Callable[[CrawlEvent], None]]:
    """Yield a function that shows the progress of a crawl after an event.

    On a terminal, a progress bar is shown; otherwise, a line is printed per 10 percent of the
    calls. With ``--verbose``, a line is printed per event, because log messages would break the
    bar. Nothing is shown if ``hidden`` is true, or with ``--quiet``. ``quick`` is whether the crawl
    requests only first pages, and ``max_calls`` is the maximum number of calls of the run.
    """
    if hidden or LOG.level > logging.INFO:
        yield lambda _: None
        return
    if LOG.level < logging.INFO:
        yield lambda event: notice(_describe(event))
        return
    progress = _CrawlProgress(store, limiter, per_day, per_node, max_calls, quick=quick)
    with _crawl_bar(progress) if sys.stderr.isatty() else _crawl_lines(progress) as refresh:

        def show(event: CrawlEvent) -> None:
            progress.add(event)
            refresh()

        yield show
        progress.recount()
        refresh()


@contextmanager
def _crawl_bar(progress: _CrawlProgress) -> Iterator[Callable[[], None]]:
    """Show a progress bar of a crawl; yield a function that updates it."""
    bar = _progress_bar("calls{task.fields[entries]}", progress)
    is_wide = bar.console.width >= _MIN_WIDTH
    task = bar.add_task("", total=progress.total, entries="")

    def refresh() -> None:
        entries = f" · {progress.describe_entries()}" if is_wide else ""
        bar.update(task, completed=progress.calls, total=progress.total, entries=entries)

    with bar:
        yield refresh


@contextmanager
def _crawl_lines(progress: _CrawlProgress) -> Iterator[Callable[[], None]]:
    """Yield a function that prints a line if 10 percent of the calls were made since the last."""
    printed = 0

    def count_steps() -> int:
        return 100 * progress.calls // max(1, progress.total) // _PERCENT_PER_LINE

    def refresh() -> None:
        nonlocal printed
        if count_steps() > printed:
            progress.recount()
        step, before = count_steps(), printed
        printed = step  # lower than before if --depth added lists
        if step > before:
            calls = f"{progress.calls:,} of {format_count(progress.total, 'call')}"
            parts = (calls, progress.describe_entries(), progress.describe_time())
            notice(f"{step * _PERCENT_PER_LINE} %: {', '.join(filter(None, parts))}")

    yield refresh


class _CrawlProgress:
    """Counts the calls of a run, and estimates how many calls and how much time are left."""

    def __init__(
        self,
        store: Store,
        limiter: RateLimiter,
        per_day: int | None,
        per_node: int,
        max_calls: int | None,
        *,
        quick: bool,
    ) -> None:
        self.calls = 0
        self._entries = 0
        self._store = store
        self._limiter = limiter
        self._per_day = per_day
        self._per_node = per_node
        self._max_calls = max_calls
        self._quick = quick
        self._started_at = self._latest_event_at = time.monotonic()
        self.recount()

    @property
    def total(self) -> int:
        """The number of calls of this run that were made or are left."""
        return self.calls + self._left

    def add(self, event: CrawlEvent) -> None:
        """Count the call and the list entries of an event."""
        self.calls += not event.inferred_references
        self._entries += event.new_references + event.inferred_references
        self._left -= 1
        self._latest_event_at = time.monotonic()
        if self._left <= 0 or self._latest_event_at - self._counted_at > _RECOUNT_SECONDS:
            self.recount()

    def describe_entries(self) -> str:
        """Return the number of list entries that this run received or inferred."""
        return format_count(self._entries, "list entry")

    def describe_time(self) -> str:
        """Return the time left and, if the rate limit delays the next call, for how long."""
        if not self._left:
            return ""
        parts = []
        end = self._estimate_end()
        if end is not None:
            left = max(0.0, end - time.monotonic())
            parts.append(f"about {_format_duration(left)} left")
        wait = self._limiter.wait(time.monotonic())
        if wait >= 1:
            parts.append(f"waiting {wait:.0f} s for the rate limit")
        return ", ".join(parts)

    def __rich__(self) -> Text:
        from rich.text import Text

        text = self.describe_time()
        return Text(f"· {text}" if text else "")

    def recount(self) -> None:
        """Count the calls that are left."""
        quick_calls = self._store.tasks.quick_calls
        self._left = quick_calls() if self._quick else self._expected_calls()
        if self._max_calls is not None:
            self._left = min(self._left, max(0, self._max_calls - self.calls))
        self._counted_at = time.monotonic()
        self._earliest_end = self._find_earliest_end()

    def _expected_calls(self) -> int:
        """Return the number of calls that complete the campaign, estimated if it is not known."""
        from graphbuild.api.client import LIMIT
        from graphbuild.crawler.cost_estimate import estimate_cost

        tasks = self._store.tasks
        work = tasks.remaining_calls(LIMIT, per_node=self._per_node)
        mean = tasks.mean_pages(LIMIT, self._per_node) if work.unknown_lists else None
        cost = estimate_cost(unseen=work.unknown_lists, left=work.known_pages, mean_pages=mean)
        return cost.at_least if cost.expected is None else cost.expected

    def _estimate_end(self) -> float | None:
        """Return the expected end of the run on the monotonic clock; None if it is unknown.

        The run ends when the calls are made at its pace until now, but not before the limits per
        minute and per day allow the last call.
        """
        if not self.calls:
            return self._earliest_end
        elapsed = self._latest_event_at - self._started_at
        end = self._latest_event_at + elapsed * self._left / self.calls
        return end if self._earliest_end is None else max(end, self._earliest_end)

    def _find_earliest_end(self) -> float | None:
        """Return when the limits allow the last call; None without limits or after year 9999."""
        from graphbuild.api.rate_limit import day_start
        from graphbuild.crawler.cost_estimate import estimate_completion

        per_minute, per_day = self._limiter.per_minute, self._per_day
        if per_minute is None and per_day is None:
            return None
        now, spent = time.time(), 0
        if per_day is not None:
            spent = self._store.calls.count(since=day_start(now).timestamp())
        try:
            end = estimate_completion(
                self._left, now=now, per_minute=per_minute, per_day=per_day, spent_today=spent
            )
        except OverflowError:
            return None
        return self._counted_at + end.timestamp() - now + self._limiter.wait(self._counted_at)


def _format_duration(seconds: float) -> str:
    """Return a duration in the largest unit of which it has at least two, such as ``18 min``."""
    for unit, length in _UNITS.items():
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(1, round(seconds))} s"


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


def _progress_bar(text: str, crawl: _CrawlProgress | None = None) -> Progress:
    """Return a progress bar for standard error.

    The bar is followed by the numbers of completed and of all steps, ``text`` and the remaining
    time. The remaining time of a crawl is read from ``crawl``.
    """
    from rich import console, progress, table

    if crawl is None:
        time_left = [progress.TimeRemainingColumn(), progress.TextColumn("left")]
    else:
        time_left = [progress.RenderableColumn(crawl, table_column=table.Column(no_wrap=True))]
    return progress.Progress(
        progress.BarColumn(bar_width=None),
        progress.MofNCompleteColumn(),
        progress.TextColumn(text),
        *time_left,
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

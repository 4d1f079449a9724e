"""Run a crawl with the options of the command line, show progress and handle signals."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli.console import Progress, crawl_progress, subject_name
from graphbuild.cli.signals import on_signal
from graphbuild.errors import CrawlPaused, SeedError
from graphbuild.models import FILE, Entity

if TYPE_CHECKING:
    from collections.abc import Callable
    from signal import Signals

    from graphbuild.api.rate_limit import Clock
    from graphbuild.crawler import Crawl, CrawlEvent
    from graphbuild.store import Store

_REFRESH_SECONDS = 0.5  # interval at which the remaining calls are counted


@dataclass(slots=True)
class Outcome:
    """The result of one run of a crawl.

    Attributes:
        calls: Number of calls made.
        pages: Number of pages stored.
        paused: Why the run stopped early; empty if it finished.
        added: Number of seeds that were new in the campaign file.
        rejected: Number of lines of the seed lists that are not seeds.
    """

    calls: int = 0
    pages: int = 0
    paused: str = ""
    added: int = 0
    rejected: int = 0


def run_crawl(
    store: Store,
    base_url: str,
    *,
    per_minute: int | None = None,
    per_day: int | None = None,
    max_calls: int | None = None,
    frugal: bool = False,
    depth: int = 0,
    per_node: int | None = None,
    workers: int = 1,
    api_flavor: str = "auto",
    show_progress: bool = True,
) -> Outcome:
    """Request the pending pages of a campaign. If there are none, no API key is needed.

    The arguments are the options of ``graphbuild crawl``.

    Raises:
        ApiError: A request failed for a reason that concerns all subjects, such as an invalid key.
        SeedError: A subject of the campaign file is the API key.
    """
    from graphbuild.api.auth import find_api_key
    from graphbuild.api.client import Client
    from graphbuild.api.rate_limit import Clock, RateLimiter
    from graphbuild.crawler import DEFAULT_PER_NODE, Crawl

    for level in range(depth):
        store.tasks.expand(level)
    if not store.tasks.has_pending():
        return Outcome()
    key = find_api_key()
    if store.contains(Entity(FILE, key.reveal().lower())):
        raise SeedError(
            f"{store.path} contains your API key as a file hash; it was not sent. "
            "Start a new campaign file without it"
        )
    clock, limiter = Clock(), RateLimiter(per_minute)
    with Client(
        key, base_url=base_url, rate_limiter=limiter, clock=clock, api_flavor=api_flavor
    ) as client:
        crawl = Crawl(
            client,
            store,
            max_calls=max_calls,
            per_day=per_day,
            frugal=frugal,
            depth=depth,
            per_node=per_node or DEFAULT_PER_NODE,
            workers=workers,
        )
        return _run(crawl, store, clock, show_progress=show_progress)


def _run(crawl: Crawl, store: Store, clock: Clock, *, show_progress: bool) -> Outcome:
    """Crawl until everything is requested, the crawl pauses, or a signal arrives.

    After a signal, the requests that have been sent are completed.
    """
    outcome = Outcome()
    calls_before = store.calls.count()
    received: list[str] = []

    def stop(signal: Signals) -> None:
        received.append(signal.name)
        crawl.stop()
        clock.stop()

    with on_signal(stop), crawl_progress(hidden=not show_progress) as update:
        reporter = _Reporter(store, update)
        try:
            for event in crawl:
                outcome.pages += event.error is None and not event.inferred_references
                reporter.report(event)
        except CrawlPaused as reason:
            outcome.paused = str(reason)
        finally:
            outcome.calls = store.calls.count() - calls_before
    if received:
        outcome.paused = f"stopped by {received[0]}; run the same command again to continue"
    return outcome


class _Reporter:
    """Shows progress for the events of a crawl."""

    def __init__(self, store: Store, update: Callable[[Progress], None]) -> None:
        self._store = store
        self._update = update
        self._done = 0
        self._references = 0
        self._left = 0
        self._counted_at = float("-inf")

    def report(self, event: CrawlEvent) -> None:
        from graphbuild.api.client import LIMIT

        self._done += not event.inferred_references
        self._references += event.new_references + event.inferred_references
        self._left -= 1
        if self._left <= 0 or time.monotonic() - self._counted_at > _REFRESH_SECONDS:
            work = self._store.tasks.remaining_calls(LIMIT)
            self._left = work.unknown_lists + work.known_pages
            self._counted_at = time.monotonic()
        counts = format_count(self._references, "reference")
        self._update(Progress(self._done, self._left, counts, _describe(event)))


def _describe(event: CrawlEvent) -> str:
    name, status = subject_name(event.subject), event.status
    if event.inferred_references:
        inferred = format_count(event.inferred_references, "reference")
        return f"{name}: {inferred} inferred without a call, {status.state}"
    detail = f" ({status.detail})" if status.detail else ""
    warnings = f", {format_count(len(event.warnings), 'warning')}" if event.warnings else ""
    new = format_count(event.new_references, "new reference")
    return f"{name}: page {event.page_number}, {new}{warnings}, {status.state}{detail}"

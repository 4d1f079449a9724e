"""Run a crawl with a person beside it: progress, signals, what came of it."""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli.console import named, notice
from graphbuild.cli.signals import on_signal
from graphbuild.errors import AuthenticationError, CrawlPaused, SeedError
from graphbuild.models import FILE, Entity

if TYPE_CHECKING:
    from signal import Signals

    from graphbuild.api.rate_limit import SystemClock
    from graphbuild.cli.console import Progress
    from graphbuild.crawler import Crawl, CrawlEvent
    from graphbuild.seeds import Seed, SeedList
    from graphbuild.store import Store, Totals

_REFRESH = 0.5  # seconds between looks at how much is left


@dataclass(slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        calls: calls this run made.
        pages: pages it stored.
        paused: why it stopped before everything was asked; empty if it did not.
        added: seeds that were new to the campaign file.
        rejected: lines of the seed lists that are no seeds.
    """

    calls: int = 0
    pages: int = 0
    paused: str = ""
    added: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user allows, and how far to go.

    Attributes:
        per_minute: calls in any minute; None for no limit of ours.
        per_day: calls a UTC day.
        max_calls: calls for the campaign in all.
        frugal: whether to leave out what is proved.
        depth: how many questions to go beyond the seeds.
        per_node: entries after which a list beyond the seeds is read no further; None for the
            usual number.
        workers: questions in flight at once.
        api_flavor: the generation of the service.
    """

    per_minute: int | None = None
    per_day: int | None = None
    max_calls: int | None = None
    frugal: bool = False
    depth: int = 0
    per_node: int | None = None
    workers: int = 1
    api_flavor: str = "auto"


def ask_again(store: Store, *, refresh: float | None, audit: float | None) -> None:
    """Make pending what is older than so many seconds, and a share of what was inferred."""
    if refresh is not None:
        again = store.refresh(time.time() - refresh)
        notice(f"{format_count(again, 'subject')} to ask again, being older")
    if audit is not None:
        chosen = store.audit(audit, random.SystemRandom())
        notice(f"{format_count(chosen, 'subject')} chosen at random to ask for what was inferred")


def refuse_key(seeds: SeedList) -> None:
    """Raise SeedError if the user's key is among the seeds: before anything is kept of it."""
    from graphbuild.api.auth import find_api_key

    try:
        key = find_api_key().reveal().lower()
    except AuthenticationError:
        return  # without a key there is none to keep; whether one is needed shows later
    if any(_holds(seed, key) for seed in seeds):
        raise SeedError("your API key stands in the seed list; take it out, it was not sent")


def _holds(seed: Seed, key: str) -> bool:
    """Whether the key is the seed, or stands in its URL or in what is noted beside it."""
    if seed.entity.id == key:
        return True
    noted = (*seed.entity.attributes.values(), *seed.attributes.values())
    return any(key in value.lower() for value in noted if isinstance(value, str))


def ask(store: Store, base_url: str, limits: Limits, progress: Progress) -> Outcome:
    """Ask whatever the store has still to ask; no key is needed where that is nothing.

    Raises:
        ApiError: something that concerns every subject, such as a refused key.
        SeedError: the key stands in the campaign file, as a subject.
    """
    from graphbuild.api.auth import find_api_key
    from graphbuild.api.client import Client
    from graphbuild.api.rate_limit import RateLimiter, SystemClock
    from graphbuild.crawler import DEFAULT_PER_NODE, Crawl

    for depth in range(limits.depth):
        store.expand(depth)
    if not store.has_work():
        return Outcome()
    key = find_api_key()
    if store.has(Entity(FILE, key.reveal().lower())):
        raise SeedError(
            f"your API key stands in {store.path} as if it were a file's hash; "
            "start a new campaign file without it, it was not sent"
        )
    clock, rate_limiter = SystemClock(), RateLimiter(limits.per_minute)
    opened = Client(
        key, base_url=base_url, rate_limiter=rate_limiter, clock=clock, api_flavor=limits.api_flavor
    )
    with opened as client:
        crawl = Crawl(
            client,
            store,
            max_calls=limits.max_calls,
            per_day=limits.per_day,
            frugal=limits.frugal,
            depth=limits.depth,
            per_node=limits.per_node or DEFAULT_PER_NODE,
            workers=limits.workers,
        )
        return run(crawl, store, clock, progress)


def run(crawl: Crawl, store: Store, clock: SystemClock, progress: Progress) -> Outcome:
    """Crawl until done, paused or stopped by a signal, which lets the page in flight finish.

    Raises:
        ApiError: something that concerns every subject, such as a refused key.
    """
    outcome = Outcome()
    before = store.calls()
    watch = _Watch(store, progress)
    caught: list[str] = []

    def stop(signal: Signals) -> None:
        caught.append(signal.name)
        crawl.stop()
        clock.stop()

    with on_signal(stop), progress:
        try:
            for event in crawl:
                outcome.pages += event.error is None and not event.inferred_references
                watch.show(event)
        except CrawlPaused as reason:
            outcome.paused = str(reason)
        finally:
            outcome.calls = store.calls() - before
    if caught:
        outcome.paused = f"stopped by {caught[0]}; run the same command again to go on"
    return outcome


class _Watch:
    """Updates the progress display after each event."""

    def __init__(self, store: Store, progress: Progress) -> None:
        self._store = store
        self._progress = progress
        self._made = 0
        self._references = 0
        self._left = 0
        self._looked = float("-inf")

    def show(self, event: CrawlEvent) -> None:
        from graphbuild.api.client import LIMIT

        self._made += not event.inferred_references
        self._references += event.new_references + event.inferred_references
        self._left -= 1
        if self._left <= 0 or time.monotonic() - self._looked > _REFRESH:
            work = self._store.work_left(LIMIT)
            self._left = work.unseen + work.left
            self._looked = time.monotonic()
        self._progress.update(
            done=self._made,
            left=self._left,
            counts=format_count(self._references, "reference"),
            line=_line(event),
        )


def _line(event: CrawlEvent) -> str:
    status = event.status
    if event.inferred_references:
        inferred = format_count(event.inferred_references, "reference")
        return f"{named(event.subject)}: {inferred} inferred, no call needed, {status.state}"
    detail = f" ({status.detail})" if status.detail else ""
    warnings = f", {format_count(len(event.warnings), 'warning')}" if event.warnings else ""
    return (
        f"{named(event.subject)}: page {event.page_number}, "
        f"{format_count(event.new_references, 'new reference')}{warnings}, {status.state}{detail}"
    )


def as_json(outcome: Outcome, totals: Totals) -> dict[str, object]:
    """The same for scripts."""
    return {"run": asdict(outcome), "campaign": asdict(totals)}

"""Run a crawl until it ends or is stopped by a signal, and find the API key for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import on_signal
from graphbuild.errors import CrawlPaused, SeedError
from graphbuild.models import FILE, Entity

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from signal import Signals

    from graphbuild.api.auth import ApiKey
    from graphbuild.api.rate_limit import Clock
    from graphbuild.crawler import Crawl, CrawlEvent
    from graphbuild.store import Store


def run_crawl(
    crawler: Crawl, clock: Clock, progress: AbstractContextManager[Callable[[CrawlEvent], None]]
) -> tuple[int, str]:
    """Crawl; return the number of stored pages, and why the crawl paused (empty if it finished).

    After a signal, the crawl sends no more requests, and stores the responses to the requests in
    flight.
    """
    pages, paused = 0, ""
    received: list[str] = []

    def stop(signal: Signals) -> None:
        received.append(signal.name)
        crawler.stop()
        clock.stop()

    with on_signal(stop), progress as show:
        try:
            for event in crawler:
                pages += event.error is None and not event.inferred_references
                show(event)
        except CrawlPaused as reason:
            paused = str(reason)
    if received:
        paused = f"stopped by {received[0]}; run the same command again to continue"
    return pages, paused


def find_key(store: Store) -> ApiKey:
    """Return the API key; raise SeedError if the campaign file contains it as a file hash."""
    from graphbuild.api.auth import find_api_key

    key = find_api_key()
    if store.contains(Entity(FILE, key.reveal().lower())):
        raise SeedError(
            f"{store.path} contains your API key as a file hash; it was not sent. "
            "Start a new campaign file without it"
        )
    return key

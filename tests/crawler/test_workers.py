"""Concurrent requests: their number, one rate limit, one budget, and an early stop."""

from __future__ import annotations

import socket
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.auth import ApiKey
from graphbuild.api.call_recorder import CallRecorder
from graphbuild.api.client import Client
from graphbuild.api.rate_limit import MINUTE, RateLimiter
from graphbuild.crawler import Crawl
from graphbuild.crawler.workers import WorkerPool
from graphbuild.emulator import (
    Collection,
    File,
    Quota,
    Reference,
    UndocumentedSettings,
    World,
    generate_family_world,
    generate_world,
)
from graphbuild.errors import (
    AuthenticationError,
    BudgetExhaustedError,
    CrawlPaused,
    QuotaExhaustedError,
)
from graphbuild.models import COMPLETE, PENDING, Entity
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, Task, find_damage
from tests.crawler.campaign import Campaign, Clock
from tests.support.emulator_adapter import EmulatorAdapter
from tests.support.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ConcurrentAdapter(EmulatorAdapter):
    """Responds only when a number of requests are in flight; counts concurrent requests."""

    def __init__(self, api, min_concurrent: int = 1) -> None:
        super().__init__(api)
        self.max_concurrent = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        self._barrier = threading.Barrier(min_concurrent)

    def send(self, request, **more):
        with self._lock:
            self._in_flight += 1
            self.max_concurrent = max(self.max_concurrent, self._in_flight)
        try:
            self._barrier.wait(timeout=120)
            return super().send(request, **more)
        finally:
            with self._lock:
                self._in_flight -= 1


class LockedClock(Clock):
    """A clock for several threads that only advances when one of them sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> bool:
        with self._lock:
            return super().sleep(seconds)


def crawl_events(
    campaign: Campaign, workers: int, min_concurrent: int = 1, **options: object
) -> Iterator:
    adapter = ConcurrentAdapter(campaign.api, min_concurrent)
    client = Client(
        ApiKey("k" * 64),
        adapter=adapter,
        clock=campaign.clock,
        api_flavor="classic",
        rate_limiter=options.pop("rate_limiter", None),
    )  # type: ignore[arg-type]
    with Store.open(campaign.path) as store, client:
        yield from Crawl(client, store, workers=workers, **options)  # type: ignore[arg-type]


def make_campaign(path: Path, world: World, **switches: object) -> Campaign:
    return Campaign(path, world, LockedClock(), **switches)


@pytest.mark.parametrize("workers", [4, 40])
def test_as_many_requests_are_in_flight_as_there_are_workers(tmp_path, workers) -> None:
    campaign = make_campaign(tmp_path / "c.db", generate_family_world(3 * workers, 1))
    # With fewer concurrent requests, the service would never respond.
    assert len(list(crawl_events(campaign, workers, min_concurrent=workers))) == 3 * workers
    assert campaign.api.calls == 3 * workers


@pytest.mark.parametrize("workers", [2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_workers_store_the_same_for_as_many_calls_as_one(tmp_path, seed, workers) -> None:
    world = generate_world(seed)
    alone = Campaign(tmp_path / "alone.db", world)
    alone.crawl()
    campaign = make_campaign(tmp_path / "many.db", world)
    list(crawl_events(campaign, workers))
    assert campaign.triples() == alone.triples()
    assert campaign.api.calls == alone.api.calls
    assert set(campaign.states().values()) == {COMPLETE}
    with Store.read(campaign.path) as store:
        assert list(find_damage(store)) == []
        assert store.calls.count() == campaign.api.calls


@pytest.mark.parametrize("workers", [2, 6])
def test_frugal_workers_need_no_more_calls_than_one(tmp_path, workers) -> None:
    campaign = make_campaign(tmp_path / "c.db", generate_family_world(40, 241))
    list(crawl_events(campaign, workers, frugal=True))
    assert campaign.api.calls == 46
    assert campaign.triples() == campaign.world.triples()


@pytest.mark.parametrize("budget", [1, 7, 20])
def test_max_calls_holds_for_all_workers(tmp_path, budget) -> None:
    campaign = make_campaign(tmp_path / "c.db", generate_family_world(10, 90))
    with pytest.raises(BudgetExhaustedError):
        list(crawl_events(campaign, 4, max_calls=budget))
    assert campaign.api.calls == budget
    with Store.read(campaign.path) as store:
        assert store.totals().pages == budget
    list(crawl_events(campaign, 4))
    assert campaign.api.calls == 30


def test_the_rate_limit_holds_for_all_workers(tmp_path) -> None:
    campaign = make_campaign(tmp_path / "c.db", generate_family_world(10, 30))
    list(crawl_events(campaign, 4, rate_limiter=RateLimiter(3)))
    times = [entry.time for entry in campaign.api.log]
    assert len(times) == 10
    assert all(later - first >= MINUTE for first, later in zip(times, times[3:], strict=False))


def test_a_429_makes_all_workers_wait(tmp_path) -> None:
    fault = Fault("status", 429, after=3, times=1, retry_after="30")
    campaign = make_campaign(tmp_path / "c.db", generate_family_world(12, 3), faults=[fault])
    list(crawl_events(campaign, 3))
    rejected = next(entry for entry in campaign.api.log if entry.status == 429)
    late = [entry for entry in campaign.api.log if entry.number > rejected.number + 2]
    assert late
    assert all(entry.time >= rejected.time + 30 for entry in late)


def test_pages_in_flight_are_stored_when_the_iteration_is_closed(tmp_path) -> None:
    campaign = make_campaign(tmp_path / "c.db", generate_family_world(12, 3))
    events = crawl_events(campaign, 4, min_concurrent=2)
    next(events)
    events.close()
    with Store.read(campaign.path) as store:
        assert store.totals().pages == campaign.api.calls
    list(crawl_events(campaign, 4))
    assert campaign.api.calls == 12


@pytest.mark.parametrize(
    ("switches", "error"),
    [
        ({"keys": ["other"]}, AuthenticationError),
        ({"quota": Quota(per_day=3)}, QuotaExhaustedError),
    ],
)
def test_errors_that_concern_every_subject_lose_no_page(tmp_path, switches, error) -> None:
    campaign = make_campaign(tmp_path / "c.db", generate_family_world(12, 3), **switches)
    with pytest.raises(error):
        list(crawl_events(campaign, 3))
    with Store.read(campaign.path) as store:
        good = sum(entry.status == 200 for entry in campaign.api.log)
        assert store.totals().pages == good
        assert store.calls.count() == len(campaign.api.log)
    with closing(sqlite3.connect(campaign.path)) as connection:
        statuses = [status for (status,) in connection.execute("SELECT http_status FROM call")]
    assert sorted(statuses) == sorted(entry.status for entry in campaign.api.log)


class FailingAdapter(EmulatorAdapter):
    """Raises an exception for requests whose path contains a text."""

    def __init__(self, api, text: str, error: type[BaseException]) -> None:
        super().__init__(api)
        self._text, self._error = text, error

    def send(self, request, **more):
        if self._text in request.path_url:
            raise self._error
        return super().send(request, **more)


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("workers", [1, 3, 6])
@pytest.mark.parametrize("which", [1, None])
def test_unexpected_exceptions_are_raised_by_the_crawl_and_lose_no_page(
    tmp_path, which, workers, error
) -> None:
    campaign = make_campaign(tmp_path / "c.db", generate_family_world(6, 3))
    text = "files/" if which is None else campaign.world.hashes()[which]
    client = Client(
        ApiKey("k" * 64),
        adapter=FailingAdapter(campaign.api, text, error),
        clock=campaign.clock,
        api_flavor="classic",
    )
    with Store.open(campaign.path) as store, client, pytest.raises(error):
        list(Crawl(client, store, workers=workers))
    with Store.read(campaign.path) as store:
        assert store.totals().pages == campaign.api.calls
    list(crawl_events(campaign, 3))
    assert campaign.api.calls == 6
    assert campaign.triples() == campaign.world.triples()


class InterruptingClock(LockedClock):
    """Raises KeyboardInterrupt in the crawling thread after it has read the time often enough."""

    def __init__(self, reads: int) -> None:
        super().__init__()
        self.reads = reads
        self._main = threading.get_ident()

    def now(self) -> float:
        if threading.get_ident() == self._main:
            self.reads -= 1
            if self.reads == -1:
                raise KeyboardInterrupt
        return super().now()


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("reads", range(12))
def test_ctrl_c_ends_a_crawl_at_any_moment(tmp_path, reads, workers) -> None:
    campaign = make_campaign(tmp_path / "c.db", generate_family_world(6, 3))
    clock, campaign.clock = campaign.clock, InterruptingClock(reads)
    with pytest.raises(KeyboardInterrupt):
        list(crawl_events(campaign, workers))
    assert campaign.clock.reads == -1 or workers > 1  # requests in flight are waited for
    campaign.clock = clock
    list(crawl_events(campaign, workers))
    assert set(campaign.states().values()) == {COMPLETE}
    # A page that was not stored because of the interrupt is requested again.
    assert campaign.api.calls <= 6 + 1


def test_requests_that_are_not_sent_are_not_counted(tmp_path) -> None:
    campaign = make_campaign(tmp_path / "c.db", generate_family_world(6, 3))
    with socket.socket() as closed_port:  # does not listen
        closed_port.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed_port.getsockname()[1]}/api/v3"
        client = Client(ApiKey("k" * 64), base_url=address, clock=campaign.clock)
        with (
            Store.open(campaign.path) as store,
            client,
            pytest.raises(CrawlPaused, match="cannot reach"),
        ):
            list(Crawl(client, store, workers=2))
    with Store.read(campaign.path) as store:
        assert store.calls.count() == 0
    assert set(campaign.states().values()) == {PENDING}


def test_an_unknown_file_among_many_is_one_failed_event(tmp_path) -> None:
    campaign = make_campaign(tmp_path / "c.db", generate_family_world(8, 3))
    with Store.open(campaign.path) as store:
        store.add_seeds(parse_seeds(["d" * 64]))
    events = list(crawl_events(campaign, 3))
    assert sum(event.error is not None for event in events) == 1
    assert len(events) == 9


def test_workers_start_when_the_api_flavor_is_known(tmp_path) -> None:
    campaign = make_campaign(tmp_path / "c.db", generate_family_world(6, 3), api_flavor="gti")
    client = Client(
        ApiKey("k" * 64),
        adapter=ConcurrentAdapter(campaign.api),
        clock=campaign.clock,
    )
    with Store.open(campaign.path) as store, client:
        list(Crawl(client, store, workers=3))
    relationships = [entry.path.rpartition("/")[2] for entry in campaign.api.log]
    assert relationships == ["related_references", *["related_reports"] * 6]


def test_two_hashes_of_a_file_in_flight_at_once_become_one_subject(tmp_path) -> None:
    references = [Reference.from_url(f"https://r.example/{number}") for number in range(90)]
    file = File("a" * 64, "b" * 40, "c" * 32, collections=("c",))
    world = World([file], references, [Collection("c", "C", tuple(each.id for each in references))])
    campaign = make_campaign(
        tmp_path / "c.db", world, undocumented=UndocumentedSettings(canonical_links=True)
    )
    campaign.path.unlink()
    with Store.open(campaign.path) as store:
        store.add_seeds(parse_seeds(["c" * 32, "a" * 64, "b" * 40]))
    list(crawl_events(campaign, 3, min_concurrent=1))
    assert campaign.states() == {"a" * 64: COMPLETE}
    assert len(campaign.triples()) == 90
    with Store.read(campaign.path) as store:
        assert list(find_damage(store)) == []


def test_closing_the_pool_releases_a_worker_that_waits_for_the_recorder() -> None:
    """A crawl that is abandoned while its workers are busy ends."""
    waiting = threading.Event()
    released: list[BaseException] = []

    class RecordingClient:
        def fetch_page(self, *_: object, recorder: CallRecorder, **__: object) -> None:
            waiting.set()
            try:
                recorder.begin_call(Entity("file", "0" * 64), "related_references")
            except CrawlPaused as error:
                released.append(error)

        def close(self) -> None:
            pass

    pool = WorkerPool([RecordingClient(), RecordingClient()], CallRecorder())  # type: ignore[list-item]
    for number in range(2):
        pool.submit(
            Task(number, Entity("file", "0" * 64), "related_references", 0, None),
            retry_on_429=True,
        )
    assert waiting.wait(timeout=120)
    pool.close()
    assert len(released) == 2

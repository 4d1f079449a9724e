"""Concurrent requests: their number, one rate limit, one budget, and an early stop."""

from __future__ import annotations

import socket
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.api.rate_limit import MINUTE, RateLimiter
from graphbuild.crawler import Crawl
from graphbuild.emulator import (
    Behavior,
    Collection,
    EmulatorAdapter,
    File,
    Quota,
    Reference,
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
from graphbuild.models import COMPLETE, PENDING
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage
from tests.crawler.campaign import Campaign, Clock
from tests.support.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Together(EmulatorAdapter):
    """Answers nobody before a number of requests have come; counts how many are there at once."""

    def __init__(self, api, meeting: int = 1) -> None:
        super().__init__(api)
        self.most = 0
        self._there = 0
        self._lock = threading.Lock()
        self._barrier = threading.Barrier(meeting)

    def send(self, request, **more):
        with self._lock:
            self._there += 1
            self.most = max(self.most, self._there)
        try:
            self._barrier.wait(timeout=20)
            return super().send(request, **more)
        finally:
            with self._lock:
                self._there -= 1


class LockedClock(Clock):
    """Time that passes when somebody sleeps, whoever it is."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> bool:
        with self._lock:
            return super().sleep(seconds)


def running(made: Campaign, workers: int, meeting: int = 1, **how: object) -> Iterator:
    adapter = Together(made.api, meeting)
    client = Client(
        ApiKey("k" * 64),
        adapter=adapter,
        clock=made.clock,
        rate_limiter=how.pop("rate_limiter", None),
    )  # type: ignore[arg-type]
    with Store.open(made.path) as store, client:
        yield from Crawl(client, store, workers=workers, **how)  # type: ignore[arg-type]


def campaign(path: Path, world: World, **switches: object) -> Campaign:
    return Campaign(path, world, LockedClock(), **switches)


@pytest.mark.parametrize("workers", [4, 40])
def test_as_many_questions_are_in_flight_as_there_are_workers(tmp_path, workers) -> None:
    made = campaign(tmp_path / "c.db", generate_family_world(3 * workers, 1))
    # The service answers only when all are there: with fewer at once nothing would ever come.
    assert len(list(running(made, workers, meeting=workers))) == 3 * workers
    assert made.api.calls == 3 * workers


@pytest.mark.parametrize("workers", [2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_workers_bring_what_one_alone_brings_for_as_many_calls(tmp_path, seed, workers) -> None:
    world = generate_world(seed)
    alone = Campaign(tmp_path / "alone.db", world)
    alone.crawl()
    made = campaign(tmp_path / "many.db", world)
    list(running(made, workers))
    assert made.triples() == alone.triples()
    assert made.api.calls == alone.api.calls
    assert set(made.states().values()) == {COMPLETE}
    with Store.read(made.path) as store:
        assert list(find_damage(store)) == []
        assert store.calls.count() == made.api.calls


@pytest.mark.parametrize("workers", [2, 6])
def test_frugal_workers_cost_no_call_more_than_one_alone(tmp_path, workers) -> None:
    made = campaign(tmp_path / "c.db", generate_family_world(40, 241))
    list(running(made, workers, frugal=True))
    assert made.api.calls == 46
    assert made.triples() == made.world.triples()


@pytest.mark.parametrize("budget", [1, 7, 20])
def test_one_budget_holds_for_all(tmp_path, budget) -> None:
    made = campaign(tmp_path / "c.db", generate_family_world(10, 90))
    with pytest.raises(BudgetExhaustedError):
        list(running(made, 4, max_calls=budget))
    assert made.api.calls == budget
    with Store.read(made.path) as store:
        assert store.totals().pages == budget
    list(running(made, 4))
    assert made.api.calls == 30


def test_one_pace_holds_for_all(tmp_path) -> None:
    made = campaign(tmp_path / "c.db", generate_family_world(10, 30))
    list(running(made, 4, rate_limiter=RateLimiter(3)))
    times = [entry.time for entry in made.api.log]
    assert len(times) == 10
    assert all(later - first >= MINUTE for first, later in zip(times, times[3:], strict=False))


def test_one_who_is_told_to_wait_holds_all(tmp_path) -> None:
    fault = Fault("status", 429, after=3, times=1, retry_after="30")
    made = campaign(tmp_path / "c.db", generate_family_world(12, 3), faults=[fault])
    list(running(made, 3))
    refused = next(entry for entry in made.api.log if entry.status == 429)
    late = [entry for entry in made.api.log if entry.number > refused.number + 2]
    assert late
    assert all(entry.time >= refused.time + 30 for entry in late)


def test_whoever_ends_the_iteration_keeps_what_is_in_flight(tmp_path) -> None:
    made = campaign(tmp_path / "c.db", generate_family_world(12, 3))
    events = running(made, 4, meeting=2)
    next(events)
    events.close()
    with Store.read(made.path) as store:
        assert store.totals().pages == made.api.calls
    list(running(made, 4))
    assert made.api.calls == 12


@pytest.mark.parametrize(
    ("switches", "error"),
    [
        ({"keys": ["other"]}, AuthenticationError),
        ({"quota": Quota(per_day=3)}, QuotaExhaustedError),
    ],
)
def test_what_concerns_all_ends_the_run_and_loses_nothing(tmp_path, switches, error) -> None:
    made = campaign(tmp_path / "c.db", generate_family_world(12, 3), **switches)
    with pytest.raises(error):
        list(running(made, 3))
    with Store.read(made.path) as store:
        good = sum(entry.status == 200 for entry in made.api.log)
        assert store.totals().pages == good
        assert store.calls.count() == len(made.api.log)
    with closing(sqlite3.connect(made.path)) as connection:
        statuses = [status for (status,) in connection.execute("SELECT http_status FROM call")]
    assert sorted(statuses) == sorted(entry.status for entry in made.api.log)


class Broken(EmulatorAdapter):
    """Fails as no service can, by a mistake of ours or Ctrl-C, where a path holds a word."""

    def __init__(self, api, word: str, error: type[BaseException]) -> None:
        super().__init__(api)
        self._word, self._error = word, error

    def send(self, request, **more):
        if self._word in request.path_url:
            raise self._error
        return super().send(request, **more)


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("workers", [1, 3, 6])
@pytest.mark.parametrize("which", [1, None])
def test_a_mistake_is_raised_where_the_crawl_runs_and_loses_nothing(
    tmp_path, which, workers, error
) -> None:
    made = campaign(tmp_path / "c.db", generate_family_world(6, 3))
    word = "files/" if which is None else made.world.hashes()[which]
    client = Client(ApiKey("k" * 64), adapter=Broken(made.api, word, error), clock=made.clock)
    with Store.open(made.path) as store, client, pytest.raises(error):
        list(Crawl(client, store, workers=workers))
    with Store.read(made.path) as store:
        assert store.totals().pages == made.api.calls
    list(running(made, 3))
    assert made.api.calls == 6
    assert made.triples() == made.world.triples()


class Interrupted(LockedClock):
    """Ctrl-C, when the thread that runs the crawl looks at the clock once more than so often."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks
        self._main = threading.get_ident()

    def now(self) -> float:
        if threading.get_ident() == self._main:
            self.looks -= 1
            if self.looks == -1:
                raise KeyboardInterrupt
        return super().now()


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("looks", range(12))
def test_ctrl_c_ends_a_crawl_wherever_it_comes(tmp_path, looks, workers) -> None:
    made = campaign(tmp_path / "c.db", generate_family_world(6, 3))
    clock, made.clock = made.clock, Interrupted(looks)
    with pytest.raises(KeyboardInterrupt):
        list(running(made, workers))
    assert made.clock.looks == -1 or workers > 1  # those who asked meanwhile are waited for
    made.clock = clock
    list(running(made, workers))
    assert set(made.states().values()) == {COMPLETE}
    # What was on its way when the clock was looked at to store it is asked again.
    assert made.api.calls <= 6 + 1


def test_calls_that_never_leave_are_not_counted(tmp_path) -> None:
    made = campaign(tmp_path / "c.db", generate_family_world(6, 3))
    with socket.socket() as deaf:  # nobody listens there
        deaf.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}/api/v3"
        client = Client(ApiKey("k" * 64), base_url=address, clock=made.clock)
        with (
            Store.open(made.path) as store,
            client,
            pytest.raises(CrawlPaused, match="cannot reach"),
        ):
            list(Crawl(client, store, workers=2))
    with Store.read(made.path) as store:
        assert store.calls.count() == 0
    assert set(made.states().values()) == {PENDING}


def test_an_unknown_file_among_many_is_one_failed_step(tmp_path) -> None:
    made = campaign(tmp_path / "c.db", generate_family_world(8, 3))
    with Store.open(made.path) as store:
        store.add_seeds(parse_seeds(["d" * 64]))
    events = list(running(made, 3))
    assert sum(event.error is not None for event in events) == 1
    assert len(events) == 9


def test_workers_begin_when_it_is_known_which_words_are_understood(tmp_path) -> None:
    made = campaign(tmp_path / "c.db", generate_family_world(6, 3), api_flavor="gti")
    client = Client(
        ApiKey("k" * 64), adapter=Together(made.api), clock=made.clock, api_flavor="auto"
    )
    with Store.open(made.path) as store, client:
        list(Crawl(client, store, workers=3))
    asked = [entry.path.rpartition("/")[2] for entry in made.api.log]
    assert asked == ["related_references", *["related_reports"] * 6]


def test_two_names_of_a_file_in_flight_at_once_are_one_in_the_end(tmp_path) -> None:
    held = [Reference.from_url(f"https://r.example/{number}") for number in range(90)]
    file = File("a" * 64, "b" * 40, "c" * 32, collections=("c",))
    world = World([file], held, [Collection("c", "C", tuple(each.id for each in held))])
    made = campaign(tmp_path / "c.db", world, behavior=Behavior(canonical_links=True))
    made.path.unlink()
    with Store.open(made.path) as store:
        store.add_seeds(parse_seeds(["c" * 32, "a" * 64, "b" * 40]))
    list(running(made, 3, meeting=1))
    assert made.states() == {"a" * 64: COMPLETE}
    assert len(made.triples()) == 90
    with Store.read(made.path) as store:
        assert list(find_damage(store)) == []

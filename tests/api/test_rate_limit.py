"""The rate limiter: the sliding minute, waits of the clock, and the UTC day."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.api.rate_limit import Clock, RateLimiter, day_start, next_day, next_month
from tests.support.clock import ManualClock

MINUTE = 60.0
gaps = st.lists(st.floats(0, 90), max_size=30)


def send_all(rate_limiter: RateLimiter, clock: ManualClock, idle: list[float]) -> list[float]:
    """Send requests after each idle time, as soon as allowed; return when each was sent."""
    sent = []
    for seconds in idle:
        clock.advance(seconds)
        while (wait := rate_limiter.acquire(clock.monotonic())) > 0:
            clock.sleep(wait)
        sent.append(clock.monotonic())
        rate_limiter.record(clock.monotonic())
    return sent


def assert_requests_per_minute(sent: list[float], limit: int) -> None:
    for first, beyond in zip(sent, sent[limit:], strict=False):
        assert beyond - first >= MINUTE


@given(st.integers(1, 6), gaps)
def test_no_minute_contains_more_requests_than_allowed(limit: int, idle: list[float]) -> None:
    sent = send_all(RateLimiter(limit), ManualClock(), idle)
    assert_requests_per_minute(sent, limit)


@given(st.integers(1, 6), gaps)
def test_there_is_no_wait_below_the_limit(limit: int, idle: list[float]) -> None:
    clock = ManualClock()
    sent = send_all(RateLimiter(limit), clock, idle)
    ready, earlier = 5_000.0, []
    for seconds, at in zip(idle, sent, strict=True):
        ready += seconds
        full = len(earlier) >= limit
        assert at == pytest.approx(max(ready, earlier[-limit] + MINUTE) if full else ready)
        ready = at
        earlier.append(at)


@given(st.integers(1, 6), st.lists(st.floats(0, 100), max_size=8), gaps)
def test_requests_before_a_restart_count_by_their_age(
    limit: int, ages: list[float], idle: list[float]
) -> None:
    clock, rate_limiter = ManualClock(), RateLimiter(limit)
    rate_limiter.record_past(ages, clock.monotonic())
    started = clock.monotonic()
    latest = sorted(started - age for age in ages)[
        -limit:
    ]  # the limit of the earlier run may differ
    assert_requests_per_minute(latest + send_all(rate_limiter, clock, idle), limit)


@given(st.integers(1, 4), gaps, st.lists(st.floats(0, 60), max_size=4), gaps)
def test_requests_recorded_later_never_allow_more(
    limit: int, before: list[float], ages: list[float], after: list[float]
) -> None:
    clock, rate_limiter = ManualClock(), RateLimiter(limit)
    earlier = send_all(rate_limiter, clock, before)
    rate_limiter.record_past(
        [*ages, *(clock.monotonic() - at for at in earlier)], clock.monotonic()
    )
    assert_requests_per_minute(earlier + send_all(rate_limiter, clock, after), limit)


def test_a_negative_age_counts_as_now() -> None:
    rate_limiter = RateLimiter(1)
    rate_limiter.record_past([-3_600.0], 1_000.0)
    assert rate_limiter.acquire(1_000.0) == MINUTE


def test_older_requests_shorten_the_wait() -> None:
    rate_limiter = RateLimiter(2)
    rate_limiter.record_past([10.0, 45.0], 1_000.0)
    assert rate_limiter.acquire(1_000.0) == 15.0


def test_release_allows_one_more_request() -> None:
    rate_limiter = RateLimiter(2)
    assert [rate_limiter.acquire(0.0), rate_limiter.acquire(0.0)] == [0.0, 0.0]
    rate_limiter.release()
    assert rate_limiter.acquire(0.0) == 0.0
    assert rate_limiter.acquire(0.0) == MINUTE


def test_without_a_limit_there_is_no_wait() -> None:
    rate_limiter = RateLimiter()
    rate_limiter.record_past([0.0] * 100, 0.0)
    for _ in range(100):
        assert rate_limiter.acquire(0.0) == 0.0
        rate_limiter.record(0.0)


@given(st.integers(1, 6), st.integers(1, 8), gaps)
def test_concurrent_requests_share_one_limit(limit: int, at_once: int, idle: list[float]) -> None:
    clock, rate_limiter = ManualClock(), RateLimiter(limit)
    sent: list[float] = []
    for seconds in idle:
        clock.advance(seconds)
        flying = 0
        for _ in range(at_once):
            if rate_limiter.acquire(clock.monotonic()) == 0.0:
                flying += 1
        clock.advance(1.0)
        for _ in range(flying):
            sent.append(clock.monotonic())
            rate_limiter.record(clock.monotonic())
    assert_requests_per_minute(sent, limit)


def test_requests_in_flight_count() -> None:
    rate_limiter = RateLimiter(2)
    assert [rate_limiter.acquire(0.0), rate_limiter.acquire(0.0), rate_limiter.acquire(0.0)] == [
        0.0,
        0.0,
        MINUTE,
    ]


def test_a_released_request_does_not_count() -> None:
    rate_limiter = RateLimiter(1)
    rate_limiter.acquire(0.0)
    rate_limiter.release()
    assert rate_limiter.acquire(0.0) == 0.0


@pytest.mark.parametrize("limit", [None, 3])
def test_a_pause_applies_to_all_clients(limit: int | None) -> None:
    rate_limiter = RateLimiter(limit)
    rate_limiter.pause_until(30.0)
    rate_limiter.pause_until(20.0)
    assert rate_limiter.acquire(10.0) == 20.0
    assert rate_limiter.acquire(30.0) == 0.0


@pytest.mark.parametrize("none", [0, -1])
def test_a_limit_below_one_is_refused(none: int) -> None:
    with pytest.raises(ValueError, match="at least 1 request per minute"):
        RateLimiter(none)


# --- the machine's clock


def test_the_clock_returns_the_system_time() -> None:
    clock = Clock()
    assert abs(clock.now() - time.time()) < 1
    assert abs(clock.monotonic() - time.monotonic()) < 1


@pytest.mark.parametrize("seconds", [0.0, -5.0, 0.001])
def test_a_wait_lasts_as_long_as_requested(seconds: float) -> None:
    assert Clock().sleep(seconds)


def test_a_wait_is_not_longer_than_requested() -> None:
    clock, taken = Clock(), []
    for _ in range(3):  # the machine may be slow once
        started = time.monotonic()
        clock.sleep(0.001)
        taken.append(time.monotonic() - started)
    assert min(taken) < 0.9


def test_stop_ends_a_wait() -> None:
    clock = Clock()
    threading.Timer(0.01, clock.stop).start()
    started = time.monotonic()
    assert not clock.sleep(1e300)
    assert time.monotonic() - started < 5


def test_after_stop_waits_end_at_once() -> None:
    clock = Clock()
    clock.stop()
    clock.stop()
    assert not clock.sleep(3_600)
    assert not clock.sleep(0)


AT_ANY_INSTRUCTION = """
import sys
from graphbuild.api.rate_limit import Clock

def stopped_at(number):
    '''Stop a wait at its instruction of this number; whether it had so many.'''
    clock, seen = Clock(), 0
    def trace(frame, event, _):
        nonlocal seen
        frame.f_trace_opcodes = True
        if event == "opcode":
            seen += 1
            if seen == number:
                sys.settrace(None)
                clock.stop()
        return trace
    sys.settrace(trace)
    clock.sleep(0)
    sys.settrace(None)
    assert seen < number or not clock.sleep(3600)
    return seen >= number

number = 1
while stopped_at(number):
    number += 1
print(number)
"""


def test_a_signal_handler_can_stop_the_clock_at_any_instruction_of_a_wait() -> None:
    """A handler runs in the waiting thread, so a lock that the thread holds would be a deadlock."""
    command = [sys.executable, "-c", AT_ANY_INSTRUCTION]
    process = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert int(process.stdout) > 10


# --- the day


@given(st.floats(0, 4e9))
def test_a_day_lasts_from_midnight_to_midnight_utc(now: float) -> None:
    today, tomorrow = day_start(now), next_day(now)
    assert today.timestamp() <= now < tomorrow.timestamp()
    assert today.timestamp() % 86_400 == 0
    assert tomorrow.timestamp() - today.timestamp() == 86_400
    assert today.tzinfo is UTC


def test_midnight_is_the_start_of_the_day() -> None:
    midnight = datetime(2024, 2, 29, tzinfo=UTC)
    assert day_start(midnight.timestamp()) == midnight
    assert next_day(midnight.timestamp()) == datetime(2024, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)),
        (datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)),
        (datetime(2023, 2, 28, 1, tzinfo=UTC), datetime(2023, 3, 1, tzinfo=UTC)),
        (datetime(2024, 4, 30, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)),
        (datetime(2024, 12, 31, 23, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_month_ends_on_the_next_first(now: datetime, first: datetime) -> None:
    assert next_month(now.timestamp()) == first

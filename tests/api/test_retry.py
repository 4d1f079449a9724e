"""The retry policy: number of retries, waits, and the signs of a spent quota."""

from __future__ import annotations

import pytest

from graphbuild.api import retry
from graphbuild.api.retry import RETRIES, RetryPolicy, pause_after
from graphbuild.errors import RateLimitError, TransientError

BROKEN = TransientError("the connection broke off")


def too_many_requests(seconds: float) -> RateLimitError:
    return RateLimitError("rate limit reached", retry_after=seconds)


def policy(*, retry_on_429: bool = True) -> RetryPolicy:
    return RetryPolicy(retry_on_429=retry_on_429)


def waits(failure: TransientError) -> list[float | None]:
    retries = policy()
    return [retries.next_wait(failure) for _ in range(RETRIES + 1)]


def test_backoff_doubles_with_jitter_and_ends_after_three_retries() -> None:
    *seconds, end = waits(BROKEN)
    assert end is None
    for wait, longest in zip(seconds, (1, 2, 4), strict=True):
        assert wait is not None
        assert longest / 2 <= wait <= longest


def test_retry_after_is_respected_and_later_waits_are_at_least_a_minute() -> None:
    assert waits(too_many_requests(5.0)) == [5.0, 60.0, 60.0, None]
    assert waits(too_many_requests(90.0)) == [90.0, 90.0, 90.0, None]


def test_one_constant_limits_every_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "MAX_RETRY_WAIT", 30.0)
    assert waits(too_many_requests(90.0)) == [30.0, 30.0, 30.0, None]
    assert waits(too_many_requests(5.0)) == [5.0, 30.0, 30.0, None]
    assert pause_after(too_many_requests(90.0)) == 30.0


@pytest.mark.parametrize(("seconds", "is_spent"), [(600.0, False), (600.5, True)])
def test_a_long_retry_after_means_a_spent_quota(seconds: float, is_spent) -> None:
    failure = too_many_requests(seconds)
    assert policy().is_quota_spent(failure) is is_spent
    assert pause_after(failure) == (0.0 if is_spent else seconds)
    assert policy(retry_on_429=False).is_quota_spent(failure)


@pytest.mark.parametrize(("seconds", "waits"), [(30.0, 3), (60.0, 2), (130.0, 1)])
def test_a_429_after_two_minutes_means_a_spent_quota(seconds: float, waits: int) -> None:
    retries, failure = policy(), too_many_requests(seconds)
    for _ in range(waits):
        assert not retries.is_quota_spent(failure)
        retries.next_wait(failure)
    assert retries.is_quota_spent(failure)


@pytest.mark.parametrize("status", [421, 425])
def test_a_status_about_the_connection_is_retried_once_without_a_wait(status: int) -> None:
    first, *later = waits(TransientError("the service failed", status=status))
    assert first == 0
    assert len(later) == 3
    assert later[0] is not None
    assert later[0] >= 1

"""The retry policy: which failures are retried, how often, and after how long.

Only a :class:`~graphbuild.errors.TransientError` is retried: HTTP 408, 421, 424, 425, 429 and 5xx,
a broken connection, a missed deadline, a damaged page and other temporary failures. A 429 that
means a spent quota is not retried; see :meth:`RetryPolicy.is_quota_spent`.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from graphbuild.api.rate_limit import MINUTE, next_day
from graphbuild.errors import QuotaExhaustedError, RateLimitError

if TYPE_CHECKING:
    from graphbuild.errors import TransientError

RETRIES = 3  # maximum number of retries of one request
# HTTP statuses that concern the connection. The first retry is sent at once on a new connection.
RETRY_AT_ONCE = frozenset({HTTPStatus.MISDIRECTED_REQUEST, HTTPStatus.TOO_EARLY})
# The following values are in seconds.

# The longest wait before a retry. This must be at least MINUTE: otherwise, the waits before three
# retries could be shorter than is_quota_spent() requires.
MAX_RETRY_WAIT = 600.0
DEFAULT_WAIT = 60.0  # after a 429 without a valid Retry-After; the rate limit is per minute
# The longest wait before the first retry, except after a 429. For each further retry, the longest
# wait is doubled.
FIRST_BACKOFF = 1.0
QUOTA_RETRY_AFTER = 600.0  # a longer Retry-After means that the daily or monthly quota is spent
_MAX_QUOTA_RETRY_AFTER = 32 * 86_400.0  # a longer value is ignored: quota periods end each month


class RetryPolicy:
    """Counts the retries of one request and computes the wait before each retry."""

    def __init__(self, *, retry_on_429: bool) -> None:
        self._retry_on_429 = retry_on_429
        self._retries = 0
        self._waited = 0.0

    def is_quota_spent(self, failure: RateLimitError) -> bool:
        """Return whether a 429 is handled as a spent quota rather than as the limit per minute.

        The quota counts as spent if the Retry-After header is above ``QUOTA_RETRY_AFTER``, if this
        request has already waited for two minutes, or if ``retry_on_429`` is False.
        """
        is_long = failure.retry_after > QUOTA_RETRY_AFTER or self._waited >= 2 * MINUTE
        return is_long or not self._retry_on_429

    def next_wait(self, failure: TransientError) -> float | None:
        """Count a retry; return the seconds to wait before it, or None if no retry is left."""
        if self._retries == RETRIES:
            return None
        self._retries += 1
        wait = min(self._wait_after(failure), MAX_RETRY_WAIT)
        self._waited += wait
        return wait

    def _wait_after(self, failure: TransientError) -> float:
        if isinstance(failure, RateLimitError):
            # The second and the third retry each wait at least a minute, so that a 429 after both
            # waits cannot be caused by the limit per minute.
            return max(failure.retry_after, MINUTE if self._retries > 1 else 0.0)
        if failure.status in RETRY_AT_ONCE and self._retries == 1:
            return 0.0
        longest = FIRST_BACKOFF * 2.0 ** (self._retries - 1)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  jitter needs no secure randomness


def pause_after(failure: RateLimitError) -> float:
    """Return for how many seconds all clients pause after a 429.

    Return 0 if the Retry-After header shows that the quota is spent.
    """
    if failure.retry_after > QUOTA_RETRY_AFTER:
        return 0.0
    return min(failure.retry_after, MAX_RETRY_WAIT)


def quota_exhausted(failure: RateLimitError, now: float) -> QuotaExhaustedError:
    """Return the exception for a 429 that means that the quota is spent.

    The quota is assumed to reset after the seconds in Retry-After or, if these are too few or too
    many for a quota, at the next 00:00 UTC. ``now`` is in seconds since 1970.
    """
    resets_at = next_day(now)
    if QUOTA_RETRY_AFTER < failure.retry_after <= _MAX_QUOTA_RETRY_AFTER:
        stated = datetime.fromtimestamp(now + failure.retry_after, UTC) + timedelta(minutes=1)
        resets_at = stated.replace(second=0, microsecond=0)
    return QuotaExhaustedError(
        f"the service's quota is spent ({failure.code}); "
        f"run again after {resets_at:%Y-%m-%d %H:%M} UTC",
        resets_at=resets_at,
    )

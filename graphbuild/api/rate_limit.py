"""The clock, the rate limit per minute, and the start times of quota periods.

The service limits the requests per minute, per UTC day and per month
(https://docs.virustotal.com/docs/consumption-quotas-handled). The limit per minute is implemented
as a sliding window in monotonic time, so changes of the system clock do not affect it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MINUTE = 60.0  # seconds


class Clock:
    """The system clock. Another thread or a signal handler can end its waits with :meth:`stop`."""

    def __init__(self) -> None:
        # The lock is held until stop() is called. A threading.Event could deadlock: set() in a
        # signal handler would wait for a lock that the interrupted wait() in the same thread holds.
        self._running = threading.Lock()
        self._running.acquire()

    def now(self) -> float:
        """Return the seconds since 1970 (UTC)."""
        return time.time()

    def monotonic(self) -> float:
        """Return the seconds since an arbitrary time, on a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> bool:
        """Wait for ``seconds`` and return True.

        If :meth:`stop` was called before or is called during the wait, return False at once.
        """
        stopped = self._running.acquire(timeout=min(max(0.0, seconds), threading.TIMEOUT_MAX))
        if stopped:
            self.stop()
        return not stopped

    def stop(self) -> None:
        """End all current and future waits."""
        with suppress(RuntimeError):  # already stopped
            self._running.release()


class RateLimiter:
    """Limits the requests in any 60 seconds to ``per_minute``; None means that there is no limit.

    All clients of a crawl share one rate limiter.
    """

    def __init__(self, per_minute: int | None = None) -> None:
        if per_minute is not None and per_minute < 1:
            raise ValueError(f"expected at least 1 request per minute, got {per_minute}")
        self.per_minute = per_minute
        self._sent: deque[float] = deque(maxlen=per_minute)
        self._in_flight = 0
        self._paused_until = float("-inf")
        self._lock = threading.Lock()

    def record_past(self, ages: Iterable[float], monotonic: float) -> None:
        """Count requests of earlier runs.

        ``ages`` contains for each request how many seconds ago it was sent. ``monotonic`` is the
        current time of the monotonic clock.
        """
        if self.per_minute is None:
            return
        earlier = [monotonic - min(max(age, 0.0), MINUTE) for age in ages]
        self._sent = deque(sorted([*self._sent, *earlier]), maxlen=self.per_minute)

    def acquire(self, monotonic: float) -> float:
        """Return 0 if a request may be sent now, else the seconds to wait before calling again.

        If the result is 0, call :meth:`record` when the request ends, or :meth:`release` if the
        request is not sent. ``monotonic`` is the current time of the monotonic clock in seconds.
        """
        with self._lock:
            window = self._window_wait(monotonic, self._in_flight)
            wait = max(self._paused_until - monotonic, window)
            if wait > 0:
                return wait
            self._in_flight += 1
            return 0.0

    def wait(self, monotonic: float) -> float:
        """Return the seconds until a request may be sent, without sending one.

        Requests in flight are ignored. ``monotonic`` is the current time of the monotonic clock.
        """
        with self._lock:
            window = self._window_wait(monotonic, in_flight=0)
            return max(0.0, self._paused_until - monotonic, window)

    def _window_wait(self, monotonic: float, in_flight: int) -> float:
        if self.per_minute is None:
            return 0.0
        recent = [sent for sent in self._sent if sent + MINUTE > monotonic]
        if len(recent) + in_flight < self.per_minute:
            return 0.0
        return min(recent, default=monotonic) + MINUTE - monotonic

    def record(self, monotonic: float) -> None:
        """Count an acquired request as sent at ``monotonic``, a time of the monotonic clock."""
        with self._lock:
            self._in_flight -= 1
            if self.per_minute is not None:
                self._sent.append(monotonic)

    def release(self) -> None:
        """Undo an :meth:`acquire` that returned 0, for a request that is not sent."""
        with self._lock:
            self._in_flight -= 1

    def pause_until(self, monotonic: float) -> None:
        """Block the requests of all clients until ``monotonic``, a time of the monotonic clock."""
        with self._lock:
            self._paused_until = max(self._paused_until, monotonic)


def day_start(now: float) -> datetime:
    """Return the start of the UTC day that contains ``now`` (seconds since 1970)."""
    today = datetime.fromtimestamp(now, UTC)
    return today.replace(hour=0, minute=0, second=0, microsecond=0)


def next_day(now: float) -> datetime:
    """Return when the daily quota resets: the next 00:00 UTC after ``now`` (seconds since 1970)."""
    return day_start(now) + timedelta(days=1)


def next_month(now: float) -> datetime:
    """Return when the monthly quota resets: 00:00 UTC on the first day of the next month.

    ``now`` is in seconds since 1970.
    """
    in_next_month = day_start(now).replace(day=1) + timedelta(days=31)
    return in_next_month.replace(day=1)

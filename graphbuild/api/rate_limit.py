"""When may the next request go out: the clock, the minute window, the UTC day.

The service counts requests per minute, per UTC day and per month
(https://docs.virustotal.com/docs/consumption-quotas-handled). The minute is a sliding window kept
here, in monotonic time, so that a clock set back or forward changes nothing; what is left of it
after a restart comes from the call ledger. The day is counted in the ledger itself.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

MINUTE = 60.0


class Clock(Protocol):
    """Time, as something a test can hold."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        ...

    def sleep(self, seconds: float) -> bool:
        """Wait; False if the wait was cut short because the run shall stop."""
        ...


class SystemClock:
    """The machine's own clock, whose waits another thread or a signal handler can end."""

    def __init__(self) -> None:
        # A bare lock, taken until the run shall stop. No Event: a signal handler that sets one
        # while this very thread is about to wait for it waits for its inner lock for ever.
        self._going = threading.Lock()
        self._going.acquire()

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> bool:
        """Wait; False if :meth:`stop` ended the wait, or was called before."""
        stopped = self._going.acquire(timeout=min(max(0.0, seconds), threading.TIMEOUT_MAX))
        if stopped:
            self.stop()
        return not stopped

    def stop(self) -> None:
        """End every wait, now and from now on."""
        with suppress(RuntimeError):  # ended already
            self._going.release()


class RateLimiter:
    """A sliding window of one minute, shared by all who ask.

    Args:
        per_minute: how many requests any 60 seconds may hold; None for no limit of ours.

    Raises:
        ValueError: a limit that lets nothing through.
    """

    def __init__(self, per_minute: int | None = None) -> None:
        if per_minute is not None and per_minute < 1:
            raise ValueError(f"{per_minute} requests a minute are none")
        self.per_minute = per_minute
        self._sent: deque[float] = deque(maxlen=per_minute)
        self._in_flight = 0
        self._held_until = float("-inf")
        self._lock = threading.Lock()

    def remember(self, ages: Iterable[float], monotonic: float) -> None:
        """Take in requests of an earlier run, by how many seconds ago they were sent."""
        if self.per_minute is None:
            return
        earlier = [monotonic - min(max(age, 0.0), MINUTE) for age in ages]
        # The oldest first: it is the one that makes room.
        self._sent = deque(sorted([*self._sent, *earlier]), maxlen=self.per_minute)

    def take(self, monotonic: float) -> float:
        """Take a place for a request that goes out now; 0 if there is one, else seconds to wait.

        Whoever got a place tells :meth:`sent` when the request is over, or :meth:`give_back`.
        """
        with self._lock:
            wait = max(self._held_until - monotonic, self._full(monotonic))
            if wait > 0:
                return wait
            self._in_flight += 1
            return 0.0

    def _full(self, monotonic: float) -> float:
        """Seconds until the window has room; 0 if it has."""
        if self.per_minute is None:
            return 0.0
        recent = [at for at in self._sent if at + MINUTE > monotonic]
        if len(recent) + self._in_flight < self.per_minute:
            return 0.0
        return min(recent, default=monotonic) + MINUTE - monotonic

    def sent(self, monotonic: float) -> None:
        """Count a request that has gone out by now."""
        with self._lock:
            self._in_flight -= 1
            if self.per_minute is not None:
                self._sent.append(monotonic)

    def give_back(self) -> None:
        """Nothing was sent after all."""
        with self._lock:
            self._in_flight -= 1

    def hold(self, until: float) -> None:
        """Let nobody go before a time: the service asked one of us to wait, and means all."""
        with self._lock:
            self._held_until = max(self._held_until, until)


def day_start(now: float) -> datetime:
    """The beginning of the UTC day in which ``now`` lies."""
    today = datetime.fromtimestamp(now, UTC)
    return today.replace(hour=0, minute=0, second=0, microsecond=0)


def next_day(now: float) -> datetime:
    """When the daily quota resets: the next 00:00 UTC."""
    return day_start(now) + timedelta(days=1)


def next_month(now: float) -> datetime:
    """When the monthly quota resets: 00:00 UTC on the next 1st."""
    longest = timedelta(days=31)  # from the 1st, this is always in the next month
    return (day_start(now).replace(day=1) + longest).replace(day=1)

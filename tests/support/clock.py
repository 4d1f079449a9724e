"""A clock that a test controls."""

from __future__ import annotations

from graphbuild.api.rate_limit import Clock


class ManualClock(Clock):
    """A clock that advances only when the code under test waits.

    Attributes:
        waits: all waits, in seconds.
        stopped: whether waits end immediately, as after a signal.
    """

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.waits: list[float] = []
        self.stopped = False
        self._monotonic = 5_000.0
        self._offset = now - self._monotonic

    def now(self) -> float:
        return self._offset + self._monotonic

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> bool:
        self.waits.append(seconds)
        if self.stopped:
            return False
        self.advance(seconds)
        return True

    def stop(self) -> None:
        self.stopped = True

    def advance(self, seconds: float) -> None:
        """Advance the time without a wait."""
        self._monotonic += max(0.0, seconds)

    def set_wall_clock(self, now: float) -> None:
        """Change the wall clock, as a user or a time server does."""
        self._offset = now - self._monotonic

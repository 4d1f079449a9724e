"""Quotas per key: a sliding minute, and the day and the month in UTC."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60, 3600, 86400
_NO_LIMIT = 1_000_000_000  # the value that the API reports for unlimited quotas


@dataclass(frozen=True, slots=True)
class Quota:
    """Maximum numbers of calls per key; None is unlimited."""

    per_minute: int | None = None
    per_day: int | None = None
    per_month: int | None = None


UNLIMITED = Quota()


class QuotaMeter:
    """Records the times of the calls of each key."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self._calls = defaultdict[str, list[float]](list)

    def record(self, key: str, now: float) -> None:
        """Record one call."""
        insort(self._calls[key], now)  # the clock of a test may go backwards

    def is_exhausted(self, key: str, now: float) -> bool:
        """Return whether any quota of a key is used up."""
        limits = (
            (self.quota.per_minute, now - MINUTE),
            (self.quota.per_day, _start_of_day(now)),
            (self.quota.per_month, _start_of_month(now)),
        )
        return any(limit is not None and self._used(key, since) >= limit for limit, since in limits)

    def usage(self, key: str, now: float) -> dict[str, dict[str, int]]:
        """Return allowed and used calls; like the API, per hour instead of per minute."""
        per_minute = self.quota.per_minute
        per_hour = None if per_minute is None else per_minute * (HOUR // MINUTE)
        rows = {
            "api_requests_hourly": (per_hour, now - HOUR),
            "api_requests_daily": (self.quota.per_day, _start_of_day(now)),
            "api_requests_monthly": (self.quota.per_month, _start_of_month(now)),
        }
        return {
            name: {
                "allowed": _NO_LIMIT if allowed is None else allowed,
                "used": self._used(key, since),
            }
            for name, (allowed, since) in rows.items()
        }

    def _used(self, key: str, since: float) -> int:
        calls = self._calls[key]
        return len(calls) - bisect_right(calls, since)


# Both start a moment before midnight: a call at 00:00:00.0 belongs to the new day.
def _start_of_day(now: float) -> float:
    return now - now % DAY - 1e-6


def _start_of_month(now: float) -> float:
    day = datetime.fromtimestamp(now, UTC)
    return day.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp() - 1e-6

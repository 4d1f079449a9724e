"""Quotas by key: a sliding minute, the day and the month in UTC."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60, 3600, 86400
_BOUNDLESS = 1_000_000_000  # what the service shows to those without a limit


@dataclass(frozen=True, slots=True)
class Quota:
    """How many calls a key may make; None is without bound."""

    per_minute: int | None = None
    per_day: int | None = None
    per_month: int | None = None


UNLIMITED = Quota()


class Meter:
    """When each key made its calls."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self._spent = defaultdict[str, list[float]](list)

    def spend(self, key: str, now: float) -> None:
        """Book one call."""
        insort(self._spent[key], now)  # a test may turn the clock back

    def is_spent(self, key: str, now: float) -> bool:
        """Tell whether any quota of a key is used up."""
        limits = (
            (self.quota.per_minute, now - MINUTE),
            (self.quota.per_day, _start_of_day(now)),
            (self.quota.per_month, _start_of_month(now)),
        )
        return any(limit is not None and self._used(key, since) >= limit for limit, since in limits)

    def report(self, key: str, now: float) -> dict[str, dict[str, int]]:
        """Return what is allowed and used by name, which tells the hour and never the minute."""
        a_minute = self.quota.per_minute
        hourly = None if a_minute is None else a_minute * (HOUR // MINUTE)
        rows = {
            "api_requests_hourly": (hourly, now - HOUR),
            "api_requests_daily": (self.quota.per_day, _start_of_day(now)),
            "api_requests_monthly": (self.quota.per_month, _start_of_month(now)),
        }
        return {
            name: {
                "allowed": _BOUNDLESS if allowed is None else allowed,
                "used": self._used(key, since),
            }
            for name, (allowed, since) in rows.items()
        }

    def _used(self, key: str, since: float) -> int:
        spent = self._spent[key]
        return len(spent) - bisect_right(spent, since)


def _start_of_day(now: float) -> float:
    # A hair before midnight: a call at 00:00:00.0 belongs to the new day.
    return now - now % DAY - 1e-6


def _start_of_month(now: float) -> float:
    day = datetime.fromtimestamp(now, UTC)
    return day.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp() - 1e-6

"""Count calls per API key, and compare the numbers with quotas.

The calls per minute and per hour are those of the last 60 seconds and 60 minutes. Days and months
are calendar days and months in UTC.
"""

from __future__ import annotations

import re
from bisect import bisect_right, insort
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from graphbuild.emulator.errors import ServiceError
from graphbuild.emulator.models import OBJECT_TYPES

if TYPE_CHECKING:
    from graphbuild.emulator.http_messages import Json

MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds
_NO_LIMIT = 1_000_000_000  # the value that the API reports for unlimited quotas
_RETENTION = timedelta(days=60)  # how long the API keeps the daily usage
# The maximum span between the dates in a request for API usage. It is also the default span, which
# the API documentation does not specify.
_MAX_SPAN = timedelta(days=30)

# First segment of a path -> name that the usage statistics use for requests for relationships. As
# in the API, only the name for IP addresses begins with a plural.
_RELATIONSHIP_ENDPOINTS = {
    **{endpoint: f"{object_type}_relationships" for endpoint, object_type in OBJECT_TYPES.items()},
    "ip_addresses": "ip_addresses_relationships",
}


@dataclass(frozen=True, slots=True)
class Quota:
    """Maximum numbers of calls; None for no limit."""

    per_minute: int | None = None
    per_day: int | None = None
    per_month: int | None = None


UNLIMITED = Quota()


class CallCounter:
    """Counts the calls of each API key, and compares the numbers with a quota."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self._times = defaultdict[str, list[float]](list)
        self._daily = defaultdict[tuple[str, date], Counter[str]](Counter)

    def record(self, key: str, resource_path: str, now: float) -> None:
        """Record one call with an API key at the time ``now``, in seconds since 1970."""
        insort(self._times[key], now)  # sorted, because the clock of a test can go backwards
        endpoint, *rest = resource_path.strip("/").split("/")
        if endpoint in _RELATIONSHIP_ENDPOINTS:
            name = _RELATIONSHIP_ENDPOINTS[endpoint] if rest[1:] else endpoint
            self._daily[key, _day(now)][name] += 1

    def is_exhausted(self, key: str, now: float) -> bool:
        """Return whether a key has used up its quota per minute, day or month."""
        limits = (
            (self.quota.per_minute, now - MINUTE),
            (self.quota.per_day, _start_of_day(now)),
            (self.quota.per_month, _start_of_month(now)),
        )
        return any(limit is not None and self._used(key, since) >= limit for limit, since in limits)

    def quotas(self, key: str, now: float) -> dict[str, dict[str, int]]:
        """Return the allowed and used calls per hour, day and month.

        Like the API, return the quota per minute as a quota per hour (60 times as many calls).
        """
        per_minute = self.quota.per_minute
        per_hour = None if per_minute is None else per_minute * (HOUR // MINUTE)
        rows = {
            "api_requests_hourly": (per_hour, now - HOUR),
            "api_requests_daily": (self.quota.per_day, _start_of_day(now)),
            "api_requests_monthly": (self.quota.per_month, _start_of_month(now)),
        }
        return {
            name: {"allowed": _NO_LIMIT if limit is None else limit, "used": self._used(key, since)}
            for name, (limit, since) in rows.items()
        }

    def api_usage(self, key: str, query: str, now: float) -> Json:
        """Return the numbers of calls per endpoint, for each day and in total.

        ``start_date`` and ``end_date`` in the query select the days. Days without calls are
        omitted, and so are days more than 60 days ago.
        """
        start, end = _parse_span(query, _day(now))
        start = max(start, _day(now) - _RETENTION)
        daily = {
            str(day): dict(sorted(counts.items()))
            for (owner, day), counts in sorted(self._daily.items())
            if owner == key and start <= day <= end
        }
        total = sum(map(Counter, daily.values()), Counter[str]())
        return {"daily": daily, "total": dict(sorted(total.items()))}

    def _used(self, key: str, since: float) -> int:
        """Return the number of calls after the time ``since``, in seconds since 1970."""
        times = self._times[key]
        return len(times) - bisect_right(times, since)


# The next two functions return a time just before midnight: ``_used`` counts the calls after this
# time, and a call at midnight belongs to the new day.
def _start_of_day(now: float) -> float:
    return now - now % DAY - 1e-6


def _start_of_month(now: float) -> float:
    day = datetime.fromtimestamp(now, UTC)
    return day.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp() - 1e-6


def _parse_span(query: str, today: date) -> tuple[date, date]:
    """Return the first and the last day that a query selects.

    By default, the last day is ``today``, and the first day is 30 days before the last one.
    """
    fields = parse_qs(query, keep_blank_values=True)
    end = _parse_date(fields["end_date"][0]) if "end_date" in fields else today
    default = date.fromordinal(max(1, end.toordinal() - _MAX_SPAN.days))
    start = _parse_date(fields["start_date"][0]) if "start_date" in fields else default
    if not timedelta() <= end - start <= _MAX_SPAN:
        message = f"Dates must be in order and at most {_MAX_SPAN.days} days apart"
        raise ServiceError("BadRequestError", message)
    return start, end


def _parse_date(text: str) -> date:
    try:
        if re.fullmatch("[0-9]{8}", text):
            return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        pass
    raise ServiceError("BadRequestError", "Dates must be of the form YYYYMMDD")


def _day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()

"""Numbers of calls per key, day and endpoint, as `/users/{id}/api_usage` reports them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from graphbuild.emulator.messages import ServiceError

if TYPE_CHECKING:
    from graphbuild.emulator.messages import Json

_RETENTION = timedelta(days=60)
_MAX_SPAN = timedelta(days=30)  # also the default, which is not documented

# The API's names for requests of a relationship; "addresses" is irregular there, too.
_RELATIONSHIP_ENDPOINTS = {
    "files": "file_relationships",
    "domains": "domain_relationships",
    "urls": "url_relationships",
    "ip_addresses": "ip_addresses_relationships",
    "references": "reference_relationships",
    "collections": "collection_relationships",
}


class ApiUsage:
    """Counts the calls of each key."""

    def __init__(self) -> None:
        self._counts = defaultdict[tuple[str, date], Counter[str]](Counter)

    def record(self, key: str, resource_path: str, now: float) -> None:
        """Count one call; unknown endpoints are not counted."""
        endpoint, *rest = resource_path.strip("/").split("/")
        if endpoint in _RELATIONSHIP_ENDPOINTS:
            name = _RELATIONSHIP_ENDPOINTS[endpoint] if rest[1:] else endpoint
            self._counts[key, _day(now)][name] += 1

    def usage(self, key: str, query: str, now: float) -> Json:
        """Return the counts between `start_date` and `end_date` of the query.

        Raises:
            ServiceError: a date is invalid, or the span is negative or too long (400).
        """
        start, end = _parse_span(query, _day(now))
        start = max(start, _day(now) - _RETENTION)
        days = {
            day: counts
            for (owner, day), counts in sorted(self._counts.items())
            if owner == key and start <= day <= end
        }
        total = sum(days.values(), Counter[str]())
        daily = {str(day): dict(sorted(counts.items())) for day, counts in days.items()}
        return {"daily": daily, "total": dict(sorted(total.items()))}


def _parse_span(query: str, today: date) -> tuple[date, date]:
    fields = parse_qs(query, keep_blank_values=True)
    end = _parse_date(fields["end_date"][0]) if "end_date" in fields else today
    default = date.fromordinal(max(1, end.toordinal() - _MAX_SPAN.days))
    start = _parse_date(fields["start_date"][0]) if "start_date" in fields else default
    if not timedelta() <= end - start <= _MAX_SPAN:
        limit = f"at most {_MAX_SPAN.days} days apart"
        raise ServiceError(400, f"Dates must be in order and {limit}")
    return start, end


def _parse_date(text: str) -> date:
    try:
        if re.fullmatch("[0-9]{8}", text):
            return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        pass
    raise ServiceError(400, "Dates must be of the form YYYYMMDD")


def _day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()

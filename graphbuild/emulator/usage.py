"""How many calls of which sort a key made, by day."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from graphbuild.emulator.answers import ServiceError

if TYPE_CHECKING:
    from graphbuild.emulator.answers import Json

_KEPT = 60  # days
_SPAN = 30  # days at the most, and without dates (which is not documented)

# The service's names for calls about a relationship; that of addresses is an oddity of its own.
_RELATIONSHIPS = {
    "files": "file_relationships",
    "domains": "domain_relationships",
    "urls": "url_relationships",
    "ip_addresses": "ip_addresses_relationships",
    "references": "reference_relationships",
    "collections": "collection_relationships",
}


class Usage:
    """The calls of each key, counted."""

    def __init__(self) -> None:
        self._booked = defaultdict[tuple[str, date], Counter[str]](Counter)

    def book(self, key: str, place: str, now: float) -> None:
        """Count one call; `place` is the path of it."""
        endpoint, *rest = place.strip("/").split("/")
        if endpoint in _RELATIONSHIPS:
            sort = _RELATIONSHIPS[endpoint] if rest[1:] else endpoint
            self._booked[key, _day(now)][sort] += 1

    def report(self, key: str, query: str, now: float) -> Json:
        """Return the counts of a span of days, as `start_date` and `end_date` have it.

        Raises:
            ServiceError: a date is none, or the span is backwards or too long.
        """
        start, end = _parse_span(query, _day(now))
        start = max(start, _day(now) - timedelta(days=_KEPT))
        days = {
            day: counts
            for (owner, day), counts in sorted(self._booked.items())
            if owner == key and start <= day <= end
        }
        total = sum(days.values(), Counter[str]())
        daily = {str(day): dict(sorted(counts.items())) for day, counts in days.items()}
        return {"daily": daily, "total": dict(sorted(total.items()))}


def _parse_span(query: str, today: date) -> tuple[date, date]:
    fields = parse_qs(query, keep_blank_values=True)
    end = _parse_date(fields["end_date"][0]) if "end_date" in fields else today
    usual = date.fromordinal(max(1, end.toordinal() - _SPAN))
    start = _parse_date(fields["start_date"][0]) if "start_date" in fields else usual
    if not timedelta() <= end - start <= timedelta(days=_SPAN):
        raise ServiceError(400, f"Dates must be in order and at most {_SPAN} days apart")
    return start, end


def _parse_date(text: str) -> date:
    if not re.fullmatch("[0-9]{8}", text):
        raise ServiceError(400, "Dates must be of the form YYYYMMDD")
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise ServiceError(400, "Dates must be of the form YYYYMMDD") from error


def _day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()

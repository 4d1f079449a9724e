"""What a crawl will cost, and when it would be done, told before anything is spent.

A call brings up to 40 references, so a file costs ``max(1, ceil(references / 40))`` calls. How many
references a file has stands on its first page; before that the number is an estimate, from the
files that are known already.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Bill:
    """The calls still to make.

    Attributes:
        at_least: none fewer, unless the service has changed its lists.
        expected: as many as files of the known kind would take; None where none is known yet.
        exact: whether every file's number of references is known, so that both are the price.
    """

    at_least: int
    expected: int | None
    exact: bool


def bill(*, unseen: int, left: int, mean_pages: float | None) -> Bill:
    """The bill for files of which no page is read yet, and the rest of those begun.

    Args:
        unseen: files of which no page is read.
        left: calls that the files already begun still need, by their announced numbers.
        mean_pages: pages a file took so far; None where none is known.
    """
    at_least = left + unseen
    if not unseen:
        return Bill(at_least, at_least, exact=True)
    if mean_pages is None:
        return Bill(at_least, None, exact=False)
    return Bill(at_least, left + math.ceil(unseen * max(1.0, mean_pages)), exact=False)


def done_at(
    calls: int, *, now: float, per_minute: int | None, per_day: int | None, spent_today: int = 0
) -> datetime:
    """When so many calls would be made at these quotas; days begin at 00:00 UTC.

    Args:
        calls: how many.
        now: seconds since 1970, UTC.
        per_minute: calls in any minute; None for no limit, which is taken as no time at all.
        per_day: calls a UTC day; None for no limit.
        spent_today: calls made today already.
    """
    begin = datetime.fromtimestamp(now, UTC)
    if per_day is not None:
        today = max(0, per_day - spent_today)
        if calls > today:
            days, calls = _days(calls - today, per_day)
            midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
            begin = midnight + timedelta(days=days)
    windows = (calls - 1) // per_minute if per_minute and calls else 0
    return begin + timedelta(seconds=windows * MINUTE)


def _days(calls: int, per_day: int) -> tuple[int, int]:
    """On which day from today the last of them is made, and how many on that day."""
    days = math.ceil(calls / per_day)
    return days, calls - (days - 1) * per_day

"""Estimate the number of calls of a crawl and the time at which it ends.

A page contains up to 40 references, so a file needs ``max(1, ceil(references / 40))`` calls. The
first page of a file states how many references the file has. For files without a stored page, the
number of pages is estimated from the other files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from graphbuild.api.rate_limit import MINUTE


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """The number of calls that a crawl needs.

    Attributes:
        at_least: The minimum, if the API's lists do not change until their pages are requested.
        expected: The estimate, based on the files with a stored page; None if there are none.
        exact: Whether the number of pages of every file is known.
    """

    at_least: int
    expected: int | None
    exact: bool


def estimate_cost(*, unseen: int, left: int, mean_pages: float | None) -> CostEstimate:
    """Estimate the calls for a number of files.

    Args:
        unseen: The number of files without a stored page.
        left: The number of remaining calls of the other files, from the list lengths that the API
            stated.
        mean_pages: The mean number of pages of the other files; None if there are none.
    """
    at_least = left + unseen
    if not unseen:
        return CostEstimate(at_least, at_least, exact=True)
    if mean_pages is None:
        return CostEstimate(at_least, None, exact=False)
    expected = left + math.ceil(unseen * max(1.0, mean_pages))
    return CostEstimate(at_least, expected, exact=False)


def estimate_completion(
    calls: int, *, now: float, per_minute: int | None, per_day: int | None, spent_today: int = 0
) -> datetime:
    """Return the time (UTC) at which the last of ``calls`` calls can be made under the quotas.

    Args:
        calls: The number of calls to make.
        now: The current time in seconds since 1970.
        per_minute: Maximum calls per minute; None for no limit. The duration of the calls
            themselves is ignored.
        per_day: Maximum calls per UTC day; None for no limit.
        spent_today: Calls already made today (UTC).
    """
    start = datetime.fromtimestamp(now, UTC)
    if per_day is not None:
        left_today = max(0, per_day - spent_today)
        if calls > left_today:
            calls -= left_today
            days = math.ceil(calls / per_day)
            calls -= (days - 1) * per_day  # only the calls of the last day remain
            midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
            start = midnight + timedelta(days=days)
    full_minutes = (calls - 1) // per_minute if per_minute and calls else 0
    return start + timedelta(seconds=full_minutes * MINUTE)

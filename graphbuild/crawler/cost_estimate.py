"""Estimate the number of calls of a crawl and the time at which it ends.

A page contains up to 40 references, so a file needs ``max(1, ceil(references / 40))`` calls. The
first page of a file states how many references the file has. For files without a stored page, the
number of pages is estimated from the other files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from graphbuild.api.rate_limit import MINUTE, day_start


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """The number of calls that a crawl needs."""

    at_least: int  # lower bound, if the API's lists do not change until they are requested
    expected: int | None  # from the subjects with a stored page; None without such a subject
    exact: bool  # whether the number of pages of every subject is known


def estimate_cost(*, unseen: int, left: int, mean_pages: float | None) -> CostEstimate:
    """Estimate the calls for ``unseen`` subjects without a stored page, and for all others.

    The others need ``left`` more calls, by the list lengths that the API stated. They have
    ``mean_pages`` pages on average; None if there are no others.
    """
    expected: int | None = left
    if unseen:
        expected = None if mean_pages is None else left + math.ceil(unseen * max(1.0, mean_pages))
    return CostEstimate(left + unseen, expected, exact=not unseen)


def estimate_completion(
    calls: int, *, now: float, per_minute: int | None, per_day: int | None, spent_today: int = 0
) -> datetime:
    """Return the time (UTC) at which the last of ``calls`` calls can be made under the limits.

    A limit of None does not apply. The duration of the calls themselves is ignored.
    """
    start = datetime.fromtimestamp(now, UTC)
    if per_day is not None:
        left_today = max(0, per_day - spent_today)
        if calls > left_today:
            calls -= left_today
            days = math.ceil(calls / per_day)
            calls -= (days - 1) * per_day  # only the calls of the last day remain
            start = day_start(now) + timedelta(days=days)
    full_minutes = (calls - 1) // per_minute if per_minute and calls else 0
    return start + timedelta(seconds=full_minutes * MINUTE)

"""Estimate the number of calls of a crawl, and when the crawl ends.

A page contains up to 40 references, so a list needs at least ``max(1, ceil(references / 40))``
calls. The first page of a list states the length of the list. The number of pages of lists of
unknown length is estimated from the lists of known length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from graphbuild.api.rate_limit import MINUTE, day_start


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """The number of calls that a crawl needs."""

    at_least: int  # lower bound, if no list becomes shorter before it is requested
    expected: int | None  # estimate; None if the lengths of all lists are unknown
    exact: bool  # whether ``at_least`` is the exact number


def estimate_cost(*, unseen: int, left: int, mean_pages: float | None) -> CostEstimate:
    """Estimate the number of calls that complete a crawl.

    Args:
        unseen: Number of lists of unknown length. Each needs at least one call.
        left: Number of calls that the lists of known length and the descriptions still need.
        mean_pages: Mean number of pages of the lists of known length; None without such lists.
    """
    expected: int | None = left
    if unseen:
        expected = None if mean_pages is None else left + math.ceil(unseen * max(1.0, mean_pages))
    return CostEstimate(left + unseen, expected, exact=not unseen)


def estimate_completion(
    calls: int, *, now: float, per_minute: int | None, per_day: int | None, spent_today: int = 0
) -> datetime:
    """Return the earliest time (UTC) at which the last of ``calls`` calls can be made.

    The calls are limited to ``per_minute`` calls per minute and ``per_day`` calls per UTC day; None
    means no limit. ``spent_today`` is the number of calls that were already made on the current
    UTC day. The duration of the calls is ignored. ``now`` is in seconds since 1970.
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

"""Parsing of the API's quotas from the response to ``/users/{name}/overall_quotas``.

Each time window has a quota for the user and, if the user belongs to a group, another for the
group. The quota with fewer remaining calls limits a crawl. A daily quota resets at 00:00 UTC, a
monthly quota at 00:00 UTC on the first day of the month. The documentation does not state when an
hourly quota resets.

Sources: https://docs.virustotal.com/reference/overall-quotas,
https://docs.virustotal.com/docs/consumption-quotas-handled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from graphbuild.api.json_decoding import describe_type
from graphbuild.api.rate_limit import next_day, next_month
from graphbuild.errors import PayloadError

if TYPE_CHECKING:
    from datetime import datetime

HOURLY, DAILY, MONTHLY = "hourly", "daily", "monthly"
_NEXT_RESET = {DAILY: next_day, MONTHLY: next_month}
# The maximum length is below that of an API key, because a key must not become part of a URL.
_USER_NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,63}")


@dataclass(frozen=True, slots=True)
class Quota:
    """A maximum number of calls in a time window, and the number of calls already used."""

    window: str  # ``hourly``, ``daily`` or ``monthly``
    owner: str  # ``user``, or ``group`` if the members of a group share the quota
    allowed: int  # calls per window
    used: int  # calls in the current window

    @property
    def remaining(self) -> int:
        """The number of calls that remain in the current window; never negative."""
        return max(0, self.allowed - self.used)

    def resets_at(self, now: float) -> datetime | None:
        """Return when the quota resets (UTC); None for an hourly quota.

        ``now`` is the current time, in seconds since 1970.
        """
        next_reset = _NEXT_RESET.get(self.window)
        return next_reset(now) if next_reset else None


def is_user_name(text: str) -> bool:
    """Return whether ``text`` has the form of a user name. An API key is too long to match."""
    return _USER_NAME.fullmatch(text) is not None and bool(text.strip("."))


def parse_tightest_quotas(payload: dict[str, Any]) -> tuple[Quota, ...]:
    """Return, for each time window, the request quota with the fewest remaining calls.

    Invalid quotas are ignored. Windows without a valid quota are left out.

    Raises:
        PayloadError: There is no valid request quota.
    """
    data = payload.get("data")
    if not isinstance(data, dict):
        raise PayloadError(f"expected an object, got {describe_type(data)}", "data")
    found = [
        min(quotas, key=lambda quota: quota.remaining)
        for window in (HOURLY, DAILY, MONTHLY)
        if (quotas := _parse_window(window, data.get(f"api_requests_{window}")))
    ]
    if not found:
        raise PayloadError("contains no valid request quota", "data")
    return tuple(found)


def _parse_window(window: str, value: object) -> list[Quota]:
    quotas = []
    for owner in ("user", "group"):
        numbers = value.get(owner) if isinstance(value, dict) else None
        if isinstance(numbers, dict):
            allowed, used = numbers.get("allowed"), numbers.get("used")
            if _is_count(allowed) and _is_count(used):
                quotas.append(Quota(window, owner, allowed, used))
    return quotas


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**63

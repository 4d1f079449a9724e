"""What the service says is left of a key's quotas: ``/users/{name}/overall_quotas``, read.

Documented at https://docs.virustotal.com/reference/overall-quotas. For each window there is what
the user may ask and, where the key belongs to a group, what the group may; whichever has less
left is the one that ends a run. The windows of the day and the month end at midnight UTC
(https://docs.virustotal.com/docs/consumption-quotas-handled); when an hour ends is not documented.
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
_RESETS = {DAILY: next_day, MONTHLY: next_month}
_OWNERS = ("user", "group")
_LARGEST = 2**63  # what is beyond counts nothing
# Shorter than any key, so that a key is no name: it must never stand in an address.
_NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,63}")


@dataclass(frozen=True, slots=True)
class Quota:
    """How many calls one window may hold, and how many it holds.

    Attributes:
        window: ``hourly``, ``daily`` or ``monthly``.
        owner: whose it is: ``user``, or ``group`` where all members share it.
        allowed: calls in one window.
        used: calls made in this one, by whoever shares it.
    """

    window: str
    owner: str
    allowed: int
    used: int

    @property
    def left(self) -> int:
        """Calls that may still be made in this window."""
        return max(0, self.allowed - self.used)

    def resets_at(self, now: float) -> datetime | None:
        """When the window of ``now`` ends (UTC); None for the hour, of which nobody says."""
        ends = _RESETS.get(self.window)
        return ends(now) if ends else None


def is_user_name(text: str) -> bool:
    """Whether this can be a user's name; a key cannot."""
    return _NAME.fullmatch(text) is not None and bool(text.strip("."))


def parse_quotas(payload: dict[str, Any]) -> tuple[Quota, ...]:
    """The quotas of requests in an answer, the scarcer of user's and group's for each window.

    A part that is missing or odd is left out; what is known of the others still holds.

    Raises:
        PayloadError: nothing in it is a quota of requests.
    """
    data = payload.get("data")
    if not isinstance(data, dict):
        raise PayloadError(f"expected an object, got {describe_type(data)}", "data")
    found = [
        min(quotas, key=lambda quota: quota.left)
        for window in (HOURLY, DAILY, MONTHLY)
        if (quotas := _quotas(window, data.get(f"api_requests_{window}")))
    ]
    if not found:
        raise PayloadError("holds no quota of requests", "data")
    return tuple(found)


def _quotas(window: str, row: object) -> list[Quota]:
    if not isinstance(row, dict):
        return []
    found = (_quota(window, owner, row.get(owner)) for owner in _OWNERS)
    return [quota for quota in found if quota]


def _quota(window: str, owner: str, value: object) -> Quota | None:
    if not isinstance(value, dict):
        return None
    allowed, used = value.get("allowed"), value.get("used")
    if not (_is_count(allowed) and _is_count(used)):
        return None
    return Quota(window, owner, allowed, used)


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < _LARGEST

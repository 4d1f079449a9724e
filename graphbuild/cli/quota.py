"""Request and print the remaining API quota.

The request does not count as a call. If the request fails, the command continues without the
quota.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli.console import notice, print_line
from graphbuild.errors import GraphbuildError

if TYPE_CHECKING:
    from datetime import datetime

    from graphbuild.api.quotas import Quota

USER_NAME_HINT = (
    "to see your remaining quota, give your user name: --user NAME, the variable VT_USER, "
    'or user = "..." in ~/.vt.toml'
)
DEADLINE = 10.0  # seconds for the request; short, because commands work without the quota


@dataclass(frozen=True, slots=True)
class RemainingQuota:
    """The quotas of a user at the time of a request."""

    user: str
    quotas: tuple[Quota, ...]  # at most one per time window
    requested_at: float  # seconds since 1970

    def for_window(self, window: str) -> Quota | None:
        """Return the quota of a window such as ``daily``, or None if the response has none."""
        return next((quota for quota in self.quotas if quota.window == window), None)


def request_quota(user: str | None, base_url: str) -> RemainingQuota | None:
    """Return the quotas of ``user``; None if ``user`` is None or empty, or if the request fails."""
    if not user:
        return None
    from graphbuild.api.auth import find_api_key
    from graphbuild.api.client import Client

    try:
        with Client(find_api_key(), base_url=base_url, deadline=DEADLINE) as client:
            return RemainingQuota(user, client.quotas(user), time.time())
    except (GraphbuildError, ValueError) as problem:
        notice(f"graphbuild: the remaining quota is unknown: {problem}")
        return None


def print_quota(remaining: RemainingQuota) -> None:
    """Print a line per time window: the remaining calls and, if known, when the quota resets."""
    for quota in remaining.quotas:
        owner = remaining.user if quota.owner == "user" else f"{remaining.user}'s {quota.owner}"
        resets_at = quota.resets_at(remaining.requested_at)
        reset = f"; it resets at {format_utc(resets_at)}" if resets_at else ""
        calls = format_count(quota.allowed, "call")
        print_line(f"{quota.window} quota of {owner}: {quota.remaining:,} of {calls} left{reset}")


def format_utc(moment: datetime) -> str:
    """Format a time in UTC, to the minute: ``2026-10-01 12:30 UTC``."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def quota_json(remaining: RemainingQuota | None) -> dict[str, object] | None:
    """Return the quotas as JSON data; None if ``remaining`` is None."""
    if remaining is None:
        return None
    windows: list[dict[str, object]] = []
    for quota in remaining.quotas:
        resets_at = quota.resets_at(remaining.requested_at)
        reset = resets_at.isoformat(timespec="minutes") if resets_at else None
        windows.append({**asdict(quota), "left": quota.remaining, "resets_at": reset})
    return {"user": remaining.user, "windows": windows}

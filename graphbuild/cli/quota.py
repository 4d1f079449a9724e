"""What is left of the user's quotas at the service: asked at no cost, and never in the way."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli.console import notice, result
from graphbuild.errors import GraphbuildError

if TYPE_CHECKING:
    from datetime import datetime

    from graphbuild.api.quotas import Quota

HOW = (
    "what is left of your quota is shown to those who name themselves: "
    '--user NAME, the variable VT_USER, or user = "..." in ~/.vt.toml'
)
DEADLINE = 10.0  # seconds: somebody waits for the command, and can do without this


@dataclass(frozen=True, slots=True)
class Left:
    """An answer to the question for quotas.

    Attributes:
        user: whose.
        quotas: one a window.
        at: when it was asked, in seconds since 1970.
    """

    user: str
    quotas: tuple[Quota, ...]
    at: float

    def of(self, window: str) -> Quota | None:
        """The quota of one window, if it is told."""
        return next((quota for quota in self.quotas if quota.window == window), None)


def named(user: str | None) -> str:
    """The user's name: as given, else as the environment has it; empty where nobody says."""
    from graphbuild.api.auth import find_user_name

    return find_user_name() if user is None else user


def ask(user: str, base_url: str) -> Left | None:
    """What is left; None without a name, and where it cannot be had, which is told."""
    if not user:
        return None
    from graphbuild.api.auth import find_api_key
    from graphbuild.api.client import Client

    try:
        with Client(find_api_key(), base_url=base_url, deadline=DEADLINE) as client:
            return Left(user, client.quotas(user), time.time())
    except (GraphbuildError, ValueError) as error:
        notice(f"graphbuild: what is left of the quota is not known: {error}")
        return None


def tell(left: Left) -> None:
    """A line for each window."""
    for quota in left.quotas:
        whose = left.user if quota.owner == "user" else f"{left.user}'s {quota.owner}"
        ends = quota.resets_at(left.at)
        until = f"; it resets at {in_words(ends)}" if ends else ""
        calls = format_count(quota.allowed, "call")
        result(f"{quota.window} quota of {whose}: {quota.left:,} of {calls} left{until}")


def in_words(moment: datetime) -> str:
    """A moment, as every notice of ours has it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def as_json(left: Left | None) -> dict[str, object] | None:
    """The same for scripts; None where nothing is known."""
    if left is None:
        return None
    return {"user": left.user, "windows": [_window(quota, left.at) for quota in left.quotas]}


def _window(quota: Quota, at: float) -> dict[str, object]:
    ends = quota.resets_at(at)
    return {
        **asdict(quota),
        "left": quota.left,
        "resets_at": ends.isoformat(timespec="minutes") if ends else None,
    }

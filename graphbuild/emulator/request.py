"""A request, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "/api/v3"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent, taken apart; `path` is with the prefix of the API."""

    method: str
    target: str
    path: str
    query: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str]) -> Request:
        """Take a request apart; header names are the same in any case."""
        path, _, query = target.partition("?")
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method.upper(), target, path, query, lower)

    @property
    def key(self) -> str:
        """The API key, or nothing."""
        return self.headers.get("x-apikey", "").strip()

    @property
    def place(self) -> str:
        """The path without the prefix."""
        return self.path.removeprefix(PREFIX)

    @property
    def is_free(self) -> bool:
        """Whether the service takes no quota for this."""
        return self.path.startswith(f"{PREFIX}/users/")

    @property
    def takes_gzip(self) -> bool:
        """Whether the answer is compressed."""
        # The true front end looks at both: only a browser or an agent that says so gets gzip.
        agent = self.headers.get("user-agent", "")
        return "gzip" in agent and "gzip" in self.headers.get("accept-encoding", "")

"""HTTP messages of the emulated API: requests, responses and their transmission."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

Json = dict[str, Any]

PREFIX = "/api/v3"


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed HTTP request; header names are in lower case, `path` includes the API prefix."""

    method: str
    target: str
    path: str
    query: str
    headers: Mapping[str, str]

    @classmethod
    def parse(cls, method: str, target: str, headers: Mapping[str, str]) -> Request:
        """Split the target of a request line into path and query."""
        path, _, query = target.partition("?")
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method.upper(), target, path, query, lower)

    @property
    def key(self) -> str:
        """The API key, or an empty string."""
        return self.headers.get("x-apikey", "").strip()

    @property
    def resource_path(self) -> str:
        """The path without the API prefix."""
        return self.path.removeprefix(PREFIX)

    @property
    def is_free(self) -> bool:
        """Whether the request is not counted against the quota."""
        return self.path.startswith(f"{PREFIX}/users/")

    @property
    def accepts_gzip(self) -> bool:
        """Whether the response is compressed."""
        # The front end of the API compresses only if the user agent contains "gzip", too.
        agent = self.headers.get("user-agent", "")
        return "gzip" in agent and "gzip" in self.headers.get("accept-encoding", "")


class Delivery(Protocol):
    """Replaces the normal transmission of a response, to simulate network errors."""

    def send(self, connection: socket.socket, head: bytes, body: bytes) -> bool:
        """Write the response; return whether the connection can serve another request."""

    def receive(self, response: Response) -> Response:
        """Return the response as an in-process client sees it, or raise a `requests` exception."""


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers and body of a response.

    Attributes:
        fault: name of the simulated fault, for the request log.
        delivery: replacement of the normal transmission, if any.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: str = ""
    delivery: Delivery | None = None

    @classmethod
    def from_json(cls, status: int, value: Json) -> Response:
        """Serialize `value`; like the API, do not escape non-ASCII characters."""
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return cls(status, headers, json.dumps(value, ensure_ascii=False).encode())


# Receives every request with the regular response and returns the response to send.
Middleware = Callable[[Request, Response], Response]

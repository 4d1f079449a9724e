"""HTTP messages of the emulated API: requests, responses and their transmission."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]
# Writes the head and the body of a response to a connection, to simulate network errors; returns
# whether the connection stays open.
Delivery = Callable[[socket.socket, bytes, bytes], bool]

PREFIX = "/api/v3"
# All links in responses start with this URL, like those of the real API.
BASE_URL = f"https://www.virustotal.com{PREFIX}"


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed HTTP request.

    Attributes:
        target: The path with the query, as in the request line.
        path: The path without the query; the paths of the API begin with ``/api/v3``.
        headers: The headers; their names are in lower case.
    """

    method: str
    target: str
    path: str
    query: str
    headers: Mapping[str, str]

    @classmethod
    def parse(cls, method: str, target: str, headers: Mapping[str, str]) -> Request:
        """Split the target of the request line into path and query."""
        path, _, query = target.partition("?")
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method.upper(), target, path, query, lower)

    @property
    def key(self) -> str:
        """The API key; empty if the request has none."""
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
        """Whether the response may be compressed with gzip."""
        # The API compresses a response only if User-Agent and Accept-Encoding contain "gzip".
        agent = self.headers.get("user-agent", "")
        return "gzip" in agent and "gzip" in self.headers.get("accept-encoding", "")


@dataclass(frozen=True, slots=True)
class Response:
    """The status, headers and body of a response.

    Attributes:
        fault: The name of the simulated fault for the request log; empty if there is none.
        delivery: Replaces the normal transmission; None to transmit the response normally.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: str = ""
    delivery: Delivery | None = None

    @classmethod
    def from_json(cls, status: int, value: Json) -> Response:
        """Create a response with a JSON body; like the API, do not escape non-ASCII characters."""
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return cls(status, headers, json.dumps(value, ensure_ascii=False).encode())


# A function that receives a request with the regular response and returns the response to send.
Middleware = Callable[[Request, Response], Response]

"""HTTP messages of the emulated API: requests and responses."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]
# A function that simulates a network error. The function receives a connection and the head and
# body of a response, writes to the connection, and returns whether the connection stays open.
Delivery = Callable[[socket.socket, bytes, bytes], bool]

PREFIX = "/api/v3"
# As in the real API, all links in responses start with this URL.
BASE_URL = f"https://www.virustotal.com{PREFIX}"


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed HTTP request."""

    method: str  # in upper case
    target: str  # the path with the query, as in the request line
    path: str  # without the query, such as ``/api/v3/files/{id}``
    query: str
    headers: Mapping[str, str]  # with names in lower case

    @classmethod
    def parse(cls, method: str, target: str, headers: Mapping[str, str]) -> Request:
        """Create a request from the method and the target of the request line, and the headers."""
        path, _, query = target.partition("?")
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method.upper(), target, path, query, lower)

    @property
    def key(self) -> str:
        """The API key (header ``x-apikey``); empty if the request has none."""
        return self.headers.get("x-apikey", "").strip()

    @property
    def resource_path(self) -> str:
        """The path without the API prefix."""
        return self.path.removeprefix(PREFIX)

    @property
    def is_free(self) -> bool:
        """Whether the request is about a user account, and therefore exempt from the quotas."""
        return self.path.startswith(f"{PREFIX}/users/")

    @property
    def accepts_gzip(self) -> bool:
        """Whether the client accepts responses that are compressed with gzip."""
        # The API compresses a response only if both of these headers contain "gzip".
        agent = self.headers.get("user-agent", "")
        return "gzip" in agent and "gzip" in self.headers.get("accept-encoding", "")


@dataclass(frozen=True, slots=True)
class Response:
    """The status, headers and body of a response."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: str = ""  # name of the simulated fault, for the request log; empty if there is none
    delivery: Delivery | None = None  # the function that sends the response; None for the default

    @classmethod
    def from_json(cls, status: int, value: Json) -> Response:
        """Create a response with a JSON body; like the API, write non-ASCII characters in UTF-8."""
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return cls(status, headers, json.dumps(value, ensure_ascii=False).encode())


# A function that receives a request and the regular response, and returns the response to send.
Middleware = Callable[[Request, Response], Response]

"""The request log; it never contains an API key."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A request and its response.

    Attributes:
        number: The number of the request, from 1.
        path: The path; API keys in it are replaced by ``{key}``.
        query: The query; API keys in it are replaced by ``{key}``.
        key: A fingerprint of the API key, see ``key_fingerprint``.
        status: The HTTP status of the response.
        fault: The name of the simulated fault; empty if there is none.
        time: The time of the response in seconds since 1970.
    """

    number: int
    method: str
    path: str
    query: str
    key: str
    status: int
    fault: str
    time: float


def key_fingerprint(key: str) -> str:
    """Return a short hash of an API key, or an empty string if there is no key."""
    return hashlib.sha256(key.encode()).hexdigest()[:8] if key else ""


def append_entry(path: Path, entry: LogEntry) -> None:
    """Append an entry to a file as a line of JSON."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(entry)) + "\n")

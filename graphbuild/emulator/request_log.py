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
        key: a fingerprint of the API key, see `key_fingerprint`.
        fault: the name of the simulated fault, or an empty string.
        time: seconds since 1970.
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
    """Return a short hash of a key, or an empty string if there is no key."""
    return hashlib.sha256(key.encode()).hexdigest()[:8] if key else ""


def append_entry(path: Path, entry: LogEntry) -> None:
    """Append an entry to a file of JSON lines."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(entry)) + "\n")

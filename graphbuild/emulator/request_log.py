"""The request log: what was asked, never with which key."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """One request and how it was answered."""

    number: int
    method: str
    path: str
    query: str
    key: str  # a mark of the key, see `mark`
    status: int
    fault: str  # the kind of the fault injected, or ""
    time: float


def mark(key: str) -> str:
    """Return a short text by which a key is told apart, and from which it cannot be had."""
    return hashlib.sha256(key.encode()).hexdigest()[:8] if key else ""


def append(path: Path, entry: Entry) -> None:
    """Write an entry to a file of JSON lines; on disk when this returns, no handle kept."""
    with path.open("a", encoding="utf-8") as sink:
        sink.write(json.dumps(asdict(entry)) + "\n")

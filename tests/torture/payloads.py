"""The bytes of a corpus row: literal, in base64, or generated (for large inputs).

A payload is a dictionary with one of

* ``text``: text, encoded as UTF-8;
* ``base64``: bytes;
* ``parts``: a list of texts and payloads, including ``{"repeat": text, "times": n}``,
  ``{"numbered": template, "times": n}`` (``str.format`` with 1 to n) and ``{"gzip": parts}``. The
  gzip data can be damaged with ``cut`` (remove bytes at the end), ``keep`` (keep the first bytes)
  or ``flip`` (flip a bit of the byte at an index).

Texts may contain placeholders: ``@S`` is the hash of the subject, ``@R1``, ``@R2`` ... are ids of
references, ``@UR1`` is the first in upper case, ``@C`` is the id of a collection, ``@KEY`` is the
key. Some kinds of rows have further placeholders.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import tracemalloc
from typing import TYPE_CHECKING, Any, Self

from graphbuild.emulator import generate_family_world
from tests.support.keys import CANARY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WORLD = generate_family_world(5, 3)
SUBJECT = WORLD.hashes()[0]
COLLECTION = "made_up_collection"
_REFERENCE = re.compile("@(U?)R([0-9]+)")
_NAMES = {
    "@S": SUBJECT,
    "@C": COLLECTION,
    "@KEY63": CANARY[:63],
    "@KEY": CANARY,
    "@UKEY": CANARY.upper(),
}


def reference(number: int) -> str:
    """Return the id for ``@R<number>``."""
    return hashlib.sha256(f"reference {number}".encode()).hexdigest()


def fill_placeholders(text: str, more: Mapping[str, str] | None = None) -> str:
    """Replace the placeholders of a text, longer ones first."""

    def numbered(match: re.Match[str]) -> str:
        found = reference(int(match[2]))
        return found.upper() if match[1] else found

    for name, value in {**(more or {}), **_NAMES}.items():
        text = text.replace(name, value)
    return _REFERENCE.sub(numbered, text)


class Memory:
    """Measures the memory of a row that sets a maximum; other rows are not slowed down."""

    def __init__(self, bound: int | None) -> None:
        self._bound = bound
        self.excess = ""

    def __enter__(self) -> Self:
        if self._bound:
            tracemalloc.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bound:
            mib = (tracemalloc.get_traced_memory()[1] - _start[0]) / 2**20
            tracemalloc.stop()
            if mib > self._bound:
                self.excess = f"used {mib:.0f} MiB, {self._bound} allowed"

    @staticmethod
    def begin() -> None:
        """Start to measure, after the payload is generated."""
        _start[0] = tracemalloc.get_traced_memory()[0]
        if tracemalloc.is_tracing():
            tracemalloc.reset_peak()


_start = [0]


def content(payload: Mapping[str, Any]) -> bytes:
    """Return the bytes of a payload."""
    if "text" in payload:
        return fill_placeholders(payload["text"]).encode("utf-8", "surrogatepass")
    if "base64" in payload:
        return base64.b64decode(payload["base64"])
    return b"".join(_parts(payload["parts"]))


def _parts(parts: list[Any]) -> Iterator[bytes]:
    for part in parts:
        if isinstance(part, str):
            yield fill_placeholders(part).encode("utf-8", "surrogatepass")
        elif "repeat" in part:
            yield part["repeat"].encode() * part["times"]
        elif "numbered" in part:
            lines = (part["numbered"].format(n, n) for n in range(1, part["times"] + 1))
            yield fill_placeholders("".join(lines)).encode()
        elif "gzip" in part:
            yield _damage(gzip.compress(b"".join(_parts(part["gzip"])), 1, mtime=0), part)
        else:
            yield content(part)


def _damage(packed: bytes, part: Mapping[str, int]) -> bytes:
    damaged = bytearray(packed)
    if "flip" in part:
        damaged[part["flip"]] ^= 1
    end = part.get("keep", len(damaged) - part.get("cut", 0))
    return bytes(damaged[:end])

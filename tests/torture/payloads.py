"""The bytes of a row of the corpus: written out, in base64, or told how to make (for bombs).

A payload is a dictionary with one of

* ``text``: a text, in UTF-8;
* ``base64``: bytes;
* ``parts``: a list of texts and of payloads, among them ``{"repeat": text, "times": n}``,
  ``{"numbered": template, "times": n}`` (``str.format`` with 1 to n) and ``{"gzip": parts}``, which
  may be spoiled by ``cut`` (bytes less at the end), ``keep`` (bytes kept) or ``flip`` (a place).

In texts ``@S`` is the subject's hash, ``@R1``, ``@R2`` ... are references' ids, ``@UR1`` is the
first in upper case, ``@C`` is a collection's id, ``@KEY`` the key; further names come from the
kind of the row.
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
    """The id that ``@R<number>`` stands for."""
    return hashlib.sha256(f"reference {number}".encode()).hexdigest()


def filled(text: str, more: Mapping[str, str] | None = None) -> str:
    """A text with its names replaced; the longer names first."""

    def numbered(match: re.Match[str]) -> str:
        found = reference(int(match[2]))
        return found.upper() if match[1] else found

    for name, value in {**(more or {}), **_NAMES}.items():
        text = text.replace(name, value)
    return _REFERENCE.sub(numbered, text)


class Memory:
    """How much is taken while a row that states a bound is tried; others are not slowed down."""

    def __init__(self, bound: int | None) -> None:
        self._bound = bound
        self.excess = ""

    def __enter__(self) -> Self:
        if self._bound:
            tracemalloc.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bound:
            mib = (tracemalloc.get_traced_memory()[1] - _taken[0]) / 2**20
            tracemalloc.stop()
            if mib > self._bound:
                self.excess = f"took {mib:.0f} MiB, {self._bound} allowed"

    @staticmethod
    def begin() -> None:
        """Count from here: the payload is made."""
        _taken[0] = tracemalloc.get_traced_memory()[0]
        if tracemalloc.is_tracing():
            tracemalloc.reset_peak()


_taken = [0]


def content(payload: Mapping[str, Any]) -> bytes:
    """The bytes of a payload."""
    if "text" in payload:
        return filled(payload["text"]).encode("utf-8", "surrogatepass")
    if "base64" in payload:
        return base64.b64decode(payload["base64"])
    return b"".join(_parts(payload["parts"]))


def _parts(parts: list[Any]) -> Iterator[bytes]:
    for part in parts:
        if isinstance(part, str):
            yield filled(part).encode("utf-8", "surrogatepass")
        elif "repeat" in part:
            yield part["repeat"].encode() * part["times"]
        elif "numbered" in part:
            lines = (part["numbered"].format(n, n) for n in range(1, part["times"] + 1))
            yield filled("".join(lines)).encode()
        elif "gzip" in part:
            yield _spoiled(gzip.compress(b"".join(_parts(part["gzip"])), 1, mtime=0), part)
        else:
            yield content(part)


def _spoiled(packed: bytes, part: Mapping[str, int]) -> bytes:
    spoiled = bytearray(packed)
    if "flip" in part:
        spoiled[part["flip"]] ^= 1
    end = part.get("keep", len(spoiled) - part.get("cut", 0))
    return bytes(spoiled[:end])

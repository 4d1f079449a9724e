"""Helpers that several packages need: text for display, times, directory fsync."""

from __future__ import annotations

import os
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime
from string import punctuation
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

LONGEST = 500
# Control, format (bidi, zero width), surrogate, private, unassigned, line and paragraph separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ESCAPED = str.maketrans({each: f"\\{each}" for each in punctuation})


class Strange(NamedTuple):
    """A text that somebody else wrote: shown, never believed."""

    text: str


Text = tuple[str | Strange, ...]  # a line, of our words and of strangers'


def plain(text: Text) -> str:
    """A line as it is; nothing in it is harmless yet."""
    return "".join(part.text if isinstance(part, Strange) else part for part in text)


def safe(text: str, longest: int = LONGEST) -> str:
    """``text`` with everything that could move a cursor, or hide, shown as an escape."""
    cut = text if len(text) <= longest else text[:longest] + "…"
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _UNSAFE else char
        for char in cut
    )


def in_markdown(text: str) -> str:
    """``text`` for Markdown; no markup, no link, no HTML comes out of it: all signs are escaped."""
    return safe(text).translate(_ESCAPED)


def counted(number: int, one: str, many: str = "") -> str:
    """``3 files``, ``1 file``."""
    return f"{number:,} {noun(number, one, many)}"


def noun(number: int, one: str, many: str = "") -> str:
    """What so many are called: ``files``, ``file``."""
    return one if number == 1 else many or f"{one}s"


def moment(seconds: float) -> str:
    """A time in UTC, to the second: ``2026-11-23T06:20:58Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` durable, where the file system has a way to.

    Where it has none the file is whole either way; only when it arrives is open.
    """
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

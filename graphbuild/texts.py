"""Text where people read it: what strangers wrote made harmless, numbers with their nouns.

Titles, names and addresses come from reports, and are hostile until shown harmless.
"""

from __future__ import annotations

import unicodedata
from string import punctuation
from typing import NamedTuple

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

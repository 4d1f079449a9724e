"""Plain lists: one entry per line. Empty lines and lines that start with ``#`` are skipped.

An entry is usually one indicator. :mod:`graphbuild.seeds.entries` describes other entries.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbuild.models import detect_hash_type
from graphbuild.seeds.entries import add_entry
from graphbuild.seeds.format_hints import FormatHint
from graphbuild.seeds.results import STRIPPED_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbuild.seeds.results import SeedReader

MAX_LINE = 4_096  # characters
_INVISIBLE_REMOVED = "invisible characters around the {} were removed"
_HALVES = "this line and the next one may be the halves of one SHA-256; if so, join them"
_HEX_LINE = re.compile(r"[0-9a-fA-F]{24}|[0-9a-fA-F]{32}|[0-9a-fA-F]{40}")
_MD5_DIGITS = 32
_MAX_HALVES = 16  # longer runs of lines with 32 digits are assumed to be lists of MD5


def read(lines: Iterable[str], reader: SeedReader) -> None:
    """Add the indicators of each line; skip empty lines and comments, reject invalid lines."""
    seeds = reader.seeds
    hint = FormatHint("lines")
    halves = _HashHalves(reader)
    for number, line in enumerate(lines, 1):
        halves.check(line, number)
        rejected_before = len(seeds.rejected)
        if reason := _try_line(line, number, reader):
            reader.reject(line, number, reason)
        if len(seeds.rejected) > rejected_before:
            hint.check(line)
    halves.finish()
    hint.finish(reader)


def _try_line(line: str, number: int, reader: SeedReader) -> str:
    """Add the indicators of a line; return why the line is invalid, or an empty string."""
    if len(line) > MAX_LINE:
        return f"is longer than {MAX_LINE} characters"
    text = line.strip(STRIPPED_CHARACTERS)
    if not text or text.startswith("#"):
        reader.seeds.skipped += 1
        return ""
    known = len(reader.seeds)
    reason = add_entry(text, number, reader)
    if len(reader.seeds) > known and line.strip() != text:
        what = "hash" if detect_hash_type(text) else "name"
        reader.warn(number, _INVISIBLE_REMOVED.format(what))
    return reason


class _HashHalves:
    """Warns about two neighboring lines that may be the halves of one SHA-256.

    Such lines have 40 and 24 hexadecimal digits, or 32 and 32. Runs of more than 16 lines with 32
    digits, or of an odd number of such lines, cause no warning.
    """

    def __init__(self, reader: SeedReader) -> None:
        self._reader = reader
        self._previous = 0  # number of digits in the previous line; 0 if it cannot be a half
        self._run: list[int] = []  # numbers of the neighboring lines with 32 digits read last

    def check(self, line: str, number: int) -> None:
        """Compare a line with the lines before it, and warn about a possible pair of halves."""
        line = line.strip()
        digits = len(line) if _HEX_LINE.fullmatch(line) else 0
        if (self._previous, digits) == (40, 24):
            self._reader.count_warning(_HALVES, number - 1)
        if digits == _MD5_DIGITS:
            self._run.append(number)
        elif self._run:
            self.finish()
        self._previous = digits

    def finish(self) -> None:
        """End a run of lines with 32 digits, and warn if it can consist of pairs of halves."""
        if len(self._run) % 2 == 0 and len(self._run) <= _MAX_HALVES:
            for number in self._run[::2]:
                self._reader.count_warning(_HALVES, number)
        self._run.clear()

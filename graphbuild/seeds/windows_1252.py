"""Read the bytes that are not UTF-8 as Windows-1252, the encoding of older spreadsheets.

The decoder replaces such bytes with lone surrogates (the error handler ``surrogateescape``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbuild.errors import SeedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild.seeds.results import SeedReader

_ESCAPED = re.compile("[\udc80-\udcff]+")
_CONTROL = re.compile("[\x01-\x08\x0e-\x19\x1b-\x1f]")
_MAX_WARNINGS = 20
_ONE_LINE = "the line is not UTF-8 and was read as Windows-1252"
_MORE_LINES = "other lines are not UTF-8 and were read as Windows-1252"


def require_utf8(texts: Iterable[str], source: str) -> Iterator[str]:
    """Yield ``texts``; raise ``SeedError`` if they contain bytes that are not UTF-8."""
    for text in texts:
        if _has_escaped_bytes(text):
            raise SeedError(f"{source} is not text: it is not valid UTF-8; save it as UTF-8")
        yield text


def decode_lines(lines: Iterable[str], reader: SeedReader) -> Iterator[str]:
    """Yield ``lines``, with bytes that are not valid UTF-8 decoded as Windows-1252.

    Each of the first 20 such lines causes a warning, and one more warning counts the others.

    Raises:
        SeedError: Such a line is not valid in Windows-1252 either, or has control characters.
    """
    count = 0
    for number, line in enumerate(lines, 1):
        if not _has_escaped_bytes(line):
            yield line
            continue
        count += 1
        if count <= _MAX_WARNINGS:
            reader.warn(number, _ONE_LINE)
        else:
            reader.count_warning(_MORE_LINES, number)
        yield _decode(line, f"{reader.source}, line {number}")


def _has_escaped_bytes(text: str) -> bool:
    return not text.isascii() and _ESCAPED.search(text) is not None


def _decode(line: str, place: str) -> str:
    try:
        if not _CONTROL.search(line):
            return _ESCAPED.sub(lambda match: _to_bytes(match[0]).decode("cp1252"), line)
    except UnicodeDecodeError:
        pass
    raise SeedError(f"{place} is not text: it is neither UTF-8 nor Windows-1252; save it as UTF-8")


def _to_bytes(escaped: str) -> bytes:
    return escaped.encode("utf-8", "surrogateescape")

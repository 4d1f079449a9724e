"""Text for destinations: one function each for XML, labels, JSON, and table cells.

The graph keeps what the API said; cleaning happens on the way out, here and nowhere else. What was
changed, left out, or will be shown wrongly by a reader is counted in :class:`ExportWarnings`.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_LABEL = 80
NO_TITLE = "(no title)"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# What XML 1.0 cannot hold, not even escaped: https://www.w3.org/TR/xml/#charsets
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# And the ends of lines that XML 1.1, or a reader of 1.0 that goes by it, makes line feeds.
_UNSAFE = re.compile(f"[\x85\u2028\u2029]|{_ILLEGAL.pattern}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Embeddings, overrides and isolates: they reorder what stands around the label.
_BIDI = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
# What a spreadsheet may take for the start of a formula, and what it may skip before it. A cell
# starts at the start, and wherever a spreadsheet set to another separator than the comma, as most
# of Europe's are, would start one. Leading apostrophes belong to it, so that a guard can be told
# from the text's own apostrophe.
_STARTS = "=+@\uff1d\uff0b\uff20\uff0d\ufe66\ufe62\ufe6b\ufe63-"  # = + @ - in three widths
_SPACES = "\x0b\x0c\x1c- \x85\xa0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000"
_SKIPPED = f"\x00-\x08\x0e-\x1b\x7f\ufffd\ufeff{_SPACES}"
_CELL = "(?:\\A|(?<=[;\t\n\r]))"
_FORMULA = f"{_CELL}{{guard}}(?='*[\"{_SKIPPED}]*[{_STARTS}])|\\A{{guard}}(?='*[ ]*[\t\r])"
_UNGUARDED = re.compile(_FORMULA.format(guard=""))
_GUARDED = re.compile(_FORMULA.format(guard="'"))
# A text starts no formula that neither begins with one of these, or a quote, nor holds a separator.
SUSPECT = f"['{_SKIPPED}{_STARTS}]"
_SUSPECT = re.compile(f'"|{SUSPECT}')
_HOST = re.compile(r"\s*(?:https?|ftp):[/\\]{2}(?P<authority>[^/?#\\]*)", re.IGNORECASE)
_HOST_NAME = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]")
_LEAST, _LARGEST = -(2**63), 2**63 - 1
_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_ORDINALS = range(date.min.toordinal(), date.max.toordinal() + 1)
_BLOCK = 250  # lines a write: few calls, and memory stays flat


@dataclass(slots=True)
class ExportWarnings:
    """What an export could not carry as it was.

    Attributes:
        cleaned: texts in which forbidden characters were replaced by U+FFFD.
        omitted: values no format can hold: not finite, beyond 64 bits, neither text nor number.
        misread: texts that stand right in the file but that Gephi shows wrongly.
        guarded: table cells that were given an apostrophe so that no formula starts.
    """

    cleaned: int = 0
    omitted: int = 0
    misread: int = 0
    guarded: int = 0

    @property
    def total(self) -> int:
        """All of them together."""
        return self.cleaned + self.omitted + self.misread + self.guarded

    def __bool__(self) -> bool:
        return self.total > 0

    def __str__(self) -> str:
        """All of it in one line; empty if there is nothing to say."""
        told = (
            (self.cleaned, "cleaned of forbidden characters"),
            (
                self.omitted,
                "left out (no finite number, beyond 64 bits, or neither text nor number)",
            ),
            (self.misread, 'shown wrongly by Gephi ("INF" as "Infinity", "null" as nothing)'),
            (self.guarded, "guarded against formulas by an apostrophe"),
        )
        return "; ".join(f"{count} {what}" for count, what in told if count)


def xml_text(text: str) -> str:
    """``text`` as XML 1.0 can hold it: illegal characters U+FFFD, white space folded to one space.

    Gephi, browsers and XML itself each treat line ends and runs of spaces in their own way; folded
    text looks the same in all of them.
    """
    # Printable text holds nothing illegal and no white space but the space; most text is that.
    if not text.isprintable():
        text = replaced(text)
    elif "  " not in text and text == text.strip():
        return text
    return " ".join(text.split())


def replaced(text: str) -> str:
    """``text`` with each character that XML 1.0 forbids replaced by U+FFFD."""
    return _ILLEGAL.sub(REPLACEMENT, text)


def label_text(text: str, longest: int = MAX_LABEL) -> str:
    """``text`` as a label: XML-safe, at most 80 characters, no bidi control, never empty."""
    label = xml_text(text)
    if not label.isprintable():
        label = xml_text(label.translate(_BIDI))
        if not any(char.isprintable() and char != " " for char in label):
            return NO_TITLE
    if len(label) > longest:
        label = label[: longest - 1].rstrip() + "…"
    return label or NO_TITLE


def guard_cell(text: str) -> str:
    """``text`` as a table cell in which no spreadsheet starts a formula.

    Where the first character that is no space is one of ``= + - @`` (or a full-width or small form
    of the four), an apostrophe is put in front, and before a leading tab or carriage return, as the
    OWASP ASVS asks. The same is done behind a semicolon, a tab or the end of a line: there starts a
    cell where a spreadsheet takes these for separators, whatever is quoted. NUL and lone surrogates
    become U+FFFD. Anything else is untouched, line ends included. ``unguard_cell`` is the way back.
    """
    text = replace_surrogates(text).replace("\0", REPLACEMENT)
    if _SUSPECT.match(text) or has_cell_separator(text):
        return _UNGUARDED.sub("'", text)
    return text


def has_cell_separator(text: str) -> bool:
    """Whether some spreadsheet may take ``text`` for several cells, quoted or not."""
    return ";" in text or "\t" in text or "\n" in text or "\r" in text


def unguard_cell(cell: str) -> str:
    """The text behind a guarded cell: the guard's apostrophes taken out, and no others."""
    return _GUARDED.sub("", cell)


def replace_surrogates(text: str) -> str:
    """``text`` with lone surrogates, which no encoding holds, replaced by U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub(REPLACEMENT, text)


def json_text(values: Mapping[str, object]) -> str:
    r"""``values`` as one line of JSON, names sorted, that XML and tables can hold unchanged.

    Illegal characters, and ends of lines, can only stand inside strings, where JSON has the escape
    ``\uXXXX``: so this text, unlike the others, loses nothing.
    """
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return text if text.isprintable() else _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def is_exportable(value: object) -> bool:
    """Whether every format can hold ``value``: text, truth, a finite float, an int of 64 bits."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return _LEAST <= value <= _LARGEST  # a range looks for what is more than an int one by one
    return isinstance(value, str)


def shown(value: object) -> str:
    """A value as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def created(seconds: int) -> str:
    """The day ``seconds`` after 1970 in UTC, ``2018-01-12``; empty beyond the years 1 to 9999."""
    return _day(_EPOCH + seconds // _DAY)


@lru_cache(maxsize=16_384)  # forty years of days
def _day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat() if ordinal in _ORDINALS else ""


def url_host(url: str) -> str:
    r"""The host of a web address: lower case, no port, Punycode; empty where there is none.

    Read as browsers read it (tabs dropped, a backslash ends it), so that
    ``https://good.example\@evil.example`` is what a click would open.
    """
    if not url.isprintable():
        url = url.translate({9: None, 10: None, 13: None})
    found = _HOST.match(url)
    return _host(found["authority"]) if found else ""


@lru_cache(maxsize=4_096)  # a few hosts publish most reports
def _host(authority: str) -> str:
    host = _without_port(authority.rpartition("@")[2].lower())
    if not host.isascii():
        host = _punycode(host)
    return host.strip("[]") if _HOST_NAME.fullmatch(host) else ""


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].rstrip(".")


def _punycode(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def write_lines(stream: BinaryIO, lines: Iterable[str]) -> None:
    """Write ``lines`` as UTF-8, in blocks."""
    rest = iter(lines)
    while block := "".join(islice(rest, _BLOCK)):
        stream.write(block.encode())

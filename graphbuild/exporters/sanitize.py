"""Conversion of text for each destination: XML, labels, JSON and table cells.

The graph keeps the texts of the API unchanged; only these functions clean them, during an export.
"""

from __future__ import annotations

import json
import math
import re
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_LABEL = 80
NO_TITLE = "(no title)"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Characters that XML 1.0 cannot hold, not even escaped: https://www.w3.org/TR/xml/#charsets
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# And the line ends of XML 1.1, which some readers of XML 1.0 convert to line feeds.
_UNSAFE = re.compile(f"[\x85\u2028\u2029]|{_ILLEGAL.pattern}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Embeddings, overrides and isolates: they would reorder the text around a label.
_BIDI = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
# The characters that may start a formula, and those that a spreadsheet may skip before them. A cell
# starts at the start of the text, and also behind a semicolon, tab or line end, which separate
# cells in most European spreadsheets. Leading apostrophes are part of the pattern, to distinguish
# the guard from apostrophes of the text.
_STARTS = "=+@\uff1d\uff0b\uff20\uff0d\ufe66\ufe62\ufe6b\ufe63-"  # = + @ - in three widths
_SPACES = "\x0b\x0c\x1c- \x85\xa0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000"
_SKIPPED = f"\x00-\x08\x0e-\x1b\x7f\ufffd\ufeff{_SPACES}"
_CELL = "(?:\\A|(?<=[;\t\n\r]))"
_FORMULA = f"{_CELL}{{guard}}(?='*[\"{_SKIPPED}]*[{_STARTS}])|\\A{{guard}}(?='*[ ]*[\t\r])"
_UNGUARDED = re.compile(_FORMULA.format(guard=""))
_GUARDED = re.compile(_FORMULA.format(guard="'"))
# A text that neither starts with one of these nor contains a separator starts no formula.
_SUSPECT = re.compile(f"[\"'{_SKIPPED}{_STARTS}]")
_SEPARATOR = re.compile("[;\t\n\r]")
_HOST = re.compile(r"\s*(?:https?|ftp):[/\\]{2}(?P<authority>[^/?#\\]*)", re.IGNORECASE)
_HOST_NAME = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]")
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_ORDINALS = range(date.min.toordinal(), date.max.toordinal() + 1)
_BLOCK = 250  # lines per write: few calls, and memory stays constant


def xml_text(text: str) -> str:
    """Return ``text`` as XML 1.0 can hold it.

    Illegal characters become U+FFFD, and each run of white space becomes one space: Gephi, browsers
    and XML parsers treat line ends and runs of spaces differently.
    """
    # Most texts are printable. Those contain nothing illegal and no white space but spaces.
    if not text.isprintable():
        text = replace_illegal(text)
    elif "  " not in text and text == text.strip():
        return text
    return " ".join(text.split())


def replace_illegal(text: str) -> str:
    """Return ``text`` with U+FFFD for each character that XML 1.0 forbids."""
    return _ILLEGAL.sub(REPLACEMENT, text)


def label_text(text: str, max_length: int = MAX_LABEL) -> str:
    """Return ``text`` as a label: safe in XML, shortened, without bidi controls, never empty."""
    label = xml_text(text)
    if not label.isprintable():
        label = xml_text(label.translate(_BIDI))
        if not any(char.isprintable() and char != " " for char in label):
            return NO_TITLE
    if len(label) > max_length:
        label = label[: max_length - 1].rstrip() + "…"
    return label or NO_TITLE


def guard_cell(text: str) -> str:
    """Return ``text`` as a table cell in which no spreadsheet starts a formula.

    An apostrophe is inserted if the first character that is not a space is ``=``, ``+``, ``-`` or
    ``@`` (also in full-width or small form), and before a leading tab or carriage return, as the
    OWASP ASVS demands. The same is done behind each semicolon, tab and line end, because some
    spreadsheets start a cell there, even inside quotes. NUL and lone surrogates become U+FFFD.
    :func:`unguard_cell` removes the apostrophes.
    """
    text = replace_surrogates(text).replace("\0", REPLACEMENT)
    if _SUSPECT.match(text) or _SEPARATOR.search(text):
        return _UNGUARDED.sub("'", text)
    return text


def unguard_cell(cell: str) -> str:
    """Return the text of a guarded cell: without the apostrophes that :func:`guard_cell` added."""
    return _GUARDED.sub("", cell)


def replace_surrogates(text: str) -> str:
    """Return ``text`` with U+FFFD for lone surrogates, which UTF-8 cannot encode."""
    return text if text.isascii() else _SURROGATE.sub(REPLACEMENT, text)


def json_text(values: Mapping[str, object]) -> str:
    r"""Return ``values`` as one line of JSON with sorted names, safe in XML and in tables.

    Illegal characters and line ends occur only inside strings, where JSON can escape them as
    ``\uXXXX``. So, unlike other texts, this one loses nothing.
    """
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return text if text.isprintable() else _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def is_exportable(value: object) -> bool:
    """Return whether all formats can hold ``value``: text, boolean, finite float, 64-bit int."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return _INT64_MIN <= value <= _INT64_MAX
    return isinstance(value, str)


def format_value(value: object) -> str:
    """Return a value as text; booleans as ``true`` and ``false``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def format_date(seconds: int) -> str:
    """Return the day ``seconds`` after 1970 UTC, as ``2018-01-12``; empty if out of range."""
    ordinal = _EPOCH + seconds // _DAY
    return date.fromordinal(ordinal).isoformat() if ordinal in _ORDINALS else ""


def url_host(url: str) -> str:
    r"""Return the host of a URL: lower case, Punycode, without port; empty if there is none.

    The URL is parsed as browsers do (tabs are dropped, a backslash ends the host), so the host of
    ``https://good.example\@evil.example`` is the one that a click would open.
    """
    if not url.isprintable():
        url = url.translate({9: None, 10: None, 13: None})
    found = _HOST.match(url)
    return _normalized_host(found["authority"]) if found else ""


@lru_cache(maxsize=4_096)  # few hosts publish most references, and Punycode is slow
def _normalized_host(authority: str) -> str:
    host = authority.rpartition("@")[2].lower()
    if host.startswith("["):
        host = host.partition("]")[0] + "]"
    else:
        host = host.partition(":")[0].rstrip(".")
    if not host.isascii():
        host = _punycode(host)
    return host.strip("[]") if _HOST_NAME.fullmatch(host) else ""


def _punycode(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def write_lines(stream: BinaryIO, lines: Iterable[str]) -> None:
    """Write ``lines`` as UTF-8, in blocks."""
    remaining = iter(lines)
    while block := "".join(islice(remaining, _BLOCK)):
        stream.write(block.encode())

"""Convert values to text, and clean texts for XML, labels, JSON and table cells.

Texts in the graph still contain control characters and all white space from the API. Exporters
clean these texts when they write them.
"""

from __future__ import annotations

import json
import math
import re
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbuild.exporters.results import ExportWarnings

MAX_LABEL = 80  # characters
NO_TITLE = "(no title)"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Characters that XML 1.0 forbids even if they are escaped: https://www.w3.org/TR/xml/#charsets
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The same characters, and U+0085, U+2028 and U+2029, which some programs treat as line endings.
_UNSAFE = re.compile(f"[\x85\u2028\u2029]|{_ILLEGAL.pattern}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Bidirectional embeddings, overrides and isolates, which would reorder the text around a label.
_BIDI = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
# _STARTS: characters that can start a formula. _SKIPPED: characters that a spreadsheet may skip
# before a formula. It also contains the apostrophe, so that unguard_cell() removes only added
# apostrophes. _CELL matches the start of the text, and the position after each character at which
# some spreadsheets start a new cell. In "Emotet - new", the sign is between two spaces, so it does
# not start a formula.
_STARTS = "=+@\uff1d\uff0b\uff20\uff0d\ufe66\ufe62\ufe6b\ufe63-"  # also full-width and small forms
_SPACES = "\x0b\x0c\x1c-\x1f\x85\xa0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000"
_SKIPPED = f"'\"\x00-\x08\x0e-\x1b\x7f\ufffd\ufeff{_SPACES}"
_CELL = "(?:\\A|(?<=[;|:\t\n\r]))"
_FORMULA = (
    f"{_CELL}{{guard}}(?=[{_SKIPPED} ]*[{_STARTS}])"
    f"|(?<= ){{guard}}(?=[{_SKIPPED}]*[{_STARTS}]+(?![ {_STARTS}]))"
    "|\\A{guard}(?='*[ ]*[\t\r])"
)
_UNGUARDED = re.compile(_FORMULA.format(guard=""))
_GUARDED = re.compile(_FORMULA.format(guard="'"))
# _UNGUARDED matches only in texts that start with _SUSPECT or contain _SUSPECT_PART.
_SUSPECT = re.compile(f"[{_SKIPPED} \t\r{_STARTS}]")
_SUSPECT_PART = re.compile(f"[;|:\t\n\r ][{_SKIPPED} ]*[{_STARTS}]")
_HOST = re.compile(r"\s*(?:https?|ftp):[/\\]{2}(?P<authority>[^/?#\\]*)", re.IGNORECASE)
_HOST_NAME = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]")
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_ORDINALS = range(date.min.toordinal(), date.max.toordinal() + 1)
_LINES_PER_WRITE = 250  # a larger number takes more memory, a smaller one more writes


def xml_text(text: str) -> str:
    """Return ``text`` without characters that XML 1.0 forbids, and with normalized white space.

    Forbidden characters are replaced by U+FFFD. White space is removed at both ends of the text,
    and every other run of white space becomes one space. Otherwise, Gephi, browsers and XML parsers
    would read different texts. Markup characters are not escaped.
    """
    # Printable texts, the common case, have no illegal characters and only spaces as white space.
    if not text.isprintable():
        text = replace_illegal(text)
    elif "  " not in text and text == text.strip():
        return text
    return " ".join(text.split())


def replace_illegal(text: str) -> str:
    """Return ``text`` with U+FFFD for each character that XML 1.0 forbids."""
    return _ILLEGAL.sub(REPLACEMENT, text)


def label_text(text: str, max_length: int = MAX_LABEL) -> str:
    """Return ``text`` as a label of at most ``max_length`` characters.

    The text is cleaned by :func:`xml_text`, and bidirectional embeddings, overrides and isolates
    are removed. A longer text is truncated and ends in an ellipsis. If no visible character
    remains, return ``(no title)``.
    """
    label = xml_text(text)
    if not label.isprintable():
        label = xml_text(label.translate(_BIDI))
        if not any(char.isprintable() and char != " " for char in label):
            return NO_TITLE
    if len(label) > max_length:
        label = label[: max_length - 1].rstrip() + "…"
    return label or NO_TITLE


def guard_cell(text: str) -> str:
    """Return ``text`` as a table cell that no spreadsheet reads as a formula.

    Spreadsheets may skip white space, control characters and quotes before a formula. If the first
    character that is not skipped is ``=``, ``+``, ``-`` or ``@`` (or its full-width or small form),
    an apostrophe is inserted at the start. An apostrophe is also inserted before a leading tab or
    carriage return, as the OWASP ASVS demands.

    A possible formula after a semicolon, bar, colon, space, tab or line ending also gets an
    apostrophe, because some spreadsheets start a new cell there, even inside quotes. A sign between
    two spaces, as in ``Emotet - new``, gets no apostrophe. NUL and lone surrogates are replaced by
    U+FFFD.
    """
    text = replace_surrogates(text).replace("\0", REPLACEMENT)
    if _SUSPECT.match(text) or _SUSPECT_PART.search(text):
        return _UNGUARDED.sub("'", text)
    return text


def unguard_cell(cell: str) -> str:
    """Return ``cell``, a result of :func:`guard_cell`, without the added apostrophes."""
    return _GUARDED.sub("", cell)


def replace_surrogates(text: str) -> str:
    """Return ``text`` with U+FFFD for each lone surrogate, which UTF-8 cannot encode."""
    return text if text.isascii() else _SURROGATE.sub(REPLACEMENT, text)


def clean_surrogates(value: Any, warnings: ExportWarnings) -> Any:  # noqa: ANN401  any JSON value
    """Return ``value`` with U+FFFD for each lone surrogate, and with lists instead of tuples.

    Changed texts are counted in ``warnings``.
    """
    if isinstance(value, str):
        text = replace_surrogates(value)
        warnings.cleaned += text != value
        return text
    if isinstance(value, dict):
        return dict(clean_surrogates(list(value.items()), warnings))
    if isinstance(value, list | tuple):
        return [clean_surrogates(each, warnings) for each in value]
    return value


def json_text(values: Mapping[str, object]) -> str:
    """Return ``values`` as one line of JSON with sorted names, for XML and tables.

    Characters that XML forbids, and line endings, are written as JSON escapes, so that no character
    is lost.
    """
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return text if text.isprintable() else _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def is_exportable(value: object) -> bool:
    """Return whether ``value`` is a text, boolean, finite float or 64-bit integer.

    Every format that writes all node attributes can represent such values.
    """
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return _INT64_MIN <= value <= _INT64_MAX
    return isinstance(value, str)


def format_value(value: object) -> str:
    """Return ``value`` as text; booleans become ``true`` and ``false``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def format_date(seconds: int) -> str:
    """Return a time in Unix seconds as a UTC date, such as ``2018-01-12``.

    The result is empty if the date is not in the years 1 to 9999.
    """
    ordinal = _EPOCH + seconds // _DAY
    return date.fromordinal(ordinal).isoformat() if ordinal in _ORDINALS else ""


def url_host(url: str) -> str:
    r"""Return the host of an http, https or ftp URL in lower case and Punycode, without the port.

    The URL is parsed as browsers parse URLs: tabs and line endings are removed, and a backslash
    ends the host. So the result is the host that a click opens: for example, ``good.example`` for
    ``https://good.example\@evil.example``. An IPv6 address is returned without brackets. The result
    is empty if the URL has another scheme or an invalid host.
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
    """Write ``lines``, which include their line endings, as UTF-8."""
    remaining = iter(lines)
    while block := "".join(islice(remaining, _LINES_PER_WRITE)):
        stream.write(block.encode())

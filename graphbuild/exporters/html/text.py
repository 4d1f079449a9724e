"""Values and texts as the page's data block can carry them and a browser can read them."""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import cast

import msgspec

MAX_LABEL = 300  # characters
MAX_TEXT = 4_000  # characters of one attribute; addresses stay whole, or they would lead astray

_LARGEST_SAFE_INTEGER = 2**53 - 1  # larger ones lose digits in a browser
_MARKUP = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_ESCAPED = "graphbuild.escaped"
# Characters nobody sees that hide or turn others; the page's script shows them, a title drops them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def as_block(document: object) -> str:
    """JSON of plain ASCII without ``<``, ``>`` and ``&``: no HTML parser is led out of it."""
    text = _as_json(document)
    if not text.isascii():
        text = text.encode("ascii", _ESCAPED).decode("ascii")
    for character, escaped in _MARKUP.items():
        text = text.replace(character, escaped)
    return text


def _escape(error: UnicodeError) -> tuple[str, int]:
    """What ASCII has not, as JSON tells it."""
    found = cast("UnicodeEncodeError", error)
    return json.dumps(found.object[found.start : found.end])[1:-1], found.end


codecs.register_error(_ESCAPED, _escape)  # far faster than a pattern that looks at each character


def _as_json(document: object) -> str:
    try:
        return msgspec.json.encode(document).decode("utf-8")
    except UnicodeEncodeError:  # half a pair of surrogates: only the standard library tells it
        return json.dumps(document)


def scalar(value: object) -> str | float | bool | None:
    """The value as JSON can carry it and a browser can read it; anything else as text."""
    if type(value) is str:  # most are
        return cut(value, MAX_TEXT)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= _LARGEST_SAFE_INTEGER:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return cut(str(value), MAX_TEXT)


def cut(text: str, most: int) -> str:
    """At most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def one_line(title: str) -> str:
    """A heading on one line, without characters that nobody sees."""
    return cut(_UNSEEN.sub(" ", title).strip(), MAX_LABEL) or "graphbuild"

"""Encode values and text for the JSON data block of the page."""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import cast

import msgspec

MAX_LABEL = 300  # characters
MAX_TEXT = 4_000  # characters per attribute; URLs are not truncated, so that links work

_MAX_SAFE_INTEGER = 2**53 - 1  # JavaScript rounds larger integers
_MARKUP = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_ESCAPE_ERRORS = "graphbuild.escape"
# Control and formatting characters that hide or reorder text. The page displays their code points,
# except in its title, where spaces replace them.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def encode_block(document: object) -> str:
    """Return ``document`` as ASCII JSON without ``<``, ``>`` or ``&``, for a script element."""
    try:
        text = msgspec.json.encode(document).decode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate, which only the json module can escape
        text = json.dumps(document)
    text = text.encode("ascii", _ESCAPE_ERRORS).decode("ascii")
    for character, escaped in _MARKUP.items():
        text = text.replace(character, escaped)
    return text


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Return the JSON escapes of the characters that ASCII cannot encode, and their end."""
    found = cast("UnicodeEncodeError", error)
    return json.dumps(found.object[found.start : found.end])[1:-1], found.end


codecs.register_error(_ESCAPE_ERRORS, _escape)


def json_scalar(value: object) -> str | float | bool | None:
    """Return ``value`` if JavaScript represents it exactly, else its text; truncate long texts."""
    if type(value) is str:
        return truncate(value, MAX_TEXT)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= _MAX_SAFE_INTEGER:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return truncate(str(value), MAX_TEXT)


def truncate(text: str, max_length: int) -> str:
    """Return ``text``, shortened to ``max_length`` characters with an ellipsis if it is longer."""
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def single_line(title: str) -> str:
    """Return ``title`` as one line without invisible characters, or "graphbuild" if it is empty."""
    return truncate(_INVISIBLE.sub(" ", title).strip(), MAX_LABEL) or "graphbuild"

"""Clean text from responses and seed lists before a model reads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbuild._util import escape_unprintable
from graphbuild.analysis import defang_text, defanged_label
from graphbuild.analysis.formatting import shorten
from graphbuild.seeds.refanging import defang

if TYPE_CHECKING:
    from graphbuild.models import Entity

MAX_TEXT_LENGTH = 500  # characters of a text; an ellipsis replaces the others
MAX_ESCAPED_LENGTH = 1_000  # characters after escaping and defanging, which lengthen a text
_URL_ATTRIBUTES = frozenset({"url", "link"})
# Characters that ``escape_unprintable`` keeps although fonts draw nothing for them: the combining
# grapheme joiner, Hangul fillers, Khmer inherent vowels and variation selectors. Sequences of them
# can hide text from people that a model reads.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def clean_text(text: str) -> str:
    """Cut ``text`` to 500 characters, defang its URLs, and escape invisible characters."""
    return _escape_and_cut(defang_text(text, MAX_TEXT_LENGTH))


def clean_label(entity: Entity) -> str:
    """Return the defanged label of a node, cut to 160 characters, with escaped characters."""
    return _escape_and_cut(defanged_label(entity))


def clean_attribute(name: str, text: str) -> str:
    """Clean the value of an attribute as ``clean_text`` does; defang the whole value of a URL."""
    if name not in _URL_ATTRIBUTES:
        return clean_text(text)
    return _escape_and_cut(defang(shorten(text, MAX_TEXT_LENGTH)))


def clean_key(key: str) -> str:
    """Escape invisible characters of a node key. Tools accept the result as an argument."""
    return _INVISIBLE.sub(_escape, escape_unprintable(key))


def _escape_and_cut(text: str) -> str:
    escaped = _INVISIBLE.sub(_escape, escape_unprintable(text, 2 * MAX_ESCAPED_LENGTH))
    return shorten(escaped, MAX_ESCAPED_LENGTH)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()

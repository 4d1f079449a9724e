"""Split titles and slugs into words, and find the words that are specific to one article."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
_TITLE_WORD = re.compile(r"\w+")
_WIDE_CHARACTERS_PER_WORD = 3  # in scripts without spaces between words, such as Chinese

# Words that are common in titles: function words, names of months, words for kinds of text, and
# words that many texts about computer security contain.
_COMMON_WORDS = frozenset(
    _WORD.findall(
        "a an and are as at by for from how in into is it its new of on or our the their this to "
        "up us via what when why with you your de der die des du en et la le les un une und von "
        "actor actors advanced advisory alert alerts analysis annual apt attack attacks attackers "
        "blog briefing bulletin campaign campaigns cyber cybersecurity daily deep detailed digest "
        "dive document edition group groups hacker hackers home html index indicators information "
        "intel intelligence ioc iocs issue landscape latest malicious malware monthly news "
        "newsletter notes overview page paper part pdf post press profile public quarter "
        "quarterly ransomware recap release report reports research review roundup samples "
        "security series state summary tech technical threat threats trend trends trojan untitled "
        "update updates version vol volume vulnerability vulnerabilities week weekly white "
        "whitepaper world year january february march april may june july august september "
        "october november december jan feb mar apr jun jul aug sep sept oct nov dec"
    )
)


def split_title(title: str) -> list[str]:
    """Return the words of a title in lower case."""
    return _TITLE_WORD.findall(_normalize(title))


def split_slug(slug: str) -> list[str]:
    """Return the words of a slug in lower case. An underscore separates words."""
    return _WORD.findall(_normalize(slug))


def select_specific(words: Iterable[str]) -> list[str]:
    """Return the words that are neither numbers nor common in titles."""
    return [word for word in words if word not in _COMMON_WORDS and not word.isdecimal()]


def count_words(words: Iterable[str]) -> int:
    """Count words. A word with n wide characters counts as 1 + (n - 1) // 3 words."""
    return sum(
        1 + max(0, _count_wide_characters(word) - 1) // _WIDE_CHARACTERS_PER_WORD for word in words
    )


def _count_wide_characters(word: str) -> int:
    return 0 if word.isascii() else sum(unicodedata.east_asian_width(char) in "WF" for char in word)


def _normalize(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()

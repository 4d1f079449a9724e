"""Free text: find hashes, domains, IP addresses and URLs, defanged or not.

A domain must end in a public suffix. A domain that is not defanged is rejected if its ending is
also a file extension, such as ``.zip``. Warnings report rejected text that resembles an indicator.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ioc_fanger import fang
from tldextract import TLDExtract

from graphbuild.seeds.indicators import FILE_EXTENSION_DOMAINS, HASH_PATTERN
from graphbuild.seeds.refanging import refang
from graphbuild.seeds.results import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild.seeds.results import SeedReader

MAX_LINE = 2**20  # characters
_WINDOW = 2_000  # characters searched at once, because the time of ioc_fanger grows quadratically
_MAX_WARNINGS = 1_000
# A quick check: text that does not match is not defanged.
_DEFANG_HINT = re.compile(r"[\[\](){}<\\]|hxxp|\bdot\b", re.IGNORECASE)
# Long runs of brackets slow ioc_fanger down, and are not part of defanged text.
_BRACKET_RUN = re.compile(r"[\[\](){}]{5,}")
_SENTENCE_PUNCTUATION = ".,;:!?'\"*_"
_BRACKETS = (("(", ")"), ("[", "]"))
_CANDIDATE = re.compile(
    rf"""
    (?P<email> [\w.+-]{{1,64}} @ [\w-]+ (?:\.[\w-]+)+ )
    | (?P<url> \b(?:https?|s?ftps?)://[^\s<>"`|^{{}}]{{1,2000}} )
    | (?P<hash> (?<![0-9A-Za-z]) (?:{HASH_PATTERN}) (?![0-9A-Za-z]) )
    | (?P<ipv6> (?<![\w:.]) (?=[0-9a-f:.]*[0-9a-f]:|::[0-9a-f])
        (?:[0-9a-f]{{0,4}}:){{2,7}} [0-9a-f.]{{0,15}} (?![\w:]) )
    | (?P<ipv4> (?<![\w.]) \d{{1,3}}(?:\.\d{{1,3}}){{3}} (?![\w]|\.\d)
        (?::\d{{1,5}}\b|/[^\s<>"`|^{{}}]*)? )
    | (?P<domain> (?<![\w@.\\/-]) (?:[^\W_](?:[\w-]{{0,61}}[^\W_])?\.){{1,20}}
        (?:xn--[a-z0-9-]{{1,59}}|[^\W\d_]{{2,63}}) (?![\w@-]|\.\w)
        (?::\d{{1,5}}\b|/[^\s<>"`|^{{}}]*)? )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_VERSION = re.compile(r"\b(?:v|ver|version|build|release)\.?\s*$", re.IGNORECASE)
# tldextract uses its own public suffix list, without downloads. Demonstrations need ``example``.
_SPLIT_HOST = TLDExtract(cache_dir=None, suffix_list_urls=(), extra_suffixes=["example"])


def read(lines: Iterable[str], reader: SeedReader) -> None:
    """Add the indicators in a text; warn once about each of the first 1,000 that are rejected."""
    rejected: set[str] = set()
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            cut = f"only the first {MAX_LINE:,} characters of the line were read"
            reader.count_warning(cut, number)
        for window in _split_windows(line[:MAX_LINE]):
            for candidate, reason in _read_window(window, number, reader):
                if candidate not in rejected and len(rejected) < _MAX_WARNINGS:
                    reader.warn(number, f"{excerpt(candidate)} {reason}; skipped")
                rejected.add(candidate)
    more = len(rejected) - _MAX_WARNINGS
    if more > 0:
        reader.seeds.warnings.append(f"{reader.source}: {more:,} more indicators were rejected")


def _read_window(text: str, number: int, reader: SeedReader) -> Iterator[tuple[str, str]]:
    """Add the indicators in a window; yield each rejected indicator and the reason."""
    original = _BRACKET_RUN.sub(" ", text)
    refanged = fang(refang(original)) if _DEFANG_HINT.search(original) else original
    for match in _CANDIDATE.finditer(refanged):
        kind = str(match.lastgroup)
        candidate = _strip_punctuation(match[0])
        defanged = candidate not in original
        if not defanged and _is_ordinary_word(kind, candidate):
            skipped = "words with dots or colons that are not indicators were skipped"
            reader.count_warning(skipped, number)
            continue
        before = refanged[: match.start()]
        reason = _rejection_reason(kind, candidate, before, defanged=defanged)
        if reason := reason or reader.try_add(candidate, number):
            yield candidate, reason


def _split_windows(line: str) -> Iterator[str]:
    """Split a line into windows of at most ``_WINDOW`` characters, if possible at white space."""
    start = 0
    while len(line) - start > _WINDOW:
        end = max(line.rfind(" ", start, start + _WINDOW), line.rfind("\t", start, start + _WINDOW))
        end = end if end > start else start + _WINDOW
        yield line[start:end]
        start = end
    yield line[start:]


def _strip_punctuation(text: str) -> str:
    """Remove trailing punctuation and unmatched closing brackets."""
    while True:
        shorter = text.rstrip(_SENTENCE_PUNCTUATION)
        for left, right in _BRACKETS:
            if shorter.endswith(right) and shorter.count(right) > shorter.count(left):
                shorter = shorter[:-1]
        if shorter == text:
            return text
        text = shorter


def _is_ordinary_word(kind: str, text: str) -> bool:
    """Return whether a match is ordinary text, such as ``end.The`` or ``10:30:00``."""
    if kind == "domain":
        return not _is_registrable(_host(text).lower())
    if kind == "ipv6":
        try:
            ip_address(text)
        except ValueError:
            return True
    return False


def _rejection_reason(kind: str, text: str, before: str, *, defanged: bool) -> str:
    """Return why a match after the text ``before`` is not accepted, or an empty string."""
    host = _host(text)
    top = host.rpartition(".")[2]
    if kind == "email":
        return "is an email address"
    if kind == "ipv4" and _VERSION.search(before[-20:]):
        return "looks like a version number"
    if kind == "domain" and not _is_registrable(host.lower()):
        return "does not end in a public suffix such as com or co.uk"
    if kind == "domain" and not defanged:
        if top.lower() in FILE_EXTENSION_DOMAINS:
            return "may be a file name; defang it if it is a domain"
        if not top.islower() and not host.isupper():
            return "does not end in a lower-case top-level domain; defang it if it is a domain"
    return ""


def _host(text: str) -> str:
    return re.split("[:/]", text, maxsplit=1)[0]


@lru_cache(maxsize=4_096)
def _is_registrable(host: str) -> bool:
    found = _SPLIT_HOST(host)
    return bool(found.domain and found.suffix)

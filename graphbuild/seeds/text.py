"""A report: every hash, domain, address and URL that stands in a text.

Words are plenty and few of them are names, so a plain domain must end as domains do by the public
suffix list, and not as files do; what was defanged was meant. What is left out, though it looks
like a name, is told.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ioc_fanger import fang
from tldextract import TLDExtract

from graphbuild.seeds.indicators import refang
from graphbuild.seeds.results import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild.seeds.results import Reading

MAX_LINE = 2**20  # characters of one line that are read
_WINDOW = 2_000  # what is looked at in one go: patterns of others cost the square of it
_MAX_REMARKS = 1_000
# Signs that something is defanged; brackets in heaps are none, and would cost time.
_SIGN = re.compile(r"[\[\](){}<\\]|hxxp|\bdot\b", re.IGNORECASE)
_HEAP = re.compile(r"[\[\](){}]{5,}")
_ENDS = ".,;:!?'\"*_"  # punctuation that ends a sentence, not a URL
_PAIRS = (("(", ")"), ("[", "]"))
_NAME = re.compile(
    r"""
    (?P<mail> [\w.+-]{1,64} @ [\w-]+ (?:\.[\w-]+)+ )
    | (?P<url> \b(?:https?|s?ftps?)://[^\s<>"`|^{}]{1,2000} )
    | (?P<hash> (?<![0-9A-Za-z]) (?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}) (?![0-9A-Za-z]) )
    | (?P<six> (?<![\w:.]) (?=[0-9a-f:.]*[0-9a-f]:|::[0-9a-f])
        (?:[0-9a-f]{0,4}:){2,7} [0-9a-f.]{0,15} (?![\w:]) )
    | (?P<four> (?<![\w.]) \d{1,3}(?:\.\d{1,3}){3} (?![\w]|\.\d) (?::\d{1,5}\b|/[^\s<>"`|^{}]*)? )
    | (?P<domain> (?<![\w@.\\/-]) (?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,20}
        (?:xn--[a-z0-9-]{1,59}|[^\W\d_]{2,63}) (?![\w@-]|\.\w) (?::\d{1,5}\b|/[^\s<>"`|^{}]*)? )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_VERSION = re.compile(r"\b(?:v|ver|version|build|release)\.?\s*$", re.IGNORECASE)
# Top-level domains that are endings of files, too: of these a plain word is no domain.
_ALSO_FILES = frozenset({"md", "mov", "pl", "pm", "ps", "py", "rs", "sh", "so", "zip"})
_KINDS = ("mail", "url", "hash", "six", "four", "domain")


def read(lines: Iterable[str], reading: Reading) -> None:
    """Take every name in a text as a seed, once; tell what looks like one and is not asked about.

    Args:
        lines: the text.
        reading: where the seeds go.
    """
    reader = _Reader(reading)
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            reading.count(f"of a line only {MAX_LINE:,} characters are read", number)
        for window in _windows(line[:MAX_LINE]):
            reader.read(window, number)
    reader.finish()


class _Reader:
    """What was told already: a report names the same thing in every other line."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._told: set[str] = set()

    def read(self, text: str, number: int) -> None:
        """Take the names in one window."""
        plain = _HEAP.sub(" ", text)
        meant = fang(refang(plain)) if _SIGN.search(plain) else plain
        for match in _NAME.finditer(meant):
            kind = next(name for name in _KINDS if match[name] is not None)
            name = _trimmed(match[kind])
            defanged = name not in plain
            if not defanged and _is_a_mere_word(kind, name):
                self._reading.count("words with dots or colons that are no names", number)
                continue
            reason = _why_not(kind, name, meant[: match.start()], defanged=defanged)
            if reason := reason or self._reading.try_take(name, number):
                self._leave_out(name, number, reason)

    def _leave_out(self, name: str, number: int, reason: str) -> None:
        if name not in self._told:
            self._told.add(name)
            if len(self._told) <= _MAX_REMARKS:
                self._reading.remark(number, f"{show(name)} {reason}; left out")

    def finish(self) -> None:
        """Tell how much more was left out than is listed."""
        more = len(self._told) - _MAX_REMARKS
        if more > 0:
            self._reading.found.remarks.append(f"{self._reading.source}: {more:,} more left out")


def _windows(line: str) -> Iterator[str]:
    """A line in pieces that end at white space, where there is any."""
    start = 0
    while len(line) - start > _WINDOW:
        end = max(line.rfind(" ", start, start + _WINDOW), line.rfind("\t", start, start + _WINDOW))
        end = end if end > start else start + _WINDOW
        yield line[start:end]
        start = end
    yield line[start:]


def _trimmed(name: str) -> str:
    """A match without the punctuation of the sentence around it."""
    while True:
        short = name.rstrip(_ENDS)
        for left, right in _PAIRS:
            if short.endswith(right) and short.count(right) > short.count(left):
                short = short[:-1]
        if short == name:
            return name
        name = short


def _is_a_mere_word(kind: str, name: str) -> bool:
    """Whether a match is a file's name, the end of a sentence, or a time of day."""
    if kind == "domain":
        return not _is_registrable(_host(name))
    if kind == "six":
        try:
            ip_address(name)
        except ValueError:
            return True
    return False


def _host(name: str) -> str:
    return re.split("[:/]", name, maxsplit=1)[0].lower()


def _why_not(kind: str, name: str, before: str, *, defanged: bool) -> str:
    """Why a match is no name, where only the words around it tell; empty if it may be one."""
    if kind == "mail":
        return "is a mail address"
    if kind == "four" and _VERSION.search(before[-20:]):
        return "looks like the number of a version"
    if kind == "domain":
        return _why_no_domain(re.split("[:/]", name, maxsplit=1)[0], defanged=defanged)
    return ""


def _why_no_domain(host: str, *, defanged: bool) -> str:
    top = host.rpartition(".")[2]
    if not _is_registrable(host.lower()):
        return "ends in no public suffix"
    if defanged:
        return ""
    if top.lower() in _ALSO_FILES:
        return "may be the name of a file; defang it, if it is a domain"
    if not top.islower() and not host.isupper():
        return "is not written as a domain is"
    return ""


@lru_cache(maxsize=4_096)
def _is_registrable(host: str) -> bool:
    found = _suffixes()(host)
    return bool(found.domain and found.suffix)


@lru_cache(maxsize=1)
def _suffixes() -> TLDExtract:
    """The list that came with the library: nobody is asked for a newer one."""
    return TLDExtract(cache_dir=None, suffix_list_urls=(), extra_suffixes=["example"])

"""Read the slug, the date and the publisher's name in the URL of an article.

A slug is the part of a URL path that repeats the title: ``new-wiper-hits-two-banks-in-oslo`` in
``https://blog.example/2024/05/new-wiper-hits-two-banks-in-oslo.html``. It often stays the same when
a publisher moves its blog. The functions expect URLs that :mod:`url_normalization` normalized.
"""

from __future__ import annotations

import re
from calendar import monthrange
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from urllib.parse import unquote_plus, urlsplit

from graphbuild.analysis.specific_words import count_words, select_specific, split_slug

MIN_SLUG_WORDS = 5
_MIN_NAME_LENGTH = 5  # characters; shorter names of domains are often those of several publishers

# Platforms where the first segment of the path is the author. Sites on shared hosts are subdomains;
# most shared hosts, such as ``blogspot.com``, are in the public suffix list, but these are not.
_PLATFORMS = frozenset(
    {"bitbucket.org", "github.com", "gitlab.com", "linkedin.com", "medium.com", "slideshare.net"}
)
_SHARED_HOSTS = frozenset(
    {"blogspot", "ghost", "medium", "substack", "tumblr", "typepad", "wordpress"}
)

# Words that the titles of many advisories about one vulnerability have in common.
_ADVISORY_WORDS = frozenset(
    {
        *("0day", "code", "critical", "cve", "day", "execution", "exploit", "exploitation"),
        *("exploited", "flaw", "patch", "rce", "remote", "zero"),
    }
)

_WEB_URL = re.compile("https?://", re.IGNORECASE)

# Path segments that can follow the slug: numbers and languages.
_SUFFIX_SEGMENT = re.compile(r"[\W\d_]*|[a-z]{2}(?:[-_][a-z]{2})?", re.IGNORECASE)
_EXTENSION = re.compile(r"\.[a-z][a-z0-9]{1,4}$", re.IGNORECASE)
_DAY = (
    r"(?P<year>(?:19|20)\d\d)(?P<separator>[-_.]?)(?P<month>0[1-9]|1[0-2])(?P=separator)"
    r"(?P<day>0[1-9]|[12]\d|3[01])"
)
_LEADING_DAY = re.compile(rf"{_DAY}(?=[-_. ])")
_TRAILING_DAY = re.compile(rf"(?<=[-_. ]){_DAY}$")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
_MONTH_NUMBERS = {
    **{f"{number:02}": number for number in range(1, 13)},
    **{str(number): number for number in range(1, 13)},
    **{name: number for number, name in enumerate(_MONTHS, start=1)},
    **{name[:3]: number for number, name in enumerate(_MONTHS, start=1)},
}
_YEAR = re.compile(r"(?:19|20)\d\d")
_YEAR_AND_MONTH = re.compile(r"((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])")
# Folders of uploaded files. Their dates change when a site is moved.
_UPLOADS = frozenset({"uploads", "upload", "files", "assets", "media"})


class DateRange(NamedTuple):
    """The days on which an article may have been published."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Slug:
    """The slug of an article, with at least ``MIN_SLUG_WORDS`` words."""

    text: str  # the words in lower case, separated by spaces
    specific_words: int  # number of words that are neither common in titles nor numbers


def parse_slug(url: str) -> Slug | None:
    """Return the slug in a web URL, or None if the URL contains no slug of five or more words.

    The slug is the last segment of the path. Numbers and languages after it are ignored, and so is
    a file extension. A date at its start or end is ignored if there are five other words.
    """
    segments = _path_segments(url) if _WEB_URL.match(url) and parse_host(url) else []
    while segments and _SUFFIX_SEGMENT.fullmatch(segments[-1]):
        segments.pop()
    if not segments:
        return None
    name = _EXTENSION.sub("", segments[-1])
    words = split_slug(_TRAILING_DAY.sub("", _LEADING_DAY.sub("", name)))
    if count_words(words) < MIN_SLUG_WORDS:
        words = split_slug(name)
    if count_words(words) < MIN_SLUG_WORDS:
        return None
    specific = [each for each in select_specific(words) if each not in _ADVISORY_WORDS]
    return Slug(" ".join(words), count_words(specific))


def parse_date(url: str) -> DateRange | None:
    """Return the date in the path of a URL, which can be a day, a month or a year.

    Return None if there is none. The folders of uploaded files are ignored, because their dates
    change when a site is moved.
    """
    segments = [_EXTENSION.sub("", each).lower() for each in _path_segments(url)]
    for position, segment in enumerate(segments):
        if segment in _UPLOADS:
            return None
        if day := _LEADING_DAY.match(f"{segment}.") or _TRAILING_DAY.search(f".{segment}"):
            found = _date_range(day["year"], day["month"], day["day"])
        elif both := _YEAR_AND_MONTH.fullmatch(segment):
            found = _date_range(*both.groups())
        elif _YEAR.fullmatch(segment):
            found = _date_range(segment, *segments[position + 1 : position + 3])
        else:
            continue
        if found:
            return found
    return None


def parse_host(url: str) -> str:
    """Return the host of a URL in lower case, or an empty string if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def publisher_name(url: str, domain: str) -> str:
    """Return the name of the publisher of a page, to compare publishers.

    ``domain`` is the registered domain of ``url``, or an empty string if the URL does not show the
    publisher. Then the result is an empty string.

    The name is the same for several top-level domains (``example.com`` and ``example.org``), and
    for a site that moved from a shared host (``my-blog.wordpress.com`` and ``myblog.com``). On
    platforms where the path contains the author, the name is that of the author. Names that are too
    short to identify a publisher are returned with their top-level domain.
    """
    name = domain.partition(".")[0]
    subdomain = parse_host(url).removesuffix(domain).rstrip(".")
    if name in _SHARED_HOSTS and subdomain:
        name = subdomain.rpartition(".")[2]
    elif domain in _PLATFORMS:
        author = "/".join(_path_segments(url)[:1]).removeprefix("@").lower()
        domain, name = f"{domain}/{author}", author
    name = name.replace("-", "")
    return name if len(name) >= _MIN_NAME_LENGTH else domain


def _path_segments(url: str) -> list[str]:
    try:
        path = urlsplit(url).path
    except ValueError:
        return []
    return [segment for part in path.split("/") if (segment := unquote_plus(part).strip())]


def _date_range(year: str, month: str = "", day: str = "") -> DateRange | None:
    """Return the range of a date. An invalid month or day is ignored with what follows it."""
    number = _MONTH_NUMBERS.get(month)
    if number is None:
        return DateRange(date(int(year), 1, 1), date(int(year), 12, 31))
    with suppress(ValueError):
        exact = date(int(year), number, int(day))
        return DateRange(exact, exact)
    return DateRange(
        date(int(year), number, 1), date(int(year), number, monthrange(int(year), number)[1])
    )

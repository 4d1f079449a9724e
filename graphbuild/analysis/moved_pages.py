"""Match web pages with the same long, specific slug: one article under several addresses.

Publishers move their blogs (``blog.vendor.example/2017/08/05/SLUG`` becomes
``vendor.example/blog/topic/SLUG.html``), use folders per language, and are renamed or bought.

Pages with the same slug are matched if their dates do not contradict, and

* they have the same publisher, and at least one word of the slug is specific, or
* they have different publishers, and at least five words of the slug are specific.

The dates of pages contradict if they are more than 31 days apart, or if the URLs of one host
contain different dates, as in a weekly series. If dates in a set of pages contradict, its pages are
matched only with pages of the same day. So the result does not depend on the order of the pages,
and no page without a date connects two articles.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.analysis.url_normalization import NormalizedUrl, publisher_domain
from graphbuild.analysis.url_slugs import (
    DateRange,
    parse_date,
    parse_host,
    parse_slug,
    publisher_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping
    from datetime import date

    from graphbuild.analysis.url_slugs import Slug

_MAX_DAYS_APART = timedelta(days=31)
_MIN_SPECIFIC_WORDS = 1  # in the slug of pages of one publisher
_MIN_SPECIFIC_WORDS_OF_ANY = 5  # in the slug of pages of several publishers

COMMON_WORDS = "common_words"
DIFFERENT_PUBLISHERS = "different_publishers"
DIFFERENT_DATES = "different_dates"
REASON_DESCRIPTIONS = {
    COMMON_WORDS: "all words of the slug are common in titles",
    DIFFERENT_PUBLISHERS: "different publishers, and the slug has fewer than five specific words",
    DIFFERENT_DATES: "dates more than 31 days apart, or different dates in the URLs of one host",
}

# Names of publishers, as returned by publisher_name(), that were renamed, bought or merged, and
# published articles of the one on the site of the other.
_RELATED_PUBLISHERS = (
    ("advancedintel", "advintel"),
    ("airbuscybersecurity", "cassidiancybersecurity"),
    ("alienvault", "att.com", "levelblue", "trustwave"),
    ("anomali", "threatstream"),
    ("arbornetworks", "netscout"),
    ("avast", "gendigital"),
    ("batuta", "metabaseq"),
    ("blackberry", "cylance"),
    ("blueliv", "outpost24"),
    ("broadcom", "carbonblack", "security", "symantec", "vmware"),
    ("cisa.gov", "uscert"),
    ("cisco", "talosintelligence"),
    ("cofense", "phishme"),
    ("digitalshadows", "reliaquest"),
    ("elastic", "endgame"),
    ("eset.com", "esetstatic", "welivesecurity"),
    ("fidelissecurity", "threatgeek"),
    ("fireeye", "google", "mandiant"),
    ("forcepoint", "websense"),
    ("fortra", "helpsystems", "phishlabs"),
    ("foxit", "nccgroup"),
    ("fsecure", "mwrinfosecurity", "withsecure"),
    ("gdata.de", "gdatasoftware"),
    ("ibm.com", "securityintelligence"),
    ("kaspersky", "kasperskycontenthub", "kasperskylab", "securelist"),
    ("malwarebytes", "threatdown"),
    ("mcafee", "trellix"),
    ("microsoft", "riskiq", "technet"),
    ("secureworks", "sophos"),
    ("360.cn", "360.com", "360.net", "qianxin"),
)
_FIRST_RELATED = {name: names[0] for names in _RELATED_PUBLISHERS for name in names}


class Page(NamedTuple):
    """A web page."""

    url: str  # normalized
    publisher: str  # equal for related publishers
    dates: DateRange | None


@dataclass(frozen=True, slots=True)
class SeparatePages:
    """Pages that have the same slug, but may be different articles.

    Attributes:
        slug: The words of the slug, separated by spaces.
        reason: A key of ``REASON_DESCRIPTIONS``.
        groups: The URLs of the pages. Pages in different groups were not matched.
    """

    slug: str
    reason: str
    groups: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class SlugMatches:
    """The result of :func:`match_slugs`; both lists are sorted."""

    groups: tuple[tuple[str, ...], ...]  # the URLs of pages that are the same article
    separate: tuple[SeparatePages, ...]


def match_slugs(known_dates: Mapping[str, Iterable[date]]) -> SlugMatches:
    """Match pages by their slugs.

    The keys of ``known_dates`` are the normalized URLs of the pages, and the values are dates on
    which the page may have been published. Pages without a slug of five or more words are ignored.
    """
    urls_with: dict[Slug, list[str]] = defaultdict(list)
    for url in sorted(known_dates):
        slug = parse_slug(url)
        if slug:
            urls_with[slug].append(url)
    groups: list[tuple[str, ...]] = []
    separate: list[SeparatePages] = []
    repeated = (item for item in urls_with.items() if len(item[1]) > 1)
    for slug, same in sorted(repeated, key=lambda item: item[0].text):
        pages = [Page(url, _publisher_key(url), _date_range(url, known_dates[url])) for url in same]
        parts, reason = _split(slug, pages)
        urls = tuple(sorted(tuple(page.url for page in part) for part in parts))
        groups += (part for part in urls if len(part) > 1)
        if len(urls) > 1:
            separate.append(SeparatePages(slug.text, reason, urls))
    return SlugMatches(tuple(groups), tuple(separate))


def _split(slug: Slug, pages: list[Page]) -> tuple[list[list[Page]], str]:
    """Split pages with the same slug into articles. Return them, and why there may be several."""
    if slug.specific_words < _MIN_SPECIFIC_WORDS:
        return [[page] for page in pages], COMMON_WORDS
    by_publisher = _partition(pages, lambda page: page.publisher)
    if slug.specific_words >= _MIN_SPECIFIC_WORDS_OF_ANY and not _contradict(pages):
        return [pages], ""
    parts = [part for group in by_publisher for part in _split_by_day(group)]
    reason = DIFFERENT_DATES if _contradict(pages) else DIFFERENT_PUBLISHERS
    return parts, reason


def _split_by_day(pages: list[Page]) -> list[list[Page]]:
    """Split pages into those of the same day if their dates contradict."""
    if not _contradict(pages):
        return [pages]

    def day(page: Page) -> Hashable:
        return page.dates if page.dates and page.dates.first == page.dates.last else page.url

    return _partition(pages, day)


def _contradict(pages: list[Page]) -> bool:
    """Return whether the dates of two of the pages contradict."""
    on_host: dict[str, list[DateRange]] = defaultdict(list)
    for page in pages:
        if in_url := parse_date(page.url):
            on_host[parse_host(page.url)].append(in_url)
    all_dates = [page.dates for page in pages if page.dates]
    return _are_apart(all_dates, _MAX_DAYS_APART) or any(
        _are_apart(dates, timedelta(0)) for dates in on_host.values()
    )


def _are_apart(dates: list[DateRange], limit: timedelta) -> bool:
    """Return whether two of the ranges are more than ``limit`` apart."""
    if not dates:
        return False
    return max(each.first for each in dates) - min(each.last for each in dates) > limit


def _date_range(url: str, days: Iterable[date]) -> DateRange | None:
    """Return the range of the dates of a page; without dates, that of the date in its URL."""
    known = list(days)
    return DateRange(min(known), max(known)) if known else parse_date(url)


def _publisher_key(url: str) -> str:
    """Return a key that is equal for pages of one publisher, and for pages of related publishers.

    The key of a URL that does not show the publisher is the URL itself.
    """
    name = publisher_name(url, publisher_domain(NormalizedUrl(url)))
    return _FIRST_RELATED.get(name, name) or url


def _partition(pages: Iterable[Page], key: Callable[[Page], Hashable]) -> list[list[Page]]:
    parts: dict[Hashable, list[Page]] = defaultdict(list)
    for page in pages:
        parts[key(page)].append(page)
    return list(parts.values())

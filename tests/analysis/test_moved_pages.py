"""Pages with the same slug are one article, unless their dates or publishers contradict."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.analysis.deduplication import find_duplicates, reference_url
from graphbuild.analysis.moved_pages import (
    COMMON_WORDS,
    DIFFERENT_DATES,
    DIFFERENT_PUBLISHERS,
    REASON_DESCRIPTIONS,
    match_slugs,
)
from graphbuild.models import Entity
from tests.support.graphs import any_text
from tests.support.real_families import is_present, real_files

if TYPE_CHECKING:
    import random

SLUG = "new-wiper-hits-two-banks-in-oslo"
SHORT = "new-wiper-hits-oslo-again"  # three specific words

# Pairs of addresses of one article. The shapes of the addresses are those of real publishers.
MOVED = [
    (f"https://blog.example.com/2017/08/05/{SHORT}", f"https://example.com/blog/a/{SHORT}"),
    (f"https://example.com/blog/research/74503/{SHORT}", f"https://example.com/{SHORT}/7450"),
    (f"https://example.com/en_us/22/j/{SHORT}.html", f"https://example.com/de_de/x/{SHORT}"),
    (f"https://example.com/uk/post/{SHORT}", f"https://example.com/us/post/{SHORT}"),
    (f"https://lab.example.com/{SHORT}/", f"https://example.com/en/2020/01/{SHORT}.html"),
    (f"https://example.com/{SHORT}", f"https://example.com/{SHORT}?linkId=164334801"),
    (f"https://example.com/{SHORT}", f"https://example.com/files/2018/11/{SHORT}.pdf"),
    (f"https://example.com/{SHORT}", f"https://example.org/{SHORT}"),
    (f"https://blog.example.co.uk/{SHORT}", f"https://example.com/news/{SHORT}"),
    (f"https://my-notes.ghost.io/{SHORT}", f"https://mynotes.io/{SHORT}"),
    (f"https://some-one.medium.com/{SHORT}", f"https://medium.com/@some-one/{SHORT}"),
    (
        f"https://www.fireeye.com/blog/threat-research/2020/05/{SHORT}.html",
        f"https://cloud.google.com/blog/topics/threat-intelligence/{SHORT}",
    ),
    (f"https://asert.arbornetworks.com/{SHORT}/", f"https://www.netscout.com/blog/asert/{SHORT}"),
    (f"https://example.com/{SLUG}", f"https://buyer.example/blog/{SLUG}"),
    (f"https://example.com/2019/03/28/{SLUG}", f"https://news.example/2019/04/02/{SLUG}/"),
]

# Pairs of addresses that may be different articles, and the reason.
SEPARATE = [
    (f"https://example.com/{SHORT}", f"https://other.example/{SHORT}", DIFFERENT_PUBLISHERS),
    (
        f"https://github.com/vendor/i/{SHORT}",
        f"https://github.com/o/i/{SHORT}",
        DIFFERENT_PUBLISHERS,
    ),
    (f"https://a.example/2019/05/{SLUG}", f"https://b.example/2021/05/{SLUG}", DIFFERENT_DATES),
    (
        "https://example.com/monthly-malware-threat-report-january",
        "https://example.com/blog/monthly-malware-threat-report-january",
        COMMON_WORDS,
    ),
    (
        "https://example.com/iocs/2022-01-27-iocs-for-botnet-with-beacon.txt",
        "https://example.com/iocs/2022-02-03-iocs-for-botnet-with-beacon.txt",
        DIFFERENT_DATES,
    ),
    (
        "https://example.com/cve-2021-44228-log4j-remote-code-execution-vulnerability",
        "https://other.example/cve-2021-44228-log4j-remote-code-execution-vulnerability",
        DIFFERENT_PUBLISHERS,
    ),
    (
        "https://example.com/what-is-business-email-compromise",
        "https://other.example/what-is-business-email-compromise",
        DIFFERENT_PUBLISHERS,
    ),
]


def reference(url: str, day: date | None = None) -> Entity:
    attributes: dict[str, object] = {"url": url}
    if day:
        attributes["creation_date"] = int(datetime(*day.timetuple()[:3], tzinfo=UTC).timestamp())
    return Entity("reference", url, attributes)


@pytest.mark.parametrize(("one", "other"), MOVED)
def test_moved_pages_are_one_article(one: str, other: str) -> None:
    found = find_duplicates([reference(one), reference(other)])
    (group,) = found.groups
    assert "slug" in group.rules
    assert "title" not in group.rules
    assert found.separate == ()


@pytest.mark.parametrize(("one", "other", "reason"), SEPARATE)
def test_other_pages_stay_separate_with_a_reason(one: str, other: str, reason: str) -> None:
    found = find_duplicates([reference(one), reference(other)])
    assert len(found.groups) == 2
    (separate,) = found.separate
    assert separate.reason == reason
    assert sorted([each.id for each in group] for group in separate.groups) == sorted(
        [[one], [other]]
    )


@pytest.mark.parametrize(("days", "count"), [(31, 1), (32, 2)])
def test_dates_of_references_contradict_after_31_days(days: int, count: int) -> None:
    first = date(2020, 1, 1)
    one = reference(f"https://blog.example.com/{SLUG}", first)
    other = reference(f"https://example.com/{SLUG}", date.fromordinal(first.toordinal() + days))
    assert len(find_duplicates([one, other]).groups) == count


def test_page_without_date_does_not_connect_pages_of_different_years() -> None:
    old, new = date(2018, 5, 1), date(2021, 5, 1)
    urls = [f"https://{name}.example.com/{SLUG}" for name in "abcd"]
    found = find_duplicates(map(reference, urls, [old, old, new, None]))
    groups = sorted(sorted(each.id for each in group.members) for group in found.groups)
    assert groups == [urls[:2], urls[2:3], urls[3:]]
    assert [each.reason for each in found.separate] == [DIFFERENT_DATES]


@pytest.mark.parametrize("text", [SLUG, f"javascript:{SLUG}", f"https://[::1/{SLUG}"])
def test_texts_that_are_not_urls_are_not_compared(text: str) -> None:
    found = find_duplicates([reference(f"https://example.com/{SLUG}"), reference(text)])
    assert len(found.groups) == 2
    assert found.separate == ()


def test_short_link_shows_no_publisher() -> None:
    found = find_duplicates(
        [reference(f"https://bit.ly/{SHORT}"), reference(f"https://bit.ly/1/{SHORT}")]
    )
    assert [each.reason for each in found.separate] == [DIFFERENT_PUBLISHERS]


def test_pages_that_another_rule_matches_are_not_listed_as_separate() -> None:
    day, title = date(2020, 1, 1), {"title": "Korea In The Crosshairs"}
    one, other = (
        Entity("reference", host, {**reference(f"https://{host}/{SHORT}", day).attributes, **title})
        for host in ("example.com", "other.example")
    )
    found = find_duplicates([one, other])
    assert [group.rules for group in found.groups] == [("title",)]
    assert found.separate == ()


hosts = st.sampled_from(["example.com", "blog.example.com", "example.org", "other.example"])
folders = st.sampled_from(["", "en/", "2019/", "2019/05/", "2019/05/07/", "2021/05/07/", "84512/"])
slugs = st.sampled_from([SLUG, SHORT, "monthly-malware-threat-report-january", "page"])
dates = st.none() | st.dates(date(2019, 4, 1), date(2019, 7, 1))
worlds = st.dictionaries(
    st.builds("https://{}/{}{}".format, hosts, folders, slugs), dates, max_size=12
)


@given(worlds, st.randoms(use_true_random=False))
def test_matches_do_not_depend_on_the_order(
    world: dict[str, date | None], chance: random.Random
) -> None:
    references = [reference(url, day) for url, day in world.items()]
    found = find_duplicates(references)
    chance.shuffle(references)
    assert find_duplicates(references) == found
    members = sorted(each.id for group in found.groups for each in group.members)
    assert members == sorted(world)  # each reference is in exactly one group


@given(worlds)
def test_matched_pages_have_the_same_slug_and_no_contradicting_dates(
    world: dict[str, date | None],
) -> None:
    matches = match_slugs({url: [day] if day else [] for url, day in world.items()})
    for group in matches.groups:
        assert len({url.rpartition("/")[2] for url in group}) == 1
        days = [day for url in group if (day := world[url])]
        if days:
            assert (max(days) - min(days)).days <= 31
        undated = [url for url in group if not world[url]]
        years = {part for url in undated for part in url.split("/") if part in {"2019", "2021"}}
        assert len(years) <= 1
    in_groups = [url for group in matches.groups for url in group]
    assert len(in_groups) == len(set(in_groups))
    for separate in matches.separate:
        assert separate.reason in REASON_DESCRIPTIONS
        assert len(separate.groups) > 1


@given(st.lists(any_text, max_size=6))
def test_no_text_causes_an_error(texts: list[str]) -> None:
    match_slugs({f"https://example.com/{text}-a-b-c-d-e-f": [] for text in texts})
    match_slugs(dict.fromkeys(texts, ()))


@pytest.mark.skipif(not is_present(), reason="the real data is not on this machine")
def test_real_pages_with_the_same_slug_are_matched_or_listed_with_a_reason() -> None:
    references = {each.reference for file in real_files() for each in file.observations}
    found = find_duplicates(references)
    stated = {one for each in found.separate for group in each.groups for one in group}
    same: dict[str, set[Entity]] = {}
    for each in references:
        words = _last_segment_words(reference_url(each))
        if len(words) >= 5:
            same.setdefault(" ".join(words), set()).add(each)
    several = [group for group in same.values() if len(group) > 1]
    assert len(several) > 30
    for group in several:
        assert len({found.group_of(each) for each in group}) == 1 or group <= stated


def _last_segment_words(url: str) -> list[str]:
    try:
        segment = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]).lower()
    except ValueError:
        return []
    for suffix in (".html", ".htm", ".pdf", ".php", ".aspx", ".txt"):
        segment = segment.removesuffix(suffix)
    return "".join(char if char.isalnum() else " " for char in segment).split()

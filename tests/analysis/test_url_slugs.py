"""Slugs, dates and names of publishers are read from URLs, and no text causes an error."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given

from graphbuild.analysis.url_slugs import parse_date, parse_slug, publisher_name
from tests.support.graphs import any_text

SLUG = "new-wiper-hits-two-banks-in-oslo"
WORDS = "new wiper hits two banks in oslo"


@pytest.mark.parametrize(
    "url",
    [
        f"https://blog.example/{SLUG}",
        f"https://blog.example/2024/05/03/{SLUG}/",
        f"https://vendor.example/en-us/blog/{SLUG}.html?page=2",
        f"https://vendor.example/blog/{SLUG}/84512",
        f"https://vendor.example/blog/84512/{SLUG}/en_US/",
        "https://vendor.example/New_Wiper%20hits+two--banks_in_OSLO.pdf",
        f"https://vendor.example/2024-05-03-{SLUG}",
        f"https://vendor.example/{SLUG}-20240503.aspx",
    ],
)
def test_slug_is_the_last_segment_without_extension_dates_numbers_and_languages(url: str) -> None:
    slug = parse_slug(url)
    assert slug is not None
    assert slug.text == WORDS
    assert slug.specific_words == 5  # without "new" and "in"


@pytest.mark.parametrize(
    "url",
    [
        "https://vendor.example/wiper-hits-two-banks",
        f"https://vendor.example/{SLUG}/comments",
        f"https://vendor.example/?{SLUG}",
        "https://vendor.example/",
        "https://vendor.example/1/2/3/",
        "https://[::1/a-b-c-d-e-f",
        f"javascript:{SLUG}",
        "new wiper hits two banks in oslo",
        "",
    ],
)
def test_other_urls_have_no_slug(url: str) -> None:
    assert parse_slug(url) is None


def test_date_is_a_part_of_a_slug_with_fewer_than_five_other_words() -> None:
    slug = parse_slug("https://vendor.example/2018-01-26-wiper-hits-two-banks.html")
    assert slug is not None
    assert slug.text == "2018 01 26 wiper hits two banks"


def test_wide_characters_count_as_words() -> None:
    title = "\u6d77\u83b2\u82b1\u7ec4\u7ec7\u9488\u5bf9\u4e2d\u56fd\u91d1\u878d\u673a\u6784"
    assert parse_slug(f"https://vendor.example/{title}") is not None
    assert parse_slug(f"https://vendor.example/{title[:6]}") is None


def test_words_of_advisories_and_common_words_are_not_specific() -> None:
    slug = parse_slug("https://vendor.example/cve-2021-44228-log4j-remote-code-execution-attack")
    assert slug is not None
    assert slug.specific_words == 1


@pytest.mark.parametrize(
    ("path", "first", "last"),
    [
        ("/2017/08/05/slug", date(2017, 8, 5), date(2017, 8, 5)),
        ("/2017/8/5/slug", date(2017, 8, 5), date(2017, 8, 5)),
        ("/news/2018/november/slug", date(2018, 11, 1), date(2018, 11, 30)),
        ("/2020/Feb/slug", date(2020, 2, 1), date(2020, 2, 29)),
        ("/2019/slug", date(2019, 1, 1), date(2019, 12, 31)),
        ("/2019-03/slug", date(2019, 3, 1), date(2019, 3, 31)),
        ("/2022-01-27-slug.txt", date(2022, 1, 27), date(2022, 1, 27)),
        ("/slug-20220127.html", date(2022, 1, 27), date(2022, 1, 27)),
        ("/2016.02.29.Campaign/slug", date(2016, 2, 29), date(2016, 2, 29)),
        ("/2019/02/31/slug", date(2019, 2, 1), date(2019, 2, 28)),
    ],
)
def test_dates_of_paths(path: str, first: date, last: date) -> None:
    assert parse_date(f"https://vendor.example{path}") == (first, last)


@pytest.mark.parametrize(
    "path",
    [
        "/slug",
        "/20/e/slug",
        "/84512/slug",
        "/?2017/08/05",
        "/wp-content/uploads/2021/09/slug.pdf",
        "/files/2015/02/slug.pdf",
    ],
)
def test_other_paths_and_folders_of_uploads_have_no_date(path: str) -> None:
    assert parse_date(f"https://vendor.example{path}") is None


@pytest.mark.parametrize(
    ("url", "domain", "name"),
    [
        ("https://blog.vendor.example/a", "vendor.example", "vendor"),
        ("https://ven-dor.co.uk/a", "ven-dor.co.uk", "vendor"),
        ("https://kela.example/a", "kela.example", "kela.example"),
        ("https://my-notes.wordpress.com/a", "wordpress.com", "mynotes"),
        ("https://wordpress.com/a", "wordpress.com", "wordpress"),
        ("https://medium.com/@Some-One/slug", "medium.com", "someone"),
        ("https://some-one.medium.com/slug", "medium.com", "someone"),
        ("https://github.com/vendor/iocs/blob/a", "github.com", "vendor"),
        ("https://github.com/me/iocs/blob/a", "github.com", "github.com/me"),
        ("https://192.0.2.1/a", "192.0.2.1", "192.0.2.1"),
        ("https://example.com/", "", ""),
    ],
)
def test_names_of_publishers(url: str, domain: str, name: str) -> None:
    assert publisher_name(url, domain) == name


@given(any_text)
def test_no_text_causes_an_error(text: str) -> None:
    for url in (text, f"https://{text}", f"https://vendor.example/{text}"):
        parse_slug(url)
        parse_date(url)
        publisher_name(url, "medium.com")

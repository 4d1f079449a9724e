"""URLs of the same article become equal, all others stay different, and no text causes an error."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from w3lib.url import canonicalize_url

from graphbuild.analysis.url_normalization import (
    _CANONICAL,
    MAX_URL_LENGTH,
    URL_RULES,
    normalize_url,
    publisher_domain,
)
from tests.support.graphs import HOSTILE, any_text

PAGE = "https://www.example.com/2018/01/emotet.html"

# The rules that are needed, and different URLs of one page.
SAME = [
    (["scheme"], ["http://example.com/a", "https://example.com/a"]),
    (["www"], ["https://www.example.com/a", "https://example.com/a"]),
    (
        ["trailing_slash"],
        ["https://example.com/a/", "https://example.com/a", "https://example.com/a//"],
    ),
    (["trailing_slash"], ["https://example.com/a/index.html", "https://example.com/a/"]),
    (["spelling"], ["https://EXAMPLE.com:443/%7Ea/./b/../c", "HTTPS://example.com./~a/c"]),
    (["spelling"], ["https://example.com/a%c3%a4", "https://example.com/a%C3%A4"]),
    (["spelling"], ["https://example.com/a?b=1&a=2", "https://example.com/a?a=2&b=1"]),
    (["spelling"], ["https://b\u00fccher.example/a", "https://xn--bcher-kva.example/a"]),
    (["spelling"], [" https://example.com", "https://example.com/", "https://example.com/?"]),
    (["spelling"], ["https://[2001:DB8:0::1]/", "https://[2001:db8::1]/"]),
    (
        ["tracking"],
        [PAGE, f"{PAGE}?utm_source=x&UTM_Medium=y", f"{PAGE}?fbclid=1", f"{PAGE}?gclid"],
    ),
    (["tracking"], [f"{PAGE}?id=7&mkt_tok=abc", f"{PAGE}?id=7"]),
    (["fragment"], [PAGE, f"{PAGE}#more", f"{PAGE}#:~:text=a"]),
    (["renamed_host"], ["https://twitter.com/a/status/1", "https://x.com/a/status/1"]),
    (["archive"], [PAGE, f"https://web.archive.org/web/20171202185937/{PAGE}"]),
    (["archive"], [PAGE, f"https://web.archive.org/web/2017id_/{PAGE}"]),
    (["archive"], [PAGE, f"https://archive.ph/20200102030405/{PAGE}"]),
    (["archive"], [PAGE, f"https://archive.today/newest/{PAGE}"]),
    (["archive"], [f"{PAGE}?id=7", f"http://web.archive.org:80/web/2017/{PAGE}?id=7"]),
    (["archive"], [PAGE, f"https://web.archive.org/web/2/https://archive.is/2019/{PAGE}"]),
    (
        ["archive", "scheme"],
        [PAGE, "https://web.archive.org/web/2017/www.example.com/2018/01/emotet.html"],
    ),
    (
        ["cache"],
        [PAGE, f"https://webcache.googleusercontent.com/search?q=cache:AbCdEf0-9_xy:{PAGE}"],
    ),
    (
        ["cache"],
        [PAGE, f"https://webcache.googleusercontent.com/search?q=cache:{PAGE}+emotet&hl=en"],
    ),
    (["amp"], [PAGE, f"https://www.google.com/amp/s/{PAGE[8:]}"]),
    (["amp"], [PAGE, f"https://www-example-com.cdn.ampproject.org/c/s/{PAGE[8:]}"]),
    (["amp"], [PAGE, f"{PAGE}?amp=1", f"{PAGE}?amp", PAGE.replace(".html", ".amp.html")]),
    (["amp"], ["https://example.com/a", "https://example.com/a/amp/", "https://example.com/a/amp"]),
    (["amp"], ["https://amp.example.com/a", "https://example.com/a"]),
    (
        ["spelling", "scheme", "www", "trailing_slash", "tracking"],
        ["HTTP://WWW.Example.com/a/?utm_campaign=x", "https://example.com/a"],
    ),
]

DIFFERENT = [
    ("https://example.com/a", "https://example.com/A"),
    ("https://example.com/a?id=1", "https://example.com/a?id=2"),
    ("https://example.com/a?p=1", "https://example.com/a"),
    ("https://example.com/a?ref=1", "https://example.com/a?ref=2"),
    ("https://example.com/a?source=x", "https://example.com/a"),
    ("https://example.com/a%2Fb", "https://example.com/a/b"),
    ("https://example.com:8080/a", "https://example.com/a"),
    ("https://example.com/#!/a", "https://example.com/#!/b"),
    ("https://example.com/#/a", "https://example.com/"),
    ("https://blog.example.com/a", "https://example.com/a"),
    ("https://www2.example.com/a", "https://example.com/a"),
    ("https://www.com/", "https://com/"),
    ("https://amp.dev/", "https://dev/"),
    ("https://example.com/amp", "https://example.com/"),
    ("https://example.com/stamp", "https://example.com/st"),
    ("https://user@example.com/a", "https://example.com/a"),
    ("https://fa\u00df.example/a", "https://fass.example/a"),
    ("https://good.example\\@evil.example/a", "https://evil.example/a"),
    ("https://evil.example/twitter.com/a", "https://evil.example/x.com/a"),
    ("https://evil.example/https://www.example.com/", "https://evil.example/https://example.com/"),
    ("https://notarchive.example/web/2017/https://example.com/a", "https://example.com/a"),
    (
        "https://evil.example/web.archive.org/web/2017/https://example.com/a",
        "https://example.com/a",
    ),
    ("https://archive.ph/AbCdE", "https://archive.ph/aBcDe"),
    ("ftp://example.com/a", "https://example.com/a"),
    ("javascript://example.com/a", "https://example.com/a"),
]


@pytest.mark.parametrize(("rules", "urls"), SAME)
def test_urls_of_one_page_become_equal_by_the_expected_rules(
    rules: list[str], urls: list[str]
) -> None:
    found = [normalize_url(each) for each in urls]
    assert len({each.url for each in found}) == 1
    assert set(rules) <= {rule for each in found for rule in each.rules}
    for rule in rules:
        assert len({normalize_url(each, skipped_rule=rule).url for each in urls}) > 1, rule


def test_every_rule_has_a_test_case() -> None:
    assert {rule.name for rule in URL_RULES} == {rule for rules, _ in SAME for rule in rules}
    assert all(rule.description for rule in URL_RULES)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_urls_of_two_pages_stay_different(one: str, other: str) -> None:
    assert normalize_url(one).url != normalize_url(other).url


@pytest.mark.parametrize(
    "url",
    [
        *HOSTILE,
        "javascript:alert(1)",
        "http://[::1",
        "http://[evil]/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://good.example\\@evil.example/",
        "https://exa\u202emple.com/",
        "https://example.com/a b",
        "https://example.com/a\nb",
        "https:///a",
        "https://web.archive.org/web/2017/javascript:alert(1)",
        "https://example.com/" + "a" * MAX_URL_LENGTH,
        "www.example.com/a",
    ],
)
def test_text_that_is_not_a_web_url_is_unchanged(url: str) -> None:
    if "archive.org" in url:
        assert normalize_url(url).url.startswith("https://web.archive.org/")
    elif not url.startswith("https://user"):
        assert normalize_url(url).url == url
        assert normalize_url(url).rules == ()


generated_urls = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(
            [
                "http://",
                "https://",
                "HTTP://www.",
                "https://web.archive.org/web/2017/",
                "https://web.archive.org/web/2017/https://archive.ph/2019/http:/",
                "https://www.google.com/amp/s/",
                "https://webcache.googleusercontent.com/search?q=cache:",
                "https://u:p@",
            ]
        ),
        st.sampled_from(
            ["example.com", "www.www.com", "[::1]", "1.2.3.4", "amp.a.b", "x", "twitter.com"]
        )
        | any_text,
        st.sampled_from(["", ":80", ":443", ":99999", "."]),
        st.lists(
            st.sampled_from(
                ["/", "a", "..", ".", "amp", ".amp", ".html", "index.html", "%2e", "%", "//"]
            ),
            max_size=6,
        ).map("".join),
        st.sampled_from(["", "?", "?a=1&&b", "?amp", "?utm_source=1", "?x=%26&y=+"]) | any_text,
        st.sampled_from(["", "#", "#a", "#!/a", "#/?utm_x"]) | any_text,
    ),
)


@settings(max_examples=400)
@given(generated_urls | any_text)
def test_normalization_is_idempotent_and_never_fails(url: str) -> None:
    found = normalize_url(url)
    assert normalize_url(found.url).url == found.url
    assert publisher_domain(found).isascii()
    names = [rule.name for rule in URL_RULES]
    assert list(found.rules) == sorted(found.rules, key=names.index)
    if found.url == url:
        assert found.rules == ()


@given(st.text(string.ascii_letters + string.digits + "-._~/%?#&=@:", max_size=40))
def test_w3lib_does_not_change_urls_that_count_as_canonical(suffix: str) -> None:
    url = f"https://example.com/{suffix}"
    if _CANONICAL.fullmatch(url):
        assert canonicalize_url(url, keep_fragments=True) == url


@pytest.mark.parametrize(
    "url",
    [
        f"https://example.com/{part * (MAX_URL_LENGTH // len(part) - 30)}{end}"
        for part in ("a", "/", "a/", ".", "/.", "%", "&", "www.", "amp/", "cache:", "http:/a.b/")
        for end in ("", "?", "\x7f", "%")
    ]
    + [f"https://{'www.' * 2_000}com/", f"https://{'a.' * 4_000}b/", f"https://{'[' * 8_000}"]
    + ["https://web.archive.org/web/2/" * 270 + "a.b"],
)
def test_longest_urls_are_normalized_quickly(url: str) -> None:
    # With a pattern that backtracks exponentially, this test would not end.
    assert len(url) <= MAX_URL_LENGTH
    publisher_domain(normalize_url(url))


# --- publishers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://blog.talosintelligence.com/a", "talosintelligence.com"),
        ("https://news.bbc.co.uk/a", "bbc.co.uk"),
        ("https://someone.blogspot.com/a", "someone.blogspot.com"),
        ("https://pan-unit42.github.io/a", "pan-unit42.github.io"),
        ("https://web.archive.org/web/2017/https://www.fireeye.com/a", "fireeye.com"),
        ("https://www-example-com.cdn.ampproject.org/c/s/www.example.com/a", "example.com"),
        ("https://twitter.com/a/status/1", "x.com"),
        ("https://EXAMPLE.com.:443/", "example.com"),
        ("https://192.0.2.7:8080/a", "192.0.2.7"),
        ("https://[2001:db8::1]/", "2001:db8::1"),
        ("https://good.example@evil.com/", "evil.com"),
        ("https://abcdefghij.onion/a", "abcdefghij.onion"),
        ("https://b\u00fccher.de/", "xn--bcher-kva.de"),
        # URLs that do not show the publisher.
        ("https://archive.ph/AbCdE", ""),
        ("https://web.archive.org/web/2017/", ""),
        ("https://bit.ly/abc", ""),
        ("javascript:alert(1)", ""),
        ("http://[::1", ""),
        ("https://\u0430pple.example:99999/", ""),
        ("", ""),
    ],
)
def test_publisher_is_the_registered_domain(url: str, name: str) -> None:
    assert publisher_domain(normalize_url(url)) == name

"""Addresses: those of one page come to one, others stay apart, and no text breaks a rule."""

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

# What is one page: the rules that must say so, and its addresses.
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

APART = [
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


@pytest.mark.parametrize(("rules", "addresses"), SAME)
def test_addresses_of_one_page_come_to_one_and_the_rules_that_did_it_are_told(
    rules: list[str], addresses: list[str]
) -> None:
    found = [normalize_url(each) for each in addresses]
    assert len({each.url for each in found}) == 1
    assert set(rules) <= {rule for each in found for rule in each.rules}
    for rule in rules:
        assert len({normalize_url(each, skipped_rule=rule).url for each in addresses}) > 1, rule


def test_every_rule_has_its_addresses_here() -> None:
    assert {rule.name for rule in URL_RULES} == {rule for rules, _ in SAME for rule in rules}
    assert all(rule.description for rule in URL_RULES)


@pytest.mark.parametrize(("one", "other"), APART)
def test_addresses_of_two_pages_stay_apart(one: str, other: str) -> None:
    assert normalize_url(one).url != normalize_url(other).url


@pytest.mark.parametrize(
    "address",
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
def test_what_is_no_address_of_the_web_no_rule_touches(address: str) -> None:
    if "archive.org" in address:
        assert normalize_url(address).url.startswith("https://web.archive.org/")
    elif not address.startswith("https://user"):
        assert normalize_url(address).url == address
        assert normalize_url(address).rules == ()


odd_addresses = st.builds(
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
@given(odd_addresses | any_text)
def test_a_form_is_its_own_form_and_no_text_breaks_a_rule(address: str) -> None:
    found = normalize_url(address)
    assert normalize_url(found.url).url == found.url
    assert publisher_domain(found).isascii()
    names = [rule.name for rule in URL_RULES]
    assert list(found.rules) == sorted(found.rules, key=names.index)
    if found.url == address:
        assert found.rules == ()


@given(st.text(string.ascii_letters + string.digits + "-._~/%?#&=@:", max_size=40))
def test_what_is_taken_for_plain_the_library_leaves_as_it_is(rest: str) -> None:
    address = f"https://example.com/{rest}"
    if _CANONICAL.fullmatch(address):
        assert canonicalize_url(address, keep_fragments=True) == address


@pytest.mark.parametrize(
    "address",
    [
        f"https://example.com/{part * (MAX_URL_LENGTH // len(part) - 30)}{end}"
        for part in ("a", "/", "a/", ".", "/.", "%", "&", "www.", "amp/", "cache:", "http:/a.b/")
        for end in ("", "?", "\x7f", "%")
    ]
    + [f"https://{'www.' * 2_000}com/", f"https://{'a.' * 4_000}b/", f"https://{'[' * 8_000}"]
    + ["https://web.archive.org/web/2/" * 270 + "a.b"],
)
def test_the_longest_addresses_are_looked_at_at_once(address: str) -> None:
    # A pattern that tries all ways would be at it for hours.
    assert len(address) <= MAX_URL_LENGTH
    publisher_domain(normalize_url(address))


# --- publishers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "name"),
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
        # Whose page it is, these do not tell.
        ("https://archive.ph/AbCdE", ""),
        ("https://web.archive.org/web/2017/", ""),
        ("https://bit.ly/abc", ""),
        ("javascript:alert(1)", ""),
        ("http://[::1", ""),
        ("https://\u0430pple.example:99999/", ""),
        ("", ""),
    ],
)
def test_the_publisher_is_the_domain_that_somebody_registered(address: str, name: str) -> None:
    assert publisher_domain(normalize_url(address)) == name

"""Parsing of indicators: hashes, domains, IP addresses and URLs, defanged or not."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tldextract import TLDExtract

from graphbuild.models import Entity, is_object_id
from graphbuild.seeds import indicators
from graphbuild.seeds.indicators import parse_indicator

SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"


# --- hashes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [MD5, SHA1.upper(), SHA256.title()], ids=["L1-a", "L1-b", "L1-c"])
def test_a_hash_in_any_case_names_a_file(text):
    found = parse_indicator(text).entity
    assert (found.type, found.id) == ("file", text.lower())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(f"{MD5},run.exe", "more than a hash", id="L9-csv"),
        pytest.param(f"{SHA256}\trun.exe", "more than a hash", id="L9-tab"),
        pytest.param(f'"{MD5}"', "is not a file hash", id="L9-quotes"),
        pytest.param("a" * 31, "has 31 hexadecimal digits", id="L10-31"),
        pytest.param("a" * 33, "has 33 hexadecimal digits", id="L10-33"),
        pytest.param("a" * 39, "has 39 hexadecimal digits", id="L10-39"),
        pytest.param("a" * 41, "has 41 hexadecimal digits", id="L10-41"),
        pytest.param("a" * 63, "has 63 hexadecimal digits", id="L10-63"),
        pytest.param("a" * 65, "has 65 hexadecimal digits", id="L10-65"),
        pytest.param("a" * 128, "looks like SHA-512", id="L10-128"),
        pytest.param("g" + MD5[1:], "contains 'g'", id="L11-g"),
        pytest.param(MD5[:15] + "_" + MD5[16:], "contains '_'", id="L11-underscore"),
        pytest.param("0x" + MD5, "is not a file hash", id="L11-0x"),
        pytest.param("\u0430" + MD5[1:], "contains U+0430", id="L12-cyrillic"),
        pytest.param("\uff11" + MD5[1:], "contains U+FF11", id="L12-full-width"),
        pytest.param("\u0661" + MD5[1:], "contains U+0661", id="L12-arabic"),
        pytest.param(MD5 + "\n", "more than a hash", id="L13"),
        pytest.param("../users/me", "is not a file hash", id="L23"),
        pytest.param("1.23E+45", "a spreadsheet turned into a number", id="L27-number"),
        pytest.param('=HYPERLINK("x")', "is not a file hash", id="L27-formula"),
        pytest.param("", "is not a file hash", id="empty"),
    ],
)
def test_a_malformed_hash_is_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_indicator(text)


@given(st.text())
def test_every_parsed_indicator_has_a_valid_id(text):
    with suppress(ValueError):
        found = parse_indicator(text).entity
        assert is_object_id(found.id)
        assert found.id == found.id.lower()
        assert found.type in {"file", "domain", "ip_address", "url"}
        if found.type in {"file", "url"}:
            assert set(found.id) <= set("0123456789abcdef")
            assert len(found.id) in {32, 40, 64}


# --- domains, addresses, URLs --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("evil.example", "evil.example"),
        ("EVIL.Example.", "evil.example"),
        ("a.b-c.co.uk", "a.b-c.co.uk"),
        ("_dmarc.evil.example", "_dmarc.evil.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("B\u00dcCHER.example", "xn--bcher-kva.example"),
        ("\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444", "xn--e1afmkfd.xn--p1ai"),
        (f"{'a' * 63}.example", f"{'a' * 63}.example"),
        (f"{MD5}.example", f"{MD5}.example"),
        ("evil[.]example", "evil.example"),
        ("evil(dot)example", "evil.example"),
        ("evil[dot]example", "evil.example"),
        ("evil{.}example", "evil.example"),
        ("evil [.] example", "evil.example"),
        ("evil[.example", "evil.example"),
        ("evil\\.example", "evil.example"),
        ("evil.example:8443", "evil.example"),
    ],
)
def test_domains_are_normalized(text, name):
    assert parse_indicator(text).entity == Entity("domain", name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("8[.]8[.]8[.]8", "8.8.8.8"),
        ("8.8.8.8:53", "8.8.8.8"),
        ("2606:4700:0:0::1111", "2606:4700::1111"),
        ("2606:4700::ABCD", "2606:4700::abcd"),
        ("2606[:]4700[:][:]1111", "2606:4700::1111"),
        ("[2606:4700::1111]:443", "2606:4700::1111"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
    ],
)
def test_ip_addresses_are_normalized(text, name):
    assert parse_indicator(text).entity == Entity("ip_address", name)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://evil.example/", "https://evil.example/"),
        ("https://Evil.Example/A?b=c#d", "https://Evil.Example/A?b=c#d"),
        ("hxxps://evil[.]example", "https://evil.example"),
        ("hXXp://evil[.]example/a[.]php", "http://evil.example/a.php"),
        ("hxxps[:]//evil[.]example/", "https://evil.example/"),
        ("hxxp[://]evil(dot)example", "http://evil.example"),
        ("fxp://8[.]8.8.8/x", "ftp://8.8.8.8/x"),
        ("http://user:pw@evil.example:8080/", "http://user:pw@evil.example:8080/"),
        ("http://[2606:4700::1111]/", "http://[2606:4700::1111]/"),
        ("evil.example/gate.php", "http://evil.example/gate.php"),
        ("evil[.]example:81/x", "http://evil.example:81/x"),
        ("evil.example:81/1", "http://evil.example:81/1"),
        ("8.8.8.8/x", "http://8.8.8.8/x"),
    ],
)
def test_the_id_of_a_url_is_the_hash_of_its_text(text, url):
    found = parse_indicator(text).entity
    assert found == Entity("url", hashlib.sha256(url.encode()).hexdigest())
    assert found.attributes == {"url": url}
    assert found.label == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("192.168.0.010", "without leading zeros", id="L17-zeros"),
        pytest.param("256.1.1.1", "four numbers from 0 to 255", id="L17-large"),
        pytest.param("fe80::1%eth0", "a zone", id="L17-zone"),
        pytest.param("10.0.0.1", "private or reserved", id="L17-private"),
        pytest.param("172.16.0.1", "private or reserved", id="L17-private-172"),
        pytest.param("100.64.0.1", "private or reserved", id="L17-shared"),
        pytest.param("127.0.0.1", "loopback", id="L17-loopback"),
        pytest.param("::1", "loopback", id="L17-loopback-6"),
        pytest.param("0.0.0.0", "the unspecified address", id="L17-any"),
        pytest.param("169.254.0.1", "link-local", id="L17-link"),
        pytest.param("224.0.0.1", "multicast", id="L17-multicast"),
        pytest.param("::ffff:10.0.0.1", "private or reserved", id="L17-mapped"),
        pytest.param("8.8.8.0/24", "is a network", id="L17-network"),
        pytest.param("2001:db8::/32", "is a network", id="L17-network-6"),
        pytest.param("16909060", "has 8 hexadecimal digits", id="L17-integer"),
        pytest.param(f"{'a' * 64}.example", "over 63 characters", id="L18-label"),
        pytest.param(f"{'a.' * 125}example", "longer than 253", id="L18-long"),
        pytest.param("-evil.example", "is not a domain", id="L18-hyphen"),
        pytest.param("evil.c", "does not end in a top-level domain", id="L18-top"),
        pytest.param("\uff45vil.example", "U+FF45: write the domain in ASCII", id="L18-look-alike"),
        pytest.param("fa\u00df.example", "U+00DF: write the domain in ASCII", id="L18-two-names"),
        pytest.param("localhost", "is not a file hash", id="localhost"),
        pytest.param("printer.local", "private or reserved", id="local"),
        pytest.param("x.test", "private or reserved", id="test"),
        pytest.param("4.3.2.1.in-addr.arpa", "private or reserved", id="arpa"),
        pytest.param("kernel32.dll", "looks like a file name", id="dll"),
        pytest.param(f"{MD5}.exe", "looks like a file name", id="hash.exe"),
        pytest.param("me@evil.example", "an email address", id="mail"),
        pytest.param("me[@]evil[.]example", "an email address", id="mail-defanged"),
        pytest.param("gopher://evil.example", "unsupported scheme", id="scheme"),
        pytest.param("http://", "it has no host", id="no-host"),
        pytest.param("http://localhost/x", "neither a domain nor an IP address", id="local-url"),
        pytest.param("http://10.0.0.1/x", "private or reserved", id="private-url"),
        pytest.param("http://evil.example:99999/", "host or port is invalid", id="port"),
        pytest.param("http://[::1", "host or port is invalid", id="bracket"),
        pytest.param("https://good.example\\@evil.example", "a backslash", id="backslash"),
        pytest.param("http://evil.example/\u202e", "an invisible character", id="bidi"),
        pytest.param("http://evil.example/a b", "is not a file hash", id="space"),
        pytest.param(f"{MD5[:20]}.{MD5[21:]}", "contains '.', which is not a hex", id="near-hash"),
    ],
)
def test_text_that_resembles_an_indicator_is_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_indicator(text)


def test_no_file_extension_is_a_top_level_domain():
    suffixes = TLDExtract(cache_dir=None, suffix_list_urls=()).tlds
    assert not any(map(indicators._FILE_EXTENSION.fullmatch, suffixes))


# A defanger of the test's own: every dot, the scheme's letters and colon, as analysts write them.
_DOTS = st.sampled_from(["[.]", "(.)", "{.}", "[dot]", "(dot)", " [.] ", "(DOT)", "[.", "\\."])
_SCHEMES = {"http": ["hxxp", "hXXp", "http"], "https": ["hxxps", "hXXpS", "https"], "ftp": ["fxp"]}
_label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).filter(
    lambda label: label[2:4] != "--"
)
_domain = st.builds(
    lambda labels, top: ".".join([*labels, top]),
    st.lists(_label, min_size=1, max_size=4),
    st.sampled_from(["com", "org", "example", "ru", "co.uk", "xn--p1ai"]),
).filter(lambda name: len(name) not in {31, 32, 33, 39, 40, 41, 63, 64, 65})
_address = (
    st.integers(1, 223)
    .flatmap(
        lambda first: st.builds(
            lambda *rest: ".".join(map(str, (first, *rest))), *[st.integers(0, 255)] * 3
        )
    )
    .filter(lambda text: ipaddress.ip_address(text).is_global)
)


@given(_domain | _address, _DOTS, st.data())
def test_a_defanged_host_equals_the_host(name, dot, data):
    parts = name.split(".")
    joints = data.draw(st.lists(st.sampled_from([".", dot]), min_size=len(parts), max_size=20))
    written = "".join(part + joint for part, joint in zip(parts, [*joints, ""], strict=False))
    written = written[: len(written) - len(joints[len(parts) - 1])]
    assert parse_indicator(written).entity == parse_indicator(name).entity
    assert parse_indicator(name).entity.id == name


@given(_domain, st.sampled_from(sorted(_SCHEMES)), _DOTS, st.data())
def test_a_defanged_url_equals_the_url(name, scheme, dot, data):
    path = data.draw(st.sampled_from(["", "/", "/a/b?c=d&e=%20#f", ":8080/x"]))
    url = f"{scheme}://{name}{path}"
    colon = data.draw(st.sampled_from(["://", "[:]//", "[://]", ":[//]"]))
    written = data.draw(st.sampled_from(_SCHEMES[scheme])) + colon + name.replace(".", dot) + path
    found = parse_indicator(written).entity
    assert (found.type, found.attributes["url"]) == ("url", url)

"""Validation of the base URL."""

from __future__ import annotations

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.api.base_url import check_base_url


@pytest.mark.parametrize(
    ("url", "normalized"),
    [
        ("https://www.virustotal.com/api/v3", "https://www.virustotal.com/api/v3"),
        ("https://www.virustotal.com/api/v3/", "https://www.virustotal.com/api/v3"),
        ("https://www.virustotal.com", "https://www.virustotal.com/api/v3"),
        ("https://www.virustotal.com///", "https://www.virustotal.com/api/v3"),
        ("HTTPS://WWW.VirusTotal.COM/API", "https://www.virustotal.com/API"),
        ("https://vt.example:0443/x_y~z.1-2", "https://vt.example:443/x_y~z.1-2"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v3"),
        ("http://localhost:1/x", "http://localhost:1/x"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("https://[2001:DB8::1]/x", "https://[2001:db8::1]/x"),
    ],
)
def test_a_base_url_is_normalized(url: str, normalized: str) -> None:
    assert check_base_url(url) == normalized
    assert check_base_url(normalized) == normalized


@pytest.mark.parametrize(
    "text",
    [
        "",
        "www.virustotal.com",
        "//www.virustotal.com",
        "ftp://www.virustotal.com",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "https:///api/v3",
        "https://user@www.virustotal.com",
        "https://user:secret@www.virustotal.com",
        "https://www.virustotal.com\\@evil.example/",
        "https://www.virustotal.com\\.evil.example/",
        "https://www.virustotal.com#@evil.example/",
        "https://www.virustotal.com?@evil.example/",
        "https://www.virustotal.com;@evil.example/",
        "https://www.virustotal.com/api/v3?x=1",
        "https://www.virustotal.com/api/v3#x",
        "https://www.virustotal.com/api/v3/..",
        "https://www.virustotal.com/./v3",
        "https://www.virustotal.com//evil.example/x",
        "https://www.virustotal.com/a%2e%2e/b",
        "https://www.virustotal.com:",
        "https://www.virustotal.com:port",
        "https://www.virustotal.com:0",
        "https://www.virustotal.com:65536",
        "https://www.virustotal.com:-1",
        "https://www.virustotal.com:443:443",
        "https://www.virustotal.com:４４３",
        "https://www.virus%74otal.com",
        "https://www..virustotal.com",
        "https://.virustotal.com",
        "https://-virustotal.com",
        "https://www.virustotal.com.",
        "https://www.virustotаl.com",  # a Cyrillic letter
        "https://www.virustotal。com",  # an ideographic full stop
        "https://www.virustotal.com\n",
        " https://www.virustotal.com",
        "https://www.virus\ttotal.com",
        "https://www.virustotal.com/\x00",
        "https://[::1",
        "https://[127.0.0.1]",
        "https://[fe80::1%25eth0]/",
    ],
)
def test_an_invalid_base_url_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected https://host\[") as caught:
        check_base_url(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "http://www.virustotal.com/api/v3",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://127.1",
        "http://2130706433",
        "http://0x7f000001",
        "http://0.0.0.0",
        "http://[::]",
        "http://[::ffff:1.2.3.4]",
        "http://10.0.0.1",
    ],
)
def test_plain_http_is_allowed_on_this_machine_only(text: str) -> None:
    with pytest.raises(ValueError, match="unencrypted"):
        check_base_url(text)


authority = st.text("abz01.-:@/\\?#[]%_ \t", max_size=20)


@given(st.sampled_from(["https://", "http://", "https:", "//", ""]), authority)
def test_requests_parses_a_valid_base_url_in_the_same_way(scheme: str, rest: str) -> None:
    """If two parsers disagree, the key may be sent to another host."""
    try:
        base = check_base_url(scheme + rest)
    except ValueError:
        return
    try:
        prepared = requests.Request("GET", base + "/files/x").prepare().url
    except requests.RequestException:
        return  # refused by both is fine too
    assert prepared == base + "/files/x"

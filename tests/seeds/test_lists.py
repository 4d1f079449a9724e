"""Plain lists as people write them: decorated lines, checksum files, links, hosts with ports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.seeds import parse_seeds, read_seeds
from tests.support.paths import DATA

CASES = DATA / "seed_cases"
A, B, C = "a1" * 32, "b2" * 20, "c3" * 16


def read_case(name, **options):
    return read_seeds(CASES / name, **options)


def seeds_of(found):
    """Return the type and the text of each seed."""
    return [(seed.entity.type, seed.entity.attributes.get("url", seed.entity.id)) for seed in found]


def attributes_of(found):
    return [dict(seed.attributes) for seed in found]


def warnings_of(found):
    return "\n".join(found.warnings)


# --- links to VirusTotal -------------------------------------------------------------------------

_LINKS = [
    "https://www.virustotal.com/gui/{kind}/{id}",
    "https://www.virustotal.com/gui/{kind}/{id}/detection",
    "https://www.virustotal.com/gui/{kind}/{id}/relations?x=1#y",
    "http://virustotal.com/gui/{kind}/{id}/",
    "HTTPS://WWW.VIRUSTOTAL.COM/gui/{kind}/{id}",
    "www.virustotal.com/gui/{kind}/{id}",
    "https://www.virustotal.com/#/{kind}/{id}/detection",
    "https://www.virustotal.com/en/{kind}/{id}/analysis/",
    "https://www.virustotal.com/en/{kind}/{id}/analysis/1466000000/",
    "https://www.virustotal.com/{kind}/{id}/analysis/",
    "https://www.virustotal.com/gui/search/{id}",
    "hxxps://www[.]virustotal[.]com/gui/{kind}/{id}",
]
_OBJECTS = [
    ("file", "file", A),
    ("file", "file", B),
    ("file", "file", C),
    ("domain", "domain", "c2.example.com"),
    ("ip-address", "ip_address", "8.8.8.8"),
    ("ip-address", "ip_address", "2606:4700::1111"),
]


def test_links_to_pages_of_virustotal_mean_the_objects():
    found = read_case("case35/links.txt")
    assert seeds_of(found) == [
        ("file", "38fcde7f602376e3a92d094162fb73080b0b9d93b54167a54b4b7902495853ae"),
        ("domain", "c2.example.com"),
        ("ip_address", "8.8.8.8"),
    ]
    assert "line 1 and 2 more: links to VirusTotal were replaced by" in warnings_of(found)


@pytest.mark.parametrize("link", _LINKS)
@pytest.mark.parametrize(("kind", "seed_type", "object_id"), _OBJECTS)
def test_each_form_of_link_means_the_object(link, kind, seed_type, object_id):
    found = parse_seeds([link.format(kind=kind, id=object_id)])
    assert seeds_of(found) == [(seed_type, object_id)]


def test_a_link_to_the_page_of_a_url_means_the_url():
    found = parse_seeds(
        [
            f"https://www.virustotal.com/gui/url/{A}/details",
            "https://www.virustotal.com/gui/search/https%3A%2F%2Fevil.example%2Fx%3Fy",
        ]
    )
    assert seeds_of(found) == [("url", A), ("url", "https://evil.example/x?y")]


@pytest.mark.parametrize(
    "link",
    [
        "https://www.virustotal.com/gui/home/upload",
        "https://www.virustotal.com/gui/collection/malpedia_win_x",
        f"https://www.virustotal.com/gui/domain/{A}",
        "https://www.virustotal.com/gui/file/evil.example",
        "https://www.virustotal.com/gui/ip-address/10.0.0.1",
    ],
)
def test_other_links_to_virustotal_are_rejected(link):
    found = parse_seeds([link])
    assert (len(found), len(found.rejected)) == (0, 1)


def test_links_to_other_hosts_are_urls():
    link = f"https://www.virustotal.com.evil.example/gui/file/{A}"
    assert seeds_of(parse_seeds([link])) == [("url", link)]


# --- ports, protocols and networks ---------------------------------------------------------------


def test_protocols_after_and_before_a_host_are_removed():
    found = read_case("case43/list.txt")
    assert seeds_of(found) == [
        ("ip_address", "8.8.8.8"),
        ("ip_address", "1.1.1.1"),
        ("ip_address", "8.8.4.4"),
        ("ip_address", "9.9.9.9"),
        ("ip_address", "8.8.4.8"),
    ]
    assert "line 1 and 2 more: ports were removed" in warnings_of(found)
    assert "line 3 and 2 more: URLs with schemes such as tcp://" in warnings_of(found)


_HOSTS = st.sampled_from(
    [
        ("domain", "evil.example"),
        ("domain", "a.b.evil.example"),
        ("ip_address", "8.8.8.8"),
        ("ip_address", "203.0.114.7"),
    ]
)
_PORTS = st.integers(0, 65_535)


@given(
    _HOSTS, _PORTS, st.sampled_from(["tcp", "udp", "TCP", "sctp"]), st.sampled_from([".", "[.]"])
)
def test_a_host_with_port_and_protocol_is_the_host(host, port, protocol, dot):
    seed_type, name = host
    found = parse_seeds([f"{name.replace('.', dot)}:{port}/{protocol}"])
    assert seeds_of(found) == [(seed_type, name)]
    assert "ports were removed" in warnings_of(found)


@given(
    _HOSTS,
    st.sampled_from(["tcp", "udp", "smb", "ssh", "rdp", "ldap", "mqtt", "Telnet"]),
    st.sampled_from(["", "user@", "u:p@"]),
    st.none() | _PORTS,
    st.sampled_from(["", "/", "/share/x.exe", "?x"]),
)
def test_a_url_with_a_scheme_of_no_web_page_is_its_host(host, scheme, user, port, path):
    seed_type, name = host
    colon = "" if port is None else f":{port}"
    found = parse_seeds([f"{scheme}://{user}{name}{colon}{path}"])
    assert seeds_of(found) == [(seed_type, name)]
    assert "URLs with schemes such as tcp://" in warnings_of(found)
    assert ("ports were removed" in warnings_of(found)) == (port is not None)


@pytest.mark.parametrize(
    ("text", "address"),
    [("8.8.8.8/32", "8.8.8.8"), ("2606:4700::1111/128", "2606:4700::1111")],
)
def test_a_network_of_one_address_is_the_address(text, address):
    found = parse_seeds([text])
    assert seeds_of(found) == [("ip_address", address)]
    assert "prefix lengths" in warnings_of(found)


@given(st.integers(0, 128).filter(lambda length: length != 32), st.booleans())
def test_other_networks_are_rejected(length, is_long):
    network = f"2606:4700::1111/{length % 128}" if is_long else f"8.8.8.8/{length}"
    (rejected,) = parse_seeds([network]).rejected
    assert rejected.reason.startswith("is a network")

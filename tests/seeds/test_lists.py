"""Plain lists as people write them: decorated lines, checksum files, links, hosts with ports."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graphbuild.seeds import parse_seeds
from tests.seeds.seed_lists import attributes_of, read_case, seeds_of, warnings_of

A, B, C = "a1" * 32, "b2" * 20, "c3" * 16


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


# --- decorated lines -----------------------------------------------------------------------------

_INDICATORS = [
    (A, [("file", A)]),
    (B.upper(), [("file", B)]),
    (C, [("file", C)]),
    ("evil.example", [("domain", "evil.example")]),
    ("evil[.]example", [("domain", "evil.example")]),
    ("8.8.8[.]8", [("ip_address", "8.8.8.8")]),
    ("2606:4700::1111", [("ip_address", "2606:4700::1111")]),
    ("hxxps://evil[.]example/a?b=c", [("url", "https://evil.example/a?b=c")]),
]
_DECORATIONS = [
    "- {}",
    "* {}",
    "+ {}",
    "\u2022 {}",
    "\u2022{}",
    "1. {}",
    "23) {}",
    '"{}"',
    "'{}'",
    "`{}`",
    "\u201c{}\u201d",
    "{},",
    "{};",
    '"{}",',
    "'{}',",
    '- "{}"',
    "    '{}',  # note",
    "{} # note",
    "ioc # {}"[6:],
]


@pytest.mark.parametrize("decoration", _DECORATIONS)
@pytest.mark.parametrize(("text", "expected"), _INDICATORS)
def test_bullets_quotes_and_commas_are_removed(decoration, text, expected):
    found = parse_seeds([decoration.format(text)])
    assert (seeds_of(found), found.rejected) == (expected, [])
    assert attributes_of(found) == [{}]


def test_lines_that_start_with_their_type_are_read():
    found = read_case("case33/bulk.txt")
    assert seeds_of(found) == [
        ("ip_address", "8.8.8.8"),
        ("domain", "c2.example.com"),
        ("url", "https://c2.example.com/x"),
        ("file", "38fcde7f602376e3a92d094162fb73080b0b9d93b54167a54b4b7902495853ae"),
    ]
    assert found.rejected == []


_TYPED = [
    (["sha256", "SHA-256", "sha256 hash", "hash-sha256", "hash", "file", "Filehash-SHA256"], 0),
    (["sha1", "SHA-1", "hash_sha1", "file hash"], 1),
    (["md5", "MD5 hash", "hash-md5"], 2),
    (["domain", "Domain name", "hostname", "fqdn", "C2 domain"], 3),
    (["domain", "host"], 4),
    (["ip", "IPv4", "ip-dst", "IP address", "ip_address"], 5),
    (["ip", "ipv6"], 6),
    (["url", "URL", "uri", "C2 url"], 7),
]


@pytest.mark.parametrize("separator", [":", ": ", "=", " = "])
@pytest.mark.parametrize(
    ("prefix", "index"), [(prefix, index) for prefixes, index in _TYPED for prefix in prefixes]
)
def test_each_type_can_precede_its_indicator(prefix, index, separator):
    text, expected = _INDICATORS[index]
    found = parse_seeds([f"{prefix}{separator}{text}"])
    assert (seeds_of(found), found.rejected) == (expected, [])


@pytest.mark.parametrize(
    "line",
    [
        f"imphash: {C}",
        f"cert_sha1: {B}",
        f"sha512: {A}",
        f"sha256: {C}",
        f"domain: {A}",
        "sha256: evil.example",
        "filename: evil.example",
        "mutex: evil.example",
        f"nonsense: {A}",
    ],
)
def test_a_type_that_contradicts_the_indicator_is_rejected(line):
    found = parse_seeds([line])
    assert (len(found), len(found.rejected)) == (0, 1)


def test_a_type_that_cannot_be_a_seed_is_named_as_the_reason():
    (rejected,) = parse_seeds([f"imphash: {C}"]).rejected
    assert rejected.reason == "states a type that is not a file hash, domain, IP address or URL"


def test_domains_that_may_be_names_of_files_are_read_with_a_warning():
    lines = ["report.zip", "hxxp://report[.]zip/x", "install[.]sh", "evil.example", "- a.py, b.py"]
    found = parse_seeds(lines)
    assert len(found) == 6
    assert "line 1 and 2 more: domains such as report.zip may be names of files" in (
        warnings_of(found)
    )


# --- checksum files ------------------------------------------------------------------------------


def test_checksum_files_are_read_with_the_names_of_the_files():
    found = read_case("case31/sums.sha256")
    assert seeds_of(found) == [
        ("file", "38fcde7f602376e3a92d094162fb73080b0b9d93b54167a54b4b7902495853ae"),
        ("file", "26bf6cb9df564de02dd1723dd704f6b9419a10fe261ee3d52f92a235f2ddd0ce"),
    ]
    assert attributes_of(found) == [{"file_name": "a.exe"}, {"file_name": "dir/b.dll"}]
    found = read_case("case31/bsd.txt")
    assert seeds_of(found) == [
        ("file", "38fcde7f602376e3a92d094162fb73080b0b9d93b54167a54b4b7902495853ae")
    ]
    assert attributes_of(found) == [{"file_name": "a.exe"}]


def test_lines_of_a_checksum_file_within_a_list_are_read():
    found = read_case("case31/mostly.txt")
    assert len(found) == 12
    assert [(rejected.line, rejected.text) for rejected in found.rejected] == [
        (1, "'EXAMPLES OF DLL FILES'")
    ]
    names = [seed["file_name"] for seed in attributes_of(found)[8:]]
    assert names == [rf"C:\temp\x{n}.jpg" for n in range(4)]


_HASHES = st.sampled_from([("sha256", "SHA256", A), ("sha1", "SHA1", B), ("md5", "MD5", C)])
_NAMES = st.from_regex(r"[A-Za-z/][A-Za-z0-9._ /()-]{0,30}[A-Za-z0-9)]", fullmatch=True)


@given(_HASHES, _NAMES, st.booleans(), st.sampled_from(["gnu", "binary", "bsd", "openssl", "bar"]))
@example(kind=("md5", "MD5", C), name="a.example/x", is_upper=False, form="bar")
def test_every_form_of_checksum_line_gives_hash_and_name(kind, name, is_upper, form):
    _, label, digits = kind
    text = digits.upper() if is_upper else digits
    line = {
        "gnu": f"{text}  {name}",
        "binary": f"{text} *{name}",
        "bsd": f"{label} ({name}) = {text}",
        "openssl": f"{label}({name})= {text}",
        "bar": f"{name}|{text}",
    }[form]
    found = parse_seeds([line])
    assert seeds_of(found) == [("file", digits)]
    assert attributes_of(found) == [{"file_name": name}]


def test_checksums_of_other_types_are_rejected():
    found = parse_seeds([f"SHA512 (a.exe) = {A}{A}", f"{A}{A}  a.exe", f"SHA256 (a.exe) = {C}"])
    assert (len(found), len(found.rejected)) == (0, 3)
    assert "looks like SHA-512" in found.rejected[0].reason
    assert "is listed as sha256 but the length of md5" in found.rejected[2].reason


def test_a_report_with_bullets_gives_hashes_names_and_hosts():
    found = parse_seeds(
        f"""2020-12-03 - DOCUMENTS THAT DOWNLOAD A FILE:

- {A}  File 12.01.2020.doc
- evil[.]example - 8.8.8[.]8
- port 443 - good.example - HTTPS traffic
- SHA256 hash: {"d4" * 32}
- File size: 159,136 bytes
- File location: hxxp://evil[.]example/x.rar (encrypted)
"""
    )
    assert [text for _, text in seeds_of(found)] == [A, "evil.example", "8.8.8.8", "d4" * 32]
    assert attributes_of(found)[0] == {"file_name": "File 12.01.2020.doc"}
    assert [rejected.line for rejected in found.rejected] == [1, 5, 7, 8]
    assert "read free text with --format text" in warnings_of(found)


# --- several fields in a line --------------------------------------------------------------------


@pytest.mark.parametrize("separator", [";", "; ", ",", ", ", " | ", "\t", " ", " - "])
@pytest.mark.parametrize("comment", ["Emotet", "seen in May", "x: y", "invoice.zip", "100%"])
@pytest.mark.parametrize("digits", [A, B, C])
def test_a_hash_can_have_a_comment(digits, separator, comment):
    found = parse_seeds([f"{digits}{separator}{comment}"])
    assert seeds_of(found) == [("file", digits)]
    assert attributes_of(found) == [{"comment": comment}]


@pytest.mark.parametrize("separator", [";", "; ", ",", "\t", " - ", " | "])
@pytest.mark.parametrize(("text", "expected"), _INDICATORS[3:7])
def test_a_host_can_have_a_comment(text, expected, separator):
    found = parse_seeds([f"{text}{separator}seen in May"])
    assert seeds_of(found) == expected
    assert attributes_of(found) == [{"comment": "seen in May"}]


@pytest.mark.parametrize(("text", "expected"), _INDICATORS[3:])
def test_a_comment_can_be_in_parentheses(text, expected):
    found = parse_seeds([f"{text} (seen in May)"])
    assert seeds_of(found) == expected
    assert attributes_of(found) == [{"comment": "seen in May"}]
    both = parse_seeds([f"{text} (1.1.1[.]1)"])
    assert seeds_of(both) == [*expected, ("ip_address", "1.1.1.1")]
    assert len(parse_seeds([f"{text} (see {A})"]).rejected) == 1


@pytest.mark.parametrize("separator", [";", ",", "; ", ", ", " ", "\t", "|", " | "])
@pytest.mark.parametrize(
    "order", [(A, B, C), (C, B, A), (B, A, C), (C, A), (A, C)], ids=lambda order: str(len(order))
)
def test_several_hashes_in_a_line_are_one_file(order, separator):
    found = parse_seeds([separator.join(order)])
    assert seeds_of(found) == [("file", A)]
    others = {"md5": C, "sha1": B}
    assert attributes_of(found) == [{n: v for n, v in others.items() if v in order}]
    assert "several hashes of one entry were read as hashes of one file" in warnings_of(found)


@pytest.mark.parametrize("separator", [";", ",", ", ", " ", "\t", " | "])
def test_several_hosts_in_a_line_are_all_read(separator):
    found = parse_seeds([separator.join(["evil.example", "8[.]8[.]8[.]8", "https://a.example/x"])])
    assert [each for _, each in seeds_of(found)] == [
        "evil.example",
        "8.8.8.8",
        "https://a.example/x",
    ]


def test_commas_and_semicolons_inside_a_url_are_kept():
    for url in ("https://a.example/x,y;z", "https://a.example/?q=a,b", "https://a.example/x;id=1"):
        assert seeds_of(parse_seeds([url])) == [("url", url)]
    both = parse_seeds(["http://a.example/x,hxxp://b.example/y"])
    assert seeds_of(both) == [("url", "http://a.example/x"), ("url", "http://b.example/y")]


def test_the_blocked_name_in_a_hosts_file_is_read():
    found = parse_seeds(["127.0.0.1 localhost", "0.0.0.0 evil.example", "127.0.0.1\tbad.example"])
    assert seeds_of(found) == [("domain", "evil.example"), ("domain", "bad.example")]
    assert [rejected.line for rejected in found.rejected] == [1]


@pytest.mark.parametrize(
    "line", ["*.evil.example", "*.evil.example/", "evil.example/", "evil[.]example/"]
)
def test_a_domain_of_a_filter_list_is_read_with_a_warning(line):
    found = parse_seeds([line])
    assert seeds_of(found) == [("domain", "evil.example")]
    assert "*. before domains and / after hosts were removed" in warnings_of(found)


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("http://evil.example/", "http://evil.example/"),
        ("evil.example/a/", "http://evil.example/a/"),
        ("evil.example:8080/", "http://evil.example:8080/"),
        ("url: evil.example/", "http://evil.example/"),
    ],
)
def test_other_text_before_a_slash_is_a_url(line, url):
    found = parse_seeds([line])
    assert seeds_of(found) == [("url", url)]
    assert "were removed" not in warnings_of(found)


@pytest.mark.parametrize(
    "line", ["*.evil.example/a", "*.", "*./", "*.com", "*.*.evil.example", "/"]
)
def test_other_wildcards_are_rejected_without_a_warning(line):
    found = parse_seeds([line])
    assert seeds_of(found) == []
    assert len(found.rejected) == 1
    assert found.warnings == []


@pytest.mark.parametrize("prefix", ["0x", "0X", "sha256: 0x"])
def test_0x_before_a_hash_is_removed_with_a_warning(prefix):
    found = parse_seeds([prefix + A])
    assert seeds_of(found) == [("file", A)]
    assert "0x before hashes was removed" in warnings_of(found)


def test_0x_before_40_digits_is_an_address_of_ethereum():
    assert seeds_of(parse_seeds(["0x" + B])) == []


def test_a_host_and_a_port_are_one_seed():
    found = parse_seeds(["8.8.8.8|443", "evil.example,8080"])
    assert seeds_of(found) == [("ip_address", "8.8.8.8"), ("domain", "evil.example")]
    assert attributes_of(found) == [{"port": "443"}, {"port": "8080"}]


@pytest.mark.parametrize(
    "line",
    [
        f"We saw {A}",
        f"{A} and {B} were seen",
        f"evil.example;see {A}",
        "evil.example was seen",
        "evil.example;Emotet;8.8.8.8",
    ],
)
def test_a_sentence_is_rejected(line):
    assert [rejected.line for rejected in parse_seeds([line]).rejected] == [1]


# --- warnings about the whole list ---------------------------------------------------------------


def test_two_halves_of_a_hash_give_a_warning():
    assert "line 1: this line and the next one may be the halves of one SHA-256" in warnings_of(
        read_case("case41/list.txt")
    )


@given(
    st.integers(0, 6),
    st.sampled_from([(32, 32), (40, 24)]),
    st.integers(0, 6),
    st.integers(1, 2**256 - 1),
)
def test_a_wrapped_hash_anywhere_in_a_list_gives_a_warning(before, lengths, after, number):
    digits = f"{number:064x}"
    lines = [A, "", *["evil.example"] * before, digits[: lengths[0]], digits[lengths[0] :]]
    found = parse_seeds([*lines, *[A] * after])
    assert f"line {before + 3}: this line and the next one" in warnings_of(found)


def test_a_list_of_md5_gives_no_warning_about_halves():
    lines = [f"{number:032x}" for number in range(1, 101)]
    assert parse_seeds(lines).warnings == []
    assert parse_seeds(lines[:3]).warnings == []
    assert parse_seeds([B, C, B]).warnings == []


def test_a_report_read_as_a_list_gives_a_hint_to_the_option():
    found = read_case("case34/README.adoc", format="list")
    assert len(found) == 40
    assert "10 of the rejected lines contain hashes; read free text with --format text" in (
        warnings_of(found)
    )


def test_a_report_in_asciidoc_is_read_as_text():
    assert len(read_case("case34/README.adoc")) == 50


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([A, B, C]))
def test_every_rejected_hash_is_counted_in_the_hint(rejected, accepted, digits):
    lines = [f"saw {digits} there"] * rejected + [
        f"x{number}.example" for number in range(accepted)
    ]
    (hint,) = parse_seeds(lines).warnings
    assert f"{rejected} of the rejected lines contain" in hint
    assert "--format text" in hint


def test_the_hint_names_tables_first_if_the_lines_have_cells():
    found = parse_seeds([f"Emotet,{digits},2024,x" for digits in (A, B, C)])
    assert "3 of the rejected lines contain hashes; read a table with --format csv" in (
        warnings_of(found)
    )


def test_the_hint_for_rules_of_suricata_names_text_only():
    rule = (
        'alert dns $HOME_NET any -> any any (msg:"Domain"; dns.query; content:"evil[.]example";'
        f" reference:md5,{C}; sid:2900002; rev:1;)"
    )
    hint = warnings_of(parse_seeds([rule, rule]))
    assert "--format text" in hint
    assert "--format csv" not in hint


@pytest.mark.parametrize("line", ["127.0.0.1 localhost", "0.0.0.0 0.0.0.0", "127.0.1.1\tmy-host"])
def test_local_names_in_a_hosts_file_give_no_hint(line):
    found = parse_seeds([line, "0.0.0.0 evil.example"])
    assert seeds_of(found) == [("domain", "evil.example")]
    assert "--format" not in warnings_of(found)


def test_a_table_of_addresses_read_as_a_list_gives_the_hint_to_tables():
    found = parse_seeds([f"2024-05-0{n},Emotet,8.8.8.{n}" for n in range(1, 4)])
    assert "3 of the rejected lines contain addresses or URLs; read a table" in warnings_of(found)


def test_rejected_lines_with_urls_and_addresses_give_a_hint():
    found = parse_seeds(
        ["GET https://evil.example/x now", "saw 8.8.8.8 twice", "at evil[.]example"]
    )
    assert "3 of the rejected lines contain addresses or URLs; read free text" in warnings_of(found)
    assert parse_seeds(["nothing", "at all"]).warnings == []


def test_links_to_other_pages_of_virustotal_are_urls():
    link = "https://www.virustotal.com/about"
    assert seeds_of(parse_seeds([link])) == [("url", link)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("tcp://localhost:80", "is a URL whose host is neither a domain nor an IP address"),
        ("me@8.8.8.8/x", "is not a file hash"),
        ("\u00fc." * 1_500 + "example", "longer than 253 characters"),
    ],
)
def test_other_hosts_are_rejected(line, reason):
    (rejected,) = parse_seeds([line]).rejected
    assert reason in rejected.reason

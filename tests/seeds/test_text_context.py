"""Free text: what the text around a hash, host or URL says about it."""

from __future__ import annotations

import pytest

from graphbuild.seeds import read_seeds
from tests.seeds.seed_lists import seeds_of, warnings_of

SHA256 = "38fcde7f602376e3a92d094162fb73080b0b9d93b54167a54b4b7902495853ae"


@pytest.fixture
def read_text(tmp_path):
    """Return a function that reads a text."""

    def read(text):
        path = tmp_path / "report.txt"
        path.write_text(text, encoding="utf-8")
        return read_seeds(path, format="text")

    return read


@pytest.mark.parametrize("first", [32, 40])
@pytest.mark.parametrize(
    "start", ["SHA-256     ", "sha256: ", "| SHA256 | ", "a.dll      ", "a.dll\t"]
)
@pytest.mark.parametrize("indent", ["", "            ", "| "])
@pytest.mark.parametrize("end", ["", "\n", "\nnext", "  \n\nSHA-1  x"])
def test_the_halves_of_a_sha256_are_joined(read_text, first, start, indent, end):
    found = read_text(f"{start}{SHA256[:first]}\n{indent}{SHA256[first:]}{end}")
    assert seeds_of(found) == [("file", SHA256)]
    assert "the parts of a hash on two lines were joined" in warnings_of(found)


@pytest.mark.parametrize(
    "text",
    [
        "MD5         {}\n{}",
        "sha-1: {}\n{}",
        "- {}\n- {}",
        "a.dll       {}\nb.dll       {}",
        "a.dll       {}\n{}  b.dll",
        "the sample {}\n{}",
        "a.dll       {}\n\n{}",
    ],
)
def test_two_hashes_are_not_joined(read_text, text):
    hashes = [SHA256[:32], SHA256[32:]]
    assert seeds_of(read_text(text.format(*hashes))) == [("file", each) for each in hashes]


_PORTAL = "https://portal.example"


@pytest.mark.parametrize("indicator", [SHA256, SHA256.upper(), "evil[.]example", "8.8.8[.]8"])
@pytest.mark.parametrize(
    "link",
    [
        "[{shown}]({portal}/{plain}/?from=report)",
        "[`{shown}`](<{portal}/ioc/{plain}>)",
        "**[{shown}]({portal}/q?search={plain})**",
        '<a href="{portal}/{plain}/">{shown}</a>',
        "<a class='x' href='{portal}/{plain}' target=_blank><code>{shown}</code></a>",
    ],
)
def test_links_to_pages_about_an_indicator_are_skipped(read_text, indicator, link):
    plain = indicator.replace("[.]", ".")
    found = read_text(f"See {link.format(shown=indicator, plain=plain, portal=_PORTAL)} now.")
    assert [text for _, text in seeds_of(found)] == [plain.lower()]
    assert "links to pages about an indicator" in warnings_of(found)


@pytest.mark.parametrize(
    "text",
    [
        "[http://evil.example/a](http://evil.example/a)",
        "[evil.example](http://evil.example/a)",
        "[a report](http://evil.example/a)",
        '<a href="http://evil.example/a">http://evil.example/a</a>',
        '<a href="http://evil.example/a">evil.example</a>',
        '<a href="http://evil.example/a">report</a>',
    ],
)
def test_other_links_are_indicators(read_text, text):
    assert ("url", "http://evil.example/a") in seeds_of(read_text(text))


@pytest.mark.parametrize("reference", ["x.example/a/1", "www.x.example/a", "https://x.example/a"])
@pytest.mark.parametrize("start", ["reference:url,", "reference: url, ", 'reference:url,"'])
def test_references_of_rules_are_skipped(read_text, reference, start):
    rule = f'alert dns any any (msg:"x"; content:"evil.example"; {start}{reference}"; sid:1;)'
    found = read_text(rule)
    assert seeds_of(found) == [("domain", "evil.example")]
    assert "references of rules" in warnings_of(found)


def test_a_url_that_may_continue_on_the_next_line_is_reported(read_text):
    text = (
        "URL      hxxps://evil[.]example/a/\n         b.css?v=1\nURL      hxxp://evil[.]example/c\n"
    )
    assert "line 1: URLs at the end of a line may continue" in warnings_of(read_text(text))
    assert "may continue" not in warnings_of(read_text(text.replace("\n         ", "")))


@pytest.mark.parametrize("name", ["asp.net", "ASP.NET", "socket.io", "http.host"])
def test_names_of_products_and_fields_are_not_domains(read_text, name):
    assert len(read_text(f"They use {name}; and more.")) == 0


@pytest.mark.parametrize(
    ("length", "first"),
    [(64, 33), (64, 36), (64, 39), (64, 44), (64, 48), (64, 63), (40, 33), (40, 36), (40, 39)],
)
@pytest.mark.parametrize("start", ["", "- ", "\u30fb", "SHA256: "])
@pytest.mark.parametrize("indent", ["", "  ", "| "])
def test_the_parts_of_a_hash_are_joined(read_text, length, first, start, indent):
    digits = SHA256[:length]
    found = read_text(f"{start}{digits[:first]}\n{indent}{digits[first:]} (update.cab)\nnext")
    assert seeds_of(found) == [("file", digits)]
    assert "the parts of a hash on two lines were joined" in warnings_of(found)


@pytest.mark.parametrize(
    "text",
    [
        "Imphash of the DLL: `{}`",
        "Skr\u00f3t certyfikatu podpisuj\u0105cego (SHA1): `{}`",
        "thumbprint of the signed loader: {}",
        r"JA3     & \ioc{{{}}} \\",
        'Content-Type: multipart/mixed; boundary="b1_{}"',
    ],
)
def test_other_hashes_are_not_files_later_either(read_text, text):
    digits = SHA256[:32]
    found = read_text(f"{text.format(digits)}\n\nand more text\n--b1_{digits}\n{digits}\n")
    assert seeds_of(found) == []
    assert "not the hash of a file" in warnings_of(found)


@pytest.mark.parametrize("version", ["3.0.20.0", "9.1.18.2", "1.1.4.6", "2.11.0.4"])
@pytest.mark.parametrize(
    "text",
    [
        "AnyDesk {} installed",
        "the version string is {}, and",
        "firmware {} is vulnerable",
        "VPN\u88fd\u54c1\uff08\u30d0\u30fc\u30b8\u30e7\u30f3 {} \u304a\u3088\u3073",
        "{{id:d.body.id,v:'{}'}}",
        "[+] Family      : Wheatear {}",
    ],
)
def test_versions_are_not_addresses(read_text, text, version):
    found = read_text(text.format(version))
    assert seeds_of(found) == []
    assert "looks like a version number" in warnings_of(found)


@pytest.mark.parametrize(
    "text",
    [
        "the server {} answers",
        "C2: {}",
        "connects to {}",
        "{}",
        "- {}",
        "| x | {} |",
        "dst=9.9.9.9 src={}",
        "IP address: {}",
        "evil.example, {}",
    ],
)
def test_small_addresses_are_read_where_the_text_names_hosts(read_text, text):
    assert ("ip_address", "8.8.4.4") in seeds_of(read_text(text.format("8.8.4.4")))


def test_defanged_addresses_are_no_versions(read_text):
    assert seeds_of(read_text("AnyDesk 8.8.4[.]4")) == [("ip_address", "8.8.4.4")]


@pytest.mark.parametrize("ligature", ["\ufb00", "\ufb01", "\ufb03"])
def test_ligatures_in_domains_are_letters(read_text, ligature):
    plain = {"\ufb00": "ff", "\ufb01": "fi", "\ufb03": "ffi"}[ligature]
    found = read_text(f"mso{ligature}ce-sync[.]com and more")
    assert seeds_of(found) == [("domain", f"mso{plain}ce-sync.com")]


def test_names_in_rules_of_dnsmasq_are_domains(read_text):
    rules = "address=/evil.example/0.0.0.0\nserver=/bad.example/worse.example/#\n"
    found = read_text(rules)
    assert [text for _, text in seeds_of(found)] == ["evil.example", "bad.example", "worse.example"]


@pytest.mark.parametrize("port", ["129", "443", "51123"])
def test_ports_after_a_slash_are_removed(read_text, port):
    found = read_text(f"Deny tcp src outside:8.8.100.8/{port} dst inside:10.20.0.8/3389 by x")
    assert seeds_of(found) == [("ip_address", "8.8.100.8")]


def test_other_defanged_schemes_are_understood(read_text):
    found = read_text("also hxxxs://evil.example/a.bin and hxxx://evil.example/b")
    expected = ["https://evil.example/a.bin", "http://evil.example/b"]
    assert [text for _, text in seeds_of(found)] == expected

"""Tables as feeds and spreadsheets write them: columns, headings, types, hashes, dialects."""

from __future__ import annotations

import csv
import io
import itertools
import time
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.errors import SeedError
from graphbuild.seeds import read_seeds
from tests.seeds.seed_lists import attributes_of, read_case, seeds_of, warnings_of

A, B, C = "a1" * 32, "b2" * 20, "c3" * 16
# The hashes of the files in the cases.
FIRST = "38fcde7f602376e3a92d094162fb73080b0b9d93b54167a54b4b7902495853ae"
SECOND = "26bf6cb9df564de02dd1723dd704f6b9419a10fe261ee3d52f92a235f2ddd0ce"
THIRD = "695aa01e5b4916eb9369577d6f09c39df795c86a85386b458e0fb464f468ffe9"


@pytest.fixture
def write_table(tmp_path):
    """Return a function that writes rows or text to a CSV file and returns its path."""

    def write(content, name="table.csv", **options):
        path = tmp_path / name
        if not isinstance(content, bytes | str):
            text = io.StringIO()
            csv.writer(text, lineterminator="\n", **options).writerows(content)
            content = text.getvalue()
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def write_example(tmp_path_factory, rows):
    """Write the table of one generated example, and return its path."""
    path = tmp_path_factory.getbasetemp() / "example.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    return path


def column_of(found):
    return found.formats[0].column, found.formats[0].column_reason


def hash_of(number, length=64):
    return f"{number + 1:0{length}x}"


# --- the cases -----------------------------------------------------------------------------------


def test_rows_of_unsupported_types_are_skipped_and_counted():
    found = read_case("case16/iocs.csv")
    assert seeds_of(found) == [
        ("file", FIRST),
        ("domain", "c2.example.com"),
        ("ip_address", "8.8.8.8"),
    ]
    assert found.rejected == []
    assert (
        "entries of these types were skipped: filename (4), cert_sha1 (1), certificate_serial (1),"
        " imphash (1)" in warnings_of(found)
    )


def test_a_column_of_links_is_not_taken_for_the_seeds():
    found = read_case("case21/iocs.csv")
    assert seeds_of(found) == [("ip_address", "8.8.8.8"), ("file", FIRST), ("file", SECOND)]
    column, reason = column_of(found)
    assert column == "1 'IOC'"
    assert reason == "3 of 3 rows; the heading names indicators; line 1 is the heading"


def test_a_column_with_few_indicators_is_found_by_its_types():
    found = read_case("case23/mixed.csv")
    assert seeds_of(found) == [("file", FIRST), ("file", SECOND), ("domain", "c2.example.com")]
    assert column_of(found)[0] == "2 'Data'"
    assert "column 1 'Indicator_type' states the types" in column_of(found)[1]
    for name in ("file_path (2)", "Description (1)", "command_line (1)", "registry_key (1)"):
        assert name in warnings_of(found)


def test_several_hashes_in_a_cell_are_one_file():
    first, second = read_case("case24/semicolon.csv")
    assert (first.entity.id, second.entity.id) == (FIRST, SECOND)
    assert first.attributes["md5"] == "2d20f1cd235afc9538202b25f2e68428"
    assert first.attributes["sha1"] == "a39aac1c45a661c4fc04c67e29029a1add86fabf"
    assert seeds_of(read_case("case24/semicolon.csv", column="IOC")) == [
        ("file", FIRST),
        ("file", SECOND),
    ]
    found = read_case("case24/comma.csv")
    assert seeds_of(found) == [
        ("file", FIRST),
        ("domain", "www.example.com"),
        ("ip_address", "8.8.8.8"),
    ]
    assert found.rejected == []


@pytest.mark.parametrize("column", [None, "sha256"])
def test_several_hashes_in_a_row_are_one_file(column):
    found = read_case("case25/hashes.csv", column=column)
    assert seeds_of(found) == [
        ("file", FIRST),
        ("file", "4abfb640cb9e63d4cb42b3f7f98a9796"),
        ("file", THIRD),
    ]
    assert attributes_of(found)[0] == {
        "name": "a.exe",
        "md5": "2d20f1cd235afc9538202b25f2e68428",
        "sha1": "a39aac1c45a661c4fc04c67e29029a1add86fabf",
    }


def test_feeds_with_a_heading_in_a_comment_and_spaces_before_quotes_are_read():
    for column in (None, "ioc_value", "3"):
        found = read_case("case27/threatfox.csv", column=column)
        assert seeds_of(found) == [
            ("domain", "c2.example.com"),
            ("ip_address", "8.8.8.8"),
            ("file", FIRST),
        ]
        assert [seed.line for seed in found] == [4, 5, 6]
        assert attributes_of(found)[0]["tags"] == "c2,rat"
    for column in (None, "sha256_hash"):
        found = read_case("case27/malwarebazaar.csv", column=column)
        assert seeds_of(found) == [("file", FIRST), ("file", SECOND)]
        assert attributes_of(found)[1]["file_name"] == "k, x64"
        assert column_of(found)[1].endswith("a comment is the heading")


@pytest.mark.parametrize("column", [None, "value", "1"])
def test_stray_quotes_are_reported_by_line(column):
    found = read_case("case29/iocs.csv", column=column)
    assert seeds_of(found) == [("file", FIRST), ("file", SECOND), ("file", THIRD)]
    assert "line 2: a quote in this row" in warnings_of(found)
    assert "line 3: a quote in this row" in warnings_of(found)
    assert "line 4" not in warnings_of(found)


# --- which column --------------------------------------------------------------------------------

_LINK_HEADINGS = [
    "Link",
    "link",
    "LINKS",
    "VT link",
    "vt_link",
    "urlhaus_link",
    "Reference",
    "references",
    "Reference URL",
    "referenceUrl",
    "External references",
    "Ref",
    "Source",
    "Source URL",
    "source_url",
    "Sources",
    "Report",
    "report_url",
    "Report link",
    "Reports",
    "Permalink",
    "URL of report",
    "phish_detail_url",
    "Blog post",
    "Hyperlink",
]
_KINDS = [
    ("IOC", [hash_of(n) for n in range(5)]),
    ("hash", [hash_of(n, 32) for n in range(5)]),
    ("Indicator", [f"c{n}[.]example.com" for n in range(5)]),
    ("dst_ip", [f"8.8.8.{n}" for n in range(5)]),
    ("url", [f"http://evil{n}.example/x" for n in range(5)]),
]


@pytest.mark.parametrize("heading", _LINK_HEADINGS)
@pytest.mark.parametrize(("name", "cells"), _KINDS)
@pytest.mark.parametrize("is_first", [True, False])
def test_every_heading_of_links_is_recognized(write_table, heading, name, cells, is_first):
    links = [heading, *(f"https://portal{n}.example/case/{n}" for n in range(len(cells)))]
    seeds = [name, *cells]
    pairs = zip(links, seeds, strict=True) if is_first else zip(seeds, links, strict=True)
    found = read_seeds(write_table(pairs))
    assert len(found) == len(cells)
    assert not any("portal" in text for _, text in seeds_of(found))
    assert column_of(found)[0] == f"{2 if is_first else 1} {name!r}"


@pytest.mark.parametrize("heading", _LINK_HEADINGS)
def test_a_column_of_links_alone_is_refused(write_table, heading):
    rows = [[heading, "name"], *([f"https://a{n}.example/case/{n}", "x"] for n in range(4))]
    with pytest.raises(SeedError) as caught:
        read_seeds(write_table(rows))
    assert f"1 {heading!r} (4 of 4 rows); choose a column with --column" in str(caught.value)
    assert len(read_seeds(write_table(rows), column="1")) == 4


def test_urls_of_one_host_without_a_telling_heading_are_refused(write_table):
    rows = [["Family", "Where"], *(["x", f"https://portal.example/case/{n}"] for n in range(4))]
    with pytest.raises(
        SeedError, match=r"columns that may be links or sources: 2 'Where' \(4 of 4 rows\)"
    ):
        read_seeds(write_table(rows))
    assert column_of(read_seeds(write_table(rows), column="Where"))[1] == (
        "4 of 4 rows; chosen with --column; line 1 is the heading"
    )


@pytest.mark.parametrize("heading", ["Coverage", "Read more", "Where", "Page", "Ticket no."])
def test_urls_below_an_unknown_heading_are_taken_only_if_types_confirm_them(write_table, heading):
    urls = [f"https://site{n}.example/{n}" for n in range(4)]
    with pytest.raises(SeedError, match="columns that may be links or sources: 2"):
        read_seeds(write_table([["Family", heading], *(["x", url] for url in urls)]))
    typed = write_table([["ioc_type", heading], *(["url", url] for url in urls)])
    if heading == "Ticket no.":
        with pytest.raises(SeedError, match="columns that may be links or sources: 2"):
            read_seeds(typed)
    else:
        assert [text for _, text in seeds_of(read_seeds(typed))] == urls


@given(st.integers(1, 40), st.integers(0, 40), st.booleans(), st.booleans())
def test_a_column_must_lead_clearly(tmp_path_factory, first, second, is_named, is_other_named):
    size = max(first, second)
    domains = [f"a{n}.example" if n < first else "text" for n in range(size)]
    addresses = [f"8.8.{n}.8" if n < second else "text" for n in range(size)]
    heading = ["domain" if is_named else "x", "ip" if is_other_named else "y"]
    rows = [heading, *map(list, zip(domains, addresses, strict=True))]
    weights = first * (3 if is_named else 1), second * (3 if is_other_named else 1)
    path = write_example(tmp_path_factory, rows)
    if weights[0] >= 3 * weights[1]:
        assert column_of(read_seeds(path))[0] == f"1 {heading[0]!r}"
    elif weights[1] >= 3 * weights[0]:
        assert column_of(read_seeds(path))[0] == f"2 {heading[1]!r}"
    else:
        with pytest.raises(SeedError, match="several columns contain") as caught:
            read_seeds(path)
        assert f"1 {heading[0]!r} ({first} of {size} rows)" in str(caught.value)
        assert f"2 {heading[1]!r} ({second} of {size} rows)" in str(caught.value)


@pytest.mark.parametrize("names", [1, 2])
def test_addresses_in_every_row_lead_host_names_in_some_rows(write_table, names):
    rows = [[f"8.8.{n}.8", f"a{n}.example" if n < names else ""] for n in range(3)]
    found = read_seeds(write_table([["ip_address", "hostname"], *rows]))
    assert seeds_of(found) == [("ip_address", f"8.8.{n}.8") for n in range(3)]
    assert f"2 'hostname' ({names} of 3 rows)" in warnings_of(found)


@pytest.mark.parametrize(
    ("heading", "gap"), [(["ip", "hostname"], 0), (["ip", "domain"], 1), (["x", "hostname"], 1)]
)
def test_other_columns_of_addresses_and_names_are_refused(write_table, heading, gap):
    rows = [[f"8.8.{n}.8", f"a{n}.example"] for n in range(3)]
    rows[0][1] = "" if gap else rows[0][1]
    if heading[0] == "x":
        rows = [*rows, ["", "b.example"], ["", ""]]
        rows[1][1] = ""
    with pytest.raises(SeedError, match="several columns contain"):
        read_seeds(write_table([heading, *rows]))


def test_columns_are_judged_by_more_than_the_first_rows(write_table):
    rows = [["Data", "Note"], *([f"HKLM\\Run\\{n}", ""] for n in range(2_000))]
    rows += [[hash_of(n), ""] for n in range(3_000)]
    found = read_seeds(write_table(rows))
    assert len(found) == 3_000
    assert column_of(found)[1].startswith("3,000 of 5,000 rows; ")


def test_a_column_with_few_indicators_and_an_unknown_heading_is_refused(write_table):
    rows = [["Data", "Note"], *(["text", "text"] for _ in range(9)), [A, "text"]]
    with pytest.raises(SeedError, match=r"in enough rows: 1 'Data' \(1 of 10 rows\); choose"):
        read_seeds(write_table(rows))


def test_other_columns_with_indicators_are_reported(write_table):
    rows = [["ip", "domain"], *([f"8.8.8.{n}", ""] for n in range(9)), ["8.8.8.9", "a.example"]]
    found = read_seeds(write_table(rows))
    assert len(found) == 10
    assert (
        "other columns contain indicators, too: 2 'domain' (1 of 10 rows); choose a column with"
        " --column" in warnings_of(found)
    )


def test_one_of_two_columns_with_the_same_indicators_is_taken(write_table):
    rows = [["defanged", "indicator"], *([f"a{n}[.]example", f"a{n}.example"] for n in range(3))]
    found = read_seeds(write_table(rows))
    assert (len(found), column_of(found)[0]) == (3, "2 'indicator'")


@pytest.mark.parametrize("name", ["imphash", "Authentihash", "cert_sha1", "ssdeep", "file name"])
def test_columns_of_other_hashes_are_never_taken(write_table, name):
    other = [hash_of(n, 40 if "sha1" in name else 32) for n in range(100, 103)]
    seeds = [f"8.8.8.{n}" for n in range(3)]
    rows = [[name, "x"], *map(list, zip(other, seeds, strict=True))]
    assert column_of(read_seeds(write_table(rows)))[0] == "2 'x'"


def test_a_table_of_text_is_refused_with_the_option_for_text(write_table):
    with pytest.raises(SeedError, match=r"it has 1 'a', 2 'b'; .* text with --format text"):
        read_seeds(write_table("a,b\nWe saw it,today\n"))


def test_a_number_selects_a_column_even_if_a_cell_contains_it(write_table):
    found = read_seeds(write_table(f"id,other,ioc\n3,{FIRST},{A}\n4,{SECOND},{B}\n"), column="3")
    assert seeds_of(found) == [("file", A), ("file", B)]
    found = read_seeds(write_table(f"1,domain,{A}\n2,domain,{B}\n"), column="3")
    assert seeds_of(found) == [("file", A), ("file", B)]


_CELLS = st.sampled_from(
    [A, B, C, "evil.example", "8.8.8.8", "10.0.0.1", "text", "", "n/a", "two words", "hxxp://a[.]b"]
)


@given(
    st.lists(
        st.tuples(_CELLS, st.sampled_from(["sha256", "domain", "mutex", "", "?"])), max_size=9
    ),
    st.sampled_from(["ioc", "1"]),
)
def test_every_row_is_accounted_for(tmp_path_factory, rows, column):
    path = write_example(tmp_path_factory, [["ioc", "type"], [A, "sha256"], *rows])
    found = read_seeds(path, column=column)
    counted = len(found) + found.duplicates + len(found.rejected) + found.skipped
    assert counted == len(rows) + 1
    assert all(seed.line <= len(rows) + 2 for seed in found)


# --- hashes of one file --------------------------------------------------------------------------

_HASH_HEADINGS = st.sampled_from(
    [
        ("md5", "sha1", "sha256"),
        ("MD5", "SHA-1", "SHA-256"),
        ("md5_hash", "sha1_hash", "sha256_hash"),
        ("File MD5", "File SHA1", "File SHA256"),
        ("Hash (MD5)", "Hash (SHA1)", "Hash (SHA256)"),
        ("md5", "samples_sha1", "sample_hash"),
        ("MD5 checksums", "SHA1 digests", "Samples"),
    ]
)
_PRESENT = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.booleans()).filter(any), min_size=1, max_size=12
)


@given(_HASH_HEADINGS, _PRESENT, st.permutations([0, 1, 2]), st.sampled_from(["", "n/a", "-"]))
def test_each_row_gives_its_strongest_hash(tmp_path_factory, headings, present, order, empty):
    rows, expected = [["name", *(headings[kind] for kind in order)]], []
    for number, flags in enumerate(present):
        hashes = [hash_of(number, length) for length in (32, 40, 64)]
        rows.append(["a.exe", *(hashes[kind] if flags[kind] else empty for kind in order)])
        strongest = max(kind for kind in range(3) if flags[kind])
        others = {
            name: hashes[kind]
            for kind, name in enumerate(["md5", "sha1", "sha256"])
            if flags[kind] and kind < strongest
        }
        expected.append((hashes[strongest], others))
    found = read_seeds(write_example(tmp_path_factory, rows))
    assert found.rejected == []
    read = [
        (seed.entity.id, {k: v for k, v in seed.attributes.items() if v.isalnum()})
        for seed in found
    ]
    several = sum(any(flags[kind] for flags in present) for kind in range(3)) > 1
    if several:
        assert read == expected
    else:
        assert [digits for digits, _ in read] == [digits for digits, _ in expected]


@pytest.mark.parametrize("separator", [";", ",", " ", "\n", "|", " / ", "; "])
@pytest.mark.parametrize("order", [*list(itertools.permutations([A, B, C])), (A, C), (C, B)])
def test_hashes_in_a_cell_are_one_file_in_any_order(write_table, separator, order):
    found = read_seeds(write_table([["IOC", "n"], [separator.join(order), "x"]]))
    strongest = max(order, key=len)
    assert seeds_of(found) == [("file", strongest)]
    others = {"md5": C, "sha1": B}
    others = {name: digits for name, digits in others.items() if digits in order}
    others = {name: digits for name, digits in others.items() if digits != strongest}
    assert attributes_of(found) == [{"n": "x", **others}]


def test_two_hashes_of_one_type_are_two_files(write_table):
    found = read_seeds(write_table([["IOC", "n"], [f"{A};{FIRST}", "x"]]))
    assert seeds_of(found) == [("file", A), ("file", FIRST)]
    rows = [["sha256", "parent_sha256", "n"], [A, FIRST, "x"]]
    with pytest.raises(SeedError, match="several columns"):
        read_seeds(write_table(rows))


def test_an_invalid_hash_beside_a_valid_one_is_reported(write_table):
    found = read_seeds(write_table(f"md5,sha256\n{C},{A}\nzz,{FIRST}\nzz,zz\n"))
    assert seeds_of(found) == [("file", A), ("file", FIRST)]
    assert [rejected.line for rejected in found.rejected] == [4]
    assert "line 3: invalid hashes beside a valid hash were ignored" in warnings_of(found)


# --- types ---------------------------------------------------------------------------------------

_SUPPORTED = {
    A: [
        "sha256",
        "SHA-256",
        "SHA2-256",
        "sha 2 256",
        "sha256_hash",
        "FileHash-SHA256",
        "hash",
        "file",
        "filehash",
    ],
    B: ["sha1", "SHA1 hash", "file"],
    C: ["md5", "hash_md5", "MD5", "MD-5"],
    "evil.example": [
        "domain",
        "hostname",
        "Domain Name",
        "FQDN",
        "host",
        "c2 domain",
        "C2",
        "Network",
    ],
    "8.8.8.8": ["ip", "IPv4", "ip-dst", "ipv4-addr", "ip_address", "Source IP"],
    "8.8.8.8:443": ["ip:port", "ip"],
    "8.8.8.8|443": ["ip-dst|port", "ip-src|port"],
    f"a.exe|{A}": ["filename|sha256"],
    f"b.exe|{C}": ["filename|md5", "malware-sample"],
    "evil.example|8.8.8.8": ["domain|ip"],
    "https://evil.example/x": ["url", "URI", "payload url", "url_path"],
}
_UNSUPPORTED = [
    ("imphash", C),
    ("pehash", B),
    ("authentihash", A),
    ("cert_sha1", B),
    ("certificate_serial", C),
    ("x509-fingerprint-sha1", B),
    ("ja3-fingerprint-md5", C),
    ("jarm", C),
    ("SSL certificates", B),
    ("favicon_hash", C),
    ("rich header hash", C),
    ("filename", "report.zip"),
    ("file_path", "install.sh"),
    ("mutex", "Global.Mutex"),
    ("registry_key", "HKLM.Run"),
    ("email", "a.example"),
    ("email-src", "me@a.example"),
    ("user-agent", "Mozilla.Agent"),
    ("yara", "rule.name"),
    ("sha512", A),
    ("SHA2-512", A),
    ("SHA-224", A),
    ("CIDR", "8.8.8.0/24"),
    ("Description", "evil.example"),
]


@pytest.mark.parametrize("heading", ["type", "ioc_type", "Indicator type", "indicator_type"])
@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for text, kinds in _SUPPORTED.items() for kind in kinds]
)
def test_each_supported_type_is_read(write_table, heading, kind, text):
    rows = [[heading, "value"], [kind, text], ["sha256", FIRST], ["imphash", C]]
    found = read_seeds(write_table(rows))
    expected = text.split("|")[-1].removesuffix(":443").replace("443", "8.8.8.8")
    assert expected in [each for _, each in seeds_of(found)]
    assert ("file", FIRST) in seeds_of(found)
    assert found.rejected == []
    assert "entries of these types were skipped: imphash (1)" in warnings_of(found)


@pytest.mark.parametrize("heading", ["type", "ioc_type", "Indicator type"])
@pytest.mark.parametrize(("kind", "text"), _UNSUPPORTED)
def test_each_unsupported_type_is_skipped(write_table, heading, kind, text):
    rows = [[heading, "value"], [kind, text], ["sha256", FIRST], ["domain", "evil.example"]]
    found = read_seeds(write_table(rows))
    assert seeds_of(found) == [("file", FIRST), ("domain", "evil.example")]
    assert found.rejected == []
    assert f"skipped: {kind} (1)" in warnings_of(found)


def test_composite_values_keep_the_other_part(write_table):
    rows = [["type", "value"], ["filename|sha256", f"a.exe|{A}"], ["ip-dst|port", "8.8.8.8|443"]]
    found = read_seeds(write_table(rows))
    assert attributes_of(found) == [
        {"type": "filename|sha256", "file_name": "a.exe"},
        {"type": "ip-dst|port", "port": "443"},
    ]


def test_both_parts_of_a_domain_and_its_address_are_read(write_table):
    rows = [["type", "value"], ["domain|ip", "a.example|8.8.8.8"], ["domain|ip", "b.example|::1"]]
    found = read_seeds(write_table(rows))
    assert [text for _, text in seeds_of(found)] == ["a.example", "8.8.8.8", "b.example"]
    assert [rejected.line for rejected in found.rejected] == [3]


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("sha256", C, "is listed as sha256 but the length of md5"),
        ("domain", C, "is listed as domain but is a file hash"),
        ("md5", "evil.example", "is listed as md5 but is not a file hash"),
        ("ip", "10.0.0.1", "is a private or reserved address"),
    ],
)
def test_a_value_that_contradicts_its_type_is_rejected(write_table, kind, text, reason):
    rows = [["type", "value"], [kind, text], ["sha256", A], ["domain", "a.example"]]
    (rejected,) = read_seeds(write_table(rows)).rejected
    assert rejected.line == 2
    assert reason in rejected.reason


def test_types_of_malware_are_no_types_of_indicators(write_table):
    rows = [["type", "sha256"], ["Trojan", A], ["Worm", FIRST]]
    assert seeds_of(read_seeds(write_table(rows))) == [("file", A), ("file", FIRST)]


@pytest.mark.parametrize("heading", ["Typ", "Art"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_types_in_german_are_recognized(write_table, heading, encoding):
    rows = [
        f"Indikator;{heading}",
        "evil.example;Dom\u00e4ne",
        "8.8.8.8;IP-Adresse",
        f"{A};Pr\u00fcfsumme (SHA-256)",
        f"{C};Pr\u00fcfsumme",
        "http://evil.example/x;URL",
        "rechnung.zip;Dateiname",
    ]
    found = read_seeds(write_table("\n".join(rows).encode(encoding)))
    assert [text for _, text in seeds_of(found)] == [
        "evil.example",
        "8.8.8.8",
        A,
        C,
        "http://evil.example/x",
    ]
    assert "Dateiname (1)" in warnings_of(found)


def test_sources_in_german_beside_types_are_links(write_table):
    rows = [
        "Indikator;Art;Quelle",
        "evil[.]example;Dom\u00e4ne;https://portal.example/w7",
        "8[.]8[.]8[.]8;IP-Adresse;https://portal.example/w7",
        f"{A};Pr\u00fcfsumme (SHA-256);https://portal.example/w8",
    ]
    found = read_seeds(write_table("\n".join(rows)))
    assert [text for _, text in seeds_of(found)] == ["evil.example", "8.8.8.8", A]


def test_a_type_column_without_a_heading_is_recognized(write_table):
    rows = [["sha256", A, "x"], ["imphash", C, "x"], ["domain", "evil.example", "x"]]
    found = read_seeds(write_table(rows))
    assert seeds_of(found) == [("file", A), ("domain", "evil.example")]
    assert "skipped: imphash (1)" in warnings_of(found)


# --- headings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "is_heading"),
    [
        (["hash", "family"], True),
        (["Column A", "Column B"], True),
        (["source.ip", "family"], True),
        (["threat.indicator.url.full", "@timestamp"], True),
        (["hash", ""], True),
        ([A, "Emotet"], False),
        (["evil.example", "family"], False),
        (["rubbish", "Emotet"], False),
        (["rubbish", "2024-05-01 10:00:00"], False),
        (["rubbish", "17"], False),
        (["Emotet.Downloader", "x"], False),
    ],
)
def test_a_first_row_is_the_heading_only_if_it_differs(write_table, first, is_heading):
    rows = [first, [FIRST, "Emotet"], [SECOND, "Emotet"]]
    found = read_seeds(write_table(rows), column="1")
    reason = column_of(found)[1]
    assert ("line 1 is the heading" in reason) == is_heading
    assert ("the table has no heading" in reason) != is_heading
    assert len(found) + len(found.rejected) == (2 if is_heading else 3)


@given(
    st.lists(
        st.from_regex(r"[A-Za-z][A-Za-z_ ]{0,12}", fullmatch=True), min_size=2, max_size=5
    ).filter(lambda names: len(set(map(str.strip, names))) == len(names)),
    st.integers(0, 4),
    st.integers(1, 8),
)
def test_a_heading_of_words_is_never_a_row(tmp_path_factory, names, index, size):
    index %= len(names)
    body = [
        [hash_of(n) if column == index else f"{n} of {size}" for column in range(len(names))]
        for n in range(size)
    ]
    found = read_seeds(write_example(tmp_path_factory, [names, *body]), column=str(index + 1))
    assert (len(found), found.rejected) == (size, [])
    assert [seed.line for seed in found] == list(range(2, size + 2))


def test_a_repeated_heading_is_skipped(write_table):
    found = read_seeds(write_table(f"hash,n\n{A},1\nhash,n\n{FIRST},2\n"))
    assert seeds_of(found) == [("file", A), ("file", FIRST)]
    assert (found.rejected, found.skipped) == ([], 1)


# --- dialects ------------------------------------------------------------------------------------

_ROWS = [
    ["when", "ioc", "note"],
    ["2024-05-01", A, "one, two"],
    ["2024-05-02", "evil[.]example", 'say "no"; or'],
    ["2024-05-03", "https://evil.example/a?b=c,d", "M\u00fcller | \u20ac"],
]
_EXPECTED = [("file", A), ("domain", "evil.example"), ("url", "https://evil.example/a?b=c,d")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("prefix", ["", "sep={}\n", '"sep={}"\n', "# a comment\n#\n", "\n\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_table_is_read_in_every_dialect(write_table, delimiter, prefix, encoding):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(_ROWS)
    content = prefix.format(delimiter) + text.getvalue()
    found = read_seeds(write_table(content.encode(encoding)))
    assert seeds_of(found) == _EXPECTED
    assert [seed["note"] for seed in attributes_of(found)] == [row[2] for row in _ROWS[1:]]
    assert ("was read as Windows-1252" in warnings_of(found)) == (encoding == "cp1252")


def test_the_fields_of_a_zeek_log_are_the_heading(write_table):
    log = (
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tssl\n"
        "#fields\tts\tid.resp_h\tserver_name\n#types\ttime\taddr\tstring\n"
        "1718064000.112\t8.8.8.8\ta.example\n1718064001.112\t8.8.4.4\t-\n"
        "1718064002.112\t9.9.9.9\t(empty)\n#close\t2024-06-11-01-00-00\n"
    )
    path = write_table(log, "ssl.log")
    assert seeds_of(read_seeds(path)) == seeds_of(read_seeds(path, column="id.resp_h"))
    found = read_seeds(path, column="id.resp_h")
    assert [text for _, text in seeds_of(found)] == ["8.8.8.8", "8.8.4.4", "9.9.9.9"]
    assert attributes_of(found)[0] == {"ts": "1718064000.112", "server_name": "a.example"}
    names = read_seeds(path, column="server_name")
    assert seeds_of(names) == [("domain", "a.example")]
    assert names.rejected == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("space", ["", " "])
@pytest.mark.parametrize("quoting", ["all", "heading", "none"])
@pytest.mark.parametrize("head", ["{}\n", "# {}\n", "#{}\n#\n", "# title\n#\n# {}\n# end\n"])
def test_a_heading_can_be_in_a_comment(write_table, delimiter, space, quoting, head):
    def join(cells, *, is_quoted):
        cells = [f'"{cell}"' if is_quoted else cell for cell in cells]
        return f"{delimiter}{space if delimiter != chr(9) else ''}".join(cells)

    rows = [["first_seen", "ioc_value", "tags"], ["2024-05-01", A, "x"], ["2024-05-02", B, "y"]]
    heading = head.format(join(rows[0], is_quoted=quoting != "none"))
    body = "".join(f"{join(row, is_quoted=quoting == 'all')}\n" for row in rows[1:])
    found = read_seeds(write_table(f"{heading}{body}# 2 entries\n"))
    assert seeds_of(found) == [("file", A), ("file", B)]
    assert attributes_of(found) == [
        {"first_seen": "2024-05-01", "tags": "x"},
        {"first_seen": "2024-05-02", "tags": "y"},
    ]
    lines = heading.count("\n")
    assert [seed.line for seed in found] == [lines + 1, lines + 2]


_STRAY_QUOTES = [
    '"signed by "X" Y"',
    r'"said \"hello\""',
    'ends with "',
    '"never closed',
    '""x""',
    '"a" b',
    'in "the" middle',
    '5" disk',
]


@given(
    st.lists(st.sampled_from(["fine", '"quoted, cell"', *_STRAY_QUOTES]), min_size=1, max_size=9)
)
def test_a_stray_quote_loses_no_row(tmp_path_factory, notes):
    path = tmp_path_factory.getbasetemp() / "quotes.csv"
    rows = "".join(f"{hash_of(n)},{note},last\n" for n, note in enumerate(notes))
    path.write_text(f"value,comment,n\n{rows}", encoding="utf-8")
    found = read_seeds(path)
    assert [seed.entity.id for seed in found] == [hash_of(n) for n in range(len(notes))]
    assert [seed.line for seed in found] == list(range(2, len(notes) + 2))


def test_many_stray_quotes_give_few_warnings(write_table):
    rows = "".join(f'{hash_of(n)},"a "b" c"\n' for n in range(1_000))
    found = read_seeds(write_table(f"value,comment\n{rows}"))
    assert len(found) == 1_000
    assert len(found.warnings) == 21
    assert "and 979 more: other rows have quotes" in found.warnings[-1]


@pytest.mark.parametrize("separator", ['"', " ", "a", "", "#", "\\n"])
def test_an_unusual_separator_line_is_an_ordinary_row(write_table, separator):
    found = read_seeds(write_table(f"sep={separator}\nioc,note\n{A},x\n{B},y\n"))
    assert seeds_of(found) == [("file", A), ("file", B)]


def test_a_cell_with_several_lines_is_one_cell(write_table):
    found = read_seeds(write_table([["ioc", "note"], [A, "one\ntwo\nthree"], [B, "x"]]))
    assert attributes_of(found) == [{"note": "one\ntwo\nthree"}, {"note": "x"}]
    assert [seed.line for seed in found] == [2, 5]


# --- tables that graphbuild exports --------------------------------------------------------------


def test_exported_nodes_give_the_subjects(write_table):
    url = "https://evil.example/x"
    url_id = "8bd5f4cd2c9a6a5f1b2f3e8b0d1d7d4f5a0f7a6ce6c8cba1ad6e2f7b6c0e2b11"
    rows = [
        ["id", "type", "entity_id", "label", "url"],
        [f"file:{A}", "file", A, A[:12], ""],
        ["domain:a.example", "domain", "a.example", "a.example", ""],
        [f"reference:{FIRST}", "reference", FIRST, "Report", "https://blog.example/1"],
        ["collection:x", "collection", "malware.example", "X", ""],
        [f"url:{url_id}", "url", url_id, url, url],
    ]
    found = read_seeds(write_table(rows))
    assert seeds_of(found) == [("file", A), ("domain", "a.example")]
    assert "skipped: reference (1), collection (1)" in warnings_of(found)
    assert [rejected.line for rejected in found.rejected] == [6]
    assert column_of(found)[1].endswith(
        "graphbuild exported the table; column 2 'type' states the types; line 1 is the heading"
    )


# --- shapes of public feeds and exports ----------------------------------------------------------

_SHAPES = {
    "commented heading and links to the feed": (
        (
            "#####\n# A feed (CSV)      #\n#\n"
            "# id,dateadded,url,url_status,last_online,threat,tags,feed_link,reporter\n"
            '"2","2024-05-05 11:11:06","http://8.8.8.8:5678/bin.sh","online","","malware","a,b",'
            '"https://feed.example/url/2/","x"\n'
            '"1","2024-05-05 11:10:06","https://evil.example/a,b.exe","offline","","malware","None",'
            '"https://feed.example/url/1/","y"\n'
        ),
        ["http://8.8.8.8:5678/bin.sh", "https://evil.example/a,b.exe"],
    ),
    "comments before the heading and after the rows": (
        (
            "# Blocklist\n#\n"
            '"first_seen_utc","dst_ip","dst_port","c2_status","malware"\n'
            '"2021-01-17 07:44:46","8.8.4.4","4643","offline","Dridex"\n'
            '"2021-01-17 07:44:46","8.8.8.8","4643","online","Dridex"\n# END 2 entries\n'
        ),
        ["8.8.4.4", "8.8.8.8"],
    ),
    "one column of URLs": (
        "http://evil.example/login\nhttps://bad.example/x?y=1,2\nhttps://bad.example/z;a\n",
        ["http://evil.example/login", "https://bad.example/x?y=1,2", "https://bad.example/z;a"],
    ),
    "URLs and links to details": (
        (
            "phish_id,url,phish_detail_url,target\n"
            "1,https://evil.example/a,http://feed.example/detail?id=1,Other\n"
            "2,https://bad.example/b,http://feed.example/detail?id=2,Other\n"
        ),
        ["https://evil.example/a", "https://bad.example/b"],
    ),
    "types with prefixes": (
        (
            f"Indicator type,Indicator,Description\nFileHash-MD5,{C},\nFileHash-SHA256,{A},\n"
            "hostname,www.evil.example,\nURL,http://evil.example/x,\nIPv4,8.8.8.8,\n"
            "CVE,CVE-2021-1234,\nCIDR,8.8.8.0/24,\nYARA,abc,\n"
        ),
        [C, A, "www.evil.example", "http://evil.example/x", "8.8.8.8"],
    ),
    "types in camel case": (
        (
            f"IndicatorType,IndicatorValue,Action\nFileSha1,{B},Block\nIpAddress,8.8.8.8,Block\n"
            f"DomainName,evil.example,Block\nCertificateThumbprint,{FIRST[:40]},Block\n"
        ),
        [B, "8.8.8.8", "evil.example"],
    ),
    "attributes of an event": (
        (
            "uuid,category,type,value,comment,to_ids\n"
            f'"5a","Payload delivery","filename|sha256","a.exe|{A}","",1\n'
            '"5b","Network activity","ip-dst|port","8.8.8.8|443","",1\n'
            '"5c","External analysis","link","https://blog.example/1","",0\n'
            '"5d","External analysis","text","see bad.example","",0\n'
            '"5e","Network activity","url","http://evil.example/x","",1\n'
        ),
        [A, "8.8.8.8", "http://evil.example/x"],
    ),
    "names without a telling heading": (
        '"Name","Risk","Evidence"\n"8.8.8.8","99","seen at 1.1.1.1"\n"8.8.4.4","98","seen"\n',
        ["8.8.8.8", "8.8.4.4"],
    ),
    "links to pages of the indicators": (
        (
            f"Hash,VT link\n{A},https://www.virustotal.com/gui/file/{A}/detection\n"
            f"{C},https://www.virustotal.com/gui/file/{C}/detection\n"
        ),
        [A, C],
    ),
    "names of files that could be domains": (
        f"SHA256,Filename,Description\n{A},evil.zip,see https://blog.example/a\n{FIRST},a.sh,x\n",
        [A, FIRST],
    ),
    "titles above the heading": (
        f"Indicators of compromise,,\n,,\nType,Value,Note\nSHA256,{A},x\nDomain,evil.example,y\n",
        [A, "evil.example"],
    ),
    "a title of one cell": (
        f"IOCs of May\nType,Value\nSHA256,{A}\nDomain,a.example\n",
        [A, "a.example"],
    ),
    "text cells of a spreadsheet": (
        f'IOC;Note\n"=""{A}""";a\n="{C}";b\nevil.example;c\n',
        [A, C, "evil.example"],
    ),
    "types below the heading of indicators": (
        (
            "Indicator,Data,Notes\nDescription,A backdoor,https://blog.example/1\n"
            f"sha256,{A},a.exe\n"
            f"tool,Chisel,\nimphash,{C},\nfile_path_name,C:\\a.exe,for {A}\n"
            "url,https://evil.example ,C2\n"
        ),
        [A, "https://evil.example"],
    ),
    "files and their servers": (
        (
            f"SHA256,SHA1,MD5,File Type,PDB String,C2 Server\n{A},{B},{C},PE32,N/A,evil[.]example\n"
            f"{FIRST},,,PE32,c:\\a.pdb,bad[.]example\n"
        ),
        [A, FIRST],
    ),
    "servers only": (
        "First Seen,C2\n2018-02-17,http://evil.example/1\n2018-02-18,http://evil.example/2\n",
        ["http://evil.example/1", "http://evil.example/2"],
    ),
    "another language": (
        f"IOC;Typ;Quelle\nevil.example;Domain;https://blog.example/1\n{C};MD5;https://x.example/2\n",
        ["evil.example", C],
    ),
}


@pytest.mark.parametrize("shape", _SHAPES)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_in_common_shapes_give_their_indicators(write_table, shape, end, encoding):
    text, expected = _SHAPES[shape]
    found = read_seeds(write_table(text.replace("\n", end).encode(encoding)))
    assert [value for _, value in seeds_of(found)] == expected
    assert found.rejected == []


def test_rows_with_too_many_cells_are_reported(write_table):
    found = read_seeds(write_table(f"ioc,note\n{A},one\n{B},one, two\n"))
    assert "line 3: rows have more cells than the heading; check their quotes" in (
        warnings_of(found)
    )


# --- size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("," * 1_000_000, id="cells"),
        pytest.param(f'hash,note\n{A},"' + "x,\n" * 5_000, id="open quote"),
        pytest.param(f"hash,note\n{A},{'[.]' * 40_000}\n", id="dots"),
        pytest.param(f"hash,note\n{A},{'a ' * 60_000}\n", id="spaces"),
        pytest.param(f"hash,note\n{A},{'; ' * 60_000}\n", id="separators"),
        pytest.param("hash,note\n" + f'{A},"\n' * 2_000, id="quotes"),
        pytest.param("#,\n" * 20_000, id="comments"),
    ],
)
def test_unusual_tables_are_read_within_bounds(write_table, text):
    path = write_table(text)
    tracemalloc.start()
    started = time.process_time()
    with suppress(SeedError):
        read_seeds(path)
    seconds = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 10
    assert peak < 200 * 2**20


@pytest.mark.parametrize("column", ["Hash", "hash", " HASH "])
def test_a_row_with_the_title_of_the_chosen_column_is_the_heading(write_table, column):
    rows = [["Hash", "name.example"], [A, "x"], [B, "y"]]
    found = read_seeds(write_table(rows), column=column)
    assert seeds_of(found) == [("file", A), ("file", B)]


def test_many_lines_that_are_not_utf_8_give_few_warnings(write_table):
    rows = [["ioc", "note"], *([hash_of(n), "M\u00fcller"] for n in range(50))]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    found = read_seeds(write_table(text.getvalue().encode("cp1252")))
    assert [seed["note"] for seed in attributes_of(found)] == ["M\u00fcller"] * 50
    assert len(found.warnings) == 21
    assert "line 22 and 29 more: other lines are not UTF-8" in found.warnings[-1]


def test_json_that_is_not_utf_8_is_refused(write_table):
    with pytest.raises(SeedError, match="is not text: it is not valid UTF-8; save it as UTF-8"):
        read_seeds(write_table('["M\u00fcller"]'.encode("cp1252"), "list.json"))


def test_cells_that_are_too_long_are_rejected(write_table):
    long = "a." * 40_000
    found = read_seeds(write_table([["ioc"], [A], [long]]))
    assert [rejected.reason for rejected in found.rejected] == ["is longer than 65,536 characters"]
    with pytest.raises(
        SeedError, match="line 3 is not a row of a table: a cell has more than 131,072"
    ):
        read_seeds(write_table(f'ioc,n\n{A},x\n{B},"{"y" * 200_000}\n'))


_PIECES = st.sampled_from(
    [
        A,
        B,
        C,
        '"',
        '""',
        ",",
        ";",
        "\t",
        "|",
        "\n",
        " ",
        "#",
        "sep=;\n",
        "evil.example",
        "8.8.8.8",
        "hxxp://a[.]b/c",
        "type",
        "ioc",
        "imphash",
        "n/a",
        "\x1f",
        "=",
        "SHA256 (",
        ") = ",
        "1",
    ]
)


@given(st.lists(_PIECES, max_size=40).map("".join), st.sampled_from([None, "1", "ioc"]))
def test_any_text_is_a_table_or_a_printable_error(tmp_path_factory, text, column):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(text, encoding="utf-8")
    try:
        found = read_seeds(path, column=column)
    except SeedError as error:
        shown = [str(error)]
    else:
        shown = [*found.warnings, *map(str, found.rejected)]
        shown += [each.column + each.column_reason for each in found.formats]
    assert all(map(str.isprintable, shown))


# --- headings below titles, and types that are about another column ------------------------------


def test_the_widest_row_before_the_indicators_is_the_heading(write_table):
    found = read_seeds(
        write_table(
            "IOC tracker Q3;;;\nAs of;2024-09-30;;By: A\n;;;\nNetwork;;Files;\n"
            "Indicator;Type;Hash;Note\n"
            f"evil.example;Domain;{A};x\n8.8.100.8;IP;{B};\nhttp://bad.example/a;URL;;\n"
        )
    )
    assert [text for _, text in seeds_of(found)] == [
        "evil.example",
        "8.8.100.8",
        "http://bad.example/a",
    ]
    assert attributes_of(found)[0] == {"type": "Domain", "hash": A, "note": "x"}
    assert "other columns contain indicators, too: 3 'Hash' (2 of 3 rows)" in warnings_of(found)


def test_a_column_of_types_is_ignored_if_it_is_about_another_column(write_table):
    path = write_table(
        f"indicator,type,hash\nevil.example,domain,{A}\n8.8.100.8,ip,{B}\nbad.example,domain,\n"
    )
    assert seeds_of(read_seeds(path, column="hash")) == [("file", A), ("file", B)]


def test_links_without_a_heading_are_not_the_seeds(write_table):
    rows = [
        f"2024-01-{day:02},url,http://evil{day}.example/a,#x,https://twitter.com/a/status/{day}"
        for day in range(1, 12)
    ] + [f"2024-02-{day:02},md5,{C[:-2]}{day:02},#y,https://x.com/a/status/{day}" for day in (1, 2)]
    found = read_seeds(write_table("\n".join(rows)))
    assert len(found) == 13
    assert not any("status" in str(text) for _, text in seeds_of(found))

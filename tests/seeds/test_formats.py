"""Formats of seed lists: tables, STIX, MISP, free text, pipes; valid, invalid and large."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import threading
import uuid
from contextlib import suppress

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild._util import install_command
from graphbuild.errors import SeedError
from graphbuild.exporters import dataframes, export_all, read_graphml
from graphbuild.graph.builder import build_graph, extract_observations
from graphbuild.models import Entity, Observation
from graphbuild.seeds import Seed, parse_seeds, read_seeds
from graphbuild.store import Store
from tests.seeds.seed_lists import attributes_of, seeds_of
from tests.support.processes import COVERAGE_ENVIRONMENT

A, B, C = "a1" * 32, "b2" * 20, "c3" * 16
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.fixture
def write_list(tmp_path):
    """Return a function that writes bytes, text or JSON to a file and returns its path."""

    def write(content, name="list.csv", encoding="utf-8"):
        path = tmp_path / name
        if not isinstance(content, bytes | str):
            content = json.dumps(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


def messages(found):
    return "\n".join([*map(str, found.rejected), *found.warnings])


# --- plain lists ---------------------------------------------------------------------------------


def test_a_plain_list_can_mix_all_indicators_defanged_or_not():
    lines = [A, "Evil[.]example.", "8.8.8.8:443", "hxxps://evil(dot)example/x", "evil.example/y", B]
    found = parse_seeds([*lines, "evil.example", "nonsense"])
    assert seeds_of(found) == [
        ("file", A),
        ("domain", "evil.example"),
        ("ip_address", "8.8.8.8"),
        ("url", "https://evil.example/x"),
        ("url", "http://evil.example/y"),
        ("file", B),
    ]
    assert found.duplicates == 1
    assert [rejected.line for rejected in found.rejected] == [8]
    assert found.warnings == [
        "<lines>, line 2 and 1 more: defanged names were refanged",
        "<lines>, line 3: ports were removed",
        "<lines>, line 5: http:// was added to URLs without a scheme",
    ]


@pytest.mark.parametrize("name", ["list.txt", "list", "list.lst"])
def test_free_text_is_not_detected_but_hinted_at(write_list, name):
    text = f"We saw {A} and {B},\nand also [{C}].\nNothing else.\n"
    found = read_seeds(write_list(text, name))
    assert (len(found), len(found.rejected)) == (0, 3)
    (hint,) = found.warnings
    assert "2 of the rejected lines contain hashes; read free text with --format text" in hint
    found = read_seeds(write_list(f"{A}\n{B}\nx {C}\n", name))
    assert "1 of the rejected lines contains hashes; read free text" in messages(found)


# --- tables --------------------------------------------------------------------------------------


def test_other_columns_of_a_table_become_attributes(write_list):
    path = write_list(
        f'Family,SHA-256,"First seen (UTC)"\nEmotet,{A.upper()},2018\n"a, ""b""",{B},\n'
    )
    found = read_seeds(path)
    assert list(found) == [
        Seed(Entity("file", A), str(path), 2, {"family": "Emotet", "first_seen_utc": "2018"}),
        Seed(Entity("file", B), str(path), 3, {"family": 'a, "b"'}),
    ]
    assert found.warnings == []
    assert [(each.format, each.reason) for each in found.formats] == [
        ("csv", "the file name ends in .csv")
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_is_read_with_any_delimiter_line_end_and_encoding(
    write_list, delimiter, end, encoding
):
    rows = [["hash", "name"], [A, "x"], ["", ""], [B, 'Ünal "Z"\nand more'], [C, "z"]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    found = read_seeds(write_list(text.getvalue(), "t.tsv", encoding))
    assert seeds_of(found) == [("file", A), ("file", B), ("file", C)]
    assert attributes_of(found) == [{"name": "x"}, {"name": 'Ünal "Z"\nand more'}, {"name": "z"}]
    assert [seed.line for seed in found] == [2, 4, 6]


@pytest.mark.parametrize("column", ["SHA1", "sha1", " SHA1 ", "2"])
def test_a_column_is_chosen_by_name_or_number(write_list, column):
    path = write_list(f"md5,SHA1,c2\n{C},{B},evil.example\n", "list.txt")
    found = read_seeds(path, column=column)
    assert seeds_of(found) == [("file", B)]
    assert attributes_of(found) == [{"md5": C, "c2": "evil.example"}]


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("domain,ip\na.example,8.8.8.8\n", None, "several columns contain"),
        (
            "domain,ip\na.example,8.8.8.8\n",
            None,
            ": 1 'domain' (1 of 1 rows), 2 'ip' (1 of 1 rows)",
        ),
        ("a,b\n1,2\n", None, "no column contains a file hash"),
        ("a,b\n1,2\n", None, "it has 1 'a', 2 'b'; choose a column with --column"),
        (f"a,b\n1,{A}\n", "c", "has no column 'c'; it has 1 'a', 2 'b'"),
        (f"a,b\n1,{A}\n", "3", "has no column '3'"),
        (f"a,b\n1,{A}\n", "0", "has no column '0'"),
        (f"a,A\n1,{A}\n", "\u202e\x1b", r"no column '\u202e\x1b'"),
        (f"a,a\n1,{A}\n", "a", "has 2 columns 'a'; use the number of the column"),
        (f"a,b\n{'x' * 200_000},{A}\n", None, "is not a row of a table"),
        ("x" * (5 * 2**20), None, "is longer than 4,194,304 characters"),
        ("a\0b", None, "NUL byte"),
    ],
)
def test_an_ambiguous_or_invalid_table_is_refused_with_the_reason(write_list, text, column, reason):
    with pytest.raises(SeedError) as caught:
        read_seeds(write_list(text), column=column)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_table_without_a_header_has_numbered_columns(write_list):
    found = read_seeds(write_list(f"{A},Emotet\n{B},Dridex\n"))
    assert attributes_of(found) == [{"column_2": "Emotet"}, {"column_2": "Dridex"}]


def test_the_last_comment_can_be_the_header(write_list):
    text = f'# Who: "us"\n# "first_seen","sha256_hash"\n"2018","{A}"\n# the end\n'
    found = read_seeds(write_list(text))
    assert (seeds_of(found), attributes_of(found)) == ([("file", A)], [{"first_seen": "2018"}])


def test_rows_without_a_seed_are_reported(write_list):
    found = read_seeds(write_list(f"h,n\n{A},1\n,2\nrubbish,3\nmd5:{A},4\n{EMPTY},5\n{B}\n"))
    assert seeds_of(found) == [("file", A), ("file", B)]
    assert [rejected.line for rejected in found.rejected] == [4, 5, 6]
    assert "has the prefix md5 but the length of sha256" in messages(found)
    assert "line 3: rows without a value in the column of the seeds were skipped" in messages(found)


def test_attributes_are_limited_with_a_warning(write_list):
    head = ",".join(f"c{n}" for n in range(150))
    found = read_seeds(write_list(f"hash,{head}\n{A},{'x' * 70_000}{',1' * 149}\n"))
    (noted,) = attributes_of(found)
    assert len(noted) == 100
    assert len(noted["c0"]) == 65_536
    assert "the table has 150 other columns; the first 100 are kept" in messages(found)
    assert "values were truncated to 65,536 characters" in messages(found)


def test_attributes_with_equal_names_are_numbered(write_list):
    found = read_seeds(write_list(f"hash,A b,a-B,,Ärger,\u202e\n{A},1,2,3,4,5\n"))
    assert attributes_of(found) == [
        {"a_b": "1", "a_b_2": "2", "column_4": "3", "arger": "4", "column_6": "5"}
    ]


def test_a_table_without_rows_is_an_empty_list(write_list):
    for text in ("", "# a comment\n\n"):
        found = read_seeds(write_list(text, "l.csv"), format="csv")
        assert (len(found), found.rejected) == (0, [])


_cells = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.tuples(st.integers(1, 2**255), _cells), min_size=1, max_size=30))
def test_a_written_table_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "law.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["note", "hash"])
        writer.writerows((f"x{cell}x", f"{number:064x}") for number, cell in rows)
    first = {}
    for number, cell in rows:
        first.setdefault(f"{number:064x}", f"x{cell}x")
    found = read_seeds(path, column="hash")  # a note can look like a domain
    assert {seed.entity.id: seed.attributes["note"] for seed in found} == first
    assert found.duplicates == len(rows) - len(first)


def test_a_duplicate_adds_attributes_and_overwrites_none(write_list):
    one = write_list(f"hash,family\n{A},Emotet\n", "1.csv")
    two = write_list(f"hash,family,actor\n{A},Heodo,TA542\n{B},,\n", "2.csv")
    found = read_seeds(one, two)
    assert attributes_of(found) == [{"family": "Emotet", "actor": "TA542"}, {}]
    assert (next(iter(found)).source, found.duplicates) == (str(one), 1)


# --- STIX ----------------------------------------------------------------------------------------


def sco(kind, **fields):
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid.uuid4()}", **fields}


def indicator(pattern, **fields):
    at = "2020-01-01T00:00:00Z"
    stated = {"created": at, "modified": at, "valid_from": at, "pattern_type": "stix"}
    return sco("indicator", pattern=pattern, **{**stated, **fields})


def bundle(*objects):
    return {"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": list(objects)}


def test_a_bundle_gives_its_observables(write_list):
    found = read_seeds(
        write_list(
            bundle(
                sco("file", name="a.exe", hashes={"MD5": C, "SHA-1": B, "SHA-256": A.upper()}),
                sco("domain-name", value="Evil.example"),
                sco("ipv4-addr", value="8.8.8.8"),
                sco("ipv6-addr", value="2606:4700:0::1111"),
                sco("url", value="https://evil.example/"),
                sco("ipv4-addr", value="10.0.0.1"),
                sco("file", name="no.hash"),
                sco("mutex", name="x"),
                sco("x-unheard-of", value="evil.example"),
            ),
            "b.json",
        )
    )
    assert seeds_of(found) == [
        ("file", A),
        ("domain", "evil.example"),
        ("ip_address", "8.8.8.8"),
        ("ip_address", "2606:4700::1111"),
        ("url", "https://evil.example/"),
    ]
    assert attributes_of(found)[0] == {"name": "a.exe", "md5": C, "sha1": B}
    assert [(r.line, r.unit) for r in found.rejected] == [(6, "object")]
    assert found.formats[0].reason == "the file contains STIX objects"
    assert "object 7: files without MD5, SHA-1 or SHA-256" in messages(found)
    assert "were skipped: mutex (1), x-unheard-of (1)" in messages(found)
    assert found.skipped == 2


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (f"[file:hashes.MD5 = '{C}']", [("file", C)]),
        (f"[file:hashes.'SHA-256' = '{A}' AND file:size > 5]", [("file", A)]),
        (f"[file:hashes.'SHA-1' IN ('{B}', '{B}')]", [("file", B)]),
        ("[domain-name:value = 'a.example'] OR [ipv4-addr:value = '8.8.8.8']", None),
        (r"[url:value = 'http://a.example/it\'s']", [("url", "http://a.example/it's")]),
        ("[network-traffic:dst_ref.value = '8.8.8.8']", [("ip_address", "8.8.8.8")]),
        ("[domain-name:value NOT = 'good.example']", []),
        ("[url:value LIKE 'http://%.example/']", []),
        ("[ipv4-addr:value ISSUBSET '8.8.0.0/16']", []),
        ("[domain-name:resolves_to_refs[*].value = '8.8.8.8']", []),
        ("[process:name = 'evil.example']", []),
    ],
)
def test_only_equality_is_read_from_patterns(write_list, pattern, names):
    found = read_seeds(write_list(bundle(indicator(pattern, name="I")), "b.stix"))
    if names is None:
        names = [("domain", "a.example"), ("ip_address", "8.8.8.8")]
    assert seeds_of(found) == names
    assert all(noted == {"name": "I"} for noted in attributes_of(found))
    assert names or "pattern comparison" in messages(found)


def test_an_invalid_object_does_not_affect_others(write_list):
    bad = [
        5,
        {"type": 5},
        sco("file", hashes={"MD5": "zz"}),
        {"type": "domain-name", "id": "x", "value": "a.example"},
        indicator("[file:hashes.MD5 = "),
        indicator(5),
        indicator("[" + "(" * 2_000 + "a:b = 'c'" + ")" * 2_000 + "]"),
        indicator(f"[{' OR '.join([f'{chr(39)}x'] * 30_000)}]"),
        {**sco("url"), "value": "\x1b[2J"},
    ]
    found = read_seeds(write_list(bundle(*bad, sco("domain-name", value="a.example")), "b.json"))
    assert seeds_of(found) == [("domain", "a.example")]
    assert [rejected.line for rejected in found.rejected] == list(range(1, 10))
    assert all(str(rejected).isprintable() for rejected in found.rejected)


def test_objects_inside_observed_data_are_read(write_list):
    inside = {
        "0": {"type": "file", "hashes": {"MD5": C}},
        "1": {"type": "ipv4-addr", "value": "8.8.8.8"},
    }
    at = "2020-01-01T00:00:00Z"
    observed = {
        "type": "observed-data",
        "id": f"observed-data--{uuid.uuid4()}",
        "created": at,
        "modified": at,
        "first_observed": at,
        "last_observed": at,
        "number_observed": 1,
        "objects": inside,
    }
    found = read_seeds(write_list(bundle(observed), "b.json"))
    assert seeds_of(found) == [("file", C), ("ip_address", "8.8.8.8")]


def test_indicators_in_other_pattern_languages_are_reported(write_list):
    found = read_seeds(write_list(bundle(indicator("rule x {}", pattern_type="yara")), "b.json"))
    assert not found
    assert "indicators in pattern languages other than STIX" in messages(found)


@pytest.mark.bulk
def test_a_hundred_thousand_objects_are_read(write_list):
    objects = [sco("domain-name", value=f"d{n}.example") for n in range(20_000)]
    objects += [sco("mutex", name=str(n)) for n in range(80_000)]
    found = read_seeds(write_list(bundle(*objects), "b.json"))
    assert (len(found), found.skipped) == (20_000, 80_000)


# --- MISP ----------------------------------------------------------------------------------------


def attribute(kind, value, **fields):
    return {"type": kind, "value": value, "category": "Payload delivery", **fields}


def event(*attributes, objects=(), info="OSINT"):
    return {"Event": {"info": info, "Attribute": list(attributes), "Object": list(objects)}}


@pytest.mark.parametrize(
    ("kind", "value", "names"),
    [
        ("md5", C, [("file", C)]),
        ("sha1", B, [("file", B)]),
        ("sha256", A, [("file", A)]),
        ("filename|md5", f"a|b.exe|{C}", [("file", C)]),
        ("filename|sha256", f"a.exe|{A}", [("file", A)]),
        ("malware-sample", f"a.exe|{C}", [("file", C)]),
        ("domain", "evil.example", [("domain", "evil.example")]),
        ("hostname", "www.evil.example", [("domain", "www.evil.example")]),
        ("ip-src", "8.8.8.8", [("ip_address", "8.8.8.8")]),
        ("ip-dst", "2606:4700::1111", [("ip_address", "2606:4700::1111")]),
        ("ip-dst|port", "8.8.8.8|443", [("ip_address", "8.8.8.8")]),
        ("url", "http://evil.example/", [("url", "http://evil.example/")]),
        ("domain|ip", "evil.example|8.8.8.8", None),
        ("email-src", "me@evil.example", []),
        ("sha256", C, []),
        ("ip-dst", "10.0.0.1", []),
        ("domain|ip", "evil.example", []),
    ],
)
def test_each_attribute_type_gives_its_seeds(write_list, kind, value, names):
    pair = [("domain", "evil.example"), ("ip_address", "8.8.8.8")]
    names = pair if names is None else names
    found = read_seeds(write_list(event(attribute(kind, value)), "e.json"))
    assert seeds_of(found) == names
    assert names or found.rejected or "these types were skipped: email-src" in messages(found)


def test_event_and_object_context_becomes_attributes(write_list):
    found = read_seeds(
        write_list(
            event(
                attribute("ip-dst|port", "8.8.8.8|443", comment="C2", Tag=[{"name": "tlp:white"}]),
                attribute("md5", EMPTY[::-1], deleted=True),
                attribute(5, "x"),
                objects=[
                    {
                        "name": "file",
                        "Attribute": [
                            attribute("filename", "a.exe"),
                            attribute("md5", C),
                            attribute("sha1", B),
                            attribute("sha256", A),
                            attribute("url", "https://a.example/"),
                        ],
                    }
                ],
            ),
            "e.json",
        )
    )
    assert seeds_of(found) == [
        ("ip_address", "8.8.8.8"),
        ("url", "https://a.example/"),
        ("file", A),
    ]
    address, _, file = attributes_of(found)
    event_and_category = {"event": "OSINT", "category": "Payload delivery"}
    assert address == {**event_and_category, "port": "443", "comment": "C2", "tags": "tlp:white"}
    assert file == {
        **event_and_category,
        "object": "file",
        "file_name": "a.exe",
        "md5": C,
        "sha1": B,
    }
    assert "deleted attributes were skipped" in messages(found)
    assert [rejected.line for rejected in found.rejected] == [3]


def test_a_deleted_file_name_of_an_object_is_skipped(write_list):
    listed = [attribute("filename", "old.exe", deleted=True), attribute("sha256", A)]
    found = read_seeds(write_list(event(objects=[{"Attribute": listed}]), "e.json"))
    (seed,) = found
    assert "file_name" not in seed.attributes
    assert "deleted attributes were skipped" in messages(found)


def test_an_attribute_of_an_object_whose_type_is_no_text_is_rejected(write_list):
    objects = [{"name": "file", "Attribute": [attribute([], A), attribute("sha256", A)]}]
    found = read_seeds(write_list(event(objects=objects), "e.json"))
    assert seeds_of(found) == [("file", A)]
    assert [rejected.line for rejected in found.rejected] == [1]


@pytest.mark.parametrize(
    "wrap",
    [lambda one: one, lambda one: [one], lambda one: {"response": [one]}, lambda one: one["Event"]],
    ids=["saved", "list", "response", "bare"],
)
def test_events_are_found_in_any_wrapper(write_list, wrap):
    found = read_seeds(write_list(wrap(event(attribute("sha256", A))), "e.json"))
    assert seeds_of(found) == [("file", A)]


@pytest.mark.bulk
def test_a_hundred_thousand_attributes_are_read(write_list):
    attributes = [attribute("domain", f"d{n}.example") for n in range(100_000)]
    assert len(read_seeds(write_list(event(*attributes), "e.json"))) == 100_000


# --- JSON, valid and invalid ---------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["b.json", "b", "b.txt"])
def test_json_is_detected_by_content_or_suffix(write_list, encoding, name):
    text = json.dumps(bundle(sco("domain-name", value="evil.example")), indent=2)
    found = read_seeds(write_list(text, name, encoding))
    assert seeds_of(found) == [("domain", "evil.example")]
    assert found.formats[0].reason == "the file contains STIX objects"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a valid JSON document"),
        ('{"type": "bundle", "objects": [', "is not a valid JSON document"),
        ('{"type": "bundle"} x', "is not a valid JSON document"),
        ("{}", "neither STIX, MISP nor a list"),
        (f'[5, "{A}"]', "neither STIX, MISP nor a list"),
        ("5", "neither STIX, MISP nor a list"),
        ('{"type": "bundle", "objects": 5}', "its objects are not a list"),
        ('{"Event": 5}', "neither STIX, MISP nor a list"),
        ("[" * 100 + "]" * 100, "nested deeper than 64"),
        ("[" * 200_000, "nested deeper than 64"),
        ("9" * 10_000, "too many digits"),
        ('{"a": "' + "x" * (64 * 2**20) + '"}', "larger than 64 MiB"),
        ("[" + "{}," * 4_000_001, "contains more than 4,000,000 values"),
    ],
    ids=lambda text: text[:30],
)
def test_other_json_is_refused_with_the_reason(write_list, text, reason):
    with pytest.raises(SeedError, match=reason):
        read_seeds(write_list(text, "b.json"))


@pytest.mark.parametrize("format_name", ["stix", "misp"])
def test_a_stated_format_is_not_overridden(write_list, format_name):
    other = event(attribute("md5", C)) if format_name == "stix" else bundle()
    with pytest.raises(SeedError, match=r"is not a (STIX bundle|MISP event)"):
        read_seeds(write_list(other, "x.json"), format=format_name)


def test_a_bundle_without_objects_is_an_empty_list(write_list):
    assert not read_seeds(write_list({"type": "bundle", "id": "bundle--x"}, "b.json"))


# --- free text -----------------------------------------------------------------------------------

REPORT = f"""\ufeff# A report

The dropper `invoice.pdf` ({C.upper()}), i.e. version 1.2.3.4, loads kernel32.dll from
hxxps://evil[.]example/a.php?x=1, [here](https://blog.example.org/x_(y)). It calls
8[.]8[.]4[.]4:8080, 10.0.0.5 and 2606:4700::1111 at 10:20:30, not v9.9.9.9 ("C:\\x\\foo.com").
See also evil(dot)com, bad[.]zip, setup.zip, run.sh, EVIL-DOMAIN.COM, sub.evil.co.uk/x,
http://evil.example. Mail me@gmail.com! Empty: {EMPTY}. The end.Then more.
|{A}|{A.upper()}| /usr/lib/python.py {A}{A}
"""


def test_text_gives_every_indicator_in_it(write_list):
    path = write_list(REPORT, "r.txt")
    found = read_seeds(path, format="text")
    assert seeds_of(found) == [
        ("file", C),
        ("url", "https://evil.example/a.php?x=1"),
        ("url", "https://blog.example.org/x_(y)"),
        ("ip_address", "8.8.4.4"),
        ("ip_address", "2606:4700::1111"),
        ("domain", "evil.com"),
        ("domain", "bad.zip"),
        ("domain", "evil-domain.com"),
        ("url", "http://sub.evil.co.uk/x"),
        ("url", "http://evil.example"),
        ("file", A),
    ]
    assert [seed.line for seed in found][:2] == [3, 4]
    assert found.rejected == []
    for left_out in ("1.2.3.4", "10.0.0.5", "setup.zip", "run.sh", "me@gmail.com", EMPTY):
        assert f"'{left_out}'" in messages(found)
    assert "words with dots or colons that are not indicators" in messages(found)
    assert seeds_of(read_seeds(write_list(REPORT, "r.md"))) == seeds_of(found)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", ["", "\n\n", "Nothing here, e.g. i.e. U.S. 3.14 a.b foo.bar.baz1"])
def test_text_without_indicators_is_an_empty_list(write_list, text, encoding):
    assert not read_seeds(write_list(text, "r.txt", encoding), format="text")


def test_hostile_text_is_read_in_bounded_time(write_list):
    hostile = ["[" * 300_000, "[.]" * 100_000, "a." * 150_000, "a@" * 100_000, ":" * 300_000]
    hostile += ["http://" * 40_000, "(dot" * 60_000, "1.2.3." * 50_000, f"{A}\n" * 20_000]
    hostile += ["-dot-" * 50_000, "0:" * 100_000, "xn--" * 80_000, "{[( " * 80_000]
    found = read_seeds(write_list("\n".join(hostile) + f"\n{B}\n", "r.txt"), format="text")
    assert ("file", B) in seeds_of(found)
    assert ("file", A) in seeds_of(found)


def test_warnings_about_text_are_limited(write_list):
    text = "\n".join(f"10.0.{n // 250}.{n % 250}" for n in range(3_000)) + "\n10.0.0.7 once more"
    found = read_seeds(write_list(text, "r.txt"), format="text")
    assert len(found.warnings) == 1_001
    assert found.warnings[-1].endswith("2,000 more indicators were rejected")


_words = st.sampled_from(["the", "e.g.", "kernel32.dll", "(see", "3.14", "it's", "--", "a/b", "\n"])


@given(st.lists(_words | st.integers(1, 2**255).map("{:064x}".format), max_size=40))
def test_every_hash_in_text_is_found_once(tmp_path_factory, words):
    path = tmp_path_factory.getbasetemp() / "law.txt"
    path.write_text(" ".join(words), encoding="utf-8")
    expected = dict.fromkeys(word for word in words if len(word) == 64)
    assert seeds_of(read_seeds(path, format="text")) == [("file", word) for word in expected]


@pytest.mark.parametrize("format_name", ["list", "csv", "stix", "misp", "text"])
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_in_any_format_are_a_list_or_a_seed_error(tmp_path_factory, format_name, content):
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes(content)
    with suppress(SeedError):
        assert all(
            line.isprintable()
            for line in messages(read_seeds(path, format=format_name)).split("\n")
        )


# --- formats -------------------------------------------------------------------------------------


def test_an_unknown_format_and_a_column_without_a_table_are_refused(write_list):
    with pytest.raises(SeedError, match="unknown format 'pdf'; use one of auto, list, csv"):
        read_seeds(format="pdf")
    with pytest.raises(SeedError, match="--column can be used with --format csv or json only"):
        read_seeds(write_list(A), format="list", column="x")


_WITHOUT = """
import sys
from graphbuild.errors import MissingLibraryError
from graphbuild.seeds import read_seeds
for name in ("stix2", "tldextract"):
    sys.modules[name] = None
try:
    read_seeds(sys.argv[1], format=sys.argv[2])
except MissingLibraryError as error:
    print(error)
"""


@pytest.mark.parametrize(("format_name", "text"), [("stix", bundle()), ("text", "x")])
def test_a_missing_library_is_reported_with_the_command_to_install_it(
    write_list, format_name, text
):
    path = write_list(text, "x")
    command = [sys.executable, "-c", _WITHOUT, path, format_name]
    measured = {**os.environ, **COVERAGE_ENVIRONMENT}
    process = subprocess.run(command, env=measured, capture_output=True, text=True, check=True)
    assert f"is not installed; run: {install_command('lists')}" in process.stdout


# --- pipes ---------------------------------------------------------------------------------------


def test_process_substitution_of_a_shell_is_read():
    script = f"exec {sys.executable} -c 'import sys; from graphbuild.seeds import read_seeds;"
    script += f" print(len(read_seeds(*sys.argv[1:])))' <(echo {A}) <(sleep 0.3; echo {B}) <(:)"
    measured = {**os.environ, **COVERAGE_ENVIRONMENT}
    process = subprocess.run(
        ["bash", "-c", script], env=measured, capture_output=True, text=True, check=False
    )
    assert (process.stdout, process.stderr) == ("2\n", "")


def test_a_named_pipe_with_a_writer_is_read_to_its_end(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    text = "".join(f"{number:064x}\n" for number in range(1, 5_000))
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=[text])
    writer.start()
    found = read_seeds(tmp_path / "pipe")
    writer.join()
    assert len(found) == 4_999


# --- into the campaign file, the graph, and the exports ------------------------------------------

REFERENCE = Entity("reference", "01" * 32, {"title": "T", "seed_family": "an answer's"})


def _stored_subjects(tmp_path, *seeds):
    with Store.open(tmp_path / "c.db") as store:
        for each in seeds:
            store.add_seeds([each])
    with Store.read(tmp_path / "c.db") as store:
        return list(store.subjects())


def test_seed_attributes_are_stored_and_later_lists_add_to_them(tmp_path):
    bare = Entity("file", A, {"seed_family": "an answer's", "size": 5})
    (subject,) = _stored_subjects(
        tmp_path,
        Seed(bare, "1", 1, {"family": "Emotet"}),
        Seed(Entity("file", A), "2", 1, {"family": "Heodo", "actor": "TA542"}),
        Seed(Entity("file", A), "3", 1),
    )
    assert subject.attributes == {
        "size": 5,
        "seed": True,
        "state": "pending",
        "seed_family": "Emotet",
        "seed_actor": "TA542",
    }


def test_a_url_seed_is_stored_with_its_text(tmp_path):
    with Store.open(tmp_path / "c.db") as store:
        store.add_seeds(parse_seeds(["hxxp://evil[.]example/"]))
        task = store.tasks.next_task()
    assert task.subject.attributes["url"] == "http://evil.example/"


def test_seed_attributes_are_exported(tmp_path, write_list):
    path = write_list(f"hash,Family,2nd\n{A},Emotet <&> ,=1\n{B},,x\n")
    subjects = _stored_subjects(tmp_path, *read_seeds(path))
    seen = [Observation(Entity("file", A, {"seed_x": "no"}), REFERENCE, None)]
    graph = build_graph(seen, subjects=subjects)
    assert graph.nodes[f"file:{A}"]["seed_family"] == "Emotet <&>"
    assert graph.nodes[f"reference:{REFERENCE.id}"].keys().isdisjoint({"seed_family", "seed_x"})
    assert "seed_x" not in graph.nodes[f"file:{A}"]
    assert list(extract_observations(graph)) == seen
    assert all("seed_family" not in each.subject.attributes for each in extract_observations(graph))

    written_files = {
        each.path.name for each in export_all(graph, tmp_path / "out", ["graphml", "csv"])
    }
    assert {"graph.graphml", "nodes.csv"} <= written_files
    read = nx.read_graphml(tmp_path / "out" / "graph.graphml")
    assert read.nodes[f"file:{A}"]["seed_family"] == "Emotet <&>"
    text = (tmp_path / "out" / "graph.graphml").read_text(encoding="utf-8")
    assert text.index('attr.name="seed_2nd"') < text.index('attr.name="seed_family"')
    back = read_graphml(tmp_path / "out" / "graph.graphml")
    assert back.nodes[f"file:{A}"]["seed_family"] == "Emotet <&>"
    assert list(extract_observations(back)) == seen
    with (tmp_path / "out" / "nodes.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0])[-2:] == ["seed_2nd", "seed_family"]
    assert (rows[0]["seed_2nd"], rows[1]["seed_2nd"]) == ("'=1", "x")
    assert "seed_" not in rows[0]["attributes"]
    assert dataframes.nodes_frame(graph)["seed_family"].tolist()[0] == "Emotet <&>"

"""Validation of attributes: kept as clean scalars, or left out with a warning."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.api.attributes import parse_attributes
from graphbuild.errors import PayloadError
from tests.api.test_json_decoding import JSON, TEXT


def cleaned(**values):
    warnings = []
    return parse_attributes(values, "p", warnings), warnings


def test_valid_attributes_are_unchanged():
    known = {
        "url": "https://r.example/\u2013",
        "title": "=1+1 <script> {{7*7}} \x1b[2J \u202e",
        "author": "NA",
        "creation_date": 1515715200,
        "size": -(2**63),
        "score": 0.5,
        "private": False,
        "tlsh": "",
        "xmlns": "x",
    }
    found, warnings = cleaned(**known)
    assert found == {name: value for name, value in known.items() if name != "tlsh"}
    assert list(map(type, found.values())) == [str, str, str, int, int, float, bool, str]
    assert warnings == []


def test_empty_attributes_and_objects_are_left_out_without_a_warning():
    found, warnings = cleaned(a=None, b="", c=[], d={}, e={"x": 1}, f=[1, 2], g=["x", 1], h=[[]])
    assert (found, warnings) == ({}, [])


def test_a_list_of_strings_is_joined():
    assert cleaned(tags=["cve-2017-11882", "macro"]) == ({"tags": "cve-2017-11882; macro"}, [])


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param([], "a list", id="I5-list"),
        pytest.param("x", "a string", id="I5-text"),
        pytest.param(5, "5", id="I5-number"),
    ],
)
def test_attributes_must_be_an_object(value, kind):
    warnings = []
    assert parse_attributes(value, "data[0].attributes", warnings) == {}
    assert warnings == [f"data[0].attributes: expected an object, got {kind} (ignored)"]


def test_attributes_can_be_missing():  # I5
    assert parse_attributes(None, "p", []) == {}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(0, "0", id="I15-0"),
        pytest.param(-1, "-1", id="I15-minus"),
        pytest.param(-62135596801, "-62135596801", id="I15-year-0"),
        pytest.param(10**12, "1000000000000", id="I15-milliseconds"),
        pytest.param(10**18, "1000000000000000000", id="I15-nanoseconds"),
        pytest.param(1.5, "1.5", id="I15-float"),
        pytest.param(True, "True", id="I15-true"),
        pytest.param("1515715200", "'1515715200'", id="I15-text"),
        pytest.param(4102444800, "4102444800", id="I15-2100"),
        pytest.param([], "a list", id="I15-list"),
        pytest.param(2**63, "9223372036854775808", id="J9-63"),
        pytest.param(2**64, "18446744073709551616", id="J9-64"),
    ],
)
def test_invalid_dates_are_left_out_with_a_warning(value, shown):
    found, warnings = cleaned(creation_date=value, title="T")
    assert found == {"title": "T"}
    assert warnings == [f"p.creation_date: {shown} is not a date from 1990 to 2099 (left out)"]


@pytest.mark.parametrize("seconds", [631152000, 1515715200, 4102444799])
def test_dates_from_1990_to_2099_are_accepted(seconds):
    assert cleaned(last_seen_date=seconds) == ({"last_seen_date": seconds}, [])


@pytest.mark.parametrize("name", ["title", "url", "author", "name"])
@pytest.mark.parametrize(
    ("value", "kind"),
    [(5, "5"), (["x"], "a list"), ({"a": 1}, "an object"), (True, "True")],
    ids=["I6-5", "I6-I16-list", "I16-object", "true"],
)
def test_a_text_attribute_of_another_type_is_left_out_with_a_warning(name, value, kind):
    found, warnings = cleaned(**{name: value})
    assert found == {}
    assert warnings == [f"p.{name}: expected a string, got {kind} (left out)"]


@pytest.mark.parametrize("raw", ["\ud800", "a\udfffb\ud800", "\ud800" * 3])
def test_half_a_surrogate_pair_is_replaced_with_a_warning(raw):  # J12
    found, warnings = cleaned(title=raw, vendor=raw)
    clean = re.sub("[\ud800-\udfff]", "\ufffd", raw)
    assert found == {"title": clean, "vendor": clean}
    assert [warning.split(":")[0] for warning in warnings] == ["p.title", "p.vendor"]


def test_a_long_title_is_cut_with_a_warning():  # J16
    found, warnings = cleaned(title="\u00e9" * 100_000, summary="x" * 65_536)
    assert found == {"title": "\u00e9" * 65_536, "summary": "x" * 65_536}
    assert warnings == ["p.title: 100000 characters (cut to 65536)"]


def test_a_long_url_or_author_is_left_out():  # I16: a part would say something else
    found, warnings = cleaned(url="https://r.example/" + "x" * 70_000, author="a" * 1_000_000)
    assert found == {}
    assert warnings == [
        "p.url: 70018 characters (left out)",
        "p.author: 1000000 characters (left out)",
    ]


def test_a_url_of_ten_kilobytes_is_kept():  # I13
    assert cleaned(url="x" * 10_240) == ({"url": "x" * 10_240}, [])


def test_a_long_list_is_cut_with_a_warning():
    found, warnings = cleaned(tags=["x" * 99] * 100)
    assert len(found["tags"]) == 4096
    assert warnings == ["p.tags: 10098 characters (cut to 4096)"]


def test_a_number_beyond_64_bits_is_left_out_with_a_warning():
    assert cleaned(size=2**63) == ({}, ["p.size: the number does not fit into 64 bits (left out)"])


@pytest.mark.parametrize(
    "name",
    ["__proto__", "constructor", "__class__", "a b", "<a>", "a:b", "\ud800", "A", "1", "x" * 65],
)
def test_invalid_attribute_names_are_left_out_with_a_warning(name):  # J18 I21
    found, warnings = cleaned(**{name: "x", "title": "T"})
    assert found == {"title": "T"}
    (warning,) = warnings
    assert re.fullmatch(r"p: invalid attribute name .* \(left out\)", warning)
    assert warning.isprintable()


def test_more_than_a_thousand_attributes_are_refused():  # J17
    assert len(parse_attributes({f"a{n}": 1 for n in range(1_000)}, "p", [])) == 1_000
    with pytest.raises(PayloadError, match=r"^p: 1001 keys, more than 1000$"):
        parse_attributes({f"a{n}": 1 for n in range(1_001)}, "p", [])


@given(st.dictionaries(TEXT | st.sampled_from(["title", "url", "x_date"]), JSON))
def test_every_attribute_is_a_valid_scalar(values):
    warnings = []
    for name, value in parse_attributes(values, "p", warnings).items():
        assert re.fullmatch("[a-z][a-z0-9_]*", name)
        assert isinstance(value, str | int | float | bool)
        assert not isinstance(value, str) or value.encode("utf-8")
        assert not isinstance(value, int) or -(2**63) <= value < 2**63
    assert all(warning.isprintable() for warning in warnings)

"""Strict decoding of JSON: damaged or ambiguous bodies are refused."""

from __future__ import annotations

import json
import re
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.api.json_decoding import (
    MAX_VALUES,
    check_depth,
    decode_json,
    describe_type,
    describe_value,
)
from graphbuild.errors import PayloadError

_INTEGERS = st.integers(-(10**90), 10**90)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=[]))  # half surrogate pairs too
JSON = st.recursive(
    st.none() | st.booleans() | _INTEGERS | _FLOATS | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


# --- bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(b"", "is not JSON", id="T1-empty"),
        pytest.param(b"<!doctype html><p>Down", "is not JSON", id="T2-html"),
        pytest.param('{"data":[]}'.encode("utf-16"), "byte 0 is not UTF-8", id="T24-utf-16"),
        pytest.param('{"data":[]}'.encode("utf-16-le"), "is not JSON", id="T24-no-mark"),
        pytest.param('{"data":[]}'.encode("utf-32-be"), "is not JSON", id="T24-utf-32"),
        pytest.param(b"null", "expected an object, got null", id="J1-null"),
        pytest.param(b"[]", "expected an object, got a list", id="J1-list"),
        pytest.param(b'"x"', "expected an object, got a string", id="J1-text"),
        pytest.param(b"1", "expected an object, got 1", id="J1-number"),
        pytest.param(b"true", "expected an object, got True", id="J1-true"),
        pytest.param(b'{"data":[],}', "is not JSON", id="J2"),
        pytest.param(b'{"data":[]} xyz', "is not JSON: Extra data", id="J3-rest"),
        pytest.param(b'{"data":[]}{"data":[]}', "is not JSON: Extra data", id="J3-two"),
        pytest.param(b'\xef\xbb\xbf\xef\xbb\xbf{"data":[]}', "is not JSON", id="J4-two-marks"),
        pytest.param(b'{"t":"M\xfcller"}', "byte 7 is not UTF-8", id="J5-latin-1"),
        pytest.param(b'{"t":"\xc0\xaf"}', "byte 6 is not UTF-8", id="J5-overlong"),
        pytest.param(b'{"t":"\xed\xa0\x80"}', "byte 6 is not UTF-8", id="J5-surrogate"),
        pytest.param(b'{"data":[1],"data":[]}', "the key 'data' occurs twice", id="J6-data"),
        pytest.param(b'{"m":{"cursor":1,"x":2,"cursor":3}}', "'cursor' occurs", id="J6-cursor"),
        pytest.param(b'{"a":[{"b":[{"c":1,"c":1}]}]}', "'c' occurs twice", id="J6-deep"),
        pytest.param(rb'{"\ud800":1,"\uD800":2}', r"'\ud800' occurs twice", id="J6-surrogate"),
        pytest.param(b'{"a":NaN}', "NaN is not a JSON number", id="J7-nan"),
        pytest.param(b'{"a":Infinity}', "Infinity is not a JSON number", id="J7-infinity"),
        pytest.param(b'{"a":-Infinity}', "-Infinity is not a JSON number", id="J7-minus"),
        pytest.param(b'{"a":1e999}', "1e999 is out of the range", id="J7-1e999"),
        pytest.param(b'{"a":-1e999}', "-1e999 is out of the range", id="J7-minus-1e999"),
        pytest.param(b'{"a":' + b"9" * 5_000 + b"}", "a number has 5000 digits", id="J8"),
        pytest.param(b'{"a":-' + b"9" * 5_000 + b"}", "a number has 5001 digits", id="J8-minus"),
        pytest.param(b'{"a":' + b"[" * 100_000, "nested deeper than 64", id="J10-lists"),
        pytest.param(b'{"data":' * 5_000, "nested deeper than 64", id="J10-objects"),
        pytest.param(b'{"a":"\x00"}', "is not JSON: Invalid control character", id="J14-raw"),
        pytest.param(b'{"a":"\n"}', "is not JSON: Invalid control character", id="J14-line"),
        pytest.param(
            b'{"a":[' + b"{}," * MAX_VALUES + b"{}]}", f"more than {MAX_VALUES}", id="G11-objects"
        ),
        pytest.param(
            b'{"a":[' + b'"ab",' * MAX_VALUES + b"1]}", f"more than {MAX_VALUES}", id="G11-texts"
        ),
    ],
)
def test_damaged_or_ambiguous_json_is_refused(body, problem):
    with pytest.raises(PayloadError, match=re.escape(problem)):
        decode_json(body)


def test_a_byte_order_mark_is_skipped():  # J4
    assert decode_json(b'\xef\xbb\xbf{"data":[]}') == {"data": []}


def test_an_escaped_pair_is_one_character():  # J13
    assert decode_json(rb'{"t":"\ud83d\ude00"}') == {"t": "\N{GRINNING FACE}"}


def test_numbers_up_to_a_hundred_digits_are_accepted():
    assert decode_json(b'{"a":' + b"9" * 100 + b',"b":-1.5e3,"c":1E-400}') == {
        "a": 10**100 - 1,
        "b": -1500.0,
        "c": 0.0,
    }


def test_one_digit_more_is_refused():
    with pytest.raises(PayloadError, match="a number has 101 digits"):
        decode_json(b'{"a":' + b"9" * 101 + b"}")


def test_the_number_of_values_is_limited():  # G11
    assert len(decode_json(b'{"a":[' + b"1," * 499_998 + b"1]}")["a"]) == 499_999
    with pytest.raises(PayloadError, match="contains 500001 values"):
        decode_json(b'{"a":[' + b"1," * 499_999 + b"1]}")


def test_too_many_values_are_refused_without_decoding():  # G11
    body = b'{"a":[' + b"[]," * 10_000_000 + b"[]]}"
    tracemalloc.start()
    with pytest.raises(PayloadError, match="contains 20000003 values"):
        decode_json(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_a_title_of_twenty_megabytes_is_decoded():  # J16
    assert len(decode_json(b'{"t":"' + b"x" * 20_000_000 + b'"}')["t"]) == 20_000_000


@given(st.binary())
def test_any_bytes_are_an_object_or_a_payload_error(body):
    with suppress(PayloadError):
        assert isinstance(decode_json(body), dict)


@given(st.dictionaries(TEXT, JSON))
def test_valid_objects_are_decoded_like_the_standard_library_does(values):
    body = json.dumps(values).encode()
    assert decode_json(body) == json.loads(body)


# --- depth ---------------------------------------------------------------------------------------


def nested(levels, inner=1):
    value = inner
    for level in range(levels):
        value = [value] if level % 2 else {"a": value, "b": "x"}
    return value


def test_64_levels_are_accepted():
    check_depth({"a": nested(63)}, "data[0]")
    with pytest.raises(PayloadError, match=r"^data\[0\]: nested deeper than 64 levels$"):
        check_depth({"a": nested(64)}, "data[0]")


def test_deep_values_are_found_in_any_branch():
    wide = {"a": [nested(5)] * 9, "b": nested(3), "c": [1, "x", None, nested(80)], "d": {}}
    with pytest.raises(PayloadError, match="nested deeper"):
        check_depth(wide, "")


def test_the_depth_check_does_not_recurse():
    refused = nested(100_000)
    with pytest.raises(PayloadError, match="nested deeper"):
        check_depth({"a": refused}, "")
    while isinstance(refused, dict | list):  # in a loop: Python would delete it recursively
        refused = refused["a"] if isinstance(refused, dict) else refused[0]


# --- descriptions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        ("\x1b[2J\u202e" + "x" * 99, r"'\x1b[2J\u202e" + "x" * 35 + "'"),
        ({}, "an object"),
        ([1], "a list"),
        (True, "True"),
        (1.5, "1.5"),
        (10**90, "1" + "0" * 39),
    ],
)
def test_described_values_are_short_and_printable(value, words):
    assert describe_value(value) == words


def test_the_type_of_a_deep_value_is_described():
    deep = []
    for _ in range(5_000):
        deep = [deep]
    assert describe_type(deep) == "a list"


@given(JSON)
def test_any_description_fits_on_a_line(value):
    assert describe_value(value).isprintable()
    assert len(describe_value(value)) <= 410

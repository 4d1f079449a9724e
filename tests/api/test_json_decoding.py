"""Bytes to values: what is damaged or ambiguous is refused, and attributes are cleaned."""

from __future__ import annotations

import json
import re
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.api.json_decoding import (
    MAX_VALUES,
    attributes,
    decode_json,
    decode_plain,
    decode_strictly,
    describe_type,
    describe_value,
    entries_of,
    refuse_depth,
    take_apart,
)
from graphbuild.errors import PayloadError
from tests.support.paths import DATA

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
        pytest.param(b'{"data":[1],"data":[]}', "the key 'data' stands twice", id="J6-data"),
        pytest.param(b'{"m":{"cursor":1,"x":2,"cursor":3}}', "'cursor' stands", id="J6-cursor"),
        pytest.param(b'{"a":[{"b":[{"c":1,"c":1}]}]}', "'c' stands twice", id="J6-deep"),
        pytest.param(rb'{"\ud800":1,"\uD800":2}', r"'\ud800' stands twice", id="J6-surrogate"),
        pytest.param(b'{"a":NaN}', "NaN is not a JSON number", id="J7-nan"),
        pytest.param(b'{"a":Infinity}', "Infinity is not a JSON number", id="J7-infinity"),
        pytest.param(b'{"a":-Infinity}', "-Infinity is not a JSON number", id="J7-minus"),
        pytest.param(b'{"a":1e999}', "1e999 is beyond the range", id="J7-1e999"),
        pytest.param(b'{"a":-1e999}', "-1e999 is beyond the range", id="J7-minus-1e999"),
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
def test_a_damaged_or_ambiguous_answer_is_refused(body, problem):
    with pytest.raises(PayloadError, match=re.escape(problem)):
        decode_json(body)


def test_a_byte_order_mark_is_passed_over():  # J4
    assert decode_json(b'\xef\xbb\xbf{"data":[]}') == {"data": []}


def test_an_escaped_pair_is_one_character():  # J13
    assert decode_json(rb'{"t":"\ud83d\ude00"}') == {"t": "\N{GRINNING FACE}"}


def test_numbers_up_to_a_hundred_digits_pass():
    assert decode_json(b'{"a":' + b"9" * 100 + b',"b":-1.5e3,"c":1E-400}') == {
        "a": 10**100 - 1,
        "b": -1500.0,
        "c": 0.0,
    }


def test_one_digit_more_is_refused():
    with pytest.raises(PayloadError, match="a number has 101 digits"):
        decode_json(b'{"a":' + b"9" * 101 + b"}")


def test_half_a_million_values_are_read_and_one_more_is_not():  # G11
    assert len(decode_json(b'{"a":[' + b"1," * 499_998 + b"1]}")["a"]) == 499_999
    with pytest.raises(PayloadError, match="holds 500001 values"):
        decode_json(b'{"a":[' + b"1," * 499_999 + b"1]}")


def test_refusing_a_swarm_of_values_costs_no_memory():  # G11
    body = b'{"a":[' + b"[]," * 10_000_000 + b"[]]}"
    tracemalloc.start()
    with pytest.raises(PayloadError, match="holds 20000003 values"):
        decode_json(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_a_title_of_twenty_megabytes_is_read():  # J16
    assert len(decode_json(b'{"t":"' + b"x" * 20_000_000 + b'"}')["t"]) == 20_000_000


@given(st.binary())
def test_any_bytes_are_an_object_or_a_payload_error(body):
    with suppress(PayloadError):
        assert isinstance(decode_json(body), dict)


@given(st.dictionaries(TEXT, JSON))
def test_a_sound_object_is_read_as_the_standard_library_reads_it(values):
    body = json.dumps(values).encode()
    assert decode_json(body) == json.loads(body)


# --- the fast way --------------------------------------------------------------------------------

# JSON as somebody writes it who wants two parsers to disagree.
_BLANK = st.sampled_from(["", "", "", " ", "\n", "\t \r\n", "\f", "\u00a0"])
_LETTERS = (
    st.sampled_from(
        ["a", "b", ":", '":', ",", "{", "}", "\u00e9", "\U0001f600", "\x7f", "\u2028", "9"]
    )
    | st.sampled_from(
        [r"\"", r"\\", r"\/", r"\n", r"\u0061", r"\u003a", r"\u003A", r"\u0022", r"\ud83d\ude00"]
    )
    | st.sampled_from([r"\ud800", r"\udc00", r"\x", r"\u00", "\x00", "\n", '"'])
)
_PLAIN_LETTERS = st.sampled_from(["a", "b", ":", r"\":", ",", "}", "\u00e9", r"\\", r"\u0061"])
_NUMBERS = (
    st.sampled_from(
        ["0", "-0", "1515715200", str(2**63 - 1), str(2**63), str(-(2**63)), str(-(2**63) - 1)]
    )
    | st.sampled_from(
        ["9" * 100, "9" * 101, "1.0", "-0.0", "1e5", "1e999", "1e-400", "0.1", "NaN", "-Infinity"]
    )
    | st.sampled_from(
        ["01", "1.", "+1", "-", "0x1", "1_0", "true", "false", "null", "nul", "True", "''"]
    )
)
_PLAIN_VALUES = st.sampled_from(["0", "1515715200", "-7", "true", "false", "null", "[]", "{}"])


def written(scalars, letters):
    """Texts of values, some of which no parser reads."""
    texts = st.lists(letters, max_size=4).map(lambda parts: f'"{"".join(parts)}"')
    pairs = st.tuples(_BLANK, st.sampled_from(['"a"', '"b"', r'"\u0061"']) | texts, _BLANK)

    def containers(inner):
        values = st.builds("{}{}{}".format, _BLANK, inner, _BLANK)
        members = st.builds(lambda key, value: f"{''.join(key)}:{value}", pairs, values)
        return st.lists(values, max_size=4).map(lambda parts: f"[{','.join(parts)}]") | st.lists(
            members, max_size=4
        ).map(lambda parts: f"{{{','.join(parts)}}}")

    return st.recursive(scalars | texts, containers, max_leaves=15)


def strictly(body):
    """What the strict parser says: its value to the last type and order, or a refusal."""
    with suppress(PayloadError):
        return repr(decode_strictly(body))
    return "refused"


ANSWERS = written(_NUMBERS, _LETTERS) | written(_PLAIN_VALUES, _PLAIN_LETTERS)


@settings(max_examples=500)
@given(ANSWERS, st.sampled_from(["", "", " ", "\ufeff", "x", "{}"]), st.integers(0, 300))
def test_the_fast_decoder_says_what_the_strict_one_says_or_nothing(text, around, cut):
    for body in (
        text.encode(),
        f'{{"data":{text}}}'.encode(),
        f'{around}{{"a":{text},"b":[{text}]}}{around}'.encode(),
        f'{{"data":{text}}}'.encode()[:cut],
    ):
        found = decode_plain(body)
        assert found is None or repr(dict(found)) == strictly(body)


@given(st.binary(max_size=60), st.integers(0, 100))
def test_bytes_put_anywhere_do_not_make_the_two_decoders_disagree(noise, place):
    sound = b'{"data": [{"id": "x:y", "n": 12}, "\\u00e9"], "meta": {"count": 3, "cursor": null}}'
    body = sound[:place] + noise + sound[place:]
    found = decode_plain(body)
    assert found is None or repr(dict(found)) == strictly(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a" :1,"a":2}',
        b'{"a":[{"b":{"c":1,"d":2,"c":3}}]}',
        rb'{"a":1,"\u0061":2}',
        rb'{"a":":","a":"\u003a"}',
        rb'{"a":"\u003a\u003a","b":":","b":1}',
        b'{"a":{"a":1},"a":{}}',
        '{"\u00e9":1,"\u00e9":1}'.encode(),
    ],
)
def test_a_key_that_stands_twice_is_never_decoded_fast(body):
    assert decode_plain(body) is None


def test_a_page_as_the_api_writes_it_is_decoded_fast():
    sample = DATA / "related_references.json"
    values = json.loads(sample.read_bytes())
    for body in (
        sample.read_bytes(),
        json.dumps(values).encode(),
        json.dumps(values, indent=4, ensure_ascii=False).encode(),
    ):
        assert decode_plain(body) == values


_ENTRIES = st.lists(ANSWERS, max_size=3).map(",".join)
_RESTS = st.sampled_from(
    [
        "",
        ',"meta":{"count":3}',
        ',"meta":null,"links":{"self":"a:b","next":null}',
        ',"meta":{"count":1,"count":2}',
        ',"links":{"self":"\\u003a"}',
        ',"meta":{"count":1.5}',
        ',"data":[]',
        ',"meta":{},"meta":{}',
        ',"other":1',
        ' , "links" : { "self" : ":" } ',
    ]
)


@settings(max_examples=400)
@given(_ENTRIES, _RESTS)
def test_a_page_taken_apart_is_the_page(entries, rest):
    body = f'{{"data":[{entries}]{rest}}}'.encode()
    apart = take_apart(body)
    if apart is None:
        return
    raw = entries_of(apart.data)
    if raw is None:
        return
    decoded = [decode_plain(entry) for entry in raw]
    if None in decoded:
        return
    put_together = {**apart.rest, "data": list(map(dict, decoded))}
    assert json.dumps(put_together, sort_keys=True) == json.dumps(
        decode_strictly(body), sort_keys=True
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[],"data":[]}',
        b'{"data":[{"a":1}],"data":[]}',
        b'{"data":[],"meta":{"count":1},"meta":{"count":1}}',
        b'{"data":[],"meta":{"count":1,"count":1}}',
        b'{"data":[],"other":1}',
        b'{"data":[],"meta":{"count":1.0}}',
        rb'{"data":[{"a\u003a":1}]}',
        b'{"meta":{}}',
        b"[]",
        b"",
    ],
)
def test_what_is_no_plain_page_is_not_taken_apart(body):
    assert take_apart(body) is None


def test_a_page_as_the_api_writes_it_is_taken_apart():
    sample = DATA / "related_references.json"
    apart = take_apart(sample.read_bytes())
    assert apart is not None
    values = json.loads(sample.read_bytes())
    assert {**apart.rest, "data": list(map(json.loads, entries_of(apart.data)))} == values


# --- depth ---------------------------------------------------------------------------------------


def nested(levels, inner=1):
    value = inner
    for level in range(levels):
        value = [value] if level % 2 else {"a": value, "b": "x"}
    return value


def test_64_levels_are_deep_enough():
    refuse_depth({"a": nested(63)}, "data[0]")
    with pytest.raises(PayloadError, match=r"^data\[0\]: is nested deeper than 64$"):
        refuse_depth({"a": nested(64)}, "data[0]")


def test_depth_is_found_wherever_it_hides():
    wide = {"a": [nested(5)] * 9, "b": nested(3), "c": [1, "x", None, nested(80)], "d": {}}
    with pytest.raises(PayloadError, match="nested deeper"):
        refuse_depth(wide, "")


def test_depth_itself_costs_no_stack():
    refused = nested(100_000)
    with pytest.raises(PayloadError, match="nested deeper"):
        refuse_depth({"a": refused}, "")
    while isinstance(refused, dict | list):  # taken apart by hand: Python would recurse
        refused = refused["a"] if isinstance(refused, dict) else refused[0]


# --- attributes ----------------------------------------------------------------------------------


def cleaned(**values):
    warnings = []
    return attributes(values, "p", warnings), warnings


def test_plain_attributes_pass_as_they_are():
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


def test_what_is_empty_or_an_object_is_left_out_without_a_word():
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
def test_attributes_that_are_no_object_are_ignored_with_a_remark(value, kind):
    warnings = []
    assert attributes(value, "data[0].attributes", warnings) == {}
    assert warnings == [f"data[0].attributes: expected an object, got {kind} (ignored)"]


def test_missing_attributes_are_no_matter():  # I5
    assert attributes(None, "p", []) == {}


@pytest.mark.parametrize(
    ("value", "told"),
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
def test_a_date_is_whole_seconds_between_1990_and_2100_or_absent(value, told):
    found, warnings = cleaned(creation_date=value, title="T")
    assert found == {"title": "T"}
    assert warnings == [f"p.creation_date: {told} is no date between 1990 and 2100 (left out)"]


@pytest.mark.parametrize("seconds", [631152000, 1515715200, 4102444799])
def test_dates_between_1990_and_2100_pass(seconds):
    assert cleaned(last_seen_date=seconds) == ({"last_seen_date": seconds}, [])


@pytest.mark.parametrize("name", ["title", "url", "author", "name"])
@pytest.mark.parametrize(
    ("value", "kind"),
    [(5, "5"), (["x"], "a list"), ({"a": 1}, "an object"), (True, "True")],
    ids=["I6-5", "I6-I16-list", "I16-object", "true"],
)
def test_a_text_that_is_none_is_left_out_with_a_remark(name, value, kind):
    found, warnings = cleaned(**{name: value})
    assert found == {}
    assert warnings == [f"p.{name}: expected a string, got {kind} (left out)"]


@pytest.mark.parametrize("raw", ["\ud800", "a\udfffb\ud800", "\ud800" * 3])
def test_half_a_surrogate_pair_is_replaced_with_a_remark(raw):  # J12
    found, warnings = cleaned(title=raw, vendor=raw)
    clean = re.sub("[\ud800-\udfff]", "\ufffd", raw)
    assert found == {"title": clean, "vendor": clean}
    assert [remark.split(":")[0] for remark in warnings] == ["p.title", "p.vendor"]


def test_a_long_title_is_cut_with_a_remark():  # J16
    found, warnings = cleaned(title="\u00e9" * 100_000, summary="x" * 65_536)
    assert found == {"title": "\u00e9" * 65_536, "summary": "x" * 65_536}
    assert warnings == ["p.title: 100000 characters (cut to 65536)"]


def test_an_address_or_an_author_is_whole_or_absent():  # I16: a part would say something else
    found, warnings = cleaned(url="https://r.example/" + "x" * 70_000, author="a" * 1_000_000)
    assert found == {}
    assert warnings == [
        "p.url: 70018 characters (left out)",
        "p.author: 1000000 characters (left out)",
    ]


def test_an_address_of_ten_kilobytes_is_whole():  # I13
    assert cleaned(url="x" * 10_240) == ({"url": "x" * 10_240}, [])


def test_a_long_list_is_cut_with_a_remark():
    found, warnings = cleaned(tags=["x" * 99] * 100)
    assert len(found["tags"]) == 4096
    assert warnings == ["p.tags: 10098 characters (cut to 4096)"]


def test_a_number_beyond_64_bits_is_left_out_with_a_remark():
    assert cleaned(size=2**63) == ({}, ["p.size: a number beyond 64 bits (left out)"])


@pytest.mark.parametrize(
    "name",
    ["__proto__", "constructor", "__class__", "a b", "<a>", "a:b", "\ud800", "A", "1", "x" * 65],
)
def test_a_name_that_is_none_of_the_apis_is_left_out_with_a_remark(name):  # J18 I21
    found, warnings = cleaned(**{name: "x", "title": "T"})
    assert found == {"title": "T"}
    (remark,) = warnings
    assert "is no name of an attribute (left out)" in remark
    assert remark.isprintable()


def test_more_than_a_thousand_attributes_are_refused():  # J17
    assert len(attributes({f"a{n}": 1 for n in range(1_000)}, "p", [])) == 1_000
    with pytest.raises(PayloadError, match=r"^p: 1001 keys, more than 1000$"):
        attributes({f"a{n}": 1 for n in range(1_001)}, "p", [])


@given(st.dictionaries(TEXT | st.sampled_from(["title", "url", "x_date"]), JSON))
def test_every_attribute_that_is_kept_is_a_clean_scalar(values):
    warnings = []
    for name, value in attributes(values, "p", warnings).items():
        assert re.fullmatch("[a-z][a-z0-9_]*", name)
        assert isinstance(value, str | int | float | bool)
        assert not isinstance(value, str) or value.encode("utf-8")
        assert not isinstance(value, int) or -(2**63) <= value < 2**63
    assert all(remark.isprintable() for remark in warnings)


# --- words ---------------------------------------------------------------------------------------


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
def test_a_value_is_shown_short_and_harmless(value, words):
    assert describe_value(value) == words


def test_the_kind_of_a_deep_value_is_told_without_descending():
    deep = []
    for _ in range(5_000):
        deep = [deep]
    assert describe_type(deep) == "a list"


@given(JSON)
def test_whatever_is_shown_fits_on_a_line(value):
    assert describe_value(value).isprintable()
    assert len(describe_value(value)) <= 410

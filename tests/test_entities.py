"""Entities: identity, names for people, and which text names a file."""

from __future__ import annotations

import copy
import pickle
import re
from contextlib import suppress
from dataclasses import FrozenInstanceError, asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.entities import Entity, hash_kind, is_id, is_type, recognize, short_id

SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"


# --- identity ------------------------------------------------------------------------------------


def test_entities_are_equal_by_type_and_id_whatever_is_known_of_them():
    bare, known = Entity("file", MD5), Entity("file", MD5, {"size": 1})
    assert bare == known
    assert len({bare, known}) == 1


def test_one_id_of_two_types_is_two_entities():
    assert Entity("url", SHA256) != Entity("reference", SHA256)
    assert Entity("url", SHA256).key == f"url:{SHA256}"


def test_an_entity_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Entity("file", MD5).id = SHA1
    with pytest.raises(TypeError, match="cannot be changed"):
        Entity("file", MD5).attributes["size"] = 1


@pytest.mark.parametrize("attributes", [{}, {"title": "T"}], ids=["bare", "known"])
def test_an_entity_can_be_copied_and_pickled_with_all_that_is_known_of_it(attributes):
    entity = Entity("file", MD5, attributes) if attributes else Entity("file", MD5)
    for twin in (copy.deepcopy(entity), pickle.loads(pickle.dumps(entity))):
        assert twin == entity
        assert dict(twin.attributes) == attributes
    assert asdict(entity) == {"type": "file", "id": MD5, "attributes": attributes}


# --- names for people ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "label"),
    [
        ({"title": "A report", "name": "N"}, "A report"),
        ({"name": "Emotet"}, "Emotet"),
        ({"meaningful_name": "run.exe"}, "run.exe"),
        ({"title": " \t", "name": "Emotet"}, "Emotet"),
        ({"title": 5}, "malpedia_win_emotet"),
        ({}, "malpedia_win_emotet"),
    ],
)
def test_a_label_is_the_title_or_the_name_or_the_id(attributes, label):
    assert Entity("collection", "malpedia_win_emotet", attributes).label == label


@pytest.mark.parametrize(
    ("entity_id", "short"),
    [
        (SHA256, "e3b0c44298fc…"),
        (SHA1, "da39a3ee5e6b…"),
        (MD5, "d41d8cd98f00…"),
        ("alienvault_64edfc5ab93abb1407070292", "alienvault_64edfc5ab93abb1407070292"),
    ],
)
def test_only_hashes_are_cut_short(entity_id, short):
    assert short_id(Entity("any", entity_id)) == short


# --- what can be a type, an id, a hash -----------------------------------------------------------


@pytest.mark.parametrize("text", ["file", "ip_address", "threat-actor", "X1", "a" * 64])
def test_a_short_ascii_word_can_be_a_type(text):
    assert is_type(text)


@pytest.mark.parametrize(
    "text",
    ["", "1a", "_a", "a b", "a:b", "file\n", "fil\u0435", "\ud800", "a" * 65, None, 5, ["file"]],
)
def test_anything_else_can_be_no_type(text):
    assert not is_type(text)


@pytest.mark.parametrize(
    "text",
    ["malpedia_win_emotet", "report--24-10072685", "a.b", "CON", "\u4f60\u597d", "a" * 256],
)
def test_a_printable_word_can_be_an_id(text):
    assert is_id(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("../../x", id="I4-up"),
        pytest.param("/etc/passwd", id="I4-absolute"),
        pytest.param("a" * 257, id="I4-long"),
        pytest.param("a\0", id="I4-nul"),
        pytest.param("a'b", id="I17-quote"),
        pytest.param('a"b', id="I17-double-quote"),
        pytest.param("a\\b", id="I17-backslash"),
        pytest.param("a/../b", id="L23-path"),
        pytest.param("a?limit=9", id="L23-query"),
        pytest.param("a#f", id="L23-fragment"),
        pytest.param("a%2fb", id="L23-percent"),
        pytest.param(".", id="L23-dot"),
        pytest.param("..", id="L23-dots"),
        pytest.param("a\r\nx-apikey: 1", id="L23-header"),
        pytest.param("\ud800", id="surrogate"),
        pytest.param("a\u202eb", id="bidi"),
        pytest.param("a\u200bb", id="zero-width"),
        pytest.param("a b", id="space"),
        pytest.param("<a>", id="angle"),
        pytest.param("", id="empty"),
        pytest.param(None, id="null"),
        pytest.param(5, id="number"),
    ],
)
def test_what_could_leave_its_place_in_a_path_or_a_table_can_be_no_id(text):
    assert not is_id(text)


@given(st.text())
def test_an_id_never_holds_white_space_or_what_cannot_be_encoded(text):
    if is_id(text):
        assert text.split() == [text]
        assert text.encode()


@pytest.mark.parametrize(("text", "kind"), [(MD5, "md5"), (SHA1, "sha1"), (SHA256, "sha256")])
def test_a_hash_is_known_by_its_length(text, kind):
    assert hash_kind(text) == kind
    assert hash_kind(text + "0") is None
    assert hash_kind("g" + text[1:]) is None


# --- what a line names ---------------------------------------------------------------------------


@pytest.mark.parametrize("text", [MD5, SHA1.upper(), SHA256.title()], ids=["L1-a", "L1-b", "L1-c"])
def test_a_hash_in_any_case_names_a_file(text):
    found = recognize(text)
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
        pytest.param("hxxps://evil[.]example", "is not a file hash", id="L15"),
        pytest.param("evil.example", "is not a file hash", id="L16-domain"),
        pytest.param("https://evil.example/", "is not a file hash", id="L16-url"),
        pytest.param("192.168.0.010", "is not a file hash", id="L17"),
        pytest.param("b\u00fccher.example", "contains U+00FC", id="L18"),
        pytest.param("../users/me", "is not a file hash", id="L23"),
        pytest.param("1.23E+45", "a spreadsheet turned into a number", id="L27-number"),
        pytest.param('=HYPERLINK("x")', "is not a file hash", id="L27-formula"),
        pytest.param("", "is not a file hash", id="empty"),
    ],
)
def test_what_is_no_hash_is_told_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        recognize(text)


@given(st.text())
def test_whatever_is_recognized_is_a_lower_case_hash(text):
    with suppress(ValueError):
        found = recognize(text)
        assert found.type == "file"
        assert set(found.id) <= set("0123456789abcdef")
        assert len(found.id) in {32, 40, 64}

"""Entities: identity, display names, valid types and ids, hash types."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.api.endpoints import OBJECT_TYPES
from graphbuild.models import (
    RELATED_REFERENCES,
    SUBJECT_TYPES,
    Entity,
    detect_hash_type,
    is_object_id,
    is_object_type,
    shorten_id,
)

SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"


# --- identity ------------------------------------------------------------------------------------


def test_entities_are_equal_by_type_and_id_regardless_of_attributes():
    bare, known = Entity("file", MD5), Entity("file", MD5, {"size": 1})
    assert bare == known
    assert len({bare, known}) == 1


def test_one_id_with_two_types_is_two_entities():
    assert Entity("url", SHA256) != Entity("reference", SHA256)
    assert Entity("url", SHA256).key == f"url:{SHA256}"


def test_an_entity_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Entity("file", MD5).id = SHA1
    with pytest.raises(TypeError, match="cannot be changed"):
        Entity("file", MD5).attributes["size"] = 1


@pytest.mark.parametrize("attributes", [{}, {"title": "T"}], ids=["bare", "known"])
def test_an_entity_can_be_copied_and_pickled_with_its_attributes(attributes):
    entity = Entity("file", MD5, attributes) if attributes else Entity("file", MD5)
    for duplicate in (copy.deepcopy(entity), pickle.loads(pickle.dumps(entity))):
        assert duplicate == entity
        assert dict(duplicate.attributes) == attributes
    assert asdict(entity) == {
        "type": "file",
        "id": MD5,
        "attributes": attributes,
        "qualified_label": "",
    }


# --- display names -------------------------------------------------------------------------------


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
    ("url", "label"),
    [
        ("https://blog.example/2024/05/emotet-returns.html", "blog.example/…/emotet-returns.html"),
        ("https://www.blog.example/emotet/", "blog.example/emotet"),
        ("http://user:secret@Blog.Example:8080/a/b?c=d#e", "blog.example/…/b"),
        ("https://blog.example/?p=123", "blog.example/?p=123"),
        ("https://blog.example", "blog.example"),
        (r"https://good.example\@evil.example/x", "good.example/…/x"),
        ("https://[::1/x", "e3b0c44298fc…"),
        ("not a URL", "e3b0c44298fc…"),
    ],
)
@pytest.mark.parametrize("name", ["url", "link"])
def test_a_reference_without_a_title_is_labelled_by_its_address(name, url, label):
    assert Entity("reference", SHA256, {name: url}).label == label
    assert Entity("reference", SHA256, {name: url, "title": "T"}).label == "T"
    assert Entity("file", SHA256, {name: url}).label == "e3b0c44298fc…"


@pytest.mark.parametrize(
    ("entity_id", "short"),
    [
        (SHA256, "e3b0c44298fc…"),
        (SHA1, "da39a3ee5e6b…"),
        (MD5, "d41d8cd98f00…"),
        ("alienvault_64edfc5ab93abb1407070292", "alienvault_64edfc5ab93abb1407070292"),
    ],
)
def test_only_hashes_are_shortened(entity_id, short):
    assert shorten_id(Entity("any", entity_id)) == short


# --- types, ids and hashes -----------------------------------------------------------------------


@pytest.mark.parametrize("text", ["file", "ip_address", "threat-actor", "X1", "a" * 64])
def test_a_short_ascii_word_is_a_valid_type(text):
    assert is_object_type(text)


@pytest.mark.parametrize(
    "text",
    ["", "1a", "_a", "a b", "a:b", "file\n", "fil\u0435", "\ud800", "a" * 65, None, 5, ["file"]],
)
def test_anything_else_is_no_valid_type(text):
    assert not is_object_type(text)


@pytest.mark.parametrize(
    "text",
    ["malpedia_win_emotet", "report--24-10072685", "a.b", "CON", "\u4f60\u597d", "a" * 256],
)
def test_a_printable_word_is_a_valid_id(text):
    assert is_object_id(text)


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
def test_ids_that_are_unsafe_in_paths_or_tables_are_invalid(text):
    assert not is_object_id(text)


@given(st.text(st.sampled_from("aZ0._-:é /\u200b")) | st.integers(250, 260).map("x".__mul__))
def test_an_id_is_valid_if_all_its_characters_are(text):
    good = all(each in "aZ0._-:éx" for each in text)
    assert is_object_id(text) == (good and 0 < len(text) <= 256 and text not in {".", ".."})


@given(st.text())
def test_a_valid_id_has_no_white_space_and_can_be_encoded(text):
    if is_object_id(text):
        assert text.split() == [text]
        assert text.encode()


@pytest.mark.parametrize(("text", "kind"), [(MD5, "md5"), (SHA1, "sha1"), (SHA256, "sha256")])
def test_a_hash_is_detected_by_its_length(text, kind):
    assert detect_hash_type(text) == kind
    assert detect_hash_type(text + "0") is None
    assert detect_hash_type("g" + text[1:]) is None


# --- subject types -------------------------------------------------------------------------------


@pytest.mark.parametrize("entity_type", SUBJECT_TYPES)
def test_each_subject_type_has_a_path_in_the_api(entity_type):
    assert RELATED_REFERENCES in OBJECT_TYPES[entity_type].relationships


def test_the_readable_id_of_a_url_is_its_text():
    url = Entity("url", SHA256, {"url": "http://a.example/"})
    assert (url.readable_id, url.id_text) == ("http://a.example/", "http://a.example/")
    assert Entity("url", SHA256).readable_id == shorten_id(Entity("url", SHA256))
    assert Entity("domain", "a.example", {"title": "T"}).readable_id == "a.example"
    assert Entity("domain", "a.example", {"": "T"}).id_text == ""

"""Descriptions: which objects a response may describe, and which attributes are kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.endpoints import endpoint_path
from graphbuild.api.parser import parse_page
from graphbuild.errors import PayloadError
from graphbuild.models import COLLECTION, DESCRIPTION, DOMAIN, FILE, Entity

if TYPE_CHECKING:
    from graphbuild.models import Page

MD5, SHA1, SHA256 = "1" * 32, "2" * 40, "3" * 64
FAMILY = Entity(COLLECTION, "malpedia_win_emotet")


def body(entity_type: object, object_id: object, attributes: object = None) -> bytes:
    values = {"type": entity_type, "id": object_id, "attributes": attributes}
    return json.dumps({"data": values}).encode()


def describe(subject: Entity, response: bytes) -> Page:
    return parse_page(response, subject, DESCRIPTION)


@pytest.mark.parametrize("requested", [MD5, SHA1, SHA256])
def test_a_file_may_be_requested_by_each_of_its_hashes(requested) -> None:
    hashes = {"md5": MD5.upper(), "sha1": SHA1, "sha256": SHA256}
    page = describe(Entity(FILE, requested), body("file", SHA256.upper(), hashes))
    assert page.described == Entity(FILE, SHA256)
    assert page.canonical_subject == (None if requested == SHA256 else Entity(FILE, SHA256))


@pytest.mark.parametrize(
    ("subject", "response", "message"),
    [
        (FAMILY, body("collection", "malpedia_win_dridex"), "about collection 'malpedia_win_dri"),
        (FAMILY, body("file", "malpedia_win_emotet"), "about file 'malpedia_win_emotet'"),
        (FAMILY, body("collection", None), "the response is about collection 'None'"),
        (FAMILY, body(None, "malpedia_win_emotet"), "the response is about None"),
        (FAMILY, body("collection", "<script>" * 90), "about collection '<script><script><script"),
        (Entity(FILE, SHA256), body("file", "4" * 64), "about file '4444"),
        (Entity(FILE, MD5), body("file", "4" * 32), "about file '4444"),
        (Entity(FILE, MD5), body("file", SHA256, {"md5": "4" * 32}), "with another md5"),
        (Entity(FILE, SHA1), body("file", SHA256, {"sha1": "4" * 40}), "with another sha1"),
        (FAMILY, b'{"data": []}', "expected an object, got a list"),
        (FAMILY, b"{}", "expected an object, got null"),
        (FAMILY, b'{"data": {}, "error": {"code": "X"}}', "the response contains an error"),
        (
            FAMILY,
            b'{"data": {"type": "collection", "id": "malpedia_win_emotet", "x": %s}}'
            % (b"[" * 80 + b"]" * 80),
            "nested deeper than",
        ),
    ],
)
def test_a_response_about_anything_else_is_refused(subject, response, message) -> None:
    with pytest.raises(PayloadError) as error:
        describe(subject, response)
    assert message in str(error.value)
    assert len(str(error.value)) < 200


def test_invalid_values_are_left_out_with_a_warning() -> None:
    attributes = {"name": 7, "creation_date": "yesterday", "tags": ["a", 1], "origin": "Partner"}
    page = describe(FAMILY, body("collection", FAMILY.id, attributes))
    assert page.described is not None
    assert dict(page.described.attributes) == {"origin": "Partner"}
    assert page.warnings == (
        "data.attributes.name: expected a string, got 7 (left out)",
        "data.attributes.creation_date: 'yesterday' is not a date from 1990 to 2099 (left out)",
    )


def test_thousands_of_other_attributes_do_not_matter() -> None:
    others = {f"attribute_{number}": number for number in range(5_000)}
    page = describe(FAMILY, body("collection", FAMILY.id, {**others, "name": "Emotet"}))
    assert page.described is not None
    assert dict(page.described.attributes) == {"name": "Emotet"}


@pytest.mark.parametrize("attributes", [None, {}, {"last_analysis_stats": [1, 2]}])
def test_a_description_may_be_empty(attributes) -> None:
    page = describe(Entity(FILE, SHA256), body("file", SHA256, attributes))
    assert page.described is not None
    assert not page.described.attributes
    assert (page.warnings, page.observations, page.targets) == ((), (), ())


def test_attributes_that_are_no_object_are_ignored_with_a_warning() -> None:
    page = describe(FAMILY, body("collection", FAMILY.id, ["name"]))
    assert page.warnings == ("data.attributes: expected an object, got a list (ignored)",)


def test_ids_are_quoted_in_the_path() -> None:
    path = endpoint_path(Entity(COLLECTION, "a:b@c"), DESCRIPTION)
    assert path == "/collections/a%3Ab%40c"
    assert endpoint_path(Entity(FILE, MD5), DESCRIPTION, "gti") == f"/files/{MD5}"


@pytest.mark.parametrize("subject", [Entity(DOMAIN, "evil.example"), Entity(COLLECTION, "a/b")])
def test_other_objects_cannot_be_described(subject) -> None:
    with pytest.raises(ValueError, match="cannot describe"):
        endpoint_path(subject, DESCRIPTION)

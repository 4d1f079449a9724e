"""Parsing of pages: entries, skipped entries, warnings and the next cursor."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.api.links import parse_self_link, query_parameter
from graphbuild.api.parser import (
    parse_page,
    parse_payload,
)
from graphbuild.errors import PayloadError
from graphbuild.models import Entity, Observation, is_object_id, is_object_type
from tests.support.paths import DATA

FILE = "5e3f311ae67f046b56435067bcdd39fbf836fa0421fbc8c8b0e43e8e47524954"
OTHER = "ab" * 32
SUBJECT = Entity("file", FILE)
BASE = "https://www.virustotal.com/api/v3"
HERE = f"{BASE}/files/{FILE}/related_references"
ONE, TWO = "01" * 32, "02" * 32
EMOTET = {"type": "collection", "id": "malpedia_win_emotet", "attributes": {"name": "Emotet"}}
SAMPLE = (DATA / "related_references.json").read_bytes()


def item(entity_id=ONE, *collections, **changes):
    """An entry of a page as the API writes it, with changes."""
    entry = {
        "attributes": {"title": "T", "url": "https://r.example/"},
        "type": "reference",
        "id": entity_id,
        "context_attributes": {"related_from": list(collections or [EMOTET])},
    }
    entry |= changes
    return {name: value for name, value in entry.items() if value is not ...}


def answer(*items, **envelope):
    envelope_ = {"meta": {"count": len(items)}, "data": list(items), "links": {"self": HERE}}
    return {name: value for name, value in (envelope_ | envelope).items() if value is not ...}


def read(*items, **envelope):
    return parse_page(json.dumps(answer(*items, **envelope)).encode(), SUBJECT)


def triples(page):
    return [
        (seen.subject.key, seen.reference.key, seen.related_from and seen.related_from.key)
        for seen in page.observations
    ]


def refused(problem, *items, **envelope):
    with pytest.raises(PayloadError, match=re.escape(problem)):
        read(*items, **envelope)


# --- the documented sample -----------------------------------------------------------------------


def test_the_documented_sample_is_parsed():
    page = parse_page(SAMPLE, SUBJECT)
    assert page.subject == SUBJECT
    assert (page.count, page.item_count, page.warnings) == (241, 2, ())
    assert page.next_cursor == "eyJsaW1pdCI6IDIsICJvZmZzZXQiOiAyfQ=="
    first, second = page.observations
    assert first.reference == Entity(
        "reference", "0082e68274dfccb553cd7e19047f0119d01661e7e96af6376743fc853c930a20"
    )
    assert dict(first.reference.attributes) == {
        "url": "https://www.proofpoint.com/us/threat-insight/post/holiday-lull-not-so-much",
        "creation_date": 1515715200,
        "author": "Proofpoint Staff",
        "title": "Holiday lull? Not so much",
    }
    assert second.reference == Entity(
        "reference", "00c52c0a22dc7e6da4aeb3690a573cf3a13521b93b5af0e06cefb51b1face030"
    )
    assert second.reference.attributes["creation_date"] == 1647993600
    assert second.reference.attributes["author"] == "Xiaopeng Zhang"
    assert second.reference.label == (
        "MS Office Files Involved Again in Recent Emotet Trojan Campaign \N{EN DASH} Part II"
    )
    for seen in page.observations:
        assert seen.subject == SUBJECT
        assert seen.related_from == Entity("collection", "malpedia_win_emotet")
        assert dict(seen.related_from.attributes) == {"name": "Emotet"}


def test_the_self_link_of_the_documented_sample_is_parsed():
    self_link = parse_self_link(json.loads(SAMPLE))
    assert self_link.subject == SUBJECT
    assert (self_link.relationship, self_link.cursor, self_link.limit) == (
        "related_references",
        None,
        2,
    )


def test_a_decoded_response_gives_the_same_page():
    assert parse_payload(json.loads(SAMPLE), SUBJECT) == parse_page(SAMPLE, SUBJECT)


def test_the_documented_last_page_has_no_cursor():
    page = parse_page(
        b'{"meta": {"count": 0}, "data": [], "links": {"self": "%s?limit=10"}}' % HERE.encode(),
        SUBJECT,
    )
    assert (page.observations, page.count, page.next_cursor, page.item_count) == ((), 0, None, 0)


# --- framing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("envelope", "problem"),
    [
        pytest.param({"data": ...}, "data: missing", id="P1-missing"),
        pytest.param({"data": None}, "data: expected a list, got null", id="P1-null"),
        pytest.param({"data": {}}, "data: expected a list, got an object", id="P1-object"),
        pytest.param({"data": "x"}, "data: expected a list, got a string", id="P1-text"),
        pytest.param({"error": {"code": "X"}, "data": ...}, "contains an error", id="P2"),
        pytest.param({"error": {"code": "X"}}, "the response contains an error", id="P3"),
        pytest.param({"meta": []}, "meta: expected an object, got a list", id="P5-list"),
        pytest.param({"meta": "x"}, "meta: expected an object, got a string", id="P5-text"),
        pytest.param({"meta": {"cursor": ""}}, "meta.cursor: 0 characters", id="P6-empty"),
        pytest.param({"meta": {"cursor": 5}}, "meta.cursor: expected a string", id="P6-5"),
        pytest.param({"meta": {"cursor": []}}, "meta.cursor: expected a string", id="P6-list"),
        pytest.param({"meta": {"cursor": "x" * 4097}}, "meta.cursor: 4097", id="P6-long"),
        pytest.param({"meta": {"cursor": "a\nb"}}, "invalid in a cursor", id="P6-newline"),
        pytest.param({"meta": {"cursor": "a\0b"}}, "invalid in a cursor", id="P6-nul"),
        pytest.param({"meta": {"cursor": "\ud800"}}, "invalid in a cursor", id="P6-half"),
        pytest.param(
            {"links": {"self": HERE.replace(FILE, OTHER)}}, f"is about file '{OTHER}'", id="P23"
        ),
        pytest.param(
            {"links": {"self": f"{BASE}/urls/{FILE}/related_references"}},
            "is about url",
            id="P23-type",
        ),
        pytest.param(
            {"links": {"self": f"{BASE}/domains/evil.example/related_references"}},
            "is about domain 'evil.example'",
            id="P23-domain",
        ),
        pytest.param({"data": [None] * 10_001}, "data: 10001 items, more than 10000", id="J15"),
        pytest.param({"meta": {"x": json.loads("[" * 70 + "]" * 70)}}, "nested", id="G11-meta"),
        pytest.param({"links": json.loads("[" * 70 + "]" * 70)}, "nested deeper", id="G11-links"),
    ],
)
def test_an_invalid_envelope_is_refused(envelope, problem):
    refused(problem, item(), **envelope)


@pytest.mark.parametrize("body", [b"null", b"{}", b'{"data":{"a":[[[[[]]]]]}}', b"\xff"])
def test_invalid_bytes_are_refused(body):  # J1 P1
    with pytest.raises(PayloadError):
        parse_page(body, SUBJECT)


def test_deeply_nested_data_is_refused():
    for depth in range(5, 3_000, 7):
        body = b'{"data":{"a":' + b"[" * depth + b"]" * depth + b"}}"
        with pytest.raises(PayloadError):
            parse_page(body, SUBJECT)


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param({"meta": ...}, id="P4-missing"),
        pytest.param({"meta": None}, id="P4-null"),
        pytest.param({"meta": {"cursor": None}}, id="P7"),
        pytest.param({"links": ...}, id="P24-missing"),
        pytest.param({"links": None}, id="P24-null"),
        pytest.param({"links": "x"}, id="P24-text"),
        pytest.param({"links": []}, id="P24-list"),
        pytest.param({"links": {"self": 5}}, id="P24-number"),
        pytest.param({"links": {"self": "https://[/"}}, id="P24-no-address"),
        pytest.param({"links": {"self": HERE + "x" * 20_000}}, id="P24-long"),
        pytest.param({"error": None}, id="P3-null"),
        pytest.param({"anything": {"new": [1, 2]}}, id="I23"),
    ],
)
def test_optional_fields_can_be_missing(envelope):
    page = read(item(), **envelope)
    assert len(page.observations) == 1
    assert (page.next_cursor, page.warnings) == (None, ())


@pytest.mark.parametrize(
    "subject", [Entity("file", "ab" * 16), Entity("file", "ab" * 20)], ids=["md5", "sha1"]
)
def test_a_response_can_name_the_file_by_another_hash(subject):
    page = parse_page(json.dumps(answer(item())).encode(), subject)
    assert page.observations[0].subject is subject


def test_a_response_can_name_the_file_in_capitals():
    assert read(item(), links={"self": HERE.replace(FILE, FILE.upper())}).item_count == 1


@pytest.mark.parametrize("count", [-1, True, "5", 1.5, 2**53, 10**20, [], {}])
def test_an_invalid_count_is_ignored(count):  # P21
    page = read(item(), meta={"count": count})
    assert page.count is None
    (warning,) = page.warnings
    assert warning.startswith("meta.count: expected a count")


def test_a_count_can_be_missing():
    assert read(item(), meta={}).count is None


def test_ten_thousand_entries_are_parsed():  # J15
    assert read(*(item(f"{n:064x}") for n in range(10_000))).item_count == 10_000


def test_more_entries_than_requested_are_parsed_with_a_warning():  # J15 P25
    many = [item(f"{n:064x}") for n in range(400)]
    page = read(*many, links={"self": f"{HERE}?limit=40"})
    assert len(page.observations) == 400
    assert page.warnings == ("data: 400 entries, although 40 were requested (all read)",)


def test_as_many_entries_as_requested_give_no_warning():
    many = [item(f"{n:064x}") for n in range(40)]
    assert read(*many, links={"self": f"{HERE}?limit=40"}).warnings == ()


# --- the self link -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (f"{HERE}?limit=2", (FILE, "related_references", None, 2)),
        (f"{HERE}?cursor=a%2Bb%3D%3D&limit=40", (FILE, "related_references", "a+b==", 40)),
        (f"{HERE}?cursor=a+b==", (FILE, "related_references", "a+b==", None)),
        (f"{HERE}?cursor=first&cursor=second", (FILE, "related_references", "first", None)),
        (f"{HERE}?limit=9999&cursor=", (FILE, "related_references", None, None)),
        (f"{HERE}?limit=x#?cursor=no", (FILE, "related_references", None, None)),
        (
            f"{BASE}/files/{FILE.upper()}/relationships/related_references",
            (FILE, "related_references", None, None),
        ),
        (f"{BASE}/files/{FILE}/contacted_domains", (FILE, "contacted_domains", None, None)),
    ],
)
def test_self_links_are_parsed(address, expected):
    self_link = parse_self_link({"links": {"self": address}})
    assert self_link.subject.type == "file"
    assert (
        self_link.subject.id,
        self_link.relationship,
        self_link.cursor,
        self_link.limit,
    ) == expected


@pytest.mark.parametrize(
    "address",
    [
        f"{BASE}/files/{FILE}",
        f"{BASE}/comments/x/references",
        f"{BASE}/files/../related_references",
        f"{BASE}/files/a%2fb/related_references",
        "https://[bad/files/x/related_references",
        "",
        None,
    ],
)
def test_other_self_links_are_ignored(address):
    assert parse_self_link({"links": {"self": address}}) is None


# --- the next cursor -----------------------------------------------------------------------------


def paging(cursor, following, own=f"{HERE}?limit=40"):
    page = read(item(), meta={"count": 9, "cursor": cursor}, links={"self": own, "next": following})
    return page.next_cursor, page.warnings


IGNORED = "links.next: not a URL of this list (ignored)"
ENDED = "links.next: not a URL of this list (ignored; paging ends here)"
HOSTILE = [
    pytest.param(HERE.replace("www.virustotal.com", "evil.example"), id="P16-host"),
    pytest.param(HERE.replace("https:", ""), id="P16-no-scheme"),
    pytest.param("//evil.example/", id="P16-slashes"),
    pytest.param(HERE.replace("www.virustotal.com", "user@evil.example"), id="P16-user"),
    pytest.param(HERE.replace("www.", "me@www."), id="P16-user-here"),
    pytest.param(HERE.replace(".com", r".com\@evil.example"), id="P16-backslash"),
    pytest.param(HERE.replace("www.virus", "www%2evirus"), id="P16-percent"),
    pytest.param(HERE.replace(".com", ".com:8443"), id="P16-port"),
    pytest.param(HERE.replace("https", "http"), id="P16-http"),
    pytest.param("javascript:alert(1)", id="P16-javascript"),
    pytest.param("file:///etc/passwd", id="P16-file"),
    pytest.param(HERE.replace("virustotal", "v\u0456rustotal"), id="P16-homograph"),
    pytest.param(HERE.replace("www", "w\tww"), id="P16-tab"),
    pytest.param(HERE.replace(FILE, OTHER), id="P17-subject"),
    pytest.param(HERE.replace("files", "x/../files"), id="P17-dots"),
    pytest.param(HERE + "/../../../users/me", id="P17-up"),
    pytest.param(HERE.replace("related_references", "comments"), id="P17-relationship"),
    pytest.param(HERE + "#", id="P17-fragment"),
    pytest.param(HERE + "?x=" + "x" * 20_000 + "&", id="long"),
    pytest.param(5, id="number"),
    pytest.param({}, id="object"),
    pytest.param("", id="empty"),
]


@pytest.mark.parametrize("following", HOSTILE)
def test_a_next_link_to_another_list_is_ignored_with_a_warning(following):
    address = following + "?cursor=theirs" if isinstance(following, str) else following
    assert paging("ours", address) == ("ours", (IGNORED,))
    assert paging(None, address) == (None, (ENDED,))


def test_a_next_link_without_a_self_link_is_ignored():
    assert paging(None, f"{HERE}?cursor=theirs", own=None) == (None, (ENDED,))


def test_a_cursor_without_a_next_link_is_used():  # P14
    assert paging("ours", None) == ("ours", ())


def test_a_cursor_is_opaque():  # P11: its offset goes backwards
    own = f"{HERE}?limit=40&cursor=eyJsaW1pdCI6IDQwLCAib2Zmc2V0IjogODB9"
    assert paging("eyJsaW1pdCI6IDQwLCAib2Zmc2V0IjogNDB9", None, own)[1] == ()


def test_the_longest_cursor_can_be_percent_encoded_in_a_next_link():
    assert paging("=" * 4096, f"{HERE}?cursor={'%3D' * 4096}&limit=40") == ("=" * 4096, ())


def test_a_next_link_with_the_same_cursor_gives_no_warning():
    assert paging("ou+rs==", f"{HERE}?cursor=ou%2Brs%3D%3D&limit=40") == ("ou+rs==", ())
    assert paging("ou+rs==", f"{HERE}?limit=40&cursor=ou+rs==") == ("ou+rs==", ())


@pytest.mark.parametrize("query", ["?cursor=theirs", "?limit=40", ""])
def test_the_cursor_in_meta_has_precedence(query):  # P15
    assert paging("ours", HERE + query) == (
        "ours",
        ("links.next: its cursor differs from meta.cursor, which is used",),
    )


def test_a_missing_cursor_is_read_from_the_next_link():  # P13
    assert paging(None, f"{HERE}?limit=40&cursor=eyJ%3D") == (
        "eyJ=",
        ("links.next: its cursor is used, because meta.cursor is missing",),
    )


def test_a_next_link_without_a_cursor_ends_the_list_with_a_warning():  # P13
    assert paging(None, f"{HERE}?limit=40") == (
        None,
        ("links.next: no cursor; paging ends here",),
    )


def test_a_next_link_with_an_invalid_cursor_is_refused():  # P6 P13
    with pytest.raises(PayloadError, match=r"links\.next: .* invalid in a cursor"):
        paging(None, f"{HERE}?cursor=a%0Ab")


# --- entries -------------------------------------------------------------------------------------


def test_each_collection_of_a_reference_is_an_observation():
    other = {"type": "collection", "id": "alienvault_5a5"}
    page = read(item(ONE, EMOTET, other), item(TWO, other), item("03" * 32, context_attributes=...))
    assert triples(page) == [
        (f"file:{FILE}", f"reference:{ONE}", "collection:malpedia_win_emotet"),
        (f"file:{FILE}", f"reference:{ONE}", "collection:alienvault_5a5"),
        (f"file:{FILE}", f"reference:{TWO}", "collection:alienvault_5a5"),
        (f"file:{FILE}", f"reference:{'03' * 32}", None),
    ]
    assert page.warnings == ()


@pytest.mark.parametrize(
    ("bad", "warning"),
    [
        pytest.param(None, "data[1]: expected an object, got null", id="I1-null"),
        pytest.param(1, "data[1]: expected an object, got 1", id="I1-number"),
        pytest.param("x", "data[1]: expected an object, got a string", id="I1-text"),
        pytest.param([], "data[1]: expected an object, got a list", id="I1-list"),
        pytest.param({}, "data[1].type: expected an object type, got null", id="I1-empty"),
        pytest.param(item(type=...), "data[1].type: expected", id="I2-missing"),
        pytest.param(item(type=None), "data[1].type: expected", id="I2-null"),
        pytest.param(item(type="a b"), "data[1].type: expected", id="I2-space"),
        pytest.param(item(type="\ud800"), r"got '\ud800'", id="I2-half"),
        pytest.param(item(type=["reference"]), "data[1].type: expected", id="I2-list"),
        pytest.param(item("a" * 63), "data[1].id: expected 64 hexadecimal", id="I3-63"),
        pytest.param(item("a" * 65), "data[1].id: expected 64 hexadecimal", id="I3-65"),
        pytest.param(item("a" * 64 + "\n"), "data[1].id: expected 64 hex", id="I3-newline"),
        pytest.param(item("a" * 63 + "\n"), "data[1].id: expected 64 hex", id="I3-newline-64"),
        pytest.param(item(None), "data[1].id: expected 64 hexadecimal", id="I3-null"),
        pytest.param(item(5), "data[1].id: expected 64 hexadecimal", id="I3-5"),
        pytest.param(item("\uff11" * 64), "data[1].id: expected 64 hex", id="I3-full-width"),
        pytest.param(item("../../x"), "data[1].id: expected 64 hexadecimal", id="I4-up"),
        pytest.param(item("/etc/passwd"), "data[1].id: expected 64 hex", id="I4-absolute"),
        pytest.param(item("CON"), "data[1].id: expected 64 hexadecimal", id="I4-con"),
        pytest.param(item("a:b"), "data[1].id: expected 64 hexadecimal", id="I4-colon"),
        pytest.param(item("a" * 300), "data[1].id: expected 64 hexadecimal", id="I4-long"),
        pytest.param(item("\0" * 64), "data[1].id: expected 64 hexadecimal", id="I4-nul"),
        pytest.param(item("../x", type="odd"), "data[1].id: expected an id", id="I4-odd-type"),
        pytest.param(
            item(attributes={"a": json.loads("[" * 65 + "]" * 65)}), "nested deeper", id="J11"
        ),
        pytest.param(
            item(attributes={f"a{n}": 1 for n in range(100_000)}), "100000 keys", id="J17"
        ),
        pytest.param(
            item(ONE, {**EMOTET, "id": json.loads("[" * 65 + "]" * 65)}), "nested", id="J11-link"
        ),
    ],
)
def test_an_invalid_entry_is_skipped(bad, warning):
    page = read(item(ONE), bad, item(TWO))
    assert [key for _, key, _ in triples(page)] == [f"reference:{ONE}", f"reference:{TWO}"]
    assert page.item_count == 3
    assert page.skipped_count == 1
    skipped = next(each for each in page.warnings if each.endswith("(skipped)"))
    assert warning in skipped
    assert skipped.isprintable()


def test_an_id_in_capitals_is_lower_cased_with_a_warning():  # I3
    page = read(item("AB" * 32, {"type": "file", "id": "CD" * 32}))
    assert triples(page) == [(f"file:{FILE}", f"reference:{OTHER}", f"file:{'cd' * 32}")]
    assert page.warnings[0] == "data[0].id: lower-cased"


@pytest.mark.parametrize(
    ("entity_type", "entity_id"),
    [("collection", "malpedia_win_x"), ("threat_actor", "apt1"), ("file", OTHER)],
)
def test_an_unexpected_type_is_kept_with_a_warning(entity_type, entity_id):  # I2
    page = read(item(entity_id, type=entity_type))
    assert page.observations[0].reference == Entity(entity_type, entity_id)
    assert page.warnings == (
        f"data[0].type: '{entity_type}' where a reference was expected (kept)",
    )


@pytest.mark.parametrize(
    ("report", "reference"),
    [
        (f"report--{ONE}", ONE),
        (f"report--{'AB' * 32}", "ab" * 32),
        ("report--24-10072685", "report--24-10072685"),
    ],
)
def test_a_gti_report_is_the_classic_reference(report, reference):
    fields = {
        "name": "A title",
        "link": "https://a.example/",
        "author": "Ann",
        "collection_type": "report",
    }
    page = read(item(report, type="collection", attributes=fields))
    seen = page.observations[0].reference
    assert seen == Entity("reference", reference)
    assert dict(seen.attributes) == {
        "title": "A title",
        "url": "https://a.example/",
        "author": "Ann",
        "collection_type": "report",
        "original_type": "collection",
        "original_id": report,
    }
    assert page.warnings == ()


@pytest.mark.parametrize("attributes", [..., None, {}], ids=["missing", "null", "empty"])
def test_a_reference_without_attributes_has_a_label(attributes):  # I5 I6
    (seen,) = read(item(ONE, attributes=attributes)).observations
    assert dict(seen.reference.attributes) == {}
    assert seen.reference.label == "010101010101…"


@pytest.mark.parametrize(
    "title",
    [
        pytest.param("</script><script>alert(1)</script>", id="I7-script"),
        pytest.param("<img src=x onerror=alert(1)> href {{7*7}} ${x}", id="I7-template"),
        pytest.param("=HYPERLINK(1)", id="I8-formula"),
        pytest.param("\uff1d1+1", id="I8-full-width"),
        pytest.param('a;b,"c"\r\n\u2028\u0085', id="I9"),
        pytest.param("NA", id="I10-na"),
        pytest.param("001234", id="I10-zeros"),
        pytest.param("\u202eabc\u2066\u200b" + "e\u0301" * 500, id="I11"),
        pytest.param("\x1b]52;c;aGk=\x07\x1b[2J\n2026 ERROR", id="I12"),
        pytest.param("\0\x0b\x1b\ufffe", id="J14"),
        pytest.param("\N{GRINNING FACE}", id="J13"),
    ],
)
def test_a_title_is_kept_unchanged(title):
    page = read(item(ONE, attributes={"title": title}))
    assert page.observations[0].reference.attributes["title"] == title
    assert page.warnings == ()


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        " https:\t//x",
        "https://me:pw@\u0435vil.example/",
        "http://169.254.169.254/latest/meta-data/",
    ],
    ids=["I13-javascript", "I13-data", "I13-file", "I13-tab", "I13-homograph", "I14"],
)
def test_a_url_is_not_validated(url):
    page = read(item(ONE, attributes={"url": url}))
    assert page.observations[0].reference.attributes["url"] == url


def test_a_reference_without_data_is_kept_with_a_warning():
    error = {"code": "NotFoundError", "message": "not found"}
    page = read(item(ONE, attributes=..., error=error), item(TWO, error=None))
    assert len(page.observations) == 2
    assert page.warnings == ("data[0].error: the service lists this object but has no data",)


@pytest.mark.parametrize(
    ("context", "warnings"),
    [
        pytest.param(None, (), id="null"),
        pytest.param([], (), id="list"),
        pytest.param({"shared_with_me": False, "role": "viewer"}, (), id="other-facts"),
        pytest.param({"related_from": None}, (), id="I17-null"),
        pytest.param({"related_from": []}, (), id="I17-empty"),
        pytest.param(
            {"related_from": EMOTET}, ("expected a list, got an object (skipped)",), id="I17-one"
        ),
        pytest.param(
            {"related_from": [None]},
            ("[0]: expected an object, got null (skipped)",),
            id="I17-list-of-null",
        ),
        pytest.param(
            {"related_from": [{"id": "x"}]},
            ("[0].type: expected an object type, got null (skipped)",),
            id="I17-no-type",
        ),
        pytest.param(
            {"related_from": [{"type": "collection"}]},
            ("[0].id: expected an id, got null (skipped)",),
            id="I17-no-id",
        ),
        pytest.param(
            {"related_from": [{"type": "collection", "id": "a'b"}]},
            ('[0].id: expected an id, got "a\'b" (skipped)',),
            id="I17-quote",
        ),
        pytest.param(
            {"related_from": [{"type": "collection", "id": "a/b"}] * 2},
            ("[0].id: expected an id, got 'a/b'", "[1].id: expected an id, got 'a/b'"),
            id="I17-slash",
        ),
    ],
)
def test_a_reference_without_valid_links_has_no_collection(context, warnings):
    page = read(item(ONE, context_attributes=context))
    assert triples(page) == [(f"file:{FILE}", f"reference:{ONE}", None)]
    assert len(page.warnings) == len(warnings)
    assert all(want in got for want, got in zip(warnings, page.warnings, strict=True))


def test_an_invalid_link_is_skipped():  # I17
    page = read(item(ONE, None, EMOTET, {"type": "collection", "id": "a b"}))
    assert [key for _, _, key in triples(page)] == ["collection:malpedia_win_emotet"]
    assert len(page.warnings) == 2


def test_a_link_of_an_unexpected_type_is_kept_with_a_warning():  # I17: types are open
    page = read(item(ONE, {"type": "threat_actor", "id": "apt1"}))
    assert triples(page)[0][2] == "threat_actor:apt1"
    (warning,) = page.warnings
    assert warning.endswith(".type: 'threat_actor' where a collection was expected (kept)")


def test_a_link_can_point_to_the_reference_itself():  # I18
    page = read(item(ONE, {"type": "reference", "id": ONE}))
    assert triples(page) == [(f"file:{FILE}", f"reference:{ONE}", f"reference:{ONE}")]


@pytest.mark.bulk
def test_five_thousand_links_are_five_thousand_observations():  # I18
    page = read(item(ONE, *({"type": "collection", "id": f"c{n}"} for n in range(5_000))))
    assert len(set(triples(page))) == 5_000


def test_collections_with_equal_names_and_different_ids_are_distinct():  # I19 I20
    clients = [{**EMOTET, "id": each} for each in ("a", "A", "\u00e9", "e\u0301", "1")]
    assert len(set(triples(read(item(ONE, *clients))))) == 5


def test_a_repeated_link_is_merged():
    bare = {"type": "collection", "id": "malpedia_win_emotet"}
    for links in ((bare, EMOTET), (EMOTET, bare), (EMOTET, EMOTET)):
        (seen,) = read(item(ONE, *links)).observations
        assert dict(seen.related_from.attributes) == {"name": "Emotet"}


def test_links_are_parsed_for_each_entry():
    renamed = {**EMOTET, "attributes": {"name": "Heodo"}}
    page = read(item(ONE, EMOTET), item(TWO, renamed), item("03" * 32, renamed))
    assert [seen.related_from.attributes["name"] for seen in page.observations] == [
        "Emotet",
        "Heodo",
        "Heodo",
    ]


def test_a_repeated_reference_is_merged_with_a_warning():  # P22
    page = read(
        item(ONE, EMOTET, attributes={"title": "Old", "author": "A"}),
        item(ONE, {"type": "collection", "id": "c2"}, attributes={"title": "New", "url": "u"}),
        item(ONE, {"type": "collection", "id": "c3"}, attributes={}),
    )
    assert [key for _, _, key in triples(page)] == [
        "collection:malpedia_win_emotet",
        "collection:c2",
        "collection:c3",
    ]
    known = {"title": "New", "author": "A", "url": "u"}
    assert [dict(seen.reference.attributes) for seen in page.observations][1:] == [known, known]
    assert page.warnings == (
        "data[1].id: the same object again, with other attributes (merged)",
        "data[2].id: the same object again, with other attributes (merged)",
    )


def test_a_repeated_entry_changes_nothing():  # P22
    page = read(item(ONE), item(ONE))
    assert len(set(triples(page))) == 1
    assert page.warnings == ("data[1].id: the same object again (merged)",)


def test_at_most_a_thousand_warnings_are_kept():
    assert len(read(*[None] * 1_000).warnings) == 1_000
    assert read(*[None] * 1_001).warnings[1_000:] == ("and 1 more",)
    page = read(*[None] * 5_000)
    assert len(page.warnings) == 1_001
    assert page.warnings[999].startswith("data[999]: ")
    assert page.warnings[1_000] == "and 4000 more"


# --- properties ----------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=[]))  # half surrogate pairs too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def _perhaps(*good):
    """One of the valid values, or any JSON value."""
    return st.one_of(*map(st.just, good), JSON)


_KNOWN = st.fixed_dictionaries(
    {},
    optional={
        "title": _perhaps("T", "x" * 70_000),
        "creation_date": _perhaps(1515715200),
        "seed": JSON,
        "self": JSON,
        "__proto__": JSON,
    },
)
_OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "type": _perhaps("reference", "collection", "file"),
        "id": _perhaps(ONE, TWO, ONE.upper(), "malpedia_win_emotet"),
        "attributes": _KNOWN | JSON,
        "error": JSON,
    },
)
_LINKS = st.lists(_OBJECTS | JSON, max_size=4)
_CONTEXT = st.fixed_dictionaries({"related_from": _LINKS | JSON})
_ITEMS = st.tuples(_OBJECTS, _CONTEXT | JSON).map(
    lambda pair: {**pair[0], "context_attributes": pair[1]}
)
_ADDRESSES = _perhaps(HERE, f"{HERE}?limit=1&cursor=a", f"{HERE}?cursor=%00")
_PAGES = st.fixed_dictionaries(
    {"data": st.lists(_ITEMS | JSON, max_size=5) | JSON},
    optional={
        "meta": st.fixed_dictionaries(
            {}, optional={"count": _perhaps(0, 241), "cursor": _perhaps("c", "")}
        )
        | JSON,
        "links": st.fixed_dictionaries({}, optional={"self": _ADDRESSES, "next": _ADDRESSES})
        | JSON,
        "error": _perhaps(None),
    },
)


def _holds(page):
    """Assert what is true of every page."""
    assert page.subject == SUBJECT
    assert page.count is None or page.count >= 0
    assert page.next_cursor is None or re.fullmatch("[ -~]{1,4096}", page.next_cursor)
    assert all(warning.isprintable() for warning in page.warnings)
    for seen in page.observations:
        assert seen.subject is SUBJECT
        for entity in filter(None, (seen.reference, seen.related_from)):
            assert is_object_type(entity.type)
            assert is_object_id(entity.id)
            assert entity.label
            assert json.dumps(dict(entity.attributes), allow_nan=False, ensure_ascii=False).encode()


@given(st.binary())
def test_any_bytes_are_a_page_or_a_payload_error(body):
    with suppress(PayloadError):
        _holds(parse_page(body, SUBJECT))


@given(JSON | _PAGES)
@settings(max_examples=400)
def test_any_value_is_a_page_or_a_payload_error(payload):
    with suppress(PayloadError):
        _holds(parse_page(json.dumps(payload).encode(), SUBJECT))


@given(_PAGES)
@settings(max_examples=200)
def test_a_page_is_a_pure_function_of_its_bytes(payload):  # G18
    body = json.dumps(payload).encode()
    with suppress(PayloadError):
        once, again = parse_page(body, SUBJECT), parse_page(body, SUBJECT)
        assert once == again
        assert [dict(seen.reference.attributes) for seen in once.observations] == [
            dict(seen.reference.attributes) for seen in again.observations
        ]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sets(st.sampled_from("xyz"))), max_size=6))
def test_a_valid_page_gives_exactly_its_triples(entries):
    items = [
        item(letter * 64, *({"type": "collection", "id": each} for each in sorted(collections)))
        if collections
        else item(letter * 64, context_attributes={})
        for letter, collections in entries
    ]
    expected = {
        (f"file:{FILE}", f"reference:{letter * 64}", each and f"collection:{each}")
        for letter, collections in entries
        for each in (collections or {None})
    }
    page = read(*items)
    assert set(triples(page)) == expected
    assert page.item_count == len(entries)


def test_observations_of_a_page_equal_constructed_ones():
    for seen in parse_page(SAMPLE, SUBJECT).observations:
        made = Observation(seen.subject, seen.reference, seen.related_from)
        assert repr(seen) == repr(made)
        assert hash(seen) == hash(made)


_PARTS = (
    st.sampled_from(["https:", "http:", "//", "/", "host", ":", ":80", "@", "[", "]", "..", "?"])
    | st.sampled_from(["?", "&", "=", "cursor", "c%75rsor", "limit", "40", "#", ";", "+"])
    | st.sampled_from(["%", "%2F", "%3D", "%zz", "%ff", " ", "\n", "\xe9"])
)
_ANY_ADDRESS = st.lists(_PARTS, max_size=14).map("".join) | st.text(max_size=20)


@given(_ANY_ADDRESS | _ANY_ADDRESS.map("https://h/a?".__add__))
@settings(max_examples=1_000)
def test_any_link_is_parsed_without_an_exception(address):
    parse_self_link({"links": {"self": address}})
    query = address.partition("?")[2].partition("#")[0].replace("+", "%2B")
    for name in ("cursor", "limit", "40"):
        assert query_parameter(address, name) == parse_qs(query).get(name, [None])[0]

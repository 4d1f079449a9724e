"""The simulated faults: which requests they affect, and how."""

import gzip
import json
import zlib

import pytest

import graphbuild.emulator as em
from tests.support.faults import FAULT_KINDS, Fault, FaultyApi

KEY = {"x-apikey": "k"}


@pytest.fixture
def api():
    return FaultyApi(em.generate_family_world(2, 25))


def target(api, query="limit=10"):
    return f"/api/v3/files/{api.world.hashes()[0]}/related_references?{query}"


def respond(api, query="limit=10"):
    return api.respond("GET", target(api, query), KEY)


def get_page(api, query="limit=10"):
    return json.loads(respond(api, query).body)


def get_faulty_page(api, kind, value="", query="limit=10"):
    api.add_faults(Fault(kind, value))
    return get_page(api, query)


def follow_cursors(api, kind, most=6):
    """Return (cursor, ids) of each page under a permanent fault."""
    api.add_faults(Fault(kind, times=None))
    found, query = [], "limit=10"
    while len(found) < most:
        body = get_page(api, query)
        found.append((body["meta"].get("cursor"), [item["id"] for item in body["data"]]))
        if found[-1][0] is None:
            break
        query = f"limit=10&cursor={found[-1][0]}"
    return found


# --- affected requests


def statuses(api, count):
    return [respond(api).status for _ in range(count)]


def test_a_fault_affects_one_request_by_default(api):
    api.add_faults(Fault("status", 503))
    assert statuses(api, 3) == [503, 200, 200]


def test_times_and_after(api):
    api.add_faults(Fault("status", 503, after=1, times=2))
    assert statuses(api, 5) == [200, 503, 503, 200, 200]


def test_permanent_faults_can_be_cleared(api):
    api.add_faults(Fault("status", 401, times=None, after=1))
    assert statuses(api, 4) == [200, 401, 401, 401]
    api.clear_faults()
    assert statuses(api, 1) == [200]


def test_faults_apply_in_order(api):
    api.add_faults(Fault("status", 500), Fault("status", 502, times=2), Fault("html", 503))
    assert statuses(api, 5) == [500, 502, 502, 503, 200]


def test_match(api):
    api.add_faults(Fault("status", 503, match="limit=7"))
    assert [respond(api, f"limit={n}").status for n in (6, 7, 7)] == [200, 503, 200]


def test_the_log_contains_the_fault(api):
    api.add_faults(Fault("status", 429))
    statuses(api, 2)
    assert [(entry.status, entry.fault) for entry in api.log] == [(429, "status"), (200, "")]
    assert api.calls == 1


@pytest.mark.parametrize("kind", sorted(FAULT_KINDS))
def test_every_kind_changes_the_response(api, kind):
    regular = respond(api)
    value = {"gzip_bomb": 1000, "header": "X-Odd: 1", "cursor_cycle": ""}.get(kind, "")
    # These faults change only pages with a next page.
    query = (
        "limit=40" if kind in {"null_cursor", "same_cursor", "cursor_cycle", "extra_cursor"} else ""
    )
    api.add_faults(Fault(kind, value))
    assert FAULT_KINDS[kind]
    if query:
        assert get_page(api, query)["meta"].keys() >= {"cursor"}
    else:
        assert respond(api) != regular


# --- responses


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "WrongCredentialsError"),
        (403, "ForbiddenError"),
        (429, "QuotaExceededError"),
        (503, "TransientError"),
        (504, "DeadlineExceededError"),
    ],
)
def test_a_status_has_its_documented_code(api, status, code):
    api.add_faults(Fault("status", status))
    response = respond(api)
    assert response.status == status
    assert json.loads(response.body)["error"]["code"] == code
    assert "Retry-After" not in response.headers


@pytest.mark.parametrize(
    "text", ["0", "-5", "1.5", "soon", "9" * 5000, "Wed, 21 Oct 2015 07:28:00 GMT"]
)
@pytest.mark.parametrize("kind", ["status", "html", "not_gzip"])
def test_retry_after_is_sent_unchanged(api, kind, text):
    api.add_faults(Fault(kind, 429, retry_after=text))
    response = respond(api)
    assert (response.status, response.headers["Retry-After"]) == (429, text)


def test_error_with_status_200(api):
    api.add_faults(Fault("error", "QuotaExceededError"))
    response = respond(api)
    assert response.status == 200
    assert json.loads(response.body)["error"]["code"] == "QuotaExceededError"


def test_html_with_status_200(api):
    api.add_faults(Fault("html"))
    response = respond(api)
    assert (response.status, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert response.body.startswith(b"<!doctype html>")


def test_custom_bodies(api):
    api.add_faults(Fault("body", b'{"data":[],}'), Fault("body", "null"), Fault("empty"))
    assert [respond(api).body for _ in range(3)] == [b'{"data":[],}', b"null", b""]


def test_a_redirect_is_to_the_same_url_by_default(api):
    api.add_faults(Fault("redirect"))
    assert respond(api).headers["Location"] == target(api)


def test_truncated_json_has_a_matching_length(api):
    api.add_faults(Fault("truncated"))
    response = respond(api)
    assert response.headers["Content-Length"] == str(len(response.body))
    with pytest.raises(json.JSONDecodeError):
        json.loads(response.body)


def test_additional_headers(api):
    api.add_faults(Fault("header", "Set-Cookie: a=b; Domain=evil.example"), Fault("headers"))
    assert respond(api).headers["Set-Cookie"] == "a=b; Domain=evil.example"
    assert len(respond(api).headers) > 100


def test_damaged_gzip(api):
    regular = respond(api).body
    api.add_faults(Fault("gzip_cut"), Fault("gzip_cut", 8), Fault("gzip_layers", 3))
    with pytest.raises(EOFError):
        gzip.decompress(respond(api).body)
    no_trailer = zlib.decompressobj(wbits=31)
    assert no_trailer.decompress(respond(api).body) == regular
    assert not no_trailer.eof
    nested = respond(api)
    assert nested.headers["Content-Encoding"] == "gzip, gzip, gzip"
    assert gzip.decompress(gzip.decompress(gzip.decompress(nested.body))) == regular


# --- paging


def test_same_cursor(api):
    cursors = [cursor for cursor, _ in follow_cursors(api, "same_cursor")]
    assert len(cursors) == 6
    assert len(set(cursors)) == 1


def test_cursor_cycle(api):
    cursors = [cursor for cursor, _ in follow_cursors(api, "cursor_cycle")]
    assert cursors[0] != cursors[1]
    assert cursors == cursors[:2] * 3


def test_fresh_cursor(api):
    cursors, ids = zip(*follow_cursors(api, "fresh_cursor"), strict=True)
    assert len(set(cursors)) == 6
    assert ids == (ids[0],) * 6


def test_empty_page_with_a_cursor(api):
    api.add_faults(Fault("empty_page"))
    empty = get_page(api)
    assert empty["data"] == []
    following = get_page(api, f"limit=10&cursor={empty['meta']['cursor']}")
    assert following["data"] == get_page(api)["data"]


def test_extra_cursor_leads_to_empty_pages(api):
    assert [len(ids) for _, ids in follow_cursors(api, "extra_cursor")] == [10, 10, 5, 0, 0, 0]


def test_overlap_and_gap(api):
    regular = [item["id"] for item in get_page(api, "limit=40")["data"]]
    api.add_faults(Fault("overlap"), Fault("gap"))
    for first in (9, 11):
        cursor = get_page(api)["meta"]["cursor"]
        data = get_page(em.Api(api.world), f"limit=10&cursor={cursor}")["data"]
        assert data[0]["id"] == regular[first]


def test_null_cursor(api):
    last = get_faulty_page(api, "null_cursor", query="limit=40")
    assert last["meta"] == {"count": 25, "cursor": None}
    assert last["links"]["next"] is None


@pytest.mark.parametrize(
    ("kind", "count"),
    [("count_high", 1025), ("count_low", 1), ("count_negative", -1), ("count_text", "25")],
)
def test_wrong_counts(api, kind, count):
    assert get_faulty_page(api, kind)["meta"]["count"] == count


def test_missing_parts_of_the_envelope(api):
    assert "count" not in get_faulty_page(api, "count_missing")["meta"]
    assert "meta" not in get_faulty_page(api, "no_meta")
    assert get_faulty_page(api, "null_meta")["meta"] is None
    assert "links" not in get_faulty_page(api, "no_links")


def test_wrong_links(api):
    zeros = f"/files/{'0' * 64}/related_references?limit=10"
    assert get_faulty_page(api, "other_self")["links"]["self"].endswith(zeros)
    assert get_faulty_page(api, "hostile_next", "file:///x")["links"]["next"] == "file:///x"
    assert "evil.example" in get_faulty_page(api, "hostile_next")["links"]["next"]


# --- items


def test_error_items(api):
    first, second = get_faulty_page(api, "item_errors")["data"][:2]
    assert first == {
        "error": {
            "code": "NotFoundError",
            "message": f'reference with id "{first["id"]}" not found',
        },
        "id": first["id"],
        "type": "reference",
    }
    assert "attributes" in second


def test_items_without_expected_fields(api):
    assert all("attributes" not in item for item in get_faulty_page(api, "no_attributes")["data"])
    assert all(
        item["attributes"] is None for item in get_faulty_page(api, "null_attributes")["data"]
    )
    assert all(
        "context_attributes" not in item for item in get_faulty_page(api, "no_context")["data"]
    )
    for item in get_faulty_page(api, "null_related_from")["data"]:
        assert item["context_attributes"] == {"related_from": None}
    for item in get_faulty_page(api, "no_related_from")["data"]:
        assert "related_from" not in item["context_attributes"]


def test_items_with_unexpected_values(api):
    regular = get_page(api)["data"]
    types = {
        collection["type"]
        for item in get_faulty_page(api, "unknown_types")["data"]
        for collection in item["context_attributes"]["related_from"]
    }
    assert types == {"constellation"}
    assert get_faulty_page(api, "duplicates")["data"] == [
        item for item in regular for _ in range(2)
    ]
    assert get_faulty_page(api, "odd_items")["data"][-10:] == regular
    dates = [
        item["attributes"]["creation_date"] for item in get_faulty_page(api, "odd_dates")["data"]
    ]
    assert {0, -1, 2**63, 1515715200000, "1515715200", None} <= set(dates)
    titles = [
        item["attributes"]["title"] for item in get_faulty_page(api, "control_titles")["data"]
    ]
    assert all({"\x00", "\x1b", "\u202e"} <= set(title) for title in titles)


def test_page_faults_leave_other_responses_unchanged(api):
    api.add_faults(Fault("no_meta", times=None))
    path = f"/api/v3/files/{api.world.hashes()[0]}"
    assert "error" not in json.loads(api.respond("GET", path, KEY).body)
    assert api.respond("GET", "/api/v3/files/none", KEY).status == 404


def test_faults_affect_other_lists_too(api):
    world = em.World(
        [],
        [],
        [em.Collection("left", "Left")],
        indicators=[em.Indicator("domain", "bad.example", collections=("left",))],
    )
    api.world = world
    for kind in sorted(FAULT_KINDS):
        api.clear_faults()
        api.add_faults(Fault(kind))
        response = api.respond("GET", "/api/v3/collections/left/domains", KEY)
        assert response.status in {200, 302, 503}
        assert api.log[-1].fault == kind
    api.clear_faults()
    api.add_faults(Fault("other_self"))
    response = api.respond("GET", "/api/v3/domains/bad.example/related_references", KEY)
    page = json.loads(response.body)
    assert (
        page["links"]["self"]
        == f"https://www.virustotal.com/api/v3/domains/{'0' * 64}/related_references?limit=10"
    )


def test_unknown_kinds_are_rejected(api):
    with pytest.raises(ValueError, match="no fault 'nonsense'"):
        api.add_faults(Fault("nonsense"))

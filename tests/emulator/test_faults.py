"""Faults: when they strike, and what they make of an answer."""

import gzip
import json
import zlib

import pytest

import graphbuild.emulator as em

KEY = {"x-apikey": "k"}


@pytest.fixture
def api():
    return em.Api(em.family_world(2, 25))


def target(api, query="limit=10"):
    return f"/api/v3/files/{api.world.hashes()[0]}/related_references?{query}"


def respond(api, query="limit=10"):
    return api.respond("GET", target(api, query), KEY)


def page(api, query="limit=10"):
    return json.loads(respond(api, query).body)


def spoiled(api, kind, value="", query="limit=10"):
    api.add_faults(em.Fault(kind, value))
    return page(api, query)


def walk(api, kind, most=6):
    """Follow the cursors under a lasting fault; return (cursor, ids) of each page."""
    api.add_faults(em.Fault(kind, times=None))
    found, query = [], "limit=10"
    while len(found) < most:
        body = page(api, query)
        found.append((body["meta"].get("cursor"), [item["id"] for item in body["data"]]))
        if found[-1][0] is None:
            break
        query = f"limit=10&cursor={found[-1][0]}"
    return found


# --- when


def statuses(api, count):
    return [respond(api).status for _ in range(count)]


def test_a_fault_strikes_once_unless_told_otherwise(api):
    api.add_faults(em.Fault("status", 503))
    assert statuses(api, 3) == [503, 200, 200]


def test_a_fault_strikes_after_some_requests_some_times(api):
    api.add_faults(em.Fault("status", 503, after=1, times=2))
    assert statuses(api, 5) == [200, 503, 503, 200, 200]


def test_a_fault_can_be_for_ever_and_be_cleared(api):
    api.add_faults(em.Fault("status", 401, times=None, after=1))
    assert statuses(api, 4) == [200, 401, 401, 401]
    api.clear_faults()
    assert statuses(api, 1) == [200]


def test_faults_follow_each_other(api):
    api.add_faults(em.Fault("status", 500), em.Fault("status", 502, times=2), em.Fault("html", 503))
    assert statuses(api, 5) == [500, 502, 502, 503, 200]


def test_a_fault_sees_only_what_it_matches(api):
    api.add_faults(em.Fault("status", 503, match="limit=7"))
    assert [respond(api, f"limit={n}").status for n in (6, 7, 7)] == [200, 503, 200]


def test_the_log_names_the_fault(api):
    api.add_faults(em.Fault("status", 429))
    statuses(api, 2)
    assert [(entry.status, entry.fault) for entry in api.log] == [(429, "status"), (200, "")]
    assert api.calls == 1


@pytest.mark.parametrize("kind", sorted(em.KINDS))
def test_every_kind_makes_an_answer_another(api, kind):
    true = respond(api)
    value = {"bomb": 1000, "header": "X-Odd: 1", "cursor_cycle": ""}.get(kind, "")
    # Only at the end of a list is there no cursor to begin with.
    query = (
        "limit=40" if kind in {"null_cursor", "same_cursor", "cursor_cycle", "extra_cursor"} else ""
    )
    api.add_faults(em.Fault(kind, value))
    assert em.KINDS[kind]
    if query:
        assert page(api, query)["meta"].keys() >= {"cursor"}
    else:
        assert respond(api) != true


# --- whole answers


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
def test_a_status_has_the_documented_code(api, status, code):
    api.add_faults(em.Fault("status", status))
    answer = respond(api)
    assert answer.status == status
    assert json.loads(answer.body)["error"]["code"] == code
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    "text", ["0", "-5", "1.5", "soon", "9" * 5000, "Wed, 21 Oct 2015 07:28:00 GMT"]
)
@pytest.mark.parametrize("kind", ["status", "html", "not_gzip"])
def test_retry_after_is_sent_as_it_stands(api, kind, text):
    api.add_faults(em.Fault(kind, 429, retry_after=text))
    answer = respond(api)
    assert (answer.status, answer.headers["Retry-After"]) == (429, text)


def test_an_error_under_200(api):
    api.add_faults(em.Fault("error", "QuotaExceededError"))
    answer = respond(api)
    assert answer.status == 200
    assert json.loads(answer.body)["error"]["code"] == "QuotaExceededError"


def test_html_under_200(api):
    api.add_faults(em.Fault("html"))
    answer = respond(api)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!doctype html>")


def test_bytes_of_ones_own(api):
    api.add_faults(em.Fault("body", b'{"data":[],}'), em.Fault("body", "null"), em.Fault("empty"))
    assert [respond(api).body for _ in range(3)] == [b'{"data":[],}', b"null", b""]


def test_a_redirect_without_a_place_is_to_itself(api):
    api.add_faults(em.Fault("redirect"))
    assert respond(api).headers["Location"] == target(api)


def test_truncated_json_agrees_with_its_length(api):
    api.add_faults(em.Fault("truncated"))
    answer = respond(api)
    assert answer.headers["Content-Length"] == str(len(answer.body))
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


def test_headers_of_ones_own(api):
    api.add_faults(em.Fault("header", "Set-Cookie: a=b; Domain=evil.example"), em.Fault("headers"))
    assert respond(api).headers["Set-Cookie"] == "a=b; Domain=evil.example"
    assert len(respond(api).headers) > 100


def test_gzip_gone_wrong(api):
    true = respond(api).body
    api.add_faults(em.Fault("gzip_cut"), em.Fault("gzip_cut", 8), em.Fault("gzip_layers", 3))
    with pytest.raises(EOFError):
        gzip.decompress(respond(api).body)
    no_trailer = zlib.decompressobj(wbits=31)
    assert no_trailer.decompress(respond(api).body) == true
    assert not no_trailer.eof
    nested = respond(api)
    assert nested.headers["Content-Encoding"] == "gzip, gzip, gzip"
    assert gzip.decompress(gzip.decompress(gzip.decompress(nested.body))) == true


# --- paging


def test_the_same_cursor_for_ever(api):
    cursors = [cursor for cursor, _ in walk(api, "same_cursor")]
    assert len(cursors) == 6
    assert len(set(cursors)) == 1


def test_a_cycle_of_cursors(api):
    cursors = [cursor for cursor, _ in walk(api, "cursor_cycle")]
    assert cursors[0] != cursors[1]
    assert cursors == cursors[:2] * 3


def test_fresh_cursors_to_the_same_items(api):
    cursors, ids = zip(*walk(api, "fresh_cursor"), strict=True)
    assert len(set(cursors)) == 6
    assert ids == (ids[0],) * 6


def test_an_empty_page_that_goes_on_loses_nothing(api):
    api.add_faults(em.Fault("empty_page"))
    empty = page(api)
    assert empty["data"] == []
    following = page(api, f"limit=10&cursor={empty['meta']['cursor']}")
    assert following["data"] == page(api)["data"]


def test_a_cursor_at_the_end_leads_to_nothing(api):
    assert [len(ids) for _, ids in walk(api, "extra_cursor")] == [10, 10, 5, 0, 0, 0]


def test_a_list_that_moves_repeats_or_loses_an_item(api):
    true = [item["id"] for item in page(api, "limit=40")["data"]]
    api.add_faults(em.Fault("overlap"), em.Fault("gap"))
    for first in (9, 11):
        cursor = page(api)["meta"]["cursor"]
        data = page(em.Api(api.world), f"limit=10&cursor={cursor}")["data"]
        assert data[0]["id"] == true[first]


def test_a_cursor_can_be_null(api):
    last = spoiled(api, "null_cursor", query="limit=40")
    assert last["meta"] == {"count": 25, "cursor": None}
    assert last["links"]["next"] is None


@pytest.mark.parametrize(
    ("kind", "count"),
    [("count_high", 1025), ("count_low", 1), ("count_negative", -1), ("count_text", "25")],
)
def test_a_count_can_be_wrong(api, kind, count):
    assert spoiled(api, kind)["meta"]["count"] == count


def test_parts_of_the_envelope_can_be_missing(api):
    assert "count" not in spoiled(api, "count_missing")["meta"]
    assert "meta" not in spoiled(api, "no_meta")
    assert spoiled(api, "null_meta")["meta"] is None
    assert "links" not in spoiled(api, "no_links")


def test_links_can_lead_astray(api):
    zeros = f"/files/{'0' * 64}/related_references?limit=10"
    assert spoiled(api, "other_self")["links"]["self"].endswith(zeros)
    assert spoiled(api, "hostile_next", "file:///x")["links"]["next"] == "file:///x"
    assert "evil.example" in spoiled(api, "hostile_next")["links"]["next"]


# --- items


def test_items_can_be_errors(api):
    first, second = spoiled(api, "item_errors")["data"][:2]
    assert first == {
        "error": {
            "code": "NotFoundError",
            "message": f'reference with id "{first["id"]}" not found',
        },
        "id": first["id"],
        "type": "reference",
    }
    assert "attributes" in second


def test_items_can_lack_what_they_should_have(api):
    assert all("attributes" not in item for item in spoiled(api, "no_attributes")["data"])
    assert all(item["attributes"] is None for item in spoiled(api, "null_attributes")["data"])
    assert all("context_attributes" not in item for item in spoiled(api, "no_context")["data"])
    for item in spoiled(api, "null_related_from")["data"]:
        assert item["context_attributes"] == {"related_from": None}
    for item in spoiled(api, "no_related_from")["data"]:
        assert "related_from" not in item["context_attributes"]


def test_items_can_say_odd_things(api):
    true = page(api)["data"]
    types = {
        holder["type"]
        for item in spoiled(api, "unknown_types")["data"]
        for holder in item["context_attributes"]["related_from"]
    }
    assert types == {"constellation"}
    assert spoiled(api, "duplicates")["data"] == [item for item in true for _ in range(2)]
    assert spoiled(api, "odd_items")["data"][-10:] == true
    dates = [item["attributes"]["creation_date"] for item in spoiled(api, "odd_dates")["data"]]
    assert {0, -1, 2**63, 1515715200000, "1515715200", None} <= set(dates)
    titles = [item["attributes"]["title"] for item in spoiled(api, "control_titles")["data"]]
    assert all({"\x00", "\x1b", "\u202e"} <= set(title) for title in titles)


def test_a_page_fault_leaves_other_answers_alone(api):
    api.add_faults(em.Fault("no_meta", times=None))
    path = f"/api/v3/files/{api.world.hashes()[0]}"
    assert "error" not in json.loads(api.respond("GET", path, KEY).body)
    assert api.respond("GET", "/api/v3/files/none", KEY).status == 404


# --- as text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("reset", em.Fault("reset")),
        ("status=503,times=2,match=/files/", em.Fault("status", "503", times=2, match="/files/")),
        ("status=429,retry_after=soon", em.Fault("status", "429", retry_after="soon")),
        ("stall=0.5,times=all,after=3", em.Fault("stall", "0.5", times=None, after=3)),
        ("redirect=http://x.example/?a=b", em.Fault("redirect", "http://x.example/?a=b")),
    ],
)
def test_a_fault_from_text(text, fault):
    assert em.parse_fault(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "status=abc",
        "status=1.5",
        "stall=-1",
        "stall=nan",
        "reset,times",
        "reset,times=x",
        "reset,after=all",
        "reset,kind=close",
        "reset,often=2",
    ],
)
def test_a_text_that_is_no_fault_is_refused(text):
    with pytest.raises(ValueError, match=r"fault|expected"):
        em.parse_fault(text)

"""Requests for files: lists, pages, errors, keys, quotas, the log."""

import base64
import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphbuild.emulator as em
from graphbuild.emulator.errors import ServiceError
from tests.support.paths import DATA

DOCUMENTED_PAGE = json.loads((DATA / "related_references.json").read_bytes())
DOCUMENTED_FILE = "5e3f311ae67f046b56435067bcdd39fbf836fa0421fbc8c8b0e43e8e47524954"
BASE_URL = "https://www.virustotal.com/api/v3"
F1, F2, F3 = "1" * 64, "2" * 40, "3" * 32


def sha(url):
    return hashlib.sha256(url.encode()).hexdigest()


@pytest.fixture
def world():
    """Three files: in two collections, in one collection with exceptions, in none."""
    a, b, c, d, e = (em.Reference.from_url(f"https://r.example/{n}", title=n) for n in "abcde")
    left = em.Collection("left", "Left", (a.id, b.id), "malware-family", "Partner")
    right = em.Collection("right", "Right", (b.id, c.id), mentions_name=False)
    files = [
        em.File(F1, sha1="a" * 40, md5="b" * 32, collections=("right", "left"), references=(e.id,)),
        em.File(
            sha1=F2,
            md5="c" * 32,
            collections=("left",),
            without_collection=(d.id,),
            without_context=(e.id,),
        ),
        em.File(md5=F3),
    ]
    return em.World(files, [a, b, c, d, e], [left, right])


@pytest.fixture
def api(world):
    return em.Api(world)


def get(api, path, key="k" * 64):
    response = api.respond("GET", f"/api/v3{path}", {"X-ApiKey": key})
    return response.status, json.loads(response.body)


def get_pages(api, path):
    pages = [get(api, path)[1]]
    while "next" in pages[-1]["links"]:
        pages.append(get(api, pages[-1]["links"]["next"].removeprefix(BASE_URL))[1])
    return pages


def related_from(item):
    context = item.get("context_attributes")
    return None if context is None else [each["id"] for each in context["related_from"]]


# --- lists


def test_a_page_equals_the_documented_sample():
    api = em.Api(em.generate_world(7))
    status, page = get(api, f"/files/{DOCUMENTED_FILE}/related_references?limit=2")
    assert status == 200
    assert page == DOCUMENTED_PAGE
    assert json.dumps(page) == json.dumps(DOCUMENTED_PAGE)


def test_text_is_not_escaped():
    api = em.Api(em.generate_world(7))
    target = f"/api/v3/files/{DOCUMENTED_FILE}/related_references?limit=2"
    response = api.respond("GET", target, {"x-apikey": "k"})
    assert b"Campaign \xe2\x80\x93 Part II" in response.body
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.headers["Content-Length"] == str(len(response.body))


def test_related_references_are_sorted_by_id(api):
    _, page = get(api, f"/files/{F1}/related_references")
    expected = {
        sha("https://r.example/a"): ["left"],
        sha("https://r.example/b"): ["right", "left"],  # in the order of the file's collections
        sha("https://r.example/c"): ["right"],
    }
    assert [item["id"] for item in page["data"]] == sorted(expected)
    assert {item["id"]: related_from(item) for item in page["data"]} == expected
    assert page["meta"] == {"count": 3}
    assert page["links"] == {"self": f"{BASE_URL}/files/{F1}/related_references?limit=10"}


def test_related_from_can_lack_attributes(api):
    _, page = get(api, f"/files/{F1}/related_references")
    item = next(item for item in page["data"] if item["attributes"]["title"] == "b")
    assert item["context_attributes"]["related_from"] == [
        {"type": "collection", "id": "right"},
        {"attributes": {"name": "Left"}, "type": "collection", "id": "left"},
    ]


def test_a_reference_can_lack_collections_or_context(api):
    _, page = get(api, f"/files/{F2}/related_references")
    found = {item["attributes"]["title"]: related_from(item) for item in page["data"]}
    assert found == {"a": ["left"], "b": ["left"], "d": [], "e": None}


def test_a_file_without_references_has_an_empty_page(api):
    status, page = get(api, f"/files/{F3}/related_references")
    assert (status, page["data"], page["meta"]) == (200, [], {"count": 0})


def test_descriptors_have_no_attributes_and_no_links(api):
    path = f"/files/{F1}/relationships/related_references"
    _, page = get(api, path)
    _, full = get(api, f"/files/{F1}/related_references")
    assert [set(item) for item in page["data"]] == [{"type", "id", "context_attributes"}] * 3
    assert [item["id"] for item in page["data"]] == [item["id"] for item in full["data"]]
    assert page["links"]["self"] == f"{BASE_URL}{path}?limit=10"


@pytest.mark.parametrize("name", ["a" * 40, "A" * 40, "B" * 32, F1])
def test_a_file_has_three_ids_and_links_contain_the_requested_one(api, name):
    _, page = get(api, f"/files/{name}/related_references")
    assert page["meta"]["count"] == 3
    assert page["links"]["self"] == f"{BASE_URL}/files/{name}/related_references?limit=10"


def test_the_id_of_a_file_is_its_strongest_hash(api):
    assert get(api, f"/files/{'a' * 40}")[1]["data"]["id"] == F1
    assert get(api, f"/files/{'c' * 32}")[1]["data"]["id"] == F2
    assert get(api, f"/files/{F3}")[1]["data"] == {
        "attributes": {"md5": F3},
        "type": "file",
        "id": F3,
        "links": {"self": f"{BASE_URL}/files/{F3}"},
    }


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        (f"/files/{F1}/collections", ["left", "right"]),
        (f"/files/{F1}/references", [sha("https://r.example/e")]),
        ("/collections/left/files", [F1, F2]),
        (
            "/collections/right/references",
            sorted(map(sha, ["https://r.example/b", "https://r.example/c"])),
        ),
        (f"/references/{sha('https://r.example/b')}/collections", ["left", "right"]),
        (f"/references/{sha('https://r.example/e')}/files", [F1]),
    ],
)
def test_other_relationships(api, path, ids):
    status, page = get(api, path)
    assert status == 200
    assert [item["id"] for item in page["data"]] == ids


def test_single_objects(api):
    reference = sha("https://r.example/a")
    assert get(api, f"/references/{reference}")[1]["data"]["attributes"] == {
        "url": "https://r.example/a",
        "title": "a",
    }
    assert get(api, "/collections/left")[1]["data"]["attributes"] == {
        "name": "Left",
        "collection_type": "malware-family",
        "origin": "Partner",
        "references_count": 2,
        "files_count": 2,
    }


# --- paging


@given(limit=st.integers(1, 40), count=st.integers(0, 130))
def test_pages_of_any_size_add_up_to_the_list(limit, count):
    world = em.generate_family_world(1, count)
    [name] = world.hashes()
    found = get_pages(em.Api(world), f"/files/{name}/related_references?limit={limit}")
    ids = [item["id"] for page in found for item in page["data"]]
    assert ids == sorted(sha(f"https://blog.example/{n}") for n in range(count))
    assert len(found) == max(1, -(-count // limit))
    assert all(page["meta"]["count"] == count for page in found)
    assert "cursor" not in found[-1]["meta"]


def test_cursor_and_next_have_the_documented_format():
    world = em.generate_family_world(1, 50)
    path = f"/files/{world.hashes()[0]}/related_references"
    _, page = get(em.Api(world), f"{path}?limit=40")
    cursor = base64.b64encode(b'{"limit": 40, "offset": 40}').decode()
    assert page["meta"]["cursor"] == cursor
    assert page["links"]["next"] == f"{BASE_URL}{path}?cursor={cursor.replace('=', '%3D')}&limit=40"
    _, last = get(em.Api(world), f"{path}?limit=40&cursor={cursor}")
    assert last["links"] == {"self": page["links"]["next"]}


def test_the_first_of_several_cursors_is_used():
    world = em.generate_family_world(1, 50)
    path = f"/files/{world.hashes()[0]}/related_references?limit=10"
    first, second = (
        base64.b64encode(b'{"limit": 10, "offset": %d}' % n).decode() for n in (10, 20)
    )
    both = get(em.Api(world), f"{path}&cursor={first}&cursor={second}")[1]
    assert both["data"] == get(em.Api(world), f"{path}&cursor={first}")[1]["data"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=41", "Limit can't be larger than 40"),
        ("limit=" + "9" * 5000, None),
        ("limit=0", None),
        ("limit=-1", None),
        ("limit=ten", None),
        ("limit=4_0", None),
        ("limit=", None),
        ("cursor=garbage", None),
        ("cursor=", None),
        ("cursor=" + base64.b64encode(b'{"limit": 10, "offset": -1}').decode(), None),
        ("cursor=" + base64.b64encode(b'{"limit": 41, "offset": 0}').decode(), None),
        ("cursor=" + base64.b64encode(b"[" * 9000).decode(), None),
        ("cursor=" + base64.b64encode(b'{"limit": 10, "offset": 1e999}').decode(), None),
    ],
)
def test_an_invalid_limit_or_cursor_is_a_bad_request(api, query, message):
    status, body = get(api, f"/files/{F1}/related_references?{query}")
    assert (status, body["error"]["code"]) == (400, "BadRequestError")
    assert message in {None, body["error"]["message"]}


# --- errors, keys, quotas


@pytest.mark.parametrize(
    "path",
    [
        f"/files/{'0' * 64}",
        f"/files/{'0' * 64}/related_references",
        "/files/foo/related_references",
        f"/files/{F1}/nothing",
        f"/files/{F1}/relationships/nothing",
        f"/references/{'0' * 64}",
        "/collections/none/files",
        "/domains/evil.example",
        "/files",
        "/",
        "",
    ],
)
def test_unknown_paths_are_not_found(api, path):
    status, body = get(api, path)
    assert (status, body["error"]["code"]) == (404, "NotFoundError")


@given(st.text(max_size=60))
def test_every_request_gets_a_documented_response(text):
    api = em.Api(em.generate_family_world(1, 3))
    for target in (text, f"/api/v3/{text}", f"/api/v3/files/{api.world.hashes()[0]}/{text}"):
        response = api.respond("GET", target, {"x-apikey": "k"})
        assert response.status in {200, 400, 404}
        assert json.loads(response.body).keys() & {"data", "error"}


def test_keys(world):
    api = em.Api(world, keys={"good"}, public_keys={"public"}, inactive_keys={"asleep"})
    path = f"/files/{F1}/related_references"

    def status_and_code(key, path=path):
        status, body = get(api, path, key)
        return status, body.get("error", {}).get("code")

    assert status_and_code("good") == (200, None)
    assert status_and_code("") == (401, "AuthenticationRequiredError")
    assert status_and_code("bad") == (401, "WrongCredentialsError")
    assert status_and_code("asleep") == (401, "UserNotActiveError")
    assert status_and_code("public") == (403, "ForbiddenError")
    assert status_and_code("public", f"/files/{F1}/relationships/related_references")[0] == 403
    assert status_and_code("public", f"/files/{F1}/collections") == (200, None)


def test_by_default_any_key_is_accepted(api):
    assert get(api, f"/files/{F1}", "whatever")[0] == 200
    assert api.respond("GET", f"/api/v3/files/{F1}", {}).status == 401


class Clock:
    now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("quota", "wait"),
    [
        (em.Quota(per_minute=2), 60),
        (em.Quota(per_day=2), 6400),  # 1,700,000,000 is 6,400 s before midnight
        (em.Quota(per_month=2), 6400 + 16 * 86400),  # and that midnight begins 15 November
    ],
)
def test_an_exhausted_quota_gives_429_until_its_window_ends(world, quota, wait):
    clock = Clock()
    api = em.Api(world, quota=quota, clock=clock)

    def status():
        return get(api, f"/files/{F1}")[0]

    assert [status() for _ in range(4)] == [200, 200, 429, 429]
    clock.now += wait - 1
    assert status() == 429
    clock.now += 1
    assert status() == 200
    assert api.calls == 3


def test_each_key_has_its_own_quota(world):
    api = em.Api(world, quota=em.Quota(per_day=1))
    assert [get(api, f"/files/{F1}", key)[0] for key in "aabb"] == [200, 429, 200, 429]


def test_pages_are_counted_and_quota_requests_are_free(world):
    api = em.Api(world, quota=em.Quota(per_minute=4, per_day=500, per_month=15500), clock=Clock())
    get_pages(api, f"/files/{F1}/related_references?limit=1")
    status, body = get(api, f"/users/{'k' * 64}/overall_quotas")
    assert status == 200
    assert body["data"] == {
        "api_requests_hourly": {"user": {"allowed": 240, "used": 3}},
        "api_requests_daily": {"user": {"allowed": 500, "used": 3}},
        "api_requests_monthly": {"user": {"allowed": 15500, "used": 3}},
    }
    assert api.calls == 3


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_other_methods_are_rejected_and_logged(api, method):
    assert api.respond(method, f"/api/v3/files/{F1}", {"x-apikey": "k"}).status == 405
    assert [(entry.method, entry.status) for entry in api.log] == [(method, 405)]
    assert api.calls == 0


def test_the_log_contains_no_keys(world, tmp_path):
    key = "5ec2e7" * 10
    api = em.Api(world, clock=Clock(), log_path=tmp_path / "log.jsonl")
    get(api, f"/files/{F1}/related_references?limit=5", key)
    get(api, f"/users/{key}/overall_quotas?apikey={key}", key)
    written = (tmp_path / "log.jsonl").read_text()
    assert key not in written
    assert key not in repr(api.log)
    first, second = map(json.loads, written.splitlines())
    assert first == {
        "number": 1,
        "method": "GET",
        "path": f"/api/v3/files/{F1}/related_references",
        "query": "limit=5",
        "key": sha(key)[:8],
        "status": 200,
        "fault": "",
        "time": Clock.now,
    }
    assert second["path"] == "/api/v3/users/{key}/overall_quotas"


def test_gzip_requires_both_headers(api):
    path = f"/api/v3/files/{F1}"
    both = {"x-apikey": "k", "Accept-Encoding": "gzip", "User-Agent": "tool; gzip"}
    assert api.respond("GET", path, both).headers["Content-Encoding"] == "gzip"
    for missing in ("Accept-Encoding", "User-Agent"):
        headers = {name: value for name, value in both.items() if name != missing}
        assert "Content-Encoding" not in api.respond("GET", path, headers).headers


# --- middleware


def test_middleware_replaces_responses(world):
    def fail_lists(request, response):
        if request.path.endswith("/related_references"):
            return replace(ServiceError("TransientError").response, fault="unavailable")
        return response

    api = em.Api(world, middleware=fail_lists)
    assert get(api, f"/files/{F1}/related_references")[0] == 503
    assert get(api, f"/files/{F1}")[0] == 200
    assert [entry.fault for entry in api.log] == ["unavailable", ""]


# --- changes of the world


def test_the_world_can_be_replaced_between_requests(api, world):
    new = em.Reference.from_url("https://r.example/new")
    path = f"/files/{F1}/related_references"
    assert get(api, path)[1]["meta"]["count"] == 3
    left = em.Collection("left", "Left", (*world.collections["left"].references, new.id))
    api.world = later = world.replace(
        references=[*world.references.values(), new],
        collections=[left, world.collections["right"]],
    )
    assert api.world is later
    assert get(api, path)[1]["meta"]["count"] == 4
    assert get(api, f"/references/{new.id}")[0] == 200
    assert (api.calls, len(api.log)) == (3, 3)


def test_the_world_can_change_between_pages():
    world = em.generate_family_world(1, 30)
    api, [name], [family] = em.Api(world), world.hashes(), world.collections.values()
    _, first = get(api, f"/files/{name}/related_references")
    removed, *kept = sorted(family.references)
    assert first["data"][0]["id"] == removed
    api.world = world.replace(collections=[replace(family, references=tuple(kept))])
    _, second = get(api, first["links"]["next"].removeprefix(BASE_URL))
    assert second["data"][0]["id"] == kept[10]  # the tenth is on no page
    assert second["meta"]["count"] == 29

"""The emulated service: its data, its answers, its quotas."""

import base64
import hashlib
import json
import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphbuild.emulator as em
from tests.support.paths import DATA, SHARED

DOCUMENTED = json.loads((DATA / "related_references.json").read_bytes())
SEED = "5e3f311ae67f046b56435067bcdd39fbf836fa0421fbc8c8b0e43e8e47524954"
SAMPLE = SHARED / "data" / "sample"
BASE = "https://www.virustotal.com/api/v3"
F1, F2, F3 = "1" * 64, "2" * 40, "3" * 32


def sha(url):
    return hashlib.sha256(url.encode()).hexdigest()


@pytest.fixture
def world():
    """Three files: one in two collections, one in one and beside the rules, one in none."""
    a, b, c, d, e = (em.Reference.of(f"https://r.example/{n}", title=n) for n in "abcde")
    left = em.Collection("left", "Left", (a.id, b.id), "malware-family", "Partner")
    right = em.Collection("right", "Right", (b.id, c.id), mentions_name=False)
    files = [
        em.File(F1, sha1="a" * 40, md5="b" * 32, collections=("right", "left"), direct=(e.id,)),
        em.File(sha1=F2, md5="c" * 32, collections=("left",), loose=(d.id,), bare=(e.id,)),
        em.File(md5=F3),
    ]
    return em.World(files, [a, b, c, d, e], [left, right])


@pytest.fixture
def api(world):
    return em.Api(world)


def ask(api, path, key="k" * 64, **headers):
    answer = api.respond("GET", f"/api/v3{path}", {"X-ApiKey": key, **headers})
    return answer.status, json.loads(answer.body)


def pages(api, path):
    found = [ask(api, path)[1]]
    while "next" in found[-1]["links"]:
        found.append(ask(api, found[-1]["links"]["next"].removeprefix(BASE))[1])
    return found


def holders(item):
    context = item.get("context_attributes")
    return None if context is None else [each["id"] for each in context["related_from"]]


# --- listings


def test_a_page_is_that_of_the_documentation_down_to_the_order_of_keys():
    api = em.Api(em.made_up_world(7))
    status, page = ask(api, f"/files/{SEED}/related_references?limit=2")
    assert status == 200
    assert page == DOCUMENTED
    assert json.dumps(page) == json.dumps(DOCUMENTED)


def test_text_is_sent_readable_in_utf8():
    api = em.Api(em.made_up_world(7))
    target = f"/api/v3/files/{SEED}/related_references?limit=2"
    answer = api.respond("GET", target, {"x-apikey": "k"})
    assert b"Campaign \xe2\x80\x93 Part II" in answer.body
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Content-Length"] == str(len(answer.body))


def test_related_references_are_those_of_the_collections_by_ascending_id(api):
    _, page = ask(api, f"/files/{F1}/related_references")
    expected = {
        sha("https://r.example/a"): ["left"],
        sha("https://r.example/b"): ["right", "left"],  # in the order of the file's collections
        sha("https://r.example/c"): ["right"],
    }
    assert [item["id"] for item in page["data"]] == sorted(expected)
    assert {item["id"]: holders(item) for item in page["data"]} == expected
    assert page["meta"] == {"count": 3}
    assert page["links"] == {"self": f"{BASE}/files/{F1}/related_references?limit=10"}


def test_a_holder_may_be_named_or_not(api):
    _, page = ask(api, f"/files/{F1}/related_references")
    item = next(item for item in page["data"] if item["attributes"]["title"] == "b")
    assert item["context_attributes"]["related_from"] == [
        {"type": "collection", "id": "right"},
        {"attributes": {"name": "Left"}, "type": "collection", "id": "left"},
    ]


def test_a_reference_may_be_listed_with_no_holder_and_with_no_context(api):
    _, page = ask(api, f"/files/{F2}/related_references")
    found = {item["attributes"]["title"]: holders(item) for item in page["data"]}
    assert found == {"a": ["left"], "b": ["left"], "d": [], "e": None}


def test_a_known_file_without_references_has_an_empty_page(api):
    status, page = ask(api, f"/files/{F3}/related_references")
    assert (status, page["data"], page["meta"]) == (200, [], {"count": 0})


def test_descriptors_bear_no_attributes_and_no_links(api):
    path = f"/files/{F1}/relationships/related_references"
    _, page = ask(api, path)
    _, full = ask(api, f"/files/{F1}/related_references")
    assert [set(item) for item in page["data"]] == [{"type", "id", "context_attributes"}] * 3
    assert [item["id"] for item in page["data"]] == [item["id"] for item in full["data"]]
    assert page["links"]["self"] == f"{BASE}{path}?limit=10"


@pytest.mark.parametrize("name", ["a" * 40, "A" * 40, "B" * 32, F1])
def test_a_file_answers_to_each_of_its_hashes_and_links_echo_the_one_asked(api, name):
    _, page = ask(api, f"/files/{name}/related_references")
    assert page["meta"]["count"] == 3
    assert page["links"]["self"] == f"{BASE}/files/{name}/related_references?limit=10"


def test_a_file_is_known_by_its_strongest_hash(api):
    assert ask(api, f"/files/{'a' * 40}")[1]["data"]["id"] == F1
    assert ask(api, f"/files/{'c' * 32}")[1]["data"]["id"] == F2
    assert ask(api, f"/files/{F3}")[1]["data"] == {
        "attributes": {"md5": F3},
        "type": "file",
        "id": F3,
        "links": {"self": f"{BASE}/files/{F3}"},
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
def test_other_relationships_fall_out_of_the_same_data(api, path, ids):
    status, page = ask(api, path)
    assert status == 200
    assert [item["id"] for item in page["data"]] == ids


def test_single_objects(api):
    reference = sha("https://r.example/a")
    assert ask(api, f"/references/{reference}")[1]["data"]["attributes"] == {
        "url": "https://r.example/a",
        "title": "a",
    }
    assert ask(api, "/collections/left")[1]["data"]["attributes"] == {
        "name": "Left",
        "collection_type": "malware-family",
        "origin": "Partner",
        "references_count": 2,
        "files_count": 2,
    }


# --- paging


@given(limit=st.integers(1, 40), count=st.integers(0, 130))
def test_pages_of_any_size_put_together_are_the_whole_list(limit, count):
    world = em.family_world(1, count)
    [name] = world.hashes()
    found = pages(em.Api(world), f"/files/{name}/related_references?limit={limit}")
    ids = [item["id"] for page in found for item in page["data"]]
    assert ids == sorted(sha(f"https://blog.example/{n}") for n in range(count))
    assert len(found) == max(1, -(-count // limit))
    assert all(page["meta"]["count"] == count for page in found)
    assert "cursor" not in found[-1]["meta"]


def test_cursor_and_next_have_the_documented_form():
    world = em.family_world(1, 50)
    path = f"/files/{world.hashes()[0]}/related_references"
    _, page = ask(em.Api(world), f"{path}?limit=40")
    cursor = base64.b64encode(b'{"limit": 40, "offset": 40}').decode()
    assert page["meta"]["cursor"] == cursor
    assert page["links"]["next"] == f"{BASE}{path}?cursor={cursor.replace('=', '%3D')}&limit=40"
    _, last = ask(em.Api(world), f"{path}?limit=40&cursor={cursor}")
    assert last["links"] == {"self": page["links"]["next"]}


def test_the_first_of_several_cursors_wins():
    world = em.family_world(1, 50)
    path = f"/files/{world.hashes()[0]}/related_references?limit=10"
    first, second = (
        base64.b64encode(b'{"limit": 10, "offset": %d}' % n).decode() for n in (10, 20)
    )
    both = ask(em.Api(world), f"{path}&cursor={first}&cursor={second}")[1]
    assert both["data"] == ask(em.Api(world), f"{path}&cursor={first}")[1]["data"]


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
def test_a_wrong_limit_or_cursor_is_a_bad_request(api, query, message):
    status, body = ask(api, f"/files/{F1}/related_references?{query}")
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
def test_what_is_not_there_is_not_found(api, path):
    status, body = ask(api, path)
    assert (status, body["error"]["code"]) == (404, "NotFoundError")


@given(st.text(max_size=60))
def test_any_request_gets_a_documented_answer(text):
    api = em.Api(em.family_world(1, 3))
    for target in (text, f"/api/v3/{text}", f"/api/v3/files/{api.world.hashes()[0]}/{text}"):
        answer = api.respond("GET", target, {"x-apikey": "k"})
        assert answer.status in {200, 400, 404}
        assert json.loads(answer.body).keys() & {"data", "error"}


def test_keys(world):
    api = em.Api(world, keys={"good"}, public_keys={"public"}, inactive_keys={"asleep"})
    path = f"/files/{F1}/related_references"

    def outcome(key, path=path):
        status, body = ask(api, path, key)
        return status, body.get("error", {}).get("code")

    assert outcome("good") == (200, None)
    assert outcome("") == (401, "AuthenticationRequiredError")
    assert outcome("bad") == (401, "WrongCredentialsError")
    assert outcome("asleep") == (401, "UserNotActiveError")
    assert outcome("public") == (403, "ForbiddenError")
    assert outcome("public", f"/files/{F1}/relationships/related_references")[0] == 403
    assert outcome("public", f"/files/{F1}/collections") == (200, None)


def test_without_a_list_of_keys_any_key_will_do_but_none_will_not(api):
    assert ask(api, f"/files/{F1}", "whatever")[0] == 200
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
def test_a_spent_quota_is_429_until_its_window_ends(world, quota, wait):
    clock = Clock()
    api = em.Api(world, quota=quota, clock=clock)

    def status():
        return ask(api, f"/files/{F1}")[0]

    assert [status() for _ in range(4)] == [200, 200, 429, 429]
    clock.now += wait - 1
    assert status() == 429
    clock.now += 1
    assert status() == 200
    assert api.calls == 3


def test_each_key_has_its_own_quota(world):
    api = em.Api(world, quota=em.Quota(per_day=1))
    assert [ask(api, f"/files/{F1}", key)[0] for key in "aabb"] == [200, 429, 200, 429]


def test_every_page_is_a_call_and_looking_at_the_quota_is_free(world):
    api = em.Api(world, quota=em.Quota(per_minute=4, per_day=500, per_month=15500), clock=Clock())
    pages(api, f"/files/{F1}/related_references?limit=1")
    status, body = ask(api, f"/users/{'k' * 64}/overall_quotas")
    assert status == 200
    assert body["data"] == {
        "api_requests_hourly": {"user": {"allowed": 240, "used": 3}},
        "api_requests_daily": {"user": {"allowed": 500, "used": 3}},
        "api_requests_monthly": {"user": {"allowed": 15500, "used": 3}},
    }
    assert api.calls == 3


@pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_other_verbs_are_refused_and_logged(api, verb):
    assert api.respond(verb, f"/api/v3/files/{F1}", {"x-apikey": "k"}).status == 405
    assert [(entry.method, entry.status) for entry in api.log] == [(verb, 405)]
    assert api.calls == 0


def test_the_log_tells_everything_but_the_key(world, tmp_path):
    key = "5ec2e7" * 10
    api = em.Api(world, clock=Clock(), log_path=tmp_path / "log.jsonl")
    ask(api, f"/files/{F1}/related_references?limit=5", key)
    ask(api, f"/users/{key}/overall_quotas?apikey={key}", key)
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


def test_gzip_is_for_agents_that_say_so(api):
    path = f"/api/v3/files/{F1}"
    both = {"x-apikey": "k", "Accept-Encoding": "gzip", "User-Agent": "tool; gzip"}
    assert api.respond("GET", path, both).headers["Content-Encoding"] == "gzip"
    for missing in ("Accept-Encoding", "User-Agent"):
        headers = {name: value for name, value in both.items() if name != missing}
        assert "Content-Encoding" not in api.respond("GET", path, headers).headers


# --- worlds


def test_a_world_is_the_same_for_the_same_seed_and_another_for_another():
    one, again, other = em.made_up_world(3), em.made_up_world(3), em.made_up_world(4)
    assert one.hashes() == again.hashes()
    assert one.triples() == again.triples()
    assert one.references == again.references
    assert one.triples() != other.triples()


@pytest.mark.parametrize("seed", range(5))
def test_the_usual_world_has_the_size_of_a_demo(seed):
    world = em.made_up_world(seed)
    assert 60 <= len(world.files) <= 80
    assert 380 <= len(world.references) <= 430
    assert 4 <= len(world.campaigns) <= 6
    assert {len(name) for name in world.hashes()} == {32, 40, 64}


@pytest.mark.parametrize("seed", range(5))
def test_the_documented_file_has_its_collection_and_siblings(seed):
    world = em.made_up_world(seed)
    related = pages(em.Api(world), f"/files/{SEED}/related_references?limit=40")
    items = [item for page in related for item in page["data"]]
    assert len(items) == 241
    assert len(related) == 7
    assert all(holders(item) == ["malpedia_win_emotet"] for item in items)
    assert all(item["id"] == sha(item["attributes"]["url"]) for item in items)
    assert 4 <= len(world.members("malpedia_win_emotet")) <= 6


def clusters(world):
    """Join files that share a reference, by nothing but the triples."""
    groups = {name: {name} for name in world.hashes()}
    by_reference = {}
    for name, reference, _ in world.triples():
        other = by_reference.setdefault(reference, name)
        if groups[other] is not groups[name]:
            groups[other] |= groups[name]
            groups.update(dict.fromkeys(groups[other], groups[other]))
    return {frozenset(group) for group in groups.values() if len(group) > 1}


@pytest.mark.parametrize("seed", range(5))
def test_without_noise_the_campaigns_are_what_holds_together(seed):
    world = em.made_up_world(seed, noise=0)
    assert clusters(world) == set(world.campaigns.values())


def test_with_noise_they_touch():
    world = em.made_up_world(0, noise=0.2)
    assert len(clusters(world)) < len(world.campaigns)
    for one, other in combinations(world.campaigns.values(), 2):
        assert not one & other


def test_a_made_up_world_has_the_flaws_of_a_true_one():
    world = em.made_up_world(0)
    attributes = [reference.attributes for reference in world.references.values()]
    titles = [each["title"] for each in attributes if "title" in each]
    dates = {each["creation_date"] for each in attributes if "creation_date" in each}
    assert any("title" not in each for each in attributes)
    assert any("creation_date" not in each for each in attributes)
    assert any(re.search("[\u0410-\u044f]", title) for title in titles)
    assert any(re.search("[\u3040-\u9fff]", title) for title in titles)
    assert {0, -1, 1_515_715_200_000, 253_402_214_400} <= dates
    assert any(not collection.mentions_name for collection in world.collections.values())
    items = [item for file in world.files.values() for item in world.related(file)]
    assert {None, ()} < {item.holders for item in items}
    assert any(len(item.holders or ()) > 1 for item in items)
    assert any(not world.related(file) for file in world.files.values())


def test_a_crawl_of_every_hash_finds_exactly_the_triples():
    world = em.made_up_world(1)
    api = em.Api(world)
    found = {
        (name, item["id"], holder)
        for name in world.hashes()
        for page in pages(api, f"/files/{name}/related_references?limit=40")
        for item in page["data"]
        for holder in holders(item) or [None]
    }
    assert found == world.triples()


def test_a_family_has_the_size_asked_for():
    world = em.family_world(7, 11)
    assert (len(world.files), len(world.references), len(world.collections)) == (7, 11, 1)
    assert len(world.triples()) == 77


def test_two_files_cannot_share_a_hash():
    for twin in (em.File("1" * 64), em.File(md5=F3.upper())):
        with pytest.raises(ValueError, match="share the hash"):
            em.World([em.File("1" * 64, md5=F3), twin], [], [])
    with pytest.raises(ValueError, match="share the hash"):
        em.World([em.File("1" * 64, md5=F3), em.File("2" * 64, md5=F3)], [], [])


# --- worlds from a file

LINES = (
    '{"k":"meta","format":1}',
    '{"k":"s","i":0}',
    '{"k":"r","i":0,"url":"https://r.example/a","title":"A","author":"Me","date":5}',
    '{"k":"r","i":1,"url":"https://r.example/b"}',
    '{"k":"c","i":0,"id":"one","name":"One","kind":"report","origin":"Us","r":[0]}',
    '{"k":"c","i":1,"id":"two","name":"Two","r":[0]}',
    f'{{"k":"f","md5":"{F3}","c":[1],"n":[0,1],"r":[1]}}',
)


def test_a_world_from_a_file(tmp_path):
    path = tmp_path / "world.jsonl"
    path.write_text("\n".join(LINES))
    world = em.load_world(path)
    reference = sha("https://r.example/a")
    assert world.triples() == {(F3, reference, "one"), (F3, reference, "two")}
    assert world.file(F3).collections == ("two", "one")
    assert world.file(F3).direct == (sha("https://r.example/b"),)
    assert list(world.references[reference].attributes) == ["creation_date", "author", "title"]


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (1, "{"),
        (2, "[]"),
        (2, '{"k":"x"}'),
        (3, '{"k":"r","i":0}'),
        (3, '{"k":"r","i":0,"url":5}'),
        (5, '{"k":"c","i":0,"id":"one","name":"One","r":[9]}'),
        (5, '{"k":"c","i":0,"id":"one","name":"One","r":5}'),
        (7, '{"k":"f","c":[1]}'),
        (7, f'{{"k":"f","md5":"{F3}","c":[7]}}'),
        (7, '{"k":"f","md5":5}'),
        (7, '{"k":"f","md5":"\udcff"}'),
    ],
)
def test_a_malformed_line_is_named(tmp_path, place, line):
    path = tmp_path / "world.jsonl"
    text = "\n".join([*LINES[: place - 1], line, "", *LINES[place:]])
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=rf"^line {place}: "):
        em.load_world(path)


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample is not beside the checkout")
def test_the_true_sample_gives_its_known_figures_and_pages():
    world = em.load_world(SAMPLE / "observations.jsonl")
    api = em.Api(world)
    assert (len(world.files), len(world.references), len(world.collections)) == (60, 151, 14)
    assert world.hashes() == (SAMPLE / "hashes.txt").read_text().split()
    for name in world.hashes():
        pages(api, f"/files/{name}/related_references?limit=40")
    assert api.calls == 69
    assert len(world.triples()) == 1494
    assert len({triple[:2] for triple in world.triples()}) == 1434
    for path in (SAMPLE / "api").glob("*.json"):
        expected = json.loads(path.read_bytes())
        assert ask(api, expected["links"]["self"].removeprefix(BASE)) == (200, expected)

"""The emulated service: every kind of subject, what an object tells, what hangs on it."""

import base64
import hashlib
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphbuild.emulator as em

BASE = "https://www.virustotal.com/api/v3"
F1, F2 = "1" * 64, "2" * 32
URL = "http://bad.example:8080/a/?q=1&r=%20x"
ADDRESS6 = "2001:db8::5"


def sha(url):
    return hashlib.sha256(url.encode()).hexdigest()


def unpadded(url):
    return base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


A, B, C = (sha(f"https://r.example/{name}") for name in "abc")


@pytest.fixture
def world():
    """Two collections of all sorts; the url is an address that a reference has too."""
    a, b, c = (em.Reference.of(f"https://r.example/{name}", title=name) for name in "abc")
    left = em.Collection("left", "Left", (A, B), "malware-family", "Partner")
    right = em.Collection("right", "Right", (B, C))
    subjects = [
        em.Indicator("domain", "Bad.example", ("left",), direct=(C,)),
        em.Indicator("ip_address", "192.0.2.7", ("left", "right")),
        em.Indicator("ip_address", ADDRESS6, ("right",), bare=(A,)),
        em.Indicator("url", URL, ("right",)),
        em.Indicator("url", "https://r.example/a", ("left",), loose=(C,)),
    ]
    files = [em.File(F1, "a" * 40, "b" * 32, ("left",), name="setup.exe"), em.File(md5=F2)]
    return em.World(files, [a, b, c], [left, right], indicators=subjects)


@pytest.fixture
def api(world):
    return em.Api(world)


def ask(api, path, key="k"):
    answer = api.respond("GET", f"/api/v3{path}", {"x-apikey": key})
    return answer.status, json.loads(answer.body)


def listed(api, path):
    status, page = ask(api, path)
    assert status == 200
    return [item["id"] for item in page["data"]]


def holders(item):
    context = item.get("context_attributes")
    return None if context is None else [each["id"] for each in context["related_from"]]


# --- domains, addresses, urls


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/domains/bad.example", {A: ["left"], B: ["left"]}),
        ("/ip_addresses/192.0.2.7", {A: ["left"], B: ["left", "right"], C: ["right"]}),
        (f"/ip_addresses/{ADDRESS6}", {A: None, B: ["right"], C: ["right"]}),
        (f"/urls/{sha(URL)}", {B: ["right"], C: ["right"]}),
        (f"/urls/{sha('https://r.example/a')}", {A: ["left"], B: ["left"], C: []}),
    ],
)
def test_every_subject_has_the_references_of_its_collections(api, path, expected):
    _, page = ask(api, f"{path}/related_references")
    assert {item["id"]: holders(item) for item in page["data"]} == expected
    assert [item["id"] for item in page["data"]] == sorted(expected)
    assert page["meta"] == {"count": len(expected)}
    assert page["links"] == {"self": f"{BASE}{path}/related_references?limit=10"}
    _, short = ask(api, f"{path}/relationships/related_references")
    assert {item["id"]: holders(item) for item in short["data"]} == expected


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/domains/BAD.Example", "domain", "bad.example"),
        ("/ip_addresses/2001:DB8:0:0::5", "ip_address", ADDRESS6),
        (f"/ip_addresses/{quote(ADDRESS6, safe='')}", "ip_address", ADDRESS6),
        (f"/urls/{sha(URL).upper()}", "url", sha(URL)),
        (f"/urls/{unpadded(URL)}", "url", sha(URL)),
        (f"/references/{unpadded('https://r.example/a')}", "reference", A),
    ],
)
def test_names_are_brought_to_the_id_and_links_of_a_relationship_echo_them(api, path, kind, name):
    _, body = ask(api, path)
    assert (body["data"]["type"], body["data"]["id"]) == (kind, name)
    assert body["data"]["links"]["self"] == f"{BASE}/{path.split('/')[1]}/{name}"
    _, page = ask(api, f"{path}/collections?limit=1")
    assert page["links"]["self"] == f"{BASE}{path}/collections?limit=1"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/domains/good.example", 'Domain "good.example" not found'),
        ("/ip_addresses/192.0.2.8", 'IP address "192.0.2.8" not found'),
        ("/ip_addresses/nonsense", 'IP address "nonsense" not found'),
        ("/urls/thisurlidmakesnosenseatall", 'URL "thisurlidmakesnosenseatall" not found'),
        (f"/urls/{unpadded(URL)}==", None),
        (f"/urls/{sha('http://other.example/')}/related_references", None),
        ("/urls/ü", None),
        ("/ips/192.0.2.7", "Resource not found."),
    ],
)
def test_what_is_not_there_is_not_found_by_name(api, path, message):
    status, body = ask(api, path)
    assert (status, body["error"]["code"]) == (404, "NotFoundError")
    assert message in {None, body["error"]["message"]}


def test_a_url_and_a_reference_may_have_one_id(api):
    for endpoint, kind in (("urls", "url"), ("references", "reference")):
        data = ask(api, f"/{endpoint}/{A}")[1]["data"]
        assert (data["type"], data["id"]) == (kind, A)
        assert data["attributes"]["url"] == "https://r.example/a"


@pytest.mark.parametrize(("kind", "text"), [("hostname", "x"), ("ip_address", "x"), ("file", F1)])
def test_an_indicator_is_what_it_says(kind, text):
    with pytest.raises(ValueError, match=r"no indicator|not an ip_address"):
        em.Indicator(kind, text)


def test_two_indicators_cannot_share_an_id():
    twins = [em.Indicator("ip_address", text) for text in (ADDRESS6, "2001:db8:0::5")]
    with pytest.raises(ValueError, match="share the id 2001:db8::5"):
        em.World([], [], [], indicators=twins)


def test_a_public_key_reads_no_references_of_any_subject(world):
    api = em.Api(world, public_keys={"k"})
    assert ask(api, "/domains/bad.example/related_references")[0] == 403
    assert ask(api, f"/references/{A}/domains")[0] == 403
    assert listed(api, "/domains/bad.example/collections") == ["left"]


# --- what an object tells


@pytest.mark.parametrize("name", [F1, "a" * 40, "B" * 32])
def test_a_file_tells_all_its_hashes_and_its_name(api, name):
    data = ask(api, f"/files/{name}")[1]["data"]
    assert data["id"] == F1
    assert data["attributes"] == {
        "sha256": F1,
        "sha1": "a" * 40,
        "md5": "b" * 32,
        "meaningful_name": "setup.exe",
    }


def test_every_made_up_file_proves_that_its_hashes_are_one():
    world = em.made_up_world(1)
    api = em.Api(world)
    for file in list(world.files.values())[1:]:
        told = [
            ask(api, f"/files/{name}")[1]["data"] for name in (file.sha256, file.sha1, file.md5)
        ]
        assert told[0] == told[1] == told[2]
        assert {len(told[0]["attributes"][kind]) for kind in ("sha256", "sha1", "md5")} == {
            64,
            40,
            32,
        }
        assert told[0]["attributes"]["meaningful_name"]


@pytest.mark.parametrize(
    ("asked", "canonical"),
    [
        ("/files/" + "a" * 40, f"/files/{F1}"),
        (f"/files/{F2}", f"/files/{F2}"),
        (f"/urls/{unpadded(URL)}", f"/urls/{sha(URL)}"),
    ],
)
def test_links_of_a_relationship_may_name_the_object_instead(world, asked, canonical):
    api = em.Api(world, choices=em.Choices(canonical_links=True))
    for relationship in ("related_references", "relationships/related_references"):
        links = ask(api, f"{asked}/{relationship}?limit=1")[1]["links"]
        assert links["self"] == f"{BASE}{canonical}/{relationship}?limit=1"
        assert links.get("next", links["self"]).startswith(f"{BASE}{canonical}/{relationship}?")


# --- edges


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ("/collections/left/files", [F1]),
        ("/collections/left/domains", ["bad.example"]),
        ("/collections/left/ip_addresses", ["192.0.2.7"]),
        ("/collections/right/ip_addresses", ["192.0.2.7", ADDRESS6]),
        ("/collections/left/urls", [A]),
        ("/collections/right/urls", [sha(URL)]),
        ("/collections/left/references", sorted([A, B])),
        (f"/references/{C}/domains", ["bad.example"]),
        (f"/references/{C}/files", []),
        (f"/references/{C}/urls", []),
        (f"/references/{C}/ip_addresses", []),
        (f"/references/{B}/collections", ["left", "right"]),
        ("/domains/bad.example/references", [C]),
        ("/domains/bad.example/collections", ["left"]),
        (f"/urls/{sha(URL)}/collections", ["right"]),
        ("/ip_addresses/192.0.2.7/collections", ["left", "right"]),
    ],
)
def test_every_edge_can_be_followed_in_full_and_as_descriptors(api, path, ids):
    assert listed(api, path) == ids
    place, _, relationship = path.rpartition("/")
    _, page = ask(api, f"{place}/relationships/{relationship}")
    assert [item["id"] for item in page["data"]] == ids
    assert all(set(item) == {"type", "id"} for item in page["data"])
    assert page["meta"] == {"count": len(ids)}


def test_a_collection_counts_what_it_has(api):
    assert ask(api, "/collections/left")[1]["data"]["attributes"] == {
        "name": "Left",
        "collection_type": "malware-family",
        "origin": "Partner",
        "references_count": 2,
        "files_count": 1,
        "domains_count": 1,
        "ip_addresses_count": 1,
        "urls_count": 1,
    }


@given(limit=st.integers(1, 40), count=st.integers(0, 90))
def test_members_are_paged_as_references_are(limit, count):
    domains = [em.Indicator("domain", f"{n}.example", ("all",)) for n in range(count)]
    api = em.Api(em.World([], [], [em.Collection("all", "All")], indicators=domains))
    found, path = [], f"/collections/all/domains?limit={limit}"
    while path:
        _, page = ask(api, path)
        found += [item["id"] for item in page["data"]]
        path = page["links"].get("next", "").removeprefix(BASE)
    assert found == sorted(each.id for each in domains)
    assert api.calls == max(1, -(-count // limit))


def test_from_any_hash_the_whole_world_can_be_reached():
    world = em.made_up_world(2, noise=0.3)
    api = em.Api(world)
    edges = {
        "file": ("files", ["collections"]),
        "domain": ("domains", ["collections"]),
        "ip_address": ("ip_addresses", ["collections"]),
        "url": ("urls", ["collections"]),
        "reference": ("references", ["collections"]),
        "collection": ("collections", ["files", "domains", "ip_addresses", "urls", "references"]),
    }
    todo, seen = [("file", world.members("atlas_roundup")[0])], set()
    while todo:
        kind, name = todo.pop()
        if (kind, name) in seen:
            continue
        seen.add((kind, name))
        endpoint, relationships = edges[kind]
        paths = [f"/{endpoint}/{quote(name)}/relationships/{each}" for each in relationships]
        while paths:
            _, page = ask(api, paths.pop())
            todo += [(item["type"], item["id"]) for item in page["data"]]
            paths += [page["links"]["next"].removeprefix(BASE)] if "next" in page["links"] else []
    assert {name for kind, name in seen if kind == "collection"} == set(world.collections)
    assert {name for kind, name in seen if kind == "url"} == set(world.urls)
    assert {name for kind, name in seen if kind == "domain"} == set(world.domains)
    assert {name for kind, name in seen if kind == "ip_address"} == set(world.ip_addresses)


# --- embedding and attributes


def test_relationships_come_inside_an_object_as_descriptors(api):
    data = ask(api, "/domains/bad.example?relationships=collections,related_references")[1]["data"]
    place = f"{BASE}/domains/bad.example"
    mention = {"attributes": {"name": "Left"}, "type": "collection", "id": "left"}
    assert data["relationships"] == {
        "collections": {
            "data": [{"type": "collection", "id": "left"}],
            "links": {
                "self": f"{place}/relationships/collections?limit=20",
                "related": f"{place}/collections",
            },
        },
        "related_references": {
            "data": [
                {
                    "type": "reference",
                    "id": name,
                    "context_attributes": {"related_from": [mention]},
                }
                for name in sorted([A, B])
            ],
            "links": {
                "self": f"{place}/relationships/related_references?limit=20",
                "related": f"{place}/related_references",
            },
        },
    }
    assert api.calls == 1


@pytest.mark.parametrize("count", [0, 19, 20, 21, 41])
def test_an_embedded_page_has_twenty_and_a_way_on(count):
    world = em.family_world(1, count)
    api, [name] = em.Api(world), world.hashes()
    data = ask(api, f"/files/{name}?relationships=related_references")[1]["data"]
    page = data["relationships"]["related_references"]
    assert len(page["data"]) == min(20, count)
    if count <= 20:
        assert set(page) == {"data", "links"}
        assert set(page["links"]) == {"self", "related"}
        return
    cursor = base64.b64encode(b'{"limit": 20, "offset": 20}').decode()
    assert page["meta"] == {"cursor": cursor}
    assert page["links"]["next"] == f"{page['links']['self']}&cursor={quote(cursor)}"
    following = listed(api, page["links"]["next"].removeprefix(BASE))
    ids = [item["id"] for item in page["data"]] + following
    assert ids == sorted(world.references)[: min(40, count)]


def test_an_object_not_asked_for_relationships_has_none(api):
    assert "relationships" not in ask(api, f"/files/{F1}")[1]["data"]
    assert "relationships" not in ask(api, f"/files/{F1}?relationships=")[1]["data"]


def test_embedded_descriptors_tell_what_is_asked_of_them(api):
    query = "relationships=collections&relationship_attributes=name,origin,nothing"
    page = ask(api, f"/ip_addresses/192.0.2.7?{query}")[1]["data"]["relationships"]["collections"]
    assert page["data"] == [
        {
            "type": "collection",
            "id": "left",
            "attributes": {"name": "Left", "origin": "Partner"},
        },
        {"type": "collection", "id": "right", "attributes": {"name": "Right"}},
    ]


@pytest.mark.parametrize("switch", ["unknown", "locked"])
def test_an_embedded_relationship_that_cannot_be_is_left_out_or_refused(world, switch):
    name = {"unknown": "nothing", "locked": "related_references"}[switch]
    path = f"/files/{F1}?relationships={name},collections"
    for forgiving in (True, False):
        choices = em.Choices(forgiving_embeds=forgiving)
        api = em.Api(world, public_keys={"k"}, choices=choices)
        status, body = ask(api, path)
        if forgiving:
            assert status == 200
            assert list(body["data"]["relationships"]) == ["collections"]
        else:
            assert status == {"unknown": 404, "locked": 403}[switch]


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("attributes=md5,sha1", ["sha1", "md5"]),
        ("attributes=md5,nothing", ["md5"]),
        ("attributes=", ["sha256", "sha1", "md5", "meaningful_name"]),
        ("attributes=nothing", []),
        ("exclude_attributes=md5,%20sha1", ["sha256", "meaningful_name"]),
        ("attributes=md5,sha1&exclude_attributes=md5", ["sha1"]),
    ],
)
def test_attributes_can_be_chosen(api, query, left):
    assert list(ask(api, f"/files/{F1}?{query}")[1]["data"]["attributes"]) == left


def test_faults_of_a_page_strike_other_listings_too(api):
    for kind in sorted(em.KINDS):
        api.clear_faults()
        api.add_faults(em.Fault(kind))
        answer = api.respond("GET", "/api/v3/collections/left/domains", {"x-apikey": "k"})
        assert answer.status in {200, 302, 503}
        assert api.log[-1].fault == kind
    api.clear_faults()
    api.add_faults(em.Fault("other_self"))
    _, page = ask(api, "/domains/bad.example/related_references")
    assert page["links"]["self"] == f"{BASE}/domains/{'0' * 64}/related_references?limit=10"

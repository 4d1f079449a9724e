"""Requests for all types of objects and relationships."""

import base64
import hashlib
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphbuild.emulator as em

BASE_URL = "https://www.virustotal.com/api/v3"
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
    """Two collections of all types of subjects; one URL is also that of a reference."""
    a, b, c = (em.Reference.from_url(f"https://r.example/{name}", title=name) for name in "abc")
    left = em.Collection("left", "Left", (A, B), "malware-family", "Partner")
    right = em.Collection("right", "Right", (B, C))
    subjects = [
        em.Indicator("domain", "Bad.example", collections=("left",), references=(C,)),
        em.Indicator("ip_address", "192.0.2.7", collections=("left", "right")),
        em.Indicator("ip_address", ADDRESS6, collections=("right",), without_context=(A,)),
        em.Indicator("url", URL, collections=("right",)),
        em.Indicator("url", "https://r.example/a", collections=("left",), without_collection=(C,)),
    ]
    files = [em.File(F1, "a" * 40, "b" * 32, "setup.exe", collections=("left",)), em.File(md5=F2)]
    return em.World(files, [a, b, c], [left, right], indicators=subjects)


@pytest.fixture
def api(world):
    return em.Api(world)


def get(api, path, key="k"):
    response = api.respond("GET", f"/api/v3{path}", {"x-apikey": key})
    return response.status, json.loads(response.body)


def list_ids(api, path):
    status, page = get(api, path)
    assert status == 200
    return [item["id"] for item in page["data"]]


def related_from(item):
    context = item.get("context_attributes")
    return None if context is None else [each["id"] for each in context["related_from"]]


# --- domains, IP addresses, URLs


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
def test_related_references_of_every_subject_type(api, path, expected):
    _, page = get(api, f"{path}/related_references")
    assert {item["id"]: related_from(item) for item in page["data"]} == expected
    assert [item["id"] for item in page["data"]] == sorted(expected)
    assert page["meta"] == {"count": len(expected)}
    assert page["links"] == {"self": f"{BASE_URL}{path}/related_references?limit=10"}
    _, short = get(api, f"{path}/relationships/related_references")
    assert {item["id"]: related_from(item) for item in short["data"]} == expected


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
def test_ids_are_canonical_and_links_contain_the_requested_id(api, path, kind, name):
    _, body = get(api, path)
    assert (body["data"]["type"], body["data"]["id"]) == (kind, name)
    assert body["data"]["links"]["self"] == f"{BASE_URL}/{path.split('/')[1]}/{name}"
    _, page = get(api, f"{path}/collections?limit=1")
    assert page["links"]["self"] == f"{BASE_URL}{path}/collections?limit=1"


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
def test_not_found_messages_contain_the_id(api, path, message):
    status, body = get(api, path)
    assert (status, body["error"]["code"]) == (404, "NotFoundError")
    assert message in {None, body["error"]["message"]}


def test_a_url_and_a_reference_can_have_the_same_id(api):
    for endpoint, kind in (("urls", "url"), ("references", "reference")):
        data = get(api, f"/{endpoint}/{A}")[1]["data"]
        assert (data["type"], data["id"]) == (kind, A)
        assert data["attributes"]["url"] == "https://r.example/a"


@pytest.mark.parametrize(("kind", "text"), [("hostname", "x"), ("ip_address", "x"), ("file", F1)])
def test_invalid_indicators_are_rejected(kind, text):
    with pytest.raises(ValueError, match=r"unknown type|not a valid ip_address"):
        em.Indicator(kind, text)


def test_two_indicators_cannot_have_the_same_id():
    duplicates = [em.Indicator("ip_address", text) for text in (ADDRESS6, "2001:db8:0::5")]
    with pytest.raises(ValueError, match="share the id 2001:db8::5"):
        em.World([], [], [], indicators=duplicates)


def test_a_public_key_cannot_read_references(world):
    api = em.Api(world, public_keys={"k"})
    assert get(api, "/domains/bad.example/related_references")[0] == 403
    assert get(api, f"/references/{A}/domains")[0] == 403
    assert list_ids(api, "/domains/bad.example/collections") == ["left"]


# --- attributes of objects


@pytest.mark.parametrize("name", [F1, "a" * 40, "B" * 32])
def test_a_file_has_all_hashes_and_a_name(api, name):
    data = get(api, f"/files/{name}")[1]["data"]
    assert data["id"] == F1
    assert data["attributes"] == {
        "sha256": F1,
        "sha1": "a" * 40,
        "md5": "b" * 32,
        "meaningful_name": "setup.exe",
    }


def test_every_generated_file_is_found_by_each_hash():
    world = em.generate_world(1)
    api = em.Api(world)
    for file in list(world.files.values())[1:]:
        objects = [
            get(api, f"/files/{name}")[1]["data"] for name in (file.sha256, file.sha1, file.md5)
        ]
        assert objects[0] == objects[1] == objects[2]
        assert {len(objects[0]["attributes"][kind]) for kind in ("sha256", "sha1", "md5")} == {
            64,
            40,
            32,
        }
        assert objects[0]["attributes"]["meaningful_name"]


@pytest.mark.parametrize(
    ("requested", "canonical"),
    [
        ("/files/" + "a" * 40, f"/files/{F1}"),
        (f"/files/{F2}", f"/files/{F2}"),
        (f"/urls/{unpadded(URL)}", f"/urls/{sha(URL)}"),
    ],
)
def test_canonical_links(world, requested, canonical):
    api = em.Api(world, undocumented=em.UndocumentedSettings(canonical_links=True))
    for relationship in ("related_references", "relationships/related_references"):
        links = get(api, f"{requested}/{relationship}?limit=1")[1]["links"]
        assert links["self"] == f"{BASE_URL}{canonical}/{relationship}?limit=1"
        assert links.get("next", links["self"]).startswith(f"{BASE_URL}{canonical}/{relationship}?")


# --- relationships


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
def test_relationships_as_objects_and_as_descriptors(api, path, ids):
    assert list_ids(api, path) == ids
    parent, _, relationship = path.rpartition("/")
    _, page = get(api, f"{parent}/relationships/{relationship}")
    assert [item["id"] for item in page["data"]] == ids
    assert all(set(item) == {"type", "id"} for item in page["data"])
    assert page["meta"] == {"count": len(ids)}


def test_a_collection_has_counts_of_its_members(api):
    assert get(api, "/collections/left")[1]["data"]["attributes"] == {
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
def test_pages_of_members(limit, count):
    domains = [em.Indicator("domain", f"{n}.example", collections=("all",)) for n in range(count)]
    api = em.Api(em.World([], [], [em.Collection("all", "All")], indicators=domains))
    found, path = [], f"/collections/all/domains?limit={limit}"
    while path:
        _, page = get(api, path)
        found += [item["id"] for item in page["data"]]
        path = page["links"].get("next", "").removeprefix(BASE_URL)
    assert found == sorted(each.id for each in domains)
    assert api.calls == max(1, -(-count // limit))


def test_every_object_is_reachable_from_any_file():
    world = em.generate_world(2, noise=0.3)
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
            _, page = get(api, paths.pop())
            todo += [(item["type"], item["id"]) for item in page["data"]]
            paths += (
                [page["links"]["next"].removeprefix(BASE_URL)] if "next" in page["links"] else []
            )
    assert {name for kind, name in seen if kind == "collection"} == set(world.collections)
    assert {name for kind, name in seen if kind == "url"} == set(world.objects["url"])
    assert {name for kind, name in seen if kind == "domain"} == set(world.objects["domain"])
    assert {name for kind, name in seen if kind == "ip_address"} == set(world.objects["ip_address"])


# --- embedded relationships and selected attributes


def test_embedded_relationships_are_descriptors(api):
    data = get(api, "/domains/bad.example?relationships=collections,related_references")[1]["data"]
    url = f"{BASE_URL}/domains/bad.example"
    mention = {"attributes": {"name": "Left"}, "type": "collection", "id": "left"}
    assert data["relationships"] == {
        "collections": {
            "data": [{"type": "collection", "id": "left"}],
            "links": {
                "self": f"{url}/relationships/collections?limit=20",
                "related": f"{url}/collections",
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
                "self": f"{url}/relationships/related_references?limit=20",
                "related": f"{url}/related_references",
            },
        },
    }
    assert api.calls == 1


@pytest.mark.parametrize("count", [0, 19, 20, 21, 41])
def test_an_embedded_relationship_has_at_most_20_items_and_a_next_link(count):
    world = em.generate_family_world(1, count)
    api, [name] = em.Api(world), world.hashes()
    data = get(api, f"/files/{name}?relationships=related_references")[1]["data"]
    page = data["relationships"]["related_references"]
    assert len(page["data"]) == min(20, count)
    if count <= 20:
        assert set(page) == {"data", "links"}
        assert set(page["links"]) == {"self", "related"}
        return
    cursor = base64.b64encode(b'{"limit": 20, "offset": 20}').decode()
    assert page["meta"] == {"cursor": cursor}
    assert page["links"]["next"] == f"{page['links']['self']}&cursor={quote(cursor)}"
    following = list_ids(api, page["links"]["next"].removeprefix(BASE_URL))
    ids = [item["id"] for item in page["data"]] + following
    assert ids == sorted(world.references)[: min(40, count)]


def test_objects_have_no_relationships_by_default(api):
    assert "relationships" not in get(api, f"/files/{F1}")[1]["data"]
    assert "relationships" not in get(api, f"/files/{F1}?relationships=")[1]["data"]


def test_relationship_attributes(api):
    query = "relationships=collections&relationship_attributes=name,origin,nothing"
    page = get(api, f"/ip_addresses/192.0.2.7?{query}")[1]["data"]["relationships"]["collections"]
    assert page["data"] == [
        {
            "type": "collection",
            "id": "left",
            "attributes": {"name": "Left", "origin": "Partner"},
        },
        {"type": "collection", "id": "right", "attributes": {"name": "Right"}},
    ]


@pytest.mark.parametrize("reason", ["unknown", "restricted"])
def test_unavailable_embedded_relationships_are_omitted_or_an_error(world, reason):
    name = {"unknown": "nothing", "restricted": "related_references"}[reason]
    path = f"/files/{F1}?relationships={name},collections"
    for skip in (True, False):
        undocumented = em.UndocumentedSettings(skip_unavailable_embeds=skip)
        api = em.Api(world, public_keys={"k"}, undocumented=undocumented)
        status, body = get(api, path)
        if skip:
            assert status == 200
            assert list(body["data"]["relationships"]) == ["collections"]
        else:
            assert status == {"unknown": 404, "restricted": 403}[reason]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("attributes=md5,sha1", ["sha1", "md5"]),
        ("attributes=md5,nothing", ["md5"]),
        ("attributes=", ["sha256", "sha1", "md5", "meaningful_name"]),
        ("attributes=nothing", []),
        ("exclude_attributes=md5,%20sha1", ["sha256", "meaningful_name"]),
        ("attributes=md5,sha1&exclude_attributes=md5", ["sha1"]),
    ],
)
def test_attributes_can_be_selected(api, query, expected):
    assert list(get(api, f"/files/{F1}?{query}")[1]["data"]["attributes"]) == expected

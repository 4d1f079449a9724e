"""The API flavors "classic", "gti", and both at once."""

import hashlib
import json

import pytest

import graphbuild.emulator as em

BASE_URL = "https://www.virustotal.com/api/v3"
F1 = "1" * 64


def sha(url):
    return hashlib.sha256(url.encode()).hexdigest()


A, B, C, D, E = (sha(f"https://r.example/{name}") for name in "abcde")


@pytest.fixture
def world():
    """One file: reference a from a collection, b direct and from two, c direct, d and e without."""
    attributes = {"title": "Mail", "author": "Me", "creation_date": 5, "last_modification_date": 6}
    a = em.Reference.from_url("https://r.example/a", **attributes)
    others = [em.Reference.from_url(f"https://r.example/{name}") for name in "bcde"]
    left = em.Collection("left", "Left", (A, B), "malware-family", "Partner")
    right = em.Collection("right", "Right", (B,), mentions_name=False)
    file = em.File(
        F1,
        collections=("left", "right"),
        references=(C, B),
        without_collection=(D,),
        without_context=(E,),
    )
    domain = em.Indicator("domain", "bad.example", collections=("left",), references=(C,))
    return em.World([file], [a, *others], [left, right], indicators=[domain])


def get(api, path, key="k"):
    response = api.respond("GET", f"/api/v3{path}", {"x-apikey": key})
    return response.status, json.loads(response.body)


def ids(api, path):
    status, page = get(api, path)
    assert status == 200
    return [item["id"] for item in page["data"]]


def reports(*references):
    return [f"report--{each}" for each in sorted(references)]


@pytest.mark.parametrize(
    ("path", "flavors"),
    [
        (f"/files/{F1}/related_references", {"classic", "both"}),
        (f"/files/{F1}/relationships/related_references", {"classic", "both"}),
        (f"/files/{F1}/references", {"classic", "both"}),
        ("/domains/bad.example/related_references", {"classic", "both"}),
        ("/collections/left/references", {"classic", "both"}),
        (f"/references/{A}", {"classic", "both"}),
        (f"/references/{A}/files", {"classic", "both"}),
        (f"/references/{A}/collections", {"classic", "both"}),
        (f"/files/{F1}/related_reports", {"gti", "both"}),
        (f"/files/{F1}/relationships/related_reports", {"gti", "both"}),
        (f"/files/{F1}/reports", {"gti", "both"}),
        ("/domains/bad.example/related_reports", {"gti", "both"}),
        ("/collections/left/reports", {"gti", "both"}),
        ("/collections/left/associations", {"gti", "both"}),
        (f"/collections/report--{A}", {"gti", "both"}),
        (f"/collections/report--{A}/files", {"gti", "both"}),
        (f"/collections/report--{A}/associations", {"gti", "both"}),
        (f"/files/{F1}/collections", {"classic", "gti", "both"}),
        ("/collections/left", {"classic", "gti", "both"}),
        ("/collections/left/files", {"classic", "gti", "both"}),
        (f"/references/{A}/reports", set()),
        (f"/collections/report--{A}/references", set()),
        (f"/collections/report--{'0' * 64}", set()),
        (f"/collections/{A}", set()),
    ],
)
def test_paths_of_each_flavor(world, path, flavors):
    for api_flavor in em.API_FLAVORS:
        status, body = get(em.Api(world, api_flavor=api_flavor), path)
        assert status == (200 if api_flavor in flavors else 404), api_flavor
        assert status == 200 or body["error"]["code"] == "NotFoundError"


def test_an_unknown_relationship_can_be_a_bad_request(world):
    api = em.Api(
        world,
        api_flavor="gti",
        undocumented=em.UndocumentedSettings(unknown_relationship="BadRequestError"),
    )
    status, body = get(api, f"/files/{F1}/related_references")
    assert (status, body["error"]["code"]) == (400, "BadRequestError")
    assert get(api, f"/references/{A}")[0] == 404


def test_keys_can_have_different_flavors(world):
    api = em.Api(world, api_flavor_by_key={"new": "gti", "all": "both"})
    path = f"/files/{F1}/related_re"
    statuses = {
        key: [get(api, path + end, key)[0] for end in ("ferences", "ports")]
        for key in ("old", "new", "all")
    }
    assert statuses == {"old": [200, 404], "new": [404, 200], "all": [200, 200]}


@pytest.mark.parametrize("option", [{"api_flavor": "latin"}, {"api_flavor_by_key": {"k": ""}}])
def test_unknown_flavors_are_rejected(world, option):
    with pytest.raises(ValueError, match="no API flavor"):
        em.Api(world, **option)


def test_related_reports_include_direct_references(world):
    api = em.Api(world, api_flavor="gti")
    _, page = get(api, f"/files/{F1}/related_reports")
    assert [item["id"] for item in page["data"]] == reports(A, B, C, D, E)
    left = {
        "type": "collection",
        "id": "left",
        "attributes": {
            "name": "Left",
            "tags": [],
            "origin": "Partner",
            "collection_type": "malware-family",
        },
    }
    assert {item["id"]: item.get("context_attributes") for item in page["data"]} == {
        f"report--{A}": {"related_from": [left]},
        f"report--{B}": None,
        f"report--{C}": None,
        f"report--{D}": {"related_from": []},
        f"report--{E}": None,
    }
    assert page["meta"] == {"count": 5}
    assert page["links"] == {"self": f"{BASE_URL}/files/{F1}/related_reports?limit=10"}
    assert ids(api, f"/files/{F1}/reports") == reports(B, C)


def test_related_from_can_lack_attributes(world):
    api = em.Api(world, api_flavor="gti")
    domain = em.Indicator("domain", "other.example", collections=("right",))
    api.world = world.replace(indicators=[domain])
    _, page = get(api, "/domains/other.example/related_reports")
    assert page["data"][0]["context_attributes"] == {
        "related_from": [{"type": "collection", "id": "right"}]
    }


def test_a_report_has_the_attributes_of_the_reference(world):
    expected = {
        "attributes": {
            "link": "https://r.example/a",
            "name": "Mail",
            "author": "Me",
            "creation_date": 5,
            "last_modification_date": 6,
            "collection_type": "report",
            "origin": "Crowdsourced",
        },
        "type": "collection",
        "id": f"report--{A}",
        "links": {"self": f"{BASE_URL}/collections/report--{A}"},
    }
    api = em.Api(world, api_flavor="gti")
    assert get(api, f"/collections/report--{A}")[1]["data"] == expected
    items = get(api, "/collections/left/reports")[1]["data"]
    assert expected in items
    assert [item["id"] for item in items] == reports(A, B)


def test_members_and_associations_of_a_report(world):
    api = em.Api(world, api_flavor="gti")
    assert ids(api, f"/collections/report--{C}/files") == [F1]
    assert ids(api, f"/collections/report--{C}/domains") == ["bad.example"]
    assert ids(api, f"/collections/report--{B}/associations") == ["left", "right"]
    assert ids(api, "/collections/left/associations") == reports(A, B)


def test_a_public_key_cannot_read_reports(world):
    api = em.Api(world, api_flavor="both", public_keys={"k"})
    for path in (f"files/{F1}/reports", f"files/{F1}/related_reports", "collections/left/reports"):
        assert get(api, f"/{path}")[0] == 403
    assert get(api, "/collections/left/associations")[0] == 403
    assert get(api, f"/collections/report--{A}")[0] == 403
    assert get(api, f"/files/{F1}/collections")[0] == 200


def test_embedded_reports(world):
    api = em.Api(world, api_flavor="gti")
    query = "relationships=related_reports,related_references&relationship_attributes=name"
    data = get(api, f"/files/{F1}?{query}")[1]["data"]
    assert list(data["relationships"]) == ["related_reports"]
    found = {each["id"]: each for each in data["relationships"]["related_reports"]["data"]}
    assert found[f"report--{A}"]["attributes"] == {"name": "Mail"}
    assert "attributes" not in found[f"report--{B}"]


def test_a_collection_can_have_the_id_format_of_a_report():
    digits = "7" * 64
    odd = em.Collection(f"report--{digits}", "In brief", (), "report")
    api = em.Api(em.World([], [], [odd]), api_flavor="both")
    assert get(api, f"/collections/report--{digits}")[1]["data"]["attributes"]["name"] == "In brief"


@pytest.mark.parametrize("seed", range(3))
def test_the_lists_of_all_subjects_contain_exactly_the_observations(seed):
    world = em.generate_world(seed)
    endpoints = {"file": "files", "domain": "domains", "ip_address": "ip_addresses"}
    for relationship, flavor in (("related_references", "classic"), ("related_reports", "gti")):
        api, found = em.Api(world, api_flavor="both"), set()
        for kind, text in [(each.type, each.seed) for each in world.subjects()]:
            name = sha(text) if kind == "url" else text
            path = f"/{endpoints.get(kind, 'urls')}/{name}/relationships/{relationship}?limit=40"
            while path:
                _, page = get(api, path)
                found |= {
                    (kind, text, item["id"], collection and collection["id"])
                    for item in page["data"]
                    for collection in item.get("context_attributes", {}).get("related_from")
                    or [None]
                }
                path = page["links"].get("next", "").removeprefix(BASE_URL)
        assert found == world.observations(flavor)


def test_both_flavors_list_the_same_references():
    world = em.generate_world(3)
    classic = {row[:3] for row in world.observations()}
    gti = {
        (kind, text, name.removeprefix("report--"))
        for kind, text, name, _ in world.observations("gti")
    }
    direct = {(each.type, each.seed, name) for each in world.subjects() for name in each.references}
    assert gti == classic | direct

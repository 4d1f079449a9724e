"""The emulated service: the older generation, the younger one, and both at one address."""

import hashlib
import json

import pytest

import graphbuild.emulator as em

BASE = "https://www.virustotal.com/api/v3"
F1 = "1" * 64


def sha(url):
    return hashlib.sha256(url.encode()).hexdigest()


A, B, C, D, E = (sha(f"https://r.example/{name}") for name in "abcde")


@pytest.fixture
def world():
    """One file: a from a collection, b direct and from two, c direct, d and e odd."""
    facts = {"title": "Mail", "author": "Me", "creation_date": 5, "last_modification_date": 6}
    a = em.Reference.of("https://r.example/a", **facts)
    others = [em.Reference.of(f"https://r.example/{name}") for name in "bcde"]
    left = em.Collection("left", "Left", (A, B), "malware-family", "Partner")
    right = em.Collection("right", "Right", (B,), mentions_name=False)
    known = {"direct": (C, B), "loose": (D,), "bare": (E,)}
    file = em.File(F1, collections=("left", "right"), **known)
    domain = em.Indicator("domain", "bad.example", ("left",), direct=(C,))
    return em.World([file], [a, *others], [left, right], indicators=[domain])


def ask(api, path, key="k"):
    answer = api.respond("GET", f"/api/v3{path}", {"x-apikey": key})
    return answer.status, json.loads(answer.body)


def ids(api, path):
    status, page = ask(api, path)
    assert status == 200
    return [item["id"] for item in page["data"]]


def reports(*references):
    return [f"report--{each}" for each in sorted(references)]


@pytest.mark.parametrize(
    ("path", "speakers"),
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
def test_who_answers_what(world, path, speakers):
    for dialect in em.DIALECTS:
        status, body = ask(em.Api(world, dialect=dialect), path)
        assert status == (200 if dialect in speakers else 404), dialect
        assert status == 200 or body["error"]["code"] == "NotFoundError"


def test_a_relationship_that_is_not_there_may_be_a_bad_request(world):
    api = em.Api(world, dialect="gti", choices=em.Choices(no_relationship=400))
    status, body = ask(api, f"/files/{F1}/related_references")
    assert (status, body["error"]["code"]) == (400, "BadRequestError")
    assert ask(api, f"/references/{A}")[0] == 404


def test_a_key_may_hear_another_dialect(world):
    api = em.Api(world, dialects={"young": "gti", "all": "both"})
    path = f"/files/{F1}/related_re"
    told = {
        key: [ask(api, path + end, key)[0] for end in ("ferences", "ports")]
        for key in ("old", "young", "all")
    }
    assert told == {"old": [200, 404], "young": [404, 200], "all": [200, 200]}


@pytest.mark.parametrize("switch", [{"dialect": "latin"}, {"dialects": {"k": ""}}])
def test_a_dialect_that_is_none_is_refused(world, switch):
    with pytest.raises(ValueError, match="no dialect"):
        em.Api(world, **switch)


def test_related_reports_are_the_direct_and_the_indirect(world):
    api = em.Api(world, dialect="gti")
    _, page = ask(api, f"/files/{F1}/related_reports")
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
    assert page["links"] == {"self": f"{BASE}/files/{F1}/related_reports?limit=10"}
    assert ids(api, f"/files/{F1}/reports") == reports(B, C)


def test_a_collection_may_be_mentioned_by_its_id_only(world):
    api = em.Api(world, dialect="gti")
    domain = em.Indicator("domain", "other.example", ("right",))
    api.world = world.changed(indicators=[domain])
    _, page = ask(api, "/domains/other.example/related_reports")
    assert page["data"][0]["context_attributes"] == {
        "related_from": [{"type": "collection", "id": "right"}]
    }


def test_a_report_bears_what_the_reference_did(world):
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
        "links": {"self": f"{BASE}/collections/report--{A}"},
    }
    api = em.Api(world, dialect="gti")
    assert ask(api, f"/collections/report--{A}")[1]["data"] == expected
    held = ask(api, "/collections/left/reports")[1]["data"]
    assert expected in held
    assert [item["id"] for item in held] == reports(A, B)


def test_the_way_back_from_a_report(world):
    api = em.Api(world, dialect="gti")
    assert ids(api, f"/collections/report--{C}/files") == [F1]
    assert ids(api, f"/collections/report--{C}/domains") == ["bad.example"]
    assert ids(api, f"/collections/report--{B}/associations") == ["left", "right"]
    assert ids(api, "/collections/left/associations") == reports(A, B)


def test_a_public_key_reads_no_reports(world):
    api = em.Api(world, dialect="both", public_keys={"k"})
    for path in (f"files/{F1}/reports", f"files/{F1}/related_reports", "collections/left/reports"):
        assert ask(api, f"/{path}")[0] == 403
    assert ask(api, f"/collections/report--{A}")[0] == 403
    assert ask(api, f"/files/{F1}/collections")[0] == 200


def test_reports_come_inside_an_object(world):
    api = em.Api(world, dialect="gti")
    query = "relationships=related_reports,related_references&relationship_attributes=name"
    data = ask(api, f"/files/{F1}?{query}")[1]["data"]
    assert list(data["relationships"]) == ["related_reports"]
    found = {each["id"]: each for each in data["relationships"]["related_reports"]["data"]}
    assert found[f"report--{A}"]["attributes"] == {"name": "Mail"}
    assert "attributes" not in found[f"report--{B}"]


def test_a_collection_whose_id_looks_like_a_report_is_itself():
    mark = "7" * 64
    odd = em.Collection(f"report--{mark}", "In brief", (), "report")
    api = em.Api(em.World([], [], [odd]), dialect="both")
    assert ask(api, f"/collections/report--{mark}")[1]["data"]["attributes"]["name"] == "In brief"


@pytest.mark.parametrize("seed", range(3))
def test_the_facts_of_either_generation_are_what_a_crawl_finds(seed):
    world = em.made_up_world(seed)
    endpoints = {"file": "files", "domain": "domains", "ip_address": "ip_addresses"}
    for relationship, young in (("related_references", False), ("related_reports", True)):
        api, found = em.Api(world, dialect="both"), set()
        for kind, text in world.indicators():
            name = sha(text) if kind == "url" else text
            path = f"/{endpoints.get(kind, 'urls')}/{name}/relationships/{relationship}?limit=40"
            while path:
                _, page = ask(api, path)
                found |= {
                    (kind, text, item["id"], holder and holder["id"])
                    for item in page["data"]
                    for holder in item.get("context_attributes", {}).get("related_from") or [None]
                }
                path = page["links"].get("next", "").removeprefix(BASE)
        assert found == world.facts(reports=young)


def test_either_generation_ties_the_same_files_to_the_same_hashes():
    world = em.made_up_world(3)
    old = {fact[:3] for fact in world.facts()}
    young = {
        (kind, text, name.removeprefix("report--"))
        for kind, text, name, _ in world.facts(reports=True)
    }
    direct = {(each.type, each.seed, name) for each in world.subjects() for name in each.direct}
    assert young == old | direct

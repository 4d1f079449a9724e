"""Changes of a world over time."""

import hashlib
import json

import pytest

import graphbuild.emulator as em

BASE_URL = "https://www.virustotal.com/api/v3"
F1, F2 = "1" * 64, "2" * 32


def sha(url):
    return hashlib.sha256(url.encode()).hexdigest()


def get(api, path):
    response = api.respond("GET", f"/api/v3{path}", {"x-apikey": "k"})
    return response.status, json.loads(response.body)


@pytest.fixture
def world():
    a, b = (em.Reference.from_url(f"https://r.example/{name}", title=name) for name in "ab")
    files = [
        em.File(
            F1, "a" * 40, collections=("left",), references=(a.id,), unexpected=((a.id, "right"),)
        ),
        em.File(md5=F2, collections=("right",), without_collection=(a.id,)),
    ]
    collections = [em.Collection("left", "Left", (a.id,)), em.Collection("right", "Right", (b.id,))]
    domain = em.Indicator("domain", "bad.example", collections=("left",), without_context=(b.id,))
    return em.World(files, [a, b], collections, {"one": frozenset({F1})}, [domain])


A, B, NEW = (sha(f"https://r.example/{name}") for name in ("a", "b", "new"))


def test_the_world_can_be_replaced_between_requests(world):
    new = em.Reference.from_url("https://r.example/new")
    api = em.Api(world)
    path = f"/files/{F1}/related_references"
    assert get(api, path)[1]["meta"]["count"] == 1
    left = em.Collection("left", "Left", (A, NEW))
    api.world = later = world.replace(
        references=[*world.references.values(), new],
        collections=[left, world.collections["right"]],
    )
    assert api.world is later
    assert get(api, path)[1]["meta"]["count"] == 2
    assert get(api, f"/references/{NEW}")[0] == 200
    assert (api.calls, len(api.log)) == (3, 3)


def test_the_world_can_change_between_pages():
    world = em.generate_family_world(1, 30)
    api, [name] = em.Api(world), world.hashes()
    _, first = get(api, f"/files/{name}/related_references")
    api.world = em.remove_reference(world, first["data"][0]["id"])
    _, second = get(api, first["links"]["next"].removeprefix(BASE_URL))
    assert second["data"][0]["id"] == sorted(world.references)[11]  # number 10 is on no page
    assert second["meta"]["count"] == 29


def test_remove_reference(world):
    later = em.remove_reference(world, A)
    assert later.observations() == {
        ("file", F2, B, "right"),
        ("domain", "bad.example", B, None),
    }
    assert A not in later.references
    assert later.members(A) == []
    assert get(em.Api(later), f"/references/{A}")[0] == 404
    assert get(em.Api(later), f"/files/{F1}/references")[1]["data"] == []
    assert A in world.references


def test_join_collection(world):
    later = em.join_collection(world, "A" * 40, "right")
    assert later.triples() - world.triples() == {(F1, B, "right")}
    assert later.members("right") == [F1, F2]
    assert em.join_collection(later, F1, "right").observations() == later.observations()
    moved = em.join_collection(world, "bad.example", "right")
    assert moved.members("right", "domain") == ["bad.example"]
    assert list(moved.files) == list(world.files)


def test_unknown_subjects_and_collections_are_errors(world):
    for change in (
        lambda: em.join_collection(world, "0" * 64, "right"),
        lambda: em.join_collection(world, F1, "none"),
        lambda: em.join_collection(world, "other.example", "left"),
    ):
        with pytest.raises(KeyError):
            change()

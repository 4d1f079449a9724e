"""Worlds that violate the rule of related references."""

import json
from collections import Counter

import pytest

import graphbuild.emulator as em
from tests.support.faults import rule_violators, violate_rule

BASE_URL = "https://www.virustotal.com/api/v3"
DOCUMENTED_FILE = "5e3f311ae67f046b56435067bcdd39fbf836fa0421fbc8c8b0e43e8e47524954"


def get(api, path):
    response = api.respond("GET", f"/api/v3{path}", {"x-apikey": "k"})
    return response.status, json.loads(response.body)


def follows_rule(api, name):
    """Return whether a file lists exactly the references of its collections."""
    expected, found = set(), set()
    for item in get(api, f"/files/{name}/collections?limit=40")[1]["data"]:
        path = f"/collections/{item['id']}/relationships/references?limit=40"
        while path:
            _, page = get(api, path)
            expected |= {(each["id"], item["id"]) for each in page["data"]}
            path = page["links"].get("next", "").removeprefix(BASE_URL)
    path = f"/files/{name}/relationships/related_references?limit=40"
    while path:
        _, page = get(api, path)
        for item in page["data"]:
            origin = item.get("context_attributes", {}).get("related_from") or [{"id": None}]
            found |= {(item["id"], each["id"]) for each in origin}
        path = page["links"].get("next", "").removeprefix(BASE_URL)
    return found == expected


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 1])
def test_rule_violators(share):
    world = violate_rule(em.generate_world(2), share=share, seed=2)
    api = em.Api(world)
    violators = {name for name in world.hashes() if not follows_rule(api, name)}
    assert violators == rule_violators(world)
    assert DOCUMENTED_FILE not in violators


def test_files_violate_the_rule_in_four_ways():
    original = em.generate_world(2)
    world = violate_rule(original, share=0.3, seed=2)
    old = {
        name: {row for row in original.triples() if row[0] == name} for name in original.hashes()
    }
    new = {name: {row for row in world.triples() if row[0] == name} for name in world.hashes()}
    changed = {name for name in old if old[name] != new[name]}
    assert 10 < len(changed) < 25
    assert changed | rule_violators(original) == rule_violators(world)
    ways = Counter()
    for name in changed:
        (gone, come) = old[name] - new[name], new[name] - old[name]
        lost = {row[1] for row in gone} - {row[1] for row in new[name]}
        if gone:
            ways["no reference" if lost else "no collection"] += 1
        for _, reference, collection in come:
            assert reference not in world.collections[collection].references
            is_in = collection in world.file(name).collections
            ways["odd collection" if not is_in else "odd reference"] += 1
            assert world.collections_of(reference) == []
    assert set(ways) == {"no reference", "no collection", "odd collection", "odd reference"}
    assert original.collections == world.collections


def test_violate_rule_of_a_family_world():
    world = em.generate_family_world(6, 5)
    assert rule_violators(world) == frozenset()
    assert len(rule_violators(violate_rule(world, share=0.5))) == 3
    assert len(rule_violators(violate_rule(world, share=0.01))) == 1
    assert violate_rule(world, share=0).triples() == world.triples()
    one, other = (violate_rule(world, share=0.5, seed=seed).triples() for seed in (1, 2))
    assert one != other
    assert rule_violators(violate_rule(em.World([em.File("1" * 64)], [], []))) == frozenset()

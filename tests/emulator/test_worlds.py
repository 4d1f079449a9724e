"""Worlds: what is planted in them, how they move on, and how they break the rules."""

import hashlib
import ipaddress
import json
from collections import Counter

import pytest

import graphbuild.emulator as em

BASE = "https://www.virustotal.com/api/v3"
F1, F2 = "1" * 64, "2" * 32
DOCUMENTED = "5e3f311ae67f046b56435067bcdd39fbf836fa0421fbc8c8b0e43e8e47524954"


def sha(url):
    return hashlib.sha256(url.encode()).hexdigest()


def ask(api, path):
    answer = api.respond("GET", f"/api/v3{path}", {"x-apikey": "k"})
    return answer.status, json.loads(answer.body)


# What files, references and collections were before there was anything else in a world.
FIELDS = {
    "files": ("sha256", "sha1", "md5", "collections", "direct", "loose", "bare", "asked"),
    "references": ("id", "url", "attributes"),
    "collections": (
        "id",
        "name",
        "references",
        "collection_type",
        "origin",
        "mentions_name",
    ),
}


def digest(world):
    found = hashlib.sha256()
    for kind, names in FIELDS.items():
        for thing in getattr(world, kind).values():
            found.update(repr([getattr(thing, name) for name in names]).encode())
    return found.hexdigest()[:16]


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (em.made_up_world(0), "35d4995c8df66969"),
        (em.made_up_world(1), "543925a1f19f270a"),
        (em.made_up_world(2), "886a9baa1571e387"),
        (em.made_up_world(3), "70e56ac23e8636f7"),
        (em.made_up_world(9, campaigns=13, noise=0.4, siblings=1), "0777114bd20c0fa3"),
        (em.made_up_world(1, indicators_per_campaign=0), "543925a1f19f270a"),
        (em.made_up_world(1, indicators_per_campaign=40), "543925a1f19f270a"),
        (em.family_world(3, 40), "0239bd8340b473fb"),
    ],
)
def test_files_references_and_collections_are_what_they_were_in_the_first_release(world, expected):
    assert digest(world) == expected


# --- domains, addresses and urls in made-up worlds


@pytest.mark.parametrize("seed", range(4))
def test_every_campaign_has_two_of_each(seed):
    world = em.made_up_world(seed, noise=0)
    kinds = Counter(kind for kind, _ in world.indicators())
    assert kinds == {"file": len(world.files), "domain": 10, "ip_address": 10, "url": 10}
    for kind in ("domain", "ip_address", "url"):
        assert len(world.members("malpedia_win_emotet", kind)) == 2


def test_the_texts_are_what_a_user_would_have():
    world = em.made_up_world(1)
    assert [text for kind, text in world.indicators() if kind == "file"] == world.hashes()
    networks = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
    for kind, text in world.indicators():
        if kind == "domain":
            assert text.endswith(".example")
        if kind == "ip_address":
            address = ipaddress.ip_address(text)
            assert any(address in ipaddress.ip_network(each) for each in networks)
        if kind == "url":
            assert text.startswith(("http://", "https://"))
            assert sha(text) in world.urls
    assert {ipaddress.ip_address(text).version for text in world.ip_addresses} == {4, 6}


def test_one_url_is_that_of_a_reference():
    world = em.made_up_world(1)
    [shared] = world.urls.keys() & world.references.keys()
    assert world.urls[shared].text == world.references[shared].url


def test_many_can_be_planted_and_are_all_different():
    world = em.made_up_world(0, campaigns=10, indicators_per_campaign=300)
    counts = (len(world.domains), len(world.ip_addresses), len(world.urls))
    assert counts == (1100, 1100, 1100)


def owners(world):
    """Return of which campaigns the collections of each indicator are."""
    plain = em.made_up_world(0, noise=0)
    of = {
        collection: name
        for name, files in plain.campaigns.items()
        for file in files
        for collection in plain.file(file).collections
    }
    return [{of[each] for each in one.collections if each in of} for one in world.others]


def test_without_noise_an_indicator_is_of_one_campaign_and_with_noise_some_are_of_two():
    assert {len(each) for each in owners(em.made_up_world(0, noise=0))} == {1}
    world = em.made_up_world(0, noise=0.2)
    assert {len(each) for each in owners(world)} == {1, 2}
    assert world.members("atlas_roundup", "ip_address")


def test_another_seed_makes_other_indicators():
    one, again, other = em.made_up_world(3), em.made_up_world(3), em.made_up_world(4)
    assert one.indicators() == again.indicators()
    assert one.others == again.others
    assert set(one.domains) != set(other.domains)


def test_triples_are_of_files_and_facts_of_all():
    world = em.made_up_world(1)
    assert {name for name, _, _ in world.triples()} <= set(world.hashes())
    assert world.triples() == {fact[1:] for fact in world.facts() if fact[0] == "file"}
    assert {fact[0] for fact in world.facts()} == {"file", "domain", "ip_address", "url"}


# --- a world that moves on


@pytest.fixture
def world():
    a, b = (em.Reference.of(f"https://r.example/{name}", title=name) for name in "ab")
    files = [
        em.File(F1, "a" * 40, collections=("left",), direct=(a.id,), extra=((a.id, "right"),)),
        em.File(md5=F2, collections=("right",), loose=(a.id,)),
    ]
    held = [em.Collection("left", "Left", (a.id,)), em.Collection("right", "Right", (b.id,))]
    domain = em.Indicator("domain", "bad.example", ("left",), bare=(b.id,))
    return em.World(files, [a, b], held, {"one": frozenset({F1})}, [domain])


A, B, NEW = (sha(f"https://r.example/{name}") for name in ("a", "b", "new"))


def test_another_world_can_take_the_place_of_one_between_two_requests(world):
    new = em.Reference.of("https://r.example/new")
    api = em.Api(world)
    path = f"/files/{F1}/related_references"
    assert ask(api, path)[1]["meta"]["count"] == 1
    api.world = later = em.add_references(world, "left", new)
    assert api.world is later
    assert ask(api, path)[1]["meta"]["count"] == 2
    assert ask(api, f"/references/{NEW}")[0] == 200
    assert (api.calls, len(api.log)) == (3, 3)


def test_a_world_may_change_between_two_pages():
    world = em.family_world(1, 30)
    api, [name] = em.Api(world), world.hashes()
    _, first = ask(api, f"/files/{name}/related_references")
    api.world = em.drop_reference(world, first["data"][0]["id"])
    _, second = ask(api, first["links"]["next"].removeprefix(BASE))
    assert second["data"][0]["id"] == sorted(world.references)[11]  # number 10 is in no page
    assert second["meta"]["count"] == 29


def test_references_come_to_a_collection_and_all_in_it(world):
    new = em.Reference.of("https://r.example/new")
    later = em.add_references(world, "left", new, new)
    assert later.triples() - world.triples() == {(F1, NEW, "left")}
    assert later.facts() - world.facts() == {
        ("file", F1, NEW, "left"),
        ("domain", "bad.example", NEW, "left"),
    }
    assert later.collections["left"].references == (A, NEW)
    assert NEW not in world.references
    assert later.campaigns == world.campaigns


def test_a_reference_goes_from_everywhere(world):
    later = em.drop_reference(world, A)
    assert later.facts() == {
        ("file", F2, B, "right"),
        ("domain", "bad.example", B, None),
    }
    assert A not in later.references
    assert later.members(A) == []
    assert ask(em.Api(later), f"/references/{A}")[0] == 404
    assert ask(em.Api(later), f"/files/{F1}/references")[1]["data"] == []
    assert A in world.references


def test_a_subject_joins_a_collection_and_leaves_it(world):
    later = em.join_collection(world, "A" * 40, "right")
    assert later.triples() - world.triples() == {(F1, B, "right")}
    assert later.members("right") == [F1, F2]
    assert em.leave_collection(later, F1, "right").facts() == world.facts()
    assert em.join_collection(later, F1, "right").facts() == later.facts()
    moved = em.join_collection(world, "bad.example", "right")
    assert moved.members("right", "domain") == ["bad.example"]
    assert list(moved.files) == list(world.files)


def test_what_is_not_there_cannot_change(world):
    for change in (
        lambda: em.join_collection(world, "0" * 64, "right"),
        lambda: em.join_collection(world, F1, "none"),
        lambda: em.leave_collection(world, "other.example", "left"),
        lambda: em.add_references(world, "none"),
    ):
        with pytest.raises(KeyError):
            change()


@pytest.mark.parametrize("turn", range(1, 5))
def test_a_later_world_has_gains_a_loss_and_a_newcomer(turn):
    world = em.made_up_world(1)
    later = em.later_world(world, turn)
    assert len(later.references.keys() - world.references.keys()) == 2
    assert len(world.references.keys() - later.references.keys()) == 1
    joined = [
        file.id
        for file in world.files.values()
        if later.files[file.id].collections != file.collections
    ]
    assert len(joined) == 1
    assert later.triples() - world.triples()
    assert world.triples() - later.triples()
    assert later.hashes() == world.hashes()
    assert later.facts() == em.later_world(em.made_up_world(1), turn).facts()


def test_another_turn_is_another_course_and_turns_can_follow():
    world = em.made_up_world(1)
    one, two = em.later_world(world, 1), em.later_world(world, 2)
    assert one.facts() != two.facts()
    assert em.later_world(one, 2).references.keys() - one.references.keys()


def test_a_world_of_nothing_stays_one():
    later = em.later_world(em.World([em.File(F1)], [], []))
    assert (later.hashes(), later.references, later.collections) == ([F1], {}, {})


# --- a world that breaks the rule


def follows(api, name):
    """Ask whether a file lists the references of its collections, each with those, and no other."""
    expected, found = set(), set()
    for item in ask(api, f"/files/{name}/collections?limit=40")[1]["data"]:
        path = f"/collections/{item['id']}/relationships/references?limit=40"
        while path:
            _, page = ask(api, path)
            expected |= {(each["id"], item["id"]) for each in page["data"]}
            path = page["links"].get("next", "").removeprefix(BASE)
    path = f"/files/{name}/relationships/related_references?limit=40"
    while path:
        _, page = ask(api, path)
        for item in page["data"]:
            origin = item.get("context_attributes", {}).get("related_from") or [{"id": None}]
            found |= {(item["id"], each["id"]) for each in origin}
        path = page["links"].get("next", "").removeprefix(BASE)
    return found == expected


@pytest.mark.parametrize("broken", [0, 0.1, 0.5, 1])
def test_the_breakers_of_the_rule_are_told(broken):
    world = em.made_up_world(2, broken=broken)
    api = em.Api(world)
    breakers = {name for name in world.hashes() if not follows(api, name)}
    assert breakers == world.rule_breakers()
    assert DOCUMENTED not in breakers


def test_only_the_files_chosen_are_broken_and_in_four_ways():
    whole, world = em.made_up_world(2), em.made_up_world(2, broken=0.3)
    old = {name: {fact for fact in whole.triples() if fact[0] == name} for name in whole.hashes()}
    new = {name: {fact for fact in world.triples() if fact[0] == name} for name in world.hashes()}
    changed = {name for name in old if old[name] != new[name]}
    assert 10 < len(changed) < 25
    assert changed | whole.rule_breakers() == world.rule_breakers()
    ways = Counter()
    for name in changed:
        (gone, come) = old[name] - new[name], new[name] - old[name]
        lost = {fact[1] for fact in gone} - {fact[1] for fact in new[name]}
        if gone:
            ways["no reference" if lost else "no collection"] += 1
        for _, reference, collection in come:
            assert reference not in world.collections[collection].references
            is_in = collection in world.file(name).collections
            ways["odd collection" if not is_in else "odd reference"] += 1
            assert world.holders(reference) == []
    assert set(ways) == {"no reference", "no collection", "odd collection", "odd reference"}
    assert whole.collections == world.collections


def test_any_world_can_be_made_to_break_the_rule():
    world = em.family_world(6, 5)
    assert world.rule_breakers() == frozenset()
    assert len(em.break_rule(world, share=0.5).rule_breakers()) == 3
    assert len(em.break_rule(world, share=0.01).rule_breakers()) == 1
    assert em.break_rule(world, share=0).triples() == world.triples()
    one, other = (em.break_rule(world, share=0.5, seed=seed).triples() for seed in (1, 2))
    assert one != other
    assert em.break_rule(em.World([em.File(F1)], [], [])).rule_breakers() == frozenset()

"""Generated worlds: sizes, clusters, noise, and the gaps of real data."""

import hashlib
import ipaddress
import json
import re
from collections import Counter
from itertools import combinations

import pytest

import graphbuild.emulator as em

BASE_URL = "https://www.virustotal.com/api/v3"
DOCUMENTED_FILE = "5e3f311ae67f046b56435067bcdd39fbf836fa0421fbc8c8b0e43e8e47524954"


def sha(url):
    return hashlib.sha256(url.encode()).hexdigest()


def get(api, path):
    response = api.respond("GET", f"/api/v3{path}", {"X-ApiKey": "k"})
    return response.status, json.loads(response.body)


def get_pages(api, path):
    pages = [get(api, path)[1]]
    while "next" in pages[-1]["links"]:
        pages.append(get(api, pages[-1]["links"]["next"].removeprefix(BASE_URL))[1])
    return pages


def related_from(item):
    context = item.get("context_attributes")
    return None if context is None else [each["id"] for each in context["related_from"]]


def test_the_same_seed_gives_the_same_world():
    one, again, other = em.generate_world(3), em.generate_world(3), em.generate_world(4)
    assert one.hashes() == again.hashes()
    assert one.triples() == again.triples()
    assert one.references == again.references
    assert one.triples() != other.triples()


@pytest.mark.parametrize("seed", range(5))
def test_default_sizes(seed):
    world = em.generate_world(seed)
    assert 60 <= len(world.files) <= 80
    assert 380 <= len(world.references) <= 430
    assert 4 <= len(world.campaigns) <= 6
    assert {len(name) for name in world.hashes()} == {32, 40, 64}


@pytest.mark.parametrize("seed", range(5))
def test_every_world_contains_the_documented_sample(seed):
    world = em.generate_world(seed)
    related = get_pages(em.Api(world), f"/files/{DOCUMENTED_FILE}/related_references?limit=40")
    items = [item for page in related for item in page["data"]]
    assert len(items) == 241
    assert len(related) == 7
    assert all(related_from(item) == ["malpedia_win_emotet"] for item in items)
    assert all(item["id"] == sha(item["attributes"]["url"]) for item in items)
    assert 4 <= len(world.members("malpedia_win_emotet")) <= 6


def clusters(world):
    """Return the connected components of files that share references."""
    groups = {name: {name} for name in world.hashes()}
    by_reference = {}
    for name, reference, _ in world.triples():
        other = by_reference.setdefault(reference, name)
        if groups[other] is not groups[name]:
            groups[other] |= groups[name]
            groups.update(dict.fromkeys(groups[other], groups[other]))
    return {frozenset(group) for group in groups.values() if len(group) > 1}


@pytest.mark.parametrize("seed", range(5))
def test_without_noise_campaigns_are_connected_components(seed):
    world = em.generate_world(seed, noise=0)
    assert clusters(world) == set(world.campaigns.values())


def test_noise_connects_campaigns():
    world = em.generate_world(0, noise=0.2)
    assert len(clusters(world)) < len(world.campaigns)
    for one, other in combinations(world.campaigns.values(), 2):
        assert not one & other


def test_worlds_have_the_gaps_of_real_data():
    world = em.generate_world(0)
    attributes = [reference.attributes for reference in world.references.values()]
    titles = [each["title"] for each in attributes if "title" in each]
    dates = {each["creation_date"] for each in attributes if "creation_date" in each}
    assert any("title" not in each for each in attributes)
    assert any("creation_date" not in each for each in attributes)
    assert any(re.search("[\u0410-\u044f]", title) for title in titles)
    assert any(re.search("[\u3040-\u9fff]", title) for title in titles)
    assert {0, -1, 1_515_715_200_000, 253_402_214_400} <= dates
    assert any(not collection.mentions_name for collection in world.collections.values())
    items = [item for file in world.files.values() for item in world.related_references(file)]
    assert {None, ()} < {item.related_from for item in items}
    assert any(len(item.related_from or ()) > 1 for item in items)
    assert any(not world.related_references(file) for file in world.files.values())


def test_the_lists_of_all_files_contain_exactly_the_triples():
    world = em.generate_world(1)
    api = em.Api(world)
    found = {
        (name, item["id"], collection)
        for name in world.hashes()
        for page in get_pages(api, f"/files/{name}/related_references?limit=40")
        for item in page["data"]
        for collection in related_from(item) or [None]
    }
    assert found == world.triples()


def test_family_world_has_the_requested_size():
    world = em.generate_family_world(7, 11)
    assert (len(world.files), len(world.references), len(world.collections)) == (7, 11, 1)
    assert len(world.triples()) == 77


# --- reproducibility


# The attributes that the digests below cover.
FIELDS = {
    "files": (
        "sha256",
        "sha1",
        "md5",
        "collections",
        "references",
        "without_collection",
        "without_context",
        "seed_hash",
    ),
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
        for each in getattr(world, kind).values():
            found.update(repr([getattr(each, name) for name in names]).encode())
    return found.hexdigest()[:16]


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (em.generate_world(0), "9ee802aeb3cd6774"),
        (em.generate_world(1), "6b4bcfeb36f7fd29"),
        (em.generate_world(2), "1c0ab3a62daefda0"),
        (em.generate_world(3), "826f064e23a841be"),
        (em.generate_world(9, campaigns=13, noise=0.4, siblings=1), "a7cb147fefb7faf8"),
        (em.generate_world(1, indicators_per_campaign=0), "6b4bcfeb36f7fd29"),
        (em.generate_world(1, indicators_per_campaign=40), "6b4bcfeb36f7fd29"),
        (em.generate_family_world(3, 40), "0239bd8340b473fb"),
    ],
)
def test_worlds_do_not_change_between_versions(world, expected):
    assert digest(world) == expected


# --- indicators


@pytest.mark.parametrize("seed", range(4))
def test_every_campaign_has_two_indicators_of_each_type(seed):
    world = em.generate_world(seed, noise=0)
    kinds = Counter(each.type for each in world.subjects())
    assert kinds == {"file": len(world.files), "domain": 10, "ip_address": 10, "url": 10}
    for kind in ("domain", "ip_address", "url"):
        assert len(world.members("malpedia_win_emotet", kind)) == 2


def test_seeds_are_valid_and_reserved_for_documentation():
    world = em.generate_world(1)
    assert [each.seed for each in world.subjects() if each.type == "file"] == world.hashes()
    networks = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
    for kind, text in [(each.type, each.seed) for each in world.subjects()]:
        if kind == "domain":
            assert text.endswith(".example")
        if kind == "ip_address":
            address = ipaddress.ip_address(text)
            assert any(address in ipaddress.ip_network(each) for each in networks)
        if kind == "url":
            assert text.startswith(("http://", "https://"))
            assert sha(text) in world.objects["url"]
    assert {ipaddress.ip_address(text).version for text in world.objects["ip_address"]} == {4, 6}


def test_one_url_is_also_a_reference():
    world = em.generate_world(1)
    [shared] = world.objects["url"].keys() & world.references.keys()
    assert world.objects["url"][shared].text == world.references[shared].url


def test_indicators_are_distinct():
    world = em.generate_world(0, campaigns=10, indicators_per_campaign=300)
    counts = (
        len(world.objects["domain"]),
        len(world.objects["ip_address"]),
        len(world.objects["url"]),
    )
    assert counts == (1100, 1100, 1100)


def campaigns_of_indicators(world):
    """Return the campaigns of each indicator's collections."""
    plain = em.generate_world(0, noise=0)
    of = {
        collection: name
        for name, files in plain.campaigns.items()
        for file in files
        for collection in plain.file(file).collections
    }
    return [{of[each] for each in one.collections if each in of} for one in world.indicators]


def test_noise_adds_indicators_to_a_second_campaign():
    assert {len(each) for each in campaigns_of_indicators(em.generate_world(0, noise=0))} == {1}
    world = em.generate_world(0, noise=0.2)
    assert {len(each) for each in campaigns_of_indicators(world)} == {1, 2}
    assert world.members("atlas_roundup", "ip_address")


def test_the_same_seed_gives_the_same_indicators():
    one, again, other = em.generate_world(3), em.generate_world(3), em.generate_world(4)
    assert one.subjects() == again.subjects()
    assert one.indicators == again.indicators
    assert set(one.objects["domain"]) != set(other.objects["domain"])

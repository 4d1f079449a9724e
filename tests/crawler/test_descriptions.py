"""``crawl --describe``: names and kinds of collections and files, with one call per object."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.campaign import Campaign as OpenCampaign
from graphbuild.crawler import Crawl
from graphbuild.emulator import UndocumentedSettings, World
from graphbuild.emulator.models import Collection, File, Reference
from graphbuild.errors import BudgetExhaustedError, CrawlPaused
from graphbuild.models import COLLECTION, FILE, Entity
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage
from tests.crawler.campaign import Campaign
from tests.support.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from graphbuild.graph.builder import Graph

_CLUSTER = {"cluster", "cluster_name", "subcluster"}  # attributes of the graph, not of the API
EMOTET = {
    "alt_names": ["Heodo", "Geodo"],
    "tags": ["banker", "loader"],
    "creation_date": 1_600_000_000,
    "last_modification_date": 1_700_000_000,
    "targeted_regions": ["DE", "US"],
    "targeted_industries": ["finance"],
    "description": "not requested",
}
INVOICE = {
    "type_description": "Win32 EXE",
    "size": 4_096,
    "first_submission_date": 1_650_000_000,
    "last_analysis_stats": {"malicious": 55, "undetected": 12, "type-unsupported": 3},
    "reputation": -20,
}
R = [Reference.from_url(f"https://r.example/{number}", title=f"R{number}") for number in range(4)]


def world_of(files: int = 2) -> World:
    """Return a world in which every file is in two collections with two references each."""
    collections = [
        Collection(
            "m_emotet",
            "Emotet",
            (R[0].id, R[1].id),
            "malware-family",
            "Partner",
            attributes=EMOTET,
        ),
        Collection("c2", "Second", (R[2].id, R[3].id)),
    ]
    listed = [
        File(
            f"{number:064x}",
            f"{number:040x}",
            f"{number:032x}",
            name=f"invoice{number}.exe",
            attributes=INVOICE,
            collections=("m_emotet", "c2"),
        )
        for number in range(1, files + 1)
    ]
    return World(listed, R, collections)


def campaign_of(
    path: Path, world: World, seeds: Iterable[str] = (), **switches: object
) -> Campaign:
    """Return a campaign with these seeds instead of all files of the world."""
    campaign = Campaign(path, world, **switches)
    if seeds:
        path.unlink()
        add_seeds(path, seeds)
    return campaign


def add_seeds(path: Path, seeds: Iterable[str]) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(seeds))


def paths(campaign: Campaign) -> list[str]:
    return [entry.path.removeprefix("/api/v3/") for entry in campaign.api.log]


def described(campaign: Campaign) -> list[str]:
    return [path for path in paths(campaign) if path.count("/") == 1]


def lists(campaign: Campaign) -> list[str]:
    return [path for path in paths(campaign) if path.count("/") > 1]


def graph_of(campaign: Campaign) -> Graph:
    with Store.read(campaign.path) as store:
        return OpenCampaign(store).graph()


def hashes_of(world: World) -> list[tuple[str, str, str]]:
    return [(file.md5, file.sha1, file.sha256) for file in world.files.values()]


def assert_no_damage(path: Path) -> None:
    with Store.read(path) as store:
        assert list(find_damage(store)) == []


# --- collections and files -----------------------------------------------------------------------


@pytest.mark.parametrize("flavor", ["classic", "gti"])
def test_each_object_costs_one_call_and_none_in_a_second_run(tmp_path, flavor) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_of(3), api_flavor=flavor)
    with Store.open(campaign.path) as store, campaign.client(api_flavor=flavor) as client:
        list(Crawl(client, store, describe=("collections", "files")))
        assert campaign.api.calls == store.calls.count() == 3 + 3 + 2
        list(Crawl(client, store, describe=("collections", "files")))
        assert campaign.api.calls == 3 + 3 + 2
    assert sorted(described(campaign)) == sorted(
        ["collections/c2", "collections/m_emotet", *(f"files/{n:064x}" for n in (1, 2, 3))]
    )
    assert_no_damage(campaign.path)


def test_only_the_needed_attributes_are_requested_and_kept(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_of(1))
    campaign.crawl(describe=("collections", "files"))
    queries = {entry.path.split("/")[3]: entry.query for entry in campaign.api.log[1:]}
    assert queries["collections"].startswith("attributes=name%2Ccollection_type%2C")
    assert "last_analysis_stats" in queries["files"]
    nodes = graph_of(campaign).nodes
    family = nodes["collection:m_emotet"]
    expected = {
        "name": "Emotet",
        "label": "Emotet",
        "collection_type": "malware-family",
        "origin": "Partner",
        "alt_names": "Heodo; Geodo",
        "tags": "banker; loader",
        "creation_date": 1_600_000_000,
        "last_modification_date": 1_700_000_000,
        "targeted_regions": "DE; US",
        "targeted_industries": "finance",
    }
    own = {name: value for name, value in family.items() if name not in _CLUSTER}
    assert own == {"type": COLLECTION, "id": "m_emotet", **expected}
    file = nodes[f"file:{1:064x}"]
    crawl = {name for name in file if name.startswith("crawl_")}
    assert {name: value for name, value in file.items() if name not in crawl | _CLUSTER} == {
        "type": FILE,
        "id": f"{1:064x}",
        "label": "invoice1.exe",
        "seed": True,
        "state": "complete",
        "meaningful_name": "invoice1.exe",
        "type_description": "Win32 EXE",
        "size": 4_096,
        "first_submission_date": 1_650_000_000,
        "md5": f"{1:032x}",
        "sha1": f"{1:040x}",
        "sha256": f"{1:064x}",
        "last_analysis_malicious": 55,
        "last_analysis_undetected": 12,
    }


def test_attributes_that_were_not_requested_are_left_out(tmp_path) -> None:
    """A service may ignore the parameter ``attributes``."""
    plain = campaign_of(tmp_path / "plain.db", world_of(1))
    plain.crawl(describe=("collections", "files"))
    ignoring = campaign_of(tmp_path / "ignoring.db", world_of(1))
    respond = ignoring.api.respond
    ignoring.api.respond = lambda method, target, headers: respond(  # type: ignore[method-assign]
        method, target.replace("attributes=", "ignored="), headers
    )
    ignoring.crawl(describe=("collections", "files"))
    assert dict(graph_of(ignoring).nodes) == dict(graph_of(plain).nodes)
    with Store.read(ignoring.path) as store:
        assert any(b"not requested" in page.body for page in store.pages())


def test_without_the_option_nothing_is_described(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_of(2))
    campaign.crawl()
    assert described(campaign) == []
    with Store.read(campaign.path) as store:
        counts = store.descriptions.counts()
        assert list(store.description_statuses()) == []
    assert (counts["collections"].calls, counts["files"].calls) == (2, 2)


def test_descriptions_change_no_edge_and_no_count_of_lists(tmp_path) -> None:
    plain = campaign_of(tmp_path / "plain.db", world_of(2))
    plain.crawl()
    campaign = campaign_of(tmp_path / "c.db", world_of(2))
    campaign.crawl(describe=("collections", "files"))
    one, other = graph_of(plain), graph_of(campaign)
    assert list(one.nodes) == list(other.nodes)
    assert list(one.edges(data=True)) == list(other.edges(data=True))
    with Store.read(plain.path) as before, Store.read(campaign.path) as after:
        names = ("subjects", "files", "lists", "complete", "references", "observations")
        for name in names:
            assert getattr(before.totals(), name) == getattr(after.totals(), name)
        assert len(list(before.statuses())) == len(list(after.statuses()))


def test_a_report_is_not_described_as_a_collection(tmp_path) -> None:
    reports = [
        Collection(f"report--{'e' * 64}", "A report", (R[0].id,), mentions_name=False),
        Collection("brief", "In brief", (R[1].id,), "report"),
    ]
    world = World([File("a" * 64, collections=tuple(each.id for each in reports))], R, reports)
    campaign = campaign_of(tmp_path / "c.db", world, api_flavor="gti")
    with Store.open(campaign.path) as store, campaign.client(api_flavor="gti") as client:
        list(Crawl(client, store, describe=("collections",)))
    assert described(campaign) == []


def test_an_interrupted_crawl_describes_no_object_twice(tmp_path) -> None:
    straight = campaign_of(tmp_path / "straight.db", world_of(2))
    straight.crawl(describe=("collections", "files"))
    broken = campaign_of(tmp_path / "broken.db", world_of(2))
    for budget in range(1, straight.api.calls):
        with pytest.raises(BudgetExhaustedError):
            broken.crawl(describe=("collections", "files"), max_calls=budget)
    broken.crawl(describe=("collections", "files"))
    assert sorted(paths(broken)) == sorted(paths(straight))
    assert dict(graph_of(broken).nodes) == dict(graph_of(straight).nodes)


def test_a_response_that_was_not_stored_is_requested_again(tmp_path) -> None:
    """A killed crawl loses at most the call in flight."""
    campaign = campaign_of(tmp_path / "c.db", world_of(1))
    with Store.open(campaign.path) as store, campaign.client() as client:
        events = iter(Crawl(client, store, describe=("collections",)))
        next(events)
        next(events)
        events.close()
        store.calls.begin(Entity(COLLECTION, "c2"), "description", 0.0)  # sent, then killed
    campaign.crawl()
    assert sorted(described(campaign)) == ["collections/c2", "collections/m_emotet"]
    with Store.read(campaign.path) as store:
        assert store.calls.count() == campaign.api.calls + 1


def test_refresh_describes_again_and_keeps_both_responses(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_of(1))
    campaign.crawl(describe=("collections",))
    family = campaign.world.collections["m_emotet"]
    renamed = replace(family, attributes={**EMOTET, "alt_names": ["Mealybug"]})
    campaign.api.world = campaign.world.replace(
        collections=[renamed, campaign.world.collections["c2"]]
    )
    with Store.open(campaign.path) as store:
        assert store.tasks.refresh(campaign.clock.now() + 1) == 3
    campaign.crawl()
    assert described(campaign).count("collections/m_emotet") == 2
    assert graph_of(campaign).nodes["collection:m_emotet"]["alt_names"] == "Mealybug"
    with Store.read(campaign.path) as store:
        assert [page.number for page in store.pages() if page.relationship == "description"] == [
            1,
            1,
            2,
            2,
        ]
    assert_no_damage(campaign.path)


@pytest.mark.parametrize("fault", [Fault("status", 404), Fault("status", 403)], ids=str)
def test_a_refusal_settles_one_object_until_retry_failed(tmp_path, fault) -> None:
    fault = replace(fault, match="collections/m_emotet", times=1)
    campaign = campaign_of(tmp_path / "c.db", world_of(1), faults=[fault])
    events = campaign.crawl(describe=("collections", "files"))
    assert [event.subject.id for event in events if event.error] == ["m_emotet"]
    calls = campaign.api.calls
    campaign.crawl(describe=("collections", "files"))
    assert campaign.api.calls == calls
    with Store.open(campaign.path) as store:
        counts = store.descriptions.counts()["collections"]
        assert (counts.objects, counts.described, counts.failed, counts.calls) == (2, 1, 1, 0)
        assert store.tasks.retry_failed() == 1
    campaign.crawl()
    assert campaign.api.calls == calls + 1
    assert graph_of(campaign).nodes["collection:m_emotet"]["origin"] == "Partner"


def test_refusals_of_all_collections_pause_the_crawl_after_three(tmp_path) -> None:
    collections = [Collection(f"c{number}", "C", (R[0].id,)) for number in range(9)]
    world = World(
        [File("a" * 64, collections=tuple(each.id for each in collections))], R, collections
    )
    fault = Fault("status", 403, match="collections/", times=None)
    campaign = campaign_of(tmp_path / "c.db", world, faults=[fault])
    with pytest.raises(CrawlPaused, match="3 subjects in a row"):
        campaign.crawl(describe=("collections",))
    assert len(described(campaign)) == 3


def test_a_description_of_another_object_is_refused(tmp_path) -> None:
    other = json.dumps({"data": {"type": "collection", "id": "c2", "attributes": {"name": "X"}}})
    fault = Fault("body", other, match="collections/m_emotet", times=1)
    campaign = campaign_of(tmp_path / "c.db", world_of(1), faults=[fault])
    events = campaign.crawl(describe=("collections",))
    (error,) = [event.error for event in events if event.error]
    assert "the response is about collection 'c2'" in str(error)
    campaign.crawl()
    assert graph_of(campaign).nodes["collection:m_emotet"]["origin"] == "Partner"


def test_a_frugal_crawl_describes_the_same_objects(tmp_path) -> None:
    world = world_of(3)
    campaign = campaign_of(tmp_path / "c.db", world)
    campaign.crawl(describe=("collections", "files"), frugal=True)
    assert len(described(campaign)) == 5
    assert lists(campaign) == paths(campaign)[:3]  # the lists come first


def test_a_restriction_describes_only_objects_of_its_lists(tmp_path) -> None:
    collections = [Collection("c1", "One", (R[0].id,)), Collection("c2", "Two", (R[1].id,))]
    files = [File("a" * 64, collections=("c1",)), File("b" * 64, collections=("c2",))]
    campaign = campaign_of(tmp_path / "c.db", World(files, R, collections))
    campaign.crawl()
    with Store.open(campaign.path) as store, campaign.client() as client:
        store.restrict_tasks(parse_seeds(["b" * 64]))
        list(Crawl(client, store, describe=("collections", "files")))
    assert sorted(described(campaign)) == ["collections/c2", f"files/{'b' * 64}"]


def test_an_unknown_kind_is_rejected(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_of(1))
    with pytest.raises(ValueError, match="expected collections or files"):
        campaign.crawl(describe=("references",))


# --- files by several hashes ---------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 3])
def test_ten_files_by_three_hashes_are_ten_nodes_and_ten_lists(tmp_path, workers) -> None:
    world = world_of(10)
    seeds = [each for hashes in zip(*hashes_of(world), strict=True) for each in hashes]
    campaign = campaign_of(tmp_path / "c.db", world, seeds)
    campaign.crawl(describe=("files",), workers=workers)
    assert sorted(lists(campaign)) == [f"files/{n:064x}/related_references" for n in range(1, 11)]
    assert len(described(campaign)) == 10
    files = {key: node for key, node in graph_of(campaign).nodes.items() if node["type"] == FILE}
    assert len(files) == 10
    for md5, sha1, sha256 in hashes_of(world):
        node = files[f"file:{sha256}"]
        assert (node["md5"], node["sha1"]) == (md5, sha1)
    assert_no_damage(campaign.path)


@pytest.mark.parametrize("flavor", ["classic", "gti"])
def test_a_description_leaves_the_api_flavor_to_the_first_list(tmp_path, flavor) -> None:
    world = world_of(2)
    seeds = [file.md5 for file in world.files.values()]
    campaign = campaign_of(tmp_path / "c.db", world, seeds, api_flavor=flavor)
    with Store.open(campaign.path) as store, campaign.client(api_flavor="auto") as client:
        events = list(Crawl(client, store, describe=("files", "collections"), workers=2))
        assert store.api_info.flavor() == flavor
    assert [event.error for event in events] == [None] * (2 + 2 + 2)
    assert described(campaign)[:2] == [f"files/{each}" for each in seeds]
    types = [node["type"] for node in graph_of(campaign).nodes.values()]
    assert (types.count(FILE), types.count(COLLECTION)) == (2, 2)


def test_hashes_in_later_runs_cost_no_call(tmp_path) -> None:
    world = world_of(2)
    campaign = campaign_of(tmp_path / "c.db", world, [file.sha1 for file in world.files.values()])
    campaign.crawl(describe=("files",))
    calls = campaign.api.calls
    assert calls == 2 + 2
    for name in ("md5", "sha256"):
        add_seeds(campaign.path, [getattr(file, name) for file in world.files.values()])
        campaign.crawl(describe=("files",))
        assert campaign.api.calls == calls
    assert sum(node["type"] == FILE for _, node in graph_of(campaign).nodes(data=True)) == 2


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["md5", "sha1", "sha256"])),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 8),
    st.booleans(),
)
@settings(max_examples=8, deadline=None)
def test_any_hashes_in_any_order_and_any_lists_name_each_file_once(
    tmp_path_factory, hashes: list[tuple[int, str]], per_list: int, is_canonical
) -> None:
    world = world_of(3)
    files = list(world.files.values())
    seeds = [getattr(files[number], name) for number, name in hashes]
    campaign = Campaign(
        tmp_path_factory.mktemp("hashes") / "c.db",
        world.replace(files=[]),
        undocumented=UndocumentedSettings(canonical_links=is_canonical),
    )
    campaign.api.world = world
    for start in range(0, len(seeds), per_list):
        add_seeds(campaign.path, seeds[start : start + per_list])
        campaign.crawl(describe=("files",))
    seeded = {files[number].sha256 for number, _ in hashes}
    assert sorted(lists(campaign)) == sorted(f"files/{each}/related_references" for each in seeded)
    assert len(described(campaign)) == len(seeded)
    nodes = graph_of(campaign).nodes(data="type")
    assert {key for key, entity_type in nodes if entity_type == FILE} == {
        f"file:{each}" for each in seeded
    }


def test_a_list_that_was_read_by_one_hash_is_not_read_by_another(tmp_path) -> None:
    world = world_of(1)
    ((md5, sha1, sha256),) = hashes_of(world)
    campaign = campaign_of(tmp_path / "c.db", world, [sha256])
    campaign.crawl()
    for weak in (md5, sha1):
        add_seeds(campaign.path, [weak])
        campaign.crawl(describe=("files",))
    assert paths(campaign) == [f"files/{sha256}/related_references", f"files/{md5}"]
    assert_no_damage(campaign.path)


def test_three_lists_that_were_read_separately_become_one_node(tmp_path) -> None:
    world = world_of(1)
    (hashes,) = hashes_of(world)
    campaign = campaign_of(tmp_path / "c.db", world, hashes)
    campaign.crawl()
    assert len(lists(campaign)) == 3  # links.self repeats the requested hash
    with Store.read(campaign.path) as store:
        assert store.descriptions.counts()["files"].weak_hashes == 2
    campaign.crawl(describe=("files",))
    with Store.read(campaign.path) as store:
        assert store.descriptions.counts()["files"].weak_hashes == 0
    assert (len(lists(campaign)), len(described(campaign))) == (3, 1)
    assert sum(node["type"] == FILE for _, node in graph_of(campaign).nodes(data=True)) == 1
    assert_no_damage(campaign.path)


def test_describing_again_before_the_list_is_read_keeps_the_list(tmp_path) -> None:
    world = world_of(1)
    ((md5, _, sha256),) = hashes_of(world)
    campaign = campaign_of(tmp_path / "c.db", world, [md5, sha256])
    with pytest.raises(BudgetExhaustedError):
        campaign.crawl(describe=("files",), max_calls=1)
    with Store.open(campaign.path) as store:
        store.tasks.refresh(campaign.clock.now() + 1)
    campaign.crawl()
    assert lists(campaign) == [f"files/{sha256}/related_references"]
    assert len(described(campaign)) == 2


def test_a_description_with_another_md5_is_refused(tmp_path) -> None:
    world = world_of(2)
    first, second = world.files.values()
    body = json.dumps(
        {"data": {"type": "file", "id": second.sha256, "attributes": {"md5": second.md5}}}
    )
    fault = Fault("body", body, match=f"files/{first.md5}?", times=1)
    campaign = campaign_of(tmp_path / "c.db", world, [first.md5], faults=[fault])
    events = campaign.crawl(describe=("files",))
    (error,) = [event.error for event in events if event.error]
    assert "another md5" in str(error)
    assert f"file:{second.sha256}" not in graph_of(campaign).nodes


def test_a_file_that_the_service_does_not_know_fails_alone(tmp_path) -> None:
    world = world_of(1)
    campaign = campaign_of(tmp_path / "c.db", world, ["d" * 32, next(iter(world.files))])
    events = campaign.crawl(describe=("files",))
    assert [event.subject.id for event in events if event.error] == ["d" * 32, "d" * 32]
    assert graph_of(campaign).nodes[f"file:{1:064x}"]["meaningful_name"] == "invoice1.exe"

"""Crawling beyond the seeds: requests, their order, limits, and the graph."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from graphbuild.crawler import Crawl
from graphbuild.emulator import (
    Api,
    Collection,
    File,
    Indicator,
    Reference,
    World,
    generate_family_world,
)
from graphbuild.emulator.models import report_id
from graphbuild.errors import BudgetExhaustedError, ForbiddenError
from graphbuild.graph.builder import build_graph, extract_links, extract_observations
from graphbuild.models import COMPLETE, LIMITED
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage
from tests.crawler.campaign import Campaign
from tests.support.faults import Fault
from tests.support.shell import seeds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shell import Shell

R = [Reference.from_url(f"https://r.example/{number}", title=f"R{number}") for number in range(4)]


def world_with_chain() -> World:
    """Return two files that are connected only by a third, which shares a collection with each."""
    return World(
        [
            File("a" * 64, collections=("c1",)),
            File("b" * 64, collections=("c1", "c2"), name="both.exe"),
            File("c" * 64, collections=("c2",)),
        ],
        R,
        [
            Collection("c1", "First", (R[0].id, R[1].id)),
            Collection("c2", "Second", (R[2].id, R[3].id)),
        ],
    )


def campaign_of(path: Path, world: World, *seeds: str, **switches: object) -> Campaign:
    campaign = Campaign(path, world, **switches)
    path.unlink()
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(seeds))
    return campaign


def requested_paths(campaign: Campaign) -> list[str]:
    return [entry.path.removeprefix("/api/v3/") for entry in campaign.api.log]


def test_a_crawl_stays_with_the_seeds_by_default(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_with_chain(), "a" * 64)
    campaign.crawl()
    assert len(requested_paths(campaign)) == 1


def test_depth_1_requests_the_lists_of_found_entities(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_with_chain(), "a" * 64)
    campaign.crawl(depth=1)
    assert sorted(requested_paths(campaign)[1:]) == sorted(
        [
            "collections/c1/domains",
            "collections/c1/files",
            "collections/c1/ip_addresses",
            "collections/c1/references",
            "collections/c1/urls",
            f"references/{R[0].id}/files",
            f"references/{R[1].id}/files",
        ]
    )


def test_depth_2_requests_the_found_files_and_depth_3_their_collections(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_with_chain(), "a" * 64)
    campaign.crawl(depth=2)
    assert f"files/{'b' * 64}/related_references" in requested_paths(campaign)
    assert not any(path.startswith("collections/c2") for path in requested_paths(campaign))
    campaign.crawl(depth=3)
    assert "collections/c2/files" in requested_paths(campaign)
    with Store.read(campaign.path) as store:
        assert {one.subject.id for one in store.observations()} == {"a" * 64, "b" * 64}
        assert ("c2", "c" * 64) in {(link.source.id, link.target.id) for link in store.links()}
        assert list(find_damage(store)) == []


def world_with_siblings() -> World:
    """Return a collection with a subject of each type; another collection is related to it."""
    members = {"collections": ("c1",)}
    return World(
        [File("a" * 64, **members)],
        R,
        [
            Collection("c1", "First", (R[0].id,), "malware-family", associations=("c2",)),
            Collection("c2", "Second", (R[1].id,), "campaign"),
        ],
        indicators=[
            Indicator("domain", "evil.example", **members),
            Indicator("ip_address", "9.9.9.9", **members),
            Indicator("url", "http://evil.example/x?y=z", **members),
        ],
    )


def links_of(path: Path) -> set[tuple[str, str, str]]:
    with Store.read(path) as store:
        return {(link.source.id, link.relationship, link.target.id) for link in store.links()}


def test_depth_1_finds_the_siblings_of_a_domain_and_depth_2_requests_their_references(
    tmp_path,
) -> None:
    world = world_with_siblings()
    url = world.indicators[2]
    campaign = campaign_of(tmp_path / "c.db", world, "evil.example")
    campaign.crawl(depth=1)
    links = {
        ("c1", "files", "a" * 64),
        ("c1", "domains", "evil.example"),
        ("c1", "ip_addresses", "9.9.9.9"),
        ("c1", "urls", url.id),
        ("c1", "references", R[0].id),
    }
    assert links_of(campaign.path) == links
    calls = campaign.api.calls
    assert calls == 1 + 5 + 1
    campaign.crawl(depth=2)
    assert campaign.api.calls == calls + 3
    with Store.read(campaign.path) as store:
        triples = {(o.subject.type, o.subject.id, o.reference.id) for o in store.observations()}
        assert list(find_damage(store)) == []
    assert triples == {
        ("file", "a" * 64, R[0].id),
        ("domain", "evil.example", R[0].id),
        ("ip_address", "9.9.9.9", R[0].id),
        ("url", url.id, R[0].id),
    }


def test_associations_are_requested_only_in_the_flavor_that_has_them(tmp_path) -> None:
    world = world_with_siblings()
    for flavor in ("classic", "gti"):
        campaign = campaign_of(tmp_path / f"{flavor}.db", world, "a" * 64, api_flavor=flavor)
        with Store.open(campaign.path) as store, campaign.client(api_flavor=flavor) as client:
            assert [event.error for event in Crawl(client, store, depth=1)] == [None] * (
                8 if flavor == "gti" else 7
            )
            assert list(find_damage(store)) == []
            associated = {
                (link.source.key, link.target.key)
                for link in store.links()
                if link.relationship == "associations"
            }
        assert associated == (
            {("collection:c1", "collection:c2"), ("collection:c1", f"reference:{R[0].id}")}
            if flavor == "gti"
            else set()
        )


def test_depth_2_requests_the_lists_of_associated_collections(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_with_siblings(), "a" * 64, api_flavor="gti")
    with Store.open(campaign.path) as store, campaign.client(api_flavor="gti") as client:
        assert {event.error for event in Crawl(client, store, depth=2)} == {None}
    paths = {path for path in requested_paths(campaign) if path.startswith("collections/c2")}
    names = ("associations", "domains", "files", "ip_addresses", "reports", "urls")
    assert paths == {f"collections/c2/{name}" for name in names}
    assert ("c2", "references", R[1].id) in links_of(campaign.path)


def test_a_limited_list_names_its_entries_in_words(tmp_path) -> None:
    domains = [Indicator("domain", f"d{n}.example", collections=("c1",)) for n in range(90)]
    world = World(
        [File("a" * 64, collections=("c1",))],
        R,
        [Collection("c1", "First", (R[0].id,))],
        indicators=domains,
    )
    campaign = campaign_of(tmp_path / "c.db", world, "a" * 64)
    campaign.crawl(depth=1, per_node=40)
    with Store.read(campaign.path) as store:
        (limited,) = [row for row in store.statuses() if row.state == LIMITED]
    assert limited.detail == "40 of 90 domains read; the limit per node is 40"


# --- plan ----------------------------------------------------------------------------------------


def plan(shell: Shell, *arguments: object) -> dict:
    process = shell("plan", *arguments, "--store", "c.db", "--json")
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_plan_states_what_a_depth_costs_as_far_as_it_is_known(shell: Shell, service) -> None:
    api = Api(generate_family_world(100, 2))
    options = ("--store", "c.db", "--base-url", service(api))
    listed = seeds(shell, api.world.hashes()[0])
    before = plan(shell, listed, "--depth", 1)
    assert (before["cost"]["exact"], before["found"]) == (False, [])
    assert shell("crawl", listed, *options).returncode == 0
    assert plan(shell, listed)["cost"] == {"at_least": 0, "expected": 0, "exact": True}

    found = plan(shell, listed, "--depth", 1)
    counts = {(row["type"], row["relationship"]): row["lists"] for row in found["found"]}
    assert counts == {
        ("collection", "domains"): 1,
        ("collection", "files"): 1,
        ("collection", "ip_addresses"): 1,
        ("collection", "references"): 1,
        ("collection", "urls"): 1,
        ("reference", "files"): 2,
    }
    assert found["found_is_complete"]
    assert found["cost"]["at_least"] == 7
    shown = shell("plan", listed, "--depth", 1, "--store", "c.db").stdout
    assert "--depth 1 adds 7 lists of the entities found so far: domains of 1 collection" in shown
    assert "can find more" not in shown
    assert "can find more" in shell("plan", listed, "--depth", 2, "--store", "c.db").stdout

    limit = ("--depth", 1, "--per-node", 60)
    assert shell("crawl", listed, *options, *limit, "--max-calls", 8).returncode == 3
    cost = plan(shell, listed, *limit)["cost"]
    assert cost == {"at_least": 1, "expected": 1, "exact": True}
    assert shell("crawl", listed, *options, *limit).returncode == 4
    assert api.calls == 8 + 1  # the second page of the files of the collection
    assert plan(shell, listed, *limit)["cost"]["at_least"] == 0

    # With a greater limit, the list is continued: 20 of 100 files are left.
    assert plan(shell, listed, "--depth", 1, "--per-node", 100)["cost"]["at_least"] == 1
    deeper = plan(shell, listed, "--depth", 2, "--per-node", 60, "--direct")
    counts = {(row["type"], row["relationship"]): row["lists"] for row in deeper["found"]}
    new = len(set(sorted(api.world.hashes())[:80]) - {api.world.hashes()[0]})
    assert counts == {("file", "references"): new, ("file", "related_references"): new}
    assert deeper["cost"]["at_least"] == 1 + 2 * new  # and the direct references of the seed


REPORT = replace(R[1], reports=(R[0].id,))


@pytest.mark.parametrize(
    "file",
    [
        File("a" * 64, references=(REPORT.id,)),
        File("a" * 64, unexpected=((R[0].id, report_id(REPORT.id)),)),
    ],
    ids=["listed", "only-in-related-from"],
)
def test_a_report_in_related_from_is_followed_once_as_a_reference(tmp_path, file) -> None:
    world = World([file], [R[0], REPORT], [])
    campaign = campaign_of(tmp_path / "c.db", world, file.id, api_flavor="gti")
    with Store.open(campaign.path) as store, campaign.client(api_flavor="gti") as client:
        assert {event.error for event in Crawl(client, store, depth=2)} == {None}
    reports = [f"collections/{report_id(each.id)}/files" for each in (R[0], REPORT)]
    assert sorted(requested_paths(campaign)[1:]) == sorted(reports)
    with Store.read(campaign.path) as store:
        links = {(link.source.key, link.target.id) for link in store.links()}
        assert links == {(f"reference:{each}", file.id) for each in file.references}
        assert (store.totals().references, store.totals().collections) == (2, 0)
        assert list(find_damage(store)) == []


def test_entities_near_the_seeds_are_requested_first(tmp_path) -> None:
    campaign = campaign_of(
        tmp_path / "c.db",
        generate_family_world(6, 50),
        "a" * 64,
        *generate_family_world(6, 50).hashes()[:2],
    )
    campaign.crawl(depth=2)
    kinds = [path.split("/")[0] + "/" + path.split("/")[-1] for path in requested_paths(campaign)]
    deeper = next(index for index, kind in enumerate(kinds) if not kind.startswith("files/"))
    assert deeper == 1 + 2 * 2  # an unknown file, and two of two pages
    last = max(index for index, kind in enumerate(kinds) if kind != "files/related_references")
    assert set(kinds[last + 1 :]) == {"files/related_references"}
    assert len(kinds[last + 1 :]) == 4 * 2


def test_an_interrupted_deeper_crawl_requests_no_page_twice(tmp_path) -> None:
    straight = campaign_of(tmp_path / "straight.db", world_with_chain(), "a" * 64)
    straight.crawl(depth=3)
    broken = campaign_of(tmp_path / "broken.db", world_with_chain(), "a" * 64)
    for budget in range(1, straight.api.calls):
        with pytest.raises(BudgetExhaustedError):
            broken.crawl(depth=3, max_calls=budget)
    broken.crawl(depth=3)
    assert sorted(requested_paths(broken)) == sorted(requested_paths(straight))
    before = broken.api.calls
    broken.crawl(depth=3)
    assert broken.api.calls == before
    assert observations_and_links(broken.path) == observations_and_links(straight.path)


def observations_and_links(path: Path) -> tuple[set, set]:
    with Store.read(path) as store:
        triples = {(o.subject, o.reference, o.related_from) for o in store.observations()}
        return triples, set(store.links())


def test_a_long_list_is_truncated_at_per_node_and_reported(tmp_path) -> None:
    world = generate_family_world(100, 1)
    campaign = campaign_of(tmp_path / "c.db", world, world.hashes()[0])
    campaign.crawl(depth=1, per_node=60)
    with Store.read(campaign.path) as store:
        rows = {(row.subject.id, row.relationship): row for row in store.statuses()}
        hub = next(
            row for key, row in rows.items() if key[1] == "files" and row.expected_count == 100
        )
        graph = build_graph([], subjects=store.subjects())
    assert (hub.state, hub.received_count) == (LIMITED, 80)
    assert hub.detail == "80 of 100 files read; the limit per node is 60"
    assert hub.cursor is not None
    node = graph.nodes[hub.subject.key]
    assert node["crawl_files"] == f"limited ({hub.detail})"
    assert node["crawl_references"] == COMPLETE
    calls = campaign.api.calls
    campaign.crawl(depth=1, per_node=60)
    assert campaign.api.calls == calls


def test_a_truncated_list_of_unknown_length_is_reported_without_a_total(tmp_path) -> None:
    world = generate_family_world(100, 1)
    fault = Fault("count_missing", match="collections", times=None)
    campaign = campaign_of(tmp_path / "c.db", world, world.hashes()[0], faults=[fault])
    campaign.crawl(depth=1, per_node=60)
    with Store.read(campaign.path) as store:
        remarks = [row.detail for row in store.statuses() if row.state == LIMITED]
    assert remarks == ["80 files read; the limit per node is 60"]


def test_a_greater_per_node_resumes_truncated_lists(tmp_path) -> None:
    world = generate_family_world(100, 1)
    campaign = campaign_of(tmp_path / "c.db", world, world.hashes()[0])
    campaign.crawl(depth=1, per_node=40)
    before = campaign.api.calls
    campaign.crawl(depth=1, per_node=1_000)
    # The second and third page of the hundred files in the collection.
    assert campaign.api.calls == before + 2
    with Store.read(campaign.path) as store:
        assert {row.state for row in store.statuses()} == {COMPLETE}


def test_a_forbidden_collection_does_not_affect_others(tmp_path) -> None:
    fault = Fault("status", 403, match="collections/c1/files")
    campaign = campaign_of(tmp_path / "c.db", world_with_chain(), "a" * 64, faults=[fault])
    events = campaign.crawl(depth=1)
    assert [type(event.error) for event in events if event.error] == [ForbiddenError]
    assert "references" in {path.split("/")[-1] for path in requested_paths(campaign)[2:]}


def test_the_graph_contains_links_and_they_can_be_extracted(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_with_chain(), "a" * 64)
    campaign.crawl(depth=1)
    with Store.read(campaign.path) as store:
        observations, links = set(store.observations()), list(store.links())
        graph = build_graph(store.observations(), subjects=store.subjects(), links=links)
    assert graph.edges["collection:c1", f"file:{'b' * 64}"]["relation"] == "files"
    assert graph.edges["collection:c1", f"reference:{R[0].id}"]["relation"] == "references"
    assert graph.edges[f"reference:{R[0].id}", "collection:c1"]["relation"] == "related_from"
    assert graph.nodes[f"file:{'b' * 64}"]["label"] == "both.exe"
    assert set(extract_links(graph)) == set(links)
    assert set(extract_observations(graph)) == observations


def test_totals_count_only_references_of_seeds(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_with_chain(), "a" * 64)
    campaign.crawl(depth=1)
    with Store.read(campaign.path) as store:
        totals = store.totals()
    assert (totals.expected, totals.received) == (2, 2)


def test_a_subject_with_two_lists_is_counted_once(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_with_chain(), "a" * 64)
    campaign.crawl(depth=1)
    with Store.read(campaign.path) as store:
        totals, rows = store.totals(), list(store.statuses())
    subjects = {row.subject for row in rows}
    assert (totals.subjects, totals.lists, totals.files) == (len(subjects), len(rows), 1)
    assert totals.complete == len(rows) > len(subjects)
    assert totals.describe_subjects() == f"{len(subjects)} subjects with {len(rows)} lists"


def test_a_frugal_crawl_can_go_deeper(tmp_path) -> None:
    world = generate_family_world(12, 120)
    plain = campaign_of(tmp_path / "plain.db", world, world.hashes()[0])
    plain.crawl(depth=2)
    frugal = campaign_of(tmp_path / "frugal.db", world, world.hashes()[0])
    frugal.crawl(depth=2, frugal=True)
    assert frugal.api.calls < plain.api.calls
    assert observations_and_links(frugal.path) == observations_and_links(plain.path)

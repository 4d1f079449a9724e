"""Crawling beyond the seeds: requests, their order, limits, and the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from graphbuild.emulator import Collection, File, Reference, World, generate_family_world
from graphbuild.errors import BudgetExhaustedError, ForbiddenError
from graphbuild.graph.builder import build_graph, extract_links, extract_observations
from graphbuild.models import COMPLETE, LIMITED
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage
from tests.crawler.campaign import Campaign
from tests.support.faults import Fault

if TYPE_CHECKING:
    from pathlib import Path

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


def test_depth_1_requests_files_and_references_of_found_entities(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", world_with_chain(), "a" * 64)
    campaign.crawl(depth=1)
    assert sorted(requested_paths(campaign)[1:]) == sorted(
        [
            "collections/c1/files",
            "collections/c1/references",
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


def test_a_report_in_related_from_is_crawled_like_a_collection(tmp_path) -> None:
    report = f"report--{'e' * 64}"
    world = World(
        [File("a" * 64, collections=(report,))], R, [Collection(report, "A report", (R[0].id,))]
    )
    campaign = campaign_of(tmp_path / "c.db", world, "a" * 64)
    assert [event.error for event in campaign.crawl(depth=1)] == [None] * 4
    assert f"collections/{report}/files" in requested_paths(campaign)


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

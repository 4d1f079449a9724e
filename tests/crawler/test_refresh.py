"""Refreshes, audits of inferred references, and files with several hashes."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.crawler import Crawl
from graphbuild.emulator import (
    Collection,
    File,
    Reference,
    UndocumentedSettings,
    World,
    generate_family_world,
)
from graphbuild.errors import BudgetExhaustedError
from graphbuild.graph.builder import build_graph
from graphbuild.models import COMPLETE, FAILED
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage
from graphbuild.store.models import AuditResult
from tests.crawler.campaign import Campaign
from tests.support.emulator_adapter import EmulatorAdapter

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400.0


def world_of(*numbers: int) -> World:
    """Return a world of one file in one collection with these references."""
    references = [Reference.from_url(f"https://r.example/{number}") for number in numbers]
    collection = Collection("c", "C", tuple(each.id for each in references))
    return World([File("a" * 64, collections=("c",))], references, [collection])


def refresh(campaign: Campaign, age: float) -> int:
    with Store.open(campaign.path) as store:
        return store.tasks.refresh(campaign.clock.now() - age)


# --- refresh -------------------------------------------------------------------------------------


def test_recent_subjects_are_not_refreshed(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(3, 50))
    campaign.crawl()
    campaign.clock.time += 5 * DAY
    assert refresh(campaign, 6 * DAY) == 0
    assert campaign.crawl() == []


def test_old_subjects_are_refreshed_once_from_the_first_page(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(3, 50))
    campaign.crawl()
    campaign.clock.time += 7 * DAY
    assert refresh(campaign, 6 * DAY) == 3
    campaign.crawl()
    assert campaign.api.calls == 2 * 6
    assert refresh(campaign, 6 * DAY) == 0
    assert set(campaign.states().values()) == {COMPLETE}


def test_an_interrupted_refresh_requests_no_page_twice(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(3, 90))
    campaign.crawl()
    campaign.clock.time += 7 * DAY
    for budget in (10, 13, 16):
        refresh(campaign, 6 * DAY)
        with pytest.raises(BudgetExhaustedError):
            campaign.crawl(max_calls=budget)
    refresh(campaign, 6 * DAY)
    campaign.crawl()
    assert campaign.api.calls == 18


def test_observations_of_both_passes_are_kept_with_their_times(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", world_of(1, 2))
    first = campaign.clock.now()
    campaign.crawl()
    campaign.clock.time += 7 * DAY
    campaign.api.world = world_of(2, 3)
    refresh(campaign, DAY)
    campaign.crawl()
    timestamps = {}
    with Store.read(campaign.path) as store:
        for one in store.observations():
            timestamps[one.reference.attributes["url"][-1]] = (one.first_seen, one.last_seen)
        (row,) = store.statuses()
        assert list(find_damage(store)) == []
        graph = build_graph(store.observations(), timestamps=True)
    later = first + 7 * DAY
    assert timestamps == {"1": (first, first), "2": (first, later), "3": (later, later)}
    # The state depends on the second pass alone: two expected, two received.
    assert (row.state, row.expected_count, row.received_count, row.detail) == (COMPLETE, 2, 2, "")
    assert row.fetched_at == later
    times = {
        (edge["first_seen"][:10], edge["last_seen"][:10]) for *_, edge in _reference_edges(graph)
    }
    assert times == {
        ("2023-11-14", "2023-11-14"),
        ("2023-11-14", "2023-11-21"),
        ("2023-11-21", "2023-11-21"),
    }


def _reference_edges(graph) -> list:
    edges = graph.edges(data=True)
    return [edge for edge in edges if edge[2]["relation"] == "related_references"]


def test_a_partly_read_old_list_is_restarted(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", world_of(*range(90)))
    with pytest.raises(BudgetExhaustedError):
        campaign.crawl(max_calls=1)
    campaign.clock.time += 7 * DAY
    assert refresh(campaign, DAY) == 1
    campaign.crawl()
    assert campaign.api.calls == 1 + 3
    assert set(campaign.states().values()) == {COMPLETE}


def test_a_failed_subject_is_refreshed_once_it_is_old(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", World([], [], []))
    with Store.open(campaign.path) as store:
        store.add_seeds(parse_seeds(["a" * 64]))
    campaign.crawl()
    assert campaign.states() == {"a" * 64: "failed"}
    campaign.clock.time += 7 * DAY
    campaign.api.world = world_of(1)
    refresh(campaign, DAY)
    campaign.crawl()
    assert campaign.states() == {"a" * 64: COMPLETE}


def test_a_frugal_refresh_saves_as_many_calls_as_the_first_crawl(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(40, 241))
    campaign.crawl(frugal=True)
    assert campaign.api.calls == 46
    campaign.clock.time += 7 * DAY
    refresh(campaign, DAY)
    campaign.crawl(frugal=True)
    assert campaign.api.calls == 92
    assert campaign.triples() == campaign.world.triples()


def test_a_refresh_keeps_references_inferred_from_an_older_list(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(2, 90))
    campaign.crawl(frugal=True)
    before = campaign.triples()
    campaign.clock.time += 7 * DAY
    campaign.api.world = generate_family_world(2, 60)  # shorter lists of the same family
    refresh(campaign, DAY)
    campaign.crawl()
    assert campaign.triples() == before | campaign.api.world.triples()
    with Store.read(campaign.path) as store:
        assert {(row.state, row.inferred_count, row.detail) for row in store.statuses()} == {
            (COMPLETE, 0, "")
        }


# --- audit ---------------------------------------------------------------------------------------


def audit(campaign: Campaign, share: float) -> int:
    with Store.open(campaign.path) as store:
        return store.tasks.audit(share, random.Random(7))


def test_an_audit_requests_a_share_and_confirms_inferred_references(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(21, 90))
    campaign.crawl(frugal=True)
    assert campaign.api.calls == 21 + 2
    assert audit(campaign, 0.1) == 2
    campaign.crawl(frugal=True)
    assert campaign.api.calls == 23 + 2 * 3
    with Store.read(campaign.path) as store:
        result = store.audit_result()
        kinds = [one.provenance for one in store.observations()]
        assert list(find_damage(store)) == []
    assert (result.subjects, result.pending) == (2, 0)
    assert (result.references, result.confirmed, result.refuted) == (100, 100, 0)
    assert kinds.count("inferred") == 18 * 50


def test_an_interrupted_audit_selects_no_more_subjects_when_resumed(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(21, 90))
    campaign.crawl(frugal=True)
    assert audit(campaign, 0.1) == 2
    with pytest.raises(BudgetExhaustedError):
        campaign.crawl(max_calls=25)
    assert audit(campaign, 0.1) == 0
    with Store.read(campaign.path) as store:
        assert store.audit_result() == AuditResult(
            subjects=0, pending=2, references=0, confirmed=0, refuted=0
        )
    campaign.crawl()
    assert campaign.api.calls == 29
    assert audit(campaign, 0.2) == 2
    with Store.read(campaign.path) as store:
        result = store.audit_result()
    assert result == AuditResult(subjects=2, pending=2, references=100, confirmed=100, refuted=0)


def test_an_audit_of_some_lists_ignores_earlier_audits_of_others(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(5, 90))
    campaign.crawl(frugal=True)
    with Store.open(campaign.path) as store:
        inferred = [row.subject.id for row in store.statuses() if row.inferred_count]
        store.restrict_tasks(parse_seeds(inferred[:2]))
        assert store.tasks.audit(1.0, random.Random(7)) == 2
        store.restrict_tasks(parse_seeds(inferred[2:]))
        assert store.tasks.audit(0.5, random.Random(7)) == 1


def test_an_audit_removes_references_that_it_cannot_confirm(tmp_path) -> None:
    full_world = generate_family_world(10, 90)
    campaign = Campaign(tmp_path / "c.db", full_world)
    campaign.crawl(frugal=True)
    # One file was read to its end. Fifty references of each other file were inferred.
    with Store.read(campaign.path) as store:
        inferred = [one.provenance for one in store.observations()].count("inferred")
    assert inferred == 9 * 50
    campaign.api.world = full_world.replace(
        files=[without_last_reference(full_world, file) for file in files(full_world)]
    )
    assert audit(campaign, 1.0) == 9
    campaign.crawl()
    with Store.read(campaign.path) as store:
        result = store.audit_result()
        remarks = [row.detail for row in store.statuses()]
        shown = store.totals().observations
        assert list(find_damage(store)) == []
    assert (result.subjects, result.pending) == (9, 0)
    assert (result.references, result.confirmed, result.refuted) == (450, 441, 9)
    conflict = "inferred, but not returned by the API: 1 observation"
    assert sorted(remarks) == ["", *[conflict] * 9]
    read = next(
        file.id for file, remark in zip(files(full_world), remarks, strict=True) if not remark
    )
    kept = {row for row in full_world.triples() if row[0] == read}
    assert campaign.triples() == campaign.api.world.triples() | kept
    assert shown == len(campaign.triples())


def test_an_audit_works_in_the_session_that_inferred(tmp_path) -> None:
    full_world = generate_family_world(3, 90)
    campaign = Campaign(tmp_path / "c.db", full_world)
    client = Client(ApiKey("k" * 64), adapter=EmulatorAdapter(campaign.api), clock=campaign.clock)
    with Store.open(campaign.path) as store, client:
        list(Crawl(client, store, frugal=True))
        campaign.api.world = full_world.replace(
            files=[without_last_reference(full_world, each) for each in files(full_world)]
        )
        assert store.tasks.audit(1.0, random.Random(7)) == 2
        list(Crawl(client, store))
        assert store.audit_result() == AuditResult(2, 0, references=100, confirmed=98, refuted=2)


def files(world: World) -> list[File]:
    return list(world.files.values())


def without_last_reference(world: World, file: File) -> File:
    last = list(world.related_references(file))[-1]
    return replace(file, omitted=tuple((last.id, each) for each in last.related_from or ()))


# --- one file under several names ----------------------------------------------------------------

SHA256, SHA1, MD5 = "a" * 64, "b" * 40, "c" * 32


def world_with_three_hashes(collections: tuple[str, ...] = ("c",), references: int = 90) -> World:
    listed = [Reference.from_url(f"https://r.example/{number}") for number in range(references)]
    file = File(SHA256, SHA1, MD5, collections=collections)
    return World([file], listed, [Collection("c", "C", tuple(each.id for each in listed))])


def crawl_seeds(path: Path, world: World, *seeds: str, **options: object) -> Campaign:
    campaign = Campaign(path, world, undocumented=UndocumentedSettings(canonical_links=True))
    path.unlink()
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(seeds))
    campaign.crawl(**options)
    return campaign


def test_a_response_about_a_file_with_another_md5_is_refused(tmp_path) -> None:
    other = "d" * 32
    made = Campaign(
        tmp_path / "c.db",
        world_with_three_hashes(),
        undocumented=UndocumentedSettings(canonical_links=True),
    )
    made.path.unlink()
    respond = made.api.respond
    made.api.respond = lambda method, path, headers: respond(  # type: ignore[method-assign]
        method, path.replace(other, MD5), headers
    )
    with Store.open(made.path) as store:
        store.add_seeds(parse_seeds([MD5, other]))
    made.crawl()
    assert made.states() == {SHA256: COMPLETE, other: FAILED}
    assert {subject for subject, *_ in made.triples()} == {SHA256}
    with Store.read(made.path) as store:
        assert list(find_damage(store)) == []
        failed = next(row for row in store.statuses() if row.state == FAILED)
    assert (failed.error_code, failed.page_count) == ("PayloadError", 0)
    assert "which has another md5" in failed.detail


@pytest.mark.parametrize(
    "seeds",
    [(SHA256, SHA1, MD5), (MD5, SHA1, SHA256), (SHA1, SHA256, MD5), (MD5, SHA256), (SHA1, MD5)],
)
def test_three_hashes_of_a_file_become_one_node(tmp_path, seeds) -> None:
    campaign = crawl_seeds(tmp_path / "c.db", world_with_three_hashes(), *seeds)
    assert campaign.states() == {SHA256: COMPLETE}
    with Store.read(campaign.path) as store:
        graph = build_graph(store.observations(), subjects=store.subjects())
        assert list(find_damage(store)) == []
        assert store.totals().subjects == 1
    files = [key for key, node in graph.nodes(data=True) if node["type"] == "file"]
    assert files == [f"file:{SHA256}"]
    node = graph.nodes[files[0]]
    assert (node["seed"], node["state"]) == (True, COMPLETE)
    stated = {SHA1: "sha1", MD5: "md5"}
    assert {name: node.get(name) for name in ("sha1", "md5")} == {
        name: (hashed if hashed in seeds else None) for hashed, name in stated.items()
    }
    # A first page per hash, and the rest of one list.
    assert campaign.api.calls <= len(seeds) + 2


def test_a_known_hash_of_a_file_is_not_requested_again(tmp_path) -> None:
    campaign = crawl_seeds(tmp_path / "c.db", world_with_three_hashes(), MD5)
    before = campaign.api.calls
    with Store.open(campaign.path) as store:
        assert store.add_seeds(parse_seeds([MD5, SHA256])) == 0
    assert campaign.crawl() == []
    assert campaign.api.calls == before


def test_hashes_in_a_file_list_identify_the_file(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", world_with_three_hashes(references=1))
    campaign.path.unlink()
    with Store.open(campaign.path) as store:
        store.add_seeds(parse_seeds([MD5]))
    campaign.crawl()
    assert campaign.states() == {MD5: COMPLETE}
    campaign.crawl(depth=1)
    states = campaign.states()
    assert (MD5 in states, states[SHA256]) == (False, COMPLETE)

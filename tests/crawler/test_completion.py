"""Inferred references may have more collections; ``TaskQueue.complete`` requests their pages."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphbuild.emulator import Reference, World, generate_family_world
from graphbuild.emulator.http_messages import Response
from graphbuild.errors import BudgetExhaustedError
from graphbuild.models import COMPLETE, INFERRED, OBSERVED, PENDING, SHORT
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage
from tests.crawler.campaign import Campaign
from tests.crawler.test_refresh import DAY, audit, refresh
from tests.support.faults import Fault
from tests.support.frugal_crawls import (
    FAMILIES,
    Figures,
    RealFamilies,
    compare_crawls,
    family_world,
    hidden_world,
    inferred_pairs,
    random_world,
    real_family_world,
    urls_by_id,
    world_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from graphbuild.store import SubjectStatus

FILES = [f"{number:064x}" for number in range(1, 10)]


def frugal(path: Path, world: World) -> Campaign:
    campaign = Campaign(path, world)
    campaign.crawl(frugal=True)
    return campaign


def complete(campaign: Campaign, only: Iterable[str] = ()) -> int:
    with Store.open(campaign.path) as store:
        store.restrict_tasks(parse_seeds(only) if only else None)
        return store.tasks.complete()


def statuses(campaign: Campaign) -> list[SubjectStatus]:
    with Store.read(campaign.path) as store:
        assert list(find_damage(store)) == []
        return list(store.statuses())


def completion_calls(campaign: Campaign) -> int:
    with Store.read(campaign.path) as store:
        return store.tasks.completion_calls(40)


# --- any world -----------------------------------------------------------------------------------


@given(st.sampled_from([random_world, family_world]), st.integers(0, 2**32))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_missing_collections_are_marked_and_then_fetched(tmp_path, make, seed) -> None:
    rng, figures = random.Random(seed), Figures()
    compare_crawls(tmp_path, make(rng), rng, figures)
    assert figures.problems == []


@pytest.mark.skipif(not FAMILIES.exists(), reason=f"needs {FAMILIES}")
def test_missing_collections_of_real_families_are_marked_and_then_fetched(tmp_path) -> None:
    rng, families, figures = random.Random(7), RealFamilies(), Figures()
    while figures.worlds < 20:
        compare_crawls(tmp_path, real_family_world(rng, families), rng, figures)
    assert figures.problems == []
    assert figures.missing > 0


# --- one world -----------------------------------------------------------------------------------


def test_a_collection_on_unread_pages_is_missing_and_fetched_with_exactly_these_pages(
    tmp_path,
) -> None:
    campaign = frugal(tmp_path / "c.db", hidden_world())
    missing = campaign.world.triples() - campaign.triples()
    assert {(file, collection) for file, _, collection in missing} == {(FILES[1], "c1")}
    assert len(missing) == 10
    assert {(file, reference) for file, reference, _ in missing} <= inferred_pairs(campaign)
    assert len(inferred_pairs(campaign)) == 50
    assert (campaign.api.calls, completion_calls(campaign)) == (3 + 1, 2)
    assert complete(campaign) == 1
    assert [row.state for row in statuses(campaign)] == [COMPLETE, PENDING]
    campaign.crawl()
    assert campaign.api.calls == 3 + 1 + 2
    assert campaign.triples() == campaign.world.triples()
    assert inferred_pairs(campaign) == set()
    assert completion_calls(campaign) == complete(campaign) == 0


def test_the_known_references_never_exceed_the_expected_ones(tmp_path) -> None:
    campaign = frugal(tmp_path / "c.db", generate_family_world(2, 190))
    complete(campaign)
    counts = []
    for budget in range(7, 10):
        with pytest.raises(BudgetExhaustedError):
            campaign.crawl(max_calls=budget)
        (row,) = (row for row in statuses(campaign) if row.state == PENDING)
        counts.append((row.received_count, row.inferred_count))
        assert completion_calls(campaign) == 10 - budget
    assert counts == [(80, 110), (120, 70), (160, 30)]
    campaign.crawl()
    assert [(row.received_count, row.inferred_count) for row in statuses(campaign)] == [
        (190, 0)
    ] * 2


def test_the_known_references_never_exceed_the_expected_ones_in_an_audit(tmp_path) -> None:
    campaign = frugal(tmp_path / "c.db", generate_family_world(2, 90))
    audit(campaign, 1.0)
    for budget, received in (5, 40), (6, 80):
        with pytest.raises(BudgetExhaustedError):
            campaign.crawl(max_calls=budget)
        assert [(row.received_count, row.inferred_count) for row in statuses(campaign)] == [
            (90, 0),
            (received, 0),
        ]


def test_a_completion_is_limited_to_the_files_of_a_list(tmp_path) -> None:
    campaign = frugal(tmp_path / "c.db", generate_family_world(3, 90))
    selected = campaign.world.hashes()[1:2]
    assert complete(campaign, only=selected) == 1
    campaign.crawl()
    assert [row.inferred_count for row in statuses(campaign)] == [0, 0, 50]


def test_an_interrupted_completion_may_be_inferred_again(tmp_path) -> None:
    campaign = frugal(tmp_path / "c.db", generate_family_world(2, 190))
    complete(campaign)
    with pytest.raises(BudgetExhaustedError):
        campaign.crawl(max_calls=7)
    campaign.crawl(frugal=True)
    assert campaign.api.calls == 8
    assert [(row.received_count, row.inferred_count) for row in statuses(campaign)] == [
        (190, 0),
        (120, 70),
    ]
    assert len(inferred_pairs(campaign)) == 70
    complete(campaign)
    campaign.crawl()
    assert campaign.api.calls == 10
    assert inferred_pairs(campaign) == set()


def test_a_completion_with_workers_makes_the_same_calls(tmp_path) -> None:
    campaign = frugal(tmp_path / "c.db", generate_family_world(6, 190))
    complete(campaign)
    campaign.crawl(workers=4)
    assert campaign.api.calls == 6 * 5
    assert inferred_pairs(campaign) == set()


def test_a_list_is_restarted_if_the_service_refuses_its_cursor(tmp_path) -> None:
    campaign = frugal(tmp_path / "c.db", hidden_world())
    complete(campaign)
    campaign.api.add_faults(Fault("status", 400, match="cursor="))
    events = campaign.crawl()
    assert events[0].status.state == PENDING
    assert events[0].status.detail.endswith("; the list is requested from its first page")
    assert campaign.api.calls == 4 + 1 + 3
    assert campaign.triples() == campaign.world.triples()
    assert inferred_pairs(campaign) == set()
    assert {(row.state, row.detail) for row in statuses(campaign)} == {(COMPLETE, "")}


def test_a_list_whose_cursors_are_always_refused_is_restarted_once(tmp_path) -> None:
    campaign = frugal(tmp_path / "c.db", hidden_world())
    complete(campaign)
    campaign.api.add_faults(Fault("status", 400, match="cursor=", times=None))
    campaign.crawl()
    assert campaign.api.calls == 4 + 3
    assert campaign.states() == {FILES[0]: COMPLETE, FILES[1]: "failed"}
    assert len(inferred_pairs(campaign)) == 50


def test_inferences_that_no_page_of_their_pass_contains_are_refuted(tmp_path) -> None:
    world = hidden_world()
    campaign = frugal(tmp_path / "c.db", world)
    first, second = world.files.values()
    *_, last = world.related_references(first)
    changed = replace(second, omitted=((last.id, "c0"),))  # but it stays in c1
    campaign.api.world = world.replace(files=[first, changed])
    complete(campaign)
    campaign.crawl()
    assert campaign.triples() == campaign.api.world.triples()
    with Store.read(campaign.path) as store:
        current = {(each.subject.id, each.reference.id) for each in store.current_observations()}
    assert current == {row[:2] for row in campaign.triples()}
    assert [row.detail for row in statuses(campaign)] == [
        "",
        "inferred, but not returned by the API: 1 observation",
    ]


@pytest.mark.parametrize("audited", [False, True])
def test_inferences_are_settled_although_the_expected_count_changed(tmp_path, audited) -> None:
    campaign = frugal(tmp_path / "c.db", generate_family_world(2, 190))
    (row,) = (row for row in statuses(campaign) if row.inferred_count)
    if audited:
        audit(campaign, 1.0)
    else:
        complete(campaign)
    with pytest.raises(BudgetExhaustedError):
        campaign.crawl(max_calls=campaign.api.calls + 1)
    campaign.api.world = exchange_last_reference(campaign.world, row.subject.id, new=2)
    campaign.crawl()
    (row,) = (each for each in statuses(campaign) if each.subject == row.subject)
    assert (row.state, row.expected_count, row.received_count) == (COMPLETE, 191, 191)
    assert row.detail == (
        "the expected count changed between 190 and 191; 191 received; "
        "inferred, but not returned by the API: 1 observation"
    )
    assert inferred_pairs(campaign) == set()
    assert completion_calls(campaign) == complete(campaign) == 0


def exchange_last_reference(world: World, file: str, new: int) -> World:
    """Return a world in which ``new`` references replace the last reference of a file."""
    changed = world.files[file]
    *_, last = world.related_references(changed)
    references = [Reference.from_url(f"https://new.example/{number}") for number in range(new)]
    changed = replace(
        changed,
        omitted=tuple((last.id, collection) for collection in changed.collections),
        without_collection=tuple(each.id for each in references),
    )
    files = [changed if each.id == file else each for each in world.files.values()]
    return World(files, [*world.references.values(), *references], world.collections.values())


def test_a_refuted_inference_is_not_current_although_an_earlier_page_has_it(tmp_path) -> None:
    urls = urls_by_id(91)
    world = world_of([urls[:90]], [[0], [0]])
    campaign = Campaign(tmp_path / "c.db", world)
    campaign.crawl()
    campaign.clock.time += DAY
    refresh(campaign, 1.0)
    campaign.crawl(frugal=True)
    first, second = world.files.values()
    *_, last = world.related_references(first)
    other = world_of([urls], []).references
    changed = replace(
        second,
        omitted=((last.id, "c0"),),
        without_collection=tuple(each for each in other if each not in world.references),
    )
    campaign.api.world = World([first, changed], list(other.values()), world.collections.values())
    complete(campaign)
    campaign.crawl()
    removed = (FILES[1], last.id)
    assert removed in {row[:2] for row in campaign.triples()}  # from the first pass
    with Store.read(campaign.path) as store:
        current = {(each.subject.id, each.reference.id) for each in store.current_observations()}
    assert current == {row[:2] for row in campaign.api.world.triples()}


def test_a_short_list_continues_with_its_last_page(tmp_path) -> None:
    whole = world_of([urls_by_id(90), ["https://r.example/other"]], [[0], [0], [1]])
    first, second, third = whole.files.values()
    *_, last = whole.related_references(first)
    world = whole.replace(files=[first, replace(second, omitted=((last.id, "c0"),)), third])
    campaign = Campaign(tmp_path / "c.db", world.replace(files=[first]))
    campaign.crawl()
    campaign.api.world = world
    state_90_references(campaign, second.id)
    add_seed(campaign, second.id)
    with pytest.raises(BudgetExhaustedError):  # the last page of the second file is read once
        campaign.crawl(max_calls=6)
    add_seed(campaign, third.id)
    campaign.crawl(frugal=True)
    assert [(row.state, row.inferred_count) for row in statuses(campaign)] == [
        (COMPLETE, 0),
        (COMPLETE, 1),
        (COMPLETE, 0),
    ]
    assert (campaign.api.calls, completion_calls(campaign)) == (7, 1)
    complete(campaign)
    campaign.crawl()
    assert campaign.api.calls == 8
    _, row, _ = statuses(campaign)
    assert (row.state, row.received_count, row.inferred_count) == (SHORT, 89, 1)
    assert inferred_pairs(campaign) == {(second.id, last.id)}


def add_seed(campaign: Campaign, file: str) -> None:
    with Store.open(campaign.path) as store:
        store.add_seeds(parse_seeds([file]))


def state_90_references(campaign: Campaign, file: str) -> None:
    """Change the count on every page of a file to 90."""
    respond = campaign.api.respond

    def answer(method: str, path: str, headers: dict) -> Response:
        response = respond(method, path, {**headers, "Accept-Encoding": "identity"})
        page = json.loads(response.body)
        if file in path:
            page["meta"]["count"] = 90
        return Response.from_json(response.status, page)

    campaign.api.respond = answer  # type: ignore[method-assign]


def test_a_list_is_read_to_its_end_if_nothing_is_inferred(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(2, 40))
    respond = campaign.api.respond

    def answer(method: str, path: str, headers: dict) -> Response:
        """Respond with a cursor on the first page, and then with an empty page."""
        first, is_last, _ = path.partition("&cursor=end")
        page = json.loads(respond(method, first, {**headers, "Accept-Encoding": "identity"}).body)
        if is_last:
            page["data"] = []
        else:
            page["meta"]["cursor"] = "end"
            page["links"]["next"] = page["links"]["self"] + "&cursor=end"
        return Response.from_json(200, page)

    campaign.api.respond = answer  # type: ignore[method-assign]
    campaign.crawl(frugal=True)
    assert campaign.api.calls == 4
    assert [(row.state, row.inferred_count) for row in statuses(campaign)] == [(COMPLETE, 0)] * 2


# --- pairs that an earlier pass observed ----------------------------------------------------------


def test_a_pair_that_only_an_earlier_pass_observed_is_inferred(tmp_path) -> None:
    urls = urls_by_id(90)
    before, after = world_of([urls, urls[80:]], [[0], [0]]), hidden_world()
    campaign = Campaign(tmp_path / "c.db", before)
    campaign.crawl()
    first_day = campaign.clock.now()
    campaign.clock.time += DAY
    campaign.api.world = after
    refresh(campaign, 1.0)
    campaign.crawl(frugal=True)
    second_day = campaign.clock.now()
    missing = after.triples() - campaign.triples()
    assert len(missing) == 10
    assert {row[:2] for row in missing} <= inferred_pairs(campaign)
    campaign.clock.time += DAY
    complete(campaign)
    campaign.crawl()
    assert campaign.triples() == after.triples()
    assert inferred_pairs(campaign) == set()
    with Store.read(campaign.path) as store:
        kinds = {
            at: [each.provenance for each in store.current_observations(at)]
            for at in (first_day, second_day, inf)
        }
    assert {at: set(each) for at, each in kinds.items()} == {
        first_day: {OBSERVED},
        second_day: {OBSERVED, INFERRED},
        inf: {OBSERVED},
    }
    assert kinds[second_day].count(INFERRED) == 50

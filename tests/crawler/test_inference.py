"""Frugal crawls: no more calls than a plain crawl, the same edges, and no wrong inference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphbuild.emulator import (
    Collection,
    File,
    Reference,
    World,
    generate_family_world,
    generate_world,
)
from graphbuild.errors import BudgetExhaustedError
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage
from tests.crawler.campaign import Campaign
from tests.support.faults import Fault, rule_violators, violate_rule

if TYPE_CHECKING:
    from pathlib import Path


def crawl_world(path: Path, world: World, **options: object) -> Campaign:
    campaign = Campaign(path, world)
    campaign.crawl(**options)
    return campaign


def edges(campaign: Campaign) -> set[tuple[str, str]]:
    return {(subject, reference) for subject, reference, _ in campaign.triples()}


def crawl_both_ways(folder: Path, world: World) -> tuple[Campaign, Campaign]:
    folder.mkdir(exist_ok=True)
    for name in ("plain.db", "frugal.db"):
        (folder / name).unlink(missing_ok=True)
    return crawl_world(folder / "plain.db", world), crawl_world(
        folder / "frugal.db", world, frugal=True
    )


@pytest.mark.bulk
def test_files_in_one_collection_cost_one_call_each_and_one_full_list(tmp_path) -> None:
    world = generate_family_world(200, 241)
    plain, frugal = crawl_both_ways(tmp_path, world)
    assert plain.api.calls == 1_400
    assert frugal.api.calls == 206
    assert edges(frugal) == edges(plain)
    assert frugal.triples() == plain.triples()


@pytest.mark.parametrize("seed", range(6))
def test_a_frugal_crawl_of_generated_campaigns_needs_fewer_calls_for_the_same_edges(
    tmp_path, seed: int
) -> None:
    world = generate_world(seed, files_per_campaign=12, references_per_campaign=90)
    plain, frugal = crawl_both_ways(tmp_path, world)
    assert frugal.api.calls < plain.api.calls
    assert edges(frugal) == edges(plain)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw up to five collections with overlapping lists, and up to eight files in them."""
    total = draw(st.integers(1, 130))
    references = [Reference.from_url(f"https://r.example/{number}") for number in range(total)]
    ids = [reference.id for reference in references]
    collections = [
        Collection(
            f"c{number}",
            f"C{number}",
            tuple(ids[start : start + draw(st.integers(0, 100))]),
        )
        for number in range(draw(st.integers(1, 5)))
        for start in [draw(st.integers(0, total - 1))]
    ]
    names = [collection.id for collection in collections]
    files = [
        File(
            f"{number:064x}", collections=tuple(draw(st.lists(st.sampled_from(names), unique=True)))
        )
        for number in range(draw(st.integers(1, 8)))
    ]
    return World(files, references, collections)


@given(worlds())
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_frugal_crawl_of_any_world_needs_no_more_calls_for_the_same_edges(
    tmp_path, world
) -> None:
    plain, frugal = crawl_both_ways(tmp_path, world)
    assert frugal.api.calls <= plain.api.calls
    assert edges(frugal) == edges(plain)
    assert frugal.triples() <= plain.triples()


@pytest.mark.parametrize("seed", range(4))
def test_files_with_excess_references_are_reported_and_read_in_full(tmp_path, seed) -> None:
    full_world = generate_family_world(12, 120)
    world = violate_rule(full_world, share=0.4, seed=seed)
    plain, frugal = crawl_both_ways(tmp_path, world)
    assert frugal.api.calls <= plain.api.calls
    with Store.read(frugal.path) as store:
        reported = [row for row in store.statuses() if "than the API stated" in row.detail]
    reported_ids = {row.subject.id for row in reported}
    for row in reported:
        assert {pair for pair in edges(frugal) if pair[0] == row.subject.id} == {
            pair for pair in edges(plain) if pair[0] == row.subject.id
        }
    assert reported_ids <= rule_violators(world) | {world.hashes()[0]}


def test_one_file_with_an_excess_reference_is_read_in_full(tmp_path) -> None:
    full_world = generate_family_world(3, 90)
    *others, last = full_world.files.values()
    omitted = list(full_world.related_references(last))[-1]  # on no first page
    shorter = replace(
        last, omitted=tuple((omitted.id, each) for each in omitted.related_from or ())
    )
    campaign = crawl_world(
        tmp_path / "c.db", full_world.replace(files=[*others, shorter]), frugal=True
    )
    # A first page each, the rest of the shared list, and the rest of the deviating list.
    assert campaign.api.calls == 3 + 2 + 2
    with Store.read(campaign.path) as store:
        rows = {
            row.subject.id: (row.received_count, row.inferred_count, row.detail)
            for row in store.statuses()
        }
    assert rows[last.id] == (89, 0, "its collections contain 1 reference more than the API stated")
    assert sorted(rows[other.id] for other in others) == [(40, 50, ""), (90, 0, "")]
    assert campaign.triples() == campaign.world.triples()


def test_lists_read_in_earlier_runs_save_requests(tmp_path) -> None:
    world = generate_family_world(4, 90)
    campaign = Campaign(tmp_path / "c.db", world.replace(files=list(world.files.values())[:3]))
    campaign.crawl(frugal=True)
    assert campaign.api.calls == 3 + 2
    campaign.api.world = world
    with Store.open(campaign.path) as store:
        store.add_seeds(parse_seeds(world.hashes()))
    campaign.crawl(frugal=True)
    assert campaign.api.calls == 3 + 2 + 1
    assert campaign.triples() == world.triples()


def test_inferred_references_are_marked_and_counted(tmp_path) -> None:
    campaign = crawl_world(tmp_path / "c.db", generate_family_world(3, 90), frugal=True)
    with Store.read(campaign.path) as store:
        rows = list(store.statuses())
        assert sorted(row.inferred_count for row in rows) == [0, 50, 50]
        assert {row.received_count + row.inferred_count for row in rows} == {90}
        kinds = [one.provenance for one in store.observations()]
        assert kinds.count("inferred") == 100
        assert kinds.count("observed") == 170
        assert list(find_damage(store)) == []


def test_an_interrupted_frugal_crawl_saves_as_many_calls(tmp_path) -> None:
    world = generate_family_world(40, 241)
    campaign = Campaign(tmp_path / "c.db", world)
    for budget in (5, 39, 43, 44):
        with pytest.raises(BudgetExhaustedError):
            campaign.crawl(frugal=True, max_calls=budget)
    campaign.crawl(frugal=True)
    assert campaign.api.calls == 46
    assert campaign.triples() == world.triples()


def test_a_finished_frugal_campaign_costs_no_call(tmp_path) -> None:
    campaign = crawl_world(tmp_path / "c.db", generate_family_world(5, 90), frugal=True)
    before = campaign.api.calls
    campaign.crawl(frugal=True)
    campaign.crawl()
    assert campaign.api.calls == before


def test_nothing_is_inferred_from_a_list_that_changes_while_it_is_read(tmp_path) -> None:
    world = generate_family_world(4, 120)
    campaign = Campaign(tmp_path / "c.db", world, faults=[Fault("count_high", after=5, times=None)])
    campaign.crawl(frugal=True)
    with Store.read(campaign.path) as store:
        assert {row.inferred_count for row in store.statuses()} == {0}


def test_nothing_is_inferred_for_a_file_whose_stated_count_changed(tmp_path) -> None:
    world = generate_family_world(3, 120)
    last = world.hashes()[2]
    # Only the first page about the last file announces another number than all the rest.
    fault = Fault("count_low", match=last, times=1)
    campaign = Campaign(tmp_path / "c.db", world, faults=[fault])
    campaign.crawl(frugal=True)
    with Store.read(campaign.path) as store:
        rows = {row.subject.id: row for row in store.statuses()}
    assert rows[last].inferred_count == 0
    assert campaign.triples() == world.triples()
    with Store.read(campaign.path) as store:
        counts = [
            store.inferences.observed_references(number).count
            for number in store.tasks.ids("complete")
        ]
    assert counts == [120, 120, None]

"""A frugal crawl: never a call more than a plain one, the same edges, and doubts are told."""

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


def crawled(path: Path, world: World, **how: object) -> Campaign:
    made = Campaign(path, world)
    made.crawl(**how)
    return made


def edges(made: Campaign) -> set[tuple[str, str]]:
    return {(subject, reference) for subject, reference, _ in made.triples()}


def both(folder: Path, world: World) -> tuple[Campaign, Campaign]:
    folder.mkdir(exist_ok=True)
    for name in ("plain.db", "frugal.db"):
        (folder / name).unlink(missing_ok=True)
    return crawled(folder / "plain.db", world), crawled(folder / "frugal.db", world, frugal=True)


@pytest.mark.bulk
def test_a_family_that_shares_one_collection_costs_a_call_a_file_and_one_list(tmp_path) -> None:
    world = generate_family_world(200, 241)
    plain, frugal = both(tmp_path, world)
    assert plain.api.calls == 1_400
    assert frugal.api.calls == 206
    assert edges(frugal) == edges(plain)
    assert frugal.triples() == plain.triples()


@pytest.mark.parametrize("seed", range(6))
def test_on_made_up_campaigns_it_costs_less_and_gives_the_same_edges(tmp_path, seed: int) -> None:
    world = generate_world(seed, files_per_campaign=12, references_per_campaign=90)
    plain, frugal = both(tmp_path, world)
    assert frugal.api.calls < plain.api.calls
    assert edges(frugal) == edges(plain)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Up to five collections with overlapping lists, up to eight files in any of them."""
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
def test_on_any_world_it_costs_no_call_more_and_gives_the_same_edges(tmp_path, world) -> None:
    plain, frugal = both(tmp_path, world)
    assert frugal.api.calls <= plain.api.calls
    assert edges(frugal) == edges(plain)
    assert frugal.triples() <= plain.triples()


@pytest.mark.parametrize("seed", range(4))
def test_where_more_follows_than_was_announced_it_is_told_and_read_in_full(tmp_path, seed) -> None:
    whole = generate_family_world(12, 120)
    world = violate_rule(whole, share=0.4, seed=seed)
    plain, frugal = both(tmp_path, world)
    assert frugal.api.calls <= plain.api.calls
    with Store.read(frugal.path) as store:
        doubts = [row for row in store.statuses() if "too many" in row.detail]
    told = {row.subject.id for row in doubts}
    for row in doubts:
        assert {pair for pair in edges(frugal) if pair[0] == row.subject.id} == {
            pair for pair in edges(plain) if pair[0] == row.subject.id
        }
    assert told <= rule_violators(world) | {world.hashes()[0]}


def test_a_file_of_which_too_much_would_follow_is_doubted_and_read_in_full(tmp_path) -> None:
    whole = generate_family_world(3, 90)
    *others, last = whole.files.values()
    gone = list(whole.related_references(last))[-1]  # on no first page
    lacking = replace(last, omitted=tuple((gone.id, each) for each in gone.related_from or ()))
    made = crawled(tmp_path / "c.db", whole.replace(files=[*others, lacking]), frugal=True)
    # A first page each, the rest of one list that all share, and the rest of the odd one's.
    assert made.api.calls == 3 + 2 + 2
    with Store.read(made.path) as store:
        rows = {
            row.subject.id: (row.received_count, row.inferred_count, row.detail)
            for row in store.statuses()
        }
    assert rows[last.id] == (89, 0, "its collections hold 1 references too many")
    assert sorted(rows[other.id] for other in others) == [(40, 50, ""), (90, 0, "")]
    assert made.triples() == made.world.triples()


def test_what_earlier_runs_read_to_the_end_spares_a_later_one_as_much(tmp_path) -> None:
    world = generate_family_world(4, 90)
    made = Campaign(tmp_path / "c.db", world.replace(files=list(world.files.values())[:3]))
    made.crawl(frugal=True)
    assert made.api.calls == 3 + 2
    made.api.world = world
    with Store.open(made.path) as store:
        store.add_seeds(parse_seeds(world.hashes()))
    made.crawl(frugal=True)
    assert made.api.calls == 3 + 2 + 1
    assert made.triples() == world.triples()


def test_what_is_inferred_is_marked_and_counted(tmp_path) -> None:
    made = crawled(tmp_path / "c.db", generate_family_world(3, 90), frugal=True)
    with Store.read(made.path) as store:
        rows = list(store.statuses())
        assert sorted(row.inferred_count for row in rows) == [0, 50, 50]
        assert {row.received_count + row.inferred_count for row in rows} == {90}
        kinds = [one.provenance for one in store.observations()]
        assert kinds.count("inferred") == 100
        assert kinds.count("observed") == 170
        assert list(find_damage(store)) == []


def test_an_interrupted_frugal_crawl_goes_on_and_spares_as_much(tmp_path) -> None:
    world = generate_family_world(40, 241)
    made = Campaign(tmp_path / "c.db", world)
    for budget in (5, 39, 43, 44):
        with pytest.raises(BudgetExhaustedError):
            made.crawl(frugal=True, max_calls=budget)
    made.crawl(frugal=True)
    assert made.api.calls == 46
    assert made.triples() == world.triples()


def test_a_finished_frugal_campaign_costs_no_call(tmp_path) -> None:
    made = crawled(tmp_path / "c.db", generate_family_world(5, 90), frugal=True)
    before = made.api.calls
    made.crawl(frugal=True)
    made.crawl()
    assert made.api.calls == before


def test_a_list_that_moves_while_it_is_read_teaches_nothing(tmp_path) -> None:
    world = generate_family_world(4, 120)
    made = Campaign(tmp_path / "c.db", world, faults=[Fault("count_high", after=5, times=None)])
    made.crawl(frugal=True)
    with Store.read(made.path) as store:
        assert {row.inferred_count for row in store.statuses()} == {0}


def test_an_announced_number_that_moved_is_no_ground_to_conclude_from(tmp_path) -> None:
    world = generate_family_world(3, 120)
    last = world.hashes()[2]
    # Only the first page about the last file announces another number than all the rest.
    fault = Fault("count_low", match=last, times=1)
    made = Campaign(tmp_path / "c.db", world, faults=[fault])
    made.crawl(frugal=True)
    with Store.read(made.path) as store:
        rows = {row.subject.id: row for row in store.statuses()}
    assert rows[last].inferred_count == 0
    assert made.triples() == world.triples()
    with Store.read(made.path) as store:
        counts = [
            store.tasks.observed_references(number).count for number in store.tasks.ids("complete")
        ]
    assert counts == [120, 120, None]

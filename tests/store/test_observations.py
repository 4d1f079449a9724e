"""Current observations and states at a time, for lists that were requested more than once."""

from __future__ import annotations

import random
from math import inf

import pytest

from graphbuild.emulator import Collection, File, Reference, World, generate_family_world
from graphbuild.errors import BudgetExhaustedError
from graphbuild.models import COMPLETE, FAILED, INCOMPLETE, PENDING
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.crawler.campaign import Campaign
from tests.crawler.test_refresh import DAY, refresh, world_of
from tests.support.faults import Fault

FILE = "a" * 64


def triples(campaign: Campaign, at: float = inf) -> set:
    with Store.read(campaign.path) as store:
        return {
            (one.subject.id, one.reference.id, one.related_from and one.related_from.id)
            for one in store.current_observations(at)
        }


def states(campaign: Campaign, at: float = inf) -> dict[str, str]:
    with Store.read(campaign.path) as store:
        return {subject.id: state for subject, state in store.states(at)}


def random_world(rng: random.Random) -> World:
    """Return a world with the same five files in random collections of random references."""
    references = [Reference.from_url(f"https://r.example/{number}") for number in range(130)]
    collections = [
        Collection(f"c{n}", f"C{n}", tuple(rng.sample([r.id for r in references], size)))
        for n, size in enumerate((3, 41, 90))
    ]
    files = [
        File(f"{n:064x}", collections=tuple(rng.sample(["c0", "c1", "c2"], n % 3 + 1)))
        for n in range(1, 6)
    ]
    return World(files, references, collections)


@pytest.mark.parametrize("frugal", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_observations_of_each_day_are_those_of_its_world(tmp_path, seed: int, frugal) -> None:
    rng = random.Random(seed)
    worlds = [random_world(rng) for _ in range(3)]
    campaign = Campaign(tmp_path / "c.db", worlds[0])
    times = []
    for world in worlds:
        campaign.api.world = world
        refresh(campaign, 1.0)
        campaign.crawl(frugal=frugal)
        times.append(campaign.clock.now())
        campaign.clock.time += DAY
    assert triples(campaign, times[0] - 1) == set()
    assert pairs(triples(campaign)) == pairs(worlds[-1].triples())
    assert states(campaign) == dict.fromkeys(campaign.states(), COMPLETE)
    for time, world in zip(times, worlds, strict=True):
        observations_then, states_then = triples(campaign, time), states(campaign, time)
        if not frugal:
            assert observations_then == world.triples()
            assert set(states_then.values()) == {COMPLETE}
        # References inferred by two frugal crawls also count as observed between them.
        assert pairs(observations_then) >= pairs(world.triples())


def pairs(observations: set) -> set:
    """Drop the collections, which a frugal crawl does not guarantee."""
    return {(file, reference) for file, reference, _ in observations}


def test_unfinished_pass_adds_to_the_last_complete_one(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", world_of(*range(90)))
    campaign.crawl()
    before = campaign.clock.now()
    campaign.clock.time += 7 * DAY
    campaign.api.world = changed = world_of(*range(50, 150))
    refresh(campaign, DAY)
    with pytest.raises(BudgetExhaustedError):
        campaign.crawl(max_calls=3 + 1)
    half = triples(campaign)
    assert world_of(*range(90)).triples() < half
    assert len(half) == 90 + len(half & changed.triples() - world_of(*range(90)).triples())
    assert (states(campaign), states(campaign, campaign.clock.now())) == (
        {FILE: PENDING},
        {FILE: INCOMPLETE},
    )
    campaign.crawl()
    assert triples(campaign) == changed.triples()
    assert triples(campaign, before) == world_of(*range(90)).triples()


def test_all_pages_count_before_the_first_complete_pass(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", world_of(*range(90)))
    assert states(campaign, campaign.clock.now()) == {FILE: PENDING}
    with pytest.raises(BudgetExhaustedError):
        campaign.crawl(max_calls=2)
    assert len(triples(campaign)) == 80
    assert states(campaign, campaign.clock.now()) == {FILE: INCOMPLETE}


def test_failure_after_a_complete_pass_removes_nothing(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", world_of(1, 2))
    campaign.crawl()
    before = triples(campaign)
    campaign.clock.time += 7 * DAY
    campaign.api.world = World([], [], [])
    refresh(campaign, DAY)
    campaign.crawl()
    assert triples(campaign) == before
    assert states(campaign) == {FILE: FAILED}


def test_refuted_inferences_are_never_current(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(3, 90))
    campaign.crawl(frugal=True)
    before = campaign.clock.now()
    initial = triples(campaign)
    assert initial == campaign.world.triples()
    campaign.clock.time += DAY
    collections = campaign.world.collections.values()
    campaign.api.world = campaign.world.replace(
        collections=[Collection(each.id, each.name, each.references[:60]) for each in collections]
    )
    with Store.open(campaign.path) as store:
        store.tasks.audit(1.0, random.Random(1))
    campaign.crawl()
    assert triples(campaign, before) == triples(campaign, before) & campaign.triples()
    assert triples(campaign, before) < initial


def test_subject_added_later_was_pending_before(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(2, 20))
    campaign.crawl()
    observations_then = campaign.clock.now()
    campaign.clock.time += DAY
    with Store.open(campaign.path) as store:
        store.add_seeds(parse_seeds(["e" * 64]))
    campaign.crawl()
    assert states(campaign, observations_then)["e" * 64] == PENDING
    assert states(campaign)["e" * 64] == FAILED


def unknown(campaign: Campaign, at: float = inf) -> list[str]:
    with Store.read(campaign.path) as store:
        return [subject.id for subject in store.unknown_subjects(at)]


def test_a_subject_is_unknown_from_the_response_not_found_until_its_first_page(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", world_of(1))
    empty = campaign.api.world.replace(files=[])
    known, campaign.api.world = campaign.api.world, empty
    before = campaign.clock.now() - 1
    campaign.crawl()
    first = campaign.clock.now()
    assert (unknown(campaign, before), unknown(campaign)) == ([], [FILE])
    for world, expected in ((known, []), (empty, [])):  # a file with pages is not unknown
        campaign.clock.time += DAY
        campaign.api.world = world
        refresh(campaign, 1.0)
        campaign.crawl()
        assert unknown(campaign) == expected
    assert unknown(campaign, first) == [FILE]


def test_a_subject_that_fails_for_another_reason_is_not_unknown(tmp_path) -> None:
    campaign = Campaign(tmp_path / "c.db", world_of(1))
    campaign.api.add_faults(Fault("status", 400, times=None))
    campaign.crawl()
    assert states(campaign) == {FILE: FAILED}
    assert unknown(campaign) == []

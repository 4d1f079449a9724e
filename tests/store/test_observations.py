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

FILE = "a" * 64


def triples(made: Campaign, at: float = inf) -> set:
    with Store.read(made.path) as store:
        return {
            (one.subject.id, one.reference.id, one.related_from and one.related_from.id)
            for one in store.current_observations(at)
        }


def states(made: Campaign, at: float = inf) -> dict[str, str]:
    with Store.read(made.path) as store:
        return {subject.id: state for subject, state in store.states(at)}


def random_world(chance: random.Random) -> World:
    """The same five files, in collections that hold what they hold this time."""
    references = [Reference.from_url(f"https://r.example/{number}") for number in range(130)]
    collections = [
        Collection(f"c{n}", f"C{n}", tuple(chance.sample([r.id for r in references], size)))
        for n, size in enumerate((3, 41, 90))
    ]
    files = [
        File(f"{n:064x}", collections=tuple(chance.sample(["c0", "c1", "c2"], n % 3 + 1)))
        for n in range(1, 6)
    ]
    return World(files, references, collections)


@pytest.mark.parametrize("frugal", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_observations_of_each_day_are_those_of_its_world(tmp_path, seed: int, frugal) -> None:
    chance = random.Random(seed)
    worlds = [random_world(chance) for _ in range(3)]
    made = Campaign(tmp_path / "c.db", worlds[0])
    times = []
    for world in worlds:
        made.api.world = world
        refresh(made, 1.0)
        made.crawl(frugal=frugal)
        times.append(made.clock.now())
        made.clock.time += DAY
    assert triples(made, times[0] - 1) == set()
    assert pairs(triples(made)) == pairs(worlds[-1].triples())
    assert states(made) == dict.fromkeys(made.states(), COMPLETE)
    for time, world in zip(times, worlds, strict=True):
        then, stood = triples(made, time), states(made, time)
        if not frugal:
            assert then == world.triples()
            assert set(stood.values()) == {COMPLETE}
        # What a frugal crawl inferred twice, nothing tells of the time between.
        assert pairs(then) >= pairs(world.triples())


def pairs(told: set) -> set:
    """Without collections: a frugal crawl promises no more."""
    return {(file, reference) for file, reference, _ in told}


def test_unfinished_pass_adds_to_the_last_complete_one(tmp_path) -> None:
    made = Campaign(tmp_path / "c.db", world_of(*range(90)))
    made.crawl()
    before = made.clock.now()
    made.clock.time += 7 * DAY
    made.api.world = changed = world_of(*range(50, 150))
    refresh(made, DAY)
    with pytest.raises(BudgetExhaustedError):
        made.crawl(max_calls=3 + 1)
    half = triples(made)
    assert world_of(*range(90)).triples() < half
    assert len(half) == 90 + len(half & changed.triples() - world_of(*range(90)).triples())
    assert (states(made), states(made, made.clock.now())) == ({FILE: PENDING}, {FILE: INCOMPLETE})
    made.crawl()
    assert triples(made) == changed.triples()
    assert triples(made, before) == world_of(*range(90)).triples()


def test_all_pages_count_before_the_first_complete_pass(tmp_path) -> None:
    made = Campaign(tmp_path / "c.db", world_of(*range(90)))
    assert states(made, made.clock.now()) == {FILE: PENDING}
    with pytest.raises(BudgetExhaustedError):
        made.crawl(max_calls=2)
    assert len(triples(made)) == 80
    assert states(made, made.clock.now()) == {FILE: INCOMPLETE}


def test_failure_after_a_complete_pass_removes_nothing(tmp_path) -> None:
    made = Campaign(tmp_path / "c.db", world_of(1, 2))
    made.crawl()
    before = triples(made)
    made.clock.time += 7 * DAY
    made.api.world = World([], [], [])
    refresh(made, DAY)
    made.crawl()
    assert triples(made) == before
    assert states(made) == {FILE: FAILED}


def test_refuted_inferences_are_never_current(tmp_path) -> None:
    made = Campaign(tmp_path / "c.db", generate_family_world(3, 90))
    made.crawl(frugal=True)
    before = made.clock.now()
    known = triples(made)
    assert known == made.world.triples()
    made.clock.time += DAY
    held = made.world.collections.values()
    made.api.world = made.world.replace(
        collections=[Collection(each.id, each.name, each.references[:60]) for each in held]
    )
    with Store.open(made.path) as store:
        store.tasks.audit(1.0, random.Random(1))
    made.crawl()
    assert triples(made, before) == triples(made, before) & made.triples()
    assert triples(made, before) < known


def test_subject_added_later_was_pending_before(tmp_path) -> None:
    made = Campaign(tmp_path / "c.db", generate_family_world(2, 20))
    made.crawl()
    then = made.clock.now()
    made.clock.time += DAY
    with Store.open(made.path) as store:
        store.add_seeds(parse_seeds(["e" * 64]))
    made.crawl()
    assert states(made, then)["e" * 64] == PENDING
    assert states(made)["e" * 64] == FAILED

"""Which version of a list a merge keeps, the times and names it unites, and reported conflicts."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphbuild._util import format_timestamp
from graphbuild.emulator import Collection, File, Reference, World, generate_family_world
from graphbuild.errors import BudgetExhaustedError, StoreError
from graphbuild.models import COMPLETE, FAILED, OBSERVED, PENDING
from graphbuild.store import Store, find_damage
from graphbuild.store.shards import Shard
from tests.store.save_fixture import saved_file
from tests.store.test_merge import assert_intact, change, crawls_of, rows_of
from tests.support.sharded_crawls import Crawls, contents, merge_files, triples

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sharded_crawls import MergeResult

FILE = "a" * 64
DAY = 86_400.0


def world_of(*numbers: int, name: str = "C") -> World:
    """Return a world of one file in one collection with these references."""
    references = [Reference.from_url(f"https://r.example/{number}") for number in numbers]
    collection = Collection("c", name, tuple(each.id for each in references))
    return World([File(sha256=FILE, collections=("c",))], references, [collection])


def crawl(folder: Path, name: str, world: World, day: float, **options: object) -> Path:
    """Crawl the only file of a world on a given day."""
    crawls = Crawls(folder, world, [FILE])
    crawls.clock.time += day * DAY
    return crawls.crawl(name, **options)


def merged(folder: Path, *sources: Path) -> tuple[Path, list[MergeResult]]:
    path = folder / "all.db"
    path.unlink(missing_ok=True)
    return path, merge_files(path, sources)


def times(path: Path) -> dict[tuple[str, str], tuple[float | None, float | None]]:
    with Store.read(path) as store:
        return {
            (each.subject.key, each.reference.key): (each.first_seen, each.last_seen)
            for each in store.observations()
        }


def observed_times(path: Path) -> dict[tuple[str, str, str | None], tuple[float, float]]:
    """Return the first and the last time of each triple that is not only inferred."""
    with Store.read(path) as store:
        return {
            (each.subject.key, each.reference.key, each.related_from and each.related_from.key): (
                each.first_seen or 0,
                each.last_seen or 0,
            )
            for each in store.observations()
            if each.provenance == OBSERVED
        }


def states(path: Path) -> list[str]:
    with Store.read(path) as store:
        return [each.state for each in store.statuses()]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_observations_of_both_files_are_kept_with_their_first_and_last_times(
    tmp_path, order
) -> None:
    old = crawl(tmp_path, "old.db", world_of(1, 2), 1)
    new = crawl(tmp_path, "new.db", world_of(2, 3), 9)
    path, results = merged(tmp_path, *((old, new)[index] for index in order))
    assert triples(path) == triples(old) | triples(new)
    before, after, both = times(old), times(new), times(path)
    for key, seen in both.items():
        known = [*before.get(key, ()), *after.get(key, ())]
        assert seen == (min(known), max(known))
    (conflict,) = [each for result in results for each in result.conflicts]
    assert "the newest passes differ (2 entries and 2 entries)" in str(conflict)
    with Store.read(new) as store:
        newest = format_timestamp(store.last_response_time() or 0)
    assert (
        conflict.kept
        == f"the list that is complete ({newest}), with the observations of both files"
    )
    assert_intact(path)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("frugal", [False, True])
def test_independent_crawls_of_a_changing_world_are_united_in_any_order(
    tmp_path, seed, frugal
) -> None:
    crawls, rng = crawls_of(tmp_path / "c", seed, hashes=False)
    seeds, paths, options = list(crawls.seeds), [], [{}, {"frugal": frugal}, {"quick": True}]
    for name in ("a.db", "b.db", "c.db"):
        crawls.seeds = rng.sample(seeds, rng.randint(1, len(seeds)))
        paths.append(crawls.crawl(name, **rng.choice(options)))
        crawls.world = change(crawls.world, rng)
        crawls.clock.time += DAY
    found = [observed_times(path) for path in paths]
    expected = {
        key: (
            min(each[key][0] for each in found if key in each),
            max(each[key][1] for each in found if key in each),
        )
        for key in set().union(*found)
    }
    rng.shuffle(paths)
    path = crawls.folder / "all.db"
    merge_files(path, paths)
    assert expected.keys() <= triples(path)
    if not frugal:  # the times of inferences that are kept count, too
        assert observed_times(path) == expected
    assert_intact(path)
    before = rows_of(path)
    merge_files(path, paths)
    assert rows_of(path) == before


def test_pages_that_were_equal_to_a_moved_page_keep_their_observations(tmp_path) -> None:
    world = generate_family_world(3, 30)  # the lists are equal, so their facts are stored once
    crawls = Crawls(tmp_path, world, world.hashes()[:1])
    old = crawls.crawl("old.db")
    crawls.seeds = world.hashes()
    new = crawls.crawl("new.db")
    path, _ = merged(tmp_path, new, old)
    assert triples(path) == triples(new)
    assert_intact(path)


def test_the_newest_pass_is_the_current_one(tmp_path) -> None:
    old = crawl(tmp_path, "old.db", world_of(1, 2), 1)
    new = crawl(tmp_path, "new.db", world_of(2, 3), 9)
    for sources in ((old, new), (new, old)):
        path, _ = merged(tmp_path, *sources)
        with Store.read(path) as store, Store.read(new) as expected:
            current = {each.reference.key for each in store.current_observations()}
            assert current == {each.reference.key for each in expected.current_observations()}


def test_edges_are_marked_as_after_a_frugal_refresh(tmp_path) -> None:
    world = generate_family_world(4, 90)
    crawls = Crawls(tmp_path, world, world.hashes())
    plain = crawls.crawl("plain.db")
    crawls.clock.time += DAY
    frugal = crawls.crawl("frugal.db", frugal=True)
    assert len(observed_times(frugal)) < len(observed_times(plain)) == 4 * 90
    for sources in ((plain, frugal), (frugal, plain)):
        path, _ = merged(tmp_path, *sources)
        assert observed_times(path).keys() == observed_times(frugal).keys()
        assert triples(path) == triples(plain)


@pytest.mark.parametrize("replaced", [0, 70])
def test_a_list_is_continued_although_another_file_has_later_pages(tmp_path, replaced) -> None:
    """Pages of another file do not count as pages of the newest pass."""
    world = world_of(*range(150))
    for name, day in (("early.db", 1), ("late.db", 5)):
        with suppress(BudgetExhaustedError):
            crawl(tmp_path, name, world, day, max_calls=2)
    early, late = crawl(tmp_path, "early.db", world, 9), tmp_path / "late.db"
    assert (states(early), states(late)) == ([COMPLETE], [PENDING])
    path, _ = merged(tmp_path, late, early)
    assert states(path) == [PENDING]  # the newest pass is that of the other file
    changed = world_of(*range(150 - replaced), *range(200, 200 + replaced))
    for name in ("all.db", "late.db"):
        crawl(tmp_path, name, changed, 10)
    with Store.read(path) as united, Store.read(late) as alone:
        (one,), (other,) = united.statuses(), alone.statuses()
    assert (one.state, one.detail, one.received_count) == (COMPLETE, "", other.received_count)
    assert triples(path) == triples(early) | triples(late)
    assert_intact(path)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_newest_name_of_a_collection_is_kept(tmp_path, order) -> None:
    old = crawl(tmp_path, "old.db", world_of(1, name="Old"), 1)
    new = crawl(tmp_path, "new.db", world_of(1, name="New"), 9)
    path, _ = merged(tmp_path, *((old, new)[index] for index in order))
    with Store.read(path) as store:
        (observation,) = store.observations()
    assert observation.related_from
    assert observation.related_from.attributes["name"] == "New"


def test_a_complete_list_beats_an_unread_and_a_failed_one(tmp_path) -> None:
    unread = tmp_path / "unread.db"
    with Store.open(unread) as store:
        store.add_seeds(Crawls(tmp_path, world_of(1), [FILE]).parsed_seeds())
    failed = crawl(tmp_path, "failed.db", World([], [], []), 5)
    whole = crawl(tmp_path, "whole.db", world_of(1), 1)
    assert (states(unread), states(failed), states(whole)) == ([PENDING], [FAILED], [COMPLETE])
    assert states(merged(tmp_path, unread, failed)[0]) == [FAILED]
    for sources in ((unread, failed, whole), (whole, failed, unread), (failed, whole, unread)):
        path, results = merged(tmp_path, *sources)
        assert states(path) == [COMPLETE]
        assert contents(path) == contents(whole)
        assert not any(each.conflicts for each in results)


def test_a_list_that_was_continued_replaces_its_earlier_state(tmp_path) -> None:
    crawls = Crawls(tmp_path, world_of(*range(100)), [FILE])
    with pytest.raises(BudgetExhaustedError):
        crawls.crawl("a.db", max_calls=2)
    path, _ = merged(tmp_path, tmp_path / "a.db")
    assert states(path) == [PENDING]
    crawls.crawl("a.db")
    (result,) = merge_files(path, [tmp_path / "a.db"])
    assert (result.pages, result.lists, result.calls, result.conflicts) == (1, 1, 1, [])
    assert contents(path) == contents(tmp_path / "a.db")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_shards_that_are_merged_several_times_equal_one_crawl(tmp_path, seed) -> None:
    crawls, rng = crawls_of(tmp_path / "c", seed)
    whole = crawls.crawl("whole.db")
    path = crawls.folder / "all.db"
    for calls in (1, 3, None):
        for number in (1, 2):
            with suppress(BudgetExhaustedError):
                crawls.crawl(f"{number}.db", Shard(number, 2), max_calls=calls)
        if rng.random() < 0.8 or calls is None:
            merge_files(path, [crawls.folder / "1.db", crawls.folder / "2.db"])
            assert_intact(path)
    assert contents(path) == contents(whole)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_merging_two_lists_equals_a_crawl_of_one_after_the_other(tmp_path, seed) -> None:
    crawls, rng = crawls_of(tmp_path / "c", seed, hashes=False)
    whole = crawls.crawl("whole.db")
    cut = rng.randint(0, len(crawls.seeds))
    seeds = list(crawls.seeds)
    parts = []
    for name, part in (("first.db", seeds[:cut]), ("second.db", seeds[cut:])):
        crawls.seeds = part
        parts.append(crawls.crawl(name))
    path = crawls.folder / "all.db"
    merge_files(path, parts)
    assert contents(path) == contents(whole)


def test_a_hash_of_different_files_is_reported(tmp_path) -> None:
    """MD5 collisions exist, so two crawls can find different files by one MD5."""
    md5, files = "d" * 32, ("1" * 64, "2" * 64)
    paths = []
    for sha256 in files:
        reference = Reference.from_url("https://r.example/1")
        collection = Collection("c", "C", (reference.id,))
        world = World([File(sha256=sha256, md5=md5, collections=("c",))], [reference], [collection])
        crawls = Crawls(tmp_path, world, [md5])
        paths.append(crawls.crawl(f"{sha256[0]}.db", describe=["files"]))
    path, results = merged(tmp_path, *paths)
    (conflict,) = results[1].conflicts
    assert str(conflict) == (
        f"{md5}: the two campaign files give this hash to different files"
        f" ({files[0]} and {files[1]}); kept: {files[0]}"
    )
    assert {subject for subject, *_ in triples(path)} == {f"file:{each}" for each in files}


def test_different_api_flavors_are_reported(tmp_path) -> None:
    paths = []
    for flavor in ("classic", "gti"):
        paths.append(tmp_path / f"{flavor}.db")
        with Store.open(paths[-1]) as store:
            store.api_info.save_flavor(flavor)
    path, results = merged(tmp_path, *paths)
    assert [str(each) for each in results[1].conflicts] == [
        "campaign: the API flavors differ (classic and gti); kept: classic"
    ]
    with Store.read(path) as store:
        assert store.api_info.flavor() == "classic"


def test_a_damaged_page_is_refused(tmp_path) -> None:
    source = crawl(tmp_path, "a.db", world_of(1), 1)
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE page SET body = x'00'")
    with pytest.raises(StoreError, match="a page is damaged; see graphbuild check"):
        merged(tmp_path, source)


def test_a_damaged_shard_is_reported(tmp_path) -> None:
    path = crawl(tmp_path, "a.db", world_of(1), 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO metadata (name, value) VALUES ('shard', 'x')")
    with Store.read(path) as store:
        assert [each.problem for each in find_damage(store)] == ["the shard 'x' is invalid"]
        with pytest.raises(StoreError, match="the stored shard is damaged"):
            store.tasks.stored_shard()


@pytest.mark.parametrize("version", [1, 3, 5])
def test_a_file_of_an_earlier_schema_is_merged_and_not_changed(tmp_path, version) -> None:
    source = saved_file(version, tmp_path)
    before = source.read_bytes()
    path, _ = merged(tmp_path, source)
    assert source.read_bytes() == before
    assert contents(path) == contents(source)
    with Store.read(path) as store, Store.read(source) as old:
        assert store.totals() == old.totals()
        assert list(find_damage(store)) == []
    again = rows_of(path)
    assert not merge_files(path, [source])[0].is_new()
    assert rows_of(path) == again


def test_the_shards_of_all_lists_are_disjoint_and_complete() -> None:
    rng = random.Random(1)
    keys = [f"file:{rng.randbytes(32).hex()}" for _ in range(2_000)]
    owners = [[n for n in range(1, 6) if Shard(n, 5).contains(key)] for key in keys]
    assert all(len(each) == 1 for each in owners)
    sizes = [sum(each == [n] for each in owners) for n in range(1, 6)]
    assert min(sizes) > 300  # of 400 on average

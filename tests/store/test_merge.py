"""Merging campaign files: shards of a crawl, overlapping files, conflicts and repetitions."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphbuild.emulator import Collection, File, Reference, World, generate_family_world
from graphbuild.store import Store, find_damage
from graphbuild.store.shards import Shard
from tests.support.sharded_crawls import (
    Crawls,
    contents,
    merge_files,
    random_seeds,
    random_world,
    triples,
)

if TYPE_CHECKING:
    from pathlib import Path

PROPERTY = settings(max_examples=7, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEEDS = st.integers(0, 2**32)


def crawls_of(folder: Path, seed: int, *, hashes: bool = True) -> tuple[Crawls, random.Random]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rng = random.Random(seed)
    world = random_world(rng)
    return Crawls(folder, world, random_seeds(rng, world, hashes=hashes)), rng


def change(world: World, rng: random.Random) -> World:
    """Return a world with other titles and names, and with fewer references in collections."""
    return World(
        world.files.values(),
        [replace(each, attributes={"title": "New title"}) for each in world.references.values()],
        [
            replace(
                each,
                name=f"New {each.name}",
                references=tuple(each.references[: rng.randint(0, len(each.references))]),
            )
            for each in world.collections.values()
        ],
        indicators=world.indicators,
    )


def crawl_shards(crawls: Crawls, rng: random.Random, base: Path | None = None, **options) -> list:
    """Crawl into one file per shard, each a copy of ``base``; return the files in random order."""
    count = rng.randint(2, 4)
    paths = []
    for number in range(1, count + 1):
        name = f"{base.stem if base else 'shard'}-{number}.db"
        if base:
            shutil.copy(base, crawls.folder / name)
        paths.append(crawls.crawl(name, Shard(number, count), **options))
    rng.shuffle(paths)
    return paths


def pairs(path: Path) -> set[tuple[str, str]]:
    return {(subject, reference) for subject, reference, _ in triples(path)}


def rows_of(path: Path) -> list[str]:
    """Return the campaign file as SQL statements, and thereby all of its values."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def assert_intact(path: Path) -> None:
    with Store.read(path) as store:
        assert list(find_damage(store)) == []


@PROPERTY
@given(seed=SEEDS)
@pytest.mark.parametrize("options", [{}, {"direct": True}, {"describe": ("collections",)}], ids=str)
def test_merged_shards_equal_one_crawl(tmp_path, seed, options) -> None:
    crawls, rng = crawls_of(tmp_path / "c", seed)
    whole = crawls.crawl("whole.db", **options)
    crawls.merge("all.db", crawl_shards(crawls, rng, **options))
    merged = crawls.folder / "all.db"
    assert contents(merged) == contents(whole)
    assert_intact(merged)


@PROPERTY
@given(seed=SEEDS)
def test_the_calls_of_all_shards_are_those_of_one_crawl(tmp_path, seed) -> None:
    crawls, rng = crawls_of(tmp_path / "c", seed, hashes=False)
    crawls.crawl("whole.db")
    whole, crawls.calls = Counter(crawls.calls), []
    paths = crawl_shards(crawls, rng)
    assert Counter(crawls.calls) == whole
    assert max(whole.values()) == 1
    crawls.merge("all.db", paths)
    with Store.read(crawls.folder / "all.db") as store:
        assert store.calls.count() == whole.total()


@settings(PROPERTY, max_examples=4)
@given(seed=SEEDS)
@pytest.mark.parametrize("api_flavor", ["classic", "gti"])
def test_merging_between_the_rounds_gives_the_same_as_one_deep_crawl(
    tmp_path, seed, api_flavor
) -> None:
    crawls, rng = crawls_of(tmp_path / "c", seed, hashes=False)
    crawls.api_flavor = api_flavor
    whole = crawls.crawl("whole.db", depth=2)
    calls, crawls.calls = Counter(crawls.calls), []
    base = None
    for depth in range(3):
        paths = crawl_shards(crawls, rng, base, depth=depth)
        base = crawls.folder / f"round{depth}.db"
        merge_files(base, paths)
    assert base
    assert contents(base) == contents(whole)
    assert Counter(crawls.calls) == calls
    assert_intact(base)


@PROPERTY
@given(seed=SEEDS)
def test_merged_refreshes_equal_one_refreshed_crawl(tmp_path, seed) -> None:
    crawls, rng = crawls_of(tmp_path / "c", seed)
    count = rng.randint(2, 4)
    for refresh in (False, True):
        whole = crawls.crawl("whole.db", refresh=refresh)
        for number in range(1, count + 1):
            crawls.crawl(f"{number}.db", Shard(number, count), refresh=refresh)
        crawls.world = change(crawls.world, rng)
    paths = [crawls.folder / f"{number}.db" for number in range(1, count + 1)]
    merged = crawls.folder / "all.db"
    merge_files(merged, paths)
    assert contents(merged) == contents(whole)
    assert_intact(merged)


@PROPERTY
@given(seed=SEEDS)
def test_merged_frugal_shards_have_the_edges_of_a_plain_crawl(tmp_path, seed) -> None:
    """As in one frugal crawl, an inferred edge can lack collections until it is completed."""
    crawls, rng = crawls_of(tmp_path / "c", seed)
    whole = crawls.crawl("whole.db")
    merged = crawls.folder / "all.db"
    merge_files(merged, crawl_shards(crawls, rng, frugal=True))
    assert pairs(merged) == pairs(whole)
    assert triples(merged) <= triples(whole)
    assert_intact(merged)
    with Store.open(merged) as store:
        store.tasks.complete()
    crawls.crawl("all.db")
    assert triples(merged) == triples(whole)


@pytest.mark.bulk
def test_each_shard_of_a_frugal_crawl_reads_a_family_once(tmp_path) -> None:
    world = generate_family_world(200, 241)
    crawls = Crawls(tmp_path, world, world.hashes())
    crawls.crawl("whole.db", frugal=True)
    assert len(crawls.calls) == 206
    crawls.calls = []
    for number in range(1, 5):
        crawls.crawl(f"{number}.db", Shard(number, 4), frugal=True)
    assert len(crawls.calls) == 224


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_file_that_the_list_names_twice_is_read_once_per_shard(tmp_path, order) -> None:
    hashes = ("1" * 64, "2" * 32)
    count = next(
        count for count in range(2, 50) if shard_of(hashes[0], count) != shard_of(hashes[1], count)
    )
    references = [Reference.from_url(f"https://r.example/{number}") for number in range(100)]
    collection = Collection("c", "C", tuple(each.id for each in references))
    file = File(sha256=hashes[0], md5=hashes[1], collections=("c",))
    crawls = Crawls(
        tmp_path, World([file], references, [collection]), [hashes[index] for index in order]
    )
    whole = crawls.crawl("whole.db")
    crawls.calls = []
    paths = [crawls.crawl(f"{n}.db", Shard(n, count)) for n in range(1, count + 1)]
    assert len(crawls.calls) == 2 * 3
    crawls.merge("all.db", paths)
    assert contents(tmp_path / "all.db") == contents(whole)


def shard_of(file_hash: str, count: int) -> int:
    return next(n for n in range(1, count + 1) if Shard(n, count).contains(f"file:{file_hash}"))


@PROPERTY
@given(seed=SEEDS)
def test_merging_again_changes_nothing(tmp_path, seed) -> None:
    crawls, rng = crawls_of(tmp_path / "c", seed)
    paths = crawl_shards(crawls, rng)
    crawls.merge("all.db", paths)
    merged = crawls.folder / "all.db"
    before = rows_of(merged)
    rng.shuffle(paths)
    results = merge_files(merged, paths)
    assert not any(each.is_new() or each.conflicts for each in results)
    assert rows_of(merged) == before

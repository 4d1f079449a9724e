"""Quick crawls: one call per list, what is then open, and the calls that complete the campaign."""

from __future__ import annotations

import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.emulator import Api, UndocumentedSettings, generate_family_world
from graphbuild.errors import BudgetExhaustedError
from graphbuild.exporters import FORMATS, export_all
from graphbuild.graph.builder import build_graph
from graphbuild.models import COMPLETE, FAILED, PENDING, SHORT
from graphbuild.store import Store, find_damage
from graphbuild.store.models import OpenLists
from tests.crawler.campaign import Campaign
from tests.crawler.test_refresh import DAY, refresh
from tests.support.faults import Fault
from tests.support.frugal_crawls import family_world, random_world
from tests.support.shell import seeds
from tests.support.workbooks import read_workbook

if TYPE_CHECKING:
    from graphbuild.emulator import World
    from tests.support.shell import Shell

PAGE = 40


def list_lengths(world: World) -> dict[str, int]:
    """Return the number of related references of each file, from the data of the emulator."""
    references: dict[str, set[str]] = {file: set() for file in world.files}
    for file, reference, _ in world.triples():
        references[file].add(reference)
    return {file: len(found) for file, found in references.items()}


def count_pages(world: World) -> dict[str, int]:
    """Return the number of pages of the list of each file."""
    return {file: max(1, -(-length // PAGE)) for file, length in list_lengths(world).items()}


def open_lists(campaign: Campaign) -> OpenLists:
    with Store.read(campaign.path) as store:
        return store.tasks.open_lists(PAGE, 200)


def damage(campaign: Campaign) -> list[object]:
    with Store.read(campaign.path) as store:
        return list(find_damage(store))


# --- laws ----------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3]))
def test_a_quick_crawl_makes_one_call_per_file_and_the_next_crawl_only_the_others(
    seed: int, workers: int
) -> None:
    world = random_world(random.Random(seed))
    pages, lengths = count_pages(world), list_lengths(world)
    with TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder) / "c.db", world)
        campaign.crawl(quick=True, workers=workers)
        assert campaign.api.calls == len(world.files)
        expected = {file: COMPLETE if count == 1 else PENDING for file, count in pages.items()}
        assert campaign.states() == expected
        with Store.read(campaign.path) as store:
            received = {row.subject.id: row.received_count for row in store.statuses()}
        assert received == {file: min(length, PAGE) for file, length in lengths.items()}
        rest = sum(pages.values()) - len(pages)
        partly_read = sum(count > 1 for count in pages.values())
        assert open_lists(campaign) == OpenLists(0, partly_read, rest, exact=True)
        assert campaign.triples() <= world.triples()
        assert campaign.crawl(quick=True) == []  # again: no call
        campaign.crawl(workers=workers)
        assert campaign.api.calls == sum(pages.values())
        assert open_lists(campaign) == OpenLists(0, 0, 0, exact=True)
        assert campaign.triples() == world.triples()
        assert not damage(campaign)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_a_quick_and_frugal_crawl_can_be_continued_like_a_frugal_crawl(seed: int) -> None:
    world = family_world(random.Random(seed))
    pages = count_pages(world)
    with TemporaryDirectory() as folder:
        frugal = Campaign(Path(folder) / "frugal.db", world)
        frugal.crawl(frugal=True)
        campaign = Campaign(Path(folder) / "c.db", world)
        campaign.crawl(quick=True, frugal=True)
        assert campaign.api.calls == len(pages)
        one_page = {file for file, count in pages.items() if count == 1}
        complete = {file for file, state in campaign.states().items() if state == COMPLETE}
        assert one_page <= complete
        campaign.crawl(frugal=True)
        assert campaign.api.calls <= frugal.api.calls
        assert {pair[:2] for pair in campaign.triples()} == {pair[:2] for pair in world.triples()}
        with Store.open(campaign.path) as store:
            store.tasks.complete()
        campaign.crawl()
        assert campaign.api.calls == sum(pages.values())
        assert campaign.triples() == world.triples()
        assert not damage(campaign)


# --- other options -------------------------------------------------------------------------------


def test_a_budget_that_ends_a_quick_crawl_is_continued(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(5, 90))
    with pytest.raises(BudgetExhaustedError, match="budget of 3 calls"):
        campaign.crawl(quick=True, max_calls=3)
    assert open_lists(campaign) == OpenLists(2, 3, 2 + 3 * 2, exact=False)
    campaign.crawl(quick=True, max_calls=5)
    assert campaign.api.calls == 5
    assert open_lists(campaign) == OpenLists(0, 5, 10, exact=True)


def test_a_quick_crawl_with_direct_references_makes_two_calls_per_subject(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(4, 90))
    campaign.crawl(quick=True, direct=True)
    paths = [entry.path.rpartition("/")[2] for entry in campaign.api.log]
    assert sorted(paths) == ["references"] * 4 + ["related_references"] * 4
    campaign.crawl()
    assert campaign.api.calls == 4 + 4 * 3


def test_a_quick_crawl_describes_what_its_pages_name(tmp_path: Path) -> None:
    world = generate_family_world(3, 90)
    campaign = Campaign(tmp_path / "c.db", world)
    campaign.crawl(quick=True, describe=("collections",))
    collections = {collection for *_, collection in campaign.triples()}
    assert campaign.api.calls == 3 + len(collections) > 3


def test_a_quick_refresh_requests_first_pages_and_keeps_earlier_observations(
    tmp_path: Path,
) -> None:
    world = generate_family_world(3, 90)
    campaign = Campaign(tmp_path / "c.db", world)
    campaign.crawl()
    campaign.clock.time += 5 * DAY
    with Store.read(campaign.path) as store:
        assert store.tasks.quick_calls(before=campaign.clock.now()) == 3
    assert refresh(campaign, DAY) == 3
    campaign.crawl(quick=True)
    assert campaign.api.calls == 9 + 3
    assert set(campaign.states().values()) == {PENDING}
    assert open_lists(campaign) == OpenLists(0, 3, 6, exact=True)
    assert campaign.triples() == world.triples()
    campaign.crawl()
    assert campaign.api.calls == 9 + 9
    assert set(campaign.states().values()) == {COMPLETE}


def test_a_quick_crawl_does_not_request_a_short_page_again(tmp_path: Path) -> None:
    short = UndocumentedSettings(max_entries=10)
    campaign = Campaign(tmp_path / "c.db", generate_family_world(2, 15), undocumented=short)
    campaign.crawl(quick=True, frugal=True)
    assert campaign.api.calls == 2
    assert set(campaign.states().values()) == {PENDING}
    assert open_lists(campaign) == OpenLists(0, 2, 2, exact=True)
    assert campaign.crawl(quick=True) == []
    campaign.crawl()
    assert campaign.api.calls == 4
    assert set(campaign.states().values()) == {SHORT}


def test_a_failed_second_page_is_left_for_a_crawl_without_quick(tmp_path: Path) -> None:
    fault = Fault("status", 503, times=None, match="cursor")
    campaign = Campaign(tmp_path / "c.db", generate_family_world(1, 50), faults=[fault])
    campaign.crawl()
    assert set(campaign.states().values()) == {FAILED}
    calls = len(campaign.api.log)
    assert campaign.crawl(quick=True) == []
    assert len(campaign.api.log) == calls
    assert open_lists(campaign) == OpenLists(0, 1, 1, exact=True)


def test_quick_with_a_depth_is_refused(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(1, 5))
    with pytest.raises(ValueError, match="depth of 2; expected a depth of 0"):
        campaign.crawl(quick=True, depth=2)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--depth", 1), "--depth finds entities in lists that are read to their end"),
        (("--verify-inferred", "10%"), "--verify-inferred reads the chosen lists to their end"),
        (("--complete",), "--complete requests the pages that --frugal left out"),
    ],
)
def test_options_that_need_more_pages_are_refused(shell: Shell, arguments, reason) -> None:
    process = shell("crawl", seeds(shell, "a" * 64), "--store", "c.db", "--quick", *arguments)
    assert process.returncode == 2
    message = " ".join(process.stderr.replace("│", " ").split())
    assert f"only first pages, but {reason}; use only one of the two options" in message
    assert not (shell.folder / "c.db").exists()


# --- the command line ----------------------------------------------------------------------------


def test_plan_shows_both_bills_and_status_what_is_open(shell: Shell, service) -> None:
    api = Api(generate_family_world(5, 90))
    options = ("--store", "c.db", "--base-url", service(api))
    listed = seeds(shell, *api.world.hashes())

    def plan(*arguments: object) -> tuple[int, int | None]:
        found = json.loads(shell("plan", *arguments, "--store", "c.db", "--json").stdout)
        return found["cost"]["at_least"], found["quick_calls"]

    assert plan(listed) == (5, 5)
    assert plan(listed, "--direct") == (10, 10)
    assert plan(listed, "--depth", 1) == (5, None)
    process = shell("crawl", listed, *options, "--quick")
    assert process.returncode == 0
    sentence = "5 lists have more pages; 'graphbuild crawl' needs 10 calls for the rest"
    assert sentence in process.stdout
    assert api.calls == 5
    assert plan() == (10, 0)
    assert plan("--refresh", "1d") == (10, 0)
    output = shell("status", "--store", "c.db").stdout
    assert "5 files: 0 complete, 0 incomplete, 0 failed, 5 pending" in output
    assert sentence in output
    status = json.loads(shell("status", "--store", "c.db", "--json").stdout)
    assert status["open"] == {"unread": 0, "partly_read": 5, "calls": 10, "exact": True}
    key = shell.environment.pop("VT_APIKEY")
    assert shell("crawl", *options, "--quick").returncode == 0  # no call, so no key is needed
    shell.environment["VT_APIKEY"] = key
    (shell.folder / "more.txt").write_text("d" * 64)
    assert plan("more.txt") == (11, 1)
    assert "with --quick, 1 call: one per list" in shell("plan", "more.txt", *options[:2]).stdout
    result = json.loads(shell("crawl", *options, "--json").stdout)
    assert result["run"]["calls"] == 10
    assert result["open"] == {"unread": 0, "partly_read": 0, "calls": 0, "exact": True}
    assert api.calls == 15
    assert "more pages" not in shell("status", "--store", "c.db").stdout


def test_only_limits_a_quick_crawl_to_the_given_list(shell: Shell, service) -> None:
    api = Api(generate_family_world(5, 90))
    options = ("--store", "c.db", "--base-url", service(api), "--quick")
    shell("crawl", seeds(shell, *api.world.hashes()[:3]), *options, "--max-calls", 1)
    (shell.folder / "more.txt").write_text(api.world.hashes()[3])
    process = shell("crawl", "more.txt", *options, "--only")
    assert "2 requests for subjects of earlier lists are left" in process.stderr
    assert api.calls == 2


# --- exports -------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_name", sorted(FORMATS))
def test_every_export_marks_files_with_more_pages_as_pending(
    format_name: str, tmp_path: Path
) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(2, 50))
    campaign.crawl(quick=True)
    unfinished = exported_text(campaign.path, tmp_path / "unfinished", format_name)
    campaign.crawl()
    finished = exported_text(campaign.path, tmp_path / "finished", format_name)
    assert unfinished.count("pending") > finished.count("pending")


def exported_text(campaign_file: Path, folder: Path, format_name: str) -> str:
    """Export a campaign and return the content of all files as text."""
    with Store.read(campaign_file) as store:
        graph = build_graph(store.observations(), subjects=store.subjects())
    texts = []
    for written in export_all(graph, folder, [format_name]):
        if written.path.suffix == ".xlsx":
            texts.append(str(read_workbook(written.path)))
        elif written.path.suffix == ".parquet":
            texts.append(pd.read_parquet(written.path).to_csv())
        elif format_name == "dataset":
            texts.append(pd.read_parquet(folder / "subjects").to_csv())
        else:
            texts.append(written.path.read_text(encoding="utf-8"))
    return "\n".join(texts)

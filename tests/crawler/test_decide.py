"""``crawl --decide N``: first pages, then chosen pages, and no more than N calls."""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.analysis import choose_open_files
from graphbuild.crawler import Crawl, PageChoice
from graphbuild.emulator import Api, generate_family_world
from graphbuild.errors import BudgetExhaustedError
from graphbuild.models import COMPLETE, FAILED, PENDING, Entity
from graphbuild.store import Store, find_damage
from tests.crawler.campaign import Campaign
from tests.crawler.test_quick import count_pages
from tests.support.faults import Fault
from tests.support.frugal_crawls import random_world
from tests.support.shell import seeds

if TYPE_CHECKING:
    from collections.abc import Collection

    from graphbuild.crawler import CrawlEvent
    from tests.support.shell import Shell


def decide(campaign: Campaign, calls: int, **options: object) -> list[CrawlEvent]:
    """Crawl with --decide."""
    with Store.open(campaign.path) as store, campaign.client() as client:
        choice = PageChoice(calls, partial(choose_open_files, store))
        return list(Crawl(client, store, decide=choice, **options))  # type: ignore[arg-type]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 25), st.sampled_from([1, 3]))
def test_a_number_of_calls_is_made_and_the_next_crawl_makes_the_others(
    seed: int, calls: int, workers: int
) -> None:
    world = random_world(random.Random(seed))
    pages = sum(count_pages(world).values())
    with TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder) / "c.db", world)
        decide(campaign, calls, workers=workers)
        assert campaign.api.calls == min(calls, pages)
        with Store.read(campaign.path) as store:
            assert store.totals().pages == min(calls, pages)
            read = [row.page_count for row in store.statuses()]
        assert min(read) >= 1 or max(read) <= 1  # first pages come first
        campaign.crawl()
        assert campaign.api.calls == pages
        assert campaign.triples() == world.triples()
        with Store.read(campaign.path) as store:
            assert not list(find_damage(store))


def test_pages_are_requested_in_the_order_of_the_function(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(3, 90))
    campaign.crawl(quick=True)
    rounds: list[list[Entity]] = []

    def last_two(subjects: Collection[Entity]) -> list[Entity]:
        rounds.append(list(subjects))
        return list(reversed(list(subjects)[-2:]))

    with Store.open(campaign.path) as store, campaign.client() as client:
        events = list(Crawl(client, store, decide=PageChoice(5, last_two)))
    first, second, third = (Entity("file", file) for file in campaign.world.files)
    assert rounds[0] == [first, second, third]
    # Lists with fewer pages come first in the argument, so that the function can prefer them.
    assert rounds[1] == [first, second, third]
    assert [each.subject for each in events] == [third, second, third, second, first]
    assert campaign.states() == {first.id: PENDING, second.id: COMPLETE, third.id: COMPLETE}


def test_a_failed_page_is_not_chosen_again(tmp_path: Path) -> None:
    fault = Fault("status", 404, times=None, match="cursor")
    campaign = Campaign(tmp_path / "c.db", generate_family_world(4, 50), faults=[fault])
    decide(campaign, 100)
    assert set(campaign.states().values()) == {FAILED}
    assert len(campaign.api.log) == 4 + 4


def test_the_budget_applies(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(4, 90))
    with pytest.raises(BudgetExhaustedError):
        decide(campaign, 9, max_calls=6)
    assert campaign.api.calls == 6


@pytest.mark.parametrize(
    "options",
    [{"depth": 1}, {"quick": True}, {"frugal": True}, {"direct": True}, {"describe": ("files",)}],
)
def test_other_choices_are_refused(tmp_path: Path, options: dict[str, object]) -> None:
    campaign = Campaign(tmp_path / "c.db", generate_family_world(1, 5))
    with pytest.raises(ValueError, match="another choice"):
        decide(campaign, 1, **options)


@pytest.mark.parametrize(
    "option",
    [
        ("--quick",),
        ("--depth", 1),
        ("--verify-inferred", "10%"),
        ("--complete",),
        ("--frugal",),
        ("--direct",),
        ("--describe", "files"),
    ],
    ids=lambda option: option[0],
)
def test_options_that_request_other_pages_are_refused(shell: Shell, option: tuple) -> None:
    listed = seeds(shell, "a" * 64)
    process = shell("crawl", listed, "--store", "c.db", "--decide", 5, *option)
    assert process.returncode == 2
    message = " ".join(process.stderr.replace("│", " ").split())
    assert f"pages that can change clusters, but {option[0]}" in message
    assert not (shell.folder / "c.db").exists()


def test_the_command_spends_its_calls_and_communities_shows_what_is_open(
    shell: Shell, service
) -> None:
    api = Api(generate_family_world(4, 90))
    options = ("--store", "c.db", "--base-url", service(api))
    process = shell("crawl", seeds(shell, *api.world.hashes()), *options, "--decide", 6)
    assert process.returncode == 0
    assert api.calls == 6
    assert (
        "4 lists have more pages; 'graphbuild crawl' needs 6 calls for the rest" in process.stdout
    )
    text = shell("communities", "--store", "c.db").stdout
    assert "1 of 1 cluster contains files with unread pages (6 calls)" in text
    assert "crawl --decide N" in text
    result = json.loads(shell("communities", "--store", "c.db", "--json").stdout)
    (cluster,) = result["clusters"]
    assert (cluster["open_files"], cluster["open_calls"]) == (4, 6)
    assert result["open"] == {"clusters": 1, "files": 4, "calls": 6, "unread_files": 0}
    shell("crawl", *options)
    assert "unread pages" not in shell("communities", "--store", "c.db").stdout
    result = json.loads(shell("communities", "--store", "c.db", "--json").stdout)
    assert result["open"] == {"clusters": 0, "files": 0, "calls": 0, "unread_files": 0}

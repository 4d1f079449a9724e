"""The summary of a report: three to five sentences with correct numbers, first in both files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from graphbuild.analysis import Snapshot
from graphbuild.models import Entity, Observation
from graphbuild.report import Baseline, collect_data, write_report
from graphbuild.report.content import parts
from graphbuild.report.summary import summarize
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.cli.test_compare import (
    FIRST,
    reference_id,
    refreshed,  # noqa: F401  a fixture
    world_of,
)
from tests.report.parsed_report import parse_folder
from tests.support.campaign_files import write_campaign, write_pages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crawler.campaign import Campaign

FILES = [Entity("file", f"{number:064x}") for number in range(1, 30)]


def observations(
    collection: str, files: list[Entity], *, origin: str = "x", references: int = 3
) -> list[Observation]:
    """Return the observations of a collection with references of its own."""
    source = Entity("collection", f"{origin}_{collection}", {"name": collection, "origin": origin})
    return [
        Observation(file, reference_of(f"{origin} {collection} {number}"), source)
        for file in files
        for number in range(references)
    ]


def reference_of(title: str) -> Entity:
    return Entity("reference", title.encode().hex().ljust(64, "0")[:64], {"title": title})


def sentences_of(path: Path, baseline: Baseline | None = None) -> list[str]:
    with Store.read(path) as store:
        summary = summarize(collect_data(store, baseline))
    return [
        "".join(part if isinstance(part, str) else part.text for part in parts(sentence))
        for sentence in summary.sentences
    ]


def test_two_groups_and_a_common_collection(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    write_campaign(
        path,
        [
            *observations("Emotet", FILES[:11]),
            *observations("emotet", FILES[1:12], origin="y"),
            *observations("Loader", FILES[14:20], references=5),
            *observations("Round-up", [*FILES[:2], *FILES[14:16]]),
        ],
    )
    with Store.read(path) as store:
        first, second = (cluster.name for cluster in collect_data(store).clusters)
    ties = "“Emotet” (12 of 12 files) and “Loader” (6 of 6 files)"
    assert sentences_of(path) == [
        f"18 of 18 files are in 2 clusters: “{first}” (12 files) and “{second}” (6 files).",
        f"Their most distinctive collections are {ties}.",
        "1 pair of clusters is connected, only through the collection “Round-up”.",
        "All lists are complete.",
    ]


def test_a_single_group_of_untitled_references(tmp_path: Path) -> None:
    url = "https://www.evil.example/blog/a-long-story"
    reference = Entity("reference", "ab" * 32, {"url": url})
    write_campaign(tmp_path / "c.db", [Observation(file, reference, None) for file in FILES[:3]])
    groups, ties, missing = sentences_of(tmp_path / "c.db")
    assert re.fullmatch(r"3 of 3 files are in 1 cluster: “.*” \(3 files\)\.", groups)
    defanged = "hxxps://www[.]evil[.]example/blog/a-long-story"
    assert ties == f"Its most distinctive reference is “{defanged}” (3 of 3 files)."
    assert missing == "All lists are complete."


def test_files_without_references_are_missing(tmp_path: Path) -> None:
    write_pages(tmp_path / "c.db", {file: [] for file in FILES[:2]})
    assert sentences_of(tmp_path / "c.db") == [
        "No two of the 2 files form a cluster.",
        "0 references and 0 collections are known.",
        "All lists are complete, but no reference is known of 2 files.",
    ]


def test_pending_lists_are_missing(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c.db", observations("Emotet", FILES[:4]))
    with Store.open(tmp_path / "c.db") as store:
        store.add_seeds(parse_seeds(["ab" * 32]))
    groups, *_, missing = sentences_of(tmp_path / "c.db")
    assert groups == "4 of 5 files are in 1 cluster: “Emotet” (4 files)."
    assert missing == "References may be missing, because not all lists are complete (1 pending)."


def test_news_are_those_of_the_last_day(refreshed: Campaign) -> None:  # noqa: F811  the fixture
    assert sentences_of(refreshed.path)[-1] == (
        "The responses of 2023-11-21, the last day of the crawl, added 2 references and"
        " 1 collection."
    )


def test_a_first_crawl_has_no_news(tmp_path: Path) -> None:
    write_campaign(tmp_path / "new.db", observations("Emotet", FILES[:4]))
    assert not any("last day" in each for each in sentences_of(tmp_path / "new.db"))


def test_news_of_an_unfinished_crawl_may_be_new(refreshed: Campaign) -> None:  # noqa: F811  the fixture
    """A file that is first requested on the last day has references that may not be new."""
    refreshed.clock.time += 24 * 3600
    refreshed.api.world = world_of(
        {"a": [2, 4], "b": [3], "c": [5], "d": [6, 7]},
        {reference_id(1): ["a"], reference_id(2): ["a", "c"], reference_id(3): ["d"]},
    )
    with Store.open(refreshed.path) as store:
        store.add_seeds(parse_seeds([reference_id(3)]))
    refreshed.crawl()
    assert sentences_of(refreshed.path)[-1] == (
        "The responses of 2023-11-22, the last day of the crawl, added nothing; 2 more references"
        " may be new."
    )


def test_a_baseline_replaces_the_last_day(refreshed: Campaign) -> None:  # noqa: F811  the fixture
    with Store.read(refreshed.path) as store:
        at = 1_700_006_400.0
        old = Snapshot.from_observations(store.current_observations(at), store.states(at))
    assert sentences_of(refreshed.path, Baseline(FIRST, old))[-1] == (
        f"Since {FIRST}, 2 references and 1 collection were added, and 2 references and"
        " 1 collection were removed."
    )


@pytest.mark.parametrize("with_news", [False, True])
def test_the_summary_is_first_and_has_three_to_five_sentences(
    tmp_path: Path,
    refreshed: Campaign,  # noqa: F811  the fixture
    *,
    with_news: bool,
) -> None:
    path = refreshed.path if with_news else tmp_path / "new.db"
    if not with_news:
        write_campaign(path, observations("Emotet", FILES[:4]))
    sentences = sentences_of(path)
    assert 3 <= len(sentences) <= 5
    with Store.read(path) as store:
        write_report(store, tmp_path / "out")
    for report in parse_folder(tmp_path / "out"):
        assert report.paragraphs[0].split() == " ".join(sentences).split()
    lines = (tmp_path / "out" / "report.md").read_text(encoding="utf-8").splitlines()
    assert len(lines[2 : lines.index("", 2)]) == len(sentences)  # one line per sentence

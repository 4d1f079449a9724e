"""``graphbuild compare`` with two files, and with one file at two times, as text and JSON."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING

import pytest

from graphbuild.analysis import Snapshot, compare
from graphbuild.emulator import Collection, File, Reference, World
from graphbuild.models import Entity
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.analysis.test_diff import twelve, world
from tests.crawler.campaign import Campaign
from tests.crawler.test_refresh import DAY, refresh
from tests.support.campaign_files import write_campaign, write_pages
from tests.support.frugal_crawls import hidden_world
from tests.support.graphs import HOSTILE
from tests.support.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = "2023-11-15", "2023-11-21"  # after the first crawl, and before the second


def world_of(lists: dict[str, list[int]], files: dict[str, list[str]]) -> World:
    references = {
        n: Reference.from_url(f"https://r.example/{n}")
        for numbers in lists.values()
        for n in numbers
    }
    return World(
        [File(file, collections=tuple(numbers)) for file, numbers in files.items()],
        list(references.values()),
        [
            Collection(name, name, tuple(references[n].id for n in numbers))
            for name, numbers in lists.items()
        ],
    )


def reference_id(number: int) -> str:
    return f"{number:02x}" * 32


@pytest.fixture
def refreshed(tmp_path: Path) -> Campaign:
    """Crawl a campaign twice, one week apart; in between, the API data changes."""
    files = {reference_id(1): ["a"], reference_id(2): ["a", "b"]}
    campaign = Campaign(tmp_path / "c.db", world_of({"a": [1, 2], "b": [3]}, files))
    campaign.crawl()
    campaign.clock.time += 7 * DAY
    campaign.api.world = world_of(
        {"a": [2, 4], "b": [3], "c": [5]}, {**files, reference_id(2): ["a", "c"]}
    )
    refresh(campaign, DAY)
    campaign.crawl()
    return campaign


def urls(campaign: Campaign, keys: list[str]) -> set[str]:
    with Store.read(campaign.path) as store:
        references = {one.reference.key: one.reference.label for one in store.observations()}
    return {references[key] for key in keys}


def title(number: int) -> str:
    return Reference.from_url(f"https://r.example/{number}").id


def test_since_compares_a_campaign_with_its_past(refreshed: Campaign) -> None:
    shell = Shell(refreshed.path.parent)
    process = shell("compare", "--store", "c.db", "--since", FIRST, "--json")
    assert (process.returncode, process.stderr) == (0, "")
    result = json.loads(process.stdout)
    assert {key.partition(":")[2] for key in result["references"]["added"]} == {title(4), title(5)}
    assert {key.partition(":")[2] for key in result["references"]["removed"]} == {
        title(1),
        title(3),
    }
    assert {key.partition(":")[2] for key in result["references"]["unchanged"]} == {title(2)}
    assert result["collections"]["added"] == ["collection:c"]
    assert result["collections"]["removed"] == ["collection:b"]
    assert result["files"]["unchanged"] == [f"file:{reference_id(1)}", f"file:{reference_id(2)}"]
    assert result["observations"]["unchanged"] == 2
    assert len(result["observations"]["added"]) == len(result["observations"]["removed"]) == 3
    with Store.read(refreshed.path) as store:
        moments = 1_700_006_400.0, float("inf")
        sides = [
            Snapshot.from_observations(store.current_observations(at), store.states(at))
            for at in moments
        ]
    found = compare(*sides)
    assert [each["change"] for each in result["cluster_changes"]] == [
        each.kind for each in found.cluster_changes
    ]


def test_text_lists_numbers_and_names(refreshed: Campaign) -> None:
    shell = Shell(refreshed.path.parent)
    lines = shell("compare", "--store", "c.db", "--since", FIRST).stdout.splitlines()
    assert lines[0].split() == [
        "added",
        "removed",
        "unchanged",
        "unknown",
        "before",
        "unknown",
        "after",
    ]
    assert [line.split() for line in lines[1:5]] == [
        ["files", "0", "0", "2", "0", "0"],
        ["references", "2", "2", "1", "0", "0"],
        ["collections", "1", "1", "1", "0", "0"],
        ["observations", "3", "3", "2", "0", "0"],
    ]
    assert "collections added:" in lines
    assert lines[lines.index("collections removed:") + 1] == "  b"


def test_until_ignores_later_pages(refreshed: Campaign) -> None:
    shell = Shell(refreshed.path.parent)
    arguments = "compare", "--store", "c.db", "--since", FIRST, "--until", SECOND, "--json"
    result = json.loads(shell(*arguments).stdout)
    assert result["references"]["added"] == result["references"]["removed"] == []
    arguments = "compare", "--store", "c.db", "--since", "2023-11-14", "--until", SECOND, "--json"
    process = shell(*arguments)
    result = json.loads(process.stdout)
    assert result["files"]["added"] == [f"file:{reference_id(1)}", f"file:{reference_id(2)}"]
    assert process.stderr.startswith(
        "the earlier state is not complete: 2 pending of 2 subjects; references that only these"
        " subjects have are not counted as added"
    )


def test_baseline_compares_two_files(shell: Shell) -> None:
    apart, joined = twelve(), twelve()
    for name in ("c3", "c7"):
        joined[name] = [*joined[name][:1], *(f"joint {n}" for n in range(7))]
    write_campaign(shell.folder / "old.db", world(apart).observations())
    write_campaign(shell.folder / "new.db", world(joined).observations())
    text = shell("compare", "--store", "new.db", "--baseline", "old.db").stdout
    assert "12 clusters before, 11 after: 1 merged, 10 unchanged" in text
    lines = text.splitlines()
    (merge_line,) = [n for n, line in enumerate(lines) if line.startswith("merged: cluster ")]
    assert "c3, 4 files" in lines[merge_line]
    assert lines[merge_line].endswith("(+0 -0 files, similarity 0.50)")
    assert lines[merge_line + 1].startswith("  by the reference joint ")
    assert lines[merge_line + 1].endswith("(added, 8 files)")
    assert "… and 2 more" in lines[merge_line + 6]
    back = shell("compare", "--store", "old.db", "--baseline", "new.db").stdout
    assert "11 clusters before, 12 after: 1 split, 10 unchanged" in back
    assert "(removed, 8 files)" in back


def test_pending_subjects_count_as_unknown(shell: Shell) -> None:
    report = {"type": "reference", "id": "1" * 64, "attributes": {"title": "R"}}
    write_campaign(shell.folder / "old.db", [])
    with Store.open(shell.folder / "old.db") as store:
        store.add_seeds(parse_seeds([reference_id(1)]))
    write_pages(shell.folder / "new.db", {Entity("file", reference_id(1)): [report]})
    process = shell("compare", "--store", "new.db", "--baseline", "old.db")
    assert "the earlier state is not complete: 1 pending" in process.stderr
    assert ["references", "0", "0", "0", "1", "0"] in [
        x.split() for x in process.stdout.splitlines()
    ]
    assert "references added" not in process.stdout


def test_collections_of_inferred_references_count_as_unknown(tmp_path: Path) -> None:
    plain, frugal = (Campaign(tmp_path / f"{name}.db", hidden_world()) for name in ("p", "f"))
    plain.crawl()
    frugal.crawl(frugal=True)
    missing = {
        (f"file:{file}", f"reference:{reference}", f"collection:{collection}")
        for file, reference, collection in plain.triples() - frugal.triples()
    }
    assert len(missing) == 10
    shell = Shell(tmp_path)
    for store, baseline, when, name, unknown in (
        ("f.db", "p.db", "after", "later", "unknown_after"),
        ("p.db", "f.db", "before", "earlier", "unknown_before"),
    ):
        process = shell("compare", "--store", store, "--baseline", baseline, "--json")
        assert process.stderr == (
            "10 observations cannot be compared: the collections of inferred references are not"
            f" fully known in the {name} state (see crawl --complete)\n"
        )
        result = json.loads(process.stdout)
        assert {tuple(each.values()) for each in result["inferred"][when]} == missing
        assert result["inferred"]["after" if when == "before" else "before"] == []
        assert {tuple(each.values()) for each in result["observations"][unknown]} == missing
        for kind in ("observations", "references", "collections"):
            assert result[kind]["added"] == result[kind]["removed"] == []
        assert result["collections"][unknown] == ["collection:c1"]
    with Store.open(frugal.path) as store:
        store.tasks.complete()
    frugal.crawl()
    process = shell("compare", "--store", "f.db", "--baseline", "p.db", "--json")
    assert process.stderr == ""
    assert json.loads(process.stdout)["observations"]["unchanged"] == 190


def test_hostile_names_are_escaped(shell: Shell) -> None:
    texts = [text for text in HOSTILE if text.strip() and "\ud800" not in text]
    result = [
        {
            "type": "reference",
            "id": f"{n:064x}",
            "attributes": {"title": text},
            "context_attributes": {
                "related_from": [
                    {"type": "collection", "id": f"c{n}", "attributes": {"name": text}}
                ]
            },
        }
        for n, text in enumerate(texts)
    ]
    files = [Entity("file", reference_id(n)) for n in (1, 2)]
    write_pages(shell.folder / "new.db", dict.fromkeys(files, result))
    write_pages(shell.folder / "old.db", {file: [] for file in files})
    text = shell("compare", "--store", "new.db", "--baseline", "old.db", "--limit", 999).stdout
    assert not {c for c in text if unicodedata.category(c) in {"Cc", "Cf"}} - {"\n"}
    assert len(text.splitlines()) >= 2 * len(texts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "choose what to compare with"),
        (["--baseline", "c.db", "--since", FIRST], "choose what to compare with"),
        (["--since", "last week"], "is not a date"),
        (["--since", SECOND, "--until", FIRST], "expected a date after --since"),
    ],
)
def test_invalid_comparison_is_wrong_usage(
    shell: Shell, arguments: list[str], message: str
) -> None:
    process = shell("compare", "--store", "c.db", *arguments)
    assert process.returncode == 2
    assert message in " ".join(process.stderr.replace("│", " ").split())


def test_missing_baseline_is_reported(shell: Shell) -> None:
    Store.open(shell.folder / "c.db").close()
    process = shell("compare", "--store", "c.db", "--baseline", "gone.db")
    assert process.returncode == 1
    assert "there is no campaign file gone.db" in process.stderr


def test_comparison_of_empty_campaigns_is_not_an_error(shell: Shell) -> None:
    Store.open(shell.folder / "c.db").close()
    for arguments in ((), ("--json",)):
        process = shell("compare", "--store", "c.db", "--baseline", "c.db", *arguments)
        assert (process.returncode, process.stderr) == (0, "")

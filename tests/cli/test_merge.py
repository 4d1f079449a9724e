"""``graphbuild merge``, ``crawl --shard`` and ``plan --shard`` on the command line."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from graphbuild.emulator import Api, generate_world
from graphbuild.exporters.formats import FORMATS
from tests.support.shell import seeds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shell import Shell

WORLD = generate_world(5, campaigns=2, files_per_campaign=6, references_per_campaign=60, siblings=1)
SHARDS = ("1/3", "2/3", "3/3")
_HEADING = re.compile(rb"<(title|h1)\b[^>]*>.*?</\1>", re.DOTALL)  # names the campaign file


def crawl(shell: Shell, url: str, store: str, *arguments: object) -> dict:
    process = shell("crawl", *arguments, "--store", store, "--base-url", url, "--json")
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)["run"]


def crawl_shards(shell: Shell, url: str, listed: str, *arguments: object) -> list[str]:
    """Crawl each shard into a file of its own; return the names of the files."""
    for number, shard in enumerate(SHARDS, 1):
        crawl(shell, url, f"s{number}.db", listed, "--shard", shard, *arguments)
    return [f"s{number}.db" for number in range(1, len(SHARDS) + 1)]


def exports(shell: Shell, store: str, out: str) -> dict[str, bytes]:
    names = [option for each in FORMATS for option in ("--to", each)]
    process = shell("export", "--store", store, "--out", out, *names)
    assert process.returncode == 0, process.stderr
    folder: Path = shell.folder / out
    return {
        str(path.relative_to(folder)): _HEADING.sub(b"", path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_merged_shards_give_the_exports_of_one_crawl_in_every_format(shell: Shell, service) -> None:
    url = service(Api(WORLD))
    listed = seeds(shell, *(each.seed for each in WORLD.subjects()))
    crawl(shell, url, "whole.db", listed)
    files = crawl_shards(shell, url, listed)
    process = shell("merge", *reversed(files), "--store", "all.db")
    assert process.returncode == 0, process.stderr
    whole, merged = exports(shell, "whole.db", "whole"), exports(shell, "all.db", "all")
    assert whole.keys() == merged.keys()
    assert [name for name in whole if whole[name] != merged[name]] == []


def test_no_call_is_made_twice_and_the_plans_add_up(shell: Shell, service) -> None:
    api = Api(WORLD)
    url = service(api)
    listed = seeds(shell, *(each.seed for each in WORLD.subjects()))
    planned = [
        json.loads(shell("plan", listed, "--shard", shard, "--json").stdout)["quick_calls"]
        for shard in SHARDS
    ]
    assert sum(planned) == json.loads(shell("plan", listed, "--json").stdout)["quick_calls"]
    assert min(planned) > 0
    crawl_shards(shell, url, listed)
    asked = Counter((entry.path, entry.query) for entry in api.log)
    assert max(asked.values()) == 1
    merged = json.loads(
        shell("merge", "s1.db", "s2.db", "s3.db", "--store", "all.db", "--json").stdout
    )
    assert sum(each["calls"] for each in merged["merge"]) == asked.total()
    assert crawl(shell, url, "all.db", listed)["calls"] == 0
    plan = json.loads(shell("plan", listed, "--store", "s1.db", "--json").stdout)
    assert plan["cost"]["at_least"] == 0


def test_a_file_stays_with_its_shard(shell: Shell, service) -> None:
    api = Api(WORLD)
    url = service(api)
    listed = seeds(shell, *WORLD.hashes())
    assert crawl(shell, url, "s1.db", listed, "--shard", "1/3")["calls"] > 0
    calls = api.calls
    assert crawl(shell, url, "s1.db")["calls"] == 0
    status = json.loads(shell("status", "--store", "s1.db", "--json").stdout)
    assert (status["shard"], status["open"]["calls"]) == ("1/3", 0)
    text = shell("status", "--store", "s1.db").stdout
    assert "the file is for shard 1/3; lists of other shards stay pending in it" in text
    assert "'graphbuild crawl' needs" not in text
    assert api.calls == calls
    process = shell("crawl", "--store", "s1.db", "--base-url", url, "--shard", "2/3")
    assert process.returncode == 2
    assert "s1.db is for shard 1/3; use another campaign file for shard 2/3" in process.stderr
    process = shell("crawl", listed, "--store", "s1.db", "--base-url", url, "--only")
    assert process.returncode == 2
    assert api.calls == calls


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "a/b", "1/1001", "-1/2"])
def test_an_invalid_shard_is_refused(shell: Shell, shard: str) -> None:
    process = shell("plan", "a" * 64, f"--shard={shard}")
    assert process.returncode == 2
    assert "is not a shard" in process.stderr


def test_plan_reports_that_files_with_several_hashes_cost_more(shell: Shell) -> None:
    process = shell("plan", "a" * 64, "b" * 32, "--shard", "1/2")
    assert "requested once per shard that has one of them" in process.stderr


def test_merging_a_file_again_reports_nothing_new(shell: Shell, service) -> None:
    url = service(Api(WORLD))
    files = crawl_shards(shell, url, seeds(shell, *WORLD.hashes()))
    shell("merge", *files, "--store", "all.db")
    before = exports(shell, "all.db", "first")
    process = shell("merge", *files, "--store", "all.db")
    assert process.returncode == 0
    assert process.stdout.startswith("s1.db: nothing new\ns2.db: nothing new\ns3.db: nothing new\n")
    assert exports(shell, "all.db", "second") == before


def test_a_file_that_is_no_campaign_file_is_refused_before_anything_is_merged(
    shell: Shell, service
) -> None:
    crawl(shell, service(Api(WORLD)), "a.db", WORLD.hashes()[0])
    (shell.folder / "b.db").write_text("no database")
    process = shell("merge", "a.db", "b.db", "--store", "all.db")
    assert process.returncode == 1
    assert "b.db is not a campaign file" in process.stderr
    assert not (shell.folder / "all.db").exists()


def test_the_target_cannot_be_one_of_the_files(shell: Shell, service) -> None:
    crawl(shell, service(Api(WORLD)), "a.db", WORLD.hashes()[0])
    process = shell("merge", "a.db", "--store", "a.db")
    assert process.returncode == 2
    assert "a.db is also a file to merge" in process.stderr

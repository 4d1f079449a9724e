"""The crawl of recorded API data equals an independent reading of the same data.

These tests are skipped where the data is not available. Tests with generated data are in
tests/crawler and tests/cli.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
import subprocess
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from graphbuild.analysis import Incidence, find_duplicates
from graphbuild.models import COMPLETE
from graphbuild.store import Store
from graphbuild.store.importer import import_responses, read_responses
from tests.support.paths import DATA, ROOT, SHARED
from tests.support.processes import COVERAGE_ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = SHARED / "data" / "sample"
SEED = SHARED / "seed"
KEY = "k" * 64

needs_sample = pytest.mark.skipif(not SAMPLE.is_dir(), reason="the recorded data is not available")


def read_data() -> dict[str, set[tuple[str, str]]]:
    """Return the (SHA-256 of the URL, collection) pairs of each hash in hashes.txt."""
    references: dict[int, str] = {}
    collections: dict[int, dict] = {}
    files: dict[str, set[tuple[str, str]]] = {}
    for line in (SAMPLE / "observations.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["k"] == "r":
            references[row["i"]] = sha256(row["url"].encode()).hexdigest()
        elif row["k"] == "c":
            collections[row["i"]] = row
        elif row["k"] == "f":
            through = {*row.get("c", []), *row.get("n", [])}
            pairs = {
                (references[number], collections[name]["id"])
                for name in through
                for number in collections[name]["r"]
            }
            for kind in ("md5", "sha1", "sha256"):
                if kind in row:
                    files[row[kind]] = pairs
    requested = (SAMPLE / "hashes.txt").read_text().split()
    return {each: files[each] for each in requested}


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory):
    """Serve the sample with the emulator, crawl and export it; return the folder."""
    folder = tmp_path_factory.mktemp("sample")
    log = folder / "log.jsonl"
    command = [sys.executable, "-m", "graphbuild"]
    environment = {**os.environ, **COVERAGE_ENVIRONMENT, "VT_APIKEY": KEY, "PYTHONUNBUFFERED": "1"}
    world = ["--data", str(SAMPLE / "observations.jsonl"), "--log", str(log)]
    server = subprocess.Popen(
        [*command, "emulate", "--port", "0", *world],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    assert server.stdout is not None
    url = re.search(r"http://\S+/api/v3", server.stdout.readline())
    assert url
    store = str(folder / "c.db")
    seeds = str(SAMPLE / "hashes.txt")
    for words in (
        ["crawl", seeds, "--store", store, "--base-url", url[0]],
        ["export", "--store", store, "--to", "graphml,html,csv", "--out", str(folder)],
    ):
        subprocess.run([*command, *words], check=True, env=environment, capture_output=True)
    server.send_signal(2)
    server.communicate(timeout=300)
    return folder


@needs_sample
def test_the_sample_gives_exactly_its_observations(crawled: Path) -> None:
    expected = {
        (requested, reference, collection)
        for requested, pairs in read_data().items()
        for reference, collection in pairs
    }
    with (crawled / "observations.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    found = {(row["subject_id"], row["reference_id"], row["related_from_id"]) for row in rows}
    assert found == expected
    assert len(rows) == len(expected)
    assert len({row["subject_id"] for row in rows}) == 60
    assert len({row["reference_id"] for row in rows}) == 151
    assert len({row["related_from_id"] for row in rows}) == 14


@needs_sample
def test_the_sample_costs_one_call_per_page_of_forty(crawled: Path) -> None:
    sizes = [len({reference for reference, _ in pairs}) for pairs in read_data().values()]
    needed = sum(max(1, math.ceil(size / 40)) for size in sizes)
    requested = (crawled / "log.jsonl").read_text().splitlines()
    assert len(requested) == needed == 69


@needs_sample
def test_three_articles_of_the_sample_have_two_urls(crawled: Path) -> None:
    """Check the figures in docs/analysis.md."""
    with Store.read(crawled / "c.db") as store:
        found = find_duplicates(Incidence.from_observations(store.observations()).references)
    assert len(found.references) == 151
    assert len(found.groups) == 148
    assert sorted((each.rules, each.publisher) for each in found.duplicates) == [
        (("scheme",), "talosintelligence.com"),
        (("slug",), "securelist.com"),
        (("slug",), "securelist.com"),
    ]
    assert found.separate == ()
    assert len(found.publishers) == 62
    names = {each.name: each.independent_references for each in found.publishers}
    assert names["fireeye.com"] == 7  # two of them as copies in an archive
    assert "archive.org" not in names
    page = (ROOT / "docs" / "analysis.md").read_text(encoding="utf-8")
    assert "151 references are 148 articles by 62 publishers" in " ".join(page.split())


@needs_sample
def test_saved_responses_are_imported_completely(tmp_path: Path) -> None:
    pages, refused = read_responses(sorted((SAMPLE / "api").glob("*.json"), reverse=True))
    assert refused == []
    with Store.open(tmp_path / "c.db") as store:
        assert import_responses(store, pages) == 3
        assert {(row.state, row.received_count) for row in store.statuses()} == {
            (COMPLETE, 63),
            (COMPLETE, 1),
        }


@needs_sample
def test_the_documented_response_in_the_test_data_is_up_to_date() -> None:
    (page,) = SEED.glob("*.txt")
    text = page.read_text(encoding="utf-8")
    documented = json.loads(text[text.rindex('\n{\n\t"meta"') :])
    ours = DATA / "related_references.json"
    assert json.loads(ours.read_text(encoding="utf-8")) == documented

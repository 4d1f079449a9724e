"""Real data, where it lies beside the checkout: the crawl equals an independent reading of it.

The same on made-up worlds stands in test_crawl.py and test_cli.py, for everywhere else.
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

beside = pytest.mark.skipif(
    not SAMPLE.is_dir(), reason="the real data does not lie beside this checkout"
)


def read_data() -> dict[str, set[tuple[str, str]]]:
    """Per line of hashes.txt: the (sha256 of address, collection) pairs, from the file alone."""
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
    asked = (SAMPLE / "hashes.txt").read_text().split()
    return {each: files[each] for each in asked}


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory):
    """The sample, served by the emulator's own process, crawled and exported by others."""
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
    server.communicate(timeout=30)
    return folder


@beside
def test_the_real_sample_gives_exactly_its_triples(crawled: Path) -> None:
    expected = {
        (asked, reference, collection)
        for asked, pairs in read_data().items()
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


@beside
def test_the_real_sample_costs_one_call_a_page_of_forty(crawled: Path) -> None:
    sizes = [len({reference for reference, _ in pairs}) for pairs in read_data().values()]
    needed = sum(max(1, math.ceil(size / 40)) for size in sizes)
    asked = (crawled / "log.jsonl").read_text().splitlines()
    assert len(asked) == needed == 69


@beside
def test_of_the_real_sample_one_report_stands_under_two_addresses(crawled: Path) -> None:
    """The numbers of docs/analysis.md."""
    with Store.read(crawled / "c.db") as store:
        found = find_duplicates(Incidence.from_observations(store.observations()).references)
    assert len(found.references) == 151
    assert len(found.groups) == 150
    assert [(each.rules, each.publisher) for each in found.duplicates] == [
        (("scheme",), "talosintelligence.com")
    ]
    assert len(found.publishers) == 62
    names = {each.name: each.independent_references for each in found.publishers}
    assert names["fireeye.com"] == 7  # two of them as copies in an archive
    assert "archive.org" not in names
    page = (ROOT / "docs" / "analysis.md").read_text(encoding="utf-8")
    assert "151 references are 150 reports by 62 publishers" in " ".join(page.split())


@beside
def test_saved_real_answers_are_taken_in_complete(tmp_path: Path) -> None:
    pages, refused = read_responses(sorted((SAMPLE / "api").glob("*.json"), reverse=True))
    assert refused == []
    with Store.open(tmp_path / "c.db") as store:
        assert import_responses(store, pages) == 3
        assert {(row.state, row.received_count) for row in store.statuses()} == {
            (COMPLETE, 63),
            (COMPLETE, 1),
        }


@beside
def test_our_copy_of_the_documented_answer_is_the_documentations() -> None:
    (page,) = SEED.glob("*.txt")
    text = page.read_text(encoding="utf-8")
    documented = json.loads(text[text.rindex('\n{\n\t"meta"') :])
    ours = DATA / "related_references.json"
    assert json.loads(ours.read_text(encoding="utf-8")) == documented

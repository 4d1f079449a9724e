"""The documents: what they show runs, what they name exists, and nothing is left out."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import networkx as nx
import pytest

import graphbuild
from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.crawler import Crawl
from graphbuild.emulator import Api, Emulator, generate_world
from graphbuild.errors import ExportError
from graphbuild.exporters import FORMATS, export_all, neo4j
from graphbuild.graph.views import VIEWS, view
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.support.graphs import campaign, with_title
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
FORMATS_PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
FORMAT_ROW = r"^\| `([a-z][a-z0-9-]*)` \| (.*?) \|"
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]


@cache
def help_of(*words: str) -> str:
    command = [sys.executable, "-m", "graphbuild", *words, "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def commands() -> list[str]:
    listing = help_of().partition("Commands:")[2].partition("Exit codes")[0]
    return re.findall(r"^  (\w+) ", listing, re.MULTILINE)


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    world = generate_world(1)
    (tmp_path / "hashes.txt").write_text("\n".join(world.hashes()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VT_APIKEY", "k" * 64)
    with Emulator(Api(world)) as emulator:
        here = code.replace("from_env()", f"from_env(base_url={emulator.base_url!r})")
        assert here != code
        exec(compile(here, "README.md", "exec"), {})  # the documented code itself
    assert (tmp_path / "emotet.graphml").stat().st_size > 1000
    assert (tmp_path / "emotet.html").stat().st_size > 1000


def test_the_python_of_the_page_of_analysis_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "analysis.md").read_text(encoding="utf-8")
    code = "".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    world = generate_world(1)
    monkeypatch.chdir(tmp_path)
    with (
        Emulator(Api(world)) as emulator,
        Store.open("campaign.db") as store,
        Client(ApiKey("k" * 64), base_url=emulator.base_url) as client,
    ):
        store.add_seeds(parse_seeds(world.hashes()))
        assert list(Crawl(client, store))
    found: dict[str, object] = {}
    exec(compile(code, "analysis.md", "exec"), found)  # the documented code itself
    assert found["chains"]
    assert found["found"].gaps_after == ()  # type: ignore[attr-defined]  a Comparison


def test_the_door_shows_the_same_example_as_the_readme() -> None:
    lines = [line.strip() for line in (graphbuild.__doc__ or "").splitlines()]
    for line in ("store.add_seeds(", "for event in gb.Crawl(client, store)", "gb.build_graph("):
        assert any(line in each for each in lines)
        assert line in README


def test_every_command_stands_in_the_readme() -> None:
    assert len(commands()) == 17
    for command in commands():
        assert f"graphbuild {command}" in README or f"make {command}" in README


def test_every_option_in_the_readme_exists() -> None:
    for line in re.findall(r"^\$ graphbuild (.*?)(?:#.*)?$", README, re.MULTILINE):
        command = line.split()[0]
        known = help_of(command)
        for option in re.findall(r"--[a-z-]+", line):
            assert option in known, f"graphbuild {command} has no {option}"


def test_the_exit_codes_of_the_readme_are_those_of_the_help() -> None:
    said = dict(re.findall(r"^\| (\d) \| (\w+)", README, re.MULTILINE))
    assert said == {"0": "done", "1": "an", "2": "wrong", "3": "paused", "4": "done"}
    for code in said:
        assert re.search(rf"\b{code} (done|error|wrong usage|paused)", help_of())
    assert "| 130 | interrupted" in README
    assert "130 interrupted" in help_of()


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\$ make (\w+)", README, re.MULTILINE))
    assert {"demo", "test", "crawl"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in script
    assert "$ make test" in README


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(((?!https?://)[^)#]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_every_format_has_a_row_that_names_its_files_and_stands_in_the_help() -> None:
    rows = dict(re.findall(FORMAT_ROW, FORMATS_PAGE.partition("\n## ")[0], re.MULTILINE))
    assert set(rows) == set(FORMATS)
    for name, form in FORMATS.items():
        assert re.findall(r"`([^`]+)`", rows[name]) == [file.name for file in form.files]
    (listed,) = re.findall(r"Any of (.*?);", " ".join(help_of("export").split()))
    assert set(listed.split(", ")) == set(FORMATS)


def refused_in_the_page() -> dict[str, set[str]]:
    """The formats that refuse each view, as the page tells."""
    rows = re.findall(r"^\| (`[a-z`, ]+`) \|[^|]*\| ([^|]*) \|$", FORMATS_PAGE, re.MULTILINE)
    return {
        view: set(re.findall(r"`([^`]+)`", refused))
        for views, refused in rows
        for view in re.findall(r"`([^`]+)`", views)
        if view in VIEWS
    }


@pytest.mark.parametrize("name", VIEWS)
def test_the_page_of_formats_tells_which_refuse_a_view(name: str, tmp_path: Path) -> None:
    graph = nx.compose(campaign(), with_title("one report", "another like it"))
    seen, refused = view(graph, name), set()
    for form in FORMATS:
        try:
            export_all(seen, tmp_path / form, [form], positions={})
        except ExportError:
            refused.add(form)
            assert not (tmp_path / form).exists()
    assert refused_in_the_page()[name] == refused


def test_the_python_of_the_page_of_formats_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = campaign()
    export_all(graph, tmp_path, FORMATS)
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", FORMATS_PAGE, re.DOTALL):
        exec(compile(code, "formats.md", "exec"), found)  # the documented code itself
    assert list(found["nodes"]["key"]) == list(graph)
    assert str(found["nodes"]["creation_date"].dtype) == "Int64"
    assert set(found["graph"].edges) == set(graph.edges)


def test_the_page_of_formats_shows_the_command_that_is_written() -> None:
    assert f"\n{neo4j.import_command()}\n" in FORMATS_PAGE


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_a_heading_lead_to_one(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def test_the_architecture_names_every_room_and_only_rooms() -> None:
    package = ROOT / "graphbuild"
    rooms = {
        path.name.removesuffix(".py")
        for path in package.iterdir()
        if (path.suffix == ".py" or path.is_dir()) and not path.name.startswith("__")
    }
    told = set(re.findall(r"^\| `(\w+)` \|", ARCHITECTURE, re.MULTILINE))
    assert told == rooms


def test_every_test_named_in_the_architecture_exists() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    named = re.findall(r"`(test_\w+\.py)`", ARCHITECTURE)
    assert len(named) > 5
    for name in named:
        assert list((ROOT / "tests").rglob(name)), name
    assert "def test_" in tests

"""The documents: their code runs, all names in them exist, and all commands are documented."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
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
from tests.support.shell import Shell
from tests.test_architecture import DEPENDENCIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from graphbuild.emulator import World

README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
CRAWLING = (ROOT / "docs" / "crawling.md").read_text(encoding="utf-8")
FORMATS_PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
FORMAT_ROW = r"^\| `([a-z][a-z0-9-]*)` \| (.*?) \|"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in DOCUMENTS}
API_PAGE = TEXTS["api.md"]
# The pages whose commands and Python run in the order of the page, in the folder of a campaign.
INSTRUCTIONS = [
    "tutorial.md",
    *sorted(path.name for path in (ROOT / "docs" / "howto").glob("*.md")),
]
BLOCK = re.compile(
    r"^( *)(?:<!-- not run: (?P<reason>.*) -->\n\1)?```(?P<language>\w+)\n(?P<code>.*?)^\1```",
    re.DOTALL | re.MULTILINE,
)


@cache
def help_of(*arguments: str) -> str:
    process = Shell(ROOT)(*arguments, "--help")
    assert process.returncode == 0, process.stderr
    return process.stdout


def commands() -> list[str]:
    listing = help_of().partition("Commands:")[2].partition("Exit codes")[0]
    return re.findall(r"^  (\w+) ", listing, re.MULTILINE)


def small_world() -> World:
    """Return a world that commands read fast; it contains the sample, which pages name."""
    return generate_world(1, campaigns=2, files_per_campaign=6)


@pytest.fixture
def campaign_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A crawled campaign in the current folder, and an emulator that answers ``from_env``."""
    world = generate_world(1)
    (tmp_path / "hashes.txt").write_text("\n".join(world.hashes()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VT_APIKEY", "k" * 64)
    with Emulator(Api(world)) as emulator:
        with (
            Store.open("campaign.db") as store,
            Client(ApiKey("k" * 64), base_url=emulator.base_url) as client,
        ):
            store.add_seeds(parse_seeds(world.hashes()))
            assert list(Crawl(client, store))
        from_env = Client.from_env
        monkeypatch.setattr(Client, "from_env", lambda: from_env(base_url=emulator.base_url))
        yield tmp_path


class Instructions:
    """Runs the code blocks of a page as a reader does, with an emulator instead of VirusTotal."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self._shell = Shell(folder)
        self._base_url = ("--base-url", base_url)
        self._names: dict[str, Any] = {}
        self.output = ""

    def run(self, language: str, code: str) -> None:
        if language == "console":
            for line in re.findall(r"^\$ (.*)$", code, re.MULTILINE):
                self._run_command(line)
        elif language == "python":
            exec(compile(code, "document", "exec"), self._names)
        elif language == "text" and "files:" in code:
            assert code in self.output

    def _run_command(self, line: str) -> None:
        words = shlex.split(line, comments=True)
        if words[0] == "export":  # the shell has a key
            return
        if words[0] != "graphbuild":
            folder, environment = self._shell.folder, self._shell.environment
            subprocess.run(line, shell=True, check=True, cwd=folder, env=environment)
            return
        calls_api = words[1] in {"crawl", "plan", "watch"}
        process = self._shell(*words[1:], *(self._base_url if calls_api else ()))
        assert process.returncode == 0, f"{line}: {process.stderr}"
        self.output += process.stdout


@pytest.fixture(scope="module")
def crawled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign file that a crawl of the small world has written."""
    path = tmp_path_factory.mktemp("crawled") / "campaign.db"
    world = small_world()
    with (
        Emulator(Api(world)) as emulator,
        Store.open(path) as store,
        Client(ApiKey("k" * 64), base_url=emulator.base_url) as client,
    ):
        store.add_seeds(parse_seeds(world.hashes()))
        assert list(Crawl(client, store))
    return path


@pytest.mark.parametrize("document", INSTRUCTIONS)
def test_the_instructions_of_a_page_work(
    document: str, crawled_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = small_world()
    (tmp_path / "campaign.db").write_bytes(crawled_file.read_bytes())
    (tmp_path / "hashes.txt").write_text("\n".join(world.hashes()))
    monkeypatch.chdir(tmp_path)
    blocks = [block for block in BLOCK.finditer(TEXTS[document]) if not block["reason"]]
    assert any(block["language"] == "console" for block in blocks)
    with Emulator(Api(world)) as emulator:
        instructions = Instructions(tmp_path, emulator.base_url)
        for block in blocks:
            instructions.run(block["language"], block["code"])


def code_blocks(document: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", TEXTS[document], re.DOTALL)


@pytest.mark.parametrize("document", ["README.md", "analysis.md", "python.md"])
def test_the_python_of_a_document_runs(document: str, campaign_file: Path) -> None:
    assert code_blocks(document)
    names: dict[str, Any] = {}
    for code in code_blocks(document):
        exec(compile(code, document, "exec"), names)
    exported = {path.name for path in campaign_file.iterdir()}
    if document != "analysis.md":
        assert "campaign.graphml" in exported


def test_every_command_is_documented() -> None:
    for command in commands():
        used = re.compile(rf"(graphbuild |`){command}\b")
        assert any(used.search(TEXTS[name]) for name in TEXTS if name != "CHANGELOG.md"), command


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_option_of_a_documented_command_exists(document: Path) -> None:
    for line in re.findall(r"^\$ graphbuild (\w.*?)(?:#.*)?$", TEXTS[document.name], re.MULTILINE):
        command, *words = line.split()
        help_text = help_of(command)
        subcommands = help_text.partition("\nCommands:")[2]
        if subcommands:
            assert re.search(rf"^  {words[0]} ", subcommands, re.MULTILINE), line
            help_text = help_of(command, words[0])
        for option in re.findall(r"--[a-z-]+", line):
            assert option in help_text, line


def test_every_option_of_crawl_in_the_guide_exists() -> None:
    for option in re.findall(r"^\| `(--[a-z-]+)", CRAWLING, re.MULTILINE):
        assert option in help_of("crawl")


def test_the_documented_exit_codes_are_those_of_the_help() -> None:
    documented = re.findall(r"^\| (\d+) \| (\w+)", CRAWLING, re.MULTILINE)
    assert [code for code, _ in documented] == ["0", "1", "2", "3", "4", "5", "6", "10", "130"]
    for code, meaning in documented:
        assert re.search(rf"\b{code}\s+{meaning}", help_of()), code


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\$ make (\w+)", README, re.MULTILINE))
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in script
    assert "$ make test" in README


def test_readme_and_changelog_name_this_version() -> None:
    wheels = re.findall(r"graphbuild-(\S+)-py3-none-any\.whl", README)
    assert wheels == [graphbuild.__version__]
    assert f"\n## {graphbuild.__version__}" in TEXTS["CHANGELOG.md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_have_existing_targets(document: Path) -> None:
    for target in re.findall(r"\]\(((?!https?://)[^)#]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_every_format_is_in_the_documented_table_and_in_the_help() -> None:
    rows = dict(re.findall(FORMAT_ROW, FORMATS_PAGE.partition("\n## ")[0], re.MULTILINE))
    assert set(rows) == set(FORMATS)
    for name, format_name in FORMATS.items():
        assert re.findall(r"`([^`]+)`", rows[name]) == format_name.names
    (listed,) = re.findall(r"separated by commas: (.*?)\.  ", help_of("export").replace("\n", " "))
    listed = re.sub(r"(?<=-) ", "", " ".join(listed.split()))  # lines may end in a hyphen
    assert set(listed.split(", ")) == set(FORMATS)


def documented_rejections() -> dict[str, set[str]]:
    """Return view -> formats that reject it, according to the page."""
    rows = re.findall(r"^\| (`[a-z`, -]+`) \|[^|]*\| ([^|]*) \|$", FORMATS_PAGE, re.MULTILINE)
    return {
        view: set(re.findall(r"`([^`]+)`", rejecting))
        for views, rejecting in rows
        for view in re.findall(r"`([^`]+)`", views)
        if view in VIEWS
    }


@pytest.mark.parametrize("name", VIEWS)
def test_the_formats_page_lists_the_formats_that_reject_a_view(name: str, tmp_path: Path) -> None:
    graph = nx.compose(campaign(), with_title("one report", "another like it"))
    graph_view, rejecting = view(graph, name), set()
    for format_name in FORMATS:
        try:
            export_all(graph_view, tmp_path / format_name, [format_name], positions={})
        except ExportError:
            rejecting.add(format_name)
            assert not (tmp_path / format_name).exists()
    assert documented_rejections()[name] == rejecting


def test_the_python_of_the_formats_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = campaign()
    export_all(graph, tmp_path, FORMATS)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", FORMATS_PAGE, re.DOTALL):
        exec(compile(code, "formats.md", "exec"), namespace)  # the documented code itself
    assert list(namespace["nodes"]["id"]) == list(graph)
    assert str(namespace["nodes"]["creation_date"].dtype) == "Int64"
    assert set(namespace["graph"].edges) == set(graph.edges)


def test_the_formats_page_contains_the_neo4j_import_command() -> None:
    assert f"\n{neo4j.import_command()}\n" in FORMATS_PAGE


def headings(document: Path) -> set[str]:
    """Return the fragments with which links lead to the headings of a document."""
    titles = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_headings_have_existing_targets(document: Path) -> None:
    links = r"\]\(((?!https?://)[^)#]*\.md|)#([^)]+)\)"
    for path, fragment in re.findall(links, document.read_text(encoding="utf-8")):
        target = document.parent / path if path else document
        assert fragment in headings(target), f"{path}#{fragment}"


def test_the_front_page_of_the_site_lists_every_document() -> None:
    listed = re.findall(r"^(?:\w+ <)?([\w./-]+)>?$", TEXTS["index.md"], re.MULTILINE)
    index = ROOT / "docs" / "index.md"
    documents = {(index.parent / f"{name}.md").resolve() for name in listed}
    assert documents == {*DOCUMENTS} - {index}


def test_the_analysis_page_lists_all_literature_that_it_cites() -> None:
    words = " ".join(TEXTS["analysis.md"].split())
    text, _, literature = words.partition("## Literature")
    authors = (
        r"([A-Z][a-z]+)(?:,? (?:and [A-Z][a-z]+|et al\.|[A-Z][a-z]+,?))* \(?((?:19|20)\d\d)\b(?!-)"
    )
    cited = set(re.findall(authors, text))
    assert len(cited) > 15
    listed = set(re.findall(r"- (\w+), [^:]*?\((\d{4})\)", literature))
    assert cited == listed


def test_the_api_page_lists_every_public_name() -> None:
    listed = re.findall(r"^\.\. auto\w+:: (\w+)$", API_PAGE, re.MULTILINE)
    assert sorted(listed) == graphbuild.__all__


def test_the_reference_of_the_command_line_contains_every_option() -> None:
    extension = runpy.run_path(str(ROOT / "docs" / "_extensions" / "cli_reference.py"))
    sections = dict(
        section.split("\n", 1)
        for section in re.split(r"^## ", extension["render_reference"](), flags=re.MULTILINE)[1:]
    )
    assert extension["PLACEHOLDER"] in TEXTS["cli.md"]
    for command in commands():
        listing = help_of(command).partition("\nOptions:\n")[2].partition("\n\n")[0]
        options = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", listing, re.MULTILINE)
        missing = [each for each in options if each not in sections[f"graphbuild {command}"]]
        assert set(missing) <= {"--verbose", "--quiet", "--help"}, command
        assert all(each in sections["graphbuild"] for each in missing)


def test_the_architecture_lists_every_package_and_its_dependencies() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", ARCHITECTURE, re.MULTILINE)
    documented = {name: set() if text == "–" else set(text.split(", ")) for name, text in rows}
    assert documented == DEPENDENCIES


def test_every_test_named_in_the_architecture_exists() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    named = re.findall(r"`(test_\w+\.py)`", ARCHITECTURE)
    assert len(named) > 5
    for name in named:
        assert list((ROOT / "tests").rglob(name)), name
    assert "def test_" in tests

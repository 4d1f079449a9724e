"""Options of every command: version, verbosity, completion and the default campaign file."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import graphbuild
from graphbuild.cli.main import COMMANDS, app
from graphbuild.emulator import Api, generate_family_world
from graphbuild.seeds.formats import FORMAT_NAMES
from graphbuild.store import Store
from tests.support.keys import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Change to an empty folder, and restore the logging configuration afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VT_APIKEY", KEY)
    yield tmp_path
    for name in ("graphbuild", "urllib3"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.NOTSET)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], env={"COLUMNS": "80"}, prog_name="graphbuild")


def test_version() -> None:
    assert run("--version").stdout == f"graphbuild {graphbuild.__version__}\n"


def test_help_lists_every_command_with_a_whole_sentence() -> None:
    text = run("--help").stdout
    lines = [line.split() for line in text[text.index("Commands:") :].splitlines()]
    described = {arguments[0]: arguments[-1] for arguments in lines if len(arguments) > 2}
    for command in COMMANDS:
        last_word = described[command.__name__.rstrip("_")]
        assert last_word.endswith(".")
        assert not last_word.endswith("...")


def test_help_of_crawl_lists_every_seed_format() -> None:
    text = " ".join(run("crawl", "--help").stdout.split())
    formats = text[text.index("Format of the seed lists:") : text.index("--column")]
    assert all(name in formats for name in FORMAT_NAMES)


def test_completion_names_commands_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_GRAPHBUILD_COMPLETE", "complete_bash")
    for arguments, expected in (
        ("graphbuild c", "communities"),
        ("graphbuild export --no", "--no-csv"),
    ):
        monkeypatch.setenv("COMP_WORDS", arguments)
        monkeypatch.setenv("COMP_CWORD", str(len(arguments.split()) - 1))
        assert expected in run().stdout


# --- verbosity -----------------------------------------------------------------------------------


@pytest.fixture
def crawl_arguments(folder: Path, service) -> list[str]:
    world = generate_family_world(1, 3)
    (folder / "seeds.txt").write_text(f"{world.hashes()[0]}\nnot-a-hash\n")
    return ["crawl", "seeds.txt", "--store", "c.db", "--base-url", service(Api(world))]


def test_progress_and_notices_go_to_standard_error(crawl_arguments: list[str]) -> None:
    result = run(*crawl_arguments)
    assert "1 file: 1 complete" in result.stdout
    assert "not a seed: seeds.txt, line 2" in result.stderr
    assert "100 %: 1 of 1 call, 3 list entries" in result.stderr


@pytest.mark.parametrize("position", ["before", "after"])
def test_quiet_hides_progress_and_notices(crawl_arguments: list[str], position: str) -> None:
    option = ["--quiet"]
    arguments = [*option, *crawl_arguments] if position == "before" else [*crawl_arguments, *option]
    result = run(*arguments)
    assert "1 file: 1 complete" in result.stdout
    assert result.stderr == ""


def test_quiet_does_not_hide_errors() -> None:
    result = run("status", "--quiet", "--store", "nowhere.db")
    assert result.exit_code == 1
    assert "there is no campaign file nowhere.db" in result.stderr


@pytest.mark.parametrize("position", ["before", "after"])
def test_verbose_logs_requests_without_the_key(crawl_arguments: list[str], position: str) -> None:
    arguments = ["-v", *crawl_arguments] if position == "before" else [*crawl_arguments, "-v"]
    result = run(*arguments)
    assert "/related_references" in result.stderr
    assert " 200 " in result.stderr
    assert KEY not in result.stderr
    assert KEY not in result.stdout


# --- the default campaign file -------------------------------------------------------------------


def make_campaign(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Store.open(path).close()


def test_the_only_campaign_file_is_the_default(folder: Path) -> None:
    make_campaign(folder / "only.db")
    (folder / "other.db").write_bytes(b"not a campaign file")
    result = run("status")
    assert result.exit_code == 0
    assert result.stdout.startswith("only.db\n")
    assert result.stderr == "using the campaign file only.db\n"


def test_several_campaign_files_need_a_choice(folder: Path) -> None:
    make_campaign(folder / "a.db")
    shutil.copy(folder / "a.db", folder / "b.db")
    for command in (["status"], ["plan"], ["crawl"]):
        result = run(*command)
        assert result.exit_code == 2
        assert "several campaign files: a.db, b.db" in " ".join(result.stderr.split())


def test_a_missing_campaign_file_is_reported_with_instructions(folder: Path) -> None:
    result = run("communities")
    assert result.exit_code == 2
    assert "--store campaign.db" in " ".join(result.stderr.split())
    make_campaign(folder / "output" / "demo" / "campaign.db")
    assert "a subfolder contains output/demo/campaign.db" in " ".join(run("export").stderr.split())


def test_plan_needs_no_campaign_file(folder: Path) -> None:
    (folder / "seeds.txt").write_text("0123456789abcdef" * 4)
    result = run("plan", "seeds.txt")
    assert (result.exit_code, result.stderr) == (0, "seeds.txt: read as list (the default)\n")
    assert "at least 1 call" in result.stdout

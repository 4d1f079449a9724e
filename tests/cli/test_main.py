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
    described = {words[0]: words[-1] for words in lines if len(words) > 2}
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
    for words, expected in (
        ("graphbuild c", "communities"),
        ("graphbuild export --no", "--no-csv"),
    ):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
        assert expected in run().stdout


# --- verbosity -----------------------------------------------------------------------------------


@pytest.fixture
def crawl_arguments(folder: Path, service) -> list[str]:
    world = generate_family_world(1, 3)
    (folder / "seeds.txt").write_text(f"{world.hashes()[0]}\nnot-a-hash\n")
    return ["crawl", "seeds.txt", "--store", "c.db", "--base-url", service(Api(world))]


def test_progress_and_notices_go_to_standard_error(crawl_arguments: list[str]) -> None:
    done = run(*crawl_arguments)
    assert "1 file: 1 complete" in done.stdout
    assert "not a seed: seeds.txt, line 2" in done.stderr
    assert "page 1, 3 new references, complete" in done.stderr


@pytest.mark.parametrize("place", ["before", "after"])
def test_quiet_hides_progress_and_notices(crawl_arguments: list[str], place: str) -> None:
    option = ["--quiet"]
    words = [*option, *crawl_arguments] if place == "before" else [*crawl_arguments, *option]
    done = run(*words)
    assert "1 file: 1 complete" in done.stdout
    assert done.stderr == ""


def test_quiet_does_not_hide_errors() -> None:
    done = run("status", "--quiet", "--store", "nowhere.db")
    assert done.exit_code == 1
    assert "there is no campaign file nowhere.db" in done.stderr


@pytest.mark.parametrize("place", ["before", "after"])
def test_verbose_logs_requests_without_the_key(crawl_arguments: list[str], place: str) -> None:
    words = ["-v", *crawl_arguments] if place == "before" else [*crawl_arguments, "-v"]
    done = run(*words)
    assert "/related_references" in done.stderr
    assert " 200 " in done.stderr
    assert KEY not in done.stderr
    assert KEY not in done.stdout


# --- the default campaign file -------------------------------------------------------------------


def make_campaign(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Store.open(path).close()


def test_the_only_campaign_file_is_the_default(folder: Path) -> None:
    make_campaign(folder / "only.db")
    (folder / "other.db").write_bytes(b"not a campaign file")
    done = run("status")
    assert done.exit_code == 0
    assert done.stdout.startswith("only.db\n")
    assert done.stderr == "using the campaign file only.db\n"


def test_several_campaign_files_need_a_choice(folder: Path) -> None:
    make_campaign(folder / "a.db")
    shutil.copy(folder / "a.db", folder / "b.db")
    for command in (["status"], ["plan"], ["crawl"]):
        done = run(*command)
        assert done.exit_code == 2
        assert "several campaign files: a.db, b.db" in " ".join(done.stderr.split())


def test_without_a_campaign_file_the_message_says_how_to_get_one(folder: Path) -> None:
    done = run("communities")
    assert done.exit_code == 2
    assert "--store campaign.db" in " ".join(done.stderr.split())
    make_campaign(folder / "output" / "demo" / "campaign.db")
    assert "there is output/demo/campaign.db" in " ".join(run("export").stderr.split())


def test_plan_needs_no_campaign_file(folder: Path) -> None:
    (folder / "seeds.txt").write_text("0123456789abcdef" * 4)
    done = run("plan", "seeds.txt")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "at least 1 call" in done.stdout

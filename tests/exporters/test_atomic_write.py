"""Temporary files of killed exports: the next export removes them, and no other file."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from graphbuild.emulator import Api, generate_family_world
from graphbuild.exporters import atomic_write
from graphbuild.exporters.atomic_write import open_atomic
from tests.support.processes import without_coverage
from tests.support.shell import seeds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shell import Shell

NAMES = {"graph.graphml", "graph.html", "nodes.csv", "edges.csv", "observations.csv"}
TEMP_NAME = ".graphbuild-0123456789abcdef.tmp"

# The process sends itself a signal when the first file is written but not yet renamed.
SIGNAL_BEFORE_RENAME = """
import os, sys
number, sys.argv[1:] = int(sys.argv[1]), sys.argv[2:]

def hook(event, arguments):
    global number
    if event == "os.rename" and number:
        number, now = 0, number
        os.kill(os.getpid(), now)

sys.addaudithook(hook)
from graphbuild.__main__ import main
main()
"""


@pytest.fixture
def campaign(shell: Shell, service) -> Shell:
    world = generate_family_world(2, 3)
    options = ("--store", "c.db", "--base-url", service(Api(world)))
    assert shell("crawl", seeds(shell, *world.hashes()), *options).returncode == 0
    return shell


def export(shell: Shell, number: signal.Signals) -> subprocess.Popen[bytes]:
    command = ["export", "--store", "c.db", "--out", "out"]
    return subprocess.Popen(
        [sys.executable, "-c", SIGNAL_BEFORE_RENAME, str(int(number)), *command],
        cwd=shell.folder,
        env=without_coverage(shell.environment),
        stdout=subprocess.DEVNULL,
    )


def test_export_removes_the_temporary_file_of_a_killed_export(campaign: Shell) -> None:
    out = campaign.folder / "out"
    for _ in range(2):
        assert export(campaign, signal.SIGKILL).wait(timeout=300) == -signal.SIGKILL
        (leftover,) = out.iterdir()  # the second export removed the file of the first
        assert atomic_write._TEMP_NAME.fullmatch(leftover.name)
    assert campaign("export", "--store", "c.db", "--out", "out").returncode == 0
    assert {path.name for path in out.iterdir()} == NAMES


def test_export_keeps_the_temporary_file_of_a_running_export(campaign: Shell) -> None:
    out = campaign.folder / "out"
    writer = export(campaign, signal.SIGSTOP)
    os.waitpid(writer.pid, os.WUNTRACED)  # until it has stopped
    (unfinished,) = out.iterdir()
    assert campaign("export", "--store", "c.db", "--out", "out").returncode == 0
    assert {path.name for path in out.iterdir()} == NAMES | {unfinished.name}
    writer.send_signal(signal.SIGCONT)
    assert writer.wait(timeout=300) == 0
    assert {path.name for path in out.iterdir()} == NAMES


def write(folder: Path) -> None:
    with open_atomic(folder / "x") as stream:
        stream.write(b"x")
    assert (folder / "x").read_bytes() == b"x"


@pytest.mark.parametrize(
    "name",
    [
        ".graphbuild-0123456789abcde.tmp",
        ".graphbuild-0123456789abcdef0.tmp",
        ".graphbuild-0123456789ABCDEF.tmp",
        ".graphbuild-0123456789abcdef.tmp\n",
        ".graphbuild-0123456789abcdef.tmp.bak",
        "graphbuild-0123456789abcdef.tmp",
        ".graphbuild-.tmp",
        ".other-0123456789abcdef.tmp",
    ],
)
def test_export_keeps_files_with_other_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    write(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_export_keeps_links_pipes_and_folders_with_a_temporary_name(tmp_path: Path) -> None:
    target = tmp_path / "aim"
    target.write_text("mine")
    (tmp_path / TEMP_NAME).symlink_to(target)
    os.mkfifo(tmp_path / TEMP_NAME.replace("0", "1"))
    (tmp_path / TEMP_NAME.replace("0", "2")).mkdir()
    before = set(tmp_path.iterdir())
    write(tmp_path)
    assert set(tmp_path.iterdir()) == before | {tmp_path / "x"}
    assert target.read_text() == "mine"


def test_export_keeps_temporary_files_of_other_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / TEMP_NAME).write_text("theirs")
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    write(tmp_path)
    assert (tmp_path / TEMP_NAME).read_text() == "theirs"


def test_export_without_file_locks_removes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    (tmp_path / TEMP_NAME).write_text("another process")
    monkeypatch.setattr(fcntl, "flock", flock)
    write(tmp_path)
    assert (tmp_path / TEMP_NAME).exists()


def test_a_temporary_file_removed_before_it_is_locked_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, calls = fcntl.flock, []

    def flock_after_cleanup(descriptor: int, operation: int) -> None:
        if not calls:
            calls.append(operation)
            atomic_write.remove_leftovers(tmp_path)  # a concurrent export
            assert list(tmp_path.iterdir()) == []
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock_after_cleanup)
    write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]

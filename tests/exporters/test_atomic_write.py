"""What a killed export leaves behind goes with the next one; nothing else does."""

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
OURS = ".graphbuild-0123456789abcdef.tmp"

# Sends itself a signal when the first file is written and about to be moved to its place.
AT_THE_MOVE = """
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
    where = ("--store", "c.db", "--base-url", service(Api(world)))
    assert shell("crawl", seeds(shell, *world.hashes()), *where).returncode == 0
    return shell


def export(shell: Shell, number: signal.Signals) -> subprocess.Popen[bytes]:
    words = ["export", "--store", "c.db", "--out", "out"]
    return subprocess.Popen(
        [sys.executable, "-c", AT_THE_MOVE, str(int(number)), *words],
        cwd=shell.folder,
        env=without_coverage(shell.environment),
        stdout=subprocess.DEVNULL,
    )


def test_what_a_killed_export_left_goes_with_the_next(campaign: Shell) -> None:
    out = campaign.folder / "out"
    for _ in range(2):
        assert export(campaign, signal.SIGKILL).wait(timeout=60) == -signal.SIGKILL
        (left,) = out.iterdir()  # the second one took the first one's
        assert atomic_write._TEMP_NAME.fullmatch(left.name)
    assert campaign("export", "--store", "c.db", "--out", "out").returncode == 0
    assert {path.name for path in out.iterdir()} == NAMES


def test_what_somebody_is_still_writing_stays(campaign: Shell) -> None:
    out = campaign.folder / "out"
    writer = export(campaign, signal.SIGSTOP)
    os.waitpid(writer.pid, os.WUNTRACED)  # until it has stopped
    (being_written,) = out.iterdir()
    assert campaign("export", "--store", "c.db", "--out", "out").returncode == 0
    assert {path.name for path in out.iterdir()} == NAMES | {being_written.name}
    writer.send_signal(signal.SIGCONT)
    assert writer.wait(timeout=60) == 0
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
def test_a_file_of_another_name_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    write(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_a_link_a_pipe_and_a_folder_of_that_name_stay(tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    aim.write_text("mine")
    (tmp_path / OURS).symlink_to(aim)
    os.mkfifo(tmp_path / OURS.replace("0", "1"))
    (tmp_path / OURS.replace("0", "2")).mkdir()
    before = set(tmp_path.iterdir())
    write(tmp_path)
    assert set(tmp_path.iterdir()) == before | {tmp_path / "x"}
    assert aim.read_text() == "mine"


def test_anothers_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / OURS).write_text("theirs")
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    write(tmp_path)
    assert (tmp_path / OURS).read_text() == "theirs"


def test_where_files_cannot_be_locked_nothing_is_removed_and_exports_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    (tmp_path / OURS).write_text("perhaps somebody's")
    monkeypatch.setattr(fcntl, "flock", flock)
    write(tmp_path)
    assert (tmp_path / OURS).exists()


def test_a_new_file_taken_for_a_leftover_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, met = fcntl.flock, []

    def late(descriptor: int, operation: int) -> None:
        if not met:
            met.append(operation)
            atomic_write.remove_leftovers(tmp_path)  # another export, at just that moment
            assert list(tmp_path.iterdir()) == []
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]

"""One writer per file, whatever name it is opened under; closing a file drops no lock of SQLite."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from graphbuild.errors import StoreError
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from graphbuild.store.connection import is_campaign_file
from tests.store.helpers import sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def hard_link(path: Path) -> Path:
    other = path.with_name("hard.db")
    other.hardlink_to(path)
    return other


def hard_link_elsewhere(path: Path) -> Path:
    folder = path.parent / "elsewhere"
    folder.mkdir()
    other = folder / path.name
    other.hardlink_to(path)
    return other


def symbolic_link(path: Path) -> Path:
    other = path.with_name("symbolic.db")
    other.symlink_to(path.name)
    return other


def chain_of_links(path: Path) -> Path:
    other = path.with_name("chain.db")
    other.symlink_to(symbolic_link(hard_link(path)))
    return other


def linked_folder(path: Path) -> Path:
    folder = path.parent / "folder"
    folder.symlink_to(path.parent, target_is_directory=True)
    return folder / path.name


def roundabout(path: Path) -> Path:
    (path.parent / "sub").mkdir()
    return path.parent / "sub" / ".." / path.name


C = "c" * 64
OTHER_NAMES = pytest.mark.parametrize(
    "other_name",
    [hard_link, hard_link_elsewhere, symbolic_link, chain_of_links, linked_folder, roundabout],
)


@contextmanager
def process(code: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run code with ``store`` open in another process; it prints a line and waits for input."""
    opening = (
        "import os, sys; from graphbuild.store import Store; store = Store.open(sys.argv[1]);"
        "print(os.getpid(), flush=True); sys.stdin.read();"
    )
    with subprocess.Popen(
        [sys.executable, "-c", opening + code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        yield running
        assert running.stdin is not None
        running.stdin.close()


@OTHER_NAMES
def test_writer_in_another_process_is_rejected(path: Path, other_name) -> None:
    sound(path)
    other = other_name(path)
    with process("store.close()", other) as running:
        for name in (path, other):
            with pytest.raises(StoreError, match=rf"{name} is in use by process {running.pid}"):
                Store.open(name)
    Store.open(path).close()


@OTHER_NAMES
def test_writer_in_the_same_process_is_rejected(path: Path, other_name) -> None:
    sound(path)
    other = other_name(path)
    with Store.open(path) as store:
        with pytest.raises(StoreError, match=rf"in use by process {os.getpid()}"):
            Store.open(other)
        store.add_seeds(parse_seeds([C]))
    with Store.open(other) as store:
        assert store.totals().subjects == 3


@OTHER_NAMES
def test_lock_of_a_killed_writer_is_released(path: Path, other_name) -> None:
    sound(path)
    other = other_name(path)
    with process("os.kill(os.getpid(), 9)", path):
        pass
    Store.open(other).close()


def test_new_file_is_created_where_a_symbolic_link_leads(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.db"
    path.symlink_to(target)
    sound(path)
    assert path.is_symlink()
    with Store.read(target) as store:
        assert store.totals().pages == 2


def reader(path: Path) -> None:
    Store.read(path).close()


def header(path: Path) -> None:
    assert is_campaign_file(path)


def rejected_writer(path: Path) -> None:
    for other in (path, hard_link(path)):
        with pytest.raises(StoreError, match="in use"):
            Store.open(other)


@pytest.mark.parametrize("use", [reader, header, rejected_writer])
def test_use_in_the_same_process_drops_no_lock(path: Path, use: Callable[[Path], None]) -> None:
    """Without its lock, SQLite in another process removes the log that the writer uses."""
    sound(path)
    with Store.open(path) as store:
        use(path)
        store.add_seeds(parse_seeds([C]))
        code = (
            "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1]);"
            "print(connection.execute('SELECT count(*) FROM task').fetchone()[0]);"
            "connection.close()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
        )
        assert done.stdout == "3\n"
        assert Path(f"{path}-wal").exists()


def test_reader_that_outlives_the_writer_keeps_its_lock(path: Path) -> None:
    sound(path)
    store = Store.open(path)
    with Store.read(path) as still_open:
        store.close()
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            assert connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchone()
            code = (
                "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0);"
                "print(c.execute('PRAGMA journal_mode = DELETE').fetchone()[0])"
            )
        done = subprocess.run(
            [sys.executable, "-c", code, path], capture_output=True, text=True, check=False
        )
        assert "database is locked" in done.stderr
        assert still_open.totals().pages == 2


def test_named_pipe_is_not_a_campaign_file(path: Path) -> None:
    os.mkfifo(path)
    for way in (Store.open, Store.read):
        with pytest.raises(StoreError, match="is a named pipe"):
            way(path)

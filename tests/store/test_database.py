"""Locking, opening and creating campaign files; files that are rejected."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from graphbuild.errors import StoreError
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from graphbuild.store.connection import create
from graphbuild.store.database_file import lock_name
from tests.store.helpers import R1, A, body, commit, sound

# --- one writer ----------------------------------------------------------------------------------


def test_lock_without_known_holder_is_reported(path: Path) -> None:
    with lock_name(path), pytest.raises(StoreError, match="in use by another process"):
        Store.open(path)
    Store.open(path).close()


def test_full_disk_is_reported_and_loses_nothing(store: Store) -> None:
    commit(store, body(R1))
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    many = [f"{number:064x}" for number in range(10_000)]
    with pytest.raises(StoreError, match=rf"{store.path}: the disk is full; free some space"):
        store.add_seeds(parse_seeds(many))
    assert store.totals().subjects == 2


def test_use_of_a_closed_store_is_reported(path: Path) -> None:
    store = Store.open(path)
    store.close()
    message = rf"{path}: Cannot operate on a closed database\. Data"
    with pytest.raises(StoreError, match=message):
        store.totals()
    with pytest.raises(StoreError, match=message):
        store.tasks.requeue()
    with pytest.raises(StoreError, match=message):
        store.calls.end(1, status=200, error="", sent=True)


def test_second_writer_is_rejected_with_the_holder(path: Path, store: Store) -> None:
    with pytest.raises(StoreError, match=rf"in use by process {os.getpid()}"):
        Store.open(path)
    assert store.tasks.next_task() is not None


def test_lock_ends_with_its_process(path: Path) -> None:
    code = (
        "import os, signal, sys; from graphbuild.store import Store;"
        "Store.open(sys.argv[1]); os.kill(os.getpid(), signal.SIGKILL)"
    )
    process = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert process.returncode == -9
    with Store.open(path) as store:
        assert store.tasks.next_task() is None


def test_readers_are_not_blocked_and_cannot_write(path: Path, store: Store) -> None:
    with Store.read(path) as reader:
        assert reader.totals().subjects == 2
        with pytest.raises(StoreError):
            reader.add_seeds(parse_seeds(["c" * 64]))
    assert store.totals().subjects == 2


# --- rejected files ------------------------------------------------------------------------------


def empty(path: Path) -> None:
    path.touch()


def one_byte(path: Path) -> None:
    path.write_bytes(b"S")


def text(path: Path) -> None:
    path.write_text(f"{A}\n" * 20)


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()


def newer(path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def with_trigger(path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TRIGGER t AFTER INSERT ON seed BEGIN DELETE FROM observation; END"
        )
    connection.close()


def halved(path: Path) -> None:
    Store.open(path).close()
    path.write_bytes(path.read_bytes()[:4096])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (empty, "is empty"),
        (one_byte, "not a campaign file"),
        (text, "not a campaign file"),
        (other_database, "another program's database"),
        (newer, "newer graphbuild"),
        (with_trigger, "has other tables"),
        (halved, "malformed"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("open_store", [Store.open, Store.read], ids=["open", "read"])
def test_other_files_are_rejected_and_left_unchanged(
    path: Path, make, message: str, open_store
) -> None:
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=message):
        open_store(path)
    assert path.read_bytes() == before


def test_reading_a_missing_file_is_an_error(path: Path) -> None:
    with pytest.raises(StoreError, match="no campaign file"):
        Store.read(path)
    assert not path.exists()


def test_folder_is_not_a_campaign_file(tmp_path: Path) -> None:
    for open_store in (Store.open, Store.read):
        with pytest.raises(StoreError, match="cannot"):
            open_store(tmp_path)


def test_folder_of_a_new_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        Store.open(tmp_path / "nowhere" / "campaign.db")


def test_new_file_is_readable_by_its_owner_only(path: Path) -> None:
    Store.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {each.name for each in path.parent.iterdir()} <= {"campaign.db", "campaign.db.lock"}


def test_commits_are_synced_to_disk(store: Store) -> None:
    # Durability after a power loss depends on these two settings (see SQLite's documentation).
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_damaged_page_is_reported_with_its_subject(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A]))
        commit(store, body(R1))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE page SET body = x'00'")
    connection.close()
    with Store.read(path) as damaged, pytest.raises(StoreError, match=A):
        list(damaged.pages())


def test_file_with_a_journal_of_a_killed_writer_can_be_read(path: Path) -> None:
    """A rollback journal is left by the first write; SQLite's read-only mode cannot apply it."""
    sound(path)
    abandoned = path.with_name("left.db")
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        for number in range(500):
            connection.execute(
                "INSERT INTO metadata (name, value) VALUES (?, ?)", (f"n{number}", "x" * 500)
            )
        shutil.copy(path, abandoned)
        shutil.copy(f"{path}-journal", f"{abandoned}-journal")
        connection.execute("ROLLBACK")
    connection.close()
    with Store.read(abandoned) as store:
        assert store.totals().pages == 2


def test_unfinished_listing_does_not_keep_the_file_open(path: Path) -> None:
    sound(path)
    with Store.read(path) as store:
        half = store.statuses()
        next(half)
    half.close()


def test_new_file_is_not_an_incomplete_copy(path: Path) -> None:
    """A kill right after the creation leaves such a file."""
    create(path)
    for way in (Store.read, Store.open):
        with way(path) as store:
            assert not store.missing_data


def test_log_of_a_deleted_file_is_not_used(path: Path, store: Store) -> None:
    log = Path(f"{path}-wal").read_bytes()
    store.close()
    path.unlink()
    Path(f"{path}-wal").write_bytes(log)
    with Store.open(path) as new:
        assert new.totals().subjects == 0

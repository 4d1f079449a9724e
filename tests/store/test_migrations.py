"""Migrations: a saved campaign file of every earlier schema opens with the same contents."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

from graphbuild.errors import StoreError
from graphbuild.store import Store, migrations, schema
from graphbuild.store.schema import SCHEMA_VERSION, expected_digest, schema_digest
from tests.store.save_fixture import contents, recorded_contents, save_fixture, saved_file

EARLIER = range(1, SCHEMA_VERSION)
KILLS = 12


def version_of(path: Path) -> int:
    # SQLite opens a copy, because it writes back and removes the journal or log of a killed writer.
    with tempfile.TemporaryDirectory() as folder:
        for each in path.parent.glob(f"{path.name}*"):
            shutil.copy(each, folder)
        with closing(sqlite3.connect(Path(folder) / path.name)) as connection:
            return migrations.version_of(connection)


@pytest.mark.parametrize("version", EARLIER)
def test_a_file_of_an_earlier_schema_is_migrated_after_a_backup(
    tmp_path: Path, version: int
) -> None:
    path = saved_file(version, tmp_path)
    with Store.open(path) as store:
        assert schema_digest(store._db._connection) == expected_digest(SCHEMA_VERSION)
    assert contents(path) == recorded_contents(version)
    assert version_of(path) == SCHEMA_VERSION
    backup = tmp_path / f"campaign.db.schema-{version}.bak"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    names = {each.name for each in tmp_path.iterdir() if not each.name.startswith("campaign.db-")}
    assert names <= {"campaign.db", "campaign.db.lock", backup.name}
    assert version_of(backup) == version
    assert contents(backup) == recorded_contents(version)
    original = saved_file(version, tmp_path / "original")
    with closing(sqlite3.connect(backup)) as one, closing(sqlite3.connect(original)) as other:
        assert list(one.iterdump()) == list(other.iterdump())


@pytest.mark.parametrize("version", EARLIER)
def test_reading_an_earlier_schema_leaves_the_file_unchanged(tmp_path: Path, version: int) -> None:
    path = saved_file(version, tmp_path)
    before = path.read_bytes()
    assert contents(path) == recorded_contents(version)
    assert path.read_bytes() == before


def test_an_opened_file_of_the_current_schema_gets_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "campaign.db"
    for _ in range(2):
        Store.open(path).close()
    assert not list(tmp_path.glob("*.bak"))


def test_the_steps_end_in_the_current_schema() -> None:
    assert sorted(migrations.MIGRATIONS) == list(EARLIER)


def test_a_saved_fixture_has_the_recorded_contents(tmp_path: Path) -> None:
    newest = max(EARLIER)
    save_fixture(saved_file(newest, tmp_path), tmp_path / "data")
    path = saved_file(SCHEMA_VERSION, tmp_path / "new", tmp_path / "data")
    assert contents(path) == recorded_contents(SCHEMA_VERSION, tmp_path / "data")
    assert contents(path) == recorded_contents(newest)
    assert version_of(path) == SCHEMA_VERSION


def test_a_raised_schema_version_runs_the_registered_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved_file(1, tmp_path)
    steps = {**migrations.MIGRATIONS, SCHEMA_VERSION: lambda _: None}
    monkeypatch.setattr(migrations, "MIGRATIONS", steps)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    Store.open(path).close()
    assert version_of(path) == SCHEMA_VERSION + 1
    assert contents(path) == recorded_contents(1)
    monkeypatch.undo()
    before = path.read_bytes()
    newer = rf"has schema {SCHEMA_VERSION + 1}, .* supports schemas up to {SCHEMA_VERSION};"
    for opens in (Store.open, Store.read):
        with pytest.raises(StoreError, match=newer):
            opens(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("table", ["entity", "seed", "task", "page", "call", "metadata"])
def test_an_added_column_gives_the_schema_in_which_it_is_declared(table: str) -> None:
    """``ALTER TABLE`` changes the white space of the definition, depending on the table."""
    column = "extra TEXT NOT NULL DEFAULT ''"
    before, _, rest = schema.SCHEMA.partition(f"CREATE TABLE {table} (")
    columns, separator, after = rest.partition(
        ",\n    UNIQUE" if table in {"entity", "task", "page"} else "\n) STRICT"
    )
    declared = f"{before}CREATE TABLE {table} ({columns},\n    {column}{separator}{after}"
    with closing(sqlite3.connect("")) as altered, closing(sqlite3.connect("")) as new:
        altered.executescript(schema.SCHEMA)
        altered.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
        new.executescript(declared)
        assert schema_digest(altered) == schema_digest(new)


def test_negative_entity_counts_become_failure_counts(tmp_path: Path) -> None:
    path = saved_file(2, tmp_path)
    count = "SELECT id, new_entity_count FROM task ORDER BY id"
    with closing(sqlite3.connect(path)) as connection:
        expected = {task: (max(0, -each), max(0, each)) for task, each in connection.execute(count)}
        order = [
            task
            for (task,) in connection.execute(
                "SELECT id FROM task WHERE state = 'pending'"
                " ORDER BY depth, cursor IS NOT NULL, new_entity_count DESC, id"
            )
        ]
    assert {failures for failures, _ in expected.values()} == {0, 1, 2, 3}
    with Store.open(path) as store:
        query = "SELECT id, failure_count, new_entity_count FROM task"
        assert {task: counts for task, *counts in store._db.rows(query)} == {
            task: list(counts) for task, counts in expected.items()
        }
        requested: list[int] = []
        while task := store.tasks.next_task(requested):
            requested.append(task.id)
        assert requested == order


def test_clusters_of_schema_5_have_neither_subclusters_nor_strengths(tmp_path: Path) -> None:
    path = saved_file(5, tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        ((method,),) = connection.execute("SELECT method FROM clustering")
        names = [name for (name,) in connection.execute("SELECT name FROM cluster ORDER BY number")]
    with Store.open(path) as store:
        table = store.clusters.load(method)
    assert table is not None
    assert list(table.names) == names
    assert set(table.numbers.values()) == {1, 2}
    assert (table.subclusters, table.doubtful, table.strengths) == ({}, {}, ())


def test_a_failing_step_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved_file(1, tmp_path)

    def fail(connection: sqlite3.Connection) -> None:
        migrations.rename_columns(connection)
        connection.execute("SELECT nonsense")

    with monkeypatch.context() as patch:
        patch.setitem(migrations.MIGRATIONS, 1, fail)
        with pytest.raises(StoreError, match="no such column"):
            Store.open(path)
    assert version_of(path) == 1
    Store.open(path).close()
    assert contents(path) == recorded_contents(1)


def test_a_file_with_another_table_is_not_migrated(tmp_path: Path) -> None:
    path = saved_file(1, tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON seed BEGIN DELETE FROM page; END")
    for opens in (Store.open, Store.read):
        with pytest.raises(StoreError, match="has other tables"):
            opens(path)
    assert version_of(path) == 1


def test_a_damaged_file_is_not_migrated(tmp_path: Path) -> None:
    path = saved_file(1, tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'task_order'"
        ((root,), (size,)) = (
            connection.execute(each).fetchone() for each in (query, "PRAGMA page_size")
        )
    with path.open("r+b") as stream:
        stream.seek((root - 1) * size + 3)  # the number of cells of an index page
        stream.write(b"\0\0")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"is damaged \(.*\), so it is not copied"):
        Store.open(path)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.bak"))


def test_a_backup_that_cannot_be_written_stops_the_migration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved_file(1, tmp_path)
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreError, match=r"cannot write .*schema-1\.bak: No space left"):
        Store.open(path)
    assert path.read_bytes() == before
    assert {each.name for each in tmp_path.iterdir()} <= {"campaign.db", "campaign.db.lock"}


MIGRATE = """
import sys
from graphbuild.store import Store
print("ready", flush=True)
sys.stdin.readline()
Store.open(sys.argv[1]).close()
"""


def test_a_migration_killed_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    rng = random.Random(2)
    expected = recorded_contents(1)
    versions = set()
    for number in range(KILLS):
        path = saved_file(1, tmp_path / str(number))
        process = subprocess.Popen(
            [sys.executable, "-c", MIGRATE, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("\n")
            process.stdin.flush()
            time.sleep(rng.uniform(0.0, 0.06))  # real time: another process is killed
            os.kill(process.pid, signal.SIGKILL)
        versions.add(version_of(path))
        assert contents(path) == expected
        Store.open(path).close()
        assert contents(path) == expected
        assert version_of(path) == SCHEMA_VERSION
    assert versions <= {*EARLIER, SCHEMA_VERSION}

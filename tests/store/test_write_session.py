"""Files that are deleted, moved or replaced while they are open; copies of the main file alone."""

from __future__ import annotations

import itertools
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import graphbuild
from graphbuild.errors import StoreError, StoreMovedError
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage, write_session
from tests.store.helpers import R1, R2, R3, A, B, body, commit, sound

if TYPE_CHECKING:
    from collections.abc import Callable

C = "c" * 64


def log_files(path: Path) -> list[Path]:
    return [Path(f"{path}-wal"), Path(f"{path}-shm")]


def is_complete(path: Path, pages: int) -> bool:
    with Store.read(path) as store:
        assert not list(find_damage(store))
        assert not store.missing_data
        return store.totals().pages == pages


# --- deleted, moved, replaced ---------------------------------------------------------------------


def deleted(path: Path) -> Path:
    path.unlink()
    return path


def deleted_with_log(path: Path) -> Path:
    for each in (path, *log_files(path)):
        each.unlink()
    return path


def log_deleted(path: Path) -> Path:
    log_files(path)[0].unlink()
    return path


def shared_memory_deleted(path: Path) -> Path:
    log_files(path)[1].unlink()
    return path


def renamed(path: Path) -> Path:
    return path.rename(path.with_name("other.db"))


def moved(path: Path) -> Path:
    (path.parent / "archive").mkdir()
    return path.rename(path.parent / "archive" / path.name)


def moved_with_log(path: Path) -> Path:
    (path.parent / "archive").mkdir()
    for each in log_files(path):
        each.rename(path.parent / "archive" / each.name)
    return path.rename(path.parent / "archive" / path.name)


def folder_renamed(path: Path) -> Path:
    return path.parent.rename(path.parent.with_name("renamed")) / path.name


def replaced_by_older_copy(path: Path) -> Path:
    older = path.with_name("older.db")
    shutil.copy(path, older)
    older.replace(path)
    return path.with_name("campaign.saved-1.db")


def replaced_by_text(path: Path) -> Path:
    path.unlink()
    path.write_text("not a database")
    path.with_name("campaign.saved-1.db").touch()  # names in use are skipped
    return path.with_name("campaign.saved-2.db")


def replaced_by_link(path: Path) -> Path:
    place = path.rename(path.with_name("other.db"))
    shutil.copy(place, path.with_name("third.db"))
    path.symlink_to("third.db")
    return place


def other_name_left(path: Path) -> Path:
    path.with_name("hard.db").hardlink_to(path)
    path.unlink()
    return path


DISTURBANCES = [
    deleted,
    deleted_with_log,
    log_deleted,
    shared_memory_deleted,
    renamed,
    moved,
    moved_with_log,
    folder_renamed,
    replaced_by_older_copy,
    replaced_by_text,
    replaced_by_link,
    other_name_left,
]


@pytest.mark.parametrize("disturb", DISTURBANCES)
def test_file_that_is_not_in_place_is_noticed_and_saved(
    tmp_path: Path, disturb: Callable[[Path], Path]
) -> None:
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "campaign.db"
    store = Store.open(path)
    store.add_seeds(parse_seeds([A, B]))
    commit(store, body(R1))
    store.check_in_place()
    place = disturb(path)
    before = path.read_bytes() if path.exists() and place != path else None
    with pytest.raises(StoreMovedError, match=f"{path} was deleted, moved or replaced"):
        store.check_in_place()
    commit(store, body(R2))  # the response of a request in flight
    with pytest.raises(StoreMovedError, match=f"everything that was stored is in {place};"):
        store.close()
    assert is_complete(place, 2)
    assert before is None or path.read_bytes() == before
    assert not any(each.exists() for each in (*log_files(path), *log_files(place)))
    with Store.open(place) as again:
        assert again.tasks.next_task() is None
        assert again.totals().complete == 2


@pytest.fixture
def store_in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return a store with one page in a folder below the current one; tests close it."""
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    store = Store.open(tmp_path / "folder" / "campaign.db")
    store.add_seeds(parse_seeds([A]))
    commit(store, body(R1))
    return store


def test_deleted_folder_is_saved_elsewhere(tmp_path: Path, store_in_folder: Store) -> None:
    store = store_in_folder
    shutil.rmtree(store.path.parent)
    with pytest.raises(StoreMovedError, match=f"is in {tmp_path / 'campaign.db'};"):
        store.close()
    assert is_complete(tmp_path / "campaign.db", 1)


def test_data_is_saved_in_the_next_folder_if_sqlite_cannot_write_to_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_in_folder: Store
) -> None:
    store, path = store_in_folder, store_in_folder.path
    path.unlink()
    copy_database = write_session.copy_database

    def copy_outside_full_folder(connection: sqlite3.Connection, source: Path, place: Path) -> None:
        if place.parent == path.parent:
            raise sqlite3.OperationalError("database or disk is full")
        copy_database(connection, source, place)

    monkeypatch.setattr(write_session, "copy_database", copy_outside_full_folder)
    with pytest.raises(StoreMovedError, match=f"is in {tmp_path / 'campaign.db'};"):
        store.close()
    assert is_complete(tmp_path / "campaign.db", 1)


def test_link_that_leads_elsewhere_is_noticed(path: Path) -> None:
    real = path.with_name("real.db")
    path.symlink_to(real)
    store = Store.open(path)
    path.unlink()
    path.symlink_to(shutil.copy(real, real.with_name("other.db")))
    with pytest.raises(StoreMovedError, match=f"is in {real};"):
        store.close()


def test_reader_does_not_mind_a_moved_file(path: Path) -> None:
    sound(path)
    with Store.read(path) as store:
        path.rename(path.with_name("other.db"))
        store.check_in_place()
        assert store.totals().pages == 2


def test_relative_path_survives_a_change_of_folder(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    for way in (Store.open, Store.read):
        with way("campaign.db") as store:
            monkeypatch.chdir(tmp_path / "folder")
            store.check_in_place()
        monkeypatch.chdir(tmp_path)
    assert not any(each.exists() for each in log_files(tmp_path / "campaign.db"))


# --- copies of the main file ----------------------------------------------------------------------


def copy_of(path: Path) -> Path:
    return Path(shutil.copy(path, path.with_name("copy.db")))


def test_copy_during_a_crawl_is_recognized(path: Path) -> None:
    with Store.open(path) as store:
        copy = copy_of(path)
        with Store.read(copy) as empty:
            assert "The file contains 0 pages; data stored later is missing" in empty.missing_data
        store.add_seeds(parse_seeds([A, B]))
        copy_of(path)
        commit(store, body(R1))
        with Store.read(path) as original:
            assert not original.missing_data
        with Store.read(copy) as opened:
            assert opened.totals().subjects == 2  # written back at once
            assert [each.problem for each in find_damage(opened)] == [opened.missing_data]
        with (
            pytest.warns(
                UserWarning, match=f"{copy}: probably an incomplete copy: a crawl was writing"
            ),
            graphbuild.open(copy) as campaign,
        ):
            assert campaign.status().subjects == 2
    assert is_complete(path, 1)
    assert is_complete(copy_of(path), 1)


@pytest.mark.parametrize("new", [(), (C,)])
def test_copy_of_a_continued_campaign_is_recognized(path: Path, new: tuple[str, ...]) -> None:
    sound(path)
    with Store.open(path) as store:
        if new:
            store.add_seeds(parse_seeds(new))
        with Store.read(copy_of(path)) as copy:
            assert "2 pages" in copy.missing_data


def killed_writer(path: Path, pages: int) -> None:
    """Store two seeds and some pages in a process that is then killed."""
    code = (
        "import os, sys; from pathlib import Path; from graphbuild.seeds import parse_seeds;"
        "from tests.store.helpers import *; store = Store.open(Path(sys.argv[1]));"
        "store.add_seeds(parse_seeds([A, B]));"
        f"[commit(store, body(R1)) for _ in range({pages})]; os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL


def test_file_that_another_program_wrote_back_is_complete_and_the_message_allows_for_it(
    path: Path,
) -> None:
    killed_writer(path, 2)
    with closing(sqlite3.connect(path)) as other_program:
        assert other_program.execute("SELECT count(*) FROM page").fetchone() == (2,)
    assert not log_files(path)[0].exists()
    with Store.read(path) as store:
        assert store.totals().pages == 2
        assert "unless another SQLite program has opened the file" in store.missing_data
    Store.open(path).close()
    assert is_complete(path, 2)


@pytest.mark.parametrize("pages", [0, 1, 2])
def test_copy_after_a_kill_is_recognized(path: Path, pages: int) -> None:
    killed_writer(path, pages)
    copy = copy_of(path)
    with Store.read(copy) as store:
        assert store.missing_data
        assert store.totals().subjects == 2
    assert not any(each.exists() for each in log_files(copy))
    with Store.read(path) as store:
        assert not store.missing_data
        assert store.totals().pages == pages
    assert log_files(path)[0].exists()  # reading does not change the file
    Store.open(path).close()
    assert is_complete(path, pages)
    with Store.open(copy) as store:  # a crawl continues, and requests what is missing again
        assert store.missing_data
    assert is_complete(copy, 0)


def problem_of(path: Path) -> str:
    try:
        with Store.read(path) as store:
            return store.missing_data
    except StoreError as error:
        return str(error)


def test_copy_made_during_a_checkpoint_is_never_used_without_a_message(path: Path) -> None:
    """The copy then starts with pages of the older state and ends with pages of the newer one."""
    states = []
    with Store.open(path) as store:
        for number in range(3):
            store.add_seeds(parse_seeds([f"{number}{digit:x}" * 32 for digit in range(1, 16)]))
            for _ in range(15):
                commit(store, body(R1, R2, R3))
            states.append(copy_of(path).read_bytes())
    problems = set()
    torn, page_size = path.with_name("torn.db"), 4_096
    for older, newer in itertools.pairwise(states):
        for end in range(page_size, len(newer), page_size):
            torn.write_bytes(older[:end] + newer[end:])
            problem = problem_of(torn)
            problems.add(re.findall("(?:incomplete|damaged) copy", problem)[0])
            if "damaged" in problem:
                with pytest.raises(StoreError, match="damaged copy"):
                    Store.open(torn)
                assert torn.read_bytes() == older[:end] + newer[end:]
    assert problems == {"incomplete copy", "damaged copy"}


def test_log_is_written_back_regularly(path: Path, monkeypatch) -> None:
    """Even while nothing happens, such as during a wait for the quota."""
    monkeypatch.setattr(write_session, "CHECKPOINT_INTERVAL", 0.01)
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A, B]))
        call = store.calls.begin(store.tasks.next_task().subject, "related_references", 1.0)
        commit(store, body(R1))
        store.calls.end(call, status=429, error="QuotaExceededError", sent=True)
        pages, reported = 0, 0
        for _ in range(1_000):
            with Store.read(copy_of(path)) as copy:
                pages, reported = copy.totals().pages, copy.calls.count()
            if pages and copy.missing_data:
                break
            threading.Event().wait(0.01)
        assert (pages, reported) == (1, 1)


def test_failed_write_blocks_nothing(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A]))
        task = store.tasks.next_task()
        assert task is not None
        call = store.calls.begin(task.subject, "related_references", 1.0)
        store._db.execute(
            "CREATE TEMP TRIGGER t BEFORE UPDATE ON call BEGIN SELECT RAISE(ROLLBACK, 'full'); END"
        )
        for error in ("", "QuotaExceededError"):
            with pytest.raises(StoreError, match="full"):
                store.calls.end(call, status=200, error=error, sent=True)
        store._db.execute("DROP TRIGGER t")
        commit(store, body(R1))
    assert is_complete(path, 1)


def test_unclosed_store_is_finished(path: Path) -> None:
    code = (
        "import sys; from graphbuild.seeds import parse_seeds; from graphbuild.store import Store;"
        f"store = Store.open(sys.argv[1]); store.add_seeds(parse_seeds(['{A}']))"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert is_complete(path, 0)
    assert not any(each.exists() for each in log_files(path))


# --- what remains beside the file -----------------------------------------------------------------


def test_reader_leaves_no_log(path: Path) -> None:
    sound(path)
    before = path.read_bytes()
    with Store.read(path) as store:
        assert store.totals().pages == 2
    assert path.read_bytes() == before
    assert not any(each.exists() for each in log_files(path))


def test_last_reader_removes_the_log_of_a_finished_crawl(path: Path) -> None:
    sound(path)
    reader, other = Store.read(path), Store.read(path)
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([C]))
        with other.snapshot():
            assert other.totals().subjects == 3
    assert reader.totals().subjects == 3
    reader.close()
    other.close()
    assert not any(each.exists() for each in log_files(path))
    assert is_complete(path, 2)


def test_drafts_of_killed_processes_are_removed(path: Path) -> None:
    left = [
        ".campaign.db.123.new",
        ".campaign.db.123.new-journal",
        ".campaign.db.schema-1.bak.7.new",
    ]
    kept = [".other.db.123.new", ".campaign.db.notes.new", "campaign.db.123.new"]
    for name in (*left, *kept):
        path.with_name(name).touch()
    Store.open(path).close()
    names = {each.name for each in path.parent.iterdir()}
    assert names - {"campaign.db", "campaign.db.lock"} == set(kept)


def test_draft_of_a_killed_creation_is_removed(path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from graphbuild.store import Store;"
        "sys.addaudithook(lambda event, arguments: os.kill(os.getpid(), signal.SIGKILL)"
        " if event == 'os.rename' else None); Store.open(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert any(each.suffix == ".new" for each in path.parent.iterdir())
    Store.open(path).close()
    assert not any(each.suffix == ".new" for each in path.parent.iterdir())


# --- backup ---------------------------------------------------------------------------------------


def test_backup_contains_everything_stored_before(path: Path) -> None:
    copy = path.with_name("copy.db")
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A, B]))
        commit(store, body(R1))
        with Store.read(path) as reader:
            reader.back_up(copy)
        commit(store, body(R2, R3))
    assert is_complete(copy, 1)
    assert is_complete(path, 2)
    assert not any(each.exists() for each in log_files(copy))
    assert copy.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["campaign.db", "other.db", "copy.db-wal"])
def test_backup_replaces_no_file(path: Path, name: str) -> None:
    sound(path)
    existing = path.with_name(name)
    existing.touch()
    before = existing.read_bytes()
    target = Path(str(existing).removesuffix("-wal"))
    with Store.read(path) as store, pytest.raises(StoreError, match=f"{existing} exists"):
        store.back_up(target)
    assert existing.read_bytes() == before


def test_backup_of_an_incomplete_copy_is_one(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A]))
        copy = copy_of(path)
    with Store.read(copy) as store:
        store.back_up(path.with_name("second.db"))
    with Store.read(path.with_name("second.db")) as store:
        assert store.missing_data


def test_backup_of_a_damaged_file_is_refused(path: Path) -> None:
    sound(path)
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'fact'"
        ((page,),) = connection.execute(query)
    content = bytearray(path.read_bytes())
    content[4096 * (page - 1) : 4096 * page] = b"\xa5" * 4096
    path.write_bytes(content)
    copy = path.with_name("copy.db")
    with Store.read(path) as store, pytest.raises(StoreError, match=r"damaged|malformed"):
        store.back_up(copy)
    assert not copy.exists()

"""Campaign files that move during a crawl, incomplete copies, backups, read-only media."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from graphbuild.emulator import Api, generate_family_world, generate_world
from graphbuild.store import Store
from tests.support.mounts import run_with_private_mounts
from tests.support.paths import DATA, ROOT
from tests.support.shell import seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from graphbuild.emulator import World
    from graphbuild.emulator.http_messages import Response
    from tests.support.shell import Shell

MOVED = 5


class DisturbingApi(Api):
    """Runs a function once, before it responds to a call."""

    def __init__(self, world: World, call: int, disturb: Callable[[], object]) -> None:
        super().__init__(world)
        self._call, self._disturbances = call, [disturb]

    def respond(self, method: str, target: str, headers: Mapping[str, str]) -> Response:
        response = super().respond(method, target, headers)
        if self.calls >= self._call:
            with suppress(IndexError):
                self._disturbances.pop()()
        return response


def delete(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def replace(path: Path) -> None:
    older = path.with_name("older")
    shutil.copy(path, older)
    older.replace(path)


@pytest.mark.parametrize("disturb", [delete, move, replace])
@pytest.mark.parametrize(("call", "workers"), [(1, 1), (4, 1), (4, 3), (6, 1)])
def test_crawl_stops_if_its_file_is_not_in_place(
    shell: Shell, service, disturb, call: int, workers: int
) -> None:
    """The sixth call is the last one of the crawl."""
    path = shell.folder / "c.db"
    api = DisturbingApi(generate_family_world(3, 50), call, lambda: disturb(path))
    listed, url = seeds(shell, *api.world.hashes()), service(api)
    where = ("--base-url", url, "--workers", workers)
    done = shell("crawl", listed, "--store", "c.db", *where)
    assert done.returncode == MOVED
    assert done.stdout == ""
    assert call <= api.calls < call + (1 if workers == 1 else 2 * workers)
    place = re.search(r"everything that was stored is in (.*?);", done.stderr)
    assert place is not None
    with Store.read(place[1]) as store:
        assert store.totals().pages == api.calls == store.calls.count()
    assert shell("crawl", listed, "--store", place[1], *where).returncode == 0
    assert api.calls == 6
    assert shell("check", "--store", place[1]).returncode == 0


def test_crawl_through_another_name_makes_no_call(shell: Shell, service) -> None:
    path = shell.folder / "c.db"
    refused = []

    def crawl_too() -> None:
        names = ("hard.db", "soft.db", "c.db")
        refused.extend(shell("crawl", "--store", name, *where) for name in names)

    api = DisturbingApi(generate_family_world(6, 30), 4, crawl_too)
    where = ("--base-url", service(api))
    listed = seeds(shell, *api.world.hashes())
    shell("crawl", listed, "--store", "c.db", *where, "--max-calls", 2)
    path.with_name("hard.db").hardlink_to(path)
    path.with_name("soft.db").symlink_to(path)
    assert shell("crawl", "--store", "c.db", *where).returncode == 0
    assert [each.returncode for each in refused] == [1, 1, 1]
    assert all("is in use by process" in each.stderr for each in refused)
    assert api.calls == 6


# --- copies ---------------------------------------------------------------------------------------


@pytest.fixture
def copied(shell: Shell, service) -> str:
    """Copy the main file alone during a crawl, as ``copy.db``, and back it up; return the URL."""
    path = shell.folder / "c.db"

    def copy() -> None:
        shutil.copy(path, path.with_name("copy.db"))
        assert shell("backup", "c.db", "--out", "backup.db").returncode == 0

    api = DisturbingApi(generate_family_world(3, 50), 4, copy)
    url: str = service(api)
    listed = seeds(shell, *api.world.hashes())
    assert shell("crawl", listed, "--store", "c.db", "--base-url", url).returncode == 0
    return url


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("status",), 0),
        (("--quiet", "status"), 0),
        (("status", "--json"), 0),
        (("check",), 1),
        (("export", "--to", "csv"), 0),
        (("crawl",), 0),
        (("compare", "--baseline", "c.db"), 0),
        (("plan",), 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_commands_say_that_a_copy_is_incomplete(
    shell: Shell, copied: str, command: tuple[str, ...], code: int
) -> None:
    url = ("--base-url", copied) if "crawl" in command else ()
    done = shell(*command, "--store", "copy.db", *url)
    assert done.returncode == code
    assert "copy.db: probably an incomplete copy: a crawl was writing to the file" in done.stderr
    whole = shell(*command, "--store", "c.db", *url)
    assert whole.returncode == 0
    assert "incomplete copy" not in whole.stderr + whole.stdout


def test_json_says_that_a_copy_is_incomplete(shell: Shell, copied: str) -> None:
    assert copied
    missing = {
        name: json.loads(shell("status", "--store", name, "--json").stdout)["missing_data"]
        for name in ("c.db", "copy.db", "backup.db")
    }
    assert [bool(text) for text in missing.values()] == [False, True, False]
    check = json.loads(shell("check", "--store", "copy.db", "--json").stdout)
    assert not check["sound"]
    assert check["damages"] == [{"subject": None, "problem": missing["copy.db"]}]


def test_crawl_completes_an_incomplete_copy(shell: Shell, copied: str) -> None:
    done = shell("crawl", "seeds.txt", "--store", "copy.db", "--base-url", copied)
    assert "3 files: 3 complete" in done.stdout
    assert "incomplete copy" not in shell("status", "--store", "copy.db").stderr
    assert shell("check", "--store", "copy.db").returncode == 0


def test_backup_during_a_crawl_is_complete(shell: Shell, copied: str) -> None:
    assert copied
    with Store.read(shell.folder / "backup.db") as store:
        assert store.totals().pages == 3
    assert "sound, 3 pages" in shell("check", "--store", "backup.db").stdout


def test_backup_uses_the_only_campaign_file_and_replaces_none(shell: Shell) -> None:
    shell("import", DATA / "related_references.json", "--store", "c.db")
    (shell.folder / "copies").mkdir()
    done = shell("backup", "--out", "copies/c.db")
    assert (done.returncode, done.stdout) == (0, "copies/c.db: 1 page\n")
    done = shell("backup", "--out", "copies/c.db")
    assert done.returncode == 1
    assert "copies/c.db exists; use a new name" in done.stderr
    done = shell("backup", "c.db", "--out", "missing/c.db")
    assert done.returncode == 1
    assert "the folder missing does not exist" in done.stderr
    done = shell("backup", "c.db", "--out", "copies/d.db", "--json")
    assert json.loads(done.stdout) == {"copy": "copies/d.db", "pages": 1}


# --- read-only media ------------------------------------------------------------------------------

READING = (
    "status --store media/c.db",
    "check --store media/c.db",
    "export --store media/c.db --out out",
    "report --store media/c.db --out out",
    "plan --store media/c.db",
    "communities --store media/c.db",
    "overlap --store media/c.db",
    "bridges --store media/c.db",
    "centrality --store media/c.db",
    "dedupe --store media/c.db",
    "timeline --store media/c.db",
    "compare --store media/c.db --baseline media/c.db",
    "backup media/c.db --out copy.db",
    "export --store media/earlier.db --out out",
    "export --store media/empty-log.db --out out",
)

RUN_ALL = """
import sys
from pathlib import Path
from tests.support.shell import Shell

for words in sys.argv[1:]:
    command, *options = words.split()
    print(command, Shell(Path.cwd())(command, *options).returncode)
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs Linux namespaces")
def test_finished_campaign_is_read_from_read_only_media(shell: Shell, service) -> None:
    """Earlier versions kept the journal mode when they closed a file."""
    world = generate_world(1, campaigns=2, files_per_campaign=5, references_per_campaign=10)
    url = service(Api(world))
    folder = shell.folder / "media"
    folder.mkdir()
    shell("crawl", seeds(shell, *world.hashes()), "--store", "media/c.db", "--base-url", url)
    for name in ("earlier.db", "empty-log.db"):
        shutil.copy(folder / "c.db", folder / name)
        code = f"import sqlite3; sqlite3.connect('{name}').execute('PRAGMA journal_mode = WAL')"
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    (folder / "empty-log.db-wal").touch()
    names = sorted(each.name for each in folder.iterdir())
    mount = "mount --bind media media && mount -o remount,ro,bind media && touch media/x"
    run = shlex.join([sys.executable, "-c", RUN_ALL, *READING])
    shell.environment["PYTHONPATH"] = str(ROOT)
    done = run_with_private_mounts(shell, f"{mount}; {run}")
    assert "Read-only file system" in done.stderr  # of touch
    assert done.stdout.splitlines() == [f"{words.split()[0]} 0" for words in READING], done.stderr
    assert sorted(each.name for each in folder.iterdir()) == names

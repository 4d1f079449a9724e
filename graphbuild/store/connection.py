"""The file a campaign lives in: made, checked, locked, opened, written to or not at all.

* A new file is made beside and renamed, so that a half-made one never stands there.
* What is missing, empty, foreign or newer is refused by its header before SQLite touches it.
* Only our own tables, to the letter: a trigger planted in a file would run on our inserts
  (https://sqlite.org/security.html).
* One writer, by a lock of the operating system that dies with its holder.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from graphbuild._util import fsync_directory
from graphbuild.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION_ID = 0x67624B47  # "gbKG", in the file's header
SCHEMA_VERSION = 1
_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100  # https://sqlite.org/fileformat2.html#the_database_header

# Entities are interned: a fact is three integers. 0 stands for "no collection", since a key column
# cannot be NULL; as same_as of an entity for "nobody else". Files of one family are answered the
# same: a page that says what an earlier one said names that one, and has no facts of its own. Pages
# are numbered from 1, those that came under another name of their subject from -1 down. A body is
# packed, as gzip if it came so, else as zlib; its sha256 is of the raw bytes, its crc of the packed
# ones, some of whose bits can flip without changing what they unpack to. The index is the order in
# which tasks are asked. The views tell observations: as often as a page says them, and once.
SCHEMA = """
CREATE TABLE entity (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    attributes TEXT NOT NULL,
    same_as INTEGER NOT NULL DEFAULT 0,
    UNIQUE (type, name)
) STRICT;
CREATE TABLE seed (
    entity INTEGER PRIMARY KEY REFERENCES entity,
    source TEXT NOT NULL,
    line INTEGER NOT NULL,
    attributes TEXT NOT NULL
) STRICT;
CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    subject INTEGER NOT NULL REFERENCES entity,
    relationship TEXT NOT NULL,
    depth INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    pages INTEGER NOT NULL DEFAULT 0,
    cursor TEXT,
    count INTEGER,
    received INTEGER NOT NULL DEFAULT 0,
    inferred INTEGER NOT NULL DEFAULT 0,
    gain INTEGER NOT NULL DEFAULT 0,
    status INTEGER NOT NULL DEFAULT 0,
    asked_at REAL,
    error TEXT NOT NULL DEFAULT '',
    retry INTEGER NOT NULL DEFAULT 0,
    cut INTEGER NOT NULL DEFAULT 0,
    audited INTEGER NOT NULL DEFAULT 0,
    remark TEXT NOT NULL DEFAULT '',
    doubt TEXT NOT NULL DEFAULT '',
    UNIQUE (subject, relationship)
) STRICT;
CREATE INDEX task_order ON task (state, depth, cursor IS NOT NULL, gain DESC, id);
CREATE TABLE page (
    id INTEGER PRIMARY KEY,
    task INTEGER NOT NULL REFERENCES task,
    number INTEGER NOT NULL,
    cursor TEXT,
    next_cursor TEXT,
    count INTEGER,
    items INTEGER NOT NULL,
    remarks INTEGER NOT NULL,
    fetched_at REAL NOT NULL,
    says INTEGER REFERENCES page,
    sha256 BLOB NOT NULL,
    crc INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (task, number)
) STRICT;
CREATE TABLE fact (
    page INTEGER NOT NULL REFERENCES page,
    reference INTEGER NOT NULL REFERENCES entity,
    related_from INTEGER NOT NULL,
    PRIMARY KEY (page, reference, related_from)
) STRICT, WITHOUT ROWID;
CREATE TABLE inference (
    task INTEGER NOT NULL REFERENCES task,
    reference INTEGER NOT NULL REFERENCES entity,
    related_from INTEGER NOT NULL,
    first_page INTEGER NOT NULL REFERENCES page,
    last_page INTEGER NOT NULL REFERENCES page,
    evidence INTEGER NOT NULL,
    PRIMARY KEY (task, reference, related_from)
) STRICT, WITHOUT ROWID;
CREATE VIEW said AS
    SELECT task, reference, related_from, page.id AS first_page, page.id AS last_page, 0 AS evidence
        FROM page JOIN fact ON fact.page = coalesce(says, page.id)
    UNION ALL SELECT task, reference, related_from, first_page, last_page, evidence FROM inference;
CREATE VIEW observation AS
    SELECT task, reference, related_from, min(first_page) AS first_page,
        max(last_page) AS last_page, min(evidence) AS evidence
        FROM said GROUP BY task, reference, related_from;
CREATE TABLE call (
    id INTEGER PRIMARY KEY,
    subject INTEGER NOT NULL REFERENCES entity,
    relationship TEXT NOT NULL,
    begun_at REAL NOT NULL,
    sent INTEGER NOT NULL DEFAULT 1,
    status INTEGER,
    note TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE note (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
"""

_HINTS = {
    "SQLITE_FULL": "the disk is full; free some space and run again",
    "SQLITE_READONLY": "it may not be written; check its permissions",
    "SQLITE_CANTOPEN": "it cannot be opened; check the folder, its permissions and the disk",
    "SQLITE_BUSY": "another program holds it; close that and run again",
    "SQLITE_IOERR": "the disk reports an error; check it, then run again",
}


def trouble(path: Path, error: sqlite3.Error) -> StoreError:
    """What SQLite says, as a sentence with a way out."""
    name = getattr(error, "sqlite_errorname", None) or ""
    said = str(error).rstrip(".")
    hint = next((text for start, text in _HINTS.items() if name.startswith(start)), said)
    return StoreError(f"{path}: {hint}. What was stored before is still there")


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Inside, SQLite's errors become :class:`StoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise trouble(path, error) from None


def create(path: Path) -> None:
    """Make a new campaign file, readable by its owner alone.

    Raises:
        StoreError: it cannot be made; nothing is left behind.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with sentences(path):
            _write_schema(draft)
        draft.replace(path)
        fsync_directory(path.parent)
    except OSError as error:
        raise StoreError(f"cannot make {path}: {error.strerror or error}") from None
    finally:
        for left in (draft, draft.with_name(f"{draft.name}-journal")):
            with suppress(OSError):
                left.unlink()


def _write_schema(draft: Path) -> None:
    # With a rollback journal: what COMMIT says is in the file itself then. A write-ahead log would
    # be left behind by the rename if its last checkpoint failed, and SQLite does not say so.
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")


def is_campaign_file(path: Path) -> bool:
    """Return whether the header of ``path`` is that of a campaign file, of any schema version."""
    try:
        with path.open("rb") as stream:
            header = stream.read(_HEADER_BYTES)
    except OSError:
        return False
    return header.startswith(_MAGIC) and int.from_bytes(header[68:72]) == APPLICATION_ID


def check(path: Path) -> None:
    """Raise StoreError unless the header is a campaign file's of this version; change nothing."""
    try:
        with path.open("rb") as stream:
            header = stream.read(_HEADER_BYTES)
    except FileNotFoundError:
        raise StoreError(f"there is no campaign file {path}; crawl or import makes one") from None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from None
    if not header:
        raise StoreError(f"{path} is empty, not a campaign file; move it away to start anew")
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise StoreError(f"{path} is not a campaign file; was another file meant?")
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise StoreError(f"{path} is another program's database; was another file meant?")
    version = int.from_bytes(header[60:64])
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} was written by a newer graphbuild (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); upgrade graphbuild"
        )


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open a checked file; its tables must be ours.

    Raises:
        StoreError: they are not, or SQLite cannot open it.
    """
    with sentences(path):
        connection = _open(path, "rw") if write else _open_to_read(path)
    try:
        with sentences(path):
            connection.execute("PRAGMA trusted_schema = OFF")
            _check_tables(connection, path)
            if write:
                # What refers to whom is held by our own statements, and by `check`: to have it
                # looked up row by row costs a fifth of a page.
                connection.execute("PRAGMA foreign_keys = OFF")
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
            else:
                connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _open(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=30)


def _open_to_read(path: Path) -> sqlite3.Connection:
    """Read-only; where a killed writer left its log to be taken in, as one who may do that."""
    connection = _open(path, "ro")
    try:
        connection.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.OperationalError as error:
        connection.close()
        if not str(getattr(error, "sqlite_errorname", "")).startswith("SQLITE_READONLY"):
            raise
        return _open(path, "rw")
    return connection


def _check_tables(connection: sqlite3.Connection, path: Path) -> None:
    if _schema_of(connection) != _expected_schema():
        raise StoreError(f"{path} is not a campaign file: its tables are not ours")


def _schema_of(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    return connection.execute(
        "SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name"
    ).fetchall()


def _expected_schema() -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        return _schema_of(connection)


def lock(path: Path) -> FileLock:
    """Become the one writer of ``path``.

    Raises:
        StoreError: another process is, or no lock can be had there.
    """
    if not path.parent.is_dir():
        raise StoreError(f"cannot use {path}: the folder {path.parent} does not exist")
    found = FileLock(path.with_name(path.name + ".lock"), timeout=0, mode=0o600)
    try:
        found.acquire()
    except Timeout:
        raise StoreError(
            f"{path} is in use by {_holder(path)}; wait for it to end, or stop it"
        ) from None
    except OSError as error:
        raise StoreError(f"cannot lock {path}: {error.strerror or error}") from None
    return found


def _holder(path: Path) -> str:
    try:
        check(path)
        with closing(connect(path, write=False)) as connection, sentences(path):
            row = connection.execute("SELECT value FROM note WHERE name = 'holder'").fetchone()
    except StoreError:
        row = None
    return str(row[0]) if row else "another process"

"""Create, check, copy and open the SQLite database of a campaign.

* A new file is created under a temporary name and renamed when it is complete.
* A file that is empty, is not a campaign file, or has a newer schema version is rejected
  because of its header, before SQLite opens it.
* A file whose tables, indexes, views or triggers are not those of its schema version is rejected.
  SQLite would run the triggers of a malicious file (https://sqlite.org/security.html).
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild._util import format_count, format_timestamp, fsync_directory
from graphbuild.errors import StoreError
from graphbuild.store import migrations, schema
from graphbuild.store.database_file import DatabaseFile

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = b"SQLite format 3\0"
_HEADER_SIZE = 100  # https://sqlite.org/fileformat2.html#the_database_header
_LOCK_TIMEOUT = 30  # seconds that SQLite waits for a lock of another connection

_HINTS = {
    "SQLITE_FULL": "the disk is full; free some space and run again",
    "SQLITE_READONLY": "no permission to write; check the permissions of the file and its folder",
    "SQLITE_CANTOPEN": "cannot be opened; check the folder, its permissions and the disk",
    "SQLITE_BUSY": "another program has locked it; close that program and run again",
    "SQLITE_IOERR": "the disk reports an error; check the disk and run again",
}
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


@contextmanager
def translate_sqlite_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's exceptions in the ``with`` block into StoreError, with a hint if possible."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", None) or ""
        if code.startswith(_DAMAGED):
            raise StoreError(
                f"{path} is damaged ({error}); restore an earlier copy of it, or import saved "
                "responses into a new campaign file"
            ) from None
        hint = next((text for prefix, text in _HINTS.items() if code.startswith(prefix)), "")
        message = hint or str(error).rstrip(".")
        raise StoreError(f"{path}: {message}. Data stored before this error is unchanged") from None


# --- create, copy ------------------------------------------------------------------------------


def create(path: Path) -> None:
    """Create a campaign file without data, but with a mark and a write-ahead log.

    The mark is the row ``writer`` of the table ``metadata``. It states that a writer has the file
    open. The log consists of one zero byte, which SQLite ignores. Because of the log,
    :func:`find_missing_data` does not regard the file as an incomplete copy. The log also
    overwrites the log of a deleted file of the same name, which SQLite would otherwise read.
    """
    with translate_sqlite_errors(path), _new_database(path) as connection:
        with log_path(path).open("wb") as log:
            log.write(b"\0")
            log.flush()
            os.fsync(log.fileno())
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION}")
        definitions = schema.SCHEMA + schema.VIEWS + schema.INVALIDATION
        connection.executescript(f"BEGIN; {definitions} COMMIT;")
        connection.execute("INSERT INTO metadata (name, value) VALUES ('writer', 'new')")
        connection.execute("PRAGMA journal_mode = WAL")


def copy_database(
    connection: sqlite3.Connection, source: Path, path: Path, *, keep_mark: bool = False
) -> None:
    """Write a copy of an open campaign file to ``path``, and verify the copy.

    The copy needs no write-ahead log. An existing file at ``path`` is replaced. With ``keep_mark``,
    the copy contains the mark ``writer``, so that it counts as an incomplete copy. ``source`` is
    the path of the open campaign file, for messages.
    """
    with _new_database(path) as copy:
        connection.backup(copy)
        (problem,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if problem != "ok":
            raise StoreError(
                f"{source} is damaged ({' '.join(problem.split())}), so it is not copied; "
                "restore an earlier copy of the file"
            )
        copy.execute("PRAGMA journal_mode = DELETE")
        if not keep_mark:
            with suppress(sqlite3.OperationalError):  # schema 1 has no table ``metadata``
                copy.execute("DELETE FROM metadata WHERE name = 'writer'")


@contextmanager
def _new_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Connect to a new database under a temporary name; rename it to ``path`` after the block.

    Only the owner can read the new file. After an exception, the temporary file is deleted.

    Data must be written without a write-ahead log: SQLite does not report a failure of the last
    checkpoint, and the renamed file would then lack the data in the log.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            yield connection
        with draft.open("rb+") as stream:
            os.fsync(stream.fileno())
        draft.replace(path)
        fsync_directory(path.parent)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        for leftover in (draft, draft.with_name(f"{draft.name}-journal")):
            with suppress(OSError):
                leftover.unlink()


def remove_drafts(path: Path) -> None:
    """Delete the temporary files of killed processes that were writing ``path`` or its backup.

    A backup is written before a migration. The caller must have locked the name ``path``, so that
    no running process uses these temporary files.
    """
    draft = re.compile(rf"\.{re.escape(path.name)}(\.schema-\d+\.bak)?\.\d+\.new(-journal)?")
    with suppress(OSError):
        for each in path.parent.iterdir():
            if draft.fullmatch(each.name):
                each.unlink()


def is_campaign_file(path: Path) -> bool:
    """Return whether ``path`` has the header of a campaign file, of any schema version."""
    try:
        with closing(DatabaseFile(path)) as file:
            _read_header(path, file)
    except StoreError:
        return False
    return True


def check_header(path: Path, file: DatabaseFile) -> None:
    """Raise StoreError if ``file`` has no header of a campaign file of a supported version."""
    _check_version(path, int.from_bytes(_read_header(path, file)[60:64]))


def _read_header(path: Path, file: DatabaseFile) -> bytes:
    header = file.read(_HEADER_SIZE)
    if not header:
        raise StoreError(f"{path} is empty, not a campaign file; remove it to start a new one")
    if len(header) < _HEADER_SIZE or not header.startswith(_MAGIC):
        raise StoreError(f"{path} is not a campaign file; check the path")
    if int.from_bytes(header[68:72]) != schema.APPLICATION_ID:
        raise StoreError(f"{path} is another program's database; check the path")
    return header


def _check_version(path: Path, version: int) -> None:
    if version < 1:
        raise StoreError(f"{path} is not a campaign file: it has no schema version")
    if version > schema.SCHEMA_VERSION:
        raise StoreError(
            f"{path} was written by a newer graphbuild: it has schema {version}, and this version "
            f"supports schemas up to {schema.SCHEMA_VERSION}; upgrade graphbuild"
        )


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Connect to a campaign file that the caller has locked, and migrate it if necessary.

    Before a migration, the file is copied to ``<name>.schema-<version>.bak``.
    """
    with translate_sqlite_errors(path):
        connection = connect(path, "mode=rw")
        try:
            if _check_tables(connection, path) < schema.SCHEMA_VERSION:
                version = migrations.version_of(connection)
                backup = path.with_name(f"{path.name}.schema-{version}.bak")
                copy_database(connection, path, backup)
                migrations.migrate(connection)
            # Some builds of SQLite check foreign keys at each insert, which takes a fifth of the
            # time to store a page. `graphbuild check` verifies them instead.
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def open_for_reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Connect to a campaign file for reading, in a ``with`` block.

    A file of an earlier schema version is not changed: the connection is to a migrated temporary
    copy. After the block, a log that no writer needs is removed.
    """
    real_path = Path(os.path.realpath(path))
    with translate_sqlite_errors(path):
        connection = _connect_for_reading(path)
        try:
            if _check_tables(connection, path) < schema.SCHEMA_VERSION:
                connection = _migrated_copy(connection)
            connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
    with closing(connection):
        yield connection
        is_log_used = _log_size(real_path) > 0
        with suppress(sqlite3.Error):  # the file may be damaged
            is_log_used = is_log_used and _is_marked(connection)
    if not is_log_used and log_path(real_path).exists():
        _remove_log(real_path)


def _remove_log(path: Path) -> None:
    """Let SQLite write back and remove a log that the last writer left because others were reading.

    SQLite does this when it closes the last connection to the file, so nothing happens while
    another process uses the file. Callers must check that the log is not from a killed writer,
    because reading must not change the file in that case.
    """
    with suppress(sqlite3.Error), closing(connect(path, "mode=rw")) as connection:
        connection.execute("SELECT 1 FROM sqlite_master")


def _migrated_copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Close ``connection``; return a connection to a migrated temporary copy of its database."""
    copy = sqlite3.connect("", isolation_level=None)  # SQLite deletes it when it is closed
    try:
        with closing(connection):
            connection.backup(copy)
        migrations.migrate(copy)
    except BaseException:
        copy.close()
        raise
    return copy


def connect(path: Path, options: str, *, any_thread: bool = False) -> sqlite3.Connection:
    """Connect in autocommit mode. ``options`` is the query of SQLite's URI, such as ``mode=ro``."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        isolation_level=None,
        timeout=_LOCK_TIMEOUT,
        check_same_thread=not any_thread,
    )


def log_path(path: Path) -> Path:
    """Return the path of the write-ahead log of a campaign file."""
    real_path = Path(os.path.realpath(path))
    return real_path.with_name(f"{real_path.name}-wal")


def find_missing_data(connection: sqlite3.Connection, path: Path) -> str:
    """Return a message about the data that an incomplete copy lacks, or an empty string.

    An incomplete copy has the mark ``writer``, but no log; see
    :meth:`graphbuild.store.write_session.WriteSession.finish`. A complete file can look the same:
    after a crawl was killed, the next SQLite program that opens the file writes back and removes
    the log, but keeps the mark.

    Raises:
        StoreError: The copy is damaged, probably because it was made while SQLite wrote the log
            back to the original file. The copy then contains old and new parts.
    """
    try:
        if not _is_marked(connection) or _log_size(path):
            return ""
        (pages,) = connection.execute("SELECT count(*) FROM page").fetchone()
        (last,) = connection.execute("SELECT max(started_at) FROM call").fetchone()
        (damage,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError:  # the file is damaged; later queries report that
        return ""
    if damage != "ok":
        raise StoreError(
            f"{path} is a damaged copy: a crawl was writing to the file while it was copied. Use "
            "the original file, or copy it with 'graphbuild backup'"
        )
    return (
        "probably an incomplete copy: a crawl was writing to the file, and "
        f"{log_path(path).name} was not copied with it. The file contains "
        f"{format_count(pages, 'page')}; data stored "
        f"{f'after {format_timestamp(last)}' if last else 'later'} is missing, unless another "
        "SQLite program has opened the file since. Use the original file, or copy it with "
        "'graphbuild backup'"
    )


def _is_marked(connection: sqlite3.Connection) -> bool:
    query = "SELECT 1 FROM metadata WHERE name = 'writer'"
    return connection.execute(query).fetchone() is not None


def _log_size(path: Path) -> int:
    try:
        return log_path(path).stat().st_size
    except OSError:
        return 0


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    """Connect in SQLite's read-only mode if possible.

    After a writer was killed, SQLite may need write access for the recovery. SQLite needs a file
    for shared memory even if the log is empty, and cannot create it in a read-only folder. In such
    a folder, a campaign file without a log is opened with ``immutable=1``.
    """
    options = "mode=ro"
    while True:
        connection = connect(path, options)
        try:
            connection.execute("SELECT 1 FROM sqlite_master")
        except sqlite3.OperationalError as error:
            connection.close()
            code = str(getattr(error, "sqlite_errorname", ""))
            if options == "mode=ro" and code.startswith("SQLITE_READONLY"):
                options = "mode=rw"
            elif options == "mode=ro" and code == "SQLITE_CANTOPEN" and not _log_size(path):
                options = "mode=ro&immutable=1"
            else:
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection


def _check_tables(connection: sqlite3.Connection, path: Path) -> int:
    """Return the schema version of a file.

    Raise StoreError if the version is unknown, or the tables are not those of the version.
    """
    connection.execute("PRAGMA trusted_schema = OFF")
    # The write-ahead log may contain a newer version number than the main file.
    version = migrations.version_of(connection)
    _check_version(path, version)
    if schema.schema_digest(connection) != schema.expected_digest(version):
        raise StoreError(f"{path} is not a campaign file: it has other tables")
    return version

"""Create, check, lock and open the SQLite database of a campaign; run queries and transactions.

* A new file is created under a temporary name and renamed when it is complete.
* An empty, foreign or newer file is rejected by its header, before SQLite opens it.
* A file with unknown tables, views or triggers is rejected: a planted trigger would run on our
  inserts (https://sqlite.org/security.html).
* One process writes at a time. The operating system releases the lock when that process ends.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

from filelock import FileLock, Timeout

from graphbuild._util import fsync_directory
from graphbuild.errors import StoreError
from graphbuild.store import migrations, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_MAGIC = b"SQLite format 3\0"
_HEADER_SIZE = 100  # https://sqlite.org/fileformat2.html#the_database_header
_LOCK_TIMEOUT = 30  # seconds that SQLite waits for another connection

_HINTS = {
    "SQLITE_FULL": "the disk is full; free some space and run again",
    "SQLITE_READONLY": "no permission to write; check the permissions of the file and its folder",
    "SQLITE_CANTOPEN": "cannot be opened; check the folder, its permissions and the disk",
    "SQLITE_BUSY": "another program has locked it; close that program and run again",
    "SQLITE_IOERR": "the disk reports an error; check it, then run again",
}
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


@contextmanager
def translate_sqlite_errors(path: Path) -> Iterator[None]:
    """Raise the exceptions of SQLite as StoreError, with a hint for common causes."""
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
        raise StoreError(f"{path}: {message}. Data stored before this is still there") from None


class Database:
    """An open campaign file. Its connection is in autocommit mode; only a writer has a lock."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: FileLock | None = None
    ) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._depth = 0  # of nested transactions or snapshots
        self._rollback_callbacks: list[Callable[[], None]] = []

    @classmethod
    def open(cls, path: Path) -> Self:
        """Lock and open a file for writing; create a missing file, migrate an older one."""
        lock = acquire_lock(path)
        try:
            if path.exists():
                _check_header(path)
            else:
                create(path)
            return cls(path, _open_for_writing(path), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, path: Path) -> Self:
        """Open a file for reading, without a lock."""
        _check_header(path)
        return cls(path, _open_for_reading(path))

    def close(self) -> None:
        """Commit an open transaction, close the file and release the lock."""
        try:
            if self._lock is not None and self._connection.in_transaction:
                with self.transaction():
                    pass
        finally:
            self._connection.close()
            if self._lock is not None:
                self._lock.release()

    # --- queries ---------------------------------------------------------------------------------

    def rows(self, query: str, *values: object, **named: object) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query; raise StoreError if the file is damaged or closed."""
        with translate_sqlite_errors(self.path):
            # With "yield from", an abandoned generator could close its cursor after the connection.
            for row in self._connection.execute(query, named or values):  # noqa: UP028
                yield row

    def first(self, query: str, *values: object, **named: object) -> tuple[Any, ...] | None:
        """Return the first row of a query, or None."""
        return next(self.rows(query, *values, **named), None)

    def integer(self, query: str, *values: object, **named: object) -> int:
        """Return the first value of a query; 0 if it is NULL or there is no row."""
        row = self.first(query, *values, **named)
        return int(row[0] or 0) if row else 0

    def execute(self, statement: str, *values: object, **named: object) -> sqlite3.Cursor:
        """Run a statement. If it changes the file, the caller must have begun a transaction."""
        with translate_sqlite_errors(self.path):
            return self._connection.execute(statement, named or values)

    def insert(self, table: str, **columns: object) -> int:
        """Insert a row, inside the caller's transaction; return its id."""
        names, placeholders = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        statement = f"INSERT INTO {table} ({names}) VALUES ({placeholders})"  # noqa: S608  no input
        return int(self.execute(statement, **columns).lastrowid or 0)

    def update(self, table: str, row_id: int, **columns: object) -> None:
        """Set columns of a row, inside the caller's transaction."""
        assignments = ", ".join(f"{name} = :{name}" for name in columns)
        statement = f"UPDATE {table} SET {assignments} WHERE rowid = :rowid"  # noqa: S608  no input
        self.execute(statement, **columns, rowid=row_id)

    def execute_many(self, statement: str, rows: Iterable[Any]) -> None:
        """Run a statement once per row, inside the caller's transaction."""
        with translate_sqlite_errors(self.path):
            self._connection.executemany(statement, rows)

    # --- transactions ----------------------------------------------------------------------------

    def on_rollback(self, callback: Callable[[], None]) -> None:
        """Register a function to call whenever a transaction is rolled back."""
        self._rollback_callbacks.append(callback)

    def begin(self) -> None:
        """Begin a transaction that the next :meth:`transaction` joins and commits."""
        with translate_sqlite_errors(self.path):
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes of the block durably; after an exception, roll all of them back.

        A nested block is part of the outer transaction.
        """
        if self._depth:
            yield
            return
        self.begin()
        self._depth = 1
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            for callback in self._rollback_callbacks:
                callback()
            if self._connection.in_transaction:
                self.execute("ROLLBACK")
            raise
        finally:
            self._depth = 0

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read the same state of the file in the whole block, even if another process writes.

        In a writer this does nothing, since no other process can change the file.
        """
        if self._lock is not None:
            yield
            return
        with translate_sqlite_errors(self.path):
            if not self._depth:
                self._connection.execute("BEGIN")
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    self._connection.execute("COMMIT")


# --- create, check, open -------------------------------------------------------------------------


def create(path: Path) -> None:
    """Create an empty campaign file."""
    with translate_sqlite_errors(path), _new_database(path) as connection:
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION}")
        connection.executescript(f"BEGIN; {schema.SCHEMA} {schema.VIEWS} COMMIT;")


def _back_up(connection: sqlite3.Connection, path: Path) -> None:
    """Copy a campaign file to ``<name>.schema-<version>.bak`` in its folder; verify the copy."""
    name = f"{path.name}.schema-{migrations.version_of(connection)}.bak"
    with _new_database(path.with_name(name)) as copy:
        connection.backup(copy)
        (problem,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if problem != "ok":
            raise StoreError(
                f"{path} is damaged ({' '.join(problem.split())}), so it is not migrated; "
                "restore an earlier copy of the file"
            )


@contextmanager
def _new_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Write a database that only its owner can read; it gets its name when it is complete.

    After an exception, no partial file remains. There is no write-ahead log: if the last checkpoint
    failed, the rename would leave data behind in the log, and SQLite does not report such a
    failure.
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


def is_campaign_file(path: Path) -> bool:
    """Return whether the header of ``path`` is that of a campaign file, of any schema version."""
    try:
        _read_header(path)
    except StoreError:
        return False
    return True


def _check_header(path: Path) -> None:
    """Raise StoreError unless the header is that of a campaign file of a known version."""
    _check_version(path, int.from_bytes(_read_header(path)[60:64]))


def _read_header(path: Path) -> bytes:
    if path.is_fifo():  # opening it would wait for a writer
        raise StoreError(f"{path} is a named pipe, not a campaign file; check the path")
    try:
        with path.open("rb") as stream:
            header = stream.read(_HEADER_SIZE)
    except FileNotFoundError:
        raise StoreError(f"there is no campaign file {path}; crawl or import creates one") from None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from None
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


def _open_for_writing(path: Path) -> sqlite3.Connection:
    with translate_sqlite_errors(path):
        connection = _connect(path, "rw")
        try:
            if _check_tables(connection, path) < schema.SCHEMA_VERSION:
                _back_up(connection, path)
                migrations.migrate(connection)
            # This package keeps foreign keys intact, and `graphbuild check` verifies them. Checks
            # by SQLite would take a fifth of the time to store a page.
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
    return connection


def _open_for_reading(path: Path) -> sqlite3.Connection:
    with translate_sqlite_errors(path):
        connection = _connect_for_reading(path)
        try:
            if _check_tables(connection, path) < schema.SCHEMA_VERSION:
                connection = _migrated_copy(connection)
            connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
    return connection


def _migrated_copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return a migrated temporary copy, so that reading does not change an older file."""
    copy = sqlite3.connect("", isolation_level=None)  # on disk, deleted when closed
    with closing(connection):
        connection.backup(copy)
    migrations.migrate(copy)
    return copy


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_LOCK_TIMEOUT)


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    """Connect in SQLite's read-only mode, unless a killed writer left a journal to roll back."""
    connection = _connect(path, "ro")
    try:
        connection.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.OperationalError as error:
        connection.close()
        if not str(getattr(error, "sqlite_errorname", "")).startswith("SQLITE_READONLY"):
            raise
        return _connect(path, "rw")
    return connection


def _check_tables(connection: sqlite3.Connection, path: Path) -> int:
    """Return the schema version; raise StoreError unless all tables are those of that version."""
    connection.execute("PRAGMA trusted_schema = OFF")
    # The write-ahead log may contain a newer version than the header.
    version = migrations.version_of(connection)
    _check_version(path, version)
    if schema.schema_digest(connection) != schema.expected_digest(version):
        raise StoreError(f"{path} is not a campaign file: it has other tables")
    return version


# --- lock ----------------------------------------------------------------------------------------


def acquire_lock(path: Path) -> FileLock:
    """Lock a campaign file for writing; raise StoreError if another process has locked it."""
    if not path.parent.is_dir():
        raise StoreError(f"cannot use {path}: the folder {path.parent} does not exist")
    lock = FileLock(path.with_name(path.name + ".lock"), timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise StoreError(
            f"{path} is in use by {_lock_holder(path)}; wait for it to end, or stop it"
        ) from None
    except OSError as error:
        raise StoreError(f"cannot lock {path}: {error.strerror or error}") from None
    return lock


def _lock_holder(path: Path) -> str:
    try:
        with closing(Database.read(path)) as database:
            row = database.first("SELECT value FROM metadata WHERE name = 'holder'")
    except StoreError:
        row = None
    return str(row[0]) if row else "another process"

"""Open and lock the SQLite database of a campaign; run queries and transactions.

One process writes at a time. The operating system releases its locks when it ends.
"""

from __future__ import annotations

import os
import weakref
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from filelock import Timeout

from graphbuild.errors import StoreError
from graphbuild.store import connection as connections
from graphbuild.store.connection import translate_sqlite_errors
from graphbuild.store.database_file import DatabaseFile, lock_name
from graphbuild.store.write_session import WriteSession

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator


class Database:
    """An open campaign file. Its connection is in autocommit mode; only a writer has a lock."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        resources: ExitStack,
        session: WriteSession | None = None,
    ) -> None:
        self.path = path
        self.missing_data = ""  # of an incomplete copy: a sentence about what it lacks
        self._connection = connection
        self._session = session
        self._close = weakref.finalize(self, resources.close)
        self._depth = 0  # of nested transactions or snapshots
        self._rollback_callbacks: list[Callable[[], None]] = []

    @classmethod
    def open(cls, path: Path) -> Self:
        """Lock and open a file for writing; create a missing file, migrate an older one."""
        real_path = Path(os.path.realpath(path))  # one lock for all symbolic links
        with ExitStack() as resources, translate_sqlite_errors(path):
            try:
                resources.enter_context(lock_name(real_path))
                connections.remove_drafts(real_path)
                is_new = not real_path.exists()
                if is_new:
                    connections.create(real_path)
                file = resources.enter_context(closing(DatabaseFile(real_path)))
                connections.check_header(path, file)
                is_locked = file.lock()
            except Timeout:
                is_locked = False
            if not is_locked:
                holder = _lock_holder(path)
                message = f"{path} is in use by {holder}; wait for it to end, or stop it"
                raise StoreError(message)
            connection = resources.enter_context(closing(connections.open_for_writing(path)))
            missing = "" if is_new else connections.find_missing_data(connection, path)
            session = WriteSession(path, file, connection)
            resources.callback(session.finish)
            database = cls(path, connection, resources.pop_all(), session)
            database.missing_data = missing
            return database

    @classmethod
    def read(cls, path: Path) -> Self:
        """Open a file for reading, without a lock."""
        with ExitStack() as resources, translate_sqlite_errors(path):
            file = resources.enter_context(closing(DatabaseFile(path)))
            connections.check_header(path, file)
            connection = resources.enter_context(connections.open_for_reading(path))
            missing = connections.find_missing_data(connection, path)
            database = cls(path, connection, resources.pop_all())
            database.missing_data = missing
            return database

    def close(self) -> None:
        """Commit an open transaction, write everything to the main file, release the lock.

        Raises:
            StoreMovedError: The file was deleted, moved or replaced; the message says where the
                data is.
        """
        with translate_sqlite_errors(self.path):
            self._close()

    def check_in_place(self) -> None:
        """Raise StoreMovedError if a writer's file was deleted, moved or replaced."""
        if self._session is not None:
            self._session.check_in_place()

    def checkpoint(self) -> None:
        """Write all committed changes to the main file now instead of within seconds."""
        if self._session is not None and not self._connection.in_transaction:
            with translate_sqlite_errors(self.path):
                self._session.checkpoint()

    def back_up(self, path: Path) -> None:
        """Write a complete copy to ``path``, also while another process writes to this file."""
        log = connections.log_path(path)
        try:
            with translate_sqlite_errors(self.path), lock_name(path):
                if path.exists() or log.exists():
                    raise StoreError(f"{path if path.exists() else log} exists; use a new name")
                connections.remove_drafts(path)
                keep_mark = bool(self.missing_data)
                connections.copy_database(self._connection, self.path, path, keep_mark=keep_mark)
        except Timeout:
            raise StoreError(f"{path} is in use by another process; use a new name") from None

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
            if self._connection.in_transaction:
                return
            if self._session is not None:
                self._session.begin_writing()
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except BaseException:
                self._end_transaction()
                raise

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
            self._end_transaction()

    def _end_transaction(self) -> None:
        if self._session is not None:
            self._session.end_writing()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read the same state of the file in the whole block, even if another process writes.

        In a writer this does nothing, since no other process can change the file.
        """
        if self._session is not None:
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


def _lock_holder(path: Path) -> str:
    try:
        with closing(Database.read(path)) as database:
            row = database.first("SELECT value FROM metadata WHERE name = 'writer'")
    except StoreError:
        row = None
    return str(row[0]) if row else "another process"

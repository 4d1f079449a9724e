"""Open and lock the SQLite database of a campaign; run queries and transactions.

Only one process at a time can open a campaign file for writing. The operating system releases the
locks of a process when the process ends.
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
    """An open campaign file, which is locked if it is open for writing."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        resources: ExitStack,
        session: WriteSession | None = None,
    ) -> None:
        self.path = path
        self.missing_data = ""  # a message about the data that an incomplete copy lacks
        self._connection = connection
        self._session = session
        self._close = weakref.finalize(self, resources.close)
        self._depth = 0  # number of open snapshot blocks; 1 in a transaction
        self._rollback_callbacks: list[Callable[[], None]] = []

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file for writing, and lock it. Create or migrate the file if necessary."""
        real_path = Path(os.path.realpath(path))  # symbolic links to a file share its lock
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
        """Open a file for reading. Another process may have locked it for writing."""
        with ExitStack() as resources, translate_sqlite_errors(path):
            file = resources.enter_context(closing(DatabaseFile(path)))
            connections.check_header(path, file)
            connection = resources.enter_context(connections.open_for_reading(path))
            missing = connections.find_missing_data(connection, path)
            database = cls(path, connection, resources.pop_all())
            database.missing_data = missing
            return database

    def close(self) -> None:
        """Close the file. A writer commits its transaction, ends its session and unlocks the file.

        See :meth:`graphbuild.store.write_session.WriteSession.finish`.
        """
        with translate_sqlite_errors(self.path):
            self._close()

    def check_in_place(self) -> None:
        """Raise StoreMovedError if the file of a writer was deleted, moved or replaced."""
        if self._session is not None:
            self._session.check_in_place()

    def checkpoint(self) -> None:
        """Write committed changes to the main file now, instead of at the next regular checkpoint.

        Do nothing in a reader or during a transaction.
        """
        if self._session is not None and not self._connection.in_transaction:
            with translate_sqlite_errors(self.path):
                self._session.checkpoint()

    def back_up(self, path: Path) -> None:
        """Write a copy of this file to the new file ``path``.

        Another process may be writing to this file. If this file is an incomplete copy, the new
        file also counts as an incomplete copy.
        """
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
        """Yield the rows of a query.

        Pass ``values`` for placeholders of the form ``?``, or ``named`` for the form ``:name``. The
        same applies to the other methods that have these parameters.
        """
        with translate_sqlite_errors(self.path):
            # With "yield from", an unfinished generator could close its cursor after the connection
            # was closed.
            for row in self._connection.execute(query, named or values):  # noqa: UP028
                yield row

    def first(self, query: str, *values: object, **named: object) -> tuple[Any, ...] | None:
        """Return the first row of a query, or None if it has no rows."""
        return next(self.rows(query, *values, **named), None)

    def integer(self, query: str, *values: object, **named: object) -> int:
        """Return the first value of the first row as an integer; 0 if it is NULL or missing."""
        row = self.first(query, *values, **named)
        return int(row[0] or 0) if row else 0

    def execute(self, statement: str, *values: object, **named: object) -> sqlite3.Cursor:
        """Run a statement. If it changes the file, the caller must have begun a transaction."""
        with translate_sqlite_errors(self.path):
            return self._connection.execute(statement, named or values)

    def insert(self, table: str, **columns: object) -> int:
        """Insert a row and return its row id. The caller must have begun a transaction."""
        names, placeholders = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        statement = f"INSERT INTO {table} ({names}) VALUES ({placeholders})"  # noqa: S608  no input
        return int(self.execute(statement, **columns).lastrowid or 0)

    def update(self, table: str, row_id: int, **columns: object) -> None:
        """Set columns of the row ``row_id``. The caller must have begun a transaction."""
        assignments = ", ".join(f"{name} = :{name}" for name in columns)
        statement = f"UPDATE {table} SET {assignments} WHERE rowid = :rowid"  # noqa: S608  no input
        self.execute(statement, **columns, rowid=row_id)

    def execute_many(self, statement: str, rows: Iterable[Any]) -> None:
        """Run a statement once per row of values. The caller must have begun a transaction."""
        with translate_sqlite_errors(self.path):
            self._connection.executemany(statement, rows)

    def define_function(self, name: str, function: Callable[[int], bool]) -> None:
        """Make ``function`` available in SQL as ``name``, with one argument."""
        self._connection.create_function(name, 1, function)

    # --- transactions ----------------------------------------------------------------------------

    def on_rollback(self, callback: Callable[[], None]) -> None:
        """Register a function that is called whenever a transaction is rolled back."""
        self._rollback_callbacks.append(callback)

    def begin(self) -> None:
        """Begin a transaction unless one is open. The next :meth:`transaction` commits it."""
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
        """Commit the changes of the ``with`` block durably; roll them back after an exception.

        Changes since an earlier :meth:`begin` belong to the same transaction. A nested ``with``
        block is part of the outer transaction.
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
        """Read the same state of the file in the whole ``with`` block, even during a crawl.

        In a writer, this method does nothing, because no other process can change the file.
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

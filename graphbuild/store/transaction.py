"""Transactions of the one who writes to a campaign file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from graphbuild.store.connection import sentences, trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType


class Transaction:
    """Inside a ``with``: all or nothing, on disk when it ends. One inside another is part of it.

    It is entered several times for every page, so it is one object and no generator.

    Args:
        db: the connection of the one who writes.
        path: the campaign file, to be named where something goes wrong.
        forget: each is called when all that was changed is undone.
    """

    def __init__(
        self, db: sqlite3.Connection, path: Path, forget: Sequence[Callable[[], None]]
    ) -> None:
        self._db = db
        self._path = path
        self._forget = forget
        self._depth = 0

    def begin(self) -> None:
        """Begin one, unless one is open, which the next one inside a ``with`` takes in and ends."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")

    def __enter__(self) -> None:
        if not self._depth:
            try:
                self.begin()
            except sqlite3.Error as error:
                raise trouble(self._path, error) from None
        self._depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if self._depth:
            return
        if error is None:
            error = self._commit()
        else:
            self._undo()
        if isinstance(error, sqlite3.Error):
            raise trouble(self._path, error) from None

    def _commit(self) -> sqlite3.Error | None:
        """What went wrong."""
        try:
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            return error
        except BaseException:
            self._undo()
            raise
        return None

    def _undo(self) -> None:
        for forget in self._forget:
            forget()
        if self._db.in_transaction:
            with sentences(self._path):
                self._db.execute("ROLLBACK")

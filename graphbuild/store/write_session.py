"""Protect the data of a campaign file while the file is open for writing.

* The file is marked as open, so that a copy without the write-ahead log is recognized.
* The log is regularly written back to the main file, so that such a copy lacks only recent data.
* If the file is deleted, moved or replaced, the writer detects the change and saves the data.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild.errors import StoreError, StoreMovedError
from graphbuild.store.connection import connect, copy_database, log_path
from graphbuild.store.database_file import file_id

if TYPE_CHECKING:
    from graphbuild.store.database_file import DatabaseFile

CHECKPOINT_INTERVAL = 5.0  # seconds
_LAST_CHECKPOINT_TIMEOUT = 1_000  # milliseconds to wait for readers
_MAX_SAVED_COPIES = 100


class WriteSession:
    """Marks and protects a campaign file that is open for writing, until :meth:`finish`."""

    def __init__(self, path: Path, file: DatabaseFile, connection: sqlite3.Connection) -> None:
        real_path = Path(os.path.realpath(path))
        log = log_path(real_path)
        self._writing = threading.Lock()
        self._is_writing = False
        self._path = path
        self._real_path = real_path
        self._file = file
        self._connection = connection
        connection.execute(
            "INSERT OR REPLACE INTO metadata (name, value) VALUES ('writer', ?)",
            (f"process {os.getpid()}",),
        )
        self.checkpoint()
        self._log_files = (log, log.with_name(f"{real_path.name}-shm"))
        self._ids = {each: file_id(each) for each in (path.absolute(), *self._log_files)}
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=_checkpoint_regularly,
            args=(connect(real_path, "mode=rw", any_thread=True), self._writing, self._stop),
            daemon=True,
        )
        self._thread.start()

    def begin_writing(self) -> None:
        """Prevent checkpoints by the checkpoint thread until :meth:`end_writing`.

        If such a checkpoint is running, wait for its end. The thread uses another connection.

        SQLite before 3.51.3 can lose data if one connection writes during another's checkpoint.
        """
        if not self._is_writing:
            self._writing.acquire()
            self._is_writing = True

    def end_writing(self) -> None:
        """Allow checkpoints by the checkpoint thread again."""
        if self._is_writing:
            self._is_writing = False
            self._writing.release()

    def checkpoint(self, mode: str = "PASSIVE") -> bool:
        """Write the log back to the main file; return whether all of it was written.

        ``mode`` is a checkpoint mode of SQLite: ``PASSIVE`` does not wait for readers, and ``FULL``
        waits for them up to the ``busy_timeout`` of the connection.
        """
        self.begin_writing()
        try:
            row = self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        finally:
            self.end_writing()
        return bool(row[1] == row[2])

    def check_in_place(self) -> None:
        """Raise StoreMovedError if the file or a file of its log was deleted, moved or replaced."""
        if any(file_id(each) != known for each, known in self._ids.items()):
            raise StoreMovedError(f"{self._path} was deleted, moved or replaced during the run")

    def finish(self) -> None:
        """Commit an open transaction, write the log back, then remove the mark and the log.

        The mark is the row ``writer`` of the table ``metadata``. Unless readers prevent the first
        checkpoint, the mark is written to the main file before any other change of the session. It
        is removed after all other changes. Therefore, a file with the mark and without a log is
        probably an incomplete copy; see :func:`graphbuild.store.connection.find_missing_data`.

        While readers use the log, it cannot be removed. If readers prevent even the last
        checkpoint, the mark is kept as well.

        Raises:
            StoreMovedError: The file was deleted, moved or replaced. The message names the file
                that now contains the data, or states that the data could not be saved.
        """
        connection = self._connection
        try:
            if connection.in_transaction:
                connection.execute("COMMIT")
        finally:
            self.end_writing()
            self._stop.set()
        self._thread.join()
        connection.execute(f"PRAGMA busy_timeout = {_LAST_CHECKPOINT_TIMEOUT}")
        is_written_back = self.checkpoint("FULL")
        try:
            self.check_in_place()
        except StoreMovedError as moved:
            place = self._save(is_written_back=is_written_back)
            raise StoreMovedError(f"{moved}; {place}") from None
        if is_written_back:
            self._remove_mark()
            connection.execute("PRAGMA busy_timeout = 0")
            with suppress(sqlite3.OperationalError):  # readers still use the log
                connection.execute("PRAGMA journal_mode = DELETE")

    def _remove_mark(self) -> None:
        self._connection.execute("DELETE FROM metadata WHERE name = 'writer'")
        self.checkpoint("FULL")

    def _save(self, *, is_written_back: bool) -> str:
        """Save the data of a deleted, moved or replaced file.

        Return a message that names the file that now contains the data, or states that the data
        could not be saved.
        """
        place = self._file.current_path() if is_written_back else None
        if place:
            self._remove_mark()
        else:
            place = self._copy()
        self._connection.close()  # SQLite does not delete the log of a moved file
        for each in self._log_files:
            with suppress(OSError):
                if file_id(each) == self._ids[each]:
                    each.unlink()
        if place is None:
            return "its data could not be saved in any folder"
        return f"everything that was stored is in {place}; use that file to continue"

    def _copy(self) -> Path | None:
        """Copy the data to a new file; return its path, or None if no copy could be written.

        The copy gets the file's own name if that is unused, else a name such as
        ``campaign.saved-1.db``. It is written to the file's own folder if possible, else to the
        current or the temporary folder.
        """
        stem, suffix = self._real_path.stem, self._real_path.suffix
        saved = (f"{stem}.saved-{number}{suffix}" for number in range(1, _MAX_SAVED_COPIES))
        names = [self._real_path.name, *saved]
        for folder in (self._real_path.parent, Path.cwd(), Path(tempfile.gettempdir())):
            place = next((folder / name for name in names if not (folder / name).exists()), None)
            if place is not None:
                with suppress(StoreError, sqlite3.Error):
                    copy_database(self._connection, self._path, place)
                    return place
        return None


def _checkpoint_regularly(
    connection: sqlite3.Connection, writing: threading.Lock, stop: threading.Event
) -> None:
    with closing(connection):
        while not stop.wait(CHECKPOINT_INTERVAL):
            with writing, suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

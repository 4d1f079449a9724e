"""Read the header of a campaign file, and lock the file so that it has at most one writer.

SQLite locks the file with POSIX locks. A process loses all of its POSIX locks on a file when it
closes *any* descriptor of that file (https://sqlite.org/howtocorrupt.html). Therefore, all
:class:`DatabaseFile` objects for a file share one descriptor, which is closed with the last object.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from filelock import FileLock, Timeout

from graphbuild.errors import StoreError

if sys.platform == "linux":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

FileId: TypeAlias = tuple[int, int]  # device and inode number

_WRITER_BYTE = 0x40001000  # not one of the 512 bytes from 0x40000000, which SQLite locks


def file_id(path: Path) -> FileId | None:
    """Return the device and inode number of a file, or None if it cannot be accessed."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@dataclass(slots=True)
class _SharedStream:
    stream: FileIO
    users: int = 0
    has_writer: bool = False


_streams: dict[FileId, _SharedStream] = {}
_mutex = threading.Lock()


class DatabaseFile:
    """An open campaign file, identified by its inode and not by its path.

    Close the object only after SQLite has closed the file.
    """

    def __init__(self, path: Path) -> None:
        try:
            with _mutex:
                self._id = file_id(path) or (0, 0)
                if self._id not in _streams:
                    stream = _open_stream(path)
                    status = os.fstat(stream.fileno())
                    self._id = status.st_dev, status.st_ino
                    _streams.setdefault(self._id, _SharedStream(stream))
                self._shared = _streams[self._id]
                self._shared.users += 1
        except FileNotFoundError:
            message = f"there is no campaign file {path}; crawl or import creates one"
            raise StoreError(message) from None
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror or error}") from None
        self._is_writer = False

    def read(self, size: int) -> bytes:
        """Return the first ``size`` bytes, or all bytes of a shorter file."""
        with _mutex:
            self._shared.stream.seek(0)
            return self._shared.stream.read(size) or b""

    def current_path(self) -> Path | None:
        """Return the path that the file has now, even after it was moved.

        Return None if the file was deleted, or if the system has no ``/proc/self/fd``.
        """
        try:
            path = Path(f"/proc/self/fd/{self._shared.stream.fileno()}").readlink()
        except OSError:
            return None
        return path if file_id(path) == self._id else None

    def lock(self) -> bool:
        """Lock the file for writing; return whether that was possible.

        Locking fails if another writer, in this or another process, has locked the file.
        """
        with _mutex:
            if self._shared.has_writer:
                return False
            if not _set_lock(self._shared.stream, exclusive=True):
                return False
            self._shared.has_writer = self._is_writer = True
            return True

    def close(self) -> None:
        """Release the lock; close the descriptor if no other object uses it."""
        with _mutex:
            if self._is_writer:
                self._shared.has_writer = self._is_writer = False
                _set_lock(self._shared.stream, exclusive=False)
            self._shared.users -= 1
            if not self._shared.users:
                self._shared.stream.close()
                del _streams[self._id]


def _open_stream(path: Path) -> FileIO:
    if path.is_fifo():  # opening it would wait for a writer
        raise StoreError(f"{path} is a named pipe, not a campaign file; check the path")
    try:
        return path.open("r+b", buffering=0)
    except OSError:  # no permission to write
        return path.open("rb", buffering=0)


def _set_lock(stream: FileIO, *, exclusive: bool) -> bool:
    """Lock or unlock ``_WRITER_BYTE``; return False if another process has locked it.

    The lock is an open file description lock of Linux, because SQLite would release a POSIX lock
    together with its own locks. Other systems and some file systems have no such locks. There, this
    function does nothing and returns True, and only :func:`lock_name` protects the file.
    """
    if sys.platform == "linux":
        kind = fcntl.F_WRLCK if exclusive else fcntl.F_UNLCK
        lock = struct.pack("hhqqi", kind, os.SEEK_SET, _WRITER_BYTE, 1, 0)  # struct flock
        try:
            fcntl.fcntl(stream, fcntl.F_OFD_SETLK, lock)
        except OSError as error:  # all other errors mean that the file system has no such locks
            return error.errno not in {errno.EACCES, errno.EAGAIN}
    return True


@contextmanager
def lock_name(path: Path) -> Iterator[None]:
    """Lock the name of a campaign file in a ``with`` block, with a file ``<name>.lock``.

    The campaign file need not exist.

    Raises:
        Timeout: The name is already locked.
        StoreError: The folder does not exist, or the name cannot be locked.
    """
    if not path.parent.is_dir():
        raise StoreError(f"cannot use {path}: the folder {path.parent} does not exist")
    lock = FileLock(path.with_name(path.name + ".lock"), timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise
    except OSError as error:
        raise StoreError(f"cannot lock {path}: {error.strerror or error}") from None
    try:
        yield
    finally:
        lock.release()

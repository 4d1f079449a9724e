"""Write files atomically: a file is either written completely or not changed, even after a kill.

The bytes are written to a temporary file in the folder of the target. The complete temporary file
then replaces the target. A temporary file is locked while it is written, and the operating system
releases the lock when the process ends. So an unlocked temporary file belongs to no running
process, and the next export into the folder removes it. Process ids in the file names could not
identify such files, because several machines may write to one folder. On Windows, and on file
systems without locks, temporary files of killed processes are not removed.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from graphbuild._util import fsync_directory
from graphbuild.errors import ExportError

if os.name == "posix":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedRandom

_TEMP_NAME = re.compile(r"\.graphbuild-[0-9a-f]{16}\.tmp")
_FULL = "the disk is full or the file is too large; free some space and export again"
_DENIED = "no permission to write there; choose another folder"
_ADVICE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: _DENIED,
    errno.ENOENT: "its folder does not exist; create it first",
    errno.ENOTDIR: "its parent is a file; choose another path",
    errno.EEXIST: "is a file; choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}
_unfinished: set[Path] = set()  # temporary files and folders that this process is writing


@contextmanager
def open_atomic(path: Path) -> Iterator[BufferedRandom]:
    """Open a stream whose content replaces the file ``path`` when the ``with`` block ends.

    If the block raises an exception, the file is not changed. If ``path`` is a symbolic link, the
    link itself is replaced, so that a link in a shared folder cannot redirect an export.

    Raises:
        ExportError: The file cannot be written. The message names the path, the cause and a remedy.
    """
    with export_errors(path):
        if path.exists() and not path.is_symlink() and not path.is_file():
            raise ExportError(f"{path}: is a folder or a device, not a file; choose another name")
        remove_leftovers(path.parent)
        with _temporary_file(path.parent) as (temporary, stream):
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            # The file is renamed before the stream is closed, because closing releases the lock,
            # and another export may remove an unlocked file.
            temporary.replace(path)
        fsync_directory(path.parent)


@contextmanager
def export_errors(path: Path) -> Iterator[None]:
    """Raise an OSError of the ``with`` block as an ExportError about ``path``."""
    try:
        yield
    except OSError as error:
        raise ExportError(f"{path}: {_advice(error)}") from error


def make_folder(folder: Path) -> Path:
    """Create ``folder`` and its parents if they are missing, and return ``folder``.

    Raises:
        ExportError: The folder cannot be created.
    """
    with export_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Create a folder for intermediate files, and remove it when the ``with`` block ends."""
    with TemporaryDirectory(prefix="graphbuild-") as name:
        folder = Path(name)
        _unfinished.add(folder)
        try:
            yield folder
        finally:
            _unfinished.discard(folder)


@contextmanager
def removed_on_failure(folder: Path) -> Iterator[None]:
    """Remove ``folder`` if the ``with`` block raises an exception, or a signal ends it."""
    _unfinished.add(folder)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        _unfinished.discard(folder)


def remove_unfinished() -> None:
    """Remove what this process has written temporarily. Signal handlers may call this."""
    for path in list(_unfinished):
        shutil.rmtree(path, ignore_errors=True)  # does nothing if the path is a file
        with suppress(OSError):
            path.unlink()


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of killed exports in ``folder``: those that are not locked.

    Files of other users are kept. On Windows, and on file systems without locks, do nothing.
    """
    if os.name != "posix":
        return
    with suppress(OSError), os.scandir(folder) as entries:
        names = [entry.name for entry in entries if _TEMP_NAME.fullmatch(entry.name)]
        for name in names:
            with suppress(OSError):
                _remove_if_unlocked(folder / name)


@contextmanager
def _temporary_file(folder: Path) -> Iterator[tuple[Path, BufferedRandom]]:
    path = folder / f".graphbuild-{secrets.token_hex(8)}.tmp"
    _unfinished.add(path)
    try:
        with _create_locked(path) as stream:
            yield path, stream
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        _unfinished.discard(path)


def _create_locked(path: Path) -> BufferedRandom:
    """Create the file ``path``, lock it if the file system has locks, and return its stream.

    If another export removes the file before it is locked, the file is created again.
    """
    while True:
        stream = path.open("x+b")
        if os.name != "posix":
            return stream
        with suppress(OSError):  # the file system may have no locks
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX)
        if os.fstat(stream.fileno()).st_nlink > 0:
            return stream
        stream.close()


def _remove_if_unlocked(path: Path) -> None:
    # Do not follow a symbolic link, and do not block on a named pipe. The file is opened for
    # writing, because network file systems require that for an exclusive lock.
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    finally:
        os.close(descriptor)


def _advice(error: OSError) -> str:
    """Return the cause of ``error`` and a remedy, for the message of an ExportError."""
    known = _ADVICE.get(error.errno or 0)
    return known or f"cannot be written: {error.strerror or error}; choose another path"

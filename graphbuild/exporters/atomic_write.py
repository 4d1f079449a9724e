"""A file is whole or absent: written beside its place, synced, then moved there."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from graphbuild._util import fsync_directory
from graphbuild.errors import ExportError
from graphbuild.exporters.temp_files import hold, new_name, remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedRandom
    from pathlib import Path

_FULL = "the disk is full or the file too large; make room and export again"
_DENIED = "not allowed to write there; choose another folder"
_ADVICE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: _DENIED,
    errno.ENOENT: "its folder does not exist; make it first",
    errno.ENOTDIR: "what should be its folder is a file; choose another place",
    errno.EEXIST: "what should be its folder is a file; choose another place",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


_unfinished: set[Path] = set()  # what is being written now, beside its place


@contextmanager
def open_atomic(path: Path) -> Iterator[BufferedRandom]:
    """A stream whose bytes stand at ``path`` once the block ends well, and not before.

    If anything fails, the new bytes are removed and what stood at ``path`` still stands; what a
    killed process could not remove, the next export into that folder does. A link
    at ``path`` is replaced itself; what it points to is never written to, so that nobody who can
    put a link into a shared folder directs an export elsewhere. Devices, pipes and folders are
    refused.

    Raises:
        ExportError: the file system said no; the message says what, where and what to do.
    """
    try:
        _refuse_odd(path)
        remove_leftovers(path.parent)
        # In the same folder, because only there is moving one step.
        beside = path.with_name(new_name())
        # Moved before it is closed: until then it is marked as being written.
        with _removed_on_failure(beside), _created(beside) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            beside.replace(path)
        fsync_directory(path.parent)
    except OSError as error:
        raise ExportError(f"{path}: {advice(error)}") from error


def remove_unfinished() -> None:
    """Remove what is half written, before the process ends; safe in a signal handler."""
    for path in list(_unfinished):
        with suppress(OSError):
            path.unlink()


def make_folder(folder: Path) -> Path:
    """The folder, made where it is missing.

    Raises:
        ExportError: it cannot be made; the message says why and what to do.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"{folder}: {advice(error)}") from error
    return folder


def advice(error: OSError) -> str:
    """What went wrong, and the way out."""
    known = _ADVICE.get(error.errno or 0)
    return known or f"cannot be written: {error.strerror or error}; choose another place"


def _refuse_odd(path: Path) -> None:
    if path.exists() and not path.is_symlink() and not path.is_file():
        raise ExportError(f"{path}: is a folder or a device, not a file; choose another name")


def _created(path: Path) -> BufferedRandom:
    # Exclusive: what already has this name is never written to. The mode is masked by the umask.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    while True:
        stream = os.fdopen(os.open(path, flags, 0o644), "w+b")
        if hold(stream.fileno()):
            return stream
        stream.close()


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    _unfinished.add(path)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        _unfinished.discard(path)

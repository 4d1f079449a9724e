"""A file is whole or absent: written beside its place, synced, then moved there."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from graphbuild.disk import sync_folder
from graphbuild.errors import ExportError

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


@contextmanager
def whole_file(path: Path) -> Iterator[BufferedRandom]:
    """A stream whose bytes stand at ``path`` once the block ends well, and not before.

    If anything fails, the new bytes are removed and what stood at ``path`` still stands. A link
    at ``path`` is replaced itself; what it points to is never written to, so that nobody who can
    put a link into a shared folder directs an export elsewhere. Devices, pipes and folders are
    refused.

    Raises:
        ExportError: the file system said no; the message says what, where and what to do.
    """
    try:
        _refuse_odd(path)
        # In the same folder, because only there is moving one step; a name nobody can foresee.
        beside = path.with_name(f".graphbuild-{secrets.token_hex(8)}.tmp")
        with _removed_on_failure(beside):
            with _created(beside) as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise ExportError(f"{path}: {advice(error)}") from error


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
    return os.fdopen(os.open(path, flags, 0o644), "w+b")


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise

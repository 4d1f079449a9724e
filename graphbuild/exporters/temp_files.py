"""What a killed export left behind: told from what somebody is still writing, and removed.

A writer holds a lock on its file. The system takes the lock away when the process ends, however it
ends, so that a file of ours without one is nobody's; no process number could be trusted so far,
least of all on a disk that several machines write to. Where files cannot be locked, nothing is
removed.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if os.name == "posix":
    import fcntl

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"\.graphbuild-[0-9a-f]{16}\.tmp")


def new_name() -> str:
    """A name for what is being written, that nobody can foresee."""
    return f".graphbuild-{secrets.token_hex(8)}.tmp"


def hold(descriptor: int) -> bool:
    """Mark a new file as being written; False if it was taken for a leftover just before."""
    if os.name != "posix":
        return True
    with suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return os.fstat(descriptor).st_nlink > 0


def remove_leftovers(folder: Path) -> None:
    """Remove what exports left in ``folder`` that did not live to remove it themselves."""
    if os.name != "posix":
        return
    with suppress(OSError), os.scandir(folder) as entries:
        ours = [entry.name for entry in entries if _NAME.fullmatch(entry.name)]
        for name in ours:
            with suppress(OSError):
                _remove(folder / name)


def _remove(path: Path) -> None:
    # No link is followed, no pipe waited for; locks over a network need the right to write.
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    finally:
        os.close(descriptor)

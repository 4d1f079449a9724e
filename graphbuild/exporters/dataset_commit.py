"""Replace the files of one campaign in a dataset folder, completely or not at all.

Each table is a folder with a folder per campaign, such as ``observations/campaign=NAME``. No file
system replaces several folders at once, so a replacement has two phases:

1. The new folders are written into a staging folder, and after them the new manifest. If the
   process is killed in this phase, the dataset is unchanged, and the next export removes the
   staging folder.
2. Each old folder is renamed into the staging folder, and the new folder is renamed into its
   place. The manifest is replaced last. SIGINT, SIGTERM and SIGHUP wait until the end of this
   phase, if the main thread exports. If the process is killed, the next export completes the phase.
   Until then, the checksums in the manifest show which files do not belong to it.

Only one export can change a dataset at a time: it locks the dataset folder, and other exports wait.
On Windows, and on file systems that cannot lock folders, such as NFS, exports that run at the same
time are refused. There, the user must remove the staging folder of a killed export.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from graphbuild._util import fsync_directory, on_signal
from graphbuild.errors import ExportError
from graphbuild.exporters.atomic_write import export_errors, removed_on_failure

if os.name == "posix":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANIFEST = "_graphbuild.json"
# Programs that read a folder of Parquet files ignore names that begin with a dot.
STAGING = ".graphbuild-dataset.tmp"
_UNFINISHED_MANIFEST, _REPLACED = "manifest.tmp", "replaced"


@contextmanager
def staging_folder(folder: Path) -> Iterator[Path]:
    """Yield a staging folder for the new files of a campaign of the dataset ``folder``.

    In the ``with`` block, write the new folders of the campaign into the staging folder, such as
    ``observations/campaign=NAME``, and the manifest by :func:`write_manifest`. When the block ends,
    they replace the folders of this campaign and the manifest of the dataset. If the block raises
    an exception, they are removed, and the dataset is not changed.

    Raises:
        ExportError: A file cannot be written. Or the folder cannot be locked, and another export is
            writing to the dataset or was killed.
    """
    staging = folder / STAGING
    with export_errors(folder / MANIFEST), ExitStack() as stack:
        if stack.enter_context(_locked(folder)):
            with _signals_deferred():
                _recover(folder)
        try:
            staging.mkdir()
        except FileExistsError:  # only possible if the folder could not be locked
            raise ExportError(
                f"{folder}: another export is writing to this dataset, or was killed; wait until"
                f" it ends, or remove {staging}"
            ) from None
        with removed_on_failure(staging):
            yield staging
            for campaign in _new_campaigns(staging):
                (folder / campaign.parent.name).mkdir(exist_ok=True)
            _fsync_folders(staging)
            stack.enter_context(_signals_deferred())
            (staging / _UNFINISHED_MANIFEST).replace(staging / MANIFEST)
        fsync_directory(staging)
        _exchange(folder)


def write_manifest(staging: Path, content: bytes) -> None:
    """Write the manifest of the dataset into the staging folder."""
    with (staging / _UNFINISHED_MANIFEST).open("x+b") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _recover(folder: Path) -> None:
    """Complete the exchange of a killed export, or remove its staging folder."""
    staging = folder / STAGING
    if (staging / MANIFEST).exists():
        _exchange(folder)
    elif os.path.lexists(staging):
        shutil.rmtree(staging)


def _exchange(folder: Path) -> None:
    """Replace the folders of a campaign and the manifest with those in the staging folder.

    This function can also complete an exchange that was interrupted at any moment.
    """
    staging = folder / STAGING
    (staging / _REPLACED).mkdir(exist_ok=True)
    for new in _new_campaigns(staging):
        table = new.parent.name
        target = folder / table / new.name
        if os.path.lexists(target):
            target.rename(staging / _REPLACED / table)
        new.rename(target)
        fsync_directory(target.parent)
    (staging / MANIFEST).replace(folder / MANIFEST)
    fsync_directory(folder)
    shutil.rmtree(staging)


def _fsync_folders(folder: Path) -> None:
    """Flush ``folder`` and the folders in it, so that a crash of the system loses no file."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            fsync_directory(path)


def _new_campaigns(staging: Path) -> list[Path]:
    return sorted(staging.glob("*/campaign=*"))


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Lock ``folder`` until the ``with`` block ends; yield whether it is locked.

    Wait while another process holds the lock. If the process is killed, the operating system
    releases the lock.
    """
    if os.name != "posix":
        yield False
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        is_locked = False
        with suppress(OSError):  # the file system may have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            is_locked = True
        yield is_locked
    finally:
        os.close(descriptor)


@contextmanager
def _signals_deferred() -> Iterator[None]:
    """Defer the first SIGINT, SIGTERM and SIGHUP until the ``with`` block ends.

    The signals are handled, not blocked: the system would deliver a blocked signal to another
    thread. Only the main thread can set handlers, so nothing is deferred in other threads.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[signal.Signals] = []
    try:
        with on_signal(received.append):
            yield
    finally:
        for each in received:
            signal.raise_signal(each)

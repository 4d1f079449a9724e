"""Append events to a file of JSON Lines, each event exactly once.

A process that is killed while it appends leaves a part of a line at the end of the file. The next
process removes this part, and appends only the events whose ids are not in the file.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Self

from graphbuild._util import fsync_directory
from graphbuild.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from graphbuild.store.watch import WatchEvent

_START = b'{"id": "'  # the first bytes of each line
_BLOCK_SIZE = 65_536  # bytes


class EventFile:
    """An event file, open and locked until the end of a ``with`` block; created if missing.

    Raises:
        ExportError: The file cannot be opened or written, another process uses it, or it ends with
            a part of a line that is not an event.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._translate_errors():
            self._stream = path.open("a+b")
        try:
            with self._translate_errors():
                fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._end = self._find_end()
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def append(self, events: Iterable[WatchEvent]) -> None:
        """Append the events that the file does not contain, durably."""
        with self._translate_errors():
            known = self._ids()
            lines = [f"{each.content}\n" for each in events if each.id not in known]
            self._stream.truncate(self._end)
            self._stream.write("".join(lines).encode("ascii"))
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._end = self._stream.tell()
        fsync_directory(self._path.parent)

    def _find_end(self) -> int:
        """Return the end of the last complete line; raise ExportError if other text follows."""
        end = _end_of_last_line(self._stream)
        self._stream.seek(end)
        rest = self._stream.read(len(_START))
        if not _START.startswith(rest):
            raise ExportError(
                f"{self._path} ends with a part of a line that is not an event of watch; choose"
                " another file"
            )
        return end

    def _ids(self) -> set[str]:
        """Return the ids of the events in the complete lines."""
        self._stream.seek(0)
        found = set()
        for line in self._stream:
            if line.startswith(_START) and line.endswith(b"\n"):
                with suppress(ValueError):  # a line that was edited
                    found.add(str(json.loads(line)["id"]))
        return found

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except BlockingIOError:
            text = f"{self._path} is in use by another process; run again later"
            raise ExportError(text) from None
        except OSError as error:
            problem = error.strerror or error
            raise ExportError(f"cannot append to {self._path}: {problem}") from None


def _end_of_last_line(stream: IO[bytes]) -> int:
    """Return the position after the last line break; 0 if there is none."""
    position = stream.seek(0, os.SEEK_END)
    while position > 0:
        start = max(0, position - _BLOCK_SIZE)
        stream.seek(start)
        found = stream.read(position - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0

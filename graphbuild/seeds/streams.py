"""From a path, a pipe or standard input to text, in pieces and in lines."""

from __future__ import annotations

import codecs
import io
import os
import re
import select
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from graphbuild.errors import SeedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STDIN = "-"
_CHUNK = 65_536
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LONGEST_BOM = max(len(bom) for bom, _ in _BOMS)
# What a shell hands over for <(...): a pipe that is open already, under a number.
_OWN_PIPE = re.compile(r"/dev/fd/(\d{1,4})|/proc/self/fd/(\d{1,4})")
_PATIENCE = 3.0  # seconds in which something must come through a named pipe
_SILENT = "it is a pipe, which may never answer; send it to standard input, named -"


@contextmanager
def opened(source: str | Path) -> Iterator[BinaryIO]:
    """The bytes of a source.

    Raises:
        OSError: it cannot be opened, or is a pipe that nobody writes to.
    """
    if str(source) == STDIN:
        yield _stdin()
    elif stat.S_ISFIFO(Path(source).stat().st_mode):
        with os.fdopen(_pipe(str(source)), "rb") as stream:
            yield stream
    else:
        with Path(source).open("rb") as stream:
            yield stream


def _stdin() -> BinaryIO:
    if not hasattr(sys.stdin, "buffer"):
        raise OSError("there is no standard input to read bytes from")
    return sys.stdin.buffer


def _pipe(source: str) -> int:
    if own := _OWN_PIPE.fullmatch(source):
        # Not opened anew: that would wait for a writer who may have written and gone.
        return os.dup(int(own[1] or own[2]))
    descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK)
    try:
        _await_writer(descriptor)
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _await_writer(descriptor: int) -> None:
    """Return once somebody writes into the pipe; nothing is read from it.

    Raises:
        OSError: nobody came.
    """
    watch = select.poll()
    watch.register(descriptor, select.POLLIN)
    if not watch.poll(_PATIENCE * 1000):
        raise OSError(_SILENT)


def pieces(stream: BinaryIO, source: str) -> Iterator[str]:
    """The text of a source, all line ends LF, in pieces as they come.

    Raises:
        SeedError: it has a NUL byte.
        UnicodeDecodeError: it is no UTF-8, nor UTF-16 with a byte order mark.
    """
    start = stream.read(_LONGEST_BOM)
    bom, encoding = next((pair for pair in _BOMS if start.startswith(pair[0])), (b"", "utf-8"))
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    chunk, more = start[len(bom) :], True
    while more:
        more = bool(following := stream.read(_CHUNK))
        text = decoder.decode(chunk, final=not more)
        if "\0" in text:
            raise SeedError(f"{source} is not text: it has a NUL byte; save it as UTF-8")
        yield text
        chunk = following


def lines(texts: Iterable[str], longest: int) -> Iterator[str]:
    """The lines, without their ends; of one over ``longest`` as much as it takes to see that."""
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        yield from whole
        rest = rest[: longest + 1]
    if rest:
        yield rest

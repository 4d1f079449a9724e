"""Open files, pipes and standard input, and decode them into text and lines."""

from __future__ import annotations

import codecs
import io
import sys
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Protocol

from graphbuild._util import open_file
from graphbuild.errors import SeedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

STDIN = "-"
_CHUNK_SIZE = 65_536
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class ByteStream(Protocol):
    """A stream of bytes, such as an open file."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; at the end of the stream, return no bytes."""
        ...


@contextmanager
def open_source(source: str | Path) -> Iterator[BinaryIO]:
    """Open a path or standard input for reading bytes."""
    if str(source) == STDIN:
        if not hasattr(sys.stdin, "buffer"):
            raise OSError("there is no standard input; name a file")
        yield sys.stdin.buffer
    else:
        with open_file(source) as stream:
            yield stream


def decode(stream: ByteStream, source: str) -> Iterator[str]:
    """Decode a stream chunk by chunk, from UTF-8 or from UTF-16 with a byte order mark.

    All line endings are converted to LF, and the byte order mark is removed. Bytes that are not
    valid UTF-8 become lone surrogates, which :mod:`graphbuild.seeds.windows_1252` decodes.

    Raises:
        SeedError: The text contains a NUL character.
        UnicodeDecodeError: The stream is not valid UTF-16.
    """
    start = stream.read(_CHUNK_SIZE)
    bom, encoding = next((pair for pair in _BOMS if start.startswith(pair[0])), (b"", "utf-8"))
    errors = "surrogateescape" if encoding == "utf-8" else "strict"
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(encoding)(errors), translate=True
    )
    following = iter(lambda: stream.read(_CHUNK_SIZE), b"")
    for chunk in chain([start.removeprefix(bom)], following, [b""]):
        text = decoder.decode(chunk, final=not chunk)
        if "\0" in text:
            raise SeedError(f"{source} is not text: it contains a NUL byte; save it as UTF-8")
        yield text


def split_lines(texts: Iterable[str], max_length: int) -> Iterator[str]:
    """Yield the lines of a text without line endings.

    To limit memory, a line of more than ``max_length`` characters can be truncated. It still has
    more than ``max_length`` characters, so that the caller can detect it.
    """
    rest = ""
    for text in texts:
        if len(rest) > max_length and "\n" not in text:
            continue
        *complete, rest = (rest + text).split("\n")
        yield from complete
        rest = rest[: max_length + 1]
    if rest:
        yield rest

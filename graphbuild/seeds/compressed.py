"""Decompress seed lists: gzip files, and zip archives that contain one file.

A small file can expand to gigabytes. Therefore, the decompressed data is limited to 16 MiB or 100
times the size of the compressed data, whichever is larger. The data is decompressed in parts, so
that it is never in memory as a whole.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from graphbuild.errors import SeedError
from graphbuild.seeds import file_types

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbuild.seeds.streams import ByteStream

MAX_RATIO = 100  # decompressed bytes per compressed byte; about 2 for a list of hashes
MIN_LIMIT = 16 * 2**20  # decompressed bytes that are always accepted
# ``zipfile`` reads the whole list of the files in an archive into memory. Each file in the list
# takes at least 46 bytes of the archive, and about 600 bytes of memory.
MAX_ZIP_SIZE = 8 * 2**20
_READABLE_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 1  # the bit in the flags of a file in a zip archive that marks it as encrypted
_ERRORS = (
    EOFError,
    ValueError,
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    zlib.error,
)


class Content(NamedTuple):
    """The content of a file, decompressed if necessary."""

    stream: ByteStream
    name: str  # the name of the file; for a compressed file, the name of its content
    container: str  # ``gzip file`` or ``zip archive``; empty if the file is not compressed


def open_content(stream: BinaryIO, source: str) -> Content:
    """Return the content of the file ``source``, which is open as ``stream``.

    Reading from the stream of the result also raises ``SeedError`` if compressed data is damaged
    or expands to more than the limit.

    Raises:
        SeedError: The file has a known type other than text, for example PDF; it is damaged; or it
            contains another compressed file. A zip archive is also refused if it does not contain
            exactly one file, has a password or an unusual compression, comes from a pipe, or is
            larger than 8 MiB.
    """
    file = _PeekableStream(stream)
    found = Content(file, source, "")
    if file.head.startswith(file_types.GZIP):
        found = _open_gzip(file, source)
    elif file.head.startswith(file_types.ZIP):
        found = _open_zip(stream, source)
    content = _PeekableStream(found.stream) if found.container else file
    if found.container and content.head.startswith((file_types.GZIP, file_types.ZIP)):
        raise SeedError(f"{source} contains another compressed file; decompress it first")
    file_types.check_type(content.head, source)
    return found._replace(stream=content)


class _PeekableStream:
    """A stream whose first bytes are available as ``head`` without calling ``read``.

    ``read`` returns these bytes, too. ``count`` is the number of bytes that it has returned.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.head = b""
        while len(self.head) < file_types.HEAD_SIZE:
            piece = stream.read(file_types.HEAD_SIZE - len(self.head))
            if not piece:
                break
            self.head += piece
        self._unread = self.head
        self.count = 0

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; at the end of the stream, return no bytes."""
        chunk, self._unread = self._unread[:size], self._unread[size:]
        chunk = chunk or self._stream.read(size)
        self.count += len(chunk)
        return chunk


class _LimitedStream:
    """A decompressed stream whose ``read`` raises ``SeedError`` if it is damaged or too long."""

    def __init__(self, stream: ByteStream, source: str, compressed_size: Callable[[], int]) -> None:
        self._stream = stream
        self._source = source
        self._compressed_size = compressed_size
        self._count = 0

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; at the end of the stream, return no bytes."""
        try:
            chunk = self._stream.read(size)
        except _ERRORS as error:
            raise SeedError(f"{self._source} is damaged or incomplete: {error}") from None
        self._count += len(chunk)
        if self._count > max(MIN_LIMIT, MAX_RATIO * self._compressed_size()):
            raise SeedError(
                f"{self._source} expands to more than {MAX_RATIO} times its size, and is not read;"
                " if it is a seed list, decompress it first"
            )
        return chunk


def _open_gzip(file: _PeekableStream, source: str) -> Content:
    readable: Any = file  # GzipFile needs only read()
    content = gzip.GzipFile(fileobj=readable)
    name = source[: -len(".gz")] if source.lower().endswith(".gz") else source
    return Content(_LimitedStream(content, source, lambda: file.count), name, "gzip file")


def _open_zip(stream: BinaryIO, source: str) -> Content:
    if not stream.seekable():
        file_types.refuse(
            source,
            "a zip archive",
            "pass the file by its name, or decompress it: unzip -p FILE.zip | graphbuild seeds -",
        )
    size = stream.seek(0, 2)
    if size > MAX_ZIP_SIZE:
        file_types.refuse(
            source,
            f"a zip archive of more than {MAX_ZIP_SIZE // 2**20} MiB",
            "decompress it: unzip -p {file} | graphbuild seeds -",
        )
    try:
        archive = zipfile.ZipFile(stream)
        member = _only_member(archive, source)
        content = archive.open(member)
    except NotImplementedError:  # zipfile raises it for features that it does not support
        file_types.refuse(source, "a zip archive with unusual features", file_types.EXTRACT)
    except _ERRORS as error:
        raise SeedError(f"{source} is damaged or incomplete: {error}") from None
    return Content(_LimitedStream(content, source, lambda: size), member.filename, "zip archive")


def _only_member(archive: zipfile.ZipFile, source: str) -> zipfile.ZipInfo:
    names = archive.namelist()
    file_types.check_zipped_type(names, source)
    members = [
        each
        for each in archive.infolist()
        if not each.filename.endswith("/") and not each.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        description = f"a zip archive of {len(members):,} files"
        file_types.refuse(source, description, file_types.EXTRACT)
    (member,) = members
    if member.flag_bits & _ENCRYPTED:
        file_types.refuse(source, "a zip archive with a password", file_types.EXTRACT)
    if member.compress_type not in _READABLE_METHODS:
        file_types.refuse(source, "a zip archive with unusual compression", file_types.EXTRACT)
    return member

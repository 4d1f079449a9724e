"""Recognize files that are not text by their first bytes, and explain how to convert them."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple, NoReturn

from graphbuild.errors import SeedError

HEAD_SIZE = 512  # number of bytes that the functions of this module need
GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
_TAR_OFFSET, _TAR = 257, b"ustar"
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<!doctype html|<html)", re.IGNORECASE)
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a]")
# Advice for archives.
EXTRACT = "extract it, and pass the seed lists in it"
_LOOK_UP = "to look it up, pass its hash: sha256sum {file}"


class _FileType(NamedTuple):
    signature: bytes  # the first bytes of the file
    description: str  # continues "FILE is"
    advice: str  # what to do; {file} is the name of the file, quoted for a shell


_FILE_TYPES = (
    _FileType(
        b"%PDF-",
        "a PDF document",
        "convert it: pdftotext {file} - | graphbuild seeds --format text -",
    ),
    _FileType(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an Office document in an old format, such as .xls or .doc",
        "save a spreadsheet as CSV, and other documents as text for --format text",
    ),
    _FileType(b"BZh", "a bzip2 file", "decompress it: bzcat {file} | graphbuild seeds -"),
    _FileType(b"\xfd7zXZ\0", "an xz file", "decompress it: xzcat {file} | graphbuild seeds -"),
    _FileType(
        b"\x28\xb5\x2f\xfd", "a zstd file", "decompress it: zstdcat {file} | graphbuild seeds -"
    ),
    _FileType(b"7z\xbc\xaf\x27\x1c", "a 7z archive", EXTRACT),
    _FileType(b"Rar!\x1a\x07", "a rar archive", EXTRACT),
    _FileType(
        b"SQLite format 3\0",
        "an SQLite database, not a seed list",
        "if it is a campaign file, pass it with --store",
    ),
    _FileType(b"PAR1", "a Parquet file", "save its table as CSV"),
    _FileType(b"\x7fELF", "a program, not a seed list", _LOOK_UP),
    _FileType(b"MZ", "a program, not a seed list", _LOOK_UP),
    _FileType(b"\x89PNG", "an image", "copy its text to a file"),
    _FileType(b"\xff\xd8\xff", "an image", "copy its text to a file"),
    _FileType(b"{\\rtf", "a document in rich text format", "save it as text for --format text"),
)
# Signatures with which a text can also begin. Unlike text, files of these types have control
# characters among their first bytes.
_TEXT_SIGNATURES = frozenset({b"BZh", b"MZ", b"PAR1"})
# Folder at the top of a zip archive -> description of a file with this folder, and advice.
_ZIPPED_TYPES = {
    "xl/": ("an Excel workbook", "save each sheet as CSV"),
    "word/": ("a Word document", "save it as text, and pass that file with --format text"),
    "ppt/": ("a PowerPoint document", "copy its text to a file"),
    "META-INF/": ("a Java program or a document, not a seed list", _LOOK_UP),
}


def check_type(head: bytes, source: str) -> None:
    """Raise ``SeedError`` if a file that starts with ``head`` is of a known type other than text.

    The message explains how to convert the file.
    """
    for each in _FILE_TYPES:
        may_be_text = each.signature in _TEXT_SIGNATURES and not _CONTROL.search(head)
        if head.startswith(each.signature) and not may_be_text:
            refuse(source, each.description, each.advice)
    if head[_TAR_OFFSET:].startswith(_TAR):
        refuse(source, "a tar archive", EXTRACT)


def check_zipped_type(names: list[str], source: str) -> None:
    """Raise ``SeedError`` if a zip archive is a document or a program, according to its files.

    ``names`` are the paths of the files in the archive.
    """
    for folder, (description, advice) in _ZIPPED_TYPES.items():
        if any(name.startswith(folder) for name in names):
            refuse(source, description, advice)


def is_html(head: bytes | str) -> bool:
    """Return whether a file that starts with ``head`` is an HTML page."""
    if isinstance(head, str):
        head = head.encode("utf-8", "surrogateescape")
    return _HTML.match(head) is not None


def refuse(source: str, description: str, advice: str) -> NoReturn:
    """Raise ``SeedError`` with the message "SOURCE is DESCRIPTION; ADVICE".

    ``{file}`` in ``advice`` is replaced by the name of the file, quoted for a shell.
    """
    file = "FILE" if source == "-" else shlex.quote(source)
    raise SeedError(f"{source} is {description}; {advice.format(file=file)}")

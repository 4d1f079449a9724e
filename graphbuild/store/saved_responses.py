"""Read saved API responses from files: pages of lists, and objects of lists.

A file can contain one response, or several: as JSON Lines, one after the other, or in an array. It
can also contain the objects of one list, as ``vt-py`` and ``vt-cli`` print them. Files can be
compressed with gzip. Each document is limited in size, and only a part of a file is in memory.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from graphbuild._util import open_file
from graphbuild.api.endpoints import OBJECT_TYPES, RELATIONSHIPS
from graphbuild.api.json_decoding import MAX_DEPTH, decode_json
from graphbuild.api.links import parse_self_link
from graphbuild.api.parser import parse_payload
from graphbuild.errors import PayloadError
from graphbuild.models import COLLECTION, REFERENCE, RELATED_REFERENCES
from graphbuild.store.models import UNKNOWN_CURSOR, FetchedPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from graphbuild.models import Entity, Page

MAX_FILE_SIZE = 32 * 1024 * 1024  # bytes of a file, or of a line of JSON Lines
MAX_VALUES = 1_000_000  # estimated JSON values in a file, or in a line of JSON Lines
MAX_RATIO = 100  # decompressed bytes per compressed byte; responses have about 10
MAX_REJECTED = 100  # invalid documents, after which the rest of a file is not read
MAX_REJECTED_IN_FOLDER = 10_000  # after which its other files are not read
MAX_EMPTY_LINES = 10_000  # per file; a small gzip file can contain billions
_MIN_LIMIT = 64 * 1024 * 1024  # decompressed bytes that are always accepted
_OBJECTS_PER_PAGE = 1_000
_GZIP = b"\x1f\x8b"
_SPACE = re.compile(r"[ \t\r\n]*")
_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})
_DECODER = json.JSONDecoder()
_READ_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """A file, or a part of it, that was not imported, and the reason."""

    path: Path
    reason: str


def iterate_responses(
    paths: Iterable[str | Path],
    subject: Entity | None = None,
    relationship: str = RELATED_REFERENCES,
) -> Iterator[FetchedPage | RejectedFile]:
    """Read saved responses one by one; see :func:`graphbuild.store.importer.read_responses`."""
    for path in map(Path, paths):
        if path.is_dir():
            yield from _read_folder(path, subject, relationship)
        else:
            yield from _read_file(path, subject, relationship)


def _read_folder(
    folder: Path, subject: Entity | None, relationship: str
) -> Iterator[FetchedPage | RejectedFile]:
    """Read the JSON files in a folder and its subfolders."""
    is_empty, errors = True, 0
    for path in _files_in(folder):
        if isinstance(path, Path) and not _is_json_name(path):
            continue
        is_empty = False
        for found in _read_file(path, subject, relationship) if isinstance(path, Path) else [path]:
            errors += isinstance(found, RejectedFile)
            yield found
        if errors >= MAX_REJECTED_IN_FOLDER:
            yield RejectedFile(folder, "contains too many invalid files; the rest was not read")
            return
    if is_empty:
        yield RejectedFile(folder, "contains no .json, .jsonl or .ndjson files")


def _files_in(folder: Path) -> Iterator[Path | RejectedFile]:
    """Yield the regular files in a folder, then those in its subfolders, in the order of names.

    Symbolic links to folders are not followed. Folders that cannot be read are also yielded.
    """
    folders = [folder]
    while folders:
        current = folders.pop()
        try:
            names = sorted(os.listdir(current))  # noqa: PTH208  paths would need more memory
        except OSError as error:
            yield RejectedFile(current, error.strerror or str(error))
            continue
        subfolders: list[Path] = []
        for path in map(current.joinpath, names):
            if path.is_file():
                yield path
            elif path.is_dir() and not path.is_symlink():
                subfolders.append(path)
        folders += reversed(subfolders)


def _is_json_name(path: Path) -> bool:
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return name.suffix.lower() in _SUFFIXES


def _read_file(
    path: Path, subject: Entity | None, relationship: str
) -> Iterator[FetchedPage | RejectedFile]:
    """Yield the pages of a file, and the reasons why other parts of it were not read."""
    errors = 0
    try:
        with open_file(path) as stream:
            status = path.stat()
            reader = _FileReader(status.st_mtime, subject, relationship)
            for chunk, line in _chunks(stream, status.st_size):
                for found in reader.read(chunk):
                    if isinstance(found, FetchedPage):
                        yield found
                        continue
                    yield RejectedFile(path, f"line {line}: {found}" if line else str(found))
                    errors += 1
                    if errors == MAX_REJECTED:
                        yield RejectedFile(path, "has too many errors; the rest was not read")
                        return
            yield from reader.finish()
    except PayloadError as error:
        yield RejectedFile(path, str(error))
    except OSError as error:
        yield RejectedFile(path, error.strerror or str(error))


class _FileReader:
    """Converts the documents of one file to pages. Objects of a list are collected into pages."""

    def __init__(self, modified_at: float, subject: Entity | None, relationship: str) -> None:
        self._modified_at = modified_at
        self._subject = subject
        self._relationship = relationship
        self._objects: list[str] = []

    def read(self, chunk: bytes) -> Iterator[FetchedPage | PayloadError]:
        """Read the next part of the file; yield the pages that are now complete, and the errors."""
        try:
            for text in _split(chunk):
                try:
                    yield from self._read_document(text)
                except PayloadError as error:
                    yield error
        except PayloadError as error:
            yield error

    def _read_document(self, text: str) -> Iterator[FetchedPage]:
        body = text.encode()
        payload = decode_json(body)
        if (found := _as_object(payload)) is not None:
            self._check_type(found)
            self._objects.append(text if found is payload else json.dumps(found))
            if len(self._objects) == _OBJECTS_PER_PAGE:
                yield from self.finish()
        else:
            yield self._page_of_response(body, payload)

    def finish(self) -> Iterator[FetchedPage]:
        """Yield a page with the objects that were read, if there are any.

        The objects may be only a part of the list, so the position of the page in the list is
        unknown.
        """
        if self._objects:
            body = f'{{"data": [{", ".join(self._objects)}]}}'.encode()
            self._objects = []
            subject = self._stated_subject("contains objects of a list without their subject")
            page = parse_payload(decode_json(body), subject, self._relationship)
            yield self._fetched_page(body, page, self._relationship, UNKNOWN_CURSOR)

    def _page_of_response(self, body: bytes, payload: dict[str, Any]) -> FetchedPage:
        link = parse_self_link(payload)
        if link is None:
            relationship = self._relationship
            subject = self._stated_subject("links.self: missing or invalid")
        else:
            relationship, subject = link.relationship, link.subject
            if not OBJECT_TYPES[subject.type].has(relationship):
                raise PayloadError(
                    f"this is a page of {relationship}, which a crawl does not request",
                    "links.self",
                )
        page = parse_payload(payload, subject, relationship)
        return self._fetched_page(body, page, relationship, link.cursor if link else None)

    def _fetched_page(
        self, body: bytes, page: Page, relationship: str, cursor: str | None
    ) -> FetchedPage:
        return FetchedPage(
            body, page, self._modified_at, cursor, http_status=0, relationship=relationship
        )

    def _stated_subject(self, problem: str) -> Entity:
        """Return the subject that the user stated.

        Raise PayloadError if there is none, or if no crawl requests the stated relationship of its
        type.
        """
        if self._subject is None:
            raise PayloadError(f"{problem}; pass the subject, such as a hash, with --subject")
        if not OBJECT_TYPES[self._subject.type].has(self._relationship):
            raise PayloadError(
                f"a crawl does not request {self._relationship} of a {self._subject.type}; pass"
                " another --relationship or --subject"
            )
        return self._subject

    def _check_type(self, value: dict[str, Any]) -> None:
        """Raise PayloadError if an object cannot be in the list."""
        expected = RELATIONSHIPS[self._relationship].target_type
        # In Google Threat Intelligence, a report is a collection.
        if value["type"] not in {expected, COLLECTION if expected == REFERENCE else expected}:
            raise PayloadError(
                f"a list of {self._relationship} contains no {value['type'][:40]!a}; pass the"
                " relationship of the objects with --relationship"
            )


def _as_object(value: dict[str, Any]) -> dict[str, Any] | None:
    """Return an object of a list in the form of the API; None if a value is no such object.

    ``vt-cli`` prints the attributes beside ``_id``, ``_type`` and ``_context_attributes``.
    """
    if isinstance(value.get("type"), str) and isinstance(value.get("id"), str):
        return value
    if not (isinstance(value.get("_type"), str) and isinstance(value.get("_id"), str)):
        return None
    attributes = {name: each for name, each in value.items() if not name.startswith("_")}
    found = {"type": value["_type"], "id": value["_id"], "attributes": attributes}
    context = value.get("_context_attributes")
    return {**found, "context_attributes": context} if context else found


# --- documents -----------------------------------------------------------------------------------


def _chunks(stream: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Yield the lines of a JSON Lines file, each with its number, counted from 1.

    Any other content is yielded as a whole, with the number 0.

    Raises:
        PayloadError: A line or the whole content is too large, or a gzip file is damaged.
    """
    reader = _LimitedReader(stream, size)
    line = reader.read_line()
    if not _is_json(line):
        yield line + reader.read(MAX_FILE_SIZE - len(line)), 0
        return
    number, empty_count = 1, 0
    while line:
        if line.isspace():
            empty_count += 1
            if empty_count > MAX_EMPTY_LINES:
                raise PayloadError(f"contains more than {MAX_EMPTY_LINES:,} empty lines")
        else:
            yield line, number
        line = reader.read_line()
        number += 1


class _LimitedReader:
    """Reads a file, or the content of a gzip file. The size of the content is limited."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream: BinaryIO | gzip.GzipFile = stream
        self._limit: int | None = None
        # Only buffered streams, such as open files, can be examined before they are read.
        start = stream.peek(len(_GZIP)) if isinstance(stream, io.BufferedReader) else b""
        if start.startswith(_GZIP):
            self._stream = gzip.GzipFile(fileobj=stream)
            self._limit = max(_MIN_LIMIT, MAX_RATIO * size)

    def read_line(self) -> bytes:
        """Return the next line with its end, or nothing at the end of the file."""
        return self._check(lambda stream: stream.readline(MAX_FILE_SIZE + 1), MAX_FILE_SIZE)

    def read(self, size: int) -> bytes:
        """Return the rest of the file, which must have at most ``size`` bytes."""
        return self._check(lambda stream: stream.read(size + 1), size)

    def _check(self, read: Callable[[BinaryIO | gzip.GzipFile], bytes], size: int) -> bytes:
        try:
            content = read(self._stream)
        except _READ_ERRORS as error:
            raise PayloadError(f"the gzip file is damaged or incomplete: {error}") from None
        if len(content) > size:
            raise PayloadError(
                f"is larger than {MAX_FILE_SIZE // 2**20} MiB; split it, or write one response per"
                " line"
            )
        if self._limit is not None:
            self._limit -= len(content)
            if self._limit < 0:
                raise PayloadError(f"expands to more than {MAX_RATIO} times its size")
        return content


def _is_json(line: bytes) -> bool:
    """Return whether a line is a complete JSON document."""
    try:
        return any(True for _ in _split(line))
    except PayloadError:
        return False


def _split(content: bytes) -> Iterator[str]:
    """Yield the text of each JSON value; of an array, yield the elements instead.

    Raises:
        PayloadError: The content is not JSON in UTF-8, contains no value, or contains so many
            values that decoding it would need much memory.
    """
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise PayloadError(f"contains more than {MAX_VALUES:,} values")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PayloadError(f"byte {error.start} is not UTF-8") from None
    position, in_array, after_value = _skip_space(text, 0), False, False
    if position == len(text):
        raise PayloadError("the text is not JSON: it is empty")
    is_empty = True
    while position < len(text):
        char = text[position]
        if char == "[" and not in_array:
            in_array, after_value = True, False
            end = position + 1
        elif char == "]" and in_array:
            in_array = False
            end = position + 1
        elif char == "," and in_array and after_value:
            after_value = False
            end = position + 1
        else:
            end = _find_end(text, position, follows_value=in_array and after_value)
            yield text[position:end]
            is_empty, after_value = False, True
        position = _skip_space(text, end)
    if in_array:
        raise PayloadError("the text is not JSON: an array is incomplete")
    if is_empty:
        raise PayloadError("expected an object, got an empty list")


def _find_end(text: str, position: int, *, follows_value: bool) -> int:
    """Return the end of the JSON value that starts at ``position``."""
    if follows_value:
        raise PayloadError(f"the text is not JSON: Expecting ',' delimiter at character {position}")
    try:
        return _DECODER.raw_decode(text, position)[1]
    except json.JSONDecodeError as error:
        hint = "; it may be YAML, so run vt with --format json" if text.startswith("- ") else ""
        raise PayloadError(
            f"the text is not JSON: {error.msg} at character {error.pos}{hint}"
        ) from None
    except RecursionError:
        raise PayloadError(f"the JSON is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError:  # an integer with thousands of digits
        raise PayloadError("the JSON contains a number with too many digits") from None


def _skip_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position

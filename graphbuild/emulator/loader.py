"""Load a world from a file of JSON lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from graphbuild.emulator.models import Collection, File, Reference
from graphbuild.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Row = dict[str, Any]
T = TypeVar("T")

_KINDS = ("meta", "s", "r", "c", "f")


def load_world(path: Path) -> World:
    """Read a world from a file.

    Each line is a JSON object. The field ``k`` is the kind of the line. Empty lines, and lines of
    the kinds ``s`` and ``meta``, are skipped. The fields of the other kinds are:

    * ``r``, a reference: ``i`` (number), ``url``, and optionally ``date`` (seconds since 1970),
      ``author`` and ``title``;
    * ``c``, a collection: ``i`` (number), ``id``, ``name``, ``r`` (numbers of references), and
      optionally ``kind`` and ``origin``;
    * ``f``, a file: at least one of ``sha256``, ``sha1`` and ``md5``, and optionally ``c`` and
      ``n`` (numbers of collections) and ``r`` (numbers of direct references).

    Raises:
        OSError: The file cannot be read.
        ValueError: A line is malformed (the message contains the line number), or two files share a
            hash.
    """
    rows = list(_read_rows(path))
    references = dict(_build(rows, "r", _reference))
    collections = dict(_build(rows, "c", lambda row: _collection(row, references)))
    files = _build(rows, "f", lambda row: _file(row, references, collections))
    return World(files, references.values(), collections.values())


def _read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ValueError(f"line {number}: not JSON: {error}") from error
            if not isinstance(row, dict) or row.get("k") not in _KINDS:
                raise ValueError(f"line {number}: expected an object whose k is one of {_KINDS}")
            yield number, row


def _build(rows: list[tuple[int, Row]], kind: str, build: Callable[[Row], T]) -> Iterator[T]:
    """Yield the result of ``build`` for each row of a kind; add line numbers to its errors."""
    for number, row in rows:
        if row["k"] == kind:
            try:
                yield build(row)
            except KeyError as error:
                problem = f"missing key, or no line with this number: {error}"
                raise ValueError(f"line {number}: {problem}") from error
            except (TypeError, ValueError) as error:
                raise ValueError(f"line {number}: {error}") from error


def _reference(row: Row) -> tuple[int, Reference]:
    attributes = {name: row.get(name) for name in ("author", "title")}
    url = _text(row, "url")
    return int(row["i"]), Reference.from_url(url, creation_date=row.get("date"), **attributes)


def _collection(row: Row, references: dict[int, Reference]) -> tuple[int, Collection]:
    ids = tuple(references[number].id for number in row["r"])
    kind, origin = row.get("kind"), row.get("origin")
    return int(row["i"]), Collection(_text(row, "id"), _text(row, "name"), ids, kind, origin)


def _file(row: Row, references: dict[int, Reference], collections: dict[int, Collection]) -> File:
    sha256, sha1, md5 = (_text({name: "", **row}, name) for name in ("sha256", "sha1", "md5"))
    if not (sha256 or sha1 or md5):
        raise ValueError("the file has no hash")
    # A collection of a file can be in both lists.
    numbers = dict.fromkeys(row.get("c", []) + row.get("n", []))
    return File(
        sha256,
        sha1,
        md5,
        collections=tuple(collections[number].id for number in numbers),
        references=tuple(references[number].id for number in row.get("r", [])),
    )


def _text(row: Row, name: str) -> str:
    if not isinstance(row[name], str):
        raise TypeError(f"expected a string under {name!r}")
    return str(row[name])

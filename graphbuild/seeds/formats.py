"""Which form a seed list has, and who reads it."""

from __future__ import annotations

import re
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphbuild.errors import SeedError
from graphbuild.seeds import csv, json_documents, misp, plain_list, streams
from graphbuild.seeds.results import Reading, SeedList

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AUTO, LIST, CSV, STIX, MISP, TEXT = FORMS = ("auto", "list", "csv", "stix", "misp", "text")
_CALLED = {
    CSV: "a table",
    STIX: "a STIX bundle",
    MISP: "a MISP event",
    TEXT: "a report, in which names are looked for",
}
_JSON = "json"
_SUFFIXES = {
    ".csv": CSV,
    ".tsv": CSV,
    ".json": _JSON,
    ".stix": STIX,
    ".stix2": STIX,
    ".misp": MISP,
    ".md": TEXT,
    ".markdown": TEXT,
}
_JSON_START = re.compile(r'\s*\[?\s*\{\s*"[A-Za-z]')
_PEEK = 200  # characters that show whether a text is JSON


def read_seeds(
    *sources: str | Path, form: str = AUTO, column: str | None = None, allow_empty: bool = False
) -> SeedList:
    """Read seed lists from files; ``-`` is standard streams.

    Args:
        sources: paths of text files in UTF-8, or UTF-16 with a byte order mark.
        form: what they are: ``list`` (a name a line), ``csv`` (a table), ``stix``, ``misp``, or
            ``text`` (names anywhere in it); ``auto`` tells by suffix and content, and says so.
        column: of a table, the name or number of the column that names the seeds.
        allow_empty: take hashes that say nothing, such as the empty file's, too.

    Raises:
        SeedError: a source cannot be opened, is not text, or not of that form.
    """
    if form not in FORMS:
        raise SeedError(f"no form {form!a}; we have {', '.join(FORMS)}")
    found = SeedList()
    for each in sources:
        reading = Reading(found, str(each), allow_empty=allow_empty)
        try:
            with streams.opened(each) as stream:
                _read(streams.pieces(stream, str(each)), reading, form, column)
        except UnicodeDecodeError as error:
            raise SeedError(f"{each} is not text: {error.reason}; save it as UTF-8") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SeedError(f"cannot read the seed list {each}: {reason}") from None
    return found


def parse_seeds(
    lines: Iterable[str], *, source: str = "<lines>", allow_empty: bool = False
) -> SeedList:
    """The same for lines of a list that are in memory already, with or without their line ends."""
    found = SeedList()
    reading = Reading(found, source, allow_empty=allow_empty)
    plain_list.read(lines, reading)
    reading.finish()
    return found


def _read(texts: Iterator[str], reading: Reading, form: str, column: str | None) -> None:
    start, texts = _peeked(texts)
    taken = form if form != AUTO else _form(reading.source, start, column)
    value: Any = None
    if taken in {_JSON, STIX, MISP}:
        value = json_documents.load(texts, reading.source)
        taken = _kind_of(value, reading.source) if taken == _JSON else taken
    if column is not None and taken != CSV:
        raise SeedError(f"{reading.source} is no table; --column goes with --format csv")
    if form == AUTO and taken in _CALLED:
        reading.found.remarks.append(f"{reading.source}: read as {_CALLED[taken]}")
    if taken == LIST:
        plain_list.read(streams.lines(texts, plain_list.MAX_LINE), reading)
    elif taken == CSV:
        csv.read(streams.lines(texts, csv.MAX_ROW), reading, column)
    elif taken == MISP:
        reading.unit = "attribute"
        misp.read(value, reading)
    elif taken == STIX:
        reading.unit = "object"
        _extra("stix").read(value, reading)
    else:
        prose = _extra("text")
        prose.read(streams.lines(texts, prose.MAX_LINE), reading)
    reading.finish()


def _peeked(texts: Iterator[str]) -> tuple[str, Iterator[str]]:
    """The first characters, and the whole again."""
    read: list[str] = []
    for text in texts:
        read.append(text)
        if sum(map(len, read)) >= _PEEK:
            break
    return "".join(read)[:_PEEK], chain(read, texts)


def _form(source: str, start: str, column: str | None) -> str:
    if column is not None:
        return CSV
    suffix = Path(source).suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    return _JSON if _JSON_START.match(start) else LIST


def _kind_of(value: object, source: str) -> str:
    if isinstance(value, dict) and value.get("type") == "bundle":
        return STIX
    if misp.is_event(value):
        return MISP
    raise SeedError(f"{source} is JSON, but neither a STIX bundle nor a MISP event")


def _extra(name: str) -> Any:  # noqa: ANN401  a module
    """A reader that needs libraries which not everybody installs.

    Raises:
        SeedError: they are not installed.
    """
    try:
        return import_module(f"graphbuild.seeds.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("graphbuild"):
            raise
        raise SeedError(
            f"{_CALLED[STIX if name == 'stix' else TEXT]} needs {error.name}, which is not"
            " installed; run: pip install 'graphbuild[lists]'"
        ) from None

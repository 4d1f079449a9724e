"""Read seed lists from files, standard input, arguments and memory."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild._util import require
from graphbuild.errors import SeedError
from graphbuild.models import DOMAIN
from graphbuild.seeds import json_documents, plain_list, streams, windows_1252
from graphbuild.seeds.compressed import open_content
from graphbuild.seeds.formats import AUTO, CSV, FORMAT_NAMES, FORMATS, PLAIN_LIST, TEXT, detect
from graphbuild.seeds.indicators import FILE_EXTENSION_DOMAINS, HTTP_ADDED, parse_indicator
from graphbuild.seeds.results import SeedList, SeedReader

if TYPE_CHECKING:
    from graphbuild.seeds.compressed import Content
    from graphbuild.seeds.formats import Format

ARGUMENT = "<argument>"  # in messages, the source of a seed that is an argument of a command
_PARSE_HINT = (
    "; to read seeds that are not in a file, call parse_seeds() in Python or use standard"
    " input (-) in a shell"
)

_DEFANG_HINT = "; for a domain, write [.] before its ending; for a URL, add http:// or https://"


def read_seeds(
    *sources: str | Path,
    format: str = AUTO,  # noqa: A002  named like the option --format
    column: str | None = None,
    allow_empty: bool = False,
    accept_indicators: bool = False,
) -> SeedList:
    """Read seed lists from files or standard input.

    Args:
        sources: Paths of text files in UTF-8, or in UTF-16 with a byte order mark. ``-`` is
            standard input. A file can be compressed with gzip, or be the only file in a zip
            archive.
        format: ``list`` (one entry per line), ``csv`` (a table), ``stix`` (STIX 2), ``stix1``
            (XML), ``misp``, ``openioc``, ``virustotal`` (objects of the API), ``json`` (an array of
            texts or of flat objects) or ``text`` (indicators anywhere in a text). ``auto`` detects
            the format from the suffix of the file name and from the content. If ``column`` is
            given, ``auto`` reads every file that is not JSON as a table.
        column: For tables and arrays of flat objects, the name or number (from 1) of the column
            that contains the seeds. By default, the column is detected.
        allow_empty: Accept the hash of the empty file and hashes that are all ``0`` or all ``f``.
            They are rejected by default. The empty file is in many unrelated collections, and
            the other values are hardly hashes of files.
        accept_indicators: Accept indicators as sources, unless a file with that name exists. URLs
            need a scheme. Domains with an ending such as ``.zip`` must be defanged, because they
            may be the names of missing files.

    Raises:
        SeedError: The format is unknown. A source cannot be opened, is not text, is too large or
            does not have the format. The column of the seeds is missing or ambiguous. ``column``
            is used with a format other than ``csv`` and ``json``.
        MissingLibraryError: The format needs a library that is not installed.
        TypeError: A source is neither a string nor a ``Path``.
    """
    names = {each.name: each for each in FORMATS}
    if format != AUTO and format not in names:
        raise SeedError(f"unknown format {format!a}; use one of {', '.join(FORMAT_NAMES)}")
    seeds = SeedList()
    for source in sources:
        if not isinstance(source, str | Path):
            raise TypeError(
                f"read_seeds() takes paths, not {type(source).__name__}: read_seeds('a.txt',"
                " 'b.csv'); for seeds in memory call parse_seeds(['hash', 'domain'])"
            )
        if accept_indicators and _is_indicator(str(source)):
            _read_list([str(source)], SeedReader(seeds, ARGUMENT, allow_empty=allow_empty))
            continue
        reader = SeedReader(seeds, str(source), allow_empty=allow_empty, column=column)
        try:
            with streams.open_source(source) as stream:
                content = open_content(stream, str(source))
                _read(content, reader, names.get(format))
        except UnicodeDecodeError as error:
            raise SeedError(f"{source} is not text: {error.reason}; save it as UTF-8") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            hint = ""
            if parse_seeds(str(source).split("\n")[0]):
                hint = _DEFANG_HINT if accept_indicators else _PARSE_HINT
            raise SeedError(f"cannot read the seed list {source}: {reason}{hint}") from None
    return seeds


def parse_seeds(
    lines: str | Iterable[str], *, source: str = "<lines>", allow_empty: bool = False
) -> SeedList:
    """Read a plain list in memory, with one entry per line.

    Args:
        lines: The text of the list, or its lines, with or without line endings.
        source: The name of the list in messages.
        allow_empty: Accept the hash of the empty file and hashes that are all ``0`` or all ``f``.
            They are rejected by default. The empty file is in many unrelated collections, and
            the other values are hardly hashes of files.

    Raises:
        TypeError: ``lines`` is neither a string nor an iterable of strings.
    """
    if isinstance(lines, str):
        lines = io.StringIO(lines, newline=None)
    elif not isinstance(lines, Iterable):
        raise TypeError(
            f"parse_seeds() takes the text of a list or its lines, not {type(lines).__name__}; to"
            " read a file call read_seeds(path)"
        )
    seeds = SeedList()
    _read_list(map(_require_text, lines), SeedReader(seeds, source, allow_empty=allow_empty))
    return seeds


def _read_list(lines: Iterable[str], reader: SeedReader) -> None:
    reader.format.format, reader.format.reason = PLAIN_LIST.name, "the default"
    plain_list.read(lines, reader)
    reader.finish()


def _is_indicator(source: str) -> bool:
    """Return whether a source is an indicator, and not the name of an existing or missing file.

    Standard input, URLs without a scheme, and domains with an ending such as ``.zip`` are not
    indicators here.
    """
    if source == streams.STDIN or os.path.lexists(source):
        return False
    try:
        entity, changes = parse_indicator(source)
    except ValueError:
        return False
    may_be_name = source.rpartition(".")[2].lower() in FILE_EXTENSION_DOMAINS
    return HTTP_ADDED not in changes and not (entity.type == DOMAIN and may_be_name)


def _require_text(line: object) -> str:
    if not isinstance(line, str):
        raise TypeError(
            f"parse_seeds() takes text or lines of text, not {type(line).__name__}:"
            " parse_seeds(['hash', 'domain'])"
        )
    return line


def _read(content: Content, reader: SeedReader, stated: Format | None) -> None:
    """Read a source in the format ``stated``; detect the format if ``stated`` is None."""
    texts = streams.decode(content.stream, reader.source)
    start = next(texts, "")
    texts = chain([start], texts)
    value = None
    if stated is not None:
        found, reason = stated, "chosen with --format"
    elif reader.column is not None and not json_documents.is_json(start):
        found, reason = CSV, "chosen with --column"
    else:
        found, reason, value = detect(start, texts, content.name, reader.source)
    if reader.column is not None and not found.has_columns:
        raise SeedError(
            f"{reader.source} is not a table; --column can be used with --format csv or json only"
        )
    for library in found.libraries:
        require(library, extra="lists")
    module = import_module(f"graphbuild.seeds.{found.module}")
    reader.unit = found.unit
    if found is TEXT and json_documents.is_json(start):
        texts, is_json = json_documents.load_strings(texts, reader.source)
        reader.unit = "string" if is_json else found.unit
    if content.container:
        reason = f"{reason}; decompressed from a {content.container}"
    reader.format.format, reader.format.reason = found.name, reason
    if found.matches_json:
        value = json_documents.load(texts, reader.source) if value is None else value
        module.read(value, reader)
    elif found is TEXT or found.xml_roots:
        module.read(texts, reader)
    else:
        lines = streams.split_lines(texts, module.MAX_LINE)
        module.read(windows_1252.decode_lines(lines, reader), reader)
    reader.finish()

"""The formats of seed lists, and the functions that read them.

To add a format, write a module with a function ``read(content, reader)`` and add the format to
``FORMATS``. For JSON, ``content`` is the decoded value of the document. For XML and for the format
``text``, it is an iterator over parts of the text. For all other formats, it is an iterator over
lines. ``reader`` is a :class:`graphbuild.seeds.results.SeedReader`. ``read`` raises ``SeedError``
if the content does not have the format.

A module that reads lines also defines ``MAX_LINE``, the maximum length of a line in characters.
Longer lines can be truncated before ``read`` gets them, but remain longer than ``MAX_LINE``. The
module ``text`` does not read lines, because a whole report can be one long line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild.errors import SeedError
from graphbuild.seeds import (
    api_objects,
    file_types,
    json_array,
    json_documents,
    misp,
    openioc,
    stix1,
    stix_documents,
    xml_documents,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

AUTO = "auto"
_ZEEK_LOG = "#separator "  # the start of the first line of a Zeek log
_TEXT_HINT = "to read every indicator in it, pass --format text"


@dataclass(frozen=True, slots=True)
class Format:
    """A format of seed lists."""

    name: str  # the value of the option --format
    module: str  # the module of graphbuild.seeds that reads the format; imported on first use
    description: str  # for messages, such as "a plain list"
    suffixes: tuple[str, ...] = ()  # suffixes of file names that identify the format
    unit: str = "line"  # see RejectedEntry.unit
    libraries: tuple[str, ...] = ()  # optional libraries that it needs, from the extra ``lists``
    has_columns: bool = False  # whether --column can select a column
    # Only for JSON formats: a function that returns whether a decoded JSON value has the format.
    matches_json: Callable[[object], bool] | None = None
    xml_roots: frozenset[str] = frozenset()  # only for XML formats: names of root elements


PLAIN_LIST = Format("list", "plain_list", "a plain list")
CSV = Format("csv", "table", "a table", (".csv", ".tsv"), has_columns=True)
TEXT = Format(
    "text",
    "text",
    "text that contains indicators",
    (".md", ".markdown", ".adoc", ".asciidoc"),
    libraries=("tldextract",),
)
FORMATS = (
    PLAIN_LIST,
    CSV,
    Format(
        "stix",
        "stix",
        "STIX objects",
        (".stix", ".stix2"),
        unit="object",
        libraries=("stix2", "stix2patterns"),
        matches_json=stix_documents.is_stix,
    ),
    Format(
        "misp", "misp", "a MISP event", (".misp",), unit="attribute", matches_json=misp.is_event
    ),
    Format("stix1", "stix1", "STIX 1", xml_roots=stix1.ROOTS),
    Format("openioc", "openioc", "OpenIOC", (".ioc",), xml_roots=openioc.ROOTS),
    Format(
        "virustotal",
        "api_objects",
        "objects of the API",
        unit="object",
        matches_json=api_objects.is_api_objects,
    ),
    Format(
        "json",
        "json_array",
        "an array of texts or flat objects",
        unit="item",
        has_columns=True,
        matches_json=json_array.is_array,
    ),
    TEXT,
)
FORMAT_NAMES = (AUTO, *(each.name for each in FORMATS))


def detect(start: str, texts: Iterable[str], name: str, source: str) -> tuple[Format, str, object]:
    """Return the format of a source, the reason, and the decoded JSON value.

    The value is None if the format was detected without decoding the content, for example from the
    suffix of the file name.

    Args:
        start: The first characters of the content.
        texts: The whole content in parts, including ``start``.
        name: The name of the file; for a compressed file, the name of its content.
        source: The name of the source in messages.

    Raises:
        SeedError: The content is JSON, XML or HTML, but in no known format; or it is invalid JSON.
    """
    suffix = Path(name).suffix.lower()
    for each in FORMATS:
        if suffix in each.suffixes:
            return each, f"the file name ends in {suffix}", None
    if file_types.is_html(start[: file_types.HEAD_SIZE]):
        file_types.refuse(source, "an HTML page", _TEXT_HINT)
    root = xml_documents.root_name(start)
    for each in FORMATS:
        if root in each.xml_roots:
            return each, f"the file contains {each.description}", None
    if xml_documents.is_xml(start):
        file_types.refuse(source, "XML, but neither STIX 1 nor OpenIOC", _TEXT_HINT)
    if start.startswith(_ZEEK_LOG):
        return CSV, "the file is a log of Zeek", None
    if suffix != ".json" and not json_documents.is_json(start):
        return PLAIN_LIST, "the default", None
    return _detect_json(json_documents.load(texts, source), source)


def _detect_json(value: object, source: str) -> tuple[Format, str, object]:
    for each in FORMATS:
        if each.matches_json and each.matches_json(value):
            return each, f"the file contains {each.description}", value
    if api_objects.is_response(value):
        file_types.refuse(
            source, "a saved response of the API", "to store it, run: graphbuild import {file}"
        )
    raise SeedError(f"{source} is JSON, but neither STIX, MISP nor a list; {_TEXT_HINT}")

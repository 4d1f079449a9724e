"""Decode JSON of limited size and depth, and read the fields of STIX, MISP and API objects."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from graphbuild.errors import SeedError
from graphbuild.models import HASH_TYPE_NAMES
from graphbuild.seeds.windows_1252 import require_utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_MIB = 64
MAX_DEPTH = 64
# The maximum number of values in a document, which limits memory. The number is estimated by
# counting commas and opening brackets before decoding.
MAX_VALUES = 4_000_000
_START = re.compile(r'\s*(?:\[\s*"|(?:\[\s*)*\{\s*["}])')
_MAX_START = 200  # characters
_SPACE = re.compile(r"[ \t\n\r]*")
_LINE_ENDS = re.compile(r"[\r\n]+")


def is_json(start: str) -> bool:
    """Return whether a text that begins with ``start`` is probably a JSON object or array."""
    return _START.match(start[:_MAX_START]) is not None


def load(texts: Iterable[str], source: str) -> Any:  # noqa: ANN401  any JSON value
    """Decode a JSON document; raise ``SeedError`` if it is invalid, too large or nested too deeply.

    If the text contains several documents, such as JSON Lines, return a list of their values.
    """
    text = _join(texts, source)
    try:
        values = _decode(text)
    except json.JSONDecodeError as error:
        raise SeedError(
            f"{source} is not a valid JSON document: {error.msg} in line {error.lineno}, column"
            f" {error.colno}"
        ) from None
    except RecursionError:
        raise SeedError(f"{source} is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError:
        raise SeedError(f"{source} contains a number with too many digits") from None
    for value in values:
        _check_depth(value, source)
    return values if len(values) > 1 else values[0]


def load_strings(texts: Iterator[str], source: str) -> tuple[Iterator[str], bool]:
    """Return an iterator over the strings in a JSON document, and True.

    Names of fields are also strings, and each string is one line. If the text is not valid JSON or
    exceeds a limit, return an iterator over the unchanged text, and False.
    """
    parts: list[str] = []
    try:
        value = load(_record(texts, parts), source)
    except SeedError:
        return chain(parts, texts), False
    return (f"{_LINE_ENDS.sub(' ', each)}\n" for each in _strings(value)), True


def _record(texts: Iterable[str], parts: list[str]) -> Iterator[str]:
    for text in texts:
        parts.append(text)
        yield text


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield name
            yield from _strings(child)
    elif isinstance(value, list):
        for child in value:
            yield from _strings(child)


def _decode(text: str) -> list[Any]:
    """Return the values of all documents in ``text``; there must be at least one."""
    decoder = json.JSONDecoder()
    values: list[Any] = []
    position = _skip_space(text, 0)
    while position < len(text) or not values:
        value, end = decoder.raw_decode(text, position)
        values.append(value)
        position = _skip_space(text, end)
    return values


def _skip_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _join(texts: Iterable[str], source: str) -> str:
    parts: list[str] = []
    length = values = 0
    for text in require_utf8(texts, source):
        parts.append(text)
        length += len(text)
        values += sum(map(text.count, ",[{"))
        if length > MAX_MIB * 2**20:
            raise SeedError(f"{source} is larger than {MAX_MIB} MiB; split it")
        if values > MAX_VALUES:
            raise SeedError(f"{source} contains more than {MAX_VALUES:,} values; split it")
    return "".join(parts)


def _check_depth(value: object, source: str) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for each in level for child in _children(each)]
        if not level:
            return
    raise SeedError(f"{source} is nested deeper than {MAX_DEPTH} levels")


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def text_fields(values: dict[str, Any], *names: str) -> dict[str, str]:
    """Return those fields among ``names`` (by default, all fields) of an object that contain text.

    Lists of texts are joined with semicolons. Empty texts and other values are omitted.
    """
    texts = {name: _to_text(values.get(name)) for name in names or values}
    return {name: text for name, text in texts.items() if text}


def _to_text(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(filter(None, map(_to_text, value)))
    return value.strip() if isinstance(value, str) else ""


def api_hash_name(text: str) -> str | None:
    """Return the API's name of a hash algorithm, such as ``sha256`` for ``SHA-256``.

    Return None if the API cannot find files by hashes of this algorithm.
    """
    name = text.lower().replace("-", "").replace("_", "")
    return name if name in HASH_TYPE_NAMES else None

"""Decode JSON documents of limited size and depth, and read the fields of STIX and MISP objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeGuard

from graphbuild.errors import SeedError
from graphbuild.models import HASH_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_MIB = 64
MAX_DEPTH = 64
# Limits the memory of decoded values, whose number is estimated from commas and brackets.
MAX_VALUES = 4_000_000
_HASH_NAMES = frozenset(each.name for each in HASH_TYPES)


def load(texts: Iterable[str], source: str) -> Any:  # noqa: ANN401  any JSON value
    """Decode a JSON document; raise ``SeedError`` if it is invalid, large or deeply nested."""
    text = _join(texts, source)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise SeedError(
            f"{source} is not a valid JSON document: {error.msg} in line {error.lineno}, column"
            f" {error.colno}"
        ) from None
    except RecursionError:
        raise SeedError(f"{source} is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError:
        raise SeedError(f"{source} contains a number with too many digits") from None
    _check_depth(value, source)
    return value


def _join(texts: Iterable[str], source: str) -> str:
    parts: list[str] = []
    length = values = 0
    for text in texts:
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


def is_bundle(value: object) -> TypeGuard[dict[str, Any]]:
    """Return whether the ``type`` of a JSON value is that of a STIX bundle."""
    return isinstance(value, dict) and value.get("type") == "bundle"


def text_fields(values: dict[str, Any], *names: str) -> dict[str, str]:
    """Return the fields ``names`` of an object (by default, all fields), if they contain text.

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
    return name if name in _HASH_NAMES else None

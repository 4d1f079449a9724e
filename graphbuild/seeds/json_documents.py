"""JSON documents, read with bounds: a bundle from outside may be a bomb."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graphbuild.errors import SeedError
from graphbuild.models import HASH_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_MIB = 64
MAX_DEPTH = 64
MAX_VALUES = 4_000_000  # two bytes in the file can cost sixty in memory


def load(texts: Iterable[str], source: str) -> Any:  # noqa: ANN401  any JSON value
    """The value in a JSON text.

    Raises:
        SeedError: it is none, or larger or deeper than a list of seeds can be.
    """
    text = _whole(texts, source)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise SeedError(
            f"{source} is not whole JSON: {error.msg} in line {error.lineno}, character"
            f" {error.colno}"
        ) from None
    except RecursionError:
        raise SeedError(f"{source} is nested deeper than {MAX_DEPTH}") from None
    except ValueError:
        raise SeedError(f"{source} holds a number of thousands of digits") from None
    _refuse_depth(value, source)
    return value


def _whole(texts: Iterable[str], source: str) -> str:
    parts: list[str] = []
    length = values = 0
    for text in texts:
        parts.append(text)
        length += len(text)
        values += sum(map(text.count, ",[{"))
        if length > MAX_MIB * 2**20:
            raise SeedError(f"{source} is larger than {MAX_MIB} MiB; cut it into several")
        if values > MAX_VALUES:
            raise SeedError(f"{source} holds more than {MAX_VALUES:,} values; cut it into several")
    return "".join(parts)


def _refuse_depth(value: object, source: str) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for each in level for child in _children(each)]
        if not level:
            return
    raise SeedError(f"{source} is nested deeper than {MAX_DEPTH}")


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def texts_of(values: dict[str, Any], *names: str) -> dict[str, str]:
    """Those of ``names`` that are told as a text, or as a list of texts."""
    told = {name: _text(values.get(name)) for name in names}
    return {name: text for name, text in told.items() if text}


def _text(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(text for text in map(_text, value) if text)
    return value.strip() if isinstance(value, str) else ""


def best_hash(hashes: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The hash to ask about, and the others; by their plain names, ``sha256`` and so on."""
    kind = next(each.name for each in reversed(HASH_TYPES) if each.name in hashes)
    return hashes[kind], {other: text for other, text in hashes.items() if other != kind}


def hash_name(text: str) -> str | None:
    """The plain name of a hash algorithm that can be asked by; None for the others."""
    plain = text.lower().replace("-", "").replace("_", "")
    return plain if any(plain == each.name for each in HASH_TYPES) else None

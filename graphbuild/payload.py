"""Bytes of an answer become values, strictly: what is damaged or ambiguous is refused.

The standard library's parser is used on purpose: what ``requests`` decodes with depends on what
else is installed, replaces bad bytes silently, and lets the last of two equal keys win. Typed
decoders are faster but do not see a key that stands twice.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from graphbuild.errors import PayloadError

MAX_DEPTH = 64
_MAX_DIGITS = 100  # of a number: far beyond 64 bits, far below Python's own limit


def decode(body: bytes) -> dict[str, Any]:
    """Decode an answer strictly: UTF-8, one JSON object, no duplicate keys, bounded numbers.

    Raises:
        PayloadError: saying what is wrong, and where if that is known.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PayloadError(f"byte {error.start} is not UTF-8") from None
    try:
        payload = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except json.JSONDecodeError as error:
        raise PayloadError(f"is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise PayloadError(f"is nested deeper than {MAX_DEPTH}") from None
    if not isinstance(payload, dict):
        raise PayloadError(f"expected an object, got {kind_of(payload)}")
    return payload


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise PayloadError(f"the key {name[:80]!r} stands twice in one object")
        seen.add(name)
    return values


def _refuse_constant(text: str) -> NoReturn:
    raise PayloadError(f"{text} is not a JSON number")


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise PayloadError(f"a number has {len(text)} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise PayloadError(f"{text[:40]} is beyond the range of a number")
    return value


def refuse_depth(item: dict[str, Any], path: str) -> None:
    """Raise PayloadError if ``item`` is nested too deep.

    Breadth by breadth, so that depth costs no stack of ours.
    """
    level: list[Any] = [item]
    for _ in range(MAX_DEPTH):
        children = [value.values() if isinstance(value, dict) else value for value in level]
        level = [child for group in children for child in group if isinstance(child, dict | list)]
        if not level:
            return
    raise PayloadError(f"is nested deeper than {MAX_DEPTH}", path)


def kind_of(value: object) -> str:
    """What sort of JSON value this is, in words."""
    names = {dict: "an object", list: "a list", str: "a string", type(None): "null"}
    return names.get(type(value), f"{value!r}"[:40])


def shown(value: object) -> str:
    """A value for a remark: short, and harmless on a terminal."""
    if isinstance(value, str):
        return ascii(value[:40])
    return kind_of(value)

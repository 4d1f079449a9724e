"""Strict decoding of JSON.

``requests.Response.json`` is not strict enough: it replaces invalid UTF-8, accepts ``NaN`` and
duplicate keys, and uses another parser if ``simplejson`` is installed.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NoReturn

from graphbuild.errors import PayloadError

MAX_DEPTH = 64  # levels of nested objects and lists
MAX_VALUES = 500_000  # per response; a page has a few thousand
_MAX_DIGITS = 100  # per integer, with the sign
_CONTAINERS = frozenset({dict, list})
_TYPE_NAMES = {type(None): "null", str: "a string", dict: "an object", list: "a list"}


def decode_json(body: bytes) -> dict[str, Any]:
    """Decode a JSON object in UTF-8, with or without a byte order mark.

    Raises:
        PayloadError: The bytes are not a JSON object in UTF-8, or the object contains a duplicate
            key, a number that is out of range, or too many values.
    """
    _check_value_count(body)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PayloadError(f"byte {error.start} is not UTF-8") from None
    try:
        payload = json.loads(
            text,
            object_pairs_hook=_build_object,
            parse_constant=_refuse_constant,
            parse_int=_parse_int,
            parse_float=_parse_float,
        )
    except json.JSONDecodeError as error:
        raise PayloadError(f"the text is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise PayloadError(f"the JSON is nested deeper than {MAX_DEPTH} levels") from None
    if not isinstance(payload, dict):
        raise PayloadError(f"expected an object, got {describe_type(payload)}")
    return payload


def _check_value_count(body: bytes) -> None:
    """Reject too many values before decoding: a short value can take over 250 bytes of memory."""
    if len(body) > MAX_VALUES:
        # Each list item and each key follows a comma or an opening bracket.
        count = body.count(b",") + body.count(b"[") + body.count(b"{")
        if count > MAX_VALUES:
            raise PayloadError(f"the JSON contains {count} values, more than {MAX_VALUES}")


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        ((key, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise PayloadError(f"the key {describe_value(key)} occurs twice in one object")
    return values


def _refuse_constant(text: str) -> NoReturn:
    raise PayloadError(f"{text} is not a JSON number")


def _parse_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise PayloadError(f"a number has {len(text)} digits, more than {_MAX_DIGITS}")
    return int(text)


def _parse_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise PayloadError(f"{text[:40]} is out of the range of a 64-bit float")
    return value


def check_depth(value: dict[str, Any], path: str) -> None:
    """Raise PayloadError if ``value`` has more than ``MAX_DEPTH`` levels of objects and lists."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) in _CONTAINERS
        ]
        if not level:
            return
    raise PayloadError(f"nested deeper than {MAX_DEPTH} levels", path)


def describe_type(value: object) -> str:
    """Return the JSON type of a value, or the first 40 characters of a number or boolean."""
    return _TYPE_NAMES.get(type(value)) or repr(value)[:40]


def describe_value(value: object) -> str:
    """Return the first 40 characters of a string as ASCII; for other values, describe_type()."""
    return ascii(value[:40]) if isinstance(value, str) else describe_type(value)

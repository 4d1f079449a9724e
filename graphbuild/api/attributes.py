"""Validation of the ``attributes`` of an API object."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from graphbuild.api.json_decoding import describe_type, describe_value
from graphbuild.errors import PayloadError

if TYPE_CHECKING:
    from graphbuild.models import Scalar

MAX_ATTRIBUTES = 1_000  # per object; real objects have a few dozen
MAX_TEXT = 65_536  # characters per attribute; the stored page keeps the full text
_MAX_LIST_TEXT = 4_096
_INT64_RANGE = range(-(2**63), 2**63)
_DATE_RANGE = range(631_152_000, 4_102_444_800)  # 1990 to 2099, in seconds since 1970 (UTC)
_SURROGATE = re.compile("[\ud800-\udfff]")
# "constructor" is excluded, because every JavaScript object has a property of that name.
_NAME = re.compile(r"(?!constructor\Z)[a-z][a-z0-9_]{0,63}")
_TEXT_ONLY = frozenset({"url", "title", "author", "name"})
_NEVER_TRUNCATED = frozenset({"url", "author"})  # a truncated value would be misleading


def parse_attributes(value: object, path: str, warnings: list[str]) -> dict[str, Scalar]:
    """Return the scalar attributes, and lists of strings joined with semicolons.

    Empty attributes, nested objects and other lists are left out. Each other change adds a warning.

    Args:
        value: The decoded JSON value.
        path: The path of the value in the payload, for messages.
        warnings: Receives a message for each attribute that is invalid or changed.

    Raises:
        PayloadError: There are more than ``MAX_ATTRIBUTES`` attributes.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        warnings.append(f"{path}: expected an object, got {describe_type(value)} (ignored)")
        return {}
    if len(value) > MAX_ATTRIBUTES:
        raise PayloadError(f"{len(value)} keys, more than {MAX_ATTRIBUTES}", path)
    attributes: dict[str, Scalar] = {}
    for name, raw in value.items():
        if raw is None or raw == "":
            continue
        if not _NAME.fullmatch(name):
            warnings.append(f"{path}: invalid attribute name {describe_value(name)} (left out)")
            continue
        scalar = _parse_scalar(name, raw, f"{path}.{name}", warnings)
        if scalar is not None:
            attributes[name] = scalar
    return attributes


def _parse_scalar(name: str, raw: object, path: str, warnings: list[str]) -> Scalar | None:
    if name.endswith("_date"):
        return _parse_date(raw, path, warnings)
    if isinstance(raw, str):
        return _clean_text(name, raw, path, warnings)
    if name in _TEXT_ONLY:
        warnings.append(f"{path}: expected a string, got {describe_type(raw)} (left out)")
        return None
    if isinstance(raw, list):
        return _join(name, raw, path, warnings)
    return _parse_number(raw, path, warnings)


def _parse_date(raw: object, path: str, warnings: list[str]) -> int | None:
    if type(raw) is int and raw in _DATE_RANGE:
        return raw
    warnings.append(f"{path}: {describe_value(raw)} is not a date from 1990 to 2099 (left out)")
    return None


def _clean_text(
    name: str, text: str, path: str, warnings: list[str], limit: int = MAX_TEXT
) -> str | None:
    if len(text) > limit:
        action = "left out" if name in _NEVER_TRUNCATED else f"cut to {limit}"
        warnings.append(f"{path}: {len(text)} characters ({action})")
        if name in _NEVER_TRUNCATED:
            return None
        text = text[:limit]
    if text.isascii() or not _SURROGATE.search(text):
        return text
    warnings.append(f"{path}: half of a surrogate pair (replaced by U+FFFD)")
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def _join(name: str, raw: list[Any], path: str, warnings: list[str]) -> str | None:
    if not raw or not all(isinstance(entry, str) for entry in raw):
        return None
    return _clean_text(name, "; ".join(raw), path, warnings, _MAX_LIST_TEXT)


def _parse_number(raw: object, path: str, warnings: list[str]) -> Scalar | None:
    if isinstance(raw, bool | float):
        return raw
    if isinstance(raw, int):
        if raw in _INT64_RANGE:
            return raw
        warnings.append(f"{path}: a number beyond 64 bits (left out)")
    return None

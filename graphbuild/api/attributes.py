"""Validation of the ``attributes`` of an API object.

Attributes with unknown names are kept. :mod:`graphbuild.exporters.columns` defines which attributes
have a column of their own in exports.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbuild.api.json_decoding import describe_type, describe_value
from graphbuild.errors import PayloadError

if TYPE_CHECKING:
    from graphbuild.models import Scalar

MAX_ATTRIBUTES = 1_000  # per object; real objects have a few dozen
MAX_TEXT = 65_536  # characters per attribute; the stored page keeps the full text
_MAX_LIST_TEXT = 4_096  # characters per list of strings, after joining
_INT64_RANGE = range(-(2**63), 2**63)
_DATE_RANGE = range(631_152_000, 4_102_444_800)  # 1990 to 2099, in seconds since 1970 (UTC)
_SURROGATE = re.compile("[\ud800-\udfff]")
# "constructor" is excluded, because every JavaScript object of the HTML page has this property.
_NAME = re.compile(r"(?!constructor\Z)[a-z][a-z0-9_]{0,63}")
_TEXT_ONLY = frozenset({"url", "title", "author", "name"})
_NEVER_TRUNCATED = frozenset({"url", "author"})  # a truncated value would be misleading


def parse_attributes(value: object, path: str, warnings: list[str]) -> dict[str, Scalar]:
    """Return the valid scalar attributes, and lists of strings joined with "; ".

    An attribute must be a date if its name ends with ``_date``, and a string if ``_TEXT_ONLY``
    contains its name. Null and empty strings are left out without a warning. JSON objects, empty
    lists, and lists that contain other values than strings are left out without a warning as well,
    unless the attribute must be a date or a string. For every other value that is changed or left
    out, a message is added to ``warnings``. The message starts with ``path``, the path of ``value``
    in the response.

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
    problem = ""
    if name.endswith("_date"):
        if type(raw) is int and raw in _DATE_RANGE:
            return raw
        problem = f"{describe_value(raw)} is not a date from 1990 to 2099"
    elif isinstance(raw, str):
        return _clean_text(name, raw, path, warnings)
    elif name in _TEXT_ONLY:
        problem = f"expected a string, got {describe_type(raw)}"
    elif isinstance(raw, list):
        if raw and all(isinstance(entry, str) for entry in raw):
            return _clean_text(name, "; ".join(raw), path, warnings, _MAX_LIST_TEXT)
    elif isinstance(raw, float) or (isinstance(raw, int) and raw in _INT64_RANGE):
        return raw
    elif isinstance(raw, int):
        problem = "the number does not fit into 64 bits"
    if problem:
        warnings.append(f"{path}: {problem} (left out)")
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

"""JSON arrays of texts: one hash, domain, IP address or URL per text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from graphbuild.errors import SeedError

if TYPE_CHECKING:
    from graphbuild.seeds.results import SeedReader


def is_json_list(value: object) -> TypeGuard[list[Any]]:
    """Return whether a JSON value is an array whose first value is a text."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], str)


def read(value: object, reader: SeedReader) -> None:
    """Add the indicators of an array; reject values that are not texts."""
    if not is_json_list(value):
        raise SeedError(f"{reader.source} is not a JSON array of texts")
    for number, each in enumerate(value, 1):
        if isinstance(each, str):
            reader.add(each.strip(), number)
        else:
            reader.reject(str(each)[:100], number, "is not a text")

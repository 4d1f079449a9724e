"""Read JSON arrays of indicators, and arrays of flat objects. A flat object has no nested objects.

Flat objects are read like the rows of a table. Public feeds write them in several ways: as an
array, as JSON Lines, as the only array of objects in an object, or as an object that maps ids to
arrays. In the only array of objects in an object with other fields, such as
``{"query_status": "ok", "data": [...]}``, objects can also have nested fields, which are ignored.
If any of these objects has nested fields, each of them must have a field such as ``ioc`` or
``sha256_hash`` that contains an indicator.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from graphbuild.errors import SeedError
from graphbuild.models import HASH_TYPE_NAMES
from graphbuild.seeds.entries import is_indicator
from graphbuild.seeds.indicator_types import find_type, split_words
from graphbuild.seeds.results import STRIPPED_CHARACTERS, excerpt
from graphbuild.seeds.table import add_table
from graphbuild.seeds.table_rows import Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbuild.seeds.results import SeedReader

_MAX_FIELDS = 1_000  # distinct names of fields in all objects
# The fields of an object descriptor of the API. An object with no other fields is not read here,
# because its id can be that of an object that is not an indicator.
_DESCRIPTOR = {"type", "id"}
_MAX_LISTED = 10  # fields in a warning
_INDICATOR_WORDS = frozenset({"indicator", "ioc", "observable"})


class _Records(NamedTuple):
    """The objects in a JSON value that are read like rows of a table."""

    objects: list[dict[str, Any]]
    ignored: list[str]  # names of the fields beside the array of objects


def is_array(value: object) -> bool:
    """Return whether a JSON value is an array that starts with a text, or contains flat objects.

    The flat objects can be in any of the ways that the documentation of the module lists.
    """
    return _is_list_of_texts(value) or bool(_find_records(value).objects)


def read(value: object, reader: SeedReader) -> None:
    """Add the indicators in an array of texts, or read flat objects like the rows of a table."""
    records = _find_records(value)
    if records.objects:
        _read_records(records, reader)
    elif not isinstance(value, list) or not _is_list_of_texts(value):
        raise SeedError(f"{reader.source} is not a JSON array of texts or flat objects")
    elif reader.column is not None:
        raise SeedError(f"{reader.source} is an array of texts without columns; omit --column")
    else:
        for number, each in enumerate(value, 1):
            if isinstance(each, str):
                reader.add(each.strip(STRIPPED_CHARACTERS), number)
            else:
                reader.reject(str(each)[:100], number, "is not a text")


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], str)


def _find_records(value: object) -> _Records:
    """Return the flat objects in a JSON value, or no objects if the value has another structure.

    Objects with nested fields are returned only if they meet the conditions that the documentation
    of the module describes.
    """
    ignored: list[str] = []
    if isinstance(value, dict):
        arrays = {
            name: each for name, each in value.items() if isinstance(each, list) and _has_dict(each)
        }
        ignored = [name for name in value if name not in arrays]
        if _has_dict(value.values()) or (ignored and len(arrays) != 1):
            return _Records([], [])
        value = list(chain.from_iterable(arrays.values()))
    if isinstance(value, list) and all(map(_is_flat, value)):
        return _Records(value, ignored)
    if ignored and isinstance(value, list) and all(map(_names_indicator, value)):
        return _Records(value, ignored)
    return _Records([], [])


def _is_flat(value: object) -> bool:
    """Return whether a JSON value is a flat object, and not an object descriptor of the API."""
    if not isinstance(value, dict) or value.keys() <= _DESCRIPTOR:
        return False
    return not any(map(_is_nested, value.values()))


def _is_nested(value: object) -> bool:
    """Return whether the value of a field is an object, or a list that contains an object."""
    return isinstance(value, dict) or (isinstance(value, list) and _has_dict(value))


def _names_indicator(value: object) -> bool:
    """Return whether a JSON value is an object with an indicator field that holds an indicator."""
    return isinstance(value, dict) and any(
        isinstance(each, str) and _is_indicator_field(name) and is_indicator(each.strip())
        for name, each in value.items()
    )


def _is_indicator_field(name: str) -> bool:
    return find_type(name) in HASH_TYPE_NAMES or not _INDICATOR_WORDS.isdisjoint(split_words(name))


def _has_dict(values: Any) -> bool:  # noqa: ANN401  any iterable of JSON values
    return any(isinstance(each, dict) for each in values)


def _read_records(records: _Records, reader: SeedReader) -> None:
    names = list(dict.fromkeys(chain.from_iterable(records.objects)))
    if len(names) > _MAX_FIELDS:
        raise SeedError(f"{reader.source}: the objects have more than {_MAX_FIELDS:,} fields")
    if records.ignored:
        listed = ", ".join(map(excerpt, records.ignored[:_MAX_LISTED]))
        more = ", ..." if len(records.ignored) > _MAX_LISTED else ""
        reader.seeds.warnings.append(
            f"{reader.source}: only the array of objects was read, not the fields {listed}{more}"
        )
    if nested := _count_nested(records.objects):
        common = nested.most_common(_MAX_LISTED)
        listed = ", ".join(f"{excerpt(name)} ({count:,})" for name, count in common)
        listed += ", ..." if len(nested) > len(common) else ""
        reader.seeds.warnings.append(
            f"{reader.source}: nested fields were ignored: {listed};"
            " to read every indicator in them, pass --format text"
        )
    table = Table(names, _rows(records.objects, names), "names of fields are the heading")
    add_table(table, reader)


def _count_nested(objects: Sequence[dict[str, Any]]) -> Counter[str]:
    """Return the number of objects with each nested field, by the name of the field."""
    return Counter(name for each in objects for name, value in each.items() if _is_nested(value))


def _rows(records: list[dict[str, Any]], names: list[str]) -> Iterator[Row]:
    for number, record in enumerate(records, 1):
        yield Row(number, [_to_cell(record.get(name)) for name in names])


def _to_cell(value: object) -> str:
    if value is None or _is_nested(value):
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, map(_to_cell, value)))
    return str(value).strip(STRIPPED_CHARACTERS)

"""Read objects and object descriptors of the API, such as ``{"type": "file", "id": "4f47..."}``.

The objects can be in the ``data`` of a response, in an array, or in the JSON output of ``vt-cli``.
They can also be in the relationships of an object that cannot be a seed, such as a collection.
The format is documented at https://docs.virustotal.com/reference/objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbuild.errors import SeedError
from graphbuild.models import FILE, HASH_TYPES, SUBJECT_TYPES, URL, detect_hash_type
from graphbuild.seeds.json_documents import text_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.seeds.results import SeedReader

_NOTES = ("meaningful_name", "type_description")


def is_api_objects(value: object) -> bool:
    """Return whether a JSON value contains objects of the API that can be seeds.

    A file counts only if its id is a hash.
    """
    return any(
        kind in SUBJECT_TYPES and (kind != FILE or detect_hash_type(object_id))
        for kind, object_id, _ in _find_objects(value)
    )


def is_response(value: object) -> bool:
    """Return whether a JSON value has the fields ``data`` and ``links``, as responses have."""
    return isinstance(value, dict) and {"data", "links"} <= value.keys()


def read(value: object, reader: SeedReader) -> None:
    """Add the files, domains, IP addresses and URLs; skip objects of other types."""
    if not is_api_objects(value):
        raise SeedError(
            f"{reader.source} contains no files, domains, IP addresses or URLs of the API"
        )
    for number, (kind, object_id, attributes) in enumerate(_find_objects(value), 1):
        if kind in SUBJECT_TYPES:
            _add(kind, object_id, attributes, number, reader)
        else:
            reader.skip(kind)


def _add(
    kind: str, object_id: str, attributes: dict[str, Any], number: int, reader: SeedReader
) -> None:
    notes = text_fields(attributes, *_NOTES)
    if kind == FILE:
        name = detect_hash_type(object_id)
        if name is None:
            reader.add(object_id, number, notes)
            return
        others = text_fields(attributes, *(each.name for each in HASH_TYPES))
        reader.add_file({**others, name: object_id}, number, notes)
    elif kind == URL:  # the id of a URL is a hash of it; the attribute ``url`` is the URL itself
        url = attributes.get("url")
        text = url if isinstance(url, str) else f"https://www.virustotal.com/gui/url/{object_id}"
        reader.add(text, number, notes)
    else:
        reader.add(object_id, number, notes)


def _find_objects(value: object) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the type, id and attributes of each object in a JSON value.

    Relationships are searched only in objects of types that cannot be seeds.
    """
    if isinstance(value, list):
        for each in value:
            yield from _find_objects(each)
    elif isinstance(value, dict):
        kind, object_id, attributes = value.get("type"), value.get("id"), value.get("attributes")
        if "_type" in value:  # vt-cli prints attributes in the same object as ``_type`` and ``_id``
            kind, object_id, attributes = value["_type"], value.get("_id"), value
        if isinstance(kind, str) and isinstance(object_id, str):
            yield kind, object_id, attributes if isinstance(attributes, dict) else {}
            relationships = value.get("relationships")
            if kind not in SUBJECT_TYPES and isinstance(relationships, dict):
                yield from _find_objects(list(relationships.values()))
        else:
            yield from _find_objects(value.get("data"))

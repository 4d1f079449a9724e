"""MISP events: read the indicators from the attributes of events and of the objects in events.

The JSON format is documented at https://www.misp-project.org/datamodels/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbuild.errors import SeedError
from graphbuild.models import HASH_TYPE_NAMES, SUBJECT_TYPES
from graphbuild.seeds.composites import COMPOSITES, split_composite
from graphbuild.seeds.json_documents import text_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.seeds.results import SeedReader

# Types of MISP attributes whose value is a domain, an IP address or a URL.
_VALUE_TYPES = frozenset(name for each in SUBJECT_TYPES.values() for name in each.misp_types)


def is_event(value: object) -> bool:
    """Return whether a JSON value contains a MISP event."""
    return next(_events(value), None) is not None


def read(value: object, reader: SeedReader) -> None:
    """Add the indicators of events; skip deleted and unsupported attributes with a warning."""
    if not is_event(value):
        raise SeedError(f"{reader.source} is not a MISP event: it contains no event")
    _EventReader(reader).read(value)


def _events(value: object) -> Iterator[dict[str, Any]]:
    """Yield the events in a JSON value, wherever they are in it.

    A JSON object with attributes but without a field ``Event``, such as the result of a search for
    attributes, is yielded as an event. A MISP object outside of an event is yielded in a new event.
    """
    if isinstance(value, list):
        for each in value:
            yield from _events(each)
    elif isinstance(value, dict):
        if isinstance(event := value.get("Event"), dict):
            yield event
        elif "template_uuid" in value and _has_attributes(value):
            yield {"Object": [value]}
        elif _has_attributes(value) or any(map(_has_attributes, _dicts(value, "Object"))):
            yield value
        else:
            yield from _events(list(value.values()))


def _has_attributes(value: dict[str, Any]) -> bool:
    attributes = value.get("Attribute")
    if attributes == []:
        return "info" in value
    return any("type" in each and "value" in each for each in _dicts(value, "Attribute"))


class _EventReader:
    """Adds the seeds of events with a ``SeedReader``; numbers attributes across all events."""

    def __init__(self, reader: SeedReader) -> None:
        self._reader = reader
        self._number = 0

    def read(self, value: object) -> None:
        for event in _events(value):
            context = text_fields({"event": event.get("info")})
            for attribute in _dicts(event, "Attribute"):
                self._read_attribute(attribute, context)
            for each in _dicts(event, "Object"):
                self._read_object(each, context)

    def _read_object(self, value: dict[str, Any], context: dict[str, str]) -> None:
        """Add the seeds of a MISP object.

        The first MD5, SHA-1 and SHA-256 are hashes of one file, and the last file name becomes an
        attribute of it. All other attributes are read like attributes outside of an object.
        """
        context = context | text_fields({"object": value.get("name")})
        hashes: dict[str, str] = {}
        file_attributes: dict[str, str] = {}
        for each in _dicts(value, "Attribute"):
            kind, text = str(each.get("type")), each.get("value")
            is_first = (
                kind in HASH_TYPE_NAMES and kind not in hashes and each.get("deleted") is not True
            )
            if is_first and isinstance(text, str):
                self._number += 1
                hashes[kind] = text.strip()
                file_attributes |= _notes(each)
            elif kind == "filename" and isinstance(text, str) and each.get("deleted") is not True:
                self._number += 1
                file_attributes["file_name"] = text
            else:
                self._read_attribute(each, context)
        if hashes:
            self._reader.add_file(hashes, self._number, {**context, **file_attributes})

    def _read_attribute(self, attribute: dict[str, Any], context: dict[str, str]) -> None:
        self._number += 1
        if isinstance(event := attribute.get("Event"), dict):  # in the result of a search
            context = context | text_fields({"event": event.get("info")})
        kind, value = attribute.get("type"), attribute.get("value")
        if not isinstance(kind, str) or not isinstance(value, str):
            reason = "is not a MISP attribute: its type or its value is not text"
            self._reader.reject(str(value)[:100], self._number, reason)
        elif attribute.get("deleted") is True:
            self._reader.count_warning("deleted attributes were skipped", self._number)
        elif kind in COMPOSITES:
            self._add_composite(kind, value, context | _notes(attribute))
        elif kind in HASH_TYPE_NAMES | _VALUE_TYPES:
            self._add(kind, value.strip(), context | _notes(attribute))
        else:
            self._reader.skip(kind)

    def _add_composite(self, kind: str, value: str, attributes: dict[str, str]) -> None:
        """Add the seeds of a composite value, such as ``name.exe|<md5>``."""
        try:
            parts = split_composite(kind, value)
        except ValueError as error:
            self._reader.reject(value, self._number, str(error))
            return
        for hash_type, text in parts.seeds:
            self._add(hash_type or kind, text, attributes | parts.attributes)

    def _add(self, kind: str, text: str, attributes: dict[str, str]) -> None:
        if kind in HASH_TYPE_NAMES:
            self._reader.add_file({kind: text}, self._number, attributes)
        else:
            self._reader.add(text, self._number, attributes)


def _dicts(value: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in the list ``value[name]``; ignore all other values."""
    found = value.get(name)
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict):
            yield each


def _notes(attribute: dict[str, Any]) -> dict[str, str]:
    """Return the category, comment and tags of a MISP attribute as attributes of a seed."""
    tags = [tag.get("name") for tag in _dicts(attribute, "Tag")]
    return text_fields({**attribute, "tags": tags}, "category", "comment", "tags")

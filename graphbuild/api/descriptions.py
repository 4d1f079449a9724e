"""Parsing of descriptions: responses that contain one object with its attributes.

A description is requested with the query parameter ``attributes``, so that the API sends only the
attributes in ``REQUESTED_ATTRIBUTES``. The parser drops all other attributes.

Sources: https://docs.virustotal.com/reference/objects, https://docs.virustotal.com/reference/files,
https://docs.virustotal.com/docs/collections-object.
"""

from __future__ import annotations

from typing import Any

from graphbuild.api.attributes import parse_attributes
from graphbuild.api.json_decoding import check_depth, describe_type
from graphbuild.errors import PayloadError
from graphbuild.models import (
    COLLECTION,
    FILE,
    FILE_ID_HASH,
    HASH_TYPES,
    Entity,
    Page,
    detect_hash_type,
)

_STATISTICS = "last_analysis_stats"
REQUESTED_ATTRIBUTES = {
    COLLECTION: (
        "name",
        "collection_type",
        "origin",
        "alt_names",
        "tags",
        "creation_date",
        "last_modification_date",
        "targeted_regions",
        "targeted_industries",
    ),
    FILE: (
        "meaningful_name",
        "type_description",
        "size",
        "first_submission_date",
        *(each.name for each in HASH_TYPES),
        _STATISTICS,
    ),
}
# Name of an attribute of the entity -> the key of its value in ``last_analysis_stats``.
DETECTION_COUNTS = {
    f"last_analysis_{name}": name for name in ("malicious", "suspicious", "harmless", "undetected")
}


def parse_description(payload: dict[str, Any], subject: Entity) -> Page:
    """Parse the decoded JSON of a description of ``subject``.

    Raises:
        PayloadError: The response contains no object, contains an error, is nested too deeply, or
            is about another object.
    """
    if payload.get("error") is not None:
        raise PayloadError("the response contains an error", "error")
    data = payload.get("data")
    if not isinstance(data, dict):
        raise PayloadError(f"expected an object, got {describe_type(data)}", "data")
    check_depth(payload, "")
    warnings: list[str] = []
    attributes = parse_attributes(
        _select_attributes(data.get("attributes"), subject.type), "data.attributes", warnings
    )
    described = Entity(subject.type, _parse_id(data, subject), attributes)
    _check_hash(subject, described)
    return Page(
        subject=subject,
        entries=(),
        count=None,
        next_cursor=None,
        item_count=1,
        warnings=tuple(warnings),
        canonical_subject=None if described == subject else described,
        described=described,
    )


def names_requested_id(page: Page) -> bool:
    """Return whether a description names the requested id as the id or a hash of the object.

    For a page of a list, return False.
    """
    described = page.described
    return described is not None and page.subject.id in {
        described.id,
        *(str(described.attributes.get(each.name)).lower() for each in HASH_TYPES),
    }


def _select_attributes(value: object, entity_type: str) -> object:
    """Return the requested attributes. For a file, detection counts replace the statistics."""
    if not isinstance(value, dict):
        return value
    selected = {
        name: value[name]
        for name in REQUESTED_ATTRIBUTES[entity_type]
        if name in value and name != _STATISTICS
    }
    statistics = value.get(_STATISTICS)
    if entity_type == FILE and isinstance(statistics, dict):
        selected |= {name: statistics.get(key) for name, key in DETECTION_COUNTS.items()}
    return selected


def _parse_id(data: dict[str, Any], subject: Entity) -> str:
    """Return the id of the object; raise PayloadError if the object cannot be the subject."""
    stated = data.get("id")
    object_id = stated.lower() if isinstance(stated, str) and subject.type == FILE else stated
    may_differ = subject.type == FILE and detect_hash_type(subject.id) != FILE_ID_HASH
    is_other_id = may_differ and detect_hash_type(str(object_id)) == FILE_ID_HASH
    if data.get("type") != subject.type or not (object_id == subject.id or is_other_id):
        named = f"{str(data.get('type'))[:40]} {str(stated)[:80]!a}"
        raise PayloadError(f"the response is about {named}", "data")
    return str(object_id)


def _check_hash(subject: Entity, described: Entity) -> None:
    """Raise PayloadError if the description of a file contradicts the requested hash."""
    hash_name = detect_hash_type(subject.id) if subject.type == FILE else None
    stated = described.attributes.get(hash_name) if hash_name else None
    if stated is not None and str(stated).lower() != subject.id:
        message = f"the response is about a file with another {hash_name}"
        raise PayloadError(message, f"data.attributes.{hash_name}")

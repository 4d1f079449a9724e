"""What can be asked of the API, and where, in either generation of the service.

A question is a subject and a relationship. Relationships bear the names of the classic API, also
where the younger generation is asked: there, references have become collections of the type
"report", whose ids carry the same hash, and ``related_references`` is called ``related_reports``.

Sources: https://docs.virustotal.com/reference/files-object-related_references,
https://gtidocs.virustotal.com/reference/object-references.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

from graphbuild.models import (
    COLLECTION,
    DOMAIN,
    FILE,
    FILES,
    IP_ADDRESS,
    REFERENCE,
    REFERENCES,
    RELATED_REFERENCES,
    SUBJECT_TYPES,
    URL,
    detect_hash_type,
    is_object_id,
)

if TYPE_CHECKING:
    from graphbuild.models import Entity

CLASSIC, GTI, AUTO = "classic", "gti", "auto"
API_FLAVORS = (AUTO, CLASSIC, GTI)

REPORT_PREFIX = "report--"
ENDPOINTS = {
    FILE: "files",
    DOMAIN: "domains",
    IP_ADDRESS: "ip_addresses",
    URL: "urls",
    REFERENCE: "references",
    COLLECTION: "collections",
}
# What each relationship lists.
LISTED = {RELATED_REFERENCES: REFERENCE, REFERENCES: REFERENCE, FILES: FILE}
_GTI_NAMES = {RELATED_REFERENCES: "related_reports", REFERENCES: "reports"}
_CLASSIC_NAMES = {younger: name for name, younger in _GTI_NAMES.items()}


def relationships_of(entity_type: str) -> tuple[str, ...]:
    """The relationships that are asked of an entity of that type."""
    if entity_type == COLLECTION:
        return (FILES, REFERENCES)
    if entity_type == REFERENCE:
        return (FILES,)
    return (RELATED_REFERENCES,) if entity_type in SUBJECT_TYPES else ()


def endpoint_path(subject: Entity, relationship: str, api_flavor: str = CLASSIC) -> str:
    """The path of a question, below the base address.

    Raises:
        ValueError: the API has no such thing to ask about.
    """
    endpoint = ENDPOINTS.get(subject.type)
    if (
        endpoint is None
        or relationship not in relationships_of(subject.type)
        or not is_object_id(subject.id)
    ):
        raise ValueError(f"cannot ask about {subject.type} {subject.id!a}")
    name = _name(subject)
    if api_flavor == GTI:
        relationship = _GTI_NAMES.get(relationship, relationship)
        if subject.type == REFERENCE:
            endpoint, name = ENDPOINTS[COLLECTION], report_id(subject.id)
    return f"/{endpoint}/{quote(name, safe='')}/{relationship}"


def _name(subject: Entity) -> str:
    """The id; of a URL its text, from which the service makes the canonical form itself."""
    text = subject.attributes.get("url") if subject.type == URL else None
    if not isinstance(text, str):
        return subject.id
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def report_id(reference: str) -> str:
    """The id that a reference has among the collections of the younger generation."""
    return f"{REPORT_PREFIX}{reference}" if detect_hash_type(reference) else reference


def reference_id(report: str) -> str:
    """The id of the reference that a report is: the hash of its address, or its own."""
    bare = report.removeprefix(REPORT_PREFIX).lower()
    return bare if detect_hash_type(bare) == "sha256" else report


def classic_name(relationship: str) -> str:
    """The classic name of a relationship, whichever generation named it."""
    return _CLASSIC_NAMES.get(relationship, relationship)

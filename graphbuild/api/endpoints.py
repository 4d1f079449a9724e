"""Object types, relationships and URL paths of the API, in both API flavors.

Relationships and object types are stored under their names in the classic API. In Google Threat
Intelligence (``gti``), a reference is a collection whose ``collection_type`` is ``report``, and
``related_references`` is called ``related_reports``.

Sources: https://docs.virustotal.com/reference/files-object-related_references,
https://gtidocs.virustotal.com/reference/object-references.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from graphbuild.models import (
    ASSOCIATIONS,
    COLLECTION,
    DESCRIPTION,
    DOMAIN,
    DOMAINS,
    FILE,
    FILE_ID_HASH,
    FILES,
    IP_ADDRESS,
    IP_ADDRESSES,
    REFERENCE,
    REFERENCES,
    RELATED_REFERENCES,
    URL,
    URLS,
    detect_hash_type,
    is_object_id,
)

if TYPE_CHECKING:
    from graphbuild.models import Entity

CLASSIC, GTI, AUTO = "classic", "gti", "auto"
API_FLAVORS = (AUTO, CLASSIC, GTI)


class ObjectType(NamedTuple):
    """An object type of the API."""

    endpoint: str  # the first part of the URL path of the objects
    relationships: tuple[str, ...]  # requested in both API flavors, even without ``--direct``
    # Requested only by a crawl with ``--direct``; store/task_additions.py adds these requests.
    direct_relationships: tuple[str, ...] = ()
    has_hash_id: bool = False  # whether the ids of the objects in lists must be SHA-256 hashes
    gti_relationships: tuple[str, ...] = ()  # requested only in the API flavor ``gti``

    def has(self, relationship: str) -> bool:
        """Return whether a crawl can request ``relationship`` of objects of this type."""
        optional = (*self.direct_relationships, *self.gti_relationships)
        return relationship in self.relationships or relationship in optional

    def relationships_in(self, api_flavor: str) -> tuple[str, ...]:
        """Return the relationships that a crawl without ``--direct`` requests in an API flavor."""
        return self.relationships + (self.gti_relationships if api_flavor == GTI else ())


class Relationship(NamedTuple):
    """A relationship of the API."""

    target_type: str  # the type of the related objects
    gti_name: str  # the name in the API flavor ``gti``


# The relationships of subjects that every crawl requests, and those that need ``--direct``.
_OF_SUBJECTS = (RELATED_REFERENCES,), (REFERENCES,)
OBJECT_TYPES = {
    FILE: ObjectType("files", *_OF_SUBJECTS, has_hash_id=True),
    DOMAIN: ObjectType("domains", *_OF_SUBJECTS),
    IP_ADDRESS: ObjectType("ip_addresses", *_OF_SUBJECTS),
    URL: ObjectType("urls", *_OF_SUBJECTS),
    REFERENCE: ObjectType("references", (FILES,), has_hash_id=True),
    COLLECTION: ObjectType(
        "collections",
        (FILES, REFERENCES, DOMAINS, IP_ADDRESSES, URLS),
        gti_relationships=(ASSOCIATIONS,),
    ),
}
RELATIONSHIPS = {
    RELATED_REFERENCES: Relationship(REFERENCE, "related_reports"),
    REFERENCES: Relationship(REFERENCE, "reports"),
    FILES: Relationship(FILE, "files"),
    DOMAINS: Relationship(DOMAIN, "domains"),
    IP_ADDRESSES: Relationship(IP_ADDRESS, "ip_addresses"),
    URLS: Relationship(URL, "urls"),
    ASSOCIATIONS: Relationship(COLLECTION, "associations"),
}
# The object types that a crawl can describe: the value of ``--describe`` -> the object type.
DESCRIBABLE_TYPES = {OBJECT_TYPES[each].endpoint: each for each in (COLLECTION, FILE)}
REPORT_PREFIX = "report--"
_CLASSIC_NAMES = {each.gti_name: name for name, each in RELATIONSHIPS.items()}


def endpoint_path(subject: Entity, relationship: str, api_flavor: str = CLASSIC) -> str:
    """Return the URL path of a relationship of ``subject``, which follows the base URL.

    With ``DESCRIPTION`` as the relationship, return the path of ``subject`` itself.

    Raises:
        ValueError: A crawl does not request this relationship of objects of this type, or the id is
            invalid.
    """
    if relationship == DESCRIPTION:
        return _object_path(subject)
    object_type = OBJECT_TYPES.get(subject.type)
    if not object_type or not object_type.has(relationship) or not is_object_id(subject.id):
        raise ValueError(f"cannot request {relationship} of {subject.type} {subject.id!a}")
    endpoint, object_id = object_type.endpoint, subject.id
    if subject.id_text:  # the API accepts a URL in base64 as an id, and canonicalizes it
        object_id = base64.urlsafe_b64encode(subject.id_text.encode()).decode().rstrip("=")
    if api_flavor == GTI and subject.type == REFERENCE:
        endpoint, object_id = OBJECT_TYPES[COLLECTION].endpoint, report_id(subject.id)
    name = relationship_name(relationship, api_flavor)
    return f"/{endpoint}/{quote(object_id, safe='')}/{name}"


def relationship_name(relationship: str, api_flavor: str) -> str:
    """Return the name of a relationship in ``api_flavor``; for ``auto``, the classic name."""
    known = RELATIONSHIPS.get(relationship)
    return known.gti_name if known and api_flavor == GTI else relationship


def _object_path(subject: Entity) -> str:
    if subject.type not in DESCRIBABLE_TYPES.values() or not is_object_id(subject.id):
        raise ValueError(f"cannot describe {subject.type} {subject.id!a}")
    return f"/{OBJECT_TYPES[subject.type].endpoint}/{quote(subject.id, safe='')}"


def report_id(reference_id: str) -> str:
    """Return the ``gti`` id of a reference. An id that is not a hash is returned unchanged."""
    return f"{REPORT_PREFIX}{reference_id}" if detect_hash_type(reference_id) else reference_id


def reference_id(report_id: str) -> str:
    """Return the classic id of a ``gti`` report: the SHA-256 in its id.

    If the id contains no SHA-256, return the whole id.
    """
    digest = report_id.removeprefix(REPORT_PREFIX).lower()
    return digest if detect_hash_type(digest) == FILE_ID_HASH else report_id


def classic_relationship(name: str) -> str:
    """Return the classic name of a ``gti`` relationship. Other names are returned unchanged."""
    return _CLASSIC_NAMES.get(name, name)

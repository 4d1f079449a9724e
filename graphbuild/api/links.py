"""Parsing and validation of the links in a response: ``links.self`` and ``links.next``."""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from graphbuild.api.endpoints import (
    OBJECT_TYPES,
    RELATIONSHIPS,
    REPORT_PREFIX,
    classic_relationship,
    reference_id,
)
from graphbuild.errors import PayloadError
from graphbuild.models import (
    COLLECTION,
    DOMAIN,
    FILE,
    FILE_ID_HASH,
    IP_ADDRESS,
    REFERENCE,
    Entity,
    detect_hash_type,
    is_object_id,
    text_attribute,
)

MAX_CURSOR = 4_096  # characters
_MAX_LINK = 4 * MAX_CURSOR  # characters; percent-encoding can triple the length of a cursor
_SUBJECT_PATH = re.compile(
    r".*/(?P<endpoint>[a-z_]+)/(?P<id>[^/]+)(?:/relationships)?/(?P<relationship>[a-z_]+)"
)
_TYPE_OF_ENDPOINT = {each.endpoint: name for name, each in OBJECT_TYPES.items()}


class SelfLink(NamedTuple):
    """The request that ``links.self`` of a response describes."""

    subject: Entity
    relationship: str
    cursor: str | None  # of the requested page; None for the first page
    limit: int | None  # maximum number of entries on the page; None if not stated


def parse_self_link(payload: dict[str, Any]) -> SelfLink | None:
    """Return the parsed ``links.self``, or None if the link is missing or invalid."""
    link = envelope_link(payload, "self")
    if not isinstance(link, str) or len(link) > _MAX_LINK:
        return None
    try:
        found = _SUBJECT_PATH.fullmatch(urlsplit(link).path)
    except ValueError:
        return None
    entity_type = _TYPE_OF_ENDPOINT.get(found["endpoint"]) if found else None
    entity_id = unquote(found["id"]) if found else ""
    if not found or entity_type is None or not is_object_id(entity_id):
        return None
    limit = query_parameter(link, "limit") or ""
    return SelfLink(
        subject=_normalize(entity_type, entity_id),
        relationship=classic_relationship(found["relationship"]),
        cursor=query_parameter(link, "cursor"),
        limit=int(limit) if re.fullmatch(r"[0-9]{1,3}", limit) else None,
    )


def check_self_link(
    payload: dict[str, Any], subject: Entity, relationship: str, *, is_first_page: bool
) -> bool:
    """Check that ``links.self`` names the requested list; return False if there is no such link.

    On the first page of a list, the link may contain the API's own id of the subject instead of the
    requested id. For a file, the API's own id is the SHA-256. For a URL, it is the SHA-256 of the
    URL in the API's canonical form. Later pages are requested by the API's own id.

    Raises:
        PayloadError: The link names another subject or another known relationship, or it is not
            the URL of a list.
    """
    if envelope_link(payload, "self") is None:
        return False
    self_link = parse_self_link(payload)
    if self_link is None:
        raise PayloadError("not the URL of a list", "links.self")
    if self_link.relationship != relationship and self_link.relationship in RELATIONSHIPS:
        raise PayloadError(f"the response is about {self_link.relationship}", "links.self")
    named = self_link.subject
    is_other = named != _normalize(subject.type, subject.id)
    if is_other and not (is_first_page and _may_be_own_id(named, subject)):
        raise _other_subject(named)
    return True


def _may_be_own_id(named: Entity, subject: Entity) -> bool:
    """Return whether ``named`` may be ``subject`` under the API's own id."""
    if named.type != subject.type or detect_hash_type(named.id) != FILE_ID_HASH:
        return False
    if subject.id_text:  # an id that is not the hash of this text is the API's own id already
        return sha256(subject.id_text.encode()).hexdigest() == subject.id
    return subject.type == FILE and detect_hash_type(subject.id) != FILE_ID_HASH


def find_canonical_subject(self_link: SelfLink | None, subject: Entity) -> Entity | None:
    """Return the subject under the API's own id if ``self_link`` reveals that id, else None.

    :func:`check_self_link` explains the API's own ids. The id of ``subject`` of a stored page can
    be a SHA-256, although the request and ``self_link`` contain the MD5 of the file. Therefore,
    ``self_link`` may name a file by another type of hash than ``subject``.

    Raises:
        PayloadError: The response is about another subject, for example because a proxy returned a
            cached response to another request.
    """
    if self_link is None or self_link.subject == _normalize(subject.type, subject.id):
        return None
    other = self_link.subject
    hash_type = detect_hash_type(other.id)
    is_other_hash = subject.type == FILE and hash_type != detect_hash_type(subject.id)
    if other.type != subject.type or not (is_other_hash or text_attribute(subject.type)):
        raise _other_subject(other)
    return other if hash_type == FILE_ID_HASH else None


def _other_subject(named: Entity) -> PayloadError:
    return PayloadError(f"the response is about {named.type} {named.id[:80]!a}", "links.self")


def _normalize(entity_type: str, entity_id: str) -> Entity:
    """Return an entity whose id is in normal form, so that equivalent ids are equal."""
    if entity_type == COLLECTION and entity_id.startswith(REPORT_PREFIX):
        return Entity(REFERENCE, reference_id(entity_id))
    if text_attribute(entity_type) and not detect_hash_type(entity_id):
        entity_id = _hash_encoded_text(entity_id)
    elif detect_hash_type(entity_id) or entity_type == DOMAIN:
        entity_id = entity_id.lower()
    elif entity_type == IP_ADDRESS:
        with suppress(ValueError):
            entity_id = str(ip_address(entity_id))
    return Entity(entity_type, entity_id)


def _hash_encoded_text(encoded: str) -> str:
    """Decode base64url and return the SHA-256 of the result; return invalid base64url unchanged."""
    try:
        padding = "=" * (-len(encoded) % 4)
        text = base64.b64decode(encoded + padding, altchars=b"-_", validate=True)
    except ValueError:
        return encoded
    return sha256(text).hexdigest()


def envelope_link(payload: dict[str, Any], name: str) -> object:
    """Return ``links[name]`` of a response, which may have any JSON type, or None."""
    links = payload.get("links")
    return links.get(name) if isinstance(links, dict) else None


def is_same_list(link: object, self_link: object) -> bool:
    """Return whether ``link`` is a string that differs from ``self_link`` at most in its query."""
    if not isinstance(link, str) or not isinstance(self_link, str) or len(link) > _MAX_LINK:
        return False
    return link.partition("?")[0] == self_link.partition("?")[0]


def query_parameter(url: object, name: str) -> str | None:
    """Return the first value of a query parameter, or None.

    A plus sign is not decoded as a space, because cursors are base64.
    """
    query = str(url).partition("?")[2].partition("#")[0].replace("+", "%2B")
    return parse_qs(query).get(name, [None])[0]

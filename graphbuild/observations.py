"""What a page says: bytes of an answer become a Page with its Observations.

Pure functions of the bytes, so that a better parser can read stored pages again without a call.
The policy: strict on framing and identity (bytes, JSON, envelope, ids), lenient on decoration
(titles, dates), and never silent: whatever is set aside or changed is a remark with its path.

The envelope is told at https://docs.virustotal.com/reference/collections, ``related_from`` at
https://developers.virustotal.com/reference/files-object-related_references.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from graphbuild.entities import (
    REFERENCE,
    Entity,
    hash_kind,
    is_id,
    is_type,
)
from graphbuild.errors import PayloadError
from graphbuild.payload import decode, kind_of, refuse_depth, shown

if TYPE_CHECKING:
    from graphbuild.entities import Scalar

MAX_ITEMS = 10_000
MAX_KEYS = 1_000  # in one object; real ones have a few dozen
MAX_CURSOR = 4_096
MAX_TEXT = 65_536  # characters kept of one attribute; the raw page keeps all
_INT64 = range(-(2**63), 2**63)
# A published report: the web is not older, and nobody dates one after 2100.
_DATES = range(631_152_000, 4_102_444_800)
_MAX_LIST_TEXT = 4_096
_SURROGATE = re.compile("[\ud800-\udfff]")
_SUBJECT_PATH = re.compile(
    r".*/(?P<endpoint>[a-z_]+)/(?P<id>[^/]+)(?:/relationships)?/(?P<relationship>[a-z_]+)"
)
# What the API serves under another name than its object type.
_ENDPOINTS = {"files": "file", "domains": "domain", "ip_addresses": "ip_address", "urls": "url"}


@dataclass(frozen=True, slots=True)
class Observation:
    """The API's ternary fact, kept whole: subject, reference, and the collection behind it.

    Attributes:
        subject: what was asked about.
        reference: the report it is related to.
        related_from: the collection through which, None where the answer names none.
    """

    subject: Entity
    reference: Entity
    related_from: Entity | None


@dataclass(frozen=True, slots=True)
class Page:
    """One answer, read.

    Attributes:
        subject: what was asked about.
        observations: what the answer says, in its order.
        count: how many references there are over all pages, where the answer says so.
        next_cursor: where the next page starts; None on the last.
        items: how many entries the answer listed, set-aside ones included.
        remarks: what was set aside or changed, each with its path.
    """

    subject: Entity
    observations: tuple[Observation, ...]
    count: int | None
    next_cursor: str | None
    items: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer says it answers, read from its ``links.self``."""

    subject: Entity
    relationship: str
    cursor: str | None
    limit: int | None


def parse_page(body: bytes, subject: Entity) -> Page:
    """Read the answer ``body`` to a question about ``subject``.

    Raises:
        PayloadError: the bytes are not such an answer; nothing of it can be used.
    """
    return page_from(decode(body), subject)


def page_from(payload: dict[str, Any], subject: Entity) -> Page:
    """The same as :func:`parse_page` for an answer that is decoded already."""
    remarks: list[str] = []
    items = _items(payload)
    meta = _optional_object(payload, "meta")
    _refuse_other_subject(payload, subject)
    observations: list[Observation] = []
    for index, item in enumerate(items):
        path = f"data[{index}]"
        try:
            observations.extend(_observations(item, path, subject, remarks))
        except PayloadError as error:
            remarks.append(f"{error} (set aside)")
    return Page(
        subject=subject,
        observations=tuple(observations),
        count=_count(meta, remarks),
        next_cursor=_cursor(meta),
        items=len(items),
        remarks=tuple(remarks),
    )


def asked(payload: dict[str, Any]) -> Asked | None:
    """What ``payload`` answers, by its ``links.self``; None where that cannot be told."""
    links = payload.get("links")
    address = links.get("self") if isinstance(links, dict) else None
    if not isinstance(address, str):
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    found = _SUBJECT_PATH.fullmatch(parts.path)
    if not found or found["endpoint"] not in _ENDPOINTS or not is_id(found["id"]):
        return None
    query = parse_qs(parts.query)
    limit = query.get("limit", [""])[0]
    subject_id = found["id"].lower() if hash_kind(found["id"]) else found["id"]
    return Asked(
        subject=Entity(_ENDPOINTS[found["endpoint"]], subject_id),
        relationship=found["relationship"],
        cursor=query.get("cursor", [None])[0],
        limit=int(limit) if re.fullmatch(r"[0-9]{1,3}", limit) else None,
    )


# --- the envelope --------------------------------------------------------------------------------


def _items(payload: dict[str, Any]) -> list[Any]:
    if "error" in payload:
        raise PayloadError("an answer with an error beside its data", "error")
    if "data" not in payload:
        raise PayloadError("missing", "data")
    items = payload["data"]
    if not isinstance(items, list):
        raise PayloadError(f"expected a list, got {kind_of(items)}", "data")
    if len(items) > MAX_ITEMS:
        raise PayloadError(f"{len(items)} items, more than {MAX_ITEMS}", "data")
    return items


def _optional_object(parent: dict[str, Any], name: str) -> dict[str, Any]:
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PayloadError(f"expected an object, got {kind_of(value)}", name)
    return value


def _refuse_other_subject(payload: dict[str, Any], subject: Entity) -> None:
    """An answer about somebody else (a mixed-up cache) must not enter the graph."""
    answered = asked(payload)
    if answered is None or answered.subject.type != subject.type:
        return
    same_kind = hash_kind(answered.subject.id) == hash_kind(subject.id)
    if same_kind and answered.subject.id != subject.id:
        raise PayloadError(f"the answer is about {answered.subject.id[:80]}", "links.self")


def _count(meta: dict[str, Any], remarks: list[str]) -> int | None:
    count = meta.get("count")
    if count is None:
        return None
    if type(count) is int and 0 <= count < 2**53:
        return count
    remarks.append(f"meta.count: expected a count, got {kind_of(count)} (ignored)")
    return None


def _cursor(meta: dict[str, Any]) -> str | None:
    cursor = meta.get("cursor")
    if cursor is None:
        return None
    path = "meta.cursor"
    if not isinstance(cursor, str):
        raise PayloadError(f"expected a string, got {kind_of(cursor)}", path)
    if not 0 < len(cursor) <= MAX_CURSOR:
        raise PayloadError(f"{len(cursor)} characters, expected 1 to {MAX_CURSOR}", path)
    if not (cursor.isascii() and cursor.isprintable()):
        raise PayloadError("contains characters no cursor has", path)
    return cursor


# --- one item ------------------------------------------------------------------------------------


def _observations(
    item: object, path: str, subject: Entity, remarks: list[str]
) -> list[Observation]:
    if not isinstance(item, dict):
        raise PayloadError(f"expected an object, got {kind_of(item)}", path)
    refuse_depth(item, path)
    reference = _reference(item, path, remarks)
    behind = _related_from(item, path, remarks)
    if not behind:
        return [Observation(subject, reference, None)]
    return [Observation(subject, reference, entity) for entity in behind]


def _reference(item: dict[str, Any], path: str, remarks: list[str]) -> Entity:
    entity_type, entity_id = item.get("type"), item.get("id")
    if not is_type(entity_type):
        raise PayloadError(f"expected an object type, got {shown(entity_type)}", f"{path}.type")
    if entity_type == REFERENCE:
        entity_id = _reference_id(entity_id, f"{path}.id", remarks)
    elif not is_id(entity_id):
        raise PayloadError(f"expected an id, got {shown(entity_id)}", f"{path}.id")
    else:
        remarks.append(f"{path}.type: {shown(entity_type)} where a reference was expected (kept)")
    if "error" in item:
        remarks.append(f"{path}.error: the service lists this reference but does not hold it")
    attributes = _attributes(item.get("attributes"), f"{path}.attributes", remarks)
    return Entity(str(entity_type), str(entity_id), attributes)


def _reference_id(value: object, path: str, remarks: list[str]) -> str:
    if not isinstance(value, str) or hash_kind(value) != "sha256":
        raise PayloadError(f"expected 64 hexadecimal digits, got {shown(value)}", path)
    if value != value.lower():
        remarks.append(f"{path}: lower-cased")
    return value.lower()


def _related_from(item: dict[str, Any], path: str, remarks: list[str]) -> list[Entity]:
    context = item.get("context_attributes")
    links = context.get("related_from") if isinstance(context, dict) else None
    if links is None:
        return []
    path = f"{path}.context_attributes.related_from"
    if not isinstance(links, list):
        remarks.append(f"{path}: expected a list, got {kind_of(links)} (set aside)")
        return []
    found: dict[str, Entity] = {}
    for index, link in enumerate(links[:MAX_ITEMS]):
        entity = _linked(link, f"{path}[{index}]", remarks)
        if entity is not None:
            found.setdefault(entity.key, entity)
    return list(found.values())


def _linked(link: object, path: str, remarks: list[str]) -> Entity | None:
    if not isinstance(link, dict):
        remarks.append(f"{path}: expected an object, got {kind_of(link)} (set aside)")
        return None
    if not is_type(link.get("type")) or not is_id(link.get("id")):
        named = f"{shown(link.get('type'))} {shown(link.get('id'))}"
        remarks.append(f"{path}: expected a type and an id, got {named} (set aside)")
        return None
    attributes = _attributes(link.get("attributes"), f"{path}.attributes", remarks)
    return Entity(link["type"], link["id"], attributes)


def _attributes(value: object, path: str, remarks: list[str]) -> dict[str, Scalar]:
    """The scalar attributes of an object; lists of strings joined; what is empty left out."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        remarks.append(f"{path}: expected an object, got {kind_of(value)} (ignored)")
        return {}
    if len(value) > MAX_KEYS:
        raise PayloadError(f"{len(value)} keys, more than {MAX_KEYS}", path)
    kept: dict[str, Scalar] = {}
    for name, raw in value.items():
        scalar = _attribute(name, raw, path, remarks)
        if scalar is not None:
            kept[name] = scalar
    return kept


_TEXTS = frozenset({"url", "title", "author", "name"})


def _attribute(name: str, raw: object, path: str, remarks: list[str]) -> Scalar | None:
    if raw is None or raw == "" or not is_type(name):
        return None
    if name.endswith("_date"):
        if type(raw) is int and raw in _DATES:
            return raw
        remarks.append(f"{path}.{name}: {shown(raw)} is no date between 1990 and 2100 (left out)")
        return None
    if name in _TEXTS and not isinstance(raw, str):
        remarks.append(f"{path}.{name}: expected a string, got {kind_of(raw)} (left out)")
        return None
    return _scalar(raw)


def _scalar(raw: object) -> Scalar | None:
    if isinstance(raw, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", raw[:MAX_TEXT])
    if isinstance(raw, bool | float):
        return raw
    if isinstance(raw, int):
        return raw if raw in _INT64 else None
    if isinstance(raw, list) and raw and all(isinstance(entry, str) for entry in raw):
        return _scalar("; ".join(raw)[:_MAX_LIST_TEXT])
    return None

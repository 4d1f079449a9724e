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
from urllib.parse import unquote, urlsplit

from graphbuild.api.endpoints import ENDPOINTS, LISTED, REPORT_PREFIX, classic_name, reference_id
from graphbuild.api.json_decoding import (
    ENTRY_LEVELS,
    Shallow,
    attributes,
    decode_json,
    decode_plain,
    describe_type,
    describe_value,
    entries_of,
    list_of,
    plain_attributes,
    refuse_depth,
    take_apart,
    take_rest,
)
from graphbuild.errors import PayloadError
from graphbuild.models import (
    COLLECTION,
    FILE,
    REFERENCE,
    RELATED_REFERENCES,
    URL,
    Entity,
    Entry,
    Page,
    detect_hash_type,
    is_object_id,
    is_object_type,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbuild.models import Scalar

# What a report's attributes are called on a reference.
_CLASSIC_ATTRIBUTES = {"name": "title", "link": "url"}
MAX_ITEMS = 10_000
_MOST_RECALLED = 10_000  # entries: about twenty megabytes
_MOST_LISTS = 400  # whole lists: about ten
_BEGINNING = 1_024  # bytes of a list by which it is looked up
MAX_CURSOR = 4_096
MAX_WARNINGS = 1_000
_MAX_ADDRESS = 4 * MAX_CURSOR  # room for a cursor that is percent-encoded
_SUBJECT_PATH = re.compile(
    r".*/(?P<endpoint>[a-z_]+)/(?P<id>[^/]+)(?:/relationships)?/(?P<relationship>[a-z_]+)"
)
# An address whose path is told by whoever splits it, without a question.
_PLAIN_ADDRESS = re.compile(r"https?://[A-Za-z0-9.:-]+(?P<path>/[A-Za-z0-9._~/-]+)")
_is_plain_hash = re.compile(r"[0-9a-f]{64}").fullmatch
_HASHED = frozenset({FILE, REFERENCE})  # types whose ids are SHA-256
_TYPES = {endpoint: kind for kind, endpoint in ENDPOINTS.items()}


@dataclass(frozen=True, slots=True)
class SelfLink:
    """What an answer says it answers, read from its ``links.self``."""

    subject: Entity
    relationship: str
    cursor: str | None
    limit: int | None


def parse_page(body: bytes, subject: Entity, relationship: str = RELATED_REFERENCES) -> Page:
    """Read the answer ``body`` to a question about ``subject``.

    Raises:
        PayloadError: the bytes are not such an answer; nothing of it can be used.
    """
    return parse_payload(decode_json(body), subject, relationship)


def parse_payload(
    payload: dict[str, Any], subject: Entity, relationship: str = RELATED_REFERENCES
) -> Page:
    """The same as :func:`parse_page` for an answer that is decoded already."""
    items = _items(payload)
    shallow = isinstance(payload, Shallow)
    if not shallow:
        refuse_depth({name: value for name, value in payload.items() if name != "data"}, "")
    reader = _Reader(LISTED[relationship], shallow=shallow)
    if relationship == RELATED_REFERENCES:
        return _page(payload, len(items), subject, reader.warnings, reader.read(items))
    return _page(payload, len(items), subject, reader.warnings, (), reader.listing(items))


def _page(  # noqa: PLR0913, PLR0917  what a page is made of
    payload: dict[str, Any],
    items: int,
    subject: Entity,
    warnings: list[str],
    entries: tuple[Entry, ...],
    listed: tuple[Entity, ...] = (),
) -> Page:
    """What the envelope says, around what the entries say."""
    meta = _optional_object(payload, "meta")
    question = parse_self_link(payload)
    named = _refuse_other_subject(question, subject)
    _warn_of_surplus(items, question, warnings)
    return Page(
        subject=subject,
        entries=entries,
        count=_count(meta, warnings),
        next_cursor=_next_cursor(payload, meta, warnings),
        item_count=items,
        warnings=_bounded(warnings),
        targets=listed,
        canonical_subject=named,
    )


def parse_self_link(payload: dict[str, Any]) -> SelfLink | None:
    """What ``payload`` answers, by its ``links.self``; None where that cannot be told."""
    address = _link(payload, "self")
    if not isinstance(address, str) or len(address) > _MAX_ADDRESS:
        return None
    found = _SUBJECT_PATH.fullmatch(_path(address))
    if not found or found["endpoint"] not in _TYPES or not is_object_id(found["id"]):
        return None
    limit = _parameter(address, "limit") or ""
    return SelfLink(
        subject=_subject(_TYPES[found["endpoint"]], found["id"]),
        relationship=classic_name(found["relationship"]),
        cursor=_parameter(address, "cursor"),
        limit=int(limit) if re.fullmatch(r"[0-9]{1,3}", limit) else None,
    )


def _path(address: str) -> str:
    """The path of an address; empty where it is none."""
    plain = _PLAIN_ADDRESS.fullmatch(address.partition("?")[0])
    if plain:
        return plain["path"]
    try:
        return urlsplit(address).path
    except ValueError:
        return ""


def _subject(entity_type: str, entity_id: str) -> Entity:
    if entity_type == COLLECTION and entity_id.startswith(REPORT_PREFIX):
        return Entity(REFERENCE, reference_id(entity_id))
    return Entity(entity_type, entity_id.lower() if detect_hash_type(entity_id) else entity_id)


# --- the envelope --------------------------------------------------------------------------------


def _items(payload: dict[str, Any]) -> list[Any]:
    if payload.get("error") is not None:
        raise PayloadError("the answer carries an error", "error")
    if "data" not in payload:
        raise PayloadError("missing", "data")
    items = payload["data"]
    if not isinstance(items, list):
        raise PayloadError(f"expected a list, got {describe_type(items)}", "data")
    if len(items) > MAX_ITEMS:
        raise PayloadError(f"{len(items)} items, more than {MAX_ITEMS}", "data")
    return items


def _optional_object(parent: dict[str, Any], name: str) -> dict[str, Any]:
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PayloadError(f"expected an object, got {describe_type(value)}", name)
    return value


def _refuse_other_subject(question: SelfLink | None, subject: Entity) -> Entity | None:
    """An answer about somebody else (a mixed-up cache) must not enter the graph.

    Returns:
        The subject under the service's own id, where the answer tells another than was asked by: a
        file asked about by its MD5 is answered under its SHA-256, an address under the SHA-256 of
        its canonical form.
    """
    if question is None or question.subject == _subject(subject.type, subject.id):
        return None
    other = question.subject
    kinds = detect_hash_type(other.id), detect_hash_type(subject.id)
    if other.type != subject.type or (kinds[0] == kinds[1] and subject.type != URL):
        raise PayloadError(f"the answer is about {other.type} {other.id[:80]!a}", "links.self")
    return other if kinds[0] == "sha256" else None


def _warn_of_surplus(items: int, question: SelfLink | None, warnings: list[str]) -> None:
    limit = question.limit if question else None
    if limit and items > limit:
        warnings.append(f"data: {items} entries where {limit} were asked for (all read)")


def _count(meta: dict[str, Any], warnings: list[str]) -> int | None:
    count = meta.get("count")
    if count is None:
        return None
    if type(count) is int and 0 <= count < 2**53:
        return count
    warnings.append(f"meta.count: expected a count, got {describe_type(count)} (ignored)")
    return None


def _bounded(warnings: list[str]) -> tuple[str, ...]:
    more = len(warnings) - MAX_WARNINGS
    return (*warnings[:MAX_WARNINGS], f"and {more} more") if more > 0 else tuple(warnings)


# --- where the next page starts ------------------------------------------------------------------


def _next_cursor(payload: dict[str, Any], meta: dict[str, Any], warnings: list[str]) -> str | None:
    """``meta.cursor``; where it is missing, the one in ``links.next``, if that is our question.

    No address in an answer is ever asked; ``links.next`` is read for its cursor and for warnings.
    """
    cursor = _cursor(meta.get("cursor"), "meta.cursor")
    following = _link(payload, "next")
    if following is None:
        return cursor
    if not _same_question(following, _link(payload, "self")):
        ended = "" if cursor else "; paging ends here"
        warnings.append(f"links.next: not the address of this list (ignored{ended})")
        return cursor
    stated = _parameter(following, "cursor")
    if cursor is None:
        stated = _cursor(stated, "links.next")
        said = "its cursor is used, as meta.cursor is missing"
        warnings.append(f"links.next: {said if stated else 'without a cursor; paging ends here'}")
        return stated
    if stated != cursor:
        warnings.append("links.next: another cursor than meta.cursor, which counts")
    return cursor


def _cursor(cursor: object, path: str) -> str | None:
    if cursor is None:
        return None
    if not isinstance(cursor, str):
        raise PayloadError(f"expected a string, got {describe_type(cursor)}", path)
    if not 0 < len(cursor) <= MAX_CURSOR:
        raise PayloadError(f"{len(cursor)} characters, expected 1 to {MAX_CURSOR}", path)
    if not (cursor.isascii() and cursor.isprintable()):
        raise PayloadError("contains characters no cursor has", path)
    return cursor


def _link(payload: dict[str, Any], name: str) -> object:
    links = payload.get("links")
    return links.get(name) if isinstance(links, dict) else None


def _same_question(address: object, own: object) -> bool:
    """Whether two addresses are the same to the letter, up to their query."""
    if not isinstance(address, str) or not isinstance(own, str):
        return False
    return len(address) <= _MAX_ADDRESS and address.partition("?")[0] == own.partition("?")[0]


def _parameter(address: object, name: str) -> str | None:
    """The first of that name; a plus stands for itself, as cursors are base64."""
    for field in str(address).partition("?")[2].partition("#")[0].split("&"):
        stated, _, value = field.partition("=")
        if value and (stated == name or ("%" in stated and unquote(stated) == name)):
            return unquote(value)
    return None


# --- the entries ---------------------------------------------------------------------------------


class _Reader:
    """Reads the entries of one answer; what is odd about them becomes warnings.

    Nearly all entries are plain: nothing about them is changed, left out or told. These are read
    the short way; what is not plain is left to the careful way, which alone decides about it.
    """

    def __init__(self, expected: str, *, shallow: bool) -> None:
        self.warnings: list[str] = []
        self._expected = expected
        self._shallow = shallow
        self._references: dict[tuple[str, str], Entity] = {}
        self._last_link: tuple[object, Entity | None] = (), None  # no JSON value equals ()
        self._links: dict[str, tuple[object, Entity]] = {}  # plain ones, by their ids
        self._plain_before: tuple[Any, tuple[Entity, ...]] = (), ()  # all of a plain entry's

    def read(self, items: list[Any]) -> tuple[Entry, ...]:
        """What the entries say, in their order; a bad one costs only itself."""
        entries = (self.entry(item, index) for index, item in enumerate(items))
        return tuple(said for said in entries if said is not None)

    def entry(self, item: object, index: int) -> Entry | None:
        """What one entry says; None where it is set aside."""
        said = self.plain_entry(item) if self._shallow else None
        if said is not None:
            return said
        try:
            return self._entry(item, f"data[{index}]")
        except PayloadError as error:
            self.warnings.append(f"{error} (set aside)")
            return None

    def listing(self, items: Iterable[Any]) -> tuple[Entity, ...]:
        """The entries themselves, in their order; a bad one costs only itself."""
        found: dict[str, Entity] = {}
        for index, item in enumerate(items):
            try:
                path = f"data[{index}]"
                entity = self._item(_object(item, path), path)
            except PayloadError as error:
                self.warnings.append(f"{error} (set aside)")
            else:
                found[entity.key] = entity
        return tuple(found.values())

    # --- the short way ---

    def plain_entry(self, item: object) -> Entry | None:
        """What a plain entry says; None if it is not plain, and then nothing has been done."""
        if type(item) is not dict or "error" in item:
            return None
        try:
            name, links = item["id"], item["context_attributes"]["related_from"]
            known = plain_attributes(item["attributes"])
            if known is None or item["type"] != self._expected or not _is_plain_hash(name):
                return None
        except (KeyError, TypeError):
            return None
        key = self._expected, name
        if key in self._references:
            return None
        if links != self._plain_before[0]:
            behind = self._plain_links(links)
            if not behind:
                return None
            self._plain_before = links, behind
        links, behind = self._plain_before
        self._last_link = links[-1], behind[-1]
        reference = self._references[key] = Entity(self._expected, name, known)
        return Entry(reference, behind)

    def _plain_links(self, links: object) -> tuple[Entity, ...] | None:
        if type(links) is not list:
            return None
        found: list[Entity] = []
        for link in links:
            entity = self._plain_link(link)
            if entity is None or (found and entity in found):
                return None
            found.append(entity)
        return tuple(found)

    def _plain_link(self, link: object) -> Entity | None:
        if type(link) is not dict:
            return None
        name = link.get("id")
        known = self._links.get(name) if type(name) is str else None
        if known is not None and known[0] == link:
            return known[1]
        told = plain_attributes(link.get("attributes", {}))
        if told is None or link.get("type") != COLLECTION or not is_object_id(name):
            return None
        entity = Entity(COLLECTION, str(name), told)
        self._links[entity.id] = link, entity
        return entity

    # --- the careful way ---

    def _item(self, item: dict[str, Any], path: str) -> Entity:
        if not self._shallow:
            refuse_depth(item, path)
        return self._merged(self._reference(item, path), path)

    def _entry(self, item: object, path: str) -> Entry:
        item = _object(item, path)
        reference = self._item(item, path)
        return Entry(reference, tuple(self._related_from(item, path)) or (None,))

    def _reference(self, item: dict[str, Any], path: str) -> Entity:
        reference = self._entity(item, path, self._expected)
        if item.get("error") is not None:
            self.warnings.append(f"{path}.error: the service lists this but does not hold it")
        return reference

    def _merged(self, reference: Entity, path: str) -> Entity:
        """A reference that stands twice on a page is one; what each says of it is known."""
        key = reference.type, reference.id
        earlier = self._references.setdefault(key, reference)
        if earlier is reference:
            return reference
        same = "" if earlier.attributes == reference.attributes else ", with other attributes"
        self.warnings.append(f"{path}.id: the same reference once more{same} (merged)")
        known = {**earlier.attributes, **reference.attributes}
        merged = Entity(reference.type, reference.id, known)
        self._references[key] = merged
        return merged

    def _related_from(self, item: dict[str, Any], path: str) -> list[Entity]:
        context = item.get("context_attributes")
        links = context.get("related_from") if isinstance(context, dict) else None
        if links is None:
            return []
        path = f"{path}.context_attributes.related_from"
        if not isinstance(links, list):
            self.warnings.append(f"{path}: expected a list, got {describe_type(links)} (set aside)")
            return []
        found: dict[str, Entity] = {}
        for index, link in enumerate(links):
            entity = self._linked(link, f"{path}[{index}]")
            if entity and (entity.attributes or entity.key not in found):
                found[entity.key] = entity
        return list(found.values())

    def _linked(self, link: object, path: str) -> Entity | None:
        if link == self._last_link[0]:  # most entries of a page name the same collection
            return self._last_link[1]
        try:
            entity = self._entity(link, path, COLLECTION)
        except PayloadError as error:
            self.warnings.append(f"{error} (set aside)")
            return None
        self._last_link = link, entity
        return entity

    def _entity(self, stated: object, path: str, expected: str) -> Entity:
        told = _object(stated, path)
        entity_type = told.get("type")
        # A report that is listed is a reference; one through which others are is a collection.
        is_report = expected == REFERENCE and entity_type == COLLECTION and _is_report(told)
        if entity_type != expected and not is_report:
            entity_type = self._other_type(entity_type, f"{path}.type", expected)
        entity_id = self._id(str(entity_type), told.get("id"), f"{path}.id")
        known = attributes(told.get("attributes"), f"{path}.attributes", self.warnings)
        if is_report:
            return _reference_of(entity_id, known)
        return Entity(str(entity_type), entity_id, known)

    def _other_type(self, stated: object, path: str, expected: str) -> str:
        """Types are open: one that was not expected is kept, and told."""
        if not is_object_type(stated):
            raise PayloadError(f"expected an object type, got {describe_value(stated)}", path)
        self.warnings.append(
            f"{path}: {describe_value(stated)} where a {expected} was expected (kept)"
        )
        return str(stated)

    def _id(self, entity_type: str, stated: object, path: str) -> str:
        if entity_type not in _HASHED:
            if is_object_id(stated):
                return str(stated)
            raise PayloadError(f"expected an id, got {describe_value(stated)}", path)
        if not isinstance(stated, str) or detect_hash_type(stated) != "sha256":
            raise PayloadError(
                f"expected 64 hexadecimal digits, got {describe_value(stated)}", path
            )
        lowered = stated.lower()
        if stated != lowered:
            self.warnings.append(f"{path}: lower-cased")
        return lowered


class Recall:
    """Lists and entries met before, by their bytes: files of one family are told the same ones.

    Only plain entries are remembered, which say the same on whatever page they stand, and lists of
    nothing else. What it reads is what :func:`parse_page` reads; anything it is not sure of it
    leaves to that.
    """

    def __init__(self) -> None:
        self._lists: dict[bytes, tuple[bytes, tuple[Entry, ...]]] = {}  # by how they begin
        self._entries: dict[bytes, Entry] = {}

    def page(self, body: bytes, subject: Entity) -> Page | None:
        """The page of ``related_references`` in ``body``; None where it is for others to read."""
        try:
            return self._again(body, subject) or self._met(body, subject)
        except PayloadError:
            return None

    def _again(self, body: bytes, subject: Entity) -> Page | None:
        """A page with a list that is remembered; None if it has none."""
        begin = list_of(body)
        if begin is None:
            return None
        text, entries = self._lists.get(body[begin : begin + _BEGINNING], (b"", ()))
        if not text or not body.startswith(text, begin):
            return None
        rest = take_rest(body, begin, begin + len(text))
        return None if rest is None else _page(rest, len(entries), subject, [], entries)

    def _met(self, body: bytes, subject: Entity) -> Page | None:
        """A page with any list."""
        apart = take_apart(body)
        raw = entries_of(apart.data) if apart else None
        if apart is None or raw is None or len(raw) > MAX_ITEMS:
            return None
        warnings: list[str] = []
        entries = self._read(raw, warnings)
        if entries is None:
            return None
        if len(entries) == len(raw) and not warnings:
            self._remember(apart.data, entries)
        return _page(apart.rest, len(raw), subject, warnings, entries)

    def _read(self, raw: list[bytes], warnings: list[str]) -> tuple[Entry, ...] | None:
        reader = _Reader(REFERENCE, shallow=True)
        entries: list[Entry] = []
        for index, text in enumerate(raw):
            said = self._entries.get(text)
            if said is None:
                item = decode_plain(text, ENTRY_LEVELS)
                if item is None:
                    return None
                said = self._meet(text, {**item}, reader, index)
            if said is not None:
                entries.append(said)
        if len({entry.reference.key for entry in entries}) < len(entries):
            return None  # one that stands twice is merged, and told
        warnings += reader.warnings
        return tuple(entries)

    def _meet(self, text: bytes, item: dict[str, Any], reader: _Reader, index: int) -> Entry | None:
        said = reader.plain_entry(item)
        if said is None:
            return reader.entry(item, index)
        if len(self._entries) >= _MOST_RECALLED:
            self._entries.clear()
        self._entries[text] = said
        return said

    def _remember(self, data: bytes, entries: tuple[Entry, ...]) -> None:
        """Of lists that begin alike, the newest."""
        if len(self._lists) >= _MOST_LISTS:
            self._lists.clear()
        self._lists[data[:_BEGINNING]] = data, entries


def _object(value: object, path: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise PayloadError(f"expected an object, got {describe_type(value)}", path)


# --- reports, which are references ---------------------------------------------------------------


def _is_report(stated: dict[str, Any]) -> bool:
    """Whether a collection is a report: by its type, or by its id where only that is told."""
    known = stated.get("attributes")
    kind = known.get("collection_type") if isinstance(known, dict) else None
    return kind == "report" or (kind is None and str(stated.get("id")).startswith(REPORT_PREFIX))


def _reference_of(report: str, known: dict[str, Scalar]) -> Entity:
    """The reference that a report is: the classic id and names, the original ones kept."""
    renamed = {_CLASSIC_ATTRIBUTES.get(name, name): value for name, value in known.items()}
    original: dict[str, Scalar] = {"original_type": COLLECTION, "original_id": report}
    return Entity(REFERENCE, reference_id(report), {**renamed, **original})

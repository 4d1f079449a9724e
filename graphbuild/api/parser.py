"""Parsing of API responses into pages.

A page depends only on the request and the bytes of the response, so stored responses can be parsed
again without a call. PayloadError is raised if the response as a whole is unusable, for example if
it has no ``data``. Invalid items are skipped, and invalid attributes are left out.
``Page.warnings`` lists these changes.

Sources: https://docs.virustotal.com/reference/collections,
https://developers.virustotal.com/reference/files-object-related_references.
"""

from __future__ import annotations

from typing import Any

from graphbuild.api.attributes import parse_attributes
from graphbuild.api.descriptions import parse_description
from graphbuild.api.endpoints import OBJECT_TYPES, RELATIONSHIPS
from graphbuild.api.gti_reports import is_report, reference_of_report
from graphbuild.api.json_decoding import check_depth, decode_json, describe_type, describe_value
from graphbuild.api.links import (
    MAX_CURSOR,
    envelope_link,
    find_canonical_subject,
    is_same_list,
    parse_self_link,
    query_parameter,
)
from graphbuild.errors import PayloadError
from graphbuild.models import (
    COLLECTION,
    DESCRIPTION,
    FILE_ID_HASH,
    REFERENCE,
    RELATED_REFERENCES,
    Entity,
    Entry,
    Page,
    detect_hash_type,
    is_object_id,
    is_object_type,
)

MAX_ITEMS = 10_000  # per page
MAX_WARNINGS = 1_000  # per page
_HASH_ID_TYPES = frozenset(name for name, each in OBJECT_TYPES.items() if each.has_hash_id)


def parse_page(body: bytes, subject: Entity, relationship: str = RELATED_REFERENCES) -> Page:
    """Parse the body of a response to a request for a relationship of ``subject``.

    With ``DESCRIPTION`` as the relationship, the response must contain ``subject`` itself.

    Raises:
        KeyError: The relationship is unknown.
        PayloadError: The body is not a page, or the page is about another subject.
    """
    return parse_payload(decode_json(body), subject, relationship)


def parse_payload(
    payload: dict[str, Any], subject: Entity, relationship: str = RELATED_REFERENCES
) -> Page:
    """Parse the decoded JSON of a response; see :func:`parse_page`."""
    if relationship == DESCRIPTION:
        return parse_description(payload, subject)
    items = _items(payload)
    check_depth({name: value for name, value in payload.items() if name != "data"}, "")
    parser = _ItemParser(RELATIONSHIPS[relationship].target_type)
    warnings = parser.warnings
    has_collections = relationship == RELATED_REFERENCES
    entries = parser.parse_entries(items) if has_collections else ()
    targets = () if has_collections else parser.parse_targets(items)
    meta = payload.get("meta")
    meta = {} if meta is None else _require_object(meta, "meta")
    self_link = parse_self_link(payload)
    canonical_subject = find_canonical_subject(self_link, subject)
    if self_link and self_link.limit and len(items) > self_link.limit:
        warnings.append(
            f"data: {len(items)} entries, although {self_link.limit} were requested (all read)"
        )
    return Page(
        subject=subject,
        entries=entries,
        count=_parse_count(meta, warnings),
        next_cursor=_parse_next_cursor(payload, meta, warnings),
        item_count=len(items),
        warnings=_limit_warnings(warnings),
        targets=targets,
        canonical_subject=canonical_subject,
        skipped_count=parser.skipped_count,
    )


# --- the response as a whole ---------------------------------------------------------------------


def _items(payload: dict[str, Any]) -> list[Any]:
    if payload.get("error") is not None:
        raise PayloadError("the response contains an error", "error")
    if "data" not in payload:
        raise PayloadError("missing", "data")
    items = payload["data"]
    if not isinstance(items, list):
        raise PayloadError(f"expected a list, got {describe_type(items)}", "data")
    if len(items) > MAX_ITEMS:
        raise PayloadError(f"{len(items)} items, more than {MAX_ITEMS}", "data")
    return items


def _require_object(value: object, path: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise PayloadError(f"expected an object, got {describe_type(value)}", path)


def _parse_count(meta: dict[str, Any], warnings: list[str]) -> int | None:
    count = meta.get("count")
    if count is None or (type(count) is int and 0 <= count < 2**53):
        return count
    warnings.append(f"meta.count: expected a count, got {describe_type(count)} (ignored)")
    return None


def _limit_warnings(warnings: list[str]) -> tuple[str, ...]:
    more = len(warnings) - MAX_WARNINGS
    return (*warnings[:MAX_WARNINGS], f"and {more} more") if more > 0 else tuple(warnings)


# --- links ---------------------------------------------------------------------------------------


def _parse_next_cursor(
    payload: dict[str, Any], meta: dict[str, Any], warnings: list[str]
) -> str | None:
    """Return the cursor of the next page, or None if there is no next page.

    The cursor is ``meta.cursor`` or, if that is missing, the cursor in ``links.next``. The URL
    ``links.next`` is never requested. It is ignored if it belongs to another list.
    """
    cursor = _check_cursor(meta.get("cursor"), "meta.cursor")
    link = envelope_link(payload, "next")
    if link is None:
        return cursor
    if not is_same_list(link, envelope_link(payload, "self")):
        end = "" if cursor else "; paging ends here"
        warnings.append(f"links.next: not a URL of this list (ignored{end})")
        return cursor
    stated = query_parameter(link, "cursor")
    if cursor is None:
        cursor = _check_cursor(stated, "links.next")
        action = "its cursor is used, because meta.cursor is missing"
        warnings.append(f"links.next: {action if cursor else 'no cursor; paging ends here'}")
    elif stated != cursor:
        warnings.append("links.next: its cursor differs from meta.cursor, which is used")
    return cursor


def _check_cursor(cursor: object, path: str) -> str | None:
    if cursor is None:
        return None
    if not isinstance(cursor, str):
        raise PayloadError(f"expected a string, got {describe_type(cursor)}", path)
    if not 0 < len(cursor) <= MAX_CURSOR:
        raise PayloadError(f"{len(cursor)} characters, expected 1 to {MAX_CURSOR}", path)
    if not (cursor.isascii() and cursor.isprintable()):
        raise PayloadError("contains characters that are invalid in a cursor", path)
    return cursor


# --- items ---------------------------------------------------------------------------------------


class _ItemParser:
    """Parses the items of one page, which should all have the type ``expected_type``.

    Items of other types are kept, with a warning.
    """

    def __init__(self, expected_type: str) -> None:
        self.warnings: list[str] = []
        self.skipped_count = 0
        self._expected_type = expected_type
        self._targets: dict[str, Entity] = {}
        # The last value in a ``related_from``, and its entity. This is a cache: most entries of a
        # page have the same collection as the previous entry.
        self._last_collection: tuple[object, Entity | None] = ((), None)  # no JSON value equals ()

    def parse_entries(self, items: list[Any]) -> tuple[Entry, ...]:
        """Return the valid entries of a ``related_references`` page."""
        entries = []
        for index, item in enumerate(items):
            path = f"data[{index}]"
            if target := self._parse_target(item, path):
                entries.append(Entry(target, self._parse_related_from(item, path) or (None,)))
        return tuple(entries)

    def parse_targets(self, items: list[Any]) -> tuple[Entity, ...]:
        """Return the distinct entities on a page of another relationship."""
        for index, item in enumerate(items):
            self._parse_target(item, f"data[{index}]")
        return tuple(self._targets.values())

    def _parse_target(self, item: Any, path: str) -> Entity | None:  # noqa: ANN401  any JSON value
        """Return the entity of an item, or None if the item is skipped."""
        try:
            check_depth(_require_object(item, path), path)
            target = self._parse_entity(item, path, self._expected_type)
        except PayloadError as error:
            self.skipped_count += 1
            self.warnings.append(f"{error} (skipped)")
            return None
        if item.get("error") is not None:
            self.warnings.append(f"{path}.error: the service lists this object but has no data")
        earlier = self._targets.get(target.key)
        if earlier is not None:
            note = "" if earlier.attributes == target.attributes else ", with other attributes"
            self.warnings.append(f"{path}.id: the same object again{note} (merged)")
            target = Entity(target.type, target.id, {**earlier.attributes, **target.attributes})
        self._targets[target.key] = target
        return target

    def _parse_related_from(self, item: dict[str, Any], path: str) -> tuple[Entity, ...]:
        context = item.get("context_attributes")
        values = context.get("related_from") if isinstance(context, dict) else None
        if values is None:
            return ()
        path = f"{path}.context_attributes.related_from"
        if not isinstance(values, list):
            self.warnings.append(f"{path}: expected a list, got {describe_type(values)} (skipped)")
            return ()
        found: dict[str, Entity] = {}
        for index, value in enumerate(values):
            entity = self._parse_collection(value, f"{path}[{index}]")
            if entity and (entity.attributes or entity.key not in found):
                found[entity.key] = entity
        return tuple(found.values())

    def _parse_collection(self, value: object, path: str) -> Entity | None:
        if value == self._last_collection[0]:
            return self._last_collection[1]
        try:
            entity = self._parse_entity(value, path, COLLECTION)
        except PayloadError as error:
            self.warnings.append(f"{error} (skipped)")
            return None
        self._last_collection = value, entity
        return entity

    def _parse_entity(self, value: object, path: str, expected_type: str) -> Entity:
        fields = _require_object(value, path)
        # A gti report is parsed as a reference in a list of references, and as a collection in
        # related_from. The store unites these two entities when it reads the campaign file.
        listed_report = expected_type == REFERENCE and _is_report_object(fields)
        entity_type = COLLECTION if listed_report else expected_type
        if fields.get("type") != entity_type:
            entity_type = self._keep_unexpected_type(fields.get("type"), path, expected_type)
        entity_id = self._parse_id(entity_type, fields.get("id"), f"{path}.id")
        attributes = parse_attributes(fields.get("attributes"), f"{path}.attributes", self.warnings)
        if listed_report:
            return reference_of_report(entity_id, attributes)
        return Entity(entity_type, entity_id, attributes)

    def _keep_unexpected_type(self, value: object, path: str, expected_type: str) -> str:
        """Return an unexpected type and add a warning, because the API may have new types."""
        if not is_object_type(value):
            problem = f"expected an object type, got {describe_value(value)}"
            raise PayloadError(problem, f"{path}.type")
        self.warnings.append(
            f"{path}.type: {describe_value(value)} where a {expected_type} was expected (kept)"
        )
        return str(value)

    def _parse_id(self, entity_type: str, value: object, path: str) -> str:
        if entity_type not in _HASH_ID_TYPES:
            if not is_object_id(value):
                raise PayloadError(f"expected an id, got {describe_value(value)}", path)
            return str(value)
        if not isinstance(value, str) or detect_hash_type(value) != FILE_ID_HASH:
            raise PayloadError(f"expected 64 hexadecimal digits, got {describe_value(value)}", path)
        lowered = value.lower()
        if value != lowered:
            self.warnings.append(f"{path}: lower-cased")
        return lowered


def _is_report_object(fields: dict[str, Any]) -> bool:
    """Return whether an object of the API is a ``gti`` report."""
    if fields.get("type") != COLLECTION:
        return False
    attributes = fields.get("attributes")
    return is_report(str(fields.get("id")), attributes if isinstance(attributes, dict) else {})

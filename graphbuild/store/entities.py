"""Save and load entities (the table ``entity``), and unite the aliases of a subject.

The table has one row per type and id. A report of Google Threat Intelligence has two roles. As an
entry of a list of references, the report is stored as a reference. As an item of ``related_from``,
the report is stored as a collection. If a report occurs in both roles, :func:`load_entities` maps
its two rows to one entity, whose attributes :mod:`graphbuild.api.gti_reports` determines.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from graphbuild.api.endpoints import reference_id
from graphbuild.api.gti_reports import is_report, unite_roles
from graphbuild.errors import StoreError
from graphbuild.models import COLLECTION, COMPLETE, REFERENCE, Entity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graphbuild.models import Scalar
    from graphbuild.store.database import Database

NO_ENTITY = 0  # stored instead of a row id if there is no entity
_MAX_RECENT = 20_000  # entities in the cache, which then takes about 10 MB
ALIAS_DETAIL = "the same subject under another id"
_SCALARS = frozenset({str, int, float, bool})

encode_attributes = json.JSONEncoder(ensure_ascii=True, sort_keys=True).encode


def decode_attributes(text: str, api_id: str, path: Path) -> dict[str, Scalar]:
    """Decode the stored attributes of an entity or a seed.

    Raise StoreError if ``text`` is not a JSON object of scalar values. The message names the
    entity (``api_id``) and the campaign file (``path``).
    """
    with suppress(ValueError, TypeError, RecursionError):
        attributes = json.loads(text)
        if isinstance(attributes, dict) and _SCALARS.issuperset(map(type, attributes.values())):
            return attributes
    raise StoreError(f"{path}: the attributes of {api_id} are damaged; see graphbuild check")


def find_entity(db: Database, entity: Entity) -> int | None:
    """Return the row id of an entity, or None if it is not stored."""
    query = "SELECT id FROM entity WHERE type = ? AND api_id = ?"
    row = db.first(query, entity.type, entity.id)
    return int(row[0]) if row else None


class EntityWriter:
    """Saves entities, with a cache of recently saved ones.

    Most pages repeat known entities. Without the cache, storing a page takes three times as long.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        # (type, API id) -> row id, and ``repr`` of the attributes that were saved last.
        self._recent: dict[tuple[str, str], tuple[int, str]] = {}
        db.on_rollback(self._recent.clear)

    def save(self, entity: Entity) -> int:
        """Insert an entity, or update the attributes of the stored one; return the row id.

        Stored attributes that ``entity`` does not have are kept.
        """
        key = entity.type, entity.id
        attributes = repr(entity.attributes)  # distinguishes 1, 1.0 and True, which are equal
        known = self._recent.get(key)
        if known and (known[1] == attributes or not entity.attributes):
            return known[0]
        entity_id = self._save(entity)
        if len(self._recent) >= _MAX_RECENT:
            self._recent.clear()
        self._recent[key] = entity_id, attributes
        return entity_id

    def _save(self, entity: Entity) -> int:
        key = entity.type, entity.id
        row = self._db.first(
            "INSERT INTO entity (type, api_id, attributes) VALUES (?, ?, ?)"
            " ON CONFLICT DO NOTHING RETURNING id",
            *key,
            encode_attributes(dict(entity.attributes)),
        )
        if row is not None:
            return int(row[0])
        query = "SELECT id, attributes FROM entity WHERE type = ? AND api_id = ?"
        ((entity_id, text),) = self._db.rows(query, *key)
        if entity.attributes:
            stored = decode_attributes(text, entity.id, self._db.path)
            merged = encode_attributes({**stored, **entity.attributes})
            if merged != text:
                self._db.update("entity", entity_id, attributes=merged)
        return int(entity_id)


class EntityById(dict[int, Entity]):
    """Entities by row id. A lookup of a missing id raises StoreError.

    Attributes:
        report_rows: Row id of a collection that is a report -> row id of the entity that represents
            the report. That entity is the reference or, if the reference is not stored, the first
            collection that is this report.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.report_rows: dict[int, int] = {}

    def __missing__(self, entity_id: int) -> Entity:
        raise StoreError(
            f"{self._path}: a row refers to entity {entity_id}, which is missing; "
            "see graphbuild check"
        )


def load_entities(db: Database) -> EntityById:
    """Return all entities by row id.

    The row id of an alias maps to the canonical entity. The row id of a collection that is a report
    maps to a reference, even if that reference has no row.
    """
    entities = EntityById(db.path)
    canonical_ids: dict[int, int] = {}
    for entity_id, entity_type, api_id, attributes, same_as in db.rows(
        "SELECT id, type, api_id, attributes, same_as FROM entity"
    ):
        decoded = decode_attributes(attributes, api_id, db.path)
        entities[entity_id] = Entity(entity_type, api_id, decoded)
        if same_as:
            canonical_ids[entity_id] = same_as
    _unite_reports(entities, find_reports(db))
    entities.update((alias, entities[same_as]) for alias, same_as in canonical_ids.items())
    return entities


# --- reports -------------------------------------------------------------------------------------


def find_reports(db: Database) -> dict[int, str]:
    """Return the collections that are reports: row id of the collection -> API id of the reference.

    A collection is a report according to :func:`is_report`, or if a stored list contains the same
    object as a reference.
    """
    rows = db.rows(
        "SELECT collection.id, collection.api_id, collection.attributes, listed.attributes"
        " FROM entity AS collection LEFT JOIN entity AS listed"
        " ON listed.type = ? AND listed.api_id = collection.api_id"
        " WHERE collection.type = ? ORDER BY collection.id",
        REFERENCE,
        COLLECTION,
    )
    return {
        row_id: reference_id(api_id)
        for row_id, api_id, own, listed in rows
        if is_report(api_id, decode_attributes(own, api_id, db.path))
        or (listed and decode_attributes(listed, api_id, db.path).get("original_id") == api_id)
    }


def count_types(db: Database) -> Counter[str]:
    """Return the number of entities of each type, with aliases. Reports count as references."""
    counts = Counter(dict(db.rows("SELECT type, count(*) FROM entity GROUP BY type")))
    reports = find_reports(db)
    unlisted = (find_entity(db, Entity(REFERENCE, each)) is None for each in set(reports.values()))
    counts[COLLECTION] -= len(reports)
    counts[REFERENCE] += sum(unlisted)
    return counts


def _unite_reports(entities: EntityById, reports: dict[int, str]) -> None:
    """Map all row ids of each report to one reference. ``reports`` is from :func:`find_reports`."""
    if not reports:
        return
    rows = {each.id: row_id for row_id, each in entities.items() if each.type == REFERENCE}
    collections: dict[str, list[int]] = {}
    for row_id, reference in reports.items():
        collections.setdefault(reference, []).append(row_id)
    for reference, row_ids in collections.items():
        first = rows.get(reference, row_ids[0])
        listed = entities[first] if reference in rows else Entity(REFERENCE, reference)
        united = unite_roles(listed, [entities[row_id] for row_id in row_ids])
        entities.report_rows.update(dict.fromkeys(row_ids, first))
        entities.update(dict.fromkeys((first, *row_ids), united))


# --- aliases -------------------------------------------------------------------------------------


def canonical_id(db: Database, entity_id: int) -> int:
    """Return the row id of an alias's canonical entity; for other entities, ``entity_id``."""
    return db.integer("SELECT same_as FROM entity WHERE id = ?", entity_id) or entity_id


def canonical_task(db: Database, task_id: int) -> int | None:
    """Return the canonical entity's task for the same relationship if the task is of an alias.

    Otherwise, return None. All ids are row ids.
    """
    row = db.first(
        "SELECT other.id FROM task JOIN entity ON entity.id = task.subject AND same_as <> 0"
        " JOIN task AS other ON other.subject = same_as AND other.relationship = task.relationship"
        " WHERE task.id = ?",
        task_id,
    )
    return int(row[0]) if row else None


def unite_entities(db: Database, alias: int, canonical: int) -> None:
    """Make one entity an alias of another, so that their lists are requested only once.

    ``alias`` and ``canonical`` are row ids. Aliases, seeds, tasks and pages of ``alias`` are moved
    to ``canonical``. If both have a task for the same relationship, one of these tasks is retired.
    """
    db.execute("UPDATE entity SET same_as = ? WHERE id = ?", canonical, alias)
    db.execute("UPDATE entity SET same_as = ? WHERE same_as = ?", canonical, alias)
    db.execute("UPDATE OR IGNORE seed SET entity = ? WHERE entity = ?", canonical, alias)
    tasks = list(db.rows("SELECT id, relationship FROM task WHERE subject = ?", alias))
    query = "SELECT id, page_count FROM task WHERE subject = ? AND relationship = ?"
    for task, relationship in tasks:
        other = db.first(query, canonical, relationship)
        if other is None:
            db.update("task", task, subject=canonical)
            continue
        other_task, page_count = other
        if page_count:
            _move_pages(db, task, other_task)
            _retire_task(db, task)
        else:
            # Exchange the subjects of the two tasks. This needs three steps, because each pair of
            # subject and relationship must be unique after each step.
            db.update("task", other_task, relationship="")
            db.update("task", task, subject=canonical)
            db.update("task", other_task, subject=alias, relationship=relationship)
            _retire_task(db, other_task)


def keep_first_position(db: Database, canonical: int, positions: Mapping[str, int]) -> None:
    """Move the tasks of an entity forward to the positions that tasks of its alias had.

    ``positions`` contains the row ids of these tasks by relationship, from before the entities were
    united. The order of row ids is the order in which lists are exported.
    """
    query = "SELECT id FROM task WHERE subject = ? AND relationship = ?"
    for relationship, first in positions.items():
        task = db.integer(query, canonical, relationship)
        if task <= first:
            continue
        # Exchange the row ids of the two tasks. The retired task has neither pages nor inferences.
        db.execute("UPDATE task SET id = -id WHERE id = ?", first)
        db.execute("UPDATE task SET id = ? WHERE id = ?", first, task)
        db.execute("UPDATE task SET id = ? WHERE id = ?", task, -first)
        for table in ("page", "inference"):
            db.execute(f"UPDATE {table} SET task = ? WHERE task = ?", first, task)  # noqa: S608  constants only


def next_alias_page_number(db: Database, task: int) -> int:
    """Return the next free number for a page that was requested for an alias: -1, -2, and so on.

    Facts of such a page are observations of the canonical subject, but paging ignores the page.
    """
    query = "SELECT min(0, coalesce(min(number), 0)) - 1 FROM page WHERE task = ?"
    return db.integer(query, task)


def _move_pages(db: Database, task: int, other: int) -> None:
    """Move a task's pages to ``other``, and the inferences that ``other`` does not have yet."""
    db.execute("UPDATE OR IGNORE inference SET task = ? WHERE task = ?", other, task)
    db.execute("DELETE FROM inference WHERE task = ?", task)
    for (page,) in list(db.rows("SELECT id FROM page WHERE task = ? ORDER BY id", task)):
        db.update("page", page, task=other, number=next_alias_page_number(db, other))


def _retire_task(db: Database, task: int) -> None:
    """Mark a task as complete, because another task requests the list under the canonical id."""
    db.update("task", task, state=COMPLETE, detail=ALIAS_DETAIL)
    db.execute(
        "UPDATE task SET cursor = NULL, expected_count = NULL, received_count = 0,"
        " inferred_count = 0, error_code = '', retry = 0, truncated_at = 0, audited = 0,"
        " fetched_at = NULL WHERE id = ?",
        task,
    )

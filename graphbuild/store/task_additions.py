"""Add and count tasks for the lists of found entities, and for direct references.

The argument ``condition`` of a function restricts the stored tasks from which the function derives
new tasks. It is an SQL condition that begins with ``AND``, or empty.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from graphbuild.api.endpoints import OBJECT_TYPES
from graphbuild.models import PENDING, REFERENCE, REFERENCES, RELATED_REFERENCES, Entity
from graphbuild.store.entities import find_entity, find_reports, load_entities
from graphbuild.store.schema import REFUTED

if TYPE_CHECKING:
    from graphbuild.store.database import Database
    from graphbuild.store.shards import Shard

# FOUND joins each task with its facts, except refuted inferences. Pass REFUTED as the parameter
# ``:refuted``.
# FOUND_IDS are the row ids of the two entities of a fact. A collection that is a report is replaced
# by the reference; see update_reports().
FOUND = (
    "task JOIN fact_by_task AS fact ON fact.task = task.id AND provenance <> :refuted"
    " LEFT JOIN temp.report AS listed ON listed.collection = fact.reference"
    " LEFT JOIN temp.report AS source ON source.collection = fact.related_from"
)
FOUND_IDS = (
    "(coalesce(listed.reference, fact.reference), coalesce(source.reference, fact.related_from))"
)
# The ``related_references`` tasks of subjects that have no task for direct references.
_WITHOUT_DIRECT = (
    "FROM task JOIN entity ON entity.id = task.subject AND same_as = 0"
    " WHERE relationship = :related AND NOT EXISTS (SELECT 1 FROM task AS other"
    " WHERE other.subject = task.subject AND other.relationship = :direct)"
)


def add_direct_tasks(db: Database, condition: str) -> int:
    """Add the missing tasks for the direct references of subjects; return their number.

    A new task has the depth of the subject's ``related_references``. The caller must have begun a
    transaction.
    """
    return db.execute(
        "INSERT INTO task (subject, relationship, state, depth)"
        f" SELECT task.subject, :direct, :pending, depth {_WITHOUT_DIRECT}{condition}"
        " ORDER BY task.id",
        related=RELATED_REFERENCES,
        direct=REFERENCES,
        pending=PENDING,
    ).rowcount


def count_without_direct(db: Database, condition: str) -> int:
    """Return the number of subjects without a task for direct references."""
    query = f"SELECT count(*) {_WITHOUT_DIRECT}{condition}"
    return db.integer(query, related=RELATED_REFERENCES, direct=REFERENCES)


def add_tasks_of_found(
    db: Database, depth: int, entity_type: str, relationship: str, condition: str
) -> int:
    """Add the missing tasks for a relationship of the entities found in the lists of one depth.

    Only entities of the type ``entity_type`` get a task. ``condition`` restricts the lists.

    Return the number of new tasks, which have the depth ``depth + 1``. The caller must have begun a
    transaction, and must have called :func:`update_reports` after the newest page was stored.
    """
    return db.execute(
        "INSERT OR IGNORE INTO task (subject, relationship, state, depth)"  # noqa: S608  constants only
        f" SELECT DISTINCT entity.id, :relationship, :pending, :depth + 1 FROM {FOUND}"
        f" JOIN entity ON entity.id IN {FOUND_IDS}"
        f" WHERE task.depth = :depth AND type = :type AND same_as = 0{condition}"
        " ORDER BY entity.id",
        relationship=relationship,
        pending=PENDING,
        depth=depth,
        refuted=REFUTED,
        type=entity_type,
    ).rowcount


def count_found(
    db: Database, depth: int, api_flavor: str, *, direct: bool, shard: Shard | None = None
) -> Counter[tuple[str, str]]:
    """Return the number of tasks that a crawl to ``depth`` would add, by type and relationship.

    The crawl would add these tasks for the entities in the stored lists of lower depths. With
    ``direct``, tasks for direct references are included, but only for entities that have no list
    yet. For the other entities, see :func:`count_without_direct`. If there is a ``shard``, only its
    tasks are counted.
    """
    entities = load_entities(db)
    tasks = db.rows("SELECT subject, relationship FROM task")
    known = {(entities[subject].key, relationship) for subject, relationship in tasks}
    facts = db.rows(
        "SELECT DISTINCT reference, related_from FROM task JOIN fact_by_task AS fact"
        " ON fact.task = task.id WHERE depth < ? AND provenance <> ?",
        depth,
        REFUTED,
    )
    found = {
        entities[row_id].key: entities[row_id].type for row in facts for row_id in row if row_id
    }
    missing: Counter[tuple[str, str]] = Counter()
    for key, entity_type in found.items():
        if shard is not None and not shard.contains(key):
            continue
        object_type = OBJECT_TYPES.get(entity_type)
        relationships = object_type.relationships_in(api_flavor) if object_type else ()
        missing.update((entity_type, each) for each in relationships if (key, each) not in known)
        if direct and object_type and not any((key, each) in known for each in relationships):
            missing.update((entity_type, each) for each in object_type.direct_relationships)
    return missing


def update_reports(db: Database) -> None:
    """Fill ``temp.report`` with all collections that are reports, each with its reference.

    Both columns contain row ids of entities. A reference that is not stored is inserted, so that a
    crawl can request its lists. The caller must have begun a transaction.
    """
    db.execute("DROP TABLE IF EXISTS temp.report")
    db.execute("CREATE TEMP TABLE report (collection INTEGER PRIMARY KEY, reference INTEGER)")
    for collection, reference_id in find_reports(db).items():
        reference = find_entity(db, Entity(REFERENCE, reference_id))
        if reference is None:
            columns = {"type": REFERENCE, "api_id": reference_id, "attributes": "{}"}
            reference = db.insert("entity", **columns)
        db.insert("temp.report", collection=collection, reference=reference)

"""Add tasks for subjects of the campaign file: the lists of found entities, and direct references.

Each function has an argument ``condition``, which restricts the tasks from which it starts. It is
SQL that begins with ``AND``, or empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.models import PENDING, REFERENCES, RELATED_REFERENCES
from graphbuild.store.schema import REFUTED

if TYPE_CHECKING:
    from graphbuild.store.database import Database

# The subjects whose direct references are not requested yet; aliases are omitted.
_WITHOUT_DIRECT = (
    "FROM task JOIN entity ON entity.id = task.subject AND same_as = 0"
    " WHERE relationship = :related AND NOT EXISTS (SELECT 1 FROM task AS other"
    " WHERE other.subject = task.subject AND other.relationship = :direct)"
)


def add_direct_tasks(db: Database, condition: str) -> int:
    """Add a task for the direct references of each subject without one; return how many.

    The task has the depth of the subject's ``related_references``. The caller must have begun a
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
    """Return the number of subjects for whose direct references there is no task yet."""
    query = f"SELECT count(*) {_WITHOUT_DIRECT}{condition}"
    return db.integer(query, related=RELATED_REFERENCES, direct=REFERENCES)


def add_tasks_of_found(
    db: Database, depth: int, entity_type: str, relationship: str, condition: str
) -> int:
    """Add a task for each entity of a type that the lists of ``depth`` contain; return how many.

    The tasks have the next depth. The caller must have begun a transaction.
    """
    return db.execute(
        "INSERT OR IGNORE INTO task (subject, relationship, state, depth)"  # noqa: S608  constants only
        " SELECT DISTINCT entity.id, :relationship, :pending, :depth + 1 FROM task"
        " JOIN fact_by_task AS fact ON fact.task = task.id AND provenance <> :refuted"
        " JOIN entity ON entity.id IN (reference, related_from)"
        f" WHERE task.depth = :depth AND type = :type AND same_as = 0{condition}"
        " ORDER BY entity.id",
        relationship=relationship,
        pending=PENDING,
        depth=depth,
        refuted=REFUTED,
        type=entity_type,
    ).rowcount

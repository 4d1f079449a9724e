"""Tasks that request the description of an object (``crawl --describe``).

A description is stored like a page of a list, with :data:`graphbuild.models.DESCRIPTION` as the
relationship of its task. It contains no observations. Its attributes are added to the entity.

A seed file whose SHA-256 is not known is described before any list is requested. The description
contains all hashes of the file, so that seeds with different hashes of one file need only one list.
All other objects are described after the lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from graphbuild.api.endpoints import DESCRIBABLE_TYPES
from graphbuild.models import (
    COLLECTION,
    COMPLETE,
    DESCRIPTION,
    FAILED,
    FILE,
    PENDING,
    detect_hash_type,
)
from graphbuild.store.entities import find_reports
from graphbuild.store.models import AFTER_LISTS, DEPTHS_BEFORE_LISTS, DescriptionCounts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from graphbuild.store.database import Database
    from graphbuild.store.task_queue import TaskQueue


class _Object(NamedTuple):
    """An object that can be described."""

    id: int  # the row id
    depth: int  # the depth of its task


class Descriptions:
    """Adds tasks for descriptions, and counts them."""

    def __init__(self, db: Database, tasks: TaskQueue) -> None:
        self._db = db
        self._tasks = tasks

    def add(self, kinds: Collection[str]) -> None:
        """Add a task for each object that has no task for its description.

        ``kinds`` contains keys of :data:`graphbuild.api.endpoints.DESCRIBABLE_TYPES`. If the queue
        is restricted, only the
        :meth:`~graphbuild.store.task_queue.TaskQueue.chosen_entities` get a task.
        """
        if not kinds:
            return
        with self._db.transaction():
            found = [each for kind in kinds for each in self._objects(DESCRIBABLE_TYPES[kind])]
            chosen = self._tasks.chosen_entities()
            if chosen is not None:
                found = [each for each in found if each.id in chosen]
            self._db.execute_many(
                "INSERT OR IGNORE INTO task (subject, relationship, state, depth)"
                " VALUES (?, ?, ?, ?)",
                [(each.id, DESCRIPTION, PENDING, each.depth) for each in found],
            )
            self._tasks.choose_descriptions()

    def counts(self) -> dict[str, DescriptionCounts]:
        """Return the counts of each kind of object, by its key in ``DESCRIBABLE_TYPES``."""
        states = dict(
            self._db.rows("SELECT subject, state FROM task WHERE relationship = ?", DESCRIPTION)
        )
        counts = {}
        for kind, entity_type in DESCRIBABLE_TYPES.items():
            objects = list(self._objects(entity_type))
            found = [states.get(each.id) for each in objects]
            counts[kind] = DescriptionCounts(
                objects=len(objects),
                described=found.count(COMPLETE),
                pending=found.count(PENDING),
                failed=found.count(FAILED),
                weak_hashes=sum(
                    each.depth < 0 and state is None
                    for each, state in zip(objects, found, strict=True)
                ),
            )
        return counts

    def _objects(self, entity_type: str) -> Iterator[_Object]:
        """Yield the objects of a type to describe, in the order in which they were stored.

        Aliases are left out.
        """
        return self._seed_files() if entity_type == FILE else self._collections()

    def _seed_files(self) -> Iterator[_Object]:
        """Yield the files that are seeds.

        Other files are entries of stored lists, which already contain the attributes of the files.
        """
        query = (
            "SELECT id, api_id FROM seed JOIN entity ON entity.id = seed.entity"
            " WHERE type = ? AND same_as = 0 ORDER BY id"
        )
        for entity_id, api_id in self._db.rows(query, FILE):
            depth = DEPTHS_BEFORE_LISTS.get(detect_hash_type(api_id) or "", AFTER_LISTS)
            yield _Object(entity_id, depth)

    def _collections(self) -> Iterator[_Object]:
        """Yield the collections except reports, which are references."""
        reports = find_reports(self._db)
        query = "SELECT id FROM entity WHERE type = ? AND same_as = 0 ORDER BY id"
        for (entity_id,) in self._db.rows(query, COLLECTION):
            if entity_id not in reports:
                yield _Object(entity_id, AFTER_LISTS)

"""Select the tasks that a crawl requests next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbuild.models import PENDING, RELATED_REFERENCES, Entity, text_attribute
from graphbuild.store.call_estimates import UNREAD, CallEstimates
from graphbuild.store.entities import decode_attributes
from graphbuild.store.models import AFTER_LISTS, Task

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_TASKS = (
    "SELECT task.id, type, api_id, attributes, relationship, page_count, cursor, depth FROM task"
    " JOIN entity ON entity.id = task.subject"
)
# The docstring of next_task() describes this order. The index ``task_order`` supports it.
_ORDER = (
    " ORDER BY depth, cursor IS NOT NULL, failure_count, new_entity_count DESC, task.id LIMIT ?"
)


class TaskSelection(CallEstimates):
    """Base class of :class:`~graphbuild.store.task_queue.TaskQueue` that selects tasks."""

    def has_pending(self, *, unread: bool = False) -> bool:
        """Return whether any task, within the restriction, is pending or marked for a retry.

        With ``unread``, consider only the tasks that :meth:`next_unread_task` may return.
        """
        condition = (f" AND {UNREAD}" if unread else "") + self._restriction
        query = f"SELECT count(*) FROM task WHERE (state = ? OR retry = 1){condition}"  # noqa: S608  constants only
        return self._db.integer(query, PENDING) > 0

    def has_pages(self, relationship: str) -> bool:
        """Return whether a page of any list of a relationship is stored."""
        query = "SELECT 1 FROM page JOIN task ON task.id = page.task WHERE relationship = ? LIMIT 1"
        return self._db.first(query, relationship) is not None

    def next_task(self, exclude: Collection[int] = ()) -> Task | None:
        """Return the next pending task whose id is not in ``exclude``, or None.

        The order of tasks is determined by these criteria in turn: lower depth, first page before
        later pages, fewer failures since the newest page, more new entities on the newest page,
        added earlier.

        If ``exclude`` contains a pending description of negative depth, no task of a higher depth
        is returned, because the description may show that two subjects are the same file.
        """
        return self._first_except(exclude, "")

    def next_first_page(self, exclude: Collection[int] = (), *, repeat: bool = True) -> Task | None:
        """Return the next task whose next page is its first page, or None.

        The order is that of :meth:`next_task`. The descriptions that a crawl requests after all
        lists are skipped. ``repeat`` is whether a first page can be requested again because its
        list was short.
        """
        condition = "cursor IS NULL" if repeat else UNREAD
        return self._first_except(exclude, f" AND {condition} AND depth < {AFTER_LISTS}")

    def next_unread_task(self, exclude: Collection[int] = ()) -> Task | None:
        """Return the next task of which the current pass has no page, or None.

        The order is that of :meth:`next_task`. The tasks are lists and descriptions.
        """
        return self._first_except(exclude, f" AND {UNREAD}")

    def _first_except(self, exclude: Collection[int], condition: str) -> Task | None:
        query = f"{_TASKS} WHERE state = ?{condition}{self._restriction}{_ORDER}"
        highest_depth = AFTER_LISTS
        for task in map(self._task, self._db.rows(query, PENDING, len(exclude) + 1)):
            if task.id not in exclude:
                return task if task.depth <= highest_depth else None
            if task.depth < 0:  # this description may show that subjects of later tasks are equal
                highest_depth = task.depth
        return None

    def _task(self, row: tuple[Any, ...]) -> Task:
        task_id, entity_type, api_id, attributes, *rest = row
        subject = subject_entity(entity_type, api_id, attributes, self._db.path)
        return Task(task_id, subject, *rest)

    def get(self, task_id: int) -> Task:
        """Return the task with the row id ``task_id``."""
        return next(map(self._task, self._db.rows(f"{_TASKS} WHERE task.id = ?", task_id)))

    def get_for(self, subject: int, relationship: str = RELATED_REFERENCES) -> Task:
        """Return the task of a relationship of the subject with the row id ``subject``."""
        query = f"{_TASKS} WHERE subject = ? AND relationship = ?"
        return next(map(self._task, self._db.rows(query, subject, relationship)))

    def partly_read(self) -> dict[Entity, int]:
        """Return the row id of each pending list of related references that has unread pages.

        The keys are the subjects. Lists with fewer stored pages come first, then older lists. Only
        lists within the restriction are returned.
        """
        query = (
            f"{_TASKS} WHERE state = ? AND relationship = ? AND cursor IS NOT NULL AND depth = 0"
            f"{self._restriction} ORDER BY page_count, task.id"
        )
        rows = self._db.rows(query, PENDING, RELATED_REFERENCES)
        return {task.subject: task.id for task in map(self._task, rows)}

    def ids(self, state: str) -> list[int]:
        """Return the row ids of the ``related_references`` tasks in a state, oldest task first.

        The restriction applies only to pending tasks, because inference uses all complete lists.
        """
        condition = self._restriction if state == PENDING else ""
        query = f"SELECT id FROM task WHERE state = ? AND relationship = ?{condition} ORDER BY id"  # noqa: S608  constants only
        return [task_id for (task_id,) in self._db.rows(query, state, RELATED_REFERENCES)]


def subject_entity(entity_type: str, api_id: str, attributes: str, path: Path) -> Entity:
    """Return the subject of a task. Only a URL has attributes, because requests need its text."""
    has_text = text_attribute(entity_type)
    known = decode_attributes(attributes, api_id, path) if has_text else {}
    return Entity(entity_type, api_id, known)

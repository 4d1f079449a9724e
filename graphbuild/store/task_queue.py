"""The queue of tasks. A task is one list (a relationship of a subject), or one description."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING

from graphbuild.api.endpoints import OBJECT_TYPES
from graphbuild.errors import StoreError
from graphbuild.models import (
    COMPLETE,
    DESCRIPTION,
    FAILED,
    INCOMPLETE,
    PENDING,
    REFERENCES,
    RELATED_REFERENCES,
    SHORT,
)
from graphbuild.store import task_additions
from graphbuild.store.models import REPEATED
from graphbuild.store.schema import REFUTED
from graphbuild.store.shards import Shard, tasks_of
from graphbuild.store.task_additions import FOUND, FOUND_IDS
from graphbuild.store.task_selection import TaskSelection

if TYPE_CHECKING:
    import random
    from collections import Counter
    from collections.abc import Iterable

    from graphbuild.store.database import Database
    from graphbuild.store.models import Task

# Assignments that restart a list at its first page. Its pages and its failure count are kept.
_RESTART = (
    "cursor = NULL, new_entity_count = 0, error_code = '', detail = '', retry = 0, truncated_at = 0"
)
# The subjects of chosen tasks (see restrict()), and the entities in the lists of these tasks. The
# parameter is REFUTED, because entities in refuted inferences do not count.
_CHOSEN_ENTITIES = (
    "SELECT subject FROM task WHERE id IN (SELECT id FROM temp.chosen)"
    " UNION SELECT entity.id FROM temp.chosen"
    " JOIN fact_by_task ON task = chosen.id AND provenance <> ?"
    " JOIN entity ON entity.id IN (reference, related_from)"
)
# A condition for complete lists with inferred references. The parameter is COMPLETE.
_INFERRED = "inferred_count > 0 AND state = ?"
# A condition for tasks that retry_failed() continues at their cursor. The parameters are FAILED and
# BAD_REQUEST.
_KEEPS_CURSOR = "state = ? AND http_status <> ?"


class TaskQueue(TaskSelection):
    """Adds tasks, selects the next task to request, and sets tasks to pending again."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self._shard: Shard | None = None
        self._tasks_of_shard: set[int] = set()  # row ids

    # --- restrict --------------------------------------------------------------------------------

    def restrict(self, subjects: Iterable[int] | None) -> None:
        """Restrict the queue to the tasks of some subjects and of entities found in their lists.

        This includes entities found in the lists of those entities, and so on, at every depth. The
        table ``temp.chosen`` contains the row ids of the *chosen* tasks, to which the queue is then
        restricted. ``subjects`` contains row ids. None removes the restriction.
        """
        self._restriction, self._shard = "", None
        if subjects is None:
            return
        with self._db.transaction():
            self._db.execute("DROP TABLE IF EXISTS temp.chosen")
            self._db.execute("CREATE TEMP TABLE chosen (id INTEGER PRIMARY KEY)")
            statement = "INSERT OR IGNORE INTO chosen SELECT id FROM task WHERE subject = ?"
            self._db.execute_many(statement, [(subject,) for subject in subjects])
            self._restriction = " AND task.id IN (SELECT id FROM temp.chosen)"
            task_additions.update_reports(self._db)
            query = "SELECT max(depth) FROM task WHERE relationship <> ?"
            for depth in range(self._db.integer(query, DESCRIPTION)):
                self._choose_found(depth)
            self.choose_descriptions()

    def stored_shard(self) -> Shard | None:
        """Return the shard whose lists the campaign file is for; None for all lists."""
        row = self._db.first("SELECT value FROM metadata WHERE name = 'shard'")
        try:
            return Shard.parse(str(row[0])) if row else None
        except ValueError:
            text = f"{self._db.path}: the stored shard is damaged; see graphbuild check"
            raise StoreError(text) from None

    def save_shard(self, shard: Shard) -> None:
        """Store the shard, to which later crawls of the campaign file are then restricted."""
        if shard != self.stored_shard():
            with self._db.transaction():
                self._db.execute("DELETE FROM metadata WHERE name = 'shard'")
                self._db.insert("metadata", name="shard", value=str(shard))

    def restrict_to_shard(self, shard: Shard) -> None:
        """Restrict the queue to the tasks of a shard, even those that are added later.

        Tasks are added for the entities in all lists, so that all shards of a campaign have the
        same tasks.
        """
        self._shard = shard
        self._choose_shard()
        self._db.define_function("in_shard", self._tasks_of_shard.__contains__)
        self._restriction = " AND in_shard(task.id)"

    def _choose_shard(self) -> None:
        """Extend the restriction to new tasks of the shard.

        The tasks that are already chosen are kept: if a page has shown that the subject is an
        alias, the list is still read to its end.
        """
        if self._shard is not None:
            self._tasks_of_shard |= tasks_of(self._db, self._shard)

    def chosen_entities(self) -> set[int] | None:
        """Return the row ids of the subjects of chosen tasks, and of the entities in their lists.

        Return None if the queue is not restricted to seeds; see :meth:`restrict`.
        """
        if not self._restriction or self._shard is not None:
            return None
        return {entity for (entity,) in self._db.rows(_CHOSEN_ENTITIES, REFUTED)}

    def choose_descriptions(self) -> None:
        """Extend the restriction to the descriptions of the :meth:`chosen_entities`.

        If the queue is restricted to a shard, extend it to the descriptions of the shard.
        """
        if self._shard is not None:
            self._choose_shard()
        if self.chosen_entities() is None:
            return
        self._db.execute(
            "INSERT OR IGNORE INTO chosen SELECT id FROM task"  # noqa: S608  constants only
            f" WHERE subject IN ({_CHOSEN_ENTITIES}) AND relationship = ?",
            REFUTED,
            DESCRIPTION,
        )

    def _choose_found(self, depth: int) -> None:
        """Extend the restriction to all tasks of the entities in the chosen lists of ``depth``.

        If the queue is restricted to a shard, extend it to all tasks of the shard.
        """
        if self._shard is not None:
            self._choose_shard()
            return
        self._db.execute(
            f"INSERT OR IGNORE INTO chosen SELECT found.id FROM {FOUND}"  # noqa: S608  constants only
            f" JOIN task AS found ON found.subject IN {FOUND_IDS}"
            f" WHERE task.depth = :depth{self._restriction}",
            refuted=REFUTED,
            depth=depth,
        )

    def _condition_of_sources(self) -> str:
        """Return the SQL condition for the tasks from which other tasks are derived."""
        return "" if self._shard is not None else self._restriction

    # --- add and restart -------------------------------------------------------------------------

    def add(
        self, subject: int, state: str = PENDING, relationship: str = RELATED_REFERENCES
    ) -> int:
        """Add the task of a relationship of a subject; return 1 if the task is new, else 0.

        ``subject`` is a row id.
        """
        statement = "INSERT OR IGNORE INTO task (subject, relationship, state) VALUES (?, ?, ?)"
        with self._db.transaction():
            return self._db.execute(statement, subject, relationship, state).rowcount

    def save_failure(  # noqa: PLR0913  all but the task are keyword arguments
        self,
        task: Task,
        *,
        error_code: str,
        detail: str,
        retry: bool,
        at: float,
        http_status: int = 0,
    ) -> None:
        """Mark a task as failed at the time ``at`` (seconds since 1970).

        With ``retry``, the next run repeats the request. ``error_code`` is a code of the API or of
        graphbuild, and ``detail`` is a message for users. Without a response, ``http_status`` is 0.
        """
        with self._db.transaction():
            self._db.execute(
                "UPDATE task SET failure_count = failure_count + 1 WHERE id = ?", task.id
            )
            self._db.update(
                "task",
                task.id,
                state=FAILED,
                error_code=error_code,
                detail=detail,
                retry=retry,
                fetched_at=at,
                http_status=http_status,
            )

    def requeue(self) -> int:
        """Set the tasks marked for a retry to pending; return the number of these tasks."""
        return self._reset("error_code = '', detail = '', retry = 0 WHERE retry = 1")

    def settle_refusals(self, relationship: str) -> None:
        """Cancel the retries of lists of a relationship that the API refused (HTTP 403).

        Refusals without an error code of the API, for example by a proxy, are still retried. Call
        this method after the first page of the relationship has been received. Until then, the
        license of the key may be the reason for the refusals.
        """
        with self._db.transaction():
            self._db.execute(
                "UPDATE task SET retry = 0 WHERE retry = 1 AND http_status = ?"
                " AND error_code NOT LIKE 'HTTP %' AND relationship = ?",
                HTTPStatus.FORBIDDEN,
                relationship,
            )

    def retry_failed(self) -> int:
        """Set failed, short and incomplete tasks to pending; return the number of these tasks.

        A failed task continues with the page that failed, unless the service refused the request as
        invalid (HTTP 400). All other tasks are restarted at their first page. Lists with fewer
        references than expected that earlier versions of graphbuild stored as complete count as
        short.
        """
        return self._reset(
            f"cursor = iif({_KEEPS_CURSOR}, cursor, NULL),"
            f" new_entity_count = iif({_KEEPS_CURSOR}, new_entity_count, 0), error_code = '',"
            " detail = '', retry = 0 WHERE (state IN (?, ?, ?) AND truncated_at = 0"
            " OR state = ? AND expected_count > received_count + inferred_count)",
            *(FAILED, HTTPStatus.BAD_REQUEST) * 2,
            FAILED,
            SHORT,
            INCOMPLETE,
            COMPLETE,
        )

    def refresh(self, before: float, relationship: str | None = None) -> int:
        """Restart old tasks at their first page; return the number of these tasks.

        A task is old if its last response or failure was before the time ``before`` (seconds since
        1970). Tasks that are already pending at their first page are skipped. With a
        ``relationship``, restart only its lists.
        """
        return self._reset(
            f"{_RESTART}, inference_conflict = '', audited = 0"
            " WHERE fetched_at < ? AND (state <> ? OR cursor IS NOT NULL)"
            " AND relationship = ifnull(?, relationship)",
            before,
            PENDING,
            relationship,
        )

    def complete(self) -> int:
        """Set complete lists with inferred references to pending; return the number of these lists.

        Each list continues after its newest page, so only the missing pages are requested. If the
        newest page is the last page of the list, that page is requested again, because the list was
        short when the references were inferred.
        """
        last = "FROM page WHERE page.task = task.id AND number > 0 ORDER BY id DESC LIMIT 1"
        return self._reset(
            f"cursor = (SELECT coalesce(next_cursor, cursor) {last}), error_code ="
            f" (SELECT iif(next_cursor IS NULL, ?, '') {last}) WHERE {_INFERRED}",
            REPEATED,
            COMPLETE,
        )

    def restart_completion(self, task: Task) -> bool:
        """Restart a list whose stored cursor the API refused after :meth:`complete`.

        Return whether the list was restarted. A list without a cursor or without inferred
        references is not restarted.
        """
        if task.cursor is None:
            return False
        return self._reset(f"{_RESTART} WHERE id = ? AND inferred_count > 0", task.id) > 0

    def audit(self, share: float, rng: random.Random) -> int:
        """Restart a random share (0 to 1) of the complete lists with inferred references.

        Lists that earlier audits selected count towards the share. The share is that of the lists
        within the restriction. Return the number of restarted lists, without those of earlier
        audits.
        """
        with self._db.transaction():
            query = f"SELECT count(*) FROM task WHERE audited = 1{self._restriction}"  # noqa: S608  constants only
            selected = self._db.integer(query)
            condition = f"audited = 0 AND {_INFERRED}{self._restriction}"
            query = f"SELECT id FROM task WHERE {condition} ORDER BY id"  # noqa: S608  constants only
            candidates = list(self._db.rows(query, COMPLETE))
            missing = math.ceil(share * (selected + len(candidates))) - selected
            sample = rng.sample(candidates, max(0, missing))
            for (task_id,) in sample:
                self._reset(f"{_RESTART}, audited = 1 WHERE id = ?", task_id)
            return len(sample)

    def expand(self, depth: int, api_flavor: str) -> int:
        """Add tasks for the lists of the entities that were found in the lists of ``depth``.

        Return the number of new tasks, which have the depth ``depth + 1``. In the API flavor
        ``gti``, collections have an additional list.
        """
        with self._db.transaction():
            task_additions.update_reports(self._db)
            new = sum(
                task_additions.add_tasks_of_found(
                    self._db, depth, entity_type, relationship, self._condition_of_sources()
                )
                for entity_type, object_type in OBJECT_TYPES.items()
                for relationship in object_type.relationships_in(api_flavor)
            )
            if self._restriction:
                self._choose_found(depth)
        return new

    def add_direct(self) -> int:
        """Add the missing tasks for the direct references of subjects; return their number."""
        with self._db.transaction():
            new = task_additions.add_direct_tasks(self._db, self._condition_of_sources())
            if self._shard is not None:
                self._choose_shard()
            elif self._restriction:
                self._db.execute(
                    "INSERT OR IGNORE INTO chosen SELECT other.id FROM task JOIN task AS other"  # noqa: S608  constants only
                    " ON other.subject = task.subject AND other.relationship = ?"
                    f" WHERE 1{self._restriction}",
                    REFERENCES,
                )
        return new

    def count_found(self, depth: int, api_flavor: str, *, direct: bool) -> Counter[tuple[str, str]]:
        """Count the lists that a crawl to ``depth`` would add for the entities found so far.

        ``direct`` is whether the crawl also requests direct references. The keys of the result are
        pairs of an object type and a relationship. If the queue is restricted to a shard, only the
        lists of the shard are counted.
        """
        return task_additions.count_found(
            self._db, depth, api_flavor, direct=direct, shard=self._shard
        )

    def can_find_more(self, depth: int, per_node: int) -> bool:
        """Return whether a crawl would request more pages of lists with a depth below ``depth``.

        ``per_node`` is the number of entries after which a list beyond the seeds is not read
        further.
        """
        query = (
            "SELECT 1 FROM task WHERE depth < ? AND relationship <> ? AND (state = ? OR retry = 1"
            " OR truncated_at > 0 AND received_count < ?) LIMIT 1"
        )
        return self._db.first(query, depth, DESCRIPTION, PENDING, per_node) is not None

    def count_without_direct(self) -> int:
        """Return the number of tasks that :meth:`add_direct` would add."""
        return task_additions.count_without_direct(self._db, self._restriction)

    def reopen(self, limit: int) -> int:
        """Set truncated lists with fewer than ``limit`` received entries to pending.

        Return the number of these lists.
        """
        return self._reset(
            "detail = '', truncated_at = 0 WHERE truncated_at > 0 AND received_count < ?", limit
        )

    def _reset(self, changes: str, *values: object) -> int:
        """Set tasks within the restriction to pending; return the number of these tasks.

        ``changes`` is SQL: further assignments, then a WHERE clause that selects the tasks.
        """
        statement = f"UPDATE task SET state = ?, {changes}{self._restriction}"  # noqa: S608  constants only
        with self._db.transaction():
            return self._db.execute(statement, PENDING, *values).rowcount


def first_page_of_pass(db: Database, task: int) -> int:
    """Return the row id of the newest stored first page of a list; 0 if there is no such page.

    This page and the pages stored after it are the current pass through the list. ``task`` is the
    row id of the list.
    """
    query = "SELECT max(id) FROM page WHERE task = ? AND number > 0 AND cursor IS NULL"
    return db.integer(query, task)

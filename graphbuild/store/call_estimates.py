"""Count the calls that a crawl still needs, from the lists in the campaign file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.models import COMPLETE, DESCRIPTION, PENDING
from graphbuild.store.models import REPEATED, OpenLists, RemainingCalls

if TYPE_CHECKING:
    from graphbuild.store.database import Database

# A condition for pending tasks of which the current pass has no page. A list whose only page is
# requested again, because the list was short, has a page.
UNREAD = f"cursor IS NULL AND error_code <> '{REPEATED}'"
# The number of entries that a crawl reads from a list, as SQL. Beyond the seeds (depth 1 or more),
# that is at most :per_node. Without such a limit, :per_node is NULL.
_READ_LENGTH = "iif(depth AND :per_node, min(expected_count, :per_node), expected_count)"


class CallEstimates:
    """Base class of :class:`~graphbuild.store.task_queue.TaskQueue` that counts calls."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._restriction = ""  # an SQL condition that begins with AND; see TaskQueue.restrict()

    def mean_pages(self, limit: int, per_node: int | None = None) -> float | None:
        """Return the mean number of pages of the lists of known length; None without such lists.

        A page has ``limit`` entries. Of lists beyond the seeds, only the pages with the first
        ``per_node`` entries count.
        """
        mean: float | None
        pages = f"max(1, ({_READ_LENGTH} + :limit - 1) / :limit)"
        query = f"SELECT avg({pages}) FROM task"  # noqa: S608  constants only
        ((mean,),) = self._db.rows(query, limit=limit, per_node=per_node)
        return mean

    def remaining_calls(
        self,
        limit: int,
        before: float = 0.0,
        *,
        complete: bool = False,
        per_node: int | None = None,
        reopen: bool = False,
    ) -> RemainingCalls:
        """Return the number of calls that a crawl of the stored tasks still needs.

        Args:
            limit: Number of entries per page.
            before: Include the calls that ``TaskQueue.refresh(before)`` would cause. A time in
                seconds since 1970; by default, include no such calls.
            complete: Whether to include the calls that ``TaskQueue.complete()`` would cause.
            per_node: Number of entries after which a list beyond the seeds is not read further.
            reopen: Whether to include the calls that ``TaskQueue.reopen(per_node)`` would cause.
        """
        left_out = ":complete AND inferred_count > 0 AND state = :state"
        (row,) = self._db.rows(
            "SELECT count(*) FILTER (WHERE expected_count IS NULL"  # noqa: S608  constants only
            " AND relationship <> :description),"
            " coalesce(sum(iif(relationship = :description, 1, max(1,"
            f" ({_READ_LENGTH} - iif((cursor IS NULL AND NOT ({left_out})) OR fetched_at < :before,"
            " 0, received_count)"
            " + :limit - 1) / :limit))), 0)"
            " FROM task WHERE (state = :pending OR retry = 1 OR fetched_at < :before"
            f" OR {left_out} OR :reopen AND truncated_at > 0 AND received_count < :per_node)"
            f"{self._restriction}",
            per_node=per_node,
            reopen=reopen,
            pending=PENDING,
            state=COMPLETE,
            complete=complete,
            before=before,
            limit=limit,
            description=DESCRIPTION,
        )
        return RemainingCalls(*row)

    def quick_calls(self, before: float = 0.0) -> int:
        """Return the number of calls that a quick crawl of the stored tasks makes.

        A quick crawl requests the first page of each pending list, and the pending descriptions.

        Args:
            before: Include the calls that ``TaskQueue.refresh(before)`` would cause. A time in
                seconds since 1970; by default, include no such calls.
        """
        query = (
            f"SELECT count(*) FROM task WHERE ((state = :pending OR retry = 1) AND {UNREAD}"  # noqa: S608  constants only
            " OR fetched_at < :before AND (state <> :pending OR cursor IS NOT NULL))"
            f"{self._restriction}"
        )
        return self._db.integer(query, pending=PENDING, before=before)

    def open_lists(self, limit: int, per_node: int) -> OpenLists:
        """Count the pending lists, and the calls that they still need.

        A page has ``limit`` entries. Of lists beyond the seeds, only the pages with the first
        ``per_node`` entries count. Descriptions, and failed lists that the next run requests again,
        are not counted.
        """
        left = f"{_READ_LENGTH} - iif(cursor IS NULL, 0, received_count)"
        pages = f"coalesce(max(1, ({left} + :limit - 1) / :limit), 1)"
        (row,) = self._db.rows(
            f"SELECT count(*) FILTER (WHERE {UNREAD}), count(*) FILTER (WHERE NOT ({UNREAD})),"  # noqa: S608  constants only
            f" coalesce(sum({pages}), 0), count(*) FILTER (WHERE expected_count IS NULL)"
            " FROM task WHERE state = :pending AND relationship <> :description"
            f"{self._restriction}",
            pending=PENDING,
            description=DESCRIPTION,
            limit=limit,
            per_node=per_node,
        )
        unread, partly_read, calls, unknown = row
        return OpenLists(unread, partly_read, calls, exact=not unknown)

    def completion_calls(self, limit: int) -> int:
        """Return the maximum number of calls that replace all inferred references by observed ones.

        A page has ``limit`` entries. The calls are for the lists that ``TaskQueue.complete()`` sets
        to pending, or has already set to pending.
        """
        pages = "max(1, (expected_count - received_count + :limit - 1) / :limit)"
        query = (
            f"SELECT sum({pages}) FROM task WHERE inferred_count > 0"  # noqa: S608  constants only
            " AND (state = :complete OR state = :pending AND cursor IS NOT NULL)"
            f"{self._restriction}"
        )
        return self._db.integer(query, limit=limit, complete=COMPLETE, pending=PENDING)

"""Count the calls that a crawl still needs, from the lists in the campaign file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.models import COMPLETE, DESCRIPTION, PENDING
from graphbuild.store.models import RemainingCalls

if TYPE_CHECKING:
    from graphbuild.store.database import Database


class CallEstimates:
    """Base class of :class:`~graphbuild.store.task_queue.TaskQueue` that counts calls."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._restriction = ""  # an SQL condition that begins with AND; see TaskQueue.restrict()

    def mean_pages(self, limit: int) -> float | None:
        """Return the mean number of pages, of ``limit`` entries each, of lists of known length.

        Return None if there is no such list.
        """
        mean: float | None
        pages = "max(1, (expected_count + :limit - 1) / :limit)"
        ((mean,),) = self._db.rows(f"SELECT avg({pages}) FROM task", limit=limit)  # noqa: S608  constants only
        return mean

    def remaining_calls(
        self, limit: int, before: float = 0.0, *, complete: bool = False
    ) -> RemainingCalls:
        """Return the number of calls that a crawl needs, with ``limit`` entries per page.

        The number includes the calls after ``refresh`` with the time ``before``, and with
        ``complete`` also those after the method ``complete``.
        """
        left_out = ":complete AND inferred_count > 0 AND state = :state"
        (row,) = self._db.rows(
            "SELECT count(*) FILTER (WHERE expected_count IS NULL"  # noqa: S608  constants only
            " AND relationship <> :description),"
            " coalesce(sum(iif(relationship = :description, 1, max(1,"
            f" (expected_count - iif((cursor IS NULL AND NOT ({left_out})) OR fetched_at < :before,"
            " 0, received_count)"
            " + :limit - 1) / :limit))), 0)"
            " FROM task WHERE (state = :pending OR retry = 1 OR fetched_at < :before"
            f" OR {left_out}){self._restriction}",
            pending=PENDING,
            state=COMPLETE,
            complete=complete,
            before=before,
            limit=limit,
            description=DESCRIPTION,
        )
        return RemainingCalls(*row)

    def completion_calls(self, limit: int) -> int:
        """Return the maximum number of calls after ``complete()``, with ``limit`` entries a page.

        Lists that ``complete()`` has already set to pending are included.
        """
        pages = "max(1, (expected_count - received_count + :limit - 1) / :limit)"
        query = (
            f"SELECT sum({pages}) FROM task WHERE inferred_count > 0"  # noqa: S608  constants only
            " AND (state = :complete OR state = :pending AND cursor IS NOT NULL)"
            f"{self._restriction}"
        )
        return self._db.integer(query, limit=limit, complete=COMPLETE, pending=PENDING)

"""What comes of each question: a page on disk, a refusal noted, or the end of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbuild.api.endpoints import AUTO
from graphbuild.errors import (
    ApiError,
    AuthenticationError,
    BaseUrlError,
    BudgetExhaustedError,
    CrawlPaused,
    ForbiddenError,
    PayloadError,
    QuotaExhaustedError,
    TransientError,
)
from graphbuild.models import FAILED, Status
from graphbuild.store import Fetched

if TYPE_CHECKING:
    from graphbuild.api.client import Client, PageResponse
    from graphbuild.models import Entity
    from graphbuild.store import Store, Task

# Subjects in a row that fail in passing before the run stops: a service that is down for one is
# down for all, and asking on costs calls.
PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One page on disk, or one refusal.

    Attributes:
        subject: what was asked about.
        page: the number of its page, from 1.
        new: references this page added to what is known of the subject.
        verdict: how the subject stands now.
        warnings: what the page held that was set aside or changed.
        error: why there is no page, if there is none.
        inferred: references that no page was asked for, because the known ones prove them.
    """

    subject: Entity
    page: int
    new: int
    verdict: Status
    warnings: tuple[str, ...] = ()
    error: ApiError | PayloadError | None = None
    inferred: int = 0


class Intake:
    """Stores what came, and judges what did not.

    Args:
        client: asked; tells the time and the words that are understood.
        store: keeps what comes.
        limit: entries after which the list of a node beyond the seeds is read no further.

    Attributes:
        retry_on_429: whether a 429 is waited for; not while the quota is known to be spent.
    """

    def __init__(self, client: Client, store: Store, *, limit: int) -> None:
        self._client = client
        self._store = store
        self._limit = limit
        self._failures = 0
        self.retry_on_429 = store.quota_resets_at() <= client.clock.now()

    def settle(self, task: Task, outcome: PageResponse | BaseException) -> Step | None:
        """Store what came of a question; None if the run was stopped while waiting.

        Raises:
            GraphbuildError: what concerns every subject.
            BaseException: whatever else went wrong.
        """
        if not isinstance(outcome, BaseException):
            return self._commit(task, outcome)
        if isinstance(outcome, QuotaExhaustedError):
            self._store.note_quota(outcome.resets_at.timestamp())
            raise outcome
        if isinstance(outcome, CrawlPaused) and not isinstance(outcome, BudgetExhaustedError):
            return None
        if isinstance(outcome, ForbiddenError) and task.depth:
            return self._failed(task, outcome)  # a seed that may not be read: none may
        if isinstance(outcome, AuthenticationError | ForbiddenError | BaseUrlError):
            raise outcome
        if isinstance(outcome, ApiError | PayloadError):
            return self._failed(task, outcome)
        raise outcome

    def _commit(self, task: Task, answer: PageResponse) -> Step:
        self._failures, self.retry_on_429 = 0, True
        at = self._client.clock.now()
        fetched = Fetched(answer.body, answer.page, at, task.cursor, answer.packed)
        done = self._store.commit(task, fetched, limit=self._limit)
        if self._client.api_flavor != AUTO:
            self._store.save_api_flavor(self._client.api_flavor)
        return Step(task.subject, task.pages + 1, done.new, done.verdict, answer.page.warnings)

    def _failed(self, task: Task, error: ApiError | PayloadError) -> Step:
        if isinstance(error, TransientError) and not error.sent:
            raise CrawlPaused(f"{error}; run again later")
        passing = isinstance(error, TransientError | PayloadError)
        code, status = "PayloadError", 200
        if isinstance(error, ApiError):
            code, status = error.code, error.status
        at = self._client.clock.now()
        self._store.fail(task, code=code, remark=str(error), retry=passing, status=status, at=at)
        grave = isinstance(error, TransientError | ForbiddenError)
        self._failures = self._failures + 1 if grave else 0
        if self._failures >= PATIENCE:
            raise CrawlPaused(
                f"{self._failures} subjects in a row could not be read: {error}; run again later"
            )
        return Step(task.subject, task.pages + 1, 0, Status(FAILED, str(error)), (), error)

"""Store the result of each request: a page or a failure. Raise the errors that end a run.

Some errors, for example a refusal of access to a list, may affect only one subject or all of them.
Several such errors in a row end the run. The next run starts with other subjects, if there are any.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from graphbuild.api.endpoints import AUTO
from graphbuild.api.licenses import explain_refusal
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
from graphbuild.models import DESCRIPTION, FAILED, PENDING, RELATED_REFERENCES, Status
from graphbuild.store import FetchedPage

if TYPE_CHECKING:
    from graphbuild.api.client import Client
    from graphbuild.api.responses import PageResponse
    from graphbuild.models import Entity
    from graphbuild.store import Store, Task

# The run ends after this many failures in a row that may affect all subjects.
MAX_CONSECUTIVE_FAILURES = 3


@dataclass(frozen=True, slots=True)
class CrawlEvent:
    """Progress of one task: a page was stored, references were inferred, or a request failed.

    Attributes:
        subject: The entity whose relationship was requested.
        page_number: The number of the requested page, counted from 1 over all passes through the
            list; after an inference, the number of the newest page.
        new_references: The number of entries that are on no earlier page of the same pass.
        status: The state of the task after the event.
        warnings: Messages about unexpected, changed and skipped values of the page.
        error: The error if the request failed; None otherwise.
        inferred_references: The number of references that were inferred; 0 after a request.
        relationship: The requested relationship, or ``description``.
    """

    subject: Entity
    page_number: int
    new_references: int
    status: Status
    warnings: tuple[str, ...] = ()
    error: ApiError | PayloadError | None = None
    inferred_references: int = 0
    relationship: str = RELATED_REFERENCES


class ResultHandler:
    """Stores pages and failures, and raises errors that affect all subjects.

    ``limit`` is the number of entries after which a list beyond the seeds is not read further.
    """

    def __init__(self, client: Client, store: Store, *, limit: int) -> None:
        self._client = client
        self._store = store
        self._limit = limit
        # The last failures in a row, if they may affect all subjects.
        self._failures: list[ApiError | PayloadError] = []
        # The kinds of tasks of which this run received a page; see _answer_kind().
        self._answered: set[tuple[str, str]] = set()
        self._detects_flavor = client.api_flavor == AUTO
        # While the quota is exhausted, retries after a 429 are useless until a page is received.
        self.retry_on_429 = store.api_info.quota_resets_at() <= client.clock.now()

    def handle(self, task: Task, outcome: PageResponse | BaseException) -> CrawlEvent | None:
        """Store the result of a request and return its event.

        Return None if the run was stopped while the request was waiting. If the result ends the
        run, raise ``outcome`` or an error that explains it.
        """
        was_answered = not isinstance(outcome, BaseException)
        if self._client.api_flavor != AUTO and (was_answered or self._detects_flavor):
            self._store.api_info.save_flavor(self._client.api_flavor)
        if not isinstance(outcome, BaseException):
            return self._store_page(task, outcome)
        if isinstance(outcome, QuotaExhaustedError):
            self._store.api_info.save_quota_reset(outcome.resets_at.timestamp())
            raise outcome
        if isinstance(outcome, CrawlPaused) and not isinstance(outcome, BudgetExhaustedError):
            return None
        if isinstance(outcome, AuthenticationError):
            raise outcome
        if isinstance(outcome, ApiError | PayloadError):
            return self._store_failure(task, outcome)
        raise outcome

    def _store_page(self, task: Task, response: PageResponse) -> CrawlEvent:
        if _answer_kind(task) not in self._answered:
            # The key is allowed to read this list, so refusals of single subjects are final.
            self._store.tasks.settle_refusals(task.relationship)
            self._answered.add(_answer_kind(task))
        self._failures, self.retry_on_429 = [], True
        now = self._client.clock.now()
        page = response.page
        if conflict := self._store.page_writer.alias_conflict(task.subject, page):
            return self._store_failure(task, PayloadError(conflict, "links.self"))
        fetched = FetchedPage(response.body, page, now, task.cursor, response.compressed_body)
        saved = self._store.page_writer.save_page(task, fetched, limit=self._limit)
        number = task.page_count + 1
        return CrawlEvent(
            task.subject,
            number,
            saved.new_references,
            saved.status,
            page.warnings,
            relationship=task.relationship,
        )

    def _store_failure(self, task: Task, error: ApiError | PayloadError) -> CrawlEvent:
        if isinstance(error, TransientError) and not error.sent:
            raise CrawlPaused(f"{error}; run again later")
        may_concern_all = isinstance(error, BaseUrlError) or (
            isinstance(error, ForbiddenError)
            and not task.depth
            and not self._store.tasks.has_pages(task.relationship)
        )
        code, http_status = "PayloadError", 200
        if isinstance(error, ApiError):
            code, http_status = error.code, error.status
        if http_status == HTTPStatus.BAD_REQUEST and self._store.tasks.restart_completion(task):
            status = Status(PENDING, f"{error}; the list is requested from its first page")
            return CrawlEvent(task.subject, task.page_count + 1, 0, status, error=error)
        self._store.tasks.save_failure(
            task,
            error_code=code,
            detail=str(error),
            retry=may_concern_all or isinstance(error, TransientError | PayloadError),
            http_status=http_status,
            at=self._client.clock.now(),
        )
        self._check_failures(task, error, may_concern_all=may_concern_all)
        return CrawlEvent(
            task.subject,
            task.page_count + 1,
            0,
            Status(FAILED, str(error)),
            error=error,
            relationship=task.relationship,
        )

    def _check_failures(
        self, task: Task, error: ApiError | PayloadError, *, may_concern_all: bool
    ) -> None:
        """Raise an error if the cause of the last failures probably affects all subjects.

        ``error`` is the last failure. ``may_concern_all`` states whether its cause may affect all
        subjects.
        """
        if not self._may_recur(task, error):
            self._failures = []
            return
        self._failures.append(error)
        is_enough = len(self._failures) >= MAX_CONSECUTIVE_FAILURES
        are_equal = all(type(each) is type(error) for each in self._failures)
        if may_concern_all and are_equal and (is_enough or self._is_nothing_readable(task)):
            self._store.tasks.requeue()  # the cause is probably not in these subjects
            if isinstance(error, ForbiddenError):
                raise explain_refusal(error, task.relationship, self._client.api_flavor)
            raise error
        if is_enough:
            raise CrawlPaused(
                f"{len(self._failures)} subjects in a row could not be read: {error};"
                " run again later"
            )

    def _may_recur(self, task: Task, error: ApiError | PayloadError) -> bool:
        """Return whether the cause of a failure may be outside its subject."""
        if isinstance(error, ForbiddenError):
            # If this run has received a page of the same relationship of another seed, the refusal
            # concerns only this seed. The same applies to descriptions of objects of one type.
            is_deeper_list = task.depth and task.relationship != DESCRIPTION
            return bool(is_deeper_list) or _answer_kind(task) not in self._answered
        return isinstance(error, TransientError | BaseUrlError)

    def _is_nothing_readable(self, task: Task) -> bool:
        """Return whether no task is pending and no page of the task's relationship is stored."""
        tasks = self._store.tasks
        return tasks.next_task() is None and not tasks.has_pages(task.relationship)


def _answer_kind(task: Task) -> tuple[str, str]:
    """Return the relationship of a task and, for descriptions, the object type (else empty)."""
    return task.relationship, task.subject.type if task.relationship == DESCRIPTION else ""

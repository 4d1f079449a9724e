"""Store the result of a request: a page or a failure. Raise errors that end the run."""

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
from graphbuild.store import FetchedPage

if TYPE_CHECKING:
    from graphbuild.api.client import Client
    from graphbuild.api.responses import PageResponse
    from graphbuild.models import Entity
    from graphbuild.store import Store, Task

# If this many subjects fail in a row, the service is probably down and more calls would be wasted.
MAX_CONSECUTIVE_FAILURES = 3


@dataclass(frozen=True, slots=True)
class CrawlEvent:
    """Progress of one subject: a page was stored, references were inferred, or the request failed.

    Attributes:
        subject: The entity whose relationship was requested.
        page_number: The number of the page, from 1; after an inference, that of the last page.
        new_references: The number of references that are on no earlier page of the same pass.
        status: The state of the subject after the event.
        warnings: Messages about skipped or changed items of the page.
        error: The error if the request failed; None otherwise.
        inferred_references: The number of references that were inferred without a request.
    """

    subject: Entity
    page_number: int
    new_references: int
    status: Status
    warnings: tuple[str, ...] = ()
    error: ApiError | PayloadError | None = None
    inferred_references: int = 0


class ResultHandler:
    """Stores pages and failures, and raises errors that affect all subjects.

    ``limit`` is the maximum number of entries per list of an entity that is not a seed.
    """

    def __init__(self, client: Client, store: Store, *, limit: int) -> None:
        self._client = client
        self._store = store
        self._limit = limit
        self._consecutive_failures = 0
        # While the quota is exhausted, a retry is useless. A received page shows that it is not.
        self.retry_on_429 = store.api_info.quota_resets_at() <= client.clock.now()

    def handle(self, task: Task, outcome: PageResponse | BaseException) -> CrawlEvent | None:
        """Store the result of a request; return None if the run was stopped while it waited.

        Raises:
            GraphbuildError: An error that affects all subjects.
            BaseException: Any other exception of the request.
        """
        if not isinstance(outcome, BaseException):
            return self._store_page(task, outcome)
        if isinstance(outcome, QuotaExhaustedError):
            self._store.api_info.save_quota_reset(outcome.resets_at.timestamp())
            raise outcome
        if isinstance(outcome, CrawlPaused) and not isinstance(outcome, BudgetExhaustedError):
            return None
        # Beyond the seeds, access to single objects can be forbidden. If access to a seed is
        # forbidden, the API key has no license for any seed.
        is_refused_seed = isinstance(outcome, ForbiddenError) and not task.depth
        if is_refused_seed or isinstance(outcome, AuthenticationError | BaseUrlError):
            raise outcome
        if isinstance(outcome, ApiError | PayloadError):
            return self._store_failure(task, outcome)
        raise outcome

    def _store_page(self, task: Task, response: PageResponse) -> CrawlEvent:
        self._consecutive_failures, self.retry_on_429 = 0, True
        now = self._client.clock.now()
        page = response.page
        if conflict := self._store.page_writer.alias_conflict(task.subject, page):
            return self._store_failure(task, PayloadError(conflict, "links.self"))
        fetched = FetchedPage(response.body, page, now, task.cursor, response.compressed_body)
        saved = self._store.page_writer.save_page(task, fetched, limit=self._limit)
        if self._client.api_flavor != AUTO:
            self._store.api_info.save_flavor(self._client.api_flavor)
        number = task.page_count + 1
        return CrawlEvent(task.subject, number, saved.new_references, saved.status, page.warnings)

    def _store_failure(self, task: Task, error: ApiError | PayloadError) -> CrawlEvent:
        if isinstance(error, TransientError) and not error.sent:
            raise CrawlPaused(f"{error}; run again later")
        code, http_status = "PayloadError", 200
        if isinstance(error, ApiError):
            code, http_status = error.code, error.status
        self._store.tasks.save_failure(
            task,
            error_code=code,
            detail=str(error),
            retry=isinstance(error, TransientError | PayloadError),
            http_status=http_status,
            at=self._client.clock.now(),
        )
        counts = isinstance(error, TransientError | ForbiddenError)
        self._consecutive_failures = self._consecutive_failures + 1 if counts else 0
        if self._consecutive_failures >= MAX_CONSECUTIVE_FAILURES:
            raise CrawlPaused(
                f"{self._consecutive_failures} subjects in a row could not be read: {error};"
                " run again later"
            )
        return CrawlEvent(
            task.subject, task.page_count + 1, 0, Status(FAILED, str(error)), error=error
        )

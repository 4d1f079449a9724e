"""The crawl loop: choose a task, request its next page, store it, yield an event.

The loop yields an event only after it has stored the result durably. To pause, stop iterating; to
resume, create another :class:`Crawl`. An error that affects one subject is part of an event, and
the run continues. An error that affects all subjects, such as a rejected API key, an exhausted
quota or an unreachable service, ends the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbuild.api.endpoints import AUTO, DESCRIBABLE_TYPES, GTI
from graphbuild.crawler.budget import CallBudget
from graphbuild.crawler.page_choice import ChoosingScheduler
from graphbuild.crawler.probe import restore_client_state
from graphbuild.crawler.result_handler import ResultHandler
from graphbuild.crawler.scheduler import FifoScheduler, InferringScheduler
from graphbuild.crawler.workers import SerialExecutor, WorkerPool
from graphbuild.errors import GraphbuildError, StoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from graphbuild.api.client import Client
    from graphbuild.api.responses import PageResponse
    from graphbuild.crawler.page_choice import PageChoice
    from graphbuild.crawler.result_handler import CrawlEvent
    from graphbuild.crawler.workers import Executor
    from graphbuild.store import Store, Task

# The default of ``per_node``: five pages. Some collections have a million files.
DEFAULT_PER_NODE = 200


@dataclass(slots=True)
class _CrawlRun:
    """The variables of one run of the loop with one executor."""

    scheduler: FifoScheduler
    executor: Executor
    results: ResultHandler
    in_flight: dict[int, Task] = field(default_factory=dict)  # by task id
    reserved: Task | None = None  # the task to submit next; its call is already recorded
    error: GraphbuildError | None = None  # raised as soon as no request is in flight


class Crawl:
    """Requests the pages that a campaign file does not contain yet. Iterate over a crawl to run it.

    Args:
        client: Sends the requests.
        store: The campaign file; must be open for writing.
        max_calls: Maximum calls of the campaign over all runs; None for no limit.
        per_day: Maximum calls per UTC day; None for no limit except that of the API.
        frugal: Whether to infer references, where the stored pages allow it, instead of requesting
            them. In the API flavor ``gti``, or if a report is stored, nothing is inferred.
        depth: How far to crawl beyond the seeds. 0 requests the references of the seeds. 1 also
            requests the files of each reference, and the files, domains, IP addresses, URLs and
            references of each collection; in the API flavor ``gti``, also the associations of each
            collection. 2 also requests the lists of the entities that were found at depth 1.
        per_node: Number of entries after which a list beyond the seeds (depth 1 or more) is not
            read further.
        direct: Whether to request the direct references of each subject as well.
        workers: Maximum concurrent requests. The rate limit applies to all of them together.
        describe: The kinds of objects to describe: ``collections``, ``files`` or both.
        quick: Whether to request only the first page of each list. Lists with more pages stay
            pending, and another crawl continues with their second pages.
        decide: How to choose a limited number of pages of the lists of the seeds, after their first
            pages. The crawl ends after this number of pages.

    Raises:
        ValueError: ``depth`` is negative, ``per_node`` or ``workers`` is less than 1, ``describe``
            contains another name, ``quick`` is combined with a ``depth``, or ``decide`` is combined
            with ``depth``, ``quick``, ``frugal``, ``direct`` or ``describe``.
    """

    def __init__(  # noqa: PLR0913  all but the first two have defaults
        self,
        client: Client,
        store: Store,
        *,
        max_calls: int | None = None,
        per_day: int | None = None,
        frugal: bool = False,
        depth: int = 0,
        per_node: int = DEFAULT_PER_NODE,
        direct: bool = False,
        workers: int = 1,
        describe: Collection[str] = (),
        quick: bool = False,
        decide: PageChoice | None = None,
    ) -> None:
        for name, value, least in (
            ("depth", depth, 0),
            ("per_node", per_node, 1),
            ("workers", workers, 1),
        ):
            if value < least:
                raise ValueError(f"{name} is {value}; expected at least {least}")
        for name in describe:
            if name not in DESCRIBABLE_TYPES:
                expected = " or ".join(DESCRIBABLE_TYPES)
                raise ValueError(f"describe contains {name!r}; expected {expected}")
        if quick and depth:
            # An entity gets the depth at which it is found first. If lists were not read to their
            # end, this could be a greater depth than that of a whole crawl.
            raise ValueError(f"quick is combined with a depth of {depth}; expected a depth of 0")
        if decide and (depth or quick or frugal or direct or describe):
            raise ValueError("decide is combined with another choice of lists or pages")
        self._client = client
        self._store = store
        self._budget = CallBudget(client.clock, store, max_calls=max_calls, per_day=per_day)
        self._frugal = frugal
        self._depth = depth
        self._per_node = per_node
        self._direct = direct
        self._workers = workers
        self._describe = tuple(describe)
        self._quick = quick
        self._decide = decide
        self._stopped = False

    def stop(self) -> None:
        """End the run after the results of the requests in flight are stored.

        Signal handlers may call this method. Waits for the rate limit and before retries continue,
        unless :meth:`graphbuild.api.rate_limit.Clock.stop` ends them.
        """
        self._stopped = True

    def __iter__(self) -> Iterator[CrawlEvent]:
        """Crawl until no task is pending or the run is stopped.

        With ``quick``, crawl until the first page of each list is stored. Yield an event for each
        result of a request and for each list that is completed by inference. With ``decide``, crawl
        until its number of pages was requested.

        Raises:
            CrawlPaused: A limit or quota is reached, the service is unreachable, or several
                requests in a row failed. Crawl again to resume.
            ApiError: An error affects all subjects.
            StoreError: The campaign file cannot be read or written, or was moved.
        """
        restore_client_state(self._client, self._store)
        results = ResultHandler(self._client, self._store, limit=self._per_node)
        self._store.tasks.requeue()
        self._store.descriptions.add(self._describe)
        for depth in range(self._depth + 1):
            if depth:
                self._store.tasks.expand(depth - 1, self._client.api_flavor)
                self._store.tasks.reopen(self._per_node)
            if self._direct:
                self._store.tasks.add_direct()
            yield from self._crawl_pending(results)
            if self._stopped or self._decide or self._next_task():
                return
        self._store.descriptions.add(self._describe)  # of the collections that this run has found
        yield from self._crawl_pending(results)

    def _crawl_pending(self, results: ResultHandler) -> Iterator[CrawlEvent]:
        """Crawl until no task is pending or the run is stopped."""
        scheduler = self._create_scheduler()
        while not self._stopped and scheduler.next_task(()):
            executor = self._create_executor()
            try:
                yield from self._run(_CrawlRun(scheduler, executor, results))
            finally:
                executor.close()
            if isinstance(scheduler, InferringScheduler) and not self._can_infer():
                scheduler = self._create_scheduler()

    def _next_task(self) -> Task | None:
        """Return a task that this crawl has yet to request, or None."""
        tasks = self._store.tasks
        return tasks.next_unread_task() if self._quick else tasks.next_task()

    def _create_scheduler(self) -> FifoScheduler:
        if self._decide:
            return ChoosingScheduler(self._store, self._decide)
        scheduler = InferringScheduler if self._can_infer() else FifoScheduler
        return scheduler(self._store, quick=self._quick)

    def _can_infer(self) -> bool:
        """Return whether this crawl infers references; see :mod:`graphbuild.crawler.inference`."""
        is_gti = self._client.api_flavor == GTI or self._store.inferences.has_reports()
        return self._frugal and not is_gti

    def _create_executor(self) -> Executor:
        """Return a serial executor for one worker or an unknown API flavor; else a worker pool."""
        if self._workers == 1 or self._client.api_flavor == AUTO:
            return SerialExecutor(self._client, self._budget)
        clients = [self._client.clone() for _ in range(self._workers)]
        return WorkerPool(clients, self._budget)

    def _run(self, run: _CrawlRun) -> Iterator[CrawlEvent]:
        """Crawl until no task is left, the run is stopped, or an error ends it.

        With several workers or ``frugal``, also return as soon as the API flavor becomes known: the
        executor and the scheduler depend on it.
        """
        depends_on_flavor = self._workers > 1 or self._frugal
        waiting_for_flavor = depends_on_flavor and self._client.api_flavor == AUTO
        try:
            while self._submit_tasks(run):
                task, outcome = run.executor.next_result()
                del run.in_flight[task.id]
                event = self._handle(run, task, outcome)
                if event is None:
                    continue
                yield event
                yield from run.scheduler.after_result(task)
                if waiting_for_flavor and self._client.api_flavor != AUTO:
                    return
        finally:
            try:
                _store_in_flight(run)
            finally:
                self._budget.release_reserved()
        if run.error:
            raise run.error

    def _submit_tasks(self, run: _CrawlRun) -> bool:
        """Submit tasks while workers are idle; return whether any task is in flight."""
        while run.executor.has_capacity() and not (run.error or self._stopped):
            task = run.reserved or run.scheduler.next_task(run.in_flight.keys())
            run.reserved = None
            if task is None:
                break
            run.in_flight[task.id] = task
            run.executor.submit(task, retry_on_429=run.results.retry_on_429)
        return bool(run.in_flight)

    def _handle(
        self, run: _CrawlRun, task: Task, outcome: PageResponse | BaseException
    ) -> CrawlEvent | None:
        """Store a result and return its event; return None if the result ends the run.

        Without a rate limit, the transaction that stores the result also records the next call. A
        second transaction per page would halve the number of pages that many workers store per
        second. With a rate limit, the next call may be made much later, so it is recorded when it
        is made.
        """
        rate_limited = self._client.rate_limiter.per_minute is not None
        try:
            if rate_limited or self._stopped or isinstance(outcome, BaseException):
                event = run.results.handle(task, outcome)
            else:
                with self._store.transaction():
                    event = run.results.handle(task, outcome)
                    upcoming = run.scheduler.next_independent_task(run.in_flight.keys())
                    if upcoming is not None and self._budget.reserve(upcoming):
                        run.reserved = upcoming
        except GraphbuildError as error:
            run.error = run.error or error
            return None
        self._stopped = self._stopped or event is None
        return event


def _store_in_flight(run: _CrawlRun) -> None:
    """Store the results of the requests in flight, because their calls are already counted."""
    unexpected: BaseException | None = None
    while run.in_flight:
        task, outcome = run.executor.next_result()
        del run.in_flight[task.id]
        try:
            run.results.handle(task, outcome)
        except StoreError as error:
            unexpected = unexpected or error
        except GraphbuildError:
            pass  # this request failed; the results of the other requests are still stored
        except BaseException as error:  # noqa: BLE001  raised after all results are stored
            unexpected = unexpected or error
    if unexpected:
        raise unexpected

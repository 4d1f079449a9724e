"""Send requests one at a time or concurrently.

Only the thread that runs the crawl uses the campaign file. To record a call, a worker sends a job
to that thread and waits for the result. Therefore every call is recorded before it is made, and the
limits on calls apply to all workers together. If the process is killed, at most one call per worker
is wasted.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from graphbuild.api.call_recorder import CallRecorder
from graphbuild.errors import CrawlPaused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphbuild.api.client import Client
    from graphbuild.api.responses import PageResponse
    from graphbuild.models import Entity
    from graphbuild.store import Task

    Outcome = PageResponse | BaseException

T = TypeVar("T")


class SerialExecutor:
    """Requests one page at a time, in the calling thread."""

    def __init__(self, client: Client, recorder: CallRecorder) -> None:
        self._client = client
        self._recorder = recorder
        self._results: list[tuple[Task, Outcome]] = []

    def has_capacity(self) -> bool:
        """Return whether a task can be submitted, that is, no earlier result is waiting."""
        return not self._results

    def submit(self, task: Task, *, retry_on_429: bool) -> None:
        """Request the next page of a task, and keep the result for :meth:`next_result`."""
        outcome = _fetch(self._client, task, self._recorder, retry_on_429=retry_on_429)
        self._results.append((task, outcome))

    def next_result(self) -> tuple[Task, Outcome]:
        """Return the submitted task, and its page or the exception of its request."""
        return self._results.pop()

    def close(self) -> None:
        """Do nothing: there are no workers."""


class _Finished(NamedTuple):
    """A finished task, with its outcome and the client that it used."""

    client: Client
    task: Task
    outcome: Outcome


# An event is a finished task, or a job: a function that the crawling thread runs for a worker, and
# the future for its result.
_Events: TypeAlias = "SimpleQueue[_Finished | tuple[Callable[[], Any], Future[Any]]]"


class WorkerPool:
    """Requests pages in threads, one per client. The clients share rate limit and clock."""

    def __init__(self, clients: Sequence[Client], recorder: CallRecorder) -> None:
        self._clients = clients
        self._idle = list(clients)
        self._events: _Events = SimpleQueue()
        self._recorder = _RecorderProxy(recorder, self._events)
        self._threads = ThreadPoolExecutor(len(clients), thread_name_prefix="graphbuild")

    def has_capacity(self) -> bool:
        """Return whether a task can be submitted, that is, a worker is idle."""
        return bool(self._idle)

    def submit(self, task: Task, *, retry_on_429: bool) -> None:
        """Let an idle worker request the next page of a task."""
        self._threads.submit(self._work, self._idle.pop(), task, retry_on_429=retry_on_429)

    def next_result(self) -> tuple[Task, Outcome]:
        """Run the workers' jobs until a task is finished; return it with its page or exception."""
        while True:
            event = self._events.get()
            if isinstance(event, _Finished):
                self._idle.append(event.client)
                return event.task, event.outcome
            function, result = event
            try:
                result.set_result(function())
            except BaseException as error:  # noqa: BLE001  the worker returns it as its outcome
                result.set_exception(error)

    def close(self) -> None:
        """Wait for the threads to end, and close the clients. Results not yet returned are lost."""
        self._recorder.close()
        self._threads.shutdown()
        for client in self._clients:
            client.close()

    def _work(self, client: Client, task: Task, *, retry_on_429: bool) -> None:
        outcome = _fetch(client, task, self._recorder, retry_on_429=retry_on_429)
        self._events.put(_Finished(client, task, outcome))


Executor = SerialExecutor | WorkerPool


class _RecorderProxy(CallRecorder):
    """A recorder for workers, which runs the methods of another recorder in the crawling thread."""

    def __init__(self, recorder: CallRecorder, events: _Events) -> None:
        self._recorder = recorder
        self._events = events
        self._closed = False

    def close(self) -> None:
        """Reject all waiting and later jobs, so that no worker waits for a result."""
        self._closed = True
        while not self._events.empty():
            event = self._events.get()
            if not isinstance(event, _Finished):
                event[1].set_exception(CrawlPaused("the crawl ended"))

    def check(self) -> None:
        self._run(self._recorder.check)

    def begin_call(self, subject: Entity, relationship: str) -> int:
        return self._run(partial(self._recorder.begin_call, subject, relationship))

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        self._run(partial(self._recorder.end_call, call, status=status, note=note, sent=sent))

    def _run(self, function: Callable[[], T]) -> T:
        result: Future[T] = Future()
        self._events.put((function, result))
        if self._closed:  # no thread will run the job
            raise CrawlPaused("the crawl ended")
        return result.result()


def _fetch(client: Client, task: Task, recorder: CallRecorder, *, retry_on_429: bool) -> Outcome:
    """Return the next page of a task or, if the request fails, the exception (of any kind).

    The crawling thread handles the exception. If the exception ends the run, the crawl first stores
    the results of the other workers.
    """
    try:
        return client.fetch_page(
            task.subject,
            task.relationship,
            cursor=task.cursor,
            recorder=recorder,
            retry_on_429=retry_on_429,
        )
    except BaseException as error:  # noqa: BLE001  handled by the crawl
        return error

"""Send requests one at a time or concurrently.

Only the thread that runs the crawl uses the campaign file. A worker that has to record a call
sends the job to that thread and waits. Every call is therefore recorded before it is made, limits
hold for all workers, and a kill wastes at most one call per worker.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphbuild.api.client import CallRecorder, Client
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
        self._results: deque[tuple[Task, Outcome]] = deque()

    def has_capacity(self) -> bool:
        """Return whether a task can be submitted: not before the last result is fetched."""
        return not self._results

    def submit(self, task: Task, *, retry_on_429: bool) -> None:
        """Request a page and keep the result."""
        outcome = _fetch(self._client, task, self._recorder, retry_on_429=retry_on_429)
        self._results.append((task, outcome))

    def next_result(self) -> tuple[Task, Outcome]:
        """Return the last task with its page, or with any exception it raised."""
        return self._results.popleft()

    def close(self) -> None:
        """Do nothing: there are no workers."""


class _RecorderJob(NamedTuple):
    """A recorder method that a worker wants the crawling thread to run."""

    function: Callable[[], Any]
    result: Future[Any]


class _Finished(NamedTuple):
    """A finished task, with the client that is idle again."""

    client: Client
    task: Task
    outcome: Outcome


_Events = SimpleQueue[_RecorderJob | _Finished]


class WorkerPool:
    """Requests pages in threads, one per client. The clients share rate limit and clock."""

    def __init__(self, clients: Sequence[Client], recorder: CallRecorder) -> None:
        self._clients = clients
        self._idle = list(clients)
        self._events: _Events = SimpleQueue()
        self._recorder = _RecorderProxy(recorder, self._events)
        self._threads = ThreadPoolExecutor(len(clients), thread_name_prefix="graphbuild")

    def has_capacity(self) -> bool:
        """Return whether a task can be submitted: a worker is idle."""
        return bool(self._idle)

    def submit(self, task: Task, *, retry_on_429: bool) -> None:
        """Give a task to an idle worker."""
        self._threads.submit(self._work, self._idle.pop(), task, retry_on_429=retry_on_429)

    def next_result(self) -> tuple[Task, Outcome]:
        """Run recorder jobs of the workers until a task is finished; see ``SerialExecutor``."""
        while True:
            event = self._events.get()
            if isinstance(event, _Finished):
                self._idle.append(event.client)
                return event.task, event.outcome
            try:
                event.result.set_result(event.function())
            except BaseException as error:  # noqa: BLE001  the worker gets it, as its outcome
                event.result.set_exception(error)

    def close(self) -> None:
        """End the threads and close the clients. All results must have been fetched."""
        self._threads.shutdown()
        for client in self._clients:
            client.close()

    def _work(self, client: Client, task: Task, *, retry_on_429: bool) -> None:
        outcome = _fetch(client, task, self._recorder, retry_on_429=retry_on_429)
        self._events.put(_Finished(client, task, outcome))


Executor = SerialExecutor | WorkerPool


class _RecorderProxy:
    """A recorder for workers: each method runs in the crawling thread."""

    def __init__(self, recorder: CallRecorder, events: _Events) -> None:
        self._recorder = recorder
        self._events = events

    def check(self) -> None:
        self._run(self._recorder.check)

    def begin_call(self, subject: Entity, relationship: str) -> int:
        return self._run(partial(self._recorder.begin_call, subject, relationship))

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        self._run(partial(self._recorder.end_call, call, status=status, note=note, sent=sent))

    def _run(self, function: Callable[[], T]) -> T:
        result: Future[T] = Future()
        self._events.put(_RecorderJob(function, result))
        return result.result()


def _fetch(client: Client, task: Task, recorder: CallRecorder, *, retry_on_429: bool) -> Outcome:
    """Request the next page of a task; return any exception, even KeyboardInterrupt.

    The crawl raises it after the pages of the other workers are stored.
    """
    try:
        return client.fetch_page(
            task.subject,
            task.relationship,
            cursor=task.cursor,
            recorder=recorder,
            retry_on_429=retry_on_429,
        )
    except BaseException as error:  # noqa: BLE001  raised by the crawl, see above
        return error

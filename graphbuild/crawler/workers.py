"""Several questions in flight, and one thread that owns the campaign file.

A worker asks and waits; whatever concerns the ledger it leaves to the thread that runs the crawl,
which alone touches the store. So a call stands in the ledger before it is sent, budgets hold, and a
kill costs at most one call for each worker.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphbuild.api.client import CallRecorder, Client, PageResponse
    from graphbuild.models import Entity
    from graphbuild.store import Task


class Crew(Protocol):
    """Who asks: alone, or several at once."""

    def free(self) -> bool:
        """Whether one more question can be taken."""
        ...

    def ask(self, task: Task, *, retry_on_429: bool) -> None:
        """Take a question."""
        ...

    def next(self) -> tuple[Task, PageResponse | BaseException]:
        """The next question that is done, and its answer or what went wrong, whatever it is."""
        ...

    def close(self) -> None:
        """End the workers; none has a question any more."""
        ...


class Alone:
    """One question at a time, in the thread of the crawl."""

    def __init__(self, client: Client, ledger: CallRecorder) -> None:
        self._client = client
        self._ledger = ledger
        self._done: deque[tuple[Task, PageResponse | BaseException]] = deque()

    def free(self) -> bool:
        """Whether the last answer was taken."""
        return not self._done

    def ask(self, task: Task, *, retry_on_429: bool) -> None:
        """Ask, and wait for the answer."""
        self._done.append((task, _ask(self._client, task, self._ledger, retry_on_429=retry_on_429)))

    def next(self) -> tuple[Task, PageResponse | BaseException]:
        """The answer."""
        return self._done.popleft()

    def close(self) -> None:
        """Nothing to end."""


class _Request(NamedTuple):
    """What a worker leaves to the thread that owns the store."""

    do: Callable[[CallRecorder], int]
    done: Future[int]


class _Done(NamedTuple):
    """A question that is done, and the client that is free again."""

    client: Client
    task: Task
    outcome: PageResponse | BaseException


_Events = SimpleQueue[_Request | _Done]


class Workers:
    """Several at once, each with a connection of its own; pace and clock are shared."""

    def __init__(self, clients: Sequence[Client], ledger: CallRecorder) -> None:
        self._clients = clients
        self._idle = list(clients)
        self._ledger = ledger
        self._events: _Events = SimpleQueue()
        self._pool = ThreadPoolExecutor(len(clients), thread_name_prefix="graphbuild")

    def free(self) -> bool:
        """Whether a worker has nothing to do."""
        return bool(self._idle)

    def ask(self, task: Task, *, retry_on_429: bool) -> None:
        """Hand a question to a worker."""
        self._pool.submit(self._work, self._idle.pop(), task, retry_on_429=retry_on_429)

    def next(self) -> tuple[Task, PageResponse | BaseException]:
        """Serve the ledger until a question is done."""
        while True:
            event = self._events.get()
            if isinstance(event, _Request):
                _serve(event, self._ledger)
                continue
            self._idle.append(event.client)
            return event.task, event.outcome

    def close(self) -> None:
        """End the workers; none has a question any more."""
        self._pool.shutdown()
        for client in self._clients:
            client.close()

    def _work(self, client: Client, task: Task, *, retry_on_429: bool) -> None:
        outcome = _ask(client, task, _Post(self._events), retry_on_429=retry_on_429)
        self._events.put(_Done(client, task, outcome))


class _Post:
    """A ledger elsewhere: each entry is left to the thread that owns it, and waited for."""

    def __init__(self, events: _Events) -> None:
        self._events = events

    def check(self) -> None:
        def do(ledger: CallRecorder) -> int:
            ledger.check()
            return 0

        self._left(do)

    def begin_call(self, subject: Entity, relationship: str) -> int:
        return self._left(lambda ledger: ledger.begin_call(subject, relationship))

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        def do(ledger: CallRecorder) -> int:
            ledger.end_call(call, status=status, note=note, sent=sent)
            return 0

        self._left(do)

    def _left(self, do: Callable[[CallRecorder], int]) -> int:
        done: Future[int] = Future()
        self._events.put(_Request(do, done))
        return done.result()


def _serve(request: _Request, ledger: CallRecorder) -> None:
    try:
        request.done.set_result(request.do(ledger))
    except BaseException as error:  # noqa: BLE001  comes back as the outcome of who asked
        request.done.set_exception(error)


def _ask(
    client: Client, task: Task, ledger: CallRecorder, *, retry_on_429: bool
) -> PageResponse | BaseException:
    """The answer, or what went wrong, as a value: also a mistake of ours, or Ctrl-C."""
    try:
        return client.fetch_page(
            task.subject,
            task.relationship,
            cursor=task.cursor,
            recorder=ledger,
            retry_on_429=retry_on_429,
        )
    except BaseException as error:  # noqa: BLE001  raised when what is in flight is stored
        return error

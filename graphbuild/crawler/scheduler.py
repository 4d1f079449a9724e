"""What to ask next: in order, or whatever spares most calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from graphbuild.api.client import LIMIT
from graphbuild.crawler.inference import Knowledge, next_to_read
from graphbuild.crawler.result_handler import Step
from graphbuild.models import COMPLETE, PENDING, RELATED_REFERENCES, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from graphbuild.store import Store, Task
    from graphbuild.store.records import Reading


class Plan(Protocol):
    """What to ask next."""

    def next_task(self, busy: Collection[int]) -> Task | None:
        """The task to go on with, but for those under way; None if there is none now."""
        ...

    def knows_the_next(self, busy: Collection[int]) -> bool:
        """Whether the next task is known before :meth:`after` has taken in what came."""
        ...

    def after(self, task: Task) -> Iterator[Step]:
        """Take in what a page taught; steps that need no page."""
        ...


class InOrder:
    """First pages first, then each subject's others, in the order of the seeds."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def next_task(self, busy: Collection[int]) -> Task | None:
        """As the store has them in order."""
        return self._store.next_task(busy)

    def knows_the_next(self, busy: Collection[int]) -> bool:  # noqa: ARG002  the role's
        """Always: nothing depends on what a page taught."""
        return True

    def after(self, task: Task) -> Iterator[Step]:  # noqa: ARG002  the role's
        """Nothing."""
        return iter(())


class Thrift:
    """First pages first, then whatever spares most calls; what is proved is not asked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._knowledge: Knowledge[int] = Knowledge()
        self._open: dict[int, Reading[int]] = {}
        self._doubted = store.doubted()
        self._current: int | None = None
        for number in store.tasks(COMPLETE):
            self._learn(store.reading(number))
        for number in store.tasks(PENDING):
            self._open[number] = store.reading(number)

    def knows_the_next(self, busy: Collection[int]) -> bool:
        """Whether it is known before what came was taken in: while first pages are to be read."""
        return self._store.first_task(busy) is not None

    def next_task(self, busy: Collection[int]) -> Task | None:
        """A first page; when all are read, the page whose list's end spares most."""
        first = self._store.first_task(busy)
        if first is not None:
            return first
        if busy:
            return None  # what comes next depends on what is in flight
        pending = {key: self._open[key] for key in self._store.tasks(PENDING)}
        if not pending:
            return self._store.next_task(busy)
        if self._current not in pending:
            self._current = next_to_read(pending, self._knowledge, LIMIT)
        return self._store.task(self._current)

    def after(self, task: Task) -> Iterator[Step]:
        """Take in what a page taught; the subjects that are proved by it."""
        if task.relationship != RELATED_REFERENCES:
            return
        reading = self._store.reading(task.id)
        self._open[task.id] = reading
        self._learn(reading)
        if self._store.first_task() is not None:
            return
        for number in self._store.tasks(PENDING):
            step = self._conclude(number)
            if step is not None:
                yield step

    def _learn(self, reading: Reading[int]) -> None:
        if reading.whole:
            self._knowledge.learn(reading)

    def _conclude(self, number: int) -> Step | None:
        """The step that completes a subject without asking, if what is known proves it."""
        proof = self._knowledge.prove(self._open[number])
        if proof.excess and number not in self._doubted:
            self._doubted.add(number)
            self._store.doubt(number, f"its collections hold {proof.excess} references too many")
        if not proof.complete or number in self._doubted:
            return None
        task = self._store.task(number)
        self._store.conclude(number, proof.behind)
        verdict = Status(COMPLETE)
        return Step(task.subject, task.pages, 0, verdict, inferred=len(proof.behind))

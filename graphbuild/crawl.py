"""The loop: take a task, fetch its page, commit it, say so; then the next.

A step is yielded after it is on disk, so to pause is to stop iterating, and to go on is to run
again. A refused subject is a value (its step carries the error); only what concerns every subject
ends the run: a bad key, a missing licence, a spent quota or budget, a service that is not there.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbuild.client import LIMIT
from graphbuild.completeness import COMPLETE, FAILED, PENDING, Verdict
from graphbuild.crew import Alone, Workers
from graphbuild.errors import (
    ApiError,
    BudgetSpent,
    Forbidden,
    GraphbuildError,
    KeyRefused,
    Misdirected,
    Paused,
    PayloadError,
    QuotaExhausted,
    Transient,
)
from graphbuild.frugal import Knowledge, next_to_read
from graphbuild.pacing import MINUTE, day_start, next_day
from graphbuild.questions import AUTO, RELATED_REFERENCES
from graphbuild.store import Fetched

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from graphbuild.client import Answer, Client
    from graphbuild.crew import Crew
    from graphbuild.entities import Entity
    from graphbuild.frugal import Reading
    from graphbuild.store import Store, Task

# Subjects in a row that fail in passing before the run stops: a service that is down for one is
# down for all, and asking on costs calls.
PATIENCE = 3
PER_NODE = 200  # entries of a list beyond the seeds: five calls; some collections have a million


@dataclass(frozen=True, slots=True)
class Step:
    """One page on disk, or one refusal.

    Attributes:
        subject: what was asked about.
        page: the number of its page, from 1.
        new: references this page added to what is known of the subject.
        verdict: how the subject stands now.
        remarks: what the page held that was set aside or changed.
        error: why there is no page, if there is none.
        inferred: references that no page was asked for, because the known ones prove them.
    """

    subject: Entity
    page: int
    new: int
    verdict: Verdict
    remarks: tuple[str, ...] = ()
    error: ApiError | PayloadError | None = None
    inferred: int = 0


class Crawl:
    """Everything a store has still to ask, as steps.

    Args:
        client: asks.
        store: tells what to ask and keeps what comes.
        max_calls: how many calls the campaign may cost in all, over every run; None for no limit.
        per_day: how many calls a UTC day may hold; None for no limit of ours.
        frugal: leave out pages whose content is proved by what is known (see ``frugal``).
        depth: how many questions to go beyond what the seed lists name: 1 asks the collections and
            references that come to light for their files and references, 2 asks these files, and
            so on, nearest first.
        per_node: entries after which the list of a node beyond the seeds is read no further.
        workers: questions in flight at once, for keys that allow it; they share one pace.
    """

    def __init__(  # noqa: PLR0913  all but the first two have their defaults
        self,
        client: Client,
        store: Store,
        *,
        max_calls: int | None = None,
        per_day: int | None = None,
        frugal: bool = False,
        depth: int = 0,
        per_node: int = PER_NODE,
        workers: int = 1,
    ) -> None:
        self._client = client
        self._store = store
        self._ledger = _Ledger(client, store, max_calls=max_calls, per_day=per_day)
        self._stopping = False
        self._failures = 0
        self._patient = True
        self._frugal = frugal
        self._depth = depth
        self._per_node = per_node
        self._workers = workers
        self._ended = False

    def stop(self) -> None:
        """End the iteration after the step in progress; safe in a signal handler."""
        self._stopping = True

    def __iter__(self) -> Iterator[Step]:
        """Go on until everything is asked.

        Raises:
            Paused: by a limit or the service's quota; running again goes on.
            ApiError: something that concerns every subject.
        """
        self._remember_pace()
        self._patient = self._store.quota_resets_at() <= self._client.clock.now()
        self._store.requeue()
        self._speak_as_before()
        for depth in range(self._depth + 1):
            if depth:
                self._store.expand(depth - 1)
                self._store.reopen(self._per_node)
            yield from self._level()
            if self._stopping or self._ended or self._store.next_task():
                return

    def _level(self) -> Iterator[Step]:
        """Everything that is pending now."""
        plan = _Thrift(self._store) if self._frugal else _InOrder(self._store)
        while not self._stopping and plan.next_task(frozenset()):
            crew = self._crew()
            try:
                yield from self._together(plan, crew)
            finally:
                crew.close()
            if self._ended:
                return

    def _crew(self) -> Crew:
        """As many as may ask at once; one alone until it is known which words are understood."""
        if self._workers == 1 or self._client.dialect == AUTO:
            return Alone(self._client, self._ledger)
        twins = [self._client.twin() for _ in range(self._workers)]
        return Workers(twins, self._ledger)

    def _together(self, plan: _InOrder | _Thrift, crew: Crew) -> Iterator[Step]:
        """Keep everybody busy until nothing is left, or the crew should be another one."""
        busy: dict[int, Task] = {}
        alone = isinstance(crew, Alone)
        trouble: GraphbuildError | None = None
        upcoming: Task | None = None
        try:
            while True:
                while crew.free() and not (trouble or self._stopping or self._ended):
                    task, upcoming = upcoming or plan.next_task(busy.keys()), None
                    if task is None:
                        break
                    busy[task.id] = task
                    crew.ask(task, patient=self._patient)
                if not busy:
                    break
                task, outcome = crew.next()
                del busy[task.id]
                try:
                    step, upcoming = self._settle_and_book(task, outcome, plan, busy.keys())
                except GraphbuildError as error:
                    trouble = trouble or error  # told when what is in flight is stored
                    continue
                if step is None:
                    self._ended = True
                    continue
                yield step
                yield from plan.after(task)
                if alone and self._workers > 1 and self._client.dialect != AUTO:
                    return
        finally:
            self._store_the_rest(crew, busy)
            self._ledger.take_back()
        if trouble:
            raise trouble

    def _settle_and_book(
        self,
        task: Task,
        outcome: Answer | GraphbuildError,
        plan: _InOrder | _Thrift,
        busy: Collection[int],
    ) -> tuple[Step | None, Task | None]:
        """Store what came, and note the next call, in one transaction.

        To make sure of what is on disk costs more than most that is done for a page. Where a pace
        is kept, time may pass before the next call is made; then it is noted when it is.
        """
        paced = self._client.pace.per_minute is not None
        if paced or self._stopping or self._ended or isinstance(outcome, GraphbuildError):
            return self._settle(task, outcome), None
        with self._store.together():
            step = self._settle(task, outcome)
            upcoming = plan.next_task(busy) if plan.knows_the_next(busy) else None
            if upcoming is not None and not self._ledger.book(upcoming):
                upcoming = None
        return step, upcoming

    def _store_the_rest(self, crew: Crew, busy: dict[int, Task]) -> None:
        """Whoever ends the iteration in the middle: what is in flight is paid for, and kept."""
        while busy:
            task, outcome = crew.next()
            del busy[task.id]
            with suppress(GraphbuildError):
                self._settle(task, outcome)

    def _speak_as_before(self) -> None:
        """Which generation of the service answers was found out once, and is not asked again."""
        known = self._store.dialect()
        if self._client.dialect == AUTO and known:
            self._client.dialect = known

    def _remember_pace(self) -> None:
        now = self._client.clock.now()
        calls = self._store.recent_calls(now - MINUTE)
        self._client.pace.remember((now - at for at in calls), self._client.clock.monotonic())

    def _settle(self, task: Task, outcome: Answer | GraphbuildError) -> Step | None:
        """Store what came of a question; None if the run was stopped while waiting.

        Raises:
            GraphbuildError: what concerns every subject.
        """
        if not isinstance(outcome, GraphbuildError):
            return self._commit(task, outcome)
        if isinstance(outcome, QuotaExhausted):
            self._store.note_quota(outcome.resets_at.timestamp())
            raise outcome
        if isinstance(outcome, Paused) and not isinstance(outcome, BudgetSpent):
            return None
        if isinstance(outcome, Forbidden) and task.depth:
            return self._failed(task, outcome)  # a seed that may not be read: none may
        if isinstance(outcome, KeyRefused | Forbidden | Misdirected):
            raise outcome
        if isinstance(outcome, ApiError | PayloadError):
            return self._failed(task, outcome)
        raise outcome

    def _commit(self, task: Task, answer: Answer) -> Step:
        self._failures, self._patient = 0, True
        at = self._client.clock.now()
        fetched = Fetched(answer.body, answer.page, at, task.cursor, answer.deflated)
        done = self._store.commit(task, fetched, limit=self._per_node)
        if self._client.dialect != AUTO:
            self._store.note_dialect(self._client.dialect)
        return Step(task.subject, task.pages + 1, done.new, done.verdict, answer.page.remarks)

    def _failed(self, task: Task, error: ApiError | PayloadError) -> Step:
        if isinstance(error, Transient) and not error.sent:
            raise Paused(f"{error}; run again later")
        passing = isinstance(error, Transient | PayloadError)
        code, status = "PayloadError", 200
        if isinstance(error, ApiError):
            code, status = error.code, error.status
        at = self._client.clock.now()
        self._store.fail(task, code=code, remark=str(error), retry=passing, status=status, at=at)
        grave = isinstance(error, Transient | Forbidden)
        self._failures = self._failures + 1 if grave else 0
        if self._failures >= PATIENCE:
            raise Paused(
                f"{self._failures} subjects in a row could not be read: {error}; run again later"
            )
        return Step(task.subject, task.pages + 1, 0, Verdict(FAILED, str(error)), (), error)


class _InOrder:
    """First pages first, then each subject's others, in the order of the seeds."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def next_task(self, busy: Collection[int]) -> Task | None:
        return self._store.next_task(busy)

    def knows_the_next(self, busy: Collection[int]) -> bool:  # noqa: ARG002  the role's
        return True

    def after(self, task: Task) -> Iterator[Step]:  # noqa: ARG002  the role's
        return iter(())


class _Thrift:
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
        if reading.whole:
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
        verdict = Verdict(COMPLETE)
        return Step(task.subject, task.pages, 0, verdict, inferred=len(proof.behind))


class _Ledger:
    """The store's ledger behind the limits the user set."""

    def __init__(
        self, client: Client, store: Store, *, max_calls: int | None, per_day: int | None
    ) -> None:
        self._clock = client.clock
        self._store = store
        self._max_calls = max_calls
        self._per_day = per_day
        self._booked: dict[tuple[Entity, str], int] = {}

    def book(self, task: Task) -> bool:
        """Note the first call of a question that is about to be asked; whether one may be made."""
        try:
            call = self.begin_call(task.subject, task.relationship)
        except BudgetSpent:
            return False  # said when it is asked
        self._booked[task.subject, task.relationship] = call
        return True

    def take_back(self) -> None:
        """Forget the calls that were noted and will not be made."""
        while self._booked:
            _, call = self._booked.popitem()
            with suppress(GraphbuildError):  # a call too many in the ledger is on the safe side
                self._store.forget_call(call)

    def check(self) -> None:
        self._check(self._clock.now())

    def begin_call(self, subject: Entity, relationship: str) -> int:
        call = self._booked.pop((subject, relationship), None)
        if call is not None:
            return call
        now = self._clock.now()
        self._check(now)
        return self._store.begin_call(subject, relationship, now)

    def _check(self, now: float) -> None:
        if self._max_calls is not None and self._store.calls() >= self._max_calls:
            raise BudgetSpent(
                f"the budget of {self._max_calls} calls is spent; raise --max-calls to go on"
            )
        today = day_start(now).timestamp()
        if self._per_day is not None and self._store.calls(since=today) >= self._per_day:
            raise BudgetSpent(
                f"today's {self._per_day} calls are spent; run again after "
                f"{next_day(now):%Y-%m-%d %H:%M} UTC"
            )

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        self._store.end_call(call, status=status, note=note, sent=sent)

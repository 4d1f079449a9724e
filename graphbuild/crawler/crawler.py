"""The loop: take a task, ask, store what comes, say so; then the next.

A step is yielded after it is on disk, so to pause is to stop iterating, and to go on is to run
again. A refused subject is a value (its step carries the error); only what concerns every subject
ends the run: a bad key, a missing licence, a spent quota or budget, a service that is not there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbuild.api.endpoints import AUTO
from graphbuild.api.rate_limit import MINUTE
from graphbuild.crawler.budget import BudgetedLedger
from graphbuild.crawler.result_handler import Intake
from graphbuild.crawler.scheduler import InOrder, Thrift
from graphbuild.crawler.workers import Alone, Workers
from graphbuild.errors import GraphbuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.api.client import Client, PageResponse
    from graphbuild.crawler.result_handler import Step
    from graphbuild.crawler.scheduler import Plan
    from graphbuild.crawler.workers import Crew
    from graphbuild.store import Store, Task

PER_NODE = 200  # entries of a list beyond the seeds: five calls; some collections have a million


@dataclass(slots=True)
class _Shift:
    """A crew at work on a plan.

    Attributes:
        busy: the questions under way, by the number of their task.
        upcoming: the task whose call is noted already.
        trouble: what ends the run, as soon as nothing is under way any more.
    """

    plan: Plan
    crew: Crew
    busy: dict[int, Task] = field(default_factory=dict)
    upcoming: Task | None = None
    trouble: GraphbuildError | None = None


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
        workers: questions in flight at once, for keys that allow it; they share one rate limit.
    """

    _intake: Intake  # of the iteration under way

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
        self._ledger = BudgetedLedger(client.clock, store, max_calls=max_calls, per_day=per_day)
        self._stopping = False
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
            CrawlPaused: by a limit or the service's quota; running again goes on.
            ApiError: something that concerns every subject.
        """
        self._remember_pace()
        self._intake = Intake(self._client, self._store, limit=self._per_node)
        self._store.requeue()
        self._speak_as_before()
        for depth in range(self._depth + 1):
            if depth:
                self._store.expand(depth - 1)
                self._store.reopen(self._per_node)
            yield from self._level()
            if self._is_over() or self._store.next_task():
                return

    def _is_over(self) -> bool:
        """Whether nothing more shall be asked: told to stop, or stopped while waiting."""
        return self._stopping or self._ended

    def _level(self) -> Iterator[Step]:
        """Everything that is pending now."""
        plan: Plan = Thrift(self._store) if self._frugal else InOrder(self._store)
        while not self._is_over() and plan.next_task(frozenset()):
            crew = self._crew()
            try:
                yield from self._work(_Shift(plan, crew))
            finally:
                crew.close()

    def _crew(self) -> Crew:
        """As many as may ask at once; one alone until it is known which words are understood."""
        if self._workers == 1 or self._client.api_flavor == AUTO:
            return Alone(self._client, self._ledger)
        clients = [self._client.clone() for _ in range(self._workers)]
        return Workers(clients, self._ledger)

    def _work(self, shift: _Shift) -> Iterator[Step]:
        """Keep a crew busy until nothing is left, or others could join it."""
        others_wait = self._workers > 1 and isinstance(shift.crew, Alone)
        try:
            while self._hand_out(shift):
                task, outcome = shift.crew.next()
                del shift.busy[task.id]
                step = self._take_in(shift, task, outcome)
                if step is None:
                    continue
                yield step
                yield from shift.plan.after(task)
                if others_wait and self._client.api_flavor != AUTO:
                    return
        finally:
            try:
                self._store_the_rest(shift)
            finally:
                self._ledger.take_back()
        if shift.trouble:
            raise shift.trouble

    def _hand_out(self, shift: _Shift) -> bool:
        """Give everybody who is free a question; whether anybody has one."""
        while shift.crew.free() and not (shift.trouble or self._is_over()):
            task = shift.upcoming or shift.plan.next_task(shift.busy.keys())
            shift.upcoming = None
            if task is None:
                break
            shift.busy[task.id] = task
            shift.crew.ask(task, retry_on_429=self._intake.retry_on_429)
        return bool(shift.busy)

    def _take_in(
        self, shift: _Shift, task: Task, outcome: PageResponse | BaseException
    ) -> Step | None:
        """Store what came; None where it is no step, but the end of the run."""
        try:
            step = self._settle(shift, task, outcome)
        except GraphbuildError as error:
            shift.trouble = shift.trouble or error
            return None
        self._ended = self._ended or step is None
        return step

    def _settle(
        self, shift: _Shift, task: Task, outcome: PageResponse | BaseException
    ) -> Step | None:
        """Store what came, and note the next call, in one transaction.

        To make sure of what is on disk costs more than most that is done for a page. Where a rate
        limit is kept, time may pass before the next call is made; then it is noted when it is.
        """
        paced = self._client.rate_limiter.per_minute is not None
        if paced or self._is_over() or isinstance(outcome, BaseException):
            return self._intake.settle(task, outcome)
        with self._store.together():
            step = self._intake.settle(task, outcome)
            busy = shift.busy.keys()
            upcoming = shift.plan.next_task(busy) if shift.plan.knows_the_next(busy) else None
            if upcoming is not None and self._ledger.book(upcoming):
                shift.upcoming = upcoming
        return step

    def _store_the_rest(self, shift: _Shift) -> None:
        """Whoever ends the iteration in the middle: what is under way is paid for, and kept."""
        mistake: BaseException | None = None
        while shift.busy:
            task, outcome = shift.crew.next()
            del shift.busy[task.id]
            try:
                self._intake.settle(task, outcome)
            except GraphbuildError:
                pass
            except BaseException as error:  # noqa: BLE001  told when all of it is stored
                mistake = mistake or error
        if mistake:
            raise mistake

    def _speak_as_before(self) -> None:
        """Which generation of the service answers was found out once, and is not asked again."""
        known = self._store.api_flavor()
        if self._client.api_flavor == AUTO and known:
            self._client.api_flavor = known

    def _remember_pace(self) -> None:
        now = self._client.clock.now()
        calls = self._store.recent_calls(now - MINUTE)
        self._client.rate_limiter.remember(
            (now - at for at in calls), self._client.clock.monotonic()
        )

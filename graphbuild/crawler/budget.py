"""The store's ledger of calls, behind the limits the user set."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from graphbuild.api.rate_limit import day_start, next_day
from graphbuild.errors import BudgetExhaustedError, GraphbuildError

if TYPE_CHECKING:
    from graphbuild.api.rate_limit import Clock
    from graphbuild.models import Entity
    from graphbuild.store import Store, Task


class BudgetedLedger:
    """The store's ledger behind the limits the user set."""

    def __init__(
        self, clock: Clock, store: Store, *, max_calls: int | None, per_day: int | None
    ) -> None:
        self._clock = clock
        self._store = store
        self._max_calls = max_calls
        self._per_day = per_day
        self._booked: dict[tuple[Entity, str], int] = {}

    def book(self, task: Task) -> bool:
        """Note the first call of a question that is about to be asked; whether one may be made."""
        try:
            call = self.begin_call(task.subject, task.relationship)
        except BudgetExhaustedError:
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
        """Raise BudgetExhaustedError if no call may be made now."""
        self._check(self._clock.now())

    def begin_call(self, subject: Entity, relationship: str) -> int:
        """Note a call, durably, before it is made; one that is booked is noted already."""
        call = self._booked.pop((subject, relationship), None)
        if call is not None:
            return call
        now = self._clock.now()
        self._check(now)
        return self._store.begin_call(subject, relationship, now)

    def _check(self, now: float) -> None:
        if self._max_calls is not None and self._store.calls() >= self._max_calls:
            raise BudgetExhaustedError(
                f"the budget of {self._max_calls} calls is spent; raise --max-calls to go on"
            )
        if self._per_day is None:
            return
        if self._store.calls(since=day_start(now).timestamp()) >= self._per_day:
            raise BudgetExhaustedError(
                f"today's {self._per_day} calls are spent; run again after "
                f"{next_day(now):%Y-%m-%d %H:%M} UTC"
            )

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        """Note how a call ended."""
        self._store.end_call(call, status=status, note=note, sent=sent)

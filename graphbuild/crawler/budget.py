"""Record calls and enforce the user's limits on them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from graphbuild.api.call_recorder import CallRecorder
from graphbuild.api.rate_limit import day_start, next_day
from graphbuild.errors import BudgetExhaustedError, GraphbuildError, StoreMovedError

if TYPE_CHECKING:
    from graphbuild.api.rate_limit import Clock
    from graphbuild.models import Entity
    from graphbuild.store import Store, Task


class CallBudget(CallRecorder):
    """Records calls in a campaign file and refuses calls beyond the user's limits.

    ``max_calls`` limits the calls of the campaign over all runs, ``per_day`` those of a UTC day.
    """

    def __init__(
        self, clock: Clock, store: Store, *, max_calls: int | None, per_day: int | None
    ) -> None:
        self._clock = clock
        self._store = store
        self._max_calls = max_calls
        self._per_day = per_day
        # Subject and relationship of a call recorded in advance -> row id of the record.
        self._reserved: dict[tuple[Entity, str], int] = {}

    def reserve(self, task: Task) -> bool:
        """Record the next call of a task in advance; return whether that was possible."""
        try:
            call = self.begin_call(task.subject, task.relationship)
        except (BudgetExhaustedError, StoreMovedError):
            return False  # when the task is submitted, begin_call raises the error again
        self._reserved[task.subject, task.relationship] = call
        return True

    def release_reserved(self) -> None:
        """Delete the records of reserved calls that were not made."""
        while self._reserved:
            _, call = self._reserved.popitem()
            with suppress(GraphbuildError):  # if a record remains, the count is too high
                self._store.calls.cancel(call)

    def check(self) -> None:
        """Raise BudgetExhaustedError if one of the limits is reached."""
        if self._max_calls is not None and self._store.calls.count() >= self._max_calls:
            raise BudgetExhaustedError(
                f"the budget of {self._max_calls} calls is spent; raise --max-calls to continue"
            )
        if self._per_day is None:
            return
        now = self._clock.now()
        if self._store.calls.count(since=day_start(now).timestamp()) >= self._per_day:
            raise BudgetExhaustedError(
                f"today's {self._per_day} calls are spent; run again after "
                f"{next_day(now):%Y-%m-%d %H:%M} UTC"
            )

    def begin_call(self, subject: Entity, relationship: str) -> int:
        """Record a call before it is made, unless it is reserved; return the row id of the record.

        Raises:
            BudgetExhaustedError: A limit is reached.
            StoreMovedError: The campaign file was deleted, moved or replaced.
        """
        self._store.check_in_place()
        reserved = self._reserved.pop((subject, relationship), None)
        if reserved is not None:
            return reserved
        self.check()
        return self._store.calls.begin(subject, relationship, self._clock.now())

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        """Record the result of a call; see :meth:`graphbuild.store.call_log.CallLog.end`."""
        self._store.calls.end(call, status=status, error=note, sent=sent)

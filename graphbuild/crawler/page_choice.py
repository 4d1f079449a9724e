"""Spend a limited number of calls on the pages that can change the clusters of files most."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from graphbuild.crawler.scheduler import FifoScheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from graphbuild.crawler.result_handler import CrawlEvent
    from graphbuild.models import Entity
    from graphbuild.store import Store, Task


class PageChoice(NamedTuple):
    """How a crawl chooses a limited number of pages.

    Attributes:
        calls: The maximum number of pages to request. Retries of a request are not counted.
        choose_subjects: A function that is called when the first pages of all lists are stored. Its
            argument contains the subjects whose lists have more pages. It returns those whose next
            page is requested, in this order. It is called again after these pages are stored.
    """

    calls: int
    choose_subjects: Callable[[Collection[Entity]], Sequence[Entity]]


class ChoosingScheduler(FifoScheduler):
    """Chooses first pages, then pages of the subjects that a function returns, up to a limit."""

    def __init__(self, store: Store, choice: PageChoice) -> None:
        super().__init__(store, quick=True)
        self._choice = choice
        self._calls_left = choice.calls
        self._round: dict[int, None] = {}  # row ids of the chosen tasks without a result, in order

    def next_task(self, in_flight: Collection[int]) -> Task | None:
        """Return a task whose next page is its first page, or else the next chosen task.

        Return None if the limit is reached, if no task is left, or if the choice depends on
        requests in flight.
        """
        if len(in_flight) >= self._calls_left:
            return None
        first = self._store.tasks.next_first_page(in_flight, repeat=False)
        if first is not None:
            return first
        if not self._round and not in_flight:
            self._start_round()
        for task_id in self._round:
            if task_id not in in_flight:
                return self._store.tasks.get(task_id)
        return None

    def next_independent_task(self, in_flight: Collection[int]) -> Task | None:  # noqa: ARG002
        """Return None, because each result counts towards the limit before the next choice."""
        return None

    def after_result(self, task: Task) -> Iterator[CrawlEvent]:
        """Count the call of ``task``; yield nothing."""
        self._calls_left -= 1
        self._round.pop(task.id, None)
        return iter(())

    def _start_round(self) -> None:
        tasks = self._store.tasks.partly_read()
        chosen = self._choice.choose_subjects(tasks) if tasks else ()
        self._round = {tasks[subject]: None for subject in chosen}

"""Schedulers, which choose the task whose next page is requested.

In their methods, ``in_flight`` contains the row ids of the tasks whose requests are in flight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.api.client import LIMIT
from graphbuild.crawler.inference import CollectionKnowledge, choose_next_file
from graphbuild.crawler.result_handler import CrawlEvent
from graphbuild.models import COMPLETE, PENDING, RELATED_REFERENCES, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from graphbuild.store import Store, Task
    from graphbuild.store.models import ObservedReferences


class FifoScheduler:
    """Chooses tasks in the order of :meth:`graphbuild.store.task_queue.TaskQueue.next_task`.

    With ``quick``, only first pages of lists and descriptions are requested.
    """

    def __init__(self, store: Store, *, quick: bool = False) -> None:
        self._store = store
        self._quick = quick

    def next_task(self, in_flight: Collection[int]) -> Task | None:
        """Return the next task that is not in flight, or None if there is no such task now."""
        tasks = self._store.tasks
        return tasks.next_unread_task(in_flight) if self._quick else tasks.next_task(in_flight)

    def next_independent_task(self, in_flight: Collection[int]) -> Task | None:
        """Return the next task, or None if the choice depends on requests in flight."""
        return self.next_task(in_flight)

    def after_result(self, task: Task) -> Iterator[CrawlEvent]:  # noqa: ARG002  used by subclasses
        """Yield an event for each list that is completed without a request.

        The crawl calls this method after each result of a request for ``task``. This scheduler
        completes no list.
        """
        return iter(())


class InferringScheduler(FifoScheduler):
    """Infers references. Chooses first pages, then the lists whose pages save the most requests.

    With ``quick``, the lists are not read further than their first pages.
    """

    def __init__(self, store: Store, *, quick: bool = False) -> None:
        super().__init__(store, quick=quick)
        self._knowledge = CollectionKnowledge()
        # The references read so far of each pending list, by row id of the list.
        self._unfinished: dict[int, ObservedReferences] = {}
        self._excluded = store.inferences.excluded_tasks()  # row ids
        self._current: int | None = None  # row id of the list that is being read to its end
        for task_id in store.tasks.ids(COMPLETE):
            self._knowledge.add(store.inferences.observed_references(task_id))
        for task_id in store.tasks.ids(PENDING):
            self._unfinished[task_id] = store.inferences.observed_references(task_id)

    def next_task(self, in_flight: Collection[int]) -> Task | None:
        """Return a task whose next page is its first page, or else the best pending list.

        The best list is the one whose pages save the most requests. The next list is chosen when
        the best list is no longer pending. Return None if no task is left, or if the choice depends
        on requests in flight.
        """
        first = self._next_first_page(in_flight)
        if first is not None:
            return first
        if self._quick:  # only descriptions are left
            return super().next_task(in_flight)
        if in_flight:
            return None
        pending = {task_id: self._unfinished[task_id] for task_id in self._store.tasks.ids(PENDING)}
        if not pending:
            return self._store.tasks.next_task(in_flight)
        if self._current not in pending:
            self._current = choose_next_file(pending, self._knowledge, LIMIT)
        return self._store.tasks.get(self._current)

    def next_independent_task(self, in_flight: Collection[int]) -> Task | None:
        """Return the next task whose next page is its first page, or None.

        Requests in flight do not matter, because first pages always precede other pages.
        """
        return self._next_first_page(in_flight)

    def after_result(self, task: Task) -> Iterator[CrawlEvent]:
        """Store inferences, and yield an event for each list that they complete.

        Nothing is inferred while the first page of any pending list is still to be requested.
        """
        if task.relationship == RELATED_REFERENCES:
            observed = self._store.inferences.observed_references(task.id)
            self._unfinished[task.id] = observed
            self._knowledge.add(observed)
        if self._next_first_page() is not None:
            return
        for task_id in self._store.tasks.ids(PENDING):
            event = self._complete_by_inference(task_id)
            if event is not None:
                yield event

    def _next_first_page(self, in_flight: Collection[int] = ()) -> Task | None:
        return self._store.tasks.next_first_page(in_flight, repeat=not self._quick)

    def _complete_by_inference(self, task_id: int) -> CrawlEvent | None:
        """Store the inference that completes a list and return its event, or return None."""
        inference = self._knowledge.infer(self._unfinished[task_id])
        if inference.surplus > 0 and task_id not in self._excluded:
            self._excluded.add(task_id)
            surplus = format_count(inference.surplus, "reference")
            self._store.inferences.save_conflict(
                task_id,
                f"its collections contain {surplus} more than the API stated",
            )
        references = inference.collections_by_reference
        # If all references are on the pages read so far, nothing can be inferred, and no edge would
        # show that the list was not read to its end. Therefore, it is read to its end.
        if inference.surplus or not references or task_id in self._excluded:
            return None
        task = self._store.tasks.get(task_id)
        self._store.inferences.save(task_id, references)
        return CrawlEvent(
            task.subject, task.page_count, 0, Status(COMPLETE), inferred_references=len(references)
        )

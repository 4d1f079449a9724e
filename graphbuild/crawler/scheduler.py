"""Schedulers, which choose the list whose next page is requested."""

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
    """Chooses tasks in the order of :meth:`graphbuild.store.task_queue.TaskQueue.next_task`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def next_task(self, in_flight: Collection[int]) -> Task | None:
        """Return the next task that is not in flight, or None if there is no such task now."""
        return self._store.tasks.next_task(in_flight)

    def next_independent_task(self, in_flight: Collection[int]) -> Task | None:
        """Return the next task if the choice does not depend on pages in flight, or else None."""
        return self.next_task(in_flight)

    def infer(self, task: Task) -> Iterator[CrawlEvent]:  # noqa: ARG002  used by the subclass
        """Yield an event for each list that inference completes; this scheduler infers nothing.

        The crawl calls this method after each event of ``task``.
        """
        return iter(())


class InferringScheduler(FifoScheduler):
    """Chooses first pages, then the lists whose pages save the most requests; infers references."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._knowledge = CollectionKnowledge()
        self._unfinished: dict[int, ObservedReferences] = {}
        self._excluded = store.inferences.excluded_tasks()
        self._current: int | None = None
        for task_id in store.tasks.ids(COMPLETE):
            self._knowledge.add(store.inferences.observed_references(task_id))
        for task_id in store.tasks.ids(PENDING):
            self._unfinished[task_id] = store.inferences.observed_references(task_id)

    def next_task(self, in_flight: Collection[int]) -> Task | None:
        """Return a task whose current pass has no page, or else one that saves the most requests.

        Return None if no task is left, or if the choice depends on pages in flight.
        """
        first = self._store.tasks.next_first_page(in_flight)
        if first is not None:
            return first
        if in_flight:
            return None
        pending = {task_id: self._unfinished[task_id] for task_id in self._store.tasks.ids(PENDING)}
        if not pending:
            return self._store.tasks.next_task(in_flight)
        if self._current not in pending:
            self._current = choose_next_file(pending, self._knowledge, LIMIT)
        return self._store.tasks.get(self._current)

    def next_independent_task(self, in_flight: Collection[int]) -> Task | None:
        """Return the next task whose current pass has no page, or None. These always come first."""
        return self._store.tasks.next_first_page(in_flight)

    def infer(self, task: Task) -> Iterator[CrawlEvent]:
        """Store inferences, and yield an event for each list that they complete.

        Nothing is inferred before the first page of every pending list is stored.
        """
        if task.relationship == RELATED_REFERENCES:
            observed = self._store.inferences.observed_references(task.id)
            self._unfinished[task.id] = observed
            self._knowledge.add(observed)
        if self._store.tasks.next_first_page() is not None:
            return
        for task_id in self._store.tasks.ids(PENDING):
            event = self._complete_by_inference(task_id)
            if event is not None:
                yield event

    def _complete_by_inference(self, task_id: int) -> CrawlEvent | None:
        inference = self._knowledge.infer(self._unfinished[task_id])
        if inference.surplus > 0 and task_id not in self._excluded:
            self._excluded.add(task_id)
            surplus = format_count(inference.surplus, "reference")
            self._store.inferences.save_conflict(
                task_id,
                f"its collections contain {surplus} more than the API stated",
            )
        references = inference.collections_by_reference
        # Without an inference, no edge would be marked, so the list has to be read to its end.
        if inference.surplus or not references or task_id in self._excluded:
            return None
        task = self._store.tasks.get(task_id)
        self._store.inferences.save(task_id, references)
        return CrawlEvent(
            task.subject, task.page_count, 0, Status(COMPLETE), inferred_references=len(references)
        )

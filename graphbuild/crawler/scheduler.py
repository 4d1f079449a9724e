"""Choose the page to request next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.api.client import LIMIT
from graphbuild.crawler.inference import CollectionKnowledge, choose_next_file
from graphbuild.crawler.result_handler import CrawlEvent
from graphbuild.models import COMPLETE, PENDING, RELATED_REFERENCES, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from graphbuild.store import Store, Task
    from graphbuild.store.models import ObservedReferences


class FifoScheduler:
    """Requests the first page of every subject, then the others, in the order of the seeds."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def next_task(self, in_flight: Collection[int]) -> Task | None:
        """Return a task that is not in flight, or None if there is none now."""
        return self._store.tasks.next_task(in_flight)

    def next_independent_task(self, in_flight: Collection[int]) -> Task | None:
        """Return the next task if it cannot depend on pages that are still to be learned from."""
        return self.next_task(in_flight)

    def infer(self, task: Task) -> Iterator[CrawlEvent]:  # noqa: ARG002  used by the subclass
        """Yield the subjects that need no more requests, now that a page of ``task`` is stored."""
        return iter(())


class InferringScheduler(FifoScheduler):
    """Requests first pages, then those that save most requests; infers the rest."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._knowledge: CollectionKnowledge[int] = CollectionKnowledge()
        self._unfinished: dict[int, ObservedReferences[int]] = {}
        self._excluded = store.inferences.excluded_tasks()
        self._current: int | None = None
        for task_id in store.tasks.ids(COMPLETE):
            self._learn(store.inferences.observed_references(task_id))
        for task_id in store.tasks.ids(PENDING):
            self._unfinished[task_id] = store.inferences.observed_references(task_id)

    def next_task(self, in_flight: Collection[int]) -> Task | None:
        """Return a task without pages; if there is none, the one whose end saves most requests."""
        first = self._store.tasks.next_first_page(in_flight)
        if first is not None:
            return first
        if in_flight:
            return None  # the choice depends on the pages in flight
        pending = {task_id: self._unfinished[task_id] for task_id in self._store.tasks.ids(PENDING)}
        if not pending:
            return self._store.tasks.next_task(in_flight)
        if self._current not in pending:
            self._current = choose_next_file(pending, self._knowledge, LIMIT)
        return self._store.tasks.get(self._current)

    def next_independent_task(self, in_flight: Collection[int]) -> Task | None:
        """Return a task without pages: these are requested first in any case."""
        return self._store.tasks.next_first_page(in_flight)

    def infer(self, task: Task) -> Iterator[CrawlEvent]:
        """Learn from the new page and complete each subject whose references all follow."""
        if task.relationship != RELATED_REFERENCES:
            return
        observed = self._store.inferences.observed_references(task.id)
        self._unfinished[task.id] = observed
        self._learn(observed)
        if self._store.tasks.next_first_page() is not None:
            return
        for task_id in self._store.tasks.ids(PENDING):
            event = self._complete_by_inference(task_id)
            if event is not None:
                yield event

    def _learn(self, observed: ObservedReferences[int]) -> None:
        if observed.complete:
            self._knowledge.add(observed)

    def _complete_by_inference(self, task_id: int) -> CrawlEvent | None:
        inference = self._knowledge.infer(self._unfinished[task_id])
        if inference.excess and task_id not in self._excluded:
            self._excluded.add(task_id)
            self._store.inferences.save_conflict(
                task_id, f"its collections hold {inference.excess} references too many"
            )
        if not inference.complete or task_id in self._excluded:
            return None
        task = self._store.tasks.get(task_id)
        references = inference.collections_by_reference
        self._store.inferences.save(task_id, references)
        return CrawlEvent(
            task.subject, task.page_count, 0, Status(COMPLETE), inferred_references=len(references)
        )

"""Store references that were inferred from other lists instead of being requested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.models import COLLECTION, COMPLETE, REFERENCE
from graphbuild.store.entities import encode_attributes
from graphbuild.store.models import ObservedReferences
from graphbuild.store.schema import CONFIRMED, INFERRED, REFUTED
from graphbuild.store.task_queue import first_page_of_pass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbuild.store.database import Database


class Inferences:
    """Reads the lists from which a crawl infers references, and stores these inferences."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def excluded_tasks(self) -> set[int]:
        """Return the row ids of the lists for which nothing may be inferred.

        These are lists that an audit restarted, and lists with an inference conflict.
        """
        query = "SELECT id FROM task WHERE inference_conflict <> '' OR audited = 1"
        return {task_id for (task_id,) in self._db.rows(query)}

    def has_reports(self) -> bool:
        """Return whether a stored list contains a ``gti`` report as a reference."""
        query = "SELECT 1 FROM entity WHERE type = ? AND instr(attributes, ?) LIMIT 1"
        original = encode_attributes({"original_type": COLLECTION})[1:-1]
        return self._db.first(query, REFERENCE, original) is not None

    def observed_references(self, task: int) -> ObservedReferences:
        """Return the references on the pages of the current pass through a list, as row ids."""
        query = "SELECT expected_count, state, detail, inferred_count FROM task WHERE id = ?"
        ((expected_count, state, detail, inferred_count),) = self._db.rows(query, task)
        first_page = first_page_of_pass(self._db, task)
        pages = "page WHERE task = ? AND number > 0 AND id >= ?"
        query = f"SELECT count(DISTINCT expected_count) FROM {pages}"  # noqa: S608  constants only
        counts = self._db.integer(query, task, first_page)
        observed = ObservedReferences(
            # A count that changed between pages cannot prove that the list is complete.
            count=None if counts > 1 else expected_count,
            complete=state == COMPLETE and not detail and not inferred_count,
        )
        query = (
            "SELECT reference, related_from FROM fact_by_task"
            " WHERE task = ? AND provenance = 0 AND first_page >= ?"
        )
        for reference, collection in self._db.rows(query, task, first_page):
            collections = observed.collections_by_reference[reference]
            if collection:
                collections.add(collection)
        return observed

    def save(self, task: int, collections_by_reference: Mapping[int, Iterable[int]]) -> None:
        """Store the inferred references of a list, and mark the list as complete.

        ``collections_by_reference`` contains row ids: for each reference, the collections through
        which it is related.
        """
        with self._db.transaction():
            page = self._db.integer("SELECT max(id) FROM page WHERE task = ?", task)
            self._db.execute_many(
                "INSERT INTO inference"
                " (task, reference, related_from, first_page, last_page, provenance)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET last_page = excluded.last_page, provenance = excluded.provenance",
                [
                    (task, reference, collection, page, page, INFERRED)
                    for reference, collections in collections_by_reference.items()
                    for collection in collections
                ],
            )
            count = len(collections_by_reference)
            self._db.update(
                "task",
                task,
                state=COMPLETE,
                cursor=None,
                detail="",
                error_code="",
                inferred_count=count,
            )

    def save_conflict(self, task: int, detail: str) -> None:
        """Store why nothing may be inferred for a list; all of its pages are then requested."""
        with self._db.transaction():
            self._db.update("task", task, inference_conflict=detail)

    def count_unread(self, task: int, received: int) -> int:
        """Return how many references inferred in the current pass are on no page of this pass yet.

        If the API stated the length of the list, the result is at most this length minus the number
        of ``received`` references.
        """
        query = "SELECT inferred_count, expected_count FROM task WHERE id = ?"
        ((inferred, expected),) = self._db.rows(query, task)
        if not inferred:
            return 0
        query = (
            "SELECT count(DISTINCT reference) FROM inference WHERE task = :task"
            " AND provenance = :inferred AND last_page >= :first AND reference NOT IN"
            " (SELECT reference FROM fact_by_task"
            " WHERE task = :task AND provenance = 0 AND first_page >= :first)"
        )
        first = first_page_of_pass(self._db, task)
        unread = self._db.integer(query, task=task, inferred=INFERRED, first=first)
        return unread if expected is None else max(0, min(unread, expected - received))

    def settle(self, task: int) -> None:
        """Confirm or refute the inferences for a list after a pass has made it complete.

        If the stated length of a list changed between pages, the list is complete when it has as
        many references as the greatest stated length.

        An inference is confirmed if a page that was stored after the inference contains it. Any
        other inference is refuted if it was made in this pass, or if the list is audited. The
        remaining inferences, from earlier passes, are neither confirmed nor refuted, because the
        list may have changed since.

        If an inference is refuted, nothing more is inferred for the list until a refresh.
        """
        db = self._db
        db.update("task", task, inferred_count=0)
        db.execute(
            "UPDATE inference SET provenance = ? WHERE task = ? AND provenance = ?"
            " AND EXISTS (SELECT 1 FROM page"
            " JOIN fact ON fact.page = coalesce(duplicate_of, page.id)"
            " WHERE page.task = inference.task AND page.id > inference.last_page"
            " AND fact.reference = inference.reference"
            " AND fact.related_from = inference.related_from)",
            CONFIRMED,
            task,
            INFERRED,
        )
        refuted = db.execute(
            "UPDATE inference SET provenance = ? WHERE task = ? AND provenance = ?"
            " AND (last_page >= ?"
            " OR EXISTS (SELECT 1 FROM task WHERE id = inference.task AND audited = 1))",
            REFUTED,
            task,
            INFERRED,
            first_page_of_pass(db, task),
        ).rowcount
        if refuted:
            count = format_count(refuted, "observation")
            detail = f"inferred, but not returned by the API: {count}"
            db.update("task", task, inference_conflict=detail)

"""Unite the versions of one list that several campaign files contain.

A *version* is the data of a list in one file: the task with its state, pages and inferences.
One version determines the state and the newest pass of the merged list. It is chosen by these
criteria, in this order:

1. The version whose newest pass started last.
2. The version with more pages of that pass.
3. The state: complete without inferences, complete, short, limited, incomplete, failed, pending.
4. The version with the later response or failure.

The pages that only other versions have are added with negative numbers, like pages of an alias:
their observations are kept, but paging ignores them. Pages are stored in the order in which they
were fetched, so the first and last times of an observation are right. Added pages always precede
the newest pass, even if they were fetched later. Inferences of other versions are kept unless the
chosen version is complete without inferences.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from graphbuild._util import format_count, format_timestamp
from graphbuild.errors import StoreError
from graphbuild.models import COMPLETE, FAILED, INCOMPLETE, LIMITED, PENDING, SHORT
from graphbuild.store.merge_result import MergeConflict
from graphbuild.store.schema import INFERRED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbuild.models import Entity
    from graphbuild.store.database import Database
    from graphbuild.store.merge_result import MergeResult
    from graphbuild.store.models import Task
    from graphbuild.store.page_writer import Facts, PageWriter

_STATES = (PENDING, FAILED, INCOMPLETE, LIMITED, SHORT, COMPLETE)  # worst first
_TASK_COLUMNS = (
    "state",
    "cursor",
    "expected_count",
    "received_count",
    "inferred_count",
    "new_entity_count",
    "http_status",
    "fetched_at",
    "error_code",
    "retry",
    "truncated_at",
    "audited",
    "detail",
    "inference_conflict",
    "failure_count",
)
_PAGE_COLUMNS = (
    "cursor",
    "next_cursor",
    "expected_count",
    "item_count",
    "warning_count",
    "fetched_at",
    "sha256",
    "crc32",
    "skipped_count",
)

# The key of a page within its list: checksum, cursor, time, and its number among equal pages.
_PageKey = tuple[bytes, str | None, float, int]
# Row ids of a reference and its collection -> row ids of first page and last page, and provenance.
_Inferences = dict[tuple[int, int], tuple[int, int, int]]


class _Page(NamedTuple):
    """A stored page of a version, without its body."""

    id: int  # the row id in the version's file
    number: int
    facts_page: int  # the row id of the page that holds its facts: itself, or an equal page
    key: _PageKey
    order: float  # when the page was fetched, but not before the previous page
    values: tuple[object, ...]  # in the order of _PAGE_COLUMNS


class _Entry(NamedTuple):
    """A page of the merged list: the index of its version, the page, and its number in the list."""

    version: int
    page: _Page
    number: int


@dataclass(slots=True)
class _Version:
    """The data of one list in one file."""

    db: Database
    task: int  # the row id
    ids: Mapping[int, int] | None  # row ids of entities in this file -> in the merged file
    columns: dict[str, object]
    pages: list[_Page] = field(default_factory=list)

    @property
    def keys(self) -> set[_PageKey]:
        """The keys of all pages."""
        return {page.key for page in self.pages}

    def newest_pass(self) -> list[_Page]:
        """Return the pages of the newest pass; an empty list if its first page is not stored."""
        read = [page for page in self.pages if page.number > 0]
        starts = [index for index, page in enumerate(read) if page.key[1] is None]
        return read[starts[-1] :] if starts else []

    def describe(self) -> str:
        """Return the state, and in parentheses the time of the last response or failure."""
        fetched_at = self.columns["fetched_at"]
        time = f" ({format_timestamp(fetched_at)})" if isinstance(fetched_at, float) else ""
        return f"{self.columns['state']}{time}"

    def is_observed(self) -> bool:
        """Return whether the list is complete without inferences."""
        return self.columns["state"] == COMPLETE and not self.columns["inferred_count"]

    def rank(self) -> tuple[float, int, int, int, float]:
        """Return the criteria of the rule; the version with the greatest rank is kept."""
        newest = self.newest_pass()
        state, fetched_at = self.columns["state"], self.columns["fetched_at"]
        return (
            newest[0].key[2] if newest else -math.inf,
            len(newest),
            _STATES.index(str(state)),
            int(self.is_observed()),
            fetched_at if isinstance(fetched_at, float) else -math.inf,
        )

    def facts(self, page: int) -> Facts:
        """Return the facts of a page of this version, as row ids of entities in the merged file."""
        rows = self.db.rows("SELECT reference, related_from FROM fact WHERE page = ?", page)
        if self.ids is None:
            return tuple(sorted(rows))
        ids = self.ids
        return tuple(sorted((ids[reference], ids[source]) for reference, source in rows))

    def references(self) -> set[int]:
        """Return the references of the newest pass, as row ids in the merged file."""
        pages = {page.facts_page for page in self.newest_pass()}
        return {reference for page in pages for reference, _ in self.facts(page)}

    def body(self, page: int) -> bytes:
        """Return the compressed body of the page with this row id."""
        ((body, crc32),) = self.db.rows("SELECT body, crc32 FROM page WHERE id = ?", page)
        if zlib.crc32(body) != crc32:
            raise StoreError(f"{self.db.path}: a page is damaged; see graphbuild check")
        return bytes(body)


class ListMerger:
    """Unites the lists of a source file with those of the merged file.

    ``ids`` maps row ids of entities in the source to those in the merged file.
    """

    def __init__(
        self,
        db: Database,
        source: Database,
        writer: PageWriter,
        ids: Mapping[int, int],
        result: MergeResult,
    ) -> None:
        self._db = db
        self._source = source
        self._writer = writer
        self._ids = ids
        self._result = result

    def merge(self, target: Task, tasks: list[int]) -> None:
        """Unite a task of the merged file with tasks of the source, given by row ids.

        The source has several tasks for one list if only the merged file knows that their subjects
        are equal. The caller must have begun a transaction.
        """
        versions = [_load(self._db, target.id, None)]
        versions += [_load(self._source, task, self._ids) for task in tasks]
        kept = max(range(len(versions)), key=lambda index: (versions[index].rank(), -index))
        for index in range(1, len(versions)):
            self._compare(target.subject, versions, index, kept)
        entries = _arrange(versions, kept)
        page_ids = self._store_pages(versions, entries)
        inferences = self._store_inferences(versions, kept, page_ids)
        columns = versions[kept].columns | {
            "page_count": sum(entry.number > 0 for entry in entries)
        }
        changed = columns != versions[0].columns
        if changed:
            self._db.update("task", target.id, **columns)
        new = len(entries) - len(versions[0].pages)
        self._result.pages += new
        self._result.inferences += inferences
        self._result.lists += bool(new or inferences or changed)

    # --- conflicts -------------------------------------------------------------------------------

    def _compare(self, subject: Entity, versions: list[_Version], index: int, kept: int) -> None:
        """Report a conflict if another version contradicts the version of the merged file."""
        known, other = versions[0], versions[index]
        if known.keys <= other.keys or other.keys <= known.keys:
            return  # one version continues the other
        states = str(known.columns["state"]), str(other.columns["state"])
        if PENDING in states:
            return
        references = known.references(), other.references()
        if references[0] != references[1]:
            problem = "the newest passes differ"
            first, second = (format_count(len(each), "entry") for each in references)
        elif states[0] != states[1]:
            problem, (first, second) = "the states differ", states
        else:
            return
        kept_list = f"the list that is {versions[kept].describe()}"
        text = f"{kept_list}, with the observations of both files"
        conflict = MergeConflict(subject.readable_id, problem, (first, second), text)
        self._result.add_conflict(conflict)

    # --- pages -----------------------------------------------------------------------------------

    def _store_pages(self, versions: list[_Version], entries: list[_Entry]) -> dict[_PageKey, int]:
        """Store the pages of the merged list; return their row ids by key."""
        known = versions[0]
        unchanged = [
            _Entry(0, page, page.number) for page in sorted(known.pages, key=lambda page: page.id)
        ]
        if _keys(entries[: len(unchanged)]) == _keys(unchanged):
            page_ids = {page.key: page.id for page in known.pages}
            new = entries[len(unchanged) :]
        else:
            page_ids, new = {}, entries
        contents = [
            (versions[version].facts(page.facts_page), versions[version].body(page.id))
            for version, page, _ in new
        ]
        if new is entries and known.pages:
            self._delete_pages(known.task)
        for (_, page, number), (facts, body) in zip(new, contents, strict=True):
            columns = dict(zip(_PAGE_COLUMNS, page.values, strict=True))
            page_ids[page.key] = self._writer.insert_row(
                facts, task=known.task, number=number, body=body, **columns
            )
        return page_ids

    def _delete_pages(self, task: int) -> None:
        """Delete the pages of a list, which the caller stores again in another order.

        If pages of other lists refer to a deleted page for their facts, the facts are moved to the
        first of those pages.
        """
        self._writer.forget_pages()
        own = "SELECT id FROM page WHERE task = ?"
        heirs = list(
            self._db.rows(
                "SELECT duplicate_of, min(id) FROM page WHERE task <> ?"  # noqa: S608  constants only
                f" AND duplicate_of IN ({own}) GROUP BY duplicate_of",
                task,
                task,
            )
        )
        for page, heir in heirs:
            self._db.execute("UPDATE fact SET page = ? WHERE page = ?", heir, page)
            self._db.execute(
                "UPDATE page SET duplicate_of = nullif(?, id) WHERE duplicate_of = ?", heir, page
            )
        self._db.execute(f"DELETE FROM fact WHERE page IN ({own})", task)  # noqa: S608  constants only
        self._db.execute("DELETE FROM page WHERE task = ?", task)

    # --- inferences ------------------------------------------------------------------------------

    def _store_inferences(
        self, versions: list[_Version], kept: int, page_ids: Mapping[_PageKey, int]
    ) -> int:
        """Store the inferences of the merged list; return the number of new ones."""
        target = versions[0].task
        order = [versions[kept], *(each for each in versions if each is not versions[kept])]
        united: _Inferences = {}
        stored = _stored_inferences(self._db, target)
        for version in order:
            rows = _inferences(version, page_ids)
            for fact, values in rows.items():
                if version is order[0] or values[2] != INFERRED or not order[0].is_observed():
                    united.setdefault(fact, values)
        if united == stored:
            return 0
        self._db.execute("DELETE FROM inference WHERE task = ?", target)
        self._db.execute_many(
            "INSERT INTO inference"
            " (task, reference, related_from, first_page, last_page, provenance)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [(target, *fact, *values) for fact, values in united.items()],
        )
        return len(united.keys() - stored)


def _load(db: Database, task: int, ids: Mapping[int, int] | None) -> _Version:
    """Load a version of a list."""
    columns = (*_TASK_COLUMNS, "page_count")
    (row,) = db.rows(f"SELECT {', '.join(columns)} FROM task WHERE id = ?", task)  # noqa: S608  constants only
    version = _Version(db, task, ids, dict(zip(columns, row, strict=True)))
    counts: dict[tuple[bytes, str | None, float], int] = {}
    order = -math.inf
    query = (
        "SELECT id, number, coalesce(duplicate_of, id),"  # noqa: S608  constants only
        f" {', '.join(_PAGE_COLUMNS)} FROM page WHERE task = ? ORDER BY id"
    )
    for page_id, number, facts_page, *values in db.rows(query, task):
        columns_of_page = dict(zip(_PAGE_COLUMNS, values, strict=True))
        key = columns_of_page["sha256"], columns_of_page["cursor"], columns_of_page["fetched_at"]
        counts[key] = counts.get(key, 0) + 1
        order = max(order, columns_of_page["fetched_at"])
        page_key = (*key, counts[key])
        version.pages.append(_Page(page_id, number, facts_page, page_key, order, tuple(values)))
    return version


def _arrange(versions: list[_Version], kept: int) -> list[_Entry]:
    """Return the pages of the merged list in the order in which they were fetched.

    The pages of the kept version keep their numbers. The others get the next negative numbers.
    """
    winner = versions[kept]
    entries = [_Entry(kept, page, page.number) for page in winner.pages]
    known = winner.keys
    lowest = min((page.number for page in winner.pages), default=0)
    number = min(0, lowest)
    for index, version in enumerate(versions):
        for page in version.pages:
            if page.key not in known:
                known.add(page.key)
                number -= 1
                entries.append(_Entry(index, page, number))
    newest = winner.newest_pass()
    start = newest[0].order if newest else math.inf

    def position(entry: _Entry) -> tuple[float, bool]:
        # A page that is stored after the newest first page would count as a page of that pass.
        is_kept = entry.version == kept
        return entry.page.order if is_kept else min(entry.page.order, start), is_kept

    entries.sort(key=position)  # keeps the order of equal positions
    return entries


def _keys(entries: list[_Entry]) -> list[tuple[_PageKey, int]]:
    return [(entry.page.key, entry.number) for entry in entries]


def _inferences(version: _Version, page_ids: Mapping[_PageKey, int]) -> _Inferences:
    """Map each inferred fact of a version to its first page, last page and provenance.

    The row ids are those of the merged file.
    """
    pages = {page.id: page_ids[page.key] for page in version.pages}
    ids = version.ids
    return {
        (ids[fact[0]], ids[fact[1]]) if ids else fact: (pages[first], pages[last], provenance)
        for fact, (first, last, provenance) in _stored_inferences(version.db, version.task).items()
    }


def _stored_inferences(db: Database, task: int) -> _Inferences:
    """Return the inferences of a task, with the row ids of its file."""
    query = (
        "SELECT reference, related_from, first_page, last_page, provenance FROM inference"
        " WHERE task = ?"
    )
    rows = db.rows(query, task)
    return {
        (reference, source): (first, last, provenance)
        for reference, source, first, last, provenance in rows
    }

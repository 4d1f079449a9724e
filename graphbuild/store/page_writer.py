"""Store pages with their observations, from a crawl or an import."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.models import (
    COMPLETE,
    FILE,
    FILE_ID_HASH,
    HASH_TYPES,
    INCOMPLETE,
    LIMITED,
    PENDING,
    RELATED_REFERENCES,
    Entity,
    Status,
    detect_hash_type,
)
from graphbuild.store.entities import (
    ALIAS_DETAIL,
    NO_ENTITY,
    canonical_id,
    canonical_task,
    decode_attributes,
    find_entity,
    next_alias_page_number,
    unite_entities,
)
from graphbuild.store.models import REPEATED, UNKNOWN_CURSOR, SaveResult
from graphbuild.store.paging import PagingState, status_after_page, status_at_end
from graphbuild.store.task_queue import first_page_of_pass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbuild.models import Page
    from graphbuild.store.database import Database
    from graphbuild.store.entities import EntityWriter
    from graphbuild.store.inferences import Inferences
    from graphbuild.store.models import FetchedPage, Task
    from graphbuild.store.task_queue import TaskQueue

    # Pairs of row ids: a reference or another listed entity; and its collection, or 0 if none.
    Facts = tuple[tuple[int, int], ...]

# Minimum compression ratio at which the API's gzip stream is stored; zlib reaches about 5.
_GOOD_RATIO = 3
_MAX_KNOWN_PAGES = 1_000  # in the cache of pages by their facts
_WEAK_HASHES = tuple(each.name for each in HASH_TYPES if each.name != FILE_ID_HASH)


class _PageRow(NamedTuple):
    """The columns of a stored page on which the status of its list depends."""

    cursor: str | None
    next_cursor: str | None
    expected_count: int | None
    item_count: int
    skipped_count: int


class PageWriter:
    """Stores each page in one durable transaction with its observations and the next cursor."""

    def __init__(
        self, db: Database, entities: EntityWriter, tasks: TaskQueue, inferences: Inferences
    ) -> None:
        self._db = db
        self._entities = entities
        self._inferences = inferences
        self._tasks = tasks
        # Facts -> row id of a recent page with exactly these facts. Many pages have equal facts.
        self._page_of: dict[Facts, int] = {}
        db.on_rollback(self._page_of.clear)

    def save_page(
        self, task: Task, fetched: FetchedPage, *, limit: int | None = None
    ) -> SaveResult:
        """Store a page of a task, its observations and the next cursor; update the task's status.

        Aliases that the page shows, such as the MD5 of a file, are united with their entities. If
        the subject of ``task`` is already an alias, the page is stored for the canonical entity.

        A list beyond the seeds (depth 1 or more) becomes ``limited`` if at least ``limit`` of its
        entries are stored and more pages follow.
        """
        db, page = self._db, fetched.page
        with db.transaction():
            canonical = canonical_task(db, task.id)
            if canonical is not None:
                return self._save_alias_page(task, fetched, canonical)
            entities = db.integer("SELECT max(id) FROM entity")
            page_id = self._insert_page(task.id, task.page_count + 1, fetched)
            state = self._paging_state(task.id, page_id, page)
            status, cursor = status_after_page(state), page.next_cursor
            if fetched.cursor == UNKNOWN_CURSOR:  # the page may be a part of the list only
                status = Status(INCOMPLETE)
            is_short = status.state == PENDING and cursor is None
            if is_short:
                cursor = fetched.cursor
            if page.count is not None:
                db.update("task", task.id, expected_count=page.count)
            if status.state == COMPLETE:
                self._inferences.settle(task.id)
            elif (
                status.state == PENDING
                and not is_short
                and task.depth
                and limit
                and state.received_count >= limit
            ):
                status = self._truncate(task, state.received_count, limit)
            db.update(
                "task",
                task.id,
                state=status.state,
                detail=status.detail,
                page_count=task.page_count + 1,
                cursor=cursor,
                received_count=state.received_count,
                inferred_count=self._inferences.count_unread(task.id, state.received_count),
                new_entity_count=db.integer("SELECT max(id) FROM entity") - entities,
                failure_count=0,
                http_status=fetched.http_status,
                fetched_at=fetched.fetched_at,
                error_code=REPEATED if is_short else "",
            )
            self._unite_aliases(task, page)
        return SaveResult(state.new_count, status)

    # --- pages -----------------------------------------------------------------------------------

    def _save_alias_page(self, task: Task, fetched: FetchedPage, canonical: int) -> SaveResult:
        """Store a page that was requested before its subject became an alias.

        ``canonical`` is the row id of the canonical entity's task.
        """
        self._insert_page(canonical, next_alias_page_number(self._db, canonical), fetched)
        self._db.update("task", task.id, page_count=task.page_count + 1)
        return SaveResult(0, Status(COMPLETE, ALIAS_DETAIL))

    def _insert_page(self, task: int, number: int, fetched: FetchedPage) -> int:
        """Insert a page, its entities and its facts; return the row id of the page."""
        page, body = fetched.page, _compress(fetched)
        return self.insert_row(
            self._save_entities(page),
            task=task,
            number=number,
            cursor=fetched.cursor,
            next_cursor=page.next_cursor,
            expected_count=page.count,
            item_count=page.item_count,
            warning_count=len(page.warnings),
            fetched_at=fetched.fetched_at,
            sha256=hashlib.sha256(fetched.body).digest(),
            crc32=zlib.crc32(body),
            body=body,
            skipped_count=page.skipped_count,
        )

    def insert_row(self, facts: Facts, **columns: object) -> int:
        """Insert a page, and its facts unless a recent page has equal ones; return the row id.

        ``facts`` must be sorted. ``columns`` are those of the table ``page``, except ``id`` and
        ``duplicate_of``. The caller must have begun a transaction.
        """
        duplicate_of = self._page_of.get(facts)
        page_id = self._db.insert("page", duplicate_of=duplicate_of, **columns)
        if facts and duplicate_of is None:
            statement = "INSERT INTO fact (page, reference, related_from) VALUES (?, ?, ?)"
            self._db.execute_many(statement, [(page_id, *each) for each in facts])
            if len(self._page_of) >= _MAX_KNOWN_PAGES:
                self._page_of.clear()
            self._page_of[facts] = page_id
        return page_id

    def forget_pages(self) -> None:
        """Compare no more pages with the stored ones. Call this before pages are deleted."""
        self._page_of.clear()

    def _save_entities(self, page: Page) -> Facts:
        """Save the entities of a page; return the page's facts, sorted by row ids."""
        if page.described is not None:
            self._entities.save(page.described)
        facts = {(self._entities.save(target), NO_ENTITY) for target in page.targets}
        for entry in page.entries:
            reference = self._entities.save(entry.reference)
            for collection in entry.related_from:
                related_from = self._entities.save(collection) if collection else NO_ENTITY
                facts.add((reference, related_from))
        return tuple(sorted(facts))

    def _paging_state(self, task: int, page_id: int, page: Page) -> PagingState:
        """Return the state of the current pass, whose newest page has the row id ``page_id``."""
        first_page = first_page_of_pass(self._db, task)
        pages = self._page_rows(task, first_page)
        query = (
            "SELECT count(*), coalesce(sum(first = ?), 0) FROM (SELECT min(first_page) AS first"
            " FROM fact_by_task WHERE task = ? AND provenance = 0 AND first_page >= ?"
            " GROUP BY reference)"
        )
        ((received_count, new_count),) = self._db.rows(query, page_id, task, first_page)
        earlier = pages[:-1]
        ((error_code,),) = self._db.rows("SELECT error_code FROM task WHERE id = ?", task)
        return PagingState(
            page_count=len(pages),
            expected_counts=_expected_counts(pages),
            next_cursor=page.next_cursor,
            cursor_repeated=any(each.next_cursor == page.next_cursor for each in earlier),
            item_count=page.item_count,
            new_count=new_count,
            received_count=received_count,
            previous_page_empty=bool(earlier) and earlier[-1].item_count == 0,
            is_repeated=error_code == REPEATED,
            skipped_count=_sum_skipped(pages),
        )

    def _page_rows(self, task: int, first_page: int = 0) -> list[_PageRow]:
        """Return the stored pages of a list, beginning with the row id ``first_page``."""
        query = (
            "SELECT cursor, next_cursor, expected_count, item_count, skipped_count FROM page"
            " WHERE task = ? AND number > 0 AND id >= ? ORDER BY id"
        )
        return [_PageRow(*row) for row in self._db.rows(query, task, first_page)]

    def _truncate(self, task: Task, received: int, limit: int) -> Status:
        """Record the limit at which the reading of a list stops; return the list's new status."""
        self._db.update("task", task.id, truncated_at=limit)
        ((expected,),) = self._db.rows("SELECT expected_count FROM task WHERE id = ?", task.id)
        total = "" if expected is None else f" of {expected:,}"
        entries = task.relationship.replace("_", " ")
        detail = f"{received:,}{total} {entries} read; the limit per node is {limit:,}"
        return Status(LIMITED, detail)

    # --- aliases ---------------------------------------------------------------------------------

    def alias_conflict(self, subject: Entity, page: Page) -> str:
        """Return why the file that a page names cannot be ``subject``; empty if it can be.

        A file that was requested by its MD5 cannot be a file that the campaign file contains with
        another MD5. The same applies to SHA-1.
        """
        named, hash_name = page.canonical_subject, detect_hash_type(subject.id)
        if named is None or subject.type != FILE or hash_name not in _WEAK_HASHES:
            return ""
        query = "SELECT attributes FROM entity WHERE type = ? AND api_id = ?"
        row = self._db.first(query, named.type, named.id)
        known = decode_attributes(row[0], named.id, self._db.path).get(hash_name) if row else None
        if not isinstance(known, str) or known.lower() == subject.id.lower():
            return ""
        return f"the response is about file {named.id!a}, which has another {hash_name}"

    def _unite_aliases(self, task: Task, page: Page) -> None:
        """Unite entities that are equal according to a page, such as a file's MD5 and SHA-256.

        The hashes of a described file are saved as aliases even if the campaign file does not
        contain them yet. A later seed with one of these hashes then costs no call of its own.
        """
        if page.canonical_subject is not None:
            self._unite(task.subject, page.canonical_subject)
        is_described = page.described is not None
        for file in page.targets if page.described is None else (page.described,):
            for name in _WEAK_HASHES if file.type == FILE else ():
                value = file.attributes.get(name)
                if isinstance(value, str) and detect_hash_type(value) == name:
                    alias = Entity(FILE, value.lower())
                    if is_described or find_entity(self._db, alias) is not None:
                        self._unite(alias, file)

    def _unite(self, alias: Entity, canonical: Entity) -> None:
        hash_name = detect_hash_type(alias.id) if alias.type == FILE else None
        attributes = {hash_name: alias.id} if hash_name else alias.attributes
        alias_id = self._entities.save(alias)
        other_id = self._entities.save(Entity(canonical.type, canonical.id, attributes))
        if canonical_id(self._db, alias_id) != canonical_id(self._db, other_id):
            unite_entities(self._db, alias_id, other_id)

    # --- import ----------------------------------------------------------------------------------

    def import_pages(
        self,
        subject: Entity,
        pages: Iterable[FetchedPage],
        relationship: str = RELATED_REFERENCES,
    ) -> int:
        """Store saved pages of one list in the given order; return the number of new pages.

        A page is skipped if the list already has a page with the same bytes. If all pages are
        skipped, the state of the list does not change. If pages of the list are missing, a pending
        list stays ``pending``, and any other list becomes ``incomplete``. In both cases, the next
        crawl requests the list. All changes are one transaction, so that a killed import does not
        leave a list with a wrong state.
        """
        new = 0
        with self._db.transaction():
            entity = canonical_id(self._db, self._entities.save(subject))
            self._tasks.add(entity, INCOMPLETE, relationship)
            task = self._tasks.get_for(entity, relationship)
            state = self._db.first("SELECT state FROM task WHERE id = ?", task.id)
            for fetched in pages:
                if not self._is_stored(task, fetched):
                    self.save_page(self._tasks.get(task.id), fetched)
                    new += 1
            if new:
                self._set_import_status(task, PENDING if state == (PENDING,) else INCOMPLETE)
        return new

    def _is_stored(self, task: Task, fetched: FetchedPage) -> bool:
        digest = hashlib.sha256(fetched.body).digest()
        query = "SELECT count(*) FROM page WHERE task = ? AND sha256 = ?"
        return self._db.integer(query, task.id, digest) > 0

    def _set_import_status(self, task: Task, unfinished_state: str) -> None:
        """Set the status after an import. A list with missing pages gets ``unfinished_state``."""
        facts = "fact_by_task WHERE task = ? AND provenance = 0"
        received = self._db.integer(f"SELECT count(DISTINCT reference) FROM {facts}", task.id)  # noqa: S608  constants only
        pages = [each for each in self._page_rows(task.id) if each.cursor != UNKNOWN_CURSOR]
        cursors = {each.cursor for each in pages}
        next_cursors = {each.next_cursor for each in pages}
        status, cursor = Status(unfinished_state), task.cursor
        if None in cursors and cursors == next_cursors:  # no page is missing
            status = status_at_end(_expected_counts(pages), received, _sum_skipped(pages))
            cursor = None
        elif unfinished_state == INCOMPLETE:
            status = Status(INCOMPLETE, "the imported pages are not the whole list")
        self._db.update(
            "task",
            task.id,
            state=status.state,
            cursor=cursor,
            received_count=received,
            detail=status.detail,
            error_code="",
            retry=status.state == INCOMPLETE,
        )


def _expected_counts(pages: Iterable[_PageRow]) -> frozenset[int]:
    """Return all list lengths that the API stated on the pages."""
    return frozenset(each.expected_count for each in pages if each.expected_count is not None)


def _sum_skipped(pages: Iterable[_PageRow]) -> int:
    """Return the number of skipped items on the pages.

    Of pages with the same cursor, only the last one counts, because the page was requested again.
    """
    return sum({each.cursor: each.skipped_count for each in pages}.values())


def _compress(fetched: FetchedPage) -> bytes:
    """Return the compressed body: the API's gzip stream if it is small enough, else zlib's."""
    if fetched.compressed and len(fetched.body) >= _GOOD_RATIO * len(fetched.compressed):
        return fetched.compressed
    return zlib.compress(fetched.body)

"""What a campaign file holds, and the transactions that change it.

What it guarantees (each is a test):

* a page, what it says, and where the next one starts are one transaction, on disk before the next
  call is made (write-ahead log, ``synchronous=FULL``);
* the raw pages are kept with their SHA-256, so that observations can be read from them again;
* every call stands in the ledger before it is made;
* reading never waits for a crawl, and never changes the file.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from graphbuild.models import (
    COMPLETE,
    FAILED,
    FILE,
    FILE_ID_HASH,
    HASH_TYPES,
    INCOMPLETE,
    PENDING,
    RELATED_REFERENCES,
    Entity,
    Status,
    detect_hash_type,
)
from graphbuild.store import connection, task_queue
from graphbuild.store.cache import Lists, Numbers, Passes, encode
from graphbuild.store.reader import API_FLAVOR, QUOTA, TASKS, Reader, task_of
from graphbuild.store.records import Committed
from graphbuild.store.status import ended, judge
from graphbuild.store.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from random import Random

    from filelock import FileLock

    from graphbuild.models import Page, Seed
    from graphbuild.store.records import Fetched, Task

_WELL_PACKED = 3  # times smaller; a page of the API's shrinks to a fifth
_MOST_COUNTS = 8  # as many moments as somebody may count calls from
_NO_ENTITY = 0  # no row of entity has this number


class Store(Reader):
    """A campaign file, opened. Use :meth:`open` to write, :meth:`read` to look."""

    _lock: FileLock | None = None

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        super().__init__(path, connection)
        self._numbers = Numbers(connection, path)
        self._lists = Lists(self._numbers)
        self._passes = Passes(connection)
        self._api_flavor = ""  # as noted last
        self._calls: dict[float, int] = {}  # how many were made, by since when
        self._transaction = Transaction(
            connection,
            path,
            (self._numbers.forget, self._lists.forget, self._passes.forget, self._calls.clear),
        )
        self._has_twins = self._has_inferences = True  # until it is known that there are none

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a campaign file for writing; a new one is made where there is none.

        Raises:
            StoreError: another process writes to it, or it is no campaign file of this version.
        """
        path = Path(path)
        lock = connection.lock(path)
        try:
            if path.exists():
                connection.check(path)
            else:
                connection.create(path)
            store = cls(path, connection.connect(path, write=True))
        except BaseException:
            lock.release()
            raise
        store._lock = lock
        store._note("holder", f"process {os.getpid()}")
        with connection.sentences(path):
            store._has_twins = task_queue.has_twins(store._db)
            store._has_inferences = task_queue.has_inferences(store._db)
        return store

    def close(self) -> None:
        """Close the file and give up the lock."""
        try:
            if self._db.in_transaction:
                with self._transaction:
                    pass
        finally:
            self._db.close()
            if self._lock is not None:
                self._lock.release()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Inside, all that is read is of one moment; who writes sees no changes but its own."""
        if self._lock is not None:
            yield
            return
        with super().snapshot():
            yield

    # --- writing ---------------------------------------------------------------------------------

    def together(self) -> AbstractContextManager[None]:
        """All that is changed inside is one transaction: on disk when it ends, or not at all."""
        return self._transaction

    def add_seeds(self, seeds: Iterable[Seed]) -> int:
        """Add what is not there yet, as tasks still to ask; how many were new."""
        with self._transaction:
            return sum(self._add_seed(seed) for seed in seeds)

    def _add_seed(self, seed: Seed) -> int:
        entity = self._real(self._intern(seed.entity))
        new = self._db.execute(
            "INSERT OR IGNORE INTO seed VALUES (?, ?, ?, ?)",
            (entity, seed.source, seed.line, encode(seed.attributes)),
        ).rowcount
        if not new and seed.attributes:
            self._note_beside(entity, seed)
        return self._add_task(entity)

    def _note_beside(self, entity: int, seed: Seed) -> None:
        """Keep what a later list says of a seed under names that no earlier one had."""
        row = next(self._rows("SELECT attributes FROM seed WHERE entity = ?", entity))
        known = self._attributes(row[0], seed.entity.id)
        merged = encode({**seed.attributes, **known})
        if merged != row[0]:
            self._db.execute("UPDATE seed SET attributes = ? WHERE entity = ?", (merged, entity))

    def _add_task(self, entity: int, state: str = PENDING) -> int:
        return self._db.execute(
            "INSERT OR IGNORE INTO task (subject, relationship, state) VALUES (?, ?, ?)",
            (entity, RELATED_REFERENCES, state),
        ).rowcount

    def requeue(self) -> int:
        """Make tasks that failed in passing, and pages that were only imported, pending again."""
        with self._transaction:
            return task_queue.requeue(self._db)

    def refresh(self, before: float) -> int:
        """Ask again for what was last asked before a time (seconds since 1970); how many."""
        with self._transaction:
            return task_queue.refresh(self._db, before)

    def audit(self, share: float, chance: Random) -> int:
        """Ask for a random share of what was inferred; how many subjects were chosen anew."""
        with self._transaction:
            return task_queue.audit(self._db, share, chance)

    def expand(self, depth: int) -> int:
        """Ask about what the questions of one depth brought to light; how many new tasks."""
        with self._transaction:
            return task_queue.expand(self._db, depth)

    def reopen(self, limit: int) -> int:
        """Go on with lists that were cut at a smaller limit; how many."""
        with self._transaction:
            return task_queue.reopen(self._db, limit)

    def commit(self, task: Task, fetched: Fetched, *, limit: int | None = None) -> Committed:
        """Store a page, what it says and where the next one starts, in one transaction.

        Args:
            task: what was asked.
            fetched: what came.
            limit: stop reading the list of a node that lies deeper than the seeds here.
        """
        with self._transaction:
            home = task_queue.home(self._db, task.id) if self._has_twins else None
            if home is not None:
                return self._commit_twin(task, fetched, home)
            before = self._numbers.added
            present = self._passes.of(task.id, fetched)
            history = present.take(fetched, self._add_page(task.id, task.pages + 1, fetched))
            received, verdict = history.distinct, judge(history)
            self._db.execute(
                "UPDATE task SET state = ?, pages = pages + 1, cursor = ?, received = ?,"
                " count = coalesce(?, count), gain = ?, status = 200, asked_at = ?, error = '',"
                " remark = ? WHERE id = ?",
                (
                    verdict.state,
                    fetched.page.next_cursor,
                    received,
                    fetched.page.count,
                    self._numbers.added - before,
                    fetched.at,
                    verdict.detail,
                    task.id,
                ),
            )
            if self._has_inferences and verdict == Status(COMPLETE):
                task_queue.settle_inferences(self._db, task.id)
            elif verdict.state == PENDING and task.depth and limit and received >= limit:
                verdict = Status(INCOMPLETE, task_queue.cut(self._db, task.id, limit))
            self._learn_names(task, fetched.page)
        return Committed(history.new, verdict)

    def _commit_twin(self, task: Task, fetched: Fetched, home: int) -> Committed:
        """A page that was in flight when its subject was found to be another's: it is theirs."""
        self._add_page(home, task_queue.aside(self._db, home), fetched)
        self._db.execute("UPDATE task SET pages = pages + 1 WHERE id = ?", (task.id,))
        self._passes.forget()
        return Committed(0, Status(COMPLETE, task_queue.TWIN))

    def fail(  # noqa: PLR0913  all but the task are named
        self,
        task: Task,
        *,
        code: str,
        remark: str,
        retry: bool,
        status: int = 0,
        at: float | None = None,
    ) -> None:
        """Note that a task was refused; ``retry`` if a later run shall ask again."""
        with self._transaction:
            self._db.execute(
                "UPDATE task SET state = ?, error = ?, remark = ?, retry = ?, status = ?,"
                " asked_at = coalesce(?, asked_at) WHERE id = ?",
                (FAILED, code, remark, retry, status, at, task.id),
            )

    def commit_import(self, subject: Entity, pages: Iterable[Fetched]) -> int:
        """Store saved pages of one subject, in the order of their paging; how many were new.

        A page that is stored already, to the byte, is passed over. Where the pages stop before
        the list does, the subject stays incomplete until a crawl asks for it from the start.
        """
        with self._transaction:
            entity = self._real(self._intern(subject))
            self._add_task(entity, INCOMPLETE)
        task = self._task_of(entity)
        pending = self._number(
            "SELECT count(*) FROM task WHERE id = ? AND state = ?", task.id, PENDING
        )
        new = 0
        for fetched in pages:
            if not self._has_page(task, fetched):
                self.commit(self._task_of(self._real(entity)), fetched)
                new += 1
        with self._transaction:
            self._settle(task, PENDING if pending else INCOMPLETE)
        return new

    def _settle(self, task: Task, unfinished: str) -> None:
        """Judge saved pages by how they hang together, in whatever order they came."""
        received = self._received(task.id)
        verdict, cursor = Status(unfinished), task.cursor
        if self._loose_ends(task) == 0:
            verdict, cursor = ended(self._announced(task), received), None
        elif unfinished == INCOMPLETE:
            verdict = Status(INCOMPLETE, "the saved pages are not the whole list")
        self._db.execute(
            "UPDATE task SET state = ?, cursor = ?, received = ?, remark = ?, retry = ?"
            " WHERE id = ?",
            (
                verdict.state,
                cursor,
                received,
                verdict.detail,
                verdict.state == INCOMPLETE,
                task.id,
            ),
        )

    def _loose_ends(self, task: Task) -> int:
        """Pages whose neighbour is missing: the next one, the one before, or the first of all."""
        return self._number(
            "WITH step AS (SELECT cursor, next_cursor FROM page WHERE task = :task AND number > 0)"
            " SELECT (SELECT count(*) = 0 FROM step WHERE cursor IS NULL)"
            " + (SELECT count(*) FROM step AS one WHERE next_cursor NOT NULL"
            "    AND NOT EXISTS (SELECT 1 FROM step WHERE cursor = one.next_cursor))"
            " + (SELECT count(*) FROM step AS one WHERE cursor NOT NULL"
            "    AND NOT EXISTS (SELECT 1 FROM step WHERE next_cursor = one.cursor))",
            task=task.id,
        )

    def _announced(self, task: Task) -> frozenset[int]:
        query = "SELECT DISTINCT count FROM page WHERE task = ? AND number > 0"
        counts = self._rows(query, task.id)
        return frozenset(count for (count,) in counts if count is not None)

    def conclude(self, task: int, behind: Mapping[int, Iterable[int]]) -> None:
        """Complete a subject without asking on: what its further pages hold is proved.

        Args:
            task: the number of its task.
            behind: the references not read of it, and the collections behind each; as numbered
                by :meth:`reading`.
        """
        with self._transaction:
            self._has_inferences = True
            page = self._number("SELECT max(id) FROM page WHERE task = ?", task)
            self._db.executemany(
                "INSERT INTO inference VALUES (:task, :one, :other, :page, :page, :inferred)"
                " ON CONFLICT DO UPDATE SET last_page = :page, evidence = :inferred",
                [
                    {
                        "task": task,
                        "one": one,
                        "other": other,
                        "page": page,
                        "inferred": task_queue.INFERRED,
                    }
                    for one, found in behind.items()
                    for other in found
                ],
            )
            self._db.execute(
                "UPDATE task SET state = ?, cursor = NULL, inferred = ? WHERE id = ?",
                (COMPLETE, len(behind), task),
            )

    def doubt(self, task: int, remark: str) -> None:
        """Keep why nothing is concluded for a subject; it is read page by page."""
        with self._transaction:
            self._db.execute("UPDATE task SET doubt = ? WHERE id = ?", (remark, task))

    def begin_call(self, subject: Entity, relationship: str, now: float) -> int:
        """Note, durably, that a call is about to be made."""
        with self._transaction:
            entity = self._intern(subject)
            cursor = self._db.execute(
                "INSERT INTO call (subject, relationship, begun_at) VALUES (?, ?, ?)",
                (entity, relationship, now),
            )
        for since in self._calls:
            self._calls[since] += now >= since
        return int(cursor.lastrowid or 0)

    def forget_call(self, call: int) -> None:
        """Take back a call that was noted, and is not made after all."""
        with self._transaction:
            self._db.execute("DELETE FROM call WHERE id = ?", (call,))
            self._calls.clear()

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        """Note how a call ended; durable with the next transaction, or when the file is closed."""
        try:
            self._transaction.begin()
            self._db.execute(
                "UPDATE call SET status = ?, note = ?, sent = ? WHERE id = ?",
                (status, note[:200], sent, call),
            )
        except sqlite3.Error as error:
            raise connection.trouble(self.path, error) from None
        if not sent:
            self._calls.clear()

    def calls(self, since: float = 0.0) -> int:
        """How many calls were made since a time (seconds since 1970), failed ones included.

        Counted once by the one who writes and then kept up, as a budget asks before every call.
        """
        if self._lock is None:
            return super().calls(since)
        if since not in self._calls:
            if len(self._calls) >= _MOST_COUNTS:
                self._calls.clear()
            self._calls[since] = super().calls(since)
        return self._calls[since]

    def note_quota(self, resets_at: float) -> None:
        """Keep when the service's quota resets, so that a run before that asks but once."""
        self._note(QUOTA, repr(resets_at))

    def save_api_flavor(self, api_flavor: str) -> None:
        """Keep which generation of the service answers."""
        if api_flavor == self._api_flavor:
            return
        if api_flavor != self.api_flavor():
            self._note(API_FLAVOR, api_flavor)
        self._api_flavor = api_flavor

    def _note(self, name: str, value: str) -> None:
        with self._transaction:
            self._db.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (name, value))

    def _intern(self, entity: Entity) -> int:
        """The number of an entity; what is newly known of it is added, nothing is erased."""
        return self._numbers.of(entity)

    def _add_page(self, task: int, number: int, fetched: Fetched) -> list[int]:
        """The numbers of what is listed, as often as it is."""
        entries = fetched.page.entries
        known = self._lists.find(entries) if entries else None
        page = self._add_body(task, number, fetched, known.page if known else None)
        if known:
            return known.references
        references = self._add_facts(page, fetched.page)
        if entries:
            self._lists.keep(entries, page, references)
        return references

    def _add_body(self, task: int, number: int, fetched: Fetched, says: int | None) -> int:
        page = fetched.page
        packed = _pack(fetched)
        cursor = self._db.execute(
            "INSERT INTO page (task, number, cursor, next_cursor, count, items, remarks,"
            " fetched_at, says, sha256, crc, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                task,
                number,
                fetched.cursor,
                page.next_cursor,
                page.count,
                page.item_count,
                len(page.warnings),
                fetched.at,
                says,
                hashlib.sha256(fetched.body).digest(),
                zlib.crc32(packed),
                packed,
            ),
        )
        return int(cursor.lastrowid or 0)

    def _add_facts(self, page: int, said: Page) -> list[int]:
        """The numbers of what is listed, as often as it is."""
        listed = [entry.reference for entry in said.entries] + [*said.targets]
        behind = [entry.related_from for entry in said.entries] + [(None,)] * len(said.targets)
        references = self._numbers.of_all(listed)
        # Most entries of a page name the same few collections: the same objects.
        collections = {id(each): each for all_of in behind for each in all_of if each is not None}
        numbers = dict(zip(collections, self._numbers.of_all(collections.values()), strict=True))
        self._db.executemany(
            "INSERT OR IGNORE INTO fact VALUES (?, ?, ?)",
            [
                (page, reference, numbers.get(id(each), _NO_ENTITY))
                for reference, all_of in zip(references, behind, strict=True)
                for each in all_of
            ],
        )
        return references

    # --- one subject under several names ----------------------------------------------------------

    def _real(self, entity: int) -> int:
        """The number behind another name of the same subject; else the same."""
        return self._number("SELECT same_as FROM entity WHERE id = ?", entity) or entity

    def _learn_names(self, task: Task, page: Page) -> None:
        """Unite what an answer proves to be one: an MD5 and the SHA-256 it is answered under."""
        if page.canonical_subject is not None:
            self._unite(task.subject, page.canonical_subject)
        for entity in page.targets:
            if entity.type == FILE:
                self._unite_hashes(entity)

    def _unite_hashes(self, file: Entity) -> None:
        for kind in HASH_TYPES:
            name = file.attributes.get(kind.name)
            if kind.name == FILE_ID_HASH or not isinstance(name, str):
                continue
            if detect_hash_type(name) == kind.name:
                alias = Entity(FILE, name.lower())
                if self.has(alias):
                    self._unite(alias, file)

    def _unite(self, alias: Entity, real: Entity) -> None:
        kind = detect_hash_type(alias.id)
        known = {kind: alias.id} if kind and alias.type == FILE else alias.attributes
        numbers = self._intern(alias), self._intern(Entity(real.type, real.id, known))
        if numbers[0] != numbers[1]:
            self._has_twins = True
            task_queue.unite(self._db, *numbers)
            self._passes.forget()

    # --- judging ---------------------------------------------------------------------------------

    def _received(self, task: int) -> int:
        query = (
            "SELECT count(DISTINCT reference) FROM page"
            " JOIN fact ON fact.page = coalesce(says, page.id) WHERE task = ?"
        )
        return self._number(query, task)

    def _task_of(self, entity: int) -> Task:
        where = f"{TASKS} WHERE subject = ? AND relationship = ?"
        return next(map(task_of, self._rows(where, entity, RELATED_REFERENCES)))

    def _has_page(self, task: Task, fetched: Fetched) -> bool:
        digest = hashlib.sha256(fetched.body).digest()
        query = "SELECT count(*) FROM page WHERE task = ? AND sha256 = ?"
        return self._number(query, task.id, digest) > 0


def _pack(fetched: Fetched) -> bytes:
    """The body packed: as it came, if that is well enough, since to pack is work."""
    if fetched.packed and len(fetched.body) >= _WELL_PACKED * len(fetched.packed):
        return fetched.packed
    return zlib.compress(fetched.body)

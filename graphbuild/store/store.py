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
import json
import os
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from graphbuild.completeness import (
    COMPLETE,
    FAILED,
    INCOMPLETE,
    PENDING,
    History,
    Verdict,
    judge,
)
from graphbuild.entities import Entity
from graphbuild.errors import StoreError
from graphbuild.observations import Observation
from graphbuild.store import file
from graphbuild.store.rows import Committed, SubjectStatus, Task, Totals

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

    from filelock import FileLock

    from graphbuild.entities import Scalar
    from graphbuild.seeds import Seed
    from graphbuild.store.rows import Fetched

RELATED_REFERENCES = "related_references"
_NO_ENTITY = 0  # no row of entity has this number
_TASKS = (
    "SELECT task.id, type, name, relationship, pages, cursor FROM task"
    " JOIN entity ON entity.id = task.subject"
)


class Store:
    """A campaign file, opened. Use :meth:`open` to write, :meth:`read` to look."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: FileLock | None) -> None:
        self.path = path
        self._db = connection
        self._lock = lock

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a campaign file for writing; a new one is made where there is none.

        Raises:
            StoreError: another process writes to it, or it is no campaign file of this version.
        """
        path = Path(path)
        lock = file.lock(path)
        try:
            if path.exists():
                file.check(path)
            else:
                file.create(path)
            store = cls(path, file.connect(path, write=True), lock)
        except BaseException:
            lock.release()
            raise
        store._note("holder", f"process {os.getpid()}")
        return store

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Open a campaign file for reading, also while a crawl writes to it.

        Raises:
            StoreError: there is none, or it is no campaign file of this version.
        """
        path = Path(path)
        file.check(path)
        return cls(path, file.connect(path, write=False), None)

    def close(self) -> None:
        """Close the file and give up the lock."""
        try:
            if self._db.in_transaction:
                with self._transaction():
                    pass
        finally:
            self._db.close()
            if self._lock is not None:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- writing ---------------------------------------------------------------------------------

    def add_seeds(self, seeds: Iterable[Seed]) -> int:
        """Add what is not there yet, as tasks still to ask; how many were new."""
        with self._transaction():
            return sum(self._add_seed(seed) for seed in seeds)

    def _add_seed(self, seed: Seed) -> int:
        entity = self._intern(seed.entity)
        self._db.execute(
            "INSERT OR IGNORE INTO seed VALUES (?, ?, ?)", (entity, seed.source, seed.line)
        )
        return self._add_task(entity)

    def _add_task(self, entity: int, state: str = PENDING) -> int:
        return self._db.execute(
            "INSERT OR IGNORE INTO task (subject, relationship, state) VALUES (?, ?, ?)",
            (entity, RELATED_REFERENCES, state),
        ).rowcount

    def requeue(self) -> int:
        """Make tasks that failed in passing, and pages that were only imported, pending again."""
        with self._transaction():
            return self._db.execute(
                "UPDATE task SET state = ?, error = '', remark = '', retry = 0 WHERE retry = 1",
                (PENDING,),
            ).rowcount

    def has_work(self) -> bool:
        """Whether anything is still to ask, or to ask again."""
        query = "SELECT count(*) FROM task WHERE state = ? OR retry = 1"
        return self._number(query, PENDING) > 0

    def next_task(self) -> Task | None:
        """The task to go on with: first pages first, in the order of the seeds."""
        order = f"{_TASKS} WHERE state = ? ORDER BY cursor IS NOT NULL, task.id LIMIT 1"
        return next(map(_task, self._rows(order, PENDING)), None)

    def commit(self, task: Task, fetched: Fetched) -> Committed:
        """Store a page, what it says and where the next one starts, in one transaction."""
        with self._transaction():
            subject = self._intern(task.subject)
            page = self._add_page(task, fetched)
            first = self._first_page(task)
            before = self._received(subject, first)
            self._add_observations(subject, page, fetched.page.observations)
            received = self._received(subject, first)
            verdict = judge(self._history(first, fetched, received - before, received))
            self._db.execute(
                "UPDATE task SET state = ?, pages = pages + 1, cursor = ?, received = ?,"
                " count = coalesce(?, count), error = '', remark = ? WHERE id = ?",
                (
                    verdict.state,
                    fetched.page.next_cursor,
                    received,
                    fetched.page.count,
                    verdict.remark,
                    task.id,
                ),
            )
        return Committed(received - before, verdict)

    def fail(self, task: Task, *, code: str, remark: str, retry: bool) -> None:
        """Note that a task was refused; ``retry`` if a later run shall ask again."""
        with self._transaction():
            self._db.execute(
                "UPDATE task SET state = ?, error = ?, remark = ?, retry = ? WHERE id = ?",
                (FAILED, code, remark, retry, task.id),
            )

    def commit_import(self, subject: Entity, pages: Iterable[Fetched]) -> int:
        """Store saved pages of one subject, in the order of their paging; how many were new.

        A page that is stored already, to the byte, is passed over. Where the pages stop before
        the list does, the subject stays incomplete until a crawl asks for it from the start.
        """
        with self._transaction():
            entity = self._intern(subject)
            self._add_task(entity, INCOMPLETE)
        task = self._task_of(entity)
        pending = self._number(
            "SELECT count(*) FROM task WHERE id = ? AND state = ?", task.id, PENDING
        )
        new = 0
        for fetched in pages:
            if not self._has_page(task, fetched):
                self.commit(self._task_of(entity), fetched)
                new += 1
        with self._transaction():
            self._settle(task, entity, PENDING if pending else INCOMPLETE)
        return new

    def _settle(self, task: Task, entity: int, unfinished: str) -> None:
        """Judge saved pages by how they hang together, in whatever order they came."""
        received = self._received(entity, 0)
        verdict, cursor = Verdict(unfinished), task.cursor
        if self._loose_ends(task) == 0:
            verdict, cursor = judge(self._saved(task, received)), None
        elif unfinished == INCOMPLETE:
            verdict = Verdict(INCOMPLETE, "the saved pages are not the whole list")
        self._db.execute(
            "UPDATE task SET state = ?, cursor = ?, received = ?, remark = ?, retry = ?"
            " WHERE id = ?",
            (
                verdict.state,
                cursor,
                received,
                verdict.remark,
                verdict.state == INCOMPLETE,
                task.id,
            ),
        )

    def _loose_ends(self, task: Task) -> int:
        """Pages whose neighbour is missing: the next one, the one before, or the first of all."""
        return self._number(
            "SELECT (SELECT count(*) = 0 FROM page WHERE task = :task AND cursor IS NULL)"
            " + (SELECT count(*) FROM page AS one WHERE task = :task AND next_cursor NOT NULL"
            "    AND NOT EXISTS (SELECT 1 FROM page WHERE task = :task"
            "                    AND cursor = one.next_cursor))"
            " + (SELECT count(*) FROM page AS one WHERE task = :task AND cursor NOT NULL"
            "    AND NOT EXISTS (SELECT 1 FROM page WHERE task = :task"
            "                    AND next_cursor = one.cursor))",
            task=task.id,
        )

    def _saved(self, task: Task, received: int) -> History:
        counts = self._rows("SELECT DISTINCT count FROM page WHERE task = ?", task.id)
        return History(
            pages=0,
            limit=1,
            counts=frozenset(count for (count,) in counts if count is not None),
            cursors=frozenset(),
            next_cursor=None,
            items=0,
            new=0,
            distinct=received,
        )

    def begin_call(self, subject: Entity, relationship: str, now: float) -> int:
        """Note, durably, that a call is about to be made."""
        with self._transaction():
            entity = self._intern(subject)
            cursor = self._db.execute(
                "INSERT INTO call (subject, relationship, begun_at) VALUES (?, ?, ?)",
                (entity, relationship, now),
            )
        return int(cursor.lastrowid or 0)

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        """Note how a call ended; durable with the next transaction, or when the file is closed."""
        with file.sentences(self.path):
            self._begin()
            self._db.execute(
                "UPDATE call SET status = ?, note = ?, sent = ? WHERE id = ?",
                (status, note[:200], sent, call),
            )

    def _note(self, name: str, value: str) -> None:
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (name, value))

    def _intern(self, entity: Entity) -> int:
        """The number of an entity; what is newly known of it is added, nothing is erased."""
        row = self._db.execute(
            "SELECT id, attributes FROM entity WHERE type = ? AND name = ?",
            (entity.type, entity.id),
        ).fetchone()
        if row is None:
            cursor = self._db.execute(
                "INSERT INTO entity (type, name, attributes) VALUES (?, ?, ?)",
                (entity.type, entity.id, _to_json(entity.attributes)),
            )
            return int(cursor.lastrowid or 0)
        if entity.attributes:
            self._learn(row[0], row[1], entity.attributes)
        return int(row[0])

    def _learn(self, number: int, known: str, attributes: Mapping[str, Scalar]) -> None:
        merged = _to_json({**json.loads(known), **attributes})
        if merged != known:
            self._db.execute("UPDATE entity SET attributes = ? WHERE id = ?", (merged, number))

    def _add_page(self, task: Task, fetched: Fetched) -> int:
        page = fetched.page
        cursor = self._db.execute(
            "INSERT INTO page (task, number, cursor, next_cursor, count, items, remarks,"
            " fetched_at, sha256, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                task.id,
                task.pages + 1,
                fetched.cursor,
                page.next_cursor,
                page.count,
                page.items,
                len(page.remarks),
                fetched.at,
                hashlib.sha256(fetched.body).digest(),
                zlib.compress(fetched.body),
            ),
        )
        return int(cursor.lastrowid or 0)

    def _add_observations(
        self, subject: int, page: int, observations: Iterable[Observation]
    ) -> None:
        for observation in observations:
            reference = self._intern(observation.reference)
            behind = observation.related_from
            self._db.execute(
                "INSERT INTO observation VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET page = excluded.page",
                (subject, reference, _NO_ENTITY if behind is None else self._intern(behind), page),
            )

    # --- judging ---------------------------------------------------------------------------------

    def _first_page(self, task: Task) -> int:
        """Where the present pass through the list began; an earlier pass proves nothing new."""
        query = "SELECT max(id) FROM page WHERE task = ? AND cursor IS NULL"
        return self._number(query, task.id)

    def _received(self, subject: int, first: int) -> int:
        query = "SELECT count(DISTINCT reference) FROM observation WHERE subject = ? AND page >= ?"
        return self._number(query, subject, first)

    def _history(self, first: int, fetched: Fetched, new: int, received: int) -> History:
        """The present pass, the newest page included."""
        query = (
            "SELECT next_cursor, count, items FROM page WHERE id >= ?"
            " AND task = (SELECT task FROM page WHERE id = ?) ORDER BY id"
        )
        rows = list(self._rows(query, first, first))
        earlier = rows[:-1]
        return History(
            pages=len(rows),
            limit=fetched.limit,
            counts=frozenset(count for _, count, _ in rows if count is not None),
            cursors=frozenset(cursor for cursor, _, _ in earlier if cursor is not None),
            next_cursor=fetched.page.next_cursor,
            items=fetched.page.items,
            new=new,
            distinct=received,
            empty_before=bool(earlier) and earlier[-1][2] == 0,
        )

    def _task_of(self, entity: int) -> Task:
        return next(map(_task, self._rows(f"{_TASKS} WHERE subject = ?", entity)))

    def _has_page(self, task: Task, fetched: Fetched) -> bool:
        digest = hashlib.sha256(fetched.body).digest()
        query = "SELECT count(*) FROM page WHERE task = ? AND sha256 = ?"
        return self._number(query, task.id, digest) > 0

    # --- reading ---------------------------------------------------------------------------------

    def observations(self) -> Iterator[Observation]:
        """Every observation once: subjects in the order they were added, references by id."""
        entities = self._entities()
        rows = self._rows(
            "SELECT observation.subject, reference, related_from FROM observation"
            " JOIN task ON task.subject = observation.subject"
            " JOIN entity AS cited ON cited.id = reference"
            " LEFT JOIN entity AS behind ON behind.id = related_from"
            " ORDER BY task.id, cited.type, cited.name, behind.type, behind.name"
        )
        for subject, reference, behind in rows:
            yield Observation(entities[subject], entities[reference], entities.get(behind))

    def _entities(self) -> dict[int, Entity]:
        rows = self._rows("SELECT id, type, name, attributes FROM entity")
        return {
            number: Entity(kind, name, json.loads(attributes))
            for number, kind, name, attributes in rows
        }

    def subjects(self) -> Iterator[Entity]:
        """What was asked about, in the order it was added, with ``seed`` and ``state``."""
        rows = self._rows(
            "SELECT type, name, attributes, state, seed.entity IS NOT NULL FROM task"
            " JOIN entity ON entity.id = task.subject LEFT JOIN seed ON seed.entity = entity.id"
            " ORDER BY task.id"
        )
        for kind, name, attributes, state, seed in rows:
            yield Entity(kind, name, {**json.loads(attributes), "seed": bool(seed), "state": state})

    def statuses(self) -> Iterator[SubjectStatus]:
        """How completely each subject is known, in the order they were added."""
        rows = self._rows(
            "SELECT type, name, state, pages, count, received, error, remark FROM task"
            " JOIN entity ON entity.id = task.subject ORDER BY task.id"
        )
        for kind, name, *rest in rows:
            yield SubjectStatus(Entity(kind, name), *rest)

    def totals(self) -> Totals:
        """The whole in numbers."""
        states = dict(self._rows("SELECT state, count(*) FROM task GROUP BY state"))
        kinds = dict(self._rows("SELECT type, count(*) FROM entity GROUP BY type"))
        return Totals(
            subjects=sum(states.values()),
            pending=states.get(PENDING, 0),
            complete=states.get(COMPLETE, 0),
            incomplete=states.get(INCOMPLETE, 0),
            failed=states.get(FAILED, 0),
            pages=self._number("SELECT count(*) FROM page"),
            references=kinds.get("reference", 0),
            collections=kinds.get("collection", 0),
            observations=self._number("SELECT count(*) FROM observation"),
            announced=self._number("SELECT sum(count) FROM task"),
            received=self._number("SELECT sum(received) FROM task"),
            remarks=self._number("SELECT sum(remarks) FROM page"),
            calls=self.calls(),
        )

    def calls(self, since: float = 0.0) -> int:
        """How many calls were made since a time (seconds since 1970), failed ones included."""
        return self._number("SELECT count(*) FROM call WHERE sent AND begun_at >= ?", since)

    def calls_left(self, limit: int) -> int:
        """How many calls the pending tasks still need at least, with ``limit`` entries a page."""
        return self._number(
            "SELECT sum(CASE WHEN count IS NULL OR cursor IS NULL THEN 1"
            " ELSE max(1, (count - received + :last) / :limit) END)"
            " FROM task WHERE state = :pending",
            pending=PENDING,
            limit=limit,
            last=limit - 1,
        )

    def recent_calls(self, since: float) -> list[float]:
        """When the calls since a time were made."""
        rows = self._rows("SELECT begun_at FROM call WHERE begun_at >= ?", since)
        return [begun_at for (begun_at,) in rows]

    def pages(self) -> Iterator[tuple[Entity, bytes, bytes]]:
        """Every raw page, in the order it was stored: subject, body, SHA-256 as stored."""
        rows = self._rows(
            "SELECT type, name, body, sha256 FROM page JOIN task ON task.id = page.task"
            " JOIN entity ON entity.id = task.subject ORDER BY page.id"
        )
        for kind, name, body, digest in rows:
            try:
                yield Entity(kind, name), zlib.decompress(body), digest
            except zlib.error:
                raise StoreError(f"{self.path}: a stored page of {name} is damaged") from None

    # --- the connection --------------------------------------------------------------------------

    def _rows(self, query: str, *values: object, **named: object) -> Iterator[tuple[Any, ...]]:
        """The rows of a query; a damaged file is told in a sentence, wherever it shows."""
        with file.sentences(self.path):
            yield from self._db.execute(query, named or values)

    def _number(self, query: str, *values: object, **named: object) -> int:
        return int(next(self._rows(query, *values, **named))[0] or 0)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, on disk when it ends; takes in what :meth:`end_call` left open."""
        try:
            with file.sentences(self.path):
                self._begin()
                yield
                self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")


def _task(row: tuple[Any, ...]) -> Task:
    number, kind, name, relationship, pages, cursor = row
    return Task(number, Entity(kind, name), relationship, pages, cursor)


def _to_json(attributes: Mapping[str, Scalar]) -> str:
    # ASCII, so that no control character or lone surrogate ever reaches SQLite as such.
    return json.dumps(dict(attributes), ensure_ascii=True, sort_keys=True)

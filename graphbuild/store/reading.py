"""What can be asked of a campaign file; nothing here changes it."""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from graphbuild.completeness import COMPLETE, FAILED, INCOMPLETE, PENDING
from graphbuild.entities import SEED_PREFIX, URL, Entity
from graphbuild.errors import StoreError
from graphbuild.frugal import Reading
from graphbuild.observations import INFERRED, OBSERVED, Observation
from graphbuild.store import file
from graphbuild.store.rows import PackedPage, StoredPage, SubjectStatus, Task, Totals, Work

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from graphbuild.entities import Scalar

QUOTA = "quota resets at"  # a note: seconds since 1970
TASKS = (
    "SELECT task.id, type, name, attributes, relationship, pages, cursor FROM task"
    " JOIN entity ON entity.id = task.subject"
)


class Reader:
    """A campaign file, to look at; a crawl may write to it at the same time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Open a campaign file for reading, also while a crawl writes to it.

        Raises:
            StoreError: there is none, or it is no campaign file of this version.
        """
        path = Path(path)
        file.check(path)
        return cls(path, file.connect(path, write=False))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- what is still to ask ---------------------------------------------------------------------

    def has_work(self) -> bool:
        """Whether anything is still to ask, or to ask again."""
        query = "SELECT count(*) FROM task WHERE state = ? OR retry = 1"
        return self._number(query, PENDING) > 0

    def next_task(self) -> Task | None:
        """The task to go on with: first pages first, in the order of the seeds."""
        order = f"{TASKS} WHERE state = ? ORDER BY cursor IS NOT NULL, task.id LIMIT 1"
        return next(map(task_of, self._rows(order, PENDING)), None)

    # --- reading ---------------------------------------------------------------------------------

    def observations(self) -> Iterator[Observation]:
        """Every observation once: subjects in the order they were added, references by id."""
        entities = self._entities()
        rows = self._rows(
            "SELECT observation.subject, reference, related_from, observation.inferred"
            " FROM observation"
            " JOIN task ON task.subject = observation.subject"
            " JOIN entity AS cited ON cited.id = reference"
            " LEFT JOIN entity AS behind ON behind.id = related_from"
            " ORDER BY task.id, cited.type, cited.name, behind.type, behind.name"
        )
        for subject, reference, behind, inferred in rows:
            yield Observation(
                entities[subject],
                entities[reference],
                entities.get(behind),
                INFERRED if inferred else OBSERVED,
            )

    def _entities(self) -> dict[int, Entity]:
        rows = self._rows("SELECT id, type, name, attributes FROM entity")
        return {
            number: Entity(kind, name, self._attributes(attributes, name))
            for number, kind, name, attributes in rows
        }

    def subjects(self) -> Iterator[Entity]:
        """What was asked about, in the order it was added, with ``seed`` and ``state``.

        What a seed list says beside a seed has names of its own: no answer's, even if it tries.
        """
        rows = self._rows(
            "SELECT type, name, entity.attributes, state, seed.attributes FROM task"
            " JOIN entity ON entity.id = task.subject LEFT JOIN seed ON seed.entity = entity.id"
            " ORDER BY task.id"
        )
        for kind, name, attributes, state, noted in rows:
            known = self._attributes(attributes, name)
            told = {key: value for key, value in known.items() if not key.startswith(SEED_PREFIX)}
            beside = self._attributes(noted or "{}", name)
            ours = {f"{SEED_PREFIX}{key}": value for key, value in beside.items()}
            yield Entity(kind, name, {**told, "seed": noted is not None, "state": state, **ours})

    def statuses(self) -> Iterator[SubjectStatus]:
        """How completely each subject is known, in the order they were added."""
        rows = self._rows(
            "SELECT type, name, state, pages, count, received, inferred, error,"
            " trim(remark || '; ' || doubt, '; ') FROM task"
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
            inferred=self._number("SELECT sum(inferred) FROM task"),
            remarks=self._number("SELECT sum(remarks) FROM page"),
            calls=self.calls(),
        )

    def quota_resets_at(self) -> float:
        """When the service's quota resets, as the last run that met its end learned; else 0."""
        row = next(self._rows("SELECT value FROM note WHERE name = ?", QUOTA), None)
        return float(row[0]) if row else 0.0

    def calls(self, since: float = 0.0) -> int:
        """How many calls were made since a time (seconds since 1970), failed ones included."""
        return self._number("SELECT count(*) FROM call WHERE sent AND begun_at >= ?", since)

    def has(self, entity: Entity) -> bool:
        """Whether the campaign knows an entity at all."""
        query = "SELECT count(*) FROM entity WHERE type = ? AND name = ?"
        return self._number(query, entity.type, entity.id) > 0

    def known(self, subjects: Iterable[Entity]) -> dict[Entity, str]:
        """Those of ``subjects`` that the campaign knows, and how each stands."""
        states = {row.subject: row.state for row in self.statuses()}
        return {subject: states[subject] for subject in subjects if subject in states}

    def mean_pages(self, limit: int) -> float | None:
        """Pages of ``limit`` references a subject takes, by all announced numbers; None without."""
        query = "SELECT avg(max(1, (count + :last) / :limit)) FROM task WHERE count IS NOT NULL"
        mean: float | None = next(self._rows(query, limit=limit, last=limit - 1))[0]
        return mean

    def work_left(self, limit: int) -> Work:
        """What is still to ask, or to ask again, with ``limit`` entries a page."""
        (row,) = self._rows(
            "SELECT count(*) FILTER (WHERE count IS NULL),"
            " coalesce(sum(max(1, (count - iif(cursor IS NULL, 0, received) + :last) / :limit)), 0)"
            " FROM task WHERE state = :pending OR retry = 1",
            pending=PENDING,
            limit=limit,
            last=limit - 1,
        )
        return Work(*row)

    def recent_calls(self, since: float) -> list[float]:
        """When the calls since a time were made."""
        rows = self._rows("SELECT begun_at FROM call WHERE begun_at >= ?", since)
        return [begun_at for (begun_at,) in rows]

    def pages(self) -> Iterator[StoredPage]:
        """Every raw page, in the order it was stored.

        Raises:
            StoreError: a page cannot be unpacked; the message names its subject.
        """
        for page in self.packed_pages():
            try:
                raw = zlib.decompress(page.packed)
            except zlib.error:
                raise StoreError(
                    f"{self.path}: page {page.number} of {page.subject.id} is damaged; "
                    "see graphbuild check"
                ) from None
            yield StoredPage(page.subject, page.number, raw)

    def packed_pages(self) -> Iterator[PackedPage]:
        """Every page as it lies in the file, in the order it was stored."""
        rows = self._rows(
            "SELECT type, name, number, body, crc, sha256 FROM page"
            " JOIN task ON task.id = page.task JOIN entity ON entity.id = task.subject"
            " ORDER BY page.id"
        )
        for kind, name, number, packed, crc, sha256 in rows:
            yield PackedPage(Entity(kind, name), number, packed, crc, sha256)

    def structure(self) -> Iterator[str]:
        """What SQLite finds wrong with its own structure."""
        for (said,) in self._rows("PRAGMA integrity_check(20)"):
            if said != "ok":
                yield said

    # --- for a frugal crawl ----------------------------------------------------------------------

    def first_task(self) -> Task | None:
        """A task of which no page is read yet, in the order of the seeds."""
        where = f"{TASKS} WHERE state = ? AND cursor IS NULL ORDER BY task.id LIMIT 1"
        return next(map(task_of, self._rows(where, PENDING)), None)

    def task(self, number: int) -> Task:
        """The task of that number."""
        return next(map(task_of, self._rows(f"{TASKS} WHERE task.id = ?", number)))

    def tasks(self, state: str) -> list[int]:
        """The numbers of all tasks that stand so, in the order of the seeds."""
        return [
            number
            for (number,) in self._rows("SELECT id FROM task WHERE state = ? ORDER BY id", state)
        ]

    def doubted(self) -> set[int]:
        """The numbers of the tasks for which nothing may be concluded."""
        return {number for (number,) in self._rows("SELECT id FROM task WHERE doubt <> ''")}

    def reading(self, task: int) -> Reading[int]:
        """What was read of a subject, entities by their numbers here."""
        query = "SELECT subject, count, state, remark, inferred FROM task WHERE id = ?"
        subject, count, state, remark, inferred = next(self._rows(query, task))
        moved = "SELECT count(DISTINCT count) FROM page WHERE task = ?"
        if self._number(moved, task) > 1:
            count = None  # a list that moved while it was read proves nothing
        reading: Reading[int] = Reading(
            count=count, whole=state == COMPLETE and not remark and not inferred
        )
        rows = self._rows(
            "SELECT reference, related_from FROM observation WHERE subject = ? AND NOT inferred",
            subject,
        )
        for reference, collection in rows:
            found = reading.behind[reference]
            if collection:
                found.add(collection)
        return reading

    # --- queries ----------------------------------------------------------------------------------

    def _rows(self, query: str, *values: object, **named: object) -> Iterator[tuple[Any, ...]]:
        """The rows of a query; a damaged file is told in a sentence, wherever it shows."""
        with file.sentences(self.path):
            # Not "yield from", which would close the cursor after the file, if read but half.
            for row in self._db.execute(query, named or values):  # noqa: UP028
                yield row

    def _attributes(self, text: str, name: str) -> dict[str, Scalar]:
        with suppress(ValueError, TypeError):
            known = json.loads(text)
            if isinstance(known, dict):
                return known
        raise StoreError(f"{self.path}: what is known of {name} is damaged; see graphbuild check")

    def _number(self, query: str, *values: object, **named: object) -> int:
        return int(next(self._rows(query, *values, **named))[0] or 0)


def task_of(row: tuple[Any, ...]) -> Task:
    """The task in a row of ``TASKS``."""
    number, kind, name, attributes, relationship, pages, cursor = row
    # A URL is asked for by its text, which its id does not tell.
    known = json.loads(attributes) if kind == URL else {}
    subject = Entity(kind, name, known) if known else Entity(kind, name)
    return Task(number, subject, relationship, pages, cursor)

"""What can be asked of a campaign file; nothing here changes it."""

from __future__ import annotations

import json
import math
import zlib
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from graphbuild._util import format_timestamp
from graphbuild.errors import StoreError
from graphbuild.models import (
    COMPLETE,
    FAILED,
    FILE,
    INCOMPLETE,
    INFERRED,
    LOCAL_ATTRIBUTE_PREFIXES,
    OBSERVED,
    PENDING,
    RELATED_REFERENCES,
    SEED_ATTRIBUTE_PREFIX,
    URL,
    Entity,
    Link,
    Observation,
)
from graphbuild.store import connection, task_queue
from graphbuild.store.cache import attributes_of
from graphbuild.store.history import Step, standing
from graphbuild.store.records import (
    Audit,
    ObservedReferences,
    PackedPage,
    StoredPage,
    SubjectStatus,
    Task,
    Totals,
    Work,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator
    from types import TracebackType

    from graphbuild.models import Scalar
    from graphbuild.store.history import Standing

_Value = TypeVar("_Value")
QUOTA = "quota resets at"  # a note: seconds since 1970
API_FLAVOR = "dialect"  # a note: the generation of the service, once it is found out
TASKS = (
    "SELECT task.id, type, name, attributes, relationship, pages, cursor, depth FROM task"
    " JOIN entity ON entity.id = task.subject"
)
# Without those that were found to ask about the same subject under another name.
_OWN_TASKS = "task JOIN entity ON entity.id = task.subject AND entity.same_as = 0"
_KNOWN_BY = " AND (SELECT fetched_at FROM page WHERE id = first_page) <= :at"
# First pages first, then whatever brought most that was new; see the index task_order.
_ORDER = " ORDER BY depth, cursor IS NOT NULL, gain DESC, task.id LIMIT ?"


class _ByNumber(dict[int, _Value]):
    """What is known of entities by their numbers; to ask for one that is not there is told."""

    def __init__(self, path: Path, known: dict[int, _Value]) -> None:
        super().__init__(known)
        self._path = path

    def __missing__(self, number: int) -> _Value:
        raise StoreError(
            f"{self._path}: a row is about number {number}, which is not there; "
            "see graphbuild check"
        )


class Reader:
    """A campaign file, to look at; a crawl may write to it at the same time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection
        self._snapshots = 0  # that somebody is in

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Open a campaign file for reading, also while a crawl writes to it.

        Raises:
            StoreError: there is none, or it is no campaign file of this version.
        """
        path = Path(path)
        connection.check(path)
        return cls(path, connection.connect(path, write=False))

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

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Inside, all that is read is of one moment, whatever a crawl adds meanwhile."""
        with connection.sentences(self.path):
            if not self._snapshots:
                self._db.execute("BEGIN")
            self._snapshots += 1
            try:
                yield
            finally:
                self._snapshots -= 1
                if not self._snapshots:
                    self._db.execute("COMMIT")

    # --- what is still to ask ---------------------------------------------------------------------

    def has_work(self) -> bool:
        """Whether anything is still to ask, or to ask again."""
        query = "SELECT count(*) FROM task WHERE state = ? OR retry = 1"
        return self._number(query, PENDING) > 0

    def next_task(self, busy: Collection[int] = ()) -> Task | None:
        """The task to go on with, but for those that somebody is at.

        Nearest to the seeds first; first pages first, in the order of the seeds; then whatever
        brought most that was new to the campaign.
        """
        return self._first_but(busy, f"{TASKS} WHERE state = ?{_ORDER}")

    def _first_but(self, busy: Collection[int], query: str) -> Task | None:
        tasks = map(task_of, self._rows(query, PENDING, len(busy) + 1))
        return next((task for task in tasks if task.id not in busy), None)

    # --- reading ---------------------------------------------------------------------------------

    def observations(self) -> Iterator[Observation]:
        """Every observation once: subjects in the order they were added, references by id."""
        with self.snapshot():
            yield from self._observations(self._asked())

    def standing(self, at: float = math.inf) -> Iterator[Observation]:
        """The observations that stood at a time: what the newest whole answers then said.

        Of a list that was asked for again, those of the last pass that was read to its end by
        then, and of what came after it; see :mod:`graphbuild.store.history`.

        Args:
            at: seconds since 1970 UTC; what came later is left out.
        """
        with self.snapshot():
            stood = self._stood(at)
            asked = ((task, subject, stood.get(task)) for task, subject, _ in self._asked())
            yield from self._observations(
                ((task, subject, there.since) for task, subject, there in asked if there), at
            )

    def stood(self, at: float = math.inf) -> Iterator[tuple[Entity, str]]:
        """What was asked about, and how it stood at a time: one of ``completeness.STATES``.

        Now as the ledger has it. At an earlier time as its pages tell: ``pending`` is also what
        had been refused by then.

        Args:
            at: seconds since 1970 UTC.
        """
        with self.snapshot():
            entities, stood = self._entities(), self._stood(at)
            rows = self._rows(
                f"SELECT task.id, task.subject, state FROM {_OWN_TASKS} WHERE relationship = ?"  # noqa: S608  ours
                " ORDER BY task.id",
                RELATED_REFERENCES,
            )
            for task, subject, state in rows:
                then = stood[task].state if task in stood else PENDING
                yield entities[subject], state if at == math.inf else then

    def _asked(self) -> Iterator[tuple[int, int, int]]:
        """The tasks about related references: number, subject, and since which page: the first."""
        query = "SELECT id, subject, 0 FROM task WHERE relationship = ? ORDER BY id"
        return self._rows(query, RELATED_REFERENCES)

    def _observations(
        self, asked: Iterable[tuple[int, int, int]], at: float = math.inf
    ) -> Iterator[Observation]:
        entities, times, places = self._entities(), self._times(), self._places()
        for task, subject, since in asked:
            for reference, behind, first, last, evidence in self._said(task, places, since, at):
                yield Observation(
                    entities[subject],
                    entities[reference],
                    entities.get(behind),
                    INFERRED if evidence else OBSERVED,
                    times.get(first),
                    times.get(last),
                )

    def _stood(self, at: float) -> dict[int, Standing]:
        """How the lists stood of which anything had come, by their tasks."""
        ends = self._rows("SELECT first_page FROM inference UNION SELECT last_page FROM inference")
        concluded = {page for (page,) in ends}
        rows = self._rows(
            "SELECT task, id, number, cursor, next_cursor FROM page WHERE fetched_at <= ?"
            " ORDER BY task, id",
            at,
        )
        return {
            task: standing((Step(*step) for _, *step in steps), concluded)
            for task, steps in groupby(rows, key=lambda row: row[0])
        }

    def links(self) -> Iterator[Link]:
        """What a crawl that went deeper found: the files and references of nodes, each once."""
        with self.snapshot():
            entities, places = self._entities(), self._places()
            asked = "SELECT id, subject, relationship FROM task WHERE relationship <> ? ORDER BY id"
            for task, source, relationship in self._rows(asked, RELATED_REFERENCES):
                for target, *_ in self._said(task, places):
                    yield Link(entities[source], relationship, entities[target])

    def _said(
        self, task: int, places: dict[int, int], since: int = 0, at: float = math.inf
    ) -> list[tuple[int, int, int, int, int]]:
        """What is known of one list: reference, collection, first and last page, evidence.

        Args:
            task: the number of its task.
            places: where entities stand.
            since: leave out what no page from this one on said.
            at: leave out what came later.

        Raises:
            StoreError: a fact is about something that is not in the file.
        """
        known = "" if at == math.inf else _KNOWN_BY
        rows = self._rows(
            "SELECT reference, related_from, min(first_page), max(last_page) AS last,"  # noqa: S608  ours
            f" min(evidence) AS best FROM said WHERE task = :task{known}"
            " GROUP BY reference, related_from HAVING best <> :refuted AND last >= :since",
            task=task,
            refuted=task_queue.REFUTED,
            since=since,
            at=at,
        )
        return sorted(rows, key=lambda row: (places[row[0]], places[row[1]]))

    def _places(self) -> dict[int, int]:
        """Where each entity stands, by its number, in the order of types and names; 0 is nobody."""
        rows = self._rows("SELECT id FROM entity ORDER BY type, name")
        return _ByNumber(self.path, {0: -1} | {each: place for place, (each,) in enumerate(rows)})

    def _entities(self) -> dict[int, Entity]:
        """Every entity by its number; one that has several names stands for all of them."""
        entities: dict[int, Entity] = _ByNumber(self.path, {})
        united: dict[int, int] = {}
        for number, kind, name, attributes, same_as in self._rows(
            "SELECT id, type, name, attributes, same_as FROM entity"
        ):
            entities[number] = Entity(kind, name, self._attributes(attributes, name))
            if same_as:
                united[number] = same_as
        entities.update((alias, entities[real]) for alias, real in united.items())
        return entities

    def _times(self) -> dict[int, float]:
        return dict(self._rows("SELECT id, fetched_at FROM page"))

    def subjects(self, *, times: bool = False) -> Iterator[Entity]:
        """What was asked about, in the order it was added, and how completely it is known.

        Attributes besides the API's: ``seed``, ``state``, what stands in the ledger, under names
        that begin with ``crawl_``, and what a seed list says beside a seed, under names that begin
        with ``seed_``: no answer's, even if it tries. With ``times``, also when the last answer
        came.
        """
        entities = self._entities()
        rows = self._rows(
            "SELECT task.subject, seed.attributes, relationship, state, pages, count, received,"  # noqa: S608  ours
            " inferred, cursor, status, asked_at, trim(remark || '; ' || doubt, '; ')"
            f" FROM {_OWN_TASKS} LEFT JOIN seed ON seed.entity = task.subject ORDER BY task.id"
        )
        for subject, noted, relationship, *rest in rows:
            entity = entities[subject]
            ledger = dict(zip(_LEDGER, rest, strict=True))
            if not times:
                del ledger["crawl_fetched_at"]
            known = {
                name: value
                for name, value in entity.attributes.items()
                if not name.startswith(LOCAL_ATTRIBUTE_PREFIXES)
            }
            beside = self._attributes(noted or "{}", entity.id)
            known |= {f"{SEED_ATTRIBUTE_PREFIX}{name}": value for name, value in beside.items()}
            known |= _told(relationship, ledger, seed=noted is not None)
            yield Entity(entity.type, entity.id, known)

    def statuses(self) -> Iterator[SubjectStatus]:
        """How completely each subject is known, in the order they were added."""
        rows = self._rows(
            "SELECT type, name, attributes, relationship, state, pages, count, received,"  # noqa: S608  ours
            " inferred, cursor, status, asked_at, error, trim(remark || '; ' || doubt, '; ')"
            f" FROM {_OWN_TASKS} ORDER BY task.id"
        )
        for kind, name, attributes, *rest in rows:
            yield SubjectStatus(_subject(kind, name, attributes), *rest)

    def audit_result(self) -> Audit:
        """What came of the audits so far."""
        rows = self._rows(
            "SELECT count(*), count(*) FILTER (WHERE state <> ?) FROM task WHERE audited = 1",
            COMPLETE,
        )
        subjects, waiting = next(rows)
        edges, refuted = next(
            self._rows(
                "SELECT count(*), coalesce(sum(best = :refuted), 0) FROM (SELECT min(evidence)"
                " AS best FROM inference JOIN task ON task.id = inference.task"
                " WHERE audited = 1 AND state = :complete AND evidence IN (:confirmed, :refuted)"
                " GROUP BY task, reference)",
                confirmed=task_queue.CONFIRMED,
                refuted=task_queue.REFUTED,
                complete=COMPLETE,
            )
        )
        return Audit(subjects - waiting, waiting, edges, edges - refuted, refuted)

    def totals(self) -> Totals:
        """The whole in numbers."""
        counts = f"SELECT state, count(*) FROM {_OWN_TASKS} GROUP BY state"  # noqa: S608  ours
        files = f"SELECT count(*) FROM {_OWN_TASKS} WHERE type = ?"  # noqa: S608  ours
        of_references = "FROM task WHERE relationship = ?"
        states = dict(self._rows(counts))
        kinds = dict(self._rows("SELECT type, count(*) FROM entity GROUP BY type"))
        return Totals(
            subjects=sum(states.values()),
            files=self._number(files, FILE),
            pending=states.get(PENDING, 0),
            complete=states.get(COMPLETE, 0),
            incomplete=states.get(INCOMPLETE, 0),
            failed=states.get(FAILED, 0),
            pages=self._number("SELECT count(*) FROM page"),
            references=kinds.get("reference", 0),
            collections=kinds.get("collection", 0),
            observations=self._number(
                "SELECT count(*) FROM (SELECT DISTINCT task, reference, related_from FROM said"
                " WHERE evidence <> ?)",
                task_queue.REFUTED,
            ),
            announced=self._number(f"SELECT sum(count) {of_references}", RELATED_REFERENCES),
            received=self._number(f"SELECT sum(received) {of_references}", RELATED_REFERENCES),
            inferred=self._number("SELECT sum(inferred) FROM task"),
            remarks=self._number("SELECT sum(remarks) FROM page"),
            calls=self.calls(),
        )

    def quota_resets_at(self) -> float:
        """When the service's quota resets, as the last run that met its end learned; else 0."""
        row = next(self._rows("SELECT value FROM note WHERE name = ?", QUOTA), None)
        return float(row[0]) if row else 0.0

    def api_flavor(self) -> str | None:
        """The generation of the service, once a crawl has found out."""
        row = next(self._rows("SELECT value FROM note WHERE name = ?", API_FLAVOR), None)
        return str(row[0]) if row else None

    def calls(self, since: float = 0.0) -> int:
        """How many calls were made since a time (seconds since 1970), failed ones included."""
        return self._number("SELECT count(*) FROM call WHERE sent AND begun_at >= ?", since)

    def has(self, entity: Entity) -> bool:
        """Whether the campaign knows an entity at all."""
        query = "SELECT count(*) FROM entity WHERE type = ? AND name = ?"
        return self._number(query, entity.type, entity.id) > 0

    def known(self, subjects: Iterable[Entity]) -> dict[Entity, str]:
        """Those of ``subjects`` that the campaign knows, and how each stands."""
        states = dict(self._states())
        return {subject: states[subject] for subject in subjects if subject in states}

    def _states(self) -> Iterator[tuple[Entity, str]]:
        """How the subjects stand, under each of their names."""
        rows = self._rows(
            "SELECT type, name, state FROM entity JOIN task ON task.subject IN (entity.id, same_as)"
            " WHERE relationship = ?",
            RELATED_REFERENCES,
        )
        for kind, name, state in rows:
            yield Entity(kind, name), state

    def mean_pages(self, limit: int) -> float | None:
        """Pages of ``limit`` references a subject takes, by all announced numbers; None without."""
        query = "SELECT avg(max(1, (count + :last) / :limit)) FROM task WHERE count IS NOT NULL"
        mean: float | None = next(self._rows(query, limit=limit, last=limit - 1))[0]
        return mean

    def work_left(self, limit: int, before: float = 0.0) -> Work:
        """What is still to ask, or to ask again, with ``limit`` entries a page.

        Args:
            limit: entries a page.
            before: what was last asked before that time is asked again from the start (seconds
                since 1970), as :meth:`Store.refresh` would have it.
        """
        (row,) = self._rows(
            "SELECT count(*) FILTER (WHERE count IS NULL), coalesce(sum(max(1, (count"
            " - iif(cursor IS NULL OR asked_at < :before, 0, received) + :last) / :limit)), 0)"
            " FROM task WHERE state = :pending OR retry = 1 OR asked_at < :before",
            pending=PENDING,
            before=before,
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
                raw = page.unpack()
            except zlib.error:
                raise StoreError(
                    f"{self.path}: page {page.number} of {page.subject.id} is damaged; "
                    "see graphbuild check"
                ) from None
            yield StoredPage(page.subject, page.relationship, page.number, raw)

    def packed_pages(self) -> Iterator[PackedPage]:
        """Every page as it lies in the file, in the order it was stored."""
        entities = self._entities()
        rows = self._rows(
            "SELECT subject, relationship, number, body, crc, sha256 FROM page"
            " JOIN task ON task.id = page.task ORDER BY page.id"
        )
        for subject, *rest in rows:
            yield PackedPage(entities[subject], *rest)

    def structure(self) -> Iterator[str]:
        """What SQLite finds wrong with its own structure."""
        for (said,) in self._rows("PRAGMA integrity_check(20)"):
            if said != "ok":
                yield said
        for table, _, other, _ in self._rows("PRAGMA foreign_key_check"):
            yield f"a row of the table {table} refers to one of {other} that is not there"

    # --- for a frugal crawl ----------------------------------------------------------------------

    def first_task(self, busy: Collection[int] = ()) -> Task | None:
        """A task of which no page of the present pass is read yet, in the order of the seeds."""
        return self._first_but(busy, f"{TASKS} WHERE state = ? AND cursor IS NULL{_ORDER}")

    def task(self, number: int) -> Task:
        """The task of that number."""
        return next(map(task_of, self._rows(f"{TASKS} WHERE task.id = ?", number)))

    def tasks(self, state: str) -> list[int]:
        """The numbers of the tasks about related references that stand so, as the seeds stand."""
        query = "SELECT id FROM task WHERE state = ? AND relationship = ? ORDER BY id"
        return [number for (number,) in self._rows(query, state, RELATED_REFERENCES)]

    def doubted(self) -> set[int]:
        """The numbers of the tasks for which nothing may be concluded, doubted or under audit."""
        query = "SELECT id FROM task WHERE doubt <> '' OR audited = 1"
        return {number for (number,) in self._rows(query)}

    def observed_references(self, task: int) -> ObservedReferences[int]:
        """Return the references on the pages of the current pass, by their database ids."""
        query = "SELECT count, state, remark, inferred FROM task WHERE id = ?"
        count, state, remark, inferred = next(self._rows(query, task))
        first = self._first_page(task)
        moved = "SELECT count(DISTINCT count) FROM page WHERE task = ? AND number > 0 AND id >= ?"
        if self._number(moved, task, first) > 1:
            count = None  # a list that moved while it was read proves nothing
        observed: ObservedReferences[int] = ObservedReferences(
            count=count, complete=state == COMPLETE and not remark and not inferred
        )
        rows = self._rows(
            "SELECT reference, related_from FROM page"
            " JOIN fact ON fact.page = coalesce(says, page.id)"
            " WHERE task = ? AND page.id >= ?",
            task,
            first,
        )
        for reference, collection in rows:
            found = observed.collections_by_reference[reference]
            if collection:
                found.add(collection)
        return observed

    def _first_page(self, task: int) -> int:
        """Where the present pass through the list began; an earlier pass proves nothing new."""
        begun = "SELECT max(id) FROM page WHERE task = ? AND number > 0 AND cursor IS NULL"
        return self._number(begun, task)

    # --- queries ----------------------------------------------------------------------------------

    def _rows(self, query: str, *values: object, **named: object) -> Iterator[tuple[Any, ...]]:
        """The rows of a query; a damaged file is told in a sentence, wherever it shows."""
        with connection.sentences(self.path):
            # Not "yield from", which would close the cursor after the file, if read but half.
            for row in self._db.execute(query, named or values):  # noqa: UP028
                yield row

    def _attributes(self, text: str, name: str) -> dict[str, Scalar]:
        return attributes_of(text, name, self.path)

    def _number(self, query: str, *values: object, **named: object) -> int:
        return int(next(self._rows(query, *values, **named))[0] or 0)


def task_of(row: tuple[Any, ...]) -> Task:
    """The task in a row of ``TASKS``."""
    number, kind, name, attributes, *rest = row
    return Task(number, _subject(kind, name, attributes), *rest)


def _subject(kind: str, name: str, attributes: str) -> Entity:
    """What is asked about; of an address its text too, by which it is asked about and known."""
    return Entity(kind, name, json.loads(attributes) if kind == URL else {})


_LEDGER = (
    "state",
    "crawl_pages",
    "crawl_expected_count",
    "crawl_received",
    "crawl_inferred",
    "crawl_cursor",
    "crawl_http_status",
    "crawl_fetched_at",
    "crawl_warning",
)


def _told(relationship: str, ledger: dict[str, Any], *, seed: bool) -> dict[str, Scalar]:
    """The ledger of one question, as attributes of the node it is about."""
    if relationship != RELATED_REFERENCES:
        remark = f" ({ledger['crawl_warning']})" if ledger["crawl_warning"] else ""
        return {f"crawl_{relationship}": f"{ledger['state']}{remark}"}
    known = {name: value for name, value in ledger.items() if value not in {None, ""}}
    for name in ("crawl_inferred", "crawl_http_status", "crawl_pages"):
        if not known[name]:
            del known[name]
    if "crawl_pages" not in known:
        del known["crawl_received"]
    if "crawl_fetched_at" in known:
        known["crawl_fetched_at"] = format_timestamp(known["crawl_fetched_at"])
    return {"seed": seed, **known}

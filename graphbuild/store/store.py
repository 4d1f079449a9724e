"""The campaign file: the seeds, lists, responses and calls of a campaign.

The following guarantees are covered by tests:

* A page, its observations and the next cursor are stored in one transaction. They are on disk
  before the next page of the list is requested (write-ahead log, ``synchronous=FULL``).
* The body of each page is compressed without loss and stored with its SHA-256, so that it can be
  verified and parsed again.
* Every call is recorded before it is sent.
* Reading never waits for a crawl, and never changes stored data.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Self

from graphbuild._util import format_timestamp
from graphbuild.errors import StoreError
from graphbuild.models import (
    COLLECTION,
    COMPLETE,
    DESCRIPTION,
    FILE,
    LOCAL_ATTRIBUTE_PREFIXES,
    REFERENCE,
    RELATED_REFERENCES,
    SEED_ATTRIBUTE_PREFIX,
    STATES,
    Entity,
)
from graphbuild.store.call_log import ApiInfo, CallLog
from graphbuild.store.clusters import StoredClusters
from graphbuild.store.database import Database
from graphbuild.store.descriptions import Descriptions
from graphbuild.store.entities import (
    EntityWriter,
    canonical_id,
    count_types,
    decode_attributes,
    encode_attributes,
    find_entity,
    load_entities,
)
from graphbuild.store.inferences import Inferences
from graphbuild.store.models import AuditResult, CompressedPage, StoredPage, SubjectStatus, Totals
from graphbuild.store.observations import (
    CANONICAL_LISTS,
    CANONICAL_TASKS,
    TASK_ORDER,
    ObservationReader,
)
from graphbuild.store.page_writer import PageWriter
from graphbuild.store.schema import CONFIRMED, REFUTED
from graphbuild.store.task_queue import TaskQueue
from graphbuild.store.task_selection import subject_entity
from graphbuild.store.watch import WatchLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from graphbuild.models import Scalar, Seed


class Store(ObservationReader):
    """An open campaign file. Use :meth:`open` for writing, or :meth:`read` for reading.

    Attributes:
        path: The file.
        missing_data: A message about the data that an incomplete copy lacks; empty for other files.
        tasks: The queue of lists and descriptions to request, for a crawler.
        page_writer: Stores responses, for a crawler or an importer.
        descriptions: Adds and counts tasks for descriptions of objects, for a crawler.
        inferences: Reads and stores inferred references, for a crawler.
        calls: The log of API calls.
        api_info: The API flavor, and the time when an exhausted quota resets.
        clusters: Saves and loads the clusters of the campaign.
        watch: The compared period and the events of the command ``watch``.
    """

    def __init__(self, db: Database | str | Path) -> None:
        if not isinstance(db, Database):
            raise TypeError(
                "Store(...) takes no path; use graphbuild.open(path) or Store.read(path) to read a"
                " campaign file, Store.open(path) to write to it"
            )
        super().__init__(db)
        self.path = db.path
        self.missing_data = db.missing_data
        self._entities = EntityWriter(db)
        self.tasks = TaskQueue(db)
        self.descriptions = Descriptions(db, self.tasks)
        self.inferences = Inferences(db)
        self.page_writer = PageWriter(db, self._entities, self.tasks, self.inferences)
        self.calls = CallLog(db, self._entities)
        self.api_info = ApiInfo(db)
        self.clusters = StoredClusters(db)
        self.watch = WatchLog(db)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a campaign file for writing; create it if it does not exist.

        A file of an earlier schema version is migrated, after a backup to
        ``<name>.schema-<version>.bak``.

        Raises:
            StoreError: The file is already open for writing, is not a campaign file, has a newer
                schema version, or cannot be written.
        """
        return cls(Database.open(Path(path)))

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Open a campaign file for reading, even while a crawl writes to it.

        A file of an earlier schema version is not changed: a temporary copy is migrated and read.

        Raises:
            StoreError: There is no such file, it is not a campaign file, its schema version is
                newer, or it cannot be read.
        """
        return cls(Database.read(Path(path)))

    def back_up(self, path: str | Path) -> None:
        """Write a copy of the file, including the data in its log, to the new file ``path``.

        Another process may be writing to the file.

        Raises:
            StoreError: ``path`` exists, is in use or cannot be written, or this file is damaged.
        """
        self._db.back_up(Path(path))

    def check_in_place(self) -> None:
        """Raise StoreMovedError if the file of a writer was deleted, moved or replaced."""
        self._db.check_in_place()

    def close(self) -> None:
        """Close the file. A writer first moves the data from the log to the main file.

        Raises:
            StoreMovedError: The file was deleted, moved or replaced while it was open for writing.
                The message names the file that now contains the data, or states that the data
                could not be saved.
        """
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def change_count(self) -> int:
        """Return a number that differs after another process has changed the stored data.

        The numbers of different ``Store`` objects are not comparable.
        """
        return self._db.integer("PRAGMA data_version")

    def snapshot(self) -> AbstractContextManager[None]:
        """Read the same state of the file in the whole ``with`` block, even during a crawl."""
        return self._db.snapshot()

    def transaction(self) -> AbstractContextManager[None]:
        """Commit the changes of the ``with`` block durably; roll them back after an exception."""
        return self._db.transaction()

    # --- seeds -----------------------------------------------------------------------------------

    def add_seeds(self, seeds: Iterable[Seed]) -> int:
        """Add seeds, and a pending task for each subject that has none.

        Return the number of new tasks. Seeds that are already stored get additional attributes.
        """
        with self.transaction():
            added = sum(self._add_seed(seed) for seed in seeds)
        self._db.checkpoint()
        return added

    def _add_seed(self, seed: Seed) -> int:
        entity = canonical_id(self._db, self._entities.save(seed.entity))
        row = self._db.first("SELECT attributes FROM seed WHERE entity = ?", entity)
        if row is None:
            text = encode_attributes(dict(seed.attributes))
            self._db.insert(
                "seed", entity=entity, source=seed.source, line=seed.line, attributes=text
            )
        elif seed.attributes:  # values from earlier seed lists take precedence
            known = decode_attributes(row[0], seed.entity.id, self.path)
            merged = encode_attributes({**seed.attributes, **known})
            self._db.update("seed", entity, attributes=merged)
        return self.tasks.add(entity)

    def restrict_tasks(self, seeds: Iterable[Seed] | None) -> None:
        """Restrict the queue to the tasks of some seeds and of the entities found in their lists.

        None removes the restriction.
        """
        entities = None if seeds is None else [self._entities.save(seed.entity) for seed in seeds]
        self.tasks.restrict(entities and [canonical_id(self._db, each) for each in entities])

    # --- subjects --------------------------------------------------------------------------------

    def subjects(self, *, times: bool = False) -> Iterator[Entity]:
        """Yield the subject of each list: the seeds as added, then the others by depth and name.

        An entity with several lists is yielded once per list, with different attributes:

        * the attributes of the API, except those whose names begin with ``crawl_``, ``group_``,
          ``seed_`` or ``user_``;
        * ``seed_*``: the extra columns of the seed list;
        * for the list ``related_references``: ``seed`` (whether the entity is a seed), ``state``
          and ``crawl_*`` (the progress of the list);
        * for any other list: ``crawl_<relationship>``, its state with an explanation.

        Args:
            times: Whether to add ``crawl_fetched_at``, the time of the last response or failure for
                ``related_references``.
        """
        entities = load_entities(self._db)
        seeds = dict(self._db.rows("SELECT entity, attributes FROM seed"))
        for subject, status in self._statuses(CANONICAL_LISTS, TASK_ORDER):
            entity = entities[subject]
            attributes: dict[str, Scalar] = {
                name: value
                for name, value in entity.attributes.items()
                if not name.startswith(LOCAL_ATTRIBUTE_PREFIXES)
            }
            columns = decode_attributes(seeds.get(subject, "{}"), entity.id, self.path)
            attributes |= {f"{SEED_ATTRIBUTE_PREFIX}{n}": value for n, value in columns.items()}
            if status.relationship == RELATED_REFERENCES:
                attributes["seed"] = subject in seeds
            attributes |= _status_attributes(status, times=times)
            yield Entity(entity.type, entity.id, attributes)

    def statuses(self) -> Iterator[SubjectStatus]:
        """Yield the progress of each list, in the order in which the lists were added."""
        return (status for _, status in self._statuses(CANONICAL_LISTS))

    def description_statuses(self) -> Iterator[SubjectStatus]:
        """Yield the progress of each description, in the order in which descriptions were added."""
        tasks = f"{CANONICAL_TASKS} AND relationship = '{DESCRIPTION}'"
        return (status for _, status in self._statuses(tasks))

    def _statuses(
        self, tasks: str, order: str = "ORDER BY task.id"
    ) -> Iterator[tuple[int, SubjectStatus]]:
        """Yield for each task the row id of its subject, and its progress.

        ``tasks`` is an SQL join of the tables task and entity, such as ``CANONICAL_LISTS``.
        ``order`` is SQL.
        """
        rows = self._db.rows(
            "SELECT task.subject, type, api_id, attributes, relationship, state, page_count,"  # noqa: S608  constants only
            " expected_count, received_count, inferred_count, cursor, http_status, fetched_at,"
            " error_code, trim(detail || '; ' || inference_conflict, '; ')"
            f" FROM {tasks} {order}"
        )
        for subject, entity_type, api_id, attributes, *rest in rows:
            entity = subject_entity(entity_type, api_id, attributes, self.path)
            yield subject, SubjectStatus(entity, *rest)

    def contains(self, entity: Entity) -> bool:
        """Return whether an entity is in the campaign file."""
        return find_entity(self._db, entity) is not None

    def known_states(self, subjects: Iterable[Entity]) -> dict[Entity, str]:
        """Return the state of the list ``related_references`` of each subject, by subject.

        Subjects without such a list in the campaign file are left out. An alias gets the state of
        the canonical entity's list.
        """
        rows = self._db.rows(
            "SELECT type, api_id, state FROM entity"
            " JOIN task ON task.subject = iif(same_as, same_as, entity.id) WHERE relationship = ?",
            RELATED_REFERENCES,
        )
        states = {Entity(entity_type, api_id): state for entity_type, api_id, state in rows}
        return {subject: states[subject] for subject in subjects if subject in states}

    # --- totals ----------------------------------------------------------------------------------

    def last_response_time(self) -> float | None:
        """Return the time of the newest stored response, in seconds since 1970; None if none."""
        ((newest,),) = self._db.rows("SELECT max(fetched_at) FROM page")
        return None if newest is None else float(newest)

    def totals(self) -> Totals:
        """Return counts over the whole campaign."""
        count = self._db.integer
        by_state = f"SELECT state, count(*) FROM {CANONICAL_LISTS} GROUP BY state"  # noqa: S608  constants only
        states = dict(self._db.rows(by_state))
        types = count_types(self._db)
        of_references = "FROM task WHERE relationship = ?"
        return Totals(
            subjects=count(f"SELECT count(DISTINCT subject) FROM {CANONICAL_LISTS}"),  # noqa: S608  constants only
            files=count(
                f"SELECT count(DISTINCT subject) FROM {CANONICAL_LISTS} WHERE type = ?",  # noqa: S608  constants only
                FILE,
            ),
            lists=sum(states.values()),
            **{state: states.get(state, 0) for state in STATES},
            pages=count("SELECT count(*) FROM page"),
            references=types[REFERENCE],
            collections=types[COLLECTION],
            observations=count(
                "SELECT count(*) FROM (SELECT DISTINCT task, reference, related_from"
                " FROM fact_by_task WHERE provenance <> ?)",
                REFUTED,
            ),
            expected=count(f"SELECT sum(expected_count) {of_references}", RELATED_REFERENCES),
            received=count(f"SELECT sum(received_count) {of_references}", RELATED_REFERENCES),
            inferred=count("SELECT sum(inferred_count) FROM task"),
            warnings=count("SELECT sum(warning_count) FROM page"),
            calls=self.calls.count(),
        )

    def audit_result(self) -> AuditResult:
        """Return the result of all audits of inferred references."""
        ((subjects, pending),) = self._db.rows(
            "SELECT count(*), count(*) FILTER (WHERE state <> ?) FROM task WHERE audited = 1",
            COMPLETE,
        )
        ((references, refuted),) = self._db.rows(
            "SELECT count(*), coalesce(sum(best = :refuted), 0) FROM (SELECT min(provenance)"
            " AS best FROM inference JOIN task ON task.id = inference.task"
            " WHERE audited = 1 AND state = :complete AND provenance IN (:confirmed, :refuted)"
            " GROUP BY task, reference)",
            confirmed=CONFIRMED,
            refuted=REFUTED,
            complete=COMPLETE,
        )
        return AuditResult(subjects - pending, pending, references, references - refuted, refuted)

    # --- pages -----------------------------------------------------------------------------------

    def pages(self) -> Iterator[StoredPage]:
        """Yield the stored responses in the order in which they were stored.

        Raises:
            StoreError: A page is damaged; the message names its subject.
        """
        for page in self.compressed_pages():
            try:
                body = page.decompress()
            except zlib.error:
                raise StoreError(
                    f"{self.path}: page {page.number} of {page.subject.id} is damaged; "
                    "see graphbuild check"
                ) from None
            yield StoredPage(page.subject, page.relationship, page.number, body)

    def compressed_pages(self) -> Iterator[CompressedPage]:
        """Yield the stored responses without decompressing them, in the order of :meth:`pages`.

        Raises:
            StoreError: The subject of a page is missing in the campaign file.
        """
        rows = self._db.rows(
            "SELECT subject, entity.type, entity.api_id, entity.attributes, relationship, number,"
            " body, crc32, sha256, next_cursor, page.expected_count, item_count,"
            " coalesce(duplicate_of, page.id) FROM page JOIN task ON task.id = page.task"
            " LEFT JOIN entity AS own ON own.id = subject"
            " LEFT JOIN entity ON entity.id = iif(own.same_as, own.same_as, own.id)"
            " ORDER BY page.id"
        )
        for subject, entity_type, api_id, attributes, *rest in rows:
            if entity_type is None:
                raise StoreError(f"{self.path}: a row refers to entity {subject}, which is missing")
            entity = subject_entity(entity_type, api_id, attributes, self.path)
            yield CompressedPage(entity, *rest)

    def structural_problems(self) -> Iterator[str]:
        """Yield the problems that SQLite finds: damaged structures and violated foreign keys.

        At most 20 damaged structures are reported.
        """
        for (message,) in self._db.rows("PRAGMA integrity_check(20)"):
            if message != "ok":
                yield message
        for table, _, other, _ in self._db.rows("PRAGMA foreign_key_check"):
            yield f"a row of the table {table} refers to a missing row of {other}"


def _status_attributes(status: SubjectStatus, *, times: bool) -> dict[str, Scalar]:
    """Return the node attributes for the progress of one list.

    Values that are unknown, empty or zero are left out, except 0 received or expected references.
    """
    if status.relationship != RELATED_REFERENCES:
        detail = f" ({status.detail})" if status.detail else ""
        return {f"crawl_{status.relationship}": f"{status.state}{detail}"}
    attributes: dict[str, Scalar | None] = {
        "state": status.state,
        "crawl_pages": status.page_count or None,
        "crawl_expected_count": status.expected_count,
        "crawl_received": status.received_count if status.page_count else None,
        "crawl_inferred": status.inferred_count or None,
        "crawl_cursor": status.cursor,
        "crawl_http_status": status.http_status or None,
        "crawl_detail": status.detail or None,
    }
    if times and status.fetched_at is not None:
        attributes["crawl_fetched_at"] = format_timestamp(status.fetched_at)
    return {name: value for name, value in attributes.items() if value is not None}

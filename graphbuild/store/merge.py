"""Merge a campaign file into another: names, seeds, tasks, pages, inferences, calls and events.

A merge has three steps. The campaign file is valid after each transaction, so a killed merge can be
repeated: steps that are complete change nothing.

1. The names of entities, the seeds and the tasks are united, in one transaction. New tasks follow
   the existing ones in the order of the other file. All shards of a crawl contain the same seeds in
   the same order, so this is also the order of a crawl without ``--shard``.
2. The lists are united in batches; :mod:`graphbuild.store.merge_lists` describes the rule.
3. The calls and the events of ``watch`` are added, in one transaction.

The other file is only read. If it has an earlier schema version, a temporary copy is migrated.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from graphbuild.errors import StoreError
from graphbuild.models import COMPLETE, DESCRIPTION, PENDING, RELATED_REFERENCES, Entity
from graphbuild.store.entities import (
    ALIAS_DETAIL,
    EntityWriter,
    canonical_id,
    decode_attributes,
    encode_attributes,
    keep_first_position,
    unite_entities,
)
from graphbuild.store.merge_lists import ListMerger
from graphbuild.store.merge_result import MergeConflict, MergeResult
from graphbuild.store.watch import merge_watch_logs

if TYPE_CHECKING:
    from graphbuild.models import Scalar
    from graphbuild.store.database import Database
    from graphbuild.store.store import Store

_LISTS_PER_TRANSACTION = 100
_CallKey = tuple[int, str, float]  # row id of the subject, relationship, start time
_NEWEST_TIMES = (
    # When each page was last received (equal pages share their facts), and then each entity.
    "WITH newest AS (SELECT coalesce(duplicate_of, id) AS page, max(fetched_at) AS fetched_at"
    " FROM page GROUP BY 1) SELECT entity, max(fetched_at) FROM ("
    " SELECT reference AS entity, fetched_at FROM newest JOIN fact USING (page)"
    " UNION ALL SELECT related_from, fetched_at FROM newest JOIN fact USING (page)"
    " UNION ALL SELECT subject, page.fetched_at FROM page JOIN task ON task.id = page.task"
    " WHERE relationship = ?) GROUP BY entity"
)


def merge(target: Store, source: Store) -> MergeResult:
    """Add all data of the campaign file ``source`` to ``target``, which must be open for writing.

    Merging a file that was merged before changes nothing.

    Raises:
        StoreError: Both are the same file, a page of ``source`` is damaged, or a file cannot be
            read or written. The lists that were already merged are kept.
    """
    if target.path.exists() and target.path.samefile(source.path):
        raise StoreError(f"{source.path} is the file to merge into; name only the other files")
    with source.snapshot():
        return _Merge(target, source).run()


class _Merge:
    """Merges one file into another."""

    def __init__(self, target: Store, source: Store) -> None:
        self._store = target
        self._db: Database = target._db  # noqa: SLF001  of the same package
        self._source: Database = source._db  # noqa: SLF001
        self._entities = EntityWriter(self._db)
        self._result = MergeResult(str(source.path))
        self._ids: dict[int, int] = {0: 0}  # row id in the source -> row id in the target

    def run(self) -> MergeResult:
        """Merge the files; return what is new."""
        with self._db.transaction():
            self._unite_names()
            self._unite_aliases()
            self._add_seeds()
            self._add_tasks()
            self._unite_api_flavor()
            self._db.execute("DELETE FROM metadata WHERE name = 'shard'")
        self._merge_lists()
        with self._db.transaction():
            self._add_calls()
            self._result.events = merge_watch_logs(self._db, self._source)
        return self._result

    def _api_id(self, entity: int) -> str:
        ((api_id,),) = self._db.rows("SELECT api_id FROM entity WHERE id = ?", entity)
        return str(api_id)

    def _canonical(self, source_id: int) -> int:
        return canonical_id(self._db, self._ids[source_id])

    # --- names -----------------------------------------------------------------------------------

    def _unite_names(self) -> None:
        """Add the entities and attributes that the target lacks.

        If an attribute has different values, keep that of the file in which the entity was last on
        a page; at equal times, keep that of the target.
        """
        times = _NewestTimes(self._source), _NewestTimes(self._db)
        for row_id, entity_type, api_id, text in self._source.rows(
            "SELECT id, type, api_id, attributes FROM entity ORDER BY id"
        ):
            attributes = decode_attributes(text, api_id, self._source.path)
            query = "SELECT id, attributes FROM entity WHERE type = ? AND api_id = ?"
            known = self._db.first(query, entity_type, api_id)
            stored: dict[str, Scalar] | None = None
            if known:
                stored = decode_attributes(known[1], api_id, self._db.path)
                if _differ(stored, attributes) and times[0].of(row_id) <= times[1].of(known[0]):
                    attributes = {name: attributes[name] for name in attributes.keys() - stored}
            if stored is None or {**stored, **attributes} != stored:
                self._result.entities += 1
            self._ids[row_id] = self._entities.save(Entity(entity_type, api_id, attributes))

    def _unite_aliases(self) -> None:
        """Unite the entities that are aliases of each other in the source."""
        rows = self._source.rows("SELECT id, api_id, same_as FROM entity WHERE same_as <> 0")
        for row_id, api_id, same_as in rows:
            alias, canonical = self._ids[row_id], self._canonical(same_as)
            known = canonical_id(self._db, alias)
            if known == canonical:
                continue
            if known != alias:
                files = self._api_id(known), self._api_id(canonical)
                text = "the two campaign files give this hash to different files"
                self._result.add_conflict(MergeConflict(api_id, text, files, files[0]))
                continue
            before = self._db.rows("SELECT id, relationship FROM task WHERE subject = ?", alias)
            positions = {relationship: task for task, relationship in before}
            unite_entities(self._db, alias, canonical)
            keep_first_position(self._db, canonical, positions)

    # --- seeds and tasks -------------------------------------------------------------------------

    def _add_seeds(self) -> None:
        """Add the seeds. Values from earlier seed lists take precedence, as in a crawl."""
        for row_id, source, line, text, api_id in self._source.rows(
            "SELECT seed.entity, source, line, seed.attributes, api_id FROM seed"
            " JOIN entity ON entity.id = seed.entity ORDER BY same_as <> 0, seed.entity"
        ):
            own, canonical = self._ids[row_id], self._canonical(row_id)
            query = "SELECT source, line, attributes FROM seed WHERE entity = ?"
            known = self._db.first(query, canonical)
            if known is None:
                self._insert_seed(canonical, source, line, text)
            elif own == canonical:
                self._complete_seed(canonical, api_id, known[2], text)
            elif known != (source, line, text) and self._db.first(query, own) is None:
                # The seed lists name this file by several hashes. Keep this hash as a seed, too.
                self._insert_seed(own, source, line, text)
                self._db.execute(
                    "INSERT OR IGNORE INTO task (subject, relationship, state, detail)"
                    " VALUES (?, ?, ?, ?)",
                    *(own, RELATED_REFERENCES, COMPLETE, ALIAS_DETAIL),
                )

    def _insert_seed(self, entity: int, source: str, line: int, attributes: str) -> None:
        self._db.insert("seed", entity=entity, source=source, line=line, attributes=attributes)
        self._result.seeds += 1

    def _complete_seed(self, entity: int, api_id: str, known: str, text: str) -> None:
        stored = decode_attributes(known, api_id, self._db.path)
        added = decode_attributes(text, api_id, self._source.path)
        united = encode_attributes({**added, **stored})
        if united != known:
            self._db.update("seed", entity, attributes=united)
            self._result.seeds += 1

    def _add_tasks(self) -> None:
        """Add a pending task for each list and description without a task.

        If there is a task, keep the smaller depth.
        """
        rows = self._source.rows("SELECT subject, relationship, depth FROM task ORDER BY id")
        for subject, relationship, depth in rows:
            self._db.execute(
                "INSERT INTO task (subject, relationship, state, depth) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET depth = excluded.depth"
                " WHERE excluded.depth < task.depth",
                *(self._canonical(subject), relationship, PENDING, depth),
            )

    def _unite_api_flavor(self) -> None:
        row = self._source.first("SELECT value FROM metadata WHERE name = 'api_flavor'")
        known = self._store.api_info.flavor()
        if row is None or row[0] == known:
            return
        if known is None:
            self._store.api_info.save_flavor(row[0])
        else:
            flavors = known, row[0]
            conflict = MergeConflict("campaign", "the API flavors differ", flavors, known)
            self._result.add_conflict(conflict)

    # --- lists -----------------------------------------------------------------------------------

    def _merge_lists(self) -> None:
        """Merge the lists and descriptions, several in one transaction."""
        by_list: dict[tuple[int, str], list[int]] = defaultdict(list)
        for task, subject, relationship in self._source.rows(
            "SELECT task.id, subject, relationship FROM task"
            " JOIN entity ON entity.id = task.subject AND same_as = 0 ORDER BY task.id"
        ):
            by_list[self._canonical(subject), relationship].append(task)
        merger = ListMerger(
            self._db, self._source, self._store.page_writer, self._ids, self._result
        )
        groups = list(by_list.items())
        for start in range(0, len(groups), _LISTS_PER_TRANSACTION):
            with self._db.transaction():
                for (subject, relationship), tasks in groups[
                    start : start + _LISTS_PER_TRANSACTION
                ]:
                    merger.merge(self._store.tasks.get_for(subject, relationship), tasks)

    # --- calls -----------------------------------------------------------------------------------

    def _add_calls(self) -> None:
        """Add the calls that are missing. Calls with equal keys are one call."""
        known: Counter[_CallKey] = Counter()
        unfinished: dict[_CallKey, int] = {}
        key: _CallKey
        for call, status, *names in self._db.rows(
            "SELECT id, http_status, subject, relationship, started_at FROM call"
        ):
            key = (names[0], names[1], names[2])
            known[key] += 1
            if status is None:
                unfinished[key] = call
        for sent, status, error, subject, relationship, started_at in self._source.rows(
            "SELECT sent, http_status, error, subject, relationship, started_at FROM call"
            " ORDER BY id"
        ):
            key = self._ids[subject], relationship, started_at
            values = {"sent": sent, "http_status": status, "error": error}
            if known[key]:
                known[key] -= 1
                if status is not None and key in unfinished:
                    self._db.update("call", unfinished.pop(key), **values)
                continue
            columns = dict(zip(("subject", "relationship", "started_at"), key, strict=True))
            self._db.insert("call", **columns, **values)
            self._result.calls += 1


class _NewestTimes:
    """When each entity was last on a page, by row id; computed when it is first needed."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._times: dict[int, float] | None = None

    def of(self, entity: int) -> float:
        """Return the time in seconds since 1970; 0 if the entity is on no page."""
        if self._times is None:
            self._times = dict(self._db.rows(_NEWEST_TIMES, DESCRIPTION))
        return self._times.get(entity, 0.0)


def _differ(stored: dict[str, Scalar], attributes: dict[str, Scalar]) -> bool:
    """Return whether an attribute in both mappings has different values."""
    return any(stored[name] != attributes[name] for name in stored.keys() & attributes)

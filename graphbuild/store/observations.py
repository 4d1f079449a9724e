"""Read observations, links and states from a campaign file.

A *pass* through a list begins with the request of its first page. The campaign file keeps the pages
of all passes. The *current* observations of a list are those of its last complete pass and of later
pages. If no pass is complete, they are the observations of all pages.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.models import (
    COMPLETE,
    DESCRIPTION,
    INCOMPLETE,
    INFERRED,
    OBSERVED,
    PENDING,
    REFERENCES,
    RELATED_REFERENCES,
    SHORT,
    SUBJECT_TYPES,
    Link,
    Observation,
    ObservationRows,
)
from graphbuild.store.entities import load_entities
from graphbuild.store.schema import REFUTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from graphbuild.models import Entity
    from graphbuild.store.database import Database
    from graphbuild.store.entities import EntityById

# Tasks whose subject is not an alias.
CANONICAL_TASKS = "task JOIN entity ON entity.id = task.subject AND entity.same_as = 0"
CANONICAL_LISTS = f"{CANONICAL_TASKS} AND relationship <> '{DESCRIPTION}'"
# The order of tasks: those of seeds as added, then the others by depth and subject. The order in
# which a crawl finds entities depends on the order of the responses, so it does not matter here.
TASK_ORDER = (
    "ORDER BY max(task.depth, 0), iif(task.depth > 0, type, ''),"
    " iif(task.depth > 0, api_id, ''), iif(task.depth > 0, relationship, ''), task.id"
)
# The newest call for each list determines whether the API knows the subject. In SQLite, columns
# beside max() are those of the row with the maximum. Codes that begin with HTTP are no codes of the
# API: a proxy may have sent the response.
_UNKNOWN_SUBJECTS = """
SELECT subject FROM (
    SELECT iif(same_as, same_as, entity.id) AS subject, http_status, error, max(started_at)
    FROM call JOIN entity ON entity.id = call.subject
    WHERE relationship = :list AND sent AND started_at <= :at GROUP BY 1)
WHERE http_status = :not_found AND error NOT LIKE 'HTTP %' AND subject NOT IN (
    SELECT subject FROM page JOIN task ON task.id = page.task
    WHERE relationship = :list AND page.fetched_at <= :at)
"""


@dataclass(slots=True)
class _ListState:
    """The state of a list at a given time. Pages are identified by row ids."""

    pass_start: int = 0  # first page of the newest pass; 0 if that page is not stored
    since: int = 0  # first page of the last complete pass; 0 without such a pass
    state: str = PENDING  # complete, short or incomplete; pending if no page of the list was stored
    item_count: int = 0  # number of items on all pages of the newest pass
    expected_count: int = 0  # the greatest list length that the API stated in the newest pass, or 0


class _Fact(NamedTuple):
    """A fact of a list; all values except ``provenance`` are row ids."""

    reference: int  # the listed entity: a reference, or the target of a link
    collection: int  # 0 if there is none
    first: int  # the first page that contains the fact, or after which it was inferred
    last: int  # the last page that contains the fact, or after which it was inferred
    provenance: int  # 0 if observed, else as in the table ``inference``
    last_on_page: int  # the last page that contains the fact; 0 if it was only inferred


class ObservationReader:
    """Base class of :class:`~graphbuild.store.Store` that reads observations, links and states."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def observations(self, *, direct: bool = False) -> Iterator[Observation]:
        """Yield every observation once, except refuted inferences.

        The observations are in the order of the seeds, then of the other subjects by depth and
        name. Those of one subject are sorted by reference and collection.

        Args:
            direct: Whether to yield, after all other observations, those of direct references. They
                have the relationship ``references``, and a crawl with ``--direct`` requests them.
        """
        with self._db.snapshot():
            tasks = ((task, subject, 0) for task, subject in _tasks(self._db))
            yield from _observations(self._db, tasks)
            if direct:
                yield from _direct_references(self._db)

    def observation_rows(self) -> ObservationRows:
        """Return the observations that ``observations(direct=True)`` yields, without times.

        An observation can be repeated. Of millions of observations, this method returns the row ids
        in a tenth of the time, because it creates no object for an observation.
        """
        db, triples, inferred = self._db, array("q"), array("q")
        with db.snapshot():
            entities, with_inferences = load_entities(db), _tasks_with_inferences(db)
            triples.extend(chain.from_iterable(_triples_without_inferences(db)))
            tasks = ((task, subject, 0) for task, subject in _tasks(db) if task in with_inferences)
            for subject, fact, is_inferred in _facts_of_tasks(db, tasks, entities):
                triples.extend((subject, fact.reference, fact.collection))
                if is_inferred:
                    inferred.extend((subject, fact.reference))
        return ObservationRows(entities, triples, inferred)

    def current_observations(self, at: float = math.inf) -> Iterator[Observation]:
        """Yield the observations of each list's last complete pass and of later pages.

        Of a list without a complete pass, all observations are yielded. Direct references and
        refuted inferences are not included. In contrast, :meth:`observations` also yields
        observations that only pages before the last complete pass contain.

        Args:
            at: Ignore pages that were fetched, and inferences that were made, after this time, in
                seconds since 1970.
        """
        with self._db.snapshot():
            states = _list_states(self._db, at)
            tasks = (
                (task, subject, states[task].since)
                for task, subject in _tasks(self._db)
                if task in states
            )
            yield from _observations(self._db, tasks, at)

    def states(self, at: float = math.inf) -> Iterator[tuple[Entity, str]]:
        """Yield each subject with the state of its ``related_references``.

        Args:
            at: A time in seconds since 1970; by default, yield the current states. Earlier states
                are derived from the pages: each is ``complete``, ``short``, ``incomplete`` or, for
                a subject without pages at that time, ``pending``.
        """
        with self._db.snapshot():
            entities, states = load_entities(self._db), _list_states(self._db, at)
            rows = self._db.rows(
                f"SELECT task.id, task.subject, state FROM {CANONICAL_TASKS} WHERE relationship = ?"  # noqa: S608  constants only
                f" {TASK_ORDER}",
                RELATED_REFERENCES,
            )
            for task, subject, state in rows:
                earlier = states[task].state if task in states else PENDING
                yield entities[subject], state if at == math.inf else earlier

    def unknown_subjects(self, at: float = math.inf) -> Iterator[Entity]:
        """Yield each subject without pages to whose last request the API answered "not found".

        Args:
            at: Ignore later requests and pages; a time in seconds since 1970.
        """
        with self._db.snapshot():
            entities = load_entities(self._db)
            rows = self._db.rows(
                _UNKNOWN_SUBJECTS, list=RELATED_REFERENCES, at=at, not_found=HTTPStatus.NOT_FOUND
            )
            yield from (entities[subject] for (subject,) in rows)

    def links(self) -> Iterator[Link]:
        """Yield each entry of the lists that references and collections have, once per list."""
        with self._db.snapshot():
            entities = load_entities(self._db)
            query = (
                "SELECT task.id, subject, relationship FROM task"  # noqa: S608  constants only
                " JOIN entity ON entity.id = task.subject"
                f" WHERE relationship NOT IN (?, ?) {TASK_ORDER}"
            )
            for task, source, relationship in self._db.rows(query, RELATED_REFERENCES, DESCRIPTION):
                if entities[source].type in SUBJECT_TYPES:  # a list of direct references
                    continue
                for fact in _facts(self._db, task, entities):
                    yield Link(entities[source], relationship, entities[fact.reference])


def _tasks(db: Database, relationship: str = RELATED_REFERENCES) -> Iterator[tuple[int, int]]:
    """Yield the row ids of each task of a relationship and of its subject."""
    query = (
        "SELECT task.id, subject FROM task JOIN entity ON entity.id = task.subject"  # noqa: S608  constants only
        f" WHERE relationship = ? {TASK_ORDER}"
    )
    return db.rows(query, relationship)


def _direct_references(db: Database) -> Iterator[Observation]:
    """Yield the entries of the lists of direct references."""
    tasks = ((task, subject, 0) for task, subject in _tasks(db, REFERENCES))
    for each in _observations(db, tasks):
        if each.subject.type in SUBJECT_TYPES:  # not a list of the references of a collection
            yield replace(each, relationship=REFERENCES)


def _observations(
    db: Database, tasks: Iterable[tuple[int, int, int]], at: float = math.inf
) -> Iterator[Observation]:
    """Yield the observations of tasks; the arguments are those of :func:`_facts_of_tasks`."""
    entities, times = load_entities(db), _page_times(db)
    for subject, fact, is_inferred in _facts_of_tasks(db, tasks, entities, at):
        yield Observation(
            entities[subject],
            entities[fact.reference],
            entities[fact.collection] if fact.collection else None,
            INFERRED if is_inferred else OBSERVED,
            times.get(fact.first),
            times.get(fact.last),
        )


def _facts_of_tasks(
    db: Database,
    tasks: Iterable[tuple[int, int, int]],
    entities: EntityById,
    at: float = math.inf,
) -> Iterator[tuple[int, _Fact, bool]]:
    """Yield the row id of a subject, a fact of its list, and whether the fact counts as inferred.

    Each item of ``tasks`` has three row ids: of a task, of its subject, and of a page. Facts whose
    last page precedes that page are ignored. If the third value is 0, no facts are ignored. Facts
    that were not known at the time ``at`` (seconds since 1970) are ignored, too.
    """
    times, with_inferences = _page_times(db), _tasks_with_inferences(db)
    for task, subject, since in tasks:
        facts = _facts(db, task, entities, since, at)
        inferred = (
            _inferred_references(db, task, facts, entities, times, at)
            if task in with_inferences
            else ()
        )
        for fact in facts:
            yield subject, fact, bool(fact.provenance) or fact.reference in inferred


def _page_times(db: Database) -> dict[int, float]:
    return dict(db.rows("SELECT id, fetched_at FROM page"))


def _tasks_with_inferences(db: Database) -> set[int]:
    return {task for (task,) in db.rows("SELECT DISTINCT task FROM inference")}


def _triples_without_inferences(db: Database) -> Iterator[tuple[int, int, int]]:
    """Yield the row ids of the observations in all lists for which nothing was inferred."""
    types = ", ".join("?" * len(SUBJECT_TYPES))
    query = (
        "SELECT subject, reference, related_from FROM task"  # noqa: S608  constants only
        " JOIN entity ON entity.id = subject JOIN page ON page.task = task.id"
        " JOIN fact ON fact.page = coalesce(duplicate_of, page.id)"
        f" WHERE (relationship = ? OR relationship = ? AND entity.type IN ({types}))"
        " AND task.id NOT IN (SELECT task FROM inference)"
    )
    return db.rows(query, RELATED_REFERENCES, REFERENCES, *SUBJECT_TYPES)


def _inferred_references(  # noqa: PLR0913, PLR0917  one caller
    db: Database,
    task: int,
    facts: Iterable[_Fact],
    entities: EntityById,
    times: Mapping[int, float],
    at: float,
) -> set[int]:
    """Return the row ids of the references of a list that were inferred after their last page.

    The collections of such a reference may have changed since it was last on a page. Therefore,
    even its observations on pages are regarded as inferred. Inferences that were made after the
    time ``at`` (seconds since 1970) are ignored. ``times`` contains the times of the pages by row
    id.
    """
    on_page: dict[int, int] = {}
    for fact in facts:
        on_page[fact.reference] = max(on_page.get(fact.reference, 0), fact.last_on_page)
    query = (
        "SELECT reference, first_page, last_page FROM inference WHERE task = ? AND provenance <> ?"
    )
    rows = entities.report_rows
    inferences = (
        (rows.get(reference, reference), first, last)
        for reference, first, last in db.rows(query, task, REFUTED)
    )
    # If an inference was repeated after the time ``at``, only its first page was known then.
    return {
        reference
        for reference, first, last in inferences
        if times[first] <= at
        and (last if times[last] <= at else first) >= on_page.get(reference, 0)
    }


def _list_states(db: Database, at: float) -> dict[int, _ListState]:
    """Return the state that each list had at the time ``at``, by the row id of its task.

    Lists that had no pages then are left out.

    ``at`` is in seconds since 1970.
    """
    query = "SELECT first_page FROM inference UNION SELECT last_page FROM inference"
    inferred_after = {page for (page,) in db.rows(query)}
    query = (
        "SELECT max(page.id) FROM page JOIN task ON task.id = page.task WHERE state = ?"
        " GROUP BY task.id"
    )
    short_at = {page for (page,) in db.rows(query, SHORT)}
    states: dict[int, _ListState] = {}
    query = (
        "SELECT task, id, number, cursor, next_cursor, item_count, coalesce(expected_count, 0)"
        " FROM page WHERE fetched_at <= ? ORDER BY id"
    )
    for task, page, number, cursor, next_cursor, items, expected in db.rows(query, at):
        state = states.setdefault(task, _ListState())
        if number < 1:  # the page was requested for an alias
            continue
        if cursor is None:
            state.pass_start, state.item_count, state.expected_count = page, 0, 0
        state.item_count += items
        state.expected_count = max(state.expected_count, expected)
        is_short = page in short_at or state.item_count < state.expected_count
        if not state.pass_start or (next_cursor is not None and page not in inferred_after):
            state.state = INCOMPLETE
        elif is_short and page not in inferred_after:
            state.state = SHORT
        else:
            state.state, state.since = COMPLETE, state.pass_start
    return states


def _facts(
    db: Database, task: int, entities: EntityById, since: int = 0, at: float = math.inf
) -> list[_Fact]:
    """Return the facts of a list, except refuted ones, sorted by reference and collection.

    A fact is omitted if its first page was fetched after the time ``at`` (seconds since 1970), or
    if the row id of its last page is below ``since``.
    """
    known = (
        "" if at == math.inf else " AND (SELECT fetched_at FROM page WHERE id = first_page) <= :at"
    )
    query = (
        "SELECT reference, related_from, min(first_page),"  # noqa: S608  constants only
        " max(iif(provenance = :refuted, 0, last_page)) AS last, min(provenance) AS best,"
        " max(iif(provenance = 0, last_page, 0)) FROM fact_by_task"
        " LEFT JOIN entity ON entity.id = reference"
        " LEFT JOIN entity AS collection ON collection.id = related_from"
        f" WHERE task = :task{known} GROUP BY reference, related_from"
        " HAVING best <> :refuted AND last >= :since"
        " ORDER BY entity.type, entity.api_id, collection.type, collection.api_id"
    )
    rows = db.rows(query, task=task, refuted=REFUTED, since=since, at=at)
    facts = [_Fact(*row) for row in rows]
    return _unite_facts(facts, entities) if entities.report_rows else facts


def _unite_facts(facts: Iterable[_Fact], entities: EntityById) -> list[_Fact]:
    """Unite facts that differ only in the row id of a report; sort facts as :func:`_facts` does."""
    rows = entities.report_rows
    united: dict[tuple[int, int], _Fact] = {}
    for each in facts:
        pair = rows.get(each.reference, each.reference), rows.get(each.collection, each.collection)
        same = united.get(pair, each)
        united[pair] = _Fact(
            *pair,
            min(same.first, each.first),
            max(same.last, each.last),
            min(same.provenance, each.provenance),
            max(same.last_on_page, each.last_on_page),
        )

    def order(fact: _Fact) -> tuple[str, ...]:
        reference = entities[fact.reference]
        collection = entities[fact.collection] if fact.collection else None
        named = (collection.type, collection.id) if collection else ()
        return reference.type, reference.id, *named

    return sorted(united.values(), key=order)

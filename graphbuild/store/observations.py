"""Read observations and links from a campaign file, now or as of an earlier time."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

from graphbuild.models import INFERRED, OBSERVED, PENDING, RELATED_REFERENCES, Link, Observation
from graphbuild.store.entities import load_entities, load_sort_ranks
from graphbuild.store.history import PageStep, list_state
from graphbuild.store.schema import REFUTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild.models import Entity
    from graphbuild.store.database import Database
    from graphbuild.store.history import ListState

# Tasks, without those whose subject is an alias.
CANONICAL_TASKS = "task JOIN entity ON entity.id = task.subject AND entity.same_as = 0"


def read_observations(db: Database) -> Iterator[Observation]:
    """Yield every observation once: by subject in the order of seeds, then by reference."""
    with db.snapshot():
        yield from _observations(db, ((task, subject, 0) for task, subject in _tasks(db)))


def read_current_observations(db: Database, at: float) -> Iterator[Observation]:
    """Yield the observations of each list's last complete pass before a time, and later ones."""
    with db.snapshot():
        states = _list_states(db, at)
        tasks = (
            (task, subject, states[task].since) for task, subject in _tasks(db) if task in states
        )
        yield from _observations(db, tasks, at)


def read_states(db: Database, at: float) -> Iterator[tuple[Entity, str]]:
    """Yield each subject with its state at a time."""
    with db.snapshot():
        entities, states = load_entities(db), _list_states(db, at)
        rows = db.rows(
            f"SELECT task.id, task.subject, state FROM {CANONICAL_TASKS} WHERE relationship = ?"  # noqa: S608  constants only
            " ORDER BY task.id",
            RELATED_REFERENCES,
        )
        for task, subject, state in rows:
            earlier = states[task].state if task in states else PENDING
            yield entities[subject], state if at == math.inf else earlier


def read_links(db: Database) -> Iterator[Link]:
    """Yield the files and references of entities beyond the seeds, each once."""
    with db.snapshot():
        entities, ranks = load_entities(db), load_sort_ranks(db)
        query = "SELECT id, subject, relationship FROM task WHERE relationship <> ? ORDER BY id"
        for task, source, relationship in db.rows(query, RELATED_REFERENCES):
            for target, *_ in _facts(db, task, ranks):
                yield Link(entities[source], relationship, entities[target])


def _tasks(db: Database) -> Iterator[tuple[int, int]]:
    query = "SELECT id, subject FROM task WHERE relationship = ? ORDER BY id"
    return db.rows(query, RELATED_REFERENCES)


def _observations(
    db: Database, tasks: Iterable[tuple[int, int, int]], at: float = math.inf
) -> Iterator[Observation]:
    """Yield the observations of tasks, each with its subject and the first page that counts."""
    entities, ranks = load_entities(db), load_sort_ranks(db)
    times = dict(db.rows("SELECT id, fetched_at FROM page"))
    for task, subject, since in tasks:
        for reference, collection, first, last, provenance in _facts(db, task, ranks, since, at):
            yield Observation(
                entities[subject],
                entities[reference],
                entities.get(collection),
                INFERRED if provenance else OBSERVED,
                times.get(first),
                times.get(last),
            )


def _list_states(db: Database, at: float) -> dict[int, ListState]:
    """Return the state at a time of every list with a page, by task."""
    query = "SELECT first_page FROM inference UNION SELECT last_page FROM inference"
    inferred_after = {page for (page,) in db.rows(query)}
    rows = db.rows(
        "SELECT task, id, number, cursor, next_cursor FROM page WHERE fetched_at <= ?"
        " ORDER BY task, id",
        at,
    )
    return {
        task: list_state((PageStep(*step) for _, *step in steps), inferred_after)
        for task, steps in groupby(rows, key=lambda row: row[0])
    }


def _facts(
    db: Database, task: int, ranks: dict[int, int], since: int = 0, at: float = math.inf
) -> list[tuple[int, int, int, int, int]]:
    """Return the facts of a list: reference, collection, first page, last page, provenance.

    Args:
        db: the campaign file.
        task: the id of the task.
        ranks: the sort position of every entity.
        since: omit facts that no page from this one on contains.
        at: omit facts from pages after this time.

    Raises:
        StoreError: a fact refers to an entity that is missing.
    """
    known = (
        "" if at == math.inf else " AND (SELECT fetched_at FROM page WHERE id = first_page) <= :at"
    )
    rows = db.rows(
        "SELECT reference, related_from, min(first_page), max(last_page) AS last,"  # noqa: S608  constants only
        f" min(provenance) AS best FROM fact_by_task WHERE task = :task{known}"
        " GROUP BY reference, related_from HAVING best <> :refuted AND last >= :since",
        task=task,
        refuted=REFUTED,
        since=since,
        at=at,
    )
    return sorted(rows, key=lambda row: (ranks[row[0]], ranks[row[1]]))

"""What is still to ask, and what is to be asked again: the changes that make tasks pending.

Plain statements on an open connection, inside the caller's transaction.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from graphbuild.api.endpoints import ENDPOINTS, relationships_of
from graphbuild.models import COMPLETE, INCOMPLETE, PENDING

if TYPE_CHECKING:
    import random
    import sqlite3

TWIN = "the same subject under another name"
INFERRED, CONFIRMED, REFUTED = 1, 2, 3  # of an inference's evidence; 0 is observed
_SAID_SINCE = (  # by a page of the same task that came after the inference was drawn
    "EXISTS (SELECT 1 FROM page JOIN fact ON fact.page = coalesce(says, page.id)"
    " WHERE page.task = inference.task AND page.id > inference.last_page"
    " AND fact.reference = inference.reference AND fact.related_from = inference.related_from)"
)

# Back to the first page. What is known stays known; the new pass is judged by itself.
_ANEW = "state = ?, cursor = NULL, error = '', remark = '', retry = 0, cut = 0"


def requeue(db: sqlite3.Connection) -> int:
    """Tasks that failed in passing, and pages that were only imported, are asked again."""
    return db.execute(
        "UPDATE task SET state = ?, error = '', remark = '', retry = 0 WHERE retry = 1", (PENDING,)
    ).rowcount


def refresh(db: sqlite3.Connection, before: float) -> int:
    """What was last asked before a time is asked again, from its first page on."""
    return db.execute(
        f"UPDATE task SET {_ANEW}, doubt = '', audited = 0"  # noqa: S608  ours
        " WHERE asked_at < ? AND (state <> ? OR cursor IS NOT NULL)",
        (PENDING, before, PENDING),
    ).rowcount


def audit(db: sqlite3.Connection, share: float, chance: random.Random) -> int:
    """A random share of the subjects of which something is inferred is read after all.

    Those chosen by earlier runs count, so that a run that goes on chooses no more.
    """
    chosen = db.execute("SELECT count(*) FROM task WHERE audited = 1").fetchone()[0]
    rows = db.execute(
        "SELECT id FROM task WHERE inferred > 0 AND audited = 0 AND state = ? ORDER BY id",
        (COMPLETE,),
    ).fetchall()
    wanted = math.ceil(share * (chosen + len(rows))) - chosen
    sample = chance.sample(rows, max(0, wanted))
    db.executemany(
        f"UPDATE task SET {_ANEW}, audited = 1 WHERE id = ?",  # noqa: S608  ours
        [(PENDING, number) for (number,) in sample],
    )
    return len(sample)


def settle_inferences(db: sqlite3.Connection, task: int) -> None:
    """After a list was read to its end nothing of it is inferred any more.

    In an audit, what was inferred and did not come is refuted. In a refresh it is not: the list may
    have changed since, and what was known of it then stays known, with its time.
    """
    db.execute("UPDATE task SET inferred = 0 WHERE id = ?", (task,))
    db.execute(
        f"UPDATE inference SET evidence = ? WHERE task = ? AND evidence = ? AND {_SAID_SINCE}",  # noqa: S608  ours
        (CONFIRMED, task, INFERRED),
    )
    count = db.execute(
        "UPDATE inference SET evidence = ? WHERE task = ? AND evidence = ?"
        " AND EXISTS (SELECT 1 FROM task WHERE id = inference.task AND audited = 1)",
        (REFUTED, task, INFERRED),
    ).rowcount
    if count:
        doubt = f"{count} of what was inferred did not come when it was asked for"
        db.execute("UPDATE task SET doubt = ? WHERE id = ?", (doubt, task))


def expand(db: sqlite3.Connection, depth: int) -> int:
    """What the questions of one depth brought to light is asked about at the next."""
    return sum(
        db.execute(
            "INSERT OR IGNORE INTO task (subject, relationship, state, depth)"
            " SELECT DISTINCT entity.id, :relationship, :pending, :depth + 1 FROM task"
            " JOIN said ON said.task = task.id AND evidence <> :refuted"
            " JOIN entity ON entity.id IN (reference, related_from)"
            " WHERE task.depth = :depth AND type = :type AND same_as = 0 ORDER BY entity.id",
            {
                "relationship": relationship,
                "pending": PENDING,
                "depth": depth,
                "refuted": REFUTED,
                "type": entity_type,
            },
        ).rowcount
        for entity_type in ENDPOINTS
        for relationship in relationships_of(entity_type)
    )


def reopen(db: sqlite3.Connection, limit: int) -> int:
    """Lists that were cut at a smaller limit go on where they were."""
    return db.execute(
        "UPDATE task SET state = ?, remark = '', cut = 0 WHERE cut > 0 AND received < ?",
        (PENDING, limit),
    ).rowcount


def cut(db: sqlite3.Connection, task: int, limit: int) -> str:
    """Stop reading a list that goes on beyond the limit; the remark that says so."""
    received, count, relationship = db.execute(
        "SELECT received, count, relationship FROM task WHERE id = ?", (task,)
    ).fetchone()
    all_of_them = "" if count is None else f" of {count:,}"
    remark = f"{received:,}{all_of_them} {relationship} read; the limit a node is {limit:,}"
    db.execute(
        "UPDATE task SET state = ?, remark = ?, cut = ? WHERE id = ?",
        (INCOMPLETE, remark, limit, task),
    )
    return remark


def unite(db: sqlite3.Connection, alias: int, real: int) -> None:
    """Two names of one subject: from now on one, asked about but once."""
    db.execute("UPDATE entity SET same_as = ? WHERE id = ?", (real, alias))
    db.execute("UPDATE entity SET same_as = ? WHERE same_as = ?", (real, alias))
    db.execute("UPDATE OR IGNORE seed SET entity = ? WHERE entity = ?", (real, alias))
    for task, relationship in db.execute(
        "SELECT id, relationship FROM task WHERE subject = ?", (alias,)
    ).fetchall():
        other = db.execute(
            "SELECT id, pages FROM task WHERE subject = ? AND relationship = ?",
            (real, relationship),
        ).fetchone()
        if other is None:
            db.execute("UPDATE task SET subject = ? WHERE id = ?", (real, task))
            continue
        number, pages = other
        if pages:
            _hand_over(db, task, number)
            _retire(db, task)
        else:
            _swap(db, (task, real), (number, alias), relationship)
            _retire(db, number)


def _swap(
    db: sqlite3.Connection, one: tuple[int, int], other: tuple[int, int], relationship: str
) -> None:
    """Give two tasks, which are the same but for this, each the subject stated with it."""
    for task, subject, name in ((*other, ""), (*one, relationship), (*other, relationship)):
        # In three steps, as no two tasks may be the same at any time.
        db.execute(
            "UPDATE task SET subject = ?, relationship = ? WHERE id = ?", (subject, name, task)
        )


def _hand_over(db: sqlite3.Connection, task: int, other: int) -> None:
    """Both were begun: what one knows is the other's, set aside of its own reading."""
    db.execute("UPDATE OR IGNORE inference SET task = ? WHERE task = ?", (other, task))
    db.execute("DELETE FROM inference WHERE task = ?", (task,))
    pages = db.execute("SELECT id FROM page WHERE task = ? ORDER BY id", (task,)).fetchall()
    for (page,) in pages:
        db.execute(
            "UPDATE page SET task = ?, number = ? WHERE id = ?", (other, aside(db, other), page)
        )


def aside(db: sqlite3.Connection, task: int) -> int:
    """The number of a page that came under another name of a task's subject.

    What it says counts, but it is no step of the way through the list: those have numbers from 1.
    """
    query = "SELECT min(0, coalesce(min(number), 0)) - 1 FROM page WHERE task = ?"
    return int(db.execute(query, (task,)).fetchone()[0])


def _retire(db: sqlite3.Connection, task: int) -> None:
    """Ask no more here: the same subject is asked about under another name."""
    db.execute(
        "UPDATE task SET state = ?, cursor = NULL, count = NULL, received = 0, inferred = 0,"
        " error = '', retry = 0, cut = 0, audited = 0, asked_at = NULL, remark = ? WHERE id = ?",
        (COMPLETE, TWIN, task),
    )


def has_twins(db: sqlite3.Connection) -> bool:
    """Whether any subject goes by several names."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM entity WHERE same_as <> 0)").fetchone()[0])


def has_inferences(db: sqlite3.Connection) -> bool:
    """Whether anything was ever inferred."""
    query = "SELECT EXISTS (SELECT 1 FROM task WHERE inferred > 0 OR audited = 1)"
    return bool(db.execute(query).fetchone()[0])


def home(db: sqlite3.Connection, task: int) -> int | None:
    """The task that a retired one's subject is asked about in; None for any other task."""
    row = db.execute(
        "SELECT other.id FROM task JOIN entity ON entity.id = task.subject AND same_as <> 0"
        " JOIN task AS other ON other.subject = same_as AND other.relationship = task.relationship"
        " WHERE task.id = ?",
        (task,),
    ).fetchone()
    return int(row[0]) if row else None

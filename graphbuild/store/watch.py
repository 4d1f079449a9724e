"""Store what ``watch`` has compared and found: a period, and the events of the period.

The comparisons of a campaign follow each other without gaps, so together they cover one period. The
events of a comparison are stored in the transaction that extends the period. An event stays
*undelivered* until it has been output.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbuild.store.database import Database

_ID_LENGTH = 32  # hexadecimal digits: 128 bits


class Period(NamedTuple):
    """A period of time; both ends are in seconds since 1970."""

    since: float
    until: float


class Round(NamedTuple):
    """One or more runs that together request all old lists once."""

    started_at: float  # in seconds since 1970
    replaces_unfinished: bool  # whether an earlier round was not finished


class WatchEvent(NamedTuple):
    """A stored event."""

    id: str
    content: str  # a JSON object with the id


class WatchLog:
    """The compared period and the events in a campaign file."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def period(self) -> Period | None:
        """Return the period that all comparisons cover together; None if there were none."""
        row = self._db.first("SELECT since, until FROM watch WHERE since IS NOT NULL")
        return Period(*row) if row else None

    def begin_round(self, now: float, max_gap: float) -> Round:
        """Return the current round of requests; if there is none, begin one ``now``.

        :meth:`save` ends the round. A round that was interrupted goes on in the next run, so that
        it does not request again what it has already received. However, if the last run of the
        round was more than ``max_gap`` seconds ago, a new round replaces it.
        """
        with self._db.transaction():
            row = self._db.first("SELECT round_started_at, round_continued_at FROM watch")
            started, continued = row or (None, None)
            is_replaced = continued is not None and continued < now - max_gap
            if started is None or is_replaced:
                started = now
            self._db.execute("INSERT OR IGNORE INTO watch (id) VALUES (0)")
            self._db.execute(
                "UPDATE watch SET round_started_at = :started, round_continued_at = :now",
                started=started,
                now=now,
            )
        return Round(float(started), is_replaced)

    def save(self, compared: Period, events: Iterable[tuple[str, Mapping[str, object]]]) -> None:
        """Extend the period by ``compared``, store its events, and end the round of requests.

        The compared period must begin or end where the known period ends or begins, except after a
        merge of campaign files. In this case, events that are already stored for an overlapping
        period are not stored again.

        Args:
            compared: The times of the two compared states.
            events: Pairs of an identity and a JSON object. Equal events of different periods have
                the same identity. The object gets an id, which also depends on the number of
                earlier events with the same identity.
        """
        with self._db.transaction():
            for identity, content in events:
                self._add(compared, identity, content)
            self._db.execute("INSERT OR IGNORE INTO watch (id) VALUES (0)")
            self._db.execute(
                "UPDATE watch SET since = min(ifnull(since, :since), :since),"
                " until = max(ifnull(until, :until), :until),"
                " round_started_at = NULL, round_continued_at = NULL",
                since=compared.since,
                until=compared.until,
            )

    def _add(self, compared: Period, identity: str, content: Mapping[str, object]) -> None:
        known = list(
            self._db.rows("SELECT since, until FROM watch_event WHERE identity = ?", identity)
        )
        if any(since < compared.until and compared.since < until for since, until in known):
            return
        text = f"{identity} {len(known) + 1}"
        event = hashlib.sha256(text.encode()).hexdigest()[:_ID_LENGTH]
        self._db.insert(
            "watch_event",
            id=event,
            identity=identity,
            since=compared.since,
            until=compared.until,
            content=json.dumps({"id": event, **content}),
        )

    def undelivered(self) -> list[WatchEvent]:
        """Return the events that were not output, in the order in which they were found."""
        query = "SELECT id, content FROM watch_event WHERE delivered = 0 ORDER BY position"
        return [WatchEvent(*row) for row in self._db.rows(query)]

    def mark_delivered(self, events: Iterable[WatchEvent]) -> None:
        """Record durably that events were output."""
        with self._db.transaction():
            self._db.execute_many(
                "UPDATE watch_event SET delivered = 1 WHERE id = ?", [(e.id,) for e in events]
            )


def merge_watch_logs(target: Database, source: Database) -> int:
    """Add the events and the period of another campaign file; return the number of new events.

    Of two periods, the common part is kept, so that the next comparison begins at the earlier end.
    The caller must have begun a transaction.
    """
    new = 0
    rows = source.rows(
        "SELECT id, identity, since, until, content, delivered FROM watch_event ORDER BY position"
    )
    for row in rows:
        known = target.first("SELECT 1 FROM watch_event WHERE id = ?", row[0])
        new += known is None
        target.execute(
            "INSERT INTO watch_event (id, identity, since, until, content, delivered)"
            " VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET delivered = max(delivered, excluded.delivered)",
            *row,
        )
    period = WatchLog(source).period()
    if period:
        target.execute("INSERT OR IGNORE INTO watch (id) VALUES (0)")
        target.execute(
            "UPDATE watch SET since = max(ifnull(since, :since), :since),"
            " until = min(ifnull(until, :until), :until)",
            since=period.since,
            until=period.until,
        )
        target.execute("UPDATE watch SET since = min(since, until)")
    return new

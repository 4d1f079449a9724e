"""Log API calls, and store what later runs need to know: API flavor and time of quota reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphbuild.models import Entity
    from graphbuild.store.database import Database
    from graphbuild.store.entities import EntityWriter

_MAX_ERROR_LENGTH = 200


class CallLog:
    """Records every call before it is sent, so that every sent call is counted."""

    def __init__(self, db: Database, entities: EntityWriter) -> None:
        self._db = db
        self._entities = entities

    def begin(self, subject: Entity, relationship: str, now: float) -> int:
        """Record durably that a call is about to be sent; return the row id of the record.

        In a transaction of the caller, the record is durable when that transaction ends.
        """
        with self._db.transaction():
            entity = self._entities.save(subject)
            return self._db.insert(
                "call", subject=entity, relationship=relationship, started_at=now
            )

    def cancel(self, call: int) -> None:
        """Delete the record of a call that was not sent."""
        with self._db.transaction():
            self._db.execute("DELETE FROM call WHERE id = ?", call)

    def end(self, call: int, *, status: int, error: str, sent: bool) -> None:
        """Record the result of a call.

        A failure is committed at once, because the crawl may wait before the next transaction. A
        success, with an empty ``error``, is committed with the transaction that stores the page.

        Args:
            call: The row id of the record.
            status: The HTTP status; 0 without a response.
            error: The code or the message of the error; empty after a success.
            sent: False if the request cannot have reached the API. :meth:`count` ignores such
                calls.
        """
        self._db.begin()
        error = error[:_MAX_ERROR_LENGTH]
        self._db.update("call", call, http_status=status, error=error, sent=sent)
        if error:
            with self._db.transaction():
                pass

    def count(self, since: float = 0.0) -> int:
        """Return the number of sent calls, even failed ones, since a time (seconds since 1970)."""
        return self._db.integer("SELECT count(*) FROM call WHERE sent AND started_at >= ?", since)

    def times(self, since: float) -> list[float]:
        """Return the start times of all recorded calls since a time, even of calls not sent.

        All times are in seconds since 1970.
        """
        rows = self._db.rows("SELECT started_at FROM call WHERE started_at >= ?", since)
        return [started_at for (started_at,) in rows]


class ApiInfo:
    """Stores the API flavor and the time of the next quota reset for later runs."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def flavor(self) -> str | None:
        """Return the API flavor, ``classic`` or ``gti``; None if it is not known yet."""
        return self._get("api_flavor")

    def quota_resets_at(self) -> float:
        """Return when the last exhausted quota resets or reset, in seconds since 1970.

        Return 0 if no quota was ever exhausted.
        """
        return float(self._get("quota_resets_at") or 0)

    def save_flavor(self, flavor: str) -> None:
        """Store the API flavor, ``classic`` or ``gti``."""
        if flavor != self.flavor():
            self._set("api_flavor", flavor)

    def save_quota_reset(self, resets_at: float) -> None:
        """Store when the quota resets, in seconds since 1970.

        Until that time, a run does not retry after HTTP 429 before it has received a page.
        """
        self._set("quota_resets_at", repr(resets_at))

    def _get(self, name: str) -> str | None:
        row = self._db.first("SELECT value FROM metadata WHERE name = ?", name)
        return str(row[0]) if row else None

    def _set(self, name: str, value: str) -> None:
        with self._db.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO metadata (name, value) VALUES (?, ?)", name, value
            )

"""Save and load the clusters of a campaign.

The clusters are derived from the observations, so they can always be found again. Triggers in the
file (:data:`graphbuild.store.schema.INVALIDATION`) invalidate them with each change of a fact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.models import ClusterTable, Entity

if TYPE_CHECKING:
    from graphbuild.store.database import Database

_LEVEL = 0


class StoredClusters:
    """The clusters in a campaign file."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def save(self, table: ClusterTable, method: str) -> None:
        """Replace the stored clusters.

        They must be the clusters of what the file contains now.

        Args:
            table: The clusters.
            method: The method that found them, with its version; see :meth:`load`.
        """
        db = self._db
        with db.transaction():
            for name in ("clustering", "cluster", "cluster_member"):
                db.execute(f"DELETE FROM {name}")  # noqa: S608  constants only
            db.insert(
                "clustering",
                level=_LEVEL,
                method=method,
                resolution=table.resolution,
                modularity=table.modularity,
            )
            rows = zip(table.names, table.stability, strict=True)
            db.execute_many(
                "INSERT INTO cluster (level, number, name, stability) VALUES (?, ?, ?, ?)",
                [(_LEVEL, number, *row) for number, row in enumerate(rows, 1)],
            )
            db.execute_many(
                "INSERT INTO cluster_member (level, entity, cluster)"
                " SELECT ?, id, ? FROM entity WHERE type = ? AND api_id = ?",
                [
                    (_LEVEL, number, *key.split(":", maxsplit=1))
                    for key, number in table.numbers.items()
                ],
            )

    def load(self, method: str) -> ClusterTable | None:
        """Return the stored clusters of the current state of the file.

        Return None if there are none, or if another method or version than ``method`` found them.
        """
        db = self._db
        with db.snapshot():
            found = db.first(
                "SELECT resolution, modularity FROM clustering WHERE level = ? AND method = ?",
                _LEVEL,
                method,
            )
            if found is None:
                return None
            clusters = list(
                db.rows(
                    "SELECT name, stability FROM cluster WHERE level = ? ORDER BY number", _LEVEL
                )
            )
            numbers = {
                Entity(entity_type, api_id).key: number
                for entity_type, api_id, number in db.rows(
                    "SELECT type, api_id, cluster FROM cluster_member"
                    " JOIN entity ON entity.id = entity WHERE level = ? ORDER BY entity.id",
                    _LEVEL,
                )
            }
        return ClusterTable(
            numbers,
            tuple(name for name, _ in clusters),
            tuple(stability for _, stability in clusters),
            *found,
        )

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
                min_similarity=table.min_similarity,
                modularity=table.modularity,
            )
            strengths = table.strengths or [(None, None, None)] * len(table.names)
            clusters = zip(table.names, table.stability, strengths, strict=True)
            db.execute_many(
                "INSERT INTO cluster (level, number, name, stability, sources, breaking_point,"
                " breaking_point_exact) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (_LEVEL, number, name, stability, *strength)
                    for number, (name, stability, strength) in enumerate(clusters, 1)
                ],
            )
            db.execute_many(
                "INSERT INTO cluster_member (level, entity, cluster, subcluster, other_cluster)"
                " SELECT ?, id, ?, ?, ? FROM entity WHERE type = ? AND api_id = ?",
                [(_LEVEL, *_member(table, key)) for key in table.numbers],
            )

    def load(self, method: str) -> ClusterTable | None:
        """Return the stored clusters of the current state of the file.

        Return None if there are none, or if another method or version than ``method`` found them.
        """
        db = self._db
        with db.snapshot():
            found = db.first(
                "SELECT min_similarity, modularity FROM clustering WHERE level = ? AND method = ?",
                _LEVEL,
                method,
            )
            if found is None:
                return None
            clusters = list(
                db.rows(
                    "SELECT name, stability, sources, breaking_point, breaking_point_exact"
                    " FROM cluster WHERE level = ? ORDER BY number",
                    _LEVEL,
                )
            )
            members = [
                (Entity(entity_type, api_id).key, *numbers)
                for entity_type, api_id, *numbers in db.rows(
                    "SELECT type, api_id, cluster, subcluster, other_cluster FROM cluster_member"
                    " JOIN entity ON entity.id = entity WHERE level = ? ORDER BY entity.id",
                    _LEVEL,
                )
            ]
        min_similarity, modularity = found
        return ClusterTable(
            {key: cluster for key, cluster, _, _ in members},
            tuple(name for name, *_ in clusters),
            tuple(stability for _, stability, *_ in clusters),
            min_similarity,
            modularity,
            {key: number for key, _, number, _ in members if number is not None},
            {key: number for key, _, _, number in members if number is not None},
            tuple(
                (sources, breaking_point, bool(is_exact))
                for _, _, sources, breaking_point, is_exact in clusters
                if sources is not None
            ),
        )


def _member(table: ClusterTable, key: str) -> tuple[int, int | None, int | None, str, str]:
    """Return the numbers of the file with a node key, and its type and API id."""
    entity_type, _, api_id = key.partition(":")
    numbers = table.numbers[key], table.subclusters.get(key), table.doubtful.get(key)
    return *numbers, entity_type, api_id

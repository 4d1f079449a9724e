"""Migrations of campaign files from earlier schema versions.

To change the schema from version N to N + 1:

1. Before any change, run ``python -m tests.store.save_fixture``. It saves a campaign file of
   version N and its contents as ``tests/store/data/schema-N.db.gz`` and ``schema-N.json.gz``, and
   prints the digest of the schema. By default, the command migrates the saved file of version
   N - 1. If that file lacks values which the new migration changes, pass the path of a campaign
   file with such values.
2. In :mod:`graphbuild.store.schema`, add that digest to ``_EARLIER_DIGESTS`` under the key N, set
   ``SCHEMA_VERSION`` to N + 1, and change the tables and views. The docstring of that module
   lists the modules that write each table. Declare new columns after the existing ones, where
   ``ALTER TABLE ... ADD COLUMN`` inserts them: otherwise, the digests differ.
3. In this module, write a function that changes a file of version N to version N + 1, and add it
   to ``MIGRATIONS`` under the key N. The function must not use ``schema.SCHEMA`` or
   ``schema.VIEWS``, which change with later versions.
4. Run ``tests/store/test_migrations.py``, which migrates every saved file and compares the values
   that ``Store`` returns with the saved contents. Add a test for migrated values that no method
   of ``Store`` returns.

Each migration and the increment of the version number are one transaction, so a killed migration is
repeated from its start. Before the first migration of a file that is opened for writing, a backup
is written and verified. For reading, a temporary copy is migrated instead of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.store import schema

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version that is stored in a campaign file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Migrate a file to the current schema version. The connection must be in autocommit mode."""
    while (version := version_of(connection)) < schema.SCHEMA_VERSION:
        connection.execute("BEGIN IMMEDIATE")
        try:
            MIGRATIONS[version](connection)
            connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


# --- steps ---------------------------------------------------------------------------------------


def rename_columns(connection: sqlite3.Connection) -> None:
    """Migrate schema 1 to 2: rename columns, views, the table ``note`` and names in its rows."""
    for view in ("observation", "said"):
        connection.execute(f"DROP VIEW {view}")
    for table, names in _NAMES_SINCE_SCHEMA_2.items():
        for old, new in names.items():
            connection.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    connection.execute("ALTER TABLE note RENAME TO metadata")
    for old, new in (("dialect", "api_flavor"), ("quota resets at", "quota_resets_at")):
        connection.execute("UPDATE metadata SET name = ? WHERE name = ?", (new, old))
    for view in _VIEWS_OF_SCHEMA_2:
        connection.execute(view)


_NAMES_SINCE_SCHEMA_2 = {
    "entity": {"name": "api_id"},
    "task": {
        "pages": "page_count",
        "count": "expected_count",
        "received": "received_count",
        "inferred": "inferred_count",
        "gain": "new_entity_count",
        "status": "http_status",
        "asked_at": "fetched_at",
        "error": "error_code",
        "cut": "truncated_at",
        "remark": "detail",
        "doubt": "inference_conflict",
    },
    "page": {
        "count": "expected_count",
        "items": "item_count",
        "remarks": "warning_count",
        "says": "duplicate_of",
        "crc": "crc32",
    },
    "inference": {"evidence": "provenance"},
    "call": {"begun_at": "started_at", "status": "http_status", "note": "error"},
}
_VIEWS_OF_SCHEMA_2 = (
    """
CREATE VIEW fact_by_task AS
    SELECT task, reference, related_from, page.id AS first_page, page.id AS last_page,
        0 AS provenance
        FROM page JOIN fact ON fact.page = coalesce(duplicate_of, page.id)
    UNION ALL
    SELECT task, reference, related_from, first_page, last_page, provenance FROM inference
""",
    """
CREATE VIEW observation AS
    SELECT task, reference, related_from, min(first_page) AS first_page,
        max(last_page) AS last_page, min(provenance) AS provenance
        FROM fact_by_task GROUP BY task, reference, related_from
""",
)


def add_counts(connection: sqlite3.Connection) -> None:
    """Migrate schema 2 to 3: add the counts of failures and of skipped items.

    Schema 2 counted failures as negative values of ``new_entity_count``.
    """
    connection.execute("ALTER TABLE page ADD COLUMN skipped_count INTEGER NOT NULL DEFAULT 0")
    connection.execute("DROP INDEX task_order")
    connection.execute("ALTER TABLE task ADD COLUMN failure_count INTEGER NOT NULL DEFAULT 0")
    connection.execute(
        "UPDATE task SET failure_count = -new_entity_count, new_entity_count = 0"
        " WHERE new_entity_count < 0"
    )
    connection.execute(
        "CREATE INDEX task_order ON task (state, depth, cursor IS NOT NULL, failure_count,"
        " new_entity_count DESC, id)"
    )


def add_clusters(connection: sqlite3.Connection) -> None:
    """Migrate schema 3 to 4: add the tables of clusters, and the triggers that invalidate them."""
    for statement in _CLUSTERS_OF_SCHEMA_4:
        connection.execute(statement)
    for table, changes in _INVALIDATING_CHANGES_OF_SCHEMA_4.items():
        for change in changes:
            connection.execute(
                f"CREATE TRIGGER clustering_{table}_{change.lower()} AFTER {change} ON {table}"  # noqa: S608  constants only
                " BEGIN DELETE FROM clustering; END"
            )


_CLUSTERS_OF_SCHEMA_4 = (
    """
CREATE TABLE clustering (
    level INTEGER PRIMARY KEY,
    method TEXT NOT NULL,
    resolution REAL NOT NULL,
    modularity REAL NOT NULL
) STRICT
""",
    """
CREATE TABLE cluster (
    level INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    stability REAL NOT NULL,
    PRIMARY KEY (level, number)
) STRICT, WITHOUT ROWID
""",
    """
CREATE TABLE cluster_member (
    level INTEGER NOT NULL,
    entity INTEGER NOT NULL REFERENCES entity,
    cluster INTEGER NOT NULL,
    PRIMARY KEY (level, entity)
) STRICT, WITHOUT ROWID
""",
)
_INVALIDATING_CHANGES_OF_SCHEMA_4 = {
    "entity": ("INSERT", "UPDATE", "DELETE"),
    "task": ("INSERT", "UPDATE", "DELETE"),
    "page": ("INSERT", "UPDATE", "DELETE"),
    "fact": ("UPDATE", "DELETE"),
    "inference": ("UPDATE", "DELETE"),
}


def keep_clusters(connection: sqlite3.Connection) -> None:
    """Migrate schema 4 to 5: a new entity alone does not invalidate the clusters."""
    connection.execute("DROP TRIGGER clustering_entity_insert")


def add_subclusters(connection: sqlite3.Connection) -> None:
    """Migrate schema 5 to 6: add columns for the strength of clusters, subclusters and doubts.

    The column ``resolution`` gets a name that says what the clustering reads since schema 5.
    """
    connection.execute("ALTER TABLE clustering RENAME COLUMN resolution TO min_similarity")
    for table, names in _COLUMNS_SINCE_SCHEMA_6.items():
        for name in names:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} INTEGER")


_COLUMNS_SINCE_SCHEMA_6 = {
    "cluster": ("sources", "breaking_point", "breaking_point_exact"),
    "cluster_member": ("subcluster", "other_cluster"),
}


def add_watch(connection: sqlite3.Connection) -> None:
    """Migrate schema 6 to 7: add the tables of ``watch``."""
    for statement in _WATCH_OF_SCHEMA_7:
        connection.execute(statement)


_WATCH_OF_SCHEMA_7 = (
    """
CREATE TABLE watch (
    id INTEGER PRIMARY KEY,
    since REAL,
    until REAL,
    round_started_at REAL,
    round_continued_at REAL
) STRICT
""",
    """
CREATE TABLE watch_event (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    identity TEXT NOT NULL,
    since REAL NOT NULL,
    until REAL NOT NULL,
    content TEXT NOT NULL,
    delivered INTEGER NOT NULL DEFAULT 0
) STRICT
""",
    "CREATE INDEX watch_event_identity ON watch_event (identity)",
)


# Schema version -> the function that migrates a file of that version to the next one.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {
    1: rename_columns,
    2: add_counts,
    3: add_clusters,
    4: keep_clusters,
    5: add_subclusters,
    6: add_watch,
}

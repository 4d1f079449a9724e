"""Tables and views of a campaign file.

The steps to change the schema are listed in :mod:`graphbuild.store.migrations`. The following
modules of ``graphbuild.store`` write the tables:

* ``entities``: entity. To unite aliases, it also writes seed, task, page and inference.
* ``store``: seed.
* ``task_queue``, ``task_additions`` and ``descriptions``: task. For a report that occurs only in
  ``related_from``, ``task_additions`` adds a reference to entity.
* ``page_writer``: page, fact and task.
* ``inferences``: inference and task.
* ``call_log``: call and metadata.
* ``connection`` and ``write_session``: the row ``writer`` of metadata.
* ``task_queue``: the row ``shard`` of metadata, such as ``2/4``. There is no such row if the
  file is for all lists.
* ``merge`` and ``merge_lists``: seed, task, page, fact, inference and call. They call the modules
  above where they can.
* ``clusters``: clustering, cluster and cluster_member.
* ``watch``: watch and watch_event.

The data classes in :mod:`graphbuild.models` and :mod:`graphbuild.store.models` describe most
columns. Notes on others:

* Other tables refer to an entity by its ``entity.id``.
* ``reference`` is a reference or, in a list that ``--depth`` requests, any other listed entity.
* ``related_from`` is a collection, or 0 if the API states none. It cannot be NULL, because it is
  part of the primary keys of ``fact`` and ``inference``.
* ``entity.same_as`` is the id of the canonical entity if the entity is an alias, otherwise 0. A
  file requested by its MD5 is an alias of the file whose SHA-256 is in the response.
* ``task.depth`` of a description has a special value that orders the description before or after
  all lists.
* ``task.new_entity_count`` is the number of entities that the newest page of the current pass added
  to the campaign file.
* ``task.failure_count`` is the number of failures since the newest page. Restarting a list keeps
  the number, so that lists which fail repeatedly do not delay the others.
* ``task.retry`` is 1 if the next run repeats the failed request, otherwise 0.
* ``task.truncated_at`` is the limit of entries (``--per-node``) at which the reading of the list
  stopped, or 0.
* ``task.audited`` is 1 if an audit restarted the list, otherwise 0.
* ``task.inference_conflict`` describes a contradiction that prevents inferences for the list. It is
  empty if no contradiction is known.
* ``page.skipped_count`` is the number of malformed items. It is 0 for all pages that were stored
  with schema 1 or 2, which had no such column.
* ``page.duplicate_of`` is the id of an earlier page with the same facts, or NULL. The facts are
  stored only with the earlier page.
* ``page.number`` counts the pages of a task from 1. The numbers -1, -2, ... mark pages that were
  requested for an alias, but belong to the task of the canonical entity. Paging ignores these
  pages.
* ``page.body`` is compressed: the API's gzip stream if that has at most a third of the size of the
  original body, else a zlib stream.
* ``page.sha256`` is computed from the original body, and ``page.crc32`` from the compressed body.
  Only ``crc32`` reveals damage to bits that do not matter for decompression.
* ``inference.first_page`` is the page of the task that was the newest when the fact was first
  inferred. ``inference.last_page`` is the same for the last time that the fact was inferred.
* The view ``fact_by_task`` contains each fact of a list once per page with the fact, and all
  inferences, even refuted ones. The view ``observation`` has one row for each fact of a list,
  observed or inferred.
* The tables ``clustering``, ``cluster`` and ``cluster_member`` contain results of an analysis: the
  clusters of the state of the campaign in which they were saved. ``level`` is always 0. Each change
  of a stored fact deletes the row of ``clustering`` in the same transaction (``INVALIDATION``), and
  clusters without this row are never read. Inserting facts and inferences does not delete it,
  because a new page precedes new facts, and an update of the task follows new inferences. A trigger
  for each row would take too long.
* ``cluster.sources`` is NULL if the strength of the clusters was not measured, and
  ``cluster.breaking_point`` also if the cluster has none.
* ``cluster_member.subcluster`` is NULL if the cluster is not split, and
  ``cluster_member.other_cluster`` is NULL unless the file is doubtful.
* ``watch`` has at most one row, with the id 0. ``since`` and ``until`` are the period that all
  comparisons of ``watch`` cover, or NULL before the first one. ``round_started_at`` and
  ``round_continued_at`` are when the first and the last run of an unfinished round of requests
  began; NULL if there is no such round.
* ``watch_event.since`` and ``watch_event.until`` are the times of the states that were compared.
  ``content`` is a JSON object. ``delivered`` is 1 if the event was output, otherwise 0.
* The index ``task_order`` sorts the tasks of one state in the order in which they are requested.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from itertools import product

APPLICATION_ID = 0x67624B47  # "gbKG", in the header of the file
SCHEMA_VERSION = 7

SCHEMA = """
CREATE TABLE entity (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    api_id TEXT NOT NULL,
    attributes TEXT NOT NULL,
    same_as INTEGER NOT NULL DEFAULT 0,
    UNIQUE (type, api_id)
) STRICT;
CREATE TABLE seed (
    entity INTEGER PRIMARY KEY REFERENCES entity,
    source TEXT NOT NULL,
    line INTEGER NOT NULL,
    attributes TEXT NOT NULL
) STRICT;
CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    subject INTEGER NOT NULL REFERENCES entity,
    relationship TEXT NOT NULL,
    depth INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    page_count INTEGER NOT NULL DEFAULT 0,
    cursor TEXT,
    expected_count INTEGER,
    received_count INTEGER NOT NULL DEFAULT 0,
    inferred_count INTEGER NOT NULL DEFAULT 0,
    new_entity_count INTEGER NOT NULL DEFAULT 0,
    http_status INTEGER NOT NULL DEFAULT 0,
    fetched_at REAL,
    error_code TEXT NOT NULL DEFAULT '',
    retry INTEGER NOT NULL DEFAULT 0,
    truncated_at INTEGER NOT NULL DEFAULT 0,
    audited INTEGER NOT NULL DEFAULT 0,
    detail TEXT NOT NULL DEFAULT '',
    inference_conflict TEXT NOT NULL DEFAULT '',
    failure_count INTEGER NOT NULL DEFAULT 0,
    UNIQUE (subject, relationship)
) STRICT;
CREATE INDEX task_order ON task (
    state, depth, cursor IS NOT NULL, failure_count, new_entity_count DESC, id
);
CREATE TABLE page (
    id INTEGER PRIMARY KEY,
    task INTEGER NOT NULL REFERENCES task,
    number INTEGER NOT NULL,
    cursor TEXT,
    next_cursor TEXT,
    expected_count INTEGER,
    item_count INTEGER NOT NULL,
    warning_count INTEGER NOT NULL,
    fetched_at REAL NOT NULL,
    duplicate_of INTEGER REFERENCES page,
    sha256 BLOB NOT NULL,
    crc32 INTEGER NOT NULL,
    body BLOB NOT NULL,
    skipped_count INTEGER NOT NULL DEFAULT 0,
    UNIQUE (task, number)
) STRICT;
CREATE TABLE fact (
    page INTEGER NOT NULL REFERENCES page,
    reference INTEGER NOT NULL REFERENCES entity,
    related_from INTEGER NOT NULL,
    PRIMARY KEY (page, reference, related_from)
) STRICT, WITHOUT ROWID;
CREATE TABLE inference (
    task INTEGER NOT NULL REFERENCES task,
    reference INTEGER NOT NULL REFERENCES entity,
    related_from INTEGER NOT NULL,
    first_page INTEGER NOT NULL REFERENCES page,
    last_page INTEGER NOT NULL REFERENCES page,
    provenance INTEGER NOT NULL,
    PRIMARY KEY (task, reference, related_from)
) STRICT, WITHOUT ROWID;
CREATE TABLE call (
    id INTEGER PRIMARY KEY,
    subject INTEGER NOT NULL REFERENCES entity,
    relationship TEXT NOT NULL,
    started_at REAL NOT NULL,
    sent INTEGER NOT NULL DEFAULT 1,
    http_status INTEGER,
    error TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE metadata (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
CREATE TABLE clustering (
    level INTEGER PRIMARY KEY,
    method TEXT NOT NULL,
    min_similarity REAL NOT NULL,
    modularity REAL NOT NULL
) STRICT;
CREATE TABLE cluster (
    level INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    stability REAL NOT NULL,
    sources INTEGER,
    breaking_point INTEGER,
    breaking_point_exact INTEGER,
    PRIMARY KEY (level, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE cluster_member (
    level INTEGER NOT NULL,
    entity INTEGER NOT NULL REFERENCES entity,
    cluster INTEGER NOT NULL,
    subcluster INTEGER,
    other_cluster INTEGER,
    PRIMARY KEY (level, entity)
) STRICT, WITHOUT ROWID;
CREATE TABLE watch (
    id INTEGER PRIMARY KEY,
    since REAL,
    until REAL,
    round_started_at REAL,
    round_continued_at REAL
) STRICT;
CREATE TABLE watch_event (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    identity TEXT NOT NULL,
    since REAL NOT NULL,
    until REAL NOT NULL,
    content TEXT NOT NULL,
    delivered INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX watch_event_identity ON watch_event (identity);
"""
VIEWS = """
CREATE VIEW fact_by_task AS
    SELECT task, reference, related_from, page.id AS first_page, page.id AS last_page,
        0 AS provenance
        FROM page JOIN fact ON fact.page = coalesce(duplicate_of, page.id)
    UNION ALL
    SELECT task, reference, related_from, first_page, last_page, provenance FROM inference;
CREATE VIEW observation AS
    SELECT task, reference, related_from, min(first_page) AS first_page,
        max(last_page) AS last_page, min(provenance) AS provenance
        FROM fact_by_task GROUP BY task, reference, related_from;
"""

# The changes after which stored clusters are not read any more. An entity without a task or page,
# such as the file of ``plan --probe``, changes no graph.
_INVALIDATING_CHANGES = (
    *product(("task", "page"), ("INSERT", "UPDATE", "DELETE")),
    *product(("entity", "fact", "inference"), ("UPDATE", "DELETE")),
)
INVALIDATION = "".join(
    f"""
CREATE TRIGGER clustering_{table}_{change.lower()} AFTER {change} ON {table}
    BEGIN DELETE FROM clustering; END;
"""  # noqa: S608  constants only
    for table, change in _INVALIDATING_CHANGES
)

# Values of ``inference.provenance``. In the views, observed facts have the provenance 0.
INFERRED, CONFIRMED, REFUTED = 1, 2, 3

# Schema version -> its digest, computed by ``schema_digest``.
_EARLIER_DIGESTS = {
    1: "f797d50da006eb05ee8e08f1de0ad0bbef3ae727134865c00bf42613edb2bf31",
    2: "b98f87aea2a31fa84dbe1e571e575a00775b4b7fe41eb2fd8503ff13b300c905",
    3: "0cf539c2cab2941684862e0fdfad698e6d52f32813bdecc301e216175a844895",
    4: "fa5d21a3cc3dbf74c8651859659bbffc18b91cdcaa844b592410027e47beee2e",
    5: "57d23669dc53eb290dc2793605cb5d58c661a4e10e43f7d2219a10f930bfe219",
    6: "6f206ee783818881ecad0b9d62e588b259c82d53b697f8ff75fff799a93c2e24",
}


def schema_digest(connection: sqlite3.Connection) -> str:
    """Return the SHA-256 (hexadecimal) of all table, index, view and trigger definitions.

    Double quotes and white space are ignored, because ``ALTER TABLE`` may add them.
    """
    rows = connection.execute(
        "SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name"
    )
    lines = ("".join(" ".join(row).replace('"', "").split()) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def expected_digest(version: int) -> str:
    """Return the schema digest of an unmodified campaign file of a schema version."""
    if version in _EARLIER_DIGESTS:
        return _EARLIER_DIGESTS[version]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA + VIEWS + INVALIDATION)
        return schema_digest(connection)

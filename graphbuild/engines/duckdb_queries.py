"""The SQL statements of :mod:`graphbuild.engines.duckdb`.

Node keys are long. Therefore, the first statements replace them by numbers of entities, which all
others use. The number 0 means that an observation has neither a collection nor a report.

The engine sets the variables of the statements: the files of each table of the dataset, the states
of lists (best first), and the types of subjects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.engines.tables import NODES, table_columns
from graphbuild.exporters.dataset_tables import SUBJECTS, dataset_columns
from graphbuild.graph.clusters import CLUSTER_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# --- files ---------------------------------------------------------------------------------------

# Paths of a dataset are encoded as in URLs.
_CAMPAIGN = "url_decode(regexp_extract(filename, '/campaign=([^/]*)/[^/]*/[^/]*$', 1))"


def read_files(table: str) -> str:
    """Return a table function that reads the files in the variable ``table``."""
    return (
        f"read_parquet(getvariable('{table}'), filename = true, union_by_name = true,"
        " hive_partitioning = false)"
    )


def create_rows(table: str, present: Iterable[str]) -> str:
    """Return a statement that creates the view of a table of the dataset, such as ``links_row``.

    ``present`` are the columns in its files. Other columns are null: a dataset of an earlier
    version of graphbuild can lack columns that were added later.
    """
    known = set(present)
    columns = ", ".join(
        each.name if each.name in known else f"CAST(NULL AS VARCHAR) AS {each.name}"
        for each in dataset_columns()[table]
    )
    return (
        f"CREATE TEMP VIEW {table}_row AS SELECT {columns}, {_CAMPAIGN} AS campaign"  # noqa: S608  constants only
        f" FROM {read_files(table)}"
    )


# --- subjects and entities -----------------------------------------------------------------------

SUBJECTS_OF_ONE_CAMPAIGN = "CREATE TEMP TABLE subject AS SELECT * FROM subjects_row"
SUBJECTS_OF_SEVERAL_CAMPAIGNS = """
CREATE TEMP TABLE subject AS
SELECT * REPLACE (
    bool_or(seed) OVER (PARTITION BY id) AS seed,
    CAST(NULL AS BOOLEAN) AS doubtful,
    CAST(NULL AS BIGINT) AS other_cluster
)
FROM subjects_row
QUALIFY row_number() OVER (
    PARTITION BY id
    ORDER BY
        state IS NULL,
        list_position(getvariable('states'), state),
        coalesce(crawl_inferred, 0) > 0,
        crawl_fetched_at DESC NULLS LAST,
        crawl_pages DESC NULLS LAST,
        campaign DESC
) = 1
"""
ENTITIES_OF_ONE_CAMPAIGN = """
CREATE TEMP TABLE entity AS
SELECT row_number() OVER () AS number, false AS differs, * EXCLUDE (campaign)
FROM entities_row
"""
# The labels of collections depend on all collections of a campaign, so they are computed again.
ENTITIES_OF_SEVERAL_CAMPAIGNS = """
CREATE TEMP TABLE entity AS
SELECT
    row_number() OVER () AS number, count(*) OVER (PARTITION BY id) > 1 AS differs, *,
    CAST(NULL AS BIGINT) AS cluster, CAST(NULL AS VARCHAR) AS cluster_name,
    CAST(NULL AS VARCHAR) AS cluster_color, CAST(NULL AS VARCHAR) AS subcluster
FROM (
    SELECT DISTINCT * EXCLUDE (campaign, cluster, cluster_name, cluster_color, subcluster)
        REPLACE (if(type = 'collection', '', label) AS label)
    FROM entities_row
)
"""
# All rows of the entities with different rows, from the oldest to the newest of each entity.
DIFFERENT_ENTITIES = """
WITH different AS (SELECT DISTINCT id FROM entity WHERE differs),
seen AS (
    SELECT campaign, reference AS id, last_seen FROM observations_row
    UNION ALL
    SELECT campaign, related_from AS id, last_seen FROM observations_row
),
newest AS (
    SELECT campaign, id, max(last_seen) AS last_seen
    FROM seen SEMI JOIN different USING (id) WHERE last_seen IS NOT NULL GROUP BY campaign, id
)
SELECT e.* EXCLUDE (campaign), coalesce(e.campaign = subject.campaign, true) AS has_state
FROM entities_row AS e
SEMI JOIN different ON different.id = e.id
LEFT JOIN newest ON newest.id = e.id AND newest.campaign = e.campaign
LEFT JOIN subject ON subject.id = e.id
ORDER BY e.id, newest.last_seen NULLS FIRST, e.campaign
"""
REPLACE_ENTITIES = (
    """
    CREATE TEMP TABLE replaced AS
    SELECT id, min(number) AS number FROM entity WHERE differs GROUP BY id
    """,
    "DELETE FROM entity WHERE differs",
    """
    INSERT INTO entity BY NAME
    SELECT number, false AS differs, united.* FROM united JOIN replaced USING (id)
    """,
)
COLLECTIONS = "SELECT * FROM entity WHERE type = 'collection'"
REPLACE_LABELS = """
UPDATE entity SET label = named.label FROM collection_label AS named WHERE entity.id = named.id
"""
PENDING_LISTS = """
SELECT
    id, coalesce(crawl_expected_count, 0),
    if(json_exists(attributes, '$.crawl_cursor'), coalesce(crawl_received, 0), 0)
FROM subject JOIN entity USING (id) WHERE state = 'pending' ORDER BY id
"""

# --- observations --------------------------------------------------------------------------------

NUMBER_OBSERVATIONS = """
CREATE TEMP TABLE observation AS
SELECT
    s.number AS subject, r.number AS reference, coalesce(c.number, 0) AS source,
    relation = 'references_and_related_references' AS is_direct,
    provenance = 'inferred' AS is_inferred, first_seen, last_seen
FROM observations_row AS o
JOIN entity AS s ON s.id = o.subject
JOIN entity AS r ON r.id = o.reference
LEFT JOIN entity AS c ON c.id = o.related_from
"""
FACTS_OF_ONE_CAMPAIGN = "CREATE TEMP VIEW fact AS SELECT * FROM observation"
FACTS_OF_SEVERAL_CAMPAIGNS = """
CREATE TEMP TABLE fact AS
SELECT
    subject, reference, source, bool_or(is_direct) AS is_direct,
    bool_and(is_inferred) AS is_inferred, min(first_seen) AS first_seen,
    max(last_seen) AS last_seen
FROM observation GROUP BY subject, reference, source
"""
NUMBER_LINKS = """
CREATE TEMP TABLE link AS
SELECT
    s.number AS source, t.number AS target, min(relation) AS relation,
    min(provenance) AS provenance, min(first_seen) AS first_seen, max(last_seen) AS last_seen,
    list_contains(getvariable('subject_types'), any_value(s.type))
        AND min(relation) = 'references' AS is_direct
FROM links_row AS l
JOIN entity AS s ON s.id = l.source
JOIN entity AS t ON t.id = l.target
GROUP BY s.number, t.number
"""
# The pairs of subject and reference of which no observation was observed.
FIND_INFERRED_PAIRS = """
CREATE TEMP TABLE inferred AS
SELECT subject, reference FROM fact WHERE is_inferred
EXCEPT
SELECT subject, reference FROM fact WHERE NOT is_inferred
"""

# --- relations -----------------------------------------------------------------------------------

CREATE_RELATIONS = (
    """
    CREATE TEMP TABLE all_file_sources AS
    SELECT DISTINCT subject, source FROM fact WHERE source <> 0
    """,
    """
    CREATE TEMP TABLE all_source_references AS
    SELECT DISTINCT source, reference FROM fact WHERE source <> 0
    """,
    # A source with more exceptions than observations is represented by its observations.
    """
    CREATE TEMP TABLE source AS
    SELECT
        source, files * refs > triples AS has_exceptions, files * refs > 2 * triples AS is_irregular
    FROM (SELECT source, count(*) AS files FROM all_file_sources GROUP BY source)
    JOIN (SELECT source, count(*) AS refs FROM all_source_references GROUP BY source) USING (source)
    JOIN (SELECT source, count(*) AS triples FROM fact GROUP BY source) USING (source)
    """,
    """
    CREATE TEMP TABLE file_sources AS
    SELECT * FROM all_file_sources SEMI JOIN (FROM source WHERE NOT is_irregular) USING (source)
    """,
    """
    CREATE TEMP TABLE source_references AS
    SELECT * FROM all_source_references
    SEMI JOIN (FROM source WHERE NOT is_irregular) USING (source)
    """,
    """
    CREATE TEMP TABLE source_triples AS
    SELECT subject, reference, source FROM fact
    SEMI JOIN (FROM source WHERE is_irregular) USING (source)
    """,
    """
    CREATE TEMP TABLE exceptions AS
    SELECT subject, reference, source
    FROM (SELECT source FROM source WHERE has_exceptions AND NOT is_irregular)
    JOIN file_sources USING (source)
    JOIN source_references USING (source)
    ANTI JOIN fact USING (subject, reference, source)
    """,
    """
    CREATE TEMP TABLE file_references AS
    SELECT subject, reference FROM fact WHERE source = 0 OR is_direct
    UNION
    SELECT source, target FROM link WHERE is_direct
    """,
)
RELATIONS = {
    "file_sources": "SELECT subject, source FROM file_sources",
    "source_references": "SELECT source, reference FROM source_references",
    "file_references": "SELECT subject, reference FROM file_references",
    "exceptions": "SELECT subject, reference, source FROM exceptions",
    "source_triples": "SELECT subject, reference, source FROM source_triples",
    "inferred": "SELECT subject, reference FROM inferred",
}
COUNT_OBSERVATIONS = """
SELECT (SELECT count(*) FROM fact WHERE source <> 0) + (SELECT count(*) FROM file_references)
"""
COUNT_PAIRS = """
SELECT
    (SELECT count(*) FROM file_sources) + (SELECT count(*) FROM source_references)
    + (SELECT count(*) FROM file_references) + (SELECT count(*) FROM exceptions)
    + (SELECT count(*) FROM source_triples) + (SELECT count(*) FROM inferred)
"""
EVIDENCE_ENTITIES = """
SELECT * FROM entity
WHERE number IN (
    SELECT subject FROM file_references UNION SELECT reference FROM file_references
    UNION SELECT subject FROM all_file_sources UNION SELECT source FROM all_file_sources
    UNION SELECT reference FROM all_source_references
)
"""

# --- tables --------------------------------------------------------------------------------------

EDGES = """
WITH to_reference AS (
    SELECT
        subject AS source, reference AS target, count(*) AS weight,
        bool_or(is_direct) AS is_direct, bool_and(is_inferred) AS is_inferred,
        coalesce(list(c.id ORDER BY c.id) FILTER (c.id IS NOT NULL), []) AS related_from,
        min(first_seen) AS first_seen, max(last_seen) AS last_seen
    FROM fact LEFT JOIN entity AS c ON c.number = fact.source
    GROUP BY subject, reference
),
to_source AS (
    SELECT reference AS source, source AS target, count(*) AS weight
    FROM fact WHERE source <> 0 AND reference <> source GROUP BY reference, source
),
direct AS (SELECT * FROM link WHERE is_direct),
edge AS (
    SELECT
        t.source, t.target, weight, related_from,
        if(is_inferred, 'inferred', 'observed') AS provenance,
        if(t.is_direct OR direct.source IS NOT NULL,
           'references_and_related_references', 'related_references') AS relation,
        least(t.first_seen, direct.first_seen) AS first_seen,
        greatest(t.last_seen, direct.last_seen) AS last_seen
    FROM to_reference AS t LEFT JOIN direct USING (source, target)
    UNION ALL BY NAME
    SELECT *, 'related_from' AS relation FROM to_source
    UNION ALL BY NAME
    SELECT source, target, 1 AS weight, relation, provenance, first_seen, last_seen
    FROM link
    ANTI JOIN to_reference USING (source, target)
    ANTI JOIN to_source USING (source, target)
)
SELECT
    s.id AS source, t.id AS target, relation, weight, related_from, provenance, first_seen,
    last_seen
FROM edge
JOIN entity AS s ON s.number = edge.source
JOIN entity AS t ON t.number = edge.target
ORDER BY s.id, t.id
"""
OBSERVATION_ROWS = """
SELECT
    s.type AS subject_type, s.entity_id AS subject_id, r.entity_id AS reference_id,
    c.type AS related_from_type, c.entity_id AS related_from_id, r.type AS reference_type,
    r.url AS reference_url, r.title AS reference_title,
    coalesce(nullif(c.name, ''), nullif(c.title, '')) AS related_from_name,
    if(inferred.subject IS NULL, 'observed', 'inferred') AS provenance
FROM fact
JOIN entity AS s ON s.number = fact.subject
JOIN entity AS r ON r.number = fact.reference
LEFT JOIN entity AS c ON c.number = fact.source
LEFT JOIN inferred ON inferred.subject = fact.subject AND inferred.reference = fact.reference
ORDER BY s.id, r.id, c.id NULLS FIRST
"""
# The clusters of files are spread to references and collections as in graphbuild.graph.clusters.
ASSIGN_CLUSTERS = """
CREATE OR REPLACE TEMP TABLE node_cluster AS
WITH file AS (
    SELECT number, f.cluster, f.subcluster, f.other_cluster
    FROM file_cluster AS f JOIN entity USING (id)
),
evidence AS (
    SELECT subject, reference AS node FROM fact
    UNION
    SELECT subject, source FROM fact WHERE source <> 0
    UNION
    SELECT source, target FROM link JOIN entity ON number = target WHERE type = 'reference'
),
by_cluster AS (
    SELECT node, cluster, count(*) AS files
    FROM evidence JOIN file ON number = subject GROUP BY node, cluster
),
by_subcluster AS (
    SELECT node, subcluster, count(*) AS files
    FROM evidence JOIN file ON number = subject GROUP BY node, subcluster
),
clusters AS (
    SELECT node, arg_max(cluster, files) AS cluster FROM by_cluster
    GROUP BY node HAVING 3 * max(files) >= 2 * sum(files)
),
subclusters AS (
    SELECT node, arg_max(subcluster, files) AS subcluster FROM by_subcluster
    GROUP BY node HAVING 3 * max(files) >= 2 * sum(files)
)
SELECT
    number, cluster, cluster_name, cluster_color, subcluster, other_cluster,
    if(other_cluster IS NULL, NULL, true) AS doubtful
FROM (
    FROM file
    UNION ALL BY NAME
    SELECT node AS number, cluster, subcluster FROM clusters LEFT JOIN subclusters USING (node)
    WHERE node NOT IN (SELECT number FROM file)
)
LEFT JOIN named_cluster USING (cluster)
"""
SEED_COLUMNS = """
SELECT DISTINCT unnest(json_keys(seed_attributes)) AS name FROM subjects_row ORDER BY name
"""


CLUSTER_COLUMNS = CLUSTER_ATTRIBUTES | {"cluster_color"}


def node_rows(seed_columns: Sequence[str], *, with_clusters: bool) -> str:
    """Return a query of the nodes.

    Args:
        seed_columns: Valid names of columns.
        with_clusters: Whether the columns of clusters are those of the table ``node_cluster``.
    """
    tables = {each.name: "subject" for each in dataset_columns()[SUBJECTS] if each.name != "id"}
    if with_clusters:
        tables |= dict.fromkeys(CLUSTER_COLUMNS, "node_cluster")
    computed = {"degree": "coalesce(degree.degree, 0) AS degree"}
    cells = [
        computed.get(each.name) or f"{tables.get(each.name, 'entity')}.{each.name}"
        for each in table_columns(NODES)
    ]
    cells += [f"seed_value.{name}" for name in seed_columns]
    values = [
        f"arg_min(json_extract_string(row.seed_attributes, '$.{name}'), row.campaign)"
        f" FILTER (json_exists(row.seed_attributes, '$.{name}')) AS {name}"
        for name in seed_columns
    ]
    return f"""
    WITH edge AS (
        SELECT subject AS source, reference AS target FROM fact
        UNION SELECT reference, source FROM fact WHERE source <> 0 AND reference <> source
        UNION SELECT source, target FROM link
    ),
    degree AS (
        SELECT number, count(*) AS degree
        FROM (SELECT source AS number FROM edge UNION ALL SELECT target FROM edge)
        GROUP BY number
    ),
    seed_value AS (
        SELECT {", ".join(["row.id", *values])} FROM subjects_row AS row GROUP BY row.id
    )
    SELECT {", ".join(cells)}
    FROM entity
    LEFT JOIN subject ON subject.id = entity.id
    {"LEFT JOIN node_cluster ON node_cluster.number = entity.number" if with_clusters else ""}
    LEFT JOIN degree ON degree.number = entity.number
    LEFT JOIN seed_value ON seed_value.id = entity.id
    ORDER BY entity.id
    """  # noqa: S608  constants and checked names only

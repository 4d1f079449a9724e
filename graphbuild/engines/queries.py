"""The SQL statements of :mod:`graphbuild.engines`.

DuckDB and Spark both understand them. The functions ``collect_list``, ``get_json_object`` and
``json_object_keys`` are those of Spark; the engine for DuckDB defines them. Names in braces, such
as ``{entity}``, are tables; the engine replaces them, see ``TABLES``.

Node keys are long. Therefore, the entities are numbered, and the statements for observations and
relations use these numbers. In the column ``source``, the number 0 means that an observation has
neither a collection nor a report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.engines.tables import NODES, table_columns
from graphbuild.exporters.dataset_tables import (
    ENTITIES,
    SUBJECTS,
    TABLE_NAMES,
    dataset_columns,
)
from graphbuild.graph.clusters import CLUSTER_ATTRIBUTES
from graphbuild.models import STATES, SUBJECT_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Tables with the rows of the files of a dataset; they have a column ``campaign``.
ROWS = {table: f"{table}_row" for table in TABLE_NAMES}
TABLES = (
    *ROWS.values(),
    "subject",
    "entity_number",
    "entity_version",
    "united",
    "united_entity",
    "collection_label",
    "entity",
    "observation",
    "fact",
    "link",
    "inferred",
    "all_file_sources",
    "all_source_references",
    "source_size",
    "file_sources",
    "source_references",
    "source_triples",
    "exceptions",
    "file_references",
    "file_cluster",
    "named_cluster",
    "node_cluster",
)
CLUSTER_COLUMNS = CLUSTER_ATTRIBUTES | {"cluster_color"}


def _names(table: str) -> list[str]:
    return [each.name for each in dataset_columns()[table]]


def _cells(names: Sequence[str], replaced: Mapping[str, str], prefix: str = "") -> str:
    """Return a list of columns for SELECT; some are replaced by expressions."""
    return ", ".join(
        f"{replaced[name]} AS {name}" if name in replaced else prefix + name for name in names
    )


# --- subjects ------------------------------------------------------------------------------------

SUBJECTS_OF_ONE_CAMPAIGN = "SELECT * FROM {subjects_row}"
_STATE_RANK = " ".join(f"WHEN '{state}' THEN {rank}" for rank, state in enumerate(STATES))
_SUBJECT_CELLS = _cells(
    _names(SUBJECTS),
    {
        "seed": "is_seed",
        "doubtful": "CAST(NULL AS BOOLEAN)",
        "other_cluster": "CAST(NULL AS BIGINT)",
    },
    "ranked.",
)
# The campaign with the best state of a subject comes first; of several, the one without inferences,
# then the one with the latest response, the most pages, and the last name.
SUBJECTS_OF_SEVERAL_CAMPAIGNS = f"""
SELECT {_SUBJECT_CELLS}, campaign
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY id
            ORDER BY
                CASE state {_STATE_RANK} END NULLS LAST,
                CASE WHEN crawl_inferred > 0 THEN 1 END NULLS FIRST,
                crawl_fetched_at DESC NULLS LAST,
                crawl_pages DESC NULLS LAST,
                campaign DESC
        ) AS place
    FROM {{subjects_row}}
) AS ranked
JOIN (SELECT id, bool_or(seed) AS is_seed FROM {{subjects_row}} GROUP BY id) AS seeds
    ON seeds.id = ranked.id
WHERE place = 1
"""  # noqa: S608  constants only
PENDING_LISTS = """
SELECT
    s.id AS subject, coalesce(crawl_expected_count, 0) AS expected_count,
    CASE WHEN get_json_object(attributes, '$.crawl_cursor') IS NULL THEN 0
         ELSE coalesce(crawl_received, 0) END AS received_count
FROM {subject} AS s JOIN {entity} AS e ON e.id = s.id
WHERE state = 'pending' ORDER BY s.id
"""
SEED_COLUMNS = """
SELECT DISTINCT json_object_keys(seed_attributes) AS names
FROM {subjects_row} WHERE seed_attributes IS NOT NULL
"""

# --- entities ------------------------------------------------------------------------------------

# Numbered in the order of the keys, so that each run gives the same numbers.
NUMBER_ENTITIES = """
SELECT id, row_number() OVER (ORDER BY id) AS number
FROM (SELECT DISTINCT id FROM {entities_row}) AS node
"""
ENTITIES_OF_ONE_CAMPAIGN = f"""
SELECT n.number, {_cells(_names(ENTITIES), {}, "e.")}
FROM {{entities_row}} AS e JOIN {{entity_number}} AS n ON n.id = e.id
"""  # noqa: S608  constants only
# The columns by which the rows of an entity in several campaigns are compared. The label of a
# collection and all columns of clusters depend on other entities, so they are left out.
_VERSION_CELLS = _cells(
    _names(ENTITIES),
    {
        "label": "CASE WHEN type = 'collection' THEN '' ELSE label END",
        "cluster": "CAST(NULL AS BIGINT)",
        **dict.fromkeys(
            sorted(CLUSTER_COLUMNS & set(_names(ENTITIES)) - {"cluster"}), "CAST(NULL AS STRING)"
        ),
    },
)
ENTITY_VERSIONS = f"""
SELECT n.number, count(*) OVER (PARTITION BY n.number) > 1 AS differs,
    {_cells(_names(ENTITIES), {}, "e.")}
FROM (SELECT DISTINCT {_VERSION_CELLS} FROM {{entities_row}}) AS e
JOIN {{entity_number}} AS n ON n.id = e.id
"""  # noqa: S608  constants only
# All rows of the entities whose rows differ between campaigns; of each entity, first the row of the
# campaign that observed it least recently.
DIFFERENT_ENTITIES = f"""
WITH different AS (SELECT DISTINCT id FROM {{entity_version}} WHERE differs),
seen AS (
    SELECT campaign, subject AS id, last_seen FROM {{observations_row}}
    UNION ALL
    SELECT campaign, reference, last_seen FROM {{observations_row}}
    UNION ALL
    SELECT campaign, related_from, last_seen FROM {{observations_row}}
    UNION ALL
    SELECT campaign, source, last_seen FROM {{links_row}}
    UNION ALL
    SELECT campaign, target, last_seen FROM {{links_row}}
),
newest AS (
    SELECT campaign, id, max(last_seen) AS last_seen
    FROM seen
    WHERE id IN (SELECT id FROM different) AND last_seen IS NOT NULL
    GROUP BY campaign, id
)
SELECT {_cells(_names(ENTITIES), {}, "e.")}, coalesce(e.campaign = s.campaign, true) AS has_state
FROM {{entities_row}} AS e
JOIN different ON different.id = e.id
LEFT JOIN newest ON newest.id = e.id AND newest.campaign = e.campaign
LEFT JOIN {{subject}} AS s ON s.id = e.id
ORDER BY e.id, newest.last_seen NULLS FIRST, e.campaign
"""  # noqa: S608  constants only
UNITED_ENTITIES = f"""
SELECT number, {_cells(_names(ENTITIES), {})} FROM {{entity_version}} WHERE NOT differs
UNION ALL
SELECT n.number, {_cells(_names(ENTITIES), {}, "u.")}
FROM {{united}} AS u JOIN {{entity_number}} AS n ON n.id = u.id
"""  # noqa: S608  constants only
COLLECTIONS = f"""
SELECT {_cells(_names(ENTITIES), {})} FROM {{united_entity}} WHERE type = 'collection'
"""  # noqa: S608  constants only
LABELED_ENTITIES = f"""
SELECT e.number, {_cells(_names(ENTITIES), {"label": "coalesce(named.label, e.label)"}, "e.")}
FROM {{united_entity}} AS e LEFT JOIN {{collection_label}} AS named ON named.id = e.id
"""  # noqa: S608  constants only

# --- observations --------------------------------------------------------------------------------

NUMBER_OBSERVATIONS = """
SELECT
    s.number AS subject, r.number AS reference, coalesce(c.number, 0) AS source,
    relation = 'references_and_related_references' AS is_direct,
    provenance = 'inferred' AS is_inferred, first_seen, last_seen
FROM {observations_row} AS o
JOIN {entity_number} AS s ON s.id = o.subject
JOIN {entity_number} AS r ON r.id = o.reference
LEFT JOIN {entity_number} AS c ON c.id = o.related_from
"""
FACTS_OF_ONE_CAMPAIGN = "SELECT * FROM {observation}"
FACTS_OF_SEVERAL_CAMPAIGNS = """
SELECT
    subject, reference, source, bool_or(is_direct) AS is_direct,
    bool_and(is_inferred) AS is_inferred, min(first_seen) AS first_seen,
    max(last_seen) AS last_seen
FROM {observation} GROUP BY subject, reference, source
"""
_SUBJECT_TYPES = ", ".join(f"'{each}'" for each in SUBJECT_TYPES)
NUMBER_LINKS = f"""
SELECT
    s.number AS source, t.number AS target, min(relation) AS relation,
    min(provenance) AS provenance, min(first_seen) AS first_seen, max(last_seen) AS last_seen,
    min(s.type) IN ({_SUBJECT_TYPES}) AND min(relation) = 'references' AS is_direct
FROM {{links_row}} AS l
JOIN {{entity}} AS s ON s.id = l.source
JOIN {{entity}} AS t ON t.id = l.target
GROUP BY s.number, t.number
"""  # noqa: S608  constants only
# Pairs of subject and reference whose observations are all inferred.
INFERRED_PAIRS = """
SELECT subject, reference FROM {fact} WHERE is_inferred
EXCEPT
SELECT subject, reference FROM {fact} WHERE NOT is_inferred
"""

# --- relations -----------------------------------------------------------------------------------

# Name of a table -> its query, in the order in which they are created.
RELATION_TABLES = {
    "all_file_sources": "SELECT DISTINCT subject, source FROM {fact} WHERE source <> 0",
    "all_source_references": "SELECT DISTINCT source, reference FROM {fact} WHERE source <> 0",
    # A source with more exceptions than observations is represented by its observations.
    "source_size": """
    SELECT
        f.source, files * refs > triples AS has_exceptions,
        files * refs > 2 * triples AS is_irregular
    FROM (SELECT source, count(*) AS files FROM {all_file_sources} GROUP BY source) AS f
    JOIN (SELECT source, count(*) AS refs FROM {all_source_references} GROUP BY source) AS r
        ON r.source = f.source
    JOIN (SELECT source, count(*) AS triples FROM {fact} GROUP BY source) AS t
        ON t.source = f.source
    """,
    "file_sources": """
    SELECT subject, source FROM {all_file_sources}
    WHERE source IN (SELECT source FROM {source_size} WHERE NOT is_irregular)
    """,
    "source_references": """
    SELECT source, reference FROM {all_source_references}
    WHERE source IN (SELECT source FROM {source_size} WHERE NOT is_irregular)
    """,
    "source_triples": """
    SELECT subject, reference, source FROM {fact}
    WHERE source IN (SELECT source FROM {source_size} WHERE is_irregular)
    """,
    "exceptions": """
    SELECT f.subject, r.reference, f.source
    FROM {source_size} AS size
    JOIN {file_sources} AS f ON f.source = size.source
    JOIN {source_references} AS r ON r.source = size.source
    ANTI JOIN {fact} AS fact
        ON fact.subject = f.subject AND fact.reference = r.reference AND fact.source = f.source
    WHERE size.has_exceptions AND NOT size.is_irregular
    """,
    "file_references": """
    SELECT subject, reference FROM {fact} WHERE source = 0 OR is_direct
    UNION
    SELECT source, target FROM {link} WHERE is_direct
    """,
}
RELATIONS = {
    "file_sources": "SELECT subject, source FROM {file_sources}",
    "source_references": "SELECT source, reference FROM {source_references}",
    "file_references": "SELECT subject, reference FROM {file_references}",
    "exceptions": "SELECT subject, reference, source FROM {exceptions}",
    "source_triples": "SELECT subject, reference, source FROM {source_triples}",
    "inferred": "SELECT subject, reference FROM {inferred}",
}
SIZES = """
SELECT
    (SELECT count(*) FROM {fact} WHERE source <> 0) + (SELECT count(*) FROM {file_references})
        AS observations,
    (SELECT count(*) FROM {file_sources}) + (SELECT count(*) FROM {source_references})
        + (SELECT count(*) FROM {file_references}) + (SELECT count(*) FROM {exceptions})
        + (SELECT count(*) FROM {source_triples}) + (SELECT count(*) FROM {inferred}) AS pairs
"""
EVIDENCE_ENTITIES = f"""
SELECT number, {_cells(_names(ENTITIES), {})} FROM {{entity}}
WHERE number IN (
    SELECT subject FROM {{file_references}} UNION SELECT reference FROM {{file_references}}
    UNION SELECT subject FROM {{all_file_sources}} UNION SELECT source FROM {{all_file_sources}}
    UNION SELECT reference FROM {{all_source_references}}
)
"""  # noqa: S608  constants only

# --- tables --------------------------------------------------------------------------------------

EDGES = """
WITH to_reference AS (
    SELECT
        f.subject, f.reference, count(*) AS weight,
        bool_or(is_direct) AS is_direct, bool_and(is_inferred) AS is_inferred,
        array_sort(collect_list(c.id)) AS related_from,
        min(first_seen) AS first_seen, max(last_seen) AS last_seen
    FROM {fact} AS f LEFT JOIN {entity_number} AS c ON c.number = f.source
    GROUP BY f.subject, f.reference
),
to_source AS (
    SELECT f.reference, f.source, count(*) AS weight
    FROM {fact} AS f WHERE f.source <> 0 AND f.reference <> f.source
    GROUP BY f.reference, f.source
),
direct AS (SELECT * FROM {link} WHERE is_direct),
edge AS (
    SELECT
        t.subject AS source, t.reference AS target, weight, related_from,
        CASE WHEN is_inferred THEN 'inferred' ELSE 'observed' END AS provenance,
        CASE WHEN t.is_direct OR direct.source IS NOT NULL THEN 'references_and_related_references'
             ELSE 'related_references' END AS relation,
        least(t.first_seen, direct.first_seen) AS first_seen,
        greatest(t.last_seen, direct.last_seen) AS last_seen
    FROM to_reference AS t
    LEFT JOIN direct ON direct.source = t.subject AND direct.target = t.reference
    UNION ALL
    SELECT reference, source, weight, NULL, NULL, 'related_from', NULL, NULL FROM to_source
    UNION ALL
    SELECT l.source, l.target, 1, NULL, l.provenance, l.relation, l.first_seen, l.last_seen
    FROM {link} AS l
    ANTI JOIN to_reference AS t ON t.subject = l.source AND t.reference = l.target
    ANTI JOIN to_source AS c ON c.reference = l.source AND c.source = l.target
)
SELECT
    s.id AS source, t.id AS target, relation, weight, related_from, provenance, first_seen,
    last_seen
FROM edge
JOIN {entity_number} AS s ON s.number = edge.source
JOIN {entity_number} AS t ON t.number = edge.target
ORDER BY s.id, t.id
"""
OBSERVATION_ROWS = """
SELECT
    s.type AS subject_type, s.entity_id AS subject_id, r.entity_id AS reference_id,
    c.type AS related_from_type, c.entity_id AS related_from_id, r.type AS reference_type,
    r.url AS reference_url, r.title AS reference_title,
    coalesce(nullif(c.name, ''), nullif(c.title, '')) AS related_from_name,
    CASE WHEN inferred.subject IS NULL THEN 'observed' ELSE 'inferred' END AS provenance
FROM {fact} AS f
JOIN {entity} AS s ON s.number = f.subject
JOIN {entity} AS r ON r.number = f.reference
LEFT JOIN {entity} AS c ON c.number = f.source
LEFT JOIN {inferred} AS inferred
    ON inferred.subject = f.subject AND inferred.reference = f.reference
ORDER BY s.id, r.id, c.id NULLS FIRST
"""
# The clusters of files are spread to references and collections as in graphbuild.graph.clusters.
ASSIGN_CLUSTERS = """
WITH file AS (
    SELECT n.number, f.cluster, f.subcluster, f.other_cluster
    FROM {file_cluster} AS f JOIN {entity_number} AS n ON n.id = f.id
),
evidence AS (
    SELECT subject, reference AS node FROM {fact}
    UNION
    SELECT subject, source FROM {fact} WHERE source <> 0
    UNION
    SELECT l.source, l.target FROM {link} AS l JOIN {entity} AS e ON e.number = l.target
    WHERE e.type = 'reference'
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
    SELECT node, max_by(cluster, files) AS cluster FROM by_cluster
    GROUP BY node HAVING 3 * max(files) >= 2 * sum(files)
),
subclusters AS (
    SELECT node, max_by(subcluster, files) AS subcluster FROM by_subcluster
    GROUP BY node HAVING 3 * max(files) >= 2 * sum(files)
),
node AS (
    SELECT number, cluster, subcluster, other_cluster FROM file
    UNION ALL
    SELECT clusters.node, clusters.cluster, subclusters.subcluster, NULL
    FROM clusters
    LEFT JOIN subclusters ON subclusters.node = clusters.node
    ANTI JOIN file ON file.number = clusters.node
)
SELECT
    number, node.cluster, cluster_name, cluster_color, subcluster, other_cluster,
    CASE WHEN other_cluster IS NOT NULL THEN true END AS doubtful
FROM node LEFT JOIN {named_cluster} AS named ON named.cluster = node.cluster
"""


def node_rows(seed_columns: Sequence[str], *, with_clusters: bool) -> str:
    """Return a query of the nodes.

    Args:
        seed_columns: Valid names of columns.
        with_clusters: Whether to take the columns of clusters from the table ``node_cluster``
            instead of ``entity``.
    """
    tables = {name: "subject" for name in _names(SUBJECTS) if name != "id"}
    if with_clusters:
        tables |= dict.fromkeys(CLUSTER_COLUMNS, "node_cluster")
    cells = [
        "coalesce(degree.degree, 0) AS degree"
        if each.name == "degree"
        else f"{tables.get(each.name, 'entity')}.{each.name}"
        for each in table_columns(NODES)
    ]
    cells += [f"seed_value.{name}" for name in seed_columns]
    values = [_first_value(name) for name in seed_columns]
    clusters = "LEFT JOIN {node_cluster} AS node_cluster ON node_cluster.number = entity.number"
    return f"""
    WITH edge AS (
        SELECT subject AS source, reference AS target FROM {{fact}}
        UNION
        SELECT f.reference, f.source FROM {{fact}} AS f
        WHERE f.source <> 0 AND f.reference <> f.source
        UNION
        SELECT source, target FROM {{link}}
    ),
    degree AS (
        SELECT number, count(*) AS degree
        FROM (SELECT source AS number FROM edge UNION ALL SELECT target FROM edge) AS end_of_edge
        GROUP BY number
    ),
    seed_value AS (
        SELECT {", ".join(["listed.id", *values])}
        FROM {{subjects_row}} AS listed GROUP BY listed.id
    )
    SELECT {", ".join(cells)}
    FROM {{entity}} AS entity
    LEFT JOIN {{subject}} AS subject ON subject.id = entity.id
    {clusters if with_clusters else ""}
    LEFT JOIN degree ON degree.number = entity.number
    LEFT JOIN seed_value ON seed_value.id = entity.id
    ORDER BY entity.id
    """  # noqa: S608  constants and checked names only


def _first_value(name: str) -> str:
    """Return a column of the seed list: the value of the first campaign by name that has one."""
    value = f"get_json_object(listed.seed_attributes, '$.{name}')"
    return f"min_by({value}, listed.campaign) FILTER (WHERE {value} IS NOT NULL) AS {name}"

"""Define the tables of a dataset, and build their rows from a graph.

The columns do not depend on the campaign, so that programs can read several campaigns as one table.
Therefore, the columns of the seed list are stored as a JSON object in one column. Titles, names,
URLs and other attributes of an entity are only in the table of entities. The other tables refer to
entities by their node keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbuild.exporters.columns import (
    EDGE_COLUMNS,
    NODE_COLUMNS,
    TABLES,
    TEXT,
    Column,
    NodeColumns,
    columns_for,
)
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.rows import parse_time, typed_node_rows
from graphbuild.exporters.sanitize import clean_surrogates, json_text
from graphbuild.graph.builder import NO_COLLECTION, RELATED_FROM, RELATED_RELATIONS
from graphbuild.models import OBSERVED, SEED_ATTRIBUTE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from graphbuild.exporters.rows import Row
    from graphbuild.graph.builder import Graph

OBSERVATIONS, ENTITIES, SUBJECTS, LINKS = "observations", "entities", "subjects", "links"
TABLE_NAMES = (OBSERVATIONS, ENTITIES, SUBJECTS, LINKS)
_EDGE = {each.name: each for each in EDGE_COLUMNS}
_SEED_ATTRIBUTES = Column("seed_attributes", TEXT, "Columns of the seed list, as a JSON object.")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a dataset.

    Attributes:
        columns: The columns, without the partition columns.
        rows: A function from node keys to the rows that belong to these nodes: rows of an
            observation belong to its subject, and rows of a link to its source.
    """

    columns: list[Column]
    rows: Callable[[Iterable[str]], Iterator[Row]]


def dataset_columns() -> dict[str, list[Column]]:
    """Return the columns of each table, without the partition columns."""
    key, *others = columns_for(NODE_COLUMNS, TABLES)
    # The degree depends on the campaigns that a program reads, so the program must compute it.
    entities = [each for each in others if each.name != "degree" and not _is_of_subjects(each)]
    return {
        OBSERVATIONS: [
            Column("subject", TEXT, "Node key of the subject."),
            Column("reference", TEXT, "Node key of the reference."),
            Column(RELATED_FROM, TEXT, "Node key of the collection or report, if any."),
            *(_EDGE[name] for name in ("relation", "provenance", "first_seen", "last_seen")),
        ],
        ENTITIES: [key, *entities],
        SUBJECTS: [key, *(each for each in others if _is_of_subjects(each)), _SEED_ATTRIBUTES],
        LINKS: [
            *(_EDGE[name] for name in ("source", "target", "relation", "provenance")),
            *(_EDGE[name] for name in ("first_seen", "last_seen")),
        ],
    }


def dataset_tables(graph: Graph, warnings: ExportWarnings) -> dict[str, Table]:
    """Return the tables of a graph by name. Building rows adds to the counts in ``warnings``."""
    columns, nodes = dataset_columns(), NodeColumns(TABLES, graph)
    entities = [each.name for each in columns[ENTITIES]]
    subjects = [each.name for each in columns[SUBJECTS][:-1]]
    rows: dict[str, Callable[[Iterable[str]], Iterator[Row]]] = {
        OBSERVATIONS: lambda keys: _observation_rows(graph, keys, warnings),
        ENTITIES: lambda keys: _entity_rows(graph, nodes, entities, keys, warnings),
        SUBJECTS: lambda keys: _subject_rows(graph, nodes, subjects, keys, warnings),
        LINKS: lambda keys: _link_rows(graph, keys, warnings),
    }
    return {name: Table(columns[name], rows[name]) for name in TABLE_NAMES}


def _is_of_subjects(column: Column) -> bool:
    return column.types == ("subjects",)


# --- rows ----------------------------------------------------------------------------------------


def _entity_rows(
    graph: Graph,
    nodes: NodeColumns,
    names: list[str],
    keys: Iterable[str],
    warnings: ExportWarnings,
) -> Iterator[Row]:
    kept = [nodes.names.index(name) for name in names]
    for row in typed_node_rows(graph, nodes, warnings, keys):
        yield tuple(row[number] for number in kept)


def _subject_rows(
    graph: Graph,
    nodes: NodeColumns,
    names: list[str],
    keys: Iterable[str],
    warnings: ExportWarnings,
) -> Iterator[Row]:
    """Yield a row of subjects for each node that has a value in any column except the key."""
    kept = [nodes.names.index(name) for name in names]
    sources = {each.source for each in nodes.columns if each.name in names[1:]}
    subjects = (
        key
        for key in keys
        if any(_is_seed_attribute(name) or name in sources for name in graph.nodes[key])
    )
    # The rows of the table of entities have the same values, and their warnings are counted there.
    for row in typed_node_rows(graph, nodes, ExportWarnings(), subjects):
        named = dict(zip(nodes.names, row, strict=True))
        seeds = {n: v for n, v in named.items() if _is_seed_attribute(n) and v is not None}
        text = json_text(clean_surrogates(seeds, warnings)) if seeds else None
        key, *values = (row[number] for number in kept)
        if text or any(value is not None for value in values):
            yield key, *values, text


def _is_seed_attribute(name: object) -> bool:
    return isinstance(name, str) and name.startswith(SEED_ATTRIBUTE_PREFIX)


def _observation_rows(graph: Graph, keys: Iterable[str], warnings: ExportWarnings) -> Iterator[Row]:
    for subject in keys:
        for reference, edge in graph.adj[subject].items():
            if not _has_observations(edge):
                continue
            provenance, times = edge.get("provenance", OBSERVED), _times(edge, warnings)
            for key in edge[RELATED_FROM]:
                collection = None if key == NO_COLLECTION else key
                yield subject, reference, collection, edge["relation"], provenance, *times


def _link_rows(graph: Graph, keys: Iterable[str], warnings: ExportWarnings) -> Iterator[Row]:
    """Yield a row for each edge that does not follow from observations."""
    for source in keys:
        for target, edge in graph.adj[source].items():
            relation = edge.get("relation")
            if relation != RELATED_FROM and not _has_observations(edge):
                times = _times(edge, warnings)
                yield source, target, relation, edge.get("provenance"), *times


def _has_observations(edge: Mapping[str, Any]) -> bool:
    return edge.get("relation") in RELATED_RELATIONS and bool(edge.get(RELATED_FROM))


def _times(edge: Mapping[str, Any], warnings: ExportWarnings) -> Row:
    return tuple(parse_time(edge.get(name), warnings) for name in ("first_seen", "last_seen"))

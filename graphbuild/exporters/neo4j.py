"""Write tables for Neo4j's bulk importer, and the command that imports them.

The headers contain types, so that the importer does not read numbers, booleans and dates as texts.
Texts are in double quotes, and may contain line endings. An empty field without quotes means that
the node or edge does not have the property. The entries of a list are separated by tabs. Cells are
not guarded against formulas, because the importer must get the texts unchanged.
https://neo4j.com/docs/operations-manual/current/import/
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from graphbuild.errors import ExportError
from graphbuild.exporters.columns import (
    BOOL,
    DATE,
    EDGE_COLUMNS,
    FLOAT,
    INT,
    KEYS,
    NEO4J,
    NodeColumns,
    columns_for,
)
from graphbuild.exporters.formats import add_name_suffix
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.rows import edge_values, split_weight
from graphbuild.exporters.sanitize import REPLACEMENT, format_value, replace_surrogates, write_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild.exporters.columns import Column
    from graphbuild.graph.builder import Graph


NODES, EDGES = "nodes.neo4j.csv", "edges.neo4j.csv"
_COMMAND = (
    "neo4j-admin database import full --nodes={} --relationships={}"
    " --array-delimiter=TAB --multiline-fields=true neo4j"
)
_INSTRUCTIONS = """

Run this command in this folder while the database is stopped. It creates a new database.
To replace an existing database, add --overwrite-destination before the database name.
Then start the database and query it, for example:

MATCH (f:file)-[r:related_references]->(report:reference) RETURN f, r, report LIMIT 100
"""
_TYPE_NAMES = {INT: ":long", FLOAT: ":double", BOOL: ":boolean", DATE: ":date", KEYS: ":string[]"}


def write_nodes(graph: Graph, stream: BinaryIO) -> ExportWarnings:
    """Write one row per node; the Neo4j label of a node is its type.

    Raises:
        ExportError: A node key contains a tab, which separates the entries of lists.
    """
    for key in graph:
        if "\t" in key:
            raise ExportError(
                f"node {key[:80]!a}: contains a tab, which separates the entries of lists;"
                " rename the node"
            )
    warnings = ExportWarnings()
    columns = NodeColumns(NEO4J, graph)
    header = _header(["key:ID", ":LABEL"], (each for each in columns.columns if each.name != "key"))
    write_lines(stream, chain([header], _node_rows(graph, columns, warnings)))
    return warnings


def write_edges(graph: Graph, stream: BinaryIO) -> ExportWarnings:
    """Write one row per edge; the Neo4j type of an edge is its relation."""
    warnings = ExportWarnings()
    columns = columns_for(EDGE_COLUMNS, NEO4J)
    header = _header(
        [":START_ID", ":END_ID", ":TYPE"], (each for each in columns if each.name != "relation")
    )
    write_lines(stream, chain([header], _edge_rows(graph, warnings)))
    return warnings


def import_command(name_suffix: str = "") -> str:
    """Return the command that creates a database from the tables.

    ``name_suffix`` is the text that the export adds to file names, such as the name of a view.
    """
    return _COMMAND.format(*(add_name_suffix(name, name_suffix) for name in (NODES, EDGES)))


def write_command(_: Graph, stream: BinaryIO, *, name_suffix: str = "") -> ExportWarnings:
    """Write the command that imports the tables of nodes and edges, with instructions."""
    stream.write(f"{import_command(name_suffix)}{_INSTRUCTIONS}".encode())
    return ExportWarnings()


def _header(special: list[str], columns: Iterable[Column]) -> str:
    typed = (f"{column.name}{_TYPE_NAMES.get(column.dtype, '')}" for column in columns)
    return ",".join((*special, *typed)) + "\n"


def _node_rows(graph: Graph, columns: NodeColumns, warnings: ExportWarnings) -> Iterator[str]:
    names = [name for name in columns.names if name != "key"]
    for key, node in graph.nodes(data=True):
        values = columns.values(node, warnings)
        yield _row((key, node["type"], *map(values.get, names)), warnings)


def _edge_rows(graph: Graph, warnings: ExportWarnings) -> Iterator[str]:
    for source, target, edge in graph.edges(data=True):
        relation, weight, related_from, *rest = edge_values(edge, warnings).values()
        number, count = split_weight(weight)
        warnings.omitted += number is None
        collections = "\t".join(related_from) or None
        yield _row((source, target, relation, number, count, collections, *rest), warnings)


def _row(values: Iterable[object], warnings: ExportWarnings) -> str:
    return ",".join([_cell(value, warnings) for value in values]) + "\n"


def _cell(value: object, warnings: ExportWarnings) -> str:
    if isinstance(value, str):
        text = replace_surrogates(value).replace("\0", REPLACEMENT)
        warnings.cleaned += text != value
        return '"' + text.replace('"', '""') + '"'
    return "" if value is None else format_value(value)

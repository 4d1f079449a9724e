"""Tables for Neo4j's bulk importer, and the one command that reads them.

Their headers bear types, so that numbers, truths and dates arrive as such. A text is quoted, with
quotes doubled, and may hold line ends; what is not there is an empty field without quotes, which
the importer takes for no property. Lists are parted by tabs, which no key holds.

Nothing guards these cells against spreadsheets, because the texts must arrive as they are: the
tables for people are ``nodes.csv`` and ``edges.csv``.
https://neo4j.com/docs/operations-manual/current/import/
"""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from graphbuild.errors import ExportError
from graphbuild.exporters.extra_attributes import further, holds, seed_columns
from graphbuild.exporters.sanitize import (
    REPLACEMENT,
    ExportWarnings,
    created,
    is_exportable,
    replace_surrogates,
    url_host,
    write_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import networkx as nx

    Graph = nx.DiGraph[str]

NODES, EDGES = "nodes.neo4j.csv", "edges.neo4j.csv"
_COMMAND = (
    "neo4j-admin database import full --nodes={} --relationships={}"
    " --array-delimiter=TAB --multiline-fields=true neo4j"
)
_HOW = """

Run it in this folder, with the database stopped. It fills a database that is not there yet;
--overwrite-destination before the database's name puts it in the place of one that is.
Then, for instance:

MATCH (f:file)-[r:related_references]->(report:reference) RETURN f, r, report LIMIT 100
"""
# The attributes with a column of their own, in this order, and the importer's name of their type.
_COLUMNS: dict[str, tuple[type, str]] = {
    "type": (str, ""),
    "id": (str, ""),
    "label": (str, ""),
    "title": (str, ""),
    "url": (str, ""),
    "author": (str, ""),
    "creation_date": (int, ":long"),
    "name": (str, ""),
    "collection_type": (str, ""),
    "origin": (str, ""),
    "tags": (str, ""),
    "seed": (bool, ":boolean"),
    "state": (str, ""),
    "crawl_pages": (int, ":long"),
    "crawl_expected_count": (int, ":long"),
    "crawl_received": (int, ":long"),
    "crawl_inferred": (int, ":long"),
    "crawl_http_status": (int, ":long"),
    "crawl_warning": (str, ""),
    "crawl_fetched_at": (str, ""),
    "hop": (int, ":long"),
    "community": (int, ":long"),
    "group_size": (int, ":long"),
}
_DERIVED = ("domain", "created:date", "attributes")
_EDGE_TEXTS = ("provenance", "first_seen", "last_seen")
_EDGE_HEADER = ":START_ID,:END_ID,:TYPE,weight:double,observations:long,related_from:string[]"
_EDGE_NAMES = frozenset({"relation", "weight", "related_from", *_EDGE_TEXTS})
_COUNT = 2**53  # the largest whole number that a double holds exactly


def write_nodes(graph: Graph, stream: BinaryIO) -> ExportWarnings:
    """One row for each node; its label is its type, what has no column stands in the last, as JSON.

    Raises:
        ExportError: a key holds a tab, which parts the keys in a list; nothing is written.
    """
    for key in graph:
        if "\t" in key:
            raise ExportError(f"node {key[:80]!a}: holds a tab, which parts lists; rename the node")
    warnings = ExportWarnings()
    seed_names = seed_columns(graph)
    write_lines(stream, chain([_header(seed_names)], _node_rows(graph, seed_names, warnings)))
    return warnings


def write_edges(graph: Graph, stream: BinaryIO) -> ExportWarnings:
    """One row for each edge; its type is its relation, ``related_from`` a list of keys."""
    warnings = ExportWarnings()
    header = ",".join((_EDGE_HEADER, *_EDGE_TEXTS)) + "\n"
    write_lines(stream, chain([header], _edge_rows(graph, warnings)))
    return warnings


def command(nodes: str = NODES, edges: str = EDGES) -> str:
    """The command that makes a database of two tables, by the names of their files."""
    return _COMMAND.format(nodes, edges)


def write_command(stream: BinaryIO, nodes: str = NODES, edges: str = EDGES) -> ExportWarnings:
    """How to read the two tables, by the names of their files."""
    stream.write(f"{command(nodes, edges)}{_HOW}".encode())
    return ExportWarnings()


def _header(seed_names: list[str]) -> str:
    own = (f"{name}{kind}" for name, (_, kind) in _COLUMNS.items())
    return ",".join(("key:ID", ":LABEL", *own, *_DERIVED, *seed_names)) + "\n"


def _node_rows(graph: Graph, seed_names: list[str], warnings: ExportWarnings) -> Iterator[str]:
    for key, node in graph.nodes(data=True):
        known = {name: node[name] for name in _COLUMNS if name in node and _fits(name, node[name])}
        ours = {name: node[name] for name in seed_names if isinstance(node.get(name), str)}
        rest = {n: v for n, v in node.items() if n not in known and n not in ours}
        derived = (
            url_host(known.get("url", "")) or None,
            created(known["creation_date"]) or None if "creation_date" in known else None,
            further(rest, warnings) or None,
        )
        cells = (key, node["type"], *map(known.get, _COLUMNS), *derived, *map(ours.get, seed_names))
        yield _row(cells, warnings)


def _fits(name: str, value: object) -> bool:
    return holds(_COLUMNS[name][0], value) and is_exportable(value)


def _edge_rows(graph: Graph, warnings: ExportWarnings) -> Iterator[str]:
    for source, target, edge in graph.edges(data=True):
        weight, count = _weight(edge.get("weight", 1), warnings)
        behind = "\t".join(edge.get("related_from", ())) or None
        told = map(edge.get, _EDGE_TEXTS)
        yield _row((source, target, edge["relation"], weight, count, behind, *told), warnings)
        if not _EDGE_NAMES.issuperset(edge):
            warnings.omitted += len(edge.keys() - _EDGE_NAMES)


def _weight(weight: object, warnings: ExportWarnings) -> tuple[float | None, int | None]:
    """As a number to reckon with, and as a count where it is one."""
    if type(weight) is int and abs(weight) <= _COUNT:
        return float(weight), weight
    if isinstance(weight, float) and math.isfinite(weight):
        return float(weight), None
    warnings.omitted += 1
    return None, None


def _row(cells: tuple[object, ...], warnings: ExportWarnings) -> str:
    return ",".join([_cell(cell, warnings) for cell in cells]) + "\n"


def _cell(value: object, warnings: ExportWarnings) -> str:
    if isinstance(value, str):
        text = replace_surrogates(value).replace("\0", REPLACEMENT)
        warnings.cleaned += text != value
        return '"' + text.replace('"', '""') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)

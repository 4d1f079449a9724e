"""Convert rows of the table of entities, and unite the rows of several campaigns."""

from __future__ import annotations

import json
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

import networkx as nx

from graphbuild.exporters.columns import NODE_COLUMNS, TABLES, columns_for
from graphbuild.exporters.dataset_tables import ENTITIES, dataset_columns, dataset_tables
from graphbuild.exporters.results import ExportWarnings
from graphbuild.graph.builder import is_local_attribute
from graphbuild.graph.clusters import CLUSTER_ATTRIBUTES
from graphbuild.graph.labels import distinct_labels
from graphbuild.models import STATES, Entity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from graphbuild.exporters.rows import Row

    Values = Mapping[str, Any]

# Column of the table of entities -> attribute of the node, without attributes that are computed.
_SOURCES = {
    each.name: each.source
    for each in columns_for(NODE_COLUMNS, TABLES)
    if each.source and each.source not in {"type", "id", "label", *CLUSTER_ATTRIBUTES}
}
_COLUMNS = [each.name for each in dataset_columns()[ENTITIES]]
_CURSOR = "crawl_cursor"  # belongs to the state of the list ``related_references``
_BATCH = 10_000  # entities in memory
_OF_LISTS = "crawl_"  # prefix of attributes with the state of another list of a subject


def entity_of(row: Values) -> Entity:
    """Return the entity of a row, with only the attributes of the API."""
    attributes = {
        name: value for name, value in _attributes(row).items() if not is_local_attribute(name)
    }
    return Entity(row["type"], row["entity_id"], attributes)


def collection_labels(rows: Iterable[Values]) -> dict[str, str]:
    """Return labels by node key; collections with the same name get different labels.

    See :mod:`graphbuild.graph.labels`.
    """
    collections = [entity_of(row) for row in rows]
    labels = {each.key: each.plain_label for each in collections}
    return labels | distinct_labels(collections)


def united_rows(rows: Iterable[Values]) -> Iterator[Row]:
    """Unite the rows of each entity, and yield its row in the order of the columns.

    ``rows`` are sorted by entity, and the rows of an entity from the oldest to the newest. Besides
    the columns, they have ``has_state``: whether the state of the subject comes from this
    campaign.
    """
    groups = (list(group) for _, group in groupby(rows, key=lambda row: row["id"]))
    while batch := list(islice(groups, _BATCH)):
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from((versions[0]["id"], _united_node(versions)) for versions in batch)
        yield from dataset_tables(graph, ExportWarnings())[ENTITIES].rows(graph)


def _united_node(versions: list[Values]) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for row in versions:
        for name, value in _attributes(row).items():
            if name == _CURSOR and not row["has_state"]:
                continue
            is_known = name in attributes and name.startswith(_OF_LISTS)
            if not is_known or _state_rank(value) <= _state_rank(attributes[name]):
                attributes[name] = value
    identity = {"type": versions[0]["type"], "id": versions[0]["entity_id"]}
    label = Entity(**identity, attributes=attributes).plain_label
    return {**identity, "label": label, **attributes}


def _attributes(row: Values) -> dict[str, Any]:
    """Return the attributes of the node of a row, except those that are computed."""
    text = row["attributes"]
    attributes: dict[str, Any] = json.loads(text) if text else {}
    columns = {source: row[name] for name, source in _SOURCES.items() if name in _COLUMNS}
    return attributes | {name: value for name, value in columns.items() if value is not None}


def _state_rank(text: object) -> int:
    """Return the index of a state in ``STATES``; ``text`` can also contain an explanation."""
    state = str(text).partition(" (")[0]
    return STATES.index(state) if state in STATES else len(STATES)

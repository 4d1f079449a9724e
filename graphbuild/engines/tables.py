"""The tables that engines compute, and their columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from graphbuild.exporters.columns import (
    EDGE_COLUMNS,
    INT,
    NODE_COLUMNS,
    OBSERVATION_COLUMNS,
    TABLES,
    TEXT,
    Column,
    columns_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

NODES, EDGES, OBSERVATIONS = "nodes", "edges", "observations"
OUTPUT_TABLES = (NODES, EDGES, OBSERVATIONS)


def table_columns(name: str, seed_columns: Iterable[str] = ()) -> list[Column]:
    """Return the columns of one of ``OUTPUT_TABLES``; nodes also have ``seed_columns``."""
    if name == NODES:
        seeds = [Column(each, TEXT, "From the seed list.", each) for each in seed_columns]
        return [*columns_for(NODE_COLUMNS, TABLES), *seeds]
    if name == EDGES:
        # The weight of an edge is a number of observations.
        return [
            replace(each, dtype=INT) if each.name == "weight" else each
            for each in columns_for(EDGE_COLUMNS, TABLES)
        ]
    return OBSERVATION_COLUMNS

"""The fixed columns of an export: which attribute stands where, and what becomes of the others.

Columns never depend on the data: two exports can be laid over each other, and no attribute name
from outside becomes an XML id or a column. What has no column of its own, or is of another kind
than its column, stands in one JSON text, the column ``attributes``.

One thing stands apart: what the user's own seed lists say beside the seeds. Those texts have a
column each, behind all others and in the order of their names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbuild.exporters.sanitize import is_exportable, json_text
from graphbuild.models import SEED_ATTRIBUTE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    import networkx as nx

    from graphbuild.exporters.sanitize import ExportWarnings
    from graphbuild.models import Scalar


_SEED_COLUMN = re.compile(rf"{SEED_ATTRIBUTE_PREFIX}[a-z0-9_]{{1,60}}")
_MAX_SEED_COLUMNS = 1_000
_MANY = 10_000


def seed_columns(graph: nx.DiGraph[str]) -> list[str]:
    """The names under which seed lists said something of the nodes, sorted."""
    found: set[str] = set()
    others: set[object] = set()  # names met that are none, whatever stands under them
    for _, attributes in graph.nodes(data=True):
        if others.issuperset(attributes):
            continue
        for name, value in attributes.items():
            if is_seed_column(name, value):
                found.add(name)
            elif len(others) < _MANY and not str(name).startswith(SEED_ATTRIBUTE_PREFIX):
                others.add(name)
    return sorted(found)[:_MAX_SEED_COLUMNS]


def is_seed_column(name: object, value: object) -> bool:
    """Whether an attribute is a text out of a seed list, and no other."""
    return (
        isinstance(name, str)
        and name.startswith(SEED_ATTRIBUTE_PREFIX)
        and isinstance(value, str)
        and _SEED_COLUMN.fullmatch(name) is not None
    )


def holds(kind: type, value: object) -> bool:
    """Whether a column of ``kind`` takes ``value``; true and false are no numbers here."""
    return type(value) is kind or (
        isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    )


def further(attributes: Mapping[str, object], warnings: ExportWarnings) -> str:
    """The attributes that have no column, as one JSON text; empty if there are none."""
    known = {name: value for name, value in attributes.items() if value is not None}
    kept = {n: v for n, v in known.items() if isinstance(n, str) and is_exportable(v)}
    warnings.omitted += len(known) - len(kept)
    return json_text(kept) if kept else ""


def scalars(values: Mapping[str, object]) -> dict[str, Scalar]:
    """The entries a node can carry: what :func:`further` wrote, and nothing forged beside it."""
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, str | int | float | bool) and is_exportable(value)
    }

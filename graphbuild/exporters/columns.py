"""The fixed columns of an export: which attribute stands where, and what becomes of the others.

Columns never depend on the data: two exports can be laid over each other, and no attribute name
from outside becomes an XML id or a column. What has no column of its own, or is of another kind
than its column, stands in one JSON text, the column ``attributes``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.exporters.plain import fits, json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbuild.entities import Scalar
    from graphbuild.exporters.plain import Remarks


def holds(kind: type, value: object) -> bool:
    """Whether a column of ``kind`` takes ``value``; true and false are no numbers here."""
    return type(value) is kind or (
        isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    )


def further(attributes: Mapping[str, object], remarks: Remarks) -> str:
    """The attributes that have no column, as one JSON text; empty if there are none."""
    known = {name: value for name, value in attributes.items() if value is not None}
    kept = {n: v for n, v in known.items() if isinstance(n, str) and fits(v)}
    remarks.left_out += len(known) - len(kept)
    return json_text(kept) if kept else ""


def scalars(values: Mapping[str, object]) -> dict[str, Scalar]:
    """The entries a node can carry: what :func:`further` wrote, and nothing forged beside it."""
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, str | int | float | bool) and fits(value)
    }

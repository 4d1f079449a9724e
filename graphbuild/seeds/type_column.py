"""Find the column of a table that states the types of the indicators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.seeds.entries import find_entities
from graphbuild.seeds.indicator_types import UNSUPPORTED, find_type
from graphbuild.seeds.table_headings import is_link_heading, is_type_heading, may_be_type_heading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.seeds.table_rows import Row

_MAX_COLUMNS = 1_000
_SAMPLE_ROWS = 1_000
_MAX_TYPE = 100  # characters
# The minimum share of filled cells that are names of types.
_MIN_SHARE = 0.5
_MIN_SHARE_UNUSUAL_HEADING = 0.75
_MIN_SHARE_NO_HEADING = 1.0


def find_type_column(titles: Sequence[str], rows: Sequence[Row]) -> int | None:
    """Return the index of the column that states the types of the indicators, if there is one.

    At least half of its filled cells must be names of types. With an unusual heading, at least
    three quarters must be, and without a heading, all of them. In the last two cases, most rows
    must also contain an indicator of the stated type.
    """
    sample = rows[:_SAMPLE_ROWS]
    candidates: list[int] = []
    for index in range(min(len(titles), _MAX_COLUMNS)):
        share = _share_of_types(index, sample)
        if not share or is_link_heading(titles[index]):
            continue
        if is_type_heading(titles[index]) and share >= _MIN_SHARE:
            return index
        needed = _MIN_SHARE_UNUSUAL_HEADING if titles[index] else _MIN_SHARE_NO_HEADING
        if may_be_type_heading(titles[index]) and share >= needed and _agrees(index, sample):
            candidates.append(index)
    return candidates[0] if candidates else None


def read_type(cell: str) -> str:
    """Return the type that a cell states.

    Return ``UNSUPPORTED`` for unknown types, and an empty string for an empty cell.
    """
    return (_find_type(cell) or UNSUPPORTED) if cell else ""


def _share_of_types(index: int, rows: Sequence[Row]) -> float:
    """Return the share of filled cells that are names of types; 0 if all types are unsupported."""
    cells = [cell for row in rows if (cell := row.cell(index))]
    types = [found for cell in cells if "." not in cell and (found := _find_type(cell))]
    is_supported = any(found != UNSUPPORTED for found in types)
    return len(types) / len(cells) if is_supported else 0.0


def _agrees(index: int, rows: Sequence[Row]) -> bool:
    """Return whether most rows of a supported type contain an indicator of this type."""
    stated = [(row, read_type(row.cell(index))) for row in rows]
    typed = [(row, kind) for row, kind in stated if kind not in {"", UNSUPPORTED}]
    same = sum(any(find_entities(cell, kind) for cell in row.cells) for row, kind in typed)
    return same * 2 > len(typed)


def _find_type(cell: str) -> str | None:
    return find_type(cell) if len(cell) <= _MAX_TYPE else None

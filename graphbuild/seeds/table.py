"""Tables (CSV, TSV): one column contains seeds, and the others contain attributes of the seeds.

If several columns contain hashes of different types, the hashes in a row are those of one file. If
a column states the types of the indicators, rows whose type cannot be a seed are skipped. The user
can choose the column of the seeds. Otherwise, :mod:`graphbuild.seeds.table_columns` chooses it from
the first 50,000 rows (at most 32 MiB), so that a table of any size needs little memory.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import TYPE_CHECKING

from graphbuild.models import FILE, FILE_ID_HASH, URL, detect_hash_type
from graphbuild.seeds.entries import add_entry, find_entities, group_by_file, is_indicator
from graphbuild.seeds.format_hints import FormatHint
from graphbuild.seeds.indicator_types import UNSUPPORTED
from graphbuild.seeds.results import INVALID_HASHES, STRIPPED_CHARACTERS
from graphbuild.seeds.table_columns import (
    choose_columns,
    find_column,
    is_hash_column,
    judge_columns,
    name_column,
)
from graphbuild.seeds.table_headings import (
    Rank,
    find_exported_column,
    is_heading,
    names_indicators,
)
from graphbuild.seeds.table_rows import MAX_LINE, read_table
from graphbuild.seeds.type_column import find_type_column, read_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from graphbuild.seeds.results import SeedReader
    from graphbuild.seeds.table_columns import Column, Judgement
    from graphbuild.seeds.table_rows import Row, Table

__all__ = ["MAX_LINE", "add_table", "read"]
MAX_COLUMNS = 100
_SAMPLE_ROWS = 50_000
_SAMPLE_SIZE = 32 * 2**20  # characters of all cells, plus ``_CELL_SIZE`` for each cell
_CELL_SIZE = 50
_MAX_TITLES = 10  # rows with titles of the table, before the heading
_MAX_NAME = 50  # characters of an attribute's name, without a suffix such as "_2"
_EMPTY_CELLS = frozenset({"", "-", "(empty)", "n/a", "na", "nan", "none", "null", "unknown"})
_NO_VALUE = "rows without a value in the column of the seeds were skipped"
_OTHER_HASH = "rows without a value in the column were read by another hash of the file"
_EXTRA_CELLS = "rows have more cells than the heading; check their quotes"


@dataclass(slots=True)
class _Layout:
    """The heading of a table, and the columns with seeds, types and attributes."""

    heading: list[str]
    columns: list[int]  # of the seeds
    other_hashes: list[int]  # columns that are read in rows in which ``columns`` are empty
    type_column: int | None  # the column that states the types of the indicators
    names: dict[int, str]  # index of each other column -> name of the attribute


def read(lines: Iterable[str], reader: SeedReader) -> None:
    """Add the seeds in a table. The other cells of a row become attributes of its seeds."""
    add_table(read_table(lines, reader), reader)


def add_table(table: Table, reader: SeedReader) -> None:
    """Add the seeds in a table that is already split into rows, like :func:`read`.

    Set ``column`` and ``column_reason`` of the format of ``reader``.
    """
    sample, is_complete = _take_sample(table.rows)
    if not sample:
        return
    if table.heading:
        heading, body = table.heading, sample
        heading_place = table.heading_reason
    else:
        heading, body = _split_heading(sample, reader.column)
        heading_place = f"line {sample[-len(body) - 1].number} is the heading" if heading else ""
        reader.seeds.skipped += max(len(sample) - len(body) - 1, 0)  # rows above the heading
    layout, reasons = _find_layout(heading, body, reader, is_complete=is_complete)
    reasons.append(heading_place or "the table has no heading")
    reader.format.column_reason = "; ".join(reasons)
    rows = _RowReader(layout, reader)
    for row in chain(body, table.rows):
        rows.add(row)
    rows.hint.finish(reader, is_table=True)


def _find_layout(
    heading: list[str], body: Sequence[Row], reader: SeedReader, *, is_complete: bool
) -> tuple[_Layout, list[str]]:
    """Return the layout of a table and the reasons for the columns of the seeds."""
    width = max(map(len, (heading, *(row.cells for row in body))))
    titles = [*heading, *[""] * (width - len(heading))]
    type_column = find_type_column(titles, body)
    judgement = judge_columns(titles, body, type_column)
    columns, reason = _select_columns(judgement, reader)
    reader.format.column = judgement.name(columns.indexes)
    # In tables that graphbuild exported, the ids of URLs look like hashes and seem to contradict
    # the stated types.
    if columns.contradicts_types and find_exported_column(titles) is None:
        type_column = None
    first = "" if is_complete else "the first "
    reasons = [
        f"{columns.rows + columns.contradicting:,} of {first}{judgement.total:,} rows",
        reason,
    ]
    if type_column is not None:
        reasons.append(f"column {name_column(titles, type_column)} states the types")
    other_hashes = [] if reader.column is None else _find_other_hashes(judgement, columns)
    names = _attribute_names(titles, columns.indexes, reader)
    return _Layout(heading, columns.indexes, other_hashes, type_column, names), reasons


def _take_sample(rows: Iterator[Row]) -> tuple[list[Row], bool]:
    """Return the first rows, and whether the table has no more rows."""
    sample: list[Row] = []
    size = 0
    for row in rows:
        sample.append(row)
        size += sum(map(len, row.cells)) + _CELL_SIZE * len(row.cells)
        if len(sample) >= _SAMPLE_ROWS or size >= _SAMPLE_SIZE:
            return sample, False
    return sample, True


def _split_heading(sample: list[Row], wanted: str | None) -> tuple[list[str], list[Row]]:
    """Return the heading of a table, or an empty list, and the rows below the heading.

    The heading is the first row, or a row that is below titles of the table and names indicators.
    Each of these two rows is accepted as the heading if one of its cells is the title ``wanted``.
    """
    title = (wanted or "").strip(STRIPPED_CHARACTERS).casefold()
    for position in (_find_widest_title(sample), 0):
        cells, below = sample[position].cells, sample[position + 1 :]
        if title and not title.isdigit() and title in map(str.casefold, cells):
            return cells, below
        if is_heading(cells, below) and (position == 0 or names_indicators(cells)):
            return cells, below
    return [], sample


def _find_widest_title(sample: Sequence[Row]) -> int:
    """Return the index of the row with the most filled cells among the first rows of a table.

    These are the rows before the first row with an indicator, but at most 11 rows. If several have
    the most filled cells, return the first of these. If there are no such rows, return 0.
    """
    rows = sample[: _MAX_TITLES + 1]
    before = takewhile(lambda row: not any(map(is_indicator, row.cells)), rows)
    filled = [sum(map(bool, row.cells)) for row in before]
    return filled.index(max(filled)) if filled else 0


def _select_columns(judgement: Judgement, reader: SeedReader) -> tuple[Column, str]:
    """Return the columns of the seeds, and the reason for selecting them."""
    if reader.column is not None:
        index = find_column(judgement.titles, reader.column, reader.source)
        return judgement.column(index), "chosen with --column"
    if (exported := find_exported_column(judgement.titles)) is not None:
        return judgement.column(exported), "graphbuild exported the table"
    best = choose_columns(judgement, reader.source)
    if others := judgement.others(best):
        reader.seeds.warnings.append(
            f"{reader.source}: other columns contain indicators, too:"
            f" {judgement.describe(others)}; choose a column with --column"
        )
    is_naming = best.rank == Rank.INDICATORS
    return best, "the heading names indicators" if is_naming else "no other column is as likely"


def _find_other_hashes(judgement: Judgement, columns: Column) -> list[int]:
    """Return the indexes of other columns with hashes of the files, if ``columns`` has hashes."""
    if not is_hash_column(columns, judgement.titles):
        return []
    hashes = [each for each in judgement.columns if is_hash_column(each, judgement.titles)]
    return [each.indexes[0] for each in hashes if each is not columns]


class _RowReader:
    """Adds the seeds and attributes of rows."""

    def __init__(self, layout: _Layout, reader: SeedReader) -> None:
        self.hint = FormatHint("cells")
        self._layout = layout
        self._reader = reader

    def add(self, row: Row) -> None:
        """Add the seeds of a row.

        Repeated headings, rows without a seed and rows of unsupported types are skipped.
        """
        reader, layout = self._reader, self._layout
        type_name = row.cell(layout.type_column)
        stated = read_type(type_name)
        if row.cells == layout.heading:
            reader.seeds.skipped += 1
        elif stated == UNSUPPORTED:
            reader.skip(type_name)
        elif cells := _filled_cells(row, layout.columns):
            self._add_cells(cells, row, stated)
        elif cells := _filled_cells(row, layout.other_hashes):
            reader.count_warning(_OTHER_HASH, row.number)
            self._add_cells(cells, row, stated)
        else:
            reader.count_warning(_NO_VALUE, row.number)
            reader.seeds.skipped += 1

    def _add_cells(self, cells: list[str], row: Row, stated: str) -> None:
        heading, names = self._layout.heading, self._layout.names
        if heading and any(row.cells[len(heading) :]):
            self._reader.count_warning(_EXTRA_CELLS, row.number)
        values = enumerate(row.cells)
        attributes = {names[index]: cell for index, cell in values if cell and index in names}
        if len(cells) > 1 and self._add_hashes(cells, row.number, attributes):
            return
        text = _find_url(row, cells[0]) if stated == URL else cells[0]
        if reason := add_entry(text, row.number, self._reader, attributes, stated):
            self._reader.reject(cells[0], row.number, reason)
            self.hint.check(cells[0])

    def _add_hashes(self, cells: list[str], number: int, attributes: dict[str, str]) -> bool:
        """Add the files with the hashes in ``cells``; return False if no cell is a hash."""
        parsed = [find_entities(cell, FILE) for cell in cells]
        if not any(parsed):
            return False
        for hashes in group_by_file(each.id for entities in parsed for each in entities):
            self._reader.add_file(hashes, number, attributes)
        if not all(parsed):
            self._reader.count_warning(INVALID_HASHES, number)
        return True


def _filled_cells(row: Row, columns: Sequence[int]) -> list[str]:
    cells = map(row.cell, columns)
    return [cell for cell in cells if cell.casefold() not in _EMPTY_CELLS]


def _find_url(row: Row, cell: str) -> str:
    """Return the URL in ``row`` whose id is ``cell``. If no URL has this id, return ``cell``."""
    if detect_hash_type(cell) != FILE_ID_HASH:
        return cell
    urls = (each for each in row.cells if "://" in each)
    same = (each for each in urls if any(found.id == cell for found in find_entities(each, URL)))
    return next(same, cell)


def _attribute_names(
    titles: Sequence[str], columns: Sequence[int], reader: SeedReader
) -> dict[int, str]:
    """Map the index of each column except ``columns`` to a unique name of an attribute.

    The name is the title in lower-case ASCII, or ``column_N`` if the title has no ASCII letter or
    digit. Columns after the first ``MAX_COLUMNS`` are omitted with a warning.
    """
    names: dict[int, str] = {}
    others = [index for index in range(len(titles)) if index not in columns]
    for index in others[:MAX_COLUMNS]:
        ascii_only = unicodedata.normalize("NFKD", titles[index]).encode("ascii", "ignore").decode()
        base = re.sub(r"[^a-z0-9]+", "_", ascii_only.lower()).strip("_")[:_MAX_NAME].strip("_")
        name = base = base or f"column_{index + 1}"
        suffix = 1
        while name in names.values():
            suffix += 1
            name = f"{base}_{suffix}"
        names[index] = name
    if len(others) > MAX_COLUMNS:
        reader.seeds.warnings.append(
            f"{reader.source}: the table has {len(others)} other columns; the first {MAX_COLUMNS}"
            " are kept"
        )
    return names

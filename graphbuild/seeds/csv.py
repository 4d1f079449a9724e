"""Tables (CSV, TSV): one column contains seeds, and the others contain attributes of the seeds.

The user can choose the column of the seeds. By default, it is the column in which more than half of
the non-empty cells are indicators, judged by the first 1,000 rows. If no column or more than one
qualifies, ``SeedError`` lists the columns to choose from.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from itertools import chain, islice
from typing import TYPE_CHECKING

from graphbuild.errors import SeedError
from graphbuild.models import SUBJECT_LABELS
from graphbuild.seeds.entries import strip_decoration
from graphbuild.seeds.indicators import parse_indicator
from graphbuild.seeds.plain_list import MAX_LINE as MAX_INDICATOR
from graphbuild.seeds.results import STRIPPED_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from graphbuild.seeds.results import SeedReader

MAX_COLUMNS = 100
MAX_LINE = 4 * 2**20  # characters
# In characters. Checked here, because other code in the process can change the csv module's limit.
MAX_CELL = 131_072
_SAMPLE_ROWS = 1_000
_DELIMITERS = ",;\t|"
_MAX_NAME = 50  # characters of an attribute's name, without a suffix such as "_2"
_MAX_LISTED_COLUMNS = 40

_Row = tuple[int, list[str]]  # the line number at which the row starts, and its cells


def read(lines: Iterable[str], reader: SeedReader) -> None:
    """Add the seeds in one column; the other cells of a row become attributes of its seed."""
    rows = _read_rows(_limit_lines(lines, reader.source), reader)
    sample = list(islice(rows, _SAMPLE_ROWS))
    if not sample:
        return
    header = sample[0][1]
    if any(map(_is_indicator, header)):
        header, body = [], sample
    else:
        body = sample[1:]
    width = max(len(cells) for _, cells in sample)
    titles = [*header, *[""] * (width - len(header))]
    if reader.column is None:
        column = _detect_column(titles, [cells for _, cells in body], reader.source)
    else:
        column = _find_column(titles, reader.column.strip(STRIPPED_CHARACTERS), reader.source)
    names = _attribute_names(titles, column, reader)
    for number, cells in chain(body, rows):
        _add_row(cells, number, column, names, reader)


def _add_row(
    cells: Sequence[str], number: int, column: int, names: Mapping[int, str], reader: SeedReader
) -> None:
    cell = cells[column] if column < len(cells) else ""
    if not cell:
        reader.count_warning("rows without a value in the column of the seeds were skipped", number)
        reader.seeds.skipped += 1
        return
    try:
        indicator = strip_decoration(cell) if len(cell) <= MAX_INDICATOR else ""
    except ValueError as error:
        reader.reject(cell, number, str(error))
        return
    values = enumerate(cells)
    attributes = {names[index]: value for index, value in values if value and index in names}
    if reason := reader.try_add(indicator, number, attributes):
        reader.reject(cell, number, reason)


def _limit_lines(lines: Iterable[str], source: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise SeedError(f"{source}, line {number} is longer than {MAX_LINE:,} characters")
        yield f"{line}\n"


def _read_rows(lines: Iterator[str], reader: SeedReader) -> Iterator[_Row]:
    """Yield the rows of a table, without white space and invisible characters around cells.

    Empty rows and comments are skipped and counted in ``reader.seeds.skipped``.
    """
    leading: list[str] = []  # the empty lines and comments before the first row
    first = ""
    for line in lines:
        if line.strip(STRIPPED_CHARACTERS) and not line.startswith("#"):
            first = line
            break
        leading.append(line)
    delimiter = max(_DELIMITERS, key=lambda each: len(_split_cells(first, each)))
    leading = _blank_comments(leading, first, delimiter)
    parser = csv.reader(chain(leading, [first], lines), delimiter=delimiter, strict=True)
    number = 0
    try:
        for cells in parser:
            start, number = number + 1, parser.line_num
            if not any(map(str.strip, cells)) or cells[0].startswith("#"):
                reader.seeds.skipped += 1
                continue
            if max(map(len, cells)) > MAX_CELL:
                raise SeedError(
                    f"{reader.source}, line {start} is not a row of a table: a cell has more than"
                    f" {MAX_CELL:,} characters"
                )
            yield start, [cell.strip(STRIPPED_CHARACTERS) for cell in cells]
    except csv.Error as error:
        raise SeedError(
            f"{reader.source}, line {number + 1} is not a row of a table: {error}; inside quoted"
            " cells, write each quote twice"
        ) from None


def _blank_comments(leading: list[str], first: str, delimiter: str) -> list[str]:
    """Return the lines before the first row with all comments blanked, except for a header.

    The last line is a header if it has as many cells as the first row (at least two) and the first
    row contains an indicator. Lines are blanked, not removed, to keep the line numbers of rows.
    """
    blank = ["\n"] * len(leading)
    header = leading[-1].lstrip("# ") if leading else ""
    cells = _split_cells(first, delimiter)
    if 1 < len(cells) == len(_split_cells(header, delimiter)) and any(map(_is_indicator, cells)):
        blank[-1] = header
    return blank


def _split_cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _find_column(titles: list[str], wanted: str, source: str) -> int:
    """Return the index of the column with the title ``wanted``, or else with this number (from 1).

    Titles are compared exactly, then without regard to case.
    """
    for normalize in (str, str.casefold):
        name = normalize(wanted)
        same = [index for index, title in enumerate(titles) if normalize(title) == name]
        if len(same) == 1:
            return same[0]
        if same:
            raise SeedError(
                f"{source} has {len(same)} columns {wanted!a}; use the number of the column"
            )
    if wanted.isascii() and wanted.isdigit() and 0 < int(wanted[:9]) <= len(titles):
        return int(wanted[:9]) - 1
    columns = _list_columns(titles, range(len(titles)))
    raise SeedError(f"{source} has no column {wanted[:60]!a}; it has {columns}")


def _detect_column(titles: list[str], body: list[list[str]], source: str) -> int:
    """Return the index of the only column in which most non-empty cells are indicators."""
    found = []
    for index in range(len(titles)):
        filled = [cells[index] for cells in body if index < len(cells) and cells[index]]
        if sum(map(_is_indicator, filled)) * 2 > len(filled):
            found.append(index)
    if len(found) == 1:
        return found[0]
    columns = _list_columns(titles, found or range(len(titles)))
    problem = "several columns contain" if found else "no column contains"
    columns = f": {columns}" if found else f"; it has {columns}"
    raise SeedError(
        f"{source}: {problem} a {SUBJECT_LABELS} in most cells{columns}; choose a column with"
        " --column"
    )


def _is_indicator(cell: str) -> bool:
    if len(cell) > MAX_INDICATOR:
        return False
    try:
        parse_indicator(strip_decoration(cell))
    except ValueError:
        return False
    return True


def _list_columns(titles: list[str], indexes: Sequence[int]) -> str:
    columns = [f"{n + 1} {titles[n][:60]!a}" if titles[n] else f"{n + 1}" for n in indexes]
    hidden = len(columns) - _MAX_LISTED_COLUMNS
    more = f" and {hidden} more" if hidden > 0 else ""
    return ", ".join(columns[:_MAX_LISTED_COLUMNS]) + more


def _attribute_names(titles: list[str], column: int, reader: SeedReader) -> dict[int, str]:
    """Map the index of each column except ``column`` to a unique name of an attribute.

    The name is the title in lower-case ASCII, or ``column_N`` if no letter or digit remains.
    Columns after the first ``MAX_COLUMNS`` are omitted, and a warning is added.
    """
    names: dict[int, str] = {}
    others = [index for index in range(len(titles)) if index != column]
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

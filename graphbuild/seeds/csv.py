"""A table, CSV or TSV: one column names the seeds, the others become what is noted beside them.

Which column it is, the user says by name or number. Unsaid, it is the one column most of whose
cells name something; where there are several, or none, that is told instead of guessed.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from graphbuild.errors import SeedError
from graphbuild.seeds.indicators import parse_indicator
from graphbuild.seeds.plain_list import MAX_LINE, name_in
from graphbuild.seeds.results import AROUND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from graphbuild.seeds.results import Reading

MAX_COLUMNS = 100
MAX_ROW = 4 * 2**20  # characters of a line
MAX_CELL = 2**17  # characters of a cell: what the csv module takes, unless somebody told it more
_SAMPLE = 1_000
_DELIMITERS = ",;\t|"
_MAX_NAME = 50
_TOLD = 40  # columns that a message lists

_Row = tuple[int, list[str]]  # the number of its first line, and its cells


@dataclass(frozen=True, slots=True)
class _Layout:
    """What stands where: the column of the names, and what the others are called."""

    column: int
    names: dict[int, str]


def read(lines: Iterable[str], reading: Reading, column: str | None) -> None:
    """Take the cells of one column as seeds.

    Args:
        lines: the table, without line ends.
        reading: where the seeds go.
        column: its name or its number from 1; None for the one that holds names.

    Raises:
        SeedError: it is no such table, or which column is meant cannot be told.
    """
    rows = _rows(_bounded(lines, reading.source), reading)
    sample = list(islice(rows, _SAMPLE))
    if not sample:
        return
    head = [cell.strip(AROUND) for cell in sample[0][1]]
    body = sample
    if any(map(_names_something, head)):
        head = []  # a table without one: its columns have numbers
    else:
        body = sample[1:]
    chosen = _column(column, head, [cells for _, cells in body], reading.source)
    width = max(len(cells) for _, cells in sample)
    layout = _Layout(chosen, _attribute_names(head, width, chosen, reading))
    for number, cells in chain(body, rows):
        _take(cells, number, layout, reading)


def _take(cells: Sequence[str], number: int, layout: _Layout, reading: Reading) -> None:
    cell = cells[layout.column].strip(AROUND) if layout.column < len(cells) else ""
    if not cell:
        reading.count("rows with nothing in the column were passed over", number)
        reading.found.skipped += 1
        return
    try:
        name = name_in(cell) if len(cell) <= MAX_LINE else ""
    except ValueError as error:
        reading.reject(cell, number, str(error))
        return
    beside = {
        called: cells[at].strip(AROUND)
        for at, called in layout.names.items()
        if at < len(cells) and cells[at].strip(AROUND)
    }
    reading.take(name, number, beside, shown=cell)


# --- rows ----------------------------------------------------------------------------------------


def _bounded(lines: Iterable[str], source: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_ROW:
            raise SeedError(f"{source}, line {number}: is longer than a line of a table can be")
        yield f"{line}\n"


def _rows(lines: Iterator[str], reading: Reading) -> Iterator[_Row]:
    """The rows that are neither blank nor a comment."""
    before: list[str] = []
    first = ""
    for line in lines:
        if line.strip(AROUND) and not line.startswith("#"):
            first = line
            break
        before.append(line)
    delimiter = _delimiter(first)
    leading = _without_comments(before, first, delimiter)
    parser = csv.reader(chain(leading, [first], lines), delimiter=delimiter, strict=True)
    number = 0
    try:
        for cells in parser:
            start, number = number + 1, parser.line_num
            _refuse_long(cells)
            if not any(map(str.strip, cells)) or cells[0].startswith("#"):
                reading.found.skipped += 1
                continue
            yield start, cells
    except csv.Error as error:
        raise SeedError(
            f"{reading.source}, line {number + 1}: is no row of a table: {error}; a quote inside"
            " quotes stands twice"
        ) from None


def _refuse_long(cells: list[str]) -> None:
    if any(len(cell) > MAX_CELL for cell in cells):
        raise csv.Error(f"a cell is longer than {MAX_CELL:,} characters")


def _without_comments(before: list[str], first: str, delimiter: str) -> list[str]:
    """What stands before the first row, emptied; a head may hide in the last comment."""
    emptied = ["\n"] * len(before)
    head = before[-1].lstrip("# ") if before else ""
    cells = _cells(first, delimiter)
    if 1 < len(cells) == len(_cells(head, delimiter)) and any(map(_names_something, cells)):
        emptied[-1] = head
    return emptied


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _delimiter(line: str) -> str:
    """Which character parts the cells: the one that makes the most of them."""
    return max(_DELIMITERS, key=lambda delimiter: len(_cells(line, delimiter)))


# --- columns -------------------------------------------------------------------------------------


def _column(said: str | None, head: list[str], body: list[list[str]], source: str) -> int:
    width = max(map(len, [head, *body]))
    if said is None:
        return _only_one(head, body, width, source)
    wanted = said.strip(AROUND)
    for same in (str, str.casefold):
        places = [at for at, name in enumerate(head) if same(name) == same(wanted)]
        if len(places) == 1:
            return places[0]
        if places:
            raise SeedError(f"{source} has {len(places)} columns {wanted!a}; name it by its number")
    if wanted.isascii() and wanted.isdigit() and 0 < int(wanted[:9]) <= width:
        return int(wanted[:9]) - 1
    raise SeedError(f"{source} has no column {wanted[:60]!a}; it has {_listed(head, width)}")


def _only_one(head: list[str], body: list[list[str]], width: int, source: str) -> int:
    """The one column most of whose cells name something."""
    found = [at for at in range(width) if _holds_names(body, at)]
    if len(found) == 1:
        return found[0]
    what = "no column holds" if not found else "several columns hold"
    those = f": {_listed(head, width, found)}" if found else f"; it has {_listed(head, width)}"
    raise SeedError(
        f"{source}: {what} hashes, domains, addresses or URLs{those}; say which with --column"
    )


def _holds_names(body: list[list[str]], at: int) -> bool:
    cells = [cells[at].strip(AROUND) for cells in body if at < len(cells)]
    filled = [cell for cell in cells if cell]
    return sum(map(_names_something, filled)) * 2 > len(filled)


def _names_something(cell: str) -> bool:
    if not cell or len(cell) > MAX_LINE:
        return False
    try:
        parse_indicator(name_in(cell))
    except ValueError:
        return False
    return True


def _listed(head: list[str], width: int, places: Sequence[int] | None = None) -> str:
    shown = [
        f"{at + 1} {head[at][:60]!a}" if at < len(head) and head[at] else str(at + 1)
        for at in (range(width) if places is None else places)
    ]
    more = f" and {len(shown) - _TOLD} more" if len(shown) > _TOLD else ""
    return ", ".join(shown[:_TOLD]) + more


def _attribute_names(head: list[str], width: int, chosen: int, reading: Reading) -> dict[int, str]:
    """What the other columns are called, as the API calls attributes; each name once."""
    names: dict[int, str] = {}
    others = [at for at in range(width) if at != chosen]
    for at in others[:MAX_COLUMNS]:
        name = plain = _plain(head[at] if at < len(head) else "") or f"column_{at + 1}"
        twin = 1
        while name in names.values():
            twin += 1
            name = f"{plain}_{twin}"
        names[at] = name
    if len(others) > MAX_COLUMNS:
        reading.found.remarks.append(
            f"{reading.source}: {len(others)} columns stand beside the names; the first"
            f" {MAX_COLUMNS} are kept"
        )
    return names


def _plain(text: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_only.lower()).strip("_")[:_MAX_NAME].strip("_")

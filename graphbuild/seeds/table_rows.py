"""Split the lines of a table into rows of cells.

Feeds and spreadsheets deviate from standard CSV, and this module reads the usual deviations. The
delimiter can be a character other than the comma, and a first line such as ``sep=;`` can state it.
Comments can precede the rows, and the heading can be one of these comments. Spaces can surround
quoted cells. Quotes inside quoted cells do not have to be written twice.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.errors import SeedError
from graphbuild.seeds.entries import is_indicator
from graphbuild.seeds.results import STRIPPED_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild.seeds.results import SeedReader

MAX_LINE = 4 * 2**20  # characters
# Maximum characters of a cell. This module checks the limit itself, because any code in the process
# can change the limit of the csv module.
MAX_CELL = 131_072
_MAX_ROW_LINES = 1_000  # a row with more lines is assumed to have a quote that is not closed
_DELIMITERS = ",;\t|"
_NO_DELIMITER = "\x1f"  # a character that text does not contain
_SEPARATOR_LINE = re.compile(r"\"?sep=(\t|[^\w\s\"'#])\"?\s*", re.IGNORECASE)
_SAMPLE_LINES = 20  # lines from which the delimiter is detected
_ZEEK_FIELDS = "#fields"  # the first word of the heading in a log of Zeek
_MAX_HEADING = 65_536  # characters of a comment that can be the heading
_MAX_WARNINGS = 20
_UNCLOSED = "a quote is not closed"
_STRAY_QUOTE = "a quote in this row is not written twice; check the cells of the row"
_MORE_STRAY_QUOTES = "other rows have quotes that are not written twice"


class Row(NamedTuple):
    """A row of a table."""

    number: int  # of the line at which the row starts, from 1
    cells: list[str]  # without white space and invisible characters around them

    def cell(self, index: int | None) -> str:
        """Return a cell, or an empty text if the row has no such cell or ``index`` is None."""
        return "" if index is None or index >= len(self.cells) else self.cells[index]


class Table(NamedTuple):
    """The rows of a table, and its heading, if the heading is not one of the rows."""

    heading: list[str]  # empty if the heading is one of the rows, or if there is no heading
    rows: Iterator[Row]
    heading_reason: str = "a comment is the heading"


def read_table(lines: Iterable[str], reader: SeedReader) -> Table:
    """Return the rows of a table, and its heading if that is a comment.

    Empty rows and comments are skipped and counted in ``reader.seeds.skipped``.

    Raises:
        SeedError: A line or cell is too long. The iterator over the rows also raises this error.
    """
    limited = _limit_lines(lines, reader.source)
    start = _skip_leading_lines(limited)
    sample = [start.first, *islice(limited, _SAMPLE_LINES - 1)] if start.first else []
    delimiter = start.delimiter or _detect_delimiter(sample)
    heading = _find_heading(start.comments, sample, delimiter)
    reader.seeds.skipped += start.skipped - bool(heading)
    parser = _RowParser(chain(sample, limited), delimiter, start.number, reader)
    return Table(heading, parser.rows())


def _limit_lines(lines: Iterable[str], source: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise SeedError(f"{source}, line {number} is longer than {MAX_LINE:,} characters")
        yield f"{line}\n"


class _Start(NamedTuple):
    """The lines before the first row."""

    first: str  # the first line that is neither empty nor a comment
    number: int  # of this line, from 1
    delimiter: str  # the delimiter in the line ``sep=``, or empty
    skipped: int  # number of empty lines and comments
    comments: list[str]  # the last 20 comments


def _skip_leading_lines(lines: Iterator[str]) -> _Start:
    comments: deque[str] = deque(maxlen=_SAMPLE_LINES)
    delimiter, number, skipped = "", 0, 0
    for number, line in enumerate(lines, 1):
        stripped = line.strip(STRIPPED_CHARACTERS)
        if number == 1 and (stated := _SEPARATOR_LINE.fullmatch(line.rstrip("\n"))):
            delimiter = stated[1]
        elif stripped and not stripped.startswith("#"):
            return _Start(line, number, delimiter, skipped, list(comments))
        elif stripped and len(stripped) <= _MAX_HEADING:
            comments.append(stripped)
        skipped += 1
    return _Start("", number, delimiter, skipped, list(comments))


def _detect_delimiter(sample: list[str]) -> str:
    """Return the delimiter with which the most lines have as many cells as the first line.

    If no delimiter splits the first line, return one that splits more than half of the lines into
    the same number of cells. Return ``_NO_DELIMITER`` if no delimiter does, or if more than half of
    the lines are single indicators that contain no delimiter.
    """
    half = len(sample) // 2
    if sum(map(_is_single_indicator, sample)) > half:
        return _NO_DELIMITER
    by_first_line, by_most_lines = [], []
    for index, delimiter in enumerate(_DELIMITERS):
        widths = [len(split_cells(line, delimiter)) for line in sample]
        width, count = Counter(widths).most_common(1)[0] if widths else (0, 0)
        if widths and widths[0] > 1:
            by_first_line.append((widths.count(widths[0]), widths[0], -index))
        elif width > 1 and count > half:
            by_most_lines.append((count, width, -index))
    ratings = by_first_line or by_most_lines
    return _DELIMITERS[-max(ratings)[2]] if ratings else _NO_DELIMITER


def _is_single_indicator(line: str) -> bool:
    """Return whether a line is a valid entry that contains no delimiter."""
    return not any(each in line for each in _DELIMITERS) and is_indicator(line.strip())


def _find_heading(comments: list[str], sample: list[str], delimiter: str) -> list[str]:
    """Return the cells of the last comment that has as many cells as the first row, at least two.

    A line of a Zeek log that starts with ``#fields`` and the delimiter has priority. If no comment
    is the heading, return no cells. This is also the case if the first row contains no digit,
    because it is then more likely the heading itself.
    """
    if not sample or not any(char.isdigit() for char in sample[0]):
        return []
    width = len(split_cells(sample[0], delimiter))
    fields = f"{_ZEEK_FIELDS}{delimiter}"
    of_zeek = [each.removeprefix(fields) for each in comments if each.startswith(fields)]
    for comment in (*of_zeek, *reversed(comments)):
        cells = split_cells(comment.lstrip("# "), delimiter)
        if 1 < width == len(cells):
            return cells
    return []


def split_cells(line: str, delimiter: str) -> list[str]:
    """Split one line into cells and keep stray quotes; return no cells if parsing fails."""
    try:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []
    return [cell.strip(STRIPPED_CHARACTERS) for cell in cells]


class _RowParser:
    """Parses rows. If the quotes of a row are invalid, its first line is parsed as a row."""

    def __init__(
        self, lines: Iterator[str], delimiter: str, number: int, reader: SeedReader
    ) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._number = number  # of the first line of the current row
        self._reader = reader
        self._row_lines: list[str] = []  # the lines of the current row
        self._again: deque[str] = deque()  # lines to parse again
        self._width = 0  # number of cells in the first row
        self._stray_quotes = 0  # number of rows with stray quotes

    def rows(self) -> Iterator[Row]:
        """Yield the rows; skip empty rows and comments."""
        while True:
            parser = csv.reader(
                self._feed(), delimiter=self._delimiter, skipinitialspace=True, strict=True
            )
            try:
                for cells in parser:
                    is_valid = len(self._row_lines) == 1 or not self._contains_rows()
                    yield from self._finish_row(cells if is_valid else self._parse_again())
            except csv.Error:
                yield from self._finish_row(self._parse_again())
            else:
                return

    def _feed(self) -> Iterator[str]:
        length = 0
        while line := self._again.popleft() if self._again else next(self._lines, ""):
            length = length + len(line) if self._row_lines else len(line)
            self._row_lines.append(line)
            if len(self._row_lines) > _MAX_ROW_LINES or length > MAX_LINE:
                raise csv.Error(_UNCLOSED)
            yield line

    def _contains_rows(self) -> bool:
        """Return whether the first two lines of a row look like two rows of the table.

        That is, both have as many cells as the first row, and both have an indicator in the same
        column.
        """
        first, second = map(self._split_plainly, self._row_lines[:2])
        is_full = len(first) == len(second) == self._width
        return is_full and any(
            is_indicator(cell) and is_indicator(below)
            for cell, below in zip(first, second, strict=True)
        )

    def _parse_again(self) -> list[str]:
        """Return the cells of the first line of an invalid row.

        The other lines of the row are parsed again as rows of their own.
        """
        first, *others = self._row_lines
        self._again.extendleft(reversed(others))
        self._row_lines = [first]
        cells = self._split_with_stray_quotes(first)
        self._check_length(cells, self._number)
        if not cells[0].startswith("#"):
            self._warn_about_quotes()
        return cells

    def _split_with_stray_quotes(self, line: str) -> list[str]:
        """Split a line into cells.

        A line can have as many cells as the first row only if its quotes are taken for ordinary
        characters. Such a line is split at every delimiter.
        """
        quoted = split_cells(line, self._delimiter)
        plain = self._split_plainly(line)
        return plain if len(plain) == self._width != len(quoted) else quoted

    def _split_plainly(self, line: str) -> list[str]:
        cells = line.split(self._delimiter)
        return [cell.strip(STRIPPED_CHARACTERS + '"') for cell in cells]

    def _warn_about_quotes(self) -> None:
        self._stray_quotes += 1
        if self._stray_quotes <= _MAX_WARNINGS:
            self._reader.warn(self._number, _STRAY_QUOTE)
        else:
            self._reader.count_warning(_MORE_STRAY_QUOTES, self._number)

    def _finish_row(self, cells: list[str]) -> Iterator[Row]:
        number = self._number
        self._number += len(self._row_lines)
        self._row_lines.clear()
        if not any(map(str.strip, cells)) or cells[0].startswith("#"):
            self._reader.seeds.skipped += 1
            return
        self._check_length(cells, number)
        self._width = self._width or len(cells)
        yield Row(number, [cell.strip(STRIPPED_CHARACTERS) for cell in cells])

    def _check_length(self, cells: list[str], number: int) -> None:
        if not cells or max(map(len, cells)) > MAX_CELL:
            raise SeedError(
                f"{self._reader.source}, line {number} is not a row of a table: a cell has more"
                f" than {MAX_CELL:,} characters"
            )

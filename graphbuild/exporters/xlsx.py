"""Write an Excel workbook with one sheet each for nodes, edges and observations.

Texts are written as text cells, never as formulas or links. A text cell stays a text cell if a user
edits it. Only columns of numbers contain number cells. A sheet holds 1,048,576 rows; further rows
follow on sheets such as ``nodes 2``. A cell holds 32,767 UTF-16 code units; longer texts are
truncated and counted.

XlsxWriter writes each row to a temporary file, so only one row is in memory at a time.
"""

from __future__ import annotations

import shutil
from datetime import datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError, FileSizeError

from graphbuild.errors import ExportError
from graphbuild.exporters.atomic_write import temporary_folder
from graphbuild.exporters.columns import (
    EDGE_COLUMNS,
    FLOAT,
    INT,
    OBSERVATION_COLUMNS,
    TABLES,
    NodeColumns,
    columns_for,
)
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.rows import (
    collection_keys,
    edge_values,
    node_rows,
    observation_rows,
)
from graphbuild.exporters.sanitize import format_value, is_exportable, replace_illegal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xlsxwriter.worksheet import Worksheet

    from graphbuild.exporters.columns import Column
    from graphbuild.exporters.rows import Row
    from graphbuild.graph.builder import Graph

MAX_ROWS = 1_048_576  # per sheet, including the header
MAX_LENGTH = 32_767  # UTF-16 code units per cell
_MAX_INTEGER = 10**15  # Excel displays 15 digits; larger integers are written as text
_CREATED = datetime(2000, 1, 1)  # noqa: DTZ001  a fixed date, so that equal graphs give equal bytes
_TEXT = 49  # the number of the built-in number format "Text"
_COLUMN_WIDTH = 20  # characters


def write_workbook(graph: Graph, stream: BinaryIO) -> ExportWarnings:
    """Write the sheets ``nodes``, ``edges`` and ``observations``.

    Raises:
        ExportError: A sheet is larger than 2 GiB.
    """
    with temporary_folder() as folder:
        path = folder / "workbook.xlsx"
        workbook = _Workbook(str(path), {"constant_memory": True, "tmpdir": str(folder)})
        columns = NodeColumns(TABLES, graph)
        nodes = node_rows(graph, columns, workbook.warnings)
        workbook.add_table("nodes", columns.columns, nodes)
        workbook.add_table("edges", columns_for(EDGE_COLUMNS, TABLES), _edge_rows(graph))
        workbook.add_table("observations", OBSERVATION_COLUMNS, observation_rows(graph))
        workbook.finish()
        with path.open("rb") as written:
            shutil.copyfileobj(written, stream)
    return workbook.warnings


def _edge_rows(graph: Graph) -> Iterator[Row]:
    ignored = ExportWarnings()  # edge attributes without a column are not counted
    for source, target, edge in graph.edges(data=True):
        values = edge_values(edge, ignored)
        values["related_from"] = " ".join(collection_keys(values["related_from"])) or None
        yield source, target, *values.values()


class _Workbook:
    """Writes tables to the sheets of a workbook, and counts changed texts."""

    def __init__(self, path: str, options: dict[str, object]) -> None:
        self.warnings = ExportWarnings()
        self._workbook = Workbook(path, options)
        self._workbook.set_properties({"created": _CREATED})
        # In the built-in format "Text", a text remains a text if a user edits the cell.
        self._text_format = self._workbook.add_format({"num_format": _TEXT})
        self._header_format = self._workbook.add_format({"num_format": _TEXT, "bold": True})

    def add_table(self, name: str, columns: list[Column], rows: Iterable[Row]) -> None:
        """Write a header and ``rows`` to a sheet, and to further sheets if it is full."""
        remaining = iter(rows)
        number = 1
        while (first := next(remaining, None)) is not None or number == 1:
            sheet = self._workbook.add_worksheet(name if number == 1 else f"{name} {number}")
            self._write_header(sheet, columns)
            block = [] if first is None else chain([first], islice(remaining, MAX_ROWS - 2))
            self._write_rows(sheet, columns, block)
            number += 1

    def finish(self) -> None:
        """Write the file."""
        try:
            self._workbook.close()
        except FileCreateError as error:  # XlsxWriter wraps each OSError
            raise error.args[0] from error
        except FileSizeError as error:
            raise ExportError(
                "xlsx: a sheet is larger than 2 GiB; export to csv or parquet instead"
            ) from error

    def _write_header(self, sheet: Worksheet, columns: list[Column]) -> None:
        for index, column in enumerate(columns):
            sheet.write_string(0, index, column.name, self._header_format)
        sheet.set_column(0, len(columns) - 1, _COLUMN_WIDTH)
        sheet.freeze_panes(1, 0)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})

    def _write_rows(self, sheet: Worksheet, columns: list[Column], rows: Iterable[Row]) -> None:
        are_numbers = [column.dtype in {INT, FLOAT} for column in columns]
        for number, row in enumerate(rows, 1):
            for index, value in enumerate(row):
                if value is None or value == "":
                    continue
                if are_numbers[index] and _is_number(value):
                    sheet.write_number(number, index, value)
                else:
                    text = self._clean(format_value(value))
                    sheet.write_string(number, index, text, self._text_format)

    def _clean(self, text: str) -> str:
        cleaned = replace_illegal(text)
        if cleaned.startswith("<r>"):
            # XlsxWriter inserts texts from "<r>" to "</r>" into the file as XML, unescaped.
            cleaned = f" {cleaned}"
        self.warnings.cleaned += cleaned != text
        shortened = _truncate(cleaned)
        self.warnings.truncated += shortened != cleaned
        return shortened


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_exportable(value):
        return False
    return isinstance(value, float) or abs(value) < _MAX_INTEGER


def _truncate(text: str) -> str:
    if len(text) <= MAX_LENGTH // 2:  # a character has at most two code units
        return text
    # "ignore" removes half of a character at the end.
    return text.encode("utf-16-le")[: MAX_LENGTH * 2].decode("utf-16-le", "ignore")

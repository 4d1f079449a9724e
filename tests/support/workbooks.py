"""Read Excel workbooks with only the standard library, as ECMA-376 describes the format."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True)
class Cell:
    """One cell: its type (``text`` or ``number``), its text, and its number format."""

    kind: str
    text: str
    number_format: str


@dataclass(frozen=True)
class Workbook:
    """The cells of each sheet by position, such as ``A1``, and the names of all parts."""

    sheets: dict[str, list[dict[str, Cell]]]
    parts: dict[str, bytes]

    def rows(self, sheet: str) -> list[dict[str, str]]:
        """Return the texts of the rows below the header, by column name; no cell is empty text."""
        header, *rows = self.sheets[sheet]
        names = {column: cell.text for column, cell in header.items()}
        return [
            {name: row[column].text if column in row else "" for column, name in names.items()}
            for row in rows
        ]

    def tags(self) -> set[str]:
        """Return the names of all XML elements of the sheets."""
        return {
            element.tag.removeprefix(_MAIN)
            for name, content in self.parts.items()
            if name.startswith("xl/worksheets/") and name.endswith(".xml")
            for element in ET.fromstring(content).iter()
        }


def read_workbook(source: Path | BinaryIO) -> Workbook:
    """Read a workbook; fail on a cell that is neither a text nor a number."""
    with zipfile.ZipFile(source) as archive:
        assert archive.testzip() is None
        parts = {name: archive.read(name) for name in archive.namelist()}
    targets = {
        each.get("Id"): each.get("Target")
        for each in ET.fromstring(parts["xl/_rels/workbook.xml.rels"])
    }
    formats = _number_formats(parts["xl/styles.xml"])
    return Workbook(
        {
            sheet.get("name", ""): _rows(parts[f"xl/{targets[sheet.get(_RELATION)]}"], formats)
            for sheet in ET.fromstring(parts["xl/workbook.xml"]).iter(f"{_MAIN}sheet")
        },
        parts,
    )


def _number_formats(styles: bytes) -> list[str]:
    cells = ET.fromstring(styles).find(f"{_MAIN}cellXfs")
    assert cells is not None
    return [{"0": "General", "49": "Text"}[each.get("numFmtId", "")] for each in cells]


def _rows(sheet: bytes, formats: list[str]) -> list[dict[str, Cell]]:
    rows = []
    for number, row in enumerate(ET.fromstring(sheet).iter(f"{_MAIN}row"), 1):
        assert row.get("r") == str(number)
        cells = {each.get("r", "").removesuffix(str(number)): _cell(each, formats) for each in row}
        assert len(cells) == len(row)
        rows.append(cells)
    return rows


def _cell(cell: ET.Element, formats: list[str]) -> Cell:
    number_format = formats[int(cell.get("s", "0"))]
    if cell.get("t") == "inlineStr":
        (content,) = cell
        (text,) = content
        assert (content.tag, text.tag) == (f"{_MAIN}is", f"{_MAIN}t")
        decoded = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text.text or "")
        return Cell("text", decoded, number_format)
    (value,) = cell
    assert (cell.get("t", "n"), value.tag) == ("n", f"{_MAIN}v")
    return Cell("number", value.text or "", number_format)

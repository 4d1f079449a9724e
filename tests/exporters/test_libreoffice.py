"""LibreOffice imports the CSV tables without a formula, with any import options.

LibreOffice runs without a user interface and converts CSV to OpenDocument, which marks formulas.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from graphbuild.exporters import FORMATS, export_all
from tests.support.external_tools import ExternalTool
from tests.support.graphs import FORMULAS, HOSTILE, with_title
from tests.support.mixed_campaigns import hostile_text_graph

if TYPE_CHECKING:
    from pathlib import Path

LIBREOFFICE = ExternalTool(
    "tests with LibreOffice",
    "GRAPHBUILD_REQUIRE_OFFICE",
    "install it with: apt-get install libreoffice-calc-nogui",
)
GRAPHS = {"corpus": hostile_text_graph, "titles": partial(with_title, *HOSTILE, *FORMULAS)}
TABLES = [file.name.removesuffix(".csv") for file in FORMATS["csv"].files]
# Separator, quote, UTF-8, first line, columns, language, quoted cells as text, detection of numbers
# such as 1E5, four unrelated options, and evaluation of formulas (the default of old versions):
# https://help.libreoffice.org/latest/en-US/text/shared/guide/csv_params.html
COMMA, *OTHERS = map(ord, ",;\t|: ")  # separators
DETECT_TYPES = "CSV:{},34,76,1,,0,false,true,,,,,true"
AS_TEXT = "CSV:{},34,76,1,,0,true,false,,,,,true"
MAX_LENGTH = 65_535  # maximum number of characters in a cell

_OPEN = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
TABLE, OFFICE, TEXT = _OPEN % "table", _OPEN % "office", _OPEN % "text"
csv.field_size_limit(sys.maxsize)


class Converter:
    """Converts exported tables with LibreOffice, once per folder and import filter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def export(self, name: str, format_name: str, *, raw: bool) -> Path:
        folder = self._folder / f"{name}-{format_name}-{raw}"
        if not folder.exists():
            export_all(GRAPHS[name](), folder, [format_name], csv_guard=not raw)
        return folder

    def convert(
        self, name: str, import_filter: str, format_name: str = "csv", *, raw: bool = False
    ) -> Path:
        """Return the folder of the converted tables."""
        source = self.export(name, format_name, raw=raw)
        folder = source / import_filter.translate({ord(each): "-" for each in ":,"})
        if not folder.exists():
            self._convert(sorted(source.glob("*.csv")), import_filter, folder)
        return folder

    def _convert(self, tables: list[Path], import_filter: str, folder: Path) -> None:
        profile = (self._folder / "profile").as_uri()
        process = subprocess.run(
            [
                "soffice",
                f"-env:UserInstallation={profile}",
                "--headless",
                f"--infilter={import_filter}",
                *("--convert-to", "fods"),
                *("--outdir", folder),
                *tables,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        converted = {path.stem for path in folder.glob("*.fods")}
        assert converted == {path.stem for path in tables}, process.stderr


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Converter:
    LIBREOFFICE.require("soffice")
    return Converter(tmp_path_factory.mktemp("office"))


def cells_in(path: Path) -> list[list[etree._Element]]:
    """Return the rows of a document, with repeated cells and rows expanded."""
    parser = etree.XMLParser(huge_tree=True, resolve_entities=False)
    return [
        row
        for element in etree.parse(path, parser).iter(f"{TABLE}table-row")
        for row in repeat(
            [
                cell
                for each in element.iter(f"{TABLE}table-cell")
                for cell in repeat(each, int(each.get(f"{TABLE}number-columns-repeated", "1")))
            ],
            int(element.get(f"{TABLE}number-rows-repeated", "1")),
        )
    ]


def text_of(element: etree._Element) -> str:
    """Return the text of a paragraph, or of the paragraphs of a cell."""
    if element.tag == f"{TABLE}table-cell":
        return "\n".join(map(text_of, element.iter(f"{TEXT}p")))
    if element.tag == f"{TEXT}s":
        return " " * int(element.get(f"{TEXT}c", "1"))
    if element.tag == f"{TEXT}tab":
        return "\t"
    parts = ((text_of(child), child.tail or "") for child in element)
    return "".join([element.text or "", *chain.from_iterable(parts)])


def as_shown(cell: str) -> str:
    """Return the expected text of a cell: line ends are LF, invalid XML characters are removed."""
    lines = cell.replace("\r\n", "\n").replace("\r", "\n")[:MAX_LENGTH]
    return "".join(c for c in lines if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff"))


def formulas_in(folder: Path) -> list[str]:
    return [
        cell.get(f"{TABLE}formula")
        for path in folder.glob("*.fods")
        for row in cells_in(path)
        for cell in row
        if cell.get(f"{TABLE}formula")
    ]


def rows_of(folder: Path, table: str) -> list[list[str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize("name", GRAPHS)
def test_every_cell_is_imported_as_the_same_text(office: Converter, name: str) -> None:
    folder = office.convert(name, AS_TEXT.format(COMMA))
    assert formulas_in(folder) == []
    graph = GRAPHS[name]()
    counts = {"nodes": len(graph), "edges": graph.number_of_edges()}
    for table in TABLES:
        expected = rows_of(office.export(name, "csv", raw=False), table)
        actual = [[text_of(cell) for cell in row] for row in cells_in(folder / f"{table}.fods")]
        assert len(actual) == 1 + counts.get(table, len(expected) - 1)
        assert actual == [[as_shown(cell) for cell in row] for row in expected]


@pytest.mark.parametrize("name", GRAPHS)
def test_type_detection_finds_numbers_and_dates_but_no_formula(
    office: Converter, name: str
) -> None:
    folder = office.convert(name, DETECT_TYPES.format(COMMA))
    assert formulas_in(folder) == []
    for table in TABLES:
        expected = rows_of(office.export(name, "csv", raw=False), table)
        cells = cells_in(folder / f"{table}.fods")
        assert [len(row) for row in cells] == [len(row) for row in expected]
        for cell, text in zip(chain(*cells), chain(*expected), strict=True):
            kind = cell.get(f"{OFFICE}value-type")
            assert kind in {None, "string", "float", "percentage", "date", "time", "boolean"}
            assert kind not in {None, "string"} or text_of(cell) == as_shown(text)


@pytest.mark.parametrize("separator", OTHERS)
@pytest.mark.parametrize("name", GRAPHS)
def test_other_separators_give_no_formula(office: Converter, name: str, separator: int) -> None:
    assert formulas_in(office.convert(name, DETECT_TYPES.format(separator))) == []


def test_without_the_guard_there_are_formulas(office: Converter) -> None:
    """``--no-csv-guard`` warns about these formulas; this also tests ``formulas_in``."""
    for name in GRAPHS:
        for format_name, raw in (("csv", True), ("neo4j", False)):
            folder = office.convert(name, DETECT_TYPES.format(COMMA), format_name, raw=raw)
            formulas = "".join(formulas_in(folder))
            assert 'of:=HYPERLINK("http://evil.example' in formulas
            assert "of:=cmd|" in formulas
    for separator in OTHERS:
        assert formulas_in(office.convert("titles", DETECT_TYPES.format(separator), raw=True))

"""LibreOffice, whatever it is told of the tables, finds texts in them and no formula.

Its own import is asked, without a window: CSV goes in, an OpenDocument comes out, and in that it is
told which cells are formulas.
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
# Separator, quote, UTF-8, first line, columns, language, whether what is quoted is text, whether
# 1E5 is a number, four of other uses, and whether what looks like a formula is one, as it was ever
# before it could be told: https://help.libreoffice.org/latest/en-US/text/shared/guide/csv_params.html
COMMA, SEMICOLON, TAB = map(ord, ",;\t")
UNTOLD = "CSV:{},34,76,1,,0,false,true,,,,,true"
AS_TEXT = "CSV:{},34,76,1,,0,true,false,,,,,true"
LONGEST = 65_535  # characters of a cell; it drops the others

_OPEN = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
TABLE, OFFICE, TEXT = _OPEN % "table", _OPEN % "office", _OPEN % "text"
csv.field_size_limit(sys.maxsize)


class Office:
    """What LibreOffice makes of exported tables; each folder asked once in each way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def exported(self, name: str, form: str, *, raw: bool) -> Path:
        folder = self._folder / f"{name}-{form}-{raw}"
        if not folder.exists():
            export_all(GRAPHS[name](), folder, [form], csv_guard=not raw)
        return folder

    def opened(self, name: str, way: str, form: str = "csv", *, raw: bool = False) -> Path:
        """The folder of the documents made of the exported tables."""
        source = self.exported(name, form, raw=raw)
        folder = source / way.translate({ord(each): "-" for each in ":,"})
        if not folder.exists():
            self._convert(sorted(source.glob("*.csv")), way, folder)
        return folder

    def _convert(self, tables: list[Path], way: str, folder: Path) -> None:
        profile = (self._folder / "profile").as_uri()
        done = subprocess.run(
            [
                "soffice",
                f"-env:UserInstallation={profile}",
                "--headless",
                f"--infilter={way}",
                *("--convert-to", "fods"),
                *("--outdir", folder),
                *tables,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        made = {path.stem for path in folder.glob("*.fods")}
        assert made == {path.stem for path in tables}, done.stderr


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    LIBREOFFICE.require("soffice")
    return Office(tmp_path_factory.mktemp("office"))


def cells_in(path: Path) -> list[list[etree._Element]]:
    """The rows of a document, each cell by itself; one that stands for several, so often."""
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
    """The text of a paragraph, or of the paragraphs of a cell."""
    if element.tag == f"{TABLE}table-cell":
        return "\n".join(map(text_of, element.iter(f"{TEXT}p")))
    if element.tag == f"{TEXT}s":
        return " " * int(element.get(f"{TEXT}c", "1"))
    if element.tag == f"{TEXT}tab":
        return "\t"
    parts = ((text_of(child), child.tail or "") for child in element)
    return "".join([element.text or "", *chain.from_iterable(parts)])


def as_shown(cell: str) -> str:
    """A cell of ours as a document holds it: line ends are LF, what XML cannot hold is dropped."""
    lines = cell.replace("\r\n", "\n").replace("\r", "\n")[:LONGEST]
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
def test_every_cell_is_the_text_it_was(office: Office, name: str) -> None:
    found = office.opened(name, AS_TEXT.format(COMMA))
    assert formulas_in(found) == []
    graph = GRAPHS[name]()
    counts = {"nodes": len(graph), "edges": graph.number_of_edges()}
    for table in TABLES:
        told = rows_of(office.exported(name, "csv", raw=False), table)
        shown = [[text_of(cell) for cell in row] for row in cells_in(found / f"{table}.fods")]
        assert len(shown) == 1 + counts.get(table, len(told) - 1)
        assert shown == [[as_shown(cell) for cell in row] for row in told]


@pytest.mark.parametrize("name", GRAPHS)
def test_who_tells_it_nothing_finds_numbers_and_dates_but_no_formula(
    office: Office, name: str
) -> None:
    found = office.opened(name, UNTOLD.format(COMMA))
    assert formulas_in(found) == []
    for table in TABLES:
        told = rows_of(office.exported(name, "csv", raw=False), table)
        cells = cells_in(found / f"{table}.fods")
        assert [len(row) for row in cells] == [len(row) for row in told]
        for cell, text in zip(chain(*cells), chain(*told), strict=True):
            kind = cell.get(f"{OFFICE}value-type")
            assert kind in {None, "string", "float", "percentage", "date", "time", "boolean"}
            assert kind not in {None, "string"} or text_of(cell) == as_shown(text)


@pytest.mark.parametrize("separator", [SEMICOLON, TAB])
@pytest.mark.parametrize("name", GRAPHS)
def test_another_separator_makes_no_formula(office: Office, name: str, separator: int) -> None:
    assert formulas_in(office.opened(name, UNTOLD.format(separator))) == []


def test_without_the_guard_there_are_formulas(office: Office) -> None:
    """The readers see formulas where there is no guard, as ``--no-csv-guard`` warns."""
    for name in GRAPHS:
        for form, raw in (("csv", True), ("neo4j", False)):
            found = formulas_in(office.opened(name, UNTOLD.format(COMMA), form, raw=raw))
            assert 'of:=HYPERLINK("http://evil.example' in "".join(found)
            assert "of:=cmd|" in "".join(found)
    for separator in (SEMICOLON, TAB):
        assert formulas_in(office.opened("titles", UNTOLD.format(separator), raw=True))

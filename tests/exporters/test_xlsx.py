"""Excel workbooks: an independent reader finds every value, and no text becomes a formula."""

from __future__ import annotations

import datetime as dt
import io
import math
import re
import subprocess
import sys
import time
from itertools import repeat
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from lxml import etree

import graphbuild as gb
from graphbuild.errors import ExportError
from graphbuild.exporters import atomic_write, export_all, xlsx
from graphbuild.exporters import csv as csv_format
from graphbuild.graph.builder import build_graph
from graphbuild.graph.views import view
from tests.exporters.test_csv import rows as csv_rows
from tests.exporters.test_csv import write_bytes as csv_bytes
from tests.exporters.test_libreoffice import (
    LIBREOFFICE,
    OFFICE,
    TABLE,
    as_shown,
    text_of,
)
from tests.support.graphs import (
    FORMULAS,
    HOSTILE,
    any_text,
    campaign,
    hostile_graphs,
    with_title,
)
from tests.support.mixed_campaigns import hostile_text_graph
from tests.support.paths import ROOT
from tests.support.workbooks import read_workbook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.workbooks import Workbook

WRITERS = {
    "nodes": csv_format.write_nodes,
    "edges": csv_format.write_edges,
    "observations": csv_format.write_observations,
}
NUMBERS = {"creation_date", "degree", "weight", "crawl_pages", "crawl_expected_count"}
# The library copies texts from "<r>" to "</r>" into the file as XML.
INJECTION = (
    '<r></t></is></c><c r="Z9"><f>1+1</f><v>2</v></c><c r="AA9" t="inlineStr"><is><t></t></is></c>'
    '<c r="AB9" t="inlineStr"><is><r><t></t></r>'
)
MAX_LENGTH = 32_767


def written(graph) -> Workbook:
    stream = io.BytesIO()
    xlsx.write_workbook(graph, stream)
    return read_workbook(stream)


def title_of(text: str) -> str:
    (node,) = (row for row in written(with_title(text)).rows("nodes") if row["type"] == "reference")
    return node["title"]


def as_cell(text: str) -> str:
    """Return the documented text of a cell."""

    def is_allowed(char: str) -> bool:
        code = ord(char)
        return char in "\t\n\r" or 0x20 <= code < 0xD800 or 0xE000 <= code not in {0xFFFE, 0xFFFF}

    cleaned = "".join(char if is_allowed(char) else "\ufffd" for char in text)
    cleaned = f" {cleaned}" if cleaned.startswith("<r>") else cleaned
    units = 0
    for index, char in enumerate(cleaned):
        units += 1 + (ord(char) > 0xFFFF)
        if units > MAX_LENGTH:
            return cleaned[:index]
    return cleaned


# --- tables --------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", WRITERS)
@pytest.mark.parametrize(
    "graph", [campaign(), build_graph([]), view(campaign(), "files"), view(campaign(), "folded")]
)
def test_each_sheet_has_the_rows_of_the_csv_table(table, graph):
    assert written(graph).rows(table) == csv_rows(csv_bytes(WRITERS[table], graph, csv_guard=False))


def test_there_is_one_sheet_per_table():
    assert list(written(campaign()).sheets) == ["nodes", "edges", "observations"]


def test_only_columns_of_numbers_have_number_cells():
    for rows in written(campaign()).sheets.values():
        names = {column: cell.text for column, cell in rows[0].items()}
        found = {
            names[column]
            for row in rows[1:]
            for column, cell in row.items()
            if cell.kind == "number"
        }
        assert found <= NUMBERS
        texts = [cell for row in rows for cell in row.values() if cell.kind == "text"]
        assert {cell.number_format for cell in texts} == {"Text"}
    assert any(cell.kind == "number" for cell in written(campaign()).sheets["edges"][1].values())


@pytest.mark.parametrize(
    ("value", "kind"),
    [(0, "number"), (-1, "number"), (10**15 - 1, "number"), (10**15, "text"), (-(10**18), "text")],
)
def test_integers_of_more_than_15_digits_are_texts(value, kind):
    rows = written(with_title("t", creation_date=value)).sheets["nodes"]
    (column,) = (name for name, cell in rows[0].items() if cell.text == "creation_date")
    (cell,) = (row[column] for row in rows[1:] if column in row)
    assert (cell.kind, cell.text) == (kind, str(value))


@pytest.mark.parametrize("weight", [math.nan, math.inf, True, "=1"])
def test_values_that_are_not_numbers_are_texts(weight):
    graph = campaign()
    for *_, edge in graph.edges(data=True):
        edge["weight"] = weight
    texts = {row["weight"] for row in written(graph).rows("edges")}
    assert texts == {"true" if weight is True else str(weight)}


def test_a_table_with_too_many_rows_continues_on_further_sheets(monkeypatch):
    expected = csv_rows(csv_bytes(csv_format.write_nodes, campaign()))
    monkeypatch.setattr(xlsx, "MAX_ROWS", 4)
    workbook = written(campaign())
    assert [name for name in workbook.sheets if "nodes" in name] == ["nodes", "nodes 2", "nodes 3"]
    assert [len(workbook.sheets[name]) for name in ("nodes", "nodes 2", "nodes 3")] == [4, 4, 3]
    actual = [row for name in workbook.sheets if "nodes" in name for row in workbook.rows(name)]
    assert actual == expected


@pytest.mark.parametrize("rows", [0, 3, 6])
def test_a_full_sheet_is_not_followed_by_an_empty_one(monkeypatch, rows):
    monkeypatch.setattr(xlsx, "MAX_ROWS", 4)
    subjects = [gb.Entity("file", f"{number:064x}") for number in range(rows)]
    workbook = written(build_graph([], subjects=subjects))
    assert len([name for name in workbook.sheets if "nodes" in name]) == max(1, rows // 3)


# --- hostile text --------------------------------------------------------------------------------


@pytest.mark.parametrize("graph", [with_title(*HOSTILE, *FORMULAS), hostile_text_graph()])
def test_no_text_becomes_a_formula_or_a_link(graph):
    workbook = written(graph)
    assert workbook.tags().isdisjoint({"f", "hyperlink", "hyperlinks"})
    assert not [name for name in workbook.parts if "rels" in name and "worksheets" in name]
    for table, write in WRITERS.items():
        expected = csv_rows(csv_bytes(write, graph, csv_guard=False))
        assert workbook.rows(table) == [
            {name: as_cell(text) for name, text in row.items()} for row in expected
        ]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile_graphs())
def test_every_graph_gives_a_valid_workbook(graph):
    workbook = written(graph)
    assert {row["id"] for row in workbook.rows("nodes")} == {as_cell(key) for key in graph}
    assert len(workbook.rows("edges")) == graph.number_of_edges()


@settings(max_examples=100, deadline=None)
@given(any_text | st.text("_x0041<r>/&;\r\n\t \ufffe", max_size=20))
@example(INJECTION)
@example(INJECTION + "x" * (MAX_LENGTH - len(INJECTION) - 4) + "</r>" + "x")
@example(INJECTION + "x" * (MAX_LENGTH - len(INJECTION) - 5) + "</r>" + "x")
@example("_x0041_")
@example(" \t\n both ends \r ")
@example("<r></r>")
@example("\x00\x1f\x7f\ufffe\uffff\ud800")
def test_every_title_is_read_back(text):
    # XlsxWriter escapes only the first of two overlapping escape sequences.
    assume(not re.search("_x[0-9A-Fa-f]{4}_x[0-9A-Fa-f]{4}_", text))
    assert title_of(text) == as_cell(text)


@pytest.mark.parametrize("char", ["x", "é", "🦠"])
@pytest.mark.parametrize("length", [MAX_LENGTH - 1, MAX_LENGTH, MAX_LENGTH + 1])
def test_long_texts_are_truncated_and_counted(char, length):
    text = char * length
    stream = io.BytesIO()
    warnings = xlsx.write_workbook(with_title(text), stream)
    titles = [row["title"] for row in read_workbook(stream).rows("nodes") if row["title"]]
    assert titles == [as_cell(text)]
    assert len(titles[0].encode("utf-16-le")) <= 2 * MAX_LENGTH
    # The node has the text as its label and title, and the observation as the reference_title.
    assert warnings.truncated == (3 if as_cell(text) != text else 0)
    assert ("32,767 characters" in str(warnings)) == bool(warnings.truncated)


def test_cleaned_texts_are_counted():
    warnings = xlsx.write_workbook(with_title("a\0b", "fine", INJECTION), io.BytesIO())
    assert warnings.cleaned == 2 * 3  # label, title and reference_title of two nodes


# --- files ---------------------------------------------------------------------------------------


def test_equal_graphs_give_equal_bytes_at_any_time(tmp_path, monkeypatch):
    first = gb.export(campaign(), tmp_path / "a.xlsx").read_bytes()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert gb.export(campaign(), tmp_path / "b.xlsx").read_bytes() == first
    finally:
        monkeypatch.undo()
        time.tzset()
    created = read_workbook(tmp_path / "a.xlsx").parts["docProps/core.xml"]
    assert str(dt.datetime.now(dt.UTC).year).encode() not in created


def test_no_temporary_file_remains(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    xlsx.write_workbook(campaign(), io.BytesIO())
    assert list(tmp_path.iterdir()) == []


def test_a_signal_handler_can_remove_the_temporary_folder():
    with atomic_write.temporary_folder() as folder:
        (folder / "sheet").write_bytes(b"x")
        atomic_write.remove_unfinished()
        assert not folder.exists()
    assert not folder.exists()


def test_a_full_disk_is_reported_and_nothing_remains(tmp_path):
    """The temporary files are on a device without space."""
    code = (
        "import sys, resource, tempfile\n"
        "from graphbuild.errors import ExportError\n"
        "from graphbuild.exporters import export_all\n"
        "from tests.support.graphs import with_title\n"
        "graph = with_title(*(f'{n}' * 3_000 for n in range(100)))\n"
        "tempfile.tempdir = sys.argv[1]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "try:\n"
        "    export_all(graph, sys.argv[2], ['xlsx'])\n"
        "except ExportError as error:\n"
        "    print(error)\n"
    )
    temporary, out = tmp_path / "temporary", tmp_path / "out"
    temporary.mkdir()
    process = subprocess.run(
        [sys.executable, "-c", code, str(temporary), str(out)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        preexec_fn=ignore_file_size_signal,
    )
    assert process.stdout.startswith(f"{out / 'graph.xlsx'}: the disk is full"), process.stderr
    assert list(temporary.iterdir()) == list(out.iterdir()) == []


def ignore_file_size_signal() -> None:
    import signal  # noqa: PLC0415  runs in the child process

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def test_a_sheet_that_is_too_large_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr("zipfile.ZIP64_LIMIT", 100)
    with pytest.raises(ExportError, match="larger than 2 GiB; export to csv or parquet instead"):
        gb.export(campaign(), tmp_path / "graph.xlsx")
    assert list(tmp_path.iterdir()) == []


_EXPORT_WITHOUT_LIBRARY = """
import sys
sys.modules["xlsxwriter"] = None
from tests.support.graphs import campaign
from graphbuild.errors import ExportError
from graphbuild.exporters import export_all
try:
    export_all(campaign(), sys.argv[1], ["csv", "xlsx"])
except ExportError as error:
    print(error)
"""


def test_a_missing_library_is_reported_with_the_install_command(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", _EXPORT_WITHOUT_LIBRARY, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert process.stdout == (
        "xlsx needs xlsxwriter, which is not installed; run: pip install xlsxwriter\n"
    )
    assert not (tmp_path / "out").exists()


# --- LibreOffice ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def converted(tmp_path_factory) -> Path:
    """Return a folder with a workbook of hostile texts, and its OpenDocument version."""
    LIBREOFFICE.require("soffice")
    folder = tmp_path_factory.mktemp("office")
    export_all(with_title(*HOSTILE, *FORMULAS, INJECTION), folder, ["xlsx"])
    process = subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            *("--headless", "--convert-to", "fods", "--outdir", folder, folder / "graph.xlsx"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (folder / "graph.fods").exists(), process.stderr
    return folder


def filled_cells(path: Path) -> list[list[etree._Element]]:
    """Return the filled cells of each row that has some; equal neighbors are repeated."""
    parser = etree.XMLParser(huge_tree=True, resolve_entities=False)
    rows = [
        [
            cell
            for each in row.iter(f"{TABLE}table-cell")
            if each.get(f"{OFFICE}value-type")
            for cell in repeat(each, int(each.get(f"{TABLE}number-columns-repeated", "1")))
        ]
        for row in etree.parse(path, parser).iter(f"{TABLE}table-row")
    ]
    return [row for row in rows if row]


def test_libreoffice_opens_every_cell_as_the_same_text(converted):
    workbook = read_workbook(converted / "graph.xlsx")
    expected = [
        [as_shown(cell.text) for cell in row.values()]
        for rows in workbook.sheets.values()
        for row in rows
    ]
    rows = filled_cells(converted / "graph.fods")
    assert [[as_shown(text_of(cell)) for cell in row] for row in rows] == expected
    assert not [cell for row in rows for cell in row if cell.get(f"{TABLE}formula")]


def test_libreoffice_reads_numbers_only_in_columns_of_numbers(converted):
    numbers = [
        cell
        for rows in read_workbook(converted / "graph.xlsx").sheets.values()
        for row in rows
        for cell in row.values()
        if cell.kind == "number"
    ]
    found = [
        cell.get(f"{OFFICE}value-type")
        for row in filled_cells(converted / "graph.fods")
        for cell in row
        if cell.get(f"{OFFICE}value-type") != "string"
    ]
    assert found == ["float"] * len(numbers)

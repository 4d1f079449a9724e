"""Formats and options of ``graphbuild export``."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import networkx as nx
import pytest
from typer.testing import CliRunner

from graphbuild.cli.main import app
from graphbuild.graph.views import DERIVED_VIEWS, VIEWS
from tests.support.processes import without_coverage
from tests.support.shell import Shell
from tests.support.workbooks import read_workbook

if TYPE_CHECKING:
    from pathlib import Path


SUBJECT, REFERENCE = "ab" * 32, "cd" * 32
TITLE = '=HYPERLINK("http://evil.example","x")'
ANSWER = {
    "data": [{"type": "reference", "id": REFERENCE, "attributes": {"title": TITLE}}],
    "meta": {"count": 1},
    "links": {"self": f"https://x.example/api/v3/files/{SUBJECT}/related_references"},
}


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a campaign file in which a title looks like a formula."""
    shell = Shell(tmp_path_factory.mktemp("imported"))
    (shell.folder / "page.json").write_text(json.dumps(ANSWER))
    assert shell("import", "page.json", "--store", "c.db").returncode == 0
    return shell.folder


@pytest.fixture
def campaign(shell: Shell, imported: Path) -> Path:
    """Copy this folder to the folder of the shell, and return it."""
    shutil.copytree(imported, shell.folder, dirs_exist_ok=True)
    return shell.folder


def titles(folder: Path) -> list[str]:
    with (folder / "observations.csv").open(encoding="utf-8", newline="") as stream:
        return [row["reference_title"] for row in csv.DictReader(stream)]


# --- one file ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path"),
    [("graphml", "campaign.graphml"), ("graphml", "new/c.graphml.gz"), ("html", "page.html")],
)
def test_one_format_can_be_written_to_a_file(
    shell: Shell, campaign: Path, name: str, path: str
) -> None:
    process = shell("export", "--store", "c.db", "--to", name, "--out", path, "--json")
    (written,) = json.loads(process.stdout)["files"]
    assert written["path"] == path
    assert (campaign / path).is_file()
    assert written["bytes"] == (campaign / path).stat().st_size
    assert shell("export", "--store", "c.db", "--to", name, "--out", path).returncode == 0


def test_a_folder_with_the_suffix_of_a_format_is_used(shell: Shell, campaign: Path) -> None:
    (campaign / "old.graphml").mkdir()
    options = ("--store", "c.db", "--to", "graphml", "--out", "old.graphml")
    assert shell("export", *options).returncode == 0
    assert (campaign / "old.graphml" / "graph.graphml").is_file()


@pytest.mark.parametrize("formats", ["graphml,html", "csv"])
def test_a_file_is_refused_for_other_formats(shell: Shell, campaign: Path, formats: str) -> None:
    process = shell("export", "--store", "c.db", "--to", formats, "--out", "c.graphml")
    assert process.returncode == 2
    assert "use a folder for other formats" in " ".join(process.stderr.split())
    assert not (campaign / "c.graphml").exists()


def test_a_large_file_for_gephi_names_the_smaller_one(
    shell: Shell, campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(campaign)
    arguments = ["export", "--store", "c.db", "--to", "graphml,html", "--out", "out"]
    assert "large for Gephi" not in CliRunner().invoke(app, arguments).stderr
    monkeypatch.setattr("graphbuild.cli.export.HEAVY_BYTES", 1_000)
    (line,) = [
        line for line in CliRunner().invoke(app, arguments).stderr.splitlines() if "large" in line
    ]
    assert line.startswith("graph.graphml is large for Gephi (")
    program, *words = line.partition("information: ")[2].split()
    assert program == "graphbuild"
    assert shell(*words).returncode == 0
    assert (campaign / "output" / "graph-folded.graphml").is_file()
    assert "large for Gephi" not in CliRunner().invoke(app, words).stderr


# --- CSV -----------------------------------------------------------------------------------------


def test_csv_guard_is_the_default(shell: Shell, campaign: Path) -> None:
    guarded = shell("export", "--store", "c.db", "--to", "csv", "--out", "guarded")
    raw = shell("export", "--store", "c.db", "--to", "csv", "--out", "raw", "--no-csv-guard")
    assert (guarded.returncode, raw.returncode) == (0, 0)
    assert titles(campaign / "guarded") == ["'" + TITLE]
    assert titles(campaign / "raw") == [TITLE]
    assert "guarded against formulas" in guarded.stderr
    assert "guarded" not in raw.stderr
    edges = {(campaign / name / "edges.csv").read_bytes() for name in ("guarded", "raw")}
    assert len(edges) == 1


def test_no_csv_guard_needs_csv_and_its_help_warns(shell: Shell, campaign: Path) -> None:
    result = shell(
        "export", "--store", "c.db", "--to", "graphml,html", "--out", "out", "--no-csv-guard"
    )
    assert result.returncode == 2
    assert "--no-csv-guard" in result.stderr
    assert "needs --to csv" in result.stderr
    assert not (campaign / "out").exists()
    assert "Do not open such a file in a spreadsheet" in " ".join(
        shell("export", "--help").stdout.split()
    )


def test_csv_bom_adds_a_byte_order_mark_and_needs_csv(shell: Shell, campaign: Path) -> None:
    options = ("export", "--store", "c.db", "--csv-bom")
    assert shell(*options, "--to", "csv", "--out", "marked").returncode == 0
    for name in ("nodes", "edges", "observations"):
        assert (campaign / "marked" / f"{name}.csv").read_bytes().startswith(b'\xef\xbb\xbf"')
    refused = shell(*options, "--to", "graphml", "--out", "out")
    assert refused.returncode == 2
    assert "needs --to csv" in refused.stderr
    assert not (campaign / "out").exists()


# --- Excel ---------------------------------------------------------------------------------------


def test_an_excel_workbook_has_the_tables_and_no_formula(shell: Shell, campaign: Path) -> None:
    exported = shell("export", "--store", "c.db", "--to", "xlsx,csv", "--out", "out")
    assert exported.returncode == 0
    assert "graph.xlsx" in exported.stdout
    workbook = read_workbook(campaign / "out" / "graph.xlsx")
    assert [row["reference_title"] for row in workbook.rows("observations")] == [TITLE]
    assert "f" not in workbook.tags()
    assert len(workbook.rows("nodes")) == 2


# --- views ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", sorted(DERIVED_VIEWS))
def test_formats_of_facts_refuse_computed_views(shell: Shell, campaign: Path, view: str) -> None:
    arguments = ("--store", "c.db", "--to", "graphml,misp,stix", "--view", view, "--out", "out")
    result = shell("export", *arguments)
    assert result.returncode == 2
    message = " ".join(result.stderr.translate({ord("│"): " "}).split())
    assert f"the view {view} has computed nodes or edges, which misp, stix would state" in message
    assert "use the view full or backbone, or other formats" in message
    assert not (campaign / "out").exists()


# --- a full disk ---------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_full_disk_is_reported_and_the_old_file_remains(
    shell: Shell, campaign: Path, view: str
) -> None:
    """A resource limit makes writing fail: files may not become as large as the page."""
    name = "graph.html" if view == "full" else f"graph-{view}.html"
    out = campaign / "out"
    out.mkdir()
    (out / name).write_bytes(b"the old file")
    arguments = ["export", "--store", "c.db", "--to", "html", "--view", view, "--out", "out"]
    result = subprocess.run(
        [
            "sh",
            "-c",
            'ulimit -f 500; exec "$@"',
            "sh",
            sys.executable,
            "-m",
            "graphbuild",
            *arguments,
        ],
        cwd=campaign,
        env=without_coverage(shell.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    cause = "the disk is full or the file is too large; free some space and export again"
    message = f"out/{name}: {cause}"
    assert (result.returncode, message in " ".join(result.stderr.split())) == (1, True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {name: b"the old file"}


# --- the page ------------------------------------------------------------------------------------


def test_no_reduction_needs_html(shell: Shell, campaign: Path) -> None:
    result = shell("export", "--store", "c.db", "--to", "html", "--out", "out", "--no-reduction")
    assert result.returncode == 0
    assert (campaign / "out" / "graph.html").is_file()
    result = shell("export", "--store", "c.db", "--to", "csv", "--out", "none", "--no-reduction")
    assert result.returncode == 2
    assert "needs --to html" in result.stderr
    assert not (campaign / "none").exists()


# --- the same places -----------------------------------------------------------------------------


@pytest.mark.parametrize("earlier", ["graph.html", "graph.graphml", "graph.gexf"])
def test_places_of_an_earlier_export_are_kept(shell: Shell, campaign: Path, earlier: str) -> None:
    assert shell("export", "--store", "c.db", "--to", "html,graphml,gexf").returncode == 0
    answer = json.dumps(ANSWER).replace(SUBJECT, "ef" * 32)
    (campaign / "other.json").write_text(answer)
    assert shell("import", "other.json", "--store", "c.db").returncode == 0
    old = f"output/{earlier}"
    command = ("export", "--store", "c.db", "--to", "graphml", "--out", "new", "--places", old)
    written = shell(*command)
    assert "2 nodes kept their places; 1 is new since" in written.stdout
    before, after = (
        nx.read_graphml(campaign / folder / "graph.graphml") for folder in ("output", "new")
    )
    for key in before:
        assert [before.nodes[key][axis] for axis in "xy"] == [
            after.nodes[key][axis] for axis in "xy"
        ]
    assert {key for key in after if after.nodes[key].get("is_new")} == {f"file:{'ef' * 32}"}
    assert json.loads(shell(*command, "--json").stdout)["new"] == 1


def test_a_file_without_places_is_refused(shell: Shell, campaign: Path) -> None:
    found = shell("export", "--store", "c.db", "--places", "page.json")
    assert found.returncode == 1
    assert "was not saved by a page of graphbuild" in found.stderr
    assert not (campaign / "output").exists()

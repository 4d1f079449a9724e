"""The formats and options of ``graphbuild export``, as a user meets them."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from rig import Shell

SUBJECT, REFERENCE = "ab" * 32, "cd" * 32
TITLE = '=HYPERLINK("http://evil.example","x")'
ANSWER = {
    "data": [{"type": "reference", "id": REFERENCE, "attributes": {"title": TITLE}}],
    "meta": {"count": 1},
    "links": {"self": f"https://x.example/api/v3/files/{SUBJECT}/related_references"},
}


@pytest.fixture
def campaign(shell: Shell) -> Path:
    """The folder with a campaign file in which a title looks like a formula."""
    (shell.folder / "page.json").write_text(json.dumps(ANSWER))
    assert shell("import", "page.json", "--store", "c.db").returncode == 0
    return shell.folder


def titles(folder: Path) -> list[str]:
    with (folder / "observations.csv").open(encoding="utf-8", newline="") as stream:
        return [row["reference_title"] for row in csv.DictReader(stream)]


# --- CSV -----------------------------------------------------------------------------------------


def test_cells_are_guarded_unless_they_are_asked_for_raw(shell: Shell, campaign: Path) -> None:
    guarded = shell("export", "--store", "c.db", "--to", "csv", "--out", "guarded")
    raw = shell("export", "--store", "c.db", "--to", "csv", "--out", "raw", "--raw")
    assert (guarded.returncode, raw.returncode) == (0, 0)
    assert titles(campaign / "guarded") == ["'" + TITLE]
    assert titles(campaign / "raw") == [TITLE]
    assert "guarded against formulas" in guarded.stderr
    assert "guarded" not in raw.stderr
    edges = {(campaign / name / "edges.csv").read_bytes() for name in ("guarded", "raw")}
    assert len(edges) == 1


def test_raw_goes_with_tables_only_and_its_help_warns(shell: Shell, campaign: Path) -> None:
    done = shell("export", "--store", "c.db", "--to", "graphml,html", "--out", "out", "--raw")
    assert done.returncode == 2
    assert "--raw" in done.stderr
    assert "goes with --to csv" in done.stderr
    assert not (campaign / "out").exists()
    assert "Open no such file in one" in " ".join(shell("export", "--help").stdout.split())


# --- the page ------------------------------------------------------------------------------------


def test_the_page_may_begin_with_all_of_it(shell: Shell, campaign: Path) -> None:
    done = shell("export", "--store", "c.db", "--to", "html", "--out", "out", "--full")
    assert done.returncode == 0
    assert (campaign / "out" / "graph.html").is_file()
    done = shell("export", "--store", "c.db", "--to", "csv", "--out", "none", "--full")
    assert done.returncode == 2
    assert "goes with --to html" in done.stderr
    assert not (campaign / "none").exists()

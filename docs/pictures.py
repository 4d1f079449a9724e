# ruff: noqa: INP001 - this folder is not a package
"""Take the pictures of the documents; ``make pictures`` runs this script.

The argument is the folder of the demo. The same page, browser and fonts give the same screenshots.
Each step waits until the page shows a certain text. The picture of a terminal is drawn from what
the command prints.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.browser.pages import write_page  # noqa: E402 - after sys.path
from tests.browser.readability import medium  # noqa: E402 - after sys.path
from tests.support.chromium import launch_chromium  # noqa: E402 - after sys.path
from tests.support.shell import Shell  # noqa: E402 - after sys.path
from tests.support.terminal import run_on_terminal  # noqa: E402 - after sys.path

if TYPE_CHECKING:
    from playwright.sync_api import Page

COLORS = 256
FOLDER = HERE / "pictures"
SIZE = {"width": 1120, "height": 700}
TERMINAL_COLUMNS = 112
GEPHI = HERE.parent / "output" / "gephi" / "target" / "lib"
FILL_PAGE = "body { margin: 0 } svg { display: block; width: 100vw; height: 100vh }"
WEB_FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)


def main(demo: Path) -> None:
    """Take all pictures."""
    FOLDER.mkdir(exist_ok=True)
    _take_screenshots(demo / "graph.html")
    _take_report(demo)
    _draw_terminal(demo, "communities")
    _draw_in_gephi(demo / "graph.graphml")


def _take_screenshots(page_of_the_demo: Path) -> None:
    """Open the page anew for each step, and save a screenshot."""
    with launch_chromium() as browser:
        context = browser.new_context(viewport=SIZE, reduced_motion="reduce", offline=True)
        page = context.new_page()
        for name, show in STEPS.items():
            _open(page, page_of_the_demo.resolve().as_uri())
            show(page)
            _save(page, f"page-{name}")
        with tempfile.TemporaryDirectory() as folder:
            larger = Path(folder) / "larger.html"
            larger.write_bytes(write_page(medium(), title="25 campaigns"))
            _open(page, larger.as_uri())
            _save(page, "page-larger")


def _take_report(demo: Path) -> None:
    """Save a screenshot of the beginning of the report."""
    _shell(demo)("report", "--store", "campaign.db", "--out", ".")
    with launch_chromium() as browser:
        page = browser.new_context(viewport=SIZE, offline=True).new_page()
        page.goto((demo / "report.html").resolve().as_uri())
        _save(page, "tutorial-report")


def _draw_terminal(demo: Path, command: str) -> None:
    """Save what a command prints on a terminal as an SVG image that loads no font."""
    store = ("--store", "demo/campaign.db")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "demo").symlink_to(demo.resolve())
        output = run_on_terminal(
            _shell(Path(folder)), command, *store, stream="stdout", columns=TERMINAL_COLUMNS
        )
    console = Console(record=True, width=TERMINAL_COLUMNS, file=StringIO())
    console.print(f"[bold]$ graphbuild {command} {' '.join(store)}[/bold]", highlight=False)
    console.print(Text.from_ansi(output.replace("\r", "")))  # a terminal ends lines with both
    svg = console.export_svg(title="Terminal", unique_id=f"terminal-{command}")
    path = FOLDER / f"tutorial-{command}.svg"
    path.write_text(WEB_FONT.sub("", svg), encoding="utf-8")
    _report_size(path)


def _draw_in_gephi(graph: Path) -> None:
    """Save the picture that Gephi draws of a graph, if the tests have downloaded Gephi."""
    jar = next(GEPHI.glob("gephi-toolkit-*.jar"), None)
    if jar is None:
        sys.stdout.write("gephi-preview.png: NOT TAKEN; run tests/exporters/test_gephi.py first\n")
        return
    with tempfile.TemporaryDirectory() as folder, launch_chromium() as browser:
        svg = Path(folder, "preview.svg")
        java = ("java", "-Djava.awt.headless=true", "-cp", jar, HERE / "GephiPreview.java")
        subprocess.run((*java, graph, svg), check=True, capture_output=True)  # noqa: S603 - our files
        page = browser.new_context(viewport=SIZE, offline=True).new_page()
        drawing = svg.read_text(encoding="utf-8").partition("<svg")[2]
        page.set_content(f"<style>{FILL_PAGE}</style><svg{drawing}")
        _save(page, "gephi-preview", Image.Quantize.MAXCOVERAGE)  # keeps the rare red


def _shell(folder: Path) -> Shell:
    """Return a shell that has all installed libraries."""
    shell = Shell(folder)
    shell.environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    return shell


def _open(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function("() => window.graphbuild?.ready")


def whole(page: Page) -> None:
    """Show the page as it opens, with all nodes."""
    page.get_by_text("Drawn: 493 of 493 nodes").wait_for()


def which_two(page: Page) -> None:
    """Show the path between two campaigns that share a reference."""
    page.get_by_role("button", name="GlassHeron and Tallowrat").click()
    page.get_by_text("2 links, shortest path").wait_for()


def oldest(page: Page) -> None:
    """Show the oldest reference."""
    page.locator("h3", has_text="Oldest reference").locator("+ ul button").click()
    page.locator("#details dd", has_text="2017-01-06").wait_for()


def evidence(page: Page) -> None:
    """Show the path from a file to the collection Emotet, with its observations."""
    page.fill("#query", "5e3f311ae67f")
    page.press("#query", "Enter")
    page.get_by_role("button", name="Path to").click()
    page.fill("#query", "Emotet")
    page.press("#query", "Enter")
    page.get_by_text("2 links, shortest path").wait_for()


def layers(page: Page) -> None:
    """Show files, references and collections in three columns."""
    page.get_by_role("button", name="Layers").click()


def several(page: Page) -> None:
    """Show the nodes of one cluster as the selection."""
    page.locator("#colors button").first.click()
    page.get_by_text("nodes selected").wait_for()


STEPS = {
    "whole": whole,
    "which-two": which_two,
    "oldest": oldest,
    "evidence": evidence,
    "layers": layers,
    "several": several,
}


def _save(page: Page, name: str, method: Image.Quantize = Image.Quantize.MEDIANCUT) -> None:
    """Save a screenshot; fewer colors make the file smaller."""
    drawn = Image.open(BytesIO(page.screenshot())).convert("RGB")
    path = FOLDER / f"{name}.png"
    drawn.quantize(COLORS, method, dither=Image.Dither.NONE).save(path, "png", optimize=True)
    _report_size(path)


def _report_size(path: Path) -> None:
    sys.stdout.write(f"{path.name}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

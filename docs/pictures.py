# ruff: noqa: INP001 - a script beside the documents, no package
"""Take the pictures of docs/page.md from the page of the demo: ``make pictures`` runs this.

The same page gives the same pictures, but for the fonts of the machine. Each step is what a person
does; what it must show is checked, so that no picture lies.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.support.chromium import launch_chromium  # noqa: E402 - after sys.path

if TYPE_CHECKING:
    from playwright.sync_api import Page

COLOURS = 128
FOLDER = HERE / "pictures"
SIZE = {"width": 1120, "height": 700}


def main(page_of_the_demo: Path) -> None:
    """Open the page, go each way, and keep what is seen."""
    FOLDER.mkdir(exist_ok=True)
    with launch_chromium() as browser:
        context = browser.new_context(viewport=SIZE, reduced_motion="reduce", offline=True)
        page = context.new_page()
        for name, way in WAYS.items():
            page.goto(page_of_the_demo.resolve().as_uri())
            page.wait_for_function("() => window.graphbuild?.ready")
            way(page)
            _keep(page, name)


def whole(page: Page) -> None:
    """The page as it opens."""
    page.get_by_text("Drawn: 493 of 493 nodes").wait_for()


def which_two(page: Page) -> None:
    """Which two campaigns share a report?"""
    page.get_by_role("button", name="GlassHeron and Tallowrat").click()
    page.get_by_text("2 links, shortest path").wait_for()


def oldest(page: Page) -> None:
    """Which report is the oldest?"""
    page.locator("h3", has_text="Oldest reference").locator("+ ul button").click()
    page.locator("#details dd", has_text="2017-01-06").wait_for()


def evidence(page: Page) -> None:
    """What evidence ties a file to a collection?"""
    page.fill("#query", "5e3f311ae67f")
    page.press("#query", "Enter")
    page.get_by_role("button", name="Path to").click()
    page.fill("#query", "Emotet")
    page.press("#query", "Enter")
    page.get_by_text("2 links, shortest path").wait_for()


WAYS = {"whole": whole, "which-two": which_two, "oldest": oldest, "evidence": evidence}


def _keep(page: Page, name: str) -> None:
    """A picture of few colours, which is a small file."""
    drawn = Image.open(BytesIO(page.screenshot())).convert("RGB")
    path = FOLDER / f"page-{name}.png"
    drawn.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        path, "png", optimize=True
    )
    sys.stdout.write(f"{path.name}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

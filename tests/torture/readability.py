"""All graphs, sizes and color schemes: labels cover nothing, and the graph fills the canvas.

Screenshots of all views are saved in ``output/screenshots``.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Opened
from tests.browser.pages import write_page
from tests.browser.readability import SCHEMES, SIZES, problems, worlds
from tests.support.chromium import launch_chromium
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.readability import Scheme
    from tests.support.forking import Zygote


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> PartResult:  # noqa: ARG001  all parts have the same signature
    """Measure each graph at each size in each color scheme; ``rounds`` is not used."""
    result = PartResult("readability")
    try:
        with launch_chromium() as browser:
            for name, build in worlds().items():
                file = folder / f"{name}.html"
                file.write_bytes(write_page(build()))
                for size, scheme in product(SIZES, SCHEMES):
                    _measure(result, browser, file, size, scheme)
    except pytest.skip.Exception as error:
        result.missing = str(error)
    return result.finish()


def _measure(
    result: PartResult, browser: Browser, file: Path, size: tuple[int, int], scheme: Scheme
) -> None:
    width, height = size
    context = browser.new_context(
        offline=True,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
        color_scheme=scheme,
    )
    page = Opened(context.new_page(), file.as_uri())
    page.listen()
    page.page.goto(page.file)
    page.page.wait_for_selector("#status:not(:empty)")
    place = f"{file.stem}, {width}x{height}, {scheme}"
    picture = f"{file.stem.replace(' ', '-')}-{width}x{height}-{scheme}"
    result.failures += [f"{place}: {problem}" for problem in problems(page, picture)]
    result.rounds += 1
    context.close()

"""Random sessions on pages of four sizes: nothing is thrown, and no node or line is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import WINDOW, Opened
from tests.browser.pages import write_page
from tests.browser.sessions import GRAPHS, Session
from tests.support.chromium import launch_chromium
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.support.forking import Zygote


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> PartResult:  # noqa: ARG001  all parts have the same signature
    """Perform ``rounds`` actions, a quarter of them on each graph."""
    result = PartResult("page")
    try:
        with launch_chromium() as browser:
            for name in GRAPHS:
                _run_session(result, browser, folder / f"{name}.html", rounds // len(GRAPHS), seed)
    except pytest.skip.Exception as error:
        result.missing = str(error)
    return result.finish()


def _run_session(result: PartResult, browser: Browser, file: Path, actions: int, seed: int) -> None:
    """Open the page of the graph that ``file`` is named after, and run a session on it."""
    graph = GRAPHS[file.stem]()
    file.write_bytes(write_page(graph))
    context = browser.new_context(offline=True, viewport=WINDOW, reduced_motion="reduce")
    page = Opened(context.new_page(), file.as_uri())
    page.listen()
    page.page.goto(page.file)
    page.page.wait_for_selector("#status:not(:empty)")
    session = Session(page, graph, seed)
    result.failures += [f"{file.stem}: {failure}" for failure in session.run(actions)]
    result.rounds += len(session.actions)
    context.close()

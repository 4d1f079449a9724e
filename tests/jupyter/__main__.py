"""Try ``show`` in JupyterLab and Notebook 7: ``make jupyter`` runs this.

Each application serves a folder with two notebooks. In the first, Chromium runs the cell, uses the
static page, saves the notebook, opens it again, and opens an untrusted copy. In the second, it
clicks on the page of a widget, and selects nodes from Python. Results are printed, with screenshots
in ``output/jupyter``; the exit code is 1 if a check fails. All requests stay on this machine.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import Error, TimeoutError, expect  # noqa: A004  not the builtin

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.support.chromium import launch_chromium  # noqa: E402  of the tests, which are no package

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Locator, Page

# The module that starts the application, and where in it a notebook is.
APPLICATIONS = {"JupyterLab": ("jupyterlab", "lab/tree"), "Notebook 7": ("notebook", "notebooks")}
# Switches off requests for news, updates and extensions.
QUIET = (
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)
PICTURES = ROOT / "output" / "jupyter"
MILLISECONDS = 30_000
_ATTEMPTS = 5  # to choose a command in the command palette
_PALETTE_MS = 5_000  # for which the palette is expected to stay open
GRAPH = """\
import graphbuild as gb
from graphbuild.models import Entity, Observation

files = [Entity("file", f"{n:064x}") for n in range(3)]
reports = [Entity("reference", f"{n:064x}", {"title": f"Report {n}"}) for n in range(4)]
found = Entity("collection", "malpedia_win_emotet", {"name": "Emotet"})
graph = gb.build_graph(Observation(file, report, found) for file in files for report in reports)
"""
STATIC_CELL = f"{GRAPH}gb.show(graph, static=True)"
WIDGET_CELLS = (
    f"{GRAPH}widget = gb.show(graph, height=450)\nwidget",
    "'; '.join(widget.selected_frame()['label'])",
    "widget.select(report.key for report in reports[:2])",
    "widget.focus(found.key)",
)
COLLECTION = "collection:malpedia_win_emotet"
POINT = """(key) => {
  const at = window.graphbuild.position(key);
  const canvas = document.querySelector("#canvas").getBoundingClientRect();
  return [at.x + canvas.x, at.y + canvas.y];
}"""
STATUS = "8 of 8 nodes and 16 of 16 links"
UNTRUSTED = (
    "graph of 3 files, 4 references, 1 collection; "
    "to see it, run the cell again or trust this notebook"
)


class BrowserEvents:
    """Records requests to other hosts, and errors of the page in the frame."""

    def __init__(self, context: BrowserContext) -> None:
        self.request_count = 0
        self.external: list[str] = []
        self.errors: list[str] = []
        context.on("request", lambda request: self._on_request(request.url))
        context.on(
            "console", lambda event: self._on_message(event.type, event.text, event.location["url"])
        )
        context.on(
            "weberror",
            lambda event: self._on_message("error", str(event.error), event.error.stack or ""),
        )

    def _on_request(self, url: str) -> None:
        self.request_count += 1
        if urlsplit(url).hostname not in {None, "127.0.0.1"}:  # None: data and blobs
            self.external.append(url)

    def _on_message(self, kind: str, text: str, source: str) -> None:
        """Record errors and warnings, except those of the application itself."""
        if kind in {"error", "warning"} and "/static/" not in source:
            self.errors.append(f"{kind}: {text} ({source})")


def main() -> int:
    """Try each application; return 0 if all checks pass."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with launch_chromium() as browser:
        return max([_try_application(browser, name) for name in APPLICATIONS])


def _try_application(browser: Browser, name: str) -> int:
    module, path = APPLICATIONS[name]
    with TemporaryDirectory() as folder, _serve(module, Path(folder)) as (base, token):
        context = browser.new_context(viewport={"width": 1200, "height": 1000})
        context.set_default_timeout(MILLISECONDS)
        expect.set_options(timeout=MILLISECONDS)
        events, page = BrowserEvents(context), context.new_page()
        try:
            page.goto(f"{base}/{path}/campaign.ipynb?token={token}")
            _perform_steps(page, f"{base}/{path}", Path(folder), module)
            page.goto(f"{base}/{path}/widget.ipynb?reset")
            _use_widget(page, module)
        except (Error, AssertionError) as error:
            page.screenshot(path=PICTURES / f"{module}-failed.png")
            _print(f"{name}: FAILED, see the last picture: {error}")
            return 1
        finally:
            context.close()
    _print(
        f"{name}: page drawn, search answered, also when saved and opened again; untrusted: a "
        f"sentence, and the page once run or trusted; widget: a click selected a node in Python, "
        f"and Python selected nodes on the page; {events.request_count} requests, "
        f"{len(events.external)} of them to others; {len(events.errors)} errors"
    )
    for line in (*events.external, *events.errors):
        _print(f"  {line}")
    return int(bool(events.external or events.errors))


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _perform_steps(page: Page, path: str, folder: Path, name: str) -> None:
    """Do each step of a user, with a screenshot after each."""

    def take_screenshot(step: str) -> None:
        page.screenshot(path=PICTURES / f"{name}-{step}.png")

    _run(page)
    _use_page(page)
    take_screenshot("run")
    _save(page)
    page.reload()
    _use_page(page)
    take_screenshot("opened-again")
    for number, restore in enumerate((_run, _trust)):
        _copy_changed(folder / "campaign.ipynb", folder / f"sent{number}.ipynb")
        # Without reset, JupyterLab opens the other notebooks, too.
        page.goto(f"{path}/sent{number}.ipynb?reset")
        expect(_output(page)).to_have_text(UNTRUSTED)
        expect(_output(page).locator("iframe")).to_have_count(0)
        take_screenshot("untrusted")
        restore(page)
        _use_page(page)
        take_screenshot(restore.__name__.strip("_"))


def _save(page: Page) -> None:
    with page.expect_response(
        lambda each: each.request.method == "PUT" and "/contents/" in each.url
    ):
        page.locator("[data-jp-item-name=save]:visible").locator("button, jp-button").first.click()


def _output(page: Page) -> Locator:
    return page.locator(".jp-OutputArea-output:visible")


def _cell(page: Page, number: int) -> Locator:
    return page.locator(".jp-CodeCell:visible").nth(number)


def _run(page: Page, number: int = 0) -> None:
    """Run a cell after the kernel has started; earlier key presses would be lost."""
    page.locator(".jp-Toolbar-kernelName:visible", has_text="ipykernel").wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]:visible").wait_for()
    _cell(page, number).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")


def _trust(page: Page) -> None:
    for _ in range(_ATTEMPTS):
        page.locator(".jp-CodeCell:visible .cm-content").click()
        page.keyboard.press("Control+Shift+C")
        try:
            _choose_trust(page)
        except TimeoutError:  # the palette closes if the page moves the keyboard focus
            page.keyboard.press("Escape")
        else:
            break
    page.locator(".jp-Dialog .jp-mod-accept").click()


def _choose_trust(page: Page) -> None:
    """Choose the command in the open command palette; raise TimeoutError if the palette closes."""
    palette = page.locator(".lm-CommandPalette-input:visible")
    palette.fill("Trust Notebook", timeout=_PALETTE_MS)
    command = page.locator(".lm-CommandPalette-item[data-command='notebook:trust']:visible").first
    command.click(timeout=_PALETTE_MS)


def _use_page(page: Page) -> None:
    """Check that the page in the frame is drawn and that its search works."""
    page_frame = _output(page).locator("iframe").content_frame
    page_frame.locator("#status", has_text=STATUS).wait_for()
    page_frame.locator("#query").fill("Emotet")
    page_frame.locator("#query").press("Enter")
    page_frame.locator("#details", has_text="malpedia_win_emotet").wait_for()


def _use_widget(page: Page, name: str) -> None:
    """Check that a click selects a node in Python, and that Python selects nodes on the page."""
    _run(page)
    details = _cell(page, 0).locator("iframe").content_frame.locator("#details")
    selected = _cell(page, 1).locator(".jp-OutputArea-output")
    _click_node(page, COLLECTION)
    details.get_by_text("malpedia_win_emotet").wait_for()
    _run(page, 1)
    expect(selected).to_have_text("'Emotet'")
    page.screenshot(path=PICTURES / f"{name}-widget-clicked.png")
    _run(page, 2)
    details.get_by_text("2 nodes selected").wait_for()
    page.screenshot(path=PICTURES / f"{name}-widget-selected.png")
    _run(page, 1)
    expect(selected).to_have_text("'Report 0; Report 1'")
    _run(page, 3)
    details.get_by_text("malpedia_win_emotet").wait_for()
    _save(page)
    page.reload()
    details.get_by_text("malpedia_win_emotet").wait_for()  # the kernel still has the selection
    page.screenshot(path=PICTURES / f"{name}-widget-reloaded.png")


def _click_node(page: Page, key: str) -> None:
    """Click a node on the page of the widget."""
    element = _cell(page, 0).locator("iframe")
    element.content_frame.locator("#status", has_text=STATUS).wait_for()
    frame, box = element.element_handle().content_frame(), element.bounding_box()
    assert frame
    assert box
    x, y = frame.evaluate(POINT, key)
    page.mouse.click(box["x"] + 1 + x, box["y"] + 1 + y)  # the frame has a border of 1 px


def _copy_changed(saved: Path, changed: Path) -> None:
    """Copy the notebook with a change, so that its signature is invalid."""
    notebook = json.loads(saved.read_text(encoding="utf-8"))
    notebook["metadata"]["sent"] = changed.name
    changed.write_text(json.dumps(notebook), encoding="utf-8")


def _write_notebook(path: Path, *sources: str) -> None:
    empty = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    notebook = {
        "cells": [
            {**empty, "id": f"cell{number}", "source": source}
            for number, source in enumerate(sources)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(notebook), encoding="utf-8")


@contextmanager
def _serve(module: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Serve a folder with the notebooks; yield the URL and the token."""
    _write_notebook(folder / "campaign.ipynb", STATIC_CELL)
    _write_notebook(folder / "widget.ipynb", *WIDGET_CELLS)
    (folder / ".home").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free_port:
        port = free_port.getsockname()[1]
    options = (f"--ServerApp.root_dir={folder}", "--ServerApp.ip=127.0.0.1", f"--port={port}")
    with subprocess.Popen(
        [sys.executable, "-m", module, "--no-browser", "--allow-root", *options, *QUIET],
        env={"HOME": str(folder / ".home"), "PATH": str(Path(sys.executable).parent)},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            yield _read_address(module, server)
        finally:
            server.terminate()


def _read_address(module: str, server: subprocess.Popen[str]) -> tuple[str, str]:
    assert server.stderr is not None
    lines = []
    for line in server.stderr:
        lines.append(line)
        if match := re.search(r"(http://127\.0\.0\.1:\d+)/\S*\?token=(\w+)", line):
            # Keep reading, or the server blocks once the pipe is full.
            threading.Thread(target=server.stderr.read, daemon=True).start()
            return match[1], match[2]
    sys.exit(f"{module} did not start:\n{''.join(lines)}")


if __name__ == "__main__":
    sys.exit(main())

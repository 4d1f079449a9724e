"""Try ``show`` in JupyterLab and Notebook 7: ``make jupyter`` runs this.

Each application serves a folder with one notebook. Chromium runs the cell, uses the page, saves the
notebook, opens it again, and opens an untrusted copy. Results are printed, with screenshots in
``output/jupyter``; the exit code is 1 if a check fails. All requests stay on this machine.
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

from playwright.sync_api import Error, expect

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
CELL = """\
import graphbuild as gb
from graphbuild.models import Entity
from graphbuild.graph.builder import build_graph
from graphbuild.api.parser import Observation

files = [Entity("file", f"{n:064x}") for n in range(3)]
reports = [Entity("reference", f"{n:064x}", {"title": f"Report {n}"}) for n in range(4)]
found = Entity("collection", "malpedia_win_emotet", {"name": "Emotet"})
gb.show(build_graph(Observation(file, report, found) for file in files for report in reports))"""
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "show",
            "metadata": {},
            "outputs": [],
            "source": CELL,
        }
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
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
        except (Error, AssertionError) as error:
            page.screenshot(path=PICTURES / f"{module}-failed.png")
            _print(f"{name}: FAILED, see the last picture: {error}")
            return 1
        finally:
            context.close()
    _print(
        f"{name}: page drawn, search answered, also when saved and opened again; untrusted: a "
        f"sentence, and the page once run or trusted; {events.request_count} requests, "
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
    with page.expect_response(
        lambda each: each.request.method == "PUT" and "/contents/" in each.url
    ):
        page.locator("[data-jp-item-name=save]:visible").locator("button, jp-button").first.click()
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


def _output(page: Page) -> Locator:
    return page.locator(".jp-OutputArea-output:visible")


def _run(page: Page) -> None:
    """Run the cell after the kernel has started; earlier key presses would be lost."""
    page.locator(".jp-Toolbar-kernelName:visible", has_text="ipykernel").wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]:visible").wait_for()
    page.locator(".jp-CodeCell:visible .cm-content").click()
    page.keyboard.press("Control+Enter")


def _trust(page: Page) -> None:
    page.locator(".jp-CodeCell:visible .cm-content").click()
    page.keyboard.press("Control+Shift+C")
    page.locator(".lm-CommandPalette-input:visible").fill("Trust Notebook")
    page.locator(".lm-CommandPalette-item[data-command='notebook:trust']:visible").first.click()
    page.locator(".jp-Dialog .jp-mod-accept").click()


def _use_page(page: Page) -> None:
    """Check that the page in the frame is drawn and that its search works."""
    page_frame = _output(page).locator("iframe").content_frame
    page_frame.locator("#status", has_text=STATUS).wait_for()
    page_frame.locator("#query").fill("Emotet")
    page_frame.locator("#query").press("Enter")
    page_frame.locator("#details", has_text="malpedia_win_emotet").wait_for()


def _copy_changed(saved: Path, changed: Path) -> None:
    """Copy the notebook with a change, so that its signature is invalid."""
    notebook = json.loads(saved.read_text(encoding="utf-8"))
    notebook["metadata"]["sent"] = changed.name
    changed.write_text(json.dumps(notebook), encoding="utf-8")


@contextmanager
def _serve(module: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Serve a folder with the notebook; yield the URL and the token."""
    (folder / "campaign.ipynb").write_text(json.dumps(NOTEBOOK), encoding="utf-8")
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

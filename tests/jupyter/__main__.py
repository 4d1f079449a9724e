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
    """Requests to other hosts, and errors of the page in the frame."""

    def __init__(self, context: BrowserContext) -> None:
        self.asked = 0
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self._asked(request.url))
        context.on("console", lambda it: self._said(it.type, it.text, it.location["url"]))
        context.on("weberror", lambda it: self._said("error", str(it.error), it.error.stack or ""))

    def _asked(self, url: str) -> None:
        self.asked += 1
        if urlsplit(url).hostname not in {None, "127.0.0.1"}:  # None: data and blobs
            self.elsewhere.append(url)

    def _said(self, kind: str, text: str, where: str) -> None:
        """Record errors and warnings, except those of the application itself."""
        if kind in {"error", "warning"} and "/static/" not in where:
            self.complaints.append(f"{kind}: {text} ({where})")


def main() -> int:
    """Try each application; return 0 if all checks pass."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with launch_chromium() as browser:
        return max([_tried(browser, name) for name in APPLICATIONS])


def _tried(browser: Browser, name: str) -> int:
    module, way = APPLICATIONS[name]
    with TemporaryDirectory() as folder, _served(module, Path(folder)) as (base, token):
        context = browser.new_context(viewport={"width": 1200, "height": 1000})
        context.set_default_timeout(MILLISECONDS)
        expect.set_options(timeout=MILLISECONDS)
        heard, page = BrowserEvents(context), context.new_page()
        try:
            page.goto(f"{base}/{way}/campaign.ipynb?token={token}")
            _walk(page, f"{base}/{way}", Path(folder), module)
        except (Error, AssertionError) as error:
            page.screenshot(path=PICTURES / f"{module}-failed.png")
            _say(f"{name}: FAILED, see the last picture: {error}")
            return 1
        finally:
            context.close()
    _say(
        f"{name}: page drawn, search answered, also when saved and opened again; untrusted: a "
        f"sentence, and the page once run or trusted; {heard.asked} requests, "
        f"{len(heard.elsewhere)} of them to others; {len(heard.complaints)} complaints"
    )
    for line in (*heard.elsewhere, *heard.complaints):
        _say(f"  {line}")
    return int(bool(heard.elsewhere or heard.complaints))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _walk(page: Page, way: str, folder: Path, name: str) -> None:
    """All that a person does, one step after the other, with a picture of each."""

    def see(step: str) -> None:
        page.screenshot(path=PICTURES / f"{name}-{step}.png")

    _run(page)
    _ask(page)
    see("run")
    with page.expect_response(lambda it: it.request.method == "PUT" and "/contents/" in it.url):
        page.locator("[data-jp-item-name=save]:visible").locator("button, jp-button").first.click()
    page.reload()
    _ask(page)
    see("opened-again")
    for number, bring_back in enumerate((_run, _trust)):
        _send(folder / "campaign.ipynb", folder / f"sent{number}.ipynb")
        page.goto(f"{way}/sent{number}.ipynb?reset")  # or JupyterLab opens the others too
        expect(_output(page)).to_have_text(UNTRUSTED)
        expect(_output(page).locator("iframe")).to_have_count(0)
        see("untrusted")
        bring_back(page)
        _ask(page)
        see(bring_back.__name__.strip("_"))


def _output(page: Page) -> Locator:
    return page.locator(".jp-OutputArea-output:visible")


def _run(page: Page) -> None:
    """Run the cell, once there is a kernel: before, a key would be lost."""
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


def _ask(page: Page) -> None:
    """The page in the frame is drawn and finds what is looked for."""
    inside = _output(page).locator("iframe").content_frame
    inside.locator("#status", has_text=STATUS).wait_for()
    inside.locator("#query").fill("Emotet")
    inside.locator("#query").press("Enter")
    inside.locator("#details", has_text="malpedia_win_emotet").wait_for()


def _send(saved: Path, sent: Path) -> None:
    """The notebook with another word in it: not the one that was signed here."""
    notebook = json.loads(saved.read_text(encoding="utf-8"))
    notebook["metadata"]["sent"] = sent.name
    sent.write_text(json.dumps(notebook), encoding="utf-8")


@contextmanager
def _served(module: str, folder: Path) -> Iterator[tuple[str, str]]:
    """The application over a folder with the notebook: its address and its token."""
    (folder / "campaign.ipynb").write_text(json.dumps(NOTEBOOK), encoding="utf-8")
    (folder / ".home").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    where = (f"--ServerApp.root_dir={folder}", "--ServerApp.ip=127.0.0.1", f"--port={port}")
    with subprocess.Popen(
        [sys.executable, "-m", module, "--no-browser", "--allow-root", *where, *QUIET],
        env={"HOME": str(folder / ".home"), "PATH": str(Path(sys.executable).parent)},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            yield _said_address(module, server)
        finally:
            server.terminate()


def _said_address(module: str, server: subprocess.Popen[str]) -> tuple[str, str]:
    assert server.stderr is not None
    lines = []
    for line in server.stderr:
        lines.append(line)
        if found := re.search(r"(http://127\.0\.0\.1:\d+)/\S*\?token=(\w+)", line):
            # Read on, or it would wait for us one day.
            threading.Thread(target=server.stderr.read, daemon=True).start()
            return found[1], found[2]
    sys.exit(f"{module} did not start:\n{''.join(lines)}")


if __name__ == "__main__":
    sys.exit(main())

"""A real Chromium with the network shut, and a page of it for any graph."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from chromium import launched
from tools import OUTPUT

from graphbuild.exporters.html import write_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import networkx as nx
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, Route

SCREENSHOTS = OUTPUT / "screenshots"


# One for all tests of a module and no longer: playwright keeps an event loop running, beside which
# tests that run one of their own would fail.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser."""
    with launched() as browser:
        yield browser


@dataclass
class Opened:
    """An open page, and what it tried.

    Attributes:
        page: the page.
        file: its address.
        requests: addresses it wanted, whether its policy stopped them or not.
        passed: those that its policy let through.
        complaints: words on the console, errors, and dialogs.
    """

    page: Page
    file: str
    requests: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        """What the page says of itself under ``window.graphbuild``."""
        return self.page.evaluate("(name) => window.graphbuild[name]", name)

    @property
    def details(self) -> str:
        """The text of the panel."""
        return self.page.text_content("#details") or ""

    @property
    def status(self) -> str:
        """The line at the bottom."""
        return self.page.text_content("#status") or ""

    def choose(self, key: str) -> None:
        """Look for a node by its key and go there."""
        self.page.fill("#query", key)
        index = self.results.index(key)
        for _ in range(index):
            self.page.press("#query", "ArrowDown")
        self.page.press("#query", "Enter")

    def press(self, name: str) -> None:
        """Press the button whose name begins so."""
        self.page.get_by_role("button", name=re.compile(f"^{re.escape(name)}")).click()

    def spot(self, key: str) -> dict[str, Any]:
        """What a node is drawn as."""
        found: dict[str, Any] = self.page.evaluate("(key) => window.graphbuild.spot(key)", key)
        return found

    def point(self, key: str) -> tuple[float, float]:
        """Where a node stands in the window."""
        at = self.page.evaluate("(key) => window.graphbuild.at(key)", key)
        box = self.page.locator("#canvas").bounding_box()
        assert box is not None
        return at["x"] + box["x"], at["y"] + box["y"]

    def screenshot(self, name: str) -> bytes:
        """A picture of the page, kept under ``output``."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        return self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Write the page of a graph and open it from the disk, with the network shut."""
    contexts = []

    def open_page(
        graph: nx.DiGraph[str],
        *,
        title: str = "A campaign",
        positions: dict[str, tuple[float, float]] | None = None,
        full: bool = False,
        policy: bool = True,
        begin: str = "",
        **context: Any,
    ) -> Opened:
        file = tmp_path / f"page{len(contexts)}.html"
        with file.open("wb") as stream:
            write_html(graph, stream, title=title, positions=positions, full=full)
        if not policy:
            stripped, times = re.subn(rb"<meta http-equiv=[^>]*>", b"", file.read_bytes(), count=1)
            assert times == 1
            file.write_bytes(stripped)
        settings = {"viewport": {"width": 1300, "height": 850}, "reduced_motion": "reduce"}
        contexts.append(chromium.new_context(offline=True, **{**settings, **context}))
        opened = Opened(contexts[-1].new_page(), file.as_uri())
        _listen(opened)
        if begin:  # a script before any of the page's
            opened.page.add_init_script(begin)
        opened.page.goto(opened.file)
        opened.page.wait_for_selector("#status:not(:empty)")
        return opened

    yield open_page
    for context in contexts:
        context.close()


def _listen(opened: Opened) -> None:
    def on_route(route: Route) -> None:
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            opened.passed.append(route.request.url)
            route.abort()

    def on_request(request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            opened.requests.append(request.url)

    def on_console(message: ConsoleMessage) -> None:
        if "GL Driver Message" not in message.text:  # a machine without a graphics card
            opened.complaints.append(message.text)

    def on_dialog(dialog: Dialog) -> None:
        opened.complaints.append(f"it asks: {dialog.message}")
        dialog.dismiss()

    opened.page.context.route("**/*", on_route)
    opened.page.on("dialog", on_dialog)
    opened.page.on("request", on_request)
    opened.page.on("console", on_console)
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))

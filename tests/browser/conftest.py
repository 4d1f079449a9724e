"""Fixtures: a Chromium without network access, and an open page for any graph."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.browser.pages import POINT, write_page
from tests.support.chromium import launch_chromium
from tests.support.external_tools import OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import networkx as nx
    from playwright.sync_api import (
        Browser,
        ConsoleMessage,
        Dialog,
        Error,
        Page,
        Request,
        Route,
        ViewportSize,
    )

SCREENSHOTS = OUTPUT / "screenshots"


WINDOW = {"width": 1300, "height": 850}
# Zooms with the mouse wheel at the center of the canvas until the scale passes the target.
_ZOOM = """(target) => {
  const canvas = document.querySelector("#canvas canvas");
  const { x, y, width, height } = canvas.getBoundingClientRect();
  const out = window.graphbuild.scale > target;
  for (let turn = 0; turn < 200 && window.graphbuild.scale > target === out; turn += 1) {
    canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: out ? 100 : -100, bubbles: true,
      cancelable: true, clientX: x + width / 2, clientY: y + height / 2 }));
  }
}"""


# One browser per module: playwright keeps an event loop running, so tests of other modules that
# start an event loop would fail.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A Chromium that runs during the tests of one module."""
    with launch_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def shared_tab(chromium: Browser) -> Iterator[Page]:
    """A tab that the tests of a module use in turn, since opening one takes longer than most tests.

    ``_reset_tab`` empties it after each test.
    """
    tab = _tab(chromium)
    yield tab
    tab.context.close()


def _tab(browser: Browser) -> Page:
    return browser.new_context(offline=True).new_page()


@dataclass
class Opened:
    """An open page and its network activity.

    Attributes:
        page: the page.
        file: the URL of the page.
        requests: URLs that the page requested, whether or not its policy blocked them.
        passed: URLs of the requests that its policy allowed.
        complaints: console messages, errors and dialogs; tests expect none.
    """

    page: Page
    file: str
    requests: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        """Return a property of ``window.graphbuild``."""
        if name.startswith("_"):  # private attributes that playwright looks up on event handlers
            raise AttributeError(name)
        return self.page.evaluate("(name) => window.graphbuild[name]", name)

    @property
    def details(self) -> str:
        """Return the text of the details panel."""
        return self.page.text_content("#details") or ""

    @property
    def status(self) -> str:
        """Return the text of the status line."""
        return self.page.text_content("#status") or ""

    def choose(self, key: str) -> None:
        """Search for a node by its key and select it."""
        self.page.fill("#query", key)
        index = self.results.index(key)
        for _ in range(index):
            self.page.press("#query", "ArrowDown")
        self.page.press("#query", "Enter")

    def press(self, name: str) -> None:
        """Press the button whose name starts with ``name``."""
        self.page.get_by_role("button", name=re.compile(f"^{re.escape(name)}")).click()

    def marker(self, key: str) -> dict[str, Any]:
        """Return the marker of a node."""
        found: dict[str, Any] = self.page.evaluate("(key) => window.graphbuild.marker(key)", key)
        return found

    def point(self, key: str) -> tuple[float, float]:
        """Return the position of a node in the window."""
        x, y = self.page.evaluate(POINT, key)
        return x, y

    def zoom(self, scale: float) -> None:
        """Zoom with the mouse wheel until the view has about this scale (pixels per unit)."""
        self.page.evaluate(_ZOOM, scale)

    def saved(self, button: str) -> tuple[str, bytes]:
        """Press a button and return the name and content of the downloaded file."""
        with self.page.expect_download() as download:
            self.page.click(button)
        return download.value.suggested_filename, download.value.path().read_bytes()

    def link_fragment(self) -> str:
        """Press *Link* and return the fragment of the copied link."""
        self.page.click("#permalink")
        self.page.wait_for_function("() => location.hash.length > 1")
        fragment: str = self.page.evaluate("() => location.hash")
        return fragment

    def open_at(self, fragment: str) -> None:
        """Open the same page anew, with a fragment."""
        self.page.goto("about:blank")
        self.page.goto(self.file + fragment)
        self.page.wait_for_function("() => window.graphbuild?.ready")

    def reopen_by_link(self) -> None:
        """Copy a link to the current view, and open it."""
        self.open_at(self.link_fragment())

    def screenshot(self, name: str) -> bytes:
        """Save a screenshot below ``output`` and return it."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        return self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def listen(self) -> None:
        """Start to record requests, console messages, errors and dialogs."""
        self.page.context.route("**/*", self._on_route)
        for event, handler in self._events().items():
            self.page.on(event, handler)

    def stop_listening(self) -> None:
        """Stop recording, so that another test can use the tab."""
        self.page.context.unroute("**/*", self._on_route)
        for event, handler in self._events().items():
            self.page.remove_listener(event, handler)

    def _events(self) -> dict[Any, Callable[[Any], None]]:
        return {
            "dialog": self._on_dialog,
            "request": self._on_request,
            "console": self._on_console,
            "pageerror": self._on_error,
        }

    def _on_route(self, route: Route) -> None:
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            self.passed.append(route.request.url)
            route.abort()

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.requests.append(request.url)

    def _on_console(self, message: ConsoleMessage) -> None:
        if "GL Driver Message" not in message.text:  # a machine without a graphics card
            self.complaints.append(message.text)

    def _on_dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _on_error(self, error: Error) -> None:
        self.complaints.append(str(error))


@pytest.fixture
def opened(shared_tab: Page, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Return a function that opens the page of a graph without network access."""
    browser = shared_tab.context.browser
    assert browser is not None
    tabs = [shared_tab]  # open tabs that this test does not use yet
    all_opened: list[Opened] = []

    def open_page(
        what: nx.DiGraph[str] | bytes,
        *,
        begin: str = "",  # a script that runs before those of the page
        viewport: ViewportSize | None = None,
        color_scheme: Literal["light", "dark"] = "light",
        reduced_motion: Literal["no-preference", "reduce"] = "reduce",
        **how: Any,
    ) -> Opened:
        content = what if isinstance(what, bytes) else write_page(what, **how)
        file = tmp_path / f"page{len(all_opened)}.html"
        file.write_bytes(content)
        tab = tabs.pop() if tabs and not begin else _tab(browser)
        tab.set_viewport_size(viewport or WINDOW)
        tab.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
        all_opened.append(Opened(tab, file.as_uri()))
        all_opened[-1].listen()
        if begin:
            tab.add_init_script(begin)
        tab.goto(file.as_uri())
        tab.wait_for_selector("#status:not(:empty)")
        return all_opened[-1]

    yield open_page
    for one in all_opened:
        if one.page is shared_tab:
            _reset_tab(one)
        else:
            one.page.context.close()


def _reset_tab(opened: Opened) -> None:
    """Reset the tab: no page, no listeners, no permissions."""
    opened.page.goto("about:blank")
    opened.stop_listening()
    opened.page.context.clear_permissions()
    opened.page.mouse.move(0, 0)

"""Start Chromium for browser tests."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.external_tools import ExternalTool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

_CHROMIUM = ExternalTool(
    "browser tests", "GRAPHBUILD_REQUIRE_BROWSER", "install it with: apt-get install chromium"
)
# The first one is Chromium without a window around the page, which saves half of the CPU time.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def launch_chromium() -> Iterator[Browser]:
    """Yield a browser; skip or fail the test if Chromium is not installed."""
    executable = _executable()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only if there is a browser

    root = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses root otherwise
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*root, *_FLAGS])
        yield browser
        browser.close()


def _executable() -> str:
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return found or _CHROMIUM.skip_or_fail("no Chromium")

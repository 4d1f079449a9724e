"""A real Chromium for the tests that need one; where there is none it is said loudly."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.tools import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

_CHROMIUM = Tool(
    "browser tests", "GRAPHBUILD_REQUIRE_BROWSER", "install it with: apt-get install chromium"
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser; a test is skipped where there is none, or fails if it must not be."""
    executable = _executable()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only where there is a browser

    root = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses root otherwise
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*root, *_FLAGS])
        yield browser
        browser.close()


def _executable() -> str:
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return found or _CHROMIUM.missed("no Chromium")

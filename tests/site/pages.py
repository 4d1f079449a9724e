"""Read the built site: links, identifiers and loaded files of its pages, and its inventory."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

FRONT_PAGE = "docs/index.html"
_LOADING = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("object", "data"),
}
# Relations of <link> that make a browser load the address.
_LOADED_RELATIONS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "modulepreload"}
_CSS_ADDRESS = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")


@dataclass
class Link:
    """A link in a page: its address, its text, and whether it is in the article or the menu."""

    address: str
    in_text: bool
    text: str = ""


@dataclass
class Page:
    """The content of an HTML file that the checks need."""

    name: str
    links: list[Link] = field(default_factory=list)
    identifiers: set[str] = field(default_factory=set)
    loaded: list[str] = field(default_factory=list)
    images_without_text: list[str] = field(default_factory=list)
    code: str = ""

    def targets(self) -> set[str]:
        """Return the names of the pages of the site that this page links to."""
        found = {resolve(self.name, link.address) for link in self.links}
        return {name for name, _ in filter(None, found)}


class _Parser(HTMLParser):
    """Collect the content of one page."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self._in_text = False
        self._in_code = False
        self._in_style = False
        self._link: Link | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self._page.identifiers.add(values["id"])
        self._collect_loaded(tag, values)
        if tag == "a" and "href" in values:
            self._link = Link(values["href"], in_text=self._in_text)
            self._page.links.append(self._link)
        elif tag == "img" and not values.get("alt"):
            self._page.images_without_text.append(values.get("src", ""))
        self._in_text |= tag == "article"
        self._in_code |= tag == "pre"
        self._in_style |= tag == "style"

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._link = None
        self._in_text &= tag != "article"
        self._in_code &= tag != "pre"
        self._in_style &= tag != "style"

    def handle_data(self, data: str) -> None:
        if self._link:
            self._link.text += data
        if self._in_code:
            self._page.code += data
        if self._in_style:
            self._page.loaded += css_addresses(data)

    def _collect_loaded(self, tag: str, values: dict[str, str]) -> None:
        self._page.loaded += [
            values[name] for element, name in _LOADING if element == tag and name in values
        ]
        if tag == "link" and _LOADED_RELATIONS & set(values.get("rel", "").split()):
            self._page.loaded.append(values.get("href", ""))
        if "style" in values:
            self._page.loaded += css_addresses(values["style"])


def read_pages(site: Path) -> dict[str, Page]:
    """Return all pages by their path in the site."""
    pages = {}
    for path in sorted(site.rglob("*.html")):
        page = Page(str(path.relative_to(site)))
        if page.name.startswith("_static/"):
            continue
        _Parser(page).feed(path.read_text(encoding="utf-8"))
        pages[page.name] = page
    return pages


def css_addresses(css: str) -> list[str]:
    """Return what a style sheet loads."""
    return [first or second for first, second in _CSS_ADDRESS.findall(css)]


def is_external(address: str) -> bool:
    """Return whether an address leads to another host."""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in {"http", "https", "ftp", "ws", "wss"}


def resolve(page: str, address: str) -> tuple[str, str] | None:
    """Return the file of the site that an address means, and its fragment; None for other hosts."""
    if urlsplit(address).scheme or is_external(address):
        return None
    path, fragment = urldefrag(address)
    parts = page.split("/")[:-1]
    for part in unquote(urlsplit(path).path).split("/"):
        if part == "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return ("/".join(parts) if path else page), unquote(fragment)


def read_inventory(site: Path) -> set[tuple[str, str]]:
    """Return the kind, such as ``py:function``, and the name of each documented object."""
    content = (site / "objects.inv").read_bytes()
    for _ in range(4):  # lines of the header
        content = content[content.index(b"\n") + 1 :]
    lines = zlib.decompress(content).decode().splitlines()
    entries = (re.fullmatch(r"(.+?) (\S+:\S+) -?\d+ \S+ .*", line) for line in lines)
    return {(entry[2], entry[1]) for entry in entries if entry}

"""Read reports back: ``report.html``, and ``report.md`` as a CommonMark renderer displays it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from pathlib import Path

# The renderers interpret HTML and make links of addresses, as permissive programs do.
RENDERERS = [
    MarkdownIt("commonmark", {"html": True}),
    MarkdownIt("gfm-like", {"html": True, "linkify": True}),
]
_VOID = {"link", "meta"}


@dataclass
class ParsedReport:
    """The content of a report.

    Attributes:
        tables: the rows of each table, by the heading of its section and the name of its first
            column. A row contains its cells by column name, also those in the sentence about all
            rows.
        key_figures: numbers by the noun that they count.
        paragraphs: the text of paragraphs and of items of lists.
        listings: the lines of each folded list, by heading of its section and title.
        elements: the number of HTML elements by name.
        attributes: element, name and value of each HTML attribute.
        figures: the figures as SVG, in order.
    """

    tables: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    key_figures: dict[str, int] = field(default_factory=dict)
    paragraphs: list[str] = field(default_factory=list)
    listings: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    elements: Counter[str] = field(default_factory=Counter)
    attributes: list[tuple[str, str, str | None]] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)

    def rows(self, section: str, column: str) -> list[dict[str, str]]:
        """Return the rows of the table whose first column has this name."""
        return self.tables[section, column]


def parse_folder(folder: Path) -> list[ParsedReport]:
    """Return the reports in a folder: the HTML page and the Markdown document."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    return [parse_page(page), parse_markdown((folder / "report.md").read_text("utf-8"), folder)]


def parse_page(text: str) -> ParsedReport:
    """Parse a page whose figures are ``svg`` elements."""
    report = _Parser(re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)).report
    report.figures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    return report


def parse_markdown(text: str, folder: Path) -> ParsedReport:
    """Render Markdown whose figures are files in a folder, and parse the result."""
    report = _Parser(RENDERERS[-1].render(text)).report
    sources = [value for tag, name, value in report.attributes if (tag, name) == ("img", "src")]
    report.figures = [(folder / str(name)).read_text("utf-8") for name in sources]
    return report


class _Parser(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.report = ParsedReport()
        self._texts: dict[str, str] = {}  # the text of each open element, and of closed ones
        self._section = self._before = self._title = ""
        self._cells: list[str] = []
        self._columns: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.report.elements[tag] += 1
        self.report.attributes += [(tag, name, value) for name, value in attrs]
        self._texts[tag] = ""
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.report.elements[tag] += 1
        self.report.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            self._texts[tag] += data

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        text = self._texts[tag].strip()
        if tag in {"h1", "h2", "h3"}:
            self._section = text
        elif tag in {"th", "td"}:
            self._cells.append(text)
        elif tag == "tr":
            self._end_row()
        elif tag in {"p", "li", "figcaption"}:
            self._end_paragraph(tag, text)
        else:
            self._end_block(tag, text)

    def _end_block(self, tag: str, text: str) -> None:
        match tag:
            case "table":
                self._before = ""
            case "dt":
                self._title = text
            case "dd":
                self.report.key_figures[self._title] = int(text.replace(",", ""))
            case "summary":
                self._start_listing(text)
            case "pre":  # in Markdown, a listing is a code block after its title
                self._start_listing(self._before.removesuffix(":"))
                self._add_lines(text.splitlines())

    def _start_listing(self, title: str) -> None:
        self._title = title
        self.report.listings[self._section, title] = []

    def _add_lines(self, lines: list[str]) -> None:
        self.report.listings[self._section, self._title] += lines

    def _end_paragraph(self, tag: str, text: str) -> None:
        if "details" in self._open:
            self._add_lines([text])
            return
        if "nav" in self._open:
            return
        self.report.paragraphs.append(text)
        self._before = text
        if tag == "li" and (found := re.fullmatch(r"([\d,]+) (\w+(?: file)?s?)", text)):
            self.report.key_figures[found[2]] = int(found[1].replace(",", ""))

    def _end_row(self) -> None:
        cells, self._cells = self._cells, []
        if "thead" in self._open:
            self._columns = cells
            self.report.tables[self._section, cells[0]] = []
            return
        row = dict(zip(self._columns, cells, strict=True)) | _shared_cells(self._before)
        self.report.tables[self._section, self._columns[0]].append(row)


def _shared_cells(sentence: str) -> dict[str, str]:
    """Return the cells that all rows of a table have, from the sentence before the table."""
    found = re.fullmatch(
        r"(?:Same in every row: (.*?)\.)? ?(?:Empty in every row: (.*?)\.)?", sentence
    )
    if not found:
        return {}
    same = dict(each.rsplit(" ", 1) for each in found[1].split(", ")) if found[1] else {}
    return same | dict.fromkeys(found[2].split(", ") if found[2] else (), "")

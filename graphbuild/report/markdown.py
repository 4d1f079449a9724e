"""Render a report as one Markdown text; untrusted text is escaped."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, escape_unprintable
from graphbuild.report.blocks import (
    BulletList,
    Figure,
    FoldedList,
    Heading,
    KeyFigures,
    Paragraph,
    Summary,
    Table,
)
from graphbuild.report.content import Code, Stated, parts
from graphbuild.report.markdown_text import escape_code, escape_line_start, escape_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from graphbuild.report.blocks import Block
    from graphbuild.report.content import Content, Part


def render_markdown(blocks: Sequence[Block], files: Mapping[str, str] | None = None) -> str:
    """Return the report as Markdown.

    ``files`` contains the file name of each figure, by the name of the figure. If ``files`` is
    None, the figures are ``data:`` URLs at the end of the text.
    """
    figures = [block for block in blocks if isinstance(block, Figure)]
    targets = {
        each.name: f"({files[each.name]})" if files else f"[{each.name}]" for each in figures
    }
    texts = ["\n".join(_lines(block, targets)) for block in blocks]
    urls = [] if files else [f"[{each.name}]: {_data_url(each.svg)}" for each in figures]
    return "\n\n".join([*texts, "\n".join(urls)]).rstrip() + "\n"


def _data_url(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _lines(block: Block, targets: Mapping[str, str]) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {_escape(block.text)}"
        case Paragraph():
            yield f"{'> **Warning:** ' * (block.kind == 'warning')}{_escape_line(block.text)}"
        case Summary():
            yield from map(_escape_line, block.sentences)
        case BulletList():
            yield from (f"- {_escape_line(line)}" for line in block.lines)
        case FoldedList():
            # Indented code is code in every renderer, and no text in it can end it.
            yield from (f"{_escape_line(block.title)}:", "")
            yield from (f"    {escape_unprintable(line)}" for line in block.lines)
        case KeyFigures():
            yield from (f"- **{_escape(number)}** {name}" for number, name in block.figures)
        case Figure():
            yield from (f"![{block.title}]{targets[block.name]}", "", _escape(block.text))
        case Table():
            columns = range(len(block.head))
            rules = ("---:" if column in block.numbers else "---" for column in columns)
            for cells in (block.head, rules, *(map(_escape, row) for row in block.rows)):
                yield f"| {' | '.join(cells)} |"


def _escape_line(content: Content) -> str:
    line = _escape(content).lstrip()  # four spaces would begin a code block
    return escape_line_start(line) if _starts_untrusted(content) else line


def _starts_untrusted(content: Content) -> bool:
    first = next(iter(parts(content)), "")
    return (
        _starts_untrusted(first.parts)
        if isinstance(first, Stated)
        else isinstance(first, UntrustedText)
    )


def _escape(content: Content) -> str:
    return "".join(map(_escape_part, parts(content)))


def _escape_part(part: Part) -> str:
    match part:
        case UntrustedText():
            return escape_text(part.text)
        case Code():
            return escape_code(part.text)
        case Stated():
            return _escape(part.parts)
    return part

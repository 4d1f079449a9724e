"""Render a report as one Markdown text with embedded figures; untrusted text is escaped."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, escape_markdown
from graphbuild.report.blocks import BulletList, Figure, Heading, KeyFigures, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild._util import MixedText
    from graphbuild.report.blocks import Block


def render_markdown(blocks: Iterable[Block]) -> str:
    """Return the report as Markdown; the data of the figures is at the end of the text."""
    parts: list[str] = []
    figures: list[str] = []
    for block in blocks:
        parts.append("\n".join(_lines(block)))
        if isinstance(block, Figure):
            data = base64.b64encode(block.svg.encode("utf-8")).decode("ascii")
            figures.append(f"[{block.name}]: data:image/svg+xml;base64,{data}")
    return "\n\n".join([*parts, "\n".join(figures)]).rstrip() + "\n"


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {_escape(block.text)}"
        case Paragraph():
            yield f"> **{_escape(block.text)}**" if block.is_warning else _escape(block.text)
        case BulletList():
            yield from (f"- {_escape(line)}" for line in block.lines)
        case KeyFigures():
            yield from (f"- **{number}** {name}" for number, name in block.figures)
        case Figure():
            yield f"![{block.text}][{block.name}]"
        case Table():
            yield from _table(block)


def _table(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(table.head)} |"
    rules = ("---:" if column in table.numbers else "---" for column in range(len(table.head)))
    yield f"| {' | '.join(rules)} |"
    for row in table.rows:
        yield f"| {' | '.join(map(_escape, row))} |"


def _escape(text: MixedText) -> str:
    return "".join(
        escape_markdown(part.text) if isinstance(part, UntrustedText) else part for part in text
    )

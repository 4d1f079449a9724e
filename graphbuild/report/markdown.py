"""Render a report as one Markdown text with embedded figures; untrusted text is escaped."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, escape_markdown
from graphbuild.report.blocks import (
    BulletList,
    Figure,
    Heading,
    KeyFigures,
    Paragraph,
    Table,
    parts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbuild.report.blocks import Block, Content


def render_markdown(blocks: Sequence[Block]) -> str:
    """Return the report as Markdown. The figures are ``data:`` URLs at the end of the text."""
    texts = ["\n".join(_lines(block)) for block in blocks]
    figures = [
        f"[{block.name}]: data:image/svg+xml;base64,{base64.b64encode(block.svg.encode()).decode()}"
        for block in blocks
        if isinstance(block, Figure)
    ]
    return "\n\n".join([*texts, "\n".join(figures)]).rstrip() + "\n"


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
            columns = range(len(block.head))
            rules = ("---:" if column in block.numbers else "---" for column in columns)
            for cells in (block.head, rules, *(map(_escape, row) for row in block.rows)):
                yield f"| {' | '.join(cells)} |"


def _escape(content: Content) -> str:
    return "".join(
        escape_markdown(part.text) if isinstance(part, UntrustedText) else part
        for part in parts(content)
    )

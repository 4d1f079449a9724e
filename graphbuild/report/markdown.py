"""A report as one Markdown file, pictures inside; no title turns into markup or a link."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, escape_markdown
from graphbuild.report.blocks import Heading, Items, Paragraph, Picture, Table, Tiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild._util import MixedText
    from graphbuild.report.blocks import Block


def as_markdown(blocks: Iterable[Block]) -> str:
    """The report; its pictures stand at the end, as data, so that the text stays readable."""
    parts: list[str] = []
    pictures: list[str] = []
    for block in blocks:
        parts.append("\n".join(_lines(block)))
        if isinstance(block, Picture):
            data = base64.b64encode(block.svg.encode("utf-8")).decode("ascii")
            pictures.append(f"[{block.name}]: data:image/svg+xml;base64,{data}")
    return "\n\n".join([*parts, "\n".join(pictures)]).rstrip() + "\n"


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {_text(block.text)}"
        case Paragraph():
            yield f"> **{_text(block.text)}**" if block.warns else _text(block.text)
        case Items():
            yield from (f"- {_text(line)}" for line in block.lines)
        case Tiles():
            yield from (f"- **{number}** {name}" for number, name in block.figures)
        case Picture():
            yield f"![{block.text}][{block.name}]"
        case Table():
            yield from _table(block)


def _table(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(table.head)} |"
    rules = ("---:" if column in table.numbers else "---" for column in range(len(table.head)))
    yield f"| {' | '.join(rules)} |"
    for row in table.rows:
        yield f"| {' | '.join(map(_text, row))} |"


def _text(text: MixedText) -> str:
    return "".join(
        escape_markdown(part.text) if isinstance(part, UntrustedText) else part for part in text
    )

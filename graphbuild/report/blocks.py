"""The building blocks of a report, independent of the output format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphbuild._util import MixedText


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading.

    Attributes:
        level: 1 for the title of the report.
        text: the text.
        anchor: the id for links to it; empty if there are none.
        cluster: the number of the cluster that the section describes; 0 for none.
    """

    level: int
    text: MixedText
    anchor: str = ""
    cluster: int = 0


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph.

    Attributes:
        text: the text.
        is_warning: whether to highlight it.
    """

    text: MixedText
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class BulletList:
    """A bullet list of single lines."""

    lines: tuple[MixedText, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        head: the column names.
        rows: one text per column.
        numbers: indices of the columns with numbers.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[MixedText, ...], ...]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """A row of key figures: pairs of a number and what it counts."""

    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure.

    Attributes:
        svg: an SVG document without scripts and links, all text escaped.
        name: an identifier, unique in the report.
        text: the caption.
    """

    svg: str
    name: str
    text: str


Block = Heading | Paragraph | BulletList | Table | KeyFigures | Figure

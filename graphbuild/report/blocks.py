"""The building blocks of a report, independent of the output format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from graphbuild._util import MixedText


MAX_ROWS = 30  # of a table or list


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; the title of the report has level 1."""

    level: int
    text: MixedText
    anchor: str = ""  # id for links to the heading
    cluster: int = 0  # number of the cluster that the section describes


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; warnings are highlighted."""

    text: MixedText
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class BulletList:
    """A bullet list of single lines."""

    lines: tuple[MixedText, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with column names and rows of cells."""

    head: tuple[str, ...]
    rows: tuple[tuple[MixedText, ...], ...]
    numbers: frozenset[int] = frozenset()  # indices of the columns with numbers


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """A row of key figures: pairs of a number and what it counts."""

    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with a caption."""

    svg: str  # without scripts and links, all text escaped
    name: str  # unique in the report
    text: str


Block = Heading | Paragraph | BulletList | Table | KeyFigures | Figure


def paragraph(text: str) -> Paragraph:
    """Return a paragraph of trusted text."""
    return Paragraph((text,))


def table(
    head: tuple[str, ...],
    rows: Sequence[tuple[MixedText, ...]],
    hint: str,
    numbers: Iterable[int] = (),
) -> Iterator[Block]:
    """Yield a table, cut after ``MAX_ROWS`` rows.

    Args:
        head: The column names.
        rows: All rows.
        hint: The command that lists the rows that are cut.
        numbers: Indices of the columns with numbers.
    """
    yield Table(head, tuple(rows[:MAX_ROWS]), frozenset(numbers))
    yield from more_rows(rows, hint)


def bullet_list(lines: Sequence[MixedText], hint: str) -> Iterator[Block]:
    """Yield a bullet list, cut after ``MAX_ROWS`` lines."""
    yield BulletList(tuple(lines[:MAX_ROWS]))
    yield from more_rows(lines, hint)


def row(*cells: MixedText | UntrustedText | str | int | None) -> tuple[MixedText, ...]:
    """Return a table row: numbers with thousands separators, empty cells for None."""
    return tuple(_cell(each) for each in cells)


def _cell(value: MixedText | UntrustedText | str | int | None) -> MixedText:
    if isinstance(value, int):
        return (f"{value:,}",)
    if isinstance(value, str | UntrustedText):
        return (value,)
    return value or ("",)


def more_rows(rows: Sequence[object], hint: str) -> Iterator[Block]:
    """Yield the number of rows that are cut, if any, and where to find them."""
    if len(rows) > MAX_ROWS:
        yield paragraph(f"… and {len(rows) - MAX_ROWS:,} more; {hint}.")

"""The building blocks of a report, independent of the output format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from graphbuild._util import MixedText


MAX_ROWS = 30  # maximum rows of a table, or lines of a list


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; the title of the report is the heading of level 1."""

    level: int
    text: MixedText
    anchor: str = ""  # id for links to the heading; empty if nothing links to it
    cluster: int = 0  # number of the cluster that the section describes; 0 in other sections


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; a warning is highlighted."""

    text: MixedText
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class BulletList:
    """A bullet list; each item is one line."""

    lines: tuple[MixedText, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with column names and rows of cells."""

    head: tuple[str, ...]
    rows: tuple[tuple[MixedText, ...], ...]
    numbers: frozenset[int] = frozenset()  # indices of the columns that contain numbers


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """A row of key figures: pairs of a formatted number and a noun, such as "12" and "files"."""

    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with a caption."""

    svg: str  # contains no scripts and no links; all text is escaped
    name: str  # unique in the report
    text: str  # the caption


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
    """Yield a table of the first ``MAX_ROWS`` rows, and a note if rows are left out.

    Args:
        head: The column names.
        rows: All rows.
        hint: A clause with the command that lists all rows, for the note.
        numbers: Indices of the columns that contain numbers.
    """
    yield Table(head, tuple(rows[:MAX_ROWS]), frozenset(numbers))
    yield from more_rows(rows, hint)


def bullet_list(lines: Sequence[MixedText], hint: str) -> Iterator[Block]:
    """Yield a list of the first ``MAX_ROWS`` lines, and a note if lines are left out."""
    yield BulletList(tuple(lines[:MAX_ROWS]))
    yield from more_rows(lines, hint)


def row(*cells: MixedText | UntrustedText | str | int | None) -> tuple[MixedText, ...]:
    """Return a table row; integers get thousands separators, and None becomes an empty cell."""
    return tuple(_cell(each) for each in cells)


def _cell(value: MixedText | UntrustedText | str | int | None) -> MixedText:
    if isinstance(value, int):
        return (f"{value:,}",)
    if isinstance(value, str | UntrustedText):
        return (value,)
    return value or ("",)


def more_rows(rows: Sequence[object], hint: str) -> Iterator[Block]:
    """Yield a note with the number of rows after the first ``MAX_ROWS``, if there are any."""
    if len(rows) > MAX_ROWS:
        yield paragraph(f"… and {len(rows) - MAX_ROWS:,} more; {hint}.")

"""The building blocks of a report, independent of the output format."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from graphbuild._util import UntrustedText

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from graphbuild._util import MixedText

    # The content of a line or table cell; None is empty. Untrusted text must have the type
    # ``UntrustedText``.
    Content = MixedText | UntrustedText | str | int | None

MAX_ROWS = 30  # maximum number of rows for ``table``, and default maximum for ``bullet_list``


class Heading(NamedTuple):
    """A heading. The title of the report is the only heading of level 1."""

    level: int
    text: Content
    anchor: str = ""  # id of the heading in HTML; empty for no id
    cluster: int = 0  # number of the cluster that the section describes; 0 if it describes none


class Paragraph(NamedTuple):
    """A paragraph."""

    text: Content
    is_warning: bool = False  # whether to highlight the paragraph


class BulletList(NamedTuple):
    """A bullet list; each item is one line."""

    lines: Sequence[Content]


class Table(NamedTuple):
    """A table with column names and rows of cells."""

    head: tuple[str, ...]  # the column names
    rows: Sequence[tuple[Content, ...]]
    numbers: Collection[int] = ()  # indices of the columns that contain numbers, from 0


class KeyFigures(NamedTuple):
    """A row of key figures."""

    figures: Sequence[tuple[str, str]]  # pairs of a formatted number and a noun: ("12", "files")


class Figure(NamedTuple):
    """A figure with a caption."""

    svg: str  # an SVG element without scripts and links, in which all text is escaped
    name: str  # identifies the figure in the report
    text: str  # the caption


Block = Heading | Paragraph | BulletList | Table | KeyFigures | Figure


def parts(content: Content) -> MixedText:
    """Return the parts of a line or cell; no parts for None.

    Integers are formatted with thousands separators.
    """
    if content is None:
        return ()
    if isinstance(content, int):
        return (f"{content:,}",)
    return (content,) if isinstance(content, str | UntrustedText) else content


def table(
    head: tuple[str, ...],
    rows: Sequence[tuple[Content, ...]],
    hint: str,
    numbers: Collection[int] = (),
) -> Iterator[Block]:
    """Yield a table of the first ``MAX_ROWS`` rows, and a note if there are more rows.

    ``hint`` is the last clause of the note, and names the command that lists all rows. ``numbers``
    contains the indices of the columns that contain numbers.
    """
    yield Table(head, rows[:MAX_ROWS], numbers)
    yield from more_rows(rows, hint)


def bullet_list(lines: Sequence[Content], hint: str, limit: int = MAX_ROWS) -> Iterator[Block]:
    """Yield a list of the first ``limit`` lines, and a note if there are more lines.

    ``hint`` is the last clause of the note, as for :func:`table`.
    """
    yield BulletList(lines[:limit])
    yield from more_rows(lines, hint, limit)


def more_rows(rows: Sequence[object], hint: str, limit: int = MAX_ROWS) -> Iterator[Block]:
    """Yield a note with the number of rows after the first ``limit`` rows, if there are any."""
    if len(rows) > limit:
        yield Paragraph(f"… and {len(rows) - limit:,} more; {hint}.")

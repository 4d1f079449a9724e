"""The building blocks of a report, independent of the output format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from graphbuild.report.content import Stated, parts, plain_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from graphbuild.report.content import Claim, Content, Part

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
    kind: Literal["", "note", "warning"] = ""


class Summary(NamedTuple):
    """A paragraph of sentences that summarizes the report."""

    sentences: Sequence[Content]


class BulletList(NamedTuple):
    """A bullet list; each item is one line."""

    lines: Sequence[Content]


class FoldedList(NamedTuple):
    """A list that can be long: HTML shows only its title until a reader unfolds the list."""

    title: Content
    lines: Sequence[str]  # untrusted text, shown in a monospaced font


class Table(NamedTuple):
    """A table with column names and rows of cells."""

    head: tuple[str, ...]  # the column names
    rows: Sequence[tuple[Content, ...]]
    numbers: Collection[int] = ()  # indices of the columns that contain numbers, from 0
    claims: Sequence[Claim] = ()  # the claims of cells that the table omits


class KeyFigures(NamedTuple):
    """A row of key figures."""

    # Pairs of a formatted number and a noun, such as "12" and "files".
    figures: Sequence[tuple[Content, str]]


class Figure(NamedTuple):
    """A figure with a title and a caption."""

    svg: str  # an SVG element without scripts and links, in which all text is escaped
    name: str  # identifies the figure in the report, and is part of the name of its file
    title: str
    text: Content  # the caption
    claims: Sequence[Claim] = ()  # the claims that only the figure shows


Block = Heading | Paragraph | Summary | BulletList | FoldedList | Table | KeyFigures | Figure


def join_list(
    items: Sequence[tuple[Part, ...]], separator: str = ", ", last_separator: str = " and "
) -> tuple[Part, ...]:
    """Return the parts of all items, with separators between the items."""
    joined: list[Part] = []
    for number, item in enumerate(items):
        before = last_separator if number == len(items) - 1 else separator
        joined += [*([before] if number else []), *item]
    return tuple(joined)


def table(
    head: tuple[str, ...],
    rows: Sequence[tuple[Content, ...]],
    hint: str = "",
    numbers: Collection[int] = (),
    label_columns: int = 1,
) -> Iterator[Block]:
    """Yield a table of the first ``MAX_ROWS`` rows, and a note if there are more rows.

    If all rows have the same value in a column, a sentence before the table contains this value,
    and the table omits the column.

    Args:
        head: The column names.
        rows: The rows.
        hint: The last clause of the note; it names the command that lists all rows.
        numbers: The indices of the columns that contain numbers.
        label_columns: Number of the first columns, which are never omitted.
    """
    columns = range(len(head))
    equal = [
        column
        for column in columns[label_columns:]
        if len(rows) > 1 and len({plain_text(row[column]) for row in rows}) == 1
    ]
    if equal:
        yield Paragraph(_describe_equal_columns(head, rows[0], equal), "note")
    shown = [column for column in columns if column not in equal]
    omitted = (row[column] for row in rows[:MAX_ROWS] for column in equal)
    yield Table(
        tuple(head[column] for column in shown),
        [tuple(row[column] for column in shown) for row in rows[:MAX_ROWS]],
        [position for position, column in enumerate(shown) if column in numbers],
        tuple(cell.claim for cell in omitted if isinstance(cell, Stated)),
    )
    yield from more_rows(rows, hint)


def _describe_equal_columns(
    head: tuple[str, ...], row: tuple[Content, ...], equal: Sequence[int]
) -> tuple[Part, ...]:
    """Return sentences about the columns that have the values of ``row`` in every row."""
    empty = [column for column in equal if not plain_text(row[column])]
    values = [(f"{head[column]} ", *parts(row[column])) for column in equal if column not in empty]
    same = ("Same in every row: ", *join_list(values, ", ", ", "), ".") if values else ()
    names = ", ".join(head[column] for column in empty)
    separator = " " if same and empty else ""
    return *same, separator, f"Empty in every row: {names}." if empty else ""


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


def collect_claims(blocks: Iterable[Block], *, in_figures: bool = True) -> list[Claim]:
    """Return the claims in ``blocks``, in order and without repetitions.

    With ``in_figures``, claims that only the figures show are included.
    """
    found: dict[str, Claim] = {}
    for block in blocks:
        for content in _contents(block):
            for claim in _claims_in(content):
                found.setdefault(claim.id, claim)
        if isinstance(block, Table) or (in_figures and isinstance(block, Figure)):
            for claim in block.claims:
                found.setdefault(claim.id, claim)
    return list(found.values())


def _contents(block: Block) -> Iterator[Content]:
    match block:
        case Heading() | Paragraph() | Figure():
            yield block.text
        case Summary():
            yield from block.sentences
        case BulletList():
            yield from block.lines
        case FoldedList():
            yield block.title
        case KeyFigures():
            yield from (number for number, _ in block.figures)
        case Table():
            yield from (cell for row in block.rows for cell in row)


def _claims_in(content: Content) -> Iterator[Claim]:
    for part in parts(content):
        if isinstance(part, Stated):
            yield part.claim
            yield from _claims_in(part.parts)

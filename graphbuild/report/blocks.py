"""What a report is made of, whatever it is written as: headings, paragraphs, tables, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphbuild._util import MixedText


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a part.

    Attributes:
        level: 1 for the report itself.
        text: what it says.
        anchor: by what it is linked to; empty where nobody does.
        cluster: the number of the cluster it is about; 0 for none.
    """

    level: int
    text: MixedText
    anchor: str = ""
    cluster: int = 0


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences.

    Attributes:
        text: what they say.
        warns: whether somebody who reads on must know it.
    """

    text: MixedText
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list, a line each."""

    lines: tuple[MixedText, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head.

    Attributes:
        head: the names of the columns.
        rows: a text for each column.
        numbers: the columns that hold numbers.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[MixedText, ...], ...]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Tiles:
    """The few figures that say how large all this is: each with what it counts."""

    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing.

    Attributes:
        svg: the whole of it; no script, no address, harmless as it is.
        name: what it is called inside of the report, one word.
        text: what it shows.
    """

    svg: str
    name: str
    text: str


Block = Heading | Paragraph | Items | Table | Tiles | Picture

"""What a case came to, and the table of them all."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = ("case", "ours", "beside it", "ratio", "spread", "goal", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        case: what was done.
        ours: what it took us.
        other: what it took the alternative, and which that is.
        ratio: ours by the alternative's, or ours by itself where there is none.
        spread: the least and the most of it.
        goal: how large the ratio may be; None where it is told for comparison only.
        shown: how a ratio, its spread and a goal are written.
    """

    case: str
    ours: str
    other: str
    ratio: float
    goal: float | None
    spread: tuple[float, float] | None = None
    shown: str = "{:.2f}x"

    @property
    def missed(self) -> bool:
        """Whether the goal is missed."""
        return self.goal is not None and self.ratio > self.goal

    def cells(self) -> tuple[str, ...]:
        """The line as text."""
        spread = " to ".join(map(self.shown.format, self.spread)) if self.spread else "-"
        goal = "-" if self.goal is None else f"<= {self.shown.format(self.goal)}"
        said = "" if self.goal is None else "MISSED" if self.missed else "met"
        return self.case, self.ours, self.other, self.shown.format(self.ratio), spread, goal, said


def paired(
    case: str, ours: Sequence[float], theirs: Sequence[float], name: str, goal: float | None
) -> Row:
    """A row of seconds: the median of each side, and the median of the pairs' ratios."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Row(
        case=case,
        ours=f"{median(ours):.2f} s",
        other=f"{median(theirs):.2f} s {name}",
        ratio=median(ratios),
        goal=goal,
        spread=(min(ratios), max(ratios)),
    )


def table(rows: Sequence[Row]) -> str:
    """All rows in columns."""
    lines = [_HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)

"""One row per benchmark, and the table of all rows."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = ("case", "ours", "alternative", "ratio", "spread", "goal", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Attributes:
        case: what was measured.
        ours: the result of graphbuild.
        other: the result and the name of the alternative.
        ratio: ours divided by the alternative, or ours if there is none.
        spread: minimum and maximum of the ratio.
        goal: maximum of the ratio; None if there is no goal.
        shown: the format of ratio, spread and goal.
        is_minimum: whether the goal is the minimum of the ratio instead.
    """

    case: str
    ours: str
    other: str
    ratio: float
    goal: float | None
    spread: tuple[float, float] | None = None
    shown: str = "{:.2f}x"
    is_minimum: bool = False

    @property
    def missed(self) -> bool:
        """Whether the goal is missed."""
        if self.goal is None:
            return False
        return self.ratio < self.goal if self.is_minimum else self.ratio > self.goal

    def cells(self) -> tuple[str, ...]:
        """Return the cells as text."""
        spread = " to ".join(map(self.shown.format, self.spread)) if self.spread else "-"
        sign = ">=" if self.is_minimum else "<="
        goal = "-" if self.goal is None else f"{sign} {self.shown.format(self.goal)}"
        result = "" if self.goal is None else "MISSED" if self.missed else "met"
        ratio = self.shown.format(self.ratio)
        return self.case, self.ours, self.other, ratio, spread, goal, result


def paired(
    case: str, ours: Sequence[float], theirs: Sequence[float], name: str, goal: float | None
) -> Row:
    """Return a row with the median seconds of each side and the median ratio of the pairs."""
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
    """Return all rows in aligned columns."""
    lines = [_HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)

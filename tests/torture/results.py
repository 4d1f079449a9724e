"""The result of a part, and a table of all results."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

_HEAD = ("part", "rounds", "wasted", "lost", "unreadable", "key bytes", "seconds", "failures")


@dataclass(slots=True)
class PartResult:
    """The figures of one part.

    Attributes:
        part: the name of the part.
        rounds: the number of disturbances.
        wasted: calls that the service counted beyond the necessary ones.
        lost: observations, pages or items that disappeared.
        unreadable: campaign files that no longer open.
        key_bytes: bytes of the key that were sent or written elsewhere.
        seconds: the duration.
        failures: failed checks, each with the way to reproduce it.
        notes: further facts that are not failures.
        missing: the reason if the part did not run, or an empty string.
    """

    part: str
    rounds: int = 0
    wasted: int = 0
    lost: int = 0
    unreadable: int = 0
    key_bytes: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: str = ""
    _start: float = field(default_factory=time.monotonic, repr=False)

    def check(self, condition: object, message: str) -> bool:
        """Record a failure unless the condition is true; return the condition."""
        if not condition:
            self.failures.append(message)
        return bool(condition)

    def finish(self) -> PartResult:
        """Record the duration."""
        self.seconds = time.monotonic() - self._start
        return self

    def row(self) -> tuple[str, ...]:
        """Return the figures as text."""
        if self.missing:
            return (self.part, "DID NOT RUN", "-", "-", "-", "-", "-", "-")
        figures = (self.rounds, self.wasted, self.lost, self.unreadable, self.key_bytes)
        seconds = f"{self.seconds:.1f}"
        return (self.part, *(f"{each:,}" for each in figures), seconds, f"{len(self.failures):,}")


def format_table(results: list[PartResult]) -> str:
    """Return all figures in columns, followed by failures and notes."""
    rows = [_HEAD, *(result.row() for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    for result in results:
        lines += [f"{result.part}: FAILED: {each}" for each in result.failures]
        lines += [f"{result.part}: note: {each}" for each in result.notes]
        if result.missing:
            lines.append(f"{result.part}: DID NOT RUN: {result.missing}")
    return "\n".join(lines)

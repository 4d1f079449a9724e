"""What a part of the rig found, in numbers and sentences, and the table of them all."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

_HEAD = ("part", "rounds", "wasted", "lost", "unreadable", "key bytes", "seconds", "broken")


@dataclass(slots=True)
class Tally:
    """One part's figures.

    Attributes:
        part: its name.
        rounds: how many times something was done to the package.
        wasted: calls the service counted beyond those needed.
        lost: observations, pages or items that were there and are not.
        unreadable: campaign files that no longer open.
        key_bytes: bytes of the key that reached somebody who must not have it.
        seconds: how long it took.
        broken: promises that did not hold, each in a sentence with the way to see it again.
        notes: what is worth knowing and breaks nothing.
        missing: why the part did not run; empty if it did.
    """

    part: str
    rounds: int = 0
    wasted: int = 0
    lost: int = 0
    unreadable: int = 0
    key_bytes: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: str = ""
    _began: float = field(default_factory=time.monotonic, repr=False)

    def expect(self, holds: object, sentence: str) -> bool:
        """Note a broken promise unless it holds; whether it does."""
        if not holds:
            self.broken.append(sentence)
        return bool(holds)

    def done(self) -> Tally:
        """Stop the watch."""
        self.seconds = time.monotonic() - self._began
        return self

    def row(self) -> tuple[str, ...]:
        """The figures as text."""
        if self.missing:
            return (self.part, "DID NOT RUN", "-", "-", "-", "-", "-", "-")
        figures = (self.rounds, self.wasted, self.lost, self.unreadable, self.key_bytes)
        seconds = f"{self.seconds:.1f}"
        return (self.part, *(f"{each:,}" for each in figures), seconds, f"{len(self.broken):,}")


def table(tallies: list[Tally]) -> str:
    """All figures in columns, then every sentence there is to say."""
    rows = [_HEAD, *(tally.row() for tally in tallies)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    for tally in tallies:
        lines += [f"{tally.part}: BROKEN: {each}" for each in tally.broken]
        lines += [f"{tally.part}: note: {each}" for each in tally.notes]
        if tally.missing:
            lines.append(f"{tally.part}: DID NOT RUN: {tally.missing}")
    return "\n".join(lines)

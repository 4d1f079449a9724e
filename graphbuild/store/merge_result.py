"""The result of merging a campaign file: counts of new rows, and conflicts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MergeConflict:
    """A contradiction between two campaign files."""

    subject: str  # the readable id of the subject, or ``campaign``
    problem: str  # what differs, as a sentence without the values
    values: tuple[str, str]  # in the merged file, and in the other file
    kept: str  # what the merged file contains

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem} ({' and '.join(self.values)}); kept: {self.kept}"


@dataclass(slots=True)
class MergeResult:
    """The numbers of rows that one file has added or changed, and the conflicts."""

    source: str  # path of the file
    entities: int = 0
    seeds: int = 0
    lists: int = 0  # lists and descriptions that changed
    pages: int = 0
    inferences: int = 0
    calls: int = 0
    events: int = 0  # events of ``watch``
    conflicts: list[MergeConflict] = field(default_factory=list)

    def add_conflict(self, conflict: MergeConflict) -> None:
        """Add a conflict to the result."""
        self.conflicts.append(conflict)

    def is_new(self) -> bool:
        """Return whether the file has added or changed anything."""
        counts = (self.entities, self.seeds, self.lists, self.pages, self.inferences, self.calls)
        return any(counts) or self.events > 0

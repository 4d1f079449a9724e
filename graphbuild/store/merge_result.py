"""What a merge of campaign files has added, and where the files contradict each other."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MergeConflict:
    """A contradiction between two campaign files."""

    subject: str  # the readable id of the subject, or ``campaign``
    problem: str  # continues a sentence that starts with ``subject``
    kept: str  # what the merged file contains

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}; kept: {self.kept}"


@dataclass(slots=True)
class MergeResult:
    """The number of rows that one file has added, and the conflicts."""

    source: str  # path of the file
    seeds: int = 0
    lists: int = 0  # lists and descriptions that changed
    pages: int = 0
    inferences: int = 0
    calls: int = 0
    conflicts: list[MergeConflict] = field(default_factory=list)

    def add_conflict(self, conflict: MergeConflict) -> None:
        """Add a conflict to the result."""
        self.conflicts.append(conflict)

    def is_new(self) -> bool:
        """Return whether the file has added anything."""
        return bool(self.seeds or self.lists or self.pages or self.inferences or self.calls)

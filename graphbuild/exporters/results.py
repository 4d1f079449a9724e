"""The result of an export: the written file, and counts of values that were changed or omitted."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from graphbuild._util import format_count

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class ExportWarnings:
    """Counts of values that an export changed or omitted, or that another program misreads.

    Attributes:
        cleaned: Texts in which characters that the format forbids were replaced by U+FFFD.
        omitted: Values that the format cannot represent, such as infinite numbers and integers that
            exceed 64 bits. Some formats also count the edge attributes for which the format has no
            column.
        misread: Texts that are correct in the file, but that Gephi displays wrongly.
        guarded: Table cells that got an apostrophe, because they look like formulas.
        truncated: Texts that were truncated, because Excel limits the length of a cell.
    """

    cleaned: int = 0
    omitted: int = 0
    misread: int = 0
    guarded: int = 0
    truncated: int = 0

    def add(self, other: ExportWarnings) -> None:
        """Add the counts of ``other`` to these counts."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        """Return the counts that are not zero, in one line; empty if all are zero."""
        descriptions = (
            (self.cleaned, "text", "cleaned of forbidden characters"),
            (self.omitted, "value", "left out, because the format cannot represent them"),
            (self.misread, "text", 'shown wrongly by Gephi ("INF" as "Infinity", "null" as "")'),
            (self.guarded, "cell", "guarded against formulas by an apostrophe"),
            (self.truncated, "text", "truncated to 32,767 characters, the limit of Excel"),
        )
        return "; ".join(
            f"{format_count(count, noun)} {description}"
            for count, noun, description in descriptions
            if count
        )


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file that an export has written.

    Attributes:
        path: The file.
        size: The number of bytes.
        sha256: The SHA-256 of the content, in hexadecimal digits. The content was read back from
            the file after writing.
        warnings: Counts of values that were changed, omitted or are misread.
    """

    path: Path
    size: int
    sha256: str
    warnings: ExportWarnings

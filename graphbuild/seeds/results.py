"""The result of reading seed lists: seeds, rejected entries and warnings."""

from __future__ import annotations

import hashlib
import sys
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbuild.models import FILE, HASH_TYPES, Seed
from graphbuild.seeds.indicators import parse_indicator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphbuild.models import Entity

MAX_VALUE = 65_536  # characters of one attribute
_MAX_EXCERPT = 60
# Invisible characters that are often copied from web pages and dialogs together with a hash.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
STRIPPED_CHARACTERS = _INVISIBLE + "".join(
    char for char in map(chr, range(0x3001)) if char.isspace()
)
_EMPTY_FILE_HASHES = frozenset(
    hashlib.new(each.name, usedforsecurity=False).hexdigest() for each in HASH_TYPES
)
_ALLOW_EMPTY_HINT = "add --allow-empty to request it anyway"


@dataclass(frozen=True, slots=True)
class RejectedEntry:
    """An entry of a list that is not a seed."""

    source: str  # the name of the list, ``-`` for standard input
    line: int  # the number of the entry, from 1
    text: str  # the entry, shortened and safe to print
    reason: str  # the rest of a sentence that starts with the text
    unit: str = "line"  # what is numbered: ``object`` in STIX, ``attribute`` in MISP

    def __str__(self) -> str:
        return f"{self.source}, {self.unit} {self.line}: {self.text} {self.reason}"


@dataclass(slots=True)
class SeedList:
    """The seeds of one or more lists, without duplicates. Iterating over it yields the seeds.

    Attributes:
        rejected: The entries that are not seeds.
        warnings: Messages about detected formats, and about changed, skipped or truncated entries.
        duplicates: The number of entries that repeat an earlier seed.
        skipped: The number of entries without an indicator, such as comments.
    """

    rejected: list[RejectedEntry] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    duplicates: int = 0
    skipped: int = 0
    # Columns instead of Seed objects, because a list can have a million lines.
    _entities: dict[Entity, None] = field(default_factory=dict, repr=False)
    _sources: list[str] = field(default_factory=list, repr=False)
    _lines: array[int] = field(default_factory=lambda: array("Q"), repr=False)
    _attributes: dict[Entity, dict[str, str]] = field(default_factory=dict, repr=False)

    def __iter__(self) -> Iterator[Seed]:
        for entity, source, line in zip(self._entities, self._sources, self._lines, strict=True):
            yield Seed(entity, source, line, self._attributes.get(entity, {}))

    def __len__(self) -> int:
        return len(self._entities)

    def add(
        self, entity: Entity, source: str, line: int, attributes: Mapping[str, str] | None
    ) -> bool:
        """Add a seed or count a duplicate; return whether the seed is new.

        Attributes of a duplicate are added to the seed, but do not overwrite its attributes.
        """
        if attributes:
            self._attributes[entity] = {**attributes, **self._attributes.get(entity, {})}
        if entity in self._entities:
            self.duplicates += 1
            return False
        self._entities[entity] = None
        self._sources.append(source)
        self._lines.append(line)
        return True


@dataclass(slots=True)
class SeedReader:
    """Adds the entries of one source to a seed list; each format's ``read`` receives a reader."""

    seeds: SeedList
    source: str
    allow_empty: bool = field(default=False, kw_only=True)
    column: str | None = None  # the name or number of the column of a table that has the seeds
    unit: str = "line"  # what is numbered, see RejectedEntry
    # Message -> how many entries it is about, and the number of the first of these entries.
    _counted_warnings: dict[str, list[int]] = field(default_factory=dict, init=False)

    def add(self, text: str, number: int, attributes: Mapping[str, str] | None = None) -> None:
        """Parse and add an indicator, or reject it; ``number`` is the number of the entry."""
        if reason := self.try_add(text, number, attributes):
            self.reject(text, number, reason)

    def try_add(self, text: str, number: int, attributes: Mapping[str, str] | None = None) -> str:
        """Parse and add an indicator; return the reason if it is rejected, else an empty string."""
        try:
            entity, changes = parse_indicator(text)
        except ValueError as error:
            return str(error)
        doubt = _doubt(entity.id) if entity.type == FILE else ""
        if doubt and not self.allow_empty:
            if entity.id in _EMPTY_FILE_HASHES:
                return f"{doubt}, which is in many unrelated collections; {_ALLOW_EMPTY_HINT}"
            if entity.id[0] in "0f":
                return f"{doubt}; {_ALLOW_EMPTY_HINT}"
        if attributes and max(map(len, attributes.values())) > MAX_VALUE:
            self.count_warning(f"values were truncated to {MAX_VALUE:,} characters", number)
            attributes = {name: value[:MAX_VALUE] for name, value in attributes.items()}
        if self.seeds.add(entity, self.source, number, attributes):
            for change in changes:
                self.count_warning(change, number)
            if doubt:
                self.warn(number, f"this {doubt}")
        return ""

    def reject(self, text: str, number: int, reason: str) -> None:
        """Add a rejected entry."""
        reason = sys.intern(reason)  # a million lines can fail for the same reason
        entry = RejectedEntry(self.source, number, excerpt(text), reason, self.unit)
        self.seeds.rejected.append(entry)

    def warn(self, number: int, message: str) -> None:
        """Add a warning about one entry."""
        self.seeds.warnings.append(f"{self.source}, {self.unit} {number}: {message}")

    def count_warning(self, message: str, number: int) -> None:
        """Count a warning that can apply to many entries; :meth:`finish` adds it as one message."""
        count_and_first = self._counted_warnings.setdefault(message, [0, number])
        count_and_first[0] += 1

    def finish(self) -> None:
        """Add one message for each counted warning."""
        for message, (count, first) in self._counted_warnings.items():
            more = f" and {count - 1:,} more" if count > 1 else ""
            self.seeds.warnings.append(f"{self.source}, {self.unit} {first}{more}: {message}")


def _doubt(digits: str) -> str:
    """Return why a hash can hardly identify a particular file; empty if it can."""
    if digits in _EMPTY_FILE_HASHES:
        return "is the hash of the empty file"
    if digits.strip(digits[0]):
        return ""
    return "consists of one repeated digit and is hardly the hash of a file"


def excerpt(text: str) -> str:
    """Return a short printable form of ``text`` for messages."""
    text = text.strip(STRIPPED_CHARACTERS)
    return ascii(text) if len(text) <= _MAX_EXCERPT else f"{text[:_MAX_EXCERPT]!a}..."

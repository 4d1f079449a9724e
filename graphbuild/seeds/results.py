"""The result of reading seed lists, and the ``SeedReader`` with which formats add entries to it."""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbuild.models import FILE, HASH_TYPES, Seed, detect_hash_type
from graphbuild.seeds.indicators import parse_indicator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphbuild.models import Entity

MAX_VALUE = 65_536  # characters of one attribute of a seed
_MAX_EXCERPT = 60  # characters
_MAX_TYPE = 100  # characters of the name of a skipped type
_MAX_LISTED_TYPES = 20
# Invisible characters that are often copied together with a hash from web pages and dialogs.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
INVALID_HASHES = "invalid hashes beside a valid hash were ignored"
STRIPPED_CHARACTERS = _INVISIBLE + "".join(
    char for char in map(chr, range(0x3001)) if char.isspace()
)
_EMPTY_FILE_HASHES = frozenset(
    hashlib.new(each.name, usedforsecurity=False).hexdigest() for each in HASH_TYPES
)
_ALLOW_EMPTY_HINT = "add --allow-empty to request it anyway"


@dataclass(frozen=True, slots=True)
class RejectedEntry:
    """An entry of a seed list that is not a valid seed."""

    # The path of the list; ``-`` for standard input; ``<argument>`` for a seed on the command line;
    # for parse_seeds(), its argument ``source``.
    source: str
    line: int  # number of the line, object, attribute, item or string (see ``unit``), from 1
    text: str  # the entry, shortened and quoted, in ASCII
    reason: str  # continues a sentence that starts with ``text``, such as "is an email address"
    # What ``line`` counts. ``object`` in STIX 2 and objects of the API; ``attribute`` in MISP;
    # ``item`` in other JSON arrays; ``string`` in JSON that is read as free text; otherwise
    # ``line``.
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.source}, {self.unit} {self.line}: {self.text} {self.reason}"


@dataclass(slots=True)
class SourceFormat:
    """How a source was read."""

    source: str  # see RejectedEntry.source
    format: str  # name of the format, such as ``csv``
    reason: str  # why this format was used, such as "the file name ends in .csv"
    column: str = ""  # for tables: number and heading of the columns of the seeds
    column_reason: str = ""  # why these columns were used


@dataclass(slots=True)
class SeedList:
    """The seeds of one or more lists, without duplicates. Iterating over it yields the seeds.

    Attributes:
        formats: How each source was read.
        rejected: The entries that are not valid seeds, except those of free text.
        warnings: Messages, for example about changed, skipped or truncated entries, and about
            rejected indicators in free text.
        duplicates: The number of indicators that repeat an earlier seed.
        skipped: The number of empty lines, comments, table rows without a seed, and entries of
            unsupported types, such as STIX objects and MISP attributes.
    """

    formats: list[SourceFormat] = field(default_factory=list)
    rejected: list[RejectedEntry] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    duplicates: int = 0
    skipped: int = 0
    # A list can have a million lines. These fields need less memory than a list of Seed objects.
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

        Of a duplicate, only attributes that the seed does not have yet are added to the seed.
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
    """Adds the entries of one source to a seed list."""

    seeds: SeedList
    source: str
    allow_empty: bool = field(default=False, kw_only=True)
    column: str | None = None  # for tables: name or number of the column of the seeds
    unit: str = "line"  # see RejectedEntry.unit
    # How the source is read. The modules that read tables set ``column`` and ``column_reason``.
    format: SourceFormat = field(init=False)
    # Type of skipped entries -> number of these entries.
    _skipped_types: Counter[str] = field(default_factory=Counter, init=False)
    # Message -> how often it was counted, and the number of the first entry with this warning.
    _counted_warnings: dict[str, list[int]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.format = SourceFormat(self.source, "", "")

    def add(self, text: str, number: int, attributes: Mapping[str, str] | None = None) -> None:
        """Parse and add an indicator, or reject it.

        ``number`` is the number of the line, object or attribute (see ``unit``) that contains the
        indicator, from 1.
        """
        if reason := self.try_add(text, number, attributes):
            self.reject(text, number, reason)

    def add_file(
        self, hashes: Mapping[str, str], number: int, attributes: Mapping[str, str]
    ) -> None:
        """Add a file by its strongest hash; the other hashes become attributes.

        If the length of the strongest hash is that of another hash type, the file is rejected.
        ``hashes`` maps names of hash types, such as ``sha256``, to hashes. It must not be empty.
        """
        strongest = next(each.name for each in reversed(HASH_TYPES) if each.name in hashes)
        text = hashes[strongest]
        others = {name: other for name, other in hashes.items() if name != strongest}
        length_type = detect_hash_type(text)
        if length_type in {strongest, None}:
            self.add(text, number, {**attributes, **others})
        else:
            reason = f"is listed as {strongest} but has the length of {length_type}"
            self.reject(text, number, reason)

    def try_add(self, text: str, number: int, attributes: Mapping[str, str] | None = None) -> str:
        """Parse and add an indicator; return why it was rejected, or an empty string."""
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
        reason = sys.intern(reason)  # saves memory if a million lines have the same reason
        entry = RejectedEntry(self.source, number, excerpt(text), reason, self.unit)
        self.seeds.rejected.append(entry)

    def skip(self, entry_type: str) -> None:
        """Skip an entry of an unsupported type; :meth:`finish` reports the number per type."""
        self.seeds.skipped += 1
        self._skipped_types[ascii(entry_type[:_MAX_TYPE])[1:-1]] += 1

    def warn(self, number: int, message: str) -> None:
        """Add a warning about one entry."""
        self.seeds.warnings.append(f"{self.source}, {self.unit} {number}: {message}")

    def count_warning(self, message: str, number: int) -> None:
        """Count a warning that can repeat; :meth:`finish` adds one message for all repetitions."""
        count_and_first = self._counted_warnings.setdefault(message, [0, number])
        count_and_first[0] += 1

    def finish(self) -> None:
        """Add to the seed list the format, a warning about all skipped types, and counted warnings.

        Warnings with the same message become one, with the number of repetitions.
        """
        self.seeds.formats.append(self.format)
        if self._skipped_types:
            common = self._skipped_types.most_common(_MAX_LISTED_TYPES)
            listed = ", ".join(f"{name} ({count:,})" for name, count in common)
            hidden = len(self._skipped_types) - len(common)
            more = f" and {hidden:,} more types" if hidden else ""
            self.seeds.warnings.append(
                f"{self.source}: entries of these types were skipped: {listed}{more}"
            )
        for message, (count, first) in self._counted_warnings.items():
            more = f" and {count - 1:,} more" if count > 1 else ""
            self.seeds.warnings.append(f"{self.source}, {self.unit} {first}{more}: {message}")


def _doubt(digits: str) -> str:
    """Return why a hash probably does not identify a particular file, or an empty string."""
    if digits in _EMPTY_FILE_HASHES:
        return "is the hash of the empty file"
    if digits.strip(digits[0]):
        return ""
    return "consists of one repeated digit and is unlikely to be a file hash"


def excerpt(text: str) -> str:
    """Return ``text``, shortened to 60 characters, as a quoted ASCII literal for messages."""
    text = text.strip(STRIPPED_CHARACTERS)
    return ascii(text) if len(text) <= _MAX_EXCERPT else f"{text[:_MAX_EXCERPT]!a}..."

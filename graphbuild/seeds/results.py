"""What reading brings: seeds, lines that are none, and remarks."""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbuild.models import FILE, Seed
from graphbuild.seeds.indicators import parse_indicator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphbuild.models import Entity, Scalar

MAX_VALUE = 65_536  # characters of one attribute
_SHOWN = 60
# Invisible characters that ride along when text is copied out of a web page or a dialog.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
AROUND = _INVISIBLE + "".join(char for char in map(chr, range(0x3001)) if char.isspace())
# Every empty file has these; as all zeros and all f, they are asked about with consent only.
_EMPTY_FILE = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
)
_CONSENT = "--allow-empty asks all the same"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is no seed.

    Attributes:
        source: the file, or ``-`` for standard input.
        line: its number, from 1.
        text: the line, cut short and safe to print.
        reason: why, and what it looks like instead.
        unit: what is numbered, where it is not lines.
    """

    source: str
    line: int
    text: str
    reason: str
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.source}, {self.unit} {self.line}: {self.text} {self.reason}"


@dataclass(slots=True)
class SeedList:
    """What seed lists say: the seeds, the lines that are none, and what was counted.

    Iterate over it for the seeds, in the order of their lines. They are kept in columns, because a
    list may have a million lines.
    """

    rejected: list[Rejected] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    repeats: int = 0
    skipped: int = 0
    _entities: dict[Entity, None] = field(default_factory=dict, repr=False)
    _sources: list[str] = field(default_factory=list, repr=False)
    _lines: array[int] = field(default_factory=lambda: array("Q"), repr=False)
    _attributes: dict[Entity, dict[str, Scalar]] = field(default_factory=dict, repr=False)

    @property
    def seeds(self) -> list[Seed]:
        """The seeds as a list of their own."""
        return list(self)

    def __iter__(self) -> Iterator[Seed]:
        for entity, source, line in zip(self._entities, self._sources, self._lines, strict=True):
            yield Seed(entity, source, line, self._attributes.get(entity, {}))

    def __len__(self) -> int:
        return len(self._entities)

    def add(
        self,
        entity: Entity,
        source: str,
        line: int,
        attributes: Mapping[str, Scalar] | None = None,
    ) -> bool:
        """Add a seed, or count it as a repeat; whether it is new.

        Of a repeat the attributes are kept whose names the seed does not have yet.
        """
        if attributes:
            known = self._attributes.get(entity, {})
            self._attributes[entity] = {**attributes, **known}
        if entity in self._entities:
            self.repeats += 1
            return False
        self._entities[entity] = None
        self._sources.append(source)
        self._lines.append(line)
        return True


class Reading:
    """One source on its way into a list.

    Args:
        found: the list.
        source: the name of the source.
        allow_empty: whether hashes that say nothing are asked about all the same.
        unit: what is numbered in this form.
    """

    def __init__(
        self, found: SeedList, source: str, *, allow_empty: bool = False, unit: str = "line"
    ) -> None:
        self.found = found
        self.source = source
        self.unit = unit
        self._allow_empty = allow_empty
        self._counted: dict[str, list[int]] = {}

    def take(
        self, text: str, number: int, attributes: Mapping[str, str] | None = None, shown: str = ""
    ) -> bool:
        """Take what ``text`` names as a seed, or tell why it names nothing; whether it is one.

        Args:
            text: the name, nothing around it.
            number: of the line, or whatever is numbered here.
            attributes: what stands beside it.
            shown: what to show of it, if not the text itself.
        """
        reason = self.try_take(text, number, attributes)
        if reason:
            self.reject(shown or text, number, reason)
        return not reason

    def try_take(self, text: str, number: int, attributes: Mapping[str, str] | None = None) -> str:
        """The same, but why not is left to the caller to tell; empty if it was taken."""
        try:
            indicator = parse_indicator(text)
            entity, said = indicator.entity, indicator.changes
            self._refuse_empty(entity)
        except ValueError as error:
            return str(error)
        beside = self._bounded(attributes, number) if attributes else None
        if self.found.add(entity, self.source, number, beside):
            for kind in said:
                self.count(kind, number)
            if entity.type == FILE and not _speaks(entity.id):
                self.remark(number, f"this {_silence(entity.id)}")
        return ""

    def reject(self, text: str, number: int, reason: str) -> None:
        """Note that something is no seed."""
        reason = sys.intern(reason)  # of a million lines most fail alike
        self.found.rejected.append(
            Rejected(self.source, number, show(text), reason, sys.intern(self.unit))
        )

    def remark(self, number: int, said: str) -> None:
        """Note what is worth a line of its own."""
        self.found.remarks.append(f"{self.source}, {self.unit} {number}: {said}")

    def count(self, said: str, number: int) -> None:
        """Note what may be said of thousands of lines: told once, at the end."""
        counted = self._counted.setdefault(said, [0, number])
        counted[0] += 1

    def finish(self) -> None:
        """Tell what was counted."""
        for said, (times, first) in self._counted.items():
            more = f" and {times - 1:,} more" if times > 1 else ""
            self.found.remarks.append(f"{self.source}, {self.unit} {first}{more}: {said}")
        self._counted.clear()

    def _refuse_empty(self, entity: Entity) -> None:
        if entity.type != FILE or self._allow_empty:
            return
        if entity.id in _EMPTY_FILE:
            raise ValueError(
                f"{_silence(entity.id)}: asking about it brings in half the world; {_CONSENT}"
            )
        if not entity.id.strip("0") or not entity.id.strip("f"):
            raise ValueError(f"{_silence(entity.id)}; {_CONSENT}")

    def _bounded(self, attributes: Mapping[str, str], number: int) -> dict[str, Scalar]:
        if any(len(value) > MAX_VALUE for value in attributes.values()):
            self.count(f"values were cut to {MAX_VALUE:,} characters", number)
        return {name: value[:MAX_VALUE] for name, value in attributes.items()}


def _speaks(digits: str) -> bool:
    """Whether a hash is one of a file that holds something."""
    return digits not in _EMPTY_FILE and bool(digits.strip(digits[0]))


def _silence(digits: str) -> str:
    empty = digits in _EMPTY_FILE
    return "is the hash of the empty file" if empty else "is hardly the hash of a file"


def show(text: str) -> str:
    """A text as a message may hold it: short, and nothing in it that moves a cursor."""
    text = text.strip(AROUND)
    return ascii(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!a}..."

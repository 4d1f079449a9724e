"""Seed lists: lines of text become seeds; what is no seed is told with its line and reason.

One hash a line. Blank lines and ``#`` comments are skipped, repeats are counted, everything else
that is no hash is a :class:`Rejected` value: nothing is dropped in silence.
"""

from __future__ import annotations

import codecs
import io
import re
import stat
import sys
from array import array
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from graphbuild.entities import hash_kind, recognize
from graphbuild.errors import SeedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild.entities import Entity

STDIN = "-"
MAX_LINE = 4_096
_CHUNK = 65_536
_SHOWN = 60
# Invisible characters that ride along when text is copied out of a web page or a dialog.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_AROUND = _INVISIBLE + "".join(char for char in map(chr, range(0x3001)) if char.isspace())
_PREFIX = re.compile(r"(md5|sha-?1|sha-?256)[:=]\s*(.*)", re.IGNORECASE)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LONGEST_BOM = max(len(bom) for bom, _ in _BOMS)
# Every empty file has these; asking about them brings in half the world.
_EMPTY_FILE = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
)


@dataclass(frozen=True, slots=True)
class Seed:
    """An entity somebody asked about, and where they wrote it."""

    entity: Entity
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is no seed.

    Attributes:
        source: the file, or ``-`` for standard input.
        line: its number, from 1.
        text: the line, cut short and safe to print.
        reason: why, and what it looks like instead.
    """

    source: str
    line: int
    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}: {self.text} {self.reason}"


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

    @property
    def seeds(self) -> list[Seed]:
        """The seeds as a list of their own."""
        return list(self)

    def __iter__(self) -> Iterator[Seed]:
        return map(Seed, self._entities, self._sources, self._lines)

    def __len__(self) -> int:
        return len(self._entities)

    def add(self, entity: Entity, source: str, line: int) -> bool:
        """Add a seed, or count it as a repeat; whether it is new."""
        if entity in self._entities:
            self.repeats += 1
            return False
        self._entities[entity] = None
        self._sources.append(source)
        self._lines.append(line)
        return True


def read_seeds(*sources: str | Path) -> SeedList:
    """Read seed lists from files; ``-`` is standard input.

    Args:
        sources: paths of text files in UTF-8, or UTF-16 with a byte order mark.

    Raises:
        SeedError: a source cannot be opened or is not text.
    """
    found = SeedList()
    for source in sources:
        try:
            with _open(source) as stream:
                _read(_lines(stream, str(source)), str(source), found)
        except UnicodeDecodeError as error:
            raise SeedError(f"{source} is not text: {error.reason}; save it as UTF-8") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SeedError(f"cannot read the seed list {source}: {reason}") from None
    return found


def parse_seeds(lines: Iterable[str], *, source: str = "<lines>") -> SeedList:
    """The same for lines that are in memory already, with or without their line ends."""
    found = SeedList()
    _read(lines, source, found)
    return found


# --- bytes to lines ------------------------------------------------------------------------------


@contextmanager
def _open(source: str | Path) -> Iterator[BinaryIO]:
    if str(source) == STDIN:
        yield _stdin()
        return
    if stat.S_ISFIFO(Path(source).stat().st_mode):
        raise OSError("it is a pipe, which may never answer; send it to standard input, named -")
    with Path(source).open("rb") as stream:
        yield stream


def _stdin() -> BinaryIO:
    if not hasattr(sys.stdin, "buffer"):
        raise OSError("there is no standard input to read bytes from")
    return sys.stdin.buffer


def _lines(stream: BinaryIO, source: str) -> Iterator[str]:
    """The lines, ended by LF, CR or CRLF only; of one without end as much as it takes to refuse."""
    start = stream.read(_LONGEST_BOM)
    bom, encoding = next((pair for pair in _BOMS if start.startswith(pair[0])), (b"", "utf-8"))
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    rest, chunk, more = "", start[len(bom) :], True
    while more:
        more = bool(following := stream.read(_CHUNK))
        text = decoder.decode(chunk, final=not more)
        if "\0" in text:
            raise SeedError(f"{source} is not text: it has a NUL byte; save it as UTF-8")
        *lines, rest = (rest + text).split("\n")
        yield from lines
        rest, chunk = rest[: MAX_LINE + 1], following
    if rest:
        yield rest


# --- lines to seeds ------------------------------------------------------------------------------


def _read(lines: Iterable[str], source: str, found: SeedList) -> None:
    for number, line in enumerate(lines, 1):
        try:
            entity = _entity(line)
        except ValueError as error:
            reason = sys.intern(str(error))  # of a million lines most fail alike
            found.rejected.append(Rejected(source, number, _shown(line), reason))
            continue
        if entity is None:
            found.skipped += 1
        elif found.add(entity, source, number):
            found.remarks += (f"{source}, line {number}: {said}" for said in _remarks(entity, line))


def _entity(line: str) -> Entity | None:
    """What a line names; None if it is blank or a comment.

    Raises:
        ValueError: it names nothing; with the reason.
    """
    if len(line) > MAX_LINE:
        raise ValueError(f"is longer than {MAX_LINE} characters")
    text = line.strip(_AROUND)
    if not text or text.startswith("#"):
        return None
    return recognize(_hash_in(text))


def _hash_in(text: str) -> str:
    """What is left of a line without a trailing comment and a ``sha256:`` in front."""
    before, _, _ = text.partition("#")
    if before[-1].isspace():
        text = before.strip(_AROUND)
    prefixed = _PREFIX.fullmatch(text)
    if prefixed is None:
        return text
    stated, rest = prefixed[1].lower().replace("-", ""), prefixed[2]
    kind = hash_kind(rest)
    if kind and kind != stated:
        raise ValueError(f"says {stated} but has the length of {kind}")
    return rest


def _remarks(entity: Entity, line: str) -> Iterator[str]:
    if line.strip() != line.strip(_AROUND):
        yield "invisible characters around the hash were removed"
    if entity.id in _EMPTY_FILE:
        yield "this is the hash of the empty file"
    elif not entity.id.strip(entity.id[0]):
        yield "this is hardly the hash of a file"


def _shown(line: str) -> str:
    text = line.strip(_AROUND)
    return ascii(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!a}..."

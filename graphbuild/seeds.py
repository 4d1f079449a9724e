"""Seed lists: lines of text become seeds; what is no seed is told with its line and reason.

One hash a line. Blank lines and ``#`` comments are skipped, repeats are counted, everything else
that is no hash is a :class:`Rejected` value: nothing is dropped in silence.
"""

from __future__ import annotations

import codecs
import io
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from graphbuild.entities import hash_kind, recognize
from graphbuild.errors import SeedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from graphbuild.entities import Entity

STDIN = "-"
MAX_LINE = 4_096
# Invisible characters that ride along when text is copied out of a web page.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_PREFIX = re.compile(r"(md5|sha-?1|sha-?256)[:=]\s*(.*)", re.IGNORECASE)
_TRAILING_COMMENT = re.compile(r"\s+#.*")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
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
    """What seed lists say: the seeds, the lines that are none, and what was counted."""

    seeds: list[Seed] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    repeats: int = 0
    skipped: int = 0

    def __iter__(self) -> Iterator[Seed]:
        return iter(self.seeds)

    def __len__(self) -> int:
        return len(self.seeds)


def read_seeds(*sources: str | Path) -> SeedList:
    """Read seed lists from files; ``-`` is standard input.

    Args:
        sources: paths of text files in UTF-8, or UTF-16 with a byte order mark.

    Raises:
        SeedError: a source cannot be opened or is not text.
    """
    found = SeedList()
    known: set[Entity] = set()
    for source in sources:
        try:
            with _open(source) as stream:
                _read(stream, str(source), found, known)
        except UnicodeDecodeError as error:
            raise SeedError(f"{source} is not text: {error.reason}; save it as UTF-8") from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise SeedError(f"cannot read the seed list {source}: {reason}") from None
    return found


def parse_seeds(lines: Iterable[str], *, source: str = "<lines>") -> SeedList:
    """The same for lines that are in memory already."""
    found = SeedList()
    _read(io.StringIO("\n".join(lines)), source, found, set())
    return found


def _open(source: str | Path) -> TextIO:
    at = sys.stdin.fileno() if str(source) == STDIN else source
    buffered = open(at, "rb", closefd=at is source)  # noqa: SIM115  the wrapper closes it
    start = buffered.peek(4)[:4]
    encoding = next((name for bom, name in _BOMS if start.startswith(bom)), "utf-8")
    # newline=None ends lines at LF, CR and CRLF and nowhere else.
    return io.TextIOWrapper(buffered, encoding=encoding, errors="strict", newline=None)


def _read(stream: TextIO, source: str, found: SeedList, known: set[Entity]) -> None:
    number = 0
    while line := stream.readline(MAX_LINE):
        number += 1
        if "\0" in line:
            raise SeedError(f"{source} is not text: line {number} has a NUL byte")
        if len(line) == MAX_LINE and not line.endswith("\n"):
            _skip_rest(stream)
            reason = f"is longer than {MAX_LINE} characters"
            found.rejected.append(Rejected(source, number, _shown(line), reason))
            continue
        _line(line, source, number, found, known)


def _skip_rest(stream: TextIO) -> None:
    while (more := stream.readline(MAX_LINE)) and not more.endswith("\n"):
        pass


def _line(line: str, source: str, number: int, found: SeedList, known: set[Entity]) -> None:
    text = line.strip().strip(_INVISIBLE).strip()
    if not text or text.startswith("#"):
        found.skipped += 1
        return
    try:
        entity = recognize(_hash_in(text))
    except ValueError as error:
        found.rejected.append(Rejected(source, number, _shown(text), str(error)))
        return
    if entity in known:
        found.repeats += 1
        return
    known.add(entity)
    found.seeds.append(Seed(entity, source, number))
    _remark(entity, line, f"{source}, line {number}", found)


def _hash_in(text: str) -> str:
    """What is left of a line without a trailing comment and a ``sha256:`` in front."""
    text = _TRAILING_COMMENT.sub("", text)
    prefixed = _PREFIX.fullmatch(text)
    if prefixed is None:
        return text
    stated, rest = prefixed[1].lower().replace("-", ""), prefixed[2]
    kind = hash_kind(rest)
    if kind and kind != stated:
        raise ValueError(f"says {stated} but has the length of {kind}")
    return rest


def _remark(entity: Entity, line: str, where: str, found: SeedList) -> None:
    if any(char in line.strip("\ufeff") for char in _INVISIBLE):
        found.remarks.append(f"{where}: invisible characters around the hash were removed")
    if entity.id in _EMPTY_FILE:
        found.remarks.append(f"{where}: this is the hash of the empty file")
    elif len(set(entity.id)) == 1:
        found.remarks.append(f"{where}: this is hardly the hash of a file")


def _shown(text: str) -> str:
    cut = text.strip()[:80]
    return ascii(cut) if len(text.strip()) <= len(cut) else f"{cut!a}…"

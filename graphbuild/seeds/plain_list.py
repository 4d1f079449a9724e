"""A plain list: a hash, domain, address or URL a line; ``#`` begins a comment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbuild.models import detect_hash_type
from graphbuild.seeds.results import AROUND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbuild.seeds.results import Reading

MAX_LINE = 4_096
_PREFIX = re.compile(r"(md5|sha-?1|sha-?256)[:=]\s*(.*)", re.IGNORECASE)
_HASH_INSIDE = re.compile(
    r"(?<![0-9a-z])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-z])", re.IGNORECASE
)


def read(lines: Iterable[str], reading: Reading) -> None:
    """Take each line that names something; reject each that does not."""
    found = reading.found
    before, rejected = len(found) + found.repeats, len(found.rejected)
    hidden = 0
    for number, line in enumerate(lines, 1):
        if not take(line, number, reading):
            hidden += _hides_a_hash(line)
    if hidden and len(found.rejected) - rejected > len(found) + found.repeats - before:
        found.remarks.append(
            f"{reading.source}: most lines are no seeds, but hashes stand inside {hidden:,} of "
            "them; --format text finds them in a report, --format csv in a table"
        )


def _hides_a_hash(line: str) -> bool:
    if len(line) > MAX_LINE or _HASH_INSIDE.fullmatch(line.strip(AROUND)):
        return False
    return _HASH_INSIDE.search(line) is not None


def take(line: str, number: int, reading: Reading) -> bool:
    """Take what one line, or one cell, names; False if it was rejected."""
    if len(line) > MAX_LINE:
        reading.reject(line, number, f"is longer than {MAX_LINE} characters")
        return False
    text = line.strip(AROUND)
    if not text or text.startswith("#"):
        reading.found.skipped += 1
        return True
    try:
        named = name_in(text)
    except ValueError as error:
        reading.reject(line, number, str(error))
        return False
    repeats = reading.found.repeats
    taken = reading.take(named, number, shown=line)
    if taken and repeats == reading.found.repeats and line.strip() != text:
        around = "the hash" if detect_hash_type(named) else "the name"
        reading.remark(number, f"invisible characters around {around} were removed")
    return taken


def name_in(text: str) -> str:
    """What is left of a line without a trailing comment and a ``sha256:`` in front.

    Raises:
        ValueError: it says of a hash what it is not.
    """
    before, _, _ = text.partition("#")
    if before[-1:].isspace():
        text = before.strip(AROUND)
    prefixed = _PREFIX.fullmatch(text)
    if prefixed is None:
        return text
    stated, rest = prefixed[1].lower().replace("-", ""), prefixed[2]
    kind = detect_hash_type(rest)
    if kind and kind != stated:
        raise ValueError(f"says {stated} but has the length of {kind}")
    return rest

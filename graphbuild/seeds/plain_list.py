"""Plain lists: one file hash, domain, IP address or URL per line; ``#`` starts a comment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbuild.models import HASH_TYPES, detect_hash_type
from graphbuild.seeds.indicators import HASH_PATTERN
from graphbuild.seeds.results import STRIPPED_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbuild.seeds.results import SeedReader

MAX_LINE = 4_096  # characters
_PREFIXES = "|".join(each.label.replace("-", "-?") for each in HASH_TYPES)
_PREFIXED = re.compile(rf"({_PREFIXES})[:=]\s*(.*)", re.IGNORECASE)
_CONTAINED_HASH = re.compile(rf"(?<![0-9a-z])(?:{HASH_PATTERN})(?![0-9a-z])", re.IGNORECASE)


def read(lines: Iterable[str], reader: SeedReader) -> None:
    """Add the indicator of each line; skip empty lines and comments, and reject invalid lines."""
    seeds = reader.seeds
    added_before, rejected_before = len(seeds) + seeds.duplicates, len(seeds.rejected)
    with_hash = 0  # number of rejected lines that contain a hash and other text
    for number, line in enumerate(lines, 1):
        if reason := _try_line(line, number, reader):
            reader.reject(line, number, reason)
            with_hash += _contains_hash(line)
    added = len(seeds) + seeds.duplicates - added_before
    if with_hash and len(seeds.rejected) - rejected_before > added:
        seeds.warnings.append(
            f"{reader.source}: most lines are not seeds, but {with_hash:,} of the rejected lines"
            " contain hashes; read free text with --format text, and a table with --format csv"
        )


def _contains_hash(line: str) -> bool:
    if len(line) > MAX_LINE or _CONTAINED_HASH.fullmatch(line.strip(STRIPPED_CHARACTERS)):
        return False
    return _CONTAINED_HASH.search(line) is not None


def _try_line(line: str, number: int, reader: SeedReader) -> str:
    """Add the indicator of a line; return why the line is invalid, or an empty string."""
    if len(line) > MAX_LINE:
        return f"is longer than {MAX_LINE} characters"
    text = line.strip(STRIPPED_CHARACTERS)
    if not text or text.startswith("#"):
        reader.seeds.skipped += 1
        return ""
    try:
        indicator = strip_decoration(text)
    except ValueError as error:
        return str(error)
    known = len(reader.seeds)
    reason = reader.try_add(indicator, number)
    if len(reader.seeds) > known and line.strip() != text:
        what = "hash" if detect_hash_type(indicator) else "name"
        reader.warn(number, f"invisible characters around the {what} were removed")
    return reason


def strip_decoration(text: str) -> str:
    """Return ``text`` without a trailing comment and without a prefix such as ``sha256:``.

    Raises:
        ValueError: The length of the hash does not match the prefix.
    """
    before, _, _ = text.partition("#")
    if before[-1:].isspace():
        text = before.strip(STRIPPED_CHARACTERS)
    prefixed = _PREFIXED.fullmatch(text)
    if prefixed is None:
        return text
    stated, rest = prefixed[1].lower().replace("-", ""), prefixed[2]
    actual = detect_hash_type(rest)
    if actual and actual != stated:
        raise ValueError(f"has the prefix {stated} but the length of {actual}")
    return rest

"""Recognize the heading of a table, and judge columns by their titles in it.

The heading of a table is a row. Each of its cells is also called the heading of its column.
"""

from __future__ import annotations

import re
from enum import IntEnum
from itertools import islice
from typing import TYPE_CHECKING

from graphbuild.seeds.entries import is_indicator
from graphbuild.seeds.indicator_types import UNSUPPORTED, find_type, is_vague, split_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbuild.seeds.table_rows import Row

_CHECKED_ROWS = 1_000
_INDICATOR_WORD = re.compile(
    "indicators?|iocs?|md5|observables?|seeds?|sha1|sha256|values?|"
    "domains?|domainname|fqdns?|hosts?|hostnames?|ips?|ipv4|ipv6|ip4|ip6|ipaddr|ipaddress|urls?|uris?|"
    "filehash|hash|hashes|samples?|indikator(?:en)?"
)
_HASH_WORD = re.compile(
    "checksums?|digests?|files?|filehash|hash|hashes|md5|samples?|sha1|sha256|sums?|values?"
)
_LINK_WORD = re.compile(
    r"\w*(?:links?|references?|reports?)|refs?|sources?|sourceurl|reporturl|referenceurl|"
    "advisory|articles?|blogs?|cases?|details?|info|news|portal|posts?|publications?|tickets?|writeup|"
    "berichte?|quellen?|referenz(?:en)?|verweise?"
)
_TYPE_WORD = re.compile(
    "artifact|attribute|data|entity|hash|indicator|ioc|kind|object|observable|of|subject|types?|value"
)
_UNUSUAL_TYPE_WORD = re.compile(
    r"\w*types?|typ|tipo|kind|category|class|art|indicators?|iocs?|observables?|artifacts?"
)
_NUMBER_OR_DATE = re.compile(r"\W*\d[\d\W_]*|\d{4}-\d\d-\d\d.*")
_DOTTED_HEADING = re.compile(
    r"[a-z_]+(?:\.[a-z0-9_]+){0,5}\.(?:category|created|description|domain|full|hash|hostname|ip|"
    r"md5|original|port|reference|sha1|sha256|timestamp|type|value)",
    re.IGNORECASE,
)


# Titles by which tables of current and earlier versions of graphbuild are recognized. The first
# title in each tuple is that of the column with the ids of the subjects.
_EXPORTED_TABLES = (
    ("entity_id", "type", "label"),
    ("id", "key", "type", "label"),
    ("subject_id", "subject_type", "reference_id"),
)


class Rank(IntEnum):
    """The meaning of a heading for the choice of columns."""

    EXCLUDED = 0  # names something other than indicators, such as links to reports
    NEUTRAL = 1  # any other heading
    INDICATORS = 2  # contains a word that names indicators, such as "ioc", "host" or "sha256"


def rank_heading(title: str) -> Rank:
    """Return the rank of the heading of a column."""
    words = split_words(title)
    if is_link_heading(title):
        return Rank.EXCLUDED
    if find_type(title) == UNSUPPORTED and not is_vague(title):
        return Rank.EXCLUDED
    return Rank.INDICATORS if any(map(_INDICATOR_WORD.fullmatch, words)) else Rank.NEUTRAL


def is_hash_heading(title: str) -> bool:
    """Return whether a heading names only hashes or files, such as ``sample_md5``, or is empty."""
    return all(map(_HASH_WORD.fullmatch, split_words(title)))


def is_link_heading(title: str) -> bool:
    """Return whether a heading names links, references, sources or reports."""
    return any(map(_LINK_WORD.fullmatch, split_words(title)))


def is_type_heading(title: str) -> bool:
    """Return whether a heading, such as ``ioc_type``, names the types of indicators."""
    words = split_words(title)
    is_type = not {"type", "types", "kind"}.isdisjoint(words)
    return is_type and all(map(_TYPE_WORD.fullmatch, words))


def may_be_type_heading(title: str) -> bool:
    """Return whether a heading is empty, or is an unusual name for types, such as ``category``."""
    words = split_words(title)
    return not words or _UNUSUAL_TYPE_WORD.fullmatch(words[-1]) is not None


def find_exported_column(titles: Sequence[str]) -> int | None:
    """Return the index of the column with the ids of the subjects in an exported table.

    Return None if the titles are not those of a table that graphbuild exports.
    """
    for exported in _EXPORTED_TABLES:
        if set(exported) <= set(titles):
            return titles.index(exported[0])
    return None


def is_heading(first: list[str], rows: Iterable[Row]) -> bool:
    """Return whether a row of a table is the heading of the rows below.

    A heading contains no indicators, numbers or dates. If any of its cells is repeated in the same
    column of the next 1,000 rows, a cell that is not repeated must name indicators. Rows that
    repeat the whole heading are ignored.
    """
    cells = {index: cell for index, cell in enumerate(first) if cell}
    if not all(map(_is_title, cells.values())):
        return False
    others = [row for row in islice(rows, _CHECKED_ROWS) if row.cells != first]
    unique = {
        index: cell
        for index, cell in cells.items()
        if not any(row.cell(index) == cell for row in others)
    }
    return names_indicators(unique.values()) or len(unique) == len(cells)


def names_indicators(titles: Iterable[str]) -> bool:
    """Return whether at least one of the titles names indicators."""
    return any(rank_heading(title) == Rank.INDICATORS for title in titles)


def _is_title(cell: str) -> bool:
    if _DOTTED_HEADING.fullmatch(cell):  # such as source.ip, which could also be a domain
        return True
    return not _NUMBER_OR_DATE.fullmatch(cell) and not is_indicator(cell)

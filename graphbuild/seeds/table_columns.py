"""Choose the columns of a table that contain the seeds.

The weight of a column is the number of rows in which it contains indicators. If its heading names
indicators, the weight is three times that number. The column with the highest weight is chosen if
its weight is at least three times that of any other column. If its heading does not name
indicators, it must also contain indicators in at least a quarter of the rows. Several columns with
hashes of different types are judged as one column. A column with an IP address in every row is
chosen over a column with host names in only some rows. Columns that may contain links to reports
are chosen only by the user.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from graphbuild.errors import SeedError
from graphbuild.models import DOMAIN, IP_ADDRESS, SUBJECT_LABELS, URL, detect_hash_type
from graphbuild.seeds.entries import find_entities
from graphbuild.seeds.indicator_types import UNSUPPORTED, find_type, split_words
from graphbuild.seeds.results import STRIPPED_CHARACTERS
from graphbuild.seeds.table_headings import Rank, is_hash_heading, rank_heading
from graphbuild.seeds.type_column import read_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.models import Entity
    from graphbuild.seeds.table_rows import Row

_MAX_JUDGED_COLUMNS = 1_000
_MAX_LISTED_COLUMNS = 40
_NAMING_WEIGHT = 3  # of a column whose heading names indicators
_CLEAR_LEAD = 3
_HOST_WORDS = frozenset({"host", "hostname", "hostnames", "hosts"})
# In a column of URLs without a heading, this many URLs per host suggest that the URLs are links.
_LINKS_PER_HOST = 5
# If the heading does not name indicators, one row in this many must have an indicator.
_MIN_SHARE = 4


@dataclass(slots=True)
class Column:
    """A column of a table, or several columns with hashes of the same files."""

    indexes: list[int]
    rank: Rank
    row_numbers: set[int] = field(default_factory=set)  # of the rows with indicators
    hashes: Counter[str] = field(default_factory=Counter)  # hash type -> number of cells
    hosts: Counter[str] = field(default_factory=Counter)  # host -> number of cells with a URL
    contradicting: int = 0  # number of cells with indicators of another type than the row states
    checksum: int = 0  # of the row numbers and indicators; equal for copies of a column

    @property
    def rows(self) -> int:
        """The number of rows with indicators."""
        return len(self.row_numbers)

    @property
    def weight(self) -> int:
        """The number of rows, weighted by the heading."""
        return self.rows * (_NAMING_WEIGHT if self.rank == Rank.INDICATORS else 1)

    @property
    def contradicts_types(self) -> bool:
        """Whether the stated types are probably those of the indicators in another column.

        This is the case if more indicators contradict their stated types than agree with them.
        """
        return self.contradicting > self.rows

    @property
    def contains_urls_only(self) -> bool:
        """Whether all indicators of the column are URLs."""
        return 0 < self.rows == self.hosts.total()

    @property
    def hash_type(self) -> str:
        """The most frequent hash type, or an empty string if not all indicators are hashes."""
        is_hashes = self.rows and self.hashes.total() == self.rows
        return self.hashes.most_common(1)[0][0] if is_hashes else ""


@dataclass(slots=True)
class Judgement:
    """The judged columns of a table."""

    titles: Sequence[str]
    total: int  # number of judged rows
    columns: list[Column]
    has_types: bool  # whether a column states the types of the indicators

    def may_be_links(self, column: Column) -> bool:
        """Return whether a column can contain links to pages about the indicators.

        This is the case if the heading has the rank ``EXCLUDED``. A column with the rank
        ``NEUTRAL`` can contain links if all its indicators are URLs. With a heading, these URLs
        are links unless the heading is a type of indicator or a column states the types. Without a
        heading, they are links if they have few different hosts.
        """
        if column.rank != Rank.NEUTRAL or not column.contains_urls_only:
            return column.rank == Rank.EXCLUDED
        if title := self.titles[column.indexes[0]]:
            return not self.has_types and find_type(title) in {None, UNSUPPORTED}
        hosts = len(column.hosts)
        return hosts * _LINKS_PER_HOST <= column.rows or hosts == 1 < column.rows

    def column(self, index: int) -> Column:
        """Return the column at ``index``, or an empty column if that column was not judged.

        Only the first 1,000 columns of a table are judged.
        """
        return self.columns[index] if index < len(self.columns) else Column([index], Rank.NEUTRAL)

    def others(self, best: Column) -> list[Column]:
        """Return the columns that contain indicators and whose headings name indicators.

        The columns of ``best`` and copies of these columns are omitted.
        """
        return [
            column
            for column in self.columns
            if column.rank == Rank.INDICATORS
            and (column.rows or column.contradicting)
            and column.indexes[0] not in best.indexes
            and column.checksum != best.checksum
        ]

    def describe(self, columns: Sequence[Column]) -> str:
        """Return the number, the title and the number of rows with indicators of each column."""
        return _shorten(
            [
                f"{self.name(column.indexes)}"
                f" ({column.rows + column.contradicting:,} of {self.total:,} rows)"
                for column in columns
            ]
        )

    def name(self, indexes: Sequence[int]) -> str:
        """Return the numbers and titles of columns, such as ``3 'sha256'``."""
        return ", ".join(name_column(self.titles, index) for index in indexes)


def name_column(titles: Sequence[str], index: int) -> str:
    """Return the number and the title of a column, in ASCII."""
    return f"{index + 1} {titles[index][:60]!a}" if titles[index] else f"{index + 1}"


def judge_columns(titles: Sequence[str], rows: Sequence[Row], type_column: int | None) -> Judgement:
    """Count the rows with indicators in each of the first 1,000 columns.

    Rows of unsupported types are not counted.
    """
    columns = [
        Column([index], rank_heading(title))
        for index, title in enumerate(titles[:_MAX_JUDGED_COLUMNS])
    ]
    total = 0
    for number, row in enumerate(rows):
        stated = read_type(row.cell(type_column))
        if stated == UNSUPPORTED:
            continue
        total += 1
        for column, cell in zip(columns, row.cells, strict=False):
            if entities := find_entities(cell, stated):
                _count(column, entities, number)
            elif stated and find_entities(cell):
                column.contradicting += 1
    return Judgement(titles, total, columns, type_column is not None)


def _count(column: Column, entities: Sequence[Entity], number: int) -> None:
    column.row_numbers.add(number)
    column.checksum = hash((column.checksum, number, tuple(entities)))
    hash_types = {kind for each in entities if (kind := detect_hash_type(each.id))}
    if entities[0].type == URL:
        host = urlsplit(str(entities[0].attributes.get("url", ""))).hostname
        column.hosts[host or ""] += 1
    elif hash_types:
        column.hashes[min(hash_types)] += 1


def choose_columns(judgement: Judgement, source: str) -> Column:
    """Return the column of the seeds, or the merged columns of hashes.

    Raises:
        SeedError: No column clearly leads. The message lists the columns, and explains how to
            choose one of them.
    """
    filled = [column for column in judgement.columns if column.rows]
    candidates = [column for column in filled if not judgement.may_be_links(column)]
    candidates = _merge_hash_columns(_remove_copies(candidates), judgement.titles)
    candidates.sort(key=lambda column: -column.weight)
    if candidates:
        best, others = candidates[0], candidates[1:]
        is_frequent = best.rank == Rank.INDICATORS or best.rows * _MIN_SHARE >= judgement.total
        if is_frequent and all(best.weight >= each.weight * _CLEAR_LEAD for each in others):
            return best
    if addresses := _find_addresses(candidates, judgement):
        return addresses
    raise SeedError(f"{source}: {_refusal(judgement, filled, candidates)}")


def _find_addresses(candidates: Sequence[Column], judgement: Judgement) -> Column | None:
    """Return the column of IP addresses, if all rows have an address and some have no host name.

    Such a table lists addresses and the names that belong to them. Return None if there are other
    candidates than one column of addresses and one of host names.
    """
    titles = [judgement.titles[each.indexes[0]] for each in candidates]
    types = [find_type(title) for title in titles]
    if sorted(map(str, types)) != sorted([DOMAIN, IP_ADDRESS]):
        return None
    addresses, names = candidates[types.index(IP_ADDRESS)], candidates[types.index(DOMAIN)]
    is_host = not _HOST_WORDS.isdisjoint(split_words(titles[types.index(DOMAIN)]))
    is_clear = is_host and names.rows < addresses.rows == judgement.total
    return addresses if is_clear else None


def _refusal(judgement: Judgement, filled: Sequence[Column], candidates: Sequence[Column]) -> str:
    """Return why no column was chosen, and how the user can choose one."""
    what, choose = f"a {SUBJECT_LABELS}", "choose a column with --column"
    if not filled:
        names = [name_column(judgement.titles, column.indexes[0]) for column in judgement.columns]
        listed = _shorten(names)
        hint = "read free text with --format text"
        return f"no column contains {what}; it has {listed}; {choose}, or {hint}"
    if len(candidates) > 1:
        return f"several columns contain {what}: {judgement.describe(candidates)}; {choose}"
    listed = judgement.describe(filled)
    if not candidates:
        exception = f"except columns that may be links or sources: {listed}"
        return f"no column contains {what}, {exception}; {choose}"
    return f"no column contains {what} in enough rows: {listed}; {choose}"


def _shorten(names: list[str]) -> str:
    hidden = len(names) - _MAX_LISTED_COLUMNS
    more = f" and {hidden} more" if hidden > 0 else ""
    return ", ".join(names[:_MAX_LISTED_COLUMNS]) + more


def _remove_copies(columns: Sequence[Column]) -> list[Column]:
    """Return the columns without copies.

    Of several columns with the same indicators in the same rows, return the one whose heading has
    the highest rank.
    """
    kept: dict[tuple[int, int], Column] = {}
    for column in sorted(columns, key=lambda column: (-column.rank, column.indexes)):
        kept.setdefault((column.rows, column.checksum), column)
    return list(kept.values())


def _merge_hash_columns(columns: Sequence[Column], titles: Sequence[str]) -> list[Column]:
    """Merge the columns of hashes into one column, if there is one column for each hash type.

    Otherwise, return the columns unchanged.
    """
    merged = [column for column in columns if is_hash_column(column, titles)]
    types = {column.hash_type for column in merged}
    if len(merged) <= 1 or len(types) < len(merged):
        return list(columns)
    together = Column(
        sorted(index for column in merged for index in column.indexes),
        max(column.rank for column in merged),
        set().union(*(column.row_numbers for column in merged)),
    )
    return [together, *(column for column in columns if column not in merged)]


def is_hash_column(column: Column, titles: Sequence[str]) -> bool:
    """Return whether all indicators in a column are hashes, probably those of the rows' files.

    The heading must be empty or consist only of words for hashes and files.
    """
    return bool(column.hash_type) and is_hash_heading(titles[column.indexes[0]])


def find_column(titles: Sequence[str], wanted: str, source: str) -> int:
    """Return the index of the column with the title ``wanted``, or else with this number (from 1).

    Titles are compared exactly, and then without regard to case.

    Raises:
        SeedError: There is no such column, or several columns have this title.
    """
    wanted = wanted.strip(STRIPPED_CHARACTERS)
    for normalize in (str, str.casefold):
        name = normalize(wanted)
        same = [index for index, title in enumerate(titles) if normalize(title) == name]
        if len(same) == 1:
            return same[0]
        if same:
            raise SeedError(
                f"{source} has {len(same)} columns {wanted!a}; use the number of the column"
            )
    if wanted.isascii() and wanted.isdigit() and 0 < int(wanted[:9]) <= len(titles):
        return int(wanted[:9]) - 1
    names = [name_column(titles, index) for index in range(min(len(titles), _MAX_JUDGED_COLUMNS))]
    raise SeedError(f"{source} has no column {wanted[:60]!a}; it has {_shorten(names)}")

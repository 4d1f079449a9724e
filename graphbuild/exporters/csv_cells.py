"""Cells of CSV: quoted, encoded, guarded against formulas; and lines made of them.

What stands in many lines, such as the title of a report, is made a cell once. A cell that is not
as its text was is counted in every line it stands in.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO

from graphbuild.exporters.sanitize import (
    SUSPECT,
    guard_cell,
    has_cell_separator,
    replace_surrogates,
    shown,
)
from graphbuild.exporters.schema import known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import networkx as nx

    from graphbuild.exporters.sanitize import ExportWarnings

EMPTY = b'""'
KEPT = 16_384  # cells kept for the lines to come: a few megabytes
_LINES = 250  # a write: few calls, and memory stays flat
_SUSPECT_CELL = re.compile(f'"{SUSPECT}')


class _Odd(bytes):
    """Cells of which some are not as their texts were."""

    guarded = 0
    cleaned = 0


class Cells:
    """Values as cells of one table."""

    def __init__(self, warnings: ExportWarnings, *, raw: bool) -> None:
        self._remarks = warnings
        self._raw = raw
        self._met_odd = False

    def cell(self, value: object) -> bytes:
        """One value, quoted."""
        if value is None:
            return EMPTY
        text = value if type(value) is str else shown(value)
        cell = replace_surrogates(text) if self._raw else guard_cell(text)
        quoted = b'"%b"' % cell.replace('"', '""').encode()
        if cell == text:
            return quoted
        guarded = len(cell) > len(text)
        return self._odd(quoted, guarded, not guarded or "\0" in text)

    def row(self, texts: Sequence[str]) -> bytes:
        """A line of texts; fast where nothing is odd about any of them."""
        line = '","'.join(texts)
        if (
            line.count('"') == 2 * len(texts) - 2
            and "\0" not in line
            and not _SUSPECT_CELL.search(f'"{line}')
            and not has_cell_separator(line)
        ):
            try:
                return b'"%b"' % line.encode()
            except UnicodeEncodeError:  # a lone surrogate
                pass
        return self.part(texts)

    def part(self, values: Iterable[object]) -> bytes:
        """Some values that stand side by side, with commas between."""
        cells = [self.cell(value) for value in values]
        joined = b",".join(cells)
        odd = [each for each in cells if isinstance(each, _Odd)]
        if not odd:
            return joined
        guarded, cleaned = sum(each.guarded for each in odd), sum(each.cleaned for each in odd)
        return self._odd(joined, guarded, cleaned)

    def write(self, stream: BinaryIO, lines: Iterable[Sequence[bytes]]) -> None:
        """Write lines of cells and parts, each in the order of the columns, in blocks."""
        rest = iter(lines)
        while block := list(islice(rest, _LINES)):
            stream.write(b"\n".join(map(b",".join, block)) + b"\n")
            if self._met_odd:
                self._count(chain.from_iterable(block))

    def _count(self, parts: Iterable[bytes]) -> None:
        for part in parts:
            if type(part) is _Odd:
                self._remarks.guarded += part.guarded
                self._remarks.cleaned += part.cleaned

    def _odd(self, cells: bytes, guarded: int, cleaned: int) -> _Odd:
        self._met_odd = True
        odd = _Odd(cells)
        odd.guarded, odd.cleaned = guarded, cleaned
        return odd


def parts_of(
    graph: nx.DiGraph[str], cells: Cells, *groups: Sequence[str]
) -> Callable[[str], tuple[bytes, ...]]:
    """What makes the cells of a node's attributes, group by group."""

    @lru_cache(maxsize=KEPT)
    def parts(key: str) -> tuple[bytes, ...]:
        node = known(graph, key)
        return tuple(cells.part([node.get(name) for name in group]) for group in groups)

    return parts

"""CSV tables of nodes, edges and observations, for spreadsheets and programs.

The files are UTF-8 without a byte order mark, and lines end in LF. Every field is quoted, because
an unquoted lone CR would split a row. Cells that look like formulas get an apostrophe, also in ids
and keys: see :func:`~graphbuild.exporters.sanitize.guard_cell`. ``csv_guard=False`` writes the
plain texts. Labels and titles are not shortened.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from io import StringIO
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO

from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.rows import (
    CACHED,
    collection_keys,
    edge_values,
    node_rows,
    observation_rows,
)
from graphbuild.exporters.sanitize import format_value, guard_cell, replace_surrogates
from graphbuild.exporters.schema import (
    EDGE_COLUMNS,
    OBSERVATION_COLUMNS,
    TABLES,
    NodeColumns,
    columns_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import networkx as nx

    Graph = nx.DiGraph[str]


def write_nodes(graph: Graph, stream: BinaryIO, *, csv_guard: bool = True) -> ExportWarnings:
    """Write one row per node; attributes without a column go into ``attributes``, as JSON."""
    table = _Table(csv_guard=csv_guard)
    columns = NodeColumns(TABLES, graph)
    rows = node_rows(graph, columns, table.warnings)
    return table.write(stream, columns.names, (list(map(table.encode, row)) for row in rows))


def write_edges(graph: Graph, stream: BinaryIO, *, csv_guard: bool = True) -> ExportWarnings:
    """Write one row per edge.

    ``related_from`` lists the keys of the collections, separated by spaces. If ``weight`` is one
    more than their number, the edge was also observed without a collection.
    """
    table = _Table(csv_guard=csv_guard)
    names = [column.name for column in columns_for(EDGE_COLUMNS, TABLES)]
    return table.write(stream, names, _edge_rows(graph, table))


def write_observations(graph: Graph, stream: BinaryIO, *, csv_guard: bool = True) -> ExportWarnings:
    """Write one row per observation: subject, reference, and collection if there is one."""
    table = _Table(csv_guard=csv_guard)
    names = [column.name for column in OBSERVATION_COLUMNS]
    return table.write(stream, names, observation_rows(graph, table.encode))


def _edge_rows(graph: Graph, table: _Table) -> Iterator[Sequence[str]]:
    encode_key = lru_cache(maxsize=CACHED)(table.encode)

    # Typed, because weights of 1 and 1.0 are equal and written differently.
    @lru_cache(maxsize=CACHED, typed=True)
    def encode_values(
        relation: str, weight: object, related_from: tuple[str, ...], *rest: str | None
    ) -> list[str]:
        collections = " ".join(collection_keys(related_from)) or None
        return list(map(table.encode, (relation, weight, collections, *rest)))

    for source, target, edge in graph.edges(data=True):
        yield encode_key(source), encode_key(target), *encode_values(*edge_values(edge))


_BLOCK = 250  # rows per write: few calls, and memory stays constant


class _ChangedCell(str):
    """A cell that differs from its text."""

    __slots__ = ("cleaned", "guarded")
    guarded: bool
    cleaned: bool


class _Table:
    """Encodes values as cells and writes rows of them.

    A cell that is written more than once may be encoded once, so changes are counted while rows are
    written.
    """

    def __init__(self, *, csv_guard: bool) -> None:
        self.warnings = ExportWarnings()
        self._protect = guard_cell if csv_guard else replace_surrogates
        self._has_changes = False

    def encode(self, value: Any) -> str:  # noqa: ANN401  any value of a row
        """Return the cell of a value."""
        if value is None:
            return ""
        text = format_value(value)
        cell = self._protect(text)
        if cell == text:
            return text
        changed = _ChangedCell(cell)
        changed.guarded = len(cell) > len(text)
        changed.cleaned = not changed.guarded or "\0" in text
        self._has_changes = True
        return changed

    def write(
        self, stream: BinaryIO, names: Sequence[str], rows: Iterable[Sequence[str]]
    ) -> ExportWarnings:
        """Write a header and ``rows``; return the changes."""
        remaining = chain([list(map(self.encode, names))], map(self._counted, rows))
        while block := list(islice(remaining, _BLOCK)):
            text = StringIO(newline="")
            csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(block)
            stream.write(text.getvalue().encode())
        return self.warnings

    def _counted(self, row: Sequence[str]) -> Sequence[str]:
        if self._has_changes:
            for cell in row:
                if isinstance(cell, _ChangedCell):
                    self.warnings.guarded += cell.guarded
                    self.warnings.cleaned += cell.cleaned
        return row

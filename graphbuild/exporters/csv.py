"""Write CSV tables of nodes, edges and observations, for spreadsheets and programs.

The files are UTF-8, and lines end in LF. With ``csv_bom=True``, they start with a byte order mark,
which Excel needs to recognize UTF-8. Every field is quoted, because an unquoted CR within a field
would split the row. Cells that a spreadsheet could read as formulas get apostrophes, even ids and
node keys; see :func:`~graphbuild.exporters.sanitize.guard_cell`. With ``csv_guard=False``, no
apostrophes are added, and NUL is not replaced. No text is truncated.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO

from graphbuild.exporters.columns import (
    EDGE_COLUMNS,
    OBSERVATION_COLUMNS,
    TABLES,
    NodeColumns,
    columns_for,
)
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.rows import (
    CACHED,
    cached_by_edge,
    collection_keys,
    edge_values,
    node_rows,
    observation_rows,
)
from graphbuild.exporters.sanitize import REPLACEMENT, format_value, guard_cell, replace_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from graphbuild.exporters.rows import Edge
    from graphbuild.graph.builder import Graph


def write_nodes(
    graph: Graph, stream: BinaryIO, *, csv_guard: bool = True, csv_bom: bool = False
) -> ExportWarnings:
    """Write one row per node; the column ``attributes`` contains the other attributes as JSON."""
    table = _Table(csv_guard=csv_guard, csv_bom=csv_bom)
    columns = NodeColumns(TABLES, graph)
    rows = node_rows(graph, columns, table.warnings)
    return table.write(stream, columns.names, map(table.encode_row, rows))


def write_edges(
    graph: Graph, stream: BinaryIO, *, csv_guard: bool = True, csv_bom: bool = False
) -> ExportWarnings:
    """Write one row per edge.

    ``related_from`` contains the node keys of the collections, separated by spaces. In the full
    graph, a ``related_references`` edge has an observation without a collection if its ``weight``
    is the number of collections plus one.
    """
    table = _Table(csv_guard=csv_guard, csv_bom=csv_bom)
    names = [column.name for column in columns_for(EDGE_COLUMNS, TABLES)]
    return table.write(stream, names, _edge_rows(graph, table))


def write_observations(
    graph: Graph, stream: BinaryIO, *, csv_guard: bool = True, csv_bom: bool = False
) -> ExportWarnings:
    """Write one row per observation; the collection columns are empty if there is no collection."""
    table = _Table(csv_guard=csv_guard, csv_bom=csv_bom)
    names = [column.name for column in OBSERVATION_COLUMNS]
    return table.write(stream, names, observation_rows(graph, table.encode_joined))


def _edge_rows(graph: Graph, table: _Table) -> Iterator[Sequence[bytes]]:
    encode_key = lru_cache(maxsize=CACHED)(table.encode)
    ignored = ExportWarnings()  # edge attributes without a column are not counted

    def encode_edge(edge: Edge, _: ExportWarnings) -> list[bytes]:
        values = edge_values(edge, ignored)
        values["related_from"] = " ".join(collection_keys(values["related_from"])) or None
        return table.encode_joined(values.values())

    encode_cached = cached_by_edge(encode_edge, CACHED)
    for source, targets in graph.adjacency():
        source_cell = encode_key(source)
        for target, edge in targets.items():
            yield source_cell, encode_key(target), *encode_cached(edge, ignored)


_ROWS_PER_WRITE = 250  # a larger number takes more memory, a smaller one more writes


class _ChangedCell(bytes):
    """A quoted cell in which the text of the value was changed."""

    guarded: bool  # whether apostrophes were added
    cleaned: bool  # whether NUL or lone surrogates were replaced


class _Table:
    """Encodes values as cells, and writes rows of cells.

    Callers can cache encoded cells that occur in several rows. The ``csv`` module would encode
    these cells for each row, which takes about three times as long. Changed cells are counted when
    rows are written.
    """

    def __init__(self, *, csv_guard: bool, csv_bom: bool) -> None:
        self.warnings = ExportWarnings()
        self._start = BOM_UTF8 if csv_bom else b""
        self._protect = guard_cell if csv_guard else replace_surrogates
        self._has_changes = False

    def encode(self, value: object) -> bytes:
        """Return ``value`` as a quoted cell in UTF-8."""
        text = format_value(value)
        cell = self._protect(text)
        quoted = b'"%b"' % cell.replace('"', '""').encode()
        if cell == text:
            return quoted
        changed = _ChangedCell(quoted)
        changed.guarded = len(cell) > len(text)
        changed.cleaned = cell.count(REPLACEMENT) > text.count(REPLACEMENT)
        self._has_changes = True
        return changed

    def encode_row(self, row: Iterable[object]) -> list[bytes]:
        """Return each value of ``row`` as a quoted cell, which is empty for None."""
        return [b'""' if value is None else self.encode(value) for value in row]

    def encode_joined(self, row: Iterable[object]) -> list[bytes]:
        """Return the cells of ``row``, joined with commas into one item if no cell was changed."""
        cells = self.encode_row(row)
        is_changed = any(isinstance(cell, _ChangedCell) for cell in cells)
        return cells if is_changed else [b",".join(cells)]

    def write(
        self, stream: BinaryIO, names: Iterable[str], rows: Iterable[Sequence[bytes]]
    ) -> ExportWarnings:
        """Write a header and ``rows`` of encoded cells, and return the warnings of the table."""
        stream.write(self._start)
        remaining = chain([self.encode_row(names)], rows)
        while block := list(islice(remaining, _ROWS_PER_WRITE)):
            stream.write(b"\n".join(map(b",".join, block)) + b"\n")
            if self._has_changes:
                self._count_changes(chain.from_iterable(block))
        return self.warnings

    def _count_changes(self, cells: Iterable[bytes]) -> None:
        for cell in cells:
            if isinstance(cell, _ChangedCell):
                self.warnings.guarded += cell.guarded
                self.warnings.cleaned += cell.cleaned

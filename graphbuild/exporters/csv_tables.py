"""Tables for spreadsheets and pandas: nodes, edges, and the observations themselves.

CSV is UTF-8 without a byte order mark, lines end in LF, every field is quoted (an unquoted lone CR
would tear a row in two), and no cell starts a formula: see :func:`plain.guard_cell` for the guard,
:func:`plain.unguard_cell` for its undoing, ``raw=True`` for the plain texts. The guard is on every
column, ids and keys too. Labels and titles stand in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from graphbuild.exporters.csv_cells import KEPT, Cells, parts_of
from graphbuild.exporters.extra_attributes import seed_columns
from graphbuild.exporters.sanitize import ExportWarnings, replace_surrogates, shown
from graphbuild.exporters.schema import (
    BROKEN,
    EDGE_COLUMNS,
    KEYS,
    NODE_COLUMNS,
    OBSERVATION_COLUMNS,
    OTHER_PLACES,
    TEXT,
    TIME,
    TRUTH,
    WHOLE,
    WORD,
    by_source,
    in_full,
    keys_of,
    kind_of_weights,
    kinds_of,
    known,
    named,
    node_rows,
    observed,
    said_of,
    text_of,
    time_of,
    weight_of,
)
from graphbuild.models import OBSERVED, RELATED_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import networkx as nx
    import pandas as pd

    from graphbuild.exporters.schema import Said

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = Sequence[Any]  # one value for each column: text, number, truth, or None for nothing


def write_nodes(graph: nx.DiGraph[str], stream: BinaryIO, *, raw: bool = False) -> ExportWarnings:
    """One row for each node; attributes without a column stand in the last, as JSON."""
    columns = (*NODE_COLUMNS, *seed_columns(graph))
    warnings = ExportWarnings()
    cells = Cells(warnings, raw=raw)
    _write(columns, _node_lines(graph, columns, cells, warnings), stream, cells)
    return warnings


def write_edges(graph: nx.DiGraph[str], stream: BinaryIO, *, raw: bool = False) -> ExportWarnings:
    """One row for each edge.

    ``related_from`` lists the keys of the collections, with one space between. An edge whose
    ``weight`` is one more than they are was also observed with no collection named.
    """
    warnings = ExportWarnings()
    cells = Cells(warnings, raw=raw)
    _write(EDGE_COLUMNS, _edge_lines(graph, cells), stream, cells)
    return warnings


def write_observations(
    graph: nx.DiGraph[str], stream: BinaryIO, *, raw: bool = False
) -> ExportWarnings:
    """One row for each observation: subject, reference, and the collection behind it, if any."""
    warnings = ExportWarnings()
    cells = Cells(warnings, raw=raw)
    _write(OBSERVATION_COLUMNS, _observation_lines(graph, cells), stream, cells)
    return warnings


def nodes_frame(graph: nx.DiGraph[str]) -> pd.DataFrame:
    """The nodes as a pandas frame, with the columns and types of ``nodes.parquet``."""
    warnings = ExportWarnings()
    columns = (*NODE_COLUMNS, *seed_columns(graph))
    rows = (_timed(row, warnings) for row in node_rows(graph, columns, warnings))
    return _frame(kinds_of(columns), rows)


def edges_frame(graph: nx.DiGraph[str]) -> pd.DataFrame:
    """The edges as a pandas frame, with the columns and types of ``edges.parquet``.

    ``related_from`` is a list of keys: empty where no collection was named, missing where there is
    none to name.
    """
    weights = kind_of_weights(graph)
    kinds = kinds_of(EDGE_COLUMNS, related_from=KEYS, weight=weights)
    return _frame(kinds, _edge_rows(graph, weights, ExportWarnings()))


def observations_frame(graph: nx.DiGraph[str]) -> pd.DataFrame:
    """The observations as a pandas frame, with the columns and types of their Parquet file."""
    return _frame(kinds_of(OBSERVATION_COLUMNS), _observation_rows(graph))


# --- lines ---------------------------------------------------------------------------------------

Line = Sequence[bytes]  # cells, or parts of several, in the order of the columns


def _write(columns: Sequence[str], lines: Iterable[Line], stream: BinaryIO, cells: Cells) -> None:
    cells.write(stream, chain([[cells.cell(name) for name in columns]], lines))


def _node_lines(
    graph: nx.DiGraph[str], columns: Sequence[str], cells: Cells, warnings: ExportWarnings
) -> Iterator[Line]:
    for row in node_rows(graph, columns, warnings, nothing=""):
        for place in OTHER_PLACES:
            if type(row[place]) is not str:
                row[place] = shown(row[place])
        yield (cells.row(row),)


def _edge_lines(graph: nx.DiGraph[str], cells: Cells) -> Iterator[Line]:
    key = lru_cache(maxsize=KEPT)(cells.cell)
    # By type, too: a weight of 1 and one of 1.0 are not written alike.
    rest = lru_cache(maxsize=KEPT, typed=True)(lambda *said: cells.part(_plain(said)))
    for source, targets in by_source(graph):
        first = key(source)
        for target, edge in targets:
            yield first, key(target), rest(*said_of(edge))


def _observation_lines(graph: nx.DiGraph[str], cells: Cells) -> Iterator[Line]:
    subject_of = parts_of(graph, cells, ("type", "id"))
    reference_of = parts_of(graph, cells, ("id",), ("type", "url", "title"))
    collection_of = parts_of(graph, cells, ("type", "id"), ("name",))
    cell_of = lru_cache(maxsize=KEPT)(cells.cell)
    for source, targets in by_source(graph):
        (subject,) = subject_of(source)
        for target, edge in targets:
            if edge["relation"] == RELATED_REFERENCES:
                reference, about = reference_of(target)
                provenance = cell_of(edge.get("provenance", OBSERVED))
                for key in edge["related_from"]:
                    collection, name = collection_of(key)
                    yield subject, reference, collection, about, name, provenance


# --- rows and frames -----------------------------------------------------------------------------


def _edge_rows(graph: nx.DiGraph[str], weights: str, warnings: ExportWarnings) -> Iterator[Row]:
    for source, targets in by_source(graph):
        for target, edge in targets:
            relation, weight, provenance, behind, first, last = in_full(said_of(edge))
            yield (
                source,
                target,
                relation,
                weight_of(weight, weights, warnings),
                keys_of(relation, behind),
                provenance,
                time_of(first, warnings),
                time_of(last, warnings),
            )


def _plain(said: Said) -> Row:
    """What an edge says, the collections as one text."""
    relation, weight, provenance, behind, *times = in_full(said)
    return relation, weight, " ".join(named(behind)) or None, provenance, *times


def _observation_rows(graph: nx.DiGraph[str]) -> Iterator[Row]:
    for source, target, key, provenance in observed(graph):
        subject, reference, behind = known(graph, source), known(graph, target), known(graph, key)
        told = (
            subject["type"],
            subject["id"],
            reference["id"],
            behind.get("type"),
            behind.get("id"),
            reference["type"],
            reference.get("url"),
            reference.get("title"),
            behind.get("name"),
            provenance,
        )
        yield tuple(map(text_of, told))


_CREATED, _SECONDS, _ASKED_AT = map(
    NODE_COLUMNS.index, ("created", "creation_date", "crawl_fetched_at")
)


def _timed(row: list[Any], warnings: ExportWarnings) -> Row:
    # Only days that have a name, so that rubbish dates are missing values and no error.
    if row[_CREATED] is not None:
        row[_CREATED] = _EPOCH + timedelta(seconds=row[_SECONDS])
    row[_ASKED_AT] = time_of(row[_ASKED_AT], warnings)
    return row


_PANDAS = {
    TEXT: "string",
    WORD: "category",
    WHOLE: "Int64",
    BROKEN: "Float64",
    TRUTH: "boolean",
    KEYS: "object",
}


def _frame(kinds: Mapping[str, str], found: Iterable[Row]) -> pd.DataFrame:
    """The rows with these columns and what each holds."""
    import pandas as pd  # noqa: PLC0415  slow to import, and not every run needs it

    rows = [[_clean(value) for value in row] for row in found]
    frame = pd.DataFrame(rows, columns=list(kinds), dtype=object)
    times = {name: _times(frame[name]) for name, kind in kinds.items() if kind == TIME}
    others = {name: _PANDAS[kind] for name, kind in kinds.items() if kind != TIME}
    return frame.assign(**times).astype(others)


def _times(column: pd.Series[Any]) -> pd.Series[Any]:
    """Times in UTC, in microseconds: so any year is one."""
    import numpy as np  # noqa: PLC0415  the same
    import pandas as pd  # noqa: PLC0415  the same

    bare = [None if pd.isna(each) else each.replace(tzinfo=None) for each in column]
    return pd.Series(np.array(bare, "datetime64[us]"), column.index).dt.tz_localize("UTC")


def _clean(value: Any) -> Any:  # noqa: ANN401  any that stands in a row
    if isinstance(value, list):
        return [replace_surrogates(each) for each in value]
    return replace_surrogates(value) if isinstance(value, str) else value

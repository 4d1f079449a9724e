"""Tables for spreadsheets and pandas: nodes, edges, and the observations themselves.

CSV is UTF-8 without a byte order mark, lines end in LF, every field is quoted (an unquoted lone CR
would tear a row in two), and no cell starts a formula: see :func:`plain.cell_text` for the guard,
:func:`plain.text_of_cell` for its undoing, ``raw=True`` for the plain texts. The guard is on every
column, ids and keys too. Labels and titles stand in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from graphbuild.exporters.cells import KEPT, Cells, parts_of, shown
from graphbuild.exporters.columns import seed_columns
from graphbuild.exporters.plain import Remarks, writable
from graphbuild.exporters.rows import (
    COUNTS,
    EDGE_COLUMNS,
    NODE_COLUMNS,
    OBSERVATION_COLUMNS,
    OTHER_PLACES,
    by_source,
    in_full,
    known,
    named,
    node_rows,
    observed,
    said_of,
)
from graphbuild.observations import OBSERVED
from graphbuild.questions import RELATED_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import networkx as nx
    import pandas as pd

    from graphbuild.exporters.rows import Said

Row = Sequence[Any]  # one value for each column: text, number, truth, or None for nothing


def write_nodes(graph: nx.DiGraph[str], stream: BinaryIO, *, raw: bool = False) -> Remarks:
    """One row for each node; attributes without a column stand in the last, as JSON."""
    columns = (*NODE_COLUMNS, *seed_columns(graph))
    remarks = Remarks()
    cells = Cells(remarks, raw=raw)
    _write(columns, _node_lines(graph, columns, cells, remarks), stream, cells)
    return remarks


def write_edges(graph: nx.DiGraph[str], stream: BinaryIO, *, raw: bool = False) -> Remarks:
    """One row for each edge.

    ``related_from`` lists the keys of the collections, with one space between. An edge whose
    ``weight`` is one more than they are was also observed with no collection named.
    """
    remarks = Remarks()
    cells = Cells(remarks, raw=raw)
    _write(EDGE_COLUMNS, _edge_lines(graph, cells), stream, cells)
    return remarks


def write_observations(graph: nx.DiGraph[str], stream: BinaryIO, *, raw: bool = False) -> Remarks:
    """One row for each observation: subject, reference, and the collection behind it, if any."""
    remarks = Remarks()
    cells = Cells(remarks, raw=raw)
    _write(OBSERVATION_COLUMNS, _observation_lines(graph, cells), stream, cells)
    return remarks


def nodes_frame(graph: nx.DiGraph[str]) -> pd.DataFrame:
    """The nodes as a pandas frame: counts and dates whole numbers, ``created`` in UTC."""
    import pandas as pd  # noqa: PLC0415  slow to import, and not every run needs it

    kinds = {"type": "category", "state": "category", "seed": "boolean", "degree": "Int64"}
    whole = dict.fromkeys(("creation_date", *COUNTS), "Int64")
    columns = (*NODE_COLUMNS, *seed_columns(graph))
    frame = _frame(columns, node_rows(graph, columns, Remarks()), kinds | whole)
    # Only days that have a name, so that rubbish dates are missing values and no error.
    seconds = frame["creation_date"].where(frame["created"].notna())
    return frame.assign(created=pd.to_datetime(seconds.astype("datetime64[s]"), utc=True))


def edges_frame(graph: nx.DiGraph[str]) -> pd.DataFrame:
    """The edges as a pandas frame, with the columns of ``write_edges``."""
    found = list(_edge_rows(graph))
    whole = all(isinstance(weight, int) for _, _, _, weight, *_ in found)
    kinds = {"relation": "category", "evidence": "category"}
    return _frame(EDGE_COLUMNS, found, kinds | {"weight": "Int64" if whole else "Float64"})


def observations_frame(graph: nx.DiGraph[str]) -> pd.DataFrame:
    """The observations as a pandas frame, with the columns of ``write_observations``."""
    types = (name for name in OBSERVATION_COLUMNS if name.endswith("_type") or name == "evidence")
    kinds = dict.fromkeys(types, "category")
    return _frame(OBSERVATION_COLUMNS, _observation_rows(graph), kinds)


# --- lines ---------------------------------------------------------------------------------------

Line = Sequence[bytes]  # cells, or parts of several, in the order of the columns


def _write(columns: Sequence[str], lines: Iterable[Line], stream: BinaryIO, cells: Cells) -> None:
    cells.write(stream, chain([[cells.cell(name) for name in columns]], lines))


def _node_lines(
    graph: nx.DiGraph[str], columns: Sequence[str], cells: Cells, remarks: Remarks
) -> Iterator[Line]:
    for row in node_rows(graph, columns, remarks, nothing=""):
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
                evidence = cell_of(edge.get("evidence", OBSERVED))
                for key in edge["related_from"]:
                    collection, name = collection_of(key)
                    yield subject, reference, collection, about, name, evidence


# --- rows and frames -----------------------------------------------------------------------------


def _edge_rows(graph: nx.DiGraph[str]) -> Iterator[Row]:
    for source, targets in by_source(graph):
        for target, edge in targets:
            yield source, target, *_plain(said_of(edge))


def _plain(said: Said) -> Row:
    """What an edge says, the collections as one text."""
    relation, weight, evidence, behind, *times = in_full(said)
    return relation, weight, " ".join(named(behind)) or None, evidence, *times


def _observation_rows(graph: nx.DiGraph[str]) -> Iterator[Row]:
    for source, target, key, evidence in observed(graph):
        subject, reference, behind = known(graph, source), known(graph, target), known(graph, key)
        yield (
            subject["type"],
            subject["id"],
            reference["id"],
            behind.get("type"),
            behind.get("id"),
            reference["type"],
            reference.get("url"),
            reference.get("title"),
            behind.get("name"),
            evidence,
        )


def _frame(columns: Sequence[str], found: Iterable[Row], kinds: dict[str, str]) -> pd.DataFrame:
    """``rows`` with the types in ``kinds``, and text in all other columns."""
    import pandas as pd  # noqa: PLC0415  slow to import, and not every run needs it

    clean = [[writable(v) if isinstance(v, str) else v for v in row] for row in found]
    frame = pd.DataFrame(clean, columns=list(columns), dtype=object)
    return frame.astype(dict.fromkeys(columns, "string") | kinds)

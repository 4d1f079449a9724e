"""Tables for spreadsheets and pandas: nodes, edges, and the observations themselves.

CSV is UTF-8 without a byte order mark, lines end in LF, every field is quoted (an unquoted lone CR
would tear a row in two), and no cell starts a formula: see :func:`plain.cell_text` for the guard,
:func:`plain.text_of_cell` for its undoing, ``raw=True`` for the plain texts. The guard is on every
column, ids and keys too. Labels and titles stand in full.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from graphbuild.exporters.columns import further, holds, seed_columns
from graphbuild.exporters.plain import (
    Remarks,
    cell_text,
    created,
    fits,
    host_of,
    writable,
    write_lines,
)
from graphbuild.graph import NO_COLLECTION, observations_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    import networkx as nx
    import pandas as pd

NODE_COLUMNS = (
    "key",
    "type",
    "id",
    "label",
    "title",
    "url",
    "author",
    "creation_date",
    "created",
    "domain",
    "name",
    "collection_type",
    "origin",
    "tags",
    "seed",
    "state",
    "crawl_pages",
    "crawl_announced",
    "crawl_received",
    "crawl_inferred",
    "crawl_status",
    "crawl_remark",
    "crawl_asked_at",
    "degree",
    "attributes",
)
EDGE_COLUMNS = (
    "source",
    "target",
    "relation",
    "weight",
    "related_from",
    "evidence",
    "first_seen",
    "last_seen",
)
OBSERVATION_COLUMNS = (
    "subject_type",
    "subject_id",
    "reference_id",
    "related_from_type",
    "related_from_id",
    "reference_type",
    "reference_url",
    "reference_title",
    "related_from_name",
    "evidence",
)
# The attributes among these columns that are not texts; the derived ones are no attributes.
_COUNTS = tuple(
    f"crawl_{name}" for name in ("pages", "announced", "received", "inferred", "status")
)
_OTHERS = dict.fromkeys(("creation_date", *_COUNTS), int) | {"seed": bool}
_DERIVED = frozenset({"key", "created", "domain", "degree", "attributes"})
_KINDS: dict[str, type] = {n: _OTHERS.get(n, str) for n in NODE_COLUMNS if n not in _DERIVED}

Row = tuple[Any, ...]  # one value for each column: text, number, truth, or None for nothing


def write_nodes(graph: nx.DiGraph[str], stream: BinaryIO, *, raw: bool = False) -> Remarks:
    """One row for each node; attributes without a column stand in the last, as JSON."""
    remarks = Remarks()
    columns = (*NODE_COLUMNS, *seed_columns(graph))
    return _write(columns, _node_rows(graph, columns, remarks), stream, remarks, raw=raw)


def write_edges(graph: nx.DiGraph[str], stream: BinaryIO, *, raw: bool = False) -> Remarks:
    """One row for each edge.

    ``related_from`` lists the keys of the collections, with one space between. An edge whose
    ``weight`` is one more than they are was also observed with no collection named.
    """
    return _write(EDGE_COLUMNS, _edge_rows(graph), stream, Remarks(), raw=raw)


def write_observations(graph: nx.DiGraph[str], stream: BinaryIO, *, raw: bool = False) -> Remarks:
    """One row for each observation: subject, reference, and the collection behind it, if any."""
    return _write(OBSERVATION_COLUMNS, _observation_rows(graph), stream, Remarks(), raw=raw)


def nodes_frame(graph: nx.DiGraph[str]) -> pd.DataFrame:
    """The nodes as a pandas frame: counts and dates whole numbers, ``created`` in UTC."""
    import pandas as pd  # noqa: PLC0415  slow to import, and not every run needs it

    kinds = {"type": "category", "state": "category", "seed": "boolean", "degree": "Int64"}
    whole = dict.fromkeys(("creation_date", *_COUNTS), "Int64")
    columns = (*NODE_COLUMNS, *seed_columns(graph))
    rows = _node_rows(graph, columns, Remarks())
    frame = _frame(columns, rows, kinds | whole)
    # Only days that have a name, so that rubbish dates are missing values and no error.
    seconds = frame["creation_date"].where(frame["created"].notna())
    return frame.assign(created=pd.to_datetime(seconds.astype("datetime64[s]"), utc=True))


def edges_frame(graph: nx.DiGraph[str]) -> pd.DataFrame:
    """The edges as a pandas frame, with the columns of ``write_edges``."""
    rows = list(_edge_rows(graph))
    whole = all(isinstance(weight, int) for _, _, _, weight, *_ in rows)
    kinds = {"relation": "category", "evidence": "category"}
    return _frame(EDGE_COLUMNS, rows, kinds | {"weight": "Int64" if whole else "Float64"})


def observations_frame(graph: nx.DiGraph[str]) -> pd.DataFrame:
    """The observations as a pandas frame, with the columns of ``write_observations``."""
    types = (name for name in OBSERVATION_COLUMNS if name.endswith("_type") or name == "evidence")
    kinds = dict.fromkeys(types, "category")
    return _frame(OBSERVATION_COLUMNS, _observation_rows(graph), kinds)


# --- rows ----------------------------------------------------------------------------------------


def _node_rows(graph: nx.DiGraph[str], columns: Sequence[str], remarks: Remarks) -> Iterator[Row]:
    ours = frozenset(columns) - frozenset(NODE_COLUMNS)
    for key, attributes in graph.nodes(data=True):
        values, rest = _split(attributes, ours)
        if "creation_date" in values:
            values["created"] = created(values["creation_date"]) or None
        if "url" in values:
            values["domain"] = host_of(values["url"]) or None
        values |= {"key": key, "degree": graph.degree[key]}
        values["attributes"] = further(rest, remarks) or None
        yield tuple(map(values.get, columns))


def _split(
    attributes: dict[str, Any], ours: Container[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What has a column of its own, and the rest."""
    values: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in attributes.items():
        has_column = (name in _KINDS and holds(_KINDS[name], value) and fits(value)) or (
            name in ours and isinstance(value, str)
        )
        (values if has_column else rest)[name] = value
    return values, rest


def _edge_rows(graph: nx.DiGraph[str]) -> Iterator[Row]:
    for source, target, edge in graph.edges(data=True):
        behind = (key for key in edge.get("related_from", ()) if key != NO_COLLECTION)
        yield (
            source,
            target,
            edge["relation"],
            edge.get("weight", 1),
            " ".join(behind) or None,
            edge.get("evidence"),
            edge.get("first_seen"),
            edge.get("last_seen"),
        )


def _observation_rows(graph: nx.DiGraph[str]) -> Iterator[Row]:
    for seen in observations_of(graph):
        subject, reference, behind = seen.subject, seen.reference, seen.related_from
        yield (
            subject.type,
            subject.id,
            reference.id,
            behind.type if behind else None,
            behind.id if behind else None,
            reference.type,
            reference.attributes.get("url"),
            reference.attributes.get("title"),
            behind.attributes.get("name") if behind else None,
            seen.evidence,
        )


# --- rows to files and frames --------------------------------------------------------------------


def _write(
    columns: Sequence[str], rows: Iterable[Row], stream: BinaryIO, remarks: Remarks, *, raw: bool
) -> Remarks:
    write_lines(stream, (_line(row, remarks, raw=raw) for row in chain([columns], rows)))
    return remarks


def _line(row: Iterable[object], remarks: Remarks, *, raw: bool) -> str:
    cells = ",".join([_quoted(_cell(_shown(value), remarks, raw=raw)) for value in row])
    return f"{cells}\n"


def _cell(text: str, remarks: Remarks, *, raw: bool) -> str:
    cell = writable(text) if raw else cell_text(text)
    if cell != text:
        guarded = len(cell) > len(text)
        remarks.guarded += guarded
        remarks.cleaned += not guarded or "\0" in text
    return cell


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _frame(columns: Sequence[str], rows: Iterable[Row], kinds: dict[str, str]) -> pd.DataFrame:
    """``rows`` with the types in ``kinds``, and text in all other columns."""
    import pandas as pd  # noqa: PLC0415  slow to import, and not every run needs it

    clean = [[writable(v) if isinstance(v, str) else v for v in row] for row in rows]
    frame = pd.DataFrame(clean, columns=list(columns), dtype=object)
    return frame.astype(dict.fromkeys(columns, "string") | kinds)

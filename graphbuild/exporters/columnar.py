"""Parquet: the tables with types, for pandas and whatever else reads columns.

The columns are those of :mod:`rows`. Whole numbers, truths and times are such; what few words fill,
as type or state, is a dictionary of them, which pandas reads as a category; ``related_from`` of an
edge is a list of keys, empty where no collection was named and missing where there is none to name.
No text is guarded: nothing here starts a formula.

A row group at a time is in memory. What many rows of it share, such as all that is known of a
report, is converted once and then pointed at.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from graphbuild.exporters.cells import shown
from graphbuild.exporters.columns import seed_columns
from graphbuild.exporters.plain import Remarks, fits, writable
from graphbuild.exporters.rows import (
    COUNTS,
    EDGE_COLUMNS,
    NODE_COLUMNS,
    OBSERVATION_COLUMNS,
    by_source,
    known,
    named,
    node_rows,
    said_of,
)
from graphbuild.observations import OBSERVED
from graphbuild.questions import RELATED_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import networkx as nx

    from graphbuild.exporters.rows import Said

GROUP = 65_536  # rows of a row group
_CHUNK = 250  # rows held as rows: the collector of garbage looks at a graph's worth for more

_TEXT = pa.string()
_WORD = pa.dictionary(pa.int32(), pa.string())
_WHOLE = pa.int64()
_TIME = pa.timestamp("us", tz="UTC")
_KINDS = {
    **dict.fromkeys(("type", "state", "collection_type", "origin", "relation", "evidence"), _WORD),
    **dict.fromkeys(("subject_type", "reference_type", "related_from_type"), _WORD),
    **dict.fromkeys(("creation_date", "degree", *COUNTS), _WHOLE),
    **dict.fromkeys(("created", "crawl_asked_at", "first_seen", "last_seen"), _TIME),
    "seed": pa.bool_(),
    "weight": _WHOLE,
}
_KEYS = pa.list_(_TEXT)


def write_nodes(graph: nx.DiGraph[str], stream: BinaryIO) -> Remarks:
    """One row for each node; attributes without a column stand in the last, as JSON."""
    remarks = Remarks()
    columns = (*NODE_COLUMNS, *seed_columns(graph))
    schema = _schema(columns)
    rows = node_rows(graph, columns, remarks)
    _write(schema, (_nodes(group, schema, remarks) for group in _groups(rows, columns)), stream)
    return remarks


def write_edges(graph: nx.DiGraph[str], stream: BinaryIO) -> Remarks:
    """One row for each edge; weights are whole numbers where all of them are."""
    remarks = Remarks()
    schema = _schema(EDGE_COLUMNS, related_from=_KEYS, weight=_weight_kind(graph))
    _write(schema, _edges(graph, schema, remarks), stream)
    return remarks


def write_observations(graph: nx.DiGraph[str], stream: BinaryIO) -> Remarks:
    """One row for each observation: subject, reference, and the collection behind it, if any."""
    remarks = Remarks()
    schema = _schema(OBSERVATION_COLUMNS)
    _write(schema, _observations(graph, remarks), stream)
    return remarks


WRITERS = {"nodes": write_nodes, "edges": write_edges, "observations": write_observations}


def _schema(columns: Iterable[str], **others: pa.DataType) -> pa.Schema:
    kinds = {**_KINDS, **others}
    return pa.schema([(name, kinds.get(name, _TEXT)) for name in columns])


def _write(schema: pa.Schema, groups: Iterable[list[pa.Array]], stream: BinaryIO) -> None:
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for group in groups:
            writer.write_batch(pa.record_batch(group, schema=schema))


# --- nodes ---------------------------------------------------------------------------------------


def _groups(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows as columns, by their names, a row group at a time."""
    rest = iter(rows)
    group: list[list[Any]] = [[] for _ in columns]
    while chunk := list(islice(rest, _CHUNK)):
        for column, values in zip(group, zip(*chunk, strict=True), strict=True):
            column.extend(values)
        if len(group[0]) >= GROUP:
            yield dict(zip(columns, group, strict=True))
            group = [[] for _ in columns]
    if group[0]:
        yield dict(zip(columns, group, strict=True))


def _nodes(group: dict[str, list[Any]], schema: pa.Schema, remarks: Remarks) -> list[pa.Array]:
    # As in the frames: only days that have a name, so that a rubbish date is missing and no error.
    days = zip(group["created"], group["creation_date"], strict=True)
    seconds = pa.array([None if day is None else date for day, date in days], pa.timestamp("s"))
    group["created"] = seconds.cast(pa.timestamp("us")).cast(_TIME)
    group["crawl_asked_at"] = [_time(text, remarks) for text in group["crawl_asked_at"]]
    return [_array(group[field.name], field.type, remarks) for field in schema]


# --- edges ---------------------------------------------------------------------------------------


def _edges(graph: nx.DiGraph[str], schema: pa.Schema, remarks: Remarks) -> Iterator[list[pa.Array]]:
    group = _Edges()
    for source, targets in by_source(graph):
        group.add(source, targets)
        if len(group.sources) >= GROUP:
            yield group.arrays(schema, remarks)
            group = _Edges()
    if group.sources:
        yield group.arrays(schema, remarks)


class _Edges:
    """Some edges; what many of them say alike is kept once."""

    def __init__(self) -> None:
        self.sources: list[str] = []
        self._targets: list[str] = []
        self._places: list[int] = []  # of what each says
        self._said: dict[Said, int] = {}

    def add(self, source: str, targets: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Take in the edges of one source."""
        said = self._said
        for target, edge in targets:
            self.sources.append(source)
            self._targets.append(target)
            self._places.append(said.setdefault(said_of(edge), len(said)))

    def arrays(self, schema: pa.Schema, remarks: Remarks) -> list[pa.Array]:
        """They as columns."""
        relation, weight, behind, evidence, first, last = zip(*self._said, strict=True)
        told = (
            relation,
            [_weight(each, schema.field("weight").type, remarks) for each in weight],
            [
                named(keys) if keys or kind == RELATED_REFERENCES else None
                for kind, keys in zip(relation, behind, strict=True)
            ],
            evidence,
            [_time(text, remarks) for text in first],
            [_time(text, remarks) for text in last],
        )
        places = pa.array(self._places, pa.int32())
        ends = [_array(keys, _TEXT, remarks) for keys in (self.sources, self._targets)]
        kinds = schema.types[len(ends) :]
        said = [_array(each, kind, remarks) for each, kind in zip(told, kinds, strict=True)]
        return [*ends, *(each.take(places) for each in said)]


def _weight_kind(graph: nx.DiGraph[str]) -> pa.DataType:
    """Whole numbers; broken ones where a view has such."""
    kinds = {type(edge.get("weight")) for _, targets in by_source(graph) for _, edge in targets}
    return pa.float64() if any(issubclass(kind, float) for kind in kinds) else _WHOLE


def _weight(value: object, kind: pa.DataType, remarks: Remarks) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and fits(value):
        return float(value) if kind != _WHOLE else int(value)
    remarks.left_out += 1
    return None


def _time(text: object, remarks: Remarks) -> datetime | None:
    """A time of ours, which is one in UTC; anything else is left out."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        remarks.left_out += 1
        return None


# --- observations --------------------------------------------------------------------------------


def _observations(graph: nx.DiGraph[str], remarks: Remarks) -> Iterator[list[pa.Array]]:
    # One list each of subjects, references, collections and evidence.
    facts: tuple[list[str], list[str], list[str], list[str]] = ([], [], [], [])
    subjects, references, collections, evidence = facts
    for source, targets in by_source(graph):
        for target, edge in targets:
            if edge["relation"] == RELATED_REFERENCES:
                seen = edge.get("evidence", OBSERVED)
                for key in edge["related_from"]:
                    subjects.append(source)
                    references.append(target)
                    collections.append(key)
                    evidence.append(seen)
        if len(subjects) >= GROUP:
            yield _observation_arrays(graph, facts, remarks)
            for each in facts:
                each.clear()
    if subjects:
        yield _observation_arrays(graph, facts, remarks)


def _observation_arrays(
    graph: nx.DiGraph[str], facts: Sequence[list[str]], remarks: Remarks
) -> list[pa.Array]:
    subjects, references, collections, evidence = facts
    subject_type, subject_id = _told(graph, subjects, ("type", "id"), remarks)
    reference_type, reference_id, url, title = _told(
        graph, references, ("type", "id", "url", "title"), remarks
    )
    behind_type, behind_id, name = _told(graph, collections, ("type", "id", "name"), remarks)
    said = _array(evidence, _WORD, remarks)
    return [
        subject_type,
        subject_id,
        reference_id,
        behind_type,
        behind_id,
        reference_type,
        url,
        title,
        name,
        said,
    ]


def _told(
    graph: nx.DiGraph[str], keys: Iterable[str], names: Iterable[str], remarks: Remarks
) -> list[pa.Array]:
    """What the nodes tell under ``names``, each of them looked up once."""
    met = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    where = pa.array(map(met.__getitem__, keys), pa.int32())
    nodes = [known(graph, key) for key in met]
    columns = ((name, [_text(node.get(name)) for node in nodes]) for name in names)
    return [_array(told, _KINDS.get(name, _TEXT), remarks).take(where) for name, told in columns]


def _text(value: object) -> str | None:
    return None if value is None else shown(value)


# --- arrays --------------------------------------------------------------------------------------


def _array(values: Any, kind: pa.DataType, remarks: Remarks) -> pa.Array:  # noqa: ANN401  a column
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # a lone surrogate, which no encoding holds
        return pa.array([_cleaned(value, remarks) for value in values], kind)


def _cleaned(value: object, remarks: Remarks) -> object:
    if isinstance(value, list):
        return [_cleaned(each, remarks) for each in value]
    if not isinstance(value, str):
        return value
    text = writable(value)
    remarks.cleaned += text != value
    return text

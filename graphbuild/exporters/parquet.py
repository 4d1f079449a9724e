"""Parquet: the tables with types, for pandas and whatever else reads columns.

The columns are those of :mod:`rows`. Whole numbers, truths and times are such; what few words fill,
as type or state, is a dictionary of them, which pandas reads as a category; ``related_from`` of an
edge is a list of keys, empty where no collection was named and missing where there is none to name.
No text is guarded: nothing here starts a formula.

A row group at a time is in memory. What many rows of it share, such as all that is known of a
report, is converted once and then pointed at.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graphbuild.exporters.extra_attributes import seed_columns
from graphbuild.exporters.sanitize import ExportWarnings, replace_surrogates
from graphbuild.exporters.schema import (
    BROKEN,
    EDGE_COLUMNS,
    KEYS,
    NODE_COLUMNS,
    OBSERVATION_COLUMNS,
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
    node_rows,
    said_of,
    text_of,
    time_of,
    weight_of,
)
from graphbuild.models import OBSERVED, RELATED_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import networkx as nx

    from graphbuild.exporters.schema import Said

    Targets = Iterable[tuple[str, dict[str, Any]]]

_Group = TypeVar("_Group", "_Edges", "_Facts")

GROUP = 65_536  # rows of a row group
_CHUNK = 250  # rows held as rows: the collector of garbage looks at a graph's worth for more

_TEXT = pa.string()
_WORD = pa.dictionary(pa.int32(), pa.string())
_TIME = pa.timestamp("us", tz="UTC")
_KINDS = {
    TEXT: _TEXT,
    WORD: _WORD,
    WHOLE: pa.int64(),
    BROKEN: pa.float64(),
    TRUTH: pa.bool_(),
    TIME: _TIME,
    KEYS: pa.list_(_TEXT),
}


def write_nodes(graph: nx.DiGraph[str], stream: BinaryIO) -> ExportWarnings:
    """One row for each node; attributes without a column stand in the last, as JSON."""
    warnings = ExportWarnings()
    columns = (*NODE_COLUMNS, *seed_columns(graph))
    schema = _schema(columns)
    rows = node_rows(graph, columns, warnings)
    _write(schema, (_nodes(group, schema, warnings) for group in _columns(rows, columns)), stream)
    return warnings


def write_edges(graph: nx.DiGraph[str], stream: BinaryIO) -> ExportWarnings:
    """One row for each edge; weights are whole numbers where all of them are."""
    warnings = ExportWarnings()
    weights = kind_of_weights(graph)
    schema = _schema(EDGE_COLUMNS, related_from=KEYS, weight=weights)
    groups = _groups(graph, _Edges)
    _write(schema, (group.arrays(schema, weights, warnings) for group in groups), stream)
    return warnings


def write_observations(graph: nx.DiGraph[str], stream: BinaryIO) -> ExportWarnings:
    """One row for each observation: subject, reference, and the collection behind it, if any."""
    warnings = ExportWarnings()
    groups = _groups(graph, lambda: _Facts(graph))
    arrays = (group.arrays(warnings) for group in groups)
    _write(_schema(OBSERVATION_COLUMNS), arrays, stream)
    return warnings


WRITERS = {"nodes": write_nodes, "edges": write_edges, "observations": write_observations}


def _schema(columns: Iterable[str], **others: str) -> pa.Schema:
    return pa.schema([(name, _KINDS[kind]) for name, kind in kinds_of(columns, **others).items()])


def _groups(graph: nx.DiGraph[str], new: Callable[[], _Group]) -> Iterator[_Group]:
    """What the edges say, a row group at a time."""
    group = new()
    for source, targets in by_source(graph):
        group.add(source, targets)
        if len(group) >= GROUP:
            yield group
            group = new()
    if len(group):
        yield group


def _write(schema: pa.Schema, groups: Iterable[list[pa.Array]], stream: BinaryIO) -> None:
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for group in groups:
            writer.write_batch(pa.record_batch(group, schema=schema))


# --- nodes ---------------------------------------------------------------------------------------


def _columns(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
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


def _nodes(
    group: dict[str, list[Any]], schema: pa.Schema, warnings: ExportWarnings
) -> list[pa.Array]:
    # As in the frames: only days that have a name, so that a rubbish date is missing and no error.
    days = zip(group["created"], group["creation_date"], strict=True)
    seconds = pa.array([None if day is None else date for day, date in days], pa.timestamp("s"))
    group["created"] = seconds.cast(pa.timestamp("us")).cast(_TIME)
    group["crawl_fetched_at"] = [time_of(text, warnings) for text in group["crawl_fetched_at"]]
    return [_array(group[field.name], field.type, warnings) for field in schema]


# --- edges ---------------------------------------------------------------------------------------


class _Edges:
    """Some edges. A source is kept once, and so is what many edges say alike."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self._sources: list[str] = []
        self._counts: list[int] = []  # of the edges of each source
        self._said: dict[Said, int] = {}
        self._places: list[int] = []  # of what each says

    def __len__(self) -> int:
        return len(self.targets)

    def add(self, source: str, targets: Targets) -> None:
        """Take in the edges of one source."""
        said, before = self._said, len(self)
        for target, edge in targets:
            self.targets.append(target)
            self._places.append(said.setdefault(said_of(edge), len(said)))
        self._sources.append(source)
        self._counts.append(len(self) - before)

    def arrays(self, schema: pa.Schema, weights: str, warnings: ExportWarnings) -> list[pa.Array]:
        """They as columns."""
        said = zip(*map(in_full, self._said), strict=True)
        relation, weight, provenance, behind, first, last = said
        told = (
            relation,
            [weight_of(each, weights, warnings) for each in weight],
            [keys_of(kind, keys) for kind, keys in zip(relation, behind, strict=True)],
            provenance,
            [time_of(text, warnings) for text in first],
            [time_of(text, warnings) for text in last],
        )
        sources = _array(self._sources, _TEXT, warnings).take(_repeated(self._counts))
        targets = _array(self.targets, _TEXT, warnings)
        places = pa.array(self._places, pa.int32())
        kinds = schema.types[2:]
        arrays = [_array(each, kind, warnings) for each, kind in zip(told, kinds, strict=True)]
        return [sources, targets, *(each.take(places) for each in arrays)]


# --- observations --------------------------------------------------------------------------------


class _Facts:
    """Some observations, as the keys of nodes. A subject is kept once."""

    def __init__(self, graph: nx.DiGraph[str]) -> None:
        self._graph = graph
        self._subjects: list[str] = []
        self._counts: list[int] = []  # of the observations of each subject
        self._references: list[str] = []
        self._collections: list[str] = []
        self._provenance: list[str] = []

    def __len__(self) -> int:
        return len(self._references)

    def add(self, source: str, targets: Targets) -> None:
        """Take in the observations of one subject."""
        before = len(self)
        for target, edge in targets:
            if edge["relation"] == RELATED_REFERENCES:
                seen = edge.get("provenance", OBSERVED)
                for key in edge["related_from"]:
                    self._references.append(target)
                    self._collections.append(key)
                    self._provenance.append(seen)
        if len(self) > before:
            self._subjects.append(source)
            self._counts.append(len(self) - before)

    def arrays(self, warnings: ExportWarnings) -> list[pa.Array]:
        """They as columns."""
        subject_type, subject_id = self._told(
            self._subjects, _repeated(self._counts), ("type", "id"), warnings
        )
        reference_type, reference_id, url, title = self._told(
            *_once(self._references), ("type", "id", "url", "title"), warnings
        )
        behind_type, behind_id, name = self._told(
            *_once(self._collections), ("type", "id", "name"), warnings
        )
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
            _array(self._provenance, _WORD, warnings),
        ]

    def _told(
        self, keys: Iterable[str], places: pa.Array, names: Iterable[str], warnings: ExportWarnings
    ) -> list[pa.Array]:
        """What the nodes tell under ``names``; one of them stands wherever a place points at it."""
        nodes = [known(self._graph, key) for key in keys]
        return [
            _array([text_of(node.get(name)) for node in nodes], _KINDS[kind], warnings).take(places)
            for name, kind in kinds_of(names).items()
        ]


def _once(keys: list[str]) -> tuple[Iterable[str], pa.Array]:
    """Each key once, and where each of ``keys`` is among them."""
    met = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return met, pa.array(np.fromiter(map(met.__getitem__, keys), np.int32, len(keys)))


def _repeated(counts: list[int]) -> pa.Array:
    """The places of things of which each stands so many times, one after the other."""
    return pa.array(np.repeat(np.arange(len(counts), dtype=np.int32), counts))


# --- arrays --------------------------------------------------------------------------------------


def _array(values: Any, kind: pa.DataType, warnings: ExportWarnings) -> pa.Array:  # noqa: ANN401  a column
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # a lone surrogate, which no encoding holds
        return pa.array([_cleaned(value, warnings) for value in values], kind)


def _cleaned(value: object, warnings: ExportWarnings) -> object:
    if isinstance(value, list):
        return [_cleaned(each, warnings) for each in value]
    if not isinstance(value, str):
        return value
    text = replace_surrogates(value)
    warnings.cleaned += text != value
    return text

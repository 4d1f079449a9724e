"""JSON formats: node-link data for networkx, JSON Lines, and elements for Cytoscape.

All files are strict JSON in UTF-8. Objects are written one by one with sorted names, so memory is
constant and the same graph gives the same bytes. Values that JSON cannot hold are omitted and
counted; lone surrogates become U+FFFD.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.rows import (
    CACHED,
    EDGE_ATTRIBUTES,
    cached_conversion,
    common_edge_values,
    node_rows,
    observation_keys,
)
from graphbuild.exporters.sanitize import is_exportable, replace_surrogates
from graphbuild.exporters.schema import TABLES, NodeColumns
from graphbuild.exporters.xml_common import edge_id
from graphbuild.graph.builder import NO_COLLECTION
from graphbuild.graph.style import check_positions, node_color, size_scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import networkx as nx

    from graphbuild.exporters.rows import EdgeValues

    Graph = nx.DiGraph[str]
    Positions = Mapping[str, tuple[float, float]]

_ENDS = frozenset({"source", "target"})
_BLOCK = 250  # objects per write: few calls, and memory stays constant
_PLAIN = frozenset({str, bool, type(None)})
_NUMBERS = frozenset({int, float})
_UNFIT = object()
_encode = msgspec.json.Encoder(order="sorted").encode


def write_node_link(graph: Graph, stream: BinaryIO) -> ExportWarnings:
    """Write node-link data as networkx reads it, one node or edge per line.

    ``nx.node_link_graph(json.load(stream), edges="edges")`` returns the graph, with lists instead
    of tuples. The format uses the name ``id`` for the key of a node, so the attribute ``id`` is not
    written; the key contains it.
    """
    encoder = _Encoder()
    head = b'{"directed":true,"graph":%b,"multigraph":false,"nodes":[\n'
    stream.write(head % encoder.object(graph.graph))
    nodes = (encoder.object({**node, "id": key}) for key, node in graph.nodes(data=True))
    _write(stream, nodes, b",")
    stream.write(b'\n],"edges":[\n')
    _write(stream, (encoder.edge(*each) for each in graph.edges(data=True)), b",")
    stream.write(b"\n]}\n")
    return encoder.warnings


def write_lines(graph: Graph, stream: BinaryIO) -> ExportWarnings:
    """Write JSON Lines; the first member of each object is its ``kind``.

    Nodes come first, with all their attributes in ``attributes``, then edges, then observations,
    which name nodes by their keys.
    """
    encoder = _Encoder()
    nodes = (
        b'{"kind":"node","key":%b,"attributes":%b}' % (encoder.text(key), encoder.object(node))
        for key, node in graph.nodes(data=True)
    )
    edges = (b'{"kind":"edge",' + encoder.edge(*each)[1:] for each in graph.edges(data=True))
    observations = (
        b'{"kind":"observation",' + encoder.object(each)[1:] for each in _observations(graph)
    )
    _write(stream, chain(nodes, edges, observations), b"")
    stream.write(b"\n" if graph else b"")
    return encoder.warnings


def _observations(graph: Graph) -> Iterator[dict[str, str | None]]:
    for subject, reference, collection, provenance in observation_keys(graph):
        yield {
            "subject": subject,
            "reference": reference,
            "related_from": None if collection == NO_COLLECTION else collection,
            "provenance": provenance,
        }


def write_object_list(
    stream: BinaryIO, head: bytes, objects: Iterable[dict[str, Any]], tail: bytes
) -> None:
    """Write ``head``, ``objects`` one per line with commas between them, and ``tail``."""
    encode = msgspec.json.Encoder().encode
    separator = head + b"\n"
    for each in objects:
        stream.write(separator + encode(each))
        separator = b",\n"
    stream.write((b"\n" if separator == b",\n" else separator) + tail)


# --- Cytoscape -----------------------------------------------------------------------------------

_CYTOSCAPE_HEAD = {
    "data": {"name": "graphbuild", "shared_name": "graphbuild"},
    "directed": True,
    "format_version": "1.0",
    "generated_by": "graphbuild",
    "multigraph": False,
    "target_cytoscapejs_version": "~2.1",
}


def write_cytoscape(
    graph: Graph, stream: BinaryIO, *, positions: Positions | None = None
) -> ExportWarnings:
    """Write elements as Cytoscape, Cytoscape.js and ``nx.cytoscape_graph`` read them.

    Nodes have the columns of the tables, with these exceptions: ``id`` and ``value`` are the key of
    the node, ``name`` is its label, and the API's name is ``api_name``. ``color`` and ``size`` are
    for display. Positions count downwards.

    Raises:
        ExportError: a node has no position although others have; nothing is written.
    """
    encoder = _Encoder()
    positions = check_positions(graph, positions)
    stream.write(_encode(_CYTOSCAPE_HEAD)[:-1] + b',"elements":{"nodes":[\n')
    _write(stream, _cytoscape_nodes(graph, positions, encoder), b",")
    stream.write(b'\n],"edges":[\n')
    edges = (_cytoscape_edge(*each) for each in graph.edges(data=True))
    _write(stream, (b'{"data":%b}' % encoder.edge(*each) for each in edges), b",")
    stream.write(b"\n]}}\n")
    return encoder.warnings


def _cytoscape_nodes(graph: Graph, positions: Positions, encoder: _Encoder) -> Iterator[bytes]:
    size_of = size_scale(graph)
    columns = NodeColumns(TABLES, graph)
    for row in node_rows(graph, columns, encoder.warnings):
        values = {n: v for n, v in zip(columns.names, row, strict=True) if v is not None}
        if "name" in values:
            values["api_name"] = values["name"]
        key = values.pop("key")
        values |= {"id": key, "value": key, "name": values["label"]}
        values |= {"color": node_color(values["type"]), "size": size_of(values["degree"])}
        position = b""
        if positions:
            x, y = positions[key]
            # Plain floats, zero without a sign.
            position = b',"position":' + _encode({"x": float(x) + 0.0, "y": 0.0 - float(y)})
        yield b'{"data":%b%b}' % (encoder.object(values), position)


def _cytoscape_edge(
    source: str, target: str, edge: Mapping[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    relation = edge["relation"]
    own = {"id": edge_id(relation, source, target), "interaction": relation}
    return source, target, {**edge, **own}


# --- objects -------------------------------------------------------------------------------------


class _Encoder:
    """Encodes objects as JSON and counts the values that JSON cannot hold."""

    def __init__(self) -> None:
        self.warnings = ExportWarnings()
        self._key = lru_cache(maxsize=CACHED)(self.text)
        self._edge = cached_conversion(_edge_members, CACHED)

    def object(self, values: Mapping[str, Any]) -> bytes:
        """Return an object of texts, booleans, numbers, None, and lists of these."""
        for value in values.values():
            if type(value) not in _PLAIN and not _is_plain(value):
                values = self._fitting(values)
                break
        try:
            return _encode(values)
        except (TypeError, UnicodeEncodeError):  # a name that is not text, or a lone surrogate
            return _encode(self._cleaned(self._fitting(values)))

    def edge(self, source: str, target: str, edge: Mapping[str, Any]) -> bytes:
        """Return an edge, its ends first; attributes with their names are omitted."""
        if not _ENDS.isdisjoint(edge):
            own = {name: value for name, value in edge.items() if name not in _ENDS}
            self.warnings.omitted += len(edge) - len(own)
            edge = own
        values = common_edge_values(edge)
        known = self._edge(values, self.warnings) if values else self.object(edge)[1:-1]
        members = b"," + known if known else b""
        return b'{"source":%b,"target":%b%b}' % (self._key(source), self._key(target), members)

    def text(self, text: str) -> bytes:
        """Return a text."""
        try:
            return _encode(text)
        except UnicodeEncodeError:
            return _encode(self._cleaned(text))

    def _fitting(self, values: Mapping[str, Any]) -> dict[str, Any]:
        fitting = {n: _fitting(value) for n, value in values.items() if isinstance(n, str)}
        kept = {name: value for name, value in fitting.items() if value is not _UNFIT}
        self.warnings.omitted += len(values) - len(kept)
        return kept

    def _cleaned(self, value: Any) -> Any:  # noqa: ANN401  any JSON value
        if isinstance(value, str):
            text = replace_surrogates(value)
            self.warnings.cleaned += text != value
            return text
        if isinstance(value, dict):
            return {self._cleaned(name): self._cleaned(each) for name, each in value.items()}
        return [self._cleaned(each) for each in value] if isinstance(value, list | tuple) else value


def _edge_members(values: EdgeValues, warnings: ExportWarnings) -> bytes:
    encoder = _Encoder()
    members = encoder.object(dict(zip(EDGE_ATTRIBUTES, values, strict=False)))[1:-1]
    warnings.add(encoder.warnings)
    return members


def _is_plain(value: object) -> bool:
    """Return whether a value can be encoded as it is."""
    if type(value) in _NUMBERS:
        return is_exportable(value)
    if isinstance(value, list | tuple):
        return {str}.issuperset(map(type, value))
    return type(value) in _PLAIN


def _fitting(value: object) -> object:
    """Return a value of a built-in type that JSON can hold, or ``_UNFIT``."""
    if isinstance(value, list | tuple):
        items = [_fitting(each) for each in value]
        return _UNFIT if _UNFIT in items else items
    if value is None or isinstance(value, bool):
        return value
    if not is_exportable(value):
        return _UNFIT
    return next(kind(value) for kind in (int, float, str) if isinstance(value, kind))


def _write(stream: BinaryIO, objects: Iterable[bytes], separator: bytes) -> None:
    """Write one object per line, without the end of the last line."""
    remaining, line_end = iter(objects), separator + b"\n"
    before = b""
    while block := list(islice(remaining, _BLOCK)):
        stream.write(before + line_end.join(block))
        before = line_end

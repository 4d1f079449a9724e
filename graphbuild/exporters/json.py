"""Write JSON formats: node-link data for networkx, JSON Lines, and elements for Cytoscape.

All JSON is strict and in UTF-8. Objects are written in small blocks, so the memory needed does not
grow with the graph. The attributes of an object are sorted by name, so equal graphs give equal
bytes. Texts, booleans, None, finite floats, 64-bit integers, and lists of such values are written.
Other values are omitted and counted. Lone surrogates are replaced by U+FFFD.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from graphbuild.exporters.columns import TABLES, NodeColumns
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.rows import CACHED, cached_by_edge, node_rows
from graphbuild.exporters.sanitize import clean_surrogates, is_exportable
from graphbuild.exporters.xml_common import edge_id
from graphbuild.graph.builder import NO_COLLECTION, RELATED_RELATIONS, output_attributes
from graphbuild.graph.style import check_positions, node_color, size_scale
from graphbuild.models import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from graphbuild.graph.builder import Graph
    from graphbuild.graph.style import Positions


_ENDPOINT_NAMES = frozenset({"source", "target"})
_OBJECTS_PER_WRITE = 250  # a larger number takes more memory, a smaller one more writes
_DIRECT_TYPES = frozenset({str, bool, type(None)})  # values of these types need no conversion
_NUMBER_TYPES = frozenset({int, float})
_NOT_JSON = object()  # result of _to_json_value for values that are omitted
_encode = msgspec.json.Encoder(order="sorted").encode


def write_node_link(graph: Graph, stream: BinaryIO) -> ExportWarnings:
    """Write node-link data for networkx, one node or edge per line.

    ``nx.node_link_graph(json.load(stream), edges="edges")`` returns the graph, with lists instead
    of tuples. In this format, the member ``id`` of a node is the node key. So the attribute ``id``
    of the node is not written; it is the part of the node key after ``type:``.
    """
    warnings = ExportWarnings()
    head = b'{"directed":true,"graph":%b,"multigraph":false,"nodes":[\n'
    stream.write(head % _encode_object(output_attributes(graph), warnings))
    nodes = (_encode_object({**node, "id": key}, warnings) for key, node in graph.nodes(data=True))
    _write(stream, nodes, b",")
    stream.write(b'\n],"edges":[\n')
    _write(stream, _edges(graph, warnings), b",")
    stream.write(b"\n]}\n")
    return warnings


def write_lines(graph: Graph, stream: BinaryIO) -> ExportWarnings:
    """Write JSON Lines, one object per line: the nodes, then the edges, then the observations.

    The first member of each object is ``kind``: ``node``, ``edge`` or ``observation``. The
    attributes of a node are in ``attributes``. Edges and observations refer to nodes by their keys.
    """
    warnings = ExportWarnings()
    nodes = (
        b'{"kind":"node","key":%b,"attributes":%b}'
        % (_encode_text(key, warnings), _encode_object(node, warnings))
        for key, node in graph.nodes(data=True)
    )
    edges = (b'{"kind":"edge",' + edge[1:] for edge in _edges(graph, warnings))
    observations = (
        b'{"kind":"observation",' + _encode_object(each, warnings)[1:]
        for each in _observations(graph)
    )
    _write(stream, chain(nodes, edges, observations), b"")
    stream.write(b"\n" if graph else b"")
    return warnings


def _observations(graph: Graph) -> Iterator[dict[str, str | None]]:
    for subject, reference, edge in graph.edges(data=True):
        if edge["relation"] in RELATED_RELATIONS:
            for collection in edge["related_from"]:
                yield {
                    "subject": subject,
                    "reference": reference,
                    "related_from": None if collection == NO_COLLECTION else collection,
                    "provenance": edge.get("provenance", OBSERVED),
                }


def write_object_list(
    stream: BinaryIO, head: bytes, objects: Iterable[dict[str, Any]], tail: bytes
) -> None:
    """Write ``head``, ``objects`` as JSON (one per line, separated by commas), and ``tail``."""
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
    """Write elements for Cytoscape, Cytoscape.js and ``nx.cytoscape_graph``.

    Nodes have the columns of the tables, with these exceptions: ``name`` contains the label, and
    ``api_name`` contains the attribute ``name``. ``value`` (the node key), ``color`` and ``size``
    are added. ``positions`` grow upwards in y, but positions in the file grow downwards.

    Raises:
        ExportError: ``positions`` has no finite position for a node; nothing is written.
    """
    warnings = ExportWarnings()
    positions = check_positions(graph, positions)
    stream.write(_encode(_CYTOSCAPE_HEAD)[:-1] + b',"elements":{"nodes":[\n')
    _write(stream, _cytoscape_nodes(graph, positions, warnings), b",")
    stream.write(b'\n],"edges":[\n')
    _write(stream, (b'{"data":%b}' % edge for edge in _cytoscape_edges(graph, warnings)), b",")
    stream.write(b"\n]}}\n")
    return warnings


def _cytoscape_nodes(
    graph: Graph, positions: Positions, warnings: ExportWarnings
) -> Iterator[bytes]:
    size_of = size_scale(graph)
    columns = NodeColumns(TABLES, graph)
    for row in node_rows(graph, columns, warnings):
        values = {n: v for n, v in zip(columns.names, row, strict=True) if v is not None}
        if "name" in values:
            values["api_name"] = values["name"]
        key = values["id"]
        values |= {"value": key, "name": values["label"]}
        values |= {"color": node_color(values["type"]), "size": size_of(values["degree"])}
        position = b""
        if positions:
            x, y = positions[key]
            # float() converts numpy numbers; adding 0.0 turns -0.0 into 0.0.
            position = b',"position":' + _encode({"x": float(x) + 0.0, "y": 0.0 - float(y)})
        yield b'{"data":%b%b}' % (_encode_object(values, warnings), position)


def _cytoscape_edges(graph: Graph, warnings: ExportWarnings) -> Iterator[bytes]:
    for source, target, edge in graph.edges(data=True):
        relation = edge["relation"]
        own = {"id": edge_id(relation, source, target), "interaction": relation}
        members = _encode_members({**edge, **own}, warnings)
        endpoints = _encode_text(source, warnings), _encode_text(target, warnings)
        yield b'{"source":%b,"target":%b%b}' % (*endpoints, members)


# --- objects -------------------------------------------------------------------------------------


def _edges(graph: Graph, warnings: ExportWarnings) -> Iterator[bytes]:
    """Yield each edge as an object whose first members are ``source`` and ``target``."""
    encode_key = lru_cache(maxsize=CACHED)(lambda key: _encode_text(key, warnings))
    encode_members = cached_by_edge(_encode_members, CACHED)
    for source, target, edge in graph.edges(data=True):
        endpoints = encode_key(source), encode_key(target)
        yield b'{"source":%b,"target":%b%b}' % (*endpoints, encode_members(edge, warnings))


def _encode_members(edge: Mapping[str, Any], warnings: ExportWarnings) -> bytes:
    """Return the attributes of an edge as members of a JSON object, each after a comma.

    Attributes called ``source`` or ``target`` are omitted and counted, because the object has
    members with these names.
    """
    own = {name: value for name, value in edge.items() if name not in _ENDPOINT_NAMES}
    warnings.omitted += len(edge) - len(own)
    members = _encode_object(own, warnings)[1:-1]
    return b"," + members if members else b""


def _encode_object(values: Mapping[str, Any], warnings: ExportWarnings) -> bytes:
    """Return ``values`` as a JSON object; omit and count values that cannot be exported."""
    for value in values.values():
        if type(value) not in _DIRECT_TYPES and not _is_directly_encodable(value):
            values = _keep_representable(values, warnings)
            break
    try:
        return _encode(values)
    except (TypeError, UnicodeEncodeError):  # a member name that is not a str, or a lone surrogate
        return _encode(clean_surrogates(_keep_representable(values, warnings), warnings))


def _encode_text(text: str, warnings: ExportWarnings) -> bytes:
    try:
        return _encode(text)
    except UnicodeEncodeError:
        return _encode(clean_surrogates(text, warnings))


def _keep_representable(values: Mapping[str, Any], warnings: ExportWarnings) -> dict[str, Any]:
    converted = {n: _to_json_value(value) for n, value in values.items() if isinstance(n, str)}
    kept = {name: value for name, value in converted.items() if value is not _NOT_JSON}
    warnings.omitted += len(values) - len(kept)
    return kept


def _is_directly_encodable(value: object) -> bool:
    """Return whether ``value`` can be encoded without conversion."""
    if type(value) in _NUMBER_TYPES:
        return is_exportable(value)
    if isinstance(value, list | tuple):
        return {str}.issuperset(map(type, value))
    return type(value) in _DIRECT_TYPES


def _to_json_value(value: object) -> object:
    """Return ``value`` as a value of a built-in type, or ``_NOT_JSON`` if it cannot be exported."""
    if isinstance(value, list | tuple):
        items = [_to_json_value(each) for each in value]
        return _NOT_JSON if _NOT_JSON in items else items
    if value is None or isinstance(value, bool):
        return value
    if not is_exportable(value):
        return _NOT_JSON
    return next(kind(value) for kind in (int, float, str) if isinstance(value, kind))


def _write(stream: BinaryIO, objects: Iterable[bytes], separator: bytes) -> None:
    """Write ``objects``, with ``separator`` and a line ending between consecutive objects."""
    remaining, line_end = iter(objects), separator + b"\n"
    before = b""
    while block := list(islice(remaining, _OBJECTS_PER_WRITE)):
        stream.write(before + line_end.join(block))
        before = line_end

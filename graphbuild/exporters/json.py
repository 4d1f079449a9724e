"""The graph as JSON: node-link data for networkx, lines for streams, elements for Cytoscape.

All of it is strict JSON in UTF-8, written object by object with sorted names, so that memory stays
flat and the same graph gives the same bytes. What these files cannot hold is left out and counted;
lone surrogates, which no encoding holds, become U+FFFD.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from graphbuild.exporters.csv_cells import KEPT
from graphbuild.exporters.extra_attributes import seed_columns
from graphbuild.exporters.sanitize import ExportWarnings, is_exportable, replace_surrogates
from graphbuild.exporters.schema import NODE_COLUMNS, node_rows, observed, usual
from graphbuild.graph.builder import NO_COLLECTION
from graphbuild.graph.style import check_positions, node_colour, size_scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import networkx as nx

    from graphbuild.exporters.schema import Said

    Positions = Mapping[str, tuple[float, float]]

_ENDS = frozenset({"source", "target"})
_AT_ONCE = 250  # objects a write: few calls, and memory stays flat
_PLAIN = frozenset({str, bool, type(None)})
_UNFIT = object()
_encoded = msgspec.json.Encoder(order="sorted").encode


def write_node_link(graph: nx.DiGraph[str], stream: BinaryIO) -> ExportWarnings:
    """Node-link data as networkx has it, a node or an edge a line.

    ``nx.node_link_graph(json.load(stream), edges="edges")`` is the graph again, with lists for
    tuples. There ``id`` is the key of a node, so its attribute of that name is not told: it is what
    stands behind the type in the key.
    """
    objects = _Objects()
    head = b'{"directed":true,"graph":%b,"multigraph":false,"nodes":[\n'
    stream.write(head % objects.of(graph.graph))
    _write(stream, (objects.of({**told, "id": key}) for key, told in graph.nodes(data=True)), b",")
    stream.write(b'\n],"edges":[\n')
    _write(stream, (objects.edge(*each) for each in graph.edges(data=True)), b",")
    stream.write(b"\n]}\n")
    return objects.warnings


def write_lines(graph: nx.DiGraph[str], stream: BinaryIO) -> ExportWarnings:
    """An object a line, which says its ``kind`` first: ``node``, ``edge`` or ``observation``.

    Nodes come first, with all that is known of them in ``attributes``, then edges, then
    observations, which name nodes by their keys.
    """
    objects = _Objects()
    of = objects.of
    nodes = (
        b'{"kind":"node","key":%b,"attributes":%b}' % (objects.text(key), of(told))
        for key, told in graph.nodes(data=True)
    )
    edges = (b'{"kind":"edge",' + objects.edge(*each)[1:] for each in graph.edges(data=True))
    facts = (b'{"kind":"observation",' + of(each)[1:] for each in _observations(graph))
    _write(stream, chain(nodes, edges, facts), b"")
    stream.write(b"\n" if graph else b"")
    return objects.warnings


def _observations(graph: nx.DiGraph[str]) -> Iterator[dict[str, str | None]]:
    for subject, reference, behind, provenance in observed(graph):
        yield {
            "subject": subject,
            "reference": reference,
            "related_from": None if behind == NO_COLLECTION else behind,
            "provenance": provenance,
        }


# --- Cytoscape -----------------------------------------------------------------------------------

_NETWORK = {"name": "graphbuild", "shared_name": "graphbuild"}
_VERSIONS = {
    "format_version": "1.0",
    "generated_by": "graphbuild",
    "multigraph": False,
    "target_cytoscapejs_version": "~2.1",
}


def write_cytoscape(
    graph: nx.DiGraph[str], stream: BinaryIO, *, positions: Positions | None = None
) -> ExportWarnings:
    """Elements as Cytoscape and Cytoscape.js read them, and ``nx.cytoscape_graph``, too.

    A node's columns are those of the tables, but ``id`` and ``value`` are its key, ``name`` is what
    to show, and the API's name is ``api_name``. ``color`` and ``size`` say how it looks. Places,
    where there are any, count downwards.

    Raises:
        ExportError: a node has no place, though others have; nothing is written.
    """
    objects = _Objects()
    places = check_positions(graph, positions)
    head = _encoded({"data": _NETWORK, "directed": True, **_VERSIONS})
    stream.write(head[:-1] + b',"elements":{"nodes":[\n')
    _write(stream, _cytoscape_nodes(graph, places, objects), b",")
    stream.write(b'\n],"edges":[\n')
    edges = graph.edges(data=True)
    _write(stream, (b'{"data":%b}' % _cytoscape_edge(*each, objects) for each in edges), b",")
    stream.write(b"\n]}}\n")
    return objects.warnings


def _cytoscape_nodes(
    graph: nx.DiGraph[str], places: Positions, objects: _Objects
) -> Iterator[bytes]:
    size_of = size_scale(graph)
    columns = (*NODE_COLUMNS, *seed_columns(graph))
    for key, row in zip(graph, node_rows(graph, columns, objects.warnings), strict=True):
        told = {name: value for name, value in zip(columns, row, strict=True) if value is not None}
        if "name" in told:
            told["api_name"] = told["name"]
        del told["key"]
        told |= {"id": key, "value": key, "name": told["label"]}
        told |= {"color": node_colour(told["type"]), "size": size_of(told["degree"])}
        place = b""
        if places:
            x, y = places[key]
            # Plain floats, whatever computed them, and zero without a sign.
            place = b',"position":' + _encoded({"x": float(x) + 0.0, "y": 0.0 - float(y)})
        yield b'{"data":%b%b}' % (objects.of(told), place)


def _cytoscape_edge(source: str, target: str, told: Mapping[str, Any], objects: _Objects) -> bytes:
    relation = told["relation"]
    # By content, so that an edge bears the same id in every export, as in GraphML.
    digest = sha256(f"{relation}\n{source}\n{target}".encode()).hexdigest()
    return objects.edge(source, target, {**told, "id": f"e{digest[:16]}", "interaction": relation})


# --- objects -------------------------------------------------------------------------------------


class _Objects:
    """Objects of JSON, and what they could not hold."""

    def __init__(self) -> None:
        self.warnings = ExportWarnings()
        self._key = lru_cache(maxsize=KEPT)(self.text)
        self._said: dict[Said | None, bytes] = {}

    def of(self, told: Mapping[str, Any]) -> bytes:
        """An object of what is told: texts, truths, numbers, nothing, and lists of such."""
        for value in told.values():
            if type(value) not in _PLAIN and not _is_plain(value):
                told = self._fitting(told)
                break
        try:
            return _encoded(told)
        except (TypeError, UnicodeEncodeError):  # a name that is no text, a lone surrogate
            return _encoded(self._cleaned(self._fitting(told)))

    def edge(self, source: str, target: str, told: Mapping[str, Any]) -> bytes:
        """An edge, its ends first; what it may tell under their names is left out."""
        return b'{"source":%b,"target":%b%b}' % (
            self._key(source),
            self._key(target),
            self._said.get(usual(told)) or self._members(told),
        )

    def _members(self, told: Mapping[str, Any]) -> bytes:
        """What an edge tells; kept for those that tell the same, if there is nothing to remark."""
        before, key = self.warnings.total, usual(told)
        own = {name: value for name, value in told.items() if name not in _ENDS}
        self.warnings.omitted += len(told) - len(own)
        members = b"," + self.of(own)[1:-1] if own else b""
        if key is not None and self.warnings.total == before:
            if len(self._said) >= KEPT:
                self._said.clear()
            self._said[key] = members
        return members

    def text(self, text: str) -> bytes:
        """A text."""
        try:
            return _encoded(text)
        except UnicodeEncodeError:
            return _encoded(self._cleaned(text))

    def _fitting(self, told: Mapping[str, Any]) -> dict[str, Any]:
        fitted = {n: _fitted(value) for n, value in told.items() if isinstance(n, str)}
        kept = {name: value for name, value in fitted.items() if value is not _UNFIT}
        self.warnings.omitted += len(told) - len(kept)
        return kept

    def _cleaned(self, value: Any) -> Any:  # noqa: ANN401  what JSON holds
        if isinstance(value, str):
            text = replace_surrogates(value)
            self.warnings.cleaned += text != value
            return text
        if isinstance(value, dict):
            return {self._cleaned(name): self._cleaned(each) for name, each in value.items()}
        return [self._cleaned(each) for each in value] if isinstance(value, list | tuple) else value


def _is_plain(value: object) -> bool:
    """Whether a value is written as it is, of those that are no text, truth or nothing."""
    kind = type(value)
    if kind is int or kind is float:
        return is_exportable(value)
    if isinstance(value, list | tuple):
        return all(type(each) is str for each in value)
    return False


def _fitted(value: object) -> object:
    """The value as JSON can hold it, without what libraries make of numbers and texts."""
    if isinstance(value, list | tuple):
        items = [_fitted(each) for each in value]
        return _UNFIT if _UNFIT in items else items
    if value is None or isinstance(value, bool):
        return value
    if not is_exportable(value):
        return _UNFIT
    return next(kind(value) for kind in (int, float, str) if isinstance(value, kind))


def _write(stream: BinaryIO, objects: Iterable[bytes], between: bytes) -> None:
    """Write objects, a line each, without the end of the last line."""
    rest, end = iter(objects), between + b"\n"
    before = b""
    while block := list(islice(rest, _AT_ONCE)):
        stream.write(before + end.join(block))
        before = end

"""A GraphML file of ours becomes the graph again, with the same triples.

The file may have been through other hands: a document type, and with it entities (a few hundred
bytes that unfold to gigabytes, or that name a local file), is refused, and so are absurd depth and
size. The standard library's parser reads it in small pieces.
"""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, cast
from xml.parsers import expat

import networkx as nx

from graphbuild.errors import ExportError
from graphbuild.exporters.extra_attributes import is_seed_column, scalars
from graphbuild.exporters.sanitize import label_text
from graphbuild.exporters.xml_schema import NODE_KINDS
from graphbuild.graph.builder import NO_COLLECTION
from graphbuild.models import OBSERVED, RELATED_REFERENCES, Entity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

MAX_BYTES = 4 * 2**30  # unpacked; a million edges take 0.3
MAX_DEPTH = 64
_PIECE = 65_536
_NAMESPACE = "http://graphml.graphdrawing.org/xmlns "
_GZIP = b"\x1f\x8b"
_TRUE = frozenset({"true", "True", "TRUE", "1"})


def read_graphml(source: str | Path | BinaryIO) -> nx.DiGraph[str]:
    """The graph in a GraphML file that ``write_graphml`` wrote, gzip-packed or not.

    Texts come back with their white space folded; attributes without a column of their own come
    back exactly. Colours, sizes, places and what else follows from the rest is not read.

    Raises:
        ExportError: the file cannot be read, is no GraphML, or no graph of ours.
    """
    name = source if isinstance(source, str | Path) else getattr(source, "name", "the stream")
    try:
        with _opened(source) as stream:
            return _Reader(str(name)).read(stream)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ExportError(f"{name}: cannot be read: {reason}") from error


@contextmanager
def _opened(source: str | Path | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(source, str | Path):
        with Path(source).open("rb") as stream, _unpacked(stream) as plain:
            yield plain
    else:
        yield source


@contextmanager
def _unpacked(stream: BufferedReader) -> Iterator[BinaryIO]:
    if stream.peek(2).startswith(_GZIP):
        with gzip.open(stream) as plain:
            yield cast("BinaryIO", plain)
    else:
        yield stream


class _Reader:
    """One file's way through the parser: where we are, and the graph so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.graph: nx.DiGraph[str] = nx.DiGraph()
        self._names: dict[str, str] = {}  # key id -> attribute name
        self._item: dict[str, str] | None = None  # the texts of the node or edge being read
        self._ends: tuple[str, ...] = ()  # its id, or its source and target
        self._column: str | None = None
        self._text: list[str] = []
        self._depth = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def read(self, stream: BinaryIO) -> nx.DiGraph[str]:
        """Parse to the end."""
        read = 0
        try:
            while piece := stream.read(_PIECE):
                read += len(piece)
                if read > MAX_BYTES:
                    self._refuse(f"is larger than {MAX_BYTES} bytes")
                self._parser.Parse(piece, False)  # noqa: FBT003  expat takes no keyword
            self._parser.Parse(b"", True)  # noqa: FBT003  the same
        except (expat.ExpatError, LookupError, ValueError) as error:  # an odd encoding is neither
            raise ExportError(f"{self.name}: is no whole XML file: {error}") from error
        return self.graph

    def _refuse(self, problem: str) -> NoReturn:
        line = self._parser.CurrentLineNumber
        raise ExportError(f"{self.name}, line {line}: {problem}")

    def _refuse_doctype(self, *_: object) -> None:
        self._refuse("holds a document type (DOCTYPE), which no file of ours does; not read")

    # --- elements --------------------------------------------------------------------------------

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"is nested deeper than {MAX_DEPTH}")
        match tag.removeprefix(_NAMESPACE):
            case "key":
                key_id = self._attribute(attributes, "id")
                self._names[key_id] = attributes.get("attr.name", key_id)
            case "graph":
                self._start_graph(attributes)
            case "node":
                self._start_item(attributes, "id")
            case "edge":
                self._start_item(attributes, "source", "target")
            case "data" if self._item is not None:
                self._column = self._names.get(self._attribute(attributes, "key"))
                self._text.clear()
            case "graphml" | "data" | "desc" | "default":
                pass
            case _ if self._depth == 1:
                self._refuse("is no GraphML")

    def _start_graph(self, attributes: dict[str, str]) -> None:
        if self._item is not None:
            self._refuse("holds a graph inside a node, which no file of ours does")
        if attributes.get("edgedefault") != "directed":
            self._refuse("holds an undirected graph; only files of directed ones can be read back")

    def _start_item(self, attributes: dict[str, str], *names: str) -> None:
        if self._item is not None:
            self._refuse("holds a node or edge inside another")
        self._item = {}
        self._ends = tuple(self._attribute(attributes, name) for name in names)

    def _attribute(self, attributes: dict[str, str], name: str) -> str:
        value = attributes.get(name)
        return value or self._refuse(f"an element has no {name}")

    def _characters(self, text: str) -> None:
        if self._column is not None:
            self._text.append(text)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        match tag.removeprefix(_NAMESPACE):
            case "data" if self._item is not None and self._column is not None:
                self._item[self._column] = "".join(self._text)
                self._column = None
            case "node" if self._item is not None:
                self._add_node(self._ends[0], self._item)
                self._item = None
            case "edge" if self._item is not None:
                self._add_edge(self._ends[0], self._ends[1], self._item)
                self._item = None

    # --- the graph -------------------------------------------------------------------------------

    def _add_node(self, key: str, texts: dict[str, str]) -> None:
        if key in self.graph:
            self._refuse(f"the node {key[:80]!a} stands there twice")
        if "type" not in texts:
            self._refuse(f"the node {key[:80]!a} has no type; this is no graph of ours")
        known = self._further(texts.get("attributes")) | {
            name: self._value(name, text)
            for name, text in texts.items()
            if name in NODE_KINDS or is_seed_column(name, text)
        }
        node_type = texts["type"]
        entity = Entity(node_type, key.removeprefix(f"{node_type}:"), known)
        label = _whole_label(entity, texts.get("label", ""))
        self.graph.add_node(key, **{**known, "type": node_type, "label": label, "id": entity.id})

    def _value(self, name: str, text: str) -> Any:  # noqa: ANN401  text, number or truth
        kind = NODE_KINDS.get(name, str)
        if kind is bool:
            return text in _TRUE
        return self._whole(name, text) if kind is int else text

    def _whole(self, name: str, text: str) -> int:
        try:
            return int(text[:20])
        except ValueError:
            self._refuse(f"{name} is {text[:40]!a}, not a whole number")

    def _further(self, text: str | None) -> dict[str, Any]:
        try:
            values = json.loads(text or "{}")
        except (ValueError, RecursionError):
            self._refuse("attributes is no JSON")
        if not isinstance(values, dict):
            self._refuse("attributes is no JSON object")
        return scalars(values)

    def _add_edge(self, source: str, target: str, texts: dict[str, str]) -> None:
        if source not in self.graph or target not in self.graph:
            self._refuse(f"an edge joins {source[:80]!a} and {target[:80]!a}; not both are nodes")
        if "relation" not in texts:
            self._refuse("an edge has no relation; this is no graph of ours")
        edge: dict[str, Any] = {"relation": texts["relation"], "weight": self._weight(texts)}
        if texts["relation"] == RELATED_REFERENCES:
            edge["related_from"] = tuple((texts.get("related_from") or NO_COLLECTION).split())
            edge["provenance"] = texts.get("provenance", OBSERVED)
        edge |= {name: texts[name] for name in ("first_seen", "last_seen") if name in texts}
        self.graph.add_edge(source, target, **edge)

    def _weight(self, texts: dict[str, str]) -> int | float:
        if "observations" in texts:
            return self._whole("observations", texts["observations"])
        try:
            return float(texts.get("weight", "1"))
        except ValueError:
            self._refuse(f"weight is {texts['weight'][:40]!a}, not a number")


def _whole_label(entity: Entity, shown: str) -> str:
    """The label before it was cut for the file, where what is known of the entity tells it."""
    return entity.label if label_text(entity.label) == shown or not shown else shown

"""Read GraphML files that ``write_graphml`` wrote.

The file is not trusted, because someone may have changed it. A file with a document type
declaration is refused, because declared entities can expand to gigabytes or refer to a local file.
Files that are too large or nested too deeply are refused as well. The file is read in small blocks.
Messages about the content of the file contain the line number.
"""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn
from xml.parsers import expat

import networkx as nx

from graphbuild.errors import ExportError
from graphbuild.exporters.columns import is_seed_column, readable_node_columns
from graphbuild.exporters.sanitize import is_exportable, label_text
from graphbuild.graph.builder import NO_COLLECTION, RELATED_RELATIONS
from graphbuild.graph.labels import label_entities
from graphbuild.models import OBSERVED, Entity

if TYPE_CHECKING:
    from graphbuild.graph.builder import Graph

MAX_BYTES = 4 * 2**30  # of the decompressed file; a million edges take 0.3 GiB
MAX_DEPTH = 64  # nested elements
MAX_TOKEN = 2**20  # bytes of one tag, comment or processing instruction
_BYTES_PER_READ = 65_536
_NAMESPACE = "http://graphml.graphdrawing.org/xmlns "
_GZIP = b"\x1f\x8b"
_ID_NAMES = {"node": ("id",), "edge": ("source", "target")}
_TRUE = frozenset({"true", "True", "TRUE", "1"})


def read_graphml(source: str | Path | BinaryIO) -> nx.DiGraph[str]:
    """Return the graph in a GraphML file that ``write_graphml`` wrote.

    Attributes with a column have the texts that the writer wrote: with single spaces for white
    space, and U+FFFD for characters that XML forbids. Other exported attributes are restored
    exactly. Computed columns, such as colors, are not read.

    Args:
        source: Path or binary stream. The file at a path may be compressed with gzip.

    Raises:
        ExportError: The file cannot be read, is too large, is not a complete GraphML file, or was
            not written by graphbuild.
    """
    name = source if isinstance(source, str | Path) else getattr(source, "name", "the stream")
    try:
        with ExitStack() as opened:
            stream: Any = source
            if isinstance(source, str | Path):
                stream = opened.enter_context(Path(source).open("rb"))
                if stream.peek(2).startswith(_GZIP):
                    stream = opened.enter_context(gzip.open(stream))
            return _Reader(str(name)).read(stream)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ExportError(f"{name}: cannot be read: {reason}") from error


class _Reader:
    """Reads a GraphML file. Its methods are handlers of an XML parser, and add nodes and edges."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.graph: Graph = nx.DiGraph()
        self._node_columns = readable_node_columns()
        self._names: dict[str, str] = {}  # column names by key id
        # The id of the current node, or the source and target of the current edge; else empty.
        self._ids: list[str] = []
        self._texts: dict[str, str] = {}  # texts of the current node or edge, by column
        self._column: str | None = None  # of the current data element; None outside of one
        self._text: list[str] = []  # parts of the text of the current data element
        self._depth = 0  # number of open elements
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def read(self, stream: BinaryIO) -> nx.DiGraph[str]:
        """Read ``stream`` and return its graph."""
        read = 0
        try:
            while block := stream.read(_BYTES_PER_READ):
                read += len(block)
                if read > MAX_BYTES:
                    self._refuse(f"is larger than {MAX_BYTES} bytes")
                self._parser.Parse(block, False)  # noqa: FBT003  expat takes no keyword
                # Expat keeps an unfinished token, and versions before 2.6 parse the token again in
                # each call. So the time for a long token would grow with the square of its length.
                if read - self._parser.CurrentByteIndex > MAX_TOKEN:
                    self._refuse(f"a tag or comment is larger than {MAX_TOKEN} bytes")
            self._parser.Parse(b"", True)  # noqa: FBT003
        except (expat.ExpatError, LookupError, ValueError) as error:  # e.g. an unknown encoding
            raise ExportError(f"{self.name}: is not a complete XML file: {error}") from error
        self._restore_labels()
        return self.graph

    def _restore_labels(self) -> None:
        """Restore labels that the writer cleaned or truncated, from the other attributes."""
        nodes = [node for _, node in self.graph.nodes(data=True)]
        entities = label_entities([Entity(node["type"], node["id"], node) for node in nodes])
        for node, entity in zip(nodes, entities, strict=True):
            if node["label"] == label_text(entity.label):
                node["label"] = entity.label

    def _refuse(self, problem: str) -> NoReturn:
        raise ExportError(f"{self.name}, line {self._parser.CurrentLineNumber}: {problem}")

    def _refuse_doctype(self, *_: object) -> None:
        self._refuse("contains a document type (DOCTYPE), which graphbuild never writes")

    # --- elements --------------------------------------------------------------------------------

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"is nested deeper than {MAX_DEPTH} elements")
        match tag.removeprefix(_NAMESPACE):
            case "key":
                key_id = self._attribute(attributes, "id")
                self._names[key_id] = attributes.get("attr.name", key_id)
            case "graph" if self._ids:
                self._refuse("contains a graph inside a node or edge; graphbuild never writes one")
            case "graph" if attributes.get("edgedefault") != "directed":
                self._refuse("contains an undirected graph; only directed graphs can be read")
            case "node" | "edge" if self._ids:
                self._refuse("contains a node or edge inside another node or edge")
            case "node" | "edge" as element:
                self._ids = [self._attribute(attributes, name) for name in _ID_NAMES[element]]
            case "data" if self._ids:
                self._column = self._names.get(self._attribute(attributes, "key"))
                self._text.clear()
            case "graphml" | "graph" | "data" | "desc" | "default":
                pass
            case _ if self._depth == 1:
                self._refuse("is not GraphML")

    def _attribute(self, attributes: dict[str, str], name: str) -> str:
        return attributes.get(name) or self._refuse(f"an element has no {name}")

    def _characters(self, text: str) -> None:
        if self._column is not None:
            self._text.append(text)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        match tag.removeprefix(_NAMESPACE):
            case "data" if self._column is not None:
                self._texts[self._column] = "".join(self._text)
                self._column = None
            case "node" | "edge" as element:
                if element == "node":
                    self._add_node(self._ids[0], self._texts)
                else:
                    self._add_edge(self._ids[0], self._ids[1], self._texts)
                self._ids, self._texts = [], {}

    # --- the graph -------------------------------------------------------------------------------

    def _add_node(self, key: str, texts: dict[str, str]) -> None:
        if key in self.graph:
            self._refuse(f"the node {key[:80]!a} occurs twice")
        if "type" not in texts:
            self._refuse(f"the node {key[:80]!a} has no type; graphbuild did not write this file")
        attributes = self._extra_attributes(texts.get("attributes"))
        for name, text in texts.items():
            if column := self._node_columns.get(name):
                attributes[column.source] = self._value(name, text, column.python_type)
            elif is_seed_column(name, text):
                attributes[name] = text
        node_type = texts["type"]
        entity = Entity(node_type, key.removeprefix(f"{node_type}:"), attributes)
        own = {"type": node_type, "label": texts.get("label") or entity.label, "id": entity.id}
        self.graph.add_node(key, **{**attributes, **own})

    def _value(self, name: str, text: str, kind: type) -> Any:  # noqa: ANN401  text, number or boolean
        if kind is bool:
            return text in _TRUE
        try:
            return kind(text)
        except ValueError:
            expected = "an integer" if kind is int else "a number"
            self._refuse(f"{name} is {text[:40]!a}, not {expected}")

    def _extra_attributes(self, text: str | None) -> dict[str, Any]:
        try:
            values = json.loads(text or "{}")
        except (ValueError, RecursionError):
            self._refuse("the value of attributes is not JSON")
        if not isinstance(values, dict):
            self._refuse("the value of attributes is not a JSON object")
        return {name: value for name, value in values.items() if is_exportable(value)}

    def _add_edge(self, source: str, target: str, texts: dict[str, str]) -> None:
        if source not in self.graph or target not in self.graph:
            self._refuse(
                f"an edge connects {source[:80]!a} and {target[:80]!a}, but at least one of them is"
                " not a node"
            )
        if "relation" not in texts:
            self._refuse("an edge has no relation; graphbuild did not write this file")
        name, kind = ("observations", int) if "observations" in texts else ("weight", float)
        weight = self._value(name, texts.get(name, "1"), kind)
        edge: dict[str, Any] = {"relation": texts["relation"], "weight": weight}
        if texts["relation"] in RELATED_RELATIONS:
            edge["related_from"] = tuple((texts.get("related_from") or NO_COLLECTION).split())
            edge["provenance"] = texts.get("provenance", OBSERVED)
        optional = ("provenance", "first_seen", "last_seen")
        edge |= {name: texts[name] for name in optional if name in texts}
        self.graph.add_edge(source, target, **edge)

"""Read where the nodes of an earlier graph are, so that a new graph keeps the same map.

The places can be in an HTML page, GraphML or GEXF file of graphbuild, in a file that Gephi saved
from one of these, or in the JSON file that the page saves. A file may be compressed with gzip. It
is not trusted: XML with a document type declaration is refused, and numbers must be finite.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphbuild.errors import ExportError, SeedError
from graphbuild.graph.layout import Layout
from graphbuild.graph.placement import extend_layout
from graphbuild.graph.views import fold_groups
from graphbuild.seeds.xml_documents import iterate_elements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from graphbuild.graph.builder import Graph
    from graphbuild.graph.packing import Point
    from graphbuild.seeds.xml_documents import Element

IS_NEW, USER_LABEL, USER_NOTE = "is_new", "user_label", "user_note"  # attributes of nodes
FORMAT = "graphbuild-places"  # in the JSON file
_MAX_BYTES = 2**30  # of the decompressed file
_MAX_COORDINATE = 1e9
_MAX_TEXT = 4_000  # characters of a label or note
_CHARACTERS_PER_READ = 65_536
_DATA_BLOCK = re.compile(
    rb'<script(?=[^>]*\sid="data")(?=[^>]*\stype="application/json")[^>]*>(.*?)</script>', re.DOTALL
)


@dataclass(slots=True)
class Places:
    """What an earlier file states about nodes, by node key."""

    positions: dict[str, Point] = field(default_factory=dict)  # y grows upwards
    # Where the page draws the group of a node while it is folded; empty for other files than pages.
    folded: dict[str, Point] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)  # labels that an analyst typed
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, key: object, node: Mapping[str, object]) -> None:
        """Add a node; ignore what is not valid."""
        if not isinstance(key, str):
            return
        x, y = _coordinate(node.get("x")), _coordinate(node.get("y"))
        if x is not None and y is not None:
            self.positions[key] = x, y
        for name, texts in ((USER_LABEL, self.labels), (USER_NOTE, self.notes)):
            text = node.get(name)
            if isinstance(text, str) and text.strip():
                texts[key] = text.strip()[:_MAX_TEXT]


def read_places(path: str | Path) -> Places:
    """Read the positions of nodes, and the labels and notes that an analyst typed.

    Args:
        path: A page (HTML), a GraphML or GEXF file, or a JSON file that the page saved.

    Raises:
        ExportError: The file cannot be read, is of another format, is too large, or contains no
            positions.
    """
    path = Path(path)
    content = _read(path)
    start = content[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        places = _read_json(content, path)
    elif b"<!doctype html" in start.lower():
        places = _read_page(content, path)
    elif start.startswith(b"<"):
        places = _read_xml(content, path)
    else:
        raise ExportError(f"{path}: is neither an HTML page, GraphML, GEXF nor JSON")
    if not places.positions:
        raise ExportError(
            f"{path}: contains no positions; export from Gephi with positions, or use the page"
        )
    return places


def apply_places(graph: Graph, places: Places) -> tuple[Graph, Layout]:
    """Return a copy of ``graph`` with the labels and notes of ``places``, and all positions.

    Nodes that are not in ``places`` have the attribute ``is_new``.
    """
    marked = graph.copy()
    for key, node in marked.nodes(data=True):
        if key not in places.positions:
            node[IS_NEW] = True
        if key in places.labels:
            node[USER_LABEL] = node["label"] = places.labels[key]
        if key in places.notes:
            node[USER_NOTE] = places.notes[key]
    layout = Layout(extend_layout(graph, places.positions))
    if places.folded:
        layout.folded = _folded_positions(graph, places.folded)
    return marked, layout


def _folded_positions(graph: Graph, earlier: Mapping[str, Point]) -> dict[str, Point]:
    """Return a position for each group of ``graph``, by its first key.

    A group keeps the earlier position of the first of its nodes that has one.
    """
    kept: dict[str, Point] = {}
    groups = fold_groups(graph)
    for group in groups:
        known = [earlier[key] for key in group if key in earlier]
        kept |= {group[0]: known[0]} if known else {}
    return extend_layout(graph.subgraph(group[0] for group in groups), kept)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(content)) as unpacked:
                content = unpacked.read(_MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ExportError(f"{path}: cannot be read: {reason}") from error
    if len(content) > _MAX_BYTES:
        raise ExportError(f"{path}: is larger than {_MAX_BYTES:,} bytes")
    return content


def _read_json(content: bytes, path: Path) -> Places:
    document = _decode(content, path)
    nodes = document.get("nodes") if isinstance(document, dict) else None
    if not isinstance(nodes, dict) or document.get("format") != FORMAT:
        raise ExportError(f"{path}: is JSON, but was not saved by a page of graphbuild")
    places = Places()
    for key, node in nodes.items():
        if isinstance(node, dict):
            places.add(key, node)
    return places


def _read_page(content: bytes, path: Path) -> Places:
    block = _DATA_BLOCK.search(content)
    document = _decode(block[1], path) if block else None
    if not isinstance(document, dict):
        raise ExportError(f"{path}: is a page, but not one of graphbuild")
    places = Places()
    keys = []
    for key, node in _page_nodes(document):
        places.add(key, node)
        keys.append(key)
    places.folded = dict(_page_groups(document, keys))
    return places


def _page_nodes(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the key of each node of a page, its position with y upwards, and its attributes."""
    try:
        types = [each["name"] for each in document["types"]]
        for node in document["nodes"]:
            attributes = node["attributes"]
            key = node.get("key") or f"{types[node['type']]}:{attributes['id']}"
            yield key, {**attributes, "x": node["x"], "y": -node["y"]}
    except (KeyError, IndexError, TypeError):
        return  # a page of another version, or a changed one; the nodes so far are valid


def _page_groups(document: dict[str, Any], keys: list[str]) -> Iterator[tuple[str, Point]]:
    """Yield the key of each node, and where the page draws its group while it is folded."""
    try:
        groups = {members[0]: members for members in document["groups"]}
        for first, right, down in document.get("folded", ()):
            x, y = _coordinate(right), _coordinate(-down)
            if x is not None and y is not None:
                yield from ((keys[index], (x, y)) for index in groups.get(first, [first]))
    except (KeyError, IndexError, TypeError, ValueError):
        return  # a changed page; the groups so far are valid


def _read_xml(content: bytes, path: Path) -> Places:
    stream = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", errors="replace")
    texts = iter(lambda: stream.read(_CHARACTERS_PER_READ), "")
    places = Places()
    try:
        for key, node in _xml_nodes(iterate_elements(texts, str(path))):
            places.add(key, node)
    except SeedError as error:
        raise ExportError(str(error)) from error
    return places


def _xml_nodes(elements: Iterable[Element]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the id and the values of each node of a GraphML or GEXF document."""
    names: dict[str, str] = {}  # ids of columns -> names
    node: dict[str, str] = {}
    for each in elements:
        if each.name in {"key", "attribute"}:  # the declaration of a column
            if not _is_edge_column(each):
                names[each.attributes.get("id", "")] = _column_name(each)
        elif each.name in {"data", "attvalue"}:
            column = each.attributes.get("key") or each.attributes.get("for", "")
            node[names.get(column, "")] = each.attributes.get("value", each.text)
        elif each.name == "position":
            node |= each.attributes
        elif each.name == "node":
            yield each.attributes.get("id", ""), node
            node = {}
        elif each.name == "edge":
            node = {}


def _is_edge_column(declaration: Element) -> bool:
    parent = declaration.parent
    is_gexf_edge = parent is not None and parent.attributes.get("class") == "edge"
    return is_gexf_edge or declaration.attributes.get("for") == "edge"


def _column_name(declaration: Element) -> str:
    attributes = declaration.attributes
    return attributes.get("attr.name") or attributes.get("title", "")


def _decode(content: bytes, path: Path) -> Any:  # noqa: ANN401  any JSON value
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{path}: contains invalid JSON") from error


def _coordinate(value: object) -> float | None:
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) <= _MAX_COORDINATE else None

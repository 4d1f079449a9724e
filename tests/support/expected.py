"""The values that an exported file must contain, computed from the graph alone.

Of the exporters, only the list of columns is used: names, types and order. All values are computed
here a second time, so that an error of the exporters cannot also be in the expectation. Attributes
that a node or an edge does not have are absent.
"""

from __future__ import annotations

import colorsys
import json
import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from graphbuild.exporters import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import networkx as nx

    Values = dict[str, Any]

_TYPES = {columns.INT: int, columns.FLOAT: float, columns.BOOL: bool}


def _types(defined: Iterable[columns.Column]) -> dict[str, type]:
    """Return the Python type of the values in each column of GraphML and GEXF, in this order."""
    return {
        each.name: _TYPES.get(each.dtype, str)
        for each in defined
        if columns.XML in each.targets and each.name != "id"
    }


NODE_COLUMNS = _types(columns.NODE_COLUMNS)
EDGE_COLUMNS = _types(columns.EDGE_COLUMNS)
# Columns that an exporter computes: an attribute with such a name is written with the other
# attributes that have no column.
_COMPUTED = frozenset(each.name for each in columns.NODE_COLUMNS if not each.source)
# Columns of the XML formats whose attribute has another name.
_RENAMED = {"name": "api_name"}
_COLORS = {"file": "#0072b2", "reference": "#e69f00", "collection": "#cc3311"}
# Paul Tol's "muted" scheme
_CLUSTER_COLORS = [
    "#332288",
    "#88ccee",
    "#44aa99",
    "#117733",
    "#999933",
    "#ddcc77",
    "#cc6677",
    "#882255",
    "#aa4499",
]
_HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
# Forms of ids of objects that have a page on VirusTotal.
_PAGE_IDS = {
    "file": "[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}",
    "collection": "[A-Za-z0-9_-]+",
    "domain": r"[a-z0-9]+(\.[a-z0-9]+)+",
}
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class GraphContent:
    """The content of a graph file: as read by a library, or as expected.

    Attributes:
        directed: whether its edges are directed.
        nodes: node key -> column -> value; ``attributes`` is parsed JSON.
        edges: (source, target) -> column -> value.
        node_columns: node column -> type of its values.
        edge_columns: edge column -> type of its values.
    """

    directed: bool
    nodes: dict[str, Values]
    edges: dict[tuple[str, str], Values]
    node_columns: dict[str, type]
    edge_columns: dict[str, type]

    def map_values(self, change: Callable[[str, object], object]) -> GraphContent:
        """Replace every value by ``change(column, value)``; drop values that become None."""

        def changed(values: Values) -> Values:
            pairs = ((name, change(name, value)) for name, value in values.items())
            return {name: value for name, value in pairs if value is not None}

        return replace(
            self,
            nodes={key: changed(values) for key, values in self.nodes.items()},
            edges={ends: changed(values) for ends, values in self.edges.items()},
        )


def expected(graph: nx.DiGraph[str], positions: Mapping[str, tuple[float, float]]) -> GraphContent:
    """Return the content that every reader must find in ``graph`` with these positions."""
    seed_columns = sorted(
        {
            name
            for _, attributes in graph.nodes(data=True)
            for name, value in attributes.items()
            if name.startswith("seed_") and isinstance(value, str)
        }
    )
    node_columns = NODE_COLUMNS | dict.fromkeys(seed_columns, str)
    max_degree = max(1, *(degree for _, degree in graph.degree()))
    nodes = {
        key: _style(attributes)
        | {"size": round(6 + 24 * math.sqrt(graph.degree(key) / max_degree), 1)}
        | dict(zip("xy", positions[key], strict=True))
        | _columns(attributes, node_columns)
        | _computed_columns(graph, key)
        | _cluster_color(attributes)
        for key, attributes in graph.nodes(data=True)
    }
    return GraphContent(
        graph.is_directed(),
        nodes,
        {(source, target): _edge(source, target, e) for source, target, e in graph.edges.data()},
        node_columns,
        EDGE_COLUMNS,
    )


def clean(text: str) -> str:
    """Replace characters that XML forbids by U+FFFD, and runs of white space by one space."""

    def legal(char: str) -> bool:
        code = ord(char)
        return (
            char in "\t\n\r" or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code > 0xFFFF
        )

    return " ".join("".join(c if legal(c) else "\ufffd" for c in text).split())


# --- nodes ---------------------------------------------------------------------------------------


def _style(attributes: Values) -> Values:
    return {
        "label": _label(attributes["label"]),
        "type": clean(attributes["type"]),
        "color": _COLORS.get(attributes["type"], "#777777"),
    }


def _label(text: str) -> str:
    text = clean(_BIDI.sub("", text))
    if not re.search(r"\S", "".join(filter(str.isprintable, text))):
        return "(no title)"
    return text if len(text) <= 80 else text[:79].rstrip() + "…"


def _columns(attributes: Values, node_columns: Mapping[str, type]) -> Values:
    """Return the attributes of a node in their columns, and the others as JSON."""
    values: Values = {}
    without_column: Values = {}
    for name, value in attributes.items():
        if name in {"label", "type", "id"} or not _is_exportable(value):
            continue
        column = _RENAMED.get(name, name)
        is_foreign = name in _COMPUTED or name in _RENAMED.values()
        if node_columns.get(column) is not type(value) or is_foreign:
            without_column[name] = value
        elif (text := clean(value) if isinstance(value, str) else value) != "":
            values[column] = text
    if "url" in values and (host := _host(attributes["url"])):
        values["domain"] = host
    if "creation_date" in values and (day := _day(values["creation_date"])):
        values["created"] = day
    if web_url := _web_url(attributes):
        values["web_url"] = web_url
    return values | ({"attributes": without_column} if without_column else {})


def _is_exportable(value: object) -> bool:
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, str)


def _host(url: str) -> str:
    """Return the host of a regular URL; malformed URLs are tested with ``url_host``."""
    return (urlsplit(url).hostname or "") if re.match(r"(https?|ftp)://", url) else ""


def _web_url(attributes: Values) -> str:
    """Return the page on VirusTotal, or the URL of a reference; tests of ids are elsewhere."""
    if "group_members" in attributes:
        return ""
    page_type, node_id = attributes["type"], attributes["id"]
    if attributes.get("original_type") == "collection":
        page_type, node_id = "collection", attributes["original_id"]
    if page_type == "reference":
        url = attributes.get("url", "")
        is_web = re.fullmatch(r"(?i)https?://[^/?#\s]+\S*", url) and url.isprintable()
        return url if is_web else ""
    is_known = page_type in _PAGE_IDS and re.fullmatch(_PAGE_IDS[page_type], node_id)
    return f"https://www.virustotal.com/gui/{page_type}/{node_id}" if is_known else ""


def _day(seconds: int) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).date().isoformat()
    except OverflowError:
        return ""


def _computed_columns(graph: nx.DiGraph[str], key: str) -> Values:
    """Return the number of collections of a reference, or the hash of a file by its type."""
    attributes = graph.nodes[key]
    if attributes["type"] == "reference":
        collections = [
            e for *_, e in graph.edges(key, data=True) if e["relation"] == "related_from"
        ]
        return {"collections": len(collections)}
    if attributes["type"] == "file" and re.fullmatch("[0-9a-f]+", attributes["id"]):
        return {name: attributes["id"] for n, name in _HASHES.items() if n == len(attributes["id"])}
    return {}


def _cluster_color(attributes: Values) -> Values:
    if "cluster" not in attributes:
        return {}
    index = attributes["cluster"] - 1
    if index < len(_CLUSTER_COLORS):
        return {"cluster_color": _CLUSTER_COLORS[index]}
    step = index - len(_CLUSTER_COLORS) + 1
    hue, lightness = step * (math.sqrt(5) - 1) / 2 % 1, (0.42, 0.62, 0.52)[step % 3]
    channels = (round(255 * each) for each in colorsys.hls_to_rgb(hue, lightness, 0.55))
    return {"cluster_color": "#{:02x}{:02x}{:02x}".format(*channels)}


# --- edges ---------------------------------------------------------------------------------------


def _edge(source: str, target: str, attributes: Values) -> Values:
    digest = sha256(f"{attributes['relation']}\n{source}\n{target}".encode()).hexdigest()
    values = {"id": f"e{digest[:16]}", "relation": clean(attributes["relation"])}
    values |= _weight(attributes.get("weight", 1))
    values |= {
        name: attributes[name]
        for name in ("provenance", "first_seen", "last_seen")
        if name in attributes
    }
    if attributes.get("related_from"):
        values["related_from"] = clean(" ".join(attributes["related_from"]))
    return values


def _weight(weight: object) -> Values:
    """Return a positive, finite weight; any other value becomes 1."""
    if type(weight) is int and 0 < weight <= 2**53:
        return {"weight": float(weight), "observations": weight}
    if type(weight) is float and 0 < weight < math.inf:
        return {"weight": weight}
    return {"weight": 1.0}


def parse_json_attributes(values: Values) -> Values:
    """Return ``values`` with the JSON in ``attributes`` parsed."""
    if "attributes" in values:
        return values | {"attributes": json.loads(values["attributes"])}
    return values

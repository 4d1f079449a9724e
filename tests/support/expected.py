"""The values that a reader must find in an exported file, computed from the graph alone.

Of the exporters, only the list of columns is used: names, types and order. All values are computed
here a second time, so that an error of the exporters cannot also be in the expectation. Attributes
that a node or an edge does not have are absent.
"""

from __future__ import annotations

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


def _types(listed: Iterable[columns.Column]) -> dict[str, type]:
    """Return the Python type of the values in each column of GraphML and GEXF, in this order."""
    return {
        each.name: _TYPES.get(each.dtype, str)
        for each in listed
        if columns.XML in each.targets and each.name != "id"
    }


NODE_COLUMNS = _types(columns.NODE_COLUMNS)
EDGE_COLUMNS = _types(columns.EDGE_COLUMNS)
# Columns that an exporter computes: an attribute with such a name is written with the other
# attributes that have no column.
_COMPUTED = frozenset(each.name for each in columns.NODE_COLUMNS if not each.source)
_COLORS = {"file": "#0072b2", "reference": "#e69f00", "collection": "#cc3311"}
_HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Held:
    """What a reader holds of a graph, or must hold.

    Attributes:
        directed: whether its edges are.
        nodes: values by column, by node; ``attributes`` is what its JSON says.
        edges: values by column, by source and target.
        node_columns: the kind of value each column of nodes holds.
        edge_columns: the same of edges.
    """

    directed: bool
    nodes: dict[str, Values]
    edges: dict[tuple[str, str], Values]
    node_columns: dict[str, type]
    edge_columns: dict[str, type]

    def each(self, change: Callable[[str, object], object]) -> Held:
        """With every value changed by ``change(column, value)``; without those it makes None."""

        def changed(values: Values) -> Values:
            pairs = ((name, change(name, value)) for name, value in values.items())
            return {name: value for name, value in pairs if value is not None}

        return replace(
            self,
            nodes={key: changed(values) for key, values in self.nodes.items()},
            edges={ends: changed(values) for ends, values in self.edges.items()},
        )


def expected(graph: nx.DiGraph[str], places: Mapping[str, tuple[float, float]]) -> Held:
    """What every reader must hold of ``graph``, drawn at ``places``."""
    seed_columns = sorted(
        {
            name
            for _, known in graph.nodes(data=True)
            for name, value in known.items()
            if name.startswith("seed_") and isinstance(value, str)
        }
    )
    node_columns = NODE_COLUMNS | dict.fromkeys(seed_columns, str)
    most = max(1, *(degree for _, degree in graph.degree()))
    nodes = {
        key: _looks(known)
        | {"size": round(6 + 24 * math.sqrt(graph.degree(key) / most), 1)}
        | dict(zip("xy", places[key], strict=True))
        | _facts(known, node_columns)
        | _tallies(graph, key)
        for key, known in graph.nodes(data=True)
    }
    return Held(
        graph.is_directed(),
        nodes,
        {(source, target): _edge(source, target, e) for source, target, e in graph.edges.data()},
        node_columns,
        EDGE_COLUMNS,
    )


def clean(text: str) -> str:
    """The character map: what XML forbids is U+FFFD, a run of white space is one space."""

    def legal(char: str) -> bool:
        code = ord(char)
        return (
            char in "\t\n\r" or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code > 0xFFFF
        )

    return " ".join("".join(c if legal(c) else "\ufffd" for c in text).split())


# --- nodes ---------------------------------------------------------------------------------------


def _looks(known: Values) -> Values:
    return {
        "label": _label(known["label"]),
        "type": clean(known["type"]),
        "color": _COLORS.get(known["type"], "#777777"),
    }


def _label(text: str) -> str:
    text = clean(_BIDI.sub("", text))
    if not re.search(r"\S", "".join(filter(str.isprintable, text))):
        return "(no title)"
    return text if len(text) <= 80 else text[:79].rstrip() + "…"


def _facts(known: Values, node_columns: Mapping[str, type]) -> Values:
    """What is known of a node: each in its column, and what fits in none as JSON."""
    told: Values = {}
    rest: Values = {}
    for name, value in known.items():
        if name in {"label", "type", "id"} or not _fits(value):
            continue
        if node_columns.get(name) is not type(value) or name in _COMPUTED:
            rest[name] = value
        elif (shown := clean(value) if isinstance(value, str) else value) != "":
            told[name] = shown
    if "url" in told and (host := _host(known["url"])):
        told["domain"] = host
    if "creation_date" in told and (day := _day(told["creation_date"])):
        told["created"] = day
    return told | ({"attributes": rest} if rest else {})


def _fits(value: object) -> bool:
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, str)


def _host(url: str) -> str:
    """For addresses as people write them; what a trap of an address shows is told beside it."""
    return (urlsplit(url).hostname or "") if re.match(r"(https?|ftp)://", url) else ""


def _day(seconds: int) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).date().isoformat()
    except OverflowError:
        return ""


def _tallies(graph: nx.DiGraph[str], key: str) -> Values:
    """What follows from where a node stands, and a file's hash under its own name."""
    known = graph.nodes[key]
    if known["type"] == "reference":
        behind = [e for *_, e in graph.edges(key, data=True) if e["relation"] == "related_from"]
        return {"collections": len(behind)}
    if known["type"] == "file" and re.fullmatch("[0-9a-f]+", known["id"]):
        return {name: known["id"] for n, name in _HASHES.items() if n == len(known["id"])}
    return {}


# --- edges ---------------------------------------------------------------------------------------


def _edge(source: str, target: str, known: Values) -> Values:
    digest = sha256(f"{known['relation']}\n{source}\n{target}".encode()).hexdigest()
    told = {"id": f"e{digest[:16]}", "relation": clean(known["relation"])}
    told |= _weight(known.get("weight", 1))
    told |= {
        name: known[name] for name in ("provenance", "first_seen", "last_seen") if name in known
    }
    if known.get("related_from"):
        told["related_from"] = clean(" ".join(known["related_from"]))
    return told


def _weight(weight: object) -> Values:
    """Above zero, and a number; anything else counts as one."""
    if type(weight) is int and 0 < weight <= 2**53:
        return {"weight": float(weight), "observations": weight}
    if type(weight) is float and 0 < weight < math.inf:
        return {"weight": weight}
    return {"weight": 1.0}


def as_told(values: Values) -> Values:
    """``values`` as a reader found them, with what stands in JSON read."""
    if "attributes" in values:
        return values | {"attributes": json.loads(values["attributes"])}
    return values

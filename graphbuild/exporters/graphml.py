"""GraphML as Gephi, Gephi Lite, Cytoscape, igraph and networkx all read it.

What these readers do with a file was tried out, and the rules followed here come from it: keys
with stable names of their own and one of four types, unique over nodes and edges; the same keys in
every export; no defaults; texts with markup in CDATA, because Gephi loses spaces between entities;
whole six-digit colours; no size and no weight of zero; nodes before edges; an XML declaration.
"""

from __future__ import annotations

import math
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.sax.saxutils import escape

from graphbuild.entities import FILE, REFERENCE, hash_kind
from graphbuild.errors import ExportError
from graphbuild.exporters.columns import seed_columns
from graphbuild.exporters.elements import element, facts, text_element
from graphbuild.exporters.looks import colour_of, sizes
from graphbuild.exporters.plain import Remarks, write_lines, xml_text
from graphbuild.graph import RELATED_FROM
from graphbuild.observations import INFERRED, OBSERVED
from graphbuild.questions import FILES, REFERENCES, RELATED_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import networkx as nx

    Positions = Mapping[str, tuple[float, float]]

# What is declared, in this order. There is no ``name`` on purpose: Cytoscape would take it for the
# node's key; collections have theirs in the label, in full among ``attributes``.
NODE_KEYS = {
    "label": "string",
    "type": "string",
    "color": "string",
    "size": "double",
    "x": "double",
    "y": "double",
    "community": "long",
    "seed": "boolean",
    "state": "string",
    "crawl_pages": "long",
    "crawl_announced": "long",
    "crawl_received": "long",
    "crawl_inferred": "long",
    "crawl_status": "long",
    "crawl_remark": "string",
    "crawl_asked_at": "string",
    "hop": "long",
    "sha256": "string",
    "sha1": "string",
    "md5": "string",
    "url": "string",
    "title": "string",
    "author": "string",
    "domain": "string",
    "creation_date": "long",
    "created": "string",
    "collections": "long",
    "collection_type": "string",
    "origin": "string",
    "tags": "string",
    "attributes": "string",
}
EDGE_KEYS = {
    "relation": "string",
    "weight": "double",
    "observations": "long",
    "evidence": "string",
    "first_seen": "string",
    "last_seen": "string",
    "related_from": "string",
}
_EDGE_NAMES = frozenset(EDGE_KEYS) - {"observations"}
_COUNT = 2**53  # the largest whole number that a double, and so a weight, holds exactly
_RELATIONS = {
    name: f'<data key="e_relation">{name}</data>'
    for name in (RELATED_REFERENCES, RELATED_FROM, FILES, REFERENCES)
}
_EVIDENCE = {name: f'<data key="e_evidence">{name}</data>' for name in (OBSERVED, INFERRED)}
_TIMES = ("first_seen", "last_seen")
_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
"""
_TAIL = "</graph>\n</graphml>\n"


def write_graphml(
    graph: nx.DiGraph[str], stream: BinaryIO, *, positions: Positions | None = None
) -> Remarks:
    """Write ``graph`` to ``stream``; memory stays flat, whatever its size.

    Args:
        graph: any graph that keeps the contract of :mod:`graphbuild.graph`.
        stream: where the bytes go.
        positions: a place for each node, y up; without them a reader lays the graph out itself.

    Returns:
        What could not be carried as it was.

    Raises:
        ExportError: a node key cannot be an XML id, or a node has no place; nothing is written.
    """
    remarks = Remarks()
    ids = _ids(graph)
    if positions:
        _refuse_gaps(graph, positions)
    seed_keys = seed_columns(graph)
    nodes = _nodes(graph, ids, positions or {}, remarks, frozenset(seed_keys))
    write_lines(stream, chain(_head(graph, seed_keys), nodes, _edges(graph, ids, remarks), [_TAIL]))
    return remarks


def _head(graph: nx.DiGraph[str], seed_keys: Iterable[str]) -> Iterator[str]:
    yield _HEAD
    for name, kind in (NODE_KEYS | dict.fromkeys(seed_keys, "string")).items():
        yield f'<key id="{name}" for="node" attr.name="{name}" attr.type="{kind}"/>\n'
    # Some readers keep one table of keys for nodes and edges, so an edge's are told by a prefix.
    for name, kind in EDGE_KEYS.items():
        yield f'<key id="e_{name}" for="edge" attr.name="{name}" attr.type="{kind}"/>\n'
    direction = "directed" if graph.is_directed() else "undirected"
    yield f'<graph id="G" edgedefault="{direction}">\n'


# --- keys and places: checked before the first byte ----------------------------------------------


def _ids(graph: nx.DiGraph[str]) -> dict[str, str]:
    """The node keys that must be escaped, as they are written; nearly always none."""
    odd: dict[str, str] = {}
    for key in graph:
        if not _is_id(key):
            raise ExportError(
                f"node {ascii(key)[:80]}: no XML id can be empty or hold white space or control"
                " characters; rename the node"
            )
        written = escape(key, {'"': "&quot;"})
        if written != key:
            odd[key] = written
    return odd


def _is_id(key: object) -> bool:
    return isinstance(key, str) and key != "" and " " not in key and xml_text(key) == key


def _refuse_gaps(graph: nx.DiGraph[str], positions: Positions) -> None:
    """All or none: Gephi heaps nodes without a place onto one point."""
    for key in graph:
        place = positions.get(key, ())
        if len(place) != 2 or not all(map(math.isfinite, place)):  # noqa: PLR2004  x and y
            raise ExportError(f"{key}: no position; give a finite one for each node, or none")


# --- nodes ---------------------------------------------------------------------------------------


def _nodes(
    graph: nx.DiGraph[str],
    ids: Mapping[str, str],
    positions: Positions,
    remarks: Remarks,
    seed_keys: frozenset[str],
) -> Iterator[str]:
    size_of, collections_of = sizes(graph), _collections(graph)
    for key, attributes in graph.nodes(data=True):
        node_type = attributes["type"]
        parts = facts(attributes, remarks, seed_keys)
        parts.append(_looks(node_type, remarks))
        parts.append(f'<data key="size">{size_of[key]!r}</data>')
        if positions:
            parts.append(_place(positions[key]))
        if node_type == FILE:
            parts.append(_hash(attributes["id"]))
        elif node_type == REFERENCE:
            parts.append(f'<data key="collections">{collections_of.get(key, 0)}</data>')
        parts.sort()  # by key, in whatever order the attributes became known
        yield f'<node id="{ids.get(key, key)}">{"".join(parts)}</node>\n'


def _looks(node_type: str, remarks: Remarks) -> str:
    # Both: Gephi makes no column of a colour, so a picture is partitioned by the type.
    kind = element("type", xml_text(node_type), remarks)
    return f'{kind}<data key="color">{colour_of(node_type)}</data>'


def _collections(graph: nx.DiGraph[str]) -> dict[str, int]:
    """How many collections stand behind each reference."""
    return {
        source: sum(edge["relation"] == RELATED_FROM for edge in targets.values())
        for source, targets in graph.adjacency()
        if targets
    }


def _place(place: tuple[float, float]) -> str:
    # As plain floats, whatever computed them, and zero without a sign.
    x, y = float(place[0]) + 0.0, float(place[1]) + 0.0
    return f'<data key="x">{x!r}</data><data key="y">{y!r}</data>'


def _hash(file_id: str) -> str:
    kind = hash_kind(file_id)
    return f'<data key="{kind}">{file_id}</data>' if kind else ""


# --- edges ---------------------------------------------------------------------------------------


def _edges(graph: nx.DiGraph[str], ids: Mapping[str, str], remarks: Remarks) -> Iterator[str]:
    for source, target, edge in graph.edges(data=True):
        relation = edge["relation"]
        # By content, so that an edge bears the same id in every export; unique, or Gephi drops it.
        digest = sha256(f"{relation}\n{source}\n{target}".encode()).hexdigest()
        yield (
            f'<edge id="e{digest[:16]}" source="{ids.get(source, source)}"'
            f' target="{ids.get(target, target)}">'
            f"{_RELATIONS.get(relation) or text_element('e_relation', relation, remarks)}"
            f"{_weight(edge.get('weight', 1), remarks)}{_behind(edge, remarks)}</edge>\n"
        )
        if not _EDGE_NAMES.issuperset(edge):
            remarks.left_out += len(edge.keys() - _EDGE_NAMES)


def _weight(weight: object, remarks: Remarks) -> str:
    """The weight, above zero as Gephi drops the edge else; 1.0 where there is no such number."""
    if type(weight) is int and 0 < weight <= _COUNT:
        return f'<data key="e_weight">{weight}.0</data><data key="e_observations">{weight}</data>'
    if isinstance(weight, float) and math.isfinite(weight) and weight > 0:
        return f'<data key="e_weight">{float(weight)!r}</data>'
    remarks.left_out += 1
    return '<data key="e_weight">1.0</data>'


def _behind(edge: dict[str, Any], remarks: Remarks) -> str:
    keys, evidence = edge.get("related_from"), edge.get("evidence")
    told = text_element("e_related_from", " ".join(keys), remarks) if keys else ""
    seen = "".join(
        text_element(f"e_{name}", edge[name], remarks) for name in _TIMES if name in edge
    )
    return (_EVIDENCE.get(evidence, "") if evidence else "") + seen + told

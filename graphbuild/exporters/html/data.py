"""All that the page's script is told of a graph: nodes, groups, links, and where to begin."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphbuild.exporters.html.level_of_detail import MAP, start_of
from graphbuild.exporters.html.links import folded, shared_links
from graphbuild.exporters.html.text import MAX_LABEL, cut, scalar
from graphbuild.exporters.style import colour_of, shape_of
from graphbuild.graph.style import ALONE, sizing
from graphbuild.models import COLLECTION, FILE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import networkx as nx

    Graph = nx.DiGraph[str]
    Positions = Mapping[str, tuple[float, float]]

_TYPE_ORDER = (COLLECTION, REFERENCE, FILE)
_FIRST = ("id", "title", "name", "url", "author", "creation_date")


def page_data(
    graph: Graph,
    positions: Positions,
    *,
    of_community: Mapping[str, int],
    full: bool,
) -> dict[str, Any]:
    """What goes into the data block.

    Args:
        graph: keeps the contract of ``graphbuild.graph.builder``.
        positions: where each node stands, y upwards.
        of_community: which community each node is of, from 0 up, the largest first.
        full: begin with all of it, however much that is.
    """
    found = folded(graph)
    of_type = [str(name) for _, name in graph.nodes(data="type")]
    type_names = sorted(set(of_type), key=_type_order)
    firsts = [members[0] for members in found.groups]  # a group goes by the number of its first
    group_types = [of_type[first] for first in firsts]
    start = start_of(group_types, found, full=full)
    document = {
        "types": [_type(name) for name in type_names],
        "relations": found.relations,
        "says": found.says,
        "nodes": _nodes(graph, positions, type_names),
        "groups": [members for members in found.groups if len(members) > 1],
        "links": [
            (firsts[source], firsts[target], relation, said)
            for source, target, relation, said in found.links
        ],
        "communities": [of_community.get(key, ALONE) for key in graph],
        "rung": start.rung,
    }
    if start.groups is not None:
        document["begin"] = [firsts[group] for group in start.groups]
    if start.rung == MAP:
        document["shared"] = [
            (firsts[one], firsts[other], count)
            for one, other, count in shared_links(found, group_types)
        ]
    return document


def _type(name: str) -> dict[str, Any]:
    """How a type looks; collections always show their names, and references have a day."""
    return {
        "name": name,
        "shape": shape_of(name),
        "colour": colour_of(name),
        "named": name == COLLECTION,
        "dated": name == REFERENCE,
    }


def _type_order(name: str) -> tuple[int, str]:
    known = _TYPE_ORDER.index(name) if name in _TYPE_ORDER else len(_TYPE_ORDER)
    return known, name


def _nodes(graph: Graph, positions: Positions, type_names: Sequence[str]) -> list[dict[str, Any]]:
    """Nodes by number: a number can be no markup and no name of the browser's."""
    size_of, links = sizing(graph), dict(graph.degree())
    type_number = {name: number for number, name in enumerate(type_names)}
    nodes = []
    for key, known in graph.nodes(data=True):
        x, y = positions[key]
        node = {
            "type": type_number[str(known["type"])],
            "label": cut(str(known["label"]), MAX_LABEL),
            "attributes": _attributes(known),
            "x": float(x),
            "y": 0.0 - float(y),  # browsers count downwards
            "size": size_of(links[key]),
            "links": links[key],
        }
        if key != f"{known['type']}:{scalar(known.get('id'))}":  # type and id do not tell it
            node["key"] = key
        nodes.append(node)
    return nodes


def _attributes(known: Mapping[str, Any]) -> dict[str, Any]:
    """What the panel lists, the well-known first; type and label stand elsewhere."""
    return {
        name: str(known[name]) if name == "url" else scalar(known[name])
        for name in _order(tuple(known))
        if known[name] is not None
    }


@lru_cache(maxsize=1_024)
def _order(names: tuple[str, ...]) -> list[str]:
    """The names of attributes in the order of the panel; many nodes have the same ones."""
    rest = sorted(name for name in names if name not in {*_FIRST, "type", "label"})
    return [name for name in _FIRST if name in names] + rest

"""GEXF 1.3, for Gephi's timeline: references appear on their day, and their edges with them.

What stands in it is what stands in GraphML, under the same names; label, colour, size, place and
weight are the format's own. Times are open at their end: nobody
says when a report ceases to be. Files and collections bear no time, as nobody says theirs. The
rules are those of the schema at https://gexf.net/schema.html, and those that Gephi was seen to
follow; the date of today, which others stamp in, is left out, so that the bytes stay the same.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from graphbuild.exporters.extra_attributes import seed_columns
from graphbuild.exporters.sanitize import ExportWarnings, write_lines
from graphbuild.exporters.xml_common import (
    edge_lines,
    escaped,
    place_text,
    written_ids,
)
from graphbuild.exporters.xml_schema import (
    EDGE_KEYS,
    NODE_KEYS,
    day_of,
    edge_facts,
    facts,
    identity,
    label_of,
    type_of,
)
from graphbuild.graph.style import check_positions, node_colour, size_scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import networkx as nx

    from graphbuild.exporters.xml_common import Since

    Positions = Mapping[str, tuple[float, float]]

# What the format has a place of its own for; all else is declared.
_OWN = frozenset({"label", "color", "size", "x", "y", "weight"})
_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<gexf xmlns="http://gexf.net/1.3" xmlns:viz="http://gexf.net/1.3/viz" version="1.3">
<meta><creator>graphbuild</creator></meta>
"""
_TAIL = "</edges>\n</graph>\n</gexf>\n"
_MANY = 65_536  # nodes whose beginning is remembered: about five megabytes


def write_gexf(
    graph: nx.DiGraph[str], stream: BinaryIO, *, positions: Positions | None = None
) -> ExportWarnings:
    """Write ``graph`` to ``stream``; memory stays flat, whatever its size.

    Args:
        graph: any graph that keeps the contract of :mod:`graphbuild.graph.builder`.
        stream: where the bytes go.
        positions: a place for each node, y up; without them a reader lays the graph out itself.

    Returns:
        What could not be carried as it was.

    Raises:
        ExportError: a node key cannot be an XML id, or a node has no place; nothing is written.
    """
    warnings = ExportWarnings()
    ids, places = written_ids(graph), check_positions(graph, positions)
    seed_keys = seed_columns(graph)
    nodes = _nodes(graph, ids, places, warnings, frozenset(seed_keys))
    edges = edge_lines(graph, ids, warnings, _edge, _since(graph))
    lines = chain(_head(seed_keys), ["<nodes>\n"], nodes, ["</nodes>\n<edges>\n"], edges, [_TAIL])
    write_lines(stream, lines)
    return warnings


def _head(seed_keys: Iterable[str]) -> Iterator[str]:
    yield _HEAD
    yield '<graph defaultedgetype="directed" mode="dynamic"'
    yield ' timeformat="date" timerepresentation="interval">\n'
    yield from _declared("node", NODE_KEYS | dict.fromkeys(seed_keys, "string"))
    yield from _declared("edge", EDGE_KEYS)


def _declared(scope: str, keys: Mapping[str, str]) -> Iterator[str]:
    # The id is the title: Gephi Lite shows the one, Gephi and networkx the other.
    yield f'<attributes class="{scope}" mode="static">\n'
    for name, kind in keys.items():
        if name not in _OWN:
            yield f'<attribute id="{name}" title="{name}" type="{kind}"/>\n'
    yield "</attributes>\n"


# --- nodes ---------------------------------------------------------------------------------------


def _nodes(
    graph: nx.DiGraph[str],
    ids: Mapping[str, str],
    places: Positions,
    warnings: ExportWarnings,
    seed_keys: frozenset[str],
) -> Iterator[str]:
    size_of, degree_of, attributes_of = size_scale(graph), graph.degree, graph.nodes
    for key, targets in graph.adjacency():
        attributes = attributes_of[key]
        parts = facts(attributes, _value, warnings, seed_keys)
        parts.append(identity(attributes, targets, _value))
        parts.append(type_of(attributes, _value, warnings))
        parts.sort()  # by name, in whatever order the attributes became known
        looks = f'{_colour(attributes["type"])}<viz:size value="{size_of(degree_of[key])!r}"/>'
        place = _place(places[key]) if places else ""
        yield (
            f'<node id="{ids.get(key, key)}" label="{escaped(label_of(attributes))}"'
            f"{_start(attributes)}><attvalues>{''.join(parts)}</attvalues>"
            f"{looks}{place}</node>\n"
        )


@lru_cache(maxsize=64)  # there are few types
def _colour(node_type: str) -> str:
    red, green, blue = bytes.fromhex(node_colour(node_type).removeprefix("#"))
    return f'<viz:color r="{red}" g="{green}" b="{blue}"/>'


def _place(place: tuple[float, float]) -> str:
    x, y = place_text(place)
    return f'<viz:position x="{x}" y="{y}" z="0.0"/>'


# --- edges ---------------------------------------------------------------------------------------


def _edge(edge: dict[str, Any], warnings: ExportWarnings) -> str:
    relation, weight, rest = edge_facts(edge, _value, warnings)
    return f' weight="{weight}"><attvalues>{relation}{rest}</attvalues></edge>'


def _since(graph: nx.DiGraph[str]) -> Since:
    attributes_of = graph.nodes
    known: dict[str, str] = {}  # looked up for each edge

    def since(key: str) -> str:
        start = known.get(key)
        if start is None:
            start = _start(attributes_of[key])
            if len(known) < _MANY:
                known[key] = start
        return start

    return since


def _start(attributes: dict[str, Any]) -> str:
    day = day_of(attributes)
    return f' start="{day}"' if day else ""


def _value(name: str, text: str) -> str:
    """``text``, clean already, as the value of the attribute ``name``."""
    return f'<attvalue for="{name}" value="{escaped(text)}"/>'

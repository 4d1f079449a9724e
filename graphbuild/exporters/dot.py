"""DOT, the language of Graphviz: for pictures of small graphs.

Written whatever the size, because what a person may want to draw is theirs to say: ``dot`` is slow
beyond a thousand nodes, ``sfdp`` is not. All values are quoted; nothing is a link, and no text can
become markup. Attributes that Graphviz does not know pass through it unharmed, so a reader of DOT
finds the observations too.
https://graphviz.org/doc/info/lang.html
"""

from __future__ import annotations

import math
import re
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from graphbuild.exporters.sanitize import ExportWarnings, label_text, write_lines, xml_text
from graphbuild.graph.style import node_colour
from graphbuild.models import COLLECTION, FILE, INFERRED, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import networkx as nx

    Graph = nx.DiGraph[str]

_HEAD = """\
digraph related {
graph [overlap=false, outputorder=edgesfirst]
node [style=filled, fontname="sans-serif", fontsize=10, fontcolor="#ffffff", color="#333333"]
edge [color="#999999", arrowsize=0.6]
"""
# The same shapes as elsewhere, in the words of Graphviz, with room for a label.
_SHAPES = {FILE: "ellipse", REFERENCE: "box", COLLECTION: "octagon"}
_OTHER_SHAPE = "hexagon"
_DARK = {REFERENCE: "#000000"}  # what is written on orange
_PIECE = 4_000  # characters: Graphviz reads no more than 16 KiB between two quotes
_TEXTS = ("provenance", "first_seen", "last_seen")
_CARRIED = frozenset({"relation", "weight", "related_from", *_TEXTS})
# Graphviz turns these into characters, wherever they stand.
_ENTITY = re.compile(r"&(?=#[0-9]+;|#[xX][0-9a-fA-F]+;|[A-Za-z][A-Za-z0-9]*;)")


def write_dot(graph: Graph, stream: BinaryIO) -> ExportWarnings:
    """Write ``graph`` to ``stream``; memory stays flat.

    Returns:
        What could not be carried as it was: of a node only its key, type and label are.
    """
    warnings = ExportWarnings()
    lines = chain([_HEAD], _nodes(graph), _edges(graph, warnings), "}\n")
    write_lines(stream, lines)
    return warnings


def _nodes(graph: Graph) -> Iterator[str]:
    for key, node in graph.nodes(data=True):
        kind = node["type"]
        yield _line(
            _quoted(key),
            {
                "label": _ENTITY.sub("&amp;", label_text(node["label"])),
                "type": kind,
                "shape": _SHAPES.get(kind, _OTHER_SHAPE),
                "fillcolor": node_colour(kind),
                **({"fontcolor": _DARK[kind]} if kind in _DARK else {}),
            },
        )


def _edges(graph: Graph, warnings: ExportWarnings) -> Iterator[str]:
    for source, target, edge in graph.edges(data=True):
        told: dict[str, Any] = {"relation": edge["relation"]}
        weight = edge.get("weight", 1)
        if isinstance(weight, int | float) and math.isfinite(weight) and weight >= 0:
            told["weight"] = weight
        else:
            warnings.omitted += 1
        if edge.get("related_from"):
            told["related_from"] = " ".join(edge["related_from"])
        told |= {name: edge[name] for name in _TEXTS if name in edge}
        if edge.get("provenance") == INFERRED:
            told["style"] = "dashed"
        yield _line(f"{_quoted(source)} -> {_quoted(target)}", told)
        if not _CARRIED.issuperset(edge):
            warnings.omitted += len(edge.keys() - _CARRIED)


def _line(what: str, told: Mapping[str, object]) -> str:
    return f"{what} [{', '.join(f'{name}={_quoted(value)}' for name, value in told.items())}];\n"


def _quoted(value: object) -> str:
    r"""``value`` between quotes, in which ``\`` is what Graphviz takes for the start of more."""
    text = xml_text(str(value))
    if len(text) <= _PIECE:
        return _between_quotes(text)
    pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
    return " + ".join(map(_between_quotes, pieces))


def _between_quotes(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'

"""Write DOT, the language of Graphviz, for drawing small graphs.

All values are quoted, so no text is interpreted as markup. The file contains no links. Graphviz
ignores edge attributes that it does not know, such as ``related_from``. Large graphs can be
exported as well; draw them with ``sfdp``, because ``dot`` is slow beyond about 1,000 nodes.
https://graphviz.org/doc/info/lang.html defines the syntax.
"""

from __future__ import annotations

import math
import re
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.rows import edge_values
from graphbuild.exporters.sanitize import label_text, write_lines, xml_text
from graphbuild.graph.style import node_color
from graphbuild.models import COLLECTION, FILE, INFERRED, REFERENCE, UNFINISHED_STATES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphbuild.graph.builder import Graph


_HEAD = """\
digraph related {
graph [overlap=false, outputorder=edgesfirst]
node [style=filled, fontname="sans-serif", fontsize=10, fontcolor="#ffffff", color="#333333"]
edge [color="#999999", arrowsize=0.6]
"""
# Shapes by type. Unlike the shapes of the HTML page, they have space for a label inside.
_SHAPES = {FILE: "ellipse", REFERENCE: "box", COLLECTION: "octagon"}
_OTHER_SHAPE = "hexagon"
_DARK_TEXT = {REFERENCE: "#000000"}  # white text is hard to read on the orange of references
_MAX_STRING = 4_000  # characters; Graphviz reads at most 16 KiB between two quotes
# Graphviz decodes HTML entities in labels, so the ampersands of entities are escaped.
_ENTITY = re.compile(r"&(?=#[0-9]+;|#[xX][0-9a-fA-F]+;|[A-Za-z][A-Za-z0-9]*;)")


def write_dot(graph: Graph, stream: BinaryIO) -> ExportWarnings:
    """Write ``graph`` to ``stream`` as DOT, without building the document in memory.

    Of the node attributes, only the type, the label and a state other than ``complete`` are
    written. Other node attributes are omitted and not counted. Edge attributes without a column,
    and weights that are negative or no finite numbers, are omitted and counted.
    """
    warnings = ExportWarnings()
    write_lines(stream, chain([_HEAD], _nodes(graph), _edges(graph, warnings), "}\n"))
    return warnings


def _nodes(graph: Graph) -> Iterator[str]:
    for key, node in graph.nodes(data=True):
        kind = node["type"]
        yield _statement(
            _quoted(key),
            {
                "label": _ENTITY.sub("&amp;", label_text(node["label"])),
                "type": kind,
                "shape": _SHAPES.get(kind, _OTHER_SHAPE),
                "fillcolor": node_color(kind),
                "fontcolor": _DARK_TEXT.get(kind),
                "state": node["state"] if node.get("state") in UNFINISHED_STATES else None,
            },
        )


def _edges(graph: Graph, warnings: ExportWarnings) -> Iterator[str]:
    for source, target, edge in graph.edges(data=True):
        values = edge_values(edge, warnings)
        weight = values["weight"]
        if not isinstance(weight, int | float) or not math.isfinite(weight) or weight < 0:
            values["weight"] = None
            warnings.omitted += 1
        values["related_from"] = " ".join(values["related_from"]) or None
        values["style"] = "dashed" if values["provenance"] == INFERRED else None
        yield _statement(f"{_quoted(source)} -> {_quoted(target)}", values)


def _statement(subject: str, attributes: Mapping[str, object]) -> str:
    written = [f"{name}={_quoted(each)}" for name, each in attributes.items() if each is not None]
    return f"{subject} [{', '.join(written)}];\n"


def _quoted(value: object) -> str:
    """Return ``value`` as a quoted string of DOT, or a long value as strings joined by ``+``."""
    text = xml_text(str(value))
    if len(text) <= _MAX_STRING:
        return _string(text)
    parts = (text[start : start + _MAX_STRING] for start in range(0, len(text), _MAX_STRING))
    return " + ".join(map(_string, parts))


def _string(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'

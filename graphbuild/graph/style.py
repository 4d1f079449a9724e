"""Define the color, shape and size of nodes for the layout and the exporters.

Files, references and collections each have their own color and shape. All other types share a
fourth color and shape. All collections have the same color. Collections of some kinds (attribute
``collection_type``) have a shape of their own. Blue and orange are from Okabe and Ito (2008, "Color
Universal Design"), and red is from Paul Tol's "vibrant" scheme (2021), because these colors remain
distinguishable with color blindness. Further colors of the HTML page are in
``exporters/html/static/colors.js``.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from graphbuild.errors import ExportError
from graphbuild.models import COLLECTION, FILE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphbuild.graph.builder import Graph

# The position (x, y) of each node, by node key; y grows upwards.
Positions: TypeAlias = "Mapping[str, tuple[float, float]]"

# Colors have six hexadecimal digits, because Gephi reads the short form "#f00" as almost black.
COLORS = {FILE: "#0072b2", REFERENCE: "#e69f00", COLLECTION: "#cc3311"}
SHAPES = {FILE: "dot", REFERENCE: "square", COLLECTION: "diamond"}
# Shapes of collections by kind. Malware families and toolkits have the same shape. Collections of
# other kinds, or without a stated kind, are diamonds.
COLLECTION_SHAPES = {
    "malware-family": "hexagon",
    "software-toolkit": "hexagon",
    "threat-actor": "star",
    "campaign": "triangleDown",
}
OTHER_COLOR = "#777777"
OTHER_SHAPE = "triangle"
MIN_RADIUS, MAX_RADIUS = 6.0, 30.0  # of nodes, in units of the layout


def node_color(node_type: str) -> str:
    """Return the color of a node type as ``#rrggbb``."""
    return COLORS.get(node_type, OTHER_COLOR)


def node_shape(node_type: str, kind: str = "") -> str:
    """Return the name in vis-network of the shape of a node.

    ``kind`` is the ``collection_type`` of a collection; empty for other nodes and unknown kinds.
    """
    if node_type == COLLECTION and kind in COLLECTION_SHAPES:
        return COLLECTION_SHAPES[kind]
    return SHAPES.get(node_type, OTHER_SHAPE)


def size_scale(graph: Graph) -> Callable[[int], float]:
    """Return a function from the degree of a node to its radius, in units of the layout.

    The radius grows with the square root of the degree, from ``MIN_RADIUS`` for a degree of 0 to
    ``MAX_RADIUS`` for the highest degree in ``graph``.
    """
    max_degree = max((degree for _, degree in graph.degree()), default=0) or 1

    @cache
    def radius(degree: int) -> float:
        return round(MIN_RADIUS + (MAX_RADIUS - MIN_RADIUS) * math.sqrt(degree / max_degree), 1)

    return radius


def check_positions(graph: Graph, positions: Positions | None) -> Positions:
    """Check that each node of ``graph`` has a position, and return ``positions``.

    If ``positions`` is None or empty, return an empty mapping. Otherwise, each node must have a
    position, because many programs draw all nodes without a position at the same point.

    Raises:
        ExportError: A node has no position, or a coordinate is infinite or NaN.
    """
    if not positions:
        return {}
    for key in graph:
        position = positions.get(key, ())
        if len(position) != 2 or not all(map(math.isfinite, position)):  # noqa: PLR2004  x and y
            raise ExportError(
                f"{key}: no position with finite x and y; pass positions of all nodes, or None"
            )
    return positions

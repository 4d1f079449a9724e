"""The appearance of nodes in the layout and all exporters: color, shape, size and position.

The three colors are distinguishable with any common color blindness (Okabe and Ito, 2008, "Color
Universal Design"), and each type has its own shape. The HTML page has further colors: see
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

Positions: TypeAlias = "Mapping[str, tuple[float, float]]"  # of nodes; y grows upwards

# Six hexadecimal digits: Gephi reads the short form "#f00" as almost black.
COLORS = {FILE: "#0072b2", REFERENCE: "#e69f00", COLLECTION: "#cc3311"}
SHAPES = {FILE: "dot", REFERENCE: "square", COLLECTION: "diamond"}
OTHER_COLOR = "#777777"
OTHER_SHAPE = "triangle"
MIN_RADIUS, MAX_RADIUS = 6.0, 30.0


def node_color(node_type: str) -> str:
    """Return the color of a node type as ``#rrggbb``."""
    return COLORS.get(node_type, OTHER_COLOR)


def node_shape(node_type: str) -> str:
    """Return the shape of a node type, as vis-network names it."""
    return SHAPES.get(node_type, OTHER_SHAPE)


def size_scale(graph: Graph) -> Callable[[int], float]:
    """Return a function from the degree of a node to its radius.

    The radius grows with the square root of the degree, from ``MIN_RADIUS`` to ``MAX_RADIUS``.
    """
    max_degree = max((degree for _, degree in graph.degree()), default=0) or 1

    @cache
    def radius(degree: int) -> float:
        return round(MIN_RADIUS + (MAX_RADIUS - MIN_RADIUS) * math.sqrt(degree / max_degree), 1)

    return radius


def check_positions(graph: Graph, positions: Positions | None) -> Positions:
    """Return ``positions``, or an empty mapping if it is None or empty.

    Each node must have a position: many programs draw all nodes without one at the same point.

    Raises:
        ExportError: A node has no position, or one that is not finite.
    """
    if not positions:
        return {}
    for key in graph:
        position = positions.get(key, ())
        if len(position) != 2 or not all(map(math.isfinite, position)):  # noqa: PLR2004  x and y
            raise ExportError(f"{key}: no position; pass finite positions of all nodes, or none")
    return positions

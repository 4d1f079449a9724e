"""Define the color, shape and size of nodes for the layout and the exporters.

Files, references and collections each have their own color and shape. All other types share a
fourth color and shape. All collections have the same color. Collections of some kinds (attribute
``collection_type``) have a shape of their own. Blue and orange are from Okabe and Ito (2008, "Color
Universal Design"), and red is from Paul Tol's "vibrant" scheme (2021), because these colors remain
distinguishable with color blindness. Further colors of the HTML page are in
``exporters/html/static/colors.js``.

Each cluster has a color of its own, which all outputs share. The largest clusters have the colors
of Paul Tol's "muted" scheme (2021), which are also distinguishable with color blindness. The colors
of the others differ in hue and lightness.
"""

from __future__ import annotations

import colorsys
import math
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from graphbuild.errors import ExportError
from graphbuild.graph.clusters import cluster_of
from graphbuild.models import COLLECTION, FILE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
CLUSTER_COLORS = (
    *("#332288", "#88ccee", "#44aa99", "#117733", "#999933"),
    *("#ddcc77", "#cc6677", "#882255", "#aa4499"),
)
NO_CLUSTER_COLOR = "#8a8f98"  # of nodes in no cluster, or in several
_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2  # steps of this share of a circle never meet an earlier hue
_LIGHTNESS = (0.42, 0.62, 0.52)  # of clusters that follow each other
_SATURATION = 0.55
MIN_RADIUS, MAX_RADIUS = 6.0, 30.0  # of nodes, in units of the layout
MAX_SIGN_RADIUS = 24.0  # of the signs of groups on a page


def node_color(node_type: str) -> str:
    """Return the color of a node type as ``#rrggbb``."""
    return COLORS.get(node_type, OTHER_COLOR)


def node_fill(node: Mapping[str, Any], *, by_cluster: bool) -> str:
    """Return the color of a node from its attributes: of its cluster, or of its type."""
    return cluster_color(cluster_of(node)) if by_cluster else node_color(node["type"])


@cache
def cluster_color(number: int) -> str:
    """Return the color of a cluster by its number from 1, as ``#rrggbb``; 0 means no cluster."""
    if number < 1:
        return NO_CLUSTER_COLOR
    if number <= len(CLUSTER_COLORS):
        return CLUSTER_COLORS[number - 1]
    step = number - len(CLUSTER_COLORS)
    channels = colorsys.hls_to_rgb(
        step * _GOLDEN_RATIO % 1, _LIGHTNESS[step % len(_LIGHTNESS)], _SATURATION
    )
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)


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


def sign_size_scale(graph: Graph, groups: Sequence[Sequence[str]]) -> Callable[[int, int], float]:
    """Return a function from the degree and the number of nodes of a group to its radius on a page.

    The area of the sign of a group grows with the logarithm of the number of edges of all its
    nodes, from ``MIN_RADIUS`` to ``MAX_SIGN_RADIUS``. ``groups`` is the result of
    ``fold_groups(graph)``. ``signSize`` in the scripts of the page is the same function.
    """
    highest = max_group_edges(graph, groups)
    area = MAX_SIGN_RADIUS**2 - MIN_RADIUS**2

    @cache
    def radius(degree: int, members: int) -> float:
        share = math.log1p(degree * members) / math.log1p(highest or 1)
        return math.sqrt(MIN_RADIUS**2 + area * share)

    return radius


def max_group_edges(graph: Graph, groups: Sequence[Sequence[str]]) -> int:
    """Return the highest number of edges of all nodes of a group; an edge inside counts twice."""
    return max((graph.degree[group[0]] * len(group) for group in groups), default=0)


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

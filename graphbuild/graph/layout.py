"""Compute node positions.

1. Nodes are grouped as in :func:`graphbuild.graph.views.fold_groups`, because a force layout cannot
   separate nodes with the same neighbors. Each group becomes a disc that is large enough for its
   nodes.
2. ForceAtlas2 arranges the discs of each connected component. If a component has more than 1,000
   discs, it is split into its clusters (the node attribute ``cluster``), and large clusters are
   split further. The discs of each part are arranged first. Then each part is arranged like one
   disc.
3. The components are packed side by side.
4. The nodes of each group are placed in the group's disc in a spiral, like the seeds of a
   sunflower.

Coordinates are rounded to 0.1. In the HTML page, one unit is one pixel at a scale of 1. The y
coordinate grows upwards, as in Gephi. The layout does not depend on the order of nodes and edges.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import networkx as nx
import numpy as np

from graphbuild.graph.builder import validate_graph
from graphbuild.graph.overlap_removal import GAP, remove_overlaps
from graphbuild.graph.partition import (
    louvain_parts,
    parts_of_clusters,
    quotient_graph,
    quotient_of_parts,
)
from graphbuild.graph.style import size_scale
from graphbuild.graph.views import fold_groups
from graphbuild.models import COLLECTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbuild.graph.overlap_removal import Floats

Point: TypeAlias = tuple[float, float]

# Lengths are in units of the layout.
MIN_DISTANCE = 16.0  # minimum distance between the centers of any two nodes

_SEED = 20_240_229
_INNER_GAP = 6.0  # distance between the borders of neighboring nodes in a group
_COMPONENT_GAP = 90.0  # distance between the bounding boxes of components
_ASPECT = 1.5  # intended ratio of width to height of the whole layout
_LABEL_SPACE = 24.0  # added to the radius of a collection, which always has a label
_MAX_DISCS = 1_000  # larger components are split, because ForceAtlas2 needs quadratic time
_MANY_DISCS = 300  # with more discs, ForceAtlas2 runs _FEWER_ITERATIONS
_ITERATIONS, _FEWER_ITERATIONS = 100, 50
_DENSITY = 0.3  # assumed share of a cluster's area that its discs cover
_GRAVITY = 0.06
_PIVOTS = 40  # maximum number of pivots of the initial layout
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_SUNFLOWER_SPACING = 1.62  # minimum distance between points of a spiral with radii sqrt(n + 0.5)


def compute_layout(graph: nx.DiGraph[str]) -> dict[str, Point]:
    """Return positions for all nodes of ``graph``, at least ``MIN_DISTANCE`` apart.

    Raises:
        ExportError: The graph is not a ``DiGraph``, or a node has no type or label.
    """
    validate_graph(graph)
    groups = fold_groups(graph)
    folded = quotient_graph(graph, groups)
    pitches = _pitches(graph, groups)
    radii = np.array([_disc_radius(len(g), p) for g, p in zip(groups, pitches, strict=True)])
    components = sorted(map(sorted, nx.connected_components(folded)), key=_by_size)
    centers = _pack_components(folded, components, radii)
    positions = {
        node: (centers[index][0] + x, centers[index][1] + y)
        for index, group in enumerate(groups)
        for node, (x, y) in zip(group, _sunflower(len(group), pitches[index]), strict=True)
    }
    return {node: _rounded(*positions[node]) for node in graph}


def _pitches(graph: nx.DiGraph[str], groups: Sequence[Sequence[str]]) -> list[float]:
    """Return, for each group, the distance between the centers of neighboring nodes.

    All nodes of a group have the same degree, and therefore the same size. For a group of one node,
    return the diameter of the node; for a collection, the diameter includes space for a label.
    """
    radius, pitches = size_scale(graph), []
    for first, *others in groups:
        label_space = _LABEL_SPACE if graph.nodes[first]["type"] == COLLECTION else 0.0
        size = radius(graph.degree[first]) + label_space
        pitches.append(2 * size + (_INNER_GAP if others else 0.0))
    return pitches


def _disc_radius(members: int, pitch: float) -> float:
    if members == 1:
        return pitch / 2
    return pitch / 2 + pitch / _SUNFLOWER_SPACING * math.sqrt(members - 0.5)


def _sunflower(members: int, pitch: float) -> list[Point]:
    """Return ``members`` points in a compact disc around the origin, about ``pitch`` apart."""
    if members == 1:
        return [(0.0, 0.0)]
    distances = [pitch / _SUNFLOWER_SPACING * math.sqrt(index + 0.5) for index in range(members)]
    return [
        (far * math.cos(index * _GOLDEN_ANGLE), far * math.sin(index * _GOLDEN_ANGLE))
        for index, far in enumerate(distances)
    ]


def _rounded(x: float, y: float) -> Point:
    return round(float(x), 1) + 0.0, round(float(y), 1) + 0.0  # no -0.0


# --- pack components -----------------------------------------------------------------------------


def _pack_components(
    folded: nx.Graph[int], components: Sequence[list[int]], radii: Floats
) -> Floats:
    """Arrange the discs of each component, pack the components, and return all disc centers."""
    centers = np.zeros((len(radii), 2))
    boxes: list[Point] = []
    for component in components:
        graph = folded.subgraph(component)
        turned = _turn_wide(_arrange(graph, component, radii[component]))
        low, high = _bounds(turned, radii[component])
        centers[component] = turned - low
        boxes.append((high[0] - low[0], high[1] - low[1]))
    for index, corner in _pack_boxes(boxes):
        centers[components[index]] += corner
    if len(centers):
        centers -= np.mean(_bounds(centers, radii), axis=0)
    return centers


def _by_size(members: list[int]) -> tuple[int, list[int]]:
    return -len(members), members


def _bounds(centers: Floats, radii: Floats) -> tuple[Floats, Floats]:
    """Return the lower left and the upper right corner of the bounding box of discs."""
    reach = radii[:, None]
    return np.min(centers - reach, axis=0), np.max(centers + reach, axis=0)


def _turn_wide(centers: Floats) -> Floats:
    """Move the mean of the points to the origin, and turn the points so that they are wide."""
    centered = centers - centers.mean(axis=0)
    xx, yy = np.sum(centered**2, axis=0)
    angle = -0.5 * math.atan2(2 * float(np.sum(centered[:, 0] * centered[:, 1])), float(xx - yy))
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = centered[:, 0], centered[:, 1]
    return np.column_stack((cos * x - sin * y, sin * x + cos * y))


def _pack_boxes(boxes: Sequence[Point]) -> Iterable[tuple[int, Point]]:
    """Yield, for each box, its index in ``boxes`` and the position of its lower left corner.

    ``boxes`` contains the width and height of each box. The boxes are packed into a strip of fixed
    width, the tallest first. Each box is placed in the topmost free rectangle that is large enough.
    The rest of this rectangle is divided into the space right of the box and the space below it.
    """
    padded = [(width + _COMPONENT_GAP, height + _COMPONENT_GAP) for width, height in boxes]
    area = sum(width * height for width, height in padded)
    strip = max([width for width, _ in padded] + [math.sqrt(area * _ASPECT)])
    free = [(0.0, 0.0, math.inf, strip)]  # top (downwards), left, height, width
    for index in sorted(range(len(boxes)), key=lambda i: (-padded[i][1], -padded[i][0], i)):
        width, height = padded[index]
        space = min(s for s in free if s[2] >= height and s[3] >= width)
        top, left, free_height, free_width = space
        free.remove(space)
        free.append((top, left + width, height, free_width - width))
        free.append((top + height, left, free_height - height, free_width))
        yield index, (left, -top - boxes[index][1])


# --- arrange the discs of one component ----------------------------------------------------------


def _arrange(graph: nx.Graph[int], discs: list[int], radii: Floats) -> Floats:
    """Return centers for the discs of a graph, in the order of ``discs``.

    If there are more than 1,000 discs, they are split into parts. The discs of each part are
    arranged first. Then each part is arranged like one disc.
    """
    if len(discs) <= _MAX_DISCS:
        return _force_layout(graph, discs, radii)
    parts = sorted(_split(graph, discs), key=_by_size)
    index = {disc: position for position, disc in enumerate(discs)}
    centers = np.zeros((len(discs), 2))
    part_radii = []
    for members in parts:
        rows = [index[disc] for disc in members]
        inner = _arrange(graph.subgraph(members), members, radii[rows])
        centers[rows] = inner - np.mean(_bounds(inner, radii[rows]), axis=0)
        # A part is arranged like a disc that is smaller than the bounding circle of its discs. The
        # bounding circles of two parts may overlap, because few discs are near them.
        area = float(np.sum((radii[rows] + GAP / 2) ** 2))
        part_radii.append(math.sqrt(area / _DENSITY))
    between = quotient_of_parts(graph, parts)
    outer = _arrange(between, list(range(len(parts))), np.array(part_radii))
    part_of = {disc: number for number, members in enumerate(parts) for disc in members}
    centers += outer[[part_of[disc] for disc in discs]]
    return remove_overlaps(centers, radii)


def _split(graph: nx.Graph[int], discs: list[int]) -> list[list[int]]:
    """Split the discs of a graph into at least two parts: into its clusters, if it has several."""
    for split in (parts_of_clusters, louvain_parts):
        parts = split(graph)
        if 1 < len(parts) < len(discs):
            return parts
    # Nearly all discs are connected to each other: split them arbitrarily.
    return [discs[at : at + _MAX_DISCS] for at in range(0, len(discs), _MAX_DISCS)]


# --- force layout --------------------------------------------------------------------------------


def _force_layout(graph: nx.Graph[int], discs: list[int], radii: Floats) -> Floats:
    """Return centers for the discs of a graph, computed with ForceAtlas2, without overlaps."""
    if len(discs) == 1:
        return np.zeros((1, 2))
    index = {disc: position for position, disc in enumerate(discs)}
    ordered: nx.Graph[int] = nx.empty_graph(len(discs))
    pairs = ((index[a], index[b]) for a, b in graph.edges)
    ordered.add_edges_from(sorted((min(pair), max(pair)) for pair in pairs))
    padded = radii + GAP / 2
    mean = float(padded.mean())
    start = _initial_layout(ordered) * 2 * mean * math.sqrt(len(discs))
    positions = nx.forceatlas2_layout(
        ordered,
        dict(enumerate(start)),
        max_iter=_ITERATIONS if len(discs) <= _MANY_DISCS else _FEWER_ITERATIONS,
        scaling_ratio=1.0,
        gravity=_GRAVITY / mean,
        strong_gravity=True,
        node_mass=dict(enumerate(padded.tolist())),
        seed=_SEED,
    )
    return remove_overlaps(np.array([positions[disc] for disc in ordered]), radii)


def _initial_layout(graph: nx.Graph[int]) -> Floats:
    """Return initial positions, about one unit wide, from the distances to a few pivot nodes.

    The method is Pivot MDS (Brandes and Pich 2006, "Eigensolver Methods for Progressive
    Multidimensional Scaling of Large Data"). With random initial positions, ForceAtlas2 would need
    far more iterations.
    """
    distances = _pivot_distances(graph)
    centered = distances**2
    centered = centered - centered.mean(axis=0) - centered.mean(axis=1)[:, None] + centered.mean()
    _, vectors = np.linalg.eigh(centered.T @ centered)
    points = centered @ vectors[:, ::-1][:, :2] if vectors.shape[1] > 1 else centered[:, [0, 0]]
    scale = np.maximum(np.abs(points).max(axis=0), 1e-9)
    noise = np.random.default_rng(_SEED).uniform(-0.05, 0.05, points.shape)
    # The points are rounded, because their last digits depend on the version of numpy.
    start: Floats = np.round(points / (2 * scale), 3) + noise
    return start


def _pivot_distances(graph: nx.Graph[int]) -> Floats:
    """Return the distances in hops from all nodes (rows) to up to 40 pivots (columns).

    The first pivot is node 0. Each further pivot is the node farthest from the earlier pivots. The
    distance of an unreachable node is one hop more than that of the farthest reachable node.
    """
    columns: list[Floats] = []
    nearest = np.full(len(graph), np.inf)
    pivot = 0
    for _ in range(min(_PIVOTS, len(graph))):
        hops = nx.single_source_shortest_path_length(graph, pivot)
        column = np.full(len(graph), max(hops.values()) + 1.0)
        column[list(hops)] = list(hops.values())
        columns.append(column)
        nearest = np.minimum(nearest, column)
        pivot = int(np.argmax(nearest))
    return np.column_stack(columns)

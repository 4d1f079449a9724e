"""Compute node positions.

1. Nodes are grouped as in :func:`graphbuild.graph.views.fold_groups`, because a force layout cannot
   separate nodes with the same neighbors. Each group becomes a disc that is large enough for its
   nodes.
2. ForceAtlas2 arranges the discs of each connected component. If a component has more than 40
   discs, the discs of each cluster (the node attribute ``cluster``) are arranged first. Then each
   cluster is arranged like one disc, with space around it for a label.
3. :mod:`graphbuild.graph.packing` packs the components.
4. The nodes of each group are placed in the group's disc in a spiral, like the seeds of a
   sunflower.

Coordinates are rounded to 0.1. In the HTML page, one unit is one pixel at a scale of 1. The y
coordinate grows upwards, as in Gephi. The layout does not depend on the order of nodes and edges.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from graphbuild.graph.builder import validate_graph
from graphbuild.graph.overlap_removal import GAP, compress, remove_overlaps
from graphbuild.graph.packing import Point, bounds, pack_components
from graphbuild.graph.partition import (
    louvain_parts,
    parts_of_clusters,
    quotient_graph,
    quotient_of_parts,
)
from graphbuild.graph.style import sign_size_scale, size_scale
from graphbuild.graph.views import fold_groups
from graphbuild.models import COLLECTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.graph.overlap_removal import Floats

# Lengths are in units of the layout.
MIN_DISTANCE = 16.0  # minimum distance between the centers of any two nodes

_SEED = 20_240_229
_INNER_GAP = 6.0  # distance between the borders of neighboring nodes in a group
_LABEL_SPACE = 24.0  # added to the radius of a collection, which always has a label
_MAX_DISCS = 1_000  # larger clusters are split, because ForceAtlas2 needs quadratic time
_MANY_DISCS = 300  # with more discs, ForceAtlas2 runs _FEWER_ITERATIONS
_ITERATIONS, _FEWER_ITERATIONS = 100, 50
_FEW_DISCS = 40  # components with more discs are arranged by clusters
_CLUSTER_GAP = 0.045  # distance between clusters, as a share of the width of all clusters
_GRAVITY = 0.06
_PIVOTS = 40  # maximum number of pivots of the initial layout
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_SUNFLOWER_SPACING = 1.62  # minimum distance between points of a spiral with radii sqrt(n + 0.5)


class Layout(dict[str, Point]):
    """The position (x, y) of each node, by node key.

    Attributes:
        folded: The position of each group of ``fold_groups(graph)``, by the first key of the group,
            in a picture that draws each group as one sign. Such a picture is more compact, because
            a group needs no space for its nodes. None if it was not requested.
    """

    folded: dict[str, Point] | None = None


def compute_layout(graph: nx.DiGraph[str], *, folded: bool = False) -> Layout:
    """Return positions for all nodes of ``graph``, at least ``MIN_DISTANCE`` apart.

    Args:
        graph: A graph as ``build_graph`` returns it, or a view of one.
        folded: Whether positions of groups are computed as well; see :class:`Layout`.

    Raises:
        ExportError: The graph is not a ``DiGraph``, or a node has no type or label.
    """
    validate_graph(graph)
    groups = fold_groups(graph)
    quotient = quotient_graph(graph, groups)
    components = sorted(map(sorted, nx.connected_components(quotient)), key=_by_size)
    pitches = _pitches(graph, groups)
    radii = np.array([_disc_radius(len(g), p) for g, p in zip(groups, pitches, strict=True)])
    centers = _arrange_components(quotient, components, radii)
    positions = {
        node: (centers[index][0] + x, centers[index][1] + y)
        for index, group in enumerate(groups)
        for node, (x, y) in zip(group, _sunflower(len(group), pitches[index]), strict=True)
    }
    layout = Layout((node, _rounded(*positions[node])) for node in graph)
    if folded:
        centers = _arrange_components(quotient, components, _sign_radii(graph, groups))
        firsts = (group[0] for group in groups)
        layout.folded = {key: _rounded(*at) for key, at in zip(firsts, centers, strict=True)}
    return layout


def _arrange_components(
    quotient: nx.Graph[int], components: Sequence[list[int]], radii: Floats
) -> Floats:
    """Arrange the discs of each component, pack the components, and return all disc centers."""
    arranged = [_arrange(quotient.subgraph(each), each, radii[each]) for each in components]
    return pack_components(components, arranged, radii)


def _sign_radii(graph: nx.DiGraph[str], groups: Sequence[Sequence[str]]) -> Floats:
    """Return the radius of each group that is drawn as one sign, with space for a label."""
    radius = sign_size_scale(graph, groups)
    return np.array([radius(graph.degree[g[0]], len(g)) + _space(graph, g[0]) for g in groups])


def _pitches(graph: nx.DiGraph[str], groups: Sequence[Sequence[str]]) -> list[float]:
    """Return, for each group, the distance between the centers of neighboring nodes.

    All nodes of a group have the same degree, and therefore the same size. For a group of one node,
    return the diameter of the node; for a collection, the diameter includes space for a label.
    """
    radius, sign_radius, pitches = size_scale(graph), sign_size_scale(graph, groups), []
    for first, *others in groups:
        degree = graph.degree[first]
        size = max(radius(degree), sign_radius(degree, 1)) + _space(graph, first)
        pitches.append(2 * size + (_INNER_GAP if others else 0.0))
    return pitches


def _space(graph: nx.DiGraph[str], node: str) -> float:
    """Return the width of the ring around a node that is kept free for its label."""
    return _LABEL_SPACE if graph.nodes[node]["type"] == COLLECTION else 0.0


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


def _by_size(members: list[int]) -> tuple[int, list[int]]:
    return -len(members), members


# --- arrange the discs of one component ----------------------------------------------------------


def _arrange(graph: nx.Graph[int], discs: list[int], radii: Floats) -> Floats:
    """Return centers for the discs of a graph, in the order of ``discs``.

    If there are more than 40 discs in several clusters, the discs of each cluster are arranged
    first. Then each cluster is arranged like one disc. More than 1,000 discs are always split.
    """
    parts = _split(graph, discs) if len(discs) > _FEW_DISCS else []
    if len(parts) <= 1:
        return compress(_force_layout(graph, discs, radii), radii)
    return _arrange_parts(graph, discs, radii, sorted(parts, key=_by_size))


def _arrange_parts(
    graph: nx.Graph[int], discs: list[int], radii: Floats, parts: Sequence[list[int]]
) -> Floats:
    """Arrange the discs of each part, then the parts, with space between them for labels."""
    index = {disc: position for position, disc in enumerate(discs)}
    part_of = {disc: number for number, members in enumerate(parts) for disc in members}
    centers = np.zeros((len(discs), 2))
    reaches = []
    for members in parts:
        rows = [index[disc] for disc in members]
        inner = _arrange(graph.subgraph(members), members, radii[rows])
        inner -= np.mean(bounds(inner, radii[rows]), axis=0)
        centers[rows] = inner
        reaches.append(float(np.max(np.hypot(inner[:, 0], inner[:, 1]) + radii[rows])))
    # The width of the picture is about that of a square around all discs.
    width = 2 * math.sqrt(sum(reach**2 for reach in reaches))
    sizes = np.array(reaches) + _CLUSTER_GAP * width / 2
    outer = _arrange(quotient_of_parts(graph, parts), list(range(len(parts))), sizes)
    return centers + outer[[part_of[disc] for disc in discs]]


def _split(graph: nx.Graph[int], discs: list[int]) -> list[list[int]]:
    """Split the discs of a graph into its clusters; more than 1,000 discs into any parts."""
    for split in (parts_of_clusters, louvain_parts):
        parts = split(graph)
        if 1 < len(parts) < len(discs):
            return parts
        if len(discs) <= _MAX_DISCS:
            return []
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

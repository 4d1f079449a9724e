"""Place the new nodes of a graph into an earlier layout.

No node with an earlier position moves. A new node is placed at a free point near the center of its
neighbors. New nodes without a path to an earlier node are arranged like a graph of their own, below
the others. The result does not depend on the order of nodes and edges.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import count
from typing import TYPE_CHECKING

from graphbuild.graph.layout import MIN_DISTANCE, compute_layout
from graphbuild.graph.style import size_scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import networkx as nx

    from graphbuild.graph.packing import Point
    from graphbuild.graph.style import Positions

# Lengths are in units of the layout.
_GAP = 4.0  # minimum distance between the border of a new node and that of any other node
_COMPONENT_GAP = 90.0  # distance between earlier nodes and new nodes without a path to them
_CELL = 32.0  # side of a cell of the grid in which nearby nodes are searched
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


def extend_layout(graph: nx.DiGraph[str], earlier: Positions) -> dict[str, Point]:
    """Return positions for all nodes of ``graph``.

    Nodes in ``earlier`` keep their exact positions, and new nodes overlap no other node. Positions
    of nodes that are not in ``graph`` are ignored. If no node has an earlier position, the result
    is that of :func:`compute_layout`.

    Raises:
        ExportError: The graph is not a ``DiGraph``, or a node has no type or label.
    """
    kept = {key: earlier[key] for key in graph if key in earlier}
    if not kept:
        return compute_layout(graph)
    radius, degrees = size_scale(graph), dict(graph.degree())
    radii = {key: radius(degrees[key]) for key in graph}
    neighbors = _neighbors(graph)
    positions, discs = dict(kept), _Discs()
    for key, position in kept.items():
        discs.add(position, radii[key])
    for key in _by_distance(neighbors, kept):
        placed = [positions[other] for other in neighbors[key] if other in positions]
        positions[key] = discs.add_near(_center(placed), radii[key])
    unlinked = [key for key in graph if key not in positions]
    positions |= _place_below(graph.subgraph(unlinked), positions)
    return {key: positions[key] for key in graph}


def _neighbors(graph: nx.DiGraph[str]) -> dict[str, list[str]]:
    """Return the sorted neighbors of each node, in both directions."""
    found: dict[str, set[str]] = {key: set() for key in graph}
    for source, target in graph.edges:
        found[source].add(target)
        found[target].add(source)
    return {key: sorted(others - {key}) for key, others in found.items()}


def _by_distance(neighbors: Mapping[str, list[str]], start: Iterable[str]) -> Iterator[str]:
    """Yield the nodes that are connected to ``start``: those one hop away, then two, and so on.

    Nodes at the same distance are sorted by key. The nodes in ``start`` are not yielded.
    """
    seen = set(start)
    layer = sorted(seen)
    while layer:
        layer = sorted({other for key in layer for other in neighbors[key]} - seen)
        seen.update(layer)
        yield from layer


def _center(points: list[Point]) -> Point:
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)


def _place_below(graph: nx.DiGraph[str], placed: Positions) -> dict[str, Point]:
    """Return positions for the nodes of ``graph``, below those in ``placed``."""
    if not len(graph):
        return {}
    found = compute_layout(graph)
    left = min(x for x, _ in placed.values()) - min(x for x, _ in found.values())
    lowest = min(y for _, y in placed.values()) - max(y for _, y in found.values())
    return {
        key: (round(x + left, 1), round(y + lowest - _COMPONENT_GAP, 1))
        for key, (x, y) in found.items()
    }


class _Discs:
    """Discs in the plane, and a search for free space between them."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], list[tuple[float, float, float]]] = defaultdict(list)
        # For each point and radius, how many points of the spiral around it are occupied.
        self._occupied: dict[tuple[Point, float], int] = {}

    def add(self, center: Point, radius: float) -> None:
        """Add a disc, which may overlap others."""
        disc = (*center, radius)
        for cell in _cells_of(disc):
            self._cells[cell].append(disc)

    def add_near(self, target: Point, radius: float) -> Point:
        """Add a disc at the first free point of a spiral around ``target``; return its center."""
        spacing = max(2 * radius + _GAP, MIN_DISTANCE) / 2
        for turn in count(self._occupied.get((target, radius), 0)):
            far, angle = spacing * math.sqrt(turn), turn * _GOLDEN_ANGLE
            x = round(target[0] + far * math.cos(angle), 1)
            y = round(target[1] + far * math.sin(angle), 1)
            if self._is_free((x, y, radius + _GAP)):
                break
        self._occupied[target, radius] = turn + 1
        self.add((x, y), radius)
        return x, y

    def _is_free(self, disc: tuple[float, float, float]) -> bool:
        x, y, radius = disc
        return not any(
            math.hypot(x - other_x, y - other_y) < radius + other_radius
            for cell in _cells_of(disc)
            for other_x, other_y, other_radius in self._cells.get(cell, ())
        )


def _cells_of(disc: tuple[float, float, float]) -> Iterator[tuple[int, int]]:
    """Yield the cells of the grid that the bounding box of a disc touches."""
    x, y, radius = disc
    for column in range(int((x - radius) // _CELL), int((x + radius) // _CELL) + 1):
        for row in range(int((y - radius) // _CELL), int((y + radius) // _CELL) + 1):
            yield column, row

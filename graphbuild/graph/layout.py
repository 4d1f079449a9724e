"""Where each node stands: fold, lay out, spread, pack.

Real graphs are stacks of bicliques: an answer gives a file all references of all its collections,
so files of one collection have the same neighbours and no spring can tell them apart. So equal
nodes are folded into one disc first; springs arrange the discs of each connected component; the
components are packed side by side; at last the members of a disc are spread like the seeds of a
sunflower. A component too large for springs is split into communities, each laid out as a small
graph of its own and then treated as one disc.

Coordinates are rounded to 0.1 and grow to the right and *upwards*, as Gephi draws them; browsers
count downwards, so the page turns them over. The same graph gives the same coordinates, in
whatever order its nodes came. One unit is one pixel at full size.

The springs are our own few lines of numpy: those of networkx want scipy from 500 nodes on, know
nothing of discs that must not overlap, and may change with its version.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from graphbuild.graph.builder import validate_graph
from graphbuild.graph.clustering import louvain_clusters, number_clusters, quotient_graph
from graphbuild.graph.style import size_scale
from graphbuild.graph.views import fold_groups
from graphbuild.models import COLLECTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Floats: TypeAlias = NDArray[np.float64]
Point: TypeAlias = tuple[float, float]

MIN_DISTANCE = 16.0  # no two nodes are nearer to each other than this

_SEED = 20_240_229
_GAP = 26.0  # free space between two discs
_ISLAND_GAP = 90.0  # free space between two components
_ASPECT = 1.5  # screens are wider than high
_LABEL_ROOM = 16.0
_RING = 24  # so many discs stand on one circle around a hub
_SPRING_LIMIT = 1_000  # discs; the cost of springs grows with the square
_PART_LIMIT = 3_000  # discs of one community of a component that is too large
_ROUNDS = 120
_FEWER_ROUNDS = 40  # for more discs than _SPRING_LIMIT: they know from the start where they belong
_DENSITY = 0.3  # which share of a community's picture its discs cover
_PUSH = 2.0  # how strongly discs repel each other
_GRAVITY = 0.06  # how strongly all are drawn to the middle: branches do not straggle
_ROWS = 64  # discs compared with all others at once: few, so that they stay in the cache
_PIVOTS = 40
_PUSHES = 120
_LOOK_EVERY = 6  # pushes between two looks for neighbours
_SLICE = 300  # discs; so many are compared each with each
_BLOCK = 2_000_000  # pairs in memory at once
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_SUNFLOWER = 1.62  # neighbouring seeds of a sunflower of pitch 1 are at least this far apart


class Layout(dict[str, Point]):
    """Coordinates of nodes, and what was found out on the way to them.

    Attributes:
        communities: what :func:`graphbuild.graph.style.communities` tells of the graph, where the
            layout had to find it; finding it again would take as long again.
    """

    clusters: dict[str, int] | None = None


def compute_layout(graph: nx.DiGraph[str]) -> Layout:
    """Coordinates for every node, y upwards, none nearer to another than ``MIN_DISTANCE``.

    Raises:
        ExportError: the graph has no directions, or not the attributes that each node must have.
    """
    validate_graph(graph)
    groups = fold_groups(graph)
    folded = quotient_graph(graph, groups)
    rooms = _rooms(graph)
    pitches = [2 * max(rooms[node] for node in group) + _gap_within(group) for group in groups]
    radii = np.array([_disc_radius(len(g), p) for g, p in zip(groups, pitches, strict=True)])
    components = sorted((sorted(part) for part in nx.connected_components(folded)), key=_by_size)
    found = louvain_clusters(folded) if components and len(components[0]) > _SPRING_LIMIT else None
    centres = _pack_components(folded, components, radii, found or [])
    positions = {
        node: (centres[index][0] + x, centres[index][1] + y)
        for index, group in enumerate(groups)
        for node, (x, y) in zip(group, _sunflower(len(group), pitches[index]), strict=True)
    }
    layout = Layout((node, _rounded(positions[node])) for node in graph)
    layout.clusters = number_clusters(groups, found) if found else None
    return layout


def _rooms(graph: nx.DiGraph[str]) -> dict[str, float]:
    """The radius each node needs; collections always show their names."""
    size_of = size_scale(graph)
    return {
        node: size_of(degree) + (_LABEL_ROOM if graph.nodes[node]["type"] == COLLECTION else 0.0)
        for node, degree in graph.degree()
    }


def _gap_within(group: Sequence[str]) -> float:
    """Free space between the members of a group: less than between groups, so it holds together."""
    return 6.0 if len(group) > 1 else 0.0


def _disc_radius(members: int, pitch: float) -> float:
    """How far a disc of so many members reaches."""
    return pitch / 2 if members == 1 else pitch / 2 + pitch / _SUNFLOWER * math.sqrt(members - 0.5)


def _sunflower(members: int, pitch: float) -> list[Point]:
    """Points in a compact disc around the origin, none nearer to another than ``pitch``."""
    if members == 1:
        return [(0.0, 0.0)]
    reach = [pitch / _SUNFLOWER * math.sqrt(index + 0.5) for index in range(members)]
    return [
        (far * math.cos(index * _GOLDEN_ANGLE), far * math.sin(index * _GOLDEN_ANGLE))
        for index, far in enumerate(reach)
    ]


def _rounded(point: Point) -> Point:
    x, y = (round(float(value), 1) + 0.0 for value in point)  # no -0.0
    return x, y


# --- components, side by side


def _pack_components(
    folded: nx.Graph[int],
    components: Sequence[list[int]],
    radii: Floats,
    found: Sequence[Sequence[int]],
) -> Floats:
    """Lay out each component, then put their boxes into rows, the largest first.

    ``found`` are the communities of all, needed where a component is too large for springs.
    """
    centres = np.zeros((len(radii), 2))
    boxes: list[tuple[float, float]] = []
    of = {node: number for number, part in enumerate(found) for node in part}
    for part in components:
        around = _wide(_arrange(folded.subgraph(part), part, radii[part], of))
        low, high = _bounds(around, radii[part])
        centres[part] = around - low
        boxes.append((high[0] - low[0], high[1] - low[1]))
    for index, corner in _pack(boxes):
        centres[components[index]] += corner
    if len(centres):
        centres -= np.mean(_bounds(centres, radii), axis=0)
    return centres


def _by_size(part: list[int]) -> tuple[int, list[int]]:
    return -len(part), part


def _bounds(centres: Floats, radii: Floats) -> tuple[Floats, Floats]:
    """The lower left and the upper right corner around discs."""
    reach = radii[:, None]
    return np.min(centres - reach, axis=0), np.max(centres + reach, axis=0)


def _wide(centres: Floats) -> Floats:
    """Turned so that the longer direction lies across: screens are wider than high."""
    middle = centres - centres.mean(axis=0)
    xx, yy = np.sum(middle**2, axis=0)
    angle = -0.5 * math.atan2(2 * float(np.sum(middle[:, 0] * middle[:, 1])), float(xx - yy))
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = middle[:, 0], middle[:, 1]
    return np.column_stack((cos * x - sin * y, sin * x + cos * y))


def _pack(boxes: Sequence[tuple[float, float]]) -> Iterable[tuple[int, tuple[float, float]]]:
    """Lower left corners for boxes, none overlapping: each as high in a strip as there is room.

    A strip of free space is cut in two by every box: what is left beside it, and all below it.
    """
    padded = [(width + _ISLAND_GAP, height + _ISLAND_GAP) for width, height in boxes]
    area = sum(width * height for width, height in padded)
    strip = max([width for width, _ in padded] + [math.sqrt(area * _ASPECT)])
    free = [(0.0, 0.0, math.inf, strip)]  # how far down, left, height, width
    for index in sorted(range(len(boxes)), key=lambda i: (-padded[i][1], -padded[i][0], i)):
        width, height = padded[index]
        spot = min(s for s in free if s[2] >= height and s[3] >= width)
        down, left, room_below, room_beside = spot
        free.remove(spot)
        free.append((down, left + width, height, room_beside - width))
        free.append((down + height, left, room_below - height, room_beside))
        yield index, (left, -down - boxes[index][1])


# --- one component of discs


def _arrange(
    graph: nx.Graph[int], nodes: list[int], radii: Floats, of: Mapping[int, int]
) -> Floats:
    """Centres for the discs of one connected graph, none overlapping, in the order of ``nodes``."""
    hub = _hub(graph, nodes)
    if hub is not None:
        return _star(nodes.index(hub), radii)
    if len(nodes) <= _SPRING_LIMIT:
        return _springs(graph, nodes, radii)
    return _by_communities(graph, _members(nodes, of), nodes, radii)


def _hub(graph: nx.Graph[int], nodes: list[int]) -> int | None:
    """The centre, where the graph is a single node or a star."""
    if graph.number_of_edges() != len(nodes) - 1:
        return None
    return next((node for node in nodes if graph.degree[node] == len(nodes) - 1), None)


def _star(hub: int, radii: Floats) -> Floats:
    """The hub in the middle, the others around it: on a circle, or as seeds where they are many."""
    centres = np.zeros((len(radii), 2))
    leaves = [index for index in range(len(radii)) if index != hub]
    if leaves:
        wide = radii[leaves] + _GAP / 2
        inner = float(radii[hub] + _GAP / 2)
        centres[leaves] = (_ring if len(leaves) <= _RING else _corona)(wide, inner)
    return centres


def _ring(wide: Floats, inner: float) -> Floats:
    """Layout on a circle around a hub, each with an angle as large as its disc."""
    reach = inner + float(wide.max())
    while _arc(wide, reach).sum() > 2 * math.pi:
        reach *= 1.05
    shares = _arc(wide, reach)
    shares *= 2 * math.pi / shares.sum()
    angles = np.cumsum(shares) - shares / 2
    places: Floats = reach * np.column_stack((np.cos(angles), np.sin(angles)))
    return places


def _corona(wide: Floats, inner: float) -> Floats:
    """Layout in a sunflower whose middle is left to the hub."""
    pitch = 2 * float(wide.max())
    taken = math.ceil(((inner + pitch / 2) * _SUNFLOWER / pitch) ** 2)
    return np.array(_sunflower(taken + len(wide), pitch)[taken:])


def _arc(radii: Floats, reach: float) -> Floats:
    """The angles that discs take on a circle of radius ``reach``."""
    return 2 * np.arcsin(np.minimum(radii / reach, 1.0))


def _by_communities(
    graph: nx.Graph[int], communities: list[list[int]], nodes: list[int], radii: Floats
) -> Floats:
    """Communities first, each as one disc; then the discs of each inside its own."""
    index = {node: place for place, node in enumerate(nodes)}
    owner = {node: number for number, part in enumerate(communities) for node in part}
    inner, reach = [], []
    for part in communities:
        rows = [index[node] for node in part]
        around, radius = _disc_of(graph.subgraph(part), part, radii[rows])
        inner.append((rows, around))
        reach.append(radius)
    outer = _arrange_quotient(graph, owner, np.array(reach))
    centres = np.zeros((len(nodes), 2))
    for number, (rows, around) in enumerate(inner):
        centres[rows] = around + outer[number]
    return _pushed_apart(centres, radii)


def _members(nodes: Iterable[int], of: Mapping[int, int]) -> list[list[int]]:
    """The communities of one component, the largest first."""
    members: dict[int, list[int]] = {}
    for node in nodes:
        members.setdefault(of[node], []).append(node)
    return sorted(members.values(), key=_by_size)


def _disc_of(graph: nx.Graph[int], nodes: list[int], radii: Floats) -> tuple[Floats, float]:
    """One community around the origin, and about how far it reaches: its thin edges may mingle."""
    if len(nodes) == 1:
        around = np.zeros((1, 2))
    elif len(nodes) <= _PART_LIMIT:
        around = _springs(graph, nodes, radii)
    else:
        around = _by_communities(graph, _split(graph, nodes), nodes, radii)
    around -= np.mean(_bounds(around, radii), axis=0)
    return around, math.sqrt(float(np.sum((radii + _GAP / 2) ** 2)) / _DENSITY)


def _split(graph: nx.Graph[int], nodes: list[int]) -> list[list[int]]:
    """The communities of a community; where all is tied to all, any slice is as good."""
    found = sorted(louvain_clusters(graph), key=_by_size)
    if len(found) > 1:
        return found
    return [nodes[at : at + _PART_LIMIT] for at in range(0, len(nodes), _PART_LIMIT)]


def _arrange_quotient(graph: nx.Graph[int], owner: dict[int, int], radii: Floats) -> Floats:
    """Centres for the communities themselves; there are few enough for springs."""
    quotient: nx.Graph[int] = nx.Graph()
    quotient.add_nodes_from(range(len(radii)))
    joined = ((owner[a], owner[b]) for a, b in graph.edges if owner[a] != owner[b])
    quotient.add_edges_from(sorted({(min(pair), max(pair)) for pair in joined}))
    return _springs(quotient, list(range(len(radii))), radii)


# --- springs


def _springs(graph: nx.Graph[int], nodes: list[int], radii: Floats) -> Floats:
    """Fruchterman and Reingold's springs between discs, from a start that knows the distances."""
    index = {node: place for place, node in enumerate(nodes)}
    pairs = np.array([(index[a], index[b]) for a, b in graph.edges], dtype=np.intp).reshape(-1, 2)
    pairs = pairs[np.lexsort(np.sort(pairs, axis=1).T)]
    neighbours = _neighbours(pairs, len(nodes))
    room = radii + _GAP / 2
    ideal = room[pairs[:, 0]] + room[pairs[:, 1]]
    centres = _start(neighbours) * 2 * float(room.mean()) * math.sqrt(len(nodes))
    heat = float(room.mean()) * math.sqrt(len(nodes)) / 2
    rounds = _ROUNDS if len(nodes) <= _SPRING_LIMIT else _FEWER_ROUNDS
    for turn in range(rounds):
        move = _repulsion(centres, room) + _attraction(centres, pairs, ideal)
        move -= _GRAVITY * (centres - centres.mean(axis=0))
        length = np.maximum(np.hypot(move[:, 0], move[:, 1]), 1e-9)
        limit = heat * (1 - turn / rounds) + 1e-6
        centres = centres + move * (np.minimum(length, limit) / length)[:, None]
    return _pushed_apart(centres, radii)


def _neighbours(pairs: NDArray[np.intp], size: int) -> list[list[int]]:
    neighbours: list[list[int]] = [[] for _ in range(size)]
    for a, b in pairs.tolist():
        neighbours[a].append(b)
        neighbours[b].append(a)
    return neighbours


def _repulsion(centres: Floats, room: Floats) -> Floats:
    """Every disc pushes every other away, large ones from farther."""
    across, up = np.ascontiguousarray(centres.T)
    total = np.empty_like(centres)
    for start in range(0, len(room), _ROWS):
        some = slice(start, start + _ROWS)
        x, y = across[some, None] - across, up[some, None] - up
        push = room / np.maximum(x * x + y * y, 1.0)
        total[some] = np.column_stack(((x * push).sum(axis=1), (y * push).sum(axis=1)))
    return total * (_PUSH * room)[:, None]


def _attraction(centres: Floats, pairs: NDArray[np.intp], ideal: Floats) -> Floats:
    """Linked discs pull each other, the farther the stronger."""
    step = centres[pairs[:, 1]] - centres[pairs[:, 0]]
    pull = step * (np.hypot(step[:, 0], step[:, 1]) / ideal)[:, None]
    total = np.zeros_like(centres)
    for axis in (0, 1):
        total[:, axis] = np.bincount(pairs[:, 0], pull[:, axis], len(centres))
        total[:, axis] -= np.bincount(pairs[:, 1], pull[:, axis], len(centres))
    return total


def _start(neighbours: list[list[int]]) -> Floats:
    """A first picture from graph distances to a few pivots, about one unit wide.

    Far better than random points: springs only have to refine it. (Brandes and Pich, 2006,
    "Eigensolver Methods for Progressive Multidimensional Scaling of Large Data".)
    """
    distances = _pivot_distances(neighbours)
    centred = distances**2
    centred = centred - centred.mean(axis=0) - centred.mean(axis=1)[:, None] + centred.mean()
    _, vectors = np.linalg.eigh(centred.T @ centred)
    picture = centred @ vectors[:, ::-1][:, :2] if vectors.shape[1] > 1 else centred[:, [0, 0]]
    scale = np.maximum(np.abs(picture).max(axis=0), 1e-9)
    noise = np.random.default_rng(_SEED).uniform(-0.05, 0.05, picture.shape)
    # Rounded, so that the last bits of a linear algebra library do not grow into another picture.
    start: Floats = np.round(picture / (2 * scale), 3) + noise
    return start


def _pivot_distances(neighbours: list[list[int]]) -> Floats:
    """Distances of all nodes to pivots, each pivot as far as can be from those before it."""
    size = len(neighbours)
    columns = []
    nearest = np.full(size, np.inf)
    pivot = 0
    for _ in range(min(_PIVOTS, size)):
        columns.append(_distances(neighbours, pivot))
        nearest = np.minimum(nearest, columns[-1])
        pivot = int(np.argmax(nearest))
    return np.column_stack(columns)


def _distances(neighbours: list[list[int]], start: int) -> Floats:
    """Hops from one node to all, breadth first; what cannot be reached is one hop beyond."""
    hops = np.full(len(neighbours), -1.0)
    hops[start] = 0
    front, hop = [start], 0
    while front:
        hop += 1
        front = [n for n in dict.fromkeys(n for m in front for n in neighbours[m]) if hops[n] < 0]
        hops[front] = hop
    hops[hops < 0] = hops.max() + 1
    return hops


# --- no overlaps


def _pushed_apart(centres: Floats, radii: Floats) -> Floats:
    """Overlapping discs push each other away, small ones farther; at last scaled if need be."""
    room = radii + _GAP / 2
    for turn in range(_PUSHES):
        if turn % _LOOK_EVERY == 0:
            pairs = _near(centres, room, margin=_GAP)
        push = _push(centres, room, pairs)
        if turn % _LOOK_EVERY == 0 and not push.any():
            return centres
        centres = centres + push
    return centres * _needed_scale(centres, radii)


def _near(centres: Floats, room: Floats, *, margin: float) -> NDArray[np.intp]:
    """Pairs of discs that overlap or nearly do, the first of a pair before the second, sorted."""
    everyone = np.arange(len(room))
    if len(room) <= _SLICE:
        return _touching(centres, room, everyone, margin)
    # A grid as coarse as the few large discs would hold all others in one cell.
    large = room > 4 * np.median(room)
    found = [_touching(centres, room, np.flatnonzero(large), margin)]
    small = np.flatnonzero(~large)
    reach = 2 * float(room[small].max()) + margin
    for pairs in _in_grid(centres[small], reach):
        one, two = small[pairs[:, 0]], small[pairs[:, 1]]
        apart = np.hypot(*(centres[one] - centres[two]).T)
        found.append(np.column_stack((one, two))[apart < room[one] + room[two] + margin])
    pairs = np.sort(np.concatenate(found), axis=1)
    # One number a pair: to sort rows takes ten times as long.
    return np.column_stack(np.divmod(np.unique(pairs[:, 0] * len(room) + pairs[:, 1]), len(room)))


def _touching(
    centres: Floats, room: Floats, some: NDArray[np.intp], margin: float
) -> NDArray[np.intp]:
    """The pairs of which one at least is among ``some``, each with each."""
    x, y = (centres[some, axis][:, None] - centres[:, axis] for axis in (0, 1))
    near = np.argwhere(x * x + y * y < (room[some, None] + room + margin) ** 2)
    near[:, 0] = some[near[:, 0]]
    once = near[:, 0] < near[:, 1] if len(some) == len(room) else near[:, 0] != near[:, 1]
    return np.asarray(near[once], dtype=np.intp)


def _in_grid(centres: Floats, reach: float) -> Iterable[NDArray[np.intp]]:
    """All pairs no farther apart than ``reach``, and some farther ones, in blocks."""
    cell = np.floor((centres - centres.min(axis=0)) / reach).astype(np.int64)
    rows = int(cell[:, 1].max()) + 3  # so that no cell has its neighbour in the next column
    key = cell[:, 0] * rows + cell[:, 1]
    order = np.argsort(key, kind="stable")
    key = key[order]
    for ahead in (0, 1, rows - 1, rows, rows + 1):
        first = np.searchsorted(key, key + ahead, "left")
        count = np.searchsorted(key, key + ahead, "right") - first
        total = np.cumsum(count)
        start = 0
        while start < len(key):
            before = total[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(total, before + _BLOCK, "right")))
            counts = count[start:stop]
            one = np.repeat(np.arange(start, stop), counts)
            within = np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
            two = np.repeat(first[start:stop], counts) + within
            apart = one != two
            yield np.column_stack((order[one[apart]], order[two[apart]]))
            start = stop


def _push(centres: Floats, room: Floats, pairs: NDArray[np.intp]) -> Floats:
    """How far each disc has to give way; the smaller of two gives way more."""
    one, two = pairs[:, 0], pairs[:, 1]
    step = centres[one] - centres[two]
    apart = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-6)
    lack = np.maximum(room[one] + room[two] - apart, 0.0)
    share = room[two] ** 2 / (room[one] ** 2 + room[two] ** 2)
    push = np.zeros_like(centres)
    for axis in (0, 1):
        way = step[:, axis] / apart * lack
        push[:, axis] = np.bincount(one, way * share, len(room))
        push[:, axis] -= np.bincount(two, way * (1 - share), len(room))
    return push


def _needed_scale(centres: Floats, radii: Floats) -> float:
    """By how much a picture must grow so that no two discs touch."""
    pairs = _near(centres, radii, margin=1.0)
    step = centres[pairs[:, 0]] - centres[pairs[:, 1]]
    apart = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-3)
    needed = radii[pairs[:, 0]] + radii[pairs[:, 1]] + 1.0
    return float(np.max(needed / apart, initial=1.0))

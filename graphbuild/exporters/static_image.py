"""Draw the graph as a static image with matplotlib, for code hosts, papers and mail.

With the same matplotlib and fonts, equal graphs give equal images.
"""

from __future__ import annotations

import math
from collections import Counter
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from graphbuild._util import format_count, install_command
from graphbuild.errors import MissingLibraryError
from graphbuild.exporters.sanitize import label_text
from graphbuild.graph.clusters import cluster_names, has_clusters
from graphbuild.graph.layout import compute_layout
from graphbuild.graph.style import (
    check_positions,
    cluster_color,
    node_color,
    node_fill,
    node_shape,
    size_scale,
)
from graphbuild.models import COLLECTION, FILE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

    from graphbuild.graph.builder import Graph
    from graphbuild.graph.style import Positions

Floats: TypeAlias = NDArray[np.float64]

_TYPE_ORDER = (FILE, REFERENCE, COLLECTION)  # other types follow; later types are drawn on top
_MARKERS = {"dot": "o", "square": "s", "diamond": "D", "triangle": "^"}
# Width of a marker divided by its size in matplotlib; 1 for other markers. A diamond is a square
# turned by 45°.
_EXTENT = {"D": math.sqrt(2.0)}
_BACKGROUND, _TEXT, _EDGE, _COLLECTION_EDGE = "#ffffff", "#1c2430", "#6f7f93", "#cc3311"
_POINTS_PER_INCH, _DPI = 72.0, 144.0
_MARGIN = 60.0  # around the graph, in units of the layout
_LEGEND_HEIGHT, _LEGEND_ROW = 0.4, 0.25  # inches; the row of clusters is additional
_MAX_CLUSTERS_IN_LEGEND = 6
_MAX_CLUSTER_NAME = 16  # characters
_MAX_SCALE = 0.5  # points per unit of the layout; limits the size of nodes in small graphs
_MIN_ASPECT, _MAX_ASPECT = 0.25, 1.0  # height divided by width
_MIN_SIZE = 2.5  # points, minimum diameter of a node
_MIN_COLLECTION_SIZE = 8.0  # points, minimum diameter of a collection
_MAX_LABEL = 32  # characters
_MAX_ID = 16  # characters, if the label is the id of a collection without a name
_LABEL_GAP = 1.5  # points between a node and its label
# Directions from a node in which its label may be placed, in order of preference.
_DIRECTIONS = (
    *((0, -1), (0, 1), (1, 0), (-1, 0)),
    *((0.8, -0.8), (-0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)),
)
_OUTSIDE_COST = 20.0  # cost per area of a label outside the image; per covered area, the cost is 1
_BORDER = 4.0  # points; a label closer to the border of the image counts as outside
_MISSING_GLYPH = "\N{WHITE SQUARE}"


def draw(
    graph: Graph, *, positions: Positions | None = None, width: float = 9.5, max_labels: int = 40
) -> Figure:
    """Return a static image of ``graph``, which a notebook displays without JavaScript.

    Only collections are labeled, those with the most edges first. The shape of a node shows its
    type. The color shows its cluster or, in a graph without clusters, its type.

    Args:
        graph: A graph as :func:`graphbuild.graph.builder.build_graph` returns it, or a view of one.
        positions: Position of each node, y upwards. If None or empty, the layout is computed.
        width: Width of the image in inches.
        max_labels: Maximum number of labels. The legend shows how many collections have no label.

    Raises:
        ExportError: ``positions`` has no finite position for a node.
        MissingLibraryError: Matplotlib, which the extra ``notebook`` installs, is missing.
    """
    positions = check_positions(graph, positions) or compute_layout(graph)
    figure, axes, scale = _new_axes(graph, positions, width)
    _draw_edges(axes, graph, positions)
    radii = _radii(graph, scale)
    _draw_nodes(axes, graph, positions, radii)
    unlabeled = _draw_labels(axes, graph, positions, radii, max_labels)
    _draw_legend(figure, graph, unlabeled)
    return figure


def _new_axes(graph: Graph, positions: Positions, width: float) -> tuple[Figure, Axes, float]:
    """Return an empty figure for the layout, its axes, and the scale in points per layout unit."""
    points = np.array([positions[node] for node in graph] or [(0.0, 0.0)])
    low, high = points.min(axis=0) - _MARGIN, points.max(axis=0) + _MARGIN
    layout_width, layout_height = (high - low).tolist()
    unit = max(layout_width / width, _POINTS_PER_INCH / _MAX_SCALE)  # layout units per inch
    height = min(max(layout_height / unit, _MIN_ASPECT * width), _MAX_ASPECT * width)
    legend_height = _LEGEND_HEIGHT + (_LEGEND_ROW if has_clusters(graph) else 0.0)
    figure = _new_figure(width, height + legend_height, describe(graph))
    legend_share = legend_height / (height + legend_height)
    axes = figure.add_axes((0.0, legend_share, 1.0, 1.0 - legend_share))
    axes.set_axis_off()
    unit = max(unit, layout_height / height)  # the layout must fit in width and in height
    center, half_size = (low + high) / 2, unit * np.array((width, height)) / 2
    (left, bottom), (right, top) = center - half_size, center + half_size
    axes.set(xlim=(left, right), ylim=(bottom, top))
    return figure, axes, _POINTS_PER_INCH / unit


def _new_figure(width: float, height: float, summary: str) -> Figure:
    """Return a figure that IPython displays as PNG, without pyplot, which has global state."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  an extra
        from matplotlib.figure import Figure  # noqa: PLC0415  the same
    except ImportError as error:
        raise MissingLibraryError(
            f"a static image needs matplotlib; run: {install_command('notebook')}"
        ) from error

    class PngFigure(Figure):
        """A figure with a PNG representation."""

        def __repr__(self) -> str:
            return summary

        def _repr_png_(self) -> bytes:
            stream = BytesIO()
            self.savefig(stream, format="png", metadata={"Software": None})
            return stream.getvalue()

    figure = PngFigure(figsize=(width, height), dpi=_DPI, facecolor=_BACKGROUND)
    FigureCanvasAgg(figure)
    return figure


def _draw_edges(axes: Axes, graph: Graph, positions: Positions) -> None:
    """Draw the edges as thin lines; the more edges, the more transparent are the lines."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415  an extra

    opacity = min(0.5, max(0.03, 7.5 / math.sqrt(graph.number_of_edges() + 1)))
    lines: dict[str, list[Any]] = {_EDGE: [], _COLLECTION_EDGE: []}
    for source, target in graph.edges:
        to_collection = graph.nodes[target]["type"] == COLLECTION
        color = _COLLECTION_EDGE if to_collection else _EDGE
        lines[color].append([positions[source], positions[target]])
    for color, segments in lines.items():
        axes.add_collection(
            LineCollection(segments, colors=color, linewidths=0.6, alpha=opacity, zorder=1)
        )


def _draw_nodes(axes: Axes, graph: Graph, positions: Positions, radii: Mapping[str, float]) -> None:
    """Draw the nodes in one layer per type, in the order of the legend."""
    by_cluster = has_clusters(graph)
    for layer, node_type in enumerate(_type_counts(graph)):
        marker = _MARKERS[node_shape(node_type)]
        nodes = [node for node in graph if graph.nodes[node]["type"] == node_type]
        x, y = zip(*(positions[node] for node in nodes), strict=True)
        axes.scatter(
            x,
            y,
            s=[(2 * radii[node] / _EXTENT.get(marker, 1.0)) ** 2 for node in nodes],
            c=[node_fill(graph.nodes[node], by_cluster=by_cluster) for node in nodes],
            marker=marker,
            edgecolors=_BACKGROUND,
            linewidths=0.4,
            zorder=2 + layer,
        )


def _radii(graph: Graph, scale: float) -> dict[str, float]:
    """Return the radius of each node in points, which is at least the minimum of its type.

    ``scale`` is in points per layout unit.
    """
    radius = size_scale(graph)
    radii = {}
    for node, degree in graph.degree():
        is_collection = graph.nodes[node]["type"] == COLLECTION
        smallest = (_MIN_COLLECTION_SIZE if is_collection else _MIN_SIZE) / 2
        radii[node] = max(radius(degree) * scale, smallest)
    return radii


def _draw_legend(figure: Figure, graph: Graph, unlabeled: int) -> None:
    """Draw the legend below the graph, and the number of collections without a label.

    The legend contains the types and, if the graph has clusters, the largest clusters.
    """
    by_cluster = has_clusters(graph)
    types = [
        (
            _MARKERS[node_shape(node_type)],
            _TEXT if by_cluster else node_color(node_type),
            format_count(count, label_text(node_type)),
        )
        for node_type, count in _type_counts(graph).items()
    ]
    names = list(cluster_names(graph).items())[:_MAX_CLUSTERS_IN_LEGEND]
    clusters = [
        ("o", cluster_color(number), f"{number} {_shorten(label_text(name), _MAX_CLUSTER_NAME)}")
        for number, name in names
    ]
    row = _LEGEND_ROW / figure.get_size_inches()[1]
    _draw_legend_row(figure, types, row if clusters else 0.0)
    _draw_legend_row(figure, clusters, 0.0)
    if unlabeled:
        note = f"{format_count(unlabeled, 'more collection')} without a label"
        figure.text(0.995, 0.01, note, ha="right", va="bottom", fontsize=7.5, color=_TEXT)


def _draw_legend_row(figure: Figure, entries: list[tuple[str, str, str]], bottom: float) -> None:
    """Draw a row of the legend; an entry has a marker, a color and a text."""
    from matplotlib.lines import Line2D  # noqa: PLC0415  an extra

    if not entries:
        return
    handles = [
        Line2D([], [], ls="none", marker=marker, color=color, label=_replace_missing_glyphs(text))
        for marker, color, text in entries
    ]
    legend = figure.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, bottom),
        ncols=len(handles),
        frameon=False,
        labelcolor=_TEXT,
        fontsize=9.5,
        handletextpad=0.2,
    )
    for entry in legend.get_texts():
        entry.set_parse_math(False)


# --- labels --------------------------------------------------------------------------------------


def _draw_labels(
    axes: Axes, graph: Graph, positions: Positions, radii: Mapping[str, float], max_labels: int
) -> int:
    """Label the collections with the most edges; return the number of unlabeled collections.

    Each label is placed in the direction with the lowest cost: the area of nodes and labels that
    the label covers, plus a penalty for the area of the label outside the image.
    """
    # All boxes are arrays of left, bottom, right and top, in points.
    collections = [node for node in graph if graph.nodes[node]["type"] == COLLECTION]
    collections.sort(key=lambda node: (-graph.degree[node], node))
    scale = _POINTS_PER_INCH / axes.figure.dpi
    centers = axes.transData.transform([positions[node] for node in radii]) * scale
    center_of = dict(zip(radii, centers, strict=True))
    sizes = np.array(list(radii.values()))[:, None]
    occupied = np.hstack((centers - sizes, centers + sizes))
    inside = np.array(axes.bbox.extents) * scale + _BORDER * np.array((1, 1, -1, -1))
    for node in collections[:max_labels]:
        label = _annotate(axes, _label(graph.nodes[node]), positions[node])
        half_size = np.array(label.get_window_extent().size) * scale / 2
        offsets = np.array(_DIRECTIONS) * (radii[node] + _LABEL_GAP + half_size)
        middles = center_of[node] + offsets
        boxes = np.hstack((middles - half_size, middles + half_size))
        outside = 4 * half_size.prod() - _overlaps(boxes, inside)
        covered = [_overlaps(occupied, box).sum() for box in boxes]
        # The costs are rounded, so that rounding errors do not decide between equal costs.
        best = int(np.argmin(np.round(_OUTSIDE_COST * outside + covered, 3)))
        occupied = np.vstack((occupied, boxes[best]))
        label.set_position(offsets[best])
    return max(0, len(collections) - max_labels)


def _overlaps(boxes: Floats, box: Floats) -> Floats:
    """Return the area of the intersection of each of ``boxes`` with ``box``."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    return np.asarray(np.maximum(sides, 0.0).prod(axis=1))


def _annotate(axes: Axes, text: str, point: tuple[float, float]) -> Annotation:
    from matplotlib.patheffects import withStroke  # noqa: PLC0415  an extra

    return axes.annotate(
        text,
        point,
        (0.0, 0.0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=8.5,
        fontweight="bold",
        color=_TEXT,
        path_effects=[withStroke(linewidth=2.6, foreground=_BACKGROUND, alpha=0.9)],
        parse_math=False,  # a dollar sign in a name does not start a formula
        zorder=9,
    )


def _label(attributes: Mapping[str, object]) -> str:
    """Return the label of a collection, truncated to 32 characters, or to 16 if it is an id."""
    label = str(attributes["label"])
    text, limit = label_text(label), _MAX_ID if label == attributes["id"] else _MAX_LABEL
    return _replace_missing_glyphs(_shorten(text, limit))


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _replace_missing_glyphs(text: str) -> str:
    """Return ``text`` with a white square for each character that no configured font contains."""
    from matplotlib import rcParams  # noqa: PLC0415  an extra
    from matplotlib.font_manager import FontProperties, findfont, get_font  # noqa: PLC0415  the same

    fonts = [get_font(findfont(FontProperties(family=[name]))) for name in rcParams["font.family"]]
    known = {char for char in text if any(font.get_char_index(ord(char)) for font in fonts)}
    return "".join(char if char in known else _MISSING_GLYPH for char in text)


# --- summary -------------------------------------------------------------------------------------


def describe(graph: Graph) -> str:
    """Return a summary such as "graph of 67 files, 410 references, 16 collections"."""
    parts = [
        format_count(count, label_text(node_type))
        for node_type, count in _type_counts(graph).items()
    ]
    return f"graph of {', '.join(parts) or 'nothing'}"


def _type_counts(graph: Graph) -> dict[str, int]:
    """Return the number of nodes per type: files, references, collections, then other types."""
    counts = Counter(str(node_type) for _, node_type in graph.nodes(data="type"))
    first = [node_type for node_type in _TYPE_ORDER if node_type in counts]
    return {node_type: counts[node_type] for node_type in first + sorted(counts.keys() - first)}

"""A still picture of a graph, for where no browser is: code hosts, papers, mail.

Strangers' text is never read as a formula, and the same graph gives the same picture.
"""

from __future__ import annotations

import math
from collections import Counter
from io import BytesIO
from typing import TYPE_CHECKING, Any

from graphbuild.exporters.sanitize import label_text
from graphbuild.exporters.style import colour_of, shape_of
from graphbuild.graph.style import sizing
from graphbuild.models import COLLECTION, FILE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

    Graph = nx.DiGraph[str]
    Point = tuple[float, float]
    Positions = Mapping[str, Point]
    Box = tuple[float, float, float, float]  # left, bottom, right, top

_TYPE_ORDER = (FILE, REFERENCE, COLLECTION)  # what lies on top is drawn last
_INSTALL = "a still picture needs matplotlib; install it: pip install 'graphbuild[notebook]'"
_MARKERS = {"dot": "o", "square": "s", "diamond": "D", "triangle": "^"}
# A marker of the same area setting reaches differently far; a diamond is a square on its corner.
_REACH = {"D": math.sqrt(2.0)}
_PAPER, _INK, _FIRST_LINK, _SECOND_LINK = "#ffffff", "#1c2430", "#6f7f93", "#cc3311"
_POINTS, _DPI = 72.0, 144.0  # to an inch
_MARGIN = 60.0  # around the picture, in units of the layout
_LEGEND = 0.4  # inches below the picture
_LARGEST_SCALE = 0.5  # points to a unit, so that a few nodes do not fill the paper
_FLATTEST, _STEEPEST = 0.25, 1.0  # height of the picture to its width
_SMALLEST = 2.5  # points across, for any node; collections are few, and what one looks for
_SMALLEST_COLLECTION = 8.0
_LONGEST_NAME = 32  # characters
_LONGEST_ID = 16  # of an id that stands in for a name
_NAME_GAP = 1.5  # points between a node and its name
# Where a name may stand beside its node, the best first.
_SIDES = ((0, -1), (0, 1), (1, 0), (-1, 0), (0.8, -0.8), (-0.8, -0.8), (0.8, 0.8), (-0.8, 0.8))
_OFF_COST = 20.0  # a name off the paper is worse than one on others
_BORDER = 4.0  # points along the edge that stay free of names
_MISSING = "\N{WHITE SQUARE}"  # for a letter the font has not


def picture(
    graph: Graph, *, positions: Positions | None = None, width: float = 9.5, names: int = 40
) -> Figure:
    """A still picture of ``graph``, for notebooks read where no script runs.

    The same graph gives the same picture. Collections bear their names, the largest first.

    Args:
        graph: a graph as :func:`graphbuild.graph.builder.build_graph` makes it, or a view of one.
        positions: a place for each node, y upwards; None lays the graph out.
        width: of the picture, in inches.
        names: how many collections are named at most; how many are not stands below.

    Raises:
        ImportError: matplotlib, in the extra ``notebook``, is not installed.
    """
    places = _placed(graph) if positions is None else positions
    figure, axes, scale = _canvas(graph, places, width)
    _draw_links(axes, graph, places)
    reach = _reaches(graph, scale)
    _draw_nodes(axes, graph, places, reach)
    unnamed = _draw_names(axes, graph, places, reach, most=names)
    _draw_legend(figure, graph, unnamed)
    return figure


def _placed(graph: Graph) -> Positions:
    from graphbuild.graph.layout import place  # noqa: PLC0415  loads numpy

    return place(graph)


def _canvas(graph: Graph, places: Positions, width: float) -> tuple[Figure, Axes, float]:
    """An empty picture as wide as told and as high as needed, and points to a unit of layout."""
    left, bottom, right, top = _bounds([places[node] for node in graph])
    across, upwards = right - left, top - bottom
    unit = max(across / width, _POINTS / _LARGEST_SCALE)
    high = min(max(upwards / unit, _FLATTEST * width), _STEEPEST * width)
    figure = _new_figure(width, high + _LEGEND, told(graph))
    share = _LEGEND / (high + _LEGEND)
    axes = figure.add_axes((0.0, share, 1.0, 1.0 - share))
    axes.set_axis_off()
    unit = max(unit, upwards / high)  # so that neither direction is cut off
    middle, centre = (left + right) / 2, (bottom + top) / 2
    axes.set_xlim(middle - unit * width / 2, middle + unit * width / 2)
    axes.set_ylim(centre - unit * high / 2, centre + unit * high / 2)
    return figure, axes, _POINTS / unit


def _new_figure(width: float, height: float, summary: str) -> Figure:
    """A figure that shows itself as PNG, whether pyplot is there or not."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  an extra
        from matplotlib.figure import Figure  # noqa: PLC0415  the same
    except ImportError as error:
        raise ImportError(_INSTALL) from error

    class Picture(Figure):
        """A figure of no window and no global state."""

        def __repr__(self) -> str:
            return summary

        def _repr_png_(self) -> bytes:
            stream = BytesIO()
            self.savefig(stream, format="png", metadata={"Software": None})
            return stream.getvalue()

    figure = Picture(figsize=(width, height), dpi=_DPI, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    return figure


def _bounds(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """Left, bottom, right and top around ``points``, with a margin."""
    xs, ys = [x for x, _ in points] or [0.0], [y for _, y in points] or [0.0]
    return min(xs) - _MARGIN, min(ys) - _MARGIN, max(xs) + _MARGIN, max(ys) + _MARGIN


def _draw_links(axes: Axes, graph: Graph, places: Positions) -> None:
    """Thin lines, fainter the more there are; towards collections in their colour."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415  an extra

    faint = min(0.5, max(0.03, 7.5 / math.sqrt(graph.number_of_edges() + 1)))
    groups: dict[str, list[Any]] = {_FIRST_LINK: [], _SECOND_LINK: []}
    for source, target in graph.edges:
        second = graph.nodes[target]["type"] == COLLECTION
        line = [places[source], places[target]]
        groups[_SECOND_LINK if second else _FIRST_LINK].append(line)
    for colour, lines in groups.items():
        axes.add_collection(
            LineCollection(lines, colors=colour, linewidths=0.6, alpha=faint, zorder=1)
        )


def _draw_nodes(axes: Axes, graph: Graph, places: Positions, reach: Mapping[str, float]) -> None:
    """One layer a type, collections on top."""
    for layer, kind in enumerate(_counted(graph)):
        marker = _MARKERS[shape_of(kind)]
        nodes = [node for node in graph if graph.nodes[node]["type"] == kind]
        axes.scatter(
            [places[node][0] for node in nodes],
            [places[node][1] for node in nodes],
            s=[(2 * reach[node] / _REACH.get(marker, 1.0)) ** 2 for node in nodes],
            c=colour_of(kind),
            marker=marker,
            edgecolors=_PAPER,
            linewidths=0.4,
            zorder=2 + layer,
        )


def _reaches(graph: Graph, scale: float) -> dict[str, float]:
    """How far each node reaches from its middle, in points: as on the page, if that can be seen."""
    size_of = sizing(graph)
    return {
        node: max(size_of(degree) * scale, _smallest(str(graph.nodes[node]["type"])) / 2)
        for node, degree in graph.degree()
    }


def _smallest(kind: str) -> float:
    return _SMALLEST_COLLECTION if kind == COLLECTION else _SMALLEST


def _draw_legend(figure: Figure, graph: Graph, unnamed: int) -> None:
    """One entry a type, below the picture, and what is not told."""
    from matplotlib.lines import Line2D  # noqa: PLC0415  an extra

    entries = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=_MARKERS[shape_of(kind)],
            color=colour_of(kind),
            label=_drawable(_number_of(kind, count)),
        )
        for kind, count in _counted(graph).items()
    ]
    legend = figure.legend(
        handles=entries,
        loc="lower center",
        ncols=len(entries) or 1,
        frameon=False,
        labelcolor=_INK,
        fontsize=9.5,
        handletextpad=0.2,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    if unnamed:
        said = f"{_number_of('more collection', unnamed)} without a name here"
        figure.text(0.995, 0.01, said, ha="right", va="bottom", fontsize=7.5, color=_INK)


# --- names beside their nodes


def _draw_names(
    axes: Axes, graph: Graph, places: Positions, reach: Mapping[str, float], *, most: int
) -> int:
    """Name the largest collections, each where it covers least; how many were left out."""
    collections = [node for node in graph if graph.nodes[node]["type"] == COLLECTION]
    collections.sort(key=lambda node: (-graph.degree[node], node))
    paper = _Paper(axes, places, reach)
    for node in collections[:most]:
        paper.write(_name(graph.nodes[node]), node)
    return max(0, len(collections) - most)


class _Paper:
    """The picture as far as it is taken, by nodes and by names; all in points."""

    def __init__(self, axes: Axes, places: Positions, reach: Mapping[str, float]) -> None:
        self._axes, self._places, self._reach = axes, places, reach
        self._scale = _POINTS / axes.figure.dpi
        spots = axes.transData.transform([places[node] for node in reach]) * self._scale
        self._spots: dict[str, Point] = dict(zip(reach, spots.tolist(), strict=True))
        self._taken = [_box(self._spots[node], far, far) for node, far in reach.items()]
        left, bottom, right, top = (side * self._scale for side in axes.bbox.extents)
        self._inside = (left + _BORDER, bottom + _BORDER, right - _BORDER, top - _BORDER)

    def write(self, text: str, node: str) -> None:
        """Write a name beside its node, where it covers least."""
        name = _written(self._axes, text, self._places[node])
        extent = name.get_window_extent()
        wide, high = extent.width * self._scale / 2, extent.height * self._scale / 2
        far = self._reach[node] + _NAME_GAP
        shifts = [(x * (far + wide), y * (far + high)) for x, y in _SIDES]
        middle_x, middle_y = self._spots[node]
        boxes = [_box((middle_x + x, middle_y + y), wide, high) for x, y in shifts]
        around = _box((middle_x, middle_y), far + 2 * wide, far + 2 * high)
        near = [other for other in self._taken if _shared(around, other)]
        best = min(range(len(boxes)), key=lambda side: self._cost(boxes[side], near))
        self._taken.append(boxes[best])
        name.set_position(shifts[best])

    def _cost(self, box: Box, near: Iterable[Box]) -> float:
        """How much of a box lies on others or off the paper."""
        off = _shared(box, box) - _shared(box, self._inside)
        # Rounded, so that of places as good as each other the first is taken everywhere.
        return round(_OFF_COST * off + sum(_shared(box, other) for other in near), 3)


def _box(middle: Point, wide: float, high: float) -> Box:
    x, y = middle
    return x - wide, y - high, x + wide, y + high


def _shared(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def _written(axes: Axes, text: str, spot: Point) -> Annotation:
    from matplotlib.patheffects import withStroke  # noqa: PLC0415  an extra

    return axes.annotate(
        text,
        spot,
        (0.0, 0.0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=8.5,
        fontweight="bold",
        color=_INK,
        path_effects=[withStroke(linewidth=2.6, foreground=_PAPER, alpha=0.9)],
        parse_math=False,  # a stranger's dollar signs are no formula
        zorder=9,
    )


def _name(known: Mapping[str, object]) -> str:
    """What a collection is called, cut to fit; its id, where it has no name, still shorter."""
    label = str(known["label"])
    text, most = label_text(label), _LONGEST_ID if label == known["id"] else _LONGEST_NAME
    return _drawable(text if len(text) <= most else text[: most - 1].rstrip() + "…")


def _drawable(text: str) -> str:
    """``text`` with a box for each letter that none of matplotlib's chosen fonts has."""
    from matplotlib import rcParams  # noqa: PLC0415  an extra
    from matplotlib.font_manager import FontProperties, findfont, get_font  # noqa: PLC0415  the same

    fonts = [get_font(findfont(FontProperties(family=[name]))) for name in rcParams["font.family"]]
    known = {letter for letter in text if any(font.get_char_index(ord(letter)) for font in fonts)}
    return "".join(letter if letter in known else _MISSING for letter in text)


# --- the graph in words


def told(graph: Graph) -> str:
    """The graph in a few words: "graph of 67 files, 410 references, 16 collections"."""
    parts = [_number_of(kind, count) for kind, count in _counted(graph).items()]
    return f"graph of {', '.join(parts) or 'nothing'}"


def _counted(graph: Graph) -> dict[str, int]:
    """Nodes of each type: files, references, collections, then what else there is, by name."""
    counts = Counter(str(kind) for _, kind in graph.nodes(data="type"))
    known = [kind for kind in _TYPE_ORDER if kind in counts]
    return {kind: counts[kind] for kind in known + sorted(set(counts) - set(known))}


def _number_of(kind: str, count: int) -> str:
    return f"{count:,} {label_text(kind)}{'' if count == 1 else 's'}"

"""Graphs in a notebook: the interactive page, and a still picture where no browser is.

``show`` puts the very page that ``export`` writes into the notebook, in a frame of its own: no
side files, no network, and the frame can neither reach the notebook nor leave the page. It shows
itself to IPython through the methods IPython asks for, so nothing of it is imported here.
"""

from __future__ import annotations

import math
from collections import Counter
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from graphbuild.entities import COLLECTION, FILE, REFERENCE
from graphbuild.exporters.looks import colour_of, shape_of, sizes
from graphbuild.exporters.plain import label_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

    Graph = nx.DiGraph[str]
    Point = tuple[float, float]
    Positions = Mapping[str, Point]
    Box = tuple[float, float, float, float]  # left, bottom, right, top

_TYPE_ORDER = (FILE, REFERENCE, COLLECTION)  # what lies on top is drawn last
# Scripts run, and a picture can be saved; everything else a frame could do is switched off.
_SANDBOX = "allow-scripts allow-downloads"


def show(graph: Graph, *, positions: Positions | None = None, height: int = 600) -> Shown:
    """The interactive page, to stand as the last line of a notebook cell.

    A notebook saved with it grows by the size of the page, about a megabyte and the data.

    Args:
        graph: a graph as :func:`graphbuild.graph.build_graph` makes it, or a view of one.
        positions: a place for each node, y upwards; None lays the graph out.
        height: of the frame, in pixels; it is as wide as the notebook.
    """
    from graphbuild.exporters.html import write_html  # noqa: PLC0415  loads a template engine

    stream = BytesIO()
    write_html(graph, stream, positions=positions)
    return Shown(stream.getvalue().decode("utf-8"), told(graph), height)


class Shown:
    """A page in a frame, where the notebook shows HTML; a sentence, where it shows text.

    Attributes:
        page: the whole page.
        summary: what is on it, in words.
        height: of the frame, in pixels.
    """

    __slots__ = ("height", "page", "summary")

    def __init__(self, page: str, summary: str, height: int) -> None:
        self.page = page
        self.summary = summary
        self.height = height

    def __repr__(self) -> str:
        return f"{self.summary}; open it in Jupyter"

    def _repr_html_(self) -> str:
        """The frame, with the page inside its ``srcdoc``: no file, no address."""
        return (
            f'<iframe title="{escape(self.summary)}" sandbox="{_SANDBOX}" allow="clipboard-write"'
            f' style="width: 100%; height: {self.height:d}px; border: 1px solid #d5dae1"'
            f' srcdoc="{escape(self.page)}"></iframe>'
        )


def told(graph: Graph) -> str:
    """The graph in a few words: "graph of 67 files, 410 references, 16 collections"."""
    counts = Counter(str(kind) for _, kind in graph.nodes(data="type"))
    parts = [f"{count:,} {_plural(kind, count)}" for kind, count in _ordered(counts)]
    return f"graph of {', '.join(parts) or 'nothing'}"


def _ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Files, references, collections, then what else there is, by name."""
    known = [kind for kind in _TYPE_ORDER if kind in counts]
    return [(kind, counts[kind]) for kind in known + sorted(set(counts) - set(known))]


def _plural(word: str, count: int) -> str:
    return label_text(word) + ("" if count == 1 else "s")


# --- the still picture ---------------------------------------------------------------------------

_INSTALL = "a still picture needs matplotlib; install it: pip install 'graphbuild[notebook]'"
_MARKERS = {"dot": "o", "square": "s", "diamond": "D", "triangle": "^"}
# A marker of the same area setting reaches differently far; a diamond is a square on its corner.
_REACH = {"D": math.sqrt(2.0)}
_PAPER, _INK, _FIRST_LINK, _SECOND_LINK = "#ffffff", "#1c2430", "#6f7f93", "#cc3311"
_POINTS = 72.0  # an inch
_MARGIN = 60.0  # around the picture, in units of the layout
_LEGEND = 0.4  # inches below the picture
_FLATTEST, _STEEPEST = 0.35, 1.0  # height of the picture to its width
_SMALLEST_MARKER = 2.0  # points
_LONGEST_NAME = 32  # characters
_NAME_SIZE = 8.5  # points
_NAME_GAP = 2.0  # pixels between a node and its name
_MISSING = "\N{WHITE SQUARE}"  # for a letter the font has not


def picture(
    graph: Graph, *, positions: Positions | None = None, width: float = 11.0, names: int = 40
) -> Figure:
    """A still picture of ``graph``, for notebooks read where no script runs.

    The same graph gives the same picture. Collections bear their names, the largest first.

    Args:
        graph: a graph as :func:`graphbuild.graph.build_graph` makes it, or a view of one.
        positions: a place for each node, y upwards; None lays the graph out.
        width: of the picture, in inches.
        names: how many collections are named at most; how many are not stands below.

    Raises:
        ImportError: matplotlib, in the extra ``notebook``, is not installed.
    """
    places = _placed(graph) if positions is None else positions
    figure, axes, scale = _canvas(graph, places, width)
    _draw_links(axes, graph, places)
    _draw_nodes(axes, graph, places, scale)
    unnamed = _draw_names(figure, axes, graph, places, scale, names)
    _draw_legend(figure, graph, unnamed)
    return figure


def _placed(graph: Graph) -> Positions:
    from graphbuild.layout import place  # noqa: PLC0415  loads numpy

    return place(graph)


def _canvas(graph: Graph, places: Positions, width: float) -> tuple[Figure, Axes, float]:
    """An empty picture as wide as told and as high as needed, and points to a unit of layout."""
    left, bottom, right, top = _bounds([places[node] for node in graph])
    across, upwards = right - left, top - bottom
    high = width * min(max(upwards / across, _FLATTEST), _STEEPEST)
    figure = _new_figure(width, high + _LEGEND)
    share = _LEGEND / (high + _LEGEND)
    axes = figure.add_axes((0.0, share, 1.0, 1.0 - share))
    axes.set_axis_off()
    unit = max(across / width, upwards / high)  # so that neither direction is cut off
    middle, centre = (left + right) / 2, (bottom + top) / 2
    axes.set_xlim(middle - unit * width / 2, middle + unit * width / 2)
    axes.set_ylim(centre - unit * high / 2, centre + unit * high / 2)
    return figure, axes, _POINTS / unit


def _new_figure(width: float, height: float) -> Figure:
    """A figure that shows itself as PNG, whether pyplot is there or not."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  an extra
        from matplotlib.figure import Figure  # noqa: PLC0415  the same
    except ImportError as error:
        raise ImportError(_INSTALL) from error

    class Picture(Figure):
        """A figure of no window and no global state."""

        def _repr_png_(self) -> bytes:
            stream = BytesIO()
            self.savefig(stream, format="png", metadata={"Software": None})
            return stream.getvalue()

    figure = Picture(figsize=(width, height), dpi=110, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    return figure


def _bounds(points: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    """Left, bottom, right and top around ``points``, with a margin."""
    xs, ys = [x for x, _ in points] or [0.0], [y for _, y in points] or [0.0]
    return min(xs) - _MARGIN, min(ys) - _MARGIN, max(xs) + _MARGIN, max(ys) + _MARGIN


def _draw_links(axes: Axes, graph: Graph, places: Positions) -> None:
    """Thin lines, fainter the more there are; towards collections in their colour."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415  an extra

    faint = min(0.5, max(0.06, 30 / math.sqrt(graph.number_of_edges() + 1) / 4))
    groups: dict[str, list[Any]] = {_FIRST_LINK: [], _SECOND_LINK: []}
    for source, target in graph.edges:
        second = graph.nodes[target]["type"] == COLLECTION
        line = [places[source], places[target]]
        groups[_SECOND_LINK if second else _FIRST_LINK].append(line)
    for colour, lines in groups.items():
        axes.add_collection(
            LineCollection(lines, colors=colour, linewidths=0.6, alpha=faint, zorder=1)
        )


def _draw_nodes(axes: Axes, graph: Graph, places: Positions, scale: float) -> None:
    """Nodes as large as on the page, but never too small to see."""
    size = sizes(graph)
    for layer, kind in enumerate(_kinds(graph)):
        marker = _MARKERS[shape_of(kind)]
        nodes = [node for node in graph if graph.nodes[node]["type"] == kind]
        across = [max(2 * size[node] * scale, _SMALLEST_MARKER) for node in nodes]
        axes.scatter(
            [places[node][0] for node in nodes],
            [places[node][1] for node in nodes],
            s=[(wide / _REACH.get(marker, 1.0)) ** 2 for wide in across],
            c=colour_of(kind),
            marker=marker,
            edgecolors=_PAPER,
            linewidths=0.4,
            zorder=2 + layer,
        )


def _kinds(graph: Graph) -> list[str]:
    return [kind for kind, _ in _ordered(Counter(str(k) for _, k in graph.nodes(data="type")))]


def _draw_legend(figure: Figure, graph: Graph, unnamed: int) -> None:
    """One entry a type, below the picture, and what is not told."""
    from matplotlib.lines import Line2D  # noqa: PLC0415  an extra

    counts = Counter(str(kind) for _, kind in graph.nodes(data="type"))
    entries = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=_MARKERS[shape_of(kind)],
            color=colour_of(kind),
            label=_drawable(f"{count:,} {_plural(kind, count)}"),
        )
        for kind, count in _ordered(counts)
    ]
    figure.legend(
        handles=entries,
        loc="lower center",
        ncols=len(entries) or 1,
        frameon=False,
        labelcolor=_INK,
        fontsize=9.5,
        handletextpad=0.2,
    )
    if unnamed:
        said = f"{unnamed:,} more {_plural('collection', unnamed)} without a name here"
        figure.text(0.995, 0.01, said, ha="right", va="bottom", fontsize=7.5, color=_INK)


# --- names beside their nodes


def _draw_names(
    figure: Figure, axes: Axes, graph: Graph, places: Positions, scale: float, most: int
) -> int:
    """Name the largest collections, each where it covers least; how many were left out."""
    collections = [node for node in graph if graph.nodes[node]["type"] == COLLECTION]
    collections.sort(key=lambda node: (-graph.degree[node], node))
    size = sizes(graph)
    pixels = figure.dpi / _POINTS
    spots = {node: tuple(axes.transData.transform(places[node])) for node in collections}
    reach = {node: size[node] * scale * pixels for node in collections}
    taken = [_box(spots[node], reach[node], reach[node]) for node in collections]
    paper = (0.0, axes.bbox.y0, axes.bbox.x1, axes.bbox.y1)
    for node in collections[:most]:
        name = _write(axes, _drawable(_short(str(graph.nodes[node]["label"]))), places[node])
        wide, high = name.get_window_extent().size
        around = _around(spots[node], reach[node], wide / 2, high / 2)
        boxes = [_box(centre, wide / 2, high / 2) for centre in around]
        best = min(range(len(boxes)), key=lambda i: _covered(boxes[i], taken, paper))
        taken.append(boxes[best])
        (x, y), (home_x, home_y) = around[best], spots[node]
        name.set_position(((x - home_x) / pixels, (y - home_y) / pixels))
    return max(0, len(collections) - most)


def _write(axes: Axes, text: str, place: tuple[float, float]) -> Annotation:
    from matplotlib.patheffects import withStroke  # noqa: PLC0415  an extra

    return axes.annotate(
        text,
        place,
        (0, 0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=_NAME_SIZE,
        fontweight="bold",
        color=_INK,
        path_effects=[withStroke(linewidth=2.6, foreground=_PAPER, alpha=0.9)],
        parse_math=False,  # a stranger's dollar signs are no formula
        zorder=9,
    )


def _around(spot: Point, reach: float, wide: float, high: float) -> list[Point]:
    """Where the middle of a name may stand beside its node, the best place first."""
    x, y = spot
    across, upwards = reach + wide + _NAME_GAP, reach + high + _NAME_GAP
    return [
        (x, y - upwards),
        (x, y + upwards),
        (x + across, y),
        (x - across, y),
        *((x + right * across, y + up * upwards) for up in (-0.8, 0.8) for right in (0.8, -0.8)),
    ]


def _box(centre: Point, wide: float, high: float) -> Box:
    x, y = centre
    return x - wide, y - high, x + wide, y + high


def _covered(box: Box, taken: Iterable[Box], paper: Box) -> float:
    """How much of a box lies on others or beyond the paper."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return area - _shared(box, paper) + sum(_shared(box, other) for other in taken)


def _shared(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)


def _short(text: str) -> str:
    text = label_text(text)
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1].rstrip() + "…"


def _drawable(text: str) -> str:
    """``text`` with a box for each letter that no font of matplotlib's settings has."""
    from matplotlib import rcParams  # noqa: PLC0415  an extra
    from matplotlib.font_manager import FontProperties, findfont, get_font  # noqa: PLC0415  the same

    fonts = [get_font(findfont(FontProperties([name]))) for name in rcParams["font.family"]]
    known = {letter for letter in text if any(font.get_char_index(ord(letter)) for font in fonts)}
    return "".join(letter if letter in known else _MISSING for letter in text)

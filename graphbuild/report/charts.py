"""Draw the figures of a report as SVG: references by month, and a map of the clusters.

The SVG has colors for a white background; the style sheet of the HTML page replaces them by CSS
classes. Untrusted text is escaped. The same campaign gives the same SVG.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from html import escape
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from graphbuild._util import escape_unprintable, format_count
from graphbuild.graph.layout import compute_layout
from graphbuild.models import COLLECTION, FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from graphbuild.analysis import Clustering, Incidence

    Point = tuple[float, float]

CLUSTER_COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800")
_OTHER_COLOR = "#8a93a0"
_CHART_WIDTH, _CHART_HEIGHT = 960, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 12, 28
_MIN_LABEL_DISTANCE = 46  # between the labels of years below the chart
_MAX_BARS = 300
_MAX_GRID_LINES = 5
_MAX_COLLECTIONS = 60  # on a map of files
_MAX_FILE_DOTS = 150  # if a map of files had more dots, a map of clusters is drawn
_MAX_CLUSTERS = 40  # on a map of clusters
_TOP_COLLECTIONS = 2  # on a map of clusters: the most distinctive collections of each cluster
_LARGEST_COLLECTIONS = 8  # on a map of clusters, in addition to the distinctive collections
_MIN_SHARE = 0.25  # a cluster is linked to collections that contain this share of its files
_MAX_NAME_LENGTH = 24
_MARGIN = 70
_MIN_RADIUS, _MAX_RADIUS = 4.5, 26.0
_Dot = tuple[int, frozenset[int]]  # cluster number, and collections to which the dot is linked


def month_chart(months: Mapping[str, int]) -> str:
    """Draw a bar chart of references by month, or by year if there are more than 300 months.

    Args:
        months: Number of references by month, such as ``2018-01``; months without references may
            be left out.
    """
    bars = _bars(months)
    highest = max(bars.values(), default=1)
    step = _grid_step(highest)
    bar_width = (_CHART_WIDTH - _LEFT - _RIGHT) / max(1, len(bars))
    height = _CHART_HEIGHT - _TOP - _BOTTOM
    top = max(step, math.ceil(highest / step) * step)
    parts = []
    for value in range(0, top + 1, step):
        y = _TOP + height * (1 - value / top)
        line = f"M{_LEFT} {y:.1f}H{_CHART_WIDTH - _RIGHT}"
        parts.append(f'<path class="rule" d="{line}" stroke="#d5dae1"/>')
        parts.append(_label(_LEFT - 6, y + 4, f"{value:,}", "end"))
    last_label = -math.inf
    for number, (period, count) in enumerate(bars.items()):
        x, bar_height = _LEFT + number * bar_width, height * count / top
        if count:
            parts.append(
                f'<rect class="bar" fill="#0b5cad" x="{x + bar_width * 0.08:.1f}"'
                f' y="{_TOP + height - bar_height:.1f}" width="{bar_width * 0.84:.1f}"'
                f' height="{bar_height:.1f}">'
                f"<title>{period}: {format_count(count, 'reference')}</title></rect>"
            )
        is_month = "-" in period
        starts_year = not is_month or period.endswith("-01") or number == 0
        if starts_year and x - last_label > _MIN_LABEL_DISTANCE:
            text = period[:4] if number else period
            parts.append(_label(x, _CHART_HEIGHT - 8, text, "start"))
            last_label = x + (
                24 if number == 0 and is_month else 0
            )  # this label includes the month
    return _svg(_CHART_WIDTH, _CHART_HEIGHT, "References by month", parts)


def _bars(months: Mapping[str, int]) -> dict[str, int]:
    """Return the number of references for each bar.

    There is a bar for each month from the first to the last. If there would be more than 300 bars,
    there is a bar for each year instead. If there would still be more than 300 bars, only the last
    300 years with references have one.
    """
    if not months:
        return {}
    numbers = {int(month[:4]) * 12 + int(month[5:7]) - 1: n for month, n in months.items()}
    span = range(min(numbers), max(numbers) + 1)
    if len(span) <= _MAX_BARS:
        return {f"{n // 12:04d}-{n % 12 + 1:02d}": numbers.get(n, 0) for n in span}
    years: dict[int, int] = defaultdict(int)
    for number, count in numbers.items():
        years[number // 12] += count
    span = range(min(years), max(years) + 1)
    shown = span if len(span) <= _MAX_BARS else sorted(years)[-_MAX_BARS:]
    return {f"{year:04d}": years.get(year, 0) for year in shown}


def _grid_step(highest: int) -> int:
    """Return the distance between two grid lines: 1, 2 or 5 times a power of ten."""
    power = 1
    while highest > 5 * _MAX_GRID_LINES * power:
        power *= 10
    return next(n * power for n in (1, 2, 5) if highest <= _MAX_GRID_LINES * n * power)


def cluster_map(incidence: Incidence, clustering: Clustering) -> tuple[str, str]:
    """Draw files as dots in the colors of their clusters, linked to their collections.

    Files of one cluster with the same collections are drawn as one dot. If there were more than 150
    dots, each cluster is drawn as one dot.

    Args:
        incidence: The observations.
        clustering: The clusters of the files.

    Returns:
        The SVG, and a caption that also gives the number of omitted files and collections.
    """
    matrix = incidence.file_collections
    by_size = np.argsort(-matrix.sum(axis=0), kind="stable").tolist()
    rows = zip(clustering.labels.tolist(), matrix.indptr[:-1], matrix.indptr[1:], strict=True)
    files = [(cluster, matrix.indices[start:end].tolist()) for cluster, start, end in rows]
    drawn = by_size[:_MAX_COLLECTIONS]
    dots = Counter((cluster, frozenset(held).intersection(drawn)) for cluster, held in files)
    if len(dots) > _MAX_FILE_DOTS:
        return _map_of_clusters(incidence, clustering, files, by_size)
    linked = {dot: count for dot, count in dots.items() if dot[1]}
    text = (
        "Files (dots) and their collections (diamonds). Files of one cluster with the same"
        " collections are one dot, with the color and the number of the cluster; larger dots have"
        " more files."
    )
    if len(drawn) < len(by_size):
        left_out = format_count(len(by_size) - len(drawn), "collection")
        text += f" Left out: {left_out} with fewer files."
    unlinked = sum(dots.values()) - sum(linked.values())
    if unlinked:
        text += f" Left out: {format_count(unlinked, 'file')} without any of these collections."
    return _draw(incidence, linked), text


def _map_of_clusters(
    incidence: Incidence,
    clustering: Clustering,
    files: Sequence[tuple[int, list[int]]],
    by_size: Sequence[int],
) -> tuple[str, str]:
    """Draw one dot per cluster, linked to its most distinctive and to the largest collections.

    Args:
        incidence: The observations.
        clustering: The clusters of the files.
        files: The cluster number and the collections of each file.
        by_size: All collections, sorted by number of files, descending.
    """
    clusters = [cluster for cluster in clustering if len(cluster.files) > 1]
    shown = {cluster.number: len(cluster.files) for cluster in clusters[:_MAX_CLUSTERS]}
    index = {entity: number for number, entity in enumerate(incidence.collections)}
    distinctive = {
        index[each.entity]
        for cluster in clusters[:_MAX_CLUSTERS]
        for each in cluster.top_collections[:_TOP_COLLECTIONS]
    }
    drawn = distinctive.union(by_size[:_LARGEST_COLLECTIONS])
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for number, held in files:
        counts[number].update(drawn.intersection(held))
    dots = {
        (
            number,
            frozenset(n for n, held in counts[number].items() if held >= size * _MIN_SHARE),
        ): size
        for number, size in shown.items()
    }
    text = (
        "Clusters (dots; larger ones have more files) and collections (diamonds) of at least a"
        " quarter of their files: the most distinctive ones of each cluster and the largest ones."
    )
    if len(clusters) > len(shown):
        text += f" Left out: {format_count(len(clusters) - len(shown), 'smaller cluster')}."
    return _draw(incidence, dots), text


def _draw(incidence: Incidence, dots: Mapping[_Dot, int]) -> str:
    """Draw the map.

    Args:
        incidence: The observations.
        dots: The dots, and the number of files of each.
    """
    ordered = sorted(dots, key=lambda dot: (dot[0], sorted(dot[1])))
    collections = sorted({each for _, held in ordered for each in held})
    graph = _map_graph(ordered, collections)
    position = _to_svg_coordinates(compute_layout(graph)) if len(graph) else {}
    width = max((x for x, _ in position.values()), default=0.0) + _MARGIN
    height = max((y for _, y in position.values()), default=0.0) + _MARGIN
    largest = max(dots.values(), default=1)
    parts = [_line(position[source], position[target]) for source, target in graph.edges]
    parts += [
        _dot(position[f"file:{number}"], dot[0], dots[dot], largest)
        for number, dot in enumerate(ordered)
    ]
    for number in collections:
        x, y = position[f"collection:{number}"]
        name = escape_unprintable(incidence.collections[number].label, _MAX_NAME_LENGTH)
        parts += [_diamond(x, y), _label(x, y - 13, name, "middle", ' font-weight="600"')]
    parts += _cluster_numbers(ordered, dots, position)
    return _svg(width, height, "Clusters of files, and their collections", parts)


def _map_graph(dots: Sequence[_Dot], collections: Iterable[int]) -> nx.DiGraph[str]:
    """Return a graph of dots and collections with the attributes that ``compute_layout`` needs."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from((f"file:{n}", {"type": FILE, "label": ""}) for n in range(len(dots)))
    graph.add_nodes_from(
        (f"collection:{n}", {"type": COLLECTION, "label": ""}) for n in collections
    )
    for number, (_, held) in enumerate(dots):
        graph.add_edges_from(
            (f"file:{number}", f"collection:{each}", {"relation": ""}) for each in sorted(held)
        )
    return graph


def cluster_color(number: int) -> str:
    """Return the color of a cluster; all clusters after the first seven have the same color."""
    return CLUSTER_COLORS[number - 1] if number <= len(CLUSTER_COLORS) else _OTHER_COLOR


def _to_svg_coordinates(positions: Mapping[str, Point]) -> dict[str, Point]:
    """Convert positions to SVG coordinates: y increases downwards, and no position is negative."""
    left = min(x for x, _ in positions.values()) - _MARGIN
    top = max(y for _, y in positions.values()) + _MARGIN
    return {key: (x - left, top - y) for key, (x, y) in positions.items()}


def _cluster_numbers(
    dots: Sequence[_Dot], files: Mapping[_Dot, int], position: Mapping[str, Point]
) -> list[str]:
    """Return a label with the number of each cluster, on the largest dot of the cluster."""
    largest: dict[int, int] = {}
    for number, dot in enumerate(dots):
        best = largest.get(dot[0])
        if best is None or files[dot] > files[dots[best]]:
            largest[dot[0]] = number
    labels = []
    for cluster, number in largest.items():
        x, y = position[f"file:{number}"]
        labels.append(_label(x, y + 5, f"{cluster}", "middle", ' font-weight="700"'))
    return labels


def _line(start: Point, end: Point) -> str:
    return (
        f'<path d="M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}" stroke="#8695a8"'
        ' stroke-opacity="0.55"/>'
    )


def _dot(center: Point, cluster: int, files: int, largest: int) -> str:
    radius = max(_MIN_RADIUS, _MAX_RADIUS * math.sqrt(files / largest))
    return (
        f'<circle cx="{center[0]:.1f}" cy="{center[1]:.1f}" r="{radius:.1f}"'
        f' fill="{cluster_color(cluster)}" class="halo" stroke="#ffffff" stroke-width="1.5">'
        f"<title>{format_count(files, 'file')} of cluster {cluster}</title></circle>"
    )


def _diamond(x: float, y: float) -> str:
    return (
        f'<path class="halo" d="M{x:.1f} {y - 8:.1f}l8 8l-8 8l-8 -8z" fill="#cc3311"'
        ' stroke="#ffffff" stroke-width="1.5"/>'
    )


def _label(x: float, y: float, text: str, anchor: str, attributes: str = "") -> str:
    """Return an SVG text with an outline, so that it is readable in front of lines."""
    return (
        f'<text class="ink halo" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#1c2430"'
        ' stroke="#ffffff" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
        f"{attributes}>{escape(text)}</text>"
    )


def _svg(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
        ' role="img" font-family="system-ui, sans-serif" font-size="13">'
        f'<title>{escape(title)}</title><rect class="paper" width="100%" height="100%"'
        f' fill="#ffffff"/>{"".join(parts)}</svg>'
    )

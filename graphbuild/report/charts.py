"""Draw the figures of a report as SVG: a bar chart of references over time, and a cluster map.

Without a style sheet, the colors of the SVG suit a white background. Most elements have CSS
classes, with which the style sheet of ``report.html`` replaces these colors. Untrusted text is
escaped. The same data give the same SVG.
"""

from __future__ import annotations

import math
from collections import Counter
from html import escape
from itertools import count, groupby
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from graphbuild._util import escape_unprintable, format_count
from graphbuild.graph.layout import compute_layout
from graphbuild.graph.style import cluster_color
from graphbuild.models import COLLECTION, FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from graphbuild.analysis import Clustering, DistinctiveFamily, Families

TIMELINE_TITLE = "References by date of publication"
MAP_TITLE = "Clusters of files, and their collections"
# The bar chart, in units of the SVG:
_CHART_WIDTH, _CHART_HEIGHT = 960, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 12, 28  # margins
_MIN_LABEL_DISTANCE = 46  # minimum distance between the left ends of two year labels
_MAX_BARS = 300
_MAX_GRID_LINES = 5  # above the base line
# A map of files:
_MAX_COLLECTIONS = 60  # maximum number of collections; the largest ones are drawn
_MAX_FILE_DOTS = 150  # if the map needs more dots, a map of clusters is drawn instead
# A map of clusters:
_MAX_CLUSTERS = 40  # maximum number of clusters; the largest ones are drawn
_TOP_COLLECTIONS = 2  # number of most distinctive collections per cluster to draw
_LARGEST_COLLECTIONS = 8  # number of largest collections to draw, even if they are not distinctive
_MIN_SHARE = 0.25  # a line means that a collection has at least this share of a cluster's files
# Both maps, with lengths in units of the SVG:
_MAX_NAME_LENGTH = 24  # characters of the name of a collection
_MARGIN = 70
_MIN_RADIUS, _MAX_RADIUS = 4.5, 26.0  # of dots
_Dot = tuple[int, frozenset[int]]  # the number of a cluster, and the indices of linked collections


def month_chart(months: Mapping[str, int]) -> str:
    """Return the SVG of a bar chart of references by month.

    ``months`` maps months, such as ``2018-01``, to numbers of references. If the months need more
    than 300 bars, the chart has a bar per year.
    """
    bars = _bars(months)
    highest = max(bars.values(), default=1)
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(step for step in steps if highest <= _MAX_GRID_LINES * step)
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
    for number, (period, references) in enumerate(bars.items()):
        x, bar_height = _LEFT + number * bar_width, height * references / top
        if references:
            parts.append(
                f'<rect class="bar" fill="#0b5cad" x="{x + bar_width * 0.08:.1f}"'
                f' y="{_TOP + height - bar_height:.1f}" width="{bar_width * 0.84:.1f}"'
                f' height="{bar_height:.1f}">'
                f"<title>{period}: {format_count(references, 'reference')}</title></rect>"
            )
        is_month = "-" in period
        starts_year = not is_month or period.endswith("-01") or number == 0
        if starts_year and x - last_label > _MIN_LABEL_DISTANCE:
            parts.append(_label(x, _CHART_HEIGHT - 8, period[:4] if number else period, "start"))
            # In a chart of months, the first label is longer, because it includes the month.
            last_label = x + (24 if number == 0 and is_month else 0)
    return _svg(_CHART_WIDTH, _CHART_HEIGHT, TIMELINE_TITLE, parts)


def _bars(months: Mapping[str, int]) -> dict[str, int]:
    """Return the number of references per month, or per year if there are more than 300 months.

    The keys are consecutive months (``2018-01``) or years (``2018``). If there are more than 300
    years, the keys are only the last 300 years with references.
    """
    if not months:
        return {}
    numbers = {int(month[:4]) * 12 + int(month[5:7]) - 1: n for month, n in months.items()}
    span = range(min(numbers), max(numbers) + 1)
    if len(span) <= _MAX_BARS:
        return {f"{n // 12:04d}-{n % 12 + 1:02d}": numbers.get(n, 0) for n in span}
    years: Counter[int] = Counter()
    for number, references in numbers.items():
        years[number // 12] += references
    span = range(min(years), max(years) + 1)
    shown = span if len(span) <= _MAX_BARS else sorted(years)[-_MAX_BARS:]
    return {f"{year:04d}": years[year] for year in shown}


def cluster_map(
    families: Families, clustering: Clustering, distinctive: Sequence[Sequence[DistinctiveFamily]]
) -> tuple[str, str]:
    """Return the SVG and the caption of a map of files and their collections.

    Files are dots in the color of their cluster. Collections with the same name are a family, and
    share a diamond. Only the 60 largest families are drawn. Files of one cluster with the same
    drawn families share a dot. If the map needs more than 150 dots, it shows the 40 largest
    clusters instead of files.

    ``distinctive`` contains the most distinctive families of each cluster.
    """
    matrix = families.matrix
    by_size = np.argsort(-matrix.sum(axis=0), kind="stable").tolist()
    drawn = by_size[:_MAX_COLLECTIONS]
    rows = zip(clustering.labels.tolist(), matrix.indptr[:-1], matrix.indptr[1:], strict=True)
    dots = Counter(
        (cluster, frozenset(matrix.indices[start:end].tolist()).intersection(drawn))
        for cluster, start, end in rows
    )
    if len(dots) > _MAX_FILE_DOTS:
        return _map_of_clusters(families, clustering, distinctive, by_size)
    linked = {dot: files for dot, files in dots.items() if dot[1]}
    text = (
        "Files (dots) and their collections (diamonds). Files of one cluster with the same"
        " collections share a dot; larger dots have more files. Numbers identify the clusters."
    )
    if len(drawn) < len(by_size):
        omitted = format_count(len(by_size) - len(drawn), "smaller collection")
        text += f" The map omits {omitted}."
    unlinked = dots.total() - sum(linked.values())
    if unlinked:
        text += f" The map omits {format_count(unlinked, 'file')} without any of these collections."
    return _draw(families, linked), text


def _map_of_clusters(
    families: Families,
    clustering: Clustering,
    distinctive: Sequence[Sequence[DistinctiveFamily]],
    by_size: Sequence[int],
) -> tuple[str, str]:
    """Return the SVG and the caption of a map with a dot for each of the 40 largest clusters.

    Clusters of one file are omitted. ``by_size`` contains the indices of all families, sorted by
    descending number of files.
    """
    clusters = [cluster for cluster in clustering if len(cluster.files) > 1]
    shown = clusters[:_MAX_CLUSTERS]
    index = {family: number for number, family in enumerate(families.families)}
    drawn = set(by_size[:_LARGEST_COLLECTIONS])
    for cluster in shown:
        top = distinctive[cluster.number - 1][:_TOP_COLLECTIONS]
        drawn.update(index[each.family] for each in top)
    matrix = families.matrix
    dots: dict[_Dot, int] = {}
    for cluster in shown:
        held = matrix[clustering.labels == cluster.number].sum(axis=0)
        size = len(cluster.files)
        linked = frozenset(number for number in drawn if held[number] >= size * _MIN_SHARE)
        dots[cluster.number, linked] = size
    text = (
        "Clusters (dots; larger dots have more files) and collections (diamonds). A line means that"
        " a collection contains at least a quarter of a cluster's files. The map is limited to the"
        " most distinctive collections of each cluster and the largest collections."
    )
    if len(clusters) > len(shown):
        omitted = format_count(len(clusters) - len(shown), "smaller cluster")
        text += f" The map omits {omitted}."
    return _draw(families, dots), text


def _draw(families: Families, dots: Mapping[_Dot, int]) -> str:
    """Return the SVG of a map; ``dots`` maps each dot to the number of files that it represents."""
    ordered = sorted(dots, key=lambda dot: (dot[0], sorted(dot[1])))
    keys = {dot: f"file:{number}" for number, dot in enumerate(ordered)}
    collections = sorted({number for _, linked in ordered for number in linked})
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(keys.values(), type=FILE, label="")
    graph.add_nodes_from([f"collection:{n}" for n in collections], type=COLLECTION, label="")
    for dot in ordered:
        graph.add_edges_from([(keys[dot], f"collection:{n}") for n in sorted(dot[1])], relation="")
    # The y axis points upwards in the layout, but downwards in SVG.
    layout = compute_layout(graph)
    left = min((x for x, _ in layout.values()), default=0.0) - _MARGIN
    top = max((y for _, y in layout.values()), default=0.0) + _MARGIN
    position = {key: (x - left, top - y) for key, (x, y) in layout.items()}
    width = max((x for x, _ in position.values()), default=0.0) + _MARGIN
    height = max((y for _, y in position.values()), default=0.0) + _MARGIN
    parts = []
    for (x1, y1), (x2, y2) in ((position[dot], position[end]) for dot, end in graph.edges):
        line = f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"
        parts.append(f'<path d="{line}" stroke="#8695a8" stroke-opacity="0.55"/>')
    largest = max(dots.values(), default=1)
    for dot, key in keys.items():
        radius = max(_MIN_RADIUS, _MAX_RADIUS * math.sqrt(dots[dot] / largest))
        parts.append(_circle(*position[key], radius, dot[0], dots[dot]))
    for number in collections:
        x, y = position[f"collection:{number}"]
        family = families.families[number]
        name = escape_unprintable(family.name, _MAX_NAME_LENGTH) + family.suffix
        parts.append(
            f'<path class="halo" d="M{x:.1f} {y - 8:.1f}l8 8l-8 8l-8 -8z" fill="#cc3311"'
            ' stroke="#ffffff" stroke-width="1.5"/>'
        )
        parts.append(_label(x, y - 13, name, "middle", ' font-weight="600"'))
    for cluster, group in groupby(ordered, key=lambda dot: dot[0]):
        x, y = position[keys[max(group, key=dots.__getitem__)]]  # the cluster's largest dot
        parts.append(_label(x, y + 5, f"{cluster}", "middle", ' font-weight="700"'))
    return _svg(width, height, MAP_TITLE, parts)


def _circle(x: float, y: float, radius: float, cluster: int, files: int) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" class="halo"'
        f' fill="{cluster_color(cluster)}"'
        ' stroke="#ffffff" stroke-width="1.5">'
        f"<title>{format_count(files, 'file')} of cluster {cluster}</title></circle>"
    )


def _label(x: float, y: float, text: str, anchor: str, attributes: str = "") -> str:
    """Return an SVG text element with an outline, which keeps the text readable on lines.

    ``anchor`` is the end of the text at ``x``: ``start``, ``middle`` or ``end``.
    """
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

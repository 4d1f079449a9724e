"""The drawings of a report, as SVG: reports by month, and the map of clusters.

Plain shapes in colours for white paper; a page may give their classes colours of its own. What
strangers wrote is escaped and shown as text. The same campaign gives the same drawing.
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

    from graphbuild.analysis import Communities, Incidence

PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800")
_OTHERS = "#8a93a0"
_WIDE, _HIGH = 960, 240  # of the timeline
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 12, 28
_MOST_BARS = 300
_MOST_COLLECTIONS = 60  # drawn on the map
_MOST_DOTS = 150  # of files; beyond that, a cluster is one
_MOST_CLUSTERS = 40
_TELLING = 2  # collections of a cluster
_WIDEST = 8  # collections besides
_SHARE = 0.25  # of a cluster's files that a line stands for
_LONGEST_NAME = 24
_MARGIN = 70
_SMALLEST_DOT, _LARGEST_DOT = 4.5, 26.0
_Group = tuple[int, frozenset[int]]  # files of a cluster that are in the same collections


# --- reports by month ----------------------------------------------------------------------------


def timeline(months: Mapping[str, int]) -> str:
    """Bars: how many reports each month has, or each year where there are too many months.

    Args:
        months: such as ``2018-01``, those that have any.
    """
    bars = _bars(months)
    most = max(bars.values(), default=1)
    step = _step(most)
    wide = (_WIDE - _LEFT - _RIGHT) / max(1, len(bars))
    high = _HIGH - _TOP - _BOTTOM
    top = max(step, math.ceil(most / step) * step)
    parts = []
    for value in range(0, top + 1, step):
        y = _TOP + high * (1 - value / top)
        parts += [
            f'<path class="rule" d="M{_LEFT} {y:.1f}H{_WIDE - _RIGHT}" stroke="#d5dae1"/>',
            _label(_LEFT - 6, y + 4, f"{value:,}", "end"),
        ]
    named = -math.inf
    for number, (when, count) in enumerate(bars.items()):
        x, tall = _LEFT + number * wide, high * count / top
        if count:
            parts.append(
                f'<rect class="bar" fill="#0b5cad" x="{x + wide * 0.08:.1f}"'
                f' y="{_TOP + high - tall:.1f}" width="{wide * 0.84:.1f}" height="{tall:.1f}">'
                f"<title>{when}: {format_count(count, 'report')}</title></rect>"
            )
        if (len(when) == len("2018") or when.endswith("-01") or number == 0) and x - named > 46:  # noqa: PLR2004
            parts.append(_label(x, _HIGH - 8, when[:4] if number else when, "start"))
            named = x + (24 if number == 0 and len(when) > len("2018") else 0)
    return _svg(_WIDE, _HIGH, "Reports by month", parts)


def _bars(months: Mapping[str, int]) -> dict[str, int]:
    """Every month from the first to the last, or every year; at last only years that have any."""
    if not months:
        return {}
    numbers = {int(month[:4]) * 12 + int(month[5:7]) - 1: n for month, n in months.items()}
    span = range(min(numbers), max(numbers) + 1)
    if len(span) <= _MOST_BARS:
        return {f"{n // 12:04d}-{n % 12 + 1:02d}": numbers.get(n, 0) for n in span}
    years: dict[int, int] = defaultdict(int)
    for number, count in numbers.items():
        years[number // 12] += count
    span = range(min(years), max(years) + 1)
    shown = span if len(span) <= _MOST_BARS else sorted(years)[-_MOST_BARS:]
    return {f"{year:04d}": years.get(year, 0) for year in shown}


def _step(most: int) -> int:
    """Between two lines: 1, 2 or 5 times a power of ten, for at most five of them."""
    size = 1
    while most > 25 * size:
        size *= 10
    return next(factor * size for factor in (1, 2, 5) if most <= 5 * factor * size)


# --- the map of clusters -------------------------------------------------------------------------


def cluster_map(incidence: Incidence, clusters: Communities) -> tuple[str, str]:
    """Files as dots in the colours of their clusters, tied to the collections they are in.

    Files of one cluster that are in the same collections are one dot. Where that would be too many
    dots, each cluster is one, tied to its telling collections and to the widest ones.

    Returns:
        The drawing, and what it shows and leaves out, in words.
    """
    held = incidence.file_collections
    order = np.argsort(-held.sum(axis=0), kind="stable").tolist()
    rows = zip(clusters.label.tolist(), held.indptr[:-1], held.indptr[1:], strict=True)
    files = [(cluster, held.indices[start:end].tolist()) for cluster, start, end in rows]
    drawn = order[:_MOST_COLLECTIONS]
    groups = Counter((cluster, frozenset(inside).intersection(drawn)) for cluster, inside in files)
    if len(groups) > _MOST_DOTS:
        return _coarse(incidence, clusters, files, order)
    kept = {group: count for group, count in groups.items() if group[1]}
    text = (
        "Files (dots, larger the more are in the same collections, in the colour and with the"
        " number of their cluster) and the collections they are in (diamonds)."
    )
    if len(drawn) < len(order):
        text += f" {format_count(len(order) - len(drawn), 'collection')} with fewer files left out."
    loose = sum(groups.values()) - sum(kept.values())
    if loose:
        text += f" {format_count(loose, 'file')} in none of these left out."
    return _map(incidence, kept), text


def _coarse(
    incidence: Incidence,
    clusters: Communities,
    files: Sequence[tuple[int, list[int]]],
    order: Sequence[int],
) -> tuple[str, str]:
    together = [group for group in clusters.groups if len(group.files) > 1]
    shown = {group.number: len(group.files) for group in together[:_MOST_CLUSTERS]}
    place = {entity: number for number, entity in enumerate(incidence.collections)}
    told = {
        place[telling.entity]
        for group in together[:_MOST_CLUSTERS]
        for telling in group.collections[:_TELLING]
    }
    drawn = told.union(order[:_WIDEST])
    inside: dict[int, Counter[int]] = defaultdict(Counter)
    for cluster, collections in files:
        inside[cluster].update(drawn.intersection(collections))
    groups = {
        (cluster, frozenset(n for n, has in inside[cluster].items() if has >= size * _SHARE)): size
        for cluster, size in shown.items()
    }
    text = (
        "Clusters (dots, larger the more files they have) and the collections (diamonds) that at"
        " least a quarter of their files are in: the most telling of each, and the widest."
    )
    if len(together) > len(shown):
        text += f" {format_count(len(together) - len(shown), 'smaller cluster')} left out."
    return _map(incidence, groups), text


def _map(incidence: Incidence, groups: Mapping[_Group, int]) -> str:
    ordered = sorted(groups, key=lambda group: (group[0], sorted(group[1])))
    touched = sorted({each for _, inside in ordered for each in inside})
    graph = _graph(ordered, touched)
    at = _on_paper(compute_layout(graph)) if len(graph) else {}
    wide = max((x for x, _ in at.values()), default=0.0) + _MARGIN
    high = max((y for _, y in at.values()), default=0.0) + _MARGIN
    largest = max(groups.values(), default=1)
    parts = [_line(at[one], at[other]) for one, other in graph.edges]
    parts += [
        _dot(at[f"file:{number}"], group[0], groups[group], largest)
        for number, group in enumerate(ordered)
    ]
    parts += [_diamond(at[f"collection:{each}"]) for each in touched]
    parts += _names(incidence, at, touched)
    parts += _numbers(ordered, groups, at)
    return _svg(wide, high, "Clusters of files, and the collections they are in", parts)


def _graph(ordered: Sequence[_Group], touched: Iterable[int]) -> nx.DiGraph[str]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    # Their names are written by us; a layout asks for types, and nodes have labels by contract.
    graph.add_nodes_from((f"file:{n}", {"type": FILE, "label": ""}) for n in range(len(ordered)))
    graph.add_nodes_from((f"collection:{n}", {"type": COLLECTION, "label": ""}) for n in touched)
    for number, (_, inside) in enumerate(ordered):
        graph.add_edges_from(
            (f"file:{number}", f"collection:{each}", {"relation": ""}) for each in sorted(inside)
        )
    return graph


def colour(cluster: int) -> str:
    """The colour of a cluster by its number; all beyond the first few have one."""
    return PALETTE[cluster - 1] if cluster <= len(PALETTE) else _OTHERS


def _on_paper(places: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Downwards from the top left corner, as paper is read."""
    left = min(x for x, _ in places.values()) - _MARGIN
    top = max(y for _, y in places.values()) + _MARGIN
    return {key: (x - left, top - y) for key, (x, y) in places.items()}


def _line(one: tuple[float, float], other: tuple[float, float]) -> str:
    return (
        f'<path d="M{one[0]:.1f} {one[1]:.1f}L{other[0]:.1f} {other[1]:.1f}" stroke="#8695a8"'
        ' stroke-opacity="0.55"/>'
    )


def _dot(at: tuple[float, float], cluster: int, files: int, largest: int) -> str:
    size = max(_SMALLEST_DOT, _LARGEST_DOT * math.sqrt(files / largest))
    return (
        f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{size:.1f}" fill="{colour(cluster)}"'
        ' class="halo" stroke="#ffffff" stroke-width="1.5">'
        f"<title>{format_count(files, 'file')} of cluster {cluster}</title></circle>"
    )


def _diamond(at: tuple[float, float]) -> str:
    return (
        f'<path class="halo" d="M{at[0]:.1f} {at[1] - 8:.1f}l8 8l-8 8l-8 -8z" fill="#cc3311"'
        ' stroke="#ffffff" stroke-width="1.5"/>'
    )


def _names(
    incidence: Incidence, at: Mapping[str, tuple[float, float]], shown: Iterable[int]
) -> list[str]:
    named = []
    for each in shown:
        x, y = at[f"collection:{each}"]
        text = escape_unprintable(incidence.collections[each].label, _LONGEST_NAME)
        named.append(_label(x, y - 13, text, "middle", 'font-weight="600"'))
    return named


def _numbers(
    ordered: Sequence[_Group], groups: Mapping[_Group, int], at: Mapping[str, tuple[float, float]]
) -> list[str]:
    """The number of each cluster on its largest dot."""
    largest: dict[int, int] = {}
    for number, group in enumerate(ordered):
        best = largest.get(group[0])
        if best is None or groups[group] > groups[ordered[best]]:
            largest[group[0]] = number
    return [
        _label(*_below(at[f"file:{number}"]), f"{cluster}", "middle", 'font-weight="700"')
        for cluster, number in largest.items()
    ]


def _below(at: tuple[float, float]) -> tuple[float, float]:
    return at[0], at[1] + 5


# --- what they share -----------------------------------------------------------------------------


def _label(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    """Text with a halo, so that it can be read on lines."""
    space = " " if more else ""
    return (
        f'<text class="ink halo" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#1c2430"'
        ' stroke="#ffffff" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
        f"{space}{more}>{escape(text)}</text>"
    )


def _svg(wide: float, high: float, title: str, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}"'
        ' role="img" font-family="system-ui, sans-serif" font-size="13">'
        f'<title>{escape(title)}</title><rect class="paper" width="100%" height="100%"'
        f' fill="#ffffff"/>{"".join(parts)}</svg>'
    )

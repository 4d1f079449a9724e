"""The drawings of a report, as SVG: reports by month, and the map of clusters.

Plain shapes in colours for white paper; a page may give their classes colours of its own. What
strangers wrote is escaped and shown as text. The same campaign gives the same drawing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING

import networkx as nx

from graphbuild.entities import COLLECTION, FILE
from graphbuild.layout import place
from graphbuild.texts import counted, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from graphbuild.analysis import Communities, Incidence

PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800")
_OTHERS = "#8a93a0"
_WIDE, _HIGH = 960, 240  # of the timeline
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 12, 28
_MOST_BARS = 300
_MOST_COLLECTIONS = 60  # drawn on the map
_MOST_NAMES = 30
_LONGEST_NAME = 28
_MARGIN = 70
_LARGEST_DOT = 26.0
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
                f"<title>{when}: {counted(count, 'report')}</title></rect>"
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


def cluster_map(incidence: Incidence, clusters: Communities) -> tuple[str, int, int]:
    """Files as dots in the colours of their clusters, tied to the collections they are in.

    Files of one cluster that are in the same collections are one dot.

    Returns:
        The drawing; how many collections are not drawn, as others have more files; how many files
        are not, as they are in none that is.
    """
    held = incidence.file_collections
    sizes = held.sum(axis=0)
    order = sorted(range(len(incidence.collections)), key=lambda n: (-int(sizes[n]), n))
    drawn = set(order[:_MOST_COLLECTIONS])
    groups: dict[_Group, int] = defaultdict(int)
    rows = zip(clusters.label.tolist(), held.indptr[:-1], held.indptr[1:], strict=True)
    for cluster, start, end in rows:
        groups[cluster, frozenset(held.indices[start:end].tolist()) & drawn] += 1
    left_out = sum(count for (_, inside), count in groups.items() if not inside)
    kept = {group: count for group, count in groups.items() if group[1]}
    return _map(incidence, kept, order), len(order) - len(drawn), left_out


def _map(incidence: Incidence, groups: Mapping[_Group, int], order: Sequence[int]) -> str:
    ordered = sorted(groups, key=lambda group: (group[0], sorted(group[1])))
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from((f"file:{n}", {"type": FILE}) for n in range(len(ordered)))
    touched = sorted({each for _, inside in ordered for each in inside})
    graph.add_nodes_from((f"collection:{n}", {"type": COLLECTION}) for n in touched)
    for number, (_, inside) in enumerate(ordered):
        graph.add_edges_from(
            (f"file:{number}", f"collection:{each}", {"relation": ""}) for each in sorted(inside)
        )
    at = _on_paper(place(graph)) if len(graph) else {}
    wide = max((x for x, _ in at.values()), default=0.0) + _MARGIN
    high = max((y for _, y in at.values()), default=0.0) + _MARGIN
    parts = [_line(at[one], at[other]) for one, other in graph.edges]
    largest = max(groups.values(), default=1)
    for number, group in enumerate(ordered):
        x, y = at[f"file:{number}"]
        size = max(4.5, _LARGEST_DOT * math.sqrt(groups[group] / largest))
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" fill="{colour(group[0])}"'
            ' class="halo" stroke="#ffffff" stroke-width="1.5">'
            f"<title>{counted(groups[group], 'file')} of cluster {group[0]}</title></circle>"
        )
    parts += [_diamond(at[f"collection:{each}"]) for each in touched]
    parts += _names(incidence, at, [each for each in order if each in touched][:_MOST_NAMES])
    parts += _numbers(ordered, groups, at)
    return _svg(wide, high, "Clusters of files, and the collections they are in", parts)


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
        text = safe(incidence.collections[each].label, _LONGEST_NAME)
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

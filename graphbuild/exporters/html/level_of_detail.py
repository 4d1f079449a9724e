"""With how much of a graph the page begins: all, its backbone, or the map of its collections.

A browser draws so many elements (nodes and lines, folded) in a frame, and a person sees fewer. What
the page does not begin with is in it all the same: search and "show neighbours" bring it in, and
the line at its foot counts what is not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbuild.models import COLLECTION, FILE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbuild.exporters.html.links import Folded

ALL, CALM, BACKBONE, MAP = "all", "calm", "backbone", "map"
WHOLE = "whole"  # all of what would begin with a part, as was asked for
CALM_FROM = 5_000  # elements; fewer names from here on, and no lines while the picture moves
BACKBONE_FROM = 15_000
MAP_FROM = 60_000
EACH_TYPE = 300  # nodes of a type that a backbone has at most


@dataclass(frozen=True, slots=True)
class Start:
    """What the page begins with.

    Attributes:
        rung: one of ``ALL``, ``CALM``, ``BACKBONE``, ``MAP`` and ``WHOLE``.
        groups: which groups are drawn at first; None where all are.
    """

    rung: str
    groups: list[int] | None = None


def start_of(types: Sequence[str], found: Folded, *, full: bool) -> Start:
    """The rung of a graph.

    Args:
        types: of each group.
        found: the groups, and what ties them.
        full: draw all of it, however much that is.
    """
    elements = len(types) + len(found.ties)
    if elements <= CALM_FROM:
        return Start(ALL)
    if elements <= BACKBONE_FROM:
        return Start(CALM)
    if full:
        return Start(WHOLE)
    if elements <= MAP_FROM:
        return Start(BACKBONE, _backbone(types, found))
    return Start(MAP, [group for group, name in enumerate(types) if name == COLLECTION])


def _backbone(types: Sequence[str], found: Folded) -> list[int]:
    """References that tie something, and the rest; of each type those that tie the most."""
    near = found.neighbours()
    sizes = list(map(len, found.groups))
    reach = [sum(map(sizes.__getitem__, others)) for others in near]
    chosen: list[int] = []
    for name in dict.fromkeys(types):
        those = (group for group, of in enumerate(types) if of == name)
        kept = (group for group in those if name != REFERENCE or _ties(types, near[group]))
        chosen += sorted(kept, key=lambda group: (-reach[group], group))[:EACH_TYPE]
    return sorted(chosen)


def _ties(types: Sequence[str], neighbours: Iterable[int]) -> bool:
    """Whether two collections, or two groups of files, meet here."""
    names = [types[other] for other in neighbours]
    return names.count(COLLECTION) > 1 or names.count(FILE) > 1

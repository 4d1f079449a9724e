"""Choose what the page draws first: everything, no references, the backbone, or a map.

The choice depends on the number of *elements*: the groups, and the pairs of linked groups. At every
level, the page contains the whole graph. The status line shows how many nodes are not drawn. The
user can draw these nodes with the search or with the button "Draw N missing neighbors".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from graphbuild.exporters.html.folded_graph import observed_pairs
from graphbuild.models import COLLECTION, FILE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbuild.exporters.html.folded_graph import FoldedGraph

ALL = "all"
REDUCED = "reduced"  # everything, with fewer labels, and without lines while the view moves
FILES_COLLECTIONS = "files-collections"  # everything but references; lines for observations
BACKBONE = "backbone"  # the groups of each type with the most neighbors
MAP = "map"  # collections, with lines between those that share references
FULL = "full"  # everything, drawn with WebGL
MAX_ALL = 5_000  # maximum number of elements for the level ALL
MAX_REDUCED = 15_000  # maximum number for REDUCED; with ``full``, a larger graph is FULL
MAX_WITHOUT_REFERENCES = 15_000  # maximum number for FILES_COLLECTIONS, of what it draws
MAX_BACKBONE = 60_000  # maximum number for BACKBONE; without ``full``, a larger graph is a MAP
MAX_PER_TYPE = 300  # maximum number of groups of each type in the backbone


class InitialView(NamedTuple):
    """The part of the graph that the page draws first."""

    level: str  # ALL, REDUCED, FILES_COLLECTIONS, BACKBONE, MAP or FULL
    groups: list[int] | None = None  # the indices of the groups to draw first; None for all groups


def choose_initial_view(types: Sequence[str], folded: FoldedGraph, *, full: bool) -> InitialView:
    """Return the part of a graph to draw first; everything if ``full`` is true.

    ``types`` has the node type of each group.
    """
    elements = len(types) + len(folded.pairs)
    if elements <= MAX_ALL:
        return InitialView(ALL)
    if elements <= MAX_REDUCED:
        return InitialView(REDUCED)
    if full:
        return InitialView(FULL)
    kept = [group for group, name in enumerate(types) if name != REFERENCE]
    if len(kept) + len(observed_pairs(folded, types)) <= MAX_WITHOUT_REFERENCES:
        return InitialView(FILES_COLLECTIONS, kept)
    if elements <= MAX_BACKBONE:
        return InitialView(BACKBONE, _backbone(types, folded))
    return InitialView(MAP, [group for group, name in enumerate(types) if name == COLLECTION])


def _backbone(types: Sequence[str], folded: FoldedGraph) -> list[int]:
    """Return up to ``MAX_PER_TYPE`` groups of each type, those with the most neighboring nodes.

    References that connect neither two collections nor two groups of files are left out.
    """
    neighbors = folded.neighbors()
    sizes = list(map(len, folded.groups))
    degrees = [sum(sizes[other] for other in others) for others in neighbors]
    chosen: list[int] = []
    for name in dict.fromkeys(types):
        kept = (
            group
            for group, group_type in enumerate(types)
            if group_type == name and (name != REFERENCE or _connects(types, neighbors[group]))
        )
        chosen += sorted(kept, key=lambda group: (-degrees[group], group))[:MAX_PER_TYPE]
    return sorted(chosen)


def _connects(types: Sequence[str], neighbors: Iterable[int]) -> bool:
    """Return whether the neighbors include two collections or two groups of files."""
    names = [types[other] for other in neighbors]
    return names.count(COLLECTION) > 1 or names.count(FILE) > 1

"""What the layout and every drawing must agree on: how large a node is, and what it belongs to."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import networkx as nx

from graphbuild.graph.views import fold_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Graph = nx.DiGraph[str]

SMALLEST, LARGEST = 6.0, 30.0  # radii of nodes
ALONE = -1  # the community of what nothing ties
_SEED = 20_240_229


def sizing(graph: Graph) -> Callable[[int], float]:
    """The size of a node of each degree: from 6 to 30, growing with the degree's square root."""
    most = max((degree for _, degree in graph.degree()), default=0) or 1
    span = LARGEST - SMALLEST

    @cache
    def size_of(degree: int) -> float:
        return round(SMALLEST + span * math.sqrt(degree / most), 1)

    return size_of


def ties(graph: Graph, groups: Sequence[Sequence[str]]) -> nx.Graph[int]:
    """``graph`` without direction and loops, its ``groups`` as nodes, by number.

    Args:
        graph: keeps the contract of :mod:`graphbuild.graph.builder`.
        groups: what :func:`graphbuild.graph.views.fold_groups` gave for it.

    Returns:
        A graph in which ``weight`` says how many edges stand behind a tie. The same in whatever
        order nodes and edges came.
    """
    number = {node: index for index, group in enumerate(groups) for node in group}
    counts: dict[tuple[int, int], int] = {}
    adjacent = dict(graph.adjacency())
    for one, group in enumerate(groups):
        for other in {number[target] for target in adjacent[group[0]]} - {one}:
            ends = (one, other) if one < other else (other, one)
            counts[ends] = counts.get(ends, 0) + len(group) * len(groups[other])
    tied: nx.Graph[int] = nx.Graph()
    tied.add_nodes_from(range(len(groups)))
    tied.add_weighted_edges_from((*ends, counts[ends]) for ends in sorted(counts))
    return tied


def parts(tied: nx.Graph[int]) -> list[list[int]]:
    """Communities of what :func:`ties` gave, or of a part of it, by Louvain's method; sorted."""
    ordered: nx.Graph[int] = nx.Graph()
    ordered.add_nodes_from(sorted(tied))
    ordered.add_weighted_edges_from(
        sorted((min(a, b), max(a, b), told["weight"]) for a, b, told in tied.edges(data=True))
    )
    return sorted(map(sorted, nx.community.louvain_communities(ordered, seed=_SEED)))


def communities(graph: Graph) -> dict[str, int]:
    """The community of each node: 0 for the largest, ``ALONE`` for what nothing ties."""
    groups = fold_groups(graph)
    tied = ties(graph, groups)
    return numbered(groups, parts(tied) if tied.size() else [])


def numbered(groups: Sequence[Sequence[str]], found: Sequence[Sequence[int]]) -> dict[str, int]:
    """The community of each node, as :func:`communities` tells it, where they are found already."""
    by_members = [sorted(key for group in part for key in groups[group]) for part in found]
    of = dict.fromkeys((key for group in groups for key in group), ALONE)
    tied = (part for part in by_members if len(part) > 1)
    for index, part in enumerate(sorted(tied, key=lambda part: (-len(part), part))):
        of.update(dict.fromkeys(part, index))
    return of

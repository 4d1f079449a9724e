"""What joins groups that are separate otherwise: reports and collections, and what hangs on them.

Two questions, answered apart:

* *Which clusters does it touch, and which two does nothing else join?* A collection joins two
  clusters if files of both are in it. A report joins them if files of both were told it, and counts
  by itself only where no collection that joins the two holds it: else it is the same piece of
  evidence once more.
* *What falls apart without it?* Files hang together through the collections they are in and the
  reports these hold. Without a cut vertex of that graph (Hopcroft and Tarjan 1973, Commun. ACM 16)
  its files fall into several pieces.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from graphbuild.analysis._optional import library
from graphbuild.analysis.incidence import alike

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from graphbuild.analysis.communities import Communities
    from graphbuild.analysis.incidence import Incidence, Matrix
    from graphbuild.models import Entity

    Numbers = NDArray[np.int64]
    Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Bridge:
    """A report or a collection that joins clusters, or holds files together.

    Attributes:
        entity: which.
        files: how many have it.
        clusters: the numbers of the clusters whose files have it.
        alone: the pairs of clusters that nothing else joins.
        pieces: into how many pieces with files the rest falls without it, 1 if it does not.
        cut_off: how many files are then outside of the largest piece.
    """

    entity: Entity
    files: int
    clusters: tuple[int, ...]
    alone: tuple[Pair, ...]
    pieces: int
    cut_off: int


@dataclass(frozen=True, slots=True)
class Bridges:
    """All that joins.

    Attributes:
        bridges: those that alone join clusters first, then those without which most files are cut
            off, then those that touch most clusters.
        joined: how many pairs of clusters anything joins.
    """

    bridges: tuple[Bridge, ...]
    joined: int

    @property
    def single(self) -> tuple[tuple[Pair, Entity], ...]:
        """The ties of clusters that rest on a single source, and that source; by their numbers."""
        return tuple(
            sorted(
                ((pair, bridge.entity) for bridge in self.bridges for pair in bridge.alone),
                key=lambda tie: tie[0],
            )
        )

    def frame(self) -> pd.DataFrame:
        """A table with a row for each bridge; ``clusters`` and ``alone`` are counted."""
        import pandas as pd  # noqa: PLC0415  loads slowly

        rows = [
            (
                each.entity.key,
                each.entity.label,
                each.files,
                len(each.clusters),
                len(each.alone),
                each.pieces,
                each.cut_off,
            )
            for each in self.bridges
        ]
        columns = ["key", "label", "files", "clusters", "alone", "pieces", "cut_off"]
        return pd.DataFrame(rows, columns=columns)


def find_bridges(incidence: Incidence, found: Communities) -> Bridges:
    """What joins clusters, and what holds files together.

    Args:
        incidence: what was observed.
        found: its clusters.

    Raises:
        AnalysisError: scipy, in the extra ``analysis``, is not installed.
    """
    sides = (
        _Side(incidence.collections, incidence.file_collections, found),
        _Side(incidence.references, incidence.file_references, found),
    )
    joiners = _joiners(*sides, incidence.collection_references)
    falls = _falls(incidence) if incidence.files else {}
    alone: dict[Entity, list[Pair]] = defaultdict(list)
    for pair, (first, *others) in joiners.items():
        if not others:
            alone[first].append(pair)
    told = [
        Bridge(entity, files, clusters, tuple(sorted(alone[entity])), *falls.get(entity, (1, 0)))
        for side in sides
        for entity, files, clusters in side.rows()
        if len(clusters) > 1 or entity in falls
    ]
    told.sort(
        key=lambda each: (-len(each.alone), -each.cut_off, -len(each.clusters), each.entity.key)
    )
    return Bridges(tuple(told), len(joiners))


# --- clusters ------------------------------------------------------------------------------------


class _Side:
    """Collections, or references, and which clusters each touches."""

    def __init__(self, entities: Sequence[Entity], files: Matrix, found: Communities) -> None:
        self.entities = entities
        self._files = np.bincount(files.indices, minlength=len(entities)).tolist()
        cells = files.tocoo()
        pairs = np.unique(np.stack([cells.col, found.label[cells.row]]), axis=1)
        self.clusters: list[list[int]] = [[] for _ in entities]
        for place, cluster in pairs.T.tolist():
            self.clusters[place].append(cluster)

    def rows(self) -> list[tuple[Entity, int, tuple[int, ...]]]:
        touched = map(tuple, self.clusters)
        return list(zip(self.entities, self._files, touched, strict=True))

    def by_cluster(self) -> dict[int, set[int]]:
        """What files of each cluster have."""
        held: dict[int, set[int]] = defaultdict(set)
        for place, clusters in enumerate(self.clusters):
            for cluster in clusters:
                held[cluster].add(place)
        return held


def _joiners(collections: _Side, references: _Side, holds: Matrix) -> dict[Pair, list[Entity]]:
    """For each two clusters that are joined what joins them: one, or the first two of several."""
    held = [set(row.tolist()) for row in np.split(holds.indices, holds.indptr[1:-1])]
    behind, reports = collections.by_cluster(), references.by_cluster()
    found: dict[Pair, list[Entity]] = {}
    for one, other in combinations(sorted(reports), 2):
        both = sorted(behind[one] & behind[other])[:2]
        joiners = [collections.entities[place] for place in both]
        if len(joiners) < 2:  # noqa: PLR2004  one, or several
            more = reports[one] & reports[other]
            for place in both:
                more -= held[place]
            joiners += [references.entities[place] for place in sorted(more)[:2]]
        if joiners:
            found[one, other] = joiners
    return found


# --- what falls apart ----------------------------------------------------------------------------


class _Graph(NamedTuple):
    """Files, collections and references, folded: those with the same neighbours are one node.

    Attributes:
        edges: a symmetric matrix.
        files: how many files each node stands for.
        only: for each node that stands for a single collection or reference, that one.
    """

    edges: Matrix
    files: Numbers
    only: dict[int, Entity]


def _falls(incidence: Incidence) -> dict[Entity, tuple[int, int]]:
    """For each without which files fall apart: into how many pieces, and how many are cut off."""
    graph = _folded(incidence)
    found: dict[Entity, tuple[int, int]] = {}
    degrees = np.diff(graph.edges.indptr)
    _, component = _components(graph.edges)
    for node, entity in graph.only.items():
        if degrees[node] > 1:
            inside = component == component[node]
            inside[node] = False
            pieces = _pieces(graph, np.flatnonzero(inside))
            if len(pieces) > 1:
                found[entity] = len(pieces), sum(pieces) - max(pieces)
    return found


def _components(edges: Matrix) -> tuple[int, Numbers]:
    count, label = library("scipy.sparse.csgraph").connected_components(edges, directed=False)
    return count, label


def _pieces(graph: _Graph, nodes: Numbers) -> list[int]:
    """How many files each component of some nodes has, but for those that have none."""
    count, label = _components(graph.edges[nodes][:, nodes])
    files = np.bincount(label, graph.files[nodes], minlength=count).astype(int).tolist()
    nodes_in = np.bincount(label, minlength=count).tolist()
    pieces: list[int] = []
    for held, size in zip(files, nodes_in, strict=True):
        # A node by itself has lost what its files had in common: each is alone.
        pieces += [1] * held if size == 1 else [held] * bool(held)
    return pieces


def _folded(incidence: Incidence) -> _Graph:
    """To fold first makes a campaign of families small, and changes nothing that is asked."""
    sizes = len(incidence.files), len(incidence.collections), len(incidence.references)
    collections = sizes[0]  # where they begin
    half = incidence.evidence
    whole = (half + half.T).tocsr()
    # Collections stay apart: few, and never quite alike.
    sides = [0] * sizes[0] + list(range(1, 1 + sizes[1])) + [-1] * sizes[2]
    node = alike(whole, sides)
    firsts = np.unique(node, return_index=True)[1]
    members = np.bincount(node)
    entities = (*incidence.collections, *incidence.references)
    only = {
        number: entities[first - collections]
        for number, first in enumerate(firsts.tolist())
        if first >= collections and members[number] == 1
    }
    files = np.where(firsts < collections, members, 0)
    return _Graph(whole[firsts][:, firsts], files, only)

"""Find the references and collections that connect clusters, or hold files together.

Two questions are answered independently:

* *Which clusters does a reference or collection connect, and does anything else connect them?* A
  collection connects two clusters if it contains files of both. A reference connects two clusters
  if files of both have it. It is ignored if it is in a collection that also connects the two,
  because then it is not a second piece of evidence.
* *Which files are no longer connected without it?* In the evidence graph, files are linked to their
  collections, and the collections to their references. If a cut vertex (Hopcroft and Tarjan 1973,
  Commun. ACM 16) is removed, its component falls into several components.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from graphbuild._util import require
from graphbuild.analysis.incidence import EXTRA, as_incidence, group_identical_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from graphbuild.analysis.clusters import Clustering
    from graphbuild.analysis.incidence import Incidence, Matrix
    from graphbuild.models import Entity

    Numbers = NDArray[np.int64]
    Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Bridge:
    """A reference or collection that connects clusters or holds files together.

    Attributes:
        entity: The reference or collection.
        files: Number of files that have the entity.
        clusters: Numbers of the clusters with such files.
        sole_pairs: Pairs of clusters that only this entity connects.
        components: Number of components into which its component of the evidence graph falls if
            the entity is removed, counting only components with files; 1 if it is no cut vertex.
        cut_off_files: Number of files outside the largest of these components.
    """

    entity: Entity
    files: int
    clusters: tuple[int, ...]
    sole_pairs: tuple[Pair, ...]
    components: int
    cut_off_files: int


@dataclass(frozen=True, slots=True)
class Bridges:
    """All bridges.

    Attributes:
        bridges: The bridges, sorted by the numbers of sole pairs, of cut-off files and of clusters,
            each descending, then by node key.
        joined_pairs: Number of pairs of clusters with at least one connection.
    """

    bridges: tuple[Bridge, ...]
    joined_pairs: int

    @property
    def single_links(self) -> tuple[tuple[Pair, Entity], ...]:
        """Return each pair of clusters with exactly one connection, and this connection."""
        links = ((pair, bridge.entity) for bridge in self.bridges for pair in bridge.sole_pairs)
        return tuple(sorted(links, key=lambda link: link[0]))

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row per bridge.

        Columns: ``key``, ``label``, ``files``, ``clusters``, ``sole_pairs``, ``components``,
        ``cut_off_files``. ``clusters`` and ``sole_pairs`` are counts.
        """
        import pandas as pd  # noqa: PLC0415  loads slowly

        rows = [
            (
                each.entity.key,
                each.entity.label,
                each.files,
                len(each.clusters),
                len(each.sole_pairs),
                each.components,
                each.cut_off_files,
            )
            for each in self.bridges
        ]
        columns = ["key", "label", "files", "clusters", "sole_pairs", "components", "cut_off_files"]
        return pd.DataFrame(rows, columns=columns)


def find_bridges(data: object, clustering: Clustering) -> Bridges:
    """Find the references and collections that connect clusters or hold files together.

    Args:
        data: A graph, a store, observations or an ``Incidence``.
        clustering: The result of :func:`find_clusters` for ``data``.
    """
    incidence = as_incidence(data)
    sides = (
        _Membership(incidence.collections, incidence.file_collections, clustering),
        _Membership(incidence.references, incidence.file_references, clustering),
    )
    connections = _connections(*sides, incidence.collection_references)
    cuts = _cut_vertices(incidence) if incidence.files else {}
    sole: dict[Entity, list[Pair]] = defaultdict(list)
    for pair, (first, *others) in connections.items():
        if not others:
            sole[first].append(pair)
    bridges = [
        Bridge(
            entity, files, tuple(clusters), tuple(sorted(sole[entity])), *cuts.get(entity, (1, 0))
        )
        for side in sides
        for entity, files, clusters in zip(side.entities, side.files, side.clusters, strict=True)
        if len(clusters) > 1 or entity in cuts
    ]
    bridges.sort(key=_importance)
    return Bridges(tuple(bridges), len(connections))


def _importance(bridge: Bridge) -> tuple[int, int, int, str]:
    counts = -len(bridge.sole_pairs), -bridge.cut_off_files, -len(bridge.clusters)
    return *counts, bridge.entity.key


# --- connections between clusters ----------------------------------------------------------------


class _Membership:
    """For each collection, or each reference: the number of its files, and their clusters."""

    def __init__(self, entities: Sequence[Entity], files: Matrix, clustering: Clustering) -> None:
        self.entities = entities
        self.files: list[int] = np.bincount(files.indices, minlength=len(entities)).tolist()
        entries = files.tocoo()
        pairs = np.unique(np.stack([entries.col, clustering.labels[entries.row]]), axis=1)
        self.clusters: list[list[int]] = [[] for _ in entities]
        for number, cluster in pairs.T.tolist():
            self.clusters[number].append(cluster)

    def by_cluster(self) -> dict[int, set[int]]:
        """Return, for each cluster, the indices of the entities that its files have."""
        found: dict[int, set[int]] = defaultdict(set)
        for number, clusters in enumerate(self.clusters):
            for cluster in clusters:
                found[cluster].add(number)
        return found


def _connections(
    collections: _Membership, references: _Membership, contents: Matrix
) -> dict[Pair, list[Entity]]:
    """Return the connections of each connected pair of clusters.

    At most two are returned per pair, to distinguish a single connection from several.

    Args:
        collections: The collections and their clusters.
        references: The references and their clusters.
        contents: The matrix of collections by references.
    """
    contained = [set(row.tolist()) for row in np.split(contents.indices, contents.indptr[1:-1])]
    collections_of, references_of = collections.by_cluster(), references.by_cluster()
    found: dict[Pair, list[Entity]] = {}
    for one, other in combinations(sorted(references_of), 2):
        common = sorted(collections_of[one] & collections_of[other])[:2]
        entities = [collections.entities[number] for number in common]
        if len(entities) < 2:  # noqa: PLR2004  two are enough
            direct = references_of[one] & references_of[other]
            for number in common:
                direct -= contained[number]
            entities += [references.entities[number] for number in sorted(direct)[:2]]
        if entities:
            found[one, other] = entities
    return found


# --- cut vertices --------------------------------------------------------------------------------


class _FoldedGraph(NamedTuple):
    """The evidence graph, in which nodes with the same neighbors are merged into one."""

    edges: Matrix  # symmetric
    files: Numbers  # number of files in each merged node
    single: dict[int, Entity]  # nodes that contain only one entity, a collection or reference


def _cut_vertices(incidence: Incidence) -> dict[Entity, tuple[int, int]]:
    """Return, for each cut vertex, the number of components and of cut-off files without it."""
    graph = _fold(incidence)
    found: dict[Entity, tuple[int, int]] = {}
    degrees = np.diff(graph.edges.indptr)
    _, component = _connected_components(graph.edges)
    for node, entity in graph.single.items():
        if degrees[node] > 1:
            rest = component == component[node]
            rest[node] = False
            sizes = _component_sizes(graph, np.flatnonzero(rest))
            if len(sizes) > 1:
                found[entity] = len(sizes), sum(sizes) - max(sizes)
    return found


def _connected_components(edges: Matrix) -> tuple[int, Numbers]:
    csgraph = require("scipy.sparse.csgraph", extra=EXTRA)
    count, labels = csgraph.connected_components(edges, directed=False)
    return count, labels


def _component_sizes(graph: _FoldedGraph, nodes: Numbers) -> list[int]:
    """Return the number of files in each component with files of a subgraph.

    Args:
        graph: The folded evidence graph.
        nodes: The nodes of the subgraph.
    """
    count, labels = _connected_components(graph.edges[nodes][:, nodes])
    files = np.bincount(labels, graph.files[nodes], minlength=count).astype(int).tolist()
    nodes_in = np.bincount(labels, minlength=count).tolist()
    sizes: list[int] = []
    for file_count, node_count in zip(files, nodes_in, strict=True):
        # A merged node without neighbors: its files are not connected to each other.
        sizes += [1] * file_count if node_count == 1 else [file_count] * bool(file_count)
    return sizes


def _fold(incidence: Incidence) -> _FoldedGraph:
    """Merge nodes with the same neighbors, so that the search is fast if many files are alike."""
    first_collection = len(incidence.files)
    upper = incidence.adjacency
    edges = (upper + upper.T).tocsr()
    # Collections are not merged: there are few, and they hardly ever have the same neighbors.
    collections = range(1, 1 + len(incidence.collections))
    labels = [0] * first_collection + [*collections] + [-1] * len(incidence.references)
    node = group_identical_rows(edges, labels)
    first = np.unique(node, return_index=True)[1]
    size = np.bincount(node)
    entities = (*incidence.collections, *incidence.references)
    single = {
        number: entities[position - first_collection]
        for number, position in enumerate(first.tolist())
        if position >= first_collection and size[number] == 1
    }
    files = np.where(first < first_collection, size, 0)
    return _FoldedGraph(edges[first][:, first], files, single)

"""Find bridges: references and collections that connect clusters or groups of files.

For each reference and collection, two questions are answered independently:

* *Which pairs of clusters does the node connect, and does another node also connect them?* A
  collection connects two clusters if it contains files of both clusters. A reference connects two
  clusters if files of both clusters have the reference. However, a reference does not count if a
  collection that contains the reference also connects the two clusters, because the reference is
  then no independent evidence. The same applies if files have the reference through a report that
  connects the two clusters.
* *Which files are separated if the node is removed?* The evidence graph
  (:attr:`Incidence.adjacency`) links files to their collections, and collections to their
  references. It links files to references for which the API names no collection. A report in
  ``related_from`` is linked to its files and its references. A node is a cut vertex (Hopcroft and
  Tarjan 1973, Commun. ACM 16) if its component falls into several components when the node is
  removed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import networkx as nx
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from graphbuild.analysis.incidence import as_incidence, group_identical_rows

if TYPE_CHECKING:
    import pandas as pd

    from graphbuild.analysis.cluster_models import Clustering
    from graphbuild.analysis.incidence import Incidence, Matrix, Numbers
    from graphbuild.models import Entity

    Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Bridge:
    """A reference or collection that files of several clusters have, or that keeps files connected.

    Attributes:
        files: Number of files that have the entity.
        clusters: The numbers of the clusters that contain these files, ascending.
        sole_pairs: The pairs of clusters that only this entity connects, as pairs of cluster
            numbers, the smaller number first.
        components: Number of components with files into which the entity's component of the
            evidence graph falls if the entity is removed; 1 if no files are separated.
        cut_off_files: Number of files in all of these components except the one with the most
            files.
    """

    entity: Entity
    files: int
    clusters: tuple[int, ...]
    sole_pairs: tuple[Pair, ...]
    components: int
    cut_off_files: int


@dataclass(frozen=True, slots=True)
class Bridges:
    """The bridges of a campaign.

    Attributes:
        bridges: All bridges, sorted by the numbers of sole pairs, of cut-off files and of clusters,
            each descending, then by node key.
        joined_pairs: Number of pairs of clusters that at least one bridge connects.
    """

    bridges: tuple[Bridge, ...]
    joined_pairs: int

    @property
    def single_links(self) -> tuple[tuple[Pair, Entity], ...]:
        """Return the pairs of clusters that only one entity connects, each with this entity.

        The pairs are sorted by cluster numbers.
        """
        links = ((pair, bridge.entity) for bridge in self.bridges for pair in bridge.sole_pairs)
        return tuple(sorted(links, key=lambda link: link[0]))

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row per bridge.

        Columns: ``key``, ``label``, ``files``, ``clusters``, ``sole_pairs``, ``components``,
        ``cut_off_files``. The columns ``clusters`` and ``sole_pairs`` contain numbers of clusters
        and of pairs.
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
    """Find the references and collections that connect clusters or groups of files.

    ``data`` is a graph, a store, observations or an ``Incidence``. ``clustering`` is the result of
    :func:`find_clusters` for ``data``.
    """
    incidence = as_incidence(data)
    entities = (*incidence.collections, *incidence.references)
    references = incidence.file_references + incidence.file_direct_references
    blocks = [incidence.file_collections, references]
    held = sparse.hstack(blocks, format="csr").tocoo()
    files = np.bincount(held.col, minlength=len(entities)).tolist()
    clusters_of: dict[int, list[int]] = defaultdict(list)
    collections_of: dict[int, set[int]] = defaultdict(set)
    references_of: dict[int, set[int]] = defaultdict(set)
    pairs = np.unique(np.stack([held.col, clustering.labels[held.row]]), axis=1)
    for number, cluster in pairs.T.tolist():
        clusters_of[number].append(cluster)
    for number, clusters in clusters_of.items():
        entities_of = collections_of if number < len(incidence.collections) else references_of
        for cluster in clusters:
            entities_of[cluster].add(number)
    contents = [incidence.collection_references, incidence.report_references]
    contained = sparse.vstack(contents, format="csr")
    connections = _connections(collections_of, references_of, contained)
    sole: dict[int, list[Pair]] = defaultdict(list)
    for pair, (first, *others) in connections.items():
        if not others:
            sole[first].append(pair)
    cuts = _cut_vertices(incidence) if incidence.files else {}
    bridges = [
        Bridge(entities[n], files[n], tuple(clusters), tuple(sole[n]), *cuts.get(n, (1, 0)))
        for n, clusters in clusters_of.items()
        if len(clusters) > 1 or n in cuts
    ]
    bridges.sort(key=_importance)
    return Bridges(tuple(bridges), len(connections))


def _importance(bridge: Bridge) -> tuple[int, int, int, str]:
    counts = -len(bridge.sole_pairs), -bridge.cut_off_files, -len(bridge.clusters)
    return *counts, bridge.entity.key


def _connections(
    collections_of: dict[int, set[int]], references_of: dict[int, set[int]], contents: Matrix
) -> dict[Pair, list[int]]:
    """Return, for each pair of clusters, up to three entities that connect the two clusters.

    Further entities are omitted, because the caller only needs to know whether there is exactly
    one. Pairs without a connection have no entry. Entities are represented by numbers: collections
    are numbered first, then references.

    Args:
        collections_of: The numbers of the collections of each cluster, by cluster number.
        references_of: The numbers of the references of each cluster, by cluster number.
        contents: A matrix with a row per collection, then a row per reference, and a column per
            reference. In the row of a collection, 1 means that the collection contains the
            reference of the column. In the row of a report, 1 means that files have the reference
            of the column through the report.
    """
    first_reference = contents.shape[0] - contents.shape[1]
    rows = np.split(contents.indices + first_reference, contents.indptr[1:-1])
    contained = [set(row.tolist()) for row in rows]
    found: dict[Pair, list[int]] = {}
    for one, other in combinations(sorted(references_of), 2):
        connecting = sorted(collections_of[one] & collections_of[other])[:2]
        if len(connecting) < 2:  # noqa: PLR2004  two are enough
            direct = references_of[one] & references_of[other]
            direct.difference_update(*(contained[number] for number in connecting))
            # A reference does not count if another one is a report through which files have it. If
            # no reference remains, the references are reports about each other, and all count.
            through = direct.difference(*(contained[number] for number in direct)) or direct
            connecting += sorted(through)[:2]
        if connecting:
            found[one, other] = connecting
    return found


# --- cut vertices --------------------------------------------------------------------------------


class _FoldedGraph(NamedTuple):
    """The evidence graph, in which nodes with the same neighbors are merged.

    Files are merged with files, and references with references. Collections are not merged.
    """

    edges: Matrix  # the symmetric adjacency matrix
    files: Numbers  # the number of files that each node represents; 0 for other entities
    # Maps each node that represents one collection or one reference to the number of this entity:
    # collections are numbered first, then references. Merged references cannot be cut vertices,
    # because each has the same neighbors as another.
    single: dict[int, int]


def _cut_vertices(incidence: Incidence) -> dict[int, tuple[int, int]]:
    """Return ``components`` and ``cut_off_files`` of each cut vertex that separates files.

    The keys are numbers of entities, as in ``_FoldedGraph.single``.
    """
    graph = _fold(incidence)
    found: dict[int, tuple[int, int]] = {}
    # The number of neighbors in the evidence graph before merging. Merged references count once.
    degrees = graph.edges @ np.maximum(graph.files, 1)
    _, component = _connected_components(graph.edges)
    # In a component of two nodes, one node can represent several files that only the other links.
    candidates = np.bincount(component)[component] == 2  # noqa: PLR2004  a pair
    candidates[list(nx.articulation_points(nx.from_scipy_sparse_array(graph.edges)))] = True
    for node, number in graph.single.items():
        if candidates[node] and degrees[node] > 1:
            rest = component == component[node]
            rest[node] = False
            sizes = _component_sizes(graph, np.flatnonzero(rest))
            if len(sizes) > 1:
                found[number] = len(sizes), sum(sizes) - max(sizes)
    return found


def _connected_components(edges: Matrix) -> tuple[int, Numbers]:
    count, labels = connected_components(edges, directed=False)
    return count, labels


def _component_sizes(graph: _FoldedGraph, nodes: Numbers) -> list[int]:
    """Return the numbers of files of the components of a subgraph, without components of 0 files.

    The subgraph consists of ``nodes``, which are indices of merged nodes.
    """
    count, labels = _connected_components(graph.edges[nodes][:, nodes])
    files = np.bincount(labels, graph.files[nodes], minlength=count).astype(int).tolist()
    nodes_in = np.bincount(labels, minlength=count).tolist()
    sizes: list[int] = []
    for file_count, node_count in zip(files, nodes_in, strict=True):
        # A merged node without neighbors represents files that are not connected to each other.
        # Each of these files is a component.
        sizes += [1] * file_count if node_count == 1 else [file_count] * bool(file_count)
    return sizes


def _fold(incidence: Incidence) -> _FoldedGraph:
    """Return the evidence graph with merged nodes, in which cut vertices are found faster."""
    first_collection = len(incidence.files)
    upper = incidence.adjacency
    edges = (upper + upper.T).tocsr()
    # Collections are not merged: there are few, and they hardly ever have the same neighbors.
    collections = range(1, 1 + len(incidence.collections))
    labels = [0] * first_collection + [*collections] + [-1] * len(incidence.references)
    node = group_identical_rows(edges, labels)
    _, first, size = np.unique(node, return_index=True, return_counts=True)
    is_file = first < first_collection
    single = np.flatnonzero(~is_file & (size == 1))
    numbers = dict(zip(single.tolist(), (first[single] - first_collection).tolist(), strict=True))
    return _FoldedGraph(edges[first][:, first], np.where(is_file, size, 0), numbers)

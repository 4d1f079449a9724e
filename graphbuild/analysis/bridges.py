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

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import networkx as nx
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components

from graphbuild.analysis.incidence import as_incidence, group_identical_rows, sorted_unique

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    collection_count = len(incidence.collections)
    entities = (*incidence.collections, *incidence.references)
    references = incidence.file_references + incidence.file_direct_references
    blocks = [incidence.file_collections, references]
    held = sparse.hstack(blocks, format="csr").tocoo()
    files = np.bincount(held.col, minlength=len(entities)).tolist()
    clusters_of: dict[int, list[int]] = defaultdict(list)
    collections_of: dict[int, set[int]] = defaultdict(set)
    references_of: dict[int, set[int]] = defaultdict(set)
    bound = int(clustering.labels.max(initial=0)) + 1
    pairs = sorted_unique(held.col.astype(np.int64) * bound + clustering.labels[held.row])
    for number, cluster in zip(*(each.tolist() for each in divmod(pairs, bound)), strict=True):
        clusters_of[number].append(cluster)
    for number, clusters in clusters_of.items():
        entities_of = collections_of if number < collection_count else references_of
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
    sizes_without = _component_sizes(graph)
    found: dict[int, tuple[int, int]] = {}
    for node, number in graph.single.items():
        sizes = sizes_without[node]
        if len(sizes) > 1:
            found[number] = len(sizes), sum(sizes) - max(sizes)
    return found


def _component_sizes(graph: _FoldedGraph) -> list[list[int]]:
    """Return, for each node, the components into which its component falls without the node.

    Each component is represented by its number of files. Components without files are omitted.

    A block is a maximal set of nodes that no single node separates. Without a node, each of its
    blocks is in another component.
    """
    files = graph.files.tolist()
    # The type stubs of networkx declare lists of sets. The function yields sets.
    found: Any = nx.biconnected_components(nx.from_scipy_sparse_array(graph.edges))
    blocks: list[list[int]] = [list(block) for block in found]
    block_count = Counter(chain.from_iterable(blocks))
    _, component = connected_components(graph.edges, directed=False)
    total = np.bincount(component, graph.files).astype(int)[component].tolist()
    parent, below = _count_files_below(graph.files, component, blocks)
    sizes: list[list[int]] = [[] for _ in files]
    for number, block in enumerate(blocks, start=len(files)):
        is_pair = len(block) == 2  # noqa: PLR2004  a pair
        for node, other in zip(block, reversed(block), strict=True):
            if is_pair and block_count[other] == 1:
                # The other node has no further neighbor. The files that it represents are not
                # connected to each other. Each of these files is a component.
                sizes[node] += [1] * files[other]
                continue
            size = below[number] if parent[number] == node else total[node] - below[node]
            sizes[node] += [size] * bool(size)
    return sizes


def _count_files_below(
    files: Numbers, component: Numbers, blocks: Sequence[Sequence[int]]
) -> tuple[list[int], list[int]]:
    """Return the parent of each vertex of a tree, and the number of files below each vertex.

    The vertices are the nodes, then the blocks, then the root. Nodes are linked to their blocks.
    The root is linked to the first node of each component. The files of a vertex itself count.

    Args:
        files: The number of files of each node.
        component: The component of each node, from 0 without gaps.
        blocks: The nodes of each block.
    """
    root = len(files) + len(blocks)
    nodes = np.fromiter(chain.from_iterable(blocks), np.int64)
    block = np.repeat(np.arange(len(files), root), [*map(len, blocks)])
    first = np.unique(component, return_index=True)[1]
    links = np.concatenate([nodes, first]), np.concatenate([block, np.full(len(first), root)])
    tree = sparse.csr_array((np.ones(len(links[0])), links), shape=(root + 1, root + 1))
    order, predecessors = breadth_first_order(tree, root, directed=False)
    parent: list[int] = predecessors.tolist()
    below = [*files.tolist(), *[0] * (len(blocks) + 1)]
    for vertex in order[:0:-1].tolist():  # from the leaves, without the root
        below[parent[vertex]] += below[vertex]
    return parent, below


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

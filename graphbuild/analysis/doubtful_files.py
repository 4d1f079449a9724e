"""Find files that are nearly as similar to another cluster as to their own.

Let a be the mean similarity of a file to the other files of its cluster, and b that to the files of
the most similar other cluster. The silhouette width (Rousseeuw 1987, J. Comput. Appl. Math. 20) is
then 1 - b / a if a >= b, and a / b - 1 otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from graphbuild.analysis.average_linkage import multiply_rows

if TYPE_CHECKING:
    from graphbuild.analysis.average_linkage import SimilarityGraph
    from graphbuild.analysis.incidence import Numbers, Reals

# Maximum silhouette width of a doubtful file; docs/analysis.md states it, too. Clusters with a
# lower mean width have no substantial structure (Kaufman and Rousseeuw 1990, Finding Groups in
# Data).
MAX_SILHOUETTE = 0.25
NOT_DOUBTFUL = -1
_DIGITS = 9  # further digits are rounding errors


def find_doubtful(graph: SimilarityGraph, labels: Numbers) -> Numbers:
    """Return the other cluster of each doubtful node, or ``NOT_DOUBTFUL``.

    A file is doubtful if its silhouette width is at most ``MAX_SILHOUETTE``. Only other clusters
    with an edge to the node are compared. A file that is alone in its cluster, or similar to no
    file, is never doubtful, because its silhouette width is not defined. If several other clusters
    are equally similar, the result is the lowest of their numbers.

    Args:
        graph: The similarity of the files.
        labels: The cluster number of each node, from 0.
    """
    count = len(labels)
    sizes = np.bincount(labels, graph.sizes)
    node, cluster, total = _sum_similarities(graph, labels)
    is_own = cluster == labels[node]
    own = np.empty(count)
    own[node[is_own]] = total[is_own] - 1  # without the similarity of the file and itself
    own /= np.maximum(sizes[labels] - 1, 1)
    node, cluster, total = node[~is_own], cluster[~is_own], total[~is_own]
    mean = np.round(total / sizes[cluster], _DIGITS)
    best = np.zeros(count)
    np.maximum.at(best, node, mean)
    other = np.full(count, len(sizes), np.int64)
    is_best = mean == best[node]
    np.minimum.at(other, node[is_best], cluster[is_best])
    is_close = best >= np.round((1 - MAX_SILHOUETTE) * own, _DIGITS)
    is_doubtful = is_close & (best > 0) & (sizes[labels] > 1)
    return np.where(is_doubtful, other, NOT_DOUBTFUL)


def _sum_similarities(graph: SimilarityGraph, labels: Numbers) -> tuple[Numbers, Numbers, Reals]:
    """Return the total similarity of a file of each node to the files of clusters.

    The three arrays contain nodes, clusters and totals: for the cluster of the node, which includes
    the file itself, and for each cluster with an edge to the node.
    """
    count = len(labels)
    ends = graph.source, graph.target
    half = sparse.csr_array((graph.similarity, ends), shape=(count, count))
    entries = graph.sizes.astype(float), (np.arange(count), labels)
    members = sparse.csr_array(entries, shape=(count, labels.max(initial=-1) + 1))
    # Files with identical evidence have a similarity of 1.
    totals = ((half + half.T + sparse.eye_array(count)) @ members).tocoo()
    node, cluster = totals.row.astype(np.int64), totals.col.astype(np.int64)
    wide = multiply_rows(graph.wide_left, node, members.T @ graph.wide_right, cluster)
    same_node = graph.sizes * (graph.wide_left * graph.wide_right).sum(axis=1)
    wide -= np.where(cluster == labels[node], same_node[node], 0)
    return node, cluster, totals.data + wide

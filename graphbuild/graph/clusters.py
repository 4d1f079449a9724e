"""Add clusters to the nodes of a graph, and read them.

:func:`add_clusters` sets these node attributes: ``cluster``, the number of the cluster from 1,
``cluster_name``, and ``subcluster``, the label of the subcluster. On doubtful files, it also sets
``doubtful`` to True, and ``other_cluster`` to the number of the other cluster. The layout and the
exporters read these attributes, and find no clusters themselves. So all outputs of a campaign show
the same clusters.

Clusters consist of files and other subjects. A reference or collection gets the cluster of its
files if at least two thirds of its files are in one cluster. Otherwise, it belongs to several
clusters, and has none of these attributes. The same applies to all nodes that no observation
connects with a file, and to the attribute ``subcluster``.

If the strength of the clusters is known, the graph gets the attribute ``CLUSTER_STRENGTHS``: for
each cluster its number, the number of sources, and the breaking point as text. The HTML page shows
them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

from graphbuild.models import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import networkx as nx

    from graphbuild.models import ClusterTable

CLUSTER, CLUSTER_NAME, SUBCLUSTER = "cluster", "cluster_name", "subcluster"  # node attributes
DOUBTFUL, OTHER_CLUSTER = "doubtful", "other_cluster"  # attributes of doubtful files
CLUSTER_ATTRIBUTES = frozenset({CLUSTER, CLUSTER_NAME, SUBCLUSTER, DOUBTFUL, OTHER_CLUSTER})
CLUSTER_STRENGTHS = "cluster_strengths"  # attribute of the graph
NO_CLUSTER = 0  # for a node without the attribute ``cluster``
_Group = TypeVar("_Group", int, str)  # the number of a cluster, or the label of a subcluster
_MAJORITY = 2, 3  # minimum share of the files in one cluster, as a fraction


def add_clusters(graph: nx.DiGraph[str], table: ClusterTable) -> None:
    """Set the attributes of clusters on ``graph`` and on its nodes that belong to a cluster."""
    clusters = _spread(graph, table.numbers)
    for key, number in clusters.items():
        graph.nodes[key].update({CLUSTER: number, CLUSTER_NAME: table.names[number - 1]})
    if table.subclusters:
        labels = _spread(graph, subcluster_labels(table))
    else:  # spreading takes long in large graphs
        labels = {key: subcluster_label(number, 1, 1) for key, number in clusters.items()}
    for key, label in labels.items():
        graph.nodes[key][SUBCLUSTER] = label
    for key, other in table.doubtful.items():
        if key in graph:
            graph.nodes[key].update({DOUBTFUL: True, OTHER_CLUSTER: other})
    if table.strengths:
        graph.graph[CLUSTER_STRENGTHS] = tuple(
            (number, sources, format_breaking_point(breaking_point, is_exact=is_exact))
            for number, (sources, breaking_point, is_exact) in enumerate(table.strengths, start=1)
        )


def _spread(graph: nx.DiGraph[str], of_file: Mapping[str, _Group]) -> dict[str, _Group]:
    """Return the groups of the nodes of ``graph``, from the group of each file by node key."""
    found = {key: group for key, group in of_file.items() if key in graph}
    counts: dict[str, Counter[_Group]] = defaultdict(Counter)
    for file, group in found.items():
        for key in _evidence_of(graph, file):
            counts[key][group] += 1
    for key, count in counts.items():
        if (majority := _majority(count)) is not None and key in graph:
            found.setdefault(key, majority)
    return found


def subcluster_label(cluster: int, number: int, count: int) -> str:
    """Return a label such as ``3b``, for subcluster 2 of the ``count`` subclusters of cluster 3.

    If the cluster is not split, the label is the number of the cluster. Spreadsheets could take a
    label such as ``3.2`` for a date, and would not distinguish ``3.1`` from ``3.10``.
    """
    letters = ""
    while count > 1 and number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("a") + letter) + letters
    return f"{cluster}{letters}"


def format_breaking_point(breaking_point: int | None, *, is_exact: bool) -> str:
    """Return a breaking point as text: ``2``, ``≤3`` for an upper bound, or ``-`` for None."""
    if breaking_point is None:
        return "-"
    return f"{'' if is_exact else '≤'}{breaking_point}"


def cluster_of(node: Mapping[str, Any]) -> int:
    """Return the cluster number of a node from its attributes, or ``NO_CLUSTER``."""
    number = node.get(CLUSTER)
    return number if type(number) is int and number > 0 else NO_CLUSTER


def has_clusters(graph: nx.DiGraph[str]) -> bool:
    """Return whether a node of the graph belongs to a cluster."""
    return any(cluster_of(node) != NO_CLUSTER for node in graph.nodes.values())


def cluster_names(graph: nx.DiGraph[str]) -> dict[int, str]:
    """Return the name of each cluster of a graph by number, sorted by number."""
    names = {cluster_of(node): str(node.get(CLUSTER_NAME, "")) for node in graph.nodes.values()}
    return {number: names[number] for number in sorted(names) if number != NO_CLUSTER}


def has_subclusters(graph: nx.DiGraph[str]) -> bool:
    """Return whether a cluster of the graph is split."""
    return any(
        node.get(SUBCLUSTER) not in {None, str(cluster_of(node))} for node in graph.nodes.values()
    )


def cluster_strengths(graph: nx.DiGraph[str]) -> dict[int, tuple[int, str]]:
    """Return the number of sources and the breaking point (as text) of each cluster by number.

    The result is empty if the graph does not contain them.
    """
    rows = graph.graph.get(CLUSTER_STRENGTHS, ())
    return {number: (sources, breaking_point) for number, sources, breaking_point in rows}


def subcluster_labels(table: ClusterTable) -> dict[str, str]:
    """Return the label of the subcluster of each file by node key."""
    counts: dict[int, int] = {}
    for key, part in table.subclusters.items():
        cluster = table.numbers[key]
        counts[cluster] = max(part, counts.get(cluster, 1))
    return {
        key: subcluster_label(cluster, table.subclusters.get(key, 1), counts.get(cluster, 1))
        for key, cluster in table.numbers.items()
    }


def _evidence_of(graph: nx.DiGraph[str], file: str) -> set[str]:
    """Return the keys of the references and collections that observations connect with a file."""
    found: set[str] = set()
    for target, edge in graph.adj[file].items():
        related_from = edge.get("related_from")
        if related_from:
            found.update(related_from)
        if graph.nodes[target]["type"] == REFERENCE:
            found.add(target)
    return found


def _majority(count: Counter[_Group]) -> _Group | None:
    """Return the group that contains at least two thirds of the files, or None."""
    ((group, files),) = count.most_common(1)
    numerator, denominator = _MAJORITY
    return group if denominator * files >= numerator * count.total() else None

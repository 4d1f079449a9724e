"""Add clusters to the nodes of a graph, and read them.

:func:`add_clusters` sets two node attributes: ``cluster``, the number of the cluster from 1, and
``cluster_name``. The layout and the exporters read these attributes, and find no clusters
themselves. So all outputs of a campaign show the same clusters.

Clusters consist of files and other subjects. A reference or collection gets the cluster of its
files if at least two thirds of its files are in one cluster. Otherwise, it belongs to several
clusters, and has neither attribute. The same applies to all nodes that no observation connects with
a file.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from graphbuild.models import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import networkx as nx

    from graphbuild.models import ClusterTable

CLUSTER, CLUSTER_NAME = "cluster", "cluster_name"  # node attributes
NO_CLUSTER = 0  # for a node without the attribute ``cluster``
_MAJORITY = 2, 3  # minimum share of the files in one cluster, as a fraction


def add_clusters(graph: nx.DiGraph[str], table: ClusterTable) -> None:
    """Set ``cluster`` and ``cluster_name`` on the nodes of ``graph`` that belong to a cluster."""
    clusters = {key: number for key, number in table.numbers.items() if key in graph}
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for file, number in clusters.items():
        for key in _evidence_of(graph, file):
            counts[key][number] += 1
    for key, count in counts.items():
        if (number := _majority(count)) and key in graph:
            clusters.setdefault(key, number)
    for key, number in clusters.items():
        graph.nodes[key].update({CLUSTER: number, CLUSTER_NAME: table.names[number - 1]})


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


def _majority(count: Counter[int]) -> int:
    """Return the cluster that contains at least two thirds of the files, or ``NO_CLUSTER``."""
    ((number, files),) = count.most_common(1)
    numerator, denominator = _MAJORITY
    return number if denominator * files >= numerator * count.total() else NO_CLUSTER

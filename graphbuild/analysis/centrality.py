"""Rank files, references and collections by centrality.

Centrality is computed on the evidence graph (:attr:`Incidence.adjacency`). This graph links files
to their collections, collections to their references, and files to the references for which the API
names no collection. If a file is related to a reference through a report, the graph links the file
to the report, and the report to the reference. The exported graph has other shortest paths, because
it links each file to each of its references.

* *Betweenness* (Freeman 1977, Sociometry 40) is the share of shortest paths through the node,
  averaged over all pairs of other nodes. For pairs without a path, the share is 0. In graphs of
  more than ``MAX_EXACT_NODES`` nodes, betweenness is estimated from a sample of start nodes
  (Geisberger, Sanders and Schultes 2008, ALENEX).
* *PageRank* (Brin and Page 1998, Comput. Netw. 30) is the share of time that a random walk spends
  at the node. At each step, the walk may restart at a random node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphbuild._util import require
from graphbuild.analysis._networkit import single_threaded
from graphbuild.analysis.incidence import as_incidence

if TYPE_CHECKING:
    import pandas as pd

    from graphbuild.analysis.incidence import Matrix, Reals
    from graphbuild.models import Entity

MAX_EXACT_NODES = 2_000  # in larger graphs, betweenness is estimated
SAMPLES = 500  # default number of start nodes for the estimate
DAMPING = 0.85  # probability that the random walk does not restart, as in Brin and Page
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class NodeCentrality:
    """The centrality of one file, reference or collection.

    Attributes:
        degree: Number of neighbors in the evidence graph.
        betweenness: Mean share of shortest paths through the node, from 0 to 1.
        pagerank: PageRank, from 0 to 1; the sum over all nodes is 1.
    """

    entity: Entity
    degree: int
    betweenness: float
    pagerank: float


@dataclass(frozen=True, slots=True)
class Centrality:
    """The centrality of all nodes.

    Attributes:
        nodes: The nodes, sorted by betweenness, then by PageRank, both descending and rounded to 12
            decimals. Nodes with equal values are in the order files, collections, references, and
            then sorted by node key.
        samples: Number of start nodes from which betweenness was estimated; None if it is exact.
    """

    nodes: tuple[NodeCentrality, ...]
    samples: int | None

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row per node.

        Columns: ``key``, ``type``, ``degree``, ``betweenness``, ``pagerank``.
        """
        import pandas as pd  # noqa: PLC0415  loads slowly

        rows = [
            (each.entity.key, each.entity.type, each.degree, each.betweenness, each.pagerank)
            for each in self.nodes
        ]
        return pd.DataFrame(rows, columns=["key", "type", "degree", "betweenness", "pagerank"])


def compute_centrality(data: object, *, samples: int = SAMPLES, seed: int = 0) -> Centrality:
    """Compute the centrality of all files, references and collections.

    ``data`` is a graph, a store, observations or an ``Incidence``. In graphs of more than
    ``MAX_EXACT_NODES`` nodes, betweenness is estimated from ``samples`` random start nodes.
    ``seed`` is the seed of the random number generator.
    """
    require("networkit", extra="analysis")
    incidence = as_incidence(data)
    entities = (*incidence.files, *incidence.collections, *incidence.references)
    if not entities:
        return Centrality((), None)
    upper = incidence.adjacency
    degree = upper.sum(axis=0) + upper.sum(axis=1)
    graph = to_networkit(upper)
    sampled = samples if len(entities) > MAX_EXACT_NODES else None
    between, rank = betweenness(graph, sampled, seed), pagerank(graph)
    order = np.lexsort((np.arange(len(entities)), -rank.round(12), -between.round(12)))
    nodes = tuple(
        NodeCentrality(entities[n], int(degree[n]), float(between[n]), float(rank[n]))
        for n in order.tolist()
    )
    return Centrality(nodes, sampled)


def to_networkit(upper: Matrix) -> Any:  # noqa: ANN401  a networkit.Graph
    """Convert the upper triangle of an adjacency matrix to an undirected NetworKit graph."""
    entries = upper.tocoo()
    edges = np.ones(entries.nnz), (entries.row, entries.col)
    return require("networkit", extra="analysis").GraphFromCoo(
        edges, n=upper.shape[0], directed=False
    )


def betweenness(graph: Any, samples: int | None, seed: int) -> Reals:  # noqa: ANN401  networkit.Graph
    """Return the betweenness of each node, from 0 to 1; it is exact if ``samples`` is None."""
    if graph.numberOfNodes() < 3:  # noqa: PLR2004  a node and two others
        return np.zeros(graph.numberOfNodes())
    centrality = require("networkit", extra="analysis").centrality
    with single_threaded(seed):
        if samples is None:
            algorithm = centrality.Betweenness(graph, normalized=True)
        else:
            algorithm = centrality.EstimateBetweenness(graph, samples, normalized=True)
        return np.array(algorithm.run().scores())


def pagerank(graph: Any) -> Reals:  # noqa: ANN401  a networkit.Graph
    """Return the PageRank of each node."""
    with single_threaded(0):
        algorithm = require("networkit", extra="analysis").centrality.PageRank(
            graph, damp=DAMPING, tol=_TOLERANCE
        )
        return np.array(algorithm.run().scores())

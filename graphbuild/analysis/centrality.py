"""What stands in the middle: files, reports and collections through which the others are tied.

Asked of the evidence itself, where a file is tied to its collections and these to their references
(:attr:`Incidence.evidence`), and not of the drawn graph, in which a file is tied to each reference.

* *Betweenness* (Freeman 1977, Sociometry 40): the share of shortest chains between two others that
  go through it. Beyond :data:`EXACT` nodes it is estimated from those that begin at a sample of
  nodes (Geisberger, Sanders and Schultes 2008, ALENEX).
* *PageRank* (Brin and Page 1998, Comput. Netw. 30): how often one comes by who walks along the ties
  at random, and begins anew at any node every seventh step or so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from graphbuild.analysis._optional import library, on_one_thread

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd
    from numpy.typing import NDArray

    from graphbuild.analysis.incidence import Incidence, Matrix
    from graphbuild.models import Entity

EXACT = 2_000  # nodes up to which betweenness is counted, not estimated
SAMPLES = 500
DAMPING = 0.85  # as in the paper
_SETTLED = 1e-9  # by which share the solution may still be off


@dataclass(frozen=True, slots=True)
class Central:
    """How much a file, a report or a collection stands in the middle.

    Attributes:
        entity: which.
        ties: to how many others it is tied.
        betweenness: the share of shortest chains between two others that go through it, 0 to 1.
        pagerank: the share of a random walk spent there; that of all is 1.
    """

    entity: Entity
    ties: int
    betweenness: float
    pagerank: float


@dataclass(frozen=True, slots=True)
class Centrality:
    """All nodes, first those through which most chains go.

    Attributes:
        nodes: one for each; of equals the one with the larger PageRank comes first, then files
            before collections before references, each by key.
        samples: from how many nodes betweenness was estimated; None where it was counted.
    """

    nodes: tuple[Central, ...]
    samples: int | None

    def frame(self) -> pd.DataFrame:
        """A row for each node: ``key``, ``type``, ``ties``, ``betweenness``, ``pagerank``."""
        import pandas as pd  # noqa: PLC0415  loads slowly

        rows = [
            (each.entity.key, each.entity.type, each.ties, each.betweenness, each.pagerank)
            for each in self.nodes
        ]
        return pd.DataFrame(rows, columns=["key", "type", "ties", "betweenness", "pagerank"])


def find_central(incidence: Incidence, *, samples: int = SAMPLES, seed: int = 0) -> Centrality:
    """What stands in the middle.

    Args:
        incidence: what was observed.
        samples: from how many nodes betweenness is estimated in a large campaign.
        seed: of the sample.

    Raises:
        AnalysisError: scipy or NetworKit, both in the extra ``analysis``, is not installed.
    """
    entities = (*incidence.files, *incidence.collections, *incidence.references)
    if not entities:
        return Centrality((), None)
    half = incidence.evidence
    ties = half.sum(axis=0) + half.sum(axis=1)
    estimated = len(entities) > EXACT
    through = betweenness(evidence_graph(half), samples if estimated else None, seed)
    walked = pagerank(half)
    order = np.lexsort((np.arange(len(entities)), -walked.round(12), -through.round(12)))
    nodes = tuple(
        Central(entities[n], int(ties[n]), float(through[n]), float(walked[n]))
        for n in order.tolist()
    )
    return Centrality(nodes, samples if estimated else None)


class EvidenceGraph(NamedTuple):
    """The evidence as NetworKit walks it.

    Attributes:
        graph: in which those that are tied stand near each other, so that it is walked faster.
        order: for each of its nodes the number that it has in the evidence.
    """

    graph: Any
    order: NDArray[np.intp]


def evidence_graph(half: Matrix) -> EvidenceGraph:
    """The graph with these ties, each told once.

    Its order is Cuthill's and McKee's (1969, Proc. ACM Nat. Conf. 24), reversed.
    """
    networkit, graphs = library("networkit"), library("scipy.sparse.csgraph")
    order = graphs.reverse_cuthill_mckee((half + half.T).tocsr(), symmetric_mode=True)
    place = np.argsort(order)
    told = half.tocoo()
    edges = np.ones(told.nnz), (place[told.row], place[told.col])
    graph = networkit.GraphFromCoo(edges, n=half.shape[0], directed=False)
    return EvidenceGraph(graph, order)


def betweenness(evidence: EvidenceGraph, samples: int | None, seed: int) -> NDArray[np.float64]:
    """The share of shortest chains through each node, from a sample of nodes, or None: from all."""
    networkit, (graph, order) = library("networkit"), evidence
    through = np.zeros(len(order))
    if len(order) < 3:  # noqa: PLR2004  nobody stands between two
        return through
    with on_one_thread(networkit, seed):
        if samples is None:
            run = networkit.centrality.Betweenness(graph, normalized=True)
        else:
            run = networkit.centrality.EstimateBetweenness(graph, samples, normalized=True)
        through[order] = run.run().scores()
    return through


def pagerank(half: Matrix) -> NDArray[np.float64]:
    """The share of a random walk spent at each node, of which each has a tie.

    Ties have no direction, so the linear system of the walk (Del Corso, Gulli and Romani 2005,
    Internet Math. 2) can be made symmetric, and conjugate gradients solve it in a few steps.
    """
    linear = library("scipy.sparse.linalg")
    turned, size = half.T, half.shape[0]
    root = np.sqrt(half.sum(axis=0) + half.sum(axis=1))

    def system(walk: NDArray[np.float64]) -> NDArray[np.float64]:
        spread = walk / root
        return np.asarray(walk - DAMPING * (half @ spread + turned @ spread) / root)

    operator = linear.LinearOperator(half.shape, system, dtype=float)
    begun = (1 - DAMPING) / size / root
    solved, _ = linear.cg(operator, begun, rtol=_SETTLED, atol=0.0)
    walked: NDArray[np.float64] = root * solved
    return walked

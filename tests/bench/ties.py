"""Compare overlaps, clusters and centrality with networkx, at 100,000 and 1,000,000 edges.

As a script, this file measures one side in its own process.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":  # as a script, without the package on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import networkx as nx
import numpy as np
from scipy import sparse

from graphbuild.analysis.average_linkage import merge_similar
from graphbuild.analysis.centrality import DAMPING, betweenness, pagerank, to_networkit
from graphbuild.analysis.clusters import MIN_SIMILARITY
from graphbuild.analysis.file_similarity import compute_similarity
from graphbuild.analysis.incidence import Incidence
from graphbuild.analysis.projection import jaccard, project
from graphbuild.models import Entity, Observation
from tests.bench.rows import Row, paired
from tests.bench.steps import run_step
from tests.bench.usage import Used

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from graphbuild.analysis.average_linkage import SimilarityGraph

    # The function to measure, and one that converts its result for the comparison.
    Side = tuple[Callable[[], Any], Callable[[Any], object]]

_EDGES = 100_000
_MANY_EDGES = 1_000_000
_EACH = 200  # references a file
_STARTS = 20  # start nodes for betweenness; with more, networkx takes an hour
_MANY_STARTS = 1_000  # for the reference values
_GROUP = 50  # nodes per true cluster
_FASTER, _MUCH_FASTER = 0.1, 0.01  # goals: CPU time divided by that of networkx
# PageRank is NetworKit's own function, with an error a million times smaller than that of networkx.
# It takes about 4 s for a million edges, so nobody would notice a faster one.
_PAGERANK_GOAL = 0.5
_run = partial(run_step, __file__)


def overlap(pairs: int, edges: int = _EDGES) -> list[Row]:
    """Measure the projection onto files: shared references and Jaccard index."""
    case = f"files by shared references, {edges:,} edges: CPU"
    names = {"counts": "weighted_projected_graph", "jaccard": "overlap_weighted_projected_graph"}
    rows = []
    for measure, name in names.items():
        turns = [
            [_run(f"{side}-{measure}", edges) for side in ("ours", "nx")] for _ in range(pairs)
        ]
        for ours, theirs in turns:
            assert ours["result"] == theirs["result"], "the results differ"
        cpu = [[turn[n]["cpu"] for turn in turns] for n in (0, 1)]
        row = paired(f"{case}, {measure}", *cpu, f"nx.bipartite.{name}", _MUCH_FASTER)
        rows.append(replace(row, shown="{:.4f}x"))
    return rows


def many_overlap(pairs: int) -> list[Row]:
    """Measure the same with a million edges."""
    return overlap(pairs, _MANY_EDGES)


def find(pairs: int, edges: int = _EDGES) -> list[Row]:
    """Measure clustering of similar files; the clusters must be at least as good."""
    turns = [[_run(f"{side}-clusters", edges) for side in ("ours", "nx")] for _ in range(pairs)]
    case = f"clusters, {edges:,} edges"
    cpu = [[turn[n]["cpu"] for turn in turns] for n in (0, 1)]
    found = [[turn[n]["result"] for turn in turns] for n in (0, 1)]
    worst = max(theirs / ours for ours, theirs in zip(*found, strict=True))
    return [
        paired(f"{case}: CPU", *cpu, "nx louvain_communities", _FASTER),
        Row(
            f"{case}: AMI with the true clusters, theirs by ours",
            f"{min(found[0]):.3f}",
            f"{max(found[1]):.3f} nx louvain_communities",
            worst,
            1.005,
            shown="{:.3f}x",
        ),
    ]


def many_find(pairs: int) -> list[Row]:
    """Measure the same with a million edges."""
    return find(pairs, _MANY_EDGES)


def central(pairs: int, edges: int = _EDGES) -> list[Row]:
    """Measure PageRank and betweenness; the errors must be at most as large."""
    rows = []
    for measure, name, goal in (
        ("pagerank", "pagerank", _PAGERANK_GOAL),
        ("betweenness", "betweenness_centrality", _FASTER),
    ):
        turns = [
            [_run(f"{side}-{measure}", edges) for side in ("ours", "nx")] for _ in range(pairs)
        ]
        cpu = [[turn[n]["cpu"] for turn in turns] for n in (0, 1)]
        case = f"{measure} of the evidence, {edges:,} edges"
        rows.append(paired(f"{case}: CPU", *cpu, f"nx.{name}", goal))
        (ours, theirs), *_ = ([turn[n]["result"] for n in (0, 1)] for turn in turns)
        rows.append(
            Row(
                f"{case}: error",
                f"{ours:.1e}",
                f"{theirs:.1e} nx.{name}",
                ours / theirs,
                1.05,
            )
        )
    return rows


def many_central(pairs: int) -> list[Row]:
    """Measure the same with a million edges."""
    return central(pairs, _MANY_EDGES)


# --- sides ---------------------------------------------------------------------------------------


def observations(edges: int) -> Iterator[Observation]:
    """Yield observations of files with 200 references each, some of them shared."""
    rng = Random(7)
    references = [Entity("reference", f"{number:064x}") for number in range(edges // 2)]
    for number in range(edges // _EACH):
        file = Entity("file", f"{number:064x}")
        for reference in rng.sample(references, _EACH):
            yield Observation(file, reference, None)


def _incidence(edges: int) -> Incidence:
    return Incidence.from_observations(observations(edges))


def _bipartite(edges: int) -> tuple[nx.Graph[str], list[str]]:
    graph = nx.Graph((one.subject.key, one.reference.key) for one in observations(edges))
    return graph, [key for key in graph if key.startswith("file:")]


def _ours_counts(edges: int) -> Side:
    incidence = _incidence(edges)
    return lambda: _projection(incidence.file_references), lambda result: _digest(incidence, result)


def _ours_jaccard(edges: int) -> Side:
    incidence = _incidence(edges)

    def act() -> Any:
        matrix = incidence.file_references
        one, other, shared = _projection(matrix)
        return one, other, jaccard(matrix, one, other, shared)

    return act, lambda result: _digest(incidence, result)


def _projection(matrix: Any) -> tuple[Any, Any, Any]:
    product = project(matrix).tocoo()
    return product.row, product.col, product.data


def _nx_counts(edges: int) -> Side:
    graph, files = _bipartite(edges)
    return lambda: nx.bipartite.weighted_projected_graph(graph, files), _digest_of


def _nx_jaccard(edges: int) -> Side:
    graph, files = _bipartite(edges)
    return lambda: nx.bipartite.overlap_weighted_projected_graph(graph, files), _digest_of


def _digest(incidence: Incidence, result: Any) -> str:
    keys = [file.key for file in incidence.files]
    columns = (column.tolist() for column in result)
    return _hashed((keys[a], keys[b], value) for a, b, value in zip(*columns, strict=True))


def _digest_of(graph: nx.Graph[str]) -> str:
    return _hashed((min(a, b), max(a, b), value) for a, b, value in graph.edges(data="weight"))


def _hashed(pairs: Iterator[tuple[str, str, float]]) -> str:
    lines = sorted(f"{one} {other} {value:.12f}" for one, other, value in pairs)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _planted(edges: int) -> tuple[SimilarityGraph, NDArray[np.int64]]:
    """Return the similarity of about ``edges`` pairs of files, and the true cluster of each file.

    A file is in the collection of its cluster, and in one of five smaller ones of its cluster; a
    tenth of these memberships are missing. A tenth of the files are in a collection of others.
    """
    rng = np.random.default_rng(7)
    files = edges // 22
    cluster = np.arange(files) // _GROUP
    clusters = int(cluster[-1]) + 1
    small = clusters + 5 * cluster + rng.integers(0, 5, files)
    other = rng.integers(0, 6 * clusters, files)
    row = np.tile(np.arange(files), 3)
    column = np.concatenate([cluster, small, other])
    present = rng.random(3 * files) < np.repeat([0.9, 0.9, 0.1], files)
    entries = np.ones(present.sum()), (row[present], column[present])
    evidence = sparse.csr_array(entries, shape=(files, 6 * clusters))
    degrees = np.bincount(evidence.indices, minlength=6 * clusters)
    weights = np.log2(1 + files / np.maximum(degrees, 1))
    same = sparse.eye_array(evidence.shape[1], format="csr")
    return compute_similarity(evidence, np.ones(files, np.int64), weights, same), cluster


def _ours_clusters(edges: int) -> Side:
    graph, true = _planted(edges)
    return lambda: merge_similar(graph, MIN_SIMILARITY), lambda found: _agreement(true, found)


def _nx_clusters(edges: int) -> Side:
    similar, true = _planted(edges)
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(true)))
    columns = (each.tolist() for each in (similar.source, similar.target, similar.similarity))
    graph.add_weighted_edges_from(zip(*columns, strict=True))

    def convert(groups: list[set[int]]) -> float:
        label = np.empty(len(true), int)
        for number, members in enumerate(groups):
            label[list(members)] = number
        return _agreement(true, label)

    return lambda: nx.community.louvain_communities(graph, seed=1), convert


def _agreement(true: NDArray[np.int64], found: NDArray[np.int64]) -> float:
    from sklearn.metrics import adjusted_mutual_info_score  # noqa: PLC0415  loads slowly

    return float(adjusted_mutual_info_score(true, found))


def _ours_pagerank(edges: int) -> Side:
    graph = to_networkit(_incidence(edges).adjacency)
    return lambda: pagerank(graph), lambda found: _error(found, _exact_pagerank(edges))


def _nx_pagerank(edges: int) -> Side:
    graph = _evidence(edges)
    return (
        lambda: nx.pagerank(graph),
        lambda found: _error(_in_order(found), _exact_pagerank(edges)),
    )


def _ours_betweenness(edges: int) -> Side:
    graph = to_networkit(_incidence(edges).adjacency)
    return (
        lambda: betweenness(graph, _STARTS, 1),
        lambda found: _error(found, betweenness(graph, _MANY_STARTS, 2)),
    )


def _nx_betweenness(edges: int) -> Side:
    graph = _evidence(edges)

    def convert(found: dict[int, float]) -> float:
        same = to_networkit(_incidence(edges).adjacency)
        return _error(_in_order(found), betweenness(same, _MANY_STARTS, 2))

    return lambda: nx.betweenness_centrality(graph, k=_STARTS, seed=1), convert


def _evidence(edges: int) -> nx.Graph[int]:
    """Return the evidence graph for networkx, with the same node numbers."""
    upper = _incidence(edges).adjacency.tocoo()
    graph: nx.Graph[int] = nx.empty_graph(upper.shape[0])
    graph.add_edges_from(zip(upper.row.tolist(), upper.col.tolist(), strict=True))
    return graph


def _exact_pagerank(edges: int) -> NDArray[np.float64]:
    """Return PageRank by power iteration, without a tolerance."""
    upper = _incidence(edges).adjacency
    whole = (upper + upper.T).tocsr().astype(float)
    degree = np.maximum(whole.sum(axis=1), 1)
    found = np.full(whole.shape[0], 1 / whole.shape[0])
    for _ in range(500):
        found = (1 - DAMPING) / len(found) + DAMPING * (whole @ (found / degree))
        found /= found.sum()
    return found


def _in_order(found: dict[int, float]) -> NDArray[np.float64]:
    return np.array([found[node] for node in range(len(found))])


def _error(found: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    """Return the root mean square error."""
    return float(np.sqrt(np.mean((found - true) ** 2)))


SIDES = {
    "ours-pagerank": _ours_pagerank,
    "nx-pagerank": _nx_pagerank,
    "ours-betweenness": _ours_betweenness,
    "nx-betweenness": _nx_betweenness,
    "ours-counts": _ours_counts,
    "ours-jaccard": _ours_jaccard,
    "ours-clusters": _ours_clusters,
    "nx-counts": _nx_counts,
    "nx-jaccard": _nx_jaccard,
    "nx-clusters": _nx_clusters,
}


def _main() -> None:
    # The import time of libraries is not measured here.
    import scipy.sparse.linalg as _  # noqa: F401, PLC0415

    act, convert = SIDES[sys.argv[1]](int(sys.argv[2]))
    used = Used()
    found = act()
    spent = used.so_far()
    json.dump({**spent, "result": convert(found)}, sys.stdout)


if __name__ == "__main__":
    _main()

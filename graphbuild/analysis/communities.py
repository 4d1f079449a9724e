"""Clusters of files that belong together: campaigns, as far as reports and collections tell.

Files are tied through their sources (see :mod:`overlap`). Four things make the ties:

* a source with many files is weak: it shares out one unit of weight among its files (the resource
  allocation of Zhou et al. 2007, Phys. Rev. E 76, 046115), so a round-up of everything ties nobody;
* two collections tie each other's files too where they share references beyond chance: by their
  Jaccard likeness, once q <= 0.05. Ties that chance explains carry nothing over;
* files with the same sources are one node of that weight, so a family costs no more than a file;
* clusters maximise modularity (Leiden: Traag et al. 2019, Sci. Rep. 9, 5233) at the resolution that
  the clusters themselves imply, found by turns (Newman 2016, Phys. Rev. E 94, 052315). At the usual
  resolution of 1 small campaigns of a large world are swallowed.

Of several runs with other seeds the best counts; how well the others agree with it is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from graphbuild.analysis._optional import library, on_one_thread
from graphbuild.analysis.incidence import alike
from graphbuild.analysis.overlap import find_ties
from graphbuild.errors import AnalysisError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from graphbuild.analysis.incidence import Incidence, Matrix
    from graphbuild.models import Entity

    Numbers = NDArray[np.int64]
    Reals = NDArray[np.float64]
    Find = Callable[[float, int], Numbers]  # clusters, by resolution and seed

Method = Literal["auto", "leiden", "louvain"]
RUNS = 10
_TURNS = 20  # to find the resolution; three or four do
_PASSES = 5  # of Leiden over all nodes; more change nothing on planted worlds
_CLOSE = 0.02  # a resolution that moves no more than by this share has settled
_TOLD = 5  # telling collections and reports of a cluster


@dataclass(frozen=True, slots=True)
class Telling:
    """A collection or a report by which a cluster is known.

    Attributes:
        entity: which.
        inside: how many files of the cluster have it.
        outside: how many others.
        lift: how many times more frequent it is inside than among all files.
        score: how much better two frequencies, inside and outside, explain this than one: the
            log-likelihood ratio (Dunning 1993, Computational Linguistics 19).
    """

    entity: Entity
    inside: int
    outside: int
    lift: float
    score: float


@dataclass(frozen=True, slots=True)
class Community:
    """Files that belong together.

    Attributes:
        number: from 1, the largest first.
        files: sorted by key.
        collections: the most telling, first the most.
        references: the most telling reports.
        stability: how much of it other runs find again: the mean over the runs of the Jaccard
            likeness with the likest cluster there (Hennig 2007, Comput. Stat. Data Anal. 52).
    """

    number: int
    files: tuple[Entity, ...]
    collections: tuple[Telling, ...]
    references: tuple[Telling, ...]
    stability: float

    @property
    def name(self) -> str:
        """What to call it: its most telling collection, or report, or a file that is alone."""
        for telling in (*self.collections, *self.references):
            return telling.entity.label
        return self.files[0].label


@dataclass(frozen=True, slots=True, eq=False)
class Communities:
    """All clusters of a campaign.

    Attributes:
        groups: the clusters, the largest first.
        label: the number of the cluster of each file, in the order of ``Incidence.files``.
        method: what found them.
        resolution: at which they were found.
        modularity: how much more of the ties is inside clusters than if they were dealt out by
            degree, at that resolution.
        agreement: the mean stability of a file's cluster.
    """

    groups: tuple[Community, ...]
    label: Numbers
    method: str
    resolution: float
    modularity: float

    @property
    def agreement(self) -> float:
        """The mean stability of a file's cluster; 1 where there is none."""
        sizes = [len(group.files) for group in self.groups]
        told = sum(g.stability * size for g, size in zip(self.groups, sizes, strict=True))
        return told / sum(sizes) if sizes else 1.0

    def frame(self) -> pd.DataFrame:
        """A table with a row for each file: its key, the number and the name of its cluster."""
        import pandas as pd  # noqa: PLC0415  loads slowly

        rows = [
            (file.key, group.number, group.name, group.stability)
            for group in self.groups
            for file in group.files
        ]
        columns = ["file", "cluster", "name", "stability"]
        return pd.DataFrame(rows, columns=columns).astype({"name": "category"})


def find_communities(
    incidence: Incidence, *, seed: int = 0, runs: int = RUNS, method: Method = "auto"
) -> Communities:
    """Clusters of files; the same observations and seed give the same.

    Args:
        incidence: what was observed.
        seed: of the first run; the next ones count up from it.
        runs: how many, at least 1.
        method: ``leiden``, by NetworKit; ``louvain``, by networkx; or ``auto``: Leiden where
            NetworKit is installed.

    Raises:
        AnalysisError: scipy, or NetworKit where it was asked for, is not installed.
    """
    called, finder = _method(method)
    ties, node = _ties(incidence)
    find = finder(ties)
    resolution = _resolution(ties, find, seed)
    found = [find(resolution, seed + run) for run in range(max(1, runs))]
    quality = [ties.modularity(labels, resolution) for labels in found]
    best = int(np.argmax(np.round(quality, 12)))
    label = _by_size(found[best][node])
    stability = _stability(label, [labels[node] for labels in found])
    groups = _described(incidence, label, stability)
    return Communities(groups, label + 1, called, resolution, quality[best])


# --- ties ----------------------------------------------------------------------------------------


class Ties(NamedTuple):
    """A weighted graph: each pair once, a node's tie to itself with the weight of its inner pairs.

    Attributes:
        size: how many nodes.
        one: of each tie, the one end.
        other: and the other.
        weight: how strong.
    """

    size: int
    one: Numbers
    other: Numbers
    weight: Reals

    def modularity(self, label: Numbers, resolution: float) -> float:
        """How good clusters are (Newman and Girvan 2004; Reichardt and Bornholdt 2006)."""
        inside, total, of_cluster = self._shares(label)
        if not total:
            return 0.0
        return float(inside / total - resolution * ((of_cluster / total) ** 2).sum())

    def implied_resolution(self, label: Numbers) -> float | None:
        """At which resolution clusters are the likeliest (Newman 2016, equation 15), if at any."""
        inside, total, of_cluster = self._shares(label)
        by_degree = (of_cluster**2).sum() / total if total else 0.0
        if not 0 < by_degree < total or not 0 < inside < total:
            return None
        within, between = inside / by_degree, (total - inside) / (total - by_degree)
        if within <= between:
            return None
        return float((within - between) / np.log(within / between))

    def _shares(self, label: Numbers) -> tuple[float, float, Reals]:
        """Twice the weight inside clusters and in all, and the sum of degrees by cluster."""
        ends = np.concatenate([label[self.one], label[self.other]])
        weights = np.concatenate([self.weight, self.weight])
        of_cluster = np.bincount(ends, weights).astype(float)
        inside = self.weight[label[self.one] == label[self.other]].sum()
        return float(2 * inside), float(of_cluster.sum()), of_cluster


def _ties(incidence: Incidence) -> tuple[Ties, Numbers]:
    """The ties of nodes, and which node each file is; files with the same sources are one."""
    sparse = library("scipy.sparse")
    sources = incidence.file_sources
    node = alike(sources)
    _, first, sizes = np.unique(node, return_index=True, return_counts=True)
    degrees = np.bincount(sources.indices, minlength=sources.shape[1])
    shares = sparse.diags_array(1 / np.sqrt(np.maximum(degrees, 1)))
    reach = sources[first].astype(float) @ shares
    weights = sparse.triu(reach @ _carried(incidence, sources.shape[1]) @ reach.T).tocoo()
    one, other = weights.row.astype(np.int64), weights.col.astype(np.int64)
    pairs = np.where(one == other, sizes[one] * (sizes[one] - 1) / 2, sizes[one] * sizes[other])
    kept = pairs > 0
    weight = weights.data * pairs
    return Ties(len(first), one[kept], other[kept], weight[kept]), node


def _carried(incidence: Incidence, size: int) -> Matrix:
    """How much a tie through one source is one through another: itself, and what is beyond chance.

    Collections come first among the sources.
    """
    sparse = library("scipy.sparse")
    tied = find_ties(incidence, "collections").beyond_chance()
    entries = tied.jaccard, (tied.one, tied.other)
    likeness = sparse.csr_array(entries, shape=(size, size))
    return likeness + likeness.T + sparse.eye_array(size)


# --- clusters ------------------------------------------------------------------------------------


def _method(method: Method) -> tuple[str, Callable[[Ties], Find]]:
    if method != "louvain":
        try:
            library("networkit")
        except AnalysisError:
            if method == "leiden":
                raise
        else:
            return "Leiden (NetworKit)", leiden
    return "Louvain (networkx)", louvain


def leiden(ties: Ties) -> Find:
    """Finds clusters by Leiden.

    Raises:
        AnalysisError: NetworKit, in the extra ``analysis``, is not installed.
    """
    networkit = library("networkit")
    edges = ties.weight, (ties.one, ties.other)
    graph = networkit.GraphFromCoo(edges, n=ties.size, weighted=True, directed=False)

    def find(resolution: float, seed: int) -> Numbers:
        with on_one_thread(networkit, seed):
            run = networkit.community.ParallelLeiden(graph, iterations=_PASSES, gamma=resolution)
            return np.array(run.run().getPartition().getVector(), np.int64)

    return find if len(ties.weight) else lambda *_: np.arange(ties.size)


def louvain(ties: Ties) -> Find:
    """Finds clusters by Louvain, without NetworKit."""
    import networkx as nx  # noqa: PLC0415  loads slowly

    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(ties.size))
    graph.add_weighted_edges_from(
        zip(ties.one.tolist(), ties.other.tolist(), ties.weight.tolist(), strict=True)
    )

    def find(resolution: float, seed: int) -> Numbers:
        label = np.zeros(ties.size, np.int64)
        found = nx.community.louvain_communities(graph, resolution=resolution, seed=seed)
        for number, members in enumerate(found):
            label[list(members)] = number
        return label

    return find


def _resolution(ties: Ties, find: Find, seed: int) -> float:
    """By turns: clusters at a resolution, and the resolution that these imply."""
    resolution = 1.0
    for _ in range(_TURNS):
        implied = ties.implied_resolution(find(resolution, seed))
        if implied is None or abs(implied - resolution) < _CLOSE * resolution:
            break
        resolution = implied
    return resolution


def _by_size(label: Numbers) -> Numbers:
    """The largest first, of equals the one with the first file."""
    _, first, which, sizes = np.unique(
        label, return_index=True, return_inverse=True, return_counts=True
    )
    place = np.empty(len(first), np.int64)
    place[np.lexsort((first, -sizes))] = np.arange(len(first))
    return place[which] if len(label) else label


def _stability(label: Numbers, runs: Sequence[Numbers]) -> Reals:
    """Of each cluster, how much of it the runs find again."""
    if not len(label):
        return np.zeros(0)
    found: Reals = np.mean([likest(label, _by_size(run)) for run in runs], axis=0)
    return found


def likest(label: Numbers, other: Numbers) -> Reals:
    """The Jaccard likeness of each cluster of ``label`` with the likest one of ``other``."""
    pairs, both = np.unique(np.stack([label, other]), axis=1, return_counts=True)
    ours, theirs = np.bincount(label), np.bincount(other)
    likeness = both / (ours[pairs[0]] + theirs[pairs[1]] - both)
    best = np.zeros(len(ours))
    np.maximum.at(best, pairs[0], likeness)
    return best


# --- what they are about -------------------------------------------------------------------------


def _described(incidence: Incidence, label: Numbers, stability: Reals) -> tuple[Community, ...]:
    collections = _telling(incidence.file_collections, label, incidence.collections)
    references = _telling(incidence.file_references, label, incidence.references)
    members: list[list[Entity]] = [[] for _ in stability]
    for file, number in zip(incidence.files, label.tolist(), strict=True):
        members[number].append(file)
    rows = zip(members, collections, references, stability.tolist(), strict=True)
    return tuple(
        Community(number, tuple(files), behind, reports, found)
        for number, (files, behind, reports, found) in enumerate(rows, start=1)
    )


def _telling(matrix: Matrix, label: Numbers, names: Sequence[Entity]) -> list[tuple[Telling, ...]]:
    """For each cluster, what its files have and others have not."""
    sparse = library("scipy.sparse")
    sizes = np.bincount(label)
    of_cluster = sparse.csr_array(
        (np.ones(len(label), np.int64), (label, np.arange(len(label)))),
        shape=(len(sizes), len(label)),
    )
    counts = (of_cluster @ matrix).tocsr()
    counts.sort_indices()
    totals = np.bincount(matrix.indices, minlength=matrix.shape[1])
    told: list[tuple[Telling, ...]] = []
    for number, size in enumerate(sizes.tolist()):
        row = slice(*counts.indptr[number : number + 2])
        columns, inside = counts.indices[row], counts.data[row]
        among = totals[columns]
        score = _likelihood_ratio(inside, size, among, len(label))
        lift = inside / size / (among / len(label))
        best = np.lexsort((columns, -inside, -np.round(score, 9)))
        told.append(
            tuple(
                Telling(
                    names[columns[n]],
                    int(inside[n]),
                    int(among[n] - inside[n]),
                    float(lift[n]),
                    float(score[n]),
                )
                for n in best[lift[best] >= 1][:_TOLD].tolist()
            )
        )
    return told


def _likelihood_ratio(inside: Numbers, size: int, among: Numbers, of_all: int) -> Reals:
    """Of the table of two by two: inside or not, having it or not."""
    has, lacks = among, of_all - among
    ratio = np.zeros(len(inside))
    for seen, total in ((inside, has), (size - inside, lacks)):
        for observed, share in ((seen, size), (total - seen, of_all - size)):
            expected = total * (share / of_all)
            with np.errstate(divide="ignore", invalid="ignore"):
                part = 2 * observed * np.log(observed / expected)
            ratio += np.where(observed > 0, part, 0.0)
    return np.asarray(ratio, float)

"""Quality of clusters and overlaps on generated campaigns.

The alternatives are Louvain on the number of shared references, connected components, and a test in
which each shared reference counts as independent evidence.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.incidence import Incidence
from graphbuild.analysis.null_model import NullModel
from graphbuild.analysis.overlap import find_overlaps
from graphbuild.analysis.projection import project
from tests.bench.rows import Row
from tests.support.planted_campaigns import LARGE, MEDIUM, SMALL, plant, shuffled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.support.planted_campaigns import PlantedCampaigns, Size

SIZES = {"small": (SMALL, 12), "medium": (MEDIUM, 8), "large": (LARGE, 4)}
_MIN_SCORE = 0.95  # adjusted mutual information (AMI) with the true clusters
_P_VALUE = 0.05
_MAX_SIGNIFICANT = 0.001  # share of all pairs of files


def clusters(_: int, sizes: Iterable[str] = SIZES, worlds: int | None = None) -> list[Row]:
    """Measure the adjusted mutual information with the true clusters."""
    rows = []
    for name in sizes:
        size, count = SIZES[name]
        rows += [_world(f"{name} world {seed}", size, seed) for seed in range(worlds or count)]
    return rows


def thin(_: int) -> list[Row]:
    """Measure the same for data in which many files have only one collection; there is no goal."""
    worlds = [(name, seed) for name in ("small", "medium") for seed in range(6)]
    rows = [
        _world(f"thin {name} world {seed}", SIZES[name][0], seed, thin=True)
        for name, seed in worlds
    ]
    return [replace(row, goal=None) for row in rows]


def _world(case: str, size: Size, seed: int, *, thin: bool = False) -> Row:
    planted = plant(seed, size, thin=thin)
    incidence = Incidence.from_observations(planted.observations())
    truth = [planted.truth[file.id] for file in incidence.files]
    ours = adjusted_mutual_info_score(truth, find_clusters(incidence).labels)
    graph = raw_projection(incidence)
    louvain = of_groups(truth, nx.community.louvain_communities(graph, seed=seed))
    components = of_groups(truth, nx.connected_components(graph))
    return Row(
        f"{case}, {len(truth):,} files: AMI with the true clusters",
        f"{ours:.3f}",
        f"{louvain:.3f} Louvain, {components:.3f} components",
        # At most 1 if the result is at least as good as both alternatives and above the minimum.
        max(louvain / ours, components / ours, _MIN_SCORE / ours),
        0.999,
    )


def raw_projection(incidence: Incidence) -> nx.Graph[int]:
    """Return the files, linked by the number of references that they share."""
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(incidence.files)))
    shared = project(incidence.file_references).tocoo()
    columns = (column.tolist() for column in (shared.row, shared.col, shared.data))
    graph.add_weighted_edges_from(zip(*columns, strict=True))
    return graph


def of_groups(truth: Sequence[int], groups: Iterable[Iterable[int]]) -> float:
    """Return the adjusted mutual information of groups of file indices with the true clusters."""
    label = np.empty(len(truth), int)
    for number, members in enumerate(groups):
        label[list(members)] = number
    return float(adjusted_mutual_info_score(truth, label))


def ties(_: int, sizes: Iterable[str] = ("small", "medium"), worlds: int = 3) -> list[Row]:
    """Measure the share of pairs with p <= 0.05, or with q <= 0.05, in shuffled data."""
    rows = []
    for name in sizes:
        size, _ = SIZES[name]
        found = [_shares(shuffled(plant(seed, size), seed)) for seed in range(worlds)]
        ours, by_references, sharing, collections, significant = (
            fmean(each) for each in zip(*found, strict=True)
        )
        other = f"{by_references:.1%} if references were independent, {sharing:.1%} share any"
        case = f"shuffled, {name}: "
        rows += [
            _share(f"{case}pairs of files with p <= 0.05", ours, other),
            _share(f"{case}pairs of collections with p <= 0.05", collections, "-"),
            replace(
                _share(f"{case}pairs of files with q <= 0.05", significant, "-"),
                ours=f"{significant:.2%}",
                goal=_MAX_SIGNIFICANT,
            ),
        ]
    return rows


def _share(case: str, share: float, other: str) -> Row:
    return Row(case, f"{share:.1%}", other, share, _P_VALUE, shown="{:.3f}")


def _shares(planted: PlantedCampaigns) -> tuple[float, ...]:
    incidence = Incidence.from_observations(planted.observations())
    found = find_overlaps(incidence)
    between = find_overlaps(incidence, "collections")
    return (
        (found.columns["p_value"] <= _P_VALUE).sum() / found.tested_pairs,
        _by_references(incidence) / found.tested_pairs,
        len(found) / found.tested_pairs,
        (between.columns["p_value"] <= _P_VALUE).sum() / between.tested_pairs,
        len(found.significant()) / found.tested_pairs,
    )


def _by_references(incidence: Incidence) -> int:
    """Return the number of pairs with p <= 0.05 if each shared reference were independent."""
    matrix = incidence.file_references
    model = NullModel.fit(matrix)
    weighted = matrix.astype(float)
    weighted.data = model.column_scores[matrix.indices].astype(float)
    shared = (weighted @ matrix.T).tocoo()
    pairs = (shared.row < shared.col) & (shared.data > 0)
    scores = np.rint(shared.data[pairs]).astype(int)
    return int((model.p_values(shared.row[pairs], shared.col[pairs], scores) <= _P_VALUE).sum())

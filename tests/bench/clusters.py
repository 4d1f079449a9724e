"""Planted campaigns: are they found, and are ties told where there are none?

Beside them, what is usually done: Louvain on files tied by the number of references they share,
connected components, shared references tested as if each were a fact of its own.
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
from graphbuild.analysis.overlap import find_overlaps, projection
from tests.bench.rows import Row
from tests.support.planted_campaigns import LARGE, MEDIUM, SMALL, plant, shuffled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.support.planted_campaigns import PlantedCampaigns, Size

SIZES = {"small": (SMALL, 12), "medium": (MEDIUM, 8), "large": (LARGE, 4)}
_ENOUGH = 0.95  # benjamini_hochberg mutual information with the truth
_LEVEL = 0.05


def clusters(_: int, sizes: Iterable[str] = SIZES, worlds: int | None = None) -> list[Row]:
    """Adjusted mutual information with the truth, world by world."""
    rows = []
    for name in sizes:
        size, count = SIZES[name]
        rows += [_world(f"{name} world {seed}", size, seed) for seed in range(worlds or count)]
    return rows


def thin(_: int) -> list[Row]:
    """The same where many files are in one collection of their campaign only; no goal."""
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
    fallback = adjusted_mutual_info_score(
        truth, find_clusters(incidence, method="louvain", runs=1).labels
    )
    graph = raw_projection(incidence)
    louvain = of_groups(truth, nx.community.louvain_communities(graph, seed=seed))
    components = of_groups(truth, nx.connected_components(graph))
    return Row(
        f"{case}, {len(truth):,} files: AMI with the truth",
        f"{ours:.3f} (Louvain {fallback:.3f})",
        f"{louvain:.3f} Louvain, {components:.3f} components",
        # Ahead of the better of both, and near the truth: the larger of these may not pass 1.
        max(louvain / ours, components / ours, _ENOUGH / ours, _ENOUGH / fallback),
        0.999,
    )


def raw_projection(incidence: Incidence) -> nx.Graph[int]:
    """Files, tied by the number of references that two have in common."""
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(incidence.files)))
    columns = (column.tolist() for column in projection(incidence.file_references))
    graph.add_weighted_edges_from(zip(*columns, strict=True))
    return graph


def of_groups(truth: Sequence[int], groups: Iterable[Iterable[int]]) -> float:
    """Adjusted mutual information of groups of places with the truth."""
    label = np.empty(len(truth), int)
    for number, members in enumerate(groups):
        label[list(members)] = number
    return float(adjusted_mutual_info_score(truth, label))


def ties(_: int, sizes: Iterable[str] = ("small", "medium"), worlds: int = 3) -> list[Row]:
    """How many pairs are reported at the level of one in twenty where nobody belongs together."""
    rows = []
    for name in sizes:
        size, _ = SIZES[name]
        found = [_told(shuffled(plant(seed, size), seed)) for seed in range(worlds)]
        ours, pieces, sharing, collections = (fmean(each) for each in zip(*found, strict=True))
        other = f"{pieces:.1%} each reference a fact, {sharing:.1%} sharing any"
        case = f"no campaigns, {name}: "
        rows += [
            _share(f"{case}pairs of files told, p <= 0.05", ours, other),
            _share(f"{case}pairs of collections told, p <= 0.05", collections, "-"),
        ]
    return rows


def _share(case: str, told: float, other: str) -> Row:
    return Row(case, f"{told:.1%}", other, told, _LEVEL, shown="{:.3f}")


def _told(dealt: PlantedCampaigns) -> tuple[float, float, float, float]:
    incidence = Incidence.from_observations(dealt.observations())
    found = find_overlaps(incidence)
    between = find_overlaps(incidence, "collections")
    return (
        (found.p_value <= _LEVEL).sum() / found.tested_pairs,
        _by_references(incidence) / found.tested_pairs,
        len(found) / found.tested_pairs,
        (between.p_value <= _LEVEL).sum() / between.tested_pairs,
    )


def _by_references(incidence: Incidence) -> int:
    """The same test, had each shared reference been a piece of evidence by itself."""
    matrix = incidence.file_references
    model = NullModel.fit(matrix)
    weighted = matrix.astype(float)
    weighted.data = model.column_scores(matrix)[matrix.indices].astype(float)
    shared = (weighted @ matrix.T).tocoo()
    pairs = (shared.row < shared.col) & (shared.data > 0)
    points = np.rint(shared.data[pairs]).astype(int)
    return int((model.p_values(shared.row[pairs], shared.col[pairs], points) <= _LEVEL).sum())

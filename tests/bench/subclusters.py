"""Quality of subclusters and of the mark on doubtful files, on families with a known answer."""

from __future__ import annotations

from random import Random
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.incidence import Incidence
from tests.bench.rows import Row
from tests.bench.truth import MIXES
from tests.support import family_mixes
from tests.support.family_mixes import mix
from tests.support.planted_variants import plant_homogeneous, plant_variants
from tests.support.real_families import DATA, is_present

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild.analysis import Cluster, Clustering
    from tests.support.planted_campaigns import PlantedCampaigns

# Variants, files and collections of each variant, and the share of these that a file is in.
SHAPES = ((2, 10, 3, 0.7), (2, 20, 3, 0.6), (2, 20, 5, 0.5), (3, 20, 3, 0.7), (4, 15, 3, 0.8))
_FAMILIES = 20  # of each shape
_HOMOGENEOUS = 200
_LISTS = 6  # of each kind
_MIN_SCORE = 0.95
_MAX_SPLIT = 0.05
_MIN_TIMES = 10  # how much more often doubtful files are in the wrong cluster


def subclusters(
    _: int, families: int = _FAMILIES, homogeneous: int = _HOMOGENEOUS, lists: int = _LISTS
) -> list[Row]:
    """Measure planted variants, families without variants, and lists of known families."""
    rows = [_planted(*shape, families) for shape in SHAPES]
    split = sum(_is_split(_clusters(plant_homogeneous(seed))) for seed in range(homogeneous))
    case = f"{homogeneous} families without variants: share that is split"
    rows.append(Row(case, f"{split}", "-", split / homogeneous, _MAX_SPLIT, shown="{:.3f}"))
    disturbed = [_clusters_and_truth(world) for world in _disturbed(lists)]
    rows += _doubtful("disturbed lists of generated families", disturbed)
    if is_present(DATA):
        undisturbed = [_clusters_and_truth(world) for world in _real(lists)]
        found = [each for clusters, _ in undisturbed for each in clusters if len(each.files) > 3]
        share = fmean(len(each.subclusters) > 1 for each in found)
        case = f"{len(found):,} clusters of real files: share that is split"
        rows.append(Row(case, f"{share:.3f}", "-", share, None, shown="{:.3f}"))
        files = sum(len(each.files) for each in found)
        share = sum(len(each.doubtful) for each in found) / files
        case = f"{files:,} files of these clusters: share that is doubtful"
        rows.append(Row(case, f"{share:.4f}", "-", share, None, shown="{:.4f}"))
        disturbed = [_clusters_and_truth(world) for world in _disturbed_real(lists)]
        rows += _doubtful("disturbed lists of real families", disturbed)
    return rows


def _planted(variants: int, files: int, own: int, share: float, families: int) -> Row:
    scores = []
    for seed in range(families):
        planted = plant_variants(seed, variants, files, own, share)
        parts = [part for each in _clusters(planted) for part in each.subclusters]
        labels = [number for number, part in enumerate(parts) for _ in part.files]
        truth = [planted.truth[file.id] for part in parts for file in part.files]
        scores.append(adjusted_mutual_info_score(truth, labels))
    case = f"{variants} variants of {files} files in {share:.0%} of {own} collections: AMI"
    mean = fmean(scores)
    ours = f"{mean:.3f} (worst {min(scores):.3f})"
    return Row(case, ours, "-", mean, _MIN_SCORE, shown="{:.3f}", is_minimum=True)


def _doubtful(case: str, found: Iterable[tuple[Clustering, PlantedCampaigns]]) -> list[Row]:
    """Compare the shares of doubtful and of other files that are in the wrong cluster.

    A file is in the wrong cluster if most files of the cluster are of another family.
    """
    wrong: dict[bool, list[bool]] = {True: [], False: []}
    for clusters, world in found:
        for each in clusters:
            for is_doubtful, is_wrong in _judge(each, world):
                wrong[is_doubtful].append(is_wrong)
    marked, others = (fmean(wrong[each] or [0]) for each in (True, False))
    total = sum(map(sum, wrong.values()))
    count = len(wrong[True])
    share = f"{count:,} of {count + len(wrong[False]):,} files, {sum(wrong[True])} of {total} wrong"
    return [
        Row(
            f"{case}: doubtful ({share}), wrong more often than others",
            f"{marked:.3f}",
            f"{others:.4f}",
            marked / max(others, 1e-9),
            _MIN_TIMES,
            is_minimum=True,
        )
    ]


def _judge(cluster: Cluster, world: PlantedCampaigns) -> Iterator[tuple[bool, bool]]:
    """Yield, for each file, whether it is doubtful and whether it is in the wrong cluster."""
    families = [world.truth[file.id] for file in cluster.files]
    main = np.bincount(families).argmax()
    doubtful = {file for file, _ in cluster.doubtful}
    for file, family in zip(cluster.files, families, strict=True):
        yield file in doubtful, bool(family != main)


def _clusters(world: PlantedCampaigns) -> Clustering:
    return find_clusters(Incidence.from_observations(world.observations()), runs=1)


def _clusters_and_truth(world: PlantedCampaigns) -> tuple[Clustering, PlantedCampaigns]:
    return _clusters(world), world


def _is_split(found: Clustering) -> bool:
    return any(len(each.subclusters) > 1 for each in found)


def _disturbed(lists: int) -> Iterator[PlantedCampaigns]:
    for seed in range(lists):
        rng = Random(f"disturbed {seed}")
        world = mix(family_mixes.generated(seed), rng, 30, (4, 25))
        yield _with_many_wrong_collections(world, rng)


def _disturbed_real(lists: int) -> Iterator[PlantedCampaigns]:
    families = family_mixes.real(DATA)
    for disturb in (family_mixes.with_hidden_collections, family_mixes.with_missing_answers):
        for seed in range(lists):
            rng = Random(f"disturbed {disturb.__name__} {seed}")
            world = mix(families, rng, 30, (4, 25), disturb)
            yield _with_many_wrong_collections(world, rng)


def _with_many_wrong_collections(world: PlantedCampaigns, rng: Random) -> PlantedCampaigns:
    """Add a collection of another file to 5 % of the files, four times."""
    for _ in range(4):
        world = family_mixes.with_wrong_collections(world, rng)
    return world


def _real(lists: int) -> Iterator[PlantedCampaigns]:
    families = family_mixes.real(DATA)
    for kind in MIXES:
        for seed in range(lists):
            rng = Random(f"{kind.name} {seed}")
            yield mix(families, rng, kind.families, kind.sizes, kind.disturb)

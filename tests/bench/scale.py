"""Analyze large campaigns: time, memory, and growth from a million to ten million observations.

As a script, this file measures one step in its own process.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if __name__ == "__main__":  # as a script, without the package on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

from graphbuild import analysis
from graphbuild.analysis import centrality, file_similarity
from graphbuild.analysis.clusters import partition_files
from graphbuild.analysis.incidence import Incidence
from graphbuild.store import Store
from tests.bench.rows import Row
from tests.bench.steps import run_step
from tests.bench.usage import Used
from tests.support.large_campaigns import plant_many, real_shaped, write_memberships
from tests.support.planted_campaigns import Size, plant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.support.planted_campaigns import PlantedCampaigns

_FILES = 50_000  # about 10 million observations
_REAL_SHAPED_FILES = 20_000
_GIB = 2**30
_MAX_MEMORY, _MAX_MEMORY_REAL_SHAPED = 4 * _GIB, 1.5 * _GIB
_MAX_SECONDS = 180.0
_READING_GOAL = 0.35  # CPU time, relative to reading one object per observation
_GROWTH_GOAL = 1.2  # of time and memory per observation
_MIN_AMI = 0.95
_MAX_LOSS = 0.005
_NOISE, _NOISY_SIZE = (0.1, 0.2, 0.3), Size(90, 6, 80)  # about 3,900 files
_ANALYSES = ("overlap", "communities", "bridges", "centrality")
_run = partial(run_step, __file__)


def scale(_: int, files: int = _FILES, real_shaped_files: int = _REAL_SHAPED_FILES) -> list[Row]:
    """Measure each analysis of a large campaign, and of one with a tenth of its files."""
    with TemporaryDirectory() as folder:
        large, small, real = (Path(folder) / name for name in ("large.db", "small.db", "real.db"))
        planted = plant_many(files)
        count = write_memberships(large, planted)
        few = write_memberships(small, plant_many(files // 10))
        write_memberships(real, real_shaped(real_shaped_files))
        size = f"{count:,} observations of {len(planted.members):,} files"
        rows = [_reading(large, size)]
        searches = _growth("cpu", _run_twice("searches", large), _run_twice("searches", small))
        searches /= count / few
        for name in _ANALYSES:
            runs, before = _run_twice(name, large), _run_twice(name, small)
            rows += _limits(f"{name}, {size}", _highest(runs), _MAX_MEMORY)
            memory, time = (
                _growth(each, runs, before) / (count / few) for each in ("grown", "cpu")
            )
            case = f"{name}: growth per observation from {few:,} observations"
            rows += [
                Row(f"{case}, memory", f"{memory:.2f}x", "-", memory, _GROWTH_GOAL),
                # The number of steps of these searches is proportional to the observations.
                Row(
                    f"{case}, time",
                    f"{time:.2f}x",
                    f"{searches:.2f}x breadth-first searches of NetworKit",
                    time,
                    _GROWTH_GOAL,
                ),
            ]
        ami = _run("ami", large, files)["ami"]
        rows.append(
            Row("AMI with the true clusters", f"{ami:.3f}", "-", ami, _MIN_AMI, is_minimum=True)
        )
        for name in _ANALYSES:
            case = f"{name}, realistic list of {real_shaped_files:,} files"
            rows += _limits(case, _run(name, real), _MAX_MEMORY_REAL_SHAPED)
    noisy = [plant(seed, _NOISY_SIZE, noise, thin=True) for noise in _NOISE for seed in range(3)]
    rows += [
        loss(f"{files // 10:,} files", [plant_many(files // 10)]),
        loss(f"realistic list of {real_shaped_files:,} files", [real_shaped(real_shaped_files)]),
        loss(f"mean of {len(noisy)} noisy lists", noisy),
    ]
    return rows


def loss(case: str, lists: Sequence[PlantedCampaigns]) -> Row:
    """Compare the clusters with those for which no evidence is wide; return the mean."""
    ours, exact = np.mean([_agreement(planted) for planted in lists], axis=0)
    return Row(
        f"{case}: AMI with the true clusters, lost because of wide evidence",
        f"{ours:.4f}",
        f"{exact:.4f} if no evidence is wide",
        exact - ours,
        _MAX_LOSS,
        shown="{:.4f}",
    )


def _agreement(planted: PlantedCampaigns) -> tuple[float, float]:
    """Return the AMI with the true clusters, and the AMI if no evidence is wide."""
    incidence = Incidence.from_observations(planted.observations())
    truth = [planted.truth[file.id] for file in incidence.files]
    ours = adjusted_mutual_info_score(truth, partition_files(incidence))
    with patch.object(file_similarity, "_WIDE", sys.maxsize):
        exact = adjusted_mutual_info_score(truth, partition_files(incidence))
    return ours, exact


def _run_twice(step: str, path: Path) -> list[dict[str, float]]:
    return [_run(step, path), _run(step, path)]


def _highest(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return the highest value of each measurement."""
    return {name: max(each[name] for each in runs) for name in runs[0]}


def _growth(name: str, runs: list[dict[str, float]], before: list[dict[str, float]]) -> float:
    """Return the ratio of the lowest values of a measurement, because CPU times vary by a third."""
    return min(each[name] for each in runs) / min(each[name] for each in before)


def _reading(path: Path, size: str) -> Row:
    ours, theirs = (_run(name, path) for name in ("read", "objects"))
    assert ours["observations"] == theirs["observations"], "the observations differ"
    return Row(
        f"reading {size}: CPU",
        f"{ours['cpu']:.1f} s",
        f"{theirs['cpu']:.1f} s one object each",
        ours["cpu"] / theirs["cpu"],
        _READING_GOAL,
    )


def _limits(case: str, used: dict[str, float], max_memory: float) -> list[Row]:
    cpu, peak = used["cpu"], used["peak"]
    return [
        Row(f"{case}: CPU seconds", f"{cpu:.0f} s", "-", cpu, _MAX_SECONDS, shown="{:.0f}"),
        Row(
            f"{case}: peak memory in MiB",
            f"{peak / 2**20:,.0f} MiB",
            "-",
            peak / 2**20,
            max_memory / 2**20,
            shown="{:,.0f}",
        ),
    ]


# --- steps ---------------------------------------------------------------------------------------


def _ami(store: Store, planted: PlantedCampaigns) -> float:
    found = analysis.find_clusters(store)
    files = [file for cluster in found for file in cluster.files]
    labels = [cluster.number for cluster in found for _ in cluster.files]
    return float(adjusted_mutual_info_score([planted.truth[file.id] for file in files], labels))


def _bridges(store: Store) -> object:
    incidence = analysis.as_incidence(store)
    return analysis.find_bridges(incidence, analysis.find_clusters(incidence))


def _searches(store: Store) -> dict[str, float]:
    """Run 500 searches through the evidence graph, and return what only they used."""
    graph = centrality.to_networkit(analysis.as_incidence(store).adjacency)
    used = Used()
    centrality.betweenness(graph, centrality.SAMPLES, seed=0)
    return used.so_far()


_STEPS: dict[str, Callable[[Store], Any]] = {
    "read": analysis.as_incidence,
    "objects": lambda store: Incidence.from_observations(store.observations(direct=True)),
    "overlap": analysis.find_overlaps,
    "communities": analysis.find_clusters,
    "bridges": _bridges,
    "centrality": analysis.compute_centrality,
}


def main(step: str, path: str, files: str = "0") -> None:
    """Run one step, and print what it used as JSON."""
    with Store.read(path) as store:
        used = Used()
        if step == "ami":
            result: dict[str, float] = {"ami": _ami(store, plant_many(int(files)))}
        elif step == "searches":
            result = _searches(store)
        else:
            found = _STEPS[step](store)
            result = used.so_far()
            if isinstance(found, Incidence):
                result["observations"] = len(found.triples)
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])

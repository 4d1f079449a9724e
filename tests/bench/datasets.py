"""Datasets of ten million observations: reading them, and their tables against the exports.

As a script, this file measures one step in its own process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if __name__ == "__main__":  # as a script, without the package on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from graphbuild import analysis
from graphbuild.analysis.incidence import Incidence
from graphbuild.engines import OUTPUT_TABLES, build_incidence
from graphbuild.engines.duckdb import DuckDBEngine
from graphbuild.store import Store
from tests.bench.rows import Row
from tests.bench.steps import run_step
from tests.bench.usage import Used
from tests.support.engine_results import OF_CLUSTERS, count_differences
from tests.support.large_campaigns import plant_many, write_memberships
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.planted_campaigns import PlantedCampaigns

_FILES = 50_000  # about 10 million observations
_SHARDS = 4
_READING_GOAL = 0.15  # CPU time, relative to reading one object per observation
_run = partial(run_step, __file__)


def datasets(_: int, files: int = _FILES) -> list[Row]:
    """Export a large campaign as a whole and in shards; read both with DuckDB."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        planted = plant_many(files)
        count = write_memberships(folder / "large.db", planted)
        size = f"{count:,} observations"
        _graphbuild("export", "--store", folder / "large.db", "--out", folder / "whole",
                    "--to", "dataset,parquet")  # fmt: skip
        for number, shard in enumerate(split(planted, _SHARDS), start=1):
            path = folder / f"shard-{number}.db"
            write_memberships(path, shard)
            _graphbuild("export", "--store", path, "--out", folder / "shards", "--to", "dataset")
        rows = [_reading(folder, size)]
        for lake, ignored in (("whole", frozenset[str]()), ("shards", OF_CLUSTERS)):
            _graphbuild("dataset", "tables", folder / lake, "--out", folder / "tables")
            rows += _differences(folder, lake, ignored)
        return rows


def split(planted: PlantedCampaigns, count: int) -> Iterator[PlantedCampaigns]:
    """Yield parts with every ``count``-th file each."""
    files = list(planted.members)
    for first in range(count):
        members = {file: planted.members[file] for file in files[first::count]}
        loose = {file: listed for file, listed in planted.loose.items() if file in members}
        yield replace(planted, members=members, loose=loose)


def _reading(folder: Path, size: str) -> Row:
    ours, theirs = (
        _run("dataset", folder / "whole"),
        _run("objects", folder / "large.db"),
    )
    return Row(
        f"reading {size} of a dataset: CPU",
        f"{ours['cpu']:.1f} s",
        f"{theirs['cpu']:.1f} s one object each",
        ours["cpu"] / theirs["cpu"],
        _READING_GOAL,
    )


def _differences(folder: Path, lake: str, ignored: frozenset[str]) -> Iterator[Row]:
    """Compare the tables with those of the export, and the observations with the campaign file."""
    for name in OUTPUT_TABLES:
        paths = (folder / part / f"{name}.parquet" for part in ("tables", "whole"))
        rows, different = count_differences(*paths, ignored)
        yield _difference(f"{lake}, rows of {name} that differ from the export", different, rows)
    different = int(_run("compare", folder / lake, folder / "large.db")["different"])
    yield _difference(f"{lake}, arrays of observations that differ", different, 5)


def _difference(case: str, different: int, total: int) -> Row:
    return Row(case, f"{different:,}", f"{total:,} in all", different, 0, shown="{:,.0f}")


def _graphbuild(*words: object) -> None:
    command = [sys.executable, "-m", "graphbuild", *map(str, words), "--quiet"]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)


# --- steps ---------------------------------------------------------------------------------------


def _read_dataset(folder: Path) -> Incidence:
    with DuckDBEngine(folder) as engine:
        return build_incidence(engine.relations())


def _read_objects(path: Path) -> Incidence:
    with Store.read(path) as store:
        return Incidence.from_observations(store.observations(direct=True))


def _compare(folder: Path, path: Path) -> int:
    """Return the number of fields of both incidences that differ."""
    with Store.read(path) as store:
        expected = analysis.as_incidence(store)
    found = _read_dataset(folder)
    same = [
        *(left == right for left, right in zip(found.entities, expected.entities, strict=True)),
        np.array_equal(found.triples, expected.triples),
        np.array_equal(found.inferred, expected.inferred),
    ]
    return same.count(False)


_STEPS: dict[str, Callable[[Path], Incidence]] = {
    "dataset": _read_dataset,
    "objects": _read_objects,
}


def main(step: str, *paths: str) -> None:
    """Run one step, and print what it used, or what differs, as JSON."""
    first, *others = map(Path, paths)
    if step == "compare":
        result: dict[str, float] = {"different": _compare(first, *others)}
    else:
        used = Used()
        _STEPS[step](first)
        result = used.so_far()
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])

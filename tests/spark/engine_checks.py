"""The Spark engine gives the tables, observations and outputs of one machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pyarrow.parquet as pq
import pytest

import graphbuild as gb
from graphbuild.crawler.demo import demo_world
from graphbuild.engines import OUTPUT_TABLES
from graphbuild.engines.spark import SparkEngine
from graphbuild.exporters import export_all
from graphbuild.store.shards import Shard
from tests.support.engine_results import (
    OF_CLUSTERS,
    check_incidence,
    check_tables,
    export_campaigns,
    graph_without_clusters,
    incidence_of,
)
from tests.support.paths import ROOT
from tests.support.sharded_crawls import Crawls, merge_files

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import SparkSession

    from graphbuild.graph.builder import Graph
    from tests.spark.cluster import Cluster

# The different commands of the examples in docs/scale.md that read a dataset.
EXAMPLES = re.findall(
    r"^\$ graphbuild dataset ((?:(?! --engine).)+)$",
    (ROOT / "docs" / "scale.md").read_text("utf-8"),
    re.MULTILINE,
)
COMMANDS = list(dict.fromkeys(EXAMPLES))


class Dataset(NamedTuple):
    """A dataset, and a graph of all its observations."""

    folder: Path
    graph: Graph
    ignored: frozenset[str]  # columns of tables that differ from those of the graph

    def check(self, session: SparkSession) -> None:
        """Check the tables and the relations that the engine reads from the dataset."""
        with SparkEngine(session, self.folder) as engine:
            check_tables(engine, self.graph, ignored=self.ignored)
            check_incidence(engine, incidence_of(self.graph))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The demo, exported as one campaign."""
    folder = tmp_path_factory.mktemp("demo")
    with gb.demo() as campaign:
        graph = campaign.graph(timestamps=True)
    export_all(graph, folder, ["dataset"])
    return Dataset(folder, graph, frozenset())


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The demo, crawled in four shards that are exported as campaigns without a merge."""
    folder = tmp_path_factory.mktemp("shards")
    paths = crawl_shards(folder, ["1", "2", "3", "4"])
    merge_files(folder / "all.db", paths)
    return Dataset(folder / "lake", graph_without_clusters(folder / "all.db"), OF_CLUSTERS)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the example in docs/scale.md, with the dataset ``lake`` of two campaigns."""
    folder = tmp_path_factory.mktemp("example")
    crawl_shards(folder, ["one", "two"])
    return folder


def crawl_shards(folder: Path, names: list[str]) -> list[Path]:
    """Crawl the demo in shards with these names, and export them into the dataset ``lake``."""
    world = demo_world()
    crawls = Crawls(folder, world, world.hashes())
    paths = [
        crawls.crawl(f"{name}.db", Shard(number, len(names)))
        for number, name in enumerate(names, start=1)
    ]
    export_campaigns(paths, folder / "lake")
    return paths


@pytest.mark.parametrize("name", ["demo", "shards"])
def test_the_results_equal_those_of_one_machine(
    name: str, session: SparkSession, request: pytest.FixtureRequest
) -> None:
    dataset: Dataset = request.getfixturevalue(name)
    assert dataset.graph.number_of_edges() > 3_000
    dataset.check(session)


def test_a_lost_worker_does_not_change_the_results(
    session: SparkSession, cluster: Cluster, shards: Dataset
) -> None:
    cluster.run_with_lost_worker(lambda: shards.check(session))


def test_the_example_has_every_command() -> None:
    names = [command.split()[0] for command in COMMANDS]
    assert sorted({*names}) == ["centrality", "communities", "overlap", "tables"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_example_prints_what_duckdb_gives(
    command: str, option: str, url: str, cluster: Cluster, example: Path
) -> None:
    # The memory limit is an option of DuckDB.
    words = re.sub(r" --memory-limit \S+", "", command).split()
    expected = run(example, cluster, *words, "--engine", "duckdb")
    tables = read_tables(example)
    found = run(example, cluster, *words, "--engine", "spark", option, url)
    assert found == expected
    assert len(expected) > 100
    assert read_tables(example) == tables


def run(folder: Path, cluster: Cluster, *words: str) -> str:
    """Run ``graphbuild dataset`` in a folder; return its output."""
    process = subprocess.run(
        [sys.executable, "-m", "graphbuild", "dataset", *words],
        cwd=folder,
        env={**os.environ, **cluster.variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert "Traceback" not in process.stderr, process.stderr
    return process.stdout


def read_tables(folder: Path) -> list[pa.Table]:
    """Return the tables that the command ``tables`` of the example has written, and remove them."""
    found = []
    for name in OUTPUT_TABLES:
        path = folder / "tables" / f"{name}.parquet"
        if path.exists():
            found.append(pq.read_table(path))
            path.unlink()
    return found

"""Check that both engines read from the shards of random crawls what the merged file contains.

Sail takes the place of a Spark cluster; ``make spark`` uses a real one.
"""

from __future__ import annotations

import random
import traceback
from typing import TYPE_CHECKING

from graphbuild.engines.duckdb import DuckDBEngine
from graphbuild.engines.spark import SparkEngine
from graphbuild.engines.spark_session import open_session
from graphbuild.store.shards import Shard
from tests.engines.test_engines import CRAWLS
from tests.store.test_merge import change, crawls_of
from tests.support.engine_results import (
    OF_CLUSTERS,
    check_incidence,
    check_tables,
    export_campaigns,
    graph_without_clusters,
    incidence_of,
)
from tests.support.sail import start_sail
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from graphbuild.engines import Engine
    from graphbuild.graph.builder import Graph
    from tests.support.forking import Zygote

_FLAVORS = ("classic", "gti")
_MAX_SHARDS = 4


def run(folder: Path, rounds: int, seed: int, _: Zygote) -> PartResult:
    """Check ``rounds`` random crawls, each in one to four shards, half of them refreshed."""
    result = PartResult("engines")
    with start_sail() as url, open_session(remote=url) as session:
        engines: dict[str, Callable[[Path], Engine]] = {
            "DuckDB": DuckDBEngine,
            "Spark": lambda lake: SparkEngine(session, lake),
        }
        for number in range(seed, seed + rounds):
            crawls = folder / f"crawls-{number}"
            graph = _crawl(crawls, number)
            for name, open_engine in engines.items():
                problem = _compare(open_engine, crawls / "lake", graph)
                result.check(not problem, f"{name}, seed {number}: {problem}")
            result.rounds += 1
    return result.finish()


def _crawl(folder: Path, seed: int) -> Graph:
    """Crawl a random world in shards, and export them; return the graph of the merged file."""
    crawls, rng = crawls_of(folder, seed, hashes=False)
    crawls.api_flavor = rng.choice(_FLAVORS)
    options = rng.choice(CRAWLS)
    count = rng.randint(1, _MAX_SHARDS)
    for refresh in (False, True)[: rng.randint(1, 2)]:
        paths = [
            crawls.crawl(f"{number}.db", Shard(number, count), refresh=refresh, **options)
            for number in range(1, count + 1)
        ]
        crawls.world = change(crawls.world, random.Random(seed))
    export_campaigns(paths, folder / "lake")
    crawls.merge("all.db", paths)
    return graph_without_clusters(folder / "all.db")


def _compare(open_engine: Callable[[Path], Engine], lake: Path, graph: Graph) -> str:
    """Return the traceback of the first difference, or an empty text."""
    try:
        with open_engine(lake) as engine:
            check_tables(engine, graph, ignored=OF_CLUSTERS)
            check_incidence(engine, incidence_of(graph))
    except AssertionError:
        return traceback.format_exc()
    return ""

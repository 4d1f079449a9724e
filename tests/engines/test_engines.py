"""Engines give the tables of the exports and the observations of the analyses."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graphbuild as gb
from graphbuild.analysis import find_clusters
from graphbuild.exporters import export_all
from graphbuild.exporters.sanitize import is_exportable
from graphbuild.graph.builder import build_graph
from graphbuild.graph.clusters import add_clusters
from graphbuild.graph.views import view
from graphbuild.models import Entity, Link, Observation
from graphbuild.store.shards import Shard
from tests.exporters.test_dataset import crawled_sample
from tests.integration.test_sample import needs_sample
from tests.store.test_merge import change, crawl_shards, crawls_of
from tests.support.engine_results import (
    OF_CLUSTERS,
    check_incidence,
    check_tables,
    export_campaigns,
    graph_without_clusters,
    incidence_of,
)
from tests.support.graphs import EMOTET, GANG, HOSTILE, LOADER, REPORT, TALK, with_title
from tests.support.observed_graphs import observed_graphs
from tests.support.planted_variants import plant_doubtful

if TYPE_CHECKING:
    from graphbuild.graph.builder import Graph
    from tests.engines.conftest import OpenEngine
    from tests.support.observed_graphs import ObservedGraph

EXAMPLES = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
SEEDS = st.integers(0, 2**32)


def check_graph(open_engine: OpenEngine, graph: Graph, folder: Path) -> None:
    export_all(graph, folder, ["dataset"])
    with open_engine(folder) as engine:
        check_tables(engine, graph)
        check_incidence(engine, incidence_of(graph))


# --- one campaign --------------------------------------------------------------------------------


def test_the_demo_and_its_backbone_are_read(open_engine: OpenEngine, tmp_path: Path) -> None:
    with gb.demo() as demo:
        graph = demo.graph(timestamps=True)
    assert graph.number_of_edges() > 3_000
    check_graph(open_engine, graph, tmp_path / "full")
    check_graph(open_engine, view(graph, "backbone"), tmp_path / "backbone")


@needs_sample
def test_the_sample_is_read(open_engine: OpenEngine, tmp_path: Path) -> None:
    check_graph(open_engine, crawled_sample(tmp_path), tmp_path / "out")


def test_direct_references_links_times_and_seed_columns_are_read(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    observations = [
        Observation(EMOTET, REPORT, GANG, first_seen=1.5e9, last_seen=1.6e9),
        Observation(EMOTET, REPORT, None, first_seen=1.4e9, last_seen=1.5e9),
        Observation(EMOTET, REPORT, None, relationship="references", last_seen=1.7e9),
        Observation(EMOTET, TALK, None, relationship="references", first_seen=1.5e9),
        Observation(LOADER, REPORT, GANG, provenance="inferred"),
        Observation(LOADER, TALK, TALK),  # a report that relates the file to itself
    ]
    seeds = {"seed_family": "Emotet", "seed_attributes": "=1", "seed_note": "a\0\u2028", "x": 1}
    subjects = [
        Entity("file", EMOTET.id, {"seed": True, **seeds}),
        Entity("file", "01" * 32, {"seed": True, "state": "failed", "crawl_http_status": 404}),
    ]
    links = [Link(GANG, "files", LOADER), Link(GANG, "references", REPORT)]
    check_graph(
        open_engine,
        build_graph(observations, subjects=subjects, links=links, timestamps=True),
        tmp_path,
    )


def test_hostile_texts_are_read(open_engine: OpenEngine, tmp_path: Path) -> None:
    check_graph(
        open_engine, with_title(*(each for each in HOSTILE if each.isprintable())), tmp_path
    )


def test_an_empty_campaign_is_read(open_engine: OpenEngine, tmp_path: Path) -> None:
    check_graph(open_engine, build_graph([]), tmp_path)


@settings(EXAMPLES, max_examples=4)
@given(world=observed_graphs())
def test_random_graphs_are_read(open_engine: OpenEngine, world: ObservedGraph) -> None:
    for node in world.graph.nodes.values():
        # In campaigns, these are texts and not empty, because the parser drops others.
        texts = {name: str(node.pop(name)) for name in ("title", "url", "name") if name in node}
        node.update({name: text for name, text in texts.items() if text})
        clean(node)
    with tempfile.TemporaryDirectory() as folder:
        check_graph(open_engine, world.graph, Path(folder))


def clean(node: dict[str, Any]) -> None:
    """Remove what a dataset cannot contain: lone surrogates and infinite numbers."""
    for name, value in list(node.items()):
        if isinstance(value, str):
            node[name] = value.encode(errors="replace").decode()
        elif not is_exportable(value):
            del node[name]


# --- several campaigns ---------------------------------------------------------------------------

CRAWLS = [
    {},
    {"direct": True},
    {"frugal": True},
    {"quick": True},
    {"describe": ("collections",)},
    {"depth": 1},
]


def check_campaigns(open_engine: OpenEngine, paths: list[Path], merged: Path, folder: Path) -> None:
    """Check that the dataset of several campaign files has the rows of the merged file."""
    export_campaigns(paths, folder)
    graph = graph_without_clusters(merged)
    with open_engine(folder) as engine:
        check_tables(engine, graph, ignored=OF_CLUSTERS)
        check_incidence(engine, incidence_of(graph))


@settings(EXAMPLES, max_examples=2)
@given(seed=SEEDS, options=st.sampled_from(CRAWLS), api_flavor=st.sampled_from(["classic", "gti"]))
def test_shards_have_the_rows_of_the_merged_file(
    open_engine: OpenEngine, tmp_path: Path, seed: int, options: dict[str, Any], api_flavor: str
) -> None:
    crawls, rng = crawls_of(tmp_path / "c", seed, hashes=False)
    crawls.api_flavor = api_flavor
    paths = crawl_shards(crawls, rng, **options)
    crawls.merge("all.db", paths)
    check_campaigns(open_engine, paths, crawls.folder / "all.db", crawls.folder / "lake")


@settings(EXAMPLES, max_examples=1)
@given(seed=SEEDS)
def test_newer_attributes_of_refreshed_shards_are_kept(
    open_engine: OpenEngine, tmp_path: Path, seed: int
) -> None:
    crawls, rng = crawls_of(tmp_path / "c", seed, hashes=False)
    count = rng.randint(2, 4)
    for refresh in (False, True):
        paths = [
            crawls.crawl(f"{number}.db", Shard(number, count), refresh=refresh)
            for number in range(1, count + 1)
        ]
        crawls.world = change(crawls.world, random.Random(seed))
    crawls.merge("all.db", paths)
    check_campaigns(open_engine, paths, crawls.folder / "all.db", crawls.folder / "lake")


def test_clusters_of_several_campaigns_are_assigned(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    planted, _ = plant_doubtful()
    observations = list(planted.observations())
    shared = Observation(
        observations[0].subject, observations[-1].reference, None, relationship="references"
    )
    graph = build_graph([*observations, shared])
    for number in range(3):
        part = [shared, *observations[number::3]]
        export_all(build_graph(part), tmp_path, ["dataset"], campaign=str(number))
    table = find_clusters(graph).to_table()
    assert table.subclusters
    assert table.doubtful
    add_clusters(graph, table)
    with open_engine(tmp_path) as engine:
        check_tables(engine, graph, clusters=table)

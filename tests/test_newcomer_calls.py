"""First calls of a new user of the Python API: each works, or the error names the right call."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING

import networkx as nx
import pandas as pd
import pytest
from pyvis.network import Network

import graphbuild as gb
from graphbuild.emulator import generate_world
from graphbuild.models import Entity, Observation
from graphbuild.store.importer import import_responses, read_responses
from tests.support.paths import DATA

if TYPE_CHECKING:
    from pathlib import Path

HASH = "5e3f311ae67f046b56435067bcdd39fbf836fa0421fbc8c8b0e43e8e47524954"
KEY = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign file with the documented sample: one file, two references, one collection."""
    path = tmp_path_factory.mktemp("newcomer") / "campaign.db"
    pages, _ = read_responses([DATA / "related_references.json"], None)
    with gb.Store.open(path) as store:
        import_responses(store, pages)
    return path


# --- demo ----------------------------------------------------------------------------------------


def test_try_a_made_up_campaign() -> None:
    world = generate_world(seed=1)  # the data of the command `graphbuild demo`
    campaign = gb.demo()
    graph = campaign.graph()
    files = {key: world.file(key[5:]) for key in graph if key.startswith("file:")}
    assert set(files.values()) == set(world.files.values())
    for key, file in files.items():
        expected = {f"reference:{item.id}" for item in world.related_references(file)}
        assert set(graph.successors(key)) == expected
    assert campaign.status().complete == len(world.files)


def test_the_file_of_a_made_up_campaign_is_deleted_after_use() -> None:
    world = generate_world(seed=3, campaigns=1, files_per_campaign=2, references_per_campaign=3)
    campaign = gb.demo(world)
    path = campaign.store.path
    assert campaign.status().subjects == len(world.files)
    assert path.exists()
    del campaign
    gc.collect()
    assert not path.exists()
    assert not path.parent.exists()


# --- open ----------------------------------------------------------------------------------------


def test_open_a_campaign_file_and_look_at_it(path: Path) -> None:
    with gb.open(str(path)) as campaign:
        assert campaign.status().references == 2
        assert repr(campaign).endswith("2 references, 1 collections, 2 observations>")


def test_open_a_file_that_does_not_exist() -> None:
    with pytest.raises(gb.StoreError, match=r"no campaign file nowhere\.db"):
        gb.open("nowhere.db")


def test_call_the_store_with_a_path(path: Path) -> None:
    with pytest.raises(TypeError, match=r"graphbuild\.open\(path\)"):
        gb.Store(path)


def test_call_the_client_with_a_key() -> None:
    gb.Client(KEY).close()
    with pytest.raises(gb.ApiError, match="5 characters, expected 64"):
        gb.Client("short")


# --- tables --------------------------------------------------------------------------------------


def test_tables_of_a_campaign(path: Path) -> None:
    with gb.open(path) as campaign:
        nodes, edges, observations = campaign.nodes(), campaign.edges(), campaign.observations()
        clusters = campaign.clusters()
    assert sorted(nodes["type"]) == ["collection", "file", "reference", "reference"]
    assert len(edges) == 4
    assert observations["reference_title"].notna().all()
    assert clusters.loc[0, ["file", "cluster"]].tolist() == [f"file:{HASH}", 1]
    assert all(isinstance(each, pd.DataFrame) for each in (nodes, edges, observations, clusters))


# --- graph ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text", "path", "store", "campaign", "observations"])
def test_build_a_graph(path: Path, kind: str) -> None:
    with gb.open(path) as campaign:
        sources = {
            "text": str(path),
            "path": path,
            "store": campaign.store,
            "campaign": campaign,
            "observations": campaign.store.observations(),
        }
        graph = gb.build_graph(sources[kind])
    assert isinstance(graph, nx.DiGraph)
    assert (len(graph), graph.number_of_edges()) == (4, 4)


@pytest.mark.parametrize("source", [[HASH], {"a": 1}, 5, None], ids=str)
def test_build_a_graph_of_something_else(source: object) -> None:
    with pytest.raises(TypeError, match=r"expected .*graphbuild\.build_graph"):
        gb.build_graph(source)


def test_find_clusters_of_a_graph(path: Path) -> None:
    clusters = gb.find_clusters(gb.build_graph(path))
    assert [file.key for cluster in clusters.clusters for file in cluster.files] == [f"file:{HASH}"]


# --- files and pictures --------------------------------------------------------------------------


def test_export_a_campaign_to_a_file(path: Path, tmp_path: Path) -> None:
    gb.export(path, tmp_path / "graph.graphml")
    gb.export(gb.build_graph(path), tmp_path / "graph.json")
    assert len(nx.read_graphml(tmp_path / "graph.graphml")) == 4
    assert len(json.loads((tmp_path / "graph.json").read_text())["nodes"]) == 4


def test_export_a_campaign_to_a_folder(path: Path, tmp_path: Path) -> None:
    tables = {"nodes.csv", "edges.csv", "observations.csv"}
    with gb.open(path) as campaign:
        chosen = campaign.export(tmp_path / "chosen", ["csv"])
        default = campaign.export(tmp_path / "default")
        assert campaign.export(tmp_path / "one.json") == [tmp_path / "one.json"]
    assert {each.name for each in chosen} == tables
    assert {each.name for each in default} == tables | {"graph.graphml", "graph.html"}


def test_export_something_else(tmp_path: Path) -> None:
    observation = Observation(Entity("file", HASH), Entity("reference", "a" * 64), None)
    with pytest.raises(TypeError, match=r"build_graph\(observations\) makes a graph"):
        gb.export([observation], tmp_path / "graph.graphml")


def test_show_and_draw_a_campaign(path: Path) -> None:
    with gb.open(path) as campaign:
        for source in (path, str(path), campaign, campaign.store, campaign.graph()):
            assert "<iframe" in gb.show(source, static=True)._repr_html_()
        assert campaign.draw().axes


# --- networkx and pyvis --------------------------------------------------------------------------


def test_networkx_writes_the_flattened_graph(path: Path, tmp_path: Path) -> None:
    flat = gb.flatten(gb.build_graph(path))
    nx.write_graphml(flat, tmp_path / "nx.graphml")
    nx.write_gexf(flat, tmp_path / "nx.gexf")
    assert set(nx.read_graphml(tmp_path / "nx.graphml")) == set(flat)
    assert len(nx.read_gexf(tmp_path / "nx.gexf")) == 4


def test_networkx_computes_on_the_graph(path: Path) -> None:
    graph = gb.build_graph(path)
    assert sum(nx.pagerank(graph).values()) == pytest.approx(1)
    assert nx.number_weakly_connected_components(graph) == 1
    assert len(nx.to_pandas_edgelist(graph)) == 4


def test_pyvis_reads_the_flattened_graph(path: Path) -> None:
    network = Network()
    network.from_nx(gb.flatten(gb.build_graph(path)))
    assert len(network.nodes) == 4
    assert "Emotet" in network.generate_html()


# --- seeds ---------------------------------------------------------------------------------------


def test_read_seeds_from_a_list_of_hashes() -> None:
    try:
        seeds = gb.read_seeds([HASH])
    except TypeError as problem:
        assert "parse_seeds" in str(problem)  # noqa: PT017  either is an answer
    else:
        assert [seed.entity.id for seed in seeds] == [HASH]


def test_parse_seeds_from_a_text() -> None:
    seeds = gb.parse_seeds(f"# hashes\n{HASH}\nevil[.]example\n")
    assert [seed.entity.id for seed in seeds] == [HASH, "evil.example"]

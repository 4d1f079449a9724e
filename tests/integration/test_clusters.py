"""The terminal, GraphML, the HTML page, the image and the report show the same clusters.

For the demo, the real sample and ten made-up worlds, each output is read from its file: numbers,
names, colors and members must be equal.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from html import unescape
from typing import TYPE_CHECKING, Any

import networkx as nx
import pandas as pd
import pytest

import graphbuild as gb
from graphbuild.emulator import Api, Emulator, generate_world, load_world
from graphbuild.exporters import read_graphml
from tests.integration.test_sample import SAMPLE, needs_sample
from tests.support.campaign_files import write_campaign
from tests.support.keys import CANARY
from tests.support.planted_variants import plant_doubtful
from tests.support.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

Clusters = dict[int, tuple[str, str, frozenset[str]]]  # number -> name, color, keys of files

WORLDS = ["demo", pytest.param("sample", marks=needs_sample), *map(str, range(10))]


def crawl(shell: Shell, name: str) -> None:
    """Crawl a world into ``c.db``."""
    if name == "demo":
        assert shell("demo", "--out", ".").returncode == 0
        (shell.folder / "campaign.db").rename(shell.folder / "c.db")
        return
    if name == "sample":
        world = load_world(SAMPLE / "observations.jsonl")
        hashes = (SAMPLE / "hashes.txt").read_text("utf-8")
    else:
        world = generate_world(int(name), campaigns=2 + int(name) % 4, files_per_campaign=5)
        hashes = "\n".join(world.hashes())
    (shell.folder / "hashes.txt").write_text(hashes, "utf-8")
    with Emulator(Api(world)) as emulator:
        shell.environment["VT_APIKEY"] = CANARY
        result = shell("crawl", "hashes.txt", "--store", "c.db", "--base-url", emulator.base_url)
    assert result.returncode in {0, 4}, result.stderr


def of_terminal(shell: Shell) -> Clusters:
    result = shell("communities", "--store", "c.db", "--json")
    assert result.returncode == 0, result.stderr
    return {
        each["number"]: (each["name"], each["color"], frozenset(each["files"]))
        for each in json.loads(result.stdout)["clusters"]
    }


def collected(rows: list[tuple[int, str, str, str]]) -> Clusters:
    """Return clusters from rows of number, name, color and key of a file."""
    members: dict[tuple[int, str, str], set[str]] = defaultdict(set)
    for number, name, color, key in rows:
        members[number, name, color].add(key)
    found = {
        number: (name, color, frozenset(keys)) for (number, name, color), keys in members.items()
    }
    assert len(found) == len(members), "a cluster has several names or colors"
    return found


def of_graphml(path: Path) -> Clusters:
    graph = nx.read_graphml(path)  # not our own reader
    return collected(
        [
            (int(node["cluster"]), node["cluster_name"], node["cluster_color"], key)
            for key, node in graph.nodes(data=True)
            if node["type"] not in {"reference", "collection"} and "cluster" in node
        ]
    )


def of_page(path: Path) -> Clusters:
    text = path.read_text("utf-8")
    block = re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert block
    data: dict[str, Any] = json.loads(block[1])
    listed = {each["number"]: (each["name"], each["color"]) for each in data["cluster_list"]}
    rows = []
    for node, number in zip(data["nodes"], data["clusters"], strict=True):
        kind = data["types"][node["type"]]["name"]
        if number and kind not in {"reference", "collection"}:
            rows.append((number, *listed[number], f"{kind}:{node['attributes']['id']}"))
    assert set(listed) == {number for number, *_ in rows}
    return collected(rows)


def of_report(path: Path) -> dict[int, tuple[str, str, int]]:
    """Return name, color and number of files of each cluster that the report describes."""
    text = path.read_text("utf-8")
    colors = dict(re.findall(r"\.swatch\.c(\d+) \{ background: (#[0-9a-f]{6}); \}", text))
    headings = re.findall(
        r'<h3[^>]*><span class="swatch c(\d+)"></span> <a [^>]*>'
        r"Cluster \1: <bdi>(.*?)</bdi>,? ([\d,]+) ",
        text,
    )
    return {
        int(number): (unescape(name), colors[number], int(files.replace(",", "")))
        for number, name, files in headings
    }


@pytest.mark.bulk
@pytest.mark.parametrize("name", WORLDS)
def test_all_outputs_show_the_same_clusters(tmp_path: Path, name: str) -> None:
    shell = Shell(tmp_path)
    crawl(shell, name)
    expected = of_terminal(shell)
    assert len(expected) > 1
    assert list(expected) == list(range(1, len(expected) + 1))
    assert len({each for each, *_ in expected.values()}) == len(expected), "names differ"
    assert len({color for _, color, _ in expected.values()}) == len(expected), "colors differ"
    export = shell("export", "--store", "c.db", "--to", "graphml,html,csv", "--out", "out")
    assert export.returncode == 0, export.stderr
    assert of_graphml(tmp_path / "out/graph.graphml") == expected
    assert of_page(tmp_path / "out/graph.html") == expected
    assert shell("report", "--store", "c.db", "--out", "out").returncode == 0
    described = of_report(tmp_path / "out/report.html")
    assert described
    for number, (title, color, files) in described.items():
        assert (title, color, files) == (*expected[number][:2], len(expected[number][2]))
    with gb.open(tmp_path / "c.db") as campaign:
        frame = campaign.clusters()
        columns = frame.groupby("cluster", sort=True)["file"]
        assert {n: frozenset(keys) for n, keys in columns} == {n: e[2] for n, e in expected.items()}
        graph = campaign.graph()
        by_library = gb.build_graph(campaign.store.observations())
    numbers = {key: number for key, number in graph.nodes(data="cluster") if number}
    assert (
        numbers.items()
        >= {key: number for key, number in by_library.nodes(data="cluster") if number}.items()
    )
    again = read_graphml(tmp_path / "out/graph.graphml")
    assert {key: n for key, n in again.nodes(data="cluster") if n} == numbers


def test_all_outputs_show_the_same_subclusters_and_doubtful_files(tmp_path: Path) -> None:
    planted, between = plant_doubtful()
    write_campaign(tmp_path / "c.db", planted.observations())
    shell = Shell(tmp_path)
    result = shell("communities", "--store", "c.db", "--json")
    listed = json.loads(result.stdout)["clusters"]
    expected = {
        file: part["label"]
        for each in listed
        for part in each["subclusters"]
        for file in part["files"]
    }
    assert len(expected) == len(planted.members)
    assert set(expected.values()) == {"1a", "1b", "2"}
    formats = "graphml,csv,parquet,json,neo4j,cytoscape,html"
    assert shell("export", "--store", "c.db", "--to", formats, "--out", "out").returncode == 0
    out = tmp_path / "out"
    node_link = json.loads((out / "graph.json").read_text())
    cytoscape = json.loads((out / "graph.cyjs").read_text())["elements"]["nodes"]
    graphml = nx.read_graphml(out / "graph.graphml")
    tables: dict[str, list[dict[str, Any]]] = {
        "graphml": [{**node, "key": key} for key, node in graphml.nodes(data=True)],
        "json": [{**node, "key": node["id"]} for node in node_link["nodes"]],
        "cytoscape": [{**node["data"], "key": node["data"]["id"]} for node in cytoscape],
        "parquet": rows_of(pd.read_parquet(out / "nodes.parquet"), "id"),
        "csv": rows_of(pd.read_csv(out / "nodes.csv", low_memory=False), "id"),
        "neo4j": rows_of(pd.read_csv(out / "nodes.neo4j.csv", low_memory=False), "key:ID"),
    }
    for name, rows in tables.items():
        nodes = {row["key"]: row for row in rows}
        found = {key: nodes[key]["subcluster"] for key in expected}
        assert found == expected, name
        doubtful = {
            key: int(node.get("other_cluster", node.get("other_cluster:long")))
            for key, node in nodes.items()
            if str(node.get("doubtful", node.get("doubtful:boolean"))).lower() == "true"
        }
        assert doubtful == {f"file:{between}": 2}, name
    strengths = [[each["number"], each["sources"]] for each in listed]
    assert [row[:2] for row in node_link["graph"]["cluster_strengths"]] == strengths
    page = re.search(r'id="data"[^>]*>(.*?)</script>', (out / "graph.html").read_text(), re.DOTALL)
    assert page
    shown = json.loads(page[1])["cluster_list"]
    assert [[each["number"], each["sources"]] for each in shown] == strengths
    with gb.open(tmp_path / "c.db") as campaign:
        frame = campaign.clusters().set_index("file")
    assert frame["subcluster"].to_dict() == expected
    assert frame.index[frame["doubtful"]].tolist() == [f"file:{between}"]
    sources = frame.groupby("cluster")["sources"].first()
    assert [[number, count] for number, count in sources.items()] == strengths


def rows_of(frame: pd.DataFrame, key: str) -> list[dict[str, Any]]:
    """Return the rows of a table without empty cells; ``key`` is the column of the node keys."""
    return [
        {name: value for name, value in {**row, "key": row[key]}.items() if not pd.isna(value)}
        for row in frame.to_dict("records")
    ]


def test_a_crawl_stores_the_clusters_and_the_outputs_read_them(tmp_path: Path) -> None:
    """If the stored clusters are changed by hand, every output shows the change."""
    shell = Shell(tmp_path)
    crawl(shell, "3")
    before = of_terminal(shell)
    with gb.Store.open(tmp_path / "c.db") as store, store.transaction():
        (row,) = store._db.rows("SELECT count(*) FROM clustering")
        assert row == (1,)
        store._db.execute("UPDATE cluster SET name = 'changed ' || number")
    assert (
        shell("export", "--store", "c.db", "--to", "graphml,html", "--out", "out").returncode == 0
    )
    changed = {number: f"changed {number}" for number in before}
    for found in (of_graphml(tmp_path / "out/graph.graphml"), of_page(tmp_path / "out/graph.html")):
        assert {number: name for number, (name, *_) in found.items()} == changed

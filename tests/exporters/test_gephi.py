"""Gephi, without its user interface, reads every exported graph completely.

The importer, the container and the processor come from the Gephi Toolkit. A small Java program in
``tests/gephi`` opens files with them and prints the result.
"""

from __future__ import annotations

import io
import json
import math
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import networkx as nx
import pytest

import graphbuild as gb
from graphbuild import extract_observations
from graphbuild.exporters import export, export_all, read_graphml, write_graphml
from tests.support.expected import GraphContent, parse_json_attributes
from tests.support.exported import AVAILABLE_NAMES, NAMES
from tests.support.external_tools import OUTPUT, ExternalTool
from tests.support.paths import ROOT, TESTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.exported import Exported

GEPHI = ExternalTool(
    "the tests with Gephi",
    "GRAPHBUILD_REQUIRE_GEPHI",
    "install what they need with: apt-get install default-jdk-headless maven",
)
SOURCES = TESTS / "gephi"
BUILD_FOLDER = OUTPUT / "gephi"
NOTEBOOKS = ROOT / "notebooks"
GEPHI_TYPES = {str: "String", int: "Long", float: "Double", bool: "Boolean"}
NODE_PROPERTIES = ("label", "color", "size", "x", "y")  # node properties in Gephi, not columns
MAX_SIZE, MIN_SIZE, MAX_COORDINATE = 100.0, 4.0, 5_000.0  # to which Gephi scales

BAD_COLUMN = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="when" for="node" attr.name="when" attr.type="date"/>
<graph id="G" edgedefault="directed"><node id="a"/></graph>
</graphml>
"""

Opened = dict[str, Any]


@pytest.fixture(scope="module")
def gephi(tmp_path_factory) -> Callable[..., list[Opened]]:
    """Open files in one process of Gephi: ``gephi("--as-is", path, path, ...)``."""
    GEPHI.require("java", "javac", "mvn")
    sources = [SOURCES / name for name in ("pom.xml", "Import.java", "Json.java")]
    command = ["mvn", "--batch-mode", "--quiet", "compile"]
    GEPHI.build(BUILD_FOLDER, sources, command, "ResolutionException")
    java = [
        "java",
        "-Djava.awt.headless=true",
        "-Dfile.encoding=windows-1252",  # as on older Windows: the XML declaration must decide
        f"-Djava.io.tmpdir={tmp_path_factory.mktemp('java')}",
        "-XX:+UseSerialGC",  # this option and the next: start fast
        "-XX:TieredStopAtLevel=1",
        "-cp",
        f"{BUILD_FOLDER / 'target' / 'classes'}:{BUILD_FOLDER / 'target' / 'lib'}/*",
        "Import",
    ]

    def opened(*arguments: object) -> list[Opened]:
        command = [*java, *map(str, arguments)]
        process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout)

    return opened


@pytest.fixture(scope="module")
def opened(gephi, exported, tmp_path_factory) -> dict[tuple[str, str], Opened]:
    """Return what Gephi reads in every file, by import mode and name."""
    folder = tmp_path_factory.mktemp("files")
    files = {name: exported(name).path for name in AVAILABLE_NAMES}
    for name in AVAILABLE_NAMES:
        files[f"{name}.gexf"] = _export_gexf(exported(name), folder, name)
    other_files = {
        "packed": gb.export(exported("demo").graph, folder / "packed.graphml.gz"),
        "timeline": SOURCES / "timeline.gexf",
        "bad column": folder / "bad.graphml",
        "broken": folder / "broken.graphml",
        "strange": folder / "strange.xyz",
    }
    other_files["bad column"].write_text(BAD_COLUMN)
    other_files["broken"].write_text(BAD_COLUMN.replace('id="a"', 'id="\x01"'))
    other_files["strange"].write_text("")
    result = gephi(
        *files.values(),
        *("--as-is", *files.values(), *other_files.values()),
        *("--plain-java", *files.values()),
    )
    names = [("scaled", name) for name in files]
    names += [("as it is", name) for name in [*files, *other_files]]
    names += [("by plain Java", name) for name in files]
    return dict(zip(names, result, strict=True))


def _export_gexf(export: Exported, folder: Path, name: str) -> Path:
    return gb.export(export.graph, folder / f"{name}.gexf", positions=export.positions)


def content_of(result: Opened) -> GraphContent:
    """Return what Gephi read in the form of ``tests.support.expected``."""
    assert "error" not in result, result["error"]
    nodes = {node["id"]: _element_values(node, result["node_columns"]) for node in result["nodes"]}
    edges = {
        (edge["source"], edge["target"]): _element_values(edge, result["edge_columns"])
        for edge in result["edges"]
    }
    # No node or edge is duplicated, and the counts of Gephi are those of its nodes and edges.
    assert result["node_count"] == len(result["nodes"]) == len(nodes)
    assert result["edge_count"] == len(result["edges"]) == len(edges)
    assert result["directed"] is not result["undirected"]
    columns = [
        {column["title"]: column["type"] for column in result[table] if not column["property"]}
        for table in ("node_columns", "edge_columns")
    ]
    return GraphContent(result["directed"], nodes, edges, *columns)


def _element_values(element: Opened, columns: list[Opened]) -> dict[str, Any]:
    titles = {column["id"]: column["title"] for column in columns}
    values = {titles[name]: value for name, value in element["attributes"].items()}
    if "source" in element:
        assert element["type"] is None
        assert element["label"] is None
        return parse_json_attributes(values | {name: element[name] for name in ("id", "weight")})
    return parse_json_attributes(values | {name: element[name] for name in NODE_PROPERTIES})


def expected_in_gephi(export: Exported) -> GraphContent:
    """Return what Gephi must show of a graph, including its two defects.

    In every text except the label it replaces "INF" by "Infinity" and drops the text "null".
    """
    return export.expected.map_values(_value_in_gephi)


def _value_in_gephi(column: str, value: object) -> object:
    if column == "attributes":
        text = json.dumps(value).replace("INF", "Infinity")
        return json.loads(text)
    if column in {"size", "x", "y", "weight"}:  # single precision
        return struct.unpack("f", struct.pack("f", value))[0]
    if column in {"label", "color", "id"} or not isinstance(value, str):
        return value
    return None if value.lower() == "null" else value.replace("INF", "Infinity")


# --- GraphML -------------------------------------------------------------------------------------

every_mode = pytest.mark.parametrize("mode", ["as it is", "by plain Java"])
every_graph = pytest.mark.parametrize("name", NAMES)


@pytest.mark.parametrize("mode", ["scaled", "as it is", "by plain Java"])
@every_graph
def test_gephi_reports_no_issue(opened, mode, name):
    assert opened[mode, name]["issues"] == []


@every_mode
@every_graph
def test_gephi_reads_every_node(opened, exported, mode, name):
    result, export = content_of(opened[mode, name]), exported(name)
    assert set(result.nodes) == set(export.graph)
    assert result.nodes == expected_in_gephi(export).nodes


@every_mode
@every_graph
def test_gephi_reads_every_edge(opened, exported, mode, name):
    result, export = content_of(opened[mode, name]), exported(name)
    assert set(result.edges) == set(export.graph.edges)
    assert result.edges == expected_in_gephi(export).edges


@every_graph
def test_gephi_reads_columns_with_their_types(opened, exported, name):
    result, expected = content_of(opened["as it is", name]), expected_in_gephi(exported(name))
    kinds = {column: GEPHI_TYPES[kind] for column, kind in expected.node_columns.items()}
    assert result.node_columns == {c: k for c, k in kinds.items() if c not in NODE_PROPERTIES}
    kinds = {column: GEPHI_TYPES[kind] for column, kind in expected.edge_columns.items()}
    assert result.edge_columns == {c: k for c, k in kinds.items() if c != "weight"}
    assert result.directed is True


@every_graph
def test_the_misread_warning_counts_every_value_that_gephi_changes(exported, name):
    export = exported(name)
    original, displayed = export.expected, expected_in_gephi(export)
    misread = [
        (key, column)
        for table in ("nodes", "edges")
        for key, values in getattr(original, table).items()
        for column, value in values.items()
        if isinstance(value, str | dict) and value != getattr(displayed, table)[key].get(column)
    ]
    assert write_graphml(export.graph, io.BytesIO()).misread == len(misread)


@every_graph
def test_scaling_in_gephi_keeps_proportions(opened, exported, name):
    """By default the import dialog centers the graph and scales it to a fixed size."""
    result = content_of(opened["scaled", name]).nodes
    expected = expected_in_gephi(exported(name)).nodes
    center = {axis: sum(node[axis] for node in expected.values()) / len(expected) for axis in "xy"}
    sizes = [node["size"] for node in expected.values()]
    factor = (MAX_SIZE - MIN_SIZE) / (max(sizes) - min(sizes))
    farthest = max(abs(node[axis] - center[axis]) for node in expected.values() for axis in "xy")
    factor = min(factor, MAX_COORDINATE / farthest)
    for key, node in expected.items():
        size = MIN_SIZE + (node["size"] - min(sizes)) * factor
        assert result[key]["size"] == pytest.approx(size, rel=1e-4)
        for axis in "xy":
            coordinate = (node[axis] - center[axis]) * factor
            assert result[key][axis] == pytest.approx(coordinate, rel=1e-4, abs=0.1)


def test_gephi_reads_a_compressed_file(opened):
    assert opened["as it is", "packed"] == opened["as it is", "demo"]


# --- GEXF with dates -----------------------------------------------------------------------------

DAY = 86_400_000.0  # in milliseconds
EXPECTED_ISSUES = ["INFO"]  # the version of GEXF


@pytest.mark.parametrize("mode", ["scaled", "as it is", "by plain Java"])
@every_graph
def test_gephi_reports_only_the_version_of_a_gexf_file(opened, mode, name):
    assert [issue["level"] for issue in opened[mode, f"{name}.gexf"]["issues"]] == EXPECTED_ISSUES


@pytest.mark.parametrize("mode", ["scaled", "as it is", "by plain Java"])
@every_graph
def test_gephi_reads_the_same_from_gexf_and_graphml(opened, mode, name):
    gexf, graphml = content_of(opened[mode, f"{name}.gexf"]), content_of(opened[mode, name])
    assert gexf.nodes == graphml.nodes
    assert gexf.edges == graphml.edges
    assert gexf.edge_columns == graphml.edge_columns
    assert gexf.node_columns == graphml.node_columns


@every_mode
@every_graph
def test_gephi_reads_the_start_dates_of_nodes_and_edges(opened, exported, mode, name):
    result, graph = opened[mode, f"{name}.gexf"], exported(name).graph

    def day(key):
        node = graph.nodes[key]
        seconds = node.get("creation_date")
        has_date = node["type"] == "reference" and type(seconds) is int and abs(seconds) < 2**36
        return [seconds // 86_400 * DAY] if has_date else []

    for node in result["nodes"]:
        assert node["intervals"] == [[start, math.inf] for start in day(node["id"])]
    for edge in result["edges"]:
        starts = day(edge["source"]) + day(edge["target"])
        assert edge["intervals"] == [[start, math.inf] for start in starts]
    assert any(node["intervals"] for node in result["nodes"])
    assert not all(node["intervals"] for node in result["nodes"])


# --- CSV tables ----------------------------------------------------------------------------------


@pytest.mark.parametrize("csv_bom", [False, True])
@pytest.mark.parametrize("name", [name for name in AVAILABLE_NAMES if name != "hostile"])
def test_the_csv_tables_give_the_graph_without_further_nodes(
    gephi, exported, tmp_path, name, csv_bom
):
    """The table of edges is appended to the workspace of the table of nodes.

    The hostile graph is excluded, because Gephi takes the backslash for an escape character.
    """
    graph = exported(name).graph
    export_all(graph, tmp_path, ["csv"], csv_bom=csv_bom)
    nodes, both = gephi(tmp_path / "nodes.csv", "--append", tmp_path / "edges.csv")
    assert (nodes["issues"], both["issues"]) == ([], [])
    assert nodes["node_count"] == both["node_count"] == len(graph)
    assert both["edge_count"] == graph.number_of_edges()
    assert {node["id"]: node["label"] for node in both["nodes"]} == dict(graph.nodes("label"))
    edges = {(edge["source"], edge["target"]): edge["weight"] for edge in both["edges"]}
    assert edges == {ends: edge["weight"] for ends, edge in graph.edges.items()}


# --- the test harness ----------------------------------------------------------------------------


def test_issues_and_errors_of_gephi_are_reported(opened):
    (issue,) = opened["as it is", "bad column"]["issues"]
    assert issue["level"] == "SEVERE"
    assert "date" in issue["message"]
    assert "error" in opened["as it is", "broken"]
    assert "no importer" in opened["as it is", "strange"]["error"]


def test_intervals_and_styles_of_a_gexf_file_are_read(opened):
    result = opened["as it is", "timeline"]
    assert [issue["level"] for issue in result["issues"]] == EXPECTED_ISSUES
    by_id = {element["id"]: element for element in result["nodes"] + result["edges"]}
    day = 86_400_000.0
    published, end = 17_543 * day, 17_563 * day  # 2018-01-12 and 2018-02-01
    assert by_id["file:a"]["intervals"] == []
    assert by_id["reference:b"]["intervals"] == [[published, float("inf")]]
    assert by_id["e1"]["intervals"] == [[published, end]]
    assert by_id["file:a"]["attributes"] == {"type": "file", "tags": ["apt", "a, b"]}
    assert (by_id["file:a"]["color"], by_id["file:a"]["size"]) == ("#0072b2", 12.5)
    assert (by_id["reference:b"]["x"], by_id["reference:b"]["y"]) == (-1.0, 2.5)
    assert (by_id["e1"]["weight"], by_id["e1"]["directed"]) == (3.0, True)


# --- files saved by Gephi ------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in AVAILABLE_NAMES if name != "hostile"])
def test_a_graph_saved_by_gephi_is_read_back_without_loss(gephi, exported, tmp_path, name):
    """Gephi adds its own columns; ``read_graphml`` ignores them.

    The hostile graph is excluded, because Gephi drops texts that are ``null``.
    """
    export, saved = exported(name), tmp_path / "saved.graphml"
    gephi(export.path, "--save", saved)
    read = read_graphml(saved)
    assert set(read) == set(export.graph)
    assert set(extract_observations(read)) == set(extract_observations(export.graph))
    read_by_networkx = nx.read_graphml(saved)
    assert all("Modularity Class" in node for node in read_by_networkx.nodes.values())
    assert not any("Modularity Class" in node for node in read.nodes.values())


@pytest.mark.parametrize("name", [name for name in AVAILABLE_NAMES if name != "hostile"])
def test_places_arranged_in_gephi_are_kept(gephi, exported, tmp_path, name):
    """``--save`` arranges the nodes in Gephi before it saves them."""
    export, saved = exported(name), tmp_path / "saved.graphml"
    gephi(export.path, "--save", saved)
    arranged = nx.read_graphml(saved).nodes
    again = gb.export(export.graph, tmp_path / "again.graphml", places=saved)
    (reopened,) = gephi("--as-is", again)
    assert len(reopened["nodes"]) == len(arranged)
    for node in reopened["nodes"]:
        place = [arranged[node["id"]][axis] for axis in "xy"]
        assert [node["x"], node["y"]] == pytest.approx(place, rel=1e-6)


def test_the_committed_gephi_file_has_the_columns_that_gephi_saves(gephi, tmp_path):
    """Positions and modularity classes are not compared: Gephi computes them at random."""
    committed = NOTEBOOKS / "from-gephi.graphml.gz"
    # ``gb.export`` would add clusters, which the committed file does not have.
    export(read_graphml(committed), tmp_path / "again.graphml")
    gephi(tmp_path / "again.graphml", "--save", tmp_path / "saved.graphml")
    actual, before = (nx.read_graphml(path) for path in (tmp_path / "saved.graphml", committed))
    assert _columns(actual) == _columns(before)
    assert actual.edges.keys() == before.edges.keys()


def _columns(graph: nx.DiGraph) -> dict[str, set[str]]:
    return {key: set(node) for key, node in graph.nodes(data=True)}

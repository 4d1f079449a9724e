"""Gephi Lite reads every exported graph completely; its parsers run under Node.js."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

import graphbuild as gb
from tests.support.expected import GraphContent, parse_json_attributes
from tests.support.exported import AVAILABLE_NAMES, NAMES
from tests.support.external_tools import OUTPUT, ExternalTool
from tests.support.paths import TESTS

GEPHI_LITE = ExternalTool(
    "the tests with Gephi Lite",
    "GRAPHBUILD_REQUIRE_NODE",
    "install what they need with: apt-get install nodejs npm",
)
SOURCES = TESTS / "gephi_lite"
TIMELINE = TESTS / "gephi" / "timeline.gexf"
BUILD_FOLDER = OUTPUT / "gephi_lite"
UNREACHABLE = r"npm (?:error|ERR!) code (?:ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT|ENETUNREACH|E403)"

Opened = dict[str, Any]


@pytest.fixture(scope="module")
def opened(exported, tmp_path_factory) -> dict[str, Opened]:
    """Return what Gephi Lite reads in every file."""
    GEPHI_LITE.require("node", "npm")
    sources = [SOURCES / name for name in ("package.json", "package-lock.json", "read.cjs")]
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    GEPHI_LITE.build(BUILD_FOLDER, sources, command, UNREACHABLE)
    folder = tmp_path_factory.mktemp("files")
    files = {name: exported(name).path for name in AVAILABLE_NAMES} | {
        "packed": gb.export(exported("demo").graph, folder / "packed.graphml.gz"),
        **{
            f"{name}.gexf": gb.export(
                exported(name).graph, folder / f"{name}.gexf", positions=exported(name).positions
            )
            for name in AVAILABLE_NAMES
        },
        "timeline": TIMELINE,
        "broken": folder / "broken.graphml",
    }
    files["broken"].write_text("<graphml/>")
    process = subprocess.run(
        ["node", BUILD_FOLDER / "read.cjs", *files.values()],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    result = json.loads(process.stdout, parse_int=float)  # JavaScript numbers are doubles
    return dict(zip(files, result, strict=True))


def content_of(result: Opened, columns: GraphContent) -> GraphContent:
    """Return what Gephi Lite read; it has no column types, so ``columns`` supplies them."""
    assert "error" not in result, result["error"]
    nodes = {node["id"]: parse_json_attributes(node["attributes"]) for node in result["nodes"]}
    edges = {
        (edge["source"], edge["target"]): edge["attributes"] | {"id": edge["id"]}
        for edge in result["edges"]
    }
    assert len(nodes) == len(result["nodes"])
    assert len(edges) == len(result["edges"])
    assert result["multi"] is False
    directed = result["type"] == "directed"
    return GraphContent(directed, nodes, edges, columns.node_columns, columns.edge_columns)


def _as_double(_column: str, value: object) -> object:
    """Return the value as a JavaScript number, which is a double."""
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


@pytest.mark.parametrize("name", NAMES)
def test_gephi_lite_reads_every_node_and_edge(opened, exported, name):
    expected = exported(name).expected
    result = content_of(opened[name], expected)
    assert result.directed is True
    assert set(result.nodes) == set(exported(name).graph)
    assert result.nodes == expected.map_values(_as_double).nodes
    assert set(result.edges) == set(exported(name).graph.edges)
    assert result.edges == expected.map_values(_as_double).edges


@pytest.mark.parametrize("name", NAMES)
def test_gephi_lite_reads_the_same_from_gexf(opened, exported, name):
    expected = exported(name).expected
    gexf = content_of(opened[f"{name}.gexf"], expected)
    graphml = content_of(opened[name], expected)
    for node in gexf.nodes.values():
        assert node.pop("z") == 0
        channels = map(int, re.findall(r"\d+", node["color"]))
        node["color"] = "#" + bytes(channels).hex()
    assert gexf.directed is True
    assert gexf.nodes == graphml.nodes
    assert gexf.edges == graphml.edges


def test_gephi_lite_reads_a_compressed_file(opened):
    assert opened["packed"] == opened["demo"]


def test_an_error_of_gephi_lite_is_reported(opened):
    assert "error" in opened["broken"]


def test_attributes_and_positions_of_a_gexf_file_are_read(opened):
    result = opened["timeline"]
    nodes = {node["id"]: node["attributes"] for node in result["nodes"]}
    assert nodes["file:a"]["tags"] == ["apt", "a, b"]
    assert (nodes["reference:b"]["x"], nodes["reference:b"]["y"]) == (-1, 2.5)
    assert [edge["attributes"] for edge in result["edges"]] == [{"weight": 3}]

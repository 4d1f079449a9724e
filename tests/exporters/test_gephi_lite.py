"""What Gephi Lite, Gephi in a browser, reads of an exported file: its own parsers, under node."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

import graphbuild as gb
from tests.support.expected import Held, as_told
from tests.support.exported import NAMES, THERE
from tests.support.external_tools import OUTPUT, ExternalTool
from tests.support.paths import TESTS

GEPHI_LITE = ExternalTool(
    "the tests with Gephi Lite",
    "GRAPHBUILD_REQUIRE_NODE",
    "install what they need with: apt-get install nodejs npm",
)
SOURCES = TESTS / "gephi_lite"
TIMELINE = TESTS / "gephi" / "timeline.gexf"
MADE = OUTPUT / "gephi_lite"
UNREACHABLE = r"npm (?:error|ERR!) code (?:ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT|ENETUNREACH|E403)"

Opened = dict[str, Any]


@pytest.fixture(scope="module")
def opened(exported, tmp_path_factory) -> dict[str, Opened]:
    """What it finds in every file there is."""
    GEPHI_LITE.require("node", "npm")
    sources = [SOURCES / name for name in ("package.json", "package-lock.json", "read.cjs")]
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    GEPHI_LITE.build(MADE, sources, command, UNREACHABLE)
    folder = tmp_path_factory.mktemp("files")
    files = {name: exported(name).path for name in THERE} | {
        "packed": gb.export(exported("demo").graph, folder / "packed.graphml.gz"),
        **{
            f"{name}.gexf": gb.export(
                exported(name).graph, folder / f"{name}.gexf", positions=exported(name).places
            )
            for name in THERE
        },
        "timeline": TIMELINE,
        "broken": folder / "broken.graphml",
    }
    files["broken"].write_text("<graphml/>")
    done = subprocess.run(
        ["node", MADE / "read.cjs", *files.values()],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout, parse_int=float)  # as JavaScript means them
    return dict(zip(files, found, strict=True))


def held(found: Opened, columns: Held) -> Held:
    """What it found, as ``expected`` tells it; of columns it knows nothing."""
    assert "error" not in found, found["error"]
    nodes = {node["id"]: as_told(node["attributes"]) for node in found["nodes"]}
    edges = {
        (edge["source"], edge["target"]): edge["attributes"] | {"id": edge["id"]}
        for edge in found["edges"]
    }
    assert len(nodes) == len(found["nodes"])
    assert len(edges) == len(found["edges"])
    assert found["multi"] is False
    directed = found["type"] == "directed"
    return Held(directed, nodes, edges, columns.node_columns, columns.edge_columns)


def _as_numbers_are_there(_column: str, value: object) -> object:
    """It knows one kind of number, the double; a large whole one is rounded."""
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


@pytest.mark.parametrize("name", NAMES)
def test_gephi_lite_holds_the_graph(opened, exported, name):
    due = exported(name).held
    found = held(opened[name], due)
    assert found.directed is True
    assert set(found.nodes) == set(exported(name).graph)
    assert found.nodes == due.each(_as_numbers_are_there).nodes
    assert set(found.edges) == set(exported(name).graph.edges)
    assert found.edges == due.each(_as_numbers_are_there).edges


@pytest.mark.parametrize("name", NAMES)
def test_a_gexf_holds_the_same(opened, exported, name):
    due = exported(name).held
    timed, timeless = held(opened[f"{name}.gexf"], due), held(opened[name], due)
    for node in timed.nodes.values():
        assert node.pop("z") == 0
        channels = map(int, re.findall(r"\d+", node["color"]))
        node["color"] = "#" + bytes(channels).hex()
    assert timed.directed is True
    assert timed.nodes == timeless.nodes
    assert timed.edges == timeless.edges


def test_a_packed_file_holds_the_same(opened):
    assert opened["packed"] == opened["demo"]


def test_a_refusal_is_heard(opened):
    assert "error" in opened["broken"]


def test_a_gexf_is_read(opened):
    found = opened["timeline"]
    nodes = {node["id"]: node["attributes"] for node in found["nodes"]}
    assert nodes["file:a"]["tags"] == ["apt", "a, b"]
    assert (nodes["reference:b"]["x"], nodes["reference:b"]["y"]) == (-1, 2.5)
    assert [edge["attributes"] for edge in found["edges"]] == [{"weight": 3}]

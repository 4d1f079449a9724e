"""The real Gephi, without its windows: what it holds of an exported file is the graph.

The importer, the container and the processor are Gephi's own, out of its toolkit; a few lines of
Java beside this file (``tests/gephi``) open files with them and print what came out.
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
from graphbuild.exporters import read_graphml, write_graphml
from tests.support.expected import Held, as_told
from tests.support.exported import NAMES, THERE
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
MADE = OUTPUT / "gephi"
NOTEBOOKS = ROOT / "notebooks"
KINDS = {str: "String", int: "Long", float: "Double", bool: "Boolean"}
NODE_PROPERTIES = ("label", "color", "size", "x", "y")  # of Gephi's own; no columns there
LARGEST, SMALLEST, EDGE_OF_THE_WORLD = 100.0, 4.0, 5_000.0  # what Gephi scales sizes and places to

BAD_COLUMN = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="when" for="node" attr.name="when" attr.type="date"/>
<graph id="G" edgedefault="directed"><node id="a"/></graph>
</graphml>
"""

Opened = dict[str, Any]


@pytest.fixture(scope="module")
def gephi(tmp_path_factory) -> Callable[..., list[Opened]]:
    """Open files in Gephi: ``gephi("--as-is", path, path, ...)``; one start for all of them."""
    GEPHI.require("java", "javac", "mvn")
    sources = [SOURCES / name for name in ("pom.xml", "Import.java", "Json.java")]
    command = ["mvn", "--batch-mode", "--quiet", "compile"]
    GEPHI.build(MADE, sources, command, "ResolutionException")
    java = [
        "java",
        "-Djava.awt.headless=true",
        "-Dfile.encoding=windows-1252",  # as on an older Windows: what the file says must do
        f"-Djava.io.tmpdir={tmp_path_factory.mktemp('java')}",
        "-XX:+UseSerialGC",  # this and the next: to start soon matters, not to run for long
        "-XX:TieredStopAtLevel=1",
        "-cp",
        f"{MADE / 'target' / 'classes'}:{MADE / 'target' / 'lib'}/*",
        "Import",
    ]

    def opened(*words: object) -> list[Opened]:
        command = [*java, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return opened


@pytest.fixture(scope="module")
def opened(gephi, exported, tmp_path_factory) -> dict[tuple[str, str], Opened]:
    """What Gephi finds, by way of opening and name, in every file there is; all at one start."""
    folder = tmp_path_factory.mktemp("files")
    graphs = {name: exported(name).path for name in THERE}
    graphs |= {f"{name}.gexf": _as_gexf(exported(name), folder, name) for name in THERE}
    others = {
        "packed": gb.export(exported("demo").graph, folder / "packed.graphml.gz"),
        "timeline": SOURCES / "timeline.gexf",
        "bad column": folder / "bad.graphml",
        "broken": folder / "broken.graphml",
        "strange": folder / "strange.xyz",
    }
    others["bad column"].write_text(BAD_COLUMN)
    others["broken"].write_text(BAD_COLUMN.replace('id="a"', 'id="\x01"'))
    others["strange"].write_text("")
    found = gephi(
        *graphs.values(),
        *("--as-is", *graphs.values(), *others.values()),
        *("--plain-java", *graphs.values()),
    )
    names = [("scaled", name) for name in graphs]
    names += [("as it is", name) for name in [*graphs, *others]]
    names += [("by plain Java", name) for name in graphs]
    return dict(zip(names, found, strict=True))


def _as_gexf(made: Exported, folder: Path, name: str) -> Path:
    return gb.export(made.graph, folder / f"{name}.gexf", positions=made.places)


def held(found: Opened) -> Held:
    """What Gephi found, as ``expected`` tells it."""
    assert "error" not in found, found["error"]
    nodes = {node["id"]: _values(node, found["node_columns"]) for node in found["nodes"]}
    edges = {
        (edge["source"], edge["target"]): _values(edge, found["edge_columns"])
        for edge in found["edges"]
    }
    # Nothing is there twice, and Gephi's own counts are those of what it shows.
    assert found["node_count"] == len(found["nodes"]) == len(nodes)
    assert found["edge_count"] == len(found["edges"]) == len(edges)
    assert found["directed"] is not found["undirected"]
    columns = [
        {column["title"]: column["type"] for column in found[table] if not column["property"]}
        for table in ("node_columns", "edge_columns")
    ]
    return Held(found["directed"], nodes, edges, *columns)


def _values(element: Opened, columns: list[Opened]) -> dict[str, Any]:
    titles = {column["id"]: column["title"] for column in columns}
    known = {titles[name]: value for name, value in element["attributes"].items()}
    if "source" in element:
        assert element["type"] is None
        assert element["label"] is None
        return as_told(known | {name: element[name] for name in ("id", "weight")})
    return as_told(known | {name: element[name] for name in NODE_PROPERTIES})


def shown(made: Exported) -> Held:
    """What Gephi must show of a graph, its two faults with texts included.

    In every text but the label it reads "INF" as a number would be read, and "null" as nothing.
    """
    return made.held.each(_as_gephi_shows)


def _as_gephi_shows(column: str, value: object) -> object:
    if column == "attributes":
        text = json.dumps(value).replace("INF", "Infinity")
        return json.loads(text)
    if column in {"size", "x", "y", "weight"}:  # to single precision
        return struct.unpack("f", struct.pack("f", value))[0]
    if column in {"label", "color", "id"} or not isinstance(value, str):
        return value
    return None if value.lower() == "null" else value.replace("INF", "Infinity")


# --- our files -----------------------------------------------------------------------------------

ways = pytest.mark.parametrize("way", ["as it is", "by plain Java"])
graphs = pytest.mark.parametrize("name", NAMES)


@pytest.mark.parametrize("way", ["scaled", "as it is", "by plain Java"])
@graphs
def test_gephi_has_no_complaint(opened, way, name):
    assert opened[way, name]["issues"] == []


@ways
@graphs
def test_gephi_holds_the_nodes(opened, exported, way, name):
    found, made = held(opened[way, name]), exported(name)
    assert set(found.nodes) == set(made.graph)
    assert found.nodes == shown(made).nodes


@ways
@graphs
def test_gephi_holds_the_edges(opened, exported, way, name):
    found, made = held(opened[way, name]), exported(name)
    assert set(found.edges) == set(made.graph.edges)
    assert found.edges == shown(made).edges


@graphs
def test_gephi_has_the_columns_and_their_types(opened, exported, name):
    found, due = held(opened["as it is", name]), shown(exported(name))
    kinds = {column: KINDS[kind] for column, kind in due.node_columns.items()}
    assert found.node_columns == {c: k for c, k in kinds.items() if c not in NODE_PROPERTIES}
    kinds = {column: KINDS[kind] for column, kind in due.edge_columns.items()}
    assert found.edge_columns == {c: k for c, k in kinds.items() if c != "weight"}
    assert found.directed is True


@graphs
def test_what_gephi_shows_wrongly_is_as_much_as_the_export_says(exported, name):
    made = exported(name)
    right, wrong = made.held, shown(made)
    misread = [
        (key, column)
        for rights, wrongs in ((right.nodes, wrong.nodes), (right.edges, wrong.edges))
        for key, values in rights.items()
        for column, value in values.items()
        if isinstance(value, str | dict) and value != wrongs[key].get(column)
    ]
    assert write_graphml(made.graph, io.BytesIO()).misread == len(misread)


@graphs
def test_where_gephi_scales_the_picture_keeps_its_shape(opened, exported, name):
    """As the import dialog proposes: moved to the middle, and as large as Gephi likes it."""
    found, due = held(opened["scaled", name]).nodes, shown(exported(name)).nodes
    middle = {axis: sum(node[axis] for node in due.values()) / len(due) for axis in "xy"}
    sizes = [node["size"] for node in due.values()]
    factor = (LARGEST - SMALLEST) / (max(sizes) - min(sizes))
    farthest = max(abs(node[axis] - middle[axis]) for node in due.values() for axis in "xy")
    factor = min(factor, EDGE_OF_THE_WORLD / farthest)
    for key, node in due.items():
        size = SMALLEST + (node["size"] - min(sizes)) * factor
        assert found[key]["size"] == pytest.approx(size, rel=1e-4)
        for axis in "xy":
            at = (node[axis] - middle[axis]) * factor
            assert found[key][axis] == pytest.approx(at, rel=1e-4, abs=0.1)


def test_a_packed_file_is_opened_alike(opened):
    assert opened["as it is", "packed"] == opened["as it is", "demo"]


# --- the same with time --------------------------------------------------------------------------

DAY = 86_400_000.0  # of milliseconds
NOTED = ["INFO"]  # which version of GEXF it is


@pytest.mark.parametrize("way", ["scaled", "as it is", "by plain Java"])
@graphs
def test_gephi_has_no_complaint_about_a_gexf(opened, way, name):
    assert [issue["level"] for issue in opened[way, f"{name}.gexf"]["issues"]] == NOTED


@pytest.mark.parametrize("way", ["scaled", "as it is", "by plain Java"])
@graphs
def test_gephi_holds_of_a_gexf_what_it_holds_of_the_graphml(opened, way, name):
    timed, timeless = held(opened[way, f"{name}.gexf"]), held(opened[way, name])
    assert timed.nodes == timeless.nodes
    assert timed.edges == timeless.edges
    assert timed.edge_columns == timeless.edge_columns
    assert timed.node_columns == timeless.node_columns


@ways
@graphs
def test_gephi_knows_from_when_on_what_is_there(opened, exported, way, name):
    found, graph = opened[way, f"{name}.gexf"], exported(name).graph

    def day(key):
        node = graph.nodes[key]
        seconds = node.get("creation_date")
        known = node["type"] == "reference" and type(seconds) is int and abs(seconds) < 2**36
        return [seconds // 86_400 * DAY] if known else []

    for node in found["nodes"]:
        assert node["intervals"] == [[start, math.inf] for start in day(node["id"])]
    for edge in found["edges"]:
        starts = day(edge["source"]) + day(edge["target"])
        assert edge["intervals"] == [[start, math.inf] for start in starts]
    assert any(node["intervals"] for node in found["nodes"])
    assert not all(node["intervals"] for node in found["nodes"])


# --- the harness: it must be able to complain, and to read what is still to be written -----------


def test_complaints_of_gephi_are_heard(opened):
    (issue,) = opened["as it is", "bad column"]["issues"]
    assert issue["level"] == "SEVERE"
    assert "date" in issue["message"]
    assert "error" in opened["as it is", "broken"]
    assert "no importer" in opened["as it is", "strange"]["error"]


def test_a_gexf_has_its_time(opened):
    found = opened["as it is", "timeline"]
    assert [issue["level"] for issue in found["issues"]] == ["INFO"]  # which version it is
    by_id = {element["id"]: element for element in found["nodes"] + found["edges"]}
    day = 86_400_000.0
    written, forgotten = 17_543 * day, 17_563 * day  # 2018-01-12 and 2018-02-01
    assert by_id["file:a"]["intervals"] == []
    assert by_id["reference:b"]["intervals"] == [[written, float("inf")]]
    assert by_id["e1"]["intervals"] == [[written, forgotten]]
    assert by_id["file:a"]["attributes"] == {"type": "file", "tags": ["apt", "a, b"]}
    assert (by_id["file:a"]["color"], by_id["file:a"]["size"]) == ("#0072b2", 12.5)
    assert (by_id["reference:b"]["x"], by_id["reference:b"]["y"]) == (-1.0, 2.5)
    assert (by_id["e1"]["weight"], by_id["e1"]["directed"]) == (3.0, True)


# --- and back ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in THERE if name != "hostile"])
def test_what_gephi_saves_is_read_back_without_loss(gephi, exported, tmp_path, name):
    """With columns of its own beside ours, of which networkx tells.

    Not where a text is ``null``, which Gephi drops: the export has counted those.
    """
    made, saved = exported(name), tmp_path / "saved.graphml"
    gephi(made.path, "--save", saved)
    back = read_graphml(saved)
    assert set(back) == set(made.graph)
    assert set(extract_observations(back)) == set(extract_observations(made.graph))
    theirs = nx.read_graphml(saved)
    assert all("Modularity Class" in node for node in theirs.nodes.values())
    assert not any("Modularity Class" in node for node in back.nodes.values())


def test_what_gephi_saved_for_the_notebook_is_what_it_saves(gephi, tmp_path):
    """Its places and groups aside, which it draws by lot."""
    kept = NOTEBOOKS / "from-gephi.graphml.gz"
    gb.export(read_graphml(kept), tmp_path / "again.graphml")
    gephi(tmp_path / "again.graphml", "--save", tmp_path / "saved.graphml")
    again, before = (nx.read_graphml(path) for path in (tmp_path / "saved.graphml", kept))
    assert _columns(again) == _columns(before)
    assert again.edges.keys() == before.edges.keys()


def _columns(graph: nx.DiGraph) -> dict[str, set[str]]:
    return {key: set(node) for key, node in graph.nodes(data=True)}

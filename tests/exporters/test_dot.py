"""DOT: Graphviz and pydot read every node, edge and observation."""

from __future__ import annotations

import io
import json
import re
import subprocess
import warnings
import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings

from graphbuild.exporters.dot import write_dot
from graphbuild.graph.builder import build_graph
from graphbuild.models import INFERRED, Entity, Observation
from tests.support.external_tools import ExternalTool
from tests.support.graphs import EMOTET, GANG, HOSTILE, REPORT, campaign, hostile_graphs, with_title
from tests.support.mixed_campaigns import campaigns, hostile_text_graph, triples_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of pyparsing
    import pydot.dot_parser

GRAPHVIZ = ExternalTool(
    "tests with Graphviz",
    "GRAPHBUILD_REQUIRE_GRAPHVIZ",
    "install it with: apt-get install graphviz",
)
SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"


def write_bytes(graph):
    stream = io.BytesIO()
    write_dot(graph, stream)
    return stream.getvalue()


def run_graphviz(data, *arguments):
    GRAPHVIZ.require("dot")
    process = subprocess.run(
        ["dot", *arguments], input=data, capture_output=True, check=False, timeout=300
    )
    assert (process.returncode, process.stderr) == (0, b"")
    return process.stdout


def read_with_graphviz(graph):
    """Return nodes and edges as read by Graphviz."""
    parsed = json.loads(run_graphviz(write_bytes(graph), "-Tdot_json"))
    nodes = {each["_gvid"]: each for each in parsed.get("objects", ())}
    edges = {
        (nodes[each["tail"]]["name"], nodes[each["head"]]["name"]): each
        for each in parsed.get("edges", ())
    }
    return {each["name"]: each for each in nodes.values()}, edges


def unquote(text):
    """Return the text of a quoted DOT string; pydot keeps quotes and concatenations."""
    pieces = re.findall(r'"((?:[^"\\]|\\.)*)"', text, re.DOTALL)
    return "".join(pieces).replace('\\"', '"').replace("\\\\", "\\")


def read_with_pydot(graph):
    (parsed,) = pydot.graph_from_dot_data(write_bytes(graph).decode())
    nodes = {
        unquote(each.get_name()): each.get_attributes()
        for each in parsed.get_nodes()
        if each.get_name() not in {"node", "edge", "graph"}
    }
    edges = {
        (unquote(each.get_source()), unquote(each.get_destination())): {
            name: unquote(value) for name, value in each.get_attributes().items()
        }
        for each in parsed.get_edges()
    }
    return nodes, edges


def triples_from_edges(edges):
    return {
        (source, target, None if key == "-" else key, edge["provenance"])
        for (source, target), edge in edges.items()
        if edge["relation"] == "related_references"
        for key in edge["related_from"].split(" ")
    }


# --- content -------------------------------------------------------------------------------------


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns() | hostile_graphs())
def test_graphviz_reads_every_node_and_observation(graph):
    nodes, edges = read_with_graphviz(graph)
    assert set(nodes) == set(graph)
    assert set(edges) == set(graph.edges)
    assert triples_from_edges(edges) == triples_of(graph)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns() | hostile_graphs())
def test_pydot_reads_every_node_and_observation(graph):
    nodes, edges = read_with_pydot(graph)
    assert set(nodes) == set(graph)
    assert triples_from_edges(edges) == triples_of(graph)


def test_nodes_and_edges_are_written_with_their_attributes():
    lines = write_bytes(campaign()).decode().splitlines()
    assert lines[0] == "digraph related {"
    assert lines[-1] == "}"
    assert (
        f'"{REPORT.key}" [label="Emotet – a <i>history</i> & more", type="reference",'
        ' shape="box", fillcolor="#e69f00", fontcolor="#000000"];'
    ) in lines
    assert (
        f'"{EMOTET.key}" -> "{REPORT.key}" [relation="related_references", weight="3",'
        ' related_from="- collection:alienvault_5a5 collection:malpedia_win_emotet",'
        ' provenance="observed"];'
    ) in lines


def test_a_state_is_written_unless_it_is_complete():
    graph = campaign()
    first, second, *_ = (node for _, node in graph.nodes(data=True) if node["type"] == "file")
    first["state"], second["state"] = "short", "complete"
    assert write_bytes(graph).count(b"state=") == 1
    assert b'state="short"];' in write_bytes(graph)


def test_inferred_edges_are_dashed():
    _, edges = read_with_pydot(build_graph([Observation(EMOTET, REPORT, GANG, INFERRED)]))
    assert edges[EMOTET.key, REPORT.key]["style"] == "dashed"
    assert "style" not in edges[REPORT.key, GANG.key]


@pytest.mark.parametrize("weight", [-1, float("nan"), None, "2"])
def test_an_invalid_weight_is_omitted_and_counted(weight):
    graph = with_title("t")
    for *_, edge in graph.edges(data=True):
        edge.update(weight=weight, color="red")
    assert write_dot(graph, io.BytesIO()).omitted == 4
    assert b"weight" not in write_bytes(graph)


# --- hostile text --------------------------------------------------------------------------------


def test_every_title_of_the_corpus_is_drawn_as_text_without_links():
    svg = ET.fromstring(run_graphviz(write_bytes(with_title(*HOSTILE)), "-Tsvg"))
    shown = {text.text for text in svg.iter(f"{SVG}text")}
    assert {"</script><script>alert(1)</script>", "&lt;a&gt; &amp; b", "a]]>b"} <= shown
    assert {each.tag for each in svg.iter()} == {
        f"{SVG}{name}" for name in ("svg", "g", "title", "text", "ellipse", "polygon", "path")
    }
    assert not [each for each in svg.iter() if LINK in each.attrib]


def test_every_bad_text_of_the_corpus_is_drawn_as_text():
    graph = hostile_text_graph()
    assert triples_from_edges(read_with_graphviz(graph)[1]) == triples_of(graph)
    svg = ET.fromstring(run_graphviz(write_bytes(graph), "-Tsvg"))
    assert not [each for each in svg.iter() if LINK in each.attrib]
    assert f"{SVG}script" not in {each.tag for each in svg.iter()}


@pytest.mark.parametrize(
    "title", ["a\\nb", "a\\Nb", 'a"b', 'a\\"b', "ends in \\", "&eacute; &#64; &x;", "<<b>x</b>>"]
)
def test_graphviz_escapes_in_a_title_are_shown_literally(title):
    svg = ET.fromstring(run_graphviz(write_bytes(with_title(title)), "-Tsvg"))
    assert title in {text.text for text in svg.iter(f"{SVG}text")}


def test_a_graph_with_thousands_of_edges_is_drawn_in_seconds():
    """Use sfdp, as dot is slow; routing curves around every node took many minutes."""
    data = write_bytes(
        build_graph(
            Observation(
                Entity("file", f"{f:064x}"), Entity("reference", f"{f * 7 % 50 + r:064x}"), GANG
            )
            for f in range(60)
            for r in range(60)
        )
    )
    assert data.count(b"->") > 3_500
    assert b"<svg" in run_graphviz(data, "-Ksfdp", "-Tsvg")


def test_a_long_list_of_collections_is_split_into_several_strings():
    """Graphviz reads at most 16 KiB per quoted string."""
    graph = build_graph(
        Observation(EMOTET, REPORT, Entity("collection", f"c{n:060}")) for n in range(250)
    )
    assert 250 * len(f"collection:c{0:060}") > 16_384
    assert max(map(len, re.findall(rb'"[^"]*"', write_bytes(graph)))) < 16_384
    assert triples_from_edges(read_with_pydot(graph)[1]) == triples_of(graph)
    assert triples_from_edges(read_with_graphviz(graph)[1]) == triples_of(graph)

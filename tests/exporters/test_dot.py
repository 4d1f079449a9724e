"""DOT: what Graphviz and another parser find in our files."""

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
    warnings.simplefilter("ignore")  # of its own parser's library
    import pydot.dot_parser

GRAPHVIZ = ExternalTool(
    "tests with Graphviz",
    "GRAPHBUILD_REQUIRE_GRAPHVIZ",
    "install it with: apt-get install graphviz",
)
SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"


def written(graph):
    stream = io.BytesIO()
    write_dot(graph, stream)
    return stream.getvalue()


def graphviz(data, *arguments):
    GRAPHVIZ.require("dot")
    done = subprocess.run(
        ["dot", *arguments], input=data, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def by_graphviz(graph):
    """Nodes and edges as Graphviz itself understood them."""
    found = json.loads(graphviz(written(graph), "-Tdot_json"))
    nodes = {each["_gvid"]: each for each in found.get("objects", ())}
    edges = {
        (nodes[each["tail"]]["name"], nodes[each["head"]]["name"]): each
        for each in found.get("edges", ())
    }
    return {each["name"]: each for each in nodes.values()}, edges


def plain(text):
    """A quoted string of DOT, or several with plus signs between, as another parser gives it."""
    pieces = re.findall(r'"((?:[^"\\]|\\.)*)"', text, re.DOTALL)
    return "".join(pieces).replace('\\"', '"').replace("\\\\", "\\")


def by_pydot(graph):
    (found,) = pydot.graph_from_dot_data(written(graph).decode())
    nodes = {
        plain(each.get_name()): each.get_attributes()
        for each in found.get_nodes()
        if each.get_name() not in {"node", "edge", "graph"}
    }
    edges = {
        (plain(each.get_source()), plain(each.get_destination())): {
            name: plain(value) for name, value in each.get_attributes().items()
        }
        for each in found.get_edges()
    }
    return nodes, edges


def triples_in(edges):
    return {
        (source, target, None if key == "-" else key, edge["provenance"])
        for (source, target), edge in edges.items()
        if edge["relation"] == "related_references"
        for key in edge["related_from"].split(" ")
    }


# --- what a reader finds -------------------------------------------------------------------------


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns() | hostile_graphs())
def test_graphviz_finds_every_node_and_observation(graph):
    nodes, edges = by_graphviz(graph)
    assert set(nodes) == set(graph)
    assert set(edges) == set(graph.edges)
    assert triples_in(edges) == triples_of(graph)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns() | hostile_graphs())
def test_another_parser_finds_the_same(graph):
    nodes, edges = by_pydot(graph)
    assert set(nodes) == set(graph)
    assert triples_in(edges) == triples_of(graph)


def test_what_stands_in_the_file():
    lines = written(campaign()).decode().splitlines()
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


def test_what_is_inferred_is_dashed():
    _, edges = by_pydot(build_graph([Observation(EMOTET, REPORT, GANG, INFERRED)]))
    assert edges[EMOTET.key, REPORT.key]["style"] == "dashed"
    assert "style" not in edges[REPORT.key, GANG.key]


@pytest.mark.parametrize("weight", [-1, float("nan"), None, "2"])
def test_a_weight_graphviz_refuses_is_left_out_and_counted(weight):
    graph = with_title("t")
    for *_, edge in graph.edges(data=True):
        edge.update(weight=weight, color="red")
    assert write_dot(graph, io.BytesIO()).omitted == 4
    assert b"weight" not in written(graph)


# --- hostile text --------------------------------------------------------------------------------


def test_every_title_of_the_corpus_is_drawn_as_text_and_nothing_as_a_link():
    picture = ET.fromstring(graphviz(written(with_title(*HOSTILE)), "-Tsvg"))
    shown = {text.text for text in picture.iter(f"{SVG}text")}
    assert {"</script><script>alert(1)</script>", "&lt;a&gt; &amp; b", "a]]>b"} <= shown
    assert {each.tag for each in picture.iter()} == {
        f"{SVG}{name}" for name in ("svg", "g", "title", "text", "ellipse", "polygon", "path")
    }
    assert not [each for each in picture.iter() if LINK in each.attrib]


def test_every_bad_text_of_the_corpus_is_drawn_as_text():
    graph = hostile_text_graph()
    assert triples_in(by_graphviz(graph)[1]) == triples_of(graph)
    picture = ET.fromstring(graphviz(written(graph), "-Tsvg"))
    assert not [each for each in picture.iter() if LINK in each.attrib]
    assert f"{SVG}script" not in {each.tag for each in picture.iter()}


@pytest.mark.parametrize(
    "title", ["a\\nb", "a\\Nb", 'a"b', 'a\\"b', "ends in \\", "&eacute; &#64; &x;", "<<b>x</b>>"]
)
def test_what_graphviz_would_take_for_more_is_shown_as_it_is(title):
    picture = ET.fromstring(graphviz(written(with_title(title)), "-Tsvg"))
    assert title in {text.text for text in picture.iter(f"{SVG}text")}


def test_a_graph_of_some_thousand_edges_is_drawn_in_seconds():
    """By sfdp, where dot is slow; it took many minutes over curves that avoid every node."""
    data = written(
        build_graph(
            Observation(
                Entity("file", f"{f:064x}"), Entity("reference", f"{f * 7 % 50 + r:064x}"), GANG
            )
            for f in range(60)
            for r in range(60)
        )
    )
    assert data.count(b"->") > 3_500
    assert b"<svg" in graphviz(data, "-Ksfdp", "-Tsvg")


def test_a_long_list_of_collections_is_written_in_pieces():
    """Graphviz reads no more than 16 KiB between two quotes."""
    graph = build_graph(
        Observation(EMOTET, REPORT, Entity("collection", f"c{n:060}")) for n in range(250)
    )
    assert 250 * len(f"collection:c{0:060}") > 16_384
    assert max(map(len, re.findall(rb'"[^"]*"', written(graph)))) < 16_384
    assert triples_in(by_pydot(graph)[1]) == triples_of(graph)
    assert triples_in(by_graphviz(graph)[1]) == triples_of(graph)

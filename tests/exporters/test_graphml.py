"""GraphML: what each reader finds in the file, and reading it back with ``read_graphml``."""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import re
import tempfile
import tracemalloc
from pathlib import Path

import igraph
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from lxml import etree

from graphbuild.errors import ExportError
from graphbuild.exporters.graphml import write_graphml
from graphbuild.exporters.graphml_reader import read_graphml
from graphbuild.graph.builder import build_graph, extract_observations
from graphbuild.models import Entity, Observation
from tests.support.expected import clean
from tests.support.graphs import (
    BARE,
    EMOTET,
    GANG,
    HOSTILE,
    LOADER,
    OBSERVATIONS,
    OTHERS,
    REPORT,
    TALK,
    UNKNOWN,
    campaign,
    hostile_graphs,
    with_title,
)
from tests.support.paths import TESTS

GOLDEN = TESTS / "golden" / "campaign.graphml"
NS = "{http://graphml.graphdrawing.org/xmlns}"


def write_bytes(graph, **options):
    stream = io.BytesIO()
    write_graphml(graph, stream, **options)
    return stream.getvalue()


def warnings_for(graph):
    return write_graphml(graph, io.BytesIO())


def read_back(graph):
    return read_graphml(io.BytesIO(write_bytes(graph)))


def make_positions(graph):
    return {key: (float(n), -0.5 * n) for n, key in enumerate(graph)}


def read_with_networkx(graph, **options):
    return nx.read_graphml(io.BytesIO(write_bytes(graph, **options)))


def read_with_igraph(graph, **options):
    with tempfile.NamedTemporaryFile(suffix=".graphml") as file:
        file.write(write_bytes(graph, **options))
        file.flush()
        return igraph.Graph.Read_GraphML(file.name)


# --- the file ------------------------------------------------------------------------------------


def test_export_equals_the_golden_file():
    """To update the file after reviewing the difference, delete it and run this test twice."""
    graph = campaign()
    actual = write_bytes(graph, positions=make_positions(graph))
    if not GOLDEN.exists():
        GOLDEN.write_bytes(actual)
        pytest.fail("the golden file was missing and has been written; look at it, commit it")
    assert actual == GOLDEN.read_bytes()


def test_the_file_starts_with_the_xml_declaration():
    assert write_bytes(campaign()).startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<graphml ')


def test_keys_are_unique_and_not_reserved_by_any_reader():
    keys = list(etree.fromstring(write_bytes(campaign())).iter(f"{NS}key"))
    ids = [key.get("id") for key in keys]
    lowered = [name.lower() for name in ids]
    assert len(set(lowered)) == len(ids)  # Gephi lower-cases; Cytoscape and networkx share scopes
    assert not set(ids) & {"r", "g", "b", "z", "id", "timeset", "name", "d0"}
    assert {key.get("attr.type") for key in keys} <= {"string", "long", "double", "boolean"}
    assert {key.get("for") for key in keys} == {"node", "edge"}
    for scope in ("node", "edge"):
        names = [key.get("attr.name") for key in keys if key.get("for") == scope]
        assert len(set(names)) == len(names)  # igraph rejects duplicate names
    assert not list(etree.fromstring(write_bytes(campaign())).iter(f"{NS}default"))


def test_keys_do_not_depend_on_the_data():
    def head(graph):
        return write_bytes(graph).partition(b"<graph id")[0]

    assert head(campaign()) == head(build_graph([])) == head(with_title(*HOSTILE, strange="x"))


def test_keys_are_followed_by_nodes_and_then_edges():
    order = [child.tag for child in etree.fromstring(write_bytes(campaign())).find(f"{NS}graph")]
    assert order == [f"{NS}node"] * 8 + [f"{NS}edge"] * 7
    tags = re.findall(rb"<(key|graph|node|edge)\b", write_bytes(campaign()))
    assert [tag for n, tag in enumerate(tags) if tag not in tags[:n]] == [
        b"key",
        b"graph",
        b"node",
        b"edge",
    ]


def test_ids_are_unique_and_edge_ids_are_stable():
    root = etree.fromstring(write_bytes(with_title(*HOSTILE)))
    for kind in ("node", "edge"):
        ids = [element.get("id") for element in root.iter(f"{NS}{kind}")]
        assert len(set(ids)) == len(ids) > 1
    part = {e.get("id") for e in etree.fromstring(write_bytes(with_title("a"))).iter(f"{NS}edge")}
    assert part <= {e.get("id") for e in root.iter(f"{NS}edge")}


def test_colors_sizes_labels_and_weights_are_valid_in_gephi():
    read = read_with_networkx(with_title(*HOSTILE))
    for _, node in read.nodes(data=True):
        assert re.fullmatch("#[0-9a-f]{6}", node["color"])
        assert 6 <= node["size"] <= 30
        assert 1 <= len(node["label"]) <= 80
    assert all(edge["weight"] > 0 for *_, edge in read.edges(data=True))


def test_the_file_contains_no_control_character():
    everything = "".join(map(chr, [*range(0x20), 0xFFFE, 0xFFFF, 0xD800, 0xDFFF]))
    text = write_bytes(with_title(everything, odd=everything)).decode()
    assert not re.search("[\x00-\x09\x0b-\x1f\ufffe\uffff]", text)


@pytest.mark.parametrize("code", range(0x20))
def test_control_characters_are_read_back_as_documented(code):
    graph = with_title(f"a{chr(code)}b")
    title = read_with_networkx(graph).nodes["reference:" + "0" * 64]["title"]
    assert title == clean(f"a{chr(code)}b")


def test_text_with_markup_is_written_as_cdata_because_gephi_drops_spaces_between_entities():
    text = write_bytes(with_title("&lt;a&gt; &amp; ]]> b")).decode()
    assert "<![CDATA[&lt;a&gt; &amp; ]]]]><![CDATA[> b]]>" in text


def test_positions_can_be_any_numbers():
    graph = campaign()
    text = write_bytes(graph, positions=dict.fromkeys(graph, (np.float64(-0.0), 3)))
    assert text.count(b'<data key="x">0.0</data><data key="y">3.0</data>') == len(graph)


def test_positions_are_required_for_all_nodes_or_none():
    graph = campaign()
    positions = make_positions(graph)
    read = read_with_networkx(graph, positions=positions)
    assert {key: (node["x"], node["y"]) for key, node in read.nodes(data=True)} == positions
    assert not any("x" in node for _, node in read_with_networkx(graph).nodes(data=True))
    for gap in ({EMOTET.key: (0, 0)}, positions | {EMOTET.key: (0.0, math.nan)}):
        stream = io.BytesIO()
        with pytest.raises(ExportError, match="no position"):
            write_graphml(graph, stream, positions=gap)
        assert stream.getvalue() == b""


# --- values --------------------------------------------------------------------------------------


def test_networkx_reads_the_attributes_of_a_reference():
    node = read_with_networkx(campaign()).nodes[REPORT.key]
    assert node == {
        "label": "Emotet – a <i>history</i> & more",
        "type": "reference",
        "color": "#e69f00",
        "size": 30.0,
        "title": "Emotet – a <i>history</i> & more",
        "url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        "domain": "blog.example.org",
        "web_url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        "author": "Zoë Ünal",
        "creation_date": 1_515_715_200,
        "created": "2018-01-12",
        "collections": 2,
    }


def test_networkx_reads_the_attributes_of_files_and_collections():
    nodes = read_with_networkx(campaign()).nodes
    assert nodes[EMOTET.key]["sha256"] == EMOTET.id
    assert nodes[LOADER.key]["sha1"] == LOADER.id
    assert nodes[UNKNOWN.key]["md5"] == UNKNOWN.id
    assert [nodes[file.key]["seed"] for file in (EMOTET, LOADER, UNKNOWN)] == [True, False, True]
    assert nodes[UNKNOWN.key]["state"] == "not found"
    assert nodes[LOADER.key]["label"] == "load & run.exe"
    assert json.loads(nodes[EMOTET.key]["attributes"]) == {"size": 5120}
    assert nodes[GANG.key]["label"] == nodes[GANG.key]["api_name"] == "win.emotet"
    assert nodes[GANG.key]["collection_type"] == "malware-family"
    assert json.loads(nodes[OTHERS.key]["attributes"]) == {"shown": True, "targets": 12}
    assert nodes[BARE.key]["collections"] == 0


def test_networkx_reads_the_attributes_of_edges():
    edges = read_with_networkx(campaign()).edges
    assert edges[EMOTET.key, REPORT.key] == {
        "id": edges[EMOTET.key, REPORT.key]["id"],
        "relation": "related_references",
        "weight": 3.0,
        "observations": 3,
        "provenance": "observed",
        "related_from": "- collection:alienvault_5a5 collection:malpedia_win_emotet",
    }
    assert edges[REPORT.key, OTHERS.key]["relation"] == "related_from"
    assert edges[REPORT.key, OTHERS.key]["observations"] == 2
    assert "related_from" not in edges[REPORT.key, OTHERS.key]
    assert "provenance" not in edges[REPORT.key, OTHERS.key]


def test_unknown_attribute_names_do_not_become_keys():
    names = ("a b", "<x>", "n:s", "xmlns", "r", "Color", "sha256", "size", "x", "weight")
    graph = with_title("t", **dict.fromkeys(names, "v"))
    node = read_with_networkx(graph).nodes["reference:" + "0" * 64]
    assert json.loads(node["attributes"]) == dict.fromkeys(names, "v")
    assert (node["color"], node["title"]) == ("#e69f00", "t")


def test_a_value_of_the_wrong_type_is_stored_as_json():
    graph = with_title(5, creation_date="yesterday", url=True)
    node = read_with_networkx(graph).nodes["reference:" + "0" * 64]
    expected = {"title": 5, "creation_date": "yesterday", "url": True}
    assert json.loads(node["attributes"]) == expected
    assert not expected.keys() & node.keys()


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**63, -(2**63) - 1, None, [1], b"x"])
def test_values_that_no_reader_supports_are_omitted_and_counted(value):
    graph = with_title("t", score=value)
    assert warnings_for(graph).omitted == (value is not None)
    assert "score" not in str(read_with_networkx(graph).nodes(data=True))


@pytest.mark.parametrize("seconds", [-62135596801, 10**12, 10**18, 2**63])
def test_an_invalid_date_is_not_formatted(seconds):
    read = read_with_networkx(with_title("t", creation_date=seconds))
    assert "created" not in str(read.nodes.data())


@pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf, "2", None, True, 2**64, 10**400])
def test_a_weight_that_gephi_rejects_becomes_one(weight):
    graph = with_title("t")
    for *_, edge in graph.edges(data=True):
        edge["weight"] = weight
    assert {edge["weight"] for *_, edge in read_with_networkx(graph).edges(data=True)} == {1.0}
    assert warnings_for(graph).omitted == 2


def test_the_edge_cache_distinguishes_equal_values_of_different_types():
    """Edge attributes are cached; the cache must distinguish True, 1 and 1.0, which are equal."""
    graph = with_title(*"abcdefgh")
    edges = [edge for *_, edge in graph.edges(data=True) if "related_from" in edge]
    for edge, weight in zip(edges, [1.0, 1, True, 1, 2.0, 2, 2.5, False], strict=True):
        edge["weight"] = weight
    edges[6]["related_from"] = list(edges[3]["related_from"])
    edges[5]["first_seen"] = edges[5].pop("provenance")
    all_edges = read_with_networkx(graph).edges(data=True)
    read = [edge for *_, edge in all_edges if "related_from" in edge]
    assert [edge["weight"] for edge in read] == [1, 1, 1, 1, 2, 2, 2.5, 1]
    assert [edge.get("observations") for edge in read] == [None, 1, None, 1, None, 2, None, None]
    assert [edge.get("first_seen") for edge in read].count("observed") == 1
    assert {edge["related_from"] for edge in read} == {GANG.key}
    assert warnings_for(graph).omitted == 2


def test_a_value_of_many_edges_is_counted_for_each_edge():
    odd = Entity("collection", "INF")
    graph = build_graph(
        Observation(EMOTET, Entity("reference", f"{n:064x}"), odd) for n in range(9)
    )
    assert warnings_for(graph).misread == 9 + 1  # related_from of edges, and web_url of the node


def test_the_size_of_the_edge_cache_does_not_change_the_file(monkeypatch):
    expected = write_bytes(campaign())
    monkeypatch.setattr("graphbuild.exporters.xml_common._CACHED_EDGES", 1)
    assert write_bytes(campaign()) == expected


def test_memory_does_not_grow_with_edge_attributes():
    reports = [Entity("reference", f"{n:064x}") for n in range(100)]
    graph = build_graph(
        Observation(Entity("file", f"{f:064x}"), report, Entity("collection", f"c{f}-{n}" * 99))
        for f in range(200)
        for n, report in enumerate(reports)
    )
    with Path(os.devnull).open("wb") as sink:
        tracemalloc.start()
        write_graphml(graph, sink)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 12_000_000


def test_values_that_gephi_misreads_are_counted_and_written_unchanged():
    graph = with_title("LODEINFO", "null", "Null", "info", "x" * 90 + "INF")
    warnings = warnings_for(graph)
    assert warnings.misread == 4
    assert "4 texts shown wrongly by Gephi" in str(warnings)
    assert read_with_networkx(graph).nodes["reference:" + "0" * 64]["title"] == "LODEINFO"
    assert not warnings_for(with_title("fine – text"))


def test_values_that_gephi_misreads_are_counted_in_types_and_urls():
    odd = [Entity("x-INF", "a"), Entity("null", "a"), Entity("domain", "a")]
    assert warnings_for(build_graph([], subjects=odd)).misread == 2
    assert warnings_for(with_title("t", url="http://null/")).misread == 1


def test_cleaned_texts_are_counted_and_collapsed_white_space_is_not():
    assert warnings_for(with_title("a\0b", "\ud800", "a\n b  c")).cleaned == 2


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        ("\u202e\u2066", "(no title)"),
        ("\u200b \u200b", "(no title)"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\n\tb", "a b"),
        ("", "000000000000…"),
    ],
)
def test_labels_are_shortened_and_cleaned(title, label):
    assert read_with_networkx(with_title(title)).nodes["reference:" + "0" * 64]["label"] == label


@pytest.mark.parametrize("node_id", ["a b", "a\tb", "\ud800", "a\0", "a\u00a0b", "\ufffe"])
def test_an_invalid_xml_id_is_rejected_before_anything_is_written(node_id):
    graph = build_graph([], subjects=[Entity("file", node_id)])
    stream = io.BytesIO()
    with pytest.raises(ExportError, match="an XML id cannot"):
        write_graphml(graph, stream)
    assert stream.getvalue() == b""


# --- other readers -------------------------------------------------------------------------------


def texts_of_nodes(graph, is_original):
    """Return the cleaned texts of each node, by node key."""
    texts = ("title", "url", "author", "origin", "tags", "state")
    return {
        key: {
            name: clean(node[name])
            for name in texts
            if isinstance(node.get(name), str) and (not is_original or clean(node[name]))
        }
        for key, node in graph.nodes(data=True)
    }


@settings(max_examples=150)
@given(hostile_graphs())
def test_all_readers_read_the_same_hostile_text(graph):
    root = etree.fromstring(write_bytes(graph))
    assert len(list(root.iter(f"{NS}node"))) == len(graph)
    expected = texts_of_nodes(graph, is_original=True)
    for read in (read_with_networkx(graph), read_back(graph)):
        assert texts_of_nodes(read, is_original=False) == expected
        assert set(read.edges) == set(graph.edges)
    by_igraph = read_with_igraph(graph)
    assert {v["id"] for v in by_igraph.vs} == set(graph)
    texts = {v["id"]: {name: v[name] for name in expected[v["id"]]} for v in by_igraph.vs}
    assert texts == expected
    ids = by_igraph.vs["id"]
    weights = {(ids[e.source], ids[e.target]): e["weight"] for e in by_igraph.es}
    assert weights == {(s, t): float(edge["weight"]) for s, t, edge in graph.edges(data=True)}


def test_igraph_reads_numbers_and_booleans():
    graph = read_with_igraph(campaign())
    by_id = {vertex["id"]: vertex.attributes() for vertex in graph.vs}
    assert graph.is_directed()
    assert by_id[REPORT.key]["creation_date"] == 1_515_715_200
    assert by_id[EMOTET.key]["seed"] is True
    assert by_id[TALK.key]["label"] == "LODEINFO at 10:00"
    assert by_id[REPORT.key]["size"] == 30.0


# --- read_graphml --------------------------------------------------------------------------------


def test_read_graphml_restores_the_graph():
    graph, read = campaign(), read_back(campaign())
    assert dict(read.nodes(data=True)) == dict(graph.nodes(data=True))
    assert nx.utils.graphs_equal(read, graph)
    assert set(extract_observations(read)) == set(OBSERVATIONS)


@settings(max_examples=200)
@given(hostile_graphs())
def test_observations_are_read_back_and_a_second_export_is_identical(graph):
    once = read_back(graph)
    assert set(extract_observations(once)) == set(extract_observations(graph))
    assert nx.utils.graphs_equal(read_back(once), once)
    assert write_bytes(read_back(once)) == write_bytes(once)


def test_long_labels_and_unusual_attributes_are_read_back():
    odd = {"a b": "two  spaces\x00\ud800\n", "xmlns": "]]>", "score": 0.5, "many": 2**62}
    graph = with_title("a long title " * 20 + "end", **odd)
    node = read_back(graph).nodes["reference:" + "0" * 64]
    assert node == graph.nodes["reference:" + "0" * 64]


def test_read_graphml_reads_a_file_written_by_networkx(tmp_path):
    nx.write_graphml(read_with_networkx(campaign()), tmp_path / "other.graphml")
    assert set(extract_observations(read_graphml(tmp_path / "other.graphml"))) == set(OBSERVATIONS)


def test_read_graphml_detects_gzip_by_content(tmp_path):
    path = tmp_path / "map.graphml"
    path.write_bytes(gzip.compress(write_bytes(campaign())))
    assert set(extract_observations(read_graphml(str(path)))) == set(OBSERVATIONS)


def test_json_attributes_do_not_overwrite_id_and_type():
    graph = with_title("t")
    text = write_bytes(graph).replace(
        b'<data key="collections">1<', b'<data key="attributes">{"id": "evil", "type": 5}<'
    )
    node = read_graphml(io.BytesIO(text)).nodes["reference:" + "0" * 64]
    assert (node["id"], node["type"]) == ("0" * 64, "reference")


DOCTYPES = {
    "bomb": '<!DOCTYPE g [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    "external": '<!DOCTYPE g [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    "remote": '<!DOCTYPE g SYSTEM "http://evil.example/x.dtd">',
    "bare": "<!DOCTYPE graphml>",
}


@pytest.mark.parametrize("doctype", DOCTYPES.values(), ids=DOCTYPES)
def test_a_document_type_is_rejected(doctype):
    text = write_bytes(campaign()).decode().replace("?>\n", f"?>\n{doctype}\n", 1)
    with pytest.raises(ExportError, match="line 2: contains a document type"):
        read_graphml(io.BytesIO(text.encode()))


def broken_files():
    text = write_bytes(campaign())
    report = REPORT.key.encode()
    yield "cut", text[:-100], "not a complete XML"
    yield "empty", b"", "not a complete XML"
    yield "html", b"<html></html>", "is not GraphML"
    yield "rubbish", b"\x00\x01\x02", "not a complete XML"
    yield "deep", b"<graphml>" * 10_000, "nested deeper"
    yield "undirected", text.replace(b'"directed"', b'"undirected"'), "undirected"
    yield "type", re.sub(rb'<data key="type">[^<]*</data>', b"", text, count=1), "has no type"
    yield "relation", re.sub(rb'<data key="e_relation">[^<]*</data>', b"", text), "no relation"
    yield "date", text.replace(b"1515715200", b"soon"), "not an integer"
    yield "number", text.replace(b'e_observations">3', b'e_observations">3.5'), "not an integer"
    yield "json", text.replace(b'{"size": 5120}', b"{"), "the value of attributes is not JSON"
    yield "list", text.replace(b'{"size": 5120}', b"[]"), "not a JSON object"
    yield "deep json", text.replace(b'{"size": 5120}', b"[" * 100_000), "not JSON"
    yield "lost", text.replace(b'target="' + report, b'target="x'), "is not a node"
    yield "id", text.replace(b'id="' + report, b'id="'), "has no id"
    twice = text.replace(b'<node id="' + TALK.key.encode(), b'<node id="' + report)
    yield "twice", twice, "occurs twice"
    yield "nested", text.replace(b"</node>", b"", 1), "inside another"
    yield "graph", text.replace(b"</node>", b"<graph/></node>", 1), "graph inside a node or edge"


@pytest.mark.parametrize(
    ("data", "problem"), [row[1:] for row in broken_files()], ids=[row[0] for row in broken_files()]
)
def test_a_broken_file_is_reported_in_one_line(data, problem):
    with pytest.raises(ExportError, match=problem) as caught:
        read_graphml(io.BytesIO(data))
    assert "\n" not in str(caught.value)


LONG = "a" * 3 * 2**20
TOKENS = {
    "attribute": f'<graphml a="{LONG}"',
    "name": f"<{LONG}",
    "attributes": "<graphml" + "".join(f' a{n}="{n}"' for n in range(200_000)),
    "white space": f"<graphml {' ' * len(LONG)}",
    "comment": f"<graphml><!--{LONG}",
    "instruction": f"<graphml><?a {LONG}",
    "declaration": f'<?xml version="1.0" {" " * len(LONG)}',
}


@pytest.mark.parametrize("text", TOKENS.values(), ids=TOKENS)
def test_a_tag_or_comment_that_is_too_large_is_rejected_early(text):
    stream = io.BytesIO(text.encode())
    with pytest.raises(ExportError, match="a tag or comment is larger than 1048576 bytes"):
        read_graphml(stream)
    assert stream.tell() < 1.2 * 2**20


def test_a_long_text_is_read():
    graph = read_back(with_title("t", note=LONG))
    assert [node["note"] for _, node in graph.nodes(data=True) if "note" in node] == [LONG]


def test_a_missing_or_truncated_file_is_reported(tmp_path):
    with pytest.raises(ExportError, match=r"none\.graphml: cannot be read: No such file"):
        read_graphml(tmp_path / "none.graphml")
    path = tmp_path / "cut.graphml.gz"
    path.write_bytes(gzip.compress(write_bytes(campaign()))[:-30])
    with pytest.raises(ExportError, match="cannot be read"):
        read_graphml(path)


def test_a_file_that_is_too_large_is_rejected(monkeypatch):
    monkeypatch.setattr("graphbuild.exporters.graphml_reader.MAX_BYTES", 1_000)
    with pytest.raises(ExportError, match="larger than 1000 bytes"):
        read_back(campaign())

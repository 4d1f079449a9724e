"""JSON formats: strict JSON, and networkx reads the graph back."""

from __future__ import annotations

import enum
import io
import json
import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from graphbuild.errors import ExportError
from graphbuild.exporters import json as json_format
from graphbuild.graph.builder import build_graph
from graphbuild.graph.views import VIEWS, view
from graphbuild.models import Entity, Observation
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
    campaign,
    hostile_graphs,
    with_title,
)
from tests.support.observed_graphs import observed_graphs

WRITERS = {
    "json": json_format.write_node_link,
    "jsonl": json_format.write_lines,
    "cytoscape": json_format.write_cytoscape,
}
EVERY_FORMAT = pytest.mark.parametrize("format_name", WRITERS)


def write_bytes(format_name, graph, **options):
    stream = io.BytesIO()
    WRITERS[format_name](graph, stream, **options)
    return stream.getvalue()


def parse_strictly(text):
    """Parse strict JSON: no NaN and no duplicate names."""

    def reject(constant):
        raise AssertionError(f"{constant} is no JSON")

    def without_duplicates(pairs):
        assert len(dict(pairs)) == len(pairs), "duplicate name"
        return dict(pairs)

    return json.loads(text, parse_constant=reject, object_pairs_hook=without_duplicates)


def documents(format_name, data):
    """Return the JSON documents of a file, parsed strictly."""
    text = data.decode("utf-8")  # strict by default
    assert not text or text.endswith("\n")
    texts = text.split("\n")[:-1] if format_name == "jsonl" else [text]
    parsed = [parse_strictly(each) for each in texts]
    json.dumps(parsed, ensure_ascii=False).encode("utf-8")  # fails for escaped lone surrogates
    return parsed


def read_back(graph):
    (document,) = documents("json", write_bytes("json", graph))
    return nx.node_link_graph(document, edges="edges")


def expected_graph(graph):
    """Return the graph that node-link data must represent."""

    def exported_value(value):
        if isinstance(value, str):
            return "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in value)
        return [exported_value(each) for each in value] if isinstance(value, tuple) else value

    def is_exportable(value):
        if isinstance(value, float):
            return math.isfinite(value)
        return not isinstance(value, int) or -(2**63) <= value < 2**63

    def exported(attributes):
        return {
            exported_value(name): exported_value(value)
            for name, value in attributes.items()
            if name != "id" and is_exportable(value)
        }

    expected = nx.DiGraph()
    expected.add_nodes_from((key, exported(node)) for key, node in graph.nodes(data=True))
    expected.add_edges_from((*ends, exported(edge)) for *ends, edge in graph.edges(data=True))
    return expected


# --- node-link -----------------------------------------------------------------------------------


def test_networkx_reads_the_graph_back():
    graph = campaign()
    graph.graph["name"] = "Emotet"
    actual = read_back(graph)
    assert type(actual) is nx.DiGraph
    assert actual.graph == {"name": "Emotet"}
    assert list(actual) == list(graph)
    assert dict(actual.nodes(data=True)) == dict(expected_graph(graph).nodes(data=True))
    assert list(actual.edges(data=True)) == list(expected_graph(graph).edges(data=True))
    assert actual.edges[EMOTET.key, REPORT.key]["related_from"] == ["-", OTHERS.key, GANG.key]
    assert actual.nodes[EMOTET.key]["seed"] is True
    assert actual.nodes[REPORT.key]["creation_date"] == 1_515_715_200


def test_the_times_of_responses_are_not_written():
    graph = build_graph([Observation(EMOTET, REPORT, None, first_seen=1.0)])
    assert graph.graph
    assert read_back(graph).graph == {}


def test_node_link_data_equals_that_of_networkx():
    graph = campaign()
    (actual,) = documents("json", write_bytes("json", graph))
    by_networkx = json.loads(json.dumps(nx.node_link_data(graph, edges="edges")))
    assert actual == by_networkx


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(world=observed_graphs())
def test_random_graphs_are_read_back_with_all_attributes(world):
    assert nx.utils.graphs_equal(read_back(world.graph), expected_graph(world.graph))


def test_the_id_of_a_node_is_part_of_its_key():
    actual = read_back(campaign())
    for key, attributes in actual.nodes(data=True):
        assert attributes["type"] + ":" + campaign().nodes[key]["id"] == key


# --- lines ---------------------------------------------------------------------------------------


def test_lines_are_nodes_then_edges_then_observations():
    actual = documents("jsonl", write_bytes("jsonl", campaign()))
    assert [line["kind"] for line in actual] == (
        ["node"] * 8 + ["edge"] * 7 + ["observation"] * len(OBSERVATIONS)
    )
    assert {tuple(line.items()) for line in actual[-len(OBSERVATIONS) :]} == {
        (
            ("kind", "observation"),
            ("provenance", "observed"),
            ("reference", o.reference.key),
            ("related_from", o.related_from and o.related_from.key),
            ("subject", o.subject.key),
        )
        for o in OBSERVATIONS
    }
    assert {line["key"]: line["attributes"] for line in actual[:8]} == dict(
        campaign().nodes(data=True)
    )
    assert {
        "kind": "edge",
        "source": EMOTET.key,
        "target": REPORT.key,
        "relation": "related_references",
        "weight": 3,
        "related_from": ["-", OTHERS.key, GANG.key],
        "provenance": "observed",
    } in actual


def test_each_line_starts_with_its_kind_and_an_empty_graph_has_no_lines():
    lines = write_bytes("jsonl", campaign()).splitlines()
    assert all(line.startswith(b'{"kind":"') for line in lines)
    assert write_bytes("jsonl", build_graph([])) == b""


# --- Cytoscape -----------------------------------------------------------------------------------


def elements(graph, **options):
    (actual,) = documents("cytoscape", write_bytes("cytoscape", graph, **options))
    return actual["elements"]


def test_cytoscape_elements_have_the_required_fields():
    (actual,) = documents("cytoscape", write_bytes("cytoscape", campaign()))
    assert actual["data"]["name"] == "graphbuild"
    nodes = {node["data"]["id"]: node["data"] for node in actual["elements"]["nodes"]}
    assert nodes[REPORT.key] == {
        "id": REPORT.key,
        "entity_id": REPORT.id,
        "value": REPORT.key,
        "type": "reference",
        "name": "Emotet – a <i>history</i> & more",
        "label": "Emotet – a <i>history</i> & more",
        "title": "Emotet – a <i>history</i> & more",
        "url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        "author": "Zoë Ünal",
        "creation_date": 1_515_715_200,
        "created": "2018-01-12",
        "domain": "blog.example.org",
        "web_url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        "degree": 4,
        "color": "#e69f00",
        "size": 30.0,
    }
    assert (nodes[GANG.key]["name"], nodes[GANG.key]["api_name"]) == ("win.emotet", "win.emotet")
    assert nodes[LOADER.key]["name"] == "load & run.exe"
    edges = {
        (e["data"]["source"], e["data"]["target"]): e["data"] for e in actual["elements"]["edges"]
    }
    assert edges[EMOTET.key, REPORT.key] == {
        "id": edges[EMOTET.key, REPORT.key]["id"],
        "source": EMOTET.key,
        "target": REPORT.key,
        "interaction": "related_references",
        "relation": "related_references",
        "weight": 3,
        "related_from": ["-", OTHERS.key, GANG.key],
        "provenance": "observed",
    }


def test_ids_are_unique_and_edge_ids_are_stable():
    small, large = (elements(with_title(*titles)) for titles in (["a"], HOSTILE))
    ids = [each["data"]["id"] for kind in ("nodes", "edges") for each in large[kind]]
    assert len(set(ids)) == len(ids)
    assert {edge["data"]["id"] for edge in small["edges"]} < set(ids)


def test_positions_have_an_inverted_y_axis_and_are_required_for_all_nodes_or_none():
    graph = campaign()
    positions = {key: (np.float64(n), -0.5 * n) for n, key in enumerate(graph)}
    actual = elements(graph, positions=positions)["nodes"]
    assert [node["position"] for node in actual] == [{"x": n, "y": 0.5 * n} for n in range(8)]
    assert not any("position" in node for node in elements(graph)["nodes"])
    assert b"-0.0" not in write_bytes(
        "cytoscape", graph, positions=dict.fromkeys(graph, (-0.0, 0.0))
    )
    for gap in ({EMOTET.key: (0, 0)}, positions | {EMOTET.key: (0.0, math.nan)}):
        stream = io.BytesIO()
        with pytest.raises(ExportError, match="no position"):
            json_format.write_cytoscape(graph, stream, positions=gap)
        assert stream.getvalue() == b""


def test_unknown_attributes_do_not_become_cytoscape_columns():
    unusual = {"id": "forged", "value": "v", "position": "p", "a b": 1, "selected": True}
    (node,) = (
        node["data"]
        for node in elements(with_title("t", **unusual))["nodes"]
        if node["data"]["type"] == "reference"
    )
    assert node["id"] == node["value"] == "reference:" + "0" * 64
    del unusual["id"]
    assert json.loads(node["attributes"]) == unusual


def test_seed_attributes_are_exported_to_cytoscape():
    subject = Entity("file", EMOTET.id, {"seed_family": "Emotet"})
    (node,) = elements(build_graph([], subjects=[subject]))["nodes"]
    assert node["data"]["seed_family"] == "Emotet"


# --- all formats ---------------------------------------------------------------------------------


@EVERY_FORMAT
def test_every_text_of_the_corpus_gives_strict_json(format_name):
    graph = with_title(*HOSTILE, **{"\ud800 name": HOSTILE[0]})
    actual = documents(format_name, write_bytes(format_name, graph))
    text = json.dumps(actual, ensure_ascii=False)
    for title in HOSTILE:
        shown = "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in title)
        assert json.dumps(shown, ensure_ascii=False)[1:-1] in text


@EVERY_FORMAT
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(graph=hostile_graphs())
def test_hostile_graphs_give_strict_json(format_name, graph):
    documents(format_name, write_bytes(format_name, graph))


@EVERY_FORMAT
def test_values_that_json_cannot_represent_are_omitted_and_counted(format_name):
    class Odd(enum.IntEnum):
        FIVE = 5

    kept = {"five": Odd.FIVE, "half": np.float64(0.5), "name": np.str_("n"), "least": -(2**63)}
    omitted = {"nan": math.nan, "inf": -math.inf, "large": 2**63, "thing": object()}
    graph = with_title("t", **kept, **omitted)
    stream = io.BytesIO()
    assert WRITERS[format_name](graph, stream).omitted == len(omitted)
    text = stream.getvalue().decode()
    assert not any(f'"{name}' in text for name in omitted)
    # Cytoscape JSON stores attributes without a column as JSON in a string.
    plain = text.replace("\\", "").replace(": ", ":")
    for name, shown in {"five": "5", "half": "0.5", "least": str(-(2**63))}.items():
        assert f'"{name}":{shown}' in plain


@EVERY_FORMAT
def test_surrogates_are_replaced_and_counted(format_name):
    stream = io.BytesIO()
    assert WRITERS[format_name](with_title("\ud800 alone", "fine"), stream).cleaned >= 1
    assert "\ufffd alone" in stream.getvalue().decode()
    assert not WRITERS[format_name](with_title("fine"), stream)


@EVERY_FORMAT
def test_an_edge_attribute_named_source_is_omitted(format_name):
    graph = campaign()
    graph.edges[LOADER.key, TALK.key]["source"] = BARE.key
    assert WRITERS[format_name](graph, io.BytesIO()).omitted == 1
    assert write_bytes(format_name, graph) == write_bytes(format_name, campaign())


@EVERY_FORMAT
def test_the_order_of_attributes_does_not_change_the_file(format_name):
    graph = campaign()
    reordered = nx.DiGraph()
    reordered.add_nodes_from((k, dict(reversed(node.items()))) for k, node in graph.nodes.items())
    reordered.add_edges_from((*e, dict(reversed(edge.items()))) for e, edge in graph.edges.items())
    assert write_bytes(format_name, reordered) == write_bytes(format_name, graph)


@EVERY_FORMAT
@pytest.mark.parametrize("name", VIEWS)
def test_every_view_is_written(format_name, name):
    assert documents(format_name, write_bytes(format_name, view(campaign(), name)))

"""JSON: strict for every reader, and networkx reads the graph again."""

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
from graphbuild.models import Entity
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
EVERY_FORM = pytest.mark.parametrize("form", WRITERS)


def written(form, graph, **options):
    stream = io.BytesIO()
    WRITERS[form](graph, stream, **options)
    return stream.getvalue()


def strict(text):
    """JSON by the letter: no NaN, no name twice, no lone surrogate."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    def once(pairs):
        assert len(dict(pairs)) == len(pairs), "a name stands twice"
        return dict(pairs)

    return json.loads(text, parse_constant=refuse, object_pairs_hook=once)


def documents(form, data):
    """Everything that stands in a file, checked by the letter."""
    text = data.decode("utf-8")  # which is strict by itself
    assert not text or text.endswith("\n")
    found = [strict(line) for line in text.split("\n")[:-1]] if form == "jsonl" else [strict(text)]
    json.dumps(found, ensure_ascii=False).encode("utf-8")  # no surrogate was escaped either
    return found


def again(graph):
    (found,) = documents("json", written("json", graph))
    return nx.node_link_graph(found, edges="edges")


def told(graph):
    """A graph as node-link data can hold it, told here a second time."""

    def value(known):
        if isinstance(known, str):
            return "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in known)
        return [value(each) for each in known] if isinstance(known, tuple) else known

    def is_exportable(known):
        if isinstance(known, float):
            return math.isfinite(known)
        return not isinstance(known, int) or -(2**63) <= known < 2**63

    def attributes(known):
        return {value(n): value(v) for n, v in known.items() if n != "id" and is_exportable(v)}

    expected = nx.DiGraph()
    expected.add_nodes_from((key, attributes(known)) for key, known in graph.nodes(data=True))
    expected.add_edges_from((s, t, attributes(known)) for s, t, known in graph.edges(data=True))
    return expected


# --- node-link -----------------------------------------------------------------------------------


def test_networkx_reads_the_same_graph():
    graph = campaign()
    graph.graph["name"] = "Emotet"
    found = again(graph)
    assert type(found) is nx.DiGraph
    assert found.graph == {"name": "Emotet"}
    assert list(found) == list(graph)
    assert dict(found.nodes(data=True)) == dict(told(graph).nodes(data=True))
    assert list(found.edges(data=True)) == list(told(graph).edges(data=True))
    assert found.edges[EMOTET.key, REPORT.key]["related_from"] == ["-", OTHERS.key, GANG.key]
    assert found.nodes[EMOTET.key]["seed"] is True
    assert found.nodes[REPORT.key]["creation_date"] == 1_515_715_200


def test_it_says_what_networkx_itself_would_say():
    graph = campaign()
    (found,) = documents("json", written("json", graph))
    theirs = json.loads(json.dumps(nx.node_link_data(graph, edges="edges")))
    assert found == theirs


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(world=observed_graphs())
def test_a_made_up_world_is_read_again_to_the_last_attribute(world):
    assert nx.utils.graphs_equal(again(world.graph), told(world.graph))


def test_the_key_tells_the_id_that_node_link_data_has_no_room_for():
    found = again(campaign())
    for key, known in found.nodes(data=True):
        assert known["type"] + ":" + campaign().nodes[key]["id"] == key


# --- lines ---------------------------------------------------------------------------------------


def test_lines_are_nodes_then_edges_then_observations():
    found = documents("jsonl", written("jsonl", campaign()))
    assert [line["kind"] for line in found] == (
        ["node"] * 8 + ["edge"] * 7 + ["observation"] * len(OBSERVATIONS)
    )
    assert {tuple(line.items()) for line in found[-len(OBSERVATIONS) :]} == {
        (
            ("kind", "observation"),
            ("provenance", "observed"),
            ("reference", o.reference.key),
            ("related_from", o.related_from and o.related_from.key),
            ("subject", o.subject.key),
        )
        for o in OBSERVATIONS
    }
    assert {line["key"]: line["attributes"] for line in found[:8]} == dict(
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
    } in found


def test_each_line_says_its_kind_first_and_an_empty_graph_has_none():
    lines = written("jsonl", campaign()).splitlines()
    assert all(line.startswith(b'{"kind":"') for line in lines)
    assert written("jsonl", build_graph([])) == b""


# --- Cytoscape -----------------------------------------------------------------------------------


def elements(graph, **options):
    (found,) = documents("cytoscape", written("cytoscape", graph, **options))
    return found["elements"]


def test_cytoscape_finds_what_it_looks_for():
    (found,) = documents("cytoscape", written("cytoscape", campaign()))
    assert found["data"]["name"] == "graphbuild"
    nodes = {node["data"]["id"]: node["data"] for node in found["elements"]["nodes"]}
    assert nodes[REPORT.key] == {
        "id": REPORT.key,
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
        "degree": 4,
        "color": "#e69f00",
        "size": 30.0,
    }
    assert (nodes[GANG.key]["name"], nodes[GANG.key]["api_name"]) == ("win.emotet", "win.emotet")
    assert nodes[LOADER.key]["name"] == "load & run.exe"
    edges = {
        (e["data"]["source"], e["data"]["target"]): e["data"] for e in found["elements"]["edges"]
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


def test_ids_are_unique_and_edges_keep_theirs():
    some, more = (elements(with_title(*titles)) for titles in (["a"], HOSTILE))
    ids = [each["data"]["id"] for kind in ("nodes", "edges") for each in more[kind]]
    assert len(set(ids)) == len(ids)
    assert {edge["data"]["id"] for edge in some["edges"]} < set(ids)


def test_places_count_downwards_and_stand_for_all_nodes_or_none():
    graph = campaign()
    places = {key: (np.float64(n), -0.5 * n) for n, key in enumerate(graph)}
    found = elements(graph, positions=places)["nodes"]
    assert [node["position"] for node in found] == [{"x": n, "y": 0.5 * n} for n in range(8)]
    assert not any("position" in node for node in elements(graph)["nodes"])
    assert b"-0.0" not in written("cytoscape", graph, positions=dict.fromkeys(graph, (-0.0, 0.0)))
    for gap in ({EMOTET.key: (0, 0)}, places | {EMOTET.key: (0.0, math.nan)}):
        stream = io.BytesIO()
        with pytest.raises(ExportError, match="no position"):
            json_format.write_cytoscape(graph, stream, positions=gap)
        assert stream.getvalue() == b""


def test_names_from_outside_are_no_columns_of_cytoscape():
    odd = {"id": "forged", "value": "v", "position": "p", "a b": 1, "selected": True}
    (node,) = (
        node["data"]
        for node in elements(with_title("t", **odd))["nodes"]
        if node["data"]["type"] == "reference"
    )
    assert node["id"] == node["value"] == "reference:" + "0" * 64
    del odd["id"]
    assert json.loads(node["attributes"]) == odd


def test_what_a_seed_list_says_reaches_cytoscape():
    seen = Entity("file", EMOTET.id, {"seed_family": "Emotet"})
    (node,) = elements(build_graph([], subjects=[seen]))["nodes"]
    assert node["data"]["seed_family"] == "Emotet"


# --- every form ----------------------------------------------------------------------------------


@EVERY_FORM
def test_every_text_of_the_corpus_is_json_by_the_letter(form):
    found = documents(form, written(form, with_title(*HOSTILE, **{"\ud800 name": HOSTILE[0]})))
    text = json.dumps(found, ensure_ascii=False)
    for title in HOSTILE:
        shown = "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in title)
        assert json.dumps(shown, ensure_ascii=False)[1:-1] in text


@EVERY_FORM
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(graph=hostile_graphs())
def test_every_graph_is_json_by_the_letter(form, graph):
    documents(form, written(form, graph))


@EVERY_FORM
def test_what_json_cannot_hold_is_left_out_and_counted(form):
    class Odd(enum.IntEnum):
        FIVE = 5

    kept = {"five": Odd.FIVE, "half": np.float64(0.5), "name": np.str_("n"), "least": -(2**63)}
    lost = {"nan": math.nan, "inf": -math.inf, "large": 2**63, "thing": object()}
    graph = with_title("t", **kept, **lost)
    stream = io.BytesIO()
    assert WRITERS[form](graph, stream).omitted == len(lost)
    text = stream.getvalue().decode()
    assert not any(f'"{name}' in text for name in lost)
    # In Cytoscape what has no column stands in a text.
    plain = text.replace("\\", "").replace(": ", ":")
    for name, shown in {"five": "5", "half": "0.5", "least": str(-(2**63))}.items():
        assert f'"{name}":{shown}' in plain


@EVERY_FORM
def test_surrogates_are_replaced_and_counted(form):
    stream = io.BytesIO()
    assert WRITERS[form](with_title("\ud800 alone", "fine"), stream).cleaned >= 1
    assert "\ufffd alone" in stream.getvalue().decode()
    assert not WRITERS[form](with_title("fine"), stream)


@EVERY_FORM
def test_an_edge_that_says_where_it_goes_does_not_go_there(form):
    graph = campaign()
    graph.edges[LOADER.key, TALK.key]["source"] = BARE.key
    assert WRITERS[form](graph, io.BytesIO()).omitted == 1
    assert written(form, graph) == written(form, campaign())


@EVERY_FORM
def test_the_order_in_which_something_became_known_changes_nothing(form):
    graph = campaign()
    turned = nx.DiGraph()
    turned.add_nodes_from((n, dict(reversed(known.items()))) for n, known in graph.nodes.items())
    turned.add_edges_from((*e, dict(reversed(known.items()))) for e, known in graph.edges.items())
    assert written(form, turned) == written(form, graph)


@EVERY_FORM
@pytest.mark.parametrize("name", VIEWS)
def test_every_view_is_written(form, name):
    assert documents(form, written(form, view(campaign(), name)))

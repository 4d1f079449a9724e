"""Neo4j: what its bulk importer finds in our tables, by its documented rules."""

from __future__ import annotations

import io
import json
import shlex
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings

from graphbuild.errors import ExportError
from graphbuild.exporters import FORMATS, export_all
from graphbuild.exporters.neo4j import write_edges, write_nodes
from graphbuild.graph.builder import build_graph
from graphbuild.models import INFERRED, Observation
from tests.support.graphs import BARE, EMOTET, GANG, LOADER, OTHERS, REPORT, campaign, with_title
from tests.support.mixed_campaigns import campaigns, triples_of

KINDS = {
    "long": int,
    "double": float,
    "boolean": lambda text: {"true": True, "false": False}[text],
    "date": date.fromisoformat,
    "string[]": lambda text: text.split("\t"),
}


def written(write, graph):
    stream = io.BytesIO()
    write(graph, stream)
    return stream.getvalue().decode()


def fields(text):
    """The rows of a table: text where a field is quoted, with quotes doubled, or bare.

    A bare field that is empty is no value; line ends belong to a quoted one.
    """
    rows, row, at = [], [], 0
    while at < len(text):
        if text[at] == '"':
            end, cell = at + 1, ""
            while True:
                stop = text.index('"', end)
                cell += text[end:stop]
                if text[stop + 1] != '"':
                    break
                cell += '"'
                end = stop + 2
            at = stop + 1
        else:
            end = min(text.index(",", at) if "," in text[at:] else len(text), text.index("\n", at))
            cell, at = text[at:end] or None, end
        row.append(cell)
        if text[at] == "\n":
            rows.append(row)
            row = []
        else:
            assert text[at] == ","
        at += 1
    assert row == []
    return rows


def imported(text):
    """The rows as the importer understands their header: what is absent is no property."""
    head, *rows = fields(text)
    columns = [name.rpartition(":") if ":" in name else (name, "", "") for name in head]
    assert all(len(row) == len(head) for row in rows)
    return [
        {
            name or f":{kind}": KINDS.get(kind, str)(cell)
            for (name, _, kind), cell in zip(columns, row, strict=True)
            if cell is not None
        }
        for row in rows
    ]


def nodes_in(graph):
    return {row["key"]: row for row in imported(written(write_nodes, graph))}


def edges_in(graph):
    rows = imported(written(write_edges, graph))
    return {(row[":START_ID"], row[":END_ID"]): row for row in rows}


def as_property(value):
    """The character map as it is promised, told here a second time."""
    if not isinstance(value, str):
        return value
    return "".join("\ufffd" if c == "\0" or 0xD800 <= ord(c) <= 0xDFFF else c for c in value)


# --- what stands in the tables -------------------------------------------------------------------


def test_a_node_has_its_type_as_label_and_properties_with_types():
    assert nodes_in(campaign())[REPORT.key] == {
        "key": REPORT.key,
        ":LABEL": "reference",
        "type": "reference",
        "id": REPORT.id,
        "label": "Emotet – a <i>history</i> & more",
        "title": "Emotet – a <i>history</i> & more",
        "url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        "author": "Zoë Ünal",
        "creation_date": 1_515_715_200,
        "domain": "blog.example.org",
        "created": date(2018, 1, 12),
    }
    assert nodes_in(campaign())[EMOTET.key]["seed"] is True
    assert nodes_in(campaign())[LOADER.key]["seed"] is False
    assert json.loads(nodes_in(campaign())[OTHERS.key]["attributes"]) == {
        "shown": True,
        "targets": 12,
    }


def test_an_edge_has_its_relation_as_type_and_a_list_of_collections():
    found = edges_in(campaign())
    assert found[EMOTET.key, REPORT.key] == {
        ":START_ID": EMOTET.key,
        ":END_ID": REPORT.key,
        ":TYPE": "related_references",
        "weight": 3.0,
        "observations": 3,
        "related_from": ["-", OTHERS.key, GANG.key],
        "provenance": "observed",
    }
    assert found[REPORT.key, OTHERS.key] == {
        ":START_ID": REPORT.key,
        ":END_ID": OTHERS.key,
        ":TYPE": "related_from",
        "weight": 2.0,
        "observations": 2,
    }


def test_times_stand_on_edges_where_they_are_known():
    seen = Observation(EMOTET, BARE, None, INFERRED, 0.0, 60.0)
    (edge,) = edges_in(build_graph([seen], timestamps=True)).values()
    assert (edge["provenance"], edge["first_seen"], edge["last_seen"]) == (
        "inferred",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:01:00Z",
    )


def test_what_a_seed_list_says_has_a_column():
    graph = with_title("t")
    graph.nodes[EMOTET.key]["seed_campaign"] = "spring"
    assert nodes_in(graph)[EMOTET.key]["seed_campaign"] == "spring"


def test_headers_do_not_depend_on_the_data():
    for write in (write_nodes, write_edges):
        heads = {written(write, g).partition("\n")[0] for g in (campaign(), build_graph([]))}
        assert len(heads) == 1


# --- lossless ------------------------------------------------------------------------------------


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns())
def test_observations_and_attributes_come_back(graph):
    edges, nodes = edges_in(graph), nodes_in(graph)
    assert triples_of(graph) == {
        (source, target, None if key == "-" else key, edge["provenance"])
        for (source, target), edge in edges.items()
        if edge[":TYPE"] == "related_references"
        for key in edge["related_from"]
    }
    assert {ends: (e[":TYPE"], e["observations"]) for ends, e in edges.items()} == {
        (s, t): (e["relation"], e["weight"]) for s, t, e in graph.edges(data=True)
    }
    assert list(nodes) == list(graph)
    for key, node in graph.nodes(data=True):
        found = nodes[key] | json.loads(nodes[key].get("attributes", "{}"))
        for name, value in node.items():
            if not isinstance(value, int) or -(2**63) <= value < 2**63:
                assert found[name] in (value, as_property(value))
                assert type(found[name]) is type(value)


def test_an_empty_text_is_not_the_same_as_none():
    found = nodes_in(with_title(""))["reference:" + "0" * 64]
    assert found["title"] == ""
    assert "author" not in found


@pytest.mark.parametrize("weight", [float("nan"), 2**60, None, "2"])
def test_a_weight_that_is_no_number_is_left_out_and_counted(weight):
    graph = with_title("t")
    edge = graph.edges[EMOTET.key, "reference:" + "0" * 64]
    edge.update(weight=weight, color="red")
    assert write_edges(graph, io.BytesIO()).omitted == 2
    assert "weight" not in edges_in(graph)[EMOTET.key, "reference:" + "0" * 64]


def test_a_weight_of_a_view_may_be_a_fraction():
    graph = with_title("t")
    graph.edges[EMOTET.key, "reference:" + "0" * 64]["weight"] = 0.5
    found = edges_in(graph)[EMOTET.key, "reference:" + "0" * 64]
    assert found["weight"] == 0.5
    assert "observations" not in found


def test_cleaned_and_left_out_values_are_counted():
    warnings = write_nodes(with_title("a\0b", "\ud800", "fine", score=1e400), io.BytesIO())
    assert (warnings.cleaned, warnings.omitted) == (4, 3)  # title and label of each


def test_a_key_that_would_tear_a_list_is_refused_before_anything_is_written():
    graph = build_graph([])
    graph.add_node("file:a\tb", type="file", id="a\tb", label="x")
    stream = io.BytesIO()
    with pytest.raises(ExportError, match="contains a tab"):
        write_nodes(graph, stream)
    assert stream.getvalue() == b""


# --- the command ---------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["", "folded"])
def test_the_command_names_the_files_that_are_written(word, tmp_path):
    files = [
        each.path.name for each in export_all(campaign(), tmp_path, ["neo4j"], name_suffix=word)
    ]
    assert len(files) == len(FORMATS["neo4j"].files)
    nodes, edges, how = files
    assert (word in nodes, word in edges) == (True, True)
    command = shlex.split((tmp_path / how).read_text().partition("\n")[0])
    assert command == [
        "neo4j-admin",
        "database",
        "import",
        "full",
        f"--nodes={nodes}",
        f"--relationships={edges}",
        "--array-delimiter=TAB",
        "--multiline-fields=true",
        "neo4j",
    ]

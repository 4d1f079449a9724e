"""Neo4j tables, parsed by the documented rules of the bulk importer."""

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

CONVERTERS = {
    "long": int,
    "double": float,
    "boolean": lambda text: {"true": True, "false": False}[text],
    "date": date.fromisoformat,
    "string[]": lambda text: text.split("\t"),
}


def write_text(write, graph):
    stream = io.BytesIO()
    write(graph, stream)
    return stream.getvalue().decode()


def parse_rows(text):
    """Return the rows of a table, whose fields can be quoted, with doubled quotes.

    An unquoted empty field is None. A quoted field can contain line ends.
    """
    rows, row, position = [], [], 0
    while position < len(text):
        if text[position] == '"':
            end, cell = position + 1, ""
            while True:
                stop = text.index('"', end)
                cell += text[end:stop]
                if text[stop + 1] != '"':
                    break
                cell += '"'
                end = stop + 2
            position = stop + 1
        else:
            comma = text.find(",", position)
            end = min(comma if comma >= 0 else len(text), text.index("\n", position))
            cell, position = text[position:end] or None, end
        row.append(cell)
        if text[position] == "\n":
            rows.append(row)
            row = []
        else:
            assert text[position] == ","
        position += 1
    assert row == []
    return rows


def import_rows(text):
    """Return the rows with values converted by their header; None is omitted."""
    head, *rows = parse_rows(text)
    columns = [name.rpartition(":") if ":" in name else (name, "", "") for name in head]
    assert all(len(row) == len(head) for row in rows)
    return [
        {
            name or f":{kind}": CONVERTERS.get(kind, str)(cell)
            for (name, _, kind), cell in zip(columns, row, strict=True)
            if cell is not None
        }
        for row in rows
    ]


def imported_nodes(graph):
    return {row["key"]: row for row in import_rows(write_text(write_nodes, graph))}


def imported_edges(graph):
    rows = import_rows(write_text(write_edges, graph))
    return {(row[":START_ID"], row[":END_ID"]): row for row in rows}


def property_value(value):
    """Return the documented value of a property."""
    if not isinstance(value, str):
        return value
    return "".join("\ufffd" if c == "\0" or 0xD800 <= ord(c) <= 0xDFFF else c for c in value)


# --- content -------------------------------------------------------------------------------------


def test_a_node_has_its_type_as_label_and_properties_with_types():
    assert imported_nodes(campaign())[REPORT.key] == {
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
        "web_url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        "created": date(2018, 1, 12),
    }
    assert imported_nodes(campaign())[EMOTET.key]["seed"] is True
    assert imported_nodes(campaign())[LOADER.key]["seed"] is False
    assert json.loads(imported_nodes(campaign())[OTHERS.key]["attributes"]) == {
        "shown": True,
        "targets": 12,
    }


def test_an_edge_has_its_relation_as_type_and_a_list_of_collections():
    actual = imported_edges(campaign())
    assert actual[EMOTET.key, REPORT.key] == {
        ":START_ID": EMOTET.key,
        ":END_ID": REPORT.key,
        ":TYPE": "related_references",
        "weight": 3.0,
        "observations": 3,
        "related_from": ["-", OTHERS.key, GANG.key],
        "provenance": "observed",
    }
    assert actual[REPORT.key, OTHERS.key] == {
        ":START_ID": REPORT.key,
        ":END_ID": OTHERS.key,
        ":TYPE": "related_from",
        "weight": 2.0,
        "observations": 2,
    }


def test_edges_have_timestamps_if_they_are_known():
    observation = Observation(EMOTET, BARE, None, INFERRED, 0.0, 60.0)
    (edge,) = imported_edges(build_graph([observation], timestamps=True)).values()
    assert (edge["provenance"], edge["first_seen"], edge["last_seen"]) == (
        "inferred",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:01:00Z",
    )


def test_seed_attributes_have_their_own_columns():
    graph = with_title("t")
    graph.nodes[EMOTET.key]["seed_campaign"] = "spring"
    assert imported_nodes(graph)[EMOTET.key]["seed_campaign"] == "spring"


def test_headers_do_not_depend_on_the_data():
    for write in (write_nodes, write_edges):
        heads = {write_text(write, g).partition("\n")[0] for g in (campaign(), build_graph([]))}
        assert len(heads) == 1


# --- lossless ------------------------------------------------------------------------------------


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns())
def test_observations_and_attributes_are_read_back(graph):
    edges, nodes = imported_edges(graph), imported_nodes(graph)
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
        actual = nodes[key] | json.loads(nodes[key].get("attributes", "{}"))
        for name, value in node.items():
            if not isinstance(value, int) or -(2**63) <= value < 2**63:
                assert actual[name] in (value, property_value(value))
                assert type(actual[name]) is type(value)


def test_an_empty_text_is_not_a_missing_value():
    actual = imported_nodes(with_title(""))["reference:" + "0" * 64]
    assert actual["title"] == ""
    assert "author" not in actual


@pytest.mark.parametrize("weight", [float("nan"), 2**60, None, "2"])
def test_an_invalid_weight_is_omitted_and_counted(weight):
    graph = with_title("t")
    edge = graph.edges[EMOTET.key, "reference:" + "0" * 64]
    edge.update(weight=weight, color="red")
    assert write_edges(graph, io.BytesIO()).omitted == 2
    assert "weight" not in imported_edges(graph)[EMOTET.key, "reference:" + "0" * 64]


def test_an_edge_weight_can_be_a_fraction():
    graph = with_title("t")
    graph.edges[EMOTET.key, "reference:" + "0" * 64]["weight"] = 0.5
    actual = imported_edges(graph)[EMOTET.key, "reference:" + "0" * 64]
    assert actual["weight"] == 0.5
    assert "observations" not in actual


def test_cleaned_and_omitted_values_are_counted():
    warnings = write_nodes(with_title("a\0b", "\ud800", "fine", score=1e400), io.BytesIO())
    assert (warnings.cleaned, warnings.omitted) == (4, 3)  # title and label of each


def test_a_key_with_a_tab_is_rejected_before_anything_is_written():
    graph = build_graph([])
    graph.add_node("file:a\tb", type="file", id="a\tb", label="x")
    stream = io.BytesIO()
    with pytest.raises(ExportError, match="contains a tab"):
        write_nodes(graph, stream)
    assert stream.getvalue() == b""


# --- the command ---------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", "folded"])
def test_the_import_command_names_the_written_files(suffix, tmp_path):
    files = [
        each.path.name for each in export_all(campaign(), tmp_path, ["neo4j"], name_suffix=suffix)
    ]
    assert len(files) == len(FORMATS["neo4j"].files)
    nodes, edges, command_file = files
    assert (suffix in nodes, suffix in edges) == (True, True)
    command = shlex.split((tmp_path / command_file).read_text().partition("\n")[0])
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

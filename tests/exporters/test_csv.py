"""CSV tables and DataFrames: every cell is read back, and no cell starts a formula."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory

import networkx as nx
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphbuild.exporters import csv as csv_format
from graphbuild.exporters import dataframes
from graphbuild.exporters.columns import NODE_COLUMNS, TABLES, columns_for
from graphbuild.exporters.sanitize import (
    format_date,
    guard_cell,
    json_text,
    label_text,
    unguard_cell,
    url_host,
    xml_text,
)
from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from graphbuild.seeds import parse_seeds, read_seeds
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
    any_text,
    campaign,
    hostile_graphs,
    with_title,
)

WRITERS = (csv_format.write_nodes, csv_format.write_edges, csv_format.write_observations)
csv.field_size_limit(2**31 - 1)


def write_bytes(write, graph, **options):
    stream = io.BytesIO()
    write(graph, stream, **options)
    return stream.getvalue()


def rows(data):
    """Return the rows as read by the csv module."""
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def frame(data):
    """Return the table as read by pandas without type inference."""
    return pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)


def as_cell(text):
    """Return the documented text of a cell before the formula guard."""
    return "".join("\ufffd" if c == "\0" or 0xD800 <= ord(c) <= 0xDFFF else c for c in text)


SEPARATORS = "[;|:\t\n\r]"


def starts_a_formula(cell):
    """Return whether the first character that is not a space starts a formula.

    Full-width characters count, and so do texts behind separators of other spreadsheets.
    """
    if cell.lstrip(" ")[:1] in {"\t", "\r"}:
        return True
    cells = re.split(SEPARATORS, cell)
    parts = [each.lstrip('"').lstrip("\ufeff\u200b").lstrip() for each in cells]
    # Between spaces, a sign alone is no formula.
    parts += [
        part for part in cell.split(" ")[1:-1] if unicodedata.normalize("NFKC", part).strip("=+-@")
    ]
    return any(unicodedata.normalize("NFKC", each[:1]) in {"=", "+", "-", "@"} for each in parts)


# --- tables --------------------------------------------------------------------------------------


def test_observations_table_has_one_row_per_observation():
    data = write_bytes(csv_format.write_observations, campaign())
    assert data.splitlines()[0] == (
        b'"subject_type","subject_id","reference_id","related_from_type","related_from_id",'
        b'"reference_type","reference_url","reference_title","related_from_name",'
        b'"provenance"'
    )
    actual = rows(data)
    assert {tuple(row.values())[:5] for row in actual} == {
        ("file", o.subject.id, o.reference.id, o.related_from.type, o.related_from.id)
        if o.related_from
        else ("file", o.subject.id, o.reference.id, "", "")
        for o in OBSERVATIONS
    }
    assert len(actual) == len(OBSERVATIONS)
    assert {row["reference_title"] for row in actual if row["reference_id"] == REPORT.id} == {
        "Emotet – a <i>history</i> & more"
    }
    assert {row["related_from_name"] for row in actual} == {"", "win.emotet", "Spam run"}


def test_observations_of_a_view_without_collections_keep_their_ids():
    view = nx.subgraph_view(campaign(), filter_node=lambda key: not key.startswith("collection:"))
    write = csv_format.write_observations
    actual, full = rows(write_bytes(write, view)), rows(write_bytes(write, campaign()))
    ids = [[row["related_from_type"], row["related_from_id"]] for row in actual]
    assert ids == [[row["related_from_type"], row["related_from_id"]] for row in full]
    assert {row["related_from_name"] for row in actual} == {""}
    assert len(dataframes.observations_frame(view)) == len(actual)


def test_nodes_table_has_one_row_per_node():
    actual = {row["id"]: row for row in rows(write_bytes(csv_format.write_nodes, campaign()))}
    assert len(actual) == 8
    names = [column.name for column in columns_for(NODE_COLUMNS, TABLES)]
    assert list(actual[REPORT.key]) == names
    assert actual[REPORT.key] == dict.fromkeys(names, "") | {
        "id": REPORT.key,
        "type": "reference",
        "entity_id": REPORT.id,
        "label": "Emotet – a <i>history</i> & more",
        "title": "Emotet – a <i>history</i> & more",
        "url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        "author": "Zoë Ünal",
        "creation_date": "1515715200",
        "created": "2018-01-12",
        "domain": "blog.example.org",
        "web_url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        "degree": "4",
    }
    assert actual[GANG.key]["name"] == "win.emotet"
    assert (actual[EMOTET.key]["seed"], actual[LOADER.key]["seed"]) == ("true", "false")
    assert json.loads(actual[OTHERS.key]["attributes"]) == {"shown": True, "targets": 12}


def test_edges_table_has_one_row_per_edge():
    actual = {
        (row["source"], row["target"]): row
        for row in rows(write_bytes(csv_format.write_edges, campaign()))
    }
    assert len(actual) == 7
    assert actual[EMOTET.key, REPORT.key] == {
        "source": EMOTET.key,
        "target": REPORT.key,
        "relation": "related_references",
        "weight": "3",
        "provenance": "observed",
        "related_from": f"{OTHERS.key} {GANG.key}",
        "first_seen": "",
        "last_seen": "",
    }
    assert actual[EMOTET.key, BARE.key]["related_from"] == ""
    assert actual[REPORT.key, OTHERS.key]["weight"] == "2"


@pytest.mark.parametrize("write", WRITERS)
def test_every_cell_is_quoted_and_lines_end_with_lf(write):
    data = write_bytes(write, campaign())
    assert not data.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in data
    assert data.endswith(b'"\n')
    assert all(line.startswith(b'"') and line.endswith(b'"') for line in data.splitlines())
    assert len(write_bytes(write, build_graph([])).splitlines()) == 1


@pytest.mark.parametrize("write", WRITERS)
def test_csv_bom_adds_only_a_byte_order_mark(write):
    data = write_bytes(write, campaign(), csv_bom=True)
    assert data == b"\xef\xbb\xbf" + write_bytes(write, campaign())
    assert frame(data).equals(frame(write_bytes(write, campaign())))


def test_the_ids_of_nodes_are_the_ends_of_edges():
    graph = campaign()
    nodes = {row["id"] for row in rows(write_bytes(csv_format.write_nodes, graph))}
    edges = rows(write_bytes(csv_format.write_edges, graph))
    assert {row[end] for row in edges for end in ("source", "target")} <= nodes == set(graph)


@pytest.mark.parametrize("csv_bom", [False, True])
def test_the_tables_are_seed_lists_of_the_files(tmp_path, csv_bom):
    expected = {
        "nodes": {key for key in campaign() if key.startswith("file:")},
        "observations": {each.subject.key for each in OBSERVATIONS},
    }
    for name, write in (("nodes", csv_format.write_nodes), ("observations", WRITERS[2])):
        (tmp_path / f"{name}.csv").write_bytes(write_bytes(write, campaign(), csv_bom=csv_bom))
        seeds = read_seeds(tmp_path / f"{name}.csv")
        assert {each.entity.key for each in seeds} == expected[name]
        assert seeds.rejected == []


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *("www.example.com", "c2.example.net", "xn--pple-43d.example.org", "8.8.8.8"),
                *("2001:4860:4860::8888", "https://example.com/a?b=1&c=-2", "http://8.8.4.4:81/=x"),
                *("a1" * 16, "b2" * 20, "c3" * 32),
            ]
        ),
        min_size=1,
        unique=True,
    ),
    st.booleans(),
    st.booleans(),
)
def test_seeds_of_all_types_are_read_back_from_the_nodes_table(texts, csv_bom, csv_guard):
    subjects = [each.entity for each in parse_seeds(texts)]
    graph = build_graph([Observation(each, REPORT, GANG) for each in subjects], subjects=subjects)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "nodes.csv"
        options = {"csv_bom": csv_bom, "csv_guard": csv_guard}
        path.write_bytes(write_bytes(csv_format.write_nodes, graph, **options))
        seeds = read_seeds(path)
    assert [each.entity.key for each in seeds] == [each.key for each in subjects]
    assert seeds.rejected == []


def test_values_that_csv_cannot_represent_are_omitted_and_counted():
    graph = with_title("t", score=math.nan, creation_date=2**70)
    assert csv_format.write_nodes(graph, io.BytesIO()).omitted == 2


# --- hostile text --------------------------------------------------------------------------------


@pytest.mark.parametrize("write", WRITERS)
def test_every_cell_of_the_corpus_is_read_back(write):
    graph = with_title(*HOSTILE)
    guarded, raw = rows(write_bytes(write, graph)), rows(write_bytes(write, graph, csv_guard=False))
    assert [[unguard_cell(cell) for cell in row.values()] for row in guarded] == [
        [as_cell(cell) for cell in row.values()] for row in raw
    ]
    by_pandas = frame(write_bytes(write, graph))
    assert by_pandas.to_numpy().tolist() == [list(row.values()) for row in guarded]


@settings(max_examples=150)
@given(hostile_graphs())
def test_no_cell_starts_a_formula_and_the_row_count_is_kept(graph):
    counts = (len(graph), graph.number_of_edges())
    for write, count in zip(WRITERS, counts, strict=False):
        data = write_bytes(write, graph)
        actual = rows(data)
        assert len(actual) == len(frame(data)) == count
        assert not [cell for row in actual for cell in row.values() if starts_a_formula(cell)]


@settings(max_examples=1_000)
@given(any_text | st.text(";|:\t\n\r'\" =-a\ufeff", max_size=12))
@example("; =1")
@example(" '=1")
@example("a| ': -1")
@example("'=1")
@example("''\t")
@example("\n\n=1")
@example("'\t'\t=1;;-")
def test_unguard_cell_reverses_guard_cell(text):
    cell = guard_cell(text)
    assert not starts_a_formula(cell)
    assert unguard_cell(cell) == as_cell(text)
    assert cell.replace("'", "") == as_cell(text).replace("'", "")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a;=1", "a;'=1"),
        ("a\t=1", "a\t'=1"),
        ("- one\n- two\r\n - three", "'- one\n'- two\r\n' - three"),
        ('a;"=1', "a;'\"=1"),
        ("a;'=1", "a;''=1"),
        (";;=1", ";;'=1"),
        ("a; b", "a; b"),
        ("a,=1", "a,=1"),
        ("a|=1", "a|'=1"),
        ("a | =1", "a |' '=1"),
        ("a:=1", "a:'=1"),
        ("Re: @user", "Re:' '@user"),
        ("a =1", "a '=1"),
        ("a +1 -1", "a '+1 '-1"),
        ('a "=1', "a '\"=1"),
        ("a  =1", "a  '=1"),
        ("by @user", "by '@user"),
        ("a =", "a '="),
        ("a - =1", "a - '=1"),
    ],
)
def test_guard_cell_guards_every_possible_start_of_a_cell(text, cell):
    assert guard_cell(text) == cell
    assert unguard_cell(cell) == text


@pytest.mark.parametrize(
    "text",
    [
        *("plain", "a=b", "O'Neill", "'quoted'", "2018-01-12", "Emotet – new", "", "001234", "NA"),
        *("Emotet - new", "a -- b", "a = b", "a + b = c", "12:30", "reference:abc", "a | b"),
        "C++: x",
        "https://a.example/?a=1&b=-2",
    ],
)
def test_guard_cell_keeps_harmless_text(text):
    assert guard_cell(text) == text


def test_csv_guard_false_writes_texts_unchanged():
    actual = rows(
        write_bytes(csv_format.write_observations, with_title("=1+1", "-1"), csv_guard=False)
    )
    assert [row["reference_title"] for row in actual] == ["=1+1", "-1"]
    assert not csv_format.write_observations(with_title("=1+1"), io.BytesIO(), csv_guard=False)


def test_guarded_cells_are_counted():
    warnings = csv_format.write_observations(with_title("=1", "\0", "fine"), io.BytesIO())
    assert (warnings.guarded, warnings.cleaned) == (1, 1)
    warnings = csv_format.write_observations(with_title("=\ud800"), io.BytesIO())
    assert (warnings.guarded, warnings.cleaned) == (1, 1)


def test_an_id_that_looks_like_a_formula_is_read_back():
    graph = build_graph([Observation(EMOTET, Entity("reference", "-1"), None)])
    (row,) = rows(write_bytes(csv_format.write_observations, graph))
    assert row["reference_id"] == "'-1"
    assert unguard_cell(row["reference_id"]) == "-1"


# --- DataFrames ----------------------------------------------------------------------------------


def test_dataframes_have_column_types():
    nodes = dataframes.nodes_frame(campaign()).set_index("id")
    assert nodes.dtypes[["type", "creation_date", "seed", "degree"]].astype(str).tolist() == [
        "category",
        "Int64",
        "boolean",
        "Int64",
    ]
    assert nodes.loc[REPORT.key, "created"] == pd.Timestamp("2018-01-12", tz="UTC")
    assert nodes["created"].isna().sum() == 7
    assert nodes.loc[TALK.key, "title"] == "LODEINFO at 10:00"
    edges = dataframes.edges_frame(campaign())
    assert edges["weight"].sum() == 10
    assert str(edges["relation"].dtype) == "category"
    observations = dataframes.observations_frame(campaign())
    assert len(observations) == len(OBSERVATIONS)
    assert observations["related_from_id"].isna().sum() == 2
    assert str(observations["subject_type"].dtype) == "category"


@pytest.mark.parametrize(
    "make", [dataframes.nodes_frame, dataframes.edges_frame, dataframes.observations_frame]
)
def test_dataframes_of_an_empty_graph_have_columns(make):
    empty = make(build_graph([]))
    assert len(empty) == 0
    assert empty.dtypes.equals(make(campaign()).dtypes) or set(empty) == set(make(campaign()))


@settings(max_examples=50)
@given(hostile_graphs())
def test_dataframes_accept_hostile_text(graph):
    assert set(dataframes.nodes_frame(graph)["id"]) == set(graph)
    assert len(dataframes.edges_frame(graph)) == graph.number_of_edges()
    dataframes.observations_frame(graph)


@pytest.mark.parametrize("seconds", [-62135596801, 10**12, 10**18, -1, 0, 2**62])
def test_dataframes_keep_invalid_dates(seconds):
    nodes = dataframes.nodes_frame(with_title("t", creation_date=seconds))
    assert seconds in nodes["creation_date"].dropna().tolist()


def test_edge_weights_can_be_fractions():
    graph = campaign()
    for *_, edge in graph.edges(data=True):
        edge["weight"] = 0.5
    assert dataframes.edges_frame(graph)["weight"].sum() == 3.5


# --- sanitizing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.COM:8443/a", "example.com"),
        ("http://user:pw@example.com/", "example.com"),
        ("https://good.example\\@evil.example/", "good.example"),
        ("https://good.example@evil.example/", "evil.example"),
        (" https:\t//exa\nmple.com", "example.com"),
        ("https://example.com.", "example.com"),
        ("https://\u0430pple.example/", "xn--pple-43d.example"),
        ("https://[2001:DB8::1]:443/", "2001:db8::1"),
        ("https://10.0.0.1?x", "10.0.0.1"),
        ("ftp://example.com", "example.com"),
        ("https://[::1", "::1"),
        ("javascript://example.com/%0aalert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("https://", ""),
        ("https://a b/", ""),
        ("https://" + "x" * 300 + "/", ""),
        ("https://\u00e9" + "x" * 300 + "/", ""),
        ("https://%65xample.com/", ""),
        ("example.com/a", ""),
        ("", ""),
    ],
)
def test_url_host_returns_the_normalized_host(url, host):
    assert url_host(url) == host


@settings(max_examples=500)
@given(any_text)
def test_sanitizers_accept_any_text(text):
    url_host(text)
    url_host("https://" + text)
    assert url_host("https://" + text).isascii()
    assert json.loads(json_text({"a": text})) == {"a": text}
    json_text({"a": text}).encode()


def test_json_text_contains_no_line_separator():
    text = "a\n\r\x0b\x0c\x1c\x85\u2028\u2029b"
    assert len(json_text({text: text}).splitlines()) == 1
    assert json.loads(json_text({text: text})) == {text: text}
    assert xml_text(xml_text(text)) == xml_text(text)
    assert 0 < len(label_text(text)) <= 80
    assert label_text(label_text(text)) == label_text(text)


@pytest.mark.parametrize(
    ("seconds", "day"),
    [
        (0, "1970-01-01"),
        (-1, "1969-12-31"),
        (1_515_801_599, "2018-01-12"),
        (253_402_300_799, "9999-12-31"),
        (253_402_300_800, ""),
        (-62_135_596_801, ""),
        (10**30, ""),
    ],
)
def test_format_date_returns_the_utc_day(seconds, day):
    assert format_date(seconds) == day

"""Parquet: pandas reads the tables back with their types and values."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from graphbuild.exporters import parquet
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
    UNKNOWN,
    campaign,
    hostile_graphs,
    with_title,
)
from tests.support.paths import ROOT
from tests.support.table_types import TABLE_TYPES

WRITERS = {
    "nodes": parquet.write_nodes,
    "edges": parquet.write_edges,
    "observations": parquet.write_observations,
}
EVERY_TABLE = pytest.mark.parametrize("table", WRITERS)


def write_stream(table, graph):
    stream = io.BytesIO()
    WRITERS[table](graph, stream)
    return stream


def read_frame(table, graph, **options):
    """Return the table as read by pandas."""
    return pd.read_parquet(write_stream(table, graph), **options)


def dtypes_of(frame):
    return {name: str(kind) for name, kind in frame.dtypes.items()}


# --- types ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLE_TYPES)
def test_columns_have_the_documented_types(table):
    for graph in (campaign(), build_graph([]), with_title(*HOSTILE)):
        frame = read_frame(table, graph, dtype_backend="numpy_nullable")
        assert dtypes_of(frame) == TABLE_TYPES[table]


def test_pandas_reads_categories_numbers_and_times_by_default():
    actual = dtypes_of(read_frame("nodes", campaign()))
    assert {actual[name] for name, kind in TABLE_TYPES["nodes"].items() if kind == "category"} == {
        "category"
    }
    assert (actual["degree"], actual["creation_date"]) == ("int64", "float64")
    assert actual["created"] == "datetime64[us, UTC]"
    assert dtypes_of(read_frame("edges", campaign()))["weight"] == "int64"


def test_the_collections_of_an_edge_are_a_list_of_strings():
    schema = pq.ParquetFile(write_stream("edges", campaign())).schema_arrow
    assert str(schema.field("related_from").type) == "list<element: string>"
    assert str(schema.field("weight").type) == "int64"


def test_seed_attributes_are_columns_of_strings():
    subject = Entity("file", EMOTET.id, {"seed_family": "Emotet", "seed": True})
    actual = read_frame("nodes", build_graph([], subjects=[subject, LOADER]))
    assert actual["seed_family"].fillna("-").tolist() == ["Emotet", "-"]


# --- values --------------------------------------------------------------------------------------


def test_nodes_table_has_one_row_per_node():
    actual = read_frame("nodes", campaign(), dtype_backend="numpy_nullable").set_index("id")
    assert len(actual) == 8
    report = actual.loc[REPORT.key].dropna().to_dict()
    assert report == {
        "type": "reference",
        "entity_id": REPORT.id,
        "label": "Emotet – a <i>history</i> & more",
        "title": "Emotet – a <i>history</i> & more",
        "url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        "author": "Zoë Ünal",
        "creation_date": 1_515_715_200,
        "created": pd.Timestamp("2018-01-12", tz="UTC"),
        "domain": "blog.example.org",
        "web_url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        "degree": 4,
    }
    assert actual.loc[GANG.key, "name"] == "win.emotet"
    assert actual["seed"].dropna().to_dict() == {
        EMOTET.key: True,
        LOADER.key: False,
        UNKNOWN.key: True,
    }
    assert json.loads(actual.loc[OTHERS.key, "attributes"]) == {"shown": True, "targets": 12}


def test_edges_table_has_one_row_per_edge():
    actual = read_frame("edges", campaign()).set_index(["source", "target"])
    assert len(actual) == 7
    edge = actual.loc[(EMOTET.key, REPORT.key)]
    assert edge["related_from"].tolist() == [OTHERS.key, GANG.key]
    assert (edge["relation"], edge["weight"], edge["provenance"]) == (
        "related_references",
        3,
        "observed",
    )
    assert actual.loc[(EMOTET.key, BARE.key), "related_from"].tolist() == []
    assert actual.loc[(REPORT.key, OTHERS.key), "related_from"] is None
    assert actual.loc[(REPORT.key, OTHERS.key), "weight"] == 2


def test_observations_table_has_one_row_per_observation():
    actual = read_frame("observations", campaign())
    rows = actual.astype(object).where(actual.notna(), None)
    assert {tuple(row)[:5] for row in rows.itertuples(index=False)} == {
        ("file", o.subject.id, o.reference.id, o.related_from.type, o.related_from.id)
        if o.related_from
        else ("file", o.subject.id, o.reference.id, None, None)
        for o in OBSERVATIONS
    }
    assert len(actual) == len(OBSERVATIONS)
    assert set(actual["related_from_name"].dropna()) == {"win.emotet", "Spam run"}
    assert set(actual["reference_title"].dropna()) == {
        "Emotet – a <i>history</i> & more",
        "LODEINFO at 10:00",
    }


def test_times_are_read_as_timestamps():
    observation = Observation(EMOTET, REPORT, GANG, first_seen=1.5e9, last_seen=1.6e9)
    subject = Entity("file", EMOTET.id, {"crawl_fetched_at": "2020-09-13T12:26:40Z"})
    graph = build_graph([observation], subjects=[subject], timestamps=True)
    edges, nodes = read_frame("edges", graph), read_frame("nodes", graph)
    assert edges["first_seen"].dropna().tolist() == [pd.Timestamp(1.5e9, unit="s", tz="UTC")]
    assert edges["last_seen"].dropna().tolist() == [pd.Timestamp(1.6e9, unit="s", tz="UTC")]
    assert nodes["crawl_fetched_at"].dropna().tolist() == [pd.Timestamp(1.6e9, unit="s", tz="UTC")]


@pytest.mark.parametrize("seconds", [-62135596801, 10**12, 10**18, -1, 0, 2**62])
def test_an_invalid_date_is_kept_as_a_number_only(seconds):
    graph = with_title("t", creation_date=seconds)
    row = read_frame("nodes", graph, dtype_backend="pyarrow").iloc[-2]
    assert row["creation_date"] == seconds
    assert pd.isna(row["created"]) == (seconds not in {-1, 0})


def test_values_without_a_valid_column_value_are_omitted_and_counted():
    stream = io.BytesIO()
    graph = with_title("t", score=math.nan, creation_date=2**70)
    assert parquet.write_nodes(graph, stream).omitted == 2
    graph = campaign()
    for *_, edge in graph.edges(data=True):
        edge |= {"weight": "heavy", "first_seen": "yesterday"}
    # Edges with equal attributes can be counted once.
    assert parquet.write_edges(graph, stream).omitted > 0
    assert read_frame("edges", graph)[["weight", "first_seen"]].isna().all(axis=None)


def test_edge_weights_can_be_fractions():
    graph = campaign()
    for *_, edge in graph.edges(data=True):
        edge["weight"] = 0.5
    graph.edges[EMOTET.key, BARE.key]["weight"] = 2
    actual = read_frame("edges", graph)["weight"]
    assert (actual.dtype, actual.sum()) == (np.float64, 5.0)


@EVERY_TABLE
@pytest.mark.parametrize("name", VIEWS)
def test_every_view_has_its_tables(table, name):
    graph = view(campaign(), name)
    counts = {"nodes": len(graph), "edges": graph.number_of_edges()}
    assert len(read_frame(table, graph)) == counts.get(table, len(read_frame(table, graph)))


# --- hostile text --------------------------------------------------------------------------------


def as_utf8(text):
    return "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)


def test_texts_are_not_guarded_and_cleaned_texts_are_counted():
    warnings = parquet.write_observations(with_title(*HOSTILE), io.BytesIO())
    assert (warnings.cleaned, warnings.guarded) == (1, 0)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile_graphs())
def test_hostile_graphs_are_exported(graph):
    nodes = read_frame("nodes", graph, dtype_backend="pyarrow")
    assert set(nodes["id"]) == set(graph)
    for title, row in zip(nodes["title"], graph.nodes.values(), strict=True):
        stated = row.get("title")
        assert (None if pd.isna(title) else title) == (
            as_utf8(stated) if isinstance(stated, str) else None
        )
    assert len(read_frame("edges", graph)) == graph.number_of_edges()
    read_frame("observations", graph)


# --- the files -----------------------------------------------------------------------------------


@EVERY_TABLE
def test_a_file_is_compressed_and_has_no_metadata(table):
    file = pq.ParquetFile(write_stream(table, campaign()))
    row_group = file.metadata.row_group(0)
    assert {row_group.column(n).compression for n in range(row_group.num_columns)} == {"ZSTD"}
    assert set(file.schema_arrow.metadata or {}) == set()
    assert b"pandas" not in (file.metadata.metadata or {})


@EVERY_TABLE
def test_row_groups_keep_the_order_of_rows(table, monkeypatch):
    expected = read_frame(table, campaign())
    monkeypatch.setattr(parquet, "ROW_GROUP", 3)
    stream = write_stream(table, campaign())
    metadata = pq.ParquetFile(stream).metadata
    assert metadata.num_row_groups > 1
    assert max(metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)) <= 6
    actual = pd.read_parquet(stream)
    assert actual.astype(str).equals(expected.astype(str))


_EXPORT_WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None
from tests.support.graphs import campaign
from graphbuild.errors import ExportError
from graphbuild.exporters import export_all
try:
    export_all(campaign(), sys.argv[1], ["csv", "parquet"])
except ExportError as error:
    print(error)
"""


def test_a_missing_library_is_reported_with_the_install_command(tmp_path):
    command = [sys.executable, "-c", _EXPORT_WITHOUT_PYARROW, str(tmp_path / "out")]
    process = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert process.stdout == (
        "parquet needs pyarrow, which is not installed; run: pip install pyarrow\n"
    )
    assert not (tmp_path / "out").exists()

"""Parquet: pandas reads the tables back with their types, and nothing of them is lost."""

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


def written(table, graph):
    stream = io.BytesIO()
    WRITERS[table](graph, stream)
    return stream


def frame(table, graph, **options):
    """What pandas reads."""
    return pd.read_parquet(written(table, graph), **options)


def types(found):
    return {name: str(kind) for name, kind in found.dtypes.items()}


# --- types ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLE_TYPES)
def test_pandas_finds_every_column_of_its_type(table):
    for graph in (campaign(), build_graph([]), with_title(*HOSTILE)):
        assert types(frame(table, graph, dtype_backend="numpy_nullable")) == TABLE_TYPES[table]


def test_pandas_told_nothing_finds_categories_numbers_and_times():
    found = types(frame("nodes", campaign()))
    assert {found[name] for name, kind in TABLE_TYPES["nodes"].items() if kind == "category"} == {
        "category"
    }
    assert (found["degree"], found["creation_date"]) == ("int64", "float64")
    assert found["created"] == "datetime64[us, UTC]"
    assert types(frame("edges", campaign()))["weight"] == "int64"


def test_the_collections_of_an_edge_are_a_list_of_texts():
    kinds = pq.ParquetFile(written("edges", campaign())).schema_arrow
    assert str(kinds.field("related_from").type) == "list<element: string>"
    assert str(kinds.field("weight").type) == "int64"


def test_what_a_seed_list_says_has_a_column_of_text():
    seen = Entity("file", EMOTET.id, {"seed_family": "Emotet", "seed": True})
    found = frame("nodes", build_graph([], subjects=[seen, LOADER]))
    assert found["seed_family"].fillna("-").tolist() == ["Emotet", "-"]


# --- values --------------------------------------------------------------------------------------


def test_one_row_for_each_node():
    found = frame("nodes", campaign(), dtype_backend="numpy_nullable").set_index("key")
    assert len(found) == 8
    report = found.loc[REPORT.key].dropna().to_dict()
    assert report == {
        "type": "reference",
        "id": REPORT.id,
        "label": "Emotet – a <i>history</i> & more",
        "title": "Emotet – a <i>history</i> & more",
        "url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        "author": "Zoë Ünal",
        "creation_date": 1_515_715_200,
        "created": pd.Timestamp("2018-01-12", tz="UTC"),
        "domain": "blog.example.org",
        "degree": 4,
    }
    assert found.loc[GANG.key, "name"] == "win.emotet"
    assert found["seed"].dropna().to_dict() == {
        EMOTET.key: True,
        LOADER.key: False,
        UNKNOWN.key: True,
    }
    assert json.loads(found.loc[OTHERS.key, "attributes"]) == {"shown": True, "targets": 12}


def test_one_row_for_each_edge():
    found = frame("edges", campaign()).set_index(["source", "target"])
    assert len(found) == 7
    drawn = found.loc[(EMOTET.key, REPORT.key)]
    assert drawn["related_from"].tolist() == [OTHERS.key, GANG.key]
    assert (drawn["relation"], drawn["weight"], drawn["provenance"]) == (
        "related_references",
        3,
        "observed",
    )
    assert found.loc[(EMOTET.key, BARE.key), "related_from"].tolist() == []
    assert found.loc[(REPORT.key, OTHERS.key), "related_from"] is None
    assert found.loc[(REPORT.key, OTHERS.key), "weight"] == 2


def test_one_row_for_each_observation():
    found = frame("observations", campaign())
    rows = found.astype(object).where(found.notna(), None)
    assert {tuple(row)[:5] for row in rows.itertuples(index=False)} == {
        ("file", o.subject.id, o.reference.id, o.related_from.type, o.related_from.id)
        if o.related_from
        else ("file", o.subject.id, o.reference.id, None, None)
        for o in OBSERVATIONS
    }
    assert len(found) == len(OBSERVATIONS)
    assert set(found["related_from_name"].dropna()) == {"win.emotet", "Spam run"}
    assert set(found["reference_title"].dropna()) == {
        "Emotet – a <i>history</i> & more",
        "LODEINFO at 10:00",
    }


def test_times_are_times():
    seen = Observation(EMOTET, REPORT, GANG, first_seen=1.5e9, last_seen=1.6e9)
    asked = Entity("file", EMOTET.id, {"crawl_fetched_at": "2020-09-13T12:26:40Z"})
    graph = build_graph([seen], subjects=[asked], timestamps=True)
    edges, nodes = frame("edges", graph), frame("nodes", graph)
    assert edges["first_seen"].dropna().tolist() == [pd.Timestamp(1.5e9, unit="s", tz="UTC")]
    assert edges["last_seen"].dropna().tolist() == [pd.Timestamp(1.6e9, unit="s", tz="UTC")]
    assert nodes["crawl_fetched_at"].dropna().tolist() == [pd.Timestamp(1.6e9, unit="s", tz="UTC")]


@pytest.mark.parametrize("seconds", [-62135596801, 10**12, 10**18, -1, 0, 2**62])
def test_a_rubbish_date_is_a_number_and_no_day(seconds):
    row = frame("nodes", with_title("t", creation_date=seconds), dtype_backend="pyarrow").iloc[-2]
    assert row["creation_date"] == seconds
    assert pd.isna(row["created"]) == (seconds not in {-1, 0})


def test_what_no_column_holds_is_left_out_and_counted():
    stream = io.BytesIO()
    graph = with_title("t", score=math.nan, creation_date=2**70)
    assert parquet.write_nodes(graph, stream).omitted == 2
    graph = campaign()
    for *_, edge in graph.edges(data=True):
        edge |= {"weight": "heavy", "first_seen": "yesterday"}
    # Two values, each told once: the edges of a relation say the same.
    assert parquet.write_edges(graph, stream).omitted > 0
    assert frame("edges", graph)[["weight", "first_seen"]].isna().all(axis=None)


def test_weights_of_a_view_may_be_fractions():
    graph = campaign()
    for *_, edge in graph.edges(data=True):
        edge["weight"] = 0.5
    graph.edges[EMOTET.key, BARE.key]["weight"] = 2
    found = frame("edges", graph)["weight"]
    assert (found.dtype, found.sum()) == (np.float64, 5.0)


@EVERY_TABLE
@pytest.mark.parametrize("name", VIEWS)
def test_every_view_has_its_tables(table, name):
    graph = view(campaign(), name)
    counts = {"nodes": len(graph), "edges": graph.number_of_edges()}
    assert len(frame(table, graph)) == counts.get(table, len(frame(table, graph)))


# --- hostile text --------------------------------------------------------------------------------


def as_utf8(text):
    return "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)


def test_texts_are_guarded_nowhere_and_cleaned_texts_are_counted():
    warnings = parquet.write_observations(with_title(*HOSTILE), io.BytesIO())
    assert (warnings.cleaned, warnings.guarded) == (1, 0)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile_graphs())
def test_no_graph_breaks_the_tables(graph):
    nodes = frame("nodes", graph, dtype_backend="pyarrow")
    assert set(nodes["key"]) == set(graph)
    for title, row in zip(nodes["title"], graph.nodes.values(), strict=True):
        stated = row.get("title")
        assert (None if pd.isna(title) else title) == (
            as_utf8(stated) if isinstance(stated, str) else None
        )
    assert len(frame("edges", graph)) == graph.number_of_edges()
    frame("observations", graph)


# --- the files -----------------------------------------------------------------------------------


@EVERY_TABLE
def test_a_file_is_packed_typed_and_tells_of_nobody(table):
    file = pq.ParquetFile(written(table, campaign()))
    group = file.metadata.row_group(0)
    assert {group.column(n).compression for n in range(group.num_columns)} == {"ZSTD"}
    assert set(file.schema_arrow.metadata or {}) == set()
    assert b"pandas" not in (file.metadata.metadata or {})


@EVERY_TABLE
def test_rows_come_in_groups_and_stay_in_order(table, monkeypatch):
    whole = frame(table, campaign())
    monkeypatch.setattr(parquet, "ROW_GROUP", 3)
    stream = written(table, campaign())
    sizes = pq.ParquetFile(stream).metadata
    assert sizes.num_row_groups > 1
    assert max(sizes.row_group(n).num_rows for n in range(sizes.num_row_groups)) <= 6
    found = pd.read_parquet(stream)
    assert found.astype(str).equals(whole.astype(str))


_WITHOUT = """
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


def test_without_the_extra_a_sentence_says_what_to_install_and_nothing_is_written(tmp_path):
    command = [sys.executable, "-c", _WITHOUT, str(tmp_path / "out")]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert ran.stdout == (
        "parquet needs pyarrow, which is not installed; run: pip install pyarrow\n"
    )
    assert not (tmp_path / "out").exists()

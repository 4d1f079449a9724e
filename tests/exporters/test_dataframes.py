"""Tables for pandas: of a campaign file, typed, and the same as the Parquet files."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings

import graphbuild as gb
from graphbuild.exporters import dataframes
from graphbuild.exporters import parquet as parquet_format
from graphbuild.graph.builder import build_graph
from graphbuild.graph.views import view
from graphbuild.models import Entity, Observation
from tests.support.campaign_files import write_campaign
from tests.support.graphs import (
    EMOTET,
    GANG,
    LOADER,
    OBSERVATIONS,
    REPORT,
    campaign,
    hostile_graphs,
    with_title,
)
from tests.support.paths import DATA
from tests.support.table_types import TABLE_TYPES

SAMPLE = DATA / "related_references.json"
MAKERS = {
    "nodes": dataframes.nodes_frame,
    "edges": dataframes.edges_frame,
    "observations": dataframes.observations_frame,
}
EVERY_TABLE = pytest.mark.parametrize("table", MAKERS)


def parquet(table: str, graph) -> pd.DataFrame:
    """What pandas reads back."""
    stream = io.BytesIO()
    getattr(parquet_format, f"write_{table}")(graph, stream)
    return pd.read_parquet(stream, dtype_backend="numpy_nullable")


def types(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(kind) for name, kind in frame.dtypes.items()}


def values(frame: pd.DataFrame) -> list[list[object]]:
    """Every cell as a plain value, missing ones None."""

    def plain(cell: object) -> object:
        if cell is None or isinstance(cell, list) or hasattr(cell, "tolist"):
            return None if cell is None else list(cell)
        return None if pd.isna(cell) else cell

    return [[plain(cell) for cell in row] for row in frame.astype(object).to_numpy().tolist()]


def timed():
    seen = Observation(EMOTET, REPORT, GANG, first_seen=1.5e9, last_seen=1.6e9)
    asked = Entity(
        "file", EMOTET.id, {"crawl_fetched_at": "2020-09-13T12:26:40Z", "crawl_pages": 2}
    )
    return build_graph([seen, *OBSERVATIONS], subjects=[asked, LOADER], timestamps=True)


def fractions():
    graph = campaign()
    for *_, edge in graph.edges(data=True):
        edge["weight"] = 0.5
    return graph


GRAPHS = {
    "campaign": campaign(),
    "times": timed(),
    "fractions": fractions(),
    "empty": build_graph([]),
    "rubbish": with_title("t", 5, "=1", creation_date=2**62, url=7, author=False),
    "early": with_title("t", creation_date=-62_135_596_800),
    "late": with_title("t", creation_date=253_402_300_799),
    "folded": view(campaign(), "folded"),
    "files": view(campaign(), "files"),
}


@EVERY_TABLE
@pytest.mark.parametrize("name", GRAPHS)
def test_a_frame_is_what_pandas_reads_out_of_the_parquet_file(table: str, name: str) -> None:
    frame, read = MAKERS[table](GRAPHS[name]), parquet(table, GRAPHS[name])
    assert types(frame) == types(read)
    assert values(frame) == values(read)


@settings(max_examples=40)
@given(hostile_graphs())
def test_the_same_of_hostile_texts(graph) -> None:
    for table, make in MAKERS.items():
        frame, read = make(graph), parquet(table, graph)
        assert types(frame) == types(read)
        assert values(frame) == values(read)


@EVERY_TABLE
@pytest.mark.parametrize("name", ["campaign", "times", "empty", "rubbish"])
def test_every_column_has_its_type_whatever_stands_in_it(table: str, name: str) -> None:
    frame = MAKERS[table](GRAPHS[name])
    assert types(frame) == TABLE_TYPES[table]


def test_times_are_times_and_lists_are_lists() -> None:
    edges = dataframes.edges_frame(GRAPHS["times"]).set_index(["source", "target"])
    edge = edges.loc[(EMOTET.key, REPORT.key)]
    assert edge["first_seen"] == pd.Timestamp(1.5e9, unit="s", tz="UTC")
    assert edge["last_seen"] == pd.Timestamp(1.6e9, unit="s", tz="UTC")
    assert edge["related_from"] == ["collection:alienvault_5a5", GANG.key]
    nodes = dataframes.nodes_frame(GRAPHS["times"]).set_index("key")
    assert nodes.loc[EMOTET.key, "crawl_fetched_at"] == pd.Timestamp(1.6e9, unit="s", tz="UTC")
    assert nodes.loc[REPORT.key, "created"] == pd.Timestamp("2018-01-12", tz="UTC")


# --- of a campaign file --------------------------------------------------------------------------


def test_a_campaign_file_gives_its_tables(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c.db", [one for one in OBSERVATIONS if one.subject != LOADER])
    with gb.open(tmp_path / "c.db") as campaign:
        nodes, edges, facts = campaign.nodes(), campaign.edges(), campaign.observations()
        timed_nodes, timed_edges = campaign.nodes(timestamps=True), campaign.edges(timestamps=True)
        campaign.export(tmp_path, ["parquet"])
    for table, frame in (("nodes", nodes), ("edges", edges), ("observations", facts)):
        read = pd.read_parquet(tmp_path / f"{table}.parquet", dtype_backend="numpy_nullable")
        assert types(frame) == types(read)
        assert values(frame) == values(read)
    assert set(facts["reference_title"].dropna()) == {REPORT.attributes["title"]}
    assert len(facts) == 3  # an answer cannot say "through none" beside two
    assert nodes["seed"].sum() == 1
    assert nodes["crawl_fetched_at"].isna().all()
    assert timed_nodes["crawl_fetched_at"].notna().sum() == 1
    assert edges["first_seen"].isna().all()
    assert timed_edges["first_seen"].notna().any()


def test_a_campaign_without_answers_has_tables_without_rows(tmp_path: Path) -> None:
    with gb.Store.open(tmp_path / "c.db") as store:
        campaign = gb.Campaign(store)
        for table, frame in (
            ("nodes", campaign.nodes()),
            ("edges", campaign.edges()),
            ("observations", campaign.observations()),
        ):
            assert len(frame) == 0
            assert types(frame) == TABLE_TYPES[table]
        store.add_seeds(gb.parse_seeds([EMOTET.id]))
        assert campaign.nodes()["state"].tolist() == ["pending"]


_WITHOUT = """
import sys
import graphbuild as gb
with gb.Store.open("c.db") as store:
    assert not {"pandas", "networkx"} & set(sys.modules), "loaded before it is asked for"
    sys.modules["pyarrow"] = None
    print(len(gb.Campaign(store).nodes()), "pandas" in sys.modules)
"""


def test_pandas_is_loaded_when_a_table_is_asked_for_and_needs_no_pyarrow(tmp_path: Path) -> None:
    root = str(Path(gb.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": root},
    )
    assert done.stdout == "0 True\n"

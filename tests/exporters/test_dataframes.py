"""DataFrames: column types, equality with the Parquet files, and tables of a campaign."""

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
FRAME_FUNCTIONS = {
    "nodes": dataframes.nodes_frame,
    "edges": dataframes.edges_frame,
    "observations": dataframes.observations_frame,
}
EVERY_TABLE = pytest.mark.parametrize("table", FRAME_FUNCTIONS)


def read_parquet(table: str, graph) -> pd.DataFrame:
    """Return the Parquet table as read by pandas."""
    stream = io.BytesIO()
    getattr(parquet_format, f"write_{table}")(graph, stream)
    return pd.read_parquet(stream, dtype_backend="numpy_nullable")


def types(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(kind) for name, kind in frame.dtypes.items()}


def values(frame: pd.DataFrame) -> list[list[object]]:
    """Return every cell as a Python value; missing values are None."""

    def as_python_value(cell: object) -> object:
        if cell is None or isinstance(cell, list) or hasattr(cell, "tolist"):
            return None if cell is None else list(cell)
        return None if pd.isna(cell) else cell

    return [
        [as_python_value(cell) for cell in row] for row in frame.astype(object).to_numpy().tolist()
    ]


def timestamped_graph():
    observation = Observation(EMOTET, REPORT, GANG, first_seen=1.5e9, last_seen=1.6e9)
    subject = Entity(
        "file", EMOTET.id, {"crawl_fetched_at": "2020-09-13T12:26:40Z", "crawl_pages": 2}
    )
    return build_graph([observation, *OBSERVATIONS], subjects=[subject, LOADER], timestamps=True)


def graph_with_fractional_weights():
    graph = campaign()
    for *_, edge in graph.edges(data=True):
        edge["weight"] = 0.5
    return graph


GRAPHS = {
    "campaign": campaign(),
    "times": timestamped_graph(),
    "fractions": graph_with_fractional_weights(),
    "empty": build_graph([]),
    "rubbish": with_title("t", 5, "=1", creation_date=2**62, url=7, author=False),
    "early": with_title("t", creation_date=-62_135_596_800),
    "late": with_title("t", creation_date=253_402_300_799),
    "folded": view(campaign(), "folded"),
    "files": view(campaign(), "files"),
}


@EVERY_TABLE
@pytest.mark.parametrize("name", GRAPHS)
def test_dataframe_equals_the_parquet_table(table: str, name: str) -> None:
    frame, read = FRAME_FUNCTIONS[table](GRAPHS[name]), read_parquet(table, GRAPHS[name])
    assert types(frame) == types(read)
    assert values(frame) == values(read)


@settings(max_examples=40)
@given(hostile_graphs())
def test_dataframe_equals_the_parquet_table_for_hostile_text(graph) -> None:
    for table, make in FRAME_FUNCTIONS.items():
        frame, read = make(graph), read_parquet(table, graph)
        assert types(frame) == types(read)
        assert values(frame) == values(read)


@EVERY_TABLE
@pytest.mark.parametrize("name", ["campaign", "times", "empty", "rubbish"])
def test_column_types_do_not_depend_on_the_values(table: str, name: str) -> None:
    frame = FRAME_FUNCTIONS[table](GRAPHS[name])
    assert types(frame) == TABLE_TYPES[table]


def test_times_are_timestamps_and_collections_are_lists() -> None:
    edges = dataframes.edges_frame(GRAPHS["times"]).set_index(["source", "target"])
    edge = edges.loc[(EMOTET.key, REPORT.key)]
    assert edge["first_seen"] == pd.Timestamp(1.5e9, unit="s", tz="UTC")
    assert edge["last_seen"] == pd.Timestamp(1.6e9, unit="s", tz="UTC")
    assert edge["related_from"] == ["collection:alienvault_5a5", GANG.key]
    nodes = dataframes.nodes_frame(GRAPHS["times"]).set_index("id")
    assert nodes.loc[EMOTET.key, "crawl_fetched_at"] == pd.Timestamp(1.6e9, unit="s", tz="UTC")
    assert nodes.loc[REPORT.key, "created"] == pd.Timestamp("2018-01-12", tz="UTC")


# --- tables of a campaign ------------------------------------------------------------------------


def test_campaign_returns_its_tables(tmp_path: Path) -> None:
    write_campaign(
        tmp_path / "c.db",
        [each for each in OBSERVATIONS if each.subject != LOADER],
    )
    with gb.open(tmp_path / "c.db") as campaign:
        nodes, edges, observations = campaign.nodes(), campaign.edges(), campaign.observations()
        timed_nodes, timed_edges = campaign.nodes(timestamps=True), campaign.edges(timestamps=True)
        campaign.export(tmp_path, ["parquet"])
    for table, frame in (("nodes", nodes), ("edges", edges), ("observations", observations)):
        read = pd.read_parquet(tmp_path / f"{table}.parquet", dtype_backend="numpy_nullable")
        assert types(frame) == types(read)
        assert values(frame) == values(read)
    assert set(observations["reference_title"].dropna()) == {REPORT.attributes["title"]}
    assert len(observations) == 3  # a response cannot list "no collection" and collections
    assert nodes["seed"].sum() == 1
    assert nodes["crawl_fetched_at"].isna().all()
    assert timed_nodes["crawl_fetched_at"].notna().sum() == 1
    assert edges["first_seen"].isna().all()
    assert timed_edges["first_seen"].notna().any()


def test_a_campaign_without_responses_has_empty_tables(tmp_path: Path) -> None:
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


_LAZY_IMPORT = """
import sys
import graphbuild as gb
with gb.Store.open("c.db") as store:
    assert not {"pandas", "networkx"} & set(sys.modules), "loaded before it is asked for"
    sys.modules["pyarrow"] = None
    print(len(gb.Campaign(store).nodes()), "pandas" in sys.modules)
"""


def test_pandas_is_imported_lazily_and_without_pyarrow(tmp_path: Path) -> None:
    root = str(Path(gb.__file__).parents[1])
    process = subprocess.run(
        [sys.executable, "-c", _LAZY_IMPORT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": root},
    )
    assert process.stdout == "0 True\n"

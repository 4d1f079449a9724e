"""Campaigns of a dataset are selected, and damaged datasets are refused."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from graphbuild.engines.duckdb import DuckDBEngine
from graphbuild.engines.spark import SparkEngine
from graphbuild.errors import DatasetError
from graphbuild.exporters import export_all
from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from tests.exporters.test_dataset import NAMES
from tests.support.engine_results import check_incidence, check_tables, incidence_of
from tests.support.graphs import EMOTET, GANG, LOADER, OBSERVATIONS, REPORT, campaign

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from tests.engines.conftest import OpenEngine

MANIFEST = "_graphbuild.json"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A dataset with the campaigns ``one`` and ``two``."""
    export_all(campaign(), tmp_path, ["dataset"], campaign="one")
    export_all(build_graph(OBSERVATIONS[:1]), tmp_path, ["dataset"], campaign="two")
    return tmp_path


def refused(folder: Path, *campaigns: str) -> str:
    with pytest.raises(DatasetError) as error:
        DuckDBEngine(folder, campaigns)
    return str(error.value)


def test_selected_campaigns_are_read(open_engine: OpenEngine, lake: Path) -> None:
    graph = build_graph(OBSERVATIONS[:1])
    with open_engine(lake, ["two"]) as engine:
        check_tables(engine, graph)
        check_incidence(engine, incidence_of(graph))


def test_names_of_campaigns_can_contain_any_characters(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    """The newest value is that of the campaign whose name is last in alphabetical order."""
    for number, name in enumerate(sorted(NAMES)):
        reference = Entity("reference", REPORT.id, {"title": f"Title {number}"})
        graph = build_graph([Observation(EMOTET, reference, GANG)])
        export_all(graph, tmp_path, ["dataset"], campaign=name)
    with open_engine(tmp_path) as engine:
        check_tables(engine, graph)
        check_incidence(engine, incidence_of(graph))


def test_names_of_folders_can_contain_wildcards_of_duckdb() -> None:
    with tempfile.TemporaryDirectory(suffix="campaign=x [1]*?'") as folder:
        export_all(campaign(), Path(folder), ["dataset"])
        with DuckDBEngine(Path(folder)) as engine:
            check_tables(engine, campaign())


def test_a_folder_with_wildcards_of_spark_is_refused(session: SparkSession) -> None:
    with tempfile.TemporaryDirectory(suffix="{1}") as folder:
        export_all(campaign(), Path(folder), ["dataset"])
        with pytest.raises(DatasetError, match=r"reads '\{' as a wildcard; move the dataset"):
            SparkEngine(session, Path(folder))


def test_columns_that_an_earlier_version_did_not_write_are_null(
    open_engine: OpenEngine, lake: Path
) -> None:
    removed = {"seed", "crawl_inferred", "first_seen", "last_seen", "author", "creation_date"}
    for file in lake.rglob("*.parquet"):
        table = pq.read_table(file, partitioning=None)
        pq.write_table(table.drop_columns(sorted(removed & set(table.column_names))), file)
    manifest = json.loads((lake / MANIFEST).read_text())
    for tables in manifest["campaigns"].values():
        for entry in (entry for entries in tables.values() for entry in entries):
            entry["bytes"] = (lake / entry["path"]).stat().st_size
    (lake / MANIFEST).write_text(json.dumps(manifest))
    with open_engine(lake) as engine:
        nodes = engine.table("nodes").read_all()
        edges = engine.table("edges").read_all()
    assert (nodes.num_rows, edges.num_rows) == (len(campaign()), campaign().number_of_edges())
    assert all(nodes[name].null_count == len(nodes) for name in ("seed", "author", "creation_date"))


def test_a_campaign_that_is_replaced_while_it_is_read_is_reported(
    open_engine: OpenEngine, lake: Path
) -> None:
    message = "replaced the campaign 'two' while it was read; repeat the command"
    with open_engine(lake) as engine:
        engine.sizes()
        export_all(build_graph(OBSERVATIONS[:2]), lake, ["dataset"], campaign="two")
        with pytest.raises(DatasetError, match=message):
            engine.relations()
        export_all(build_graph(OBSERVATIONS[:1]), lake, ["dataset"], campaign="two")
        assert engine.relations().entities


def test_an_observation_is_inferred_if_all_campaigns_inferred_it(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    inferred = Observation(EMOTET, REPORT, GANG, "inferred")
    other = Observation(LOADER, REPORT, GANG, "inferred")
    seen = Observation(EMOTET, REPORT, GANG)
    for name, observations in (("a", [inferred, other]), ("b", [seen, other])):
        export_all(build_graph(observations), tmp_path, ["dataset"], campaign=name)
    with open_engine(tmp_path) as engine:
        graph = build_graph([seen, other])
        check_tables(engine, graph)
        check_incidence(engine, incidence_of(graph))


def test_the_best_state_of_a_subject_and_the_values_of_the_first_seed_list_are_kept(
    open_engine: OpenEngine,
    tmp_path: Path,
) -> None:
    states = ["failed", "pending", "complete", "incomplete", "short"]
    for number, state in enumerate(states):
        attributes = {"seed": number == 3, "state": state, "crawl_pages": number}
        seeds = {"seed_note": str(number)} if number else {"seed_family": "first"}
        subject = Entity("file", EMOTET.id, {**attributes, **seeds})
        graph = build_graph([], subjects=[subject])
        export_all(graph, tmp_path, ["dataset"], campaign=str(number))
    with open_engine(tmp_path) as engine:
        (row,) = engine.table("nodes").read_all().to_pylist()
    assert (row["state"], row["crawl_pages"], row["seed"]) == ("complete", 2, True)
    assert (row["seed_family"], row["seed_note"]) == ("first", "1")


def test_a_folder_without_a_dataset_is_refused(tmp_path: Path) -> None:
    assert "contains no dataset; write one with 'graphbuild export" in refused(tmp_path)
    assert "contains no dataset" in refused(tmp_path / "missing")
    (tmp_path / MANIFEST).write_text("{}")
    assert "is not the manifest of a dataset" in refused(tmp_path)


def test_an_unknown_campaign_is_refused(lake: Path) -> None:
    assert refused(lake, "one", "three").endswith("no campaign 'three'; it contains 'one', 'two'")


@pytest.mark.parametrize(
    "path", ["../observations/campaign=one/bucket=00/part-0.parquet", "/etc/passwd", None]
)
def test_a_manifest_with_other_paths_is_refused(path: str | None, lake: Path) -> None:
    manifest = json.loads((lake / MANIFEST).read_text())
    manifest["campaigns"]["one"]["links"][0]["path"] = path
    (lake / MANIFEST).write_text(json.dumps(manifest))
    assert "is damaged; export the campaigns again" in refused(lake)


def test_missing_and_changed_files_are_refused(lake: Path) -> None:
    (file,) = (lake / "links" / "campaign=two").rglob("*.parquet")
    file.write_bytes(file.read_bytes() + b"x")
    assert "does not match the manifest" in refused(lake)
    file.unlink()
    assert "otherwise export it again" in refused(lake)
    with DuckDBEngine(lake, ["one"]) as engine:
        check_tables(engine, campaign())


def test_files_that_are_not_in_the_manifest_are_not_read(
    open_engine: OpenEngine, lake: Path
) -> None:
    for file in list((lake / "observations" / "campaign=two").rglob("*.parquet")):
        file.with_name("part-1.parquet").write_bytes(b"damaged")
    with open_engine(lake) as engine:
        check_incidence(engine, incidence_of(campaign()))


def test_a_damaged_file_is_reported(open_engine: OpenEngine, lake: Path) -> None:
    (file,) = (lake / "links" / "campaign=two").rglob("*.parquet")
    file.write_bytes(b"x" * file.stat().st_size)
    with (
        pytest.raises(DatasetError, match=r"DuckDB cannot read it: |Spark failed: "),
        open_engine(lake) as engine,
    ):
        engine.sizes()


def test_the_memory_limit_holds_and_too_little_memory_is_reported(tmp_path: Path) -> None:
    files = [Entity("file", f"{number:064x}") for number in range(200)]
    references = [Entity("reference", f"{number:064x}") for number in range(50)]
    graph = build_graph(Observation(a, b, GANG) for a in files for b in references)
    export_all(graph, tmp_path, ["dataset"])
    with DuckDBEngine(tmp_path, memory_limit="64MB") as engine:
        assert engine.table("edges").read_all().num_rows == graph.number_of_edges()
        assert engine.sizes() == (10_000, 250)
    with (
        pytest.raises(DatasetError, match="needs more memory than 1MB"),
        DuckDBEngine(tmp_path, memory_limit="1MB") as engine,
    ):
        engine.table("edges").read_all()

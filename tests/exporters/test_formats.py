"""Registered formats and added columns appear in all exports and in the documentation."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from typing import TYPE_CHECKING

import networkx as nx
import pandas as pd
import pytest

import graphbuild as gb
from graphbuild.errors import ExportError
from graphbuild.exporters import (
    FORMATS,
    ExportWarnings,
    Format,
    OutputFile,
    columns,
    export_all,
    formats,
    register,
)
from graphbuild.exporters.columns import INT, NODE_COLUMNS, Column
from graphbuild.models import INFERRED, OBSERVED, Observation
from tests.crawler.campaign import Campaign
from tests.support import doc_tables
from tests.support.frugal_crawls import hidden_world, inferred_pairs
from tests.support.graphs import EMOTET, GANG, REPORT, campaign
from tests.support.paths import ROOT
from tests.support.workbooks import read_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


def write_toy(graph: nx.DiGraph[str], stream: BinaryIO) -> ExportWarnings:
    stream.write(f"{len(graph)} nodes".encode())
    return ExportWarnings(omitted=1)


TOY = Format(
    "toy",
    (OutputFile("graph.toy", write_toy, "count the nodes"),),
    readers="a person",
    contents="the number of nodes",
    suffixes=(".toy", ".toy.gz"),
)


@pytest.fixture
def toy_format() -> Iterator[None]:
    register(TOY)
    yield
    del FORMATS["toy"]


@pytest.fixture
def toy_column() -> Iterator[None]:
    NODE_COLUMNS.append(Column("views", INT, "Number of views.", source="views", title="Views"))
    yield
    NODE_COLUMNS.pop()


@pytest.mark.usefixtures("toy_format")
def test_a_registered_format_is_exported_and_documented(tmp_path: Path) -> None:
    (written,) = export_all(campaign(), tmp_path, ["toy"], name_suffix="full")
    assert written.path == tmp_path / "graph-full.toy"
    assert written.path.read_bytes() == b"8 nodes"
    assert written.warnings.omitted == 1
    assert gb.export(campaign(), tmp_path / "x.toy").read_bytes() == b"8 nodes"
    assert gb.export(campaign(), tmp_path / "x.toy.gz").stat().st_size > 20
    assert formats.describe_file("graph-full.toy") == "count the nodes"
    assert "| `toy` | `graph.toy` | a person | the number of nodes |" in formats.markdown_table()
    with pytest.raises(ExportError, match="toy"):
        export_all(campaign(), tmp_path, ["unknown"])


PRINT_HELP_WITH_TOY = """
from tests.exporters.test_formats import TOY
from tests.support.workbooks import read_workbook
from graphbuild.exporters import register
register(TOY)
import sys
sys.argv = ["graphbuild", "export", "--help"]
from graphbuild.__main__ import main
main()
"""


def test_a_registered_format_is_in_the_command_line_help() -> None:
    command = [sys.executable, "-c", PRINT_HELP_WITH_TOY]
    process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert f"{list(FORMATS)[-1]}, toy" in " ".join(process.stdout.replace("│", " ").split()), (
        process.stderr
    )


@pytest.mark.usefixtures("toy_format")
@pytest.mark.parametrize("changed", ["name", "file", "suffix"])
def test_a_format_whose_name_is_in_use_is_rejected(changed: str) -> None:
    other = Format(
        "toy" if changed == "name" else "other",
        (OutputFile("graph.toy" if changed == "file" else "other", write_toy, ""),),
        readers="",
        contents="",
        suffixes=(".toy" if changed == "suffix" else ".other",),
    )
    with pytest.raises(ValueError, match="in use"):
        register(other)


def test_a_format_with_an_unknown_option_is_rejected() -> None:
    with pytest.raises(ValueError, match="known options"):
        Format("x", (OutputFile("x", write_toy, "", ("color",)),), readers="", contents="")


@pytest.mark.usefixtures("toy_column")
def test_an_added_column_is_in_every_table(tmp_path: Path) -> None:
    graph = campaign()
    graph.nodes[REPORT.key]["views"] = 7
    export_all(
        graph, tmp_path, ["csv", "graphml", "gexf", "parquet", "neo4j", "dataset"], positions={}
    )
    with (tmp_path / "nodes.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["id"]: row["views"] for row in csv.DictReader(stream)}
    assert rows == {key: "7" if key == REPORT.key else "" for key in graph}
    assert nx.read_graphml(tmp_path / "graph.graphml").nodes[REPORT.key]["views"] == 7
    assert nx.read_gexf(tmp_path / "graph.gexf").nodes[REPORT.key]["views"] == 7
    assert "views:long" in (tmp_path / "nodes.neo4j.csv").read_text().partition("\n")[0]
    nodes = pd.read_parquet(tmp_path / "nodes.parquet").set_index("id")
    assert nodes.loc[REPORT.key, "views"] == 7
    entities = pd.read_parquet(tmp_path / "entities").set_index("id")
    assert entities.loc[REPORT.key, "views"] == 7
    assert columns.column_titles()["views"] == "Views"
    assert "| `views` | integer | all | all | Number of views. |" in columns.markdown_table(
        NODE_COLUMNS
    )


@pytest.mark.usefixtures("toy_column")
def test_an_added_column_is_read_back_from_graphml() -> None:
    graph = campaign()
    graph.nodes[REPORT.key]["views"] = 7
    stream = io.BytesIO()
    gb.exporters.write_graphml(graph, stream)
    stream.seek(0)
    assert gb.exporters.read_graphml(stream).nodes[REPORT.key]["views"] == 7


def test_every_writer_can_be_imported(tmp_path: Path) -> None:
    assert len(export_all(campaign(), tmp_path, FORMATS)) == sum(
        len(each.files) + (each.folder is not None) for each in FORMATS.values()
    )


@pytest.mark.parametrize("format_name", [name for name, each in FORMATS.items() if each.files])
def test_every_format_marks_an_inferred_edge(format_name: str) -> None:
    """Each file that contains edges has the word once more than without an inferred edge."""
    marks = {
        provenance: [
            content.count(INFERRED.encode())
            for content in written_files(
                format_name, gb.build_graph([Observation(EMOTET, REPORT, GANG, provenance)])
            )
        ]
        for provenance in (OBSERVED, INFERRED)
    }
    more = sum(marked > plain for plain, marked in zip(*marks.values(), strict=True))
    edge_files = [file for file in FORMATS[format_name].files if "nodes" not in file.name]
    assert more == len([file for file in edge_files if not file.name.endswith(".txt")])


def test_every_table_marks_an_inferred_edge(tmp_path: Path) -> None:
    made = Campaign(tmp_path / "c.db", hidden_world())
    made.crawl(frugal=True)
    with gb.open(tmp_path / "c.db") as opened:
        edges, observations, graph = opened.edges(), opened.observations(), opened.graph()
    pairs = inferred_pairs(made)
    assert len(pairs) == 50
    marked = edges[edges["provenance"] == INFERRED]
    keys = {(f"file:{file}", f"reference:{reference}") for file, reference in pairs}
    assert set(zip(marked["source"], marked["target"], strict=True)) == keys
    marked = observations[observations["provenance"] == INFERRED]
    assert set(zip(marked["subject_id"], marked["reference_id"], strict=True)) == pairs
    marks = {edge[:2] for edge in graph.edges(data="provenance") if edge[2] == INFERRED}
    assert marks == keys


def written_files(format_name: str, graph: nx.DiGraph[str]) -> Iterator[bytes]:
    options = {"positions": {}} if "positions" in FORMATS[format_name].options else {}
    for file in FORMATS[format_name].files:
        stream = io.BytesIO()
        file.write(graph, stream, **options)
        is_workbook = format_name == "xlsx"
        yield b"".join(read_workbook(stream).parts.values()) if is_workbook else stream.getvalue()


def test_the_documentation_contains_the_generated_tables() -> None:
    document = doc_tables.DOCUMENT.read_text(encoding="utf-8")
    assert doc_tables.updated(document) == document, "run: python -m tests.support.doc_tables"


def test_every_declared_column_can_be_filled() -> None:
    """Each column shows an attribute, is computed, or is filled by an exporter."""
    by_exporters = {"id", "key", "color", "size", "x", "y", "collections", "degree", "attributes"}
    for column in NODE_COLUMNS:
        assert column.source or column.compute or column.name in by_exporters

"""Datasets: other tables are computed from them, and campaigns are replaced as a whole."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graphbuild as gb
from graphbuild.analysis.campaign_clusters import read_graph
from graphbuild.emulator import Api, Emulator, generate_world, load_world
from graphbuild.errors import ExportError
from graphbuild.exporters import export_all
from graphbuild.exporters.dataframes import edges_frame, nodes_frame, observations_frame
from graphbuild.exporters.dataset import bucket_of
from graphbuild.graph.builder import build_graph
from graphbuild.graph.views import view
from graphbuild.models import Entity, Link, Observation
from tests.integration.test_sample import SAMPLE, needs_sample
from tests.support.graphs import (
    EMOTET,
    GANG,
    HOSTILE,
    LOADER,
    OBSERVATIONS,
    REPORT,
    TALK,
    campaign,
    with_title,
)
from tests.support.interrupted_exports import DISK_FULL_MESSAGE
from tests.support.keys import CANARY
from tests.support.observed_graphs import observed_graphs
from tests.support.paths import ROOT
from tests.support.processes import without_coverage
from tests.support.shell import Shell, seeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbuild.exporters import ExportedFile
    from graphbuild.graph.builder import Graph
    from tests.support.interrupted_exports import InterruptExports
    from tests.support.observed_graphs import ObservedGraph

TABLES = ("observations", "entities", "subjects", "links")
KEYS = {
    "observations": ["subject_type", "subject_id", "reference_id", "related_from_id"],
    "edges": ["source", "target"],
    "nodes": ["id"],
}
FRAMES = {"observations": observations_frame, "edges": edges_frame, "nodes": nodes_frame}
PARTITIONING = ds.partitioning(
    pa.schema([("campaign", pa.string()), ("bucket", pa.string())]), flavor="hive"
)
STAGING = ".graphbuild-dataset.tmp"


def write(graph: Graph, folder: Path, name: str = "campaign") -> ExportedFile:
    (manifest,) = export_all(graph, folder, ["dataset"], campaign=name)
    return manifest


def contents(folder: Path) -> dict[str, bytes]:
    """Return the content of each file by its path in ``folder``."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def manifest_of(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "_graphbuild.json").read_text())
    return manifest


def read(folder: Path, table: str) -> pd.DataFrame:
    return pd.read_parquet(folder / table, partitioning=PARTITIONING)


# --- the tables of the other formats -------------------------------------------------------------


@cache
def documented_code() -> str:
    """Return the lines of the documentation that compute the tables of other formats."""
    document = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    section = document.partition("\n## Dataset\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"```python\n(.*?)```", section, re.DOTALL))


def computed_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Run the documented lines in ``folder``, and return the tables that they compute."""
    names: dict[str, Any] = {}
    with contextlib.chdir(folder):
        exec(compile(documented_code(), "formats.md", "exec"), names)  # the documented code itself
    return {
        "observations": names["observation_rows"],
        "edges": names["edge_rows"],
        "nodes": names["node_rows"],
    }


def comparable(cell: Any) -> Any:
    if isinstance(cell, list | np.ndarray):
        return tuple(cell)
    return None if cell is None or pd.isna(cell) else cell


def sorted_rows(frame: pd.DataFrame, columns: list[str], key: list[str]) -> list[tuple[Any, ...]]:
    cells = [[comparable(cell) for cell in frame[name].astype(object)] for name in columns]
    order = [columns.index(name) for name in key]
    rows = zip(*cells, strict=True)
    return sorted(rows, key=lambda row: tuple(row[number] or "" for number in order))


def check_tables(graph: Graph, folder: Path) -> None:
    """Check that all rows and columns of the other formats can be computed from the dataset."""
    write(graph, folder)
    for name, computed in computed_tables(folder).items():
        expected = FRAMES[name](graph)
        columns = list(expected.columns)
        absent = [column for column in columns if column not in computed]
        assert all(expected[column].isna().all() for column in absent), absent
        assert set(computed.columns) <= set(columns)
        shown = [column for column in columns if column not in absent]
        rows = sorted_rows(computed, shown, KEYS[name])
        assert rows == sorted_rows(expected, shown, KEYS[name]), name


def crawled(folder: Path, world: gb.emulator.World, hashes: list[str]) -> Graph:
    with (
        Emulator(Api(world)) as emulator,
        gb.Store.open(folder / "c.db") as store,
        gb.Client(gb.api.auth.ApiKey(CANARY), base_url=emulator.base_url) as client,
    ):
        store.add_seeds(gb.parse_seeds(hashes))
        assert list(gb.Crawl(client, store))
        return read_graph(store, timestamps=True)


def crawled_sample(folder: Path) -> Graph:
    hashes = (SAMPLE / "hashes.txt").read_text().split()
    graph = crawled(folder, load_world(SAMPLE / "observations.jsonl"), hashes)
    assert graph.number_of_edges() > 1_000
    return graph


def test_the_tables_of_the_demo_are_computed_from_its_dataset(tmp_path: Path) -> None:
    with gb.demo() as demo:
        graph = demo.graph(timestamps=True)
    assert graph.number_of_edges() > 3_000
    check_tables(graph, tmp_path)


@needs_sample
def test_the_tables_of_the_sample_are_computed_from_its_dataset(tmp_path: Path) -> None:
    check_tables(crawled_sample(tmp_path), tmp_path / "out")


def test_direct_references_links_times_and_seed_columns_are_computed(tmp_path: Path) -> None:
    observations = [
        Observation(EMOTET, REPORT, GANG, first_seen=1.5e9, last_seen=1.6e9),
        Observation(EMOTET, REPORT, None, first_seen=1.4e9, last_seen=1.5e9),
        Observation(EMOTET, REPORT, None, relationship="references", last_seen=1.7e9),
        Observation(EMOTET, TALK, None, relationship="references", first_seen=1.5e9),
        Observation(LOADER, REPORT, GANG, provenance="inferred"),
        Observation(LOADER, TALK, TALK),  # a report that relates the file to itself
    ]
    subjects = [
        Entity("file", EMOTET.id, {"seed_family": "Emotet", "seed_note": "=1", "seed": True}),
        Entity("file", "01" * 32, {"seed": True, "state": "failed", "crawl_http_status": 404}),
    ]
    graph = build_graph(
        observations, subjects=subjects, links=[Link(GANG, "files", LOADER)], timestamps=True
    )
    assert {edge["relation"] for *_, edge in graph.edges(data=True)} == {
        *("related_references", "references_and_related_references"),
        *("references", "related_from", "files"),
    }
    check_tables(graph, tmp_path)
    assert read(tmp_path, "links")["relation"].tolist() == ["references", "files"]


def test_four_campaigns_have_the_rows_of_one(tmp_path: Path) -> None:
    world = generate_world(3)
    hashes = sorted(world.hashes())
    parts = {"all": hashes, **{f"part {number}": hashes[number::4] for number in range(4)}}
    for name, part in parts.items():
        (tmp_path / name).mkdir()
        write(crawled(tmp_path / name, world, part), tmp_path / "lake", name)
    keys = {
        "observations": ["subject", "reference", "related_from", "relation", "provenance"],
        "subjects": ["id", "seed", "state", "crawl_pages", "crawl_expected_count"],
        "links": ["source", "target", "relation"],
    }
    for table, columns in keys.items():
        frame = read(tmp_path / "lake", table)
        is_whole = frame["campaign"] == "all"
        whole = sorted_rows(frame[is_whole], columns, columns[:3])
        assert sorted_rows(frame[~is_whole], columns, columns[:3]) == whole
        assert len(whole) > 20 or table == "links"
    entities = read(tmp_path / "lake", "entities")
    names = ["id", "title", "url", "name", "creation_date"]
    whole = sorted_rows(entities[entities["campaign"] == "all"], names, ["id"])
    assert sorted_rows(entities.drop_duplicates("id", keep="last"), names, ["id"]) == whole


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(world=observed_graphs())
def test_the_tables_of_random_graphs_are_computed(world: ObservedGraph) -> None:
    for node in world.graph.nodes.values():
        # In campaigns, these are texts and not empty, because the parser drops others.
        texts = {name: str(node.pop(name)) for name in ("title", "url", "name") if name in node}
        node.update({name: text for name, text in texts.items() if text})
    with tempfile.TemporaryDirectory() as folder:
        check_tables(world.graph, Path(folder))


# --- files and columns ---------------------------------------------------------------------------


def test_the_manifest_lists_every_file_with_rows_size_and_checksum(tmp_path: Path) -> None:
    returned = write(with_title(*HOSTILE), tmp_path)
    files = contents(tmp_path)
    assert returned.path == tmp_path / "_graphbuild.json"
    manifest = files.pop("_graphbuild.json")
    assert (returned.size, returned.sha256) == (len(manifest), hashlib.sha256(manifest).hexdigest())
    tables = json.loads(manifest)["campaigns"]["campaign"]
    assert set(tables) == set(TABLES)
    listed = {file["path"]: file for table in tables.values() for file in table}
    assert set(listed) == set(files)
    for path, content in files.items():
        file = listed[path]
        assert file["bytes"] == len(content)
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file["rows"] == pq.ParquetFile(pa.BufferReader(content)).metadata.num_rows


def test_the_columns_of_each_file_are_those_of_the_manifest(tmp_path: Path) -> None:
    subject = Entity("file", EMOTET.id, {"seed_family": "Emotet"})
    write(campaign(), tmp_path, "one")
    write(build_graph([], subjects=[subject]), tmp_path, "two")
    write(build_graph([]), tmp_path, "none")
    for table, columns in manifest_of(tmp_path)["tables"].items():
        files = list((tmp_path / table).rglob("*.parquet"))
        assert {path.relative_to(tmp_path / table).parts[0] for path in files} == {
            *("campaign=one", "campaign=two", "campaign=none")
        }
        for path in files:
            schema = pq.read_schema(path)
            found = [{"name": each.name, "type": str(each.type)} for each in schema]
            assert found == columns


def test_each_row_is_in_the_bucket_of_its_node(tmp_path: Path) -> None:
    graph = with_title(*HOSTILE)
    graph.add_edge(EMOTET.key, GANG.key, relation="files", weight=1)
    write(graph, tmp_path)
    keys = {"observations": "subject", "entities": "id", "subjects": "id", "links": "source"}
    for table, column in keys.items():
        for row in read(tmp_path, table).to_dict("records"):
            first = hashlib.sha256(row[column].encode()).digest()[0]
            assert row["bucket"] == f"{first % 64:02x}"
            assert bucket_of(row[column]) == first % 64
    assert read(tmp_path, "entities")["bucket"].nunique() > 20


def test_inferred_observations_are_marked(tmp_path: Path) -> None:
    write(
        build_graph(
            [Observation(EMOTET, REPORT, GANG), Observation(LOADER, REPORT, GANG, "inferred")]
        ),
        tmp_path,
    )
    found = read(tmp_path, "observations").set_index("subject")["provenance"]
    assert found.to_dict() == {EMOTET.key: "observed", LOADER.key: "inferred"}


def test_cleaned_texts_are_counted_once(tmp_path: Path) -> None:
    graph = build_graph(
        [Observation(EMOTET, Entity("reference", "0" * 64, {"title": "\ud800"}), None)]
    )
    graph.nodes[EMOTET.key].update({"seed_note": "\udfff", "size": float("nan")})
    warnings = write(graph, tmp_path).warnings
    # The title is also the label.
    assert (warnings.cleaned, warnings.omitted) == (3, 1)


# --- several campaigns ---------------------------------------------------------------------------


def test_campaigns_share_a_dataset_and_are_replaced_alone(tmp_path: Path) -> None:
    write(campaign(), tmp_path, "one")
    write(with_title(*HOSTILE), tmp_path, "two")
    both = contents(tmp_path)
    write(campaign(), tmp_path, "two")
    after = contents(tmp_path)
    one = {path for path in both if "campaign=one" in path}
    assert {path: both[path] for path in one} == {path: after[path] for path in one}
    assert {path.replace("=one", "=two") for path in one} == {
        path for path in after if "campaign=two" in path
    }
    assert set(manifest_of(tmp_path)["campaigns"]) == {"one", "two"}
    counts = read(tmp_path, "entities")["campaign"].value_counts()
    assert counts.to_dict() == {"one": len(campaign()), "two": len(campaign())}
    write(with_title(*HOSTILE), tmp_path, "two")
    assert contents(tmp_path) == both


NAMES = [
    *("../evil", "/etc", "a/b", "a\\b", "a=b", "bucket=00", "%2F", "a%", "ü 🦠", ".", "..", "~"),
    *(
        "007",
        "1e5",
        "2026-01-01",
        "true",
        "null",
        "a\nb",
        "a\0b",
        "'; DROP",
        "<b>",
        "-x",
        "e\u0301",
    ),
]


def check_name(name: str, expected: str, folder: Path) -> None:
    write(campaign(), folder, name)
    assert {path.name for path in folder.iterdir()} == {"_graphbuild.json", *TABLES}
    for table in TABLES:
        (partition,) = (folder / table).iterdir()
        assert re.fullmatch(r"campaign=[A-Za-z0-9_.~%-]+", partition.name)
        assert set(read(folder, table)["campaign"]) <= {expected}
    assert set(read(folder, "entities")["campaign"]) == {expected}
    assert set(manifest_of(folder)["campaigns"]) == {expected}


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_of_campaigns_are_read_back(name: str, tmp_path: Path) -> None:
    check_name(name, name, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(name=st.text(min_size=1, max_size=20))
def test_any_name_of_a_campaign_is_read_back(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_name(name, name.encode(errors="replace").decode(), Path(folder))


def test_without_types_of_partition_columns_pandas_reads_numbers(tmp_path: Path) -> None:
    write(campaign(), tmp_path, "007")
    assert set(pd.read_parquet(tmp_path / "entities")["campaign"]) == {7}
    assert set(read(tmp_path, "entities")["campaign"]) == {"007"}


def test_a_name_that_is_not_unicode_is_cleaned(tmp_path: Path) -> None:
    check_name("\udc80x", "\ufffdx", tmp_path)


@pytest.mark.parametrize("name", ["", "__HIVE_DEFAULT_PARTITION__", "x" * 250, "ü" * 50])
def test_other_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"choose (another|a shorter) name"):
        write(campaign(), tmp_path, name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", ["", "[]", "[" * 100_000, "{}", '{"format": "graphbuild dataset"}', '{"format": 1}']
)
def test_a_folder_with_another_manifest_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "_graphbuild.json").write_text(content)
    with pytest.raises(ExportError, match="is not the manifest of a dataset"):
        write(campaign(), tmp_path)
    assert contents(tmp_path) == {"_graphbuild.json": content.encode()}


def test_a_dataset_of_another_version_is_refused(tmp_path: Path) -> None:
    write(campaign(), tmp_path)
    manifest = manifest_of(tmp_path) | {"version": 2}
    (tmp_path / "_graphbuild.json").write_text(json.dumps(manifest))
    before = contents(tmp_path)
    with pytest.raises(ExportError, match="another version of graphbuild"):
        write(campaign(), tmp_path, "other")
    assert contents(tmp_path) == before


def test_derived_views_are_refused_and_the_backbone_is_a_campaign(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="graphbuild computed"):
        export_all(view(campaign(), "files"), tmp_path / "new", ["dataset"])
    assert not (tmp_path / "new").exists()
    export_all(view(campaign(), "backbone"), tmp_path, ["dataset"], name_suffix="backbone")
    assert set(manifest_of(tmp_path)["campaigns"]) == {"campaign-backbone"}


# --- interrupted exports -------------------------------------------------------------------------

# Kill an export before each step that changes a file or a folder. Each run has a folder of its own,
# whose name is the number of the step.
KILLED_EXPORTS = """
import os, shutil, signal, sys
from pathlib import Path
from graphbuild.exporters import export_all
from graphbuild.graph.builder import build_graph
from tests.support.graphs import OBSERVATIONS

STEPS = {"os.rename", "os.mkdir", "os.rmdir", "os.remove"}
graph = build_graph(OBSERVATIONS[-1:])
folder, number, left = Path(sys.argv[1]), 0, None

def hook(event, arguments):
    global left
    if left is None:
        return
    writes = event == "open" and isinstance(arguments[1], str) and "x" in arguments[1]
    if event in STEPS or writes:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

export_all(graph, folder / "complete", ["dataset"])  # import all modules before the forks
sys.addaudithook(hook)
while True:
    target = folder / str(number)
    shutil.copytree(folder / "old", target)
    child = os.fork()
    if not child:
        left = number
        export_all(graph, target, ["dataset"], campaign="campaign")
        os._exit(0)
    if not os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        break
    number += 1
print(number)
"""


def without_staging(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if not path.startswith(STAGING)}


def test_a_killed_export_leaves_the_old_state_or_is_completed_by_the_next_one(
    tmp_path: Path,
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, observations in ((old, OBSERVATIONS[:1]), (new, OBSERVATIONS[-1:])):
        write(build_graph([]), folder, "kept")
        write(build_graph(observations), folder)
    states = contents(old), contents(new)
    process = subprocess.run(
        [sys.executable, "-c", KILLED_EXPORTS, str(tmp_path)],
        env=without_coverage({**os.environ, "PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert process.returncode == 0, process.stderr
    steps = int(process.stdout)
    assert steps > 30
    repaired = []
    for number in range(steps):
        folder = tmp_path / str(number)
        found = contents(folder)
        is_complete = f"{STAGING}/_graphbuild.json" in found
        if not is_complete:
            assert without_staging(found) in states
        write(build_graph([]), folder, "kept")
        after = contents(folder)
        assert after in states
        repaired.append(after == states[1])
        assert repaired[-1] or not is_complete
        assert not (folder / STAGING).exists()
    assert repaired == sorted(repaired)  # from one step on, the new state is completed
    assert {*repaired} == {False, True}


def test_a_full_disk_leaves_the_old_state(
    tmp_path: Path, interrupt_exports: InterruptExports
) -> None:
    graph = with_title(*HOSTILE)
    write(graph, tmp_path / "complete")
    total = sum(map(len, contents(tmp_path / "complete").values()))
    instants = [1, total // 3, total // 2, total - 1]
    for instant in instants:
        write(campaign(), tmp_path / str(instant))
    before = contents(tmp_path / "1")
    output = interrupt_exports("full", tmp_path, ["dataset"], instants)
    assert output == [
        f"{tmp_path / str(instant) / '_graphbuild.json'}: {DISK_FULL_MESSAGE}"
        for instant in instants
    ]
    for instant in instants:
        assert contents(tmp_path / str(instant)) == before
        assert not (tmp_path / str(instant) / STAGING).exists()


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_an_error_leaves_the_old_state(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write(campaign(), tmp_path)
    before = contents(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        with pytest.raises(ExportError, match="disk is full"):
            write(with_title(*HOSTILE), tmp_path)
    assert contents(tmp_path) == before
    assert not (tmp_path / STAGING).exists()


def test_an_error_during_the_renames_is_reported_and_the_next_export_completes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(13, "Permission denied")

    write(campaign(), tmp_path / "new", "other")
    for folder in ("old", "new"):
        write(campaign() if folder == "old" else with_title(*HOSTILE), tmp_path / folder)
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.rename", fail)
        with pytest.raises(ExportError, match="no permission to write there"):
            write(with_title(*HOSTILE), tmp_path / "old")
    write(campaign(), tmp_path / "old", "other")
    assert contents(tmp_path / "old") == contents(tmp_path / "new")


@pytest.mark.parametrize("table", TABLES)
def test_a_file_in_place_of_a_table_is_reported(table: str, tmp_path: Path) -> None:
    (tmp_path / table).write_text("mine")
    with pytest.raises(ExportError, match="is a file; choose another folder"):
        write(campaign(), tmp_path)
    assert (tmp_path / table).read_text() == "mine"
    assert not (tmp_path / STAGING).exists()


# A process that sends itself a signal before it renames or opens a data file. Its second thread can
# receive the signal instead of the main thread.
SIGNALS_ITSELF = """
import os, sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
event_name, number, sys.argv[1:] = sys.argv[1], int(sys.argv[2]), sys.argv[3:]

def hook(event, arguments):
    global number
    # Python also opens and renames files, such as those of compiled modules.
    is_own = "campaign=" in str(arguments[0]) if arguments else False
    if number and event == event_name and is_own:
        number, now = 0, number
        os.kill(os.getpid(), now)

sys.addaudithook(hook)
"""
EXPORT_COMMAND = "from graphbuild.__main__ import main; main()"
EXPORT_FUNCTION = """
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.exporters.test_dataset import campaign, write
write(campaign(), Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def crawled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The campaign file of a crawl of nine files."""
    shell = Shell(tmp_path_factory.mktemp("crawled"))
    world = generate_world(1)
    with Emulator(Api(world)) as emulator:
        options = ("--store", "c.db", "--base-url", emulator.base_url)
        assert shell("crawl", seeds(shell, *world.hashes()[:9]), *options).returncode == 0
    return shell.folder / "c.db"


@pytest.fixture
def crawled_campaign(shell: Shell, crawled_file: Path) -> Shell:
    """Return a shell in a folder with a copy of this file."""
    shutil.copy(crawled_file, shell.folder)
    return shell


def start_export(
    shell: Shell, event: str, number: signal.Signals, *options: str
) -> subprocess.Popen[bytes]:
    command = ["export", "--store", "c.db", "--out", "out", "--to", "dataset", *options]
    return subprocess.Popen(
        [sys.executable, "-c", SIGNALS_ITSELF + EXPORT_COMMAND, event, str(int(number)), *command],
        cwd=shell.folder,
        env=without_coverage(shell.environment),
        stdout=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_export_is_removed_or_complete(
    crawled_campaign: Shell, number: signal.Signals
) -> None:
    out = crawled_campaign.folder / "out"
    assert start_export(crawled_campaign, "open", number).wait(timeout=300) == -number
    assert list(out.iterdir()) == []
    assert start_export(crawled_campaign, "os.rename", number).wait(timeout=300) == -number
    interrupted = contents(out)
    assert crawled_campaign("export", "--store", "c.db", "--to", "dataset", "--out", "out")
    assert contents(out) == interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_does_not_interrupt_the_exchange_of_folders(
    tmp_path: Path, number: signal.Signals
) -> None:
    write(campaign(), tmp_path / "complete")
    process = subprocess.run(
        [
            *(sys.executable, "-c", SIGNALS_ITSELF + EXPORT_FUNCTION, "os.rename"),
            *(str(int(number)), ROOT, tmp_path / "out"),
        ],
        env=without_coverage(os.environ),
        stderr=subprocess.PIPE,
        timeout=300,
        check=False,
    )
    assert process.returncode == -number
    assert contents(tmp_path / "out") == contents(tmp_path / "complete")


def waits_for_lock(process: subprocess.Popen[bytes]) -> bool:
    """Return whether the kernel lists the process as waiting for a lock of another one."""
    rows = [line.split() for line in Path("/proc/locks").read_text("ascii").splitlines()]
    return any(row[1] == "->" and str(process.pid) in row for row in rows)


def test_exports_into_one_dataset_wait_for_each_other(crawled_campaign: Shell) -> None:
    first = start_export(crawled_campaign, "open", signal.SIGSTOP, "--campaign", "a")
    os.waitpid(first.pid, os.WUNTRACED)  # until it has stopped
    second = start_export(crawled_campaign, "none", signal.SIGSTOP, "--campaign", "b")
    while not waits_for_lock(second):
        assert second.poll() is None
    first.send_signal(signal.SIGCONT)
    assert (first.wait(timeout=300), second.wait(timeout=300)) == (0, 0)
    assert set(manifest_of(crawled_campaign.folder / "out")["campaigns"]) == {"a", "b"}


def test_without_file_locks_a_staging_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", flock)
    write(campaign(), tmp_path)
    (tmp_path / STAGING).mkdir()
    with pytest.raises(ExportError, match=f"another export is writing.*remove .*{STAGING}"):
        write(campaign(), tmp_path, "other")
    assert (tmp_path / STAGING).exists()
    (tmp_path / STAGING).rmdir()
    write(campaign(), tmp_path, "other")
    assert set(manifest_of(tmp_path)["campaigns"]) == {"campaign", "other"}


# --- the command ---------------------------------------------------------------------------------


def test_the_campaign_has_the_name_of_its_file_or_the_given_one(crawled_campaign: Shell) -> None:
    command = ("export", "--store", "c.db", "--to", "dataset", "--out", "out")
    plain = crawled_campaign(*command)
    assert plain.returncode == 0
    assert "out/_graphbuild.json" in plain.stdout
    assert "with their checksums" in " ".join(plain.stdout.split())
    named = crawled_campaign(*command, "--campaign", "spring 2026", "--json")
    (written,) = json.loads(named.stdout)["files"]
    out = crawled_campaign.folder / "out"
    assert written["sha256"] == hashlib.sha256(contents(out)["_graphbuild.json"]).hexdigest()
    assert set(manifest_of(out)["campaigns"]) == {"c", "spring 2026"}
    with gb.open(crawled_campaign.folder / "c.db") as opened:
        assert opened.export(crawled_campaign.folder / "new", ["dataset"])
    assert set(manifest_of(crawled_campaign.folder / "new")["campaigns"]) == {"c"}


def test_a_name_needs_a_dataset(crawled_campaign: Shell) -> None:
    process = crawled_campaign("export", "--store", "c.db", "--to", "csv", "--campaign", "x")
    assert process.returncode == 2
    assert "needs --to dataset" in process.stderr


def test_a_name_that_is_too_long_is_reported(crawled_campaign: Shell) -> None:
    command = ("export", "--store", "c.db", "--to", "dataset", "--out", "out")
    process = crawled_campaign(*command, "--campaign", "x" * 300)
    assert process.returncode == 1
    assert "choose a shorter name" in process.stderr

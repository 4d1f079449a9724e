"""Rules for every exporter: pure, deterministic, atomic, and with clear errors."""

from __future__ import annotations

import copy
import errno
import gzip
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

from graphbuild.errors import ExportError
from graphbuild.exporters import (
    FORMATS,
    ExportedFile,
    export,
    export_all,
    formats,
    read_graphml,
)
from graphbuild.exporters.atomic_write import open_atomic
from graphbuild.graph.builder import extract_observations
from graphbuild.graph.layout import compute_layout
from tests.support.graphs import HOSTILE, OBSERVATIONS, campaign, with_title
from tests.support.paths import ROOT

FILES = {name: [file.name for file in each.files] for name, each in FORMATS.items()}
FILE_FORMATS = [name for name, files in FILES.items() if files]  # test_dataset.py tests the other
EVERY_FORMAT = pytest.mark.parametrize("format_name", FILES)
EVERY_FILE_FORMAT = pytest.mark.parametrize("format_name", FILE_FORMATS)
SUFFIXES = list(formats.suffixes())
EVERY_SUFFIX = pytest.mark.parametrize("suffix", SUFFIXES)


def make_positions(graph):
    return {key: (float(n % 7), float(n)) for n, key in enumerate(graph)}


def run_python(code, *arguments, **environment):
    """Run ``code`` in a new interpreter that can import the package and the test graphs."""
    found = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": found, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def temp_files(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


# --- pure, deterministic -------------------------------------------------------------------------


@EVERY_FORMAT
def test_export_does_not_change_the_graph(format_name, tmp_path):
    graph = with_title(*HOSTILE)
    graph.graph["id"] = "kept"
    before = copy.deepcopy(graph)
    export_all(graph, tmp_path, [format_name], positions=make_positions(graph))
    assert nx.utils.graphs_equal(graph, before)


EXPORT_ALL = """
import sys
from tests.support.graphs import HOSTILE, campaign, with_title
from graphbuild.exporters import FORMATS, export, export_all
for number, graph in enumerate([campaign(), with_title(*HOSTILE)]):
    folder = f"{sys.argv[1]}/{number}"
    for written in export_all(graph, folder, FORMATS):
        print(written.path.name, written.sha256)
    export(graph, f"{folder}/map.graphml.gz")
"""


def export_with_two_hash_seeds(code, folder):
    """Yield the exported files of two runs with different hash seeds."""
    for seed in ("1", "2"):
        (folder / seed).mkdir()
        process = run_python(code, folder / seed, PYTHONHASHSEED=seed)
        assert process.returncode == 0, process.stderr
        paths = [path for path in (folder / seed).rglob("*.*") if path.is_file()]
        yield {path.relative_to(folder / seed): path.read_bytes() for path in paths}


def count_outputs(paths):
    """Return the number of files, without those that the manifest of a dataset lists."""
    return sum("campaign=campaign" not in path.parts for path in paths)


def test_equal_graphs_are_exported_as_equal_bytes(tmp_path):
    first, second = export_with_two_hash_seeds(EXPORT_ALL, tmp_path)
    assert count_outputs(first) == 2 * (sum(map(len, FILES.values())) + 2)
    assert count_outputs(first) < len(first)
    assert first == second


SUBGRAPHS = """
import sys
from tests.support.graphs import HOSTILE, with_title
from graphbuild.exporters import FORMATS, export, export_all
graph = with_title(*HOSTILE)
few = graph.subgraph(list(graph)[1:20:2] + list(graph)[:1])
for number, seen in enumerate([few, few.subgraph(sorted(few)[:5]), graph.reverse(copy=False)]):
    export_all(seen, f"{sys.argv[1]}/{number}", FORMATS)
    export(seen, f"{sys.argv[1]}/{number}/map.gexf")
"""


def test_subgraphs_are_exported_sorted_by_key(tmp_path):
    first, second = export_with_two_hash_seeds(SUBGRAPHS, tmp_path)
    assert count_outputs(first) == 3 * (sum(map(len, FILES.values())) + 2)
    assert first == second
    graph = with_title(*HOSTILE)
    subgraph = graph.subgraph(list(graph)[::-7])
    export_all(subgraph, tmp_path, ["json"])
    found = json.loads((tmp_path / "graph.json").read_text())
    assert [node["id"] for node in found["nodes"]] == sorted(subgraph)
    edges = [(edge["source"], edge["target"]) for edge in found["edges"]]
    assert edges == sorted(subgraph.edges)


@pytest.mark.parametrize(
    "change", [nx.Graph, nx.MultiDiGraph, lambda graph: graph.to_undirected(as_view=True)]
)
def test_undirected_graphs_and_multigraphs_are_rejected(change, tmp_path):
    graph = change(campaign())
    for suffix in SUFFIXES:
        with pytest.raises(ExportError, match=r"not a networkx\.(Multi(Di)?)?Graph;"):
            export(graph, tmp_path / f"map{suffix}")
    with pytest.raises(ExportError, match="pass the graph that build_graph returned"):
        export_all(graph, tmp_path / "new", FORMATS)
    with pytest.raises(ExportError, match="; pass the graph that"):
        compute_layout(graph)
    assert list(tmp_path.iterdir()) == []


class Sink(io.RawIOBase):
    """Discard what is written and record the largest block."""

    largest = 0

    def write(self, block):
        self.largest = max(self.largest, len(block))
        return len(block)


# One object of these formats contains all edges of a node.
MAX_BLOCK_BYTES = {"misp": 3_000_000, "stix": 500_000, "stix-indicators": 500_000}


@pytest.mark.parametrize("format_name", sorted({*FILE_FORMATS} - {"html", "parquet"}))
def test_writers_stream_in_small_blocks(format_name):
    graph = with_title(*["a title of some length"] * 5_000)
    export_format = FORMATS[format_name]
    options = {"positions": make_positions(graph)} if "positions" in export_format.options else {}
    for file in export_format.files:
        sink = Sink()
        file.write(graph, sink, **options)
        assert sink.largest < MAX_BLOCK_BYTES.get(format_name, 300_000)


def test_importing_the_exporters_loads_no_heavy_library():
    code = """
import sys, graphbuild.exporters
heavy = {"pandas", "numpy", "pyarrow", "pyvis", "jinja2", "lxml", "scipy", "matplotlib", "igraph"}
print(*sorted(heavy & set(sys.modules)))
"""
    assert run_python(code).stdout == "\n"


# --- export and export_all -----------------------------------------------------------------------


@EVERY_SUFFIX
def test_the_suffix_selects_the_format(suffix, tmp_path):
    graph, path = campaign(), tmp_path / f"map{suffix}"
    assert export(graph, str(path), positions=make_positions(graph)) == path
    assert path.stat().st_size > 1_000
    if suffix.endswith(".gz"):
        assert gzip.decompress(path.read_bytes()).startswith(b"<?xml")
    if ".graphml" in suffix:
        assert set(extract_observations(read_graphml(path))) == set(OBSERVATIONS)


@pytest.mark.parametrize("name", ["map.xyz", "map", ".graphml2", "graphml", "map.graphml.bz2"])
def test_the_error_for_an_unknown_suffix_lists_all_suffixes(name, tmp_path):
    with pytest.raises(ExportError) as caught:
        export(campaign(), tmp_path / name)
    choices = ", ".join(SUFFIXES)
    assert str(caught.value) == (
        f"{tmp_path / name}: no format has this suffix; choose from {choices}"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_rejected_before_anything_is_written(tmp_path):
    with pytest.raises(ExportError, match=f"gxl: no such format; choose from {', '.join(FORMATS)}"):
        export_all(campaign(), tmp_path / "new", ["csv", "gxl"])
    assert list(tmp_path.iterdir()) == []


def test_export_all_returns_name_size_checksum_and_warnings_of_each_file(tmp_path):
    graph = with_title("LODEINFO", "=1")
    formats = ["csv", "graphml", "csv"]
    found = export_all(graph, tmp_path / "new", formats, positions=make_positions(graph))
    assert [written.path.name for written in found] == [
        "nodes.csv",
        "edges.csv",
        "observations.csv",
        "graph.graphml",
    ]
    for written in found:
        assert isinstance(written, ExportedFile)
        data = written.path.read_bytes()
        assert written.size == len(data)
        assert written.sha256 == hashlib.sha256(data).hexdigest()
    assert str(found[0].warnings) == "2 cells guarded against formulas by an apostrophe"
    assert "1 text shown wrongly by Gephi" in str(found[3].warnings)


def test_the_layout_is_computed_once_and_only_for_drawn_formats(tmp_path, monkeypatch):
    calls = []

    def compute_layout(graph, *, folded):
        calls.append(folded)
        return make_positions(graph)

    monkeypatch.setattr("graphbuild.graph.layout.compute_layout", compute_layout)
    graph = campaign()
    export_all(graph, tmp_path, ["csv"])
    assert not calls
    export_all(graph, tmp_path, ["graphml", "html", "csv"])
    assert calls == [True]
    export_all(graph, tmp_path, ["graphml", "html"], positions=make_positions(graph))
    assert len(calls) == 1
    export(graph, tmp_path / "map.graphml")
    assert calls == [True, False]  # only the page needs positions of folded groups
    export(graph, tmp_path / "map.jsonl")
    export(graph, tmp_path / "map.stix.json")
    assert len(calls) == 2
    assert (tmp_path / "map.graphml").read_bytes() == (tmp_path / "graph.graphml").read_bytes()


def test_a_graph_can_be_exported_without_positions(tmp_path):
    export(campaign(), tmp_path / "map.graphml", positions={})
    assert b'<data key="x">' not in (tmp_path / "map.graphml").read_bytes()


# --- atomic writes -------------------------------------------------------------------------------


def write_old_files(folder, format_name):
    for name in FILES[format_name]:
        (folder / name).write_bytes(b"the old file")


def is_unchanged(folder, format_name):
    return {(folder / name).read_bytes() for name in FILES[format_name]} == {b"the old file"}


@EVERY_FILE_FORMAT
@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_an_export_with_a_full_disk_keeps_the_old_file(format_name, step, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_old_files(tmp_path, format_name)
    monkeypatch.setattr(step, fail)
    with pytest.raises(ExportError, match="disk is full") as caught:
        export_all(campaign(), tmp_path, [format_name], positions=make_positions(campaign()))
    assert str(tmp_path / FILES[format_name][0]) in str(caught.value)
    assert is_unchanged(tmp_path, format_name)
    assert not temp_files(tmp_path)


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, MemoryError])
def test_an_exception_in_a_writer_keeps_the_old_file(failure, tmp_path):
    path = tmp_path / "map.graphml"
    path.write_bytes(b"the old file")

    def write():
        with open_atomic(path) as stream:
            stream.write(b"half")
            stream.flush()
            raise failure

    with pytest.raises(failure):
        write()
    assert path.read_bytes() == b"the old file"
    assert [path.name for path in tmp_path.iterdir()] == ["map.graphml"]


def test_an_invalid_graph_keeps_the_old_file(tmp_path):
    path = tmp_path / "map.graphml"
    export(campaign(), path, positions={})
    before = path.read_bytes()
    graph = campaign()
    graph.add_node("a b", type="file", id="a b", label="x")
    with pytest.raises(ExportError, match="an XML id cannot"):
        export(graph, path, positions={})
    assert path.read_bytes() == before
    assert not temp_files(tmp_path)


def invalid_paths(folder):
    (folder / "file").touch()
    (folder / "folder.graphml").mkdir()
    os.mkfifo(folder / "pipe.graphml")
    yield folder / "file" / "map.graphml", "its parent is a file"
    yield folder / "none" / "map.graphml", "its folder does not exist; create it first"
    yield folder / "folder.graphml", "is a folder or a device"
    yield folder / "pipe.graphml", "is a folder or a device"
    yield folder / ("x" * 300 + ".graphml"), "the name is too long"


@pytest.mark.parametrize("number", range(5))
def test_an_invalid_path_is_reported_in_one_line(number, tmp_path):
    path, reason = list(invalid_paths(tmp_path))[number]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ExportError, match=reason) as caught:
        export(campaign(), path, positions={})
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EIO])
def test_a_folder_without_write_permission_is_reported(code, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(ExportError, match="choose another"):
        export(campaign(), tmp_path / "map.graphml", positions={})


def test_export_all_creates_the_folder_and_its_parents(tmp_path):
    export_all(campaign(), tmp_path / "a" / "b", ["csv"])
    assert (tmp_path / "a" / "b" / "nodes.csv").exists()


def test_a_file_in_place_of_the_folder_is_reported(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(ExportError, match="is a file; choose another"):
        export_all(campaign(), tmp_path / "a", ["csv"])
    with pytest.raises(ExportError, match="is a file; choose another"):
        export_all(campaign(), tmp_path / "a" / "b", ["csv"])


def test_a_symbolic_link_is_replaced_and_its_target_is_kept(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"mine")
    link = tmp_path / "map.graphml"
    link.symlink_to("elsewhere")
    export(campaign(), link, positions={})
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert not link.is_symlink()


def test_file_permissions_follow_the_umask(tmp_path):
    for mask, mode in ((0o022, 0o644), (0o077, 0o600)):
        before = os.umask(mask)
        try:
            path = export(campaign(), tmp_path / f"{mask}.graphml", positions={})
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_file_and_folder_are_synced_around_the_rename(tmp_path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, Path.replace

    def kind(handle):
        return "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"

    monkeypatch.setattr("os.fsync", lambda handle: (steps.append(kind(handle)), fsync(handle)))
    monkeypatch.setattr(Path, "replace", lambda *paths: (steps.append("move"), replace(*paths)))
    export(campaign(), tmp_path / "map.graphml", positions={})
    assert steps == ["file", "move", "folder"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("missing", ["type", "label"])
def test_a_node_without_type_or_label_is_reported(tmp_path, name, missing):
    graph = campaign()
    key = next(iter(graph))
    del graph.nodes[key][missing]
    with pytest.raises(ExportError, match=f"{key[:30]}.* has no {missing}.*build_graph"):
        export_all(graph, tmp_path / "out", [name])
    assert not list(tmp_path.rglob("*.*"))

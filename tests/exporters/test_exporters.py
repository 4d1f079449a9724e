"""One contract for every exporter: pure, deterministic, whole or absent."""

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

FILES = {name: [file.name for file in form.files] for name, form in FORMATS.items()}
EVERY_FORMAT = pytest.mark.parametrize("form", FILES)
SUFFIXES = list(formats.suffixes())
EVERY_SUFFIX = pytest.mark.parametrize("suffix", SUFFIXES)


def places(graph):
    return {key: (float(n % 7), float(n)) for n, key in enumerate(graph)}


def python(code, *arguments, **environment):
    """Run ``code`` in a fresh interpreter that finds the package and the tests' graphs."""
    found = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": found, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def litter(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


# --- pure, deterministic -------------------------------------------------------------------------


@EVERY_FORMAT
def test_the_graph_is_not_changed(form, tmp_path):
    graph = with_title(*HOSTILE)
    graph.graph["id"] = "kept"
    before = copy.deepcopy(graph)
    export_all(graph, tmp_path, [form], positions=places(graph))
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


def in_two_runs(code, folder):
    """The files of both: of runs in which sets have another order."""
    for seed in ("1", "2"):
        (folder / seed).mkdir()
        done = python(code, folder / seed, PYTHONHASHSEED=seed)
        assert done.returncode == 0, done.stderr
        paths = list((folder / seed).rglob("*.*"))
        yield {path.relative_to(folder / seed): path.read_bytes() for path in paths}


def test_the_same_graph_gives_the_same_bytes(tmp_path):
    one, other = in_two_runs(EXPORT_ALL, tmp_path)
    assert len(one) == 2 * (sum(map(len, FILES.values())) + 1)
    assert one == other


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


def test_views_of_networkx_are_sorted_by_key(tmp_path):
    one, other = in_two_runs(SUBGRAPHS, tmp_path)
    assert len(one) == 3 * (sum(map(len, FILES.values())) + 1)
    assert one == other
    graph = with_title(*HOSTILE)
    seen = graph.subgraph(list(graph)[::-7])
    export_all(seen, tmp_path, ["json"])
    found = json.loads((tmp_path / "graph.json").read_text())
    assert [node["id"] for node in found["nodes"]] == sorted(seen)
    edges = [(edge["source"], edge["target"]) for edge in found["edges"]]
    assert edges == sorted(seen.edges)


@pytest.mark.parametrize(
    "change", [nx.Graph, nx.MultiDiGraph, lambda graph: graph.to_undirected(as_view=True)]
)
def test_a_graph_that_does_not_say_what_is_related_to_what_is_refused(change, tmp_path):
    graph = change(campaign())
    for suffix in SUFFIXES:
        with pytest.raises(ExportError, match=r"networkx\.(Multi(Di)?)?Graph does not say what"):
            export(graph, tmp_path / f"map{suffix}")
    with pytest.raises(ExportError, match="give the DiGraph that build_graph made"):
        export_all(graph, tmp_path / "new", FORMATS)
    with pytest.raises(ExportError, match="does not say what is related to what"):
        compute_layout(graph)
    assert list(tmp_path.iterdir()) == []


class Sink(io.RawIOBase):
    """Takes what is written and remembers how much came at once."""

    largest = 0

    def write(self, block):
        self.largest = max(self.largest, len(block))
        return len(block)


# One object of these holds all edges of a node; the others write a page, or a group of rows, whole.
IN_LARGE_PIECES = {"misp": 3_000_000, "stix": 500_000, "stix-indicators": 500_000}


@pytest.mark.parametrize("form", sorted(FORMATS.keys() - {"html", "parquet"}))
def test_memory_stays_flat(form):
    graph = with_title(*["a title of some length"] * 5_000)
    options = {"positions": places(graph)} if "positions" in FORMATS[form].options else {}
    for file in FORMATS[form].files:
        sink = Sink()
        file.write(graph, sink, **options)
        assert sink.largest < IN_LARGE_PIECES.get(form, 300_000)


def test_importing_the_door_is_cheap():
    code = """
import sys, graphbuild.exporters
heavy = {"pandas", "numpy", "pyarrow", "pyvis", "jinja2", "lxml", "scipy", "matplotlib", "igraph"}
print(*sorted(heavy & set(sys.modules)))
"""
    assert python(code).stdout == "\n"


# --- the door ------------------------------------------------------------------------------------


@EVERY_SUFFIX
def test_the_suffix_names_the_format(suffix, tmp_path):
    graph, path = campaign(), tmp_path / f"map{suffix}"
    assert export(graph, str(path), positions=places(graph)) == path
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


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ExportError, match=f"gxl: no such format; choose from {', '.join(FORMATS)}"):
        export_all(campaign(), tmp_path / "new", ["csv", "gxl"])
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_is_told(tmp_path):
    graph = with_title("LODEINFO", "=1")
    formats = ["csv", "graphml", "csv"]
    found = export_all(graph, tmp_path / "new", formats, positions=places(graph))
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
    assert str(found[0].warnings) == "2 guarded against formulas by an apostrophe"
    assert "1 shown wrongly by Gephi" in str(found[3].warnings)


def test_the_layout_is_made_once_and_only_if_drawn(tmp_path, monkeypatch):
    calls = []

    def compute_layout(graph):
        calls.append(graph)
        return places(graph)

    monkeypatch.setattr("graphbuild.graph.layout.compute_layout", compute_layout)
    graph = campaign()
    export_all(graph, tmp_path, ["csv"])
    assert not calls
    export_all(graph, tmp_path, ["graphml", "html", "csv"])
    assert len(calls) == 1
    export_all(graph, tmp_path, ["graphml", "html"], positions=places(graph))
    assert len(calls) == 1
    export(graph, tmp_path / "map.graphml")
    assert len(calls) == 2
    export(graph, tmp_path / "map.jsonl")
    export(graph, tmp_path / "map.stix.json")
    assert len(calls) == 2
    assert (tmp_path / "map.graphml").read_bytes() == (tmp_path / "graph.graphml").read_bytes()


def test_a_graph_may_be_exported_without_places(tmp_path):
    export(campaign(), tmp_path / "map.graphml", positions={})
    assert b'<data key="x">' not in (tmp_path / "map.graphml").read_bytes()


# --- whole or absent -----------------------------------------------------------------------------


def old_files(folder, form):
    for name in FILES[form]:
        (folder / name).write_bytes(b"the old file")


def stands(folder, form):
    return {(folder / name).read_bytes() for name in FILES[form]} == {b"the old file"}


@EVERY_FORMAT
@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_a_failing_step_leaves_the_old_file(form, step, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    old_files(tmp_path, form)
    monkeypatch.setattr(step, fail)
    with pytest.raises(ExportError, match="disk is full") as caught:
        export_all(campaign(), tmp_path, [form], positions=places(campaign()))
    assert str(tmp_path / FILES[form][0]) in str(caught.value)
    assert stands(tmp_path, form)
    assert not litter(tmp_path)


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, MemoryError])
def test_any_failure_in_a_writer_leaves_the_old_file(failure, tmp_path):
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


def test_a_graph_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "map.graphml"
    export(campaign(), path, positions={})
    before = path.read_bytes()
    graph = campaign()
    graph.add_node("a b", type="file", id="a b", label="x")
    with pytest.raises(ExportError, match="an XML id cannot"):
        export(graph, path, positions={})
    assert path.read_bytes() == before
    assert not litter(tmp_path)


def odd_places(folder):
    (folder / "file").touch()
    (folder / "folder.graphml").mkdir()
    os.mkfifo(folder / "pipe.graphml")
    yield folder / "file" / "map.graphml", "its parent is a file"
    yield folder / "none" / "map.graphml", "its folder does not exist; make it first"
    yield folder / "folder.graphml", "is a folder or a device"
    yield folder / "pipe.graphml", "is a folder or a device"
    yield folder / ("x" * 300 + ".graphml"), "the name is too long"


@pytest.mark.parametrize("number", range(5))
def test_a_place_nothing_can_be_written_to_is_one_sentence(number, tmp_path):
    path, reason = list(odd_places(tmp_path))[number]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ExportError, match=reason) as caught:
        export(campaign(), path, positions={})
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EIO])
def test_a_folder_that_may_not_be_written_to(code, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(ExportError, match="choose another"):
        export(campaign(), tmp_path / "map.graphml", positions={})


def test_a_folder_is_made_with_its_parents(tmp_path):
    export_all(campaign(), tmp_path / "a" / "b", ["csv"])
    assert (tmp_path / "a" / "b" / "nodes.csv").exists()


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(ExportError, match="is a file; choose another"):
        export_all(campaign(), tmp_path / "a", ["csv"])
    with pytest.raises(ExportError, match="is a file; choose another"):
        export_all(campaign(), tmp_path / "a" / "b", ["csv"])


def test_a_link_is_replaced_and_what_it_points_to_is_not_touched(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"mine")
    link = tmp_path / "map.graphml"
    link.symlink_to("elsewhere")
    export(campaign(), link, positions={})
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert not link.is_symlink()


def test_a_file_may_be_read_by_others_unless_the_umask_says_no(tmp_path):
    for mask, mode in ((0o022, 0o644), (0o077, 0o600)):
        before = os.umask(mask)
        try:
            path = export(campaign(), tmp_path / f"{mask}.graphml", positions={})
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_we_return(
    tmp_path, monkeypatch
):
    steps = []
    fsync, replace = os.fsync, Path.replace

    def kind(handle):
        return "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"

    monkeypatch.setattr("os.fsync", lambda handle: (steps.append(kind(handle)), fsync(handle)))
    monkeypatch.setattr(Path, "replace", lambda *way: (steps.append("move"), replace(*way)))
    export(campaign(), tmp_path / "map.graphml", positions={})
    assert steps == ["file", "move", "folder"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("missing", ["type", "label"])
def test_a_node_without_what_each_must_have_is_told(tmp_path, name, missing):
    graph = campaign()
    key = next(iter(graph))
    del graph.nodes[key][missing]
    with pytest.raises(ExportError, match=f"{key[:30]}.* has no {missing}.*build_graph"):
        export_all(graph, tmp_path / "out", [name])
    assert not list(tmp_path.rglob("*.*"))

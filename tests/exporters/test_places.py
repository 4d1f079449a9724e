"""``--places``: an earlier file gives the places, labels and notes of its nodes."""

from __future__ import annotations

import gzip
import json
import math

import networkx as nx
import pytest

import graphbuild as gb
from graphbuild.errors import ExportError
from graphbuild.exporters.places import apply_places, read_places
from graphbuild.graph.builder import build_graph
from graphbuild.graph.layout import compute_layout
from graphbuild.graph.views import fold_groups
from graphbuild.models import Entity, Observation
from tests.support.graphs import OBSERVATIONS, campaign

_MOVED = {"x": 12.5, "y": -7.25}


@pytest.fixture
def graph():
    return campaign()


def positions_of(graph):
    """Return made-up positions, all different, within the coordinates that no program changes."""
    return {key: (float(3 * index), float(100 - 7 * index)) for index, key in enumerate(graph)}


@pytest.mark.parametrize("suffix", [".html", ".graphml", ".gexf", ".graphml.gz", ".gexf.gz"])
def test_the_places_of_an_exported_file_are_read(tmp_path, graph, suffix):
    path = tmp_path / f"earlier{suffix}"
    expected = positions_of(graph)
    gb.export(graph, path, positions=expected)
    assert read_places(path).positions == expected


@pytest.mark.parametrize("suffix", [".html", ".graphml", ".gexf"])
def test_labels_and_notes_outlive_each_refresh(tmp_path, graph, suffix):
    key = next(iter(graph))
    nodes = {each: {"x": x, "y": y} for each, (x, y) in positions_of(graph).items()}
    nodes[key] |= {"user_label": "Élan <b>", "user_note": "seen & confirmed"}
    path = tmp_path / "places.json"
    path.write_text(json.dumps({"format": "graphbuild-places", "nodes": nodes}), encoding="utf-8")
    for refresh in range(3):
        written = gb.export(graph, tmp_path / f"{refresh}{suffix}", places=path)
        places = read_places(written)
        assert places.labels == {key: "Élan <b>"}
        assert places.notes == {key: "seen & confirmed"}
        assert places.positions == positions_of(graph)
        path = written


def test_new_nodes_are_marked_and_others_are_not(tmp_path, graph):
    some = list(graph)[:4]
    path = tmp_path / "earlier.graphml"
    gb.export(graph.subgraph(some), path)
    marked, positions = apply_places(graph, read_places(path))
    assert {key for key, new in marked.nodes(data="is_new") if new} == set(graph) - set(some)
    assert set(positions) == set(graph)
    assert not any(new for _, new in graph.nodes(data="is_new"))  # the graph is not changed


def test_folded_groups_keep_their_place_on_the_page(tmp_path):
    few = build_graph(observations_of(files=3, reports=9))
    path = gb.export(few, tmp_path / "earlier.html")
    earlier = compute_layout(few, folded=True).folded
    many = build_graph([*observations_of(files=3, reports=9), *observations_of(files=5, reports=2)])
    _, layout = apply_places(many, read_places(path))
    firsts = {group[0] for group in fold_groups(many)}
    assert set(layout.folded) == firsts
    kept = set(earlier) & firsts
    assert len(kept) >= 3
    assert {key: layout.folded[key] for key in kept} == {key: earlier[key] for key in kept}


def observations_of(*, files, reports):
    """Return the observations of files that share all reports, which are in one collection."""
    family = Entity("collection", "family", {"name": "Family"})
    return [
        Observation(Entity("file", f"{n:064x}"), Entity("reference", f"{m:064x}"), family)
        for n in range(files)
        for m in range(reports)
    ]


def test_the_same_places_give_the_same_bytes(tmp_path, graph):
    earlier = gb.export(graph.subgraph(list(graph)[:5]), tmp_path / "earlier.html")
    files = [gb.export(graph, tmp_path / f"{n}.graphml", places=earlier) for n in range(2)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_subject_label_in_a_response_is_not_an_analyst_label():
    graph = gb.build_graph(OBSERVATIONS)
    assert not any(name.startswith("user_") for _, node in graph.nodes(data=True) for name in node)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'{"nodes": {}}', "was not saved by a page of graphbuild"),
        ("a.json", b'{"format": "graphbuild-places", "nodes": {}}', "contains no positions"),
        ("a.json", b'{"format": ', "invalid JSON"),
        ("a.html", b"<!DOCTYPE html><title>x</title>", "not one of graphbuild"),
        ("a.graphml", b"<graphml><graph></graph></graphml>", "contains no positions"),
        ("a.graphml", b"<graphml><graph>", "is not valid XML"),
        ("a.graphml", b'<!DOCTYPE x [<!ENTITY a "b">]><graphml/>', "DOCTYPE"),
        ("a.txt", b"hello", "is neither an HTML page, GraphML, GEXF nor JSON"),
        ("a.graphml.gz", gzip.compress(b"<graphml/>")[:-9], "cannot be read"),
        ("a.graphml", b"<graphml>" + b"<a>" * 5_000, "nested deeper"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ExportError, match=message):
        read_places(path)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(ExportError, match="cannot be read: No such file"):
        read_places(tmp_path / "missing.html")


@pytest.mark.parametrize("bad", ["nan", "inf", "1e300", "", "x", None, True, [1]])
def test_invalid_coordinates_are_ignored(tmp_path, bad):
    path = tmp_path / "places.json"
    nodes = {"file:a": _MOVED, "file:b": {"x": bad, "y": 1.0}, "file:c": {"x": 1.0}}
    path.write_text(json.dumps({"format": "graphbuild-places", "nodes": nodes}), encoding="utf-8")
    assert read_places(path).positions == {"file:a": (12.5, -7.25)}


def test_networkx_agrees_about_the_places(tmp_path, graph):
    earlier = gb.export(graph.subgraph(list(graph)[:5]), tmp_path / "earlier.html")
    kept = read_places(earlier).positions
    written = nx.read_graphml(gb.export(graph, tmp_path / "later.graphml", places=earlier))
    for key, place in kept.items():
        assert math.dist((written.nodes[key]["x"], written.nodes[key]["y"]), place) < 0.01


def test_positions_and_places_exclude_each_other(tmp_path, graph):
    with pytest.raises(ValueError, match="cannot be given together"):
        gb.export(graph, tmp_path / "a.html", positions={}, places=tmp_path / "b.html")

"""Large graphs: what is drawn first, and how to draw the rest."""

from __future__ import annotations

import pytest

from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import collection, file, report
from tests.browser.test_page import assert_all_can_be_found
from tests.exporters.test_html import on_a_grid, scattered

pytestmark = [pytest.mark.browser, pytest.mark.bulk]

# Types into the search box like a keyboard, and returns how long the results took in milliseconds.
_ASK = """(text) => {
  const query = document.querySelector("#query");
  query.value = text;
  const began = performance.now();
  query.dispatchEvent(new Event("input", { bubbles: true }));
  return performance.now() - began;
}"""


def families(edges, *, files=40, reports=400):
    """Return as many separate families as give about ``edges`` edges from files to reports."""
    each = files * reports
    return build_graph(
        Observation(
            file(f"{number} {one}"),
            report(f"{number} {about}", title=f"Report {about} on family {number}"),
            collection(f"Family {number}"),
        )
        for number in range(max(1, edges // each))
        for one in range(files)
        for about in range(reports)
    )


def assert_whole(page, graph):
    edges = graph.number_of_edges()
    assert page.counts == {"nodes": len(graph), "links": edges}
    assert f"of {len(graph):,} nodes and" in page.status
    assert f"of {edges:,} links" in page.status
    assert page.requests == page.complaints == []


def assert_seen(page, graph):
    """Check that every marker drawn at first has at least its minimum size."""
    min_radius = {"collection": 3.5, "reference": 2.5, "file": 2.5}  # minimum radius in pixels
    sizes = page.page.evaluate(
        "(keys) => keys.map((key) => window.graphbuild.position(key).size)", page.drawnKeys
    )
    for key, size in zip(page.drawnKeys, sizes, strict=True):
        assert size > 0.89 * min_radius[graph.nodes[key]["type"]]


@pytest.mark.parametrize(
    ("files", "reports", "families_"), [(10, 200, 1), (40, 250, 1), (40, 400, 7)]
)
def test_families_of_any_size_are_a_few_markers(opened, files, reports, families_):
    graph = families(files * reports * families_, files=files, reports=reports)
    page = opened(graph)
    assert_whole(page, graph)
    assert page.level == "all"
    assert page.visible["nodes"] == len(graph)
    assert page.drawn == {"markers": 3 * families_, "lines": 2 * families_}
    assert_all_can_be_found(page, graph)
    page.choose(report(f"0 {reports - 1}").key)
    assert page.marker(report(f"0 {reports - 1}").key)["members"] == 1
    assert page.requests == page.complaints == []


def test_a_medium_graph_is_drawn_completely_with_fewer_labels(opened):
    graph = scattered(500, 1_500, 40)
    page = opened(graph, positions=on_a_grid(graph))
    assert_whole(page, graph)
    assert page.level == "reduced"
    assert page.visible["nodes"] == len(graph)
    assert page.visible["links"] == graph.number_of_edges()
    assert "labels of the largest 200 only" in page.page.inner_text("#lines")


def test_a_large_graph_starts_with_its_backbone(opened):
    graph = scattered(1_500, 4_000, 40)
    page = opened(graph, positions=on_a_grid(graph))
    assert_whole(page, graph)
    assert page.visible["nodes"] == 640
    assert_seen(page, graph)
    absent = len(graph) - 640
    assert (
        f"only the backbone: search, or the panel of a node, draws any of {absent:,}" in page.status
    )
    drawn = set(page.drawnKeys)
    lost = next(key for key in graph if key not in drawn)
    page.choose(lost)
    assert page.selection == lost
    assert page.visible["nodes"] == 641
    before = page.visible
    page.press("Draw ")
    near = set(graph.predecessors(lost)) | set(graph.successors(lost))
    assert near <= set(page.drawnKeys)
    box = page.page.locator("#canvas").bounding_box()
    for x, y in map(page.point, near):
        assert 0 < x - box["x"] < box["width"]
        assert 0 < y - box["y"] < box["height"]
    assert page.visible["nodes"] > before["nodes"]
    assert page.drawn == {"markers": page.visible["markers"], "lines": page.visible["lines"]}
    assert page.visible["links"] == graph.subgraph(page.drawnKeys).number_of_edges()
    assert page.requests == page.complaints == []


def test_a_path_can_contain_undrawn_nodes(opened):
    graph = scattered(1_500, 4_000, 40)
    page = opened(graph, positions=on_a_grid(graph))
    drawn = set(page.drawnKeys)
    lost = next(key for key in graph if key not in drawn)
    page.choose(lost)
    page.press("Path to")
    page.choose("collection:c7")
    assert page.path[0] == [lost]
    assert page.path[-1] == ["collection:c7"]
    assert {key for step in page.path for key in step} <= set(page.drawnKeys)


@pytest.mark.slow
def test_100000_edges_that_do_not_fold_start_with_the_map(opened):
    graph = scattered(9_000, 21_000, 60)
    for about in list(graph.predecessors("collection:c1"))[:5]:
        graph.add_edge(about, "collection:c2", relation="related_from", weight=1)
    assert graph.number_of_edges() > 100_000
    page = opened(graph, positions=on_a_grid(graph))
    assert_whole(page, graph)
    assert page.level == "map"
    assert page.visible["nodes"] == 60
    assert "only the map of collections" in page.status
    assert page.drawn == {"markers": 60, "lines": 1}
    assert_seen(page, graph)
    durations = [page.page.evaluate(_ASK, text) for text in ("report 17", "set", "0000000a1")]
    assert sorted(durations)[1] < 1_000
    page.choose("collection:c1")
    page.page.click(".ends summary")
    page.page.click(".ends li button")
    assert "5 shared references" in page.details
    key = "reference:" + f"{20_999:064x}"
    page.choose(key)
    assert page.selection == key
    assert page.requests == page.complaints == []

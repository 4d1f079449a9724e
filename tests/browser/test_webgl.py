"""The WebGL renderer: the same page for a large graph."""

from __future__ import annotations

import struct

import pytest

from graphbuild.exporters.html import level_of_detail
from tests.browser.pages import write_page
from tests.exporters.test_html import HOSTILE, on_a_grid, scattered

pytestmark = [pytest.mark.browser, pytest.mark.bulk]


@pytest.fixture(scope="module")
def graph():
    """Return a graph with arbitrary clusters."""
    graph = scattered(1_500, 4_000, 40)
    for number, node in enumerate(graph.nodes.values()):
        node.update(cluster=1 + number % 50, cluster_name=f"cluster {1 + number % 50}")
    return graph


@pytest.fixture(scope="module")
def page_file(graph):
    """Write the page once, because it takes long."""
    return write_page(graph, positions=on_a_grid(graph), full=True)


# Waits until the view has not moved for some frames.
IS_STILL = """() => new Promise((done) => {
  const place = () => JSON.stringify(window.graphbuild.position("collection:c18"));
  let [before, same] = ["", 0];
  const look = () => {
    const now = place();
    same = now === before ? same + 1 : 0;
    before = now;
    if (same < 5) requestAnimationFrame(look);
    else done();
  };
  look();
})"""


@pytest.fixture
def page(opened, page_file):
    return opened(page_file)


def test_everything_is_drawn_without_requests(page, graph):
    edges = graph.number_of_edges()
    assert page.level == "full"
    assert page.drawn == {"markers": page.visible["markers"], "lines": page.visible["lines"]}
    assert (page.visible["nodes"], page.visible["links"]) == (len(graph), edges)
    assert f"{len(graph):,} of {len(graph):,} nodes and {edges:,} of {edges:,} links" in page.status
    assert page.requests == page.complaints == []


def test_search_moves_the_view_and_fills_the_panel(page):
    overview = page.scale
    page.choose("collection:c17")
    assert page.selection == "collection:c17"
    assert page.scale > overview
    box = page.page.locator("#canvas").bounding_box()
    x, y = page.point("collection:c17")
    assert x == pytest.approx(box["x"] + box["width"] / 2, abs=2)
    assert y == pytest.approx(box["y"] + box["height"] / 2, abs=2)
    assert "Set 17" in page.details


def test_a_click_selects_a_node(page):
    page.choose("collection:c17")
    page.page.keyboard.press("Escape")
    page.page.evaluate(IS_STILL)  # keys during an animation would not stop it
    page.page.focus("#canvas")
    for _ in range(7):  # zoom in until no two nodes overlap
        page.page.keyboard.press("+")
    page.page.evaluate(IS_STILL)  # clicks refer to the last drawn frame
    page.page.mouse.click(*page.point("collection:c18"))
    page.page.wait_for_function("() => window.graphbuild.selection === 'collection:c18'")


def test_filters_paths_and_colors_work(page, graph):
    page.page.uncheck("#legend li:nth-child(3) input")
    assert page.visible["nodes"] == sum(node["type"] != "file" for node in graph.nodes.values())
    page.page.check("#legend li:nth-child(3) input")
    page.choose("collection:c1")
    page.press("Path to")
    page.choose("collection:c2")
    assert len(page.path) >= 5
    page.page.select_option("#color", "type")
    assert page.marker("collection:c1")["color"] == "#cc3311"
    assert page.page.is_hidden("#untangle")
    assert page.complaints == []


def test_a_folded_group_expands(opened, monkeypatch):
    monkeypatch.setattr(level_of_detail, "MAX_ALL", 0)
    monkeypatch.setattr(level_of_detail, "MAX_REDUCED", 0)
    graph = scattered(4, 30, 2)
    folded = opened(graph, full=True)
    key = next(key for key in graph if folded.marker(key)["members"] > 1)
    before = folded.drawn
    folded.choose(key)
    assert folded.marker(key)["members"] == 1
    assert folded.drawn["markers"] > before["markers"]
    folded.press("Fold")
    assert folded.drawn == before


def test_png_download_and_permalink(page):
    page.choose("collection:c3")
    scale = page.scale
    with page.page.expect_download() as download:
        page.page.click("#png")
    content = download.value.path().read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    box = page.page.locator("#canvas").bounding_box()
    width, height = struct.unpack(">II", content[16:24])
    assert width == 2 * round(box["width"])
    assert height > 2 * round(box["height"])
    page.reopen_by_link()
    assert page.selection == "collection:c3"
    assert page.scale == pytest.approx(scale, rel=0.01)


def test_arrow_keys_and_zoom_keys(page):
    before, x = page.scale, page.point("collection:c3")[0]
    page.page.focus("#canvas")
    page.page.keyboard.press("ArrowRight")
    assert page.point("collection:c3")[0] < x
    page.page.keyboard.press("+")
    assert page.scale == pytest.approx(1.3 * before)


def test_without_webgl_search_and_panel_work(opened, page_file):
    page = opened(
        page_file,
        begin=(
            "HTMLCanvasElement.prototype.getContext = ((old) => function (kind, ...rest) {"
            " return kind.includes('webgl') ? null : old.call(this, kind, ...rest); })"
            "(HTMLCanvasElement.prototype.getContext);"
        ),
    )
    assert "no WebGL" in page.page.inner_text("#notice")
    page.page.fill("#query", "Set 17")
    assert page.results[0] == "collection:c17"
    page.page.press("#query", "Enter")
    assert "Set 17" in page.details


def test_hostile_text_is_text_with_webgl(opened, graph):
    hostile = graph.copy()
    for number, text in enumerate(HOSTILE.values()):
        hostile.nodes[f"collection:c{number % 40}"]["label"] = text
    page = opened(
        hostile,
        positions=on_a_grid(graph),
        full=True,
        title=HOSTILE["end of script"],
    )
    page.choose("collection:c1")
    page.page.mouse.move(*page.point("collection:c1"))
    assert page.page.evaluate("() => window.ran === undefined")
    assert page.requests == page.complaints == []

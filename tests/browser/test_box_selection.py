"""Selecting several nodes: in a rectangle, with the Shift key, and with their neighbors."""

from __future__ import annotations

import pytest

from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import collection, file, large_campaign, report

pytestmark = pytest.mark.browser

GRAPH = large_campaign()


def canvas(page):
    box = page.page.locator("#canvas").bounding_box()
    return box["x"], box["y"], box["width"], box["height"]


def drag(page, start, end):
    page.page.mouse.move(*start)
    page.page.mouse.down()
    page.page.mouse.move(*end, steps=4)
    page.page.mouse.up()


def inside(page, start, end):
    """Return the keys of the nodes whose marker is between two points of the window."""
    points = {key: page.point(key) for key in page.keys}
    return {
        key
        for key, at in points.items()
        if all(min(a, b) <= c <= max(a, b) for a, b, c in zip(start, end, at, strict=True))
    }


def selected(page):
    return set((page.selection or "").split())


@pytest.mark.parametrize("full", [False, True], ids=["vis", "webgl"])
def test_a_rectangle_selects_the_nodes_inside(opened, full, monkeypatch):
    if full:
        monkeypatch.setattr("graphbuild.exporters.html.level_of_detail.MAX_ALL", 0)
        monkeypatch.setattr("graphbuild.exporters.html.level_of_detail.MAX_REDUCED", 0)
    page = opened(GRAPH, full=full)
    x, y, width, height = canvas(page)
    start, end = (x + 0.2 * width, y + 0.05 * height), (x + 0.6 * width, y + 0.7 * height)
    expected = inside(page, start, end)
    page.page.click("#select-box")
    drag(page, start, end)
    assert selected(page) == expected
    assert 1 < len(expected) < len(GRAPH)
    assert f"selected: {len(expected)} nodes" in page.status
    assert page.page.get_attribute("#select-box", "aria-pressed") == "false"
    assert page.complaints == []


def test_a_rectangle_with_shift_keeps_the_selected_nodes(opened):
    page = opened(GRAPH)
    name = collection("Sednit").key
    page.page.mouse.click(*page.point(name))
    x, y, width, height = canvas(page)
    start, end = (x + 60, y + height - 5), (x + 0.35 * width, y + 0.8 * height)
    expected = inside(page, start, end) | {name}
    page.page.keyboard.down("Shift")
    drag(page, start, end)
    page.page.keyboard.up("Shift")
    assert selected(page) == expected
    assert len(expected) > 1


def test_escape_ends_the_selection_mode(opened):
    page = opened(GRAPH)
    page.page.click("#select-box")
    page.page.keyboard.press("Escape")
    x, y, _, height = canvas(page)
    drag(page, (x + 60, y + height / 2), (x + 400, y + height / 3))  # moves the view
    assert page.selection is None


def test_shift_and_click_add_and_remove_a_node(opened):
    page = opened(GRAPH)
    names = [collection("Sednit").key, collection("Turla toolset").key]
    page.page.mouse.click(*page.point(names[0]))
    page.page.keyboard.down("Shift")
    page.page.mouse.click(*page.point(names[1]))
    assert selected(page) == set(names)
    page.page.mouse.click(*page.point(names[0]))
    assert selected(page) == {names[1]}
    page.page.keyboard.up("Shift")


def test_the_keyboard_adds_a_node_from_the_list(opened):
    page = opened(GRAPH)
    page.page.click("#list-box summary")
    rows = page.page.locator("#list button")
    rows.first.focus()
    page.page.keyboard.press("Enter")
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("Shift+Enter")
    assert len(selected(page)) == 2


def test_neighbors_of_a_node_are_those_of_its_observations(opened):
    one, two = file("one"), file("two")
    red, blue, shared = collection("Red"), collection("Blue"), report("shared")
    page = opened(
        build_graph([Observation(one, shared, red), Observation(two, shared, blue)]),
    )
    page.choose(one.key)
    page.press("Select neighbors")
    assert selected(page) == {one.key, shared.key, red.key}
    page.press("Select neighbors")
    assert selected(page) == {one.key, two.key, shared.key, red.key, blue.key}


def test_selecting_more_keeps_the_filters(opened):
    """Members of a folded group that are hidden stay hidden."""
    page = opened(GRAPH)
    page.page.select_option("#color", "type")
    fold = next(key for key in page.keys if (page.marker(key) or {}).get("members", 0) > 100)
    page.page.mouse.click(*page.point(collection("Sednit").key))
    first = int(page.page.get_attribute("#from-month", "min"))
    page.page.fill("#from-month", str(first + 60), force=True)
    before = page.visible
    shown = page.marker(fold)["shown"]
    assert 1 < shown < page.marker(fold)["members"]
    page.page.keyboard.down("Shift")
    page.page.mouse.click(*page.point(fold))
    page.page.keyboard.up("Shift")
    assert page.visible == before
    assert len(selected(page)) == shown + 1
    page.press("Select neighbors")
    assert page.visible == before


def test_an_empty_rectangle_clears_a_selected_node(opened):
    page = opened(GRAPH)
    page.page.mouse.click(*page.point(collection("Sednit").key))
    page.page.click("#select-box")
    x, y, width, height = canvas(page)
    drag(page, (x + width - 60, y + height - 60), (x + width - 10, y + height - 10))
    assert page.selection is None

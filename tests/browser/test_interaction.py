"""Search, tooltips, selection and path mode, as an analyst meets them."""

from __future__ import annotations

import pytest

from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import collection, file, large_campaign, report

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
RED = collection("Red")


def fan(reports=12):
    """Return a graph of two files; one has folded reports, the other has one report."""
    observations = [Observation(file("one"), report(f"Report {n}"), RED) for n in range(reports)]
    return build_graph([*observations, Observation(file("two"), report("Other"), None)])


def parts(graph, number):
    """Return the keys of references whose labels end with ``part NUMBER``."""
    return [key for key in graph if graph.nodes[key]["label"].endswith(f"part {number}")]


def assert_all_lines_are_drawn(page):
    visible = page.visible
    assert page.drawn == {"markers": visible["markers"], "lines": visible["lines"]}
    assert page.complaints == []


# --- search


@pytest.mark.parametrize("zoom", [0.02, 0.1])
def test_search_for_a_folded_node_works_while_zoomed_out(opened, zoom):
    graph = large_campaign()
    page = opened(graph)
    (key,) = parts(graph, 101)
    page.zoom(zoom)
    page.choose(key)
    assert page.selection == key
    assert page.visible["links"] == graph.number_of_edges()
    assert_all_lines_are_drawn(page)


def test_moving_the_mouse_over_the_graph_does_not_interrupt_typing(opened):
    page = opened(large_campaign())
    page.page.click("#query")
    page.page.keyboard.type("emo")
    page.page.mouse.move(300, 400)
    page.page.mouse.move(340, 440, steps=4)
    page.page.keyboard.type("tet")
    assert page.page.input_value("#query") == "emotet"


def test_the_graph_still_takes_the_keyboard_after_a_click(opened):
    page = opened(large_campaign())
    page.page.locator("#canvas").click(position={"x": 5, "y": 5})
    before = page.scale
    page.page.keyboard.down("+")
    page.page.wait_for_function("(before) => window.graphbuild.scale > before", arg=before)
    page.page.keyboard.up("+")


def test_the_search_shortcut_replaces_the_old_query(opened):
    page = opened(large_campaign())
    for query in ("emotet", "turla toolset"):
        page.page.keyboard.press("/")
        page.page.keyboard.type(query)
        page.page.keyboard.press("Enter")
        page.page.locator("#canvas").click(position={"x": 5, "y": 5})
        assert page.page.input_value("#query") == query


def test_enter_without_a_match_is_reported(opened):
    page = opened(fan())
    page.page.fill("#query", "no such thing")
    assert "matches" not in page.status
    page.page.press("#query", "Enter")
    assert 'no node matches "no such thing"' in page.status
    assert page.page.is_visible("#results")
    page.page.fill("#query", "report")
    assert "matches" not in page.status


# --- folding


def test_the_checkbox_stays_ticked_while_one_group_is_expanded(opened):
    graph = large_campaign()
    page = opened(graph)
    folded = page.drawn
    page.choose(parts(graph, 101)[0])
    box = page.page.locator("#fold")
    assert box.is_checked()
    assert box.evaluate("(box) => box.indeterminate")
    box.click()  # folds the expanded group again
    assert page.drawn == folded
    assert box.is_checked()
    box.click()
    assert not box.is_checked()
    assert page.drawn["markers"] > folded["markers"]
    box.click()
    assert page.drawn == folded


# --- tooltips


def hover(page, key):
    """Show the tooltip of a node."""
    x, y = page.point(key)
    page.page.mouse.move(x - 3, y)
    page.page.mouse.move(x, y)
    page.page.wait_for_function(TOOLTIP)


TOOLTIP = """() => {
  const tip = document.querySelector(".vis-tooltip");
  return tip !== null && getComputedStyle(tip).visibility === "visible";
}"""


@pytest.mark.parametrize("action", ["expand", "filter", "select", "escape", "zoom", "leave"])
def test_a_tooltip_disappears_with_its_node(opened, action):
    page = opened(fan())
    key = report("Report 3").key
    hover(page, key)
    if action == "expand":
        page.page.mouse.dblclick(*page.point(key))
    elif action == "filter":
        page.page.evaluate("() => document.querySelector('#legend li:nth-child(2) input').click()")
    elif action == "select":
        page.choose(file("two").key)
    elif action == "escape":
        page.page.keyboard.press("Escape")
    elif action == "zoom":
        page.zoom(page.scale / 3)
    else:
        page.page.mouse.move(1200, 400)
    assert not page.page.evaluate(TOOLTIP)
    assert page.complaints == []


# --- path mode


def test_path_mode_has_a_banner_and_a_button_to_cancel(opened):
    page = opened(fan())
    banner = page.page.locator("#path-banner")
    assert banner.is_hidden()
    page.choose(file("one").key)
    page.press("Path to")
    assert file("one").label in banner.inner_text()
    assert page.page.locator("#canvas").evaluate("(one) => getComputedStyle(one).cursor") == (
        "crosshair"
    )
    banner.get_by_role("button", name="Cancel").click()
    assert banner.is_hidden()
    assert page.page.locator("#canvas").evaluate("(one) => getComputedStyle(one).cursor") != (
        "crosshair"
    )
    page.choose(RED.key)
    assert (page.selection, page.path) == (RED.key, None)


def test_the_banner_disappears_with_the_path(opened):
    page = opened(fan())
    page.choose(file("one").key)
    page.press("Path to")
    page.choose(RED.key)
    assert page.path
    assert page.page.is_hidden("#path-banner")


def test_a_click_beside_the_nodes_does_not_end_path_mode(opened):
    page = opened(fan())
    page.choose(file("one").key)
    page.press("Path to")
    page.page.locator("#canvas").click(position={"x": 5, "y": 5})
    assert page.page.is_visible("#path-banner")
    assert page.selection == file("one").key
    page.choose(RED.key)
    assert page.path[0] == [file("one").key]


# --- selection


def pixel(page, key):
    """Return red, green and blue at the center of a node's marker on the canvas."""
    return page.page.evaluate(
        """(key) => {
          const canvas = document.querySelector("#canvas canvas");
          const dense = canvas.width / canvas.clientWidth;
          const { x, y } = window.graphbuild.position(key);
          const context = canvas.getContext("2d");
          return [...context.getImageData(x * dense, y * dense, 1, 1).data].slice(0, 3);
        }""",
        key,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_selection_dims_other_nodes_but_does_not_hide_them(opened, scheme):
    page = opened(fan(), color_scheme=scheme)
    key, paper = file("two").key, {"light": (255, 255, 255), "dark": (20, 24, 31)}[scheme]

    def contrast():
        color = pixel(page, key)
        return sum(abs(one - other) for one, other in zip(color, paper, strict=True))

    before = contrast()
    page.page.mouse.click(*page.point(RED.key))
    assert page.selection == RED.key
    assert 0.25 * before < contrast() < 0.6 * before


# --- small screens


def test_a_tap_on_a_phone_shows_the_details_without_scrolling(opened):
    page = opened(large_campaign(), viewport=PHONE)
    x, y = page.point("collection:sednit")
    page.page.mouse.click(x, y)
    sheet = page.page.locator("#details").bounding_box()
    name = page.page.locator("#details .name").bounding_box()
    assert sheet["y"] + sheet["height"] <= PHONE["height"] + 1
    assert sheet["y"] > y
    assert name["y"] + name["height"] < PHONE["height"]
    canvas = page.page.locator("#canvas").bounding_box()
    assert sheet["y"] >= canvas["y"] + 0.6 * canvas["height"]
    page.press("Clear")
    assert page.page.locator("#details").evaluate("(one) => getComputedStyle(one).position") == (
        "static"
    )


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1440, "height": 900}], ids=["phone", "wide"])
def test_labels_are_not_clipped(opened, viewport):
    long = "A campaign with a name that is much longer than others of its kind"
    graph = build_graph(
        [
            *(
                Observation(file(f"f{n}"), report(f"r{n}"), collection(f"{long} {n}"))
                for n in range(9)
            ),
            Observation(file("f0"), report("r1"), None),
        ]
    )
    page = opened(graph, viewport=viewport)
    assert_labels_are_inside(page)
    page.page.click("#fit")
    x, y = page.point(collection(f"{long} 0").key)
    page.page.mouse.click(x, y)
    assert_labels_are_inside(page)


def assert_labels_are_inside(page):
    canvas = page.page.locator("#canvas").bounding_box()
    labels = page.labels
    assert labels
    for label in labels:
        assert label["left"] >= 0, label
        assert label["right"] <= canvas["width"], label
        assert label["top"] >= 0, label
        assert label["bottom"] <= canvas["height"], label

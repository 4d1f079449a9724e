"""Undo and redo: one step per action, for filters, folding, selections, places and colors."""

from __future__ import annotations

import pytest

from graphbuild.exporters.html import level_of_detail
from tests.browser.campaigns import collection, large_campaign
from tests.browser.test_observed_lines import hide_references

pytestmark = pytest.mark.browser


def look(page):
    """Return what the page shows: drawn nodes, selection, folding, filters and places."""
    controls = page.page.evaluate(
        "() => [...document.querySelectorAll('#panel input, #panel select, #timeline input')]"
        ".map((one) => one.type === 'checkbox' ? one.checked : one.value)"
    )
    places = [page.page.evaluate("(key) => window.graphbuild.position(key)", key) for key in KEYS]
    shown = (page.visible, page.drawn, page.selection, page.expanded, page.hidden, page.pinned)
    return [controls, *shown, [at and (round(at["x"], 1), round(at["y"], 1)) for at in places]]


GRAPH = large_campaign()
KEYS = [*sorted(GRAPH)[::20], collection("Sednit").key]


def drag(page, key, right, down):
    x, y = page.point(key)
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + right, y + down, steps=3)
    page.page.mouse.up()


def set_minimum(page):
    page.page.focus("#min-links")
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowRight")


ACTIONS = {
    "filter by type": hide_references,
    "unfold": lambda page: page.page.uncheck("#fold"),
    "select": lambda page: page.page.mouse.click(*page.point(collection("Sednit").key)),
    "hide": lambda page: (
        page.page.mouse.click(*page.point(collection("Sednit").key)),
        page.press("Hide"),
    ),
    "pin": lambda page: (
        page.page.mouse.click(*page.point(collection("Sednit").key)),
        page.press("Pin"),
    ),
    "drag": lambda page: drag(page, collection("Sednit").key, 80, 40),
    "layers": lambda page: page.press("Layers"),
    "color": lambda page: page.page.select_option("#color", "date"),
    "months": lambda page: page.page.fill(
        "#from-month", str(int(page.page.get_attribute("#from-month", "min")) + 30), force=True
    ),
    "minimum of links": set_minimum,
}


@pytest.mark.parametrize("name", ACTIONS)
def test_undo_restores_the_view_and_redo_the_action(opened, name):
    page = opened(GRAPH)
    page.page.click("#fit")
    before = look(page)
    view = page.page.evaluate("() => window.graphbuild.scale")
    ACTIONS[name](page)
    after = look(page)
    assert after != before
    undo, redo = page.page.locator("#undo"), page.page.locator("#redo")
    while undo.is_enabled():
        undo.click()
    page.page.click("#fit")
    assert page.scale == pytest.approx(view)
    assert look(page) == before
    while redo.is_enabled():
        redo.click()
    if name != "layers":  # fits the view again
        assert look(page)[:-1] == after[:-1]
    assert page.complaints == []


def test_the_steps_of_one_movement_of_a_slider_are_undone_together(opened):
    page = opened(GRAPH)
    page.page.evaluate(
        """() => {
          const slider = document.querySelector("#min-links");
          slider.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
          for (const value of [1, 2, 3]) {
            slider.value = value;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
          }
        }"""
    )
    assert page.page.input_value("#min-links") == "3"
    page.page.click("#undo")
    assert page.page.input_value("#min-links") == "0"
    assert page.page.locator("#undo").is_disabled()


def test_keys_undo_and_redo_except_in_a_text_field(opened):
    page = opened(GRAPH)
    hide_references(page)
    page.page.focus("#query")
    page.page.keyboard.press("Control+z")
    assert page.visible["nodes"] < len(GRAPH)
    page.page.evaluate("document.activeElement.blur()")
    page.page.keyboard.press("Control+z")
    assert page.visible["nodes"] == len(GRAPH)
    page.page.keyboard.press("Control+Shift+z")
    assert page.visible["nodes"] < len(GRAPH)


def test_a_new_action_after_undo_leaves_nothing_to_redo(opened):
    page = opened(GRAPH)
    hide_references(page)
    page.page.click("#undo")
    page.page.uncheck("#fold")
    assert page.page.locator("#redo").is_disabled()


def test_a_member_that_was_dragged_keeps_its_place_in_a_link(opened):
    page = opened(GRAPH)
    name = collection("Sednit").key
    drag(page, name, 90, 0)
    x, y = page.point(name)
    page.reopen_by_link()
    assert page.point(name) == pytest.approx((x, y), abs=2)


def test_dragged_members_keep_their_places_in_layers_and_back(opened):
    page = opened(GRAPH)
    one = next(iter(page.page.evaluate("graphbuild.keys.filter((k) => k.startsWith('file:'))")))
    page.page.uncheck("#fold")
    page.page.click("#fit")
    drag(page, one, 60, 30)
    page.page.click("#fit")
    moved = page.point(one)
    page.press("Layers")
    page.press("Layers")
    page.page.click("#fit")
    assert page.point(one) == pytest.approx(moved, abs=3)


def test_undo_removes_nodes_that_a_search_drew(opened, monkeypatch):
    """The page begins without references, as that of a large campaign."""
    monkeypatch.setattr(level_of_detail, "MAX_ALL", 0)
    monkeypatch.setattr(level_of_detail, "MAX_REDUCED", 0)
    page = opened(GRAPH)
    assert page.level == "files-collections"
    before = page.drawn
    reference = next(key for key in sorted(GRAPH) if key.startswith("reference:"))
    page.choose(reference)
    assert page.drawn["markers"] > before["markers"]
    while page.page.locator("#undo").is_enabled():
        page.page.click("#undo")
    assert page.drawn == before
    assert page.selection is None


def test_a_page_without_references_has_lines_for_observations(opened, monkeypatch):
    monkeypatch.setattr(level_of_detail, "MAX_ALL", 0)
    monkeypatch.setattr(level_of_detail, "MAX_REDUCED", 0)
    page = opened(GRAPH)
    assert page.visible["lines"] == page.drawn["lines"] > 0
    assert "without most references" in page.status
    name = collection("Sednit").key
    page.choose(name)
    observed = {
        subject
        for subject, _, edge in GRAPH.edges(data=True)
        if name in edge.get("related_from", ())
    }
    assert observed <= set(page.focus)
    assert {one for line in page.focusLines for one in line if one.startswith("file:")} <= observed


def test_undo_while_untangling_restores_the_places(opened):
    page = opened(GRAPH)
    page.page.clock.install()
    before = [page.page.evaluate("(key) => window.graphbuild.position(key)", key) for key in KEYS]
    page.press("Untangle")
    page.page.clock.run_for(1_000)
    assert page.untangling
    page.page.click("#undo")
    assert not page.untangling
    page.page.click("#fit")
    after = [page.page.evaluate("(key) => window.graphbuild.position(key)", key) for key in KEYS]
    assert [one["x"] for one in after] == pytest.approx([one["x"] for one in before], abs=0.5)
    assert page.page.locator("#redo").is_enabled()


def test_a_dragged_member_of_an_expanded_group_keeps_its_place_in_a_link(opened):
    page = opened(GRAPH)
    page.page.uncheck("#fold")
    page.page.click("#fit")
    one = next(key for key in page.keys if key.startswith("file:"))
    drag(page, one, 60, 30)
    x, y = page.point(one)
    page.reopen_by_link()
    assert page.point(one) == pytest.approx((x, y), abs=2)

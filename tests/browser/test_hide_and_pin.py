"""Hidden nodes are not drawn until they are shown again; pinned nodes keep their places."""

from __future__ import annotations

import json

import pytest

from tests.browser.campaigns import collection, large_campaign
from tests.browser.test_untangle import untangle

pytestmark = pytest.mark.browser

GRAPH = large_campaign()
NAME = collection("Sednit").key


def test_a_hidden_node_is_not_drawn_until_it_is_shown(opened):
    page = opened(GRAPH)
    row = page.page.locator("#hidden-row")
    assert row.is_hidden()
    page.page.mouse.click(*page.point(NAME))
    page.press("Hide")
    assert page.visible["nodes"] == len(GRAPH) - 1
    assert page.visible["links"] == GRAPH.number_of_edges() - GRAPH.degree(NAME)
    assert row.inner_text().startswith("You hid 1 node.")
    row.get_by_role("button", name="Show").click()
    assert page.visible["nodes"] == len(GRAPH)
    assert row.is_hidden()


def test_searching_for_a_hidden_node_shows_it(opened):
    page = opened(GRAPH)
    page.page.mouse.click(*page.point(NAME))
    page.press("Hide")
    page.choose(NAME)
    assert page.hidden == []
    assert page.selection == NAME


def test_a_link_keeps_hidden_nodes(opened):
    page = opened(GRAPH)
    page.page.mouse.click(*page.point(NAME))
    page.press("Hide")
    page.reopen_by_link()
    assert page.hidden == [NAME]
    assert page.visible["nodes"] == len(GRAPH) - 1


def test_a_pinned_node_cannot_be_dragged(opened):
    page = opened(GRAPH)
    x, y = page.point(NAME)
    page.page.mouse.click(x, y)
    page.press("Pin")
    assert page.pinned == [NAME]
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + 100, y, steps=3)
    page.page.mouse.up()
    assert page.point(NAME) == pytest.approx((x, y), abs=0.5)
    page.press("Unpin")
    assert page.pinned == []


def test_untangle_moves_no_pinned_node(opened):
    """The place of a pinned node in the saved places stays, those of others change."""
    page = opened(GRAPH)
    page.page.mouse.click(*page.point(NAME))
    page.press("Pin")
    before = _places(page)
    untangle(page)
    after = _places(page)
    assert after[NAME] == before[NAME]
    changed = [key for key in before if after[key] != before[key]]
    assert len(changed) > len(GRAPH) / 2


def _places(page):
    _, content = page.saved("#places")
    return json.loads(content)["nodes"]

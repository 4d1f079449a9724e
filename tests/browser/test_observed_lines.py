"""While references are hidden, lines connect the subjects and collections of each observation."""

from __future__ import annotations

import pytest

from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import collection, file, report
from tests.browser.readability import demo

pytestmark = pytest.mark.browser

RED, BLUE = collection("Red"), collection("Blue")
ONE, TWO = file("one"), file("two")


def crossed():
    """Return a graph with paths from each file to each collection; no file was observed with both.

    Both files share a report, ONE through Red and TWO through Blue.
    """
    return build_graph(
        [
            Observation(ONE, report("shared"), RED),
            Observation(ONE, report("another"), RED),
            Observation(TWO, report("shared"), BLUE),
            Observation(TWO, report("loose"), None),
        ]
    )


def hide_references(page):
    page.page.locator("#legend li", has_text="reference").locator("input").uncheck()


def show_references(page):
    page.page.locator("#legend li", has_text="reference").locator("input").check()


def test_only_observed_pairs_have_a_line(opened):
    page = opened(crossed())
    before = page.drawn
    hide_references(page)
    assert page.visible["lines"] == 2
    for one, other in ((ONE, RED), (TWO, BLUE)):
        page.choose(one.key)
        assert set(page.focus) >= {one.key, other.key}
        assert page.focusLines == [[one.key, other.key]]
    assert page.drawn["lines"] == 2
    show_references(page)
    assert page.drawn == before
    assert page.complaints == []


def test_a_line_lists_the_references_of_its_observations(opened):
    page = opened(crossed())
    hide_references(page)
    (ax, ay), (bx, by) = page.point(ONE.key), page.point(RED.key)
    page.page.mouse.click((ax + bx) / 2, (ay + by) / 2)
    assert page.line == [ONE.key, RED.key]
    assert "observed together with 2 references" in page.details
    assert report("another").label in page.details


def test_every_observed_pair_of_the_demo_has_a_line(opened):
    graph = demo()
    expected = {
        (source, collection)
        for source, _, edge in graph.edges(data=True)
        for collection in edge.get("related_from", ())
        if collection in graph
    }
    page = opened(graph)
    hide_references(page)
    page.page.uncheck("#fold")  # one line per pair of nodes
    assert page.visible["lines"] == len(expected)
    page.page.check("#fold")
    assert 20 < page.visible["lines"] < len(expected)
    assert page.complaints == []

"""*Untangle* moves markers apart by their sizes, and can be undone."""

from __future__ import annotations

from itertools import combinations
from math import hypot

import pytest

from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import collection, file, large_campaign, report

pytestmark = pytest.mark.browser


def crowd():
    """Return a graph with a marker of 150 reports among 30 collections that share files."""
    names = [collection(f"Family {n}") for n in range(30)]
    observations = [Observation(file("all"), report(f"r{n}"), names[0]) for n in range(150)]
    for n, name in enumerate(names):
        observations += [Observation(file(f"f{n}"), report(f"own {n}"), name)]
        observations += [Observation(file(f"f{n - 1}"), report(f"own {n}"), names[n // 2])]
    return build_graph(observations)


def untangle(page):
    page.page.clock.install()
    page.press("Untangle")
    page.page.clock.run_for(5_000)
    assert not page.untangling


def markers(page, graph):
    """Return the center and the radius of each marker in pixels; all members share a marker."""
    found = page.page.evaluate(
        "(keys) => keys.map((key) => window.graphbuild.position(key))", list(graph)
    )
    return {(round(one["x"], 3), round(one["y"], 3)): one["size"] for one in found}


def coordinates(page, graph):
    """Return the coordinates of the markers of all nodes, one after the other."""
    return [value for key in graph for value in page.point(key)]


@pytest.mark.parametrize("graph", [crowd(), large_campaign()], ids=["crowd", "large"])
def test_no_markers_overlap_after_untangling(opened, graph):
    page = opened(graph)
    untangle(page)
    for (one, size), (other, other_size) in combinations(markers(page, graph).items(), 2):
        assert hypot(one[0] - other[0], one[1] - other[1]) >= 0.98 * (size + other_size)


def test_untangling_can_be_undone(opened):
    graph = crowd()
    page = opened(graph)
    undo = page.page.locator("#undo")
    assert undo.is_disabled()
    before = coordinates(page, graph)
    untangle(page)
    assert coordinates(page, graph) != before
    undo.click()
    page.page.click("#fit")
    after = coordinates(page, graph)
    assert after == pytest.approx(before, abs=0.5)
    assert undo.is_disabled()


def test_groups_that_expand_after_undo_have_their_earlier_places(opened):
    graph = crowd()
    page = opened(graph)
    page.choose(report("r5").key)  # expands all reports
    page.page.keyboard.press("Escape")
    page.page.click("#fit")
    before = coordinates(page, graph)
    page.page.click("#fold")
    untangle(page)
    page.choose(report("r5").key)
    for _ in range(2):  # the search expands and selects; untangling
        page.page.click("#undo")
    page.choose(report("r5").key)
    page.page.keyboard.press("Escape")
    page.page.click("#fit")
    assert coordinates(page, graph) == pytest.approx(before, abs=0.5)

"""The layered layout: subjects, references and collections in three columns, and back."""

from __future__ import annotations

from itertools import combinations

import pytest

from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import collection, file, large_campaign, report

pytestmark = pytest.mark.browser


def mixed():
    """Return a graph of six families, in an order in which lines would cross."""
    names = [collection(f"Family {n}") for n in (3, 0, 5, 1, 4, 2)]
    return build_graph(
        Observation(file(f"{one.id} {n}"), report(f"{one.id} {m}"), one)
        for m in (1, 0)
        for one in reversed(names)
        for n in range(2)
    )


def crossings(graph, page):
    """Return the number of pairs of links between the same two layers that cross."""
    at = {key: page.point(key) for key in graph}
    count = 0
    for kind in ("file", "reference"):
        ends = {
            (at[source][1], at[target][1])
            for source, target in graph.edges
            if source.startswith(f"{kind}:")
        }
        count += sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in combinations(ends, 2))
    return count


def test_each_type_has_its_own_column_and_links_rarely_cross(opened):
    graph = mixed()
    page = opened(graph)
    page.page.focus("#layers")
    page.page.keyboard.press("Space")
    columns = {
        kind: {round(page.point(key)[0]) for key in graph if key.startswith(f"{kind}:")}
        for kind in ("file", "reference", "collection")
    }
    assert all(len(column) == 1 for column in columns.values())
    assert max(columns["file"]) < min(columns["reference"]) < min(columns["collection"])
    assert crossings(graph, page) == 0


def test_the_network_comes_back(opened):
    graph = large_campaign()
    page = opened(graph)
    before = {key: page.point(key) for key in graph}
    page.press("Layers")
    assert {key: page.point(key) for key in graph} != before
    page.choose(next(key for key in graph if page.marker(key)["members"] > 1))
    page.press("Fold")
    page.page.keyboard.press("Escape")
    page.press("Layers")
    after = {key: page.point(key) for key in graph}
    assert {key: pytest.approx(at, abs=0.5) for key, at in before.items()} == after
    assert page.complaints == []


def test_hidden_references_leave_two_columns(opened):
    graph = mixed()
    page = opened(graph)
    page.press("Layers")
    page.page.locator("#legend li", has_text="reference").locator("input").uncheck()
    assert page.visible["lines"] == 6
    keys = [key for key in graph if not key.startswith("reference:")]
    assert len({round(page.point(key)[0]) for key in keys}) == 2


def test_a_link_keeps_the_layers(opened):
    page = opened(mixed())
    page.press("Layers")
    page.page.click("#permalink")
    page.page.wait_for_function("() => location.hash.length > 1")
    assert "layers=1" in page.page.url
    page.page.reload()
    page.page.wait_for_function("() => window.graphbuild?.ready")
    assert page.page.get_attribute("#layers", "aria-pressed") == "true"

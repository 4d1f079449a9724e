"""What an analyst asks first, answered on the demo's page by the ways that docs/page.md shows."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations

import pytest

from graphbuild.graph import observations_of

pytestmark = pytest.mark.browser


@pytest.fixture
def graph(exported):
    return exported("demo").graph


def of_type(graph, kind):
    return [key for key, known in graph.nodes(data=True) if known["type"] == kind]


def test_which_two_campaigns_share_a_report(opened, graph):
    page = opened(graph)
    shared = {
        pair: common
        for pair in combinations(sorted(of_type(graph, "collection")), 2)
        if (common := set(graph.predecessors(pair[0])) & set(graph.predecessors(pair[1])))
    }
    # Each campaign has collections of its own that share; one pair belongs to two campaigns.
    families = ("tallowrat", "glassheron", "nettlebark", "brindlefox")
    [(pair, common)] = [
        (pair, common)
        for pair, common in shared.items()
        if len({name for key in pair for name in families if name in key}) == 2
    ]
    first = page.page.locator("h3", has_text="Collections with reports in common").locator(
        "+ ul button"
    )
    first.first.click()
    assert {step[0] for step in page.path[::2]} == set(pair)
    assert set(page.path[1]) == common


def test_which_report_is_oldest(opened, graph):
    page = opened(graph)
    dates = {
        key: graph.nodes[key]["creation_date"]
        for key in of_type(graph, "reference")
        if "creation_date" in graph.nodes[key]
    }
    page.page.locator("h3", has_text="Oldest report").locator("+ ul button").click()
    assert page.selection == min(dates, key=dates.__getitem__)
    assert datetime.fromtimestamp(min(dates.values()), UTC).date().isoformat() in page.details


def test_what_ties_a_file_to_a_collection(opened, graph):
    one, about = next(
        (fact.subject, fact.related_from)
        for fact in observations_of(graph)
        if fact.related_from is not None
    )
    reports = {
        fact.reference.key
        for fact in observations_of(graph)
        if (fact.subject.key, fact.related_from and fact.related_from.key) == (one.key, about.key)
    }
    page = opened(graph)
    page.choose(one.key)
    page.press("Way to")
    page.choose(about.key)
    assert [page.path[0], page.path[-1]] == [[one.key], [about.key]]
    assert set(page.path[1]) <= reports
    assert f"through {about.label}" in page.page.inner_text("#way")
    page.choose(one.key)  # all of them stand beside the collection, in the file's own panel
    row = page.page.locator(f'#details button[data-key="{about.key}"]')
    assert row.locator(".also").inner_text() == f"through {len(reports)} references"

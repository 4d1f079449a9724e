"""Typical questions of an analyst, answered on the demo page as docs/page.md describes."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations

import pytest

from graphbuild.graph.builder import build_graph, extract_observations
from graphbuild.models import Link, Observation
from tests.browser.campaigns import collection, file, report

pytestmark = pytest.mark.browser


@pytest.fixture
def graph(exported):
    return exported("demo").graph


def of_type(graph, kind):
    return [key for key, node in graph.nodes(data=True) if node["type"] == kind]


def test_which_two_campaigns_share_a_report(opened, graph):
    page = opened(graph)
    shared = {
        pair: common
        for pair in combinations(sorted(of_type(graph, "collection")), 2)
        if (common := set(graph.predecessors(pair[0])) & set(graph.predecessors(pair[1])))
    }
    # Collections of the same campaign share references; one pair belongs to two campaigns.
    families = ("tallowrat", "glassheron", "nettlebark", "brindlefox")
    [(pair, common)] = [
        (pair, common)
        for pair, common in shared.items()
        if len({name for key in pair for name in families if name in key}) == 2
    ]
    first = page.page.locator("h3", has_text="Collections with shared references").locator(
        "+ ul button"
    )
    first.first.click()
    assert {step[0] for step in page.path[::2]} == set(pair)
    assert set(page.path[1]) == common


def test_associated_collections_share_no_references(opened):
    red, blue, green = map(collection, ("Red", "Blue", "Green"))
    one = Observation(file("one"), report("about red"), red)
    links = [Link(red, "associations", blue), Link(red, "associations", green)]
    page = opened(build_graph([one], links=links))
    assert page.page.locator("h3", has_text="Most linked: collection").count() == 1
    assert page.page.locator("h3", has_text="Collections with shared references").count() == 0


def test_which_report_is_oldest(opened, graph):
    page = opened(graph)
    dates = {
        key: graph.nodes[key]["creation_date"]
        for key in of_type(graph, "reference")
        if "creation_date" in graph.nodes[key]
    }
    page.page.locator("h3", has_text="Oldest reference").locator("+ ul button").click()
    assert page.selection == min(dates, key=dates.__getitem__)
    assert datetime.fromtimestamp(min(dates.values()), UTC).date().isoformat() in page.details


def test_why_a_file_is_related_to_a_collection(opened, graph):
    one, about = next(
        (observation.subject, observation.related_from)
        for observation in extract_observations(graph)
        if observation.related_from is not None
    )
    reports = {
        observation.reference.key
        for observation in extract_observations(graph)
        if (observation.subject.key, observation.related_from and observation.related_from.key)
        == (one.key, about.key)
    }
    page = opened(graph)
    page.choose(one.key)
    page.press("Path to")
    page.choose(about.key)
    assert [page.path[0], page.path[-1]] == [[one.key], [about.key]]
    assert set(page.path[1]) <= reports
    assert f"through {about.label}" in page.page.inner_text("#path")
    page.choose(one.key)  # its panel lists the references between it and the collection
    row = page.page.locator(f'#details button[data-key="{about.key}"]')
    assert row.locator(".also").inner_text() == f"through {len(reports)} references"


# --- labels are readable

# Returns the text drawn on the canvas in the last frame, with center and width in CSS pixels.
WRITTEN = """() => new Promise((done) => {
  const frames = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const { a, d, e, f } = this.getTransform();
    frames.at(-1)?.push([text, x * a + e, y * d + f, this.measureText(text).width * a]);
    fillText.call(this, text, x, y);
  };
  let left = 6;
  const next = () => {
    if (left-- === 0) return done(frames.filter((frame) => frame.length).at(-1));
    frames.push([]);
    document.querySelector("#fit").click();
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
})"""
HIGH = 12  # height of a line of text in pixels


def test_every_collection_is_labeled_without_overlaps(opened, graph):
    page = opened(graph)
    found = page.page.evaluate(WRITTEN)
    counts = [each for each in found if each[0].startswith("×")]
    names = [each for each in found if not each[0].startswith("×")]
    assert len(counts) > 30
    expected = {graph.nodes[key]["label"] for key in of_type(graph, "collection")}
    shown = {text.rstrip("…") for text, *_ in names}
    assert all(any(label.startswith(text) for text in shown) for label in expected)
    for name in names:
        for other in [*counts, *names]:
            assert other == name or are_apart(name, other), f"{name[0]} over {other[0]}"


def are_apart(one, other):
    return abs(one[1] - other[1]) >= (one[3] + other[3]) / 2 or abs(one[2] - other[2]) >= HIGH

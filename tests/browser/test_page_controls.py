"""The heading, zoom buttons, years, details of the crawl, and the printed page."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

import graphbuild as gb
from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from tests.browser.campaigns import collection, file, large_campaign, report

pytestmark = pytest.mark.browser

RED = collection("Red")


def test_the_zoom_buttons_keep_the_center(opened):
    page = opened(large_campaign())
    before = page.scale
    key = page.keys[0]
    center = page.point(key)
    page.page.click("#zoom-in")
    assert page.scale == pytest.approx(before * 1.5)
    page.page.click("#zoom-out")
    page.page.click("#zoom-out")
    assert page.scale == pytest.approx(before / 1.5)
    page.page.click("#fit")
    assert page.scale == pytest.approx(before, rel=0.05)
    assert page.point(key) == pytest.approx(center, abs=3)


def test_attributes_of_the_crawl_are_in_a_closed_section(opened):
    subject = Entity("file", file("a").id, {"state": "complete", "crawl_pages": 3})
    graph = build_graph([Observation(subject, report("r"), RED)], subjects=[subject])
    page = opened(graph)
    page.choose(subject.key)
    crawl = page.page.locator("#details details", has_text="Crawl details")
    assert not crawl.evaluate("(section) => section.open")
    assert "crawl_pages" in (crawl.text_content() or "")
    outside = page.page.locator("#details > div > dl").inner_text()
    assert "complete" in outside
    assert "crawl_" not in outside


@pytest.mark.parametrize(("years", "most"), [(1, 2), (6, 6), (40, 10)])
def test_years_are_labeled_in_order_without_overlaps(opened, years, most):
    first = 946_684_800  # 2000-01-01
    dates = [first + index * 15_778_800 for index in range(2 * years)]
    graph = build_graph(
        Observation(file("a"), report(f"r{index}", creation_date=date), RED)
        for index, date in enumerate(dates)
    )
    page = opened(graph)
    labels = page.page.locator("#years span")
    texts = labels.all_inner_texts()
    assert texts == sorted(texts)
    assert 0 < len(texts) <= most
    assert all(re.fullmatch(r"20\d\d", text) for text in texts)
    boxes = [label.bounding_box() for label in labels.all()]
    for left, right in pairwise(boxes):
        assert left["x"] + left["width"] <= right["x"]


def test_the_heading_and_saved_files_name_the_campaign_and_its_date(opened, tmp_path):
    graph = build_graph([Observation(file("a"), report("r"), RED)])
    graph.graph["title"] = "operation-x, responses until 2026-11-30"
    page = opened(graph, title="")
    assert page.page.inner_text("h1") == "operation-x, responses until 2026-11-30"
    assert page.saved("#svg")[0] == "operation-x-responses-until-2026-11-30.svg"
    assert gb.export(graph, tmp_path / "a.html").read_text("utf-8").count("operation-x") >= 2


def test_the_printed_page_has_the_graph_and_the_details_without_controls(opened):
    page = opened(large_campaign())
    page.page.emulate_media(media="print")
    assert page.page.locator("#canvas canvas").first.is_visible()
    assert page.page.locator("#legend").is_visible()
    for control in ("#tools", "#query", "#timeline", "#filters", "#list-box"):
        assert not page.page.locator(control).is_visible()

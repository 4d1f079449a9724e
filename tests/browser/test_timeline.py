"""The timeline and the colors by date and cluster."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from graphbuild.analysis.campaign_clusters import add_found_clusters
from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import collection, file, large_campaign, report

pytestmark = pytest.mark.browser

RED, BLUE = collection("Red"), collection("Blue")
FILES = [file("one"), file("two")]


def timestamp(year, month, day=15):
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


OLD = report("Old", creation_date=timestamp(2019, 3, 31))
MIDDLE = [report(f"Middle {n}", creation_date=timestamp(2019, 4, n)) for n in (1, 30)]
NEW = report("New", creation_date=timestamp(2019, 12))
UNDATED = report("Undated")
REPORTS = [OLD, *MIDDLE, NEW, UNDATED]


def campaign():
    return build_graph(Observation(one, each, RED) for one in FILES for each in REPORTS)


def month(year, number):
    return str(year * 12 + number - 1)


def drawn_reports(page):
    """Return the reports that are drawn, folded or not."""
    page.page.uncheck("#fold")
    return {each.label for each in REPORTS if page.marker(each.key)["shown"]}


def test_the_sliders_filter_references_by_month(opened):
    page = opened(campaign())
    assert page.marker(OLD.key) == {"members": 5, "shown": 5, "color": "#e69f00"}
    page.page.fill("#from-month", month(2019, 4))
    assert page.marker(OLD.key)["shown"] == 4
    page.page.fill("#to-month", month(2019, 11))
    assert page.page.inner_text("#dated-count") == "2 references"
    assert page.visible["nodes"] == 1 + 2 + 3
    assert "6 of 8 nodes" in page.status
    assert drawn_reports(page) == {"Middle 1", "Middle 30", "Undated"}


def test_undated_references_can_be_hidden(opened):
    page = opened(campaign())
    assert page.page.inner_text("#undated-count") == "1"
    page.page.uncheck("#undated")
    assert drawn_reports(page) == {"Old", "Middle 1", "Middle 30", "New"}
    page.page.check("#undated")
    assert "Undated" in drawn_reports(page)


def test_dragging_on_the_histogram_selects_months(opened):
    page = opened(campaign())
    box = page.page.locator("#bars").bounding_box()
    across = [box["x"] + box["width"] * (n + 0.5) / 10 for n in range(10)]  # March to December
    middle = box["y"] + box["height"] / 2
    page.page.mouse.move(across[4], middle)
    page.page.mouse.down()
    page.page.mouse.move(across[1], middle, steps=4)
    page.page.mouse.up()
    assert page.page.input_value("#from-month") == month(2019, 4)
    assert page.page.input_value("#to-month") == month(2019, 7)
    assert drawn_reports(page) == {"Middle 1", "Middle 30", "Undated"}
    page.page.click("#all-dates")
    assert len(drawn_reports(page)) == 5


def test_the_sliders_work_by_keyboard(opened):
    page = opened(campaign())
    slider = page.page.get_by_role("slider", name="From")
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "2019-04"
    page.page.get_by_role("slider", name="to").press("Home")
    assert page.page.input_value("#from-month") == page.page.input_value("#to-month")
    assert drawn_reports(page) == {"Old", "Undated"}


def test_each_month_has_a_bar_with_its_count(opened):
    page = opened(campaign())
    titles = [one.text_content() for one in page.page.locator("#bars title").all()]
    assert titles == ["2019-03: 1 reference", "2019-04: 2 references", "2019-12: 1 reference"]


def test_search_shows_references_hidden_by_date(opened):
    page = opened(campaign())
    page.page.fill("#from-month", month(2019, 12))
    page.choose(OLD.key)
    assert page.selection == OLD.key
    assert page.page.inner_text("#from-shown") == "2019-03"


@pytest.mark.parametrize("date", ["2019-01-01", -1e15, 1e300, True])
def test_invalid_dates_are_undated(opened, date):
    invalid = report("Odd", creation_date=date)
    page = opened(build_graph([Observation(FILES[0], each, RED) for each in (OLD, invalid)]))
    assert page.page.inner_text("#undated-count") == "1"
    assert page.complaints == []


def test_without_dates_there_is_no_timeline(opened):
    page = opened(build_graph([Observation(FILES[0], UNDATED, RED)]))
    assert page.page.is_hidden("#timeline")
    assert page.page.locator("#color option").all_inner_texts() == ["Type", "Links"]


# --- colors


def color_rows(page):
    return page.page.locator("#colors li").all_inner_texts()


def test_clusters_have_colors_and_names(opened):
    left = [
        Observation(file(f"l{n}"), report(f"left {m}"), RED) for n in range(4) for m in range(6)
    ]
    right = [
        Observation(file(f"r{n}"), report(f"right {m}"), BLUE) for n in range(3) for m in range(5)
    ]
    tie = Observation(file("l0"), report("right 0"), BLUE)
    graph = build_graph([*left, *right, tie], subjects=[file("alone")])
    add_found_clusters(graph)
    page = opened(graph)
    colors = {name: page.marker(report(name).key)["color"] for name in ("left 1", "right 1")}
    assert colors["left 1"] != colors["right 1"]
    assert page.marker(RED.key)["color"] == colors["left 1"]
    assert page.marker(BLUE.key)["color"] == colors["right 1"]
    rows = [row.split("\n") for row in color_rows(page)]
    assert rows == [["1 Red", "4"], ["2 Blue", "3"], ["nodes in several clusters, or in none", "1"]]
    page.page.select_option("#color", "type")
    assert page.marker(RED.key)["color"] == "#cc3311"
    assert page.page.is_hidden("#colors")


def test_dates_are_colors_from_first_to_last(opened):
    page = opened(campaign())
    page.page.uncheck("#fold")
    page.page.select_option("#color", "date")
    shown = [page.marker(each.key)["color"] for each in (OLD, MIDDLE[0], NEW, UNDATED)]
    assert len(set(shown)) == 4
    assert page.marker(FILES[0].key)["color"] == shown[3]
    rows = color_rows(page)
    assert rows[0] == "2019-03"
    assert rows[-2] == "2019-12"
    assert "no date" in rows[-1]


def test_names_of_clusters_are_text(opened):
    markup = "<img src=x onerror=window.ran=1>"
    graph = build_graph([Observation(each, OLD, collection(markup)) for each in FILES[:2]])
    add_found_clusters(graph)
    page = opened(graph)
    assert markup in color_rows(page)[0]
    assert page.page.evaluate("() => window.ran === undefined")
    assert page.requests == page.complaints == []


def test_the_timeline_of_a_large_campaign_adds_up(opened):
    graph = large_campaign()
    page = opened(graph)
    dates = [node.get("creation_date") for _, node in graph.nodes(data=True)]
    expected = [datetime.fromtimestamp(date, UTC) for date in dates if date is not None]
    page.page.uncheck("#undated")
    first = min((date.year, date.month) for date in expected)
    page.page.fill("#from-month", month(2017, 1))
    kept = sum((date.year, date.month) >= max(first, (2017, 1)) for date in expected)
    others = sum(node["type"] != "reference" for _, node in graph.nodes(data=True))
    assert page.visible["nodes"] == kept + others

"""Colors and sizes by columns, and filters by author and origin."""

from __future__ import annotations

import pytest

from graphbuild.graph.builder import build_graph
from graphbuild.graph.style import CLUSTER_COLORS
from graphbuild.models import Entity, Observation
from tests.browser.campaigns import collection, report

pytestmark = pytest.mark.browser

UNKNOWN = "#8a8f98"


def detected(name, count):
    attributes = {"malicious": count, "seed": True, "state": "complete"}
    return Entity("file", name * 64, attributes)


A, B, C = detected("a", 1), detected("b", 70), Entity("file", "c" * 64, {"state": "complete"})
FIRST = [report(f"First {n}", author="Unit 1") for n in range(3)]
OTHERS = [report(f"Other {n}", author="Unit 2") for n in range(2)]
RED = Entity("collection", "red", {"name": "Red", "origin": "Partner"})
BLUE = Entity("collection", "blue", {"name": "Blue", "origin": "Crowdsourced"})
GREEN = Entity("collection", "green", {"name": "Green", "origin": "Partner"})


def graph():
    return build_graph(
        [
            *(Observation(A, about, RED) for about in FIRST),
            *(Observation(B, about, BLUE) for about in [*FIRST[:1], *OTHERS]),
            Observation(C, OTHERS[0], GREEN),
        ]
    )


def names(page, control):
    return page.page.locator(f"#{control} option").all_inner_texts()


def test_the_columns_with_several_values_are_offered(opened):
    page = opened(graph())
    assert {"Author", "Origin", "Links", "Malicious"} <= set(names(page, "color"))
    assert not {"Title", "Id", "Name"} & set(names(page, "color"))
    assert names(page, "size")[0] == "Links"
    assert "Malicious" in names(page, "size")


def test_the_most_frequent_values_have_colors_of_their_own(opened):
    page = opened(graph())
    page.page.select_option("#color", label="Author")
    colors = {one.key: page.marker(one.key)["color"] for one in [*FIRST, *OTHERS, A]}
    assert {colors[one.key] for one in FIRST} == {CLUSTER_COLORS[0]}
    assert {colors[one.key] for one in OTHERS} == {CLUSTER_COLORS[1]}
    assert colors[A.key] == UNKNOWN
    rows = page.page.locator("#colors li").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["Unit", "1", "3"],
        ["Unit", "2", "2"],
        ["no", "value", "6"],
    ]


def test_a_row_of_the_legend_selects_the_nodes_with_its_value(opened):
    page = opened(graph())
    page.page.select_option("#color", label="Author")
    page.page.locator("#colors button").first.click()
    assert set(page.selection.split()) == {one.key for one in FIRST}


def test_numbers_have_a_scale_of_colors(opened):
    page = opened(graph())
    page.page.select_option("#color", label="Malicious")
    low, high, none = (page.marker(one.key)["color"] for one in (A, B, C))
    assert len({low, high, none}) == 3
    assert none == UNKNOWN
    steps = page.page.locator("#colors li").all_inner_texts()
    assert (steps[0].strip(), steps[-2].strip()) == ("1", "70")


def test_sizes_follow_a_column(opened):
    page = opened(graph())
    page.page.select_option("#size", label="Malicious")

    def size(one):
        return page.page.evaluate("(key) => window.graphbuild.position(key).size", one.key)

    assert size(B) > 1.5 * size(A)
    assert size(B) > 1.5 * size(C)
    page.page.click("#undo")
    assert page.page.input_value("#size") == "links"


@pytest.mark.parametrize(
    ("column", "value", "hidden"),
    [("author", "Unit 2", OTHERS), ("origin", "Partner", [RED, GREEN])],
)
def test_authors_and_origins_can_be_hidden(opened, column, value, hidden):
    page = opened(graph())
    everything = page.visible["nodes"]
    filters = page.page.locator(f"#value-filters [data-column={column}]")
    filters.locator("summary").click()
    filters.get_by_label(value).uncheck()
    assert page.visible["nodes"] == everything - len(hidden)
    assert filters.locator("summary").inner_text().endswith("1 of 2")
    page.reopen_by_link()
    assert page.visible["nodes"] == everything - len(hidden)
    page.choose(hidden[0].key)  # a search shows what a filter hides
    assert page.visible["nodes"] == everything


def test_all_and_none(opened):
    page = opened(graph())
    filters = page.page.locator("#value-filters [data-column=author]")
    filters.locator("summary").click()
    filters.get_by_role("button", name="None").click()
    assert page.visible["nodes"] == len(graph()) - len(FIRST) - len(OTHERS)
    filters.get_by_role("button", name="All").click()
    assert page.visible["nodes"] == len(graph())


def test_a_graph_without_such_columns_has_no_filters(opened):
    page = opened(build_graph([Observation(A, report("one"), collection("Red"))]))
    assert page.page.locator("#value-filters details").count() == 0
    assert page.page.locator("#size-row").is_hidden()


def test_sizes_count_the_visible_members(opened):
    page = opened(graph())
    files = page.page.locator("#legend li", has_text="file").locator("input")
    files.uncheck()
    page.page.select_option("#size", label="Malicious")
    files.check()
    sizes = {
        one.key: page.page.evaluate("(key) => window.graphbuild.position(key).size", one.key)
        for one in (A, B)
    }
    assert sizes[B.key] > 1.5 * sizes[A.key]

"""Clusters on the page: the legend, and the selection of the members of a cluster."""

from __future__ import annotations

import pytest

from graphbuild.analysis.campaign_clusters import add_found_clusters
from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import collection, file, report

pytestmark = pytest.mark.browser


def campaign(count: int = 3):
    """Return a graph of ``count`` clusters; each has more files than the next one."""
    graph = build_graph(
        [
            Observation(
                file(f"{number}-{each}"), report(f"about {number}"), collection(f"Set {number}")
            )
            for number in range(count)
            for each in range(count + 1 - number)
        ],
        subjects=[file("alone")],
    )
    add_found_clusters(graph)
    return graph


def members(graph, number: int) -> set[str]:
    return {key for key, own in graph.nodes(data="cluster") if own == number}


def rows(page) -> list[list[str]]:
    return [row.split("\n") for row in page.page.locator("#colors li").all_inner_texts()]


def test_the_page_starts_colored_by_cluster(opened) -> None:
    graph = campaign()
    page = opened(graph)
    assert page.page.input_value("#color") == "cluster"
    assert rows(page) == [
        ["1 Set 0", "4"],
        ["2 Set 1", "3"],
        ["3 Set 2", "2"],
        ["nodes in several clusters, or in none", "1"],
    ]
    colors = {page.marker(key)["color"] for key in members(graph, 1)}
    assert colors == {"#332288"}
    assert page.marker(file("alone").key)["color"] == "#8a8f98"


def test_a_click_on_a_cluster_selects_its_members(opened) -> None:
    graph = campaign()
    page = opened(graph)
    second = page.page.locator("#colors button").nth(1)
    second.click()
    assert set(page.focus) == members(graph, 2)
    assert "5 nodes selected" in page.details
    assert second.get_attribute("aria-pressed") == "true"
    second.click()
    assert page.focus == []
    assert second.get_attribute("aria-pressed") == "false"


def test_clusters_are_selected_by_keyboard(opened) -> None:
    graph = campaign()
    page = opened(graph)
    page.page.locator("#colors button").nth(2).focus()
    page.page.keyboard.press("Enter")
    assert set(page.focus) == members(graph, 3)
    page.page.keyboard.press("Enter")  # the same button still has the focus
    assert page.focus == []


def test_the_panel_of_a_node_selects_its_cluster(opened) -> None:
    graph = campaign()
    page = opened(graph)
    page.choose(collection("Set 1").key)
    assert "Cluster 2: Set 1" in page.details
    page.page.locator("#details").get_by_title("Select all nodes of this cluster").click()
    assert set(page.focus) == members(graph, 2)


def test_a_long_legend_has_a_button_for_the_rest(opened) -> None:
    page = opened(campaign(20))
    buttons = page.page.locator("#colors button")
    assert buttons.count() == 13
    assert buttons.last.inner_text() == "Show 8 more clusters"
    buttons.last.click()
    assert buttons.count() == 20
    assert page.page.evaluate("document.activeElement.textContent").startswith("13 ")
    colors = page.page.locator("#colors .spot").evaluate_all(
        "(spots) => spots.map((spot) => getComputedStyle(spot).backgroundColor)"
    )
    assert len(set(colors[:20])) == 20


def test_files_of_one_cluster_each_have_one_row(opened) -> None:
    graph = build_graph(
        [
            Observation(file(f"{number}"), report(f"about {number}"), collection(f"Set {number}"))
            for number in range(4)
        ]
    )
    add_found_clusters(graph)
    page = opened(graph)
    assert rows(page) == [["clusters of one file, each with its own color", "4"]]
    colors = {page.marker(file(f"{number}").key)["color"] for number in range(4)}
    assert len(colors) == 4


def test_without_clusters_the_page_is_colored_by_type(opened) -> None:
    page = opened(build_graph([Observation(file("a"), report("b"), collection("c"))]))
    assert page.page.input_value("#color") == "type"
    assert page.page.locator("#color option").all_inner_texts() == ["Type", "Links"]

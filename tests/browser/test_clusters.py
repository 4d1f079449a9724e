"""Clusters on the page: the legend, and the selection of the members of a cluster."""

from __future__ import annotations

import pytest

from graphbuild.analysis.campaign_clusters import add_found_clusters
from graphbuild.graph.builder import build_graph
from graphbuild.graph.clusters import add_clusters
from graphbuild.models import ClusterTable, Observation
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


def detailed_campaign():
    """Return a graph with a cluster of two subclusters and a doubtful file, and a smaller one."""
    first = [file(f"0-{each}").key for each in range(3)]
    second = [file(f"1-{each}").key for each in range(2)]
    evidence = [(file(f"0-{each}"), "about 0", "Set 0") for each in range(3)]
    evidence += [(file("0-2"), "more", "Set 0"), *((file(f"1-{n}"), "x", "Set 1") for n in (0, 1))]
    graph = build_graph(
        Observation(one, report(about), collection(name)) for one, about, name in evidence
    )
    table = ClusterTable(
        {**dict.fromkeys(first, 1), **dict.fromkeys(second, 2)},
        ("<b>Set 0", "Set 1"),
        (1.0, 1.0),
        0.2,
        0.5,
        subclusters=dict(zip(first, (1, 1, 2), strict=True)),
        doubtful={first[2]: 2},
        strengths=((3, 2, False), (1, 1, True)),
    )
    add_clusters(graph, table)
    return graph, first, second


def test_the_panel_of_a_node_shows_the_details_of_its_cluster(opened) -> None:
    graph, first, second = detailed_campaign()
    page = opened(graph)
    page.choose(first[2])
    details = page.details
    assert "3 independent sources, breaking point ≤2" in details
    assert "Subcluster1b" in details
    assert "Doubtfulyes" in details
    assert "Other cluster2" in details
    for name, expected in (
        ("Subcluster 1a (2)", first[:2]),
        ("Subcluster 1b (1)", first[2:]),
        ("Doubtful (1)", first[2:]),
    ):
        page.choose(collection("Set 0").key)
        page.page.locator("#details").get_by_role("button", name=name, exact=True).click()
        # The neighbors of a single marker are in focus, too.
        assert {key for key in page.focus if key.startswith("file:")} == set(expected)
    page.choose(second[0])
    assert "1 independent source, breaking point 1" in page.details
    assert "Subcluster" not in page.details
    assert "Doubtful" not in page.details


def test_nodes_are_colored_by_subcluster(opened) -> None:
    graph, first, second = detailed_campaign()
    page = opened(graph)
    page.page.select_option("#color", label="Subcluster")
    colors = [page.marker(key)["color"] for key in (first[0], first[1], first[2], second[0])]
    assert colors[0] == colors[1]
    assert len(set(colors)) == 3


def test_without_subclusters_the_page_has_no_such_column(opened) -> None:
    page = opened(campaign())
    assert "Subcluster" not in page.page.locator("#color option").all_inner_texts()
    page.choose(file("0-0").key)
    assert "Subcluster" not in page.details
    assert "independent source" not in page.details


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

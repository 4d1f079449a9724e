"""The pyvis network of a graph: content, further use, and hostile texts in a browser."""

from __future__ import annotations

import html
import json
import math
import re
from typing import TYPE_CHECKING, Any

import networkx as nx
import pytest
from pyvis.network import Network

import graphbuild
from graphbuild.errors import ExportError
from graphbuild.exporters import pyvis
from graphbuild.graph.builder import build_graph
from graphbuild.graph.views import view
from graphbuild.models import Entity, Observation
from tests.support.chromium import launch_chromium
from tests.support.graphs import campaign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

POSITIONS = {key: (10.0 * number, 5.04 * number) for number, key in enumerate(campaign())}
ATTACK = "<img src=x onerror=window.ran=1>"
HOSTILE = (
    ATTACK,
    f"How href abuse works {ATTACK}",
    "<a href='javascript:window.ran=1'>here</a>",
    "</script><script>window.ran=1</script>",
    "&lt;img src=x onerror=window.ran=1&gt;",
)


def test_the_network_has_the_nodes_and_edges_of_the_graph() -> None:
    graph = campaign()
    network = graphbuild.to_pyvis(graph)
    assert type(network) is Network
    assert network.get_nodes() == [node["id"] for node in network.nodes] == list(graph)
    assert [(edge["from"], edge["to"]) for edge in network.edges] == list(graph.edges)
    assert all(edge["arrows"] == "to" for edge in network.edges)
    labels = [graph.nodes[key]["label"] for key in graph]
    assert [node["label"] for node in network.nodes] == labels


def test_nodes_have_the_given_positions_and_the_style_of_their_type() -> None:
    network = graphbuild.to_pyvis(campaign(), positions=POSITIONS)
    places = [(node["x"], node["y"]) for node in network.nodes]
    assert places[:3] == [(0.0, 0.0), (10.0, -5.0), (20.0, -10.1)]  # y grows downwards in pyvis
    file, reference = network.nodes[0], network.nodes[3]
    assert (file["color"], file["shape"]) == ("#332288", "dot")  # of the largest cluster
    assert (reference["color"], reference["shape"]) == ("#332288", "square")
    assert file["title"] == f"{'ab' * 32} (file)"


def test_nodes_of_a_graph_without_clusters_have_the_color_of_their_type() -> None:
    nodes = pyvis.to_pyvis(campaign()).nodes
    assert nodes[0]["color"] == "#0072b2"
    assert nodes[3]["color"] == "#e69f00"


def test_without_positions_the_layout_is_computed() -> None:
    graph = campaign()
    positions = graphbuild.compute_layout(graph)
    for node in graphbuild.to_pyvis(graph).nodes:
        x, y = positions[node["id"]]
        assert node["x"] == pytest.approx(x, abs=0.06)
        assert node["y"] == pytest.approx(-y, abs=0.06)


def test_a_position_of_every_node_is_required() -> None:
    with pytest.raises(ExportError, match="no position"):
        graphbuild.to_pyvis(
            campaign(), positions={**POSITIONS, next(iter(POSITIONS)): (math.inf, 0)}
        )


def test_the_force_simulation_is_off() -> None:
    network = graphbuild.to_pyvis(campaign())
    (options,) = re.findall(r"var options = (\{.*?\});", network.generate_html(), re.DOTALL)
    assert json.loads(options)["physics"]["enabled"] is False


def test_pyvis_can_add_nodes_and_edges() -> None:
    network = graphbuild.to_pyvis(campaign())
    first = network.get_nodes()[0]
    network.add_node("mine", label="Mine")
    network.add_edge(first, "mine")
    assert "mine" in network.neighbors(first)
    assert network.num_nodes() == len(campaign()) + 1
    network.toggle_physics(status=True)
    assert "Mine" in network.generate_html()


def test_options_are_those_of_pyvis() -> None:
    network = graphbuild.to_pyvis(campaign(), height="900px", directed=False)
    assert (network.height, network.directed) == ("900px", False)


def test_views_and_empty_graphs_are_converted() -> None:
    files = graphbuild.to_pyvis(view(campaign(), "files"))
    assert all("weight" in edge["title"] or edge["title"] for edge in files.edges)
    assert graphbuild.to_pyvis(nx.DiGraph()).nodes == []


def test_two_unusual_keys_stay_two_nodes() -> None:
    graph = nx.DiGraph()
    for key in ("collection:a<b", "collection:a%3Cb"):
        graph.add_node(key, type="collection", id=key[11:], label=key)
    network = graphbuild.to_pyvis(graph)
    assert network.get_nodes() == ["collection:a%3Cb", "collection:a%253Cb"]


# --- hostile texts -------------------------------------------------------------------------------


def hostile_network(**options: Any) -> Network:
    subject = Entity("file", "ab" * 32, {"meaningful_name": ATTACK})
    collection = Entity("collection", f"c{ATTACK}", {"name": ATTACK})
    reports = [
        Entity("reference", f"{number:064x}", {"title": title})
        for number, title in enumerate(HOSTILE)
    ]
    graph = build_graph(Observation(subject, report, collection) for report in reports)
    for _, _, edge in graph.edges(data=True):
        edge["relation"] = ATTACK
    return graphbuild.to_pyvis(graph, **options)


@pytest.fixture
def tab() -> Iterator[Page]:
    with launch_chromium() as browser:
        yield browser.new_context(offline=True).new_page()


def test_no_text_switches_to_titles_as_html() -> None:
    network = hostile_network()
    assert not [node for node in network.nodes if "href" in node["title"]]
    assert "popup.innerHTML" not in network.generate_html()


@pytest.mark.browser
@pytest.mark.parametrize("titles_as_html", [False, True])
def test_no_text_runs_as_a_script(tab: Page, titles_as_html: bool) -> None:  # noqa: FBT001  a parameter
    network = hostile_network(select_menu=True, filter_menu=True)
    hostile = list(network.nodes)
    if titles_as_html:  # a node of the user's own switches pyvis to titles as HTML
        beside = max(node["x"] for node in hostile) + 100
        network.add_node("mine", title="<a href='#'>Mine</a>", x=beside, y=0)
    tab.set_content(network.generate_html())
    tab.wait_for_function("window.network")
    for node in hostile:
        x, y = tab.evaluate(
            "(id) => { const at = network.canvasToDOM(network.getPositions([id])[id]);"
            " const box = document.querySelector('canvas').getBoundingClientRect();"
            " return [at.x + box.x, at.y + box.y]; }",
            node["id"],
        )
        tab.mouse.move(x + 60, y + 60)
        tab.mouse.move(x, y)
        shown = ".popup" if titles_as_html else ".vis-tooltip"
        text = html.unescape(node["title"]) if titles_as_html else node["title"]
        tab.wait_for_function(
            "([shown, text]) => [...document.querySelectorAll(shown)].some("
            "(each) => each.textContent.includes(text))",
            arg=[shown, text[:5]],
        )
    assert tab.evaluate("window.ran") is None
    assert tab.locator("img").count() == 0

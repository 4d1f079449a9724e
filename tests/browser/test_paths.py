"""Shortest paths, hops, and moving nodes apart."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import pytest

from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import collection, file, large_campaign, report

pytestmark = pytest.mark.browser

ONE, TWO, THREE, FAR = file("one"), file("two"), file("three"), file("far")
SHARED, OTHER, LAST = report("Shared"), report("Other"), report("Last")
RED, BLUE = collection("Red"), collection("Blue")


def chain(red=RED, blue=BLUE):
    """Return a graph in which files 1 and 2 share a report, and files 2 and 3 another one.

    Files 1 and 2 are related to the shared report through ``red`` and ``blue``.
    """
    observations = [
        Observation(ONE, SHARED, red),
        Observation(TWO, SHARED, blue),
        Observation(TWO, OTHER, None),
        Observation(THREE, OTHER, None),
        Observation(THREE, LAST, None),
    ]
    return build_graph(observations, subjects=[FAR])


def find_path(page, one, other):
    page.choose(one)
    page.press("Path to")
    page.choose(other)


def test_the_shortest_path_is_shown_step_by_step(opened):
    page = opened(chain())
    find_path(page, ONE.key, THREE.key)
    assert page.path == [[ONE.key], [SHARED.key], [TWO.key], [OTHER.key], [THREE.key]]
    assert set(page.focus) == {ONE.key, SHARED.key, TWO.key, OTHER.key, THREE.key}
    assert "4 links, shortest path" in page.details
    steps = page.page.locator("#path .step").all_inner_texts()
    assert len(steps) == 4
    assert "through Red · 1 observation" in steps[0]
    assert "through Blue" in steps[1]
    assert "through no named collection" in steps[2]


@pytest.mark.parametrize("seed", range(3))
def test_no_path_is_longer_than_necessary(opened, seed):
    graph = large_campaign(seed)
    page = opened(graph)
    either = graph.to_undirected()
    keys = sorted(key for key in max(nx.connected_components(either), key=len))
    for place in (7, 91, 200):
        one, other = keys[0], keys[-place]
        find_path(page, one, other)
        path = page.path
        assert len(path) - 1 == nx.shortest_path_length(either, one, other)
        for here, there in pairwise(path):
            assert all(either.has_edge(a, b) for a in here for b in there)


def test_two_members_of_a_group_are_two_links_apart(opened):
    graph = build_graph(Observation(one, SHARED, RED) for one in (ONE, TWO))
    page = opened(graph)
    assert page.marker(ONE.key)["members"] == 2
    find_path(page, ONE.key, TWO.key)
    assert page.path == [[ONE.key], [SHARED.key], [TWO.key]]


def test_a_missing_path_is_reported(opened):
    page = opened(chain())
    find_path(page, ONE.key, FAR.key)
    assert page.path is None
    assert "There is no path through visible nodes" in page.details


def test_paths_use_visible_nodes_only(opened):
    page = opened(chain())
    page.page.uncheck("#legend li:nth-child(2) input")
    find_path(page, ONE.key, RED.key)
    assert "There is no path" in page.details


@pytest.mark.parametrize("kind", [collection, report])
def test_an_unobserved_path_has_a_warning(opened, kind):
    red, blue = kind("Red"), kind("Blue")
    page = opened(chain(red, blue))
    find_path(page, ONE.key, blue.key)
    assert page.path == [[ONE.key], [SHARED.key], [blue.key]]
    assert "No observation of" in page.page.inner_text("#details .warn")
    find_path(page, ONE.key, red.key)
    assert page.page.locator("#details .warn").count() == 0


def test_a_path_from_a_direct_reference_to_a_collection_has_a_warning(opened):
    direct = Observation(ONE, SHARED, None, relationship="references")
    page = opened(build_graph([direct, Observation(TWO, SHARED, RED)]))
    find_path(page, ONE.key, RED.key)
    assert page.path == [[ONE.key], [SHARED.key], [RED.key]]
    assert "No observation of" in page.page.inner_text("#details .warn")
    find_path(page, TWO.key, RED.key)
    assert page.page.locator("#details .warn").count() == 0


def test_escape_cancels_the_path(opened):
    page = opened(chain())
    page.choose(ONE.key)
    page.press("Path to")
    assert "select the end of the path" in page.status
    page.page.keyboard.press("Escape")
    assert "select the end of the path" not in page.status
    page.choose(TWO.key)
    assert page.selection == TWO.key
    find_path(page, ONE.key, TWO.key)
    page.page.keyboard.press("Escape")
    assert (page.path, page.focus) == (None, [])


def test_one_and_two_hops(opened):
    page = opened(chain())
    page.choose(ONE.key)
    assert set(page.focus) == {ONE.key, SHARED.key, RED.key}
    page.press("Two hops")
    assert set(page.focus) == {ONE.key, SHARED.key, RED.key, TWO.key, BLUE.key}
    assert page.page.get_by_role("button", name="Two hops").get_attribute("aria-pressed") == "true"
    page.press("Two hops")
    assert set(page.focus) == {ONE.key, SHARED.key, RED.key}


# --- untangle


def positions(page, graph):
    return {key: page.point(key) for key in graph}


def test_untangle_stops_by_itself(opened):
    graph = chain()
    page = opened(graph)
    before = positions(page, graph)
    page.page.clock.install()
    page.press("Untangle")
    assert page.untangling
    page.page.clock.run_for(3_000)  # the clock also runs by itself
    assert page.untangling
    page.page.clock.run_for(2_000)
    assert not page.untangling
    after = positions(page, graph)
    assert after != before
    page.page.clock.run_for(1_000)
    assert positions(page, graph) == after


def test_untangle_can_be_stopped_and_groups_expand_in_place(opened):
    observations = [Observation(one, report(f"r{n}"), RED) for one in (ONE, TWO) for n in range(4)]
    page = opened(build_graph(observations))
    page.page.clock.install()
    page.press("Untangle")
    page.page.clock.run_for(1_000)
    page.press("Freeze")
    assert not page.untangling
    middle = page.point(ONE.key)
    page.page.mouse.dblclick(*middle)
    (x1, y1), (x2, y2) = page.point(ONE.key), page.point(TWO.key)
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx(middle, abs=1)


def test_a_dragged_node_stays_in_place(opened):
    page = opened(chain())
    x, y = page.point(ONE.key)
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + 40, y + 30, steps=5)
    page.page.mouse.up()
    assert page.point(ONE.key) == pytest.approx(
        (x + 40, y + 30), abs=12
    )  # the first pixels only start the drag

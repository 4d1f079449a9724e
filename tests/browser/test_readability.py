"""The page can be read at every size: nothing covers a label, and what is drawn depends on zoom.

``make torture PARTS=readability`` measures all worlds, sizes and color schemes.
"""

from __future__ import annotations

import pytest

from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from tests.browser.campaigns import collection, file, report
from tests.browser.pages import write_page
from tests.browser.readability import SIZES, demo, medium, problems, views

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def medium_page():
    """Write the page once, because its layout takes long."""
    return write_page(medium())


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_demo_is_readable(opened, size, scheme):
    width, height = size
    page = opened(demo(), viewport={"width": width, "height": height}, color_scheme=scheme)
    assert list(problems(page)) == []


@pytest.mark.parametrize("size", [SIZES[0], SIZES[2]], ids=str)
def test_a_medium_campaign_is_readable(opened, medium_page, size):
    width, height = size
    page = opened(medium_page, viewport={"width": width, "height": height})
    assert list(problems(page)) == []


def test_from_afar_only_clusters_have_names(opened, medium_page):
    page = opened(medium_page, viewport={"width": 1440, "height": 900})
    far, middle, near = (view for _, view in views(page))
    names = {node["attributes"].get("name") for node in page.page.evaluate(_NODES)} - {None}
    assert len(far.labels) >= 12
    for label in far.labels:
        name, _, count = label["text"].partition(" · ")
        assert name in names or name.endswith("…")
        assert count == "" or int(count) > 1
    assert any(label["text"].endswith(" indicators") for label in middle.labels)
    assert any("blog" in label["text"] or "…" in label["text"] for label in near.labels)
    assert page.detail == "near"


_NODES = """() => JSON.parse(document.getElementById("data").textContent).nodes"""


def test_collections_of_one_family_share_a_label(opened):
    names = {"a_emotet": "Emotet", "b_emotet": "emotet", "c_emotet": "EMOTET", "d_other": "Other"}
    families = [Entity("collection", key, {"name": name}) for key, name in names.items()]
    observations = [
        Observation(file(f"f{n}"), report(f"r{n}"), family)
        for n in range(30)
        for family in families
    ]
    graph = build_graph(observations)
    page = opened(graph, viewport={"width": 520, "height": 700})
    assert page.detail == "middle"
    assert sorted(label["text"] for label in page.labels) == ["Emotet ×3", "Other"]


def test_a_lone_spoke_does_not_shrink_the_rest(opened):
    """A group of 300 references needs no more space than any other sign while it is folded."""
    families = [collection(f"Family {n}") for n in range(4)]
    observations = [
        Observation(file(f"{one.id} {n}"), report(f"{one.id} {n} {m}"), one)
        for one in families
        for n in range(4)
        for m in range(3)
    ]
    hub = report("hub")
    observations += [Observation(file(f"{one.id} 0"), hub, one) for one in families]
    observations += [Observation(file("spoke"), hub, families[0])]
    few = build_graph(observations)
    spoke = collection("Spoke")
    many = build_graph(
        [*observations, *(Observation(file("spoke"), report(f"s {n}"), spoke) for n in range(300))]
    )
    assert opened(many).scale > 0.7 * opened(few).scale


def test_expanding_a_group_pushes_others_away_and_folding_it_moves_them_back(opened):
    red, blue = collection("Red"), collection("Blue")
    observations = [Observation(file("one"), report(f"r{n}"), red) for n in range(80)]
    observations += [Observation(file("two"), report(f"b{n}"), blue) for n in range(60)]
    observations += [Observation(file("two"), report("r1"), red)]
    page = opened(build_graph(observations))
    before = _positions(page)
    page.choose(report("r5").key)
    page.press("Fold 79 nodes")
    page.page.keyboard.press("Escape")
    page.page.click("#fit")
    assert _positions(page) == pytest.approx(before, abs=0.5)
    page.choose(report("b5").key)
    page.choose(report("r5").key)
    page.page.click("#fit")
    page.page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    boxes = [s for s in page.signs if s["key"]]
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart_x = abs(one["left"] + one["right"] - other["left"] - other["right"]) / 2
            apart_y = abs(one["top"] + one["bottom"] - other["top"] - other["bottom"]) / 2
            reach = (one["right"] - one["left"] + other["right"] - other["left"]) / 2
            assert (apart_x**2 + apart_y**2) ** 0.5 > 0.95 * reach, (one, other)


def _positions(page):
    """Return the coordinates of all markers in pixels."""
    return [value for key in sorted(page.drawnKeys) for value in page.point(key)]

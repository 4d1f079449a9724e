"""Places that a user arranges by hand, and labels and notes, outlive a new export."""

from __future__ import annotations

import json

import pytest

from graphbuild.exporters.places import apply_places, read_places
from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import collection, file, large_campaign, report

pytestmark = pytest.mark.browser

RED, BLUE = collection("Red"), collection("Blue")
LABEL, NOTE = "Élan <img src=x onerror=alert(1)>", "seen on two hosts & confirmed"


def campaign(files=4):
    return build_graph(
        [Observation(file(f"f{n}"), report(f"r{n}"), (RED, BLUE)[n % 2]) for n in range(files)]
        + [Observation(file("f0"), report("shared"), each) for each in (RED, BLUE)]
    )


def drag(page, key):
    """Drag a marker to the right and down; return its movement in the layout, y upwards."""
    x, y = page.point(key)
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + 90, y + 60, steps=5)
    page.page.mouse.up()
    new_x, new_y = page.point(key)
    return (new_x - x) / page.scale, (y - new_y) / page.scale


def movement(before, after, key):
    return tuple(new - old for old, new in zip(before[key], after[key], strict=True))


def save(page, folder):
    name, content = page.saved("#places")
    assert name == "a-campaign-places.json"
    path = folder / name
    path.write_bytes(content)
    return path


def test_dragged_nodes_stay_where_they_are_dragged(opened, tmp_path):
    graph = campaign()
    page = opened(graph)
    before = read_places(save(page, tmp_path)).positions
    assert set(before) == set(graph)
    moved = drag(page, RED.key)
    assert moved[0] > 40
    after = read_places(save(page, tmp_path)).positions
    assert movement(before, after, RED.key) == pytest.approx(moved, abs=0.2)
    assert {key: after[key] for key in graph if key != RED.key} == {
        key: before[key] for key in graph if key != RED.key
    }
    larger, positions = apply_places(campaign(6), read_places(tmp_path / "a-campaign-places.json"))
    page = opened(larger, positions=positions)
    again = read_places(save(page, tmp_path)).positions
    assert {key: again[key] for key in graph} == after
    new = set(larger) - set(graph)
    assert f"new: {len(new)}" in page.status
    page.page.select_option("#color", "new")
    colors = {key: page.marker(key)["color"] for key in larger}
    assert {key for key in larger if colors[key] == "#d55e00"} == new
    assert f"new since the earlier file{len(new)}" in page.page.text_content("#colors")


def test_members_of_a_folded_group_keep_their_places(opened, tmp_path):
    graph = build_graph(Observation(file(f"f{n}"), report("one"), RED) for n in range(5))
    page = opened(graph)
    before = read_places(save(page, tmp_path)).positions
    moved = drag(page, file("f0").key)
    after = read_places(save(page, tmp_path)).positions
    for n in range(5):
        assert movement(before, after, file(f"f{n}").key) == pytest.approx(moved, abs=0.2)


def test_labels_and_notes_are_saved_and_read_back(opened, tmp_path):
    graph = campaign()
    page = opened(graph)
    page.choose(RED.key)
    page.page.click("text=Your label and note")
    page.page.fill("#user_label", LABEL)
    page.page.press("#user_label", "Tab")
    page.page.fill("#user_note", NOTE)
    page.page.press("#user_note", "Tab")
    assert LABEL in page.details
    page.choose(BLUE.key)
    page.page.fill("#query", "confirmed")
    assert page.results == [RED.key]
    places = read_places(save(page, tmp_path))
    assert (places.labels, places.notes) == ({RED.key: LABEL}, {RED.key: NOTE})

    larger, positions = apply_places(campaign(5), places)
    page = opened(larger, positions=positions)
    page.choose(RED.key)
    assert LABEL in page.details
    assert page.page.input_value("#user_note") == NOTE
    page.page.fill("#user_label", "")
    page.page.press("#user_label", "Tab")
    assert LABEL not in page.details
    assert "Red" in page.details
    assert json.loads(page.saved("#places")[1])["nodes"][RED.key].get("user_label") is None
    assert page.requests == page.complaints == []


def test_places_in_layers_are_those_of_the_network(opened):
    page = opened(large_campaign())
    before = json.loads(page.saved("#places")[1])
    page.press("Layers")
    assert json.loads(page.saved("#places")[1]) == before

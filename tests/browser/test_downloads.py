"""Downloads, clipboard and permalinks."""

from __future__ import annotations

import csv
import io
import math
import re
import struct
import xml.etree.ElementTree as ET

import pytest

from graphbuild.exporters.sanitize import guard_cell
from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from graphbuild.seeds import read_seeds
from tests.browser.campaigns import SVG, collection, file, large_campaign, report
from tests.exporters.test_html import HOSTILE, hostile_campaign
from tests.support.graphs import FORMULAS, with_title
from tests.support.graphs import HOSTILE as HOSTILE_CELLS

pytestmark = pytest.mark.browser

RED = collection("Red")
FILES = [file("one"), file("two")]
REPORTS = [report(f"Report {n}", creation_date=1_500_000_000 + n * 8_000_000) for n in range(6)]


def campaign():
    return build_graph(Observation(one, each, RED) for one in FILES for each in REPORTS)


def copied_text(page, name):
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.press(name)
    page.page.get_by_role("button", name="Copied").wait_for()
    return page.page.evaluate("() => navigator.clipboard.readText()")


# --- images


def test_png_download(opened):
    page = opened(campaign())
    name, content = page.saved("#png")
    assert (name, content[:8]) == ("a-campaign.png", b"\x89PNG\r\n\x1a\n")
    canvas = page.page.locator("#canvas").bounding_box()
    width, height = struct.unpack(">II", content[16:24])
    assert width == 2 * round(canvas["width"])
    assert height > 2 * round(canvas["height"]) + 100  # with the heading and the legend
    assert page.requests == page.complaints == []


def test_svg_download(opened):
    graph = large_campaign()
    page = opened(graph)
    name, content = page.saved("#svg")
    assert name == "a-campaign.svg"
    root = ET.fromstring(content)
    assert len(root.findall(f"{SVG}line")) == page.drawn["lines"]
    shapes = [len(root.findall(f"{SVG}{kind}")) for kind in ("circle", "polygon")]
    assert sum(shapes) == page.drawn["markers"]
    svg_text = " ".join(one.text for one in root.iter(f"{SVG}text"))
    for node in graph.nodes.values():
        if node["type"] == "collection":
            assert node["label"][:39] in svg_text


def test_svg_without_visible_nodes_is_a_valid_image(opened):
    page = opened(campaign())
    for box in page.page.locator("#legend input").all():
        box.uncheck()
    assert page.visible["nodes"] == 0
    _, content = page.saved("#svg")
    root = ET.fromstring(content)
    sizes = [float(value) for value in root.get("viewBox").split()]
    assert len(sizes) == 4
    assert all(math.isfinite(size) for size in sizes)
    assert min(sizes[2:]) > 0
    assert [one.text for one in root.iter(f"{SVG}text")] == ["No visible nodes"]


def test_hostile_text_in_svg_is_text(opened):
    graph = hostile_campaign()
    page = opened(graph)
    _, content = page.saved("#svg")
    root = ET.fromstring(content)
    kinds = {one.tag.removeprefix(SVG) for one in root.iter()}
    assert kinds <= {"svg", "rect", "line", "circle", "polygon", "text"}
    assert not [name for one in root.iter() for name in one.attrib if name.startswith("on")]
    svg_text = "\n".join(one.text for one in root.iter(f"{SVG}text"))
    assert HOSTILE["image"] in svg_text
    assert page.page.evaluate("() => window.ran === undefined")


# --- the selection


def test_copy_hashes_of_the_selection(opened):
    page = opened(campaign())
    assert copied_text(page, "Copy 2 hashes").split() == [each.id for each in FILES]
    page.page.uncheck("#fold")
    page.choose(FILES[0].key)
    assert copied_text(page, "Copy 1 hash") == FILES[0].id


def test_copy_the_selection_as_csv(opened):
    page = opened(campaign())
    page.choose(REPORTS[2].key)
    text = copied_text(page, "Copy 4 rows as CSV")
    head, *rows = csv.reader(io.StringIO(text))
    assert head[:4] == ["type", "entity_id", "label", "title"]
    assert {row[1] for row in rows} == {REPORTS[2].id, RED.id, *(each.id for each in FILES)}
    (about,) = [dict(zip(head, row, strict=True)) for row in rows if row[0] == "reference"]
    assert (about["title"], about["creation_date"]) == ("Report 2", "2018-01-15")


def test_copied_csv_is_a_seed_list(opened, tmp_path):
    page = opened(campaign())
    page.choose(REPORTS[2].key)
    copied = tmp_path / "copied.csv"
    copied.write_text(copied_text(page, "Copy 4 rows as CSV"), encoding="utf-8")
    assert {seed.entity.id for seed in read_seeds(copied)} == {each.id for each in FILES}


def test_csv_cells_are_guarded_like_in_the_exporter(opened):
    texts = [text for text in (*HOSTILE_CELLS, *FORMULAS) if text.strip() and len(text) < 4_000]
    graph = with_title(*texts)
    page = opened(graph)
    # Read within the page, since the system clipboard changes line breaks.
    page.page.evaluate(
        """() => Object.defineProperty(navigator, "clipboard",
             { value: { writeText: async (text) => { window.taken = text; } } })"""
    )
    page.press(f"Copy {len(graph)} rows as CSV")
    page.page.get_by_role("button", name="Copied").wait_for()
    head, *rows = csv.reader(io.StringIO(page.page.evaluate("() => window.taken"), newline=""))
    titles = {row[1]: row[head.index("title")] for row in rows}
    for key, node in graph.nodes(data=True):
        if node["type"] == "reference":
            assert titles[node["id"]] == guard_cell(node["title"]), key


# --- permalinks


def test_a_view_is_saved_and_restored(opened):
    graph = large_campaign()
    page = opened(graph)
    page.page.uncheck("#legend li:nth-child(3) input")
    page.page.fill("#min-links", "2")
    page.page.select_option("#color", "date")
    page.page.fill("#from-month", str(2015 * 12))
    page.page.uncheck("#undated")
    key = "collection:turla_toolset"
    page.choose(key)
    page.press("Two hops")
    before = (page.visible, page.selection, sorted(page.focus), page.scale, page.point(key))
    fragment = page.link_fragment()
    page.open_at(fragment)
    after = (page.visible, page.selection, sorted(page.focus), page.scale, page.point(key))
    assert after[:3] == before[:3]
    assert after[3] == pytest.approx(before[3], abs=0.001)
    assert after[4] == pytest.approx(before[4], abs=2)
    assert page.page.input_value("#color") == "date"
    assert page.page.input_value("#from-month") == str(2015 * 12)
    assert not page.page.is_checked("#undated")


def test_expanded_groups_and_the_path_are_restored(opened):
    page = opened(campaign())
    page.page.mouse.dblclick(*page.point(REPORTS[0].key))
    page.choose(REPORTS[1].key)
    page.press("Path to")
    page.choose(REPORTS[3].key)
    expected = (page.expanded, page.path)
    assert expected[1] is not None
    page.open_at(page.link_fragment())
    assert (page.expanded, page.path) == expected


def test_unfolded_groups_are_restored_as_such(opened):
    page = opened(campaign())
    page.page.click("#fold")
    page.open_at(page.link_fragment())
    assert not page.page.is_checked("#fold")
    page.page.click("#fold")
    assert page.expanded == []


def test_going_back_ends_path_mode(opened):
    page = opened(campaign())
    page.choose(RED.key)
    page.choose(REPORTS[0].key)
    page.press("Path to")
    page.page.evaluate("() => { location.hash = 'v=1&node=collection:red'; }")
    page.page.wait_for_function("() => window.graphbuild.selection === 'collection:red'")
    assert page.path is None
    assert page.page.is_hidden("#path-banner")


def test_going_back_restores_the_view_before(opened):
    page = opened(campaign())
    page.choose(RED.key)
    first = page.link_fragment()
    page.page.keyboard.press("Escape")
    page.choose(REPORTS[0].key)
    page.page.click("#permalink")
    page.page.wait_for_function("(first) => location.hash !== first", arg=first)
    page.page.go_back()
    page.page.wait_for_function("() => window.graphbuild.selection.startsWith('collection:')")
    assert page.selection == RED.key


BAD = [
    "#",
    "#v=2&node=x",
    "#v=1&node=nobody&group=nobody&expanded=nobody&path=a&path=b",
    "#v=1&min=-3&hops=99&color=url(https://evil.example)&undated=yes",
    "#v=1&min=1e400&from=9999-99&to=0000-00&view=NaN,Infinity,-1",
    "#v=1&from=0001-01&to=9999-12&view=1,2",
    "#v=1&view=1,2,3,4&view=1e99,1,1",
    "#v=1&hidden=__proto__&color=__proto__&node=__proto__&expanded=constructor",
    "#v=1&node=%3Cimg%20src%3Dx%20onerror%3Dwindow.ran%3D1%3E",
    "#v=1&" + "expanded=x&" * 5_000,
    "#%E0%A4%A&v=1%",
    "#v=1&" + "&".join(f"expanded={text}&path={text}" for text in HOSTILE.values()),
]


def untouched(page):
    """Return the state that an invalid fragment must not change."""
    assert page.page.input_value("#color") == "type"
    assert page.page.evaluate("() => window.ran === undefined")
    assert page.page.locator("img").count() == 0
    assert page.requests == page.complaints == []
    return page.visible["nodes"], page.selection, page.expanded, page.path


@pytest.mark.parametrize("fragment", BAD)
def test_an_invalid_fragment_changes_nothing(opened, fragment):
    page = opened(campaign())
    expected = untouched(page)
    page.open_at(fragment)
    assert untouched(page) == expected


def test_hostile_text_in_the_fragment_changes_nothing(opened):
    page = opened(campaign())
    expected = untouched(page)
    heard = "() => { window.heard = 0; addEventListener('hashchange', () => { heard += 1; }); }"
    page.page.evaluate(heard)
    for number, text in enumerate(HOSTILE.values(), 1):
        fragment = f"v=1&node={text}&hidden={text}&color={text}"
        page.page.evaluate("(fragment) => { location.hash = fragment; }", fragment)
        page.page.wait_for_function("(number) => window.heard === number", arg=number)
        assert untouched(page) == expected, text


def test_numbers_in_the_fragment_are_clamped(opened):
    page = opened(campaign())
    page.open_at("#v=1&min=999999999&view=0,0,999999")
    assert page.page.input_value("#min-links") == page.page.get_attribute("#min-links", "max")
    assert page.scale == pytest.approx(10)


def test_the_link_button_reports_success(opened):
    page = opened(campaign())
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.page.click("#permalink")
    page.page.get_by_role("button", name=re.compile("Link copied")).wait_for()
    assert page.page.evaluate("() => navigator.clipboard.readText()") == page.page.url

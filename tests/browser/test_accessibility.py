"""Accessibility: keyboard, screen reader, contrast, reduced motion."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphbuild.emulator import generate_world
from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import collection, file, large_campaign, report
from tests.exporters.test_html import HOSTILE, hostile_campaign
from tests.support.external_tools import OUTPUT, ExternalTool

pytestmark = pytest.mark.browser

AXE = ExternalTool(
    "the accessibility tests with axe-core",
    "GRAPHBUILD_REQUIRE_NODE",
    "install what they need with: apt-get install nodejs npm",
)
SOURCES = Path(__file__).parents[1] / "axe"
BUILD_FOLDER = OUTPUT / "axe"
UNREACHABLE = r"npm (?:error|ERR!) code (?:ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT|ENETUNREACH|E403)"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]

RED = collection("Red")
FILES = [file(f"file {n}") for n in range(3)]
REPORTS = [report(f"Report {n}", creation_date=1_500_000_000 + n * 8_000_000) for n in range(6)]


def campaign():
    observations = [Observation(one, each, RED) for one in FILES for each in REPORTS]
    lost = file("lost", "failed")
    return build_graph(
        [*observations, Observation(FILES[0], report("Alone"), None)], subjects=[lost]
    )


# --- axe-core


@pytest.fixture(scope="module")
def axe():
    """Return the source of axe-core, which finds accessibility violations."""
    AXE.require("node", "npm")
    sources = [SOURCES / name for name in ("package.json", "package-lock.json")]
    AXE.build(
        BUILD_FOLDER,
        sources,
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        UNREACHABLE,
    )
    return (BUILD_FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(page, axe):
    """Return the violations that axe-core finds."""
    page.page.evaluate(axe)
    found = page.page.evaluate(
        "(levels) => axe.run(document, { runOnly: levels, resultTypes: ['violations'] })", LEVELS
    )
    assert len(found["passes"]) > 10
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]


def unchanged(_):
    pass


def node_selected(page):
    page.choose(RED.key)
    open_list(page)
    page.page.click(".ends summary")


def group_selected(page):
    page.page.mouse.click(*page.point(REPORTS[2].key))


def path_shown(page):
    page.choose(FILES[0].key)
    page.press("Path to")
    page.choose(RED.key)


def path_mode(page):
    page.choose(FILES[0].key)
    page.press("Path to")


def line_selected(page):
    group_selected(page)
    page.page.click(".ends summary")
    page.page.click(".ends li button")


def search_results(page):
    page.page.fill("#query", "report")


def colored_by_date(page):
    page.page.select_option("#color", "date")
    page.page.fill("#min-links", "2")
    page.page.uncheck("#undated")


STATES = {
    each.__name__: each
    for each in (
        unchanged,
        node_selected,
        group_selected,
        path_shown,
        path_mode,
        line_selected,
        search_results,
        colored_by_date,
    )
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", STATES)
def test_axe_finds_no_violation(opened, axe, name, scheme):
    page = opened(campaign(), color_scheme=scheme)
    STATES[name](page)
    assert violations(page, axe) == []


def test_axe_finds_no_violation_in_the_sheet_of_a_small_screen(opened, axe):
    page = opened(large_campaign(), viewport={"width": 390, "height": 844})
    page.page.mouse.click(*page.point("collection:sednit"))
    assert page.selection == "collection:sednit"
    assert violations(page, axe) == []


@pytest.mark.parametrize("graph", [large_campaign, hostile_campaign], ids=["large", "hostile"])
def test_axe_finds_no_violation_in_other_graphs(opened, axe, graph):
    page = opened(graph(), viewport={"width": 420, "height": 800})
    open_list(page)
    assert violations(page, axe) == []


def test_axe_finds_a_missing_language(opened, axe):
    page = opened(campaign())
    page.page.evaluate("() => document.documentElement.removeAttribute('lang')")
    assert [kind for kind, _ in violations(page, axe)] == ["html-has-lang"]


# --- the keyboard alone


def tab_to(page, selector):
    """Press Tab until an element that matches ``selector`` has the focus."""
    for _ in range(150):
        page.page.keyboard.press("Tab")
        if page.page.evaluate("(one) => document.activeElement.matches(one)", selector):
            return
    pytest.fail(f"Tab never comes to {selector}")


def test_tab_reaches_every_control(opened):
    page = opened(campaign())
    node_selected(page)
    controls = "button, input, select, summary, a[href], .vis-network"
    # Hidden and disabled controls are skipped. The node list is one tab stop.
    mark = """(those) => {
      const seen = (one) => one.checkVisibility() && !one.disabled
        && (!one.closest("#list") || one.tabIndex === 0);
      const all = [...document.querySelectorAll(those)].filter(seen);
      all.forEach((one, index) => { one.dataset.control = index; });
      return all.length;
    }"""
    count = page.page.evaluate(mark, controls)
    assert count > 30
    page.page.evaluate("() => document.activeElement.blur()")
    reached = set()
    for _ in range(2 * count):
        page.page.keyboard.press("Tab")
        reached.add(page.page.evaluate("() => document.activeElement.dataset.control ?? null"))
    assert reached >= {str(number) for number in range(count)}


def test_the_focus_is_visible(opened):
    page = opened(campaign())
    for _ in range(12):
        page.page.keyboard.press("Tab")
        style = page.page.evaluate(
            "() => (({ outlineStyle, outlineWidth }) => [outlineStyle, outlineWidth])"
            "(getComputedStyle(document.activeElement))"
        )
        assert style == ["solid", "2px"]


def press(page, name):
    """Move the focus to a button and press it, with the keyboard only."""
    page.page.get_by_role("button", name=name).first.evaluate("(one) => { one.dataset.meant = 1; }")
    tab_to(page, "[data-meant]")
    page.page.keyboard.press("Enter")
    page.page.evaluate(
        "() => document.querySelector('[data-meant]')?.removeAttribute('data-meant')"
    )


def find(page, text):
    """Select the first search result, with the keyboard only."""
    for key in ("/", "Control+a"):
        page.page.keyboard.press(key)
    page.page.keyboard.type(text)
    page.page.keyboard.press("Enter")


def test_expanding_and_folding_by_keyboard(opened):
    page = opened(campaign())
    find(page, "Report 2")  # it was folded: search opens
    assert page.selection == REPORTS[2].key
    press(page, "Fold")
    assert len(page.selection.split()) == 6
    press(page, "Expand all 6")
    assert page.marker(REPORTS[4].key)["members"] == 1
    press(page, "Two hops")
    two = page.page.get_by_role("button", name="Two hops")
    assert two.get_attribute("aria-pressed") == "true"
    assert two.evaluate("(one) => one === document.activeElement")


def test_evidence_and_paths_by_keyboard(opened):
    page = opened(campaign())
    find(page, "Report 2")
    tab_to(page, ".ends summary")
    page.page.keyboard.press("Enter")
    page.page.locator(".ends li").first.wait_for()
    tab_to(page, ".ends li button")
    page.page.keyboard.press("Enter")
    assert page.line is not None
    assert "observation" in page.details
    find(page, "Red")
    press(page, "Path to")
    find(page, "Alone")
    assert len(page.path) == 4
    page.page.keyboard.press("Escape")
    assert page.path is None


def test_filters_and_colors_by_keyboard(opened):
    page = opened(campaign())
    keys = page.page.keyboard
    tab_to(page, "#legend li:nth-child(2) input")
    keys.press("Space")
    assert page.visible["nodes"] == 5
    keys.press("Space")
    tab_to(page, "#min-links")
    keys.press("ArrowRight")
    assert page.page.inner_text("#min-links-shown") == "1"
    keys.press("ArrowLeft")
    tab_to(page, "#fold")
    keys.press("Space")
    assert page.drawn["markers"] == page.visible["markers"] == page.counts["nodes"]
    tab_to(page, "#color")
    keys.press("ArrowDown")
    assert page.page.input_value("#color") == "date"
    tab_to(page, "#from-month")
    keys.press("End")
    tab_to(page, "#undated")
    keys.press("Space")
    assert page.visible["nodes"] == 1 + 1 + 4
    press(page, "All dates")
    assert page.visible["nodes"] == page.counts["nodes"]


def test_tools_by_keyboard(opened):
    page = opened(campaign())
    page.page.clock.install()
    press(page, "Untangle")
    assert page.untangling
    press(page, "Freeze")
    assert not page.untangling
    for name, saved in (("PNG", "a-campaign.png"), ("SVG", "a-campaign.svg")):
        with page.page.expect_download() as download:
            press(page, name)
        assert download.value.suggested_filename == saved
    press(page, "Link")
    page.page.wait_for_function("() => location.hash.length > 1")


def test_the_list_by_keyboard(opened):
    page = opened(campaign())
    keys = page.page.keyboard
    tab_to(page, "#list-box summary")
    keys.press("Enter")
    tab_to(page, "#list-query")
    keys.type("report")
    tab_to(page, "#list button")
    keys.press("ArrowDown")
    keys.press("Enter")
    assert page.selection.startswith("reference:")


def test_the_canvas_by_keyboard(opened):
    page = opened(large_campaign())
    before = page.scale
    tab_to(page, ".vis-network")
    page.page.keyboard.down("Equal")
    page.page.wait_for_function("(before) => window.graphbuild.scale > before", arg=before)
    page.page.keyboard.up("Equal")


# --- the list


def list_entries(page):
    return page.page.locator("#list button").all_inner_texts()


def open_list(page):
    """Open the list; browsers report this with a short delay."""
    page.page.click("#list-box summary")
    page.page.locator("#list button").first.wait_for()


def test_the_list_has_the_drawn_nodes_the_most_important_first(opened):
    graph = campaign()
    page = opened(graph)
    open_list(page)
    assert len(list_entries(page)) == page.drawn["markers"]
    assert list_entries(page)[0].startswith("Red\n")
    assert any(row.startswith("×6 Report 0 and 5 more\n") for row in list_entries(page))
    page.page.uncheck("#legend li:nth-child(2) input")
    assert len(list_entries(page)) == page.visible["markers"]
    assert not any("Report" in row for row in list_entries(page))


def test_the_list_filter_searches_members_too(opened):
    page = opened(campaign())
    open_list(page)
    page.page.fill("#list-query", REPORTS[4].id)
    (row,) = list_entries(page)
    assert row.startswith("×6")
    page.page.fill("#list-query", "no such thing")
    assert list_entries(page) == []
    assert "No drawn node matches" in page.page.inner_text("#list-rest")


def test_a_long_list_has_a_button_for_the_rest(opened):
    graph = build_graph(Observation(file(f"f{n}"), report(f"r{n}"), None) for n in range(150))
    page = opened(graph)
    open_list(page)
    assert len(list_entries(page)) == 200
    page.press("Show 100 more")
    assert len(list_entries(page)) == 300


def test_the_list_marks_the_selection_and_keeps_the_focus(opened):
    page = opened(campaign())
    open_list(page)
    row = page.page.locator("#list button").nth(2)
    name = row.inner_text()
    row.press("Enter")
    current = page.page.locator("#list [aria-current]")
    assert current.inner_text() == name
    assert current.evaluate("(one) => one === document.activeElement")


def test_the_list_shows_hostile_text_as_text(opened):
    page = opened(hostile_campaign())
    open_list(page)
    text = "\n".join(list_entries(page))
    for name in ("image", "link", "end of script", "template"):
        assert HOSTILE[name] in text
    assert page.page.evaluate("() => window.ran === undefined")
    assert page.requests == page.complaints == []


# --- status line and motion


def test_the_status_line_announces_changes(opened):
    page = opened(campaign())
    assert page.page.get_attribute("#status", "aria-live") == "polite"
    page.choose(RED.key)
    assert "selected: Red" in page.status
    page.page.uncheck("#legend li:nth-child(2) input")
    assert f"Drawn: 5 of {page.counts['nodes']} nodes" in page.status


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_reduced_motion_disables_animation(opened, motion):
    page = opened(large_campaign(), reduced_motion=motion)
    page.page.fill("#query", "Turla toolset")
    first = page.page.evaluate(
        """() => {
          document.querySelector("#query").dispatchEvent(
            new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
          return window.graphbuild.scale;
        }"""
    )
    if motion == "reduce":
        frames = (
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        page.page.evaluate(frames)
        assert page.scale == first
    else:
        page.page.wait_for_function("(first) => window.graphbuild.scale > 1.1 * first", arg=first)


def test_axe_finds_no_violation_in_the_demo(opened, axe):
    world = generate_world(1)
    graph = build_graph(
        Observation(file(hash_), report(f"{hash_} {n}"), collection(f"c{n}"))
        for hash_ in world.hashes()[:20]
        for n in range(3)
    )
    assert violations(opened(graph), axe) == []

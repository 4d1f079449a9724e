"""The page in a real browser, opened from disk without network access."""

from __future__ import annotations

import json
import re

import networkx as nx
import pytest

from graphbuild.exporters.html import page as html_page
from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import (
    SAMPLE,
    collection,
    file,
    large_campaign,
    report,
    sample_campaign,
)
from tests.browser.pages import without_policy, write_page
from tests.exporters.test_html import HOSTILE, INVISIBLE, hostile_campaign
from tests.support.mixed_campaigns import hostile_text_graph

pytestmark = pytest.mark.browser

ONE, TWO, LOST = file("one"), file("two"), file("lost", "failed")
SHARED = report(
    "A shared report",
    url="https://evil.example/a.b?c=d",
    author="Zoë Ünal",
    creation_date=1_515_715_200,  # 2018-01-12 00:00:00 UTC
)
PRIVATE = report("A private report")
RED, BLUE = collection("Red"), collection("Blue")


def campaign():
    """Return a graph of two files with one report, each through its own collection."""
    observations = [
        Observation(ONE, SHARED, RED),
        Observation(TWO, SHARED, BLUE),
        Observation(TWO, PRIVATE, None),
    ]
    return build_graph(observations, subjects=[LOST])


def assert_silent(opened):
    assert opened.requests == opened.passed == []
    assert opened.complaints == []


# --- opening


def test_a_resize_shows_the_whole_graph_again(opened):
    page = opened(large_campaign())
    before = page.scale
    page.page.set_viewport_size({"width": 800, "height": 850})
    page.page.wait_for_function("before => window.graphbuild.scale < before", arg=before)
    page.page.set_viewport_size({"width": 1300, "height": 850})
    page.page.wait_for_function("before => window.graphbuild.scale >= before * 0.999", arg=before)


def test_a_moved_view_stays_after_a_resize(opened):
    page = opened(large_campaign())
    overview = page.scale
    page.page.fill("#query", "Emotet")
    page.page.press("#query", "Enter")
    page.page.set_viewport_size({"width": 900, "height": 850})
    page.page.wait_for_function("() => document.querySelector('canvas').clientWidth < 700")
    assert page.scale > overview


@pytest.mark.parametrize("graph", [campaign(), large_campaign()], ids=["small", "large"])
def test_everything_is_drawn_without_requests(opened, graph):
    page = opened(graph)
    all_of_it = {"nodes": len(graph), "links": graph.number_of_edges()}
    assert page.counts == all_of_it
    assert page.visible.items() >= all_of_it.items()
    assert page.drawn == {"markers": page.visible["markers"], "lines": page.visible["lines"]}
    edges = graph.number_of_edges()
    assert f"{len(graph):,} of {len(graph):,} nodes and {edges:,} of {edges:,} links" in page.status
    assert_silent(page)


def test_an_empty_graph_shows_a_notice(opened):
    page = opened(nx.DiGraph())
    assert "no nodes" in page.page.inner_text("#notice")
    assert page.status.startswith("Drawn: 0 of 0 nodes")
    page.page.fill("#query", "x")
    page.page.keyboard.press("Escape")
    page.page.click("#fit")
    assert_silent(page)


def test_an_unknown_type_is_drawn_and_filtered(opened):
    graph = campaign()
    graph.add_node("domain:a.example", type="domain", label="a.example", id="a.example", size=7)
    graph.add_edge("domain:a.example", SHARED.key, relation="mentions", weight=1)
    page = opened(graph)
    assert page.drawn["markers"] == len(graph)
    page.choose("domain:a.example")
    assert "a.example" in page.details
    assert SHARED.label in page.details
    assert "domain → reference" in page.page.inner_text("#lines")
    assert_silent(page)


def test_the_notice_disappears(opened):
    assert not opened(campaign()).page.is_visible("#notice")


# --- search


# Types each name like a keyboard. One call per name from Python would be slow.
NOT_FOUND = """(names) => {
  const query = document.querySelector("#query");
  return Object.entries(names).filter(([key, name]) => {
    query.value = name;
    query.dispatchEvent(new Event("input", { bubbles: true }));
    return !window.graphbuild.results.includes(key);
  });
}"""


def assert_all_can_be_found(page, graph):
    names = {key: node["id"] for key, node in graph.nodes(data=True)}
    assert page.page.evaluate(NOT_FOUND, names) == []
    assert_silent(page)


def test_search_finds_every_node_by_id(opened):
    graph = large_campaign()
    assert_all_can_be_found(opened(graph), graph)


@pytest.mark.parametrize(
    "query",
    [
        "shared REPORT",
        "report shared",
        "zoë",
        "evil.example/a.b",
        "hxxps://evil[.]example",
        SHARED.id[:20],
    ],
)
def test_search_finds_words_urls_and_ids(opened, query):
    page = opened(campaign())
    page.page.fill("#query", query)
    assert page.results == [SHARED.key]
    assert page.page.locator("#results [role=option]").count() == 1


def test_search_reports_no_results(opened):
    page = opened(campaign())
    page.page.fill("#query", "no such thing")
    assert page.results == []
    assert page.page.inner_text("#results") == "No results"
    page.page.press("#query", "Enter")
    assert page.selection is None


def test_enter_selects_the_first_result(opened):
    page = opened(large_campaign())
    before = page.scale
    page.page.fill("#query", "Turla toolset")
    page.page.press("#query", "Enter")
    assert page.selection == "collection:turla_toolset"
    box = page.page.locator("#canvas").bounding_box()
    x, y = page.point(page.selection)
    assert abs(x - box["x"] - box["width"] / 2) < 2
    assert abs(y - box["y"] - box["height"] / 2) < 2
    assert page.scale > before
    assert page.page.is_hidden("#results")


def test_arrow_keys_move_through_results(opened):
    page = opened(campaign())
    page.page.fill("#query", "report")
    page.page.press("#query", "ArrowDown")
    second = page.results[1]
    active = page.page.get_attribute("#query", "aria-activedescendant")
    assert page.page.get_attribute(f"#{active}", "aria-selected") == "true"
    page.page.press("#query", "Enter")
    assert page.selection == second


def test_a_result_can_be_clicked(opened):
    page = opened(campaign())
    page.page.fill("#query", "private")
    page.page.click("#results li")
    assert page.selection == PRIVATE.key


# --- filters


@pytest.mark.parametrize(("row", "kind"), [(1, "collection"), (2, "reference"), (3, "file")])
def test_the_legend_hides_and_shows_a_type(opened, row, kind):
    graph = large_campaign()
    page = opened(graph)
    left = graph.subgraph([n for n in graph if graph.nodes[n]["type"] != kind])
    box = page.page.locator(f"#legend li:nth-child({row}) input")
    assert kind in page.page.inner_text(f"#legend li:nth-child({row})")
    box.uncheck()
    assert page.visible["nodes"] == len(left)
    assert page.visible["links"] == left.number_of_edges()
    assert page.drawn == {"markers": page.visible["markers"], "lines": page.visible["lines"]}
    assert f"{len(left):,} of {len(graph):,} nodes" in page.status
    box.check()
    assert page.visible.items() >= page.counts.items()
    assert_silent(page)


def test_the_slider_hides_nodes_with_fewer_links(opened):
    graph = large_campaign()
    page = opened(graph)
    page.page.fill("#min-links", "5")
    assert page.visible["nodes"] == sum(degree >= 5 for _, degree in graph.degree())
    assert page.page.inner_text("#min-links-shown") == "5"


def test_search_shows_a_hidden_node(opened):
    page = opened(campaign())
    page.page.uncheck("#legend li:nth-child(2) input")
    page.page.fill("#min-links", "2")
    page.choose(PRIVATE.key)
    assert page.page.is_checked("#legend li:nth-child(2) input")
    assert page.selection == PRIVATE.key
    assert page.page.input_value("#min-links") == "1"


# --- selecting


def test_a_click_shows_the_attributes_of_a_node(opened):
    page = opened(campaign())
    page.page.mouse.click(*page.point(SHARED.key))
    assert page.selection == SHARED.key
    for text in ("reference", SHARED.label, "2018-01-12", "Zoë Ünal", SHARED.id):
        assert text in page.details
    assert "selected: A shared report" in page.status


def test_urls_are_defanged_next_to_a_link(opened):
    page = opened(campaign())
    page.choose(SHARED.key)
    assert "hxxps://evil[.]example/a.b?c=d" in page.details
    assert "https://" not in page.details
    link = page.page.locator("#details a")
    assert link.count() == 1
    assert link.get_attribute("href") == "https://evil.example/a.b?c=d"
    assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert link.get_attribute("target") == "_blank"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://a.example/"]
)
def test_only_http_urls_become_links(opened, url):
    page = opened(build_graph([Observation(ONE, report("x", url=url), RED)]))
    page.choose(report("x").key)
    assert url in page.details
    assert page.page.locator("#details a").count() == 0


def test_the_id_is_followed_by_a_link_to_virustotal(opened):
    report_id = "report--24-10072685"
    origin = {"original_type": "collection", "original_id": report_id}
    page = opened(build_graph([Observation(ONE, report("x", **origin), RED)]))
    gui = "https://www.virustotal.com/gui"
    for key, address in (
        (ONE.key, f"{gui}/file/{ONE.id}"),
        (RED.key, f"{gui}/collection/{RED.id}"),
        (report("x").key, f"{gui}/collection/{report_id}"),
    ):
        page.choose(key)
        link = page.page.locator("#details a")
        assert link.get_attribute("href") == address
        assert link.get_attribute("rel") == "noopener noreferrer nofollow"
        assert link.get_attribute("target") == "_blank"
        assert link.inner_text() == "Open on VirusTotal ↗"


def test_an_invalid_id_has_no_link_to_virustotal(opened):
    graph = build_graph([Observation(ONE, report("x"), RED)])
    for key, node_id in (("file:a", "../../evil"), ("file:b", "<img src=x onerror=window.ran=1>")):
        graph.add_node(key, type="file", id=node_id, label="odd")
    page = opened(graph)
    for key in ("file:a", "file:b"):
        page.choose(key)
        assert page.page.locator("#details a").count() == 0


@pytest.mark.parametrize("url", ["https://bank.example@evil.example/", "https://bаnk.example/"])
def test_a_misleading_url_shows_its_host(opened, url):
    page = opened(build_graph([Observation(ONE, report("x", url=url), RED)]))
    page.choose(report("x").key)
    assert "Leads to " in page.details


def test_the_focus_contains_what_was_observed_together(opened):
    page = opened(campaign())
    page.choose(ONE.key)
    assert set(page.focus) == {ONE.key, SHARED.key, RED.key}
    page.choose(BLUE.key)
    assert set(page.focus) == {BLUE.key, SHARED.key, TWO.key}
    page.choose(SHARED.key)
    assert set(page.focus) == {SHARED.key, ONE.key, TWO.key, RED.key, BLUE.key}


def test_related_nodes_show_the_nodes_between(opened):
    page = opened(campaign())
    page.choose(ONE.key)
    assert "through Red" in page.details
    assert "Blue" not in page.details
    page.page.click(f'#details button[data-key="{RED.key}"]')
    assert page.selection == RED.key
    page.choose(TWO.key)
    assert "through no named collection" in page.details


def test_escape_and_background_clear_the_selection(opened):
    page = opened(campaign())
    for clear in (
        lambda: page.page.keyboard.press("Escape"),
        lambda: page.page.locator("#canvas").click(position={"x": 5, "y": 5}),
        lambda: page.page.get_by_role("button", name="Clear").click(),
    ):
        page.choose(SHARED.key)
        assert page.focus
        clear()
        assert (page.selection, page.focus) == (None, [])
        assert SHARED.id not in page.details


def test_a_link_shows_its_observations(opened):
    page = opened(campaign())
    (x1, y1), (x2, y2) = page.point(ONE.key), page.point(SHARED.key)
    page.page.mouse.click((x1 + x2) / 2, (y1 + y2) / 2)
    assert page.line == [ONE.key, SHARED.key]
    assert "related_references" in page.details
    assert "1 observation." in page.details
    assert "Red" in page.details
    assert set(page.focus) == {ONE.key, SHARED.key, RED.key}


def test_a_link_to_a_collection_shows_its_files(opened):
    page = opened(campaign())
    (x1, y1), (x2, y2) = page.point(SHARED.key), page.point(RED.key)
    page.page.mouse.click((x1 + x2) / 2, (y1 + y2) / 2)
    assert page.line == [SHARED.key, RED.key]
    assert ONE.label in page.details
    assert TWO.label not in page.details


def test_incomplete_nodes_are_marked(opened):
    page = opened(campaign())
    assert "incomplete: 1 (1 failed)" in page.status
    page.choose(LOST.key)
    assert "Incomplete: failed" in page.page.inner_text("#details .warn")
    page.choose(ONE.key)
    assert page.page.locator("#details .warn").count() == 0


def test_a_long_list_shows_its_rest(opened):
    graph = large_campaign()
    page = opened(graph)
    page.choose("collection:sednit")
    rows = page.page.locator("#details button[data-key]")
    more = page.page.get_by_role("button", name=re.compile("Show .* more"))
    assert rows.count() < graph.in_degree("collection:sednit")
    more.click()
    assert rows.count() == graph.in_degree("collection:sednit") + 4
    assert more.count() == 0


def test_the_id_can_be_copied(opened):
    page = opened(campaign())
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.choose(ONE.key)
    page.page.get_by_role("button", name="Copy", exact=True).click()
    page.page.get_by_role("button", name="Copied").wait_for()
    assert page.page.evaluate("() => navigator.clipboard.readText()") == ONE.id


# --- keyboard, small screens, screen readers


def test_the_page_can_be_used_by_keyboard(opened):
    page = opened(campaign())
    keyboard = page.page.keyboard
    keyboard.press("/")
    keyboard.type("shared report")
    keyboard.press("Enter")
    assert page.selection == SHARED.key
    page.page.locator(f'#details button[data-key="{TWO.key}"]').focus()
    keyboard.press("Enter")
    assert page.selection == TWO.key
    keyboard.press("Escape")
    assert page.selection is None


def test_the_page_has_landmarks_and_labels_for_screen_readers(opened):
    page = opened(campaign(), title="Seen in May").page
    assert page.title() == "Seen in May"
    assert page.get_attribute("html", "lang") == "en"
    assert [h.inner_text() for h in page.locator("h1").all()] == ["Seen in May"]
    for role in ("main", "banner", "contentinfo", "search"):
        assert page.get_by_role(role).count() == 1
    assert page.get_by_role("combobox", name="Search").count() == 1
    assert page.get_by_role("slider", name="links").count() == 1
    assert page.get_by_role("checkbox", name="file").count() == 1
    assert page.get_attribute("#status", "aria-live") == "polite"
    for button in page.locator("button").all():
        assert button.inner_text().strip()
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))


def test_a_small_screen_needs_no_scrolling_sideways(opened):
    page = opened(campaign(), viewport={"width": 420, "height": 800}).page
    width = "() => document.documentElement.scrollWidth"
    assert page.evaluate(width) <= 420
    assert page.locator("#canvas").bounding_box()["height"] > 200


def test_a_very_long_word_does_not_widen_the_panel(opened):
    long = report("w" * 5_000, author="a" * 5_000, url="https://a.example/" + "u" * 5_000)
    page = opened(build_graph([Observation(ONE, long, collection("c" * 200))]))
    page.choose(long.key)
    panel = page.page.locator("#panel")
    assert panel.evaluate("(one) => one.scrollWidth <= one.clientWidth")
    assert_silent(page)


# --- hostile text


def shown(text):
    """Return a hostile text as the page displays it: invisible characters as their codes."""
    return INVISIBLE.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.replace("\n", " "))


def assert_harmless(page):
    assert page.page.evaluate("() => window.ran === undefined")
    assert page.page.locator(NO_PART_OF_THE_PAGE).count() == 0
    assert page.page.url.startswith("file:")
    assert_silent(page)


NO_PART_OF_THE_PAGE = "img, iframe, object, embed, form, math, base, b, [onfocus], script[src]"


# Selects each node like a keyboard; returns the selected keys and the targets of their links.
_CHOOSE = """(keys) => {
  const query = document.querySelector("#query");
  return keys.map((key) => {
    query.value = key.replaceAll("\\n", " ");  // as the line itself takes what is pasted
    query.dispatchEvent(new Event("input"));
    for (let at = window.graphbuild.results.indexOf(key); at > 0; at -= 1) {
      query.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown" }));
    }
    query.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
    const links = [...document.querySelectorAll("#details a")].map((link) => link.protocol);
    return [window.graphbuild.selection, links];
  });
}"""


@pytest.fixture(scope="module")
def hostile_page():
    """Write the page once, for all tests of this module."""
    return write_page(hostile_campaign(), title=HOSTILE["end of script"])


def test_hostile_text_is_shown_and_not_run(opened, hostile_page):
    graph = hostile_campaign()
    page = opened(hostile_page)
    for text in HOSTILE.values():
        typed, *others = keys = [key for key in graph if graph.nodes[key]["label"] == text]
        for key in keys:
            if key == typed:  # with real key presses, which are slow
                page.choose(typed)
            else:
                page.page.evaluate(_CHOOSE, [key])
            assert page.selection == key
            page.page.mouse.click(*page.point(key))
            page.page.wait_for_selector(".vis-tooltip", state="attached")
            assert page.details.count(shown(text)) >= 9  # label, facts, neighbors
            links = page.page.locator("#details a").evaluate_all("all => all.map((a) => a.href)")
            assert all(link.startswith("https://www.virustotal.com/gui/") for link in links)
        (x1, y1), (x2, y2) = page.point(typed), page.point(others[0])
        page.page.mouse.click((x1 + x2) / 2, (y1 + y2) / 2)
        assert_harmless(page)


def test_no_hostile_title_runs_even_without_the_policy(opened, tmp_path):
    page = opened(campaign())
    file = tmp_path / "titled.html"
    for text in HOSTILE.values():
        content = without_policy(write_page(campaign(), title=text)).decode()
        for script in (
            html_page._library(),
            html_page._script("vis"),
        ):  # it is slow, and irrelevant here
            assert script in content
            content = content.replace(script, "")
        file.write_text(content, encoding="utf-8")
        page.page.goto(file.as_uri())
        assert page.page.text_content("h1") == INVISIBLE.sub(" ", text).strip()
        assert page.page.title() == " ".join(INVISIBLE.sub(" ", text).split())
        assert_harmless(page)


# Uses every control with every hostile text.
_EVERYTHING = """async () => {
  const query = document.querySelector("#query");
  const press = (one) => one?.click();
  const named = (word) => [...document.querySelectorAll("#details button")]
    .find((one) => one.textContent.startsWith(word));
  for (const one of document.querySelectorAll("details")) one.open = true;
  for (const key of await window.graphbuild.keys) {
    query.value = key;
    query.dispatchEvent(new Event("input"));
    query.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
    press(named("Two hops"));
    for (const one of document.querySelectorAll("#details details")) one.open = true;
    press(named("Copy"));
    press(named("Path to"));
  }
  for (const color of document.querySelectorAll("#color option")) {
    document.querySelector("#color").value = color.value;
    document.querySelector("#color").onchange();
  }
  for (const name of ["svg", "png", "keep", "fit", "all-dates", "untangle", "untangle"]) {
    press(document.querySelector(`#${name}`));
  }
}"""


@pytest.mark.parametrize("policy", [True, False], ids=["with the policy", "without"])
def test_no_control_runs_hostile_text(opened, hostile_page, policy):
    page = opened(hostile_page if policy else without_policy(hostile_page))
    page.page.evaluate(_EVERYTHING)
    assert_harmless(page)


def test_no_bad_text_of_the_corpus_runs_or_sends_requests(opened):
    graph = hostile_text_graph()
    page = opened(graph)
    before = page.page.title()
    keys = [key for key in graph if graph.nodes[key]["type"] == "reference"]
    result = page.page.evaluate(_CHOOSE, keys)
    assert [chosen for chosen, _ in result] == keys
    assert {link for _, links in result for link in links} <= {"http:", "https:"}
    assert page.page.title() == before
    assert page.page.locator("img, iframe, object, embed, form, script[src]").count() == 0
    assert_silent(page)


def test_hostile_types_and_relations_are_text(opened):
    page = opened(hostile_campaign())
    assert HOSTILE["image"] in page.page.text_content("#legend")
    page.choose("strange")
    assert HOSTILE["image"] in page.details
    assert page.page.evaluate("() => window.ran === undefined")
    assert_silent(page)


def test_the_policy_blocks_injected_scripts(opened):
    page = opened(campaign())
    page.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = 1";
            document.body.append(script);
            const image = document.createElement("img");
            image.src = "https://beacon.example/x.png";
            document.body.append(image);
            return fetch("https://beacon.example/").catch(() => null);
        }"""
    )
    assert page.page.evaluate("() => window.ran === undefined")
    assert page.passed == []
    assert len(page.complaints) >= 3


def test_the_published_state_is_read_only(opened):
    page = opened(campaign())
    page.page.evaluate("() => { try { window.graphbuild.counts.nodes = 0; } catch {} }")
    assert page.counts["nodes"] == len(campaign())


# --- screenshots


GRAPHS = {"small": campaign, "large": large_campaign, "hostile": hostile_campaign}
if SAMPLE.is_file():
    GRAPHS["sample"] = sample_campaign


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", GRAPHS)
def test_screenshots(opened, name, scheme):
    graph = GRAPHS[name]()
    page = opened(graph, color_scheme=scheme, title=f"The {name} campaign")
    whole = page.screenshot(f"page-{name}-{scheme}")
    page.choose(max(graph, key=lambda key: (graph.degree(key), key)))
    assert page.screenshot(f"page-{name}-{scheme}-chosen") != whole
    background = page.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert json.loads(f"[{background[4:-1]}]")[0] > 128 if scheme == "light" else True
    assert_silent(page)


@pytest.mark.skipif(not SAMPLE.is_file(), reason="the real data does not lie beside this checkout")
def test_the_real_sample_is_drawn_completely(opened):
    graph = sample_campaign()
    page = opened(graph)
    expected = {"nodes": len(graph), "links": graph.number_of_edges()}
    assert page.visible.items() >= expected.items()
    assert page.visible["lines"] * 10 < expected["links"]
    assert_all_can_be_found(page, graph)


def test_the_demo_is_drawn_completely(opened, exported):
    graph = exported("demo").graph
    page = opened(graph)
    assert page.counts == {"nodes": len(graph), "links": graph.number_of_edges()}
    assert page.visible.items() >= page.counts.items()
    assert f"of {len(graph):,} nodes and" in page.status
    assert page.screenshot("demo")
    assert_all_can_be_found(page, graph)

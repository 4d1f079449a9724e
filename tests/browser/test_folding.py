"""Folded groups: counts, evidence, expanding and folding."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from graphbuild.graph.builder import build_graph
from graphbuild.graph.views import fold
from graphbuild.models import INFERRED, Observation
from tests.browser.campaigns import SVG, collection, file, large_campaign, report

pytestmark = pytest.mark.browser

RED, BLUE = collection("Red"), collection("Blue")
FILES = [file(f"file {n}") for n in range(3)]
# Every second report has a date, each in another month.
REPORTS = [
    report(f"Report {n}", **({"creation_date": 1_500_000_000 + n * 2_678_400} if n % 2 else {}))
    for n in range(10)
]


def family():
    """Return a graph of three files with ten reports through Red, one pair also through Blue."""
    observations = [Observation(one, about, RED) for one in FILES for about in REPORTS]
    return build_graph([*observations, Observation(FILES[0], REPORTS[0], BLUE)])


def foldable(reports=5, files=2):
    """Return a graph of files and reports that fold, although their edges have different facts."""
    observations = [
        Observation(file(f"f{n}"), report(f"r{m}"), (RED, BLUE)[(n + m) % 2])
        for n in range(files)
        for m in range(reports)
    ]
    links = [
        Observation(file(f"f{n}"), report(f"r{m}"), None, INFERRED)
        for n in range(files)
        for m in range(reports)
    ]
    graph = build_graph([*observations, *links])
    for m in range(reports):
        for other in (RED, BLUE):
            graph.add_edge(report(f"r{m}").key, other.key, relation="related_from", weight=1)
    return graph


def test_the_folded_graph_is_drawn(opened):
    graph = large_campaign()
    folded = fold(graph)
    page = opened(graph)
    assert page.drawn == {"markers": len(folded), "lines": folded.number_of_edges()}
    assert page.visible["nodes"] == len(graph)
    assert f"folded into {len(folded):,} and {folded.number_of_edges():,}" in page.status


def test_a_folded_marker_shows_count_and_members(opened):
    page = opened(family())
    key = REPORTS[5].key
    assert page.marker(key) == {"members": 9, "shown": 9, "color": "#e69f00"}
    page.page.mouse.click(*page.point(key))
    assert "×9" in page.details
    for each in REPORTS[1:]:
        assert each.label in page.details
    assert page.selection.split() == [each.key for each in REPORTS[1:]]


def test_a_group_expands_in_place_and_folds_again(opened):
    graph = family()
    page = opened(graph)
    before, key = page.drawn, REPORTS[5].key
    middle = page.point(key)
    page.page.mouse.click(*middle)
    page.press("Expand all 9")
    assert page.drawn["markers"] == before["markers"] + 8
    assert page.marker(key)["members"] == 1
    assert (page.visible["nodes"], page.visible["links"]) == (len(graph), graph.number_of_edges())
    points = [page.point(each.key) for each in REPORTS[1:]]
    assert len(set(points)) == 9
    assert sum(x for x, _ in points) / 9 == pytest.approx(middle[0], abs=1)
    page.choose(key)
    page.press("Fold 9 nodes")
    assert page.drawn == before
    assert len(page.selection.split()) == 9
    page.page.click("#fit")
    assert page.point(key) == pytest.approx(middle, abs=1)


def test_a_double_click_expands(opened):
    page = opened(family())
    page.page.mouse.dblclick(*page.point(REPORTS[5].key))
    assert page.expanded == [REPORTS[1].key]


def test_all_groups_expand_and_fold_at_once(opened):
    graph = family()
    page = opened(graph)
    page.page.uncheck("#fold")
    assert page.drawn == {"markers": len(graph), "lines": graph.number_of_edges()}
    assert "folded" not in page.status
    page.page.check("#fold")
    assert page.drawn["markers"] == len(fold(graph))


def test_search_expands_a_folded_node(opened):
    page = opened(large_campaign())
    key = next(
        k for k in large_campaign() if large_campaign().nodes[k]["label"].endswith("part 101")
    )
    assert page.marker(key)["members"] > 100
    page.choose(key)
    assert page.selection == key
    assert page.marker(key)["members"] == 1
    box = page.page.locator("#canvas").bounding_box()
    assert page.point(key)[0] == pytest.approx(box["x"] + box["width"] / 2, abs=2)


def test_at_most_200_members_expand_at_once(opened):
    graph = build_graph(Observation(FILES[0], report(f"r{n}"), RED) for n in range(450))
    page = opened(graph)
    key = report("r3").key
    page.page.mouse.click(*page.point(key))
    page.press("Expand 200 of 450")
    assert page.drawn["markers"] == 2 + 200 + 1
    rest = next(k for k in graph if page.marker(k)["members"] == 250)
    page.page.mouse.click(*page.point(rest))
    assert "×250" in page.details
    page.page.click(f'#details button[data-key="{rest}"]')
    assert page.selection == rest
    assert page.drawn["markers"] == 2 + 201 + 1
    rest = next(k for k in graph if page.marker(k)["members"] == 249)
    page.page.click("#fit")
    page.page.mouse.click(*page.point(rest))
    page.press("Expand 200 of 249")
    assert page.drawn["markers"] == 2 + 401 + 1
    assert page.visible["nodes"] == len(graph)


def test_the_rest_of_a_group_covers_no_expanded_member(opened):
    graph = build_graph(Observation(FILES[0], report(f"r{n}"), RED) for n in range(450))
    page = opened(graph)
    page.choose(report("r3").key)
    _, content = page.saved("#svg")
    *apart, largest = sorted(
        map(box_of, ET.fromstring(content).iter(f"{SVG}polygon")), key=width_of
    )
    assert len(apart) > 200
    assert width_of(largest) > 2 * width_of(apart[0])
    left, top, right, bottom = largest
    for one in apart:
        assert one[2] <= left or one[0] >= right or one[3] <= top or one[1] >= bottom


def box_of(shape):
    corners = [tuple(map(float, pair.split(","))) for pair in shape.get("points").split()]
    across, down = zip(*corners, strict=True)
    return min(across), min(down), max(across), max(down)


def width_of(box):
    return box[2] - box[0]


# --- evidence


def evidence_of(page):
    """Return the evidence summaries in the panel."""
    return [one.inner_text() for one in page.page.locator("#details details summary").all()]


def between(page, one, other):
    (x1, y1), (x2, y2) = page.point(one), page.point(other)
    page.page.mouse.click((x1 + x2) / 2, (y1 + y2) / 2)


def test_equal_evidence_of_a_folded_line_is_shown_once(opened):
    page = opened(family())
    between(page, FILES[1].key, REPORTS[5].key)
    assert "All 3 with all 9: 27 links. 27 observations." in page.details
    assert evidence_of(page) == ["27 links: through Red · 1 observation · observed"]


def test_different_evidence_of_a_folded_line_is_shown_per_pair(opened):
    graph = foldable()
    page = opened(graph)
    one, about = file("f0").key, report("r0").key
    assert page.marker(about)["members"] == 5
    between(page, one, about)
    kinds = evidence_of(page)
    assert len(kinds) == 2
    assert sum(int(kind.split()[0]) for kind in kinds) == 10
    shown = set()
    for box in page.page.locator("#details details").all():
        (name,) = {name for name in ("Red", "Blue") if name in box.locator("summary").inner_text()}
        box.locator("summary").click()
        box.locator("li").first.wait_for()
        shown |= {(row.inner_text(), name) for row in box.locator("li").all()}
    expected = set()
    for source, target, edge in graph.edges(data=True):
        for key in edge.get("related_from", ()):
            if key != "-":
                ends = f"{graph.nodes[source]['label']} → {graph.nodes[target]['label']}"
                expected.add((ends, graph.nodes[key]["label"]))
    assert shown == expected


def test_the_focus_of_a_member_contains_what_was_observed_with_it(opened):
    page = opened(foldable())
    page.choose(report("r0").key)
    assert set(page.focus) == {report("r0").key, file("f0").key, file("f1").key, RED.key, BLUE.key}
    page.choose(RED.key)
    whole = foldable()
    assert set(page.focus) == set(whole) - {BLUE.key}


def test_hostile_text_stays_text_in_groups(opened):
    markup = "<img src=x onerror=window.ran=1>"
    observations = [
        Observation(one, report(f"{markup}{n}"), RED) for one in FILES for n in range(3)
    ]
    page = opened(build_graph(observations))
    page.page.mouse.click(*page.point(report(f"{markup}1").key))
    page.press("Expand all 3")
    between(page, FILES[0].key, report(f"{markup}2").key)
    assert markup in page.details
    assert page.page.locator("img").count() == 0
    assert page.page.evaluate("() => window.ran === undefined")
    assert page.requests == page.complaints == []

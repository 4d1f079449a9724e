"""Kinds of collections: shapes, the legend with its filters, and hostile kinds and names."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from tests.browser.campaigns import SVG, file, report

EMOTET = {"name": "Emotet"}
COLLECTIONS = {
    "malpedia_win_emotet": EMOTET | {"collection_type": "malware-family", "origin": "Partner"},
    "ab" * 32: EMOTET | {"collection_type": "campaign", "origin": "Crowdsourced"},
    "kit": {"name": "Loader kit", "collection_type": "software-toolkit"},
    "actor": {"name": "GlassHeron", "collection_type": "threat-actor"},
    "cve": {"name": "CVE-2022-30190", "collection_type": "vulnerability"},
    "list": {"name": "Spam run", "collection_type": "collection"},
    "bare": {"name": "Kind unknown"},
    "hostile": {"name": "<b>bold</b>", "collection_type": "<img src=x onerror=alert(1)>"},
}
# Texts of the legend, with the number of collections.
LEGEND = [
    ("collection: malware family", "1"),
    ("collection: software toolkit", "1"),
    ("collection: campaign", "1"),
    ("collection: threat actor", "1"),
    ("collection: vulnerability", "1"),
    ("collection", "3"),
    ("reference", "3"),
    ("file", "4"),
]


@pytest.fixture(scope="module")
def kinds():
    """A graph of four files, three references, and a collection of each kind."""
    references = [
        report("Emotet returns"),
        report("A campaign"),
        Entity("reference", "01" * 32, {"url": "https://blog.example/2024/05/glass-heron.html"}),
    ]
    return build_graph(
        Observation(file(f"f{n % 4}"), references[n % 3], Entity("collection", each, attributes))
        for n, (each, attributes) in enumerate(COLLECTIONS.items())
    )


def key_of(name):
    return f"collection:{name}"


def legend_of(page):
    rows = page.page.locator("#legend li").all()
    return [
        tuple(row.locator(f".{part}").inner_text() for part in ("name", "count")) for row in rows
    ]


def test_the_legend_lists_the_stated_kinds(opened, kinds):
    page = opened(kinds)
    assert legend_of(page) == LEGEND
    page.screenshot("kinds")
    assert page.requests == page.complaints == []


def test_each_kind_can_be_hidden_and_the_link_keeps_it(opened, kinds):
    page = opened(kinds)
    page.page.uncheck("#legend li:nth-child(4) input")
    assert page.marker(key_of("actor"))["shown"] == 0
    assert page.marker(key_of("kit"))["shown"] == 1
    assert page.visible["nodes"] == len(kinds) - 1
    page.reopen_by_link()
    assert page.marker(key_of("actor"))["shown"] == 0
    assert page.visible["nodes"] == len(kinds) - 1


def test_kinds_differ_by_shape_not_by_color(opened, kinds):
    page = opened(kinds)
    assert {page.marker(key_of(each))["color"] for each in COLLECTIONS} == {"#cc3311"}
    with page.page.expect_download() as saved:
        page.page.click("#svg")
    root = ET.parse(saved.value.path()).getroot()
    corners = sorted(len(each.get("points").split()) for each in root.iter(f"{SVG}polygon"))
    # A triangle, four diamonds and three references, two hexagons, and a star.
    assert corners == [3, *[4] * 7, 6, 6, 10]


def test_collections_of_one_name_are_told_apart(opened, kinds):
    page = opened(kinds)
    for key, label in {
        "malpedia_win_emotet": "Emotet (malware family, Partner)",
        "ab" * 32: "Emotet (campaign, Crowdsourced)",
    }.items():
        page.choose(key_of(key))
        assert page.page.inner_text("#details .name") == label
        assert label in page.status
    assert page.requests == page.complaints == []


def test_the_panel_shows_the_kind_as_text(opened, kinds):
    page = opened(kinds)
    page.choose(key_of("hostile"))
    assert "<img src=x onerror=alert(1)>" in page.details
    assert page.page.locator("#details img, #legend img").count() == 0
    page.choose(key_of("actor"))
    assert page.page.inner_text("#details .type").startswith("collection: threat actor")
    assert re.search(r"Kind\s*threat-actor", page.details)
    assert page.requests == page.complaints == []


def test_a_reference_without_a_title_has_its_address(opened, kinds):
    page = opened(kinds)
    page.choose("reference:" + "01" * 32)
    assert page.page.inner_text("#details .name") == "blog[.]example/…/glass-heron.html"

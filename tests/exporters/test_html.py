"""The HTML page as text: its data, policy and scripts. The browser tests open it."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import random
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from io import BytesIO

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.analysis.campaign_clusters import add_found_clusters
from graphbuild.errors import ExportError
from graphbuild.exporters.html import json_block, level_of_detail
from graphbuild.exporters.html import page as html_page
from graphbuild.exporters.html.page import write_html
from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from tests.graph.test_views import GRAPHS as GRAPHS_THAT_FOLD
from tests.graph.test_views import family
from tests.support.graphs import BARE, EMOTET, GANG, REPORT, UNKNOWN, campaign
from tests.support.paths import ROOT

SHIPPED = files("graphbuild.exporters.html") / "static"
SCRIPTS = [entry.name for entry in SHIPPED.iterdir() if entry.name.endswith(".js")]

# Hostile texts of titles, names and URLs. A script that runs sets window.ran.
HOSTILE = {
    "image": "<img src=x onerror=window.ran=1>",
    "link": '<a href="javascript:window.ran=2">How href abuse works</a>',
    "end of script": "</script><script>window.ran=3</script>",
    "comment": "<!--<script>window.ran=4</script>",
    "end of select": "</select><img src=x onerror=window.ran=5>",
    "end of style": "</style><svg onload=window.ran=6>",
    "quotes": "\"'`;window.ran=7;//\\",
    "lines": "a\u2028window.ran=8\u2029b",
    "template": "${window.ran=9}{{ 7*7 }}{% raw %}",
    "script address": "javascript:window.ran=10",
    "data address": "data:text/html,<script>window.ran=11</script>",
    "turned around": "invoice\u202egnp.exe",
    "entity": "&lt;img src=x onerror=window.ran=12&gt;",
    "prototype": "__proto__",
    "constructor": "constructor",
    "image in quotes": '"><img src=x onerror=window.ran=13>',
    "image in an apostrophe": "'><img src=x onerror=window.ran=14>",
    "handler": '" onmouseover="window.ran=15" autofocus onfocus="window.ran=16',
    "frame": '<iframe srcdoc="<script>parent.ran=17</script>"></iframe>',
    "object": '<object data="https://evil.example/x"></object>',
    "form": '<form action="https://evil.example/"><input autofocus onfocus=window.ran=18>',
    "meta": '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
    "base": '<base href="https://evil.example/">',
    "foreign style": '<link rel=stylesheet href="https://evil.example/x.css">',
    "import": "<style>@import 'https://evil.example/x.css'</style>",
    "color": "url(https://evil.example/x.png)",
    "style": "red;background:url(https://evil.example/y.png)",
    "beacon": "<img src=https://evil.example/z.png>",
    "math": "<math><mtext><table><mglyph><style><img src=x onerror=window.ran=19>",
    "noscript": '<noscript><p title="</noscript><img src=x onerror=window.ran=20>">',
    "textarea": "</textarea><script>window.ran=21</script>",
    "title end": "</title><script>window.ran=22</script>",
    "section": "<![CDATA[<script>window.ran=23</script>]]>",
    "end of string": "\\u003cscript\\u003ewindow.ran=24\\u003c/script\\u003e",
    "expression": "{{constructor.constructor('window.ran=25')()}}",
    "old script": "vbscript:window.ran=26",
    "padded script": " \t\njava\nscript:window.ran=27",
    "no scheme": "//evil.example/x",
    "another scheme": "file:///etc/passwd",
    "blob": "blob:https://evil.example/1",
    "user in the address": "javascript://%0awindow.ran=28@evil.example/",
    "formula": '=HYPERLINK("https://evil.example/","x")',
    "unseen": "a\u200bb\u2066c\u2069\ufeff",
    "combining": "e" + "\u0301" * 60,
    "right to left": "\u05e9\u05dc\u05d5\u05dd <b>x</b>",
    "numbers": "1e999",
    "markdown": "[x](javascript:window.ran=29)",
    "handlebars": "<%= window.ran=30 %>",
    "long": "<b>" * 90,
    "slashes": '\\"-window.ran=31}//',
}


INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def hostile_campaign():
    """Return a graph with every hostile text in every field and id of every entity type."""
    graph = nx.DiGraph()
    for number, text in enumerate(HOSTILE.values()):
        keys = [f"{kind}:{number}-{text}" for kind in ("file", "reference", "collection")]
        for kind, key in zip(("file", "reference", "collection"), keys, strict=True):
            attributes = dict.fromkeys(("label", "title", "name", "author", "url", "state"), text)
            graph.add_node(key, **attributes, type=kind, id=f"{number}-{text}", creation_date=text)
            graph.nodes[key][text] = text
        graph.add_edge(*keys[:2], relation="related_references", related_from=(keys[2],), weight=1)
        graph.add_edge(*keys[1:], relation="related_from", weight=1)
    hostile = HOSTILE["image"]
    graph.add_node("strange", type=hostile, label="of a hostile type", id="strange")
    graph.add_edge("strange", keys[1], relation=hostile, weight=hostile, related_from=[hostile])
    return graph


def page_of(graph, **options):
    stream = BytesIO()
    write_html(graph, stream, **options)
    return stream.getvalue().decode("utf-8")


@cache
def hostile_page():
    """Return the page with hostile texts, which is written once for all tests."""
    return page_of(hostile_campaign())


class PageParser(HTMLParser):
    """Parses the elements of a page in order, with the text of each."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), []))
        self.inside = True

    def handle_endtag(self, tag):  # noqa: ARG002  the parser's signature
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.elements[-1][2].append(data)

    def all(self, tag):
        return [(attrs, "".join(text)) for name, attrs, text in self.elements if name == tag]


def data_of(page):
    """Return the data block."""
    [block] = [text for attrs, text in PageParser(page).all("script") if "id" in attrs]
    return json.loads(block)


def nodes_of(page):
    """Return the nodes by key; the page omits keys that follow from type and id."""
    data = data_of(page)
    types = [each["name"] for each in data["types"]]
    return {
        node.get("key", f"{types[node['type']]}:{node['attributes'].get('id')}"): node
        for node in data["nodes"]
    }


def node_of(page, key):
    return nodes_of(page)[key]


def pairs_of(page):
    """Return the attributes of each edge, with folded links expanded."""
    data = data_of(page)
    keys = list(nodes_of(page))
    members = {group[0]: group for group in data["groups"]}
    found = {}
    for source, target, relation, fact_numbers in data["links"]:
        froms, tos = members.get(source, [source]), members.get(target, [target])
        pairs = [(one, other) for one in froms for other in tos]
        numbers = [fact_numbers] * len(pairs) if isinstance(fact_numbers, int) else fact_numbers
        assert len(numbers) == len(pairs)
        for (one, other), number in zip(pairs, numbers, strict=True):
            fact = data["facts"][number]
            via = {keys[i] if isinstance(i, int) and i >= 0 else i for i in fact.get("via", [])}
            attributes = {**fact.get("more", {}), "weight": fact["weight"]}
            found[keys[one], keys[other]] = (data["relations"][relation], via, attributes)
    return found


# --- data of the page


GRAPHS = {"campaign": campaign, "hostile": hostile_campaign}


@pytest.mark.parametrize("name", GRAPHS)
def test_the_page_contains_every_node_and_edge_attribute(name):
    graph = GRAPHS[name]()
    page = page_of(graph)
    assert list(nodes_of(page)) == list(graph)
    expected = {}
    for source, target, attributes in graph.edges(data=True):
        behind = set(attributes.get("related_from", ()))
        via = {-1 if each == "-" else each for each in behind}
        separate = {"relation", "related_from"}
        more = {name: value for name, value in attributes.items() if name not in separate}
        expected[source, target] = (attributes["relation"], via, more)
    assert pairs_of(page) == expected


@settings(max_examples=50)
@given(GRAPHS_THAT_FOLD)
def test_nothing_is_lost_by_folding(graph):
    pairs = pairs_of(page_of(graph, positions=dict.fromkeys(graph, (0, 0))))
    assert set(pairs) == set(graph.edges)
    for ends, (relation, via, attributes) in pairs.items():
        edge = graph.edges[ends]
        assert (relation, attributes["weight"]) == (edge["relation"], edge["weight"])
        assert via == {-1 if key == "-" else key for key in edge.get("related_from", ())}
        assert attributes.get("provenance") == edge.get("provenance")


def test_a_family_is_a_few_links():
    graph = build_graph(family(25, 400))
    data = data_of(page_of(graph))
    assert graph.number_of_edges() == 10_400
    assert len(data["links"]) == 2
    assert sorted(map(len, data["groups"])) == [25, 400]


def test_the_page_contains_node_attributes():
    node = node_of(page_of(campaign()), REPORT.key)
    assert node["label"] == REPORT.label
    assert node["attributes"] == {"id": REPORT.id, **REPORT.attributes}


def test_a_link_has_its_observations():
    _, via, attributes = pairs_of(page_of(campaign()))[EMOTET.key, REPORT.key]
    assert via == {-1, GANG.key, "collection:alienvault_5a5"}
    assert attributes == {"weight": 3, "provenance": "observed"}


def test_a_collection_missing_from_a_view_is_named():
    graph = campaign()
    graph.remove_node(GANG.key)
    assert any(GANG.key in via for _, via, _ in pairs_of(page_of(graph)).values())


def test_y_is_inverted_for_browsers():
    graph = build_graph([Observation(EMOTET, BARE, None)])
    page = page_of(graph, positions={EMOTET.key: (1.5, 2.5), BARE.key: (-10, 0)})
    assert [(node["x"], node["y"]) for node in data_of(page)["nodes"]] == [(1.5, -2.5), (-10, 0)]


def test_each_node_needs_a_position():
    graph = build_graph([Observation(EMOTET, BARE, None)])
    with pytest.raises(ExportError, match="no position with finite x and y"):
        page_of(graph, positions={EMOTET.key: (1.5, 2.5)})


def test_every_type_has_a_color_and_a_shape():
    graph = campaign()
    graph.add_node("domain:a.example", type="domain", label="a.example", id="a.example")
    types = data_of(page_of(graph))["types"]
    assert [(each["name"], each["title"]) for each in types] == [
        ("collection", "collection: malware family"),
        ("collection", "collection"),
        ("reference", "reference"),
        ("file", "file"),
        ("domain", "domain"),
    ]
    assert len({each["shape"] for each in types}) == 5
    assert all(re.fullmatch("#[0-9a-f]{6}", each["color"]) for each in types)
    assert {each["shape"] for each in types} <= {
        *("dot", "square", "diamond", "triangle", "hexagon")
    }


def test_an_empty_graph_makes_a_page():
    data = data_of(page_of(nx.DiGraph()))
    assert (data["nodes"], data["links"], data["types"]) == ([], [], [])


STRANGE_VALUES = [
    (math.nan, "nan"),
    (-math.inf, "-inf"),
    (2**53, str(2**53)),
    (np.int64(5), "5"),
    (np.float64(0.5), 0.5),
    (datetime(2018, 1, 12, tzinfo=UTC), "2018-01-12 00:00:00+00:00"),
    (True, True),
    (b"bytes", "b'bytes'"),
    ("\ud800", "\ud800"),
]


@pytest.mark.parametrize(("value", "expected"), STRANGE_VALUES, ids=repr)
def test_values_that_json_or_browsers_cannot_represent_become_text(value, expected):
    graph = nx.DiGraph()
    graph.add_node("file:1", type="file", label="one", id="1", odd=value)
    assert node_of(page_of(graph), "file:1")["attributes"]["odd"] == expected


def test_missing_attributes_are_omitted():
    graph = nx.DiGraph()
    graph.add_node("file:1", type="file", label="one", id="1", author=None)
    assert node_of(page_of(graph), "file:1")["attributes"] == {"id": "1"}


def test_labels_are_truncated_and_urls_are_not():
    graph = nx.DiGraph()
    address = "https://a.example/" + "x" * 9_000
    graph.add_node(
        "r:1", type="reference", label="ü" * 9_000, id="1", url=address, note="n" * 9_000
    )
    node = node_of(page_of(graph), "r:1")
    assert len(node["label"]) == json_block.MAX_LABEL
    assert len(node["attributes"]["note"]) == json_block.MAX_TEXT
    assert node["attributes"]["url"] == address


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Emotet & <b>friends</b>", "Emotet & <b>friends</b>"),
        ("exe\u202egnp", "exe gnp"),
        ("two\nlines", "two lines"),
        ("  ", "graphbuild"),
        ("x" * 999, "x" * (json_block.MAX_LABEL - 1) + "…"),
        *((text, INVISIBLE.sub(" ", text).strip()) for text in HOSTILE.values()),
    ],
)
def test_a_title_is_escaped(title, shown):
    reader = PageParser(page_of(campaign(), title=title))
    assert reader.all("title")[0][1].strip() == shown
    assert reader.all("h1")[0][1].strip() == shown
    assert structure(reader) == structure(PageParser(page_of(campaign())))


# --- security of the page


def structure(reader):
    return [(tag, sorted(attributes)) for tag, attributes, _ in reader.elements]


def test_hostile_texts_do_not_change_the_page():
    hostile, harmless = PageParser(hostile_page()), PageParser(page_of(campaign()))
    assert structure(hostile) == structure(harmless)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_stays_data(name):
    nodes = data_of(hostile_page())["nodes"]
    mine = [node for node in nodes if node["label"] == HOSTILE[name]]
    assert len(mine) == 3
    assert all(node["attributes"]["author"] == HOSTILE[name] for node in mine)


def test_the_data_is_plain_ascii_without_markup():
    page = hostile_page()
    [block] = [text for attrs, text in PageParser(page).all("script") if "id" in attrs]
    assert block.isascii()
    assert not set("<>&\n") & set(block)


def test_the_page_has_three_inline_scripts():
    scripts = PageParser(hostile_page()).all("script")
    attributes = [attrs for attrs, _ in scripts]
    assert attributes == [{"type": "application/json", "id": "data"}, {}, {}]


def policy_of(page):
    elements = PageParser(page).elements
    first = next(element for element in elements if element[0] not in {"html", "head"})
    assert first[0] == "meta"
    assert first[1]["http-equiv"] == "Content-Security-Policy"
    return dict(part.strip().split(" ", 1) for part in first[1]["content"].split(";"))


def digest(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_comes_first_and_allows_only_our_scripts():
    page = page_of(hostile_campaign(), title=HOSTILE["end of script"])
    policy = policy_of(page)
    library, script = [text for attrs, text in PageParser(page).all("script") if not attrs]
    [(_, style)] = PageParser(page).all("style")
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == f"{digest(library)} {digest(script)}"
    assert policy["style-src"] == digest(style)
    assert policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in str(policy)


def test_the_policy_does_not_depend_on_the_data():
    assert policy_of(hostile_page()) == policy_of(page_of(nx.DiGraph()))


def test_the_page_references_no_other_file():
    reader = PageParser(hostile_page())
    for _, attributes, _ in reader.elements:
        assert not {"src", "srcset", "action", "data", "style"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert [attributes["href"] for _, attributes, _ in reader.elements if "href" in attributes] == [
        "data:,"
    ]
    assert ("meta", {"name": "referrer", "content": "no-referrer"}, ["\n"]) in reader.elements


def test_only_data_and_library_name_hosts():
    page = page_of(campaign())
    library = html_page._library()
    [block] = [text for attrs, text in PageParser(page).all("script") if "id" in attrs]
    own_parts = page.replace(library, "").replace(block, "")
    names = set(re.findall(r"(?:https?:)?//([\w-]+\.[\w.-]+)", own_parts))
    assert names == {"www.w3.org"}  # the XML namespace of SVG
    assert "sourceMappingURL" not in page


_FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|\bFunction\(|srcdoc"
    r"|DOMParser|createContextualFragment|setHTML|setAttribute\(\s*[\"']on|javascript:"
    r"|\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\b|new Image\b"
    r"|Worker|\w+Storage\b|indexedDB|cookie|\bset(Timeout|Interval)\(\s*[\"'`]"
)


@pytest.mark.parametrize("name", SCRIPTS)
def test_our_scripts_use_no_markup_and_no_requests(name):
    assert _FORBIDDEN.findall((SHIPPED / name).read_text(encoding="utf-8")) == []


def test_all_shipped_scripts_are_in_the_page():
    either = page_of(nx.DiGraph()), page_drawn_by_webgl()
    for name in SCRIPTS:
        text = (SHIPPED / name).read_text(encoding="utf-8")
        found = [text in page for page in either]
        assert found == [name != "renderer_webgl.js", name != "renderer_vis.js"]


def page_drawn_by_webgl():
    """Return a page that uses the WebGL renderer, as for a large graph."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(level_of_detail, "MAX_ALL", 0)
        patch.setattr(level_of_detail, "MAX_REDUCED", 0)
        return page_of(campaign(), full=True)


def test_a_page_drawn_by_webgl_has_the_same_policy_with_its_own_scripts():
    page = page_drawn_by_webgl()
    library, script = [text for attrs, text in PageParser(page).all("script") if not attrs]
    assert policy_of(page)["script-src"] == f"{digest(library)} {digest(script)}"
    assert "sigmaParts" in library
    hosts = set(re.findall(r"(?:https?:)?//([\w-]+\.[\w.-]+)", library))
    assert hosts == {"www.sigmajs.org"}  # in the license notice
    assert data_of(page)["level"] == "full"


def test_no_node_is_drawn_as_an_image():
    for name in ("colors.js", "renderer_vis.js", "renderer_webgl.js"):
        script = (SHIPPED / name).read_text(encoding="utf-8").lower()
        assert "image" not in script.replace("drawimage", "")  # used only to save the canvas


TEXTS = st.text(max_size=40) | st.sampled_from(sorted(HOSTILE.values()))


@settings(max_examples=50)
@given(TEXTS, TEXTS, TEXTS)
def test_any_text_is_kept_and_does_not_change_the_page(label, name, value):
    graph = nx.DiGraph()
    graph.add_node("k", **{"type": "file", "id": "1", f"x{name}": value, "label": label})
    page = page_of(graph, title=label)
    assert node_of(page, "k")["label"] == label
    assert node_of(page, "k")["attributes"][f"x{name}"] == value
    assert structure(PageParser(page)) == structure(PageParser(page_of(nx.DiGraph())))


# --- writing the page


def test_equal_graphs_give_equal_pages():
    assert page_of(campaign()) == page_of(campaign())


_DIGEST = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import tests.exporters.test_html as here
print(hashlib.sha256(here.page_of(here.hostile_campaign()).encode()).hexdigest())
"""


def test_hash_order_does_not_matter():
    expected = hashlib.sha256(page_of(hostile_campaign()).encode()).hexdigest()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", _DIGEST, str(ROOT)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == expected


def test_the_graph_is_not_changed():
    graph = campaign()
    before = nx.node_link_data(graph)
    write_html(graph, BytesIO())
    assert nx.node_link_data(graph) == before


def test_importing_the_exporter_does_not_load_pyvis():
    program = (
        "import sys, graphbuild.exporters.html.page\n"
        "print({'pyvis', 'IPython', 'jinja2'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"


def test_the_network_is_a_pyvis_network():
    from pyvis.network import Network  # noqa: PLC0415  slow to load

    assert isinstance(html_page._network("", "", "vis"), Network)


def test_another_vis_network_is_refused(monkeypatch):
    (where, which, _) = html_page._LIBRARIES["vis"]
    monkeypatch.setitem(html_page._LIBRARIES, "vis", (where, which, "0" * 64))
    with pytest.raises(ExportError, match="is not vis-network"):
        write_html(campaign(), BytesIO())


def test_a_missing_vis_network_is_reported(monkeypatch):
    _, *rest = html_page._LIBRARIES["vis"]
    monkeypatch.setitem(html_page._LIBRARIES, "vis", (("pyvis", "templates/nowhere.js"), *rest))
    with pytest.raises(ExportError, match="install pyvis"):
        write_html(campaign(), BytesIO())


def test_newlines_are_normalized_as_by_a_parser():
    assert "\r" not in html_page._library()


def test_a_reference_without_attributes_is_drawn():
    graph = build_graph([Observation(EMOTET, Entity("reference", "0" * 64), None)])
    assert node_of(page_of(graph), "reference:" + "0" * 64)["label"] == "000000000000…"


# --- clusters and level of detail


def test_the_page_contains_the_cluster_of_each_node():
    graph = build_graph([*family(3, 5), *family(4, 9, number=1)], subjects=[UNKNOWN])
    add_found_clusters(graph)
    data = data_of(page_of(graph))
    expected = {}
    for key, attributes in graph.nodes(data=True):
        of_second = attributes["id"] == "c1" or (
            len(attributes["id"]) == 64 and int(attributes["id"], 16) >= 1000
        )
        expected[key] = 1 if of_second else 2
    expected[UNKNOWN.key] = 0
    assert dict(zip(graph, data["clusters"], strict=True)) == expected
    assert [each["number"] for each in data["cluster_list"]] == [1, 2]
    assert data["cluster_list"][0]["color"] != data["cluster_list"][1]["color"]
    assert {"cluster", "cluster_name"}.isdisjoint(data["nodes"][0]["attributes"])


def test_a_graph_without_clusters_gives_a_page_without_clusters():
    data = data_of(page_of(campaign()))
    assert set(data["clusters"]) == {0}
    assert data["cluster_list"] == []


def scattered(files, references, collections, *, each=4):
    """Return a graph that hardly folds: each report has a few random files."""
    rng = random.Random(7)
    return build_graph(
        Observation(
            Entity("file", f"{rng.randrange(files):064x}"),
            Entity("reference", f"{about:064x}", {"title": f"Report {about}"}),
            Entity("collection", f"c{about % collections}", {"name": f"Set {about % collections}"}),
        )
        for about in range(references)
        for _ in range(each)
    )


def on_a_grid(graph):
    """Return positions on a grid, since a layout would take long."""
    return {key: (40.0 * (n % 200), 40.0 * (n // 200)) for n, key in enumerate(graph)}


@pytest.mark.bulk
def test_a_large_graph_of_few_collections_starts_without_references():
    """No two files have the same references, so nothing folds."""
    rng = random.Random(1)
    names = [Entity("collection", str(n), {"name": f"Set {n}"}) for n in range(2)]
    graph = build_graph(
        Observation(
            Entity("file", f"{number:064x}"),
            Entity("reference", f"{about:064x}"),
            names[number % 2],
        )
        for number in range(1_500)
        for about in rng.sample(range(3_000), 8)
    )
    data = data_of(page_of(graph, positions=on_a_grid(graph)))
    assert data["level"] == "files-collections"
    drawn = [data["types"][data["nodes"][index]["type"]]["name"] for index in data["initial"]]
    assert set(drawn) == {"file", "collection"}
    assert drawn.count("file") == 1_500


@pytest.mark.bulk
@pytest.mark.parametrize(
    ("references", "level"),
    [(500, "all"), (1_500, "reduced"), (4_000, "backbone"), (11_000, "map")],
)
def test_the_level_of_detail_depends_on_the_size(references, level):
    graph = scattered(references // 3, references, 40)
    positions = on_a_grid(graph)
    data = data_of(page_of(graph, positions=positions))
    assert data["level"] == level
    assert len(data["nodes"]) == len(graph)
    assert ("initial" in data) == (level in {"backbone", "map"})
    assert ("shared" in data) == (level == "map")
    full_data = data_of(page_of(graph, positions=positions, full=True))
    assert full_data["level"] == (level if level in {"all", "reduced"} else "full")
    assert "begin" not in full_data


@pytest.mark.bulk
def test_the_backbone_has_the_best_connected_nodes_of_each_type():
    graph = scattered(1_500, 4_000, 40)
    leaf = Observation(Entity("file", "f" * 64), Entity("reference", "e" * 64), None)
    graph.add_edges_from(build_graph([leaf]).edges(data=True))
    for key, attributes in build_graph([leaf]).nodes(data=True):
        graph.add_node(key, **attributes)
    data = data_of(page_of(graph, positions=on_a_grid(graph)))
    keys = list(graph)
    drawn = [keys[number] for number in data["initial"]]
    types = Counter(graph.nodes[key]["type"] for key in drawn)
    assert types == {"collection": 40, "reference": 300, "file": 300}
    assert "reference:" + "e" * 64 not in drawn
    least = min(graph.degree(key) for key in drawn if graph.nodes[key]["type"] == "file")
    others = [key for key in graph if graph.nodes[key]["type"] == "file" and key not in set(drawn)]
    assert max(graph.degree(key) for key in others) <= least


@pytest.mark.bulk
def test_the_map_links_collections_by_shared_references():
    graph = scattered(4_000, 11_000, 40)
    for about in list(graph.predecessors("collection:c1"))[:5]:
        graph.add_edge(about, "collection:c2", relation="related_from", weight=1)
    for one in ("collection:c1", "collection:c2"):  # a shared file is not a shared reference
        graph.add_edge(one, f"file:{0:064x}", relation="files", weight=1)
    data = data_of(page_of(graph, positions=on_a_grid(graph)))
    keys = list(graph)
    assert {keys[n] for n in data["initial"]} == {f"collection:c{n}" for n in range(40)}
    found = {frozenset((keys[a], keys[b])): count for a, b, count in data["shared"]}
    assert found == {frozenset(("collection:c1", "collection:c2")): 5}

"""GEXF: what stands in the file, when it begins, and that it says what GraphML says."""

from __future__ import annotations

import io
import math
import re
from datetime import UTC, datetime, timedelta

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from graphbuild.errors import ExportError
from graphbuild.exporters import write_gexf, write_graphml
from graphbuild.graph.builder import build_graph, extract_observations
from graphbuild.models import Entity, Link, Observation
from tests.support.expected import as_told
from tests.support.exported import NAMES
from tests.support.graphs import (
    BARE,
    EMOTET,
    GANG,
    HOSTILE,
    LOADER,
    OBSERVATIONS,
    OTHERS,
    REPORT,
    TALK,
    campaign,
    hostile_graphs,
    with_title,
)
from tests.support.paths import TESTS

GOLDEN = TESTS / "golden" / "campaign.gexf"
NS = "{http://gexf.net/1.3}"
VIZ = "{http://gexf.net/1.3/viz}"
DAY = 86_400


def written(graph, **options):
    stream = io.BytesIO()
    write_gexf(graph, stream, **options)
    return stream.getvalue()


def tree(graph, **options):
    return etree.fromstring(written(graph, **options))


def from_networkx(graph, **options):
    return nx.read_gexf(io.BytesIO(written(graph, **options)))


def as_graphml(graph, **options):
    stream = io.BytesIO()
    warnings = write_graphml(graph, stream, **options)
    stream.seek(0)
    return nx.read_graphml(stream), warnings


def places(graph):
    return {key: (float(n), -0.5 * n) for n, key in enumerate(graph)}


def starts(graph):
    """When each node and each edge begins, for those that say so."""
    root = tree(graph)
    nodes = {node.get("id"): node.get("start") for node in root.iter(f"{NS}node")}
    edges = {(e.get("source"), e.get("target")): e.get("start") for e in root.iter(f"{NS}edge")}
    return {key: start for key, start in (nodes | edges).items() if start is not None}


# --- the file ------------------------------------------------------------------------------------


def test_the_golden_file_still_comes_out():
    """To refresh it, after looking at the difference: delete it and run this test twice."""
    graph = campaign()
    now = written(graph, positions=places(graph))
    if not GOLDEN.exists():
        GOLDEN.write_bytes(now)
        pytest.fail("the golden file was missing and has been written; look at it, commit it")
    assert now == GOLDEN.read_bytes()


# The rules of the schema (https://gexf.net/1.3/gexf.xsd, dynamics.xsd, viz.xsd) for what we use:
# each element, its attributes with what they may be ("?" for those it need not have), its children.
DOUBLE = r"-?\d+(\.\d+)?(e[+-]\d+)?"
DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
ANY = r"(?s).*"
TOKEN = r"|\S+( \S+)*"
CHANNEL = r"\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5]"
KIND = "integer|long|double|float|boolean|string|anyURI"
RULES = {
    f"{NS}gexf": ({"version": r"1\.3"}, [f"{NS}meta", f"{NS}graph"]),
    f"{NS}meta": ({"lastmodifieddate?": DATE}, [f"{NS}creator"]),
    f"{NS}creator": ({}, []),
    f"{NS}graph": (
        {
            "defaultedgetype": "directed|undirected|mutual",
            "mode": "static|dynamic|slice",
            "timeformat": "integer|double|date|dateTime",
            "timerepresentation": "interval|timestamp",
        },
        [f"{NS}attributes", f"{NS}attributes", f"{NS}nodes", f"{NS}edges"],
    ),
    f"{NS}attributes": ({"class": "node|edge", "mode": "static|dynamic"}, f"{NS}attribute"),
    f"{NS}attribute": ({"id": ANY, "title": ANY, "type": KIND}, []),
    f"{NS}nodes": ({}, f"{NS}node"),
    f"{NS}node": (
        {"id": ANY, "label": TOKEN, "start?": DATE},
        [f"{NS}attvalues", f"{VIZ}color", f"{VIZ}size", f"{VIZ}position"],
    ),
    f"{NS}edges": ({}, f"{NS}edge"),
    f"{NS}edge": (
        {"id": ANY, "source": ANY, "target": ANY, "weight": DOUBLE, "start?": DATE},
        [f"{NS}attvalues"],
    ),
    f"{NS}attvalues": ({}, f"{NS}attvalue"),
    f"{NS}attvalue": ({"for": ANY, "value": ANY}, []),
    f"{VIZ}color": (dict.fromkeys("rgb", CHANNEL), []),
    f"{VIZ}size": ({"value": DOUBLE}, []),
    f"{VIZ}position": (dict.fromkeys("xyz", DOUBLE), []),
}


def obeys(root):
    """Hold each element to the rules; a text stands nowhere but in the creator."""
    for element in root.iter():
        attributes, children = RULES[element.tag]
        needed = {name for name in attributes if not name.endswith("?")}
        allowed = {name.removesuffix("?"): rule for name, rule in attributes.items()}
        assert needed <= set(element.keys()) <= set(allowed), element.tag
        for name, value in element.items():
            assert re.fullmatch(allowed[name], value), (element.tag, name, value)
        tags = [child.tag for child in element]
        if isinstance(children, str):
            assert set(tags) <= {children}
        else:  # the position alone may be missing
            assert tags == children[: len(tags)]
            assert set(children) - set(tags) <= {f"{VIZ}position"}
        if element.tag != f"{NS}creator":
            assert not (element.text or "").strip()
        assert not (element.tail or "").strip()


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile_graphs())
def test_the_rules_of_the_schema_are_obeyed(graph):
    for positions in (None, places(graph)):
        obeys(tree(graph, positions=positions))


def test_the_rules_of_the_schema_hold_for_what_is_usual_too():
    for graph in (campaign(), build_graph([])):
        obeys(tree(graph, positions=places(graph)))


def test_every_value_is_declared_and_of_its_kind():
    graph = with_title(*HOSTILE, creation_date=1_515_715_200, crawl_pages=3, seed=True)
    root = tree(graph)
    kinds = {"string": ANY, "long": r"-?\d+", "double": DOUBLE, "boolean": "true|false"}
    for scope in ("node", "edge"):
        (declared,) = (a for a in root.iter(f"{NS}attributes") if a.get("class") == scope)
        types = {each.get("id"): each.get("type") for each in declared}
        assert len(types) == len(declared)
        titles = {each.get("title") for each in declared}
        assert len(titles) == len(declared)
        # What Gephi takes for itself, and what would shadow it.
        assert not titles & {"id", "label", "timeset", "interval", "weight", "start", "end"}
        for element in root.iter(f"{NS}{scope}"):
            names = [value.get("for") for value in element.iter(f"{NS}attvalue")]
            assert len(set(names)) == len(names)
            for value in element.iter(f"{NS}attvalue"):
                assert re.fullmatch(kinds[types[value.get("for")]], value.get("value"))
                assert value.get("value")


def test_attributes_do_not_depend_on_the_data():
    def head(graph):
        return written(graph).partition(b"<nodes>")[0]

    assert head(campaign()) == head(build_graph([])) == head(with_title(*HOSTILE, strange="x"))


def test_attributes_bear_the_names_of_graphml():
    stream = io.BytesIO()
    write_graphml(campaign(), stream)
    keys = re.findall(rb'for="(\w+)" attr.name="(\w+)" attr.type="(\w+)"', stream.getvalue())
    own = {b"label", b"color", b"size", b"x", b"y", b"weight"}  # the format's own here
    found = [
        (scope.get("class"), each.get("id"), each.get("title"), each.get("type"))
        for scope in tree(campaign()).iter(f"{NS}attributes")
        for each in scope
    ]
    # Gephi Lite calls a value by its id, others by its title.
    due = [(s, name, name, kind) for s, name, kind in keys if name not in own]
    assert [tuple(map(str.encode, row)) for row in found] == due


def test_what_a_seed_list_says_has_a_column_of_its_own():
    seed = Entity("file", "ab" * 32, {"seed": True, "seed_family": "Emotet & <co>"})
    read = from_networkx(build_graph([], subjects=[seed]))
    assert read.nodes[seed.key]["seed_family"] == "Emotet & <co>"
    assert b'<attribute id="seed_family"' not in written(campaign())


def test_nothing_tells_when_it_was_written():
    assert not re.search(rb"lastmodified|20[2-9]\d-", written(campaign()))


def test_no_control_character_is_in_the_file():
    everything = "".join(map(chr, [*range(0x20), 0xFFFE, 0xFFFF, 0xD800, 0xDFFF]))
    text = written(with_title(everything, odd=everything)).decode()
    assert not re.search("[\x00-\x09\x0b-\x1f\ufffe\uffff]", text)


# --- what it says --------------------------------------------------------------------------------


def flat(read):
    """What networkx found in GEXF, under the names it has in GraphML."""
    for _, node in read.nodes(data=True):
        viz = node.pop("viz")
        color = viz["color"]
        node["color"] = "#{r:02x}{g:02x}{b:02x}".format(**color)
        node["size"] = viz["size"]
        if "position" in viz:
            assert viz["position"].pop("z") == 0
            node.update(viz["position"])
        node.pop("start", None)
    for *_, edge in read.edges(data=True):
        edge.pop("start", None)
    return read


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile_graphs())
def test_it_says_what_graphml_says(graph):
    for positions in (None, places(graph)):
        expected, warnings = as_graphml(graph, positions=positions)
        read = flat(from_networkx(graph, positions=positions))
        assert dict(read.nodes(data=True)) == dict(expected.nodes(data=True))
        assert list(read.edges(data=True)) == list(expected.edges(data=True))
        assert write_gexf(graph, io.BytesIO(), positions=positions) == warnings


@pytest.mark.parametrize("name", NAMES)
def test_networkx_holds_the_graph(exported, name):
    made = exported(name)
    read = flat(from_networkx(made.graph, positions=made.places))
    assert {key: as_told(dict(known)) for key, known in read.nodes(data=True)} == made.held.nodes
    assert {(s, t): dict(known) for s, t, known in read.edges(data=True)} == made.held.edges


def test_looks_places_and_weights():
    graph = campaign()
    root = tree(graph, positions=places(graph))
    nodes = {node.get("id"): node for node in root.iter(f"{NS}node")}
    colors = {key: dict(node.find(f"{VIZ}color").attrib) for key, node in nodes.items()}
    assert colors[EMOTET.key] == {"r": "0", "g": "114", "b": "178"}
    assert colors[REPORT.key] == {"r": "230", "g": "159", "b": "0"}
    assert colors[GANG.key] == {"r": "204", "g": "51", "b": "17"}
    assert nodes[REPORT.key].find(f"{VIZ}size").get("value") == "30.0"
    assert nodes[REPORT.key].get("label") == "Emotet – a <i>history</i> & more"
    found = {key: node.find(f"{VIZ}position").attrib for key, node in nodes.items()}
    assert {key: (float(p["x"]), float(p["y"])) for key, p in found.items()} == places(graph)
    weights = {(e.get("source"), e.get("target")): e.get("weight") for e in root.iter(f"{NS}edge")}
    assert weights == {(s, t): f"{known['weight']}.0" for s, t, known in graph.edges(data=True)}


@pytest.mark.parametrize("code", range(0x20))
def test_each_control_character_is_read_back_as_a_space_or_a_mark(code):
    expected = "a b" if chr(code) in "\t\n\r" else "a\ufffdb"
    read = from_networkx(with_title(f"a{chr(code)}b"))
    assert read.nodes["reference:" + "0" * 64]["title"] == expected


@pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf, "2", None, True, 2**64, 10**400])
def test_a_weight_gephi_would_drop_the_edge_for_becomes_one(weight):
    graph = with_title("t")
    for *_, edge in graph.edges(data=True):
        edge["weight"] = weight
    assert {edge["weight"] for *_, edge in from_networkx(graph).edges(data=True)} == {1.0}
    assert write_gexf(graph, io.BytesIO()).omitted == 2


def test_what_gephi_shows_wrongly_is_counted_but_written_right():
    graph = with_title("LODEINFO", "null", "fine")
    assert write_gexf(graph, io.BytesIO()).misread == 2
    assert from_networkx(graph).nodes["reference:" + "0" * 64]["title"] == "LODEINFO"
    odd = [Entity("x-INF", "a"), Entity("null", "a"), Entity("domain", "a")]
    assert write_gexf(build_graph([], subjects=odd), io.BytesIO()).misread == 2


@pytest.mark.parametrize("node_id", ["a b", "a\tb", "\ud800", "a\0", "\ufffe"])
def test_an_id_no_xml_id_can_be_is_refused_before_anything_is_written(node_id):
    stream = io.BytesIO()
    with pytest.raises(ExportError, match="an XML id cannot"):
        write_gexf(build_graph([], subjects=[Entity("file", node_id)]), stream)
    assert stream.getvalue() == b""


def test_a_gap_among_places_is_refused_before_anything_is_written():
    stream = io.BytesIO()
    with pytest.raises(ExportError, match="no position"):
        write_gexf(campaign(), stream, positions={EMOTET.key: (0.0, 0.0)})
    assert stream.getvalue() == b""


# --- when it begins ------------------------------------------------------------------------------


def test_references_begin_on_their_day_and_their_edges_with_them():
    day = "2018-01-12"
    assert starts(campaign()) == {
        REPORT.key: day,
        (EMOTET.key, REPORT.key): day,
        (LOADER.key, REPORT.key): day,
        (REPORT.key, GANG.key): day,
        (REPORT.key, OTHERS.key): day,
    }
    assert BARE.key in campaign()  # and others without a day stand there, undated
    assert TALK.key in campaign()


def test_nothing_ends():
    assert not re.search(rb"\bend(open)?=", written(campaign()))


def test_gephi_is_told_that_these_are_days():
    graph = tree(campaign()).find(f"{NS}graph")
    assert graph.get("mode") == "dynamic"
    assert graph.get("timeformat") == "date"
    assert graph.get("timerepresentation") == "interval"


def dated(number, day):
    return Entity("reference", f"{number:064x}", {"creation_date": day * DAY + 3_599})


def test_what_a_deeper_crawl_found_begins_with_the_reference_too():
    first, second = dated(1, 0), dated(2, 365)
    links = [
        Link(GANG, "references", first),
        Link(second, "files", EMOTET),
        Link(second, "references", first),
        Link(GANG, "files", LOADER),
    ]
    assert starts(build_graph([], links=links)) == {
        first.key: "1970-01-01",
        second.key: "1971-01-01",
        (GANG.key, first.key): "1970-01-01",
        (second.key, EMOTET.key): "1971-01-01",
        (second.key, first.key): "1971-01-01",  # the later of the two
    }


@pytest.mark.parametrize("date", [True, "yesterday", 1.5, None, 10**12, 10**18, -62_135_596_801])
def test_what_is_no_date_begins_nothing(date):
    assert starts(with_title("t", creation_date=date)) == {}


@given(st.integers(-62_135_596_800, 253_402_300_799) | st.integers())
def test_the_day_is_the_one_in_greenwich(seconds):
    try:
        expected = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).date()
    except OverflowError:
        assert starts(with_title("t", creation_date=seconds)) == {}
    else:
        assert set(starts(with_title("t", creation_date=seconds)).values()) == {str(expected)}


def test_only_references_have_a_day():
    known = {"creation_date": 1_515_715_200}
    seen = Observation(
        Entity("file", "ab" * 32, known), TALK, Entity("collection", "family", known)
    )
    assert starts(build_graph([seen])) == {}


# --- the triples ---------------------------------------------------------------------------------


def told(graph):
    """Subject, reference, collection or "-", and provenance: what the graph was built from."""
    return {
        (
            seen.subject.key,
            seen.reference.key,
            seen.related_from.key if seen.related_from else "-",
            seen.provenance,
        )
        for seen in extract_observations(graph)
    }


def triples_by_networkx(data):
    return {
        (source, target, behind, edge["provenance"])
        for source, target, edge in nx.read_gexf(io.BytesIO(data)).edges(data=True)
        if edge["relation"] == "related_references"
        for behind in edge["related_from"].split(" ")
    }


def triples_by_lxml(data):
    found = set()
    for edge in etree.fromstring(data).iter(f"{NS}edge"):
        values = {value.get("for"): value.get("value") for value in edge.iter(f"{NS}attvalue")}
        if values["relation"] == "related_references":
            ends = edge.get("source"), edge.get("target")
            for behind in values["related_from"].split(" "):
                found.add((*ends, behind, values["provenance"]))
    return found


def test_the_triples_of_a_campaign_come_back():
    graph = build_graph(
        [*OBSERVATIONS, Observation(LOADER, BARE, GANG, "inferred")], subjects=[EMOTET]
    )
    expected = told(graph)
    assert len(expected) == 7
    assert (LOADER.key, BARE.key, GANG.key, "inferred") in expected
    assert triples_by_networkx(written(graph)) == triples_by_lxml(written(graph)) == expected


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile_graphs())
def test_the_triples_come_back_exactly(graph):
    data = written(graph)
    assert triples_by_networkx(data) == triples_by_lxml(data) == told(graph)

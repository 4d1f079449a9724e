"""GEXF: schema, styles, start dates, and the same content as GraphML."""

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
from tests.support.expected import parse_json_attributes
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


def write_bytes(graph, **options):
    stream = io.BytesIO()
    write_gexf(graph, stream, **options)
    return stream.getvalue()


def parse(graph, **options):
    return etree.fromstring(write_bytes(graph, **options))


def read_with_networkx(graph, **options):
    return nx.read_gexf(io.BytesIO(write_bytes(graph, **options)))


def read_as_graphml(graph, **options):
    stream = io.BytesIO()
    warnings = write_graphml(graph, stream, **options)
    stream.seek(0)
    return nx.read_graphml(stream), warnings


def make_positions(graph):
    return {key: (float(n), -0.5 * n) for n, key in enumerate(graph)}


def start_dates(graph):
    """Return the start date of each node and edge that has one."""
    root = parse(graph)
    nodes = {node.get("id"): node.get("start") for node in root.iter(f"{NS}node")}
    edges = {(e.get("source"), e.get("target")): e.get("start") for e in root.iter(f"{NS}edge")}
    return {key: start for key, start in (nodes | edges).items() if start is not None}


# --- the file ------------------------------------------------------------------------------------


def test_export_equals_the_golden_file():
    """To update the file after reviewing the difference, delete it and run this test twice."""
    graph = campaign()
    actual = write_bytes(graph, positions=make_positions(graph))
    if not GOLDEN.exists():
        GOLDEN.write_bytes(actual)
        pytest.fail("the golden file was missing and has been written; look at it, commit it")
    assert actual == GOLDEN.read_bytes()


# The rules of the schema (https://gexf.net/1.3/gexf.xsd, dynamics.xsd, viz.xsd) for what we use:
# element -> (attribute -> pattern of its values, "?" marks optional ones; children).
DOUBLE = r"-?\d+(\.\d+)?(e[+-]\d+)?"
DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
ANY = r"(?s).*"
TOKEN = r"|\S+( \S+)*"
CHANNEL = r"\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5]"
ATTRIBUTE_TYPES = "integer|long|double|float|boolean|string|anyURI"
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
    f"{NS}attribute": ({"id": ANY, "title": ANY, "type": ATTRIBUTE_TYPES}, []),
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


def check_schema(root):
    """Check each element against the rules; only the creator contains text."""
    for element in root.iter():
        attributes, children = RULES[element.tag]
        required = {name for name in attributes if not name.endswith("?")}
        allowed = {name.removesuffix("?"): rule for name, rule in attributes.items()}
        assert required <= set(element.keys()) <= set(allowed), element.tag
        for name, value in element.items():
            assert re.fullmatch(allowed[name], value), (element.tag, name, value)
        tags = [child.tag for child in element]
        if isinstance(children, str):
            assert set(tags) <= {children}
        else:  # only the position is optional
            assert tags == children[: len(tags)]
            assert set(children) - set(tags) <= {f"{VIZ}position"}
        if element.tag != f"{NS}creator":
            assert not (element.text or "").strip()
        assert not (element.tail or "").strip()


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile_graphs())
def test_hostile_graphs_follow_the_schema(graph):
    for positions in (None, make_positions(graph)):
        check_schema(parse(graph, positions=positions))


def test_regular_and_empty_graphs_follow_the_schema():
    for graph in (campaign(), build_graph([])):
        check_schema(parse(graph, positions=make_positions(graph)))


def test_every_value_has_a_declared_attribute_and_type():
    graph = with_title(*HOSTILE, creation_date=1_515_715_200, crawl_pages=3, seed=True)
    root = parse(graph)
    patterns = {"string": ANY, "long": r"-?\d+", "double": DOUBLE, "boolean": "true|false"}
    for scope in ("node", "edge"):
        (declared,) = (a for a in root.iter(f"{NS}attributes") if a.get("class") == scope)
        types = {each.get("id"): each.get("type") for each in declared}
        assert len(types) == len(declared)
        titles = {each.get("title") for each in declared}
        assert len(titles) == len(declared)
        # Names that Gephi reserves.
        assert not titles & {"id", "label", "timeset", "interval", "weight", "start", "end"}
        for element in root.iter(f"{NS}{scope}"):
            names = [value.get("for") for value in element.iter(f"{NS}attvalue")]
            assert len(set(names)) == len(names)
            for value in element.iter(f"{NS}attvalue"):
                assert re.fullmatch(patterns[types[value.get("for")]], value.get("value"))
                assert value.get("value")


def test_declared_attributes_do_not_depend_on_the_data():
    def head(graph):
        return write_bytes(graph).partition(b"<nodes>")[0]

    assert head(campaign()) == head(build_graph([])) == head(with_title(*HOSTILE, strange="x"))


def test_attribute_names_and_types_equal_those_of_graphml():
    stream = io.BytesIO()
    write_graphml(campaign(), stream)
    keys = re.findall(rb'for="(\w+)" attr.name="(\w+)" attr.type="(\w+)"', stream.getvalue())
    excluded = {b"label", b"color", b"size", b"x", b"y", b"weight"}  # elements in GEXF
    actual = [
        (scope.get("class"), each.get("id"), each.get("title"), each.get("type"))
        for scope in parse(campaign()).iter(f"{NS}attributes")
        for each in scope
    ]
    # Gephi Lite names an attribute by its id, other readers by its title.
    expected = [(s, name, name, kind) for s, name, kind in keys if name not in excluded]
    assert [tuple(map(str.encode, row)) for row in actual] == expected


def test_seed_attributes_have_their_own_columns():
    seed = Entity("file", "ab" * 32, {"seed": True, "seed_family": "Emotet & <co>"})
    read = read_with_networkx(build_graph([], subjects=[seed]))
    assert read.nodes[seed.key]["seed_family"] == "Emotet & <co>"
    assert b'<attribute id="seed_family"' not in write_bytes(campaign())


def test_the_file_contains_no_time_of_export():
    assert not re.search(rb"lastmodified|20[2-9]\d-", write_bytes(campaign()))


def test_the_file_contains_no_control_character():
    everything = "".join(map(chr, [*range(0x20), 0xFFFE, 0xFFFF, 0xD800, 0xDFFF]))
    text = write_bytes(with_title(everything, odd=everything)).decode()
    assert not re.search("[\x00-\x09\x0b-\x1f\ufffe\uffff]", text)


# --- content -------------------------------------------------------------------------------------


def flatten_viz(read):
    """Rename the attributes that networkx reads from GEXF as in GraphML."""
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
def test_content_equals_that_of_graphml(graph):
    for positions in (None, make_positions(graph)):
        expected, warnings = read_as_graphml(graph, positions=positions)
        read = flatten_viz(read_with_networkx(graph, positions=positions))
        assert dict(read.nodes(data=True)) == dict(expected.nodes(data=True))
        assert list(read.edges(data=True)) == list(expected.edges(data=True))
        assert write_gexf(graph, io.BytesIO(), positions=positions) == warnings


@pytest.mark.parametrize("name", NAMES)
def test_networkx_reads_every_node_and_edge(exported, name):
    export = exported(name)
    read = flatten_viz(read_with_networkx(export.graph, positions=export.positions))
    nodes = {key: parse_json_attributes(dict(node)) for key, node in read.nodes(data=True)}
    assert nodes == export.expected.nodes
    assert {(s, t): dict(edge) for s, t, edge in read.edges(data=True)} == export.expected.edges


def test_colors_sizes_positions_and_weights_are_written():
    graph = campaign()
    root = parse(graph, positions=make_positions(graph))
    nodes = {node.get("id"): node for node in root.iter(f"{NS}node")}
    colors = {key: dict(node.find(f"{VIZ}color").attrib) for key, node in nodes.items()}
    assert colors[EMOTET.key] == {"r": "0", "g": "114", "b": "178"}
    assert colors[REPORT.key] == {"r": "230", "g": "159", "b": "0"}
    assert colors[GANG.key] == {"r": "204", "g": "51", "b": "17"}
    assert nodes[REPORT.key].find(f"{VIZ}size").get("value") == "30.0"
    assert nodes[REPORT.key].get("label") == "Emotet – a <i>history</i> & more"
    found = {key: node.find(f"{VIZ}position").attrib for key, node in nodes.items()}
    positions = {key: (float(each["x"]), float(each["y"])) for key, each in found.items()}
    assert positions == make_positions(graph)
    weights = {(e.get("source"), e.get("target")): e.get("weight") for e in root.iter(f"{NS}edge")}
    assert weights == {(s, t): f"{edge['weight']}.0" for s, t, edge in graph.edges(data=True)}


@pytest.mark.parametrize("code", range(0x20))
def test_control_characters_become_spaces_or_replacement_characters(code):
    expected = "a b" if chr(code) in "\t\n\r" else "a\ufffdb"
    read = read_with_networkx(with_title(f"a{chr(code)}b"))
    assert read.nodes["reference:" + "0" * 64]["title"] == expected


@pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf, "2", None, True, 2**64, 10**400])
def test_a_weight_that_gephi_rejects_becomes_one(weight):
    graph = with_title("t")
    for *_, edge in graph.edges(data=True):
        edge["weight"] = weight
    assert {edge["weight"] for *_, edge in read_with_networkx(graph).edges(data=True)} == {1.0}
    assert write_gexf(graph, io.BytesIO()).omitted == 2


def test_values_that_gephi_misreads_are_counted_and_written_unchanged():
    graph = with_title("LODEINFO", "null", "fine")
    assert write_gexf(graph, io.BytesIO()).misread == 2
    assert read_with_networkx(graph).nodes["reference:" + "0" * 64]["title"] == "LODEINFO"
    odd = [Entity("x-INF", "a"), Entity("null", "a"), Entity("domain", "a")]
    assert write_gexf(build_graph([], subjects=odd), io.BytesIO()).misread == 2


@pytest.mark.parametrize("node_id", ["a b", "a\tb", "\ud800", "a\0", "\ufffe"])
def test_an_invalid_xml_id_is_rejected_before_anything_is_written(node_id):
    stream = io.BytesIO()
    with pytest.raises(ExportError, match="an XML id cannot"):
        write_gexf(build_graph([], subjects=[Entity("file", node_id)]), stream)
    assert stream.getvalue() == b""


def test_a_missing_position_is_rejected_before_anything_is_written():
    stream = io.BytesIO()
    with pytest.raises(ExportError, match="no position"):
        write_gexf(campaign(), stream, positions={EMOTET.key: (0.0, 0.0)})
    assert stream.getvalue() == b""


# --- start dates ---------------------------------------------------------------------------------


def test_references_and_their_edges_start_on_the_creation_date():
    day = "2018-01-12"
    assert start_dates(campaign()) == {
        REPORT.key: day,
        (EMOTET.key, REPORT.key): day,
        (LOADER.key, REPORT.key): day,
        (REPORT.key, GANG.key): day,
        (REPORT.key, OTHERS.key): day,
    }
    assert BARE.key in campaign()  # references without a date are written without a start
    assert TALK.key in campaign()


def test_nodes_and_edges_have_no_end_date():
    assert not re.search(rb"\bend(open)?=", write_bytes(campaign()))


def test_the_graph_declares_intervals_of_dates():
    graph = parse(campaign()).find(f"{NS}graph")
    assert graph.get("mode") == "dynamic"
    assert graph.get("timeformat") == "date"
    assert graph.get("timerepresentation") == "interval"


def reference_of_day(number, day):
    return Entity("reference", f"{number:064x}", {"creation_date": day * DAY + 3_599})


def test_links_of_a_deeper_crawl_start_with_their_references():
    first, second = reference_of_day(1, 0), reference_of_day(2, 365)
    links = [
        Link(GANG, "references", first),
        Link(second, "files", EMOTET),
        Link(second, "references", first),
        Link(GANG, "files", LOADER),
    ]
    assert start_dates(build_graph([], links=links)) == {
        first.key: "1970-01-01",
        second.key: "1971-01-01",
        (GANG.key, first.key): "1970-01-01",
        (second.key, EMOTET.key): "1971-01-01",
        (second.key, first.key): "1971-01-01",  # the later date
    }


@pytest.mark.parametrize("date", [True, "yesterday", 1.5, None, 10**12, 10**18, -62_135_596_801])
def test_an_invalid_date_gives_no_start(date):
    assert start_dates(with_title("t", creation_date=date)) == {}


@given(st.integers(-62_135_596_800, 253_402_300_799) | st.integers())
def test_start_dates_are_in_utc(seconds):
    try:
        expected = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).date()
    except OverflowError:
        assert start_dates(with_title("t", creation_date=seconds)) == {}
    else:
        assert set(start_dates(with_title("t", creation_date=seconds)).values()) == {str(expected)}


def test_only_references_have_a_start_date():
    dated = {"creation_date": 1_515_715_200}
    observation = Observation(
        Entity("file", "ab" * 32, dated), TALK, Entity("collection", "family", dated)
    )
    assert start_dates(build_graph([observation])) == {}


# --- observations --------------------------------------------------------------------------------


def triples_of(graph):
    """Return subject, reference, collection or "-", and provenance of each observation."""
    return {
        (
            observation.subject.key,
            observation.reference.key,
            observation.related_from.key if observation.related_from else "-",
            observation.provenance,
        )
        for observation in extract_observations(graph)
    }


def triples_from_networkx(data):
    return {
        (source, target, collection, edge["provenance"])
        for source, target, edge in nx.read_gexf(io.BytesIO(data)).edges(data=True)
        if edge["relation"] == "related_references"
        for collection in edge["related_from"].split(" ")
    }


def triples_from_lxml(data):
    triples = set()
    for edge in etree.fromstring(data).iter(f"{NS}edge"):
        values = {value.get("for"): value.get("value") for value in edge.iter(f"{NS}attvalue")}
        if values["relation"] == "related_references":
            ends = edge.get("source"), edge.get("target")
            for collection in values["related_from"].split(" "):
                triples.add((*ends, collection, values["provenance"]))
    return triples


def test_observations_of_a_campaign_are_read_back():
    graph = build_graph(
        [*OBSERVATIONS, Observation(LOADER, BARE, GANG, "inferred")], subjects=[EMOTET]
    )
    expected = triples_of(graph)
    assert len(expected) == 7
    assert (LOADER.key, BARE.key, GANG.key, "inferred") in expected
    data = write_bytes(graph)
    assert triples_from_networkx(data) == triples_from_lxml(data) == expected


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile_graphs())
def test_observations_of_hostile_graphs_are_read_back(graph):
    data = write_bytes(graph)
    assert triples_from_networkx(data) == triples_from_lxml(data) == triples_of(graph)

"""Links to VirusTotal: the address of each type of node, in tables and on the HTML page."""

from __future__ import annotations

import csv
import io
from io import BytesIO
from urllib.parse import unquote, urlsplit

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.exporters import FORMATS
from graphbuild.exporters.html.page import write_html
from graphbuild.exporters.web_links import web_url
from graphbuild.graph.builder import build_graph
from graphbuild.graph.views import folded_view
from graphbuild.models import Entity, Observation
from tests.exporters.test_html import data_of

GUI = "https://www.virustotal.com/gui"
SHA256, SHA1, MD5 = "ab" * 32, "cd" * 20, "ef" * 16


def node(node_type: object, node_id: object, **attributes: object) -> dict[str, object]:
    return {"type": node_type, "id": node_id, "label": "x", **attributes}


VALID = [
    (node("file", SHA256), f"{GUI}/file/{SHA256}"),
    (node("file", SHA1), f"{GUI}/file/{SHA1}"),
    (node("file", MD5, url="https://a.example/"), f"{GUI}/file/{MD5}"),
    (node("domain", "evil.example"), f"{GUI}/domain/evil.example"),
    (node("domain", "bücher.example"), f"{GUI}/domain/b%C3%BCcher.example"),
    (node("ip_address", "192.0.2.7"), f"{GUI}/ip-address/192.0.2.7"),
    (node("ip_address", "2001:db8::1"), f"{GUI}/ip-address/2001:db8::1"),
    (node("url", SHA256, url="http://evil.example/"), f"{GUI}/url/{SHA256}"),
    (node("collection", "malpedia_win_emotet"), f"{GUI}/collection/malpedia_win_emotet"),
    (
        node("collection", "threat-actor--bcaaad6f-0597-4b89-b69b-84a6be2b7bc3"),
        f"{GUI}/collection/threat-actor--bcaaad6f-0597-4b89-b69b-84a6be2b7bc3",
    ),
    (
        node(
            "reference",
            SHA256,
            url="https://blog.example/",
            original_type="collection",
            original_id=f"report--{SHA256}",
        ),
        f"{GUI}/collection/report--{SHA256}",
    ),
    (
        node("reference", "r", original_type="collection", original_id="report--24-10072685"),
        f"{GUI}/collection/report--24-10072685",
    ),
    (node("reference", SHA256, url="HTTP://Blog.example:8443/a?b=c#d"), None),
]
INVALID = [
    node("file", "not-a-hash"),
    node("file", "a" * 63),
    node("file", 5),
    node("file", None),
    node("url", MD5),
    node("url", "http://evil.example/"),
    node("ip_address", "999.0.2.7"),
    node("ip_address", "evil.example"),
    node("domain", "evil.example/../../x"),
    node("domain", ".."),
    node("domain", "-1"),
    node("domain", "a-.example"),
    node("domain", "=x.example"),
    node("domain", "\U0001f9a0.example"),
    node("domain", "a" * 250 + ".example"),
    node("domain", 'a"onclick=x'),
    node("collection", "a b"),
    node("collection", "<script>"),
    node("collection", "x" * 257),
    node("threat_actor", SHA256),
    node("vulnerability", "cve"),
    node(None, SHA256),
    node(["file"], SHA256),
    node("reference", SHA256),
    node("reference", SHA256, url="javascript:alert(1)"),
    node("reference", SHA256, url="ftp://a.example/"),
    node("reference", SHA256, url=" https://a.example/"),
    node("reference", SHA256, url="https://a.example/\n"),
    node("reference", SHA256, url="https://a.example/\u202egnp.exe"),
    node("reference", SHA256, url="https:///path"),
    node("reference", SHA256, url=["https://a.example/"]),
    node("reference", SHA256, original_type="collection", original_id="a/b"),
    node("reference", SHA256, original_type="file", original_id=SHA256),
    node("file", SHA256, group_members="file:a file:b", group_size=2),
]


@pytest.mark.parametrize(("attributes", "expected"), VALID)
def test_each_object_has_the_address_of_its_page(
    attributes: dict[str, object], expected: str | None
) -> None:
    assert web_url(attributes) == (attributes["url"] if expected is None else expected)


@pytest.mark.parametrize("attributes", INVALID)
def test_an_invalid_object_has_no_address(attributes: dict[str, object]) -> None:
    assert web_url(attributes) == ""


@given(
    st.sampled_from(["file", "domain", "ip_address", "url", "collection"]),
    st.one_of(st.text(max_size=40), st.text("./:%?#@\\ab0", max_size=20)),
)
def test_an_address_leads_to_the_object_only(node_type: str, node_id: str) -> None:
    if address := web_url(node(node_type, node_id)):
        parts = urlsplit(address)
        assert (parts.scheme, parts.netloc) == ("https", "www.virustotal.com")
        assert (parts.query, parts.fragment, address.isascii()) == ("", "", True)
        assert parts.path.split("/")[1:3] == ["gui", node_type.replace("_", "-")]
        assert list(map(unquote, parts.path.split("/")[3:])) == [node_id]


def graph_of_all() -> nx.DiGraph[str]:
    """Return a graph with every node of VALID and of INVALID that has a type and an id."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for number, attributes in enumerate([*(each for each, _ in VALID), *INVALID]):
        if isinstance(attributes["type"], str) and isinstance(attributes["id"], str):
            graph.add_node(f"{attributes['type']}:{number}", **attributes)
    return graph


def test_the_column_contains_the_address() -> None:
    graph, stream = graph_of_all(), BytesIO()
    FORMATS["csv"].files[0].write(graph, stream)
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(stream.getvalue().decode()))}
    expected = {key: web_url(attributes) for key, attributes in graph.nodes(data=True)}
    assert {key: row["web_url"] for key, row in rows.items()} == expected
    assert sum(map(bool, expected.values())) == len(VALID)


def test_the_page_has_the_address_of_each_page_on_virustotal() -> None:
    graph, stream = graph_of_all(), BytesIO()
    write_html(graph, stream, title="x")
    data = data_of(stream.getvalue().decode())
    for attributes, each in zip(graph.nodes.values(), data["nodes"], strict=True):
        prefix = data["types"][each["type"]]["web"]
        address = each.get("web", prefix and prefix + each["attributes"]["id"])
        is_own_url = attributes["type"] == "reference" and "/gui/" not in web_url(attributes)
        assert address == ("" if is_own_url else web_url(attributes))


def test_a_group_of_a_view_has_no_address() -> None:
    reference = Entity("reference", SHA256, {"url": "https://blog.example/"})
    graph = build_graph(
        Observation(Entity("file", f"{number:064x}"), reference, None) for number in range(3)
    )
    addresses = {
        attributes["type"]: web_url(attributes) for attributes in folded_view(graph).nodes.values()
    }
    assert addresses == {"file": "", "reference": "https://blog.example/"}

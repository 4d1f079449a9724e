"""Reports of Google Threat Intelligence that are listed and also named in ``related_from``.

Such a report is one node, whatever its role in a page.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import networkx as nx
import pandas as pd
import pytest
import stix2
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.analysis import Incidence, compute_centrality, find_bridges, find_clusters
from graphbuild.analysis.paths import EvidenceGraph
from graphbuild.api.parser import parse_page
from graphbuild.emulator import Api, File, Reference, World, generate_world
from graphbuild.emulator.models import report_id
from graphbuild.exporters import export_all
from graphbuild.exporters.graphml_reader import read_graphml
from graphbuild.graph.builder import build_graph, extract_observations
from graphbuild.graph.views import fold, unfold, view
from graphbuild.models import Entity
from graphbuild.store import FetchedPage, Store, find_damage
from tests.crawler.campaign import Campaign
from tests.exporters.test_stix import triples_in
from tests.support.frugal_crawls import family_world, random_world
from tests.support.linked_reports import (
    ADDRESS,
    SOURCES,
    crawl_gti,
    documented_shape,
    expected_observations,
    keys_of,
    reports,
    with_linked_reports,
)

if TYPE_CHECKING:
    from tests.support.shell import Shell

SHAPE = documented_shape()
A, B = Reference.from_url("https://a.example/", title="A"), Reference.from_url("https://b.example/")
LISTS_A, LISTS_B = File("a" * 64, references=(A.id,)), File("b" * 64)
SHARED = f"reference:{A.id}"


def responses(world, subjects, limit=40):
    """Return the pages of ``related_reports`` of some subjects as (subject, cursor, body)."""
    api, found = Api(world, api_flavor="gti"), []
    for subject in subjects:
        kind = {"ip_address": "ip_addresses", "file": "files"}[subject.type]
        cursor = ""
        while cursor is not None:
            query = f"?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
            path = f"/api/v3/{kind}/{subject.id}/related_reports{query}"
            body = api.respond("GET", path, {"x-apikey": "k"}).body
            found.append((Entity(subject.type, subject.id), cursor or None, body))
            cursor = json.loads(body)["meta"].get("cursor")
    return found


def import_pages(path, pages):
    """Store pages in the given order, as an import of saved responses does."""
    fetched = [
        FetchedPage(body, parse_page(body, subject), 0.0, cursor) for subject, cursor, body in pages
    ]
    with Store.open(path) as store:
        for each in fetched:
            store.page_writer.import_pages(each.page.subject, [each])
    return path


def graph_of(path):
    with Store.read(path) as store:
        assert list(find_damage(store)) == []
        return build_graph(store.observations(), subjects=store.subjects())


def content_of(graph):
    """Return nodes and edges independently of their order."""
    return (
        {key: dict(node) for key, node in graph.nodes(data=True)},
        {(source, target): dict(edge) for source, target, edge in graph.edges(data=True)},
    )


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    """The graph of a crawl of the documented shape."""
    path = tmp_path_factory.mktemp("shape") / "c.db"
    assert crawl_gti(path, SHAPE) == (expected_observations(SHAPE), 1)
    return graph_of(path)


# --- the documented shape ------------------------------------------------------------------------


def test_twenty_reports_and_their_address_are_twenty_one_nodes(crawled) -> None:
    listed = [f"reference:{each.id}" for each in reports()]
    assert set(crawled) == {f"ip_address:{ADDRESS}", *listed}
    sources = {
        target for _, target, edge in crawled.edges(data=True) if edge["relation"] == "related_from"
    }
    assert sources == {listed[number] for number in SOURCES}
    assert {crawled.nodes[key]["title"] for key in listed} == {f"Report {n}" for n in range(20)}


def test_import_of_saved_pages_gives_the_same_graph_and_status(shell: Shell, crawled) -> None:
    pages = responses(SHAPE, SHAPE.subjects(), limit=7)
    names = [f"page{number}.json" for number in range(len(pages))]
    for name, (_, _, body) in zip(names, pages, strict=True):
        (shell.folder / name).write_bytes(body)
    assert shell("import", *reversed(names), "--store", "c.db").returncode == 0
    imported = graph_of(shell.folder / "c.db")
    assert set(imported) == set(crawled)
    assert content_of(imported)[1] == content_of(crawled)[1]
    shown = shell("status", "--store", "c.db").stdout
    assert "20 distinct references · 0 collections · 20 observations" in shown


@settings(max_examples=15, deadline=None)
@given(st.permutations(responses(SHAPE, SHAPE.subjects(), limit=7)))
def test_the_graph_does_not_depend_on_the_order_of_pages(pages) -> None:
    with tempfile.TemporaryDirectory() as folder:
        nodes, edges = content_of(graph_of(import_pages(Path(folder, "c.db"), pages)))
    del nodes[f"ip_address:{ADDRESS}"]  # its progress depends on the order
    assert (nodes, edges) == IN_ORDER


def _in_order():
    with tempfile.TemporaryDirectory() as folder:
        pages = responses(SHAPE, SHAPE.subjects(), limit=7)
        nodes, edges = content_of(graph_of(import_pages(Path(folder, "c.db"), pages)))
    del nodes[f"ip_address:{ADDRESS}"]
    return nodes, edges


IN_ORDER = _in_order()


# --- identity ------------------------------------------------------------------------------------


def page(*entries):
    return json.dumps({"data": list(entries), "meta": {"count": len(entries)}}).encode()


def report(identifier, related_from=(), **attributes):
    found = {"type": "collection", "id": identifier}
    if attributes:
        found["attributes"] = attributes
    if related_from:
        found["context_attributes"] = {"related_from": list(related_from)}
    return found


UPPER = f"report--{A.id.upper()}"
NAMED = {"type": "collection", "collection_type": "report"}
IDENTITIES = {
    "prefix": (report("report--21-1"), report("report--21-1", name="A"), "report--21-1"),
    "hash": (report(UPPER), report(report_id(A.id), name="A"), A.id),
    "type": (
        report("odd", collection_type="report"),
        report("odd", name="A", collection_type="report"),
        "odd",
    ),
    "type on another page": (
        report("odd"),
        report("odd", name="A", collection_type="report"),
        "odd",
    ),
}


@pytest.mark.parametrize("name", IDENTITIES)
@pytest.mark.parametrize("turn", [1, -1])
def test_a_report_is_identified_in_both_roles_and_orders(tmp_path, name, turn) -> None:
    named, listed, expected = IDENTITIES[name]
    pages = [
        (Entity("file", "a" * 64), None, page(report("report--21-9", [named]))),
        (Entity("file", "b" * 64), None, page(listed)),
    ]
    graph = graph_of(import_pages(tmp_path / "c.db", pages[::turn]))
    references = {key for key in graph if not key.startswith("file:")}
    assert references == {f"reference:{expected}", "reference:report--21-9"}
    assert graph.nodes[f"reference:{expected}"]["title"] == "A"
    assert graph.has_edge("reference:report--21-9", f"reference:{expected}")


def test_a_collection_that_shares_the_id_of_a_reference_stays_a_collection(tmp_path) -> None:
    entry = {"type": "reference", "id": A.id, "attributes": {"url": A.url}}
    collection = {"type": "collection", "id": A.id}
    body = page({**entry, "context_attributes": {"related_from": [collection]}})
    graph = graph_of(import_pages(tmp_path / "c.db", [(Entity("file", "a" * 64), None, body)]))
    assert set(graph) == {f"file:{'a' * 64}", SHARED, f"collection:{A.id}"}


def test_the_stated_type_of_a_collection_matters_more_than_its_id(tmp_path) -> None:
    actor = report("report--21-1", collection_type="threat-actor", name="Actor")
    body = page(report("report--21-9", [actor]))
    graph = graph_of(import_pages(tmp_path / "c.db", [(Entity("file", "a" * 64), None, body)]))
    expected = {f"file:{'a' * 64}", "reference:report--21-9", "collection:report--21-1"}
    assert set(graph) == expected


def test_a_report_that_names_itself_keeps_the_triple_and_has_no_edge_to_itself(tmp_path) -> None:
    body = page(report("report--21-1", [report("report--21-1")]))
    graph = graph_of(import_pages(tmp_path / "c.db", [(Entity("file", "a" * 64), None, body)]))
    key = "reference:report--21-1"
    assert list(graph.edges) == [(f"file:{'a' * 64}", key)]
    assert graph.edges[f"file:{'a' * 64}", key]["related_from"] == (key,)
    assert {keys_of(each) for each in extract_observations(graph)} == {
        (f"file:{'a' * 64}", key, key)
    }
    incidence = Incidence.from_observations(extract_observations(graph))
    assert incidence.adjacency.nnz == 1


# --- two files that share a report ---------------------------------------------------------------


@pytest.fixture
def shared(shell: Shell) -> Shell:
    """A campaign in which one file lists report A, and the other lists report B through A."""
    linked = World([LISTS_A, File("b" * 64, unexpected=((B.id, report_id(A.id)),))], [A, B], [])
    pages = responses(linked, linked.subjects())
    import_pages(shell.folder / "c.db", pages)
    return shell


def test_explain_connects_two_files_through_a_report_in_both_roles(shared: Shell) -> None:
    with Store.read(shared.folder / "c.db") as store:
        paths = EvidenceGraph(store.observations())
    one, other = paths.find_node("a" * 64), paths.find_node("b" * 64)
    (path,) = paths.shortest_paths(one, other)
    assert [node.key for node in path.nodes] == [one.key, SHARED, other.key]
    text = shared("explain", "a" * 64, "b" * 64, "--store", "c.db").stdout
    assert "is related to the reference" in text
    reference = shared("explain", B.id, A.id, "--store", "c.db").stdout
    assert 'is listed for 1 file through the reference "A"' in reference


def test_a_report_is_evidence_and_no_collection(shared: Shell) -> None:
    with Store.read(shared.folder / "c.db") as store:
        incidence = Incidence.from_observations(store.observations())
    assert incidence.collections == ()
    assert [each.key for each in incidence.references] == sorted([SHARED, f"reference:{B.id}"])
    evidence = incidence.file_evidence
    assert evidence.toarray().sum() == 2  # A for both files; B is related to A, not to the file
    assert [incidence.evidence_entity(column).key for column in evidence.indices] == [SHARED] * 2
    clustering = find_clusters(incidence)
    assert [len(each.files) for each in clustering] == [2]
    assert {each.entity.key for each in find_bridges(incidence, clustering).bridges} == {SHARED}
    nodes = compute_centrality(incidence).nodes
    assert nodes[0].entity.key == SHARED
    assert {each.entity.key: each.degree for each in nodes}[f"reference:{B.id}"] == 1


# --- exports -------------------------------------------------------------------------------------


def from_graphml(folder):
    return {keys_of(each) for each in extract_observations(read_graphml(folder / "graph.graphml"))}


def from_parquet(folder):
    frame = pd.read_parquet(folder / "observations.parquet")
    names = ("subject", "reference", "related_from")
    return {
        tuple(
            None if pd.isna(row[f"{name}_id"]) else f"{row[f'{name}_type']}:{row[f'{name}_id']}"
            for name in names
        )
        for row in frame.to_dict("records")
    }


def from_json(folder):
    graph = nx.node_link_graph(json.loads((folder / "graph.json").read_text()), edges="edges")
    return {
        (source, target, None if key == "-" else key)
        for source, target, edge in graph.edges(data=True)
        if edge["relation"] == "related_references"
        for key in edge["related_from"]
    }


def from_stix(folder):
    bundle = stix2.parse((folder / "graph.stix.json").read_text(), allow_custom=False)
    return {triple[:3] for triple in triples_in(bundle.objects)}


@pytest.mark.parametrize(
    ("format_name", "read"),
    [
        ("graphml", from_graphml),
        ("parquet", from_parquet),
        ("json", from_json),
        ("stix", from_stix),
    ],
)
def test_triples_come_back_out_of_an_export(tmp_path, crawled, format_name, read) -> None:
    export_all(crawled, tmp_path, [format_name])
    assert read(tmp_path) == expected_observations(SHAPE)


def test_views_keep_the_reports_that_edges_name(crawled) -> None:
    assert content_of(unfold(fold(crawled))) == content_of(crawled)
    for name in ("backbone", "folded"):
        smaller = view(crawled, name)
        named = {
            key for *_, edge in smaller.edges(data=True) for key in edge.get("related_from", ())
        }
        assert named - {"-"} <= set(smaller)
        assert len(smaller) < len(crawled)


# --- API flavors ---------------------------------------------------------------------------------


def test_both_flavors_give_the_same_graph_without_direct_references(tmp_path) -> None:
    """A subject without references of its own has the same list in both flavors."""
    world = generate_world(3, campaigns=2, files_per_campaign=6)
    world = world.replace(
        files=[
            File(**{name: getattr(file, name) for name in ("sha256", "collections", "name")})
            for file in world.files.values()
        ],
        indicators=(),
    )
    classic = Campaign(tmp_path / "classic.db", world)
    classic.crawl()
    assert crawl_gti(tmp_path / "gti.db", world)[0] == expected_observations(world)
    one, other = graph_of(classic.path), graph_of(tmp_path / "gti.db")
    assert set(one) == set(other)
    assert content_of(one)[1] == content_of(other)[1]


# --- inference -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_a_frugal_crawl_of_linked_reports_equals_the_full_crawl(tmp_path, seed) -> None:
    rng = random.Random(seed)
    world = with_linked_reports((random_world if seed % 2 else family_world)(rng), rng)
    full = crawl_gti(tmp_path / "full.db", world)
    assert full == crawl_gti(tmp_path / "frugal.db", world, frugal=True)
    assert full[0] == expected_observations(world)

"""Views: folding is reversible, projections count shared references, the backbone connects."""

from __future__ import annotations

import copy
from collections import defaultdict
from random import Random

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.emulator import Collection, File, Reference, World
from graphbuild.errors import ExportError
from graphbuild.exporters import FORMATS, export, export_all, read_graphml
from graphbuild.graph.builder import build_graph
from graphbuild.graph.views import DERIVED_VIEWS, VIEWS, fold, fold_groups, unfold, view
from graphbuild.models import INFERRED, OBSERVED, Entity, Link, Observation
from tests.support.graphs import campaign

EVERY_VIEW = pytest.mark.parametrize("name", VIEWS)


def file(number):
    return Entity("file", f"{number:064x}", {"meaningful_name": f"{number}.exe"})


def report(number):
    return Entity("reference", f"{number:064x}", {"title": f"Report {number}"})


def collection(number):
    return Entity("collection", f"c{number}", {"name": f"Family {number}"})


def family(files, reports, number=0):
    """Return observations of files that share reports through one collection."""
    begin = number * 1_000
    return [
        Observation(file(begin + f), report(begin + r), collection(number))
        for f in range(files)
        for r in range(reports)
    ]


_FACTS = st.lists(
    st.builds(
        Observation,
        st.builds(file, st.integers(0, 5)),
        st.builds(report, st.integers(0, 6)),
        st.none() | st.builds(collection, st.integers(0, 3)),
        st.sampled_from([OBSERVED, INFERRED]),
    ),
    max_size=40,
)
_LINKS = st.lists(
    st.builds(
        Link,
        st.builds(collection, st.integers(0, 3)),
        st.just("files"),
        st.builds(file, st.integers(0, 5)),
    ),
    max_size=6,
)
GRAPHS = st.builds(
    lambda observations, links: build_graph(observations, links=links), _FACTS, _LINKS
)


# --- folding -------------------------------------------------------------------------------------


@given(GRAPHS)
@settings(max_examples=150)
def test_unfold_restores_the_graph(graph):
    assert nx.utils.graphs_equal(unfold(fold(graph)), graph)


@given(GRAPHS)
def test_folding_twice_changes_nothing(graph):
    folded = fold(graph)
    assert all(len(group) == 1 for group in fold_groups(folded))
    assert nx.utils.graphs_equal(fold(folded), folded)


@given(GRAPHS)
def test_folding_keeps_counts(graph):
    folded = fold(graph)
    sizes = [node.get("group_size", 1) for _, node in folded.nodes(data=True)]
    assert sum(sizes) == len(graph)
    for key, node in folded.nodes(data=True):
        assert len(node.get("group_members", key).split()) == node.get("group_size", 1)
    for kind in ("file", "reference", "collection"):
        weights = [
            sum(edge["weight"] for _, _, edge in one.edges(data=True)) for one in (graph, folded)
        ]
        assert weights[0] == weights[1], kind


def test_a_graph_that_was_not_folded_unfolds_to_itself():
    assert nx.utils.graphs_equal(unfold(campaign()), campaign())


@pytest.mark.parametrize(("files", "reports"), [(2, 1), (25, 110), (200, 241)])
def test_a_family_is_three_nodes(files, reports):
    graph = build_graph(family(files, reports))
    folded = fold(graph)
    assert (len(graph), graph.number_of_edges()) == (files + reports + 1, (files + 1) * reports)
    assert (len(folded), folded.number_of_edges()) == (3, 2)
    sizes = {node["type"]: node.get("group_size", 1) for _, node in folded.nodes(data=True)}
    assert sizes == {"file": files, "reference": reports, "collection": 1}


def emulated(files, collections, references, collection_size, seed=7):
    """Return the observations of an emulated campaign with the structure of real data."""
    rng = Random(seed)
    reports = [Reference.from_url(f"https://r.example/{number}") for number in range(references)]
    families = [
        Collection(
            f"c{n}", f"Family {n}", tuple(r.id for r in rng.sample(reports, collection_size))
        )
        for n in range(collections)
    ]
    names = [family.id for family in families]
    world = World(
        [
            File(f"{n:064x}", collections=tuple(rng.sample(names, rng.randint(1, 2))))
            for n in range(files)
        ],
        reports,
        families,
    )
    return [
        Observation(
            Entity("file", each.id), Entity("reference", item.id), Entity("collection", name)
        )
        for each in world.files.values()
        for item in world.related_references(each)
        for name in item.related_from
    ]


@pytest.mark.parametrize(
    ("files", "collections", "references", "collection_size", "share"),
    [
        pytest.param(25, 2, 460, 300, 0.05, id="files of one family"),
        pytest.param(25, 5, 170, 60, 0.5, id="files of one actor"),
        pytest.param(20, 12, 2_700, 500, 0.5, id="files of many reports"),
        pytest.param(55, 10, 3_400, 400, 0.5, id="files of many actors"),
        pytest.param(100, 6, 600, 200, 0.4, id="many files of a few families"),
    ],
)
def test_files_fold_to_their_sets_of_collections(
    files, collections, references, collection_size, share
):
    """Files fold by their collections, references by their files and collections.

    In real data, 25 files of one family (493 nodes, 11,236 edges) fold to 19 nodes and 39 edges.
    """
    observations = emulated(files, collections, references, collection_size)
    lists, found_in, through = defaultdict(set), defaultdict(set), defaultdict(set)
    for one in observations:
        lists[one.subject].add(one.reference)
        found_in[one.reference].add(one.subject)
        through[one.reference].add(one.related_from)
    of_file = {each: frozenset(references) for each, references in lists.items()}
    of_report = {each: (frozenset(found_in[each]), frozenset(through[each])) for each in through}
    pairs = {(of_file[one.subject], of_report[one.reference]) for one in observations}
    behind = {(of_report[one.reference], one.related_from) for one in observations}
    named = {one.related_from for one in observations}
    graph = build_graph(observations)
    folded = fold(graph)
    assert len(folded) == len({*of_file.values()}) + len({*of_report.values()}) + len(named)
    assert folded.number_of_edges() == len(pairs) + len(behind)
    assert len(folded) < share * len(graph)
    assert folded.number_of_edges() < share * graph.number_of_edges()
    assert nx.utils.graphs_equal(unfold(folded), graph)


def test_a_group_lists_its_members():
    subjects = [Entity("file", file(n).id, {"seed": True, "state": "complete"}) for n in (0, 1)]
    folded = fold(build_graph(family(2, 3), subjects=subjects))
    (key,) = (key for key in folded if key.startswith("file:"))
    node = folded.nodes[key]
    assert node["label"] == "0.exe and 1 more"
    assert node["group_members"] == f"file:{file(0).id} file:{file(1).id}"
    assert (node["seed"], node["state"], node["id"]) == (True, "complete", key[5:])
    assert key == f"{node['type']}:{node['id']}"


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        ([1_500_000_000, 1_400_000_000, None], 1_400_000_000),
        ([0, -5, 1_400_000_000], 1_400_000_000),
        ([None, True, "yesterday"], None),
    ],
)
def test_a_group_has_the_earliest_date_of_its_members(dates, first):
    reports = [
        Entity("reference", report(n).id, {} if date is None else {"creation_date": date})
        for n, date in enumerate(dates)
    ]
    folded = fold(build_graph(Observation(file(0), each, collection(0)) for each in reports))
    (node,) = (node for node in folded.nodes.values() if node["type"] == "reference")
    assert node["group_size"] == 3
    assert node.get("creation_date") == first


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_keeps_the_attributes_of_the_graph(name):
    graph = campaign()
    graph.graph["title"] = "emotet, responses until 2026-11-30"
    assert view(graph, name).graph == graph.graph
    assert unfold(fold(graph)).graph == graph.graph


def test_exports_contain_the_date_and_size_of_a_group(tmp_path):
    reports = [
        Entity("reference", report(n).id, {"creation_date": n * 86_400 + 1_515_715_200})
        for n in range(3)
    ]
    graph = build_graph(Observation(file(0), each, collection(0)) for each in reports)
    graph_view = view(graph, "folded")
    (key,) = (key for key, size in graph_view.nodes(data="group_size") if size)
    found = nx.read_gexf(export(graph_view, tmp_path / "x.gexf"))
    assert (found.nodes[key]["start"], found.nodes[key]["group_size"]) == ("2018-01-12", 3)
    assert {start for *_, start in found.edges(data="start")} == {"2018-01-12"}
    found = nx.read_graphml(export(graph_view, tmp_path / "x.graphml"))
    assert found.nodes[key]["group_size"] == 3
    assert read_graphml(tmp_path / "x.graphml").nodes[key]["group_size"] == 3


def test_a_group_of_different_states_has_no_state():
    states = {0: "complete", 1: "incomplete"}
    subjects = [Entity("file", file(n).id, {"seed": True, "state": states[n]}) for n in states]
    folded = fold(build_graph(family(2, 3), subjects=subjects))
    (node,) = (node for key, node in folded.nodes(data=True) if key.startswith("file:"))
    assert node["seed"] is True
    assert "state" not in node


def test_an_edge_between_groups_merges_its_edges():
    observations = family(2, 2)
    observations[0] = Observation(
        observations[0].subject, observations[0].reference, collection(0), INFERRED, 10, 20
    )
    observations[3] = Observation(
        observations[3].subject, observations[3].reference, collection(0), OBSERVED, 5, 30
    )
    folded = fold(build_graph(observations, timestamps=True))
    (edge,) = (e for _, _, e in folded.edges(data=True) if e["relation"] == "related_references")
    assert edge["weight"] == 4
    assert edge["provenance"] == INFERRED
    assert edge["related_from"] == ("collection:c0",)
    assert (edge["first_seen"], edge["last_seen"]) == (
        "1970-01-01T00:00:05Z",
        "1970-01-01T00:00:30Z",
    )


def test_api_attributes_cannot_make_a_group():
    odd = Entity("reference", report(0).id, {"group_size": 9, "group_members": "x", "folded": "y"})
    graph = build_graph([Observation(file(0), odd, None)])
    assert "group_size" not in graph.nodes[odd.key]
    assert nx.utils.graphs_equal(unfold(fold(graph)), graph)


# --- views ---------------------------------------------------------------------------------------


@EVERY_VIEW
@given(graph=GRAPHS)
@settings(max_examples=40)
def test_a_view_does_not_change_the_graph_and_has_its_attributes(name, graph):
    before = copy.deepcopy(graph)
    graph_view = view(graph, name)
    assert nx.utils.graphs_equal(graph, before)
    for key, node in graph_view.nodes(data=True):
        assert key == f"{node['type']}:{node['id']}"
        assert node["label"]
        assert all(isinstance(value, str | int | float | bool) for value in node.values())
    for _, _, edge in graph_view.edges(data=True):
        assert edge["relation"]
        assert edge["weight"] > 0


@EVERY_VIEW
def test_every_exporter_accepts_every_view_except_derived_ones_for_platforms(name, tmp_path):
    derived = name in DERIVED_VIEWS
    forms = [n for n, each in FORMATS.items() if not (derived and each.refuses_derived_views)]
    for graph in (campaign(), build_graph(())):
        written = export_all(view(graph, name), tmp_path, forms)
        assert all(each.path.stat().st_size == each.size for each in written)
        assert not sum(each.warnings.omitted for each in written)


@pytest.mark.parametrize("name", sorted(DERIVED_VIEWS))
@pytest.mark.parametrize("form", ["stix", "stix-indicators", "stix-lean", "misp"])
def test_platform_formats_refuse_derived_views(form, name, tmp_path):
    graph_view = view(nx.compose(campaign(), build_graph(family(2, 3))), name)
    with pytest.raises(ExportError, match="graphbuild computed; export the full or the backbone"):
        export_all(graph_view, tmp_path / "new", ["graphml", form])
    assert list(tmp_path.iterdir()) == []
    if form in {"stix", "misp"}:
        with pytest.raises(ExportError, match="graphbuild computed"):
            export(graph_view, tmp_path / f"x.{form}.json")
        assert list(tmp_path.iterdir()) == []
    written = export_all(view(campaign(), "backbone"), tmp_path, ["graphml", form])
    assert len(written) == 2


@given(GRAPHS)
def test_the_backbone_keeps_the_order_of_the_graph(graph):
    graph_view = view(graph, "backbone")
    assert list(graph_view) == [key for key in graph if key in graph_view]
    assert list(graph_view.edges) == [ends for ends in graph.edges if ends in graph_view.edges]


def test_an_unknown_view_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match="no view 'x'; choose from full, files, collections"):
        view(campaign(), "x")


def test_the_full_view_is_the_graph():
    assert nx.utils.graphs_equal(view(campaign(), "full"), campaign())


def shared_references(graph, kind):
    """Return the shared references of each pair of nodes of one type, computed with networkx."""
    plain = nx.Graph(
        (one, other)
        for one, other in graph.to_undirected().edges
        if {one.partition(":")[0], other.partition(":")[0]} == {kind, "reference"}
    )
    kept = [key for key in plain if key.startswith(f"{kind}:")]
    if not kept:
        return {}
    projected = nx.bipartite.weighted_projected_graph(plain, kept)
    return {frozenset(ends): weight for *ends, weight in projected.edges(data="weight")}


@pytest.mark.parametrize(("name", "kind"), [("files", "file"), ("collections", "collection")])
@given(graph=GRAPHS)
@settings(max_examples=150)
def test_the_weight_is_the_number_of_shared_references(name, kind, graph):
    graph_view = view(graph, name)
    found = {frozenset(ends): weight for *ends, weight in graph_view.edges(data="weight")}
    assert found == shared_references(graph, kind)
    assert len(found) == graph_view.number_of_edges()  # each pair once
    assert set(graph_view) == {key for key in graph if key.startswith(f"{kind}:")}


def test_nodes_without_shared_references_have_no_edges():
    graph_view = view(build_graph([*family(2, 3, 0), *family(1, 2, 1)]), "files")
    assert sorted(weight for _, _, weight in graph_view.edges(data="weight")) == [3]
    assert nx.number_of_isolates(graph_view) == 1


def test_files_and_collections_are_connected_by_their_observations():
    one, two, red, blue = file(1), file(2), collection(1), collection(2)
    observations = [
        Observation(one, report(1), red),
        Observation(one, report(2), red),
        Observation(two, report(1), blue),
        Observation(two, report(3), None),
    ]
    bipartite = view(build_graph(observations), "files-collections")
    assert set(bipartite) == {one.key, two.key, red.key, blue.key}
    found = {
        (source, target): data["weight"] for source, target, data in bipartite.edges(data=True)
    }
    assert found == {(one.key, red.key): 2, (two.key, blue.key): 1}
    assert {data["relation"] for *_, data in bipartite.edges(data=True)} == {"observed_with"}


def test_domains_and_ip_addresses_are_projected_like_files():
    domain = Entity("domain", "evil.example")
    graph = build_graph(
        [Observation(file(0), report(0), None), Observation(domain, report(0), None)]
    )
    assert [set(ends) for ends in view(graph, "files").edges] == [{file(0).key, domain.key}]


@given(GRAPHS)
@settings(max_examples=100)
def test_the_backbone_disconnects_no_node(graph):
    graph_view = view(graph, "backbone")
    expected = [part & set(graph_view) for part in nx.weakly_connected_components(graph)]
    assert sorted(map(sorted, nx.weakly_connected_components(graph_view))) == sorted(
        map(sorted, expected)
    )


@given(GRAPHS)
@settings(max_examples=100)
def test_the_backbone_drops_only_references_equal_to_a_kept_one(graph):
    graph_view = view(graph, "backbone")
    left_out = set(graph) - set(graph_view)
    stand_for = {}
    for key, size in graph_view.nodes(data="group_size"):
        if size:
            equivalent = [o for o in left_out if _neighbors(graph, o) == _neighbors(graph, key)]
            stand_for[key] = len(equivalent)
            assert len(equivalent) == size - 1
    assert sum(stand_for.values()) == len(left_out)
    assert {graph.nodes[key]["type"] for key in left_out} <= {"reference"}


def _neighbors(graph, key):
    return graph.nodes[key]["type"], set(graph.pred[key]), set(graph.succ[key])


def test_the_backbone_keeps_connecting_references():
    observations = [*family(3, 10), Observation(file(9), report(0), collection(5))]
    graph_view = view(build_graph(observations), "backbone")
    reports = {
        key: node for key, node in graph_view.nodes(data=True) if node["type"] == "reference"
    }
    assert sorted(node.get("group_size", 1) for node in reports.values()) == [1, 9]
    assert "group_size" not in reports[report(0).key]

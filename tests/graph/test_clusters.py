"""Clusters as node attributes: who gets which cluster, in the graph and in its views."""

from __future__ import annotations

from dataclasses import replace

import pytest

import graphbuild as gb
from graphbuild.graph.builder import build_graph, extract_observations
from graphbuild.graph.clusters import CLUSTER_STRENGTHS, add_clusters, subcluster_label
from graphbuild.graph.views import backbone_view, collections_view, files_view, fold, unfold
from graphbuild.models import ClusterTable, Entity, Observation

FILES = [Entity("file", f"{number:064x}") for number in range(6)]
NAMES = ("First", "Second")


def table(*numbers: int) -> ClusterTable:
    keys = [file.key for file in FILES]
    return ClusterTable(dict(zip(keys, numbers, strict=False)), NAMES, (1.0, 1.0), 1.0, 0.5)


def reference(name: str) -> Entity:
    return Entity("reference", name.rjust(64, "0"))


def collection(name: str) -> Entity:
    return Entity("collection", name, {"name": name})


def clusters_of(graph) -> dict[str, int]:
    return {key: number for key, number in graph.nodes(data="cluster") if number is not None}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((1, 1, 1), 1),
        ((1, 1, 2), 1),
        ((2, 2, 2, 2, 1, 1), 2),
        ((1, 2), None),
        ((1, 1, 1, 2, 2), None),
    ],
    ids=lambda value: "".join(map(str, value)) if isinstance(value, tuple) else str(value),
)
def test_a_collection_and_its_reference_have_the_cluster_of_two_thirds_of_their_files(
    numbers, expected
) -> None:
    shared = reference("a"), collection("c")
    graph = build_graph(Observation(file, *shared) for file in FILES[: len(numbers)])
    add_clusters(graph, table(*numbers))
    for entity in shared:
        assert graph.nodes[entity.key].get("cluster") == expected
        name = NAMES[expected - 1] if expected else None
        assert graph.nodes[entity.key].get("cluster_name") == name


def test_subclusters_doubts_and_strengths_are_added() -> None:
    """The first collection has files of both subclusters, and the second files of one."""
    graph = build_graph(
        [Observation(file, reference("a"), collection("both")) for file in FILES[:4]]
        + [Observation(file, reference("b"), collection("one")) for file in FILES[:2]]
        + [Observation(FILES[4], reference("c"), None)]
    )
    keys = [file.key for file in FILES]
    details = replace(
        table(1, 1, 1, 1, 2),
        subclusters=dict(zip(keys[:4], (1, 1, 2, 2), strict=True)),
        doubtful={keys[3]: 2, "file:absent": 1},
        strengths=((3, 2, False), (0, None, True)),
    )
    add_clusters(graph, details)
    parts = {key: part for key, part in graph.nodes(data="subcluster") if part}
    assert [parts.get(key) for key in keys[:5]] == ["1a", "1a", "1b", "1b", "2"]
    assert parts[collection("one").key] == parts[reference("b").key] == "1a"
    assert collection("both").key not in parts
    assert graph.nodes[collection("both").key]["cluster"] == 1
    assert {key: node for key, node in graph.nodes(data="other_cluster") if node} == {keys[3]: 2}
    assert [key for key, doubtful in graph.nodes(data="doubtful") if doubtful] == [keys[3]]
    assert graph.graph[CLUSTER_STRENGTHS] == ((1, 3, "≤2"), (2, 0, "-"))


def test_labels_of_subclusters() -> None:
    labels = [subcluster_label(3, number, 800) for number in (1, 2, 26, 27, 52, 53, 702, 703)]
    assert labels == ["3a", "3b", "3z", "3aa", "3az", "3ba", "3zz", "3aaa"]
    assert subcluster_label(3, 1, 1) == "3"


def test_only_observations_connect_a_file_with_a_collection() -> None:
    """The path from the first file through the shared reference to ``second`` is no observation."""
    first, second = collection("first"), collection("second")
    graph = build_graph(
        Observation(file, reference("a"), first if number < 3 else second)
        for number, file in enumerate(FILES)
    )
    add_clusters(graph, table(1, 1, 1, 2, 2, 2))
    assert graph.nodes[first.key]["cluster"] == 1
    assert graph.nodes[second.key]["cluster"] == 2
    assert "cluster" not in graph.nodes[reference("a").key]


def test_nodes_without_observations_have_no_cluster() -> None:
    graph = build_graph([Observation(FILES[0], reference("a"), None)], subjects=[FILES[5]])
    add_clusters(graph, table(1))
    assert clusters_of(graph) == {FILES[0].key: 1, reference("a").key: 1}


def test_the_api_cannot_set_clusters() -> None:
    spoof = {"cluster": 7, "cluster_name": "spoofed", "subcluster": "7a", "doubtful": True}
    file, about = Entity("file", "a" * 64, spoof), Entity("reference", "b" * 64, spoof)
    graph = build_graph([Observation(file, about, None)], subjects=[file])
    assert clusters_of(graph) == {}
    assert all(spoof.keys().isdisjoint(node) for node in graph.nodes.values())


def test_clusters_are_no_attributes_of_the_observations() -> None:
    graph = build_graph([Observation(FILES[0], reference("a"), collection("c"))])
    before = list(extract_observations(graph))
    add_clusters(graph, table(1))
    after = list(extract_observations(graph))
    assert [each.subject.attributes for each in after] == [
        each.subject.attributes for each in before
    ]
    assert after == before


def test_views_keep_the_clusters() -> None:
    graph = build_graph(
        Observation(file, reference(f"a{number // 2}"), collection(f"c{number // 2}"))
        for number, file in enumerate(FILES)
    )
    add_clusters(graph, table(1, 1, 1, 2, 2, 2))
    for view in (files_view, collections_view, backbone_view):
        shown = clusters_of(view(graph))
        assert shown
        assert shown.items() <= clusters_of(graph).items()
    folded = fold(graph)
    groups = {node["id"]: node for node in folded.nodes.values() if "group_size" in node}
    assert sorted(node.get("cluster", 0) for node in groups.values()) == [0, 1, 2]
    assert clusters_of(unfold(folded)) == clusters_of(graph)


def test_graphs_of_the_package_have_clusters(tmp_path) -> None:
    observations = [
        Observation(file, reference(f"a{number // 3}"), collection(f"c{number // 3}"))
        for number, file in enumerate(FILES)
    ]
    graph = gb.build_graph(observations)
    assert set(clusters_of(graph).values()) == {1, 2}
    plain = build_graph(observations)
    path = gb.export(plain, tmp_path / "graph.graphml")
    assert clusters_of(plain) == {}  # the caller's graph is not changed
    assert path.read_bytes() == gb.export(graph, tmp_path / "same.graphml").read_bytes()
    part = plain.subgraph([*FILES[:3], *(each.key for each in FILES[:3]), reference("a0").key])
    gb.export(part, tmp_path / "part.graphml")  # a frozen graph

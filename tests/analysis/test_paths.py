"""Evidence paths: all shortest paths of stored observations, and their descriptions."""

from __future__ import annotations

import json
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.analysis.formatting import describe_observation, describe_step
from graphbuild.analysis.paths import EvidenceGraph
from graphbuild.api.parser import parse_page
from graphbuild.errors import AnalysisError
from graphbuild.models import Entity, Observation
from graphbuild.seeds.refanging import defang, refang
from tests.support.graphs import (
    EMOTET,
    GANG,
    HOSTILE,
    LOADER,
    OBSERVATIONS,
    OTHERS,
    REPORT,
    any_text,
)
from tests.support.observed_graphs import observed_graphs
from tests.support.paths import DATA
from tests.support.planted_campaigns import plant

if TYPE_CHECKING:
    from graphbuild.analysis.paths import EvidencePath
    from tests.support.observed_graphs import ObservedGraph

DOCUMENTED = DATA / "related_references.json"


def nodes_of(one: Observation) -> list[Entity]:
    return [each for each in (one.subject, one.reference, one.related_from) if each is not None]


def networkx_graph(observations: list[Observation]) -> nx.Graph:
    """Return a graph that links two nodes if an observation contains both."""
    graph = nx.Graph()
    for one in observations:
        nodes = [each.key for each in nodes_of(one)]
        graph.add_nodes_from(nodes)
        graph.add_edges_from((a, b) for a in nodes for b in nodes if a < b)
    return graph


def check(observations: list[Observation], one: Entity, other: Entity) -> list[EvidencePath]:
    """Check all shortest paths between two nodes, and return them."""
    evidence, graph = EvidenceGraph(observations), networkx_graph(observations)
    paths = list(evidence.shortest_paths(one, other))
    found = [tuple(node.key for node in path.nodes) for path in paths]
    expected = (
        sorted(map(tuple, nx.all_shortest_paths(graph, one.key, other.key)))
        if nx.has_path(graph, one.key, other.key)
        else []
    )
    assert found == expected
    stored: dict[frozenset[str], set[Observation]] = {}
    for each in observations:
        for pair in combinations({node.key for node in nodes_of(each)}, 2):
            stored.setdefault(frozenset(pair), set()).add(each)
    assert evidence.count_paths(one, other) == len(expected)
    for path in paths:
        assert all(step.target == then.source for step, then in pairwise(path.steps))
        for step in path.steps:
            expected_observations = stored[frozenset({step.source.key, step.target.key})]
            assert set(step.observations) == expected_observations
            assert len(step.observations) == len(expected_observations)
    return paths


@given(observed_graphs(), st.data())
def test_paths_are_all_shortest_paths_of_stored_observations(
    graph: ObservedGraph, data: st.DataObject
) -> None:
    plain = [Observation(o.subject, o.reference, o.related_from) for o in graph.observations]
    nodes = sorted({node.key: node for one in plain for node in nodes_of(one)}.items())
    if len(nodes) > 1:
        ends = data.draw(st.lists(st.sampled_from(nodes), min_size=2, max_size=2, unique_by=str))
        if ends[0][0] != ends[1][0]:
            check(plain, ends[0][1], ends[1][1])


@pytest.mark.parametrize("seed", range(3))
def test_paths_in_planted_campaigns(seed: int) -> None:
    observations = plant(seed).observations()
    nodes = sorted({node for one in observations for node in nodes_of(one)}, key=lambda n: n.key)
    step = len(nodes) // 9
    picked = nodes[:: step + seed]
    lengths = {
        len(path.steps)
        for one, other in zip(picked, picked[1:] + picked[:1], strict=True)
        for path in check(observations, one, other)
    }
    assert len(lengths) > 1


def test_file_and_collection_are_one_step_apart_only_in_one_observation() -> None:
    """Here, the exported graph has a path from file to collection that was not observed."""
    one, other = (Entity("file", letter * 64) for letter in "ab")
    observations = [Observation(one, REPORT, GANG), Observation(other, REPORT, OTHERS)]
    (path,) = check(observations, one, OTHERS)
    assert [node.key for node in path.nodes] == [one.key, REPORT.key, OTHERS.key]
    first, second = path.steps
    assert [each.subject for each in first.observations] == [one]
    assert [each.subject for each in second.observations] == [other]


def test_unconnected_nodes_have_no_path() -> None:
    far = Entity("file", "9" * 64)
    observations = [*OBSERVATIONS, Observation(far, Entity("reference", "9" * 64), None)]
    assert check(observations, EMOTET, far) == []


def test_path_from_a_node_to_itself_is_an_error() -> None:
    with pytest.raises(AnalysisError, match="are the same node"):
        list(EvidenceGraph(OBSERVATIONS).shortest_paths(GANG, GANG))


def test_description_of_the_documented_sample_contains_its_titles() -> None:
    payload = json.loads(DOCUMENTED.read_bytes())
    subject = Entity("file", payload["links"]["self"].split("/files/")[1].split("/")[0])
    observations = parse_page(DOCUMENTED.read_bytes(), subject).observations
    evidence = EvidenceGraph(observations)
    (path,) = evidence.shortest_paths(evidence.find_node(subject.id), evidence.find_node("emotet"))
    (step,) = path.steps
    descriptions = "\n".join(
        [describe_step(step, repr), *(describe_observation(o, repr) for o in step.observations)]
    )
    assert "'Emotet'" in descriptions
    titles = [each["attributes"]["title"] for each in payload["data"]]
    assert len(titles) == 2
    for title in titles:
        assert repr(title) in descriptions


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "node"),
    [
        (EMOTET.id, EMOTET),
        (EMOTET.id.upper(), EMOTET),
        (EMOTET.key, EMOTET),
        (EMOTET.id[:8], EMOTET),
        (f"{EMOTET.id[:12]}…", EMOTET),
        ("win.emotet", GANG),
        (" WIN.EMOTET ", GANG),
        ("malpedia_win_emotet", GANG),
        (REPORT.attributes["url"], REPORT),
        ("hxxps://Blog[.]Example[.]org:8443/2018/01/emotet?a=1&b=2", REPORT),
        ("load & run.exe", LOADER),
    ],
)
def test_find_node_by_key_id_url_title_or_name(name: str, node: Entity) -> None:
    assert EvidenceGraph(OBSERVATIONS).find_node(name) == node


@pytest.mark.parametrize("name", ["Report--24-0001", "report--24-0001", "REPORT--24"])
def test_find_node_ignores_the_case_of_ids(name: str) -> None:
    node = Entity("collection", "Report--24-0001")
    observation = Observation(Entity("file", "a" * 64), Entity("reference", "r"), node)
    assert EvidenceGraph([observation]).find_node(name) == node


@pytest.mark.parametrize("name", ["nobody", "ab", "", "hxxp://[", "\x1b[2J"])
def test_unknown_name_is_an_error(name: str) -> None:
    with pytest.raises(AnalysisError, match="no node of the campaign matches") as raised:
        EvidenceGraph(OBSERVATIONS).find_node(name)
    assert "\x1b" not in str(raised.value)


def test_ambiguous_name_is_an_error_with_the_keys() -> None:
    same_name = [Entity("collection", name, {"name": "Twin"}) for name in ("one", "two")]
    observations = [Observation(EMOTET, REPORT, each) for each in same_name]
    with pytest.raises(
        AnalysisError, match=r"'twin' matches 2 nodes; .* collection:one, collection:"
    ):
        EvidenceGraph(observations).find_node("twin")
    assert EvidenceGraph(observations).find_node("collection:two") == same_name[1]


# --- descriptions --------------------------------------------------------------------------------


def test_descriptions_contain_title_date_url_and_collection() -> None:
    evidence = EvidenceGraph(OBSERVATIONS)
    paths = list(evidence.shortest_paths(EMOTET, LOADER))
    descriptions = [[describe_step(step, repr) for step in path.steps] for path in paths]
    file, report = "file 'abababababab…'", "the reference 'Emotet – a <i>history</i> & more'"
    assert descriptions[0] == [
        f"{file} is in the collection 'Spam run', through 1 reference",
        "file 'load & run[.]exe' is in the collection 'Spam run', through 1 reference",
    ]
    assert [f"{file} is related to {report}"] == descriptions[2][:1]
    assert describe_observation(paths[0].steps[0].observations[0], repr) == (
        f"{report}, by 'Zoë Ünal', 2018-01-12,"
        " 'hxxps://Blog[.]Example[.]org:8443/2018/01/emotet?a=1&b=2';"
        f" listed for {file} through the collection 'Spam run'"
    )
    (one,) = evidence.shortest_paths(REPORT, OTHERS)
    assert describe_step(one.steps[0], repr) == (
        f"{report} is listed for 2 files through the collection 'Spam run'"
    )


def test_description_of_an_inferred_observation() -> None:
    observations = Observation(EMOTET, REPORT, GANG, "inferred")
    assert describe_observation(observations, repr).endswith(
        "through the collection 'win.emotet', inferred"
    )
    assert "through no named collection" in describe_observation(
        Observation(EMOTET, REPORT, None), repr
    )


@given(any_text | st.sampled_from(HOSTILE))
def test_all_untrusted_text_passes_through_quote(text: str) -> None:
    reference = Entity("reference", "0" * 64, {"title": text, "url": text, "author": text})
    collection = Entity("collection", "c", {"name": text})
    evidence = EvidenceGraph([Observation(EMOTET, reference, collection)])
    (path,) = evidence.shortest_paths(reference, collection)
    one = path.steps[0]
    descriptions = describe_step(one, lambda _: "*") + describe_observation(
        one.observations[0], lambda _: "*"
    )
    assert set(descriptions) <= set("abcdefghijklmnopqrstuvwxyz0123456789 *,;")


@pytest.mark.parametrize(
    ("url", "defanged"),
    [
        ("https://a.example/b.html", "hxxps://a[.]example/b[.]html"),
        ("HTTP://A.Example", "hxxp://A[.]Example"),
        ("ftp://a.example:21/", "fxp://a[.]example:21/"),
        ("https:\thttps://evil.example", "hxxps:\thxxps://evil[.]example"),
        ("10.0.0.1", "10[.]0[.]0[.]1"),
        ("sftp://a.example", "sftp://a[.]example"),
        (
            "https://archive.example/2020/http://b.example/ftp://c.example",
            "hxxps://archive[.]example/2020/hxxp://b[.]example/fxp://c[.]example",
        ),
    ],
)
def test_urls_and_addresses_are_defanged(url: str, defanged: str) -> None:
    assert defang(url) == defanged
    if url == url.lower() and "\t" not in url:
        assert refang(defanged) == url

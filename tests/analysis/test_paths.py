"""Chains of evidence: each of stored observations, none of the shortest missing, all harmless."""

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
from graphbuild.seeds.indicators import defang, refang
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


def drawn(observations: list[Observation]) -> nx.Graph:
    """Two nodes are joined if an observation has both."""
    graph = nx.Graph()
    for one in observations:
        nodes = [each.key for each in nodes_of(one)]
        graph.add_nodes_from(nodes)
        graph.add_edges_from((a, b) for a in nodes for b in nodes if a < b)
    return graph


def check(observations: list[Observation], one: Entity, other: Entity) -> list[EvidencePath]:
    """All that is promised of the chains between two nodes."""
    evidence, graph = EvidenceGraph(observations), drawn(observations)
    chains = list(evidence.shortest_paths(one, other))
    found = [tuple(node.key for node in chain.nodes) for chain in chains]
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
    for chain in chains:
        assert all(step.target == then.source for step, then in pairwise(chain.steps))
        for step in chain.steps:
            behind = stored[frozenset({step.source.key, step.target.key})]
            assert set(step.observations) == behind
            assert len(step.observations) == len(behind)
    return chains


@given(observed_graphs(), st.data())
def test_every_chain_is_of_stored_observations_and_none_of_the_shortest_is_missing(
    world: ObservedGraph, data: st.DataObject
) -> None:
    plain = [Observation(o.subject, o.reference, o.related_from) for o in world.observations]
    nodes = sorted({node.key: node for one in plain for node in nodes_of(one)}.items())
    if len(nodes) > 1:
        ends = data.draw(st.lists(st.sampled_from(nodes), min_size=2, max_size=2, unique_by=str))
        if ends[0][0] != ends[1][0]:
            check(plain, ends[0][1], ends[1][1])


@pytest.mark.parametrize("seed", range(3))
def test_the_same_on_planted_worlds(seed: int) -> None:
    observations = plant(seed).observations()
    nodes = sorted({node for one in observations for node in nodes_of(one)}, key=lambda n: n.key)
    step = len(nodes) // 9
    picked = nodes[:: step + seed]
    lengths = {
        len(chain.steps)
        for one, other in zip(picked, picked[1:] + picked[:1], strict=True)
        for chain in check(observations, one, other)
    }
    assert len(lengths) > 1


def test_a_file_and_a_collection_are_one_step_apart_only_where_it_was_said() -> None:
    """The drawn graph has a path of file, report and collection here that nobody observed."""
    one, other = (Entity("file", letter * 64) for letter in "ab")
    told = [Observation(one, REPORT, GANG), Observation(other, REPORT, OTHERS)]
    (chain,) = check(told, one, OTHERS)
    assert [node.key for node in chain.nodes] == [one.key, REPORT.key, OTHERS.key]
    first, second = chain.steps
    assert [each.subject for each in first.observations] == [one]
    assert [each.subject for each in second.observations] == [other]


def test_what_nothing_ties_has_no_chain() -> None:
    far = Entity("file", "9" * 64)
    told = [*OBSERVATIONS, Observation(far, Entity("reference", "9" * 64), None)]
    assert check(told, EMOTET, far) == []


def test_a_node_is_no_chain_to_itself() -> None:
    with pytest.raises(AnalysisError, match="are the same node"):
        list(EvidenceGraph(OBSERVATIONS).shortest_paths(GANG, GANG))


def test_the_documented_sample_names_both_reports_and_emotet() -> None:
    payload = json.loads(DOCUMENTED.read_bytes())
    subject = Entity("file", payload["links"]["self"].split("/files/")[1].split("/")[0])
    observations = parse_page(DOCUMENTED.read_bytes(), subject).observations
    evidence = EvidenceGraph(observations)
    (chain,) = evidence.shortest_paths(evidence.find_node(subject.id), evidence.find_node("emotet"))
    (step,) = chain.steps
    said = "\n".join(
        [describe_step(step, repr), *(describe_observation(o, repr) for o in step.observations)]
    )
    assert "'Emotet'" in said
    titles = [each["attributes"]["title"] for each in payload["data"]]
    assert len(titles) == 2
    for title in titles:
        assert repr(title) in said


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
def test_a_node_is_found_by_whatever_names_it(name: str, node: Entity) -> None:
    assert EvidenceGraph(OBSERVATIONS).find_node(name) == node


@pytest.mark.parametrize("name", ["nobody", "ab", "", "hxxp://[", "\x1b[2J"])
def test_a_name_nobody_has_is_told(name: str) -> None:
    with pytest.raises(AnalysisError, match="no node of the campaign matches") as told:
        EvidenceGraph(OBSERVATIONS).find_node(name)
    assert "\x1b" not in str(told.value)


def test_a_name_that_several_have_is_told_with_their_keys() -> None:
    twins = [Entity("collection", name, {"name": "Twin"}) for name in ("one", "two")]
    told = [Observation(EMOTET, REPORT, twin) for twin in twins]
    with pytest.raises(
        AnalysisError, match=r"'twin' matches 2 nodes; .* collection:one, collection:"
    ):
        EvidenceGraph(told).find_node("twin")
    assert EvidenceGraph(told).find_node("collection:two") == twins[1]


# --- sentences -----------------------------------------------------------------------------------


def test_sentences_tell_title_day_address_and_collection() -> None:
    evidence = EvidenceGraph(OBSERVATIONS)
    chains = list(evidence.shortest_paths(EMOTET, LOADER))
    said = [[describe_step(step, repr) for step in chain.steps] for chain in chains]
    file, report = "file 'abababababab…'", "the reference 'Emotet – a <i>history</i> & more'"
    assert said[0] == [
        f"{file} is in the collection 'Spam run', through 1 reference",
        "file 'load & run[.]exe' is in the collection 'Spam run', through 1 reference",
    ]
    assert [f"{file} is related to {report}"] == said[2][:1]
    assert describe_observation(chains[0].steps[0].observations[0], repr) == (
        f"{report}, by 'Zoë Ünal', 2018-01-12,"
        " 'hxxps://Blog[.]Example[.]org:8443/2018/01/emotet?a=1&b=2';"
        f" listed for {file} through the collection 'Spam run'"
    )
    (one,) = evidence.shortest_paths(REPORT, OTHERS)
    assert describe_step(one.steps[0], repr) == (
        f"{report} is listed for 2 files through the collection 'Spam run'"
    )


def test_what_was_inferred_is_said() -> None:
    told = Observation(EMOTET, REPORT, GANG, "inferred")
    assert describe_observation(told, repr).endswith(
        "through the collection 'win.emotet', inferred"
    )
    assert "through no named collection" in describe_observation(
        Observation(EMOTET, REPORT, None), repr
    )


@given(any_text | st.sampled_from(HOSTILE))
def test_all_text_of_reports_goes_through_the_quote(text: str) -> None:
    report = Entity("reference", "0" * 64, {"title": text, "url": text, "author": text})
    behind = Entity("collection", "c", {"name": text})
    evidence = EvidenceGraph([Observation(EMOTET, report, behind)])
    (chain,) = evidence.shortest_paths(report, behind)
    one = chain.steps[0]
    said = describe_step(one, lambda _: "*") + describe_observation(
        one.observations[0], lambda _: "*"
    )
    assert set(said) <= set("abcdefghijklmnopqrstuvwxyz0123456789 *,;")


@pytest.mark.parametrize(
    ("live", "dead"),
    [
        ("https://a.example/b.html", "hxxps://a[.]example/b[.]html"),
        ("HTTP://A.Example", "hxxp://A[.]Example"),
        ("ftp://a.example:21/", "fxp://a[.]example:21/"),
        ("https:\thttps://evil.example", "hxxps:\thxxps://evil[.]example"),
        ("10.0.0.1", "10[.]0[.]0[.]1"),
    ],
)
def test_an_address_is_told_so_that_nobody_clicks_on_it(live: str, dead: str) -> None:
    assert defang(live) == dead
    if live == live.lower() and "\t" not in live:
        assert refang(dead) == live

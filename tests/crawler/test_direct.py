"""Crawls with ``--direct``: requests, observations, the graph, analysis and cost."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild import analysis
from graphbuild.crawler import Crawl
from graphbuild.emulator import (
    Api,
    Collection,
    File,
    Indicator,
    Reference,
    UndocumentedSettings,
    World,
    generate_family_world,
    generate_world,
)
from graphbuild.errors import BudgetExhaustedError, ForbiddenError
from graphbuild.exporters import export_all
from graphbuild.exporters.graphml_reader import read_graphml
from graphbuild.graph.builder import build_graph, extract_links, extract_observations
from graphbuild.graph.views import view
from graphbuild.models import FAILED, LIMITED, PENDING
from graphbuild.report import write_report
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage
from tests.crawler.campaign import Campaign
from tests.support.faults import Fault
from tests.support.shell import seeds

if TYPE_CHECKING:
    from graphbuild.graph.builder import Graph
    from tests.support.shell import Shell

RELATED, DIRECT = "related_references", "references"
A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
R = [Reference.from_url(f"https://r.example/{number}", title=f"R{number}") for number in range(4)]
R0, R1, R2, R3 = (reference.id for reference in R)


def small_world() -> World:
    """Return subjects of each type. R1 is in the collection and also a direct reference of A."""
    return World(
        [
            File(A, md5="a" * 32, collections=("c1",), references=(R1, R2)),
            File(B, references=(R2,)),
            File(C, collections=("c1",)),
        ],
        R,
        [Collection("c1", "First", (R0, R1))],
        indicators=[
            Indicator("domain", "evil.example", references=(R2, R3)),
            Indicator("ip_address", "9.9.9.9", references=(R3,)),
            Indicator("url", "http://evil.example/x", collections=("c1",), references=(R0,)),
        ],
    )


def campaign_of(path: Path, world: World, *seed_list: str, **switches: object) -> Campaign:
    campaign = Campaign(path, world, **switches)
    path.unlink()
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(seed_list or [each.seed for each in world.subjects()]))
    return campaign


def requested_paths(campaign: Campaign) -> list[str]:
    return [entry.path.removeprefix("/api/v3/") for entry in campaign.api.log]


def direct_requests(campaign: Campaign) -> list[str]:
    return [
        path for path in requested_paths(campaign) if path.endswith(("/references", "/reports"))
    ]


def observations_of(path: Path) -> set[tuple[str, str, str | None, str]]:
    with Store.read(path) as store:
        return {
            (
                each.relationship,
                each.subject.id,
                each.reference.id,
                each.related_from and each.related_from.id,
            )
            for each in store.observations(direct=True)
        }


def graph_of(path: Path) -> Graph:
    with Store.read(path) as store:
        return build_graph(
            store.observations(direct=True), subjects=store.subjects(), links=store.links()
        )


def by_relation(graph: Graph) -> dict[tuple[str, str], str]:
    return {
        (graph.nodes[source]["id"], graph.nodes[target]["id"]): edge["relation"]
        for source, target, edge in graph.edges(data=True)
    }


# --- requests and observations -------------------------------------------------------------------


@pytest.mark.parametrize("flavor", ["classic", "gti"])
def test_each_subject_has_one_more_list_with_exactly_its_own_references(tmp_path, flavor) -> None:
    world = small_world()
    campaign = campaign_of(tmp_path / "c.db", world, api_flavor=flavor)
    with Store.open(campaign.path) as store, campaign.client(api_flavor=flavor) as client:
        events = list(Crawl(client, store, direct=True))
    assert [event.error for event in events] == [None] * 12
    name = {"classic": DIRECT, "gti": "reports"}[flavor]
    assert sorted(path.split("/")[0] for path in direct_requests(campaign)) == [
        "domains",
        "files",
        "files",
        "files",
        "ip_addresses",
        "urls",
    ]
    assert all(path.endswith(f"/{name}") for path in direct_requests(campaign))
    url = world.indicators[2].id
    assert {row for row in observations_of(campaign.path) if row[0] == DIRECT} == {
        (DIRECT, A, R1, None),
        (DIRECT, A, R2, None),
        (DIRECT, B, R2, None),
        (DIRECT, "evil.example", R2, None),
        (DIRECT, "evil.example", R3, None),
        (DIRECT, "9.9.9.9", R3, None),
        (DIRECT, url, R0, None),
    }
    with Store.read(campaign.path) as store:
        assert list(store.links()) == []
        assert list(find_damage(store)) == []


def test_direct_references_add_no_triple(tmp_path) -> None:
    plain = campaign_of(tmp_path / "plain.db", small_world())
    plain.crawl()
    campaign = campaign_of(tmp_path / "c.db", small_world())
    campaign.crawl(direct=True)
    assert campaign.triples() == plain.triples()
    assert {row for row in observations_of(campaign.path) if row[0] == RELATED} == (
        observations_of(plain.path)
    )


def test_without_the_option_direct_references_change_nothing(tmp_path) -> None:
    world = small_world()
    without = World(
        [File(A, md5="a" * 32, collections=("c1",)), File(B), File(C, collections=("c1",))],
        R,
        world.collections.values(),
        indicators=[
            Indicator("domain", "evil.example"),
            Indicator("ip_address", "9.9.9.9"),
            Indicator("url", "http://evil.example/x", collections=("c1",)),
        ],
    )
    written = []
    for name, each in (("with", world), ("without", without)):
        campaign = campaign_of(tmp_path / f"{name}.db", each)
        campaign.crawl()
        files = export_all(graph_of(campaign.path), tmp_path / name, ["graphml", "csv", "jsonl"])
        contents = {file.path.name: file.path.read_bytes() for file in files}
        written.append((requested_paths(campaign), contents))
    assert written[0] == written[1]
    assert len(written[0][0]) == 6


def test_a_generated_world_serves_the_direct_references_that_it_states(tmp_path) -> None:
    sizes = {"campaigns": 2, "files_per_campaign": 4, "references_per_campaign": 6, "siblings": 1}
    world = generate_world(5, **sizes, direct_references_per_campaign=3)
    plain = generate_world(5, **sizes)
    assert len(world.references) == len(plain.references) + 3 * 3  # with the documented sample
    assert world.observations() == plain.observations()
    campaign = campaign_of(tmp_path / "c.db", world)
    campaign.crawl(direct=True)
    with Store.read(campaign.path) as store:
        found = {
            (each.subject.type, each.subject.id, each.reference.id)
            for each in store.observations(direct=True)
            if each.relationship == DIRECT
        }
    # A URL is in the seed list as text. Seed lists accept no IP addresses of the documentation.
    ids = {each.seed: each.id for each in world.indicators}
    assert found == {
        (kind, ids.get(seed, seed), reference)
        for kind, seed, reference in world.direct_references()
        if kind != "ip_address"
    }


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Return a world of three files with any collections and direct references."""

    def some(ids: list[str]) -> tuple[str, ...]:
        return tuple(draw(st.sets(st.sampled_from(ids))))

    ids = [R0, R1, R2]
    collections = [Collection(name, name, some(ids)) for name in ("c1", "c2")]
    files = [File(each, collections=some(["c1", "c2"]), references=some(ids)) for each in (A, B, C)]
    return World(files, R, collections)


@settings(max_examples=15, deadline=None)
@given(worlds())
def test_a_crawl_finds_exactly_the_triples_and_the_direct_references(world: World) -> None:
    with TemporaryDirectory() as folder:
        campaign = campaign_of(Path(folder) / "c.db", world)
        campaign.crawl(direct=True)
        assert campaign.api.calls == 6
        found = observations_of(campaign.path)
        graph = graph_of(campaign.path)
    assert found == {
        *((RELATED, *row[1:]) for row in world.observations()),
        *((DIRECT, *row[1:], None) for row in world.direct_references()),
    }
    assert found == {
        (
            each.relationship,
            each.subject.id,
            each.reference.id,
            each.related_from and each.related_from.id,
        )
        for each in extract_observations(graph, direct=True)
    }


# --- runs ----------------------------------------------------------------------------------------


def test_an_interrupted_crawl_requests_no_page_twice(tmp_path) -> None:
    world = long_list()
    straight = campaign_of(tmp_path / "straight.db", world)
    straight.crawl(direct=True)
    assert straight.api.calls == 1 + 3 + 1 + 1  # two subjects; 90 direct references of one
    broken = campaign_of(tmp_path / "broken.db", world)
    for budget in range(1, straight.api.calls):
        with pytest.raises(BudgetExhaustedError):
            broken.crawl(direct=True, max_calls=budget)
    broken.crawl(direct=True)
    assert sorted(requested_paths(broken)) == sorted(requested_paths(straight))
    assert observations_of(broken.path) == observations_of(straight.path)
    broken.crawl(direct=True)
    assert broken.api.calls == straight.api.calls


def long_list() -> World:
    """Return a file with 90 direct references, and one without references."""
    listed = [Reference.from_url(f"https://r.example/{number}") for number in range(90)]
    return World([File(A, references=tuple(each.id for each in listed)), File(B)], listed, [])


def test_direct_references_can_be_requested_after_a_complete_crawl(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", small_world())
    campaign.crawl()
    campaign.crawl(direct=True)
    paths = requested_paths(campaign)
    assert len(paths) == 12
    assert paths[6:] == direct_requests(campaign)
    campaign.crawl()
    assert len(requested_paths(campaign)) == 12


def test_aliases_of_a_file_share_one_list(tmp_path) -> None:
    links = UndocumentedSettings(canonical_links=True)
    campaign = campaign_of(tmp_path / "c.db", small_world(), "a" * 32, A, undocumented=links)
    campaign.crawl(direct=True)
    assert {row[1:] for row in observations_of(campaign.path) if row[0] == DIRECT} == {
        (A, R1, None),
        (A, R2, None),
    }
    with Store.read(campaign.path) as store:
        assert sorted(row.relationship for row in store.statuses()) == [DIRECT, RELATED]
        assert list(find_damage(store)) == []


def test_a_frugal_crawl_saves_the_same_calls_and_reads_all_direct_references(tmp_path) -> None:
    world = generate_family_world(8, 120)
    reference = next(iter(world.references))
    files = [File(each.id, collections=each.collections) for each in world.files.values()]
    files[0] = File(files[0].id, collections=files[0].collections, references=(reference,))
    world = world.replace(files=files)
    frugal = campaign_of(tmp_path / "frugal.db", world)
    frugal.crawl(frugal=True)
    both = campaign_of(tmp_path / "both.db", world)
    both.crawl(frugal=True, direct=True)
    assert both.api.calls == frugal.api.calls + 8
    assert both.triples() == frugal.triples()
    assert (DIRECT, files[0].id, reference, None) in observations_of(both.path)


def test_deeper_crawls_request_direct_references_of_found_files_up_to_the_limit(tmp_path) -> None:
    listed = [Reference.from_url(f"https://r.example/{number}") for number in range(90)]
    world = World(
        [
            File(A, collections=("c1",), references=(listed[0].id,)),
            File(B, collections=("c1",), references=tuple(each.id for each in listed)),
        ],
        listed,
        [Collection("c1", "First")],
    )
    campaign = campaign_of(tmp_path / "c.db", world, A)
    campaign.crawl(direct=True, depth=2, per_node=40)
    paths = requested_paths(campaign)
    assert f"references/{listed[0].id}/files" in paths  # B is found through a direct reference
    assert [path for path in paths if path.startswith(f"files/{B}")] == [
        f"files/{B}/related_references",
        f"files/{B}/references",
    ]
    with Store.read(campaign.path) as store:
        states = {(row.subject.id, row.relationship): row.state for row in store.statuses()}
    assert states[B, DIRECT] == LIMITED


def test_a_key_without_access_to_direct_references_keeps_the_other_lists(tmp_path) -> None:
    fault = Fault("status", 403, match="/references", times=None)
    campaign = campaign_of(tmp_path / "c.db", small_world(), faults=[fault])
    with pytest.raises(ForbiddenError, match="may not read references"):
        campaign.crawl(direct=True)
    with Store.read(campaign.path) as store:
        states = [(row.relationship, row.state) for row in store.statuses()]
    assert {state for name, state in states if name == RELATED} == {"complete"}
    assert {state for name, state in states if name == DIRECT} == {PENDING}


def test_a_failed_list_of_direct_references_can_be_requested_again(tmp_path) -> None:
    fault = Fault("status", 404, match=f"{B}/references", times=1)
    campaign = campaign_of(tmp_path / "c.db", small_world(), faults=[fault])
    campaign.crawl(direct=True)
    with Store.open(campaign.path) as store:
        failed = [(row.subject.id, row.relationship) for row in store.statuses() if row.error_code]
        assert failed == [(B, DIRECT)]
        assert store.tasks.retry_failed() == 1
    campaign.crawl()
    assert requested_paths(campaign)[-1] == f"files/{B}/references"
    assert FAILED not in campaign.states().values()
    campaign.clock.time += 100
    with Store.open(campaign.path) as store:
        assert store.tasks.refresh(campaign.clock.time) == 12
    campaign.crawl()
    assert len(direct_requests(campaign)) == 6 + 1 + 6


# --- graph, exports and analysis -----------------------------------------------------------------


def test_edges_keep_both_lists_apart(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", small_world(), A, B)
    campaign.crawl(direct=True)
    graph = graph_of(campaign.path)
    assert by_relation(graph) == {
        (A, R0): RELATED,
        (A, R1): "references_and_related_references",
        (A, R2): DIRECT,
        (B, R2): DIRECT,
        (R0, "c1"): "related_from",
        (R1, "c1"): "related_from",
    }
    related = {"weight": 1, "provenance": "observed", "related_from": ("collection:c1",)}
    assert graph.edges[f"file:{A}", f"reference:{R1}"] == {
        "relation": "references_and_related_references",
        **related,
    }
    assert graph.edges[f"file:{A}", f"reference:{R2}"] == {
        "relation": DIRECT,
        "weight": 1,
        "provenance": "observed",
    }
    assert graph.nodes[f"file:{A}"]["crawl_references"] == "complete"


def test_the_graph_is_the_same_in_any_order_of_the_observations(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", small_world(), A)
    campaign.crawl(direct=True)
    with Store.read(campaign.path) as store:
        observations = list(store.observations(direct=True))
    assert len(observations) == 4
    graphs = [build_graph(order, timestamps=True) for order in permutations(observations)]
    assert all(
        dict(each.edges) == dict(graphs[0].edges) and dict(each.nodes) == dict(graphs[0].nodes)
        for each in graphs
    )
    assert all("first_seen" in edge for *_, edge in graphs[0].edges(data=True) if len(edge) > 2)


def test_both_kinds_come_back_from_graphml_and_only_triples_are_in_the_tables(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", small_world())
    campaign.crawl(direct=True)
    graph = graph_of(campaign.path)
    export_all(graph, tmp_path, ["graphml", "csv", "jsonl", "json", "stix", "misp", "neo4j"])
    read = read_graphml(tmp_path / "graph.graphml")
    assert list(extract_links(read)) == list(extract_links(graph)) == []
    with Store.read(campaign.path) as store:
        triples, all_observations = set(store.observations()), set(store.observations(direct=True))
    assert set(extract_observations(read)) == triples
    assert set(extract_observations(read, direct=True)) == all_observations
    assert {name: dict(edge) for name, edge in read.edges.items()} == {
        name: dict(edge) for name, edge in graph.edges.items()
    }
    table = (tmp_path / "observations.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(table) == 1 + len(triples)
    lines = map(json.loads, (tmp_path / "graph.jsonl").read_text().splitlines())
    assert sum(line["kind"] == "observation" for line in lines) == len(triples)
    for name in ("graph.stix.json", "graph.misp.json"):
        assert '"references_and_related_references' in (tmp_path / name).read_text()


def test_files_with_a_common_direct_reference_are_related(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", small_world(), A, B)
    campaign.crawl()
    with Store.read(campaign.path) as store:
        assert len(analysis.as_incidence(store).files) == 1  # B has no references
    campaign.crawl(direct=True)
    graph = graph_of(campaign.path)
    with Store.read(campaign.path) as store:
        incidence = analysis.as_incidence(store)
        paths = analysis.EvidenceGraph(store.observations(direct=True))
    ends = paths.find_node(A), paths.find_node(B)
    (path,) = paths.shortest_paths(*ends)
    assert [node.id for node in path.nodes] == [A, R2, B]
    assert incidence.triples.tolist() == analysis.as_incidence(graph).triples.tolist()
    evidence = incidence.file_evidence
    assert (evidence @ evidence.T).toarray().tolist() == [[3, 1], [1, 1]]
    assert list(view(graph, "files").edges) == [(f"file:{A}", f"file:{B}")]


def test_a_comparison_ignores_direct_references(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", small_world())
    campaign.crawl()
    with Store.read(campaign.path) as store:
        before = analysis.Snapshot.from_observations(store.current_observations(), store.states())
    campaign.crawl(direct=True)
    with Store.read(campaign.path) as store:
        after = analysis.Snapshot.from_observations(store.current_observations(), store.states())
        assert set(store.states()) == {
            (row.subject, row.state) for row in store.statuses() if row.relationship == RELATED
        }
    comparison = analysis.compare(before, after)
    changes = comparison.observations
    assert (changes.added, changes.removed, changes.unknown_before) == ((), (), ())
    assert len(changes.unchanged) == len(campaign.triples())


def test_the_report_lists_subjects_without_any_reference_once(tmp_path) -> None:
    campaign = campaign_of(tmp_path / "c.db", small_world(), A, B)
    campaign.crawl(depth=1)
    # B has no related references. The empty lists of the collection do not count.
    assert "no reference is known of 1 file." in report_of(campaign)
    campaign.crawl(direct=True, depth=1)  # B has a direct reference
    assert "no reference is known" not in report_of(campaign)


def report_of(campaign: Campaign) -> str:
    with Store.read(campaign.path) as store:
        write_report(store, campaign.path.parent)
    return (campaign.path.parent / "report.md").read_text(encoding="utf-8")


# --- commands ------------------------------------------------------------------------------------


def estimate(shell: Shell, *arguments: object) -> dict:
    process = shell("plan", *arguments, "--store", "c.db", "--json")
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)["cost"]


def test_the_plan_equals_the_calls_made(shell: Shell, service) -> None:
    api = Api(long_list())
    options = ("--store", "c.db", "--base-url", service(api))
    listed = seeds(shell, *api.world.hashes())
    assert estimate(shell, listed, "--direct")["at_least"] == 4
    assert shell("crawl", listed, *options).returncode == 0
    assert estimate(shell, listed) == {"at_least": 0, "expected": 0, "exact": True}
    assert estimate(shell, listed, "--direct") == {"at_least": 2, "expected": 2, "exact": False}
    status = shell("status", "--store", "c.db").stdout
    assert "direct references of 2 subjects were not requested; see 'crawl --direct'" in status
    assert shell("crawl", *options, "--direct", "--max-calls", 4).returncode == 3
    cost = estimate(shell, listed, "--direct")
    assert cost == {"at_least": 2, "expected": 2, "exact": True}
    assert shell("crawl", *options, "--direct").returncode == 0
    assert api.calls == 4 + cost["at_least"]
    assert "were not requested" not in shell("status", "--store", "c.db").stdout
    status_json = json.loads(shell("status", "--store", "c.db", "--json").stdout)
    assert status_json["without_direct_references"] == 0
    assert estimate(shell, "--direct") == {"at_least": 0, "expected": 0, "exact": True}


@pytest.mark.parametrize("only", [True, False])
def test_only_leaves_out_the_direct_references_of_earlier_lists(
    shell: Shell, service, only
) -> None:
    api = Api(small_world())
    options = ("--store", "c.db", "--base-url", service(api))
    assert shell("crawl", seeds(shell, A, B), *options).returncode == 0
    only_option = ("--only",) if only else ()
    process = shell("crawl", seeds(shell, B, C), *options, "--direct", *only_option)
    assert process.returncode == 0
    message = (
        "at least 1 request for subjects of earlier lists are left for a crawl without --only"
        if only
        else "at least 1 request of this run are for subjects of earlier lists"
    )
    assert message in process.stderr
    requested = {
        entry.path.split("/")[4] for entry in api.log if entry.path.endswith("/references")
    }
    assert requested == ({B, C} if only else {A, B, C})


def test_explain_names_direct_references(shell: Shell, service) -> None:
    api = Api(small_world())
    shell("crawl", seeds(shell, A, B), "--store", "c.db", "--base-url", service(api), "--direct")
    shown = shell("explain", A, B, "--store", "c.db").stdout
    assert f'a direct reference of file "{B[:12]}' in shown
    found = json.loads(shell("explain", A, R1, "--store", "c.db", "--json").stdout)
    ((step,),) = found["paths"]
    assert [each.get("relationship") for each in step["observations"]] == [DIRECT, None]

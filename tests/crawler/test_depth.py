"""Beyond the seeds: what a deeper crawl asks, in which order, where it stops, and what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from graphbuild.emulator import Collection, File, Reference, World, generate_family_world
from graphbuild.errors import BudgetExhaustedError, ForbiddenError
from graphbuild.graph.builder import build_graph, extract_links, extract_observations
from graphbuild.models import COMPLETE, INCOMPLETE
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage
from tests.crawler.campaign import Campaign
from tests.support.faults import Fault

if TYPE_CHECKING:
    from pathlib import Path

R = [Reference.from_url(f"https://r.example/{number}", title=f"R{number}") for number in range(4)]


def chain() -> World:
    """Two files that only a third one, in both of their collections, ties together."""
    return World(
        [
            File("a" * 64, collections=("c1",)),
            File("b" * 64, collections=("c1", "c2"), name="both.exe"),
            File("c" * 64, collections=("c2",)),
        ],
        R,
        [
            Collection("c1", "First", (R[0].id, R[1].id)),
            Collection("c2", "Second", (R[2].id, R[3].id)),
        ],
    )


def begun(path: Path, world: World, *seeds: str, **switches: object) -> Campaign:
    made = Campaign(path, world, **switches)
    path.unlink()
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(seeds))
    return made


def asked(made: Campaign) -> list[str]:
    return [entry.path.removeprefix("/api/v3/") for entry in made.api.log]


def test_a_crawl_goes_no_deeper_unless_told(tmp_path) -> None:
    made = begun(tmp_path / "c.db", chain(), "a" * 64)
    made.crawl()
    assert len(asked(made)) == 1


def test_one_step_deeper_asks_what_was_found_for_files_and_references(tmp_path) -> None:
    made = begun(tmp_path / "c.db", chain(), "a" * 64)
    made.crawl(depth=1)
    assert sorted(asked(made)[1:]) == sorted(
        [
            "collections/c1/files",
            "collections/c1/references",
            f"references/{R[0].id}/files",
            f"references/{R[1].id}/files",
        ]
    )


def test_two_steps_deeper_ask_the_files_found_too_and_three_what_these_are_in(tmp_path) -> None:
    made = begun(tmp_path / "c.db", chain(), "a" * 64)
    made.crawl(depth=2)
    assert f"files/{'b' * 64}/related_references" in asked(made)
    assert not any(path.startswith("collections/c2") for path in asked(made))
    made.crawl(depth=3)
    assert "collections/c2/files" in asked(made)
    with Store.read(made.path) as store:
        assert {one.subject.id for one in store.observations()} == {"a" * 64, "b" * 64}
        assert ("c2", "c" * 64) in {(link.source.id, link.target.id) for link in store.links()}
        assert list(find_damage(store)) == []


def test_a_report_that_stands_behind_references_is_asked_as_any_collection(tmp_path) -> None:
    report = f"report--{'e' * 64}"
    world = World(
        [File("a" * 64, collections=(report,))], R, [Collection(report, "A report", (R[0].id,))]
    )
    made = begun(tmp_path / "c.db", world, "a" * 64)
    assert [event.error for event in made.crawl(depth=1)] == [None] * 4
    assert f"collections/{report}/files" in asked(made)


def test_what_is_nearer_to_the_seeds_is_asked_first(tmp_path) -> None:
    made = begun(
        tmp_path / "c.db",
        generate_family_world(6, 50),
        "a" * 64,
        *generate_family_world(6, 50).hashes()[:2],
    )
    made.crawl(depth=2)
    kinds = [path.split("/")[0] + "/" + path.split("/")[-1] for path in asked(made)]
    deeper = next(index for index, kind in enumerate(kinds) if not kind.startswith("files/"))
    assert deeper == 1 + 2 * 2  # an unknown file, and two of two pages
    last = max(index for index, kind in enumerate(kinds) if kind != "files/related_references")
    assert set(kinds[last + 1 :]) == {"files/related_references"}
    assert len(kinds[last + 1 :]) == 4 * 2


def test_a_deeper_crawl_that_was_cut_goes_on_and_asks_nothing_twice(tmp_path) -> None:
    straight = begun(tmp_path / "straight.db", chain(), "a" * 64)
    straight.crawl(depth=3)
    broken = begun(tmp_path / "broken.db", chain(), "a" * 64)
    for budget in range(1, straight.api.calls):
        with pytest.raises(BudgetExhaustedError):
            broken.crawl(depth=3, max_calls=budget)
    broken.crawl(depth=3)
    assert sorted(asked(broken)) == sorted(asked(straight))
    before = broken.api.calls
    broken.crawl(depth=3)
    assert broken.api.calls == before
    assert facts(broken.path) == facts(straight.path)


def facts(path: Path) -> tuple[set, set]:
    with Store.read(path) as store:
        triples = {(o.subject, o.reference, o.related_from) for o in store.observations()}
        return triples, set(store.links())


def test_a_hub_is_cut_at_the_limit_and_said(tmp_path) -> None:
    world = generate_family_world(100, 1)
    made = begun(tmp_path / "c.db", world, world.hashes()[0])
    made.crawl(depth=1, per_node=60)
    with Store.read(made.path) as store:
        rows = {(row.subject.id, row.relationship): row for row in store.statuses()}
        hub = next(
            row for key, row in rows.items() if key[1] == "files" and row.expected_count == 100
        )
        graph = build_graph([], subjects=store.subjects())
    assert (hub.state, hub.received_count) == (INCOMPLETE, 80)
    assert hub.detail == "80 of 100 files read; the limit per node is 60"
    assert hub.cursor is not None
    node = graph.nodes[hub.subject.key]
    assert node["crawl_files"] == f"incomplete ({hub.detail})"
    assert node["crawl_references"] == COMPLETE
    calls = made.api.calls
    made.crawl(depth=1, per_node=60)
    assert made.api.calls == calls


def test_a_hub_of_unknown_size_is_cut_without_a_number_that_nobody_said(tmp_path) -> None:
    world = generate_family_world(100, 1)
    fault = Fault("count_missing", match="collections", times=None)
    made = begun(tmp_path / "c.db", world, world.hashes()[0], faults=[fault])
    made.crawl(depth=1, per_node=60)
    with Store.read(made.path) as store:
        remarks = [row.detail for row in store.statuses() if row.state == INCOMPLETE]
    assert remarks == ["80 files read; the limit per node is 60"]


def test_a_greater_limit_goes_on_where_the_smaller_one_cut(tmp_path) -> None:
    world = generate_family_world(100, 1)
    made = begun(tmp_path / "c.db", world, world.hashes()[0])
    made.crawl(depth=1, per_node=40)
    before = made.api.calls
    made.crawl(depth=1, per_node=1_000)
    # Of a hundred files in the collection, the second page and the third.
    assert made.api.calls == before + 2
    with Store.read(made.path) as store:
        assert {row.state for row in store.statuses()} == {COMPLETE}


def test_a_collection_that_may_not_be_read_costs_only_itself(tmp_path) -> None:
    fault = Fault("status", 403, match="collections/c1/files")
    made = begun(tmp_path / "c.db", chain(), "a" * 64, faults=[fault])
    events = made.crawl(depth=1)
    assert [type(event.error) for event in events if event.error] == [ForbiddenError]
    assert "references" in {path.split("/")[-1] for path in asked(made)[2:]}


def test_the_graph_shows_what_was_found_deeper_and_gives_it_back(tmp_path) -> None:
    made = begun(tmp_path / "c.db", chain(), "a" * 64)
    made.crawl(depth=1)
    with Store.read(made.path) as store:
        observations, links = set(store.observations()), list(store.links())
        graph = build_graph(store.observations(), subjects=store.subjects(), links=links)
    assert graph.edges["collection:c1", f"file:{'b' * 64}"]["relation"] == "files"
    assert graph.edges["collection:c1", f"reference:{R[0].id}"]["relation"] == "references"
    assert graph.edges[f"reference:{R[0].id}", "collection:c1"]["relation"] == "related_from"
    assert graph.nodes[f"file:{'b' * 64}"]["label"] == "both.exe"
    assert set(extract_links(graph)) == set(links)
    assert set(extract_observations(graph)) == observations


def test_the_references_announced_are_those_of_the_seeds(tmp_path) -> None:
    made = begun(tmp_path / "c.db", chain(), "a" * 64)
    made.crawl(depth=1)
    with Store.read(made.path) as store:
        totals = store.totals()
    assert (totals.expected, totals.received) == (2, 2)


def test_a_frugal_crawl_goes_deeper_too(tmp_path) -> None:
    world = generate_family_world(12, 120)
    plain = begun(tmp_path / "plain.db", world, world.hashes()[0])
    plain.crawl(depth=2)
    frugal = begun(tmp_path / "frugal.db", world, world.hashes()[0])
    frugal.crawl(depth=2, frugal=True)
    assert frugal.api.calls < plain.api.calls
    assert facts(frugal.path) == facts(plain.path)

"""Both generations of the service: the same graph, whichever words are spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.crawler import Crawl
from graphbuild.emulator import (
    Api,
    Behavior,
    EmulatorAdapter,
    Indicator,
    World,
    generate_family_world,
)
from graphbuild.emulator.messages import Response
from graphbuild.errors import BaseUrlError, NotFoundError
from graphbuild.graph.builder import build_graph
from graphbuild.models import COMPLETE, URL, Entity
from graphbuild.seeds import Seed
from graphbuild.store import Store, find_damage
from tests.crawler.campaign import Campaign

if TYPE_CHECKING:
    from pathlib import Path


class Asked(Campaign):
    """A campaign whose client speaks as it is told."""

    def crawl(self, *, api_flavor: str = "auto", **how: object) -> list:  # type: ignore[override]
        adapter = EmulatorAdapter(self.api)
        client = Client(ApiKey("k" * 64), adapter=adapter, clock=self.clock, api_flavor=api_flavor)
        with Store.open(self.path) as store, client:
            return list(Crawl(client, store, **how))

    def paths(self) -> list[str]:
        return [entry.path.rpartition("/")[2] for entry in self.api.log]


def graph_of(made: Campaign):
    with Store.read(made.path) as store:
        assert list(find_damage(store)) == []
        return build_graph(store.observations(), subjects=store.subjects(), links=store.links())


def test_both_generations_give_the_same_nodes_and_triples(tmp_path) -> None:
    world = generate_family_world(4, 90)
    classic = Asked(tmp_path / "classic.db", world, api_flavor="classic")
    younger = Asked(tmp_path / "gti.db", world, api_flavor="gti")
    classic.crawl(api_flavor="classic")
    younger.crawl(api_flavor="gti")
    assert set(classic.paths()) == {"related_references"}
    assert set(younger.paths()) == {"related_reports"}
    assert younger.triples() == classic.triples() == world.triples()
    ours, theirs = graph_of(classic), graph_of(younger)
    assert set(ours) == set(theirs)
    for key, node in ours.nodes(data=True):
        if node["type"] != "reference":
            continue
        other = theirs.nodes[key]
        same = ("label", "url", "title", "author", "creation_date")
        assert [node.get(name) for name in same] == [other.get(name) for name in same]
        assert (other["original_type"], other["original_id"]) == (
            "collection",
            f"report--{node['id']}",
        )


def test_auto_finds_out_with_the_first_question_and_remembers(tmp_path) -> None:
    made = Asked(tmp_path / "c.db", generate_family_world(3, 50), api_flavor="gti")
    made.crawl(max_calls=None)
    assert made.paths() == ["related_references", *["related_reports"] * 6]
    with Store.read(made.path) as store:
        assert store.api_info.flavor() == "gti"
    with Store.open(made.path) as store:
        store.tasks.refresh(made.clock.now() + 1)
    made.crawl()
    assert made.paths()[7:] == ["related_reports"] * 6


def test_auto_costs_no_call_where_the_classic_words_are_understood(tmp_path) -> None:
    made = Asked(tmp_path / "c.db", generate_family_world(3, 50), api_flavor="both")
    made.crawl()
    assert made.paths() == ["related_references"] * 6


def unknown(path: Path, count: int, **switches: object) -> Asked:
    """A campaign of so many files that the service does not know."""
    made = Asked(path, World([], [], []), **switches)
    made.path.unlink()
    with Store.open(path) as store:
        store.add_seeds([Seed(Entity("file", f"{each:064x}"), "-", each) for each in range(count)])
    return made


def test_auto_asks_in_other_words_but_three_times_a_run(tmp_path) -> None:
    made = unknown(tmp_path / "c.db", 5)
    events = made.crawl()
    assert [type(event.error) for event in events] == [NotFoundError] * 5
    classic, younger = "related_references", "related_reports"
    assert made.paths() == [classic, younger] * 3 + [classic] * 2


def test_a_file_that_nobody_knows_does_not_keep_auto_from_finding_out(tmp_path) -> None:
    made = unknown(tmp_path / "c.db", 2, api_flavor="gti")
    made.api.world = world = generate_family_world(2, 3)
    with Store.open(made.path) as store:
        store.add_seeds([Seed(Entity("file", each), "-", 9) for each in world.hashes()])
    made.crawl()
    assert sorted(made.states().values()) == [COMPLETE, COMPLETE, "failed", "failed"]
    assert made.api.calls == 2 * 2 + 2 + 1


@pytest.mark.parametrize("status", [400, 404])
def test_a_relationship_refused_either_way_is_asked_in_the_younger_words(tmp_path, status) -> None:
    behavior = Behavior(unknown_relationship_status=status)
    made = Asked(
        tmp_path / "c.db", generate_family_world(2, 3), api_flavor="gti", behavior=behavior
    )
    made.crawl()
    assert set(made.states().values()) == {COMPLETE}


def test_an_address_that_is_not_the_api_is_asked_but_once(tmp_path) -> None:
    made = Asked(tmp_path / "c.db", generate_family_world(2, 3))
    respond = made.api.respond
    empty = Response(404, {"Content-Type": "text/html"}, b"<html>Not here</html>")
    made.api.respond = lambda *asked: respond(*asked) and empty  # type: ignore[method-assign]
    with pytest.raises(BaseUrlError):
        made.crawl()
    assert len(made.paths()) == 1


def test_a_deeper_crawl_speaks_the_younger_words_throughout(tmp_path) -> None:
    made = Asked(tmp_path / "c.db", generate_family_world(3, 2), api_flavor="gti")
    made.crawl(api_flavor="gti", depth=1)
    kinds = {tuple(entry.path.split("/")[3::2]) for entry in made.api.log}
    assert kinds == {
        ("files", "related_reports"),
        ("collections", "files"),
        ("collections", "reports"),
    }
    assert any("/collections/report--" in entry.path for entry in made.api.log)


def test_an_unknown_api_flavor_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(ValueError, match="unknown API flavor 'old'"):
        Client(ApiKey("k" * 64), api_flavor="old")


# --- domains, addresses, URLs --------------------------------------------------------------------


def mixed() -> tuple[World, list[Entity]]:
    family = generate_family_world(1, 50)
    subjects = [
        Indicator("domain", "Evil.Example", collections=tuple(family.collections)),
        Indicator("ip_address", "192.0.2.7", collections=tuple(family.collections)),
        Indicator("ip_address", "2001:db8::7", collections=tuple(family.collections)),
        Indicator("url", "http://evil.example/a?b=c/d", collections=tuple(family.collections)),
    ]
    world = family.replace(indicators=subjects)
    entities = [
        Entity(each.type, each.id, {"url": each.text} if each.type == URL else {})
        for each in subjects
    ]
    return world, entities


def seeded(path: Path, world: World, entities: list[Entity], **switches: object) -> Asked:
    made = Asked(path, world, **switches)
    path.unlink()
    with Store.open(path) as store:
        store.add_seeds([Seed(entity, "-", line) for line, entity in enumerate(entities, 1)])
    return made


@pytest.mark.parametrize("canonical", [True, False])
@pytest.mark.parametrize("api_flavor", ["classic", "gti"])
def test_other_subjects_are_asked_about_as_files_are(tmp_path, api_flavor, canonical) -> None:
    world, entities = mixed()
    behavior = Behavior(canonical_links=canonical)
    made = seeded(tmp_path / "c.db", world, entities, api_flavor=api_flavor, behavior=behavior)
    made.crawl(api_flavor=api_flavor)
    with Store.read(made.path) as store:
        states = {row.subject: row.state for row in store.statuses()}
        found = {(one.subject, one.reference.id) for one in store.observations()}
        assert list(find_damage(store)) == []
        assert (store.totals().subjects, store.totals().files) == (4, 0)
    assert states == dict.fromkeys(entities, COMPLETE)
    assert len(found) == 4 * 50
    assert made.api.calls == 4 * 2


def test_an_address_is_asked_about_by_its_text(tmp_path) -> None:
    world, entities = mixed()
    made = seeded(tmp_path / "c.db", world, entities[-1:])
    made.crawl()
    # Unpadded base64 of the text, as the documentation of the endpoint has it.
    assert made.api.log[0].path == (
        "/api/v3/urls/aHR0cDovL2V2aWwuZXhhbXBsZS9hP2I9Yy9k/related_references"
    )


def test_an_address_the_service_spells_otherwise_is_one_node_under_its_spelling(tmp_path) -> None:
    world, _ = mixed()
    # The user wrote it with a port that goes without saying; the world knows the canonical form.
    written = Entity(URL, "e" * 64, {"url": "http://evil.example:80/a?b=c/d"})
    real = next(each for each in world.subjects() if each.type == URL)
    api = Api(world, behavior=Behavior(canonical_links=True))
    respond = api.respond
    target = "aHR0cDovL2V2aWwuZXhhbXBsZTo4MC9hP2I9Yy9k"
    api.respond = lambda method, path, headers: respond(  # type: ignore[method-assign]
        method, path.replace(target, real.id), headers
    )
    made = seeded(tmp_path / "c.db", world, [written])
    made.api = api
    made.crawl()
    with Store.read(made.path) as store:
        (row,) = store.statuses()
    assert row.subject == Entity(URL, real.id)

"""API flavors: detection, paths, and the same graph from both."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import KNOWN_FILE, Client
from graphbuild.crawler import Crawl
from graphbuild.emulator import (
    Api,
    Indicator,
    UndocumentedSettings,
    World,
    generate_family_world,
)
from graphbuild.emulator.http_messages import Response
from graphbuild.errors import BaseUrlError, BudgetExhaustedError, NotFoundError
from graphbuild.graph.builder import build_graph
from graphbuild.models import COMPLETE, URL, Entity
from graphbuild.seeds import Seed
from graphbuild.store import Store, find_damage
from tests.crawler.campaign import Campaign
from tests.support.emulator_adapter import EmulatorAdapter

if TYPE_CHECKING:
    from pathlib import Path


ENDINGS = {"classic": "ferences", "gti": "ports"}


class FlavorCampaign(Campaign):
    """A campaign whose client can use any API flavor."""

    def crawl(self, *, api_flavor: str = "auto", **options: object) -> list:  # type: ignore[override]
        adapter = EmulatorAdapter(self.api)
        client = Client(ApiKey("k" * 64), adapter=adapter, clock=self.clock, api_flavor=api_flavor)
        with Store.open(self.path) as store, client:
            return list(Crawl(client, store, **options))

    def paths(self) -> list[str]:
        return [entry.path.rpartition("/")[2] for entry in self.api.log]


def graph_of(campaign: Campaign):
    with Store.read(campaign.path) as store:
        assert list(find_damage(store)) == []
        return build_graph(store.observations(), subjects=store.subjects(), links=store.links())


def test_both_api_flavors_give_the_same_nodes_and_observations(tmp_path) -> None:
    world = generate_family_world(4, 90)
    classic = FlavorCampaign(tmp_path / "classic.db", world, api_flavor="classic")
    gti = FlavorCampaign(tmp_path / "gti.db", world, api_flavor="gti")
    classic.crawl(api_flavor="classic")
    gti.crawl(api_flavor="gti")
    assert set(classic.paths()) == {"related_references"}
    assert set(gti.paths()) == {"related_reports"}
    assert gti.triples() == classic.triples() == world.triples()
    graph, gti_graph = graph_of(classic), graph_of(gti)
    assert set(graph) == set(gti_graph)
    for key, node in graph.nodes(data=True):
        if node["type"] != "reference":
            continue
        other = gti_graph.nodes[key]
        same = ("label", "url", "title", "author", "creation_date")
        assert [node.get(name) for name in same] == [other.get(name) for name in same]
        assert (other["original_type"], other["original_id"]) == (
            "collection",
            f"report--{node['id']}",
        )


def test_auto_detects_the_flavor_with_the_first_request_and_stores_it(tmp_path) -> None:
    campaign = FlavorCampaign(tmp_path / "c.db", generate_family_world(3, 50), api_flavor="gti")
    campaign.crawl(max_calls=None)
    assert campaign.paths() == ["related_references", *["related_reports"] * 6]
    with Store.read(campaign.path) as store:
        assert store.api_info.flavor() == "gti"
    with Store.open(campaign.path) as store:
        store.tasks.refresh(campaign.clock.now() + 1)
    campaign.crawl()
    assert campaign.paths()[7:] == ["related_reports"] * 6


def test_auto_needs_no_extra_call_if_the_classic_flavor_works(tmp_path) -> None:
    campaign = FlavorCampaign(tmp_path / "c.db", generate_family_world(3, 50), api_flavor="both")
    campaign.crawl()
    assert campaign.paths() == ["related_references"] * 6


def unknown_files(path: Path, count: int, **switches: object) -> FlavorCampaign:
    """Return a campaign of files that the service does not know."""
    campaign = FlavorCampaign(path, World([], [], []), **switches)
    campaign.path.unlink()
    with Store.open(path) as store:
        store.add_seeds([Seed(Entity("file", f"{each:064x}"), "-", each) for each in range(count)])
    return campaign


@pytest.mark.parametrize("api_flavor", ["classic", "gti", "both"])
@pytest.mark.parametrize("count", [1, 5])
def test_a_list_of_unknown_files_costs_one_call_each_and_one_question(
    tmp_path, api_flavor: str, count: int
) -> None:
    campaign = unknown_files(tmp_path / "c.db", count, api_flavor=api_flavor)
    events = campaign.crawl()
    assert [type(event.error) for event in events] == [NotFoundError] * count
    classic, gti = "related_references", "related_reports"
    question = [entry.path for entry in campaign.api.log if KNOWN_FILE.id in entry.path]
    assert question == [f"/api/v3/files/{KNOWN_FILE.id}/{gti}"]
    if api_flavor == "classic":
        assert campaign.paths() == [classic, gti, *[classic] * (count - 1)]
    else:
        assert campaign.paths() == [classic, gti, *[gti] * count]


def test_the_question_is_not_repeated_by_later_runs(tmp_path) -> None:
    campaign = unknown_files(tmp_path / "c.db", 3)
    for calls in (2, 3):
        with pytest.raises(BudgetExhaustedError):
            campaign.crawl(max_calls=calls)
    campaign.crawl()
    assert len(campaign.api.log) == 3 + 1
    with Store.read(campaign.path) as store:
        assert store.api_info.flavor() == "classic"
    assert [KNOWN_FILE.id in entry.path for entry in campaign.api.log].count(True) == 1


@pytest.mark.parametrize("serves", ["classic", "gti"])
@pytest.mark.parametrize("unknown_relationship", [400, 404])
@pytest.mark.parametrize("names_subject", [True, False])
@pytest.mark.parametrize("knows_test_file", [True, False])
@pytest.mark.parametrize("unknown_first", [0, 1, 3])
def test_known_files_are_found_whatever_the_errors_look_like(
    tmp_path, *, serves, unknown_relationship, names_subject, knows_test_file, unknown_first
) -> None:
    """At most two calls decide the flavor, except if nothing can: see the condition below."""
    campaign = unknown_files(tmp_path / "c.db", unknown_first, api_flavor=serves)
    campaign.api.world = world = generate_family_world(3, 2)
    with Store.open(campaign.path) as store:
        store.add_seeds([Seed(Entity("file", each), "-", 9) for each in world.hashes()])
    respond = campaign.api.respond

    def reword(method: str, path: str, headers: dict) -> Response:
        response = respond(method, path, headers)
        is_relationship = path.partition("?")[0].endswith(f"related_re{ENDINGS[serves]}")
        is_unknown = KNOWN_FILE.id in path and not knows_test_file
        if response.status != 404 and not is_unknown:
            return response
        status = 404 if is_relationship else unknown_relationship
        text = "Not found"
        if names_subject and is_relationship:
            text = f'File "{path.split("/")[4]}" not found'
        code = "NotFoundError" if status == 404 else "BadRequestError"
        return Response.from_json(status, {"error": {"code": code, "message": text}})

    campaign.api.respond = reword  # type: ignore[method-assign]
    campaign.crawl()
    is_undecidable = serves == "gti" and not knows_test_file and unknown_first
    if not is_undecidable or unknown_relationship == 400:
        assert [campaign.states()[each] for each in world.hashes()] == [COMPLETE] * 3
    assert len(campaign.api.log) <= unknown_first + 3 + 2 + (serves == "gti")


@pytest.mark.parametrize("code", ["BadRequestError", "NotFoundError"])
def test_auto_switches_to_gti_if_the_classic_relationship_is_refused(tmp_path, code) -> None:
    undocumented = UndocumentedSettings(unknown_relationship=code)
    campaign = FlavorCampaign(
        tmp_path / "c.db", generate_family_world(2, 3), api_flavor="gti", undocumented=undocumented
    )
    campaign.crawl()
    assert set(campaign.states().values()) == {COMPLETE}


def test_a_base_url_that_is_not_the_api_costs_three_requests(tmp_path) -> None:
    campaign = FlavorCampaign(tmp_path / "c.db", generate_family_world(9, 3))
    respond = campaign.api.respond
    empty = Response(404, {"Content-Type": "text/html"}, b"<html>Not here</html>")
    campaign.api.respond = lambda *arguments: respond(*arguments) and empty  # type: ignore[method-assign]
    with pytest.raises(BaseUrlError):
        campaign.crawl()
    assert campaign.paths() == ["related_references"] * 3


def test_a_deeper_crawl_uses_gti_paths_throughout(tmp_path) -> None:
    campaign = FlavorCampaign(tmp_path / "c.db", generate_family_world(3, 2), api_flavor="gti")
    campaign.crawl(api_flavor="gti", depth=1)
    kinds = {tuple(entry.path.split("/")[3::2]) for entry in campaign.api.log}
    assert kinds == {
        ("files", "related_reports"),
        ("collections", "associations"),
        ("collections", "domains"),
        ("collections", "files"),
        ("collections", "ip_addresses"),
        ("collections", "reports"),
        ("collections", "urls"),
    }
    assert any("/collections/report--" in entry.path for entry in campaign.api.log)


def test_an_unknown_api_flavor_is_refused_before_any_request() -> None:
    with pytest.raises(ValueError, match="unknown API flavor 'old'"):
        Client(ApiKey("k" * 64), api_flavor="old")


# --- domains, addresses, URLs --------------------------------------------------------------------


def world_with_all_types() -> tuple[World, list[Entity]]:
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


def campaign_with_seeds(
    path: Path, world: World, entities: list[Entity], **switches: object
) -> FlavorCampaign:
    campaign = FlavorCampaign(path, world, **switches)
    path.unlink()
    with Store.open(path) as store:
        store.add_seeds([Seed(entity, "-", line) for line, entity in enumerate(entities, 1)])
    return campaign


@pytest.mark.parametrize("canonical", [True, False])
@pytest.mark.parametrize("api_flavor", ["classic", "gti"])
def test_domains_addresses_and_urls_are_crawled_like_files(tmp_path, api_flavor, canonical) -> None:
    world, entities = world_with_all_types()
    undocumented = UndocumentedSettings(canonical_links=canonical)
    campaign = campaign_with_seeds(
        tmp_path / "c.db", world, entities, api_flavor=api_flavor, undocumented=undocumented
    )
    campaign.crawl(api_flavor=api_flavor)
    with Store.read(campaign.path) as store:
        states = {row.subject: row.state for row in store.statuses()}
        found = {(one.subject, one.reference.id) for one in store.observations()}
        assert list(find_damage(store)) == []
        assert (store.totals().subjects, store.totals().files) == (4, 0)
    assert states == dict.fromkeys(entities, COMPLETE)
    assert len(found) == 4 * 50
    assert campaign.api.calls == 4 * 2


def test_a_url_is_requested_by_its_encoded_text(tmp_path) -> None:
    world, entities = world_with_all_types()
    campaign = campaign_with_seeds(tmp_path / "c.db", world, entities[-1:])
    campaign.crawl()
    # Unpadded base64 of the text, as the documentation of the endpoint has it.
    assert campaign.api.log[0].path == (
        "/api/v3/urls/aHR0cDovL2V2aWwuZXhhbXBsZS9hP2I9Yy9k/related_references"
    )


def test_a_url_that_the_api_spells_differently_is_one_node_with_the_api_spelling(tmp_path) -> None:
    world, _ = world_with_all_types()
    # The seed has an explicit default port; the world knows the canonical form.
    text = "http://evil.example:80/a?b=c/d"
    written = Entity(URL, sha256(text.encode()).hexdigest(), {"url": text})
    real = next(each for each in world.subjects() if each.type == URL)
    api = Api(world, undocumented=UndocumentedSettings(canonical_links=True))
    respond = api.respond
    target = "aHR0cDovL2V2aWwuZXhhbXBsZTo4MC9hP2I9Yy9k"
    api.respond = lambda method, path, headers: respond(  # type: ignore[method-assign]
        method, path.replace(target, real.id), headers
    )
    campaign = campaign_with_seeds(tmp_path / "c.db", world, [written])
    campaign.api = api
    campaign.crawl()
    with Store.read(campaign.path) as store:
        (row,) = store.statuses()
    assert row.subject == Entity(URL, real.id)

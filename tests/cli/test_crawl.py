"""Options of ``graphbuild crawl``: depth, refresh, verification, workers, API flavor."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import networkx as nx
import pytest

from graphbuild.emulator import (
    Api,
    UndocumentedSettings,
    World,
    generate_family_world,
    generate_world,
)
from graphbuild.emulator.models import File
from tests.support.faults import Fault, FaultyApi
from tests.support.shell import seeds

if TYPE_CHECKING:
    from tests.support.shell import Shell


def crawl(shell: Shell, url: str, *arguments: object) -> dict:
    process = shell("crawl", *arguments, "--store", "c.db", "--base-url", url, "--json")
    assert process.returncode in {0, 4}, process.stderr
    return json.loads(process.stdout)


def estimate(shell: Shell, *arguments: object) -> dict:
    process = shell("plan", *arguments, "--store", "c.db", "--json")
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)["cost"]


def test_depth_adds_files_and_references_to_the_graph(shell: Shell, service) -> None:
    world = generate_family_world(60, 3)
    api = Api(world)
    url = service(api)
    first = seeds(shell, world.hashes()[0])
    result = crawl(shell, url, first, "--depth", 1, "--per-node", 40)
    assert result["campaign"]["limited"] == 1
    process = shell("status", "--store", "c.db")
    assert "40 of 60 files read; the limit per node is 40" in process.stdout
    assert "made_up_family files" in process.stdout
    assert "\n5 subjects with 9 lists: 8 complete, 1 limited" in process.stdout
    shell("export", "--store", "c.db", "--out", "maps")
    graph = nx.read_graphml(shell.folder / "maps" / "graph.graphml")
    relations = [edge["relation"] for *_, edge in graph.edges(data=True)]
    assert relations.count("files") == 40
    assert relations.count("references") == 3
    calls = api.calls
    crawl(shell, url, first, "--depth", 1, "--per-node", 40)
    assert api.calls == calls


def test_describe_makes_the_calls_of_the_plan_and_adds_names(shell: Shell, service) -> None:
    world = generate_family_world(3, 2)
    api = Api(world)
    url = service(api)
    weak = [file.md5 for file in world.files.values()]
    result = crawl(shell, url, seeds(shell, *weak))
    assert result["run"]["calls"] == 3
    process = shell("plan", "--store", "c.db")
    assert (
        "more with --describe: 1 call for the collections found so far, 3 calls for the files"
        in process.stdout
    )
    status = shell("status", "--store", "c.db").stdout
    assert "described: 0 of 1 collections, 0 of 3 files; 'crawl --describe collections,files'" in (
        status
    )
    assert "3 file hashes are not SHA-256; 'crawl --describe files' finds the other" in status
    options = ("--store", "c.db", "--base-url", url)
    process = shell(
        "crawl", "--verbose", "--describe", "collections,files", "--max-calls", 5, *options
    )
    assert process.returncode == 3
    assert f"{weak[0]}: description, complete" in process.stderr
    assert "described: 0 of 1 collections, 2 of 3 files, 2 pending" in process.stdout
    assert estimate(shell) == {"at_least": 2, "expected": 2, "exact": True}
    assert crawl(shell, url)["run"]["calls"] == 2
    assert crawl(shell, url, "--describe", "files, collections")["run"]["calls"] == 0
    status = shell("status", "--store", "c.db").stdout
    assert "described: 1 of 1 collections, 3 of 3 files\n" in status
    assert "SHA-256" not in status
    shell("export", "--store", "c.db", "--out", "maps")
    graph = nx.read_graphml(shell.folder / "maps" / "graph.graphml")
    for file in world.files.values():
        assert graph.nodes[f"file:{file.sha256}"]["label"] == file.name
        assert file.name in (shell.folder / "maps" / "nodes.csv").read_text()


def test_a_failed_description_is_listed_and_sets_the_exit_code(shell: Shell, service) -> None:
    missing = Fault("status", 404, match="collections/", times=None)
    api = FaultyApi(generate_family_world(1, 2), faults=[missing])
    options = ("--store", "c.db", "--base-url", service(api), "--describe", "collections")
    process = shell("crawl", seeds(shell, *api.world.hashes()), *options)
    assert process.returncode == 4
    assert "made_up_family: failed: the service does not know this collection" in process.stdout
    status = shell("status", "--store", "c.db")
    assert "1 file: 1 complete, 0 incomplete, 0 failed" in status.stdout
    assert "made_up_family description  failed" in status.stdout
    failures = json.loads(shell("status", "--store", "c.db", "--json").stdout)["descriptions"]
    assert [each["id"] for each in failures["failures"]] == ["made_up_family"]
    assert shell("crawl", *options).returncode == 4
    assert api.calls == 2


@pytest.mark.parametrize("only", [True, False])
def test_requests_of_earlier_lists_are_announced_and_can_be_left_out(
    shell: Shell, service, only
) -> None:
    api = Api(generate_family_world(6, 50))
    options = ("--store", "c.db", "--base-url", service(api))
    hashes = api.world.hashes()
    assert shell("crawl", seeds(shell, *hashes[:4]), *options, "--max-calls", 2).returncode == 3
    assert api.calls == 2
    only_option = ("--only",) if only else ()
    process = shell("crawl", seeds(shell, *hashes[3:5]), *options, *only_option)
    assert process.returncode == 0
    # Two subjects have their second page left, and one both pages; the lists share a subject.
    if only:
        message = (
            "at least 3 requests for subjects of earlier lists are left for a crawl without --only"
        )
    else:
        message = "at least 3 requests of this run are for subjects of earlier lists; --only leaves"
    assert message in process.stderr
    assert process.stderr.index(message) < process.stderr.index(" %: ")
    assert api.calls == 2 + 4 + (0 if only else 4)
    assert f"5 files: {2 if only else 5} complete" in process.stdout
    again = shell("crawl", seeds(shell, hashes[5]), *options, "--only", "--json")
    assert api.calls == 2 + 4 + (0 if only else 4) + 2
    assert ("earlier lists" in again.stderr) == only
    process = shell("crawl", *options)
    assert "6 files: 6 complete" in process.stdout
    assert api.calls == 12
    assert "earlier lists" not in process.stderr


def test_only_includes_what_a_deeper_crawl_finds(shell: Shell, service) -> None:
    worlds = [generate_family_world(2, 3), generate_world(7)]
    first, second = (world.hashes() for world in worlds)
    world = worlds[1].replace(
        files=[*worlds[0].files.values(), *worlds[1].files.values()],
        references=[*worlds[0].references.values(), *worlds[1].references.values()],
        collections=[*worlds[0].collections.values(), *worlds[1].collections.values()],
    )
    alone, api = Api(world), Api(world)
    crawl(shell, service(alone), seeds(shell, first[0]), "--depth", 2)
    (shell.folder / "c.db").unlink()
    url = service(api)
    options = ("--store", "c.db", "--base-url", url)
    shell("crawl", seeds(shell, *second), *options, "--depth", 1, "--max-calls", 1)
    crawl(shell, url, seeds(shell, first[0]), "--depth", 2, "--only")
    paths = sorted(entry.path for entry in alone.log)
    assert sorted(entry.path for entry in api.log[1:]) == paths


def test_retry_failed_requests_only_failed_and_short_subjects(shell: Shell, service) -> None:
    world = generate_family_world(4, 3)
    missing = Fault("status", 404, match=world.hashes()[1], times=None)
    api = FaultyApi(world, faults=[missing])
    options = ("--store", "c.db", "--base-url", service(api))
    assert shell("crawl", seeds(shell, *world.hashes()), *options).returncode == 4
    api.clear_faults()
    assert shell("crawl", *options).returncode == 4
    assert api.calls == 4
    process = shell("crawl", *options, "--retry-failed")
    assert process.returncode == 0
    assert (
        "failed, short or incomplete lists and descriptions to request again: 1" in process.stderr
    )
    assert api.calls == 5


def test_short_lists_are_counted_apart_everywhere(shell: Shell, service) -> None:
    api = Api(generate_family_world(2, 90), undocumented=UndocumentedSettings(max_entries=50))
    url = service(api)
    options = ("--store", "c.db", "--base-url", url)
    process = shell("crawl", seeds(shell, *api.world.hashes()), *options)
    assert process.returncode == 4
    counts = "2 files: 0 complete, 2 short, 0 incomplete, 0 failed, 0 pending"
    assert process.stdout.startswith(counts)
    assert f"{api.world.hashes()[0]}: short: 90 references expected, 50 received" in process.stdout
    calls = api.calls
    again = shell("crawl", *options)
    assert (again.returncode, api.calls) == (4, calls)
    assert counts in shell("status", "--store", "c.db").stdout
    exported = shell("export", "--store", "c.db", "--out", "maps", "--to", "graphml")
    assert "not complete: 0 pending, 2 short, 0 incomplete, 0 failed of 2 files" in exported.stderr
    graph = nx.read_graphml(shell.folder / "maps" / "graph.graphml")
    node = graph.nodes[f"file:{api.world.hashes()[0]}"]
    assert (node["state"], node["crawl_expected_count"], node["crawl_received"]) == (
        "short",
        90,
        50,
    )
    assert node["crawl_detail"] == "90 references expected, 50 received"
    shell("report", "--store", "c.db", "--out", "maps")
    report = next((shell.folder / "maps").glob("*.md")).read_text("utf-8")
    assert "0 pending, 2 short, 0 incomplete, 0 failed of 2 files" in report


def test_refresh_requests_old_subjects_again(shell: Shell, service) -> None:
    api = Api(generate_family_world(3, 50))
    url = service(api)
    listed = seeds(shell, *api.world.hashes())
    crawl(shell, url, listed)
    crawl(shell, url, listed, "--refresh", "30d")
    assert api.calls == 6
    assert estimate(shell, listed, "--refresh", "30d") == {
        "at_least": 0,
        "expected": 0,
        "exact": True,
    }
    assert estimate(shell, listed, "--refresh", "0m") == {
        "at_least": 6,
        "expected": 6,
        "exact": True,
    }
    crawl(shell, url, listed, "--refresh", "0m")
    assert api.calls == 12


def test_verification_of_inferred_references_is_reported(shell: Shell, service) -> None:
    api = Api(generate_family_world(21, 90))
    url = service(api)
    listed = seeds(shell, *api.world.hashes())
    crawl(shell, url, listed, "--frugal")
    process = shell(
        "crawl", "--store", "c.db", "--base-url", url, "--verify-inferred", "10%", "--frugal"
    )
    assert process.returncode == 0
    message = "verified: 100 of 100 inferred references confirmed, 0 refuted, in 2 subjects"
    assert message in process.stdout
    assert message in shell("status", "--store", "c.db").stdout
    result = json.loads(shell("status", "--store", "c.db", "--json").stdout)
    assert result["audit"] == {
        "subjects": 2,
        "pending": 0,
        "references": 100,
        "confirmed": 100,
        "refuted": 0,
    }


def test_api_flavor_is_detected(shell: Shell, service) -> None:
    api = Api(generate_family_world(3, 50), api_flavor="gti")
    result = crawl(shell, service(api), seeds(shell, *api.world.hashes()))
    assert (result["campaign"]["complete"], api.calls) == (3, 7)


def test_workers_give_the_same_result(shell: Shell, service) -> None:
    api = Api(generate_family_world(9, 90))
    result = crawl(shell, service(api), seeds(shell, *api.world.hashes()), "--workers", 4)
    assert (result["campaign"]["complete"], api.calls) == (9, 27)
    assert result["campaign"]["calls"] == 27


def test_url_subjects_are_shown_as_urls(shell: Shell, service) -> None:
    api = Api(generate_family_world(1, 3))
    options = ("--store", "c.db", "--base-url", service(api))
    process = shell("crawl", "--verbose", seeds(shell, "hxxp://evil[.]example/x"), *options)
    assert process.returncode == 4
    shown = shell("status", "--store", "c.db").stdout
    assert all(
        "http://evil.example/x" in message for message in (process.stderr, process.stdout, shown)
    )


def test_a_crawl_ends_with_the_next_command(shell: Shell, service) -> None:
    api = Api(generate_family_world(2, 3))
    options = ("--store", "my campaign.db", "--base-url", service(api))
    first = shell("crawl", seeds(shell, *api.world.hashes()), *options, "--max-calls", 1)
    assert "next: " not in first.stderr
    *_, line = shell("crawl", *options).stderr.splitlines()
    program, *words = shlex.split(line.removeprefix("next: "))
    assert program == "graphbuild"
    assert shell(*words).returncode == 0
    assert (shell.folder / "output" / "graph.graphml").exists()
    unknown = shell("crawl", "d" * 64, "--store", "empty.db", *options[2:])
    assert "next: " not in unknown.stderr


def test_status_separates_unknown_subjects_failures_and_empty_lists(shell: Shell, service) -> None:
    family, empty = generate_family_world(2, 3), File(sha256="e" * 64)
    known, refused = family.hashes()
    files = [*map(family.file, family.hashes()), empty]
    world = World(files, family.references.values(), family.collections.values())
    api = FaultyApi(world, faults=[Fault("status", 403, match=refused)])
    unknown = [f"{number:064x}" for number in range(1, 31)]
    seed_list = seeds(shell, known, refused, empty.id, *unknown)
    process = shell("crawl", seed_list, "--store", "c.db", "--base-url", service(api))
    assert process.returncode == 4
    totals, pairs, *_ = shell("status", "--store", "c.db").stdout.splitlines()[1:]
    assert "31 failed (30 not known to VirusTotal)" in totals
    assert "· 3 distinct references ·" in totals
    assert pairs == "3 of 3 file-reference pairs are known"
    sections = shell("status", "--store", "c.db").stdout.split("\n\n")[1:]
    assert sections[0].splitlines() == [
        "not known to VirusTotal: 30 subjects",
        *(f"  {each}" for each in unknown[:20]),
        "  … and 10 more; --all lists every subject",
    ]
    assert sections[1].splitlines() == ["without references: 1 subject", f"  {empty.id}"]
    assert [line.split()[0] for line in sections[2].splitlines()] == ["subject", refused]
    everything = shell("status", "--store", "c.db", "--all").stdout.split("\n\n")[1:]
    assert len(everything[0].splitlines()) == 31
    assert len(everything[2].splitlines()) == 34


def test_status_lists_requests_of_each_subject(shell: Shell, service) -> None:
    api = Api(generate_family_world(2, 50))
    crawl(shell, service(api), seeds(shell, api.world.hashes()[0], "d" * 64))
    complete, unknown = json.loads(shell("status", "--store", "c.db", "--json").stdout)["lists"]
    assert complete["relationship"] == "related_references"
    assert (complete["page_count"], complete["expected_count"], complete["received_count"]) == (
        2,
        50,
        50,
    )
    assert (complete["cursor"], complete["http_status"], complete["detail"]) == (None, 200, "")
    assert complete["fetched_at"] > 1_700_000_000
    assert (unknown["state"], unknown["http_status"], unknown["error_code"]) == (
        "failed",
        404,
        "NotFoundError",
    )
    shown = shell("status", "--store", "c.db", "--all").stdout
    assert "404" in shown
    assert "Z  200" in shown


def test_exports_have_request_state_and_optional_timestamps(shell: Shell, service) -> None:
    api = Api(generate_family_world(2, 50))
    crawl(shell, service(api), seeds(shell, api.world.hashes()[0], "d" * 64))
    shell("export", "--store", "c.db", "--out", "plain", "--to", "graphml,csv")
    shell("export", "--store", "c.db", "--out", "timed", "--to", "graphml,csv", "--timestamps")
    plain = nx.read_graphml(shell.folder / "plain" / "graph.graphml")
    timed = nx.read_graphml(shell.folder / "timed" / "graph.graphml")
    node = plain.nodes[f"file:{api.world.hashes()[0]}"]
    ledger = {name: value for name, value in node.items() if name.startswith("crawl_")}
    assert ledger == {
        "crawl_pages": 2,
        "crawl_expected_count": 50,
        "crawl_received": 50,
        "crawl_http_status": 200,
    }
    missing = plain.nodes[f"file:{'d' * 64}"]
    assert (missing["state"], missing["crawl_http_status"]) == ("failed", 404)
    assert "does not know this file" in missing["crawl_detail"]
    assert not any("first_seen" in edge for *_, edge in plain.edges(data=True))
    fetched_at = timed.nodes[f"file:{api.world.hashes()[0]}"]["crawl_fetched_at"]
    edges = [edge for *_, edge in timed.edges(data=True) if "provenance" in edge]
    assert len(edges) == 50
    assert all(edge["first_seen"] == edge["last_seen"] <= fetched_at for edge in edges)
    assert (shell.folder / "timed" / "edges.csv").read_text().count(edges[0]["first_seen"]) >= 2


def test_a_completion_requests_the_pages_that_a_frugal_crawl_left_out(
    shell: Shell, service
) -> None:
    api = Api(generate_family_world(5, 90))
    url = service(api)
    listed = seeds(shell, *api.world.hashes())
    process = shell("crawl", listed, "--store", "c.db", "--base-url", url, "--frugal")
    sentence = (
        "200 inferred references may have more collections;"
        " 'crawl --complete' finds them with up to 8 calls"
    )
    assert sentence in process.stdout
    assert sentence in shell("status", "--store", "c.db").stdout
    known = json.loads(shell("status", "--store", "c.db", "--json").stdout)
    assert (known["campaign"]["inferred"], known["completion_calls"]) == (200, 8)
    assert estimate(shell)["at_least"] == 0
    assert estimate(shell, "--complete") == {"at_least": 8, "expected": 8, "exact": True}
    assert api.calls == 7
    (shell.folder / "one.txt").write_text(api.world.hashes()[4])
    options = ("--store", "c.db", "--base-url", url, "--complete")
    process = shell("crawl", "one.txt", *options, "--only")
    assert "that --frugal left out of 1 list: up to 2 calls" in process.stderr
    assert api.calls == 9
    process = shell("crawl", *options, "--max-calls", 10)
    assert process.returncode == 3
    assert "that --frugal left out of 3 lists: up to 6 calls" in process.stderr
    assert "up to 5 calls" in shell("status", "--store", "c.db").stdout
    crawl(shell, url)  # the next run goes on, without the option
    assert api.calls == 15
    assert "inferred" not in shell("status", "--store", "c.db").stdout
    assert shell("check", "--store", "c.db").returncode == 0
    process = shell("crawl", *options)
    assert "that --frugal left out of 0 lists: up to 0 calls" in process.stderr
    assert api.calls == 15


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--complete", "--frugal"), "use only one of the two options"),
        (("--refresh", "yesterday"), "is not an age; use 90m, 12h, 30d or 2w"),
        (("--refresh", "-3d"), "is not an age"),
        (("--refresh", "3 d"), "is not an age"),
        (("--verify-inferred", "0"), "is not a share; use 0.1 or 10%"),
        (("--verify-inferred", "101%"), "is not a share"),
        (("--verify-inferred", "lots"), "is not a share"),
        (("--api-flavor", "old"), "'old' is not one of 'auto', 'classic', 'gti'"),
        (("--depth", "-1"), "--depth"),
        (("--per-node", "0"), "greater than or equal to 1"),
        (("--workers", "0"), "--workers"),
        (("--workers", "1000"), "--workers"),
    ],
)
def test_invalid_option_values_are_refused_before_anything_is_done(
    shell: Shell, arguments, message
) -> None:
    process = shell("crawl", seeds(shell, "a" * 64), "--store", "c.db", *arguments)
    assert process.returncode == 2
    assert message in process.stderr.replace("\n", " ")
    assert not (shell.folder / "c.db").exists()

"""``plan --probe``: one call shows whether the API key may request references."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from graphbuild.analysis.method_version import method_version
from graphbuild.api.client import KNOWN_FILE
from graphbuild.emulator import Api, UndocumentedSettings, generate_family_world
from graphbuild.store import Store
from tests.support.faults import Fault, FaultyApi
from tests.support.keys import KEY
from tests.support.shell import seeds

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.shell import Shell

    Service = Callable[[Api], str]

NAMES = {"classic": "related_references", "gti": "related_reports"}
LICENSES = {
    "classic": "a VirusTotal Enterprise license with the Threat Landscape module",
    "gti": "a Google Threat Intelligence license (Enterprise or higher)",
}
WORLD = generate_family_world(2, 50)


def calls(shell: Shell) -> list[tuple[str, int]]:
    """Return the ids of the subjects and the statuses in the call log."""
    with closing(sqlite3.connect(shell.folder / "c.db")) as connection:
        return connection.execute(
            "SELECT entity.api_id, http_status FROM call JOIN entity ON entity.id = call.subject"
        ).fetchall()


def export(shell: Shell) -> str:
    assert shell("export", "--store", "c.db", "--to", "jsonl", "--out", "maps").returncode == 0
    return (shell.folder / "maps" / "graph.jsonl").read_text()


@pytest.mark.parametrize("flavor", ["classic", "gti"])
def test_a_probe_costs_one_call_and_names_the_relationship(
    shell: Shell, service: Service, flavor: str
) -> None:
    api = Api(WORLD, api_flavor=flavor)
    words = ("plan", "--probe", "--api-flavor", flavor, "--base-url", service(api))
    done = shell(*words, seeds(shell, *WORLD.hashes()))
    assert done.returncode == 0
    assert f"this API key may read {NAMES[flavor]} (checked with 1 call)" in done.stdout
    assert "at least 2 calls" in done.stdout
    (entry,) = api.log
    assert entry.path == f"/api/v3/files/{KNOWN_FILE.id}/{NAMES[flavor]}"
    assert [path.name for path in shell.folder.iterdir()] == ["seeds.txt"]
    answer = json.loads(shell(*words, "--json").stdout)
    assert answer["probe"] == {"relationship": NAMES[flavor]}
    assert len(api.log) == 2


@pytest.mark.parametrize("flavor", ["classic", "gti"])
def test_a_refusal_names_the_license_of_the_service(
    shell: Shell, service: Service, flavor: str
) -> None:
    api = Api(WORLD, api_flavor=flavor, public_keys=[KEY])
    done = shell("plan", "--probe", "--api-flavor", flavor, "--base-url", service(api))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"graphbuild: this API key may not read {NAMES[flavor]} (ForbiddenError): the relationship "
        f"needs {LICENSES[flavor]}\n"
    )
    assert len(api.log) == 1


def test_a_refusal_by_an_unknown_service_names_both_licenses(
    shell: Shell, service: Service
) -> None:
    api = Api(WORLD, public_keys=[KEY])
    done = shell("plan", "--probe", "--base-url", service(api))
    assert done.returncode == 1
    assert all(license_name in done.stderr for license_name in LICENSES.values())
    assert len(api.log) == 1


@pytest.mark.parametrize("code", ["NotFoundError", "BadRequestError"])
def test_a_service_without_the_classic_relationship_may_be_gti(
    shell: Shell, service: Service, code: str
) -> None:
    undocumented = UndocumentedSettings(unknown_relationship=code)
    api = Api(WORLD, api_flavor="gti", undocumented=undocumented)
    done = shell("plan", "--probe", "--base-url", service(api))
    assert done.returncode == 1
    assert "use --api-flavor gti" in done.stderr
    assert len(api.log) == 1


def test_a_probe_is_in_the_call_log_and_changes_nothing_else(
    shell: Shell, service: Service
) -> None:
    api = Api(WORLD, api_flavor="gti")
    options = ("--store", "c.db", "--base-url", service(api))
    words = ("crawl", seeds(shell, *WORLD.hashes()), *options, "--max-calls", 2)
    assert shell(*words).returncode == 3
    before = shell("status", "--store", "c.db", "--json").stdout, calls(shell)
    graph = export(shell)
    done = shell("plan", "--probe", *options)
    assert done.returncode == 0
    assert "may read related_reports" in done.stdout  # the flavor is that of the campaign file
    assert calls(shell) == [*before[1], (KNOWN_FILE.id, 200)]
    after = shell("status", "--store", "c.db", "--json").stdout
    count = json.loads(before[0])["campaign"]["calls"]
    assert json.loads(after)["campaign"]["calls"] == count + 1
    assert json.loads(after)["lists"] == json.loads(before[0])["lists"]
    assert export(shell) == graph
    assert shell("check", "--store", "c.db").returncode == 0


def test_a_probe_keeps_the_stored_clusters(shell: Shell, service: Service) -> None:
    options = ("--store", "c.db", "--base-url", service(Api(WORLD)))
    assert shell("crawl", seeds(shell, *WORLD.hashes()), *options).returncode == 0
    with Store.read(shell.folder / "c.db") as store:
        clusters = store.clusters.load(method_version())
    assert clusters is not None
    assert shell("plan", "--probe", *options).returncode == 0
    with Store.read(shell.folder / "c.db") as store:
        assert store.clusters.load(method_version()) == clusters


def test_a_refused_probe_is_in_the_call_log(shell: Shell, service: Service) -> None:
    Store.open(shell.folder / "c.db").close()
    options = ("--store", "c.db", "--base-url", service(Api(WORLD, public_keys=[KEY])))
    assert shell("plan", "--probe", *options).returncode == 1
    assert calls(shell) == [(KNOWN_FILE.id, 403)]


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        (Fault("status", 429, times=None), 3, "paused: rate limit reached"),
        (Fault("status", 503, times=None), 3, "paused: the service failed"),
        (Fault("status", 401, times=None), 1, "the service refuses this API key"),
        (Fault("html", 404, times=None), 1, "does not answer like the API (HTTP 404)"),
    ],
    ids=["429", "503", "401", "foreign 404"],
)
def test_another_error_is_not_retried(
    shell: Shell, service: Service, fault: Fault, code: int, message: str
) -> None:
    api = FaultyApi(WORLD, faults=[fault])
    done = shell("plan", "--probe", "--base-url", service(api))
    assert done.returncode == code
    assert message in done.stderr
    assert "--api-flavor" not in done.stderr
    assert len(api.log) == 1


def test_a_probe_obeys_the_daily_limit_and_needs_a_key(shell: Shell, service: Service) -> None:
    api = Api(WORLD)
    options = ("--store", "c.db", "--base-url", service(api), "--per-day", 1)
    Store.open(shell.folder / "c.db").close()
    assert [shell("plan", "--probe", *options).returncode for _ in range(2)] == [0, 3]
    del shell.environment["VT_APIKEY"]
    done = shell("plan", "--probe", *options)
    assert done.returncode == 1
    assert "no API key found" in done.stderr
    assert len(api.log) == 1

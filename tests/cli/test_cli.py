"""End-to-end tests of commands: messages, exit codes, written files, and durability."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import networkx as nx
import pytest

from graphbuild.emulator import Api, generate_family_world, generate_world
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.support.faults import Fault, FaultyApi
from tests.support.keys import KEY
from tests.support.mounts import run_with_private_mounts
from tests.support.paths import DATA
from tests.support.shell import seeds
from tests.support.terminal import run_on_terminal

if TYPE_CHECKING:
    from tests.support.shell import Shell

SAMPLE = DATA / "related_references.json"
UNKNOWN = "d" * 64


# --- from seeds to files -------------------------------------------------------------------------


def test_crawl_status_export(shell: Shell, service) -> None:
    world = generate_world(1)
    url = service(Api(world))
    process = shell("crawl", seeds(shell, *world.hashes()), "--store", "c.db", "--base-url", url)
    assert process.returncode == 0
    files = len(world.hashes())
    assert f"{files} files: {files} complete" in process.stdout
    assert f"{files} files: {files} complete" in shell("status", "--store", "c.db").stdout
    process = shell("export", "--store", "c.db", "--to", "graphml,html,csv", "--out", "maps")
    assert process.returncode == 0
    names = {path.name for path in (shell.folder / "maps").iterdir()}
    assert names == {"graph.graphml", "graph.html", "nodes.csv", "edges.csv", "observations.csv"}
    with (shell.folder / "maps" / "observations.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = {
        (row["subject_id"], row["reference_id"], row["related_from_id"] or None) for row in rows
    }
    assert found == world.triples()
    assert len(rows) == len(found)
    assert list(rows[0])[:5] == [
        "subject_type",
        "subject_id",
        "reference_id",
        "related_from_type",
        "related_from_id",
    ]


def test_import_of_the_documented_response_reaches_the_graph(shell: Shell) -> None:
    process = shell("import", SAMPLE, "--store", "c.db")
    assert process.returncode == 0
    assert "2 of 241 file-reference pairs are known" in process.stdout
    assert "2 of 241 file-reference pairs are known" in shell("status", "--store", "c.db").stdout
    assert shell("export", "--store", "c.db", "--to", "graphml", "--out", "out").returncode == 0
    graph = nx.read_graphml(shell.folder / "out" / "graph.graphml")
    kinds = sorted(attributes["type"] for _, attributes in graph.nodes(data=True))
    assert kinds == ["collection", "file", "reference", "reference"]
    labels = {attributes["label"] for _, attributes in graph.nodes(data=True)}
    assert "Emotet" in labels
    titles = {attributes.get("title"): attributes for _, attributes in graph.nodes(data=True)}
    second = titles["MS Office Files Involved Again in Recent Emotet Trojan Campaign – Part II"]
    assert second["creation_date"] == 1647993600
    assert titles["Holiday lull? Not so much"]["creation_date"] == 1515715200


def test_demo_keeps_a_campaign_file_and_a_seed_list_of_the_user(shell: Shell) -> None:
    saved = DATA / "related_references.json"
    assert shell("import", "--store", "campaign.db", saved).returncode == 0
    stored = (shell.folder / "campaign.db").read_bytes()
    done = shell("demo", "--out", ".")
    assert (done.returncode, done.stdout) == (1, "")
    assert "campaign.db is not from this demo; choose another folder with --out" in done.stderr
    assert (shell.folder / "campaign.db").read_bytes() == stored
    (shell.folder / "campaign.db").unlink()
    (shell.folder / "hashes.txt").write_text(f"{'0' * 64}\n")
    assert "hashes.txt is not from this demo" in shell("demo", "--out", ".").stderr
    assert not (shell.folder / "graph.html").exists()


def test_demo_writes_all_files_and_names_the_page(shell: Shell) -> None:
    for _ in range(2):
        process = shell("demo", "--out", "demo")
        assert process.returncode == 0
        assert "Open demo/graph.html in a browser" in process.stdout
    names = {path.name for path in (shell.folder / "demo").iterdir()}
    assert {"campaign.db", "hashes.txt", "graph.graphml", "graph.html", "nodes.csv"} <= names


def test_json_is_one_object_on_standard_output(shell: Shell, service) -> None:
    world = generate_family_world(3, 50)
    options = ("--store", "c.db", "--base-url", service(Api(world)))
    crawled = json.loads(shell("crawl", seeds(shell, *world.hashes()), *options, "--json").stdout)
    assert crawled["run"]["calls"] == 6
    assert crawled["campaign"]["complete"] == 3
    status = json.loads(shell("status", "--store", "c.db", "--json").stdout)
    assert [row["id"] for row in status["lists"]] == world.hashes()
    assert {row["received_count"] for row in status["lists"]} == {50}
    exported = json.loads(shell("export", "--store", "c.db", "--to", "csv", "--json").stdout)
    assert len(exported["files"]) == 3
    assert re.fullmatch(r"[0-9a-f]{64}", exported["files"][0]["sha256"])
    assert (exported["view"], exported["nodes"], exported["edges"]) == ("full", 54, 200)
    imported = json.loads(shell("import", SAMPLE, "--store", "d.db", "--json").stdout)
    assert imported["import"] == {"pages": 1, "new": 1, "refused": 0, "refused_files": []}


def test_export_of_a_view_reports_its_share_of_the_graph(shell: Shell, service) -> None:
    world = generate_family_world(3, 50)
    options = ("--store", "c.db", "--base-url", service(Api(world)))
    shell("crawl", seeds(shell, *world.hashes()), *options)
    shell("export", "--store", "c.db", "--to", "graphml", "--out", "o")
    process = shell(
        "export", "--store", "c.db", "--to", "graphml,csv", "--out", "o", "--view", "folded"
    )
    message, *files = process.stdout.splitlines()[:5]
    assert message == "view folded: 3 nodes and 2 edges of 54 and 200"
    assert files[0].startswith("o/graph-folded.graphml  (")
    assert files[0].endswith("; open it in Gephi)")
    sizes = {
        path.name: len(nx.read_graphml(path)) for path in (shell.folder / "o").glob("*.graphml")
    }
    assert sizes == {"graph.graphml": 54, "graph-folded.graphml": 3}
    result = json.loads(
        shell("export", "--store", "c.db", "--to", "csv", "--view", "files", "--json").stdout
    )
    assert (result["view"], result["nodes"], result["edges"]) == ("files", 3, 3)
    assert result["whole"] == {"nodes": 54, "edges": 200}
    rejected = shell("export", "--store", "c.db", "--view", "best")
    assert rejected.returncode == 2
    assert "files, collections, files-collections, backbone, folded" in rejected.stderr


def test_crawl_without_seeds_continues_with_pending_subjects(shell: Shell, service) -> None:
    world = generate_family_world(4, 30)
    options = ("--store", "c.db", "--base-url", service(Api(world)))
    process = shell("crawl", seeds(shell, *world.hashes()), *options, "--max-calls", 2)
    assert process.returncode == 3
    assert "budget of 2 calls is spent" in process.stderr
    assert shell("crawl", *options).returncode == 0


def test_crawl_of_a_finished_campaign_needs_no_key_and_no_service(shell: Shell, service) -> None:
    world = generate_family_world(2, 30)
    options = ("--store", "c.db", "--base-url", service(Api(world)))
    assert shell("crawl", seeds(shell, *world.hashes()), *options).returncode == 0
    del shell.environment["VT_APIKEY"]
    process = shell("crawl", "seeds.txt", "--store", "c.db", "--base-url", "http://127.0.0.1:9")
    assert process.returncode == 0
    assert "0 calls" in process.stdout


def test_crawl_reads_seeds_from_standard_input(shell: Shell, service) -> None:
    world = generate_family_world(2, 30)
    options = ("--store", "c.db", "--base-url", service(Api(world)))
    process = shell("crawl", "-", *options, given="\r\n".join(["# mine", *world.hashes()]))
    assert process.returncode == 0
    assert "2 files: 2 complete" in process.stdout


# --- bad input -----------------------------------------------------------------------------------


def test_invalid_lines_are_reported_with_number_and_reason(shell: Shell, service) -> None:
    world = generate_family_world(1, 3)
    lines = ["# fine", *world.hashes(), "", "not-a-hash", "a" * 63]
    options = ("--store", "c.db", "--base-url", service(Api(world)))
    process = shell("crawl", seeds(shell, *lines), *options)
    assert process.returncode == 0
    assert "seeds.txt, line 4: 'not-a-hash' is not a file hash" in process.stderr
    assert "seeds.txt, line 5" in process.stderr
    assert "63 hexadecimal digits" in process.stderr


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "cannot read the seed list list: No such file"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.write_bytes(b"\x7fELF\x00\x01"), "is a program, not a seed list"),
        (lambda path: path.write_bytes(b"\xff\xff\xff"), "was read as Windows-1252"),
        (
            lambda path: path.write_text("hello\n"),
            "no file hash, domain, IP address or URL in list",
        ),
        (lambda path: path.write_text(""), "no file hash, domain, IP address or URL in list"),
        (lambda path: path.write_text(KEY), "the seed list contains your API key"),
    ],
    ids=["missing", "folder", "binary", "not UTF-8", "no hash", "empty", "the key"],
)
def test_unusable_seed_list_is_an_error_with_a_message(
    shell: Shell, service, make, message
) -> None:
    make(shell.folder / "list")
    api = Api(generate_family_world(1, 1))
    process = shell("crawl", "list", "--store", "c.db", "--base-url", service(api))
    assert process.returncode == 1
    assert message in process.stderr
    assert api.log == []


def test_api_key_as_seed_is_neither_stored_nor_requested(shell: Shell, service) -> None:
    api = Api(generate_family_world(1, 1))
    options = ("--store", "c.db", "--base-url", service(api))
    assert shell("crawl", seeds(shell, KEY), *options).returncode == 1
    assert not (shell.folder / "c.db").exists()
    with Store.open(shell.folder / "c.db") as store:
        store.add_seeds(parse_seeds([KEY, UNKNOWN]))
    process = shell("crawl", *options)
    assert process.returncode == 1
    assert "c.db contains your API key" in process.stderr
    assert api.log == []


REDIRECT = Fault("redirect", "https://x.example/", times=None)


@pytest.mark.parametrize(
    ("switch", "calls", "message"),
    [
        ({"keys": ["other"]}, 1, "the service refuses this API key (WrongCredentialsError)"),
        ({"public_keys": [KEY]}, 3, "may not read related_references (ForbiddenError)"),
        ({"faults": [REDIRECT]}, 3, "/api/v3 answers with a redirect"),
        (
            {"faults": [Fault("html", 404, times=None)]},
            3,
            "/api/v3 does not answer like the API (HTTP 404); check --base-url",
        ),
    ],
    ids=["401", "403", "302", "404"],
)
def test_refused_key_or_wrong_address_ends_the_run(
    shell: Shell, service, switch, calls, message
) -> None:
    world = generate_family_world(5, 3)
    api = FaultyApi(world, **switch)
    options = ("--store", "c.db", "--base-url", service(api))
    process = shell("crawl", seeds(shell, *world.hashes()), *options)
    assert process.returncode == 1
    assert message in process.stderr
    assert len(api.log) == calls
    with Store.read(shell.folder / "c.db") as store:
        assert store.totals().pending == 5


def test_unknown_hash_is_reported_and_the_others_are_crawled(shell: Shell, service) -> None:
    world = generate_family_world(2, 3)
    options = ("--store", "c.db", "--base-url", service(Api(world)))
    process = shell("crawl", seeds(shell, UNKNOWN, *world.hashes()), *options)
    assert process.returncode == 4
    assert f"{UNKNOWN}: failed: the service does not know this file" in process.stdout
    assert "3 files: 2 complete, 0 incomplete, 1 failed" in process.stdout
    assert "not known to VirusTotal: 1 subject" in shell("status", "--store", "c.db").stdout
    exported = shell("export", "--store", "c.db")
    assert exported.returncode == 0
    assert (
        "the campaign is not complete: 0 pending, 0 incomplete, 1 failed of 3 files"
        in exported.stderr
    )


def test_exhausted_quota_pauses_and_reports_the_reset_time(shell: Shell, service) -> None:
    world = generate_family_world(2, 3)
    fault = Fault("status", 429, retry_after="99999999999", times=None)
    options = ("--store", "c.db", "--base-url", service(FaultyApi(world, faults=[fault])))
    process = shell("crawl", seeds(shell, *world.hashes()), *options)
    assert process.returncode == 3
    assert re.search(r"run again after \d{4}-\d\d-\d\d \d\d:\d\d UTC", process.stderr)


def test_unreachable_service_is_reported(shell: Shell) -> None:
    options = ("--store", "c.db", "--base-url", "http://127.0.0.1:9")
    process = shell("crawl", seeds(shell, UNKNOWN), *options)
    assert process.returncode == 3
    assert "cannot reach 127.0.0.1:9; run again later" in process.stderr
    with Store.read(shell.folder / "c.db") as store:
        assert store.calls.count() == 0


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (None, "no API key found"),
        ("", "the API key is empty"),
        ("short", "5 characters, expected 64"),
        (KEY + "\n", "copy the key again"),
    ],
    ids=["none", "empty", "short", "line end"],
)
def test_invalid_key_is_reported_before_any_call(shell: Shell, key: str | None, message) -> None:
    shell.environment.pop("VT_APIKEY")
    if key is not None:
        shell.environment["VT_APIKEY"] = key
    process = shell("crawl", seeds(shell, UNKNOWN), "--store", "c.db")
    assert process.returncode == 1
    assert message in process.stderr


def test_key_file_with_permissions_for_others_is_refused(shell: Shell) -> None:
    shell.environment.pop("VT_APIKEY")
    path = shell.folder / ".vt.toml"
    path.write_text(f'apikey = "{KEY}"\n')
    path.chmod(0o644)
    process = shell("crawl", seeds(shell, UNKNOWN), "--store", "c.db")
    assert process.returncode == 1
    assert "has permissions for other users" in process.stderr
    assert "chmod 600" in process.stderr


def test_private_key_file_is_used(shell: Shell, service) -> None:
    shell.environment.pop("VT_APIKEY")
    path = shell.folder / ".vt.toml"
    path.write_text(f'apikey = "{KEY}"\n')
    path.chmod(0o600)
    world = generate_family_world(1, 3)
    options = ("--store", "c.db", "--base-url", service(Api(world, keys=[KEY])))
    assert shell("crawl", seeds(shell, *world.hashes()), *options).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("crawl",),
        ("crawl", "seeds.txt"),
        ("crawl", "seeds.txt", "--store", "c.db", "--max-calls", "0"),
        ("crawl", "seeds.txt", "--store", "c.db", "--max-calls", "many"),
        ("crawl", "seeds.txt", "--store", "c.db", "--format", "pdf"),
        ("plan", "seeds.txt", "--format", ""),
        ("crawl", "seeds.txt", "--store", "c.db", "--api-key", KEY[:10]),
        ("crawl", "seeds.txt", "--store", "c.db", "--base-url", "http://www.virustotal.com"),
        ("crawl", "seeds.txt", "--store", "c.db", "--base-url", "ftp://x.example"),
        ("export", "--store", "c.db", "--to", "xyz"),
        ("export", "--store", "c.db", "--to", ""),
        ("import", "--store", "c.db"),
        ("import", "x.json", "--store", "c.db", "--subject", "nonsense"),
        ("emulate", "--port", "99999"),
        ("nonsense",),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_creates_no_file(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    seeds(shell, UNKNOWN)
    process = shell(*arguments)
    assert process.returncode == 2
    assert not (shell.folder / "c.db").exists()


def test_check_reports_a_damaged_campaign_file(shell: Shell) -> None:
    shell("import", SAMPLE, "--store", "c.db")
    assert "c.db: sound, 1 page" in shell("check", "--store", "c.db").stdout
    with sqlite3.connect(shell.folder / "c.db") as connection:
        connection.execute("UPDATE page SET sha256 = x'00'")
    connection.close()
    process = shell("check", "--store", "c.db")
    assert process.returncode == 1
    assert "page 1 does not match its stored checksum" in process.stdout
    result = json.loads(shell("check", "--store", "c.db", "--json").stdout)
    assert result["sound"] is False
    assert result["not_checked"][:2] == ["times", "columns of seed lists"]


def test_check_lists_a_hundred_problems_of_a_kind_and_json_all(shell: Shell, service) -> None:
    world = generate_family_world(130, 3)
    where = ("--store", "c.db", "--base-url", service(Api(world)))
    shell("crawl", seeds(shell, *world.hashes()), *where)
    assert shell("check", "--store", "c.db").stdout.startswith(
        "c.db: sound, 130 pages\nnot checked: "
    )
    with sqlite3.connect(shell.folder / "c.db") as connection:
        connection.execute("UPDATE task SET page_count = 1 + id")
        connection.execute("UPDATE page SET item_count = id WHERE id < 3")
    connection.close()
    lines = shell("check", "--store", "c.db").stdout.splitlines()
    assert len(lines) == 100 + 1 + 2 + 2
    assert any(line.startswith("… and 30 more: N pages are counted, which") for line in lines)
    assert lines[-2] == "c.db: damaged, 132 problems"
    assert lines[-1].startswith("not checked: times, ")
    damages = json.loads(shell("check", "--store", "c.db", "--json").stdout)["damages"]
    assert len(damages) == 132


@pytest.mark.parametrize("command", ["status", "export", "crawl", "check"])
def test_missing_campaign_file_is_reported_and_not_created(shell: Shell, command: str) -> None:
    process = shell(command, "--store", "nowhere.db")
    assert process.returncode == 1
    assert "there is no campaign file nowhere.db" in process.stderr
    assert not (shell.folder / "nowhere.db").exists()


def test_unusable_output_folder_is_left_unchanged(shell: Shell) -> None:
    shell("import", SAMPLE, "--store", "c.db")
    (shell.folder / "plain").write_text("a file")
    process = shell("export", "--store", "c.db", "--out", "plain")
    assert process.returncode == 1
    assert "plain" in process.stderr
    assert (shell.folder / "plain").read_text() == "a file"


def test_import_reports_invalid_files_and_stores_the_others(shell: Shell) -> None:
    (shell.folder / "bad.json").write_text("<html>")
    process = shell("import", "bad.json", SAMPLE, "--store", "c.db")
    assert process.returncode == 4
    assert "not imported: bad.json: the text is not JSON" in process.stderr
    assert "1 page imported" in process.stdout
    assert shell("import", "bad.json", "--store", "d.db").returncode == 1


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs Linux namespaces")
def test_full_disk_stops_a_crawl_and_the_next_run_continues(shell: Shell, service) -> None:
    world = generate_world(1)
    api = Api(world)
    url = service(api)
    seeds(shell, *world.hashes())
    (shell.folder / "small").mkdir()
    crawl = f"{sys.executable} -m graphbuild crawl seeds.txt --store small/c.db --base-url {url}"
    script = (
        "mount -t tmpfs -o size=300k none small && "
        f"{crawl}; echo first $?; mount -o remount,size=20m small; {crawl}; echo second $?"
    )
    process = run_with_private_mounts(shell, script)
    assert "first 1" in process.stdout, process.stderr
    assert "the disk is full; free some space and run again" in process.stderr
    assert "second 0" in process.stdout
    assert "Traceback" not in process.stderr
    with_waste = api.calls - _needed(world)
    assert 0 <= with_waste <= 1


def _needed(world) -> int:
    sizes: dict[str, set[str]] = {subject: set() for subject in world.hashes()}
    for subject, reference, _ in world.triples():
        sizes[subject].add(reference)
    return sum(max(1, -(-len(references) // 40)) for references in sizes.values())


# --- seeds of other types and formats ------------------------------------------------------------


def test_plan_counts_seeds_by_kind(shell: Shell) -> None:
    lines = ["a" * 31 + "b", "evil[.]example", "b.example", "8.8.8.8", "hxxp://evil[.]example/"]
    process = shell("plan", seeds(shell, *lines))
    assert process.returncode == 0
    assert process.stdout.startswith(
        "2 domain, 1 ip_address, 1 md5, 1 url; 0 duplicates, 0 rejected"
    )
    assert "at least 5 calls" in process.stdout
    assert "line 2 and 1 more: defanged names were refanged" in process.stderr


def test_columns_of_a_csv_seed_list_are_exported(shell: Shell, service) -> None:
    world = generate_family_world(2, 3)
    one, two = world.hashes()
    table = f"file;family;other\n{one};Emotet;{two}\n{two};Emotet;{one}\n"
    (shell.folder / "list.csv").write_text(table)
    options = ("--store", "c.db", "--base-url", service(Api(world)))
    process = shell("crawl", "list.csv", *options)
    assert process.returncode == 1
    assert "several columns contain" in process.stderr
    assert (
        "1 'file' (2 of 2 rows), 3 'other' (2 of 2 rows); choose a column with --column"
        in process.stderr
    )
    assert not (shell.folder / "c.db").exists()
    process = shell("crawl", "list.csv", "--column", "file", *options)
    assert process.returncode == 0
    shell("export", "--store", "c.db", "--out", "out")
    with (shell.folder / "out" / "nodes.csv").open(newline="") as stream:
        rows = {row["entity_id"]: row["seed_family"] for row in csv.DictReader(stream)}
    assert (rows[one], rows[two]) == ("Emotet", "Emotet")
    graph = nx.read_graphml(shell.folder / "out" / "graph.graphml")
    assert graph.nodes[f"file:{one}"]["seed_other"] == two
    assert "seed_family" in (shell.folder / "out" / "graph.html").read_text()


def test_format_text_finds_seeds_in_free_text(shell: Shell) -> None:
    (shell.folder / "r.txt").write_text("We saw evil[.]com and 10.0.0.1 there.")
    assert shell("plan", "r.txt").returncode == 1
    process = shell("plan", "r.txt", "--format", "text")
    assert process.stdout.startswith("1 domain;")
    assert "'10.0.0.1' is a private or reserved address" in process.stderr


def test_import_accepts_every_subject_type(shell: Shell) -> None:
    (shell.folder / "page.json").write_text('{"data": [], "meta": {"count": 0}}')
    for name, kind in (
        ("evil[.]example", "domain"),
        ("8[.]8.8.8", "ip_address"),
        ("https://evil.example/", "url"),
    ):
        process = shell("import", "page.json", "--store", f"{kind}.db", "--subject", name)
        assert process.returncode == 0, process.stderr
        status = json.loads(shell("status", "--store", f"{kind}.db", "--json").stdout)
        assert [row["type"] for row in status["lists"]] == [kind]


def test_hash_of_the_empty_file_needs_allow_empty(shell: Shell) -> None:
    seeds(shell, "d41d8cd98f00b204e9800998ecf8427e")
    process = shell("plan", "seeds.txt")
    assert process.returncode == 1
    assert "--allow-empty to request it anyway" in process.stderr
    assert shell("plan", "seeds.txt", "--allow-empty").stdout.startswith("1 md5;")


def test_api_key_in_a_column_or_url_is_not_stored(shell: Shell) -> None:
    for text, column in (
        (f"h,k\n{UNKNOWN},{KEY.upper()}\n", "h"),
        (f"h\nhttp://evil.example/?k={KEY}\n", "h"),
    ):
        (shell.folder / "list.csv").write_text(text)
        process = shell("crawl", "list.csv", "--column", column, "--store", "c.db")
        assert process.returncode == 1
        assert "the seed list contains your API key" in process.stderr
        assert not (shell.folder / "c.db").exists()


def test_a_short_key_is_only_found_as_a_whole_token(shell: Shell, service) -> None:
    shell.environment["VT_APIKEY"] = "x"
    options = ("--store", "c.db", "--base-url", service(Api(generate_family_world(1, 3))))
    seeds(shell, "http://evil.example/index?k=xx", "xerox.example")
    assert shell("crawl", "seeds.txt", *options).returncode == 4  # unknown, but requested
    process = shell("crawl", seeds(shell, "http://evil.example/index?k=x"), *options)
    assert process.returncode == 1
    assert "the seed list contains your API key" in process.stderr


def test_a_key_with_punctuation_is_sent_and_never_shown_or_stored(shell: Shell, service) -> None:
    key = """gti-'0"1`2$3&4<5>6%7;8|9(a)b{c}d[e]f!g#h,i.j/k:l?m@n=o^p_q+r~s*t"""
    shell.environment["VT_APIKEY"] = key
    world = generate_family_world(2, 3)
    api = Api(world, keys=[key])
    options = ("--store", "c.db", "--base-url", service(api))
    assert shell("crawl", seeds(shell, *world.hashes()), *options, "-v").returncode == 0
    assert [entry.status for entry in api.log] == [200, 200]
    assert key.encode() not in (shell.folder / "c.db").read_bytes()
    for words in (("plan", seeds(shell, *world.hashes(), key)), ("status", "--store", key)):
        for process in (shell(*words), shell(*words, "--json")):
            shown = process.stdout + process.stderr
            assert "*" * 12 in shown
            assert not any(key[at : at + 12] in shown.replace("\\", "") for at in range(50))


# --- the terminal --------------------------------------------------------------------------------


def test_terminal_shows_progress(shell: Shell, service) -> None:
    world = generate_family_world(3, 90)
    options = ["--store", "c.db", "--base-url", service(Api(world))]
    seeds(shell, *world.hashes())
    shown = run_on_terminal(shell, "crawl", "seeds.txt", *options)
    assert "9/9" in shown
    assert "270 list entries" in shown
    shown = run_on_terminal(shell, "export", "--store", "c.db", "--to", "graphml", "--out", "o")
    assert "writing graph.graphml ..." in shown
    assert "9/9" in run_on_terminal(shell, "check", "--store", "c.db")
    assert run_on_terminal(shell, "check", "--store", "c.db", "--quiet") == ""


def test_control_characters_of_responses_are_escaped(shell: Shell, service) -> None:
    world = generate_family_world(2, 3)
    hostile = b'{"data": [], "meta": {"count": "\\u001b[2J\\u202e\\u0007"}}'
    options = ("--store", "c.db", "--base-url")
    url = service(FaultyApi(world, faults=[Fault("body", hostile, times=None)]))
    message = shell("crawl", seeds(shell, *world.hashes()), *options, url)
    listed = shell("status", "--store", "c.db", "--warnings")
    for text in (message.stdout, message.stderr, listed.stdout):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    assert "meta.count" in listed.stdout


def test_closed_pipe_ends_the_command_silently(shell: Shell, service) -> None:
    world = generate_family_world(300, 1)
    options = ("--store", "c.db", "--base-url", service(Api(world)))
    shell("crawl", seeds(shell, *world.hashes()), *options)
    command = f"{sys.executable} -m graphbuild status --all --store c.db | head -1"
    process = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        cwd=shell.folder,
        env=shell.environment,
        check=False,
    )
    assert process.stderr == ""
    assert process.stdout == "c.db\n"


def test_emulate_serves_until_interrupted(shell: Shell) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "graphbuild", "emulate", "--port", "0", "--log", "log.jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=shell.folder,
        env={**shell.environment, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/api/v3", process.stdout.readline())
    assert found
    world = generate_world(1)
    options = ("--store", "c.db", "--base-url", found[0])
    assert shell("crawl", seeds(shell, world.hashes()[0]), *options).returncode == 0
    process.send_signal(2)
    _, message = process.communicate(timeout=300)
    assert process.returncode == 0, message
    logged = [json.loads(line) for line in (shell.folder / "log.jsonl").read_text().splitlines()]
    assert {entry["status"] for entry in logged} == {200}
    assert KEY not in (shell.folder / "log.jsonl").read_text()


@pytest.mark.parametrize("options", [(), ("--hashes", "all hashes.txt")])
def test_emulate_prints_a_command_that_works(shell: Shell, options: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "graphbuild", "emulate", "--port", "0", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=shell.folder,
        env=shell.environment,
    )
    assert process.stderr is not None
    command = next(line for line in process.stderr if "graphbuild crawl" in line)
    variable, program, *words = shlex.split(command)
    shell.environment["VT_APIKEY"] = variable.removeprefix("VT_APIKEY=")
    crawled = shell(*words)
    process.send_signal(2)
    process.communicate(timeout=300)
    assert (program, crawled.returncode) == ("graphbuild", 0)
    count = len(generate_world(1).hashes()) if options else 3
    assert f"{count} files: {count} complete" in crawled.stdout


def test_emulate_does_not_overwrite_a_file_with_hashes(shell: Shell) -> None:
    name = seeds(shell, UNKNOWN)
    process = shell("emulate", "--port", "0", "--hashes", name)
    assert process.returncode == 1
    assert "seeds.txt exists; choose another file for --hashes" in process.stderr
    assert (shell.folder / name).read_text() == UNKNOWN


# --- frugal --------------------------------------------------------------------------------------


def test_frugal_crawl_marks_inferred_edges_and_export_can_omit_them(shell: Shell, service) -> None:
    world = generate_family_world(5, 90)
    options = ("--store", "c.db", "--base-url", service(Api(world)))
    process = shell("crawl", seeds(shell, *world.hashes()), *options, "--frugal")
    assert process.returncode == 0
    assert "100 %: 7 of 7 calls, 450 list entries\n" in process.stderr
    assert "this run: 7 calls, 7 pages" in process.stdout
    status = shell("status", "--store", "c.db").stdout
    assert "450 of 450 file-reference pairs are known, 200 of them inferred" in status
    assert shell("check", "--store", "c.db").returncode == 0
    for option, rows in ((), 450), (("--observed-only",), 250):
        shell("export", "--store", "c.db", "--to", "csv", "--out", "out", *option)
        with (shell.folder / "out" / "observations.csv").open(newline="") as stream:
            assert len(list(csv.DictReader(stream))) == rows

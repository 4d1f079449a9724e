"""``graphbuild dataset`` prints what the commands for campaign files print."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from graphbuild.emulator import Api, generate_family_world, generate_world
from graphbuild.engines.spark_session import open_session
from graphbuild.models import Entity, Observation
from tests.support.campaign_files import write_campaign
from tests.support.paths import ROOT
from tests.support.sail import start_sail
from tests.support.shell import Shell, seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANALYSES = [
    ("overlap", "--json"),
    ("overlap", "--of", "collections", "--all", "--merge-duplicates", "--json"),
    ("communities", "--limit", "3"),
    ("communities", "--json"),
    ("centrality", "--seed", "2"),
    ("centrality", "--json"),
]


def observations() -> list[Observation]:
    """Return the observations of three families of four files, with two collections each."""
    return [
        Observation(
            Entity("file", f"{family}{file:063x}"),
            Entity("reference", f"{family}{reference:063x}", {"title": f"Report {reference}"}),
            Entity("collection", f"c{family}{collection}", {"name": f"Family {family}"}),
        )
        for family in range(1, 4)
        for file in range(4)
        for collection, references in enumerate([range(4), range(2, 6)])
        for reference in references
    ]


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A crawled campaign file ``c.db`` and its dataset ``lake``."""
    shell = Shell(tmp_path_factory.mktemp("dataset"))
    write_campaign(shell.folder / "c.db", observations())
    exported = shell("export", "--store", "c.db", "--to", "dataset,parquet", "--out", "lake")
    assert exported.returncode == 0, exported.stderr
    return shell


@pytest.fixture(scope="module")
def remote() -> Iterator[tuple[str, ...]]:
    """The options that select Spark, with Sail as its server."""
    with start_sail() as url:
        yield "--engine", "spark", "--remote", url


@pytest.mark.parametrize("command", ANALYSES, ids=" ".join)
def test_analyses_print_the_same_as_those_of_the_campaign_file(
    complete: Shell, command: tuple[str, ...]
) -> None:
    name, *options = command
    expected = complete(name, "--store", "c.db", *options)
    found = complete("dataset", name, "lake", *options)
    assert found.returncode == expected.returncode == 0, found.stderr
    assert found.stdout == expected.stdout
    assert len(expected.stdout) > 200
    assert "reading 96 observations as " in found.stderr


def test_spark_gives_the_same(complete: Shell, remote: tuple[str, ...]) -> None:
    expected = complete("overlap", "--store", "c.db", "--json")
    found = complete("dataset", "overlap", "lake", "--json", *remote)
    assert found.returncode == 0, found.stderr
    assert found.stdout == expected.stdout
    assert found.stderr == "reading 96 observations as 48 evidence pairs\n"


def test_the_calls_of_unread_lists_are_counted(shell: Shell, service: Callable[[Api], str]) -> None:
    world = generate_family_world(6, 90)
    crawl = ("crawl", seeds(shell, *world.hashes()), "--base-url", service(Api(world)))
    assert shell(*crawl, "--store", "c.db", "--max-calls", 8).returncode == 3
    shell("export", "--store", "c.db", "--to", "dataset", "--out", "lake")
    expected = json.loads(shell("communities", "--store", "c.db", "--json").stdout)
    assert expected["open"]["calls"] > 3
    assert json.loads(shell("dataset", "communities", "lake", "--json").stdout) == expected


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_tables_are_written_like_those_of_an_export(
    complete: Shell, remote: tuple[str, ...], engine: str
) -> None:
    options = remote if engine == "spark" else ("--memory-limit", "1GB")
    written = complete("dataset", "tables", "lake", "--out", "tables", "--json", *options)
    assert written.returncode == 0, written.stderr
    files = json.loads(written.stdout)["files"]
    assert [each["path"] for each in files] == [
        f"tables/{name}.parquet" for name in ("nodes", "edges", "observations")
    ]
    for name, key in (("nodes", ["id"]), ("edges", ["source", "target"])):
        found, expected = (
            pd.read_parquet(complete.folder / folder / f"{name}.parquet").sort_values(key)
            for folder in ("tables", "lake")
        )
        pd.testing.assert_frame_equal(
            found.reset_index(drop=True), expected.reset_index(drop=True), check_categorical=False
        )
    assert "tables/nodes.parquet" in complete("dataset", "tables", "lake", "--out", "tables").stdout


def test_clusters_of_several_campaigns_are_found_on_request(complete: Shell) -> None:
    export = ("export", "--store", "c.db", "--to", "dataset", "--out", "two", "--campaign")
    for name in ("a", "b"):
        assert complete(*export, name).returncode == 0
    columns = ["id", "cluster", "cluster_name", "cluster_color", "subcluster"]
    for option, is_known in (("--clusters", True), ("--quiet", False)):
        assert complete("dataset", "tables", "two", "--out", "t", option).returncode == 0
        found = pd.read_parquet(complete.folder / "t" / "nodes.parquet")[columns]
        expected = pd.read_parquet(complete.folder / "lake" / "nodes.parquet")[columns]
        assert expected["cluster"].notna().sum() > 12
        if is_known:
            expected = expected.sort_values("id", ignore_index=True)
            pd.testing.assert_frame_equal(found, expected, check_categorical=False)
        else:
            assert found["cluster"].isna().all()


def test_the_documented_python_runs(
    complete: Shell, remote: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    of_spark, of_duckdb = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    monkeypatch.chdir(complete.folder)
    names: dict[str, Any] = {}
    exec(compile(of_duckdb, "scale.md", "exec"), names)  # the documented code itself
    listed = json.loads(complete("communities", "--store", "c.db", "--json").stdout)["clusters"]
    assert [each.name for each in names["clusters"]] == [each["name"] for each in listed]
    assert names["nodes"].num_rows == 12 + 18 + 6
    with open_session(remote=remote[-1]) as session:
        code = of_spark.replace("/shared/", f"{complete.folder}/")
        exec(compile(code, "scale.md", "exec"), {"spark": session, "Path": Path})
    assert len(pd.read_parquet("edges")) == len(pd.read_parquet("lake/edges.parquet"))


def test_the_documented_example_gives_equal_clusters(
    shell: Shell, remote: tuple[str, ...], service: Callable[[Api], str]
) -> None:
    world = generate_world(campaigns=2, files_per_campaign=5, references_per_campaign=20)
    (shell.folder / "hashes.txt").write_text("\n".join(world.hashes()))
    url = service(Api(world))
    document = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    _, example, _ = re.split("^## (?=Example|Benchmarks)", document, flags=re.MULTILINE)
    printed = []
    for command in re.findall(r"^\$ graphbuild (.*)", example, re.MULTILINE):
        words = command.replace("sc://spark.example.org:15002", remote[-1]).split()
        commands = [words]
        if words[0] == "crawl":  # of the first shard; the other machines run the same
            of_shards = [[each.replace("1", str(n), 1) for each in words] for n in range(1, 5)]
            commands = [[*each, "--base-url", url] for each in of_shards]
        elif words[0] == "plan":
            words += ["--base-url", url]
        for each in commands:
            result = shell(*each)
            assert result.returncode == 0, result.stderr
        if "communities" in words:
            printed.append(result.stdout)
    assert len(printed) == 3
    assert len(set(printed)) == 1
    assert re.match(r"[2-9] clusters of ", printed[0])


def test_too_many_observations_are_refused_beforehand(complete: Shell) -> None:
    result = complete("dataset", "overlap", "lake", "--max-observations", "5")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "observations are more than the limit of 5; read fewer campaigns" in result.stderr


def test_wrong_usage_is_reported(complete: Shell) -> None:
    size = complete("dataset", "overlap", "lake", "--memory-limit", "much")
    assert (size.returncode, "such as 500MB or 4GB" in " ".join(size.stderr.split())) == (2, True)
    assert complete("dataset", "overlap", "lake", "--engine", "other").returncode == 2
    missing = complete("dataset", "centrality", "other")
    assert (missing.returncode, "contains no dataset" in missing.stderr) == (1, True)
    spark = ("dataset", "overlap", "lake", "--engine", "spark")
    for options in ((), ("--master", "local", "--remote", "sc://localhost")):
        assert "needs either --master" in complete(*spark, *options).stderr
    limit = complete(*spark, "--remote", "sc://localhost", "--memory-limit", "1GB")
    assert (limit.returncode, "only DuckDB has this limit" in limit.stderr) == (2, True)
    duckdb = complete("dataset", "overlap", "lake", "--remote", "sc://localhost")
    assert (duckdb.returncode, "use it with --engine spark" in duckdb.stderr) == (2, True)
    unknown = complete("dataset", "communities", "lake", "--campaign", "x")
    assert (unknown.returncode, "it contains 'c'" in unknown.stderr) == (1, True)


def test_an_unreachable_server_is_reported_at_once(complete: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"sc://127.0.0.1:{server.getsockname()[1]}"
    found = complete("dataset", "overlap", "lake", "--engine", "spark", "--remote", url)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith(f"graphbuild: {url}: cannot connect: ")


def test_a_cluster_needs_the_full_package(complete: Shell) -> None:
    found = complete("dataset", "overlap", "lake", "--engine", "spark", "--master", "local")
    assert (found.returncode, found.stdout) == (1, "")
    assert "--master needs the package pyspark; install it" in found.stderr


@pytest.mark.parametrize("url", ["sc://127.0.0.1:1/;token=secret", "sc://127.0.0.1:1;token=secret"])
def test_a_token_in_the_url_is_not_printed(complete: Shell, url: str) -> None:
    found = complete("dataset", "overlap", "lake", "--engine", "spark", "--remote", url)
    assert (found.returncode, found.stdout) == (1, "")
    assert re.search("cannot connect|must look like", found.stderr)
    assert "secret" not in found.stderr


# A process that sends itself SIGINT when it creates the first file of the output.
INTERRUPTED = """
import os, signal, sys

def hook(event, arguments):
    if event == "open" and str(arguments[0]).startswith("out/"):
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(hook)
from graphbuild.__main__ import main
main()
"""


def test_an_interrupted_command_leaves_no_temporary_files(complete: Shell, tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "dataset", "tables", "lake", "--out", "out"],
        cwd=complete.folder,
        capture_output=True,
        check=False,
        env={**complete.environment, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
    )
    assert process.returncode == -signal.SIGINT
    assert list((complete.folder / "out").iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_message_names_the_command_that_installs_it(
    complete: Shell,
) -> None:
    code = "import sys; sys.modules['duckdb'] = None; from graphbuild.cli.main import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code, "dataset", "overlap", "lake"],
        cwd=complete.folder,
        capture_output=True,
        text=True,
        check=False,
        env={**complete.environment, "PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 1
    assert result.stderr == (
        "graphbuild: this needs duckdb, which is not installed;"
        f" run: {sys.executable} -m pip install duckdb pyarrow\n"
    )

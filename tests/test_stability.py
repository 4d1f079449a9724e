"""The promises of docs/stability.md: Python names, fields of ``--json``, environment variables."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

import graphbuild as gb
from graphbuild.api import auth, tool_name
from graphbuild.emulator import Api, Collection, Emulator, Reference, generate_world
from tests.support.paths import DATA, ROOT, TESTS
from tests.support.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.emulator import World

PAGE = (ROOT / "docs" / "stability.md").read_text(encoding="utf-8")
GOLDEN = TESTS / "golden" / "json_fields.json"
WITHOUT_JSON = {"demo", "emulate", "mcp"}
WORLD = generate_world(1)
FILE = WORLD.file(WORLD.hashes()[0])
# In this order, because some commands read the output of others.
COMMANDS = {
    "seeds": "hashes.txt",
    "plan": "hashes.txt",
    "crawl": "hashes.txt --store c.db --base-url {url}",
    "status": "--store c.db",
    "check": "--store c.db",
    "export": "--store c.db --to csv,dataset --out lake",
    "communities": "--store c.db",
    "overlap": "--store c.db --all",
    "bridges": "--store c.db",
    "centrality": "--store c.db",
    "timeline": "--store c.db",
    "dedupe": "--store c.db",
    "explain": f"{FILE.id} {FILE.collections[0]} --store c.db",
    "compare": "--store c.db --since 2000-01-01",
    "report": "--store c.db --out out",
    "verify": "report.json --store c.db",
    "watch": "--store c.db --base-url {url} --refresh 0m --since {now}",
    "backup": "c.db --out copy.db",
    "merge": "copy.db --store merged.db",
    "import": f"{DATA / 'related_references.json'} --store imported.db",
    "dataset tables": "lake --out tables",
    "dataset overlap": "lake --all",
    "dataset communities": "lake",
    "dataset centrality": "lake",
}
DATA_KEY = re.compile(r".*:.*|\d{4}-\d{2}")  # a node key or a month; other keys are fields


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what each command prints with ``--json``."""
    shell = Shell(tmp_path_factory.mktemp("stability"))
    (shell.folder / "hashes.txt").write_text("\n".join(WORLD.hashes()), encoding="utf-8")
    found = {}
    with Emulator(Api(WORLD)) as emulator:
        for command, arguments in COMMANDS.items():
            if command == "watch":
                emulator.api.world = united(WORLD)
            now = datetime.now(UTC).isoformat()
            words = f"{command} {arguments} --json".format(url=emulator.base_url, now=now).split()
            process = shell(*words)
            assert process.returncode in {0, 4, 10}, process.stderr
            # Of several events of watch, the first one has all fields.
            text = process.stdout.partition("\n")[0] if command == "watch" else process.stdout
            found[command] = json.loads(text)
            (shell.folder / f"{command}.json").write_text(process.stdout, encoding="utf-8")
    return found


def united(world: World) -> World:
    """Return a world in which all files are in the same new collections only."""
    references = [Reference.from_url(f"https://new.example/{number}") for number in range(3)]
    collections = [Collection(each.id, each.id, (each.id,)) for each in references]
    names = tuple(each.id for each in collections)
    files = [replace(each, collections=names) for each in world.files.values()]
    return world.replace(
        files=files,
        references=[*world.references.values(), *references],
        collections=[*world.collections.values(), *collections],
    )


def field_paths(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of each field, such as ``clusters[].files``; ``*`` is a key that is data."""
    if isinstance(value, list):
        for each in value:
            yield from field_paths(each, f"{path}[]")
    elif isinstance(value, dict):
        for name, each in value.items():
            field = f"{path}.{DATA_KEY.sub('*', name)}".removeprefix(".")
            yield field
            yield from field_paths(each, field)


def test_every_command_with_json_is_covered() -> None:
    from tests.test_docs import commands, help_of  # noqa: PLC0415  its fixtures are not needed

    expected = {name for name in commands() if name not in {*WITHOUT_JSON, "dataset"}}
    listing = help_of("dataset").partition("Commands:")[2]
    expected |= {f"dataset {name}" for name in re.findall(r"^  (\w+) ", listing, re.MULTILINE)}
    assert set(COMMANDS) == expected


def test_the_fields_of_json_equal_the_golden_file(outputs: dict[str, dict[str, Any]]) -> None:
    """A missing field breaks scripts; new fields belong into the golden file."""
    fields = {command: sorted({*field_paths(value)}) for command, value in outputs.items()}
    if not GOLDEN.exists():
        GOLDEN.write_text(f"{json.dumps(fields, indent=1)}\n", encoding="utf-8")
        pytest.fail("the golden file was missing and has been written; look at it, commit it")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    for command, found in fields.items():
        assert found == golden[command], command
    assert set(golden) == set(fields)


def test_the_page_lists_the_fields_of_each_command(outputs: dict[str, dict[str, Any]]) -> None:
    table = PAGE.partition("## Fields of")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z ]+)` \| (.*) \|$", table, re.MULTILINE))
    listed = {command: re.findall(r"`(\w+)`", fields) for command, fields in rows.items()}
    assert listed == {command: list(value) for command, value in outputs.items()}


def test_the_page_lists_every_public_name() -> None:
    table = PAGE.partition("## Python")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| [a-z]+ \| (.*) \|$", table, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", "".join(rows))) == gb.__all__


def test_the_page_lists_the_environment_variables() -> None:
    for name in (auth.KEY_VARIABLE, auth.USER_VARIABLE, tool_name.TOOL_VARIABLE):
        assert f"`{name}`" in PAGE

"""The house: who may import whom, what loads what, and what the door shows."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import graphbuild

PACKAGE = Path(graphbuild.__file__).parent
ROOT = PACKAGE.parent

# room -> rooms of ours it may import. A folder is one room. What is not here may import nothing.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "bill": set(),
    "disk": set(),
    "frugal": set(),
    "pacing": set(),
    "texts": set(),
    "completeness": set(),
    "names": set(),
    "entities": {"names"},
    "keys": {"errors"},
    "payload": {"errors"},
    "questions": {"entities"},
    "seeds": {"entities", "errors", "names"},
    "observations": {"entities", "errors", "payload", "questions"},
    "transport": {"errors", "keys"},
    "quotas": {"errors", "pacing", "payload"},
    "client": {
        "entities",
        "errors",
        "keys",
        "observations",
        "pacing",
        "payload",
        "questions",
        "quotas",
        "transport",
    },
    "store": {
        "completeness",
        "disk",
        "entities",
        "errors",
        "frugal",
        "observations",
        "questions",
        "seeds",
    },
    "crawl": {
        "client",
        "completeness",
        "entities",
        "errors",
        "frugal",
        "pacing",
        "questions",
        "store",
    },
    "answers": {"entities", "errors", "observations", "payload", "questions", "store"},
    "emulator": set(),
    "graph": {"entities", "errors", "observations", "questions"},
    "views": {"entities", "graph", "observations"},
    "drawing": {"views"},
    "layout": {"drawing", "entities", "graph", "views"},
    "analysis": {"completeness", "entities", "errors", "names", "observations", "texts"},
    "exporters": {
        "disk",
        "drawing",
        "entities",
        "errors",
        "graph",
        "layout",
        "observations",
        "questions",
        "views",
    },
    "campaign": {"exporters", "graph", "store"},
    "report": {
        "analysis",
        "completeness",
        "entities",
        "exporters",
        "layout",
        "names",
        "observations",
        "store",
        "texts",
    },
    "still": {"drawing", "entities", "exporters", "graph", "layout"},
    "notebook": {"exporters", "graph", "still"},
    "cli": {
        "analysis",
        "answers",
        "bill",
        "client",
        "completeness",
        "crawl",
        "emulator",
        "entities",
        "errors",
        "exporters",
        "graph",
        "keys",
        "names",
        "observations",
        "pacing",
        "questions",
        "quotas",
        "report",
        "seeds",
        "store",
        "texts",
        "transport",
        "views",
    },
}
# The doors stand outside: they may import any room, and no room imports them.
DOORS = {"__init__", "__main__"}

# room -> third parties it may import at all; anything else is the standard library.
THIRD_PARTIES: dict[str, set[str]] = {
    "payload": {"msgspec"},
    "client": {"requests", "tenacity"},
    "seeds": {"ioc_fanger", "stix2", "stix2patterns", "tldextract"},
    "transport": {"requests", "urllib3"},
    "store": {"filelock"},
    "emulator": {"requests", "urllib3"},
    "graph": {"networkx"},
    "views": {"networkx"},
    "drawing": {"networkx"},
    "layout": {"networkx", "numpy"},
    "analysis": {"networkit", "networkx", "numpy", "pandas", "scipy", "tldextract", "w3lib"},
    "exporters": {
        "jinja2",
        "markupsafe",
        "msgspec",
        "networkx",
        "numpy",
        "pandas",
        "pyarrow",
        "pyvis",
    },
    "campaign": {"networkx", "pandas"},
    "report": {"jinja2", "markupsafe", "networkx", "numpy"},
    "still": {"matplotlib", "networkx"},
    "notebook": {"networkx"},
    "cli": {"rich", "typer"},
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every module a file imports, wherever in it, for types only or not."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it goes"
            assert node.module is not None
            found.add(node.module)
            if node.module == "graphbuild":
                found |= {f"graphbuild.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_what_the_table_lets_it(path: Path) -> None:
    room = room_of(path)
    if room in DOORS:
        return
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("graphbuild.")}
    assert ours - {room} <= ROOMS[room], f"{room} may not import {ours - {room} - ROOMS[room]}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_uses_only_the_libraries_the_table_lets_it(path: Path) -> None:
    top = {name.split(".")[0] for name in imports(path)} - {"graphbuild", "__future__"}
    others = top - sys.stdlib_module_names
    assert others <= THIRD_PARTIES.get(room_of(path), set())


def test_the_table_knows_every_room_and_no_other() -> None:
    assert {room_of(path) for path in sources()} - DOORS == set(ROOMS)


def test_no_import_runs_backwards() -> None:
    seen: list[str] = []
    for room, below in ROOMS.items():
        later = [
            name
            for name in below
            if name not in seen and list(ROOMS).index(name) > list(ROOMS).index(room)
        ]
        assert not later, f"{room} imports {later}, which stand below it in the table"
        seen.append(room)


def test_the_door_shows_exactly_the_public_names_and_each_loads() -> None:
    assert graphbuild.__all__ == sorted(graphbuild.__all__)
    for name in graphbuild.__all__:
        value = getattr(graphbuild, name)
        assert inspect.getdoc(value), f"{name} has no docstring"
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = graphbuild.nonsense
    assert set(graphbuild.__all__) <= set(dir(graphbuild))


def test_everything_public_has_a_docstring() -> None:
    missing = [
        f"{path.relative_to(PACKAGE)}: {getattr(node, 'name', 'module')}"
        for path in sources()
        for node in _public(ast.parse(path.read_text(encoding="utf-8")))
        if not ast.get_docstring(node)
    ]
    assert missing == []


def _public(tree: ast.Module) -> list[ast.Module | ast.ClassDef | ast.FunctionDef]:
    named = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [tree, *(node for node in named if not node.name.startswith("_"))]


def test_only_the_command_line_prints_and_nobody_configures_logging() -> None:
    for path in sources():
        if room_of(path) == "cli":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert "print" not in called, path
        assert "logging" not in imports(path), path


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout


def test_importing_the_package_loads_none_of_the_heavy_libraries() -> None:
    loaded = json.loads(run("import graphbuild, sys, json; print(json.dumps(sorted(sys.modules)))"))
    heavy = {"pyvis", "pandas", "IPython", "networkx", "requests", "numpy", "matplotlib", "typer"}
    heavy |= {"pyarrow", "stix2", "stix2patterns", "ioc_fanger", "tldextract", "scipy", "networkit"}
    heavy |= {"w3lib"}
    assert heavy.isdisjoint(loaded)


def test_the_help_needs_only_the_command_line_library() -> None:
    loaded = json.loads(
        run(
            "import graphbuild.cli, sys, json;"
            "print(json.dumps(sorted(name.split('.')[0] for name in sys.modules)))"
        )
    )
    assert {"pyvis", "pandas", "IPython", "networkx", "requests", "numpy"}.isdisjoint(loaded)


def test_importing_the_package_takes_at_most_one_and_a_half_times_as_long_as_networkx() -> None:
    def cpu_seconds(module: str) -> float:
        return float(
            run(
                "import time; t = time.process_time();"
                f"import {module}; print(time.process_time() - t)"
            )
        )

    # In turns: what else the machine does for a while, it does to both.
    pairs = [(cpu_seconds("graphbuild"), cpu_seconds("networkx")) for _ in range(5)]
    ours, theirs = map(min, zip(*pairs, strict=True))
    assert ours <= 1.5 * theirs, f"{ours:.3f} s of CPU against {theirs:.3f} s"

"""The structure of the package: allowed imports, lazy loading, and the public names."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

import graphbuild

PACKAGE = Path(graphbuild.__file__).parent
ROOT = PACKAGE.parent

# Package or module -> those of graphbuild that it may import, for types too.
DEPENDENCIES: dict[str, set[str]] = {
    "errors": set(),
    "_util": {"errors"},
    "emulator": set(),  # it must be able to disagree with the parser
    "models": set(),
    "api": {"errors", "models"},
    "seeds": {"_util", "errors", "models"},
    "store": {"_util", "api", "errors", "models"},
    "crawler": {"_util", "api", "emulator", "errors", "models", "seeds", "store"},
    "graph": {"_util", "errors", "models"},
    "analysis": {"_util", "errors", "graph", "models", "seeds"},
    "exporters": {"_util", "errors", "graph", "models", "seeds"},
    "engines": {"_util", "analysis", "errors", "exporters", "graph", "models"},
    "report": {"_util", "analysis", "errors", "exporters", "graph", "models", "seeds", "store"},
    "mcp": {"_util", "analysis", "errors", "graph", "models", "seeds", "store"},
    "campaign": {"analysis", "crawler", "emulator", "exporters", "graph", "models", "store"},
    "cli": {
        "_util",
        "analysis",
        "api",
        "crawler",
        "emulator",
        "engines",
        "errors",
        "exporters",
        "graph",
        "mcp",
        "models",
        "report",
        "seeds",
        "store",
    },
}
# The entry points may import anything, and nothing imports them.
ENTRY_POINTS = {"__init__", "__main__"}
MAX_ENTRIES = 16  # below graphbuild/, besides the entry points and py.typed

# Package or module -> third-party packages it may import, besides the standard library.
THIRD_PARTIES: dict[str, set[str]] = {
    "api": {"requests", "urllib3"},
    "seeds": {"stix2", "stix2patterns", "tldextract"},
    "store": {"filelock"},
    "graph": {"networkx", "numpy"},
    "analysis": {
        "networkit",
        "networkx",
        "numpy",
        "pandas",
        "scipy",
        "tldextract",
        "w3lib",
    },
    "exporters": {
        "anywidget",
        "jinja2",
        "markupsafe",
        "matplotlib",
        "msgspec",
        "networkx",
        "numpy",
        "pandas",
        "pyarrow",
        "pyvis",
        "traitlets",
        "xlsxwriter",
    },
    "engines": {"duckdb", "networkx", "numpy", "py4j", "pyarrow", "pyspark"},
    "report": {"jinja2", "markupsafe", "networkx", "numpy"},
    "mcp": {"anyio", "mcp", "numpy", "pydantic", "pydantic_core"},
    "campaign": {"matplotlib", "networkx", "pandas", "pyvis"},
    "cli": {"rich", "typer"},
}


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sources()}


def imports(path: Path) -> set[str]:
    """Return every module that a file imports, for types too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it goes"
            assert node.module is not None
            inside = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            names = {alias.name for alias in node.names}
            found |= inside
            if len(inside) < len(names):
                found.add(node.module)
    return found


EVERY_SOURCE = pytest.mark.parametrize(
    "path", sources(), ids=lambda path: str(path.relative_to(PACKAGE))
)


@EVERY_SOURCE
def test_a_package_imports_only_allowed_packages(path: Path) -> None:
    package = package_of(path)
    if package in ENTRY_POINTS:
        return
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("graphbuild.")}
    assert ours - {package} <= DEPENDENCIES[package]


@EVERY_SOURCE
def test_a_package_uses_only_allowed_third_party_packages(path: Path) -> None:
    top = {name.split(".")[0] for name in imports(path)} - {"graphbuild", "__future__"}
    assert top - sys.stdlib_module_names <= THIRD_PARTIES.get(package_of(path), set())


def test_the_table_lists_every_package_and_no_other() -> None:
    assert {package_of(path) for path in sources()} - ENTRY_POINTS == set(DEPENDENCIES)


def test_the_package_has_few_entries() -> None:
    entries = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert len(entries - {"__init__.py", "__main__.py", "py.typed"}) <= MAX_ENTRIES


def test_dependencies_between_packages_run_one_way() -> None:
    above: list[str] = []
    for package, below in DEPENDENCIES.items():
        assert below <= set(above), f"{package} imports what the table lists after it"
        above.append(package)


def module_graph() -> nx.DiGraph[str]:
    """The modules of the package and what each imports, for types too."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for name, path in MODULES.items():
        graph.add_edges_from((name, each) for each in imports(path) if each in MODULES)
    return graph


def test_no_module_imports_itself_through_others() -> None:
    cycles = [group for group in nx.strongly_connected_components(module_graph()) if len(group) > 1]
    assert cycles == []


def test_each_public_name_loads_and_has_a_docstring() -> None:
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


def test_only_the_command_line_prints_or_configures_logging() -> None:
    for path in sources():
        if package_of(path) == "cli":
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
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return process.stdout


def test_importing_the_package_loads_none_of_the_heavy_libraries() -> None:
    loaded = json.loads(run("import graphbuild, sys, json; print(json.dumps(sorted(sys.modules)))"))
    heavy = {"pyvis", "pandas", "IPython", "networkx", "requests", "numpy", "matplotlib", "typer"}
    heavy |= {
        "pyarrow",
        "stix2",
        "stix2patterns",
        "tldextract",
        "scipy",
        "networkit",
    }
    heavy |= {"w3lib", "xlsxwriter", "anywidget", "duckdb", "mcp", "pydantic"}
    assert heavy.isdisjoint(loaded)


def test_the_help_needs_only_the_command_line_library() -> None:
    loaded = json.loads(
        run(
            "import graphbuild.cli.main, sys, json;"
            "print(json.dumps(sorted(name.split('.')[0] for name in sys.modules)))"
        )
    )
    assert {"pyvis", "pandas", "IPython", "networkx", "requests", "numpy"}.isdisjoint(loaded)
    assert {"mcp", "pydantic"}.isdisjoint(loaded)


def test_importing_the_package_takes_at_most_one_and_a_half_times_as_long_as_networkx() -> None:
    def cpu_seconds(module: str) -> float:
        return float(
            run(
                "import time; t = time.process_time();"
                f"import {module}; print(time.process_time() - t)"
            )
        )

    # Alternate, so that other load on the machine affects both.
    pairs = [(cpu_seconds("graphbuild"), cpu_seconds("networkx")) for _ in range(5)]
    ours, theirs = map(min, zip(*pairs, strict=True))
    assert ours <= 1.5 * theirs, f"{ours:.3f} s of CPU against {theirs:.3f} s"

"""Read the results of mutmut: each change, its location, and whether a test detected it."""

from __future__ import annotations

import ast
import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# Exit codes of mutmut; all others mean that a test failed.
_SURVIVED, _UNREACHED, _TIMED_OUT = 0, (5, 33), (-24, 24, 36, 152, 255)
_MARK = "__mutmut_"
_SEPARATOR = "ǁ"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change to the code.

    Attributes:
        name: the name in mutmut.
        location: file and line.
        change: the lines before and after.
        only_strings: whether it changes string literals only.
        exit_code: the exit code of its tests; None if they did not run.
    """

    name: str
    location: str
    change: str
    only_strings: bool
    exit_code: int | None

    @property
    def detected(self) -> bool:
        """Whether a test failed or did not end in time."""
        return self.exit_code not in {_SURVIVED, *_UNREACHED}

    @property
    def timed_out(self) -> bool:
        """Whether its tests did not end in time."""
        return self.exit_code in _TIMED_OUT


def list_mutants(folder: Path) -> list[str]:
    """Return the names of all changes except those of string literals only."""
    return sorted(each.name for each in _all(folder) if not each.only_strings)


def read_mutants(folder: Path, names: set[str]) -> list[Mutant]:
    """Return the results of the named changes.

    Raises:
        RuntimeError: some were not tested.
    """
    found = [each for each in _all(folder) if each.name in names]
    if not found or any(each.exit_code is None for each in found):
        raise RuntimeError(f"mutmut did not finish; see {folder / 'log'}")
    return found


def format_report(module: str, mutants: list[Mutant]) -> str:
    """Return a report of the undetected changes and the score."""
    missed = [each for each in mutants if not each.detected]
    lines = []
    for each in missed:
        reason = "survived" if each.exit_code == _SURVIVED else "covered by no test"
        lines += [f"{each.location}: {reason} ({each.name})", each.change]
    detected = len(mutants) - len(missed)
    timed_out = sum(each.timed_out for each in mutants)
    lines.append(
        f"{module}: {100 * detected / len(mutants):.1f} %: {detected} of {len(mutants)} changes"
        f" detected, {timed_out} of them by a timeout\n"
    )
    return "\n".join(lines)


def _all(folder: Path) -> Iterator[Mutant]:
    for path, codes in _codes(folder):
        yield from _mutants(folder, path, codes)


def _codes(folder: Path) -> Iterator[tuple[Path, dict[str, int | None]]]:
    """Yield each changed file with the exit codes of its changes."""
    for path in sorted((folder / "mutants").rglob("*.py.meta")):
        results = json.loads(path.read_text(encoding="utf-8"))
        yield path.with_suffix(""), results["exit_code_by_key"]


def _mutants(folder: Path, path: Path, codes: dict[str, int | None]) -> Iterator[Mutant]:
    source = path.read_text(encoding="utf-8")
    versions = {node.name: node for node in _functions(ast.parse(source))}
    lines = source.splitlines()
    where = path.relative_to(folder / "mutants")
    starts = _starts((folder / where).read_text(encoding="utf-8"))
    for name, code in codes.items():
        changed = name.rpartition(".")[2]
        function = changed.rpartition(_MARK)[0]
        before, after = versions[f"{function}{_MARK}orig"], versions[changed]
        offset, change = _diff(_text(before, lines), _text(after, lines))
        location = f"{where}:{starts[function] + offset}"
        only_strings = _without_strings(before) == _without_strings(after)
        yield Mutant(name, location, change, only_strings, code)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _starts(source: str) -> dict[str, int]:
    """Return the first line of each function by its name in mutmut."""
    starts = {}
    tree = ast.parse(source)
    for owner in ast.walk(tree):
        if isinstance(owner, ast.Module | ast.ClassDef):
            inner = (
                f"x{_SEPARATOR}{owner.name}{_SEPARATOR}"
                if isinstance(owner, ast.ClassDef)
                else "x_"
            )
            for node in owner.body:
                if isinstance(node, ast.FunctionDef):
                    starts[inner + node.name] = node.lineno
    return starts


def _text(function: ast.FunctionDef, lines: list[str]) -> list[str]:
    text = lines[function.lineno - 1 : function.end_lineno]
    return [line.replace(function.name, function.name.partition(_MARK)[0]) for line in text]


def _diff(before: list[str], after: list[str]) -> tuple[int, str]:
    """Return the offset of the first changed line, and the changed lines."""
    pairs = enumerate(zip(before, after, strict=False))
    offset = next((number for number, (old, new) in pairs if old != new), 0)
    return offset, "\n".join(_changed(difflib.ndiff(before, after)))


def _changed(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line[0]} {line[1:].strip()}" for line in lines if line[0] in "-+")


def _without_strings(function: ast.FunctionDef) -> str:
    """Return a dump of the function without its name and with empty string literals."""
    for node in ast.walk(function):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    body = ast.dump(ast.Module(function.body, []))
    return ast.dump(function.args) + body
